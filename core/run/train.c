/* SPDX-License-Identifier: MIT
 *
 * The train stage. A step has three phases with a barrier between: rows are split over the threads for the questions, the forward pass, the loss and
 * the gradients of activations; outputs of layers are split for the gradients of weights; the same parts go through clipping, AdamW, EMA and packing.
 * Nothing depends on how the work was split, and all noise is addressed by (row, step): a run that was killed, or ran on other threads, ends with the
 * same bits. */
#include "run/train.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "model/optimiser.h"
#include "run/teacher.h"

enum { LEAST_ROWS = 10 }; /* fewer usable simulations are refused */
static const double SAVE_SECONDS = 5;

/* ---- The training set ---- */

/* Held out: the share of the spec, at least 100 rows where that is no more than a fifth, and at least one. */
static void split_rows(Training *t) {
  int64_t n = t->set.usable;
  t->held = (int64_t)(t->spec->validation * (double)n);
  if (t->held < 100) t->held = n / 5 < 100 ? n / 5 : 100;
  if (t->held < 1) t->held = 1;
  t->rows = n - t->held;
  int64_t *order = arena_alloc(t->run->arena, (size_t)n * sizeof *order);
  random_permutation((EbbRng){t->spec->seed, STREAM_VALIDATION}, 0, n, order);
  for (int64_t i = 0; i < n; i++) order[i] = t->set.take[order[i]];
  t->held_row = order;
  t->row = order + t->held;
}

/* Statistics over all usable rows. */
static void fit_maps(Training *t) {
  Model *m = t->model;
  Dataset *set = &t->set;
  uint8_t *keep = arena_alloc(t->run->arena, (size_t)set->rows);
  for (int64_t i = 0; i < set->usable; i++) keep[set->take[i]] = 1;
  for (int64_t j = 0; j < m->d; j++) map_fit(&m->map[j], set->rows, set->theta + j, m->d, keep);
  inputs_fit(&m->inputs, set->rows, set->x, keep);
  for (int64_t j = 0; j < m->q; j++)
    if (m->inputs.column[j].rule == COLUMN_CONSTANT)
      log_line(LOG_WARNING, "data column %" PRId64 " is constant (%g): it is centred, not scaled, and says nothing", j + 1,
               m->inputs.column[j].centre);
}

/* The linear-Gaussian base, on training rows alone. */
static EbbStatus fit_base(Training *t) {
  static const BaseKind kinds[] = {BASE_MARGINAL, BASE_ROTATED, BASE_WHITENED};
  Model *m = t->model;
  BaseKind kind = kinds[t->run->spec->model.base];
  if (kind == BASE_MARGINAL) return EBB_OK;
  Arena *scratch = arena_new();
  int64_t n = t->rows < BASE_ROWS ? t->rows : BASE_ROWS;
  float *x = ARENA_ARRAY(scratch, float, n * m->d), *y = ARENA_ARRAY(scratch, float, n * m->inputs.n);
  for (int64_t i = 0; i < n; i++) {
    model_theta_forward(m, t->set.theta + t->row[i] * m->d, x + i * m->d);
    model_data_forward(m, t->set.x + t->row[i] * m->q, y + i * m->inputs.n);
  }
  EbbStatus status = base_fit(m->arena, kind, n, m->d, m->inputs.n, x, y, &m->base);
  arena_free(scratch);
  return status;
}

