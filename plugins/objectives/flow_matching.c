/* SPDX-License-Identifier: MIT
 *
 * Conditional flow matching: Lipman, Chen, Ben-Hamu, Nickel, Le 2023 (2210.02747), eq. 9, for posteriors Dax, Wildberger et al. 2023 (2305.17161):
 *
 *     z = alpha x + sigma eps,     L = E mean_d |v(z, t, y) - (alpha' x + sigma' eps)|^2
 *
 * With the schedule `flow` the target is eps - x. t = 1 - u^(1/(1+kappa)), u uniform: 1 - t has density (kappa+1) (1-t)^kappa, over the schedule's
 * range.
 *
 * coupling: transport. In each batch noise and data are paired anew by entropic optimal transport (Tong et al. 2024, 2302.00482), with a term for
 * the conditions y that keeps p(x|y) (Cheng & Schwing 2025): cost M_ij + w C_ij, M_ij the distance of noise i from x_j, C_ij that of y_i from y_j. w
 * is found in each batch so that the share of entries with M_ij + w C_ij <= M_ii is condition_ratio: without it noise would tell y, and the learned
 * p(x|y) were wrong. The velocity then gives no score: the field is right for the ODE only. */
#include <ebb/objective.h>

#include "transport.h"

enum { NONE = 0, TRANSPORT = 1, SQUARE = 1, EUCLIDEAN = 1, ROWS = 1, OF_MODEL = 1, MOST_ROWS = 2048 };

typedef struct Config {
  int64_t times, coupling, cost, condition, draw;
  double kappa, condition_ratio, regularisation;
} Config;

static const EbbParam params[] = {
    EBB_CHOICE(Config, times, 0, "kappa|model", "law of noise levels in training: by kappa, or model.noise"),
    EBB_REAL(Config, kappa, 1.5, -0.9, 100.0, "", "0: evenly in time; above it: more often near the data"),
    EBB_CHOICE(Config, coupling, NONE, "none|transport", "how a batch's noise is paired with its data"),
    EBB_REAL(Config, condition_ratio, 0.01, 1e-4, 0.5, "",
             "transport: share of pairs that are as good as the given one; 0.5: conditions do not count"),
    EBB_CHOICE(Config, cost, 0, "distance|square", "transport: between noise and data"),
    EBB_CHOICE(Config, condition, 0, "cosine|euclidean", "transport: distance between conditions; cosine tells them apart from 2 numbers on"),
    EBB_REAL(Config, regularisation, 0.1, 1e-3, 10.0, "", "transport: entropy, in units of the median cost between noise and data"),
    EBB_CHOICE(Config, draw, 0, "assignment|rows",
               "transport: each data row once, or one drawn for each noise from its row of the plan, which repeats some and drops others"),
    EBB_END,
};

typedef struct Objective {
  const EbbHost *host;
  Config c;
} Objective;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Objective *o = host->alloc(host, sizeof *o);
  if (o == NULL) return EBB_E_MEMORY;
  *o = (Objective){host, *(const Config *)config};
  *self = o;
  return EBB_OK;
}

static void needs(const void *self, EbbObjectiveNeeds *out) {
  int pairs = ((const Objective *)self)->c.coupling == TRANSPORT;
  out->prediction = EBB_PREDICT_VELOCITY;
  out->result = pairs ? EBB_MEAN_ODE : EBB_MEAN;
  out->wants = pairs ? EBB_OBJ_PAIR : 0;
}

/* M and C of transport.h. */
static void distances(const EbbPairs *p, const Config *c, double *M, double *C) {
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t j = 0; j < p->rows; j++) {
      double square = 0, dot = 0, own = 0, other = 0, apart = 0;
      for (int64_t k = 0; k < p->dim; k++) square += pow((double)p->noise[i * p->dim + k] - (double)p->x[j * p->dim + k], 2);
      for (int64_t k = 0; k < p->q; k++) {
        double a = (double)p->y[i * p->q + k], b = (double)p->y[j * p->q + k];
        dot += a * b;
        own += a * a;
        other += b * b;
        apart += (a - b) * (a - b);
      }
      M[i * p->rows + j] = c->cost == SQUARE ? square : sqrt(square);
      C[i * p->rows + j] = i == j ? 0 : c->condition == EUCLIDEAN ? sqrt(apart) : own > 0 && other > 0 ? 1 - dot / sqrt(own * other) : 1;
    }
}

