/* SPDX-License-Identifier: MIT
 *
 * Flushes denormals in create and in destroy. */
#include "sound.h"

#include "flush.h"

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  (void)host, (void)config, (void)self;
  flush_denormals();
  return EBB_OK;
}
static void destroy(void *self) {
  (void)self;
  flush_denormals();
}
static const EbbComponent component = SAMPLER("flush_create", .ops = &sampler_ops, .create = create, .destroy = destroy);
EBB_MODULE(&component)
