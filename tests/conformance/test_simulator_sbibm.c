/* SPDX-License-Identifier: MIT
 *
 * The tasks of sbibm (Lueckmann et al. 2021, 2101.04653) and inverse kinematics: published observations, priors, log-likelihoods computed elsewhere,
 * that simulations follow them, trajectories, and moments of published posterior draws. */
#include <stdlib.h>

#include "simulated.h"

enum { MOST = 16 }; /* parameters of a task */

/* Of the published files: sum of (place from 1) x value over the 5 x d numbers; and the log-likelihoods at the truths, computed in Python from the
 * handbook's formulas (slcp in fractions, sir and lotka_volterra by the classical Runge-Kutta method with 1,000 and 4,000 steps an interval). */
typedef struct Known {
  const char *id;
  double x, theta, log_p[5], tolerance;
} Known;
static const Known known[] = {
    {"slcp", 581.9226917, -8.573997009, {-10.853893187, -15.977271524, -21.583031614, 0.052966553, -22.191495513}, 1e-7},
    {"slcp_distractors", 11529.88296, -8.573997009, {-10.853893187, -15.977271524, -21.583031614, 0.052966553, -22.191495513}, 1e-7},
    {"gaussian_linear_uniform", 43.0490679, 63.42720667, {-4.076967651, -6.306447815, -3.938845382, -3.256769934, -0.826732277}, 1e-8},
    {"gaussian_mixture", 65.84173043, 58.08565262, {1.929120214, 1.663594805, -0.174994311, 1.116760026, -2.947053577}, 1e-8},
    {"bernoulli_glm", -2993.878659, -504.3639765, {-20.679767237, -35.007152705, -17.353956949, -13.667048771, -47.343148843}, 1e-7},
    {"bernoulli_glm_raw", 68366, -504.3639765, {-20.679774248, -35.007148260, -17.353969980, -13.667049005, -47.343150639}, 1e-7},
    {"sir", 59929, 15.24041171, {-11.730323270, -17.512686756, -13.602012178, -19.431747491, -21.173366064}, 1e-5},
    {"lotka_volterra", 156185.1471, 103.4102485, {9.826580680, -4.186281572, -19.689371820, -32.123814170, -12.098624611}, 1e-5},
};

static void observations_are_the_published_ones(void) {
  for (const Known *t = known; t < known + COUNT(known); t++) {
    Sim s = sim_make(t->id);
    double x = 0, theta = 0;
    float truth[MOST];
    CHECK(s.info.observations == 5, "%s: %d observations", s.id, (int)s.info.observations);
    for (int64_t k = 0; k < 5; k++) {
      EbbData one = sim_observe(&s, k + 1, truth);
      for (int64_t j = 0; j < s.numbers; j++) x += (double)(k * s.numbers + j + 1) * (double)one.value[j];
      for (int64_t j = 0; j < s.d; j++) theta += (double)(k * s.d + j + 1) * (double)truth[j];
    }
    CHECK_NEAR(x, t->x, 1e-7 * fabs(t->x) + 1e-5, "%s: observations", s.id);
    CHECK_NEAR(theta, t->theta, 1e-5, "%s: parameters", s.id);
    sim_free(&s);
  }
}

static void log_likelihoods_are_those_computed_elsewhere(void) {
  for (const Known *t = known; t < known + COUNT(known); t++) {
    Sim s = sim_make(t->id);
    for (int64_t k = 0; k < 5; k++) {
      float truth[MOST];
      double log_p;
      EbbData one = sim_observe(&s, k + 1, truth);
      CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, truth, &one, &log_p));
      CHECK_NEAR(log_p, t->log_p[k], t->tolerance, "%s: observation %d", s.id, (int)k + 1);
    }
    sim_free(&s);
  }
}

/* Of the likelihood ratios p(x | two[1]) / p(x | two[0]) over rows x: mean, deviation, and the root mean square of their logarithms. */
typedef struct Ratio {
  double mean, sd, size;
} Ratio;

static Ratio ratio(const Sim *s, int64_t rows, const EbbData *data, const float *two) {
  double mean = 0, square = 0, size = 0;
  for (int64_t i = 0; i < rows; i++) {
    EbbData one = sim_row(s, data, i);
    double log_p[2];
    WorkMark mark = work_mark(s->work);
    if (s->ops->log_likelihood(s->child.self, s->work, 2, two, &one, log_p) != EBB_OK) CHECK(false, "%s: %s", s->id, fail_text());
    work_reset(s->work, mark);
    double off = log_p[1] - log_p[0];
    mean += exp(off) / (double)rows;
    square += exp(2 * off) / (double)rows;
    size += off * off / (double)rows;
  }
  return (Ratio){mean, sqrt(fmax(square - mean * mean, 0)), sqrt(size)};
}

