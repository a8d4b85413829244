/* SPDX-License-Identifier: MIT
 *
 * The command line: what it refuses and how it says so, what it prints, what it takes. */
#include <math.h>

#include "ebb.h"

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  return f;
}

static Folder begin_run(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml");
  ENDS(call, 0, NULL);
  return f;
}

static void wrong_usage_ends_with_2_and_a_sentence(void) {
  static const struct {
    const char *line, *says;
  } cases[] = {
      {"", "ebb run"},
      {"frobnicate small.yaml", "unknown command frobnicate"},
      {"simulat small.yaml", "unknown command simulat; did you mean simulate?"},
      {"run", "usage: ebb run SPEC"},
      {"run small.yaml other.yaml", "usage: ebb run SPEC"},
      {"run small.yaml --thread 2", "unknown option --thread; did you mean --threads?"},
      {"run small.yaml --xylophone", "unknown option --xylophone"},
      {"run small.yaml --threads", "--threads needs a value"},
      {"run small.yaml --threads two", "--threads must be a whole number from 1 to 4096 (got two)"},
      {"run small.yaml --threads 0", "--threads must be a whole number from 1 to 4096 (got 0)"},
      {"run small.yaml --threads 2.5", "(got 2.5)"},
      {"run small.yaml --threads 99999999999999999999", "(got 99999999999999999999)"},
      {"run small.yaml --block -3", "--block must be a whole number"},
      {"run small.yaml --quiet=yes", "--quiet takes no value"},
      {"run small.yaml --log xml", "--log is text or json (got xml)"},
      {"run small.yaml --name ../elsewhere", "--name ../elsewhere: a run's name is a folder's"},
      {"run small.yaml --name .store", "--name .store"},
      {"run small.yaml --name ''", "--name "},
      {"run absent.yaml", "absent.yaml"},
      {"run .", "."},
      {"run small.yaml --set", "--set needs a value"},
      {"run small.yaml --set seed", "seed"},
      {"run small.yaml --set trainig.epochs=3", "did you mean \"training\"?"},
      {"run small.yaml --set training.epochs=many", "epochs"},
      {"run small.yaml --set training.epochs=0", "epochs"},
      {"run small.yaml --set training.learning_rate=yes", "learning_rate"},
      {"run small.yaml --set sampling.sampler.use=hein", "did you mean \"heun\"?"},
      {"run small.yaml --set sampling.sampler.stpes=4", "did you mean \"steps\"?"},
      {"run small.yaml --set simulator.use=nothing_like_it", "no simulator \"nothing_like_it\""},
      {"run small.yaml --set sampling.observations.index='[6]'", "observations 1 to 5, not 6"},
      {"run small.yaml --set sampling.observations.index='[0]'", "index"},
      {"run small.yaml --set sampling.observations.index='[1, 1]'", "twice"},
      {"run small.yaml --set sampling.grid.range='[8, 0.005]'", "range"},
      {"describe heun", "expected KIND/ID"},
      {"describe sampler/hein", "did you mean \"heun\"?"},
      {"describe sampel/heun", "expected KIND/ID such as sampler/heun"},
      {"sample runs/absent --observations x.npy --out o", "runs/absent"},
      {"sample small.yaml --observations x.npy --out o", "small.yaml is no folder of a run"},
      {"sample . --observations x.npy --out o", "is no run with a model"},
      {"c2st a.npy", "usage: ebb c2st DRAWS REFERENCE"},
      {"c2st a.npy b.npy --protocl rf", "unknown option --protocl; did you mean --protocol?"},
      {"c2st a.npy b.npy --protocol forest", "protocol must be one of mlp, rf, both"},
      {"c2st a.npy b.npy --protocol", "--protocol needs a value"},
      {"run small.yaml --protocol rf", "unknown option --protocol"},
      {"simulate small.yaml --theta t.npy", "--out"},
      {"run small.yaml --plugin-dir absent", "--plugin-dir absent: no such folder"},
      {"run small.yaml --plugin absent.so", "absent.so"},
  };
  Folder f = begin();
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = sh(&f, "$EBB %s", cases[i].line);
    bool good = call.status == 2 && strstr(call.err, cases[i].says) != NULL && call.out[0] == '\0';
    if (!good) printf("\nebb %s: expected \"%s\"", cases[i].line, cases[i].says);
    EXPECT(call, good);
  }
  Call made = sh(&f, "ls runs"); /* nothing of it made a folder */
  EXPECT(made, made.status != 0);
  folder_end(&f);
}

