/* SPDX-License-Identifier: MIT
 *
 * Gaussian linear as the task of sets of observations (Linhart et al. 2024, 2404.07593): theta ~ N(0, I) in ten dimensions, x_j | theta ~
 * N(theta_j, v_j) with v = .6, .6889, .., 1.4. One row is one observation; its posterior is N(x_j / (1 + v_j), v_j / (1 + v_j)). */
#include "vectors.h"

enum { D = 10, DATA = D };

#define NORMAL(text)                                                                                                                                 \
  { .name = text, .lower = -INFINITY, .upper = INFINITY, .p = {0, 1}, .family = EBB_PRIOR_NORMAL }
static const EbbParameter parameters[D] = {NORMAL("theta1"), NORMAL("theta2"), NORMAL("theta3"), NORMAL("theta4"), NORMAL("theta5"),
                                           NORMAL("theta6"), NORMAL("theta7"), NORMAL("theta8"), NORMAL("theta9"), NORMAL("theta10")};

static double variance(int64_t j) { return 0.6 + 0.8 * (double)j / (D - 1); }

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, 0, out);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  const EbbHost *host = ebb_host_of(self);
  double *xi = host->scratch(work, (size_t)(rows * D) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, D, xi);
  for (int64_t i = 0; i < rows * D; i++) out->value[i] = (float)((double)theta[i] + sqrt(variance(i % D)) * xi[i]);
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  for (int64_t i = 0; i < rows; i++) {
    out[i] = 0;
    for (int j = 0; j < D; j++) {
      double off = (double)one->value[j] - (double)theta[i * D + j];
      out[i] -= 0.5 * (off * off / variance(j) + log(2 * acos(-1) * variance(j)));
    }
  }
  return EBB_OK;
}

static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  const EbbHost *host = ebb_host_of(self);
  double *xi = host->scratch(work, (size_t)(rows * D) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, D, xi);
  for (int64_t i = 0; i < rows * D; i++) {
    double v = variance(i % D);
    theta[i] = (float)((double)one->value[i % D] / (1 + v) + sqrt(v / (1 + v)) * xi[i]);
  }
  return EBB_OK;
}

static const EbbSimulatorOps ops = {
    .size = sizeof ops, .describe = describe, .simulate = simulate, .log_likelihood = log_likelihood, .reference = reference};
static const EbbComponent tall_gaussian_linear = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "tall_gaussian_linear",
    .summary = "mean of a Gaussian with ten variances, a member of sets of observations, exact posterior known",
    .version = "1.0",
    .reference = "2404.07593, section 4",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&tall_gaussian_linear)
