/* SPDX-License-Identifier: MIT
 *
 * Specs as they are written, through the executable: what YAML readers elsewhere let pass, or die of. Cases A22 to A26; each refusal has
 * file:line:column and exit status 2. */
#include "ebb.h"

static void refused(const Folder *f, const char *text, const char *says) {
  put_text(f, "spec.yaml", text);
  Call call = sh(f, "$EBB run spec.yaml");
  bool good = call.status == 2 && strstr(call.err, says) != NULL && call.out[0] == '\0';
  if (!good) printf("\n%.200s: expected \"%s\"\n", text, says);
  EXPECT(call, good);
}

static char *repeated(const Folder *f, const char *before, int n, const char *what, const char *after) {
  Str s = {0};
  str_add(&s, before);
  for (int i = 0; i < n; i++) str_add(&s, what);
  str_add(&s, after);
  char *kept = arena_copy(f->arena, s.text);
  str_free(&s);
  return kept;
}

static void a_key_given_twice_is_refused_with_both_places(void) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"seed: 1\nsimulator: {use: two_moons}\nseed: 2\n", "spec.yaml:3:1: the key \"seed\" is given twice, first at spec.yaml:1:1"},
      {"simulator: {use: two_moons}\nsampling:\n  sampler: {use: ddim, steps: 5, \"steps\": 6}\n",
       "spec.yaml:3:34: the key \"steps\" is given twice"},
      {"seed: 1\n\"se\\x65d\": 2\nsimulator: {use: two_moons}\n", "spec.yaml:2:1: the key \"seed\" is given twice"},
      {"extends: base.yaml\nseed: 1\nseed: 2\n", "spec.yaml:3:1"},
      {"extends: twice.yaml\n", "twice.yaml:2:1"},
  };
  Folder f = folder_begin();
  put_text(&f, "base.yaml", "seed: 5\nsimulator: {use: two_moons}\n");
  put_text(&f, "twice.yaml", "seed: 5\nseed: 6\n");
  for (size_t i = 0; i < COUNT(cases); i++) refused(&f, cases[i].text, cases[i].says);
  put_text(&f, "child.yaml", "extends: base.yaml\nseed: 9\n"); /* the same key in base and child is what extends is for */
  Call call = sh(&f, "$EBB resolve child.yaml");
  ENDS(call, 0, "seed: 9");
  folder_end(&f);
}

/* Under a small stack and little memory: a refusal, no crash. */
static void deep_nesting_is_refused(void) {
  Folder f = folder_begin();
  char *rows = arena_copy(f.arena, "");
  Str levels = {0};
  for (int i = 0; i < 3000; i++) str_print(&levels, "%*sa:\n", i, "");
  rows = arena_copy(f.arena, levels.text);
  str_free(&levels);
  const char *const texts[] = {repeated(&f, "a: ", 20000, "[", "\n"), repeated(&f, repeated(&f, "a: ", 20000, "[", ""), 20000, "]", "\n"),
                               repeated(&f, "", 5000, "{a: ", "\n"), repeated(&f, "", 5000, "- ", "1\n"), rows};
  for (size_t i = 0; i < COUNT(texts); i++) {
    put_text(&f, "deep.yaml", texts[i]);
    Call call = sh(&f, "ulimit -s 256; $EBB resolve deep.yaml");
    EXPECT(call, call.status == 2 && call_says(&call, "deep.yaml:") && call_says(&call, "64"));
  }
  put_text(&f, "spec.yaml", "simulator: {use: two_moons}\n");
  Call call = sh(&f, "$EBB resolve spec.yaml --set \"seed=$(head -c 20000 /dev/zero | tr '\\0' '[')\"");
  EXPECT(call, call.status == 2 && call_says(&call, "--set"));
  folder_end(&f);
}

static void numbers_are_numbers(void) {
  static const struct {
    const char *set, *says; /* NULL: taken, and printed as `prints` */
    const char *prints;
  } cases[] = {
      {"training.learning_rate=5e-4", NULL, "learning_rate: 0.0005"},
      {"training.learning_rate=1E-3", NULL, "learning_rate: 0.001"},
      {"training.learning_rate=.5", NULL, "learning_rate: 0.5"},
      {"training.learning_rate=1.", NULL, "learning_rate: 1"},
      {"training.learning_rate=+1.0", NULL, "learning_rate: 1"},
      {"simulations.count=1e3", NULL, "count: 1000"},
      {"simulations.count=1e-3", "count must be an integer", NULL},
      {"simulations.count=1_000", "count must be an integer", NULL},
      {"simulations.count=1e400", "count must be in", NULL},
      {"training.learning_rate=.inf", "learning_rate must be", NULL},
      {"training.learning_rate=nan", "learning_rate must be", NULL},
      {"model.network.dropout=no", "dropout must be", NULL},
      {"seed=18446744073709551615", NULL, "seed: 18446744073709551615"},
      {"seed=-1", "seed must be", NULL},
  };
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", "simulator: {use: two_moons}\n");
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = sh(&f, "$EBB resolve spec.yaml --set %s", cases[i].set);
    bool good = cases[i].says == NULL ? call.status == 0 && strstr(call.out, cases[i].prints) != NULL
                                      : call.status == 2 && strstr(call.err, cases[i].says) != NULL;
    if (!good) printf("\n%s\n", cases[i].set);
    EXPECT(call, good);
  }
  folder_end(&f);
}

