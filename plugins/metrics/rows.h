/* SPDX-License-Identifier: MIT
 *
 * Rows of draws: a row that is not finite is a draw that failed. */
#ifndef EBB_METRICS_ROWS_H
#define EBB_METRICS_ROWS_H

#include <math.h>
#include <stdint.h>

static inline int row_is_finite(int64_t n, const float *row) {
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(row[j])) return 0;
  return 1;
}

#endif
