/* SPDX-License-Identifier: MIT
 *
 * The maximum of the posterior of a finished run, from draws of its sampler as starts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "run/check.h"
#include "run/maximum.h"
#include "run/sample.h"

enum { STARTS = 32 };

/* theta (observations, starts, d) by the spec's sampler, in the arena. */
static EbbStatus draw_starts(Session *s, const Run *run, int64_t starts, const char *work, const float **out) {
  uint32_t stream = STREAM_SAMPLER;
  EbbChild sampler = run->spec->sampling.sampler;
  EbbStatus status = plugin_create(s->arena, run->pool, &sampler, &stream);
  if (status != EBB_OK) return status;
  SampleJob job = {.pool = run->pool,
                   .model = run->model,
                   .sampler = &sampler,
                   .grid = &run->spec->sampling.grid,
                   .observations = &run->observations,
                   .draws = starts,
                   .block = run->block,
                   .seed = run->spec->sampling.seed,
                   .folder = work};
  SampleFacts *facts = ARENA_ARRAY(s->arena, SampleFacts, run->observations.n);
  sample_warn_outside(run->model, &run->observations, facts);
  if (file_is_folder(work)) status = folder_remove(work);
  if (status == EBB_OK) status = folder_make(work);
  if (status == EBB_OK) status = sample_draws(&job, facts);
  plugin_destroy(&sampler);
  Npy file;
  if (status == EBB_OK) status = npy_open(path_join(s->arena, work, "theta.npy"), &file);
  if (status != EBB_OK) return status;
  float *copy = ARENA_ARRAY(s->arena, float, file.size);
  memcpy(copy, npy_f32(&file), (size_t)file.size * sizeof *copy);
  *out = copy;
  npy_close(&file);
  return folder_remove(work);
}

EbbStatus cmd_map(Session *s) {
  const Options *o = s->options;
  if (o->observations == NULL || o->out == NULL) return fail(EBB_E_CONFIG, "usage: ebb map RUN --observations FILE --out DIR [--draws STARTS]");
  Run run;
  EbbChild density;
  EbbStatus status = session_model(s, o->argument[0], &run);
  if (status == EBB_OK) status = check_chain(&run);
  if (status == EBB_OK) status = density_sampler(s->arena, run.pool, run.registry, run.spec, &density);
  if (status != EBB_OK) return status;
  DensityJob job = {.pool = run.pool,
                    .model = run.model,
                    .sampler = &density,
                    .grid = &run.spec->sampling.grid,
                    .observations = &run.observations,
                    .points = o->draws > 0 ? o->draws : STARTS,
                    .block = run.block,
                    .seed = run.spec->sampling.seed};
  status = density_write(&job, NULL); /* refused before the first draw */
  if (status == EBB_OK) status = draw_starts(s, &run, job.points, path_join(s->arena, o->out, ".starts"), &job.theta);
  if (status == EBB_OK) status = maximum_write(&job, o->out);
  if (status == EBB_OK) printf("%s/\n  theta.npy  (%" PRId64 ", %" PRId64 ")\n  map.csv\n", o->out, run.observations.n, run.model->d);
  plugin_destroy(&density);
  model_free(run.model);
  plugin_destroy(&run.simulator);
  return status;
}
