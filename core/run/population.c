/* SPDX-License-Identifier: MIT
 *
 * A member's step at sweep s takes five uniforms at (id, s): what kind, which two of its group's other half, how long, whether it is taken. Members
 * with even and odd places are the halves, so that copies of one, which stand side by side, are in both. */
#include "run/population.h"

#include <math.h>
#include <string.h>

#include "run/importance.h"

enum { BLOCK = 64 /* members a task */, UNIFORMS = 5, MOVING = 0, RESAMPLING = 1 /* blocks of random numbers */ };
static const double JUMPS = 0.1;     /* share of steps by a whole difference */
static const double ACCEPTED = 0.18; /* share of the others that should be taken: below the quarter that is best for one mode, since differences
                                        across modes are rarely taken whatever their length */
static const double SHORTEST = 0.3;  /* step over the scale, log-uniform from here to 1 */

void population_new(Arena *arena, int64_t d, int64_t groups, int64_t members, Population *p) {
  int64_t n = groups * members;
  *p = (Population){.d = d, .groups = groups, .members = members, .scale = 2.38 / sqrt(2 * (double)d)};
  double **rows[] = {&p->x, &p->other}, **numbers[] = {&p->log_prior, &p->log_likelihood, &p->other_prior, &p->other_likelihood};
  for (size_t i = 0; i < COUNT(rows); i++) *rows[i] = ARENA_ARRAY(arena, double, n *d);
  for (size_t i = 0; i < COUNT(numbers); i++) *numbers[i] = ARENA_ARRAY(arena, double, n);
  p->taken = ARENA_ARRAY(arena, uint8_t, n);
  p->ancestor = ARENA_ARRAY(arena, int64_t, members);
}

int64_t population_size(const Population *p) { return p->groups * p->members; }

static EbbStatus ask(const Population *p, EbbWork *work, int64_t n, const double *x, double *log_prior, double *log_likelihood) {
  EbbStatus status = p->target(p->ctx, work, n, x, log_prior, log_likelihood);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    if (isnan(log_prior[i])) log_prior[i] = -INFINITY;
    if (isnan(log_likelihood[i]) || log_prior[i] == -INFINITY) log_likelihood[i] = -INFINITY;
    if (log_prior[i] == INFINITY || log_likelihood[i] == INFINITY)
      status = fail(EBB_E_NUMERIC, "the log %s is +infinity at a point of its support; a density that is not bounded cannot be sampled",
                    log_prior[i] == INFINITY ? "prior" : "likelihood");
  }
  return status;
}

static EbbStatus evaluate_block(void *ctx, EbbWork *work, int64_t task) {
  Population *p = ctx;
  int64_t first = task * BLOCK, left = population_size(p) - first, n = left < BLOCK ? left : BLOCK;
  return ask(p, work, n, p->x + first * p->d, p->log_prior + first, p->log_likelihood + first);
}

EbbStatus population_evaluate(Population *p) {
  int64_t n = population_size(p);
  p->evaluations += n;
  return pool_run(p->pool, (n + BLOCK - 1) / BLOCK, evaluate_block, p);
}

EbbStatus population_resample(Population *p, const double *log_weight) {
  int64_t n = population_size(p), m = p->members;
  memcpy(p->other, p->x, (size_t)(n * p->d) * sizeof *p->x);
  memcpy(p->other_prior, p->log_prior, (size_t)n * sizeof *p->x);
  memcpy(p->other_likelihood, p->log_likelihood, (size_t)n * sizeof *p->x);
  for (int64_t g = 0; g < p->groups; g++) {
    double u;
    uint64_t id = p->id + (uint64_t)(g * m);
    random_uniform(p->rng, 1, &id, &p->resamplings, RESAMPLING, 1, &u);
    EbbStatus status = importance_resample(m, log_weight + g * m, u, p->ancestor);
    if (status != EBB_OK) return status;
    for (int64_t i = 0; i < m; i++) {
      int64_t to = g * m + i, from = g * m + p->ancestor[i];
      memcpy(p->x + to * p->d, p->other + from * p->d, (size_t)p->d * sizeof *p->x);
      p->log_prior[to] = p->other_prior[from];
      p->log_likelihood[to] = p->other_likelihood[from];
    }
  }
  p->resamplings++;
  return EBB_OK;
}

typedef struct Sweep {
  Population *p;
  double temperature;
  int64_t half;   /* 0: even places move, 1: odd */
  int64_t blocks; /* tasks a group */
} Sweep;

/* Places of two different members of the standing half. */
static void pick_two(const Population *p, int64_t group, int64_t half, const double u[2], const double *two[2]) {
  int64_t n = p->members / 2, a = (int64_t)(u[0] * (double)n), b = (int64_t)(u[1] * (double)(n - 1));
  b += b >= a;
  two[0] = p->x + (group * p->members + 2 * a + 1 - half) * p->d;
  two[1] = p->x + (group * p->members + 2 * b + 1 - half) * p->d;
}

/* log of the density that is sampled, without 0 x infinity */
static double tempered(double temperature, double log_prior, double log_likelihood) {
  return log_likelihood == -INFINITY ? -INFINITY : log_prior + temperature * log_likelihood;
}

