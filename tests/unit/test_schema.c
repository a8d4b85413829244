/* SPDX-License-Identifier: MIT
 *
 * Suite of specs against tables: every type filled, every complaint with its text, printing that reads back. The tables are of made-up components. */
#include <math.h>
#include <string.h>

#include "config/config.h"
#include "test.h"

static Arena *arena;

/* ---- Two components and a table with every type ---- */

typedef struct Ddim {
  int64_t steps;
  double eta;
  EbbChild inner;
} Ddim;

static const EbbParam ddim_params[] = {
    EBB_INT(Ddim, steps, 50, 1, 100000, "", "field evaluations a draw"),
    EBB_REAL(Ddim, eta, 0.0, 0.0, 1.0, "", "share of fresh noise"),
    EBB_COMPONENT(Ddim, inner, EBB_SAMPLER, NULL, "predictor"),
    EBB_END,
};

typedef struct Mlp {
  EbbInts widths;
  const char *name;
} Mlp;

static const EbbParam mlp_params[] = {
    EBB_INTS(Mlp, widths, "[256, 256]", 1, 4096, "", "of the layers"),
    EBB_ROW(Mlp, name, EBB_T_STRING, EBB_P_REQUIRED, 0, 1, 8, NULL, "", "of the tensors", 0, NULL),
    EBB_END,
};

typedef struct Loop {
  EbbChild again;
} Loop;
static const EbbParam loop_params[] = {EBB_COMPONENT(Loop, again, EBB_SAMPLER, "loop", "itself"), EBB_END};

static const int ops_of_ddim = 1;
static const EbbComponent ddim = {
    .size = sizeof ddim, .kind = EBB_SAMPLER, .id = "ddim", .config_size = sizeof(Ddim), .params = ddim_params, .ops = &ops_of_ddim};
static const EbbComponent mlp = {.size = sizeof mlp, .kind = EBB_NETWORK, .id = "mlp", .config_size = sizeof(Mlp), .params = mlp_params};
static const EbbComponent loop = {.size = sizeof loop, .kind = EBB_SAMPLER, .id = "loop", .config_size = sizeof(Loop), .params = loop_params};
static const EbbComponent needy = {.size = sizeof needy, .kind = EBB_SAMPLER, .id = "needy", .config_size = sizeof(Mlp), .params = mlp_params};
static const EbbComponent bare = {.size = sizeof bare, .kind = EBB_SAMPLER, .id = "bare"};

static EbbStatus find(void *ctx, uint32_t kind, const char *id, const EbbComponent **out) {
  static const EbbComponent *const all[] = {&ddim, &mlp, &loop, &needy, &bare};
  ++*(int *)ctx;
  for (size_t i = 0; i < COUNT(all); i++)
    if (all[i]->kind == kind && strcmp(all[i]->id, id) == 0) return *out = all[i], EBB_OK;
  return fail(EBB_E_UNSUPPORTED, "no %s \"%s\"", kind_name(kind), id);
}

static int finds;
static const ConfigPlugins plugins = {.ctx = &finds, .find = find};

enum { WORD_X, WORD_NOISE, WORD_OFF };

typedef struct Group {
  int64_t epochs;
  double rate;
} Group;

static const EbbParam group_params[] = {
    EBB_INT(Group, epochs, 200, 1, 1e9, "", "passes"),
    EBB_REAL(Group, rate, 5e-4, 0, 1, "", "learning rate"),
    EBB_END,
};

typedef struct Ema {
  int64_t use;
  double width;
} Ema;

static const EbbParam ema_params[] = {
    EBB_CHOICE(Ema, use, 0, "power|none", "form"),
    EBB_REAL(Ema, width, 0.1, 0.01, 0.25, "", "width"),
    EBB_END,
};

typedef struct All {
  uint64_t seed;
  bool report;
  int64_t count;
  double tau, open, free, large;
  int64_t predict;
  const char *file, *label;
  EbbInts index;
  EbbReals range;
  EbbChild sampler, guidance, network;
  EbbChildren evaluation;
  Group training;
  Ema ema;
} All;

