/* SPDX-License-Identifier: MIT
 *
 * Addressed random numbers: Philox against its authors' known answers, addressing, moments, masks, permutations; and the same bits from every
 * instruction set. */
#include "num/random.h"

#include <math.h>
#include <string.h>

#include "kernel_sets.h"

static const EbbRng rng = {20240607, 3};

/* Random123's kat_vectors for philox4x32, 10 rounds. */
static void philox_gives_the_known_answers(void) {
  static const uint32_t known[][3][4] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    uint32_t out[4];
    philox4x32(known[i][0], known[i][1], out);
    CU_ASSERT(memcmp(out, known[i][2], sizeof out) == 0);
  }
}

static void batches(const Kernels *k) {
  const uint32_t counter[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0xfffffff0}, key[2] = {0xa4093822, 0x299f31d0};
  for (int64_t n = 0; n <= 70; n++) { /* the last word wraps around on the way */
    uint32_t out[71][4];
    memset(out, 0xab, sizeof out);
    k->philox(counter, key, n, &out[0][0]);
    for (int64_t i = 0; i < n; i++) {
      uint32_t at[4] = {counter[0], counter[1], counter[2], counter[3] + (uint32_t)i}, alone[4];
      philox4x32(at, key, alone);
      CU_ASSERT(memcmp(alone, out[i], sizeof alone) == 0);
    }
    CU_ASSERT_EQUAL(out[n][0], 0xabababab);
  }
}
static void batches_are_the_single_numbers(void) { each_set(batches); }

static void seeds_and_streams_give_their_own_keys(void) {
  uint32_t keys[64][2];
  for (uint32_t i = 0; i < 64; i++) random_key((EbbRng){i / 8, i % 8}, keys[i]);
  for (int i = 0; i < 64; i++)
    for (int j = 0; j < i; j++) CU_ASSERT(keys[i][0] != keys[j][0] && keys[i][1] != keys[j][1]);
  uint32_t low[2], high[2];
  random_key((EbbRng){5, 1}, low), random_key((EbbRng){5 + ((uint64_t)1 << 32), 1}, high);
  CU_ASSERT(memcmp(low, high, sizeof low) != 0);
}

/* The address of <ebb/rng.h>, by hand: key, counter (id low, id high, step, block << 20 | position / 2), 53 bits of two words. */
static void a_number_lies_at_its_address(void) {
  const uint64_t id = 0x0123456789abcdef;
  const uint32_t step = 77, block = 5;
  uint32_t key[2], words[4];
  double u[10];
  random_uniform(rng, 1, &id, &step, block, 10, u);
  random_key(rng, key);
  for (uint32_t j = 0; j < 10; j++) {
    philox4x32((const uint32_t[4]){0x89abcdef, 0x01234567, step, block << 20 | j / 2}, key, words);
    const uint64_t bits = (uint64_t)words[2 * (j % 2)] << 21 | words[2 * (j % 2) + 1] >> 11;
    CU_ASSERT_EQUAL(u[j], ((double)bits + 0.5) / 9007199254740992.0);
  }
}

/* A mask's number i: 16 bits of word i / 2 % 4 of counter i / 8, the low half first. */
static void a_mask_lies_at_its_address(void) {
  const uint64_t id = 0x0123456789abcdef;
  const uint32_t step = 77, block = 5;
  uint32_t key[2], words[4];
  uint8_t keep[1001];
  random_keep(rng, 1, &id, &step, block, 1001, 0.25, keep, 0);
  random_key(rng, key);
  bool right = true;
  for (uint32_t j = 0; j < 1001; j++) {
    philox4x32((const uint32_t[4]){0x89abcdef, 0x01234567, step, block << 20 | j / 8}, key, words);
    right = right && keep[j] == ((words[j / 2 % 4] >> (j % 2 * 16) & 0xffff) < 49152);
  }
  CU_ASSERT(right);
}

