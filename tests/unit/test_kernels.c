/* SPDX-License-Identifier: MIT
 *
 * The matrix product of every instruction set that this machine has, against loops in double; and its bits. */
#include "kernel_sets.h"

/* A case: what is there, and how it lies. */
typedef struct Case {
  int64_t m, n, k;
  Act act;
  int init; /* 0 none, 1 a matrix, 2 one row, 3 c itself */
  int a;    /* 0 rows contiguous, 1 transposed, 2 a stride both ways */
  bool pack, pre, keep;
  int adds; /* 0 none, 1 one, 2 two, the first being c */
} Case;

enum { GAP = 3 }; /* columns of every matrix that nobody may touch */
static const float untouched = 12345.0f;

static float *matrix(int64_t rows, int64_t columns) {
  float *x = numbers(rows * (columns + GAP));
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = columns; j < columns + GAP; j++) x[i * (columns + GAP) + j] = untouched;
  return x;
}

static float *packed_from(const Kernels *kernel, const Gemm *g, int64_t b_row, int64_t b_col) {
  float *to = malloc((kernel->packed(g->k, g->n) + 1) * sizeof *to);
  for (int64_t p = 0; p < kernel->panels(g->n); p++) kernel->pack(g->k, g->n, g->b, b_row, b_col, p, p + 1, to);
  return to;
}

static void agrees(const Kernels *kernel, const Case *t) {
  const int64_t m = t->m, n = t->n, k = t->k, wide = n + GAP;
  float *a = t->a == 1 ? matrix(k, m) : matrix(m, 2 * k), *b = matrix(k, n), *init = matrix(m, n), *c = matrix(m, n), *pre = matrix(m, n);
  float *add = matrix(m, n), *c_before = copied(c, m * wide);
  uint8_t *keep = malloc((size_t)(m * wide) + 1);
  for (int64_t i = 0; i < m * wide; i++) keep[i] = any() > -0.5;
  Gemm g = {.m = m, .n = n, .k = k, .a = a, .b = b, .b_row = wide, .act = t->act, .c = c, .c_row = wide};
  g.a_row = t->a == 1 ? 1 : 2 * k + GAP, g.a_col = t->a == 1 ? m + GAP : t->a == 2 ? 2 : 1;
  if (t->init) g.init = t->init == 3 ? c : init, g.init_row = t->init == 2 ? 0 : wide;
  if (t->pre) g.pre = pre, g.pre_row = wide;
  if (t->keep) g.keep = keep, g.keep_row = wide, g.keep_scale = 1.25f;
  if (t->adds == 1) g.add[1] = add, g.add_row[1] = wide;
  if (t->adds == 2) g.add[0] = c, g.add[1] = add, g.add_row[0] = g.add_row[1] = wide;
  float *packed = packed_from(kernel, &g, wide, 1);
  if (t->pack) g.b = packed, g.b_row = 0;
  kernel->gemm(&g);
  bool right = true;
  for (int64_t i = 0; i < m && right; i++)
    for (int64_t j = 0; j < wide && right; j++) {
      double sum = 0, size = 0, got = c[i * wide + j];
      if (j >= n) {
        right = c[i * wide + j] == untouched && pre[i * wide + j] == untouched;
        continue;
      }
      if (t->init) sum = t->init == 3 ? c_before[i * wide + j] : init[(t->init == 2 ? 0 : i * wide) + j];
      for (int64_t p = 0; p < k; p++) {
        double term = (double)a[i * g.a_row + p * g.a_col] * b[p * wide + j];
        sum += term, size += fabs(term);
      }
      const double bound = 1e-6 * (size + 2);
      if (t->pre) right = right && fabs(pre[i * wide + j] - sum) <= bound;
      double expected = act_exact(t->act, sum);
      if (t->keep) expected *= keep[i * wide + j] ? 1.25 : 0;
      if (t->adds == 2) expected += c_before[i * wide + j];
      if (t->adds) expected += add[i * wide + j];
      right = right && fabs(got - expected) <= 2 * bound;
    }
  if (!right)
    printf("\n      %s: m %d n %d k %d act %s init %d a %d pack %d pre %d keep %d adds %d", kernel->name, (int)m, (int)n, (int)k, act_names[t->act],
           t->init, t->a, t->pack, t->pre, t->keep, t->adds);
  CU_ASSERT(right);
  free(a), free(b), free(init), free(c), free(pre), free(add), free(c_before), free(keep), free(packed);
}

