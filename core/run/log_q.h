/* SPDX-License-Identifier: MIT
 *
 * The density stages: log densities under the model of draws that are there, and of the true parameters, for the metrics that ask for them. One solve
 * of the probability-flow ODE a point, (draws + 1) x sets of them, so only as many as the largest such metric asks. log_q.npy (sets, draws) and,
 * where true parameters are known, log_q_truth.npy (sets), float64; NaN where a solve failed. */
#ifndef EBB_RUN_LOG_Q_H
#define EBB_RUN_LOG_Q_H

#include "run/predictive.h"

/* Both stages' sizes and keys; `draws`: key of the sample stage. */
EbbStatus log_q_plan(Run *, const char *draws);
/* Makes a stage, unless it is done: run->observed_log_q or run->predictive_log_q. */
EbbStatus log_q_make(Run *, LogQ *);

#endif
