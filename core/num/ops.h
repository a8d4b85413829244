/* SPDX-License-Identifier: MIT
 *
 * The graph's operations as triples of plain functions over float32 rows: forward, VJP, JVP. Every matrix has a row stride; shapes are (rows, n)
 * unless said. In a VJP, dx is added to where `add` is true, else written. Products take weights packed by kernels->pack (see Gemm). */
#ifndef EBB_NUM_OPS_H
#define EBB_NUM_OPS_H

#include "num/kernels.h"

typedef struct Rows {
  float *at;
  int64_t stride;
} Rows; /* row i begins at at + i * stride; stride 0 repeats one row */
typedef struct ConstRows {
  const float *at;
  int64_t stride;
} ConstRows;

/* y = [tau, sin(2 pi s w_j tau), cos(2 pi s w_j tau)], j < count; y (rows, 1 + 2 count). */
void embed_forward(int64_t rows, int64_t count, float s, const float *w, ConstRows tau, Rows y);
void embed_vjp(int64_t rows, int64_t count, float s, const float *w, ConstRows tau, ConstRows dy, float *dtau,
               float *dw); /* dtau [rows] or NULL; dw [count] added to, rows in order */
void embed_jvp(int64_t rows, int64_t count, float s, const float *w, ConstRows tau, ConstRows ttau, Rows ty);

void add_forward(int64_t rows, int64_t n, ConstRows a, ConstRows b, Rows y); /* its VJP and JVP are copies */
void mul_forward(int64_t rows, int64_t n, ConstRows a, ConstRows b, Rows y);
void mul_vjp(int64_t rows, int64_t n, ConstRows other, ConstRows dy, Rows dx, bool add); /* dx = other dy */
void mul_jvp(int64_t rows, int64_t n, ConstRows a, ConstRows ta, ConstRows b, ConstRows tb, Rows ty);
void scale_forward(int64_t rows, int64_t n, float factor, float shift, ConstRows a, Rows y);
void copy_rows(int64_t rows, int64_t n, ConstRows x, Rows y, bool add); /* slices and parts of concatenations are copies at an offset */

#endif
