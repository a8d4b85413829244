/* SPDX-License-Identifier: MIT
 *
 * Adaptive rows and log densities through the slots that sampling uses, on fields whose answer is known: Gaussians, two modes, and any of them behind
 * a bijection (methods.md 4.3, 4.5). */
#include "num/random.h"
#include "oracle.h"
#include "run/check.h"
#include "run/density.h"
#include "run/divergence.h"
#include "run/maximum.h"
#include "run/sample.h"

/* ---- an exact field with tangents: N(m, S) with full S, or a mixture in one dimension ---- */

enum { MOST = 40 };
typedef struct Exact {
  EbbField field; /* first */
  int64_t n, d;   /* components; dimensions. Covariance of each: diagonal sd^2 + r r' */
  double weight[2], mean[2][MOST], sd[2][MOST], r[MOST];
} Exact;

/* One component's posterior mean at z and its Jacobian alpha S (alpha^2 S + sigma^2)^-1 by Sherman-Morrison; returns log density of z. */
static double component(const Exact *e, int64_t k, const EbbLevel *l, const double *z, double *xhat, double *jacobian) {
  double p[MOST], diff[MOST], a2 = l->alpha * l->alpha, s2 = l->sigma * l->sigma, rpr = 0, rpd = 0, quad = 0, logdet = 0;
  int64_t d = e->d;
  for (int64_t j = 0; j < d; j++) {
    p[j] = 1 / (a2 * e->sd[k][j] * e->sd[k][j] + s2);
    diff[j] = z[j] - l->alpha * e->mean[k][j];
    rpr += a2 * e->r[j] * p[j] * e->r[j];
    rpd += l->alpha * e->r[j] * p[j] * diff[j];
    quad += diff[j] * p[j] * diff[j];
    logdet -= log(p[j]);
  }
  /* x-hat = (z + sigma^2 score) / alpha, score = -P diff, P = D - D r r' D a2 / (1 + rpr) */
  for (int64_t j = 0; j < d; j++) {
    double score = -p[j] * (diff[j] - l->alpha * e->r[j] * rpd / (1 + rpr));
    xhat[j] = (z[j] + s2 * score) / l->alpha;
    for (int64_t i = 0; i < d; i++) {
      double precision = (i == j ? p[j] : 0) - a2 * p[j] * e->r[j] * e->r[i] * p[i] / (1 + rpr);
      jacobian[j * d + i] = ((i == j ? 1 : 0) - s2 * precision) / l->alpha;
    }
  }
  return -0.5 * (quad - rpd * rpd / (1 + rpr) + logdet + log(1 + rpr) + (double)d * log(2 * acos(-1)));
}

static double exact_log_density(const Exact *e, const EbbLevel *l, const double *z, double *xhat, double *jacobian) {
  double one[2][MOST], log_p[2], top = -INFINITY, total = 0;
  static _Thread_local double jac[2][MOST * MOST];
  for (int64_t k = 0; k < e->n; k++) {
    log_p[k] = log(e->weight[k]) + component(e, k, l, z, one[k], jac[k]);
    top = fmax(top, log_p[k]);
  }
  for (int64_t k = 0; k < e->n; k++) total += exp(log_p[k] - top);
  for (int64_t j = 0; j < e->d && xhat != NULL; j++) {
    xhat[j] = 0;
    for (int64_t k = 0; k < e->n; k++) xhat[j] += exp(log_p[k] - top) / total * one[k][j];
  }
  if (jacobian == NULL) return top + log(total);
  double s2 = l->sigma * l->sigma;
  for (int64_t j = 0; j < e->d; j++)
    for (int64_t i = 0; i < e->d; i++) {
      double sum = 0;
      for (int64_t k = 0; k < e->n; k++) { /* d r_k / d z_i = r_k (score_k - score)_i, score differences from x-hats */
        double share = exp(log_p[k] - top) / total;
        sum += share * (jac[k][j * e->d + i] + one[k][j] * l->alpha * (one[k][i] - xhat[i]) / s2);
      }
      jacobian[j * e->d + i] = sum;
    }
  return top + log(total);
}