static void odd_sizes(const Kernels *kernel) {
  for (int64_t m = 1; m <= 40; m++)
    for (int64_t n = 1; n <= 40; n++)
      agrees(kernel, &(Case){m, n, (m * 7 + n * 3) % 41, .init = (int)((m + n) % 3), .a = (int)(m % 3), .pack = n % 2});
}
static void products_of_odd_sizes(void) { each_set(odd_sizes); }

static void epilogues(const Kernels *kernel) {
  static const int64_t sizes[][3] = {{5, 7, 3}, {13, 32, 16}, {29, 50, 33}, {31, 70, 64}};
  for (size_t s = 0; s < COUNT(sizes); s++)
    for (int act = ACT_NONE; act <= ACT_GELU; act++)
      for (int bits = 0; bits < 4 * 3 * 8; bits++)
        agrees(kernel, &(Case){sizes[s][0], sizes[s][1], sizes[s][2], (Act)act, .init = bits % 4, .adds = bits / 4 % 3, .pack = bits / 12 & 1,
                               .pre = bits / 24 & 1, .keep = bits / 48 & 1});
}
static void products_with_everything_fused(void) { each_set(epilogues); }

static void long_sums(const Kernels *kernel) {
  static const int64_t sizes[][3] = {{3, 5, 513}, {30, 33, 1024}, {300, 40, 700}, {250, 64, 2000}, {1, 1, 5000}, {4, 4, 0}};
  for (size_t s = 0; s < COUNT(sizes); s++)
    for (int bits = 0; bits < 12; bits++)
      agrees(kernel, &(Case){sizes[s][0], sizes[s][1], sizes[s][2], ACT_SILU, .init = bits % 4, .adds = bits / 4, .pack = bits & 1});
}
static void products_with_long_sums(void) { each_set(long_sums); }

/* Any part of a product, alone, has the bits that it has in the whole: rows, columns, packed or not. */
static void parts(const Kernels *kernel) {
  enum { M = 61, N = 75, K = 600 };
  static float c[M * N], part[M * N], across[K * M], b_columns[N * K];
  float *a = numbers(M * K), *b = numbers(K * N), *bias = numbers(N);
  for (int64_t i = 0; i < M; i++)
    for (int64_t p = 0; p < K; p++) across[p * M + i] = a[i * K + p];
  for (int64_t p = 0; p < K; p++)
    for (int64_t j = 0; j < N; j++) b_columns[j * K + p] = b[p * N + j];
  const Gemm whole = {.m = M, .n = N, .k = K, .a = a, .a_row = K, .a_col = 1, .b = b, .b_row = N, .init = bias, .act = ACT_SILU, .c = c, .c_row = N};
  kernel->gemm(&whole);
  for (int trial = 0; trial < 400; trial++) {
    Gemm g = whole;
    const int64_t i = (int64_t)((any() + 1) / 2 * M), j = (int64_t)((any() + 1) / 2 * N);
    g.m = 1 + (int64_t)((any() + 1) / 2 * (double)(M - i)), g.n = 1 + (int64_t)((any() + 1) / 2 * (double)(N - j));
    g.init = bias + j, g.c = part, g.b = b + j, g.a = a + i * K;
    if (trial & 1) g.a = across + i, g.a_row = 1, g.a_col = M;
    float *packed = NULL;
    if (trial & 2) {
      if (trial & 4) g.b = b_columns + j * K;
      packed = trial & 4 ? packed_from(kernel, &g, 1, K) : packed_from(kernel, &g, N, 1);
      g.b = packed, g.b_row = 0;
    }
    kernel->gemm(&g);
    bool same = true;
    for (int64_t r = 0; r < g.m; r++) same = same && memcmp(part + r * N, c + (i + r) * N + j, (size_t)g.n * sizeof *c) == 0;
    if (!same) printf("\n      %s: trial %d, rows %d + %d, columns %d + %d", kernel->name, trial, (int)i, (int)g.m, (int)j, (int)g.n);
    CU_ASSERT(same);
    free(packed);
  }
  free(a), free(b), free(bias);
}
static void a_part_has_the_bits_of_the_whole(void) { each_set(parts); }

/* One sum is the chain of its terms in order: with fused steps fmaf says it, without them float32 arithmetic does. */
static void chain(const Kernels *kernel) {
  enum { K = 1500 };
  float *a = numbers(K), *b = numbers(K), init = 0.3f, c = 0, expected = init;
  const bool fused = strcmp(kernel->name, "portable") != 0;
  for (int p = 0; p < K; p++) {
    volatile float product = a[p] * b[p];
    expected = fused ? fmaf(a[p], b[p], expected) : expected + product;
  }
  kernel->gemm(&(Gemm){.m = 1, .n = 1, .k = K, .a = a, .a_col = 1, .b = b, .b_row = 1, .init = &init, .c = &c, .c_row = 1});
  CU_ASSERT(memcmp(&c, &expected, sizeof c) == 0);
  free(a), free(b);
}
static void a_sum_runs_in_ascending_order(void) { each_set(chain); }

