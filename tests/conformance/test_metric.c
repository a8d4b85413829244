/* SPDX-License-Identifier: MIT
 *
 * Metrics: draws of the same law as the reference must give the null value, and draws far away must not. Values known of a metric stand in a table;
 * for others only that they report, finitely, and the same twice. */
#include <ebb/metric.h>

#include "suite.h"

enum { SETS = 2, DRAWS = 400, DIM = 2, MOST = 64 };

typedef struct Report {
  EbbReport table; /* first: passed as the report */
  int64_t n;
  struct {
    char metric[32];
    int64_t set, parameter;
    double value;
  } value[MOST];
} Report;

static void report_value(EbbReport *table, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n,
                         const char *note) {
  (void)error, (void)n, (void)note;
  Report *r = table->ctx;
  if (r->n == MOST) return;
  snprintf(r->value[r->n].metric, sizeof r->value->metric, "%s", metric);
  r->value[r->n].set = set;
  r->value[r->n].parameter = parameter;
  r->value[r->n++].value = value;
}

static void report_curve(EbbReport *table, const char *name, int64_t parameter, int64_t n, const double *x, const double *y, const double *low,
                         const double *high) {
  (void)table, (void)name, (void)parameter, (void)n, (void)x, (void)y, (void)low, (void)high;
}

static double report_find(const Report *r, const char *metric, int64_t set) {
  for (int64_t i = 0; i < r->n; i++)
    if (strcmp(r->value[i].metric, metric) == 0 && r->value[i].set == set) return r->value[i].value;
  return NAN;
}

static float theta[SETS * DRAWS * DIM], reference[SETS * DRAWS * DIM], truth[SETS * DIM] = {0.3F, -0.2F, -0.5F, 0.9F},
                                                                                    data[SETS * DIM] = {1, 2, 4, 3};

/* Standard normals of correlation .5; draws are moved by `shift` in set 2. */
static void make_draws(const EbbHost *host, double shift) {
  for (int both = 0; both < 2; both++)
    for (uint64_t i = 0; i < SETS * DRAWS; i++) {
      double z[DIM];
      host->normal(host, (EbbRng){1, (uint32_t)both}, 1, &i, NULL, 0, DIM, z);
      float *row = (both ? reference : theta) + i * DIM;
      row[0] = (float)(z[0] + (!both && i >= DRAWS ? shift : 0));
      row[1] = (float)(0.5 * z[0] + sqrt(0.75) * z[1]);
    }
}

static EbbStatus compute(const EbbChild *metric, double shift, Report *out) {
  static const char *const names[DIM] = {"a", "b"};
  static const int64_t set[SETS] = {1, 2};
  static const double zeros[SETS * DRAWS], lower[DIM] = {-INFINITY, -INFINITY}, upper[DIM] = {INFINITY, INFINITY};
  make_draws(plugin_host(metric), shift);
  *out = (Report){.table = {.size = sizeof(EbbReport), .ctx = out, .value = report_value, .curve = report_curve}};
  EbbData one = {.size = sizeof one, .layout = {.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = DIM}, .rows = SETS, .value = data};
  EbbEvidence e = {.size = sizeof e,
                   .host = plugin_host(metric),
                   .rng = {2, 2},
                   .sets = SETS,
                   .draws = DRAWS,
                   .dim = DIM,
                   .references = DRAWS,
                   .priors = DRAWS,
                   .set = set,
                   .name = names,
                   .data = &one,
                   .theta = theta,
                   .truth = truth,
                   .reference = reference,
                   .prior = reference,
                   .log_q = zeros,
                   .log_q_truth = zeros,
                   .evaluations = zeros,
                   .seconds = zeros,
                   .lower = lower,
                   .upper = upper};
  return ((const EbbMetricOps *)metric->ops)->compute(metric->self, &e, &out->table);
}

static EbbMetricNeeds needs_of(const EbbChild *metric) {
  EbbMetricNeeds needs = {.size = sizeof needs};
  ((const EbbMetricOps *)metric->ops)->needs(metric->self, &needs);
  return needs;
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_METRIC); }

static void metrics_report_finite_values_and_the_same_twice(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_METRIC, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_METRIC, all[i]->id);
    EbbMetricNeeds needs = needs_of(&child);
    CHECK(needs.flags < 32 && needs.sets >= 0 && needs.draws >= 0, "%s: needs %u, %d sets, %d draws", all[i]->id, needs.flags, (int)needs.sets,
          (int)needs.draws);
    if (needs.flags & EBB_NEED_SIMULATE) continue; /* no simulator here */
    Report first, second;
    CHECK_OK(compute(&child, 0, &first));
    CHECK_OK(compute(&child, 0, &second));
    CHECK(first.n > 0 && first.n == second.n, "%s reported %d and %d values", all[i]->id, (int)first.n, (int)second.n);
    for (int64_t k = 0; k < first.n; k++) {
      CHECK(isfinite(first.value[k].value), "%s: %s is not finite", all[i]->id, first.value[k].metric);
      CHECK(first.value[k].value == second.value[k].value, "%s: %s changed from one call to the next", all[i]->id, first.value[k].metric);
      CHECK(first.value[k].set < SETS && first.value[k].parameter < DIM, "%s: %s of set %d, parameter %d", all[i]->id, first.value[k].metric,
            (int)first.value[k].set, (int)first.value[k].parameter);
    }
  }
}

/* T8.1 and T8.2. c2st: .5 within three standard errors of 800 rows, and Phi(d/2) = .841 for unit normals 2 apart: here the shift lies along the first
 * axis of a correlation of .5, hence d = 2 / sqrt(.75) and .876. */
static void known_values_come_out(void) {
  static const struct {
    const char *id, *value;
    double same, apart, tolerance;
  } known[] = {{"c2st", "c2st", 0.5, 0.8759, 0.053}};
  for (size_t i = 0; i < COUNT(known); i++) {
    EbbChild child = suite_make(EBB_METRIC, known[i].id);
    Report r;
    CHECK_OK(compute(&child, 2, &r));
    CHECK_NEAR(report_find(&r, known[i].value, 0), known[i].same, known[i].tolerance, "%s of the same law", known[i].id);
    CHECK_NEAR(report_find(&r, known[i].value, 1), known[i].apart, known[i].tolerance, "%s of draws that are moved", known[i].id);
  }
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"metrics report finite values, and the same twice", metrics_report_finite_values_and_the_same_twice},
    {"known values come out", known_values_come_out},
};
TEST_MAIN("metrics", tests)
