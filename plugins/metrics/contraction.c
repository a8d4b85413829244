/* SPDX-License-Identifier: MIT
 *
 * Posterior contraction (Schad, Betancourt, Vasishth 2021, 1904.12765): 1 - var(posterior) / var(prior) of each parameter, the median over data sets.
 * 0: the data told nothing; 1: everything; below 0: the posterior is wider than the prior. The prior's variance is that of prior draws where there
 * are any, else of the truths. The standard error is half the distance of the order statistics one sd of a binomial beside the middle. */
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
  n->flags = EBB_NEED_TRUTH | EBB_NEED_PRIOR;
  n->sets = c->datasets;
  n->draws = c->draws;
}

/* Standard deviation of the prior; x [max(priors, sets)] is scratch. */
static double prior_sd(const EbbEvidence *e, const Used *used, int64_t k, double *x) {
  int64_t n = 0;
  if (e->prior != NULL && e->priors > 1) {
    for (int64_t i = 0; i < e->priors; i++)
      if (isfinite(e->prior[i * e->dim + k])) x[n++] = (double)e->prior[i * e->dim + k];
  } else {
    for (int64_t i = 0; i < used->n; i++) x[n++] = (double)e->truth[used->set[i] * e->dim + k];
  }
  return moments(n, x).sd;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  (void)self;
  Used used;
  char note[256];
  double sum = 0;
  int64_t told = 0;
  EbbStatus status = sets_used(e, 2 * e->sets + e->draws + e->priors, &used);
  if (status != EBB_OK) goto end;
  double *value = used.room, *x = value + used.n;
  failures_note(e, &used, sizeof note, note);
  for (int64_t k = 0; k < e->dim; k++) {
    double prior = prior_sd(e, &used, k, x);
    int64_t n = 0;
    for (int64_t i = 0; i < used.n; i++) {
      Moments m = posterior_moments(e, &used, used.set[i], k, x);
      if (m.sd >= 0) value[n++] = 1 - (m.sd / prior) * (m.sd / prior);
    }
    if (!(prior > 0) || n == 0) {
      out->value(out, "contraction", -1, k, (double)NAN, (double)NAN, n, prior > 0 ? "no data set has two draws" : "the prior does not vary");
      continue;
    }
    sort_doubles(n, value);
    out->value(out, "contraction", -1, k, median_sorted(n, value), median_error_sorted(n, value), n, note);
    sum += median_sorted(n, value);
    told++;
  }
  if (told > 0) out->value(out, "contraction", -1, -1, sum / (double)told, (double)NAN, used.n, "mean over parameters");
end:
  used_free(&used);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent contraction = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "contraction",
    .summary = "how much narrower than the prior the posterior is",
    .version = "1.0",
    .reference = "1904.12765, posterior contraction",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&contraction)
