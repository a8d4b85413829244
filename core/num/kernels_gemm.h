/* SPDX-License-Identifier: MIT
 *
 * The matrix product. One inner loop serves the forward pass, dX and dW: a tile of C, up to TILE_ROWS rows by two vectors of columns, stays in
 * registers while p runs; every step loads one row of B (two vectors) and broadcasts one number of A a row.
 *
 *     rows        split evenly (64 rows: 11 11 11 11 10 10), so that no call ends with a slow, thin tile
 *     columns     panels of two vectors; the last is one vector wide if that is enough. A panel of B lies in the first cache, [k][width] without
 * gaps, while all rows pass over it: packed by the caller, or copied to scratch here when enough rows use it k           in blocks of K_BLOCK;
 * between blocks the sums wait in scratch. They are float32 in a register or in memory, so the bits are the same
 *
 * What follows the sum (activation, mask, additions) is done on the tile through 3 kB of stack, which the first cache hides. */
#ifndef EBB_NUM_KERNELS_GEMM_H
#define EBB_NUM_KERNELS_GEMM_H

#include "num/kernels_math.h"

enum { PANEL = 2 * LANES, K_BLOCK = 512, ROW_BLOCK = 20 * TILE_ROWS, COPY_ROWS = 2 * TILE_ROWS };

typedef struct Scratch {
  float panel[K_BLOCK * PANEL], sums[ROW_BLOCK * PANEL];
} Scratch;
static _Thread_local Scratch scratch __attribute__((aligned(64)));

/* One tile: out = init + A B over k terms, whole vectors. */
typedef struct Tile {
  int64_t k;
  const float *a;
  int64_t a_row, a_col;
  const float *b;
  int64_t b_row;
  const float *init; /* NULL: 0 */
  int64_t init_row;
  float *out;
  int64_t out_row;
} Tile;

INLINE void multiply(const int rows, const int vectors, const Tile *t) {
  V c[TILE_ROWS][2];
  if (t->init) {
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) c[i][j] = v_load(t->init + i * t->init_row + j * LANES);
  } else {
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) c[i][j] = v_set(0);
  }
  float *const out = t->out;
  const int64_t out_row = t->out_row;
  const float *b = t->b, *a[TILE_ROWS / 3] = {0}; /* three rows a pointer: base, base + stride, base + 2 stride are all one address each */
  const int64_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row;
#pragma GCC unroll 4
  for (int i = 0; i < rows; i += 3) a[i / 3] = t->a + i * a_row;
  for (int64_t p = t->k; p > 0; p--) {
    V row[2];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) row[j] = v_load(b + j * LANES);
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
      V s = v_set(a[i / 3][(i % 3) * a_row]);
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) c[i][j] = v_fma(s, row[j], c[i][j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i += 3) a[i / 3] += a_col;
    b += b_row;
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) v_store(out + i * out_row + j * LANES, c[i][j]);
}

/* clang-format off */
#if defined __AVX512F__
#define EVERY(of) of(1) of(2) of(3) of(4) of(5) of(6) of(7) of(8) of(9) of(10) of(11) of(12)
#else
#define EVERY(of) of(1) of(2) of(3) of(4) of(5) of(6)
#endif
#define MULTIPLY(rows) \
  static void multiply_##rows##x1(const Tile *t) { multiply(rows, 1, t); } \
  static void multiply_##rows##x2(const Tile *t) { multiply(rows, 2, t); }
#define ENTRY(rows) {multiply_##rows##x1, multiply_##rows##x2},
EVERY(MULTIPLY)
static void (*const multiply_table[TILE_ROWS][2])(const Tile *) = {EVERY(ENTRY)};
/* clang-format on */

