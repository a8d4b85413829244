/* SPDX-License-Identifier: MIT
 *
 * C2ST, the classifier two-sample test of sbibm (Lopez-Paz & Oquab 2017, 1610.06545; Lueckmann et al. 2021, 2101.04653): how often a small network
 * tells draws from a reference on rows it was not trained on. 0.5: it cannot; 1: it always can.
 *
 *     z = (theta - mean) / sd        of the reference; network d -> 10 d -> 10 d -> 1
 *
 * The protocol is scikit-learn's MLPClassifier (classifier.h) under a shuffled KFold. Mean accuracy over the folds and `seeds` repeats. Its error is
 * the binomial one, sqrt(c (1 - c) / n) for the n rows of both sets (each is held out once).
 *
 * A fold of a repeat of a set is one task and owns all it writes: the answer does not depend on the threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/metric.h>

#include "classifier.h"

typedef struct Config {
  const char *reference;
  int64_t folds, seeds, epochs;
} Config;

static const EbbParam params[] = {
    EBB_STRING(Config, reference, NULL,
               "file of a set's reference draws, {k} the set from 1: \"ref_{k}.npy\"; absent: the simulator's exact posterior"),
    EBB_INT(Config, folds, 5, 2, 100, "", "parts of the cross-validation"),
    EBB_INT(Config, seeds, 1, 1, 1000, "", "repeats with other folds and first weights, averaged"),
    EBB_INT(Config, epochs, 10000, 1, 1000000, "", "most epochs a network is trained"),
    EBB_END,
};

/* Fold number under which the folds themselves are drawn. */
enum { FOLDS_DRAWN = 255 };
/* Farther out nothing changes for a classifier, and squares of gradients stay float32. */
static const double FARTHEST = 1e6;

/* ---- a fold ---- */

/* One set of draws against its reference. */
typedef struct Pair {
  const float *draws, *reference; /* [draws][dim], [references][dim] */
  int64_t good;                   /* draws that did not fail */
  int64_t kept;                   /* parameters that are not the same constant in both */
  int64_t apart;                  /* a parameter that is one constant here and another there; -1: none */
  double *mean, *scale;           /* [dim]; scale 0: left out */
} Pair;

typedef struct Run {
  const Config *c;
  const EbbEvidence *e;
  Pair *pair;     /* [sets] */
  double *result; /* [sets][seeds][folds] share of right answers */
} Run;

static int row_is_finite(int64_t n, const float *row) {
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(row[j])) return 0;
  return 1;
}

/* A scaled row (kept + 1), ending in a one. */
static void scale_row(const Pair *p, int64_t dim, const float *theta, float *x) {
  for (int64_t j = 0; j < dim; j++)
    if (p->scale[j] > 0) *x++ = (float)fmax(-FARTHEST, fmin(FARTHEST, ((double)theta[j] - p->mean[j]) / p->scale[j]));
  *x = 1;
}

static double accuracy(Net *net, int64_t n, const int32_t *index, const float *x, const float *sign) {
  int64_t right = 0;
  for (int64_t i = 0; i < n; i += BATCH) {
    int64_t rows = n - i < BATCH ? n - i : BATCH;
    gather(net, rows, index + i, x, sign);
    forward(net, rows);
    for (int64_t r = 0; r < rows; r++) right += (net->z[r] > 0) == (net->sign[r] > 0);
  }
  return (double)right / (double)n;
}

