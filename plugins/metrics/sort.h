/* SPDX-License-Identifier: MIT
 *
 * Sorting of many float32 numbers with the rows they belong to: three passes over digits of 11 bits, lowest first. */
#ifndef EBB_METRICS_SORT_H
#define EBB_METRICS_SORT_H

#include <stdint.h>
#include <string.h>

typedef struct Entry {
  float x;
  int32_t row;
} Entry;

/* x as an integer of the same order: a negative number's bits fall as it rises. */
static inline uint32_t sort_key(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits ^ (uint32_t)((int32_t)bits >> 31 | INT32_MIN);
}

/* entry [n] ascending in x, equal ones in the order they came in; -0 before 0, no NaN. spare [n] is written too. */
static inline void sort_entries(int64_t n, Entry *entry, Entry *spare) {
  enum { BITS = 11, DIGITS = 1 << BITS, PASSES = 3 };
  int64_t count[PASSES][DIGITS] = {{0}};
  for (int64_t i = 0; i < n; i++)
    for (int p = 0; p < PASSES; p++) count[p][sort_key(entry[i].x) >> p * BITS & (DIGITS - 1)]++;
  Entry *from = entry, *to = spare;
  for (int p = 0; p < PASSES; p++) {
    for (int64_t k = 0, at = 0; k < DIGITS; k++) {
      int64_t here = count[p][k];
      count[p][k] = at;
      at += here;
    }
    for (int64_t i = 0; i < n; i++) to[count[p][sort_key(from[i].x) >> p * BITS & (DIGITS - 1)]++] = from[i];
    Entry *other = from;
    from = to;
    to = other;
  }
  memcpy(entry, from, (size_t)n * sizeof *entry);
}

#endif