EbbStatus training_setup(Training *t) {
  Run *run = t->run;
  t->model = run->model;
  t->spec = &run->spec->training;
  EbbStatus status = dataset_open(run->arena, run->simulate.folder, run->spec->simulations.count, &t->set);
  if (status != EBB_OK) return status;
  if (t->set.d != t->model->d || t->set.q != t->model->q)
    return fail(EBB_E_SHAPE, "%s holds %" PRId64 " parameters and %" PRId64 " numbers a row, the simulator says %" PRId64 " and %" PRId64,
                run->simulate.folder, t->set.d, t->set.q, t->model->d, t->model->q);
  if (t->set.usable < LEAST_ROWS)
    return fail(EBB_E_CONFIG, "training needs at least %d simulations that did not fail, there are %" PRId64 "; raise simulations.count", LEAST_ROWS,
                t->set.usable);
  split_rows(t);
  fit_maps(t);
  uint32_t wants = t->model->needs.wants;
  status = wants & EBB_OBJ_TEACHER ? teacher_open(run, t->model, &t->teacher) : fit_base(t);
  if (status != EBB_OK) return status;
  t->batch = t->spec->batch;
  if (t->batch > t->rows) {
    t->batch = t->rows;
    log_line(LOG_WARNING, "training.batch %" PRId64 " is more than the %" PRId64 " training rows; the batch is all of them", t->spec->batch, t->rows);
  }
  t->per_epoch = t->rows / t->batch;
  t->steps = t->per_epoch * t->spec->epochs;
  if (t->spec->steps > 0 && t->spec->steps < t->steps) t->steps = t->spec->steps;
  /* Validation is a forward pass of held-out rows at several levels, a third of a training row each: no more than a tenth of the work. */
  int64_t tenth = 10 * t->held * VALIDATION_LEVELS / (3 * t->batch);
  t->every = t->steps / 50 > t->per_epoch ? t->steps / 50 : t->per_epoch;
  if (tenth > t->every) t->every = tenth;
  t->floats = graph_floats(t->model->graph);
  t->ema_gamma = ema_gamma(t->spec->ema.relative_width);
  t->order = ARENA_ARRAY(run->arena, int64_t, t->rows);
  t->order_epoch = -1;
  t->grad = ARENA_ARRAY(run->arena, float, t->floats);
  t->id = ARENA_ARRAY(run->arena, uint64_t, t->batch);
  t->draw = ARENA_ARRAY(run->arena, uint32_t, t->batch);
  t->u = ARENA_ARRAY(run->arena, double, t->batch);
  t->loss = ARENA_ARRAY(run->arena, double, t->batch);
  t->lambda = ARENA_ARRAY(run->arena, double, t->batch);
  t->held_loss = ARENA_ARRAY(run->arena, double, t->held);
  if (training_pairs(t)) t->data = ARENA_ARRAY(run->arena, uint64_t, t->batch);
  TrainState *s = &t->state;
  float **arenas[] = {&s->raw, &s->moment1, &s->moment2, &s->ema, &s->best};
  for (size_t i = 0; i < COUNT(arenas); i++) *arenas[i] = ARENA_ARRAY(run->arena, float, t->floats);
  s->best_rows = ARENA_ARRAY(run->arena, double, t->held);
  s->anchor_rows = ARENA_ARRAY(run->arena, double, t->held);
  s->best_loss = INFINITY;
  graph_init(t->model->graph, (EbbRng){t->spec->seed, STREAM_WEIGHTS}, s->raw);
  memcpy(s->ema, s->raw, (size_t)t->floats * sizeof(float));
  memcpy(s->best, s->raw, (size_t)t->floats * sizeof(float));
  status = trainer_new(run->arena, t->model->graph, t->batch, &t->trainer);
  if (status == EBB_OK) status = forward_new(run->arena, t->model->graph, &t->forward);
  if (status == EBB_OK && wants & EBB_OBJ_WEIGHT)
    status = weigher_new(run->arena, plugin_host(&t->model->network), run->pool, t->batch, t->spec->seed, &t->weigher);
  if (status == EBB_OK) t->square = ARENA_ARRAY(run->arena, double, trainer_parts(t->trainer));
  return status;
}

/* ---- One step ---- */

/* Answers to what the objective asked beside its question, by the current weights. */
static EbbStatus answer_beside(Training *t, EbbWork *work, const TrainerNoise *dropout, const Question *a, int64_t first) {
  Beside *b = a->beside;
  EbbStatus status = EBB_OK;
  if (b->z2 != NULL) status = trainer_twin(t->trainer, work, dropout, first, a->rows, b->z2, b->tau2, b->out2);
  if (status == EBB_OK && b->w != NULL) status = weigher_ask(&t->weigher, work, first, a->rows, a->tau, a->tau_row, b->w);
  if (status != EBB_OK || b->tz == NULL) return status;
  int64_t d = t->model->d;
  float *z = work_alloc(work, (size_t)(a->rows * d) * sizeof *z), *tau = work_alloc(work, (size_t)a->rows * sizeof *tau);
  float *out = work_alloc(work, (size_t)(a->rows * d) * sizeof *out);
  for (int64_t i = 0; i < a->rows; i++) {
    memcpy(z + i * d, a->z + i * a->z_row, (size_t)d * sizeof *z);
    tau[i] = a->tau[i * a->tau_row];
  }
  ForwardRows rows = {.rows = a->rows, .z = z, .value = b->value, .tau = tau, .level_step = 1};
  return forward_jvp(trainer_weights_now(t->trainer), work, &rows, 1, b->tz, b->ttau, out, b->jout);
}