static EbbStatus run_fold(void *ctx, EbbWork *work, int64_t i) {
  Run *t = ctx;
  const EbbEvidence *e = t->e;
  int64_t folds = t->c->folds, fold = i % folds, seed = i / folds % t->c->seeds, set = i / folds / t->c->seeds;
  const Pair *p = &t->pair[set];
  if (p->apart >= 0 || p->kept == 0) return EBB_OK;
  int64_t n = e->references + p->good, in = p->kept;
  float *x = floats(e->host, work, n * (in + 1)), *sign = floats(e->host, work, n);
  int64_t row = 0;
  for (int64_t r = 0; r < e->references; r++, row++) scale_row(p, e->dim, p->reference + r * e->dim, x + row * (in + 1)), sign[row] = -1;
  for (int64_t r = 0; r < e->draws; r++)
    if (row_is_finite(e->dim, p->draws + r * e->dim)) scale_row(p, e->dim, p->draws + r * e->dim, x + row * (in + 1)), sign[row++] = 1;

  /* Folds are runs of one shuffled list, the first n % folds longer by one; the held-out run goes to the end. */
  int32_t *index = e->host->scratch(work, (size_t)n * sizeof *index), *held = e->host->scratch(work, (size_t)n * sizeof *held);
  double *u = e->host->scratch(work, CHUNK * sizeof *u);
  uint64_t id = (uint64_t)set << 32 | (uint64_t)seed << 8;
  for (int64_t r = 0; r < n; r++) index[r] = (int32_t)r;
  shuffle(e->host, e->rng, id | FOLDS_DRAWN, 0, u, n, index);
  int64_t longer = n % folds, first = fold * (n / folds) + (fold < longer ? fold : longer), size = n / folds + (fold < longer);
  memcpy(held, index + first, (size_t)size * sizeof *held);
  memmove(index + first, index + first + size, (size_t)(n - first - size) * sizeof *index);

  Net net;
  net_new(&net, e->host, work, in, 10 * in);
  net_draw(&net, work, e->rng, id | (uint64_t)fold);
  EbbStatus status = net_train(&net, e->rng, id | (uint64_t)fold, t->c->epochs, u, n - size, index, x, sign);
  if (status == EBB_OK) t->result[i] = accuracy(&net, size, held, x, sign);
  return status;
}

/* ---- the sets ---- */

typedef struct Spread {
  double mean, sd, low, high;
  int64_t n;
} Spread;

/* Of column j of the finite rows. */
static Spread spread(int64_t rows, int64_t dim, int64_t j, const float *theta) {
  Spread s = {.low = INFINITY, .high = -INFINITY};
  double sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) {
    if (!row_is_finite(dim, theta + i * dim)) continue;
    double x = (double)theta[i * dim + j];
    s.low = fmin(s.low, x);
    s.high = fmax(s.high, x);
    sum += x;
    s.n++;
  }
  s.mean = s.n > 0 ? sum / (double)s.n : 0;
  for (int64_t i = 0; i < rows; i++)
    if (row_is_finite(dim, theta + i * dim)) square += pow((double)theta[i * dim + j] - s.mean, 2);
  s.sd = s.n > 0 ? sqrt(square / (double)s.n) : 0;
  return s;
}

/* Fills the pair. A constant of the reference has no sd: the same constant in the draws is left out, another parts the sets, and draws that vary
 * around it are measured in their own distance from it. */
static EbbStatus compare(const Run *t, int64_t set, Pair *p) {
  const EbbEvidence *e = t->e;
  p->draws = e->theta + set * e->draws * e->dim;
  p->reference = e->reference + set * e->references * e->dim;
  p->apart = -1;
  for (int64_t r = 0; r < e->references; r++)
    for (int64_t j = 0; j < e->dim; j++)
      if (!isfinite(p->reference[r * e->dim + j]))
        return e->host->fail(e->host, EBB_E_NUMERIC, "the reference of set %lld is not finite in row %lld, parameter %s; remove the row",
                             (long long)set + 1, (long long)r + 1, e->name[j]);
  for (int64_t r = 0; r < e->draws; r++) p->good += row_is_finite(e->dim, p->draws + r * e->dim);
  if (p->good < t->c->folds || e->references < t->c->folds)
    return e->host->fail(
        e->host, EBB_E_SHAPE,
        "set %lld has %lld draws without failure and %lld of the reference, too few for %lld folds; ask for more draws or fewer folds",
        (long long)set + 1, (long long)p->good, (long long)e->references, (long long)t->c->folds);
  for (int64_t j = 0; j < e->dim; j++) {
    Spread ref = spread(e->references, e->dim, j, p->reference), own = spread(e->draws, e->dim, j, p->draws);
    p->mean[j] = ref.mean;
    p->scale[j] = ref.sd;
    if (ref.low == ref.high) {
      p->mean[j] = ref.low;
      p->scale[j] = hypot(own.sd, own.mean - ref.low);
      if (own.low == own.high) p->scale[j] = 0;
      if (own.low == own.high && own.low != ref.low) p->apart = j;
    }
    p->kept += p->scale[j] > 0;
  }
  return EBB_OK;
}

