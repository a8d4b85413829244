/* SPDX-License-Identifier: MIT
 *
 * Checks of the chain. */
#include "run/check.h"

#include <ebb/objective.h>
#include <string.h>

#include "run/slots.h"

static const double LEAST_TOLERANCE = 1e-7;

EbbStatus check_tolerances(const EbbChild *child) {
  const EbbParam *params = child->component != NULL ? child->component->params : NULL;
  EbbStatus status = EBB_OK;
  for (const EbbParam *p = params; p != NULL && p->key != NULL && status == EBB_OK; p++) {
    const void *member = (const char *)child->self + p->offset;
    if (p->type == EBB_T_COMPONENT) status = check_tolerances(member);
    if (p->type != EBB_T_REAL || (strcmp(p->key, "absolute") != 0 && strcmp(p->key, "relative") != 0)) continue;
    double value = *(const double *)member;
    if (value < LEAST_TOLERANCE)
      return fail(EBB_E_CONFIG,
                  "sampler %s: the %s tolerance %g is below what a float32 network can answer: rounding would be taken for error and steps would "
                  "shrink without end; give at least %g",
                  child->component->id, p->key, value, LEAST_TOLERANCE);
  }
  return status;
}

/* What the spec's objective trains, for a sampler that is no instance yet. */
static EbbStatus check_field(const Run *run, EbbChild sampler) {
  EbbChild objective = run->spec->model.objective;
  uint32_t stream = 0;
  EbbStatus status = plugin_create(run->arena, run->pool, &objective, &stream);
  if (status != EBB_OK) return status;
  status = plugin_create(run->arena, run->pool, &sampler, &stream);
  if (status == EBB_OK) {
    EbbObjectiveNeeds needs = {.size = sizeof needs};
    ((const EbbObjectiveOps *)objective.ops)->needs(objective.self, &needs);
    status = slots_accepts(&sampler, needs.result, arena_print(run->arena, "objective %s", objective.component->id));
    plugin_destroy(&sampler);
  }
  plugin_destroy(&objective);
  return status == EBB_E_UNSUPPORTED ? EBB_E_CONFIG : status; /* of the user's choosing */
}

EbbStatus check_chain(const Run *run) {
  EbbStatus status = check_tolerances(&run->spec->sampling.sampler);
  if (status == EBB_OK) status = check_tolerances(&run->spec->sampling.density);
  return status == EBB_OK ? check_field(run, run->spec->sampling.sampler) : status;
}

EbbStatus check_density(const Run *run) {
  EbbStatus status = check_field(run, run->density);
  return status == EBB_OK ? EBB_OK : fail_prefix(status, "a metric asks for log densities: ");
}
