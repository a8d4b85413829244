/* SPDX-License-Identifier: MIT
 *
 * Samplers that draw noise, against what is known of them exactly: strong orders on an SDE with coupled paths, stationary variances, recursions, and
 * consistency maps (methods.md 4.4). */
#include "oracle.h"

/* ---- strong orders (T4.7) ---- */

/* dz = a(z) ds + (1 + s/2) dW with a = -z + sin(2z)/2, s = 1 - t, from 0 to 1, as a reverse SDE: alpha = 1 and d(sigma^2)/dt = g^2 give drift
 * -lambda' (xhat - z), so xhat = z + a(z) sigma^2 / g^2. */
static void sde_at(const EbbSchedule *s, int64_t n, const double *t, EbbLevel *out) {
  (void)s;
  for (int64_t i = 0; i < n; i++) {
    double g = 1.5 - 0.5 * t[i], v = 1 + 2.0 / 3 * (1.5 * 1.5 * 1.5 - g * g * g);
    out[i] = (EbbLevel){.t = t[i], .alpha = 1, .sigma = sqrt(v), .dsigma = 0.5 * g * g / sqrt(v), .lambda = -log(v), .dlambda = -g * g / v};
    out[i].index = -1;
  }
}
static const EbbSchedule sde = {.size = sizeof sde, .t_min = 0, .t_max = 1, .at = sde_at};

static EbbStatus sde_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  (void)f, (void)work;
  for (int64_t i = 0; i < q->rows; i++) xhat[i] = q->z[i] - (-q->z[i] + 0.5 * sin(2 * q->z[i])) / q->at[i * q->at_step].dlambda;
  return EBB_OK;
}

/* One Brownian path a row: W and the space-time area H of FINE pieces, put together for coarser ones. Noise of step k, block 0 is W / sqrt(h), block
 * 1 H / sqrt(h/12). */
enum { FINE = 1024, PATHS = 1500 };
typedef struct Path {
  EbbHost host; /* first */
  const EbbHost *real;
  int64_t n;
} Path;

static void path_normal(const EbbHost *host, EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n,
                        double *out) {
  static double fine[2 * FINE];
  static uint64_t which;
  const Path *p = (const Path *)host;
  (void)rng, (void)n;
  for (int64_t r = 0; r < rows; r++) {
    if (which != id[r] + 1) p->real->normal(p->real, (EbbRng){11, 3}, 1, &id[r], NULL, 0, 2 * FINE, fine);
    which = id[r] + 1;
    int64_t each = FINE / p->n;
    double h = 1.0 / FINE, w = 0, area = 0, length = h * (double)each;
    for (int64_t k = (int64_t)(step[r] - 1) * each; k < (int64_t)step[r] * each; k++) {
      double piece = sqrt(h) * fine[2 * k];
      area += h * (w + 0.5 * piece + sqrt(h / 12) * fine[2 * k + 1]); /* integral of W - W(begin) */
      w += piece;
    }
    out[r] = block == 0 ? w / sqrt(length) : (area / length - 0.5 * w) / sqrt(length / 12);
  }
}

static void run_sde(const char *id, int64_t n, double *z) {
  EbbChild child = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: %s, steps: %d}", id, (int)n));
  EbbField field = {.size = sizeof field, .kind = EBB_MEAN, .dim = 1, .eval = sde_eval};
  EbbLevel *level = ARENA_ARRAY(suite_arena(), EbbLevel, n + 1);
  for (int64_t k = 0; k <= n; k++) {
    double t = 1 - (double)k / (double)n;
    sde_at(&sde, 1, &t, &level[k]);
    level[k].index = k;
  }
  Path path = {.host = *plugin_host(&child), .real = plugin_host(&child), .n = n};
  path.host.normal = path_normal;
  memset(z, 0, PATHS * sizeof *z);
  Drive d = {.sampler = &child, .schedule = &sde, .field = &field, .level = level, .n = n, .rows = PATHS, .block = 1, .noise = &path.host, .z = z};
  CHECK_OK(oracle_drive(&d));
}

