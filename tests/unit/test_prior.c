/* SPDX-License-Identifier: MIT
 *
 * Declared priors: quantiles and densities by their moments, the diffused prior against closed forms, fine sums and 40-digit quadrature. */
#include <math.h>
#include <string.h>

#include "model/prior.h"
#include "test.h"

static const double PI = 3.14159265358979323846;

static EbbParameter normal(double mean, double sd) { return (EbbParameter){"a", -INFINITY, INFINITY, {mean, sd}, EBB_PRIOR_NORMAL, 0}; }
static EbbParameter lognormal(double mean, double sd) { return (EbbParameter){"a", 0, INFINITY, {mean, sd}, EBB_PRIOR_LOGNORMAL, 0}; }
static EbbParameter uniform(double a, double b) { return (EbbParameter){"a", a, b, {a, b}, EBB_PRIOR_UNIFORM, 0}; }

/* Its map: the bijection of its support, with the given centre and scale. */
static ParameterMap map_of(const EbbParameter *p, double centre, double scale) {
  return (ParameterMap){bijection_of(p->lower, p->upper), p->lower, p->upper, centre, scale};
}
static EbbLevel vp(double lambda) {
  return (EbbLevel){.alpha = sqrt(1 / (1 + exp(-lambda))), .sigma = sqrt(1 / (1 + exp(lambda))), .lambda = lambda};
}
static EbbLevel level(double alpha, double sigma) { return (EbbLevel){.alpha = alpha, .sigma = sigma}; }

static bool near(double got, double expected, double relative, const char *what, double where) {
  bool good = fabs(got - expected) <= relative * fmax(fabs(expected), 1e-300);
  if (!good) printf("\n  %s at %g: %.17g, expected %.17g", what, where, got, expected);
  return good;
}

static void draws_have_the_familys_moments(void) {
  const EbbParameter p[] = {normal(3, 2), lognormal(-1, 0.5), uniform(-2, 5)};
  const double mean[] = {3, exp(-1 + 0.125), 1.5}, var[] = {4, exp(-2 + 0.25) * (exp(0.25) - 1), 49.0 / 12};
  const int n = 1000000;
  for (size_t k = 0; k < COUNT(p); k++) {
    double sum = 0, square = 0;
    for (int i = 0; i < n; i++) sum += prior_quantile(&p[k], (i + 0.5) / n);
    for (int i = 0; i < n; i++) square += pow(prior_quantile(&p[k], (i + 0.5) / n) - mean[k], 2);
    CU_ASSERT_DOUBLE_EQUAL(sum / n, mean[k], 1e-5 * fabs(mean[k]));
    CU_ASSERT_DOUBLE_EQUAL(square / n, var[k], 5e-5 * var[k]);
  }
}

