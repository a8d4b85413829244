/* SPDX-License-Identifier: MIT
 *
 * The sliced Wasserstein distance of order 2 (Bonneel et al. 2015, J. Math. Imaging Vis. 51:22): draws and reference along random directions, where
 * the cheapest transport joins equal quantiles.
 *
 *     SW = sqrt(mean over directions of W^2),        W^2 = integral over q in (0, 1) of (F^-1(q) - G^-1(q))^2
 *
 * In the user's units; nothing is scaled. F and G are steps at the sorted projections, so the integral is a sum over the steps of both, exact for
 * sets of unequal size too. The error is that of the mean over directions alone: draws of one law still part by their scatter, of order (1/m +
 * 1/n)^(1/2). A task is a direction, addressed by the set's number. */
#include "pair.h"
#include "sort.h"

typedef struct Config {
  const char *reference;
  int64_t directions;
} Config;

static const EbbParam params[] = {
    PAIR_REFERENCE(Config),
    EBB_INT(Config, directions, 1000, 1, 1 << 24, "", "random directions"),
    EBB_END,
};

typedef struct Run {
  const EbbEvidence *e;
  int64_t directions;
  Pair *pair;     /* [sets] */
  float **draws;  /* [sets] [good][dim] */
  double *square; /* [sets][directions] W^2 */
} Run;

/* entry [rows]: theta u, sorted. */
static void project(int64_t rows, int64_t dim, const float *theta, const double *u, Entry *entry, Entry *spare) {
  for (int64_t i = 0; i < rows; i++) {
    double sum = 0;
    for (int64_t j = 0; j < dim; j++) sum += (double)theta[i * dim + j] * u[j];
    entry[i] = (Entry){(float)sum, 0};
  }
  sort_entries(rows, entry, spare);
}

/* W^2 of m numbers and n others, both sorted. Places are counted in parts of 1 / (m n), so that they are exact. */
static double transport(int64_t m, const Entry *a, int64_t n, const Entry *b) {
  double sum = 0;
  for (int64_t i = 0, j = 0, at = 0; i < m && j < n;) {
    int64_t end_a = (i + 1) * n, end_b = (j + 1) * m, end = end_a < end_b ? end_a : end_b;
    double gap = (double)a[i].x - (double)b[j].x;
    sum += (double)(end - at) * gap * gap;
    at = end;
    i += end == end_a;
    j += end == end_b;
  }
  return sum / (double)m / (double)n;
}

static EbbStatus run_direction(void *ctx, EbbWork *work, int64_t i) {
  Run *t = ctx;
  const EbbEvidence *e = t->e;
  int64_t set = i / t->directions, m = t->pair[set].good, n = e->references, most = m > n ? m : n;
  uint64_t id = t->pair[set].number << 32 | (uint64_t)(i % t->directions);
  double *u = e->host->scratch(work, (size_t)e->dim * sizeof *u), length = 0;
  e->host->normal(e->host, e->rng, 1, &id, NULL, 0, e->dim, u);
  for (int64_t j = 0; j < e->dim; j++) length += u[j] * u[j];
  for (int64_t j = 0; j < e->dim; j++) u[j] /= sqrt(length);
  Entry *a = e->host->scratch(work, (size_t)m * sizeof *a), *b = e->host->scratch(work, (size_t)n * sizeof *b);
  Entry *spare = e->host->scratch(work, (size_t)most * sizeof *spare);
  project(m, e->dim, t->draws[set], u, a, spare);
  project(n, e->dim, t->pair[set].reference, u, b, spare);
  t->square[i] = transport(m, a, n, b);
  return EBB_OK;
}

static double report_set(const Run *t, int64_t set, EbbReport *out) {
  double mean = 0, variance = 0, n = (double)t->directions;
  const double *square = t->square + set * t->directions;
  for (int64_t i = 0; i < t->directions; i++) mean += square[i] / n;
  for (int64_t i = 0; i < t->directions; i++) variance += pow(square[i] - mean, 2) / (n - 1);
  double value = sqrt(mean), error = mean > 0 ? sqrt(variance / n) / (2 * value) : 0;
  char note[PAIR_NOTE];
  snprintf(note, sizeof note, "%lld directions; error from their spread", (long long)t->directions);
  pair_note_failed(t->e, &t->pair[set], note);
  out->value(out, "sliced_wasserstein", set, -1, value, t->directions > 1 ? error : NAN, t->pair[set].good + t->e->references, note);
  return value;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  EbbStatus status = pair_needs_reference(e);
  if (status != EBB_OK) return status;
  size_t sets = (size_t)e->sets;
  Run t = {.e = e, .directions = c->directions};
  t.pair = calloc(sets, sizeof *t.pair);
  t.draws = calloc(sets, sizeof *t.draws);
  t.square = calloc(sets * (size_t)c->directions, sizeof *t.square);
  double *value = calloc(sets, sizeof *value);
  bool memory = t.pair != NULL && t.draws != NULL && t.square != NULL && value != NULL;
  for (int64_t set = 0; set < e->sets && status == EBB_OK && memory; set++) {
    status = pair_take(e, set, 1, "to compare; ask for more draws", &t.pair[set]);
    if (status != EBB_OK) break;
    t.draws[set] = malloc((size_t)(t.pair[set].good * e->dim) * sizeof *t.draws[set]);
    memory = t.draws[set] != NULL;
    if (memory) pair_good_draws(e, &t.pair[set], t.draws[set]);
  }
  if (!memory) status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld sets", (long long)e->sets);
  if (status == EBB_OK) status = e->host->parallel(e->host, e->sets * c->directions, run_direction, &t);
  if (status == EBB_OK) {
    for (int64_t set = 0; set < e->sets; set++) value[set] = report_set(&t, set, out);
    pair_report_mean(out, "sliced_wasserstein", e->sets, value);
  }
  for (int64_t set = 0; set < e->sets && t.draws != NULL; set++) free(t.draws[set]);
  free(value);
  free(t.square);
  free(t.draws);
  free(t.pair);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = pair_needs, .compute = compute};
static const EbbComponent sliced_wasserstein = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "sliced_wasserstein",
    .summary = "Wasserstein distance of order 2 from a reference, over random directions",
    .version = "1.0",
    .reference = "J. Math. Imaging Vis. 51:22",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&sliced_wasserstein)
