/* SPDX-License-Identifier: MIT
 *
 * What slcp and slcp_distractors share (sbibm T.3 and T.4 in 2101.04653): theta uniform on (-3, 3)^5, four independent draws of N(m, S), side by
 * side,
 *
 *     m = (theta1, theta2),  s1 = theta3^2,  s2 = theta4^2,  rho = tanh theta5,  S = [s1^2 + e, rho s1 s2; rho s1 s2, s2^2 + e],  e = 1e-6
 *
 * The signs of theta3 and theta4 leave no trace in the data: four modes of equal weight. */
#ifndef EBB_PLUGINS_SLCP_H
#define EBB_PLUGINS_SLCP_H

#include "vectors.h"

enum { D = 5, DRAWS = 4, PAIRS = 2 * DRAWS, OBSERVATIONS = 5 };
static const double JITTER = 1e-6;

/* The parameters of sbibm's first five observations. */
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

static inline Normal normal(const float *theta) {
  double s1 = (double)theta[2] * (double)theta[2], s2 = (double)theta[3] * (double)theta[3], rho = tanh((double)theta[4]);
  double a = s1 * s1, b = s2 * s2, apart = 1 / cosh((double)theta[4]);
  return (Normal){{(double)theta[0], (double)theta[1]}, a + JITTER, rho * s1 * s2, b + JITTER, a * b * apart * apart + JITTER * (a + b + JITTER)};
}

/* The numbers of data that depend on theta [rows][D]: value [rows][PAIRS]. */
static inline void draw_pairs(const EbbHost *host, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, float *value) {
  double *xi = host->scratch(work, (size_t)(rows * PAIRS) * sizeof *xi);
  host->normal(host, rng, rows, id, NULL, 0, PAIRS, xi);
  for (int64_t i = 0; i < rows; i++) {
    Normal n = normal(theta + i * D);
    double L11 = sqrt(n.S11), L21 = n.S12 / L11, L22 = sqrt(n.det / n.S11);
    for (int64_t j = i * PAIRS; j < (i + 1) * PAIRS; j += 2) {
      value[j] = (float)(n.m[0] + L11 * xi[j]);
      value[j + 1] = (float)(n.m[1] + L21 * xi[j] + L22 * xi[j + 1]);
    }
  }
}

/* Their log density at each theta: out [rows]. */
static inline void log_density_of_pairs(int64_t rows, const float *theta, const float value[PAIRS], double *out) {
  for (int64_t i = 0; i < rows; i++) {
    Normal n = normal(theta + i * D);
    out[i] = -DRAWS * (log(2 * acos(-1)) + 0.5 * log(n.det));
    for (int j = 0; j < PAIRS; j += 2) {
      double u = (double)value[j] - n.m[0], v = (double)value[j + 1] - n.m[1];
      out[i] -= 0.5 * (n.S22 * u * u - 2 * n.S12 * u * v + n.S11 * v * v) / n.det;
    }
  }
}

#endif
