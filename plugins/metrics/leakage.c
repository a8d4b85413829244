/* SPDX-License-Identifier: MIT
 *
 * Leakage (Durkan, Murray, Papamakarios 2020, 2002.03712): the share of posterior draws outside the parameters' support. Zero where a
 * bijection keeps draws inside; measured all the same, because files of draws, clipping and rounding can break it. A bound that is no float32 number
 * counts as the nearest one. */
#include "ranks.h"

static void needs(const void *self, EbbMetricNeeds *n) {
  (void)self;
  n->flags = 0;
  n->sets = n->draws = 0;
}

static int leaks(const EbbEvidence *e, const float *theta) {
  for (int64_t k = 0; k < e->dim; k++)
    if (theta[k] < (float)e->lower[k] || theta[k] > (float)e->upper[k]) return 1;
  return 0;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  (void)self;
  if (e->lower == NULL || e->upper == NULL) return e->host->fail(e->host, EBB_E_CONFIG, "the parameters' support is not known");
  int64_t all = 0, all_outside = 0;
  for (int64_t s = 0; s < e->sets; s++) {
    int64_t good = 0, outside = 0;
    for (int64_t i = 0; i < e->draws; i++) {
      if (!row_is_finite(e->dim, draw_of(e, s, i))) continue;
      good++;
      outside += leaks(e, draw_of(e, s, i));
    }
    char note[96] = "";
    if (good < e->draws) snprintf(note, sizeof note, "%lld of %lld draws failed and are left out", (long long)(e->draws - good), (long long)e->draws);
    if (good == 0) return e->host->fail(e->host, EBB_E_NUMERIC, "all draws of observation %lld failed", (long long)e->set[s]);
    double share = (double)outside / (double)good;
    out->value(out, "leakage", s, -1, share, sqrt(share * (1 - share) / (double)good), good, note);
    all += good;
    all_outside += outside;
  }
  double share = (double)all_outside / (double)all;
  if (e->sets > 1) out->value(out, "leakage", -1, -1, share, sqrt(share * (1 - share) / (double)all), all, "of all observations");
  return EBB_OK;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent leakage = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "leakage",
    .summary = "share of posterior draws outside the parameters' support",
    .version = "1.0",
    .reference = "2002.03712, leakage",
    .ops = &ops,
};
EBB_MODULE(&leakage)
