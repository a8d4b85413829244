/* SPDX-License-Identifier: MIT */
#include "run/posterior.h"

#include <stdlib.h>

EbbStatus posterior_new(Arena *arena, const Run *run, int64_t observation, Posterior *out) {
  const EbbSimulatorOps *ops = run->simulator.ops;
  const char *id = run->simulator.component->id;
  *out = (Posterior){.run = run, .one = observation_row(&run->observations.data, observation), .d = ebb_layout_numbers(&run->info.theta)};
  if (ops->log_likelihood == NULL)
    return fail(
        EBB_E_UNSUPPORTED,
        "simulator %s has neither an exact posterior sampler nor a log-likelihood (slots reference, log_likelihood); no reference can be made", id);
  EbbStatus status = joint_make(arena, &run->info, &out->joint);
  if (status == EBB_OK && ops->log_prior == NULL && !joint_declared(&out->joint))
    return fail(EBB_E_UNSUPPORTED,
                "simulator %s has a prior whose density is not known (neither declared nor by slot log_prior); no reference can be made", id);
  out->map = ARENA_ARRAY(arena, ParameterMap, out->d);
  for (int64_t j = 0; j < out->d; j++) {
    const EbbParameter *p = &run->info.parameter[j];
    out->map[j] = (ParameterMap){.kind = bijection_of(p->lower, p->upper), .lower = p->lower, .upper = p->upper, .scale = 1};
  }
  return status;
}

void posterior_theta(const Posterior *t, const double *q, float *theta) {
  for (int64_t j = 0; j < t->d; j++) theta[j] = (float)map_inverse(&t->map[j], q[j]);
}

void posterior_coordinates(const Posterior *t, const float *theta, double *q) {
  for (int64_t j = 0; j < t->d; j++) q[j] = map_forward(&t->map[j], (double)theta[j]);
}

double posterior_log_slope(const Posterior *t, const double *q) {
  double sum = 0;
  for (int64_t j = 0; j < t->d; j++) sum += map_log_slope_at(&t->map[j], q[j]);
  return sum;
}

EbbStatus posterior_rows(void *ctx, EbbWork *work, int64_t n, const double *q, double *log_prior, double *log_likelihood) {
  const Posterior *t = ctx;
  const EbbSimulatorOps *ops = t->run->simulator.ops;
  const EbbComponent *component = t->run->simulator.component;
  if (run_stop) return fail(EBB_E_CANCELLED, "stopped while sampling the reference posterior");
  float *theta = work_alloc(work, (size_t)(n * t->d) * sizeof *theta);
  for (int64_t i = 0; i < n; i++) posterior_theta(t, q + i * t->d, theta + i * t->d);
  EbbStatus status = EBB_OK;
  if (ops->log_prior != NULL) {
    status = ops->log_prior(t->run->simulator.self, n, theta, log_prior);
  } else {
    for (int64_t i = 0; i < n; i++) log_prior[i] = joint_log_density(&t->joint, theta + i * t->d);
  }
  for (int64_t i = 0; i < n; i++) log_prior[i] -= posterior_log_slope(t, q + i * t->d);
  breadcrumb(component, "log_likelihood", n);
  if (status >= 0) status = ops->log_likelihood(t->run->simulator.self, work, n, theta, &t->one, log_likelihood);
  breadcrumb(NULL, NULL, 0);
  return status < 0 ? status : EBB_OK;
}

EbbStatus posterior_prior(const Posterior *t, uint64_t seed, int64_t n, double *q) {
  float *theta = malloc((size_t)(n * t->d) * sizeof *theta);
  if (theta == NULL) return fail(EBB_E_MEMORY, "no memory for %lld draws of the prior", (long long)n);
  EbbStatus status = prior_rows(t->run->pool, &t->run->simulator, &t->run->info, seed, STREAM_REFERENCE, n, theta);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) posterior_coordinates(t, theta + i * t->d, q + i * t->d);
  free(theta);
  return status;
}
