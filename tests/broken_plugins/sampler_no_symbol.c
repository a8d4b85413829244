/* SPDX-License-Identifier: MIT
 *
 * Exports nothing at all. */
#include "sound.h"

static const EbbComponent component = SAMPLER("no_symbol", .ops = &sampler_ops);
EBB_EXPORT const EbbComponent *another(void);
const EbbComponent *another(void) { return &component; }
