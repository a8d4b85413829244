/* SPDX-License-Identifier: MIT
 *
 * Data sets, draws and densities of a law, and the calling of a metric on them. */
#include "batch.h"

#include "num/random.h"

enum { OF_TRUTH = 1, OF_DATA, OF_DRAWS, OF_PRIOR, OF_REPLICATES };

static double normal_density(double x, double mean, double sd) {
  double z = (x - mean) / sd;
  return -0.5 * z * z - log(sd) - 0.5 * log(2 * M_PI);
}

static float parameter(const Law *l, double x) { return (float)(l->steps ? round(x) : x); }

/* Mean and sd of the draws' law of parameter k. */
static void draws_law(const Batch *b, int64_t set, int64_t k, double *mean, double *sd) {
  const Law *l = &b->law;
  double exact = sqrt(l->v / (1 + l->v));
  *mean = l->prior ? 0 : (double)b->data[set * l->dim + k] / (1 + l->v) + l->bias * exact;
  *sd = l->prior ? 1 : exact * (l->sd > 0 ? l->sd : 1);
}

static double log_q(const Batch *b, int64_t set, const float *theta) {
  double sum = 0, mean, sd;
  for (int64_t k = 0; k < b->law.dim; k++) {
    draws_law(b, set, k, &mean, &sd);
    sum += normal_density((double)theta[k], mean, sd);
  }
  return sum;
}

static void make_set(Batch *b, uint64_t set, double *z) {
  const Law *l = &b->law;
  int64_t d = l->dim, s = (int64_t)set;
  random_normal((EbbRng){l->seed, OF_TRUTH}, 1, &set, NULL, 0, d, z);
  for (int64_t k = 0; k < d; k++) b->truth[s * d + k] = (float)z[k];
  random_normal((EbbRng){l->seed, OF_DATA}, 1, &set, NULL, 0, d, z);
  for (int64_t k = 0; k < d; k++) b->data[s * d + k] = b->truth[s * d + k] + (float)(sqrt(l->v) * z[k]);
  random_normal((EbbRng){l->seed, OF_DRAWS}, 1, &set, NULL, 0, d * l->draws, z);
  for (int64_t i = 0; i < l->draws; i++) {
    float *theta = b->theta + (s * l->draws + i) * d;
    for (int64_t k = 0; k < d; k++) {
      double mean, sd;
      draws_law(b, s, k, &mean, &sd);
      theta[k] = parameter(l, mean + sd * z[i * d + k]);
    }
    b->log_q[s * l->draws + i] = log_q(b, s, theta);
  }
  for (int64_t k = 0; k < d; k++) b->truth[s * d + k] = parameter(l, (double)b->truth[s * d + k]);
  b->log_q_truth[s] = log_q(b, s, b->truth + s * d);
}

/* y ~ N(theta, v); a row fails where its first parameter is not finite. */
static EbbStatus simulate(const EbbEvidence *e, int64_t rows, const float *theta, EbbData *out, uint8_t *failed) {
  const Batch *b = (const Batch *)((const char *)e - offsetof(Batch, e));
  static uint64_t call;
  double *z = malloc((size_t)(rows * e->dim) * sizeof *z);
  call++;
  random_normal((EbbRng){b->law.seed, OF_REPLICATES}, 1, &call, NULL, 0, rows * e->dim, z);
  for (int64_t i = 0; i < rows * e->dim; i++) out->value[i] = theta[i] + (float)(sqrt(b->law.v) * z[i]);
  for (int64_t i = 0; i < rows; i++) failed[i] = (uint8_t)!isfinite(theta[i * e->dim]);
  free(z);
  return EBB_OK;
}

