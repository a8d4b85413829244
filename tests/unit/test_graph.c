/* SPDX-License-Identifier: MIT
 *
 * Building and forward: what a plugin author is told, how many numbers are trained, the values, and that no bit depends on how rows are run. */
#include "graph_nets.h"

static void time_mlp_has_as_many_parameters_as_the_handbook_says(void) {
  static const struct { int64_t dim, data, parameters; } known[] = {{2, 2, 508434}, {4, 20, 514068}, {10, 10, 514586}};
  int64_t width = mlp.width, frequencies = mlp.frequencies;
  mlp.width = 256, mlp.frequencies = 16;
  for (size_t i = 0; i < COUNT(known); i++) {
    Net net = {"time_mlp", time_mlp, known[i].dim, known[i].data};
    Sample s = sample_new(&net);
    CU_ASSERT_EQUAL(graph_parameters(s.graph), known[i].parameters);
    arena_free(s.arena);
  }
  mlp.width = width, mlp.frequencies = frequencies;
}

/* ---- Refusals ---- */

static Graph *fresh(Arena *a) {
  Graph *g;
  EbbLayout theta = vector_layout(3), data = vector_layout(4);
  CU_ASSERT_EQUAL_FATAL(graph_new(a, NULL, &theta, &data, &g), EBB_OK);
  return g;
}

typedef EbbNode (*Wrong)(EbbGraph *, const EbbInputs *);
static EbbNode dense(EbbGraph *g, const char *name, EbbNode x, int64_t out) { return g->linear(g, name, 1, &x, out, EBB_INIT_HE, 0); }
static EbbNode add_widths(EbbGraph *g, const EbbInputs *in) { return g->add(g, dense(g, "narrow", in->z, 3), dense(g, "broad", in->z, 5)); }
static EbbNode mul_widths(EbbGraph *g, const EbbInputs *in) { return g->mul(g, g->act(g, dense(g, "narrow", in->z, 2), EBB_ACT_SILU), in->value); }
static EbbNode twice(EbbGraph *g, const EbbInputs *in) { return dense(g, "twin", dense(g, "twin", in->z, 3), 3); }
static EbbNode letters(EbbGraph *g, const EbbInputs *in) { return dense(g, "Head 1", in->z, 3); }
static EbbNode nameless(EbbGraph *g, const EbbInputs *in) { return dense(g, NULL, in->z, 3); }
static EbbNode activation(EbbGraph *g, const EbbInputs *in) { return g->act(g, dense(g, "x", in->z, 3), 9); }
static EbbNode absent(EbbGraph *g, const EbbInputs *in) { return dense(g, "clock", in->stamp, 3); }
static EbbNode stranger(EbbGraph *g, const EbbInputs *in) { return g->add(g, in->z, 77); }
static EbbNode slices(EbbGraph *g, const EbbInputs *in) { return g->slice(g, in->value, 2, 3); }
static EbbNode endings(EbbGraph *g, const EbbInputs *in) { return dense(g, "head", in->z, 4); }
static EbbNode echo(EbbGraph *g, const EbbInputs *in) { return (void)g, in->z; }
static EbbNode loose(EbbGraph *g, const EbbInputs *in) { return dense(g, "lost", in->z, 4), dense(g, "head", in->z, 3); }
static EbbNode empty(EbbGraph *g, const EbbInputs *in) { return g->linear(g, "none", 0, &in->z, 3, EBB_INIT_HE, 0); }
static EbbNode no_outputs(EbbGraph *g, const EbbInputs *in) { return dense(g, "head", in->z, 0); }
static EbbNode init(EbbGraph *g, const EbbInputs *in) { return g->linear(g, "head", 1, &in->z, 3, 17, 0); }
static EbbNode rate(EbbGraph *g, const EbbInputs *in) { return g->dropout(g, dense(g, "head", in->z, 3), 1.0); }
static EbbNode time_of(EbbGraph *g, const EbbInputs *in) { return g->embed_time(g, "t", in->z, 4, 1, 1); }
static EbbNode nothing(EbbGraph *g, const EbbInputs *in) { return (void)g, (void)in, -1; }

