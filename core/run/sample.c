/* SPDX-License-Identifier: MIT
 *
 * The sample stage. Rows (observation, draw) go through the slots in waves; each wave is written in its place, and a note says how far the file is
 * whole. */
#include "run/sample.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num/sort.h"
#include "run/chain.h"
#include "run/slots.h"

enum { WAVE_BLOCKS = 16 };

void sample_warn_outside(const Model *m, const Observations *o, SampleFacts *facts) {
  int64_t outside = 0;
  for (int64_t i = 0; i < o->n; i++) {
    int64_t column;
    const float *row = o->data.value + i * m->q;
    double far = facts[i].outside = model_outside(m, row, &column);
    if (column < 0) continue;
    if (outside++ < 5)
      log_line(LOG_WARNING,
               "observation %" PRId64 " lies outside the training data: number %" PRId64
               " is %g, simulations gave %g to %g (%.3g sd beyond); draws are extrapolated",
               o->number[i], column + 1, (double)row[column], m->inputs.column[column].low, m->inputs.column[column].high, far);
  }
  if (outside > 5) log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " observations in all lie outside the training data", outside, o->n);
}

/* How far the file is whole: [0] rows, then evaluations and failed rows of each observation. */
static EbbStatus note_write(const SampleJob *job, int64_t done, const double *counts) {
  int64_t n = 1 + 2 * job->observations->n;
  double *note = malloc((size_t)n * sizeof *note);
  if (note == NULL) return fail(EBB_E_MEMORY, "no memory for %" PRId64 " numbers", n);
  note[0] = (double)done;
  memcpy(note + 1, counts, (size_t)(n - 1) * sizeof *note);
  char path[4096];
  snprintf(path, sizeof path, "%s/progress.npy", job->folder);
  EbbStatus status = npy_write_f64(path, 1, &n, note);
  free(note);
  if (status == EBB_OK && job->stage != NULL) stage_note_time(job->stage);
  return status;
}

static int64_t note_read(const SampleJob *job, double *counts) {
  char path[4096];
  snprintf(path, sizeof path, "%s/progress.npy", job->folder);
  Npy file;
  int64_t n = 2 * job->observations->n;
  double done = 0;
  if (!file_exists(path)) return 0;
  if (npy_open(path, &file) != EBB_OK) {
    fail_clear();
    return 0;
  }
  if (file.size != n + 1 || npy_get_f64(&file, 0, 1, &done) != EBB_OK || npy_get_f64(&file, 1, n, counts) != EBB_OK) done = 0;
  npy_close(&file);
  if (done == 0) memset(counts, 0, (size_t)n * sizeof *counts);
  return (int64_t)done;
}

typedef struct Wave {
  uint64_t *id;
  int32_t *set;
  double *x;
  uint32_t *asked;
  uint8_t *failed;
  float *theta;
} Wave;

static EbbStatus one_wave(const SampleJob *job, const Slots *slots, const Wave *w, int64_t first, int64_t n, double *counts) {
  int64_t d = job->model->d;
  for (int64_t i = 0; i < n; i++) {
    int64_t set = (first + i) / job->draws, draw = (first + i) % job->draws;
    w->id[i] = (uint64_t)job->observations->number[set] << 32 | (uint64_t)draw;
    w->set[i] = (int32_t)set;
  }
  EbbStatus status = slots_run(slots, n, w->id, w->set, w->x, w->asked, w->failed);
  if (status != EBB_OK) return status;
  for (int64_t i = 0; i < n; i++) {
    counts[2 * w->set[i]] += w->asked[i];
    counts[2 * w->set[i] + 1] += w->failed[i];
    if (w->failed[i])
      for (int64_t j = 0; j < d; j++) w->theta[i * d + j] = NAN;
    else
      model_theta_inverse(job->model, w->x + i * d, w->theta + i * d);
  }
  return EBB_OK;
}

static EbbStatus open_draws(const char *path, int64_t done, const int64_t shape[3], FILE **out) {
  FILE *f = fopen(path, done > 0 ? "r+b" : "w+b");
  if (f == NULL) return fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
  *out = f;
  EbbStatus status = npy_header(f, NPY_F32, 3, shape);
  if (status == EBB_OK && fseek(f, (long)done * (long)shape[2] * 4, SEEK_CUR) != 0)
    status = fail(EBB_E_IO, "cannot move within %s: %s", path, strerror(errno));
  return status;
}

