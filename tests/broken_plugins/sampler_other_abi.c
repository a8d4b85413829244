/* SPDX-License-Identifier: MIT
 *
 * Built for a later ABI. */
#include "sound.h"

static const EbbComponent component = SAMPLER("other_abi", .ops = &sampler_ops);
static const EbbComponent *const components[] = {&component, NULL};
MODULE(EBB_MAGIC, EBB_ABI_MINOR + 1, sizeof(EbbParam))
