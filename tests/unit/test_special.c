/* SPDX-License-Identifier: MIT
 *
 * Distribution functions and quantiles: closed forms where there are some, else numbers of SciPy 1.17 (Boost and Cephes), computed apart. */
#include <math.h>
#include <stdbool.h>

#include "num/special.h"
#include "test.h"

static bool near(double got, double expected, double relative, const char *what, double a, double u) {
  bool good = fabs(got - expected) <= relative * fabs(expected);
  if (!good) printf("\n  %s of shape %g at %g: %.17g, expected %.17g", what, a, u, got, expected);
  return good;
}

static void gamma_laws_have_their_closed_forms(void) {
  for (double x = 1e-8; x < 600; x *= 1.7) {
    CU_ASSERT(near(gamma_below(1, x), -expm1(-x), 1e-13, "below", 1, x));
    CU_ASSERT(near(gamma_above(1, x), exp(-x), 1e-13, "above", 1, x));
    CU_ASSERT(near(gamma_above(3, x), exp(-x) * (1 + x + x * x / 2), 2e-13, "above", 3, x));
    CU_ASSERT(near(gamma_below(0.5, x), erf(sqrt(x)), 1e-13, "below", 0.5, x));
    if (x < 300) CU_ASSERT(near(gamma_above(0.5, x), erfc(sqrt(x)), 1e-12, "above", 0.5, x));
  }
  CU_ASSERT(gamma_below(2, 0) == 0 && gamma_above(2, 0) == 1);
}

static void gamma_quantiles_are_those_of_another_library(void) {
  static const struct {
    double a, u, x;
  } known[] = {{0.01, 0.05, 4.465535018910624e-131},   {0.01, 0.5, 4.465535018910562e-31},    {0.01, 0.99, 0.2650525502515818},
               {0.01, 1 - 0x1p-40, 20.10923019219883}, {0.3, 1e-9, 6.972699096409367e-31},    {0.3, 0.05, 3.211034699722965e-05},
               {0.3, 0.5, 0.07313113586695198},        {0.3, 0.99, 2.639409157070532},        {0.3, 1 - 0x1p-40, 24.36752806942285},
               {2.5, 1e-9, 0.000406144782832827},      {2.5, 0.05, 0.5727381130308846},       {2.5, 0.5, 2.175730095547763},
               {2.5, 0.99, 7.543136234694495},         {2.5, 1 - 0x1p-40, 32.71860569604056}, {40, 1e-9, 12.82317444835204},
               {40, 0.05, 30.19573919434473},          {40, 0.99, 56.16439626014874},         {40, 1 - 0x1p-40, 101.9046691628128},
               {1e4, 1e-9, 9411.828411445864},         {1e4, 0.5, 9999.666668642047},         {1e4, 1 - 0x1p-40, 10721.07597187511}};
  for (size_t k = 0; k < COUNT(known); k++)
    CU_ASSERT(near(gamma_quantile(known[k].a, known[k].u), known[k].x, 1e-12, "quantile", known[k].a, known[k].u));
  for (double u = 0x1p-54; u < 0.999; u = u < 0.4 ? 3 * u : u + 0.07) CU_ASSERT(near(gamma_quantile(1, u), -log1p(-u), 1e-13, "quantile", 1, u));
}

static void beta_laws_have_their_closed_forms(void) {
  const double half_pi = acos(0);
  for (double x = 1e-7; x < 1; x = x < 0.05 ? 2 * x : x + 0.03) {
    CU_ASSERT(near(beta_below(3, 1, x, 1 - x), x * x * x, 1e-13, "below", 3, x));
    CU_ASSERT(near(beta_below(1, 2.5, x, 1 - x), -expm1(2.5 * log1p(-x)), 1e-13, "below", 1, x));
    CU_ASSERT(near(beta_below(0.5, 0.5, x, 1 - x), asin(sqrt(x)) / half_pi, 1e-12, "below", 0.5, x));
    CU_ASSERT(near(beta_below(2, 2, x, 1 - x), x * x * (3 - 2 * x), 1e-13, "below", 2, x));
  }
  CU_ASSERT(beta_below(2, 3, 0, 1) == 0 && beta_below(2, 3, 1, 0) == 1);
}

static void beta_quantiles_are_those_of_another_library(void) {
  static const struct {
    double a, b, u, x;
  } known[] = {{2, 5, 1e-9, 8.165054699768939e-06},  {2, 5, 0.05, 0.06284989170835438},         {2, 5, 0.5, 0.2644499832956601},
               {2, 5, 0.99, 0.7056863283197075},     {30, 0.2, 1e-9, 0.565332076549637},        {30, 0.2, 0.05, 0.9657868635424709},
               {30, 0.2, 0.5, 0.9992993882498181},   {1e4, 500, 1e-9, 0.9389061775176136},      {1e4, 500, 0.5, 0.9524096731464793},
               {1e4, 500, 0.99, 0.9570881523290907}, {0.05, 0.02, 1e-9, 7.37505035439809e-170}, {0.05, 0.02, 0.05, 7.033396105192149e-16}};
  for (size_t k = 0; k < COUNT(known); k++)
    CU_ASSERT(near(beta_quantile(known[k].a, known[k].b, known[k].u), known[k].x, 1e-11, "quantile", known[k].a, known[k].u));
  for (double u = 0x1p-54; u < 1; u = u < 0.1 ? 3 * u : u + 0.07) {
    CU_ASSERT(near(beta_quantile(1, 3, u), -expm1(log1p(-u) / 3), 1e-13, "quantile", 1, u));
    CU_ASSERT(near(beta_quantile(0.5, 0.5, u), pow(sin(acos(0) * u), 2), 1e-13, "quantile", 0.5, u));
  }
}

/* Shapes over the whole range, at the ends of what uniforms can be: finite, rising, and back where they came from. */
static void quantiles_rise_and_invert_over_all_shapes(void) {
  static const double shape[] = {0.01, 0.1, 0.9, 1, 3, 25, 700, 1e4};
  for (size_t i = 0; i < COUNT(shape); i++) {
    double before = -1;
    for (double u = 0x1p-54; u < 1; u = u < 0.02 ? 5 * u : u + 0.049) {
      double x = gamma_quantile(shape[i], u);
      CU_ASSERT(x >= before && isfinite(x));
      before = x;
      if (x > 1e-280) CU_ASSERT(near(gamma_below(shape[i], x), u, 1e-10, "gamma there and back", shape[i], u));
      for (size_t k = 0; k < COUNT(shape); k++) {
        double y = beta_quantile(shape[i], shape[k], u);
        CU_ASSERT(y >= 0 && y <= 1);
        if (y > 1e-280 && y < 0.9) CU_ASSERT(near(beta_below(shape[i], shape[k], y, 1 - y), u, 1e-9, "beta there and back", shape[i], u));
      }
    }
    CU_ASSERT(isfinite(gamma_quantile(shape[i], 1 - 0x1p-53)) && isfinite(beta_quantile(shape[i], 2, 1 - 0x1p-53)));
  }
}

static const Test tests[] = {
    {"gamma laws have their closed forms", gamma_laws_have_their_closed_forms},
    {"gamma quantiles are those of another library", gamma_quantiles_are_those_of_another_library},
    {"beta laws have their closed forms", beta_laws_have_their_closed_forms},
    {"beta quantiles are those of another library", beta_quantiles_are_those_of_another_library},
    {"quantiles rise and invert over all shapes", quantiles_rise_and_invert_over_all_shapes},
};
TEST_MAIN("special", tests)
