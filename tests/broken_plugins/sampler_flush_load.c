/* SPDX-License-Identifier: MIT
 *
 * Flushes denormals when it is loaded. */
#include "sound.h"

#include "flush.h"

__attribute__((constructor)) static void when_loaded(void) { flush_denormals(); }
static const EbbComponent component = SAMPLER("flush_load", .ops = &sampler_ops);
EBB_MODULE(&component)