static void mistakes_are_named(void) {
  static const struct {
    Wrong build;
    const char *says[3];
  } cases[] = {
      {add_widths, {"add", "\"narrow\" has 3", "\"broad\" has 5"}},
      {mul_widths, {"mul", "act after \"narrow\" has 2", "the input value has 4"}},
      {twice, {"linear", "\"twin\" is taken", "unique"}},
      {letters, {"\"Head 1\"", "small letters", ""}},
      {nameless, {"linear", "needs a name", ""}},
      {activation, {"act on linear \"x\"", "9", EBB_ACTIVATIONS}},
      {absent, {"linear \"clock\"", "input 1 is absent", "-1"}},
      {stranger, {"add", "input 2", "77"}},
      {slices, {"slice", "2 to 4", "which has 4"}},
      {endings, {"linear \"head\"", "has 4", "theta has 3"}},
      {echo, {"output", "the input z", ""}},
      {loose, {"linear \"lost\"", "does not reach", "\"head\""}},
      {empty, {"linear \"none\"", "no input", ""}},
      {no_outputs, {"linear \"head\"", "0 outputs", ""}},
      {init, {"linear \"head\"", "17", "EBB_INIT_HE"}},
      {rate, {"dropout", "\"head\"", "less than 1"}},
      {time_of, {"embed_time \"t\"", "the input z has 3", ""}},
      {nothing, {"output", "-1", ""}},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    Arena *a = arena_new();
    Graph *g = fresh(a);
    EbbNode out = cases[i].build(graph_builder(g), graph_inputs(g));
    fail(EBB_E_IO, "something else happened in between");
    CU_ASSERT_EQUAL(graph_finish(g, out), EBB_E_SHAPE);
    for (int j = 0; j < 3; j++) {
      bool told = strstr(fail_text(), cases[i].says[j]) != NULL;
      if (!told) printf("case %zu says: %s\n", i, fail_text());
      CU_ASSERT(told);
    }
    arena_free(a);
  }
}

static void after_the_first_failure_every_call_gives_minus_one(void) {
  Arena *a = arena_new();
  Graph *g = fresh(a);
  EbbGraph *b = graph_builder(g);
  const EbbInputs *in = graph_inputs(g);
  EbbNode bad = b->act(b, in->z, 99), pair[2] = {bad, in->z};
  CU_ASSERT_EQUAL(bad, -1);
  CU_ASSERT_EQUAL(b->linear(b, "x", 1, &bad, 3, EBB_INIT_HE, 0), -1);
  CU_ASSERT_EQUAL(b->add(b, in->z, in->z), -1);
  CU_ASSERT_EQUAL(b->mul(b, bad, bad), -1);
  CU_ASSERT_EQUAL(b->scale(b, bad, 1, 0), -1);
  CU_ASSERT_EQUAL(b->concat(b, 2, pair), -1);
  CU_ASSERT_EQUAL(b->slice(b, bad, 0, 1), -1);
  CU_ASSERT_EQUAL(b->layernorm(b, NULL, bad), -1);
  CU_ASSERT_EQUAL(b->embed_time(b, "t", bad, 1, 1, 1), -1);
  CU_ASSERT_EQUAL(b->dropout(b, bad, 0.5), -1);
  CU_ASSERT_EQUAL(b->width(b, bad), -1);
  CU_ASSERT_EQUAL(graph_finish(g, -1), EBB_E_SHAPE);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "99")); /* the first, not the last */
  arena_free(a);
}

static void absent_inputs_are_minus_one(void) {
  Arena *a = arena_new();
  const EbbInputs *in = graph_inputs(fresh(a));
  CU_ASSERT(in->stamp == -1 && in->count == -1 && in->token == -1 && in->drop == -1 && in->edges == -1);
  CU_ASSERT(in->z >= 0 && in->lambda >= 0 && in->value >= 0);
  EbbLayout theta = vector_layout(3);
  Graph *g;
  CU_ASSERT_EQUAL(graph_new(a, NULL, &theta, NULL, &g), EBB_OK);
  CU_ASSERT_EQUAL(graph_inputs(g)->value, -1);
  arena_free(a);
}

/* ---- Initial values ---- */

static const float *tensor_of(const Sample *s, const float *weights, const char *name, const Tensor **tensor) {
  size_t n;
  const Tensor *t = graph_tensors(s->graph, &n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(t[i].name, name) == 0) {
      *tensor = &t[i];
      return weights + t[i].offset;
    }
  CU_FAIL_FATAL("no such tensor");
  return NULL;
}

