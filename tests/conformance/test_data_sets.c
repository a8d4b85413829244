/* SPDX-License-Identifier: MIT
 *
 * Errors, contraction, z-scores, densities, predictive checks, leakage and cost: closed forms of Gaussian posteriors (T8.4: the prior has contraction
 * 0 and NRMSE sqrt 2), and the cases that have no answer. */
#include "batch.h"

/* Of v = 1: contraction 1/2, posterior sd sqrt(1/2). One standard error of a mean over 500 sets and 20 parameters is .01 of an sd. */
static const Law wide = {.sets = 500, .draws = 99, .dim = 20, .priors = 5000, .v = 1, .seed = 40};

static double mean_of(const Answers *a, const char *metric) {
  double sum = 0;
  for (int64_t k = 0; k < wide.dim; k++) sum += value_of(a, metric, k) / (double)wide.dim;
  return sum;
}

typedef struct Case {
  Law law;
  double nrmse, contraction, z, z_sd;
} Case;

/* A draw's error is the posterior mean's and the draw's own: s^2 (1 + c^2 + b^2) over the prior's variance 1, s^2 = 1/2; contraction 1 - c^2 s^2; the
 * mean's error in units of c s. The prior: var(theta - theta*) = 2; the posterior mean is 0, so that the score is -theta. */
static void errors_contraction_and_scores_are_the_closed_forms(void) {
  static const Case cases[] = {{{.sd = 1}, 1, 0.5, 0, 1},
                               {{.sd = 0.5}, 0.790569, 0.875, 0, 2},
                               {{.sd = 1.3}, 1.159741, 0.155, 0, 0.769231},
                               {{.sd = 1, .bias = 1}, 1.224745, 0.5, 1, 1},
                               {{.prior = true}, 1.414214, 0, 0, 1}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    Law law = wide;
    law.sd = cases[i].law.sd, law.bias = cases[i].law.bias, law.prior = cases[i].law.prior;
    Batch *b = batch_new(law);
    const Answers *a = batch_ask("nrmse", b);
    CHECK_NEAR(mean_of(a, "nrmse"), cases[i].nrmse, 0.02, "NRMSE of case %d", (int)i);
    CHECK_NEAR(value_of(a, "nrmse", -1), mean_of(a, "nrmse"), 1e-12, "its mean over parameters");
    a = batch_ask("contraction", b);
    CHECK_NEAR(mean_of(a, "contraction"), cases[i].contraction, 0.02, "contraction of case %d", (int)i);
    CHECK_NEAR(value_of(a, "contraction", -1), mean_of(a, "contraction"), 1e-12, "its mean over parameters");
    a = batch_ask("z_score", b);
    CHECK_NEAR(mean_of(a, "z_score"), cases[i].z, 0.04, "z-score of case %d", (int)i);
    CHECK_NEAR(mean_of(a, "z_score_sd"), cases[i].z_sd, 0.03 * cases[i].z_sd, "its sd of case %d", (int)i);
    batch_free(b);
  }
}

/* Over the 20 parameters of one law the values must scatter as the reported errors say: an sd of 20 numbers is good to 16 %. */
static void standard_errors_are_the_scatter(void) {
  static const char *const metrics[][2] = {
      {"nrmse", "nrmse"}, {"contraction", "contraction"}, {"z_score", "z_score"}, {"z_score", "z_score_sd"}, {"coverage", "coverage_90"}};
  Law law = wide;
  law.priors = 0; /* contraction's own error does not know that of the prior's variance, so that variance is given below */
  Batch *b = batch_new(law);
  float prior[2 * 20];
  for (int k = 0; k < 20; k++) prior[k] = (float)-sqrt(0.5), prior[20 + k] = (float)sqrt(0.5);
  b->e.prior = prior, b->e.priors = 2;
  for (size_t m = 0; m < COUNT(metrics); m++) {
    const Answers *a = batch_ask(metrics[m][0], b);
    double mean = mean_of(a, metrics[m][1]), square = 0, error = 0;
    for (int64_t k = 0; k < 20; k++) {
      square += pow(value_of(a, metrics[m][1], k) - mean, 2) / 19;
      error += said(a, metrics[m][1], -1, k)->error / 20;
    }
    CHECK(error > 0.55 * sqrt(square) && error < 1.6 * sqrt(square), "%s: error %g, scatter %g", metrics[m][1], error, sqrt(square));
  }
  batch_free(b);
}

