/* SPDX-License-Identifier: MIT
 *
 * Predictor and corrector: Song et al. 2021 (2011.13456), algorithm 1. Any sampler predicts; wherever it asks at a state that it has reached, m moves
 * come first, at that state's level, and it goes on from where they lead. A move is one of
 *
 *     langevin:  z += e score + sqrt(2 e) xi,   e = 2 alpha^2 (r |xi| / |score|)^2   (algorithm 5)
 *     renoise:   z <- alpha xhat + sqrt(1 - delta) (z - alpha xhat) + sqrt(delta) sigma xi
 *
 * The paper takes the norms' means over a batch. Here a row's step may depend neither on its neighbours nor, since that is biased (on M1 it gives sd
 * 1.26 instead of .88), on its own score: |xi| is sqrt(d) and |score| its upper mean sqrt(d) / sigma, so that e = 2 (r alpha sigma)^2.
 *
 * The predictor is told that its states are moved (EBB_PLAN_MOVED), has its own stream of noise and its own count of answers. Evaluations: the
 * predictor's, and m at each state but the start. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  EbbChild predictor;
  int64_t corrector, moves;
  double signal_to_noise, delta;
} Config;

enum { LANGEVIN = 0, RENOISE = 1 };

static const EbbParam params[] = {
    EBB_COMPONENT(Config, predictor, EBB_SAMPLER, "ddim", "any sampler, with its settings"),
    EBB_CHOICE(Config, corrector, LANGEVIN, "langevin|renoise", "what a move is"),
    EBB_INT(Config, moves, 1, 0, 100000, "", "at each state; 0: the predictor alone"),
    EBB_REAL(Config, signal_to_noise, 0.16, 1e-6, 10, "", "langevin: r"),
    EBB_REAL(Config, delta, 0.01, 1e-9, 1, "", "renoise: share of the noise's variance that is drawn anew"),
    EBB_END,
};

/* A row's state: moves made at this state, the predictor's count of answers, what it asked last; then the predictor's state. */
enum { MADE, ANSWERS, ASKED_FOR, HEAD };

typedef struct Shared {
  EbbPlan plan; /* the predictor's */
  void *state;
} Shared;

static const EbbSamplerOps *child_ops(const Config *c) { return c->predictor.ops; }

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  const Config *c = config;
  if (c->predictor.ops == NULL) return host->fail(host, EBB_E_CONFIG, "it needs a predictor, such as predictor: {use: ddim}");
  if ((child_ops(c)->accepts & EBB_MEAN) == 0)
    return host->fail(host, EBB_E_UNSUPPORTED, "predictor %s does not sample a score field, which the corrector needs; take another predictor",
                      c->predictor.component->id);
  Config *own = host->alloc(host, sizeof *own);
  if (own == NULL) return EBB_E_MEMORY;
  *own = *c;
  *self = own;
  return EBB_OK;
}

static int64_t steps(const void *self) {
  const Config *c = self;
  return child_ops(c)->steps(c->predictor.self);
}

static EbbStatus prepare(const void *self, const EbbPlan *plan, EbbSamplerNeeds *needs, void **state) {
  const Config *c = self;
  const EbbHost *host = plan->host;
  if (plan->flags & EBB_PLAN_DENSITY) return host->fail(host, EBB_E_UNSUPPORTED, "it is stochastic and gives no density; take tsit5 or dopri5");
  Shared *s = host->alloc(host, sizeof *s);
  if (s == NULL) return EBB_E_MEMORY;
  s->plan = *plan;
  s->plan.flags |= EBB_PLAN_MOVED;
  s->plan.rng.stream = c->predictor.stream;
  EbbSamplerNeeds inner = {.size = sizeof inner, .group = 1};
  if (child_ops(c)->prepare != NULL) {
    EbbStatus status = child_ops(c)->prepare(c->predictor.self, &s->plan, &inner, &s->state);
    if (status < 0) return status;
  }
  if (inner.group != 1)
    return host->fail(host, EBB_E_UNSUPPORTED, "predictor %s moves rows in groups, which cannot be corrected one by one", c->predictor.component->id);
  needs->wants = inner.wants;
  needs->state = HEAD + inner.state;
  *state = s;
  return EBB_OK;
}

