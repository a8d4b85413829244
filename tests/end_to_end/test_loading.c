/* SPDX-License-Identifier: MIT
 *
 * Foreign plugins in whole runs: they end well, change no bit of others, and say what is wrong with them. Cases A27 to A29. */
#include "ebb.h"

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  put_text(&f, "x.csv", "x\n0.5\n");
  return f;
}

static const char *const foreign_spec = "simulator: {use: %s}\n"
                                        "simulations: {count: 300}\n"
                                        "model: {network: {use: time_mlp, width: 16, blocks: 1}}\n"
                                        "training: {epochs: 2}\n"
                                        "sampling: {observations: {file: x.csv}, draws: 50}\n";

static void put_foreign(const Folder *f, const char *simulator) {
  put_text(f, arena_print(f->arena, "%s.yaml", simulator),
           arena_print(f->arena, "simulator: {use: %s}\n%s", simulator, strchr(foreign_spec, '\n') + 1));
}

/* A27: a library linked with fast-math turns denormals off in the thread that loads it. */
static void a_fast_math_plugin_changes_no_bit(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml");
  ENDS(call, 0, NULL);
  static const char *const plugins[] = {"sampler_fast_math.so", "sampler_flush_load.so"};
  for (size_t i = 0; i < COUNT(plugins); i++) {
    call = sh(&f, "$EBB run small.yaml --runs with%zu --plugin $BROKEN/%s", i, plugins[i]);
    EXPECT(call, call.status == 0 && call_says(&call, plugins[i])); /* a notice names it */
    CU_ASSERT_STRING_EQUAL(bits(&f, arena_print(f.arena, "with%zu/small/posterior/theta.npy", i)), bits(&f, "runs/small/posterior/theta.npy"));
    CU_ASSERT_STRING_EQUAL(bits(&f, arena_print(f.arena, "with%zu/small/model.safetensors", i)), bits(&f, "runs/small/model.safetensors"));
  }
  folder_end(&f);
}

/* A28: threads and thread-local destructors that outlive what the host does. */
static void plugins_with_threads_end_well_ten_times(void) {
  Folder f = begin();
  if (sh(&f, "test -e $BROKEN/simulator_openmp.so").status != 0) {
    printf("skipped OpenMP: it was not found when this was built ");
  } else {
    put_foreign(&f, "openmp");
    for (int k = 0; k < 10; k++) {
      Call call = sh(&f, "rm -rf runs; $EBB run openmp.yaml --plugin $BROKEN/simulator_openmp.so");
      ENDS(call, 0, NULL);
    }
  }
  for (int k = 0; k < 10; k++) {
    Call call = sh(&f, "$EBB plugins --plugin $BROKEN/sampler_thread_end.so");
    ENDS(call, 0, "sampler/heun");
  }
  folder_end(&f);
}

/* A29: two simulators whose helpers have one name. */
static void helpers_of_one_name_do_not_meet(void) {
  Folder f = begin();
  static const char *const ids[] = {"adder", "doubler"};
  for (size_t i = 0; i < COUNT(ids); i++) {
    put_foreign(&f, ids[i]);
    Call call =
        sh(&f,
           "$EBB simulate %s.yaml --theta x.csv --out alone.npy --plugin $BROKEN/simulator_%s.so && $EBB simulate %s.yaml --theta x.csv --out "
           "both.npy --plugin $BROKEN/simulator_adder.so --plugin $BROKEN/simulator_doubler.so && cmp alone.npy both.npy",
           ids[i], ids[i], ids[i]);
    ENDS(call, 0, NULL);
  }
  Call call = sh(&f, "$EBB plugins --plugin $BROKEN/sampler_unresolved.so");
  EXPECT(call, call.status != 0 && call_says(&call, "nowhere_to_be_found"));
  folder_end(&f);
}

static void a_broken_file_beside_sound_ones_harms_nobody(void) {
  Folder f = begin();
  Call call = sh(&f, "mkdir plugins && cp $BROKEN/sampler_bad_magic.so $PLUGINS/simulator_workbench.so plugins && $EBB plugins --plugin-dir plugins");
  EXPECT(call, call.status == 0 && strstr(call.out, "simulator/workbench") != NULL && call_says(&call, "sampler_bad_magic.so"));
  call = sh(&f, "$EBB run small.yaml --plugin-dir plugins");
  ENDS(call, 0, NULL);
  call = sh(&f, "$EBB run small.yaml --plugin-dir plugins --set sampling.sampler.use=bad_magic");
  EXPECT(call, call.status != 0 && call_says(&call, "sampler_bad_magic.so"));
  folder_end(&f);
}

/* The content of a plugin is part of the keys of what it takes part in, and of no other. */
static void a_changed_plugin_is_another_key(void) {
  Folder f = begin();
  put_foreign(&f, "workbench");
  put_text(&f, "x.csv", "a,b\n0.5,0\n");
  Call call = sh(&f, "mkdir plugins && cp $PLUGINS/*_workbench.so $PLUGINS/sampler_spoiler.so plugins && "
                     "$EBB run workbench.yaml --plugin-dir plugins --set sampling.sampler.use=spoiler");
  ENDS(call, 0, NULL);
  call = sh(&f, "echo >> plugins/sampler_spoiler.so && $EBB run workbench.yaml --plugin-dir plugins --set sampling.sampler.use=spoiler");
  ENDS(call, 0, "re-used: simulate, train\n");
  call = sh(&f, "echo >> plugins/simulator_workbench.so && $EBB run workbench.yaml --plugin-dir plugins --set sampling.sampler.use=spoiler");
  EXPECT(call, call.status == 0 && !call_says(&call, "re-used") && !call_says(&call, "nothing to do"));
  folder_end(&f);
}

