/* SPDX-License-Identifier: MIT
 *
 * Trained weights at work: packing, what is hoisted, and tiles of rows through the whole graph.
 *
 * In a tile, the values of each kind come from one of three places: computed row by row, computed once (a level that all rows share), or fetched from
 * the cache of what was hoisted. A shared row is read with stride 0; rows of different sets or levels are gathered into the tile where the step that
 * would compute them stands. All of these read the same numbers in the same order of sums. */
#include <string.h>

#include "graph/internal.h"

EbbStatus forward_new(Arena *a, const Graph *g, Forward **out) {
  if (g->steps == 0) return fail(EBB_E_UNSUPPORTED, "the graph is not finished");
  Forward *f = ARENA_NEW(a, Forward);
  f->graph = g;
  f->arena = a;
  packed_new(a, g, &f->packed);
  for (int kind = 0; kind < ROW; kind++) f->cache[kind].at = ARENA_ARRAY(a, float *, g->values);
  *out = f;
  return EBB_OK;
}

/* On the pool, or on this thread where there is none. */
static EbbStatus run(Pool *pool, int64_t n, PoolTask task, void *ctx) {
  if (pool != NULL) return pool_run(pool, n, task, ctx);
  EbbWork *work = work_new();
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < n && status == EBB_OK; i++) status = task(ctx, work, i);
  work_free(work);
  return status;
}

typedef struct Load {
  Forward *forward;
  const float *weights;
} Load;

static EbbStatus load_part(void *ctx, EbbWork *work, int64_t i) {
  const Load *l = ctx;
  (void)work;
  pack_part(l->forward->graph, &l->forward->packed, (int32_t)i, l->weights);
  return EBB_OK;
}

EbbStatus forward_load(Forward *f, Pool *pool, const float *weights) {
  Load l = {f, weights};
  EbbStatus status = run(pool, f->graph->parts, load_part, &l);
  f->cache[CONDITION].count = f->cache[LEVEL].count = 0;
  f->loaded = status == EBB_OK;
  return status;
}

/* ---- Hoisting ---- */

typedef struct Hoist {
  const Forward *forward;
  Kind kind;
  int64_t count;
  EbbNode input;
  const float *from; /* [count][input's width] */
} Hoist;

static EbbStatus hoist_tile(void *ctx, EbbWork *work, int64_t i) {
  const Hoist *h = ctx;
  const Graph *g = h->forward->graph;
  const Cache *cache = &h->forward->cache[h->kind];
  int64_t first = i * g->tile, n = h->count - first < g->tile ? h->count - first : g->tile, width = g->width[h->input];
  WorkMark mark = work_mark(work);
  Tile t;
  tile_new(h->forward, work, &g->lean, g->tile, &t);
  t.frame.rows[h->kind] = n;
  for (int32_t v = 0; v < g->values; v++) {
    if (g->kind[v] != h->kind) continue;
    if (g->exported[v])
      t.frame.at[v] = (Rows){cache->at[v] + first * g->stride[v], g->stride[v]};
    else if (g->lean.offset[v] >= 0)
      t.frame.at[v] = (Rows){t.registers + g->lean.offset[v] * g->tile, g->stride[v]};
  }
  ConstRows from = {h->from + first * width, width};
  if (g->exported[h->input])
    copy_rows(n, width, from, t.frame.at[h->input], false);
  else
    t.frame.at[h->input] = (Rows){(float *)from.at, width};
  for (int32_t s = 0; s < g->steps; s++)
    if (g->step[s].kind == h->kind) step_forward(&t.frame, &g->step[s]);
  work_reset(work, mark);
  return EBB_OK;
}

