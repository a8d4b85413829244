/* SPDX-License-Identifier: MIT
 *
 * Networks for the suites of the graph, and their reference: an EbbGraph whose calls compute at once, one row, in double, with plain loops. The same
 * builder function therefore gives the network under test and the numbers it must have. */
#ifndef EBB_TESTS_GRAPH_NETS_H
#define EBB_TESTS_GRAPH_NETS_H

#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "num/isa.h"
#include "test.h"

/* ---- A generator of test numbers, unlike the one under test ---- */

static uint64_t lottery_state = 88172645463325252u;
static inline double lottery(void) { /* (-1, 1) */
  lottery_state ^= lottery_state << 13;
  lottery_state ^= lottery_state >> 7;
  lottery_state ^= lottery_state << 17;
  return (double)(int64_t)lottery_state / 9223372036854775808.0;
}
static inline float *some_numbers(Arena *a, int64_t n) {
  float *x = ARENA_ARRAY(a, float, n > 0 ? n : 1);
  for (int64_t i = 0; i < n; i++) x[i] = (float)lottery();
  return x;
}

/* ---- The reference ---- */

typedef struct Reference {
  EbbGraph graph;
  const Graph *of; /* whose tensors are meant */
  const double *weights;
  int32_t nodes;
  int64_t width[256];
  double *value[256];
  Arena *arena;
} Reference;

static inline Reference *ref(EbbGraph *g) { return g->ctx; }
static inline const double *ref_tensor(const Reference *r, const char *name, const char *what) {
  char full[128];
  snprintf(full, sizeof full, "%s.%s", name, what);
  size_t n;
  const Tensor *t = graph_tensors(r->of, &n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(t[i].name, full) == 0) return r->weights + t[i].offset;
  return NULL;
}
static inline EbbNode ref_new(Reference *r, int64_t width) {
  r->width[r->nodes] = width;
  r->value[r->nodes] = ARENA_ARRAY(r->arena, double, width);
  return r->nodes++;
}
static inline int64_t ref_width(EbbGraph *g, EbbNode v) { return ref(g)->width[v]; }
static inline EbbNode ref_linear(EbbGraph *g, const char *name, int32_t inputs, const EbbNode *input, int64_t out, int32_t init, uint32_t flags) {
  Reference *r = ref(g);
  const double *W = ref_tensor(r, name, "weight"), *b = flags & EBB_NO_BIAS ? NULL : ref_tensor(r, name, "bias");
  EbbNode y = ref_new(r, out);
  (void)init;
  for (int64_t o = 0; o < out; o++) {
    double sum = b != NULL ? b[o] : 0;
    for (int32_t i = 0; i < inputs; i++)
      for (int64_t j = 0; j < r->width[input[i]]; j++) sum += *W++ * r->value[input[i]][j];
    r->value[y][o] = sum;
  }
  return y;
}
static inline EbbNode ref_add(EbbGraph *g, EbbNode a, EbbNode b) {
  EbbNode y = ref_new(ref(g), ref(g)->width[a]);
  for (int64_t j = 0; j < ref(g)->width[a]; j++) ref(g)->value[y][j] = ref(g)->value[a][j] + ref(g)->value[b][j];
  return y;
}
static inline EbbNode ref_mul(EbbGraph *g, EbbNode a, EbbNode b) {
  EbbNode y = ref_new(ref(g), ref(g)->width[a]);
  for (int64_t j = 0; j < ref(g)->width[a]; j++) ref(g)->value[y][j] = ref(g)->value[a][j] * ref(g)->value[b][j];
  return y;
}
static inline EbbNode ref_scale(EbbGraph *g, EbbNode a, double factor, double shift) {
  EbbNode y = ref_new(ref(g), ref(g)->width[a]);
  for (int64_t j = 0; j < ref(g)->width[a]; j++) ref(g)->value[y][j] = factor * ref(g)->value[a][j] + shift;
  return y;
}
static inline EbbNode ref_concat(EbbGraph *g, int32_t n, const EbbNode *nodes) {
  int64_t sum = 0;
  for (int32_t i = 0; i < n; i++) sum += ref(g)->width[nodes[i]];
  EbbNode y = ref_new(ref(g), sum);
  double *to = ref(g)->value[y];
  for (int32_t i = 0; i < n; i++)
    for (int64_t j = 0; j < ref(g)->width[nodes[i]]; j++) *to++ = ref(g)->value[nodes[i]][j];
  return y;
}
static inline EbbNode ref_slice(EbbGraph *g, EbbNode a, int64_t first, int64_t count) {
  EbbNode y = ref_new(ref(g), count);
  for (int64_t j = 0; j < count; j++) ref(g)->value[y][j] = ref(g)->value[a][first + j];
  return y;
}
static inline double ref_activation(int32_t act, double x) {
  switch (act) {
  case EBB_ACT_RELU: return x > 0 ? x : 0;
  case EBB_ACT_SILU: return x / (1 + exp(-x));
  case EBB_ACT_MISH: return x * tanh(log1p(exp(x)));
  case EBB_ACT_TANH: return tanh(x);
  default: return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
  }
}
static inline EbbNode ref_act(EbbGraph *g, EbbNode a, int32_t act) {
  EbbNode y = ref_new(ref(g), ref(g)->width[a]);
  for (int64_t j = 0; j < ref(g)->width[a]; j++) ref(g)->value[y][j] = ref_activation(act, ref(g)->value[a][j]);
  return y;
}
static inline EbbNode ref_layernorm(EbbGraph *g, const char *name, EbbNode a) {
  int64_t n = ref(g)->width[a];
  const double *x = ref(g)->value[a], *gain = name ? ref_tensor(ref(g), name, "gain") : NULL,
               *shift = name ? ref_tensor(ref(g), name, "shift") : NULL;
  EbbNode y = ref_new(ref(g), n);
  double mean = 0, variance = 0;
  for (int64_t j = 0; j < n; j++) mean += x[j] / (double)n;
  for (int64_t j = 0; j < n; j++) variance += (x[j] - mean) * (x[j] - mean) / (double)n;
  for (int64_t j = 0; j < n; j++) {
    double h = (x[j] - mean) / sqrt(variance + 1e-5);
    ref(g)->value[y][j] = name ? gain[j] * h + shift[j] : h;
  }
  return y;
}
static inline EbbNode ref_embed(EbbGraph *g, const char *name, EbbNode tau, int64_t count, double scale, double sd) {
  const double *w = ref_tensor(ref(g), name, "frequency"), t = ref(g)->value[tau][0];
  EbbNode y = ref_new(ref(g), 1 + 2 * count);
  (void)sd;
  ref(g)->value[y][0] = t;
  for (int64_t j = 0; j < count; j++) {
    ref(g)->value[y][1 + j] = sin(2 * M_PI * scale * w[j] * t);
    ref(g)->value[y][1 + count + j] = cos(2 * M_PI * scale * w[j] * t);
  }
  return y;
}
static inline EbbNode ref_dropout(EbbGraph *g, EbbNode a, double rate) {
  (void)g, (void)rate;
  return a;
}

