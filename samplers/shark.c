/* SPDX-License-Identifier: MIT
 *
 * Shifted additive-noise Runge-Kutta (SHARK): Foster, dos Reis, Strange 2023 (2210.17543), eq. 3.9. On the reverse SDE dz = F ds + g dW with s = -t,
 * F = -f z + g^2 score, over a step of length h, with g0 and g1 at its beginning and after 5/6 of it:
 *
 *     W ~ N(0, h),   H ~ N(0, h/12), independent
 *     k1 = F(z + g0 H),   k2 = F(z + g0 H + 5/6 (k1 h + g0 W)) after 5/6 of the step
 *     z_next = z + h (0.4 k1 + 0.6 k2) + g0 (0.4 W + 1.2 H) + g1 (0.6 W - 1.2 H)
 *
 * Strong order 3/2, two evaluations a step. The step into noise 0 returns xhat, asked at the state itself. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 100, 1, 100000, "", "noise levels; 2 steps - 1 field evaluations a draw"),
    EBB_END,
};

/* A row's state: which level, which question is out; then the state, W, H and k1, dim numbers each. */
enum { LEVEL, QUESTION, HEAD };
enum { SHIFTED, SECOND, AT_STATE };

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  if (plan->flags & EBB_PLAN_DENSITY)
    return plan->host->fail(plan->host, EBB_E_UNSUPPORTED, "it is stochastic and gives no density; take tsit5 or dopri5");
  needs->state = HEAD + 4 * plan->dim;
  return EBB_OK;
}

static int ends(const EbbPlan *plan, int64_t k) { return k == plan->n - 1 && !(plan->level[plan->n].sigma > 0); }
static double noise(const EbbLevel *l) { return l->sigma * sqrt(-l->dlambda); }
static double drift(const EbbLevel *l, double z, double xhat) { return -l->dalpha / l->alpha * z - l->dlambda * (l->alpha * xhat - z); }

static void shift(const EbbPlan *plan, EbbRows *r, int64_t i, uint8_t ask) {
  double *s = r->state + i * r->state_step, *base = s + HEAD, *w = base + r->dim, *area = w + r->dim, *z = r->z + i * r->dim;
  int64_t k = (int64_t)s[LEVEL];
  double h = plan->level[k].t - plan->level[k + 1].t, g = noise(&plan->level[k]);
  uint32_t step = (uint32_t)k + 1;
  plan->host->normal(plan->host, plan->rng, 1, r->id + i, &step, 0, r->dim, w);
  plan->host->normal(plan->host, plan->rng, 1, r->id + i, &step, 1, r->dim, area);
  for (int64_t j = 0; j < r->dim; j++) {
    base[j] = z[j];
    w[j] *= sqrt(h);
    area[j] *= sqrt(h / 12);
    z[j] += g * area[j];
  }
  s[QUESTION] = SHIFTED;
  ebb_ask_at(r, i, k, ask);
}

/* The first question of a step: at the state where a corrector may move it, or where xhat there is the result. */
static void start_step(const EbbPlan *plan, EbbRows *r, int64_t i) {
  double *s = r->state + i * r->state_step;
  int64_t k = (int64_t)s[LEVEL];
  if (ends(plan, k) || plan->flags & EBB_PLAN_MOVED) {
    s[QUESTION] = AT_STATE;
    ebb_ask_at(r, i, k, EBB_STATE);
  } else {
    shift(plan, r, i, EBB_STEP);
  }
}

static EbbStatus begin(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state, (void)work;
  for (int64_t i = 0; i < r->rows; i++) start_step(plan, r, i);
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state, (void)work;
  for (int64_t i = 0; i < r->rows; i++) {
    double *s = r->state + i * r->state_step, *base = s + HEAD, *w = base + r->dim, *area = w + r->dim, *k1 = area + r->dim;
    double *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    const EbbLevel *at = &r->at[i * r->at_step];
    int64_t k = (int64_t)s[LEVEL];
    if (s[QUESTION] == AT_STATE && !ends(plan, k)) {
      shift(plan, r, i, EBB_STAGE);
      continue;
    }
    if (s[QUESTION] == AT_STATE) {
      memcpy(z, xhat, (size_t)r->dim * sizeof *z);
      r->ask[i] = EBB_DONE;
      continue;
    }
    double h = plan->level[k].t - plan->level[k + 1].t, g0 = noise(&plan->level[k]);
    if (s[QUESTION] == SHIFTED) {
      for (int64_t j = 0; j < r->dim; j++) {
        k1[j] = drift(at, z[j], xhat[j]);
        z[j] += 5.0 / 6 * (k1[j] * h + g0 * w[j]);
      }
      s[QUESTION] = SECOND;
      r->t[i] = plan->level[k].t - 5 * h / 6;
      ebb_ask_at(r, i, -1, EBB_STAGE);
      continue;
    }
    double g1 = noise(at);
    for (int64_t j = 0; j < r->dim; j++)
      z[j] = base[j] + h * (0.4 * k1[j] + 0.6 * drift(at, z[j], xhat[j])) + g0 * (0.4 * w[j] + 1.2 * area[j]) + g1 * (0.6 * w[j] - 1.2 * area[j]);
    s[LEVEL]++;
    if (k + 1 == plan->n)
      r->ask[i] = EBB_DONE;
    else
      start_step(plan, r, i);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .prepare = prepare, .begin = begin, .advance = advance};
static const EbbComponent shark = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "shark",
    .summary = "shifted Ralston on the reverse SDE; strong order 3/2; 2 evaluations a step; stochastic",
    .version = "1.0",
    .reference = "2210.17543, eq. 3.9",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&shark)