static void strong_orders_are_those_of_the_paper(void) {
  static const struct {
    const char *id;
    double at_8, ratio, tolerance;
  } known[] = {{"sea", 3.75e-2, 2, 0.25}, {"shark", 6.1e-3, 2.83, 0.25}};
  double *truth = ARENA_ARRAY(suite_arena(), double, PATHS), *z = ARENA_ARRAY(suite_arena(), double, PATHS);
  run_sde("shark", FINE, truth);
  for (size_t i = 0; i < COUNT(known); i++) {
    double error[4];
    printf("\n    %s:", known[i].id);
    for (int k = 0; k < 4; k++) {
      run_sde(known[i].id, 8 << k, z);
      error[k] = 0;
      for (int r = 0; r < PATHS; r++) error[k] += (z[r] - truth[r]) * (z[r] - truth[r]) / PATHS;
      error[k] = sqrt(error[k]);
      printf(" %.2e", error[k]);
    }
    double order = log2(error[0] / error[3]) / 3;
    printf(" at 8, 16, 32, 64 steps, order %.2f", order);
    CHECK_NEAR(error[0] / known[i].at_8, 1, 0.1, "%s: RMS error at 8 steps over the known one", known[i].id);
    CHECK_NEAR(order, log2(known[i].ratio), 0.1, "%s: strong order", known[i].id);
  }
}

/* ---- schedules of the rest ---- */

static EbbChild schedule_child;
static Schedule schedule; /* edm_vp with its defaults */

static const EbbSchedule *edm(void) {
  if (schedule.ops == NULL) {
    schedule_child = suite_make(EBB_SCHEDULE, "edm_vp");
    suite_schedule(&schedule_child, &schedule);
  }
  return &schedule.view;
}

/* Mean and variance of rows drawn through a sampler from the matched start. */
enum { ROWS = 100000 };
static void drawn(const char *yaml, const Oracle *o, int64_t n, int64_t rows, double *mean, double *variance) {
  static double z[ROWS];
  EbbChild child = suite_make(EBB_SAMPLER, yaml);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .u_min = 0.005, .u_max = 8});
  oracle_start(o, plugin_host(&child), level, 0, rows, z);
  Drive d = {.sampler = &child, .schedule = edm(), .field = &o->field, .level = level, .n = n, .rows = rows, .z = z};
  CHECK_OK(oracle_drive(&d));
  double sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) {
    sum += z[i] / (double)rows;
    square += z[i] * z[i] / (double)rows;
  }
  *mean = sum;
  *variance = square - sum * sum;
}

/* T4.8 for SEA and SHARK: the variance of their own linear recursion on G(m, s^2), coefficient by coefficient: z_next = p z + q m + noise. */
typedef struct Linear {
  double z, m, w, h; /* coefficients of z, of the mean, of W / sqrt(length), of H / sqrt(length / 12) */
} Linear;

static Linear drift_of(const EbbLevel *l, double s, Linear z) {
  double v = l->alpha * l->alpha * s * s + l->sigma * l->sigma, c = l->alpha * s * s / v; /* xhat = m + c (z - alpha m) */
  double slope = -l->dalpha / l->alpha - l->dlambda * (l->alpha * c - 1), level = -l->dlambda * l->alpha * (1 - c * l->alpha);
  return (Linear){slope * z.z, slope * z.m + level, slope * z.w, slope * z.h};
}
static Linear add(Linear a, double k, Linear b) { return (Linear){a.z + k * b.z, a.m + k * b.m, a.w + k * b.w, a.h + k * b.h}; }
static double g_of(const EbbLevel *l) { return l->sigma * sqrt(-l->dlambda); }

