/* SPDX-License-Identifier: MIT
 *
 * Networks build a graph; the host runs it, differentiates it backward (VJP) and forward (JVP), and keeps its weights. A node stands for a vector of
 * `width` numbers a row. What depends on the condition alone is computed once an observation, what depends on the noise level alone once a level: a
 * network needs to do nothing for it but give `linear` its inputs apart instead of concatenated. In a linear node with several inputs, those that
 * depend on the condition alone are summed first, then those of the level, then the rest: hoisting changes no bit.
 *
 * Building: each call returns a node, or -1 after a failure (kept by the graph with its message); -1 as input gives -1, so only the end need be
 * checked. Names are unique within a graph ([a-z0-9_.]); weights are called <name>.weight (out, in) and <name>.bias (out), as the model file shows
 * them. */
#ifndef EBB_NETWORK_H
#define EBB_NETWORK_H

#include <ebb/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t EbbNode; /* -1: absent */
typedef struct EbbGraph EbbGraph;

enum { EBB_ACT_RELU = 1, EBB_ACT_SILU = 2, EBB_ACT_MISH = 3, EBB_ACT_TANH = 4, EBB_ACT_GELU = 5 };
#define EBB_ACTIVATIONS "relu|silu|mish|tanh|gelu" /* place + 1 is the enum */

/* Initial values of a linear node's weight. */
enum { EBB_INIT_HE = 0 /* N(0, 2/in) */, EBB_INIT_GLOROT = 1 /* N(0, 2/(in+out)) */, EBB_INIT_ZERO = 2, EBB_INIT_LECUN = 3 /* N(0, 1/in) */ };
enum { EBB_NO_BIAS = 1 }; /* flag of linear */

struct EbbGraph {
  uint32_t size;
  void *ctx;
  const EbbHost *host;
  int64_t (*width)(EbbGraph *, EbbNode);
  /* out numbers from the inputs' numbers side by side: sum_i W_i in_i + b; bias starts at 0, has no weight decay */
  EbbNode (*linear)(EbbGraph *, const char *name, int32_t inputs, const EbbNode *input, int64_t out, int32_t init, uint32_t flags);
  EbbNode (*add)(EbbGraph *, EbbNode a, EbbNode b);
  EbbNode (*mul)(EbbGraph *, EbbNode a, EbbNode b);                     /* element by element */
  EbbNode (*scale)(EbbGraph *, EbbNode a, double factor, double shift); /* factor a + shift */
  EbbNode (*concat)(EbbGraph *, int32_t n, const EbbNode *nodes);
  EbbNode (*slice)(EbbGraph *, EbbNode a, int64_t first, int64_t count);
  EbbNode (*act)(EbbGraph *, EbbNode a, int32_t activation);
  /* over a row's numbers, epsilon 1e-5; with trained gain (1) and shift (0), called <name>.gain, <name>.shift, unless name is NULL */
  EbbNode (*layernorm)(EbbGraph *, const char *name, EbbNode a);
  /* Fourier features of the level tau [1]: [tau, sin(2 pi scale w_j tau), cos(2 pi scale w_j tau)], j < count; w_j ~ N(0, sd^2), trained,
   * <name>.frequency. Width 1 + 2 count */
  EbbNode (*embed_time)(EbbGraph *, const char *name, EbbNode tau, int64_t count, double scale, double sd);
  EbbNode (*dropout)(EbbGraph *, EbbNode a, double rate); /* training only; kept numbers times 1/(1-rate) */
};

/* What the host gives. Absent nodes are -1. */
typedef struct EbbInputs {
  uint32_t size;
  EbbLayout theta, data;
  EbbNode z;                   /* [theta numbers] c_in z: unit variance at every level */
  EbbNode lambda;              /* [1] tau = 2 (lambda - lambda_min) / (lambda_max - lambda_min) - 1 */
  EbbNode value;               /* [data numbers] standardised */
  EbbNode stamp, count, token; /* [n] times, [1] members, states */
  EbbNode drop;                /* [1] 1 where the condition is dropped */
  EbbNode edges;               /* the simulator's graph */
} EbbInputs;

enum { EBB_ROLE_FIELD = 1, EBB_ROLE_SUMMARY = 2 };

typedef struct EbbNetworkOps {
  uint32_t size, roles; /* EBB_ROLE_...: answers with theta's numbers, or summarises data */
  EbbStatus (*build)(const void *self, EbbGraph *, const EbbInputs *, EbbNode *out); /* required [main] */
} EbbNetworkOps;

#ifdef __cplusplus
}
#endif
#endif