static EbbStatus rows_phase(void *ctx, EbbWork *work, int64_t task) {
  Training *t = ctx;
  int64_t tasks = pool_threads(t->run->pool), first = t->batch * task / tasks, n = t->batch * (task + 1) / tasks - first;
  if (n == 0) return EBB_OK;
  TrainerRows rows = trainer_rows(t->trainer);
  Beside beside;
  Question ask = {.model = t->model,
                  .set = &t->set,
                  .rows = n,
                  .row = t->id + first,
                  .data = t->data != NULL ? t->data + first : NULL,
                  .draw = t->draw + first,
                  .u = t->u + first,
                  .rng = {t->spec->seed, STREAM_NOISE},
                  .step = (uint64_t)t->state.step,
                  .steps = (uint64_t)t->steps,
                  .z = rows.z + first * rows.z_row,
                  .tau = rows.tau + first * rows.tau_row,
                  .value = rows.value + first * rows.value_row,
                  .z_row = rows.z_row,
                  .tau_row = rows.tau_row,
                  .value_row = rows.value_row,
                  .teacher = t->teacher.model != NULL ? &t->teacher : NULL,
                  .beside = questions_beside(t->model) ? &beside : NULL};
  TrainerNoise dropout = {{t->spec->seed, STREAM_DROPOUT}, t->id, t->draw};
  EbbBatch batch;
  EbbStatus status = question_ask(&ask, work, &batch);
  if (status == EBB_OK) status = trainer_forward(t->trainer, work, &dropout, first, n);
  if (status == EBB_OK && ask.beside != NULL) status = answer_beside(t, work, &dropout, &ask, first);
  if (status == EBB_OK)
    status =
        question_loss(&ask, work, &batch, rows.out + first * rows.out_row, rows.out_row, 1.0 / (double)t->batch, rows.dout + first * rows.out_row);
  if (status != EBB_OK) return status;
  for (int64_t i = 0; i < n; i++) {
    t->loss[first + i] = batch.loss[i];
    t->lambda[first + i] = batch.at[i].lambda;
  }
  if (ask.beside != NULL && beside.w != NULL) status = weigher_back(&t->weigher, work, first, n, beside.dw);
  return status == EBB_OK ? trainer_backward(t->trainer, work, first, n) : status;
}

static EbbStatus weights_phase(void *ctx, EbbWork *work, int64_t part) {
  Training *t = ctx;
  return trainer_weights(t->trainer, work, part, t->grad, &t->square[part]);
}

static EbbStatus update_phase(void *ctx, EbbWork *work, int64_t part) {
  Training *t = ctx;
  TrainState *s = &t->state;
  int64_t at, count;
  bool decay;
  trainer_part_range(t->trainer, part, &at, &count, &decay);
  kernels->adam(&t->adam, decay ? (float)t->spec->decay : 0, count, t->grad + at, s->raw + at, s->moment1 + at, s->moment2 + at, s->ema + at);
  return trainer_pack(t->trainer, work, part, s->raw);
}

static EbbStatus pack_phase(void *ctx, EbbWork *work, int64_t part) {
  Training *t = ctx;
  return trainer_pack(t->trainer, work, part, t->state.raw);
}

EbbStatus training_pack(Training *t) {
  EbbStatus status = pool_run(t->run->pool, trainer_parts(t->trainer), pack_phase, t);
  return status == EBB_OK && t->weigher.graph != NULL ? weigher_pack(&t->weigher, t->run->pool) : status;
}

/* This step's rows, noise levels and addresses. */
static EbbStatus choose_batch(Training *t) {
  int64_t epoch = t->state.step / t->per_epoch, place = t->state.step % t->per_epoch * t->batch;
  if (epoch != t->order_epoch) {
    random_permutation((EbbRng){t->spec->seed, STREAM_ORDER}, (uint64_t)epoch, t->rows, t->order);
    t->order_epoch = epoch;
  }
  for (int64_t i = 0; i < t->batch; i++) {
    t->id[i] = (uint64_t)t->row[t->order[place + i]];
    t->draw[i] = (uint32_t)t->state.step + 1;
  }
  stratified_times((EbbRng){t->spec->seed, STREAM_TIMES}, (uint64_t)t->state.step, t->batch, t->u);
  if (t->data == NULL) return EBB_OK;
  return training_pair(t, (EbbRng){t->spec->seed, STREAM_NOISE}, t->batch, t->id, t->draw, (uint64_t)t->state.step, t->data);
}

