/* SPDX-License-Identifier: MIT
 *
 * One batch forward and backward. Everything a row computes is kept, each value in its own matrix [batch][stride]; rows are split among threads in
 * any way. Then the weights' gradients: part by part, each element one sum over the batch's rows in order. */
#include <stdatomic.h>
#include <string.h>

#include "graph/internal.h"

struct Trainer {
  const Graph *graph;
  int64_t batch, rows, tile;
  atomic_bool noisy; /* whether the forward pass had noise: the same for all rows of a step */
  Packed packed;
  Frame frame;       /* of the whole batch */
  Backward backward; /* likewise; grad and delta say where the finished gradients are */
  Forward now;       /* the same packed weights */
};

static Rows matrix(Arena *a, int64_t rows, int64_t stride) { return (Rows){ARENA_ARRAY(a, float, rows *stride), stride}; }

/* Backward through all steps of a frame, from the output's gradient. */
static void back(const Frame *f, Backward *b, EbbWork *work) {
  const Graph *g = f->graph;
  for (int32_t v = 0; v < g->values; v++) b->grad[v] = (Rows){NULL, 0};
  b->grad[g->out] = b->own[g->out];
  for (int32_t s = g->steps - 1; s >= 0; s--) step_backward(f, &g->step[s], b, work);
}

EbbStatus trainer_new(Arena *a, const Graph *g, int64_t batch, Trainer **out) {
  enum { FLOATS = 3 << 18, LEAST = 48 };
  if (g->steps == 0) return fail(EBB_E_UNSUPPORTED, "the graph is not finished");
  if (batch < 1) return fail(EBB_E_SHAPE, "a batch of %lld rows; at least 1 is needed", (long long)batch);
  Trainer *t = ARENA_NEW(a, Trainer);
  t->graph = g;
  t->batch = t->rows = batch;
  t->tile = FLOATS / g->keep.floats / LEAST * LEAST;
  if (t->tile < LEAST) t->tile = LEAST;
  packed_new(a, g, &t->packed);
  t->now = (Forward){.graph = g, .arena = a, .packed = t->packed, .loaded = true};
  t->frame = (Frame){.graph = g,
                     .packed = &t->packed,
                     .at = ARENA_ARRAY(a, Rows, g->values),
                     .pre = ARENA_ARRAY(a, Rows, g->steps),
                     .stats = ARENA_ARRAY(a, float *, g->steps),
                     .keep = ARENA_ARRAY(a, Keep, g->drops)};
  t->backward = (Backward){.want = g->want[GRADIENT_WEIGHTS],
                           .grad = ARENA_ARRAY(a, Rows, g->values),
                           .own = ARENA_ARRAY(a, Rows, g->values),
                           .delta = ARENA_ARRAY(a, Rows, g->steps),
                           .own_delta = ARENA_ARRAY(a, Rows, g->steps)};
  Rows *at = t->frame.at;
  for (int32_t v = 0; v < g->values; v++)
    if (g->keep.offset[v] >= 0 || (v < g->nodes && g->node[v].op == OP_INPUT)) at[v] = matrix(a, batch, g->stride[v]);
  for (int32_t v = 0; v < g->values; v++)
    if (at[v].at != NULL && t->backward.want[v]) t->backward.own[v] = matrix(a, batch, g->stride[v]);
  if (t->backward.own[g->out].at == NULL) t->backward.own[g->out] = matrix(a, batch, g->stride[g->out]);
  for (int32_t i = 0; i < g->steps; i++) {
    const Step *s = &g->step[i];
    if (s->op == OP_LINEAR && s->act != ACT_NONE) t->frame.pre[i] = matrix(a, batch, g->stride[s->out]);
    if (s->op == OP_LAYERNORM) t->frame.stats[i] = ARENA_ARRAY(a, float, 2 * batch);
    if (step_has_delta(s)) t->backward.own_delta[i] = matrix(a, batch, g->stride[s->out]);
    if (s->drop >= 0) t->frame.keep[s->drop] = (Keep){ARENA_ARRAY(a, uint8_t, batch * g->stride[s->out]), g->stride[s->out]};
  }
  /* A pass over no rows shows where each gradient will stand. */
  EbbWork *work = work_new();
  back(&t->frame, &t->backward, work);
  work_free(work);
  *out = t;
  return EBB_OK;
}

TrainerRows trainer_rows(Trainer *t) {
  const Graph *g = t->graph;
  const EbbInputs *in = &g->inputs;
  Rows z = t->frame.at[in->z], tau = t->frame.at[in->lambda], value = in->value >= 0 ? t->frame.at[in->value] : (Rows){NULL, 0};
  return (TrainerRows){.z = z.at,
                       .tau = tau.at,
                       .value = value.at,
                       .z_row = z.stride,
                       .tau_row = tau.stride,
                       .value_row = value.stride,
                       .out = t->frame.at[g->out].at,
                       .dout = t->backward.own[g->out].at,
                       .out_row = g->stride[g->out]};
}

