/* SPDX-License-Identifier: MIT
 *
 * What networks predict: six kinds on three kinds of schedule (variance preserving, exploding, flow), against the definitions of x, eps and z. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "model/prediction.h"
#include "num/random.h"
#include "test.h"

enum { VP, VE, FLOW, SCHEDULES };

/* Levels with derivatives in t: VP and VE with lambda' = -7, flow with t = sigma. */
static EbbLevel level(int schedule, double lambda) {
  EbbLevel l = {.lambda = lambda, .dlambda = -7};
  if (schedule == VP) {
    l.alpha = sqrt(1 / (1 + exp(-lambda))), l.sigma = sqrt(1 / (1 + exp(lambda)));
    l.dalpha = -7 * 0.5 * l.alpha * l.sigma * l.sigma, l.dsigma = 7 * 0.5 * l.sigma * l.alpha * l.alpha;
  } else if (schedule == VE) {
    l.alpha = 1, l.sigma = exp(-lambda / 2), l.dsigma = 3.5 * l.sigma;
  } else {
    l.sigma = 1 / (1 + exp(lambda / 2)), l.alpha = 1 - l.sigma, l.dalpha = -1, l.dsigma = 1;
    l.dlambda = -2 / (l.sigma * l.alpha);
  }
  return l;
}

static double answer(uint32_t prediction, const EbbLevel *l, double x, double eps) {
  Target t = prediction_target(prediction, l);
  return t.x * x + t.noise * eps;
}
static double clean(uint32_t prediction, const EbbLevel *l, double z, double out) {
  Affine a = prediction_affine(prediction, l);
  return a.skip * z + a.gain * out;
}

static void every_kind_has_its_name(void) {
  static const char *const name[] = {"x", "noise", "v", "velocity", "score", "F"};
  char all[64] = "";
  for (uint32_t k = 0; k < 6; k++) {
    CU_ASSERT_STRING_EQUAL(prediction_name(k), name[k]);
    strcat(strcat(all, k ? "|" : ""), name[k]);
  }
  CU_ASSERT_STRING_EQUAL(all, EBB_PREDICTIONS);
}

/* The definitions, written out once more. */
static void targets_are_what_the_table_says(void) {
  const double x = 0.7, eps = -1.3;
  for (int s = 0; s < SCHEDULES; s++)
    for (double lambda = -12; lambda <= 12; lambda += 4) {
      EbbLevel l = level(s, lambda);
      double d = sqrt(l.alpha * l.alpha + l.sigma * l.sigma), z = l.alpha * x + l.sigma * eps;
      const double known[] = {
          x, eps, l.alpha * eps - l.sigma * x, l.dalpha * x + l.dsigma * eps, -eps / l.sigma, (x - l.alpha / (d * d) * z) / (l.sigma / d)};
      for (uint32_t k = 0; k < COUNT(known); k++)
        CU_ASSERT_DOUBLE_EQUAL(answer(k, &l, x, eps), known[k], 1e-9 * fmax(1, fabs(known[k])) * fmax(1, d / l.sigma / 100));
      CU_ASSERT_DOUBLE_EQUAL(level_input(&l), 1 / d, 1e-15);
    }
}

/* T2.1: x and eps to the answer a, to xhat, to the answer b, to xhat. */
static void every_pair_makes_the_round_trip(void) {
  static const double lambda[] = {-12, -4, 0, 4, 12}, xs[] = {0.7, -2, 1e-3}, noises[] = {-1.3, 0.2, 2};
  for (int s = 0; s < SCHEDULES; s++)
    for (size_t i = 0; i < COUNT(lambda); i++)
      for (size_t j = 0; j < COUNT(xs); j++)
        for (uint32_t a = 0; a < 6; a++)
          for (uint32_t b = 0; b < 6; b++) {
            EbbLevel l = level(s, lambda[i]);
            double x = xs[j], eps = noises[j], z = l.alpha * x + l.sigma * eps, size = fabs(x) + fabs(eps);
            double xhat = clean(a, &l, z, answer(a, &l, x, eps));
            double again = clean(b, &l, z, answer(b, &l, xhat, noise_of(&l, z, xhat)));
            bool good = fabs(xhat - x) <= 1e-10 * size && fabs(again - x) <= 1e-10 * size;
            if (!good)
              printf("\n  schedule %d, lambda %g, %s to %s: %.17g, %.17g", s, lambda[i], prediction_name(a), prediction_name(b), xhat, again);
            CU_ASSERT(good);
          }
}

