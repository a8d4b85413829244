/* SPDX-License-Identifier: MIT
 *
 * Log densities of given parameters under a finished run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "run/density.h"

/* Points for all observations (n, d), or for each its own (observations, n, d) as draws come. */
static EbbStatus read_points(Session *s, const Run *run, DensityJob *job) {
  const char *path = s->options->theta;
  int64_t d = run->model->d, n = run->observations.n;
  Npy file;
  if (strcmp(path + (strlen(path) > 4 ? strlen(path) - 4 : 0), ".npy") == 0) {
    EbbStatus status = npy_open(path, &file);
    if (status != EBB_OK) return status;
    if (file.ndim == 3) {
      const float *theta = npy_f32(&file);
      if (file.shape[0] != n || file.shape[2] != d || theta == NULL)
        status =
            fail(EBB_E_SHAPE,
                 "%s: expected float32 (%" PRId64 ", points, %" PRId64 ") or (points, %" PRId64 "), found (%" PRId64 ", %" PRId64 ", %" PRId64 ")",
                 path, n, d, d, file.shape[0], file.shape[1], file.shape[2]);
      float *copy = status == EBB_OK ? ARENA_ARRAY(s->arena, float, file.size) : NULL;
      if (copy != NULL && file.size > 0) memcpy(copy, theta, (size_t)file.size * sizeof *copy);
      job->points = file.shape[1];
      job->theta = copy;
      npy_close(&file);
      return status;
    }
    npy_close(&file);
  }
  Table table;
  EbbStatus status = table_read(s->arena, path, &table);
  if (status != EBB_OK) return status;
  if (table.columns != d) return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " parameters a row, found %" PRId64, path, d, table.columns);
  float *theta = ARENA_ARRAY(s->arena, float, table.rows *d);
  for (int64_t i = 0; i < table.rows * d; i++) theta[i] = (float)table.value[i];
  job->points = table.rows;
  job->theta = theta;
  job->shared = true;
  return EBB_OK;
}

EbbStatus cmd_density(Session *s) {
  const Options *o = s->options;
  if (o->theta == NULL || o->observations == NULL || o->out == NULL)
    return fail(EBB_E_CONFIG, "usage: ebb density RUN --theta FILE --observations FILE --out FILE.npy");
  Run run;
  EbbChild sampler;
  EbbStatus status = session_model(s, o->argument[0], &run);
  if (status == EBB_OK) status = density_sampler(s->arena, run.pool, run.registry, run.spec, &sampler);
  if (status != EBB_OK) return status;
  DensityJob job = {.pool = run.pool,
                    .model = run.model,
                    .sampler = &sampler,
                    .grid = &run.spec->sampling.grid,
                    .observations = &run.observations,
                    .block = run.block,
                    .seed = run.spec->sampling.seed};
  status = read_points(s, &run, &job);
  if (status == EBB_OK) status = density_write(&job, o->out);
  if (status == EBB_OK) printf("%s  (%" PRId64 ", %" PRId64 ")\n", o->out, run.observations.n, job.points);
  plugin_destroy(&sampler);
  model_free(run.model);
  plugin_destroy(&run.simulator);
  return status;
}
