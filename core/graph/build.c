/* SPDX-License-Identifier: MIT
 *
 * The builder a network plugin calls: nodes and their tensors, checked as they come. The first failure is kept with its message; from then on every
 * call returns -1, and graph_finish reports it. */
#include <string.h>

#include <ebb/host.h>

#include "graph/internal.h"

static const char *const op_names[] = {[OP_INPUT] = "input",         [OP_LINEAR] = "linear",    [OP_ADD] = "add",        [OP_MUL] = "mul",
                                       [OP_SCALE] = "scale",         [OP_CONCAT] = "concat",    [OP_SLICE] = "slice",    [OP_ACT] = "act",
                                       [OP_LAYERNORM] = "layernorm", [OP_EMBED] = "embed_time", [OP_DROPOUT] = "dropout"};

const char *node_label(const Graph *g, EbbNode v) {
  const Node *n = &g->node[v];
  if (n->op == OP_INPUT) return arena_print(g->arena, "the input %s", n->name);
  if (n->name != NULL) return arena_print(g->arena, "%s \"%s\"", op_names[n->op], n->name);
  return arena_print(g->arena, "%s after \"%s\"", op_names[n->op], n->root);
}

static EbbNode refuse(Graph *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
static EbbNode refuse(Graph *g, const char *format, ...) {
  if (g->status != EBB_OK) return -1;
  va_list arguments;
  va_start(arguments, format);
  g->status = fail_v(EBB_E_SHAPE, format, arguments);
  va_end(arguments);
  g->message = arena_copy(g->arena, fail_text());
  return -1;
}

EbbNode graph_node(Graph *g, Node node) {
  if (g->nodes == g->node_room) {
    int32_t room = g->node_room > 0 ? 2 * g->node_room : 64;
    Node *more = ARENA_ARRAY(g->arena, Node, room);
    if (g->nodes > 0) memcpy(more, g->node, (size_t)g->nodes * sizeof *more);
    g->node = more;
    g->node_room = room;
  }
  for (int32_t i = 0; i < node.inputs; i++) {
    Kind kind = g->node[node.input[i]].kind;
    node.kind = i == 0 || node.kind == kind ? kind : ROW;
  }
  if (node.inputs > 0) {
    EbbNode *copy = ARENA_ARRAY(g->arena, EbbNode, node.inputs);
    memcpy(copy, node.input, (size_t)node.inputs * sizeof *copy);
    node.input = copy;
  }
  node.root = node.name != NULL ? node.name : g->node[node.input[0]].root;
  g->node[g->nodes] = node;
  return g->nodes++;
}

/* Whether the inputs of a node to be exist. what: "linear \"head\"". */
static bool have(Graph *g, const char *op, const char *name, int32_t n, const EbbNode *input) {
  if (g->status != EBB_OK) return false;
  const char *quote = name != NULL ? "\"" : "", *gap = name != NULL ? " " : "";
  if (name == NULL) name = "";
  if (n < 1 || input == NULL) {
    refuse(g, "%s%s%s%s%s was given no input", op, gap, quote, name, quote);
    return false;
  }
  for (int32_t i = 0; i < n; i++) {
    if (input[i] == -1) {
      refuse(g, "%s%s%s%s%s: input %d is absent; this simulator or objective does not give it, so test the host's inputs for -1 before using them",
             op, gap, quote, name, quote, i + 1);
      return false;
    }
    if (input[i] < 0 || input[i] >= g->nodes) {
      refuse(g, "%s%s%s%s%s: input %d is %d, which is no node of this graph; nodes are what the builder's calls return", op, gap, quote, name, quote,
             i + 1, (int)input[i]);
      return false;
    }
  }
  return true;
}

static bool name_free(Graph *g, const char *op, const char *name) {
  if (name == NULL || name[0] == '\0') {
    refuse(g, "%s has trained numbers and needs a name, unique in the graph", op);
    return false;
  }
  if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(name)) {
    refuse(g, "%s: the name \"%s\" may hold small letters, digits, _ and . only", op, name);
    return false;
  }
  for (int32_t v = 0; v < g->nodes; v++)
    if (g->node[v].op != OP_INPUT && g->node[v].name != NULL && strcmp(g->node[v].name, name) == 0) {
      refuse(g, "%s: the name \"%s\" is taken by %s; names are unique within a graph", op, name, node_label(g, v));
      return false;
    }
  return true;
}

