/* SPDX-License-Identifier: MIT
 *
 * Consistency distillation: Song, Dhariwal, Chen, Sutskever 2023 (2303.01469), algorithm 2. As consistency training (consistency.c), but the point at
 * the smaller noise level is where the probability-flow ODE of a trained model leads from the larger one, in one step for y = z/alpha,
 *
 *     d = (y - xhat) / u,   y' = y + (u' - u) d;     heun: y' = y + (u' - u) (d + d') / 2
 *
 * which is the map's own path: with an exact teacher the exact map has no loss but that of the step. The grid is fixed. The student takes over the
 * teacher's maps of parameters and data. */
#include "consistency_pair.h"

typedef struct Config {
  const char *teacher;
  int64_t intervals, step;
  double rho, p_mean, p_sd, huber;
} Config;

enum { HEUN = 0, EULER = 1 };

static const EbbParam params[] = {
    EBB_STRING(Config, teacher, NULL, "folder of the run whose model is the teacher"),
    EBB_INT(Config, intervals, 40, 1, 100000, "", "of the grid of noise levels"),
    EBB_CHOICE(Config, step, HEUN, "heun|euler", "the teacher's step along an interval: two evaluations, or one"),
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
  Objective *o = host->alloc(host, sizeof *o);
  if (o == NULL) return EBB_E_MEMORY;
  *o = (Objective){*(const Config *)config, host};
  *self = o;
  return EBB_OK;
}

static void needs(const void *self, EbbObjectiveNeeds *out) {
  (void)self;
  out->wants = EBB_OBJ_TWIN | EBB_OBJ_TEACHER;
  out->prediction = EBB_PREDICT_BOUNDARY;
  out->result = EBB_MAP;
}

static EbbStatus corrupt(const void *self, EbbWork *work, EbbBatch *b) {
  const Objective *o = self;
  const EbbHost *host = o->host;
  int64_t n = o->c.intervals + 1, all = b->rows * b->dim;
  double *u = host->scratch(work, (size_t)(2 * n) * sizeof *u), *z = host->scratch(work, (size_t)(4 * all + 1) * sizeof *z);
  double *xhat = z + all, *y = xhat + all, *slope = y + all;
  uint32_t *zero = host->scratch(work, (size_t)(b->rows + 1) * sizeof *zero);
  pair_corrupt(&(PairLaw){o->c.rho, o->c.p_mean, o->c.p_sd}, n, u, u + n, b);
  for (int64_t r = 0; r < b->rows; r++) zero[r] = 0;
  EbbQuery q = {.size = sizeof q, .rows = b->rows, .dim = b->dim, .z = z, .at_step = 1, .id = b->id, .asked = zero, .accepted = zero};
  EbbStatus status = EBB_OK;
  for (int stage = 0; stage <= (o->c.step == HEUN) && status >= 0; stage++) {
    q.at = stage == 0 ? b->at : b->at2;
    for (int64_t i = 0; i < all; i++) z[i] = stage == 0 ? (double)b->z[i] : b->at2[i / b->dim].alpha * z[i];
    status = b->teacher->eval(b->teacher, work, &q, xhat);
    for (int64_t i = 0; i < all && status >= 0; i++) {
      const EbbLevel *l = &q.at[i / b->dim], *s = &b->at2[i / b->dim];
      double here = z[i] / l->alpha, d = (here - xhat[i]) * l->alpha / l->sigma;
      double span = s->sigma / s->alpha - b->at[i / b->dim].sigma / b->at[i / b->dim].alpha;
      if (stage == 0) y[i] = here;
      slope[i] = stage == 0 ? d : 0.5 * (slope[i] + d);
      z[i] = y[i] + span * slope[i]; /* in units of alpha = 1 */
    }
  }
  for (int64_t i = 0; i < all; i++) b->z2[i] = (float)(b->at2[i / b->dim].alpha * z[i]);
  return status;
}

static EbbStatus loss(const void *self, EbbWork *work, EbbBatch *b) {
  (void)work;
  pair_loss(((const Objective *)self)->c.huber, b);
  return EBB_OK;
}

static const EbbObjectiveOps ops = {.size = sizeof ops, .needs = needs, .corrupt = corrupt, .loss = loss};
static const EbbComponent consistency_distillation = {
    .size = sizeof(EbbComponent),
    .kind = EBB_OBJECTIVE,
    .id = "consistency_distillation",
    .summary = "a consistency map along the paths of a trained model",
    .version = "1.0",
    .reference = "2303.01469, algorithm 2",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&consistency_distillation)
