/* SPDX-License-Identifier: MIT
 *
 * A finished run as named arrays, in the layout of ArviZ's InferenceData, and the plugins that write it into the run's folder.
 *
 *     posterior      each parameter (chain, draw, observation)
 *     prior          each parameter (chain, draw): 10,000 draws
 *     sample_stats   failed (chain, draw, observation), evaluations and seconds (observation), lp (chain, draw, observation) where a metric asked for
 *                    the log density of every draw
 *     observed_data  x (observation, number)
 *     constant_data  each parameter (observation): what the data were made with, where that is known
 *
 * A dimension's places are an array of its name: one chain, draws from 0, observations by their numbers, numbers of the data from 1. */
#include "run/sinks.h"

#include <math.h>
#include <string.h>

#include <ebb/sink.h>

#include "run/evidence.h"

enum { STREAM_SINK = 4000 };

static const char *const spread[] = {"chain", "draw", "observation"}, *const numbers[] = {"observation", "number"};

typedef struct Arrays {
  Arena *arena;
  const Run *run;
  EbbArray *array;
  int64_t n, room, d, draws;
  const int64_t *count, *place; /* 0, 1, 2, ... and 1, 2, 3, ..., as many as the longest dimension */
} Arrays;

static void add(Arrays *a, const char *group, const char *name, const char *type, const void *data, int64_t ndim, const char *const *dims,
                const int64_t *shape) {
  EbbArray *out = &a->array[a->n++];
  *out = (EbbArray){.group = group, .name = name, .type = type, .ndim = ndim, .data = data, .dims = dims};
  for (int64_t k = 0; k < ndim; k++) out->shape[k] = shape[k];
}

/* Places along the dimensions of a group. */
static void add_places(Arrays *a, const char *group, int64_t ndim, const char *const *dims, const int64_t *shape) {
  for (int64_t k = 0; k < ndim; k++) {
    const int64_t *at = dims[k] == spread[2] ? a->run->observations.number : dims[k] == numbers[1] ? a->place : a->count;
    add(a, group, dims[k], "i8", at, 1, dims + k, shape + k);
  }
}

static const char *parameter(const Arrays *a, int64_t j) { return a->run->info.parameter[j].name; }

/* theta (observations, draws, d) becomes an array (draws, observations) a parameter; a draw that failed is NaN throughout. */
static EbbStatus add_posterior(Arrays *a) {
  Npy file;
  EbbStatus status = npy_open(path_join(a->arena, a->run->sample.folder, "theta.npy"), &file);
  if (status != EBB_OK) return status;
  const float *theta = npy_f32(&file);
  int64_t n = a->run->observations.n, rows = a->draws * n;
  const int64_t shape[] = {1, a->draws, n};
  uint8_t *failed = ARENA_ARRAY(a->arena, uint8_t, rows);
  double *evaluations = ARENA_ARRAY(a->arena, double, n), *took = ARENA_ARRAY(a->arena, double, n);
  for (int64_t j = 0; j < a->d; j++) {
    float *column = ARENA_ARRAY(a->arena, float, rows);
    for (int64_t k = 0; k < n; k++)
      for (int64_t i = 0; i < a->draws; i++) {
        float value = column[i * n + k] = theta[(k * a->draws + i) * a->d + j];
        if (isnan(value)) failed[i * n + k] = 1;
      }
    add(a, "posterior", parameter(a, j), "f4", column, 3, spread, shape);
  }
  npy_close(&file);
  for (int64_t k = 0; k < n; k++) {
    evaluations[k] = a->run->sampled[k].evaluations;
    took[k] = a->run->sampled[k].seconds;
  }
  add_places(a, "posterior", 3, spread, shape);
  add(a, "sample_stats", "failed", "u1", failed, 3, spread, shape);
  add(a, "sample_stats", "evaluations", "f8", evaluations, 1, spread + 2, &n);
  add(a, "sample_stats", "seconds", "f8", took, 1, spread + 2, &n);
  add_places(a, "sample_stats", 3, spread, shape);
  return EBB_OK;
}

/* Log densities (observations, draws) of a stage that holds them for every draw. */
static EbbStatus add_log_density(Arrays *a) {
  const LogQ *q = &a->run->observed_log_q;
  int64_t n = a->run->observations.n, rows = a->draws * n;
  const int64_t shape[] = {1, a->draws, n};
  if (!q->stage.done || q->size[0] < n || q->size[1] < a->draws) return EBB_OK;
  Npy file;
  EbbStatus status = npy_open(path_join(a->arena, q->stage.folder, "log_q.npy"), &file);
  if (status != EBB_OK) return status;
  double *column = ARENA_ARRAY(a->arena, double, rows), *row = ARENA_ARRAY(a->arena, double, a->draws);
  for (int64_t k = 0; k < n && status == EBB_OK; k++) {
    status = npy_get_f64(&file, k * file.shape[1], a->draws, row);
    for (int64_t i = 0; i < a->draws && status == EBB_OK; i++) column[i * n + k] = row[i];
  }
  npy_close(&file);
  if (status == EBB_OK) add(a, "sample_stats", "lp", "f8", column, 3, spread, shape);
  return status;
}

