/* SPDX-License-Identifier: MIT
 *
 * Densities: a plan from data to noise, rows that start at given points, and what is added at both ends. */
#include "run/density.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "run/chain.h"
#include "run/check.h"
#include "run/sample.h"

enum { STREAM_DENSITY = 3000 };

typedef struct Holder {
  EbbChild child;
} Holder;

EbbStatus density_choice(Arena *arena, Registry *registry, const Spec *spec, EbbChild *out) {
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
  *out = holder->child;
  return status;
}

EbbStatus density_sampler(Arena *arena, Pool *pool, Registry *registry, const Spec *spec, EbbChild *out) {
  EbbStatus status = density_choice(arena, registry, spec, out);
  uint32_t stream = STREAM_DENSITY;
  return status == EBB_OK ? plugin_create(arena, pool, out, &stream) : status;
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
  double pi = 3.14159265358979323846;
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    log_p[i] += (double)d * log(clean->alpha);
    for (int64_t j = 0; j < d; j++) { /* the moments that sampling starts from */
      double mean = slots.mean != NULL ? slots.mean[set[i] * d + j] : 0, spread = slots.variance != NULL ? slots.variance[j] : 1;
      double variance = noisy->alpha * noisy->alpha * spread + noisy->sigma * noisy->sigma, off = end[i * d + j] - noisy->alpha * mean;
      log_p[i] -= 0.5 * log(2 * pi * variance) + 0.5 * off * off / variance;
    }
  }
  arena_reset(density->arena, mark);
  return status;
}

EbbStatus density_draws(const Density *density, int64_t n, const uint64_t *id, const int32_t *set, double *x, uint32_t *asked, uint8_t *failed) {
  const EbbLevel level[2] = {density->level[1], density->level[0]}; /* the state at the clean end is the result */
  EbbPlan plan = density->plan;
  plan.flags = 0;
  plan.n = 1;
  plan.level = level;
  Slots slots = density->slots;
  slots.plan = &plan;
  slots.state = NULL;
  EbbStatus status = slots_prepare(&slots);
  if (status == EBB_OK) status = slots_run(&slots, n, id, set, x, asked, failed);
  for (int64_t i = 0; i < n * plan.dim && status == EBB_OK; i++) x[i] /= level[1].alpha;
  return status;
}

double density_coordinates(const Model *m, const float *theta, double *x) {
  double plain[MODEL_MOST_ROTATED], slope = base_log_slope(&m->base), *to = m->base.to != NULL ? plain : x;
  for (int64_t j = 0; j < m->d; j++) {
    const ParameterMap *map = &m->map[j];
    double value = (double)theta[j];
    to[j] = map_forward(map, value);
    slope += value <= map->lower || value >= map->upper ? -INFINITY : map_log_slope(map, value);
  }
  if (m->base.to != NULL) base_forward(&m->base, plain, x);
  return slope;
}

EbbStatus density_theta(const Density *density, const Model *m, int64_t n, const uint64_t *id, const int32_t *set, const float *theta, double *log_p,
                        uint32_t *asked, uint8_t *failed) {
  ArenaMark mark = arena_mark(density->arena);
  double *x = ARENA_ARRAY(density->arena, double, n * m->d), *slope = ARENA_ARRAY(density->arena, double, n);
  for (int64_t i = 0; i < n; i++) slope[i] = density_coordinates(m, theta + i * m->d, x + i * m->d);
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

EbbStatus density_of_model(const DensityJob *job, Arena *arena, DensityField *out) {
  const Model *m = job->model;
  const Observations *o = job->observations;
  float *value = ARENA_ARRAY(arena, float, o->n * m->inputs.n);
  for (int64_t i = 0; i < o->n; i++) model_data_forward(m, o->data.value + i * m->q, value + i * m->inputs.n);
  EbbLevel *ends;
  EbbStatus status = schedule_grid(arena, &m->view, job->grid, job->sampler, 2, &ends);
  if (status == EBB_OK) status = network_field(arena, job->pool, m, o->n, value, 2, ends, &out->network);
  const char *source = arena_print(arena, "objective %s with network %s", m->objective.component->id, m->network.component->id);
  if (status == EBB_OK)
    status = density_open(&out->density, arena, job->pool, &out->network.field, source, job->sampler, &m->view, job->grid, job->seed, job->block);
  out->density.slots.mean = out->network.mean;
  out->density.slots.variance = m->base.variance;
  return status;
}

EbbStatus density_write(const DensityJob *job, const char *path) {
  Arena *arena = arena_new();
  const Model *m = job->model;
  const Observations *o = job->observations;
  int64_t d = m->d, total = path != NULL ? o->n * job->points : 0, wave = 1 << 14, failures = 0;
  float *theta = ARENA_ARRAY(arena, float, wave *d);
  double *log_p = ARENA_ARRAY(arena, double, total);
  uint64_t *id = ARENA_ARRAY(arena, uint64_t, wave);
  int32_t *set = ARENA_ARRAY(arena, int32_t, wave);
  uint32_t *asked = ARENA_ARRAY(arena, uint32_t, wave);
  uint8_t *failed = ARENA_ARRAY(arena, uint8_t, wave);
  DensityField of;
  EbbStatus status = density_of_model(job, arena, &of);
  Progress *progress = status == EBB_OK && total > 0 ? progress_begin("density", "points", total, 0) : NULL;
  of.density.slots.progress = progress;
  for (int64_t first = 0; first < total && status == EBB_OK; first += wave) {
    int64_t n = total - first < wave ? total - first : wave;
    for (int64_t i = 0; i < n; i++) {
      int64_t k = (first + i) / job->points, point = (first + i) % job->points;
      id[i] = (uint64_t)o->number[k] << 32 | (uint64_t)point;
      set[i] = (int32_t)k;
      memcpy(theta + i * d, job->theta + (job->shared ? point : first + i) * d, (size_t)d * sizeof *theta);
    }
    status = density_theta(&of.density, m, n, id, set, theta, log_p + first, asked, failed);
    for (int64_t i = 0; i < n && status == EBB_OK; i++) failures += failed[i];
  }
  progress_end(progress, NULL);
  const int64_t shape[2] = {o->n, job->points};
  if (status == EBB_OK && path != NULL) status = npy_write_f64(path, 2, shape, log_p);
  if (status == EBB_OK && failures > 0)
    log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " log densities failed and are NaN in %s", failures, total, path);
  arena_free(arena);
  return status;
}
