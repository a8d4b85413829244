/* SPDX-License-Identifier: MIT
 *
 * Writes where nothing is, in create. */
#include "sound.h"

static void *volatile nowhere = (void *)64;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  (void)host, (void)config, (void)self;
  *(volatile int *)nowhere = 1;
  return EBB_OK;
}
static const EbbComponent component = SAMPLER("crash", .ops = &sampler_ops, .create = create);
EBB_MODULE(&component)
