/* SPDX-License-Identifier: MIT
 *
 * The linear-Gaussian base: on data of a linear model the fit is that model, up to the error of a regression (methods.md 2.1). */
#include <math.h>

#include "model/base.h"
#include "num/random.h"
#include "test.h"

enum { ROWS = 20000, D = 3, Q = 4 };

/* x = A y + c + L e with y ~ N(0, I): the conditional mean and covariance are known. */
static const double A[D][Q] = {{.5, -.2, 0, .1}, {0, .3, .4, 0}, {-.6, 0, .2, .3}}, c[D] = {.3, -.1, 0};
static const double L[D][D] = {{.5, 0, 0}, {.2, .3, 0}, {-.1, .1, .7}};

static void make(Arena *arena, float **x, float **y) {
  uint64_t id[1];
  *x = ARENA_ARRAY(arena, float, ROWS *D);
  *y = ARENA_ARRAY(arena, float, ROWS *Q);
  for (int64_t i = 0; i < ROWS; i++) {
    double e[Q + D];
    id[0] = (uint64_t)i;
    random_normal((EbbRng){5, 1}, 1, id, NULL, 0, Q + D, e);
    for (int j = 0; j < Q; j++) (*y)[i * Q + j] = (float)e[j];
    for (int j = 0; j < D; j++) {
      double v = c[j];
      for (int k = 0; k < Q; k++) v += A[j][k] * e[k];
      for (int k = 0; k < D; k++) v += L[j][k] * e[Q + k];
      (*x)[i * D + j] = (float)v;
    }
  }
}

static void fit_is_the_linear_model(void) {
  Arena *arena = arena_new();
  float *x, *y;
  make(arena, &x, &y);
  static const BaseKind kinds[] = {BASE_ROTATED, BASE_WHITENED};
  for (size_t n = 0; n < COUNT(kinds); n++) {
    Base b;
    CU_ASSERT_EQUAL_FATAL(base_fit(arena, kinds[n], ROWS, D, Q, x, y, &b), EBB_OK);
    static const float at[3][Q] = {{0, 0, 0, 0}, {1, -1, 2, .5f}, {-2, .3f, 0, 1}};
    for (int i = 0; i < 3; i++) {
      double mean[D], back[D];
      base_mean(&b, at[i], mean);
      base_inverse(&b, mean, back);
      for (int j = 0; j < D; j++) {
        double exact = c[j];
        for (int k = 0; k < Q; k++) exact += A[j][k] * (double)at[i][k];
        CU_ASSERT_DOUBLE_EQUAL(back[j], exact, .03); /* 4 standard errors of a regression on 20,000 rows */
      }
    }
    /* from diag(variance) from' is the residuals' covariance L L' */
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++) {
        double fitted = 0, exact = 0;
        for (int k = 0; k < D; k++) {
          fitted += b.from[i * D + k] * b.variance[k] * b.from[j * D + k];
          exact += L[i][k] * L[j][k];
        }
        CU_ASSERT_DOUBLE_EQUAL(fitted, exact, .02);
      }
  }
  arena_free(arena);
}

static void coordinates_invert_and_their_volume_is_right(void) {
  Arena *arena = arena_new();
  float *x, *y;
  make(arena, &x, &y);
  static const BaseKind kinds[] = {BASE_MARGINAL, BASE_ROTATED, BASE_WHITENED};
  for (size_t n = 0; n < COUNT(kinds); n++) {
    Base b;
    CU_ASSERT_EQUAL_FATAL(base_fit(arena, kinds[n], 2000, D, Q, x, y, &b), EBB_OK);
    double column[D][D], unit[D], back[D];
    for (int j = 0; j < D; j++) {
      for (int k = 0; k < D; k++) unit[k] = k == j;
      base_forward(&b, unit, column[j]);
      base_inverse(&b, column[j], back);
      for (int k = 0; k < D; k++) CU_ASSERT_DOUBLE_EQUAL(back[k], unit[k], 1e-12);
    }
    double det = column[0][0] * (column[1][1] * column[2][2] - column[1][2] * column[2][1]) -
                 column[0][1] * (column[1][0] * column[2][2] - column[1][2] * column[2][0]) +
                 column[0][2] * (column[1][0] * column[2][1] - column[1][1] * column[2][0]);
    CU_ASSERT_DOUBLE_EQUAL(base_log_slope(&b), log(fabs(det)), 1e-12);
  }
  arena_free(arena);
}

static void few_rows_do_not_shrink_the_residuals(void) {
  Arena *arena = arena_new();
  float *x, *y;
  make(arena, &x, &y);
  Base b;
  double trace = 0, exact = 0;
  for (int t = 0; t < 50; t++) { /* 12 rows for 4 features: in-sample residuals would be 40 % too small */
    CU_ASSERT_EQUAL_FATAL(base_fit(arena, BASE_ROTATED, 12, D, Q, x + t * 12 * D, y + t * 12 * Q, &b), EBB_OK);
    for (int k = 0; k < D; k++) trace += b.variance[k] / 50;
  }
  for (int i = 0; i < D; i++)
    for (int k = 0; k < D; k++) exact += L[i][k] * L[i][k];
  CU_ASSERT(trace > exact && trace < 2.5 * exact);
  arena_free(arena);
}

static void constant_features_are_no_trouble(void) {
  Arena *arena = arena_new();
  float *x, *y;
  make(arena, &x, &y);
  for (int64_t i = 0; i < ROWS; i++) y[i * Q + 2] = 0;
  Base b;
  CU_ASSERT_EQUAL_FATAL(base_fit(arena, BASE_ROTATED, 1000, D, Q, x, y, &b), EBB_OK);
  double mean[D];
  base_mean(&b, (const float[Q]){1, 1, 0, 1}, mean);
  for (int j = 0; j < D; j++) CU_ASSERT(isfinite(mean[j]) && fabs(mean[j]) < 5);
  arena_free(arena);
}

static const Test tests[] = {
    {"the fit is the linear model", fit_is_the_linear_model},
    {"coordinates invert and their volume is right", coordinates_invert_and_their_volume_is_right},
    {"few rows do not shrink the residuals", few_rows_do_not_shrink_the_residuals},
    {"constant features are no trouble", constant_features_are_no_trouble},
};

TEST_MAIN("base_fit", tests)
