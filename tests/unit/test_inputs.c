/* SPDX-License-Identifier: MIT
 *
 * The network's inputs: columns and their products, what of them survives odd columns, and the text that the model's file keeps. */
#include <math.h>
#include <string.h>

#include "folder.h"
#include "model/inputs.h"
#include "num/random.h"
#include "test.h"

enum { ROWS = 4000 };

static Arena *arena;
static float data[ROWS * 4];
static uint8_t keep[ROWS];

/* q columns of independent standard normals, moved and scaled differently. */
static void make_data(int64_t q) {
  static double z[ROWS * 4];
  for (int64_t i = 0; i < ROWS; i++) {
    uint64_t id = (uint64_t)i;
    random_normal((EbbRng){5, 9}, 1, &id, NULL, 0, q, z + i * q);
    keep[i] = 1;
  }
  for (int64_t i = 0; i < ROWS * q; i++) data[i] = (float)(10.0 * (double)(i % q) + (1 + (double)(i % q)) * z[i]);
}

static Inputs fitted(int64_t q, bool quadratic) {
  Inputs in;
  inputs_new(arena, q, quadratic, &in);
  inputs_fit(&in, ROWS, data, keep);
  return in;
}

static void columns_alone_are_the_columns(void) {
  make_data(3);
  Inputs in = fitted(3, false);
  CU_ASSERT(in.q == 3 && in.n == 3);
  float value[3];
  inputs_forward(&in, data, value);
  for (int j = 0; j < 3; j++) CU_ASSERT_EQUAL(value[j], column_forward(&in.column[j], (double)data[j]));
}

/* Against sums made here: every pair once, in order, of mean 0 and sd 1 over the rows. */
static void products_follow_in_order_with_mean_zero_and_sd_one(void) {
  make_data(3);
  Inputs in = fitted(3, true);
  CU_ASSERT_EQUAL(in.n, 3 + 6);
  static const int first[] = {0, 0, 0, 1, 1, 2}, second[] = {0, 1, 2, 1, 2, 2};
  double mean[6] = {0}, square[6] = {0}, sum[9] = {0}, squares[9] = {0};
  float value[9];
  for (int i = 0; i < ROWS; i++) {
    inputs_forward(&in, data + 3 * i, value);
    for (int k = 0; k < 6; k++) mean[k] += (double)value[first[k]] * (double)value[second[k]] / ROWS;
  }
  for (int i = 0; i < ROWS; i++) {
    inputs_forward(&in, data + 3 * i, value);
    for (int k = 0; k < 6; k++) square[k] += pow((double)value[first[k]] * (double)value[second[k]] - mean[k], 2) / ROWS;
    for (int k = 0; k < 9; k++) {
      sum[k] += (double)value[k] / ROWS;
      squares[k] += (double)value[k] * (double)value[k] / ROWS;
    }
  }
  inputs_forward(&in, data, value);
  for (int k = 0; k < 6; k++) {
    double expected = ((double)value[first[k]] * (double)value[second[k]] - mean[k]) / sqrt(square[k]);
    CU_ASSERT_DOUBLE_EQUAL((double)value[3 + k], fmin(fmax(expected, -10), 10), 2e-6);
  }
  for (int k = 0; k < 9; k++) { /* z^2 has few values beyond 10 sd, so that the clip hardly shows */
    CU_ASSERT_DOUBLE_EQUAL(sum[k], 0, 5e-3);
    CU_ASSERT_DOUBLE_EQUAL(squares[k], 1, 5e-2);
  }
}

static void products_stay_finite_and_within_ten(void) {
  make_data(2);
  Inputs in = fitted(2, true);
  static const float far[] = {1e30f, -1e30f, 3e38f};
  for (size_t k = 0; k < COUNT(far); k++) {
    float row[2] = {far[k], -far[k]}, value[5];
    inputs_forward(&in, row, value);
    for (int i = 0; i < 5; i++) CU_ASSERT(isfinite(value[i]));
    for (int i = 2; i < 5; i++) CU_ASSERT(fabsf(value[i]) == 10);
  }
}

/* The square of a column of two values, and every product with a constant: constant, hence 0. */
static void products_that_are_constant_say_nothing(void) {
  make_data(2);
  for (int i = 0; i < ROWS; i++) {
    data[2 * i] = 3;
    data[2 * i + 1] = i % 2 ? 0 : 1;
  }
  Inputs in = fitted(2, true);
  for (int i = 0; i < 2; i++) {
    float value[5];
    inputs_forward(&in, data + 2 * i, value);
    CU_ASSERT(value[0] == 0 && value[2] == 0 && value[3] == 0);
    CU_ASSERT_DOUBLE_EQUAL((double)value[1], i == 0 ? 1 : -1, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)value[4], 0, 1e-6);
  }
}

