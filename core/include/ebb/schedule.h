/* SPDX-License-Identifier: MIT
 *
 * Noise schedules: z = alpha(t) x + sigma(t) eps, t = 0 is data, t = 1 is noise, lambda = log(alpha^2 / sigma^2) falls strictly with t.
 * Everything else follows: f = alpha'/alpha, g^2 = -sigma^2 lambda'(t) for every schedule (Kingma & Gao 2023, 2303.00848). A plugin gives alpha,
 * sigma, lambda and their derivatives; grids for sampling are the host's; training laws other than its own are chosen in the spec. */
#ifndef EBB_SCHEDULE_H
#define EBB_SCHEDULE_H

#include <ebb/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One noise level. f = dalpha / alpha, g^2 = -sigma^2 dlambda; u = sigma / alpha = exp(-lambda / 2). */
typedef struct EbbLevel {
  double t;              /* schedule time in [t_min, t_max] */
  double alpha, sigma;   /* signal and noise scale; sigma = 0, alpha = 1 only as the end of a run */
  double dalpha, dsigma; /* d/dt */
  double lambda;         /* log SNR */
  double dlambda;        /* d/dt, < 0 */
  int64_t index;         /* its place in the plan's grid, by which time-only parts of a network are kept; -1: none. Set by the host */
} EbbLevel;

/* A schedule as others see it: fallbacks filled in. All slots [any]; lambda is finite on [t_min, t_max]. */
typedef struct EbbSchedule EbbSchedule;
struct EbbSchedule {
  uint32_t size;
  const void *ctx;
  double t_min, t_max;
  void (*at)(const EbbSchedule *, int64_t n, const double *t, EbbLevel *out);
  void (*inverse)(const EbbSchedule *, int64_t n, const double *lambda, double *t); /* clamped to [t_min, t_max] */
  void (*train)(const EbbSchedule *, int64_t n, const double *u, double *lambda);   /* training law: lambda at the u-quantile of noise, u in (0, 1) */
};

typedef struct EbbScheduleOps {
  uint32_t size;
  /* required [any] all members of out but index, at n times within range */
  EbbStatus (*at)(const void *self, int64_t n, const double *t, EbbLevel *out);
  /* required [any] t[0] = t_min, t[1] = t_max */
  void (*range)(const void *self, double t[2]);
  /* optional [any] t with lambda(t) = lambda[i]; otherwise bisection */
  void (*inverse)(const void *self, int64_t n, const double *lambda, double *t);
  /* optional [any] training law; otherwise lambda(t = t_min + u (t_max - t_min)) */
  void (*train)(const void *self, int64_t n, const double *u, double *lambda);
} EbbScheduleOps;

#ifdef __cplusplus
}
#endif
#endif
