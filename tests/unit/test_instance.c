/* SPDX-License-Identifier: MIT
 *
 * Components without a file: what plugin_check refuses, how instances are made and undone, what the host table does. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include <ebb/ebb.h>

#include "base/npy.h"
#include "num/isa.h"
#include "num/linalg.h"
#include "num/random.h"
#include "plugin/plugin.h"
#include "test.h"

static Arena *arena;

static void says(const char *where, const char *part) {
  if (strstr(fail_text(), part) == NULL) printf("\n    %s: \"%s\" does not say \"%s\"\n", where, fail_text(), part);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), part));
}

/* ---- plugin_check ---- */

static int64_t steps(const void *self) {
  (void)self;
  return 1;
}
static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *rows) {
  (void)self, (void)state, (void)plan, (void)work, (void)rows;
  return EBB_OK;
}
static const EbbSamplerOps sampler_ops = {.size = sizeof sampler_ops, .accepts = EBB_MEAN, .steps = steps, .advance = advance};

typedef struct Config {
  int64_t n;
  double eta;
  bool on;
  int64_t word;
  uint64_t seed;
  const char *text;
  EbbInts widths;
  EbbReals levels;
  EbbChild child;
  EbbChildren list;
  struct Inner {
    double a;
  } inner;
} Config;

static const EbbComponent sound = {.size = sizeof sound, .kind = EBB_SAMPLER, .id = "sound", .summary = "without fault", .ops = &sampler_ops};

static EbbStatus check_with(const EbbParam *params) {
  EbbComponent c = sound;
  c.config_size = sizeof(Config);
  c.params = params;
  return plugin_check("p.so", &c);
}

static const EbbParam inner[] = {EBB_REAL(struct Inner, a, 1, 0, 2, "s", "a number"), EBB_END};
static const EbbParam all_types[] = {
    EBB_INT(Config, n, 5, 1, 10, "", "d"),
    EBB_REAL(Config, eta, 0, 0, INFINITY, "", "d"),
    EBB_BOOL(Config, on, true, "d"),
    EBB_CHOICE(Config, word, 2, "x|noise|F", "d"),
    EBB_ROW(Config, seed, EBB_T_SEED, 0, 7, 0, 0, NULL, "", "d", 0, NULL),
    EBB_STRING(Config, text, NULL, "d"),
    EBB_INTS(Config, widths, "[256, 256]", 1, 1e6, "", "d"),
    EBB_REALS(Config, levels, "[ 0.5,1e-3 , 2]", 0, 2, "", "d"),
    EBB_COMPONENT(Config, child, EBB_NETWORK, "mlp", "d"),
    EBB_ROW(Config, list, EBB_T_COMPONENTS, 0, 0, 0, 0, NULL, "", "d", EBB_GUIDANCE, NULL),
    EBB_ROW(Config, inner, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "d", 0, inner),
    EBB_END,
};

static void sound_parameters_of_every_type_pass(void) {
  EbbStatus status = check_with(all_types);
  if (status != EBB_OK) printf("\n    %s\n", fail_text());
  CU_ASSERT_EQUAL(status, EBB_OK);
}

