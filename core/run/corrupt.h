/* SPDX-License-Identifier: MIT
 *
 * From rows of the training set to questions for the network, and from its answers to a loss: what training and validation share. One tile of rows,
 * inside one thread: gathered, standardised, corrupted by the objective, scaled for the network. */
#ifndef EBB_RUN_CORRUPT_H
#define EBB_RUN_CORRUPT_H

#include "run/chain.h"
#include "run/dataset.h"
#include "run/model.h"

/* What objectives want beside one evaluation (EBB_OBJ_TWIN, JVP, WEIGHT). question_ask writes the inputs, NULL where not wanted; the caller answers
 * in out2, jout, w before question_loss, which writes dw. */
typedef struct Beside {
  float *z2, *tau2;   /* [rows][d], [rows] the twin's */
  float *tz, *ttau;   /* [rows][d], [rows] tangents of the network's inputs */
  float *value;       /* [rows][inputs] conditions, side by side */
  float *out2, *jout; /* [rows][d] */
  double *w, *dw;     /* [rows] */
} Beside;

typedef struct Question {
  const Model *model;
  const Dataset *set;
  int64_t rows;
  const uint64_t *row;  /* [rows] row of the training set; addresses the noise, with draw */
  const uint64_t *data; /* [rows] the row that parameters and data are of, where it is another; NULL: row */
  const uint32_t *draw; /* [rows] */
  const double *u;      /* [rows] stratified uniforms */
  EbbRng rng;           /* of the noise */
  uint64_t step, steps;
  /* the network's inputs, written; strides in floats */
  float *z, *tau, *value;
  int64_t z_row, tau_row, value_row;
  const NetworkField *teacher; /* its model and weights; NULL: none */
  Beside *beside;              /* NULL: nothing is wanted */
} Question;

bool questions_beside(const Model *); /* whether the objective wants more than one evaluation */
/* Writes the network's inputs; *batch keeps what the loss needs, in the thread's scratch. */
EbbStatus question_ask(const Question *, EbbWork *, EbbBatch *batch);
/* out (strided) is the answer. batch->loss [rows] is written, and unless dout is NULL `scale` times the gradient. */
EbbStatus question_loss(const Question *, EbbWork *, EbbBatch *batch, const float *out, int64_t out_row, double scale, float *dout);

#endif
