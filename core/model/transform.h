/* SPDX-License-Identifier: MIT
 *
 * From the user's numbers to the network's and back. Parameters: theta -> q by a bijection from the declared support (none, log, logit), then x = (q
 * - centre) / scale. Data: per column centre and scale, clipped. In double; inverses land strictly inside the support (nextafter), in float32 too.
 * methods.md 3.7, 3.8. */
#ifndef EBB_MODEL_TRANSFORM_H
#define EBB_MODEL_TRANSFORM_H

#include <ebb/simulator.h>

#include "base/base.h"

typedef enum Bijection { BIJECTION_NONE, BIJECTION_LOWER, BIJECTION_UPPER, BIJECTION_INTERVAL } Bijection;

/* One parameter. UPPER (-inf, b): q = -ln(b - theta). */
typedef struct ParameterMap {
  Bijection kind;
  double lower, upper, centre, scale;
} ParameterMap;

Bijection bijection_of(double lower, double upper);
/* The nearest number whose float32 value lies strictly inside (lower, upper) and is finite; NaN stays. */
double support_clamp(double lower, double upper, double theta);
double map_forward(const ParameterMap *, double theta);            /* x */
double map_inverse(const ParameterMap *, double x);                /* theta, strictly inside the support also as float32 */
double map_log_slope(const ParameterMap *, double theta);          /* ln dx/dtheta */
double map_log_slope_at(const ParameterMap *, double x);           /* the same from x, right also where theta has reached the support's last number */
double map_log_slope_gradient(const ParameterMap *, double theta); /* d/dx ln(dtheta/dx): what the chain rule adds to a score in x */
/* Centre and scale of q over rows with keep[i] (NULL: all): mean and sd, two passes in double. sd 0 -> 1. */
void map_fit(ParameterMap *, int64_t rows, const float *theta, int64_t stride, const uint8_t *keep);

/* One data column. How it was chosen stands in `rule`. constant columns: centred, scale 1. */
typedef enum ColumnRule { COLUMN_MEAN, COLUMN_MEDIAN, COLUMN_CONSTANT } ColumnRule;
typedef struct ColumnMap {
  ColumnRule rule;
  double centre, scale, clip, low, high;
} ColumnMap; /* clip: 0 none, else |.| <= clip; low, high: range seen in training */
/* Mean and sd; heavy tails (excess of extreme values: state the rule in transform.c) use median and IQR/1.349 and clip 10. Constant also when
 * constant in float32 only, or but for rounding. A column whose values are constant but for very few rows keeps mean and sd. */
void column_fit(Arena *, ColumnMap *, int64_t rows, const float *value, int64_t stride, const uint8_t *keep);
float column_forward(const ColumnMap *, double value);
/* How far outside [low, high] a value lies, in units of scale (constant columns: any difference beyond rounding counts as infinite); 0 inside. */
double column_outside(const ColumnMap *, double value);

#endif
