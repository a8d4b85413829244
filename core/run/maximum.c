/* SPDX-License-Identifier: MIT
 *
 * Ascents and their peaks. */
#include "run/maximum.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/linalg.h"
#include "run/chain.h"

static const double CONVERGED = 1e-4, APART = 0.05, WIDEST = 0.3; /* the largest u of an ascent: standardised posteriors are seldom narrower */
enum { STEPS = 100 };

/* ---- One ascent ---- */

typedef struct Climb {
  const EbbField *field;
  const EbbLevel *level;
  Space space;
  const uint64_t *id;
  const int32_t *set;
  double *x;
  Ascent *out;
} Climb;

/* What the maps add: to g their slope at x, to h their curvature. plain = T^-1 x, so that both are turned by T^-1. */
static void add_maps(const Space *space, int64_t d, const double *x, double *plain, double *g, double *h) {
  const double *from = space->base != NULL ? space->base->from : NULL, step = 1e-4;
  if (from != NULL)
    base_inverse(space->base, x, plain);
  else
    memcpy(plain, x, (size_t)d * sizeof *plain);
  for (int64_t k = 0; k < d; k++) {
    double at[3];
    for (int i = 0; i < 3; i++) at[i] = map_log_slope_gradient(&space->map[k], map_inverse(&space->map[k], plain[k] + (i - 1) * step));
    double curve = (at[2] - at[0]) / (2 * step);
    if (from == NULL) {
      g[k] -= at[1];
      h[k * d + k] += curve;
      continue;
    }
    for (int64_t j = 0; j < d; j++) {
      g[j] -= from[k * d + j] * at[1];
      for (int64_t i = 0; i < d; i++) h[j * d + i] += curve * from[k * d + j] * from[k * d + i];
    }
  }
}

/* Gradient g [d] and negative Hessian h [d][d] of log p_theta at x. */
static EbbStatus slope_at(const Climb *c, EbbWork *work, int64_t row, const double *x, double *g, double *h) {
  int64_t d = c->field->dim;
  WorkMark mark = work_mark(work);
  double *z = work_alloc(work, (size_t)d * sizeof *z), *xhat = work_alloc(work, (size_t)d * sizeof *xhat);
  double *jv = work_alloc(work, (size_t)(d * d) * sizeof *jv), alpha = c->level->alpha, u = c->level->sigma / alpha;
  for (int64_t j = 0; j < d; j++) z[j] = alpha * x[j];
  uint32_t zero = 0;
  EbbQuery q = {sizeof q, 0, 1, d, z, c->level, 0, c->id + row, &zero, &zero, c->set + row};
  EbbStatus status = c->field->jvp(c->field, work, &q, d, NULL, xhat, jv);
  for (int64_t j = 0; j < d && status >= 0; j++) {
    g[j] = (xhat[j] - x[j]) / (u * u);
    for (int64_t i = 0; i < d; i++) h[j * d + i] = ((i == j ? 1 : 0) - 0.5 * alpha * (jv[i * d + j] + jv[j * d + i])) / (u * u);
  }
  if (status >= 0) add_maps(&c->space, d, x, z, g, h);
  work_reset(work, mark);
  return status;
}

/* step = |H|^-1 g, at most `radius` long. Returns g' |H|^-1 g; *peak: whether H is definite. */
static double newton(int64_t d, double *h, const double *g, double radius, double *values, double *step, bool *peak) {
  double decrement = 0, length = 0;
  *peak = eigen_symmetric(d, h, values) == EBB_OK && values[0] > 0;
  for (int64_t j = 0; j < d; j++) step[j] = 0;
  for (int64_t k = 0; k < d; k++) {
    double along = 0, curve = fmax(fabs(values[k]), 1e-6);
    for (int64_t j = 0; j < d; j++) along += h[k * d + j] * g[j];
    decrement += along * along / curve;
    for (int64_t j = 0; j < d; j++) step[j] += along / curve * h[k * d + j];
  }
  for (int64_t j = 0; j < d; j++) length += step[j] * step[j];
  double shrink = length > radius * radius ? radius / sqrt(length) : 1;
  for (int64_t j = 0; j < d; j++) step[j] *= shrink;
  return decrement;
}

static double dot(int64_t d, const double *a, const double *b) {
  double sum = 0;
  for (int64_t j = 0; j < d; j++) sum += a[j] * b[j];
  return sum;
}

