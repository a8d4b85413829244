/* SPDX-License-Identifier: MIT
 *
 * The vector of float32 that the kernels are written in: V has LANES lanes, M is the answer of a comparison. GCC's vector extensions give + - * / and
 * the bit operations on every processor; what they cannot say (fused multiply-add, rounding, masks) is here, once an instruction set. The set follows
 * from the compiler's flags (core/meson.build).
 *
 * v_fma rounds once where the processor has it; the portable set multiplies, then adds. v_max(limit, x) and v_min(limit, x) give x if x is NaN. */
#ifndef EBB_NUM_SIMD_H
#define EBB_NUM_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined __AVX512F__
#include <immintrin.h>
enum { LANES = 16, TILE_ROWS = 12 };
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif defined __AVX2__
#include <immintrin.h>
enum { LANES = 8, TILE_ROWS = 6 };
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
#if defined __SSE2__
#include <emmintrin.h>
#endif
enum { LANES = 4, TILE_ROWS = 6 };
#define LANE_NUMBERS 0, 1, 2, 3
#endif

#define INLINE static inline __attribute__((always_inline, unused))

typedef float V __attribute__((vector_size(LANES * 4)));
typedef int32_t I __attribute__((vector_size(LANES * 4)));
typedef uint8_t Bytes __attribute__((vector_size(LANES)));
typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias)); /* V at any address */

INLINE V v_set(float x) { return x - (V){0}; }
INLINE V v_load(const float *p) { return *(const Loose *)p; }
INLINE void v_store(float *p, V x) { *(Loose *)p = x; }
INLINE I v_bits(V x) { return (I)x; }
INLINE V v_from_bits(I x) { return (V)x; }
INLINE V v_abs(V x) { return (V)((I)x & 0x7fffffff); }
/* Bytes as numbers, all lanes or the first n. */
INLINE V v_load_bytes(const uint8_t *p) {
  Bytes b;
  memcpy(&b, p, sizeof b);
  return __builtin_convertvector(b, V);
}
INLINE V v_load_bytes_n(const uint8_t *p, int64_t n) {
  Bytes b = {0};
  memcpy(&b, p, (size_t)n);
  return __builtin_convertvector(b, V);
}

#if defined __AVX512F__

typedef __mmask16 M;
INLINE V v_fma(V a, V b, V c) { return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE V v_max(V limit, V x) { return (V)_mm512_max_ps((__m512)limit, (__m512)x); }
INLINE V v_min(V limit, V x) { return (V)_mm512_min_ps((__m512)limit, (__m512)x); }
INLINE V v_sqrt(V x) { return (V)_mm512_sqrt_ps((__m512)x); }
INLINE V v_round(V x) { return (V)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE V v_scale(V x, V power) { return (V)_mm512_scalef_ps((__m512)x, (__m512)power); }
INLINE M v_less(V a, V b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
INLINE V v_select(M m, V yes, V no) { return (V)_mm512_mask_blend_ps(m, (__m512)no, (__m512)yes); }
/* The first n lanes, 0 <= n <= LANES; the others read as 0 and are not written. */
INLINE V v_load_n(const float *p, int64_t n) { return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
INLINE void v_store_n(float *p, V x, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x); }

#else

typedef I M;
INLINE M v_less(V a, V b) { return a < b; }
INLINE V v_select(M m, V yes, V no) { return (V)((m & (I)yes) | (~m & (I)no)); }
/* x 2^power, power whole; x and the result normal. */
INLINE V v_scale(V x, V power) { return (V)((I)x + (__builtin_convertvector(power, I) << 23)); }
INLINE V v_load_n(const float *p, int64_t n) {
  float lane[LANES] = {0};
  memcpy(lane, p, (size_t)n * sizeof *p);
  return v_load(lane);
}
INLINE void v_store_n(float *p, V x, int64_t n) { memcpy(p, &x, (size_t)n * sizeof *p); }

#if defined __AVX2__
INLINE V v_fma(V a, V b, V c) { return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE V v_max(V limit, V x) { return (V)_mm256_max_ps((__m256)limit, (__m256)x); }
INLINE V v_min(V limit, V x) { return (V)_mm256_min_ps((__m256)limit, (__m256)x); }
INLINE V v_sqrt(V x) { return (V)_mm256_sqrt_ps((__m256)x); }
INLINE V v_round(V x) { return (V)_mm256_round_ps((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
#else
INLINE V v_fma(V a, V b, V c) { return a * b + c; }
INLINE V v_max(V limit, V x) { return v_select(x < limit, limit, x); }
INLINE V v_min(V limit, V x) { return v_select(limit < x, limit, x); }
INLINE V v_sqrt(V x) {
  V y = x;
  for (int i = 0; i < LANES; i++) y[i] = __builtin_sqrtf(x[i]);
  return y;
}
/* To nearest even, |x| < 2^22: the sum has no bits left for the fraction. */
INLINE V v_round(V x) { return (x + 12582912.0f) - 12582912.0f; }
#endif
#endif

/* Whole 64-bit numbers, half as many; products of their low 32 bits. */
enum { HALF = LANES / 2 };
typedef uint64_t Wide __attribute__((vector_size(LANES * 4)));
INLINE Wide w_multiply(Wide a, uint32_t b) {
  const Wide wide = (uint64_t)b - (Wide){0};
#if defined __AVX512F__
  return (Wide)_mm512_mul_epu32((__m512i)a, (__m512i)wide);
#elif defined __AVX2__
  return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)wide);
#elif defined __SSE2__
  return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)wide);
#else
  return (a & 0xffffffff) * wide;
#endif
}

/* The first n lanes stay, the others become 0. */
INLINE V v_first(V x, int64_t n) {
  static const int32_t number[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  I lane;
  memcpy(&lane, number, sizeof lane);
  return (V)((I)x & (lane < (int32_t)n));
}

/* The vector at p of a row that has n > 0 numbers left. */
INLINE V v_load_some(const float *p, int64_t n) { return n >= LANES ? v_load(p) : v_load_n(p, n); }
INLINE void v_store_some(float *p, V x, int64_t n) {
  if (n >= LANES)
    v_store(p, x);
  else
    v_store_n(p, x, n);
}

/* Sum of the lanes, halves first: lane i takes lane i + half, until one is left. Shuffles, since of a loop over an array gcc makes a slow one through
 * memory. */
INLINE float v_sum(V x) {
#ifdef __clang__ /* has no shuffle by a vector of numbers, and makes shuffles of the loop */
  float lane[LANES];
  memcpy(lane, &x, sizeof lane);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lane[i] += lane[i + half];
  return lane[0];
#else
#pragma GCC unroll 4
  for (int half = LANES / 2; half > 0; half /= 2) x += __builtin_shuffle(x, ((I){LANE_NUMBERS} + half) % LANES);
  return x[0];
#endif
}

#endif