static EbbStatus exact_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  (void)work;
  for (int64_t i = 0; i < q->rows; i++) {
    double answer[MOST];
    exact_log_density(f->ctx, &q->at[i * q->at_step], q->z + i * q->dim, answer, NULL);
    memcpy(xhat + i * q->dim, answer, (size_t)q->dim * sizeof *answer);
  }
  return EBB_OK;
}

static EbbStatus exact_jvp(const EbbField *f, EbbWork *work, const EbbQuery *q, int64_t k, const double *v, double *xhat, double *jv) {
  (void)work;
  int64_t d = q->dim;
  static _Thread_local double jac[MOST * MOST];
  if (v == NULL) k = d;
  for (int64_t r = 0; r < q->rows; r++) {
    exact_log_density(f->ctx, &q->at[r * q->at_step], q->z + r * d, xhat + r * d, jac);
    for (int64_t p = 0; p < k; p++)
      for (int64_t j = 0; j < d; j++) {
        double sum = 0;
        for (int64_t i = 0; i < d; i++) sum += jac[j * d + i] * (v != NULL ? v[(r * k + p) * d + i] : i == p ? 1 : 0);
        jv[(r * k + p) * d + j] = sum;
      }
  }
  return EBB_OK;
}

static void exact_field(Exact *e) {
  e->field = (EbbField){.size = sizeof(EbbField), .kind = EBB_MEAN, .dim = e->d, .ctx = e, .eval = exact_eval, .jvp = exact_jvp};
}

static void exact_m1(Exact *e) {
  *e = (Exact){.n = 2, .d = 1, .weight = {0.3, 0.7}, .mean = {{-1}, {0.8}}, .sd = {{0.4}, {0.25}}};
  exact_field(e);
}

/* Means and scales that differ by dimension, and one direction that couples them all. */
static void exact_gaussian(Exact *e, int64_t d) {
  *e = (Exact){.n = 1, .d = d, .weight = {1}};
  for (int64_t j = 0; j < d; j++) {
    e->mean[0][j] = 0.3 * cos((double)j);
    e->r[j] = d == 1 ? 0 : 0.4 * sin(1.0 + (double)j);
    e->sd[0][j] = 0.2 + 0.5 * fabs(sin(0.7 * (double)j));
  }
  exact_field(e);
}

/* ---- the house ---- */

static Pool *pool(void) {
  static Pool *p;
  if (p == NULL) CHECK_OK(pool_new(3, &p));
  return p;
}

static const ScheduleView *view(const char *yaml) {
  EbbChild *child = ARENA_NEW(suite_arena(), EbbChild);
  ScheduleView *v = ARENA_NEW(suite_arena(), ScheduleView);
  *child = suite_make(EBB_SCHEDULE, yaml);
  CHECK_OK(schedule_view(child, v));
  return v;
}

static const SpecGrid *range(double low, double high) {
  double *ends = ARENA_ARRAY(suite_arena(), double, 2);
  SpecGrid *grid = ARENA_NEW(suite_arena(), SpecGrid);
  ends[0] = low;
  ends[1] = high;
  *grid = (SpecGrid){.range = {2, ends}, .rho = 7};
  return grid;
}

/* Log densities of x [n][d] with a sampler at 1e-6, 1e-6, over u in [1e-3, 1e5], where the start is exact for any field. */
static void densities(const Exact *e, const char *id, int64_t probes, int64_t n, const double *x, double *log_p) {
  EbbChild sampler = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: %s, absolute: 1e-6, relative: 1e-6}", id));
  Density density;
  CHECK_OK(density_open(&density, suite_arena(), pool(), &e->field, NULL, &sampler, view("{use: edm_vp, sigma_min: 1e-3, sigma_max: 1e5}"),
                        range(1e-3, 1e5), 1, 16));
  density.slots.probes = probes;
  uint64_t *ids = ARENA_ARRAY(suite_arena(), uint64_t, n);
  uint32_t *asked = ARENA_ARRAY(suite_arena(), uint32_t, n);
  uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, n);
  for (int64_t i = 0; i < n; i++) ids[i] = (uint64_t)i;
  CHECK_OK(density_rows(&density, n, ids, ARENA_ARRAY(suite_arena(), int32_t, n), x, log_p, asked, failed));
  for (int64_t i = 0; i < n; i++) CHECK(!failed[i] && asked[i] > 10, "row %d failed, or asked %u times", (int)i, asked[i]);
}