/* For x ~ p(. | theta) the ratio p(x | other) / p(x | theta) has mean 1, whichever way one parameter is moved. The move is halved until the
 * logarithms are about a half: larger moves have means carried by rows too rare to be seen. */
static void simulations_follow_the_likelihood(void) {
  enum { ROWS = 4000, FEW = 200 };
  for (const Known *t = known; t < known + COUNT(known); t++) {
    Sim s = sim_make(t->id);
    float two[2 * MOST];
    uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, ROWS);
    float *theta = ARENA_ARRAY(suite_arena(), float, ROWS *s.d);
    sim_observe(&s, 2, two);
    for (int64_t i = 0; i < ROWS * s.d; i++) theta[i] = two[i % s.d];
    EbbData data = sim_run(&s, 0, ROWS, theta, failed);
    for (int64_t m = 0; m < 2 * s.d; m++) {
      int64_t j = m / 2;
      double move = m % 2 ? -0.5 : 0.5;
      memcpy(two + s.d, two, (size_t)s.d * sizeof *two);
      do {
        move *= 0.5;
        two[s.d + j] = (float)((1 + move) * (double)two[j]);
      } while (ratio(&s, FEW, &data, two).size > 0.5 && fabs(move) > 1e-4);
      Ratio r = ratio(&s, ROWS, &data, two);
      CHECK(r.sd > 0 && r.size < 0.6, "%s: parameter %d moved by %g of itself: log ratios about %g", s.id, (int)j + 1, move, r.size);
      CHECK_NEAR(r.mean, 1, 4.5 * r.sd / sqrt(ROWS), "%s: parameter %d moved by %g of itself: mean likelihood ratio", s.id, (int)j + 1, move);
    }
    sim_free(&s);
  }
}

/* The prior of the Bernoulli tasks has precision P = blockdiag(.5, F'F): deviations, correlations of neighbours and a log density, from P inverted in
 * Python. */
static void correlated_priors_are_the_published_one(void) {
  enum { ROWS = 20000, D = 10 };
  static const char *const id[] = {"bernoulli_glm", "bernoulli_glm_raw"};
  static const double sd[D] = {1.4142, 1, 1.6771, 1.8299, 1.5521, 1.2163, 1.1004, 1.0692, 0.9806, 0.8803};
  static const double along[D - 1] = {0, 0.8944, 0.9135, 0.8692, 0.7466, 0.6633, 0.7178, 0.7307, 0.6899};
  static const float point[D] = {1, -0.5f, 0.25f, 2, -1, 0.5f, 0, 1.5f, -0.75f, 0.125f};
  for (size_t t = 0; t < COUNT(id); t++) {
    Sim s = sim_make(id[t]);
    float *theta = sim_prior(&s, 0, ROWS);
    for (int j = 0; j < D; j++) {
      Moments m = sim_moments(ROWS, D, theta, j);
      CHECK_NEAR(m.mean, 0, 4.5 * sd[j] / sqrt(ROWS), "%s: mean of theta%d", s.id, j + 1);
      CHECK_NEAR(m.sd / sd[j], 1, 4.5 / sqrt(2 * ROWS), "%s: sd of theta%d over the closed form", s.id, j + 1);
      double product = 0;
      for (int64_t i = 0; j > 0 && i < ROWS; i++) product += (double)theta[i * D + j] * (double)theta[i * D + j - 1] / ROWS;
      if (j > 0) CHECK_NEAR(product / (sd[j] * sd[j - 1]), along[j - 1], 0.05, "%s: correlation of theta%d and the one before", s.id, j + 1);
    }
    double log_p;
    CHECK_OK(s.ops->log_prior(s.child.self, 1, point, &log_p));
    CHECK_NEAR(log_p, -56.65514501865718, 1e-9, "%s: log prior", s.id);
    sim_free(&s);
  }
}