void trainer_rows_used(Trainer *t, int64_t rows) { t->rows = rows < t->batch ? rows : t->batch; }

static void *copy(EbbWork *work, const void *from, size_t bytes) {
  void *to = work_alloc(work, bytes);
  if (bytes > 0) memcpy(to, from, bytes);
  return to;
}
static Rows *shifted(EbbWork *work, const Rows *from, int32_t n, int64_t row) {
  Rows *to = copy(work, from, (size_t)n * sizeof *to);
  for (int32_t i = 0; i < n; i++)
    if (to[i].at != NULL) to[i].at += row * to[i].stride;
  return to;
}

/* The frame's rows [first, first + n). */
static Frame part_of(const Trainer *t, EbbWork *work, int64_t first, int64_t n, bool noise) {
  const Graph *g = t->graph;
  Frame f = t->frame;
  for (int kind = 0; kind < KINDS; kind++) f.rows[kind] = n;
  f.at = shifted(work, f.at, g->values, first);
  f.pre = shifted(work, f.pre, g->steps, first);
  f.stats = copy(work, f.stats, (size_t)g->steps * sizeof *f.stats);
  for (int32_t i = 0; i < g->steps; i++)
    if (f.stats[i] != NULL) f.stats[i] += 2 * first;
  f.keep = noise ? copy(work, f.keep, (size_t)g->drops * sizeof *f.keep) : NULL;
  for (int32_t i = 0; noise && i < g->drops; i++) f.keep[i].at += first * f.keep[i].stride;
  return f;
}

static EbbStatus check_rows(const Trainer *t, int64_t first, int64_t n) {
  if (first >= 0 && n >= 0 && first <= t->rows - n) return EBB_OK;
  return fail(EBB_E_SHAPE, "rows %lld to %lld of a batch of %lld", (long long)first, (long long)(first + n - 1), (long long)t->rows);
}

EbbStatus trainer_forward(Trainer *t, EbbWork *work, const TrainerNoise *noise, int64_t first, int64_t n) {
  const Graph *g = t->graph;
  EbbStatus status = check_rows(t, first, n);
  if (status != EBB_OK) return status;
  atomic_store_explicit(&t->noisy, noise != NULL, memory_order_relaxed);
  for (int64_t end = first + n; first < end; first += t->tile) {
    int64_t rows = end - first < t->tile ? end - first : t->tile;
    WorkMark mark = work_mark(work);
    Frame f = part_of(t, work, first, rows, noise != NULL);
    for (int32_t i = 0; i < g->steps; i++) {
      const Step *s = &g->step[i];
      if (noise != NULL && s->drop >= 0)
        random_keep(noise->rng, rows, noise->id + first, noise->draw + first, (uint32_t)s->drop, g->width[s->out], s->rate, f.keep[s->drop].at,
                    f.keep[s->drop].stride);
      step_forward(&f, s);
    }
    work_reset(work, mark);
  }
  return EBB_OK;
}

EbbStatus trainer_twin(const Trainer *t, EbbWork *work, const TrainerNoise *noise, int64_t first, int64_t n, const float *z, const float *tau,
                       float *out) {
  const Graph *g = t->graph;
  const EbbInputs *in = &g->inputs;
  int64_t dim = g->width[g->out];
  EbbStatus status = check_rows(t, first, n);
  for (int64_t begin = 0; begin < n && status == EBB_OK; begin += t->tile) {
    int64_t rows = n - begin < t->tile ? n - begin : t->tile, row = first + begin;
    WorkMark mark = work_mark(work);
    Frame f = {.graph = g, .packed = &t->packed, .at = work_alloc(work, (size_t)g->values * sizeof(Rows))};
    float *registers = work_alloc(work, (size_t)(g->lean.floats * rows) * sizeof *registers);
    for (int kind = 0; kind < KINDS; kind++) f.rows[kind] = rows;
    for (int32_t v = 0; v < g->values; v++)
      f.at[v] = g->lean.offset[v] < 0 ? (Rows){NULL, 0} : (Rows){registers + g->lean.offset[v] * rows, g->stride[v]};
    f.at[in->z] = (Rows){(float *)z + begin * dim, dim};
    f.at[in->lambda] = (Rows){(float *)tau + begin, 1};
    if (in->value >= 0) f.at[in->value] = (Rows){t->frame.at[in->value].at + row * t->frame.at[in->value].stride, t->frame.at[in->value].stride};
    if (noise != NULL) f.keep = work_alloc(work, (size_t)(g->drops + 1) * sizeof *f.keep);
    for (int32_t i = 0; i < g->steps; i++) {
      const Step *s = &g->step[i];
      if (noise != NULL && s->drop >= 0) {
        f.keep[s->drop] = (Keep){work_alloc(work, (size_t)(rows * g->stride[s->out])), g->stride[s->out]};
        random_keep(noise->rng, rows, noise->id + row, noise->draw + row, (uint32_t)s->drop, g->width[s->out], s->rate, f.keep[s->drop].at,
                    f.keep[s->drop].stride);
      }
      step_forward(&f, s);
    }
    Rows y = f.at[g->out];
    copy_rows(rows, dim, (ConstRows){y.at, y.stride}, (Rows){out + begin * dim, dim}, false);
    work_reset(work, mark);
  }
  return status;
}