/* The sums of rows [i, i + rows) and columns [j, j + width), sum [rows][PANEL], become c. */
INLINE void finish_with(const Act act, const Gemm *g, int64_t i, int rows, int64_t j, int64_t width, const float *sum) {
  for (int r = 0; r < rows; r++, i++, sum += PANEL)
    for (int64_t v = 0; v < width; v += LANES) {
      const int64_t n = width - v, at = j + v;
      V x = v_load(sum + v);
      if (g->pre) v_store_some(g->pre + i * g->pre_row + at, x, n);
      x = act_value(act, x);
      if (g->keep) {
        const uint8_t *keep = g->keep + i * g->keep_row + at;
        x *= (n >= LANES ? v_load_bytes(keep) : v_load_bytes_n(keep, n)) * g->keep_scale;
      }
      if (g->add[0]) x = v_load_some(g->add[0] + i * g->add_row[0] + at, n) + x;
      if (g->add[1]) x += v_load_some(g->add[1] + i * g->add_row[1] + at, n);
      v_store_some(g->c + i * g->c_row + at, x, n);
    }
}

static void finish(const Gemm *g, int64_t i, int rows, int64_t j, int64_t width, const float *sum) {
  switch (g->act) {
  case ACT_RELU: finish_with(ACT_RELU, g, i, rows, j, width, sum); return;
  case ACT_SILU: finish_with(ACT_SILU, g, i, rows, j, width, sum); return;
  case ACT_MISH: finish_with(ACT_MISH, g, i, rows, j, width, sum); return;
  case ACT_TANH: finish_with(ACT_TANH, g, i, rows, j, width, sum); return;
  case ACT_GELU: finish_with(ACT_GELU, g, i, rows, j, width, sum); return;
  default: finish_with(ACT_NONE, g, i, rows, j, width, sum); return;
  }
}

/* Columns [j, j + width), rows [first, last), terms [p, p + k) of the sums; b, b_row: the panel's part. */
static void panel_rows(const Gemm *g, int64_t j, int64_t width, int64_t first, int64_t last, int64_t p, int64_t k, const float *b, int64_t b_row) {
  float tile[TILE_ROWS * PANEL] __attribute__((aligned(64)));
  const int vectors = width > LANES ? 2 : 1;
  const bool begins = p == 0, ends = p + k == g->k, whole = width == vectors * LANES;
  const bool plain = whole && g->act == ACT_NONE && !g->pre && !g->keep && !g->add[0] && !g->add[1];
  const int64_t blocks = (last - first + TILE_ROWS - 1) / TILE_ROWS;
  for (int64_t block = 0, i = first; block < blocks; block++) {
    const int rows = (int)((last - i + blocks - block - 1) / (blocks - block));
    float *sums = scratch.sums + (i - first) * PANEL;
    Tile t = {.k = k, .a = g->a + i * g->a_row + p * g->a_col, .a_row = g->a_row, .a_col = g->a_col, .b = b, .b_row = b_row};
    if (!begins) {
      t.init = sums, t.init_row = PANEL;
    } else if (g->init && whole) {
      t.init = g->init + i * g->init_row + j, t.init_row = g->init_row;
    } else if (g->init) {
      for (int r = 0; r < rows; r++)
        for (int64_t v = 0; v < width; v += LANES) v_store(tile + r * PANEL + v, v_load_some(g->init + (i + r) * g->init_row + j + v, width - v));
      t.init = tile, t.init_row = PANEL;
    }
    if (ends && plain)
      t.out = g->c + i * g->c_row + j, t.out_row = g->c_row;
    else
      t.out = ends ? tile : sums, t.out_row = PANEL;
    multiply_table[rows - 1][vectors - 1](&t);
    if (ends && !plain) finish(g, i, rows, j, width, tile);
    i += rows;
  }
}

static void copy_panel(int64_t k, int64_t width, const float *b, int64_t b_row, float *to) {
  if (width == PANEL)
    for (int64_t p = 0; p < k; p++, b += b_row, to += PANEL) v_store(to, v_load(b)), v_store(to + LANES, v_load(b + LANES));
  else
    for (int64_t p = 0, wide = width > LANES ? PANEL : LANES; p < k; p++, b += b_row, to += wide)
      for (int64_t v = 0; v < wide; v += LANES) v_store(to + v, v_load_some(b + v, width - v));
}

