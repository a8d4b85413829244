/* SPDX-License-Identifier: MIT
 *
 * Draws of the true posterior of the spec's observations: DIR/reference_K.npy each, what they are worth in DIR/reference.csv, how they were made in
 * DIR/manifest.json. Draws that did not converge are named reference_K.suspect.npy, so that no pattern takes them up unseen. Observations that were
 * done before, from the same spec, are kept. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "num/isa.h"
#include "run/reference.h"

/* One number of the facts: its name in both files. */
static const struct {
  const char *name;
  size_t offset;
} numbers[] = {
    {"rhat", offsetof(ReferenceFacts, rhat)},
    {"ess", offsetof(ReferenceFacts, ess)},
    {"acceptance", offsetof(ReferenceFacts, acceptance)},
    {"log_evidence", offsetof(ReferenceFacts, log_evidence)},
    {"log_evidence_error", offsetof(ReferenceFacts, error)},
    {"importance_efficiency", offsetof(ReferenceFacts, efficiency)},
    {"pareto_k", offsetof(ReferenceFacts, pareto_k)},
    {"temperatures", offsetof(ReferenceFacts, temperatures)},
    {"likelihoods", offsetof(ReferenceFacts, evaluations)},
    {"seconds", offsetof(ReferenceFacts, seconds)},
};
static double *number_of(ReferenceFacts *facts, size_t i) { return (double *)(void *)((char *)facts + numbers[i].offset); }

typedef struct Made {
  bool done;
  const char *key, *file;
  ReferenceFacts facts;
} Made;

static const char *file_of(Arena *arena, const Run *run, int64_t k, bool suspect) {
  return arena_print(arena, "reference_%" PRId64 "%s.npy", run->observations.number[k], suspect ? ".suspect" : "");
}

/* All that the draws of one observation depend on. */
static const char *key_of(Session *s, const Run *run, int64_t k, int64_t draws, ReferenceMethod method) {
  int64_t q = ebb_layout_numbers(&run->info.data);
  Sha256 hash;
  char data[65];
  Key key;
  sha256_begin(&hash);
  sha256_add(&hash, run->observations.data.value + k * q, (size_t)q * sizeof(float));
  sha256_end(&hash, data);
  key_begin(&key);
  key_add(&key, "simulator", run->spec->simulator_as.digest);
  key_add(&key, "data", data);
  key_add(&key, "numbers", arena_print(s->arena, "%" PRId64 " %" PRId64 " %" PRIu64, run->observations.number[k], draws, run->spec->sampling.seed));
  key_add(&key, "method", reference_methods[method]);
  key_add(&key, "model", method != REFERENCE_MCMC && run->train.done ? run->train.key : NULL);
  return key_end(&key, s->arena);
}

static EbbStatus write_csv(Session *s, const Run *run, Made *made) {
  Str csv = {0};
  str_add(&csv, "observation,file,method,verdict,particles");
  for (size_t i = 0; i < COUNT(numbers); i++) str_print(&csv, ",%s", numbers[i].name);
  str_add(&csv, "\n");
  for (int64_t k = 0; k < run->observations.n; k++) {
    ReferenceFacts *f = &made[k].facts;
    if (!made[k].done) continue;
    str_print(&csv, "%" PRId64 ",%s,%s,%s,%" PRId64, run->observations.number[k], made[k].file, reference_methods[f->method],
              f->suspect                     ? "suspect"
              : f->method == REFERENCE_EXACT ? "exact"
                                             : "converged",
              f->particles);
    for (size_t i = 0; i < COUNT(numbers); i++) {
      double value = *number_of(f, i);
      str_add(&csv, ",");
      if (!isnan(value)) str_print(&csv, "%.7g", value);
    }
    str_add(&csv, "\n");
  }
  EbbStatus status = file_write(path_join(s->arena, s->options->out, "reference.csv"), csv.text, csv.length);
  str_free(&csv);
  return status;
}