const Forward *trainer_weights_now(const Trainer *t) { return &t->now; }

EbbStatus trainer_backward(Trainer *t, EbbWork *work, int64_t first, int64_t n) {
  const Graph *g = t->graph;
  EbbStatus status = check_rows(t, first, n);
  if (status != EBB_OK) return status;
  bool noise = atomic_load_explicit(&t->noisy, memory_order_relaxed);
  for (int64_t end = first + n; first < end; first += t->tile) {
    int64_t rows = end - first < t->tile ? end - first : t->tile;
    WorkMark mark = work_mark(work);
    Frame f = part_of(t, work, first, rows, noise);
    Backward b = {.want = t->backward.want,
                  .grad = work_alloc(work, (size_t)g->values * sizeof(Rows)),
                  .own = shifted(work, t->backward.own, g->values, first),
                  .delta = work_alloc(work, (size_t)g->steps * sizeof(Rows)),
                  .own_delta = shifted(work, t->backward.own_delta, g->steps, first)};
    back(&f, &b, work);
    work_reset(work, mark);
  }
  return EBB_OK;
}

/* ---- Weights ---- */

int64_t trainer_parts(const Trainer *t) { return t->graph->parts; }

void trainer_part_range(const Trainer *t, int64_t part, int64_t *offset, int64_t *count, bool *decay) {
  const Part *p = &t->graph->part[part];
  *offset = p->offset;
  *count = p->count;
  *decay = p->decay;
}

/* dW[o][c] = sum over the batch of delta[o] x[c]: the product of delta' with x, one an input. */
static void matrix_gradient(const Trainer *t, const Part *p, float *grad) {
  const Graph *g = t->graph;
  const Tensor *w = &g->tensor[p->tensor];
  for (int32_t i = 0; i < g->products; i++) {
    const Product *q = &g->product[i];
    if (q->tensor != p->tensor) continue;
    Rows x = t->frame.at[q->value], delta = t->backward.delta[q->step];
    Gemm product = {.m = p->last - p->first,
                    .n = q->k,
                    .k = t->rows,
                    .a = delta.at + p->first,
                    .a_row = 1,
                    .a_col = delta.stride,
                    .b = x.at,
                    .b_row = x.stride,
                    .c = grad + w->offset + p->first * w->columns + q->column,
                    .c_row = w->columns};
    kernels->gemm(&product);
  }
}

static void vector_gradient(const Trainer *t, int32_t tensor, float *grad) {
  const Graph *g = t->graph;
  const Step *s = &g->step[g->tensor_step[tensor]];
  const Node *n = &g->node[s->node];
  float *to = grad + g->tensor[tensor].offset;
  int64_t width = g->tensor[tensor].count;
  Rows x = t->frame.at[s->input[0]], dy = s->op == OP_LINEAR ? t->backward.delta[s - g->step] : t->backward.grad[s->out];
  switch (s->op) {
  case OP_LINEAR: kernels->column_sum(t->rows, 0, width, dy.at, dy.stride, to); break;
  case OP_LAYERNORM: /* gain and shift at once, at the gain */
    if (tensor == n->weight)
      kernels->layernorm_weights(t->rows, 0, width, x.at, x.stride, t->frame.stats[s - g->step], dy.at, dy.stride, to,
                                 grad + g->tensor[n->bias].offset);
    break;
  default:
    memset(to, 0, (size_t)width * sizeof *to);
    embed_vjp(t->rows, width, (float)n->factor, packed_vector(g, &t->packed, tensor), (ConstRows){x.at, x.stride}, (ConstRows){dy.at, dy.stride},
              NULL, to);
  }
}

EbbStatus trainer_weights(Trainer *t, EbbWork *work, int64_t part, float *grad, double *square) {
  const Graph *g = t->graph;
  const Part *p = &g->part[part];
  (void)work;
  if (p->tensors == 0) matrix_gradient(t, p, grad);
  for (int32_t i = p->tensor; i < p->tensor + p->tensors; i++) {
    const Tensor *v = &g->tensor[i];
    if (v->columns > 0) continue; /* matrices among them lie elsewhere */
    vector_gradient(t, i, grad);
    for (int64_t end = v->offset + v->count; end < p->offset + p->count && end % 16 != 0; end++) grad[end] = 0;
  }
  *square = kernels->square_sum(p->count, grad + p->offset);
  return EBB_OK;
}

EbbStatus trainer_pack(Trainer *t, EbbWork *work, int64_t part, const float *weights) {
  (void)work;
  pack_part(t->graph, &t->packed, (int32_t)part, weights);
  return EBB_OK;
}
