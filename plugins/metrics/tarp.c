/* SPDX-License-Identifier: MIT
 *
 * TARP, tests of accuracy with random points (Lemos et al. 2023, 2302.03026, algorithm 2): of each data set the share f of draws that lie closer to a
 * random reference point than the truth does. Reference points are uniform over the range of the truths, distances Euclidean with that range as the
 * unit; the range is that of the other half of the data sets, since a truth must not have a hand in the ruler that it is measured with. Expected
 * coverage ECP(a) = share of f < a equals a if the posterior is exact.
 *
 *     tarp_area = integral from 1/2 to 1 of ECP(a) - a = 5/8 - mean of max(f, 1/2)        > 0: too wide, < 0: too narrow
 *     tarp_p    = P(largest |ECP(a) - a| of exact posteriors >= this one's)
 *
 * ECP is a mean over `references` points a data set, whose f depend on each other, so that Kolmogorov's law does not hold for it. But truth and draws
 * of an exact posterior are exchangeable: taking at random one of the L + 1 points of each data set for the truth gives the statistic's own law, and
 * the curve's band. A prior in place of the posterior passes: look at the contraction as well. */
#include <stdbool.h>
#include <string.h>

#include "ranks.h"

typedef struct Config {
  int64_t datasets, draws, references, replicates;
} Config;

static const EbbParam params[] = {
    SETS_DATASETS(Config),
    SETS_DRAWS(Config, 9, 60000),
    EBB_INT(Config, references, 10, 1, 1000, "", "random points a data set"),
    EBB_INT(Config, replicates, 9999, 99, 100000, "", "exchanges of truths with draws that the p-value is taken from: no p is below 1 / (this + 1)"),
    EBB_END,
};

enum { LEVELS = 100 };
/* Uses of a data set's random numbers: its reference points, ties, and which point stands for the truth in a replicate. */
enum { USE_POINTS, USE_TIES, USE_STAND_INS };

typedef struct Tarp {
  const EbbEvidence *e;
  const Used *used;
  int64_t references, replicates;
  const double *low, *range; /* [2][dim] of the truths; set i uses row i % 2, made from the others */
  uint16_t *closer;          /* [used->n][references][draws + 1] points closer to the reference than each good draw, the truth last */
  int64_t *good;             /* [used->n] draws */
  double *tie;               /* [used->n][references] */
  double *ecp;               /* [replicates + 1][LEVELS + 1] the last is of the truths */
  double *distance;          /* [replicates + 1] */
} Tarp;

/* A parameter whose truths are all the same has no range, and no say. */
static double squared_distance(int64_t dim, const double *range, const float *theta, const double *point) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) {
    if (!(range[k] > 0)) continue;
    double away = ((double)theta[k] - point[k]) / range[k];
    sum += away * away;
  }
  return sum;
}