static const EbbParam all_params[] = {
    EBB_ROW(All, seed, EBB_T_SEED, 0, 1, 0, 0, NULL, "", "of everything", 0, NULL),
    EBB_BOOL(All, report, true, "write a report"),
    EBB_INT(All, count, 1000, 1, 1e12, "rows", "simulations"),
    EBB_REAL(All, tau, 2.5, 0, 10, "ms", "time constant"),
    EBB_ROW(All, open, EBB_T_REAL, EBB_P_OPEN_MIN | EBB_P_OPEN_MAX, 0.5, 0, 1, NULL, "", "between", 0, NULL),
    EBB_ROW(All, free, EBB_T_REAL, EBB_P_OPEN_MIN | EBB_P_OPEN_MAX, 0, -INFINITY, INFINITY, NULL, "", "any", 0, NULL),
    EBB_REAL(All, large, 80, 0, INFINITY, "", "up to infinity"),
    EBB_CHOICE(All, predict, WORD_NOISE, "x|noise|off", "what is predicted"),
    EBB_STRING(All, file, NULL, "a file"),
    EBB_STRING(All, label, "run", "a name"),
    EBB_INTS(All, index, "[1]", 1, 4294967295.0, "", "which"),
    EBB_REALS(All, range, "[0.005, 8]", 1e-9, 1e9, "", "smallest and largest"),
    EBB_COMPONENT(All, sampler, EBB_SAMPLER, "ddim", "sampler"),
    EBB_COMPONENT(All, guidance, EBB_SAMPLER, NULL, "optional"),
    EBB_COMPONENT(All, network, EBB_NETWORK, NULL, "network"),
    EBB_ROW(All, evaluation, EBB_T_COMPONENTS, 0, 0, 0, 0, NULL, "", "metrics", EBB_SAMPLER, NULL),
    EBB_ROW(All, training, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "how", 0, group_params),
    EBB_ROW(All, ema, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "average", 0, ema_params),
    EBB_END,
};

static EbbStatus fill(const char *text, All *out) {
  Node *root;
  *out = (All){0};
  fail_clear();
  EbbStatus status = config_parse(arena, "x.yaml", text, strlen(text), &root);
  return status != EBB_OK ? status : config_fill(arena, root, all_params, "the spec", &plugins, out);
}

static All filled(const char *text) {
  All all;
  EbbStatus status = fill(text, &all);
  CU_ASSERT_EQUAL(status, EBB_OK);
  if (status != EBB_OK) {
    printf("\n  %s: %s\n", text, fail_text());
    fill("seed: 1", &all);
  }
  return all;
}

static void expect_text(const char *got, const char *wanted, const char *of) {
  bool same = strcmp(got, wanted) == 0;
  CU_ASSERT_TRUE(same);
  if (!same) printf("\n  of     %.200s\n  wanted %s\n  got    %s\n", of, wanted, got);
}

/* ---- Values ---- */

static void check_defaults(const All *a) {
  CU_ASSERT_EQUAL(a->seed, 1);
  CU_ASSERT_TRUE(a->report);
  CU_ASSERT_EQUAL(a->count, 1000);
  CU_ASSERT_EQUAL(a->tau, 2.5);
  CU_ASSERT_EQUAL(a->open, 0.5);
  CU_ASSERT_EQUAL(a->large, 80);
  CU_ASSERT_EQUAL(a->predict, WORD_NOISE);
  CU_ASSERT_PTR_NULL(a->file);
  CU_ASSERT_STRING_EQUAL(a->label, "run");
  CU_ASSERT_EQUAL_FATAL(a->index.count, 1);
  CU_ASSERT_EQUAL(a->index.value[0], 1);
  CU_ASSERT_EQUAL_FATAL(a->range.count, 2);
  CU_ASSERT_EQUAL(a->range.value[0], 0.005);
  CU_ASSERT_EQUAL(a->range.value[1], 8);
  CU_ASSERT_PTR_EQUAL_FATAL(a->sampler.component, &ddim);
  CU_ASSERT_PTR_EQUAL(a->sampler.ops, &ops_of_ddim);
  CU_ASSERT_EQUAL(a->sampler.kind, EBB_SAMPLER);
  const Ddim *d = a->sampler.self;
  CU_ASSERT_EQUAL(d->steps, 50);
  CU_ASSERT_EQUAL(d->eta, 0);
  CU_ASSERT_PTR_NULL(d->inner.component);
  CU_ASSERT_PTR_NULL(a->guidance.component);
  CU_ASSERT_EQUAL(a->guidance.kind, EBB_SAMPLER);
  CU_ASSERT_EQUAL(a->evaluation.count, 0);
  CU_ASSERT_EQUAL(a->training.epochs, 200);
  CU_ASSERT_EQUAL(a->training.rate, 5e-4);
  CU_ASSERT_EQUAL(a->ema.width, 0.1);
}

static void what_is_not_said_has_its_default(void) {
  All a = filled("training:\nguidance: ~\n");
  check_defaults(&a);
  a = (All){0};
  CU_ASSERT_EQUAL(config_fill(arena, NULL, all_params, "the spec", &plugins, &a), EBB_OK);
  check_defaults(&a);
}

