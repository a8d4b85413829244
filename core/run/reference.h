/* SPDX-License-Identifier: MIT
 *
 * Draws of the true posterior, to judge others by: from files, or made from what the simulator says of itself.
 *
 *     exact        the simulator's own sampler
 *     importance   draws of the spec's trained model, weighed by prior x likelihood / their density and resampled, then moved under the posterior so
 * that no two are alike; only where the weights are trustworthy (Pareto k at most .7, effective draws at least 5 %) mcmc         tempered sequential
 * Monte Carlo from the prior (smc.h) auto         the first of these that can be had
 *
 * The last two run in four independent groups, whose R-hat and effective sample size say whether the draws can be trusted. */
#ifndef EBB_RUN_REFERENCE_H
#define EBB_RUN_REFERENCE_H

#include "run/run.h"

enum { REFERENCE_MOST = 2 }; /* observations a call */

/* "ref_{k}.npy" with the observation's number. */
char *reference_path(Arena *, const char *pattern, int64_t k);
/* References of observations [first, first + sets), sets <= REFERENCE_MOST: *out [sets][*rows][d]. From files by the pattern (rows: the least of
 * them), else by the simulator's exact sampler (*rows: as many as the spec's draws); NULL in *out where there is neither. */
EbbStatus reference_draws(const Run *, Arena *, const char *pattern, int64_t first, int64_t sets, int64_t *rows, float **out);

typedef enum ReferenceMethod { REFERENCE_AUTO, REFERENCE_EXACT, REFERENCE_IMPORTANCE, REFERENCE_MCMC } ReferenceMethod;
extern const char *const reference_methods[4];
EbbStatus reference_method(const char *name, ReferenceMethod *out); /* NULL: auto */

/* How draws came about; NaN: does not apply. */
typedef struct ReferenceFacts {
  ReferenceMethod method;
  bool suspect;                     /* R-hat above 1.01, or fewer than 400 effective draws */
  int64_t particles;                /* what convergence speaks of; 0: exact */
  double rhat, ess, acceptance;     /* the worst parameter; share of moves taken at the end */
  double log_evidence, error;       /* natural logarithm, as far as the simulator's likelihood is normalised; standard error */
  double efficiency, pareto_k;      /* importance: effective share of the model's draws */
  double temperatures, evaluations; /* mcmc: steps from the prior; likelihoods asked */
  double seconds;
} ReferenceFacts;

enum { REFERENCE_STEPS = 1000 }; /* of the current progress, an observation */
/* Draws of one observation, theta [draws][d] in the arena; which of them is first says nothing. done: observations that the progress counts so far.
 */
EbbStatus reference_make(Run *, Arena *, int64_t observation, int64_t draws, ReferenceMethod, int64_t done, float **theta, ReferenceFacts *);

#endif