static void the_normal_quantile_inverts_the_cdf_into_both_tails(void) {
  const EbbParameter p = normal(0, 1);
  for (double u = 0x1p-53; u < 0.5; u *= 1.7) {
    double x = prior_quantile(&p, u);
    CU_ASSERT(near(0.5 * erfc(-x / sqrt(2)), u, 1e-13, "lower tail", u));
    if (u > 1e-9) CU_ASSERT(near(prior_quantile(&p, 1 - u), -x, 1e-7, "upper tail", u));
  }
  CU_ASSERT_DOUBLE_EQUAL(prior_quantile(&p, 0.5), 0, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(prior_quantile(&p, 0.975), 1.959963984540054, 1e-13);
}

static void draws_stay_strictly_inside_as_float32(void) {
  static const double ends[][2] = {{0, 1}, {-1, 0}, {0.1, 0.3}, {1e6, 1e6 + 1}, {-3e38, 3e38}, {1 - 0x1p-30, 2}};
  static const double u[] = {0x1p-54, 0x1p-30, 0.5, 1 - 0x1p-30, 1 - 0x1p-53};
  for (size_t k = 0; k < COUNT(ends); k++)
    for (size_t i = 0; i < COUNT(u); i++)
      for (int bijection = 0; bijection < 2; bijection++) {
        EbbParameter p = uniform(ends[k][0], ends[k][1]);
        if (!bijection) p.lower = -INFINITY, p.upper = INFINITY;
        float theta = (float)prior_quantile(&p, u[i]);
        CU_ASSERT((double)theta > ends[k][0] && (double)theta < ends[k][1]);
      }
  const EbbParameter wide = lognormal(0, 60);
  CU_ASSERT((float)prior_quantile(&wide, 0x1p-54) > 0);
  CU_ASSERT(isfinite((float)prior_quantile(&wide, 1 - 0x1p-53)));
}

static void densities_are_those_of_the_textbook(void) {
  const EbbParameter n = normal(3, 2), l = lognormal(-1, 0.5), u = uniform(-2, 5);
  CU_ASSERT_DOUBLE_EQUAL(prior_log_density(&n, 4), -0.125 - log(2) - 0.5 * log(2 * PI), 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(exp(prior_log_density(&l, 1)), 0.10798193302637613, 1e-14); /* exp(-2)/(.5 sqrt(2 pi)) */
  CU_ASSERT_DOUBLE_EQUAL(prior_log_density(&u, 0), -log(7), 1e-15);
  CU_ASSERT(prior_log_density(&l, 0) == -INFINITY && prior_log_density(&l, -1) == -INFINITY);
  CU_ASSERT(prior_log_density(&u, -2) == -INFINITY && prior_log_density(&u, 5.1) == -INFINITY);
  EbbParameter box = u;
  box.lower = -INFINITY, box.upper = INFINITY;
  CU_ASSERT(prior_log_density(&box, 6) == -INFINITY);
  double sum = 0; /* of the log-normal's density, over theta */
  for (int i = 0; i < 1000000; i++) sum += exp(prior_log_density(&l, (i + 0.5) * 2e-5)) * 2e-5;
  CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-6);
}

/* T6.5, Gaussian, with the parameter's own centre and scale taken out. */
static void gaussian_and_log_normal_priors_are_gaussian_in_x(void) {
  const EbbParameter p[] = {normal(3, 2), lognormal(3, 2)};
  for (size_t k = 0; k < COUNT(p); k++) {
    const ParameterMap map = map_of(&p[k], 2.5, 1.6);
    double m = 0.5 / 1.6, v = 4 / 2.56, xhat, var;
    for (double lambda = -12; lambda <= 18; lambda += 3)
      for (double z = -40; z <= 40; z += 8) {
        EbbLevel l = vp(lambda);
        CU_ASSERT_EQUAL(prior_diffused(&p[k], &map, &l, z, &xhat, &var), EBB_OK);
        double total = l.alpha * l.alpha * v + l.sigma * l.sigma, score = -(z - l.alpha * m) / total;
        CU_ASSERT_DOUBLE_EQUAL(xhat, (z + l.sigma * l.sigma * score) / l.alpha, 1e-11 * fmax(1, fabs(xhat)));
        CU_ASSERT(near(var, 1 / (1 / v + exp(lambda)), 1e-10, "variance", lambda));
      }
    EbbLevel none = level(0, 1), end = level(1, 0);
    CU_ASSERT(prior_diffused(&p[k], &map, &none, 7, &xhat, &var) == EBB_OK && near(xhat, m, 1e-15, "mean", 0) && near(var, v, 1e-15, "var", 0));
    CU_ASSERT(prior_diffused(&p[k], &map, &end, 7, &xhat, NULL) == EBB_OK && near(xhat, 7, 1e-15, "end", 0));
  }
}

/* T6.5, box: the closed form of methods.md 6, where it keeps its digits. */
static void a_box_agrees_with_the_closed_form(void) {
  EbbParameter p = uniform(-2, 5);
  p.lower = -INFINITY, p.upper = INFINITY;
  const ParameterMap map = map_of(&p, 1.5, 2);
  const double a = -1.75, b = 1.75;
  for (double lambda = -4; lambda <= 4; lambda += 1)
    for (double z = -3; z <= 3; z += 0.75) {
      EbbLevel l = vp(lambda);
      double A = (l.alpha * a - z) / l.sigma, B = (l.alpha * b - z) / l.sigma, Z = 0.5 * (erf(B / sqrt(2)) - erf(A / sqrt(2)));
      double fa = exp(-A * A / 2) / sqrt(2 * PI), fb = exp(-B * B / 2) / sqrt(2 * PI), r = (fb - fa) / Z, xhat, var;
      if (Z < 1e-4) continue;
      CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, z, &xhat, &var), EBB_OK);
      CU_ASSERT_DOUBLE_EQUAL(xhat, (z - l.sigma * r) / l.alpha, 1e-10);
      CU_ASSERT(near(var, exp(-lambda) * (1 - (B * fb - A * fa) / Z - r * r), 1e-9, "box variance", lambda));
    }
}

