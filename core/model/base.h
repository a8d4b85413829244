/* SPDX-License-Identifier: MIT
 *
 * What the network's answer is measured against (methods.md 2.1). EDM's skip is the exact denoiser of N(0, I), the marginal of standardised x. The
 * linear-Gaussian base is the posterior of a linear model, fitted in closed form: x | y ~ N(m(y), C), m by ridge regression on [1, y], C the
 * covariance of its leave-one-out residuals, C = Q diag(variance) Q'. The network then learns only what that model cannot say.
 *
 * The chain runs in base coordinates b = T x: T = I (marginal), Q' (rotated: noise stays isotropic in x) or diag(variance)^-1/2 Q' (whitened: every
 * residual has unit variance). In them b | y ~ N(mean(y), diag(variance)). */
#ifndef EBB_MODEL_BASE_H
#define EBB_MODEL_BASE_H

#include "base/base.h"

typedef enum BaseKind { BASE_MARGINAL, BASE_ROTATED, BASE_WHITENED } BaseKind;

typedef struct Base {
  BaseKind kind;
  int64_t d, q;
  double *to, *from; /* [d][d] T and its inverse; NULL: identity */
  double *weight;    /* [q + 1][d] mean(y) = weight[0] + sum_j y_j weight[j + 1]; NULL: 0 */
  double *variance;  /* [d] of b given y */
  double penalty;    /* of the ridge, chosen by leave-one-out */
} Base;

void base_marginal(Arena *, int64_t d, int64_t q, Base *out);
/* x [rows][d], y [rows][q], both standardised; rows > 2. More than base_rows are not looked at. */
enum { BASE_ROWS = 20000 };
EbbStatus base_fit(Arena *, BaseKind, int64_t rows, int64_t d, int64_t q, const float *x, const float *y, Base *out);

void base_forward(const Base *, const double *x, double *b); /* T x; b is not x */
void base_inverse(const Base *, const double *b, double *x);
void base_mean(const Base *, const float *y, double *mean); /* [d] */
double base_log_slope(const Base *);                        /* ln |det T| */

#endif
