/* SPDX-License-Identifier: MIT
 *
 * The kernels of one instruction set: this source is compiled once a set, -DKERNELS=avx512|avx2|portable with the set's flags. By concept: vectors
 * (simd.h), functions of one vector (kernels_math.h), the matrix product (kernels_gemm.h), normalisation and sums (kernels_norm.h); here the loops
 * over arrays, the optimiser's pass, Philox, and the table. */
#include "num/kernels.h"

#include "num/kernels_gemm.h"
#include "num/kernels_math.h"
#include "num/kernels_norm.h"
#include "num/simd.h"

INLINE void act_with(const Act act, int64_t n, const float *x, float *y) {
  for (int64_t i = 0; i < n; i += LANES) v_store_some(y + i, act_value(act, v_load_some(x + i, n - i)), n - i);
}

static void act(Act kind, int64_t n, const float *x, float *y) {
  switch (kind) {
  case ACT_RELU: act_with(ACT_RELU, n, x, y); return;
  case ACT_SILU: act_with(ACT_SILU, n, x, y); return;
  case ACT_MISH: act_with(ACT_MISH, n, x, y); return;
  case ACT_TANH: act_with(ACT_TANH, n, x, y); return;
  case ACT_GELU: act_with(ACT_GELU, n, x, y); return;
  default: act_with(ACT_NONE, n, x, y); return;
  }
}

INLINE void act_vjp_with(const Act act, int64_t n, const float *x, const float *dy, float *dx) {
  for (int64_t i = 0; i < n; i += LANES) v_store_some(dx + i, v_load_some(dy + i, n - i) * act_slope(act, v_load_some(x + i, n - i)), n - i);
}

static void act_vjp(Act kind, int64_t n, const float *x, const float *dy, float *dx) {
  switch (kind) {
  case ACT_RELU: act_vjp_with(ACT_RELU, n, x, dy, dx); return;
  case ACT_SILU: act_vjp_with(ACT_SILU, n, x, dy, dx); return;
  case ACT_MISH: act_vjp_with(ACT_MISH, n, x, dy, dx); return;
  case ACT_TANH: act_vjp_with(ACT_TANH, n, x, dy, dx); return;
  case ACT_GELU: act_vjp_with(ACT_GELU, n, x, dy, dx); return;
  default: act_vjp_with(ACT_NONE, n, x, dy, dx); return;
  }
}

static void exp_array(int64_t n, const float *x, float *y) {
  for (int64_t i = 0; i < n; i += LANES) v_store_some(y + i, exp_whole(v_load_some(x + i, n - i)), n - i);
}

static void log_array(int64_t n, const float *x, float *y) {
  for (int64_t i = 0; i < n; i += LANES) v_store_some(y + i, log_whole(v_load_some(x + i, n - i)), n - i);
}

static void adam(const AdamStep *s, float decay, int64_t n, const float *grad, float *w, float *m, float *v, float *ema) {
  const V keep1 = v_set(s->beta1), keep2 = v_set(s->beta2), new1 = v_set(1 - s->beta1), new2 = v_set(1 - s->beta2), share = v_set(1 - s->ema);
  for (int64_t i = 0; i < n; i += LANES) {
    const int64_t left = n - i;
    V g = v_load_some(grad + i, left) * s->scale;
    V first = v_fma(keep1, v_load_some(m + i, left), new1 * g), second = v_fma(keep2, v_load_some(v + i, left), new2 * g * g);
    V weight = v_load_some(w + i, left);
    V step = v_fma(v_set(decay), weight, first * s->correct1 / (v_sqrt(second * s->correct2) + s->epsilon));
    weight -= s->rate * step;
    v_store_some(m + i, first, left);
    v_store_some(v + i, second, left);
    v_store_some(w + i, weight, left);
    if (ema) {
      V mean = v_load_some(ema + i, left);
      v_store_some(ema + i, v_fma(share, weight - mean, mean), left);
    }
  }
}

/* Ten rounds on LANES counters side by side, in two vectors; each word in the low half of 64 bits, as the processors multiply. What stands in the
 * high halves is never read. */
