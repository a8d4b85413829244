/* SPDX-License-Identifier: MIT
 *
 * Measured orders beside the claimed ones, as three tables. Samplers of the flow: the largest error at seven quantiles of M1, where the distribution
 * function is conserved (methods.md T4.1), edm_vp with sigma_min .01. Adaptive pairs: the same error against the evaluations that a tolerance costs.
 * Samplers that draw noise: the error of the drawn sd on N(0, 2^2), exact by the linearity of their steps. */
#include "oracle.h"

static const double quantile[7] = {0.01, 0.1, 0.25, 0.31, 0.5, 0.8, 0.99};

static const EbbSchedule *edm(void) {
  static Schedule s;
  static EbbChild child;
  if (s.ops == NULL) {
    child = suite_make(EBB_SCHEDULE, "{use: edm_vp, sigma_min: .01}");
    suite_schedule(&child, &s);
  }
  return &s.view;
}

/* evaluations: mean of a row */
static double transport_error(const char *yaml, int64_t n, double *evaluations) {
  EbbChild child = suite_make(EBB_SAMPLER, yaml);
  Oracle o;
  oracle_m1(&o);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .in_time = true, .state = true});
  double z[7], error = 0;
  for (int i = 0; i < 7; i++) z[i] = oracle_quantile(&o, &level[0], quantile[i]);
  Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = n, .rows = 7, .z = z};
  CHECK_OK(oracle_drive(&d));
  for (int i = 0; i < 7; i++) error = fmax(error, fabs(z[i] - oracle_quantile(&o, &level[n], quantile[i])));
  *evaluations = (double)d.asked / 7;
  return error;
}

static void samplers_of_the_flow(void) {
  static const struct {
    const char *yaml;
    double order;
  } known[] = {{"euler", 1},
               {"ddim", 1},
               {"heun", 2},
               {"edm_heun", 2},
               {"{use: edm_stochastic, churn: 0}", 2},
               {"dpmpp_2m", 2},
               {"{use: dpmpp_2m_sde, eta: 0}", 2},
               {"{use: exp_adams_bashforth, order: 1}", 1},
               {"{use: exp_adams_bashforth, order: 2}", 2},
               {"{use: exp_adams_bashforth, order: 3}", 3},
               {"{use: exp_adams_bashforth, order: 4}", 4},
               {"dpmpp_3m", 3},
               {"{use: unipc, order: 1}", 2},
               {"{use: unipc, order: 2}", 3},
               {"{use: unipc, order: 2, variant: bh1}", 3},
               {"{use: unipc, order: 3}", 4},
               {"{use: unipc, order: 2, correct: false}", 2},
               {"{use: unipc, order: 3, correct: false}", 3},
               {"{use: euler_maruyama, eta: 0}", 1},
               {"{use: predictor_corrector, moves: 0, predictor: unipc}", 3},
               {"rk4", 4}};
  static const int steps[4] = {40, 80, 160, 320};
  printf("\nSamplers of the flow on M1: largest error at seven quantiles\n\n%-56s %9s %9s %9s %9s %9s %8s\n", "sampler", "40 steps", "80", "160",
         "320", "measured", "claimed");
  for (size_t i = 0; i < COUNT(known); i++) {
    double error[4], evaluations;
    printf("%-56s", known[i].yaml);
    for (int k = 0; k < 4; k++) printf(" %9.2e", error[k] = transport_error(known[i].yaml, steps[k], &evaluations));
    double order = log2(error[1] / error[3]) / 2;
    printf(" %9.2f %8g\n", order, known[i].order);
    CHECK_NEAR(order, known[i].order, 0.3, "%s: order", known[i].yaml);
  }
}

/* Order 5: a tolerance 10 times as strict costs 10^(1/5) times the steps. */
static void adaptive_pairs(void) {
  static const char *const id[] = {"dopri5", "tsit5"};
  static const double tolerance[5] = {1e-4, 1e-6, 1e-8, 1e-9, 1e-10};
  printf("\nAdaptive pairs on M1: evaluations, largest error; order: fall of the error with the evaluations, from the third to the last\n\n%-12s",
         "relative");
  for (int k = 0; k < 5; k++) printf("        %9.0e", tolerance[k]);
  printf(" %9s %8s\n", "measured", "claimed");
  for (size_t i = 0; i < COUNT(id); i++) {
    double evaluations[5], error[5];
    printf("%-12s", id[i]);
    for (int k = 0; k < 5; k++) {
      const char *yaml = arena_print(suite_arena(), "{use: %s, relative: %g, absolute: %g}", id[i], tolerance[k], tolerance[k] / 10);
      error[k] = transport_error(yaml, 1, &evaluations[k]);
      printf(" %6.0f %9.2e", evaluations[k], error[k]);
    }
    double order = log(error[2] / error[4]) / log(evaluations[4] / evaluations[2]);
    printf(" %9.2f %8d\n", order, 5);
    CHECK(order > 4, "%s: order %g", id[i], order);
  }
}

