/* SPDX-License-Identifier: MIT
 *
 * The spec's laws of noise levels in training (methods.md 1), with every registered schedule. */
#include "run/schedule.h"
#include "suite.h"

enum { N = 100000 };

/* Stratified draws of one law under a schedule, and what is known of the same law without its cut: F(lambda). */
typedef double (*Distribution)(double lambda, const SpecNoise *);

static double normal(double lambda, const SpecNoise *l) { return 0.5 * erfc((l->mean - lambda) / l->sd / sqrt(2)); }
static double laplace(double lambda, const SpecNoise *l) {
  double x = (lambda - l->location) / l->scale;
  return x < 0 ? 0.5 * exp(x) : 1 - 0.5 * exp(-x);
}

static ScheduleView *view(const char *id, SpecNoise law) {
  EbbChild child = suite_make(EBB_SCHEDULE, id);
  ScheduleView *v = ARENA_NEW(suite_arena(), ScheduleView);
  CHECK_OK(schedule_view(&child, v));
  v->noise = law;
  return v;
}

/* The share of draws below each of 40 levels is F there, wherever the range's cut leaves it be; all lie within the range and fall with u. */
static void check_law(const char *id, SpecNoise law, Distribution F) {
  ScheduleView *v = view(id, law);
  double *lambda = ARENA_ARRAY(suite_arena(), double, N), span = v->lambda_max - v->lambda_min;
  for (int i = 0; i < N; i++) {
    double u = (i + 0.5) / N;
    v->schedule.train(&v->schedule, 1, &u, &lambda[i]);
    if (lambda[i] >= v->lambda_min && lambda[i] <= v->lambda_max && (i == 0 || lambda[i] <= lambda[i - 1])) continue;
    CHECK(false, "%s: lambda %g at u = %g", id, lambda[i], u);
    return;
  }
  for (int k = 1; k < 40; k++) {
    double level = v->lambda_min + span * k / 40, below = 0;
    for (int i = 0; i < N; i++) below += lambda[i] < level ? 1.0 / N : 0;
    CHECK_NEAR(below, F != NULL ? F(level, &law) : k / 40.0, 2.0 / N, "%s, law %d: share below lambda = %g", id, (int)law.law, level);
  }
}

static void laws_have_their_distribution_under_every_schedule(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SCHEDULE, &n);
  for (size_t i = 0; i < n; i++) {
    check_law(all[i]->id, (SpecNoise){.law = LAW_NORMAL, .mean = 2.4, .sd = 2.4}, normal);
    check_law(all[i]->id, (SpecNoise){.law = LAW_NORMAL, .mean = -1, .sd = 5}, normal);
    check_law(all[i]->id, (SpecNoise){.law = LAW_LAPLACE, .location = 0, .scale = 0.5}, laplace);
    check_law(all[i]->id, (SpecNoise){.law = LAW_LAPLACE, .location = 3, .scale = 4}, laplace);
    check_law(all[i]->id, (SpecNoise){.law = LAW_UNIFORM}, NULL);
  }
}

/* T1.5 */
static void the_normal_law_is_that_of_edm(void) {
  ScheduleView *edm = view("edm_vp", (SpecNoise){.law = LAW_SCHEDULE}),
               *same = view("cosine", (SpecNoise){.law = LAW_NORMAL, .mean = 2.4, .sd = 2.4});
  for (double u = 0.001; u < 1; u += 0.01) {
    double of_edm, of_normal;
    edm->schedule.train(&edm->schedule, 1, &u, &of_edm);
    same->schedule.train(&same->schedule, 1, &u, &of_normal);
    CHECK_NEAR(of_normal, of_edm, 1e-12, "at u = %g", u);
  }
}

static void the_default_is_the_schedules_own(void) {
  ScheduleView *v = view("flow", (SpecNoise){.law = LAW_SCHEDULE});
  double u = 0.25, lambda, t = 1e-4 + 0.25 * (1 - 2e-4);
  v->schedule.train(&v->schedule, 1, &u, &lambda);
  CHECK_NEAR(lambda, 2 * log((1 - t) / t), 1e-12, "a quarter of the way");
}

static const Test tests[] = {
    {"laws have their distribution under every schedule", laws_have_their_distribution_under_every_schedule},
    {"the normal law is that of EDM", the_normal_law_is_that_of_edm},
    {"the default is the schedule's own", the_default_is_the_schedules_own},
};
TEST_MAIN("noise laws", tests)
