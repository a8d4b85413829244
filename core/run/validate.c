/* SPDX-License-Identifier: MIT
 *
 * Validation with frozen noise (methods.md 3.7): each held-out row gets 16 stratified noise levels and addressed noise, the same at every validation,
 * so that two values differ by the weights alone. The best snapshot is the lowest mean. Training stops when the mean has not improved by half a
 * standard error of the paired differences for a share of the epochs run so far. */
#include <math.h>
#include <string.h>

#include "run/train.h"

enum { REPEATS = VALIDATION_LEVELS, ROWS = 8 }; /* noise levels a row; held-out rows a task */

/* As in training, but by the average's weights, without dropout, and all losses weighed alike (w 0). */
static EbbStatus answer_beside(const Training *t, EbbWork *work, const ForwardRows *asked, const Beside *b) {
  EbbStatus status = EBB_OK;
  ForwardRows rows = *asked;
  float *out = work_alloc(work, (size_t)(rows.rows * t->model->d) * sizeof *out);
  if (b->tz != NULL) status = forward_jvp(t->forward, work, &rows, 1, b->tz, b->ttau, out, b->jout);
  if (b->z2 == NULL || status != EBB_OK) return status;
  rows.z = b->z2;
  rows.tau = b->tau2;
  return forward_eval(t->forward, work, &rows, b->out2);
}

static EbbStatus validate_rows(void *ctx, EbbWork *work, int64_t task) {
  Training *t = ctx;
  int64_t begin = task * ROWS, count = t->held - begin < ROWS ? t->held - begin : ROWS, n = count * REPEATS;
  int64_t d = t->model->d, q = t->model->inputs.n;
  EbbRng rng = {t->spec->seed, STREAM_VALIDATION};
  uint64_t *id = work_alloc(work, (size_t)n * sizeof *id);
  uint32_t *draw = work_alloc(work, (size_t)n * sizeof *draw);
  double *u = work_alloc(work, (size_t)n * sizeof *u), *shift = work_alloc(work, ROWS * sizeof *shift);
  for (int64_t i = 0; i < n; i++) {
    id[i] = (uint64_t)t->held_row[begin + i / REPEATS];
    draw[i] = (uint32_t)(i % REPEATS) + 1;
  }
  for (int64_t k = 0; k < count; k++) random_uniform(rng, 1, &id[k * REPEATS], NULL, 1, 1, &shift[k]);
  for (int64_t i = 0; i < n; i++) u[i] = ((double)(i % REPEATS) + shift[i / REPEATS]) / REPEATS;
  Beside beside;
  Question ask = {.model = t->model,
                  .set = &t->set,
                  .rows = n,
                  .row = id,
                  .data = t->held_data != NULL ? t->held_data + begin * REPEATS : NULL,
                  .draw = draw,
                  .u = u,
                  .rng = rng,
                  .step = (uint64_t)t->steps, /* as training ends: where an objective changes on its way, values stay comparable */
                  .steps = (uint64_t)t->steps,
                  .teacher = t->teacher.model != NULL ? &t->teacher : NULL,
                  .beside = questions_beside(t->model) ? &beside : NULL};
  ask.z = work_alloc(work, (size_t)(n * d) * sizeof(float));
  ask.tau = work_alloc(work, (size_t)n * sizeof(float));
  ask.value = work_alloc(work, (size_t)(n * q) * sizeof(float));
  ask.z_row = d;
  ask.tau_row = 1;
  ask.value_row = q;
  float *out = work_alloc(work, (size_t)(n * d) * sizeof *out);
  EbbBatch batch;
  EbbStatus status = question_ask(&ask, work, &batch);
  ForwardRows rows = {.rows = n, .z = ask.z, .value = ask.value, .tau = ask.tau, .level_step = 1};
  if (status == EBB_OK) status = forward_eval(t->forward, work, &rows, out);
  if (status == EBB_OK && ask.beside != NULL) status = answer_beside(t, work, &rows, &beside);
  if (status == EBB_OK) status = question_loss(&ask, work, &batch, out, d, 0, NULL);
  for (int64_t k = 0; k < count && status == EBB_OK; k++) {
    double sum = 0;
    for (int64_t i = 0; i < REPEATS; i++) sum += batch.loss[k * REPEATS + i];
    t->held_loss[begin + k] = sum / REPEATS;
  }
  return status;
}

/* An objective that pairs has its held-out rows paired too, a batch at a time and each repetition apart: else the loss would be that of another
 * field. Frozen like the noise. */