/* The first place in sorted [n] whose number is not below x, or, `above`, that is above it. */
static int64_t first_place(int64_t n, const double *sorted, double x, bool above) {
  int64_t low = 0;
  for (int64_t high = n; low < high;) {
    int64_t middle = (low + high) / 2;
    if (sorted[middle] < x || (above && sorted[middle] == x))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Of a data set: how many of all its points lie closer to each reference than each point; among equals a random place. */
static EbbStatus order_set(void *ctx, EbbWork *work, int64_t i) {
  Tarp *t = ctx;
  const EbbEvidence *e = t->e;
  int64_t s = t->used->set[i], points = 0;
  uint64_t id = (uint64_t)e->set[s];
  static const uint32_t use_points = USE_POINTS, use_ties = USE_TIES;
  const double *low = t->low + i % 2 * e->dim, *range = t->range + i % 2 * e->dim;
  double *point = e->host->scratch(work, (size_t)(t->references * e->dim) * sizeof *point);
  double *away = e->host->scratch(work, (size_t)(3 * (e->draws + 1)) * sizeof *away), *sorted = away + e->draws + 1, *u = sorted + e->draws + 1;
  e->host->uniform(e->host, e->rng, 1, &id, &use_points, 0, t->references * e->dim, point);
  e->host->uniform(e->host, e->rng, 1, &id, &use_ties, 0, t->references, t->tie + i * t->references);
  for (int64_t r = 0; r < t->references; r++) {
    double *of = point + r * e->dim;
    for (int64_t k = 0; k < e->dim; k++) of[k] = low[k] + range[k] * of[k];
    points = 0;
    for (int64_t d = 0; d < e->draws; d++)
      if (t->used->good[s * e->draws + d]) away[points++] = squared_distance(e->dim, range, draw_of(e, s, d), of);
    away[points++] = squared_distance(e->dim, range, e->truth + s * e->dim, of);
    memcpy(sorted, away, (size_t)points * sizeof *away);
    sort_doubles(points, sorted);
    uint16_t *closer = t->closer + (i * t->references + r) * (e->draws + 1);
    e->host->uniform(e->host, e->rng, 1, &id, &use_ties, 1 + (uint32_t)r, points, u);
    for (int64_t d = 0; d < points; d++) {
      int64_t first = first_place(points, sorted, away[d], false), end = first_place(points, sorted, away[d], true);
      closer[d] = (uint16_t)(first + (int64_t)(u[d] * (double)(end - first)));
    }
  }
  t->good[i] = points - 1;
  return EBB_OK;
}

/* The share of closer points if point `stand_in` is the truth, spread over its own step. */
static double share_closer(const Tarp *t, int64_t i, int64_t r, int64_t stand_in) {
  const uint16_t *closer = t->closer + (i * t->references + r) * (t->e->draws + 1);
  return place(closer[stand_in], 0, t->good[i], t->tie[i * t->references + r]);
}

/* ECP and its largest distance: of a replicate, the last one of the truths. */
static EbbStatus replicate(void *ctx, EbbWork *work, int64_t b) {
  Tarp *t = ctx;
  const EbbEvidence *e = t->e;
  int64_t all = t->used->n * t->references, *count = e->host->scratch(work, LEVELS * sizeof *count), below = 0;
  uint32_t use = USE_STAND_INS + (uint32_t)b;
  memset(count, 0, LEVELS * sizeof *count);
  for (int64_t i = 0; i < t->used->n; i++) {
    uint64_t id = (uint64_t)e->set[t->used->set[i]];
    int64_t stand_in = t->good[i];
    double u;
    if (b < t->replicates) {
      e->host->uniform(e->host, e->rng, 1, &id, &use, 0, 1, &u);
      stand_in = (int64_t)(u * (double)(t->good[i] + 1));
    }
    for (int64_t r = 0; r < t->references; r++) count[(int64_t)fmin(LEVELS - 1, share_closer(t, i, r, stand_in) * LEVELS)]++;
  }
  double *ecp = t->ecp + b * (LEVELS + 1);
  ecp[0] = t->distance[b] = 0;
  for (int l = 1; l <= LEVELS; l++) {
    below += count[l - 1];
    ecp[l] = (double)below / (double)all;
    t->distance[b] = fmax(t->distance[b], fabs(ecp[l] - (double)l / LEVELS));
  }
  return EBB_OK;
}

/* Each level's band from the replicates, 95 %; sorts them. */
static void report_curve(Tarp *t, double *column, EbbReport *out) {
  double x[LEVELS + 1], low[LEVELS + 1], high[LEVELS + 1];
  int64_t tail = (t->replicates + 1) * 25 / 1000 - 1;
  for (int l = 0; l <= LEVELS; l++) {
    for (int64_t b = 0; b < t->replicates; b++) column[b] = t->ecp[b * (LEVELS + 1) + l];
    sort_doubles(t->replicates, column);
    x[l] = (double)l / LEVELS;
    low[l] = column[tail];
    high[l] = column[t->replicates - 1 - tail];
  }
  out->curve(out, "tarp", -1, LEVELS + 1, x, t->ecp + t->replicates * (LEVELS + 1), low, high);
}

static void report(Tarp *t, double *scratch, EbbReport *out) {
  char note[256];
  failures_note(t->e, t->used, sizeof note, note);
  int64_t n = t->used->n, as_far = 0;
  for (int64_t i = 0; i < n; i++) {
    scratch[i] = 0;
    for (int64_t r = 0; r < t->references; r++) scratch[i] += (0.625 - fmax(0.5, share_closer(t, i, r, t->good[i]))) / (double)t->references;
  }
  Moments area = moments(n, scratch);
  for (int64_t b = 0; b < t->replicates; b++) as_far += t->distance[b] >= t->distance[t->replicates];
  out->value(out, "tarp_area", -1, -1, area.mean, area.sd / sqrt((double)n), n, note);
  out->value(out, "tarp_p", -1, -1, (double)(1 + as_far) / (double)(1 + t->replicates), (double)NAN, n, note);
  report_curve(t, scratch, out);
}

static void find_range(const EbbEvidence *e, const Used *used, int64_t half, double *low, double *range) {
  for (int64_t k = 0; k < e->dim; k++) {
    double high = -INFINITY;
    low[k] = INFINITY;
    for (int64_t i = 1 - half; i < used->n; i += 2) {
      low[k] = fmin(low[k], (double)e->truth[used->set[i] * e->dim + k]);
      high = fmax(high, (double)e->truth[used->set[i] * e->dim + k]);
    }
    range[k] = high - low[k];
  }
}

static void needs(const void *self, EbbMetricNeeds *n) {
  const Config *c = self;
  n->flags = EBB_NEED_TRUTH;
  n->sets = c->datasets;
  n->draws = c->draws;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  const Config *c = self;
  Used used;
  Tarp t = {.e = e, .used = &used, .references = c->references, .replicates = c->replicates};
  double *memory = NULL;
  EbbStatus status = sets_used(e, 0, &used);
  if (status != EBB_OK) goto end;
  int64_t curves = (c->replicates + 1) * (LEVELS + 1), scratch = used.n > c->replicates ? used.n : c->replicates;
  memory = malloc((size_t)(4 * e->dim + used.n * c->references + curves + c->replicates + 1 + scratch) * sizeof *memory);
  t.closer = malloc((size_t)(used.n * c->references * (e->draws + 1)) * sizeof *t.closer);
  t.good = malloc((size_t)used.n * sizeof *t.good);
  if (memory == NULL || t.closer == NULL || t.good == NULL) {
    status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld data sets of %lld draws; use fewer references or draws", (long long)used.n,
                           (long long)e->draws);
    goto end;
  }
  double *range = memory + 2 * e->dim;
  for (int64_t half = 0; half < 2; half++) find_range(e, &used, half, memory + half * e->dim, range + half * e->dim);
  t.low = memory, t.range = range;
  t.tie = range + 2 * e->dim, t.ecp = t.tie + used.n * c->references, t.distance = t.ecp + curves;
  status = e->host->parallel(e->host, used.n, order_set, &t);
  if (status == EBB_OK) status = e->host->parallel(e->host, c->replicates + 1, replicate, &t);
  if (status == EBB_OK) report(&t, t.distance + c->replicates + 1, out);
end:
  free(t.good);
  free(t.closer);
  free(memory);
  used_free(&used);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent tarp = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "tarp",
    .summary = "expected coverage of balls around random points, of the whole posterior without densities",
    .version = "1.0",
    .reference = "2302.03026, algorithm 2",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&tarp)
