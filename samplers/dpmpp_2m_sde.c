/* SPDX-License-Identifier: MIT
 *
 * DPM-Solver++(2M) on the reverse SDE: Lu, Zhou, Bao, Chen, Li, Zhu 2022 (2211.01095), eq. 19 for eta = 1. With h = (lambda_s - lambda_t) / 2, the
 * step before h_prev, r = h_prev / h and h_eta = (1 + eta) h:
 *
 *     D = (1 + 1/2r) xhat - (1/2r) xhat_prev
 *     z_s = (sigma_s/sigma_t) exp(-eta h) z - alpha_s expm1(-h_eta) D + sigma_s sqrt(-expm1(-2 eta h)) xi
 *
 * eta = 0 is dpmpp_2m, eta = 1 the usual reverse SDE. One evaluation a step. First order (D = xhat) on the first step, and into noise 0, where
 * z_s = xhat. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
  double eta;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 50, 1, 100000, "", "field evaluations a draw"),
    EBB_REAL(Config, eta, 1.0, 0.0, 10.0, "", "strength of the noise: 0 none, 1 the usual reverse SDE"),
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
  (void)shared;
  double eta = ((const Config *)self)->eta, *xi = plan->host->scratch(work, (size_t)(r->rows * r->dim) * sizeof *xi);
  plan->host->normal(plan->host, plan->rng, r->rows, r->id, r->asked, 0, r->dim, xi);
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    double *xhat_prev = r->state + i * r->state_step, *lambda_prev = xhat_prev + r->dim, *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    int second = r->asked[i] > 1 && s->sigma > 0;
    double h = 0.5 * (s->lambda - t->lambda), back = second ? h / (t->lambda - *lambda_prev) : 0; /* 1/2r */
    double kept = s->sigma > 0 ? s->sigma / t->sigma * exp(-eta * h) : 0, gain = -s->alpha * expm1(-(1 + eta) * h);
    double fresh = s->sigma > 0 ? s->sigma * sqrt(-expm1(-2 * eta * h)) : 0;
    for (int64_t j = 0; j < r->dim; j++) {
      double D = second ? (1 + back) * xhat[j] - back * xhat_prev[j] : xhat[j];
      z[j] = kept * z[j] + gain * D + fresh * xi[i * r->dim + j];
    }
    memcpy(xhat_prev, xhat, (size_t)r->dim * sizeof *xhat);
    *lambda_prev = t->lambda;
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent dpmpp_2m_sde = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "dpmpp_2m_sde",
    .summary = "multistep on the reverse SDE; order 2; 1 evaluation a step; stochastic",
    .version = "1.0",
    .reference = "2211.01095, eq. 19",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&dpmpp_2m_sde)
