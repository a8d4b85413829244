/* SPDX-License-Identifier: MIT
 *
 * A set's draws and its reference as a classifier's data: the reference's rows, then those of the draws that did not fail, in standard deviations
 * from the reference's mean. */
#ifndef EBB_METRICS_SCALED_H
#define EBB_METRICS_SCALED_H

#include "pair.h"

/* Farther out nothing changes for a classifier, and squares of gradients stay float32. */
static const double FARTHEST = 1e6;

typedef struct Scaled {
  Pair pair;
  int64_t rows, kept; /* parameters that are not the same constant in both */
  int64_t apart;      /* a parameter that is one constant here and another there; -1: none */
  float *x, *sign;    /* [rows][kept + 1], each ending in a one; [rows] -1 reference, 1 draw */
} Scaled;

typedef struct Spread {
  double mean, sd, low, high;
  int64_t n;
} Spread;

/* Of column j of the finite rows. */
static inline Spread spread(int64_t rows, int64_t dim, int64_t j, const float *theta) {
  Spread s = {.low = INFINITY, .high = -INFINITY};
  double sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) {
    if (!row_is_finite(dim, theta + i * dim)) continue;
    double x = (double)theta[i * dim + j];
    s.low = fmin(s.low, x);
    s.high = fmax(s.high, x);
    sum += x;
    s.n++;
  }
  s.mean = s.n > 0 ? sum / (double)s.n : 0;
  for (int64_t i = 0; i < rows; i++)
    if (row_is_finite(dim, theta + i * dim)) square += pow((double)theta[i * dim + j] - s.mean, 2);
  s.sd = s.n > 0 ? sqrt(square / (double)s.n) : 0;
  return s;
}

/* Column `column` of x from parameter j. */
static inline void scale_column(const EbbEvidence *e, Scaled *s, int64_t j, int64_t column, double mean, double scale) {
  float *x = s->x + column;
  for (int64_t r = 0; r < e->references + e->draws; r++) {
    const float *row = r < e->references ? s->pair.reference + r * e->dim : s->pair.draws + (r - e->references) * e->dim;
    if (!row_is_finite(e->dim, row)) continue;
    *x = (float)fmax(-FARTHEST, fmin(FARTHEST, ((double)row[j] - mean) / scale));
    x += s->kept + 1;
  }
}

/* Needs `folds` rows of either. A constant of the reference has no sd: the same constant in the draws is left out, another parts the sets, and draws
 * that vary around it are measured in their own distance from it. */
static inline EbbStatus scale_set(const EbbEvidence *e, int64_t set, int64_t folds, Scaled *s) {
  char why[64];
  *s = (Scaled){.apart = -1};
  snprintf(why, sizeof why, "for %lld folds; ask for more draws or fewer folds", (long long)folds);
  EbbStatus status = pair_take(e, set, folds, why, &s->pair);
  double *mean = calloc((size_t)(2 * e->dim), sizeof *mean), *scale = mean + e->dim;
  if (status == EBB_OK && mean == NULL) status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld parameters", (long long)e->dim);
  for (int64_t j = 0; j < e->dim && status == EBB_OK; j++) {
    Spread ref = spread(e->references, e->dim, j, s->pair.reference), own = spread(e->draws, e->dim, j, s->pair.draws);
    mean[j] = ref.mean;
    scale[j] = ref.sd;
    if (ref.low == ref.high) {
      mean[j] = ref.low;
      scale[j] = hypot(own.sd, own.mean - ref.low);
      if (own.low == own.high) scale[j] = 0;
      if (own.low == own.high && own.low != ref.low) s->apart = j;
    }
    s->kept += scale[j] > 0;
  }
  if (status == EBB_OK) {
    s->rows = e->references + s->pair.good;
    s->x = calloc((size_t)(s->rows * (s->kept + 1)), sizeof *s->x);
    s->sign = calloc((size_t)s->rows, sizeof *s->sign);
    if (s->x == NULL || s->sign == NULL) status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld rows", (long long)s->rows);
  }
  if (status == EBB_OK) {
    for (int64_t j = 0, column = 0; j < e->dim; j++)
      if (scale[j] > 0) scale_column(e, s, j, column++, mean[j], scale[j]);
    for (int64_t r = 0; r < s->rows; r++) {
      s->x[r * (s->kept + 1) + s->kept] = 1;
      s->sign[r] = r < e->references ? -1 : 1;
    }
  }
  free(mean);
  return status;
}

static inline void scaled_free(Scaled *s) {
  free(s->x);
  free(s->sign);
}

#endif
