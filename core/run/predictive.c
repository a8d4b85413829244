/* SPDX-License-Identifier: MIT
 *
 * The shared batch of data sets: found, drawn for, mapped. */
#include "run/predictive.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/sample.h"

static const char *const NAME = "predictive", *const SETS = "data sets";

/* Draws for data set k must not share their noise with draws for observation k. */
uint64_t predictive_seed(const Run *run) { return run->spec->sampling.seed ^ 0x6a09e667f3bcc908u; }

EbbStatus predictive_plan(Run *run, const char *model) {
  const Spec *s = run->spec;
  Predictive *p = &run->predictive;
  for (int64_t i = 0; i < s->evaluation.count; i++) {
    const EbbMetricNeeds *needs = &run->metrics.needs[i];
    int64_t draws = needs->draws > 0 ? needs->draws : s->sampling.draws;
    if (needs->sets == 0) continue;
    if (needs->sets > p->size[0]) p->size[0] = needs->sets;
    if (draws > p->size[1]) p->size[1] = draws;
  }
  if (p->size[0] == 0) return EBB_OK;
  Key k;
  key_begin(&k);
  key_add(&k, "model", model);
  key_add(&k, "simulator", s->simulator_as.digest);
  key_add(&k, "sampler", s->sampler_as.digest);
  key_add(&k, "grid", spec_grid_text(run->arena, &s->sampling.grid));
  key_add(&k, "seed", arena_print(run->arena, "%" PRIu64, s->sampling.seed));
  p->key = key_end(&k, run->arena);
  return stage_look_sized(run->arena, run->store, NAME, p->key, p->size, &p->stage);
}

/* ---- Parameters and data ---- */

typedef struct Sets {
  int64_t sets, d, q;
  int64_t found, tried; /* simulations that gave data; all of them, so the id of the next */
  float *truth, *x;     /* [sets][d], [sets][q] */
} Sets;

/* The note last: a kill between leaves the older note, and rows that will be made again with the same bits. */
static EbbStatus sets_keep(const Sets *s, const char *folder) {
  char path[4096], text[64];
  const int64_t truth[2] = {s->sets, s->d}, x[2] = {s->sets, s->q};
  snprintf(path, sizeof path, "%s/theta_true.npy", folder);
  EbbStatus status = npy_write_f32(path, 2, truth, s->truth);
  snprintf(path, sizeof path, "%s/x.npy", folder);
  if (status == EBB_OK) status = npy_write_f32(path, 2, x, s->x);
  snprintf(path, sizeof path, "%s/simulated", folder);
  int n = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 "\n", s->found, s->tried);
  return status == EBB_OK ? file_write(path, text, (size_t)n) : status;
}

/* The first rows of a folder's file, whatever is there. */
static bool read_rows(const char *folder, const char *name, int64_t rows, int64_t width, float *out) {
  char path[4096];
  Npy file = {0};
  snprintf(path, sizeof path, "%s/%s", folder, name);
  bool good = file_exists(path) && npy_open(path, &file) == EBB_OK && file.ndim == 2 && file.shape[0] >= rows && file.shape[1] == width &&
              npy_get_f32(&file, 0, rows * width, out) == EBB_OK;
  npy_close(&file);
  fail_clear();
  return good;
}

/* What a folder holds, of this stage's earlier attempt or of a smaller batch. false: nothing of use. */
static bool sets_take(Sets *s, const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/simulated", folder);
  FILE *f = fopen(path, "r");
  if (f == NULL) return false;
  int64_t found = 0, tried = 0;
  bool good = fscanf(f, "%" SCNd64 " %" SCNd64, &found, &tried) == 2 && found > 0 && found <= s->sets && tried >= found;
  fclose(f);
  good = good && read_rows(folder, "theta_true.npy", found, s->d, s->truth) && read_rows(folder, "x.npy", found, s->q, s->x);
  if (!good) return false;
  s->found = found;
  s->tried = tried;
  return true;
}

/* Rows that failed are passed over. */
static void take_rows(Sets *s, int64_t rows, const float *theta, const float *x, const uint8_t *failed) {
  for (int64_t i = 0; i < rows && s->found < s->sets; i++) {
    s->tried++;
    if (failed[i]) continue;
    memcpy(s->truth + s->found * s->d, theta + i * s->d, (size_t)s->d * sizeof *theta);
    memcpy(s->x + s->found * s->q, x + i * s->q, (size_t)s->q * sizeof *x);
    s->found++;
  }
}

