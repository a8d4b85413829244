/* SPDX-License-Identifier: MIT
 *
 * Draws of the true posterior of the spec's observations, where the simulator can make them. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "run/reference.h"

EbbStatus cmd_reference(Session *s) {
  const Options *o = s->options;
  if (o->out == NULL) return fail(EBB_E_CONFIG, "usage: ebb reference SPEC --out DIR [--draws N]");
  Run run;
  EbbStatus status = session_run(s, o->argument[0], &run);
  if (status == EBB_OK) status = run_prepare(&run, GOAL_SAMPLE);
  if (status == EBB_OK) status = folder_make(o->out);
  int64_t draws = o->draws > 0 ? o->draws : status == EBB_OK ? run.spec->sampling.draws : 0;
  for (int64_t k = 0; k < run.observations.n && status == EBB_OK; k++) {
    Arena *arena = arena_new();
    float *theta;
    status = reference_exact(&run, arena, k, draws, &theta);
    if (status == EBB_OK && theta == NULL)
      status = fail(EBB_E_UNSUPPORTED, "simulator %s has no exact posterior sampler", run.simulator.component->id);
    const int64_t shape[2] = {draws, ebb_layout_numbers(&run.info.theta)};
    char *path = path_join(arena, o->out, arena_print(arena, "reference_%" PRId64 ".npy", run.observations.number[k]));
    if (status == EBB_OK) status = npy_write_f32(path, 2, shape, theta);
    if (status == EBB_OK) printf("%s\n", path);
    arena_free(arena);
  }
  plugin_destroy(&run.simulator);
  return status;
}