static void gemm(const Gemm *g) {
  const int64_t row_block = g->k > K_BLOCK ? ROW_BLOCK : g->m;
  const float *packed = g->b;
  for (int64_t first = 0; first < g->m; first += row_block) {
    const int64_t last = g->m - first < row_block ? g->m : first + row_block;
    for (int64_t j = 0; j < g->n; j += PANEL) {
      const int64_t width = g->n - j < PANEL ? g->n - j : PANEL, wide = width > LANES ? PANEL : LANES;
      const bool copy = width < wide || last - first > COPY_ROWS;
      for (int64_t p = 0; p == 0 || p < g->k; p += K_BLOCK) {
        const int64_t k = g->k - p < K_BLOCK ? g->k - p : K_BLOCK;
        if (g->b_row == 0) {
          panel_rows(g, j, width, first, last, p, k, packed + j * g->k + p * wide, wide);
        } else if (copy) {
          copy_panel(k, width, g->b + p * g->b_row + j, g->b_row, scratch.panel);
          panel_rows(g, j, width, first, last, p, k, scratch.panel, wide);
        } else {
          panel_rows(g, j, width, first, last, p, k, g->b + p * g->b_row + j, g->b_row);
        }
      }
    }
  }
}

static int64_t panels(int64_t n) { return (n + PANEL - 1) / PANEL; }

static size_t packed(int64_t k, int64_t n) { return (size_t)k * (size_t)((n + LANES - 1) / LANES * LANES); }

/* A square of LANES x LANES numbers, transposed: log2(LANES) rounds that interleave the first half of the rows with the second. */
INLINE void transpose(V x[LANES]) {
#if defined __AVX512F__
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined __AVX2__
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif
#pragma GCC unroll 4
  for (int round = 1; round < LANES; round *= 2) {
    V y[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < LANES / 2; i++) {
      y[2 * i] = LOW(x[i], x[i + LANES / 2]);
      y[2 * i + 1] = HIGH(x[i], x[i + LANES / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) x[i] = y[i];
  }
#undef LOW
#undef HIGH
}

/* Columns of B that are contiguous in p become rows of the panel: to[p][i] = b[p + i b_col]. */
static void pack_columns(int64_t k, int64_t width, const float *b, int64_t b_col, int64_t wide, float *to) {
  for (int64_t v = 0; v < wide; v += LANES)
    for (int64_t p = 0; p < k; p += LANES) {
      V x[LANES];
#pragma GCC unroll 16
      for (int i = 0; i < LANES; i++) x[i] = v + i < width ? v_load_some(b + p + (v + i) * b_col, k - p) : v_set(0);
      transpose(x);
      const int64_t rows = k - p < LANES ? k - p : LANES;
      for (int64_t i = 0; i < rows; i++) v_store(to + (p + i) * wide + v, x[i]);
    }
}

static void pack(int64_t k, int64_t n, const float *b, int64_t b_row, int64_t b_col, int64_t first, int64_t last, float *to) {
  for (int64_t j = first * PANEL; j < n && j < last * PANEL; j += PANEL) {
    const int64_t width = n - j < PANEL ? n - j : PANEL, wide = width > LANES ? PANEL : LANES;
    float *panel = to + j * k;
    if (b_col == 1)
      copy_panel(k, width, b + j, b_row, panel);
    else if (b_row == 1)
      pack_columns(k, width, b + j * b_col, b_col, wide, panel);
    else
      for (int64_t p = 0; p < k; p++)
        for (int64_t i = 0; i < wide; i++) panel[p * wide + i] = i < width ? b[p * b_row + (j + i) * b_col] : 0;
  }
}

#endif
