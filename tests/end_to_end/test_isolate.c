/* SPDX-License-Identifier: MIT
 *
 * Simulators in processes of their own: what crashes is a failed row, everything else is as without. */
#include <math.h>
#include <signal.h>

#include "ebb.h"

static const char *const spec = "seed: 6\n"
                                "simulator: {use: crasher, isolate: true, above: 2, below: -2.2}\n"
                                "simulations: {count: 2000}\n"
                                "model: {network: {use: time_mlp, width: 16, blocks: 1}}\n"
                                "training: {epochs: 2, batch: 64}\n"
                                "sampling: {observations: {file: o.csv}, draws: 50, sampler: {use: ddim, steps: 3}}\n";

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  put_text(&f, "o.csv", "x\n0.5\n");
  return f;
}

static void ends(Call call, int status, const char *says) { ENDS(call, status, says); }

static void a_crash_is_a_failed_row(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run spec.yaml --plugin-dir $PLUGINS");
  ENDS(call, 0, "simulator/crasher, slot simulate: killed by signal 6 (Aborted) in row ");
  EXPECT(call, call_says(&call, "simulator/crasher, slot simulate: left the program with status 3 in row ") ||
                   call_says(&call, "rows crashed; the first 3"));
  ends(
      sh(&f,
         "$EBB simulate spec.yaml --plugin-dir $PLUGINS --runs whole --set simulator.above=9 --set simulator.below=-9 --set simulator.isolate=false"),
      0, NULL);
  int64_t n, m, k;
  const float *theta = get_floats(&f, "runs/spec/simulations/theta.npy", &n, NULL), *x = get_floats(&f, "runs/spec/simulations/x.npy", &m, NULL),
              *whole = get_floats(&f, "whole/spec/simulations/x.npy", &k, NULL),
              *failed = get_floats(&f, "runs/spec/simulations/failed.npy", &k, NULL);
  CU_ASSERT_FATAL(n == 2000 && m == 2000 && k == 2000);
  int64_t crashed = 0, right = 0;
  for (int64_t i = 0; i < n; i++) {
    bool crash = (double)theta[i] > 2 || (double)theta[i] < -2.2;
    crashed += crash;
    right += crash ? failed[i] == 1 && isnan(x[i]) : failed[i] == 0 && x[i] == whole[i];
  }
  CU_ASSERT(right == n && crashed > 30); /* 3.7 % of 2,000 */
  CU_ASSERT_EQUAL(get_number(&f, "runs/spec/manifest.json", "failed_simulations"), (double)crashed);
  folder_end(&f);
}

static void threads_change_nothing(void) {
  Folder f = begin();
  for (int threads = 1; threads <= 3; threads++)
    ends(sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS --runs t%d --threads %d", threads, threads), 0, NULL);
  for (int threads = 2; threads <= 3; threads++) {
    CU_ASSERT_STRING_EQUAL(bits(&f, "t1/spec/simulations/x.npy"), bits(&f, arena_print(f.arena, "t%d/spec/simulations/x.npy", threads)));
    CU_ASSERT_STRING_EQUAL(bits(&f, "t1/spec/simulations/failed.npy"), bits(&f, arena_print(f.arena, "t%d/spec/simulations/failed.npy", threads)));
  }
  folder_end(&f);
}

static void without_it_the_program_dies_with_a_breadcrumb(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS --set simulator.isolate=false --set simulator.below=-9");
  ENDS(call, 134, "ebb: killed by SIGABRT (abort) in simulator/crasher, slot simulate");
  folder_end(&f);
}

/* Neither a key nor a bit, and it is printed where it is read. */
static void isolation_changes_no_result(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  ends(sh(&f, "$EBB run small.yaml --runs plain"), 0, NULL);
  ends(sh(&f, "$EBB run small.yaml --set simulator.isolate=true"), 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "plain/small/simulations/x.npy"), bits(&f, "runs/small/simulations/x.npy"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "plain/small/posterior/theta.npy"), bits(&f, "runs/small/posterior/theta.npy"));
  ends(sh(&f, "$EBB run small.yaml"), 0, "nothing to do");
  Call call = sh(
      &f,
      "$EBB resolve small.yaml --set simulator.isolate=true > again.yaml && $EBB resolve again.yaml | cmp - again.yaml && grep isolate again.yaml");
  EXPECT(call, call.status == 0 && strcmp(call.out, "  isolate: true\n") == 0);
  put_text(&f, "exact.yaml", "simulator: {use: linear_gaussian}\nsampling: {observations: {index: [2]}, draws: 40}\n");
  ends(sh(&f, "$EBB reference exact.yaml --out a && $EBB reference exact.yaml --out b --set simulator.isolate=true"), 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "a/reference_2.npy"), bits(&f, "b/reference_2.npy"));
  folder_end(&f);
}

