/* SPDX-License-Identifier: MIT
 *
 * Simulation-based calibration (Talts et al. 2018, 1804.06788): over data sets simulated from the prior the rank of the truth among L posterior draws
 * is uniform on 0..L if the posterior is exact. The test looks at all ranks at once (Sailynoja et al. 2022, 2103.10522; Modrak et al. 2025,
 * 2211.02383): with R_i = #{rank < i}, z_i = i / (L + 1) and F the binomial distribution function of N sets,
 *
 *     gamma = 2 min_i min(F(R_i; N, z_i), 1 - F(R_i - 1; N, z_i)),        ln(gamma / gamma*) < 0 rejects at 5 %
 *
 * gamma* is the 5 % quantile of gamma under uniform ranks, by simulation; the band around the ECDF runs from F^-1(gamma* / 2) to F^-1(1 - gamma* /
 * 2). Ranks are taken of every parameter, of the log density (`density`), and of a product of parameters and data (products.h), which unlike the
 * first finds a posterior that has not looked at the data. More than 999 draws are thrown into 1000 classes of rank.
 *
 * 1 - F(R - 1; N, z) = F(N - R; N, 1 - z), and 1 - z_i is z of another i: one table of log F serves both. */
#include <stdbool.h>
#include <string.h>

#include "products.h"

typedef struct Config {
  int64_t datasets, draws, simulations;
  bool density;
} Config;

static const EbbParam params[] = {
    SETS_DATASETS(Config),
    SETS_DRAWS(Config, 9, 100000),
    EBB_INT(Config, simulations, 20000, 1000, 10000000, "", "simulated sets of uniform ranks that the 5 % quantile is taken from"),
    EBB_BOOL(Config, density, false, "rank the log density too; costs a density solve a draw"),
    EBB_END,
};

enum { MOST_CLASSES = 1000, BINS = 20, POINTS = 100, CHUNK = 100 /* simulations a task */ };
/* Uses of random numbers: uniform ranks are addressed by the simulation, ties (parameters from USE_PARAMETERS on) by the data set. */
enum { USE_SIMULATION, USE_DENSITY, USE_PRODUCT, USE_PARAMETERS };
static const double LEVEL = 0.05;

/* ---- gamma of uniform ranks ---- */

/* The law of gamma for n sets and ranks in 0..classes-1. */
typedef struct Null {
  const EbbEvidence *e;
  int64_t n, classes;
  double *log_f;     /* [classes - 1][n + 1] log F(k; n, z_i), i from 1 */
  double *simulated; /* [simulations] log gamma */
  double star;       /* log gamma* */
} Null;

static double log_add(double a, double b) { return fmax(a, b) + log1p(exp(-fabs(a - b))); }

/* In logs, so that ranks which are all the same get a number too. */
static void fill_log_f(Null *null) {
  int64_t n = null->n;
  for (int64_t i = 1; i < null->classes; i++) {
    double *row = null->log_f + (i - 1) * (n + 1), z = (double)i / (double)null->classes;
    double term = (double)n * log1p(-z), odds = log(z) - log1p(-z);
    row[0] = term;
    for (int64_t k = 1; k <= n; k++) {
      term += odds + log((double)(n - k + 1) / (double)k);
      row[k] = fmin(0, log_add(row[k - 1], term));
    }
  }
}

/* log gamma of count [classes] ranks. */
static double log_gamma(const Null *null, const int64_t *count) {
  int64_t below = 0, n = null->n;
  double least = 0;
  for (int64_t i = 1; i < null->classes; i++) {
    below += count[i - 1];
    least = fmin(least, null->log_f[(i - 1) * (n + 1) + below]);
    least = fmin(least, null->log_f[(null->classes - i - 1) * (n + 1) + n - below]);
  }
  return log(2) + least;
}

static void count_ranks(int64_t n, const double *place, int64_t classes, int64_t *count) {
  memset(count, 0, (size_t)classes * sizeof *count);
  for (int64_t i = 0; i < n; i++) {
    int64_t rank = (int64_t)(place[i] * (double)classes);
    count[rank < classes ? rank : classes - 1]++;
  }
}

