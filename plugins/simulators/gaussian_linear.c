/* SPDX-License-Identifier: MIT
 *
 * Gaussian linear of sbibm (Lueckmann et al. 2021, 2101.04653, T.1): theta ~ N(0, .1 I), x | theta ~ N(theta, .1 I), ten dimensions. The posterior is
 * N(x/2, .05 I). */
#include "gaussian_linear.h"

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {
    {1.0471346, 0.5566712, -0.23618454, 0.027879834, -1.0051446, -0.007930746, 0.06117077, -0.29286885, -0.38539964, 0.2449614},
    {-0.106687605, -0.8015651, -0.07332335, 0.4009537, 0.62297356, -0.18687348, 0.7087778, 0.1921165, 0.6718195, 0.097826496},
    {0.46684834, -1.0391812, -0.4221986, -0.043471217, 0.06795333, 0.44685173, 0.034785576, -0.48691356, -0.14388148, -0.60066223},
    {0.26986307, -0.8764679, -0.80710757, -0.62243676, -0.29644397, 0.18969943, -1.2106322, 0.080149904, -0.05710575, -0.6485255},
    {0.086261556, 0.23511642, -0.12244874, -0.23736775, -0.14382003, -0.59807384, 0.5410164, 0.35587752, 0.45564276, 0.33464402}};
static const double truths[OBSERVATIONS][D] = {
    {0.27184236, 0.6762953, 0.17189318, -0.04218617, -0.82151634, 0.024290232, -0.24255924, -0.16438946, -0.13595216, 0.26958188},
    {0.3231766, -0.48194557, -0.158818, 0.24477085, -0.05232675, -0.17622235, 0.11508731, -0.59824085, 0.4403286, 0.054832038},
    {0.7524056, -0.40969732, -0.4214273, 0.5400569, 0.106762305, 0.44723606, 0.15044528, -0.44408217, 0.03280716, -0.7424394},
    {0.21707824, -0.8317063, -0.07557733, -0.4370258, -0.14421989, 0.32103, -0.50172037, 0.28485256, -0.35796782, -0.70275885},
    {-0.15898985, -0.08629426, -0.021514494, 0.28765088, -0.15135133, -0.1654573, 0.6602954, 0.07169207, -0.011314105, 0.1380289}};

#define NORMAL(text)                                                                                                                                 \
  { .name = text, .lower = -INFINITY, .upper = INFINITY, .p = {0, SD}, .family = EBB_PRIOR_NORMAL }
static const EbbParameter parameters[D] = {NORMAL("theta1"), NORMAL("theta2"), NORMAL("theta3"), NORMAL("theta4"), NORMAL("theta5"),
                                           NORMAL("theta6"), NORMAL("theta7"), NORMAL("theta8"), NORMAL("theta9"), NORMAL("theta10")};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  return give(DATA, observed[k - 1], D, truths[k - 1], out, truth);
}

static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  const EbbHost *host = ebb_host_of(self);
  double *xi = host->scratch(work, (size_t)(rows * D) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, D, xi);
  for (int64_t i = 0; i < rows; i++)
    for (int j = 0; j < D; j++) theta[i * D + j] = (float)(0.5 * (double)one->value[j] + sqrt(0.5 * VARIANCE) * xi[i * D + j]);
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops,
                                    .describe = describe,
                                    .simulate = simulate,
                                    .log_likelihood = log_likelihood,
                                    .observation = observation,
                                    .reference = reference};
static const EbbComponent gaussian_linear = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "gaussian_linear",
    .summary = "mean of a Gaussian in ten dimensions, exact posterior known",
    .version = "1.0",
    .reference = "2101.04653, appendix T.1",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&gaussian_linear)
