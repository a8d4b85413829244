/* SPDX-License-Identifier: MIT
 *
 * Evidence over many data sets whose exact posterior is known, and a posterior that departs from it on purpose. Each parameter has a number of data
 * of its own:
 *
 *     theta_k ~ N(0, 1),  y_k ~ N(theta_k, v),  theta_k | y ~ N(y_k / (1 + v), v / (1 + v)),  contraction 1 / (1 + v)
 */
#ifndef EBB_TESTS_BATCH_H
#define EBB_TESTS_BATCH_H

#include <ebb/metric.h>

#include "suite.h"

typedef struct Law {
  int64_t sets, draws, dim;
  int64_t priors; /* draws of the prior beside them */
  double v;
  double sd, bias; /* of the draws: the exact sd times this (0: 1), the exact mean and this many exact sds */
  bool prior;      /* draws of the prior instead */
  bool steps;      /* parameters rounded to whole numbers: ties */
  uint64_t seed;
} Law;

typedef struct Batch {
  Law law;
  EbbData numbers;
  EbbEvidence e; /* first set is number 1; densities are those of the draws' own law */
  float *theta, *truth, *data, *prior;
  double *log_q, *log_q_truth;
} Batch;

Batch *batch_new(Law);
void batch_free(Batch *);

/* What a metric said. */
typedef struct Said {
  char metric[32], note[256];
  int64_t set, parameter, n;
  double value, error;
} Said;

typedef struct Curve {
  char name[32];
  int64_t parameter, n;
  double x[128], y[128], low[128], high[128];
} Curve;

typedef struct Answers {
  EbbReport table; /* first: passed as the report */
  int64_t n, curves;
  Said said[256];
  Curve curve[64];
} Answers;

/* The metric of "{use: sbc, ...}" on a batch; the answers are the suite's and stay valid until the next call. */
EbbStatus batch_try(const char *yaml, const Batch *, const Answers **);
const Answers *batch_ask(const char *yaml, const Batch *);
/* NULL where it said no such thing. */
const Said *said(const Answers *, const char *metric, int64_t set, int64_t parameter);
double value_of(const Answers *, const char *metric, int64_t parameter); /* over all sets; NaN: not said */
const Curve *curve_of(const Answers *, const char *name, int64_t parameter);

#endif
