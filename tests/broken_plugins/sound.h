/* SPDX-License-Identifier: MIT
 *
 * A sampler without fault, as small as can be, to be broken in one place by each file of this folder. */
#ifndef EBB_TESTS_SOUND_H
#define EBB_TESTS_SOUND_H

#include <ebb/ebb.h>

#define SAMPLER(name, ...)                                                                                                                           \
  { .size = sizeof(EbbComponent), .kind = EBB_SAMPLER, .id = name, .summary = "broken on purpose", __VA_ARGS__ }

/* What EBB_MODULE writes, with the members that a file changes as arguments. */
#define MODULE(number, minor, parameter)                                                                                                             \
  EBB_EXPORT const EbbModule ebb_module;                                                                                                             \
  const EbbModule ebb_module = {.magic = number,                                                                                                     \
                                .abi_major = EBB_ABI_MAJOR,                                                                                          \
                                .abi_minor = minor,                                                                                                  \
                                .size = sizeof(EbbModule),                                                                                           \
                                .host_size = sizeof(EbbHost),                                                                                        \
                                .component_size = sizeof(EbbComponent),                                                                              \
                                .param_size = parameter,                                                                                             \
                                .build = __VERSION__,                                                                                                \
                                .components = components};

static inline int64_t steps(const void *self) {
  (void)self;
  return 1;
}

static inline EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state, (void)plan, (void)work;
  for (int64_t i = 0; i < r->rows; i++) ebb_ask(r, i, EBB_DONE);
  return EBB_OK;
}

__attribute__((unused)) static const EbbSamplerOps sampler_ops = {
    .size = sizeof sampler_ops, .accepts = EBB_MEAN, .steps = steps, .advance = advance};

#endif
