/* SPDX-License-Identifier: MIT
 *
 * Simulators: what they declare, that rows are addressed, that prior, simulation and exact posterior belong together (rank statistics: Cook 2006,
 * Talts 2018), and closed forms of particular ones (benchmarks.md 2). */
#include "model/prior.h"
#include "simulated.h"

static void each(void (*check)(const Sim *)) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SIMULATOR, &n);
  for (size_t i = 0; i < n; i++) {
    Sim s = sim_make(all[i]->id);
    check(&s);
    sim_free(&s);
  }
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_SIMULATOR); }

static void check_description(const Sim *s) {
  CHECK(s->info.theta.kind == EBB_VECTOR && s->info.theta.n == 1 && s->d > 0, "%s: theta is no vector", s->id);
  CHECK(s->info.data.kind >= EBB_VECTOR && s->info.data.kind <= EBB_GRID && s->numbers > 0, "%s: layout of data", s->id);
  CHECK_OK(prior_check(s->info.parameter, s->d));
  for (int64_t j = 0; j < s->d; j++)
    CHECK(s->info.parameter[j].family != EBB_PRIOR_OWN || s->ops->prior != NULL, "%s: %s has no prior", s->id, s->info.parameter[j].name);
  CHECK(s->info.observations == 0 || s->ops->observation != NULL, "%s: observations without the slot", s->id);
}
static void declarations_are_sane(void) { each(check_description); }

static void check_addressing(const Sim *s) {
  enum { ROWS = 257 };
  static const int64_t blocks[] = {1, 2, 7, 256};
  float *theta = sim_prior(s, 0, ROWS);
  uint8_t failed[ROWS] = {0}, again[ROWS] = {0};
  EbbData whole = sim_run(s, 0, ROWS, theta, failed);
  for (int64_t i = 0; i < ROWS; i++)
    for (int64_t j = 0; j < s->numbers; j++) CHECK(failed[i] || isfinite(whole.value[i * s->numbers + j]), "%s: row %d is not finite", s->id, (int)i);
  for (size_t b = 0; b < COUNT(blocks); b++)
    for (int64_t first = 0; first < ROWS; first += blocks[b]) {
      int64_t rows = ROWS - first < blocks[b] ? ROWS - first : blocks[b];
      EbbData part = sim_run(s, first, rows, theta + first * s->d, again);
      CHECK(memcmp(part.value, whole.value + first * s->numbers, (size_t)(rows * s->numbers) * sizeof(float)) == 0,
            "%s: rows from %d in blocks of %d have other bits", s->id, (int)first, (int)blocks[b]);
      CHECK(memcmp(again, failed + first, (size_t)rows) == 0, "%s: other rows fail in blocks of %d", s->id, (int)blocks[b]);
    }
  CHECK(memcmp(whole.value, whole.value + s->numbers, (size_t)s->numbers * sizeof(float)) != 0, "%s: two rows are the same", s->id);
  sim_run(s, 0, 0, theta, again);
}
static void rows_are_addressed(void) { each(check_addressing); }

static void check_observations(const Sim *s) {
  for (int64_t k = 1; k <= s->info.observations; k++) {
    EbbData one = sim_data(s, 1);
    float *truth = ARENA_ARRAY(suite_arena(), float, s->d);
    CHECK_OK(s->ops->observation(s->child.self, k, &one, truth));
    for (int64_t j = 0; j < s->numbers; j++) CHECK(isfinite(one.value[j]), "%s: observation %d, number %d", s->id, (int)k, (int)j);
    for (int64_t j = 0; j < s->d; j++)
      CHECK(isnan(truth[j]) || ((double)truth[j] > s->info.parameter[j].lower && (double)truth[j] < s->info.parameter[j].upper),
            "%s: truth %d of observation %d is %g", s->id, (int)j, (int)k, (double)truth[j]);
    double log_p;
    if (s->ops->log_likelihood == NULL || isnan(truth[0])) continue;
    CHECK_OK(s->ops->log_likelihood(s->child.self, s->work, 1, truth, &one, &log_p));
    CHECK(isfinite(log_p), "%s: observation %d has log likelihood %g at its truth", s->id, (int)k, log_p);
  }
}
static void observations_are_possible_at_their_truths(void) { each(check_observations); }