static void initial_values_have_their_variance_and_hang_on_the_name(void) {
  int64_t width = mlp.width;
  mlp.width = 96;
  Sample s = sample_new(&nets[0]), p = sample_new(&nets[1]);
  EbbRng rng = {.seed = 3, .stream = 4};
  graph_init(s.graph, rng, s.weights);
  graph_init(p.graph, rng, p.weights);
  const Tensor *t = NULL;
  const float *w = tensor_of(&s, s.weights, "merge.weight", &t);
  double sum = 0, square = 0;
  for (int64_t i = 0; i < t->count; i++) sum += w[i], square += (double)w[i] * w[i];
  double n = (double)t->count, variance = 2.0 / (2 * 96);
  CU_ASSERT_EQUAL(t->count, 96 * 192);
  CU_ASSERT_DOUBLE_EQUAL(sum / n, 0, 4 * sqrt(variance / n));
  CU_ASSERT_DOUBLE_EQUAL(square / n, variance, 4 * variance * sqrt(2 / n));
  CU_ASSERT(t->decay);
  w = tensor_of(&s, s.weights, "merge.bias", &t);
  for (int64_t i = 0; i < t->count; i++) CU_ASSERT_EQUAL(w[i], 0);
  CU_ASSERT(!t->decay);
  w = tensor_of(&s, s.weights, "block2.norm.gain", &t);
  for (int64_t i = 0; i < t->count; i++) CU_ASSERT_EQUAL(w[i], 1);
  CU_ASSERT(!t->decay);
  w = tensor_of(&s, s.weights, "time.frequency", &t);
  for (int64_t i = 0; i < t->count; i++) CU_ASSERT(w[i] != 0 && fabsf(w[i]) < 0.3f);
  CU_ASSERT(!t->decay);
  /* The first row of a wider layer of the same name and the same inputs, whatever else the network has. */
  Sample wide;
  float one = tensor_of(&s, s.weights, "a.weight", &t)[1];
  mlp.width = 200;
  wide = sample_new(&nets[0]);
  graph_init(wide.graph, rng, wide.weights);
  CU_ASSERT_EQUAL(tensor_of(&wide, wide.weights, "a.weight", &t)[1], one);
  /* Tensors lie apart, begin on whole lines, and what is between stays zero. */
  size_t count;
  const Tensor *all = graph_tensors(s.graph, &count);
  int64_t numbers = 0;
  char *used = ARENA_ARRAY(s.arena, char, graph_floats(s.graph));
  for (size_t i = 0; i < count; i++) {
    CU_ASSERT_EQUAL(all[i].offset % 16, 0);
    CU_ASSERT_FATAL(all[i].offset + all[i].count <= graph_floats(s.graph));
    for (int64_t j = 0; j < all[i].count; j++) used[all[i].offset + j]++;
    numbers += all[i].count;
  }
  CU_ASSERT_EQUAL(numbers, graph_parameters(s.graph));
  for (int64_t i = 0; i < graph_floats(s.graph); i++) CU_ASSERT_FATAL(used[i] == 1 || (used[i] == 0 && s.weights[i] == 0));
  mlp.width = width;
  arena_free(s.arena), arena_free(p.arena), arena_free(wide.arena);
}

/* ---- Values ---- */

enum { ROWS = 61, SETS = 4, LEVELS = 3 };

/* Rows that mix sets and levels, in one order with runs and one without. */
typedef struct Batch {
  float z[ROWS * 8], value[ROWS * 8], tau[ROWS], set_value[SETS * 8], level_tau[LEVELS];
  int32_t set[ROWS], level[ROWS];
} Batch;

static void batch_fill(Batch *b, const Net *net) {
  for (int i = 0; i < ROWS * 8; i++) b->z[i] = (float)lottery();
  for (int i = 0; i < SETS * 8; i++) b->set_value[i] = (float)lottery();
  for (int i = 0; i < LEVELS; i++) b->level_tau[i] = (float)lottery();
  for (int i = 0; i < ROWS; i++) {
    b->set[i] = i < 40 ? i / 20 : (i * 7) % SETS;
    b->level[i] = i < 30 ? 1 : (i * 5) % LEVELS;
    b->tau[i] = b->level_tau[b->level[i]];
    memcpy(b->value + i * net->data, b->set_value + b->set[i] * net->data, (size_t)net->data * sizeof(float));
  }
}