/* A step is taken unless the slope along it turns down by more than half of what it was: then a shorter one is tried. */
static EbbStatus climb(void *ctx, EbbWork *work, int64_t row) {
  const Climb *c = ctx;
  int64_t d = c->field->dim;
  double *x = c->x + row * d, *memory = work_alloc(work, (size_t)(5 * d + 2 * d * d) * sizeof *memory);
  double *g = memory, *g_new = g + d, *step = g_new + d, *there = step + d, *values = there + d, *h = values + d, *h_new = h + d * d, radius = 1;
  Ascent *out = &c->out[row];
  *out = (Ascent){.decrement = NAN};
  EbbStatus status = slope_at(c, work, row, x, g, h);
  while (status >= 0 && out->steps < STEPS) {
    if (run_stop) return fail(EBB_E_CANCELLED, "stopped while climbing");
    bool peak;
    memcpy(h_new, h, (size_t)(d * d) * sizeof *h);
    out->decrement = newton(d, h_new, g, radius, values, step, &peak);
    out->converged = peak && out->decrement < CONVERGED;
    for (int64_t j = 0; j < d && out->converged; j++) x[j] += step[j]; /* the last one squares what is left */
    if (out->converged || !isfinite(out->decrement)) break;
    out->steps++;
    for (int64_t j = 0; j < d; j++) there[j] = x[j] + step[j];
    status = slope_at(c, work, row, there, g_new, h_new);
    double before = dot(d, g, step), after = dot(d, g_new, step), length = sqrt(dot(d, step, step));
    if (!(after > -0.5 * before)) {
      radius = 0.5 * length;
      if (length < 1e-9) break;
      continue;
    }
    radius = fmin(2 * fmax(radius, length), 4);
    memcpy(x, there, (size_t)d * sizeof *x);
    memcpy(g, g_new, (size_t)d * sizeof *g);
    memcpy(h, h_new, (size_t)(d * d) * sizeof *h);
  }
  return status < 0 ? status : EBB_OK;
}

EbbStatus maximum_ascend(Pool *pool, const EbbField *field, const EbbLevel *level, Space space, int64_t n, const uint64_t *id, const int32_t *set,
                         double *x, Ascent *out) {
  Climb c = {field, level, space, id, set, x, out};
  return pool_run(pool, n, climb, &c);
}

/* ---- Peaks ---- */

static bool near(int64_t d, const double *a, const double *b) {
  for (int64_t j = 0; j < d; j++)
    if (!(fabs(a[j] - b[j]) < APART)) return false;
  return true;
}

static double slope_of(int64_t d, const Space *space, const double *x, double *plain) {
  double sum = space->base != NULL ? base_log_slope(space->base) : 0;
  if (space->base != NULL && space->base->from != NULL)
    base_inverse(space->base, x, plain);
  else
    memcpy(plain, x, (size_t)d * sizeof *plain);
  for (int64_t j = 0; j < d; j++) sum += map_log_slope(&space->map[j], map_inverse(&space->map[j], plain[j]));
  return sum;
}

static int by_density(const void *a, const void *b) {
  const Peak *p = a, *q = b;
  return (p->log_density < q->log_density) - (p->log_density > q->log_density);
}

EbbStatus maximum_find(const Density *density, Space space, Arena *arena, int64_t n, const uint64_t *id, int32_t set, const double *x, Peak **out,
                       int64_t *peaks) {
  const EbbField *field = density->slots.field;
  const EbbSchedule *schedule = density->plan.schedule;
  int64_t d = field->dim, all = n * MAXIMUM_LEVELS;
  double u_min = density->level[0].sigma / density->level[0].alpha, *end = ARENA_ARRAY(arena, double, all *d),
         *log_p = ARENA_ARRAY(arena, double, all);
  uint64_t *ids = ARENA_ARRAY(arena, uint64_t, all);
  int32_t *sets = ARENA_ARRAY(arena, int32_t, all);
  uint32_t *asked = ARENA_ARRAY(arena, uint32_t, all);
  uint8_t *failed = ARENA_ARRAY(arena, uint8_t, all);
  Ascent *ascent = ARENA_ARRAY(arena, Ascent, all);
  double u[MAXIMUM_LEVELS];
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < all; i++) {
    ids[i] = id[i % n];
    sets[i] = set;
  }
  for (int k = 0; k < MAXIMUM_LEVELS && status == EBB_OK; k++) {
    double *to = end + k * n * d, lambda, t;
    u[k] = fmax(u_min, WIDEST * pow(u_min / WIDEST, (double)k / (MAXIMUM_LEVELS - 1)));
    lambda = -2 * log(u[k]);
    EbbLevel level;
    schedule->inverse(schedule, 1, &lambda, &t);
    schedule->at(schedule, 1, &t, &level);
    memcpy(to, k == 0 ? x : to - n * d, (size_t)(n * d) * sizeof *to);
    status = maximum_ascend(density->slots.pool, field, &level, space, n, ids, sets, to, ascent + k * n);
  }
  if (status == EBB_OK) status = density_rows(density, all, ids, sets, end, log_p, asked, failed);
  Peak *each = ARENA_ARRAY(arena, Peak, all);
  double *plain = ARENA_ARRAY(arena, double, d);
  *out = each;
  *peaks = 0;
  for (int64_t i = 0; i < all && status == EBB_OK; i++)
    each[i] = (Peak){failed[i] ? -INFINITY : log_p[i] + slope_of(d, &space, end + i * d, plain), u[i / n], 0, ascent[i], end + i * d};
  qsort(each, (size_t)all, sizeof *each, by_density);
  for (int64_t i = 0; i < all && status == EBB_OK; i++) {
    int64_t k = 0;
    while (k < *peaks && !near(d, each[k].x, each[i].x)) k++;
    if (k == *peaks) each[(*peaks)++] = each[i];
    if (each[i].u == each[k].u) each[k].starts++;
  }
  return status;
}

