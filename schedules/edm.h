/* SPDX-License-Identifier: MIT
 *
 * EDM's noise levels and training law, which its two forms share: Karras, Aittala, Aila, Laine 2022 (2206.00364), eq. 5. With u = sigma/alpha,
 *
 *     u(t) = w^rho,   w = b + (1-t)(a-b),   a = sigma_min^(1/rho),   b = sigma_max^(1/rho),   lambda = -2 ln u
 *
 * In training ln u ~ N(p_mean, p_sd^2), whatever the range, cut one unit of lambda outside it. */
#ifndef EBB_SCHEDULES_EDM_H
#define EBB_SCHEDULES_EDM_H

#include <ebb/normal.h>
#include <ebb/schedule.h>

typedef struct Config {
  double sigma_min, sigma_max, rho, p_mean, p_sd;
} Config;

static inline void range(const void *self, double t[2]) {
  (void)self;
  t[0] = 0;
  t[1] = 1;
}

static inline void inverse(const void *self, int64_t n, const double *lambda, double *t) {
  const Config *c = self;
  double a = pow(c->sigma_min, 1 / c->rho), b = pow(c->sigma_max, 1 / c->rho);
  for (int64_t i = 0; i < n; i++) t[i] = 1 - (exp(-lambda[i] / (2 * c->rho)) - b) / (a - b);
}

static inline void train(const void *self, int64_t n, const double *u, double *lambda) {
  const Config *c = self;
  double most = -2 * log(c->sigma_min) + 1, least = -2 * log(c->sigma_max) - 1;
  for (int64_t i = 0; i < n; i++) lambda[i] = fmin(fmax(-2 * (c->p_mean + c->p_sd * ebb_normal_quantile(u[i])), least), most);
}

#endif
