/* SPDX-License-Identifier: MIT
 *
 * How near the kernels come to the processor. Prints, for every instruction set that this machine has, the float32 multiply-add peak of one core as
 * measured here (bare instructions in registers), and the share of it that the products reach; then the cost an element of what is not a product.
 * Every number is the best of several repetitions. A program to read, not a test. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/isa.h"
#include "num/kernels.h"
#include "num/random.h"
#include "peak.h"

enum { WIDTH = 256, LAYERS = 5, REPETITIONS = 25 };

static float *numbers(int64_t n, double size) {
  float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 127) / 64 * 64);
  for (int64_t i = 0; i < n; i++) x[i] = (float)(size * ((double)rand() / RAND_MAX - 0.5));
  return x;
}

/* The best time of one call: as many calls a repetition as take a few milliseconds. */
static double best(void (*run)(void *), void *state) {
  double start = seconds(), once = 0;
  int64_t calls = 1;
  for (;; calls *= 2) {
    start = seconds();
    for (int64_t i = 0; i < calls; i++) run(state);
    once = (seconds() - start) / (double)calls;
    if (once * (double)calls > 4e-3) break;
  }
  for (int r = 0; r < REPETITIONS; r++) {
    start = seconds();
    for (int64_t i = 0; i < calls; i++) run(state);
    once = fmin(once, (seconds() - start) / (double)calls);
  }
  return once;
}

static const Kernels *k;
static double top;

typedef struct Product {
  Gemm g;
  int64_t times;
} Product;
static void product(void *state) { k->gemm(&((Product *)state)->g); }

static void report(const char *what, int64_t rows, int64_t width, double work, double time) {
  printf("  %-34s %4lld rows, width %4lld   %7.1f GFLOP/s   %5.1f %%\n", what, (long long)rows, (long long)width, work / time * 1e-9,
         100 * work / time / top);
}

typedef struct Network {
  int64_t rows;
  float *x, *y, *weight[LAYERS], *bias[LAYERS];
} Network;

static void forward(void *state) {
  const Network *n = state;
  const float *from = n->x;
  float *to = n->y;
  for (int l = 0; l < LAYERS; l++) {
    k->gemm(&(Gemm){.m = n->rows,
                    .n = WIDTH,
                    .k = WIDTH,
                    .a = from,
                    .a_row = WIDTH,
                    .a_col = 1,
                    .b = n->weight[l],
                    .init = n->bias[l],
                    .act = ACT_SILU,
                    .c = to,
                    .c_row = WIDTH});
    from = to;
    to = to == n->y ? n->x : n->y;
  }
}

static void tile(int64_t rows) {
  Network n = {.rows = rows, .x = numbers(rows * WIDTH, 2), .y = numbers(rows * WIDTH, 2)};
  for (int l = 0; l < LAYERS; l++) {
    float *w = numbers(WIDTH * WIDTH, 0.2);
    n.weight[l] = numbers((int64_t)k->packed(WIDTH, WIDTH), 0), n.bias[l] = numbers(WIDTH, 0.1);
    k->pack(WIDTH, WIDTH, w, 1, WIDTH, 0, k->panels(WIDTH), n.weight[l]);
    free(w);
  }
  report("fused tile, 5 x (bias, SiLU)", rows, WIDTH, 2.0 * LAYERS * WIDTH * WIDTH * (double)rows, best(forward, &n));
  free(n.x), free(n.y);
  for (int l = 0; l < LAYERS; l++) free(n.weight[l]), free(n.bias[l]);
}

/* The three products of a layer in training: y = x W', dx = dy W, dW = dy' x. gap: floats after a row, so that strides are no power of two. */
static void layer(int64_t rows, int64_t width, int64_t gap) {
  const int64_t s = width + gap;
  float *x = numbers(rows * s, 2), *y = numbers(rows * s, 2), *w = numbers(width * width, 0.2), *dw = numbers(width * width, 0.2);
  float *bias = numbers(width, 0.1), *packed = numbers((int64_t)k->packed(width, width), 0), *pre = numbers(rows * s, 0);
  const double work = 2.0 * (double)(rows * width * width);
  k->pack(width, width, w, 1, width, 0, k->panels(width), packed);
  Product p = {.g = {.m = rows, .n = width, .k = width, .a = x, .a_row = s, .a_col = 1, .b = packed, .c = y, .c_row = s, .init = bias}};
  report("forward, packed, bias", rows, width, work, best(product, &p));
  p.g.act = ACT_SILU, p.g.pre = pre, p.g.pre_row = s;
  report("forward, packed, bias, SiLU, pre", rows, width, work, best(product, &p));
  p.g = (Gemm){.m = rows, .n = width, .k = width, .a = y, .a_row = s, .a_col = 1, .b = w, .b_row = width, .c = x, .c_row = s};
  report("dX", rows, width, work, best(product, &p));
  p.g = (Gemm){.m = width, .n = width, .k = rows, .a = y, .a_row = 1, .a_col = s, .b = x, .b_row = s, .c = dw, .c_row = width};
  report("dW", rows, width, work, best(product, &p));
  p.g = (Gemm){.m = width / 2, .n = width, .k = rows, .a = y, .a_row = 1, .a_col = s, .b = x, .b_row = s, .c = dw, .c_row = width};
  report("dW, half of the outputs", rows, width, work / 2, best(product, &p));
  free(x), free(y), free(w), free(dw), free(bias), free(packed), free(pre);
}