static int32_t tensor_new(Graph *g, const char *name, const char *what, int64_t rows, int64_t columns, int32_t init, double mean, double deviation) {
  if (g->tensors == g->tensor_room) {
    int32_t room = g->tensor_room > 0 ? 2 * g->tensor_room : 64;
    Tensor *more = ARENA_ARRAY(g->arena, Tensor, room);
    double *fill = ARENA_ARRAY(g->arena, double, 2 * room);
    int32_t *owner = ARENA_ARRAY(g->arena, int32_t, room);
    if (g->tensors > 0) {
      memcpy(more, g->tensor, (size_t)g->tensors * sizeof *more);
      memcpy(fill, g->fill, (size_t)g->tensors * 2 * sizeof *fill);
      memcpy(owner, g->owner, (size_t)g->tensors * sizeof *owner);
    }
    g->tensor = more, g->fill = fill, g->owner = owner, g->tensor_room = room;
  }
  g->tensor[g->tensors] = (Tensor){.name = arena_print(g->arena, "%s.%s", name, what),
                                   .rows = rows,
                                   .columns = columns,
                                   .count = columns > 0 ? rows * columns : rows,
                                   .decay = columns > 0,
                                   .init = init};
  g->fill[2 * g->tensors] = mean;
  g->fill[2 * g->tensors + 1] = deviation;
  g->owner[g->tensors] = g->nodes;
  return g->tensors++;
}

static Graph *graph_of(EbbGraph *b) { return b->ctx; }

static int64_t width(EbbGraph *b, EbbNode v) {
  const Graph *g = graph_of(b);
  return v < 0 || v >= g->nodes ? -1 : g->node[v].width;
}

static EbbNode linear(EbbGraph *b, const char *name, int32_t inputs, const EbbNode *input, int64_t out, int32_t init, uint32_t flags) {
  Graph *g = graph_of(b);
  if (!have(g, "linear", name, inputs, input) || !name_free(g, "linear", name)) return -1;
  if (out < 1 || out > INT32_MAX) return refuse(g, "linear \"%s\": %lld outputs; at least 1 is needed", name, (long long)out);
  int64_t in = 0;
  for (int32_t i = 0; i < inputs; i++) in += g->node[input[i]].width;
  double variance;
  switch (init) {
  case EBB_INIT_HE: variance = 2.0 / (double)in; break;
  case EBB_INIT_GLOROT: variance = 2.0 / (double)(in + out); break;
  case EBB_INIT_LECUN: variance = 1.0 / (double)in; break;
  case EBB_INIT_ZERO: variance = 0; break;
  default: return refuse(g, "linear \"%s\": no initial values are numbered %d; use EBB_INIT_HE, _GLOROT, _LECUN or _ZERO", name, (int)init);
  }
  Node n = {.op = OP_LINEAR, .name = arena_copy(g->arena, name), .width = out, .inputs = inputs, .input = (EbbNode *)input};
  n.weight = tensor_new(g, name, "weight", out, in, init, 0, __builtin_sqrt(variance));
  n.bias = flags & EBB_NO_BIAS ? -1 : tensor_new(g, name, "bias", out, 0, EBB_INIT_ZERO, 0, 0);
  return graph_node(g, n);
}

static EbbNode pair(EbbGraph *b, Op op, EbbNode u, EbbNode v) {
  Graph *g = graph_of(b);
  EbbNode input[2] = {u, v};
  if (!have(g, op_names[op], NULL, 2, input)) return -1;
  if (g->node[u].width != g->node[v].width)
    return refuse(g, "%s: %s has %lld numbers and %s has %lld; both need the same", op_names[op], node_label(g, u), (long long)g->node[u].width,
                  node_label(g, v), (long long)g->node[v].width);
  return graph_node(g, (Node){.op = op, .width = g->node[u].width, .inputs = 2, .input = input, .weight = -1, .bias = -1});
}
static EbbNode add(EbbGraph *b, EbbNode u, EbbNode v) { return pair(b, OP_ADD, u, v); }
static EbbNode mul(EbbGraph *b, EbbNode u, EbbNode v) { return pair(b, OP_MUL, u, v); }

