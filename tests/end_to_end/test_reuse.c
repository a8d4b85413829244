/* SPDX-License-Identifier: MIT
 *
 * What is made again when a spec changes, and what is not: a key decides, never a time stamp. */
#include <math.h>

#include "ebb.h"

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  Call first = sh(&f, "$EBB run small.yaml");
  EXPECT(first, first.status == 0 && !call_says(&first, "re-used"));
  return f;
}

/* A second call that says what it re-used; NULL: it says of nothing that it was. */
static void again(const Folder *f, const char *change, const char *reused) {
  Call call = sh(f, "$EBB run small.yaml %s", change);
  EXPECT(call, call.status == 0);
  if (reused == NULL) {
    EXPECT(call, !call_says(&call, "re-used") && !call_says(&call, "nothing to do"));
    return;
  }
  char *line = arena_print(f->arena, "%s\n", reused);
  EXPECT(call, call_says(&call, line));
}

static void nothing_is_done_twice(void) {
  Folder f = begin();
  char *draws = bits(&f, "runs/small/posterior/theta.npy");
  again(&f, "", "nothing to do: simulate, train, sample done before");
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/small/posterior/theta.npy"), draws);
  for (int k = 0; k < 3; k++) {
    const Json *reused = get_json(&f, "runs/small/manifest.json", arena_print(f.arena, "stages.%d.reused", k));
    CU_ASSERT(reused != NULL && reused->type == JSON_BOOL && reused->truth);
  }
  folder_end(&f);
}

static void another_sampler_takes_the_simulations_and_the_model(void) {
  Folder f = begin();
  char *before = bits(&f, "runs/small/posterior/theta.npy"), *model = bits(&f, "runs/small/model.safetensors");
  Call call = sh(&f, "$EBB run small.yaml --set sampling.sampler.use=heun");
  ENDS(call, 0, "re-used: simulate, train\n");
  EXPECT(call, call_says(&call, "--set sampling.sampler.use=heun: ")); /* steps is no longer said */
  CU_ASSERT_STRING_NOT_EQUAL(bits(&f, "runs/small/posterior/theta.npy"), before);
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/small/model.safetensors"), model);
  again(&f, "", "nothing to do: simulate, train, sample done before"); /* the first sampler's draws are still there */
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/small/posterior/theta.npy"), before);
  folder_end(&f);
}

static void another_schedule_takes_the_simulations_alone(void) {
  Folder f = begin();
  char *rows = bits(&f, "runs/small/simulations/x.npy"), *model = bits(&f, "runs/small/model.safetensors");
  again(&f, "--set model.schedule.p_mean=-1", "re-used: simulate");
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/small/simulations/x.npy"), rows);
  CU_ASSERT_STRING_NOT_EQUAL(bits(&f, "runs/small/model.safetensors"), model);
  again(&f, "--set training.batch=50", "re-used: simulate");
  again(&f, "--set training.seed=8", "re-used: simulate");
  again(&f, "--set sampling.seed=8", "re-used: simulate, train");
  again(&f, "--set sampling.grid.range='[0.01, 8]'", "re-used: simulate, train");
  again(&f, "--set sampling.observations.index='[2]'", "re-used: simulate, train");
  again(&f, "--set sampling.draws=301", "re-used: simulate, train");
  folder_end(&f);
}

static void another_seed_takes_nothing(void) {
  Folder f = begin();
  char *rows = bits(&f, "runs/small/simulations/x.npy");
  again(&f, "--set seed=8", NULL);
  CU_ASSERT_STRING_NOT_EQUAL(bits(&f, "runs/small/simulations/x.npy"), rows);
  folder_end(&f);
}

static void another_simulator_takes_nothing(void) {
  Folder f = begin();
  again(&f, "--set simulator.use=gaussian_linear", NULL);
  folder_end(&f);
}

static void more_simulations_keep_the_rows_that_exist(void) {
  Folder f = begin();
  int64_t n, more;
  const float *before = get_floats(&f, "runs/small/simulations/theta.npy", &n, NULL), *x = get_floats(&f, "runs/small/simulations/x.npy", &n, NULL);
  Call call = sh(&f, "$EBB run small.yaml --set simulations.count=1700");
  ENDS(call, 0, "600 rows of an earlier set are kept");
  const char *shape;
  const float *after = get_floats(&f, "runs/small/simulations/theta.npy", &more, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(1700, 2)");
  CU_ASSERT_FATAL(n == 1200 && more == 3400);
  CU_ASSERT(memcmp(before, after, 1200 * sizeof(float)) == 0);
  CU_ASSERT(memcmp(x, get_floats(&f, "runs/small/simulations/x.npy", &more, NULL), 1200 * sizeof(float)) == 0);
  /* and the new ones are those that 1700 at once would have had */
  char *grown = bits(&f, "runs/small/simulations/theta.npy"), *draws = bits(&f, "runs/small/posterior/theta.npy");
  call = sh(&f, "$EBB run small.yaml --set simulations.count=1700 --runs other");
  ENDS(call, 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "other/small/simulations/theta.npy"), grown);
  CU_ASSERT_STRING_EQUAL(bits(&f, "other/small/posterior/theta.npy"), draws);
  folder_end(&f);
}

