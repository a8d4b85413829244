/* SPDX-License-Identifier: MIT
 *
 * Commands that take a spec, and sampling of a finished run. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "num/isa.h"
#include "run/check.h"
#include "run/density.h"
#include "run/sample.h"

static EbbStatus until(Session *s, Goal goal) {
  Run run;
  EbbStatus status = session_run(s, s->options->argument[0], &run);
  if (status == EBB_OK) status = run_all(&run, goal);
  if (status == EBB_OK && goal >= GOAL_TRAIN) report_after(s, &run);
  return status;
}

EbbStatus cmd_run(Session *s) { return until(s, GOAL_EVALUATE); }
EbbStatus cmd_train(Session *s) { return until(s, GOAL_TRAIN); }
EbbStatus cmd_evaluate(Session *s) { return until(s, GOAL_EVALUATE); }

EbbStatus cmd_resolve(Session *s) {
  Spec *spec;
  EbbStatus status = spec_load(s->arena, s->registry, s->options->argument[0], s->options->set, s->options->sets, &spec);
  if (status == EBB_OK) fputs(spec->text, stdout);
  return status;
}

/* The simulator alone, at given parameters. */
static EbbStatus simulate_given(Session *s) {
  const Options *o = s->options;
  if (o->out == NULL) return fail(EBB_E_CONFIG, "--theta needs --out FILE.npy for the data");
  Run run;
  Table table;
  EbbStatus status = session_run(s, o->argument[0], &run);
  if (status == EBB_OK) status = run_prepare(&run, GOAL_SIMULATE);
  if (status == EBB_OK) status = table_read(s->arena, o->theta, &table);
  if (status != EBB_OK) return status;
  int64_t d = ebb_layout_numbers(&run.info.theta), q = ebb_layout_numbers(&run.info.data), failures = 0;
  if (table.columns != d) return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " parameters a row, found %" PRId64, o->theta, d, table.columns);
  float *theta = ARENA_ARRAY(s->arena, float, table.rows *d), *x = ARENA_ARRAY(s->arena, float, table.rows *q);
  uint8_t *failed = ARENA_ARRAY(s->arena, uint8_t, table.rows);
  for (int64_t i = 0; i < table.rows * d; i++) theta[i] = (float)table.value[i];
  status = simulate_rows(run.pool, &run.simulator, &run.info, run.spec->simulations.seed, 0, table.rows, theta, x, failed);
  for (int64_t i = 0; i < table.rows && status == EBB_OK; i++) {
    if (!failed[i]) continue;
    failures++;
    for (int64_t j = 0; j < q; j++) x[i * q + j] = NAN;
  }
  if (failures > 0) log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " simulations failed; their rows are NaN", failures, table.rows);
  const int64_t shape[2] = {table.rows, q};
  if (status == EBB_OK) status = npy_write_f32(o->out, 2, shape, x);
  plugin_destroy(&run.simulator);
  return status;
}

EbbStatus cmd_simulate(Session *s) { return s->options->theta != NULL ? simulate_given(s) : until(s, GOAL_SIMULATE); }

static EbbStatus write_manifest(const Run *run, const SampleJob *job, const SampleFacts *facts, const char *out) {
  JsonWriter w = {0};
  const struct {
    const char *key, *text;
  } texts[] = {{"ebb_version", EBB_VERSION},
               {"build", build_id()},
               {"isa", isa_name()},
               {"run", path_absolute(run->arena, path_join(run->arena, run->runs, run->name))}};
  json_begin_object(&w);
  for (size_t i = 0; i < COUNT(texts); i++) {
    json_key(&w, texts[i].key);
    json_put_string(&w, texts[i].text);
  }
  json_key(&w, "seed");
  json_put_string(&w, arena_print(run->arena, "%" PRIu64, job->seed));
  json_key(&w, "draws");
  json_put_int(&w, job->draws);
  json_key(&w, "parameters");
  json_begin_list(&w);
  for (int64_t j = 0; j < job->model->d; j++) json_put_string(&w, job->model->parameter[j].name);
  json_end_list(&w);
  json_key(&w, "observations");
  json_begin_list(&w);
  for (int64_t k = 0; k < job->observations->n; k++) {
    json_begin_object(&w);
    json_key(&w, "number");
    json_put_int(&w, job->observations->number[k]);
    json_key(&w, "evaluations_per_draw");
    json_put_real(&w, facts[k].evaluations);
    json_key(&w, "seconds");
    json_put_real(&w, facts[k].seconds);
    json_key(&w, "failed");
    json_put_int(&w, facts[k].failed);
    json_key(&w, "outside_training_data");
    json_put_bool(&w, facts[k].outside > 0);
    json_end_object(&w);
  }
  json_end_list(&w);
  json_end_object(&w);
  str_add(&w.out, "\n");
  EbbStatus status = file_write(path_join(run->arena, out, "manifest.json"), w.out.text, w.out.length);
  str_free(&w.out);
  return status;
}

