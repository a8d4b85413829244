/* SPDX-License-Identifier: MIT
 *
 * From nodes to steps. graph_finish takes the nodes that reach the output and
 *
 *     fuses      a linear node with the activation, the dropout and up to two additions that follow, as long as nobody else reads what is between and
 *                all have the same kind: one call of the product
 *     splits     a ROW linear node: its CONDITION inputs (or, without those, its LEVEL inputs) become a partial sum of their own, which is hoisted.
 *                With both kinds the LEVEL inputs stay: the sum over them continues a row's own partial sum
 *     orders     CONDITION and LEVEL steps come right before the first step that needs them, so that a tile fetches them late
 *     lays out   a place for each value in a tile, re-used when the last reader is through
 *     shares     the weights among parts */
#include <string.h>

#include "graph/internal.h"

enum { PART_OUTPUTS = 96 /* a multiple of every panel's width and of the tile's rows */, PART_NUMBERS = 24576, VECTOR_NUMBERS = 1024 };
enum { TILE_FLOATS = 65536, TILE_LEAST = 24, TILE_MOST = 768, TILE_STEP = 24 };

int64_t row_stride(int64_t n) {
  int64_t stride = (n + 15) / 16 * 16;
  return stride % 64 == 0 ? stride + 16 : stride;
}

/* A step's operands: inputs, then init and the additions; -1 where absent. */
static int32_t operands(const Step *s) { return s->inputs + 3; }
static int32_t operand(const Step *s, int32_t i) {
  if (i < s->inputs) return s->input[i];
  if (i == s->inputs) return s->init;
  return i - s->inputs - 1 < s->adds ? s->add[i - s->inputs - 1] : -1;
}

/* ---- Nodes to steps ---- */

typedef struct Draft {
  Graph *g;
  int32_t *uses, *reader; /* [nodes] how often it is read, and by whom last */
  bool *reached, *fused;  /* [nodes] fused: inside of a step, without a value */
  Step *step;
  int32_t steps, products;
  int32_t *maker; /* [values] draft step, -1 for inputs */
  bool *placed;   /* [draft steps] */
} Draft;

static void reach(Draft *d) {
  Graph *g = d->g;
  d->reached[g->out] = true;
  d->uses[g->out] = 1;
  for (int32_t v = g->out; v >= 0; v--) {
    if (!d->reached[v]) continue;
    for (int32_t i = 0; i < g->node[v].inputs; i++) {
      int32_t u = g->node[v].input[i];
      d->reached[u] = true;
      d->uses[u]++;
      d->reader[u] = v;
    }
  }
}

/* Takes what follows the linear node v into its step; returns the last node. */
static int32_t fuse(Draft *d, int32_t v, Step *s) {
  const Graph *g = d->g;
  for (int32_t last = v;;) {
    if (last == g->out || d->uses[last] != 1) return last;
    int32_t next = d->reader[last];
    const Node *n = &g->node[next];
    if (n->kind != s->kind || d->fused[next]) return last;
    if (n->op == OP_ACT && s->act == ACT_NONE && s->drop < 0 && s->adds == 0)
      s->act = n->act;
    else if (n->op == OP_DROPOUT && s->drop < 0 && s->adds == 0)
      s->drop = d->g->drops++, s->rate = n->rate;
    else if (n->op == OP_ADD && s->adds < 2)
      s->add[s->adds++] = n->input[n->input[0] == last ? 1 : 0];
    else
      return last;
    d->fused[last] = true;
    last = next;
    /* The end of the chain belongs to this step: no other linear node may take it, and it makes no step of its own. */
    d->fused[next] = true;
  }
}

static Step *draft_step(Draft *d, Step s) {
  d->maker[s.out] = d->steps;
  d->step[d->steps] = s;
  return &d->step[d->steps++];
}

