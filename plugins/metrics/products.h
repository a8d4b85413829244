/* SPDX-License-Identifier: MIT
 *
 * A data-dependent test quantity that needs no density. Ranks of parameters alone cannot tell the prior from the posterior; a product of a parameter
 * and a number in the data can (Modrak et al. 2025, 2211.02383, who recommend the likelihood where there is one):
 *
 *     f(theta, y) = sum_k c_k (theta_k - m_k) / s_k q_k(y)
 *
 * q_k is the number of the data that follows parameter k most closely, as its rank among the sets scaled to [-1, 1], and c_k their rank correlation.
 * Number, correlation, m_k and s_k come from the truths of the other half of the sets: a set's own truth must not choose what it is judged by. */
#ifndef EBB_PLUGINS_PRODUCTS_H
#define EBB_PLUGINS_PRODUCTS_H

#include <stdbool.h>

#include "ranks.h"

/* Numbers that speak for a row: all of them, or each channel's mean over the members that are present. */
static inline int64_t features_of(const EbbData *data) {
  if (data == NULL || data->value == NULL) return 0;
  return data->count != NULL ? data->layout.width : ebb_layout_numbers(&data->layout);
}

/* NaN where missing. */
static inline double feature_of(const EbbData *data, int64_t row, int64_t j) {
  int64_t numbers = ebb_layout_numbers(&data->layout), members = data->count != NULL ? data->count[row] : 1;
  double sum = 0;
  for (int64_t m = 0; m < members; m++) {
    int64_t at = row * numbers + m * data->layout.width + j;
    if (data->token != NULL && data->token[at] != 0) return (double)NAN;
    sum += (double)data->value[at];
  }
  return sum / (double)members;
}

/* x [n] becomes (#below - #above) / n of each; scratch [n]. False if any is NaN or all are the same. */
static inline bool centred_ranks(int64_t n, double *x, double *scratch) {
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) return false;
    scratch[i] = x[i];
  }
  sort_doubles(n, scratch);
  if (scratch[0] == scratch[n - 1]) return false;
  for (int64_t i = 0; i < n; i++) {
    int64_t below = 0, end = n; /* first place that is not below, first that is above */
    for (int64_t high = n; below < high;) {
      int64_t middle = (below + high) / 2;
      if (scratch[middle] < x[i])
        below = middle + 1;
      else
        high = middle;
    }
    for (int64_t low = below; low < end;) {
      int64_t middle = (low + end) / 2;
      if (scratch[middle] > x[i])
        end = middle;
      else
        low = middle + 1;
    }
    x[i] = (double)(below - (n - end)) / (double)n;
  }
  return true;
}

/* Correlation of a and b over every second number, from `first` on. */
static inline double half_correlation(int64_t n, int64_t first, const double *a, const double *b) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t i = first; i < n; i += 2) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* slope [dim][n]: f = sum_k slope_k theta_k of each set used, but for a constant, which moves no rank. q [features][n] as ranks, scratch [2 n]. */
static inline void product_slopes(const EbbEvidence *e, const Used *used, int64_t features, const double *q, double *scratch, double *slope) {
  int64_t n = used->n;
  for (int64_t k = 0; k < e->dim; k++) {
    double *truth = scratch;
    for (int64_t half = 0; half < 2; half++) {
      int64_t other = 0;
      for (int64_t i = 1 - half; i < n; i += 2) truth[other++] = (double)e->truth[used->set[i] * e->dim + k];
      double sd = moments(other, truth).sd, best = 0;
      for (int64_t i = 0; i < n; i++) truth[i] = (double)e->truth[used->set[i] * e->dim + k];
      int64_t most = -1;
      if (sd > 0 && centred_ranks(n, truth, scratch + n))
        for (int64_t j = 0; j < features; j++) {
          double c = half_correlation(n, 1 - half, truth, q + j * n);
          if (fabs(c) > fabs(best)) best = c, most = j;
        }
      for (int64_t i = half; i < n; i += 2) slope[k * n + i] = most >= 0 ? best / sd * q[most * n + i] : 0;
    }
  }
}

static inline double product_at(const float *theta, int64_t dim, int64_t n, const double *slope) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) sum += slope[k * n] * (double)theta[k];
  return sum;
}

/* Places of the quantity's truth among its draws: out [used->n]. use: of tie_of. *found: some number of the data could serve. */
static inline EbbStatus product_places(const EbbEvidence *e, const Used *used, int64_t use, double *out, bool *found) {
  int64_t n = used->n, most = features_of(e->data), features = 0;
  double *memory = malloc((size_t)((most + e->dim + 2) * n + e->draws) * sizeof *memory);
  if (memory == NULL) return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld numbers of %lld data sets", (long long)most, (long long)n);
  double *q = memory, *slope = q + most * n, *scratch = slope + e->dim * n, *value = scratch + 2 * n;
  for (int64_t j = 0; j < most; j++) {
    double *column = q + features * n;
    for (int64_t i = 0; i < n; i++) column[i] = feature_of(e->data, used->set[i], j);
    features += centred_ranks(n, column, scratch);
  }
  *found = features > 0;
  if (*found) product_slopes(e, used, features, q, scratch, slope);
  for (int64_t i = 0; i < n && *found; i++) {
    int64_t set = used->set[i];
    for (int64_t d = 0; d < e->draws; d++)
      value[d] = used->good[set * e->draws + d] ? product_at(draw_of(e, set, d), e->dim, n, slope + i) : (double)NAN;
    out[i] = place_among(e->draws, value, product_at(e->truth + set * e->dim, e->dim, n, slope + i), tie_of(e, set, use));
  }
  free(memory);
  return EBB_OK;
}

#endif
