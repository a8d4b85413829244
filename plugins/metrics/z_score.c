/* SPDX-License-Identifier: MIT
 *
 * Posterior z-scores (Schad, Betancourt, Vasishth 2021, 1904.12765): (mean of the posterior - truth) / sd of the posterior, of each parameter.
 * z_score, their mean over data sets, is 0 and z_score_sd 1 for an exact posterior that is Gaussian; a mean away from 0 says bias, an sd above 1 that
 * the posterior is too narrow. */
#include "ranks.h"

typedef struct Config {
  int64_t datasets, draws;
} Config;

static const EbbParam params[] = {
    SETS_DATASETS(Config),
    SETS_DRAWS(Config, 2, 100000),
    EBB_END,
};

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_TRUTH;
  n->sets = c->datasets;
  n->draws = c->draws;
}

/* Standard error of an sd by the fourth moment, since scores may have heavy tails. */
static double sd_error(int64_t n, const double *x, Moments m) {
  double fourth = 0, variance = m.sd * m.sd;
  for (int64_t i = 0; i < n; i++) fourth += pow(x[i] - m.mean, 4) / (double)n;
  return sqrt(fmax(0, fourth - variance * variance) / (double)n) / (2 * m.sd);
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  (void)self;
  Used used;
  char failures[256], note[512];
  EbbStatus status = sets_used(e, e->sets + e->draws, &used);
  if (status != EBB_OK) goto end;
  double *score = used.room, *x = score + used.n;
  failures_note(e, &used, sizeof failures, failures);
  for (int64_t k = 0; k < e->dim; k++) {
    int64_t n = 0;
    for (int64_t i = 0; i < used.n; i++) {
      Moments m = posterior_moments(e, &used, used.set[i], k, x);
      if (m.sd > 0) score[n++] = (m.mean - (double)e->truth[used.set[i] * e->dim + k]) / m.sd;
    }
    snprintf(note, sizeof note, "%s", failures);
    if (n < used.n)
      snprintf(note, sizeof note, "%s%s%lld of %lld posteriors do not vary and have no score", failures, failures[0] != '\0' ? "; " : "",
               (long long)(used.n - n), (long long)used.n);
    Moments m = n > 0 ? moments(n, score) : (Moments){(double)NAN, (double)NAN};
    out->value(out, "z_score", -1, k, m.mean, m.sd / sqrt((double)n), n, note);
    out->value(out, "z_score_sd", -1, k, m.sd, sd_error(n, score, m), n, note);
  }
end:
  used_free(&used);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent z_score = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "z_score",
    .summary = "how many posterior standard deviations the truth lies from the posterior mean",
    .version = "1.0",
    .reference = "1904.12765, posterior z-score",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&z_score)
