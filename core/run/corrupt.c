/* SPDX-License-Identifier: MIT
 *
 * Questions and losses, one tile of rows. */
#include "run/corrupt.h"

#include <string.h>

#define SCRATCH(work, type, n) ((type *)work_alloc((work), (size_t)(n) * sizeof(type)))

EbbStatus question_ask(const Question *a, EbbWork *work, EbbBatch *b) {
  const Model *m = a->model;
  int64_t n = a->rows, d = m->d;
  float *x = SCRATCH(work, float, n *d), *noise = SCRATCH(work, float, n *d);
  for (int64_t i = 0; i < n; i++) {
    int64_t row = (int64_t)a->row[i];
    model_theta_forward(m, a->set->theta + row * d, x + i * d);
    model_data_forward(m, a->set->x + row * m->q, a->value + i * a->value_row);
  }
  random_normal_f32(a->rng, n, a->row, a->draw, 0, d, noise, d);
  double *lambda = SCRATCH(work, double, n);
  m->view.schedule.train(&m->view.schedule, n, a->u, lambda);
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
  for (int64_t i = 0; i < n; i++) {
    const EbbLevel *level = &b->at[i];
    Affine map = prediction_affine(m->needs.prediction, level);
    Target aim = prediction_target(m->needs.prediction, level);
    float input = (float)level_input(level);
    a->tau[i * a->tau_row] = (float)schedule_tau(&m->view, level->lambda);
    for (int64_t j = 0; j < d; j++) {
      int64_t k = i * d + j;
      a->z[i * a->z_row + j] = input * b->z[k];
      target[k] = (float)(aim.x * (double)x[k] + aim.noise * (double)noise[k]);
      base[k] = (float)(map.skip * (double)b->z[k]);
      gain[k] = (float)map.gain;
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
