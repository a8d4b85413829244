/* SPDX-License-Identifier: MIT
 *
 * What dopri5 and tsit5 share: an embedded Runge-Kutta pair of order 5(4) with seven stages, the last of which is the first of the next step (FSAL),
 * on the probability-flow ODE in l = lambda/2, every row with a step of its own:
 *
 *     dz/dl = 2 (alpha' xhat + sigma' eps) / lambda'
 *     e = h sum_j (b_j - b^_j) k_j,   E = RMS_d(e_i / (absolute + relative max(|z_i|, |z_i,new|))),   accepted if E <= 1
 *     h <- h clip(0.9 E^(-1/5), 0.2, 5); no growth right after a rejection; the first h is a tenth of the way
 *
 * Six evaluations a step. A run ends with the answer at its last level, which the seventh stage has already given. Steps used up: the row fails.
 *
 * For a density (from data to noise) the divergence is one more component: d logdet/dl = 2 (alpha' T + sigma' (d - alpha T) / sigma) / lambda' with
 * T = tr dxhat/dz. Where a corrector moves states, every step asks anew at its beginning. */
#ifndef EBB_SAMPLERS_EMBEDDED_PAIR_H
#define EBB_SAMPLERS_EMBEDDED_PAIR_H

#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

enum { PAIR_STAGES = 7 };

/* c; rows of a (the seventh is b); e = b - b^ */
typedef struct Pair {
  double c[PAIR_STAGES], a[PAIR_STAGES][PAIR_STAGES], e[PAIR_STAGES];
} Pair;

typedef struct PairConfig {
  double absolute, relative;
  int64_t max_steps;
} PairConfig;

static const EbbParam pair_params[] = {
    EBB_REAL(PairConfig, absolute, 1e-5, 1e-14, 1, "", "absolute tolerance of a step"),
    EBB_REAL(PairConfig, relative, 1e-4, 1e-14, 1, "", "relative tolerance of a step"),
    EBB_INT(PairConfig, max_steps, 1000, 1, 100000000, "", "steps tried, after which the row fails"),
    EBB_END,
};

/* A row's state: these numbers, then z at the step's begin [dim], slopes [7][dim], slopes of logdet [7]. */
enum { PAIR_STAGE, PAIR_AT, PAIR_H, PAIR_TRIED, PAIR_REJECTED, PAIR_ENDED, PAIR_HEAD = 8 };

static int64_t pair_steps(const void *self) {
  (void)self;
  return 0;
}

static EbbStatus pair_prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  needs->state = PAIR_HEAD + (1 + PAIR_STAGES) * plan->dim + PAIR_STAGES;
  if (plan->flags & EBB_PLAN_DENSITY) needs->wants = EBB_WANT_DIV;
  return EBB_OK;
}

/* The level a run travels to: the state there or xhat there is the result. */
static const EbbLevel *pair_end(const EbbPlan *plan) {
  int density = (plan->flags & EBB_PLAN_DENSITY) != 0;
  return !density && plan->level[plan->n].sigma > 0 ? &plan->level[plan->n] : &plan->level[plan->n - 1];
}

/* Asks at l in the state's own time. */
static void pair_ask(const EbbPlan *plan, EbbRows *r, int64_t i, double l, uint8_t ask) {
  double lambda = 2 * l;
  plan->schedule->inverse(plan->schedule, 1, &lambda, &r->t[i]);
  ebb_ask_at(r, i, -1, ask);
}

static void pair_finish(const EbbPlan *plan, EbbRows *r, int64_t i) {
  int clean = !(plan->flags & EBB_PLAN_DENSITY) && !(plan->level[plan->n].sigma > 0);
  if (clean) memcpy(r->z + i * r->dim, r->xhat + i * r->dim, (size_t)r->dim * sizeof *r->z);
  r->ask[i] = EBB_DONE;
}

/* The question of stage m >= 1: z_begin + h sum_{j < m} a_mj k_j. */
static void pair_stage(const Pair *p, const EbbPlan *plan, EbbRows *r, int64_t i, int m, uint8_t ask) {
  double *s = r->state + i * r->state_step, *z = r->z + i * r->dim;
  const double *begin = s + PAIR_HEAD, *k = begin + r->dim;
  for (int64_t q = 0; q < r->dim; q++) {
    double sum = 0;
    for (int j = 0; j < m; j++) sum += p->a[m][j] * k[j * r->dim + q];
    z[q] = begin[q] + s[PAIR_H] * sum;
  }
  s[PAIR_STAGE] = m;
  pair_ask(plan, r, i, s[PAIR_AT] + p->c[m] * s[PAIR_H], ask);
}

/* Slopes at the question just answered. */
static void pair_slopes(const EbbRows *r, int64_t i, double *k, double *k_log) {
  const EbbLevel *at = &r->at[i * r->at_step];
  const double *z = r->z + i * r->dim, *xhat = r->xhat + i * r->dim;
  double per = 2 / at->dlambda, noise = at->dsigma / at->sigma;
  for (int64_t q = 0; q < r->dim; q++) k[q] = per * (at->dalpha * xhat[q] + noise * (z[q] - at->alpha * xhat[q]));
  if (r->div != NULL) *k_log = per * (at->dalpha * r->div[i] + noise * ((double)r->dim - at->alpha * r->div[i]));
}