static void recursion(bool shark, double m, double s, int64_t n, double *mean, double *variance) {
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .u_min = 0.005, .u_max = 8});
  *mean = level[0].alpha * m;
  *variance = pow(level[0].alpha * s, 2) + pow(level[0].sigma, 2);
  for (int64_t k = 0; k + 1 < n; k++) {
    double h = level[k].t - level[k + 1].t, w = sqrt(h), a = sqrt(h / 12), g = g_of(&level[k]);
    Linear z = {1, 0, 0, 0}, next;
    if (shark) {
      double t = level[k].t - 5 * h / 6;
      EbbLevel inner;
      edm()->at(edm(), 1, &t, &inner);
      double g1 = g_of(&inner);
      Linear k1 = drift_of(&level[k], s, add(z, 1, (Linear){0, 0, 0, g * a}));
      Linear at = add(add(z, 1, (Linear){0, 0, 0, g * a}), 5.0 / 6, add((Linear){0, 0, g * w, 0}, h, k1));
      next = add(add(z, 0.4 * h, k1), 0.6 * h, drift_of(&inner, s, at));
      next = add(next, 1, (Linear){0, 0, (0.4 * g + 0.6 * g1) * w, 1.2 * (g - g1) * a});
    } else {
      next = add(add(z, h, drift_of(&level[k], s, (Linear){1, 0, 0.5 * g * w, g * a})), 1, (Linear){0, 0, g * w, 0});
    }
    *mean = next.z * *mean + next.m * m;
    *variance = next.z * next.z * *variance + next.w * next.w + next.h * next.h;
  }
  double v = pow(level[n - 1].alpha * s, 2) + pow(level[n - 1].sigma, 2), c = level[n - 1].alpha * s * s / v;
  *mean = m + c * (*mean - level[n - 1].alpha * m);
  *variance *= c * c;
}

static void sea_and_shark_follow_their_linear_recursions(void) {
  static const char *const ids[] = {"sea", "shark"};
  double m = 0.7, s = 0.5, wide = 2;
  Oracle o;
  oracle_gaussian(&o, 1, &m, &s);
  for (size_t i = 0; i < COUNT(ids); i++) {
    double mean, variance, expected_mean, expected, distance[3];
    drawn(arena_print(suite_arena(), "{use: %s, steps: 60}", ids[i]), &o, 60, ROWS, &mean, &variance);
    recursion(i == 1, m, s, 60, &expected_mean, &expected);
    CHECK_NEAR(mean, expected_mean, 4 * sqrt(expected / ROWS), "%s: mean", ids[i]);
    CHECK_NEAR(variance / expected, 1, 4 * sqrt(2.0 / ROWS), "%s: variance over the recursion's", ids[i]);
    for (int k = 0; k < 3; k++) { /* the last xhat keeps c^2 of the variance: compared without it */
      int64_t n = 200 << k;
      EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .u_min = 0.005, .u_max = 8});
      double v = pow(level[n - 1].alpha * wide, 2) + pow(level[n - 1].sigma, 2), c = level[n - 1].alpha * wide * wide / v;
      recursion(i == 1, 0, wide, n, &expected_mean, &expected);
      distance[k] = fabs(sqrt(expected) / c - sqrt(v));
    }
    printf("\n    %s: sd off by %.2e %.2e %.2e at 200, 400, 800 steps", ids[i], distance[0], distance[1], distance[2]);
    for (int k = 0; k < 2; k++)
      CHECK(distance[k] / distance[k + 1] > 1.8, "%s: distance of sd from the truth, doubling %d: %g", ids[i], k + 1, distance[k] / distance[k + 1]);
  }
}

/* ---- Langevin ---- */

/* T4.9: at one level again and again: z is N(0, v) diffused, v = 1 + 1 there, and ULA's variance is v / (1 - delta / 2v). */
static void langevin_has_its_stationary_variance(void) {
  double zero = 0, one = 1;
  Oracle o;
  oracle_gaussian(&o, 1, &zero, &one);
  static double z[ROWS];
  static const double share[] = {0.2, 1.0, 1.8};
  for (size_t k = 0; k < COUNT(share); k++) {
    enum { LEVELS = 100 };
    EbbLevel *level = ARENA_ARRAY(suite_arena(), EbbLevel, LEVELS + 1);
    for (int i = 0; i <= LEVELS; i++)
      level[i] = (EbbLevel){.t = 0.5, .alpha = 1e-3, .sigma = 1.25, .lambda = 2 * log(1e-3 / 1.25), .dlambda = -1, .index = i};
    double v = 1e-6 + 1.25 * 1.25, delta = share[k] * 1.25 * 1.25, square = 0;
    EbbChild child = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: annealed_langevin, steps: 100, moves: 2, share: %g}", share[k]));
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, z);
    Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = LEVELS, .rows = ROWS, .z = z};
    CHECK_OK(oracle_drive(&d));
    CHECK(d.asked == 2 * LEVELS * (int64_t)ROWS, "%d questions a row", (int)(d.asked / ROWS));
    for (int i = 0; i < ROWS; i++) square += z[i] * z[i] / ROWS;
    CHECK_NEAR(square / (v / (1 - delta / (2 * v))), 1, 4 * sqrt(2.0 / ROWS), "share %g: variance over the exact one", share[k]);
  }
}

