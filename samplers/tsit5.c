/* SPDX-License-Identifier: MIT
 *
 * Tsitouras 2011, "Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption", table 1, adaptive for each row: a
 * smaller error than Dormand and Prince's at the same work. The stepping is that of embedded_pair.h. */
#include "embedded_pair.h"

static const Pair tsit5_pair = {
    .c = {0, .161, .327, .9, .9800255409045097, 1, 1},
    .a = {{0},
          {.161},
          {-.008480655492356989, .335480655492357},
          {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
          {5.325864828439257, -11.748883564062828, 7.4955393428898365, -.09249506636175525},
          {5.86145544294642, -12.92096931784711, 8.159367898576159, -.071584973281401, -.028269050394068383},
          {.09646076681806523, .01, .4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774, 0}},
    .e = {.00178001105222577714, .0008164344596567469, -.007880878010261995, .1447110071732629, -.5823571654525552, .45808210592918697, -1.0 / 66},
};

static EbbStatus tsit5_advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state, (void)work;
  return pair_advance(&tsit5_pair, self, plan, r);
}

static const EbbSamplerOps tsit5_ops = {
    .size = sizeof(EbbSamplerOps), .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = pair_steps, .prepare = pair_prepare, .advance = tsit5_advance};
static const EbbComponent tsit5 = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "tsit5",
    .summary = "Tsitouras' pair, each row with its own steps, gives densities; order 5; 6 evaluations a step; deterministic",
    .version = "1.0",
    .reference = "Tsitouras 2011, table 1",
    .config_size = sizeof(PairConfig),
    .params = pair_params,
    .ops = &tsit5_ops,
};
EBB_MODULE(&tsit5)
