/* SPDX-License-Identifier: MIT
 *
 * Consistency training, improved (iCT): Song & Dhariwal 2024 (2310.14189), algorithm of appendix A; for posteriors Schmitt, Pratz, Koethe, Buerkner,
 * Radev 2024 (2312.05440). The map f(z, u) = c_skip z + c_out F, the identity at the schedule's clean end, must say the same at two neighbouring
 * noise levels u_{i+1} > u_i of a grid, with the same x, noise and dropout mask; at the smaller it is the network's present answer, without gradient.
 * The loss is that of consistency_pair.h. The grid grows over the optimiser's K steps, all of them:
 *
 *     N(k) = min(s0 2^floor(k/K'), s1) + 1,     K' = max(1, floor(K / (log2(floor(s1/s0)) + 1)))
 *
 * The result is a map, sampled by multistep_consistency. Give it a schedule whose clean end is .001 or .002, such as edm_vp. */
#include "consistency_pair.h"

typedef struct Config {
  int64_t first, last;
  double rho, p_mean, p_sd, huber;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, first, 10, 1, 100000, "", "s0: intervals of the first grid"),
    EBB_INT(Config, last, 150, 1, 100000, "", "s1: intervals of the last"),
    EBB_REAL(Config, rho, 7.0, 1.0, 100.0, "", "exponent of the grid"),
    EBB_REAL(Config, p_mean, -1.1, -20.0, 20.0, "", "law of pairs: mean of ln u"),
    EBB_REAL(Config, p_sd, 2.0, 0.01, 20.0, "", "law of pairs: standard deviation of ln u"),
    EBB_REAL(Config, huber, 0.00054, 1e-8, 10.0, "", "where the loss turns from square to distance, for one number"),
    EBB_END,
};

typedef struct Objective {
  Config c;
  const EbbHost *host;
} Objective;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  const Config *c = config;
  if (c->last < c->first)
    return host->fail(host, EBB_E_CONFIG, "the last grid has fewer intervals (%lld) than the first (%lld)", (long long)c->last, (long long)c->first);
  Objective *o = host->alloc(host, sizeof *o);
  if (o == NULL) return EBB_E_MEMORY;
  *o = (Objective){*c, host};
  *self = o;
  return EBB_OK;
}

static void needs(const void *self, EbbObjectiveNeeds *out) {
  (void)self;
  out->wants = EBB_OBJ_TWIN;
  out->prediction = EBB_PREDICT_BOUNDARY;
  out->result = EBB_MAP;
}

/* N(k) points. */
static int64_t points(const Config *c, uint64_t k, uint64_t steps) {
  int64_t n = c->first;
  uint64_t each = (uint64_t)fmax(1, floor((double)steps / (log2((double)(c->last / c->first)) + 1)));
  for (uint64_t i = 0; i < k / each && n < c->last; i++) n *= 2;
  return (n < c->last ? n : c->last) + 1;
}

static EbbStatus corrupt(const void *self, EbbWork *work, EbbBatch *b) {
  const Objective *o = self;
  int64_t n = points(&o->c, b->step, b->steps);
  double *u = o->host->scratch(work, (size_t)(2 * n) * sizeof *u);
  pair_corrupt(&(PairLaw){o->c.rho, o->c.p_mean, o->c.p_sd}, n, u, u + n, b);
  for (int64_t r = 0; r < b->rows; r++)
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++)
      b->z2[j] = (float)(b->at2[r].alpha * (double)b->x[j] + b->at2[r].sigma * (double)b->noise[j]);
  return EBB_OK;
}

static EbbStatus loss(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  pair_loss(((const Objective *)self)->c.huber, b);
  return EBB_OK;
}

static const EbbObjectiveOps ops = {.size = sizeof ops, .needs = needs, .corrupt = corrupt, .loss = loss};
static const EbbComponent consistency = {
    .size = sizeof(EbbComponent),
    .kind = EBB_OBJECTIVE,
    .id = "consistency",
    .summary = "a map from any noise level to its clean value, for draws in a few evaluations",
    .version = "1.0",
    .reference = "2310.14189, section 3; for posteriors 2312.05440",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&consistency)
