/* SPDX-License-Identifier: MIT
 *
 * A run: the stages from a spec to a checked posterior, one function each. What they share is in Run. Every stage is keyed, re-used when it is done,
 * taken up where a killed one stopped, and stopped between two pieces of work when the user asks (run_stop). */
#ifndef EBB_RUN_RUN_H
#define EBB_RUN_RUN_H

#include <signal.h>

#include "base/log.h"
#include "run/dataset.h"
#include "run/model.h"
#include "run/store.h"

/* Purposes of random numbers that are core's own; instances of components begin at 1000 (model.c, run.c). */
enum {
  STREAM_PRIOR = 1,
  STREAM_SIMULATE = 2,
  STREAM_WEIGHTS = 3,
  STREAM_TIMES = 4,
  STREAM_NOISE = 5,
  STREAM_ORDER = 6,
  STREAM_DROPOUT = 7,
  STREAM_START = 8,
  STREAM_REFERENCE = 9,
  STREAM_VALIDATION = 10,
  STREAM_PROBE = 11,
  STREAM_WEIGHER = 12,
};

typedef enum Goal { GOAL_SIMULATE, GOAL_TRAIN, GOAL_SAMPLE, GOAL_EVALUATE } Goal;

/* What was observed: [n] rows in the data's layout, and the true parameters where known. */
typedef struct Observations {
  int64_t n;
  int64_t *number; /* counted from 1, as the user names them; addresses random numbers */
  EbbData data;
  float *truth;    /* [n][d]; NULL: unknown */
  char digest[65]; /* of numbers and contents */
} Observations;

/* One observation's line in the closing table. */
typedef struct SampleFacts {
  double evaluations, seconds; /* a draw; all draws */
  int64_t failed;
  double outside; /* how far the observation lies outside the training data, in standard deviations of a column; 0: inside */
} SampleFacts;

typedef struct Run {
  Arena *arena;
  Pool *pool;
  Registry *registry;
  const Spec *spec;
  const char *runs, *name; /* folder of runs; this one's name */
  const char *store;
  int64_t block; /* row slots a thread */
  EbbChild simulator;
  EbbModelInfo info;
  Observations observations;
  Stage simulate, train, sample;
  Stage *evaluate; /* [spec->evaluation.count] */
  Model *model;    /* when a stage needed it */
  int64_t failed_simulations;
  SampleFacts *sampled; /* [observations.n] */
} Run;

/* Set by the signal handler: the number of the signal. Stages save and return EBB_E_CANCELLED. */
extern volatile sig_atomic_t run_stop;

/* All stages up to the goal, the run's folder and the closing table (stdout). */
EbbStatus run_all(Run *, Goal);

/* Fills in what needs the simulator: instance, description, observations, keys of stages. */
EbbStatus run_prepare(Run *, Goal);

EbbStatus run_simulate(Run *);
EbbStatus run_train(Run *);
EbbStatus run_sample(Run *);
EbbStatus run_evaluate(Run *);

/* The model with its weights, loaded once. */
EbbStatus run_model(Run *);
/* Observations by the spec, or from a file (rows by index, all if index is empty). */
EbbStatus observations_load(Arena *, const SpecObservations *, const EbbChild *simulator, const EbbModelInfo *, Observations *out);

/* Simulations of given parameters: theta [rows][d]; rows with failed[r] = 1 have no data. first: id of the first row. */
EbbStatus simulate_rows(Pool *, const EbbChild *simulator, const EbbModelInfo *, uint64_t seed, int64_t first, int64_t rows, const float *theta,
                        float *x, uint8_t *failed);

/* The view of a run that people open: links, manifest, spec (folder.c). */
EbbStatus folder_write(const Run *, Goal, int threads);

#endif
