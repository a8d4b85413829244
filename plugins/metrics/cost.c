/* SPDX-License-Identifier: MIT
 *
 * What draws cost: field evaluations a draw, wall seconds for 10,000 draws on this machine, and how many draws failed. */
#include "ranks.h"

static void needs(const void *self, EbbMetricNeeds *n) {
  (void)self;
  n->flags = 0;
  n->sets = n->draws = 0;
}

/* A value for each observation, and their mean. What is not known (NaN) is not told. */
static void report(const EbbEvidence *e, const char *name, const double *value, double scale, const char *note, EbbReport *out) {
  double sum = 0, square = 0;
  int64_t n = 0;
  for (int64_t s = 0; s < e->sets && value != NULL; s++) {
    if (isnan(value[s])) continue;
    out->value(out, name, s, -1, scale * value[s], (double)NAN, e->draws, note);
    sum += scale * value[s];
    square += scale * value[s] * scale * value[s];
    n++;
  }
  double sets = (double)n, variance = (square - sum * sum / sets) / (sets - 1);
  if (n > 1) out->value(out, name, -1, -1, sum / sets, sqrt(fmax(0, variance) / sets), n, "mean over observations; error from their spread");
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  (void)self;
  double *failed = calloc((size_t)e->sets + 1, sizeof *failed);
  if (failed == NULL) return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld observations", (long long)e->sets);
  for (int64_t s = 0; s < e->sets; s++)
    for (int64_t i = 0; i < e->draws; i++) failed[s] += !row_is_finite(e->dim, draw_of(e, s, i));
  report(e, "cost_evaluations", e->evaluations, 1, "field evaluations a draw", out);
  report(e, "cost_seconds", e->seconds, 1e4 / (double)e->draws, "seconds for 10000 draws", out);
  report(e, "cost_failed", failed, 1, "draws that failed", out);
  free(failed);
  return EBB_OK;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent cost = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "cost",
    .summary = "field evaluations and seconds that draws take, and draws that failed",
    .version = "1.0",
    .reference = "2512.20685, evaluations and time of samplers",
    .ops = &ops,
};
EBB_MODULE(&cost)
