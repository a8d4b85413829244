/* SPDX-License-Identifier: MIT
 *
 * Layer normalisation with its derivatives, and sums over rows and columns. A row is added up in STREAMS vectors, vector number v in stream v modulo
 * STREAMS, and these in one fixed order: the bits depend on the width alone. Columns are summed row after row. */
#ifndef EBB_NUM_KERNELS_NORM_H
#define EBB_NUM_KERNELS_NORM_H

#include "num/kernels.h"
#include "num/simd.h"

enum { STREAMS = 4 };

INLINE float total(const V s[STREAMS]) { return v_sum((s[0] + s[1]) + (s[2] + s[3])); }

static float row_sum(int64_t n, const float *x) {
  V s[STREAMS] = {0};
  int64_t j = 0;
  for (; j + STREAMS * LANES <= n; j += STREAMS * LANES)
#pragma GCC unroll 4
    for (int i = 0; i < STREAMS; i++) s[i] += v_load(x + j + i * LANES);
#pragma GCC unroll 4
  for (int i = 0; i < STREAMS; i++, j += LANES)
    if (j < n) s[i] += v_load_some(x + j, n - j);
  return total(s);
}

static float row_square_sum(int64_t n, const float *x, float mean) {
  V s[STREAMS] = {0};
  int64_t j = 0;
  for (; j + STREAMS * LANES <= n; j += STREAMS * LANES)
#pragma GCC unroll 4
    for (int i = 0; i < STREAMS; i++) {
      V d = v_load(x + j + i * LANES) - mean;
      s[i] = v_fma(d, d, s[i]);
    }
#pragma GCC unroll 4
  for (int i = 0; i < STREAMS; i++, j += LANES)
    if (j < n) {
      V d = v_first(v_load_some(x + j, n - j) - mean, n - j);
      s[i] = v_fma(d, d, s[i]);
    }
  return total(s);
}

/* A row of h = (x - mean) rstd and a row of u, times gain where there is one. */
typedef struct Row {
  const float *x, *u, *gain;
  float mean, rstd;
} Row;
INLINE V row_h(const Row *r, int64_t j, int64_t n) { return (v_load_some(r->x + j, n - j) - r->mean) * r->rstd; }
INLINE V row_u(const Row *r, int64_t j, int64_t n) {
  V u = v_load_some(r->u + j, n - j);
  return r->gain ? u * v_load_some(r->gain + j, n - j) : u;
}

/* The means of u and of u h. */
static void row_means(int64_t n, const Row *r, float *u_mean, float *uh_mean) {
  V s[STREAMS] = {0}, t[STREAMS] = {0};
  for (int64_t j = 0; j < n;)
#pragma GCC unroll 4
    for (int i = 0; i < STREAMS; i++, j += LANES)
      if (j < n) {
        V u = row_u(r, j, n);
        s[i] += u;
        t[i] = v_fma(u, row_h(r, j, n), t[i]);
      }
  *u_mean = total(s) / (float)n;
  *uh_mean = total(t) / (float)n;
}

static void layernorm(int64_t rows, int64_t n, const float *x, int64_t x_row, const float *gain, const float *shift, float *y, int64_t y_row,
                      float *stats) {
  for (int64_t i = 0; i < rows; i++, x += x_row, y += y_row) {
    const float mean = row_sum(n, x) / (float)n, rstd = 1.0f / __builtin_sqrtf(row_square_sum(n, x, mean) / (float)n + 1e-5f);
    for (int64_t j = 0; j < n; j += LANES) {
      V h = (v_load_some(x + j, n - j) - mean) * rstd;
      if (gain) h *= v_load_some(gain + j, n - j);
      if (shift) h += v_load_some(shift + j, n - j);
      v_store_some(y + j, h, n - j);
    }
    if (stats) stats[2 * i] = mean, stats[2 * i + 1] = rstd;
  }
}