static EbbStatus sets_find(const Run *run, Arena *arena, Sets *s, Stage *stage) {
  int64_t threads = pool_threads(run->pool), least = threads > run->info.block ? threads : run->info.block; /* fewest rows that are worth a call */
  int64_t wave = least, most = s->sets > least ? s->sets : least;
  float *theta = ARENA_ARRAY(arena, float, most * s->d), *x = ARENA_ARRAY(arena, float, most * s->q);
  uint8_t *failed = ARENA_ARRAY(arena, uint8_t, most);
  EbbChild simulator = run->simulator;
  simulator.stream = STREAM_SET_DATA;
  uint64_t seed = run->spec->sampling.seed;
  Progress *progress = progress_begin(SETS, "simulations", s->sets, s->found);
  EbbStatus status = EBB_OK;
  double noted = seconds();
  while (s->found < s->sets && status == EBB_OK) {
    int64_t rows = s->sets - s->found > least ? s->sets - s->found : least;
    if (rows > wave) rows = wave;
    double began = seconds();
    status = simulate_new(run->pool, &simulator, &run->info, seed, STREAM_SET_TRUTH, s->tried, rows, theta, x, failed);
    if (status == EBB_OK) take_rows(s, rows, theta, x, failed);
    if (status == EBB_OK && s->found < s->sets && s->tried > 100 * s->sets + 1000)
      status = fail(EBB_E_NUMERIC, "%" PRId64 " of %" PRId64 " simulations for data sets failed; metrics over data sets need %" PRId64 " that do not",
                    s->tried - s->found, s->tried, s->sets);
    if (seconds() - began < 0.5 && 2 * wave <= most) wave *= 2;
    progress_at(progress, s->found, NULL);
    bool stopped = status == EBB_E_CANCELLED || (status == EBB_OK && run_stop && s->found < s->sets);
    if (status == EBB_OK && !stopped && s->found < s->sets && seconds() - noted < 4) continue;
    if (status != EBB_OK && !stopped) break;
    status = sets_keep(s, stage->work);
    stage_note_time(stage);
    noted = seconds();
    if (status == EBB_OK && stopped)
      status = fail(EBB_E_CANCELLED, "stopped while simulating data sets; %" PRId64 " of %" PRId64 " are kept", s->found, s->sets);
  }
  progress_end(progress, NULL);
  if (status == EBB_OK && s->tried > s->found)
    log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " simulations for data sets failed and were replaced by the next", s->tried - s->found, s->tried);
  return status;
}

/* ---- Draws ---- */

static EbbStatus write_facts(Arena *arena, const Stage *stage, int64_t sets, const SampleFacts *facts) {
  double *out = ARENA_ARRAY(arena, double, 3 * sets);
  for (int64_t k = 0; k < sets; k++) {
    out[k] = facts[k].evaluations;
    out[sets + k] = facts[k].seconds;
    out[2 * sets + k] = (double)facts[k].failed;
  }
  const int64_t shape[2] = {3, sets};
  return npy_write_f64(path_join(arena, stage->work, "facts.npy"), 2, shape, out);
}

/* A smaller batch with as many draws each is taken over, unless this one was begun before. */
static EbbStatus begin_draws(const SampleJob *job, Arena *arena, const char *smaller, int64_t sets) {
  if (smaller == NULL || file_exists(path_join(arena, job->folder, "theta.npy"))) return EBB_OK;
  Npy file = {0};
  SampleFacts *facts = ARENA_ARRAY(arena, SampleFacts, sets);
  EbbStatus status = npy_open(path_join(arena, smaller, "facts.npy"), &file);
  const double *old = status == EBB_OK ? npy_f64(&file) : NULL;
  for (int64_t k = 0; old != NULL && k < sets; k++)
    facts[k] = (SampleFacts){.evaluations = old[k], .seconds = old[sets + k], .failed = (int64_t)old[2 * sets + k]};
  npy_close(&file);
  if (status == EBB_OK) status = sample_begin_with(job, path_join(arena, smaller, "theta.npy"), sets, facts);
  if (status == EBB_OK) log_line(LOG_INFO, "%s: %" PRId64 " of an earlier batch are kept", SETS, sets);
  return status;
}

static void number_them(Arena *arena, const Run *run, int64_t n, float *x, float *truth, Observations *out) {
  *out = (Observations){.n = n, .number = ARENA_ARRAY(arena, int64_t, n), .truth = truth};
  out->data = (EbbData){.size = sizeof out->data, .layout = run->info.data, .rows = n, .value = x};
  for (int64_t k = 0; k < n; k++) out->number[k] = k + 1;
}

