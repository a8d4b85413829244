/* SPDX-License-Identifier: MIT
 *
 * The shifted Euler method for additive noise: Foster, dos Reis, Strange 2023 (2210.17543), eq. 3.8. On the reverse SDE dz = F ds + g dW with
 * s = -t, F = -f z + g^2 score, over a step of length h:
 *
 *     W ~ N(0, h),   H ~ N(0, h/12), independent,     z_next = z + F(z + g (W/2 + H), t) h + g W
 *
 * Strong order 1, one evaluation a step. The step into noise 0 returns xhat, asked at the state itself. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 200, 1, 100000, "", "field evaluations a draw"),
    EBB_END,
};

/* A row's state: which level, whether the question that is out is at the state; then the state and W, dim numbers each. */
enum { LEVEL, AT_STATE, HEAD };

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  if (plan->flags & EBB_PLAN_DENSITY)
    return plan->host->fail(plan->host, EBB_E_UNSUPPORTED, "it is stochastic and gives no density; take tsit5 or dopri5");
  needs->state = HEAD + 2 * plan->dim;
  return EBB_OK;
}

static int ends(const EbbPlan *plan, int64_t k) { return k == plan->n - 1 && !(plan->level[plan->n].sigma > 0); }
static double noise(const EbbLevel *l) { return l->sigma * sqrt(-l->dlambda); }

/* The question of step k, from the state in z. */
static void shift(const EbbPlan *plan, EbbRows *r, int64_t i, double *xi, uint8_t ask) {
  double *s = r->state + i * r->state_step, *base = s + HEAD, *w = base + r->dim, *z = r->z + i * r->dim;
  int64_t k = (int64_t)s[LEVEL];
  double h = plan->level[k].t - plan->level[k + 1].t, g = noise(&plan->level[k]);
  uint32_t step = (uint32_t)k + 1;
  plan->host->normal(plan->host, plan->rng, 1, r->id + i, &step, 0, r->dim, w);
  plan->host->normal(plan->host, plan->rng, 1, r->id + i, &step, 1, r->dim, xi);
  for (int64_t j = 0; j < r->dim; j++) {
    base[j] = z[j];
    w[j] *= sqrt(h);
    z[j] += g * (0.5 * w[j] + sqrt(h / 12) * xi[j]);
  }
  s[AT_STATE] = 0;
  ebb_ask_at(r, i, k, ask);
}

/* The first question of a step: at the state where a corrector may move it, or where xhat there is the result. */
static void start_step(const EbbPlan *plan, EbbRows *r, int64_t i, double *xi) {
  double *s = r->state + i * r->state_step;
  int64_t k = (int64_t)s[LEVEL];
  if (ends(plan, k) || plan->flags & EBB_PLAN_MOVED) {
    s[AT_STATE] = 1;
    ebb_ask_at(r, i, k, EBB_STATE);
  } else {
    shift(plan, r, i, xi, EBB_STEP);
  }
}

static EbbStatus begin(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state;
  double *xi = plan->host->scratch(work, (size_t)r->dim * sizeof *xi);
  for (int64_t i = 0; i < r->rows; i++) start_step(plan, r, i, xi);
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state;
  double *xi = plan->host->scratch(work, (size_t)r->dim * sizeof *xi);
  for (int64_t i = 0; i < r->rows; i++) {
    double *s = r->state + i * r->state_step, *base = s + HEAD, *w = base + r->dim, *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    int64_t k = (int64_t)s[LEVEL];
    if (s[AT_STATE] > 0 && !ends(plan, k)) {
      shift(plan, r, i, xi, EBB_STAGE);
      continue;
    }
    if (s[AT_STATE] > 0) {
      memcpy(z, xhat, (size_t)r->dim * sizeof *z);
      r->ask[i] = EBB_DONE;
      continue;
    }
    const EbbLevel *t = &plan->level[k];
    double h = t->t - plan->level[k + 1].t, f = t->dalpha / t->alpha, g = noise(t);
    for (int64_t j = 0; j < r->dim; j++) z[j] = base[j] - h * (f * z[j] + t->dlambda * (t->alpha * xhat[j] - z[j])) + g * w[j];
    s[LEVEL]++;
    if (k + 1 == plan->n)
      r->ask[i] = EBB_DONE;
    else
      start_step(plan, r, i, xi);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .prepare = prepare, .begin = begin, .advance = advance};
static const EbbComponent sea = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "sea",
    .summary = "shifted Euler on the reverse SDE; strong order 1; 1 evaluation a step; stochastic",
    .version = "1.0",
    .reference = "2210.17543, eq. 3.8",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&sea)
