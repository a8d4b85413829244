/* SPDX-License-Identifier: MIT
 *
 * The weight net of objectives that want one (EBB_OBJ_WEIGHT): w(tau), a small MLP of the noise level, 0 at first, trained beside the network by the
 * gradients that the objective writes. It weighs the loss and is no part of the model. */
#ifndef EBB_RUN_WEIGH_H
#define EBB_RUN_WEIGH_H

#include "graph/graph.h"

typedef struct Weigher {
  Graph *graph;
  Trainer *trainer;
  int64_t floats;
  float *state;                          /* [3][floats]: what a checkpoint keeps */
  float *raw, *moment1, *moment2, *grad; /* the first three lie in state */
  double *square;
  AdamStep adam;
} Weigher;

EbbStatus weigher_new(Arena *, const EbbHost *, Pool *, int64_t batch, uint64_t seed, Weigher *out);
EbbStatus weigher_pack(Weigher *, Pool *); /* before the first step, and after state was read */
/* w of rows [first, first + n) of the batch at their taus; then, given dloss/dw, their part of the backward pass. */
EbbStatus weigher_ask(Weigher *, EbbWork *, int64_t first, int64_t n, const float *tau, int64_t tau_row, double *w);
EbbStatus weigher_back(Weigher *, EbbWork *, int64_t first, int64_t n, const double *dw);
EbbStatus weigher_step(Weigher *, Pool *, const AdamStep *); /* once all rows went back */

#endif