/* Draws that are the truth and 3: square errors 0 and 9 by turns, median of 0 and 3. Truths 0..9: range 9, sd sqrt(55/6). */
static void errors_are_divided_as_asked(void) {
  Batch *b = batch_new((Law){.sets = 10, .draws = 2, .dim = 1, .v = 1, .seed = 2});
  for (int s = 0; s < 10; s++) b->truth[s] = (float)s, b->theta[2 * s] = (float)s, b->theta[2 * s + 1] = (float)(s + 3);
  CHECK_NEAR(value_of(batch_ask("nrmse", b), "nrmse", 0), 1.5 / sqrt(55.0 / 6), 1e-12, "by sd");
  CHECK_NEAR(value_of(batch_ask("{use: nrmse, scale: range}", b), "nrmse", 0), 1.5 / 9, 1e-12, "by range");
  b->theta[1] = NAN; /* the other nine have the same error */
  const Said *s = said(batch_ask("{use: nrmse, scale: range}", b), "nrmse", -1, 0);
  CHECK_NEAR(s->value, 1.5 / 9, 1e-12, "with a failed draw");
  CU_ASSERT_PTR_NOT_NULL(strstr(s->note, "1 of 20 draws failed"));
  for (int i = 0; i < 10; i++) b->truth[i] = 1;
  s = said(batch_ask("nrmse", b), "nrmse", -1, 0);
  CU_ASSERT(isnan(s->value) && strstr(s->note, "truths are all the same") != NULL);
  batch_free(b);
}

static void posteriors_that_do_not_vary_have_no_score(void) {
  Batch *b = batch_new((Law){.sets = 20, .draws = 9, .dim = 1, .v = 1, .seed = 2});
  for (int i = 0; i < 9; i++) b->theta[i] = 1;
  const Said *s = said(batch_ask("z_score", b), "z_score", -1, 0);
  CU_ASSERT(s->n == 19 && isfinite(s->value) && strstr(s->note, "1 of 20 posteriors do not vary") != NULL);
  s = said(batch_ask("contraction", b), "contraction", -1, 0); /* without prior draws, by the truths */
  CU_ASSERT(s->n == 20 && s->value > 0 && s->value < 1);
  for (int i = 0; i < 20; i++) b->truth[i] = 1;
  s = said(batch_ask("contraction", b), "contraction", -1, 0);
  CU_ASSERT(isnan(s->value) && strstr(s->note, "prior does not vary") != NULL);
  batch_free(b);
}

/* E log N(theta; m, (c s)^2) = -log(c s sqrt(2 pi)) - 1 / (2 c^2) a parameter, s^2 = 1/2. */
static void log_densities_are_the_closed_form(void) {
  static const double scales[] = {1, 0.5, 1.3};
  for (size_t i = 0; i < COUNT(scales); i++) {
    Law law = wide;
    law.sd = scales[i];
    Batch *b = batch_new(law);
    const Said *s = said(batch_ask("expected_log_density", b), "expected_log_density", -1, -1);
    double c = scales[i], wanted = 20 * (-log(c * sqrt(0.5) * sqrt(2 * M_PI)) - 1 / (2 * c * c));
    CHECK_NEAR(s->value, wanted, 3 * s->error, "sd x %g", c);
    /* The square of a standard normal has variance 2. */
    CHECK_NEAR(s->error, sqrt(20 * 2.0 / 500) / (2 * c * c), 0.15 * s->error, "its error");
    b->log_q_truth[3] = NAN;
    s = said(batch_ask("expected_log_density", b), "expected_log_density", -1, -1);
    CU_ASSERT(s->n == 499 && isfinite(s->value) && strstr(s->note, "1 of 500 densities could not be solved") != NULL);
    b->log_q_truth[4] = -INFINITY;
    s = said(batch_ask("expected_log_density", b), "expected_log_density", -1, -1);
    CU_ASSERT(s->value == -INFINITY && strstr(s->note, "1 of 500 truths have density 0") != NULL);
    batch_free(b);
  }
  Batch *b = batch_new((Law){.sets = 2, .draws = 2, .dim = 1, .v = 1, .seed = 1});
  const Answers *a;
  b->log_q_truth[0] = b->log_q_truth[1] = NAN;
  CU_ASSERT_EQUAL(batch_try("expected_log_density", b, &a), EBB_E_NUMERIC);
  b->e.log_q_truth = NULL;
  CU_ASSERT_EQUAL(batch_try("expected_log_density", b, &a), EBB_E_CONFIG);
  batch_free(b);
}

