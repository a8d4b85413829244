/* SPDX-License-Identifier: MIT
 *
 * What training and distillation of a discrete consistency map share: the grid of noise levels, the law of its pairs, and the loss of one answer f at
 * u_{i+1} against another at u_i that is taken as given.
 *
 *     u_i = (a + (i-1)/(N-1) (b - a))^rho,  a, b = u_min^(1/rho), u_max^(1/rho),     p_i ~ erf((ln u_{i+1} - P_m)/(sqrt 2 P_s)) - erf((ln u_i -
 * P_m)/...) loss = (sqrt(|f - f'|^2 + c^2) - c) / (u_{i+1} - u_i),  c = huber sqrt(d), |.| the norm over the row */
#ifndef EBB_OBJECTIVES_CONSISTENCY_PAIR_H
#define EBB_OBJECTIVES_CONSISTENCY_PAIR_H

#include <math.h>

#include <ebb/objective.h>

typedef struct PairLaw {
  double rho, mean, sd;
} PairLaw;

/* u_1 .. u_n into u, and the sums of p_1 .. p_i into upto (n - 1, the last is 1). */
static void pair_grid(const EbbSchedule *s, const PairLaw *law, int64_t n, double *u, double *upto) {
  double t[2] = {s->t_min, s->t_max};
  EbbLevel end[2];
  s->at(s, 2, t, end);
  double a = pow(end[0].sigma / end[0].alpha, 1 / law->rho), b = pow(end[1].sigma / end[1].alpha, 1 / law->rho), before = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) {
    u[i] = pow(a + (double)i / (double)(n - 1) * (b - a), law->rho);
    double now = erf((log(u[i]) - law->mean) / (sqrt(2) * law->sd));
    if (i > 0) upto[i - 1] = sum += now - before;
    before = now;
  }
  for (int64_t i = 0; i < n - 1; i++) upto[i] /= sum;
}

static void pair_level(const EbbSchedule *s, double u, EbbLevel *out) {
  double lambda = -2 * log(u), t;
  s->inverse(s, 1, &lambda, &t);
  s->at(s, 1, &t, out);
}

/* Each row's pair of neighbours by its u: the larger noise in at, the smaller in at2; z is the clean value with the row's noise at the larger. */
static void pair_corrupt(const PairLaw *law, int64_t n, double *u, double *upto, EbbBatch *b) {
  pair_grid(b->schedule, law, n, u, upto);
  for (int64_t r = 0; r < b->rows; r++) {
    int64_t i = 0;
    while (i < n - 2 && b->u[r] > upto[i]) i++;
    pair_level(b->schedule, u[i + 1], &b->at[r]);
    pair_level(b->schedule, u[i], &b->at2[r]);
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++)
      b->z[j] = (float)(b->at[r].alpha * (double)b->x[j] + b->at[r].sigma * (double)b->noise[j]);
  }
}

static void pair_loss(double huber, EbbBatch *b) {
  double c = huber * sqrt((double)b->dim);
  for (int64_t r = 0; r < b->rows; r++) {
    double span = b->at[r].sigma / b->at[r].alpha - b->at2[r].sigma / b->at2[r].alpha, square = c * c;
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++) {
      double off = (double)b->base[j] + (double)b->gain[j] * (double)b->out[j] - (double)b->base2[j] - (double)b->gain2[j] * (double)b->out2[j];
      square += off * off;
      b->grad[j] = (float)off;
    }
    double root = sqrt(square);
    b->loss[r] = (root - c) / span;
    for (int64_t j = r * b->dim; j < (r + 1) * b->dim; j++) b->grad[j] = (float)(b->scale * (double)b->gain[j] * (double)b->grad[j] / (root * span));
  }
}

#endif