static const EbbLevel blurred = {.alpha = 1, .sigma = 1e-3};

/* ---- densities ---- */

/* T4.13, for both pairs. Away from their mean points are two standard deviations off. */
static void densities_of_gaussians_are_exact(void) {
  static const int64_t dims[] = {1, 3, 10};
  static const char *const ids[] = {"tsit5", "dopri5"};
  enum { N = 20 };
  for (size_t k = 0; k < COUNT(dims) * COUNT(ids); k++) {
    int64_t d = dims[k / COUNT(ids)];
    Exact e;
    exact_gaussian(&e, d);
    double x[N * MOST], log_p[N], worst = 0;
    uint64_t id = 5;
    random_normal((EbbRng){3, 3}, 1, &id, NULL, 0, N * d, x);
    for (int64_t i = 0; i < N * d; i++) x[i] = e.mean[0][i % d] + 1.5 * e.sd[0][i % d] * x[i];
    densities(&e, ids[k % COUNT(ids)], 0, N, x, log_p);
    for (int i = 0; i < N; i++) worst = fmax(worst, fabs(log_p[i] - exact_log_density(&e, &blurred, x + i * d, (double[MOST]){0}, NULL)));
    printf("\n    %s, d = %d: log density off by %.1e", ids[k % COUNT(ids)], (int)d, worst);
    CHECK(worst < 1e-4 * (double)d, "%s, d = %d: %g", ids[k % COUNT(ids)], (int)d, worst);
  }
}

/* T4.14 */
static void the_density_of_two_modes_has_mass_one(void) {
  enum { N = 2001 };
  static double x[N], log_p[N];
  Exact e;
  exact_m1(&e);
  double mass = 0, worst = 0;
  for (int i = 0; i < N; i++) x[i] = -4 + 7.0 * i / (N - 1);
  densities(&e, "tsit5", 0, N, x, log_p);
  for (int i = 0; i < N; i++) {
    mass += exp(log_p[i]) * 7.0 / (N - 1);
    double truth = exact_log_density(&e, &blurred, &x[i], (double[1]){0}, NULL);
    if (truth > -10) worst = fmax(worst, fabs(log_p[i] - truth));
  }
  printf("\n    mass %.7f, log density within %.1e", mass, worst);
  CHECK_NEAR(mass, 1, 1e-4, "mass");
  CHECK(worst < 1e-4, "log density off by %g", worst);
}

