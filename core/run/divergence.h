/* SPDX-License-Identifier: MIT
 *
 * x-hat and the trace of its Jacobian, for log densities: exact from one tangent a dimension up to 32 dimensions, else Hutchinson's estimate with
 * probes of random signs. Probes are addressed by the row's id, so that they stay the same along its path and the path remains an ODE. */
#ifndef EBB_RUN_DIVERGENCE_H
#define EBB_RUN_DIVERGENCE_H

#include <ebb/field.h>

#include "base/pool.h"

enum { DIVERGENCE_EXACT = 32, DIVERGENCE_PROBES = 8 };

/* xhat [rows][dim], trace [rows] = tr dxhat/dz. probes 0: exact up to DIVERGENCE_EXACT dimensions, else DIVERGENCE_PROBES; else that many probes. */
EbbStatus divergence_eval(const EbbField *, EbbWork *, const EbbQuery *, uint64_t seed, int64_t probes, double *xhat, double *trace);

#endif
