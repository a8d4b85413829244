/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share. build.c makes nodes, plan.c turns them into steps, step.c runs one step on some rows in the three directions,
 * and forward.c, tangent.c and train.c decide which rows, where they are stored and what is kept.
 *
 * A *value* is a row-major matrix that a step writes or the caller gives: value v < nodes is what node v computes, the values after those are the
 * partial sums that were split off a linear node because they can be hoisted. Nodes that were fused into a product have no storage. */
#ifndef EBB_GRAPH_INTERNAL_H
#define EBB_GRAPH_INTERNAL_H

#include "graph/graph.h"
#include "num/ops.h"

typedef enum Op { OP_INPUT, OP_LINEAR, OP_ADD, OP_MUL, OP_SCALE, OP_CONCAT, OP_SLICE, OP_ACT, OP_LAYERNORM, OP_EMBED, OP_DROPOUT } Op;

/* What a value depends on; what depends on two of them is ROW. */
typedef enum Kind { CONDITION, LEVEL, ROW, KINDS } Kind;

typedef struct Node {
  Op op;
  Kind kind;
  const char *name; /* NULL: none */
  const char *root; /* its name, or that of the nearest node before it that has one: for messages */
  int64_t width;
  int32_t inputs;
  EbbNode *input;
  Act act;
  double factor, shift; /* OP_SCALE; OP_EMBED: factor is the scale */
  double rate;          /* OP_DROPOUT */
  int64_t first;        /* OP_SLICE */
  int32_t weight, bias; /* tensors or -1. OP_LINEAR: weight and bias; OP_LAYERNORM: gain and shift; OP_EMBED: frequency */
} Node;

/* y = product of input `input` with columns [column, column + k) of a linear node's weight. */
typedef struct Product {
  int32_t step, value, tensor;
  int64_t column, k;
  bool back; /* a gradient flows through it to its input */
} Product;

/* One call of a kernel (a linear node: one product an input, with what is fused into the last). */
typedef struct Step {
  Op op;
  Kind kind;
  int32_t node, out;
  int32_t inputs, *input, *product; /* values; product: OP_LINEAR only */
  int32_t bias, init;               /* OP_LINEAR: the sum starts from a tensor or from a value; -1: neither */
  Act act;
  int32_t drop; /* which dropout, -1: none */
  double rate;
  int32_t adds, add[2];
} Step;

/* Where the values of a tile of T rows lie: value v at offset[v] T floats, rows stride[v] apart. */
typedef struct Storage {
  int64_t *offset; /* -1: none */
  int64_t floats;  /* a row, in all */
} Storage;

/* A share of the weights: outputs [first, last) of one matrix, or vectors tensor, tensor + 1, ... */
typedef struct Part {
  int32_t tensor, tensors;
  int64_t first, last;
  int64_t offset, count;
  bool decay;
} Part;

enum { GRADIENT_INPUT, GRADIENT_WEIGHTS, GRADIENTS };

struct Graph {
  Arena *arena;
  EbbGraph builder;
  EbbInputs inputs;
  EbbStatus status; /* the first failure, and its message */
  const char *message;
  Node *node;
  int32_t nodes, node_room;
  Tensor *tensor;
  double *fill;   /* [tensors][2] mean and standard deviation of initial values */
  int32_t *owner; /* [tensors] node */
  int32_t tensors, tensor_room;

  /* After graph_finish. */
  int64_t floats, vectors; /* vectors: where in the arena they begin; matrices come first */
  EbbNode out;
  int32_t values, steps, products, parts, drops;
  int64_t *width, *stride; /* [values] */
  Kind *kind;              /* [values] */
  bool *exported;          /* [values] CONDITION and LEVEL values that a ROW step reads */
  bool *want[GRADIENTS];   /* [values] whether it depends on z, or on a weight */
  bool *by_level;          /* [values] whether it depends on the level */
  Step *step;
  Product *product;
  Part *part;
  int32_t *tensor_step; /* [tensors] the step that uses it */
  Storage lean;         /* re-used, in place where possible */
  Storage apart;        /* re-used, but no step writes where it reads */
  Storage keep;         /* nothing re-used */
  int64_t tile;         /* rows of a tile of forward_eval */
};

