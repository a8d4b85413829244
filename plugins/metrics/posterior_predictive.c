/* SPDX-License-Identifier: MIT
 *
 * Posterior predictive checks: data simulated from posterior draws, against the data that the posterior was given.
 *
 * `check: distance`, of the spec's observations: the median Euclidean distance of replicates y ~ p(. | theta_s) to the observation, as in sbibm
 * (Lueckmann et al. 2021, 2101.04653, median distance). In the data's own units and not 0 for an exact posterior: compare it between posteriors.
 *
 * `check: pit`, of data sets simulated from the prior: the place of each number of the data among replicates, uniform if the posterior is exact
 * (Kolmogorov's test over the data sets). All replicates of a data set come from *one* draw: then data and replicates are independent given theta and
 * exchangeable, and the place is exactly uniform (Gosselin 2011, sampled posterior p-values). With a fresh draw for each replicate it is not, since
 * the data have been used twice: places crowd around 1/2 and hide misfits. */
#include <stdbool.h>

#include "products.h"

typedef struct Config {
  int64_t check, datasets, replicates;
} Config;

enum { DISTANCE, PIT };

static const EbbParam params[] = {
    EBB_CHOICE(Config, check, DISTANCE, "distance|pit",
               "distance of replicates to the spec's observations, or places of the data among replicates over data sets from the prior"),
    EBB_INT(Config, datasets, 200, 10, 10000, "", "pit: data sets simulated from the prior"),
    EBB_INT(Config, replicates, 0, 0, 1000000, "", "simulations an observation or data set; 0: 1000 for distance, 99 for pit"),
    EBB_END,
};

enum { DISTANCE_REPLICATES = 1000, PIT_REPLICATES = 99, ROWS = 10000 /* simulated at once */, POINTS = 100 };

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_SIMULATE;
  n->sets = c->check == PIT ? c->datasets : 0;
  n->draws = c->check == PIT ? 1 : 0;
}

/* Replicates of some draws. */
typedef struct Replicates {
  int64_t rows, numbers;
  float *theta, *value; /* [rows][dim], [rows][numbers] */
  uint8_t *failed;      /* [rows] */
} Replicates;

static void replicates_free(Replicates *r) {
  free(r->theta);
  free(r->value);
  free(r->failed);
}

static EbbStatus replicates_new(const EbbEvidence *e, int64_t rows, Replicates *r) {
  *r = (Replicates){.rows = rows, .numbers = features_of(e->data)};
  if (e->simulate == NULL || r->numbers == 0) return e->host->fail(e->host, EBB_E_CONFIG, "there is no simulator to make replicates with");
  if (e->data->count != NULL)
    return e->host->fail(e->host, EBB_E_UNSUPPORTED, "data of varying size cannot be compared number by number; leave this check out");
  r->theta = malloc((size_t)(rows * e->dim) * sizeof *r->theta);
  r->value = malloc((size_t)(rows * r->numbers) * sizeof *r->value);
  r->failed = calloc((size_t)rows, 1);
  if (r->theta == NULL || r->value == NULL || r->failed == NULL)
    return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld replicates of %lld numbers", (long long)rows, (long long)r->numbers);
  return EBB_OK;
}

static void copy_row(int64_t n, const float *from, float *to) {
  for (int64_t j = 0; j < n; j++) to[j] = from[j];
}

static EbbStatus replicate(const EbbEvidence *e, Replicates *r, int64_t rows) {
  EbbData out = {.size = sizeof out, .layout = e->data->layout, .rows = rows, .value = r->value};
  return e->simulate(e, rows, r->theta, &out, r->failed);
}

/* Value j of a replicate; NaN where the simulation failed. */
static double replicate_at(const Replicates *r, int64_t row, int64_t j) {
  return r->failed[row] ? (double)NAN : (double)r->value[row * r->numbers + j];
}

/* ---- distance ---- */

/* Over the numbers that the observation has; NaN if the simulation failed. */
static double distance(const EbbEvidence *e, const Replicates *r, int64_t row, int64_t set) {
  double sum = 0;
  for (int64_t j = 0; j < r->numbers; j++) {
    double y = feature_of(e->data, set, j), away = replicate_at(r, row, j) - y;
    if (!isnan(y)) sum += away * away;
  }
  return sqrt(sum);
}

static EbbStatus measure_distance(const EbbEvidence *e, Replicates *r, int64_t set, double *away, EbbReport *out) {
  int64_t rows = 0, n = 0;
  for (int64_t i = 0; i < e->draws && rows < r->rows; i++)
    if (row_is_finite(e->dim, draw_of(e, set, i))) copy_row(e->dim, draw_of(e, set, i), r->theta + rows++ * e->dim);
  if (rows == 0) return e->host->fail(e->host, EBB_E_NUMERIC, "all draws of observation %lld failed", (long long)e->set[set]);
  EbbStatus status = replicate(e, r, rows);
  if (status != EBB_OK) return status;
  for (int64_t i = 0; i < rows; i++) {
    double d = distance(e, r, i, set);
    if (!isnan(d)) away[n++] = d;
  }
  if (n == 0) return e->host->fail(e->host, EBB_E_NUMERIC, "all simulations from draws of observation %lld failed", (long long)e->set[set]);
  char note[128] = "median distance of replicates";
  if (n < rows) snprintf(note, sizeof note, "median distance of replicates; %lld of %lld simulations failed", (long long)(rows - n), (long long)rows);
  sort_doubles(n, away);
  out->value(out, "predictive_distance", set, -1, median_sorted(n, away), median_error_sorted(n, away), n, note);
  return EBB_OK;
}