static void each_bad_parameter_is_named(void) {
  static const EbbParam bad_inner[] = {EBB_REAL(struct Inner, a, 3, 0, 2, "s", "a number"), EBB_END};
  static const struct {
    const char *says;
    EbbParam row;
  } known[] = {
      {"does not match [a-z]", {"Steps", EBB_T_INT, 0, 0, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"does not match [a-z]", {NULL, EBB_T_INT, 0, 0, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"key is taken", {"use", EBB_T_INT, 0, 0, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"key is there twice", {"first", EBB_T_INT, 0, 0, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"type 99 is not known", {"k", 99, 0, 0, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"flags 10 are not known", {"k", EBB_T_INT, 16, 0, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"no doc", {"k", EBB_T_INT, 0, 0, 1, 0, 2, NULL, "", "", 0, NULL}},
      {"unit is NULL", {"k", EBB_T_INT, 0, 0, 1, 0, 2, NULL, NULL, "d", 0, NULL}},
      {"does not fit the config struct", {"k", EBB_T_INT, 0, sizeof(Config) - 4, 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"does not fit the config struct", {"k", EBB_T_INT, 0, sizeof(Config), 1, 0, 2, NULL, "", "d", 0, NULL}},
      {"does not fit the config struct", {"k", EBB_T_INT, 0, 4, 1, 0, 2, NULL, "", "d", 0, NULL}}, /* not aligned */
      {"does not fit the config struct", {"k", EBB_T_BOOL, 0, (size_t)-1, 1, 0, 1, NULL, "", "d", 0, NULL}},
      {"range from 2 to 1 is empty", {"k", EBB_T_INT, 0, 0, 1, 2, 1, NULL, "", "d", 0, NULL}},
      {"range from nan", {"k", EBB_T_REAL, 0, 0, 1, NAN, 1, NULL, "", "d", 0, NULL}},
      {"default 3 is above its range to 2", {"k", EBB_T_INT, 0, 0, 3, 0, 2, NULL, "", "d", 0, NULL}},
      {"default 0.5 is not a whole number", {"k", EBB_T_INT, 0, 0, 0.5, 0, 2, NULL, "", "d", 0, NULL}},
      {"default 0 is below its range from 0", {"k", EBB_T_REAL, EBB_P_OPEN_MIN, 0, 0, 0, 1, NULL, "", "d", 0, NULL}},
      {"default 1 is above its range to 1", {"k", EBB_T_REAL, EBB_P_OPEN_MAX, 0, 1, 0, 1, NULL, "", "d", 0, NULL}},
      {"default is nan", {"k", EBB_T_REAL, 0, 0, NAN, 0, 1, NULL, "", "d", 0, NULL}},
      {"default 2 is neither 0 nor 1", {"k", EBB_T_BOOL, 0, 0, 2, 0, 1, NULL, "", "d", 0, NULL}},
      {"no words", {"k", EBB_T_CHOICE, 0, 0, 0, 0, 0, NULL, "", "d", 0, NULL}},
      {"an empty one", {"k", EBB_T_CHOICE, 0, 0, 0, 0, 0, "a|", "", "d", 0, NULL}},
      {"have one twice", {"k", EBB_T_CHOICE, 0, 0, 0, 0, 0, "a|bc|a", "", "d", 0, NULL}},
      {"place 2 of the 2 words", {"k", EBB_T_CHOICE, 0, 0, 2, 0, 0, "a|b", "", "d", 0, NULL}},
      {"is no seed", {"k", EBB_T_SEED, 0, 0, -1, 0, 0, NULL, "", "d", 0, NULL}},
      {"not a list of numbers", {"k", EBB_T_INTS, 0, 0, 0, 0, 9, "[1, 2", "", "d", 0, NULL}},
      {"not a list of numbers", {"k", EBB_T_REALS, 0, 0, 0, 0, 9, "1, 2", "", "d", 0, NULL}},
      {"not a list of numbers", {"k", EBB_T_REALS, 0, 0, 0, 0, 9, "[a]", "", "d", 0, NULL}},
      {"default 10 is above", {"k", EBB_T_INTS, 0, 0, 0, 0, 9, "[1, 10]", "", "d", 0, NULL}},
      {"default 1.5 is not a whole number", {"k", EBB_T_INTS, 0, 0, 0, 0, 9, "[1.5]", "", "d", 0, NULL}},
      {"kind 10 is not known", {"k", EBB_T_COMPONENT, 0, 0, 0, 0, 0, NULL, "", "d", 10, NULL}},
      {"kind 0 is not known", {"k", EBB_T_COMPONENTS, 0, 0, 0, 0, 0, NULL, "", "d", 0, NULL}},
      {"is not an id", {"k", EBB_T_COMPONENT, 0, 0, 0, 0, 0, "../mlp", "", "d", EBB_NETWORK, NULL}},
      {"group without a table", {"k", EBB_T_GROUP, 0, 0, 0, 0, 0, NULL, "", "d", 0, NULL}},
      {"parameter k: parameter a: ", {"k", EBB_T_GROUP, 0, 0, 0, 0, 0, NULL, "", "d", 0, bad_inner}},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    const EbbParam params[] = {{"first", EBB_T_INT, 0, 0, 1, 0, 2, NULL, "", "d", 0, NULL}, known[i].row, EBB_END};
    EbbStatus status = check_with(params);
    if (status != EBB_E_ABI) printf("\n    row %zu (%s) passes\n", i, known[i].says);
    CU_ASSERT_EQUAL(status, EBB_E_ABI);
    says("parameter", known[i].says);
    says("parameter", "p.so: sampler/sound: parameter ");
  }
  const EbbParam required[] = {{"k", EBB_T_INT, EBB_P_REQUIRED, 0, 0, 1, 2, NULL, "", "d", 0, NULL}, EBB_END};
  CU_ASSERT_EQUAL(check_with(required), EBB_OK); /* has no default that could be out of range */
}

static void each_bad_description_is_told(void) {
  EbbComponent c = sound;
  CU_ASSERT_EQUAL(plugin_check("p.so", &c), EBB_OK);
#define REFUSED(change, part)                                                                                                                        \
  c = sound;                                                                                                                                         \
  change;                                                                                                                                            \
  CU_ASSERT_EQUAL(plugin_check("p.so", &c), EBB_E_ABI);                                                                                              \
  says(#change, part);                                                                                                                               \
  says(#change, "p.so: ")
  REFUSED(c.size = 8, "struct EbbComponent has 8 bytes");
  REFUSED(c.kind = 0, "kind 0 is not known");
  REFUSED(c.kind = 10, "kind 10 is not known");
  REFUSED(c.id = NULL, "the id \"\" does not match");
  REFUSED(c.id = "Heun", "the id \"Heun\" does not match");
  REFUSED(c.id = "a-b", "does not match");
  REFUSED(c.summary = NULL, "sampler/sound: it has no summary");
  REFUSED(c.summary = "", "no summary");
  REFUSED(c.flags = 1, "flags 1 are not known");
  REFUSED(c.ops = NULL, "ops is NULL");
  REFUSED(c.params = all_types, "does not fit the config struct of 0 bytes");
  static const char *const names[] = {"../table.npy", "/table.npy", "folder/table.npy", ".table.npy", "table.csv", ".npy", ""};
  for (size_t i = 0; i < COUNT(names); i++) {
    const char *const data[] = {"fine.npy", names[i], NULL};
    REFUSED(c.data = data, arena_print(arena, "its data file \"%s\" is no name of a .npy file beside the plugin", names[i]));
  }
}

/* The required slots as the public headers state them. */
typedef struct Required {
  uint32_t kind;
  size_t size, offset;
  const char *slot;
} Required;
#define SLOT(kind, type, slot)                                                                                                                       \
  { kind, sizeof(type), offsetof(type, slot), #slot }

static void each_required_slot_is_demanded(void) {
  static const Required known[] = {
      SLOT(EBB_SIMULATOR, EbbSimulatorOps, describe),    SLOT(EBB_SIMULATOR, EbbSimulatorOps, simulate),
      SLOT(EBB_NETWORK, EbbNetworkOps, build),           SLOT(EBB_SCHEDULE, EbbScheduleOps, at),
      SLOT(EBB_SCHEDULE, EbbScheduleOps, range),         SLOT(EBB_OBJECTIVE, EbbObjectiveOps, needs),
      SLOT(EBB_OBJECTIVE, EbbObjectiveOps, corrupt),     SLOT(EBB_OBJECTIVE, EbbObjectiveOps, loss),
      SLOT(EBB_SAMPLER, EbbSamplerOps, steps),           SLOT(EBB_SAMPLER, EbbSamplerOps, advance),
      SLOT(EBB_COMPOSITION, EbbCompositionOps, combine), SLOT(EBB_METRIC, EbbMetricOps, needs),
      SLOT(EBB_METRIC, EbbMetricOps, compute),           SLOT(EBB_SINK, EbbSinkOps, write),
      SLOT(EBB_GUIDANCE, EbbGuidanceOps, eval),          SLOT(EBB_GUIDANCE, EbbGuidanceOps, weigh),
  };
  void (*const some)(void) = (void (*)(void))(uintptr_t)advance; /* never called */
  for (size_t i = 0; i < COUNT(known); i++) {
    union {
      uint32_t size;
      unsigned char byte[256];
    } ops = {.byte = {0}};
    EbbComponent c = sound;
    c.kind = known[i].kind;
    c.ops = &ops;
    ops.size = (uint32_t)known[i].size;
    bool guidance = c.kind == EBB_GUIDANCE;
    for (size_t k = 0; k < COUNT(known); k++)
      if (known[k].kind == c.kind && (k == i) == guidance) memcpy(ops.byte + known[k].offset, &some, sizeof some);
    if (guidance) { /* one of the two is enough, none is not */
      CU_ASSERT_EQUAL(plugin_check("p.so", &c), EBB_OK);
      memset(ops.byte + known[i].offset, 0, sizeof some);
    }
    CU_ASSERT_EQUAL(plugin_check("p.so", &c), EBB_E_ABI);
    says(known[i].slot, known[i].slot);
    memcpy(ops.byte + known[i].offset, &some, sizeof some);
    CU_ASSERT_EQUAL(plugin_check("p.so", &c), EBB_OK);
    ops.size += 8;
    CU_ASSERT_EQUAL(plugin_check("p.so", &c), EBB_E_ABI);
    says(known[i].slot, "Ops has ");
  }
}

/* ---- instances ---- */

static char story[256];
static void tell(const char *what) { strncat(story, what, sizeof story - strlen(story) - 1); }

typedef struct Leaf {
  int64_t n;
} Leaf;
static const EbbParam leaf_params[] = {EBB_INT(Leaf, n, 1, 0, 9, "", "d"), EBB_END};

static EbbStatus leaf_create(const EbbHost *host, const void *config, void **self) {
  int64_t n = ((const Leaf *)config)->n;
  if (n == 9) return host->fail(host, EBB_E_NUMERIC, "nine is %s", "too much");
  if (n == 8) return EBB_E_SHAPE; /* says nothing */
  if (n == 7) return EBB_ROW_INVALID;
  int64_t *own = host->alloc(host, sizeof *own);
  *own = 10 * n;
  *self = own;
  tell((char[]){'+', (char)('0' + n), '\0'});
  return EBB_OK;
}
static void leaf_destroy(void *self) { tell((char[]){'-', (char)('0' + *(int64_t *)self / 10), '\0'}); }

static const EbbComponent leaf = {.size = sizeof leaf,
                                  .kind = EBB_NETWORK,
                                  .id = "leaf",
                                  .summary = "s",
                                  .config_size = sizeof(Leaf),
                                  .params = leaf_params,
                                  .create = leaf_create,
                                  .destroy = leaf_destroy};

typedef struct Tree {
  EbbChild one, none;
  struct Branch {
    EbbChild inner;
  } branch;
  EbbChildren many;
} Tree;
static const EbbParam branch_params[] = {EBB_COMPONENT(struct Branch, inner, EBB_NETWORK, "leaf", "d"), EBB_END};
static const EbbParam tree_params[] = {
    EBB_COMPONENT(Tree, one, EBB_NETWORK, "leaf", "d"),
    EBB_COMPONENT(Tree, none, EBB_NETWORK, NULL, "d"),
    EBB_ROW(Tree, branch, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "d", 0, branch_params),
    EBB_ROW(Tree, many, EBB_T_COMPONENTS, 0, 0, 0, 0, NULL, "", "d", EBB_NETWORK, NULL),
    EBB_END,
};
static const EbbComponent tree = {
    .size = sizeof tree, .kind = EBB_SAMPLER, .id = "tree", .summary = "s", .config_size = sizeof(Tree), .params = tree_params, .ops = &sampler_ops};

static EbbChild leaf_of(Leaf *config) { return (EbbChild){.kind = EBB_NETWORK, .component = &leaf, .self = config}; }

static void children_come_first_in_the_table_s_order(void) {
  Leaf config[4] = {{1}, {2}, {3}, {4}};
  EbbChild many[2] = {leaf_of(&config[2]), leaf_of(&config[3])};
  Tree t = {.one = leaf_of(&config[0]), .branch = {leaf_of(&config[1])}, .many = {2, many}};
  EbbChild root = {.kind = EBB_SAMPLER, .component = &tree, .self = &t};
  uint32_t stream = 5;
  story[0] = '\0';
  CU_ASSERT_EQUAL_FATAL(plugin_create(arena, NULL, &root, &stream), EBB_OK);
  CU_ASSERT_STRING_EQUAL(story, "+1+2+3+4");
  CU_ASSERT_EQUAL(stream, 10);
  CU_ASSERT_EQUAL(t.one.stream, 5);
  CU_ASSERT_EQUAL(t.branch.inner.stream, 6);
  CU_ASSERT_EQUAL(many[0].stream, 7);
  CU_ASSERT_EQUAL(many[1].stream, 8);
  CU_ASSERT_EQUAL(root.stream, 9);
  CU_ASSERT_EQUAL(*(int64_t *)many[1].self, 40);
  CU_ASSERT_PTR_EQUAL(root.self, &t); /* no create: the config itself */
  CU_ASSERT_PTR_EQUAL(root.ops, &sampler_ops);
  CU_ASSERT_STRING_EQUAL(root.component->id, "tree");
  CU_ASSERT_PTR_NULL(t.none.component);

  const EbbHost *host = plugin_host(&t.one);
  CU_ASSERT_PTR_NOT_NULL_FATAL(host);
  CU_ASSERT_EQUAL(host->fail(host, EBB_E_SHAPE, "it is %d", 3), EBB_E_SHAPE);
  CU_ASSERT_STRING_EQUAL(fail_text(), "network/leaf: it is 3");
  CU_ASSERT_PTR_NULL(plugin_host(&t.none));

  CU_ASSERT_EQUAL(plugin_create(arena, NULL, &root, &stream), EBB_OK); /* is one already */
  CU_ASSERT_EQUAL(stream, 10);
  plugin_destroy(&root);
  CU_ASSERT_STRING_EQUAL(story, "+1+2+3+4-4-3-2-1");
  plugin_destroy(&root);
  CU_ASSERT_STRING_EQUAL(story, "+1+2+3+4-4-3-2-1");
  CU_ASSERT_PTR_EQUAL(t.one.component, &leaf);
  CU_ASSERT_PTR_EQUAL(t.one.self, &config[0]);
  CU_ASSERT_PTR_NULL(plugin_host(&root));
}

static void a_create_that_fails_undoes_its_children(void) {
  static const struct {
    int64_t n;
    EbbStatus status;
    const char *text;
  } known[] = {
      {9, EBB_E_NUMERIC, "network/leaf: nine is too much"},
      {8, EBB_E_SHAPE, "network/leaf: create failed with status -2 and said nothing"},
      {7, EBB_E_ABI, "network/leaf: create returned 1; above 0 is for rows, a failure is below 0"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    Leaf config[3] = {{1}, {2}, {known[i].n}};
    EbbChild many[1] = {leaf_of(&config[2])};
    Tree t = {.one = leaf_of(&config[0]), .branch = {leaf_of(&config[1])}, .many = {1, many}};
    EbbChild root = {.kind = EBB_SAMPLER, .component = &tree, .self = &t};
    uint32_t stream = 0;
    story[0] = '\0';
    fail(EBB_E_IO, "an older message");
    CU_ASSERT_EQUAL(plugin_create(arena, NULL, &root, &stream), known[i].status);
    CU_ASSERT_STRING_EQUAL(fail_text(), known[i].text);
    CU_ASSERT_STRING_EQUAL(story, "+1+2-2-1");
    CU_ASSERT_PTR_EQUAL(root.component, &tree);
    CU_ASSERT_PTR_EQUAL(root.self, &t);
    plugin_destroy(&root);
    CU_ASSERT_STRING_EQUAL(story, "+1+2-2-1");
  }
}

/* ---- the host table ---- */

static void memory_is_zeroed_and_aligned_and_the_main_thread_s(void) {
  const EbbHost *host = host_new(arena, NULL, "metric/own");
  CU_ASSERT_EQUAL(host->size, sizeof(EbbHost));
  for (size_t n = 1; n < 5000; n *= 7) {
    unsigned char *memory = host->alloc(host, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    CU_ASSERT_EQUAL((uintptr_t)memory % 64, 0);
    for (size_t i = 0; i < n; i++) CU_ASSERT_EQUAL(memory[i], 0);
    memset(memory, 255, n);
  }
}

static void *allocates(void *host) {
  const EbbHost *h = host;
  bool refused = h->alloc(h, 8) == NULL && strcmp(fail_text(), "metric/own: alloc was called from a worker thread; use scratch there") == 0;
  bool alone = h->parallel(h, 1, NULL, NULL) == EBB_E_UNSUPPORTED;
  bool unread = h->data(h, "table.npy", 0, NULL) == NULL && strstr(fail_text(), "data was called from a worker thread") != NULL;
  return refused && alone && unread ? host : NULL;
}

static void slots_of_the_main_thread_refuse_others(void) {
  const EbbHost *host = host_new(arena, NULL, "metric/own");
  pthread_t thread;
  void *result = NULL;
  CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, allocates, (void *)(uintptr_t)host), 0);
  pthread_join(thread, &result);
  CU_ASSERT_PTR_NOT_NULL(result);
}

/* The file of this component is the suite's own executable. */
static void data_files_lie_beside_the_component(void) {
  static const char *const files[] = {"test_instance_table.npy", "test_instance_absent.npy", NULL};
  static const EbbComponent own = {.size = sizeof own, .kind = EBB_METRIC, .id = "own", .data = files};
  const EbbHost *host = host_for(arena, NULL, &own);
  const char *folder = path_folder(arena, path_absolute(arena, "/proc/self/exe")), *path = path_join(arena, folder, files[0]);
  const float value[6] = {1, 2, 3, -4, 0.5f, 16777216};
  const int64_t shape[2] = {2, 3}, turned[2] = {3, 2};
  CU_ASSERT_EQUAL_FATAL(npy_write_f32(path, 2, shape, value), EBB_OK);
  const double *number = host->data(host, files[0], 2, shape);
  CU_ASSERT_PTR_NOT_NULL_FATAL(number);
  for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(number[i], (double)value[i]);
  const struct {
    const char *name;
    int64_t ndim;
    const int64_t *shape;
    const char *says;
  } refused[] = {{files[0], 2, turned, "test_instance_table.npy has the shape (2, 3), expected (3, 2)"},
                 {files[0], 1, shape, "has the shape (2, 3), expected (2)"},
                 {files[1], 2, shape, "test_instance_absent.npy"},
                 {"table.npy", 2, shape, "table.npy is not among the component's data files"},
                 {"../test_instance_table.npy", 2, shape, "is not among the component's data files"}};
  for (size_t i = 0; i < COUNT(refused); i++) {
    fail_clear();
    CU_ASSERT_PTR_NULL(host->data(host, refused[i].name, refused[i].ndim, refused[i].shape));
    says(refused[i].name, refused[i].says);
    says(refused[i].name, "metric/own: ");
  }
  remove(path);
}

static void numbers_are_addressed_through_the_table(void) {
  const EbbHost *host = host_new(arena, NULL, "x");
  const uint64_t id[2] = {3, (uint64_t)7 << 32 | 1};
  const uint32_t step[2] = {0, 9};
  double a[10], b[10];
  EbbRng rng = {11, 2};
  host->normal(host, rng, 2, id, step, 4, 5, a);
  random_normal(rng, 2, id, step, 4, 5, b);
  CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
  host->uniform(host, rng, 2, id, step, 4, 5, b);
  CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
  for (size_t i = 0; i < 10; i++) CU_ASSERT_TRUE(b[i] > 0 && b[i] < 1);
  random_uniform(rng, 2, id, step, 4, 5, a);
  CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
}

/* [[2, 1], [1, 2]] has eigenvalues 1 and 3 along (1, -1) and (1, 1). */
static void small_systems_are_solved(void) {
  const EbbHost *host = host_new(arena, NULL, "composition/x");
  double a[4] = {2, 1, 1, 2}, values[2], spd[4] = {2, 1, 1, 2}, b[4] = {3, 3, 1, -1}, indefinite[4] = {1, 2, 2, 1};
  CU_ASSERT_EQUAL(host->eigh(host, NULL, 2, a, values), EBB_OK);
  CU_ASSERT_DOUBLE_EQUAL(values[0], 1, 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(values[1], 3, 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(a[0], -a[1], 1e-14);
  CU_ASSERT_DOUBLE_EQUAL(a[2], a[3], 1e-14);
  CU_ASSERT_EQUAL(host->solve(host, NULL, 2, 2, spd, b), EBB_OK);
  const double x[4] = {1, 1, 1, -1};
  for (size_t i = 0; i < 4; i++) CU_ASSERT_DOUBLE_EQUAL(b[i], x[i], 1e-14);
  CU_ASSERT_EQUAL(host->solve(host, NULL, 2, 2, indefinite, b), EBB_E_NUMERIC);
  CU_ASSERT_EQUAL(strncmp(fail_text(), "composition/x: ", 15), 0);
}

/* [[1, 2], [3, 4]] [[1, 0, -1], [2, 1, -3]] + (1, -5, 2) = [[6, -3, -5], [12, -1, -13]], with and without the negative part; and A transposed. */
static void products_are_what_a_hand_computes(void) {
  const EbbHost *host = host_new(arena, NULL, "x");
  const float a[4] = {1, 2, 3, 4}, at[4] = {1, 3, 2, 4}, b[6] = {1, 0, -1, 2, 1, -3}, bias[3] = {1, -5, 2};
  const float sum[6] = {6, -3, -5, 12, -1, -13}, cut[6] = {6, 0, 0, 12, 0, 0}, bare[6] = {5, 2, -7, 11, 4, -15};
  float c[6];
  EbbProduct p = {.m = 2, .n = 3, .k = 2, .a = a, .a_row = 2, .a_col = 1, .b = b, .b_row = 3, .init = bias, .c = c, .c_row = 3};
  host->product(host, &p);
  CU_ASSERT_EQUAL(memcmp(c, sum, sizeof c), 0);
  p.relu = 1;
  host->product(host, &p);
  for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(c[i], cut[i]);
  p.relu = 0;
  p.init = NULL;
  p.a = at;
  p.a_row = 1;
  p.a_col = 2;
  host->product(host, &p);
  CU_ASSERT_EQUAL(memcmp(c, bare, sizeof c), 0);
  p.k = 1; /* one row of b: its stride says nothing */
  p.b_row = 0;
  const float outer[6] = {1, 0, -1, 3, 0, -3};
  host->product(host, &p);
  for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(c[i], outer[i]);
}

typedef struct Tally {
  const EbbHost *host;
  int64_t square[100], bad;
} Tally;

static EbbStatus count_one(void *ctx, EbbWork *work, int64_t i) {
  Tally *t = ctx;
  int64_t *own = t->host->scratch(work, 1000 * sizeof *own);
  if ((uintptr_t)own % 64 != 0) return EBB_E_SHAPE;
  own[999] = i;
  t->square[i] = own[999] * i;
  return i == t->bad ? t->host->fail(t->host, EBB_E_NUMERIC, "task %d", (int)i) : EBB_OK;
}

static void tasks_run_with_and_without_a_pool(void) {
  Pool *pool = NULL;
  CU_ASSERT_EQUAL_FATAL(pool_new(3, &pool), EBB_OK);
  for (int with = 0; with < 2; with++) {
    const EbbHost *host = host_new(arena, with ? pool : NULL, "metric/x");
    Tally t = {.host = host, .bad = -1};
    CU_ASSERT_EQUAL(host->parallel(host, 100, count_one, &t), EBB_OK);
    for (int64_t i = 0; i < 100; i++) CU_ASSERT_EQUAL(t.square[i], i * i);
    t.bad = 40;
    CU_ASSERT_EQUAL(host->parallel(host, 100, count_one, &t), EBB_E_NUMERIC);
    CU_ASSERT_STRING_EQUAL(fail_text(), "metric/x: task 40");
  }
  pool_free(pool);
}

static const Test tests[] = {
    {"sound parameters of every type pass", sound_parameters_of_every_type_pass},
    {"each bad parameter is named", each_bad_parameter_is_named},
    {"each bad description is told", each_bad_description_is_told},
    {"each required slot is demanded", each_required_slot_is_demanded},
    {"children come first, in the table's order", children_come_first_in_the_table_s_order},
    {"a create that fails undoes its children", a_create_that_fails_undoes_its_children},
    {"memory is zeroed and aligned", memory_is_zeroed_and_aligned_and_the_main_thread_s},
    {"slots of the main thread refuse others", slots_of_the_main_thread_refuse_others},
    {"data files lie beside the component", data_files_lie_beside_the_component},
    {"numbers are addressed through the table", numbers_are_addressed_through_the_table},
    {"small systems are solved", small_systems_are_solved},
    {"products are what a hand computes", products_are_what_a_hand_computes},
    {"tasks run with and without a pool", tasks_run_with_and_without_a_pool},
};

int main(void) {
  arena = arena_new();
  if (isa_setup(getenv("EBB_ISA")) != EBB_OK || linalg_setup() != EBB_OK) return 99;
  int failed = test_main("instance", tests, COUNT(tests));
  arena_free(arena);
  return failed;
}
