/* SPDX-License-Identifier: MIT
 *
 * The Gaussian mixture as the task of sets of observations (Linhart et al. 2024, 2404.07593): ten dimensions, theta ~ N(0, I) or uniform on
 * (-10, 10)^10, x | theta from N(theta, 2.25^2 I) or N(theta, I / 81), by a coin thrown once a row. One row is one observation; its posterior has a
 * part for each side of the coin, of precision p = 1 / sd^2:
 *
 *     normal    N(p x / (1 + p), I / (1 + p)), weighted by (p / (1 + p))^5 exp(-p |x|^2 / (2 (1 + p)))
 *     uniform   N(x, I / p) cut to the box, weighted by how much of it lies there */
#include "cut_normal.h"
#include "gaussian_mixture.h"

enum { D = 10, DATA = D, NORMAL = 0, UNIFORM = 1 };
static const double SD[2] = {2.25, 1.0 / 9}, SIDE = 10;

typedef struct Config {
  int64_t prior;
} Config;

static const EbbParam params[] = {
    EBB_CHOICE(Config, prior, NORMAL, "normal|uniform", "of each parameter: N(0, 1), or uniform on (-10, 10)"),
    EBB_END,
};

typedef struct Model {
  const EbbHost *host; /* first, for ebb_host_of */
  int64_t prior;
  EbbParameter parameter[D];
} Model;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  static const char *const names[D] = {"theta1", "theta2", "theta3", "theta4", "theta5", "theta6", "theta7", "theta8", "theta9", "theta10"};
  Model *m = *self = host->alloc(host, sizeof *m);
  if (m == NULL) return EBB_E_MEMORY;
  m->host = host;
  m->prior = ((const Config *)config)->prior;
  for (int j = 0; j < D; j++)
    m->parameter[j] = m->prior == NORMAL
                          ? (EbbParameter){.name = names[j], .lower = -INFINITY, .upper = INFINITY, .p = {0, 1}, .family = EBB_PRIOR_NORMAL}
                          : (EbbParameter){.name = names[j], .lower = -SIDE, .upper = SIDE, .p = {-SIDE, SIDE}, .family = EBB_PRIOR_UNIFORM};
  return EBB_OK;
}

static EbbStatus describe(const void *self, EbbModelInfo *out) { return describe_vectors(D, DATA, ((const Model *)self)->parameter, 0, out); }

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  mixture_simulate(ebb_host_of(self), work, rng, D, SD, rows, id, theta, out->value);
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)self, (void)work;
  mixture_log_likelihood(D, SD, rows, theta, one->value, out);
  return EBB_OK;
}

/* The posterior's two parts as cut normals (cut at infinity under the normal prior) and the logarithms of their weights. */
static void posterior(const Model *m, const float x[D], CutNormal part[2][D], double log_weight[2]) {
  for (int k = 0; k < 2; k++) {
    double p = 1 / (SD[k] * SD[k]), share = p / (1 + p);
    log_weight[k] = 0;
    for (int j = 0; j < D; j++) {
      double at = (double)x[j];
      bool normal = m->prior == NORMAL;
      part[k][j] = normal ? cut_normal(share * at, 1 / sqrt(1 + p), INFINITY) : cut_normal(at, SD[k], SIDE);
      log_weight[k] += normal ? 0.5 * (log(share) - share * at * at) : log(part[k][j].mass);
    }
  }
}

static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  const Model *m = self;
  const EbbHost *host = m->host;
  double *coin = host->scratch(work, (size_t)rows * sizeof *coin), *u = host->scratch(work, (size_t)(rows * D) * sizeof *u), log_weight[2];
  CutNormal part[2][D];
  posterior(m, one->value, part, log_weight);
  double narrow = 1 / (1 + exp(log_weight[0] - log_weight[1])); /* NaN where neither has weight */
  if (isnan(narrow)) return host->fail(host, EBB_E_NUMERIC, "the data lie outside what the prior can give: no exact draw");
  host->uniform(host, rng, rows, id, NULL, BLOCK_COIN, 1, coin);
  host->uniform(host, rng, rows, id, NULL, BLOCK_NOISE, D, u);
  for (int64_t i = 0; i < rows * D; i++) theta[i] = cut_normal_draw(&part[coin[i / D] < narrow][i % D], u[i]);
  return EBB_OK;
}

static const EbbSimulatorOps ops = {
    .size = sizeof ops, .describe = describe, .simulate = simulate, .log_likelihood = log_likelihood, .reference = reference};
static const EbbComponent tall_gaussian_mixture = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "tall_gaussian_mixture",
    .summary = "common mean of a wide and a narrow Gaussian in ten dimensions, a member of sets of observations, exact posterior known",
    .version = "1.0",
    .reference = "2404.07593, section 4",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&tall_gaussian_mixture)
