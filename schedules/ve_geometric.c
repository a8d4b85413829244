/* SPDX-License-Identifier: MIT
 *
 * The variance-exploding SDE with geometric noise levels: Song et al. 2021 (2011.13456), eq. 9 and 30,
 *
 *     alpha = 1,   sigma(t) = sigma_min (sigma_max / sigma_min)^t,   lambda = -2 ln sigma,   lambda' = -2 ln(sigma_max / sigma_min)
 *
 * g^2 = d(sigma^2)/dt = -sigma^2 lambda'. z(1) is N(0, sigma_max^2 + 1) for x of unit variance: the host's start is matched to that. Evenly in t is
 * evenly in lambda. */
#include <math.h>

#include <ebb/schedule.h>

typedef struct Config {
  double sigma_min, sigma_max;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, sigma_min, 1e-4, 1e-6, 0.5, "", "sigma at t = 0"),
    EBB_REAL(Config, sigma_max, 10.0, 1.0, 1e6, "", "sigma at t = 1"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  double rate = log(c->sigma_max / c->sigma_min);
  for (int64_t i = 0; i < n; i++) {
    double log_sigma = log(c->sigma_min) + rate * t[i], sigma = exp(log_sigma);
    out[i] = (EbbLevel){.t = t[i], .alpha = 1, .sigma = sigma, .dsigma = rate * sigma, .lambda = -2 * log_sigma, .dlambda = -2 * rate, .index = -1};
  }
  return EBB_OK;
}

static void range(const void *self, double t[2]) {
  (void)self;
  t[0] = 0;
  t[1] = 1;
}

static void inverse(const void *self, int64_t n, const double *lambda, double *t) {
  const Config *c = self;
  for (int64_t i = 0; i < n; i++) t[i] = (-0.5 * lambda[i] - log(c->sigma_min)) / log(c->sigma_max / c->sigma_min);
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse};
static const EbbComponent ve_geometric = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "ve_geometric",
    .summary = "variance exploding, noise levels evenly in their logarithm",
    .version = "1.0",
    .reference = "2011.13456, eq. 30",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&ve_geometric)
