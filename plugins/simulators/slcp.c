/* SPDX-License-Identifier: MIT
 *
 * Simple likelihood, complex posterior (Papamakarios et al. 2019, 1805.07226; sbibm T.3 in 2101.04653): theta uniform on (-3, 3)^5, four independent
 * draws of N(m, S), side by side,
 *
 *     m = (theta1, theta2),  s1 = theta3^2,  s2 = theta4^2,  rho = tanh theta5,  S = [s1^2 + e, rho s1 s2; rho s1 s2, s2^2 + e],  e = 1e-6
 *
 * The signs of theta3 and theta4 leave no trace in the data: four modes of equal weight. */
#include <math.h>

#include <ebb/simulator.h>

enum { D = 5, DRAWS = 4, DATA = 2 * DRAWS, OBSERVATIONS = 5 };
static const double JITTER = 1e-6;

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {{2.3718784, 0.49947417, 9.931435, 1.7136912, -10.436423, -1.9067793, -1.2343777, -0.09735},
                                                    {-0.66452104, -2.9279308, -16.49147, 4.06107, 4.232153, -4.652277, -4.9924355, -1.5655216},
                                                    {3.5023372, 5.254722, 8.685451, 9.995327, 0.40782332, -5.7111573, 10.605566, 12.695774},
                                                    {-1.6371447, -0.037302777, -1.5622597, 0.031204943, -3.683134, 0.09953671, -1.7389069, 0.0309663},
                                                    {-8.801672, 8.726709, -10.484016, 6.857725, -6.769688, 7.574161, 3.804308, 2.7593615}};
static const double truths[OBSERVATIONS][D] = {{-2.8581212, -0.44451332, 2.9473476, 1.2396116, 2.9712725},
                                               {-0.8669908, -2.6278377, 2.8607178, -1.8587376, -2.7437975},
                                               {2.1904812, -0.9653516, 2.2308893, -2.95686, 1.7665963},
                                               {-2.407025, 0.034922123, 1.4813509, 0.36865616, -2.4579406},
                                               {2.6843572, 2.1535459, -2.8867972, 2.1739058, -2.0535889}};

#define UNIFORM(text)                                                                                                                                \
  { .name = text, .lower = -3, .upper = 3, .p = {-3, 3}, .family = EBB_PRIOR_UNIFORM }
static const EbbParameter parameters[D] = {UNIFORM("theta1"), UNIFORM("theta2"), UNIFORM("theta3"), UNIFORM("theta4"), UNIFORM("theta5")};

/* Mean, S11, S12, S22 and det S. The determinant is summed of terms that are not negative. */
typedef struct Normal {
  double m[2], S11, S12, S22, det;
} Normal;

static Normal normal(const float *theta) {
  double s1 = (double)theta[2] * (double)theta[2], s2 = (double)theta[3] * (double)theta[3], rho = tanh((double)theta[4]);
  double a = s1 * s1, b = s2 * s2, apart = 1 / cosh((double)theta[4]);
  return (Normal){{(double)theta[0], (double)theta[1]}, a + JITTER, rho * s1 * s2, b + JITTER, a * b * apart * apart + JITTER * (a + b + JITTER)};
}

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  (void)config;
  *self = host->alloc(host, sizeof host);
  if (*self == NULL) return EBB_E_MEMORY;
  *(const EbbHost **)*self = host;
  return EBB_OK;
}

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  out->theta = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = D};
  out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = DATA};
  out->parameter = parameters;
  out->observations = OBSERVATIONS;
  return EBB_OK;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  const EbbHost *host = *(const EbbHost *const *)self;
  double *xi = host->scratch(work, (size_t)(rows * DATA) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, DATA, xi);
  for (int64_t i = 0; i < rows; i++) {
    Normal n = normal(theta + i * D);
    double L11 = sqrt(n.S11), L21 = n.S12 / L11, L22 = sqrt(n.det / n.S11);
    for (int64_t j = i * DATA; j < (i + 1) * DATA; j += 2) {
      out->value[j] = (float)(n.m[0] + L11 * xi[j]);
      out->value[j + 1] = (float)(n.m[1] + L21 * xi[j] + L22 * xi[j + 1]);
    }
  }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  for (int64_t i = 0; i < rows; i++) {
    Normal n = normal(theta + i * D);
    out[i] = -DRAWS * (log(2 * acos(-1)) + 0.5 * log(n.det));
    for (int j = 0; j < DATA; j += 2) {
      double u = (double)one->value[j] - n.m[0], v = (double)one->value[j + 1] - n.m[1];
      out[i] -= 0.5 * (n.S22 * u * u - 2 * n.S12 * u * v + n.S11 * v * v) / n.det;
    }
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  for (int j = 0; j < DATA; j++) out->value[j] = (float)observed[k - 1][j];
  for (int j = 0; j < D; j++) truth[j] = (float)truths[k - 1][j];
  return EBB_OK;
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
    .create = create,
};
EBB_MODULE(&slcp)
