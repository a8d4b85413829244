/* SPDX-License-Identifier: MIT
 *
 * Fallbacks for schedules, and grids (methods.md 1: uniform in lambda, Karras, uniform in time). */
#include "run/schedule.h"

#include <math.h>

#include <ebb/normal.h>

#include "base/log.h"

static const ScheduleView *view_of(const EbbSchedule *s) { return s->ctx; }

static void at(const EbbSchedule *s, int64_t n, const double *t, EbbLevel *out) {
  view_of(s)->ops->at(view_of(s)->self, n, t, out);
  for (int64_t i = 0; i < n; i++) out[i].index = -1;
}

/* Bisection in t: lambda falls with t. */
static void bisect(const ScheduleView *v, int64_t n, const double *lambda, double *t) {
  for (int64_t i = 0; i < n; i++) {
    double low = v->schedule.t_min, high = v->schedule.t_max;
    for (int k = 0; k < 64 && high - low > 1e-15; k++) {
      double middle = 0.5 * (low + high);
      EbbLevel level;
      v->ops->at(v->self, 1, &middle, &level);
      if (level.lambda > lambda[i])
        low = middle;
      else
        high = middle;
    }
    t[i] = 0.5 * (low + high);
  }
}

static void inverse(const EbbSchedule *s, int64_t n, const double *lambda, double *t) {
  const ScheduleView *v = view_of(s);
  if (v->ops->inverse != NULL)
    v->ops->inverse(v->self, n, lambda, t);
  else
    bisect(v, n, lambda, t);
  for (int64_t i = 0; i < n; i++) t[i] = fmin(fmax(t[i], s->t_min), s->t_max);
}

/* The spec's laws, u counted from the clean end as in the schedule's own: lambda falls with u. Laplace: Hang et al. 2024 (2407.03297), table 1. */
static double law_quantile(const ScheduleView *v, double u) {
  const SpecNoise *l = &v->noise;
  double lambda = v->lambda_max - u * (v->lambda_max - v->lambda_min);
  if (l->law == LAW_NORMAL) lambda = l->mean - l->sd * ebb_normal_quantile(u);
  if (l->law == LAW_LAPLACE) lambda = l->location + l->scale * (u < 0.5 ? -log(2 * u) : log(2 * (1 - u)));
  return fmin(fmax(lambda, v->lambda_min), v->lambda_max);
}

static void train(const EbbSchedule *s, int64_t n, const double *u, double *lambda) {
  const ScheduleView *v = view_of(s);
  if (v->noise.law != LAW_SCHEDULE) {
    for (int64_t i = 0; i < n; i++) lambda[i] = law_quantile(v, u[i]);
    return;
  }
  if (v->ops->train != NULL) {
    v->ops->train(v->self, n, u, lambda);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    double t = s->t_min + u[i] * (s->t_max - s->t_min);
    EbbLevel level;
    v->ops->at(v->self, 1, &t, &level);
    lambda[i] = level.lambda;
  }
}

EbbStatus schedule_view(const EbbChild *child, ScheduleView *out) {
  *out = (ScheduleView){.ops = child->ops, .self = child->self};
  double range[2];
  out->ops->range(out->self, range);
  out->schedule = (EbbSchedule){sizeof(EbbSchedule), out, range[0], range[1], at, inverse, train};
  EbbLevel ends[2];
  EbbStatus status = out->ops->at(out->self, 2, range, ends);
  if (status != EBB_OK) return status;
  out->lambda_max = ends[0].lambda;
  out->lambda_min = ends[1].lambda;
  if (!(isfinite(out->lambda_min) && isfinite(out->lambda_max) && out->lambda_min < out->lambda_max))
    return fail(EBB_E_CONFIG, "schedule %s: the log-SNR must fall from a finite value at t = %g to a finite value at t = %g (got %g and %g)",
                child->component->id, range[0], range[1], out->lambda_max, out->lambda_min);
  return EBB_OK;
}

double schedule_tau(const ScheduleView *v, double lambda) { return 2 * (lambda - v->lambda_min) / (v->lambda_max - v->lambda_min) - 1; }

EbbStatus schedule_grid(Arena *arena, const ScheduleView *v, const SpecGrid *grid, const EbbChild *sampler, int64_t n, EbbLevel **out) {
  double high = fmin(v->lambda_max, -2 * log(grid->range.value[0])), low = fmax(v->lambda_min, -2 * log(grid->range.value[1]));
  if (!(low < high))
    return fail(EBB_E_UNSUPPORTED, "the grid's noise range [%g, %g] has no part in the schedule's, [%g, %g]; change sampling.grid.range",
                grid->range.value[0], grid->range.value[1], exp(-v->lambda_max / 2), exp(-v->lambda_min / 2));
  EbbLevel *level = ARENA_ARRAY(arena, EbbLevel, n + 1);
  double *lambda = ARENA_ARRAY(arena, double, n), *t = ARENA_ARRAY(arena, double, n);
  const EbbSamplerOps *ops = sampler->ops;
  if (ops->levels != NULL) {
    int64_t made = ops->levels(sampler->self, &v->schedule, n, lambda);
    if (made != n)
      return fail(EBB_E_CONFIG, "sampler %s made %lld noise levels of its own, expected %lld", sampler->component->id, (long long)made, (long long)n);
    v->schedule.inverse(&v->schedule, n, lambda, t);
  } else {
    double ends[2] = {low, high}, at_ends[2], u0 = exp(-low / 2), u1 = exp(-high / 2);
    v->schedule.inverse(&v->schedule, 2, ends, at_ends);
    for (int64_t i = 0; i < n; i++) {
      double share = n > 1 ? (double)i / (double)(n - 1) : 0;
      if (grid->spacing == GRID_LAMBDA) lambda[i] = low + share * (high - low);
      if (grid->spacing == GRID_KARRAS)
        lambda[i] = -2 * grid->rho * log(pow(u0, 1 / grid->rho) + share * (pow(u1, 1 / grid->rho) - pow(u0, 1 / grid->rho)));
      t[i] = at_ends[0] + share * (at_ends[1] - at_ends[0]);
    }
    if (grid->spacing != GRID_TIME) v->schedule.inverse(&v->schedule, n, lambda, t);
  }
  v->schedule.at(&v->schedule, n, t, level);
  for (int64_t i = 0; i < n; i++) level[i].index = i;
  level[n] = (EbbLevel){.t = v->schedule.t_min, .alpha = 1, .sigma = 0, .lambda = INFINITY, .index = n};
  *out = level;
  return EBB_OK;
}
