/* SPDX-License-Identifier: MIT
 *
 * DDIM(eta): Song, Meng, Ermon 2021 (2010.02502), eq. 12. eta = 0 is the exponential Euler step of the probability-flow ODE, eta = 1 ancestral
 * sampling.
 *
 *     z_s = alpha_s xhat + sqrt(sigma_s^2 - c^2) eps + c xi,     c = eta sigma_s sqrt(1 - exp(lambda_t - lambda_s))
 *
 * eta scales the standard deviation, as in the paper. Order 1, one evaluation a step. */
#include <math.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
  double eta;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 50, 1, 100000, "", "field evaluations a draw"),
    EBB_REAL(Config, eta, 0.0, 0.0, 1.0, "", "share of fresh noise: 0 none, 1 ancestral"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state;
  const Config *c = self;
  double *xi = NULL;
  if (c->eta > 0) {
    xi = plan->host->scratch(work, (size_t)(r->rows * r->dim) * sizeof *xi);
    plan->host->normal(plan->host, plan->rng, r->rows, r->id, r->asked, 0, r->dim, xi);
  }
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    double share = -c->eta * c->eta * expm1(t->lambda - s->lambda); /* (c / sigma_s)^2 */
    double fresh = s->sigma * sqrt(share), kept = s->sigma * sqrt(1 - share);
    for (int64_t j = i * r->dim; j < (i + 1) * r->dim; j++) {
      double eps = (r->z[j] - t->alpha * r->xhat[j]) / t->sigma;
      r->z[j] = s->alpha * r->xhat[j] + kept * eps + (xi != NULL ? fresh * xi[j] : 0);
    }
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .advance = advance};
static const EbbComponent ddim = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "ddim",
    .summary = "exponential Euler, ancestral where eta is 1; order 1; 1 evaluation a step; deterministic (stochastic with eta)",
    .version = "1.0",
    .reference = "2010.02502, eq. 12",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&ddim)
