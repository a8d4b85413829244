/* SPDX-License-Identifier: MIT
 *
 * Data as they come: constant columns, failed rows, scales of all sizes, few rows, rows that are no good. Cases A01, A02, A05, A09, A10. Exact
 * answers are those of one Gaussian parameter t ~ N(0, 1) seen as x = t + N(0, .5^2): given x, t ~ N(.8 x, .2). */
#include <math.h>

#include "ebb.h"

static const char *const gaussian_spec = "seed: 5\n"
                                         "simulator: {use: workbench}\n"
                                         "simulations: {count: 3000}\n"
                                         "model:\n"
                                         "  network: {use: time_mlp, width: 64, blocks: 2, dropout: 0}\n"
                                         "training: {epochs: 40, batch: 100, learning_rate: 2e-3}\n"
                                         "sampling:\n"
                                         "  observations: {file: x.csv}\n"
                                         "  draws: 2000\n"
                                         "  sampler: {use: dpmpp_2m, steps: 10}\n";

static const char *const small_gaussian_spec = "seed: 5\n"
                                               "simulator: {use: workbench}\n"
                                               "simulations: {count: 600}\n"
                                               "model:\n"
                                               "  network: {use: time_mlp, width: 32, blocks: 2}\n"
                                               "training: {epochs: 8, batch: 64}\n"
                                               "sampling: {observations: {file: x.csv}, draws: 100, sampler: {use: ddim, steps: 5}}\n";

static Folder begin(const char *spec, const char *data) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  put_text(&f, "x.csv", data);
  return f;
}

static Call run(const Folder *f, const char *options) { return sh(f, "$EBB run spec.yaml --plugin-dir $PLUGINS %s", options); }

/* The marginals of both parameters are the exact ones within a tenth of the sd and an eighth of its size: what so short a training reaches. */
static void exact(const Folder *f, const Call *call, const double x[2]) {
  for (int j = 0; j < 2; j++) {
    char *name = arena_print(f->arena, "theta%d", j + 1);
    double mean = get_summary(f, "runs/spec/posterior/summary.csv", 1, name, "mean"),
           sd = get_summary(f, "runs/spec/posterior/summary.csv", 1, name, "sd");
    EXPECT(*call, fabs(mean - 0.8 * x[j]) < 0.1 * sqrt(0.2) && fabs(sd / sqrt(0.2) - 1) < 0.125);
    if (!(fabs(mean - 0.8 * x[j]) < 0.1 * sqrt(0.2))) printf("%s: mean %g, exact %g; sd %g, exact %g\n", name, mean, 0.8 * x[j], sd, sqrt(0.2));
  }
}

static int count_of(const char *text, const char *what) {
  int n = 0;
  for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
  return n;
}

static void the_plain_problem_has_its_exact_answer(void) {
  Folder f = begin(gaussian_spec, "a,b\n0.7,-0.4\n");
  Call call = run(&f, "");
  EXPECT(call, call.status == 0 && !call_says(&call, "constant") && !call_says(&call, "outside"));
  exact(&f, &call, (const double[]){0.7, -0.4});
  folder_end(&f);
}

static void a_constant_column_changes_no_answer_and_is_named_once(void) {
  Folder f = begin(gaussian_spec, "a,b,c\n0.7,-0.4,7\n");
  Call call = run(&f, "--set simulator.constant=1");
  EXPECT(call, call.status == 0 && count_of(call.err, "data column 3 is constant (7)") == 1 && !call_says(&call, "outside"));
  exact(&f, &call, (const double[]){0.7, -0.4});
  put_text(&f, "x.csv", "a,b,c\n0.7,-0.4,7.1\n");
  call = run(&f, "--set simulator.constant=1");
  EXPECT(call, call.status == 0 && call_says(&call, "re-used: simulate, train\n"));
  EXPECT(call, call_says(&call, "observation 1 lies outside the training data: number 3 is 7.1"));
  EXPECT(call, strstr(call.out, "outside the training data") != NULL);
  CU_ASSERT_EQUAL(get_number(&f, "runs/spec/manifest.json", "outside_training_data.0"), 1);
  int64_t n, finite = 0;
  const float *theta = get_floats(&f, "runs/spec/posterior/theta.npy", &n, NULL);
  for (int64_t i = 0; i < n; i++) finite += isfinite(theta[i]);
  CU_ASSERT(n == 4000 && finite == n);
  folder_end(&f);
}

/* 1e8 + noise of sd 1 is constant in float32, whose numbers lie 8 apart there. */
static void a_column_constant_in_float32_is_constant(void) {
  Folder f = begin(gaussian_spec, "a,b,c\n0.7,-0.4,100000000\n");
  Call call = run(&f, "--set simulator.constant=1 --set simulator.constant_value=1e8 --set simulator.jitter=1");
  EXPECT(call, call.status == 0 && count_of(call.err, "data column 3 is constant") == 1 && !call_says(&call, "outside"));
  exact(&f, &call, (const double[]){0.7, -0.4});
  folder_end(&f);
}

