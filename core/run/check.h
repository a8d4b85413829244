/* SPDX-License-Identifier: MIT
 *
 * What can be known to be wrong with a chain before anything is computed: each check names both sides and the way out. */
#ifndef EBB_RUN_CHECK_H
#define EBB_RUN_CHECK_H

#include "run/run.h"

/* Networks answer in float32: a solver whose tolerance (settings `absolute`, `relative`) is below 1e-7 would chase rounding. For a component of the
 * spec that is no instance yet, and its children. */
EbbStatus check_tolerances(const EbbChild *);
/* The sampler of the spec against the field that the spec's objective trains. */
EbbStatus check_chain(const Run *);
/* The component that integrates log densities (run->density) against it. */
EbbStatus check_density(const Run *);

#endif
