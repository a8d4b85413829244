/* SPDX-License-Identifier: MIT
 *
 * A model: how the user's numbers become the network's, the network, and what its answer means. Made from the spec and the simulator's description;
 * its statistics are fitted to the training set or read from a file, its weights trained or read.
 *
 * The file (safetensors): tensors by their names in the graph, raw and with the prefix "ema." (the ones that sample); in the metadata, as text: spec,
 * parameters, columns and products (JSON lists, one object each: how to map it), prediction, lambda_min, lambda_max, parameter_count. */
#ifndef EBB_RUN_MODEL_H
#define EBB_RUN_MODEL_H

#include <ebb/simulator.h>

#include "graph/graph.h"
#include "model/base.h"
#include "model/inputs.h"
#include "model/prediction.h"
#include "model/safetensors.h"
#include "run/schedule.h"

enum { MODEL_MOST_ROTATED = 256 }; /* parameters with a base other than the marginal */

typedef struct Model {
  Arena *arena;
  int64_t d, q; /* parameters; numbers of a data row */
  EbbLayout theta, data;
  const EbbParameter *parameter; /* [d] */
  ParameterMap *map;             /* [d] */
  Inputs inputs;                 /* what the network is told: inputs.n numbers made of the q */
  Base base;                     /* the chain runs in its coordinates */
  EbbChild schedule, objective, network;
  ScheduleView view;
  EbbObjectiveNeeds needs;
  Graph *graph;
  float *weights; /* arena of the graph: what samples */
} Model;

EbbStatus model_new(Arena *, Pool *, const Spec *, const EbbModelInfo *, Model **out);
void model_free(Model *); /* NULL-safe: the instances' destroy; memory is the arena's */
EbbStatus model_write(const Model *, const char *path, const float *raw, const char *spec_text, const SafeMeta *more, size_t more_n);
EbbStatus model_read(Model *, const char *path);

/* The network in the chain's terms at one level, for one coordinate, with m its mean given the data:
 *   input = scale (z - alpha m),  xhat = m + skip (z - alpha m) + gain out,  target = clean (x - m) + noise eps */
typedef struct Link {
  double scale, skip, gain, clean, noise;
} Link;
Link model_link(const Model *, const EbbLevel *, int64_t coordinate);
bool model_links_differ(const Model *); /* whether coordinates have links of their own */

/* The user's numbers to the chain's, one row. */
void model_theta_forward(const Model *, const float *theta, float *x);
void model_theta_inverse(const Model *, const double *x, float *theta);
void model_data_forward(const Model *, const float *data, float *value); /* [q] to [inputs.n] */

/* How far a data row lies outside what was seen in training: the largest distance over columns in units of scale, and the column (-1: inside
 * everywhere). */
double model_outside(const Model *, const float *data, int64_t *column);

#endif
