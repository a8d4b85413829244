/* SPDX-License-Identifier: MIT
 *
 * Priors declared by family: draws, log densities, and the exact field of the diffused prior in the network's coordinates (methods.md 6). A product
 * over parameters: each dimension stands alone. normal, and log-normal after its logarithm, are Gaussian in x: closed form. uniform with the logit is
 * a logistic in q, and without a bijection a box: both by quadrature (two or three panels of 48 nodes), which keeps its digits far outside the box,
 * where differences of normal CDFs lose theirs. */
#ifndef EBB_MODEL_PRIOR_H
#define EBB_MODEL_PRIOR_H

#include "model/transform.h"

#include <ebb/field.h>

/* Inverse CDF of a declared family at u in (0, 1): draws are made from one addressed uniform a parameter. Strictly inside the support as float32. */
double prior_quantile(const EbbParameter *, double u);
double prior_log_density(const EbbParameter *, double theta); /* -inf outside; NaN where it does not stand alone or is not declared */
/* Names unique and non-empty, ranges and families sane, supports that fit the family; messages name the parameter. */
EbbStatus prior_check(const EbbParameter *, int64_t n);

/* xhat = E[x | z] and var = Var[x | z] (NULL: not wanted) under the diffused prior of one parameter at one level. Error below 1e-8. EBB_PRIOR_OWN is
 * not possible. */
EbbStatus prior_diffused(const EbbParameter *, const ParameterMap *, const EbbLevel *, double z, double *xhat, double *var);

#endif
