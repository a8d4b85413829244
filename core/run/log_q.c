/* SPDX-License-Identifier: MIT
 *
 * Log densities of draws, kept. Points go through the solver in waves, set by set, each set's truth after its draws; what is solved is kept in
 * part.npy, whose length says how far it is. */
#include "run/log_q.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "run/density.h"

enum { WAVE = 4096 };
static const char *const NAME = "density";

EbbStatus log_q_plan(Run *run, const char *draws) {
  const Spec *s = run->spec;
  LogQ *observed = &run->observed_log_q, *shared = &run->predictive_log_q;
  for (int64_t i = 0; i < s->evaluation.count; i++) {
    const EbbMetricNeeds *needs = &run->metrics.needs[i];
    if (!(needs->flags & EBB_NEED_DENSITY)) continue;
    LogQ *of = needs->sets > 0 ? shared : observed;
    int64_t sets = needs->sets > 0 ? needs->sets : run->observations.n, n = needs->draws > 0 ? needs->draws : s->sampling.draws;
    if (sets > of->size[0]) of->size[0] = sets;
    if (n > of->size[1]) of->size[1] = n;
  }
  if (observed->size[0] == 0 && shared->size[0] == 0) return EBB_OK;
  SpecComponent solver;
  EbbStatus status = density_choice(run->arena, run->registry, s, &run->density);
  if (status == EBB_OK) status = spec_describe(run->arena, run->registry, &run->density, &solver);
  for (int k = 0; k < 2 && status == EBB_OK; k++) {
    LogQ *of = k == 0 ? observed : shared;
    if (of->size[0] == 0) continue;
    Key key;
    key_begin(&key);
    key_add(&key, "draws", k == 0 ? draws : run->predictive.key);
    key_add(&key, "solver", solver.digest);
    of->key = key_end(&key, run->arena);
    status = stage_look_sized(run->arena, run->store, NAME, of->key, of->size, &of->stage);
  }
  return status;
}

typedef struct Points {
  const Observations *of;
  const float *theta; /* [sets][there][d] */
  int64_t there, sets, draws, d;
  uint64_t seed;
} Points;

/* Points a set: its draws, and the truth if there is one. */
static int64_t per_set(const Points *p) { return p->draws + (p->of->truth != NULL); }

static void point(const Points *p, int64_t i, uint64_t *id, int32_t *set, float *theta) {
  int64_t k = i / per_set(p), draw = i % per_set(p);
  bool truth = draw == p->draws;
  *id = (uint64_t)p->of->number[k] << 32 | (truth ? UINT32_MAX : (uint64_t)draw);
  *set = (int32_t)k;
  memcpy(theta, truth ? p->of->truth + k * p->d : p->theta + (k * p->there + draw) * p->d, (size_t)p->d * sizeof *theta);
}

static int64_t kept_before(const char *path, int64_t total, double *log_q) {
  Npy file = {0};
  int64_t done = 0;
  if (file_exists(path) && npy_open(path, &file) == EBB_OK && file.size <= total && npy_get_f64(&file, 0, file.size, log_q) == EBB_OK)
    done = file.size;
  fail_clear();
  npy_close(&file);
  return done;
}

static EbbStatus solve(const Points *p, DensityField *of, const Model *m, Arena *arena, Stage *stage, double *log_q) {
  int64_t total = p->sets * per_set(p);
  const char *part = path_join(arena, stage->work, "part.npy");
  int64_t done = kept_before(part, total, log_q);
  uint64_t *id = ARENA_ARRAY(arena, uint64_t, WAVE);
  int32_t *set = ARENA_ARRAY(arena, int32_t, WAVE);
  float *theta = ARENA_ARRAY(arena, float, WAVE * p->d);
  uint32_t *asked = ARENA_ARRAY(arena, uint32_t, WAVE);
  uint8_t *failed = ARENA_ARRAY(arena, uint8_t, WAVE);
  EbbStatus status = EBB_OK;
  Progress *progress = progress_begin(NAME, "solves", total, done);
  of->density.slots.progress = progress;
  double noted = seconds();
  while (done < total && status == EBB_OK) {
    int64_t n = total - done < WAVE ? total - done : WAVE;
    for (int64_t i = 0; i < n; i++) point(p, done + i, &id[i], &set[i], theta + i * p->d);
    status = density_theta(&of->density, m, n, id, set, theta, log_q + done, asked, failed);
    if (status == EBB_OK) done += n;
    bool stopped = status == EBB_E_CANCELLED;
    if (!stopped && (status != EBB_OK || done == total || seconds() - noted < 4)) continue;
    EbbStatus kept = npy_write_f64(part, 1, &done, log_q);
    stage_note_time(stage);
    noted = seconds();
    if (kept != EBB_OK) status = kept;
    if (kept == EBB_OK && stopped)
      status = fail(EBB_E_CANCELLED, "stopped while solving for log densities; %" PRId64 " of %" PRId64 " are kept", done, total);
  }
  progress_end(progress, NULL);
  if (status == EBB_OK) remove(part);
  return status;
}

