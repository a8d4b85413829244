/* SPDX-License-Identifier: MIT
 *
 * C2ST, the classifier two-sample test (Lopez-Paz & Oquab 2017, 1610.06545; Lueckmann et al. 2021, 2101.04653): how often a classifier tells draws
 * from a reference on rows it was not trained on. 0.5: it cannot; 1: it always can.
 *
 *     z = (theta - mean) / sd        of the reference
 *     mlp, as in sbibm: a network d -> 10 d -> 10 d -> 1 (classifier.h)
 *     rf, as in sbi, Simformer and GenSBI: a random forest of 100 trees (forest.h); a tie of its votes is the reference's
 *
 * The two find different things, a forest little in one or two dimensions, and their numbers must not be mixed. Both are scikit-learn's classifiers
 * with its defaults under a shuffled KFold. Mean accuracy over the folds and `seeds` repeats. Its error is the binomial one, sqrt(c (1 - c) / n) for
 * the n rows of both sets (each is held out once).
 *
 * A fold's network is one task, ten trees of a fold's forest another, and each owns all it writes: the answer does not depend on the threads. */
#include "classifier.h"
#include "forest.h"
#include "scaled.h"

enum { MLP, RF, BOTH, TREES_A_TASK = 10 };

typedef struct Config {
  const char *reference;
  int64_t protocol, folds, seeds, epochs, trees;
} Config;

static const EbbParam params[] = {
    PAIR_REFERENCE(Config),
    EBB_CHOICE(Config, protocol, BOTH, "mlp|rf|both",
               "classifier: sbibm's network, sbi's random forest (reported as c2st_rf), or one after the other"),
    EBB_INT(Config, folds, 5, 2, 100, "", "parts of the cross-validation"),
    EBB_INT(Config, seeds, 1, 1, 1000, "", "repeats with other folds and first weights, averaged"),
    EBB_INT(Config, epochs, 10000, 1, 1000000, "", "most epochs a network is trained"),
    EBB_INT(Config, trees, 100, 1, FOREST_MOST_TREES, "", "trees of a forest"),
    EBB_END,
};

/* Fold number under which the folds themselves are drawn. */
enum { FOLDS_DRAWN = 255 };

typedef struct Run {
  const Config *c;
  const EbbEvidence *e;
  Scaled *scaled;   /* [sets] */
  int64_t networks; /* tasks that are a network; the rest are trees */
  int64_t parts;    /* tasks a forest */
  double *result;   /* [sets][seeds][folds] a network's share of right answers */
  Entry **sorted;   /* [sets] for its forests: [kept][rows] */
  float **votes;    /* [sets] what they say: [seeds][parts][rows], rows as the folds list them */
} Run;

/* ---- a fold ---- */

static uint64_t seed_id(const Run *t, int64_t set, int64_t seed) { return t->scaled[set].pair.number << 32 | (uint64_t)seed << 8; }

/* All rows as a seed lists them: folds are runs of the list, the first rows % folds longer by one. */
static void list_folds(const Run *t, int64_t set, int64_t seed, double *u, int32_t *index) {
  int64_t n = t->scaled[set].rows;
  for (int64_t r = 0; r < n; r++) index[r] = (int32_t)r;
  shuffle(t->e->host, t->e->rng, seed_id(t, set, seed) | FOLDS_DRAWN, 0, u, n, index);
}

