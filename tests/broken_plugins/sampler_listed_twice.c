/* SPDX-License-Identifier: MIT
 *
 * One component, listed twice. */
#include "sound.h"

static const EbbComponent component = SAMPLER("listed_twice", .ops = &sampler_ops);
EBB_MODULE(&component, &component)
