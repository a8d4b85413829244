/* SPDX-License-Identifier: MIT
 *
 * From a spec to its stages: what each depends on (keys), what is there already, and what is to be done. */
#include "run/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/joint.h"
#include "run/reference.h"
#include "run/check.h"
#include "run/closing.h"
#include "run/log_q.h"
#include "run/command.h"
#include "run/isolate.h"
#include "run/sample.h"
#include "run/sinks.h"
#include "run/teacher.h"

volatile sig_atomic_t run_stop;

enum { STREAM_SIMULATOR = 1500 };

static char *seed_text(Arena *arena, uint64_t seed) { return arena_print(arena, "%" PRIu64, seed); }

/* The largest set of this key may serve a smaller count: its first rows are the same. */
static EbbStatus look_for_simulations(Run *run, const char *key) {
  int64_t count = run->spec->simulations.count;
  EbbStatus status = stage_look(run->arena, run->store, "simulate", arena_print(run->arena, "%s-%" PRId64, key, count), &run->simulate);
  if (status != EBB_OK || run->simulate.done || !file_is_folder(run->store)) return status;
  char **found;
  size_t n;
  status = folder_list(run->arena, run->store, &found, &n);
  const char *prefix = arena_print(run->arena, "simulate-%s-", key);
  for (size_t i = 0; i < n && status == EBB_OK; i++) {
    char *end;
    if (strncmp(found[i], prefix, strlen(prefix)) != 0) continue;
    int64_t rows = strtoll(found[i] + strlen(prefix), &end, 10);
    if (*end != '\0' || rows <= count) continue;
    return stage_look(run->arena, run->store, "simulate", arena_print(run->arena, "%s-%" PRId64, key, rows), &run->simulate);
  }
  return status;
}

static EbbStatus make_keys(Run *run, Goal goal) {
  Arena *a = run->arena;
  const Spec *s = run->spec;
  Key k;
  key_begin(&k);
  key_add(&k, "simulator", s->simulator_as.digest);
  key_add(&k, "seed", seed_text(a, s->simulations.seed));
  const char *simulations = key_end(&k, a);
  EbbStatus status = look_for_simulations(run, simulations);

  key_begin(&k);
  key_add(&k, "simulations", simulations);
  key_add(&k, "count", arena_print(a, "%" PRId64, s->simulations.count));
  key_add(&k, "model", s->model_text);
  key_add(&k, "objective", s->objective_as.digest);
  key_add(&k, "schedule", s->schedule_as.digest);
  key_add(&k, "network", s->network_as.digest);
  key_add(&k, "training", s->training_text);
  const char *teacher = teacher_file(a, s);
  char teacher_hex[65];
  if (status == EBB_OK && teacher != NULL && file_exists(teacher)) {
    status = sha256_file(teacher, teacher_hex);
    key_add(&k, "teacher", teacher_hex);
  }
  const char *model = key_end(&k, a);
  if (status == EBB_OK) status = stage_look(a, run->store, "train", model, &run->train);

  key_begin(&k);
  key_add(&k, "model", model);
  key_add(&k, "observations", run->observations.digest);
  key_add(&k, "sampler", s->sampler_as.digest);
  key_add(&k, "grid", spec_grid_text(a, &s->sampling.grid));
  key_add(&k, "draws", arena_print(a, "%" PRId64, s->sampling.draws));
  key_add(&k, "seed", seed_text(a, s->sampling.seed));
  const char *draws = key_end(&k, a);
  if (status == EBB_OK) status = stage_look(a, run->store, "sample", draws, &run->sample);

  if (goal < GOAL_EVALUATE || status != EBB_OK) return status;
  status = predictive_plan(run, model);
  if (status == EBB_OK) status = log_q_plan(run, draws);
  run->evaluate = ARENA_ARRAY(a, Stage, s->evaluation.count);
  for (int64_t i = 0; i < s->evaluation.count && status == EBB_OK; i++) {
    const EbbMetricNeeds *needs = &run->metrics.needs[i];
    key_begin(&k);
    key_add(&k, "draws", draws);
    key_add(&k, "metric", s->metric_as[i].digest);
    key_add(&k, "place", arena_print(a, "%" PRId64, i));
    key_add(&k, "simulator", s->simulator_as.digest);
    if (needs->sets > 0) key_add(&k, "data sets", run->predictive.key);
    if (needs->flags & EBB_NEED_DENSITY) key_add(&k, "densities", needs->sets > 0 ? run->predictive_log_q.key : run->observed_log_q.key);
    const char *pattern = component_string(&s->evaluation.child[i], "reference");
    for (int64_t n = 0; pattern != NULL && n < run->observations.n && status == EBB_OK; n++) {
      char hex[65];
      status = sha256_file(reference_path(a, pattern, run->observations.number[n]), hex);
      key_add(&k, "reference", hex);
    }
    if (status == EBB_OK) status = stage_look(a, run->store, "evaluate", key_end(&k, a), &run->evaluate[i]);
  }
  return status;
}

