/* SPDX-License-Identifier: MIT
 *
 * Simulators in any language: the program is `worker`, which does what it should, or one thing that it should not (reports A02, A32). */
#include <math.h>
#include <signal.h>

#include "ebb.h"

static const char *const spec = "seed: 3\n"
                                "simulator:\n"
                                "  use: command\n"
                                "  run: %s\n"
                                "  parameters: [{use: normal, name: a, mean: 0, sd: 1}, {use: gamma, name: b, shape: 2, rate: 1}]\n"
                                "  data: {names: [same, other]}\n"
                                "  workers: 2\n"
                                "  block: 100\n"
                                "  timeout: 20\n"
                                "simulations: {count: 1000}\n"
                                "model: {network: {use: time_mlp, width: 16, blocks: 1}}\n"
                                "training: {epochs: 2, batch: 64}\n"
                                "sampling: {observations: {file: x.csv}, draws: 50, sampler: {use: ddim, steps: 3}}\n";

static Folder begin(const char *program) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", arena_print(f.arena, spec, program));
  put_text(&f, "x.csv", "same,other\n0.5,0.5\n");
  return f;
}
static Folder begin_how(const char *how) {
  char line[4096];
  snprintf(line, sizeof line, WORKER " %s", how);
  return begin(line);
}

static void ends(Call call, int status, const char *says) { ENDS(call, status, says); }

static const char *const x = "runs/spec/simulations/x.npy";

static void a_program_must_be_allowed(void) {
  Folder f = begin("touch proof");
  Call call = sh(&f, "$EBB run spec.yaml");
  ENDS(call, 2, "the spec wants to run the program \"touch proof\", which a spec may not do by itself");
  EXPECT(call, call_says(&call, "--allow-commands") && sh(&f, "test -e proof || test -e runs").status != 0);
  call = sh(&f, "printf 'a,b\\n1,2\\n' > t.csv; $EBB simulate spec.yaml --theta t.csv --out new.npy");
  EXPECT(call, call.status == 2 && call_says(&call, "--allow-commands") && sh(&f, "test -e proof").status != 0);
  folder_end(&f);
}

static void data_are_the_programs_and_depend_on_no_number_of_workers(void) {
  Folder f = begin_how("good");
  Call call = sh(&f, "$EBB run spec.yaml --allow-commands");
  ENDS(call, 0, "same"); /* the names stand in the table */
  int64_t n, m;
  const char *shape;
  const float *theta = get_floats(&f, "runs/spec/simulations/theta.npy", &n, NULL), *data = get_floats(&f, x, &m, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(1000, 2)");
  CU_ASSERT_FATAL(n == 2000 && m == 2000);
  int64_t equal = 0, steps = 0;
  for (int64_t i = 0; i < 1000; i++) equal += theta[2 * i] == data[2 * i];
  for (int64_t i = 1; i < 1000; i++) { /* within a block the second number rises by 7919 / 1000003, modulo 1 */
    double step = (double)data[2 * i + 1] - (double)data[2 * i - 1];
    steps += fabs(step - floor(step) - 7919 / 1000003.0) < 1e-5;
  }
  CU_ASSERT(equal == 1000 && steps == 990);
  char *first = bits(&f, x);
  for (int workers = 0; workers < 4; workers++) {
    call = sh(&f, "$EBB simulate spec.yaml --allow-commands --runs w%d --threads %d --set simulator.workers=%d", workers, 1 + workers % 3, workers);
    ENDS(call, 0, NULL);
    CU_ASSERT_STRING_EQUAL(bits(&f, arena_print(f.arena, "w%d/spec/simulations/x.npy", workers)), first);
  }
  call = sh(&f, "$EBB run spec.yaml --set simulator.workers=1 --set simulator.timeout=7"); /* neither changes a result, and nothing is run */
  ENDS(call, 0, "nothing to do");
  ends(sh(&f, "$EBB sample runs/spec --observations x.csv --draws 5 --out new"), 0, NULL);
  folder_end(&f);
}

static void more_simulations_keep_the_blocks_that_exist(void) {
  Folder f = begin_how("good");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands --set simulations.count=150"), 0, NULL);
  Call call = sh(&f, "$EBB simulate spec.yaml --allow-commands --set simulations.count=430");
  ENDS(call, 0, "rows of an earlier set are kept");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands --set simulations.count=430 --runs whole"), 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, x), bits(&f, "whole/spec/simulations/x.npy"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/simulations/theta.npy"), bits(&f, "whole/spec/simulations/theta.npy"));
  folder_end(&f);
}

