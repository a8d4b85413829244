/* SPDX-License-Identifier: MIT
 *
 * What a network predicts, converted in one table (methods.md 2): xhat = base + gain out for each prediction, base and gain affine in z, given the
 * level. Also the network's inputs: c_in and tau. Data of unit variance (sigma_data 1). */
#ifndef EBB_MODEL_PREDICTION_H
#define EBB_MODEL_PREDICTION_H

#include <ebb/objective.h>

/* xhat = skip z + gain out */
typedef struct Affine {
  double skip, gain;
} Affine;
Affine prediction_affine(uint32_t prediction, const EbbLevel *); /* BOUNDARY: as if u_min were 0, which is F */
Affine prediction_boundary(const EbbLevel *, double u_min);      /* skip is 1/alpha and gain 0 at u_min, exactly */
/* The number the network should answer: target = p x + q noise (no division by alpha, sigma where they may be 0). */
typedef struct Target {
  double x, noise;
} Target;
Target prediction_target(uint32_t prediction, const EbbLevel *);
double prediction_error(uint32_t prediction, const EbbLevel *); /* |out - target|^2 in units of |eps-hat - eps|^2 */
const char *prediction_name(uint32_t prediction);
double level_input(const EbbLevel *); /* c_in = 1 / sqrt(alpha^2 + sigma^2) */

/* Views of xhat at a level, and back. */
static inline double noise_of(const EbbLevel *l, double z, double xhat) { return (z - l->alpha * xhat) / l->sigma; }
static inline double score_of(const EbbLevel *l, double z, double xhat) { return (l->alpha * xhat - z) / (l->sigma * l->sigma); }
static inline double velocity_of(const EbbLevel *l, double z, double xhat) { return l->dalpha * xhat + l->dsigma * noise_of(l, z, xhat); }

#endif