static void help_and_version_are_printed(void) {
  Folder f = begin();
  static const char *const lines[] = {"help", "--help", "-h"};
  for (size_t i = 0; i < COUNT(lines); i++) {
    Call call = sh(&f, "$EBB %s", lines[i]);
    EXPECT(call, call.status == 0 && strstr(call.out, "ebb run") != NULL && strstr(call.out, "--threads") != NULL);
  }
  Call call = sh(&f, "$EBB --version");
  EXPECT(call, call.status == 0 && strncmp(call.out, "ebb ", 4) == 0);
  folder_end(&f);
}

static void machine_readable_output_is_json(void) {
  Folder f = begin_run();
  Call call = sh(&f, "$EBB plugins --json > plugins.json && $EBB describe sampler/heun --json > heun.json && $EBB runs --json > runs.json");
  ENDS(call, 0, NULL);
  bool heun = false;
  for (const Json *p = get_json(&f, "plugins.json", "0"); p != NULL; p = p->next) {
    CU_ASSERT(json_string(p, "kind", NULL) != NULL && json_get(p, "file") != NULL && json_string(p, "summary", NULL) != NULL);
    heun = heun || (strcmp(json_string(p, "kind", ""), "sampler") == 0 && strcmp(json_string(p, "id", ""), "heun") == 0);
  }
  CU_ASSERT(heun);
  const Json *steps = get_json(&f, "heun.json", "parameters.0");
  CU_ASSERT(steps != NULL);
  static const char *const keys[] = {"key", "type", "default", "range", "unit", "meaning"};
  for (size_t i = 0; i < COUNT(keys); i++) CU_ASSERT(steps != NULL && json_get(steps, keys[i]) != NULL);
  const Json *run = get_json(&f, "runs.json", "0");
  CU_ASSERT(run != NULL && strcmp(json_string(run, "run", ""), "small") == 0);
  call = sh(&f, "$EBB runs --json --runs nowhere");
  EXPECT(call, call.status == 0 && strcmp(call.out, "[]\n") == 0);
  folder_end(&f);
}

static void every_component_can_be_described(void) {
  Folder f = begin();
  Call all = sh(&f, "$EBB plugins");
  ENDS(all, 0, "sampler/heun");
  int n = 0;
  for (char *rest = all.out, *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
    if (*line == '\0') continue;
    line[strcspn(line, " ")] = '\0';
    Call call = sh(&f, "$EBB describe %s && $EBB describe %s --json > d.json", line, line);
    EXPECT(call, call.status == 0 && strncmp(call.out, line, strlen(line)) == 0);
    CU_ASSERT(get_json(&f, "d.json", "id") != NULL);
    n++;
  }
  CU_ASSERT(n >= 11);
  folder_end(&f);
}

static void lines_of_the_json_log_are_json(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml --log json");
  ENDS(call, 0, NULL);
  int n = 0;
  for (char *rest = call.err, *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
    Json *json;
    if (*line == '\0') continue;
    n++;
    CU_ASSERT(json_read(f.arena, "log", line, strlen(line), &json) == EBB_OK);
  }
  CU_ASSERT(n > 4);
  folder_end(&f);
}

static void a_resolved_spec_resolves_to_itself(void) {
  Folder f = begin();
  put_text(&f, "base.yaml", small_spec);
  put_text(&f, "child.yaml",
           "extends: base.yaml\n"
           "seed: 18446744073709551615\n"
           "sampling: {observations: {file: \"data/\\u00e4 'x' \\\"y\\\": #1.npy\"}}\n"
           "evaluation: [{use: c2st, reference: 'ref {k}, no.npy'}, {use: c2st}]\n");
  static const char *const specs[] = {"small.yaml", "child.yaml"};
  for (size_t i = 0; i < COUNT(specs); i++) {
    Call call = sh(&f, "$EBB resolve %s > once.yaml && $EBB resolve once.yaml > twice.yaml && cmp once.yaml twice.yaml", specs[i]);
    ENDS(call, 0, NULL);
  }
  CU_ASSERT(strstr(get_text(&f, "once.yaml"), "18446744073709551615") != NULL);
  folder_end(&f);
}