/* The Jacobian of h, (rstd / n) (n I - 1 1' - h h'), is symmetric: dx = rstd (u - mean(u) - h mean(u h)), u = gain dy. */
static void layernorm_vjp(int64_t rows, int64_t n, const float *x, int64_t x_row, const float *stats, const float *gain, const float *dy,
                          int64_t dy_row, float *dx, int64_t dx_row) {
  for (int64_t i = 0; i < rows; i++, dx += dx_row) {
    const Row r = {x + i * x_row, dy + i * dy_row, gain, stats[2 * i], stats[2 * i + 1]};
    float u_mean, uh_mean;
    row_means(n, &r, &u_mean, &uh_mean);
    for (int64_t j = 0; j < n; j += LANES) v_store_some(dx + j, (v_fma(row_h(&r, j, n), v_set(-uh_mean), row_u(&r, j, n)) - u_mean) * r.rstd, n - j);
  }
}

static void layernorm_jvp(int64_t rows, int64_t n, const float *x, int64_t x_row, const float *stats, const float *gain, const float *tx,
                          int64_t tx_row, float *ty, int64_t ty_row) {
  for (int64_t i = 0; i < rows; i++, ty += ty_row) {
    const Row r = {x + i * x_row, tx + i * tx_row, NULL, stats[2 * i], stats[2 * i + 1]};
    float u_mean, uh_mean;
    row_means(n, &r, &u_mean, &uh_mean);
    for (int64_t j = 0; j < n; j += LANES) {
      V t = (v_fma(row_h(&r, j, n), v_set(-uh_mean), row_u(&r, j, n)) - u_mean) * r.rstd;
      v_store_some(ty + j, gain ? t * v_load_some(gain + j, n - j) : t, n - j);
    }
  }
}

static void layernorm_weights(int64_t rows, int64_t j0, int64_t j1, const float *x, int64_t x_row, const float *stats, const float *dy,
                              int64_t dy_row, float *dgain, float *dshift) {
  for (int64_t j = j0; j < j1; j += LANES) {
    V gain = v_set(0), shift = v_set(0);
    for (int64_t i = 0; i < rows; i++) {
      const Row r = {x + i * x_row, dy + i * dy_row, NULL, stats[2 * i], stats[2 * i + 1]};
      V u = row_u(&r, j, j1);
      gain = v_fma(u, row_h(&r, j, j1), gain);
      shift += u;
    }
    if (dgain) v_store_some(dgain + j, gain, j1 - j);
    if (dshift) v_store_some(dshift + j, shift, j1 - j);
  }
}

static void column_sum(int64_t rows, int64_t j0, int64_t j1, const float *dy, int64_t dy_row, float *sum) {
  int64_t j = j0;
  for (; j + STREAMS * LANES <= j1; j += STREAMS * LANES) {
    V s[STREAMS] = {0};
    for (int64_t i = 0; i < rows; i++)
#pragma GCC unroll 4
      for (int v = 0; v < STREAMS; v++) s[v] += v_load(dy + i * dy_row + j + v * LANES);
#pragma GCC unroll 4
    for (int v = 0; v < STREAMS; v++) v_store(sum + j + v * LANES, s[v]);
  }
  for (; j < j1; j += LANES) {
    V s = v_set(0);
    for (int64_t i = 0; i < rows; i++) s += v_load_some(dy + i * dy_row + j, j1 - j);
    v_store_some(sum + j, s, j1 - j);
  }
}

static double square_sum(int64_t n, const float *x) {
  typedef float Half __attribute__((vector_size(LANES * 2)));
  typedef double Double __attribute__((vector_size(LANES * 4)));
  Double s[STREAMS] = {0};
  int64_t j = 0;
  for (; j + STREAMS * HALF <= n; j += STREAMS * HALF)
#pragma GCC unroll 4
    for (int i = 0; i < STREAMS; i++) {
      Half h;
      memcpy(&h, x + j + i * HALF, sizeof h);
      Double d = __builtin_convertvector(h, Double);
      s[i] += d * d; /* the product of two float32 numbers is exact */
    }
  double sum = 0;
  s[0] = (s[0] + s[1]) + (s[2] + s[3]);
  for (int i = 0; i < HALF; i++) sum += s[0][i];
  for (; j < n; j++) sum += (double)x[j] * (double)x[j];
  return sum;
}

#endif