static EbbStatus pair_held(Training *t) {
  Arena *arena = t->run->arena;
  uint64_t *id = ARENA_ARRAY(arena, uint64_t, t->batch), *data = ARENA_ARRAY(arena, uint64_t, t->batch);
  uint32_t *draw = ARENA_ARRAY(arena, uint32_t, t->batch);
  t->held_data = ARENA_ARRAY(arena, uint64_t, t->held * REPEATS);
  EbbStatus status = EBB_OK;
  for (int64_t begin = 0; begin < t->held && status == EBB_OK; begin += t->batch)
    for (int64_t k = 0; k < REPEATS && status == EBB_OK; k++) {
      int64_t n = t->held - begin < t->batch ? t->held - begin : t->batch;
      for (int64_t i = 0; i < n; i++) {
        id[i] = (uint64_t)t->held_row[begin + i];
        draw[i] = (uint32_t)k + 1;
      }
      uint64_t address = UINT64_C(1) << 48 | (uint64_t)(begin * REPEATS + k); /* beyond any step */
      status = training_pair(t, (EbbRng){t->spec->seed, STREAM_VALIDATION}, n, id, draw, address, data);
      for (int64_t i = 0; i < n; i++) t->held_data[(begin + i) * REPEATS + k] = data[i];
    }
  return status;
}

static double mean_of(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  return sum / (double)n;
}

/* Whether now is better than before by more than half a standard error of the paired differences. */
static bool certain(const double *before, const double *now, int64_t n) {
  double mean = 0, square = 0;
  for (int64_t i = 0; i < n; i++) mean += (before[i] - now[i]) / (double)n;
  for (int64_t i = 0; i < n; i++) square += (before[i] - now[i] - mean) * (before[i] - now[i] - mean);
  double error = n > 1 ? sqrt(square / ((double)(n - 1) * (double)n)) : 0;
  return mean > 0.5 * error;
}

static void add_line(Training *t, double validation) {
  TrainState *s = &t->state;
  if (s->lines == s->lines_room) {
    s->lines_room = s->lines_room > 0 ? 2 * s->lines_room : 128;
    double *grown = arena_alloc(t->run->arena, (size_t)(s->lines_room * HISTORY) * sizeof *grown);
    if (s->lines > 0) memcpy(grown, s->history, (size_t)(s->lines * HISTORY) * sizeof *grown);
    s->history = grown;
  }
  double *line = s->history + s->lines++ * HISTORY;
  line[0] = (double)s->step;
  line[1] = (double)s->step * (double)t->batch;
  line[2] = t->seconds_before + seconds() - t->started;
  line[3] = (double)t->adam.rate;
  line[4] = s->loss_sum / s->loss_count;
  line[5] = validation;
  for (int k = 0; k < LAMBDA_BINS; k++) line[6 + k] = s->bin_sum[k] / s->bin_count[k]; /* nan where nothing fell */
  s->loss_sum = s->loss_count = 0;
  memset(s->bin_sum, 0, sizeof s->bin_sum);
  memset(s->bin_count, 0, sizeof s->bin_count);
}

EbbStatus training_validate(Training *t, bool *stop) {
  TrainState *s = &t->state;
  EbbStatus status = t->held_data == NULL && training_pairs(t) ? pair_held(t) : EBB_OK;
  if (status == EBB_OK) status = forward_load(t->forward, t->run->pool, s->ema);
  if (status == EBB_OK) status = pool_run(t->run->pool, (t->held + ROWS - 1) / ROWS, validate_rows, t);
  if (status != EBB_OK) return status;
  double loss = mean_of(t->held_loss, t->held);
  add_line(t, loss);
  size_t bytes = (size_t)t->held * sizeof(double);
  /* A map is measured against itself: its lowest loss is not its best. The last weights are kept, and training does not stop early. */
  bool map = t->model->needs.result == EBB_MAP;
  if (map || !(loss >= s->best_loss)) {
    s->best_loss = loss;
    s->best_step = s->step;
    memcpy(s->best, s->ema, (size_t)t->floats * sizeof(float));
    memcpy(s->best_rows, t->held_loss, bytes);
  }
  if (s->lines == 1 || certain(s->anchor_rows, t->held_loss, t->held)) {
    s->anchor_loss = loss;
    s->anchor_step = s->step;
    memcpy(s->anchor_rows, t->held_loss, bytes);
  }
  double epochs = (double)s->step / (double)t->per_epoch, since = (double)(s->step - s->anchor_step) / (double)t->per_epoch;
  *stop = !map && t->spec->patience > 0 && since > fmax(20, t->spec->patience * epochs);
  return EBB_OK;
}