/* A finished run on new data. The files grow in a folder of their own and are moved when they are whole. */
static EbbStatus sample_run(Session *s, const char *folder) {
  const Options *o = s->options;
  if (o->observations == NULL || o->out == NULL)
    return fail(EBB_E_CONFIG, "usage: ebb sample RUN --observations FILE --out DIR [--draws N] [--log-density]");
  Arena *arena = s->arena;
  Run run;
  EbbStatus status = session_model(s, folder, &run);
  if (status == EBB_OK) status = check_chain(&run);
  uint32_t stream = STREAM_SAMPLER;
  EbbChild density = {0};
  if (status != EBB_OK) return status;
  EbbChild sampler = run.spec->sampling.sampler;
  status = plugin_create(arena, run.pool, &sampler, &stream);
  if (status == EBB_OK && o->log_density) status = density_sampler(arena, run.pool, run.registry, run.spec, &density);
  if (status != EBB_OK) return status;
  SampleFacts *facts = ARENA_ARRAY(arena, SampleFacts, run.observations.n);
  sample_warn_outside(run.model, &run.observations, facts);
  const char *work = path_join(arena, o->out, ".sampling");
  if (file_is_folder(work)) status = folder_remove(work);
  if (status == EBB_OK) status = folder_make(work);
  SampleJob job = {run.pool,
                   run.model,
                   &sampler,
                   &run.spec->sampling.grid,
                   &run.observations,
                   o->draws > 0 ? o->draws : run.spec->sampling.draws,
                   run.block,
                   run.spec->sampling.seed,
                   work,
                   NULL,
                   NULL};
  DensityJob densities = {run.pool, run.model, &density, job.grid, job.observations, job.draws, job.block, NULL, false, job.seed};
  if (status == EBB_OK && o->log_density) status = density_write(&densities, NULL);
  if (status == EBB_OK) status = sample_draws(&job, facts);
  if (status == EBB_OK) status = sample_summary(run.model, &run.observations, job.draws, work);
  if (status == EBB_OK && o->log_density) {
    Npy theta;
    status = npy_open(path_join(arena, work, "theta.npy"), &theta);
    if (status == EBB_OK) {
      densities.theta = npy_f32(&theta);
      status = density_write(&densities, path_join(arena, work, "log_density.npy"));
      npy_close(&theta);
    }
  }
  static const char *const files[] = {"theta.npy", "summary.csv", "log_density.npy"};
  for (size_t i = 0; i < COUNT(files) - !o->log_density && status == EBB_OK; i++)
    if (rename(path_join(arena, work, files[i]), path_join(arena, o->out, files[i])) != 0)
      status = fail(EBB_E_IO, "cannot move %s to %s", files[i], o->out);
  if (status == EBB_OK) status = write_manifest(&run, &job, facts, o->out);
  if (status == EBB_OK) status = folder_remove(work);
  if (status == EBB_OK) {
    printf("%s/\n  theta.npy  (%" PRId64 ", %" PRId64 ", %" PRId64 ")\n", o->out, run.observations.n, job.draws, run.model->d);
    if (o->log_density) printf("  log_density.npy  (%" PRId64 ", %" PRId64 ")\n", run.observations.n, job.draws);
    printf("  summary.csv\n  manifest.json\n");
  }
  plugin_destroy(&density);
  plugin_destroy(&sampler);
  model_free(run.model);
  plugin_destroy(&run.simulator);
  return status;
}

EbbStatus cmd_sample(Session *s) {
  const char *what = s->options->argument[0];
  if (file_is_folder(what)) return sample_run(s, what);
  if (s->options->observations != NULL)
    return fail(EBB_E_CONFIG, "%s is no folder of a run; --observations goes with `ebb sample RUN`, in a spec they are sampling.observations.file",
                what);
  return until(s, GOAL_SAMPLE);
}
