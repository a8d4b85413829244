/* SPDX-License-Identifier: MIT
 *
 * Small dense linear algebra in double, row-major, through LAPACK (declared here; there is no LAPACKE). OpenBLAS is pinned to one thread: its bits
 * depend on the thread count. linalg_setup also checks one product and one Cholesky factor against own code, since some OpenBLAS builds compute wrong
 * numbers on some processors, and refuses with the way out (OPENBLAS_CORETYPE). */
#ifndef EBB_NUM_LINALG_H
#define EBB_NUM_LINALG_H

#include "base/base.h"

EbbStatus linalg_setup(void);                                         /* [main], first */
const char *linalg_core(void);                                        /* OpenBLAS's kernel family, e.g. "Haswell" */
EbbStatus cholesky(int64_t n, double *a);                             /* lower factor in place, upper part zeroed; EBB_E_NUMERIC if not definite */
EbbStatus cholesky_solve(int64_t n, int64_t k, double *a, double *b); /* a becomes its factor; b [k][n]: k right-hand sides, in place */
EbbStatus eigen_symmetric(int64_t n, double *a, double *values);      /* a becomes eigenvectors, one a row; values ascending */

#endif