static void a_changed_program_is_run_anew(void) {
  Folder f = begin("sh sim.sh");
  put_text(&f, "sim.sh", "exec " WORKER " good\n");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands"), 0, NULL);
  ends(sh(&f, "$EBB simulate spec.yaml"), 0, "nothing to do");
  put_text(&f, "sim.sh", "exec " WORKER " nan\n");
  Call call = sh(&f, "$EBB simulate spec.yaml");
  EXPECT(call, call.status == 2 && call_says(&call, "--allow-commands"));
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands"), 0, "simulations failed and are left out");
  ends(sh(&f, "cd / && $EBB simulate %s/runs/spec/spec.yaml --runs %s/runs --name spec", f.path, f.path), 0,
       "nothing to do"); /* resolved, from elsewhere */
  folder_end(&f);
}

static void other_types_and_orders_are_read(void) {
  Folder f = begin_how("good"), g = begin_how("fortran");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands"), 0, NULL);
  ends(sh(&g, "$EBB simulate spec.yaml --allow-commands"), 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, x), bits(&g, x));
  folder_end(&f);
  folder_end(&g);
}

/* Each of these is the program's fault, told once, with what it was. */
static void what_breaks_the_protocol_is_an_error(void) {
  static const struct {
    const char *how, *says;
  } wrong[] = {
      {"stray_start", "it printed \"hello\""},
      {"stray_between", "hello between"},
      {"stray_within", "is not a .npy file"},
      {"long_line", "it printed \"xxxxxxxxxxxxxxxxxxxx"},
      {"minus", "it printed \"bytes -1\" where a reply begins with \"bytes B\""},
      {"huge", "it announced 99999999999 bytes; 100 rows of 2 numbers take at most"},
      {"empty", "the file is empty"},
      {"cut", "expected (100, 2) = 800 bytes after the header, found 799"},
      {"more_rows", "an array (101, 2) where (100, 2) was asked for"},
      {"columns", "an array (100, 3) where (100, 2) was asked for"},
      {"objects", "dtype '|O' (Python objects) is not read"},
      {"extra", "8 bytes more than the"},
  };
  for (size_t k = 0; k < COUNT(wrong); k++) {
    Folder f = begin_how(wrong[k].how);
    Call call = sh(&f, "$EBB simulate spec.yaml --allow-commands");
    EXPECT(call, (call.status == 1 || call.status == 2) && call_says(&call, wrong[k].says) && call_says(&call, "error: command "));
    folder_end(&f);
  }
}

static void a_program_that_never_answers_is_an_error(void) {
  static const struct {
    const char *line, *says;
  } wrong[] = {
      {WORKER " leave", "ended with status 3 on rows 1 to 100; for rows that fail a program answers NaN; its last words: no module named simulators"},
      {WORKER " crash_first", "on rows 1 to 100"},
      {WORKER " short", "ended with status 5 within a reply on rows 1 to 100"},
      {"exec " WORKER " closed", "closed its output on rows 1 to 100"},
      {"exec ./not_there", "ended with status 127 on rows 1 to 100"},
      {"cat > all", "did not answer within 0.3 s on rows 1 to 100"},
      {"true", "ended with status 0 on rows 1 to 100"},
  };
  for (size_t k = 0; k < COUNT(wrong); k++) {
    Folder f = begin(wrong[k].line);
    Call call = sh(&f, "$EBB simulate spec.yaml --allow-commands --set simulator.timeout=%s", k == 5 ? "0.3" : "20");
    ENDS(call, 1, wrong[k].says);
    folder_end(&f);
  }
}

/* Seeds that are a multiple of 4 fail: which blocks these are does not depend on the machine. Of 12 blocks the first is among the good ones. */
static void blocks_fail(const char *how, const char *says, const char *more) {
  Folder f = begin_how(how);
  Call call =
      sh(&f, "$EBB simulate spec.yaml --allow-commands --set simulations.count=1200 --set simulations.most_failed=0.9 --set seed=11 %s", more);
  ENDS(call, 0, says);
  char *first = bits(&f, "runs/spec/simulations/failed.npy");
  Npy file;
  int64_t failed = 0, torn = 0;
  CU_ASSERT_EQUAL_FATAL(npy_open(path_join(f.arena, f.path, "runs/spec/simulations/failed.npy"), &file), EBB_OK);
  for (int64_t i = 0; i < 1200; i++) {
    failed += file.data[i];
    torn += file.data[i] != file.data[i / 100 * 100];
  }
  CU_ASSERT(file.size == 1200 && failed > 0 && failed % 100 == 0 && torn == 0);
  npy_close(&file);
  call = sh(&f,
            "$EBB simulate spec.yaml --allow-commands --runs one --set simulations.count=1200 --set simulations.most_failed=0.9 --set seed=11 "
            "--set simulator.workers=1 %s",
            more);
  ENDS(call, 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "one/spec/simulations/failed.npy"), first);
  CU_ASSERT_STRING_EQUAL(bits(&f, "one/spec/simulations/x.npy"), bits(&f, x));
  folder_end(&f);
}

