/* SPDX-License-Identifier: MIT
 *
 * Simple likelihood, complex posterior (Papamakarios et al. 2019, 1805.07226; sbibm T.3 in 2101.04653): five parameters of a bivariate Gaussian, data
 * four draws of it (slcp.h). */
#include "slcp.h"

enum { DATA = PAIRS };

/* sbibm's first five observations. */
static const double observed[OBSERVATIONS][DATA] = {{2.3718784, 0.49947417, 9.931435, 1.7136912, -10.436423, -1.9067793, -1.2343777, -0.09735},
                                                    {-0.66452104, -2.9279308, -16.49147, 4.06107, 4.232153, -4.652277, -4.9924355, -1.5655216},
                                                    {3.5023372, 5.254722, 8.685451, 9.995327, 0.40782332, -5.7111573, 10.605566, 12.695774},
                                                    {-1.6371447, -0.037302777, -1.5622597, 0.031204943, -3.683134, 0.09953671, -1.7389069, 0.0309663},
                                                    {-8.801672, 8.726709, -10.484016, 6.857725, -6.769688, 7.574161, 3.804308, 2.7593615}};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  draw_pairs(ebb_host_of(self), work, rng, rows, id, theta, out->value);
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  log_density_of_pairs(rows, theta, one->value, out);
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  return give(DATA, observed[k - 1], D, truths[k - 1], out, truth);
}

static const EbbSimulatorOps ops = {
    .size = sizeof ops, .describe = describe, .simulate = simulate, .log_likelihood = log_likelihood, .observation = observation};
static const EbbComponent slcp = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "slcp",
    .summary = "four draws of a bivariate Gaussian, posterior with four modes",
    .version = "1.0",
    .reference = "2101.04653, appendix T.3",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&slcp)
