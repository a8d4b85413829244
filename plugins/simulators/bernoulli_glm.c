/* SPDX-License-Identifier: MIT
 *
 * Bernoulli generalised linear model, summarised (sbibm T.5): x = X'y, the count of spikes and nine lagged sums of the stimulus at spikes. They are
 * sufficient: log p(y | theta) = theta'x - sum_t log(1 + exp(X_t theta)), which is what log_likelihood gives (the sums of different trains differ).
 */
#include "bernoulli_glm.h"

enum { DATA = D };

/* sbibm's first five observations. */
static const double observed[OBSERVATIONS][DATA] = {
    {56, 3.32306, 14.356438, 11.104893, -4.167525, -18.507809, -21.917496, -9.553517, -0.357257, -5.497825},
    {64, -13.708698, -21.951843, -25.772211, -18.224155, -7.3405523, 0.19755906, -10.989475, -12.838102, -1.656197},
    {76, -9.43663, -24.140686, -16.834919, -11.550104, 5.4781427, 2.9003608, -4.5652, -10.978831, -17.152586},
    {60, -12.504245, -19.175411, -28.788593, -25.251158, -7.616167, -8.803228, -2.273953, -10.33271, -13.354123},
    {35, -7.56975, -11.271167, 2.4184117, -7.2964687, -4.508097, 5.3818207, 12.389114, 3.273027, 5.849332}};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  const EbbHost *host = ebb_host_of(self);
  double *u = host->scratch(work, (size_t)(rows * TIMES) * sizeof *u);
  host->uniform(host, rng, rows, id, NULL, 0, TIMES, u);
  for (int64_t i = 0; i < rows; i++) {
    double sum[DATA] = {0};
    for (int t = 0; t < TIMES; t++) {
      if (!spikes(theta + i * D, t, u[i * TIMES + t])) continue;
      sum[0] += 1;
      for (int j = 0; j < LAGS && j <= t; j++) sum[1 + j] += (double)stimulus[t - j];
    }
    for (int j = 0; j < DATA; j++) out->value[i * DATA + j] = (float)sum[j];
  }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  for (int64_t i = 0; i < rows; i++) {
    out[i] = -silence(theta + i * D);
    for (int j = 0; j < D; j++) out[i] += (double)theta[i * D + j] * (double)one->value[j];
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  return give(DATA, observed[k - 1], D, truths[k - 1], out, truth);
}

static const EbbSimulatorOps ops = {.size = sizeof ops,
                                    .describe = describe,
                                    .simulate = simulate,
                                    .prior = prior,
                                    .log_prior = log_prior,
                                    .log_likelihood = log_likelihood,
                                    .observation = observation};
static const EbbComponent bernoulli_glm = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "bernoulli_glm",
    .summary = "spike counts of a cell under a known stimulus: a filter with a correlated prior",
    .version = "1.0",
    .reference = "2101.04653, appendix T.5",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&bernoulli_glm)