/* ---- predictive checks ---- */

/* Replicates of prior draws are N(0, 1 + v) in each of two numbers, so their distance to an observation of 0 is Rayleigh's: median
 * sqrt((1 + v) 2 ln 2). */
static void distances_of_replicates_are_rayleigh(void) {
  Batch *b = batch_new((Law){.sets = 2, .draws = 5000, .dim = 2, .v = 0.5, .prior = true, .seed = 8});
  memset(b->data, 0, 4 * sizeof *b->data);
  const Answers *a = batch_ask("{use: posterior_predictive, replicates: 4000}", b);
  for (int64_t s = 0; s < 2; s++) {
    const Said *d = said(a, "predictive_distance", s, -1);
    CHECK_NEAR(d->value, sqrt(1.5 * 2 * log(2)), 3.5 * d->error, "distance to observation %d", (int)s);
    CU_ASSERT(d->n == 4000 && d->error > 0.01 && d->error < 0.03);
  }
  b->data[1] = NAN; /* the number that the first does not have does not count: |N(0, 1.5)|, median .674490 sqrt(1.5) */
  const Said *d = said(batch_ask("{use: posterior_predictive, replicates: 4000}", b), "predictive_distance", 0, -1);
  CHECK_NEAR(d->value, 0.674490 * sqrt(1.5), 3.5 * d->error, "with a missing number");
  for (int i = 0; i < 5000; i++) b->theta[2 * i] = NAN;
  CU_ASSERT_EQUAL(batch_try("posterior_predictive", b, &a), EBB_E_NUMERIC);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "all draws of observation 1 failed"));
  b->e.simulate = NULL;
  CU_ASSERT_EQUAL(batch_try("posterior_predictive", b, &a), EBB_E_CONFIG);
  batch_free(b);
}

/* 400 p-values of exact posteriors, none of many of a wrong one. */
static void places_among_replicates_are_uniform_for_exact_posteriors_only(void) {
  int64_t rejected = 0;
  for (uint64_t r = 0; r < 20; r++) {
    Batch *b = batch_new((Law){.sets = 100, .draws = 1, .dim = 20, .v = 1, .seed = 500 + 10 * r});
    const Answers *a = batch_ask("{use: posterior_predictive, check: pit, replicates: 20}", b);
    CU_ASSERT_EQUAL(a->n, 20);
    for (int64_t i = 0; i < a->n; i++) rejected += a->said[i].value < 0.05;
    batch_free(b);
  }
  CHECK_NEAR((double)rejected / 400, 0.05, 0.02, "exact posteriors");
  static const Law wrong[] = {{.prior = true}, {.bias = 1}};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    Batch *b = batch_new((Law){.sets = 400, .draws = 1, .dim = 2, .v = 0.3, .prior = wrong[i].prior, .bias = wrong[i].bias, .seed = 12});
    const Answers *a = batch_ask("{use: posterior_predictive, check: pit}", b);
    CU_ASSERT(a->said[0].value < 1e-3 && a->said[1].value < 1e-3);
    CU_ASSERT_STRING_EQUAL(a->said[1].note, "number 2 of the data");
    const Curve *c = curve_of(a, "predictive_pit", -1);
    double worst = 0;
    for (int64_t p = 0; p < c->n; p++) worst = fmax(worst, fabs(c->y[p]) - c->high[p]);
    CU_ASSERT(c->n == 101 && worst > 0);
    batch_free(b);
  }
  Batch *b = batch_new((Law){.sets = 30, .draws = 1, .dim = 1, .v = 1, .seed = 12});
  b->theta[4] = NAN;
  const Answers *a = batch_ask("{use: posterior_predictive, check: pit}", b);
  CU_ASSERT(a->said[0].n == 29 && strstr(a->said[0].note, "1 of 30 data sets have no draw") != NULL);
  for (int i = 0; i < 30; i++) b->theta[i] = NAN;
  CU_ASSERT_EQUAL(batch_try("{use: posterior_predictive, check: pit}", b, &a), EBB_E_NUMERIC);
  batch_free(b);
}

