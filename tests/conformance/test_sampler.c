/* SPDX-License-Identifier: MIT
 *
 * Samplers on fields whose answer is exact: what every one must do, and the orders and golden values known for particular ones (methods.md 4). */
#include "oracle.h"

static EbbChild schedule_child;
static Schedule schedule; /* edm_vp with its defaults */

static const EbbSchedule *edm(void) {
  if (schedule.ops == NULL) {
    schedule_child = suite_make(EBB_SCHEDULE, "edm_vp");
    suite_schedule(&schedule_child, &schedule);
  }
  return &schedule.view;
}

/* Levels of a sampler made with `steps` = n, over the tight range; adaptive ones get the two ends. */
static const EbbLevel *levels_for(const EbbChild *sampler, int64_t *n, bool state) {
  int64_t own = ((const EbbSamplerOps *)sampler->ops)->steps(sampler->self);
  *n = own > 0 ? own : state ? 1 : 2;
  return oracle_levels(edm(), &(Grid){.n = *n, .u_min = 0.005, .u_max = 8, .state = state});
}

/* Rows from the matched start through the sampler. */
static Drive sample(const char *yaml, const Oracle *o, int64_t first, int64_t rows, int64_t block, Pool *pool, double *z) {
  EbbChild *child = ARENA_NEW(suite_arena(), EbbChild);
  *child = suite_make(EBB_SAMPLER, yaml);
  int64_t n;
  const EbbLevel *level = levels_for(child, &n, false);
  oracle_start(o, plugin_host(child), level, first, rows, z);
  Drive d = {.sampler = child, .schedule = edm(), .field = &o->field, .level = level, .n = n, .first = first};
  d.rows = rows;
  d.block = block;
  d.pool = pool;
  d.z = z;
  CHECK_OK(oracle_drive(&d));
  return d;
}

/* Samplers of score fields; the others have a suite of their own. */
static const EbbComponent *const *mean_samplers(size_t *n) {
  size_t all;
  const EbbComponent *const *found = suite_all(EBB_SAMPLER, &all);
  const EbbComponent **kept = ARENA_ARRAY(suite_arena(), const EbbComponent *, all + 1);
  *n = 0;
  for (size_t i = 0; i < all; i++)
    if (((const EbbSamplerOps *)found[i]->ops)->accepts & EBB_MEAN) kept[(*n)++] = found[i];
  return kept;
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_SAMPLER); }

/* A13: a high-order formula must not meet sigma 0. */
static void every_count_of_steps_ends_finite(void) {
  size_t n;
  const EbbComponent *const *all = mean_samplers(&n);
  double m[2] = {0.5, -1}, s[2] = {0.25, 1}, z[2 * 7];
  Oracle o, m1;
  oracle_gaussian(&o, 2, m, s);
  oracle_m1(&m1);
  for (size_t i = 0; i < n; i++)
    for (int steps = 1; steps <= 16; steps++) {
      Drive d = sample(suite_with(all[i], "steps", steps), &o, 0, 7, 0, NULL, z);
      CHECK(d.failed == 0 && d.asked >= 7, "%s: %d steps: %d of 7 rows failed", all[i]->id, steps, (int)d.failed);
      d = sample(suite_with(all[i], "steps", steps), &m1, 0, 7, 0, NULL, z);
      CHECK(d.failed == 0, "%s: %d steps: %d of 7 rows failed on two modes", all[i]->id, steps, (int)d.failed);
    }
}

/* One step from sigma 80 on N(0, 1): xhat is z alpha, sd alpha = 1 / sqrt(6401). */
static void one_step_is_the_field_itself(void) {
  size_t n;
  const EbbComponent *const *all = mean_samplers(&n);
  double zero = 0, one = 1;
  Oracle o;
  oracle_gaussian(&o, 1, &zero, &one);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 1});
  for (size_t i = 0; i < n; i++) {
    if (!suite_has(all[i], "steps")) continue;
    EbbChild child = suite_make(EBB_SAMPLER, suite_with(all[i], "steps", 1));
    double z = 1;
    Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = 1, .rows = 1, .z = &z};
    CHECK_OK(oracle_drive(&d));
    CHECK_NEAR(z, 0.0124990236, 1e-9, "%s", all[i]->id);
    CHECK(d.asked == 1, "%s asked %d times", all[i]->id, (int)d.asked);
  }
}

