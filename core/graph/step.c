/* SPDX-License-Identifier: MIT
 *
 * One step on the rows of a frame: forward, backward (VJP), along tangents (JVP). All rows are independent; whatever is computed for one does not
 * depend on how many others there are. */
#include <string.h>

#include "graph/internal.h"

static ConstRows in(const Frame *f, const Step *s, int32_t v) {
  Kind kind = f->graph->kind[v];
  return (ConstRows){f->at[v].at, kind != s->kind && f->shared[kind] ? 0 : f->at[v].stride};
}
static ConstRows constant(Rows r) { return (ConstRows){r.at, r.stride}; }
static float keep_scale(const Step *s) { return (float)(1.0 / (1.0 - s->rate)); }
static bool drops(const Frame *f, const Step *s) { return s->drop >= 0 && f->keep != NULL; }

/* ---- Forward ---- */

static void linear_forward(const Frame *f, const Step *s, int32_t index) {
  const Graph *g = f->graph;
  Rows out = f->at[s->out];
  for (int32_t i = 0; i < s->inputs; i++) {
    ConstRows x = in(f, s, s->input[i]);
    Gemm p = {.m = f->rows[s->kind],
              .n = g->width[s->out],
              .k = g->width[s->input[i]],
              .a = x.at,
              .a_row = x.stride,
              .a_col = 1,
              .b = f->packed->ahead[s->product[i]],
              .c = out.at,
              .c_row = out.stride};
    if (i > 0) {
      p.init = out.at, p.init_row = out.stride;
    } else if (s->init >= 0) {
      ConstRows sum = in(f, s, s->init);
      p.init = sum.at, p.init_row = sum.stride;
    } else {
      p.init = packed_vector(g, f->packed, s->bias);
    }
    if (i == s->inputs - 1) {
      p.act = s->act;
      if (f->pre != NULL && s->act != ACT_NONE) p.pre = f->pre[index].at, p.pre_row = f->pre[index].stride;
      if (drops(f, s)) p.keep = f->keep[s->drop].at, p.keep_row = f->keep[s->drop].stride, p.keep_scale = keep_scale(s);
      for (int32_t j = 0; j < s->adds; j++) {
        ConstRows y = in(f, s, s->add[j]);
        p.add[j] = y.at, p.add_row[j] = y.stride;
      }
    }
    kernels->gemm(&p);
  }
}

/* y = x times the mask and 1/(1 - rate). */
static void drop_rows(const Frame *f, const Step *s, ConstRows x, Rows y) {
  float scale = keep_scale(s);
  for (int64_t i = 0; i < f->rows[s->kind]; i++) {
    const uint8_t *keep = f->keep[s->drop].at + i * f->keep[s->drop].stride;
    const float *u = x.at + i * x.stride;
    float *w = y.at + i * y.stride;
    for (int64_t j = 0; j < f->graph->width[s->out]; j++) w[j] = u[j] * ((float)keep[j] * scale);
  }
}

void step_forward(const Frame *f, const Step *s) {
  const Graph *g = f->graph;
  const Node *n = &g->node[s->node];
  int64_t rows = f->rows[s->kind], width = g->width[s->out];
  int32_t index = (int32_t)(s - g->step);
  Rows y = f->at[s->out];
  if (rows == 0) return;
  if (s->op == OP_LINEAR) {
    linear_forward(f, s, index);
    return;
  }
  ConstRows x = in(f, s, s->input[0]);
  switch (s->op) {
  case OP_ADD: add_forward(rows, width, x, in(f, s, s->input[1]), y); break;
  case OP_MUL: mul_forward(rows, width, x, in(f, s, s->input[1]), y); break;
  case OP_SCALE: scale_forward(rows, width, (float)n->factor, (float)n->shift, x, y); break;
  case OP_SLICE: copy_rows(rows, width, (ConstRows){x.at + n->first, x.stride}, y, false); break;
  case OP_CONCAT:
    for (int32_t i = 0; i < s->inputs; i++) {
      copy_rows(rows, g->width[s->input[i]], in(f, s, s->input[i]), y, false);
      y.at += g->width[s->input[i]];
    }
    break;
  case OP_ACT:
    for (int64_t i = 0; i < rows; i++) kernels->act(s->act, width, x.at + i * x.stride, y.at + i * y.stride);
    break;
  case OP_LAYERNORM:
    kernels->layernorm(rows, width, x.at, x.stride, packed_vector(g, f->packed, n->weight), packed_vector(g, f->packed, n->bias), y.at, y.stride,
                       f->stats != NULL ? f->stats[index] : NULL);
    break;
  case OP_EMBED: embed_forward(rows, (width - 1) / 2, (float)n->factor, packed_vector(g, f->packed, n->weight), x, y); break;
  case OP_DROPOUT:
    if (drops(f, s))
      drop_rows(f, s, x, y);
    else
      copy_rows(rows, width, x, y, false);
    break;
  default: break;
  }
}

