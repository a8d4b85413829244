/* SPDX-License-Identifier: MIT
 *
 * R-hat and the effective sample size, against closed forms. */
#include <math.h>
#include <string.h>

#include "num/random.h"
#include "run/convergence.h"
#include "test.h"

enum { CHAINS = 4, N = 5000 };
static double x[CHAINS * N];

/* Chains of x_{i+1} = rho x_i + noise, each stationary from its start, unit variance. */
static void autoregressive(double rho) {
  random_normal((EbbRng){5, 1}, 1, &(uint64_t){1}, NULL, 0, CHAINS * N, x);
  for (int c = 0; c < CHAINS; c++)
    for (int i = 1; i < N; i++) x[c * N + i] = rho * x[c * N + i - 1] + sqrt(1 - rho * rho) * x[c * N + i];
}

static void autoregressive_chains_are_worth_what_theory_says(void) {
  static const double rhos[] = {-0.3, 0, 0.5, 0.9};
  for (size_t k = 0; k < COUNT(rhos); k++) {
    Convergence c;
    autoregressive(rhos[k]);
    CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &c), EBB_OK);
    double expected = CHAINS * N * (1 - rhos[k]) / (1 + rhos[k]);
    printf("\n    rho %.1f: ESS %.0f, theory %.0f, R-hat %.4f", rhos[k], c.ess, expected, c.rhat);
    CU_ASSERT_DOUBLE_EQUAL(c.ess / expected, 1, 0.1);
    CU_ASSERT(c.rhat > 0.999 && c.rhat < 1.01);
  }
}

/* m halves of chains, half of which lie above all others: their scores are those of half a normal, mean sqrt(2/pi), variance 1 - 2/pi. */
static double apart(double m) {
  double square = 2 / acos(-1);
  return sqrt(1 + square * m / (m - 1) / (1 - square));
}

static void chains_far_apart_have_the_r_hat_of_half_normals(void) {
  Convergence c;
  autoregressive(0);
  for (int i = 0; i < 2 * N; i++) x[i] += 1000;
  CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &c), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(c.rhat, apart(2 * CHAINS), 0.01);
  CU_ASSERT(c.ess < 3 * CHAINS); /* of each chain one draw at the most, but for what its own disagreement is worth */
}

static void one_chain_that_drifts_is_found_by_its_halves(void) {
  Convergence c;
  autoregressive(0);
  for (int i = N / 2; i < N; i++) x[i] += 1000;
  CU_ASSERT_EQUAL(convergence_of(1, N, x, 1, &c), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(c.rhat, apart(2), 0.01);
}

static void chains_that_differ_in_spread_alone_are_found(void) {
  Convergence c;
  autoregressive(0);
  for (int i = 0; i < 2 * N; i++) x[i] *= 1e6;
  CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &c), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(c.rhat, apart(2 * CHAINS), 0.01);
}

static void a_small_shift_is_seen_at_its_size(void) {
  Convergence c;
  autoregressive(0);
  for (int i = 0; i < 2 * N; i++) x[i] += 0.5;
  CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &c), EBB_OK);
  /* two normals .5 apart are nearly one normal, so that ranks change little: variance within 1, of the means 1/16 times 8/7 */
  CU_ASSERT_DOUBLE_EQUAL(c.rhat, sqrt(1 + 0.0625 * 8 / 7), 0.004);
}

/* Ranks alone count: tails without a variance do no harm, and any rising function changes nothing. */
static void rising_functions_change_nothing_of_ess(void) {
  Convergence plain, bent;
  autoregressive(0.5);
  CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &plain), EBB_OK);
  for (int i = 0; i < CHAINS * N; i++) x[i] = sinh(5 * x[i]);
  CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &bent), EBB_OK);
  CU_ASSERT_EQUAL(plain.ess, bent.ess);
}

static void the_worst_coordinate_counts(void) {
  enum { SHORT = 1000 };
  static double two[CHAINS * SHORT * 2];
  Convergence worst, second;
  autoregressive(0.9);
  for (int i = 0; i < CHAINS * SHORT; i++) {
    two[2 * i] = sin(i * i); /* without memory, as far as ranks can tell */
    two[2 * i + 1] = x[i];
  }
  CU_ASSERT_EQUAL(convergence_of(CHAINS, SHORT, two + 1, 2, &second), EBB_OK);
  CU_ASSERT_EQUAL(convergence_worst(CHAINS, SHORT, 2, two, &worst), EBB_OK);
  CU_ASSERT_EQUAL(worst.ess, second.ess);
  CU_ASSERT(worst.ess < 600);
}

static void chains_that_stand_still_and_short_ones_are_no_draws(void) {
  Convergence c;
  for (int i = 0; i < CHAINS * N; i++) x[i] = 3;
  CU_ASSERT_EQUAL(convergence_of(CHAINS, N, x, 1, &c), EBB_OK);
  CU_ASSERT(isnan(c.rhat) && c.ess == 0);
  CU_ASSERT_EQUAL(convergence_of(CHAINS, 7, x, 1, &c), EBB_E_SHAPE);
  CU_ASSERT(strstr(fail_text(), "at least 8 draws") != NULL);
}

static const Test tests[] = {
    {"autoregressive chains are worth what theory says", autoregressive_chains_are_worth_what_theory_says},
    {"chains far apart have the R-hat of half-normals", chains_far_apart_have_the_r_hat_of_half_normals},
    {"one chain that drifts is found by its halves", one_chain_that_drifts_is_found_by_its_halves},
    {"chains that differ in spread alone are found", chains_that_differ_in_spread_alone_are_found},
    {"a small shift is seen at its size", a_small_shift_is_seen_at_its_size},
    {"rising functions change nothing of ESS", rising_functions_change_nothing_of_ess},
    {"the worst coordinate counts", the_worst_coordinate_counts},
    {"chains that stand still and short ones are no draws", chains_that_stand_still_and_short_ones_are_no_draws},
};
TEST_MAIN("convergence", tests)