static void langevin_draws_a_gaussian(void) {
  double m = 0.5, s = 0.25, mean, variance;
  Oracle o;
  oracle_gaussian(&o, 1, &m, &s);
  drawn("{use: annealed_langevin, steps: 200}", &o, 200, 20000, &mean, &variance);
  printf("\n    G(.5, .25): mean %.4f, sd %.4f", mean, sqrt(variance));
  CHECK_NEAR(mean, 0.498, 0.005, "mean");
  CHECK_NEAR(sqrt(variance), 0.255, 0.005, "sd");
}

/* ---- predictor and corrector ---- */

/* Without moves it is its predictor, bit for bit. */
static void a_corrector_without_moves_is_the_predictor(void) {
  static const char *const ids[] = {"ddim", "heun", "dpmpp_2m"};
  enum { N = 12, R = 50 };
  Oracle o;
  oracle_m1(&o);
  for (size_t i = 0; i < COUNT(ids); i++) {
    double z[2][R];
    for (int k = 0; k < 2; k++) {
      const char *yaml =
          arena_print(suite_arena(), k ? "{use: predictor_corrector, moves: 0, predictor: {use: %s, steps: 12}}" : "{use: %s, steps: 12}", ids[i]);
      EbbChild child = suite_make(EBB_SAMPLER, yaml);
      EbbLevel *level = oracle_levels(edm(), &(Grid){.n = N, .u_min = 0.005, .u_max = 8});
      oracle_start(&o, plugin_host(&child), level, 0, R, z[k]);
      Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = N, .rows = R, .z = z[k]};
      CHECK_OK(oracle_drive(&d));
    }
    CHECK(memcmp(z[0], z[1], sizeof z[0]) == 0, "%s: other bits within a corrector", ids[i]);
  }
}

static void correctors_keep_a_gaussian_around_any_predictor(void) {
  static const char *const predictors[] = {"{use: ddim, steps: 60}", "{use: heun, steps: 20}",  "{use: dpmpp_2m, steps: 30}", "tsit5",
                                           "{use: sea, steps: 100}", "{use: shark, steps: 60}", "two_step_adaptive"};
  static const int64_t n[] = {60, 20, 30, 2, 100, 60, 2};
  static const char *const correctors[] = {"langevin", "renoise"};
  double m = 0.5, s = 0.25, mean, variance;
  Oracle o;
  oracle_gaussian(&o, 1, &m, &s);
  for (size_t p = 0; p < COUNT(predictors); p++)
    for (size_t c = 0; c < COUNT(correctors); c++) {
      const char *yaml = arena_print(suite_arena(), "{use: predictor_corrector, corrector: %s, predictor: %s}", correctors[c], predictors[p]);
      drawn(yaml, &o, n[p], 5000, &mean, &variance);
      CHECK_NEAR(mean, m, 0.01, "%s: mean", yaml);
      CHECK_NEAR(sqrt(variance), s, 0.02, "%s: sd", yaml);
    }
}

static void a_predictor_of_maps_is_refused(void) {
  EbbChild child;
  fail_clear();
  EbbStatus status = suite_try(EBB_SAMPLER, "{use: predictor_corrector, predictor: {use: multistep_consistency}}", &child);
  CHECK(status < 0 && strstr(fail_text(), "multistep_consistency") != NULL, "status %d, \"%s\"", status, fail_text());
}

/* ---- consistency maps ---- */

