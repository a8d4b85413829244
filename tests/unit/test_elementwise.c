/* SPDX-License-Identifier: MIT
 *
 * exp, log, activations, layer normalisation, sums and the optimiser's pass of every instruction set that this machine has, against double. */
#include "kernel_sets.h"

static double slope_exact(Act act, double x) {
  const double s = 1 / (1 + exp(-x)), h = 1e-5;
  switch (act) {
  case ACT_RELU: return x > 0;
  case ACT_SILU: return s * (1 + x * (1 - s));
  case ACT_TANH: return 1 / (cosh(x) * cosh(x));
  default: return (act_exact(act, x + h) - act_exact(act, x - h)) / (2 * h); /* 1e-10 and 1e-11 off */
  }
}

/* The largest relative error over a dense walk; results below smallest are compared as if they were that. */
static double worst(void (*f)(int64_t, const float *, float *), double (*exact)(double), double from, double to, double smallest) {
  enum { N = 200003 };
  static float x[N], y[N];
  double most = 0;
  for (int i = 0; i < N; i++) x[i] = (float)(from + (to - from) * i / (N - 1));
  f(N, x, y);
  for (int i = 0; i < N; i++) {
    double expected = exact((double)x[i]), error = fabs((double)y[i] - expected) / fmax(fabs(expected), smallest);
    if (!(error <= most)) most = error;
  }
  return most;
}

static void exponentials(const Kernels *k) {
  const double smallest_normal = 1.17549435e-38;
  CU_ASSERT(worst(k->exp, exp, -87.3, 88.7, smallest_normal) <= 2e-7);
  CU_ASSERT(worst(k->exp, exp, -1, 1, smallest_normal) <= 2e-7);
  CU_ASSERT(worst(k->exp, exp, -104, -87.3, smallest_normal) <= 2e-7);
  CU_ASSERT(worst(k->log, log, 1e-6, 10, 1e-30) <= 2e-7);
  CU_ASSERT(worst(k->log, log, 0.99, 1.01, 1e-30) <= 2e-7);
  CU_ASSERT(worst(k->log, log, 1e-37, 1e38, 1e-30) <= 2e-7);
  CU_ASSERT(worst(k->log, log, 1e-44, 1e-38, 1e-30) <= 2e-7);
  const float x[9] = {0, 89, INFINITY, -110, -INFINITY, NAN, -0.0f, 88.72f, 1};
  float y[9];
  k->exp(9, x, y);
  CU_ASSERT(y[0] == 1 && isinf(y[1]) && isinf(y[2]) && y[3] == 0 && y[4] == 0 && isnan(y[5]) && y[6] == 1 && isfinite(y[7]));
  const float v[9] = {0, -0.0f, -1, INFINITY, NAN, 1, -INFINITY, 1e-45f, -1e-45f};
  k->log(9, v, y);
  CU_ASSERT(y[0] == -INFINITY && y[1] == -INFINITY && isnan(y[2]) && y[3] == INFINITY && isnan(y[4]) && y[5] == 0 && isnan(y[6]) && isnan(y[8]));
  CU_ASSERT_DOUBLE_EQUAL(y[7], -103.2789, 1e-4);
}
static void exp_and_log(void) { each_set(exponentials); }

static const Kernels *now;
static Act which;
static void act_now(int64_t n, const float *x, float *y) { now->act(which, n, x, y); }
static double exact_now(double x) { return act_exact(which, x); }
static double slope_now(double x) { return slope_exact(which, x); }
static void slopes_now(int64_t n, const float *x, float *y) {
  float *one = malloc((size_t)n * sizeof *one);
  for (int64_t i = 0; i < n; i++) one[i] = 1;
  now->act_vjp(which, n, x, one, y);
  free(one);
}

