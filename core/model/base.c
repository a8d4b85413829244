/* SPDX-License-Identifier: MIT
 *
 * The linear-Gaussian base, fitted. With centred features Y = U S V' the ridge's fit is diagonal in V, so one eigendecomposition serves every
 * penalty; row i's leave-one-out residual is e_i / (1 - h_i), h_i its leverage (Allen 1974). */
#include "model/base.h"

#include <math.h>
#include <string.h>

#include "num/linalg.h"

static const double LEAST_VARIANCE = 1e-6;
enum { PENALTIES = 25 }; /* rows * 10^-8 ... 10^4, half decades */

void base_marginal(Arena *arena, int64_t d, int64_t q, Base *out) {
  *out = (Base){.kind = BASE_MARGINAL, .d = d, .q = q, .variance = ARENA_ARRAY(arena, double, d)};
  for (int64_t i = 0; i < d; i++) out->variance[i] = 1;
}

static void column_means(int64_t rows, int64_t n, const float *a, double *mean) {
  for (int64_t i = 0; i < rows * n; i++) mean[i % n] += (double)a[i] / (double)rows;
}

/* The regression in the features' principal axes. */
typedef struct Ridge {
  int64_t rows, d, q;
  const float *x;
  double *x_mean, *y_mean;
  double *axis, *square; /* [q][q] axes of the features, one a row; [q] sums of squares along them */
  double *place;         /* [rows][q] centred features along the axes */
  double *product;       /* [q][d] place' (x - mean) */
} Ridge;

static EbbStatus decompose(Arena *arena, Ridge *r, const float *y) {
  int64_t n = r->rows, d = r->d, q = r->q;
  r->x_mean = ARENA_ARRAY(arena, double, d);
  r->y_mean = ARENA_ARRAY(arena, double, q);
  r->axis = ARENA_ARRAY(arena, double, q *q);
  r->square = ARENA_ARRAY(arena, double, q);
  r->place = ARENA_ARRAY(arena, double, n *q);
  r->product = ARENA_ARRAY(arena, double, q *d);
  double *row = ARENA_ARRAY(arena, double, q);
  column_means(n, d, r->x, r->x_mean);
  column_means(n, q, y, r->y_mean);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < q; j++) row[j] = (double)y[i * q + j] - r->y_mean[j];
    for (int64_t j = 0; j < q; j++)
      for (int64_t k = 0; k < q; k++) r->axis[j * q + k] += row[j] * row[k];
  }
  EbbStatus status = eigen_symmetric(q, r->axis, r->square);
  if (status != EBB_OK) return status;
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < q; k++) {
      double sum = 0;
      for (int64_t j = 0; j < q; j++) sum += ((double)y[i * q + j] - r->y_mean[j]) * r->axis[k * q + j];
      r->place[i * q + k] = sum;
      for (int64_t j = 0; j < d; j++) r->product[k * d + j] += sum * ((double)r->x[i * d + j] - r->x_mean[j]);
    }
  return EBB_OK;
}

/* Leave-one-out residuals [rows][d] (NULL: only their mean square is wanted). Constant features have no axis: their square is 0 but for rounding. */
static double leave_one_out(const Ridge *r, double penalty, double *residual, double *one) {
  int64_t n = r->rows, d = r->d, q = r->q;
  double total = 0;
  for (int64_t i = 0; i < n; i++) {
    double leverage = 1.0 / (double)n;
    for (int64_t j = 0; j < d; j++) one[j] = (double)r->x[i * d + j] - r->x_mean[j];
    for (int64_t k = 0; k < q; k++) {
      double along = r->place[i * q + k] / (fmax(r->square[k], 0) + penalty);
      leverage += r->place[i * q + k] * along;
      for (int64_t j = 0; j < d; j++) one[j] -= along * r->product[k * d + j];
    }
    for (int64_t j = 0; j < d; j++) {
      double e = one[j] / fmax(1 - leverage, 1e-9);
      total += e * e;
      if (residual != NULL) residual[i * d + j] = e;
    }
  }
  return total / (double)(n * d);
}

