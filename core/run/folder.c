/* SPDX-License-Identifier: MIT
 *
 * The folder of a run, as people open it: links into the store, the resolved spec, the metrics of all stages in one table, and the manifest. */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "num/isa.h"
#include "num/linalg.h"
#include "run/known.h"

EbbStatus folder_link(const Run *run, const char *folder, const char *name, int depth, const Stage *stage, const char *file) {
  const char *up = depth == 0 ? "../" : "../../";
  const char *target = strcmp(run->store, path_join(run->arena, run->runs, ".store")) == 0
                           ? arena_print(run->arena, "%s.store/%s/%s", up, path_name(stage->folder), file)
                           : path_join(run->arena, stage->folder, file);
  return file_link(target, path_join(run->arena, folder, name));
}

static EbbStatus write_metrics(const Run *run, const char *folder) {
  Str values = {0}, curves = {0};
  str_add(&values, "metric,observation,parameter,value,standard_error,n,note\n");
  str_add(&curves, "name,parameter,x,y,low,high\n");
  size_t empty = curves.length;
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < run->spec->evaluation.count && status == EBB_OK; i++) {
    char *text, *from = path_join(run->arena, run->evaluate[i].folder, "metrics.csv");
    size_t size;
    status = file_read(run->arena, from, 1 << 26, &text, &size);
    if (status == EBB_OK) str_add(&values, text);
    from = path_join(run->arena, run->evaluate[i].folder, "curves.csv");
    if (status != EBB_OK || !file_exists(from)) continue;
    status = file_read(run->arena, from, 1 << 28, &text, &size);
    if (status == EBB_OK) str_add(&curves, text);
  }
  if (status == EBB_OK) status = file_write(path_join(run->arena, folder, "metrics.csv"), values.text, values.length);
  const char *path = path_join(run->arena, folder, "curves.csv");
  if (status == EBB_OK && curves.length > empty) status = file_write(path, curves.text, curves.length);
  if (curves.length == empty) remove(path); /* of an earlier call under this name */
  str_free(&values);
  str_free(&curves);
  return status;
}

static void put(JsonWriter *w, const char *key, const char *text) {
  json_key(w, key);
  json_put_string(w, text);
}

static void put_stage(JsonWriter *w, const Run *run, const Stage *s) {
  json_begin_object(w);
  put(w, "name", s->name);
  put(w, "key", s->key);
  json_key(w, "reused");
  json_put_bool(w, s->reused);
  json_key(w, "seconds");
  json_put_real(w, s->seconds);
  if (s == &run->sample) {
    double evaluations = 0;
    int64_t failed = 0;
    for (int64_t k = 0; k < run->observations.n; k++) {
      evaluations += run->sampled[k].evaluations / (double)run->observations.n;
      failed += run->sampled[k].failed;
    }
    json_key(w, "evaluations_per_draw");
    json_put_real(w, evaluations);
    json_key(w, "failed_rows");
    json_put_int(w, failed);
  }
  const int64_t *size = s == &run->predictive.stage         ? run->predictive.size
                        : s == &run->observed_log_q.stage   ? run->observed_log_q.size
                        : s == &run->predictive_log_q.stage ? run->predictive_log_q.size
                                                            : NULL;
  if (size != NULL) {
    json_key(w, "sets");
    json_put_int(w, size[0]);
    json_key(w, "draws");
    json_put_int(w, size[1]);
  }
  json_end_object(w);
}

/* Each observation's share of the sampling, in the order of "observations". */
static void put_sampled(JsonWriter *w, const Run *run) {
  json_key(w, "sampled");
  json_begin_list(w);
  for (int64_t k = 0; k < run->observations.n; k++) {
    json_begin_object(w);
    json_key(w, "evaluations_per_draw");
    json_put_real(w, run->sampled[k].evaluations);
    json_key(w, "seconds");
    json_put_real(w, run->sampled[k].seconds);
    json_key(w, "failed");
    json_put_int(w, run->sampled[k].failed);
    json_end_object(w);
  }
  json_end_list(w);
}

