/* SPDX-License-Identifier: MIT
 *
 * Says the same ABI but saw a smaller struct of parameters. */
#include "sound.h"

static const EbbComponent component = SAMPLER("other_size", .ops = &sampler_ops);
static const EbbComponent *const components[] = {&component, NULL};
MODULE(EBB_MAGIC, EBB_ABI_MINOR, sizeof(EbbParam) - 8)
