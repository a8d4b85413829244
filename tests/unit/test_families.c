/* SPDX-License-Identifier: MIT
 *
 * Prior families: moments, densities and distribution functions of their draws against closed forms, correlated normals by their moments and density,
 * and what is refused. Draws are made from addressed uniforms, as the simulate stage makes them. */
#include <math.h>
#include <string.h>

#include "model/joint.h"
#include "num/random.h"
#include "test.h"

static const double PI = 3.14159265358979323846;

/* A case: the law's mean and variance, and its distribution function by a formula of its own. */
typedef struct Case {
  EbbParameter p;
  double mean, var;
  double (*below)(double);
} Case;

static double phi(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double beta_below_2_3(double x) { return x * x * (6 - 8 * x + 3 * x * x); }
static double beta_scaled_below(double t) { return beta_below_2_3((t + 1) / 4); }
static double gamma_below_3(double t) { return 1 - exp(-2 * t) * (1 + 2 * t + 2 * t * t); }
static double exponential_below(double t) { return 1 - exp(-0.25 * t); }
static double half_normal_below(double t) { return erf(t / (3 * sqrt(2))); }
static double truncated_below(double t) { return (phi((t - 1) / 2) - phi(-0.5)) / (phi(0.5) - phi(-0.5)); }
static double tail_below(double t) { return 1 - erfc(t / sqrt(2)) / erfc(6 / sqrt(2)); }

/* Moments of the truncated laws (Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, section 13.10.1): N(1, 2^2) on (0, 2) is
 * symmetric about 1; N(0, 1) above 6 has mean h = f(6)/Q(6) and variance 1 + 6 h - h^2. */
static void cases(Case out[7]) {
  double f = exp(-0.125) / sqrt(2 * PI), z = phi(0.5) - phi(-0.5), h = exp(-18) / sqrt(2 * PI) / (0.5 * erfc(6 / sqrt(2)));
  const Case all[] = {
      {{"a", 0, 1, {2, 3}, EBB_PRIOR_BETA, 0}, 0.4, 0.04, beta_below_2_3},
      {{"a", -1, 3, {2, 3}, EBB_PRIOR_BETA, 0}, 0.6, 0.64, beta_scaled_below},
      {{"a", 0, INFINITY, {3, 2}, EBB_PRIOR_GAMMA, 0}, 1.5, 0.75, gamma_below_3},
      {{"a", 0, INFINITY, {0.25, 0}, EBB_PRIOR_EXPONENTIAL, 0}, 4, 16, exponential_below},
      {{"a", 0, INFINITY, {0, 3}, EBB_PRIOR_HALF_NORMAL, 0}, 3 * sqrt(2 / PI), 9 * (1 - 2 / PI), half_normal_below},
      {{"a", 0, 2, {1, 2}, EBB_PRIOR_TRUNCATED_NORMAL, 0}, 1, 4 * (1 - f / z), truncated_below},
      {{"a", 6, INFINITY, {0, 1}, EBB_PRIOR_TRUNCATED_NORMAL, 0}, h, 1 + 6 * h - h * h, tail_below},
  };
  memcpy(out, all, sizeof all);
}

static int rising(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

/* 20,000 draws: mean within 5 standard errors, Kolmogorov-Smirnov distance below the 1e-6 point, 2.7/sqrt(n). */
static void draws_have_the_laws_moments_and_distribution(void) {
  enum { N = 20000 };
  static double u[N];
  static uint64_t id[N];
  Case c[7];
  cases(c);
  for (uint64_t i = 0; i < N; i++) id[i] = i;
  for (size_t k = 0; k < COUNT(c); k++) {
    double sum = 0, square = 0, distance = 0;
    random_uniform((EbbRng){7, (uint32_t)k}, N, id, NULL, 0, 1, u);
    for (int i = 0; i < N; i++) {
      u[i] = prior_quantile(&c[k].p, u[i]);
      sum += u[i] / N;
      square += (u[i] - c[k].mean) * (u[i] - c[k].mean) / N;
    }
    qsort(u, N, sizeof *u, rising);
    for (int i = 0; i < N; i++) distance = fmax(distance, fabs(c[k].below(u[i]) - (i + 0.5) / N));
    CU_ASSERT(u[0] > c[k].p.lower && u[N - 1] < c[k].p.upper);
    CU_ASSERT_DOUBLE_EQUAL(sum, c[k].mean, 5 * sqrt(c[k].var / N));
    CU_ASSERT_DOUBLE_EQUAL(square / c[k].var, 1, 0.15);
    CU_ASSERT(distance < 2.7 / sqrt(N));
    if (!(distance < 2.7 / sqrt(N))) printf("\n  case %zu: distance %g", k, distance);
  }
}

/* The mean of quantiles on a fine grid of u is the law's mean; the density integrates to 1 and, times theta, to the mean. */
static void densities_integrate_to_one(void) {
  enum { N = 200000 };
  Case c[7];
  cases(c);
  for (size_t k = 0; k < COUNT(c); k++) {
    double lower = c[k].p.lower, upper = fmin(c[k].p.upper, c[k].mean + 30 * sqrt(c[k].var)), step = (upper - lower) / N, mass = 0, mean = 0,
           grid = 0;
    for (int i = 0; i < N; i++) {
      double t = lower + (i + 0.5) * step, weight = exp(prior_log_density(&c[k].p, t)) * step;
      mass += weight;
      mean += weight * t;
      grid += prior_quantile(&c[k].p, (i + 0.5) / N) / N;
    }
    CU_ASSERT_DOUBLE_EQUAL(mass, 1, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(mean / c[k].mean, 1, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(grid / c[k].mean, 1, 2e-5);
    CU_ASSERT(prior_log_density(&c[k].p, lower) == -INFINITY && prior_log_density(&c[k].p, lower - 1) == -INFINITY);
  }
}

static void densities_have_their_closed_forms(void) {
  Case c[7];
  cases(c);
  const double at[] = {0.5, 1, 2, 4, 3, 0.5, 6.5};
  const double expected[] = {1.5,
                             0.375,
                             16 * exp(-4),
                             0.25 * exp(-1),
                             2 * exp(-0.5) / (3 * sqrt(2 * PI)),
                             exp(-0.03125) / (2 * sqrt(2 * PI)) / (phi(0.5) - phi(-0.5)),
                             exp(-0.5 * 6.5 * 6.5) / sqrt(2 * PI) / (0.5 * erfc(6 / sqrt(2)))};
  for (size_t k = 0; k < COUNT(c); k++) CU_ASSERT_DOUBLE_EQUAL(exp(prior_log_density(&c[k].p, at[k])) / expected[k], 1, 1e-12);
}

static void a_truncated_normal_far_out_keeps_its_digits(void) {
  /* Above 30 sd the law is nearly 30 + Exp(30): the median is 30 + ln 2 / 30 but for terms of order 1/30^3. */
  const EbbParameter right = {"a", 30, INFINITY, {0, 1}, EBB_PRIOR_TRUNCATED_NORMAL, 0},
                     left = {"a", -INFINITY, -30, {0, 1}, EBB_PRIOR_TRUNCATED_NORMAL, 0};
  CU_ASSERT_DOUBLE_EQUAL(prior_quantile(&right, 0.5), 30 + log(2) / 30, 1e-4);
  for (double u = 0x1p-54; u < 1; u = u < 0.1 ? 7 * u : u + 0.1) {
    double x = prior_quantile(&right, u), above = erfc(x / sqrt(2)) / erfc(30 / sqrt(2));
    CU_ASSERT_DOUBLE_EQUAL(above, 1 - u, 1e-4); /* the float32 next to 30 is 2e-6 away, 6e-5 of the mass */
    CU_ASSERT_DOUBLE_EQUAL(prior_quantile(&left, 1 - u), -x, 4e-6);
  }
}

static EbbModelInfo three(const EbbParameter *p, const double *correlation) {
  return (EbbModelInfo){.size = sizeof(EbbModelInfo),
                        .theta = {.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = 3},
                        .parameter = p,
                        .correlation = correlation};
}
static const EbbParameter correlated_three[] = {{"a", -INFINITY, INFINITY, {1, 2}, EBB_PRIOR_CORRELATED_NORMAL, 0},
                                                {"b", 0, INFINITY, {0.5, 0}, EBB_PRIOR_EXPONENTIAL, 0},
                                                {"c", -INFINITY, INFINITY, {-3, 0.5}, EBB_PRIOR_CORRELATED_NORMAL, 0}};

static void correlated_normals_have_their_moments_and_density(void) {
  enum { N = 40000 };
  static double u[3 * N];
  static float theta[3 * N];
  static uint64_t id[N];
  const double r = -0.8, R[9] = {1, 0, r, 0, 1, 0, r, 0, 1};
  EbbModelInfo info = three(correlated_three, R);
  Arena *arena = arena_new();
  Joint j;
  CU_ASSERT_EQUAL_FATAL(joint_make(arena, &info, &j), EBB_OK);
  CU_ASSERT(joint_declared(&j));
  for (uint64_t i = 0; i < N; i++) id[i] = i;
  random_uniform((EbbRng){3, 4}, N, id, NULL, 0, 3, u);
  joint_draw(&j, N, u, theta);
  double a = 0, b = 0, c = 0, aa = 0, cc = 0, ac = 0, ab = 0;
  for (int i = 0; i < N; i++) {
    double x = ((double)theta[3 * i] - 1) / 2, y = (double)theta[3 * i + 1], z = ((double)theta[3 * i + 2] + 3) / 0.5;
    a += x / N, b += y / N, c += z / N, aa += x * x / N, cc += z * z / N, ac += x * z / N, ab += x * (y - 2) / N;
  }
  double error = 1 / sqrt(N);
  CU_ASSERT(fabs(a) < 5 * error && fabs(c) < 5 * error && fabs(b - 2) < 10 * error);
  CU_ASSERT(fabs(aa - 1) < 7 * error && fabs(cc - 1) < 7 * error && fabs(ac - r) < 7 * error && fabs(ab) < 10 * error);
  for (int i = 0; i < 100; i++) { /* the bivariate normal's own formula */
    double x = ((double)theta[3 * i] - 1) / 2, y = (double)theta[3 * i + 1], z = ((double)theta[3 * i + 2] + 3) / 0.5;
    double expected = -(x * x - 2 * r * x * z + z * z) / (2 * (1 - r * r)) - log(2 * PI * 2 * 0.5 * sqrt(1 - r * r)) + log(0.5) - 0.5 * y;
    CU_ASSERT_DOUBLE_EQUAL(joint_log_density(&j, theta + 3 * i), expected, 1e-10);
  }
  CU_ASSERT(joint_log_density(&j, (const float[]){1, -1, -3}) == -INFINITY);
  arena_free(arena);
}

static void rows_do_not_depend_on_the_block(void) {
  const double R[9] = {1, 0, 0.5, 0, 1, 0, 0.5, 0, 1};
  EbbModelInfo info = three(correlated_three, R);
  Arena *arena = arena_new();
  Joint j;
  CU_ASSERT_EQUAL_FATAL(joint_make(arena, &info, &j), EBB_OK);
  double u[30], one[3];
  float theta[30], alone[3];
  uint64_t id[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  random_uniform((EbbRng){3, 4}, 10, id, NULL, 0, 3, u);
  joint_draw(&j, 10, u, theta);
  for (int i = 0; i < 10; i++) {
    random_uniform((EbbRng){3, 4}, 1, &id[i], NULL, 0, 3, one);
    joint_draw(&j, 1, one, alone);
    CU_ASSERT(memcmp(alone, theta + 3 * i, sizeof alone) == 0);
  }
  arena_free(arena);
}

static void what_is_no_correlation_is_refused(void) {
  static const struct {
    double R[9];
    const char *says;
  } wrong[] = {{{1, 0, 0.5, 0, 1, 0, 0.4, 0, 1}, "\"c\" and \"a\" is 0.4"},
               {{1, 0, 1, 0, 1, 0, 1, 0, 1}, "\"c\" and \"a\" is 1;"},
               {{2, 0, 0.5, 0, 1, 0, 0.5, 0, 1}, "\"a\" and \"a\" is 2"},
               {{1, 0, NAN, 0, 1, 0, NAN, 0, 1}, "nan"}};
  Arena *arena = arena_new();
  Joint j;
  for (size_t k = 0; k < COUNT(wrong); k++) {
    EbbModelInfo info = three(correlated_three, wrong[k].R);
    CU_ASSERT(joint_make(arena, &info, &j) == EBB_E_CONFIG && strstr(fail_text(), wrong[k].says) != NULL);
  }
  EbbModelInfo none = three(correlated_three, NULL);
  CU_ASSERT(joint_make(arena, &none, &j) == EBB_E_CONFIG && strstr(fail_text(), "there is no correlation") != NULL);
  EbbParameter all[3];
  for (int i = 0; i < 3; i++)
    all[i] = (EbbParameter){(const char *[]){"a", "b", "c"}[i], -INFINITY, INFINITY, {0, 1}, EBB_PRIOR_CORRELATED_NORMAL, 0};
  EbbModelInfo torn = three(all, (const double[]){1, 0.9, 0.9, 0.9, 1, -0.9, 0.9, -0.9, 1});
  CU_ASSERT(joint_make(arena, &torn, &j) == EBB_E_CONFIG && strstr(fail_text(), "contradict each other") != NULL);
  fail_clear();
  arena_free(arena);
}

static void what_is_no_prior_is_refused(void) {
  static const struct {
    EbbParameter p;
    const char *says;
  } wrong[] = {{{"t", 0, 1, {0, 3}, EBB_PRIOR_BETA, 0}, "shape a is 0"},
               {{"t", 0, 1, {1, 2e4}, EBB_PRIOR_BETA, 0}, "shape b is 20000"},
               {{"t", 0, INFINITY, {1, 2}, EBB_PRIOR_BETA, 0}, "two ends"},
               {{"t", 0, INFINITY, {NAN, 2}, EBB_PRIOR_GAMMA, 0}, "shape is nan"},
               {{"t", 0, INFINITY, {1, 0}, EBB_PRIOR_GAMMA, 0}, "rate is 0"},
               {{"t", -1, INFINITY, {1, 1}, EBB_PRIOR_GAMMA, 0}, "needs the support (0, inf)"},
               {{"t", 0, INFINITY, {-1, 0}, EBB_PRIOR_EXPONENTIAL, 0}, "rate is -1"},
               {{"t", 0, 2, {1, 0}, EBB_PRIOR_EXPONENTIAL, 0}, "needs the support (0, inf)"},
               {{"t", 0, INFINITY, {0, INFINITY}, EBB_PRIOR_HALF_NORMAL, 0}, "standard deviation is inf"},
               {{"t", 0, 1, {0, 0}, EBB_PRIOR_TRUNCATED_NORMAL, 0}, "standard deviation is 0"},
               {{"t", 100, INFINITY, {0, 1}, EBB_PRIOR_TRUNCATED_NORMAL, 0}, "next to nothing"},
               {{"t", 0, INFINITY, {0, 1}, EBB_PRIOR_CORRELATED_NORMAL, 0}, "normal prior needs the support (-inf, inf)"},
               {{"t", 0, 1, {0, 1}, 11, 0}, "prior family 11 is unknown"}};
  for (size_t k = 0; k < COUNT(wrong); k++) {
    CU_ASSERT_EQUAL(prior_check(&wrong[k].p, 1), EBB_E_CONFIG);
    CU_ASSERT(strstr(fail_text(), wrong[k].says) != NULL);
    if (strstr(fail_text(), wrong[k].says) == NULL) printf("\n  %s", fail_text());
  }
  fail_clear();
}

static void an_unknown_prior_has_no_numbers(void) {
  const EbbParameter p = {"t", 0, 1, {0, 0}, EBB_PRIOR_UNKNOWN, 0};
  CU_ASSERT_EQUAL(prior_check(&p, 1), EBB_OK);
  CU_ASSERT(isnan(prior_quantile(&p, 0.5)) && isnan(prior_log_density(&p, 0.5)));
  CU_ASSERT(isnan(prior_log_density(&correlated_three[0], 0.5))); /* does not stand alone */
  EbbModelInfo info = three((const EbbParameter[]){{"a", 0, 1, {0, 0}, EBB_PRIOR_UNKNOWN, 0},
                                                   {"b", 0, 1, {0, 1}, EBB_PRIOR_UNIFORM, 0},
                                                   {"c", 0, 1, {0, 1}, EBB_PRIOR_UNIFORM, 0}},
                            NULL);
  Arena *arena = arena_new();
  Joint j;
  CU_ASSERT(joint_make(arena, &info, &j) == EBB_OK && !joint_declared(&j));
  arena_free(arena);
}

static const Test tests[] = {
    {"draws have the laws' moments and distribution", draws_have_the_laws_moments_and_distribution},
    {"densities integrate to one", densities_integrate_to_one},
    {"densities have their closed forms", densities_have_their_closed_forms},
    {"a truncated normal far out keeps its digits", a_truncated_normal_far_out_keeps_its_digits},
    {"correlated normals have their moments and density", correlated_normals_have_their_moments_and_density},
    {"rows do not depend on the block", rows_do_not_depend_on_the_block},
    {"what is no correlation is refused", what_is_no_correlation_is_refused},
    {"what is no prior is refused", what_is_no_prior_is_refused},
    {"an unknown prior has no numbers", an_unknown_prior_has_no_numbers},
};
TEST_MAIN("families", tests)
