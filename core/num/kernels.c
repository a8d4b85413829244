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

/* Ten rounds on LANES counters side by side, the even and the odd ones apart, each in the low half of 64 bits: that is what the processors multiply.
 */
static void philox(const uint32_t counter[4], const uint32_t key[2], int64_t n, uint32_t *out) {
  typedef uint64_t Wide __attribute__((vector_size(LANES * 4)));
  enum { HALF = LANES / 2, GROUP = 2 };
  const uint64_t low = 0xffffffff;
  for (int64_t i = 0; i < n; i += HALF * GROUP) {
    Wide x[4][GROUP];
    for (int g = 0; g < GROUP; g++) {
      for (int l = 0; l < HALF; l++) x[3][g][l] = (uint32_t)(counter[3] + (uint32_t)(i + g * HALF + l));
      for (int w = 0; w < 3; w++) x[w][g] = (uint64_t)counter[w] - (Wide){0};
    }
    uint32_t k0 = key[0], k1 = key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
#pragma GCC unroll 2
      for (int g = 0; g < GROUP; g++) {
        Wide a = (x[0][g] & low) * 0xD2511F53u, b = (x[2][g] & low) * 0xCD9E8D57u;
        x[0][g] = (b >> 32) ^ x[1][g] ^ (uint64_t)k0;
        x[2][g] = (a >> 32) ^ x[3][g] ^ (uint64_t)k1;
        x[1][g] = b & low;
        x[3][g] = a & low;
      }
    for (int g = 0; g < GROUP; g++)
      for (int64_t l = 0, at = i + g * HALF; l < HALF && at < n; l++, at++)
        for (int w = 0; w < 4; w++) out[4 * at + w] = (uint32_t)x[w][g][l];
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
  };
  return &table;
}