static void rows_that_are_not_kept_are_not_looked_at(void) {
  make_data(2);
  Inputs whole = fitted(2, true);
  for (int i = 1; i < ROWS; i += 7) keep[i] = 0;
  Inputs clean = fitted(2, true);
  for (int i = 1; i < ROWS; i += 7) data[2 * i] = NAN, data[2 * i + 1] = 1e30f;
  Inputs spoilt = fitted(2, true);
  CU_ASSERT(memcmp(clean.product, spoilt.product, 3 * sizeof *clean.product) == 0);
  CU_ASSERT(memcmp(clean.product, whole.product, 3 * sizeof *clean.product) != 0);
}

/* 30 rows for every input: 5 of two numbers, 65 of ten, 495 of thirty. */
static void products_are_afforded_by_thirty_rows_an_input(void) {
  CU_ASSERT(!inputs_afford_products(2, 149) && inputs_afford_products(2, 150));
  CU_ASSERT(!inputs_afford_products(10, 1949) && inputs_afford_products(10, 1950));
  CU_ASSERT(!inputs_afford_products(30, 14849) && inputs_afford_products(30, 14850));
  CU_ASSERT(!inputs_afford_products(31, 1000000000));
}

static EbbStatus write_and_read(const Folder *f, const SafeMeta *meta, size_t n, Inputs *out) {
  const float number = 1;
  const SafeTensor tensor = {"a", "F32", 1, {1}, &number, 4};
  SafeFile file;
  const char *path = path_join(arena, f->path, "m.safetensors");
  CU_ASSERT_EQUAL(safetensors_write(path, &tensor, 1, meta, n), EBB_OK);
  EbbStatus status = safetensors_open(arena, path, &file);
  if (status == EBB_OK) status = inputs_read(arena, &file, path, out);
  safetensors_close(&file);
  return status;
}

static void the_text_comes_back_bit_by_bit(void) {
  Folder f = folder_begin();
  make_data(3);
  Inputs in = fitted(3, true), back;
  inputs_new(arena, 3, true, &back);
  const SafeMeta meta[] = {{"columns", inputs_columns_text(arena, &in)}, {"products", inputs_products_text(arena, &in)}};
  CU_ASSERT_EQUAL(write_and_read(&f, meta, 2, &back), EBB_OK);
  for (int i = 0; i < ROWS; i++) {
    float a[9], b[9];
    inputs_forward(&in, data + 3 * i, a);
    inputs_forward(&back, data + 3 * i, b);
    CU_ASSERT(memcmp(a, b, sizeof a) == 0);
  }
  folder_end(&f);
}

static void what_does_not_fit_is_refused(void) {
  Folder f = folder_begin();
  make_data(3);
  Inputs in = fitted(3, false), back;
  const char *columns = inputs_columns_text(arena, &in);
  inputs_new(arena, 3, true, &back);
  const SafeMeta without[] = {{"columns", columns}, {"products", inputs_products_text(arena, &in)}};
  CU_ASSERT_EQUAL(write_and_read(&f, without, 2, &back), EBB_E_SHAPE);
  CU_ASSERT(strstr(fail_text(), "expected 6 products, found 0") != NULL);
  CU_ASSERT_EQUAL(write_and_read(&f, without, 1, &back), EBB_E_IO);
  CU_ASSERT(strstr(fail_text(), "no products") != NULL);
  inputs_new(arena, 3, false, &back);
  CU_ASSERT_EQUAL(write_and_read(&f, without, 1, &back), EBB_OK); /* files from before there were products have no such list */
  const SafeMeta unknown[] = {{"columns", "[{\"rule\":\"mean\"},{\"rule\":\"sine\"},{\"rule\":\"mean\"}]"}, {"products", "[]"}};
  CU_ASSERT_EQUAL(write_and_read(&f, unknown, 2, &back), EBB_E_IO);
  CU_ASSERT(strstr(fail_text(), "data column 2 has the rule \"sine\"") != NULL);
  folder_end(&f);
}

static const Test tests[] = {
    {"columns alone are the columns", columns_alone_are_the_columns},
    {"products follow in order with mean zero and sd one", products_follow_in_order_with_mean_zero_and_sd_one},
    {"products stay finite and within ten", products_stay_finite_and_within_ten},
    {"products that are constant say nothing", products_that_are_constant_say_nothing},
    {"rows that are not kept are not looked at", rows_that_are_not_kept_are_not_looked_at},
    {"products are afforded by thirty rows an input", products_are_afforded_by_thirty_rows_an_input},
    {"the text comes back bit by bit", the_text_comes_back_bit_by_bit},
    {"what does not fit is refused", what_does_not_fit_is_refused},
};

int main(void) {
  arena = arena_new();
  int failed = test_main("inputs", tests, COUNT(tests));
  arena_free(arena);
  return failed;
}