/* The same in the user's space, behind each bijection: Gauss-Legendre-like midpoint sums over the support. */
static void mass_is_one_in_the_users_space(void) {
  static const struct {
    double lower, upper, centre, scale, from, to;
  } maps[] = {{-2, 3, 0.4, 0.7, -2, 3}, {1, INFINITY, -0.3, 0.4, 1, 6}, {-INFINITY, 2, 0.2, 0.4, -3, 2}, {-INFINITY, INFINITY, 5, 2, -5, 12}};
  enum { N = 4000 };
  static float theta[N];
  static double log_p[N];
  Exact e;
  exact_m1(&e);
  EbbChild sampler = suite_make(EBB_SAMPLER, "{use: tsit5, absolute: 1e-6, relative: 1e-6}");
  Density density;
  CHECK_OK(density_open(&density, suite_arena(), pool(), &e.field, NULL, &sampler, view("{use: edm_vp, sigma_min: 1e-3, sigma_max: 1e5}"),
                        range(1e-3, 1e5), 1, 16));
  uint64_t *ids = ARENA_ARRAY(suite_arena(), uint64_t, N);
  int32_t *set = ARENA_ARRAY(suite_arena(), int32_t, N);
  uint32_t *asked = ARENA_ARRAY(suite_arena(), uint32_t, N);
  uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, N);
  for (size_t k = 0; k < COUNT(maps); k++) {
    ParameterMap map = {bijection_of(maps[k].lower, maps[k].upper), maps[k].lower, maps[k].upper, maps[k].centre, maps[k].scale};
    Model model = {.d = 1, .map = &map};
    double width = (maps[k].to - maps[k].from) / N, mass = 0;
    for (int i = 0; i < N; i++) theta[i] = (float)(maps[k].from + (i + 0.5) * width);
    CHECK_OK(density_theta(&density, &model, N, ids, set, theta, log_p, asked, failed));
    for (int i = 0; i < N; i++) mass += exp(log_p[i]) * width;
    printf("\n    support (%g, %g): mass %.6f", maps[k].lower, maps[k].upper, mass);
    CHECK_NEAR(mass, 1, 1e-4, "support (%g, %g)", maps[k].lower, maps[k].upper);
    if (isfinite(maps[k].lower)) {
      float outside[2] = {(float)maps[k].lower, (float)maps[k].lower - 1};
      CHECK_OK(density_theta(&density, &model, 2, ids, set, outside, log_p, asked, failed));
      CHECK(log_p[0] == -INFINITY && log_p[1] == -INFINITY && !failed[0] && !failed[1], "outside the support: %g, %g", log_p[0], log_p[1]);
    }
  }
}

/* T4.15, and probes that stay along the path: the mean over many is the exact trace and so the exact density. */
static void random_probes_estimate_the_trace(void) {
  enum { D = 6, N = 4000 };
  Exact e;
  exact_gaussian(&e, D);
  EbbLevel level = {.alpha = 0.8, .sigma = 0.6, .lambda = log(16.0 / 9), .index = -1};
  static double z[N * D], xhat[N * D], trace[N];
  static uint64_t id[N];
  static uint32_t zero[N];
  static int32_t set[N];
  for (int i = 0; i < N; i++) {
    id[i] = (uint64_t)i;
    for (int j = 0; j < D; j++) z[i * D + j] = 0.1 * j;
  }
  EbbQuery q = {sizeof q, 0, N, D, z, &level, 0, id, zero, zero, set};
  EbbWork *work = work_new();
  CHECK_OK(divergence_eval(&e.field, work, &(EbbQuery){sizeof q, 0, 1, D, z, &level, 0, id, zero, zero, set}, 1, 0, xhat, trace));
  double exact = trace[0], jac[D * D], direct = 0, answer[D];
  exact_log_density(&e, &level, z, answer, jac);
  for (int j = 0; j < D; j++) direct += jac[j * D + j];
  CHECK_NEAR(exact, direct, 1e-12, "trace by unit tangents");
  static const int64_t probes[] = {1, 4};
  for (size_t k = 0; k < COUNT(probes); k++) {
    double sum = 0, square = 0;
    CHECK_OK(divergence_eval(&e.field, work, &q, 1, probes[k], xhat, trace));
    for (int i = 0; i < N; i++) {
      sum += trace[i] / N;
      square += trace[i] * trace[i] / N;
    }
    double sd = sqrt(square - sum * sum);
    printf("\n    %d probes: mean %.5f +- %.5f, exact %.5f", (int)probes[k], sum, sd / sqrt(N), exact);
    CHECK(sd > 0.01, "%d probes do not vary", (int)probes[k]);
    CHECK_NEAR(sum, exact, 3 * sd / sqrt(N), "%d probes", (int)probes[k]);
    double again[2], alone[D];
    uint32_t later = 77;
    CHECK_OK(divergence_eval(&e.field, work, &(EbbQuery){sizeof q, 0, 1, D, z + 9 * D, &level, 0, id + 9, &later, &later, set}, 1, probes[k], alone,
                             again));
    CHECK(again[0] == trace[9], "%d probes: another answer later on the path, or alone", (int)probes[k]);
  }
  work_free(work);
}

