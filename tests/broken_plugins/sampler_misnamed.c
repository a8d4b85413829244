/* SPDX-License-Identifier: MIT
 *
 * The file has another name than the component. */
#include "sound.h"

static const EbbComponent component = SAMPLER("well_named", .ops = &sampler_ops);
EBB_MODULE(&component)
