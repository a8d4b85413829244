/* SPDX-License-Identifier: MIT
 *
 * Expected log density: the mean over data sets of log q(truth | data), in nats, in the user's own space (the negative of the loss of neural
 * posterior estimation; Lueckmann et al. 2021, 2101.04653, "negative log probability of true parameters"). The larger the better; at best the
 * expected log density of the exact posterior, from which it lies apart by the mean Kullback-Leibler divergence. Costs one density solve a data set.
 */
#include "ranks.h"

typedef struct Config {
  int64_t datasets;
} Config;

static const EbbParam params[] = {
    SETS_DATASETS(Config),
    EBB_END,
};

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_TRUTH | EBB_NEED_DENSITY;
  n->sets = c->datasets;
  n->draws = 1; /* the truths' densities are what it reads */
}

/* A truth that the posterior rules out has log density -inf, and so has the mean: told in the note and as infinite, not left out. */
static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  (void)self;
  if (e->log_q_truth == NULL) return e->host->fail(e->host, EBB_E_CONFIG, "there are no log densities of true parameters");
  double *log_q = malloc((size_t)(e->sets + 1) * sizeof *log_q);
  if (log_q == NULL) return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld data sets", (long long)e->sets);
  int64_t n = 0, ruled_out = 0;
  for (int64_t s = 0; s < e->sets; s++) {
    ruled_out += isinf(e->log_q_truth[s]) != 0;
    if (isfinite(e->log_q_truth[s])) log_q[n++] = e->log_q_truth[s];
  }
  int64_t failed = e->sets - n - ruled_out;
  EbbStatus status = EBB_OK;
  char note[192] = "";
  if (failed > 0) snprintf(note, sizeof note, "%lld of %lld densities could not be solved and are left out", (long long)failed, (long long)e->sets);
  if (ruled_out > 0)
    snprintf(note, sizeof note, "%lld of %lld truths have density 0; the mean of the others is %.7g", (long long)ruled_out, (long long)e->sets,
             n > 0 ? moments(n, log_q).mean : (double)NAN);
  if (n + ruled_out == 0) {
    status = e->host->fail(e->host, EBB_E_NUMERIC, "none of %lld data sets has a log density of its truth", (long long)e->sets);
  } else if (ruled_out > 0) {
    out->value(out, "expected_log_density", -1, -1, -(double)INFINITY, (double)NAN, n + ruled_out, note);
  } else {
    Moments m = moments(n, log_q);
    out->value(out, "expected_log_density", -1, -1, m.mean, m.sd / sqrt((double)n), n, note);
  }
  free(log_q);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent expected_log_density = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "expected_log_density",
    .summary = "mean log density of the truth under its posterior",
    .version = "1.0",
    .reference = "2101.04653, negative log probability of true parameters",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&expected_log_density)
