/* SPDX-License-Identifier: MIT
 *
 * exp, log and the activations on one vector. NaN in gives NaN out. Largest errors against double libm (tests/unit/test_kernels.c holds them to it):
 *
 *     exp, log                    relative 2e-7 (exp's subnormal results: half of the last place)
 *     silu, mish, tanh, gelu      relative 6e-7, where the result is not below 1e-30; gelu below x = -1: 1.5e-5
 *     their derivatives           absolute 4e-7
 *
 * gelu is the tanh form, x (1 + tanh(u)) / 2 = x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). Arguments are clamped where the answer no
 * longer moves, so that infinities give limits: silu(-inf) is a negative number of 1e-36 or nearer to 0, silu(inf) = inf. */
#ifndef EBB_NUM_KERNELS_MATH_H
#define EBB_NUM_KERNELS_MATH_H

#include "num/kernels.h"
#include "num/simd.h"

/* x = r ln 2 + f with whole r and |f| <= ln 2 / 2; ln 2 in two parts, r times the first is exact. */
INLINE V reduce(V x, V *r) {
  *r = v_round(x * 1.44269504088896f);
  V f = v_fma(*r, v_set(-0.693359375f), x);
  return v_fma(*r, v_set(2.12194440e-4f), f);
}

/* exp(f) - 1 on |f| <= ln 2 / 2: minimax, 3e-9. */
INLINE V exp_minus_1_reduced(V f) {
  V p = v_set(0.0013950602f);
  p = v_fma(p, f, v_set(0.0083689535f));
  p = v_fma(p, f, v_set(0.0416662041f));
  p = v_fma(p, f, v_set(0.1666651831f));
  p = v_fma(p, f, v_set(0.5f));
  return v_fma(p * f, f, f);
}

INLINE V clamp(V x, float low, float high) { return v_min(v_set(high), v_max(v_set(low), x)); }

/* exp(sign x) for the activations, |x| <= 87: shorter, a minimax of degree 5 (1e-7). With g = sign f the odd powers take the sign. */
INLINE V exp_short(const float sign, V x) {
  V r = v_round(x * (sign * 1.44269504088896f));
#if defined __AVX2__ /* one part of ln 2 is enough where the product is not rounded: it is 1.9e-9 off */
  V g = v_fma(r, v_set(sign * -0.693147182f), x);
#else
  V g = v_fma(r, v_set(sign * 2.12194440e-4f), v_fma(r, v_set(sign * -0.693359375f), x));
#endif
  V p = v_fma(g, v_set(sign * 0.0083747226f), v_set(0.0418987406f));
  p = v_fma(p, g, v_set(sign * 0.1666645641f));
  p = v_fma(p, g, v_set(0.4999914359f));
  p = v_fma(p, g, v_set(sign));
  p = v_fma(p, g, v_set(1));
  return v_scale(p, r);
}

/* All of exp, subnormal numbers, 0 and infinity included: the power of two goes in in two halves. */
INLINE V exp_whole(V x) {
  V r, f = reduce(clamp(x, -104.0f, 89.0f), &r), half = v_round(r * 0.5f);
  return v_scale(exp_minus_1_reduced(f) + 1.0f, half) * v_scale(v_set(1), r - half);
}

/* exp(x) - 1 for |x| <= 80, small x with all its digits. */
INLINE V exp_minus_1(V x) {
  V r, f = reduce(x, &r), power = v_scale(v_set(1), r);
  return v_fma(power, exp_minus_1_reduced(f), power - 1.0f);
}

/* x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = f - f^2 / 2 + f^3 p(f), minimax 6e-9 relative. */
INLINE V log_whole(V x) {
  const float smallest = 1.17549435e-38f;
  M subnormal = v_less(x, v_set(smallest));
  I bits = v_bits(v_abs(v_select(subnormal, x * 8388608.0f, x)));
  I e = (bits - 0x3f3504f3) >> 23; /* the bits of sqrt(1/2) */
  V f = v_from_bits(bits - (e << 23)) - 1.0f, n = __builtin_convertvector(e, V);
  n = v_select(subnormal, n - 23.0f, n);
  V p = v_set(-0.07634493f);
  p = v_fma(p, f, v_set(0.12761575f));
  p = v_fma(p, f, v_set(-0.13160183f));
  p = v_fma(p, f, v_set(0.14201758f));
  p = v_fma(p, f, v_set(-0.16623357f));
  p = v_fma(p, f, v_set(0.20001227f));
  p = v_fma(p, f, v_set(-0.25000821f));
  p = v_fma(p, f, v_set(0.33333332f));
  V square = f * f, y = v_fma(p * f, square, n * -2.12194440e-4f);
  y = v_fma(square, v_set(-0.5f), y);
  y = v_fma(n, v_set(0.693359375f), y + f);
  V zero = v_set(0), inf = v_set(__builtin_inff()), nan = v_set(__builtin_nanf(""));
  y = v_select(v_less(x, inf), y, x); /* inf and NaN stay */
  y = v_select(v_less(x, zero), nan, y);
  return v_select(v_less(v_abs(x), v_set(1e-45f)), -inf, y);
}

INLINE V gelu_exponent(V x) { return x * v_fma(x * x, v_set(0.0713548163f), v_set(1.59576912f)); } /* 2u */

INLINE V act_value(Act act, V x) {
  V low; /* x where it still matters */
  switch (act) {
  case ACT_RELU: return v_max(v_set(0), x);
  case ACT_SILU: low = v_max(v_set(-87), x); return low / (exp_short(-1, v_min(v_set(86), low)) + 1.0f);
  case ACT_GELU: low = v_max(v_set(-9.9f), x); return low / (exp_short(-1, gelu_exponent(v_min(v_set(9.9f), low))) + 1.0f);
  case ACT_MISH: { /* x tanh(log(1 + e)), e = exp(x) */
    low = v_max(v_set(-86), x);
    V e = exp_short(1, v_min(v_set(20), low)), n = v_fma(e, e, e + e);
    return low * (n / (n + 2.0f));
  }
  case ACT_TANH: {
    V n = exp_minus_1(clamp(x + x, -40, 40));
    return n / (n + 2.0f);
  }
  default: return x;
  }
}

INLINE V act_slope(Act act, V x) {
  const V one = v_set(1);
  V y, e, s;
  switch (act) {
  case ACT_RELU: return v_select(v_less(v_set(0), x), one, v_select(v_less(x, v_set(1e-45f)), v_set(0), x));         /* NaN is neither */
  case ACT_SILU: y = clamp(x, -87, 86), e = exp_short(-1, y), s = one / (e + 1.0f); return s * v_fma(y, e * s, one); /* e s = 1 - s */
  case ACT_GELU:
    y = clamp(x, -9.9f, 9.9f), e = exp_short(-1, gelu_exponent(y)), s = one / (e + 1.0f);
    return s * v_fma(y * v_fma(y * y, v_set(0.214064449f), v_set(1.59576912f)), e * s, one);
  case ACT_MISH: {
    y = clamp(x, -86, 20), e = exp_short(1, y);
    V n = v_fma(e, e, e + e), d = one / (n + 2.0f);
    return v_fma(y * 4.0f * e, (e + 1.0f) * d * d, n * d);
  }
  case ACT_TANH: /* 1 / cosh^2, which keeps its digits where 1 - tanh^2 loses them */
    y = v_min(v_set(43), v_abs(x)), e = exp_short(-1, y + y), s = one / (e + 1.0f);
    return 4.0f * e * s * s;
  default: return one;
  }
}

#endif
