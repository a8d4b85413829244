/* SPDX-License-Identifier: MIT
 *
 * From draws to what is drawn: ranges, histograms, and regions of highest density as closed outlines on a grid. */
#ifndef EBB_REPORT_DENSITY_H
#define EBB_REPORT_DENSITY_H

#include "base/base.h"

/* One number of many draws: value[i * stride], i < n. NaN are passed over. */
typedef struct Column {
  const float *value;
  int64_t n, stride;
} Column;

/* Finite numbers of a column, ascending; *n of them. */
float *column_sorted(Arena *, Column, int64_t *n);
/* The range that shows a column: all but the outermost .2 %, and a margin. Widens [*low, *high]; begin with low > high. */
void column_range(Arena *, Column, double *low, double *high);
/* Counts of `bins` equal bins; what lies outside is not counted. Returns the number of finite draws. */
int64_t column_histogram(Column, double low, double high, int64_t bins, double *count);
/* The share of draws in each bin, smoothed by a Gaussian whose width follows from their number and spread. */
void column_smooth(Arena *, Column, double low, double high, int64_t bins, double *share);

/* Two numbers of the same draws on a grid x grid board, smoothed likewise; cell[row * grid + column], row along y. Sums to at most 1. */
void pair_density(Arena *, Column x, Column y, const double range[4] /* x low, high, y low, high */, int64_t grid, double *cell);
/* The density above which the densest cells hold `mass` of the whole. */
double density_level(Arena *, const double *cell, int64_t cells, double mass);
/* Outlines of where cell is above level, as an SVG path in tenths of a cell (y grows with the row), appended to out. */
void density_outline(Arena *, const double *cell, int64_t grid, double level, Str *out);

#endif
