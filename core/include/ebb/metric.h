/* SPDX-License-Identifier: MIT
 *
 * Metrics: numbers and curves from draws, truths, references and data. Read-only; heavy work goes through host->parallel. */
#ifndef EBB_METRIC_H
#define EBB_METRIC_H

#include <ebb/data.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBB_NEED_REFERENCE = 1, EBB_NEED_TRUTH = 2, EBB_NEED_SIMULATE = 4, EBB_NEED_PRIOR = 8, EBB_NEED_DENSITY = 16 };

typedef struct EbbMetricNeeds {
  uint32_t size, flags; /* EBB_NEED_... above */
  int64_t sets;         /* 0: the spec's observations; else that many prior-predictive data sets, shared by the metrics: the largest wins */
  int64_t draws;        /* of each; 0: the spec's */
} EbbMetricNeeds;

typedef struct EbbEvidence EbbEvidence;
struct EbbEvidence {
  uint32_t size;
  const EbbHost *host;
  EbbRng rng;
  int64_t sets, draws, dim, references, priors;
  const int64_t *set; /* [sets] the observation's number, counted from 1; random numbers are addressed by it, so that one alone gives the bits it has
                         among others */
  const char *const *name;             /* [dim] parameters */
  const EbbData *data;                 /* [sets] rows */
  const float *theta;                  /* [sets][draws][dim] user's space; NaN rows failed */
  const float *truth;                  /* [sets][dim], NaN where unknown; NULL: none */
  const float *reference;              /* [sets][references][dim]; NULL: none */
  const float *prior;                  /* [priors][dim]; NULL: none */
  const double *log_q;                 /* [sets][draws]; NULL: none */
  const double *log_q_truth;           /* [sets] */
  const double *evaluations, *seconds; /* [sets] field evaluations a draw; wall time */
  /* [main] theta [rows][dim] through the simulator */
  EbbStatus (*simulate)(const EbbEvidence *, int64_t rows, const float *theta, EbbData *out, uint8_t *failed);
};

/* Where results go. set and parameter are counted from 0; -1: over all. error: standard error, NaN if unknown. */
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