/* ---- Of a model ---- */

static void add_peak(Str *out, const DensityJob *job, int64_t k, int64_t place, const Peak *p, float *theta) {
  const Model *m = job->model;
  str_print(out, "%" PRId64 ",%" PRId64 ",%.7g,%.4g,%" PRId64 ",%" PRId64 ",%s,%" PRId64 ",%.3g", job->observations->number[k], place + 1,
            p->log_density, p->u, p->starts, job->points, p->ascent.converged ? "yes" : "no", p->ascent.steps, p->ascent.decrement);
  model_theta_inverse(m, p->x, theta);
  for (int64_t j = 0; j < m->d; j++) str_print(out, ",%.7g", (double)theta[j]);
  str_add(out, "\n");
}

EbbStatus maximum_write(const DensityJob *job, const char *folder) {
  Arena *arena = arena_new();
  const Model *m = job->model;
  const Observations *o = job->observations;
  int64_t d = m->d, n = job->points;
  Str out = {0};
  DensityField of;
  EbbStatus status = density_of_model(job, arena, &of);
  float *best = ARENA_ARRAY(arena, float, o->n *d), *theta = ARENA_ARRAY(arena, float, d);
  double *x = ARENA_ARRAY(arena, double, n *d);
  uint64_t *id = ARENA_ARRAY(arena, uint64_t, n);
  str_add(&out, "observation,peak,log_density,noise,starts_here,starts,converged,steps,decrement");
  for (int64_t j = 0; j < d; j++) str_print(&out, ",%s", m->parameter[j].name);
  str_add(&out, "\n");
  Progress *progress = status == EBB_OK ? progress_begin("map", "observations", o->n, 0) : NULL;
  for (int64_t k = 0; k < o->n && status == EBB_OK; k++) {
    int64_t starts = 0, peaks;
    Peak *peak;
    for (int64_t i = 0; i < n; i++) {
      const float *from = job->theta + (k * n + i) * d;
      bool whole = true;
      for (int64_t j = 0; j < d; j++) whole = whole && isfinite(from[j]);
      if (!whole) continue;
      density_coordinates(m, from, x + starts * d);
      id[starts++] = (uint64_t)o->number[k] << 32 | (uint64_t)i;
    }
    if (starts == 0) status = fail(EBB_E_NUMERIC, "observation %" PRId64 ": no draw to start from, all failed", o->number[k]);
    if (status == EBB_OK) status = maximum_find(&of.density, (Space){m->map, &m->base}, arena, starts, id, (int32_t)k, x, &peak, &peaks);
    if (status != EBB_OK) break;
    model_theta_inverse(m, peak[0].x, best + k * d);
    for (int64_t i = 0; i < peaks; i++) add_peak(&out, job, k, i, &peak[i], theta);
    if (!peak[0].ascent.converged)
      log_line(LOG_WARNING,
               "observation %" PRId64 ": the ascent to the best peak did not converge (%.3g nats left after %" PRId64 " steps); map.csv has the rest",
               o->number[k], peak[0].ascent.decrement / 2, peak[0].ascent.steps);
    progress_at(progress, k + 1, NULL);
  }
  progress_end(progress, NULL);
  const int64_t shape[2] = {o->n, d};
  if (status == EBB_OK) status = npy_write_f32(path_join(arena, folder, "theta.npy"), 2, shape, best);
  if (status == EBB_OK) status = file_write(path_join(arena, folder, "map.csv"), out.text, out.length);
  str_free(&out);
  arena_free(arena);
  return status;
}
