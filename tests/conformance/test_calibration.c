/* SPDX-License-Identifier: MIT
 *
 * SBC, coverage and TARP (T8.3, T8.4): exact posteriors pass as often as they should, posteriors that are too narrow, too wide or biased are found,
 * and the prior in place of the posterior is found by the one quantity that looks at the data. */
#include "base/pool.h"
#include "batch.h"

/* Phi(x), its inverse, and the coverage of central intervals of a Gaussian with c times the right sd. */
static double phi(double x) { return 0.5 * erfc(-x / sqrt(2)); }

static double phi_inverse(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 80; i++) *(phi((low + high) / 2) < p ? &low : &high) = (low + high) / 2;
  return (low + high) / 2;
}

static double coverage_of(double c, double a) { return 2 * phi(c * phi_inverse((1 + a) / 2)) - 1; }

/* ---- SBC ---- */

/* All ranks 0: gamma = 2 (1 / (L + 1))^N, so that the reported ln(gamma / gamma*) tells gamma*. The handbook's numbers are good to 5 %, the simulated
 * quantile to 2 %. Its .0014 of the last case is too low: 230,000 simulations in numpy, written independently, gave .00154 +- .00002. */
static void gamma_stars_are_those_of_the_handbook(void) {
  static const struct {
    int64_t sets, draws;
    double star;
  } known[] = {{100, 99, 0.0042}, {200, 99, 0.0035}, {1000, 99, 0.0026}, {1000, 999, 0.00154}};
  for (size_t i = 0; i < COUNT(known); i++) {
    Batch *b = batch_new((Law){.sets = known[i].sets, .draws = known[i].draws, .dim = 1, .v = 1, .seed = 3});
    for (int64_t s = 0; s < known[i].sets; s++) b->truth[s] = -1e6F;
    double gamma = log(2) - (double)known[i].sets * log((double)known[i].draws + 1);
    double star = exp(gamma - value_of(batch_ask("{use: sbc, simulations: 40000}", b), "sbc_log_gamma", 0));
    printf("\n    N %d, L %d: gamma* %.5f, wanted %.5f", (int)known[i].sets, (int)known[i].draws, star, known[i].star);
    CHECK_NEAR(star / known[i].star, 1, 0.07, "gamma* of case %d", (int)i);
    batch_free(b);
  }
  printf("\n");
}

/* How often ln(gamma / gamma*) < 0 over `repeats` batches, parameters counted by themselves; `parameter` -1: a joint quantity with this note. */
static double rejections(Law law, const char *yaml, int repeats, const char *note) {
  int64_t rejected = 0, asked = 0;
  for (int r = 0; r < repeats; r++) {
    law.seed += 100;
    Batch *b = batch_new(law);
    const Answers *a = batch_ask(yaml, b);
    for (const Said *s = a->said; s < a->said + a->n; s++) {
      bool counts = note == NULL ? s->parameter >= 0 : s->parameter < 0 && strncmp(s->note, note, strlen(note)) == 0;
      if (!counts) continue;
      asked++;
      rejected += s->value < 0;
    }
    batch_free(b);
  }
  CU_ASSERT_EQUAL(asked, note == NULL ? repeats * law.dim : repeats);
  return (double)rejected / (double)asked;
}

static const Law small = {.sets = 100, .draws = 99, .dim = 20, .v = 1, .seed = 1000};

/* 400 tests each; one standard error of 5 % is 1.1 %. */
static void exact_posteriors_are_rejected_in_one_of_twenty_cases(void) {
  CHECK_NEAR(rejections(small, "{use: sbc, simulations: 4000}", 20, NULL), 0.05, 0.02, "exact posteriors");
  Law steps = small;
  steps.steps = true, steps.v = 0.3;
  CHECK_NEAR(rejections(steps, "{use: sbc, simulations: 4000}", 20, NULL), 0.05, 0.02, "exact posteriors with ties");
  Law one = small;
  one.dim = 1;
  CHECK_NEAR(rejections(one, "{use: sbc, simulations: 1000}", 400, "data-dependent"), 0.05, 0.02, "the data-dependent quantity");
  CHECK_NEAR(rejections(one, "{use: sbc, simulations: 1000, density: true}", 400, "log density"), 0.05, 0.02, "the log density");
}

