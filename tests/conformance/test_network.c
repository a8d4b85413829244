/* SPDX-License-Identifier: MIT
 *
 * Networks, built and run through core/graph. Derivatives and hoisting of graphs have suites of their own; here: what each network says of itself,
 * how large it is, how it starts. */
#include "graph/graph.h"
#include "suite.h"

typedef struct Built {
  Arena *arena;
  Graph *graph;
  Forward *forward;
  float *weights;
  int64_t d, q;
} Built;

static EbbLayout vector(int64_t width) { return (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = width}; }

static EbbStatus build(Built *b, const char *yaml, EbbLayout theta, EbbLayout data) {
  EbbChild child = suite_make(EBB_NETWORK, yaml);
  const EbbNetworkOps *ops = child.ops;
  *b = (Built){.arena = arena_new(), .d = ebb_layout_numbers(&theta), .q = ebb_layout_numbers(&data)};
  EbbNode out = -1;
  EbbStatus status = graph_new(b->arena, plugin_host(&child), &theta, &data, &b->graph);
  if (status == EBB_OK) status = ops->build(child.self, graph_builder(b->graph), graph_inputs(b->graph), &out);
  if (status == EBB_OK) status = graph_finish(b->graph, out);
  if (status == EBB_OK) status = forward_new(b->arena, b->graph, &b->forward);
  if (status != EBB_OK) return status;
  b->weights = ARENA_ARRAY(b->arena, float, graph_floats(b->graph));
  graph_init(b->graph, (EbbRng){11, 1}, b->weights);
  return forward_load(b->forward, NULL, b->weights);
}

static bool is_field(const EbbComponent *c) { return (((const EbbNetworkOps *)c->ops)->roles & EBB_ROLE_FIELD) != 0; }

/* rows of made-up z, tau and data. */
static void run(const Built *b, int64_t first, int64_t rows, float *out) {
  Arena *a = suite_arena();
  float *z = ARENA_ARRAY(a, float, rows * b->d), *tau = ARENA_ARRAY(a, float, rows), *value = ARENA_ARRAY(a, float, rows * b->q);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < b->d; j++) z[i * b->d + j] = (float)sin(1.3 * (double)((first + i) * b->d + j));
    for (int64_t j = 0; j < b->q; j++) value[i * b->q + j] = (float)cos(0.7 * (double)((first + i) * b->q + j));
    tau[i] = (float)(0.9 * sin((double)(first + i)));
  }
  EbbWork *work = work_new();
  CHECK_OK(forward_eval(b->forward, work, &(ForwardRows){.rows = rows, .z = z, .value = value, .tau = tau, .level_step = 1}, out));
  work_free(work);
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_NETWORK); }

static void networks_build_for_every_size(void) {
  static const int64_t sizes[][2] = {{1, 1}, {2, 2}, {4, 20}, {10, 10}, {3, 100}};
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_NETWORK, &n);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < COUNT(sizes) && is_field(all[i]); k++) {
      Built b;
      CHECK_OK(build(&b, all[i]->id, vector(sizes[k][0]), vector(sizes[k][1])));
      CHECK(graph_parameters(b.graph) > 0, "%s has no parameters", all[i]->id);
      arena_free(b.arena);
    }
}

/* T7.3, the half that concerns the network: it answers 0, so that xhat is the base. */
static void networks_answer_zero_before_training(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_NETWORK, &n);
  for (size_t i = 0; i < n; i++) {
    if (!is_field(all[i])) continue;
    Built b;
    float out[20 * 3];
    CHECK_OK(build(&b, all[i]->id, vector(3), vector(5)));
    run(&b, 0, 20, out);
    for (int k = 0; k < 60; k++) CHECK(out[k] == 0, "%s: number %d is %g", all[i]->id, k, (double)out[k]);
    arena_free(b.arena);
  }
}

