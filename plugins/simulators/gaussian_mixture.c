/* SPDX-License-Identifier: MIT
 *
 * Gaussian mixture of sbibm (Sisson et al. 2007; Lueckmann et al. 2021, 2101.04653, T.7): theta uniform on (-10, 10)^2, x | theta from N(theta, I) or
 * N(theta, .01 I), by a coin. The posterior is the same mixture about x, cut to the box as a whole: a component, a draw, anew if it is outside. */
#include "gaussian_mixture.h"

enum { D = 2, DATA = D, OBSERVATIONS = 5, MOST_TRIES = 100000 };
static const double SD[2] = {1, 0.1}, SIDE = 10;

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {
    {-9.472713, -1.4950509}, {-2.940192, -8.682056}, {7.1683364, -3.0470583}, {-8.047317, -0.021793246}, {8.879822, 8.088118}};
static const double truths[OBSERVATIONS][D] = {
    {-9.527071, -1.4817104}, {-2.8899693, -8.7594595}, {7.3016033, -3.2178392}, {-8.0234165, 0.11640644}, {8.947857, 7.178486}};

static const EbbParameter parameters[D] = {
    {.name = "theta1", .lower = -10, .upper = 10, .p = {-10, 10}, .family = EBB_PRIOR_UNIFORM},
    {.name = "theta2", .lower = -10, .upper = 10, .p = {-10, 10}, .family = EBB_PRIOR_UNIFORM},
};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  mixture_simulate(ebb_host_of(self), work, rng, D, SD, rows, id, theta, out->value);
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  mixture_log_likelihood(D, SD, rows, theta, one->value, out);
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  return give(DATA, observed[k - 1], D, truths[k - 1], out, truth);
}

static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  (void)work;
  const EbbHost *host = ebb_host_of(self);
  for (int64_t i = 0; i < rows; i++) {
    uint32_t try = 0;
    for (;; try++) {
      double coin, xi[D];
      if (try == MOST_TRIES)
        return host->fail(host, EBB_E_NUMERIC, "the data (%g, %g) lie outside what the prior can give: no exact draw in %d tries",
                          (double)one->value[0], (double)one->value[1], MOST_TRIES);
      host->uniform(host, rng, 1, &id[i], &try, BLOCK_COIN, 1, &coin);
      host->normal(host, rng, 1, &id[i], &try, BLOCK_NOISE, D, xi);
      float *draw = theta + i * D;
      for (int j = 0; j < D; j++) draw[j] = (float)((double)one->value[j] + SD[coin < 0.5] * xi[j]);
      if (fabs((double)draw[0]) < SIDE && fabs((double)draw[1]) < SIDE) break;
    }
  }
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops,
                                    .describe = describe,
                                    .simulate = simulate,
                                    .log_likelihood = log_likelihood,
                                    .observation = observation,
                                    .reference = reference};
static const EbbComponent gaussian_mixture = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "gaussian_mixture",
    .summary = "common mean of a wide and a narrow Gaussian, exact posterior known",
    .version = "1.0",
    .reference = "2101.04653, appendix T.7",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&gaussian_mixture)