static EbbStatus put_files(JsonWriter *w, const Run *run, const char *folder, Goal goal) {
  static const char *const files[] = {"spec.yaml",           "simulations/theta.npy", "simulations/x.npy", "model.safetensors", "training.csv",
                                      "posterior/theta.npy", "posterior/summary.csv", "metrics.csv",       "curves.csv"};
  const size_t until[] = {3, 5, 7, 9};
  json_key(w, "files");
  json_begin_object(w);
  EbbStatus status = EBB_OK;
  for (size_t i = 0; i < until[goal] && status == EBB_OK; i++) {
    char hex[65];
    const char *path = path_join(run->arena, folder, files[i]);
    if (i + 1 == COUNT(files) && !file_exists(path)) continue; /* not every metric makes curves */
    status = sha256_file(path, hex);
    if (status == EBB_OK) put(w, files[i], hex);
  }
  static const char *const known[] = {"observations.npy", "truth.npy", "posterior/reference.npy"};
  for (size_t i = 0; i < COUNT(known) && goal >= GOAL_SAMPLE && status == EBB_OK; i++) {
    char hex[65], *path = path_join(run->arena, folder, known[i]);
    if (!file_exists(path) || (goal < GOAL_EVALUATE && i > 1)) continue;
    status = sha256_file(path, hex);
    if (status == EBB_OK) put(w, known[i], hex);
  }
  json_end_object(w);
  return status;
}

static EbbStatus put_plugin(JsonWriter *w, const Plugin *p) {
  char hex[65];
  EbbStatus status = plugin_sha256(p, hex);
  if (status != EBB_OK) return status;
  json_begin_object(w);
  put(w, "kind", kind_name(p->component->kind));
  put(w, "id", p->component->id);
  put(w, "version", p->component->version);
  put(w, "file", p->file);
  put(w, "sha256", hex);
  const char *const *data = p->component->data;
  if (data != NULL) {
    json_key(w, "data");
    json_begin_object(w);
  }
  for (; data != NULL && *data != NULL && status == EBB_OK; data++) {
    status = plugin_data_sha256(p, *data, hex);
    put(w, *data, hex);
  }
  if (data != NULL) json_end_object(w);
  json_end_object(w);
  return status;
}

static EbbStatus write_manifest(const Run *run, const char *folder, Goal goal, int threads) {
  JsonWriter w = {0};
  char started[32];
  time_t now = time(NULL);
  struct tm utc;
  strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  json_begin_object(&w);
  put(&w, "ebb_version", EBB_VERSION);
  put(&w, "build", build_id());
  put(&w, "isa", isa_name());
  put(&w, "blas", linalg_core());
  put(&w, "cpu", cpu_name());
  json_key(&w, "threads");
  json_put_int(&w, threads);
  struct rusage use;
  if (getrusage(RUSAGE_SELF, &use) == 0) {
    json_key(&w, "peak_memory_bytes"); /* of this call */
    json_put_int(&w, (int64_t)use.ru_maxrss * 1024);
  }
  put(&w, "seed", arena_print(run->arena, "%" PRIu64, run->spec->seed));
  put(&w, "started", started);
  json_key(&w, "stages");
  json_begin_list(&w);
  const Stage *stages[] = {&run->simulate, &run->train, &run->sample};
  for (int g = 0; g <= (int)goal && g < 3; g++) put_stage(&w, run, stages[g]);
  const Stage *served[] = {&run->predictive.stage, &run->observed_log_q.stage, &run->predictive_log_q.stage};
  for (size_t i = 0; goal == GOAL_EVALUATE && i < COUNT(served); i++)
    if (served[i]->done) put_stage(&w, run, served[i]);
  for (int64_t i = 0; goal == GOAL_EVALUATE && i < run->spec->evaluation.count; i++) put_stage(&w, run, &run->evaluate[i]);
  json_end_list(&w);
  json_key(&w, "plugins");
  json_begin_list(&w);
  EbbStatus status = EBB_OK;
  const Plugin *solver = run->density.component != NULL ? registry_plugin(run->registry, run->density.component) : NULL;
  for (size_t i = 0; i < run->spec->plugin_count && status == EBB_OK; i++) {
    status = put_plugin(&w, run->spec->plugins[i]);
    if (run->spec->plugins[i] == solver) solver = NULL;
  }
  if (status == EBB_OK && solver != NULL) status = put_plugin(&w, solver);
  json_end_list(&w);
  json_key(&w, "parameters");
  json_begin_list(&w);
  for (int64_t j = 0; j < ebb_layout_numbers(&run->info.theta); j++) json_put_string(&w, run->info.parameter[j].name);
  json_end_list(&w);
  json_key(&w, "observations");
  json_begin_list(&w);
  for (int64_t k = 0; k < run->observations.n; k++) json_put_int(&w, run->observations.number[k]);
  json_end_list(&w);
  json_key(&w, "outside_training_data"); /* numbers of the observations that are */
  json_begin_list(&w);
  for (int64_t k = 0; run->sampled != NULL && k < run->observations.n; k++)
    if (run->sampled[k].outside > 0) json_put_int(&w, run->observations.number[k]);
  json_end_list(&w);
  if (run->sampled != NULL && goal >= GOAL_SAMPLE) put_sampled(&w, run);
  json_key(&w, "simulations");
  json_put_int(&w, run->spec->simulations.count);
  json_key(&w, "failed_simulations");
  json_put_int(&w, run->failed_simulations);
  if (status == EBB_OK) status = put_files(&w, run, folder, goal);
  json_end_object(&w);
  str_add(&w.out, "\n");
  if (status == EBB_OK) status = file_write(path_join(run->arena, folder, "manifest.json"), w.out.text, w.out.length);
  str_free(&w.out);
  return status;
}