/* Box (-1, 1), integrated with 40 digits: far outside, in wide noise, without signal. */
static void a_box_keeps_its_digits_where_closed_forms_lose_them(void) {
  static const struct {
    double alpha, sigma, z, mean, var;
  } known[] = {
      {1, .01, 1.1, .99901906766037488, 9.4453778256562461e-7}, {1, 1e-4, 1.1, .9999999000002, 9.999940000499979e-15},
      {1, 1e-3, 3, .99999950000025, 2.4999962500078127e-13},    {.5, .8, .2, .049349628620365609, .31490870465105581},
      {.5, .8, -4, -.66810825013080159, .098243103242008283},   {1e-6, 1, .7, 2.3333333333329457e-7, .33333333333325622},
      {.01, 1, -3, -.0099992667415792498, .33326889976556756},  {0, 1, .5, 0, .33333333333333333},
  };
  EbbParameter p = uniform(-1, 1);
  p.lower = -INFINITY, p.upper = INFINITY;
  const ParameterMap map = map_of(&p, 0, 1);
  for (size_t i = 0; i < COUNT(known); i++) {
    EbbLevel l = level(known[i].alpha, known[i].sigma);
    double xhat, var;
    CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, known[i].z, &xhat, &var), EBB_OK);
    CU_ASSERT_DOUBLE_EQUAL(xhat, known[i].mean, 1e-14);
    CU_ASSERT(near(var, known[i].var, 1e-10, "box", known[i].z));
  }
}

/* The box must push back from outside: ten sigma out, s_0 = -10.09809/sigma. */
static void the_force_outside_a_box_is_the_golden_value(void) {
  EbbParameter p = uniform(-1, 1);
  p.lower = -INFINITY, p.upper = INFINITY;
  const ParameterMap map = map_of(&p, 0, 1);
  static const double sigma[] = {0.1, 0.01, 0.001};
  for (size_t i = 0; i < COUNT(sigma); i++)
    for (int side = -1; side <= 1; side += 2) {
      EbbLevel l = level(1, sigma[i]);
      double z = side * (1 + 10 * sigma[i]), xhat;
      CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, z, &xhat, NULL), EBB_OK);
      CU_ASSERT_DOUBLE_EQUAL(side * (xhat - z) / sigma[i], -10.09809, 5e-6);
    }
}

/* Uniform with the logit: mean and variance by the trapezium rule, 400,000 points where the product is not negligible. */
static void fine_sum(const ParameterMap *map, const EbbLevel *l, double z, double *mean, double *var) {
  const int n = 400000;
  double low = -60, high = 60, mid = map->centre + map->scale * z / l->alpha, half = 12 * map->scale * l->sigma / l->alpha; /* in q */
  double first = fmin(fmax(low, mid - 60 * map->scale * map->scale * exp(-l->lambda) - half), high);
  double last = fmax(fmin(high, mid + 60 * map->scale * map->scale * exp(-l->lambda) + half), low), sum = 0, sum1 = 0, sum2 = 0, most = -INFINITY;
  double *e = malloc((size_t)n * sizeof *e);
  for (int i = 0; i < n; i++) {
    double q = first + (last - first) * i / (n - 1), x = (q - map->centre) / map->scale, h = (z - l->alpha * x) / l->sigma;
    e[i] = -fabs(q) - 2 * log1p(exp(-fabs(q))) - 0.5 * h * h;
    most = fmax(most, e[i]);
  }
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < n; i++) {
      double x = (first + (last - first) * i / (n - 1) - map->centre) / map->scale, w = exp(e[i] - most);
      if (pass == 0) sum += w, sum1 += w * x;
      if (pass == 1) sum2 += w * (x - sum1 / sum) * (x - sum1 / sum);
    }
  *mean = sum1 / sum;
  *var = sum2 / sum;
  free(e);
}

/* T6.5, logistic. */
static void a_logistic_agrees_with_a_fine_sum(void) {
  const EbbParameter p = uniform(-2, 5);
  const ParameterMap map = map_of(&p, 0.2, 1.8138);
  for (double lambda = -9; lambda <= 18; lambda += 1.5)
    for (int k = -4; k <= 4; k++) {
      EbbLevel l = vp(lambda);
      double z = k * 0.9 * sqrt(l.alpha * l.alpha + l.sigma * l.sigma) + 0.1, xhat, var, mean, spread;
      CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, z, &xhat, &var), EBB_OK);
      fine_sum(&map, &l, z, &mean, &spread);
      CU_ASSERT_DOUBLE_EQUAL(xhat, mean, 1e-8 * fmax(sqrt(spread), fabs(mean)));
      CU_ASSERT(near(var, spread, 1e-8, "logistic variance", lambda));
    }
}

