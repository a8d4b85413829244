/* SPDX-License-Identifier: MIT
 *
 * The tasks of sbibm (Lueckmann et al. 2021, 2101.04653) and inverse kinematics: published observations, priors, log-likelihoods computed elsewhere,
 * that simulations follow them, trajectories, and moments of published posterior draws. */
#include <stdlib.h>

#include "simulated.h"

enum { MOST = 16 }; /* parameters of a task */

typedef struct Moments {
  double mean, sd;
} Moments;

/* Of column j of x [rows][width]. */
static Moments moments(int64_t rows, int64_t width, const float *x, int64_t j) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) sum += (double)x[i * width + j];
  for (int64_t i = 0; i < rows; i++) square += pow((double)x[i * width + j] - sum / (double)rows, 2);
  return (Moments){sum / (double)rows, sqrt(square / (double)rows)};
}

static EbbData observe(const Sim *s, int64_t k, float *truth) {
  EbbData one = sim_data(s, 1);
  CHECK_OK(s->ops->observation(s->child.self, k, &one, truth));
  return one;
}

/* Of the published files: sum of (place from 1) x value over the 5 x d numbers; and the log-likelihoods at the truths, computed in Python from the
 * handbook's formulas (slcp in fractions, sir and lotka_volterra by the classical Runge-Kutta method with 1,000 and 4,000 steps an interval). */
typedef struct Known {
  const char *id;
  double x, theta, log_p[5], tolerance;
} Known;
static const Known known[] = {
    {"slcp", 581.9226917, -8.573997009, {-10.853893187, -15.977271524, -21.583031614, 0.052966553, -22.191495513}, 1e-7},
    {"gaussian_linear_uniform", 43.0490679, 63.42720667, {-4.076967651, -6.306447815, -3.938845382, -3.256769934, -0.826732277}, 1e-8},
    {"gaussian_mixture", 65.84173043, 58.08565262, {1.929120214, 1.663594805, -0.174994311, 1.116760026, -2.947053577}, 1e-8},
};

static void observations_are_the_published_ones(void) {
  for (const Known *t = known; t < known + COUNT(known); t++) {
    Sim s = sim_make(t->id);
    double x = 0, theta = 0;
    float truth[MOST];
    CHECK(s.info.observations == 5, "%s: %d observations", s.id, (int)s.info.observations);
    for (int64_t k = 0; k < 5; k++) {
      EbbData one = observe(&s, k + 1, truth);
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
      EbbData one = observe(&s, k + 1, truth);
      CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, truth, &one, &log_p));
      CHECK_NEAR(log_p, t->log_p[k], t->tolerance, "%s: observation %d", s.id, (int)k + 1);
    }
    sim_free(&s);
  }
}

/* For x ~ p(. | theta) the ratio p(x | other) / p(x | theta) has mean 1, whichever way one parameter is moved. The move is halved until the
 * logarithm's root mean square is at most a half: larger moves have means carried by rows too rare to be seen. */
static void simulations_follow_the_likelihood(void) {
  enum { ROWS = 10000 };
  for (const Known *t = known; t < known + COUNT(known); t++) {
    Sim s = sim_make(t->id);
    float truth[MOST], two[2 * MOST];
    uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, ROWS);
    float *theta = ARENA_ARRAY(suite_arena(), float, ROWS *s.d);
    observe(&s, 2, truth);
    for (int64_t i = 0; i < ROWS * s.d; i++) theta[i] = truth[i % s.d];
    EbbData data = sim_run(&s, 0, ROWS, theta, failed);
    for (int64_t m = 0; m < 2 * s.d; m++) {
      int64_t j = m / 2;
      double move = m % 2 ? -0.25 : 0.25, mean = 0, square = 0, size = INFINITY;
      for (int halvings = 0; halvings < 12 && size > 0.5; halvings++, move *= 0.5) {
        memcpy(two, truth, (size_t)s.d * sizeof *two);
        memcpy(two + s.d, truth, (size_t)s.d * sizeof *two);
        two[s.d + j] = (float)((double)truth[j] + move * fabs((double)truth[j]));
        mean = square = size = 0;
        for (int64_t i = 0; i < ROWS; i++) {
          EbbData one = sim_row(&s, &data, i);
          double log_p[2];
          WorkMark mark = work_mark(s.work);
          if (s.ops->log_likelihood(s.child.self, s.work, 2, two, &one, log_p) != EBB_OK) CHECK(false, "%s: %s", s.id, fail_text());
          work_reset(s.work, mark);
          mean += exp(log_p[1] - log_p[0]) / ROWS;
          square += exp(2 * (log_p[1] - log_p[0])) / ROWS;
          size += pow(log_p[1] - log_p[0], 2) / ROWS;
        }
        size = sqrt(size);
      }
      double sd = sqrt(fmax(square - mean * mean, 0));
      CHECK(sd > 0 && size <= 0.5, "%s: parameter %d moved: log ratios about %g", s.id, (int)j + 1, size);
      CHECK_NEAR(mean, 1, 4.5 * sd / sqrt(ROWS), "%s: parameter %d moved by %g: mean likelihood ratio", s.id, (int)j + 1, 2 * move);
    }
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
    EbbData one = observe(&s, k, truth);
    float *draw = sim_reference(&s, &one, 0, ROWS);
    for (int j = 0; j < s.d; j++) {
      double x = (double)one.value[j], sd = sqrt(0.1), a = (-1 - x) / sd, b = (1 - x) / sd, root = sqrt(2 * acos(-1));
      double fa = exp(-a * a / 2) / root, fb = exp(-b * b / 2) / root, Z = 0.5 * (erf(b / sqrt(2)) - erf(a / sqrt(2))), off = (fa - fb) / Z;
      double wanted = sd * sqrt(1 + (a * fa - b * fb) / Z - off * off);
      Moments m = moments(ROWS, s.d, draw, j);
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
    EbbData one = observe(&s, k + 1, truth);
    float *draw = sim_reference(&s, &one, 0, ROWS);
    double near = 0;
    for (int64_t i = 0; i < ROWS; i++)
      near += hypot((double)draw[2 * i] - (double)one.value[0], (double)draw[2 * i + 1] - (double)one.value[1]) < 0.3;
    CHECK_NEAR(near / ROWS, published[k][4], 0.025, "set %d: share near x", k + 1);
    for (int j = 0; j < 2; j++) {
      Moments m = moments(ROWS, 2, draw, j);
      CHECK_NEAR(m.mean, published[k][2 * j], 5 * published[k][2 * j + 1] * sqrt(2.0 / ROWS), "set %d: mean of theta%d", k + 1, j + 1);
      CHECK_NEAR(m.sd / published[k][2 * j + 1], 1, 0.07, "set %d: sd of theta%d over the published", k + 1, j + 1);
    }
  }
  sim_free(&s);
}

static const Test tests[] = {
    {"observations are the published ones", observations_are_the_published_ones},
    {"log-likelihoods are those computed elsewhere", log_likelihoods_are_those_computed_elsewhere},
    {"simulations follow the likelihood", simulations_follow_the_likelihood},
    {"gaussian_linear_uniform has the closed posterior", gaussian_linear_uniform_has_the_closed_posterior},
    {"gaussian_mixture agrees with the published draws", gaussian_mixture_agrees_with_the_published_draws},
};
TEST_MAIN("simulators of sbibm", tests)
