/* SPDX-License-Identifier: MIT
 *
 * Cosine: Nichol & Dhariwal 2021 (2102.09672), eq. 17, shifted as in Hoogeboom, Heek, Salimans 2023 (2301.11093), section 3.1. With phi = pi t' / 2,
 *
 *     u = sigma/alpha = e^-shift tan phi,   alpha = 1/sqrt(1+u^2),   sigma = u/sqrt(1+u^2)        (shift 0: cos phi, sin phi)
 *     lambda = -2 ln tan phi + 2 shift,   t'(lambda) = (2/pi) atan e^(shift - lambda/2),   lambda' = -2 pi (t_b - t_a) / sin(pi t')
 *
 * t' = t_a + (t_b - t_a) t, cut so that lambda runs from lambda_max to lambda_min. The cut is made once: lambda' is a function of t', and the inverse
 * goes all the way back to t. Trained evenly in t, which is the density sech(lambda/2 - shift) / 2 pi. */
#include <math.h>

#include <ebb/schedule.h>

typedef struct Config {
  double shift, lambda_min, lambda_max;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, shift, 0.0, -10.0, 10.0, "", "half of what is added to lambda; images: ln(64 / resolution)"),
    EBB_REAL(Config, lambda_min, -12.0, -40.0, -0.1, "", "log-SNR at t = 1"),
    EBB_REAL(Config, lambda_max, 12.0, 0.1, 40.0, "", "log-SNR at t = 0"),
    EBB_END,
};

static const double pi = 3.14159265358979323846;

static double uncut(const Config *c, double lambda) { return 2 / pi * atan(exp(c->shift - 0.5 * lambda)); }

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  double t_a = uncut(c, c->lambda_max), span = uncut(c, c->lambda_min) - t_a;
  for (int64_t i = 0; i < n; i++) {
    double cut = t_a + span * t[i], u = exp(-c->shift) * tan(0.5 * pi * cut), root = sqrt(1 + u * u);
    double alpha = 1 / root, sigma = u / root, dlambda = -2 * pi * span / sin(pi * cut);
    out[i] = (EbbLevel){.t = t[i],
                        .alpha = alpha,
                        .sigma = sigma,
                        .dalpha = 0.5 * alpha * sigma * sigma * dlambda,
                        .dsigma = -0.5 * sigma * alpha * alpha * dlambda,
                        .lambda = -2 * log(u),
                        .dlambda = dlambda,
                        .index = -1};
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
  double t_a = uncut(c, c->lambda_max), span = uncut(c, c->lambda_min) - t_a;
  for (int64_t i = 0; i < n; i++) t[i] = (uncut(c, lambda[i]) - t_a) / span;
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse};
static const EbbComponent cosine = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "cosine",
    .summary = "variance preserving, alpha and sigma on a quarter circle",
    .version = "1.0",
    .reference = "2102.09672, eq. 17; shift 2301.11093, section 3.1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&cosine)