static int64_t fold_begin(int64_t rows, int64_t folds, int64_t fold) {
  int64_t longer = rows % folds;
  return fold * (rows / folds) + (fold < longer ? fold : longer);
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

static EbbStatus run_task(void *ctx, EbbWork *work, int64_t i) {
  Run *t = ctx;
  const EbbHost *host = t->e->host;
  bool network = i < t->networks;
  int64_t part = network ? 0 : (i - t->networks) % t->parts, run = network ? i : (i - t->networks) / t->parts;
  int64_t folds = t->c->folds, fold = run % folds, seed = run / folds % t->c->seeds, set = run / folds / t->c->seeds;
  const Scaled *s = &t->scaled[set];
  if (s->apart >= 0 || s->kept == 0) return EBB_OK;
  int64_t n = s->rows, first = fold_begin(n, folds, fold), size = fold_begin(n, folds, fold + 1) - first;
  int32_t *index = host->scratch(work, (size_t)n * sizeof *index), *held = host->scratch(work, (size_t)n * sizeof *held);
  double *u = host->scratch(work, CHUNK * sizeof *u);
  list_folds(t, set, seed, u, index);
  memcpy(held, index + first, (size_t)size * sizeof *held);
  memmove(index + first, index + first + size, (size_t)(n - first - size) * sizeof *index);
  uint64_t id = seed_id(t, set, seed) | (uint64_t)fold;
  if (!network) {
    Forest f = {host, t->e->rng, n, s->kept, s->kept + 1, s->x, s->sign, t->sorted[set]};
    int64_t from = part * TREES_A_TASK, trees = t->c->trees - from < TREES_A_TASK ? t->c->trees - from : TREES_A_TASK;
    forest_vote(&f, work, id, from, trees, n - size, index, size, held, t->votes[set] + (seed * t->parts + part) * n + first);
    return EBB_OK;
  }
  Net net;
  net_new(&net, host, work, s->kept, 10 * s->kept);
  net_draw(&net, work, t->e->rng, id);
  EbbStatus status = net_train(&net, t->e->rng, id, t->c->epochs, u, n - size, index, s->x, s->sign);
  if (status == EBB_OK) t->result[i] = accuracy(&net, size, held, s->x, s->sign);
  return status;
}

/* The forests' mean accuracy over folds and seeds; index and u as list_folds takes them. */
static double count_votes(const Run *t, int64_t set, double *u, int32_t *index) {
  const Scaled *s = &t->scaled[set];
  int64_t seeds = t->c->seeds, folds = t->c->folds;
  double sum = 0;
  for (int64_t seed = 0; seed < seeds; seed++) {
    list_folds(t, set, seed, u, index);
    for (int64_t fold = 0; fold < folds; fold++) {
      int64_t right = 0, from = fold_begin(s->rows, folds, fold), to = fold_begin(s->rows, folds, fold + 1);
      for (int64_t i = from; i < to; i++) {
        double votes = 0;
        for (int64_t part = 0; part < t->parts; part++) votes += (double)t->votes[set][(seed * t->parts + part) * s->rows + i];
        right += (2 * votes > (double)t->c->trees) == (s->sign[index[i]] > 0);
      }
      sum += (double)right / (double)(to - from) / (double)(seeds * folds);
    }
  }
  return sum;
}

/* What a set's forests need. */
static EbbStatus sort_set(const Run *t, int64_t set) {
  const Scaled *s = &t->scaled[set];
  int64_t n = s->rows;
  Entry *sorted = t->sorted[set] = calloc((size_t)((s->kept + 1) * n), sizeof *sorted); /* the last column is spare */
  t->votes[set] = calloc((size_t)(t->c->seeds * t->parts * n), sizeof *t->votes[set]);
  if (sorted == NULL || t->votes[set] == NULL) return t->e->host->fail(t->e->host, EBB_E_MEMORY, "no memory for a forest of %lld rows", (long long)n);
  for (int64_t j = 0; j < s->kept; j++) {
    Entry *column = sorted + j * n;
    for (int64_t r = 0; r < n; r++) column[r] = (Entry){s->x[r * (s->kept + 1) + j], (int32_t)r};
    sort_entries(n, column, sorted + s->kept * n);
  }
  return EBB_OK;
}

/* ---- the answer ---- */

/* c is what the classifier said; returns what holds. */
static double report_set(const Run *t, int64_t set, const char *metric, double c, EbbReport *out) {
  const EbbEvidence *e = t->e;
  const Scaled *s = &t->scaled[set];
  int64_t good = s->pair.good;
  char note[PAIR_NOTE] = "", folded[64];
  pair_note_failed(e, &s->pair, note);
  if (s->kept < e->dim) note_add(note, "%lld of %lld parameters are constant in both sets", e->dim - s->kept, e->dim);
  if (s->apart >= 0) {
    c = 1;
    note_add(note, "parameter %lld is one constant in the draws and another in the reference", s->apart + 1, 0);
  } else if (s->kept == 0) {
    c = (double)(good > e->references ? good : e->references) / (double)s->rows;
  }
  if (good != e->references) note_add(note, "%lld draws against %lld: the larger set's share is the floor", good, e->references);
  double error = sqrt(c * (1 - c) / (double)s->rows);
  snprintf(folded, sizeof folded, "%s_folded", metric);
  out->value(out, metric, set, -1, c, error, s->rows, note);
  out->value(out, folded, set, -1, fmax(c, 1 - c), error, s->rows, "max(c, 1 - c)");
  return c;
}

static EbbStatus report_all(const Run *t, EbbReport *out) {
  const EbbEvidence *e = t->e;
  int64_t most = 1, runs = t->c->seeds * t->c->folds;
  for (int64_t set = 0; set < e->sets; set++) most = t->scaled[set].rows > most ? t->scaled[set].rows : most;
  double *value = calloc((size_t)e->sets, sizeof *value), *u = calloc(CHUNK, sizeof *u);
  int32_t *index = calloc((size_t)most, sizeof *index);
  EbbStatus status = EBB_OK;
  if (value == NULL || u == NULL || index == NULL) status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld rows", (long long)most);
  for (int protocol = MLP; protocol <= RF && status == EBB_OK; protocol++) {
    if (t->c->protocol != BOTH && t->c->protocol != protocol) continue;
    const char *metric = protocol == MLP ? "c2st" : "c2st_rf";
    for (int64_t set = 0; set < e->sets; set++) {
      double c = protocol == RF ? count_votes(t, set, u, index) : 0;
      if (protocol == MLP)
        for (int64_t i = 0; i < runs; i++) c += t->result[set * runs + i] / (double)runs;
      value[set] = report_set(t, set, metric, c, out);
    }
    pair_report_mean(out, metric, e->sets, value);
  }
  free(index);
  free(u);
  free(value);
  return status;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  EbbStatus status = pair_needs_reference(e);
  if (status != EBB_OK) return status;
  int64_t runs = e->sets * c->seeds * c->folds;
  Run t = {.c = c, .e = e, .networks = c->protocol == RF ? 0 : runs, .parts = (c->trees + TREES_A_TASK - 1) / TREES_A_TASK};
  t.scaled = calloc((size_t)e->sets, sizeof *t.scaled);
  t.result = calloc((size_t)runs, sizeof *t.result);
  t.sorted = calloc((size_t)e->sets, sizeof *t.sorted);
  t.votes = calloc((size_t)e->sets, sizeof *t.votes);
  if (t.scaled == NULL || t.result == NULL || t.sorted == NULL || t.votes == NULL)
    status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld sets", (long long)e->sets);
  for (int64_t set = 0; set < e->sets && status == EBB_OK; set++) {
    status = scale_set(e, set, c->folds, &t.scaled[set]);
    if (status == EBB_OK && c->protocol != MLP) status = sort_set(&t, set);
  }
  if (status == EBB_OK) status = e->host->parallel(e->host, t.networks + (c->protocol == MLP ? 0 : runs * t.parts), run_task, &t);
  if (status == EBB_OK) status = report_all(&t, out);
  for (int64_t set = 0; set < e->sets; set++) {
    if (t.scaled != NULL) scaled_free(&t.scaled[set]);
    if (t.sorted != NULL) free(t.sorted[set]);
    if (t.votes != NULL) free(t.votes[set]);
  }
  free(t.votes);
  free(t.sorted);
  free(t.result);
  free(t.scaled);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = pair_needs, .compute = compute};
static const EbbComponent c2st = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "c2st",
    .summary = "classifier two-sample test against a reference: sbibm's network, sbi's random forest",
    .version = "1.1",
    .reference = "1610.06545; 2101.04653",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&c2st)
