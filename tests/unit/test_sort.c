/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "num/random.h"
#include "num/sort.h"
#include "test.h"

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Against the C library, over sizes around the buckets and all magnitudes of both signs. */
static void many_numbers_come_out_as_from_qsort(void) {
  static const int64_t sizes[] = {0, 1, 2, 3, 100, 2047, 2048, 2049, 50000};
  enum { MOST = 50000 };
  static float x[MOST], y[MOST], spare[MOST];
  static double z[MOST];
  random_normal((EbbRng){1, 2}, 1, &(uint64_t){3}, NULL, 0, MOST, z);
  for (size_t k = 0; k < COUNT(sizes); k++) {
    int64_t n = sizes[k];
    for (int64_t i = 0; i < n; i++) x[i] = (float)copysign(exp(20 * z[i]), z[(i + 1) % MOST]);
    memcpy(y, x, sizeof x);
    sort_f32(n, x, spare);
    qsort(y, (size_t)n, sizeof *y, by_value);
    CU_ASSERT(memcmp(x, y, (size_t)n * sizeof *x) == 0);
  }
}

static void zeros_infinities_and_equal_numbers_find_their_place(void) {
  float x[] = {0.0f, INFINITY, -1, -0.0f, 1e-45f, 3, -INFINITY, 3, -1e-45f}, spare[COUNT(x)];
  const float sorted[] = {-INFINITY, -1, -1e-45f, -0.0f, 0.0f, 1e-45f, 3, 3, INFINITY};
  sort_f32(COUNT(x), x, spare);
  CU_ASSERT(memcmp(x, sorted, sizeof x) == 0);
}

static void a_quantile_lies_between_its_neighbours(void) {
  const float x[] = {1, 2, 4, 8, 16};
  const struct { double p, value; } known[] = {{0, 1}, {0.25, 2}, {0.5, 4}, {0.625, 6}, {0.9, 12.8}, {1, 16}};
  for (size_t i = 0; i < COUNT(known); i++) CU_ASSERT_DOUBLE_EQUAL(sorted_quantile(x, 5, known[i].p), known[i].value, 1e-12);
  CU_ASSERT_EQUAL(sorted_quantile(x, 1, 0.7), 1);
  CU_ASSERT(isnan(sorted_quantile(x, 0, 0.5)));
}

static const Test tests[] = {{"a quantile lies between its neighbours", a_quantile_lies_between_its_neighbours},
                             {"many numbers come out as from qsort", many_numbers_come_out_as_from_qsort},
                             {"zeros, infinities and equal numbers find their place", zeros_infinities_and_equal_numbers_find_their_place}};
TEST_MAIN("sort", tests)