/* Of a row's data. In float32: gcc 12 for aarch64 breaks on the maximum of widened numbers. */
static double largest_number(const Training *t, uint64_t row) {
  float largest = 0;
  for (int64_t j = 0; j < t->set.q; j++) largest = fmaxf(largest, fabsf(t->set.x[(int64_t)row * t->set.q + j]));
  return (double)largest;
}

/* A loss or gradient that is not finite ends the run here, with what a user needs to find the row. */
static EbbStatus report_non_finite(const Training *t, const char *what) {
  const uint64_t *row = t->data != NULL ? t->data : t->id;
  int64_t worst = 0;
  double most = -1;
  for (int64_t i = 0; i < t->batch; i++) {
    double largest = largest_number(t, row[i]);
    bool bad = !isfinite(t->loss[i]);
    if (bad) largest = INFINITY;
    if (largest > most) {
      most = largest;
      worst = i;
    }
    if (bad) break;
  }
  double largest = largest_number(t, row[worst]);
  return fail(EBB_E_NUMERIC,
              "training stopped at step %" PRId64 " of %" PRId64 " (epoch %" PRId64 "): the %s is not finite; row %" PRIu64
              " of the simulations is the first suspect (largest |x| there: %g); the best model so far is of step %" PRId64
              ", validation %g; check that row, or lower training.learning_rate",
              t->state.step + 1, t->steps, t->state.step / t->per_epoch + 1, what, row[worst], largest, t->state.best_step, t->state.best_loss);
}

EbbStatus training_step(Training *t) {
  Pool *pool = t->run->pool;
  TrainState *s = &t->state;
  EbbStatus status = choose_batch(t);
  if (status == EBB_OK) status = pool_run(pool, pool_threads(pool), rows_phase, t);
  if (status != EBB_OK) return status;
  double sum = 0;
  for (int64_t i = 0; i < t->batch; i++) sum += t->loss[i];
  if (!isfinite(sum)) return report_non_finite(t, "loss");
  int64_t parts = trainer_parts(t->trainer);
  status = pool_run(pool, parts, weights_phase, t);
  if (status != EBB_OK) return status;
  double square = 0;
  for (int64_t i = 0; i < parts; i++) square += t->square[i];
  if (!isfinite(square)) return report_non_finite(t, "gradient");
  int64_t k = s->step + 1;
  double keep = t->spec->ema.use == EMA_POWER      ? ema_power_keep(t->ema_gamma, k)
                : t->spec->ema.use == EMA_CONSTANT ? ema_constant_keep(t->spec->ema.rate, k)
                                                   : 0;
  t->adam = adam_step(learning_rate(t->spec->learning_rate, t->spec->warmup, k, t->steps), clip_scale(sqrt(square), t->spec->clip), keep, k);
  status = pool_run(pool, parts, update_phase, t);
  if (status == EBB_OK && t->weigher.graph != NULL) status = weigher_step(&t->weigher, pool, &t->adam);
  s->step = k;
  s->loss_sum += sum;
  s->loss_count += (double)t->batch;
  const ScheduleView *v = &t->model->view;
  for (int64_t i = 0; i < t->batch; i++) {
    int64_t bin = (int64_t)((t->lambda[i] - v->lambda_min) / (v->lambda_max - v->lambda_min) * LAMBDA_BINS);
    bin = bin < 0 ? 0 : bin >= LAMBDA_BINS ? LAMBDA_BINS - 1 : bin;
    s->bin_sum[bin] += t->loss[i];
    s->bin_count[bin] += 1;
  }
  return status;
}

/* ---- The whole run ---- */

