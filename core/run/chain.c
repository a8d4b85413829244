/* SPDX-License-Identifier: MIT
 *
 * The network's field: xhat = skip z + gain net(c_in z, tau, y); its tangents and cotangents go through the same affine map. */
#include "run/chain.h"

#define SCRATCH(work, type, n) ((type *)work_alloc((work), (size_t)(n) * sizeof(type)))

/* The query in the network's terms. */
typedef struct Asked {
  ForwardRows rows;
  Affine *map;   /* [rows] */
  double *scale; /* [rows] c_in */
} Asked;

static const EbbLevel *level_of(const EbbQuery *q, int64_t i) { return &q->at[i * q->at_step]; }

static void translate(const NetworkField *f, EbbWork *work, const EbbQuery *q, Asked *out) {
  const Model *m = f->model;
  int64_t n = q->rows, d = m->d, levels = q->at_step == 0 ? 1 : n;
  float *z = SCRATCH(work, float, n *d), *tau = SCRATCH(work, float, levels);
  int32_t *level = SCRATCH(work, int32_t, levels);
  out->map = SCRATCH(work, Affine, n);
  out->scale = SCRATCH(work, double, n);
  bool kept = true;
  for (int64_t i = 0; i < levels; i++) {
    const EbbLevel *at = level_of(q, i);
    kept = kept && at->index >= 0;
    level[i] = (int32_t)at->index;
    tau[i] = (float)schedule_tau(&m->view, at->lambda);
  }
  for (int64_t i = 0; i < n; i++) {
    if (i < levels) {
      out->map[i] = prediction_affine(m->needs.prediction, level_of(q, i));
      out->scale[i] = level_input(level_of(q, i));
    } else {
      out->map[i] = out->map[0];
      out->scale[i] = out->scale[0];
    }
    for (int64_t j = 0; j < d; j++) z[i * d + j] = (float)(out->scale[i] * q->z[i * d + j]);
  }
  out->rows = (ForwardRows){.rows = n, .z = z, .set = q->set, .level = kept ? level : NULL, .tau = tau, .level_step = q->at_step};
}

static void answer(const Asked *a, const EbbQuery *q, int64_t d, const float *out, double *xhat) {
  for (int64_t i = 0; i < q->rows; i++)
    for (int64_t j = 0; j < d; j++) xhat[i * d + j] = a->map[i].skip * q->z[i * d + j] + a->map[i].gain * (double)out[i * d + j];
}

static EbbStatus eval(const EbbField *field, EbbWork *work, const EbbQuery *q, double *xhat) {
  const NetworkField *f = field->ctx;
  int64_t d = f->model->d;
  WorkMark mark = work_mark(work);
  Asked a;
  translate(f, work, q, &a);
  float *out = SCRATCH(work, float, q->rows *d);
  EbbStatus status = forward_eval(f->forward, work, &a.rows, out);
  if (status == EBB_OK) answer(&a, q, d, out, xhat);
  work_reset(work, mark);
  return status;
}

static EbbStatus jvp(const EbbField *field, EbbWork *work, const EbbQuery *q, int64_t k, const double *v, double *xhat, double *jv) {
  const NetworkField *f = field->ctx;
  int64_t d = f->model->d, n = q->rows;
  if (v == NULL) k = d;
  WorkMark mark = work_mark(work);
  Asked a;
  translate(f, work, q, &a);
  float *out = SCRATCH(work, float, n *d), *tz = SCRATCH(work, float, n *k *d), *tout = SCRATCH(work, float, n *k *d);
  for (int64_t i = 0; i < n * k * d; i++) {
    double unit = i % d == i / d % k ? 1 : 0;
    tz[i] = (float)(a.scale[i / (k * d)] * (v != NULL ? v[i] : unit));
  }
  EbbStatus status = forward_jvp(f->forward, work, &a.rows, k, tz, NULL, out, tout);
  if (status == EBB_OK) {
    for (int64_t i = 0; i < n * k * d; i++) {
      const Affine *map = &a.map[i / (k * d)];
      double unit = i % d == i / d % k ? 1 : 0;
      jv[i] = map->skip * (v != NULL ? v[i] : unit) + map->gain * (double)tout[i];
    }
    answer(&a, q, d, out, xhat);
  }
  work_reset(work, mark);
  return status;
}

/* The caller's cotangent of xhat becomes the network's. */
typedef struct Pull {
  const Asked *asked;
  const EbbQuery *query;
  int64_t d;
  EbbCotangent cotangent;
  void *ctx;
  double *xhat, *u; /* [rows][d] */
} Pull;

static EbbStatus pull(void *ctx, int64_t first, int64_t rows, const float *out, float *du) {
  const Pull *p = ctx;
  for (int64_t i = first; i < first + rows; i++)
    for (int64_t j = 0; j < p->d; j++)
      p->xhat[i * p->d + j] = p->asked->map[i].skip * p->query->z[i * p->d + j] + p->asked->map[i].gain * (double)out[(i - first) * p->d + j];
  EbbStatus status = p->cotangent(p->ctx, first, rows, p->xhat + first * p->d, p->u + first * p->d);
  for (int64_t i = 0; i < rows * p->d; i++) du[i] = (float)(p->asked->map[first + i / p->d].gain * p->u[first * p->d + i]);
  return status;
}

static EbbStatus vjp(const EbbField *field, EbbWork *work, const EbbQuery *q, EbbCotangent cotangent, void *ctx, double *xhat, double *uj) {
  const NetworkField *f = field->ctx;
  int64_t d = f->model->d, n = q->rows;
  WorkMark mark = work_mark(work);
  Asked a;
  translate(f, work, q, &a);
  float *out = SCRATCH(work, float, n *d), *dz = SCRATCH(work, float, n *d);
  Pull p = {&a, q, d, cotangent, ctx, xhat, SCRATCH(work, double, n *d)};
  EbbStatus status = forward_vjp(f->forward, work, &a.rows, pull, &p, out, dz);
  if (status == EBB_OK)
    for (int64_t i = 0; i < n * d; i++) uj[i] = a.map[i / d].skip * p.u[i] + a.scale[i / d] * (double)dz[i];
  work_reset(work, mark);
  return status;
}

EbbStatus network_field(Arena *arena, Pool *pool, const Model *m, int64_t sets, const float *value, int64_t n, const EbbLevel *levels,
                        NetworkField *out) {
  *out = (NetworkField){.model = m};
  out->field = (EbbField){sizeof(EbbField), m->needs.result, m->d, out, eval, graph_can_jvp(m->graph) ? jvp : NULL, vjp};
  float *tau = ARENA_ARRAY(arena, float, n);
  for (int64_t i = 0; i < n; i++) tau[i] = (float)schedule_tau(&m->view, levels[i].lambda);
  EbbStatus status = forward_new(arena, m->graph, &out->forward);
  if (status == EBB_OK) status = forward_load(out->forward, pool, m->weights);
  if (status == EBB_OK) status = forward_conditions(out->forward, pool, sets, value);
  if (status == EBB_OK) status = forward_levels(out->forward, pool, n, tau);
  return status;
}
