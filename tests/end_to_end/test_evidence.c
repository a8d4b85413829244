/* SPDX-License-Identifier: MIT
 *
 * What metrics are given: the shared batch of data sets (one for all, the same bits for each as if it were alone, taken up after a stop, failed
 * simulations replaced), log densities against a closed form, prior draws, simulations, and what is said of impossible wishes. */
#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "ebb.h"

static const char *const two_spec = "seed: 5\n"
                                    "simulator: {use: workbench, d: 2, noise: 0.5}\n"
                                    "simulations: {count: 600}\n"
                                    "model:\n"
                                    "  network: {use: time_mlp, width: 32, blocks: 2}\n"
                                    "training: {epochs: 4, batch: 64}\n"
                                    "sampling:\n"
                                    "  observations: {file: x.csv}\n"
                                    "  draws: 40\n"
                                    "  sampler: {use: dpmpp_2m, steps: 6}\n";

#define LARGE "{use: witness, sets: 20, draws: 30}"
#define SMALL "{use: witness, sets: 8, draws: 7}"

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "two.yaml", two_spec);
  put_text(&f, "x.csv", "x1,x2\n0.3,-0.4\n1.0,0.2\n-0.7,0.6\n");
  return f;
}

static Call run(const Folder *f, const char *runs, const char *metrics, const char *more) {
  return sh(f, "$EBB run two.yaml --plugin-dir $PLUGINS --runs %s --set evaluation='[%s]' %s", runs, metrics, more);
}

static const char *const table = "runs/two/metrics.csv";
static const char *const arrays[] = {"bits_theta", "bits_data", "bits_truth"};

static int count_stages(const Folder *f, const char *runs, const char *stage) {
  return atoi(sh(f, "ls -d %s/.store/%s-* | grep -v -e work -e lock | wc -l", runs, stage).out);
}