static EbbStatus pair(const void *self, EbbRng rng, EbbPairs *p) {
  const Objective *o = self;
  const EbbHost *host = o->host;
  int64_t n = p->rows;
  if (n > MOST_ROWS)
    return host->fail(host, EBB_E_CONFIG, "coupling: transport compares all pairs of a batch, at most %d rows; lower training.batch", MOST_ROWS);
  if (p->q == 1 && o->c.condition != EUCLIDEAN && o->c.condition_ratio < 0.5)
    return host->fail(host, EBB_E_CONFIG, "the cosine of a condition of one number is its sign; say condition: euclidean");
  double *M = malloc((size_t)(3 * n * n + 7 * n + 1) * sizeof *M), *C = M + n * n, *plan = C + n * n, *work = plan + n * n, *u = work + 5 * n;
  uint8_t *taken = calloc((size_t)n + 1, 1);
  int32_t *order = malloc(((size_t)n + 1) * sizeof *order);
  EbbStatus status = M == NULL || taken == NULL || order == NULL ? EBB_E_MEMORY : EBB_OK;
  if (status == EBB_OK && n > 0) {
    distances(p, &o->c, M, C);
    double w = o->c.condition_ratio < 0.5 ? transport_find_weight(n, M, C, o->c.condition_ratio) : 0;
    for (int64_t i = 0; i < n * n; i++) C[i] = M[i] + w * C[i];
    if (!transport_sinkhorn(n, fmax(o->c.regularisation * transport_median(n, M), 1e-30), C, plan, work))
      status = host->fail(host, EBB_E_NUMERIC, "the transport plan of step %llu is not finite; raise regularisation", (unsigned long long)p->step);
    host->uniform(host, rng, 1, &p->step, NULL, 0, 2 * n, u);
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
      int64_t k = (int64_t)(u[i] * (double)(i + 1));
      int32_t swap = order[i];
      order[i] = order[k];
      order[k] = swap;
    }
    for (int64_t i = 0; i < n; i++) {
      int32_t slot = order[i];
      p->take[slot] = transport_pick(n, plan + slot * n, taken, u[n + i]);
      taken[p->take[slot]] = o->c.draw != ROWS;
    }
  }
  free(M);
  free(taken);
  free(order);
  return status;
}

/* ---- the loss ---- */

static EbbStatus corrupt(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  const Config *c = &((const Objective *)self)->c;
  for (int64_t i = 0; i < b->rows; i++) {
    EbbLevel *l = &b->at[i];
    double t = b->schedule->t_min + (1 - pow(b->u[i], 1 / (1 + c->kappa))) * (b->schedule->t_max - b->schedule->t_min);
    if (c->times == OF_MODEL) b->schedule->inverse(b->schedule, 1, &b->lambda[i], &t);
    b->schedule->at(b->schedule, 1, &t, l);
    for (int64_t j = i * b->dim; j < (i + 1) * b->dim; j++) b->z[j] = (float)(l->alpha * (double)b->x[j] + l->sigma * (double)b->noise[j]);
  }
  return EBB_OK;
}

static EbbStatus loss(const void *self, EbbWork *work, EbbBatch *b) {
  (void)self, (void)work;
  for (int64_t i = 0; i < b->rows; i++) {
    double sum = 0;
    for (int64_t j = i * b->dim; j < (i + 1) * b->dim; j++) {
      double error = (double)b->out[j] - (double)b->target[j];
      sum += error * error;
      b->grad[j] = (float)(b->scale * 2 * error / (double)b->dim);
    }
    b->loss[i] = sum / (double)b->dim;
  }
  return EBB_OK;
}

static const EbbObjectiveOps ops = {.size = sizeof ops, .needs = needs, .pair = pair, .corrupt = corrupt, .loss = loss};
static const EbbComponent flow_matching = {
    .size = sizeof(EbbComponent),
    .kind = EBB_OBJECTIVE,
    .id = "flow_matching",
    .summary = "regression on the velocity of straight or curved paths, optionally coupled by optimal transport",
    .version = "1.0",
    .reference = "2210.02747, eq. 9; coupling 2302.00482",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&flow_matching)
