/* SPDX-License-Identifier: MIT
 *
 * The state of a training run, shared by its step (train.c), its validation (validate.c) and its checkpoints (checkpoint.c). */
#ifndef EBB_RUN_TRAIN_H
#define EBB_RUN_TRAIN_H

#include "run/corrupt.h"
#include "run/run.h"
#include "run/weigh.h"

enum {
  VALIDATION_LEVELS = 16,
  LAMBDA_BINS = 10,
  HISTORY = 6 + LAMBDA_BINS
}; /* step, rows, seconds, learning rate, loss, validation, loss by lambda */

/* All that changes from step to step, and so all that a checkpoint holds. */
typedef struct TrainState {
  int64_t step;                                /* steps done */
  float *raw, *moment1, *moment2, *ema, *best; /* [floats] arenas of the graph; best: the EMA weights of the best validation */
  int64_t best_step;
  double best_loss;
  double *best_rows, *anchor_rows; /* [held] losses of the held-out rows at the best validation, and at the last one that was better for certain */
  double anchor_loss;
  int64_t anchor_step;
  double loss_sum, loss_count, bin_sum[LAMBDA_BINS], bin_count[LAMBDA_BINS]; /* since the last line of the history */
  double *history;                                                           /* [lines][HISTORY] */
  int64_t lines, lines_room;
} TrainState;

typedef struct Training {
  Run *run;
  Model *model;
  const SpecTraining *spec;
  Dataset set;
  int64_t floats, batch, per_epoch, steps, every; /* every: steps between validations */
  int64_t rows, held;                             /* training rows; held-out rows */
  int64_t *row, *held_row;                        /* their places in the set */
  int64_t *order, order_epoch;                    /* this epoch's order of row */
  Trainer *trainer;
  Forward *forward;
  float *grad;
  double *square;             /* [parts] */
  uint64_t *id;               /* [batch] */
  uint64_t *data, *held_data; /* [batch], [held][16]: rows by the objective's pairing with noise; NULL: it has none */
  uint32_t *draw;             /* [batch] */
  double *u, *loss, *lambda;  /* [batch] */
  double *held_loss;          /* [held] of this validation */
  NetworkField teacher;       /* of objectives that want one */
  Weigher weigher;            /* likewise */
  double started, seconds_before;
  TrainState state;
  double ema_gamma;
  AdamStep adam;
} Training;

/* What run_train is made of, for those who time it. Begin with a run whose simulations and model are there; pack before the first step. The set is
 * closed by dataset_close. */
EbbStatus training_setup(Training *);
EbbStatus training_pack(Training *);
EbbStatus training_step(Training *);

/* Whether the objective pairs noise with data rows; then data [n] is which rows the slots with the noise of rows `id` and draws `draw` train on. step
 * addresses what is drawn at random. */
bool training_pairs(const Training *);
EbbStatus training_pair(const Training *, EbbRng noise, int64_t n, const uint64_t *id, const uint32_t *draw, uint64_t step, uint64_t *data);

/* One validation on the EMA weights; appends to the history. *stop: the best is certain. */
EbbStatus training_validate(Training *, bool *stop);

EbbStatus checkpoint_write(const Training *, const char *folder);
/* The newest checkpoint that is whole; none: the state stays as it was. */
EbbStatus checkpoint_read(Training *, const char *folder);

#endif
