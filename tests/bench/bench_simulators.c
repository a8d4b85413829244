/* SPDX-License-Identifier: MIT
 *
 * Simulations a second of one core, parameters from the prior included, through the stage's own code; and log-likelihoods a second, which is what
 * `ebb reference` asks for. Every simulator that needs no setting. */
#include <math.h>
#include <string.h>

#include "bench.h"

enum { ROWS = 2000 };

typedef struct Rows {
  Pool *pool;
  EbbWork *work;
  EbbChild simulator;
  EbbModelInfo info;
  float *theta, *x;
  double *log_p;
  uint8_t *failed;
} Rows;

static EbbStatus simulate(void *ctx) {
  const Rows *r = ctx;
  return simulate_new(r->pool, &r->simulator, &r->info, 1, STREAM_PRIOR, 0, ROWS, r->theta, r->x, r->failed);
}

static EbbStatus log_likelihoods(void *ctx) {
  const Rows *r = ctx;
  EbbData one = {.size = sizeof one, .layout = r->info.data, .rows = 1, .value = r->x};
  WorkMark mark = work_mark(r->work);
  EbbStatus status = ((const EbbSimulatorOps *)r->simulator.ops)->log_likelihood(r->simulator.self, r->work, ROWS, r->theta, &one, r->log_p);
  work_reset(r->work, mark);
  return status;
}

static bool needs_settings(const EbbComponent *c) {
  for (const EbbParam *p = c->params; p != NULL && p->type != EBB_T_END; p++)
    if (p->flags & EBB_P_REQUIRED) return true;
  return false;
}

static void bench_one(Bench *b, Rows *r, const EbbComponent *c) {
  typedef struct Holder {
    EbbChild child;
  } Holder;
  const EbbParam row[] = {EBB_ROW(Holder, child, EBB_T_COMPONENT, EBB_P_REQUIRED, 0, 0, 0, NULL, "", "the simulator", EBB_SIMULATOR, NULL), EBB_END};
  Arena *arena = arena_new();
  Holder holder;
  Node *node;
  uint32_t stream = 1;
  const char *text = arena_print(arena, "child: %s\n", c->id);
  ConfigPlugins plugins = registry_config(b->registry);
  must(config_parse(arena, "bench", text, strlen(text), &node));
  must(config_fill(arena, node, row, "bench", &plugins, &holder));
  must(plugin_create(arena, NULL, &holder.child, &stream));
  const EbbSimulatorOps *ops = holder.child.ops;
  r->simulator = holder.child;
  r->info = (EbbModelInfo){.size = sizeof r->info};
  must(ops->describe(r->simulator.self, &r->info));
  r->theta = ARENA_ARRAY(arena, float, ROWS *ebb_layout_numbers(&r->info.theta));
  r->x = ARENA_ARRAY(arena, float, ROWS *ebb_layout_numbers(&r->info.data));
  r->log_p = ARENA_ARRAY(arena, double, ROWS);
  r->failed = ARENA_ARRAY(arena, uint8_t, ROWS);
  line(b, arena_print(b->arena, "simulations, %s, one core", c->id), ROWS / best_seconds(b, simulate, r), "rows/s", AT_LEAST, NAN);
  if (ops->log_likelihood != NULL)
    line(b, arena_print(b->arena, "log-likelihoods, %s, one core", c->id), ROWS / best_seconds(b, log_likelihoods, r), "rows/s", AT_LEAST, NAN);
  plugin_destroy(&r->simulator);
  arena_free(arena);
}

void bench_simulators(Bench *b) {
  const Plugin **plugin;
  BrokenPlugin *broken;
  size_t plugins, failures;
  Rows r = {.work = work_new()};
  must(registry_all(b->registry, b->arena, &plugin, &plugins, &broken, &failures));
  must(pool_new(1, &r.pool));
  for (size_t i = 0; i < plugins; i++)
    if (plugin[i]->component->kind == EBB_SIMULATOR && !needs_settings(plugin[i]->component)) bench_one(b, &r, plugin[i]->component);
  pool_free(r.pool);
  work_free(r.work);
}
