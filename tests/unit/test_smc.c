/* SPDX-License-Identifier: MIT
 *
 * The sampler of true posteriors on densities whose moments and evidence are known: a Gaussian in ten dimensions, four modes, a bent ridge, a
 * truncated normal behind its bijection. */
#include <math.h>
#include <string.h>

#include "model/transform.h"
#include "run/smc.h"
#include "test.h"

enum { GROUPS = 4, MOST_D = 10, MOST = 4 * 1000 };

/* ln N(x; mean, variance) */
static double normal(double x, double mean, double variance) { return -0.5 * ((x - mean) * (x - mean) / variance + log(2 * acos(-1) * variance)); }

/* A problem: prior draws by one standard normal a coordinate, and its target. */
typedef struct Problem {
  int64_t d, members;
  void (*draw)(const double *xi, double *q);
  LogTarget target;
} Problem;

typedef struct Outcome {
  SmcFacts facts;
  EbbStatus status;
  double q[MOST * MOST_D], mean[MOST_D], variance[MOST_D];
  int64_t evaluations;
} Outcome;

static void say_nothing(void *ctx, double share, double temperature, double acceptance) {
  double *least = ctx; /* shares never fall, and stay within (0, 1] */
  CU_ASSERT(share >= *least && share <= 1 && temperature > 0 && temperature <= 1 && acceptance >= 0 && acceptance <= 1);
  *least = share;
}

static Outcome *solve(const Problem *problem, int threads, int64_t rounds) {
  static Outcome o;
  Arena *arena = arena_new();
  Pool *pool;
  Population p;
  CU_ASSERT_EQUAL_FATAL(pool_new(threads, &pool), EBB_OK);
  population_new(arena, problem->d, GROUPS, problem->members, &p);
  p.pool = pool;
  p.target = problem->target;
  p.rng = (EbbRng){11, 2};
  p.id = (uint64_t)3 << 32;
  for (int64_t i = 0; i < population_size(&p); i++) {
    double xi[MOST_D];
    random_normal((EbbRng){11, 1}, 1, &(uint64_t){(uint64_t)i}, NULL, 0, problem->d, xi);
    problem->draw(xi, p.x + i * p.d);
  }
  double share = 0;
  o = (Outcome){.status = population_evaluate(&p)};
  if (o.status == EBB_OK) o.status = smc_temper(&p, say_nothing, &share, &o.facts);
  if (o.status == EBB_OK) o.status = smc_draw(&p, rounds, o.q, say_nothing, &share, &o.facts);
  int64_t n = population_size(&p) * rounds;
  for (int64_t j = 0; j < p.d; j++) {
    for (int64_t i = 0; i < n; i++) o.mean[j] += o.q[i * p.d + j] / (double)n;
    for (int64_t i = 0; i < n; i++) o.variance[j] += pow(o.q[i * p.d + j] - o.mean[j], 2) / (double)n;
  }
  o.evaluations = p.evaluations;
  pool_free(pool);
  arena_free(arena);
  return &o;
}

static void tell_outcome(const char *what, const Outcome *o, double evidence) {
  printf("\n    %s: %d temperatures, %d sweeps, acceptance %.2f, R-hat %.4f, ESS %.0f, evidence %.4f +- %.4f (%.4f), %d evaluations", what,
         (int)o->facts.temperatures, (int)o->facts.sweeps, o->facts.acceptance, o->facts.convergence.rhat, o->facts.convergence.ess,
         o->facts.log_evidence, o->facts.error, evidence, (int)o->evaluations);
}

/* Evidence within four errors (the error of four groups is itself uncertain), and an error that is no excuse. */
static void expect_evidence(const Outcome *o, double evidence) {
  CU_ASSERT(o->facts.error < 0.15);
  CU_ASSERT_DOUBLE_EQUAL(o->facts.log_evidence, evidence, 4 * o->facts.error + 0.01);
}

/* ---- A Gaussian: prior N(0, I), one observation 3 of each coordinate, noise sd from .1 to 10 ---- */

