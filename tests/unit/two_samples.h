/* SPDX-License-Identifier: MIT
 *
 * What the suites of the two-sample metrics share: pairs of sets, as tests/golden/c2st_sklearn.py makes them too, and a call of the metric. To be
 * included after the plugin's source. */
#ifndef EBB_TESTS_TWO_SAMPLES_H
#define EBB_TESTS_TWO_SAMPLES_H

#include "base/base.h"
#include "base/pool.h"
#include "num/isa.h"
#include "plugin/plugin.h"

static inline uint64_t splitmix64(uint64_t k) {
  uint64_t z = k * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static inline double uniform_at(uint64_t k) { return ((double)(splitmix64(k) >> 11) + 0.5) * 0x1p-53; }

static inline uint64_t address(int pair, int kind, int column, int64_t row) {
  return (uint64_t)pair << 40 | (uint64_t)kind << 36 | (uint64_t)column << 32 | (uint64_t)row;
}

static inline double normal_at(uint64_t at) { return sqrt(-2 * log(uniform_at(2 * at + 1))) * cos(2 * M_PI * uniform_at(2 * at + 2)); }

typedef enum Rule { SHIFT, SCALE, SAME, MOONS, UNITS } Rule;

typedef struct Case {
  const char *name;
  Rule rule;
  int64_t dim, rows[2], epochs; /* rows of the reference, of the draws; most epochs, 0: the plugin's */
} Case;

/* The row of set `kind` (0 reference, 1 draws), as the script makes it. */
static inline void make_row(const Case *c, int pair, int kind, int64_t i, float *row) {
  static const double unit[] = {0.01, 1, 100};
  double e[16], before = 0, angle = M_PI * uniform_at(2 * address(pair, kind, 15, i) + 1);
  for (int j = 0; j < c->dim; j++) {
    double fresh = normal_at(address(pair, kind, j, i));
    e[j] = fresh;
    if (c->rule == SHIFT && kind == 1 && j == 0) e[j] += 1;
    if (c->rule == SCALE && kind == 1) e[j] *= 1.2;
    if (c->rule == UNITS && kind == 1 && j > 0) e[j] = 0.6 * before + 0.8 * fresh;
    if (c->rule == UNITS) e[j] = 3 + e[j] * unit[j];
    before = fresh;
  }
  if (c->rule == MOONS) {
    double moon[2] = {i % 2 == 0 ? cos(angle) : 1 - cos(angle), i % 2 == 0 ? sin(angle) : 0.5 - sin(angle)};
    double ring[2] = {0.5 + 1.3 * cos(2 * angle), 0.25 + 0.8 * sin(2 * angle)};
    for (int j = 0; j < 2; j++) e[j] = (kind == 1 ? ring[j] : moon[j]) + 0.1 * e[j];
  }
  for (int j = 0; j < c->dim; j++) row[j] = (float)e[j];
}

static inline float *make(const Case *c, int pair, int kind) {
  float *theta = malloc((size_t)(c->rows[kind] * c->dim) * sizeof *theta);
  for (int64_t i = 0; i < c->rows[kind]; i++) make_row(c, pair, kind, i, theta + i * c->dim);
  return theta;
}

/* ---- calling the metric ---- */

static int64_t first_number = 1; /* of the sets asked about */

typedef struct Answer {
  EbbStatus status;
  double c, folded, error, mean; /* of the last set; mean: over all sets */
  int64_t n;
  char metric[32], note[256], message[512]; /* of the last value */
} Answer;

static inline void take(EbbReport *r, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n, const char *note) {
  Answer *a = r->ctx;
  CU_ASSERT_EQUAL(parameter, -1);
  snprintf(a->metric, sizeof a->metric, "%s", metric);
  if (strstr(metric, "_folded") != NULL) {
    a->folded = value;
  } else if (set < 0) {
    a->mean = value;
  } else {
    a->c = value, a->error = error, a->n = n;
    snprintf(a->note, sizeof a->note, "%s", note);
  }
}

static inline Answer ask(int threads, uint64_t seed, Config config, int64_t sets, int64_t dim, int64_t references, const float *reference,
                         int64_t draws, const float *theta) {
  static const char *const name[] = {"first", "second", "third"};
  const int64_t number[] = {first_number, first_number + 1, first_number + 2};
  Answer a = {.c = NAN, .mean = NAN};
  Pool *pool = NULL;
  Arena *arena = arena_new();
  if (threads > 1) CU_ASSERT_EQUAL_FATAL(pool_new(threads, &pool), EBB_OK);
  fail_clear();
  EbbEvidence e = {.size = sizeof e,
                   .host = host_new(arena, pool, "metric/tested"),
                   .rng = {seed, 7},
                   .sets = sets,
                   .draws = draws,
                   .dim = dim,
                   .references = references,
                   .set = number,
                   .name = name,
                   .theta = theta,
                   .reference = reference};
  a.status = ops.compute(&config, &e, &(EbbReport){.size = sizeof(EbbReport), .ctx = &a, .value = take});
  snprintf(a.message, sizeof a.message, "%s", a.status == EBB_OK ? "" : fail_text());
  pool_free(pool);
  arena_free(arena);
  return a;
}

#endif