/* Rank of a truth among exact draws given its data is uniform: chi^2 over 10 ranks below its 1e-5 quantile (39.3 at 9 degrees of freedom). */
static void check_ranks(const Sim *s) {
  enum { SETS = 1000, DRAWS = 9 };
  if (s->ops->reference == NULL) return;
  float *theta = sim_prior(s, 0, SETS);
  uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, SETS);
  EbbData data = sim_run(s, 0, SETS, theta, failed);
  int64_t count[16][DRAWS + 1] = {{0}}, sets = 0, columns = s->d < 16 ? s->d : 16;
  for (int64_t i = 0; i < SETS; i++) {
    if (failed[i]) continue;
    EbbData one = sim_row(s, &data, i);
    float *draw = sim_reference(s, &one, i * DRAWS, DRAWS);
    sets++;
    for (int64_t j = 0; j < columns; j++) {
      int rank = 0;
      for (int k = 0; k < DRAWS; k++) rank += draw[k * s->d + j] < theta[i * s->d + j];
      count[j][rank]++;
    }
  }
  for (int64_t j = 0; j < columns; j++) {
    double chi2 = 0, expected = (double)sets / (DRAWS + 1);
    for (int k = 0; k <= DRAWS; k++) chi2 += pow((double)count[j][k] - expected, 2) / expected;
    CHECK(chi2 < 39.3, "%s: ranks of %s are not uniform: chi^2 %g at 9 degrees of freedom", s->id, s->info.parameter[j].name, chi2);
  }
}
static void exact_posteriors_rank_truths_uniformly(void) { each(check_ranks); }

static void check_reference_rows(const Sim *s) {
  if (s->ops->reference == NULL || s->info.observations == 0) return;
  EbbData one = sim_data(s, 1);
  float *truth = ARENA_ARRAY(suite_arena(), float, s->d);
  CHECK_OK(s->ops->observation(s->child.self, 1, &one, truth));
  float *whole = sim_reference(s, &one, 0, 100), *tail = sim_reference(s, &one, 60, 40);
  CHECK(memcmp(whole + 60 * s->d, tail, (size_t)(40 * s->d) * sizeof *tail) == 0, "%s: draws 60 to 99 alone have other bits", s->id);
  for (int64_t i = 0; i < 100 * s->d; i++)
    CHECK((double)whole[i] > s->info.parameter[i % s->d].lower && (double)whole[i] < s->info.parameter[i % s->d].upper, "%s: draw outside", s->id);
}
static void exact_draws_are_addressed_and_in_the_support(void) { each(check_reference_rows); }

/* ---- particular ones ---- */

/* Of the five published observations and their parameters: sum of (place from 1) x value over the file's 5 x d numbers. */
static void observations_are_the_published_ones(void) {
  static const struct {
    const char *id;
    double x, theta;
  } known[] = {{"two_moons", -14.136513, -23.989509}, {"gaussian_linear", -117.02801, -65.242261}};
  for (size_t i = 0; i < COUNT(known); i++) {
    Sim s = sim_make(known[i].id);
    double x = 0, theta = 0;
    float truth[16];
    EbbData one = sim_data(&s, 1);
    CHECK(s.info.observations == 5, "%s: %d observations", s.id, (int)s.info.observations);
    for (int64_t k = 0; k < 5; k++) {
      CHECK_OK(s.ops->observation(s.child.self, k + 1, &one, truth));
      for (int64_t j = 0; j < s.d; j++) {
        x += (double)(k * s.d + j + 1) * (double)one.value[j];
        theta += (double)(k * s.d + j + 1) * (double)truth[j];
      }
    }
    CHECK_NEAR(x, known[i].x, 1e-5, "%s: observations", s.id);
    CHECK_NEAR(theta, known[i].theta, 1e-5, "%s: parameters", s.id);
    sim_free(&s);
  }
}

static Moments moments(int64_t n, const double *x) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  for (int64_t i = 0; i < n; i++) square += pow(x[i] - sum / (double)n, 2);
  return (Moments){sum / (double)n, sqrt(square / (double)n)};
}

