/* SPDX-License-Identifier: MIT
 *
 * Normalised root mean square error of posterior draws (Radev et al. 2020, 2003.06281; the tables of Arruda et al. 2025, 2512.20685): of each
 * parameter, over the data sets j,
 *
 *     sqrt(mean_j (theta_sj - theta*_j)^2) of draw s, the median over draws, divided by the sd or the range of the truths
 *
 * A draw carries the posterior's width besides its mean's error: an exact posterior with mean contraction k has sqrt(2 (1 - k)), the prior sqrt(2).
 */
#include "ranks.h"

typedef struct Config {
  int64_t datasets, draws, scale;
} Config;

enum { BY_SD, BY_RANGE };

static const EbbParam params[] = {
    SETS_DATASETS(Config),
    SETS_DRAWS(Config, 1, 100000),
    EBB_CHOICE(Config, scale, BY_SD, "sd|range", "what the error is divided by: the standard deviation of the truths or their range"),
    EBB_END,
};

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_TRUTH;
  n->sets = c->datasets;
  n->draws = c->draws;
}

static double scale_of(const Config *c, int64_t n, const double *truth) {
  double low = truth[0], high = truth[0];
  for (int64_t i = 1; i < n; i++) low = fmin(low, truth[i]), high = fmax(high, truth[i]);
  return c->scale == BY_RANGE ? high - low : moments(n, truth).sd;
}

/* Standard error of r = sqrt(A / B), A the mean square error and B the truths' variance, both means over sets: that of the mean of
 * r / 2 (square_j / A - (truth_j - mean)^2 / B). A range in place of B counts as known. square [n] is overwritten. */
static double ratio_error(const Config *c, int64_t n, const double *truth, double r, double *square) {
  Moments of_truth = moments(n, truth);
  double a = moments(n, square).mean, variance = of_truth.sd * of_truth.sd;
  for (int64_t i = 0; i < n; i++) {
    square[i] /= a;
    if (c->scale == BY_SD) square[i] -= (truth[i] - of_truth.mean) * (truth[i] - of_truth.mean) / variance;
  }
  return a > 0 ? r / 2 * moments(n, square).sd / sqrt((double)n) : 0;
}

/* Median over draws of the root mean square over sets; square [used->n] becomes each set's mean over draws. root [draws] is scratch. */
static double median_error(const EbbEvidence *e, const Used *used, int64_t k, double *root, double *square) {
  int64_t roots = 0;
  for (int64_t i = 0; i < used->n; i++) square[i] = 0;
  for (int64_t d = 0; d < e->draws; d++) {
    double sum = 0;
    int64_t sets = 0;
    for (int64_t i = 0; i < used->n; i++) {
      int64_t s = used->set[i];
      if (!used->good[s * e->draws + d]) continue;
      double away = (double)draw_of(e, s, d)[k] - (double)e->truth[s * e->dim + k];
      sum += away * away;
      square[i] += away * away;
      sets++;
    }
    if (sets > 0) root[roots++] = sqrt(sum / (double)sets);
  }
  for (int64_t i = 0; i < used->n; i++) {
    int64_t good = 0;
    for (int64_t d = 0; d < e->draws; d++) good += used->good[used->set[i] * e->draws + d];
    square[i] /= (double)good;
  }
  sort_doubles(roots, root);
  return median_sorted(roots, root);
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  Used used;
  char note[256];
  double sum = 0;
  int64_t told = 0;
  EbbStatus status = sets_used(e, 2 * e->sets + e->draws, &used);
  if (status != EBB_OK) goto end;
  double *truth = used.room, *square = truth + used.n, *root = square + used.n;
  failures_note(e, &used, sizeof note, note);
  for (int64_t k = 0; k < e->dim; k++) {
    for (int64_t i = 0; i < used.n; i++) truth[i] = (double)e->truth[used.set[i] * e->dim + k];
    double scale = scale_of(c, used.n, truth), error = median_error(e, &used, k, root, square);
    if (!(scale > 0)) {
      out->value(out, "nrmse", -1, k, (double)NAN, (double)NAN, used.n, "the truths are all the same: there is nothing to divide by");
      continue;
    }
    out->value(out, "nrmse", -1, k, error / scale, ratio_error(c, used.n, truth, error / scale, square), used.n, note);
    sum += error / scale;
    told++;
  }
  if (told > 0) out->value(out, "nrmse", -1, -1, sum / (double)told, (double)NAN, used.n, "mean over parameters");
end:
  used_free(&used);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent nrmse = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "nrmse",
    .summary = "root mean square error of posterior draws, relative to the spread of the truths",
    .version = "1.0",
    .reference = "2003.06281; 2512.20685",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&nrmse)