static EbbStatus hoist(Forward *f, Pool *pool, Kind kind, EbbNode input, int64_t count, const float *from) {
  const Graph *g = f->graph;
  Cache *cache = &f->cache[kind];
  cache->count = 0;
  if (!f->loaded) return fail(EBB_E_UNSUPPORTED, "conditions and levels can be hoisted only after the weights were loaded");
  for (int32_t v = 0; v < g->values && count > cache->room; v++) {
    if (g->kind[v] != kind || !g->exported[v]) continue;
    cache->at[v] = arena_try(f->arena, (size_t)count * (size_t)g->stride[v] * sizeof(float));
    if (cache->at[v] == NULL) {
      cache->room = 0;
      return fail(EBB_E_MEMORY, "no memory for %lld hoisted %s of %lld numbers; give fewer at a time", (long long)count,
                  kind == CONDITION ? "conditions" : "levels", (long long)g->width[v]);
    }
  }
  if (count > cache->room) cache->room = count;
  if (input >= 0) {
    Hoist h = {f, kind, count, input, from};
    EbbStatus status = run(pool, (count + g->tile - 1) / g->tile, hoist_tile, &h);
    if (status != EBB_OK) return status;
  }
  cache->count = count;
  return EBB_OK;
}

EbbStatus forward_conditions(Forward *f, Pool *pool, int64_t sets, const float *value) {
  return hoist(f, pool, CONDITION, f->graph->inputs.value, sets, value);
}

EbbStatus forward_levels(Forward *f, Pool *pool, int64_t levels, const float *tau) {
  if (levels > f->tau_room) {
    f->tau = ARENA_ARRAY(f->arena, float, levels);
    f->tau_room = levels;
  }
  memcpy(f->tau, tau, (size_t)levels * sizeof *tau);
  return hoist(f, pool, LEVEL, f->graph->inputs.lambda, levels, tau);
}

/* ---- Tiles ---- */

void tile_new(const Forward *f, EbbWork *work, const Storage *storage, int64_t most, Tile *t) {
  *t = (Tile){.forward = f, .storage = storage, .most = most};
  t->frame.graph = f->graph;
  t->frame.packed = &f->packed;
  t->frame.at = work_alloc(work, (size_t)f->graph->values * sizeof *t->frame.at);
  t->registers = work_alloc(work, (size_t)(storage->floats * most) * sizeof(float));
  t->tau = work_alloc(work, (size_t)most * sizeof(float));
}

/* Rows' places in the cache of one kind: shared if they are all the same. */
static EbbStatus look_up(Tile *t, Kind kind, const int32_t *index, int64_t step, int64_t n) {
  const Cache *cache = &t->forward->cache[kind];
  const char *what = kind == CONDITION ? "condition" : "level";
  bool same = true;
  for (int64_t i = 0; i < n; i++) {
    if (index[i * step] < 0 || index[i * step] >= cache->count)
      return fail(EBB_E_SHAPE, "a row asks for hoisted %s %d, of which there are %lld", what, (int)index[i * step], (long long)cache->count);
    if (index[i * step] != index[0]) same = false;
    if (step == 0) break;
  }
  t->cached[kind] = true;
  t->frame.shared[kind] = same;
  t->index[kind] = index;
  return EBB_OK;
}