/* ---- exact variances of samplers that draw ---- */

/* Row k > 0 gets noise 1 in the one call that has step (k-1)/2 and block (k-1)%2; all other noise is 0. */
static void impulse(const EbbHost *host, EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out) {
  (void)host, (void)rng;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < n; j++) out[r * n + j] = (uint32_t)id[r] == 1 + 2 * step[r] + block ? 1 : 0;
}

/* The host's own finds its memory behind the table that it is called with, and a copy has none there. */
static void *table_alloc(const EbbHost *host, size_t bytes) {
  (void)host;
  return arena_alloc(suite_arena(), bytes);
}

/* Of drawn rows at the grid's last level, on N(0, sd^2). */
static double drawn_variance(const EbbChild *sampler, const Oracle *o, const EbbLevel *level, int64_t n, double start) {
  EbbHost host = *plugin_host(sampler);
  host.normal = impulse;
  host.alloc = table_alloc;
  int64_t rows = 1 + 2 * (2 * n + 1); /* at most two questions a step */
  double *z = ARENA_ARRAY(suite_arena(), double, rows), variance = 0;
  memset(z, 0, (size_t)rows * sizeof *z);
  z[0] = sqrt(start);
  Drive d = {.sampler = sampler, .schedule = edm(), .field = &o->field, .level = level, .n = n, .rows = rows, .noise = &host, .z = z};
  CHECK_OK(oracle_drive(&d));
  for (int64_t i = 0; i < rows; i++) variance += z[i] * z[i];
  return variance;
}

static void samplers_that_draw_noise(void) {
  static const struct {
    const char *yaml, *claimed;
    double least; /* weak order that the claim implies: a strong order is one of moments too */
  } known[] = {{"{use: ddim, eta: 1}", "1", 1}, {"euler_maruyama", "1", 1}, {"sea", "strong 1", 1},
               {"shark", "strong 3/2", 1.5},    {"dpmpp_2m_sde", "2", 2},   {"{use: edm_stochastic, churn_max: 100, churn_min: 0}", "2", 2}};
  static const int steps[4] = {100, 200, 400, 800};
  printf("\nSamplers that draw noise on N(0, 2^2): relative error of the sd. Strong orders on coupled paths are tested by conform_sampler_noise.\n\n"
         "%-56s %9s %9s %9s %9s %9s %10s\n",
         "sampler", "100 steps", "200", "400", "800", "measured", "claimed");
  double mean = 0, sd = 2;
  Oracle o;
  oracle_gaussian(&o, 1, &mean, &sd);
  for (size_t i = 0; i < COUNT(known); i++) {
    double error[4];
    EbbChild child = suite_make(EBB_SAMPLER, known[i].yaml);
    printf("%-56s", known[i].yaml);
    for (int k = 0; k < 4; k++) {
      int64_t n = steps[k];
      EbbLevel *level = oracle_levels(edm(), &(Grid){.n = n, .u_min = 0.02, .u_max = 8, .state = true});
      double start = pow(hypot(level[0].alpha * sd, level[0].sigma), 2), end = hypot(level[n].alpha * sd, level[n].sigma);
      printf(" %9.2e", error[k] = fabs(sqrt(drawn_variance(&child, &o, level, n, start)) / end - 1));
    }
    double order = log2(error[1] / error[3]) / 2;
    printf(" %9.2f %10s\n", order, known[i].claimed);
    CHECK(order > known[i].least - 0.3, "%s: order %g", known[i].yaml, order);
  }
}

static const Test tests[] = {
    {"samplers of the flow", samplers_of_the_flow}, {"adaptive pairs", adaptive_pairs}, {"samplers that draw noise", samplers_that_draw_noise}};
TEST_MAIN("orders", tests)
