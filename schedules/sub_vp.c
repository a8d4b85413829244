/* SPDX-License-Identifier: MIT
 *
 * The sub-variance-preserving SDE: Song et al. 2021 (2011.13456), eq. 12 and 29. With beta(t) = beta_0 + (beta_1 - beta_0) t and its integral B,
 *
 *     alpha = exp(-B/2),   sigma = 1 - alpha^2,   lambda = 2 ln(alpha/sigma),   lambda' = -beta (1 + alpha^2) / sigma,   g^2 = beta (1 - alpha^4)
 *
 * The variance stays below that of vp_linear and rises with t^2: t begins above 0, where lambda is infinite. No closed inverse: the host bisects. */
#include <math.h>

#include <ebb/schedule.h>

typedef struct Config {
  double beta_0, beta_1, t_min;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, beta_0, 0.1, 1e-4, 10.0, "", "rate at t = 0"),
    EBB_REAL(Config, beta_1, 20.0, 0.1, 1000.0, "", "rate at t = 1"),
    EBB_REAL(Config, t_min, 1e-3, 1e-12, 0.1, "", "where t begins"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  for (int64_t i = 0; i < n; i++) {
    double slope = c->beta_1 - c->beta_0, beta = c->beta_0 + slope * t[i], B = t[i] * (c->beta_0 + 0.5 * slope * t[i]);
    double alpha = exp(-0.5 * B), sigma = -expm1(-B);
    out[i] = (EbbLevel){.t = t[i],
                        .alpha = alpha,
                        .sigma = sigma,
                        .dalpha = -0.5 * beta * alpha,
                        .dsigma = beta * alpha * alpha,
                        .lambda = -B - 2 * log(sigma),
                        .dlambda = -beta * (1 + alpha * alpha) / sigma,
                        .index = -1};
  }
  return EBB_OK;
}

static void range(const void *self, double t[2]) {
  t[0] = ((const Config *)self)->t_min;
  t[1] = 1;
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range};
static const EbbComponent sub_vp = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "sub_vp",
    .summary = "below variance preserving, noise added at a linearly rising rate",
    .version = "1.0",
    .reference = "2011.13456, eq. 12",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&sub_vp)
