/* SPDX-License-Identifier: MIT
 *
 * Its table of operations ends early. */
#include "sound.h"

static const EbbSamplerOps short_ops = {.size = sizeof short_ops - 8, .accepts = EBB_MEAN, .steps = steps, .advance = advance};
static const EbbComponent component = SAMPLER("other_ops", .ops = &short_ops);
EBB_MODULE(&component)
