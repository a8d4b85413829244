/* SPDX-License-Identifier: MIT
 *
 * Gaussian linear with a uniform prior, of sbibm (Lueckmann et al. 2021, 2101.04653, T.2): theta uniform on (-1, 1)^10, x | theta ~ N(theta, .1 I).
 * The posterior is the product of the N(x_j, .1) cut to (-1, 1), drawn by the quantile. */
#include "cut_normal.h"
#include "gaussian_linear.h"

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {
    {-0.53739023, -0.23864163, 0.81923723, 0.6407443, 0.41616207, -0.09746933, 1.1292295, -0.05842293, -0.97055256, -0.9423423},
    {0.019115955, -0.4197468, 0.98860306, -0.6720742, -1.2154121, -0.11650029, 0.35099706, -0.16472842, 0.08806163, 1.239455},
    {0.4030226, -0.7874718, 0.47823936, -1.4466298, 1.0304383, 0.36987883, 0.41743642, -0.6283107, -0.7926628, -1.3377644},
    {-1.1217812, 0.090078756, 0.67020655, -0.31719723, -0.1833409, -0.48315385, 0.5459728, 0.92876196, 0.23659813, -0.10014519},
    {0.90498954, 0.77588695, -0.77208096, 0.56694007, -0.5352473, 0.46516165, 0.11420995, 0.47490227, 0.19284089, -0.11555666}};
static const double truths[OBSERVATIONS][D] = {
    {-0.95270705, -0.14817107, 0.9824493, 0.41320384, 0.99042416, -0.74023414, 0.7862458, 0.043799043, -0.6261761, -0.76511395},
    {-0.28899693, -0.8759459, 0.95357263, -0.6195792, -0.9145992, 0.18952191, 0.3366685, 0.027963042, -0.57398486, 0.36814296},
    {0.73016036, -0.3217839, 0.7436297, -0.98562, 0.5888654, 0.55506134, -0.02393043, -0.34145534, -0.9468237, -0.99791837},
    {-0.8023417, 0.011640668, 0.4937837, 0.12288535, -0.8193135, -0.30012524, 0.15650165, 0.87042105, -0.17070031, 0.05518043},
    {0.89478576, 0.71784866, -0.96226573, 0.72463524, -0.68452966, 0.3685118, 0.5850848, 0.65575254, 0.15802038, 0.4119612}};

#define UNIFORM(text)                                                                                                                                \
  { .name = text, .lower = -1, .upper = 1, .p = {-1, 1}, .family = EBB_PRIOR_UNIFORM }
static const EbbParameter parameters[D] = {UNIFORM("theta1"), UNIFORM("theta2"), UNIFORM("theta3"), UNIFORM("theta4"), UNIFORM("theta5"),
                                           UNIFORM("theta6"), UNIFORM("theta7"), UNIFORM("theta8"), UNIFORM("theta9"), UNIFORM("theta10")};

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
  double *u = host->scratch(work, (size_t)(rows * D) * sizeof *u);
  CutNormal cut[D];
  for (int j = 0; j < D; j++) {
    cut[j] = cut_normal((double)one->value[j], SD, 1);
    if (!(cut[j].mass > 0))
      return host->fail(host, EBB_E_NUMERIC, "number %d of the data is %g, outside what the prior can give: expected about -3 to 3", j + 1,
                        (double)one->value[j]);
  }
  host->uniform(host, rng, rows, id, NULL, 0, D, u);
  for (int64_t i = 0; i < rows * D; i++) theta[i] = cut_normal_draw(&cut[i % D], u[i]);
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops,
                                    .describe = describe,
                                    .simulate = simulate,
                                    .log_likelihood = log_likelihood,
                                    .observation = observation,
                                    .reference = reference};
static const EbbComponent gaussian_linear_uniform = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "gaussian_linear_uniform",
    .summary = "mean of a Gaussian in ten dimensions under a uniform prior, exact posterior known",
    .version = "1.0",
    .reference = "2101.04653, appendix T.2",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&gaussian_linear_uniform)
