/* SPDX-License-Identifier: MIT
 *
 * What the metrics over many data sets share: the place of a truth among draws, order statistics, the binomial law of counts, Kolmogorov's test.
 *
 * A place is (#{draws below} + u (#{draws equal} + 1)) / (n + 1) with u uniform: exactly uniform on (0, 1) if truth and n draws are exchangeable,
 * whatever n and with ties (discrete parameters) broken at random. Failed draws (NaN) only make n smaller. */
#ifndef EBB_PLUGINS_RANKS_H
#define EBB_PLUGINS_RANKS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <ebb/metric.h>

#include "rows.h"

/* Parameters of such a metric: data sets, and draws of each. */
#define SETS_DATASETS(S) EBB_INT(S, datasets, 200, 10, 10000, "", "data sets simulated from the prior")
#define SETS_DRAWS(S, least, most) EBB_INT(S, draws, 999, least, most, "", "posterior draws of each")

static inline const float *draw_of(const EbbEvidence *e, int64_t set, int64_t draw) { return e->theta + (set * e->draws + draw) * e->dim; }

/* Data sets with a truth and with draws that did not fail. */
typedef struct Used {
  int64_t n, *set;       /* sets used, their places in the evidence */
  uint8_t *good;         /* [e->sets][e->draws] 1: the draw did not fail */
  int64_t failed, draws; /* of the sets used: draws that failed, of so many */
  double *room;          /* the metric's own, as many as it asked for */
} Used;

static inline void used_free(Used *used) {
  free(used->set);
  free(used->good);
  free(used->room);
}

/* Fails where there are no truths, or no set that can be used; used_free in any case. room: numbers that the metric works with. */
static inline EbbStatus sets_used(const EbbEvidence *e, int64_t room, Used *used) {
  *used = (Used){.set = malloc((size_t)(e->sets + 1) * sizeof *used->set),
                 .good = malloc((size_t)(e->sets * e->draws + 1)),
                 .room = malloc((size_t)(room + 1) * sizeof *used->room)};
  if (used->set == NULL || used->good == NULL || used->room == NULL)
    return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld data sets", (long long)e->sets);
  if (e->truth == NULL) return e->host->fail(e->host, EBB_E_CONFIG, "the data sets come without the true parameters that it compares draws with");
  for (int64_t s = 0; s < e->sets; s++) {
    int64_t good = 0;
    for (int64_t i = 0; i < e->draws; i++) good += used->good[s * e->draws + i] = (uint8_t)row_is_finite(e->dim, draw_of(e, s, i));
    if (good == 0 || !row_is_finite(e->dim, e->truth + s * e->dim)) continue;
    used->set[used->n++] = s;
    used->failed += e->draws - good;
    used->draws += e->draws;
  }
  if (used->n == 0)
    return e->host->fail(e->host, EBB_E_NUMERIC, "none of %lld data sets has true parameters and a draw that did not fail", (long long)e->sets);
  return EBB_OK;
}

/* What a table's note says of failures; "" where there are none. Returns text. */
static inline const char *failures_note(const EbbEvidence *e, const Used *used, size_t size, char *text) {
  text[0] = '\0';
  int n = 0;
  if (used->failed > 0) n = snprintf(text, size, "%lld of %lld draws failed and are left out", (long long)used->failed, (long long)used->draws);
  if (used->n < e->sets && n >= 0 && (size_t)n < size)
    snprintf(text + n, size - (size_t)n, "%s%lld of %lld data sets are left out: no draws or no truth", n > 0 ? "; " : "",
             (long long)(e->sets - used->n), (long long)e->sets);
  return text;
}

static inline double place(int64_t below, int64_t equal, int64_t n, double u) { return ((double)below + u * (double)(equal + 1)) / (double)(n + 1); }

/* Of x among value [n], NaN left out; -1 where none is left or x is NaN. */
static inline double place_among(int64_t n, const double *value, double x, double u) {
  int64_t below = 0, equal = 0, good = 0;
  for (int64_t i = 0; i < n; i++) {
    below += value[i] < x;
    equal += value[i] == x;
    good += !isnan(value[i]);
  }
  return good > 0 && !isnan(x) ? place(below, equal, good, u) : -1;
}

