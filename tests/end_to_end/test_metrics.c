/* SPDX-License-Identifier: MIT
 *
 * Metrics in a run: what they may ask of the simulator and the prior, what is said of wishes that cannot be met, and where what they report goes. */
#include <math.h>

#include "ebb.h"

static const char *const spec = "seed: 5\n"
                                "simulator: {use: workbench, d: 2, prior: uniform, p1: -1, p2: 3, noise: 0.5, fail_above: 2}\n"
                                "simulations: {count: 300}\n"
                                "model:\n"
                                "  network: {use: time_mlp, width: 16, blocks: 1}\n"
                                "training: {epochs: 2, batch: 64}\n"
                                "sampling:\n"
                                "  observations: {file: x.csv}\n"
                                "  draws: 40\n"
                                "  sampler: {use: dpmpp_2m, steps: 5}\n";

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  put_text(&f, "x.csv", "x1,x2\n0.3,-0.4\n1.0,0.2\n1.8,0.6\n");
  return f;
}

static Call run(const Folder *f, const char *name, const char *metrics, const char *more) {
  return sh(f, "$EBB run spec.yaml --plugin-dir $PLUGINS --name %s --set evaluation='[%s]' %s", name, metrics, more);
}

/* An observation's simulations have its number's address: alone, among others, whatever the threads. */
static void simulations_for_an_observation_do_not_depend_on_the_others(void) {
  Folder f = begin();
  Call call = run(&f, "all", "{use: witness, simulate: 30}", "");
  ENDS(call, 0, NULL);
  for (int k = 1; k <= 3; k++) {
    char *name = arena_print(f.arena, "alone%d", k), *more = arena_print(f.arena, "--set sampling.observations.index='[%d]' --threads %d", k, k);
    call = run(&f, name, "{use: witness, simulate: 30}", more);
    ENDS(call, 0, NULL);
    const char *own = arena_print(f.arena, "runs/%s/metrics.csv", name);
    double bits = get_value(&f, own, "bits_simulated", k, "", 0);
    CU_ASSERT(bits > 0);
    CU_ASSERT_EQUAL(get_value(&f, "runs/all/metrics.csv", "bits_simulated", k, "", 0), bits);
    CU_ASSERT_EQUAL(get_value(&f, "runs/all/metrics.csv", "failures", k, "", 0), get_value(&f, own, "failures", k, "", 0));
  }
  /* what failed is what the simulator fails on: draws whose first parameter is above 2 */
  int64_t n;
  const float *theta = get_floats(&f, "runs/all/posterior/theta.npy", &n, NULL);
  for (int k = 0; k < 3; k++) {
    int above = 0;
    for (int i = 0; i < 30; i++) above += theta[(40 * k + i) * 2] > 2;
    CU_ASSERT_EQUAL(get_value(&f, "runs/all/metrics.csv", "failures", k + 1, "", 0), above);
  }
  double other = get_value(&f, "runs/all/metrics.csv", "bits_simulated", 1, "", 0);
  CU_ASSERT(other != get_value(&f, "runs/all/metrics.csv", "bits_simulated", 2, "", 0));
  folder_end(&f);
}

/* Uniform on (-1, 3): mean 1, and 10,000 draws give it within five standard errors of .0115. */
static void prior_draws_and_the_support_are_the_simulators(void) {
  Folder f = begin();
  Call call = run(&f, "one", "{use: witness, sets: 5, prior: true}", "");
  ENDS(call, 0, NULL);
  static const char *const parameters[] = {"theta1", "theta2"};
  for (size_t j = 0; j < 2; j++) {
    CU_ASSERT_DOUBLE_EQUAL(get_value(&f, "runs/one/metrics.csv", "prior_mean", 0, parameters[j], 0), 1, 0.058);
    CU_ASSERT_EQUAL(get_value(&f, "runs/one/metrics.csv", "lower", 0, parameters[j], 0), -1);
    CU_ASSERT_EQUAL(get_value(&f, "runs/one/metrics.csv", "upper", 0, parameters[j], 0), 3);
  }
  folder_end(&f);
}