/* Centre .3, scale 1.7; integrated with 40 digits. The far ones lie on the knee between the logistic's tail and the noise. */
static void a_logistic_agrees_with_forty_digits_far_out(void) {
  static const struct {
    double lambda, z, mean, var;
  } known[] = {
      {-9, 1.5, -.15747859094588627, 1.1383231929961873},   {-9, -250, -8730.4287299797528, 8103.083927575384},
      {-9, 400, 22233.831574094496, 8103.083927575384},     {-4, 3, .29533320476173828, 1.227524232291147},
      {0, .5, .24585123646468681, .49191019718507535},      {0, -9, -11.027922201768544, .9999997613023419},
      {4, 2.5, 2.4923307900296139, .018294833804895826},    {4, 30, 30.242351402554428, .01831563888873418},
      {10, -.2, -.20000299640372765, 4.539695287956624e-5}, {18, 1.25, 1.2499999878369221, 1.5229979644592136e-8},
      {18, 6, 6.0000000198003993, 1.5229979744675713e-8},
  };
  const EbbParameter p = uniform(0, 1);
  const ParameterMap map = map_of(&p, 0.3, 1.7);
  for (size_t i = 0; i < COUNT(known); i++) {
    EbbLevel l = vp(known[i].lambda);
    double xhat, var;
    CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, known[i].z, &xhat, &var), EBB_OK);
    CU_ASSERT(near(xhat, known[i].mean, 1e-11, "mean", known[i].lambda));
    CU_ASSERT(near(var, known[i].var, 1e-10, "variance", known[i].lambda));
  }
}

/* Cov[x|z] = (sigma^2/alpha) dxhat/dz ties mean and variance together at every z, knees included. */
static void the_variance_is_the_slope_of_the_mean(void) {
  EbbParameter p[] = {uniform(0, 1), uniform(0, 1)};
  p[1].lower = -INFINITY, p[1].upper = INFINITY;
  for (size_t k = 0; k < COUNT(p); k++) {
    const ParameterMap map = map_of(&p[k], k ? 0.5 : 0, k ? 0.28867513 : 1.8137994);
    for (double lambda = -9; lambda <= 12; lambda += 3)
      for (int i = -30; i <= 30; i++) {
        EbbLevel l = vp(lambda);
        double z = i * fmax(l.alpha, l.sigma * (i % 2 ? 8 : 0.3)), step = 1e-4 * l.sigma, up, down, xhat, var;
        CU_ASSERT_EQUAL_FATAL(prior_diffused(&p[k], &map, &l, z, &xhat, &var), EBB_OK);
        prior_diffused(&p[k], &map, &l, z + step, &up, NULL);
        prior_diffused(&p[k], &map, &l, z - step, &down, NULL);
        double slope = l.sigma * l.sigma / l.alpha * (up - down) / (2 * step);
        double noise = 1e-15 * fmax(fabs(xhat), 1) * l.sigma * l.sigma / l.alpha / step;
        CU_ASSERT(fabs(var - slope) <= 1e-5 * var + 4 * noise);
        CU_ASSERT(var > 0);
      }
  }
}

static void no_noise_and_no_signal_are_the_ends(void) {
  const EbbParameter p = uniform(-2, 5);
  const ParameterMap map = map_of(&p, 0, 1);
  EbbLevel end = level(1, 0), start = level(0, 1);
  double xhat, var;
  CU_ASSERT(prior_diffused(&p, &map, &end, 0.7, &xhat, &var) == EBB_OK && fabs(xhat - 0.7) < 1e-15 && var == 0);
  CU_ASSERT_EQUAL(prior_diffused(&p, &map, &start, 3, &xhat, &var), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(xhat, 0, 1e-13);
  CU_ASSERT_DOUBLE_EQUAL(var, PI * PI / 3, 1e-12); /* of the logistic */
  CU_ASSERT_EQUAL(prior_diffused(&p, &map, &start, NAN, &xhat, &var), EBB_E_NUMERIC);
}

static void priors_without_a_known_field_are_refused(void) {
  EbbParameter p = normal(0, 1);
  ParameterMap map = map_of(&p, 0, 1);
  EbbLevel l = vp(0);
  double xhat;
  p.family = EBB_PRIOR_OWN;
  CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, 0, &xhat, NULL), EBB_E_UNSUPPORTED);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "parameter \"a\""));
  p = uniform(0, 1); /* a logit over other bounds is no logistic */
  map = (ParameterMap){BIJECTION_INTERVAL, -1, 2, 0, 1};
  CU_ASSERT_EQUAL(prior_diffused(&p, &map, &l, 0, &xhat, NULL), EBB_E_UNSUPPORTED);
}