static void every_type_is_filled(void) {
  All a = filled(
      "seed: 18446744073709551615\nreport: false\ncount: 1e3\ntau: .5\nopen: 5e-4\nfree: -1E3\nlarge: .inf\npredict: \"off\"\n"
      "file: 25921e05\nlabel: \"\"\nindex: [3, 1, 4294967295]\nrange: 5.\nsampler: {use: ddim, steps: 5, inner: {steps: 7, use: ddim, inner: bare}}\n"
      "guidance: bare\nnetwork: {use: mlp, name: no, widths: 7}\nevaluation: [ddim, {use: bare}]\ntraining: {epochs: 7}\nema: none\n");
  CU_ASSERT_EQUAL(a.seed, UINT64_MAX);
  CU_ASSERT_FALSE(a.report);
  CU_ASSERT_EQUAL(a.count, 1000);
  CU_ASSERT_EQUAL(a.tau, 0.5);
  CU_ASSERT_EQUAL(a.open, 0.0005);
  CU_ASSERT_EQUAL(a.free, -1000);
  CU_ASSERT_TRUE(isinf(a.large) && a.large > 0);
  CU_ASSERT_EQUAL(a.predict, WORD_OFF);
  CU_ASSERT_STRING_EQUAL(a.file, "25921e05");
  CU_ASSERT_STRING_EQUAL(a.label, "");
  CU_ASSERT_EQUAL_FATAL(a.index.count, 3);
  CU_ASSERT_EQUAL(a.index.value[2], 4294967295);
  CU_ASSERT_EQUAL_FATAL(a.range.count, 1);
  CU_ASSERT_EQUAL(a.range.value[0], 5);
  const Ddim *outer = a.sampler.self, *inner = outer->inner.self;
  CU_ASSERT_EQUAL(outer->steps, 5);
  CU_ASSERT_EQUAL(inner->steps, 7);
  CU_ASSERT_PTR_EQUAL(inner->inner.component, &bare);
  CU_ASSERT_PTR_EQUAL(a.guidance.component, &bare);
  CU_ASSERT_EQUAL_FATAL(a.evaluation.count, 2);
  CU_ASSERT_PTR_EQUAL(a.evaluation.child[0].component, &ddim);
  CU_ASSERT_EQUAL(((const Ddim *)a.evaluation.child[0].self)->steps, 50);
  CU_ASSERT_PTR_EQUAL(a.evaluation.child[1].component, &bare);
  CU_ASSERT_EQUAL(a.training.epochs, 7);
  CU_ASSERT_EQUAL(a.training.rate, 5e-4);
  CU_ASSERT_EQUAL(a.ema.use, 1);
}

static void numbers_are_read_exactly(void) {
  static const struct {
    const char *text;
    double value;
  } reals[] = {{"5e-4", 0.0005},
               {"1E3", 1000},
               {".5", 0.5},
               {"5.", 5},
               {"+1.0", 1},
               {"1e-300", 1e-300},
               {"0.1", 0.1},
               {"010", 10},
               {"-0.0", 0},
               {"4.9e-324", 4.9e-324},
               {"1.7976931348623157e308", 1.7976931348623157e308},
               {"00012.50", 12.5}};
  for (size_t i = 0; i < COUNT(reals); i++) CU_ASSERT_EQUAL(filled(arena_print(arena, "free: %s", reals[i].text)).free, reals[i].value);
  static const struct {
    const char *text;
    int64_t value;
  } whole[] = {{"1e3", 1000}, {"1.5e3", 1500}, {"5.0", 5}, {"10e-1", 1}, {"+7", 7}, {"010", 10}, {"999999999999", 999999999999},
               {"1.e2", 100}, {"0.0012e4", 12}};
  for (size_t i = 0; i < COUNT(whole); i++) CU_ASSERT_EQUAL(filled(arena_print(arena, "count: %s", whole[i].text)).count, whole[i].value);
  CU_ASSERT_EQUAL(filled("seed: 9007199254740993").seed, 9007199254740993u); /* 2^53 + 1, which no double holds */
  CU_ASSERT_EQUAL(filled("seed: 1.8446744073709551615e19").seed, UINT64_MAX);
  CU_ASSERT_EQUAL(filled("seed: 0e999999999999").seed, 0);
  CU_ASSERT_EQUAL(filled("seed: -0").seed, 0);
}

/* ---- Complaints ---- */

