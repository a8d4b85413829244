/* SPDX-License-Identifier: MIT
 *
 * Schedules: what every one of them must satisfy (methods.md 1, T1.1 to T1.4), and what is known of particular ones. */
#include "suite.h"

/* Of its range, the ends left out: differences need room. */
enum { POINTS = 10000 };
static double point(const Schedule *s, int64_t i) {
  double share = ((double)i + 0.5) / POINTS;
  return s->view.t_min + share * (s->view.t_max - s->view.t_min);
}

static EbbLevel level_at(const Schedule *s, double t) {
  EbbLevel level;
  s->view.at(&s->view, 1, &t, &level);
  return level;
}

/* Calls check on every registered schedule with its defaults. */
static void each(void (*check)(const char *id, const Schedule *)) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SCHEDULE, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_SCHEDULE, all[i]->id);
    Schedule s;
    suite_schedule(&child, &s);
    check(all[i]->id, &s);
    plugin_destroy(&child);
  }
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_SCHEDULE); }

static void check_falls(const char *id, const Schedule *s) {
  CHECK(s->view.t_min < s->view.t_max, "%s: range [%g, %g]", id, s->view.t_min, s->view.t_max);
  double before = level_at(s, s->view.t_min).lambda;
  CHECK(isfinite(before) && isfinite(level_at(s, s->view.t_max).lambda), "%s: lambda is not finite at the ends", id);
  for (int64_t i = 0; i < POINTS; i++) {
    EbbLevel l = level_at(s, point(s, i));
    if (l.lambda < before && l.alpha > 0 && l.sigma > 0 && l.dlambda < 0 && l.t == point(s, i)) {
      before = l.lambda;
      continue;
    }
    CHECK(false, "%s: at t = %g lambda %g after %g, alpha %g, sigma %g, lambda' %g", id, point(s, i), l.lambda, before, l.alpha, l.sigma, l.dlambda);
    return;
  }
}
static void lambda_falls_strictly_and_all_else_is_positive(void) { each(check_falls); }

/* Central, of fourth order: near the ends lambda is a logarithm. */
typedef struct Slope {
  double lambda, alpha, sigma;
} Slope;
static Slope slope_at(const Schedule *s, double t, double h) {
  EbbLevel a = level_at(s, t - 2 * h), b = level_at(s, t - h), c = level_at(s, t + h), d = level_at(s, t + 2 * h);
  return (Slope){(8 * (c.lambda - b.lambda) - (d.lambda - a.lambda)) / (12 * h), (8 * (c.alpha - b.alpha) - (d.alpha - a.alpha)) / (12 * h),
                 (8 * (c.sigma - b.sigma) - (d.sigma - a.sigma)) / (12 * h)};
}

static void check_derivatives(const char *id, const Schedule *s) {
  double h = 1e-5 * (s->view.t_max - s->view.t_min);
  for (int64_t i = 5; i < POINTS - 5; i += 97) {
    double t = point(s, i);
    EbbLevel l = level_at(s, t);
    Slope known = slope_at(s, t, h);
    CHECK_NEAR(l.dlambda / known.lambda, 1, 1e-6, "%s: lambda' over its difference at t = %g", id, t);
    double scale = fabs(l.alpha * l.dlambda), f = l.dalpha / l.alpha;
    CHECK_NEAR(l.dalpha, known.alpha, 1e-6 * fabs(l.dalpha) + 1e-10 * scale, "%s: alpha' at t = %g", id, t);
    CHECK_NEAR(l.dsigma, known.sigma, 1e-6 * fabs(l.dsigma) + 1e-10 * scale, "%s: sigma' at t = %g", id, t);
    CHECK_NEAR(2 * log(l.alpha / l.sigma), l.lambda, 1e-9 * (1 + fabs(l.lambda)), "%s: lambda at t = %g", id, t);
    double g2 = -l.sigma * l.sigma * l.dlambda;
    CHECK_NEAR(2 * l.sigma * l.dsigma - 2 * f * l.sigma * l.sigma, g2, 1e-6 * g2, "%s: g^2 at t = %g", id, t);
  }
}
static void derivatives_agree_with_differences_and_with_each_other(void) { each(check_derivatives); }

static void check_inverse(const char *id, const Schedule *s) {
  double span = s->view.t_max - s->view.t_min, accuracy = s->ops->inverse != NULL ? 1e-10 : 1e-8;
  for (int64_t i = 0; i < POINTS; i += 37) {
    double t = point(s, i), lambda = level_at(s, t).lambda, back;
    s->view.inverse(&s->view, 1, &lambda, &back);
    CHECK_NEAR(back, t, accuracy * span, "%s: inverse", id);
  }
}
static void the_inverse_returns_the_time(void) { each(check_inverse); }

static void check_many(const char *id, const Schedule *s) {
  double t[257], one[257], lambda[257];
  EbbLevel level[257];
  for (int64_t i = 0; i < 257; i++) t[i] = point(s, 38 * i);
  s->view.at(&s->view, 257, t, level);
  for (int64_t i = 0; i < 257; i++) {
    EbbLevel alone = level_at(s, t[i]);
    CHECK(alone.alpha == level[i].alpha && alone.sigma == level[i].sigma && alone.lambda == level[i].lambda && alone.dlambda == level[i].dlambda,
          "%s: at t = %g a level alone differs from the same among 257", id, t[i]);
    lambda[i] = level[i].lambda;
  }
  s->view.inverse(&s->view, 257, lambda, one);
  for (int64_t i = 0; i < 257; i++) {
    double alone;
    s->view.inverse(&s->view, 1, &lambda[i], &alone);
    CHECK(alone == one[i], "%s: the inverse at lambda = %g differs alone and among 257", id, lambda[i]);
  }
  CHECK_OK(s->ops->at(s->self, 0, NULL, NULL));
}
static void a_time_alone_gives_the_bits_it_has_among_many(void) { each(check_many); }