/* Tables beside a plugin count as the plugin. */
static void data_files_are_part_of_their_plugin(void) {
  Folder f = begin();
  const char *const run = "$EBB run tables.yaml --plugin-dir plugins";
  put_text(&f, "tables.yaml",
           "simulator: {use: slcp_distractors}\nsimulations: {count: 300}\nmodel: {network: {use: time_mlp, width: 16, blocks: 1}}\n"
           "training: {epochs: 2}\nsampling: {draws: 50}\n");
  Call call = sh(
      &f, "mkdir plugins && cd \"$(dirname $EBB)/..\" && cp simulator_slcp_distractors.so slcp_distractors_*.npy \"$OLDPWD\"/plugins && cd - && %s",
      run);
  ENDS(call, 0, NULL);
  const Json *data = get_json(&f, "runs/tables/manifest.json", "plugins.0.data");
  int files = 0;
  for (const Json *j = data != NULL ? data->first : NULL; j != NULL; j = j->next, files++) {
    Call same = sh(&f, "sha256sum plugins/%s", j->key);
    CU_ASSERT(strncmp(same.out, j->text, 64) == 0);
  }
  CU_ASSERT_EQUAL(files, 4);
  call = sh(&f, "%s", run);
  ENDS(call, 0, "nothing to do");
  call = sh(&f, "mv plugins/slcp_distractors_scale.npy scale.npy && %s", run);
  EXPECT(call, call.status == 1 && call_says(&call, "simulator/slcp_distractors") && call_says(&call, "plugins/slcp_distractors_scale.npy"));
  call = sh(&f, "cp plugins/slcp_distractors_location.npy plugins/slcp_distractors_scale.npy && %s", run);
  ENDS(call, 1, "has the shape (20, 92), expected (20, 4278)");
  /* another last byte: another table of the same shape */
  call = sh(&f, "head -c -1 scale.npy > plugins/slcp_distractors_scale.npy && printf '\\001' >> plugins/slcp_distractors_scale.npy && %s", run);
  EXPECT(call, call.status == 0 && !call_says(&call, "re-used") && !call_says(&call, "nothing to do"));
  call = sh(&f, "cp scale.npy plugins/slcp_distractors_scale.npy && %s", run);
  ENDS(call, 0, "nothing to do");
  folder_end(&f);
}

/* An installed tree is found from its executable, wherever it is moved to. */
static void data_files_are_found_where_the_prefix_was_moved(void) {
  Folder f = begin();
  put_text(&f, "tables.yaml", "simulator: {use: slcp_distractors}\n");
  put_text(&f, "theta.csv", "a,b,c,d,e\n0.5,-0.5,1,1,0\n1,1,1,1,1\n");
  Call call =
      sh(&f, "mkdir -p one/bin one/lib/ebb && cp $EBB one/bin/ && cp \"$(dirname $EBB)\"/../*.so \"$(dirname $EBB)\"/../slcp_*.npy one/lib/ebb/ && "
             "$EBB simulate tables.yaml --theta theta.csv --out built.npy && one/bin/ebb simulate tables.yaml --theta theta.csv --out one.npy && "
             "mkdir far && mv one far/two && far/two/bin/ebb simulate tables.yaml --theta theta.csv --out two.npy && "
             "cmp built.npy one.npy && cmp built.npy two.npy");
  ENDS(call, 0, NULL);
  call = sh(&f, "rm far/two/lib/ebb/slcp_distractors_order.npy && far/two/bin/ebb simulate tables.yaml --theta theta.csv --out two.npy");
  EXPECT(call, call.status == 1 && call_says(&call, "far/two/lib/ebb/slcp_distractors_order.npy"));
  folder_end(&f);
}

static void a_crash_in_a_plugin_names_it(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml --plugin $BROKEN/sampler_crash.so --set sampling.sampler.use=crash");
  EXPECT(call, call.status > 128 && call_says(&call, "sampler/crash"));
  call = sh(&f, "$EBB run small.yaml");
  ENDS(call, 0, NULL);
  folder_end(&f);
}

static const Test tests[] = {
    {"a plugin with fast-math changes no bit", a_fast_math_plugin_changes_no_bit},
    {"plugins with threads of their own end well, ten times of ten", plugins_with_threads_end_well_ten_times},
    {"helpers of one name do not meet, missing ones are told at load", helpers_of_one_name_do_not_meet},
    {"a broken file beside sound ones harms nobody", a_broken_file_beside_sound_ones_harms_nobody},
    {"a changed plugin is another key for what it takes part in", a_changed_plugin_is_another_key},
    {"data files are part of their plugin", data_files_are_part_of_their_plugin},
    {"data files are found where the prefix was moved", data_files_are_found_where_the_prefix_was_moved},
    {"a crash in a plugin names it", a_crash_in_a_plugin_names_it},
};

TEST_MAIN("foreign plugins", tests)
