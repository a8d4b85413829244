/* SPDX-License-Identifier: MIT
 *
 * Samplers and predictions on a trained model: any number of steps is finite, rows that fail are alone. Cases A12, A13, A17 for what is built; golden
 * values are the conformance suites' matter. */
#include <math.h>

#include "ebb.h"

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  Call call = sh(&f, "$EBB run small.yaml");
  ENDS(call, 0, NULL);
  return f;
}

static int64_t not_finite(const Folder *f, const char *path) {
  int64_t n, bad = 0;
  const float *theta = get_floats(f, path, &n, NULL);
  for (int64_t i = 0; i < n; i++) bad += !isfinite(theta[i]);
  return n > 0 ? bad : -1;
}

/* A13. */
static void every_number_of_steps_is_finite(void) {
  static const char *const samplers[] = {"ddim", "heun", "dpmpp_2m", "euler_maruyama"}, *const ranges[] = {"[0.005, 8]", "[1e-4, 80]"};
  Folder f = begin();
  for (size_t i = 0; i < COUNT(samplers); i++)
    for (int steps = 1; steps <= 16; steps += steps < 6 ? 1 : 5) {
      char *use = arena_print(f.arena, "--set 'sampling.sampler={use: %s, steps: %d}' --set 'sampling.grid.range=%s'", samplers[i], steps,
                              ranges[(size_t)steps % 2]);
      Call call = sh(&f, "$EBB run small.yaml %s", use);
      EXPECT(call, call.status == 0 && !call_says(&call, "train: "));
      EXPECT(call, not_finite(&f, "runs/small/posterior/theta.npy") == 0);
    }
  folder_end(&f);
}

/* A12 for schedules that end above alpha 0: each prediction trains and samples. */
static void every_prediction_trains_and_samples(void) {
  static const char *const predictions[] = {"x", "noise", "v", "velocity", "score", "F"};
  Folder f = begin();
  for (size_t i = 0; i < COUNT(predictions); i++) {
    Call call = sh(&f, "$EBB run small.yaml --set model.objective.predict=%s", predictions[i]);
    EXPECT(call, call.status == 0 && not_finite(&f, "runs/small/posterior/theta.npy") == 0);
  }
  folder_end(&f);
}

static void grids_are_refused_where_they_miss_the_schedule(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml --set 'sampling.grid.range=[1e5, 1e6]'");
  EXPECT(call, call.status != 0 && call_says(&call, "sampling.grid.range"));
  static const char *const spacings[] = {"lambda", "karras", "time"};
  for (size_t i = 0; i < COUNT(spacings); i++) {
    call = sh(&f, "$EBB run small.yaml --set sampling.grid.spacing=%s", spacings[i]);
    EXPECT(call, call.status == 0 && not_finite(&f, "runs/small/posterior/theta.npy") == 0);
  }
  folder_end(&f);
}

/* A17: draws that become NaN, fly off or are given up are NaN, counted and named; all others keep their bits, with any block and thread. */
static void rows_that_fail_are_alone(void) {
  Folder f = begin();
  const char *run = "$EBB run small.yaml --plugin-dir $PLUGINS --set 'sampling.sampler={use: spoiler";
  Call call = sh(&f, "%s}'", run);
  EXPECT(call, call.status == 0 && !call_says(&call, "failed and are NaN"));
  int64_t n, m;
  const float *good = get_floats(&f, "runs/small/posterior/theta.npy", &n, NULL);
  static const char *const ways[] = {"--threads 1 --block 4096", "--threads 3 --block 7"};
  for (size_t w = 0; w < COUNT(ways); w++) {
    call = sh(&f, "rm -rf runs/.store/sample-* && %s, nan_draw: 17, far_draw: 18, give_up: 250}' %s", run, ways[w]);
    EXPECT(call, call.status == 0 && call_says(&call, "observation 1: 3 of 300 draws failed and are NaN in theta.npy: draws 18, 19, 251\n"));
    EXPECT(call, call_says(&call, "observation 2: 3 of 300 draws failed"));
    const float *some = get_floats(&f, "runs/small/posterior/theta.npy", &m, NULL);
    CU_ASSERT_FATAL(n == 1200 && m == 1200);
    for (int64_t i = 0; i < 600; i++) {
      int64_t draw = i % 300;
      if (draw == 17 || draw == 18 || draw == 250)
        CU_ASSERT(isnan(some[2 * i]) && isnan(some[2 * i + 1]))
      else
        CU_ASSERT(memcmp(some + 2 * i, good + 2 * i, 2 * sizeof(float)) == 0);
    }
    CU_ASSERT_EQUAL(get_number(&f, "runs/small/manifest.json", "stages.2.failed_rows"), 6);
    CU_ASSERT(isfinite(get_summary(&f, "runs/small/posterior/summary.csv", 1, "theta1", "mean")));
  }
  folder_end(&f);
}

static void an_observation_all_of_whose_draws_fail_is_told(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml --plugin-dir $PLUGINS --set sampling.draws=1 --set 'sampling.sampler={use: spoiler, nan_draw: 0}' "
                     "--set 'evaluation=[{use: c2st}]'");
  EXPECT(call, call_says(&call, "1 of 1 draws failed"));
  EXPECT(call, call.status == 0 || call.status == 1);
  folder_end(&f);
}

static const Test tests[] = {
    {"every sampler is finite at every number of steps", every_number_of_steps_is_finite},
    {"every prediction trains and samples", every_prediction_trains_and_samples},
    {"grids that miss the schedule are refused, others run", grids_are_refused_where_they_miss_the_schedule},
    {"rows that fail are alone, counted and named", rows_that_fail_are_alone},
    {"an observation all of whose draws fail is told", an_observation_all_of_whose_draws_fail_is_told},
};

TEST_MAIN("samplers on a model", tests)