/* f of G(m, s^2), the identity at the schedule's clean end: standard scores are conserved. */
typedef struct Map {
  EbbField field;
  double m, s, u_min;
} Map;

static EbbStatus map_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  const Map *p = f->ctx;
  (void)work;
  for (int64_t i = 0; i < q->rows; i++) {
    const EbbLevel *l = &q->at[i * q->at_step];
    double score = (q->z[i] - l->alpha * p->m) / hypot(l->alpha * p->s, l->sigma);
    xhat[i] = p->m + hypot(p->s, p->u_min) * score;
  }
  return EBB_OK;
}

/* T4.10: any number of steps is stationary. */
static void a_consistency_map_gives_its_gaussian_in_any_number_of_steps(void) {
  static const struct {
    int steps;
    const char *grid;
  } cases[] = {{1, "karras"}, {2, "karras"}, {11, "karras"}, {2, "angle"}, {5, "angle"}};
  static double z[ROWS];
  double m = 0.7, s = 0.5;
  EbbLevel clean;
  edm()->at(edm(), 1, &edm()->t_min, &clean);
  Map map = {.m = m, .s = s, .u_min = clean.sigma / clean.alpha};
  map.field = (EbbField){.size = sizeof(EbbField), .kind = EBB_MAP, .dim = 1, .ctx = &map, .eval = map_eval};
  Oracle o;
  oracle_gaussian(&o, 1, &m, &s);
  for (size_t k = 0; k < COUNT(cases); k++) {
    int64_t n = cases[k].steps;
    EbbChild child = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: multistep_consistency, steps: %d, grid: %s}", (int)n, cases[k].grid));
    double *lambda = ARENA_ARRAY(suite_arena(), double, n), t;
    CHECK(((const EbbSamplerOps *)child.ops)->levels(child.self, edm(), n, lambda) == n, "%d steps: other count of levels", (int)n);
    EbbLevel *level = ARENA_ARRAY(suite_arena(), EbbLevel, n + 1);
    for (int64_t i = 0; i < n; i++) {
      edm()->inverse(edm(), 1, &lambda[i], &t);
      edm()->at(edm(), 1, &t, &level[i]);
      level[i].index = i;
      CHECK(i == 0 || lambda[i] > lambda[i - 1] + 1e-3, "levels %d and %d do not rise", (int)i, (int)i + 1);
    }
    level[n] = (EbbLevel){.t = edm()->t_min, .alpha = 1, .lambda = INFINITY, .index = n};
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, z);
    Drive d = {.sampler = &child, .schedule = edm(), .field = &map.field, .level = level, .n = n, .rows = ROWS, .z = z};
    CHECK_OK(oracle_drive(&d));
    double sum = 0, square = 0;
    for (int i = 0; i < ROWS; i++) {
      sum += z[i] / ROWS;
      square += z[i] * z[i] / ROWS;
    }
    CHECK(d.asked == n * ROWS, "%d steps: %d questions a row", (int)n, (int)(d.asked / ROWS));
    CHECK_NEAR(sum, m, 4 * s / sqrt(ROWS), "%d steps, %s: mean", (int)n, cases[k].grid);
    CHECK_NEAR((square - sum * sum) / (s * s), 1, 4 * sqrt(2.0 / ROWS), "%d steps, %s: variance", (int)n, cases[k].grid);
  }
}

static const Test tests[] = {
    {"strong orders are those of the paper", strong_orders_are_those_of_the_paper},
    {"SEA and SHARK follow their linear recursions", sea_and_shark_follow_their_linear_recursions},
    {"Langevin has its stationary variance", langevin_has_its_stationary_variance},
    {"Langevin draws a Gaussian", langevin_draws_a_gaussian},
    {"a corrector without moves is the predictor", a_corrector_without_moves_is_the_predictor},
    {"correctors keep a Gaussian around any predictor", correctors_keep_a_gaussian_around_any_predictor},
    {"a predictor of maps is refused", a_predictor_of_maps_is_refused},
    {"a consistency map gives its Gaussian in any number of steps", a_consistency_map_gives_its_gaussian_in_any_number_of_steps},
};
TEST_MAIN("samplers that draw noise", tests)
