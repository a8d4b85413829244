/* SPDX-License-Identifier: MIT
 *
 * Radix sort, three passes of 11 bits from the lowest: about a tenth of qsort's time, so that the quantiles of a million draws cost less than the
 * draws. */
#include "num/sort.h"

#include <math.h>
#include <string.h>

enum { BITS = 11, PASSES = 3, BUCKETS = 1 << BITS };

/* Bits in the order of the numbers: positive ones above all negative ones, those turned round. */
static uint32_t key_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static uint32_t digit(uint32_t key, int pass) { return key >> (pass * BITS) & (BUCKETS - 1); }

void sort_f32(int64_t n, float *x, float *spare) {
  int64_t place[PASSES][BUCKETS] = {{0}};
  for (int64_t i = 0; i < n; i++)
    for (int p = 0; p < PASSES; p++) place[p][digit(key_of(x[i]), p)]++;
  for (int p = 0; p < PASSES; p++) {
    int64_t before = 0;
    for (int b = 0; b < BUCKETS; b++) {
      int64_t count = place[p][b];
      place[p][b] = before;
      before += count;
    }
  }
  float *from = x, *to = spare;
  for (int p = 0; p < PASSES; p++) {
    for (int64_t i = 0; i < n; i++) to[place[p][digit(key_of(from[i]), p)]++] = from[i];
    float *next = from;
    from = to, to = next;
  }
  if (n > 0) memcpy(x, from, (size_t)n * sizeof *x);
}

double sorted_quantile(const float *sorted, int64_t n, double p) {
  if (n == 0) return NAN;
  double place = p * (double)(n - 1);
  int64_t k = (int64_t)place;
  double rest = place - (double)k;
  return k + 1 < n ? (1 - rest) * (double)sorted[k] + rest * (double)sorted[k + 1] : (double)sorted[n - 1];
}
