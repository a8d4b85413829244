/* SPDX-License-Identifier: MIT
 *
 * The tests' objective: denoising with prediction F and unit weight, whose loss, or gradient alone, is infinite for one row of the training set from
 * one step on. */
#include <math.h>
#include <stdbool.h>

#include <ebb/objective.h>

typedef struct Config {
  int64_t row, from, what;
} Config;

enum { LOSS = 0, GRADIENT = 1 };

static const EbbParam params[] = {
    EBB_INT(Config, row, 0, 0, 1e9, "", "the row, counted from 0"),
    EBB_INT(Config, from, 0, 0, 1e9, "", "the first step at which it is spoiled, counted from 0"),
    EBB_CHOICE(Config, what, LOSS, "loss|gradient", "what is infinite"),
    EBB_END,
};

static void needs(const void *self, EbbObjectiveNeeds *out) {
  (void)self;
  out->prediction = EBB_PREDICT_F;
  out->result = EBB_MEAN;
}

static EbbStatus corrupt(const void *self, EbbWork *work, EbbBatch *b) {
  (void)self, (void)work;
  for (int64_t i = 0; i < b->rows; i++) {
    double t;
    b->schedule->inverse(b->schedule, 1, &b->lambda[i], &t);
    b->schedule->at(b->schedule, 1, &t, &b->at[i]);
    for (int64_t j = i * b->dim; j < (i + 1) * b->dim; j++)
      b->z[j] = (float)(b->at[i].alpha * (double)b->x[j] + b->at[i].sigma * (double)b->noise[j]);
  }
  return EBB_OK;
}

static EbbStatus loss(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  const Config *c = self;
  for (int64_t i = 0; i < b->rows; i++) {
    bool spoiled = b->id[i] == (uint64_t)c->row && b->step >= (uint64_t)c->from;
    double sum = 0;
    for (int64_t j = i * b->dim; j < (i + 1) * b->dim; j++) {
      double error = (double)b->out[j] - (double)b->target[j];
      sum += error * error;
      b->grad[j] = spoiled ? INFINITY : (float)(b->scale * 2 * error);
    }
    b->loss[i] = spoiled && c->what == LOSS ? INFINITY : sum;
  }
  return EBB_OK;
}

static const EbbObjectiveOps ops = {.size = sizeof ops, .needs = needs, .corrupt = corrupt, .loss = loss};
static const EbbComponent spoiler = {
    .size = sizeof spoiler,
    .kind = EBB_OBJECTIVE,
    .id = "spoiler",
    .summary = "denoising that spoils a row on purpose",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&spoiler)
