/* SPDX-License-Identifier: MIT
 *
 * Whether chains have converged, and how many independent draws they are worth (Vehtari, Gelman, Simpson, Carpenter, Buerkner 2021, 1903.08008): both
 * on ranks turned into normal scores, each chain cut into halves.
 *
 *     R-hat          the larger of the split R-hat of the scores and of the scores of |x - median|: 1 where chains agree in place and in spread
 *     bulk ESS       m n / tau, tau = 1 + 2 sum of autocorrelations by Geyer's initial monotone sequence, in which chains that disagree count, too */
#ifndef EBB_RUN_CONVERGENCE_H
#define EBB_RUN_CONVERGENCE_H

#include "base/base.h"

typedef struct Convergence {
  double rhat, ess;
} Convergence;

/* x [chains][n], element i of a chain at i * stride, chains at n * stride. n >= 8. Constant x: NaN, 0. */
EbbStatus convergence_of(int64_t chains, int64_t n, const double *x, int64_t stride, Convergence *out);
/* The worst over d coordinates of x [chains][n][d]. */
EbbStatus convergence_worst(int64_t chains, int64_t n, int64_t d, const double *x, Convergence *out);

#endif
