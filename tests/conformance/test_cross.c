/* SPDX-License-Identifier: MIT
 *
 * Every sampler under every schedule, on fields whose answer is exact: whatever pair a spec names must work. Printed as one matrix, the distance of
 * the drawn rows from the truth (Kolmogorov-Smirnov, on the two modes of M1); a cell is wrong where it lies beyond chance and the method's own error
 * at this count of steps. */
#include "oracle.h"

#include <stdlib.h>

enum { ROWS = 1000, STEPS = 100 };

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Largest distance between the rows' distribution and M1's at the level. */
static double distance(const Oracle *o, const EbbLevel *at, double *z) {
  double most = 0;
  qsort(z, ROWS, sizeof *z, ascending);
  for (int i = 0; i < ROWS; i++) {
    double p = oracle_cdf(o, at, z[i]);
    most = fmax(most, fmax(p - (double)i / ROWS, (double)(i + 1) / ROWS - p));
  }
  return most;
}

/* Starts are stratified: what is deterministic comes as near as its order lets it at 100 steps, 1/2000 at best. Drawn noise is within .052 in 99 of
 * 100 cases, and first-order ones add a little. Langevin's chain lags behind the noise at so few levels. */
static double limit(const char *id) {
  static const struct {
    const char *id;
    double limit;
  } known[] = {{"dpmpp_2m", 0.0012}, {"dpmpp_3m", 0.001}, {"edm_heun", 0.0012}, {"exp_adams_bashforth", 0.001}, {"heun", 0.0015}, {"rk4", 0.001},
               {"unipc", 0.001},     {"ddim", 0.008},     {"euler", 0.04},      {"annealed_langevin", 0.12}};
  for (size_t i = 0; i < COUNT(known); i++)
    if (strcmp(known[i].id, id) == 0) return known[i].limit;
  return 0.06;
}

static void every_sampler_works_under_every_schedule(void) {
  size_t schedules, samplers;
  const EbbComponent *const *schedule = suite_all(EBB_SCHEDULE, &schedules), *const *sampler = suite_all(EBB_SAMPLER, &samplers);
  Oracle o;
  oracle_m1(&o);
  printf("\n    %-20s", "KS distance");
  for (size_t s = 0; s < schedules; s++) printf(" %12s", schedule[s]->id);
  for (size_t k = 0; k < samplers; k++) {
    EbbChild child = suite_make(EBB_SAMPLER, suite_with(sampler[k], "steps", STEPS));
    const EbbSamplerOps *ops = child.ops;
    if (!(ops->accepts & EBB_MEAN)) continue;
    printf("\n    %-20s", sampler[k]->id);
    for (size_t s = 0; s < schedules; s++) {
      EbbChild made = suite_make(EBB_SCHEDULE, schedule[s]->id);
      Schedule view;
      suite_schedule(&made, &view);
      int64_t own = ops->steps(child.self), n = own > 0 ? own : 2;
      EbbLevel *level = oracle_levels(&view.view, &(Grid){.n = n, .u_min = 0.005, .u_max = 8});
      double z[ROWS];
      for (int i = 0; i < ROWS; i++) z[i] = oracle_quantile(&o, level, (i + 0.5) / ROWS);
      Drive d = {.sampler = &child, .schedule = &view.view, .field = &o.field, .level = level, .n = n, .rows = ROWS, .z = z};
      CHECK_OK(oracle_drive(&d));
      double far = distance(&o, &(EbbLevel){.alpha = 1}, z);
      printf(" %12.4f", far);
      CHECK(d.failed == 0, "%s under %s: %d rows failed", sampler[k]->id, schedule[s]->id, (int)d.failed);
      CHECK(far < limit(sampler[k]->id), "%s under %s: %g from the truth", sampler[k]->id, schedule[s]->id, far);
      plugin_destroy(&made);
    }
    plugin_destroy(&child);
  }
  printf("\n  ");
}

static const Test tests[] = {{"every sampler works under every schedule", every_sampler_works_under_every_schedule}};
TEST_MAIN("cross product", tests)