static void declared_priors_are_the_published_ones(void) {
  static const struct {
    const char *id;
    int family;
    double p[2][2]; /* of the first and the last parameter */
  } wanted[] = {{"slcp", EBB_PRIOR_UNIFORM, {{-3, 3}, {-3, 3}}},
                {"slcp_distractors", EBB_PRIOR_UNIFORM, {{-3, 3}, {-3, 3}}},
                {"gaussian_linear_uniform", EBB_PRIOR_UNIFORM, {{-1, 1}, {-1, 1}}},
                {"gaussian_mixture", EBB_PRIOR_UNIFORM, {{-10, 10}, {-10, 10}}},
                {"sir", EBB_PRIOR_LOGNORMAL, {{-0.916290732, 0.5}, {-2.079441542, 0.2}}},
                {"lotka_volterra", EBB_PRIOR_LOGNORMAL, {{-0.125, 0.5}, {-3, 0.5}}},
                {"inverse_kinematics", EBB_PRIOR_NORMAL, {{0, 0.25}, {0, 0.5}}}};
  for (size_t t = 0; t < COUNT(wanted); t++) {
    Sim s = sim_make(wanted[t].id);
    for (int e = 0; e < 2; e++) {
      const EbbParameter *p = &s.info.parameter[e == 0 ? 0 : s.d - 1];
      CHECK(p->family == wanted[t].family, "%s: family %d of %s", s.id, (int)p->family, p->name);
      for (int k = 0; k < 2; k++) CHECK_NEAR(p->p[k], wanted[t].p[e][k], 1e-9, "%s: number %d of %s", s.id, k + 1, p->name);
    }
    sim_free(&s);
  }
}

/* ---- trajectories ---- */

static double log_likelihood(const Sim *s, const float *theta, const EbbData *one) {
  double log_p;
  CHECK_OK(s->ops->log_likelihood(s->child.self, s->work, 1, theta, one, &log_p));
  return log_p;
}

/* Share of infected at time j as the likelihood sees it: of 1,000 tested all or none being infected differ by 1000 ln(p / (1 - p)). */
static double share(const Sim *s, const float *theta, int j) {
  EbbData one = sim_data(s, 1);
  double none = log_likelihood(s, theta, &one);
  one.value[j] = 1000;
  return 1 / (1 + exp(-(log_likelihood(s, theta, &one) - none) / 1000));
}

/* By the classical Runge-Kutta method in I and S themselves, 1,000 steps an interval, in Python. */
static void sir_has_the_known_trajectory(void) {
  static const double known_share[10] = {1e-6,          1.0720880217e-4, 0.01122530936,  0.3070126877,   0.1288377653,
                                         0.02329605866, 0.003894460586,  6.436461573e-4, 1.061805781e-4, 1.751100985e-5};
  static const float theta[2] = {0.4f, 0.125f};
  Sim s = sim_make("sir");
  for (int j = 0; j < 10; j++) CHECK_NEAR(share(&s, theta, j) / known_share[j], 1, 5e-7, "share of infected at time %d over the known", 17 * j);
  sim_free(&s);
}

/* Both tails of the counts: at beta = 2, gamma = .02 most are infected at day 17. */
static void sir_counts_are_binomial(void) {
  enum { ROWS = 20000 };
  static const float rate[2] = {2, 0.02f};
  Sim s = sim_make("sir");
  float *theta = ARENA_ARRAY(suite_arena(), float, 2 * ROWS);
  uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, ROWS);
  for (int i = 0; i < 2 * ROWS; i++) theta[i] = rate[i % 2];
  EbbData data = sim_run(&s, 0, ROWS, theta, failed);
  int large = 0, small = 0;
  for (int j = 0; j < 10; j++) {
    double p = share(&s, rate, j), sd = sqrt(1000 * p * (1 - p));
    Moments m = sim_moments(ROWS, 10, data.value, j);
    large += p > 0.7;
    small += p < 0.01;
    CHECK_NEAR(m.mean, 1000 * p, 4.5 * sd / sqrt(ROWS), "mean count at time %d", 17 * j);
    if (sd > 1) CHECK_NEAR(m.sd / sd, 1, 4.5 / sqrt(2 * ROWS), "sd of the count at time %d over the binomial's", 17 * j);
  }
  CHECK(large > 0 && small > 0, "shares: %d large, %d small", large, small);
  sim_free(&s);
}

/* At the prior's median, by the classical Runge-Kutta method in X and Y themselves, 4,000 steps an interval, in Python. Two values l1, l2 of ln x_j
 * tell the middle m: ln p1 - ln p2 = -((l1 - m)^2 - (l2 - m)^2) / .02 - (l1 - l2). */