/* Moments of sbibm's 10,000 published draws a set, of |theta1 + theta2| / sqrt 2 and (theta2 - theta1) / sqrt 2. */
static void two_moons_agrees_with_the_published_draws(void) {
  enum { ROWS = 10000 };
  static const double known[5][4] = {{0.95312, 0.03146, 0.16315, 0.07137},
                                     {0.88118, 0.0316, -0.33068, 0.07135},
                                     {0.30976, 0.0317, -0.64558, 0.07166},
                                     {0.56362, 0.03191, 0.63087, 0.07161},
                                     {0.97156, 0.02932, -0.35349, 0.02522}};
  Sim s = sim_make("two_moons");
  double *z[2] = {ARENA_ARRAY(suite_arena(), double, ROWS), ARENA_ARRAY(suite_arena(), double, ROWS)},
         *rho = ARENA_ARRAY(suite_arena(), double, ROWS);
  for (int k = 0; k < 5; k++) {
    EbbData one = sim_data(&s, 1);
    float truth[2];
    CHECK_OK(s.ops->observation(s.child.self, k + 1, &one, truth));
    float *draw = sim_reference(&s, &one, 0, ROWS);
    double left = 0;
    for (int64_t i = 0; i < ROWS; i++) {
      double sum = (double)draw[2 * i] + (double)draw[2 * i + 1];
      z[0][i] = fabs(sum) / sqrt(2);
      z[1][i] = ((double)draw[2 * i + 1] - (double)draw[2 * i]) / sqrt(2);
      rho[i] = hypot((double)one.value[0] - 0.25 + z[0][i], (double)one.value[1] - z[1][i]);
      left += sum < 0;
    }
    for (int j = 0; j < 2; j++) {
      Moments m = moments(ROWS, z[j]);
      CHECK_NEAR(m.mean, known[k][2 * j], 5 * known[k][2 * j + 1] * sqrt(2.0 / ROWS), "set %d: mean of z%d", k + 1, j);
      CHECK_NEAR(m.sd / known[k][2 * j + 1], 1, 0.04, "set %d: sd of z%d over the published", k + 1, j);
    }
    Moments radius = moments(ROWS, rho);
    CHECK_NEAR(radius.mean, 0.1, 0.0005, "set %d: radius", k + 1);
    CHECK_NEAR(radius.sd, 0.01, 0.0005, "set %d: its sd", k + 1);
    CHECK_NEAR(left / ROWS, 0.5, 0.025, "set %d: share of the left moon", k + 1);
  }
  sim_free(&s);
}

static void two_moons_has_a_density_that_integrates_to_one(void) {
  enum { SIDE = 600 };
  Sim s = sim_make("two_moons");
  float theta[2] = {0.3f, -0.5f};
  double centre[2] = {0.25 - fabs(-0.2) / sqrt(2), -0.8 / sqrt(2)}, h = 0.32 / SIDE, sum = 0, log_p;
  EbbData one = sim_data(&s, 1);
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      one.value[0] = (float)(centre[0] + (i + 0.5) * h / 2);
      one.value[1] = (float)(centre[1] - 0.16 + (j + 0.5) * h);
      CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, theta, &one, &log_p));
      sum += exp(log_p) * h * h / 2;
    }
  CHECK_NEAR(sum, 1, 1e-3, "integral over x");         /* the crescent is cut along U = 0 */
  one.value[0] = (float)(centre[0] + 0.12 * cos(0.5)); /* off the middle of the crescent: -2 - ln(.01 sqrt(2 pi)) - ln(.12 pi) */
  one.value[1] = (float)(centre[1] + 0.12 * sin(0.5));
  CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, theta, &one, &log_p));
  CHECK_NEAR(log_p, 2.661765303, 1e-4, "log likelihood at radius .12");
  one.value[0] = (float)(centre[0] - 0.05);
  one.value[1] = (float)(centre[1] + 0.09);
  CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, theta, &one, &log_p));
  CHECK(log_p == -INFINITY, "behind the crescent the log likelihood is %g", log_p);
  sim_free(&s);
}

/* N(x/2, .05 I) */
static void gaussian_linear_has_the_closed_posterior(void) {
  enum { ROWS = 20000, D = 10 };
  Sim s = sim_make("gaussian_linear");
  EbbData one = sim_data(&s, 1);
  float truth[D];
  double *column = ARENA_ARRAY(suite_arena(), double, ROWS);
  for (int k = 1; k <= 5; k++) {
    CHECK_OK(s.ops->observation(s.child.self, k, &one, truth));
    float *draw = sim_reference(&s, &one, 0, ROWS);
    for (int j = 0; j < D; j++) {
      for (int64_t i = 0; i < ROWS; i++) column[i] = (double)draw[i * D + j];
      Moments m = moments(ROWS, column);
      CHECK_NEAR(m.mean, 0.5 * (double)one.value[j], 4.5 * sqrt(0.05 / ROWS), "set %d: mean of theta%d", k, j + 1);
      CHECK_NEAR(m.sd, sqrt(0.05), 4.5 * sqrt(0.05 / (2 * ROWS)), "set %d: sd of theta%d", k, j + 1);
    }
  }
  double log_p, square = 0;
  CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, truth, &one, &log_p));
  for (int j = 0; j < D; j++) square += pow((double)one.value[j] - (double)truth[j], 2);
  CHECK_NEAR(log_p, -5 * square - 5 * log(0.62831853071795865), 1e-9, "log likelihood");
  sim_free(&s);
}

