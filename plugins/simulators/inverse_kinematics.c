/* SPDX-License-Identifier: MIT
 *
 * Inverse kinematics (Kruse et al. 2021, 2101.10763, section 3.1): an arm on a rail at height h with three joints, angles a1, a2, a3 and segments of
 * 1/2, 1/2, 1; where does it end? h ~ N(0, .25^2), a_i ~ N(0, .5^2); with phi1 = a1, phi2 = phi1 + a2, phi3 = phi2 + a3
 *
 *     x1 = h + sin(phi1)/2 + sin(phi2)/2 + sin(phi3)      x2 = cos(phi1)/2 + cos(phi2)/2 + cos(phi3)
 *
 * No noise, so no likelihood. Given a1 and a2, x leaves two arms: cos phi3 = c = x2 - cos(phi1)/2 - cos(phi2)/2 for either sign of phi3, and h. Their
 * posterior weight is the prior of h and a3 over |dx2/dphi3| = |sin phi3|. A draw is picked by these weights from a pool of its own of prior (a1,
 * a2), worth about 200 independent ones: exact as the pool grows. */
#include "vectors.h"

/* Uses of the random numbers. */
enum { BLOCK_POOL = 0, BLOCK_PICK = 1 };
enum { D = 4, DATA = 2, POOL = 4096, MOST_POOLS = 50 };
static const double PI = 3.14159265358979323846, SD_HEIGHT = 0.25, SD_ANGLE = 0.5;
static const float observed[DATA] = {0, 1.5f}; /* the paper's; it was not made with known parameters */

static const EbbParameter parameters[D] = {
    {.name = "h", .lower = -INFINITY, .upper = INFINITY, .p = {0, 0.25}, .family = EBB_PRIOR_NORMAL},
    {.name = "a1", .lower = -INFINITY, .upper = INFINITY, .p = {0, 0.5}, .family = EBB_PRIOR_NORMAL},
    {.name = "a2", .lower = -INFINITY, .upper = INFINITY, .p = {0, 0.5}, .family = EBB_PRIOR_NORMAL},
    {.name = "a3", .lower = -INFINITY, .upper = INFINITY, .p = {0, 0.5}, .family = EBB_PRIOR_NORMAL},
};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, 1, out);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)self, (void)work, (void)rng, (void)id, (void)failed;
  for (int64_t i = 0; i < rows; i++) {
    const float *arm = theta + i * D;
    double phi1 = (double)arm[1], phi2 = phi1 + (double)arm[2], phi3 = phi2 + (double)arm[3];
    out->value[i * DATA] = (float)((double)arm[0] + 0.5 * sin(phi1) + 0.5 * sin(phi2) + sin(phi3));
    out->value[i * DATA + 1] = (float)(0.5 * cos(phi1) + 0.5 * cos(phi2) + cos(phi3));
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self, (void)k;
  for (int j = 0; j < DATA; j++) out->value[j] = observed[j];
  for (int j = 0; j < D; j++) truth[j] = NAN;
  return EBB_OK;
}

/* The arm that starts with a1, a2 and ends in x with phi3 of the given sign; its weight, 0 where it cannot reach. */
static double complete(const float x[DATA], double a1, double a2, double sign, double arm[D]) {
  double phi2 = a1 + a2, c = (double)x[1] - 0.5 * cos(a1) - 0.5 * cos(phi2);
  if (!(fabs(c) < 1)) return 0;
  double phi3 = sign * acos(c), sine = sign * sqrt(1 - c * c);
  arm[0] = (double)x[0] - 0.5 * sin(a1) - 0.5 * sin(phi2) - sine;
  arm[1] = a1;
  arm[2] = a2;
  arm[3] = remainder(phi3 - phi2, 2 * PI); /* of the turns of phi3, the one whose a3 is likely */
  double h = arm[0] / SD_HEIGHT, bend = arm[3] / SD_ANGLE;
  return exp(-0.5 * (h * h + bend * bend)) / fabs(sine);
}

static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  const EbbHost *host = ebb_host_of(self);
  double *xi = host->scratch(work, 2 * POOL * sizeof *xi), *below = host->scratch(work, 2 * POOL * sizeof *below), arm[D] = {0};
  for (int64_t i = 0; i < rows; i++) {
    double sum = 0, u;
    for (uint32_t pool = 0; !(sum > 0); pool++) {
      if (pool == MOST_POOLS)
        return host->fail(host, EBB_E_NUMERIC, "the data (%g, %g) lie where no arm of the prior ends: none found among %d", (double)one->value[0],
                          (double)one->value[1], 2 * POOL * MOST_POOLS);
      host->normal(host, rng, 1, &id[i], &pool, BLOCK_POOL, 2 * POOL, xi);
      for (int64_t k = 0; k < 2 * POOL; k++) {
        const double *pair = xi + k / 2 * 2;
        sum += complete(one->value, SD_ANGLE * pair[0], SD_ANGLE * pair[1], k % 2 ? -1 : 1, arm);
        below[k] = sum;
      }
    }
    host->uniform(host, rng, 1, &id[i], NULL, BLOCK_PICK, 1, &u);
    int64_t low = 0, high = 2 * POOL - 1; /* the first whose sum exceeds u sum */
    while (low < high) {
      int64_t middle = (low + high) / 2;
      if (below[middle] > u * sum)
        high = middle;
      else
        low = middle + 1;
    }
    complete(one->value, SD_ANGLE * xi[low / 2 * 2], SD_ANGLE * xi[low / 2 * 2 + 1], low % 2 ? -1 : 1, arm);
    for (int j = 0; j < D; j++) theta[i * D + j] = (float)arm[j];
  }
  return EBB_OK;
}

static const EbbSimulatorOps ops = {
    .size = sizeof ops, .describe = describe, .simulate = simulate, .observation = observation, .reference = reference};
static const EbbComponent inverse_kinematics = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "inverse_kinematics",
    .summary = "where an arm with three joints ends, without noise; posterior by resampling",
    .version = "1.0",
    .reference = "2101.10763, section 3.1",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&inverse_kinematics)