static EbbStatus check_layout(const Run *run) {
  const char *id = run->simulator.component->id;
  if (run->info.theta.kind != EBB_VECTOR || run->info.data.kind != EBB_VECTOR)
    return fail(EBB_E_UNSUPPORTED, "simulator %s: this version of Ebb takes data that are vectors; sets, series and fields are not supported", id);
  int64_t d = ebb_layout_numbers(&run->info.theta), q = ebb_layout_numbers(&run->info.data);
  if (d < 1 || q < 1 || run->info.parameter == NULL)
    return fail(EBB_E_SHAPE, "simulator %s describes %" PRId64 " parameters and %" PRId64 " data numbers; both must be at least 1", id, d, q);
  const EbbSimulatorOps *ops = run->simulator.ops;
  for (int64_t j = 0; j < d; j++)
    if (run->info.parameter[j].family == EBB_PRIOR_OWN && ops->prior == NULL)
      return fail(EBB_E_ABI, "simulator %s: parameter %s has a prior of its own, but the slot prior is missing", id, run->info.parameter[j].name);
  Joint joint;
  return joint_make(run->arena, &run->info, &joint);
}

EbbStatus run_prepare(Run *run, Goal goal) {
  uint32_t stream = STREAM_SIMULATOR;
  run->simulator = run->spec->simulator;
  bool isolate = run->spec->simulations.isolate;
  if (isolate) isolate_wrap(run->arena, &run->simulator, pool_threads(run->pool));
  EbbStatus status = plugin_create(run->arena, run->pool, &run->simulator, &stream);
  if (status != EBB_OK) return status;
  if (isolate) isolate_ready(run->arena, &run->simulator);
  run->info = (EbbModelInfo){.size = sizeof run->info};
  status = ((const EbbSimulatorOps *)run->simulator.ops)->describe(run->simulator.self, &run->info);
  if (status == EBB_OK) status = check_layout(run);
  if (status == EBB_OK && goal >= GOAL_SAMPLE)
    status = observations_load(run->arena, &run->spec->sampling.observations, &run->simulator, &run->info, &run->observations);
  if (status == EBB_OK && goal == GOAL_EVALUATE) status = metrics_make(run);
  return status == EBB_OK ? make_keys(run, goal) : status;
}

/* Says what is re-used, before anything is done. true: nothing is left to do. */
static bool tell_plan(const Run *run, Goal goal) {
  const Stage *stages[64] = {&run->simulate, &run->train, &run->sample};
  const size_t wanted[] = {1, 2, 3, 3};
  size_t n = wanted[goal];
  if (goal == GOAL_EVALUATE) { /* what serves metrics that are done is of no interest, unless it is there */
    if (run->predictive.stage.done || metrics_ask(run, true, false)) stages[n++] = &run->predictive.stage;
    if (run->observed_log_q.stage.done || metrics_ask(run, false, true)) stages[n++] = &run->observed_log_q.stage;
    if (run->predictive_log_q.stage.done || metrics_ask(run, true, true)) stages[n++] = &run->predictive_log_q.stage;
  }
  for (int64_t i = 0; goal == GOAL_EVALUATE && i < run->spec->evaluation.count && n < COUNT(stages); i++) stages[n++] = &run->evaluate[i];
  Str reused = {0};
  bool all = true;
  for (size_t i = 0; i < n; i++) {
    if (stages[i]->done) str_print(&reused, "%s%s", reused.length > 0 ? ", " : "", stages[i]->name);
    all = all && stages[i]->done;
  }
  if (all)
    log_line(LOG_INFO, "nothing to do: %s done before", reused.text);
  else if (reused.length > 0)
    log_line(LOG_INFO, "re-used: %s", reused.text);
  str_free(&reused);
  return all;
}

static void print_files(const Run *run, Goal goal) {
  static const char *const files[] = {"simulations/theta.npy", "model.safetensors", "training.csv", "posterior/theta.npy",
                                      "posterior/summary.csv", "metrics.csv",       "manifest.json"};
  const size_t until[] = {1, 3, 5, 6};
  printf("\n%s/%s/\n", run->runs, run->name);
  for (size_t i = 0; i < COUNT(files); i++)
    if (i < until[goal] || i == COUNT(files) - 1) printf("  %s\n", files[i]);
  if (goal == GOAL_EVALUATE && file_exists(path_join(run->arena, run->runs, arena_print(run->arena, "%s/curves.csv", run->name))))
    printf("  curves.csv\n");
}

EbbStatus run_all(Run *run, Goal goal) {
  EbbStatus status = run_prepare(run, goal);
  if (status == EBB_OK && !run->simulate.done) status = command_permitted(&run->simulator);
  if (status == EBB_OK && goal >= GOAL_SAMPLE) status = sinks_make(run);
  if (status == EBB_OK) status = folder_make(run->store);
  if (status != EBB_OK) return status;
  tell_plan(run, goal);
  if (goal >= GOAL_SAMPLE && !run->sample.done) status = check_chain(run);
  if (status == EBB_OK && run->density.component != NULL) status = check_density(run);
  static EbbStatus (*const stages[])(Run *) = {run_simulate, run_train, run_sample, run_evaluate};
  for (int g = 0; g <= (int)goal && status == EBB_OK; g++) status = stages[g](run);
  if (status == EBB_OK) status = folder_write(run, goal, pool_threads(run->pool));
  if (status == EBB_OK && goal >= GOAL_SAMPLE) closing_tables(run, goal == GOAL_EVALUATE);
  if (status == EBB_OK) print_files(run, goal);
  if (status == EBB_OK && goal >= GOAL_SAMPLE) status = sinks_write(run);
  sinks_free(run);
  metrics_free(run);
  model_free(run->model);
  plugin_destroy(&run->simulator);
  return status;
}
