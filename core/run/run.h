/* SPDX-License-Identifier: MIT
 *
 * A run: the stages from a spec to a checked posterior, one function each. What they share is in Run. Every stage is keyed, re-used when it is done,
 * taken up where a killed one stopped, and stopped between two pieces of work when the user asks (run_stop). */
#ifndef EBB_RUN_RUN_H
#define EBB_RUN_RUN_H

#include <signal.h>

#include <ebb/metric.h>

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
  STREAM_MOVES = 13,
  STREAM_SET_TRUTH = 20, /* data sets for metrics: their parameters, their data */
  STREAM_SET_DATA = 21,
  STREAM_RESIMULATE = 22, /* a metric's own simulations, and the prior draws it gets */
  STREAM_PRIOR_DRAWS = 23,
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

/* The metrics of a run as instances, and what each asks for. */
typedef struct Metrics {
  EbbChild *instance; /* [spec->evaluation.count] */
  EbbMetricNeeds *needs;
} Metrics;

/* Prior-predictive data sets with draws for each: one batch that all metrics share. */
typedef struct Predictive {
  Stage stage;
  int64_t size[2]; /* sets, draws of each in the stage: at least what the metrics ask; 0: none asks */
  const char *key; /* of a batch of any size */
} Predictive;

/* Log densities of the first draws of the first sets, and of the true parameters; a stage of its own, since few metrics ask for it. */
typedef struct LogQ {
  Stage stage;
  int64_t size[2]; /* sets, draws of each; 0: none asks */
  const char *key; /* of any size */
} LogQ;

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
  Metrics metrics; /* when the goal is to evaluate */
  Predictive predictive;
  LogQ observed_log_q, predictive_log_q;
  EbbChild density; /* what integrates log densities, no instance; component NULL where no metric asks */
  Model *model;     /* when a stage needed it */
  int64_t failed_simulations;
  SampleFacts *sampled; /* [observations.n] */
  EbbChild *sink;       /* [spec->sinks.count] instances */
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
/* The metrics' instances and what they ask, checked. */
EbbStatus metrics_make(Run *);
void metrics_free(Run *);
/* Whether one that is still to be computed asks for data sets (else: for observations), with densities or no matter. */
bool metrics_ask(const Run *, bool sets, bool density);

/* The model with its weights, loaded once. */
EbbStatus run_model(Run *);
/* Observations by the spec, or from a file (rows by index, all if index is empty). */
EbbStatus observations_load(Arena *, const SpecObservations *, const EbbChild *simulator, const EbbModelInfo *, Observations *out);
EbbData observation_row(const EbbData *, int64_t i); /* one row of many */

/* Parameters from the prior, in a stream of the caller's, and simulations of them, in the simulator's stream. */
EbbStatus simulate_new(Pool *, const EbbChild *simulator, const EbbModelInfo *, uint64_t seed, uint32_t prior, int64_t first, int64_t rows,
                       float *theta, float *x, uint8_t *failed);
/* Parameters alone, theta [rows][d]. */
EbbStatus prior_rows(Pool *, const EbbChild *simulator, const EbbModelInfo *, uint64_t seed, uint32_t prior, int64_t rows, float *theta);
/* Simulations of given parameters: theta [rows][d]; rows with failed[r] = 1 have no data. first: id of the first row. */
EbbStatus simulate_rows(Pool *, const EbbChild *simulator, const EbbModelInfo *, uint64_t seed, int64_t first, int64_t rows, const float *theta,
                        float *x, uint8_t *failed);

/* The view of a run that people open: links, manifest, spec (folder.c). */
EbbStatus folder_write(const Run *, Goal, int threads);
/* A relative link `name` in the run's folder, `depth` levels below it, to a stage's file. */
EbbStatus folder_link(const Run *, const char *folder, const char *name, int depth, const Stage *, const char *file);

#endif
