/* SPDX-License-Identifier: MIT */
#include "run/convergence.h"

#include <math.h>
#include <stdlib.h>

#include <ebb/normal.h>

typedef struct Place {
  double x;
  int64_t at;
} Place;

static int rising(const void *a, const void *b) {
  const Place *p = a, *q = b;
  return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->at > q->at) - (p->at < q->at);
}

/* z [n]: normal scores of the ranks of x, Blom's offset; equal numbers share the mean of their ranks. x is in place[].x. */
static void scores(int64_t n, Place *place, double *z) {
  qsort(place, (size_t)n, sizeof *place, rising);
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && place[end].x == place[i].x;) end++;
    double rank = 0.5 * (double)(i + 1 + end), score = ebb_normal_quantile((rank - 0.375) / ((double)n + 0.25));
    for (int64_t k = i; k < end; k++) z[place[k].at] = score;
  }
}

/* Mean within-chain variance W and the pooled estimate, of z [m][n]. */
static void variances(int64_t m, int64_t n, const double *z, double *mean, double *within, double *pooled) {
  double W = 0, B = 0, all = 0;
  for (int64_t c = 0; c < m; c++) {
    double sum = 0, square = 0;
    for (int64_t i = 0; i < n; i++) sum += z[c * n + i];
    mean[c] = sum / (double)n;
    for (int64_t i = 0; i < n; i++) square += (z[c * n + i] - mean[c]) * (z[c * n + i] - mean[c]);
    W += square / (double)(n - 1) / (double)m;
    all += mean[c] / (double)m;
  }
  for (int64_t c = 0; c < m; c++) B += (mean[c] - all) * (mean[c] - all) / (double)(m - 1);
  *within = W;
  *pooled = (double)(n - 1) / (double)n * W + B;
}

/* tau of z [m][n]: pairs of autocorrelations are summed while they are positive, each at most the one before. */
static double autocorrelation_time(int64_t m, int64_t n, const double *z, const double *mean, double within, double pooled) {
  double tau = -1, before = INFINITY;
  for (int64_t lag = 0; lag + 1 < n; lag += 2) {
    double pair = 0;
    for (int64_t l = lag; l < lag + 2; l++) {
      double sum = 0;
      for (int64_t c = 0; c < m; c++)
        for (int64_t i = 0; i + l < n; i++) sum += (z[c * n + i] - mean[c]) * (z[c * n + i + l] - mean[c]);
      double covariance = sum / (double)n / (double)m; /* biased, which Geyer's sequence needs */
      pair += l == 0 ? 1 : 1 - (within - covariance * (double)n / (double)(n - 1)) / pooled;
    }
    if (!(pair > 0)) break;
    before = fmin(before, pair);
    tau += 2 * before;
  }
  return fmax(tau, 1 / log10((double)(m * n))); /* antithetic chains: no more than that much better than independent draws */
}

EbbStatus convergence_of(int64_t chains, int64_t n, const double *x, int64_t stride, Convergence *out) {
  int64_t half = n / 2, m = 2 * chains, total = m * half;
  if (chains < 1 || half < 4) return fail(EBB_E_SHAPE, "convergence needs chains of at least 8 draws, found %lld", (long long)n);
  Place *place = malloc((size_t)total * sizeof *place);
  double *room = malloc((size_t)(total * 2 + m) * sizeof *room), *z = room, *kept = room + total, *mean = room + 2 * total;
  if (place == NULL || room == NULL) {
    free(place);
    free(room);
    return fail(EBB_E_MEMORY, "no memory for %lld draws", (long long)total);
  }
  for (int64_t h = 0; h < m; h++) /* of an odd number the middle one is left out */
    for (int64_t i = 0; i < half; i++) kept[h * half + i] = x[(h / 2 * n + (h % 2 == 0 ? 0 : n - half) + i) * stride];
  for (int64_t i = 0; i < total; i++) place[i] = (Place){kept[i], i};
  scores(total, place, z);
  double within, pooled, median = 0.5 * (place[(total - 1) / 2].x + place[total / 2].x);
  variances(m, half, z, mean, &within, &pooled);
  *out = (Convergence){sqrt(pooled / within), (double)total / autocorrelation_time(m, half, z, mean, within, pooled)};
  for (int64_t i = 0; i < total; i++) place[i] = (Place){fabs(kept[i] - median), i};
  scores(total, place, z);
  variances(m, half, z, mean, &within, &pooled);
  out->rhat = fmax(out->rhat, sqrt(pooled / within));
  if (!(kept[0] == kept[0]) || !isfinite(out->rhat)) *out = (Convergence){NAN, 0};
  free(place);
  free(room);
  return EBB_OK;
}

EbbStatus convergence_worst(int64_t chains, int64_t n, int64_t d, const double *x, Convergence *out) {
  *out = (Convergence){0, INFINITY};
  for (int64_t j = 0; j < d; j++) {
    Convergence one;
    EbbStatus status = convergence_of(chains, n, x + j, d, &one);
    if (status != EBB_OK) return status;
    out->rhat = isnan(one.rhat) || one.rhat > out->rhat ? one.rhat : out->rhat;
    out->ess = fmin(out->ess, one.ess);
  }
  return EBB_OK;
}
