/* SPDX-License-Identifier: MIT
 *
 * Importance weights, against closed forms. Draws are quantiles at even places, so that sums are integrals. */
#include <math.h>
#include <string.h>

#include <ebb/normal.h>

#include "run/importance.h"
#include "test.h"

enum { N = 20000 };
static double log_w[N];

/* Target N(0, 1) times e^2, proposal N(0, s^2): E w^2 / (E w)^2 = s / sqrt(2 - 1/s^2). */
static void normal_weights_give_the_known_size_and_evidence(void) {
  static const double sds[] = {1, 1.2, 2, 5};
  for (size_t k = 0; k < COUNT(sds); k++) {
    double s = sds[k], ratio = s / sqrt(2 - 1 / (s * s));
    for (int i = 0; i < N; i++) {
      double z = ebb_normal_quantile((i + 0.5) / N);
      log_w[i] = 2 - 0.5 * s * s * z * z + 0.5 * z * z + log(s);
    }
    Importance w;
    CU_ASSERT_EQUAL(importance_judge(N, log_w, &w), EBB_OK);
    CU_ASSERT_DOUBLE_EQUAL(w.effective / N, 1 / ratio, 1e-3);
    CU_ASSERT_DOUBLE_EQUAL(w.log_mean, 2, 1e-3);
    CU_ASSERT_DOUBLE_EQUAL(w.error, sqrt((ratio - 1) / N), 1e-5 + 1e-2 * w.error);
    CU_ASSERT(k == 0 ? isnan(w.pareto_k) : w.pareto_k < 0.3); /* bounded weights */
  }
}

/* Weights with the density of a Pareto distribution have its shape, which a proposal too narrow by s has, too: k = 1 - s^2. */
static void heavy_tails_have_the_known_shape(void) {
  static const double shapes[] = {0.2, 0.5, 0.8, 1.2};
  for (size_t k = 0; k < COUNT(shapes); k++) {
    Importance w;
    for (int i = 0; i < N; i++) log_w[i] = -shapes[k] * log((i + 0.5) / N);
    CU_ASSERT_EQUAL(importance_judge(N, log_w, &w), EBB_OK);
    printf("\n    shape %.1f: k %.3f", shapes[k], w.pareto_k);
    CU_ASSERT_DOUBLE_EQUAL(w.pareto_k, shapes[k], 0.05);
  }
}

/* Whatever the size of the logarithms. */
static void large_logarithms_do_no_harm(void) {
  double large[] = {-1e5, -1e5 + log(2), -INFINITY, -1e5};
  Importance w;
  CU_ASSERT_EQUAL(importance_judge(4, large, &w), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(w.effective, 16.0 / 6, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(w.log_mean, -1e5, 1e-9);
  CU_ASSERT(isnan(w.pareto_k));
}

static void members_come_as_often_as_they_weigh(void) {
  static const double weight[] = {0.05, 0, 0.5, 0.3, 0, 0.15, 0};
  enum { M = COUNT(weight) };
  double log_weight[M];
  for (int i = 0; i < M; i++) log_weight[i] = log(weight[i]);
  static const double us[] = {1e-12, 0.3, 0.77, 1 - 1e-12};
  for (size_t k = 0; k < COUNT(us); k++) {
    int64_t ancestor[M], count[M] = {0};
    CU_ASSERT_EQUAL(importance_resample(M, log_weight, us[k], ancestor), EBB_OK);
    for (int i = 0; i < M; i++) {
      count[ancestor[i]]++;
      CU_ASSERT(i == 0 || ancestor[i] >= ancestor[i - 1]);
    }
    for (int i = 0; i < M; i++) CU_ASSERT(fabs((double)count[i] - M * weight[i]) < 1 && (weight[i] > 0 || count[i] == 0));
  }
}

static void weights_that_are_none_are_refused(void) {
  double none[] = {-INFINITY, -INFINITY}, bad[] = {0, NAN}, infinite[] = {INFINITY, 0};
  int64_t ancestor[2];
  Importance w;
  CU_ASSERT_EQUAL(importance_judge(2, none, &w), EBB_OK);
  CU_ASSERT(w.effective == 0 && w.log_mean == -INFINITY);
  CU_ASSERT_EQUAL(importance_resample(2, none, 0.5, ancestor), EBB_E_NUMERIC);
  CU_ASSERT(strstr(fail_text(), "weights are 0") != NULL);
  CU_ASSERT_EQUAL(importance_judge(2, bad, &w), EBB_E_NUMERIC);
  CU_ASSERT(strstr(fail_text(), "weight 2 of 2 is") != NULL);
  CU_ASSERT_EQUAL(importance_judge(2, infinite, &w), EBB_E_NUMERIC);
}

static const Test tests[] = {
    {"normal weights give the known size and evidence", normal_weights_give_the_known_size_and_evidence},
    {"heavy tails have the known shape", heavy_tails_have_the_known_shape},
    {"large logarithms do no harm", large_logarithms_do_no_harm},
    {"members come as often as they weigh", members_come_as_often_as_they_weigh},
    {"weights that are none are refused", weights_that_are_none_are_refused},
};
TEST_MAIN("importance", tests)