/* A linear step sums inputs of kinds [from, to), in this order; columns of the weight are in the order of the node. */
static void take_inputs(Draft *d, Step *s, int from, int to) {
  const Graph *g = d->g;
  const Node *n = &g->node[s->node];
  s->input = ARENA_ARRAY(g->arena, int32_t, n->inputs);
  s->product = ARENA_ARRAY(g->arena, int32_t, n->inputs);
  s->inputs = 0;
  for (int kind = from; kind < to; kind++) {
    int64_t column = 0;
    for (int32_t i = 0; i < n->inputs; i++) {
      int64_t k = g->node[n->input[i]].width;
      if ((int)g->node[n->input[i]].kind == kind) {
        g->product[d->products] = (Product){.value = n->input[i], .tensor = n->weight, .column = column, .k = k};
        s->product[s->inputs] = d->products++;
        s->input[s->inputs++] = n->input[i];
      }
      column += k;
    }
  }
}

static void draft_linear(Draft *d, int32_t v) {
  Graph *g = d->g;
  const Node *n = &g->node[v];
  int32_t of[KINDS] = {0};
  for (int32_t i = 0; i < n->inputs; i++) of[g->node[n->input[i]].kind]++;
  Step s = {.op = OP_LINEAR, .kind = n->kind, .node = v, .bias = n->bias, .init = -1, .drop = -1};
  int hoisted = of[CONDITION] > 0 ? CONDITION : LEVEL, rest = CONDITION;
  if (n->kind == ROW && of[hoisted] > 0) {
    Step partial = s;
    partial.kind = (Kind)hoisted;
    partial.out = g->values++;
    g->width[partial.out] = n->width;
    g->kind[partial.out] = (Kind)hoisted;
    take_inputs(d, &partial, hoisted, hoisted + 1);
    draft_step(d, partial);
    s.bias = -1;
    s.init = partial.out;
    rest = hoisted + 1;
  }
  take_inputs(d, &s, rest, KINDS);
  s.out = fuse(d, v, &s);
  draft_step(d, s);
}

static void draft(Draft *d) {
  Graph *g = d->g;
  for (int32_t v = 0; v < g->nodes; v++) {
    const Node *n = &g->node[v];
    if (!d->reached[v] || n->op == OP_INPUT || d->fused[v]) continue;
    if (n->op == OP_LINEAR) {
      draft_linear(d, v);
      continue;
    }
    Step s = {
        .op = n->op, .kind = n->kind, .node = v, .out = v, .inputs = n->inputs, .input = n->input, .bias = -1, .init = -1, .act = n->act, .drop = -1};
    if (n->op == OP_DROPOUT) s.drop = g->drops++, s.rate = n->rate;
    draft_step(d, s);
  }
}

/* Places what step i needs, then the step. Steps of one kind keep the order of their nodes unless one needs another. */
static void place(Draft *d, int32_t i) {
  Graph *g = d->g;
  if (d->placed[i]) return;
  d->placed[i] = true;
  for (int32_t j = 0; j < operands(&d->step[i]); j++) {
    int32_t v = operand(&d->step[i], j);
    if (v >= 0 && d->maker[v] >= 0) place(d, d->maker[v]);
  }
  for (int32_t j = 0; j < d->step[i].inputs && d->step[i].op == OP_LINEAR; j++) g->product[d->step[i].product[j]].step = g->steps;
  g->step[g->steps++] = d->step[i];
}

/* A fused step ends later than it begins: it is placed at its last node, when what it adds is there. */
static void order(Draft *d) {
  Graph *g = d->g;
  for (int32_t v = 0; v < g->nodes; v++)
    if (d->maker[v] >= 0 && g->kind[v] == ROW) place(d, d->maker[v]);
  if (d->maker[g->out] >= 0) place(d, d->maker[g->out]);
}

/* ---- What flows where ---- */

