/* SPDX-License-Identifier: MIT
 *
 * How near whole networks come to the processor: the default time_mlp (5 blocks of 256, theta 5, data 8), sampling (10,000 rows of one observation at
 * one level) and a training step without the making of its batch. Prints GFLOP/s and the share of the multiply-add peak of as many cores, measured
 * here. Every number is the best of several repetitions. A program to read, not a test. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "num/isa.h"
#include "peak.h"

enum { DIM = 5, DATA = 8, WIDTH = 256, BLOCKS = 5, ROWS = 10000, REPETITIONS = 1000 };
static const double sampling_flop = 0.79e6, training_flop = 3.05e6; /* a row */

/* ---- The network ---- */

static EbbNode dense(EbbGraph *g, const char *what, int block, EbbNode x, int64_t out) {
  char name[32];
  snprintf(name, sizeof name, "%s%d", what, block);
  return g->linear(g, name, 1, &x, out, EBB_INIT_HE, 0);
}

static Graph *time_mlp(Arena *a) {
  EbbLayout theta = {.size = sizeof theta, .kind = EBB_VECTOR, .n = 1, .width = DIM},
            data = {.size = sizeof data, .kind = EBB_VECTOR, .n = 1, .width = DATA};
  Graph *graph;
  graph_new(a, NULL, &theta, &data, &graph);
  EbbGraph *g = graph_builder(graph);
  const EbbInputs *in = graph_inputs(graph);
  EbbNode temb = g->embed_time(g, "time", in->lambda, 16, 30, 0.05);
  EbbNode ab[2] = {g->act(g, dense(g, "a", 0, in->z, WIDTH), EBB_ACT_MISH), g->act(g, dense(g, "b", 0, in->value, WIDTH), EBB_ACT_MISH)};
  EbbNode h = g->act(g, g->linear(g, "merge", 2, ab, WIDTH, EBB_INIT_HE, 0), EBB_ACT_MISH);
  for (int i = 0; i < BLOCKS; i++) {
    char name[32];
    snprintf(name, sizeof name, "norm%d", i);
    EbbNode r = g->dropout(g, g->act(g, dense(g, "dense", i, h, WIDTH), EBB_ACT_MISH), 0.05);
    r = g->add(g, r, dense(g, "shift", i, temb, WIDTH));
    h = g->layernorm(g, name, g->add(g, h, r));
  }
  if (graph_finish(graph, dense(g, "head", 0, h, DIM)) != EBB_OK) printf("%s\n", fail_text()), exit(1);
  return graph;
}

static float *some(Arena *a, int64_t n) {
  float *x = ARENA_ARRAY(a, float, n);
  for (int64_t i = 0; i < n; i++) x[i] = (float)((double)rand() / RAND_MAX - 0.5);
  return x;
}

/* ---- Sampling ---- */

typedef struct Sampling {
  const Forward *forward;
  const float *z;
  float *out;
  int64_t block; /* rows a task */
} Sampling;

static EbbStatus sample_block(void *ctx, EbbWork *work, int64_t i) {
  static const int32_t zero = 0;
  const Sampling *s = ctx;
  int64_t first = i * s->block, n = ROWS - first < s->block ? ROWS - first : s->block;
  ForwardRows r = {.rows = n, .z = s->z + first * DIM, .level = &zero};
  return forward_eval(s->forward, work, &r, s->out + first * DIM);
}

/* ---- Training ---- */

enum { FORWARD, BACKWARD, WEIGHTS, UPDATE, PHASES };
static const char *const phase_names[PHASES] = {"forward", "backward", "weights", "adam and pack"};
typedef struct Training {
  Trainer *trainer;
  TrainerNoise noise;
  int64_t batch, cut; /* cut: rows a task */
  int phase;
  float *grad, *weights, *m, *v, *ema;
  double square[4096];
} Training;

static EbbStatus train_task(void *ctx, EbbWork *work, int64_t i) {
  Training *t = ctx;
  int64_t first = i * t->cut, offset, count;
  bool decay;
  AdamStep adam = {.rate = 1e-4f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .correct1 = 1, .correct2 = 1, .scale = 1, .ema = 0.999f};
  switch (t->phase) {
  case FORWARD: return trainer_forward(t->trainer, work, &t->noise, first, t->batch - first < t->cut ? t->batch - first : t->cut);
  case BACKWARD: return trainer_backward(t->trainer, work, first, t->batch - first < t->cut ? t->batch - first : t->cut);
  case WEIGHTS: return trainer_weights(t->trainer, work, i, t->grad, &t->square[i]);
  default:
    trainer_part_range(t->trainer, i, &offset, &count, &decay);
    kernels->adam(&adam, decay ? 0.01f : 0, count, t->grad + offset, t->weights + offset, t->m + offset, t->v + offset, t->ema + offset);
    return trainer_pack(t->trainer, work, i, t->weights);
  }
}

