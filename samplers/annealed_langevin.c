/* SPDX-License-Identifier: MIT
 *
 * Annealed Langevin dynamics: Song & Ermon 2019 (1907.05600), algorithm 1, with the step tied to the level it is taken at. At every level after the
 * first, m times
 *
 *     z += delta score + sqrt(2 delta) xi,     delta = r sigma^2 / n  (n observations composed), or  (1 - gamma) / (2 sqrt(gamma)),
 *                                              gamma = alpha^2 / alpha_next^2  (Geffner, Papamakarios, Mnih 2023, 2209.14249, algorithm 1)
 *
 * Score and step belong to the same level. The result is xhat at the last one. It needs a score at each level only, not one of a diffusion: it is the
 * sampler of sums of scores. m (steps - 1) + 1 evaluations a draw. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps, moves, step;
  double share;
} Config;

enum { VARIANCE = 0, GEFFNER = 1 };

static const EbbParam params[] = {
    EBB_INT(Config, steps, 200, 1, 100000, "", "noise levels"),
    EBB_INT(Config, moves, 5, 1, 100000, "", "moves at each level"),
    EBB_CHOICE(Config, step, VARIANCE, "variance|geffner", "size of a move: a share of sigma^2, or by the distance of the levels"),
    EBB_REAL(Config, share, 0.2, 1e-6, 1.9, "", "variance: r, move over sigma^2; .1 to .25"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* Level of question `asked` (counted from 0): the first level has no moves, it is where the start is drawn. */
static int64_t level_of(const Config *c, int64_t asked) { return 1 + asked / c->moves; }

static double size(const Config *c, const EbbPlan *plan, int64_t k) {
  const EbbLevel *l = &plan->level[k];
  if (c->step == VARIANCE) return c->share * l->sigma * l->sigma / (double)plan->items;
  double gamma = plan->level[k - 1].alpha * plan->level[k - 1].alpha / (l->alpha * l->alpha);
  return 0.5 * (1 - gamma) / sqrt(gamma);
}

/* The last level with noise: xhat there ends the run unless the state is wanted. */
static int64_t last_of(const EbbPlan *plan) { return plan->level[plan->n].sigma > 0 ? plan->n : plan->n - 1; }

static EbbStatus begin(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state, (void)work;
  int64_t first = last_of(plan) > 0 ? 1 : 0;
  for (int64_t i = 0; i < r->rows; i++) ebb_ask_at(r, i, first, EBB_STATE);
  return EBB_OK;
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state;
  const Config *c = self;
  int64_t last = last_of(plan), wanted = plan->level[plan->n].sigma > 0;
  double *xi = plan->host->scratch(work, (size_t)(r->rows * r->dim) * sizeof *xi);
  plan->host->normal(plan->host, plan->rng, r->rows, r->id, r->asked, 0, r->dim, xi);
  for (int64_t i = 0; i < r->rows; i++) {
    int64_t k = level_of(c, (int64_t)r->asked[i] - 1), next = level_of(c, (int64_t)r->asked[i]);
    const EbbLevel *t = &r->at[i * r->at_step];
    double *z = r->z + i * r->dim;
    const double *xhat = r->xhat + i * r->dim;
    if (k > last || last == 0) {
      memcpy(z, xhat, (size_t)r->dim * sizeof *z);
      r->ask[i] = EBB_DONE;
      continue;
    }
    double delta = size(c, plan, k), pull = delta / (t->sigma * t->sigma), fresh = sqrt(2 * delta);
    for (int64_t j = 0; j < r->dim; j++) z[j] += pull * (t->alpha * xhat[j] - z[j]) + fresh * xi[i * r->dim + j];
    if (next > last && wanted)
      r->ask[i] = EBB_DONE;
    else
      ebb_ask_at(r, i, next > last ? last : next, EBB_STATE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_BRIDGE, .steps = steps, .begin = begin, .advance = advance};
static const EbbComponent annealed_langevin = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "annealed_langevin",
    .summary = "Langevin moves at each of many noise levels, for sums of scores too; no order; 5 (moves) evaluations a step; stochastic",
    .version = "1.0",
    .reference = "1907.05600, algorithm 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&annealed_langevin)
