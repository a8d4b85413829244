/* SPDX-License-Identifier: MIT
 *
 * Opening a teacher, and what makes one unfit. */
#include "run/teacher.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *teacher_file(Arena *arena, const Spec *spec) {
  const char *folder = component_string(&spec->model.objective, "teacher");
  return folder != NULL ? path_join(arena, folder, "model.safetensors") : NULL;
}

static EbbStatus check(const char *folder, const Model *teacher, const Model *student) {
  const char *id = student->objective.component->id;
  if ((teacher->needs.result & (EBB_MEAN | EBB_MEAN_ODE)) == 0)
    return fail(EBB_E_CONFIG, "objective %s needs a diffusion model or a flow as its teacher; that of %s was trained by objective %s", id, folder,
                teacher->objective.component->id);
  if (student->inputs.n != teacher->inputs.n)
    return fail(EBB_E_CONFIG, "the model of %s is told %" PRId64 " numbers of the data, this one %" PRId64 "; give model.inputs the teacher's value",
                folder, teacher->inputs.n, student->inputs.n);
  const ScheduleView *a = &student->view, *b = &teacher->view;
  if (a->lambda_min < b->lambda_min - 1e-6 || a->lambda_max > b->lambda_max + 1e-6)
    return fail(
        EBB_E_CONFIG,
        "the schedule %s spans sigma/alpha from %.3g to %.3g, but the teacher of %s knows %.3g to %.3g only; give model.schedule the teacher's "
        "range",
        student->schedule.component->id, exp(-0.5 * a->lambda_max), exp(-0.5 * a->lambda_min), folder, exp(-0.5 * b->lambda_max),
        exp(-0.5 * b->lambda_min));
  return EBB_OK;
}

EbbStatus teacher_open(Run *run, Model *student, NetworkField *out) {
  Arena *arena = run->arena;
  const char *folder = component_string(&run->spec->model.objective, "teacher"), *id = student->objective.component->id;
  if (folder == NULL) return fail(EBB_E_CONFIG, "objective %s needs a trained model: give model.objective.teacher the folder of its run", id);
  const char *path = path_join(arena, folder, "spec.yaml");
  if (!file_exists(path) || !file_exists(teacher_file(arena, run->spec)))
    return fail(EBB_E_CONFIG, "model.objective.teacher: %s is no run with a model (spec.yaml and model.safetensors are expected)", folder);
  Spec *spec;
  Model *m;
  EbbStatus status = spec_load(arena, run->registry, path, NULL, 0, &spec);
  if (status == EBB_OK) status = model_new(arena, run->pool, spec, &run->info, &m);
  if (status == EBB_OK) status = model_read(m, teacher_file(arena, run->spec));
  if (status == EBB_OK) status = check(folder, m, student);
  if (status != EBB_OK) return status;
  memcpy(student->map, m->map, (size_t)m->d * sizeof *m->map);
  inputs_copy(&student->inputs, &m->inputs);
  student->base = m->base;
  EbbLevel level = {.lambda = m->view.lambda_min, .alpha = 1, .sigma = 1, .dlambda = -1};
  float *nothing = ARENA_ARRAY(arena, float, m->inputs.n);
  return network_field(arena, run->pool, m, 1, nothing, 1, &level, out);
}