static void a_crash_costs_its_block_alone(void) {
  blocks_fail("crash_some", "count as failed, it is started again; its last words: it went wrong here", "");
}
static void silence_costs_its_block_alone(void) { blocks_fail("hang_some", "did not answer within 0.5 s", "--set simulator.timeout=0.5"); }

static void a_program_may_leave_after_each_answer(void) {
  Folder f = begin_how("good"), g = begin_how("once");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands"), 0, NULL);
  Call call = sh(&g, "$EBB simulate spec.yaml --allow-commands");
  EXPECT(call, call.status == 0 && !call_says(&call, "failed"));
  CU_ASSERT_STRING_EQUAL(bits(&f, x), bits(&g, x));
  folder_end(&f);
  folder_end(&g);
}

/* theta ~ N(0, 1), failed above 1: 159 of 1,000 rows, give or take 3 sd. */
static void rows_that_are_nan_have_failed(void) {
  Folder f = begin_how("nan");
  Call call = sh(&f, "$EBB run spec.yaml --allow-commands");
  ENDS(call, 0, "of 1000 simulations failed and are left out");
  double failed = get_number(&f, "runs/spec/manifest.json", "failed_simulations");
  EXPECT(call, failed >= 124 && failed <= 194);
  folder_end(&f);
}

static void errors_are_shown_and_never_block(void) {
  Folder f = begin_how("flood");
  Call call = sh(&f, "$EBB simulate spec.yaml --allow-commands");
  ENDS(call, 0, ": a line of sixty-four letters");
  EXPECT(call, strlen(call.err) < 20000); /* of 10 MiB */
  EXPECT(call, call_says(&call, "left out"));
  folder_end(&f);
}

static void a_stop_ends_the_programs_and_what_they_started(void) {
  for (int signal = 0; signal < 2; signal++) {
    Folder f = begin("unused");
    put_text(&f, "spec.yaml",
             arena_print(f.arena, spec, arena_print(f.arena, WORKER " hang_deaf %s & " WORKER " hang %s < /dev/stdin; wait", f.path, f.path)));
    Child child = sh_begin(&f, "exec $EBB simulate spec.yaml --allow-commands --set simulator.timeout=1000");
    for (int k = 0; k < 1000 && !(processes_of(&f) > 0); k++) wait_seconds(0.02);
    CU_ASSERT((processes_of(&f) > 0));
    kill(child.process, signal == 0 ? SIGINT : SIGTERM);
    CU_ASSERT(!sh_lasts(child, 60));
    kill(child.process, SIGKILL);
    Call call = sh_end(&f, child);
    EXPECT(call, call.status == (signal == 0 ? 130 : 143) && call_says(&call, "rows are kept"));
    for (int k = 0; k < 500 && (processes_of(&f) > 0); k++) wait_seconds(0.02); /* killed, but the kernel may not be through */
    CU_ASSERT(!(processes_of(&f) > 0));
    folder_end(&f);
  }
}

static void a_program_ends_with_its_host(void) {
  Folder f = begin("unused");
  put_text(&f, "spec.yaml", arena_print(f.arena, spec, arena_print(f.arena, WORKER " good %s", f.path)));
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands"), 0, NULL);
  for (int k = 0; k < 500 && (processes_of(&f) > 0); k++) wait_seconds(0.02);
  CU_ASSERT(!(processes_of(&f) > 0));
  folder_end(&f);
}

