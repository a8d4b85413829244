/* SPDX-License-Identifier: MIT
 *
 * Prey and predators (Lotka 1920; sbibm T.10 in Lueckmann et al. 2021, 2101.04653): (alpha, beta, gamma, delta) log-normal about
 * exp(-.125, -3, -.125, -3) with deviation .5,
 *
 *     X' = alpha X - beta X Y,   Y' = -gamma Y + delta X Y,   X(0) = 30, Y(0) = 1,   x = ten X, then ten Y, at 0, 2.1, .., 18.9
 *
 * each x_j ~ LogN(ln u_j, .1), u_j the solution held to [1e-10, 1e4]. Solved in ln X and ln Y: no number turns negative, and fast decays are not
 * stiff. A solution that cannot be had is a failed row. */
#include "runge_kutta.h"
#include "vectors.h"

enum { D = 4, TIMES = 10, DATA = 2 * TIMES, OBSERVATIONS = 5 };
static const double GAP = 2.1, NOISE = 0.1, TOLERANCE = 1e-8, LEAST = 1e-10, MOST = 1e4;

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {
    {31.783262, 1.1971166, 0.29703617, 0.71145046, 2.9415865,  11.482614, 36.09036, 0.46229604, 0.38081983, 0.9173736,
     0.8910395, 27.039942, 4.356176,   0.78444487, 0.17100818, 0.1325878, 8.727008, 16.97251,   2.7902339,  0.47567415},
    {30.08668,   2.746265, 0.5838125, 1.142794,  3.2575288, 8.075945,   23.771442, 5.4086976, 0.4585322, 0.987719,
     0.91488636, 66.98573, 10.695971, 1.1389576, 0.2448028, 0.10622074, 0.6781424, 62.156113, 12.377046, 1.5941441},
    {29.817589, 15.506567, 3.1521552, 5.370312,  11.032685,  25.982658, 10.994634, 2.7282712, 6.0364275, 13.030881,
     0.9317687, 55.62827,  10.093268, 1.1273358, 0.35653123, 1.127195,  41.040802, 8.807568,  1.0806826, 0.3567817},
    {28.209007, 164.98964,  222.80888, 15.1830225, 71.550255, 448.09607, 15.183392, 26.995413, 159.41765,  314.49643,
     1.1301804, 0.23489165, 64.72067,  4.232113,   0.3610725, 0.904367,  26.027958, 1.2092034, 0.23615272, 48.007305},
    {26.375969, 10.00587, 0.46458986, 1.0231221, 2.9365437, 13.418705,  45.03133,  1.2797804, 0.43632022, 1.2086525,
     1.1953989, 85.6066,  19.933725,  3.4923358, 0.6696986, 0.35036916, 4.0667734, 67.524956, 10.4169235, 2.0505736}};
static const double truths[OBSERVATIONS][D] = {{0.6859157, 0.10761319, 0.88789904, 0.116794825},
                                               {0.52359414, 0.04218707, 1.0599382, 0.11769616},
                                               {0.43880925, 0.04499132, 1.3667454, 0.09482003},
                                               {0.83722633, 0.074230194, 1.6819013, 0.012352898},
                                               {0.686338, 0.043437023, 0.8529815, 0.07845861}};

#define LOGNORMAL(text, mean)                                                                                                                        \
  { .name = text, .lower = 0, .upper = INFINITY, .p = {mean, 0.5}, .family = EBB_PRIOR_LOGNORMAL }
static const EbbParameter parameters[D] = {LOGNORMAL("alpha", -0.125), LOGNORMAL("beta", -3), LOGNORMAL("gamma", -0.125), LOGNORMAL("delta", -3)};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

/* y = ln X, ln Y; rate = alpha, beta, gamma, delta */
static void field(const void *ctx, const double y[2], double dy[2]) {
  const double *rate = ctx;
  dy[0] = rate[0] - rate[1] * exp(y[1]);
  dy[1] = rate[3] * exp(y[0]) - rate[2];
}

/* Logarithms of the data without noise. */
static bool animals(const float *theta, double log_u[DATA]) {
  double rate[D], start[2] = {log(30), 0}, y[TIMES][2];
  for (int j = 0; j < D; j++) rate[j] = (double)theta[j];
  if (!rk_solve(field, rate, start, GAP, TIMES, TOLERANCE, y)) return false;
  for (int j = 0; j < DATA; j++) log_u[j] = fmin(fmax(y[j % TIMES][j / TIMES], log(LEAST)), log(MOST));
  return true;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  const EbbHost *host = ebb_host_of(self);
  double *xi = host->scratch(work, (size_t)(rows * DATA) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, DATA, xi);
  for (int64_t i = 0; i < rows; i++) {
    double log_u[DATA];
    failed[i] = !animals(theta + i * D, log_u);
    for (int j = 0; j < DATA; j++) out->value[i * DATA + j] = failed[i] ? NAN : (float)exp(log_u[j] + NOISE * xi[i * DATA + j]);
  }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  for (int64_t i = 0; i < rows; i++) {
    double log_u[DATA];
    if (!animals(theta + i * D, log_u)) {
      out[i] = -INFINITY;
      continue;
    }
    out[i] = -DATA * log(NOISE * sqrt(2 * acos(-1)));
    for (int j = 0; j < DATA; j++) {
      double log_x = log((double)one->value[j]), off = (log_x - log_u[j]) / NOISE;
      out[i] -= 0.5 * off * off + log_x;
    }
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  (void)self;
  return give(DATA, observed[k - 1], D, truths[k - 1], out, truth);
}

static const EbbSimulatorOps ops = {
    .size = sizeof ops, .describe = describe, .simulate = simulate, .log_likelihood = log_likelihood, .observation = observation};
static const EbbComponent lotka_volterra = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "lotka_volterra",
    .summary = "prey and predators at ten times, with multiplicative noise",
    .version = "1.0",
    .reference = "2101.04653, appendix T.10",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&lotka_volterra)
