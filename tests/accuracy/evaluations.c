/* SPDX-License-Identifier: MIT
 *
 * Distance from the truth against evaluations: every sampler on four targets whose diffused fields are exact (benchmarks.md 5.9), at 4 to 100
 * evaluations a draw, with the schedule edm_vp on the range u in [.005, 8], evenly in lambda, from the moment-matched start. Distance is the accuracy
 * of a two-sample test by the 15 nearest neighbours, leave one out, of DRAWS draws against DRAWS of the target: .5 is perfect, its own error .012.
 * Prints CSV. A sampler gets the most steps that keep it within an evaluation budget; `evaluations` is what it asked. Adaptive ones run at their
 * defaults. All targets are mixtures of isotropic Gaussians of mean 0 and sd 1 in each coordinate:
 *
 *     gaussian_mixture  the posterior of sbibm's task far from the prior's edges: one mean, sd 1 and .1, scaled
 *     gaussian_10d      the posterior of sbibm's gaussian_linear, scaled: N(0, I)
 *     modes_5d          four modes of sd .1 at corners of a cube
 *     two_moons         the two crescents of sbibm's task at x = 0: 64 Gaussians of sd .01 along each arc of radius .1, scaled */
#include "oracle.h"

enum { DRAWS = 3000, NEIGHBOURS = 15, MOST_DIM = 10, MOST_PARTS = 128, CHUNK = 100 };
static const double U_MIN = 0.005, U_MAX = 8, PI = 3.14159265358979323846;

typedef struct Target {
  EbbField field; /* first: passed as the field */
  const char *name;
  int64_t dim, parts; /* of equal weight */
  double mean[MOST_PARTS][MOST_DIM], sd[MOST_PARTS];
} Target;

/* ---- fields ---- */

static EbbStatus target_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  const Target *t = f->ctx;
  WorkMark mark = work_mark(work);
  double *log_density = work_alloc(work, (size_t)t->parts * sizeof *log_density);
  for (int64_t r = 0; r < q->rows; r++) {
    const EbbLevel *l = &q->at[r * q->at_step];
    double z[MOST_DIM], sum[MOST_DIM] = {0}, top = -INFINITY, total = 0, v = 0, log_v = 0;
    memcpy(z, q->z + r * q->dim, (size_t)t->dim * sizeof *z);
    for (int64_t k = 0; k < t->parts; k++) {
      double square = 0;
      if (k == 0 || t->sd[k] != t->sd[k - 1]) {
        v = pow(l->alpha * t->sd[k], 2) + l->sigma * l->sigma;
        log_v = log(v);
      }
      for (int64_t j = 0; j < t->dim; j++) square += (z[j] - l->alpha * t->mean[k][j]) * (z[j] - l->alpha * t->mean[k][j]);
      log_density[k] = -0.5 * (square / v + (double)t->dim * log_v);
      top = fmax(top, log_density[k]);
    }
    for (int64_t k = 0; k < t->parts; k++) {
      if (log_density[k] - top < -40) continue;
      double share = exp(log_density[k] - top), s2 = t->sd[k] * t->sd[k], gain = l->alpha * s2 / (l->alpha * l->alpha * s2 + l->sigma * l->sigma);
      total += share;
      for (int64_t j = 0; j < t->dim; j++) sum[j] += share * (t->mean[k][j] + gain * (z[j] - l->alpha * t->mean[k][j]));
    }
    for (int64_t j = 0; j < t->dim; j++) xhat[r * t->dim + j] = sum[j] / total;
  }
  work_reset(work, mark);
  return EBB_OK;
}

/* To mean 0 and one common scale; the targets have the same sd in each coordinate. */
static void scale(Target *t) {
  double mean[MOST_DIM] = {0}, variance[MOST_DIM] = {0};
  for (int64_t j = 0; j < t->dim; j++) {
    for (int64_t k = 0; k < t->parts; k++) mean[j] += t->mean[k][j] / (double)t->parts;
    for (int64_t k = 0; k < t->parts; k++) variance[j] += (pow(t->mean[k][j] - mean[j], 2) + t->sd[k] * t->sd[k]) / (double)t->parts;
    CHECK_NEAR(variance[j] / variance[0], 1, 1e-9, "%s: variance of coordinate %d over the first's", t->name, (int)j);
  }
  for (int64_t k = 0; k < t->parts; k++) {
    for (int64_t j = 0; j < t->dim; j++) t->mean[k][j] = (t->mean[k][j] - mean[j]) / sqrt(variance[j]);
    t->sd[k] /= sqrt(variance[0]);
  }
}