static EbbStatus simulate_some(void *ctx, EbbWork *work, int64_t task) {
  const Null *null = ctx;
  const EbbHost *host = null->e->host;
  double *u = host->scratch(work, (size_t)null->n * sizeof *u);
  int64_t *count = host->scratch(work, (size_t)null->classes * sizeof *count);
  static const uint32_t step = USE_SIMULATION;
  for (int64_t i = task * CHUNK; i < (task + 1) * CHUNK; i++) {
    uint64_t id = (uint64_t)i;
    host->uniform(host, null->e->rng, 1, &id, &step, 0, null->n, u);
    count_ranks(null->n, u, null->classes, count);
    null->simulated[i] = log_gamma(null, count);
  }
  return EBB_OK;
}

static void null_free(Null *null) {
  free(null->log_f);
  free(null->simulated);
}

static EbbStatus null_new(Null *null, const EbbEvidence *e, int64_t n, int64_t simulations) {
  int64_t tasks = (simulations + CHUNK - 1) / CHUNK, made = tasks * CHUNK;
  *null = (Null){.e = e, .n = n, .classes = e->draws < MOST_CLASSES ? e->draws + 1 : MOST_CLASSES};
  null->log_f = malloc((size_t)((null->classes - 1) * (n + 1)) * sizeof *null->log_f);
  null->simulated = malloc((size_t)made * sizeof *null->simulated);
  if (null->log_f == NULL || null->simulated == NULL)
    return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld data sets and %lld simulations", (long long)n, (long long)simulations);
  fill_log_f(null);
  EbbStatus status = e->host->parallel(e->host, tasks, simulate_some, null);
  if (status != EBB_OK) return status;
  sort_doubles(made, null->simulated);
  null->star = null->simulated[(int64_t)(LEVEL * (double)made)];
  return EBB_OK;
}

/* ---- what is said of a quantity ---- */

/* The ECDF less the uniform one, with the simultaneous band. */
static void report_ecdf(const Null *null, const int64_t *count, const char *name, int64_t parameter, EbbReport *out) {
  double x[POINTS + 1], y[POINTS + 1], low[POINTS + 1], high[POINTS + 1], tail = exp(null->star) / 2, n = (double)null->n;
  int64_t points = null->classes < POINTS ? null->classes : POINTS, i = 0, below = 0;
  for (int64_t p = 0; p <= points; p++) {
    for (; i < p * null->classes / points; i++) below += count[i];
    x[p] = (double)i / (double)null->classes;
    bool end = p == 0 || p == points; /* nothing is random there */
    y[p] = (double)below / n - x[p];
    low[p] = end ? 0 : (double)binomial_quantile(null->n, x[p], tail) / n - x[p];
    high[p] = end ? 0 : (double)binomial_quantile(null->n, x[p], 1 - tail) / n - x[p];
  }
  out->curve(out, name, parameter, points + 1, x, y, low, high);
}

/* A histogram relative to the uniform one, with each bar's own 95 % band. */
static void report_histogram(const Null *null, const int64_t *count, const char *name, int64_t parameter, EbbReport *out) {
  double x[BINS], y[BINS], low[BINS], high[BINS];
  int64_t bins = null->classes < BINS ? null->classes : BINS, i = 0;
  for (int64_t b = 0; b < bins; b++) {
    int64_t first = i, in = 0;
    for (; i < (b + 1) * null->classes / bins; i++) in += count[i];
    double width = (double)(i - first) / (double)null->classes, expected = (double)null->n * width;
    x[b] = (double)(first + i) / 2 / (double)null->classes;
    y[b] = (double)in / expected;
    low[b] = (double)binomial_quantile(null->n, width, 0.025) / expected;
    high[b] = (double)binomial_quantile(null->n, width, 0.975) / expected;
  }
  out->curve(out, name, parameter, bins, x, y, low, high);
}

