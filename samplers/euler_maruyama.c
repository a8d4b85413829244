/* SPDX-License-Identifier: MIT
 *
 * Euler-Maruyama on the family of reverse SDEs of Song et al. 2021 (2011.13456), eq. 6 and appendix D,
 *
 *     dz = [f z - (1 + eta^2) g^2 score / 2] dt + eta g dW,     eta = 0 the probability-flow ODE, eta = 1 the usual reverse SDE,
 *
 * with the linear part solved exactly and the exact variance of the noise, u = sigma / alpha:
 *
 *     z_s = (alpha_s/alpha) z + (1 + eta^2) (sigma_s/sigma - alpha_s/alpha) (z - alpha xhat) + eta alpha_s sqrt(u^2 - u_s^2) xi
 *
 * eta = 0 is DDIM. eta = 1 overshoots as soon as u_s < u/2, which DDIM(1) does not: give it many steps. The step into noise 0 returns xhat. */
#include <math.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
  double eta;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 200, 1, 100000, "", "field evaluations a draw"),
    EBB_REAL(Config, eta, 1.0, 0.0, 10.0, "", "strength of the noise: 0 none, 1 the usual reverse SDE"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state;
  const Config *c = self;
  double *xi = plan->host->scratch(work, (size_t)(r->rows * r->dim) * sizeof *xi);
  plan->host->normal(plan->host, plan->rng, r->rows, r->id, r->asked, 0, r->dim, xi);
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    double u = t->sigma / t->alpha, u_s = s->sigma / s->alpha, linear = s->alpha / t->alpha;
    double pull = (1 + c->eta * c->eta) * (s->sigma / t->sigma - linear), fresh = c->eta * s->alpha * sqrt((u - u_s) * (u + u_s));
    for (int64_t j = i * r->dim; j < (i + 1) * r->dim; j++) {
      double next = linear * r->z[j] + pull * (r->z[j] - t->alpha * r->xhat[j]) + fresh * xi[j];
      r->z[j] = s->sigma > 0 ? next : s->alpha * r->xhat[j];
    }
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .advance = advance};
static const EbbComponent euler_maruyama = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "euler_maruyama",
    .summary = "Euler's rule on the reverse SDE, linear part exact; order 1; 1 evaluation a step; stochastic",
    .version = "1.0",
    .reference = "2011.13456, eq. 6",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&euler_maruyama)