static void parameters_given_are_isolated_too(void) {
  Folder f = begin();
  put_text(&f, "t.csv", "t\n0.5\n3\n-1\n-5\n");
  ends(sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS --theta t.csv --out new.npy"), 0, "2 of 4 simulations failed; their rows are NaN");
  int64_t n;
  const float *x = get_floats(&f, "new.npy", &n, NULL);
  CU_ASSERT(n == 4 && isfinite(x[0]) && isnan(x[1]) && isfinite(x[2]) && isnan(x[3]));
  folder_end(&f);
}

static void a_simulators_own_message_comes_through(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS --set simulator.refuse=0.5");
  EXPECT(call, call.status == 1 && call_says(&call, "simulator/crasher: t = ") && call_says(&call, "is too near to 0"));
  folder_end(&f);
}

static void too_many_crashes_stop_the_run(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS --set simulator.above=-0.5 --set simulations.count=300");
  EXPECT(call, call.status == 1 && call_says(&call, "of 300 simulations failed, more than simulations.most_failed") &&
                   call_says(&call, "rows crashed; the first 3 are shown"));
  folder_end(&f);
}

static void nobody_is_left_behind(void) {
  static const int how[] = {SIGINT, SIGTERM, SIGKILL};
  for (size_t k = 0; k < COUNT(how); k++) {
    Folder f = begin();
    Child child =
        sh_begin(&f, "exec $EBB simulate spec.yaml --plugin-dir $PLUGINS --threads 2 --runs %s/runs --set simulator.microseconds=20000", f.path);
    for (int i = 0; i < 1000 && processes_of(&f) < 4; i++) wait_seconds(0.01); /* ebb, the keeper, two workers */
    CU_ASSERT(processes_of(&f) >= 4);
    kill(child.process, how[k]);
    CU_ASSERT(!sh_lasts(child, 60));
    Call call = sh_end(&f, child);
    EXPECT(call, call.status == 128 + how[k]);
    if (how[k] != SIGKILL) EXPECT(call, call_says(&call, "rows are kept"));
    for (int i = 0; i < 1000 && processes_of(&f) > 0; i++) wait_seconds(0.01);
    CU_ASSERT_EQUAL(processes_of(&f), 0);
    folder_end(&f);
  }
}

static void what_cannot_be_isolated_is_refused(void) {
  Folder f = begin();
  ends(sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS --set simulator.isolate=yes"), 2, "isolate must be true or false");
  put_text(&f, "spec.yaml",
           "simulator: {use: command, run: cat, isolate: true, parameters: [{use: normal, name: a, mean: 0, sd: 1}], data: {numbers: 1}}\n");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands"), 2, "a program has its own process");
  put_text(&f, "spec.yaml", "simulations: {theta: o.npy, x: o.npy, isolate: true}\n");
  ends(sh(&f, "$EBB simulate spec.yaml"), 2, "files run nothing");
  folder_end(&f);
}

static const Test tests[] = {
    {"a crash is a failed row", a_crash_is_a_failed_row},
    {"threads change nothing", threads_change_nothing},
    {"without it the program dies with a breadcrumb", without_it_the_program_dies_with_a_breadcrumb},
    {"isolation changes no result", isolation_changes_no_result},
    {"parameters given are isolated too", parameters_given_are_isolated_too},
    {"a simulator's own message comes through", a_simulators_own_message_comes_through},
    {"too many crashes stop the run", too_many_crashes_stop_the_run},
    {"nobody is left behind", nobody_is_left_behind},
    {"what cannot be isolated is refused", what_cannot_be_isolated_is_refused},
};
TEST_MAIN("ebb_isolate", tests)