static void wrong_values_are_refused_with_the_reason(void) {
  static const struct {
    const char *text, *message;
  } known[] = {
      {"sampler: {use: ddim, steps: 0}", "x.yaml:1:29: steps must be in [1, 100000] (got 0)"},
      {"sampler: {use: ddim, steps: -3}", "x.yaml:1:29: steps must be in [1, 100000] (got -3)"},
      {"sampler: {use: ddim, stpes: 5}", "x.yaml:1:22: unknown key \"stpes\" in sampler ddim; did you mean \"steps\"?"},
      {"sampler: {use: ddim, zzz: 5}", "x.yaml:1:22: unknown key \"zzz\" in sampler ddim; it has steps, eta, inner"},
      {"sampler: {use: bare, steps: 5}", "x.yaml:1:22: unknown key \"steps\" in sampler bare, which has no settings"},
      {"sampler: {use: ddim, inner: {use: ddim, et: 1}}", "x.yaml:1:41: unknown key \"et\" in sampler ddim; did you mean \"eta\"?"},
      {"seed: 1\ntrainign: {}", "x.yaml:2:1: unknown key \"trainign\" in the spec; did you mean \"training\"?"},
      {"training: {epoch: 1}", "x.yaml:1:12: unknown key \"epoch\" in training; did you mean \"epochs\"?"},
      {"training: {use: x}", "x.yaml:1:12: unknown key \"use\" in training; it has epochs, rate"},
      {"training: 5", "x.yaml:1:11: training must be a map of keys (got \"5\")"},
      {"training: [1]", "x.yaml:1:11: training must be a map of keys (got a list)"},
      {"[1]", "x.yaml:1:1: the spec must be a map of keys (got a list)"},
      {"count: ten", "x.yaml:1:8: count must be an integer (got \"ten\")"},
      {"count: 1e-3", "x.yaml:1:8: count must be an integer (got \"1e-3\")"},
      {"count: 2.5", "x.yaml:1:8: count must be an integer (got \"2.5\")"},
      {"count: 1_000", "x.yaml:1:8: count must be an integer (got \"1_000\")"},
      {"count: 1,000", "x.yaml:1:8: count must be an integer (got \"1,000\")"},
      {"count: 0x10", "x.yaml:1:8: count must be an integer (got \"0x10\")"},
      {"count: 1e400", "x.yaml:1:8: count must be in [1, 1000000000000] rows (got 1e400)"},
      {"count: 18446744073709551616", "x.yaml:1:8: count must be in [1, 1000000000000] rows (got 18446744073709551616)"},
      {"count: 1000000000001", "x.yaml:1:8: count must be in [1, 1000000000000] rows (got 1000000000001)"},
      {"count:", "x.yaml:1:7: count must be an integer (got nothing)"},
      {"count: null", "x.yaml:1:8: count must be an integer (got \"null\")"},
      {"count: [1]", "x.yaml:1:8: count must be an integer (got a list)"},
      {"count: {a: 1}", "x.yaml:1:8: count must be an integer (got a map)"},
      {"count: \"5\"", "x.yaml:1:8: count must be an integer (got the quoted text \"5\")"},
      {"count: 5 rows", "x.yaml:1:8: count is in rows, written without it; leave \"rows\" out (got \"5 rows\")"},
      {"count: .inf", "x.yaml:1:8: count must be an integer (got \".inf\")"},
      {"count: true", "x.yaml:1:8: count must be an integer (got \"true\")"},
      {"count: 1e", "x.yaml:1:8: count must be an integer (got \"1e\")"},
      {"count: +", "x.yaml:1:8: count must be an integer (got \"+\")"},
      {"tau: 10ms", "x.yaml:1:6: tau is in ms, written without it; leave \"ms\" out (got \"10ms\")"},
      {"tau: 1.5 s", "x.yaml:1:6: tau is in ms, written without it; leave \"s\" out (got \"1.5 s\")"},
      {"tau: 11", "x.yaml:1:6: tau must be in [0, 10] ms (got 11)"},
      {"tau: .inf", "x.yaml:1:6: tau must be in [0, 10] ms (got .inf)"},
      {"tau: fast", "x.yaml:1:6: tau must be a number (got \"fast\")"},
      {"tau: .nan", "x.yaml:1:6: tau must be a number (got \".nan\")"},
      {"tau: inf", "x.yaml:1:6: tau must be a number (got \"inf\")"},
      {"tau: .", "x.yaml:1:6: tau must be a number (got \".\")"},
      {"tau: 1e-400", "x.yaml:1:6: tau must be 0 or a number that a double holds, at least 4.9e-324 (got \"1e-400\")"},
      {"open: 50%", "x.yaml:1:7: open has no unit; leave \"%\" out (got \"50%\")"},
      {"open: 0", "x.yaml:1:7: open must be in (0, 1) (got 0)"},
      {"open: 1.0", "x.yaml:1:7: open must be in (0, 1) (got 1.0)"},
      {"free: .inf", "x.yaml:1:7: free must be finite (got \".inf\")"},
      {"free: -.inf", "x.yaml:1:7: free must be finite (got \"-.inf\")"},
      {"free: 1e400", "x.yaml:1:7: free must be a number that a double holds, at most 1.8e308 (got \"1e400\")"},
      {"large: -1", "x.yaml:1:8: large must be at least 0 (got -1)"},
      {"large: -.inf", "x.yaml:1:8: large must be at least 0 (got -.inf)"},
      {"large: .nan", "x.yaml:1:8: large must be a number (got \".nan\")"},
      {"seed: -1", "x.yaml:1:7: seed must be in [0, 18446744073709551615] (got -1)"},
      {"seed: 18446744073709551616", "x.yaml:1:7: seed must be in [0, 18446744073709551615] (got 18446744073709551616)"},
      {"seed: x", "x.yaml:1:7: seed must be an integer (got \"x\")"},
      {"report: yes", "x.yaml:1:9: report must be true or false (got \"yes\")"},
      {"report: True", "x.yaml:1:9: report must be true or false (got \"True\")"},
      {"report: 1", "x.yaml:1:9: report must be true or false (got \"1\")"},
      {"report: \"true\"", "x.yaml:1:9: report must be true or false (got the quoted text \"true\")"},
      {"predict: nosie", "x.yaml:1:10: predict must be one of x, noise, off (got \"nosie\"); did you mean \"noise\"?"},
      {"predict: velocity", "x.yaml:1:10: predict must be one of x, noise, off (got \"velocity\")"},
      {"predict: [x]", "x.yaml:1:10: predict must be one of x, noise, off (got a list)"},
      {"file: [a]", "x.yaml:1:7: file must be text (got a list)"},
      {"label: null", "x.yaml:1:8: label must be text (got \"null\"; put the word in quotes if it is meant)"},
      {"label:", "x.yaml:1:7: label must be text (got nothing; put the word in quotes if it is meant)"},
      {"network: {use: mlp, name: \"\"}", "x.yaml:1:27: name must be text of 1 to 8 letters (got \"\")"},
      {"network: {use: mlp, name: abcdefghi}", "x.yaml:1:27: name must be text of 1 to 8 letters (got \"abcdefghi\")"},
      {"network: {use: mlp}", "x.yaml:1:10: network mlp needs the key \"name\": of the tensors"},
      {"network: mlp", "x.yaml:1:10: network mlp needs the key \"name\": of the tensors"},
      {"network: {name: a}", "x.yaml:1:10: network does not say which network; add \"use\" with its name"},
      {"network: {use: mlp, name: a, widths: [4, 0]}", "x.yaml:1:42: widths[1] must be in [1, 4096] (got 0)"},
      {"network: {use: mlp, name: a, widths: 5000}", "x.yaml:1:38: widths must be in [1, 4096] (got 5000)"},
      {"index: [1, x]", "x.yaml:1:12: index[1] must be an integer (got \"x\")"},
      {"index: [1, [2]]", "x.yaml:1:12: index[1] must be an integer (got a list)"},
      {"index: {a: 1}", "x.yaml:1:8: index must be a list of integers (got a map)"},
      {"range: {a: 1}", "x.yaml:1:8: range must be a list of numbers (got a map)"},
      {"range: [1, 2 m]", "x.yaml:1:12: range[1] has no unit; leave \"m\" out (got \"2 m\")"},
      {"sampler: dimd", "x.yaml:1:10: no sampler \"dimd\""},
      {"sampler: {steps: 4, use: dimd}", "x.yaml:1:26: no sampler \"dimd\""},
      {"sampler: null", "x.yaml:1:10: sampler must name a sampler, in letters a-z, digits and _ (got \"null\")"},
      {"sampler: ../ddim", "x.yaml:1:10: sampler must name a sampler, in letters a-z, digits and _ (got \"../ddim\")"},
      {"sampler: {use: [ddim]}", "x.yaml:1:16: use must name a sampler, in letters a-z, digits and _ (got a list)"},
      {"sampler: {use: }", "x.yaml:1:16: use must name a sampler, in letters a-z, digits and _ (got nothing)"},
      {"sampler: [ddim]", "x.yaml:1:10: sampler must name a sampler, in letters a-z, digits and _ (got a list)"},
      {"evaluation: [ddim, {use: ddim, steps: x}]", "x.yaml:1:39: steps must be an integer (got \"x\")"},
      {"evaluation: [ddim, null]", "x.yaml:1:20: evaluation[1] must name a sampler, in letters a-z, digits and _ (got \"null\")"},
      {"evaluation: [{steps: 4}]", "x.yaml:1:14: evaluation[0] does not say which sampler; add \"use\" with its name"},
      {"ema: power5", "x.yaml:1:6: use must be one of power, none (got \"power5\"); did you mean \"power\"?"},
      {"ema: {width: 1}", "x.yaml:1:14: width must be in [0.01, 0.25] (got 1)"},
      {"count: \"a\\x1b[31m\"", "x.yaml:1:8: count must be an integer (got the quoted text \"a?[31m\")"},
      {"count: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
       "x.yaml:1:8: count must be an integer (got aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...)"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    All a;
    CU_ASSERT_TRUE(fill(known[i].text, &a) < 0);
    expect_text(fail_text(), known[i].message, known[i].text);
  }
}

static void components_that_hold_themselves_are_refused(void) {
  All a;
  CU_ASSERT_EQUAL(fill("sampler: loop", &a), EBB_E_CONFIG);
  expect_text(fail_text(), "default of again:1:1: again: more than 16 components within each other", "loop");
}

static void without_components_a_component_is_refused(void) {
  All a = {0};
  CU_ASSERT_EQUAL(config_fill(arena, NULL, all_params, "the spec", NULL, &a), EBB_E_CONFIG);
}

/* What --set wrote has its path as its place. */
static void complaints_of_the_command_line_name_the_path(void) {
  Node *root;
  All a = {0};
  CU_ASSERT_EQUAL_FATAL(config_parse(arena, "x.yaml", "sampler: ddim", 13, &root), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(config_set(arena, root, "sampler.steps=0", &(Str){0}), EBB_OK);
  CU_ASSERT_EQUAL(config_fill(arena, root, all_params, "the spec", &plugins, &a), EBB_E_CONFIG);
  expect_text(fail_text(), "--set sampler.steps: steps must be in [1, 100000] (got 0)", "--set");
  CU_ASSERT_EQUAL_FATAL(config_parse(arena, "x.yaml", "sampler: ddim", 13, &root), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(config_set(arena, root, "sampler.stpes=0", &(Str){0}), EBB_OK);
  CU_ASSERT_EQUAL(config_fill(arena, root, all_params, "the spec", &plugins, &a), EBB_E_CONFIG);
  expect_text(fail_text(), "--set sampler.stpes: unknown key \"stpes\" in sampler ddim; did you mean \"steps\"?", "--set");
  CU_ASSERT_EQUAL_FATAL(config_parse(arena, "x.yaml", "seed: 1", 7, &root), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(config_set(arena, root, "evaluation=[ddim, needy]", &(Str){0}), EBB_OK);
  CU_ASSERT_EQUAL(config_fill(arena, root, all_params, "the spec", &plugins, &a), EBB_E_CONFIG);
  expect_text(fail_text(), "--set evaluation[1]: sampler needy needs the key \"name\": of the tensors", "--set");
}

/* ---- Printing ---- */

static const char *printed(const All *a) {
  Str out = {0};
  config_print(&out, all_params, a, 0);
  const char *copy = arena_copy(arena, out.text);
  str_free(&out);
  return copy;
}

static void a_filled_struct_is_printed_with_every_key(void) {
  All a =
      filled("sampler: {use: ddim, steps: 5, inner: bare}\nevaluation: [{use: ddim, eta: 1}, bare]\nnetwork: {use: mlp, name: no}\nfile: a b.npy\n");
  static const char wanted[] = "seed: 1\n"
                               "report: true\n"
                               "count: 1000\n"
                               "tau: 2.5\n"
                               "open: 0.5\n"
                               "free: 0\n"
                               "large: 80\n"
                               "predict: noise\n"
                               "file: a b.npy\n"
                               "label: run\n"
                               "index: [1]\n"
                               "range: [0.005, 8]\n"
                               "sampler:\n"
                               "  use: ddim\n"
                               "  steps: 5\n"
                               "  eta: 0\n"
                               "  inner:\n"
                               "    use: bare\n"
                               "guidance: null\n"
                               "network:\n"
                               "  use: mlp\n"
                               "  widths: [256, 256]\n"
                               "  name: \"no\"\n"
                               "evaluation:\n"
                               "  - use: ddim\n"
                               "    steps: 50\n"
                               "    eta: 1\n"
                               "    inner: null\n"
                               "  - use: bare\n"
                               "training:\n"
                               "  epochs: 200\n"
                               "  rate: 0.0005\n"
                               "ema:\n"
                               "  use: power\n"
                               "  width: 0.1\n";
  expect_text(printed(&a), wanted, "print");
  Str child = {0};
  config_print_child(&child, &a.sampler, 2);
  expect_text(child.text, "  use: ddim\n  steps: 5\n  eta: 0\n  inner:\n    use: bare\n", "child");
  str_free(&child);
}

static void what_is_printed_reads_back_to_the_same(void) {
  static const char *const specs[] = {
      "seed: 1",
      "seed: 18446744073709551615\nfree: -1e-300\nlarge: .inf\nopen: 0.1\ntau: 0.30000000000000004\ncount: 1e12\npredict: off\nreport: false\n",
      "free: 1.7976931348623157e308\nrange: [1e-9, 1e9, 0.1, 3.3333333333333335e-5]\nindex: []\n",
      "free: 4.9e-324\nfile: \"\"\nlabel: \"null\"\nevaluation: {use: ddim, inner: {use: ddim, inner: {use: ddim, eta: 1e-5}}}\n",
  };
  for (size_t i = 0; i < COUNT(specs); i++) {
    All a = filled(specs[i]);
    const char *once = printed(&a);
    All b = filled(once);
    expect_text(printed(&b), once, specs[i]);
    CU_ASSERT_EQUAL(a.free, b.free);
    CU_ASSERT_EQUAL(a.tau, b.tau);
    CU_ASSERT_EQUAL(a.large, b.large);
    CU_ASSERT_EQUAL(a.seed, b.seed);
  }
}

static void texts_survive_printing(void) {
  static const struct {
    const char *text, *printed; /* NULL: whatever */
  } known[] = {
      {"plain", "plain"},
      {"two words", "two words"},
      {"/a/b_1.npy", "/a/b_1.npy"},
      {"ref_{k}.npy", "\"ref_{k}.npy\""},
      {"", "\"\""},
      {"no", "\"no\""},
      {"Null", "\"Null\""},
      {"~", "\"~\""},
      {"1.5", "\"1.5\""},
      {".nan", "\".nan\""},
      {"-", "\"-\""},
      {"? a", "\"? a\""},
      {"a: b", "\"a: b\""},
      {"a:", "\"a:\""},
      {"a:b", "a:b"},
      {"a #b", "\"a #b\""},
      {" a", "\" a\""},
      {"a ", "\"a \""},
      {"a\"b", "a\"b"},
      {"\"a\\", "\"\\\"a\\\\\""},
      {"a\\b", "a\\b"},
      {"a\nb", "\"a\\nb\""},
      {"a\tb", "\"a\\tb\""},
      {"a\rb", "\"a\\x0Db\""},
      {"\x1b[0m", "\"\\x1B[0m\""},
      {"\x7f", "\"\\x7F\""},
      {"\xCE\xBB\xF0\x9F\x98\x80", "\xCE\xBB\xF0\x9F\x98\x80"},
      {"a\xC2\x85"
       "b",
       "\"a\\u0085b\""},
      {"a\xE2\x80\xA8"
       "b",
       "\"a\\u2028b\""},
      {"\xEF\xBB\xBF"
       "a",
       "\"\\uFEFFa\""},
      {"\xEF\xBF\xBE", "\"\\uFFFE\""},
      {"*a", NULL},
      {"&a", NULL},
      {"!a", NULL},
      {"|", NULL},
      {">", NULL},
      {"%a", NULL},
      {"@a", NULL},
      {"`a", NULL},
      {"---", NULL},
      {"...", NULL},
      {"<<", NULL},
      {"=", NULL},
      {"'a'", NULL},
      {"a, b", NULL},
      {"[a]", NULL},
      {"# a", NULL},
      {"a  b", NULL},
      {"\n", NULL},
      {"\xC2\xA0", NULL},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    All a = filled("seed: 1");
    a.label = known[i].text;
    const char *text = printed(&a);
    All b = filled(text);
    expect_text(b.label, known[i].text, known[i].text);
    if (known[i].printed != NULL) {
      const char *line = strstr(text, "\nlabel: ") + 8;
      expect_text(arena_print(arena, "%.*s", (int)strcspn(line, "\n"), line), known[i].printed, known[i].text);
    }
  }
}

static void defaults_and_ranges_are_told(void) {
  static const struct {
    const char *key, *standard, *range;
  } known[] = {
      {"seed", "1", "in [0, 18446744073709551615]"},
      {"report", "true", "true or false"},
      {"count", "1000", "in [1, 1000000000000]"},
      {"tau", "2.5", "in [0, 10]"},
      {"open", "0.5", "in (0, 1)"},
      {"free", "0", "a number"},
      {"large", "80", "at least 0"},
      {"predict", "noise", "one of x, noise, off"},
      {"file", "none", "text"},
      {"label", "run", "text"},
      {"index", "[1]", "each in [1, 4294967295]"},
      {"sampler", "ddim", "a sampler"},
      {"guidance", "none", "a sampler"},
      {"evaluation", "[]", "a list of samplers"},
      {"training", "", "a map of keys"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    const EbbParam *p = all_params;
    while (strcmp(p->key, known[i].key) != 0) p++;
    Str standard = {0}, range = {0};
    config_default_text(&standard, p);
    config_range_text(&range, p);
    expect_text(standard.text != NULL ? standard.text : "", known[i].standard, known[i].key);
    expect_text(range.text, known[i].range, known[i].key);
    str_free(&standard);
    str_free(&range);
  }
  Str required = {0};
  config_default_text(&required, &mlp_params[1]);
  expect_text(required.text, "required", "name");
  str_free(&required);
}

static void kinds_have_words(void) {
  static const char *const words[] = {"simulator", "network",     "schedule", "objective", "sampler",
                                      "guidance",  "composition", "metric",   "sink",      "prior"};
  for (uint32_t i = 0; i < COUNT(words); i++) {
    CU_ASSERT_STRING_EQUAL(kind_name(i + 1), words[i]);
    CU_ASSERT_EQUAL(kind_number(words[i]), i + 1);
  }
  CU_ASSERT_EQUAL(kind_number("samplers"), 0);
  CU_ASSERT_EQUAL(kind_number(""), 0);
  CU_ASSERT_STRING_EQUAL(kind_name(0), "component");
  CU_ASSERT_STRING_EQUAL(kind_name(11), "component");
}

typedef struct Words {
  EbbStrings first, second;
} Words;
static const EbbParam words_params[] = {
    EBB_ROW(Words, first, EBB_T_STRINGS, 0, 0, 0, 0, NULL, "", "d", 0, NULL),
    EBB_ROW(Words, second, EBB_T_STRINGS, 0, 0, 0, 0, "[one, two]", "", "d", 0, NULL),
    EBB_END,
};

static EbbStatus fill_words(const char *text, Words *out) {
  Node *root;
  *out = (Words){0};
  EbbStatus status = config_parse(arena, "x.yaml", text, strlen(text), &root);
  return status == EBB_OK ? config_fill(arena, root, words_params, "words", NULL, out) : status;
}

static void lists_of_texts_are_filled_and_printed(void) {
  Words w, again;
  CU_ASSERT_EQUAL_FATAL(fill_words("first: [no, \"null\", 1.5, \"a, b\", \xce\xb8]\n", &w), EBB_OK);
  const char *expected[] = {"no", "null", "1.5", "a, b", "\xce\xb8"};
  CU_ASSERT_EQUAL_FATAL(w.first.count, 5);
  CU_ASSERT(w.second.count == 2 && strcmp(w.second.value[1], "two") == 0);
  Str text = {0};
  config_print(&text, words_params, &w, 0);
  CU_ASSERT_EQUAL_FATAL(fill_words(text.text, &again), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(again.first.count, 5);
  for (int i = 0; i < 5; i++) CU_ASSERT(strcmp(w.first.value[i], expected[i]) == 0 && strcmp(again.first.value[i], expected[i]) == 0);
  str_free(&text);
  CU_ASSERT(fill_words("first: alone\nsecond: []\n", &w) == EBB_OK && w.first.count == 1 && w.second.count == 0);
  CU_ASSERT_EQUAL(fill_words("first: [a, null]\n", &w), EBB_E_CONFIG);
  expect_text(fail_text(), "x.yaml:1:12: first[1] must be text, in quotes if the word is meant (got \"null\")", "null in a list");
  CU_ASSERT_EQUAL(fill_words("first: {a: b}\n", &w), EBB_E_CONFIG);
  expect_text(fail_text(), "x.yaml:1:8: first must be a list of texts (got a map)", "a map");
}

static const Test tests[] = {
    {"what is not said has its default", what_is_not_said_has_its_default},
    {"every type is filled", every_type_is_filled},
    {"numbers are read exactly", numbers_are_read_exactly},
    {"wrong values are refused with the reason", wrong_values_are_refused_with_the_reason},
    {"components that hold themselves are refused", components_that_hold_themselves_are_refused},
    {"without components a component is refused", without_components_a_component_is_refused},
    {"complaints of the command line name the path", complaints_of_the_command_line_name_the_path},
    {"a filled struct is printed with every key", a_filled_struct_is_printed_with_every_key},
    {"what is printed reads back to the same", what_is_printed_reads_back_to_the_same},
    {"texts survive printing", texts_survive_printing},
    {"defaults and ranges are told", defaults_and_ranges_are_told},
    {"kinds have words", kinds_have_words},
    {"lists of texts are filled and printed", lists_of_texts_are_filled_and_printed},
};

int main(void) {
  arena = arena_new();
  int failed = test_main("schema", tests, COUNT(tests));
  arena_free(arena);
  return failed;
}