static void train(Arena *a, Pool *pool, const Graph *graph, int64_t batch, int64_t cut, double top) {
  int64_t floats = graph_floats(graph);
  Training *t = ARENA_NEW(a, Training);
  *t = (Training){.batch = batch,
                  .cut = cut,
                  .weights = some(a, floats),
                  .grad = some(a, floats),
                  .m = some(a, floats),
                  .v = ARENA_ARRAY(a, float, floats),
                  .ema = some(a, floats)};
  graph_init(graph, (EbbRng){1, 2}, t->weights);
  trainer_new(a, graph, batch, &t->trainer);
  uint64_t *id = ARENA_ARRAY(a, uint64_t, batch);
  t->noise = (TrainerNoise){{3, 4}, id, ARENA_ARRAY(a, uint32_t, batch)};
  TrainerRows b = trainer_rows(t->trainer);
  for (int64_t i = 0; i < batch; i++) {
    id[i] = (uint64_t)i;
    for (int64_t j = 0; j < b.z_row; j++) b.z[i * b.z_row + j] = (float)((double)rand() / RAND_MAX - 0.5);
    for (int64_t j = 0; j < b.value_row; j++) b.value[i * b.value_row + j] = (float)((double)rand() / RAND_MAX - 0.5);
    b.tau[i * b.tau_row] = (float)((double)rand() / RAND_MAX - 0.5);
  }
  int64_t parts = trainer_parts(t->trainer), blocks = (batch + cut - 1) / cut;
  for (int64_t i = 0; i < parts; i++) trainer_pack(t->trainer, NULL, i, t->weights);
  double best[PHASES + 1];
  for (int p = 0; p <= PHASES; p++) best[p] = INFINITY;
  for (int r = 0; r < REPETITIONS; r++) {
    double begin = seconds(), last = begin;
    for (t->phase = 0; t->phase < PHASES; t->phase++) {
      pool_run(pool, t->phase < WEIGHTS ? blocks : parts, train_task, t);
      if (t->phase == FORWARD)
        for (int64_t i = 0; i < batch; i++)
          for (int64_t j = 0; j < DIM; j++) b.dout[i * b.out_row + j] = b.out[i * b.out_row + j] / (float)batch;
      double now = seconds();
      best[t->phase] = fmin(best[t->phase], now - last);
      last = now;
    }
    best[PHASES] = fmin(best[PHASES], last - begin);
  }
  double rate = training_flop * (double)batch / best[PHASES];
  printf("training  %3lld rows, %3lld a task  %7.1f GFLOP/s  %5.1f %%  %6.1f us a step:", (long long)batch, (long long)cut, rate * 1e-9,
         100 * rate / top, best[PHASES] * 1e6);
  for (int p = 0; p < PHASES; p++) printf("  %s %.1f", phase_names[p], best[p] * 1e6);
  printf("\n");
}

int main(void) {
  if (isa_setup(getenv("EBB_ISA")) != EBB_OK) return printf("%s\n", fail_text()), 1;
  Arena *a = arena_new();
  Graph *graph = time_mlp(a);
  float *weights = ARENA_ARRAY(a, float, graph_floats(graph)), *z = some(a, ROWS * DIM), *value = some(a, DATA), tau = 0.3f;
  graph_init(graph, (EbbRng){1, 2}, weights);
  printf("%s, %s, %lld parameters\n", cpu_name(), isa_name(), (long long)graph_parameters(graph));
  for (int threads = 1; threads <= 2; threads++) {
    Pool *pool;
    if (pool_new(threads, &pool) != EBB_OK) return 1;
    double top = peak(threads);
    printf("%d thread%s: peak %.1f GFLOP/s\n", threads, threads > 1 ? "s" : "", top * 1e-9);
    Forward *f;
    forward_new(a, graph, &f);
    forward_load(f, pool, weights);
    forward_conditions(f, pool, 1, value);
    forward_levels(f, pool, 1, &tau);
    for (int64_t block = 96; block <= 768; block *= 2) {
      Sampling s = {f, z, ARENA_ARRAY(a, float, ROWS *DIM), block};
      double rate = 1e300, start;
      for (int r = 0; r < REPETITIONS / 4; r++) {
        start = seconds();
        pool_run(pool, (ROWS + block - 1) / block, sample_block, &s);
        rate = fmin(rate, seconds() - start);
      }
      rate = sampling_flop * ROWS / rate;
      printf("sampling  %3lld rows a task  %7.1f GFLOP/s  %5.1f %%\n", (long long)block, rate * 1e-9, 100 * rate / top);
    }
    for (int64_t batch = 128; batch <= 256; batch *= 2)
      for (int64_t cut = batch / threads; cut >= 16; cut /= 4) train(a, pool, graph, batch, cut, top);
    pool_free(pool);
  }
  arena_free(a);
  return 0;
}