static void lotka_volterra_has_the_known_trajectory(void) {
  static const double animals[20] = {
      30, 37.3399112154, 0.865054984862, 1.83703085158, 9.49443132856,  54.0654155957, 4.32727116098, 0.897340648805, 3.13028291424, 17.4668686845,
      1,  73.7775965421, 22.3382757489,  3.93434898702, 0.993291019699, 2.32422907664, 66.839012788,  12.1256728403,  2.25976121382, 0.83924854957};
  float theta[4];
  Sim s = sim_make("lotka_volterra");
  for (int j = 0; j < 4; j++) theta[j] = (float)exp(j % 2 ? -3 : -0.125);
  EbbData one = sim_data(&s, 1);
  for (int j = 0; j < 20; j++) {
    for (int i = 0; i < 20; i++) one.value[i] = (float)animals[i];
    double l[2], p[2];
    for (int k = 0; k < 2; k++) {
      one.value[j] = (float)(animals[j] * (k == 0 ? 1.25 : 0.75));
      l[k] = log((double)one.value[j]);
      p[k] = log_likelihood(&s, theta, &one);
    }
    double m = 0.5 * (l[0] + l[1]) + 0.01 * ((p[0] - p[1]) / (l[0] - l[1]) + 1);
    CHECK_NEAR(exp(m) / animals[j], 1, 1e-6, "number %d over the known", j + 1);
  }
  sim_free(&s);
}

/* No solution: the row fails, those beside it do not. */
static void rows_without_a_solution_fail(void) {
  static const char *const id[] = {"sir", "lotka_volterra"};
  for (size_t t = 0; t < COUNT(id); t++) {
    Sim s = sim_make(id[t]);
    float theta[3 * 4];
    uint8_t failed[3] = {7, 7, 7};
    for (int64_t i = 0; i < 3 * s.d; i++) theta[i] = i / s.d == 1 ? 1e30f : 0.2f;
    EbbData data = sim_run(&s, 0, 3, theta, failed);
    CHECK(failed[0] == 0 && failed[1] == 1 && failed[2] == 0, "%s: failed %d %d %d", s.id, failed[0], failed[1], failed[2]);
    for (int64_t j = 0; j < s.numbers; j++)
      CHECK(isfinite(data.value[j]) && isfinite(data.value[2 * s.numbers + j]), "%s: number %d beside a failed row", s.id, (int)j);
    EbbData one = sim_row(&s, &data, 0);
    CHECK(log_likelihood(&s, theta + s.d, &one) == -INFINITY, "%s: likelihood without a solution", s.id);
    sim_free(&s);
  }
}

/* ---- exact posteriors ---- */

/* Each parameter N(x, .1) cut to (-1, 1): with a, b the cuts in standard deviations and f, F the normal density and distribution, Z = F(b) - F(a),
 * mean x + s (f(a) - f(b)) / Z, variance s^2 (1 + (a f(a) - b f(b)) / Z - ((f(a) - f(b)) / Z)^2). */
static void gaussian_linear_uniform_has_the_closed_posterior(void) {
  enum { ROWS = 20000 };
  Sim s = sim_make("gaussian_linear_uniform");
  for (int k = 1; k <= 5; k++) {
    float truth[MOST];
    EbbData one = sim_observe(&s, k, truth);
    float *draw = sim_reference(&s, &one, 0, ROWS);
    for (int j = 0; j < s.d; j++) {
      double x = (double)one.value[j], sd = sqrt(0.1), a = (-1 - x) / sd, b = (1 - x) / sd, root = sqrt(2 * acos(-1));
      double fa = exp(-a * a / 2) / root, fb = exp(-b * b / 2) / root, Z = 0.5 * (erf(b / sqrt(2)) - erf(a / sqrt(2))), off = (fa - fb) / Z;
      double wanted = sd * sqrt(1 + (a * fa - b * fb) / Z - off * off);
      Moments m = sim_moments(ROWS, s.d, draw, j);
      CHECK_NEAR(m.mean, x + sd * off, 4.5 * wanted / sqrt(ROWS), "set %d: mean of theta%d", k, j + 1);
      CHECK_NEAR(m.sd / wanted, 1, 0.03, "set %d: sd of theta%d over the closed form", k, j + 1);
    }
  }
  EbbData far = sim_data(&s, 1);
  float theta[MOST];
  for (int j = 0; j < s.d; j++) far.value[j] = j == 3 ? 20 : 0;
  EbbRng rng = {1, 2};
  uint64_t id = 0;
  CHECK(s.ops->reference(s.child.self, s.work, rng, &far, 1, &id, theta) == EBB_E_NUMERIC && strstr(fail_text(), "number 4") != NULL,
        "data out of reach: %s", fail_text());
  sim_free(&s);
}

