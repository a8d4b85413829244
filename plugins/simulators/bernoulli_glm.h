/* SPDX-License-Identifier: MIT
 *
 * What both tasks of the Bernoulli generalised linear model share (sbibm T.5 and T.6 in Lueckmann et al. 2021, 2101.04653): the frozen stimulus, the
 * design and the correlated prior.
 *
 *     y_t ~ Bernoulli(sigmoid(X_t theta)), t = 0..99;   X_t = (1, I_t, I_{t-1}, .., I_{t-8}), I = 0 before the start
 *     theta_0 ~ N(0, 2);   F (theta_1, .., theta_9) ~ N(0, I),   F = D D + diag(sqrt(i/9)), i = 0..8,   D = I - subdiagonal of ones
 *
 * F is lower triangular: sqrt(i/9) + 1 on the diagonal, -2 and 1 on the two below it. It favours smooth filters. */
#ifndef EBB_PLUGINS_BERNOULLI_GLM_H
#define EBB_PLUGINS_BERNOULLI_GLM_H

#include "vectors.h"

enum { D = 10, TIMES = 100, LAGS = D - 1, OBSERVATIONS = 5 };

/* I, standard normal, as sbibm has it. */
static const float stimulus[TIMES] = {
    0.496714145f,   -0.138264298f, 0.647688568f,  1.5230298f,     -0.234153375f, -0.234136954f, 1.57921278f,   0.767434716f,  -0.469474375f,
    0.542560041f,   -0.463417679f, -0.465729743f, 0.241962269f,   -1.91328025f,  -1.72491789f,  -0.562287509f, -1.01283109f,  0.31424734f,
    -0.908024073f,  -1.41230369f,  1.46564877f,   -0.2257763f,    0.0675282031f, -1.42474818f,  -0.544382751f, 0.11092259f,   -1.15099359f,
    0.37569803f,    -0.600638688f, -0.291693747f, -0.601706624f,  1.85227823f,   -0.013497225f, -1.05771089f,  0.822544932f,  -1.22084367f,
    0.208863601f,   -1.95967007f,  -1.32818604f,  0.196861237f,   0.738466561f,  0.171368286f,  -0.115648285f, -0.301103681f, -1.47852194f,
    -0.719844222f,  -0.460638762f, 1.05712223f,   0.343618304f,   -1.76304018f,  0.324083984f,  -0.385082275f, -0.676922023f, 0.611676276f,
    1.03099954f,    0.931280136f,  -0.839217544f, -0.309212387f,  0.331263423f,  0.975545108f,  -0.479174227f, -0.185658976f, -1.10633492f,
    -1.19620657f,   0.812525809f,  1.35624003f,   -0.0720101222f, 1.00353289f,   0.361636013f,  -0.645119727f, 0.361395597f,  1.53803658f,
    -0.0358260386f, 1.56464362f,   -2.61974502f,  0.821902514f,   0.0870470703f, -0.299007356f, 0.0917607769f, -1.98756886f,  -0.21967189f,
    0.357112557f,   1.47789407f,   -0.518270195f, -0.808493614f,  -0.501757026f, 0.915402114f,  0.328751117f,  -0.529760182f, 0.513267457f,
    0.0970775485f,  0.968644977f,  -0.70205307f,  -0.32766214f,   -0.392108142f, -1.46351492f,  0.296120286f,  0.261055261f,  0.00511345686f,
    -0.234587133f};

/* The parameters of sbibm's first five observations. */
static const double truths[OBSERVATIONS][D] = {
    {1.215716, 2.1386335, 3.6156292, 3.3703978, 0.3342961, -1.5749966, -2.4357948, -2.1009881, -1.1669482, 0.3189116},
    {1.4452896, -1.5240457, -2.6627376, -2.057486, -1.0255841, -0.33056775, 0.4173284, -0.39998925, 0.09306164, 0.39093223},
    {3.36486, -1.2955767, -2.9428666, -1.9589074, -0.4040539, 1.5390506, 2.267678, 0.876409, -0.21845521, -1.8844459},
    {0.97080344, -2.6300862, -4.124375, -4.757807, -3.70704, -0.9846524, 0.08660465, 1.1333047, 0.556885, -1.1539237},
    {-0.7110242, -0.27288643, -0.46035555, 0.17793028, 0.21403068, -0.16385452, 0.88594973, 1.1904585, 0.7753736, 0.41011465}};

#define OWN(text)                                                                                                                                    \
  { .name = text, .lower = -INFINITY, .upper = INFINITY, .family = EBB_PRIOR_OWN }
static const EbbParameter parameters[D] = {OWN("offset"),  OWN("filter1"), OWN("filter2"), OWN("filter3"), OWN("filter4"),
                                           OWN("filter5"), OWN("filter6"), OWN("filter7"), OWN("filter8"), OWN("filter9")};

/* Diagonal of F. */
static inline double weight(int i) { return 1 + sqrt(i / 9.0); }

/* theta [rows][D] */
static inline EbbStatus prior(const void *self, EbbRng rng, int64_t rows, const uint64_t *id, float *theta) {
  const EbbHost *host = ebb_host_of(self);
  for (int64_t i = 0; i < rows; i++) {
    double xi[D], filter[LAGS];
    host->normal(host, rng, 1, &id[i], NULL, 0, D, xi);
    theta[i * D] = (float)(sqrt(2) * xi[0]);
    for (int j = 0; j < LAGS; j++) {
      filter[j] = (xi[j + 1] + (j > 0 ? 2 * filter[j - 1] : 0) - (j > 1 ? filter[j - 2] : 0)) / weight(j);
      theta[i * D + j + 1] = (float)filter[j];
    }
  }
  return EBB_OK;
}

static inline EbbStatus log_prior(const void *self, int64_t rows, const float *theta, double *out) {
  (void)self;
  double constant = -0.5 * log(2) - 0.5 * D * log(2 * acos(-1));
  for (int j = 0; j < LAGS; j++) constant += log(weight(j));
  for (int64_t i = 0; i < rows; i++) {
    const float *filter = theta + i * D + 1;
    out[i] = constant - 0.25 * (double)theta[i * D] * (double)theta[i * D];
    for (int j = 0; j < LAGS; j++) {
      double white = weight(j) * (double)filter[j] - (j > 0 ? 2 * (double)filter[j - 1] : 0) + (j > 1 ? (double)filter[j - 2] : 0);
      out[i] -= 0.5 * white * white;
    }
  }
  return EBB_OK;
}

/* X_t theta */
static inline double drive(const float *theta, int t) {
  double eta = (double)theta[0];
  for (int j = 0; j < LAGS && j <= t; j++) eta += (double)theta[1 + j] * (double)stimulus[t - j];
  return eta;
}

/* 1 where the cell spikes, u uniform. */
static inline int spikes(const float *theta, int t, double u) { return u * (1 + exp(-drive(theta, t))) < 1; }

/* sum over t of log(1 + exp(X_t theta)): minus the log probability of silence. */
static inline double silence(const float *theta) {
  double sum = 0;
  for (int t = 0; t < TIMES; t++) {
    double eta = drive(theta, t);
    sum += fmax(eta, 0) + log1p(exp(-fabs(eta)));
  }
  return sum;
}

#endif