static void rows_alone_and_in_blocks_have_the_same_bits(void) {
  enum { ROWS = 257 };
  static const int64_t blocks[] = {1, 2, 7, 64, 256};
  size_t n;
  const EbbComponent *const *all = mean_samplers(&n);
  double m[3] = {0, 1, -1}, s[3] = {1, 0.5, 0.1}, together[ROWS * 3], apart[ROWS * 3];
  Oracle o;
  oracle_gaussian(&o, 3, m, s);
  Pool *pool = NULL;
  CHECK_OK(pool_new(3, &pool));
  for (size_t i = 0; i < n; i++) {
    const char *yaml = suite_with(all[i], suite_has(all[i], "eta") ? "eta" : "steps", suite_has(all[i], "eta") ? 1 : 9);
    Drive whole = sample(yaml, &o, 0, ROWS, 0, NULL, together);
    for (size_t b = 0; b < COUNT(blocks); b++) {
      Drive d = sample(yaml, &o, 0, ROWS, blocks[b], b % 2 == 0 ? pool : NULL, apart);
      CHECK(memcmp(together, apart, sizeof apart) == 0, "%s: blocks of %d change the bits", yaml, (int)blocks[b]);
      CHECK(d.asked == whole.asked, "%s: blocks of %d change the count of evaluations", yaml, (int)blocks[b]);
    }
    sample(yaml, &o, 200, 57, 0, NULL, apart);
    CHECK(memcmp(together + 200 * 3, apart, 57 * 3 * sizeof *apart) == 0, "%s: rows 200 to 256 alone have other bits", yaml);
    double untouched = 42;
    Drive none = sample(yaml, &o, 0, 0, 0, NULL, &untouched);
    CHECK(none.asked == 0 && untouched == 42, "%s: zero rows asked %d times", yaml, (int)none.asked);
  }
  pool_free(pool);
}

static void many_steps_give_both_modes(void) {
  enum { ROWS = 4000 };
  size_t n;
  const EbbComponent *const *all = mean_samplers(&n);
  Oracle o;
  oracle_m1(&o);
  double *z = ARENA_ARRAY(suite_arena(), double, ROWS), mean, sd;
  oracle_moments(&o, 0, &mean, &sd);
  for (size_t i = 0; i < n; i++) {
    sample(suite_with(all[i], "steps", 200), &o, 0, ROWS, 0, NULL, z);
    double sum = 0, square = 0, left = 0;
    for (int64_t r = 0; r < ROWS; r++) {
      sum += z[r];
      square += z[r] * z[r];
      left += z[r] < 0 ? 1 : 0;
    }
    CHECK_NEAR(sum / ROWS, mean, 4.5 * sd / sqrt(ROWS), "%s: mean of M1", all[i]->id);
    CHECK_NEAR(sqrt(square / ROWS - sum / ROWS * sum / ROWS), sd, 0.03, "%s: sd of M1", all[i]->id);
    CHECK_NEAR(left / ROWS, oracle_cdf(&o, &(EbbLevel){.alpha = 1}, 0), 4 * sqrt(0.21 / ROWS), "%s: weight of the left mode", all[i]->id);
  }
}

/* ---- known orders ---- */

/* T4.1: largest distance from where the CDF is conserved, at seven quantiles. Written for one evaluation a step or more; n are steps of the grid. */
static double transport_error(const char *id, int64_t n, const EbbSchedule *s) {
  static const double p[7] = {0.01, 0.1, 0.25, 0.31, 0.5, 0.8, 0.99};
  EbbChild child = suite_make(EBB_SAMPLER, id);
  Oracle o;
  oracle_m1(&o);
  EbbLevel *level = oracle_levels(s, &(Grid){.n = n, .in_time = true, .state = true});
  double z[7], error = 0;
  for (int i = 0; i < 7; i++) z[i] = oracle_quantile(&o, &level[0], p[i]);
  Drive d = {.sampler = &child, .schedule = s, .field = &o.field, .level = level, .n = n, .rows = 7, .z = z};
  CHECK_OK(oracle_drive(&d));
  for (int i = 0; i < 7; i++) error = fmax(error, fabs(z[i] - oracle_quantile(&o, &level[n], p[i])));
  return error;
}