static void a_column_constant_but_for_one_row_trains(void) {
  Folder f = begin(gaussian_spec, "a,b,c\n0.7,-0.4,7\n");
  Call call = run(&f, "--set simulator.constant=1 --set simulator.odd_row=1234");
  EXPECT(call, call.status == 0 && !call_says(&call, "outside"));
  exact(&f, &call, (const double[]){0.7, -0.4});
  folder_end(&f);
}

/* A02: t > 1 fails, which is so with probability .1587: 159 +- 3 x 11.6 of 1,000. */
static void failed_rows_are_left_out_and_counted(void) {
  Folder f = begin(small_gaussian_spec, "a,b\n0,0\n");
  Call call = run(&f, "--set simulations.count=1000 --set simulator.fail_above=1");
  double failed = get_number(&f, "runs/spec/manifest.json", "failed_simulations");
  EXPECT(call, call.status == 0 && call_says(&call, "of 1000 simulations failed and are left out"));
  EXPECT(call, call_says(&call, "this changes the prior"));
  CU_ASSERT(failed >= 124 && failed <= 194);
  Npy flags;
  CU_ASSERT_FATAL(npy_open(path_join(f.arena, f.path, "runs/spec/simulations/failed.npy"), &flags) == EBB_OK);
  int64_t n, flagged = 0, told = 0, wrong = 0;
  const float *theta = get_floats(&f, "runs/spec/simulations/theta.npy", &n, NULL);
  CU_ASSERT_FATAL(flags.size == 1000 && n == 2000);
  for (int64_t i = 0; i < 1000; i++) {
    flagged += flags.data[i];
    wrong += (theta[2 * i] > 1) != (flags.data[i] == 1);
  }
  npy_close(&flags);
  CU_ASSERT_EQUAL(flagged, (int64_t)failed);
  CU_ASSERT_EQUAL(wrong, 0);
  const char *said = strstr(call.err, " of 1000 simulations failed");
  while (said != NULL && said > call.err && said[-1] >= '0' && said[-1] <= '9') said--;
  told = said != NULL ? strtoll(said, NULL, 10) : -1;
  CU_ASSERT_EQUAL(told, flagged);
  call = run(&f, "--set simulations.count=1000 --set simulator.fail_above=1"); /* told again when they are re-used */
  EXPECT(call, call.status == 0 && call_says(&call, "simulations failed"));
  folder_end(&f);
}

static void too_many_failures_stop_the_run(void) {
  Folder f = begin(small_gaussian_spec, "a,b\n0,0\n");
  Call call = run(&f, "--set simulator.fail_above=-1");
  EXPECT(call, call.status == 1 && call_says(&call, "simulations.most_failed = 0.5") && call_says(&call, "first parameters that failed: ("));
  folder_end(&f);
}

/* A05: a problem in other units is the same problem. Draws are the scaled draws, up to what rounding does in training. */
static void other_units_give_the_scaled_draws(void) {
  Folder f = begin(small_gaussian_spec, "a,b\n0.7,-0.4\n");
  Call call = run(&f, "");
  ENDS(call, 0, NULL);
  int64_t n, m;
  const float *plain = get_floats(&f, "runs/spec/posterior/theta.npy", &n, NULL);
  put_text(&f, "x.csv", "a,b\n7e-7,-3999990\n"); /* .7e-6; 10 - .4e7 */
  call = run(&f, "--set 'simulator.scale=[1e-6, 1e6]' --set 'simulator.shift=[0, 1e7]' --set 'simulator.data_scale=[1e-6, 1e7]' "
                 "--set 'simulator.data_shift=[0, 10]'");
  EXPECT(call, call.status == 0 && !call_says(&call, "outside"));
  const float *scaled = get_floats(&f, "runs/spec/posterior/theta.npy", &m, NULL);
  CU_ASSERT_FATAL(n == 200 && m == 200);
  double most = 0;
  for (int64_t i = 0; i < n; i += 2) {
    most = fmax(most, fabs((double)scaled[i] * 1e6 - (double)plain[i]));
    most = fmax(most, fabs(((double)scaled[i + 1] - 1e7) * 1e-6 - (double)plain[i + 1]));
  }
  if (most > 0.01) printf("largest difference %g\n", most);
  CU_ASSERT(most < 0.01);
  folder_end(&f);
}

