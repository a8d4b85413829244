/* SPDX-License-Identifier: MIT
 *
 * Two moons of sbibm (Lueckmann et al. 2021, 2101.04653, T.8): theta uniform on (-1, 1)^2; with a ~ U(-pi/2, pi/2), r ~ N(.1, .01^2),
 *
 *     x = (r cos a + .25 - |theta1 + theta2|/sqrt 2,   r sin a + (theta2 - theta1)/sqrt 2)
 *
 * With z0 = (theta1 + theta2)/sqrt 2, z1 = (theta2 - theta1)/sqrt 2, U = x1 - .25 + |z0|, V = x2 - z1, rho = sqrt(U^2 + V^2):
 * p(x | theta) = N(rho; .1, .01^2) / (pi rho) for U > 0, else 0. The 1/rho is the Jacobian of polar coordinates; sbibm's own routine leaves it out,
 * its reference draws have it. */
#include "vectors.h"

/* Uses of the random numbers. */
enum { BLOCK_ANGLE = 0, BLOCK_RADIUS = 1 };
enum { D = 2, DATA = 2, OBSERVATIONS = 5, MOST_TRIES = 100000 };
static const double PI = 3.14159265358979323846, RADIUS = 0.1, RADIUS_SD = 0.01, SHIFT = 0.25;

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {
    {-0.6396706, 0.16234657}, {-0.5676688, -0.33194834}, {0.0030109584, -0.6457662}, {-0.25049388, 0.633055}, {-0.66463584, -0.42604533}};
static const double truths[OBSERVATIONS][D] = {
    {-0.8176656, -0.5756806}, {-0.28899693, -0.8759459}, {0.73016036, -0.3217839}, {-0.8023417, 0.011640668}, {-0.43228424, -0.9955981}};

static const EbbParameter parameters[D] = {
    {.name = "theta1", .lower = -1, .upper = 1, .p = {-1, 1}, .family = EBB_PRIOR_UNIFORM},
    {.name = "theta2", .lower = -1, .upper = 1, .p = {-1, 1}, .family = EBB_PRIOR_UNIFORM},
};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  const EbbHost *host = ebb_host_of(self);
  double *angle = host->scratch(work, (size_t)rows * sizeof *angle), *radius = host->scratch(work, (size_t)rows * sizeof *radius);
  host->uniform(host, rng, rows, id, NULL, BLOCK_ANGLE, 1, angle);
  host->normal(host, rng, rows, id, NULL, BLOCK_RADIUS, 1, radius);
  for (int64_t i = 0; i < rows; i++) {
    double a = PI * (angle[i] - 0.5), r = RADIUS + RADIUS_SD * radius[i], one = (double)theta[2 * i], two = (double)theta[2 * i + 1];
    out->value[2 * i] = (float)(r * cos(a) + SHIFT - fabs(one + two) / sqrt(2));
    out->value[2 * i + 1] = (float)(r * sin(a) + (two - one) / sqrt(2));
  }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  double x1 = (double)one->value[0], x2 = (double)one->value[1];
  for (int64_t i = 0; i < rows; i++) {
    double z0 = ((double)theta[2 * i] + (double)theta[2 * i + 1]) / sqrt(2), z1 = ((double)theta[2 * i + 1] - (double)theta[2 * i]) / sqrt(2);
    double U = x1 - SHIFT + fabs(z0), V = x2 - z1, rho = sqrt(U * U + V * V), off = (rho - RADIUS) / RADIUS_SD;
    out[i] = U > 0 ? -0.5 * off * off - log(RADIUS_SD * sqrt(2 * PI)) - log(PI * rho) : -INFINITY;
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  return give(DATA, observed[k - 1], D, truths[k - 1], out, truth);
}

/* |z0| and z1 are where the crescent's noise would have come from; the sign of z0 is a coin; what falls outside the box, or would need |z0| < 0, is
 * drawn anew under the next step number. */
static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  (void)work;
  const EbbHost *host = ebb_host_of(self);
  for (int64_t i = 0; i < rows; i++) {
    uint32_t try = 0;
    for (;; try++) {
      double u[2], radius;
      if (try == MOST_TRIES)
        return host->fail(host, EBB_E_NUMERIC, "the data (%g, %g) lie outside what the prior can give: no exact draw in %d tries",
                          (double)one->value[0], (double)one->value[1], MOST_TRIES);
      host->uniform(host, rng, 1, &id[i], &try, BLOCK_ANGLE, 2, u);
      host->normal(host, rng, 1, &id[i], &try, BLOCK_RADIUS, 1, &radius);
      double a = PI * (u[0] - 0.5), r = RADIUS + RADIUS_SD * radius;
      double size = r * cos(a) + SHIFT - (double)one->value[0], z1 = (double)one->value[1] - r * sin(a), z0 = u[1] < 0.5 ? size : -size;
      float first = (float)((z0 - z1) / sqrt(2)), second = (float)((z0 + z1) / sqrt(2));
      if (size < 0 || fabsf(first) >= 1 || fabsf(second) >= 1) continue;
      theta[2 * i] = first;
      theta[2 * i + 1] = second;
      break;
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
static const EbbComponent two_moons = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "two_moons",
    .summary = "two crescents in two dimensions, exact posterior known",
    .version = "1.0",
    .reference = "2101.04653, appendix T.8",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&two_moons)
