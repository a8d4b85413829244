/* SPDX-License-Identifier: MIT
 *
 * EDM's noise levels in variance-preserving form: Karras, Aittala, Aila, Laine 2022 (2206.00364), eq. 5 with z divided by sqrt(1 + u^2). With
 * u = sigma/alpha = exp(-lambda/2) the noise-to-signal ratio, and w, a, b as in edm.h,
 *
 *     alpha = 1 / sqrt(1+u^2),   sigma = u / sqrt(1+u^2),   lambda = -2 rho ln w,   lambda' = 2 rho (a-b) / w
 *
 * Trained on another law than it is sampled on (edm.h). */
#include "edm.h"

static const EbbParam params[] = {
    EBB_REAL(Config, sigma_min, 1e-4, 1e-6, 0.5, "", "smallest sigma/alpha, at t = 0"),
    EBB_REAL(Config, sigma_max, 80.0, 1.0, 1e6, "", "largest sigma/alpha, at t = 1"),
    EBB_REAL(Config, rho, 7.0, 1.0, 100.0, "", "how t is spread: 1 evenly in sigma/alpha, large evenly in its logarithm"),
    EBB_REAL(Config, p_mean, -1.2, -20.0, 20.0, "", "training law: mean of ln(sigma/alpha)"),
    EBB_REAL(Config, p_sd, 1.2, 0.01, 20.0, "", "training law: standard deviation of ln(sigma/alpha)"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  double a = pow(c->sigma_min, 1 / c->rho), b = pow(c->sigma_max, 1 / c->rho);
  for (int64_t i = 0; i < n; i++) {
    double w = b + (1 - t[i]) * (a - b), u = pow(w, c->rho), root = sqrt(1 + u * u);
    double alpha = 1 / root, sigma = u / root, dlambda = 2 * c->rho * (a - b) / w;
    out[i] = (EbbLevel){.t = t[i],
                        .alpha = alpha,
                        .sigma = sigma,
                        .dalpha = 0.5 * alpha * sigma * sigma * dlambda,
                        .dsigma = -0.5 * sigma * alpha * alpha * dlambda,
                        .lambda = -2 * c->rho * log(w),
                        .dlambda = dlambda,
                        .index = -1};
  }
  return EBB_OK;
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse, .train = train};
static const EbbComponent edm_vp = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "edm_vp",
    .summary = "variance preserving, with EDM's noise levels and training law",
    .version = "1.0",
    .reference = "2206.00364, eq. 5 and table 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&edm_vp)