/* A09. */
static void few_rows_train_or_are_refused_with_the_least_count(void) {
  static const struct {
    const char *options, *says;
    int status;
  } cases[] = {
      {"--set simulations.count=1", "training needs at least 10 simulations", 2},
      {"--set simulations.count=2", "training needs at least 10 simulations", 2},
      {"--set simulations.count=9", "there are 9", 2},
      {"--set simulations.count=10 --set training.batch=512", "the batch is all of them", 0},
      {"--set simulations.count=50 --set training.batch=512", "the batch is all of them", 0},
      {"--set simulations.count=513 --set training.batch=512", "the batch is all of them", 0},
      {"--set simulations.count=50 --set training.batch=1", NULL, 0},
      {"--set simulations.count=601 --set training.batch=100", NULL, 0}, /* a last batch of one row */
      {"--set simulations.count=50 --set simulator.fail_above=-2 --set simulations.most_failed=1", "training needs at least 10", 2},
  };
  Folder f = begin(small_gaussian_spec, "a,b\n0.7,-0.4\n");
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = sh(&f, "rm -rf runs");
    call = run(&f, cases[i].options);
    EXPECT(call, call.status == cases[i].status && call_says(&call, cases[i].says) && !call_says(&call, "nan "));
    if (cases[i].status != 0) continue;
    int64_t n, finite = 0;
    const float *theta = get_floats(&f, "runs/spec/posterior/theta.npy", &n, NULL);
    for (int64_t k = 0; k < n; k++) finite += isfinite(theta[k]);
    CU_ASSERT(n == 200 && finite == n);
    /* never worse than the prior by more than sampling error of 100 draws: sd 1 +- 4 x .07, with the estimate of the sd from ten rows off by as much
     */
    CU_ASSERT(get_summary(&f, "runs/spec/posterior/summary.csv", 1, "theta1", "sd") < 1.7);
  }
  folder_end(&f);
}

/* A10: one row in 3,000 is far out. */
static void a_row_that_is_far_out_does_not_spoil_the_rest(void) {
  static const char *const values[] = {"3e38", "1e20", "-1e20"};
  for (size_t i = 0; i < COUNT(values); i++) {
    Folder f = begin(gaussian_spec, "a,b\n0.7,-0.4\n");
    Call call = run(&f, arena_print(f.arena, "--set simulator.spoil_row=1432 --set simulator.spoil_value=%s", values[i]));
    EXPECT(call, call.status == 0 || (call.status == 1 && call_says(&call, "row 1432")));
    if (call.status == 0) exact(&f, &call, (const double[]){0.7, -0.4});
    folder_end(&f);
  }
}

/* What cannot be trained stops with the step, the row and the way out; again, on other threads, with the same words. */
static void a_loss_that_is_not_finite_stops_with_the_row(void) {
  Folder f = begin(small_gaussian_spec, "a,b\n0.7,-0.4\n");
  static const char *const what[] = {"loss", "gradient"};
  for (size_t i = 0; i < COUNT(what); i++) {
    char *options = arena_print(f.arena, "--set 'model.objective={use: spoiler, row: 77, from: 20, what: %s}'", what[i]);
    Call call = run(&f, options), again = run(&f, arena_print(f.arena, "%s --threads 3", options));
    EXPECT(call, call.status == 1 && call_says(&call, "training stopped at step"));
    EXPECT(call, call_says(&call, arena_print(f.arena, "the %s is not finite", what[i])));
    if (i == 0) EXPECT(call, call_says(&call, "row 77 of the simulations is the first suspect"));
    const char *first = strstr(call.err, "training stopped"), *second = strstr(again.err, "training stopped");
    CU_ASSERT_FATAL(first != NULL && second != NULL);
    CU_ASSERT_STRING_EQUAL(first, second);
    long step = strtol(first + strlen("training stopped at step "), NULL, 10);
    CU_ASSERT(step > 20 && step <= 40); /* from step 21 on; an epoch has at most 10 */
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"the plain problem has its exact answer", the_plain_problem_has_its_exact_answer},
    {"a constant column changes no answer, is named once and flags what differs", a_constant_column_changes_no_answer_and_is_named_once},
    {"a column constant in float32 is constant", a_column_constant_in_float32_is_constant},
    {"a column constant but for one row trains", a_column_constant_but_for_one_row_trains},
    {"failed rows are left out, counted and told", failed_rows_are_left_out_and_counted},
    {"too many failures stop the run with examples", too_many_failures_stop_the_run},
    {"other units give the scaled draws", other_units_give_the_scaled_draws},
    {"few rows train, or are refused with the least count", few_rows_train_or_are_refused_with_the_least_count},
    {"a row that is far out does not spoil the rest", a_row_that_is_far_out_does_not_spoil_the_rest},
    {"a loss that is not finite stops with step and row", a_loss_that_is_not_finite_stops_with_the_row},
};

TEST_MAIN("data as they come", tests)