static void flow(Graph *g) {
  g->want[GRADIENT_INPUT][g->inputs.z] = true;
  g->by_level[g->inputs.lambda] = true;
  for (int32_t i = 0; i < g->steps; i++) {
    const Step *s = &g->step[i];
    const Node *n = &g->node[s->node];
    if (n->weight >= 0) g->want[GRADIENT_WEIGHTS][s->out] = true;
    if (n->weight >= 0) g->tensor_step[n->weight] = i;
    if (n->bias >= 0 && (s->op != OP_LINEAR || s->bias >= 0)) g->tensor_step[n->bias] = i;
    for (int32_t j = 0; j < operands(s); j++) {
      int32_t v = operand(s, j);
      if (v < 0) continue;
      g->want[GRADIENT_INPUT][s->out] |= g->want[GRADIENT_INPUT][v];
      g->want[GRADIENT_WEIGHTS][s->out] |= g->want[GRADIENT_WEIGHTS][v];
      g->by_level[s->out] |= g->by_level[v];
      if (s->kind == ROW && g->kind[v] != ROW) g->exported[v] = true;
    }
  }
  if (g->kind[g->out] != ROW) g->exported[g->out] = true;
  for (int32_t p = 0; p < g->products; p++) {
    int32_t v = g->product[p].value;
    g->product[p].back = g->want[GRADIENT_INPUT][v] || g->want[GRADIENT_WEIGHTS][v];
  }
}

/* ---- Places in a tile ---- */

/* Whether step s may write its output over operand v: read element by element, before or with the write. A chain of products overwrites its output
 * early, so only what its first one reads may go. */
static bool may_overwrite(const Graph *g, const Step *s, int32_t v) {
  if (g->kind[v] != s->kind || g->stride[v] != g->stride[s->out] || g->node[s->node].op == OP_EMBED) return false;
  if (s->op == OP_LINEAR) {
    for (int32_t i = 0; i < s->inputs; i++)
      if (s->input[i] == v) return false;
    return v == s->init || s->inputs == 1;
  }
  return s->op == OP_ADD || s->op == OP_MUL || s->op == OP_SCALE || s->op == OP_ACT || s->op == OP_LAYERNORM || s->op == OP_DROPOUT;
}

/* The lowest offset at which `floats` fit between the values that live. */
static int64_t lowest(const Graph *g, const Storage *m, const bool *live, int64_t floats) {
  int64_t at = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int32_t v = 0; v < g->values; v++)
      if (live[v] && at < m->offset[v] + g->stride[v] && m->offset[v] < at + floats) {
        at = m->offset[v] + g->stride[v];
        moved = true;
      }
  }
  return at;
}

static void settle(const Graph *g, Storage *m, bool *live, int32_t v) {
  m->offset[v] = lowest(g, m, live, g->stride[v]);
  live[v] = true;
  if (m->offset[v] + g->stride[v] > m->floats) m->floats = m->offset[v] + g->stride[v];
}

/* Returns the most floats a row of ROW values that live at once. */
static int64_t lay_out(Graph *g, Storage *m, bool reuse, bool in_place) {
  m->offset = ARENA_ARRAY(g->arena, int64_t, g->values);
  bool *live = ARENA_ARRAY(g->arena, bool, g->values);
  int32_t *last = ARENA_ARRAY(g->arena, int32_t, g->values);
  for (int32_t v = 0; v < g->values; v++) m->offset[v] = -1, last[v] = -1;
  for (int32_t i = 0; i < g->steps; i++)
    for (int32_t j = 0; j < operands(&g->step[i]); j++)
      if (operand(&g->step[i], j) >= 0) last[operand(&g->step[i], j)] = i;
  for (int32_t v = 0; v < g->nodes; v++) /* inputs that are fetched from the cache */
    if (g->node[v].op == OP_INPUT && g->exported[v]) settle(g, m, live, v);
  int64_t most = 0;
  for (int32_t i = 0; i < g->steps; i++) {
    const Step *s = &g->step[i];
    int32_t over = -1;
    for (int32_t j = 0; in_place && j < operands(s) && over < 0; j++) {
      int32_t v = operand(s, j);
      if (v >= 0 && live[v] && last[v] == i && may_overwrite(g, s, v)) over = v;
    }
    if (over >= 0) {
      m->offset[s->out] = m->offset[over];
      live[over] = false;
      live[s->out] = true;
    } else {
      settle(g, m, live, s->out);
    }
    int64_t sum = 0;
    for (int32_t v = 0; v < g->values; v++)
      if (live[v] && g->kind[v] == ROW) sum += g->stride[v];
    if (sum > most) most = sum;
    for (int32_t j = 0; reuse && j < operands(s); j++)
      if (operand(s, j) >= 0 && last[operand(s, j)] == i) live[operand(s, j)] = false;
  }
  return most;
}

