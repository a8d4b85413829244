/* SPDX-License-Identifier: MIT
 *
 * Derivatives of trained networks at rows: k tangents forward (JVP), one cotangent backward (VJP, with respect to z). Tiles as in forward.c, with
 * storage in which no step writes over what its derivative reads. */
#include <string.h>

#include "graph/internal.h"

/* What a derivative needs of each step beside its output: the activation's argument, the norm's mean and deviation. steps: places of their own
 * for each step; else one place for all, overwritten by the next. */
static void keep_insides(Frame *f, EbbWork *work, int64_t rows, bool each) {
  const Graph *g = f->graph;
  f->pre = work_alloc(work, (size_t)g->steps * sizeof *f->pre);
  f->stats = work_alloc(work, (size_t)g->steps * sizeof *f->stats);
  int64_t widest = 0;
  for (int32_t v = 0; v < g->values; v++)
    if (g->stride[v] > widest) widest = g->stride[v];
  float *pre = NULL, *stats = NULL;
  if (!each) {
    pre = work_alloc(work, (size_t)(rows * widest) * sizeof *pre);
    stats = work_alloc(work, (size_t)rows * 2 * sizeof *stats);
  }
  for (int32_t i = 0; i < g->steps; i++) {
    const Step *s = &g->step[i];
    int64_t stride = g->stride[s->out];
    bool acts = s->op == OP_LINEAR && s->act != ACT_NONE;
    f->pre[i] = (Rows){each && acts ? work_alloc(work, (size_t)(rows * stride) * sizeof(float)) : pre, stride};
    f->stats[i] = each && s->op == OP_LAYERNORM ? work_alloc(work, (size_t)rows * 2 * sizeof(float)) : stats;
  }
}

EbbStatus forward_jvp(const Forward *f, EbbWork *work, const ForwardRows *r, int64_t k, const float *tz, const float *ttau, float *out, float *tout) {
  if (k < 1) return forward_eval(f, work, r, out);
  const Graph *g = f->graph;
  int64_t dim = g->width[g->out], most = 2 * g->tile / (1 + k);
  if (most < 1) most = 1;
  if (most > r->rows) most = r->rows;
  WorkMark mark = work_mark(work);
  Tile t;
  tile_new(f, work, &g->apart, most, &t);
  keep_insides(&t.frame, work, most, false);
  bool *has = work_alloc(work, (size_t)g->values * sizeof *has);
  Rows *at = work_alloc(work, (size_t)g->values * sizeof *at);
  float *registers = work_alloc(work, (size_t)(g->apart.floats * most * k) * sizeof *registers);
  for (int32_t v = 0; v < g->values; v++) {
    has[v] = g->want[GRADIENT_INPUT][v] || (ttau != NULL && g->by_level[v]);
    at[v] = g->apart.offset[v] < 0 ? (Rows){NULL, 0} : (Rows){registers + g->apart.offset[v] * most * k, g->stride[v]};
  }
  Tangents tangents = {k, at, has};
  EbbStatus status = EBB_OK;
  for (int64_t first = 0; first < r->rows && status == EBB_OK; first += most) {
    int64_t n = r->rows - first < most ? r->rows - first : most;
    status = tile_open(&t, r, first, n, ttau != NULL);
    if (status != EBB_OK) break;
    at[g->inputs.z] = (Rows){(float *)tz + first * k * dim, dim};
    if (ttau != NULL) at[g->inputs.lambda] = (Rows){(float *)ttau + first * k, 1};
    for (int32_t s = 0; s < g->steps; s++) {
      tile_step(&t, &g->step[s]);
      step_tangent(&t.frame, &g->step[s], &tangents);
    }
    copy_rows(n, dim, tile_out(&t), (Rows){out + first * dim, dim}, false);
    Rows to = {tout + first * k * dim, dim};
    if (has[g->out])
      copy_rows(n * k, dim, (ConstRows){at[g->out].at, at[g->out].stride}, to, false);
    else
      memset(to.at, 0, (size_t)(n * k * dim) * sizeof(float));
  }
  work_reset(work, mark);
  return status;
}

/* Places for gradients of `rows` rows. */
static Backward backward_new(const Graph *g, EbbWork *work, int64_t rows) {
  Backward b = {.want = g->want[GRADIENT_INPUT],
                .grad = work_alloc(work, (size_t)g->values * sizeof(Rows)),
                .own = work_alloc(work, (size_t)g->values * sizeof(Rows)),
                .delta = work_alloc(work, (size_t)g->steps * sizeof(Rows)),
                .own_delta = work_alloc(work, (size_t)g->steps * sizeof(Rows))};
  for (int32_t v = 0; v < g->values; v++)
    b.own[v] = (Rows){b.want[v] ? work_alloc(work, (size_t)(rows * g->stride[v]) * sizeof(float)) : NULL, g->stride[v]};
  for (int32_t i = 0; i < g->steps; i++) {
    const Step *s = &g->step[i];
    bool own = step_has_delta(s) && b.want[s->out];
    b.own_delta[i] = (Rows){own ? work_alloc(work, (size_t)(rows * g->stride[s->out]) * sizeof(float)) : NULL, g->stride[s->out]};
  }
  return b;
}

EbbStatus forward_vjp(const Forward *f, EbbWork *work, const ForwardRows *r, ForwardCotangent cotangent, void *ctx, float *out, float *dz) {
  enum { FLOATS = 1 << 20, LEAST = 12 };
  const Graph *g = f->graph;
  int64_t dim = g->width[g->out], most = FLOATS / (3 * g->keep.floats) / LEAST * LEAST;
  if (most < LEAST) most = LEAST;
  if (most > r->rows) most = r->rows;
  WorkMark mark = work_mark(work);
  Tile t;
  tile_new(f, work, &g->keep, most, &t);
  keep_insides(&t.frame, work, most, true);
  Backward b = backward_new(g, work, most);
  float *u = work_alloc(work, (size_t)(most * dim) * sizeof *u);
  EbbStatus status = EBB_OK;
  for (int64_t first = 0; first < r->rows && status == EBB_OK; first += most) {
    int64_t n = r->rows - first < most ? r->rows - first : most;
    status = tile_open(&t, r, first, n, false);
    for (int32_t s = 0; s < g->steps && status == EBB_OK; s++) tile_step(&t, &g->step[s]);
    if (status != EBB_OK) break;
    copy_rows(n, dim, tile_out(&t), (Rows){out + first * dim, dim}, false);
    status = cotangent(ctx, first, n, out + first * dim, u);
    for (int32_t v = 0; v < g->values; v++) b.grad[v] = (Rows){NULL, 0};
    b.grad[g->out] = (Rows){u, dim};
    for (int32_t s = g->steps - 1; s >= 0 && status == EBB_OK; s--) step_backward(&t.frame, &g->step[s], &b, work);
    Rows to = {dz + first * dim, dim}, from = b.grad[g->inputs.z];
    if (from.at != NULL)
      copy_rows(n, dim, (ConstRows){from.at, from.stride}, to, false);
    else
      memset(to.at, 0, (size_t)(n * dim) * sizeof(float));
  }
  work_reset(work, mark);
  return status;
}