static void many_dimensions_use_probes(void) {
  enum { D = 36, N = 200 };
  static double x[N * D], log_p[N];
  Exact e;
  exact_gaussian(&e, D);
  double sum = 0, square = 0, truth;
  for (int i = 0; i < N * D; i++) x[i] = e.mean[0][i % D] + 0.5 * e.sd[0][i % D];
  densities(&e, "tsit5", 0, N, x, log_p);
  truth = exact_log_density(&e, &blurred, x, (double[MOST]){0}, NULL);
  for (int i = 0; i < N; i++) {
    sum += log_p[i] / N;
    square += log_p[i] * log_p[i] / N;
  }
  double sd = sqrt(square - sum * sum);
  printf("\n    d = %d: mean %.4f +- %.4f, exact %.4f", D, sum, sd / sqrt(N), truth);
  CHECK(sd > 1e-3, "rows with probes of their own agree to %g", sd);
  CHECK_NEAR(sum, truth, 4 * sd / sqrt(N) + 1e-3, "mean of the log densities of one point");
}

/* ---- maxima ---- */

enum { STARTS = 24 };
static Peak *peaks_of(const Exact *e, const ParameterMap *map, int64_t *n) {
  EbbChild sampler = suite_make(EBB_SAMPLER, "{use: tsit5, absolute: 1e-6, relative: 1e-6}");
  Density density;
  uint64_t id[STARTS];
  double x[STARTS * MOST];
  Peak *peak;
  CHECK_OK(density_open(&density, suite_arena(), pool(), &e->field, NULL, &sampler, view("{use: edm_vp, sigma_min: 1e-3, sigma_max: 1e5}"),
                        range(1e-3, 1e5), 1, 16));
  for (int i = 0; i < STARTS; i++) id[i] = (uint64_t)i;
  random_normal((EbbRng){4, 4}, STARTS, id, NULL, 0, e->d, x);
  CHECK_OK(maximum_find(&density, (Space){map, NULL}, suite_arena(), STARTS, id, 0, x, &peak, n));
  CHECK(*n > 0 && peak[0].ascent.converged, "the best ascent did not converge: decrement %g", peak[0].ascent.decrement);
  return peak;
}

static void the_maximum_of_a_gaussian_is_its_mean(void) {
  static const int64_t dims[] = {1, 3, 10};
  for (size_t k = 0; k < COUNT(dims); k++) {
    int64_t d = dims[k], n;
    Exact e;
    ParameterMap map[MOST];
    exact_gaussian(&e, d);
    for (int64_t j = 0; j < d; j++) map[j] = (ParameterMap){BIJECTION_NONE, -INFINITY, INFINITY, 0, 2}; /* theta = 2 x */
    Peak *peak = peaks_of(&e, map, &n);
    CHECK(n == 1 && peak[0].starts == STARTS, "d = %d: %d peaks, %d starts ended at the best", (int)d, (int)n, (int)peak[0].starts);
    for (int64_t j = 0; j < d; j++) CHECK_NEAR(peak[0].x[j], e.mean[0][j], 1e-6, "d = %d: coordinate %d", (int)d, (int)j);
    double truth = exact_log_density(&e, &blurred, e.mean[0], (double[MOST]){0}, NULL) - (double)d * log(2);
    CHECK_NEAR(peak[0].log_density, truth, 1e-4 * (double)d, "d = %d: log density there", (int)d);
  }
}

static void the_maximum_of_two_modes_is_the_higher_one(void) {
  Exact e;
  exact_m1(&e);
  ParameterMap map = {BIJECTION_NONE, -INFINITY, INFINITY, 0, 1};
  double low = 0.5, high = 1.1, answer;
  for (int i = 0; i < 200; i++) { /* golden sections on the exact density */
    double a = low + 0.381966 * (high - low), b = low + 0.618034 * (high - low);
    if (exact_log_density(&e, &blurred, &a, &answer, NULL) < exact_log_density(&e, &blurred, &b, &answer, NULL))
      low = a;
    else
      high = b;
  }
  int64_t n;
  Peak *peak = peaks_of(&e, &map, &n);
  CHECK_NEAR(peak[0].x[0], low, 1e-5, "place");
  CHECK(peak[0].starts > 0 && peak[0].starts < STARTS, "all %d starts, or none, ended at one of two modes", STARTS);
  bool other = false;
  for (int64_t i = 1; i < n; i++) other = other || (fabs(peak[i].x[0] + 1) < 0.05 && peak[i].log_density < peak[0].log_density);
  CHECK(other, "the other mode is not among %d peaks", (int)n);
}

