/* SPDX-License-Identifier: MIT
 *
 * Sigmoid: Jabri, Fleet, Chen 2022 (2212.11972), algorithm 1. With S the logistic function and x(t) = (start + t (end - start)) / tau,
 *
 *     alpha^2 = (S(x(1)) - S(x(t))) / (S(x(1)) - S(x(0))),   sigma^2 = 1 - alpha^2
 *
 * S(a) - S(b) = sinh((a-b)/2) / (2 cosh(a/2) cosh(b/2)), so that nothing need be subtracted. With D = x(1) - x(0):
 *
 *     lambda = ln[sinh((1-t) D/2) cosh(x(0)/2)] - ln[sinh(t D/2) cosh(x(1)/2)],   lambda' = -(D/2) [coth((1-t) D/2) + coth(t D/2)]
 *
 * and with r = exp(lambda) cosh(x(1)/2) / cosh(x(0)/2) the inverse t = ln[(r + e^(D/2)) / (r + e^(-D/2))] / D. t runs where |lambda| <= lambda_most.
 */
#include <math.h>

#include <ebb/schedule.h>

typedef struct Config {
  double start, end, tau, lambda_most;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, start, -3.0, -20.0, 1.0, "", "argument of the logistic function at t = 0"),
    EBB_REAL(Config, end, 3.0, 1.1, 20.0, "", "at t = 1"),
    EBB_REAL(Config, tau, 1.0, 0.1, 10.0, "", "divides both: small is steep"),
    EBB_REAL(Config, lambda_most, 15.0, 5.0, 30.0, "", "largest log-SNR, and the smallest with a minus"),
    EBB_END,
};

static EbbStatus at(const void *self, int64_t n, const double *t, EbbLevel *out) {
  const Config *c = self;
  double D = (c->end - c->start) / c->tau, offset = log(cosh(0.5 * c->start / c->tau) / cosh(0.5 * c->end / c->tau));
  for (int64_t i = 0; i < n; i++) {
    double to = 0.5 * (1 - t[i]) * D, from = 0.5 * t[i] * D, lambda = offset + log(sinh(to) / sinh(from));
    double u = exp(-0.5 * lambda), root = sqrt(1 + u * u), alpha = 1 / root, sigma = u / root;
    double dlambda = -0.5 * D * (1 / tanh(to) + 1 / tanh(from));
    out[i] = (EbbLevel){.t = t[i],
                        .alpha = alpha,
                        .sigma = sigma,
                        .dalpha = 0.5 * alpha * sigma * sigma * dlambda,
                        .dsigma = -0.5 * sigma * alpha * alpha * dlambda,
                        .lambda = lambda,
                        .dlambda = dlambda,
                        .index = -1};
  }
  return EBB_OK;
}

static void inverse(const void *self, int64_t n, const double *lambda, double *t) {
  const Config *c = self;
  double D = (c->end - c->start) / c->tau, ratio = cosh(0.5 * c->end / c->tau) / cosh(0.5 * c->start / c->tau);
  for (int64_t i = 0; i < n; i++) t[i] = log1p(2 * sinh(0.5 * D) / (ratio * exp(lambda[i]) + exp(-0.5 * D))) / D;
}

static void range(const void *self, double t[2]) {
  double ends[2] = {((const Config *)self)->lambda_most, -((const Config *)self)->lambda_most};
  inverse(self, 2, ends, t);
}

static const EbbScheduleOps ops = {.size = sizeof ops, .at = at, .range = range, .inverse = inverse};
static const EbbComponent sigmoid = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SCHEDULE,
    .id = "sigmoid",
    .summary = "variance preserving, alpha^2 a piece of the logistic function",
    .version = "1.0",
    .reference = "2212.11972, algorithm 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&sigmoid)
