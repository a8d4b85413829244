/* SPDX-License-Identifier: MIT
 *
 * The variance-preserving SDE with a linear rate: Song et al. 2021 (2011.13456), eq. 32 and 33; Ho, Jain, Abbeel 2020 (2006.11239) in the limit of
 * many steps. With beta(t) = beta_0 + (beta_1 - beta_0) t and its integral B(t) = beta_0 t + (beta_1 - beta_0) t^2 / 2,
 *
 *     alpha = exp(-B/2),   sigma^2 = 1 - exp(-B),   lambda = -ln(exp(B) - 1),   lambda' = -beta / sigma^2,   g^2 = beta
 *
 * t begins above 0, where lambda is infinite. alpha(1) is exp(-5) with the defaults and may be far from 0 with others (sbi's .01, 10: .082); the
 * host's start is matched to that. */
#include <math.h>

#include <ebb/schedule.h>

typedef struct Config {
  double beta_0, beta_1, t_min;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, beta_0, 0.1, 1e-4, 10.0, "", "rate at t = 0"),
    EBB_REAL(Config, beta_1, 20.0, 0.1, 1000.0, "", "rate at t = 1"),
    EBB_REAL(Config, t_min, 1e-5, 1e-12, 0.1, "", "where t begins"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  for (int64_t i = 0; i < n; i++) {
    double slope = c->beta_1 - c->beta_0, beta = c->beta_0 + slope * t[i], B = t[i] * (c->beta_0 + 0.5 * slope * t[i]);
    double alpha = exp(-0.5 * B), variance = -expm1(-B), sigma = sqrt(variance);
    out[i] = (EbbLevel){.t = t[i],
                        .alpha = alpha,
                        .sigma = sigma,
                        .dalpha = -0.5 * beta * alpha,
                        .dsigma = 0.5 * beta * alpha * alpha / sigma,
                        .lambda = -B - log(variance),
                        .dlambda = -beta / variance,
                        .index = -1};
  }
  return EBB_OK;
}

static void range(const void *self, double t[2]) {
  t[0] = ((const Config *)self)->t_min;
  t[1] = 1;
}

/* B = ln(1 + exp(-lambda)), then the root of B(t) = B that does not subtract. */
static void inverse(const void *self, int64_t n, const double *lambda, double *t) {
  const Config *c = self;
  for (int64_t i = 0; i < n; i++) {
    double B = fmax(-lambda[i], 0) + log1p(exp(-fabs(lambda[i])));
    t[i] = 2 * B / (c->beta_0 + sqrt(fmax(c->beta_0 * c->beta_0 + 2 * (c->beta_1 - c->beta_0) * B, 0)));
  }
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse};
static const EbbComponent vp_linear = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "vp_linear",
    .summary = "variance preserving, noise added at a linearly rising rate",
    .version = "1.0",
    .reference = "2011.13456, eq. 32",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&vp_linear)
