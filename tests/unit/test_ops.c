/* SPDX-License-Identifier: MIT
 *
 * The graph's small operations: values against double, derivatives against central differences of double, and each JVP against its VJP. */
#include <math.h>

#include "num/ops.h"
#include "test.h"

enum { ROWS = 5, COUNT_ = 70, WIDE = 1 + 2 * COUNT_, STRIDE = WIDE + 3 };

static uint64_t state = 1234567;
static float any(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(int64_t)state / 9223372036854775808.0);
}
static void fill(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = any();
}

static double embed(double s, const double *w, double tau, int64_t j) {
  if (j == 0) return tau;
  return j <= COUNT_ ? sin(2 * M_PI * s * w[j - 1] * tau) : cos(2 * M_PI * s * w[j - 1 - COUNT_] * tau);
}

static void embedding_is_sine_and_cosine(void) {
  float w[COUNT_], tau[ROWS], y[ROWS * STRIDE];
  double exact[COUNT_];
  fill(w, COUNT_), fill(tau, ROWS);
  for (int j = 0; j < COUNT_; j++) exact[j] = w[j];
  for (int power = 0; power <= 6; power += 3) { /* up to 60 turns; the float32 argument itself is off by its half ulp */
    float s = (float)(1 << power);
    embed_forward(ROWS, COUNT_, s, w, (ConstRows){tau, 1}, (Rows){y, STRIDE});
    double worst = 0;
    for (int i = 0; i < ROWS; i++)
      for (int j = 0; j < WIDE; j++) worst = fmax(worst, fabs(y[i * STRIDE + j] - embed(s, exact, tau[i], j)));
    CU_ASSERT(worst < 3e-7 + 4e-7 * s);
  }
  float one = 1, quarter[5] = {0, 0.25f, 0.5f, -0.25f, 3.0f}, exactly[3];
  static const float sines[5] = {0, 1, 0, -1, 0}, cosines[5] = {1, 0, -1, 0, 1};
  for (int i = 0; i < 5; i++) {
    embed_forward(1, 1, 1, &one, (ConstRows){quarter + i, 1}, (Rows){exactly, 3});
    CU_ASSERT_DOUBLE_EQUAL(exactly[1], sines[i], 2e-7);
    CU_ASSERT_DOUBLE_EQUAL(exactly[2], cosines[i], 2e-7);
  }
}

static void embedding_derivatives_agree_with_differences(void) {
  float w[COUNT_], tau[ROWS], u[ROWS * STRIDE], dtau[ROWS], dw[COUNT_] = {0}, ttau[ROWS], ty[ROWS * STRIDE];
  double exact[COUNT_], h = 1e-6, s = 1.7;
  fill(w, COUNT_), fill(tau, ROWS), fill(u, ROWS * STRIDE), fill(ttau, ROWS);
  for (int j = 0; j < COUNT_; j++) exact[j] = w[j];
  embed_vjp(ROWS, COUNT_, (float)s, w, (ConstRows){tau, 1}, (ConstRows){u, STRIDE}, dtau, dw);
  embed_jvp(ROWS, COUNT_, (float)s, w, (ConstRows){tau, 1}, (ConstRows){ttau, 1}, (Rows){ty, STRIDE});
  double left = 0, right = 0;
  for (int i = 0; i < ROWS; i++) {
    double slope = 0;
    for (int j = 0; j < WIDE; j++) {
      double d = (embed(s, exact, tau[i] + h, j) - embed(s, exact, tau[i] - h, j)) / (2 * h);
      slope += u[i * STRIDE + j] * d;
      left += (double)u[i * STRIDE + j] * ty[i * STRIDE + j];
      CU_ASSERT_DOUBLE_EQUAL(ty[i * STRIDE + j], d * ttau[i], 2e-5);
    }
    CU_ASSERT_DOUBLE_EQUAL(dtau[i], slope, 2e-4);
    right += (double)dtau[i] * ttau[i];
  }
  CU_ASSERT_DOUBLE_EQUAL(left, right, 1e-4);
  for (int j = 0; j < COUNT_; j++) {
    double slope = 0, kept = exact[j];
    for (int i = 0; i < ROWS; i++)
      for (int side = 1; side >= -1; side -= 2) {
        exact[j] = kept + side * h;
        slope += side *
                 (u[i * STRIDE + 1 + j] * embed(s, exact, tau[i], 1 + j) + u[i * STRIDE + 1 + COUNT_ + j] * embed(s, exact, tau[i], 1 + COUNT_ + j)) /
                 (2 * h);
        exact[j] = kept;
      }
    CU_ASSERT_DOUBLE_EQUAL(dw[j], slope, 1e-4);
  }
  float again[COUNT_];
  for (int j = 0; j < COUNT_; j++) again[j] = dw[j];
  embed_vjp(ROWS, COUNT_, (float)s, w, (ConstRows){tau, 1}, (ConstRows){u, STRIDE}, NULL, again);
  for (int j = 0; j < COUNT_; j++) CU_ASSERT_DOUBLE_EQUAL(again[j], 2 * dw[j], 1e-5);
}

