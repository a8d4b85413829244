/* SPDX-License-Identifier: MIT
 *
 * Bijections and standardisation: inverses, derivatives, rules for columns. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "model/transform.h"
#include "num/random.h"
#include "test.h"

static const ParameterMap maps[] = {
    {BIJECTION_NONE, -INFINITY, INFINITY, 0.4, 2.5},     {BIJECTION_LOWER, 0, INFINITY, -1, 0.7}, {BIJECTION_LOWER, -3, INFINITY, 0.5, 1.5},
    {BIJECTION_UPPER, -INFINITY, 2, 0.3, 0.9},           {BIJECTION_INTERVAL, 0, 1, 0, 1.8138},   {BIJECTION_INTERVAL, -2, 5, 0.7, 1.3},
    {BIJECTION_INTERVAL, 1e6, 1e6 + 1000, -0.2, 1.8138},
};

static void supports_choose_their_bijection(void) {
  CU_ASSERT_EQUAL(bijection_of(-INFINITY, INFINITY), BIJECTION_NONE);
  CU_ASSERT_EQUAL(bijection_of(0, INFINITY), BIJECTION_LOWER);
  CU_ASSERT_EQUAL(bijection_of(-INFINITY, 0), BIJECTION_UPPER);
  CU_ASSERT_EQUAL(bijection_of(-1, 1), BIJECTION_INTERVAL);
}

/* One row of the table of methods.md 3.8 each, with mean and scale; UPPER is the mirror of LOWER. */
static void forward_is_the_handbooks_formula(void) {
  CU_ASSERT_DOUBLE_EQUAL(map_forward(&maps[0], 5.4), 2, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(map_forward(&maps[2], exp(2) - 3), 1, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(map_forward(&maps[3], 2 - exp(-1.2)), 1, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(map_forward(&maps[5], -2 + 7 * 0.8), (log(4) - 0.7) / 1.3, 1e-15);
}

/* T3.14, and through float32. */
static void theta_comes_back(void) {
  for (size_t k = 0; k < COUNT(maps); k++)
    for (double x = -4; x <= 4; x += 0.125) {
      double theta = map_inverse(&maps[k], x), again = map_inverse(&maps[k], map_forward(&maps[k], theta));
      float single = (float)theta, single_again = (float)map_inverse(&maps[k], map_forward(&maps[k], single));
      CU_ASSERT_DOUBLE_EQUAL(map_forward(&maps[k], theta), x, 1e-7);
      CU_ASSERT_DOUBLE_EQUAL(again, theta, 1e-13 * fmax(fabs(theta), 1));
      CU_ASSERT_DOUBLE_EQUAL(single_again, single, 2e-6 * fabs(single));
    }
}

static void inverses_land_strictly_inside_also_as_float32(void) {
  static const double far[] = {20, 100, 1e4, 1e30, 1e300, INFINITY};
  static const double ends[][2] = {{-INFINITY, INFINITY}, {0, INFINITY},   {-INFINITY, 0},  {1e6, INFINITY},  {0, 1},         {-1, 0}, {0.1, 0.3},
                                   {1e6, 1e6 + 1},        {-1e-30, 1e-30}, {-1e-42, 1e-42}, {3e38, INFINITY}, {-1e38, 3.4e38}};
  for (size_t k = 0; k < COUNT(ends); k++) {
    ParameterMap m = {bijection_of(ends[k][0], ends[k][1]), ends[k][0], ends[k][1], 0, 1};
    for (size_t i = 0; i < COUNT(far); i++)
      for (int side = -1; side <= 1; side += 2) {
        double theta = map_inverse(&m, side * far[i]);
        float single = (float)theta;
        CU_ASSERT(theta > ends[k][0] && theta < ends[k][1]);
        CU_ASSERT((double)single > ends[k][0] && (double)single < ends[k][1] && isfinite(single));
      }
  }
  CU_ASSERT(isnan(map_inverse(&maps[4], NAN)) && isnan(map_inverse(&maps[0], NAN)));
}

static void the_clamp_reaches_the_last_float32_inside(void) {
  CU_ASSERT_EQUAL(support_clamp(0, 1, 7), (double)nextafterf(1, 0));
  CU_ASSERT_EQUAL(support_clamp(1, 2, 0), (double)nextafterf(1, 2));
  CU_ASSERT_EQUAL(support_clamp(0.1, 1, 0), (double)0.1f);                /* 0.1f > 0.1 */
  CU_ASSERT_EQUAL(support_clamp(0.3, 1, 0), (double)0.3f);                /* 0.3f > 0.3 */
  CU_ASSERT_EQUAL(support_clamp(0.7, 1, 0), (double)nextafterf(0.7f, 1)); /* 0.7f < 0.7 */
  CU_ASSERT_EQUAL(support_clamp(0, 1, 0.5), 0.5);
}

static void a_theta_on_its_bound_stays_finite(void) {
  for (size_t k = 1; k < COUNT(maps); k++)
    for (int side = 0; side < 2; side++) {
      double bound = side ? maps[k].upper : maps[k].lower;
      if (isinf(bound)) continue;
      for (int out = 0; out < 2; out++) {
        double theta = bound + (side ? 1 : -1) * out * 3.0;
        CU_ASSERT(isfinite(map_forward(&maps[k], theta)) && isfinite(map_log_slope(&maps[k], theta)));
        CU_ASSERT((map_forward(&maps[k], theta) > 0) == (side == 1));
      }
    }
}

/* T3.14: ln dx/dtheta, and d/dx ln dtheta/dx, by central differences. */
static void both_terms_of_the_chain_rule_match_differences(void) {
  for (size_t k = 0; k < COUNT(maps); k++)
    for (double x = -3; x <= 3; x += 0.25) {
      const ParameterMap *m = &maps[k];
      double theta = map_inverse(m, x), h = 1e-5;
      double slope = (map_inverse(m, x + h) - map_inverse(m, x - h)) / (2 * h);
      CU_ASSERT_DOUBLE_EQUAL(map_log_slope(m, theta), -log(slope), 1e-5);
      double up = -map_log_slope(m, map_inverse(m, x + h)), down = -map_log_slope(m, map_inverse(m, x - h));
      CU_ASSERT_DOUBLE_EQUAL(map_log_slope_gradient(m, theta), (up - down) / (2 * h), 2e-4);
    }
}

/* T3.15: a standard Gaussian in x has mass 1 in theta. Trapezium rule in theta on uneven points; only forward and log slope are used. */
static void a_gaussian_pushed_through_has_mass_one(void) {
  static const double from[] = {-22.1, 1e-9, -3 + 1e-9, -400, 1e-13, -2 + 1e-9, 1e6 + 1e-6},
                      to[] = {22.9, 40, 40000, 2 - 1e-9, 1 - 1e-13, 5 - 1e-9, 1e6 + 1000 - 1e-6};
  const int n = 200000;
  for (size_t k = 0; k < COUNT(maps); k++) {
    const ParameterMap *m = &maps[k];
    double mass = 0, before = 0, last = 0;
    for (int i = 0; i <= n; i++) {
      double s = (double)i / n, theta; /* points crowd at finite bounds */
      if (m->kind == BIJECTION_LOWER)
        theta = m->lower + (from[k] - m->lower) * pow((to[k] - m->lower) / (from[k] - m->lower), s);
      else if (m->kind == BIJECTION_UPPER)
        theta = m->upper - (m->upper - from[k]) * pow((m->upper - to[k]) / (m->upper - from[k]), s);
      else
        theta = m->kind == BIJECTION_INTERVAL ? from[k] + (to[k] - from[k]) * (s < 0.5 ? 8 * s * s * s * s : 1 - 8 * pow(1 - s, 4))
                                              : from[k] + (to[k] - from[k]) * s;
      double x = map_forward(m, theta), p = exp(-0.5 * x * x + map_log_slope(m, theta)) / sqrt(2 * 3.14159265358979323846);
      if (i > 0) mass += 0.5 * (p + last) * (theta - before);
      last = p, before = theta;
    }
    if (fabs(mass - 1) > 1e-5) printf("\n  map %zu: mass %.9g", k, mass);
    CU_ASSERT_DOUBLE_EQUAL(mass, 1, 1e-5);
  }
}

enum { N = 10000 };
static float column[N];
static double draw_u[N], draw_z[N];
static void make_draws(int n) {
  const EbbRng rng = {11, 3};
  const uint64_t id = 1;
  random_uniform(rng, 1, &id, NULL, 0, n, draw_u);
  random_normal(rng, 1, &id, NULL, 1, n, draw_z);
}
static ColumnMap fit(int64_t n) {
  Arena *arena = arena_new();
  ColumnMap c;
  column_fit(arena, &c, n, column, 1, NULL);
  arena_free(arena);
  return c;
}

static void a_fit_standardises_the_kept_rows(void) {
  /* ln theta = 1, 3, (5 left out), 5 : mean 3, sd sqrt(8/3) */
  const float theta[] = {2.7182818f, 0, 20.085537f, 0, 1e9f, 0, 148.41316f, 0, NAN, 0};
  const uint8_t keep[] = {1, 1, 0, 1, 1};
  ParameterMap m = {BIJECTION_LOWER, 0, INFINITY, 0, 1};
  map_fit(&m, 5, theta, 2, keep);
  CU_ASSERT_DOUBLE_EQUAL(m.centre, 3, 1e-7);
  CU_ASSERT_DOUBLE_EQUAL(m.scale, sqrt(8.0 / 3), 1e-7);
  Arena *arena = arena_new();
  const float value[] = {1, 0, 2, 0, 1e9f, 0, 6, 0, NAN, 0};
  ColumnMap c;
  column_fit(arena, &c, 5, value, 2, keep);
  arena_free(arena);
  CU_ASSERT_EQUAL(c.rule, COLUMN_MEAN);
  CU_ASSERT_DOUBLE_EQUAL(c.centre, 3, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(c.scale, sqrt(14.0 / 3), 1e-15);
  CU_ASSERT(c.low == 1 && c.high == 6 && c.clip == 0);
}

/* T3.13, A01. 0.1f is a number whose sums round. */
static void a_constant_is_centred_and_not_scaled(void) {
  static const float constant[] = {7, 0, 0.1f, -1e30f, 1e8f};
  for (size_t k = 0; k < COUNT(constant); k++) {
    for (int i = 0; i < N; i++) column[i] = constant[k];
    ColumnMap c = fit(N);
    CU_ASSERT_EQUAL(c.rule, COLUMN_CONSTANT);
    CU_ASSERT(c.centre == (double)constant[k] && c.scale == 1);
    CU_ASSERT(column_forward(&c, constant[k]) == 0 && column_outside(&c, constant[k]) == 0);
    ParameterMap m = {BIJECTION_NONE, -INFINITY, INFINITY, 0, 5};
    map_fit(&m, N, column, 1, NULL);
    CU_ASSERT(m.centre == (double)constant[k] && m.scale == 1);
  }
}

static void an_observation_off_a_constant_is_flagged(void) {
  for (int i = 0; i < N; i++) column[i] = 7;
  ColumnMap c = fit(N);
  CU_ASSERT(isinf(column_outside(&c, 7.1)) && isinf(column_outside(&c, 6.9)));
  CU_ASSERT_DOUBLE_EQUAL(column_forward(&c, 7.1), 0.1, 1e-7);
  CU_ASSERT(column_forward(&c, 1e9) == 10 && column_forward(&c, -1e9) == -10); /* the network never saw it vary */
  CU_ASSERT(isnan(column_forward(&c, NAN)));
}

static void a_column_constant_but_for_rounding_is_constant(void) {
  for (int i = 0; i < N; i++) column[i] = (float)(1e8 + (i % 3)); /* one float32 number */
  ColumnMap c = fit(N);
  CU_ASSERT_EQUAL(c.rule, COLUMN_CONSTANT);
  CU_ASSERT_EQUAL(column_outside(&c, 1e8 + 2), 0);
  CU_ASSERT(isinf(column_outside(&c, 1e8 + 1000)));
  for (int i = 0; i < N; i++) column[i] = i % 7 ? 1 : nextafterf(1, 2); /* a sum that should be 1 */
  c = fit(N);
  CU_ASSERT_EQUAL(c.rule, COLUMN_CONSTANT);
  CU_ASSERT(column_forward(&c, column[0]) == 0 && column_forward(&c, column[1]) == 0);
  for (int i = 0; i < N; i++) column[i] = 1 + 1e-5f * (float)(i % 7); /* small, but more than rounding */
  CU_ASSERT_EQUAL(fit(N).rule, COLUMN_MEAN);
}

static void a_column_constant_but_for_one_row_keeps_mean_and_sd(void) {
  for (int i = 0; i < N; i++) column[i] = i == 4321 ? 8 : 7;
  ColumnMap c = fit(N);
  CU_ASSERT_EQUAL(c.rule, COLUMN_MEAN);
  CU_ASSERT_DOUBLE_EQUAL(c.centre, 7.0001, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(c.scale, sqrt(1e-4 * (1 - 1e-4)), 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(column_outside(&c, 9), 1 / c.scale, 1e-9);
}

/* A05: a scaled and shifted problem is the same problem, to the rounding of the data. */
static void scales_do_not_matter(void) {
  static const double scale[] = {1, 1e-6, 1e6}, shift[] = {0, 0, 1e7};
  double first_centre = 0, first_scale = 0;
  make_draws(N);
  for (size_t k = 0; k < COUNT(scale); k++) {
    for (int i = 0; i < N; i++) column[i] = (float)(draw_z[i] * scale[k] + shift[k]);
    ColumnMap c = fit(N);
    ParameterMap m = {BIJECTION_NONE, -INFINITY, INFINITY, 0, 1};
    map_fit(&m, N, column, 1, NULL);
    CU_ASSERT_EQUAL(c.rule, COLUMN_MEAN);
    CU_ASSERT(fabs(c.centre - m.centre) <= 1e-12 * fabs(m.centre) && fabs(c.scale - m.scale) <= 1e-12 * m.scale);
    if (k == 0) first_centre = m.centre, first_scale = m.scale;
    double worst = 0;
    for (int i = 0; i < N; i++) {
      double expected = (draw_z[i] - first_centre) / first_scale;
      worst = fmax(worst, fmax(fabs(map_forward(&m, column[i]) - expected), fabs(column_forward(&c, column[i]) - expected)));
    }
    CU_ASSERT(worst < 2e-6);
  }
}

static void heavy_tails_alone_trigger_the_median(void) {
  enum { STUDENT2, CAUCHY, GAUSSIAN, UNIFORM, LOGNORMAL, EXPONENTIAL, KINDS };
  static const char *const name[] = {"t2", "cauchy", "gaussian", "uniform", "lognormal .5", "exponential"};
  static const int sizes[] = {1000, N};
  for (size_t s = 0; s < COUNT(sizes); s++) {
    make_draws(sizes[s]);
    for (int kind = 0; kind < KINDS; kind++) {
      for (int i = 0; i < sizes[s]; i++) {
        double u = draw_u[i], z = draw_z[i];
        const double value[] = {(2 * u - 1) / sqrt(2 * u * (1 - u)), tan(3.14159265358979 * (u - 0.5)), z, u, exp(0.5 * z), -log(u)};
        column[i] = (float)(3 + 2 * value[kind]);
      }
      ColumnMap c = fit(sizes[s]);
      ColumnRule expected = kind <= CAUCHY ? COLUMN_MEDIAN : COLUMN_MEAN;
      if (c.rule != expected) printf("\n  %s of %d rows: rule %d", name[kind], sizes[s], (int)c.rule);
      CU_ASSERT_EQUAL(c.rule, expected);
      if (kind != STUDENT2) continue; /* quartiles at +- sqrt(2/3) */
      CU_ASSERT_DOUBLE_EQUAL(c.centre, 3, 0.3);
      CU_ASSERT_DOUBLE_EQUAL(c.scale, 4 * sqrt(2.0 / 3) / 1.349, 0.25);
      CU_ASSERT_EQUAL(c.clip, 10);
      CU_ASSERT(column_forward(&c, 1e6) == 10 && column_forward(&c, -1e6) == -10);
      CU_ASSERT_DOUBLE_EQUAL(column_forward(&c, c.centre + 9 * c.scale), 9, 1e-6);
    }
  }
}

/* Infinite outliers of a broken simulator must not set the scale; a second mode must not be clipped away. */
static void few_wild_values_trigger_it_and_a_second_mode_does_not(void) {
  make_draws(N);
  for (int i = 0; i < N; i++) column[i] = i < 3 ? 1e6f : (float)draw_z[i];
  CU_ASSERT_EQUAL(fit(N).rule, COLUMN_MEDIAN);
  for (int i = 0; i < N; i++) column[i] = (float)(draw_z[i] + (i % 10 ? 0 : 50));
  CU_ASSERT_EQUAL(fit(N).rule, COLUMN_MEAN);
}

static void distance_outside_is_in_units_of_scale(void) {
  const ColumnMap c = {COLUMN_MEAN, 5, 2, 0, 1, 9};
  CU_ASSERT(column_outside(&c, 1) == 0 && column_outside(&c, 9) == 0 && column_outside(&c, 4) == 0);
  CU_ASSERT_DOUBLE_EQUAL(column_outside(&c, 12), 1.5, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(column_outside(&c, -3), 2, 1e-15);
  CU_ASSERT(isinf(column_outside(&c, INFINITY)));
  CU_ASSERT_EQUAL(column_outside(&c, NAN), 0);
}

static void a_column_without_values_maps_to_itself(void) {
  for (int i = 0; i < 10; i++) column[i] = NAN;
  ColumnMap c = fit(10);
  CU_ASSERT(c.scale == 1 && c.centre == 0 && column_forward(&c, 3) == 3 && column_outside(&c, 3) == 0);
}

static const Test tests[] = {
    {"supports choose their bijection", supports_choose_their_bijection},
    {"forward is the handbook's formula", forward_is_the_handbooks_formula},
    {"theta comes back", theta_comes_back},
    {"inverses land strictly inside, also as float32", inverses_land_strictly_inside_also_as_float32},
    {"the clamp reaches the last float32 inside", the_clamp_reaches_the_last_float32_inside},
    {"a theta on its bound stays finite", a_theta_on_its_bound_stays_finite},
    {"both terms of the chain rule match differences", both_terms_of_the_chain_rule_match_differences},
    {"a Gaussian pushed through has mass one", a_gaussian_pushed_through_has_mass_one},
    {"a fit standardises the kept rows", a_fit_standardises_the_kept_rows},
    {"a constant is centred and not scaled", a_constant_is_centred_and_not_scaled},
    {"an observation off a constant is flagged", an_observation_off_a_constant_is_flagged},
    {"a column constant but for rounding is constant", a_column_constant_but_for_rounding_is_constant},
    {"a column constant but for one row keeps mean and sd", a_column_constant_but_for_one_row_keeps_mean_and_sd},
    {"scales do not matter", scales_do_not_matter},
    {"heavy tails alone trigger the median", heavy_tails_alone_trigger_the_median},
    {"few wild values trigger it and a second mode does not", few_wild_values_trigger_it_and_a_second_mode_does_not},
    {"distance outside is in units of scale", distance_outside_is_in_units_of_scale},
    {"a column without values maps to itself", a_column_without_values_maps_to_itself},
};
TEST_MAIN("transform", tests)
