/* SPDX-License-Identifier: MIT
 *
 * DPM-Solver++(2M): Lu, Zhou, Bao, Chen, Li, Zhu 2022 (2211.01095), algorithm 2. With h = (lambda_s - lambda_t) / 2, the step before h_prev and
 * r = h_prev / h:
 *
 *     D = (1 + 1/2r) xhat - (1/2r) xhat_prev,     z_s = (sigma_s / sigma_t) z - alpha_s expm1(-h) D
 *
 * Order 2, one evaluation a step. First order (D = xhat) on the first step, and on the step into noise 0, where h is infinite and z_s = xhat. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 12, 1, 100000, "", "field evaluations a draw"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* A row's state: xhat and lambda of the answer before, dim + 1 numbers. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  needs->state = plan->dim + 1;
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *shared, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)shared, (void)work;
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    double *xhat_prev = r->state + i * r->state_step, *lambda_prev = xhat_prev + r->dim, *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    int second = r->asked[i] > 1 && s->sigma > 0;
    double back = second ? 0.5 * (s->lambda - t->lambda) / (t->lambda - *lambda_prev) : 0; /* 1/2r */
    double kept = s->sigma / t->sigma, gain = -s->alpha * expm1(-0.5 * (s->lambda - t->lambda));
    for (int64_t j = 0; j < r->dim; j++) {
      double D = second ? (1 + back) * xhat[j] - back * xhat_prev[j] : xhat[j];
      z[j] = kept * z[j] + gain * D;
    }
    memcpy(xhat_prev, xhat, (size_t)r->dim * sizeof *xhat);
    *lambda_prev = t->lambda;
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent dpmpp_2m = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "dpmpp_2m",
    .summary = "multistep; order 2; 1 evaluation a step; deterministic",
    .version = "1.0",
    .reference = "2211.01095, algorithm 2",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&dpmpp_2m)