static void fewer_simulations_are_the_first_of_the_larger_set(void) {
  Folder f = begin();
  again(&f, "--set simulations.count=500", "re-used: simulate");
  char *draws = bits(&f, "runs/small/posterior/theta.npy");
  Call call = sh(&f, "$EBB run small.yaml --set simulations.count=500 --runs other");
  EXPECT(call, call.status == 0 && !call_says(&call, "re-used"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "other/small/posterior/theta.npy"), draws);
  folder_end(&f);
}

static void times_of_files_say_nothing(void) {
  Folder f = begin();
  Call touched = sh(&f, "find . -exec touch -h -d 2031-01-01 {} + && touch -d 1999-01-01 small.yaml");
  ENDS(touched, 0, NULL);
  again(&f, "", "nothing to do: simulate, train, sample done before");
  folder_end(&f);
}

/* The same meaning in other words: comments, order, defaults written out, another number format, a base file. */
static void the_words_of_a_spec_do_not_matter(void) {
  Folder f = begin();
  Call resolved = sh(&f, "$EBB resolve small.yaml > written_out.yaml && $EBB run written_out.yaml");
  ENDS(resolved, 0, "nothing to do");
  put_text(&f, "child.yaml", "extends: small.yaml # the same\ntraining: {batch: 64, epochs: 6}\nseed: 7\n");
  Call child = sh(&f, "$EBB run child.yaml");
  ENDS(child, 0, "nothing to do");
  Call set = sh(&f, "$EBB run small.yaml --set training.learning_rate=0.5e-3 --set seed=7");
  ENDS(set, 0, "nothing to do");
  folder_end(&f);
}

static void options_that_change_no_result_change_no_key(void) {
  Folder f = begin();
  again(&f, "--threads 1 --block 17 --name other", "nothing to do: simulate, train, sample done before");
  Call call = sh(&f, "$EBB run small.yaml --threads 1 --block 17 --name other --quiet");
  EXPECT(call, call.status == 0 && call.err[0] == '\0');
  CU_ASSERT(strcmp(bits(&f, "runs/other/posterior/theta.npy"), bits(&f, "runs/small/posterior/theta.npy")) == 0);
  folder_end(&f);
}

static void each_stage_can_be_asked_for_alone(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  static const struct {
    const char *command, *says, *made, *not_yet;
  } steps[] = {{"simulate", "simulate: 600 rows", "simulations/theta.npy", "model.safetensors"},
               {"train", "re-used: simulate\n", "model.safetensors", "posterior/theta.npy"},
               {"sample", "re-used: simulate, train\n", "posterior/theta.npy", "metrics.csv"},
               {"evaluate", "nothing to do", "report.html", "predictive/theta.npy"}};
  for (size_t i = 0; i < COUNT(steps); i++) {
    Call call = sh(&f, "$EBB %s small.yaml", steps[i].command);
    ENDS(call, 0, steps[i].says);
    Call made = sh(&f, "test -s runs/small/%s && test ! -e runs/small/%s", steps[i].made, steps[i].not_yet);
    EXPECT(call, made.status == 0);
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"the same command again finds nothing to do", nothing_is_done_twice},
    {"another sampler re-uses simulations and model", another_sampler_takes_the_simulations_and_the_model},
    {"another schedule, batch or seed of training re-uses the simulations alone", another_schedule_takes_the_simulations_alone},
    {"another seed re-uses nothing", another_seed_takes_nothing},
    {"another simulator re-uses nothing", another_simulator_takes_nothing},
    {"a larger count keeps the rows that exist, bit for bit", more_simulations_keep_the_rows_that_exist},
    {"a smaller count uses the first rows of the larger set", fewer_simulations_are_the_first_of_the_larger_set},
    {"touched files change nothing", times_of_files_say_nothing},
    {"a spec in other words re-uses everything", the_words_of_a_spec_do_not_matter},
    {"threads, block, name and log options change no key", options_that_change_no_result_change_no_key},
    {"each stage can be asked for alone", each_stage_can_be_asked_for_alone},
};

TEST_MAIN("re-use of stages", tests)
