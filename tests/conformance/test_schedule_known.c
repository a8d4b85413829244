/* SPDX-License-Identifier: MIT
 *
 * What is known of particular schedules (methods.md 1): the closed forms of the papers, written another way than the plugins write them. */
#include "suite.h"

static Schedule make(const char *yaml) {
  EbbChild child = suite_make(EBB_SCHEDULE, yaml);
  Schedule *s = ARENA_NEW(suite_arena(), Schedule); /* views point at themselves */
  suite_schedule(&child, s);
  return *s;
}

static EbbLevel level_of(const Schedule *s, double t) {
  EbbLevel level;
  CHECK_OK(s->ops->at(s->self, 1, &t, &level));
  return level;
}

static double g2_of(const EbbLevel *l) { return -l->sigma * l->sigma * l->dlambda; }

static void ends_are_those_of_the_papers(void) {
  static const struct {
    const char *yaml;
    double t_min, t_max, lambda_max, lambda_min;
  } known[] = {
      {"edm_ve", 0, 1, 12.429216196844383, -8.764053269347762},                            /* -2 ln .002, -2 ln 80 */
      {"cosine", 0, 1, 12, -12},                                                           /* as cut */
      {"{use: cosine, shift: 1.5}", 0, 1, 12, -12},                                        /* the shift moves t, not the range */
      {"{use: ve_geometric, sigma_max: 15}", 0, 1, 18.420680743952367, -5.41610040220442}, /* -2 ln 1e-4, -2 ln 15 */
      {"flow", 1e-4, 1 - 1e-4, 18.420480733952, -18.420480733952},                         /* 2 ln 9999 */
      {"{use: flow, sigma_min: 0.01}", 1e-4, 1 - 1e-4, 9.190437731, -18.420482733},
      {"vp_linear", 1e-5, 1, 13.814515, -10.0499568}, /* -ln(exp(1.000995e-6) - 1), -ln(exp(10.05) - 1) */
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    Schedule s = make(known[i].yaml);
    double t[2];
    s.ops->range(s.self, t);
    CHECK_NEAR(t[0], known[i].t_min, 1e-12, "%s: t_min", known[i].yaml);
    CHECK_NEAR(t[1], known[i].t_max, 1e-12, "%s: t_max", known[i].yaml);
    CHECK_NEAR(level_of(&s, t[0]).lambda, known[i].lambda_max, 1e-6, "%s: lambda at t_min", known[i].yaml);
    CHECK_NEAR(level_of(&s, t[1]).lambda, known[i].lambda_min, 1e-6, "%s: lambda at t_max", known[i].yaml);
  }
}

/* t' = .00157802 + (1 - 2 * .00157802) t, alpha = cos, sigma = sin; the cut counts once in lambda', which is -2 pi in the middle (times the span). */
static void cosine_is_a_quarter_circle(void) {
  const double cut = 0.00157802, pi = acos(-1);
  Schedule s = make("cosine"), shifted = make("{use: cosine, shift: 1, lambda_min: -30, lambda_max: 30}");
  for (double t = 0; t <= 1; t += 0.125) {
    EbbLevel l = level_of(&s, t);
    double phi = 0.5 * pi * (cut + (1 - 2 * cut) * t);
    CHECK_NEAR(l.alpha, cos(phi), 1e-8, "alpha at %g", t);
    CHECK_NEAR(l.sigma, sin(phi), 1e-8, "sigma at %g", t);
    CHECK_NEAR(l.dlambda * sin(2 * phi), -2 * pi * (1 - 2 * cut), 1e-5, "lambda' at %g", t);
    if (t > 0 && t < 1) CHECK_NEAR(level_of(&shifted, t).lambda, -2 * log(tan(0.5 * pi * t)) + 2, 1e-4, "shifted lambda at %g", t);
  }
}