/* Of a set's true parameter k. */
static inline double place_of_truth(const EbbEvidence *e, const Used *used, int64_t set, int64_t k, double u) {
  const uint8_t *is_good = used->good + set * e->draws;
  float truth = e->truth[set * e->dim + k];
  int64_t below = 0, equal = 0, good = 0;
  for (int64_t i = 0; i < e->draws; i++) {
    float x = draw_of(e, set, i)[k];
    below += is_good[i] & (x < truth);
    equal += is_good[i] & (x == truth);
    good += is_good[i];
  }
  return place(below, equal, good, u);
}

/* The uniform that breaks a set's ties in one use, counted from 0. */
static inline double tie_of(const EbbEvidence *e, int64_t set, int64_t use) {
  uint64_t id = (uint64_t)e->set[set];
  uint32_t step = (uint32_t)use;
  double u;
  e->host->uniform(e->host, e->rng, 1, &id, &step, 0, 1, &u);
  return u;
}

static inline int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline void sort_doubles(int64_t n, double *x) { qsort(x, (size_t)n, sizeof *x, compare_doubles); }

/* Of a sorted list. */
static inline double median_sorted(int64_t n, const double *x) { return n % 2 == 1 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2; }

/* Half the distance of the order statistics one standard deviation of a binomial(n, 1/2) beside the middle: no density is estimated. */
static inline double median_error_sorted(int64_t n, const double *x) {
  double half = sqrt((double)n) / 2, middle = (double)(n - 1) / 2;
  int64_t low = (int64_t)fmax(0, floor(middle - half)), high = (int64_t)fmin((double)(n - 1), ceil(middle + half));
  return n > 1 ? (x[high] - x[low]) / 2 : (double)NAN;
}

typedef struct Moments {
  double mean, sd; /* n - 1 under the sd; NaN for n = 1 */
} Moments;

static inline Moments moments(int64_t n, const double *x) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  double mean = sum / (double)n;
  for (int64_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
  return (Moments){mean, n > 1 ? sqrt(square / (double)(n - 1)) : (double)NAN};
}

/* Of parameter k over a set's good draws; x [draws] is scratch. */
static inline Moments posterior_moments(const EbbEvidence *e, const Used *used, int64_t set, int64_t k, double *x) {
  int64_t n = 0;
  for (int64_t i = 0; i < e->draws; i++)
    if (used->good[set * e->draws + i]) x[n++] = (double)draw_of(e, set, i)[k];
  return moments(n, x);
}

/* The smallest k with P(X <= k) >= p, X binomial(n, z), 0 < z < 1. */
static inline int64_t binomial_quantile(int64_t n, double z, double p) {
  double log_term = (double)n * log1p(-z), odds = log(z) - log1p(-z), sum = 0;
  for (int64_t k = 0; k < n; k++) {
    sum += exp(log_term);
    if (sum >= p) return k;
    log_term += odds + log((double)(n - k) / (double)(k + 1));
  }
  return n;
}

/* Largest distance of the empirical distribution of x [n], sorted, to the uniform one. */
static inline double uniform_distance_sorted(int64_t n, const double *x) {
  double worst = 0;
  for (int64_t i = 0; i < n; i++) worst = fmax(worst, fmax((double)(i + 1) / (double)n - x[i], x[i] - (double)i / (double)n));
  return worst;
}

/* P(distance of n uniform numbers > d): Kolmogorov's limit with Vrbik's correction (2018), good to .001 from n = 10 on. */
static inline double kolmogorov_p(int64_t n, double d) {
  double root = sqrt((double)n), t = d * root + 1 / (6 * root) + (d * root - 1) / (4 * (double)n), sum = 0;
  if (t < 0.2) return 1; /* to twelve digits; the series converges slowly there */
  for (int k = 1; k <= 100; k++) sum += (k % 2 == 1 ? 2 : -2) * exp(-2.0 * k * k * t * t);
  return fmin(1, fmax(0, sum));
}

#endif