static EbbStatus write_manifest(Session *s, const Run *run, int64_t draws, Made *made) {
  JsonWriter w = {0};
  const struct {
    const char *key, *text;
  } texts[] = {{"ebb_version", EBB_VERSION},
               {"build", build_id()},
               {"isa", isa_name()},
               {"simulator", run->spec->simulator_as.text},
               {"seed", arena_print(s->arena, "%" PRIu64, run->spec->sampling.seed)}};
  json_begin_object(&w);
  for (size_t i = 0; i < COUNT(texts); i++) {
    json_key(&w, texts[i].key);
    json_put_string(&w, texts[i].text);
  }
  json_key(&w, "draws");
  json_put_int(&w, draws);
  json_key(&w, "parameters");
  json_begin_list(&w);
  for (int64_t j = 0; j < ebb_layout_numbers(&run->info.theta); j++) json_put_string(&w, run->info.parameter[j].name);
  json_end_list(&w);
  json_key(&w, "observations");
  json_begin_list(&w);
  for (int64_t k = 0; k < run->observations.n; k++) {
    if (!made[k].done) continue;
    ReferenceFacts *f = &made[k].facts;
    json_begin_object(&w);
    json_key(&w, "number");
    json_put_int(&w, run->observations.number[k]);
    json_key(&w, "key");
    json_put_string(&w, made[k].key);
    json_key(&w, "file");
    json_put_string(&w, made[k].file);
    json_key(&w, "method");
    json_put_string(&w, reference_methods[f->method]);
    json_key(&w, "suspect");
    json_put_bool(&w, f->suspect);
    json_key(&w, "particles");
    json_put_int(&w, f->particles);
    for (size_t i = 0; i < COUNT(numbers); i++) {
      json_key(&w, numbers[i].name);
      json_put_real(&w, *number_of(f, i));
    }
    json_end_object(&w);
  }
  json_end_list(&w);
  json_end_object(&w);
  str_add(&w.out, "\n");
  EbbStatus status = file_write(path_join(s->arena, s->options->out, "manifest.json"), w.out.text, w.out.length);
  str_free(&w.out);
  return status;
}

/* What an earlier call left that this one would make again. A manifest that cannot be read is as good as none. */
static void look_back(Session *s, const Run *run, Made *made) {
  const char *out = s->options->out, *path = path_join(s->arena, out, "manifest.json");
  char *text;
  size_t size;
  Json *json;
  if (!file_exists(path)) return;
  if (file_read(s->arena, path, 1 << 26, &text, &size) != EBB_OK || json_read(s->arena, path, text, size, &json) != EBB_OK) {
    fail_clear();
    return;
  }
  const Json *list = json_get(json, "observations");
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next)
    for (int64_t k = 0; k < run->observations.n; k++) {
      const char *file = json_string(j, "file", ""), *method = json_string(j, "method", "");
      const Json *suspect = json_get(j, "suspect");
      ReferenceFacts *f = &made[k].facts;
      if (strcmp(json_string(j, "key", ""), made[k].key) != 0 || !file_exists(path_join(s->arena, out, file))) continue;
      f->suspect = suspect != NULL && suspect->truth;
      made[k].file = file_of(s->arena, run, k, f->suspect);
      if (strcmp(made[k].file, file) != 0 || reference_method(method, &f->method) != EBB_OK) {
        fail_clear();
        continue;
      }
      f->particles = (int64_t)json_number(j, "particles", 0);
      for (size_t i = 0; i < COUNT(numbers); i++) *number_of(f, i) = json_number(j, numbers[i].name, NAN);
      made[k].done = true;
    }
}

