/* SPDX-License-Identifier: MIT
 *
 * A simulator without fault of one number from one parameter; the file that includes it defines `answer`. */
#ifndef EBB_TESTS_SOUND_SIMULATOR_H
#define EBB_TESTS_SOUND_SIMULATOR_H

#include <ebb/simulator.h>

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  static const EbbParameter theta = {.name = "theta", .p = {0, 1}, .family = EBB_PRIOR_UNIFORM, .upper = 1};
  const EbbLayout one = {.size = sizeof one, .kind = EBB_VECTOR, .n = 1, .width = 1};
  *out = (EbbModelInfo){.size = sizeof *out, .theta = one, .data = one, .parameter = &theta};
  return EBB_OK;
}

/* Each file says what it is. */
static double answer(double theta);

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)self, (void)work, (void)rng, (void)id, (void)failed;
  for (int64_t i = 0; i < rows; i++) out->value[i] = (float)answer(theta[i]);
  return EBB_OK;
}

static const EbbSimulatorOps simulator_ops = {.size = sizeof simulator_ops, .describe = describe, .simulate = simulate};

#endif