/* A node of one input and of its width. */
static EbbNode single(Graph *g, Node n, EbbNode a) {
  n.width = g->node[a].width, n.inputs = 1, n.input = &a;
  return graph_node(g, n);
}

static EbbNode scale(EbbGraph *b, EbbNode a, double factor, double shift) {
  if (!have(graph_of(b), "scale", NULL, 1, &a)) return -1;
  return single(graph_of(b), (Node){.op = OP_SCALE, .factor = factor, .shift = shift, .weight = -1, .bias = -1}, a);
}

static EbbNode concat(EbbGraph *b, int32_t n, const EbbNode *nodes) {
  Graph *g = graph_of(b);
  if (!have(g, "concat", NULL, n, nodes)) return -1;
  int64_t sum = 0;
  for (int32_t i = 0; i < n; i++) sum += g->node[nodes[i]].width;
  return graph_node(g, (Node){.op = OP_CONCAT, .width = sum, .inputs = n, .input = (EbbNode *)nodes, .weight = -1, .bias = -1});
}

static EbbNode slice(EbbGraph *b, EbbNode a, int64_t first, int64_t count) {
  Graph *g = graph_of(b);
  if (!have(g, "slice", NULL, 1, &a)) return -1;
  if (first < 0 || count < 1 || first > g->node[a].width - count)
    return refuse(g, "slice: numbers %lld to %lld of %s, which has %lld", (long long)first, (long long)(first + count - 1), node_label(g, a),
                  (long long)g->node[a].width);
  return graph_node(g, (Node){.op = OP_SLICE, .width = count, .first = first, .inputs = 1, .input = &a, .weight = -1, .bias = -1});
}

static EbbNode act(EbbGraph *b, EbbNode a, int32_t activation) {
  Graph *g = graph_of(b);
  if (!have(g, "act", NULL, 1, &a)) return -1;
  if (activation < EBB_ACT_RELU || activation > EBB_ACT_GELU)
    return refuse(g, "act on %s: no activation is numbered %d; expected 1 to 5 (%s)", node_label(g, a), (int)activation, EBB_ACTIVATIONS);
  return single(g, (Node){.op = OP_ACT, .act = (Act)activation, .weight = -1, .bias = -1}, a);
}

static EbbNode layernorm(EbbGraph *b, const char *name, EbbNode a) {
  Graph *g = graph_of(b);
  if (!have(g, "layernorm", name, 1, &a)) return -1;
  Node n = {.op = OP_LAYERNORM, .weight = -1, .bias = -1};
  if (name != NULL) {
    if (!name_free(g, "layernorm", name)) return -1;
    n.name = arena_copy(g->arena, name);
    n.weight = tensor_new(g, name, "gain", g->node[a].width, 0, EBB_INIT_ZERO, 1, 0);
    n.bias = tensor_new(g, name, "shift", g->node[a].width, 0, EBB_INIT_ZERO, 0, 0);
  }
  return single(g, n, a);
}

static EbbNode embed_time(EbbGraph *b, const char *name, EbbNode tau, int64_t count, double factor, double sd) {
  Graph *g = graph_of(b);
  if (!have(g, "embed_time", name, 1, &tau) || !name_free(g, "embed_time", name)) return -1;
  if (g->node[tau].width != 1)
    return refuse(g, "embed_time \"%s\": %s has %lld numbers; the level is one number", name, node_label(g, tau), (long long)g->node[tau].width);
  if (count < 1 || count > INT32_MAX) return refuse(g, "embed_time \"%s\": %lld frequencies; at least 1 is needed", name, (long long)count);
  if (!(sd >= 0) || !__builtin_isfinite(sd) || !__builtin_isfinite(factor))
    return refuse(g, "embed_time \"%s\": scale %g and deviation %g; both must be finite and the deviation not negative", name, factor, sd);
  Node n = {.op = OP_EMBED, .name = arena_copy(g->arena, name), .width = 1 + 2 * count, .factor = factor, .inputs = 1, .input = &tau, .bias = -1};
  n.weight = tensor_new(g, name, "frequency", count, 0, EBB_INIT_ZERO, 0, sd);
  return graph_node(g, n);
}