EbbStatus tile_open(Tile *t, const ForwardRows *r, int64_t first, int64_t n, bool levels_by_row) {
  static const int32_t zero = 0;
  const Forward *f = t->forward;
  const Graph *g = f->graph;
  EbbStatus status = EBB_OK;
  if (!f->loaded) return fail(EBB_E_UNSUPPORTED, "rows can be evaluated only after the weights were loaded");
  for (int kind = 0; kind < KINDS; kind++) t->frame.rows[kind] = n, t->frame.shared[kind] = t->cached[kind] = false;
  for (int32_t v = 0; v < g->values; v++)
    t->frame.at[v] = t->storage->offset[v] < 0 ? (Rows){NULL, 0} : (Rows){t->registers + t->storage->offset[v] * t->most, g->stride[v]};
  int64_t dim = g->width[g->inputs.z];
  t->frame.at[g->inputs.z] = (Rows){(float *)r->z + first * dim, dim};
  if (r->value != NULL && g->inputs.value >= 0) {
    int64_t width = g->width[g->inputs.value];
    t->frame.at[g->inputs.value] = (Rows){(float *)r->value + first * width, width};
  } else if (g->inputs.value >= 0) {
    status = look_up(t, CONDITION, r->set != NULL ? r->set + first : &zero, r->set != NULL, n);
  }
  if (status != EBB_OK) return status;
  if (r->level != NULL) {
    const int32_t *level = r->level + first * r->level_step;
    status = look_up(t, LEVEL, level, r->level_step, n);
    if (status != EBB_OK) return status;
    if (levels_by_row) {
      for (int64_t i = 0; i < n; i++) t->tau[i] = f->tau[level[i * r->level_step]];
      t->frame.at[g->inputs.lambda] = (Rows){t->tau, 1};
      t->cached[LEVEL] = t->frame.shared[LEVEL] = false;
    }
  } else {
    if (r->tau == NULL) return fail(EBB_E_SHAPE, "rows without a level: neither a hoisted one nor its number was given");
    t->frame.at[g->inputs.lambda] = (Rows){(float *)r->tau + first * r->level_step, r->level_step};
    if (r->level_step == 0 && !levels_by_row) t->frame.shared[LEVEL] = true, t->frame.rows[LEVEL] = 1;
  }
  for (int32_t v = 0; v < g->values; v++) {
    Kind kind = g->kind[v];
    if (!g->exported[v] || !t->cached[kind]) continue;
    const float *rows = f->cache[kind].at[v];
    if (t->frame.shared[kind])
      t->frame.at[v].at = (float *)rows + t->index[kind][0] * g->stride[v];
    else if (v < g->nodes && g->node[v].op == OP_INPUT)
      for (int64_t i = 0; i < n; i++)
        memcpy(t->frame.at[v].at + i * g->stride[v], rows + t->index[kind][i] * g->stride[v], (size_t)g->width[v] * sizeof(float));
  }
  return EBB_OK;
}

void tile_step(const Tile *t, const Step *s) {
  const Graph *g = t->forward->graph;
  if (!t->cached[s->kind]) {
    step_forward(&t->frame, s);
    return;
  }
  if (!g->exported[s->out] || t->frame.shared[s->kind]) return;
  const float *rows = t->forward->cache[s->kind].at[s->out];
  Rows y = t->frame.at[s->out];
  int64_t stride = g->stride[s->out];
  for (int64_t i = 0; i < t->frame.rows[ROW]; i++)
    memcpy(y.at + i * y.stride, rows + t->index[s->kind][i] * stride, (size_t)g->width[s->out] * sizeof(float));
}

ConstRows tile_out(const Tile *t) {
  const Graph *g = t->forward->graph;
  Rows y = t->frame.at[g->out];
  return (ConstRows){y.at, t->frame.shared[g->kind[g->out]] ? 0 : y.stride};
}

/* Tiles of like size and no larger than the graph's: a short last one would fetch all weights for few rows. */
static int64_t even_tile(const Graph *g, int64_t rows) {
  enum { STEP = 24 };
  int64_t tiles = (rows + g->tile - 1) / g->tile, even = tiles > 0 ? (rows + tiles - 1) / tiles : 0;
  even = (even + STEP - 1) / STEP * STEP;
  return even < rows ? even : rows;
}

EbbStatus forward_eval(const Forward *f, EbbWork *work, const ForwardRows *r, float *out) {
  const Graph *g = f->graph;
  int64_t dim = g->width[g->out], most = even_tile(g, r->rows);
  WorkMark mark = work_mark(work);
  Tile t;
  tile_new(f, work, &g->lean, most, &t);
  EbbStatus status = EBB_OK;
  for (int64_t first = 0; first < r->rows && status == EBB_OK; first += most) {
    int64_t n = r->rows - first < most ? r->rows - first : most;
    status = tile_open(&t, r, first, n, false);
    for (int32_t s = 0; s < g->steps && status == EBB_OK; s++) tile_step(&t, &g->step[s]);
    if (status == EBB_OK) copy_rows(n, dim, tile_out(&t), (Rows){out + first * dim, dim}, false);
  }
  work_reset(work, mark);
  return status;
}