static EbbStatus write_all(const Points *p, Arena *arena, const Stage *stage, const double *log_q) {
  int64_t each = per_set(p), failed = 0;
  double *draws = ARENA_ARRAY(arena, double, p->sets * p->draws), *truth = ARENA_ARRAY(arena, double, p->sets);
  for (int64_t k = 0; k < p->sets; k++) {
    memcpy(draws + k * p->draws, log_q + k * each, (size_t)p->draws * sizeof *draws);
    truth[k] = each > p->draws ? log_q[k * each + p->draws] : NAN;
    for (int64_t i = 0; i < each; i++) failed += isnan(log_q[k * each + i]);
  }
  if (failed > 0) log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " log densities failed and are NaN", failed, p->sets * each);
  const int64_t shape[2] = {p->sets, p->draws};
  EbbStatus status = npy_write_f64(path_join(arena, stage->work, "log_q.npy"), 2, shape, draws);
  if (status == EBB_OK && each > p->draws) status = npy_write_f64(path_join(arena, stage->work, "log_q_truth.npy"), 1, shape, truth);
  return status;
}

static EbbStatus make(Run *run, Points *p, Arena *arena, Stage *stage) {
  EbbChild solver;
  EbbStatus status = run_model(run);
  if (status == EBB_OK) status = density_sampler(arena, run->pool, run->registry, run->spec, &solver);
  if (status != EBB_OK) return status;
  Observations first = *p->of;
  first.n = p->sets;
  DensityJob job = {.pool = run->pool,
                    .model = run->model,
                    .sampler = &solver,
                    .grid = &run->spec->sampling.grid,
                    .observations = &first,
                    .block = run->block,
                    .seed = p->seed};
  DensityField field;
  double *log_q = ARENA_ARRAY(arena, double, p->sets *per_set(p));
  log_line(LOG_INFO, "log densities of %" PRId64 " sets of %" PRId64 " draws%s: %" PRId64 " solves", p->sets, p->draws,
           per_set(p) > p->draws ? " and the truth" : "", p->sets * per_set(p));
  status = density_of_model(&job, arena, &field);
  if (status == EBB_OK) status = solve(p, &field, run->model, arena, stage, log_q);
  if (status == EBB_OK) status = write_all(p, arena, stage, log_q);
  plugin_destroy(&solver);
  return status;
}

EbbStatus log_q_make(Run *run, LogQ *which) {
  Stage *stage = &which->stage;
  EbbStatus status = stage->done ? EBB_OK : stage_begin(stage);
  if (status != EBB_OK || stage->done) return status;
  Arena *arena = arena_new();
  bool shared = which == &run->predictive_log_q;
  DataSets sets = {0};
  Npy draws = {0};
  Points p = {.sets = which->size[0], .draws = which->size[1], .d = ebb_layout_numbers(&run->info.theta)};
  if (shared) {
    status = predictive_open(run, arena, &sets);
    p.of = &sets.of;
    p.theta = sets.theta;
    p.there = sets.draws;
    p.seed = predictive_seed(run);
  } else {
    status = npy_open(path_join(arena, run->sample.folder, "theta.npy"), &draws);
    p.of = &run->observations;
    p.theta = npy_f32(&draws);
    p.there = run->spec->sampling.draws;
    p.seed = run->spec->sampling.seed;
  }
  if (status == EBB_OK) status = make(run, &p, arena, stage);
  predictive_close(&sets);
  npy_close(&draws);
  status = stage_end(stage, status, NULL);
  arena_free(arena);
  return status;
}
