/* SPDX-License-Identifier: MIT
 *
 * The oracle of tests: a linear model whose posterior is known for any number of observations. theta ~ N(0, scale^2 I) in d dimensions, n independent
 * observations x_i ~ N(A theta, noise I) of q numbers, side by side in one row. With y = sum_i x_i (conjugate normal model, e.g. Gelman et al.,
 * Bayesian Data Analysis, section 3.5):
 *
 *     precision P = I / scale^2 + n A'A / noise,     mean = P^-1 A' y / noise
 *
 * A (q, d) is made of addressed normals: row j is id j in stream 0 of seed_matrix. Observation k is id k in stream 1: parameter i from block 0,
 * number i from block 1, each at step i. */
#include <math.h>
#include <stdio.h>

#include <ebb/simulator.h>

typedef struct Config {
  int64_t d, q, n;
  double scale, noise;
  uint64_t seed_matrix;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, d, 3, 1, 1024, "", "parameters"),
    EBB_INT(Config, q, 3, 1, 4096, "", "numbers an observation"),
    EBB_INT(Config, n, 1, 1, 4096, "", "observations a data row"),
    EBB_REAL(Config, scale, 1.0, 1e-6, 1e6, "", "standard deviation of each parameter's prior"),
    EBB_REAL(Config, noise, 0.5, 1e-12, 1e12, "", "variance of the noise of each number"),
    EBB_ROW(Config, seed_matrix, EBB_T_SEED, 0, 1, 0, 0, NULL, "", "of the matrix A and of the observations", 0, NULL),
    EBB_END,
};

enum { STREAM_MATRIX = 0, STREAM_OBSERVATIONS = 1, OBSERVATIONS = 100 };

typedef struct Model {
  const EbbHost *host;
  Config c;
  double *A; /* (q, d) */
  EbbParameter *parameter;
} Model;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Model *m = host->alloc(host, sizeof *m);
  if (m == NULL) return EBB_E_MEMORY;
  *m = (Model){.host = host, .c = *(const Config *)config};
  m->A = host->alloc(host, (size_t)(m->c.q * m->c.d) * sizeof *m->A);
  m->parameter = host->alloc(host, (size_t)m->c.d * sizeof *m->parameter);
  if (m->A == NULL || m->parameter == NULL) return EBB_E_MEMORY;
  for (uint64_t j = 0; j < (uint64_t)m->c.q; j++)
    host->normal(host, (EbbRng){m->c.seed_matrix, STREAM_MATRIX}, 1, &j, NULL, 0, m->c.d, m->A + (int64_t)j * m->c.d);
  for (int64_t k = 0; k < m->c.d; k++) {
    char *name = host->alloc(host, 24);
    if (name == NULL) return EBB_E_MEMORY;
    snprintf(name, 24, "theta%d", (int)k + 1);
    m->parameter[k] = (EbbParameter){.name = name, .lower = -INFINITY, .upper = INFINITY, .p = {0, m->c.scale}, .family = EBB_PRIOR_NORMAL};
  }
  *self = m;
  return EBB_OK;
}

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  const Model *m = self;
  out->theta = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = m->c.d};
  out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = m->c.n * m->c.q};
  out->parameter = m->parameter;
  out->observations = OBSERVATIONS;
  return EBB_OK;
}

/* (A theta)_j */
static double predicted(const Model *m, int64_t j, const float *theta) {
  double sum = 0;
  for (int64_t k = 0; k < m->c.d; k++) sum += m->A[j * m->c.d + k] * (double)theta[k];
  return sum;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  const Model *m = self;
  int64_t numbers = m->c.n * m->c.q;
  double *xi = m->host->scratch(work, (size_t)(rows * numbers) * sizeof *xi);
  m->host->normal(m->host, rng, rows, id, NULL, 0, numbers, xi);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < m->c.q; j++) {
      double mean = predicted(m, j, theta + r * m->c.d);
      for (int64_t i = j; i < numbers; i += m->c.q) out->value[r * numbers + i] = (float)(mean + sqrt(m->c.noise) * xi[r * numbers + i]);
    }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)work;
  const Model *m = self;
  for (int64_t r = 0; r < rows; r++) {
    double square = 0;
    for (int64_t j = 0; j < m->c.q; j++) {
      double mean = predicted(m, j, theta + r * m->c.d);
      for (int64_t i = 0; i < m->c.n; i++) square += ((double)one->value[i * m->c.q + j] - mean) * ((double)one->value[i * m->c.q + j] - mean);
    }
    out[r] = -0.5 * (square / m->c.noise + (double)(m->c.n * m->c.q) * log(2 * acos(-1) * m->c.noise));
  }
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  const Model *m = self;
  EbbRng rng = {m->c.seed_matrix, STREAM_OBSERVATIONS};
  uint64_t id = (uint64_t)k;
  double xi;
  for (uint32_t i = 0; i < m->c.d; i++) {
    m->host->normal(m->host, rng, 1, &id, &i, 0, 1, &xi);
    truth[i] = (float)(m->c.scale * xi);
  }
  for (uint32_t i = 0; i < m->c.n * m->c.q; i++) {
    m->host->normal(m->host, rng, 1, &id, &i, 1, 1, &xi);
    out->value[i] = (float)(predicted(m, i % m->c.q, truth) + sqrt(m->c.noise) * xi);
  }
  return EBB_OK;
}

/* A draw is mean + L'^-1 xi with P = L L'. */
static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  const Model *m = self;
  int64_t d = m->c.d, q = m->c.q;
  double *P = m->host->scratch(work, (size_t)(d * d) * sizeof *P), *mean = m->host->scratch(work, (size_t)d * sizeof *mean);
  double *xi = m->host->scratch(work, (size_t)(rows * d) * sizeof *xi);
  for (int64_t a = 0; a < d; a++) {
    mean[a] = 0;
    for (int64_t j = 0; j < q; j++)
      for (int64_t i = 0; i < m->c.n; i++) mean[a] += m->A[j * d + a] * (double)one->value[i * q + j] / m->c.noise;
    for (int64_t b = 0; b < d; b++) {
      double sum = 0;
      for (int64_t j = 0; j < q; j++) sum += m->A[j * d + a] * m->A[j * d + b];
      P[a * d + b] = (double)m->c.n * sum / m->c.noise + (a == b ? 1 / (m->c.scale * m->c.scale) : 0);
    }
  }
  EbbStatus status = m->host->solve(m->host, work, d, 1, P, mean);
  if (status != EBB_OK) return status;
  m->host->normal(m->host, rng, rows, id, NULL, 0, d, xi);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t a = d - 1; a >= 0; a--) {
      double *v = xi + r * d;
      for (int64_t b = a + 1; b < d; b++) v[a] -= P[b * d + a] * v[b];
      v[a] /= P[a * d + a];
      theta[r * d + a] = (float)(mean[a] + v[a]);
    }
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops,
                                    .describe = describe,
                                    .simulate = simulate,
                                    .log_likelihood = log_likelihood,
                                    .observation = observation,
                                    .reference = reference};
static const EbbComponent linear_gaussian = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "linear_gaussian",
    .summary = "linear model with Gaussian prior and noise, exact posterior for n observations",
    .version = "1.0",
    .reference = "Gelman et al., Bayesian Data Analysis, section 3.5",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&linear_gaussian)
