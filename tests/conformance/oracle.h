/* SPDX-License-Identifier: MIT
 *
 * Exact fields in place of a network, and a small host that drives a sampler over a grid of noise levels as the real one does: start, questions,
 * answers, counters, rows with private state, rows that end early. Written for tests, independently of core/run. */
#ifndef EBB_TESTS_ORACLE_H
#define EBB_TESTS_ORACLE_H

#include <ebb/sampler.h>

#include "base/pool.h"
#include "suite.h"

enum { ORACLE_DIM = 4 };

/* Mixture of n Gaussians with diagonal covariances; n = 1 is G(m, S). */
typedef struct Oracle {
  EbbField field; /* first: passed as the field */
  int64_t n, dim;
  double weight[2], mean[2][ORACLE_DIM], sd[2][ORACLE_DIM];
} Oracle;
void oracle_gaussian(Oracle *, int64_t dim, const double *mean, const double *sd);
void oracle_m1(Oracle *); /* one dimension: weights .3, .7, means -1, .8, sds .4, .25 */
void oracle_moments(const Oracle *, int64_t j, double *mean, double *sd);
double oracle_cdf(const Oracle *, const EbbLevel *, double z);      /* of z at the level; one dimension */
double oracle_quantile(const Oracle *, const EbbLevel *, double p); /* its inverse */

/* n + 1 levels from u_max to u_min, evenly in lambda or, if `in_time`, in the schedule's time. `state`: level n is the last of the grid; else the
 * grid has n levels and level n is the end, sigma 0, alpha 1. u 0: the schedule's own end. */
typedef struct Grid {
  int64_t n;
  double u_min, u_max;
  bool in_time, state;
} Grid;
EbbLevel *oracle_levels(const EbbSchedule *, const Grid *);

/* One run of a sampler. Row i has id 1 << 32 | i, so that a row's bits may depend on its id alone. */
typedef struct Drive {
  const EbbChild *sampler;
  const EbbSchedule *schedule;
  const EbbField *field;
  const EbbLevel *level;
  int64_t n;            /* of the grid */
  int64_t first, rows;  /* ids first, first + 1, ... */
  int64_t block;        /* rows at once; 0: all */
  Pool *pool;           /* blocks are its tasks; NULL: in turn */
  const EbbHost *noise; /* whose `normal` to use; NULL: the sampler's own host */
  double *z;            /* [rows][dim] in: starts; out: results */
  int64_t asked;        /* out: questions answered, of all rows */
  int64_t failed;       /* out: rows that failed or became not finite */
} Drive;
EbbStatus oracle_drive(Drive *);
/* z[rows][dim] ~ N(alpha mean, alpha^2 sd^2 + sigma^2): the moment-matched start. */
void oracle_start(const Oracle *, const EbbHost *, const EbbLevel *, int64_t first, int64_t rows, double *z);

/* A sampler whose steps are linear in z and its noise, on a Gaussian of mean 0 in one dimension: answers of z = 1 without noise, and of z = 0 with
 * noise 1 at the k-th question alone. The result's variance is start^2 v + sum of squares of the rest: exact, without drawing. */
double oracle_linear_variance(const EbbChild *sampler, const EbbSchedule *, const EbbField *, const EbbLevel *, int64_t n, double start_variance);

#endif