static void the_prior_passes_ranks_of_parameters_and_fails_with_the_data(void) {
  Law prior = small;
  prior.prior = true;
  CHECK_NEAR(rejections(prior, "{use: sbc, simulations: 4000}", 20, NULL), 0.05, 0.02, "the prior as posterior");
  CU_ASSERT_EQUAL(rejections(prior, "{use: sbc, simulations: 1000}", 5, "data-dependent"), 1);
}

/* In a Gaussian with c times the sd the log density of the truth is too low or too high too. */
static void wrong_posteriors_are_rejected(void) {
  static const Law wrong[] = {{.sd = 0.5}, {.sd = 1.3}, {.bias = 0.5}};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    Law law = small;
    law.sets = 300, law.sd = wrong[i].sd, law.bias = wrong[i].bias;
    CHECK_NEAR(rejections(law, "{use: sbc, simulations: 1000}", 1, NULL), 1, 0.06, "parameters, case %d", (int)i);
    if (wrong[i].sd > 0) CU_ASSERT_EQUAL(rejections(law, "{use: sbc, density: true}", 1, "log density"), 1);
  }
}

/* The curves of an exact posterior stay in their band, those of a narrow one leave it: below 1/2 the ECDF lies above, then below. */
static void curves_and_band_agree_with_the_verdict(void) {
  Law law = {.sets = 200, .draws = 999, .dim = 1, .v = 1, .seed = 5};
  Batch *exact = batch_new(law);
  const Answers *a = batch_ask("sbc", exact);
  CU_ASSERT(value_of(a, "sbc_log_gamma", 0) > 0);
  const Curve *c = curve_of(a, "sbc_ecdf", 0);
  CU_ASSERT_EQUAL(c->n, 101);
  for (int64_t i = 0; i < c->n; i++) CU_ASSERT(c->low[i] <= c->y[i] && c->y[i] <= c->high[i]);
  CHECK_NEAR(c->x[50], 0.5, 1e-12, "middle");
  /* The band's half width there is near that of the Kolmogorov-Smirnov test's, 1.358 / sqrt(200) = .096. */
  CU_ASSERT(c->high[50] > 0.08 && c->high[50] < 0.13);
  c = curve_of(a, "sbc_rank", 0);
  double mean = 0;
  for (int64_t i = 0; i < c->n; i++) mean += c->y[i] / (double)c->n;
  CU_ASSERT_EQUAL(c->n, 20);
  CHECK_NEAR(mean, 1, 1e-12, "bars");
  curve_of(a, "sbc_ecdf_data", -1), curve_of(a, "sbc_rank_data", -1);
  batch_free(exact);
  law.sd = 0.5;
  Batch *narrow = batch_new(law);
  c = curve_of(batch_ask("sbc", narrow), "sbc_ecdf", 0);
  CU_ASSERT(c->y[20] > c->high[20] && c->y[80] < c->low[80]);
  batch_free(narrow);
}

/* ---- coverage ---- */

static void coverage_is_the_closed_form(void) {
  static const double scales[] = {1, 0.5, 1.3};
  for (size_t i = 0; i < COUNT(scales); i++) {
    Batch *b = batch_new((Law){.sets = 400, .draws = 99, .dim = 20, .v = 1, .sd = scales[i], .seed = 9});
    const Answers *a = batch_ask("{use: coverage, hpd: true}", b);
    double half = 0, most = 0, error = 0, n = 400 * 20;
    for (int64_t k = 0; k < 20; k++) {
      half += value_of(a, "coverage_50", k) / 20;
      most += value_of(a, "coverage_90", k) / 20;
      error += value_of(a, "coverage_error", k) / 20;
    }
    double c50 = coverage_of(scales[i], 0.5), c90 = coverage_of(scales[i], 0.9);
    /* 99 draws blunt the interval's ends: its own scatter moves a coverage by .004 at the most. */
    CHECK_NEAR(half, c50, 0.006 + 3 * sqrt(c50 * (1 - c50) / n), "coverage of half, sd x %g", scales[i]);
    CHECK_NEAR(most, c90, 0.006 + 3 * sqrt(c90 * (1 - c90) / n), "coverage of .9, sd x %g", scales[i]);
    double share = value_of(a, "coverage_90", 3);
    CHECK_NEAR(said(a, "coverage_90", -1, 3)->error, sqrt(share * (1 - share) / 400), 1e-12, "its standard error");
    CHECK_NEAR(value_of(a, "coverage_error", -1), error, 1e-12, "mean over parameters");
    const Curve *c = curve_of(a, "coverage", 0), *density = curve_of(a, "coverage_hpd", -1);
    int64_t outside = 0, density_outside = 0;
    for (int64_t l = 0; l < c->n; l++) outside += c->y[l] < c->low[l] || c->y[l] > c->high[l];
    for (int64_t l = 0; l < density->n; l++) density_outside += density->y[l] < density->low[l] || density->y[l] > density->high[l];
    CU_ASSERT(scales[i] == 1 ? outside <= 3 && density_outside <= 3 : outside >= 10 && density_outside >= 10);
    if (scales[i] == 1) {
      CU_ASSERT(error < 0.025);
      CHECK_NEAR(value_of(a, "coverage_hpd_90", -1), 0.9, 0.06, "highest density");
    } else {
      /* Twenty parameters at once: hardly any truth, or any, lies within. */
      CU_ASSERT(error > 0.06 && value_of(a, "coverage_hpd_error", -1) > 0.3);
      CU_ASSERT(scales[i] < 1 ? value_of(a, "coverage_hpd_90", -1) < 0.01 : value_of(a, "coverage_hpd_90", -1) > 0.99);
    }
    batch_free(b);
  }
  CHECK_NEAR(coverage_of(0.5, 0.9), 0.589, 5e-4, "the handbook's number");
}