/* ---- Networks ---- */

typedef struct Net {
  const char *name;
  EbbNode (*build)(EbbGraph *, const EbbInputs *);
  int64_t dim, data;
} Net;

static struct {
  int64_t width, frequencies;
  int32_t act;
  double dropout;
} mlp = {24, 5, EBB_ACT_MISH, 0.2};

/* methods.md 7, time_mlp. */
static inline EbbNode time_mlp(EbbGraph *g, const EbbInputs *in) {
  int64_t w = mlp.width;
  EbbNode temb = g->embed_time(g, "time", in->lambda, mlp.frequencies, 30, 0.05);
  EbbNode ab[2] = {g->act(g, g->linear(g, "a", 1, &in->z, w, EBB_INIT_HE, 0), mlp.act),
                   g->act(g, g->linear(g, "b", 1, &in->value, w, EBB_INIT_HE, 0), mlp.act)};
  EbbNode h = g->act(g, g->linear(g, "merge", 2, ab, w, EBB_INIT_HE, 0), mlp.act);
  for (int i = 0; i < 5; i++) {
    char name[3][32];
    static const char *const what[3] = {"dense", "time", "norm"};
    for (int j = 0; j < 3; j++) snprintf(name[j], sizeof name[j], "block%d.%s", i, what[j]);
    EbbNode r = g->dropout(g, g->act(g, g->linear(g, name[0], 1, &h, w, EBB_INIT_HE, 0), mlp.act), mlp.dropout);
    r = g->add(g, r, g->linear(g, name[1], 1, &temb, w, EBB_INIT_HE, 0));
    h = g->layernorm(g, name[2], g->add(g, h, r));
  }
  return g->linear(g, "head", 1, &h, g->width(g, in->z), EBB_INIT_HE, 0);
}

/* Every op, and what the planner treats apart: a sum over all three kinds of inputs given in the wrong order, one over condition and level only, one
 * over level and row, one over two rows that are then added to a third; an input of the condition that rows read directly; nodes read twice, a linear
 * one among them; products of a node with itself; a sum without tangent added to a row that has one; a level's linear node added to a row; additions
 * that cannot be fused; a dropout on its own; a norm without weights; activations on their own. */
