/* SPDX-License-Identifier: MIT
 *
 * Heun's rule on the probability-flow ODE in the schedule's time: Song et al. 2021 (2011.13456), eq. 13; the explicit trapezoid of e.g. Hairer,
 * Norsett, Wanner, Solving Ordinary Differential Equations I, II.1. With the velocity v = alpha' xhat + sigma' eps, eps = (z - alpha xhat) / sigma,
 *
 *     z' = z + (s - t) v;     if sigma_s > 0:   z_s = z + (s - t) (v + v') / 2,   v' at (z', s)
 *
 * Order 2. The step into noise 0 returns xhat: 2 steps - 1 evaluations a draw. The same rule in sigma/alpha is edm_heun. */
#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 20, 1, 100000, "", "noise levels; 2 steps - 1 field evaluations a draw"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* A row's state: z and v of the step's begin, dim numbers each. */
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
    const EbbLevel *at = &r->at[i * r->at_step], *t = &plan->level[next - 1], *s = &plan->level[next];
    double *base = r->state + i * r->state_step, *v = base + r->dim, *z = r->z + i * r->dim, span = s->t - t->t;
    const double *xhat = r->xhat + i * r->dim;
    for (int64_t j = 0; j < r->dim; j++) {
      double velocity = at->dalpha * xhat[j] + at->dsigma * (z[j] - at->alpha * xhat[j]) / at->sigma;
      if (corrects) {
        z[j] = base[j] + 0.5 * span * (v[j] + velocity);
      } else {
        base[j] = z[j];
        v[j] = velocity;
        z[j] = s->sigma > 0 ? z[j] + span * velocity : s->alpha * xhat[j];
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
static const EbbComponent heun = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "heun",
    .summary = "Heun's rule in the schedule's time; order 2; 2 evaluations a step; deterministic",
    .version = "1.0",
    .reference = "2011.13456, eq. 13",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&heun)