/* Adds to a note; what does not fit is cut. */
static void add(char *note, size_t room, const char *format, long long a, long long b) {
  size_t used = strlen(note);
  if (used > 0) used += (size_t)snprintf(note + used, room - used, "; ");
  if (used < room) snprintf(note + used, room - used, format, a, b);
}

static double report_set(const Run *t, int64_t set, EbbReport *out) {
  const EbbEvidence *e = t->e;
  const Pair *p = &t->pair[set];
  int64_t n = e->references + p->good, runs = t->c->seeds * t->c->folds;
  double c = 0;
  char note[256] = "";
  for (int64_t i = 0; i < runs; i++) c += t->result[set * runs + i] / (double)runs;
  if (p->good < e->draws) add(note, sizeof note, "%lld of %lld draws failed and were left out", e->draws - p->good, e->draws);
  if (p->kept < e->dim) add(note, sizeof note, "%lld of %lld parameters are constant in both sets", e->dim - p->kept, e->dim);
  if (p->apart >= 0) {
    c = 1;
    add(note, sizeof note, "parameter %lld is one constant in the draws and another in the reference", p->apart + 1, 0);
  } else if (p->kept == 0) {
    c = (double)(p->good > e->references ? p->good : e->references) / (double)n;
  }
  if (p->good != e->references) add(note, sizeof note, "%lld draws against %lld: the larger set's share is the floor", p->good, e->references);
  double error = sqrt(c * (1 - c) / (double)n);
  out->value(out, "c2st", set, -1, c, error, n, note);
  out->value(out, "c2st_folded", set, -1, fmax(c, 1 - c), error, n, "max(c, 1 - c)");
  return c;
}

static void needs(const void *self, EbbMetricNeeds *n) {
  (void)self;
  n->flags = EBB_NEED_REFERENCE;
  n->sets = n->draws = 0;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  if (e->reference == NULL)
    return e->host->fail(e->host, EBB_E_CONFIG, "there are no reference draws to compare with; give reference: \"ref_{k}.npy\"");
  int64_t tasks = e->sets * c->seeds * c->folds;
  Run t = {.c = c, .e = e};
  EbbStatus status = EBB_OK;
  t.pair = calloc((size_t)e->sets + 1, sizeof *t.pair);
  t.result = calloc((size_t)tasks + 1, sizeof *t.result);
  double *scaling = calloc((size_t)(2 * e->sets * e->dim) + 1, sizeof *scaling);
  if (t.pair == NULL || t.result == NULL || scaling == NULL)
    status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld sets", (long long)e->sets);
  for (int64_t set = 0; set < e->sets && status == EBB_OK; set++) {
    t.pair[set].mean = scaling + 2 * set * e->dim;
    t.pair[set].scale = t.pair[set].mean + e->dim;
    status = compare(&t, set, &t.pair[set]);
  }
  if (status == EBB_OK) status = e->host->parallel(e->host, tasks, run_fold, &t);
  if (status == EBB_OK) {
    double sum = 0, square = 0, sets = (double)e->sets;
    for (int64_t set = 0; set < e->sets; set++) {
      double value = report_set(&t, set, out);
      sum += value;
      square += value * value;
    }
    double variance = (square - sum * sum / sets) / (sets - 1);
    if (e->sets > 1) out->value(out, "c2st", -1, -1, sum / sets, sqrt(fmax(0, variance) / sets), e->sets, "mean over sets; error from their spread");
  }
  free(scaling);
  free(t.result);
  free(t.pair);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent c2st = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "c2st",
    .summary = "classifier two-sample test against a reference, the sbibm network",
    .version = "1.0",
    .reference = "1610.06545; 2101.04653",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&c2st)
