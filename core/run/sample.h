/* SPDX-License-Identifier: MIT
 *
 * Draws of a trained model for given observations, into a folder: theta.npy (observations, draws, parameters) float32, and summary.csv. Taken up
 * again where a killed attempt stopped. */
#ifndef EBB_RUN_SAMPLE_H
#define EBB_RUN_SAMPLE_H

#include "run/run.h"

enum { DEFAULT_BLOCK = 384 }; /* row slots a thread */

enum { STREAM_SAMPLER = 2000 }; /* of the sampler's instance: a run and new data sampled from it draw alike */

typedef struct SampleJob {
  Pool *pool;
  const Model *model;
  EbbChild *sampler; /* an instance */
  const SpecGrid *grid;
  const Observations *observations;
  int64_t draws, block; /* block 0: the default */
  uint64_t seed;
  const char *folder;
  Stage *stage;     /* keeps the time; NULL: none */
  const char *sets; /* what the observations are called where they are many and none is of interest alone; NULL: observations */
} SampleJob;

EbbStatus sample_draws(const SampleJob *, SampleFacts *facts);
/* Before sample_draws: the first `sets` observations have their draws in a file of an earlier job of as many draws; facts [sets] are theirs. */
EbbStatus sample_begin_with(const SampleJob *, const char *theta, int64_t sets, const SampleFacts *facts);
/* mean, sd and quantiles of each observation and parameter; rows that failed are left out. */
EbbStatus sample_summary(const Model *, const Observations *, int64_t draws, const char *folder);
/* Finds how far each observation lies outside what the model was trained on, and says it. */
void sample_warn_outside(const Model *, const Observations *, SampleFacts *facts);

#endif
