/* SPDX-License-Identifier: MIT
 *
 * The normal distribution's quantile, for training laws of noise levels. */
#ifndef EBB_NORMAL_H
#define EBB_NORMAL_H

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x with Phi(x) = p, p in (0, 1): a rational guess in sqrt(-2 ln p) (Abramowitz & Stegun 26.2.23, within 4.5e-4), then Halley's steps on the lower
 * tail, where erfc keeps its relative precision. */
static inline double ebb_normal_quantile(double p) {
  double tail = p < 0.5 ? p : 1 - p, s = sqrt(-2 * log(tail));
  double x = (2.515517 + s * (0.802853 + s * 0.010328)) / (1 + s * (1.432788 + s * (0.189269 + s * 0.001308))) - s;
  for (int k = 0; k < 2; k++) {
    double density = exp(-0.5 * x * x) / sqrt(2 * acos(-1)), step = (0.5 * erfc(-x / sqrt(2)) - tail) / density;
    x -= step / (1 + 0.5 * x * step);
  }
  return p < 0.5 ? x : -x;
}

#ifdef __cplusplus
}
#endif
#endif
