/* SPDX-License-Identifier: MIT
 *
 * MMD, the maximum mean discrepancy (Gretton et al. 2012, JMLR 13:723), squared and without bias: 0 on average where draws and reference follow one
 * law, above it where they do not.
 *
 *     k(a, b) = exp(-|a - b|^2 / (2 l^2)),        l the median distance between two rows of the reference, or `bandwidth`; columns are not scaled
 *     MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y),        x the m draws, y the n rows of the reference, x' and y' other rows
 *
 * Its error joins two parts. Where the laws are one, only pairs scatter, and the standard deviation (the note's "null sd") is
 *
 *     sqrt(v (2 / (m (m - 1)) + 2 / (n (n - 1)) + 4 / (m n))),        v = mean k^2 - 2 mean of (mean k(y, .))^2 + (mean k)^2 of the reference
 *
 * Where they differ, rows do: each adds 2 (mean k(x, .) on its own side - on the other), less what these means scatter by chance. That part is never
 * taken below 0, so under one law the error is too large, by a fifth or so.
 *
 * A task is some rows against all. Distances and kernels are float32 in LANES beside each other, which a compiler turns into vectors; sums are
 * double, each in one order. */
#include <float.h>

#include "pair.h"

enum { LANES = 16, STRIP = 64, COUNTERS = 16, BINS = 1 << 16 };

typedef struct Config {
  const char *reference;
  double bandwidth;
} Config;

static const EbbParam params[] = {
    PAIR_REFERENCE(Config),
    EBB_REAL(Config, bandwidth, 0, 0, 1e30, "", "length l of the kernel; 0: the median distance within the reference"),
    EBB_END,
};

/* Rows by columns, [dim][room]: room is a multiple of LANES, and zeros lie behind the rows. */
typedef struct Side {
  int64_t rows, room;
  float *value;
  double *own, *square, *other; /* [rows] sums of the kernel and of its square over the other rows of this side; of the kernel over the other side */
} Side;

typedef struct Run {
  const EbbEvidence *e;
  Side draws, reference;
  float scale;    /* -1 / (2 l^2) */
  int32_t upper;  /* the median's upper bits; -1: they are sought */
  int64_t *count; /* [COUNTERS][BINS] distances by the upper, then by the lower 16 bits */
} Run;

/* A bandwidth is held so near to the reference's spread: beyond, kernels are 0 or 1 anyway. */
static const double FAR = 1e15;

/* ---- kernels ---- */

/* |a - b|^2 of row `row` of a against LANES rows of b from `at` on. */
static inline void distances(int64_t dim, const Side *a, int64_t row, const Side *b, int64_t at, float *restrict out) {
  for (int j = 0; j < LANES; j++) out[j] = 0;
  for (int64_t k = 0; k < dim; k++) {
    float x = a->value[k * a->room + row];
    const float *restrict y = b->value + k * b->room + at;
    for (int j = 0; j < LANES; j++) out[j] += (x - y[j]) * (x - y[j]);
  }
}

/* exp(x), x <= 0, within 3e-7 of its value; 0 from -87 down. x = n ln 2 + f, and f's power by Taylor's series; adding 1.5 2^23 rounds to a whole n.
 */
