/* SPDX-License-Identifier: MIT
 *
 * Addressed random numbers. A counter gives four words: two uniforms of 53 bits, or two normals, or eight 16-bit numbers for masks. Counters run in
 * batches through the kernels' Philox. A row may hold 2^21 numbers; beyond, its counters would run into the next block's. */
#include "num/random.h"

#include <math.h>
#include <string.h>

#include "num/kernels.h"

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    uint64_t a = (uint64_t)0xD2511F53u * x0, b = (uint64_t)0xCD9E8D57u * x2;
    x0 = (uint32_t)(b >> 32) ^ x1 ^ k0;
    x1 = (uint32_t)b;
    x2 = (uint32_t)(a >> 32) ^ x3 ^ k1;
    x3 = (uint32_t)a;
  }
  out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

void random_key(EbbRng rng, uint32_t key[2]) {
  uint64_t mixed = mix(mix(rng.seed) ^ rng.stream);
  key[0] = (uint32_t)mixed;
  key[1] = (uint32_t)(mixed >> 32);
}

/* Every table gives the same numbers, so that it does not matter whether one was chosen yet. */
static const Kernels *table(void) { return kernels ? kernels : kernels_portable(); }

/* A row's counters first, first + 1, ... in batches. */
enum { BATCH = 64 };
typedef struct Words {
  uint32_t key[2], counter[4], out[BATCH][4];
} Words;

static void words_row(Words *w, uint64_t id, uint32_t step, uint32_t block) {
  w->counter[0] = (uint32_t)id;
  w->counter[1] = (uint32_t)(id >> 32);
  w->counter[2] = step;
  w->counter[3] = block << 20;
}

/* Fills out with the next counters, as many as are needed up to BATCH; returns their number. */
static int64_t words_next(Words *w, int64_t needed) {
  const int64_t n = needed < BATCH ? needed : BATCH;
  table()->philox(w->counter, w->key, n, &w->out[0][0]);
  w->counter[3] += (uint32_t)n;
  return n;
}

/* The middle of one of 2^53 equal parts of (0, 1), so that neither end comes out. */
static double uniform(uint32_t high, uint32_t low) {
  uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
  double u = ((double)bits + 0.5) * 0x1p-53;
  return u < 1 ? u : 1 - 0x1p-53; /* the last part's middle rounds to 1 */
}

static void uniform_pair(const uint32_t w[4], double out[2]) {
  out[0] = uniform(w[0], w[1]);
  out[1] = uniform(w[2], w[3]);
}

static void normal_pair(const uint32_t w[4], double out[2]) {
  double radius = sqrt(-2.0 * log(uniform(w[0], w[1]))), angle = 6.283185307179586477 * uniform(w[2], w[3]), s, c;
  sincos(angle, &s, &c);
  out[0] = radius * c;
  out[1] = radius * s;
}

typedef void Pair(const uint32_t words[4], double out[2]);

/* Two numbers a counter, to out (double) or rounded to single. */
static void fill(Pair *pair, EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out,
                 float *single, int64_t out_row) {
  Words w;
  random_key(rng, w.key);
  for (int64_t r = 0; r < rows; r++) {
    words_row(&w, id[r], step ? step[r] : 0, block);
    for (int64_t j = 0; j < n;) {
      const int64_t counters = words_next(&w, (n - j + 1) / 2);
      for (int64_t i = 0; i < counters; i++) {
        double two[2];
        pair(w.out[i], two);
        for (int h = 0; h < 2 && j < n; h++, j++) {
          if (out) out[r * out_row + j] = two[h];
          if (single) single[r * out_row + j] = (float)two[h];
        }
      }
    }
  }
}

void random_uniform(EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out) {
  fill(uniform_pair, rng, rows, id, step, block, n, out, NULL, n);
}

void random_normal(EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out) {
  fill(normal_pair, rng, rows, id, step, block, n, out, NULL, n);
}

void random_normal_f32(EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, float *out, int64_t out_row) {
  fill(normal_pair, rng, rows, id, step, block, n, NULL, out, out_row);
}

void random_keep(EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double rate, uint8_t *keep,
                 int64_t keep_row) {
  const uint32_t below = (uint32_t)lrint((1.0 - rate) * 65536.0);
  Words w;
  random_key(rng, w.key);
  for (int64_t r = 0; r < rows; r++, keep += keep_row) {
    if (below >= 65536) {
      memset(keep, 1, (size_t)n);
      continue;
    }
    words_row(&w, id[r], step ? step[r] : 0, block);
    table()->keep(w.counter, w.key, n, (uint16_t)below, keep);
  }
}

/* Number i of the shuffle is position i % 2^20 of step i / 2^20, so that n may be any size. The bias of a product's high word, n / 2^64, is nil. */
void random_permutation(EbbRng rng, uint64_t id, int64_t n, int64_t *out) {
  Words w;
  random_key(rng, w.key);
  int64_t ready = 0, used = 0;
  for (int64_t i = 0; i < n; i++, used++) {
    if (i % (1 << 20) == 0) words_row(&w, id, (uint32_t)(i >> 20), 0);
    if (used == 2 * ready) ready = words_next(&w, BATCH), used = 0;
    const uint32_t *word = w.out[used / 2] + 2 * (used % 2);
    const uint64_t bits = (uint64_t)word[0] << 32 | word[1];
    const int64_t j = (int64_t)((unsigned __int128)bits * (uint64_t)(i + 1) >> 64);
    out[i] = out[j];
    out[j] = i;
  }
}