/* The draws that metrics get, too. */
static EbbStatus add_prior(Arrays *a) {
  const Run *run = a->run;
  const int64_t shape[] = {1, EVIDENCE_PRIORS};
  float *theta = ARENA_ARRAY(a->arena, float, EVIDENCE_PRIORS * a->d);
  EbbStatus status = prior_rows(run->pool, &run->simulator, &run->info, run->spec->sampling.seed, STREAM_PRIOR_DRAWS, EVIDENCE_PRIORS, theta);
  if (status == EBB_E_UNSUPPORTED) { /* no prior is declared: no group */
    fail_clear();
    return EBB_OK;
  }
  if (status != EBB_OK) return status;
  for (int64_t j = 0; j < a->d; j++) {
    float *column = ARENA_ARRAY(a->arena, float, EVIDENCE_PRIORS);
    for (int64_t i = 0; i < EVIDENCE_PRIORS; i++) column[i] = theta[i * a->d + j];
    add(a, "prior", parameter(a, j), "f4", column, 2, spread, shape);
  }
  add_places(a, "prior", 2, spread, shape);
  return EBB_OK;
}

static void add_observed(Arrays *a) {
  const Observations *o = &a->run->observations;
  const int64_t shape[] = {o->n, ebb_layout_numbers(&a->run->info.data)};
  add(a, "observed_data", "x", "f4", o->data.value, 2, numbers, shape);
  add_places(a, "observed_data", 1, spread + 2, shape);
  add_places(a, "observed_data", 1, numbers + 1, shape + 1);
  for (int64_t j = 0; j < a->d && o->truth != NULL; j++) {
    float *column = ARENA_ARRAY(a->arena, float, o->n);
    for (int64_t k = 0; k < o->n; k++) column[k] = o->truth[k * a->d + j];
    add(a, "constant_data", parameter(a, j), "f4", column, 1, spread + 2, shape);
  }
  if (o->truth != NULL) add_places(a, "constant_data", 1, spread + 2, shape);
}

static EbbStatus collect(Arena *arena, const Run *run, Arrays *a) {
  *a = (Arrays){.arena = arena, .run = run, .d = ebb_layout_numbers(&run->info.theta), .draws = run->spec->sampling.draws};
  a->room = 3 * a->d + 20;
  a->array = ARENA_ARRAY(arena, EbbArray, a->room);
  int64_t longest = a->draws > EVIDENCE_PRIORS ? a->draws : EVIDENCE_PRIORS, q = ebb_layout_numbers(&run->info.data);
  if (q > longest) longest = q;
  int64_t *from_zero = ARENA_ARRAY(arena, int64_t, longest + 1);
  for (int64_t i = 0; i <= longest; i++) from_zero[i] = i;
  a->count = from_zero;
  a->place = from_zero + 1;
  EbbStatus status = add_posterior(a);
  if (status == EBB_OK) status = add_log_density(a);
  if (status == EBB_OK) status = add_prior(a);
  add_observed(a);
  return status;
}

EbbStatus sinks_make(Run *run) {
  const EbbChildren *sinks = &run->spec->sinks;
  EbbStatus status = EBB_OK;
  run->sink = ARENA_ARRAY(run->arena, EbbChild, sinks->count);
  for (int64_t i = 0; i < sinks->count && status == EBB_OK; i++) {
    uint32_t stream = STREAM_SINK + 16 * (uint32_t)i;
    for (int64_t k = 0; k < i; k++)
      if (strcmp(sinks->child[k].component->id, sinks->child[i].component->id) == 0)
        return fail(EBB_E_CONFIG, "sinks names %s twice; the second would write over the first", sinks->child[i].component->id);
    run->sink[i] = sinks->child[i];
    status = plugin_create(run->arena, run->pool, &run->sink[i], &stream);
  }
  for (int64_t j = 0; j < ebb_layout_numbers(&run->info.theta) && sinks->count > 0 && status == EBB_OK; j++)
    for (size_t k = 0; k < COUNT(spread) && status == EBB_OK; k++)
      if (strcmp(run->info.parameter[j].name, spread[k]) == 0)
        status = fail(EBB_E_CONFIG, "sinks: a parameter is called %s, as a dimension of the draws is; rename it, or leave out sinks", spread[k]);
  return status;
}

EbbStatus sinks_write(const Run *run) {
  if (run->spec->sinks.count == 0) return EBB_OK;
  Arena *arena = arena_new();
  Arrays arrays;
  char *manifest, started[32];
  const char *folder = path_join(arena, run->runs, run->name);
  size_t size;
  Json *json;
  EbbStatus status = file_read(arena, path_join(arena, folder, "manifest.json"), SIZE_MAX / 2, &manifest, &size);
  if (status == EBB_OK) status = json_read(arena, "manifest.json", manifest, size, &json);
  if (status == EBB_OK) status = collect(arena, run, &arrays);
  if (status == EBB_OK) {
    snprintf(started, sizeof started, "%s", json_string(json, "started", ""));
    EbbRun out = {.size = sizeof out,
                  .arrays = arrays.n,
                  .array = arrays.array,
                  .manifest = manifest,
                  .spec = run->spec->text,
                  .version = EBB_VERSION,
                  .started = started};
    for (int64_t i = 0; i < run->spec->sinks.count && status == EBB_OK; i++) {
      const EbbChild *sink = &run->sink[i];
      breadcrumb(sink->component, "write", arrays.n);
      status = ((const EbbSinkOps *)sink->ops)->write(sink->self, &out, folder);
      breadcrumb(NULL, NULL, 0);
      if (status == EBB_OK) log_line(LOG_INFO, "sink %s: written to %s", sink->component->id, folder);
    }
  }
  arena_free(arena);
  return status;
}

void sinks_free(Run *run) {
  for (int64_t i = 0; i < run->spec->sinks.count && run->sink != NULL; i++) plugin_destroy(&run->sink[i]);
}