static void set_changes_what_resolve_prints(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB resolve small.yaml --set training.epochs=1e3 --set 'sampling.observations.index=[3, 4]' --set sampling.sampler.use=ddim "
                     "--set sampling.sampler.eta=.5");
  EXPECT(call, call.status == 0 && strstr(call.out, "epochs: 1000") != NULL && strstr(call.out, "eta: 0.5") != NULL);
  Call with_list = sh(&f, "$EBB resolve small.yaml --set 'evaluation=[{use: c2st}]' --set 'evaluation[0].folds=7'");
  EXPECT(with_list, with_list.status == 0 && strstr(with_list.out, "folds: 7") != NULL);
  folder_end(&f);
}

static void new_data_are_sampled_from_npy_and_csv(void) {
  Folder f = begin_run();
  static const float x[3][2] = {{-0.5f, 0.25f}, {0, 0}, {0.125f, -0.5f}};
  put_rows(&f, "x.npy", 3, 2, &x[0][0]);
  put_text(&f, "x.csv", "x1,x2\n-0.5,0.25\n0,0\n0.125,-0.5\n");
  Call call = sh(&f, "$EBB sample runs/small --observations x.npy --draws 40 --out from/npy && "
                     "$EBB sample runs/small/ --observations x.csv --draws 40 --out from_csv");
  ENDS(call, 0, "(3, 40, 2)");
  const char *shape;
  int64_t n;
  CU_ASSERT(get_floats(&f, "from/npy/theta.npy", &n, &shape) != NULL);
  CU_ASSERT_STRING_EQUAL(shape, "(3, 40, 2)");
  CU_ASSERT_STRING_EQUAL(bits(&f, "from/npy/theta.npy"), bits(&f, "from_csv/theta.npy"));
  CU_ASSERT_EQUAL(get_number(&f, "from_csv/manifest.json", "draws"), 40);
  CU_ASSERT(isfinite(get_summary(&f, "from_csv/summary.csv", 3, "theta2", "q95")));
  Call left = sh(&f, "ls -A from_csv");
  CU_ASSERT_STRING_EQUAL(left.out, "manifest.json\nsummary.csv\ntheta.npy\n");
  /* one observation of one dimension is one row */
  put_text(&f, "one.csv", "x1,x2\n-0.5,0.25\n");
  call = sh(&f, "$EBB sample runs/small --observations x.npy --draws 40 --out other --set model.schedule.use=flow");
  ENDS(call, 2, "trained as its spec.yaml says");
  call = sh(&f, "$EBB sample runs/small --observations one.csv --draws 40 --out one");
  ENDS(call, 0, "(1, 40, 2)");
  folder_end(&f);
}

static void data_of_the_wrong_shape_are_refused(void) {
  static const struct {
    const char *file, *text, *says;
  } cases[] = {{"wide.csv", "a,b,c\n1,2,3\n", "expected 2 numbers an observation"},
               {"narrow.csv", "a\n1\n", "expected 2 numbers an observation"},
               {"ragged.csv", "a,b\n1,2\n3\n", "ragged.csv:3:"},
               {"word.csv", "a,b\n1,two\n", "word.csv:2:3: \"two\""},
               {"nan.csv", "a,b\n1,nan\n", "observation 1, number 2 is nan"},
               {"large.csv", "a,b\n1,1e39\n", "observation 1, number 2"},
               {"empty.csv", "", "empty"},
               {"none.csv", "a,b\n", "no observation"},
               {"x.txt", "1 2\n", "expected a name that ends in .npy or .csv"},
               {"x.npy", "no numpy file", "x.npy"}};
  Folder f = begin_run();
  for (size_t i = 0; i < COUNT(cases); i++) {
    put_text(&f, cases[i].file, cases[i].text);
    Call call = sh(&f, "$EBB sample runs/small --observations %s --draws 40 --out out", cases[i].file);
    bool good = call.status != 0 && call.status < 3 && strstr(call.err, cases[i].says) != NULL && strstr(call.err, cases[i].file) != NULL;
    if (!good) printf("\n%s: expected \"%s\"", cases[i].file, cases[i].says);
    EXPECT(call, good);
  }
  Call made = sh(&f, "test ! -e out/theta.npy");
  EXPECT(made, made.status == 0);
  folder_end(&f);
}

