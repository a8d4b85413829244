/* SPDX-License-Identifier: MIT
 *
 * The numbers that drive a training step, and the pass over the weights they drive. */
#include <math.h>

#include "model/optimiser.h"
#include "num/isa.h"
#include "test.h"

static const double PI = 3.14159265358979323846;

/* 1,000 steps, 5 % of them warm-up: steps 1..50 rise from a tenth, step 51 has the whole rate, half of the cosine is at step 526. */
static void the_rate_warms_up_and_falls_along_a_cosine(void) {
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(5e-4, 0.05, 1, 1000), 5e-5, 1e-18);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(5e-4, 0.05, 26, 1000), 5e-4 * 0.55, 1e-17);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(5e-4, 0.05, 51, 1000), 5e-4, 1e-17);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(5e-4, 0.05, 526, 1000), 2.5e-4, 1e-17);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(5e-4, 0.05, 1000, 1000), 5e-4 * 0.5 * (1 - cos(PI / 950)), 1e-17);
  CU_ASSERT_EQUAL(learning_rate(5e-4, 0.05, 1001, 1000), 0);
  for (int64_t k = 1; k <= 1000; k++) CU_ASSERT(learning_rate(1, 0.05, k, 1000) > 0 && learning_rate(1, 0.05, k, 1000) <= 1);
}

static void the_rate_without_warm_up_or_without_cosine(void) {
  CU_ASSERT_EQUAL(learning_rate(1, 0, 1, 10), 1);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(1, 0, 6, 10), 0.5, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(1, 1, 1, 10), 0.1, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(learning_rate(1, 1, 10, 10), 0.91, 1e-15);
  CU_ASSERT(learning_rate(1, 0.05, 1, 1) > 0);
}

static void gamma_gives_the_relative_width(void) {
  CU_ASSERT_DOUBLE_EQUAL(ema_gamma(0.05), 16.97, 0.005);
  CU_ASSERT_DOUBLE_EQUAL(ema_gamma(0.10), 6.94, 0.005);
  CU_ASSERT_DOUBLE_EQUAL(ema_gamma(0.15), 3.56, 0.005);
  for (double width = 0.001; width < 0.28; width *= 1.3) {
    double g = ema_gamma(width);
    CU_ASSERT_DOUBLE_EQUAL((g + 1) / ((g + 2) * (g + 2) * (g + 3)) / (width * width), 1, 1e-10);
  }
}

/* T3.9: the weights of steps 1..k sum to 1, and their mean age is k/(gamma + 2) within 1 %. */
static void power_averages_have_the_right_age(void) {
  enum { K = 2000 };
  static const double gammas[] = {16.97, 6.94, 3.56};
  for (size_t i = 0; i < COUNT(gammas); i++) {
    double sum = 0, age = 0; /* of the average of steps 1..k */
    for (int64_t k = 1; k <= K; k++) {
      double keep = ema_power_keep(gammas[i], k);
      age = keep * (age + sum);
      sum = keep * sum + 1 - keep;
    }
    CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(age * (gammas[i] + 2) / K, 1, 0.01);
  }
  CU_ASSERT_EQUAL(ema_power_keep(6.94, 1), 0); /* the first step replaces the start */
}

