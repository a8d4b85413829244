/* SPDX-License-Identifier: MIT
 *
 * The network's field: xhat = m + skip (z - alpha m) + gain net(scale (z - alpha m), tau, y); its tangents and cotangents go
 * through the same affine map. */
#include "run/chain.h"

#define SCRATCH(work, type, n) ((type *)work_alloc((work), (size_t)(n) * sizeof(type)))

/* The query in the network's terms. Row i's coordinate j is linked by link[i * row_step + j * column_step] and has mean[mean_of(i) + j]. */
typedef struct Asked {
  ForwardRows rows;
  Link *link;
  int64_t row_step, column_step;
  double *moved; /* [rows][d] z - alpha m */
  const NetworkField *field;
  const EbbQuery *query;
} Asked;

static const EbbLevel *level_of(const EbbQuery *q, int64_t i) { return &q->at[i * q->at_step]; }
static const Link *link_of(const Asked *a, int64_t i, int64_t j) { return &a->link[i * a->row_step + j * a->column_step]; }
static const double *mean_of(const Asked *a, int64_t i) {
  int64_t place = a->field->value != NULL ? i : a->query->set != NULL ? a->query->set[i] : 0;
  return a->field->mean + place * a->field->model->d;
}

static void translate(const NetworkField *f, EbbWork *work, const EbbQuery *q, Asked *out) {
  const Model *m = f->model;
  int64_t n = q->rows, d = m->d, levels = q->at_step == 0 ? 1 : n, columns = model_links_differ(m) ? d : 1;
  float *z = SCRATCH(work, float, n *d), *tau = SCRATCH(work, float, levels);
  int32_t *level = SCRATCH(work, int32_t, levels);
  *out = (Asked){.row_step = q->at_step * columns, .column_step = columns > 1 ? 1 : 0, .field = f, .query = q};
  out->link = SCRATCH(work, Link, levels * columns);
  out->moved = SCRATCH(work, double, n *d);
  bool kept = true;
  for (int64_t i = 0; i < levels; i++) {
    const EbbLevel *at = level_of(q, i);
    kept = kept && at->index >= 0;
    level[i] = (int32_t)at->index;
    tau[i] = (float)schedule_tau(&m->view, at->lambda);
    for (int64_t j = 0; j < columns; j++) out->link[i * columns + j] = model_link(m, at, j);
  }
  for (int64_t i = 0; i < n; i++) {
    const double *mean = mean_of(out, i);
    double alpha = level_of(q, i)->alpha;
    for (int64_t j = 0; j < d; j++) {
      out->moved[i * d + j] = q->z[i * d + j] - alpha * mean[j];
      z[i * d + j] = (float)(link_of(out, i, j)->scale * out->moved[i * d + j]);
    }
  }
  out->rows = (ForwardRows){.rows = n, .z = z, .set = q->set, .value = f->value, .level = kept ? level : NULL, .tau = tau, .level_step = q->at_step};
}

/* xhat of rows [first, first + n), out [n][d]. */
static void answer(const Asked *a, int64_t first, int64_t n, const float *out, double *xhat) {
  int64_t d = a->field->model->d;
  for (int64_t i = first; i < first + n; i++) {
    const double *mean = mean_of(a, i);
    for (int64_t j = 0; j < d; j++) {
      const Link *link = link_of(a, i, j);
      xhat[i * d + j] = mean[j] + link->skip * a->moved[i * d + j] + link->gain * (double)out[(i - first) * d + j];
    }
  }
}

static EbbStatus eval(const EbbField *field, EbbWork *work, const EbbQuery *q, double *xhat) {
  const NetworkField *f = field->ctx;
  int64_t d = f->model->d;
  WorkMark mark = work_mark(work);
  Asked a;
  translate(f, work, q, &a);
  float *out = SCRATCH(work, float, q->rows *d);
  EbbStatus status = forward_eval(f->forward, work, &a.rows, out);
  if (status == EBB_OK) answer(&a, 0, q->rows, out, xhat);
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
    tz[i] = (float)(link_of(&a, i / (k * d), i % d)->scale * (v != NULL ? v[i] : unit));
  }
  EbbStatus status = forward_jvp(f->forward, work, &a.rows, k, tz, NULL, out, tout);
  if (status == EBB_OK) {
    for (int64_t i = 0; i < n * k * d; i++) {
      const Link *link = link_of(&a, i / (k * d), i % d);
      double unit = i % d == i / d % k ? 1 : 0;
      jv[i] = link->skip * (v != NULL ? v[i] : unit) + link->gain * (double)tout[i];
    }
    answer(&a, 0, n, out, xhat);
  }
  work_reset(work, mark);
  return status;
}

/* The caller's cotangent of xhat becomes the network's. */
typedef struct Pull {
  const Asked *asked;
  int64_t d;
  EbbCotangent cotangent;
  void *ctx;
  double *xhat, *u; /* [rows][d] */
} Pull;

static EbbStatus pull(void *ctx, int64_t first, int64_t rows, const float *out, float *du) {
  const Pull *p = ctx;
  answer(p->asked, first, rows, out, p->xhat);
  EbbStatus status = p->cotangent(p->ctx, first, rows, p->xhat + first * p->d, p->u + first * p->d);
  for (int64_t i = 0; i < rows * p->d; i++) du[i] = (float)(link_of(p->asked, first + i / p->d, i % p->d)->gain * p->u[first * p->d + i]);
  return status;
}

static EbbStatus vjp(const EbbField *field, EbbWork *work, const EbbQuery *q, EbbCotangent cotangent, void *ctx, double *xhat, double *uj) {
  const NetworkField *f = field->ctx;
  int64_t d = f->model->d, n = q->rows;
  WorkMark mark = work_mark(work);
  Asked a;
  translate(f, work, q, &a);
  float *out = SCRATCH(work, float, n *d), *dz = SCRATCH(work, float, n *d);
  Pull p = {&a, d, cotangent, ctx, xhat, SCRATCH(work, double, n *d)};
  EbbStatus status = forward_vjp(f->forward, work, &a.rows, pull, &p, out, dz);
  if (status == EBB_OK)
    for (int64_t i = 0; i < n * d; i++) uj[i] = link_of(&a, i / d, i % d)->skip * p.u[i] + link_of(&a, i / d, i % d)->scale * (double)dz[i];
  work_reset(work, mark);
  return status;
}

EbbStatus network_field(Arena *arena, Pool *pool, const Model *m, int64_t sets, const float *value, int64_t n, const EbbLevel *levels,
                        NetworkField *out) {
  *out = (NetworkField){.model = m};
  out->field = (EbbField){sizeof(EbbField), m->needs.result, m->d, out, eval, graph_can_jvp(m->graph) ? jvp : NULL, vjp};
  float *tau = ARENA_ARRAY(arena, float, n);
  out->mean = ARENA_ARRAY(arena, double, sets * m->d);
  for (int64_t i = 0; i < sets; i++) base_mean(&m->base, value + i * m->inputs.n, out->mean + i * m->d);
  for (int64_t i = 0; i < n; i++) tau[i] = (float)schedule_tau(&m->view, levels[i].lambda);
  EbbStatus status = forward_new(arena, m->graph, &out->forward);
  if (status == EBB_OK) status = forward_load(out->forward, pool, m->weights);
  if (status == EBB_OK) status = forward_conditions(out->forward, pool, sets, value);
  if (status == EBB_OK) status = forward_levels(out->forward, pool, n, tau);
  return status;
}
