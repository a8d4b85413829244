/* SPDX-License-Identifier: MIT
 *
 * The predictive stage: prior-predictive data sets with posterior draws for each, what calibration is judged by. Parameters come from the prior and
 * data from the simulator, in streams of their own: no training row comes again. Data set k is the k-th simulation that did not fail. All metrics of
 * a run share the batch; every number is addressed, so that a larger batch begins with the bits of a smaller one.
 *
 * Files: theta_true.npy (sets, d) and x.npy (sets, q) float32, theta.npy (sets, draws, d) float32, facts.npy (3, sets) float64: field evaluations a
 * draw, seconds, failed draws. */
#ifndef EBB_RUN_PREDICTIVE_H
#define EBB_RUN_PREDICTIVE_H

#include "run/run.h"

/* What the metrics ask for, the key (of any size) and whether it is there. `model`: key of the train stage. */
EbbStatus predictive_plan(Run *, const char *model);
/* Makes the stage, unless it is done. */
EbbStatus predictive_make(Run *);
uint64_t predictive_seed(const Run *); /* of the draws */

/* The files, mapped. */
typedef struct DataSets {
  Npy truth_file, x_file, theta_file, facts_file;
  Observations of;    /* data sets 1, 2, ... as observations */
  const float *theta; /* [sets][draws][d] */
  int64_t draws;
  const double *evaluations, *seconds; /* [sets] */
} DataSets;
EbbStatus predictive_open(const Run *, Arena *, DataSets *out);
void predictive_close(DataSets *);

#endif
