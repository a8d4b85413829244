/* SPDX-License-Identifier: MIT
 *
 * Expected coverage: how often a credible region of level a holds the truth, over data sets simulated from the prior; a if the posterior is exact.
 *
 *     central interval of a parameter:  |2 v - 1| < a,        v the truth's place among the draws (ranks.h)
 *     highest-density region (`hpd`):   1 - w < a,            w the place of log q(truth) among log q of the draws
 *
 * (Talts et al. 2018, 1804.06788; Hermans et al. 2022, 2110.06581, eq. 6.) Places are exactly uniform under an exact posterior, so that the intervals
 * carry no bias of a few draws. coverage_error is the median over 20 levels in [.005, .995] of |coverage - level|. A posterior that is Gaussian with
 * c times the right sd covers 2 Phi(c Phi^-1((1 + a) / 2)) - 1. */
#include <stdbool.h>

#include "ranks.h"

typedef struct Config {
  int64_t datasets, draws;
  bool hpd;
} Config;

static const EbbParam params[] = {
    SETS_DATASETS(Config),
    SETS_DRAWS(Config, 9, 100000),
    EBB_BOOL(Config, hpd, false, "also the highest-density regions of the whole posterior; costs a density solve a draw"),
    EBB_END,
};

enum { LEVELS = 20, USE_DENSITY = 0, USE_PARAMETERS = 1 };

static double level_at(int l) { return 0.005 + 0.99 * l / (LEVELS - 1); }

/* Names of what is reported, of central intervals and of highest-density regions. */
typedef struct Names {
  const char *half, *most, *error, *curve; /* half NULL: not told */
} Names;
static const Names central = {"coverage_50", "coverage_90", "coverage_error", "coverage"};
static const Names density = {NULL, "coverage_hpd_90", "coverage_hpd_error", "coverage_hpd"};

/* Share of needed [n], the levels from which on a region holds its truth, below a. */
static double covered(int64_t n, const double *needed, double a) {
  int64_t in = 0;
  for (int64_t i = 0; i < n; i++) in += needed[i] < a;
  return (double)in / (double)n;
}

static void report_level(const char *name, int64_t parameter, int64_t n, const double *needed, double a, const char *note, EbbReport *out) {
  double c = covered(n, needed, a);
  out->value(out, name, -1, parameter, c, sqrt(c * (1 - c) / (double)n), n, note);
}

/* Returns the error; its curve has the band of an exact posterior, 95 % at each level. */
static double report_regions(const Names *names, int64_t parameter, int64_t n, const double *needed, const char *note, EbbReport *out) {
  double x[LEVELS], y[LEVELS], low[LEVELS], high[LEVELS], away[LEVELS];
  for (int l = 0; l < LEVELS; l++) {
    x[l] = level_at(l);
    y[l] = covered(n, needed, x[l]);
    low[l] = (double)binomial_quantile(n, x[l], 0.025) / (double)n;
    high[l] = (double)binomial_quantile(n, x[l], 0.975) / (double)n;
    away[l] = fabs(y[l] - x[l]);
  }
  sort_doubles(LEVELS, away);
  double error = median_sorted(LEVELS, away);
  if (names->half != NULL) report_level(names->half, parameter, n, needed, 0.5, note, out);
  report_level(names->most, parameter, n, needed, 0.9, note, out);
  out->value(out, names->error, -1, parameter, error, (double)NAN, n, note);
  out->curve(out, names->curve, parameter, LEVELS, x, y, low, high);
  return error;
}

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_TRUTH | (c->hpd ? EBB_NEED_DENSITY : 0);
  n->sets = c->datasets;
  n->draws = c->draws;
}

/* needed [used->n] is scratch. */
static EbbStatus cover_by_density(const EbbEvidence *e, const Used *used, double *needed, EbbReport *out) {
  if (e->log_q == NULL || e->log_q_truth == NULL)
    return e->host->fail(e->host, EBB_E_CONFIG, "there are no log densities to find highest-density regions by; set hpd: false");
  int64_t n = 0;
  for (int64_t i = 0; i < used->n; i++) {
    int64_t s = used->set[i];
    double w = place_among(e->draws, e->log_q + s * e->draws, e->log_q_truth[s], tie_of(e, s, USE_DENSITY));
    if (w >= 0) needed[n++] = 1 - w;
  }
  if (n == 0) return e->host->fail(e->host, EBB_E_NUMERIC, "no data set has the log density of its truth and of a draw");
  char note[128] = "";
  if (n < used->n)
    snprintf(note, sizeof note, "%lld of %lld data sets have no log density and are left out", (long long)(used->n - n), (long long)used->n);
  report_regions(&density, -1, n, needed, note, out);
  return EBB_OK;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  Used used;
  char note[256];
  double sum = 0;
  EbbStatus status = sets_used(e, e->sets, &used);
  if (status != EBB_OK) goto end;
  double *needed = used.room;
  failures_note(e, &used, sizeof note, note);
  for (int64_t k = 0; k < e->dim; k++) {
    for (int64_t i = 0; i < used.n; i++) {
      int64_t s = used.set[i];
      needed[i] = fabs(2 * place_of_truth(e, &used, s, k, tie_of(e, s, USE_PARAMETERS + k)) - 1);
    }
    sum += report_regions(&central, k, used.n, needed, note, out);
  }
  out->value(out, central.error, -1, -1, sum / (double)e->dim, (double)NAN, used.n, "mean over parameters");
  if (c->hpd) status = cover_by_density(e, &used, needed, out);
end:
  used_free(&used);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent coverage = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "coverage",
    .summary = "how often credible regions hold the truth: central intervals, highest-density regions",
    .version = "1.0",
    .reference = "2110.06581, expected coverage probability; 1804.06788",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&coverage)
