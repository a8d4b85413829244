/* SPDX-License-Identifier: MIT
 *
 * Entropic optimal transport between the noise and the data rows of a batch: the weight of conditions, the plan, draws from it. M is the cost between
 * noise i and data row j, C the distance between their conditions, both [n][n] like the plan.
 *
 * Sinkhorn on potentials f, g (Schmitzer 2019, 1610.06519, algorithm 2, at one regularisation e): P_ij = a_i exp((f_i + g_j - cost_ij) / e) b_j with
 * rows and columns of sum 1/n; a and b are absorbed into f and g before they grow, so that nothing over- or underflows that matters. */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { TRANSPORT_SAMPLE = 1021, TRANSPORT_DOUBLINGS = 10, TRANSPORT_HALVINGS = 10, TRANSPORT_ITERATIONS = 100, TRANSPORT_ABSORB = 10 };

static inline double transport_share_as_good(int64_t n, const double *M, const double *C, double w) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) count += M[i * n + j] + w * C[i * n + j] <= M[i * n + i];
  return (double)count / (double)(n * n);
}

/* w such that the share of entries with M_ij + w C_ij <= M_ii is `ratio` within .001. The share falls with w, to 1/n and what has C = 0. */
static inline double transport_find_weight(int64_t n, const double *M, const double *C, double ratio) {
  double low = 0, high = 1, share = transport_share_as_good(n, M, C, 0);
  if (share <= ratio + 1e-3) return 0;
  for (int k = 0; k < TRANSPORT_DOUBLINGS && transport_share_as_good(n, M, C, high) > ratio; k++) {
    low = high;
    high *= 2;
  }
  double w = high;
  for (int k = 0; k < TRANSPORT_HALVINGS && fabs(share - ratio) > 1e-3; k++) {
    w = 0.5 * (low + high);
    share = transport_share_as_good(n, M, C, w);
    *(share > ratio ? &low : &high) = w;
  }
  return w;
}

static inline int transport_ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of 1,021 entries spread over M. */
static inline double transport_median(int64_t n, const double *M) {
  double sample[TRANSPORT_SAMPLE];
  for (int64_t k = 0; k < TRANSPORT_SAMPLE; k++) sample[k] = M[k * n * n / TRANSPORT_SAMPLE];
  qsort(sample, TRANSPORT_SAMPLE, sizeof *sample, transport_ascending);
  return sample[TRANSPORT_SAMPLE / 2];
}

/* 1 if the plan is finite. work [5][n]. Potentials begin where every row and column holds an entry exp(0). */
static inline int transport_sinkhorn(int64_t n, double e, const double *cost, double *plan, double *work) {
  double *f = work, *g = f + n, *a = g + n, *b = a + n, *sum = b + n, error = 1;
  for (int64_t i = 0; i < n; i++) {
    f[i] = INFINITY;
    for (int64_t j = 0; j < n; j++) f[i] = fmin(f[i], cost[i * n + j]);
  }
  for (int64_t j = 0; j < n; j++) {
    g[j] = INFINITY;
    for (int64_t i = 0; i < n; i++) g[j] = fmin(g[j], cost[i * n + j] - f[i]);
  }
  for (int k = 0; k < TRANSPORT_ITERATIONS && error > 1e-5; k++) {
    if (k % TRANSPORT_ABSORB == 0)
      for (int64_t i = 0; i < n; i++) {
        if (k > 0) f[i] += e * log(a[i]);
        if (k > 0) g[i] += e * log(b[i]);
        a[i] = b[i] = 1;
      }
    for (int64_t i = 0; i < n * n && k % TRANSPORT_ABSORB == 0; i++) plan[i] = exp((f[i / n] + g[i % n] - cost[i]) / e);
    error = 0;
    for (int64_t i = 0; i < n; i++) {
      double row = 0;
      for (int64_t j = 0; j < n; j++) row += plan[i * n + j] * b[j];
      if (k > 0) error += fabs(a[i] * row - 1 / (double)n); /* of the columns' last step */
      a[i] = 1 / ((double)n * row);
    }
    if (k == 0) error = 1;
    for (int64_t j = 0; j < n; j++) sum[j] = 0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) sum[j] += a[i] * plan[i * n + j];
    for (int64_t j = 0; j < n; j++) b[j] = 1 / ((double)n * sum[j]);
  }
  for (int64_t i = 0; i < n * n; i++) plan[i] *= a[i / n] * b[i % n];
  return isfinite(error);
}

/* The data row at which the running sum of row i's plan passes u of its total, among those not yet taken; the last such one where all is 0. */
static inline int32_t transport_pick(int64_t n, const double *row, const uint8_t *taken, double u) {
  double total = 0, sum = 0;
  int32_t last = 0;
  for (int64_t j = 0; j < n; j++) total += taken[j] ? 0 : row[j];
  for (int32_t j = 0; j < n; j++) {
    if (taken[j]) continue;
    last = j;
    sum += row[j];
    if (sum > u * total) break;
  }
  return last;
}

#endif