static void the_observations_lie_beside_the_data_sets(void) {
  Folder f = begin();
  Call call = run(&f, "one", "{use: witness}, {use: witness, sets: 4, draws: 3}, {use: witness, draws: 40}, {use: witness, draws: 12}", "");
  ENDS(call, 0, NULL);
  const char *table = "runs/one/metrics.csv";
  for (int k = 1; k <= 3; k++) {
    CU_ASSERT_EQUAL(get_value(&f, table, "bits_observed", k, "", 0), get_value(&f, table, "bits_theta", k, "", 0));
    CU_ASSERT_EQUAL(get_value(&f, table, "bits_theta", k, "", 1), get_value(&f, table, "bits_theta", k, "", 0));
    CU_ASSERT(get_value(&f, table, "bits_theta", k, "", 2) != get_value(&f, table, "bits_theta", k, "", 0));
  }
  call = run(&f, "fewer", "{use: witness}", "--set sampling.draws=12");
  ENDS(call, 0, NULL);
  for (int k = 1; k <= 3; k++) /* draws are addressed: the first 12 are those of a run of 12 */
    CU_ASSERT_EQUAL(get_value(&f, table, "bits_theta", k, "", 2), get_value(&f, "runs/fewer/metrics.csv", "bits_theta", k, "", 0));
  folder_end(&f);
}

/* Before anything is simulated, except for what a metric does only when it computes. */
static void impossible_wishes_get_a_message(void) {
  static const struct {
    const char *metric, *more, *says;
    int status;
  } cases[] = {
      {"{use: witness, sets: 5, references: true}", "", "metric witness asks for reference draws of 5 data sets", 2},
      {"{use: witness, draws: 41}", "", "metric witness asks for 41 draws an observation, but sampling.draws is 40; raise it", 2},
      {"{use: witness, sets: 5000000000}", "", "metric witness asks for 5000000000 data sets", 2},
      {"{use: witness, sets: -1}", "", "metric witness asks for -1 sets", 1},
      {"{use: witness, sets: 4, density: true}", "--set model.objective=consistency --set sampling.sampler=multistep_consistency",
       "a metric asks for log densities: sampler tsit5 takes", 2},
      {"{use: witness, wrong_room: true}", "", "simulate was given no room for 2 numbers a row", 1},
      {"{use: witness, name: odd, set: 2}", "", "metric witness: it reports odd of set 2 and parameter 0, counted from 0, of 2 and 2", 1},
  };
  Folder f = begin();
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = run(&f, "one", cases[i].metric, cases[i].more);
    ENDS(call, cases[i].status, cases[i].says);
    Call made = sh(&f, "ls runs/.store | grep simulate");
    EXPECT(call, (made.status == 0) == (i >= 5));
  }
  /* what nobody knows leaves a metric out, and the run goes on */
  Call call = run(&f, "one", "{use: witness, truth: true}, {use: witness, references: true}, {use: witness}", "");
  ENDS(call, 0, "witness is left out: it needs true parameters, and those of the observations are not known");
  ENDS(call, 0, "witness is left out: it needs reference draws, the simulator workbench has no exact posterior sampler");
  folder_end(&f);
}

/* One simulation of two thousand gives data: enough for training, not for data sets; the search ends. */
static void a_simulator_that_hardly_gives_data_ends_the_run(void) {
  Folder f = begin();
  Call call = run(&f, "one", "{use: witness, sets: 30, draws: 2}",
                  "--set simulator.fail_above=-0.998 --set simulations.most_failed=1 --set simulations.count=40000");
  ENDS(call, 1, "simulations for data sets failed; metrics over data sets need 30 that do not");
  folder_end(&f);
}

