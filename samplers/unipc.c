/* SPDX-License-Identifier: MIT
 *
 * UniPC-p: Zhao, Bai, Rao, Zhou, Lu 2023 (2302.04867), algorithms 5 to 8, data prediction. With h = (lambda_s - lambda_t) / 2, r_k = (lambda_t-k -
 * lambda_t) / 2h < 0, D_k = (xhat_t-k - xhat) / r_k, B = expm1(-h) (bh2) or -h (bh1), and b_j = a_j j! / B, a_1 = expm1(-h)/(-h) - 1,
 * a_j+1 = a_j/(-h) - 1/(j+1)!:
 *
 *     base       z~ = (sigma_s/sigma_t) z - alpha_s expm1(-h) xhat
 *     predictor  z_s = z~ - alpha_s B sum_k rho_k D_k,   k = 1..p-1,   sum_k r_k^(j-1) rho_k = b_j   (p = 2: rho = 1/2)
 *     corrector  z_s = z~ - alpha_s B sum_k rho_k D_k,   k = 1..p,     the same with r_p = 1, D_p = xhat_s - xhat   (p = 1: rho = 1/2)
 *
 * xhat_s is asked at the predicted z_s, corrects it, and is the history of the next step: one evaluation a step, order p + 1 (without the corrector
 * p). A step's p is what history and the steps left allow, 1, 2, ..., p, ..., 2, 1; the step into noise 0 returns xhat. Where a step ends above noise
 * 0 as the last, z_s is corrected too, by one more evaluation. Where states are moved by another, each is asked again: two evaluations a step. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

enum { MOST = 3, BH1 = 0 };

typedef struct Config {
  int64_t steps, order, variant;
  bool correct;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 12, 1, 100000, "", "field evaluations a draw"),
    EBB_INT(Config, order, 2, 1, MOST, "", "p"),
    EBB_CHOICE(Config, variant, 1, "bh1|bh2", "B"),
    EBB_BOOL(Config, correct, true, "whether a step is corrected by the next step's answer"),
    EBB_END,
};

/* One step of the grid. Predicted: z_s = kept z + sum_k predict[k] xhat_t-k; corrected: kept z + next xhat_s + sum_k correct[k] xhat_t-k. */
typedef struct Step {
  int64_t order;
  double kept, next, predict[MOST], correct[MOST];
} Step;

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* b_j B = a_j j! for j = 1..n. The recursion cancels at small h: there the series j! sum_i (-h)^i / (i+j)!, i from 1. */
static void moments(double h, int64_t n, double *b) {
  double factorial = 1, a = expm1(-h) / -h;
  for (int64_t j = 1; j <= n; j++) {
    a = (j == 1 ? a : a / -h) - 1 / factorial; /* 1/j! */
    b[j - 1] = a * factorial;
    factorial *= (double)(j + 1);
    if (h > 1) continue;
    double term = -h / (double)(j + 1);
    b[j - 1] = term;
    for (int64_t i = 1; i < 24; i++) b[j - 1] += term *= -h / (double)(i + j + 1);
  }
}

/* b becomes rho with sum_k rho_k x_k^j = b_j, j from 0: Bjorck & Pereyra 1970, for Vandermonde systems. */
static void solve(int64_t n, const double *x, double *b) {
  for (int64_t k = 0; k < n - 1; k++)
    for (int64_t i = n - 1; i > k; i--) b[i] -= x[k] * b[i - 1];
  for (int64_t k = n - 2; k >= 0; k--) {
    for (int64_t i = k + 1; i < n; i++) b[i] /= x[i] - x[i - k - 1];
    for (int64_t i = k; i < n - 1; i++) b[i] -= b[i + 1];
  }
}

/* rho_k B of n differences; `half`: the least order, whose rho is 1/2. */
static void shares(double h, double B, int64_t n, int half, const double *ratio, double *rho) {
  if (half) {
    rho[0] = 0.5 * B;
    return;
  }
  moments(h, n, rho);
  solve(n, ratio, rho);
}