/* A parameter's curves are sbc_ecdf and sbc_rank; those of a joint quantity add its name. */
static EbbStatus report_quantity(const Null *null, const double *places, const char *joint, int64_t parameter, const char *note, EbbReport *out) {
  int64_t *count = malloc((size_t)null->classes * sizeof *count);
  if (count == NULL) return null->e->host->fail(null->e->host, EBB_E_MEMORY, "no memory for %lld classes of rank", (long long)null->classes);
  char name[64];
  count_ranks(null->n, places, null->classes, count);
  out->value(out, "sbc_log_gamma", -1, parameter, log_gamma(null, count) - null->star, (double)NAN, null->n, note);
  snprintf(name, sizeof name, "sbc_ecdf%s", joint);
  report_ecdf(null, count, name, parameter, out);
  snprintf(name, sizeof name, "sbc_rank%s", joint);
  report_histogram(null, count, name, parameter, out);
  free(count);
  return EBB_OK;
}

/* ---- the metric ---- */

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_TRUTH | (c->density ? EBB_NEED_DENSITY : 0);
  n->sets = c->datasets;
  n->draws = c->draws;
}

/* Data sets whose densities could not be solved are left out, and the rest have a law of their own. places [used->n] is scratch. */
static EbbStatus rank_density(const Config *c, const EbbEvidence *e, const Used *used, const Null *null, double *places, EbbReport *out) {
  if (e->log_q == NULL || e->log_q_truth == NULL)
    return e->host->fail(e->host, EBB_E_CONFIG, "there are no log densities to rank; set density: false");
  int64_t n = 0;
  for (int64_t i = 0; i < used->n; i++) {
    int64_t s = used->set[i];
    double at = place_among(e->draws, e->log_q + s * e->draws, e->log_q_truth[s], tie_of(e, s, USE_DENSITY));
    if (at >= 0) places[n++] = at;
  }
  if (n == 0) return e->host->fail(e->host, EBB_E_NUMERIC, "no data set has the log density of its truth and of a draw");
  if (n == null->n) return report_quantity(null, places, "_density", -1, "log density", out);
  char note[128];
  snprintf(note, sizeof note, "log density; %lld of %lld data sets have none and are left out", (long long)(used->n - n), (long long)used->n);
  Null own;
  EbbStatus status = null_new(&own, e, n, c->simulations);
  if (status == EBB_OK) status = report_quantity(&own, places, "_density", -1, note, out);
  null_free(&own);
  return status;
}

static EbbStatus rank_all(const Config *c, const EbbEvidence *e, const Used *used, const Null *null, double *places, EbbReport *out) {
  char note[256];
  failures_note(e, used, sizeof note, note);
  EbbStatus status = EBB_OK;
  for (int64_t k = 0; k < e->dim && status == EBB_OK; k++) {
    for (int64_t i = 0; i < used->n; i++) places[i] = place_of_truth(e, used, used->set[i], k, tie_of(e, used->set[i], USE_PARAMETERS + k));
    status = report_quantity(null, places, "", k, note, out);
  }
  bool found;
  if (status == EBB_OK) status = product_places(e, used, USE_PRODUCT, places, &found);
  if (status == EBB_OK && found)
    status = report_quantity(null, places, "_data", -1, "data-dependent product", out); /* short, for the closing table */
  if (status == EBB_OK && c->density) status = rank_density(c, e, used, null, places, out);
  return status;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  Used used;
  Null null = {0};
  EbbStatus status = sets_used(e, e->sets, &used);
  if (status == EBB_OK) status = null_new(&null, e, used.n, c->simulations);
  if (status == EBB_OK) status = rank_all(c, e, &used, &null, used.room, out);
  null_free(&null);
  used_free(&used);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent sbc = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "sbc",
    .summary = "simulation-based calibration: are ranks of the truth uniform, by simultaneous bands",
    .version = "1.0",
    .reference = "1804.06788, theorem 1; 2103.10522, section 2; 2211.02383",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&sbc)