static void results_go_to_the_tables_and_what_is_wrong_is_said(void) {
  Folder f = begin();
  Call call = run(&f, "one",
                  "{use: witness, name: some_distance, value: 0.25, error: 0.5, set: 0},"
                  "{use: witness, sets: 4, name: sbc_log_gamma, value: -1.5, note: \"a, \\\"b\\\"\"},"
                  "{use: witness, sets: 4, name: coverage_90, value: 0.8, error: 0.03, of: 100},"
                  "{use: witness, sets: 4, name: coverage_95, value: 0, error: 0, of: 100},"
                  "{use: witness, sets: 4, name: coverage_92, value: 0.97, error: 0.0121, of: 200},"
                  "{use: witness, sets: 4, name: coverage_70, value: 0.95, error: 0.0218, of: 100},"
                  "{use: witness, sets: 4, name: coverage_50, value: 0.58, error: 0.03, of: 278}",
                  "--set sampling.observations.index='[1]'");
  ENDS(call, 0, "! sbc_log_gamma theta1: ranks are not uniform");
  ENDS(call, 0, "! coverage_90 theta1: covers too little by more than 3 standard errors: over-confident");
  ENDS(call, 0, "! coverage_95 theta1: covers too little");
  ENDS(call, 0, "! coverage_70 theta1: covers too much by more than 3 standard errors: too wide");
  EXPECT(call, !call_says(&call, "! coverage_50")); /* 2.7 standard errors */
  EXPECT(call, !call_says(&call, "! coverage_92")); /* 2.6 of those that an exact posterior has, though 4.1 of its own */
  char *columns = strstr(call.out, "observation"), *sets = strstr(call.out, "over data sets");
  EXPECT(call, columns != NULL && sets != NULL && columns < sets);
  EXPECT(call, strstr(sets, "0.8000 +- 0.0300") != NULL && strstr(call.out, "sbc_log_gamma") > sets);
  const char *metrics = get_text(&f, "runs/one/metrics.csv"), *curves = get_text(&f, "runs/one/curves.csv");
  CU_ASSERT(strstr(metrics, "\nsome_distance,1,theta1,0.25,0.5,3,\n") != NULL);
  CU_ASSERT(strstr(metrics, "\nsbc_log_gamma,,theta1,-1.5,0,3,\"a, \"\"b\"\"\"\n") != NULL);
  CU_ASSERT(strncmp(curves, "name,parameter,x,y,low,high\nsome_distance,theta1,0,0.25,0,0.5\nsome_distance,theta1,1,0.75,0.5,1\n", 92) == 0);
  const Json *file = get_json(&f, "runs/one/manifest.json", "files"), *curves_hash = json_get(file, "curves.csv");
  CU_ASSERT(curves_hash != NULL && strcmp(curves_hash->text, bits(&f, "runs/one/curves.csv")) == 0);
  CU_ASSERT_STRING_EQUAL(get_json(&f, "runs/one/manifest.json", "stages.3.name")->text, "predictive");
  CU_ASSERT_EQUAL(get_number(&f, "runs/one/manifest.json", "stages.3.sets"), 4);
  call = run(&f, "one", "{use: witness}", "");
  ENDS(call, 0, NULL);
  call = sh(&f, "test ! -e runs/one/curves.csv && ! grep curves.csv runs/one/manifest.json");
  ENDS(call, 0, NULL);
  folder_end(&f);
}

static const Test tests[] = {
    {"simulations for an observation do not depend on the others", simulations_for_an_observation_do_not_depend_on_the_others},
    {"prior draws and the support are the simulator's", prior_draws_and_the_support_are_the_simulators},
    {"the observations lie beside the data sets", the_observations_lie_beside_the_data_sets},
    {"impossible wishes get a message", impossible_wishes_get_a_message},
    {"a simulator that hardly gives data ends the run", a_simulator_that_hardly_gives_data_ends_the_run},
    {"results go to the tables, and what is wrong is said", results_go_to_the_tables_and_what_is_wrong_is_said},
};
TEST_MAIN("metrics in a run", tests)
