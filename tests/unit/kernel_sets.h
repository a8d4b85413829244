/* SPDX-License-Identifier: MIT
 *
 * For the suites of the kernels: every instruction set that this machine has, named lacks, and numbers to feed them. */
#ifndef EBB_TESTS_KERNEL_SETS_H
#define EBB_TESTS_KERNEL_SETS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "num/isa.h"
#include "num/kernels.h"
#include "test.h"

static inline void each_set(void (*body)(const Kernels *)) {
  static const struct {
    const char *name;
    const Kernels *(*table)(void);
  } sets[] = {{"avx512", kernels_avx512}, {"avx2", kernels_avx2}, {"portable", kernels_portable}};
  for (size_t i = 0; i < COUNT(sets); i++) {
    if (isa_has(sets[i].name))
      body(sets[i].table());
    else
      printf("skipped %s: not here ", sets[i].name);
  }
}

static uint64_t random_state = 88172645463325252u;
static inline double any(void) { /* in [-1, 1): xorshift64 */
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return (double)(random_state >> 11) * 0x1p-52 - 1.0;
}
static inline float *numbers(int64_t n) {
  if (n < 0) abort(); /* tells gcc -O3 that the size below does not wrap */
  float *x = malloc(((size_t)n + 1) * sizeof *x);
  for (int64_t i = 0; i < n; i++) x[i] = (float)any();
  return x;
}
static inline float *copied(const float *x, int64_t n) {
  float *y = malloc(((size_t)n + 1) * sizeof *y);
  return memcpy(y, x, (size_t)n * sizeof *y);
}

/* The activations and their derivatives, written so that double keeps its digits. */
static inline double act_exact(Act act, double x) {
  switch (act) {
  case ACT_RELU: return x > 0 ? x : 0;
  case ACT_SILU: return x / (1 + exp(-x));
  case ACT_MISH: return x * tanh(log1p(exp(x)));
  case ACT_TANH: return tanh(x);
  case ACT_GELU: return x / (1 + exp(-2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  default: return x;
  }
}
static const char *const act_names[] = {"none", "relu", "silu", "mish", "tanh", "gelu"};

/* One check of many numbers: what failed first is printed, with its case. */
#define WITHIN(got, expected, bound, ...)                                                                                                            \
  do {                                                                                                                                               \
    double got_ = (got), expected_ = (expected), bound_ = (bound);                                                                                   \
    bool good_ = fabs(got_ - expected_) <= bound_;                                                                                                   \
    if (!good_) printf("\n      got %.9g, expected %.9g +- %.2g: ", got_, expected_, bound_), printf(__VA_ARGS__);                                   \
    CU_ASSERT(good_);                                                                                                                                \
    if (!good_) return;                                                                                                                              \
  } while (0)

#endif
