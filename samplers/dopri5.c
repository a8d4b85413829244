/* SPDX-License-Identifier: MIT
 *
 * Dormand & Prince 1980, "A family of embedded Runge-Kutta formulae", table 2: the pair 5(4)7M, adaptive for each row. The stepping is that of
 * embedded_pair.h. */
#include "embedded_pair.h"

static const Pair dopri5_pair = {
    .c = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
    .a = {{0},
          {1.0 / 5},
          {3.0 / 40, 9.0 / 40},
          {44.0 / 45, -56.0 / 15, 32.0 / 9},
          {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
          {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
          {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0}},
    .e = {35.0 / 384 - 5179.0 / 57600, 0, 500.0 / 1113 - 7571.0 / 16695, 125.0 / 192 - 393.0 / 640, -2187.0 / 6784 + 92097.0 / 339200,
          11.0 / 84 - 187.0 / 2100, -1.0 / 40},
};

static EbbStatus dopri5_advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state, (void)work;
  return pair_advance(&dopri5_pair, self, plan, r);
}

static const EbbSamplerOps dopri5_ops = {
    .size = sizeof(EbbSamplerOps), .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = pair_steps, .prepare = pair_prepare, .advance = dopri5_advance};
static const EbbComponent dopri5 = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "dopri5",
    .summary = "Dormand-Prince pair, each row with its own steps, gives densities; order 5; 6 evaluations a step; deterministic",
    .version = "1.0",
    .reference = "Dormand & Prince 1980, table 2",
    .config_size = sizeof(PairConfig),
    .params = pair_params,
    .ops = &dopri5_ops,
};
EBB_MODULE(&dopri5)
