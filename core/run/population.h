/* SPDX-License-Identifier: MIT
 *
 * Many points that move under one density: the differential-evolution sampler (ter Braak 2006, doi 10.1007/s11222-006-8769-1) with half of the points
 * standing while the other half moves, which keeps every move a Metropolis step and lets all of a half move at once. A point's step is a multiple of
 * the difference of two others, so that steps have the density's own shape, whatever its scales; one step in ten is a whole difference, which leads
 * from one mode into another.
 *
 * Points stand in groups that share nothing but the step's length and the number of sweeps: what groups disagree about is error. The density is a
 * callback; points are in coordinates without bounds. Results do not depend on the number of threads. */
#ifndef EBB_RUN_POPULATION_H
#define EBB_RUN_POPULATION_H

#include "base/pool.h"
#include "num/random.h"

/* [worker] Logarithms of prior and likelihood at x [n][d]; -infinity where there is none, NaN counts as that. */
typedef EbbStatus (*LogTarget)(void *ctx, EbbWork *, int64_t n, const double *x, double *log_prior, double *log_likelihood);

typedef struct Population {
  Pool *pool;
  int64_t d, groups, members; /* members of a group: even, at least 4 */
  LogTarget target;
  void *ctx;
  EbbRng rng;
  uint64_t id;                                    /* member i of all draws its numbers at id + i */
  double *x, *log_prior, *log_likelihood;         /* [groups][members], and [d] */
  double scale, acceptance;                       /* of the step; share of the last sweep's steps that were taken */
  int64_t evaluations;                            /* of the target */
  uint32_t sweeps, resamplings;                   /* so far: they address random numbers */
  double *other, *other_prior, *other_likelihood; /* spare, the same sizes */
  uint8_t *taken;
  int64_t *ancestor;
} Population;

/* Memory for the points, which the caller then fills in, and first values of all else but pool, target, ctx, rng and id. */
void population_new(Arena *, int64_t d, int64_t groups, int64_t members, Population *);
int64_t population_size(const Population *);
/* The target at all points. EBB_E_NUMERIC where it is +infinity. */
EbbStatus population_evaluate(Population *);
/* Each group anew from its own members with these weights, log_weight [groups][members], by systematic resampling, order kept: copies of one member
 * stand side by side. */
EbbStatus population_resample(Population *, const double *log_weight);
/* One sweep under prior x likelihood^temperature: every point moves or stays, once. Adapts the step's length. */
EbbStatus population_sweep(Population *, double temperature);

/* Sweeps until points have forgotten where they stood at the call, at least `least` and at most `most`. Forgotten: in each coordinate the
 * correlation of new and old is below `correlation`, or has stopped to fall, since points of separate modes keep their mode. */
EbbStatus population_move(Population *, double temperature, int64_t least, int64_t most, double correlation);

#endif