/* ---- Backward ---- */

bool step_has_delta(const Step *s) { return s->op == OP_LINEAR && (s->act != ACT_NONE || s->drop >= 0); }

/* grad[v] += u. The first u is not copied: it stands where its giver has it, who does not touch it any more. */
static void give(const Frame *f, Backward *b, const Step *s, int32_t v, Rows u) {
  if (!b->want[v]) return;
  int64_t rows = f->rows[s->kind], width = f->graph->width[v];
  if (b->grad[v].at == NULL) {
    b->grad[v] = u;
  } else if (b->grad[v].at == b->own[v].at) {
    copy_rows(rows, width, constant(u), b->own[v], true);
  } else {
    add_forward(rows, width, constant(b->grad[v]), constant(u), b->own[v]);
    b->grad[v] = b->own[v];
  }
}

/* Where a gradient of v may be written: its own place if nothing is there yet, else scratch; then it is given. */
static Rows room_for(const Frame *f, const Backward *b, const Step *s, int32_t v, EbbWork *work) {
  if (b->grad[v].at == NULL) return b->own[v];
  int64_t stride = f->graph->stride[v];
  return (Rows){work_alloc(work, (size_t)(f->rows[s->kind] * stride) * sizeof(float)), stride};
}

/* delta = act'(pre) mask dy */
static Rows linear_delta(const Frame *f, const Step *s, int32_t index, const Backward *b) {
  Rows dy = b->grad[s->out], delta = b->own_delta[index];
  int64_t width = f->graph->width[s->out];
  bool masked = drops(f, s);
  if (!step_has_delta(s)) return dy;
  if (s->act == ACT_NONE && !masked) copy_rows(f->rows[s->kind], width, constant(dy), delta, false);
  float scale = masked ? keep_scale(s) : 1;
  for (int64_t i = 0; i < f->rows[s->kind]; i++) {
    const float *u = dy.at + i * dy.stride;
    float *w = delta.at + i * delta.stride;
    if (masked) {
      const uint8_t *keep = f->keep[s->drop].at + i * f->keep[s->drop].stride;
      for (int64_t j = 0; j < width; j++) w[j] = u[j] * ((float)keep[j] * scale);
      u = w;
    }
    if (s->act != ACT_NONE) kernels->act_vjp(s->act, width, f->pre[index].at + i * f->pre[index].stride, u, w);
  }
  return delta;
}

static void linear_backward(const Frame *f, const Step *s, int32_t index, Backward *b) {
  const Graph *g = f->graph;
  for (int32_t j = 0; j < s->adds; j++) give(f, b, s, s->add[j], b->grad[s->out]);
  Rows delta = b->delta[index] = linear_delta(f, s, index, b);
  if (s->init >= 0) give(f, b, s, s->init, delta);
  for (int32_t i = 0; i < s->inputs; i++) {
    int32_t v = s->input[i];
    if (!b->want[v]) continue;
    Gemm p = {.m = f->rows[s->kind],
              .n = g->width[v],
              .k = g->width[s->out],
              .a = delta.at,
              .a_row = delta.stride,
              .a_col = 1,
              .b = f->packed->back[s->product[i]],
              .init = b->grad[v].at,
              .init_row = b->grad[v].stride,
              .c = b->own[v].at,
              .c_row = b->own[v].stride};
    if (p.m > 0) kernels->gemm(&p);
    b->grad[v] = b->own[v];
  }
}

