/* SPDX-License-Identifier: MIT
 *
 * An epidemic (Kermack and McKendrick 1927; sbibm T.9 in Lueckmann et al. 2021, 2101.04653): beta ~ LogN(ln .4, .5), gamma ~ LogN(ln .125, .2),
 *
 *     S' = -beta S I / N,   I' = beta S I / N - gamma I,   N = 1e6, I(0) = 1, S(0) = N - 1,   x_j ~ Binomial(1000, I(17 j) / N), j = 0..9
 *
 * Solved in ln(S/N) and ln(I/N), which keeps both positive and gives I its relative precision. A solution that cannot be had is a failed row. */
#include "runge_kutta.h"
#include "vectors.h"

enum { D = 2, DATA = 10, OBSERVATIONS = 5, TESTED = 1000 };
static const double PEOPLE = 1e6, GAP = 17, TOLERANCE = 1e-8;

/* sbibm's first five observations and the parameters they were made with. */
static const double observed[OBSERVATIONS][DATA] = {{0, 1, 352, 40, 3, 0, 0, 0, 0, 0},
                                                    {0, 21, 373, 85, 17, 5, 0, 0, 0, 0},
                                                    {0, 72, 232, 34, 2, 0, 0, 0, 0, 0},
                                                    {0, 0, 8, 349, 222, 62, 17, 6, 1, 0},
                                                    {0, 0, 0, 23, 217, 165, 42, 17, 1, 1}};
static const double truths[OBSERVATIONS][D] = {
    {0.61479264, 0.19172086}, {0.6667743, 0.09215801}, {0.7916269, 0.11864327}, {0.3581495, 0.089096606}, {0.31108916, 0.11836065}};

#define LOGNORMAL(text, mean, sd)                                                                                                                    \
  { .name = text, .lower = 0, .upper = INFINITY, .p = {mean, sd}, .family = EBB_PRIOR_LOGNORMAL }
static const EbbParameter parameters[D] = {LOGNORMAL("beta", -0.9162907318741551 /* ln .4 */, 0.5),
                                           LOGNORMAL("gamma", -2.0794415416798357 /* ln .125 */, 0.2)};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

/* y = ln(S/N), ln(I/N); rate = beta, gamma */
static void field(const void *ctx, const double y[2], double dy[2]) {
  const double *rate = ctx;
  dy[0] = -rate[0] * exp(y[1]);
  dy[1] = rate[0] * exp(y[0]) - rate[1];
}

/* Shares of infected at the times of the data. */
static bool infected(const float *theta, double share[DATA]) {
  double rate[2] = {(double)theta[0], (double)theta[1]}, start[2] = {log1p(-1 / PEOPLE), -log(PEOPLE)}, y[DATA][2];
  if (!rk_solve(field, rate, start, GAP, DATA, TOLERANCE, y)) return false;
  for (int j = 0; j < DATA; j++) share[j] = fmin(exp(y[j][1]), 1);
  return true;
}

/* The count whose distribution function first exceeds u; summed from the side where counts are rarer, so that the first term does not vanish. */
static int binomial(double share, double u) {
  bool mirror = share > 0.5;
  double p = mirror ? 1 - share : share, term = exp(TESTED * log1p(-p)), sum = term, odds = p / (1 - p);
  int k = 0;
  for (; u >= sum && k < TESTED; sum += term) {
    term *= odds * (TESTED - k) / (k + 1);
    k++;
  }
  return mirror ? TESTED - k : k;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  const EbbHost *host = ebb_host_of(self);
  double *u = host->scratch(work, (size_t)(rows * DATA) * sizeof *u);
  host->uniform(host, rng, rows, id, NULL, 0, DATA, u);
  for (int64_t i = 0; i < rows; i++) {
    double share[DATA];
    failed[i] = !infected(theta + i * D, share);
    for (int j = 0; j < DATA; j++) out->value[i * DATA + j] = failed[i] ? NAN : (float)binomial(share[j], u[i * DATA + j]);
  }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  double ways = 0; /* ln of the binomial coefficients */
  for (int j = 0; j < DATA; j++) {
    double k = (double)one->value[j];
    for (int i = 1; i <= TESTED && i <= (int)k; i++) ways += log((TESTED - i + 1.0) / i);
  }
  for (int64_t i = 0; i < rows; i++) {
    double share[DATA];
    if (!infected(theta + i * D, share)) {
      out[i] = -INFINITY;
      continue;
    }
    out[i] = ways;
    for (int j = 0; j < DATA; j++) {
      double k = (double)one->value[j];
      out[i] += (k > 0 ? k * log(share[j]) : 0) + (k < TESTED ? (TESTED - k) * log1p(-share[j]) : 0);
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
static const EbbComponent sir = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "sir",
    .summary = "infected among 1,000 tested at ten times of an epidemic",
    .version = "1.0",
    .reference = "2101.04653, appendix T.9",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&sir)