/* ---- PIT ---- */

/* Places [numbers][sets] of the data among their replicates, -1 where there is none. per: replicates a set; among [per] is scratch. */
static EbbStatus find_places(const EbbEvidence *e, Replicates *r, int64_t per, double *among, double *places) {
  for (int64_t first = 0; first < e->sets; first += r->rows / per) {
    int64_t sets = r->rows / per < e->sets - first ? r->rows / per : e->sets - first;
    for (int64_t row = 0; row < sets * per; row++) copy_row(e->dim, draw_of(e, first + row / per, 0), r->theta + row * e->dim);
    EbbStatus status = replicate(e, r, sets * per);
    if (status != EBB_OK) return status;
    for (int64_t s = first; s < first + sets; s++)
      for (int64_t j = 0; j < r->numbers; j++) {
        bool drawn = row_is_finite(e->dim, draw_of(e, s, 0));
        for (int64_t i = 0; i < per; i++) among[i] = drawn ? replicate_at(r, (s - first) * per + i, j) : (double)NAN;
        places[j * e->sets + s] = place_among(per, among, feature_of(e->data, s, j), tie_of(e, s, j));
      }
  }
  return EBB_OK;
}

/* The ECDF of sorted places less the uniform one, with Kolmogorov's 95 % band. */
static void report_curve(int64_t n, const double *places, EbbReport *out) {
  double x[POINTS + 1], y[POINTS + 1], low[POINTS + 1], high[POINTS + 1], half = 1.358 / sqrt((double)n);
  for (int64_t p = 0, below = 0; p <= POINTS; p++) {
    x[p] = (double)p / POINTS;
    while (below < n && places[below] < x[p]) below++;
    y[p] = (double)below / (double)n - x[p];
    low[p] = -half;
    high[p] = half;
  }
  out->curve(out, "predictive_pit", -1, POINTS + 1, x, y, low, high);
}

/* A p-value for each number of the data; the curve is that of the smallest. */
static EbbStatus report_pit(const EbbEvidence *e, int64_t numbers, double *places, EbbReport *out) {
  double least = INFINITY;
  int64_t worst = -1, of_worst = 0;
  for (int64_t j = 0; j < numbers; j++) {
    double *column = places + j * e->sets;
    int64_t n = 0;
    for (int64_t s = 0; s < e->sets; s++)
      if (column[s] >= 0) column[n++] = column[s];
    if (n == 0) continue;
    sort_doubles(n, column);
    double p = kolmogorov_p(n, uniform_distance_sorted(n, column));
    char note[128];
    int length = snprintf(note, sizeof note, "number %lld of the data", (long long)(j + 1));
    if (n < e->sets)
      snprintf(note + length, sizeof note - (size_t)length, "; %lld of %lld data sets have no draw, data or replicates", (long long)(e->sets - n),
               (long long)e->sets);
    out->value(out, "predictive_pit_p", -1, -1, p, (double)NAN, n, note);
    if (p < least) least = p, worst = j, of_worst = n;
  }
  if (worst < 0) return e->host->fail(e->host, EBB_E_NUMERIC, "none of %lld data sets has a draw and a replicate of it", (long long)e->sets);
  report_curve(of_worst, places + worst * e->sets, out);
  return EBB_OK;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  int64_t per = c->replicates > 0 ? c->replicates : c->check == PIT ? PIT_REPLICATES : DISTANCE_REPLICATES;
  int64_t at_once = c->check == PIT ? (per < ROWS ? ROWS / per : 1) : 1;
  Replicates r;
  double *scratch = NULL;
  EbbStatus status = replicates_new(e, at_once * per, &r);
  if (status == EBB_OK && (scratch = malloc((size_t)(per + r.numbers * e->sets) * sizeof *scratch)) == NULL)
    status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld replicates", (long long)per);
  if (c->check == PIT) {
    if (status == EBB_OK) status = find_places(e, &r, per, scratch, scratch + per);
    if (status == EBB_OK) status = report_pit(e, r.numbers, scratch + per, out);
  } else {
    for (int64_t s = 0; s < e->sets && status == EBB_OK; s++) status = measure_distance(e, &r, s, scratch, out);
  }
  free(scratch);
  replicates_free(&r);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent posterior_predictive = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "posterior_predictive",
    .summary = "data simulated from posterior draws against the data observed: distances, or places",
    .version = "1.0",
    .reference = "2101.04653, median distance; Gosselin 2011 (PLoS ONE 6, e14770), sampled posterior p-values",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&posterior_predictive)