static EbbStatus write_history(const Training *t, const char *path) {
  Str out = {0};
  str_add(&out, "step,rows,seconds,learning_rate,loss,validation");
  const ScheduleView *v = &t->model->view;
  for (int k = 0; k < LAMBDA_BINS; k++)
    str_print(&out, ",loss_at_lambda_%.2f", v->lambda_min + (k + 0.5) / LAMBDA_BINS * (v->lambda_max - v->lambda_min));
  str_add(&out, "\n");
  for (int64_t i = 0; i < t->state.lines; i++) {
    const double *line = t->state.history + i * HISTORY;
    str_print(&out, "%.0f,%.0f,%.2f", line[0], line[1], line[2]);
    for (int k = 3; k < HISTORY; k++) str_print(&out, isnan(line[k]) ? ",nan" : ",%.6g", line[k]); /* a sign on nan would say nothing */
    str_add(&out, "\n");
  }
  EbbStatus status = file_write(path, out.text, out.length);
  str_free(&out);
  return status;
}

static EbbStatus save(Training *t) {
  stage_note_time(&t->run->train);
  return checkpoint_write(t, t->run->train.work);
}

static EbbStatus loop(Training *t) {
  TrainState *s = &t->state;
  EbbStatus status = training_pack(t);
  Progress *progress = progress_begin("train", "steps", t->steps, s->step);
  double saved = seconds();
  bool stop = false;
  char note[96] = "";
  if (status == EBB_OK && s->step == 0) status = training_validate(t, &stop); /* with a base that is right, nothing beats the beginning */
  while (s->step < t->steps && !stop && status == EBB_OK) {
    if (run_stop) {
      status = save(t);
      if (status == EBB_OK)
        status = fail(EBB_E_CANCELLED, "stopped at training step %" PRId64 " of %" PRId64 "; a checkpoint is written", s->step, t->steps);
      break;
    }
    status = training_step(t);
    if (status == EBB_OK && (s->step % t->every == 0 || s->step == t->steps)) {
      status = training_validate(t, &stop);
      if (status == EBB_OK) {
        const double *line = s->history + (s->lines - 1) * HISTORY;
        snprintf(note, sizeof note, "loss %.4f  validation %.4f  best %.4f at %" PRId64, line[4], line[5], s->best_loss, s->best_step);
      }
    }
    progress_at(progress, s->step, note);
    if (status == EBB_OK && seconds() - saved > SAVE_SECONDS) {
      status = save(t);
      saved = seconds();
    }
  }
  if (status == EBB_OK && stop) snprintf(note, sizeof note, "stopped early: best %.4f at %" PRId64, s->best_loss, s->best_step);
  progress_end(progress, note);
  return status;
}

static EbbStatus finish(Training *t) {
  Run *run = t->run;
  Arena *arena = run->arena;
  memcpy(t->model->weights, t->state.best, (size_t)t->floats * sizeof(float));
  char best[32], steps[32];
  snprintf(best, sizeof best, "%" PRId64, t->state.best_step);
  snprintf(steps, sizeof steps, "%" PRId64, t->state.step);
  SafeMeta more[] = {{"best_step", best}, {"steps", steps}, {"simulations", arena_print(arena, "%" PRId64, t->set.usable)}};
  EbbStatus status = model_write(t->model, path_join(arena, run->train.work, "model.safetensors"), t->state.raw, run->spec->text, more, COUNT(more));
  if (status == EBB_OK) status = write_history(t, path_join(arena, run->train.work, "training.csv"));
  if (status != EBB_OK) return status;
  remove(path_join(arena, run->train.work, "checkpoint.safetensors"));
  remove(path_join(arena, run->train.work, "checkpoint.previous.safetensors"));
  return stage_commit(&run->train, arena_print(arena, "\"steps\": %" PRId64 ", \"best_step\": %" PRId64 ", \"parameters\": %" PRId64, t->state.step,
                                               t->state.best_step, graph_parameters(t->model->graph)));
}

EbbStatus run_train(Run *run) {
  if (run->train.done) return EBB_OK;
  EbbStatus status = stage_begin(&run->train);
  if (status != EBB_OK || run->train.done) return status;
  if (run->model == NULL) status = model_new(run->arena, run->pool, run->spec, &run->info, &run->model);
  Training t = {.run = run};
  if (status == EBB_OK) status = training_setup(&t);
  if (status == EBB_OK) status = checkpoint_read(&t, run->train.work);
  t.started = seconds();
  if (status == EBB_OK) status = loop(&t);
  if (status == EBB_OK) status = finish(&t);
  if (status != EBB_OK) stage_release(&run->train);
  dataset_close(&t.set);
  return status;
}