/* The target equals (x - skip z)/gain where gain is not 0. */
static void targets_undo_the_affine_map(void) {
  const double x = -0.4, eps = 0.9;
  for (int s = 0; s < SCHEDULES; s++)
    for (double lambda = -4; lambda <= 4; lambda += 1)
      for (uint32_t k = 0; k < 6; k++) {
        EbbLevel l = level(s, lambda);
        Affine a = prediction_affine(k, &l);
        double z = l.alpha * x + l.sigma * eps, expected = (x - a.skip * z) / a.gain;
        CU_ASSERT_DOUBLE_EQUAL(answer(k, &l, x, eps), expected, 1e-12 * fmax(1, fabs(expected)));
      }
}

static void views_of_xhat_are_their_definitions(void) {
  for (int s = 0; s < SCHEDULES; s++) {
    EbbLevel l = level(s, 1);
    const double x = 0.3, eps = -0.8, z = l.alpha * x + l.sigma * eps;
    CU_ASSERT_DOUBLE_EQUAL(noise_of(&l, z, x), eps, 1e-14);
    CU_ASSERT_DOUBLE_EQUAL(score_of(&l, z, x), -eps / l.sigma, 1e-13);
    CU_ASSERT_DOUBLE_EQUAL(velocity_of(&l, z, x), l.dalpha * x + l.dsigma * eps, 1e-13);
  }
}

/* T2.2 with x ~ N(0, 1) and 10^6 draws: E[F^2] = 1, E[F c_in z] = 0. */
static void f_has_unit_variance_and_is_orthogonal_to_the_input(void) {
  enum { ROWS = 1000, COLUMNS = 1000 };
  double *x = malloc(ROWS * COLUMNS * sizeof *x), *eps = malloc(ROWS * COLUMNS * sizeof *eps);
  uint64_t id[ROWS];
  for (int i = 0; i < ROWS; i++) id[i] = (uint64_t)i;
  random_normal((EbbRng){5, 1}, ROWS, id, NULL, 0, COLUMNS, x);
  random_normal((EbbRng){5, 1}, ROWS, id, NULL, 1, COLUMNS, eps);
  for (int s = 0; s < SCHEDULES; s++)
    for (double lambda = -4; lambda <= 4; lambda += 2) {
      EbbLevel l = level(s, lambda);
      double square = 0, product = 0;
      for (int i = 0; i < ROWS * COLUMNS; i++) {
        double f = answer(EBB_PREDICT_F, &l, x[i], eps[i]), z = l.alpha * x[i] + l.sigma * eps[i];
        square += f * f, product += f * level_input(&l) * z;
      }
      CU_ASSERT_DOUBLE_EQUAL(square / (ROWS * COLUMNS), 1, 0.005);
      CU_ASSERT_DOUBLE_EQUAL(product / (ROWS * COLUMNS), 0, 0.005);
    }
  free(x), free(eps);
}