/* A row alone is the row among others, and a longer row begins with the shorter. */
static void rows_and_prefixes_agree(void) {
  enum { ROWS = 7, N = 301, SHORT = 100 };
  uint64_t id[ROWS];
  uint32_t step[ROWS];
  static double u[ROWS * N], z[ROWS * N], one[N], more[SHORT];
  static float single[ROWS * (N + 3)];
  static uint8_t keep[ROWS * (N + 3)], mask[N];
  for (uint32_t r = 0; r < ROWS; r++) id[r] = (uint64_t)r << 32 | (r * 5), step[r] = 11 * r;
  random_uniform(rng, ROWS, id, step, 1, N, u);
  random_normal(rng, ROWS, id, step, 1, N, z);
  random_normal_f32(rng, ROWS, id, step, 1, N, single, N + 3);
  random_keep(rng, ROWS, id, step, 1, N, 0.3, keep, N + 3);
  for (int r = 0; r < ROWS; r++) {
    random_uniform(rng, 1, id + r, step + r, 1, N, one);
    CU_ASSERT(memcmp(one, u + r * N, sizeof one) == 0);
    random_normal(rng, 1, id + r, step + r, 1, SHORT, more);
    CU_ASSERT(memcmp(more, z + r * N, sizeof more) == 0);
    for (int n = 1; n <= 25; n++) {
      random_keep(rng, 1, id + r, step + r, 1, n, 0.3, mask, N);
      CU_ASSERT(memcmp(mask, keep + r * (N + 3), (size_t)n) == 0);
    }
    for (int j = 0; j < N; j++) CU_ASSERT_EQUAL(single[r * (N + 3) + j], (float)z[r * N + j]);
    CU_ASSERT(keep[r * (N + 3) + N] == 0 && single[r * (N + 3) + N] == 0);
  }
  random_uniform(rng, 1, id, NULL, 1, N, one); /* no steps: step 0, as row 0 has */
  CU_ASSERT(memcmp(one, u, sizeof one) == 0);
}

static void addresses_differ_in_every_part(void) {
  const uint64_t ids[] = {1, (uint64_t)1 << 32};
  const uint32_t steps[] = {0, 1};
  double base[8], other[8];
  random_normal(rng, 1, ids, steps, 0, 8, base);
  random_normal((EbbRng){rng.seed + 1, rng.stream}, 1, ids, steps, 0, 8, other);
  CU_ASSERT(memcmp(base, other, sizeof base) != 0);
  random_normal((EbbRng){rng.seed, rng.stream + 1}, 1, ids, steps, 0, 8, other);
  CU_ASSERT(memcmp(base, other, sizeof base) != 0);
  random_normal(rng, 1, ids + 1, steps, 0, 8, other);
  CU_ASSERT(memcmp(base, other, sizeof base) != 0);
  random_normal(rng, 1, ids, steps + 1, 0, 8, other);
  CU_ASSERT(memcmp(base, other, sizeof base) != 0);
  random_normal(rng, 1, ids, steps, 1, 8, other);
  CU_ASSERT(memcmp(base, other, sizeof base) != 0);
}

/* Five standard errors: E u^p = 1/(p+1), E z^2 = 1, E z^4 = 3, E z^6 = 15; neighbours and rows without correlation. */
static void moments_are_those_of_the_laws(void) {
  enum { ROWS = 1000, N = 500, TOTAL = ROWS * N };
  static uint64_t id[ROWS];
  static double u[TOTAL], z[TOTAL];
  for (uint64_t r = 0; r < ROWS; r++) id[r] = r;
  random_uniform(rng, ROWS, id, NULL, 0, N, u);
  random_normal(rng, ROWS, id, NULL, 0, N, z);
  double u1 = 0, u2 = 0, z1 = 0, z2 = 0, z3 = 0, z4 = 0, next = 0, below = 0;
  bool inside = true;
  for (int i = 0; i < TOTAL; i++) {
    inside = inside && u[i] > 0 && u[i] < 1;
    u1 += u[i], u2 += u[i] * u[i], z1 += z[i], z2 += z[i] * z[i], z3 += pow(z[i], 3), z4 += pow(z[i], 4);
    next += z[i] * z[(i + 1) % TOTAL], below += z[i] * z[(i + N) % TOTAL];
  }
  CU_ASSERT(inside);
  const double n = TOTAL, error = 5 / sqrt(n);
  CU_ASSERT_DOUBLE_EQUAL(u1 / n, 0.5, error * sqrt(1.0 / 12));
  CU_ASSERT_DOUBLE_EQUAL(u2 / n, 1.0 / 3, error * sqrt(4.0 / 45));
  CU_ASSERT_DOUBLE_EQUAL(z1 / n, 0, error);
  CU_ASSERT_DOUBLE_EQUAL(z2 / n, 1, error * sqrt(2));
  CU_ASSERT_DOUBLE_EQUAL(z3 / n, 0, error * sqrt(15));
  CU_ASSERT_DOUBLE_EQUAL(z4 / n, 3, error * sqrt(96));
  CU_ASSERT_DOUBLE_EQUAL(next / n, 0, error);
  CU_ASSERT_DOUBLE_EQUAL(below / n, 0, error);
}

