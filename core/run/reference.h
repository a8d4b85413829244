/* SPDX-License-Identifier: MIT
 *
 * Draws of the true posterior, to judge others by. */
#ifndef EBB_RUN_REFERENCE_H
#define EBB_RUN_REFERENCE_H

#include "run/run.h"

enum { REFERENCE_MOST = 2 }; /* observations a call */

/* "ref_{k}.npy" with the observation's number. */
char *reference_path(Arena *, const char *pattern, int64_t k);
/* References of observations [first, first + sets), sets <= REFERENCE_MOST: *out [sets][*rows][d]. From files by the pattern (rows: the least of
 * them), else by the simulator's exact sampler (*rows: as many as the spec's draws); NULL in *out where there is neither. */
EbbStatus reference_draws(const Run *, Arena *, const char *pattern, int64_t first, int64_t sets, int64_t *rows, float **out);
/* Exact draws of one observation, [rows][d]; NULL in *out where the simulator has no exact sampler. */
EbbStatus reference_exact(const Run *, Arena *, int64_t observation, int64_t rows, float **out);
EbbData observation_row(const EbbData *, int64_t i); /* one row of many */

#endif