/* T2.3: perturb xhat by one thousandth; the answers' error over the noise's error is column 4. Also the closed forms it quotes. */
static void errors_are_in_units_of_the_noises_error(void) {
  for (int s = 0; s < SCHEDULES; s++)
    for (double lambda = -6; lambda <= 6; lambda += 1.5)
      for (uint32_t k = 0; k < 6; k++) {
        EbbLevel l = level(s, lambda);
        double x = 0.4, eps = -1.1, z = l.alpha * x + l.sigma * eps, xhat = x + 1e-3, noise = noise_of(&l, z, xhat);
        double ratio = (answer(k, &l, xhat, noise) - answer(k, &l, x, eps)) / (noise - eps);
        CU_ASSERT_DOUBLE_EQUAL(prediction_error(k, &l) / (ratio * ratio), 1, 1e-8);
      }
  for (double lambda = -6; lambda <= 6; lambda += 1.5) {
    EbbLevel vp = level(VP, lambda), flow = level(FLOW, lambda);
    CU_ASSERT_DOUBLE_EQUAL(prediction_error(EBB_PREDICT_X, &vp) * exp(lambda), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(prediction_error(EBB_PREDICT_V, &vp) / (1 + exp(-lambda)), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(prediction_error(EBB_PREDICT_F, &vp) / (1 + exp(-lambda)), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(prediction_error(EBB_PREDICT_VELOCITY, &flow) / pow(1 + exp(-lambda / 2), 2), 1, 1e-12);
  }
}

static void f_is_minus_v_when_variance_is_preserved(void) {
  for (double lambda = -12; lambda <= 18; lambda += 1) {
    EbbLevel l = level(VP, lambda);
    Affine f = prediction_affine(EBB_PREDICT_F, &l), v = prediction_affine(EBB_PREDICT_V, &l);
    Target tf = prediction_target(EBB_PREDICT_F, &l), tv = prediction_target(EBB_PREDICT_V, &l);
    CU_ASSERT_DOUBLE_EQUAL(f.skip, v.skip, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(f.gain, -v.gain, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(tf.x, -tv.x, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(tf.noise, -tv.noise, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(f.skip, l.alpha, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(f.gain, l.sigma, 1e-15);
  }
}

/* A12: at alpha 0, sigma 1 (end of cosine and flow) v, velocity, F and x are finite, and xhat = -v. */
static void pure_noise_is_fine_for_all_but_noise_and_score(void) {
  const EbbLevel l = {.alpha = 0, .sigma = 1, .dalpha = -1.5707963, .dsigma = 0, .lambda = -INFINITY};
  static const uint32_t fine[] = {EBB_PREDICT_X, EBB_PREDICT_V, EBB_PREDICT_VELOCITY, EBB_PREDICT_F};
  for (size_t i = 0; i < COUNT(fine); i++) {
    Affine a = prediction_affine(fine[i], &l);
    CU_ASSERT(isfinite(a.skip) && isfinite(a.gain));
    CU_ASSERT_DOUBLE_EQUAL(clean(fine[i], &l, 1.7, answer(fine[i], &l, 0.6, 1.7)), 0.6, 1e-15);
  }
  CU_ASSERT_EQUAL(clean(EBB_PREDICT_V, &l, 1.7, 0.25), -0.25);
  CU_ASSERT(!isfinite(prediction_affine(EBB_PREDICT_NOISE, &l).gain));
  const EbbLevel end = {.alpha = 1, .sigma = 0, .dalpha = 0, .dsigma = 1.5707963, .lambda = INFINITY};
  for (uint32_t k = EBB_PREDICT_X; k <= EBB_PREDICT_F; k++) {
    if (k == EBB_PREDICT_SCORE) continue;
    CU_ASSERT_DOUBLE_EQUAL(clean(k, &end, 0.6, answer(k, &end, 0.6, 1.7)), 0.6, 1e-15);
  }
}

static const Test tests[] = {
    {"every kind has its name", every_kind_has_its_name},
    {"targets are what the table says", targets_are_what_the_table_says},
    {"every pair makes the round trip", every_pair_makes_the_round_trip},
    {"targets undo the affine map", targets_undo_the_affine_map},
    {"views of xhat are their definitions", views_of_xhat_are_their_definitions},
    {"F has unit variance and is orthogonal to the input", f_has_unit_variance_and_is_orthogonal_to_the_input},
    {"errors are in units of the noise's error", errors_are_in_units_of_the_noises_error},
    {"F is -v when variance is preserved", f_is_minus_v_when_variance_is_preserved},
    {"pure noise is fine for all but noise and score", pure_noise_is_fine_for_all_but_noise_and_score},
};
TEST_MAIN("prediction", tests)