static void the_simulator_alone_takes_parameters(void) {
  Folder f = begin();
  put_text(&f, "t.csv", "theta1,theta2\n0.5,-0.25\n-0.5,0.25\n");
  Call call = sh(&f, "$EBB simulate small.yaml --theta t.csv --out x.npy && $EBB simulate small.yaml --theta t.csv --out again.npy --threads 1");
  ENDS(call, 0, NULL);
  int64_t n;
  const char *shape;
  const float *x = get_floats(&f, "x.npy", &n, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(2, 2)");
  CU_ASSERT_STRING_EQUAL(bits(&f, "x.npy"), bits(&f, "again.npy"));
  /* the crescents' centres are (.25 - |t1 + t2|/sqrt 2, (t2 - t1)/sqrt 2), their radius .1 within ten of its sd .01 */
  for (int i = 0; n == 4 && i < 2; i++) {
    double t1 = i == 0 ? 0.5 : -0.5, t2 = -t1 / 2;
    CU_ASSERT_DOUBLE_EQUAL(hypot((double)x[2 * i] - 0.25 + fabs(t1 + t2) / sqrt(2), (double)x[2 * i + 1] - (t2 - t1) / sqrt(2)), 0.1, 0.1);
  }
  put_text(&f, "wide.csv", "a,b,c\n1,2,3\n");
  call = sh(&f, "$EBB simulate small.yaml --theta wide.csv --out y.npy");
  EXPECT(call, call.status != 0 && call_says(&call, "expected 2 parameters a row, found 3"));
  folder_end(&f);
}

/* A02 without a run: failed rows are NaN, counted, and no failure. */
static void failed_simulations_of_given_parameters_are_nan(void) {
  Folder f = begin();
  put_text(&f, "w.yaml", "simulator: {use: workbench, d: 1, fail_above: 1}\n");
  put_text(&f, "t.csv", "theta\n0.5\n1.5\n-3\n");
  Call call = sh(&f, "$EBB simulate w.yaml --theta t.csv --out x.npy --plugin-dir $PLUGINS");
  ENDS(call, 0, "1 of 3 simulations failed");
  int64_t n;
  const float *x = get_floats(&f, "x.npy", &n, NULL);
  CU_ASSERT(n == 3 && isfinite(x[0]) && isnan(x[1]) && isfinite(x[2]));
  folder_end(&f);
}

/* A11. */
static void two_sets_of_draws_are_compared(void) {
  static const struct {
    const char *a, *b;
    int rows;
    double least, most;
  } cases[] = {{"1,1\n", "0,0\n", 200, 0.999, 1}, {"1,1\n", "1,1\n", 200, 0, 0.6}};
  Folder f = begin();
  for (size_t i = 0; i < COUNT(cases); i++) {
    Str a = {0}, b = {0};
    str_add(&a, "p,q\n");
    str_add(&b, "p,q\n");
    for (int k = 0; k < cases[i].rows; k++) {
      str_add(&a, cases[i].a);
      str_add(&b, cases[i].b);
    }
    put_text(&f, "a.csv", a.text);
    put_text(&f, "b.csv", b.text);
    str_free(&a);
    str_free(&b);
    Call call = sh(&f, "$EBB c2st a.csv b.csv");
    double value = NAN;
    EXPECT(call, call.status == 0 && sscanf(call.out, "c2st %lf", &value) == 1);
    EXPECT(call, value >= cases[i].least && value <= cases[i].most);
    EXPECT(call, strstr(call.out, "\nc2st_rf ") != NULL); /* both, unless one is asked for */
    for (int k = 0; k < 3; k++) {
      static const char *const rf[] = {"--protocol rf", "--protocol=rf", "--set protocol=rf"};
      call = sh(&f, "$EBB c2st a.csv b.csv %s", rf[k]);
      EXPECT(call, call.status == 0 && sscanf(call.out, "c2st_rf %lf", &value) == 1 && strstr(call.out, "c2st ") == NULL);
      EXPECT(call, value >= cases[i].least && value <= cases[i].most);
    }
  }
  put_text(&f, "wide.csv", "a,b,c\n1,2,3\n");
  Call call = sh(&f, "$EBB c2st a.csv wide.csv");
  EXPECT(call, call.status != 0 && call_says(&call, "a.csv has 2 numbers a draw, wide.csv has 3"));
  put_text(&f, "few.csv", "p,q\n1,1\n0,0\n");
  call = sh(&f, "$EBB c2st few.csv few.csv");
  EXPECT(call, call.status != 0 && !call_says(&call, "nan"));
  folder_end(&f);
}

/* Five observations go to a metric in parts; the table has a line for each and one mean of all. */
static void metrics_have_a_line_an_observation_and_one_mean(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml --set 'sampling.observations.index=[1, 2, 3, 4, 5]' --set 'evaluation=[{use: c2st, epochs: 30}]'");
  ENDS(call, 0, NULL);
  double sum = 0, mean = NAN, value, error;
  int seen = 0, means = 0;
  long long observation, n;
  for (char *rest = get_text(&f, "runs/small/metrics.csv"), *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
    if (sscanf(line, "c2st,%lld,,%lf,%lf,%lld,", &observation, &value, &error, &n) == 4) {
      CU_ASSERT(observation == ++seen && n == 600);
      sum += value;
    }
    if (sscanf(line, "c2st,,,%lf,%lf,%lld,", &value, &error, &n) == 3) {
      CU_ASSERT(n == 5 && isfinite(error));
      mean = value;
      means++;
    }
  }
  CU_ASSERT(seen == 5 && means == 1);
  CU_ASSERT_DOUBLE_EQUAL(mean, sum / 5, 1e-6);
  EXPECT(call, strstr(call.out, "mean") != NULL);
  folder_end(&f);
}

static void an_instruction_set_can_be_chosen_up_to_the_machines(void) {
  Folder f = begin();
  Call best = sh(&f, "$EBB --version");
  static const char *const sets[] = {"portable", "avx2", "avx512"};
  for (size_t i = 0; i < COUNT(sets); i++) {
    Call call = sh(&f, "EBB_ISA=%s $EBB run small.yaml --runs %s", sets[i], sets[i]);
    if (call.status == 2) { /* above the machine: it says so */
      EXPECT(call, i > 0 && call_says(&call, sets[i]) && strstr(best.out, sets[i]) == NULL);
      continue;
    }
    EXPECT(call, call.status == 0 && call_says(&call, sets[i]));
    const Json *isa = get_json(&f, arena_print(f.arena, "%s/small/manifest.json", sets[i]), "isa");
    CU_ASSERT(isa != NULL && strcmp(isa->text, sets[i]) == 0);
  }
  Call other = sh(&f, "EBB_ISA=sse9 $EBB run small.yaml");
  ENDS(other, 2, "sse9");
  other = sh(&f, "EBB_ISA=portable $EBB run small.yaml --runs portable");
  ENDS(other, 0, "nothing to do");
  if (strstr(best.out, "portable") == NULL) { /* an instruction set is part of every key */
    other = sh(&f, "$EBB run small.yaml --runs portable");
    EXPECT(other, other.status == 0 && !call_says(&other, "re-used") && !call_says(&other, "nothing to do"));
  }
  folder_end(&f);
}

static void a_reader_that_goes_away_is_an_error_not_a_signal(void) {
  Folder f = begin();
  Call call = sh(&f, "{ $EBB plugins; echo $? > status; } | true; cat status");
  EXPECT(call, call.out[0] == '0' || call.out[0] == '1'); /* 141 would be death by SIGPIPE */
  call = sh(&f, "$EBB plugins > /dev/full");
  ENDS(call, 1, "cannot write to the standard output");
  call = sh(&f, "$EBB run small.yaml >&-");
  EXPECT(call, call.status == 1 || call.status == 0);
  Call whole = sh(&f, "$EBB run small.yaml");
  ENDS(whole, 0, "nothing to do");
  folder_end(&f);
}

/* Closed descriptors must not be given to files of the store. */
static void closed_streams_do_no_harm(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run small.yaml <&- >&- 2>&-");
  EXPECT(call, call.status == 0 || call.status == 1);
  Call again = sh(&f, "$EBB run small.yaml");
  ENDS(again, 0, NULL);
  Call other = sh(&f, "$EBB run small.yaml --runs other");
  ENDS(other, 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/small/posterior/theta.npy"), bits(&f, "other/small/posterior/theta.npy"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/small/model.safetensors"), bits(&f, "other/small/model.safetensors"));
  folder_end(&f);
}