static inline float exp_of_negative(float x) {
  float kept = x > -87.0f ? x : -87.0f, n = (kept * 1.44269504f + 12582912.0f) - 12582912.0f;
  float f = (kept - n * 0.693359375f) + n * 2.12194440e-4f; /* ln 2 in two parts, the first exact */
  float p = 1 + f * (1 + f * (0.5f + f * (1.66666667e-1f + f * (4.16666667e-2f + f * (8.33333333e-3f + f * 1.38888889e-3f)))));
  int32_t bits = ((int32_t)n + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return x > -87.0f ? p * power : 0;
}

/* The kernel of a row with LANES others; 0 where there are none. */
static inline void kernels(const Run *t, const Side *a, int64_t row, const Side *b, int64_t at, float *restrict out) {
  distances(t->e->dim, a, row, b, at, out);
  for (int j = 0; j < LANES; j++) out[j] = exp_of_negative(t->scale * out[j]);
  for (int64_t j = b->rows - at; j < LANES; j++) out[j] = 0;
}

static void sum_row(const Run *t, Side *a, const Side *b, int64_t row) {
  float k[LANES];
  double own[LANES] = {0}, square[LANES] = {0}, other[LANES] = {0}, sums[3] = {0};
  for (int64_t at = 0; at < a->room; at += LANES) {
    kernels(t, a, row, a, at, k);
    if (row >= at && row < at + LANES) k[row - at] = 0; /* not with itself */
    for (int j = 0; j < LANES; j++) own[j] += (double)k[j];
    for (int j = 0; j < LANES; j++) square[j] += (double)(k[j] * k[j]);
  }
  for (int64_t at = 0; at < b->room; at += LANES) {
    kernels(t, a, row, b, at, k);
    for (int j = 0; j < LANES; j++) other[j] += (double)k[j];
  }
  for (int j = 0; j < LANES; j++) sums[0] += own[j], sums[1] += square[j], sums[2] += other[j];
  a->own[row] = sums[0];
  a->square[row] = sums[1];
  a->other[row] = sums[2];
}

static int64_t strips(const Side *s) { return (s->rows + STRIP - 1) / STRIP; }

/* STRIP rows; those of the draws come first. */
static EbbStatus sum_strip(void *ctx, EbbWork *work, int64_t i) {
  (void)work;
  Run *t = ctx;
  int64_t before = strips(&t->draws);
  Side *a = i < before ? &t->draws : &t->reference;
  const Side *b = i < before ? &t->reference : &t->draws;
  int64_t from = (i < before ? i : i - before) * STRIP, to = from + STRIP < a->rows ? from + STRIP : a->rows;
  for (int64_t row = from; row < to; row++) sum_row(t, a, b, row);
  return EBB_OK;
}

/* ---- the median distance ---- */

/* Every COUNTERS-th row against those behind it. Positive floats are in the order of their bits. */
static EbbStatus count_distances(void *ctx, EbbWork *work, int64_t i) {
  (void)work;
  Run *t = ctx;
  const Side *s = &t->reference;
  int64_t *count = t->count + i * BINS;
  memset(count, 0, BINS * sizeof *count);
  for (int64_t row = i; row < s->rows; row += COUNTERS)
    for (int64_t at = row / LANES * LANES; at < s->rows; at += LANES) {
      float square[LANES];
      uint32_t bits[LANES];
      distances(t->e->dim, s, row, s, at, square);
      memcpy(bits, square, sizeof bits);
      int64_t first = row < at ? 0 : row + 1 - at, end = s->rows - at < LANES ? s->rows - at : LANES;
      for (int64_t j = first; j < end; j++) {
        if (t->upper < 0)
          count[bits[j] >> 16]++;
        else if (bits[j] >> 16 == (uint32_t)t->upper)
          count[bits[j] & (BINS - 1)]++;
      }
    }
  return EBB_OK;
}

/* The bin in which the distance with *rank smaller ones lies; *rank becomes its rank within. */
static EbbStatus find_bin(Run *t, int64_t *rank, int32_t *bin) {
  EbbStatus status = t->e->host->parallel(t->e->host, COUNTERS, count_distances, t);
  for (*bin = 0; status == EBB_OK && *bin < BINS; ++*bin) {
    int64_t here = 0;
    for (int64_t i = 0; i < COUNTERS; i++) here += t->count[i * BINS + *bin];
    if (*rank < here) break;
    *rank -= here;
  }
  return status;
}

/* Of two middle ones the lesser. */
static EbbStatus median_distance(Run *t, double *out) {
  int64_t n = t->reference.rows, rank = (n * (n - 1) / 2 - 1) / 2;
  int32_t upper = 0, lower = 0;
  t->upper = -1;
  EbbStatus status = find_bin(t, &rank, &upper);
  t->upper = upper;
  if (status == EBB_OK) status = find_bin(t, &rank, &lower);
  uint32_t bits = (uint32_t)upper << 16 | (uint32_t)lower;
  float square;
  memcpy(&square, &bits, sizeof square);
  *out = sqrt((double)square);
  return status;
}

/* ---- a set ---- */

static EbbStatus side_new(const EbbEvidence *e, int64_t rows, Side *s) {
  *s = (Side){.rows = rows, .room = (rows + LANES - 1) / LANES * LANES};
  s->value = calloc((size_t)(s->room * e->dim), sizeof *s->value);
  s->own = malloc((size_t)(3 * rows) * sizeof *s->own);
  if (s->value == NULL || s->own == NULL) return e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld draws", (long long)rows);
  s->square = s->own + rows;
  s->other = s->square + rows;
  return EBB_OK;
}

static void side_free(Side *s) {
  free(s->value);
  free(s->own);
}

/* Both sides from the reference's mean, in units of its spread in all columns together: the kernel of float32 numbers is then as good for small or
 * far parameters as for others. Returns the unit. */
static double fill(Run *t, const Pair *p) {
  const EbbEvidence *e = t->e;
  double unit = 0;
  for (int64_t j = 0; j < e->dim; j++) {
    double mean = 0;
    for (int64_t i = 0; i < e->references; i++) mean += (double)p->reference[i * e->dim + j] / (double)e->references;
    for (int64_t i = 0; i < e->references; i++) unit += pow((double)p->reference[i * e->dim + j] - mean, 2) / (double)e->references;
  }
  unit = unit > 0 ? sqrt(unit) : 1;
  for (int64_t j = 0; j < e->dim; j++) {
    double mean = 0;
    int64_t row = 0;
    for (int64_t i = 0; i < e->references; i++) mean += (double)p->reference[i * e->dim + j] / (double)e->references;
    float *own = t->draws.value + j * t->draws.room, *reference = t->reference.value + j * t->reference.room;
    for (int64_t i = 0; i < e->references; i++) reference[i] = (float)(((double)p->reference[i * e->dim + j] - mean) / unit);
    for (int64_t i = 0; i < e->draws; i++)
      if (row_is_finite(e->dim, p->draws + i * e->dim))
        own[row++] = (float)fmax((double)-FLT_MAX, fmin((double)FLT_MAX, ((double)p->draws[i * e->dim + j] - mean) / unit));
  }
  return unit;
}

/* Mean of the kernel, of its square, and of the square of a row's mean, within a side; scatter: variance of what rows add. */
typedef struct Moments {
  double mean, square, of_rows, scatter;
} Moments;

static Moments moments(const Side *s, int64_t others) {
  Moments m = {0};
  double n = (double)s->rows, sum = 0;
  for (int64_t i = 0; i < s->rows; i++) {
    double row = s->own[i] / (n - 1);
    m.mean += row / n;
    m.of_rows += row * row / n;
    m.square += s->square[i] / (n * (n - 1));
    sum += 2 * (row - s->other[i] / (double)others) / n;
  }
  for (int64_t i = 0; i < s->rows; i++) m.scatter += pow(2 * (s->own[i] / (n - 1) - s->other[i] / (double)others) - sum, 2) / (n - 1);
  return m;
}

static double report_set(const Run *t, const Pair *p, int64_t set, double l, EbbReport *out) {
  double m = (double)t->draws.rows, n = (double)t->reference.rows, cross = 0;
  Moments x = moments(&t->draws, t->reference.rows), y = moments(&t->reference, t->draws.rows);
  for (int64_t i = 0; i < t->draws.rows; i++) cross += t->draws.other[i] / (m * n);
  double value = x.mean + y.mean - 2 * cross;
  double pairs = fmax(0, y.square - 2 * y.of_rows + y.mean * y.mean), chance = 4 * fmax(0, y.square - y.of_rows);
  double null = pairs * (2 / (m * (m - 1)) + 2 / (n * (n - 1)) + 4 / (m * n));
  double rows = fmax(0, x.scatter - chance * (1 / (m - 1) + 1 / n)) / m + fmax(0, y.scatter - chance * (1 / (n - 1) + 1 / m)) / n;
  char note[PAIR_NOTE];
  snprintf(note, sizeof note, "null sd %.3g; bandwidth %.4g", sqrt(null), l);
  pair_note_failed(t->e, p, note);
  out->value(out, "mmd", set, -1, value, sqrt(null + rows), t->draws.rows + t->reference.rows, note);
  return value;
}

static EbbStatus compute_set(const Config *c, const EbbEvidence *e, int64_t set, EbbReport *out, double *value) {
  Run t = {.e = e};
  Pair p;
  EbbStatus status = pair_take(e, set, 2, "for a mean over pairs; ask for more draws", &p);
  if (status != EBB_OK) return status;
  status = side_new(e, p.good, &t.draws);
  if (status == EBB_OK) status = side_new(e, e->references, &t.reference);
  t.count = malloc((size_t)COUNTERS * BINS * sizeof *t.count);
  if (status == EBB_OK && t.count == NULL) status = e->host->fail(e->host, EBB_E_MEMORY, "no memory to count distances");
  if (status == EBB_OK) {
    double unit = fill(&t, &p), l = c->bandwidth / unit;
    if (l == 0) status = median_distance(&t, &l);
    if (status == EBB_OK && l == 0)
      status = e->host->fail(e->host, EBB_E_CONFIG,
                             "most rows of the reference of set %lld are one and the same, so their median distance is no length; give bandwidth",
                             (long long)p.number + 1);
    double held = fmax(1 / FAR, fmin(FAR, l));
    t.scale = (float)(-0.5 / (held * held));
    if (status == EBB_OK) status = e->host->parallel(e->host, strips(&t.draws) + strips(&t.reference), sum_strip, &t);
    if (status == EBB_OK) *value = report_set(&t, &p, set, l * unit, out);
  }
  free(t.count);
  side_free(&t.reference);
  side_free(&t.draws);
  return status;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *out) {
  EbbStatus status = pair_needs_reference(e);
  double *value = calloc((size_t)e->sets, sizeof *value);
  if (status == EBB_OK && value == NULL) status = e->host->fail(e->host, EBB_E_MEMORY, "no memory for %lld sets", (long long)e->sets);
  for (int64_t set = 0; set < e->sets && status == EBB_OK; set++) status = compute_set(self, e, set, out, &value[set]);
  if (status == EBB_OK) pair_report_mean(out, "mmd", e->sets, value);
  free(value);
  return status;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = pair_needs, .compute = compute};
static const EbbComponent mmd = {
    .size = sizeof(EbbComponent),
    .kind = EBB_METRIC,
    .id = "mmd",
    .summary = "maximum mean discrepancy from a reference, squared and unbiased",
    .version = "1.0",
    .reference = "JMLR 13:723, eq. 3",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&mmd)
