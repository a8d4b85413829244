/* SPDX-License-Identifier: MIT
 *
 * What most commands begin with: threads, and a run around a spec. */
#include <string.h>

#include "cli/cli.h"
#include "num/isa.h"
#include "num/linalg.h"
#include "run/command.h"

EbbStatus session_threads(Session *s) {
  if (s->pool != NULL) return EBB_OK;
  const char *source = "--threads";
  int threads = (int)s->options->threads;
  if (threads == 0) threads = pool_default_threads(&source);
  EbbStatus status = linalg_setup();
  if (status == EBB_OK) status = pool_new(threads, &s->pool);
  if (status == EBB_OK) log_line(LOG_INFO, "ebb %s, %s, %d thread%s (%s)", EBB_VERSION, isa_name(), threads, threads == 1 ? "" : "s", source);
  return status;
}

EbbStatus session_run(Session *s, const char *path, Run *out) {
  const Options *o = s->options;
  Spec *spec;
  EbbStatus status = spec_load(s->arena, s->registry, path, o->set, o->sets, &spec);
  if (status != EBB_OK) return status;
  if (o->commands) command_allow(&spec->simulator);
  char *name = arena_copy(s->arena, path_name(path));
  if (strrchr(name, '.') != NULL && strrchr(name, '.') != name) *strrchr(name, '.') = '\0';
  if (o->name != NULL && (o->name[0] == '.' || o->name[0] == '\0' || strchr(o->name, '/') != NULL))
    return fail(EBB_E_CONFIG, "--name %s: a run's name is a folder's, without / and not beginning with a dot", o->name);
  *out =
      (Run){.arena = s->arena, .registry = s->registry, .spec = spec, .runs = o->runs, .name = o->name != NULL ? o->name : name, .block = o->block};
  out->store = path_join(s->arena, o->runs, ".store");
  status = session_threads(s);
  out->pool = s->pool;
  return status;
}

EbbStatus session_model(Session *s, const char *folder, Run *out) {
  const Options *o = s->options;
  Arena *arena = s->arena;
  const char *spec = path_join(arena, folder, "spec.yaml"), *model = path_join(arena, folder, "model.safetensors");
  if (!file_exists(spec) || !file_exists(model))
    return fail(EBB_E_CONFIG, "%s is no run with a model (spec.yaml and model.safetensors are expected); `ebb runs` lists runs", folder);
  EbbStatus status = session_run(s, spec, out);
  Spec *trained = NULL;
  if (status == EBB_OK && o->sets > 0) status = spec_load(arena, s->registry, spec, NULL, 0, &trained);
  if (status != EBB_OK) return status;
  if (trained != NULL && strcmp(trained->model_text, out->spec->model_text) != 0)
    return fail(EBB_E_CONFIG, "--set changes model, but %s was trained as its spec.yaml says; change sampling only, or train anew with `ebb run`",
                folder);
  char *place = arena_copy(arena, folder); /* its name, also when it was given with a slash at the end */
  for (size_t n = strlen(place); n > 1 && place[n - 1] == '/';) place[--n] = '\0';
  out->runs = path_folder(arena, place);
  out->name = path_name(place);
  status = run_prepare(out, GOAL_TRAIN);
  SpecObservations from = {.from = FROM_FILE, .file = o->observations};
  if (status == EBB_OK) status = observations_load(arena, &from, &out->simulator, &out->info, &out->observations);
  if (status == EBB_OK) status = model_new(arena, out->pool, out->spec, &out->info, &out->model);
  if (status == EBB_OK) status = model_read(out->model, model);
  return status;
}