static double noise(int64_t j) { return pow(10, -1 + 2 * (double)j / (MOST_D - 1)); }

static EbbStatus gaussian(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work;
  for (int64_t i = 0; i < n; i++) {
    log_prior[i] = log_likelihood[i] = 0;
    for (int64_t j = 0; j < MOST_D; j++) {
      log_prior[i] += normal(q[i * MOST_D + j], 0, 1);
      log_likelihood[i] += normal(1.5, q[i * MOST_D + j], noise(j) * noise(j));
    }
  }
  return EBB_OK;
}
static void as_it_is(const double *xi, double *q) { memcpy(q, xi, MOST_D * sizeof *q); }

static void a_gaussian_has_its_moments_and_evidence(void) {
  const Outcome *o = solve(&(Problem){MOST_D, 1000, as_it_is, gaussian}, 2, 1);
  CU_ASSERT_EQUAL(o->status, EBB_OK);
  double evidence = 0;
  for (int64_t j = 0; j < MOST_D; j++) {
    double v = noise(j) * noise(j), mean = 1.5 / (1 + v), variance = v / (1 + v);
    evidence += normal(1.5, 0, 1 + v);
    CU_ASSERT_DOUBLE_EQUAL(o->mean[j], mean, 0.1 * sqrt(variance));
    CU_ASSERT_DOUBLE_EQUAL(o->variance[j] / variance, 1, 0.15);
  }
  tell_outcome("gaussian", o, evidence);
  expect_evidence(o, evidence);
  CU_ASSERT(o->facts.convergence.rhat < 1.01 && o->facts.convergence.ess > 1000);
}

/* ---- Four modes of weights .1 .2 .3 .4: prior N(0, 25 I) ---- */

static const double corner[4][2] = {{3, 3}, {-3, 3}, {3, -3}, {-3, -3}};

static EbbStatus modes(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work;
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    log_prior[i] = normal(q[2 * i], 0, 25) + normal(q[2 * i + 1], 0, 25);
    for (int k = 0; k < 4; k++) sum += 0.1 * (k + 1) * exp(normal(q[2 * i], corner[k][0], 0.01) + normal(q[2 * i + 1], corner[k][1], 0.01));
    log_likelihood[i] = log(sum);
  }
  return EBB_OK;
}
static void five_times(const double *xi, double *q) { q[0] = 5 * xi[0], q[1] = 5 * xi[1]; }

static void four_modes_have_their_weights(void) {
  const Outcome *o = solve(&(Problem){2, 1000, five_times, modes}, 2, 1);
  double count[4] = {0}, evidence = 2 * normal(3, 0, 25.01);
  CU_ASSERT_EQUAL(o->status, EBB_OK);
  for (int i = 0; i < 4000; i++)
    for (int k = 0; k < 4; k++) count[k] += hypot(o->q[2 * i] - corner[k][0], o->q[2 * i + 1] - corner[k][1]) < 1;
  tell_outcome("modes", o, evidence);
  printf(", weights %.3f %.3f %.3f %.3f", count[0] / 4000, count[1] / 4000, count[2] / 4000, count[3] / 4000);
  CU_ASSERT_EQUAL(count[0] + count[1] + count[2] + count[3], 4000);
  for (int k = 0; k < 4; k++) CU_ASSERT_DOUBLE_EQUAL(count[k] / 4000, 0.1 * (k + 1), 0.03);
  expect_evidence(o, evidence);
}

/* ---- A bent ridge: a ~ N(0, 1), b ~ N(0, 100), and a^2 - b is 0 up to .1; moments by quadrature over a, since b | a is Gaussian ---- */

static EbbStatus banana(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work;
  for (int64_t i = 0; i < n; i++) {
    log_prior[i] = normal(q[2 * i], 0, 1) + normal(q[2 * i + 1], 0, 100);
    log_likelihood[i] = normal(q[2 * i + 1], q[2 * i] * q[2 * i], 0.01);
  }
  return EBB_OK;
}
static void one_and_ten(const double *xi, double *q) { q[0] = xi[0], q[1] = 10 * xi[1]; }

