/* SPDX-License-Identifier: MIT
 *
 * A default that its own range refuses. */
#include "sound.h"

typedef struct Config {
  int64_t steps;
} Config;
static const EbbParam params[] = {EBB_INT(Config, steps, 0, 1, 100, "", "evaluations a draw"), EBB_END};
static const EbbComponent component = SAMPLER("bad_default", .ops = &sampler_ops, .config_size = sizeof(Config), .params = params);
EBB_MODULE(&component)