static void errors_fall_at_the_claimed_order(void) {
  static const struct {
    const char *id;
    double order, at_80; /* at_80: known error, 0: none known */
  } known[] = {
      {"euler", 1, 0},
      {"ddim", 1, 4.4e-2},
      {"heun", 2, 0},
      {"edm_heun", 2, 0},
      {"dpmpp_2m", 2, 2.5e-3},
      {"{use: euler_maruyama, eta: 0}", 1, 4.4e-2},
      {"{use: exp_adams_bashforth, order: 2}", 2, 0},
      {"{use: exp_adams_bashforth, order: 3}", 3, 3.4e-4},
      {"{use: exp_adams_bashforth, order: 4}", 4, 0},
      {"dpmpp_3m", 3, 3.4e-4},
      {"{use: unipc, order: 1}", 2, 0},
      {"{use: unipc, order: 2}", 3, 4.2e-4},
      {"{use: unipc, order: 2, variant: bh1}", 3, 0},
      {"{use: unipc, order: 3}", 4, 0},
      {"{use: unipc, order: 3, variant: bh1}", 4, 0},
      {"{use: unipc, order: 2, correct: false}", 2, 0},
      {"{use: unipc, order: 3, correct: false}", 3, 0},
      {"rk4", 4, 0},
  };
  EbbChild child = suite_make(EBB_SCHEDULE, "{use: edm_vp, sigma_min: .01}");
  Schedule s;
  suite_schedule(&child, &s);
  for (size_t i = 0; i < COUNT(known); i++) {
    double at_80 = transport_error(known[i].id, 80, &s.view), at_320 = transport_error(known[i].id, 320, &s.view);
    CHECK_NEAR(log2(at_80 / at_320) / 2, known[i].order, 0.3, "%s: order", known[i].id);
    if (known[i].at_80 > 0) CHECK_NEAR(at_80 / known[i].at_80, 1, 0.03, "%s: error at 80 steps over the known one", known[i].id);
  }
}

/* ---- golden values ---- */

/* T4.2: under alpha = cos, sigma = sin and N uniform steps DDIM shrinks a unit Gaussian by exactly cos^{2N}(pi/2N). */
static void ddim_shrinks_as_the_recursion_says(void) {
  static const struct {
    int steps;
    double variance;
  } known[] = {{5, 0.605429}, {10, 0.780546}, {50, 0.951842}, {100, 0.975627}};
  double zero = 0, one = 1;
  Oracle o;
  oracle_gaussian(&o, 1, &zero, &one);
  EbbChild child = suite_make(EBB_SAMPLER, "ddim");
  for (size_t i = 0; i < COUNT(known); i++) {
    int n = known[i].steps;
    EbbLevel *level = ARENA_ARRAY(suite_arena(), EbbLevel, n + 1);
    for (int k = 0; k <= n; k++) {
      double phi = acos(0) * (n - k) / n;
      level[k] = (EbbLevel){.alpha = k == 0 ? 0 : cos(phi), .sigma = sin(phi), .lambda = -2 * log(tan(phi)), .index = k};
    }
    level[0].lambda = -INFINITY;
    CHECK_NEAR(oracle_linear_variance(&child, edm(), &o.field, level, n, 1), known[i].variance, 1e-6, "%d steps", n);
  }
}

/* T4.3: ratio of the output's sd to the exact one on G(0, s^2), Karras grid from 80 to 1e-4. */
static void golden_ratios_of_sd(void) {
  static const struct {
    const char *sampler;
    double wide[3], narrow[3]; /* s = 1, s = .1, at 10, 20, 50 */
  } known[] = {
      {"ddim", {0.7535, 0.8682, 0.9450}, {0.6745, 0.8218, 0.9245}},
      {"{use: ddim, eta: 1}", {0.6233, 0.7668, 0.8915}, {0.5514, 0.7036, 0.8553}},
      {"edm_heun", {1.1715, 1.0388, 1.0058}, {1.3443, 1.0780, 1.0115}},
      {"{use: edm_stochastic, churn: 0}", {1.1715, 1.0388, 1.0058}, {1.3443, 1.0780, 1.0115}},
      {"dpmpp_2m", {1.1906, 1.0446, 1.0061}, {1.2003, 1.0906, 1.0123}},
      {"{use: dpmpp_2m_sde, eta: 0}", {1.1906, 1.0446, 1.0061}, {1.2003, 1.0906, 1.0123}},
      {"dpmpp_2m_sde", {1.2461, 1.1088, 1.0163}, {1.1656, 1.1723, 1.0324}},
      {"dpmpp_3m", {0.4463, 0.9898, 0.9989}, {1.7684, 0.8396, 0.9970}},
      {"{use: exp_adams_bashforth, order: 1}", {0.7535, 0.8682, 0.9450}, {0.6745, 0.8218, 0.9245}},
      {"{use: exp_adams_bashforth, order: 3}", {0.4463, 0.9898, 0.9989}, {1.7684, 0.8396, 0.9970}},
  };
  static const int steps[3] = {10, 20, 50};
  for (size_t i = 0; i < COUNT(known); i++)
    for (int narrow = 0; narrow < 2; narrow++)
      for (int k = 0; k < 3; k++) {
        double zero = 0, s = narrow ? 0.1 : 1;
        Oracle o;
        oracle_gaussian(&o, 1, &zero, &s);
        EbbChild child = suite_make(EBB_SAMPLER, known[i].sampler);
        int64_t n = steps[k];
        EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .in_time = true, .state = true});
        double ratio = sqrt(oracle_linear_variance(&child, edm(), &o.field, level, n, 1)) / hypot(level[n].alpha * s, level[n].sigma);
        CHECK_NEAR(ratio, narrow ? known[i].narrow[k] : known[i].wide[k], 5.1e-5, "%s: s = %g, %d steps", known[i].sampler, s, steps[k]);
      }
}

