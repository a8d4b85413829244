/* SPDX-License-Identifier: MIT
 *
 * Begins with another number. */
#include "sound.h"

static const EbbComponent component = SAMPLER("bad_magic", .ops = &sampler_ops);
static const EbbComponent *const components[] = {&component, NULL};
MODULE(0x12345678, EBB_ABI_MINOR, sizeof(EbbParam))
