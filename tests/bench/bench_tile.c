/* SPDX-License-Identifier: MIT
 *
 * The fused tile: rows through five layers of 256 to 256 with bias and SiLU, one core, at every vector instruction set of the machine. */
#include <math.h>

#include "bench.h"
#include "num/isa.h"
#include "num/kernels.h"

enum { WIDTH = 256, LAYERS = 5, ROWS = 96, TIMES = 50 };

typedef struct Tile {
  float *x, *y, *weight[LAYERS], *bias[LAYERS];
} Tile;

static float *numbers(Arena *a, int64_t n, double size) {
  float *x = ARENA_ARRAY(a, float, n);
  double *u = ARENA_ARRAY(a, double, n);
  random_uniform((EbbRng){1, 2}, 1, &(uint64_t){0}, NULL, 0, n, u);
  for (int64_t i = 0; i < n; i++) x[i] = (float)(size * (u[i] - 0.5));
  return x;
}

static EbbStatus through(void *ctx) {
  const Tile *t = ctx;
  for (int r = 0; r < TIMES; r++) {
    float *from = t->x, *to = t->y;
    for (int l = 0; l < LAYERS; l++) {
      kernels->gemm(&(Gemm){.m = ROWS,
                            .n = WIDTH,
                            .k = WIDTH,
                            .a = from,
                            .a_row = WIDTH,
                            .a_col = 1,
                            .b = t->weight[l],
                            .init = t->bias[l],
                            .act = ACT_SILU,
                            .c = to,
                            .c_row = WIDTH});
      float *next = from;
      from = to, to = next;
    }
  }
  return EBB_OK;
}

void bench_tile(Bench *b) {
  static const char *const sets[] = {"avx512", "avx2", "portable"};
  for (size_t s = 0; s < COUNT(sets); s++) {
    if (!isa_has(sets[s])) continue;
    must(isa_setup(sets[s]));
    Arena *a = arena_new();
    Tile t = {.x = numbers(a, ROWS * WIDTH, 2), .y = numbers(a, ROWS * WIDTH, 2)};
    for (int l = 0; l < LAYERS; l++) {
      t.weight[l] = ARENA_ARRAY(a, float, kernels->packed(WIDTH, WIDTH));
      t.bias[l] = numbers(a, WIDTH, 0.1);
      kernels->pack(WIDTH, WIDTH, numbers(a, WIDTH * WIDTH, 0.2), 1, WIDTH, 0, kernels->panels(WIDTH), t.weight[l]);
    }
    double top = peak(1), flop = 2.0 * LAYERS * WIDTH * WIDTH * ROWS * TIMES, rate = flop / best_seconds(b, through, &t);
    char what[96];
    snprintf(what, sizeof what, "fused tile, 5 x (256 to 256, bias, SiLU), one core, %s", sets[s]);
    line(b, what, 100 * rate / fmax(top, peak(1)), "% of peak", AT_LEAST, sets[s][0] == 'a' ? 88 : NAN);
    arena_free(a);
  }
  must(isa_setup(b->isa));
}
