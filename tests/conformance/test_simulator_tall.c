/* SPDX-License-Identifier: MIT
 *
 * The tasks of sets of observations (Linhart et al. 2024, 2404.07593), one row of a set: priors, log-likelihoods computed elsewhere, and the closed
 * posteriors of a single observation. */
#include "simulated.h"

enum { D = 10, ROWS = 20000 };

static EbbData data_of(const Sim *s, const float *x) {
  EbbData one = sim_data(s, 1);
  memcpy(one.value, x, D * sizeof *x);
  return one;
}

static void declared_priors_are_the_published_ones(void) {
  static const struct {
    const char *yaml;
    int family;
    double p[2];
  } wanted[] = {{"tall_gaussian_linear", EBB_PRIOR_NORMAL, {0, 1}},
                {"tall_gaussian_mixture", EBB_PRIOR_NORMAL, {0, 1}},
                {"{use: tall_gaussian_mixture, prior: uniform}", EBB_PRIOR_UNIFORM, {-10, 10}}};
  for (size_t t = 0; t < COUNT(wanted); t++) {
    Sim s = sim_make(wanted[t].yaml);
    CHECK(s.d == D && s.numbers == D, "%s: %d parameters, %d numbers", s.id, (int)s.d, (int)s.numbers);
    for (int j = 0; j < D; j++) {
      const EbbParameter *p = &s.info.parameter[j];
      CHECK(p->family == wanted[t].family && p->p[0] == wanted[t].p[0] && p->p[1] == wanted[t].p[1], "%s: prior of %s", s.id, p->name);
    }
    sim_free(&s);
  }
}

/* Computed with NumPy from the table's formulas. */
static void log_likelihoods_are_those_computed_elsewhere(void) {
  static const float x[D] = {.5f, -1, .25f, 2, -.75f, 0, 1.5f, -2, .125f, -.5f};
  static const float theta[D] = {.25f, -.5f, 0, 1, -.5f, .25f, 1.25f, -1.75f, .5f, -.25f};
  static const struct {
    const char *id;
    double log_p;
  } known[] = {{"tall_gaussian_linear", -10.058380738571966}, {"tall_gaussian_mixture", -18.172390230325515}};
  for (size_t t = 0; t < COUNT(known); t++) {
    Sim s = sim_make(known[t].id);
    EbbData one = data_of(&s, x);
    double log_p;
    CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, theta, &one, &log_p));
    CHECK_NEAR(log_p, known[t].log_p, 1e-9, "%s", s.id);
    sim_free(&s);
  }
  static const double offset[] = {0.05, 0.2}, near[] = {11.077213260755762, -4.1102858394095945}; /* in the narrow part, and between the two */
  Sim s = sim_make("tall_gaussian_mixture");
  EbbData one = data_of(&s, x);
  for (size_t k = 0; k < COUNT(offset); k++) {
    float beside[D];
    double log_p;
    for (int j = 0; j < D; j++) beside[j] = x[j] + (float)offset[k];
    CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, beside, &one, &log_p));
    CHECK_NEAR(log_p, near[k], 2e-5, "mixture, %g from the data", offset[k]);
  }
  sim_free(&s);
}

/* Of n = 1: precision 1 + 1/v_j, mean (x_j/v_j) / precision, v = linspace(.6, 1.4, 10). */
static void the_linear_task_has_the_closed_posterior(void) {
  static const float x[D] = {.5f, -1, .25f, 2, -.75f, 0, 1.5f, -2, 3, -.5f};
  Sim s = sim_make("tall_gaussian_linear");
  EbbData one = data_of(&s, x);
  float *draw = sim_reference(&s, &one, 0, ROWS);
  for (int j = 0; j < D; j++) {
    double v = 0.6 + j * 0.8 / 9, precision = 1 + 1 / v, sd = sqrt(1 / precision);
    Moments m = sim_moments(ROWS, D, draw, j);
    CHECK_NEAR(m.mean, (double)x[j] / v / precision, 4.5 * sd / sqrt(ROWS), "mean of theta%d", j + 1);
    CHECK_NEAR(m.sd / sd, 1, 4.5 / sqrt(2 * ROWS), "sd of theta%d over the closed form", j + 1);
  }
  sim_free(&s);
}

/* Draws of a mixture of two parts, of which the second is closer to `centre` than `radius`: its share, and mean and deviation of each part. */
static void parts_are(const Sim *s, const float *draw, const double centre[D], double radius, double share, double mean[2][D], double sd[2][D]) {
  double n[2] = {0}, sum[2][D] = {{0}}, square[2][D] = {{0}};
  for (int64_t i = 0; i < ROWS; i++) {
    double far = 0;
    for (int j = 0; j < D; j++) far += pow((double)draw[i * D + j] - centre[j], 2);
    int k = far < radius * radius;
    n[k]++;
    for (int j = 0; j < D; j++) {
      sum[k][j] += (double)draw[i * D + j];
      square[k][j] += pow((double)draw[i * D + j] - mean[k][j], 2);
    }
  }
  CHECK_NEAR(n[1] / ROWS, share, 4.5 * sqrt(share * (1 - share) / ROWS), "%s: share of the narrow part", s->id);
  for (int k = 0; k < 2; k++)
    for (int j = 0; j < D; j++) {
      CHECK_NEAR(sum[k][j] / n[k], mean[k][j], 4.5 * sd[k][j] / sqrt(n[k]), "%s, part %d: mean of theta%d", s->id, k, j + 1);
      CHECK_NEAR(sqrt(square[k][j] / n[k]) / sd[k][j], 1, 4.5 / sqrt(2 * n[k]), "%s, part %d: sd of theta%d over the closed form", s->id, k, j + 1);
    }
}