static void values_agree_with_loops_in_double(void) {
  int32_t act = mlp.act;
  for (size_t k = 0; k < COUNT(nets); k++)
    for (mlp.act = EBB_ACT_RELU; mlp.act <= EBB_ACT_GELU; mlp.act++) {
      Sample s = sample_new(&nets[k]);
      Batch b;
      batch_fill(&b, &nets[k]);
      Forward *f;
      CU_ASSERT_EQUAL_FATAL(forward_new(s.arena, s.graph, &f), EBB_OK);
      CU_ASSERT_EQUAL_FATAL(forward_load(f, NULL, s.weights), EBB_OK);
      EbbWork *work = work_new();
      float out[ROWS * 8];
      ForwardRows r = {.rows = ROWS, .z = b.z, .value = b.value, .tau = b.tau, .level_step = 1};
      CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_OK);
      int64_t d = nets[k].dim;
      double worst = 0;
      for (int64_t i = 0; i < ROWS; i++) {
        double z[8], exact[8];
        for (int64_t j = 0; j < d; j++) z[j] = b.z[i * d + j];
        reference(&s, s.exact, z, b.tau[i], b.value + i * nets[k].data, exact);
        for (int64_t j = 0; j < d; j++) worst = fmax(worst, fabs(out[i * d + j] - exact[j]) / (1 + fabs(exact[j])));
      }
      if (!(worst < 1e-4)) printf("%s, activation %d: off by %g\n", nets[k].name, mlp.act, worst);
      CU_ASSERT(worst < 1e-4);
      work_free(work);
      arena_free(s.arena);
    }
  mlp.act = act;
}

/* T7.6 and more: the same rows, run in every way there is. */
static void no_bit_depends_on_how_rows_are_run(void) {
  for (size_t k = 0; k < COUNT(nets); k++) {
    Sample s = sample_new(&nets[k]);
    Batch b;
    batch_fill(&b, &nets[k]);
    int64_t d = nets[k].dim, q = nets[k].data;
    Pool *pool;
    CU_ASSERT_EQUAL_FATAL(pool_new(3, &pool), EBB_OK);
    Forward *f;
    CU_ASSERT_EQUAL_FATAL(forward_new(s.arena, s.graph, &f), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_load(f, pool, s.weights), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_conditions(f, pool, SETS, b.set_value), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_levels(f, pool, LEVELS, b.level_tau), EBB_OK);
    EbbWork *work = work_new();
    float want[ROWS * 8], out[ROWS * 8];
    /* One row at a time, nothing hoisted. */
    for (int64_t i = 0; i < ROWS; i++) {
      ForwardRows r = {.rows = 1, .z = b.z + i * d, .value = b.value + i * q, .tau = b.tau + i, .level_step = 1};
      CU_ASSERT_EQUAL(forward_eval(f, work, &r, want + i * d), EBB_OK);
    }
    ForwardRows rows = {.rows = ROWS, .z = b.z, .level_step = 1};
    for (int way = 0; way < 4; way++) {
      ForwardRows r = rows;
      if (way & 1)
        r.set = b.set;
      else
        r.value = b.value;
      if (way & 2)
        r.level = b.level;
      else
        r.tau = b.tau;
      memset(out, 0, sizeof out);
      CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_OK);
      bool same = memcmp(out, want, (size_t)(ROWS * d) * sizeof *out) == 0;
      if (!same) printf("%s: sets %s, levels %s differ\n", nets[k].name, way & 1 ? "hoisted" : "by row", way & 2 ? "hoisted" : "by row");
      CU_ASSERT(same);
    }
    /* Any split, and the level shared (rows 0 to 29 have level 1; rows 0 to 19 set 0 as well). */
    static const int64_t ends[] = {1, 2, 7, 20, 21, 30};
    for (int way = 0; way < 2; way++)
      for (int64_t e = 0, first = 0; e < (int64_t)COUNT(ends); first = ends[e++]) {
        ForwardRows r = {.rows = ends[e] - first, .z = b.z + first * d, .set = b.set + first, .level_step = 0};
        if (way == 0)
          r.level = b.level + first;
        else
          r.tau = b.tau + first;
        CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_OK);
        CU_ASSERT(memcmp(out, want + first * d, (size_t)(r.rows * d) * sizeof *out) == 0);
      }
    ForwardRows one = {.rows = 20, .z = b.z, .tau = b.tau}; /* set NULL: set 0 */
    CU_ASSERT_EQUAL(forward_eval(f, work, &one, out), EBB_OK);
    CU_ASSERT(memcmp(out, want, (size_t)(20 * d) * sizeof *out) == 0);
    /* Hoisting again replaces what was there. */
    CU_ASSERT_EQUAL(forward_conditions(f, NULL, ROWS, b.value), EBB_OK);
    int32_t self[ROWS];
    for (int i = 0; i < ROWS; i++) self[i] = i;
    ForwardRows mine = {.rows = ROWS, .z = b.z, .set = self, .level = b.level, .level_step = 1};
    CU_ASSERT_EQUAL(forward_eval(f, work, &mine, out), EBB_OK);
    CU_ASSERT(memcmp(out, want, (size_t)(ROWS * d) * sizeof *out) == 0);
    work_free(work);
    pool_free(pool);
    arena_free(s.arena);
  }
}