/* What is not a product, an element; 64 rows of 256 stay in the second cache. */
enum { ROWS = 64, ELEMENTS = ROWS * WIDTH };
static float *in, *out, *weights, *first, *second, *mean, *gain, stats[2 * ROWS];
static uint8_t mask[ELEMENTS];
static double draws[ELEMENTS];
static uint64_t ids[ROWS];
static void silu(void *u) { (void)u, k->act(ACT_SILU, ELEMENTS, in, out); }
static void silu_vjp(void *u) { (void)u, k->act_vjp(ACT_SILU, ELEMENTS, in, in, out); }
static void mish(void *u) { (void)u, k->act(ACT_MISH, ELEMENTS, in, out); }
static void tanh_(void *u) { (void)u, k->act(ACT_TANH, ELEMENTS, in, out); }
static void gelu(void *u) { (void)u, k->act(ACT_GELU, ELEMENTS, in, out); }
static void exp_(void *u) { (void)u, k->exp(ELEMENTS, in, out); }
static void log_(void *u) { (void)u, k->log(ELEMENTS, in, out); }
static void norm(void *u) { (void)u, k->layernorm(ROWS, WIDTH, in, WIDTH, gain, gain, out, WIDTH, stats); }
static void norm_vjp(void *u) { (void)u, k->layernorm_vjp(ROWS, WIDTH, in, WIDTH, stats, gain, in, WIDTH, out, WIDTH); }
static void norm_weights(void *u) { (void)u, k->layernorm_weights(ROWS, 0, WIDTH, in, WIDTH, stats, in, WIDTH, out, out + WIDTH); }
static void columns(void *u) { (void)u, k->column_sum(ROWS, 0, WIDTH, in, WIDTH, out); }
static void squares(void *u) { (void)u, *(volatile double *)draws = k->square_sum(ELEMENTS, in); }
static void adam(void *u) {
  (void)u, k->adam(&(AdamStep){1e-8f, 0.9f, 0.999f, 1e-8f, 1, 1, 1, 0.99f}, 0, ELEMENTS, in, weights, first, second, mean);
}
static void pack(void *u) { (void)u, k->pack(WIDTH, ROWS, in, 1, WIDTH, 0, k->panels(ROWS), out); }
static void keep(void *u) { (void)u, random_keep((EbbRng){1, 2}, ROWS, ids, NULL, 0, WIDTH, 0.1, mask, WIDTH); }
static void normal(void *u) { (void)u, random_normal((EbbRng){1, 2}, ROWS, ids, NULL, 0, WIDTH, draws); }
static void uniform(void *u) { (void)u, random_uniform((EbbRng){1, 2}, ROWS, ids, NULL, 0, WIDTH, draws); }

static const struct {
  const char *name;
  void (*run)(void *);
} loops[] = {{"silu", silu},
             {"silu_vjp", silu_vjp},
             {"mish", mish},
             {"tanh", tanh_},
             {"gelu", gelu},
             {"exp", exp_},
             {"log", log_},
             {"layernorm", norm},
             {"layernorm_vjp", norm_vjp},
             {"layernorm_weights", norm_weights},
             {"column_sum", columns},
             {"square_sum", squares},
             {"adam", adam},
             {"pack, transposing", pack},
             {"random_keep", keep},
             {"random_normal", normal},
             {"random_uniform", uniform}};

int main(int argc, char **argv) {
  static const char *const sets[] = {"avx512", "avx2", "portable"};
  in = numbers(ELEMENTS, 4), out = numbers(ELEMENTS + 512, 4), weights = numbers(ELEMENTS, 1), first = numbers(ELEMENTS, 0),
  second = numbers(ELEMENTS, 0);
  mean = numbers(ELEMENTS, 1), gain = numbers(WIDTH, 1);
  printf("%s\n", cpu_name());
  for (size_t s = 0; s < COUNT(sets); s++) {
    if (argc > 1 && strcmp(argv[1], sets[s]) != 0) continue;
    if (!isa_has(sets[s])) {
      printf("%s: not on this machine\n", sets[s]);
      continue;
    }
    if (isa_setup(sets[s])) return 1;
    k = kernels;
    top = peak(1);
    printf("%s: peak of one core %.1f GFLOP/s\n", sets[s], top * 1e-9);
    static const int64_t tiles[] = {32, 64, 96, 128, 192, 256};
    for (size_t i = 0; i < COUNT(tiles); i++) tile(tiles[i]);
    static const int64_t layers[][3] = {{64, 256, 0}, {128, 256, 0}, {128, 256, 16}, {64, 64, 0}, {128, 64, 0}, {128, 512, 0}, {128, 1024, 0}};
    for (size_t i = 0; i < COUNT(layers); i++) layer(layers[i][0], layers[i][1], layers[i][2]);
    for (size_t i = 0; i < COUNT(loops); i++) printf("  %-34s %6.2f ns an element\n", loops[i].name, best(loops[i].run, NULL) * 1e9 / ELEMENTS);
  }
  return 0;
}
