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

bool questions_beside(const Model *m) { return (m->needs.wants & ~(uint32_t)EBB_OBJ_PAIR) != 0; }

/* Room for what corrupt writes beside the question, and for the answers. */
static void make_room(const Question *a, EbbWork *work, EbbBatch *b) {
  const Model *m = a->model;
  int64_t n = a->rows, d = m->d;
  uint32_t wants = m->needs.wants;
  *a->beside = (Beside){0};
  if (wants & EBB_OBJ_TWIN) {
    b->z2 = SCRATCH(work, float, n *d);
    b->at2 = SCRATCH(work, EbbLevel, n);
    a->beside->z2 = SCRATCH(work, float, n *d);
    a->beside->tau2 = SCRATCH(work, float, n);
    a->beside->out2 = SCRATCH(work, float, n *d);
  }
  if (wants & EBB_OBJ_JVP) {
    b->dz = SCRATCH(work, float, n *d);
    b->dlambda = SCRATCH(work, double, n);
    a->beside->tz = SCRATCH(work, float, n *d);
    a->beside->ttau = SCRATCH(work, float, n);
    a->beside->jout = SCRATCH(work, float, n *d);
  }
  if (wants & EBB_OBJ_WEIGHT) {
    a->beside->w = SCRATCH(work, double, n);
    a->beside->dw = SCRATCH(work, double, n);
    memset(a->beside->w, 0, (size_t)n * sizeof(double));
  }
  a->beside->value = SCRATCH(work, float, n * m->inputs.n);
  for (int64_t i = 0; i < n; i++) memcpy(a->beside->value + i * m->inputs.n, a->value + i * a->value_row, (size_t)m->inputs.n * sizeof(float));
}

/* The teacher under the rows' own conditions. */
static void make_teacher(const Question *a, EbbWork *work, NetworkField *out) {
  const Model *m = a->teacher->model;
  *out = *a->teacher;
  out->field.ctx = out;
  out->value = a->beside->value;
  out->mean = SCRATCH(work, double, a->rows * m->d);
  for (int64_t i = 0; i < a->rows; i++) base_mean(&m->base, out->value + i * m->inputs.n, out->mean + i * m->d);
}

/* The twin's question and the tangent in the network's terms: input = scale (z - alpha m), scale^-2 = (alpha sd)^2 + sigma^2. */
static void translate_beside(const Question *a, EbbWork *work, EbbBatch *b) {
  const Model *m = a->model;
  int64_t n = a->rows, d = m->d;
  double *mean = SCRATCH(work, double, d), per_tau = 2 / (m->view.lambda_max - m->view.lambda_min);
  float *base2 = b->z2 != NULL ? SCRATCH(work, float, n *d) : NULL, *gain2 = b->z2 != NULL ? SCRATCH(work, float, n *d) : NULL;
  for (int64_t i = 0; i < n; i++) {
    base_mean(&m->base, a->value + i * a->value_row, mean);
    if (b->z2 != NULL) a->beside->tau2[i] = (float)schedule_tau(&m->view, b->at2[i].lambda);
    if (b->dz != NULL) a->beside->ttau[i] = (float)(b->dlambda[i] * per_tau);
    for (int64_t j = 0; j < d; j++) {
      int64_t k = i * d + j;
      if (b->z2 != NULL) {
        Link link = model_link(m, &b->at2[i], j);
        double moved = (double)b->z2[k] - b->at2[i].alpha * mean[j];
        a->beside->z2[k] = (float)(link.scale * moved);
        base2[k] = (float)(mean[j] + link.skip * moved);
        gain2[k] = (float)link.gain;
      }
      if (b->dz != NULL) {
        const EbbLevel *l = &b->at[i];
        double scale = model_link(m, l, j).scale, per = b->dlambda[i] / l->dlambda, variance = m->base.variance[j];
        double dscale = -scale * scale * scale * (variance * l->alpha * l->dalpha + l->sigma * l->dsigma) * per;
        double moved = (double)b->z[k] - l->alpha * mean[j];
        a->beside->tz[k] = (float)(scale * ((double)b->dz[k] - l->dalpha * per * mean[j]) + dscale * moved);
      }
    }
  }
  b->base2 = base2;
  b->gain2 = gain2;
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
  NetworkField teacher;
  if (a->beside != NULL) make_room(a, work, b);
  if (a->teacher != NULL) make_teacher(a, work, &teacher);
  b->teacher = a->teacher != NULL ? &teacher.field : NULL;
  EbbStatus status = ((const EbbObjectiveOps *)m->objective.ops)->corrupt(m->objective.self, work, b);
  b->teacher = NULL; /* it has answered */
  if (status != EBB_OK) return status;
  if (a->beside != NULL) translate_beside(a, work, b);
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
  if (a->beside != NULL) {
    b->out2 = a->beside->out2;
    b->jout = a->beside->jout;
    b->w = a->beside->w;
    b->dw = a->beside->dw;
  }
  b->scale = scale;
  b->loss = SCRATCH(work, double, n);
  b->grad = SCRATCH(work, float, n *d);
  EbbStatus status = ((const EbbObjectiveOps *)a->model->objective.ops)->loss(a->model->objective.self, work, b);
  if (status == EBB_OK && dout != NULL)
    for (int64_t i = 0; i < n; i++) memcpy(dout + i * out_row, b->grad + i * d, (size_t)d * sizeof *dout);
  return status;
}