/* More rows than a tile holds, on every instruction set. */
static void tiles_have_no_seams(void) {
  enum { MANY = 1700 };
  static const char *const sets[] = {"avx512", "avx2", "portable"};
  for (size_t k = 0; k < COUNT(sets); k++) {
    if (!isa_has(sets[k])) continue;
    Sample s = sample_new(&nets[0]);
    CU_ASSERT_EQUAL_FATAL(isa_setup(sets[k]), EBB_OK);
    float *z = some_numbers(s.arena, MANY * 3), *value = some_numbers(s.arena, 4), tau = 0.3f;
    float *out = ARENA_ARRAY(s.arena, float, MANY * 3), row[3];
    Forward *f;
    CU_ASSERT_EQUAL_FATAL(forward_new(s.arena, s.graph, &f), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_load(f, NULL, s.weights), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_conditions(f, NULL, 1, value), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_levels(f, NULL, 1, &tau), EBB_OK);
    static const int32_t zero = 0;
    EbbWork *work = work_new();
    ForwardRows all = {.rows = MANY, .z = z, .level = &zero};
    CU_ASSERT_EQUAL(forward_eval(f, work, &all, out), EBB_OK);
    bool same = true;
    for (int64_t i = 0; i < MANY; i += 13) {
      ForwardRows r = {.rows = 1, .z = z + 3 * i, .value = value, .tau = &tau};
      CU_ASSERT_EQUAL(forward_eval(f, work, &r, row), EBB_OK);
      same = same && memcmp(row, out + 3 * i, sizeof row) == 0;
    }
    CU_ASSERT(same);
    work_free(work);
    arena_free(s.arena);
  }
  isa_setup(NULL);
}

static void rows_without_their_condition_or_level_are_refused(void) {
  Sample s = sample_new(&nets[0]);
  EbbWork *work = work_new();
  Forward *f;
  float z[6] = {0}, value[4] = {0}, tau = 0, out[6];
  int32_t set[2] = {0, 1}, level = 0;
  CU_ASSERT_EQUAL_FATAL(forward_new(s.arena, s.graph, &f), EBB_OK);
  ForwardRows r = {.rows = 2, .z = z, .set = set, .tau = &tau};
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_E_UNSUPPORTED);
  CU_ASSERT_EQUAL(forward_conditions(f, NULL, 1, value), EBB_E_UNSUPPORTED);
  CU_ASSERT_EQUAL(forward_load(f, NULL, s.weights), EBB_OK);
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_E_SHAPE);
  CU_ASSERT_EQUAL(forward_conditions(f, NULL, 1, value), EBB_OK);
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_E_SHAPE);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "condition 1"));
  set[1] = 0;
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_OK);
  r.level = &level;
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_E_SHAPE);
  r.level = NULL, r.tau = NULL;
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_E_SHAPE);
  r.tau = &tau;
  CU_ASSERT_EQUAL(forward_load(f, NULL, s.weights), EBB_OK); /* drops what was hoisted */
  CU_ASSERT_EQUAL(forward_eval(f, work, &r, out), EBB_E_SHAPE);
  work_free(work);
  arena_free(s.arena);
}

static const Test tests[] = {
    {"time_mlp has as many parameters as the handbook says", time_mlp_has_as_many_parameters_as_the_handbook_says},
    {"mistakes are named", mistakes_are_named},
    {"after the first failure every call gives -1", after_the_first_failure_every_call_gives_minus_one},
    {"absent inputs are -1", absent_inputs_are_minus_one},
    {"initial values have their variance and hang on the name", initial_values_have_their_variance_and_hang_on_the_name},
    {"values agree with loops in double", values_agree_with_loops_in_double},
    {"no bit depends on how rows are run", no_bit_depends_on_how_rows_are_run},
    {"tiles have no seams", tiles_have_no_seams},
    {"rows without their condition or level are refused", rows_without_their_condition_or_level_are_refused},
};
TEST_MAIN("graph", tests)