static void masks_keep_at_their_rate(void) {
  enum { ROWS = 200, N = 1003 };
  static uint64_t id[ROWS];
  static uint8_t keep[ROWS * N];
  static const double rates[] = {0, 0.1, 0.25, 0.5, 0.9, 1};
  for (uint64_t r = 0; r < ROWS; r++) id[r] = r;
  for (size_t i = 0; i < COUNT(rates); i++) {
    random_keep(rng, ROWS, id, NULL, 0, N, rates[i], keep, N);
    double sum = 0;
    bool bytes = true;
    for (int j = 0; j < ROWS * N; j++) bytes = bytes && keep[j] <= 1, sum += keep[j];
    CU_ASSERT(bytes);
    CU_ASSERT_DOUBLE_EQUAL(sum / (ROWS * N), 1 - rates[i], 5 * sqrt(rates[i] * (1 - rates[i]) / (ROWS * N)) + 1e-12);
  }
}

static int ascending(const void *a, const void *b) {
  return *(const int64_t *)a < *(const int64_t *)b ? -1 : *(const int64_t *)a > *(const int64_t *)b;
}

static void permutations_hold_every_number_once(void) {
  static const int64_t sizes[] = {0, 1, 2, 3, 10, 257, 1500000};
  for (size_t s = 0; s < COUNT(sizes); s++) {
    const int64_t n = sizes[s];
    int64_t *p = malloc(((size_t)n + 1) * sizeof *p);
    p[n] = -7;
    random_permutation(rng, 42, n, p);
    int64_t fixed = 0;
    for (int64_t i = 0; i < n; i++) fixed += p[i] == i;
    if (n > 100) CU_ASSERT(fixed < 10); /* one is expected */
    qsort(p, (size_t)n, sizeof *p, ascending);
    bool all = p[n] == -7;
    for (int64_t i = 0; i < n; i++) all = all && p[i] == i;
    CU_ASSERT(all);
    free(p);
  }
}

/* All 24 orders of four come out alike: chi-square with 23 degrees of freedom stays below 49.7 but once in a thousand. */
static void permutations_are_uniform(void) {
  enum { TRIALS = 24000 };
  int count[256] = {0};
  for (uint64_t id = 0; id < TRIALS; id++) {
    int64_t p[4];
    random_permutation(rng, id, 4, p);
    count[p[0] << 6 | p[1] << 4 | p[2] << 2 | p[3]]++;
  }
  double chi = 0;
  int orders = 0;
  for (int i = 0; i < 256; i++)
    if (count[i]) orders++, chi += pow(count[i] - TRIALS / 24.0, 2) / (TRIALS / 24.0);
  CU_ASSERT_EQUAL(orders, 24);
  CU_ASSERT(chi < 49.7);
}

static void bits_on(const Kernels *k) {
  enum { N = 1000 };
  const uint64_t id = 9;
  static double z[N], z_portable[N];
  static uint8_t keep[N], keep_portable[N];
  kernels = k;
  random_normal(rng, 1, &id, NULL, 0, N, z);
  random_keep(rng, 1, &id, NULL, 0, N, 0.4, keep, N);
  kernels = kernels_portable();
  random_normal(rng, 1, &id, NULL, 0, N, z_portable);
  random_keep(rng, 1, &id, NULL, 0, N, 0.4, keep_portable, N);
  CU_ASSERT(memcmp(z, z_portable, sizeof z) == 0 && memcmp(keep, keep_portable, sizeof keep) == 0);
}
static void every_set_draws_the_same_bits(void) { each_set(bits_on); }

static const Test tests[] = {
    {"philox4x32-10 gives the known answers", philox_gives_the_known_answers},
    {"batches are the single numbers", batches_are_the_single_numbers},
    {"seeds and streams give their own keys", seeds_and_streams_give_their_own_keys},
    {"a number lies at its address", a_number_lies_at_its_address},
    {"a mask lies at its address", a_mask_lies_at_its_address},
    {"rows and prefixes agree", rows_and_prefixes_agree},
    {"addresses differ in every part", addresses_differ_in_every_part},
    {"moments are those of the laws", moments_are_those_of_the_laws},
    {"masks keep at their rate", masks_keep_at_their_rate},
    {"permutations hold every number once", permutations_hold_every_number_once},
    {"permutations are uniform", permutations_are_uniform},
    {"every set draws the same bits", every_set_draws_the_same_bits},
};
TEST_MAIN("random", tests)