/* E of the step whose seventh stage stands at z; *log_step: what it adds to logdet. */
static double pair_error(const Pair *p, const PairConfig *c, const EbbRows *r, int64_t i, double *log_step) {
  const double *s = r->state + i * r->state_step, *begin = s + PAIR_HEAD, *k = begin + r->dim, *k_log = k + PAIR_STAGES * r->dim;
  const double *z = r->z + i * r->dim;
  double square = 0;
  for (int64_t q = 0; q < r->dim; q++) {
    double e = 0;
    for (int j = 0; j < PAIR_STAGES; j++) e += p->e[j] * k[j * r->dim + q];
    double share = s[PAIR_H] * e / (c->absolute + c->relative * fmax(fabs(begin[q]), fabs(z[q])));
    square += share * share;
  }
  *log_step = 0;
  if (r->div == NULL) return sqrt(square / (double)r->dim);
  double e = 0;
  for (int j = 0; j < PAIR_STAGES; j++) {
    e += s[PAIR_H] * p->e[j] * k_log[j];
    *log_step += s[PAIR_H] * p->a[PAIR_STAGES - 1][j] * k_log[j];
  }
  double share = e / (c->absolute + c->relative * fmax(fabs(r->logdet[i]), fabs(r->logdet[i] + *log_step)));
  return sqrt((square + share * share) / (double)(r->dim + 1));
}

/* The seventh stage is answered: the step is taken or tried again, shorter. */
static void pair_judge(const Pair *p, const PairConfig *c, const EbbPlan *plan, EbbRows *r, int64_t i) {
  double *s = r->state + i * r->state_step, *begin = s + PAIR_HEAD, *k = begin + r->dim, *k_log = k + PAIR_STAGES * r->dim, log_step;
  double end = 0.5 * pair_end(plan)->lambda, h = s[PAIR_H], left = end - s[PAIR_AT];
  double error = pair_error(p, c, r, i, &log_step);
  int good = error <= 1, last = fabs(h) >= fabs(left);
  double factor = isfinite(error) ? 0.9 * pow(error, -0.2) : 0.2;
  factor = fmax(0.2, fmin(factor, !good || s[PAIR_REJECTED] > 0 ? 1 : 5));
  s[PAIR_REJECTED] = !good;
  s[PAIR_TRIED]++;
  if (good) {
    s[PAIR_AT] = last ? end : s[PAIR_AT] + h;
    r->logdet[i] += log_step;
    if (last && !(plan->flags & EBB_PLAN_MOVED)) {
      pair_finish(plan, r, i);
      return;
    }
    left = end - s[PAIR_AT];
  }
  if (!(good && last) && s[PAIR_TRIED] >= (double)c->max_steps) {
    r->ask[i] = EBB_FAIL;
    return;
  }
  h *= factor;
  s[PAIR_H] = fabs(h) < fabs(left) ? h : left;
  if (good && (plan->flags & EBB_PLAN_MOVED)) {
    s[PAIR_STAGE] = 0;
    s[PAIR_ENDED] = last;
    pair_ask(plan, r, i, s[PAIR_AT], EBB_STATE);
    return;
  }
  if (good) {
    memcpy(begin, r->z + i * r->dim, (size_t)r->dim * sizeof *begin);
    memcpy(k, k + (PAIR_STAGES - 1) * r->dim, (size_t)r->dim * sizeof *k);
    k_log[0] = k_log[PAIR_STAGES - 1];
  }
  pair_stage(p, plan, r, i, 1, good ? EBB_STEP : EBB_STAGE);
}

static EbbStatus pair_advance(const Pair *p, const void *self, const EbbPlan *plan, EbbRows *r) {
  for (int64_t i = 0; i < r->rows; i++) {
    double *s = r->state + i * r->state_step, *begin = s + PAIR_HEAD, *k = begin + r->dim, *k_log = k + PAIR_STAGES * r->dim;
    int m = (int)s[PAIR_STAGE];
    if (m == 0) {
      if (r->asked[i] == 1) { /* the start */
        s[PAIR_AT] = 0.5 * plan->level[0].lambda;
        double way = 0.5 * pair_end(plan)->lambda - s[PAIR_AT];
        s[PAIR_H] = way / 10;
        s[PAIR_ENDED] = way == 0;
      }
      if (s[PAIR_ENDED] > 0) {
        pair_finish(plan, r, i);
        continue;
      }
      memcpy(begin, r->z + i * r->dim, (size_t)r->dim * sizeof *begin);
    }
    pair_slopes(r, i, k + m * r->dim, &k_log[m]);
    if (m + 1 < PAIR_STAGES)
      pair_stage(p, plan, r, i, m + 1, EBB_STAGE);
    else
      pair_judge(p, self, plan, r, i);
  }
  return EBB_OK;
}

#endif