/* g^2 is the SDE's own rate: beta, beta (1 - alpha^4), d(sigma^2)/dt, 2t / (1 - t) (T1.3). */
static void diffusion_coefficients_are_those_of_the_sdes(void) {
  Schedule vp = make("vp_linear"), sub = make("sub_vp"), ve = make("ve_geometric"), edm = make("edm_ve"), flow = make("flow");
  for (int i = 1; i < 20; i++) {
    double t = 0.05 * i, beta = 0.1 + 19.9 * t, B = 0.1 * t + 9.95 * t * t;
    EbbLevel l = level_of(&vp, t);
    CHECK_NEAR(g2_of(&l) / beta, 1, 1e-12, "vp_linear at %g", t);
    CHECK_NEAR(l.alpha, exp(-0.5 * B), 1e-14, "vp_linear: alpha at %g", t);
    CHECK_NEAR(l.dalpha / l.alpha, -0.5 * beta, 1e-12, "vp_linear: f at %g", t);
    l = level_of(&sub, t);
    CHECK_NEAR(g2_of(&l) / (beta * (1 - exp(-2 * B))), 1, 1e-12, "sub_vp at %g", t);
    CHECK_NEAR(l.sigma, 1 - exp(-B), 1e-14, "sub_vp: sigma at %g", t);
    l = level_of(&ve, t);
    CHECK_NEAR(g2_of(&l) / (2 * log(1e5) * 1e-8 * pow(1e10, t)), 1, 1e-9, "ve_geometric at %g", t);
    l = level_of(&edm, t);
    CHECK_NEAR(g2_of(&l) / (2 * l.sigma * l.dsigma), 1, 1e-12, "edm_ve at %g", t);
    l = level_of(&flow, t);
    CHECK_NEAR(g2_of(&l) / (2 * t / (1 - t)), 1, 1e-12, "flow at %g", t);
  }
  EbbLevel last = level_of(&edm, 1);
  CHECK_NEAR(last.sigma, 80, 1e-9, "edm_ve begins at sigma 80");
  CHECK_NEAR(g2_of(&last), 2 * 80 * 7 * pow(80, 6.0 / 7) * (pow(80, 1.0 / 7) - pow(2e-3, 1.0 / 7)), 1e-6, "not smaller by 1 + sigma^2");
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

static void sigmoid_is_a_piece_of_the_logistic_function(void) {
  static const struct { double start, end, tau; } known[] = {{-3, 3, 1}, {0, 3, 0.5}, {-3, 3, 0.3}, {-2, 4, 1.1}};
  for (size_t i = 0; i < COUNT(known); i++) {
    double s = known[i].start / known[i].tau, e = known[i].end / known[i].tau;
    Schedule schedule = make(arena_print(suite_arena(), "{use: sigmoid, start: %g, end: %g, tau: %g}", known[i].start, known[i].end, known[i].tau));
    for (double t = 0.1; t < 0.95; t += 0.1) {
      EbbLevel l = level_of(&schedule, t);
      double wanted = (logistic(e) - logistic(s + t * (e - s))) / (logistic(e) - logistic(s));
      CHECK_NEAR(l.alpha * l.alpha, wanted, 1e-12, "start %g, end %g, tau %g: alpha^2 at %g", known[i].start, known[i].end, known[i].tau, t);
    }
    double t[2];
    schedule.ops->range(schedule.self, t);
    CHECK_NEAR(level_of(&schedule, t[0]).lambda, 15, 1e-9, "lambda at t_min");
    CHECK_NEAR(level_of(&schedule, t[1]).lambda, -15, 1e-9, "lambda at t_max");
  }
}

/* T1.5: stratified draws of cosine's training law have density sech(lambda/2) / 2 pi, whose distribution function is (2/pi) atan exp(lambda/2). */
static void cosine_trains_on_a_hyperbolic_secant(void) {
  enum { N = 100000, BINS = 12 };
  Schedule s = make("cosine");
  double count[BINS] = {0};
  for (int i = 0; i < N; i++) {
    double t = (i + 0.5) / N; /* no slot of its own: evenly in t */
    CHECK(s.ops->train == NULL, "cosine has its own law");
    int bin = (int)floor(level_of(&s, t).lambda + 6);
    if (bin >= 0 && bin < BINS) count[bin] += 1.0 / N;
  }
  for (int k = 0; k < BINS; k++) {
    double low = k - 6, share = 2 / acos(-1) * (atan(exp(0.5 * (low + 1))) - atan(exp(0.5 * low)));
    CHECK_NEAR(count[k], share / (1 - 2 * 0.00157802), 2e-5, "lambda in [%g, %g]", low, low + 1);
  }
}

static void edm_ve_trains_on_the_law_of_edm(void) {
  Schedule s = make("edm_ve");
  double u[3] = {0.5, 0.841344746068543, 1 - 1e-16}, lambda[3];
  s.ops->train(s.self, 3, u, lambda);
  CHECK_NEAR(lambda[0], 2.4, 1e-9, "median");
  CHECK_NEAR(lambda[1], 0, 1e-9, "one sd of noise above");
  CHECK_NEAR(lambda[2], -9.764053269347762, 1e-9, "cut one below the range");
}

/* A13 of schedules: what lies beyond the range has the time of the end, to the bit. */
static void inverses_beyond_the_range_stop_at_the_ends(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SCHEDULE, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_SCHEDULE, all[i]->id);
    Schedule s;
    suite_schedule(&child, &s);
    double far[2] = {200, -200}, t[2];
    s.view.inverse(&s.view, 2, far, t);
    CHECK(fabs(t[0] - s.view.t_min) < 1e-12 && fabs(t[1] - s.view.t_max) < 1e-12, "%s: lambda of 200 and -200 at t = %g and %g", all[i]->id, t[0],
          t[1]);
  }
}

static const Test tests[] = {
    {"ends are those of the papers", ends_are_those_of_the_papers},
    {"cosine is a quarter circle", cosine_is_a_quarter_circle},
    {"diffusion coefficients are those of the SDEs", diffusion_coefficients_are_those_of_the_sdes},
    {"sigmoid is a piece of the logistic function", sigmoid_is_a_piece_of_the_logistic_function},
    {"cosine trains on a hyperbolic secant", cosine_trains_on_a_hyperbolic_secant},
    {"edm_ve trains on the law of EDM", edm_ve_trains_on_the_law_of_edm},
    {"inverses beyond the range stop at the ends", inverses_beyond_the_range_stop_at_the_ends},
};
TEST_MAIN("known schedules", tests)