/* With a head that is not zero: finite, of every input, and the same bits alone and in a tile. */
static void answers_depend_on_all_inputs_and_on_no_neighbour(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_NETWORK, &n);
  for (size_t i = 0; i < n; i++) {
    if (!is_field(all[i])) continue;
    Built b;
    float out[257 * 3], one[3];
    CHECK_OK(build(&b, all[i]->id, vector(3), vector(5)));
    size_t tensors;
    const Tensor *tensor = graph_tensors(b.graph, &tensors);
    for (size_t k = 0; k < tensors; k++)
      for (int64_t j = 0; j < tensor[k].count; j++) {
        float *w = &b.weights[tensor[k].offset + j];
        if (*w == 0) *w = (float)(0.1 * sin((double)(j + 17 * (int64_t)k)));
      }
    CHECK_OK(forward_load(b.forward, NULL, b.weights));
    run(&b, 0, 257, out);
    for (int k = 0; k < 257 * 3; k++) CHECK(isfinite(out[k]), "%s: number %d is not finite", all[i]->id, k);
    for (int64_t r = 0; r < 257; r += 32) {
      run(&b, r, 1, one);
      CHECK(memcmp(one, out + r * 3, sizeof one) == 0, "%s: row %d alone has other bits", all[i]->id, (int)r);
    }
    float inputs[3 + 5 + 1] = {0.1f, -0.2f, 0.3f, 1, 2, 3, 4, 5, 0.5f}, changed[3];
    EbbWork *work = work_new();
    for (int k = -1; k < 9; k++) {
      if (k >= 0) inputs[k] += 0.25f;
      ForwardRows rows = {.rows = 1, .z = inputs, .value = inputs + 3, .tau = inputs + 8, .level_step = 1};
      CHECK_OK(forward_eval(b.forward, work, &rows, k < 0 ? one : changed));
      if (k < 0) continue;
      CHECK(memcmp(one, changed, sizeof one) != 0, "%s does not see input %d (z, data, tau)", all[i]->id, k);
      memcpy(one, changed, sizeof one);
    }
    work_free(work);
    arena_free(b.arena);
  }
}

static void networks_can_be_differentiated_forward(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_NETWORK, &n);
  for (size_t i = 0; i < n; i++) {
    Built b;
    if (!is_field(all[i])) continue;
    CHECK_OK(build(&b, all[i]->id, vector(2), vector(2)));
    CHECK(graph_can_jvp(b.graph), "%s: no tangents", all[i]->id);
    arena_free(b.arena);
  }
}

/* ---- time_mlp ---- */

/* T7.1 */
static void time_mlp_has_the_published_count_of_parameters(void) {
  static const struct { int64_t d, q, count; } known[] = {{2, 2, 508434}, {4, 20, 514068}, {10, 10, 514586}};
  for (size_t i = 0; i < COUNT(known); i++) {
    Built b;
    CHECK_OK(build(&b, "time_mlp", vector(known[i].d), vector(known[i].q)));
    CHECK_NEAR((double)graph_parameters(b.graph), (double)known[i].count, 0, "(%d, %d)", (int)known[i].d, (int)known[i].q);
    arena_free(b.arena);
  }
}

static void time_mlp_takes_every_activation_and_refuses_sets(void) {
  static const char *const activations[] = {"relu", "silu", "mish", "tanh", "gelu"};
  Built b;
  for (size_t i = 0; i < COUNT(activations); i++) {
    CHECK_OK(build(&b, arena_print(suite_arena(), "{use: time_mlp, width: 16, blocks: 1, activation: %s, dropout: 0}", activations[i]), vector(2),
                   vector(2)));
    arena_free(b.arena);
  }
  EbbLayout set = {.size = sizeof set, .kind = EBB_SET, .n = 10, .width = 2};
  fail_clear();
  EbbStatus status = build(&b, "time_mlp", vector(2), set);
  CHECK(status == EBB_E_UNSUPPORTED && strstr(fail_text(), "summary network") != NULL, "status %d, \"%s\"", status, fail_text());
  arena_free(b.arena);
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"networks build for every size", networks_build_for_every_size},
    {"networks answer zero before training", networks_answer_zero_before_training},
    {"answers depend on all inputs and on no neighbour", answers_depend_on_all_inputs_and_on_no_neighbour},
    {"networks can be differentiated forward", networks_can_be_differentiated_forward},
    {"time_mlp has the published count of parameters", time_mlp_has_the_published_count_of_parameters},
    {"time_mlp takes every activation and refuses sets", time_mlp_takes_every_activation_and_refuses_sets},
};
TEST_MAIN("networks", tests)
