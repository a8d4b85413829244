/* SPDX-License-Identifier: MIT
 *
 * The declared prior of all parameters together: a product over parameters, but for those with correlated normal priors, whose vector
 * (theta - mean) / sd is N(0, R). */
#ifndef EBB_MODEL_JOINT_H
#define EBB_MODEL_JOINT_H

#include "model/prior.h"

typedef struct Joint {
  int64_t d, m; /* parameters; those that are correlated */
  const EbbParameter *parameter;
  int64_t *place;  /* [m] their numbers */
  double *factor;  /* [m][m] lower Cholesky factor of their correlation */
  double log_norm; /* -ln of (2 pi)^(m/2) |factor| prod sd */
} Joint;

/* Checks parameters and correlation; messages name the parameters. */
EbbStatus joint_make(Arena *, const EbbModelInfo *, Joint *out);
/* Whether every parameter has a declared family (neither the simulator's own nor unknown): what the two below need. */
bool joint_declared(const Joint *);
/* Draws from addressed uniforms u [rows][d], which are overwritten; theta [rows][d]. */
void joint_draw(const Joint *, int64_t rows, double *u, float *theta);
double joint_log_density(const Joint *, const float *theta); /* of one row; -inf outside the support */

#endif
