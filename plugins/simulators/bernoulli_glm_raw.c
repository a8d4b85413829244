/* SPDX-License-Identifier: MIT
 *
 * Bernoulli generalised linear model, raw (sbibm T.6): x = y, the train of spikes itself, 0 or 1 at each of 100 times. */
#include "bernoulli_glm.h"

enum { DATA = TIMES };

/* sbibm's first five observations. */
static const char observed[OBSERVATIONS][DATA + 1] = {
    "1101111111100000011111110001110111100000111100001110001111001100011111001110000000111000111110000111",
    "1000000000011111111111001111111000011111100111111111110100110011100000100001111111110011011110111111",
    "1100111111111111110111111111011101111111100111110011110001111011110001110001110111100111110111111110",
    "0100000000001111111111111111111100011111110011111111111000010011110000010000110111100011100001111110",
    "0100010011010011000000000000000000001111100001010000110000001110000000011101011101011001101001011000"};

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
  for (int64_t i = 0; i < rows * TIMES; i++) out->value[i] = (float)spikes(theta + i / TIMES * D, (int)(i % TIMES), u[i]);
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  for (int64_t i = 0; i < rows; i++) {
    out[i] = -silence(theta + i * D);
    for (int t = 0; t < TIMES; t++) out[i] += (double)one->value[t] * drive(theta + i * D, t);
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  for (int j = 0; j < DATA; j++) out->value[j] = observed[k - 1][j] == '1';
  for (int j = 0; j < D; j++) truth[j] = (float)truths[k - 1][j];
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops,
                                    .describe = describe,
                                    .simulate = simulate,
                                    .prior = prior,
                                    .log_prior = log_prior,
                                    .log_likelihood = log_likelihood,
                                    .observation = observation};
static const EbbComponent bernoulli_glm_raw = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "bernoulli_glm_raw",
    .summary = "spike train of a cell under a known stimulus: a filter with a correlated prior",
    .version = "1.0",
    .reference = "2101.04653, appendix T.6",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&bernoulli_glm_raw)
