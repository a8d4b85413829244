/* SPDX-License-Identifier: MIT
 *
 * slcp among distractors (sbibm T.4 in Lueckmann et al. 2021, 2101.04653): the eight numbers of slcp (slcp.h) and 92 that know nothing of theta, in a
 * frozen order. The distractors are a draw from a uniform mixture of 20 Student t distributions of two degrees of freedom, whose variance is
 * infinite,
 *
 *     location_k + L_k g / sqrt(c / 2),   g ~ N(0, I),   c ~ chi^2_2, so that c / 2 = -ln u;      x_i = (pairs, distractors)[order_i]
 *
 * The posterior is slcp's, and so is the log-likelihood here but for a constant in theta. sbibm's tables are data files beside the plugin; of L_k,
 * lower triangular, the rows up to the diagonal one after another. */
#include "slcp.h"

/* Uses of the random numbers; 0 draws the pairs. */
enum { BLOCK_NOISE = 1, BLOCK_PICK = 2 };
enum { DISTRACTORS = 92, DATA = PAIRS + DISTRACTORS, PARTS = 20, TRIANGLE = DISTRACTORS * (DISTRACTORS + 1) / 2 };

#define LOCATION "slcp_distractors_location.npy"
#define SCALE "slcp_distractors_scale.npy"
#define ORDER "slcp_distractors_order.npy"
#define OBSERVED "slcp_distractors_observed.npy"
static const char *const files[] = {LOCATION, SCALE, ORDER, OBSERVED, NULL};

typedef struct Tables {
  const EbbHost *host;    /* first, for ebb_host_of */
  const double *location; /* [PARTS][DISTRACTORS] */
  const double *scale;    /* [PARTS][TRIANGLE] */
  const double *observed; /* [OBSERVATIONS][DATA] */
  int order[DATA];        /* of x_i in (pairs, distractors) */
  int pair[PAIRS];        /* where in x the pairs are */
} Tables;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  (void)config;
  Tables *t = *self = host->alloc(host, sizeof *t);
  if (t == NULL) return EBB_E_MEMORY;
  t->host = host;
  t->location = host->data(host, LOCATION, 2, (const int64_t[]){PARTS, DISTRACTORS});
  if (t->location != NULL) t->scale = host->data(host, SCALE, 2, (const int64_t[]){PARTS, TRIANGLE});
  if (t->scale != NULL) t->observed = host->data(host, OBSERVED, 2, (const int64_t[]){OBSERVATIONS, DATA});
  const double *order = t->observed != NULL ? host->data(host, ORDER, 1, (const int64_t[]){DATA}) : NULL;
  if (order == NULL) return EBB_E_IO;
  int seen[DATA] = {0};
  for (int i = 0; i < DATA; i++) {
    int from = t->order[i] = (int)order[i];
    if (!(order[i] >= 0 && order[i] < DATA) || seen[from]++ > 0) return host->fail(host, EBB_E_SHAPE, "%s is no order of %d numbers", ORDER, DATA);
    if (from < PAIRS) t->pair[from] = i;
  }
  return EBB_OK;
}

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  return describe_vectors(D, DATA, parameters, OBSERVATIONS, out);
}

/* Of part k: g [DISTRACTORS] becomes the distractors, the last first, since each needs those before it. */
static void distract(const Tables *t, int k, double stretch, double *g) {
  const double *location = t->location + k * DISTRACTORS, *row = t->scale + (k + 1) * TRIANGLE;
  for (int i = DISTRACTORS - 1; i >= 0; i--) {
    row -= i + 1;
    double sum = 0;
    for (int j = 0; j <= i; j++) sum += row[j] * g[j];
    g[i] = location[i] + stretch * sum;
  }
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed;
  const Tables *t = self;
  const EbbHost *host = t->host;
  float *pairs = host->scratch(work, (size_t)(rows * PAIRS) * sizeof *pairs);
  double *g = host->scratch(work, (size_t)(rows * DISTRACTORS) * sizeof *g), *u = host->scratch(work, (size_t)(2 * rows) * sizeof *u);
  draw_pairs(host, work, rng, rows, id, theta, pairs);
  host->normal(host, rng, rows, id, NULL, BLOCK_NOISE, DISTRACTORS, g);
  host->uniform(host, rng, rows, id, NULL, BLOCK_PICK, 2, u);
  for (int64_t r = 0; r < rows; r++) {
    distract(t, (int)(PARTS * u[2 * r]), 1 / sqrt(-log(u[2 * r + 1])), g + r * DISTRACTORS);
    for (int i = 0; i < DATA; i++) {
      int from = t->order[i];
      out->value[r * DATA + i] = from < PAIRS ? pairs[r * PAIRS + from] : (float)g[r * DISTRACTORS + from - PAIRS];
    }
  }
  return EBB_OK;
}

static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  (void)work;
  const Tables *t = self;
  float pairs[PAIRS];
  for (int j = 0; j < PAIRS; j++) pairs[j] = one->value[t->pair[j]];
  log_density_of_pairs(rows, theta, pairs, out);
  return EBB_OK;
}

static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  const Tables *t = self;
  return give(DATA, t->observed + (k - 1) * DATA, D, truths[k - 1], out, truth);
}

static const EbbSimulatorOps ops = {
    .size = sizeof ops, .describe = describe, .simulate = simulate, .log_likelihood = log_likelihood, .observation = observation};
static const EbbComponent slcp_distractors = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SIMULATOR,
    .id = "slcp_distractors",
    .summary = "four draws of a bivariate Gaussian among 92 numbers that tell nothing, posterior with four modes",
    .version = "1.0",
    .reference = "2101.04653, appendix T.4",
    .ops = &ops,
    .create = create,
    .data = files,
};
EBB_MODULE(&slcp_distractors)