/* ---- Weights ---- */

/* Matrices first, then vectors: what is small lies together and makes few parts. */
static void place_tensors(Graph *g) {
  for (int matrices = 1; matrices >= 0; matrices--) {
    if (!matrices) g->vectors = g->floats;
    for (int32_t t = 0; t < g->tensors; t++) {
      if ((g->tensor[t].columns > 0) != (matrices == 1)) continue;
      g->tensor[t].offset = g->floats;
      g->floats += (g->tensor[t].count + 15) / 16 * 16;
    }
  }
}

static void share_weights(Graph *g) {
  int64_t most = 0;
  for (int32_t t = 0; t < g->tensors; t++) most += g->tensor[t].rows / PART_OUTPUTS + 1;
  g->part = ARENA_ARRAY(g->arena, Part, most);
  for (int32_t t = 0; t < g->tensors; t++) {
    const Tensor *w = &g->tensor[t];
    if (w->columns == 0) continue;
    int64_t outputs = (PART_NUMBERS / w->columns + PART_OUTPUTS - 1) / PART_OUTPUTS * PART_OUTPUTS;
    if (outputs < PART_OUTPUTS) outputs = PART_OUTPUTS;
    for (int64_t first = 0; first < w->rows; first += outputs) {
      int64_t last = w->rows - first < outputs ? w->rows : first + outputs;
      Part p = {
          .tensor = t, .first = first, .last = last, .offset = w->offset + first * w->columns, .count = (last - first) * w->columns, .decay = true};
      int32_t i = g->parts++; /* the largest first: threads end together */
      for (; i > 0 && g->part[i - 1].count < p.count; i--) g->part[i] = g->part[i - 1];
      g->part[i] = p;
    }
  }
  Part p = {.count = 0};
  for (int32_t t = 0; t < g->tensors; t++) {
    const Tensor *w = &g->tensor[t];
    if (w->columns > 0) continue;
    bool follows = p.count > 0 && g->owner[t] == g->owner[p.tensor + p.tensors - 1]; /* gain and shift stay together */
    if (p.count >= VECTOR_NUMBERS && !follows) {
      g->part[g->parts++] = p;
      p.count = 0;
    }
    if (p.count == 0) p = (Part){.tensor = t, .offset = w->offset};
    p.tensors = t - p.tensor + 1;
    p.count = w->offset + w->count - p.offset;
  }
  if (p.count > 0) g->part[g->parts++] = p;
}

/* ---- The whole ---- */

static EbbStatus check_end(Graph *g, EbbNode out) {
  if (g->status != EBB_OK) return fail(g->status, "%s", g->message);
  if (g->steps > 0) return fail(EBB_E_UNSUPPORTED, "the graph was finished before; build a new one");
  if (out < 0 || out >= g->nodes)
    return fail(EBB_E_SHAPE, "the network's output is node %d of %d; give what the last call returned", (int)out, (int)g->nodes);
  if (g->node[out].op == OP_INPUT) return fail(EBB_E_SHAPE, "the network's output is %s itself; expected something computed", node_label(g, out));
  int64_t want = g->node[g->inputs.z].width;
  if (g->node[out].width != want)
    return fail(EBB_E_SHAPE, "the network's output, %s, has %lld numbers a row; theta has %lld, and so must the output", node_label(g, out),
                (long long)g->node[out].width, (long long)want);
  g->out = out;
  return EBB_OK;
}