EbbStatus sample_begin_with(const SampleJob *job, const char *theta, int64_t sets, const SampleFacts *facts) {
  Arena *arena = arena_new();
  int64_t d = job->model->d, rows = sets * job->draws;
  double *counts = ARENA_ARRAY(arena, double, 2 * job->observations->n);
  for (int64_t k = 0; k < sets; k++) {
    counts[2 * k] = round(facts[k].evaluations * (double)job->draws);
    counts[2 * k + 1] = (double)facts[k].failed;
  }
  const int64_t shape[3] = {job->observations->n, job->draws, d};
  const char *path = path_join(arena, job->folder, "theta.npy");
  Npy old = {0};
  FILE *file = NULL;
  EbbStatus status = npy_open(theta, &old);
  if (status == EBB_OK && (npy_f32(&old) == NULL || old.size < rows * d))
    status =
        fail(EBB_E_SHAPE, "%s: expected float32, %" PRId64 " draws of %" PRId64 " parameters, found %s", theta, rows, d, npy_shape_text(arena, &old));
  if (status == EBB_OK) status = open_draws(path, 0, shape, &file);
  if (status == EBB_OK && (fwrite(old.data, (size_t)d * 4, (size_t)rows, file) != (size_t)rows || fflush(file) != 0 || fdatasync(fileno(file)) != 0))
    status = fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
  if (status == EBB_OK) status = note_write(job, rows, counts);
  if (file != NULL) fclose(file);
  npy_close(&old);
  arena_free(arena);
  return status;
}

/* Which draws failed, counted from 1: the first few of each observation. */
static void name_failed(const SampleJob *job, const SampleFacts *facts, const char *path) {
  enum { SHOWN = 8 };
  Npy file = {0};
  if (job->sets != NULL) {
    int64_t failed = 0, in = 0;
    for (int64_t k = 0; k < job->observations->n; k++) {
      failed += facts[k].failed;
      in += facts[k].failed > 0;
    }
    if (failed > 0)
      log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " draws failed and are NaN, in %" PRId64 " of %" PRId64 " %s", failed,
               job->observations->n * job->draws, in, job->observations->n, job->sets);
    return;
  }
  for (int64_t k = 0; k < job->observations->n; k++) {
    if (facts[k].failed == 0) continue;
    if (file.data == NULL && npy_open(path, &file) != EBB_OK) break;
    Str which = {0};
    int64_t d = job->model->d, shown = 0;
    for (int64_t i = 0; i < job->draws && shown < SHOWN; i++)
      if (isnan(npy_f32(&file)[(k * job->draws + i) * d])) str_print(&which, "%s%" PRId64, shown++ > 0 ? ", " : "", i + 1);
    log_line(LOG_WARNING, "observation %" PRId64 ": %" PRId64 " of %" PRId64 " draws failed and are NaN in theta.npy: draw%s %s%s",
             job->observations->number[k], facts[k].failed, job->draws, facts[k].failed > 1 ? "s" : "", which.text,
             facts[k].failed > shown ? ", ..." : "");
    str_free(&which);
  }
  npy_close(&file);
}

