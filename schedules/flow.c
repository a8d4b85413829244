/* SPDX-License-Identifier: MIT
 *
 * The straight path of flow matching: Lipman, Chen, Ben-Hamu, Nickel, Le 2023 (2210.02747), eq. 20-23, with t = 0 the data; Liu, Gong, Liu 2023
 * (2209.03003) for sigma_min = 0:
 *
 *     alpha = 1 - t,   sigma = t + (1 - t) sigma_min,   lambda = 2 ln(alpha/sigma),   lambda' = -2 / (alpha sigma)
 *     t(lambda) = (u - sigma_min) / (1 + u - sigma_min),   u = sigma/alpha
 *
 * alpha sigma' - sigma alpha' = 1 at any sigma_min. t runs from `margin` to 1 - margin, where lambda is finite. Trained evenly in t; flow_matching
 * has a law of its own. */
#include <math.h>

#include <ebb/schedule.h>

typedef struct Config {
  double sigma_min, margin;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, sigma_min, 0.0, 0.0, 0.5, "", "noise left at t = 0"),
    EBB_REAL(Config, margin, 1e-4, 1e-9, 0.1, "", "distance that t keeps from 0 and from 1"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  for (int64_t i = 0; i < n; i++) {
    double alpha = 1 - t[i], sigma = t[i] + alpha * c->sigma_min;
    out[i] = (EbbLevel){.t = t[i],
                        .alpha = alpha,
                        .sigma = sigma,
                        .dalpha = -1,
                        .dsigma = 1 - c->sigma_min,
                        .lambda = 2 * log(alpha / sigma),
                        .dlambda = -2 / (alpha * sigma),
                        .index = -1};
  }
  return EBB_OK;
}

static void range(const void *self, double t[2]) {
  const Config *c = self;
  t[0] = c->margin;
  t[1] = 1 - c->margin;
}

/* exp(lambda / 2) = 1/u, so that nothing overflows at large u. */
static void inverse(const void *self, int64_t n, const double *lambda, double *t) {
  const Config *c = self;
  for (int64_t i = 0; i < n; i++) {
    double signal = exp(0.5 * lambda[i]), noise = 1 - c->sigma_min * signal;
    t[i] = noise / (signal + noise);
  }
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse};
static const EbbComponent flow = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "flow",
    .summary = "straight lines between data and noise, as in flow matching",
    .version = "1.0",
    .reference = "2210.02747, eq. 22",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&flow)
