/* SPDX-License-Identifier: MIT
 *
 * The weight net: Fourier features, a layer of 64, a head that starts at 0. Its graph has a parameter and a data number that nothing reads. */
#include "run/weigh.h"

#include "run/run.h"

enum { WIDTH = 64, FREQUENCIES = 8 };

static EbbStatus build(Graph *graph) {
  EbbGraph *g = graph_builder(graph);
  const EbbInputs *in = graph_inputs(graph);
  EbbNode h = g->embed_time(g, "time", in->lambda, FREQUENCIES, 1, 0.5);
  h = g->act(g, g->linear(g, "hidden", 1, &h, WIDTH, EBB_INIT_HE, 0), EBB_ACT_SILU);
  return graph_finish(graph, g->linear(g, "head", 1, &h, 1, EBB_INIT_ZERO, 0));
}

EbbStatus weigher_new(Arena *arena, const EbbHost *host, Pool *pool, int64_t batch, uint64_t seed, Weigher *out) {
  const EbbLayout one = {.size = sizeof one, .kind = EBB_VECTOR, .n = 1, .width = 1};
  *out = (Weigher){0};
  EbbStatus status = graph_new(arena, host, &one, &one, &out->graph);
  if (status == EBB_OK) status = build(out->graph);
  if (status == EBB_OK) status = trainer_new(arena, out->graph, batch, &out->trainer);
  if (status != EBB_OK) return status;
  out->floats = graph_floats(out->graph);
  out->state = ARENA_ARRAY(arena, float, 3 * out->floats);
  out->raw = out->state;
  out->moment1 = out->state + out->floats;
  out->moment2 = out->state + 2 * out->floats;
  out->grad = ARENA_ARRAY(arena, float, out->floats);
  out->square = ARENA_ARRAY(arena, double, trainer_parts(out->trainer));
  graph_init(out->graph, (EbbRng){seed, STREAM_WEIGHER}, out->raw);
  return weigher_pack(out, pool);
}

static EbbStatus pack_part_of(void *ctx, EbbWork *work, int64_t part) {
  Weigher *w = ctx;
  return trainer_pack(w->trainer, work, part, w->raw);
}

EbbStatus weigher_pack(Weigher *w, Pool *pool) { return pool_run(pool, trainer_parts(w->trainer), pack_part_of, w); }

EbbStatus weigher_ask(Weigher *net, EbbWork *work, int64_t first, int64_t n, const float *tau, int64_t tau_row, double *w) {
  TrainerRows rows = trainer_rows(net->trainer);
  for (int64_t i = 0; i < n; i++) rows.tau[(first + i) * rows.tau_row] = tau[i * tau_row];
  EbbStatus status = trainer_forward(net->trainer, work, NULL, first, n);
  for (int64_t i = 0; i < n; i++) w[i] = (double)rows.out[(first + i) * rows.out_row];
  return status;
}

EbbStatus weigher_back(Weigher *net, EbbWork *work, int64_t first, int64_t n, const double *dw) {
  TrainerRows rows = trainer_rows(net->trainer);
  for (int64_t i = 0; i < n; i++) rows.dout[(first + i) * rows.out_row] = (float)dw[i];
  return trainer_backward(net->trainer, work, first, n);
}

static EbbStatus update_part(void *ctx, EbbWork *work, int64_t part) {
  Weigher *w = ctx;
  int64_t at, count;
  bool decay;
  EbbStatus status = trainer_weights(w->trainer, work, part, w->grad, &w->square[part]);
  if (status != EBB_OK) return status;
  trainer_part_range(w->trainer, part, &at, &count, &decay);
  kernels->adam(&w->adam, 0, count, w->grad + at, w->raw + at, w->moment1 + at, w->moment2 + at, NULL);
  return trainer_pack(w->trainer, work, part, w->raw);
}

EbbStatus weigher_step(Weigher *w, Pool *pool, const AdamStep *adam) {
  w->adam = *adam;
  return pool_run(pool, trainer_parts(w->trainer), update_part, w);
}
