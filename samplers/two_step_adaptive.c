/* SPDX-License-Identifier: MIT
 *
 * The adaptive SDE solver of Jolicoeur-Martineau, Li, Piche-Taillefer, Kachman, Mitliagkas 2021 (2105.14080), algorithm 1, every row with a step of
 * its own. With F the drift of the reverse SDE, h < 0 in time and W the Brownian increment over the step, of variance |h|:
 *
 *     z' = z + h F(z, t) + g(t) W,   z~ = z + h F(z', t+h) + g(t+h) W,   z'' = (z' + z~) / 2
 *     E = RMS_d((z' - z'') / max(absolute, relative max(|z'|, |z'_prev|))),   accepted if E <= 1: z'' is next, z' the new z'_prev
 *     |h| <- min(what is left, 0.9 |h| E^(-0.9))
 *
 * A rejected step keeps its Brownian path. What is known of it lies on a stack of pieces (length, increment), the next one on top; a shorter step
 * splits a piece by the Brownian bridge, W(s) | W(h) ~ N(s W / h, s (h-s) / h), a longer one adds a fresh piece below. Fresh noise instead is wrong:
 * acceptance favours moves outward, and the increments of accepted steps then have too large a variance. A full stack fails the row. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  double absolute, relative, first;
  int64_t max_steps;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, absolute, 0.02576, 1e-9, 10, "", "absolute tolerance of a step"),
    EBB_REAL(Config, relative, 0.1, 1e-9, 10, "", "relative tolerance of a step"),
    EBB_REAL(Config, first, 0.02, 1e-9, 1, "", "first step, as a share of the way in time"),
    EBB_INT(Config, max_steps, 10000, 1, 100000000, "", "steps tried, after which the row fails"),
    EBB_END,
};

/* A row's state: these numbers; base, drift, first, previous, W [dim] each; the stack: lengths [PIECES], increments [PIECES][dim]. */
enum { PHASE, AT, H, G, DRAWN, TRIED, COUNT, USED, HEAD };
enum { PIECES = 32 };
enum { START, BASE, STAGE }; /* PHASE: what the question that is out asks for */

typedef struct Row {
  double *number, *base, *drift, *first, *previous, *w, *length, *increment;
} Row;

static Row row_of(const EbbRows *r, int64_t i) {
  double *s = r->state + i * r->state_step, *v = s + HEAD;
  return (Row){s, v, v + r->dim, v + 2 * r->dim, v + 3 * r->dim, v + 4 * r->dim, v + 5 * r->dim, v + 5 * r->dim + PIECES};
}

static int64_t steps(const void *self) {
  (void)self;
  return 0;
}

static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  (void)self, (void)state;
  if (plan->flags & EBB_PLAN_DENSITY)
    return plan->host->fail(plan->host, EBB_E_UNSUPPORTED, "it is stochastic and gives no density; take tsit5 or dopri5");
  needs->state = HEAD + 5 * plan->dim + PIECES * (1 + plan->dim);
  return EBB_OK;
}

static double end_of(const EbbPlan *plan) { return plan->level[plan->n].sigma > 0 ? plan->level[plan->n].t : plan->level[plan->n - 1].t; }

/* F = f z - g^2 score; g. */
static double drift(const EbbRows *r, int64_t i, double *out) {
  const EbbLevel *at = &r->at[i * r->at_step];
  const double *z = r->z + i * r->dim, *xhat = r->xhat + i * r->dim;
  for (int64_t j = 0; j < r->dim; j++) out[j] = at->dalpha / at->alpha * z[j] + at->dlambda * (at->alpha * xhat[j] - z[j]);
  return at->sigma * sqrt(-at->dlambda);
}

static void draw(const EbbPlan *plan, const EbbRows *r, int64_t i, Row *q, double *xi) {
  uint32_t count = (uint32_t)++q->number[DRAWN];
  plan->host->normal(plan->host, plan->rng, 1, r->id + i, &count, 0, r->dim, xi);
}