/* The variance that the recursion of Euler-Maruyama's own formula (handbook 4.4) gives on G(0, s^2): gain of z and variance of the noise, step by
 * step. */
static double recursion(double s, const EbbLevel *level, int64_t n, double eta) {
  double v = pow(level[0].alpha * s, 2) + pow(level[0].sigma, 2);
  for (int64_t k = 0; k < n; k++) {
    double a = level[k].alpha, b = level[k].sigma, as = level[k + 1].alpha, bs = level[k + 1].sigma;
    double xhat = a * s * s / (a * a * s * s + b * b);
    double gain = as / a + (1 + eta * eta) * (bs / b - as / a) * (1 - a * xhat);
    double noise = eta * eta * as * as * (b * b / (a * a) - bs * bs / (as * as));
    v = bs > 0 ? gain * gain * v + noise : as * as * xhat * xhat * v;
  }
  return v;
}

/* T4.8: variance as the recursion says; its distance from the truth halves as steps double; drawn rows agree. A wide target: near sd .5 the
 * first-order term all but vanishes. */
static void euler_maruyama_follows_its_linear_recursion(void) {
  enum { ROWS = 20000 };
  double mean = 0, sd = 2, distance[3];
  Oracle o;
  oracle_gaussian(&o, 1, &mean, &sd);
  for (int k = 0; k < 3; k++) {
    int64_t n = 400 << k;
    EbbChild child = suite_make(EBB_SAMPLER, "euler_maruyama");
    EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .u_min = 0.005, .u_max = 8, .state = true});
    double start = pow(level[0].alpha * sd, 2) + pow(level[0].sigma, 2), expected = recursion(sd, level, n, 1);
    CHECK_NEAR(oracle_linear_variance(&child, edm(), &o.field, level, n, start), expected, 1e-12, "%d steps", (int)n);
    distance[k] = fabs(sqrt(expected) - hypot(level[n].alpha * sd, level[n].sigma));
  }
  for (int k = 0; k < 2; k++) CHECK_NEAR(distance[k] / distance[k + 1], 2, 0.2, "distance of sd from the truth, doubling %d", k + 1);

  double *z = ARENA_ARRAY(suite_arena(), double, ROWS), sum = 0, square = 0;
  mean = 0.7;
  sd = 0.5;
  oracle_gaussian(&o, 1, &mean, &sd);
  sample("{use: euler_maruyama, steps: 100}", &o, 0, ROWS, 1000, NULL, z);
  double expected = recursion(sd, oracle_levels(edm(), &(Grid){.n = 100, .u_min = 0.005, .u_max = 8}), 100, 1);
  for (int64_t i = 0; i < ROWS; i++) {
    sum += z[i];
    square += z[i] * z[i];
  }
  CHECK_NEAR(sum / ROWS, mean, 4 * sqrt(expected / ROWS), "mean of drawn rows");
  CHECK_NEAR((square / ROWS - sum / ROWS * sum / ROWS) / expected, 1, 4 * sqrt(2.0 / ROWS), "their variance over the recursion's");
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"every count of steps ends finite", every_count_of_steps_ends_finite},
    {"one step is the field itself", one_step_is_the_field_itself},
    {"rows alone and in blocks have the same bits", rows_alone_and_in_blocks_have_the_same_bits},
    {"many steps give both modes", many_steps_give_both_modes},
    {"errors fall at the claimed order", errors_fall_at_the_claimed_order},
    {"DDIM shrinks as the recursion says", ddim_shrinks_as_the_recursion_says},
    {"golden ratios of sd", golden_ratios_of_sd},
    {"Euler-Maruyama follows its linear recursion", euler_maruyama_follows_its_linear_recursion},
};
TEST_MAIN("samplers", tests)
