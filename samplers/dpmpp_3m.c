/* SPDX-License-Identifier: MIT
 *
 * DPM-Solver++(3M): Lu, Zhou, Bao, Chen, Li, Zhu 2022 (2211.01095), appendix B, as a multistep method of third order. With h = (lambda_s -
 * lambda_t)/2, the steps before it h_1, h_2, and r0 = h_1/h, r1 = h_2/h:
 *
 *     d0 = (xhat - xhat_1) / r0,   d1 = (xhat_1 - xhat_2) / r1,   D1 = d0 + (d0 - d1) r0 / (r0 + r1),   D2 = (d0 - d1) / (r0 + r1)
 *     phi2 = expm1(-h)/h + 1,   phi3 = phi2/h - 1/2
 *     z_s = (sigma_s/sigma_t) z - alpha_s expm1(-h) xhat + alpha_s phi2 D1 - 2 alpha_s phi3 D2
 *
 * D2 is half the second derivative, hence the 2 that widely copied code leaves out, and with it an order. Order 3, one evaluation a step. First order
 * on the first step and into noise 0, where h is infinite and z_s = xhat; on the second step D1 = d0, D2 = 0. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 20, 1, 100000, "", "field evaluations a draw"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* A row's state: xhat_1, xhat_2 (dim numbers each), h_1, h_2. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  needs->state = 2 * plan->dim + 2;
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *shared, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)shared, (void)work;
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    double *xhat_1 = r->state + i * r->state_step, *xhat_2 = xhat_1 + r->dim, *before = xhat_2 + r->dim, *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    int order = s->sigma == 0 || r->asked[i] == 1 ? 1 : r->asked[i] == 2 ? 2 : 3;
    double h = 0.5 * (s->lambda - t->lambda), phi1 = expm1(-h), phi2 = phi1 / h + 1, phi3 = phi2 / h - 0.5, r0 = before[0] / h, r1 = before[1] / h;
    for (int64_t j = 0; j < r->dim; j++) {
      double next = s->sigma / t->sigma * z[j] - s->alpha * phi1 * xhat[j];
      if (order > 1) {
        double d0 = (xhat[j] - xhat_1[j]) / r0, d1 = order > 2 ? (xhat_1[j] - xhat_2[j]) / r1 : d0, bend = (d0 - d1) / (r0 + r1);
        next += s->alpha * (phi2 * (d0 + r0 * bend) - 2 * phi3 * bend);
      }
      z[j] = next;
    }
    memcpy(xhat_2, xhat_1, (size_t)r->dim * sizeof *xhat);
    memcpy(xhat_1, xhat, (size_t)r->dim * sizeof *xhat);
    before[1] = before[0];
    before[0] = h;
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent dpmpp_3m = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "dpmpp_3m",
    .summary = "multistep; order 3; 1 evaluation a step; deterministic",
    .version = "1.0",
    .reference = "2211.01095, appendix B",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&dpmpp_3m)
