/* SPDX-License-Identifier: MIT
 *
 * Without fault; sampler_first.so holds the same component. */
#include "sound.h"

static const EbbComponent second = SAMPLER("second", .ops = &sampler_ops, .version = "second");
EBB_MODULE(&second)