/* One number of a level repeated: stride 0. */
static void a_row_of_stride_zero_is_repeated(void) {
  float w[2] = {0.3f, -0.2f}, tau = 0.7f, y[4 * 5], once[5], a[3] = {1, 2, 3}, b[2 * 3] = {1, 1, 1, 2, 2, 2}, sum[2 * 3];
  embed_forward(4, 2, 1, w, (ConstRows){&tau, 0}, (Rows){y, 5});
  embed_forward(1, 2, 1, w, (ConstRows){&tau, 1}, (Rows){once, 5});
  for (int i = 0; i < 20; i++) CU_ASSERT_EQUAL(y[i], once[i % 5]);
  add_forward(2, 3, (ConstRows){a, 0}, (ConstRows){b, 3}, (Rows){sum, 3});
  static const float sums[6] = {2, 3, 4, 3, 4, 5};
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(sum[i], sums[i]);
}

static void products_of_rows_and_their_derivatives(void) {
  enum { N = 21, S = 24 };
  float a[ROWS * S], b[ROWS * S], ta[ROWS * S], tb[ROWS * S], u[ROWS * S], y[ROWS * S], ty[ROWS * S], da[ROWS * S], db[ROWS * S];
  fill(a, ROWS * S), fill(b, ROWS * S), fill(ta, ROWS * S), fill(tb, ROWS * S), fill(u, ROWS * S);
  for (int i = 0; i < ROWS * S; i++) da[i] = db[i] = ty[i] = 99;
  ConstRows ra = {a, S}, rb = {b, S};
  mul_forward(ROWS, N, ra, rb, (Rows){y, S});
  mul_jvp(ROWS, N, ra, (ConstRows){ta, S}, rb, (ConstRows){tb, S}, (Rows){ty, S});
  mul_vjp(ROWS, N, rb, (ConstRows){u, S}, (Rows){da, S}, false);
  mul_vjp(ROWS, N, ra, (ConstRows){u, S}, (Rows){db, S}, true);
  double left = 0, right = 0, h = 1e-4;
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < S; j++) {
      int at = i * S + j;
      if (j >= N) {
        CU_ASSERT(da[at] == 99 && db[at] == 99 && ty[at] == 99);
        continue;
      }
      CU_ASSERT_EQUAL(y[at], a[at] * b[at]);
      double slope =
          (((double)a[at] + h * ta[at]) * ((double)b[at] + h * tb[at]) - ((double)a[at] - h * ta[at]) * ((double)b[at] - h * tb[at])) / (2 * h);
      CU_ASSERT_DOUBLE_EQUAL(ty[at], slope, 1e-6);
      left += (double)u[at] * ty[at];
      right += (double)da[at] * ta[at] + ((double)db[at] - 99) * tb[at];
    }
  CU_ASSERT_DOUBLE_EQUAL(left, right, 1e-3); /* db carries 99, and float32 keeps 4e-6 of it */
}

static void scaling_and_copying(void) {
  float x[2 * 4] = {1, 2, 3, 4, 5, 6, 7, 8}, y[2 * 3] = {10, 10, 10, 10, 10, 10};
  scale_forward(2, 2, 3, -1, (ConstRows){x, 4}, (Rows){y, 3});
  static const float scaled[6] = {2, 5, 10, 14, 17, 10};
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(y[i], scaled[i]);
  copy_rows(2, 2, (ConstRows){x + 2, 4}, (Rows){y, 3}, true);
  static const float added[6] = {5, 9, 10, 21, 25, 10};
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(y[i], added[i]);
  copy_rows(2, 1, (ConstRows){x, 4}, (Rows){y + 2, 3}, false);
  static const float copied[6] = {5, 9, 1, 21, 25, 5};
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(y[i], copied[i]);
}

static const Test tests[] = {
    {"the embedding is sine and cosine", embedding_is_sine_and_cosine},
    {"the embedding's derivatives agree with differences", embedding_derivatives_agree_with_differences},
    {"a row of stride zero is repeated", a_row_of_stride_zero_is_repeated},
    {"products of rows and their derivatives", products_of_rows_and_their_derivatives},
    {"scaling and copying", scaling_and_copying},
};
TEST_MAIN("ops", tests)