static EbbNode dropout(EbbGraph *b, EbbNode a, double rate) {
  Graph *g = graph_of(b);
  if (!have(g, "dropout", NULL, 1, &a)) return -1;
  if (!(rate >= 0 && rate < 1)) return refuse(g, "dropout on %s: the rate is %g; expected 0 or more and less than 1", node_label(g, a), rate);
  if (rate == 0) return a;
  return single(g, (Node){.op = OP_DROPOUT, .rate = rate, .weight = -1, .bias = -1}, a);
}

static EbbNode input_new(Graph *g, const char *name, Kind kind, int64_t numbers) {
  return graph_node(g, (Node){.op = OP_INPUT, .name = name, .kind = kind, .width = numbers, .weight = -1, .bias = -1});
}

EbbStatus graph_new(Arena *arena, const EbbHost *host, const EbbLayout *theta, const EbbLayout *data, Graph **out) {
  int64_t z = theta != NULL ? ebb_layout_numbers(theta) : 0, value = data != NULL ? ebb_layout_numbers(data) : 0;
  if (z < 1) return fail(EBB_E_SHAPE, "a network needs at least one parameter to infer, theta has %lld numbers", (long long)z);
  Graph *g = ARENA_NEW(arena, Graph);
  g->arena = arena;
  g->out = -1;
  g->builder = (EbbGraph){.size = sizeof g->builder,
                          .ctx = g,
                          .host = host,
                          .width = width,
                          .linear = linear,
                          .add = add,
                          .mul = mul,
                          .scale = scale,
                          .concat = concat,
                          .slice = slice,
                          .act = act,
                          .layernorm = layernorm,
                          .embed_time = embed_time,
                          .dropout = dropout};
  g->inputs = (EbbInputs){.size = sizeof g->inputs, .theta = *theta, .value = -1, .stamp = -1, .count = -1, .token = -1, .drop = -1, .edges = -1};
  if (data != NULL) g->inputs.data = *data;
  g->inputs.z = input_new(g, "z", ROW, z);
  g->inputs.lambda = input_new(g, "lambda", LEVEL, 1);
  if (value > 0) g->inputs.value = input_new(g, "value", CONDITION, value);
  *out = g;
  return EBB_OK;
}

EbbGraph *graph_builder(Graph *g) { return &g->builder; }
const EbbInputs *graph_inputs(const Graph *g) { return &g->inputs; }
int64_t graph_floats(const Graph *g) { return g->floats; }
bool graph_can_jvp(const Graph *g) { return g->status == EBB_OK; } /* every op has one */

int64_t graph_parameters(const Graph *g) {
  int64_t sum = 0;
  for (int32_t t = 0; t < g->tensors; t++) sum += g->tensor[t].count;
  return sum;
}

const Tensor *graph_tensors(const Graph *g, size_t *n) {
  *n = (size_t)g->tensors;
  return g->tensor;
}

/* FNV-1a, 64 bits. */
static uint64_t name_hash(const char *name) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *name != '\0'; name++) h = (h ^ (uint8_t)*name) * 0x100000001b3u;
  return h;
}

/* Row r of a tensor is addressed by (hash of the name, r): a wider layer keeps what a narrower one begins with. */
void graph_init(const Graph *g, EbbRng rng, float *weights) {
  memset(weights, 0, (size_t)g->floats * sizeof *weights);
  for (int32_t t = 0; t < g->tensors; t++) {
    const Tensor *tensor = &g->tensor[t];
    double mean = g->fill[2 * t], deviation = g->fill[2 * t + 1], normal[512];
    int64_t n = tensor->columns > 0 ? tensor->columns : tensor->rows, rows = tensor->count / n;
    uint64_t id = name_hash(tensor->name);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t first = 0; first < n; first += (int64_t)COUNT(normal)) {
        int64_t some = n - first < (int64_t)COUNT(normal) ? n - first : (int64_t)COUNT(normal);
        uint32_t step = (uint32_t)r;
        if (deviation > 0) random_normal(rng, 1, &id, &step, (uint32_t)(first / (int64_t)COUNT(normal)), some, normal);
        float *w = weights + tensor->offset + r * n + first;
        for (int64_t j = 0; j < some; j++) w[j] = (float)(deviation > 0 ? mean + deviation * normal[j] : mean);
      }
  }
}
