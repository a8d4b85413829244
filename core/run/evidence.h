/* SPDX-License-Identifier: MIT
 *
 * What a metric judges by, gathered: some observations, or the data sets of the shared batch, with draws, truths, references, prior draws, log
 * densities and the simulator as far as the metric asks. Large arrays are mapped files. */
#ifndef EBB_RUN_EVIDENCE_H
#define EBB_RUN_EVIDENCE_H

#include "run/predictive.h"

enum { EVIDENCE_PRIORS = 10000 }; /* draws of the prior */

typedef struct Evidence {
  EbbEvidence e; /* first: the metric gets it, and gives it back to simulate */
  const Run *run;
  Arena *arena;
  DataSets sets;
  Npy theta, log_q, log_q_truth;
  int64_t simulated;         /* rows so far: the next one's address */
  struct Evidence *observed; /* beside data sets; NULL: none */
} Evidence;

/* What metrics ask, checked: each message names the metric and the way out. */
EbbStatus evidence_check(const Run *);
/* For metric i. Observations [first, first + sets). *lacks: what it needs and nobody has (a sentence's end), it is then left out; else NULL. */
EbbStatus evidence_of_observations(Evidence *, const Run *, int64_t i, int64_t first, int64_t sets, const char **lacks);
/* Data sets. folder: for files that live as long as the evidence. */
EbbStatus evidence_of_sets(Evidence *, const Run *, int64_t i, const char *folder);
void evidence_free(Evidence *);

#endif
