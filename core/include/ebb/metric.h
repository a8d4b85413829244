/* SPDX-License-Identifier: MIT
 *
 * Metrics: numbers and curves from draws, truths, references and data. Read-only; heavy work goes through host->parallel.
 *
 * A metric speaks either of the spec's observations (needs.sets 0) or of prior-predictive data sets (needs.sets > 0): parameters from the prior, data
 * simulated from them, draws of the posterior given each. Observations come a few at a time, data sets all at once, with the observations beside them
 * in `observed`. All metrics of a run share one batch of data sets; each sees the first sets and draws that it asked for, the same numbers as if it
 * had been alone. */
#ifndef EBB_METRIC_H
#define EBB_METRIC_H

#include <ebb/data.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBB_NEED_REFERENCE = 1, EBB_NEED_TRUTH = 2, EBB_NEED_SIMULATE = 4, EBB_NEED_PRIOR = 8, EBB_NEED_DENSITY = 16 };

typedef struct EbbMetricNeeds {
  uint32_t size, flags; /* EBB_NEED_...; references are of observations only */
  int64_t sets;         /* 0: the spec's observations; else that many prior-predictive data sets */
  int64_t draws;        /* of each; 0: the spec's. Of observations no more than the spec's */
} EbbMetricNeeds;

typedef struct EbbEvidence EbbEvidence;
struct EbbEvidence {
  uint32_t size;
  const EbbHost *host;
  EbbRng rng;
  int64_t sets, draws, dim, references, priors;
  const int64_t *set; /* [sets] the observation's or data set's number, counted from 1; random numbers are addressed by it, so that one alone gives
                         the bits it has among others */
  const char *const *name;             /* [dim] parameters */
  const EbbData *data;                 /* [sets] rows */
  const float *theta;                  /* [sets][draws][dim] user's space; NaN rows failed. A mapped file: may be larger than memory */
  const float *truth;                  /* [sets][dim], NaN where unknown; NULL: none */
  const float *reference;              /* [sets][references][dim]; NULL: none */
  const float *prior;                  /* [priors][dim]; NULL: none */
  const double *log_q;                 /* [sets][draws] NaN where it failed; NULL: none */
  const double *log_q_truth;           /* [sets]; NULL: none */
  const double *evaluations, *seconds; /* [sets] field evaluations a draw; wall time */
  /* [main] theta [rows][dim] through the simulator, with new random numbers at each call. out: the layout of `data`, value [rows][numbers] from you;
   * failed [rows]: 1 where there is no data */
  EbbStatus (*simulate)(const EbbEvidence *, int64_t rows, const float *theta, EbbData *out, uint8_t *failed);
  const double *lower, *upper; /* [dim] the parameters' support; -INFINITY, INFINITY where none */
  const EbbEvidence *observed; /* with data sets: the spec's observations, their data, truths and draws; NULL: this is of them */
};

/* Where results go. set: place among the observations given (or in `observed`), counted from 0; -1: over all observations, or over the data sets.
 * parameter: counted from 0; -1: of all together. error: standard error, NaN if unknown. */
typedef struct EbbReport EbbReport;
struct EbbReport {
  uint32_t size;
  void *ctx;
  void (*value)(EbbReport *, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n, const char *note);
  void (*curve)(EbbReport *, const char *name, int64_t parameter, int64_t n, const double *x, const double *y, const double *low, const double *high);
};

typedef struct EbbMetricOps {
  uint32_t size;
  void (*needs)(const void *self, EbbMetricNeeds *);                        /* required [any] */
  EbbStatus (*compute)(const void *self, const EbbEvidence *, EbbReport *); /* required [main] */
} EbbMetricOps;

#ifdef __cplusplus
}
#endif
#endif
