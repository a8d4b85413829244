/* SPDX-License-Identifier: MIT
 *
 * The classical Runge-Kutta rule (Kutta 1901; Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, table 1.2) on the probability-flow
 * ODE of Song et al. 2021 (2011.13456), eq. 13, in the schedule's time. With the velocity v = alpha' xhat + sigma' eps and h = s - t,
 *
 *     v1 at (z, t),   v2 at (z + h v1/2, t + h/2),   v3 at (z + h v2/2, t + h/2),   v4 at (z + h v3, s),   z_s = z + h (v1 + 2 v2 + 2 v3 + v4) / 6
 *
 * Order 4, four evaluations a step. The step into noise 0, where v is not defined, returns xhat: 4 steps - 3 evaluations a draw. */
#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 20, 1, 100000, "", "noise levels; 4 steps - 3 field evaluations a draw"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* A row's state: z of the step's begin and the weighted sum of velocities so far, dim numbers each. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  needs->state = 2 * plan->dim;
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *shared, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)shared, (void)work;
  static const double weight[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}, reach[3] = {0.5, 0.5, 1};
  for (int64_t i = 0; i < r->rows; i++) {
    int64_t step = (r->asked[i] - 1) / 4, stage = (r->asked[i] - 1) % 4;
    const EbbLevel *at = &r->at[i * r->at_step], *t = &plan->level[step], *s = &plan->level[step + 1];
    double *base = r->state + i * r->state_step, *sum = base + r->dim, *z = r->z + i * r->dim, h = s->t - t->t;
    const double *xhat = r->xhat + i * r->dim;
    for (int64_t j = 0; j < r->dim; j++) {
      double v = at->dalpha * xhat[j] + at->dsigma * (z[j] - at->alpha * xhat[j]) / at->sigma;
      if (stage == 0) {
        base[j] = z[j];
        sum[j] = 0;
      }
      sum[j] += weight[stage] * v;
      z[j] = s->sigma == 0 ? s->alpha * xhat[j] : base[j] + h * (stage < 3 ? reach[stage] * v : sum[j]);
    }
    r->t[i] = t->t + 0.5 * h;
    if (stage == 3 || s->sigma == 0)
      ebb_ask_at(r, i, step + 1, step + 1 < plan->n ? EBB_STATE : EBB_DONE);
    else
      ebb_ask_at(r, i, stage < 2 ? -1 : step + 1, EBB_STAGE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent rk4 = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "rk4",
    .summary = "the classical Runge-Kutta rule in the schedule's time; order 4; 4 evaluations a step; deterministic",
    .version = "1.0",
    .reference = "2011.13456, eq. 13; Kutta 1901",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&rk4)
