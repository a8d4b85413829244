/* SPDX-License-Identifier: MIT
 *
 * Consistency maps from the command line: trained, continuous and distilled; the same bits on any number of threads and after a stop; teachers that
 * do not fit. */
#include <signal.h>

#include "ebb.h"

/* The schedule's range that maps are made for. */
static const char *const range = "--set model.schedule='{use: edm_vp, sigma_min: .002}'";
static const char *const objectives[] = {"{use: consistency}", "{use: continuous_consistency}",
                                         "{use: consistency_distillation, teacher: runs/teacher, intervals: 8}"};

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  Call call = sh(&f, "$EBB train small.yaml --quiet --name teacher %s", range);
  ENDS(call, 0, NULL);
  return f;
}

static const char *use(const Folder *f, size_t k) {
  return arena_print(f->arena, "%s --set model.objective='%s' --set sampling.sampler=multistep_consistency", range, objectives[k]);
}

static void maps_are_sampled_in_two_evaluations_with_the_same_bits_on_any_threads(void) {
  Folder f = begin();
  for (size_t k = 0; k < COUNT(objectives); k++) {
    Call call = sh(&f, "$EBB run small.yaml --name a%d --threads 1 %s", (int)k, use(&f, k));
    ENDS(call, 0, NULL);
    CU_ASSERT_DOUBLE_EQUAL(get_number(&f, arena_print(f.arena, "runs/a%d/manifest.json", (int)k), "stages.2.evaluations_per_draw"), 2, 1e-9);
    call = sh(&f, "$EBB run small.yaml --runs other%d --name a --threads 3 %s", (int)k, use(&f, k));
    ENDS(call, 0, NULL);
    static const char *const files[] = {"model.safetensors", "posterior/theta.npy"};
    for (size_t i = 0; i < COUNT(files); i++)
      CU_ASSERT_STRING_EQUAL(bits(&f, arena_print(f.arena, "runs/a%d/%s", (int)k, files[i])),
                             bits(&f, arena_print(f.arena, "other%d/a/%s", (int)k, files[i])));
  }
  folder_end(&f);
}

/* Stopped twice on the way, the weight net's state among what is kept. */
static void a_stopped_training_ends_with_the_same_bits(void) {
  Folder f = begin();
  for (size_t k = 1; k < COUNT(objectives); k++) {
    const char *more = arena_print(f.arena, "%s --set training.epochs=150", use(&f, k));
    Call whole = sh(&f, "$EBB train small.yaml --name whole --quiet %s", more);
    ENDS(whole, 0, NULL);
    int stops = 0;
    Call call = {0};
    for (int i = 0; i < 20 && (i == 0 || call.status != 0); i++) {
      Child child = sh_begin(&f, "exec $EBB train small.yaml --runs cut%d --name cut --quiet %s", (int)k, more);
      if (i < 3 && sh_lasts(child, 0.1)) {
        kill(child.process, SIGTERM);
        stops++;
      }
      call = sh_end(&f, child);
    }
    printf("\n    %s: stopped %d times", objectives[k], stops);
    ENDS(call, 0, NULL); /* a fast machine may have ended before it could be stopped */
    CU_ASSERT_STRING_EQUAL(bits(&f, "runs/whole/model.safetensors"), bits(&f, arena_print(f.arena, "cut%d/cut/model.safetensors", (int)k)));
  }
  folder_end(&f);
}

static void what_does_not_fit_is_refused(void) {
  static const struct {
    const char *line, *says;
  } cases[] = {
      {"--set model.objective=consistency_distillation", "give model.objective.teacher the folder of its run"},
      {"--set model.objective='{use: consistency_distillation, teacher: absent}' --set sampling.sampler=multistep_consistency", "absent is no run"},
      {"--set model.objective='{use: consistency_distillation, teacher: runs/teacher}' --set sampling.sampler=multistep_consistency",
       "but the teacher of"},
      {"--set model.objective=consistency", "(no score), but objective consistency gives a consistency map"},
      {"--set model.objective=continuous_consistency --set model.base=whitened --set sampling.sampler=multistep_consistency", "model.base marginal"},
      {"--set model.objective='{use: consistency, first: 9, last: 3}' --set sampling.sampler=multistep_consistency", "fewer intervals"},
  };
  Folder f = begin();
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = sh(&f, "$EBB run small.yaml --quiet %s%s", cases[i].line, i == 0 ? " --set sampling.sampler=multistep_consistency" : "");
    ENDS(call, 2, cases[i].says);
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"maps are sampled in two evaluations with the same bits on any threads", maps_are_sampled_in_two_evaluations_with_the_same_bits_on_any_threads},
    {"a stopped training ends with the same bits", a_stopped_training_ends_with_the_same_bits},
    {"what does not fit is refused", what_does_not_fit_is_refused},
};
TEST_MAIN("consistency maps from the command line", tests)
