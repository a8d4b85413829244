/* SPDX-License-Identifier: MIT
 *
 * The posterior that a simulator's own log-likelihood and prior define, up to its evidence, in coordinates without bounds: q of the bijections
 * (model/transform.h), not standardised. Densities are those of q, slopes included, and normalised where the simulator's are. */
#ifndef EBB_RUN_POSTERIOR_H
#define EBB_RUN_POSTERIOR_H

#include "model/joint.h"
#include "run/population.h"
#include "run/run.h"

typedef struct Posterior {
  const Run *run;
  EbbData one; /* the observation */
  int64_t d;
  Joint joint;       /* of the declared priors */
  ParameterMap *map; /* [d] */
} Posterior;

/* EBB_E_UNSUPPORTED where the simulator does not say its likelihood or the density of its prior. */
EbbStatus posterior_new(Arena *, const Run *, int64_t observation, Posterior *out);
/* A LogTarget. NaN of the simulator's (a solution that cannot be had) counts as no likelihood. A stop by the user ends it. */
EbbStatus posterior_rows(void *posterior, EbbWork *, int64_t n, const double *q, double *log_prior, double *log_likelihood);
/* Draws of the prior, q [n][d]: the same for every observation. */
EbbStatus posterior_prior(const Posterior *, uint64_t seed, int64_t n, double *q);
void posterior_theta(const Posterior *, const double *q, float *theta); /* one row */
void posterior_coordinates(const Posterior *, const float *theta, double *q);
/* ln |dq/dtheta|: what a log density in theta lacks or has more. */
double posterior_log_slope(const Posterior *, const double *q);

#endif
