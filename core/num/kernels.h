/* SPDX-License-Identifier: MIT
 *
 * The inner loops: matrix products with everything that can be fused into them, activations, normalisation, the optimiser's pass. One source,
 * kernels.c over the vector type of simd.h, is compiled once an instruction set; `kernels` points at the table in use (isa.h).
 *
 * Bits. Every element of a product is one sum over p in ascending order, one fused multiply-add a term (portable: multiply, then add), started from
 * init: it depends on neither the number of rows or columns, the tile, nor the thread. Reductions along a row (layernorm) use one fixed order that
 * depends on the width alone. Results may differ between instruction sets. */
#ifndef EBB_NUM_KERNELS_H
#define EBB_NUM_KERNELS_H

#include "base/base.h"

typedef enum Act {
  ACT_NONE = 0,
  ACT_RELU,
  ACT_SILU,
  ACT_MISH,
  ACT_TANH,
  ACT_GELU
} Act; /* gelu: the tanh form (kernels_math.h, with the errors of all) */

/* c[i][j] = add0[i][j] + add1[i][j] + keep[i][j] * keep_scale * act(init[i][j] + sum_p A(i, p) B[p][j]),   A(i, p) = a[i a_row + p a_col]
 * Optional: init (NULL: 0), pre (stores the activation's argument), keep (dropout's mask, 0 or 1; NULL: neither mask nor scale), add0, add1. A row
 * stride of 0 repeats one row. init, add0 and add1 may be c; nothing else overlaps. */
typedef struct Gemm {
  int64_t m, n, k;
  const float *a;
  int64_t a_row, a_col;
  const float *b; /* packed by pack if b_row is 0; else B[p][j] = b[p b_row + j] */
  int64_t b_row;
  const float *init;
  int64_t init_row;
  Act act;
  float *pre;
  int64_t pre_row;
  const uint8_t *keep;
  int64_t keep_row;
  float keep_scale;
  const float *add[2];
  int64_t add_row[2];
  float *c;
  int64_t c_row;
} Gemm;

typedef struct AdamStep {
  float rate, beta1, beta2, epsilon, correct1, correct2, scale, ema;
} AdamStep; /* see adam below */

typedef struct Kernels {
  const char *name;
  void (*gemm)(const Gemm *);
  /* Packed B for gemm: panels of columns, each [k][width], the last padded with zeros; floats needed, and the packing of B[p][j] = b[p b_row + j
   * b_col]. pack takes panels [first, last) only, so that threads can share the work; panels is their number. Panels depend on n
   * alone. */
  size_t (*packed)(int64_t k, int64_t n);
  int64_t (*panels)(int64_t n);
  void (*pack)(int64_t k, int64_t n, const float *b, int64_t b_row, int64_t b_col, int64_t first, int64_t last, float *packed);
  /* y = act(x), element by element; x may be y. dx = dy act'(x) (x the argument), dx may be dy. */
  void (*act)(Act, int64_t n, const float *x, float *y);
  void (*act_vjp)(Act, int64_t n, const float *x, const float *dy, float *dx); /* also the JVP: ty = tx act'(x) */
  void (*exp)(int64_t n, const float *x, float *y);
  void (*log)(int64_t n, const float *x, float *y);
  /* y[i][j] = gain[j] h[i][j] + shift[j], h = (x - mean) rstd over j < n, variance with 1/n and epsilon 1e-5. stats [rows][2] takes mean and rstd
   * (NULL: not kept). gain, shift NULL: 1, 0. y may be x. */
  void (*layernorm)(int64_t rows, int64_t n, const float *x, int64_t x_row, const float *gain, const float *shift, float *y, int64_t y_row,
                    float *stats);
  /* dx (written, may be dy) */
  void (*layernorm_vjp)(int64_t rows, int64_t n, const float *x, int64_t x_row, const float *stats, const float *gain, const float *dy,
                        int64_t dy_row, float *dx, int64_t dx_row);
  void (*layernorm_jvp)(int64_t rows, int64_t n, const float *x, int64_t x_row, const float *stats, const float *gain, const float *tx,
                        int64_t tx_row, float *ty, int64_t ty_row);
  /* For columns [j0, j1) : dgain[j] = sum_i dy[i][j] (x[i][j] - mean_i) rstd_i, dshift[j] = sum_i dy[i][j]; rows in order; written, either may be
   * NULL. */
  void (*layernorm_weights)(int64_t rows, int64_t j0, int64_t j1, const float *x, int64_t x_row, const float *stats, const float *dy, int64_t dy_row,
                            float *dgain, float *dshift);
  void (*column_sum)(int64_t rows, int64_t j0, int64_t j1, const float *dy, int64_t dy_row, float *sum); /* sum[j] = sum_i dy[i][j], rows in order */
  double (*square_sum)(int64_t n, const float *x); /* of float32 numbers, accumulated in double lanes, one fixed order */
  /* One pass of AdamW and EMA over n weights: g = scale grad; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2;
   * w -= rate ((m correct1) / (sqrt(v correct2) + epsilon) + decay w); ema += (1 - ema_keep)(w - ema).  correct = 1 / (1 - beta^t); step.ema is the
   * share that stays. */
  void (*adam)(const AdamStep *, float decay, int64_t n, const float *grad, float *w, float *m, float *v, float *ema); /* ema NULL: none */
  /* Philox4x32-10 of n counters, the last word counting up: out [n][4]. The same numbers in every set. */
  void (*philox)(const uint32_t counter[4], const uint32_t key[2], int64_t n, uint32_t *out);
  /* Masks from the same counters, eight numbers of 16 bits each, low half of a word first: to[i] = number i < below. */
  void (*keep)(const uint32_t counter[4], const uint32_t key[2], int64_t n, uint16_t below, uint8_t *to);
} Kernels;

extern const Kernels *kernels; /* set by isa_setup */

/* The tables that this build has, NULL where not. */
const Kernels *kernels_avx512(void);
const Kernels *kernels_avx2(void);
const Kernels *kernels_portable(void);

#endif
