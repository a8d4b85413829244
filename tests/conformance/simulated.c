/* SPDX-License-Identifier: MIT
 *
 * Prior, simulation and exact draws of a simulator, for the suites. */
#include "simulated.h"

#include "model/prior.h"

Sim sim_make(const char *yaml) {
  Sim s = {.id = yaml, .child = suite_make(EBB_SIMULATOR, yaml), .info = {.size = sizeof(EbbModelInfo)}, .work = work_new()};
  s.ops = s.child.ops;
  CHECK_OK(s.ops->describe(s.child.self, &s.info));
  s.d = ebb_layout_numbers(&s.info.theta);
  s.numbers = ebb_layout_numbers(&s.info.data);
  return s;
}

void sim_free(Sim *s) {
  work_free(s->work);
  plugin_destroy(&s->child);
}

EbbData sim_data(const Sim *s, int64_t rows) {
  Arena *a = suite_arena();
  bool varies = s->info.data.kind == EBB_SET || s->info.data.kind == EBB_SERIES;
  return (EbbData){.size = sizeof(EbbData),
                   .layout = s->info.data,
                   .rows = rows,
                   .value = ARENA_ARRAY(a, float, rows * s->numbers),
                   .stamp = s->info.data.kind == EBB_SERIES ? ARENA_ARRAY(a, float, rows * s->info.data.n) : NULL,
                   .count = varies ? ARENA_ARRAY(a, int32_t, rows) : NULL};
}

/* ids first, first + 1, ... */
static uint64_t *ids(int64_t first, int64_t rows) {
  uint64_t *id = ARENA_ARRAY(suite_arena(), uint64_t, rows);
  for (int64_t i = 0; i < rows; i++) id[i] = (uint64_t)(first + i);
  return id;
}

static const EbbRng rng_prior = {1, 11}, rng_data = {1, 12}, rng_reference = {1, 13};

float *sim_prior(const Sim *s, int64_t first, int64_t rows) {
  float *theta = ARENA_ARRAY(suite_arena(), float, rows * s->d);
  double *u = ARENA_ARRAY(suite_arena(), double, rows * s->d);
  uint64_t *id = ids(first, rows);
  bool own = false;
  for (int64_t j = 0; j < s->d; j++) own = own || s->info.parameter[j].family == EBB_PRIOR_OWN;
  if (own) {
    CHECK_OK(s->ops->prior(s->child.self, rng_prior, rows, id, theta));
    return theta;
  }
  const EbbHost *host = plugin_host(&s->child);
  host->uniform(host, rng_prior, rows, id, NULL, 0, s->d, u);
  for (int64_t i = 0; i < rows * s->d; i++) theta[i] = (float)prior_quantile(&s->info.parameter[i % s->d], u[i]);
  return theta;
}

EbbData sim_run(const Sim *s, int64_t first, int64_t rows, const float *theta, uint8_t *failed) {
  EbbData out = sim_data(s, rows);
  WorkMark mark = work_mark(s->work);
  CHECK_OK(s->ops->simulate(s->child.self, s->work, rng_data, rows, ids(first, rows), theta, &out, failed));
  work_reset(s->work, mark);
  return out;
}

float *sim_reference(const Sim *s, const EbbData *one, int64_t first, int64_t rows) {
  float *theta = ARENA_ARRAY(suite_arena(), float, rows * s->d);
  WorkMark mark = work_mark(s->work);
  CHECK_OK(s->ops->reference(s->child.self, s->work, rng_reference, one, rows, ids(first, rows), theta));
  work_reset(s->work, mark);
  return theta;
}

EbbData sim_row(const Sim *s, const EbbData *all, int64_t i) {
  EbbData one = *all;
  one.rows = 1;
  one.value += i * s->numbers;
  if (one.stamp != NULL) one.stamp += i * one.layout.n;
  if (one.count != NULL) one.count += i;
  return one;
}

EbbData sim_observe(const Sim *s, int64_t k, float *truth) {
  EbbData one = sim_data(s, 1);
  CHECK_OK(s->ops->observation(s->child.self, k, &one, truth));
  return one;
}

Moments sim_moments(int64_t rows, int64_t width, const float *x, int64_t j) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) sum += (double)x[i * width + j];
  for (int64_t i = 0; i < rows; i++) square += pow((double)x[i * width + j] - sum / (double)rows, 2);
  return (Moments){sum / (double)rows, sqrt(square / (double)rows)};
}