static EbbStatus make(Session *s, Run *run, int64_t k, int64_t draws, ReferenceMethod method, int64_t done, Made *made) {
  Arena *arena = arena_new();
  float *theta;
  EbbStatus status = reference_make(run, arena, k, draws, method, done, &theta, &made->facts);
  made->file = file_of(s->arena, run, k, made->facts.suspect);
  const int64_t shape[2] = {draws, ebb_layout_numbers(&run->info.theta)};
  if (status == EBB_OK) status = npy_write_f32(path_join(arena, s->options->out, made->file), 2, shape, theta);
  if (status == EBB_OK) unlink(path_join(arena, s->options->out, file_of(arena, run, k, !made->facts.suspect))); /* of an earlier call */
  made->done = status == EBB_OK;
  arena_free(arena);
  return status;
}

static void print_number(int width, int digits, double value) {
  if (isnan(value))
    printf("  %*s", width, "-");
  else
    printf("  %*.*f", width, digits, value);
}

static void print_made(const Run *run, Made *made, const char *out) {
  printf("observation      method   R-hat     ESS  acceptance  log evidence            seconds  file\n");
  for (int64_t k = 0; k < run->observations.n; k++) {
    ReferenceFacts *f = &made[k].facts;
    if (!made[k].done) continue;
    printf("%11" PRId64 "  %10s", run->observations.number[k], reference_methods[f->method]);
    print_number(6, 3, f->rhat);
    print_number(6, 0, f->ess);
    print_number(10, 2, f->acceptance);
    print_number(12, 3, f->log_evidence);
    if (isnan(f->error))
      printf("          ");
    else
      printf(" +- %.4f", f->error);
    printf("  %7.1f  %s/%s\n", f->seconds, out, made[k].file);
  }
}

EbbStatus cmd_reference(Session *s) {
  const Options *o = s->options;
  ReferenceMethod method;
  if (o->out == NULL) return fail(EBB_E_CONFIG, "usage: ebb reference SPEC --out DIR [--draws N] [--method auto|exact|importance|mcmc]");
  EbbStatus status = reference_method(o->method, &method);
  Run run = {0};
  if (status == EBB_OK) status = session_run(s, o->argument[0], &run);
  if (status == EBB_OK) status = run_prepare(&run, GOAL_SAMPLE);
  if (status == EBB_OK) status = folder_make(o->out);
  if (status != EBB_OK) return status;
  int64_t n = run.observations.n, draws = o->draws > 0 ? o->draws : run.spec->sampling.draws, done = 0, suspects = 0;
  Made *made = ARENA_ARRAY(s->arena, Made, n);
  for (int64_t k = 0; k < n; k++) made[k].key = key_of(s, &run, k, draws, method);
  look_back(s, &run, made);
  for (int64_t k = 0; k < n; k++) done += made[k].done;
  if (done > 0) log_line(LOG_INFO, "%" PRId64 " of %" PRId64 " observations are there from before", done, n);
  Progress *progress = done < n ? progress_begin("reference", "observations", n, done) : NULL;
  if (progress != NULL) progress_fine(progress, REFERENCE_STEPS);
  for (int64_t k = 0; k < n && status == EBB_OK; k++) {
    if (made[k].done) continue;
    status = make(s, &run, k, draws, method, done, &made[k]);
    if (status == EBB_OK) status = write_manifest(s, &run, draws, made);
    if (status == EBB_OK) status = write_csv(s, &run, made);
    done += made[k].done;
  }
  progress_end(progress, NULL);
  if (status == EBB_E_CANCELLED)
    fail(EBB_E_CANCELLED, "stopped while making references; %" PRId64 " of %" PRId64 " observations are kept in %s", done, n, o->out);
  if (status == EBB_OK) print_made(&run, made, o->out);
  for (int64_t k = 0; k < n; k++) suspects += made[k].done && made[k].facts.suspect;
  if (status == EBB_OK && suspects > 0)
    status = fail(EBB_E_NUMERIC,
                  "%" PRId64 " of %" PRId64 " references are not to be trusted (R-hat above 1.01, fewer than 400 effective draws, or a model too far "
                  "from the posterior) and are named .suspect.npy; ask for more draws, which takes more particles, or another --method",
                  suspects, n);
  model_free(run.model);
  plugin_destroy(&run.simulator);
  return status;
}