/* Of n = 1: precision P = 1 + p, mean p x / P, log weight (10 (ln p - ln P) - (p |x|^2 - P |mean|^2)) / 2. The data lie where both parts count. */
static void the_mixture_has_the_closed_posterior_under_the_normal_prior(void) {
  static const double p[2] = {1 / (2.25 * 2.25), 81};
  Sim s = sim_make("tall_gaussian_mixture");
  float x[D];
  double mean[2][D], sd[2][D], log_weight[2];
  for (int j = 0; j < D; j++) x[j] = (j % 2 ? -1.0f : 1.0f) * (1.2f + 0.05f * (float)j);
  for (int k = 0; k < 2; k++) {
    double P = 1 + p[k];
    log_weight[k] = 5 * (log(p[k]) - log(P));
    for (int j = 0; j < D; j++) {
      mean[k][j] = p[k] * (double)x[j] / P;
      sd[k][j] = sqrt(1 / P);
      log_weight[k] -= 0.5 * (p[k] * (double)x[j] * (double)x[j] - P * mean[k][j] * mean[k][j]);
    }
  }
  double share = 1 / (1 + exp(log_weight[0] - log_weight[1]));
  CHECK(share > 0.2 && share < 0.8, "the narrow part has weight %g", share);
  EbbData one = data_of(&s, x);
  parts_are(&s, sim_reference(&s, &one, 0, ROWS), mean[1], 0.8, share, mean, sd);
  sim_free(&s);
}

/* Each part N(x, sd^2 I) cut to the box, weighted by how much of it lies there: with the cuts a, b in deviations and f, F the normal density and
 * distribution, Z = F(b) - F(a), mean x + s (f(a) - f(b)) / Z, variance s^2 (1 + (a f(a) - b f(b)) / Z - ((f(a) - f(b)) / Z)^2). */
static void the_mixture_has_the_closed_posterior_under_the_uniform_prior(void) {
  static const float x[D] = {9.9f, -9.75f, 0, 4, -9.95f, 10.1f, -3, 8, 9.85f, -1};
  static const double s_of[2] = {2.25, 1.0 / 9};
  Sim s = sim_make("{use: tall_gaussian_mixture, prior: uniform}");
  double mean[2][D], sd[2][D], mass[2] = {1, 1};
  for (int k = 0; k < 2; k++)
    for (int j = 0; j < D; j++) {
      double at = (double)x[j], a = (-10 - at) / s_of[k], b = (10 - at) / s_of[k], root = sqrt(2 * acos(-1));
      double fa = exp(-a * a / 2) / root, fb = exp(-b * b / 2) / root, Z = 0.5 * (erf(b / sqrt(2)) - erf(a / sqrt(2))), off = (fa - fb) / Z;
      mean[k][j] = at + s_of[k] * off;
      sd[k][j] = s_of[k] * sqrt(1 + (a * fa - b * fb) / Z - off * off);
      mass[k] *= Z;
    }
  EbbData one = data_of(&s, x);
  float *draw = sim_reference(&s, &one, 0, ROWS);
  parts_are(&s, draw, mean[1], 0.8, mass[1] / (mass[0] + mass[1]), mean, sd);
  for (int64_t i = 0; i < ROWS * D; i++) CHECK(fabsf(draw[i]) < 10, "draw %d lies outside the box", (int)i / D);
  float far[D] = {0, 0, 200};
  one = data_of(&s, far);
  uint64_t id = 0;
  CHECK(s.ops->reference(s.child.self, s.work, (EbbRng){1, 2}, &one, 1, &id, draw) == EBB_E_NUMERIC && strstr(fail_text(), "prior") != NULL,
        "data out of reach: %s", fail_text());
  sim_free(&s);
}

static const Test tests[] = {
    {"declared priors are the published ones", declared_priors_are_the_published_ones},
    {"log-likelihoods are those computed elsewhere", log_likelihoods_are_those_computed_elsewhere},
    {"the linear task has the closed posterior", the_linear_task_has_the_closed_posterior},
    {"the mixture has the closed posterior under the normal prior", the_mixture_has_the_closed_posterior_under_the_normal_prior},
    {"the mixture has the closed posterior under the uniform prior", the_mixture_has_the_closed_posterior_under_the_uniform_prior},
};
TEST_MAIN("simulators of sets", tests)
