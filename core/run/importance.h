/* SPDX-License-Identifier: MIT
 *
 * Importance weights w_i = target / proposal of draws of the proposal, both up to a factor: how far they can be trusted, what they say of the ratio
 * of the normalising constants, and resampling by them. Weights come as logarithms; -infinity is a weight of 0.
 *
 * Pareto k (Vehtari et al. 2024, 1507.02646; fitted as by Zhang and Stephens 2009): the shape of the distribution of the largest weights. Below .7
 * estimates are usable, above the variance of weights is so large that ESS itself cannot be believed. */
#ifndef EBB_RUN_IMPORTANCE_H
#define EBB_RUN_IMPORTANCE_H

#include "base/base.h"

#define IMPORTANCE_MOST_K 0.7

typedef struct Importance {
  double effective;       /* (sum w)^2 / sum w^2; 0 when all weights are 0 */
  double log_mean, error; /* ln of the mean weight: of the evidence, if both densities are normalised; its standard error */
  double pareto_k;        /* NaN: fewer than 25 weights, or their tail is no tail since all are equal */
} Importance;

/* EBB_E_NUMERIC where a weight is NaN or infinite. */
EbbStatus importance_judge(int64_t n, const double *log_weight, Importance *out);
/* Systematic resampling, one u in (0, 1): ancestor [n], ascending; i comes n w_i / sum w times, rounded up or down. */
EbbStatus importance_resample(int64_t n, const double *log_weight, double u, int64_t *ancestor);

#endif