/* Two parameters, so that the posterior can be written with a 2 x 2 inverse: P = I + n A'A / .5, mean = P^-1 A' sum x / .5. */
static void linear_gaussian_has_the_closed_posterior(void) {
  enum { ROWS = 20000, Q = 3 };
  for (int n = 1; n <= 3; n++) {
    Sim s = sim_make(arena_print(suite_arena(), "{use: linear_gaussian, d: 2, q: 3, n: %d, noise: 0.5, seed_matrix: 4}", n));
    const EbbHost *host = plugin_host(&s.child);
    double A[Q][2], P[3] = {1, 0, 1}, b[2] = {0, 0};
    EbbData one = sim_data(&s, 1);
    float truth[2];
    CHECK_OK(s.ops->observation(s.child.self, 1, &one, truth));
    CHECK(s.numbers == Q * n, "%d numbers", (int)s.numbers);
    for (uint64_t j = 0; j < Q; j++) {
      host->normal(host, (EbbRng){4, 0}, 1, &j, NULL, 0, 2, A[j]);
      P[0] += n * A[j][0] * A[j][0] / 0.5;
      P[1] += n * A[j][0] * A[j][1] / 0.5;
      P[2] += n * A[j][1] * A[j][1] / 0.5;
      for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) b[k] += A[j][k] * (double)one.value[i * Q + (int)j] / 0.5;
    }
    double det = P[0] * P[2] - P[1] * P[1], cov[3] = {P[2] / det, -P[1] / det, P[0] / det};
    double mean[2] = {cov[0] * b[0] + cov[1] * b[1], cov[1] * b[0] + cov[2] * b[1]}, sum[2] = {0, 0}, square[3] = {0, 0, 0};
    float *draw = sim_reference(&s, &one, 0, ROWS);
    for (int64_t i = 0; i < ROWS; i++) {
      double e[2] = {(double)draw[2 * i] - mean[0], (double)draw[2 * i + 1] - mean[1]};
      for (int k = 0; k < 2; k++) sum[k] += e[k] / ROWS;
      square[0] += e[0] * e[0] / ROWS;
      square[1] += e[0] * e[1] / ROWS;
      square[2] += e[1] * e[1] / ROWS;
    }
    for (int k = 0; k < 2; k++) CHECK_NEAR(sum[k], 0, 4.5 * sqrt(cov[2 * k] / ROWS), "n = %d: mean of theta%d less the closed form", n, k + 1);
    for (int k = 0; k < 3; k++)
      CHECK_NEAR(square[k], cov[k], 4.5 * sqrt(2.0 / ROWS) * sqrt(cov[0] * cov[2]) * (k == 1 ? 1 : 2), "n = %d: covariance %d", n, k);

    double log_p, wanted = 0;
    CHECK_OK(s.ops->log_likelihood(s.child.self, s.work, 1, truth, &one, &log_p));
    for (int i = 0; i < n * Q; i++)
      wanted -= pow((double)one.value[i] - A[i % Q][0] * (double)truth[0] - A[i % Q][1] * (double)truth[1], 2) + 0.5 * log(3.14159265358979324);
    CHECK_NEAR(log_p, wanted, 1e-9, "n = %d: log likelihood", n);
    sim_free(&s);
  }
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"declarations are sane", declarations_are_sane},
    {"rows are addressed", rows_are_addressed},
    {"observations are possible at their truths", observations_are_possible_at_their_truths},
    {"exact posteriors rank truths uniformly", exact_posteriors_rank_truths_uniformly},
    {"exact draws are addressed and in the support", exact_draws_are_addressed_and_in_the_support},
    {"observations are the published ones", observations_are_the_published_ones},
    {"two_moons agrees with the published draws", two_moons_agrees_with_the_published_draws},
    {"two_moons has a density that integrates to one", two_moons_has_a_density_that_integrates_to_one},
    {"gaussian_linear has the closed posterior", gaussian_linear_has_the_closed_posterior},
    {"linear_gaussian has the closed posterior", linear_gaussian_has_the_closed_posterior},
};
TEST_MAIN("simulators", tests)