static inline EbbNode patchwork(EbbGraph *g, const EbbInputs *in) {
  EbbNode t = g->embed_time(g, "t", in->lambda, 3, 2, 0.3);
  EbbNode c = g->act(g, g->linear(g, "c", 1, &in->value, 20, EBB_INIT_LECUN, 0), EBB_ACT_TANH);
  EbbNode cc = g->layernorm(g, "cc", g->add(g, c, g->linear(g, "c2", 1, &c, 20, EBB_INIT_GLOROT, EBB_NO_BIAS)));
  EbbNode mixed[3] = {in->z, t, cc};
  EbbNode x = g->act(g, g->linear(g, "x", 3, mixed, 33, EBB_INIT_HE, 0), EBB_ACT_GELU);
  EbbNode given[2] = {t, cc};
  EbbNode gate = g->act(g, g->linear(g, "gate", 2, given, 33, EBB_INIT_HE, 0), EBB_ACT_SILU);
  x = g->mul(g, x, gate);
  EbbNode late[2] = {x, t};
  EbbNode y = g->act(g, g->linear(g, "late", 2, late, 33, EBB_INIT_HE, EBB_NO_BIAS), EBB_ACT_RELU);
  y = g->add(g, g->add(g, x, y), g->linear(g, "side", 1, &x, 33, EBB_INIT_HE, 0));
  EbbNode third = g->scale(g, y, 0.3, 0.1), rows[2] = {g->scale(g, x, 0.5, 0), y};
  y = g->add(g, third, g->linear(g, "rows", 2, rows, 33, EBB_INIT_HE, 0));
  y = g->dropout(g, g->layernorm(g, NULL, y), 0.3);
  y = g->add(g, g->linear(g, "level", 1, &t, 33, EBB_INIT_HE, 0), y);
  EbbNode often = g->linear(g, "often", 1, &y, 33, EBB_INIT_HE, 0);
  EbbNode bent = g->act(g, often, EBB_ACT_TANH);
  y = g->add(g, bent, g->mul(g, often, y));
  y = g->add(g, y, g->linear(g, "given", 2, given, 33, EBB_INIT_HE, 0));
  y = g->add(g, g->mul(g, y, y), g->scale(g, y, -0.7, 0.2));
  y = g->add(g, y, y);
  EbbNode wide[4] = {in->value, g->slice(g, y, 3, 17), g->scale(g, in->lambda, 2, -1), g->act(g, g->slice(g, y, 0, 9), EBB_ACT_SILU)};
  EbbNode all = g->concat(g, 4, wide);
  EbbNode split[2] = {all, g->slice(g, all, 2, 5)};
  EbbNode two = g->dropout(g, g->linear(g, "two", 2, split, 2 * g->width(g, in->z), EBB_INIT_HE, 0), 0.1);
  int64_t d = g->width(g, in->z);
  return g->add(g, g->slice(g, two, 0, d), g->mul(g, g->slice(g, two, d, d), in->z));
}

static const Net nets[] = {{"time_mlp", time_mlp, 3, 4}, {"patchwork", patchwork, 2, 6}};

static inline EbbLayout vector_layout(int64_t numbers) {
  return (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = numbers};
}

/* The network, its weights (every tensor random, biases too) and their copy in double. */
typedef struct Sample {
  Arena *arena;
  Graph *graph;
  const Net *net;
  float *weights;
  double *exact;
} Sample;

static inline Sample sample_new(const Net *net) {
  isa_setup(getenv("EBB_ISA"));
  Sample s = {.arena = arena_new(), .net = net};
  EbbLayout theta = vector_layout(net->dim), data = vector_layout(net->data);
  CU_ASSERT_EQUAL_FATAL(graph_new(s.arena, NULL, &theta, &data, &s.graph), EBB_OK);
  EbbNode out = net->build(graph_builder(s.graph), graph_inputs(s.graph));
  EbbStatus status = graph_finish(s.graph, out);
  if (status != EBB_OK) printf("%s: %s\n", net->name, fail_text());
  CU_ASSERT_EQUAL_FATAL(status, EBB_OK);
  s.weights = ARENA_ARRAY(s.arena, float, graph_floats(s.graph));
  s.exact = ARENA_ARRAY(s.arena, double, graph_floats(s.graph));
  graph_init(s.graph, (EbbRng){.seed = 1, .stream = 2}, s.weights);
  size_t n;
  const Tensor *t = graph_tensors(s.graph, &n);
  for (size_t i = 0; i < n; i++)
    for (int64_t j = 0; t[i].columns == 0 && j < t[i].count; j++) s.weights[t[i].offset + j] += 0.2f * (float)lottery();
  for (int64_t i = 0; i < graph_floats(s.graph); i++) s.exact[i] = s.weights[i];
  return s;
}

/* The reference's answer for one row. */
static inline void reference(const Sample *s, const double *weights, const double *z, double tau, const float *value, double *out) {
  Reference r = {.graph = {.width = ref_width,
                           .linear = ref_linear,
                           .add = ref_add,
                           .mul = ref_mul,
                           .scale = ref_scale,
                           .concat = ref_concat,
                           .slice = ref_slice,
                           .act = ref_act,
                           .layernorm = ref_layernorm,
                           .embed_time = ref_embed,
                           .dropout = ref_dropout},
                 .of = s->graph,
                 .weights = weights,
                 .arena = arena_new()};
  r.graph.ctx = &r;
  EbbInputs in = {.z = ref_new(&r, s->net->dim), .lambda = ref_new(&r, 1), .value = ref_new(&r, s->net->data)};
  memcpy(r.value[in.z], z, (size_t)s->net->dim * sizeof *z);
  r.value[in.lambda][0] = tau;
  for (int64_t j = 0; j < s->net->data; j++) r.value[in.value][j] = value[j];
  EbbNode y = s->net->build(&r.graph, &in);
  memcpy(out, r.value[y], (size_t)s->net->dim * sizeof *out);
  arena_free(r.arena);
}

#endif
