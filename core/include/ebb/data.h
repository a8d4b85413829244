/* SPDX-License-Identifier: MIT
 *
 * What data look like: a vector, a set of vectors of varying size, a series with time stamps, or a field with channels. */
#ifndef EBB_DATA_H
#define EBB_DATA_H

#include <ebb/host.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBB_VECTOR = 1, EBB_SET = 2, EBB_SERIES = 3, EBB_GRID = 4 };

typedef struct EbbLayout {
  uint32_t size, kind;
  int64_t n;      /* VECTOR: 1; SET, SERIES: most members or times; GRID: nx ny */
  int64_t width;  /* numbers a member; GRID: channels */
  int64_t nx, ny; /* GRID: value is [width][ny][nx]; else 0 */
} EbbLayout;

typedef struct EbbData {
  uint32_t size;
  EbbLayout layout;
  int64_t rows;
  float *value;   /* [rows][n][width] */
  float *stamp;   /* [rows][n] times of a SERIES; else NULL */
  int32_t *count; /* [rows] members present of a SET or SERIES; else NULL */
  uint8_t *token; /* [rows][n width] EBB_TOKEN_MISSING where absent; NULL: all present */
} EbbData;

/* How many numbers a row has. */
static inline int64_t ebb_layout_numbers(const EbbLayout *layout) { return layout->n * layout->width; }

#ifdef __cplusplus
}
#endif
#endif
