/* SPDX-License-Identifier: MIT
 *
 * Dense linear algebra on cases computed by hand, and residuals of random matrices. */
#include "num/linalg.h"

#include <math.h>
#include <string.h>

#include "kernel_sets.h"

static void setup_accepts_this_machine(void) {
  CU_ASSERT_EQUAL(linalg_setup(), EBB_OK);
  CU_ASSERT(strlen(linalg_core()) > 0);
}

/* [[4, 2, -2], [2, 10, 5], [-2, 5, 14]] = L L' with L = [[2, 0, 0], [1, 3, 0], [-1, 2, 3]]. */
static void the_factor_is_lower_row_major(void) {
  double a[9] = {4, 2, -2, 2, 10, 5, -2, 5, 14};
  static const double lower[9] = {2, 0, 0, 1, 3, 0, -1, 2, 3};
  CU_ASSERT_EQUAL(cholesky(3, a), EBB_OK);
  for (int i = 0; i < 9; i++) CU_ASSERT_DOUBLE_EQUAL(a[i], lower[i], 1e-14);
}

/* The same matrix: A (1, 0, 0)' is its first column, A (1, 1, 1)' = (4, 17, 17)'. */
static void solutions_by_hand(void) {
  double a[9] = {4, 2, -2, 2, 10, 5, -2, 5, 14}, b[6] = {4, 2, -2, 4, 17, 17};
  static const double x[6] = {1, 0, 0, 1, 1, 1};
  CU_ASSERT_EQUAL(cholesky_solve(3, 2, a, b), EBB_OK);
  for (int i = 0; i < 6; i++) CU_ASSERT_DOUBLE_EQUAL(b[i], x[i], 1e-13);
  CU_ASSERT_DOUBLE_EQUAL(a[3], 1, 1e-14); /* a has become its factor */
  CU_ASSERT_EQUAL(a[1], 0);
}

/* [[2, 1], [1, 2]]: 1 with (1, -1)/sqrt 2, 3 with (1, 1)/sqrt 2. */
static void eigenvectors_are_rows(void) {
  double a[4] = {2, 1, 1, 2}, values[2];
  CU_ASSERT_EQUAL(eigen_symmetric(2, a, values), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(values[0], 1, 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(values[1], 3, 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(a[0] * a[1], -0.5, 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(a[2] * a[3], 0.5, 1e-14);
  /* [[0, 2], [2, 3]] has -1 with (2, -1), 4 with (1, 2). */
  double c[4] = {0, 2, 2, 3};
  CU_ASSERT_EQUAL(eigen_symmetric(2, c, values), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(values[0], -1, 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(c[0] / c[1], -2, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(c[2] / c[3], 0.5, 1e-12);
}

static void random_matrices_leave_small_residuals(void) {
  static const int64_t sizes[] = {1, 2, 5, 17, 64, 100, 201};
  for (size_t s = 0; s < COUNT(sizes); s++) {
    const int64_t n = sizes[s], k = 3;
    const size_t bytes = (size_t)(n * n) * sizeof(double);
    double *g = malloc(bytes), *a = malloc(bytes), *f = malloc(bytes), *e = malloc(bytes), *values = malloc((size_t)n * sizeof *values);
    double *b = malloc((size_t)(k * n) * sizeof *b), *x = malloc((size_t)(k * n) * sizeof *x);
    for (int64_t i = 0; i < n * n; i++) g[i] = any();
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) {
        a[i * n + j] = i == j;
        for (int64_t p = 0; p < n; p++) a[i * n + j] += g[i * n + p] * g[j * n + p];
      }
    for (int64_t i = 0; i < k * n; i++) b[i] = x[i] = any();
    memcpy(f, a, bytes), memcpy(e, a, bytes);
    CU_ASSERT_EQUAL(cholesky_solve(n, k, f, x), EBB_OK);
    CU_ASSERT_EQUAL(eigen_symmetric(n, e, values), EBB_OK);
    double factor = 0, solve = 0, eigen = 0, orthogonal = 0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) {
        double ll = 0, ev = 0, ee = 0;
        for (int64_t p = 0; p < n; p++) {
          ll += f[i * n + p] * f[j * n + p]; /* with the zeros above the diagonal */
          ev += a[j * n + p] * e[i * n + p];
          ee += e[i * n + p] * e[j * n + p];
        }
        factor = fmax(factor, fabs(ll - a[i * n + j]));
        eigen = fmax(eigen, fabs(ev - values[i] * e[i * n + j]));
        orthogonal = fmax(orthogonal, fabs(ee - (i == j)));
      }
    for (int64_t r = 0; r < k; r++)
      for (int64_t i = 0; i < n; i++) {
        double ax = 0;
        for (int64_t p = 0; p < n; p++) ax += a[i * n + p] * x[r * n + p];
        solve = fmax(solve, fabs(ax - b[r * n + i]));
      }
    for (int64_t i = 0; i + 1 < n; i++) CU_ASSERT(values[i] <= values[i + 1]);
    CU_ASSERT(factor < 1e-12 * (double)n && solve < 1e-11 && eigen < 1e-11 * (double)n && orthogonal < 1e-12 * (double)n);
    free(g), free(a), free(f), free(e), free(values), free(b), free(x);
  }
}

static void what_is_not_definite_is_refused(void) {
  double a[4] = {1, 2, 2, 1}, b[2] = {1, 1}, values[2], zero[1] = {0}, bad[4] = {1, NAN, NAN, 1};
  CU_ASSERT_EQUAL(cholesky(2, a), EBB_E_NUMERIC);
  CU_ASSERT(strstr(fail_text(), "order 2") != NULL);
  double c[4] = {1, 2, 2, 1};
  CU_ASSERT_EQUAL(cholesky_solve(2, 1, c, b), EBB_E_NUMERIC);
  CU_ASSERT_EQUAL(cholesky(1, zero), EBB_E_NUMERIC);
  CU_ASSERT_EQUAL(eigen_symmetric(2, bad, values), EBB_E_NUMERIC);
  double nan_matrix[4] = {1, NAN, NAN, 1};
  CU_ASSERT_EQUAL(cholesky(2, nan_matrix), EBB_E_NUMERIC);
}

static void nothing_is_fine(void) {
  double a[1] = {0}, values[1];
  CU_ASSERT_EQUAL(cholesky(0, a), EBB_OK);
  CU_ASSERT_EQUAL(cholesky_solve(0, 3, a, a), EBB_OK);
  CU_ASSERT_EQUAL(eigen_symmetric(0, a, values), EBB_OK);
  CU_ASSERT_EQUAL(cholesky(-1, a), EBB_E_SHAPE);
}

static const Test tests[] = {
    {"setup accepts this machine's OpenBLAS", setup_accepts_this_machine},
    {"the factor is lower, row-major", the_factor_is_lower_row_major},
    {"solutions by hand", solutions_by_hand},
    {"eigenvectors are rows, by hand", eigenvectors_are_rows},
    {"random matrices leave small residuals", random_matrices_leave_small_residuals},
    {"what is not definite is refused", what_is_not_definite_is_refused},
    {"nothing is fine", nothing_is_fine},
};
TEST_MAIN("linalg", tests)
