/* SPDX-License-Identifier: MIT
 *
 * The mixtures of two Gaussians about theta in d dimensions (sbibm T.7 and the tall tasks): x | theta from N(theta, sd0^2 I) or N(theta, sd1^2 I), by
 * a coin that is thrown once a row. */
#ifndef EBB_PLUGINS_GAUSSIAN_MIXTURE_H
#define EBB_PLUGINS_GAUSSIAN_MIXTURE_H

#include "vectors.h"

/* Uses of the random numbers. */
enum { BLOCK_COIN = 0, BLOCK_NOISE = 1 };

/* theta and x [rows][d] */
static inline void mixture_simulate(const EbbHost *host, EbbWork *work, EbbRng rng, int64_t d, const double sd[2], int64_t rows, const uint64_t *id,
                                    const float *theta, float *x) {
  double *coin = host->scratch(work, (size_t)rows * sizeof *coin), *xi = host->scratch(work, (size_t)(rows * d) * sizeof *xi);
  host->uniform(host, rng, rows, id, NULL, BLOCK_COIN, 1, coin);
  host->normal(host, rng, rows, id, NULL, BLOCK_NOISE, d, xi);
  for (int64_t i = 0; i < rows * d; i++) x[i] = (float)((double)theta[i] + sd[coin[i / d] < 0.5] * xi[i]);
}

/* Of x [d] at theta [rows][d]; out [rows] */
static inline void mixture_log_likelihood(int64_t d, const double sd[2], int64_t rows, const float *theta, const float *x, double *out) {
  for (int64_t i = 0; i < rows; i++) {
    double square = 0, part[2];
    for (int64_t j = 0; j < d; j++) {
      double off = (double)x[j] - (double)theta[i * d + j];
      square += off * off;
    }
    for (int k = 0; k < 2; k++) {
      double variance = sd[k] * sd[k], volume = pow(2 * acos(-1) * sd[k] * sd[k], 0.5 * (double)d);
      part[k] = -0.5 * square / variance - log(2 * volume);
    }
    double most = fmax(part[0], part[1]);
    out[i] = most + log1p(exp(fmin(part[0], part[1]) - most));
  }
}

#endif
