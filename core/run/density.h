/* SPDX-License-Identifier: MIT
 *
 * Log densities of a diffusion model (Song et al. 2021, 2011.13456, eq. 39): the probability-flow ODE carries a point from the grid's clean end to
 * its noisy end, and the divergence along its path says how volumes change,
 *
 *     log p(x) = log N(z_1; 0, alpha_1^2 + sigma_1^2) + integral of div dz/dt + d log alpha_0,      z_0 = alpha_0 x.
 *
 * This is the density of x blurred by noise of standard deviation sigma_0/alpha_0 (sampling.grid.range: .005 by default), whatever is drawn
 * otherwise. In the user's space the slopes of the maps are added; outside the support it is -infinity. */
#ifndef EBB_RUN_DENSITY_H
#define EBB_RUN_DENSITY_H

#include "run/chain.h"
#include "run/run.h"
#include "run/slots.h"

typedef struct Density {
  Slots slots;
  EbbPlan plan;
  EbbLevel level[3]; /* clean, noisy */
  Arena *arena;
} Density;

/* The component that integrates: the spec's sampling.density, else the default. */
EbbStatus density_choice(Arena *, Registry *, const Spec *, EbbChild *out);
/* The same as an instance; plugin_destroy it. */
EbbStatus density_sampler(Arena *, Pool *, Registry *, const Spec *, EbbChild *out);
/* Whether all is there that densities need. The struct is not to be moved afterwards. `source` names what gives the field, for messages. */
EbbStatus density_open(Density *, Arena *, Pool *, const EbbField *, const char *source, const EbbChild *sampler, const ScheduleView *,
                       const SpecGrid *, uint64_t seed, int64_t block);
/* log_p [n] of x [n][dim] in the network's coordinates, row i under condition set[i]; NaN where it failed. asked, failed [n]. */
EbbStatus density_rows(const Density *, int64_t n, const uint64_t *id, const int32_t *set, const double *x, double *log_p, uint32_t *asked,
                       uint8_t *failed);
/* Draws x [n][dim] of exactly that density, by the same integration from noise; NaN where it failed. */
EbbStatus density_draws(const Density *, int64_t n, const uint64_t *id, const int32_t *set, double *x, uint32_t *asked, uint8_t *failed);
/* One theta [d] in the chain's coordinates x [d]; returns ln |dx/dtheta|, -infinity outside the support. */
double density_coordinates(const Model *, const float *theta, double *x);
/* The same of theta [n][d] in the user's space. */
EbbStatus density_theta(const Density *, const Model *, int64_t n, const uint64_t *id, const int32_t *set, const float *theta, double *log_p,
                        uint32_t *asked, uint8_t *failed);

/* Points of a trained model: theta [observations][points][d] (shared: [points][d] for all of them) to a .npy of float64 (observations, points). */
typedef struct DensityJob {
  Pool *pool;
  const Model *model;
  const EbbChild *sampler; /* an instance */
  const SpecGrid *grid;
  const Observations *observations;
  int64_t points, block; /* block 0: the default */
  const float *theta;
  bool shared;
  uint64_t seed;
} DensityJob;
/* The model's field under the job's observations with its density; not to be moved. */
typedef struct DensityField {
  NetworkField network;
  Density density;
} DensityField;
EbbStatus density_of_model(const DensityJob *, Arena *, DensityField *out);
EbbStatus density_write(const DensityJob *, const char *path); /* NULL: only whether it is possible */

#endif