static EbbStatus make(Run *run, Arena *arena, char **said) {
  Predictive *p = &run->predictive;
  Sets s = {.sets = p->size[0], .d = ebb_layout_numbers(&run->info.theta), .q = ebb_layout_numbers(&run->info.data)};
  s.truth = ARENA_ARRAY(arena, float, s.sets *s.d);
  s.x = ARENA_ARRAY(arena, float, s.sets *s.q);
  const char *smaller;
  int64_t had;
  EbbStatus status = stage_smaller(arena, run->store, NAME, p->key, p->size, &smaller, &had);
  if (status == EBB_OK) status = run_model(run);
  if (status != EBB_OK) return status;
  if (!sets_take(&s, p->stage.work) && smaller != NULL) sets_take(&s, smaller);
  status = sets_find(run, arena, &s, &p->stage);
  if (status != EBB_OK) return status;
  Observations of;
  number_them(arena, run, s.sets, s.x, s.truth, &of);
  EbbChild sampler = run->spec->sampling.sampler;
  uint32_t stream = STREAM_SAMPLER;
  status = plugin_create(arena, run->pool, &sampler, &stream);
  if (status != EBB_OK) return status;
  SampleFacts *facts = ARENA_ARRAY(arena, SampleFacts, s.sets);
  SampleJob job = {.pool = run->pool,
                   .model = run->model,
                   .sampler = &sampler,
                   .grid = &run->spec->sampling.grid,
                   .observations = &of,
                   .draws = p->size[1],
                   .block = run->block,
                   .seed = predictive_seed(run),
                   .folder = p->stage.work,
                   .stage = &p->stage,
                   .sets = SETS};
  status = begin_draws(&job, arena, smaller, had);
  if (status == EBB_OK) status = sample_draws(&job, facts);
  plugin_destroy(&sampler);
  if (status == EBB_OK) status = write_facts(arena, &p->stage, s.sets, facts);
  double evaluations = 0;
  int64_t failed = 0;
  for (int64_t k = 0; k < s.sets; k++) {
    evaluations += facts[k].evaluations / (double)s.sets;
    failed += facts[k].failed;
  }
  *said = arena_print(
      arena, "\"sets\": %" PRId64 ", \"draws\": %" PRId64 ", \"simulated\": %" PRId64 ", \"evaluations_per_draw\": %.6g, \"failed_rows\": %" PRId64,
      s.sets, p->size[1], s.tried, evaluations, failed);
  return status;
}

EbbStatus predictive_make(Run *run) {
  Stage *stage = &run->predictive.stage;
  EbbStatus status = stage->done ? EBB_OK : stage_begin(stage);
  if (status != EBB_OK || stage->done) return status;
  Arena *arena = arena_new();
  char *said = NULL;
  status = make(run, arena, &said);
  status = stage_end(stage, status, said);
  arena_free(arena);
  return status;
}

/* ---- What is there ---- */

static EbbStatus open_file(Arena *arena, const char *folder, const char *name, int64_t size, bool wide, Npy *file) {
  const char *path = path_join(arena, folder, name);
  EbbStatus status = npy_open(path, file);
  if (status != EBB_OK) return status;
  if (file->size != size || (wide ? (const void *)npy_f64(file) : (const void *)npy_f32(file)) == NULL)
    return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " numbers of type %s, found %s", path, size, wide ? "float64" : "float32",
                npy_shape_text(arena, file));
  return EBB_OK;
}

EbbStatus predictive_open(const Run *run, Arena *arena, DataSets *out) {
  const Predictive *p = &run->predictive;
  int64_t sets = p->size[0], d = ebb_layout_numbers(&run->info.theta), q = ebb_layout_numbers(&run->info.data);
  const char *folder = p->stage.folder;
  *out = (DataSets){.draws = p->size[1]};
  EbbStatus status = open_file(arena, folder, "theta_true.npy", sets * d, false, &out->truth_file);
  if (status == EBB_OK) status = open_file(arena, folder, "x.npy", sets * q, false, &out->x_file);
  if (status == EBB_OK) status = open_file(arena, folder, "theta.npy", sets * out->draws * d, false, &out->theta_file);
  if (status == EBB_OK) status = open_file(arena, folder, "facts.npy", 3 * sets, true, &out->facts_file);
  if (status != EBB_OK) return status;
  /* mapped read-only; the struct of data is also what simulators write to */
  number_them(arena, run, sets, (float *)(uintptr_t)npy_f32(&out->x_file), (float *)(uintptr_t)npy_f32(&out->truth_file), &out->of);
  out->theta = npy_f32(&out->theta_file);
  out->evaluations = npy_f64(&out->facts_file);
  out->seconds = out->evaluations + sets;
  return EBB_OK;
}

void predictive_close(DataSets *s) {
  npy_close(&s->truth_file);
  npy_close(&s->x_file);
  npy_close(&s->theta_file);
  npy_close(&s->facts_file);
}
