/* SPDX-License-Identifier: MIT
 *
 * EDM's own form, variance exploding: Karras, Aittala, Aila, Laine 2022 (2206.00364), eq. 5, with
 * w, a, b as in edm.h,
 *
 *     alpha = 1,   sigma(t) = w^rho,   lambda = -2 rho ln w,   lambda' = 2 rho (a-b) / w,   g^2 = d(sigma^2)/dt = -sigma^2 lambda'
 *
 * At t = 1 z is N(0, sigma_max^2 + 1) for x of unit variance, not N(0, 1): the host's start is matched to that. */
#include "edm.h"

static const EbbParam params[] = {
    EBB_REAL(Config, sigma_min, 2e-3, 1e-6, 0.5, "", "smallest sigma, at t = 0"),
    EBB_REAL(Config, sigma_max, 80.0, 1.0, 1e6, "", "largest sigma, at t = 1"),
    EBB_REAL(Config, rho, 7.0, 1.0, 100.0, "", "how t is spread: 1 evenly in sigma, large evenly in its logarithm"),
    EBB_REAL(Config, p_mean, -1.2, -20.0, 20.0, "", "training law: mean of ln sigma"),
    EBB_REAL(Config, p_sd, 1.2, 0.01, 20.0, "", "training law: standard deviation of ln sigma"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  double a = pow(c->sigma_min, 1 / c->rho), b = pow(c->sigma_max, 1 / c->rho);
  for (int64_t i = 0; i < n; i++) {
    double w = b + (1 - t[i]) * (a - b), sigma = pow(w, c->rho), dlambda = 2 * c->rho * (a - b) / w;
    out[i] = (EbbLevel){
        .t = t[i], .alpha = 1, .sigma = sigma, .dsigma = -0.5 * sigma * dlambda, .lambda = -2 * c->rho * log(w), .dlambda = dlambda, .index = -1};
  }
  return EBB_OK;
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse, .train = train};
static const EbbComponent edm_ve = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "edm_ve",
    .summary = "variance exploding, with EDM's noise levels and training law",
    .version = "1.0",
    .reference = "2206.00364, eq. 5 and table 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&edm_ve)