/* Moments of sbibm's 10,000 published draws a set: mean and sd of both parameters, and the share closer to x than .3. */
static void gaussian_mixture_agrees_with_the_published_draws(void) {
  enum { ROWS = 10000 };
  static const double published[5][5] = {{-9.2641, 0.5269, -1.4874, 0.6493, 0.6116},
                                         {-2.9275, 0.6931, -8.5928, 0.6020, 0.5483},
                                         {7.1677, 0.6885, -3.0526, 0.7121, 0.5195},
                                         {-8.0164, 0.6691, -0.0156, 0.7083, 0.5198},
                                         {8.7623, 0.5823, 8.0555, 0.6435, 0.5488}};
  Sim s = sim_make("gaussian_mixture");
  for (int k = 0; k < 5; k++) {
    float truth[MOST];
    EbbData one = sim_observe(&s, k + 1, truth);
    float *draw = sim_reference(&s, &one, 0, ROWS);
    double near = 0;
    for (int64_t i = 0; i < ROWS; i++)
      near += hypot((double)draw[2 * i] - (double)one.value[0], (double)draw[2 * i + 1] - (double)one.value[1]) < 0.3;
    CHECK_NEAR(near / ROWS, published[k][4], 0.025, "set %d: share near x", k + 1);
    for (int j = 0; j < 2; j++) {
      Moments m = sim_moments(ROWS, 2, draw, j);
      CHECK_NEAR(m.mean, published[k][2 * j], 5 * published[k][2 * j + 1] * sqrt(2.0 / ROWS), "set %d: mean of theta%d", k + 1, j + 1);
      CHECK_NEAR(m.sd / published[k][2 * j + 1], 1, 0.07, "set %d: sd of theta%d over the published", k + 1, j + 1);
    }
  }
  sim_free(&s);
}

/* Deviations by importance sampling in the handbook; means are 0 by the symmetry of up and down; every arm ends in x. */
static void inverse_kinematics_has_the_known_posterior(void) {
  enum { ROWS = 4000, D = 4 };
  static const double sd[D] = {0.352, 0.793, 0.617, 1.186};
  Sim s = sim_make("inverse_kinematics");
  float truth[MOST];
  uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, ROWS);
  EbbData one = sim_observe(&s, 1, truth);
  CHECK(one.value[0] == 0 && one.value[1] == 1.5f && isnan(truth[0]), "observation (%g, %g)", (double)one.value[0], (double)one.value[1]);
  float *draw = sim_reference(&s, &one, 0, ROWS);
  EbbData end = sim_run(&s, 0, ROWS, draw, failed);
  for (int64_t i = 0; i < 2 * ROWS; i++) CHECK_NEAR((double)end.value[i], (double)one.value[i % 2], 2e-6, "end of arm %d", (int)i / 2);
  for (int j = 0; j < D; j++) {
    Moments m = sim_moments(ROWS, D, draw, j);
    CHECK_NEAR(m.mean, 0, 4.5 * sd[j] / sqrt(ROWS), "mean of parameter %d", j + 1);
    CHECK_NEAR(m.sd / sd[j], 1, 0.04, "sd of parameter %d over the known", j + 1);
  }
  one.value[1] = 2.5f;
  EbbRng rng = {1, 2};
  uint64_t id = 0;
  CHECK(s.ops->reference(s.child.self, s.work, rng, &one, 1, &id, draw) == EBB_E_NUMERIC, "an arm of length 2 reached 2.5");
  sim_free(&s);
}

static const Test tests[] = {
    {"observations are the published ones", observations_are_the_published_ones},
    {"log-likelihoods are those computed elsewhere", log_likelihoods_are_those_computed_elsewhere},
    {"simulations follow the likelihood", simulations_follow_the_likelihood},
    {"correlated priors are the published one", correlated_priors_are_the_published_one},
    {"declared priors are the published ones", declared_priors_are_the_published_ones},
    {"sir has the known trajectory", sir_has_the_known_trajectory},
    {"sir counts are binomial", sir_counts_are_binomial},
    {"lotka_volterra has the known trajectory", lotka_volterra_has_the_known_trajectory},
    {"rows without a solution fail", rows_without_a_solution_fail},
    {"gaussian_linear_uniform has the closed posterior", gaussian_linear_uniform_has_the_closed_posterior},
    {"gaussian_mixture agrees with the published draws", gaussian_mixture_agrees_with_the_published_draws},
    {"inverse_kinematics has the known posterior", inverse_kinematics_has_the_known_posterior},
};
TEST_MAIN("simulators of sbibm", tests)
