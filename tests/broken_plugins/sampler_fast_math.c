/* SPDX-License-Identifier: MIT
 *
 * Without fault, but compiled and linked with -ffast-math: gcc before 13 adds a constructor that flushes denormals. */
#include "sound.h"

static const EbbComponent component = SAMPLER("fast_math", .ops = &sampler_ops);
EBB_MODULE(&component)
