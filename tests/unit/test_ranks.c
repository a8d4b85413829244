/* SPDX-License-Identifier: MIT
 *
 * The numerics that metrics over data sets share: places, order statistics, binomial quantiles and Kolmogorov's law against SciPy 1.x, the features
 * of data with gaps and members, ranks with ties. */
#include "test.h"

#include <string.h>

#include "../../plugins/metrics/products.h"

static void places_stand_in_the_middle_of_their_step(void) {
  static const double draws[] = {3, 1, NAN, 2, 2};
  CU_ASSERT_DOUBLE_EQUAL(place_among(5, draws, 2.5, 0.5), 3.5 / 5, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(place_among(5, draws, 2, 0.5), (1 + 1.5) / 5, 1e-15); /* one below, two equal */
  CU_ASSERT_DOUBLE_EQUAL(place_among(5, draws, -INFINITY, 0.25), 0.25 / 5, 1e-15);
  CU_ASSERT_EQUAL(place_among(5, draws, NAN, 0.5), -1);
  CU_ASSERT_EQUAL(place_among(1, draws + 2, 1, 0.5), -1);
}

static void order_statistics_are_those_of_small_lists(void) {
  double x[] = {5, 1, 4, 2, 3};
  sort_doubles(5, x);
  for (int i = 0; i < 5; i++) CU_ASSERT_EQUAL(x[i], i + 1);
  CU_ASSERT_EQUAL(median_sorted(5, x), 3);
  CU_ASSERT_EQUAL(median_sorted(4, x), 2.5);
  CU_ASSERT_EQUAL(median_error_sorted(5, x), 2); /* the middle is place 2, a standard deviation 1.12: from place 0 to 4 */
  CU_ASSERT(isnan(median_error_sorted(1, x)));
  Moments m = moments(5, x);
  CU_ASSERT_DOUBLE_EQUAL(m.mean, 3, 1e-15);
  CU_ASSERT_DOUBLE_EQUAL(m.sd, sqrt(2.5), 1e-15);
  CU_ASSERT(isnan(moments(1, x).sd));
}

static void binomial_quantiles_are_those_of_scipy(void) {
  static const struct {
    int64_t n;
    double z, p;
    int64_t k;
  } known[] = {{200, 0.5, 0.025, 86},      {200, 0.5, 0.975, 114}, {1000, 0.001, 0.5, 1},
               {10000, 0.3, 0.0007, 2854}, {7, 0.9, 0.999, 7},     {100, 0.01, 1e-9, 0}};
  for (size_t i = 0; i < COUNT(known); i++) CU_ASSERT_EQUAL(binomial_quantile(known[i].n, known[i].z, known[i].p), known[i].k);
}

/* The law of n numbers, of which the code has the limit with a correction. */
static void kolmogorov_is_that_of_scipy(void) {
  static const struct {
    int64_t n;
    double d, p;
  } known[] = {{10, 0.3, 0.270536}, {100, 0.1, 0.252693}, {200, 0.0961, 0.046484}, {50, 0.25, 0.003066}, {1000, 0.02, 0.810897}};
  for (size_t i = 0; i < COUNT(known); i++) CU_ASSERT_DOUBLE_EQUAL(kolmogorov_p(known[i].n, known[i].d), known[i].p, 0.001);
  CU_ASSERT_EQUAL(kolmogorov_p(100, 0), 1);
  CU_ASSERT(kolmogorov_p(100, 1) < 1e-80);
  static const double x[] = {0.1, 0.2, 0.9}; /* farthest at .2: 2/3 - .2 */
  CU_ASSERT_DOUBLE_EQUAL(uniform_distance_sorted(3, x), 2.0 / 3 - 0.2, 1e-15);
}

static void features_are_numbers_or_means_of_members(void) {
  float value[] = {1, 10, 3, 30, 5, NAN, 7, 70, 0, 0, 0, 0};
  int32_t count[] = {3, 1};
  uint8_t token[12] = {0};
  EbbData data = {.layout = {.n = 3, .width = 2}, .rows = 2, .value = value};
  CU_ASSERT_EQUAL(features_of(&data), 6);
  CU_ASSERT_EQUAL(feature_of(&data, 1, 1), 70);
  CU_ASSERT(isnan(feature_of(&data, 0, 5)));
  data.count = count;
  CU_ASSERT_EQUAL(features_of(&data), 2);
  CU_ASSERT_EQUAL(feature_of(&data, 0, 0), 3);
  CU_ASSERT_EQUAL(feature_of(&data, 1, 1), 70);
  token[2] = 1;
  data.token = token;
  CU_ASSERT(isnan(feature_of(&data, 0, 0)));
  CU_ASSERT_EQUAL(features_of(&(EbbData){.value = NULL}), 0);
}

static void ranks_are_centred_and_share_ties(void) {
  double x[] = {7, -1, 7, 100}, scratch[4], same[] = {2, 2, 2}, gap[] = {1, NAN, 2};
  CU_ASSERT(centred_ranks(4, x, scratch));
  static const double wanted[] = {0, -0.75, 0, 0.75};
  for (int i = 0; i < 4; i++) CU_ASSERT_DOUBLE_EQUAL(x[i], wanted[i], 1e-15);
  CU_ASSERT_FALSE(centred_ranks(3, same, scratch));
  CU_ASSERT_FALSE(centred_ranks(3, gap, scratch));
}

/* Parameter a follows datum 1 downwards and b datum 0: the slopes of a set come from those two data, and its own truth has no part in them. */
static void products_choose_the_data_that_follow_by_the_other_sets(void) {
  enum { N = 40 };
  float truth[N * 2], value[N * 2];
  int64_t set[N];
  for (int i = 0; i < N; i++) {
    int a = i * 7 % N, b = i * 11 % N;
    truth[2 * i] = (float)a, truth[2 * i + 1] = (float)b;
    value[2 * i] = (float)(b * b), value[2 * i + 1] = (float)-a;
    set[i] = i;
  }
  EbbData data = {.layout = {.n = 1, .width = 2}, .rows = N, .value = value};
  EbbEvidence e = {.sets = N, .dim = 2, .data = &data, .truth = truth};
  Used used = {.n = N, .set = set};
  double q[2 * N], scratch[2 * N], slope[2 * N], before;
  for (int j = 0; j < 2; j++)
    for (int i = 0; i < N; i++) q[j * N + i] = feature_of(&data, i, j);
  CU_ASSERT(centred_ranks(N, q, scratch) && centred_ranks(N, q + N, scratch));
  product_slopes(&e, &used, 2, q, scratch, slope);
  for (int i = 0; i < N; i++) {
    CU_ASSERT(slope[i] * -q[N + i] > 0);
    CU_ASSERT(slope[N + i] * q[i] > 0);
  }
  /* The odd half's sd of a's truths, and a correlation of -1. */
  double odd[N / 2];
  for (int i = 0; i < N / 2; i++) odd[i] = (double)truth[2 * (2 * i + 1)];
  CU_ASSERT_DOUBLE_EQUAL(slope[0], -q[N] / moments(N / 2, odd).sd, 1e-12);
  before = slope[4];
  truth[2 * 4] = truth[2 * 4] > 20 ? truth[2 * 4] + 0.25F : truth[2 * 4] - 0.25F; /* moves no rank of the others */
  product_slopes(&e, &used, 2, q, scratch, slope);
  CU_ASSERT_EQUAL(slope[4], before);
}

static const Test tests[] = {
    {"places stand in the middle of their step", places_stand_in_the_middle_of_their_step},
    {"order statistics are those of small lists", order_statistics_are_those_of_small_lists},
    {"binomial quantiles are those of SciPy", binomial_quantiles_are_those_of_scipy},
    {"Kolmogorov is that of SciPy", kolmogorov_is_that_of_scipy},
    {"features are numbers or means of members", features_are_numbers_or_means_of_members},
    {"ranks are centred and share ties", ranks_are_centred_and_share_ties},
    {"products choose the data that follow by the other sets", products_choose_the_data_that_follow_by_the_other_sets},
};
TEST_MAIN("ranks", tests)