EbbStatus sample_draws(const SampleJob *job, SampleFacts *facts) {
  Arena *arena = arena_new();
  const Model *m = job->model;
  const Observations *o = job->observations;
  const EbbSamplerOps *ops = job->sampler->ops;
  int64_t d = m->d, total = o->n * job->draws, steps = ops->steps(job->sampler->self), n = steps > 0 ? steps : 2;
  double began = seconds();
  EbbLevel *level;
  FILE *file = NULL;
  Progress *progress = NULL;
  EbbStatus status = schedule_grid(arena, &m->view, job->grid, job->sampler, n, &level);
  if (status != EBB_OK) goto end;

  float *value = ARENA_ARRAY(arena, float, o->n * m->inputs.n);
  for (int64_t i = 0; i < o->n; i++) model_data_forward(m, o->data.value + i * m->q, value + i * m->inputs.n);
  NetworkField network;
  status = network_field(arena, job->pool, m, o->n, value, n, level, &network);
  if (status != EBB_OK) goto end;
  EbbPlan plan = {sizeof plan, 0, plugin_host(job->sampler), &m->view.schedule, {job->seed, job->sampler->stream}, NULL, d, 1, n, level};
  Slots slots = {.pool = job->pool,
                 .field = &network.field,
                 .sampler = job->sampler,
                 .plan = &plan,
                 .seed = job->seed,
                 .block = job->block > 0 ? job->block : DEFAULT_BLOCK,
                 .mean = network.mean,
                 .variance = m->base.variance};
  status = slots_prepare(&slots);
  if (status != EBB_OK) goto end;

  int64_t wave = slots.block * WAVE_BLOCKS * pool_threads(job->pool);
  if (wave < 4096) wave = 4096;
  Wave w = {ARENA_ARRAY(arena, uint64_t, wave), ARENA_ARRAY(arena, int32_t, wave), ARENA_ARRAY(arena, double, wave *d),
            ARENA_ARRAY(arena, uint32_t, wave), ARENA_ARRAY(arena, uint8_t, wave), ARENA_ARRAY(arena, float, wave *d)};
  double *counts = ARENA_ARRAY(arena, double, 2 * o->n);
  int64_t done = note_read(job, counts);
  const int64_t shape[3] = {o->n, job->draws, d};
  const char *path = path_join(arena, job->folder, "theta.npy");
  status = open_draws(path, done, shape, &file);
  slots.progress = progress = progress_begin(job->sets != NULL ? job->sets : "sample", "draws", total, done);
  double noted = seconds();
  while (done < total && status == EBB_OK) {
    int64_t rows = total - done < wave ? total - done : wave;
    status = one_wave(job, &slots, &w, done, rows, counts);
    if (status == EBB_OK && fwrite(w.theta, (size_t)d * 4, (size_t)rows, file) != (size_t)rows)
      status = fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
    if (status == EBB_OK) done += rows;
    bool save = seconds() - noted > 4 || status == EBB_E_CANCELLED;
    if (save && (status == EBB_OK || status == EBB_E_CANCELLED)) {
      if (fflush(file) != 0 || fdatasync(fileno(file)) != 0) status = fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
      if (status == EBB_OK) status = note_write(job, done, counts);
      if (status == EBB_E_CANCELLED && note_write(job, done, counts) == EBB_OK)
        fail(EBB_E_CANCELLED, "stopped while sampling; %" PRId64 " of %" PRId64 " draws are kept", done, total);
      noted = seconds();
    }
  }
  if (status == EBB_OK && (fflush(file) != 0 || fdatasync(fileno(file)) != 0)) status = fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
  progress_end(progress, NULL);
  if (status != EBB_OK) goto end;
  remove(path_join(arena, job->folder, "progress.npy"));
  double all = 0, took = seconds() - began;
  for (int64_t k = 0; k < o->n; k++) all += counts[2 * k];
  for (int64_t k = 0; k < o->n; k++) {
    facts[k].evaluations = counts[2 * k] / (double)job->draws;
    facts[k].seconds = all > 0 ? took * counts[2 * k] / all : 0;
    facts[k].failed = (int64_t)counts[2 * k + 1];
  }
  name_failed(job, facts, path);
end:
  if (file != NULL) fclose(file);
  arena_free(arena);
  return status;
}

