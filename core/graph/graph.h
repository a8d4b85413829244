/* SPDX-License-Identifier: MIT
 *
 * Networks as graphs. A network plugin builds one through the public EbbGraph table (ebb/network.h); this room analyses it, runs it, differentiates
 * it backward (VJP) and forward (JVP).
 *
 * Dependence. Every node is of one of three kinds: CONDITION (depends on the data alone), LEVEL (on the noise level alone), ROW (the rest). For
 * sampling, CONDITION nodes are computed once an observation and LEVEL nodes once a level of the grid; what is left is paid for each row and
 * evaluation. Hoisting changes no bit: a linear node with several inputs sums CONDITION inputs first, then LEVEL, then ROW, whatever the way it is
 * run.
 *
 * Storage. Weights are one arena of float32 with named views. Rows of activations are padded (see row_stride) to whole vectors and away from strides
 * that share cache sets. */
#ifndef EBB_GRAPH_GRAPH_H
#define EBB_GRAPH_GRAPH_H

#include <ebb/network.h>

#include "base/pool.h"
#include "num/kernels.h"
#include "num/random.h"

typedef struct Graph Graph;

/* One trained tensor, a view into the arena. */
typedef struct Tensor {
  const char *name;      /* "block1.weight" */
  int64_t rows, columns; /* (out, in); a vector: rows numbers, columns 0 */
  int64_t offset, count; /* into the arena, in floats; offset is a multiple of 16 */
  bool decay;            /* weight decay applies (weights of linear nodes) */
  int32_t init;          /* EBB_INIT_..., or by kind of vector */
} Tensor;

/* Building. The graph and all it needs live in the arena. theta, data: layouts of what the inputs are. */
EbbStatus graph_new(Arena *, const EbbHost *, const EbbLayout *theta, const EbbLayout *data, Graph **out);
EbbGraph *graph_builder(Graph *);
const EbbInputs *graph_inputs(const Graph *);
/* Checks the end node (width theta's numbers), orders, fuses (linear + activation + dropout + additions into one product) and lays out. */
EbbStatus graph_finish(Graph *, EbbNode out);

int64_t graph_floats(const Graph *);     /* of the arena of weights, padding included (padding stays 0) */
int64_t graph_parameters(const Graph *); /* trained numbers, as papers count */
const Tensor *graph_tensors(const Graph *, size_t *n);
void graph_init(const Graph *, EbbRng, float *weights); /* addressed by tensor name: adding a layer changes no other's values */
bool graph_can_jvp(const Graph *);

/* ---- Running trained weights: sampling, validation ---- */

/* Weights packed once, and hoisted nodes. Read-only while rows are evaluated, by any number of threads. Pool NULL: on this
 * thread. */
typedef struct Forward Forward;
EbbStatus forward_new(Arena *, const Graph *, Forward **out);
EbbStatus forward_load(Forward *, Pool *, const float *weights); /* packs; drops what was hoisted */
/* Hoists: value [sets][data numbers] (standardised); tau [levels]. Call again to replace. */
EbbStatus forward_conditions(Forward *, Pool *, int64_t sets, const float *value);
EbbStatus forward_levels(Forward *, Pool *, int64_t levels, const float *tau);

/* Some rows to be evaluated. Any number of rows: they go through in tiles that keep activations in cache. */
typedef struct ForwardRows {
  int64_t rows;
  const float *z;       /* [rows][theta numbers], c_in z */
  const int32_t *set;   /* [rows] hoisted conditions; NULL: set 0 for all */
  const float *value;   /* not NULL: conditions a row, [rows][data numbers], instead of set */
  const int32_t *level; /* hoisted level of row r: level[r * level_step]; NULL: tau is used */
  const float *tau;     /* tau of row r: tau[r * level_step] */
  int64_t level_step;   /* 0: one for all rows; 1 */
} ForwardRows;

EbbStatus forward_eval(const Forward *, EbbWork *, const ForwardRows *, float *out); /* out [rows][theta numbers] */
/* k tangents: tz [rows][k][theta numbers], ttau [rows][k] or NULL (0); out as eval's, bit for bit; tout [rows][k][theta numbers]. */
EbbStatus forward_jvp(const Forward *, EbbWork *, const ForwardRows *, int64_t k, const float *tz, const float *ttau, float *out, float *tout);
/* out, then given its cotangent by the callback (rows [first, first + rows) of this call; out points at the first of them; writes
 * u [rows][theta numbers]), dz [rows][theta numbers] = (dout/dz)' u. */
typedef EbbStatus (*ForwardCotangent)(void *ctx, int64_t first, int64_t rows, const float *out, float *u);
EbbStatus forward_vjp(const Forward *, EbbWork *, const ForwardRows *, ForwardCotangent, void *ctx, float *out, float *dz);

/* ---- Training ---- */

/* Activations and gradients of one batch, and weights packed for both directions. */
typedef struct Trainer Trainer;
EbbStatus trainer_new(Arena *, const Graph *, int64_t batch, Trainer **out);

/* Where the caller puts the batch, row i of [batch]; strides in floats. out is read after forward, dout is written before backward. */
typedef struct TrainerRows {
  float *z, *tau, *value;
  int64_t z_row, tau_row, value_row;
  const float *out;
  float *dout;
  int64_t out_row;
} TrainerRows;
TrainerRows trainer_rows(Trainer *);

/* A step, in phases with a barrier between (rows and parts may be split over threads in any way; bits do not change):
 *   1. forward, then the loss by the caller, then backward, on rows [first, first + n)
 *   2. weight gradients: parts 0 .. trainer_parts - 1, each a range of outputs of some tensor: every element one sum over the batch's rows in order;
 * grad is an arena like weights. Writes the sum of squares of its part to *square (double, fixed order).
 *   3. after the optimiser changed weights, and once before the first step: trainer_pack, parts as before, each packs what belongs to it. */
void trainer_rows_used(Trainer *, int64_t rows); /* a batch may be shorter than the most; default: all */
/* Dropout masks of row i are addressed by (rng, id[i], draw[i]); NULL rng: no dropout. */
typedef struct TrainerNoise {
  EbbRng rng;
  const uint64_t *id;
  const uint32_t *draw;
} TrainerNoise;
EbbStatus trainer_forward(Trainer *, EbbWork *, const TrainerNoise *, int64_t first, int64_t n);
EbbStatus trainer_backward(Trainer *, EbbWork *, int64_t first, int64_t n);
/* The same rows at other questions, z [n][theta numbers] and tau [n], with their own conditions and the same dropout masks: out [n][theta numbers].
 * Nothing of the forward pass is touched. */
EbbStatus trainer_twin(const Trainer *, EbbWork *, const TrainerNoise *, int64_t first, int64_t n, const float *z, const float *tau, float *out);
/* The current weights as packed, for evaluations and tangents between packings; conditions come with the rows. Lives as long as the trainer. */
const Forward *trainer_weights_now(const Trainer *);
int64_t trainer_parts(const Trainer *);
EbbStatus trainer_weights(Trainer *, EbbWork *, int64_t part, float *grad, double *square);
/* The ranges of the arena that a part owns: together they cover each tensor once, so that the optimiser's pass can be shared the same way. */
void trainer_part_range(const Trainer *, int64_t part, int64_t *offset, int64_t *count, bool *decay);
EbbStatus trainer_pack(Trainer *, EbbWork *, int64_t part, const float *weights);

#endif