static void folders_that_cannot_be_written_are_named(void) {
  Folder f = begin();
  put_text(&f, "file", "in the way");
  Call call = sh(&f, "$EBB run small.yaml --runs file");
  EXPECT(call, call.status == 1 && call_says(&call, "file"));
  call = sh(&f, "$EBB run small.yaml --runs file/below");
  EXPECT(call, call.status == 1 && call_says(&call, "not a directory"));
  call = sh(&f, "$EBB run small.yaml --runs /proc/none");
  EXPECT(call, call.status == 1 && call_says(&call, "/proc/none"));
  call = sh(&f, "mkdir runs && echo > runs/small && $EBB run small.yaml");
  EXPECT(call, call.status == 1 && call_says(&call, "runs/small"));
  call = sh(&f, "rm runs/small && $EBB run small.yaml && $EBB sample runs/small --observations runs/small/simulations/x.npy --draws 1 --out file");
  EXPECT(call, call.status == 1 && call_says(&call, "file"));
  folder_end(&f);
}

static void the_table_of_runs_survives_a_broken_manifest(void) {
  Folder f = begin_run();
  Call call = sh(&f, "mkdir runs/broken runs/empty && head -c 20000 /dev/zero | tr '\\0' '[' > runs/broken/manifest.json && $EBB runs");
  EXPECT(call, call.status == 0 && strstr(call.out, "small") != NULL && call_says(&call, "runs/broken/manifest.json"));
  folder_end(&f);
}