static void a_bent_ridge_is_walked_to_its_ends(void) {
  const Outcome *o = solve(&(Problem){2, 1000, one_and_ten, banana}, 2, 1);
  double z = 0, square = 0, fourth = 0, got_fourth = 0;
  CU_ASSERT_EQUAL(o->status, EBB_OK);
  for (int i = -8000; i <= 8000; i++) {
    double a = i * 1e-3, p = exp(normal(a, 0, 1) + normal(a * a, 0, 100.01)) * 1e-3;
    z += p;
    square += a * a * p;
    fourth += a * a * a * a * p;
  }
  for (int i = 0; i < 4000; i++) got_fourth += pow(o->q[2 * i], 4) / 4000;
  tell_outcome("banana", o, log(z));
  CU_ASSERT_DOUBLE_EQUAL(o->mean[0], 0, 0.06);
  CU_ASSERT_DOUBLE_EQUAL(o->variance[0] / (square / z), 1, 0.1);
  CU_ASSERT_DOUBLE_EQUAL(got_fourth / (fourth / z), 1, 0.25);
  CU_ASSERT_DOUBLE_EQUAL(o->mean[1] / (square / z * 100 / 100.01), 1, 0.1);
  expect_evidence(o, log(z));
}

/* ---- A truncated normal: theta uniform on (-1, 1), observed 1.3 with sd .5, in the coordinate of the logit; the second coordinate is x > 0,
 * exponential by its prior, and unobserved ---- */

static const ParameterMap box = {.kind = BIJECTION_INTERVAL, .lower = -1, .upper = 1, .scale = 1};
static const ParameterMap ray = {.kind = BIJECTION_LOWER, .lower = 0, .upper = INFINITY, .scale = 1};

static EbbStatus truncated(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work;
  for (int64_t i = 0; i < n; i++) {
    double theta = map_inverse(&box, q[2 * i]), x = map_inverse(&ray, q[2 * i + 1]);
    log_prior[i] = -log(2) - x - map_log_slope_at(&box, q[2 * i]) - map_log_slope_at(&ray, q[2 * i + 1]);
    log_likelihood[i] = normal(1.3, theta, 0.25);
  }
  return EBB_OK;
}
static double below(double z) { return 0.5 * erfc(-z / sqrt(2)); }
static void box_and_ray(const double *xi, double *q) {
  q[0] = map_forward(&box, 2 * below(xi[0]) - 1);
  q[1] = map_forward(&ray, -log(below(xi[1])));
}

static void bounds_are_met_with_the_right_density(void) {
  const Outcome *o = solve(&(Problem){2, 1000, box_and_ray, truncated}, 2, 1);
  CU_ASSERT_EQUAL(o->status, EBB_OK);
  double a = (-1 - 1.3) / 0.5, b = (1 - 1.3) / 0.5, mass = below(b) - below(a), pa = exp(normal(a, 0, 1)), pb = exp(normal(b, 0, 1));
  double mean = 1.3 + 0.5 * (pa - pb) / mass, variance = 0.25 * (1 + (a * pa - b * pb) / mass - pow((pa - pb) / mass, 2));
  double got = 0, square = 0, x = 0, near = 0;
  for (int i = 0; i < 4000; i++) {
    double theta = map_inverse(&box, o->q[2 * i]);
    got += theta / 4000;
    square += theta * theta / 4000;
    near += theta > 0.99;
    x += map_inverse(&ray, o->q[2 * i + 1]) / 4000;
  }
  tell_outcome("truncated", o, log(mass / 2));
  CU_ASSERT_DOUBLE_EQUAL(got, mean, 0.05 * sqrt(variance));
  CU_ASSERT_DOUBLE_EQUAL((square - got * got) / variance, 1, 0.1);
  CU_ASSERT_DOUBLE_EQUAL(near / 4000, (below(b) - below((0.99 - 1.3) / 0.5)) / mass, 0.01);
  CU_ASSERT_DOUBLE_EQUAL(x, 1, 0.06);
  expect_evidence(o, log(mass / 2));
}