/* ---- TARP ---- */

static void tarp_holds_its_level_and_its_diagonal(void) {
  int rejected = 0;
  double area = 0, variance = 0;
  for (int r = 0; r < 400; r++) {
    Batch *b = batch_new((Law){.sets = 50, .draws = 49, .dim = 2, .v = 1, .prior = r % 2 == 1, .seed = 7000 + 10 * (uint64_t)r});
    const Answers *a = batch_ask("{use: tarp, replicates: 999}", b);
    rejected += value_of(a, "tarp_p", -1) <= 0.05;
    area += value_of(a, "tarp_area", -1) / 400;
    variance += pow(said(a, "tarp_area", -1, -1)->error / 400, 2);
    batch_free(b);
  }
  CHECK_NEAR(rejected / 400.0, 0.05, 0.02, "exact posteriors and priors");
  CHECK_NEAR(area, 0, 3 * sqrt(variance), "mean area");
}

static void tarp_finds_wrong_posteriors(void) {
  static const Law wrong[] = {{.sd = 0.5}, {.sd = 1.3}, {.bias = 0.7}};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    Batch *b = batch_new((Law){.sets = 400, .draws = 99, .dim = 4, .v = 1, .sd = wrong[i].sd, .bias = wrong[i].bias, .seed = 31});
    const Answers *a = batch_ask("tarp", b);
    CHECK_NEAR(value_of(a, "tarp_p", -1), 0.0001, 1e-9, "p of case %d", (int)i);
    double area = value_of(a, "tarp_area", -1), error = said(a, "tarp_area", -1, -1)->error;
    const Curve *c = curve_of(a, "tarp", -1);
    CU_ASSERT(c->n == 101 && c->y[0] == 0 && c->y[100] == 1);
    if (wrong[i].bias == 0) { /* a bias moves no area: some references lie where it leads, others behind it */
      CHECK(wrong[i].sd > 1 ? area > 3 * error : area < -3 * error, "area %g +- %g of case %d", area, error, (int)i);
      CU_ASSERT(wrong[i].sd > 1 ? c->y[75] > c->high[75] : c->y[75] < c->low[75]);
    }
    CHECK_NEAR((c->low[50] + c->high[50]) / 2, 0.5, 0.02, "the band's middle");
    batch_free(b);
  }
}

/* ---- failures, messages, threads ---- */

static void failed_draws_are_left_out_and_counted(void) {
  Law law = small;
  law.sets = 101;
  Batch *b = batch_new(law);
  int64_t failed = 0;
  for (int64_t i = 0; i < 100 * 99; i++)
    if (i * 7919 % 100 < 30) b->theta[i * 20 + i % 20] = NAN, failed++;
  for (int64_t i = 100 * 99 * 20; i < 101 * 99 * 20; i++) b->theta[i] = NAN;
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%d of 9900 draws failed", (int)failed);
  static const char *const metrics[][2] = {{"sbc", "sbc_log_gamma"}, {"coverage", "coverage_90"}, {"tarp", "tarp_p"}};
  for (size_t m = 0; m < COUNT(metrics); m++) {
    const Answers *a = batch_ask(metrics[m][0], b);
    int64_t rejected = 0;
    for (int64_t k = 0; k < 20 && m == 0; k++) rejected += value_of(a, metrics[m][1], k) < 0;
    const Said *s = said(a, metrics[m][1], -1, m < 2 ? 0 : -1);
    CHECK(s->n == 100 && strstr(s->note, wanted) != NULL && strstr(s->note, "1 of 101 data sets are left out") != NULL, "%s: n %d, note \"%s\"",
          metrics[m][0], (int)s->n, s->note);
    CU_ASSERT(rejected <= 4); /* of 20 at 5 %: more in one of 400 cases */
    if (m == 2) CU_ASSERT(s->value > 0.05);
  }
  batch_free(b);
}