EbbStatus sample_summary(const Model *m, const Observations *o, int64_t draws, const char *folder) {
  Arena *arena = arena_new();
  Npy file;
  Str out = {0};
  EbbStatus status = npy_open(path_join(arena, folder, "theta.npy"), &file);
  const float *theta = status == EBB_OK ? npy_f32(&file) : NULL;
  float *column = ARENA_ARRAY(arena, float, draws), *spare = ARENA_ARRAY(arena, float, draws);
  str_add(&out, "observation,parameter,mean,sd,q05,q25,q50,q75,q95\n");
  for (int64_t k = 0; k < o->n && theta != NULL; k++)
    for (int64_t j = 0; j < m->d; j++) {
      int64_t n = 0;
      double mean = 0, square = 0;
      for (int64_t i = 0; i < draws; i++) {
        float v = theta[(k * draws + i) * m->d + j];
        if (isfinite(v)) column[n++] = v;
      }
      str_print(&out, "%" PRId64 ",", o->number[k]);
      str_csv(&out, m->parameter[j].name);
      if (n == 0) {
        str_add(&out, ",nan,nan,nan,nan,nan,nan,nan\n");
        continue;
      }
      for (int64_t i = 0; i < n; i++) mean += (double)column[i] / (double)n;
      for (int64_t i = 0; i < n; i++) square += ((double)column[i] - mean) * ((double)column[i] - mean);
      sort_f32(n, column, spare);
      str_print(&out, ",%.7g,%.7g", mean, n > 1 ? sqrt(square / (double)(n - 1)) : 0.0);
      static const double at[] = {.05, .25, .5, .75, .95};
      for (size_t i = 0; i < COUNT(at); i++) str_print(&out, ",%.7g", sorted_quantile(column, n, at[i]));
      str_add(&out, "\n");
    }
  if (status == EBB_OK) status = file_write(path_join(arena, folder, "summary.csv"), out.text, out.length);
  npy_close(&file);
  str_free(&out);
  arena_free(arena);
  return status;
}

EbbStatus run_model(Run *run) {
  if (run->model != NULL) return EBB_OK;
  EbbStatus status = model_new(run->arena, run->pool, run->spec, &run->info, &run->model);
  return status == EBB_OK ? model_read(run->model, path_join(run->arena, run->train.folder, "model.safetensors")) : status;
}

/* A stage that is done tells its counts. */
static EbbStatus read_facts(Run *run) {
  Json *facts;
  EbbStatus status = stage_facts(run->arena, &run->sample, &facts);
  if (status != EBB_OK) return status;
  const Json *list = json_get(facts, "observations");
  int64_t k = 0;
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL && k < run->observations.n; j = j->next, k++)
    run->sampled[k] = (SampleFacts){json_number(j, "evaluations_per_draw", NAN), json_number(j, "seconds", NAN), (int64_t)json_number(j, "failed", 0),
                                    json_number(j, "outside", INFINITY)}; /* null: infinite */
  return EBB_OK;
}

EbbStatus run_sample(Run *run) {
  EbbStatus status = EBB_OK;
  run->sampled = ARENA_ARRAY(run->arena, SampleFacts, run->observations.n);
  if (!run->sample.done) status = stage_begin(&run->sample);
  if (status != EBB_OK || run->sample.done) return status == EBB_OK ? read_facts(run) : status;
  status = run_model(run);
  uint32_t stream = STREAM_SAMPLER;
  EbbChild sampler = run->spec->sampling.sampler;
  if (status == EBB_OK) status = plugin_create(run->arena, run->pool, &sampler, &stream);
  if (status == EBB_OK) {
    sample_warn_outside(run->model, &run->observations, run->sampled);
    SampleJob job = {run->pool,
                     run->model,
                     &sampler,
                     &run->spec->sampling.grid,
                     &run->observations,
                     run->spec->sampling.draws,
                     run->block,
                     run->spec->sampling.seed,
                     run->sample.work,
                     &run->sample,
                     NULL};
    status = sample_draws(&job, run->sampled);
    if (status == EBB_OK) status = sample_summary(run->model, &run->observations, job.draws, job.folder);
    plugin_destroy(&sampler);
  }
  if (status != EBB_OK) {
    stage_release(&run->sample);
    return status;
  }
  Str facts = {0};
  str_add(&facts, "\"observations\": [");
  for (int64_t k = 0; k < run->observations.n; k++) {
    const SampleFacts *f = &run->sampled[k];
    str_print(&facts, "%s{\"number\": %" PRId64 ", \"evaluations_per_draw\": %.6g, \"seconds\": %.4g, \"failed\": %" PRId64 ", \"outside\": ",
              k > 0 ? ", " : "", run->observations.number[k], f->evaluations, f->seconds, f->failed);
    str_print(&facts, isfinite(f->outside) ? "%.4g}" : "null}", f->outside);
  }
  str_add(&facts, "]");
  status = stage_commit(&run->sample, facts.text);
  str_free(&facts);
  return status;
}
