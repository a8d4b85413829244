/* SPDX-License-Identifier: MIT
 *
 * EDM's stochastic sampler: Karras, Aittala, Aila, Laine 2022 (2206.00364), algorithm 2, for y = z / alpha and u = sigma / alpha. Before a step from
 * u, if u lies in [churn_min, churn_max], noise is added up to u^ = (1 + gamma) u, gamma = min(churn / N, sqrt(2) - 1); then Heun's rule from u^ to
 * u_s:
 *
 *     y^ = y + inflate sqrt(u^^2 - u^2) xi,     d = (y^ - xhat) / u^,   y' = y^ + (u_s - u^) d
 *     if u_s > 0:   d' = (y' - xhat') / u_s,   y_s = y^ + (u_s - u^) (d + d') / 2
 *
 * u^ is asked as the time at which lambda = -2 ln u^, and goes no higher than the schedule does. inflate (S_noise) is 1: the paper's 1.007 for images
 * widens a posterior. The step into noise 0 returns xhat: 2 steps - 1 evaluations a draw. */
#include <math.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
  double churn, churn_min, churn_max, inflate;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 18, 1, 100000, "", "noise levels; 2 steps - 1 field evaluations a draw"),
    EBB_REAL(Config, churn, 30.0, 0.0, 1e6, "", "noise added over all steps, S_churn; 0: edm_heun"),
    EBB_REAL(Config, churn_min, 0.01, 0.0, 1e6, "sigma/alpha", "below it no noise is added"),
    EBB_REAL(Config, churn_max, 1.0, 0.0, 1e6, "sigma/alpha", "above it no noise is added"),
    EBB_REAL(Config, inflate, 1.0, 0.9, 1.1, "", "factor on the noise added, S_noise"),
    EBB_END,
};

/* A row's state: step, phase, u where Heun's rule begins; then y and d there, dim numbers each. */
enum { STEP, PHASE, FROM, HEAD };
enum {
  AT_STATE = 0,
  AT_BEGIN = 1,
  AT_END = 2
}; /* what was answered: the state that is still to be noised; where Heun's rule begins; where it ends */

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }
static double ratio(const EbbLevel *l) { return l->sigma / l->alpha; }

/* hat[k]: the level to which step k is noised; the step's own where it is not. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  const Config *c = self;
  EbbLevel *hat = plan->host->alloc(plan->host, (size_t)plan->n * sizeof *hat);
  if (hat == NULL) return EBB_E_MEMORY;
  for (int64_t k = 0; k < plan->n; k++) {
    double u = ratio(&plan->level[k]), gamma = fmin(c->churn / (double)plan->n, sqrt(2) - 1), lambda = -2 * log((1 + gamma) * u), t;
    hat[k] = plan->level[k];
    if (gamma == 0 || u < c->churn_min || u > c->churn_max) continue;
    plan->schedule->inverse(plan->schedule, 1, &lambda, &t);
    if (t > plan->level[k].t) plan->schedule->at(plan->schedule, 1, &t, &hat[k]);
  }
  needs->state = HEAD + 2 * plan->dim;
  *state = hat;
  return EBB_OK;
}

/* Row i stands at a step's begin, or has its answer there (`answered`): noise, and the question where Heun's rule begins. */
static void set_out(const Config *c, const EbbLevel *hat, const EbbPlan *plan, EbbWork *work, EbbRows *r, int64_t i, int answered) {
  double *own = r->state + i * r->state_step, *z = r->z + i * r->dim;
  int64_t k = (int64_t)own[STEP];
  const EbbLevel *t = &plan->level[k];
  own[PHASE] = AT_BEGIN;
  if (hat[k].t == t->t) {
    ebb_ask_at(r, i, k, EBB_STATE);
    return;
  }
  if ((plan->flags & EBB_PLAN_MOVED) && !answered) {
    own[PHASE] = AT_STATE;
    ebb_ask_at(r, i, k, EBB_STATE);
    return;
  }
  double *xi = plan->host->scratch(work, (size_t)r->dim * sizeof *xi), u = ratio(t), up = ratio(&hat[k]);
  plan->host->normal(plan->host, plan->rng, 1, &r->id[i], &r->asked[i], 0, r->dim, xi);
  for (int64_t j = 0; j < r->dim; j++) z[j] = hat[k].alpha * (z[j] / t->alpha + c->inflate * sqrt((up - u) * (up + u)) * xi[j]);
  r->t[i] = hat[k].t;
  ebb_ask_at(r, i, -1, answered ? EBB_STAGE : EBB_STEP);
}

static EbbStatus begin(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  for (int64_t i = 0; i < r->rows; i++) set_out(self, state, plan, work, r, i, 0);
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  for (int64_t i = 0; i < r->rows; i++) {
    double *own = r->state + i * r->state_step, *y = own + HEAD, *d = y + r->dim, *z = r->z + i * r->dim;
    if (own[PHASE] == AT_STATE) {
      set_out(self, state, plan, work, r, i, 1);
      continue;
    }
    int64_t k = (int64_t)own[STEP];
    const EbbLevel *at = &r->at[i * r->at_step], *s = &plan->level[k + 1];
    const double *xhat = r->xhat + i * r->dim;
    if (own[PHASE] == AT_BEGIN) {
      own[FROM] = ratio(at);
      for (int64_t j = 0; j < r->dim; j++) {
        y[j] = z[j] / at->alpha;
        d[j] = (y[j] - xhat[j]) / own[FROM];
        z[j] = s->sigma > 0 ? s->alpha * (y[j] + (ratio(s) - own[FROM]) * d[j]) : s->alpha * xhat[j];
      }
      own[PHASE] = AT_END;
      ebb_ask_at(r, i, k + 1, s->sigma > 0 ? EBB_STAGE : EBB_DONE);
      continue;
    }
    for (int64_t j = 0; j < r->dim; j++) {
      double slope = (z[j] / s->alpha - xhat[j]) / ratio(s);
      z[j] = s->alpha * (y[j] + 0.5 * (ratio(s) - own[FROM]) * (d[j] + slope));
    }
    own[STEP]++;
    if (k + 1 < plan->n)
      set_out(self, state, plan, work, r, i, 0);
    else
      ebb_ask_at(r, i, k + 1, EBB_DONE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .prepare = prepare, .begin = begin, .advance = advance};
static const EbbComponent edm_stochastic = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "edm_stochastic",
    .summary = "Heun's rule in sigma/alpha with noise added between steps; order 2; 2 evaluations a step; stochastic",
    .version = "1.0",
    .reference = "2206.00364, algorithm 2",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&edm_stochastic)