/* The predictor's rows [first, first + n), its own count of answers in `asked`. */
static EbbRows inner_rows(const EbbRows *r, int64_t first, int64_t n, uint32_t *asked) {
  EbbRows in = *r;
  in.rows = n;
  in.id += first;
  in.asked = asked + first;
  in.accepted += first;
  in.at += first * r->at_step;
  if (in.xhat != NULL) in.xhat += first * r->dim;
  if (in.div != NULL) in.div += first;
  if (in.log_r != NULL) in.log_r += first;
  if (in.twist != NULL) in.twist += first * r->dim;
  in.z += first * r->dim;
  in.t += first;
  in.level += first;
  in.ask += first;
  in.state += first * r->state_step + HEAD;
  in.logdet += first;
  in.log_weight += first;
  return in;
}

static EbbStatus begin(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  const Config *c = self;
  const Shared *s = state;
  EbbStatus status = EBB_OK;
  uint32_t *asked = plan->host->scratch(work, (size_t)(r->rows + 1) * sizeof *asked);
  for (int64_t i = 0; i < r->rows; i++) asked[i] = 0;
  EbbRows inner = inner_rows(r, 0, r->rows, asked);
  if (child_ops(c)->begin != NULL) status = child_ops(c)->begin(c->predictor.self, s->state, &s->plan, work, &inner);
  for (int64_t i = 0; i < r->rows; i++) (r->state + i * r->state_step)[ASKED_FOR] = r->ask[i];
  return status;
}

static void move(const Config *c, EbbRows *r, int64_t i, const double *xi) {
  const EbbLevel *at = &r->at[i * r->at_step];
  double *z = r->z + i * r->dim;
  const double *xhat = r->xhat + i * r->dim;
  if (c->corrector == RENOISE) {
    double kept = sqrt(1 - c->delta), fresh = sqrt(c->delta) * at->sigma;
    for (int64_t j = 0; j < r->dim; j++) z[j] = at->alpha * xhat[j] + kept * (z[j] - at->alpha * xhat[j]) + fresh * xi[j];
    return;
  }
  double size = c->signal_to_noise * at->alpha, e = 2 * size * size; /* in units of sigma^2 */
  for (int64_t j = 0; j < r->dim; j++) z[j] += e * (at->alpha * xhat[j] - z[j]) + sqrt(2 * e) * at->sigma * xi[j];
}

/* Whether the row's answer is for the corrector: then it is moved here, and asks again where it stands. */
static int corrected(const Config *c, const EbbPlan *plan, EbbRows *r, int64_t i, double *xi) {
  double *s = r->state + i * r->state_step;
  if (s[ASKED_FOR] != EBB_STATE || s[ANSWERS] == 0 || s[MADE] >= (double)c->moves) return 0;
  plan->host->normal(plan->host, plan->rng, 1, r->id + i, r->asked + i, 0, r->dim, xi);
  move(c, r, i, xi);
  s[MADE]++;
  r->ask[i] = EBB_STAGE; /* level and t stay */
  return 1;
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  const Config *c = self;
  const Shared *shared = state;
  const EbbHost *host = plan->host;
  double *xi = host->scratch(work, (size_t)r->dim * sizeof *xi);
  uint32_t *asked = host->scratch(work, (size_t)(r->rows + 1) * sizeof *asked);
  uint8_t *passes = host->scratch(work, (size_t)r->rows + 1);
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < r->rows; i++) {
    double *s = r->state + i * r->state_step;
    passes[i] = !corrected(c, plan, r, i, xi);
    if (passes[i]) s[ANSWERS]++;
    asked[i] = (uint32_t)s[ANSWERS];
  }
  for (int64_t first = 0, n; first < r->rows && status == EBB_OK; first += n) { /* runs of rows that pass together */
    for (n = 1; first + n < r->rows && passes[first + n] == passes[first];) n++;
    if (!passes[first]) continue;
    EbbRows inner = inner_rows(r, first, n, asked);
    status = child_ops(c)->advance(c->predictor.self, shared->state, &shared->plan, work, &inner);
    for (int64_t i = first; i < first + n; i++) {
      double *s = r->state + i * r->state_step;
      s[ASKED_FOR] = r->ask[i];
      s[MADE] = 0;
    }
  }
  return status;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .prepare = prepare, .begin = begin, .advance = advance};
static const EbbComponent predictor_corrector = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "predictor_corrector",
    .summary = "any sampler, with moves at each state that it reaches; its predictor's order; 1 (moves) more evaluations a step; stochastic",
    .version = "1.0",
    .reference = "2011.13456, algorithms 1 and 5",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&predictor_corrector)
