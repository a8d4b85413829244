/* SPDX-License-Identifier: MIT
 *
 * Sorting of many float32 numbers, for quantiles. */
#ifndef EBB_NUM_SORT_H
#define EBB_NUM_SORT_H

#include "base/base.h"

/* Ascending, -0 before 0, infinities at the ends; no NaN. spare [n] is written too. */
void sort_f32(int64_t n, float *x, float *spare);
/* Of an ascending list, linear between neighbours; NaN if it is empty. */
double sorted_quantile(const float *sorted, int64_t n, double p);

#endif
