/* SPDX-License-Identifier: MIT
 *
 * Observations, truths and reference draws beside the posterior. */
#include "run/known.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "run/reference.h"

static const char *reference_pattern(const Run *run) {
  const char *pattern = NULL;
  for (int64_t i = 0; i < run->spec->evaluation.count && pattern == NULL; i++)
    pattern = component_string(&run->spec->evaluation.child[i], "reference");
  return pattern;
}

static int64_t kept_observations(const Run *run) { return run->observations.n < KNOWN_OBSERVATIONS ? run->observations.n : KNOWN_OBSERVATIONS; }

static EbbStatus look(const Run *run, const char *pattern, Stage *stage) {
  Key k;
  EbbStatus status = EBB_OK;
  key_begin(&k);
  key_add(&k, "simulator", run->spec->simulator_as.digest);
  key_add(&k, "observations", run->observations.digest);
  key_add(&k, "draws", arena_print(run->arena, "%" PRId64, run->spec->sampling.draws));
  key_add(&k, "seed", arena_print(run->arena, "%" PRIu64, run->spec->sampling.seed));
  for (int64_t i = 0; pattern != NULL && i < kept_observations(run) && status == EBB_OK; i++) {
    char hex[65];
    status = sha256_file(reference_path(run->arena, pattern, run->observations.number[i]), hex);
    key_add(&k, "reference", hex);
  }
  const char *key = key_end(&k, run->arena);
  return status == EBB_OK ? stage_look(run->arena, run->store, "reference", key, stage) : status;
}

/* theta.npy in the stage's folder; no file where there are no references. */
static EbbStatus draw(const Run *run, const char *pattern, const char *folder) {
  Arena *arena = arena_new();
  int64_t n = kept_observations(run), d = ebb_layout_numbers(&run->info.theta), rows = KNOWN_DRAWS;
  if (run->spec->sampling.draws < rows) rows = run->spec->sampling.draws;
  float **theta = ARENA_ARRAY(arena, float *, n);
  EbbStatus status = EBB_OK;
  bool none = n == 0;
  for (int64_t k = 0; k < n && !none && status == EBB_OK; k++) {
    int64_t found = rows;
    status = reference_draws(run, arena, pattern, k, 1, &found, &theta[k]);
    none = theta[k] == NULL;
    rows = found < rows ? found : rows;
  }
  if (status == EBB_OK && !none) {
    float *all = ARENA_ARRAY(arena, float, n *rows *d);
    for (int64_t k = 0; k < n; k++) memcpy(all + k * rows * d, theta[k], (size_t)(rows * d) * sizeof *all);
    const int64_t shape[3] = {n, rows, d};
    status = npy_write_f32(path_join(arena, folder, "theta.npy"), 3, shape, all);
  }
  arena_free(arena);
  return status;
}

static EbbStatus reference(const Run *run, const char *folder) {
  const char *pattern = reference_pattern(run), *name = path_join(run->arena, folder, "posterior/reference.npy");
  Stage stage;
  EbbStatus status = look(run, pattern, &stage);
  if (status == EBB_OK && !stage.done) {
    status = stage_begin(&stage);
    if (status == EBB_OK && !stage.done) {
      status = draw(run, pattern, stage.work);
      status = stage_end(&stage, status, NULL);
    }
  }
  if (status != EBB_OK || !file_exists(path_join(run->arena, stage.folder, "theta.npy"))) {
    remove(name);
    return status;
  }
  return folder_link(run, folder, "posterior/reference.npy", 1, &stage, "theta.npy");
}

EbbStatus known_write(const Run *run, const char *folder, Goal goal) {
  const Observations *o = &run->observations;
  static const char *const names[] = {"observations.npy", "truth.npy", "posterior/reference.npy"};
  const int64_t data[2] = {o->n, ebb_layout_numbers(&run->info.data)}, truth[2] = {o->n, ebb_layout_numbers(&run->info.theta)};
  EbbStatus status = EBB_OK;
  if (goal < GOAL_SAMPLE || o->truth == NULL) remove(path_join(run->arena, folder, names[1]));
  if (goal < GOAL_SAMPLE) remove(path_join(run->arena, folder, names[0]));
  if (goal < GOAL_EVALUATE) remove(path_join(run->arena, folder, names[2]));
  if (goal < GOAL_SAMPLE) return EBB_OK;
  status = npy_write_f32(path_join(run->arena, folder, names[0]), 2, data, o->data.value);
  if (status == EBB_OK && o->truth != NULL) status = npy_write_f32(path_join(run->arena, folder, names[1]), 2, truth, o->truth);
  if (status != EBB_OK || goal < GOAL_EVALUATE) return status;
  if (reference(run, folder) != EBB_OK) {
    log_line(LOG_WARNING, "no reference draws in the run's folder: %s", fail_text());
    fail_clear();
  }
  return EBB_OK;
}
