/* SPDX-License-Identifier: MIT
 *
 * Without fault; holds a second component, sampler/second, which sampler_second.so holds too. */
#include "sound.h"

static const EbbComponent first = SAMPLER("first", .ops = &sampler_ops, .version = "first");
static const EbbComponent second = SAMPLER("second", .ops = &sampler_ops, .version = "first");
EBB_MODULE(&first, &second)
