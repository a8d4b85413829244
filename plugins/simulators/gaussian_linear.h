/* SPDX-License-Identifier: MIT
 *
 * What both Gaussian linear tasks of sbibm share (T.1 and T.2 in Lueckmann et al. 2021, 2101.04653): x | theta ~ N(theta, .1 I) in ten dimensions.
 * .1 is a variance, although sbibm documents it as a standard deviation. */
#ifndef EBB_PLUGINS_GAUSSIAN_LINEAR_H
#define EBB_PLUGINS_GAUSSIAN_LINEAR_H

#include "vectors.h"

enum { D = 10, DATA = D, OBSERVATIONS = 5 };
#define VARIANCE 0.1
#define SD 0.31622776601683794 /* its root */

static inline EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                                 uint8_t *failed) {
  (void)failed;
  const EbbHost *host = ebb_host_of(self);
  double *xi = host->scratch(work, (size_t)(rows * D) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, D, xi);
  for (int64_t i = 0; i < rows * D; i++) out->value[i] = (float)((double)theta[i] + SD * xi[i]);
  return EBB_OK;
}

static inline EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  for (int64_t i = 0; i < rows; i++) {
    double square = 0;
    for (int j = 0; j < D; j++) {
      double off = (double)one->value[j] - (double)theta[i * D + j];
      square += off * off;
    }
    out[i] = -0.5 * (square / VARIANCE + D * log(2 * acos(-1) * VARIANCE));
  }
  return EBB_OK;
}

#endif