static void one_batch_serves_all_and_each_has_what_it_would_have_alone(void) {
  Folder f = begin();
  Call call = run(&f, "runs", LARGE ", " SMALL, "");
  ENDS(call, 0, NULL);
  CU_ASSERT_EQUAL(count_stages(&f, "runs", "predictive"), 1);
  static const char *const alone[] = {LARGE, SMALL};
  static const int sets[] = {20, 8}, draws[] = {30, 7};
  for (int k = 0; k < 2; k++) {
    const char *runs = arena_print(f.arena, "alone%d", k), *own = arena_print(f.arena, "%s/two/metrics.csv", runs);
    call = run(&f, runs, alone[k], "--threads 1 --block 7");
    ENDS(call, 0, NULL);
    CU_ASSERT_EQUAL(get_value(&f, table, "sets", 0, "", k), sets[k]);
    CU_ASSERT_EQUAL(get_value(&f, table, "draws", 0, "", k), draws[k]);
    CU_ASSERT_EQUAL(get_value(&f, table, "first_set", 0, "", k), 1);
    for (size_t i = 0; i < COUNT(arrays); i++) CU_ASSERT_EQUAL(get_value(&f, table, arrays[i], 0, "", k), get_value(&f, own, arrays[i], 0, "", 0));
  }
  /* the files are there for people too, and no row is one of training */
  int64_t n, rows;
  const char *shape;
  const float *truth = get_floats(&f, "runs/two/predictive/theta_true.npy", &n, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(20, 2)");
  const float *trained = get_floats(&f, "runs/two/simulations/theta.npy", &rows, NULL);
  for (int64_t i = 0; i < rows; i += 2)
    for (int64_t j = 0; j < n; j += 2) CU_ASSERT(trained[i] != truth[j]);
  get_floats(&f, "runs/two/predictive/theta.npy", &n, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(20, 30, 2)");
  call = run(&f, "runs", LARGE ", " SMALL, "");
  ENDS(call, 0, "nothing to do: simulate, train, sample, predictive, evaluate, evaluate");
  folder_end(&f);
}

static void a_larger_batch_begins_with_the_smaller_one_and_serves_it(void) {
  Folder f = begin();
  Call call = run(&f, "runs", "{use: witness, sets: 8, draws: 30}", "");
  ENDS(call, 0, NULL);
  call = run(&f, "runs", LARGE, "");
  ENDS(call, 0, "8 of an earlier batch are kept");
  Call whole = run(&f, "whole", LARGE, "");
  ENDS(whole, 0, NULL);
  static const char *const files[] = {"theta.npy", "theta_true.npy", "x.npy"};
  for (size_t i = 0; i < COUNT(files); i++)
    CU_ASSERT_STRING_EQUAL(bits(&f, path_join(f.arena, "runs/two/predictive", files[i])),
                           bits(&f, path_join(f.arena, "whole/two/predictive", files[i])));
  /* and back: nothing is drawn again */
  call = run(&f, "runs", SMALL, "");
  ENDS(call, 0, "re-used: simulate, train, sample, predictive");
  CU_ASSERT_EQUAL(count_stages(&f, "runs", "predictive"), 2);
  folder_end(&f);
}

/* Each of the three pieces of work in turn takes a second or so, and is stopped in it twice. */
static void stopped_work_goes_on_and_ends_with_the_same_bits(void) {
  static const struct {
    const char *stage, *metric, *more;
  } parts[] = {{"predictive", "{use: witness, sets: 150, draws: 10}", "--set simulator.microseconds=8000"},
               {"predictive", "{use: witness, sets: 60, draws: 400}", "--set sampling.sampler.steps=600 --block 64"},
               {"density", "{use: witness, sets: 50, draws: 200, density: true}", "--block 64"}};
  static const int signals[] = {SIGTERM, SIGKILL};
  Folder f = begin();
  pause_seed(3);
  int stopped = 0, kept = 0;
  for (size_t i = 0; i < COUNT(parts); i++) {
    char *line = arena_print(f.arena, "exec $EBB run two.yaml --plugin-dir $PLUGINS --set simulations.count=100 --set evaluation='[%s]' %s",
                             parts[i].metric, parts[i].more);
    Call whole = sh(&f, "%s --runs whole", line);
    ENDS(whole, 0, NULL);
    for (size_t k = 0; k < COUNT(signals); k++) {
      Child child = sh_begin(&f, "%s --threads %d", line, (int)k + 1);
      for (int wait = 0; wait < 2000 && sh(&f, "ls -d runs/.store/%s-*.work", parts[i].stage).status != 0; wait++)
        if (!sh_lasts(child, 0.005)) break;
      wait_seconds(0.1 + 0.3 * pause_uniform());
      kill(child.process, signals[k]);
      Call call = sh_end(&f, child);
      if (call.status == 0) break; /* a machine so fast that it was through */
      EXPECT(call, call.status == 128 + signals[k]);
      stopped++;
      kept += call_says(&call, "are kept");
    }
    Call last = sh(&f, "%s", line);
    ENDS(last, 0, NULL);
    CU_ASSERT_STRING_EQUAL(bits(&f, table), bits(&f, "whole/two/metrics.csv"));
    CU_ASSERT(get_value(&f, table, "bits_theta", 0, "", 0) > 0);
  }
  Call left = sh(&f, "ls -d runs/.store/*.work");
  EXPECT(left, left.status != 0);
  printf("\n    stopped %d times, %d of them with work kept", stopped, kept);
  folder_end(&f);
}

/* A third of the prior has no data: sets are the simulations that worked, in order, however many are asked for. */
static void failed_simulations_are_replaced_by_the_next_and_counted(void) {
  Folder f = begin();
  Call call = run(&f, "runs", LARGE, "--set simulator.fail_above=0.4");
  ENDS(call, 0, "simulations for data sets failed and were replaced by the next");
  int64_t n, more;
  const float *truth = get_floats(&f, "runs/two/predictive/theta_true.npy", &n, NULL);
  CU_ASSERT_EQUAL(n, 40);
  for (int64_t i = 0; i < n; i += 2) CU_ASSERT(truth[i] <= 0.4f);
  call = run(&f, "other", "{use: witness, sets: 31, draws: 2}", "--set simulator.fail_above=0.4 --threads 1");
  ENDS(call, 0, NULL);
  const float *longer = get_floats(&f, "other/two/predictive/theta_true.npy", &more, NULL);
  CU_ASSERT(more == 62 && memcmp(truth, longer, 40 * sizeof *truth) == 0);
  /* without the failures the same rows come, and those that failed between them */
  call = run(&f, "all", "{use: witness, sets: 60, draws: 2}", "");
  ENDS(call, 0, NULL);
  const float *all = get_floats(&f, "all/two/predictive/theta_true.npy", &more, NULL);
  for (int64_t i = 0, k = 0; i < 20; i++, k++) {
    while (k < 60 && all[2 * k] > 0.4f) k++;
    CU_ASSERT_FATAL(k < 60);
    CU_ASSERT_EQUAL(truth[2 * i + 1], all[2 * k + 1]);
  }
  folder_end(&f);
}

/* theta ~ N(0, .1), x ~ N(theta, .1) in ten dimensions: the posterior is N(x/2, .05). A base that is the linear-Gaussian posterior, fitted to 4000
 * rows, with a network that is hardly trained. The mean of log q - log p over draws of q is a divergence, about 110 parameters over 2 x 4000 rows. */
static double exact(const float *theta, const float *x) {
  double square = 0;
  for (int j = 0; j < 10; j++) square += pow((double)theta[j] - 0.5 * (double)x[j], 2);
  return -0.5 * (square / 0.05 + 10 * log(2 * acos(-1) * 0.05));
}

static void densities_are_those_of_a_closed_form(void) {
  Folder f = folder_begin();
  put_text(&f, "linear.yaml",
           "seed: 5\nsimulator: {use: gaussian_linear}\nsimulations: {count: 4000}\n"
           "model: {base: linear_gaussian, network: {use: time_mlp, width: 16, blocks: 1}}\ntraining: {epochs: 1}\n"
           "sampling: {observations: {index: [2, 4]}, draws: 12, sampler: {use: dpmpp_2m, steps: 8}}\n"
           "evaluation: [{use: witness, sets: 30, draws: 9, density: true}, {use: witness, sets: 40, draws: 20}, {use: witness, density: true}]\n");
  Call call = sh(&f, "$EBB run linear.yaml --plugin-dir $PLUGINS");
  ENDS(call, 0, "30 sets of 9 draws and the truth: 300 solves");
  ENDS(call, 0, "2 sets of 12 draws and the truth: 26 solves");
  call = sh(&f, "cp runs/.store/density-*-30x9/log_q*.npy . && cp runs/.store/density-*-2x12/log_q.npy observed.npy");
  ENDS(call, 0, NULL);
  int64_t n, draws, sets;
  const float *theta = get_floats(&f, "runs/linear/predictive/theta.npy", &n, NULL), *x = get_floats(&f, "runs/linear/predictive/x.npy", &n, NULL);
  const float *truth = get_floats(&f, "runs/linear/predictive/theta_true.npy", &n, NULL);
  const float *log_q = get_floats(&f, "log_q.npy", &draws, NULL), *log_q_truth = get_floats(&f, "log_q_truth.npy", &sets, NULL);
  CU_ASSERT_FATAL(draws == 270 && sets == 30);
  double mean = 0, worst = 0;
  for (int64_t k = 0; k < 30; k++) {
    for (int64_t i = 0; i < 9; i++) {
      double off = (double)log_q[9 * k + i] - exact(theta + (20 * k + i) * 10, x + 10 * k);
      mean += off / 270;
      worst = fmax(worst, fabs(off));
    }
    CU_ASSERT_DOUBLE_EQUAL(log_q_truth[k], exact(truth + 10 * k, x + 10 * k), 1.5);
  }
  printf("\n    log q - log p: mean %.4f, at most %.3f", mean, worst);
  CU_ASSERT_DOUBLE_EQUAL(mean, 0.014, 0.15);
  CU_ASSERT(worst < 1.5);
  /* whatever the threads */
  call = sh(&f, "$EBB evaluate linear.yaml --plugin-dir $PLUGINS --runs other --threads 1 --block 5 && "
                "cmp runs/linear/metrics.csv other/linear/metrics.csv");
  ENDS(call, 0, NULL);
  CU_ASSERT(get_value(&f, "runs/linear/metrics.csv", "bits_log_q", 2, "", 0) > 0);
  folder_end(&f);
}

static const Test tests[] = {
    {"one batch serves all metrics, and each has what it would have alone", one_batch_serves_all_and_each_has_what_it_would_have_alone},
    {"a larger batch begins with the smaller one, and serves it", a_larger_batch_begins_with_the_smaller_one_and_serves_it},
    {"stopped work goes on and ends with the same bits", stopped_work_goes_on_and_ends_with_the_same_bits},
    {"failed simulations are replaced by the next and counted", failed_simulations_are_replaced_by_the_next_and_counted},
    {"densities are those of a closed form", densities_are_those_of_a_closed_form},
};
TEST_MAIN("evidence of metrics", tests)