static void make_targets(Target *t) {
  static const double corner[4][5] = {{1, 1, 1, 1, 1}, {1, -1, -1, 1, -1}, {-1, 1, -1, -1, 1}, {-1, -1, 1, -1, -1}};
  t[0] = (Target){.name = "gaussian_mixture", .dim = 2, .parts = 2, .sd = {1, 0.1}};
  t[1] = (Target){.name = "gaussian_10d", .dim = 10, .parts = 1, .sd = {1}};
  t[2] = (Target){.name = "modes_5d", .dim = 5, .parts = 4, .sd = {0.1, 0.1, 0.1, 0.1}};
  for (int k = 0; k < 4; k++) memcpy(t[2].mean[k], corner[k], sizeof corner[k]);
  t[3] = (Target){.name = "two_moons", .dim = 2, .parts = MOST_PARTS};
  for (int k = 0; k < MOST_PARTS; k++) {
    double a = PI * ((k / 2 + 0.5) / (MOST_PARTS / 2) - 0.5), along = 0.25 + 0.1 * cos(a), across = -0.1 * sin(a), side = k % 2 ? 1 : -1;
    t[3].mean[k][0] = (side * along - across) / sqrt(2);
    t[3].mean[k][1] = (side * along + across) / sqrt(2);
    t[3].sd[k] = 0.01;
  }
  for (int i = 0; i < 4; i++) {
    scale(&t[i]);
    t[i].field = (EbbField){.size = sizeof(EbbField), .kind = EBB_MEAN, .dim = t[i].dim, .ctx = &t[i], .eval = target_eval};
  }
}

/* Streams of noise that no sampler has. */
enum { STREAM_TRUTH = 2000000, STREAM_START };

static void draw_truth(const Target *t, const EbbHost *host, double *x) {
  for (int64_t i = 0; i < DRAWS; i++) {
    uint64_t id = (uint64_t)i;
    double u;
    host->uniform(host, (EbbRng){5, STREAM_TRUTH}, 1, &id, NULL, 0, 1, &u);
    host->normal(host, (EbbRng){5, STREAM_TRUTH}, 1, &id, NULL, 1, t->dim, x + i * t->dim);
    int64_t k = (int64_t)(u * (double)t->parts);
    for (int64_t j = 0; j < t->dim; j++) x[i * t->dim + j] = t->mean[k][j] + t->sd[k] * x[i * t->dim + j];
  }
}

/* ---- the two-sample test ---- */

typedef struct Test2 {
  int64_t dim;
  float *x; /* [dim][2 DRAWS], truth first */
  int64_t right[2 * DRAWS / CHUNK];
} Test2;

static EbbStatus count_right(void *ctx, EbbWork *work, int64_t chunk) {
  Test2 *t = ctx;
  float *distance = work_alloc(work, 2 * DRAWS * sizeof *distance);
  for (int64_t i = chunk * CHUNK; i < (chunk + 1) * CHUNK; i++) {
    memset(distance, 0, 2 * DRAWS * sizeof *distance);
    for (int64_t j = 0; j < t->dim; j++) {
      const float *restrict x = t->x + j * 2 * DRAWS;
      float own = x[i];
      for (int64_t k = 0; k < 2 * DRAWS; k++) distance[k] += (x[k] - own) * (x[k] - own);
    }
    float near[NEIGHBOURS];
    int truth[NEIGHBOURS], kept = 0, votes = 0;
    for (int64_t k = 0; k < 2 * DRAWS; k++) {
      if (k == i || (kept == NEIGHBOURS && distance[k] >= near[kept - 1])) continue;
      int at = kept < NEIGHBOURS ? kept++ : kept - 1;
      for (; at > 0 && near[at - 1] > distance[k]; at--) near[at] = near[at - 1], truth[at] = truth[at - 1];
      near[at] = distance[k];
      truth[at] = k < DRAWS;
    }
    for (int k = 0; k < NEIGHBOURS; k++) votes += truth[k];
    t->right[chunk] += (votes > NEIGHBOURS / 2) == (i < DRAWS);
  }
  return EBB_OK;
}

static double accuracy(Pool *pool, int64_t dim, const double *truth, const double *draws) {
  static float x[MOST_DIM * 2 * DRAWS];
  Test2 t = {.dim = dim, .x = x};
  for (int64_t i = 0; i < DRAWS; i++)
    for (int64_t j = 0; j < dim; j++) {
      x[j * 2 * DRAWS + i] = (float)truth[i * dim + j];
      x[j * 2 * DRAWS + DRAWS + i] = (float)draws[i * dim + j];
    }
  CHECK_OK(pool_run(pool, COUNT(t.right), count_right, &t));
  int64_t right = 0;
  for (size_t i = 0; i < COUNT(t.right); i++) right += t.right[i];
  return (double)right / (2 * DRAWS);
}