static void constant_averages_start_fast(void) {
  CU_ASSERT_DOUBLE_EQUAL(ema_constant_keep(0.999, 1), 2.0 / 11, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(ema_constant_keep(0.999, 90), 0.91, 1e-15);
  CU_ASSERT_EQUAL(ema_constant_keep(0.999, 100000), 0.999);
}

static void the_gradient_is_clipped_by_its_norm(void) {
  CU_ASSERT_EQUAL(clip_scale(1.4, 1.5), 1);
  CU_ASSERT_EQUAL(clip_scale(1.5, 1.5), 1);
  CU_ASSERT_DOUBLE_EQUAL(clip_scale(6, 1.5), 0.25, 1e-15);
  CU_ASSERT_EQUAL(clip_scale(1e9, 0), 1);
}

static void adams_corrections_undo_the_start_at_zero(void) {
  AdamStep first = adam_step(1e-3, 0.5, 0.25, 1), late = adam_step(1e-3, 1, 1, 1000000);
  CU_ASSERT_DOUBLE_EQUAL(first.correct1, 10, 1e-5);
  CU_ASSERT_DOUBLE_EQUAL(first.correct2 * (1 - (double)first.beta2), 1, 1e-7);
  CU_ASSERT(first.rate == 1e-3f && first.scale == 0.5f && first.ema == 0.25f && first.epsilon == 1e-8f && first.beta1 == 0.9f);
  CU_ASSERT(late.correct1 == 1 && late.correct2 == 1);
}

/* T3.10: the bowl (w0^2 + 10 w1^2)/2 from (1, -2): rate .1, decay .005, power average 6.94. The table was computed apart, in double, from the
 * formulas of kernels.h; the gradient is handed over four times too large and scaled back. */
static void five_steps_in_a_bowl_follow_the_computed_path(void) {
  static const double known[5][4] = {{0.899500001, -1.899000000, 0.899500001, -1.899000000},
                                     {0.799465374, -1.798219033, 0.799872729, -1.798629426},
                                     {0.700247989, -1.697782464, 0.704230918, -1.701814257},
                                     {0.602267384, -1.597825978, 0.612652977, -1.608417803},
                                     {0.506019564, -1.498495936, 0.524150816, -1.517186336}};
  static const char *const sets[] = {"avx512", "avx2", "portable"};
  for (size_t s = 0; s < COUNT(sets); s++) {
    if (!isa_has(sets[s]) || isa_setup(sets[s])) continue;
    float w[2] = {1, -2}, m[2] = {0}, v[2] = {0}, ema[2] = {1, -2};
    for (int64_t t = 1; t <= 5; t++) {
      const float grad[2] = {4 * w[0], 40 * w[1]};
      AdamStep step = adam_step(0.1, 0.25, ema_power_keep(6.94, t), t);
      kernels->adam(&step, 0.005f, 2, grad, w, m, v, ema);
      for (int i = 0; i < 2; i++) {
        CU_ASSERT_DOUBLE_EQUAL(w[i], known[t - 1][i], 2e-6);
        CU_ASSERT_DOUBLE_EQUAL(ema[i], known[t - 1][2 + i], 2e-6);
      }
    }
  }
}

/* T3.11 */
static void times_fall_one_into_each_stratum(void) {
  static const int64_t sizes[] = {1, 2, 255, 256, 10000};
  for (size_t s = 0; s < COUNT(sizes); s++)
    for (uint64_t step = 1; step <= 50; step++) {
      int64_t n = sizes[s];
      double *u = malloc((size_t)n * sizeof *u);
      uint8_t *seen = calloc((size_t)n, 1);
      stratified_times((EbbRng){3, 9}, step, n, u);
      int64_t strata = 0;
      for (int64_t i = 0; i < n; i++) {
        CU_ASSERT_FATAL(u[i] > 0 && u[i] < 1);
        int64_t k = (int64_t)(u[i] * (double)n);
        strata += !seen[k];
        seen[k] = 1;
      }
      CU_ASSERT_EQUAL(strata, n);
      for (int64_t i = 1; i < n; i++) { /* one shift for all */
        double apart = (u[i] - u[0]) * (double)n;
        CU_ASSERT_DOUBLE_EQUAL(apart, round(apart), 1e-9);
      }
      free(u), free(seen);
    }
}

static void times_are_uniform_shuffled_and_addressed(void) {
  enum { B = 64, STEPS = 4000 };
  double u[B], again[B], first = 0, order = 0;
  for (uint64_t step = 1; step <= STEPS; step++) {
    stratified_times((EbbRng){3, 9}, step, B, u);
    first += u[0] / STEPS;
    for (int i = 0; i < B; i++) order += (u[i] - 0.5) * (i - (B - 1) / 2.0) / (B * STEPS);
  }
  CU_ASSERT_DOUBLE_EQUAL(first, 0.5, 4 * sqrt(1.0 / 12 / STEPS));
  CU_ASSERT_DOUBLE_EQUAL(order, 0, 4 * sqrt(1.0 / 12 * B * B / 12 / B / STEPS)); /* no correlation with the place in the batch */
  stratified_times((EbbRng){3, 9}, STEPS, B, again);
  int same = 0, moved = 0;
  for (int i = 0; i < B; i++) same += again[i] == u[i];
  stratified_times((EbbRng){3, 9}, 1, B, again);
  for (int i = 0; i < B; i++) moved += again[i] != u[i];
  CU_ASSERT(same == B && moved == B);
}

static const Test tests[] = {
    {"the rate warms up and falls along a cosine", the_rate_warms_up_and_falls_along_a_cosine},
    {"the rate without warm-up or without cosine", the_rate_without_warm_up_or_without_cosine},
    {"gamma gives the relative width", gamma_gives_the_relative_width},
    {"power averages have the right age", power_averages_have_the_right_age},
    {"constant averages start fast", constant_averages_start_fast},
    {"the gradient is clipped by its norm", the_gradient_is_clipped_by_its_norm},
    {"Adam's corrections undo the start at zero", adams_corrections_undo_the_start_at_zero},
    {"five steps in a bowl follow the computed path", five_steps_in_a_bowl_follow_the_computed_path},
    {"times fall one into each stratum", times_fall_one_into_each_stratum},
    {"times are uniform, shuffled and addressed", times_are_uniform_shuffled_and_addressed},
};
TEST_MAIN("optimiser", tests)