/* Where alpha^2 + sigma^2 = 1 by intent, it holds after rounding to float32, and sigma stays above 0. */
static void check_preserving(const char *id, const Schedule *s) {
  EbbLevel middle = level_at(s, 0.5 * (s->view.t_min + s->view.t_max));
  if (fabs(middle.alpha * middle.alpha + middle.sigma * middle.sigma - 1) > 1e-12) return;
  for (int64_t i = -1; i <= POINTS; i++) {
    EbbLevel l = level_at(s, i < 0 ? s->view.t_min : i == POINTS ? s->view.t_max : point(s, i));
    float alpha = (float)l.alpha, sigma = (float)l.sigma, total = alpha * alpha + sigma * sigma;
    if (sigma > 0 && alpha > 0 && fabsf(total - 1) <= 1e-6f) continue;
    CHECK(false, "%s: at t = %g alpha %g, sigma %g, sum of squares 1 + %g", id, l.t, (double)alpha, (double)sigma, (double)total - 1);
    return;
  }
}
static void variance_preserving_ones_preserve_it_in_float32(void) { each(check_preserving); }

static void check_training_law(const char *id, const Schedule *s) {
  double before = INFINITY;
  for (int64_t i = 0; i < POINTS; i++) {
    double u = ((double)i + 0.5) / POINTS, lambda;
    s->view.train(&s->view, 1, &u, &lambda);
    if (isfinite(lambda) && lambda <= before) {
      before = lambda;
      continue;
    }
    CHECK(false, "%s: the training law gives lambda %g after %g at u = %g", id, lambda, before, u);
    return;
  }
}
static void training_laws_are_finite_and_fall_with_the_quantile(void) { each(check_training_law); }

/* ---- edm_vp ---- */

static void edm_vp_has_the_range_of_edm(void) {
  EbbChild child = suite_make(EBB_SCHEDULE, "edm_vp");
  Schedule s;
  suite_schedule(&child, &s);
  CHECK_NEAR(level_at(&s, 0).lambda, 18.420680744, 1e-8, "-2 ln 1e-4");
  CHECK_NEAR(level_at(&s, 1).lambda, -8.764053269, 1e-8, "-2 ln 80");
  EbbLevel l = level_at(&s, 0.5); /* u = ((1e-4^(1/7) + 80^(1/7)) / 2)^7 */
  CHECK_NEAR(l.sigma / l.alpha, pow(0.5 * (pow(1e-4, 1.0 / 7) + pow(80, 1.0 / 7)), 7), 1e-12, "u in the middle");
}

/* T1.5: lambda ~ N(2.4, 2.4^2), stratified. */
static void edm_vp_trains_on_a_normal_law(void) {
  enum { N = 1000000 };
  EbbChild child = suite_make(EBB_SCHEDULE, "edm_vp");
  Schedule s;
  suite_schedule(&child, &s);
  double sum = 0, square = 0;
  for (int64_t i = 0; i < N; i++) {
    double u = ((double)i + 0.5) / N, lambda;
    s.view.train(&s.view, 1, &u, &lambda);
    sum += lambda;
    square += lambda * lambda;
  }
  CHECK_NEAR(sum / N, 2.4, 0.01, "mean");
  CHECK_NEAR(sqrt(square / N - sum / N * sum / N), 2.4, 0.01, "sd");
  /* Quantiles of the normal distribution from tables. */
  static const struct {
    double u, z;
  } known[] = {{0.5, 0}, {0.841344746068543, 1}, {0.975, 1.959963984540054}, {0.025, -1.959963984540054}, {1e-6, -4.753424308822899}};
  for (size_t i = 0; i < COUNT(known); i++) {
    double lambda;
    s.view.train(&s.view, 1, &known[i].u, &lambda);
    CHECK_NEAR(lambda, 2.4 - 2.4 * known[i].z, 1e-9, "quantile %g", known[i].u);
  }
  double ends[2] = {1e-300, 1 - 1e-16}, lambda[2];
  s.view.train(&s.view, 2, ends, lambda);
  CHECK_NEAR(lambda[0], 19.420680744, 1e-8, "cut one above the range");
  CHECK_NEAR(lambda[1], -9.764053269, 1e-8, "cut one below the range");
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"lambda falls strictly and all else is positive", lambda_falls_strictly_and_all_else_is_positive},
    {"derivatives agree with differences and with each other", derivatives_agree_with_differences_and_with_each_other},
    {"the inverse returns the time", the_inverse_returns_the_time},
    {"a time alone gives the bits it has among many", a_time_alone_gives_the_bits_it_has_among_many},
    {"variance-preserving ones preserve it in float32", variance_preserving_ones_preserve_it_in_float32},
    {"training laws are finite and fall with the quantile", training_laws_are_finite_and_fall_with_the_quantile},
    {"edm_vp has the range of EDM", edm_vp_has_the_range_of_edm},
    {"edm_vp trains on a normal law", edm_vp_trains_on_a_normal_law},
};
TEST_MAIN("schedules", tests)