static void what_is_missing_is_named(void) {
  Batch *b = batch_new((Law){.sets = 10, .draws = 9, .dim = 2, .v = 1, .seed = 1});
  static const char *const metrics[] = {"sbc", "coverage", "tarp", "nrmse", "contraction", "z_score"};
  const Answers *a;
  for (size_t m = 0; m < COUNT(metrics); m++) {
    Batch none = *b;
    none.e.truth = NULL;
    CU_ASSERT_EQUAL(batch_try(metrics[m], &none, &a), EBB_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "without the true parameters"));
    CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), metrics[m]));
  }
  Batch none = *b;
  none.e.log_q = NULL;
  CU_ASSERT_EQUAL(batch_try("{use: sbc, density: true}", &none, &a), EBB_E_CONFIG);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "set density: false"));
  CU_ASSERT_EQUAL(batch_try("{use: coverage, hpd: true}", &none, &a), EBB_E_CONFIG);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "set hpd: false"));
  for (int64_t i = 0; i < 10 * 9; i++) b->log_q[i] = NAN;
  CU_ASSERT_EQUAL(batch_try("{use: sbc, density: true}", b, &a), EBB_E_NUMERIC);
  for (int64_t i = 0; i < 10 * 9 * 2; i++) b->theta[i] = NAN;
  for (size_t m = 0; m < COUNT(metrics); m++) {
    CU_ASSERT_EQUAL(batch_try(metrics[m], b, &a), EBB_E_NUMERIC);
    CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "none of 10 data sets"));
  }
  batch_free(b);
  EbbChild child;
  CU_ASSERT(suite_try(EBB_METRIC, "{use: sbc, datasets: 3}", &child) < 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "datasets"));
}

static void threads_do_not_change_a_bit(void) {
  static const char *const metrics[] = {"sbc", "tarp"};
  Batch *b = batch_new((Law){.sets = 60, .draws = 49, .dim = 3, .v = 1, .seed = 77});
  for (size_t m = 0; m < COUNT(metrics); m++) {
    Answers one = *batch_ask(metrics[m], b);
    Pool *pool;
    Arena *arena = arena_new();
    CU_ASSERT_EQUAL_FATAL(pool_new(3, &pool), EBB_OK);
    Batch many = *b;
    many.e.host = host_new(arena, pool, metrics[m]);
    const Answers *a = batch_ask(metrics[m], &many);
    CU_ASSERT(a->n == one.n && a->n > 0);
    for (int64_t i = 0; i < a->n; i++) CU_ASSERT_EQUAL(a->said[i].value, one.said[i].value);
    CU_ASSERT_EQUAL(memcmp(a->curve, one.curve, (size_t)a->curves * sizeof *a->curve), 0);
    pool_free(pool);
    arena_free(arena);
  }
  batch_free(b);
}

static const Test tests[] = {
#ifndef __SANITIZE_THREAD__ /* which looks at the threads of one test, not at the numbers of many */
    {"gamma stars are those of the handbook", gamma_stars_are_those_of_the_handbook},
    {"exact posteriors are rejected in one of twenty cases", exact_posteriors_are_rejected_in_one_of_twenty_cases},
    {"the prior passes ranks of parameters and fails with the data", the_prior_passes_ranks_of_parameters_and_fails_with_the_data},
    {"wrong posteriors are rejected", wrong_posteriors_are_rejected},
    {"coverage is the closed form", coverage_is_the_closed_form},
    {"TARP holds its level and its diagonal", tarp_holds_its_level_and_its_diagonal},
    {"TARP finds wrong posteriors", tarp_finds_wrong_posteriors},
#endif
    {"curves and band agree with the verdict", curves_and_band_agree_with_the_verdict},
    {"failed draws are left out and counted", failed_draws_are_left_out_and_counted},
    {"what is missing is named", what_is_missing_is_named},
    {"threads do not change a bit", threads_do_not_change_a_bit},
};
TEST_MAIN("calibration", tests)
