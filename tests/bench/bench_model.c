/* SPDX-License-Identifier: MIT
 *
 * Sampling and training as the stages do them: a spec, a run around it, its model, and the stage's functions, timed. */
#include <math.h>
#include <string.h>

#include "bench.h"

enum { BLOCKS = 5, FREQUENCIES = 16, ROWS = 20000, MOST_SETTINGS = 16, STEPS = 40 };

Shape usual_shape(const Bench *b) {
  return (Shape){.threads = b->threads, .d = 5, .q = 8, .width = 256, .batch = 256, .draws = 10000, .evaluations = 12, .activation = "silu"};
}

/* Two operations a weight: theta to width, its half of the join, the blocks, the head. What data and level alone decide is computed before. */
double sampling_flop(const Shape *s) { return 2.0 * (double)(s->width * (s->d + s->width + BLOCKS * s->width + s->d)); }

double training_flop(const Shape *s) {
  int64_t time = 2 * FREQUENCIES + 1, forward = s->width * (s->d + s->q + 2 * s->width + BLOCKS * (s->width + time) + s->d);
  return 3 * 2.0 * (double)forward;
}

/* A run on its own pool, with its model made. */
static Run *run_new(Bench *b, Arena *a, const Shape *s) {
  const char *path = path_join(a, b->scratch, "bench.yaml");
  static const char text[] = "seed: 7\nsimulator: {use: linear_gaussian}\nsampling: {sampler: {use: dpmpp_2m}}\n";
  must(file_write(path, text, sizeof text - 1));
  const char *set[] = {
      arena_print(a, "simulator.d=%lld", (long long)s->d),
      arena_print(a, "simulator.q=%lld", (long long)s->q),
      arena_print(a, "simulations.count=%d", ROWS),
      arena_print(a, "model.network={use: time_mlp, width: %lld, blocks: %d, frequencies: %d, activation: %s, dropout: %g}", (long long)s->width,
                  BLOCKS, FREQUENCIES, s->activation, s->dropout),
      arena_print(a, "training.batch=%lld", (long long)s->batch),
      arena_print(a, "sampling.draws=%lld", (long long)s->draws),
      arena_print(a, "sampling.sampler.steps=%lld", (long long)s->evaluations),
  };
  Spec *spec;
  must(spec_load(a, b->registry, path, set, COUNT(set), &spec));
  Run *run = ARENA_NEW(a, Run);
  *run = (Run){.arena = a, .registry = b->registry, .spec = spec, .runs = b->scratch, .name = "bench", .store = path_join(a, b->scratch, ".store")};
  must(pool_new(s->threads, &run->pool));
  must(folder_make(run->store));
  must(run_prepare(run, GOAL_SAMPLE));
  must(model_new(a, run->pool, spec, &run->info, &run->model));
  return run;
}

static void run_free(Run *run) {
  model_free(run->model);
  plugin_destroy(&run->simulator);
  pool_free(run->pool);
}

/* ---- Sampling ---- */

typedef struct Sampling {
  SampleJob job;
  SampleFacts facts;
} Sampling;

static EbbStatus draw(void *ctx) {
  Sampling *s = ctx;
  return sample_draws(&s->job, &s->facts);
}

double sampling_seconds(Bench *b, const Shape *shape) {
  Arena *a = arena_new();
  Run *run = run_new(b, a, shape);
  Model *m = run->model;
  for (int64_t j = 0; j < m->q; j++) m->inputs.column[j] = (ColumnMap){.rule = COLUMN_MEAN, .scale = 1};
  graph_init(m->graph, (EbbRng){7, STREAM_WEIGHTS}, m->weights);
  uint32_t stream = 2000;
  EbbChild sampler = run->spec->sampling.sampler;
  must(plugin_create(a, run->pool, &sampler, &stream));
  Sampling s = {.job = {.pool = run->pool,
                        .model = m,
                        .sampler = &sampler,
                        .grid = &run->spec->sampling.grid,
                        .observations = &run->observations,
                        .draws = shape->draws,
                        .seed = 7,
                        .folder = b->scratch}};
  double time = best_seconds(b, draw, &s);
  plugin_destroy(&sampler);
  run_free(run);
  arena_free(a);
  return time;
}

/* ---- Training ---- */

static EbbStatus steps(void *ctx) {
  EbbStatus status = EBB_OK;
  for (int i = 0; i < STEPS && status == EBB_OK; i++) status = training_step(ctx);
  return status;
}

double training_seconds(Bench *b, const Shape *shape) {
  Arena *a = arena_new();
  Run *run = run_new(b, a, shape);
  must(run_simulate(run));
  Training t = {.run = run};
  must(training_setup(&t));
  must(training_pack(&t));
  double time = best_seconds(b, steps, &t) / STEPS;
  dataset_close(&t.set);
  run_free(run);
  arena_free(a);
  return time;
}