/* W over the next `length`: pieces are made to end there; USED of them, from the top. 0: the stack is full. */
static int path(const EbbPlan *plan, const EbbRows *r, int64_t i, Row *q, double length, double *xi) {
  int64_t d = r->dim, n = (int64_t)q->number[COUNT], used = 0;
  double covered = 0;
  for (int64_t j = 0; j < d; j++) q->w[j] = 0;
  while (used < n && covered + q->length[n - 1 - used] <= length * (1 + 1e-14)) {
    for (int64_t j = 0; j < d; j++) q->w[j] += q->increment[(n - 1 - used) * d + j];
    covered += q->length[n - 1 - used++];
  }
  double left = length - covered;
  if (left > length * 1e-12) {
    if (n == PIECES) return 0;
    int64_t at = n - used; /* pieces below those used */
    draw(plan, r, i, q, xi);
    if (at > 0) { /* the piece on top of them is split: its first part goes above it */
      double whole = q->length[at - 1], part = sqrt(left * (whole - left) / whole);
      memmove(q->length + at + 1, q->length + at, (size_t)used * sizeof *q->length);
      memmove(q->increment + (at + 1) * d, q->increment + at * d, (size_t)(used * d) * sizeof *q->increment);
      for (int64_t j = 0; j < d; j++) {
        double begun = left / whole * q->increment[(at - 1) * d + j] + part * xi[j];
        q->increment[at * d + j] = begun;
        q->increment[(at - 1) * d + j] -= begun;
      }
      q->length[at] = left;
      q->length[at - 1] = whole - left;
    } else {
      memmove(q->length + 1, q->length, (size_t)used * sizeof *q->length);
      memmove(q->increment + d, q->increment, (size_t)(used * d) * sizeof *q->increment);
      at = 0;
      q->length[0] = left;
      for (int64_t j = 0; j < d; j++) q->increment[j] = sqrt(left) * xi[j];
    }
    for (int64_t j = 0; j < d; j++) q->w[j] += q->increment[at * d + j];
    q->number[COUNT] = (double)(n + 1);
    used++;
  }
  q->number[USED] = (double)used;
  return 1;
}

/* The question at z', a step of H from the base. */
static void attempt(const EbbPlan *plan, EbbRows *r, int64_t i, Row *q, double *xi) {
  double *z = r->z + i * r->dim, h = q->number[H];
  if (!path(plan, r, i, q, -h, xi)) {
    r->ask[i] = EBB_FAIL;
    return;
  }
  for (int64_t j = 0; j < r->dim; j++) z[j] = q->first[j] = q->base[j] + h * q->drift[j] + q->number[G] * q->w[j];
  q->number[PHASE] = STAGE;
  r->t[i] = q->number[AT] + h;
  ebb_ask_at(r, i, -1, EBB_STAGE);
}

static void judge(const Config *c, const EbbPlan *plan, EbbRows *r, int64_t i, Row *q, double *xi) {
  double *z = r->z + i * r->dim, h = q->number[H], end = end_of(plan), left = end - q->number[AT], square = 0;
  double g = drift(r, i, xi);
  for (int64_t j = 0; j < r->dim; j++) {
    double second = 0.5 * (q->first[j] + q->base[j] + h * xi[j] + g * q->w[j]);
    double error = (q->first[j] - second) / fmax(c->absolute, c->relative * fmax(fabs(q->first[j]), fabs(q->previous[j])));
    square += error * error;
    z[j] = second;
  }
  double error = sqrt(square / (double)r->dim);
  int good = error <= 1;
  if (good) {
    memcpy(q->previous, q->first, (size_t)r->dim * sizeof *q->previous);
    q->number[AT] = h <= left ? end : q->number[AT] + h;
    q->number[COUNT] -= q->number[USED];
    left = end - q->number[AT];
  }
  h *= 0.9 * pow(fmax(error, 1e-12), -0.9);
  q->number[H] = h <= left ? left : h;
  if (++q->number[TRIED] >= (double)c->max_steps && !(good && left == 0)) {
    r->ask[i] = EBB_FAIL;
  } else if (good) {
    q->number[PHASE] = BASE;
    r->t[i] = q->number[AT];
    ebb_ask_at(r, i, -1, EBB_STATE);
  } else {
    attempt(plan, r, i, q, xi);
  }
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state;
  const Config *c = self;
  double *xi = plan->host->scratch(work, (size_t)r->dim * sizeof *xi);
  for (int64_t i = 0; i < r->rows; i++) {
    Row q = row_of(r, i);
    double *z = r->z + i * r->dim;
    if (q.number[PHASE] == STAGE) {
      judge(c, plan, r, i, &q, xi);
      continue;
    }
    if (q.number[PHASE] == START) {
      q.number[AT] = plan->level[0].t;
      q.number[H] = c->first * (end_of(plan) - q.number[AT]);
      memcpy(q.previous, z, (size_t)r->dim * sizeof *z);
    }
    if (q.number[AT] <= end_of(plan)) {
      if (!(plan->level[plan->n].sigma > 0)) memcpy(z, r->xhat + i * r->dim, (size_t)r->dim * sizeof *z);
      r->ask[i] = EBB_DONE;
      continue;
    }
    memcpy(q.base, z, (size_t)r->dim * sizeof *z);
    q.number[G] = drift(r, i, q.drift);
    attempt(plan, r, i, &q, xi);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .prepare = prepare, .advance = advance};
static const EbbComponent two_step_adaptive = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "two_step_adaptive",
    .summary = "two-step pair on the reverse SDE, each row with its own steps; strong order 1; 2 evaluations a step; stochastic",
    .version = "1.0",
    .reference = "2105.14080, algorithm 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&two_step_adaptive)