/* One block of members of one group's moving half. taken: 0 stayed, 1 moved, 2 and 3 the same after a whole difference. */
static EbbStatus sweep_block(void *ctx, EbbWork *work, int64_t task) {
  const Sweep *s = ctx;
  Population *p = s->p;
  int64_t group = task / s->blocks, first = task % s->blocks * BLOCK, left = p->members / 2 - first, n = left < BLOCK ? left : BLOCK, d = p->d;
  double *x = work_alloc(work, (size_t)(n * d) * sizeof *x), *u = work_alloc(work, (size_t)(n * UNIFORMS) * sizeof *u);
  double *log_prior = work_alloc(work, (size_t)n * sizeof *x), *log_likelihood = work_alloc(work, (size_t)n * sizeof *x);
  uint64_t *id = work_alloc(work, (size_t)n * sizeof *id);
  uint32_t *sweep = work_alloc(work, (size_t)n * sizeof *sweep);
  for (int64_t i = 0; i < n; i++) {
    id[i] = p->id + (uint64_t)(group * p->members + 2 * (first + i) + s->half);
    sweep[i] = p->sweeps;
  }
  random_uniform(p->rng, n, id, sweep, MOVING, UNIFORMS, u);
  for (int64_t i = 0; i < n; i++) {
    const double *two[2], *at = p->x + (int64_t)(id[i] - p->id) * d, *v = u + i * UNIFORMS;
    double length = v[0] < JUMPS ? 1 : p->scale * pow(SHORTEST, v[3]);
    pick_two(p, group, s->half, v + 1, two);
    for (int64_t j = 0; j < d; j++) x[i * d + j] = at[j] + length * (two[0][j] - two[1][j]);
  }
  EbbStatus status = ask(p, work, n, x, log_prior, log_likelihood);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    int64_t k = (int64_t)(id[i] - p->id);
    double gain = tempered(s->temperature, log_prior[i], log_likelihood[i]) - tempered(s->temperature, p->log_prior[k], p->log_likelihood[k]);
    p->taken[k] = u[i * UNIFORMS] < JUMPS ? 2 : 0;
    if (!(log(u[i * UNIFORMS + 4]) < gain)) continue;
    p->taken[k]++;
    memcpy(p->x + k * d, x + i * d, (size_t)d * sizeof *x);
    p->log_prior[k] = log_prior[i];
    p->log_likelihood[k] = log_likelihood[i];
  }
  return status;
}

EbbStatus population_sweep(Population *p, double temperature) {
  int64_t n = population_size(p), count[4] = {0};
  Sweep s = {p, temperature, 0, (p->members / 2 + BLOCK - 1) / BLOCK};
  EbbStatus status = EBB_OK;
  for (; s.half < 2 && status == EBB_OK; s.half++) status = pool_run(p->pool, p->groups * s.blocks, sweep_block, &s);
  if (status != EBB_OK) return status;
  p->sweeps++;
  p->evaluations += n;
  for (int64_t i = 0; i < n; i++) count[p->taken[i]]++;
  p->acceptance = (double)(count[1] + count[3]) / (double)n;
  double steps = (double)(count[0] + count[1]), widest = 2.38 / sqrt(2 * (double)p->d) * 2;
  if (steps > 0) p->scale *= exp((double)count[1] / steps - ACCEPTED);
  p->scale = fmin(fmax(p->scale, 1e-3 * widest), widest);
  return EBB_OK;
}

/* The largest over coordinates of the correlation of x and what was x, over all members, about each group's means. */
static double remembered(const Population *p, const double *was) {
  double most = 0;
  for (int64_t j = 0; j < p->d; j++) {
    double xy = 0, xx = 0, yy = 0;
    for (int64_t g = 0; g < p->groups; g++) {
      const double *x = p->x + g * p->members * p->d + j, *y = was + g * p->members * p->d + j;
      double n = (double)p->members, mean_x = 0, mean_y = 0;
      for (int64_t i = 0; i < p->members; i++) mean_x += x[i * p->d] / n, mean_y += y[i * p->d] / n;
      for (int64_t i = 0; i < p->members; i++) {
        double a = x[i * p->d] - mean_x, b = y[i * p->d] - mean_y;
        xy += a * b, xx += a * a, yy += b * b;
      }
    }
    most = fmax(most, xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 1);
  }
  return most;
}

EbbStatus population_move(Population *p, double temperature, int64_t least, int64_t most, double correlation) {
  enum { LOOK_BACK = 10 };
  double before[LOOK_BACK];
  memcpy(p->other, p->x, (size_t)(population_size(p) * p->d) * sizeof *p->x);
  for (int64_t s = 0; s < most; s++) {
    EbbStatus status = population_sweep(p, temperature);
    if (status != EBB_OK) return status;
    double now = remembered(p, p->other), *then = &before[s % LOOK_BACK];
    bool stands = s >= LOOK_BACK && now > 0.97 * *then;
    *then = now;
    if (s + 1 >= least && (now < correlation || stands)) break;
  }
  return EBB_OK;
}