void step_backward(const Frame *f, const Step *s, Backward *b, EbbWork *work) {
  const Graph *g = f->graph;
  const Node *n = &g->node[s->node];
  int32_t index = (int32_t)(s - g->step);
  if (!b->want[s->out] || b->grad[s->out].at == NULL) return;
  if (s->op == OP_LINEAR) {
    linear_backward(f, s, index, b);
    return;
  }
  int64_t rows = f->rows[s->kind], width = g->width[s->out];
  Rows dy = b->grad[s->out], dx;
  WorkMark mark = work_mark(work);
  for (int32_t i = 0; i < s->inputs; i++) {
    int32_t v = s->input[i];
    if (!b->want[v]) continue;
    ConstRows x = in(f, s, v);
    switch (s->op) {
    case OP_ADD: give(f, b, s, v, dy); continue;
    case OP_CONCAT: {
      Rows part = dy;
      for (int32_t j = 0; j < i; j++) part.at += g->width[s->input[j]];
      give(f, b, s, v, part);
      continue;
    }
    case OP_SLICE: /* elsewhere the gradient is zero */
      dx = room_for(f, b, s, v, work);
      for (int64_t r = 0; r < rows; r++) memset(dx.at + r * dx.stride, 0, (size_t)g->width[v] * sizeof(float));
      copy_rows(rows, width, constant(dy), (Rows){dx.at + n->first, dx.stride}, false);
      break;
    case OP_MUL:
      dx = room_for(f, b, s, v, work);
      mul_vjp(rows, width, in(f, s, s->input[1 - i]), constant(dy), dx, false);
      break;
    case OP_SCALE:
      dx = room_for(f, b, s, v, work);
      scale_forward(rows, width, (float)n->factor, 0, constant(dy), dx);
      break;
    case OP_ACT:
      dx = room_for(f, b, s, v, work);
      for (int64_t r = 0; r < rows; r++) kernels->act_vjp(s->act, width, x.at + r * x.stride, dy.at + r * dy.stride, dx.at + r * dx.stride);
      break;
    case OP_LAYERNORM:
      dx = room_for(f, b, s, v, work);
      if (rows > 0)
        kernels->layernorm_vjp(rows, width, x.at, x.stride, f->stats[index], packed_vector(g, f->packed, n->weight), dy.at, dy.stride, dx.at,
                               dx.stride);
      break;
    case OP_DROPOUT:
      dx = room_for(f, b, s, v, work);
      if (drops(f, s))
        drop_rows(f, s, constant(dy), dx);
      else /* not passed on: where a gradient stands must not depend on the noise */
        copy_rows(rows, width, constant(dy), dx, false);
      break;
    default: continue; /* the level itself: nobody asks */
    }
    give(f, b, s, v, dx);
  }
  work_reset(work, mark);
}

/* ---- Along tangents ---- */

static void zero_rows(int64_t rows, int64_t width, Rows y) {
  for (int64_t i = 0; i < rows; i++) memset(y.at + i * y.stride, 0, (size_t)width * sizeof(float));
}

static void linear_tangent(const Frame *f, const Step *s, int32_t index, const Tangents *t) {
  const Graph *g = f->graph;
  int64_t rows = f->rows[s->kind], k = t->k, width = g->width[s->out];
  Rows y = t->at[s->out];
  const float *init = NULL;
  int64_t init_row = 0;
  if (s->init >= 0 && t->has[s->init]) init = t->at[s->init].at, init_row = t->at[s->init].stride;
  bool any = false;
  for (int32_t i = 0; i < s->inputs; i++) {
    int32_t v = s->input[i];
    if (!t->has[v]) continue;
    Gemm p = {.m = rows * k,
              .n = width,
              .k = g->width[v],
              .a = t->at[v].at,
              .a_row = t->at[v].stride,
              .a_col = 1,
              .b = f->packed->ahead[s->product[i]],
              .init = init,
              .init_row = init_row,
              .c = y.at,
              .c_row = y.stride};
    kernels->gemm(&p);
    init = y.at, init_row = y.stride;
    any = true;
  }
  if (!any) zero_rows(rows * k, width, y); /* a partial sum that has a tangent never stands alone: what is added to it depends on the level or z */
  for (int64_t i = 0; i < rows * k && s->act != ACT_NONE; i++)
    kernels->act_vjp(s->act, width, f->pre[index].at + i / k * f->pre[index].stride, y.at + i * y.stride, y.at + i * y.stride);
  for (int32_t j = 0; j < s->adds; j++)
    if (t->has[s->add[j]]) copy_rows(rows * k, width, constant(t->at[s->add[j]]), y, true);
}