static void activations(const Kernels *k) {
  now = k;
  for (which = ACT_NONE; which <= ACT_GELU; which++) {
    static const double reach[][2] = {{-1, 1}, {-12, 12}, {-60, 60}};
    for (size_t i = 0; i < COUNT(reach); i++) {
      const double error = worst(act_now, exact_now, reach[i][0], reach[i][1], 1e-30);
      const double bound = which == ACT_GELU && i > 0 ? 1.5e-5 : 6e-7; /* gelu's tail is the exponential of a cube */
      if (error > bound) printf("\n      %s %s off by %.2g on [%g, %g]", k->name, act_names[which], error, reach[i][0], reach[i][1]);
      CU_ASSERT(error <= bound);
      const double slope = worst(slopes_now, slope_now, reach[i][0], reach[i][1], 1);
      if (slope > 4e-7) printf("\n      %s %s's slope off by %.2g", k->name, act_names[which], slope);
      CU_ASSERT(slope <= 4e-7);
    }
    const float x[6] = {INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 0}, one[6] = {1, 1, 1, 1, 1, 1};
    float y[6], d[6];
    k->act(which, 6, x, y);
    k->act_vjp(which, 6, x, one, d);
    CU_ASSERT(isnan(y[2]) && y[5] == 0);
    if (which == ACT_NONE) continue;
    CU_ASSERT(isnan(d[2]) && fabsf(d[1]) < 1e-6f && fabsf(d[4]) < 1e-6f);
    CU_ASSERT(fabsf(y[1] - (which == ACT_TANH ? -1 : 0)) < 1e-6f && fabsf(y[4] - (which == ACT_TANH ? -1 : 0)) < 1e-6f);
    CU_ASSERT(which == ACT_TANH ? y[0] == 1 && y[3] == 1 : y[0] == INFINITY && y[3] == 1e30f);
    CU_ASSERT(fabsf(d[0] - (which != ACT_TANH)) < 1e-6f && fabsf(d[3] - (which != ACT_TANH)) < 1e-6f);
  }
}
static void activations_and_slopes(void) { each_set(activations); }

/* Every length: tails are the same numbers, and what lies behind is left alone. */
static void lengths(const Kernels *k) {
  float *x = numbers(64), *dy = numbers(64), whole[64], slope[64], y[65];
  for (int act = ACT_NONE; act <= ACT_GELU; act++) {
    k->act((Act)act, 64, x, whole);
    k->act_vjp((Act)act, 64, x, dy, slope);
    for (int n = 0; n <= 64; n++) {
      y[n] = 77;
      k->act((Act)act, n, x, y);
      CU_ASSERT(memcmp(y, whole, (size_t)n * sizeof *y) == 0 && y[n] == 77);
      memcpy(y, dy, (size_t)n * sizeof *y);
      k->act_vjp((Act)act, n, x, y, y);
      CU_ASSERT(memcmp(y, slope, (size_t)n * sizeof *y) == 0 && y[n] == 77);
    }
  }
  free(x), free(dy);
}
static void tails_have_the_bits_of_the_whole(void) { each_set(lengths); }

/* The fused activation and the loop over an array are the same function. */
static void fused(const Kernels *k) {
  enum { N = 100 };
  float *x = numbers(N), a = 0, y[N], c[N];
  for (int act = ACT_NONE; act <= ACT_GELU; act++) {
    k->act((Act)act, N, x, y);
    k->gemm(&(Gemm){.m = 1, .n = N, .k = 1, .a = &a, .b = x, .b_row = N, .init = x, .act = (Act)act, .c = c, .c_row = N});
    CU_ASSERT(memcmp(y, c, sizeof c) == 0);
  }
  free(x);
}
static void fused_activations_have_the_bits_of_the_loop(void) { each_set(fused); }

/* y, and in double the directional derivative of it along t. */
static void layernorm_exact(int64_t n, const float *x, const float *gain, const float *shift, const double *t, double h, double *y) {
  double mean = 0, variance = 0;
  for (int64_t j = 0; j < n; j++) mean += ((double)x[j] + h * t[j]) / (double)n;
  for (int64_t j = 0; j < n; j++) variance += pow((double)x[j] + h * t[j] - mean, 2) / (double)n;
  for (int64_t j = 0; j < n; j++) y[j] = (gain ? gain[j] : 1) * ((double)x[j] + h * t[j] - mean) / sqrt(variance + 1e-5) + (shift ? shift[j] : 0);
}

