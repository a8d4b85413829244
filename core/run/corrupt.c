/* SPDX-License-Identifier: MIT
 *
 * Questions and losses, one tile of rows. */
#include "run/corrupt.h"

#include <math.h>
#include <string.h>

#define SCRATCH(work, type, n) ((type *)work_alloc((work), (size_t)(n) * sizeof(type)))

/* Where residuals have scales of their own, noise levels are drawn around that of a coordinate chosen at random: u is multiplied by its sd. */
static void spread_levels(const Question *a, EbbWork *work, double *lambda) {
  const Model *m = a->model;
  double *u = SCRATCH(work, double, a->rows);
  random_uniform(a->rng, a->rows, a->row, a->draw, 1, 1, u);
  for (int64_t i = 0; i < a->rows; i++) {
    double moved = lambda[i] - log(m->base.variance[(int64_t)(u[i] * (double)m->d)]);
    lambda[i] = fmin(fmax(moved, m->view.lambda_min), m->view.lambda_max);
  }
}

EbbStatus question_ask(const Question *a, EbbWork *work, EbbBatch *b) {
  const Model *m = a->model;
  int64_t n = a->rows, d = m->d;
  float *x = SCRATCH(work, float, n *d), *noise = SCRATCH(work, float, n *d);
  for (int64_t i = 0; i < n; i++) {
    int64_t row = (int64_t)(a->data != NULL ? a->data : a->row)[i];
    model_theta_forward(m, a->set->theta + row * d, x + i * d);
    model_data_forward(m, a->set->x + row * m->q, a->value + i * a->value_row);
  }
  random_normal_f32(a->rng, n, a->row, a->draw, 0, d, noise, d);
  double *lambda = SCRATCH(work, double, n);
  m->view.schedule.train(&m->view.schedule, n, a->u, lambda);
  if (model_links_differ(m)) spread_levels(a, work, lambda);
  *b = (EbbBatch){.size = sizeof *b,
                  .rows = n,
                  .dim = d,
                  .tokens = d,
                  .keep_step = m->needs.keep,
                  .step = a->step,
                  .steps = a->steps,
                  .schedule = &m->view.schedule,
                  .rng = {a->rng.seed, m->objective.stream},
                  .id = a->row,
                  .draw = a->draw,
                  .u = a->u,
                  .lambda = lambda,
                  .x = x,
                  .noise = noise};
  b->z = SCRATCH(work, float, n *d);
  b->keep = SCRATCH(work, float, n * m->needs.keep);
  b->at = SCRATCH(work, EbbLevel, n);
  EbbStatus status = ((const EbbObjectiveOps *)m->objective.ops)->corrupt(m->objective.self, work, b);
  if (status != EBB_OK) return status;
  float *target = SCRATCH(work, float, n *d), *base = SCRATCH(work, float, n *d), *gain = SCRATCH(work, float, n *d);
  double *mean = SCRATCH(work, double, d);
  bool differ = model_links_differ(m);
  for (int64_t i = 0; i < n; i++) {
    const EbbLevel *level = &b->at[i];
    a->tau[i * a->tau_row] = (float)schedule_tau(&m->view, level->lambda);
    base_mean(&m->base, a->value + i * a->value_row, mean);
    Link link = model_link(m, level, 0);
    for (int64_t j = 0; j < d; j++) {
      int64_t k = i * d + j;
      if (differ && j > 0) link = model_link(m, level, j);
      double moved = (double)b->z[k] - level->alpha * mean[j];
      a->z[i * a->z_row + j] = (float)(link.scale * moved);
      target[k] = (float)(link.clean * ((double)x[k] - mean[j]) + link.noise * (double)noise[k]);
      base[k] = (float)(mean[j] + link.skip * moved);
      gain[k] = (float)link.gain;
    }
  }
  b->target = target;
  b->base = base;
  b->gain = gain;
  return EBB_OK;
}

EbbStatus question_loss(const Question *a, EbbWork *work, EbbBatch *b, const float *out, int64_t out_row, double scale, float *dout) {
  int64_t n = a->rows, d = a->model->d;
  float *answer = SCRATCH(work, float, n *d);
  for (int64_t i = 0; i < n; i++) memcpy(answer + i * d, out + i * out_row, (size_t)d * sizeof *answer);
  b->out = answer;
  b->scale = scale;
  b->loss = SCRATCH(work, double, n);
  b->grad = SCRATCH(work, float, n *d);
  EbbStatus status = ((const EbbObjectiveOps *)a->model->objective.ops)->loss(a->model->objective.self, work, b);
  if (status == EBB_OK && dout != NULL)
    for (int64_t i = 0; i < n; i++) memcpy(dout + i * out_row, b->grad + i * d, (size_t)d * sizeof *dout);
  return status;
}