/* N(m, s^2) in x, theta by the logit on (a, b): at the maximum (m - x) / s^2 = scale (1 - 2 S(q)), q = centre + scale x (methods.md 3.8). Its maximum
 * is not the image of the mean. */
static void the_maximum_of_a_bounded_gaussian_is_that_of_its_own_density(void) {
  Exact e;
  exact_gaussian(&e, 1);
  e.mean[0][0] = 0.8;
  e.sd[0][0] = 0.5;
  ParameterMap map = {BIJECTION_INTERVAL, -2, 3, 0.4, 1.5};
  double low = -5, high = 5, v = 0.25 + 1e-6;
  for (int i = 0; i < 100; i++) {
    double x = 0.5 * (low + high), q = map.centre + map.scale * x;
    if ((e.mean[0][0] - x) / v > map.scale * (1 - 2 / (1 + exp(-q))))
      low = x;
    else
      high = x;
  }
  int64_t n;
  Peak *peak = peaks_of(&e, &map, &n);
  CHECK(fabs(low - e.mean[0][0]) > 0.1, "the bijection moves the maximum by %g only", low - e.mean[0][0]);
  CHECK_NEAR(peak[0].x[0], low, 1e-5, "place");
  CHECK(peak[0].starts == STARTS, "%d of %d starts ended there", (int)peak[0].starts, STARTS);
}

/* ---- adaptive rows through the slots (T4.6) ---- */

enum { ROWS = 300 };
static void draw(const EbbChild *sampler, const Exact *e, int64_t first, int64_t n, const uint64_t *id, int64_t block, double *x, uint32_t *asked) {
  EbbLevel *level;
  const ScheduleView *v = view("edm_vp");
  CHECK_OK(schedule_grid(suite_arena(), v, range(0.005, 8), sampler, 2, &level));
  EbbPlan plan = {sizeof plan, 0, plugin_host(sampler), &v->schedule, {9, 2000}, NULL, e->d, 1, 2, level};
  Slots slots = {.pool = pool(), .field = &e->field, .sampler = sampler, .plan = &plan, .seed = 9, .block = block};
  CHECK_OK(slots_prepare(&slots));
  uint8_t failed[ROWS];
  int32_t set[ROWS] = {0};
  CHECK_OK(slots_run(&slots, n, id + first, set, x + first * e->d, asked + first, failed));
  for (int64_t i = 0; i < n; i++) CHECK(!failed[i], "row %d failed", (int)(first + i));
}

static void adaptive_rows_do_not_depend_on_the_block(void) {
  static const char *const ids[] = {"tsit5", "dopri5", "two_step_adaptive", "{use: predictor_corrector, predictor: {use: tsit5}}"};
  Exact e;
  exact_m1(&e);
  for (size_t k = 0; k < COUNT(ids); k++) {
    EbbChild sampler = suite_make(EBB_SAMPLER, ids[k]);
    double whole[ROWS], parts[ROWS];
    uint32_t asked[ROWS], again[ROWS];
    uint64_t id[ROWS];
    for (int i = 0; i < ROWS; i++) id[i] = (uint64_t)((i * 7) % ROWS);
    draw(&sampler, &e, 0, ROWS, id, 64, whole, asked);
    draw(&sampler, &e, 0, 101, id, 7, parts, again);
    draw(&sampler, &e, 101, ROWS - 101, id, 1, parts, again);
    CHECK(memcmp(whole, parts, sizeof whole) == 0 && memcmp(asked, again, sizeof asked) == 0, "%s: blocks of 64, 7, 1 differ", ids[k]);
    uint64_t turned[ROWS];
    for (int i = 0; i < ROWS; i++) turned[i] = id[ROWS - 1 - i];
    draw(&sampler, &e, 0, ROWS, turned, 64, parts, again);
    for (int i = 0; i < ROWS; i++) CHECK(parts[i] == whole[ROWS - 1 - i], "%s: row %d depends on the order", ids[k], i);
    uint32_t least = asked[0], most = asked[0];
    for (int i = 0; i < ROWS; i++) {
      least = asked[i] < least ? asked[i] : least;
      most = asked[i] > most ? asked[i] : most;
    }
    CHECK(least < most, "%s: all rows take %u evaluations: nothing is adaptive", ids[k], least);
  }
}