static void checks_name_the_parameter_and_the_fault(void) {
  const EbbParameter good = uniform(0, 1);
  const struct {
    EbbParameter p;
    const char *says;
  } bad[] = {
      {{NULL, 0, 1, {0, 1}, 3, 0}, "parameter 2 has no name"},
      {{"", 0, 1, {0, 1}, 3, 0}, "parameter 2 has no name"},
      {{"a", 0, 1, {0, 1}, 3, 0}, "parameters 1 and 2 are both named \"a\""},
      {{"b", 1, 1, {0, 1}, 3, 0}, "parameter \"b\": its support (1, 1) is empty"},
      {{"b", NAN, 1, {0, 1}, 3, 0}, "is empty"},
      {{"b", 0, 1e39, {0, 1e39}, 3, 0}, "beyond the range of float32"},
      {{"b", 1, 1 + 1e-9, {1, 1 + 1e-9}, 3, 0}, "fewer than two float32 numbers"},
      {{"b", -INFINITY, INFINITY, {1, 1 + 1e-9}, 3, 0}, "fewer than two float32 numbers"},
      {{"b", 0, 1, {0, 2}, 3, 0}, "a uniform prior needs the support (0, 2), found (0, 1)"},
      {{"b", 0, INFINITY, {0, 2}, 3, 0}, "a uniform prior needs the support (0, 2), found (0, inf)"},
      {{"b", 0, 1, {1, 0}, 3, 0}, "a uniform prior on (1, 0) is empty"},
      {{"b", -INFINITY, INFINITY, {-INFINITY, 0}, 3, 0}, "is empty or endless"},
      {{"b", -INFINITY, INFINITY, {0, 0}, 1, 0}, "standard deviation is 0"},
      {{"b", -INFINITY, INFINITY, {0, NAN}, 1, 0}, "standard deviation is"},
      {{"b", -INFINITY, INFINITY, {INFINITY, 1}, 1, 0}, "the prior's mean is inf"},
      {{"b", 0, INFINITY, {0, 1}, 1, 0}, "a normal prior needs the support (-inf, inf), found (0, inf)"},
      {{"b", -INFINITY, INFINITY, {0, 1}, 2, 0}, "a log-normal prior needs the support (0, inf), found (-inf, inf)"},
      {{"b", 0, 1, {0, 1}, 90, 0}, "prior family 90 is unknown"},
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    const EbbParameter two[] = {good, bad[i].p};
    fail_clear();
    CU_ASSERT_EQUAL(prior_check(two, 2), EBB_E_CONFIG);
    bool said = strstr(fail_text(), bad[i].says) != NULL;
    if (!said) printf("\n  case %zu: \"%s\" does not say \"%s\"", i, fail_text(), bad[i].says);
    CU_ASSERT(said);
  }
  CU_ASSERT_EQUAL(prior_check(&good, 0), EBB_E_CONFIG);
}

static void sane_priors_pass(void) {
  EbbParameter p[] = {normal(0, 1), lognormal(0, 1), uniform(0, 1), uniform(0, 1), {"own", 0, 3, {0, 0}, EBB_PRIOR_OWN, 0}};
  const char *name[] = {"n", "l", "u", "box", "own"};
  for (size_t i = 0; i < COUNT(p); i++) p[i].name = name[i];
  p[3].lower = -INFINITY, p[3].upper = INFINITY;
  CU_ASSERT_EQUAL(prior_check(p, (int64_t)COUNT(p)), EBB_OK);
}

static const Test tests[] = {
    {"draws have the family's moments", draws_have_the_familys_moments},
    {"the normal quantile inverts the CDF into both tails", the_normal_quantile_inverts_the_cdf_into_both_tails},
    {"draws stay strictly inside as float32", draws_stay_strictly_inside_as_float32},
    {"densities are those of the textbook", densities_are_those_of_the_textbook},
    {"Gaussian and log-normal priors are Gaussian in x", gaussian_and_log_normal_priors_are_gaussian_in_x},
    {"a box agrees with the closed form", a_box_agrees_with_the_closed_form},
    {"a box keeps its digits where closed forms lose them", a_box_keeps_its_digits_where_closed_forms_lose_them},
    {"the force outside a box is the golden value", the_force_outside_a_box_is_the_golden_value},
    {"a logistic agrees with a fine sum", a_logistic_agrees_with_a_fine_sum},
    {"a logistic agrees with forty digits far out", a_logistic_agrees_with_forty_digits_far_out},
    {"the variance is the slope of the mean", the_variance_is_the_slope_of_the_mean},
    {"no noise and no signal are the ends", no_noise_and_no_signal_are_the_ends},
    {"priors without a known field are refused", priors_without_a_known_field_are_refused},
    {"checks name the parameter and the fault", checks_name_the_parameter_and_the_fault},
    {"sane priors pass", sane_priors_pass},
};
TEST_MAIN("prior", tests)