/* ---- runs ---- */

typedef struct Bench {
  Pool *pool;
  Schedule schedule;
  double truth[DRAWS * MOST_DIM], z[DRAWS * MOST_DIM];
} Bench;
static Bench bench;

/* A run of `rows` draws; returns the evaluations a draw. */
static double sample(const Target *t, const EbbChild *sampler, int64_t rows) {
  int64_t own = ((const EbbSamplerOps *)sampler->ops)->steps(sampler->self), n = own > 0 ? own : 2;
  EbbLevel *level = oracle_levels(&bench.schedule.view, &(Grid){.n = n, .u_min = U_MIN, .u_max = U_MAX});
  const EbbHost *host = plugin_host(sampler);
  for (int64_t i = 0; i < rows; i++) {
    uint64_t id = (uint64_t)i;
    double *z = bench.z + i * t->dim, spread = hypot(level->alpha, level->sigma);
    host->normal(host, (EbbRng){5, STREAM_START}, 1, &id, NULL, 0, t->dim, z);
    for (int64_t j = 0; j < t->dim; j++) z[j] *= spread;
  }
  Drive d = {.sampler = sampler, .schedule = &bench.schedule.view, .field = &t->field, .level = level, .n = n, .rows = rows, .z = bench.z};
  d.block = CHUNK;
  d.pool = bench.pool;
  CHECK_OK(oracle_drive(&d));
  CHECK(d.failed == 0, "%s on %s: %d rows failed", sampler->component->id, t->name, (int)d.failed);
  return (double)d.asked / (double)rows;
}

static void report(const Target *t, const char *id, const EbbChild *sampler) {
  double asked = sample(t, sampler, DRAWS);
  printf("%s,%s,%g,%.4f\n", t->name, id, asked, accuracy(bench.pool, t->dim, bench.truth, bench.z));
  fflush(stdout);
}

/* The most steps within the budget; 0: not even one. Evaluations rise with steps. */
static int64_t steps_within(const Target *t, const EbbComponent *c, int64_t budget) {
  int64_t kept = 0;
  for (int64_t steps = budget; steps > 0 && kept == 0; steps--) {
    EbbChild child = suite_make(EBB_SAMPLER, suite_with(c, "steps", (double)steps));
    if (sample(t, &child, 1) <= (double)budget) kept = steps;
    plugin_destroy(&child);
  }
  return kept;
}

static void every_sampler_at_every_budget(void) {
  static const int budgets[] = {4, 6, 8, 10, 12, 16, 20, 30, 50, 100};
  static Target target[4];
  size_t samplers;
  const EbbComponent *const *sampler = suite_all(EBB_SAMPLER, &samplers);
  EbbChild edm = suite_make(EBB_SCHEDULE, "edm_vp");
  suite_schedule(&edm, &bench.schedule);
  make_targets(target);
  CHECK_OK(pool_new(pool_default_threads(NULL), &bench.pool));
  printf("\ntarget,sampler,evaluations,accuracy\n");
  for (int i = 0; i < 4; i++) {
    for (size_t k = 0; k < samplers; k++) {
      EbbChild standard = suite_make(EBB_SAMPLER, sampler[k]->id);
      const EbbSamplerOps *ops = standard.ops;
      if (!(ops->accepts & EBB_MEAN)) continue;
      draw_truth(&target[i], plugin_host(&standard), bench.truth);
      if (ops->steps(standard.self) == 0) report(&target[i], sampler[k]->id, &standard);
      int64_t before = 0;
      for (size_t b = 0; b < COUNT(budgets) && ops->steps(standard.self) > 0; b++) {
        const EbbComponent *c = sampler[k];
        EbbChild child;
        if (suite_has(c, "steps")) {
          int64_t steps = steps_within(&target[i], c, budgets[b]);
          if (steps == before) continue;
          before = steps;
          child = suite_make(EBB_SAMPLER, suite_with(c, "steps", (double)steps));
        } else { /* predictor_corrector: ddim, with a move at every state but the first */
          child = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: %s, predictor: {use: ddim, steps: %d}}", c->id, budgets[b] / 2));
        }
        report(&target[i], c->id, &child);
        plugin_destroy(&child);
      }
      plugin_destroy(&standard);
    }
  }
  pool_free(bench.pool);
}

static const Test tests[] = {{"every sampler at every budget", every_sampler_at_every_budget}};
TEST_MAIN("evaluations", tests)
