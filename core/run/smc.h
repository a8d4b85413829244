/* SPDX-License-Identifier: MIT
 *
 * Tempered sequential Monte Carlo (Del Moral, Doucet, Jasra 2006, doi 10.1111/j.1467-9868.2006.00553.x): a population drawn from the prior is carried
 * to the posterior through prior x likelihood^t, t from 0 to 1, each t as far as half of the effective points last; weighing, resampling, moves
 * (population.h). Modes get their weights from the prior's draws and need not be found by chains, and the mean weights multiply to the evidence.
 *
 * The groups are independent runs: their spread gives the evidence's error, and they are the chains of R-hat and ESS. */
#ifndef EBB_RUN_SMC_H
#define EBB_RUN_SMC_H

#include "run/convergence.h"
#include "run/population.h"

/* [main] How far: share of the work in (0, 1), temperature, share of steps taken. May be called often. */
typedef void (*SmcTell)(void *ctx, double share, double temperature, double acceptance);

typedef struct SmcFacts {
  int64_t temperatures, sweeps; /* steps from prior to posterior; sweeps after the last */
  double log_evidence, error;   /* natural logarithm; standard error from the groups' spread, NaN for one group */
  double acceptance;            /* at temperature 1, mean over sweeps */
  Convergence convergence;      /* the worst coordinate of all draws */
} SmcFacts;

/* The population at the posterior, from members drawn from the prior (already evaluated). EBB_E_NUMERIC where no member has a likelihood. Fills in
 * the evidence and what leads to it. */
EbbStatus smc_temper(Population *, SmcTell, void *ctx, SmcFacts *);

/* Sweeps at temperature 1 until the members, in order, are worth half their number of independent draws, or that gets no better; then `rounds`
 * records to draws [groups][members][rounds][d], between which the members have forgotten where they stood. Fills in the rest. */
EbbStatus smc_draw(Population *, int64_t rounds, double *draws, SmcTell, void *ctx, SmcFacts *);

#endif
