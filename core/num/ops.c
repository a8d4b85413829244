/* SPDX-License-Identifier: MIT
 *
 * The graph's operations that are not products, activations or norms. Plain loops: none of them is hot enough for intrinsics, and all of them are
 * written so that the compiler vectorises them. */
#include <string.h>

#include "num/ops.h"

/* The nearest whole number, |x| < 2^22: the sum has no bits left for the fraction. */
static inline float whole(float x) { return (x + 12582912.0f) - 12582912.0f; }

/* Sine and cosine of 2 pi x, within 2e-7: with n = whole(2x) and f = x - n/2 (exact), |f| <= 1/4, both are those of 2 pi f times (-1)^n. Taylor
 * polynomials: the remainder at pi/2 is 6e-10 and 7e-9. Without branches and calls, so that it vectorises. */
static inline void turn(float x, float *sine, float *cosine) {
  float n = whole(2.0f * x), odd = n - 2.0f * whole(0.5f * n), sign = 1.0f - 2.0f * odd * odd;
  float t = 6.28318531f * (x - 0.5f * n), q = t * t;
  float s = 1.0f +
            q * (-1.66666667e-1f + q * (8.33333333e-3f + q * (-1.98412698e-4f + q * (2.75573192e-6f + q * (-2.50521084e-8f + q * 1.60590438e-10f)))));
  float c = 1.0f + q * (-0.5f + q * (4.16666667e-2f + q * (-1.38888889e-3f + q * (2.48015873e-5f + q * (-2.75573192e-7f + q * 2.08767570e-9f)))));
  *sine = sign * t * s;
  *cosine = sign * c;
}

void embed_forward(int64_t rows, int64_t count, float s, const float *w, ConstRows tau, Rows y) {
  for (int64_t i = 0; i < rows; i++) {
    float t = tau.at[i * tau.stride], *row = y.at + i * y.stride, *sine = row + 1, *cosine = row + 1 + count;
    row[0] = t;
    for (int64_t j = 0; j < count; j++) turn(s * w[j] * t, sine + j, cosine + j);
  }
}

void embed_vjp(int64_t rows, int64_t count, float s, const float *w, ConstRows tau, ConstRows dy, float *dtau, float *dw) {
  float turns = 6.28318531f * s;
  for (int64_t i = 0; i < rows; i++) {
    float t = tau.at[i * tau.stride];
    const float *row = dy.at + i * dy.stride, *dsine = row + 1, *dcosine = row + 1 + count;
    float sum = row[0];
    for (int64_t first = 0; first < count; first += 64) {
      float angle[64]; /* gradient of 2 pi s w_j tau */
      int64_t n = count - first < 64 ? count - first : 64;
      for (int64_t j = 0; j < n; j++) {
        float sine, cosine;
        turn(s * w[first + j] * t, &sine, &cosine);
        angle[j] = turns * (dsine[first + j] * cosine - dcosine[first + j] * sine);
      }
      if (dw != NULL)
        for (int64_t j = 0; j < n; j++) dw[first + j] += t * angle[j];
      if (dtau != NULL)
        for (int64_t j = 0; j < n; j++) sum += w[first + j] * angle[j];
    }
    if (dtau != NULL) dtau[i] = sum;
  }
}

void embed_jvp(int64_t rows, int64_t count, float s, const float *w, ConstRows tau, ConstRows ttau, Rows ty) {
  float turns = 6.28318531f * s;
  for (int64_t i = 0; i < rows; i++) {
    float t = tau.at[i * tau.stride], tt = ttau.at[i * ttau.stride], *row = ty.at + i * ty.stride, *tsine = row + 1, *tcosine = row + 1 + count;
    row[0] = tt;
    for (int64_t j = 0; j < count; j++) {
      float sine, cosine, speed = turns * w[j] * tt;
      turn(s * w[j] * t, &sine, &cosine);
      tsine[j] = speed * cosine;
      tcosine[j] = -speed * sine;
    }
  }
}

/* The operands may be the result, so the pointers carry no promise; the compiler checks for overlap once a row. */
void add_forward(int64_t rows, int64_t n, ConstRows a, ConstRows b, Rows y) {
  for (int64_t i = 0; i < rows; i++) {
    const float *u = a.at + i * a.stride, *v = b.at + i * b.stride;
    float *w = y.at + i * y.stride;
    for (int64_t j = 0; j < n; j++) w[j] = u[j] + v[j];
  }
}

void mul_forward(int64_t rows, int64_t n, ConstRows a, ConstRows b, Rows y) {
  for (int64_t i = 0; i < rows; i++) {
    const float *u = a.at + i * a.stride, *v = b.at + i * b.stride;
    float *w = y.at + i * y.stride;
    for (int64_t j = 0; j < n; j++) w[j] = u[j] * v[j];
  }
}

void mul_vjp(int64_t rows, int64_t n, ConstRows other, ConstRows dy, Rows dx, bool add) {
  if (!add) {
    mul_forward(rows, n, other, dy, dx);
    return;
  }
  for (int64_t i = 0; i < rows; i++) {
    const float *u = other.at + i * other.stride, *v = dy.at + i * dy.stride;
    float *w = dx.at + i * dx.stride;
    for (int64_t j = 0; j < n; j++) w[j] += u[j] * v[j];
  }
}

void mul_jvp(int64_t rows, int64_t n, ConstRows a, ConstRows ta, ConstRows b, ConstRows tb, Rows ty) {
  for (int64_t i = 0; i < rows; i++) {
    const float *u = a.at + i * a.stride, *tu = ta.at + i * ta.stride, *v = b.at + i * b.stride, *tv = tb.at + i * tb.stride;
    float *w = ty.at + i * ty.stride;
    for (int64_t j = 0; j < n; j++) w[j] = tu[j] * v[j] + u[j] * tv[j];
  }
}

void scale_forward(int64_t rows, int64_t n, float factor, float shift, ConstRows a, Rows y) {
  for (int64_t i = 0; i < rows; i++) {
    const float *u = a.at + i * a.stride;
    float *w = y.at + i * y.stride;
    for (int64_t j = 0; j < n; j++) w[j] = factor * u[j] + shift;
  }
}

void copy_rows(int64_t rows, int64_t n, ConstRows x, Rows y, bool add) {
  for (int64_t i = 0; i < rows; i++) {
    const float *u = x.at + i * x.stride;
    float *w = y.at + i * y.stride;
    if (!add)
      memmove(w, u, (size_t)n * sizeof *w);
    else
      for (int64_t j = 0; j < n; j++) w[j] += u[j];
  }
}
