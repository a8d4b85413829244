/* SPDX-License-Identifier: MIT
 *
 * Calls what is nowhere, in destroy only, so that a lazy binding would tell at the very end of a run. */
#include "sound.h"

void nowhere_to_be_found(void);
static void destroy(void *self) {
  (void)self;
  nowhere_to_be_found();
}
static const EbbComponent component = SAMPLER("unresolved", .ops = &sampler_ops, .destroy = destroy);
EBB_MODULE(&component)