/* ---- What else must hold ---- */

static void threads_do_not_change_a_bit(void) {
  static double once[4 * 100 * 3 * 2];
  const Problem small = {2, 100, one_and_ten, banana};
  const Outcome *o = solve(&small, 1, 3);
  SmcFacts facts = o->facts;
  memcpy(once, o->q, sizeof once);
  o = solve(&small, 3, 3);
  CU_ASSERT(memcmp(once, o->q, sizeof once) == 0);
  CU_ASSERT(memcmp(&facts.log_evidence, &o->facts.log_evidence, sizeof(double)) == 0);
  CU_ASSERT_EQUAL(facts.sweeps, o->facts.sweeps);
}

/* Rounds are records of all members at different times. */
static void rounds_are_different_draws(void) {
  const Outcome *o = solve(&(Problem){2, 100, one_and_ten, banana}, 2, 3);
  int moved = 0;
  for (int i = 0; i < 400; i++) moved += o->q[6 * i] != o->q[6 * i + 2] && o->q[6 * i + 2] != o->q[6 * i + 4];
  CU_ASSERT(moved > 350);
}

/* Half of the prior's box has no likelihood, and it is flat on the other half: one step, evidence 1/2. */
static EbbStatus half_flat(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work;
  for (int64_t i = 0; i < n; i++) {
    log_prior[i] = normal(q[i], 0, 1);
    log_likelihood[i] = q[i] > 0 ? 0 : i % 2 ? NAN : -INFINITY;
  }
  return EBB_OK;
}
static void first(const double *xi, double *q) { q[0] = xi[0]; }

static void a_likelihood_of_zero_is_a_border(void) {
  const Outcome *o = solve(&(Problem){1, 1000, first, half_flat}, 2, 1);
  CU_ASSERT_EQUAL(o->status, EBB_OK);
  CU_ASSERT_EQUAL(o->facts.temperatures, 1);
  for (int i = 0; i < 4000; i++) CU_ASSERT(o->q[i] > 0);
  CU_ASSERT_DOUBLE_EQUAL(o->mean[0], sqrt(2 / acos(-1)), 0.05);
  expect_evidence(o, log(0.5));
}

static EbbStatus nowhere(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work, (void)q;
  for (int64_t i = 0; i < n; i++) log_prior[i] = 0, log_likelihood[i] = -INFINITY;
  return EBB_OK;
}
static EbbStatus unbounded(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  (void)ctx, (void)work, (void)q;
  for (int64_t i = 0; i < n; i++) log_prior[i] = 0, log_likelihood[i] = INFINITY;
  return EBB_OK;
}

static void targets_that_cannot_be_sampled_are_refused(void) {
  const Outcome *o = solve(&(Problem){1, 100, first, nowhere}, 2, 1);
  CU_ASSERT_EQUAL(o->status, EBB_E_NUMERIC);
  CU_ASSERT(strstr(fail_text(), "none of 100 draws of the prior has a likelihood above 0") != NULL);
  o = solve(&(Problem){1, 100, first, unbounded}, 2, 1);
  CU_ASSERT_EQUAL(o->status, EBB_E_NUMERIC);
  CU_ASSERT(strstr(fail_text(), "the log likelihood is +infinity") != NULL);
}

static const Test tests[] = {
    {"a Gaussian has its moments and evidence", a_gaussian_has_its_moments_and_evidence},
    {"four modes have their weights", four_modes_have_their_weights},
    {"a bent ridge is walked to its ends", a_bent_ridge_is_walked_to_its_ends},
    {"bounds are met with the right density", bounds_are_met_with_the_right_density},
    {"threads do not change a bit", threads_do_not_change_a_bit},
    {"rounds are different draws", rounds_are_different_draws},
    {"a likelihood of zero is a border", a_likelihood_of_zero_is_a_border},
    {"targets that cannot be sampled are refused", targets_that_cannot_be_sampled_are_refused},
};
TEST_MAIN("smc", tests)