/* Found relative to the executable, wherever it is called from and under whatever name. */
static void plugins_are_found_from_anywhere(void) {
  Folder f = begin();
  Call call = sh(&f, "ln -s $EBB ebb-link && ./ebb-link plugins && cd / && $EBB plugins");
  ENDS(call, 0, "sampler/heun");
  call = sh(&f, "$EBB run small.yaml --set simulator.use=workbench");
  EXPECT(call, call.status == 2 && call_says(&call, "no simulator \"workbench\""));
  call = sh(&f, "EBB_PLUGIN_PATH=/nowhere:$PLUGINS $EBB describe simulator/workbench && $EBB describe simulator/workbench --plugin "
                "$PLUGINS/simulator_workbench.so");
  ENDS(call, 0, "what went wrong for others");
  folder_end(&f);
}

static const Test tests[] = {
    {"wrong usage ends with 2 and a sentence", wrong_usage_ends_with_2_and_a_sentence},
    {"help and version are printed", help_and_version_are_printed},
    {"plugins, describe and runs print JSON", machine_readable_output_is_json},
    {"every component can be described", every_component_can_be_described},
    {"each line of the JSON log is JSON", lines_of_the_json_log_are_json},
    {"a resolved spec resolves to itself", a_resolved_spec_resolves_to_itself},
    {"--set changes what resolve prints", set_changes_what_resolve_prints},
    {"new data are sampled from .npy and .csv", new_data_are_sampled_from_npy_and_csv},
    {"data of the wrong shape are refused", data_of_the_wrong_shape_are_refused},
    {"the simulator alone takes parameters", the_simulator_alone_takes_parameters},
    {"failed simulations of given parameters are NaN and counted", failed_simulations_of_given_parameters_are_nan},
    {"two sets of draws are compared", two_sets_of_draws_are_compared},
    {"metrics have a line an observation and one mean", metrics_have_a_line_an_observation_and_one_mean},
    {"an instruction set can be chosen up to the machine's", an_instruction_set_can_be_chosen_up_to_the_machines},
    {"a reader that goes away is an error, not a signal", a_reader_that_goes_away_is_an_error_not_a_signal},
    {"closed streams do no harm", closed_streams_do_no_harm},
    {"folders that cannot be written are named", folders_that_cannot_be_written_are_named},
    {"the table of runs survives a broken manifest", the_table_of_runs_survives_a_broken_manifest},
    {"plugins are found from anywhere", plugins_are_found_from_anywhere},
};

TEST_MAIN("command line", tests)
