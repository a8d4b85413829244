/* SPDX-License-Identifier: MIT
 *
 * Heun's rule as in EDM: Karras, Aittala, Aila, Laine 2022 (2206.00364), algorithm 1. The probability-flow ODE for y = z / alpha in the variable
 * u = sigma / alpha is dy/du = (y - xhat) / u; one step from u to u_s:
 *
 *     d = (y - xhat) / u,   y' = y + (u_s - u) d;     if u_s > 0:   d' = (y' - xhat') / u_s,   y_s = y + (u_s - u) (d + d') / 2
 *
 * Order 2. The step into noise 0 is Euler's, which returns xhat: 2 steps - 1 evaluations a draw. */
#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 10, 1, 100000, "", "noise levels; 2 steps - 1 field evaluations a draw"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* A row's state: y and d of the step's begin, dim numbers each. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  needs->state = 2 * plan->dim;
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *shared, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)shared, (void)work;
  for (int64_t i = 0; i < r->rows; i++) {
    int64_t next = (r->asked[i] + 1) / 2; /* odd answers are of states, even ones of the stage at the next level */
    int corrects = r->asked[i] % 2 == 0;
    const EbbLevel *t = &plan->level[next - 1], *s = &plan->level[next];
    double u = t->sigma / t->alpha, span = s->sigma / s->alpha - u;
    double *y = r->state + i * r->state_step, *d = y + r->dim, *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    for (int64_t j = 0; j < r->dim; j++) {
      if (corrects) {
        double slope = (z[j] / s->alpha - xhat[j]) * s->alpha / s->sigma;
        z[j] = s->alpha * (y[j] + 0.5 * span * (d[j] + slope));
      } else {
        y[j] = z[j] / t->alpha;
        d[j] = (y[j] - xhat[j]) / u;
        z[j] = s->sigma > 0 ? s->alpha * (y[j] + span * d[j]) : s->alpha * xhat[j];
      }
    }
    if (corrects || s->sigma == 0)
      ebb_ask_at(r, i, next, next < plan->n ? EBB_STATE : EBB_DONE);
    else
      ebb_ask_at(r, i, next, EBB_STAGE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent edm_heun = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "edm_heun",
    .summary = "Heun's rule in sigma/alpha; order 2; 2 evaluations a step; deterministic",
    .version = "1.0",
    .reference = "2206.00364, algorithm 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&edm_heun)