/* A25: texts that YAML 1.1 takes for truth values, numbers or nothing stay texts, up to the manifest and the table. */
static void names_stay_names(void) {
  static const char *const names[] = {"no", "on", "y", "n", "null", "~", "1", "25921e05", "a/b", "beta"};
  Folder f = folder_begin();
  put_text(&f, "x.csv", "a\n0.5\n");
  for (size_t i = 0; i < COUNT(names); i++) {
    put_text(&f, "spec.yaml",
             arena_print(f.arena,
                         "simulator: {use: workbench, d: 1, name: %s%s%s}\n"
                         "simulations: {count: 200}\n"
                         "model: {network: {use: time_mlp, width: 8, blocks: 1}}\n"
                         "training: {epochs: 1}\n"
                         "sampling: {observations: {file: x.csv}, draws: 5}\n",
                         i < 4 || i > 6 ? "" : "'", names[i], i < 4 || i > 6 ? "" : "'"));
    Call call = sh(&f, "$EBB run spec.yaml --plugin-dir $PLUGINS && $EBB resolve spec.yaml --plugin-dir $PLUGINS > once.yaml && "
                       "$EBB run once.yaml --plugin-dir $PLUGINS");
    ENDS(call, 0, "nothing to do");
    const Json *name = get_json(&f, "runs/spec/manifest.json", "parameters.0");
    CU_ASSERT(name != NULL && name->type == JSON_STRING && strcmp(name->text, names[i]) == 0);
    CU_ASSERT(strstr(get_text(&f, "runs/spec/posterior/summary.csv"), arena_print(f.arena, "\n1,%s,", names[i])) != NULL);
  }
  folder_end(&f);
}

static void aliases_that_grow_are_refused(void) {
  Folder f = folder_begin();
  Str bomb = {0};
  str_add(&bomb, "a: &a [x, x, x, x, x, x, x, x, x]\n");
  for (char c = 'b'; c <= 'i'; c++) {
    str_print(&bomb, "%c: &%c [", c, c);
    for (int k = 0; k < 9; k++) str_print(&bomb, "%s*%c", k > 0 ? ", " : "", c - 1);
    str_add(&bomb, "]\n");
  }
  put_text(&f, "bomb.yaml", bomb.text);
  str_free(&bomb);
  static const char *const specs[] = {"bomb.yaml", "child.yaml"};
  put_text(&f, "child.yaml", "extends: bomb.yaml\n");
  for (size_t i = 0; i < COUNT(specs); i++) {
    Call call = sh(&f, "$EBB resolve %s", specs[i]);
    EXPECT(call, call.status == 2 && call_says(&call, "bomb.yaml:") && strlen(call.err) < 1000);
  }
  refused(&f, "a: &a [*a]\n", "spec.yaml:1:8: the alias *a stands inside what it names");
  put_text(&f, "fine.yaml", "seed: &n 5\nsimulator: &s {use: two_moons}\ntraining: {epochs: *n, batch: *n}\nsampling: {draws: *n}\n");
  Call call = sh(&f, "$EBB resolve fine.yaml");
  EXPECT(call, call.status == 0 && call_says(&call, "epochs: 5") && call_says(&call, "draws: 5"));
  folder_end(&f);
}

static void what_is_no_spec_is_refused(void) {
  static const char *const texts[] = {"",
                                      "# nothing\n",
                                      "[1, 2]\n",
                                      "two_moons\n",
                                      "simulator: {use: two_moons}\n---\nseed: 1\n",
                                      "seed: 1\n",
                                      "simulator: {use: two_moons}\nseed: \xE9\n",
                                      "\xFF\xFEs\n",
                                      "a: 1\n b: 2\n",
                                      "extends: spec.yaml\n",
                                      "extends: ../spec.yaml\n",
                                      "extends: absent.yaml\n",
                                      "simulator: !!map {use: two_moons}\n"};
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(texts); i++) refused(&f, texts[i], "yaml");
  folder_end(&f);
}

/* Whichever of epochs and steps ends first; 600 simulations hold 500 to train on at batch 64, 7 steps an epoch. */
static void steps_bound_training_as_epochs_do(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  static const struct {
    const char *options, *last;
  } cases[] = {{"--set training.epochs=100 --set training.steps=10", "\n10,640,"},
               {"--set training.epochs=2 --set training.steps=1000", "\n14,896,"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = sh(&f, "$EBB train small.yaml --set training.batch=64 --set training.patience=0 %s", cases[i].options);
    ENDS(call, 0, NULL);
    char *text = get_text(&f, "runs/small/training.csv"), *last = strrchr(text, '\n');
    while (last > text && last[1] == '\0') *last = '\0', last = strrchr(text, '\n');
    if (strncmp(last, cases[i].last, strlen(cases[i].last)) != 0) printf("%s\n", last);
    CU_ASSERT(strncmp(last, cases[i].last, strlen(cases[i].last)) == 0);
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"steps bound training as epochs do", steps_bound_training_as_epochs_do},
    {"a key given twice is refused with both places", a_key_given_twice_is_refused_with_both_places},
    {"deep nesting is refused, also on a small stack", deep_nesting_is_refused},
    {"numbers are numbers, and nothing else is", numbers_are_numbers},
    {"names stay names up to the manifest", names_stay_names},
    {"aliases that grow are refused", aliases_that_grow_are_refused},
    {"what is no spec is refused", what_is_no_spec_is_refused},
};

TEST_MAIN("specs as they are written", tests)