INLINE void philox_lanes(const uint32_t counter[4], const uint32_t key[2], uint32_t out[LANES][4]) {
  static const uint64_t number[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Wide x[4][2];
  for (int g = 0; g < 2; g++) {
    for (int w = 0; w < 3; w++) x[w][g] = (uint64_t)counter[w] - (Wide){0};
    memcpy(&x[3][g], number + g * HALF, sizeof(Wide));
    x[3][g] += (uint64_t)counter[3];
  }
  uint32_t k0 = key[0], k1 = key[1];
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
      Wide a = w_multiply(x[0][g], 0xD2511F53u), b = w_multiply(x[2][g], 0xCD9E8D57u);
      x[0][g] = (b >> 32) ^ x[1][g] ^ (uint64_t)k0;
      x[2][g] = (a >> 32) ^ x[3][g] ^ (uint64_t)k1;
      x[1][g] = b;
      x[3][g] = a;
    }
#pragma GCC unroll 2
  for (int g = 0; g < 2; g++) { /* words 0 and 1 of every counter, words 2 and 3, then the counters one after the other */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    Wide low = (x[0][g] & 0xffffffff) | (x[1][g] << 32), high = (x[2][g] & 0xffffffff) | (x[3][g] << 32), both[2];
#else
    Wide low = (x[1][g] & 0xffffffff) | (x[0][g] << 32), high = (x[3][g] & 0xffffffff) | (x[2][g] << 32), both[2];
#endif
#if defined __AVX512F__
    both[0] = __builtin_shufflevector(low, high, 0, 8, 1, 9, 2, 10, 3, 11), both[1] = __builtin_shufflevector(low, high, 4, 12, 5, 13, 6, 14, 7, 15);
#elif defined __AVX2__
    both[0] = __builtin_shufflevector(low, high, 0, 4, 1, 5), both[1] = __builtin_shufflevector(low, high, 2, 6, 3, 7);
#else
    both[0] = __builtin_shufflevector(low, high, 0, 2), both[1] = __builtin_shufflevector(low, high, 1, 3);
#endif
    memcpy(out[g * HALF], both, sizeof both);
  }
}

static void philox(const uint32_t counter[4], const uint32_t key[2], int64_t n, uint32_t *out) {
  for (int64_t i = 0; i < n; i += LANES) {
    const uint32_t at[4] = {counter[0], counter[1], counter[2], counter[3] + (uint32_t)i};
    uint32_t words[LANES][4];
    philox_lanes(at, key, words);
    memcpy(out + 4 * i, words, n - i < LANES ? (size_t)(n - i) * sizeof *words : sizeof words);
  }
}

static void keep(const uint32_t counter[4], const uint32_t key[2], int64_t n, uint16_t below, uint8_t *to) {
  enum { MANY = 8 * LANES };
  for (int64_t i = 0; i < n; i += MANY) {
    const uint32_t at[4] = {counter[0], counter[1], counter[2], counter[3] + (uint32_t)(i / 8)};
    uint32_t words[LANES][4];
    uint8_t kept[MANY];
    philox_lanes(at, key, words);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint16_t number[MANY];
    memcpy(number, words, sizeof number);
    for (int j = 0; j < MANY; j++) kept[j] = number[j] < below;
#else
    for (int j = 0; j < MANY; j++) kept[j] = (uint16_t)(words[j / 8][j / 2 % 4] >> (j % 2 * 16)) < below;
#endif
    memcpy(to + i, kept, n - i < MANY ? (size_t)(n - i) : MANY);
  }
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

const Kernels *JOIN(kernels_, KERNELS)(void) {
  static const Kernels table = {
      .name = TEXT(KERNELS),
      .gemm = gemm,
      .packed = packed,
      .panels = panels,
      .pack = pack,
      .act = act,
      .act_vjp = act_vjp,
      .exp = exp_array,
      .log = log_array,
      .layernorm = layernorm,
      .layernorm_vjp = layernorm_vjp,
      .layernorm_jvp = layernorm_jvp,
      .layernorm_weights = layernorm_weights,
      .column_sum = column_sum,
      .square_sum = square_sum,
      .adam = adam,
      .philox = philox,
      .keep = keep,
  };
  return &table;
}