EbbNode graph_node(Graph *, Node);              /* appends */
const char *node_label(const Graph *, EbbNode); /* for messages: linear "block1" */
/* A row's length in floats: whole vectors, and no multiple of 256 bytes, so that rows do not share cache sets. */
int64_t row_stride(int64_t width);
void fill_tensor(const Graph *, int32_t tensor, EbbRng, float *weights);

/* Weights as the kernels read them. */
typedef struct Packed {
  float *vectors;        /* biases, gains, shifts, frequencies: the arena's end */
  float **ahead, **back; /* [products] for x W' and dy W; back: NULL where no gradient flows */
} Packed;
void packed_new(Arena *, const Graph *, Packed *);
void pack_part(const Graph *, Packed *, int32_t part, const float *weights);
static inline const float *packed_vector(const Graph *g, const Packed *p, int32_t tensor) {
  return tensor < 0 ? NULL : p->vectors + (g->tensor[tensor].offset - g->vectors);
}

/* Some rows on their way through the steps. */
typedef struct Keep {
  uint8_t *at;
  int64_t stride;
} Keep;
typedef struct Frame {
  const Graph *graph;
  const Packed *packed;
  int64_t rows[KINDS];
  bool shared[KINDS]; /* one row of this kind stands for all rows of the tile */
  Rows *at;           /* [values] */
  Rows *pre;          /* [steps] arguments of fused activations; NULL: not kept */
  float **stats;      /* [steps] of layernorm; NULL: not kept */
  Keep *keep;         /* [drops] NULL: no dropout */
} Frame;
void step_forward(const Frame *, const Step *);

/* Gradients of a frame's values. grad[v] is where v's gradient stands: in own[v], or, as long as a single gradient arrived that was only passed on,
 * where that one stands. delta[s]: gradient of step s's sum of products; own_delta[s] its place where it is not the output's. */
typedef struct Backward {
  const bool *want;
  Rows *grad, *own, *delta, *own_delta;
} Backward;
bool step_has_delta(const Step *); /* whether the gradient of the sum differs from that of the output */
void step_backward(const Frame *, const Step *, Backward *, EbbWork *);

/* k tangents a row: tangent j of row r is row r k + j of at[v]; NULL: zero. */
typedef struct Tangents {
  int64_t k;
  Rows *at;
  const bool *has; /* [values] */
} Tangents;
void step_tangent(const Frame *, const Step *, const Tangents *); /* after step_forward with pre and stats */

/* A tile of caller's rows through trained weights. */
typedef struct Cache {
  int64_t count, room;
  float **at; /* [values] [count][stride] of exported values */
} Cache;
struct Forward {
  const Graph *graph;
  Arena *arena;
  Packed packed;
  Cache cache[2]; /* CONDITION, LEVEL */
  float *tau;     /* [levels] */
  int64_t tau_room;
  bool loaded;
};
typedef struct Tile {
  Frame frame;
  const Forward *forward;
  const Storage *storage;
  float *registers, *tau;
  int64_t most;
  bool cached[KINDS];
  const int32_t *index[KINDS];
} Tile;
void tile_new(const Forward *, EbbWork *, const Storage *, int64_t most, Tile *);
/* Points the tile at rows [first, first + n) of r. levels_by_row: levels are computed for each row, cached or not. */
EbbStatus tile_open(Tile *, const ForwardRows *r, int64_t first, int64_t n, bool levels_by_row);
/* Makes a step's output: computes it, or fetches it from the cache. */
void tile_step(const Tile *, const Step *);
ConstRows tile_out(const Tile *);

#endif