static void norms(const Kernels *k) {
  enum { ROWS = 5, MOST = 300, GAP = 2 };
  static const int64_t widths[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 100, 128, 255, 256, 300};
  for (size_t w = 0; w < COUNT(widths); w++)
    for (int with = 0; with < 2; with++) {
      const int64_t n = widths[w], wide = n + GAP;
      float *x = numbers(ROWS * wide), *gain = with ? numbers(n) : NULL, *shift = with ? numbers(n) : NULL, *dy = numbers(ROWS * wide);
      float *tx = numbers(ROWS * wide), y[ROWS * (MOST + GAP)], dx[ROWS * (MOST + GAP)], ty[ROWS * (MOST + GAP)], stats[ROWS * 2], dgain[MOST],
            dshift[MOST];
      for (int64_t j = 0; j < ROWS * wide; j++) x[j] += 3;
      k->layernorm(ROWS, n, x, wide, gain, shift, y, wide, stats);
      k->layernorm_vjp(ROWS, n, x, wide, stats, gain, dy, wide, dx, wide);
      k->layernorm_jvp(ROWS, n, x, wide, stats, gain, tx, wide, ty, wide);
      k->layernorm_weights(ROWS, 0, n, x, wide, stats, dy, wide, dgain, dshift);
      const double h = 1e-5, tolerance = n == 1 ? 1e-3 : 3e-5; /* one number: rstd is 316 and what it multiplies rounds */
      double dg[MOST] = {0}, ds[MOST] = {0};
      for (int64_t i = 0; i < ROWS; i++) {
        double zero[MOST] = {0}, t[MOST], at[MOST], above[MOST], below[MOST];
        const double rstd = stats[2 * i + 1];
        for (int64_t j = 0; j < n; j++) t[j] = tx[i * wide + j];
        layernorm_exact(n, x + i * wide, NULL, NULL, zero, 0, at);
        for (int64_t j = 0; j < n; j++) dg[j] += dy[i * wide + j] * at[j], ds[j] += dy[i * wide + j];
        layernorm_exact(n, x + i * wide, gain, shift, zero, 0, at);
        layernorm_exact(n, x + i * wide, gain, shift, t, h / rstd, above);
        layernorm_exact(n, x + i * wide, gain, shift, t, -h / rstd, below);
        double forward = 0, backward = 0;
        for (int64_t j = 0; j < n; j++) {
          const double derivative = (above[j] - below[j]) / (2 * h / rstd);
          WITHIN(y[i * wide + j], at[j], tolerance, "%s layernorm, width %d", k->name, (int)n);
          WITHIN(ty[i * wide + j], derivative, tolerance * rstd, "%s layernorm_jvp, width %d", k->name, (int)n);
          forward += derivative * dy[i * wide + j], backward += t[j] * dx[i * wide + j];
        }
        WITHIN(backward, forward, tolerance * rstd * sqrt((double)n), "%s layernorm_vjp, width %d", k->name, (int)n);
        float alone[MOST], stat[2];
        k->layernorm(1, n, x + i * wide, wide, gain, shift, alone, n, stat);
        CU_ASSERT(memcmp(alone, y + i * wide, (size_t)n * sizeof *alone) == 0 && memcmp(stat, stats + 2 * i, sizeof stat) == 0);
        k->layernorm_vjp(1, n, x + i * wide, wide, stat, gain, dy + i * wide, wide, alone, n);
        CU_ASSERT(memcmp(alone, dx + i * wide, (size_t)n * sizeof *alone) == 0);
      }
      float part[MOST], sums[MOST];
      const int64_t cut = n / 3;
      k->layernorm_weights(ROWS, cut, n, x, wide, stats, dy, wide, part, NULL);
      CU_ASSERT(memcmp(part + cut, dgain + cut, (size_t)(n - cut) * sizeof *part) == 0);
      k->column_sum(ROWS, 0, n, dy, wide, sums);
      k->column_sum(ROWS, cut, n, dy, wide, part);
      CU_ASSERT(memcmp(part + cut, sums + cut, (size_t)(n - cut) * sizeof *part) == 0 && memcmp(sums, dshift, (size_t)n * sizeof *sums) == 0);
      for (int64_t j = 0; j < n; j++) {
        WITHIN(dgain[j], dg[j], tolerance, "%s layernorm_weights, gain, width %d", k->name, (int)n);
        WITHIN(dshift[j], ds[j], 1e-5, "%s layernorm_weights, shift, width %d", k->name, (int)n);
      }
      k->layernorm(ROWS, n, x, wide, gain, shift, x, wide, NULL);
      for (int64_t i = 0; i < ROWS; i++) CU_ASSERT(memcmp(x + i * wide, y + i * wide, (size_t)n * sizeof *x) == 0);
      k->layernorm_vjp(ROWS, n, tx, wide, stats, gain, dy, wide, dy, wide);
      free(x), free(gain), free(shift), free(dy), free(tx);
    }
}
static void layernorm_and_derivatives(void) { each_set(norms); }