/* ---- leakage and cost ---- */

static void leakage_is_the_share_outside(void) {
  Batch *b = batch_new((Law){.sets = 2, .draws = 100, .dim = 2, .v = 1, .seed = 1});
  double lower[] = {0.1, -INFINITY}, upper[] = {INFINITY, 1};
  b->e.lower = lower, b->e.upper = upper;
  for (int i = 0; i < 200; i++) b->theta[2 * i] = 0.1F, b->theta[2 * i + 1] = 1; /* at the bounds is inside, though .1f is not .1 */
  for (int i = 0; i < 7; i++) b->theta[2 * i] = 0, b->theta[2 * i + 1] = 2;
  b->theta[2 * 50 + 1] = 1.5F;
  for (int i = 60; i < 80; i++) b->theta[2 * i] = NAN;
  const Answers *a = batch_ask("leakage", b);
  const Said *first = said(a, "leakage", 0, -1), *both = said(a, "leakage", -1, -1);
  CHECK_NEAR(first->value, 0.1, 1e-12, "8 of 80");
  CHECK_NEAR(first->error, sqrt(0.1 * 0.9 / 80), 1e-12, "its error");
  CU_ASSERT(first->n == 80 && strstr(first->note, "20 of 100 draws failed") != NULL);
  CU_ASSERT_EQUAL(said(a, "leakage", 1, -1)->value, 0);
  CHECK_NEAR(both->value, 8.0 / 180, 1e-12, "of all");
  for (int i = 0; i < 100; i++) b->theta[2 * i] = NAN;
  CU_ASSERT_EQUAL(batch_try("leakage", b, &a), EBB_E_NUMERIC);
  batch_free(b);
}

static void cost_is_told_for_each_observation(void) {
  Batch *b = batch_new((Law){.sets = 2, .draws = 50, .dim = 2, .v = 1, .seed = 1});
  static const double evaluations[] = {50, 60}, seconds[] = {0.1, 0.3}, unknown[] = {NAN, NAN};
  b->e.evaluations = evaluations, b->e.seconds = seconds;
  b->theta[2 * 50 + 1] = NAN;
  const Answers *a = batch_ask("cost", b);
  CHECK_NEAR(said(a, "cost_evaluations", 1, -1)->value, 60, 0, "evaluations");
  CHECK_NEAR(said(a, "cost_evaluations", -1, -1)->value, 55, 1e-12, "their mean");
  CHECK_NEAR(said(a, "cost_seconds", 0, -1)->value, 20, 1e-12, "seconds for 10000");
  CHECK_NEAR(said(a, "cost_seconds", -1, -1)->error, 20, 1e-12, "spread of 20 and 60 over sqrt 2");
  CU_ASSERT(said(a, "cost_failed", 0, -1)->value == 0 && said(a, "cost_failed", 1, -1)->value == 1);
  b->e.evaluations = b->e.seconds = unknown;
  CU_ASSERT_PTR_NULL(said(batch_ask("cost", b), "cost_seconds", 0, -1));
  batch_free(b);
}

static const Test tests[] = {
    {"errors, contraction and scores are the closed forms", errors_contraction_and_scores_are_the_closed_forms},
    {"standard errors are the scatter", standard_errors_are_the_scatter},
    {"errors are divided as asked", errors_are_divided_as_asked},
    {"posteriors that do not vary have no score", posteriors_that_do_not_vary_have_no_score},
    {"log densities are the closed form", log_densities_are_the_closed_form},
    {"distances of replicates are Rayleigh", distances_of_replicates_are_rayleigh},
    {"places among replicates are uniform for exact posteriors only", places_among_replicates_are_uniform_for_exact_posteriors_only},
    {"leakage is the share outside", leakage_is_the_share_outside},
    {"cost is told for each observation", cost_is_told_for_each_observation},
};
TEST_MAIN("data sets", tests)