EbbStatus graph_finish(Graph *g, EbbNode out) {
  EbbStatus status = check_end(g, out);
  if (status != EBB_OK) return status;
  Arena *a = g->arena;
  int32_t nodes = g->nodes, room = 2 * nodes; /* at most one partial sum a node */
  int64_t inputs = 0;
  for (int32_t v = 0; v < nodes; v++) inputs += g->node[v].inputs;
  Draft d = {.g = g,
             .uses = ARENA_ARRAY(a, int32_t, nodes),
             .reader = ARENA_ARRAY(a, int32_t, nodes),
             .reached = ARENA_ARRAY(a, bool, nodes),
             .fused = ARENA_ARRAY(a, bool, nodes),
             .step = ARENA_ARRAY(a, Step, room),
             .maker = ARENA_ARRAY(a, int32_t, room),
             .placed = ARENA_ARRAY(a, bool, room)};
  reach(&d);
  for (int32_t v = 0; v < nodes; v++)
    if (!d.reached[v] && g->node[v].weight >= 0)
      return fail(EBB_E_SHAPE, "%s has trained numbers but does not reach the output %s; use its result or leave it out", node_label(g, v),
                  node_label(g, out));
  g->values = nodes;
  g->width = ARENA_ARRAY(a, int64_t, room);
  g->stride = ARENA_ARRAY(a, int64_t, room);
  g->kind = ARENA_ARRAY(a, Kind, room);
  g->exported = ARENA_ARRAY(a, bool, room);
  g->by_level = ARENA_ARRAY(a, bool, room);
  for (int i = 0; i < GRADIENTS; i++) g->want[i] = ARENA_ARRAY(a, bool, room);
  g->step = ARENA_ARRAY(a, Step, room);
  g->product = ARENA_ARRAY(a, Product, inputs);
  g->tensor_step = ARENA_ARRAY(a, int32_t, g->tensors);
  for (int32_t i = 0; i < room; i++) d.maker[i] = -1;
  for (int32_t v = 0; v < nodes; v++) g->width[v] = g->node[v].width, g->kind[v] = g->node[v].kind;
  draft(&d);
  g->products = d.products;
  order(&d);
  for (int32_t v = 0; v < g->values; v++) g->stride[v] = row_stride(g->width[v]);
  flow(g);
  int64_t live = lay_out(g, &g->lean, true, true);
  lay_out(g, &g->apart, true, false);
  lay_out(g, &g->keep, false, false);
  int64_t tile = TILE_FLOATS / (live > 0 ? live : 1) / TILE_STEP * TILE_STEP;
  g->tile = tile < TILE_LEAST ? TILE_LEAST : tile > TILE_MOST ? TILE_MOST : tile;
  place_tensors(g);
  share_weights(g);
  return EBB_OK;
}

/* ---- Packing ---- */

void packed_new(Arena *a, const Graph *g, Packed *p) {
  p->vectors = ARENA_ARRAY(a, float, g->floats - g->vectors);
  p->ahead = ARENA_ARRAY(a, float *, g->products);
  p->back = ARENA_ARRAY(a, float *, g->products);
  for (int32_t i = 0; i < g->products; i++) {
    const Product *q = &g->product[i];
    int64_t out = g->tensor[q->tensor].rows;
    p->ahead[i] = ARENA_ARRAY(a, float, kernels->packed(q->k, out));
    if (q->back) p->back[i] = ARENA_ARRAY(a, float, kernels->packed(out, q->k));
  }
}

/* The widest product of one panel. */
static int64_t panel_width(void) {
  int64_t n = 1;
  while (kernels->panels(2 * n) == 1) n *= 2;
  return n;
}

void pack_part(const Graph *g, Packed *to, int32_t part, const float *weights) {
  const Part *p = &g->part[part];
  if (p->tensors > 0) {
    memcpy(to->vectors + (p->offset - g->vectors), weights + p->offset, (size_t)p->count * sizeof *weights);
    return;
  }
  const Tensor *w = &g->tensor[p->tensor];
  int64_t panel = panel_width();
  for (int32_t i = 0; i < g->products; i++) {
    const Product *q = &g->product[i];
    if (q->tensor != p->tensor) continue;
    const float *from = weights + w->offset + q->column;
    kernels->pack(q->k, w->rows, from, 1, w->columns, p->first / panel, (p->last + panel - 1) / panel, to->ahead[i]);
    /* Backward the part's outputs are rows of B: rows [first, last) of every panel, as if each were a matrix of its own. */
    for (int64_t j = 0; q->back && j < q->k; j += panel) {
      int64_t width = q->k - j < panel ? q->k - j : panel, wide = (int64_t)kernels->packed(1, width);
      kernels->pack(p->last - p->first, width, from + p->first * w->columns + j, w->columns, 1, 0, 1, to->back[i] + j * w->rows + p->first * wide);
    }
  }
}