/* Turns the regression into mean(y) in base coordinates. */
static void set_mean(Arena *arena, const Ridge *r, Base *b) {
  int64_t d = r->d, q = r->q;
  b->weight = ARENA_ARRAY(arena, double, (q + 1) * d);
  double *plain = ARENA_ARRAY(arena, double, d);
  for (int64_t row = 1; row <= q; row++) { /* coefficient of y_{row-1} in x, then in b */
    memset(plain, 0, (size_t)d * sizeof *plain);
    for (int64_t k = 0; k < q; k++)
      for (int64_t j = 0; j < d; j++) plain[j] += r->axis[k * q + row - 1] * r->product[k * d + j] / (fmax(r->square[k], 0) + b->penalty);
    base_forward(b, plain, b->weight + row * d);
  }
  base_forward(b, r->x_mean, b->weight);
  for (int64_t row = 1; row <= q; row++)
    for (int64_t j = 0; j < d; j++) b->weight[j] -= r->y_mean[row - 1] * b->weight[row * d + j];
}

EbbStatus base_fit(Arena *arena, BaseKind kind, int64_t rows, int64_t d, int64_t q, const float *x, const float *y, Base *out) {
  base_marginal(arena, d, q, out);
  if (kind == BASE_MARGINAL) return EBB_OK;
  out->kind = kind;
  Arena *scratch = arena_new();
  Ridge r = {.rows = rows < BASE_ROWS ? rows : BASE_ROWS, .d = d, .q = q, .x = x};
  EbbStatus status = decompose(scratch, &r, y);
  double *one = ARENA_ARRAY(scratch, double, d), *residual = ARENA_ARRAY(scratch, double, r.rows *d), best = INFINITY;
  for (int k = 0; k < PENALTIES && status == EBB_OK; k++) {
    double penalty = (double)r.rows * pow(10, -8 + 0.5 * k), error = leave_one_out(&r, penalty, NULL, one);
    if (error < best) {
      best = error;
      out->penalty = penalty;
    }
  }
  if (status == EBB_OK) {
    leave_one_out(&r, out->penalty, residual, one);
    double *axis = ARENA_ARRAY(arena, double, d *d);
    for (int64_t i = 0; i < r.rows; i++)
      for (int64_t j = 0; j < d; j++)
        for (int64_t k = 0; k < d; k++) axis[j * d + k] += residual[i * d + j] * residual[i * d + k] / (double)r.rows;
    status = eigen_symmetric(d, axis, out->variance);
    out->to = axis; /* rows are axes: Q' */
  }
  if (status == EBB_OK) {
    out->from = ARENA_ARRAY(arena, double, d *d);
    for (int64_t i = 0; i < d; i++) {
      out->variance[i] = fmax(out->variance[i], LEAST_VARIANCE);
      double sd = kind == BASE_WHITENED ? sqrt(out->variance[i]) : 1;
      for (int64_t j = 0; j < d; j++) {
        out->from[j * d + i] = out->to[i * d + j] * sd;
        out->to[i * d + j] /= sd;
      }
      if (kind == BASE_WHITENED) out->variance[i] = 1;
    }
    set_mean(arena, &r, out);
  }
  arena_free(scratch);
  return status;
}

static void multiply(int64_t d, const double *matrix, const double *in, double *out) {
  for (int64_t i = 0; i < d; i++) {
    double sum = 0;
    for (int64_t j = 0; j < d; j++) sum += matrix[i * d + j] * in[j];
    out[i] = sum;
  }
}

void base_forward(const Base *b, const double *x, double *out) {
  if (b->to == NULL)
    memcpy(out, x, (size_t)b->d * sizeof *out);
  else
    multiply(b->d, b->to, x, out);
}

void base_inverse(const Base *b, const double *in, double *x) {
  if (b->from == NULL)
    memcpy(x, in, (size_t)b->d * sizeof *x);
  else
    multiply(b->d, b->from, in, x);
}

void base_mean(const Base *b, const float *y, double *mean) {
  if (b->weight == NULL) {
    memset(mean, 0, (size_t)b->d * sizeof *mean);
    return;
  }
  memcpy(mean, b->weight, (size_t)b->d * sizeof *mean);
  for (int64_t k = 0; k < b->q; k++)
    for (int64_t j = 0; j < b->d; j++) mean[j] += (double)y[k] * b->weight[(k + 1) * b->d + j];
}

double base_log_slope(const Base *b) {
  if (b->kind != BASE_WHITENED) return 0;
  double sum = 0; /* T = diag(s)^-1 Q': a row of T has length 1/s */
  for (int64_t i = 0; i < b->d; i++) {
    double square = 0;
    for (int64_t j = 0; j < b->d; j++) square += b->to[i * b->d + j] * b->to[i * b->d + j];
    sum += 0.5 * log(square);
  }
  return sum;
}