Batch *batch_new(Law l) {
  static int64_t numbers[4096];
  static const char *names[64];
  static double low[64], high[64], ones[4096];
  Batch *b = calloc(1, sizeof *b);
  b->law = l;
  b->theta = malloc((size_t)(l.sets * l.draws * l.dim) * sizeof *b->theta);
  b->truth = malloc((size_t)(l.sets * l.dim) * sizeof *b->truth);
  b->data = malloc((size_t)(l.sets * l.dim) * sizeof *b->data);
  b->prior = malloc((size_t)(l.priors * l.dim + 1) * sizeof *b->prior);
  b->log_q = malloc((size_t)(l.sets * l.draws) * sizeof *b->log_q);
  b->log_q_truth = malloc((size_t)l.sets * sizeof *b->log_q_truth);
  double *z = malloc((size_t)((l.draws + l.priors) * l.dim) * sizeof *z);
  for (int64_t s = 0; s < l.sets; s++) make_set(b, (uint64_t)s, z);
  random_normal((EbbRng){l.seed, OF_PRIOR}, 1, &(uint64_t){0}, NULL, 0, l.priors * l.dim, z);
  for (int64_t i = 0; i < l.priors * l.dim; i++) b->prior[i] = parameter(&l, z[i]);
  free(z);
  for (int64_t i = 0; i < 4096; i++) numbers[i] = i + 1, ones[i] = 1;
  for (int64_t k = 0; k < 64; k++) names[k] = "a", low[k] = -INFINITY, high[k] = INFINITY;
  b->numbers = (EbbData){
      .size = sizeof b->numbers, .layout = {.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = l.dim}, .rows = l.sets, .value = b->data};
  b->e = (EbbEvidence){.size = sizeof b->e,
                       .rng = {l.seed + 1, 17},
                       .sets = l.sets,
                       .draws = l.draws,
                       .dim = l.dim,
                       .priors = l.priors,
                       .set = numbers,
                       .name = names,
                       .data = &b->numbers,
                       .theta = b->theta,
                       .truth = b->truth,
                       .prior = l.priors > 0 ? b->prior : NULL,
                       .log_q = b->log_q,
                       .log_q_truth = b->log_q_truth,
                       .evaluations = ones,
                       .seconds = ones,
                       .simulate = simulate,
                       .lower = low,
                       .upper = high};
  return b;
}

void batch_free(Batch *b) {
  free(b->theta);
  free(b->truth);
  free(b->data);
  free(b->prior);
  free(b->log_q);
  free(b->log_q_truth);
  free(b);
}

static void take_value(EbbReport *table, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n,
                       const char *note) {
  Answers *a = table->ctx;
  CU_ASSERT_FATAL((size_t)a->n < COUNT(a->said));
  Said *s = &a->said[a->n++];
  *s = (Said){.set = set, .parameter = parameter, .n = n, .value = value, .error = error};
  snprintf(s->metric, sizeof s->metric, "%s", metric);
  snprintf(s->note, sizeof s->note, "%s", note);
}

static void take_curve(EbbReport *table, const char *name, int64_t parameter, int64_t n, const double *x, const double *y, const double *low,
                       const double *high) {
  Answers *a = table->ctx;
  CU_ASSERT_FATAL((size_t)a->curves < COUNT(a->curve) && (size_t)n <= COUNT(a->curve[0].x));
  Curve *c = &a->curve[a->curves++];
  *c = (Curve){.parameter = parameter, .n = n};
  snprintf(c->name, sizeof c->name, "%s", name);
  size_t bytes = (size_t)n * sizeof *x;
  memcpy(c->x, x, bytes), memcpy(c->y, y, bytes), memcpy(c->low, low, bytes), memcpy(c->high, high, bytes);
}

EbbStatus batch_try(const char *yaml, const Batch *b, const Answers **out) {
  static Answers answers;
  EbbChild metric = suite_make(EBB_METRIC, yaml);
  answers.table = (EbbReport){.size = sizeof(EbbReport), .ctx = &answers, .value = take_value, .curve = take_curve};
  answers.n = answers.curves = 0;
  *out = &answers;
  fail_clear();
  Batch own = *b;
  if (own.e.host == NULL) own.e.host = plugin_host(&metric);
  EbbStatus status = ((const EbbMetricOps *)metric.ops)->compute(metric.self, &own.e, &answers.table);
  plugin_destroy(&metric);
  return status;
}

const Answers *batch_ask(const char *yaml, const Batch *b) {
  const Answers *answers;
  CHECK_OK(batch_try(yaml, b, &answers));
  return answers;
}

const Said *said(const Answers *a, const char *metric, int64_t set, int64_t parameter) {
  for (const Said *s = a->said; s < a->said + a->n; s++)
    if (strcmp(s->metric, metric) == 0 && s->set == set && s->parameter == parameter) return s;
  return NULL;
}

double value_of(const Answers *a, const char *metric, int64_t parameter) {
  const Said *s = said(a, metric, -1, parameter);
  return s != NULL ? s->value : NAN;
}

const Curve *curve_of(const Answers *a, const char *name, int64_t parameter) {
  for (const Curve *c = a->curve; c < a->curve + a->curves; c++)
    if (strcmp(c->name, name) == 0 && c->parameter == parameter) return c;
  CHECK(false, "no curve %s of parameter %d", name, (int)parameter);
  static const Curve none;
  return &none;
}