static Step make_step(const Config *c, const EbbLevel *t, int64_t order) {
  const EbbLevel *s = t + 1;
  double h = 0.5 * (s->lambda - t->lambda), alpha = s->alpha, B = c->variant == BH1 ? -h : expm1(-h), ratio[MOST], rho[MOST];
  Step step = {.order = order, .kept = s->sigma / t->sigma};
  step.predict[0] = step.correct[0] = -alpha * expm1(-h);
  if (s->sigma == 0) return step;
  for (int64_t k = 1; k < order; k++) ratio[k - 1] = 0.5 * (t[-k].lambda - t->lambda) / h;
  ratio[order - 1] = 1;
  shares(h, B, order - 1, order == 2, ratio, rho);
  for (int64_t k = 1; k < order; k++) {
    step.predict[k] = -alpha * rho[k - 1] / ratio[k - 1];
    step.predict[0] -= step.predict[k];
  }
  shares(h, B, order, order == 1, ratio, rho);
  for (int64_t k = 1; k < order; k++) {
    step.correct[k] = -alpha * rho[k - 1] / ratio[k - 1];
    step.correct[0] -= step.correct[k];
  }
  step.next = -alpha * rho[order - 1];
  step.correct[0] -= step.next;
  return step;
}

/* The table of steps; a row's state: z of the step's begin and the last `order` answers, newest first, dim numbers each. */
static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  const Config *c = self;
  Step *table = plan->host->alloc(plan->host, (size_t)plan->n * sizeof *table);
  if (table == NULL) return EBB_E_MEMORY;
  for (int64_t i = 0; i < plan->n; i++) {
    int64_t order = i + 1 < c->order ? i + 1 : c->order;
    if (plan->level[plan->n].sigma == 0 && plan->n - i < order) order = plan->n - i;
    table[i] = make_step(c, &plan->level[i], order);
  }
  needs->state = (1 + c->order) * plan->dim;
  *state = table;
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *shared, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)work;
  const Config *c = self;
  int again = c->correct && (plan->flags & EBB_PLAN_MOVED); /* even answers are of predicted points, odd ones of states */
  for (int64_t i = 0; i < r->rows; i++) {
    int64_t level = again ? r->asked[i] / 2 : (int64_t)r->asked[i] - 1;
    int corrects = again ? r->asked[i] % 2 == 0 : c->correct && level > 0;
    double *z = r->z + i * r->dim, *base = r->state + i * r->state_step, *past = base + r->dim;
    const double *xhat = r->xhat + i * r->dim;
    if (corrects) {
      const Step *step = (const Step *)shared + level - 1;
      for (int64_t j = 0; j < r->dim; j++) {
        z[j] = step->kept * base[j] + step->next * xhat[j];
        for (int64_t k = 0; k < step->order; k++) z[j] += step->correct[k] * past[k * r->dim + j];
      }
    }
    if (level == plan->n || (again && corrects)) {
      ebb_ask_at(r, i, level, level < plan->n ? EBB_STATE : EBB_DONE);
      continue;
    }
    const Step *step = (const Step *)shared + level;
    memmove(past + r->dim, past, (size_t)((c->order - 1) * r->dim) * sizeof *past);
    memcpy(past, xhat, (size_t)r->dim * sizeof *past);
    memcpy(base, z, (size_t)r->dim * sizeof *base);
    for (int64_t j = 0; j < r->dim; j++) {
      z[j] *= step->kept;
      for (int64_t k = 0; k < step->order; k++) z[j] += step->predict[k] * past[k * r->dim + j];
    }
    int ends = level + 1 == plan->n && (!c->correct || plan->level[plan->n].sigma == 0);
    ebb_ask_at(r, i, level + 1, ends ? EBB_DONE : again ? EBB_STAGE : c->correct ? EBB_STEP : EBB_STATE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent unipc = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "unipc",
    .summary = "multistep predictor and corrector; order 3 (p + 1); 1 evaluation a step; deterministic",
    .version = "1.0",
    .reference = "2302.04867, algorithms 5-8",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&unipc)
