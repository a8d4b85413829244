/* SPDX-License-Identifier: MIT
 *
 * LAPACK counts columns first, Ebb rows first. A symmetric matrix is the same in both; the lower factor read by rows is the upper one read by
 * columns, hence 'U' below; and a matrix whose columns are eigenvectors is, read by rows, one whose rows are. */
#include "num/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b, const int *ldb, int *info,
             size_t uplo_length);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work, const int *lwork, int *iwork,
             const int *liwork, int *info, size_t jobz_length, size_t uplo_length);
void dgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k, const double *alpha, const double *a, const int *lda,
            const double *b, const int *ldb, const double *beta, double *c, const int *ldc, size_t transa_length, size_t transb_length);
void openblas_set_num_threads(int threads);
int openblas_get_parallel(void); /* 0 one thread, 1 pthreads, 2 OpenMP */
char *openblas_get_corename(void);

const char *linalg_core(void) { return openblas_get_corename(); }

/* Numbers in [-1/2, 1/2) without a pattern. */
static double pattern(int i, int j) {
  uint32_t x = ((uint32_t)i * 2654435761u) ^ ((uint32_t)j * 2246822519u);
  x = (x ^ (x >> 15)) * 2246822519u;
  return (double)(x ^ (x >> 13)) * 0x1p-32 - 0.5;
}

enum { CHECKED = 67 }; /* odd and above the blocks of OpenBLAS's kernels */

/* The largest errors of OpenBLAS against plain loops: of A A' + n I, and of its factor times its transpose. */
static void check(double *a, double *expected, double *got, double *product_error, double *factor_error) {
  const int n = CHECKED;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) a[i * n + j] = pattern(i, j), got[i * n + j] = i == j ? n : 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      double sum = i == j ? n : 0;
      for (int k = 0; k < n; k++) sum += a[i * n + k] * a[j * n + k];
      expected[i * n + j] = sum;
    }
  const double one = 1;
  dgemm_("T", "N", &n, &n, &n, &one, a, &n, a, &n, &one, got, &n, 1, 1);
  *product_error = *factor_error = 0;
  for (int i = 0; i < n * n; i++) *product_error = fmax(*product_error, isfinite(got[i]) ? fabs(got[i] - expected[i]) : INFINITY);
  memcpy(a, expected, sizeof(double) * (size_t)(n * n));
  int info = 0;
  dpotrf_("U", &n, a, &n, &info, 1);
  if (info != 0) *factor_error = INFINITY;
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      double sum = 0;
      for (int k = 0; k <= j; k++) sum += a[i * n + k] * a[j * n + k];
      *factor_error = fmax(*factor_error, isfinite(sum) ? fabs(sum - expected[i * n + j]) : INFINITY);
    }
}

EbbStatus linalg_setup(void) {
  if (openblas_get_parallel() == 2)
    return fail(EBB_E_UNSUPPORTED, "OpenBLAS was built with OpenMP, whose threads would change results and stand beside Ebb's own; use a build with "
                                   "pthreads or without threads (Debian: libopenblas0-pthread or libopenblas0-serial)");
  openblas_set_num_threads(1);
  double *room = calloc(3 * CHECKED * CHECKED, sizeof *room);
  if (!room) return fail(EBB_E_MEMORY, "out of memory for the check of OpenBLAS");
  double product = 0, factor = 0;
  check(room, room + CHECKED * CHECKED, room + 2 * CHECKED * CHECKED, &product, &factor);
  free(room);
  if (product > 1e-11 || factor > 1e-11)
    return fail(EBB_E_UNSUPPORTED,
                "OpenBLAS computes wrong numbers on this processor (kernels %s: a matrix product is off by %.1e, a Cholesky factor by "
                "%.1e); set OPENBLAS_CORETYPE to an older processor, such as Haswell or Nehalem, or use another version",
                linalg_core(), product, factor);
  return EBB_OK;
}

static EbbStatus factor(int n, double *a) {
  int info = 0;
  dpotrf_("U", &n, a, &n, &info, 1);
  if (info > 0)
    return fail(EBB_E_NUMERIC,
                "a matrix of %d rows is not positive definite: its leading minor of order %d is not positive; check that it is a "
                "covariance, symmetric and of full rank",
                n, info);
  if (info < 0) return fail(EBB_E_SHAPE, "dpotrf refuses its argument %d", -info);
  for (int i = 0; i < n; i++) /* OpenBLAS lets NaN through; wherever it stands in a row, it reaches the diagonal */
    if (!isfinite(a[(size_t)i * (size_t)n + (size_t)i]))
      return fail(EBB_E_NUMERIC, "a matrix of %d rows has no Cholesky factor: row %d holds a number that is not finite", n, i);
  return EBB_OK;
}

/* LAPACK's sizes are int. */
static EbbStatus sizes(int64_t n, int64_t k) {
  if (n < 0 || k < 0 || n > 30000 || k > INT32_MAX)
    return fail(EBB_E_SHAPE, "a dense matrix of %lld rows with %lld right-hand sides is out of reach; at most 30000 rows", (long long)n,
                (long long)k);
  return EBB_OK;
}

EbbStatus cholesky(int64_t n, double *a) {
  EbbStatus status = sizes(n, 0);
  if (status || n == 0) return status;
  status = factor((int)n, a);
  if (status) return status;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
  return EBB_OK;
}

EbbStatus cholesky_solve(int64_t n, int64_t k, double *a, double *b) {
  EbbStatus status = sizes(n, k);
  if (status || n == 0) return status;
  status = cholesky(n, a);
  if (status || k == 0) return status;
  int size = (int)n, sides = (int)k, info = 0;
  dpotrs_("U", &size, &sides, a, &size, b, &size, &info, 1);
  return info ? fail(EBB_E_SHAPE, "dpotrs refuses its argument %d", -info) : EBB_OK;
}

EbbStatus eigen_symmetric(int64_t n, double *a, double *values) {
  EbbStatus status = sizes(n, 0);
  if (status || n == 0) return status;
  for (int64_t i = 0; i < n * n; i++)
    if (!isfinite(a[i]))
      return fail(EBB_E_NUMERIC, "a matrix of %lld rows has no eigenvalues: the number at row %lld, column %lld is not finite", (long long)n,
                  (long long)(i / n), (long long)(i % n));
  int size = (int)n, info = 0, many = -1, whole = -1, whole_size = 0;
  double size_needed = 0;
  dsyevd_("V", "U", &size, a, &size, values, &size_needed, &many, &whole_size, &whole, &info, 1, 1);
  many = (int)size_needed, whole = whole_size;
  double *work = malloc(sizeof *work * (size_t)many);
  int *iwork = malloc(sizeof *iwork * (size_t)whole);
  if (work && iwork) dsyevd_("V", "U", &size, a, &size, values, work, &many, iwork, &whole, &info, 1, 1);
  status = !work || !iwork ? fail(EBB_E_MEMORY, "out of memory for the eigenvectors of a matrix of %d rows", size) : EBB_OK;
  free(work);
  free(iwork);
  if (!status && info) status = fail(EBB_E_NUMERIC, "the eigenvalues of a matrix of %d rows did not converge; check its numbers' range", size);
  return status;
}
