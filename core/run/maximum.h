/* SPDX-License-Identifier: MIT
 *
 * The maximum of a posterior's density in the user's space, MAP. With x the network's coordinates and u = sigma/alpha a small noise level,
 *
 *     d/dx log p_theta = (xhat(alpha x) - x) / u^2 - d/dx ln(dtheta/dx)
 *
 * is followed upward by Newton's steps (its Jacobian comes from the field's tangents) from many starts, at levels that fall to the grid's clean end,
 * each from where the last one led: a network's score is least exact at the smallest noise. Log densities of all places where an ascent ended, one
 * solve, choose among them. */
#ifndef EBB_RUN_MAXIMUM_H
#define EBB_RUN_MAXIMUM_H

#include "run/density.h"

enum { MAXIMUM_LEVELS = 5 };

/* Where one ascent at one level ended. */
typedef struct Ascent {
  int64_t steps;
  double decrement; /* Newton's g' |H|^-1 g, about twice what is left to climb in nats; counts as converged below 1e-4 at a maximum */
  bool converged;
} Ascent;

/* Where x stands for the user's numbers: theta = map^-1(T^-1 x). */
typedef struct Space {
  const ParameterMap *map; /* [d] */
  const Base *base;        /* NULL: T is the identity */
} Space;

/* Up from x [n][d] at one level, in place. Rows are addressed by id and set as in queries. */
EbbStatus maximum_ascend(Pool *, const EbbField *, const EbbLevel *, Space, int64_t n, const uint64_t *id, const int32_t *set, double *x,
                         Ascent *out);

/* One place where ascents ended. */
typedef struct Peak {
  double log_density, u; /* in the user's space; noise level of the ascent */
  int64_t starts;        /* ascents at that level that ended here */
  Ascent ascent;
  double *x; /* [d] */
} Peak;
/* Peaks of one condition from n starts x [n][d], best first; *peaks of them, in the arena. Peaks apart by less than .05 in every coordinate are one.
 */
EbbStatus maximum_find(const Density *, Space, Arena *, int64_t n, const uint64_t *id, int32_t set, const double *x, Peak **out, int64_t *peaks);

/* Of a trained model: starts from draws [observations][draws][d] in the user's space. Writes theta.npy (observations, d) and map.csv, all peaks of
 * each observation. */
EbbStatus maximum_write(const DensityJob *, const char *folder);

#endif
