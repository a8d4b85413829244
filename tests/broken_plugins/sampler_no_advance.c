/* SPDX-License-Identifier: MIT
 *
 * A required slot is missing. */
#include "sound.h"

static const EbbSamplerOps half_ops = {.size = sizeof half_ops, .accepts = EBB_MEAN, .steps = steps};
static const EbbComponent component = SAMPLER("no_advance", .ops = &half_ops);
EBB_MODULE(&component)
