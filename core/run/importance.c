/* SPDX-License-Identifier: MIT */
#include "run/importance.h"

#include <math.h>
#include <stdlib.h>

static EbbStatus largest_of(int64_t n, const double *log_weight, double *out) {
  *out = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    if (isnan(log_weight[i]) || log_weight[i] == INFINITY)
      return fail(EBB_E_NUMERIC, "importance weight %lld of %lld is %g in logarithm, expected a finite number or -infinity", (long long)i + 1,
                  (long long)n, log_weight[i]);
    *out = fmax(*out, log_weight[i]);
  }
  return EBB_OK;
}

static int falling(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* ln of the profile likelihood, a number, of a generalised Pareto distribution over x [n] with b = shape / scale; *k its shape. */
static double profile(int64_t n, const double *x, double b, double *k) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += log1p(b * x[i]);
  *k = sum / (double)n;
  return (double)n * (log(b / *k) - *k - 1);
}

/* x [n] > 0, falling. The mean of b over its posterior on a grid gives k, which a weak prior draws towards 1/2. */
static double pareto_shape(int64_t n, const double *x) {
  enum { LEAST_GRID = 30, MOST_GRID = 2000 };
  double b[MOST_GRID], log_p[MOST_GRID], k, quartile = x[n - 1 - (int64_t)((double)n / 4 + 0.5) + 1], best = -INFINITY, sum = 0, mean = 0;
  int64_t grid = LEAST_GRID + (int64_t)sqrt((double)n);
  if (grid > MOST_GRID) grid = MOST_GRID;
  for (int64_t i = 0; i < grid; i++) {
    b[i] = (sqrt((double)grid / ((double)i + 0.5)) - 1) / (3 * quartile) - 1 / x[0];
    log_p[i] = profile(n, x, b[i], &k);
    if (!isnan(log_p[i])) best = fmax(best, log_p[i]);
  }
  for (int64_t i = 0; i < grid; i++) {
    double p = isnan(log_p[i]) ? 0 : exp(log_p[i] - best);
    sum += p;
    mean += p * b[i];
  }
  profile(n, x, mean / sum, &k);
  return (k * (double)n + 5) / ((double)n + 10);
}

/* Of weights sorted falling, the largest 1. The tail: a fifth of them, or 3 sqrt(n) if that is fewer. */
static double pareto_k(int64_t n, double *w) {
  int64_t tail = (int64_t)fmin(0.2 * (double)n, 3 * sqrt((double)n));
  if (n < 25) return NAN;
  double from = w[tail];
  int64_t above = 0;
  while (above < tail && w[above] > from) {
    w[above] -= from;
    above++;
  }
  return above >= 5 ? pareto_shape(above, w) : NAN;
}

EbbStatus importance_judge(int64_t n, const double *log_weight, Importance *out) {
  double largest, sum = 0, square = 0;
  *out = (Importance){.log_mean = -INFINITY, .error = NAN, .pareto_k = NAN};
  EbbStatus status = largest_of(n, log_weight, &largest);
  if (status != EBB_OK || largest == -INFINITY) return status;
  double *w = malloc((size_t)n * sizeof *w);
  if (w == NULL) return fail(EBB_E_MEMORY, "no memory for %lld weights", (long long)n);
  for (int64_t i = 0; i < n; i++) {
    w[i] = exp(log_weight[i] - largest);
    sum += w[i];
    square += w[i] * w[i];
  }
  out->effective = sum * sum / square;
  out->log_mean = largest + log(sum / (double)n);
  out->error = n > 1 ? sqrt(fmax(0, (double)n * square / (sum * sum) - 1) / (double)(n - 1)) : NAN;
  qsort(w, (size_t)n, sizeof *w, falling);
  out->pareto_k = pareto_k(n, w);
  free(w);
  return EBB_OK;
}

EbbStatus importance_resample(int64_t n, const double *log_weight, double u, int64_t *ancestor) {
  double largest, sum = 0, passed = 0;
  EbbStatus status = largest_of(n, log_weight, &largest);
  if (status != EBB_OK) return status;
  if (largest == -INFINITY) return fail(EBB_E_NUMERIC, "all of %lld importance weights are 0", (long long)n);
  for (int64_t i = 0; i < n; i++) sum += exp(log_weight[i] - largest);
  int64_t next = 0, last = 0; /* last: the latest with a weight, so that rounding at the end takes none of weight 0 */
  for (int64_t i = 0; i < n; i++) {
    double until = ((double)i + u) / (double)n * sum;
    while (passed < until && next < n) {
      double w = exp(log_weight[next] - largest);
      passed += w;
      if (w > 0) last = next;
      next++;
    }
    ancestor[i] = last;
  }
  return EBB_OK;
}