/* The layout that kernels.h promises: panels [k][width], zeros behind the last column; strides of either order and of none. */
static void layout(const Kernels *kernel) {
  enum { K = 37, N = 45 };
  float *b = numbers(K * N * 6), *all = malloc(kernel->packed(K, N) * sizeof *all);
  const int64_t lanes = kernel->packed(1, 1) == 0 ? 0 : (int64_t)kernel->packed(1, 1), panel = 2 * lanes;
  static const int64_t strides[][2] = {{N, 1}, {1, K}, {2 * N, 2}};
  CU_ASSERT_EQUAL(kernel->panels(N), (N + panel - 1) / panel);
  for (size_t s = 0; s < COUNT(strides); s++) {
    kernel->pack(K, N, b, strides[s][0], strides[s][1], 0, kernel->panels(N), all);
    bool right = true;
    const float *at = all;
    for (int64_t j0 = 0; j0 < N; j0 += panel) {
      const int64_t width = N - j0 > lanes ? panel : lanes;
      for (int64_t p = 0; p < K; p++)
        for (int64_t j = j0; j < j0 + width; j++, at++) right = right && *at == (j < N ? b[p * strides[s][0] + j * strides[s][1]] : 0);
    }
    CU_ASSERT(right);
    CU_ASSERT_EQUAL((size_t)(at - all), kernel->packed(K, N));
  }
  free(b), free(all);
}
static void packing_is_what_the_header_says(void) { each_set(layout); }

static void poison(const Kernels *kernel) {
  enum { M = 30, N = 40, K = 50 };
  for (int act = ACT_NONE; act <= ACT_GELU; act++) {
    float *a = numbers(M * K), *b = numbers(K * N), c[M * N];
    a[7 * K + 49] = NAN;
    kernel->gemm(&(Gemm){.m = M, .n = N, .k = K, .a = a, .a_row = K, .a_col = 1, .b = b, .b_row = N, .act = (Act)act, .c = c, .c_row = N});
    int bad = 0, elsewhere = 0;
    for (int i = 0; i < M * N; i++) bad += i / N == 7 && isnan(c[i]), elsewhere += i / N != 7 && !isfinite(c[i]);
    CU_ASSERT_EQUAL(bad, N);
    CU_ASSERT_EQUAL(elsewhere, 0);
    free(a), free(b);
  }
}
static void a_nan_spoils_its_row_and_no_other(void) { each_set(poison); }

static void the_best_set_is_chosen_and_others_on_demand(void) {
  CU_ASSERT_EQUAL(isa_setup(NULL), EBB_OK);
  CU_ASSERT(isa_has(isa_name()));
  const char *best = isa_has("avx512") ? "avx512" : isa_has("avx2") ? "avx2" : "portable";
  CU_ASSERT_STRING_EQUAL(isa_name(), best);
  CU_ASSERT_EQUAL(isa_setup("portable"), EBB_OK);
  CU_ASSERT_STRING_EQUAL(isa_name(), "portable");
  CU_ASSERT_EQUAL(isa_setup("sse9"), EBB_E_CONFIG);
  CU_ASSERT(strstr(fail_text(), "\"sse9\"") && strstr(fail_text(), "portable"));
  CU_ASSERT_STRING_EQUAL(isa_name(), "portable");
  CU_ASSERT(!isa_has("sse9"));
  if (!isa_has("avx512")) CU_ASSERT_EQUAL(isa_setup("avx512"), EBB_E_CONFIG);
}

static const Test tests[] = {
    {"the best set is chosen, and others on demand", the_best_set_is_chosen_and_others_on_demand},
    {"products of odd sizes agree with double", products_of_odd_sizes},
    {"products with everything fused agree with double", products_with_everything_fused},
    {"products with long sums agree with double", products_with_long_sums},
    {"a part has the bits of the whole", a_part_has_the_bits_of_the_whole},
    {"a sum runs in ascending order, one step a term", a_sum_runs_in_ascending_order},
    {"packing is what the header says", packing_is_what_the_header_says},
    {"a NaN spoils its row and no other", a_nan_spoils_its_row_and_no_other},
};
TEST_MAIN("kernels", tests)