static void parameters_given_go_through_the_program(void) {
  Folder f = begin_how("good");
  put_text(&f, "t.csv", "a,b\n0.25,1\n-3,2\n7,0.5\n");
  ends(sh(&f, "$EBB simulate spec.yaml --allow-commands --theta t.csv --out new.npy"), 0, NULL);
  int64_t n;
  const char *shape;
  const float *data = get_floats(&f, "new.npy", &n, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(3, 2)");
  CU_ASSERT(n == 6 && data[0] == 0.25f && data[2] == -3 && data[4] == 7);
  folder_end(&f);
}

static void a_spec_that_cannot_be_is_refused(void) {
  static const struct {
    const char *set, *says;
  } wrong[] = {
      {"simulator.parameters=[]", "parameters is empty"},
      {"simulator.parameters=[{use: normall, name: a}]", "no prior \"normall\"; did you mean \"normal\"?"},
      {"simulator.parameters=[{name: a, mean: 0}]", "does not say which prior; add \"use\""},
      {"simulator.parameters=[{use: normal, name: a, mean: 0, sd: 1, rate: 2}]", "unknown key \"rate\" in prior normal"},
      {"simulator.parameters=[{use: normal, name: a, mean: 0}]", "prior normal needs the key \"sd\""},
      {"simulator.parameters=[{use: normal, name: a, mean: 0, sd: 0}]", "sd must be"},
      {"simulator.parameters=[{use: uniform, name: a, lower: 2, upper: 1}]", "its support (2, 1) is empty"},
      {"simulator.parameters=[{use: beta, name: a, a: 0, b: 1}]", "a must be in [0.01, 10000]"},
      {"simulator.parameters=[{use: exponential, name: a, rate: 1}, {use: exponential, name: a, rate: 1}]", "are both named \"a\""},
      {"simulator.parameters=[{use: truncated_normal, name: a, mean: 0, sd: 1, lower: 90}]", "holds next to nothing"},
      {"simulator.parameters=[{use: correlated_normal, name: a, mean: 0, sd: 1, correlation: []}]", "for two parameters or more"},
      {"simulator.parameters=[{use: correlated_normal, name: [a, b], mean: [0, 0], sd: 1, correlation: 0.5}]", "found 2, 1 and 1"},
      {"simulator.parameters=[{use: correlated_normal, name: [a, b], mean: [0, 0], sd: [1, 1], correlation: 1}]",
       "is 1; expected a symmetric matrix"},
      {"simulator.parameters=[{use: unknown, name: a}]", "parameters cannot be drawn: not all have a declared prior"},
      {"simulator.data={}", "data.numbers is missing"},
      {"simulator.data={numbers: 3, names: [a, b]}", "data.names has 2 names for 3 numbers"},
      {"simulator.data={names: [a, null]}", "names[1] must be text"},
      {"simulator.run=null", "run must be text"},
      {"simulator.folder=not_there", "cannot be started in"},
      {"simulator.workers=-1", "workers must be"},
      {"simulator.block=0", "block must be"},
  };
  Folder f = begin_how("good");
  for (size_t k = 0; k < COUNT(wrong); k++) {
    Call call = sh(&f, "$EBB simulate spec.yaml --allow-commands --set '%s'", wrong[k].set);
    EXPECT(call, (call.status == 1 || call.status == 2) && call_says(&call, wrong[k].says));
  }
  folder_end(&f);
}

static void every_family_can_be_declared(void) {
  Folder f = begin_how("good");
  Call call =
      sh(&f, "$EBB simulate spec.yaml --allow-commands --set 'simulator.parameters=["
             "{use: normal, name: a, mean: 1, sd: 2}, {use: lognormal, name: b, mean: 0, sd: .5}, {use: uniform, name: c, lower: -1, upper: 3},"
             "{use: beta, name: d, a: 2, b: 3, upper: 10}, {use: gamma, name: e, shape: 3, rate: 2}, {use: exponential, name: f, rate: 4},"
             "{use: half_normal, name: g, sd: 2}, {use: truncated_normal, name: h, mean: 0, sd: 1, lower: 1},"
             "{use: correlated_normal, name: [i, \"no\"], mean: [0, 5], sd: [1, 2], correlation: 0.9}]'");
  ENDS(call, 0, NULL);
  int64_t n;
  const char *shape;
  const float *theta = get_floats(&f, "runs/spec/simulations/theta.npy", &n, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(1000, 10)");
  double mean[10] = {0}, product = 0;
  for (int64_t i = 0; i < 1000; i++) {
    for (int j = 0; j < 10; j++) mean[j] += (double)theta[10 * i + j] / 1000;
    product += (double)theta[10 * i + 8] * ((double)theta[10 * i + 9] - 5) / 2000;
  }
  /* Means of the families; 5 standard errors of 1,000 rows. */
  const double expected[10] = {1, exp(0.125), 1, 4, 1.5, 0.25, 2 * sqrt(2 / acos(-1)), exp(-0.5) / sqrt(2 * acos(-1)) / (0.5 * erfc(sqrt(0.5))),
                               0, 5},
               sd[10] = {2, 0.61, 1.16, 2, 0.87, 0.25, 1.21, 0.45, 1, 2};
  for (int j = 0; j < 10; j++) EXPECT(call, fabs(mean[j] - expected[j]) < 5 * sd[j] / sqrt(1000));
  EXPECT(call, fabs(product - 0.9) < 0.22);
  const Json *name = get_json(&f, "runs/spec/manifest.json", "parameters.9");
  CU_ASSERT(name != NULL && name->type == JSON_STRING && strcmp(name->text, "no") == 0);
  folder_end(&f);
}

static void built_in_components_are_described(void) {
  Folder f = folder_begin();
  Call call = sh(&f, "$EBB plugins");
  EXPECT(call, call.status == 0 && call_says(&call, "simulator/command") && call_says(&call, "prior/correlated_normal"));
  ends(sh(&f, "$EBB describe prior/beta"), 0, "shape at the lower end");
  ends(sh(&f, "$EBB describe simulator/command"), 0, "(built in)");
  ends(sh(&f, "$EBB describe simulator/command --json"), 0, "\"file\": null");
  folder_end(&f);
}

/* The examples that a user copies, shortened. */
static void the_shell_example_runs(void) {
  Folder f = folder_begin();
  Call call = sh(&f, "command -v od awk head tail >/dev/null || exit 77; $EBB run " SOURCE
                     "/configs/growth.yaml --allow-commands --set simulations.count=600 "
                     "--set training.epochs=2 --set sampling.draws=50 --set model.network.width=16 --set simulator.block=200");
  if (call.status != 77) ENDS(call, 0, NULL);
  if (call.status == 0) { /* x_3 / x_2 is exp(rate) but for noise: between 1 and exp(1.5) where the data are large */
    int64_t n, d, good = 0, large = 0;
    const float *data = get_floats(&f, "runs/growth/simulations/x.npy", &n, NULL),
                *theta = get_floats(&f, "runs/growth/simulations/theta.npy", &d, NULL);
    for (int64_t i = 0; i < 600 && n == 1800 && d == 1200; i++) {
      if (data[3 * i + 1] < 5) continue;
      large++;
      good += fabs(log((double)data[3 * i + 2] / (double)data[3 * i + 1]) - (double)theta[2 * i + 1]) < 0.15;
    }
    EXPECT(call, large > 50 && good == large);
  }
  folder_end(&f);
}

static void the_numpy_example_runs(void) {
  Folder f = folder_begin();
  Call call = sh(&f, "python3 -c 'import numpy' 2>/dev/null || exit 77; $EBB run " SOURCE
                     "/configs/pendulum.yaml --allow-commands --set simulations.count=600 "
                     "--set training.epochs=2 --set sampling.draws=50 --set model.network.width=16 --set simulator.block=200");
  if (call.status != 77) ENDS(call, 0, NULL);
  folder_end(&f);
}

static const Test tests[] = {
    {"a program must be allowed", a_program_must_be_allowed},
    {"data are the program's and depend on no number of workers", data_are_the_programs_and_depend_on_no_number_of_workers},
    {"more simulations keep the blocks that exist", more_simulations_keep_the_blocks_that_exist},
    {"a changed program is run anew", a_changed_program_is_run_anew},
    {"other types and orders are read", other_types_and_orders_are_read},
    {"what breaks the protocol is an error", what_breaks_the_protocol_is_an_error},
    {"a program that never answers is an error", a_program_that_never_answers_is_an_error},
    {"a crash costs its block alone", a_crash_costs_its_block_alone},
    {"silence costs its block alone", silence_costs_its_block_alone},
    {"a program may leave after each answer", a_program_may_leave_after_each_answer},
    {"rows that are NaN have failed", rows_that_are_nan_have_failed},
    {"errors are shown and never block", errors_are_shown_and_never_block},
    {"a stop ends the programs and what they started", a_stop_ends_the_programs_and_what_they_started},
    {"a program ends with its host", a_program_ends_with_its_host},
    {"parameters given go through the program", parameters_given_go_through_the_program},
    {"a spec that cannot be is refused", a_spec_that_cannot_be_is_refused},
    {"every family can be declared", every_family_can_be_declared},
    {"built-in components are described", built_in_components_are_described},
    {"the shell example runs", the_shell_example_runs},
    {"the NumPy example runs", the_numpy_example_runs},
};
TEST_MAIN("ebb_command", tests)
