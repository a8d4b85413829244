/* SPDX-License-Identifier: MIT
 *
 * Densities: a plan from data to noise, rows that start at given points, and what is added at both ends. */
#include "run/density.h"

#include <math.h>
#include <string.h>

#include "run/check.h"
#include "run/sample.h"

enum { STREAM_DENSITY = 3000 };

typedef struct Holder {
  EbbChild child;
} Holder;

EbbStatus density_sampler(Arena *arena, Pool *pool, Registry *registry, const Spec *spec, EbbChild *out) {
  static const EbbParam rows[] = {
      EBB_ROW(Holder, child, EBB_T_COMPONENT, EBB_P_REQUIRED, 0, 0, 0, NULL, "", "integrates log densities", EBB_SAMPLER, NULL), EBB_END};
  static const char text[] = "child: " EBB_DEFAULT_DENSITY "\n";
  Holder *holder = ARENA_NEW(arena, Holder);
  holder->child = spec->sampling.density;
  EbbStatus status = EBB_OK;
  if (holder->child.component == NULL) {
    ConfigPlugins plugins = registry_config(registry);
    Node *node = NULL;
    status = config_parse(arena, "default of sampling.density", text, strlen(text), &node);
    if (status == EBB_OK) status = config_fill(arena, node, rows, "sampling.density", &plugins, holder);
  }
  if (status == EBB_OK) status = check_tolerances(&holder->child);
  uint32_t stream = STREAM_DENSITY;
  if (status == EBB_OK) status = plugin_create(arena, pool, &holder->child, &stream);
  *out = holder->child;
  return status;
}

EbbStatus density_open(Density *out, Arena *arena, Pool *pool, const EbbField *field, const char *source, const EbbChild *sampler,
                       const ScheduleView *view, const SpecGrid *grid, uint64_t seed, int64_t block) {
  EbbLevel *ends;
  EbbStatus status = schedule_grid(arena, view, grid, sampler, 2, &ends);
  if (status != EBB_OK) return status;
  *out = (Density){.arena = arena, .level = {ends[1], ends[0], ends[0]}};
  for (size_t i = 0; i < COUNT(out->level); i++) out->level[i].index = -1; /* the field may have hoisted the levels of another grid */
  out->plan = (EbbPlan){.size = sizeof out->plan,
                        .flags = EBB_PLAN_DENSITY,
                        .host = plugin_host(sampler),
                        .schedule = &view->schedule,
                        .rng = {seed, sampler->stream},
                        .dim = field->dim,
                        .items = 1,
                        .n = 2,
                        .level = out->level};
  out->slots = (Slots){.pool = pool,
                       .field = field,
                       .source = source,
                       .sampler = sampler,
                       .plan = &out->plan,
                       .seed = seed,
                       .block = block > 0 ? block : DEFAULT_BLOCK};
  return slots_prepare(&out->slots);
}

EbbStatus density_rows(const Density *density, int64_t n, const uint64_t *id, const int32_t *set, const double *x, double *log_p, uint32_t *asked,
                       uint8_t *failed) {
  int64_t d = density->plan.dim;
  const EbbLevel *clean = &density->level[0], *noisy = &density->level[1];
  ArenaMark mark = arena_mark(density->arena);
  double *start = ARENA_ARRAY(density->arena, double, n *d), *end = ARENA_ARRAY(density->arena, double, n *d);
  for (int64_t i = 0; i < n * d; i++) start[i] = clean->alpha * x[i];
  Slots slots = density->slots;
  slots.start = start;
  slots.logdet = log_p;
  EbbStatus status = slots_run(&slots, n, id, set, end, asked, failed);
  double variance = noisy->alpha * noisy->alpha + noisy->sigma * noisy->sigma, pi = 3.14159265358979323846;
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    double square = 0;
    for (int64_t j = 0; j < d; j++) square += end[i * d + j] * end[i * d + j];
    log_p[i] += (double)d * (log(clean->alpha) - 0.5 * log(2 * pi * variance)) - 0.5 * square / variance;
  }
  arena_reset(density->arena, mark);
  return status;
}

EbbStatus density_theta(const Density *density, const Model *m, int64_t n, const uint64_t *id, const int32_t *set, const float *theta, double *log_p,
                        uint32_t *asked, uint8_t *failed) {
  ArenaMark mark = arena_mark(density->arena);
  double *x = ARENA_ARRAY(density->arena, double, n * m->d), *slope = ARENA_ARRAY(density->arena, double, n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < m->d; j++) {
      const ParameterMap *map = &m->map[j];
      double value = (double)theta[i * m->d + j];
      x[i * m->d + j] = map_forward(map, value);
      slope[i] += value <= map->lower || value >= map->upper ? -INFINITY : map_log_slope(map, value);
    }
  EbbStatus status = density_rows(density, n, id, set, x, log_p, asked, failed);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    log_p[i] += slope[i];
    if (slope[i] != -INFINITY) continue;
    log_p[i] = -INFINITY; /* also where the path from the border failed */
    failed[i] = 0;
  }
  arena_reset(density->arena, mark);
  return status;
}