EbbStatus folder_write(const Run *run, Goal goal, int threads) {
  const char *folder = path_join(run->arena, run->runs, run->name);
  EbbStatus status = folder_make(path_join(run->arena, folder, "simulations"));
  if (status == EBB_OK) status = file_write(path_join(run->arena, folder, "spec.yaml"), run->spec->text, strlen(run->spec->text));
  static const struct {
    Goal goal;
    const char *name, *file;
    int depth;
  } links[] = {{GOAL_SIMULATE, "simulations/theta.npy", "theta.npy", 1},
               {GOAL_SIMULATE, "simulations/x.npy", "x.npy", 1},
               {GOAL_SIMULATE, "simulations/failed.npy", "failed.npy", 1},
               {GOAL_TRAIN, "model.safetensors", "model.safetensors", 0},
               {GOAL_TRAIN, "training.csv", "training.csv", 0},
               {GOAL_SAMPLE, "posterior/theta.npy", "theta.npy", 1},
               {GOAL_SAMPLE, "posterior/summary.csv", "summary.csv", 1}};
  const Stage *stages[] = {&run->simulate, &run->train, &run->sample};
  if (status == EBB_OK && goal >= GOAL_SAMPLE) status = folder_make(path_join(run->arena, folder, "posterior"));
  for (size_t i = 0; i < COUNT(links) && status == EBB_OK; i++)
    if (links[i].goal <= goal) status = folder_link(run, folder, links[i].name, links[i].depth, stages[links[i].goal], links[i].file);
  static const char *const sets[] = {"theta_true.npy", "x.npy", "theta.npy"};
  bool predictive = goal == GOAL_EVALUATE && run->predictive.stage.done;
  if (status == EBB_OK && predictive) status = folder_make(path_join(run->arena, folder, "predictive"));
  for (size_t i = 0; i < COUNT(sets) && status == EBB_OK && predictive; i++)
    status = folder_link(run, folder, arena_print(run->arena, "predictive/%s", sets[i]), 1, &run->predictive.stage, sets[i]);
  if (status == EBB_OK && goal == GOAL_EVALUATE) status = write_metrics(run, folder);
  if (status == EBB_OK) status = known_write(run, folder, goal);
  return status == EBB_OK ? write_manifest(run, folder, goal, threads) : status;
}