static void mul_tangent(const Frame *f, const Step *s, const Tangents *t) {
  int64_t k = t->k, width = f->graph->width[s->out];
  int32_t u = s->input[0], v = s->input[1];
  ConstRows x[2] = {in(f, s, u), in(f, s, v)};
  for (int64_t r = 0; r < f->rows[s->kind]; r++) {
    Rows y = {t->at[s->out].at + r * k * t->at[s->out].stride, t->at[s->out].stride};
    ConstRows a = {x[0].at + r * x[0].stride, 0}, b = {x[1].at + r * x[1].stride, 0};
    ConstRows ta = {t->at[u].at + r * k * t->at[u].stride, t->at[u].stride}, tb = {t->at[v].at + r * k * t->at[v].stride, t->at[v].stride};
    if (t->has[u] && t->has[v])
      mul_jvp(k, width, a, ta, b, tb, y);
    else
      mul_forward(k, width, t->has[u] ? ta : tb, t->has[u] ? b : a, y);
  }
}

void step_tangent(const Frame *f, const Step *s, const Tangents *t) {
  const Graph *g = f->graph;
  const Node *n = &g->node[s->node];
  if (!t->has[s->out]) return;
  int64_t rows = f->rows[s->kind], k = t->k, width = g->width[s->out];
  int32_t index = (int32_t)(s - g->step), v = s->inputs > 0 ? s->input[0] : -1;
  Rows y = t->at[s->out];
  switch (s->op) {
  case OP_LINEAR: linear_tangent(f, s, index, t); return;
  case OP_MUL: mul_tangent(f, s, t); return;
  case OP_ADD:
    if (t->has[v])
      copy_rows(rows * k, width, constant(t->at[v]), y, false);
    else
      zero_rows(rows * k, width, y);
    if (t->has[s->input[1]]) copy_rows(rows * k, width, constant(t->at[s->input[1]]), y, true);
    return;
  case OP_SCALE: scale_forward(rows * k, width, (float)n->factor, 0, constant(t->at[v]), y); return;
  case OP_SLICE: copy_rows(rows * k, width, (ConstRows){t->at[v].at + n->first, t->at[v].stride}, y, false); return;
  case OP_DROPOUT: copy_rows(rows * k, width, constant(t->at[v]), y, false); return;
  case OP_CONCAT:
    for (int32_t i = 0; i < s->inputs; i++) {
      int32_t u = s->input[i];
      if (t->has[u])
        copy_rows(rows * k, g->width[u], constant(t->at[u]), y, false);
      else
        zero_rows(rows * k, g->width[u], y);
      y.at += g->width[u];
    }
    return;
  default: break;
  }
  /* What is not linear in its one input: row by row, since the k tangents of a row share its numbers. */
  ConstRows x = in(f, s, v), tx = constant(t->at[v]);
  for (int64_t i = 0; i < rows * k; i++) {
    const float *xi = x.at + i / k * x.stride, *ti = tx.at + i * tx.stride;
    float *yi = y.at + i * y.stride;
    if (s->op == OP_ACT)
      kernels->act_vjp(s->act, width, xi, ti, yi);
    else if (s->op == OP_LAYERNORM)
      kernels->layernorm_jvp(1, width, xi, 0, f->stats[index] + 2 * (i / k), packed_vector(g, f->packed, n->weight), ti, 0, yi, 0);
    else
      embed_jvp(1, (width - 1) / 2, (float)n->factor, packed_vector(g, f->packed, n->weight), (ConstRows){xi, 0}, (ConstRows){ti, 0}, (Rows){yi, 0});
  }
}