/* ---- refusals ---- */

static void refused(EbbStatus status, const char *const *words, size_t n) {
  CHECK(status < 0, "accepted");
  for (size_t i = 0; i < n; i++) CHECK(strstr(fail_text(), words[i]) != NULL, "\"%s\" does not name %s", fail_text(), words[i]);
}

static void what_cannot_work_is_refused_with_both_sides(void) {
  Exact e;
  exact_m1(&e);
  EbbField without = e.field, map = e.field, flow = e.field;
  without.jvp = NULL;
  map.kind = EBB_MAP;
  flow.kind = EBB_MEAN_ODE;
  EbbChild tsit5 = suite_make(EBB_SAMPLER, "tsit5"), ddim = suite_make(EBB_SAMPLER, "ddim"), sde = suite_make(EBB_SAMPLER, "euler_maruyama");
  EbbChild consistency = suite_make(EBB_SAMPLER, "multistep_consistency");
  const ScheduleView *v = view("edm_vp");
  Density density;
  refused(density_open(&density, suite_arena(), pool(), &without, "network stiff_net", &tsit5, v, range(.005, 8), 1, 8),
          (const char *[]){"tsit5", "stiff_net", "Jacobian"}, 3);
  refused(density_open(&density, suite_arena(), pool(), &e.field, NULL, &ddim, v, range(.005, 8), 1, 8), (const char *[]){"ddim", "density"}, 2);
  refused(density_open(&density, suite_arena(), pool(), &map, "objective a", &tsit5, v, range(.005, 8), 1, 8),
          (const char *[]){"tsit5", "objective a", "consistency map"}, 3);
  refused(slots_accepts(&sde, EBB_MEAN_ODE, "objective b"), (const char *[]){"euler_maruyama", "objective b", "ODE only", "deterministic"}, 4);
  refused(slots_accepts(&ddim, EBB_MAP, "objective c"), (const char *[]){"ddim", "objective c", "consistency map"}, 3);
  refused(slots_accepts(&consistency, EBB_MEAN, "objective d"), (const char *[]){"multistep_consistency", "objective d", "score field"}, 3);
  CHECK_OK(slots_accepts(&tsit5, flow.kind, "objective e"));
  double settings[3] = {1e-5, 1e-8, 0};
  EbbChild tight = {.component = tsit5.component, .self = settings};
  refused(check_tolerances(&tight), (const char *[]){"tsit5", "relative", "float32", "1e-07"}, 4);
  settings[1] = 1e-7;
  CHECK_OK(check_tolerances(&tight));
}

static const Test tests[] = {
    {"densities of Gaussians are exact", densities_of_gaussians_are_exact},
    {"the density of two modes has mass one", the_density_of_two_modes_has_mass_one},
    {"mass is one in the user's space", mass_is_one_in_the_users_space},
    {"random probes estimate the trace", random_probes_estimate_the_trace},
    {"many dimensions use probes", many_dimensions_use_probes},
    {"the maximum of a Gaussian is its mean", the_maximum_of_a_gaussian_is_its_mean},
    {"the maximum of two modes is the higher one", the_maximum_of_two_modes_is_the_higher_one},
    {"the maximum of a bounded Gaussian is that of its own density", the_maximum_of_a_bounded_gaussian_is_that_of_its_own_density},
    {"adaptive rows do not depend on the block", adaptive_rows_do_not_depend_on_the_block},
    {"what cannot work is refused with both sides", what_cannot_work_is_refused_with_both_sides},
};
TEST_MAIN("densities", tests)