static void squares(const Kernels *k) {
  for (int64_t n = 0; n < 200; n++) {
    float *x = numbers(n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    CU_ASSERT_DOUBLE_EQUAL(k->square_sum(n, x), sum, 1e-13 * (double)(n + 1));
    free(x);
  }
}
static void square_sums_are_in_double(void) { each_set(squares); }

static void optimiser(const Kernels *k) {
  for (int64_t n = 1; n < 70; n++) {
    float *grad = numbers(n), *w = numbers(n), *m = numbers(n), *v = numbers(n), *ema = numbers(n);
    const double rate = 1e-2, b1 = 0.9, b2 = 0.99, epsilon = 1e-6, decay = 0.1, scale = 0.5, ema_keep = 0.95;
    double ew[70], em[70], ev[70], ee[70];
    for (int64_t i = 0; i < n; i++) v[i] = fabsf(v[i]), ew[i] = w[i], em[i] = m[i], ev[i] = v[i], ee[i] = ema[i];
    for (int t = 1; t <= 10; t++) {
      const double c1 = 1 / (1 - pow(b1, t)), c2 = 1 / (1 - pow(b2, t));
      k->adam(&(AdamStep){(float)rate, (float)b1, (float)b2, (float)epsilon, (float)c1, (float)c2, (float)scale, (float)ema_keep}, (float)decay, n,
              grad, w, m, v, ema);
      for (int64_t i = 0; i < n; i++) {
        const double g = scale * grad[i];
        em[i] = b1 * em[i] + (1 - b1) * g;
        ev[i] = b2 * ev[i] + (1 - b2) * g * g;
        ew[i] -= rate * (em[i] * c1 / (sqrt(ev[i] * c2) + epsilon) + decay * ew[i]);
        ee[i] += (1 - ema_keep) * (ew[i] - ee[i]);
      }
    }
    for (int64_t i = 0; i < n; i++) {
      WITHIN(w[i], ew[i], 3e-6, "%s adam: weight %d of %d", k->name, (int)i, (int)n);
      WITHIN(m[i], em[i], 1e-6, "%s adam: first moment", k->name);
      WITHIN(v[i], ev[i], 1e-6, "%s adam: second moment", k->name);
      WITHIN(ema[i], ee[i], 3e-6, "%s adam: mean", k->name);
    }
    float *w2 = copied(w, n), *m2 = copied(m, n), *v2 = copied(v, n);
    const AdamStep step = {0.01f, 0.9f, 0.99f, 1e-6f, 1, 1, 1, 0.9f};
    k->adam(&step, 0, n, grad, w, m, v, ema);
    k->adam(&step, 0, n / 2, grad, w2, m2, v2, NULL);
    k->adam(&step, 0, n - n / 2, grad + n / 2, w2 + n / 2, m2 + n / 2, v2 + n / 2, NULL);
    CU_ASSERT(memcmp(w, w2, (size_t)n * sizeof *w) == 0);
    free(grad), free(w), free(m), free(v), free(ema), free(w2), free(m2), free(v2);
  }
}
static void adam_against_double(void) { each_set(optimiser); }

static const Test tests[] = {
    {"exp and log keep their digits, limits and NaN", exp_and_log},
    {"activations and slopes keep their digits, limits and NaN", activations_and_slopes},
    {"tails have the bits of the whole", tails_have_the_bits_of_the_whole},
    {"fused activations have the bits of the loop", fused_activations_have_the_bits_of_the_loop},
    {"layernorm and its derivatives agree with double", layernorm_and_derivatives},
    {"square sums are in double", square_sums_are_in_double},
    {"adam agrees with double, however it is split", adam_against_double},
};
TEST_MAIN("elementwise", tests)
