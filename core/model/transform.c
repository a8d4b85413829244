/* SPDX-License-Identifier: MIT
 *
 * Bijections, standardisation of parameters, and the map of data columns.
 *
 * A data column is standardised by the first rule that fits:
 *
 *     constant   its range is at most four float32 roundings of its largest value. Forward gives 0, and for a value beyond rounding the plain
 *                difference, clipped at 10.
 *     median     heavy tails. With m the median and r = IQR/1.349 (the sd of a Gaussian with these quartiles): at least one value in 500 lies more
 *                than 10 r from m, or one lies more than 25 r away; but not more than one in 20, since that is a second mode, which a clip would
 *                erase. Needs 20 rows and r > 0: a column that is constant but for few rows has r = 0. Student-t with 2 d.o.f. has one value in 150
 *                beyond 10 r; an exponential or a log-normal(.5) has one in 7,000.
 *     mean       else: mean and sd.
 *
 * Values that are not finite are left out of every fit. */
#include "model/transform.h"

#include <float.h>
#include <math.h>

#include "num/sort.h"

enum { QUANTILE_ROWS = 1 << 17, HEAVY_MIN_ROWS = 20 };
static const double CLIP = 10;

Bijection bijection_of(double lower, double upper) {
  bool below = isfinite(lower), above = isfinite(upper);
  return below ? (above ? BIJECTION_INTERVAL : BIJECTION_LOWER) : (above ? BIJECTION_UPPER : BIJECTION_NONE);
}

/* The float32 number next above a bound; rounding to nearest may already have stepped over it. */
static double float_above(double bound) {
  if (!(bound >= -FLT_MAX)) return -FLT_MAX;
  if (bound >= FLT_MAX) return FLT_MAX;
  float near = (float)bound;
  return (double)near > bound ? near : nextafterf(near, INFINITY);
}

double support_clamp(double lower, double upper, double theta) {
  double low = float_above(lower), high = -float_above(-upper);
  if (theta < low) return low;
  if (theta > high) return high;
  return theta;
}

/* Distances to the bounds. A value on or outside a bound counts as very near to it, so that q stays finite; draws of declared priors never are. */
static double above_lower(const ParameterMap *m, double theta) {
  double least = m->kind == BIJECTION_INTERVAL ? 1e-12 * (m->upper - m->lower) : fmax(FLT_MIN, fabs(m->lower) * (FLT_EPSILON / 2));
  return fmax(theta - m->lower, least);
}
static double below_upper(const ParameterMap *m, double theta) {
  double least = m->kind == BIJECTION_INTERVAL ? 1e-12 * (m->upper - m->lower) : fmax(FLT_MIN, fabs(m->upper) * (FLT_EPSILON / 2));
  return fmax(m->upper - theta, least);
}

static double unbounded(const ParameterMap *m, double theta) {
  if (isnan(theta)) return theta;
  switch (m->kind) {
  case BIJECTION_LOWER: return log(above_lower(m, theta));
  case BIJECTION_UPPER: return -log(below_upper(m, theta));
  case BIJECTION_INTERVAL: return log(above_lower(m, theta) / below_upper(m, theta));
  default: return theta;
  }
}

double map_forward(const ParameterMap *m, double theta) { return (unbounded(m, theta) - m->centre) / m->scale; }

double map_inverse(const ParameterMap *m, double x) {
  double q = m->centre + m->scale * x, theta = q, width = m->upper - m->lower;
  switch (m->kind) {
  case BIJECTION_LOWER: theta = m->lower + exp(q); break;
  case BIJECTION_UPPER: theta = m->upper - exp(-q); break;
  case BIJECTION_INTERVAL: theta = q < 0 ? m->lower + width / (1 + exp(-q)) : m->upper - width / (1 + exp(q)); break;
  default: break;
  }
  return support_clamp(m->lower, m->upper, theta);
}

double map_log_slope(const ParameterMap *m, double theta) {
  double slope = -log(m->scale);
  switch (m->kind) {
  case BIJECTION_LOWER: return slope - log(above_lower(m, theta));
  case BIJECTION_UPPER: return slope - log(below_upper(m, theta));
  case BIJECTION_INTERVAL: return slope + log((m->upper - m->lower) / above_lower(m, theta) / below_upper(m, theta));
  default: return slope;
  }
}

double map_log_slope_at(const ParameterMap *m, double x) {
  double q = m->centre + m->scale * x, slope = -log(m->scale);
  switch (m->kind) {
  case BIJECTION_LOWER: return slope - q;
  case BIJECTION_UPPER: return slope + q;
  case BIJECTION_INTERVAL: return slope - log(m->upper - m->lower) + fabs(q) + 2 * log1p(exp(-fabs(q)));
  default: return slope;
  }
}

double map_log_slope_gradient(const ParameterMap *m, double theta) {
  switch (m->kind) {
  case BIJECTION_LOWER: return m->scale;
  case BIJECTION_UPPER: return -m->scale;
  case BIJECTION_INTERVAL: return m->scale * (below_upper(m, theta) - above_lower(m, theta)) / (m->upper - m->lower);
  default: return 0;
  }
}

void map_fit(ParameterMap *m, int64_t rows, const float *theta, int64_t stride, const uint8_t *keep) {
  double origin = 0, sum = 0, square = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < rows; i++) {
    double q = unbounded(m, theta[i * stride]);
    if ((keep && !keep[i]) || !isfinite(q)) continue;
    if (n++ == 0) origin = q; /* sums start from the first value: those of a constant are exactly 0 */
    sum += q - origin;
  }
  m->centre = n ? origin + sum / (double)n : 0;
  for (int64_t i = 0; i < rows; i++) {
    double q = unbounded(m, theta[i * stride]);
    if ((keep && !keep[i]) || !isfinite(q)) continue;
    square += (q - m->centre) * (q - m->centre);
  }
  double sd = n ? sqrt(square / (double)n) : 0;
  m->scale = sd > 0 ? sd : 1;
}

/* Linear between the order statistics of sorted[n]. */
static double quantile(const float *sorted, int64_t n, double share) {
  double place = share * (double)(n - 1);
  int64_t i = (int64_t)place;
  double next = i + 1 < n ? sorted[i + 1] : sorted[i];
  return sorted[i] + (place - (double)i) * (next - sorted[i]);
}

static double rounding(const ColumnMap *c) { return 4 * FLT_EPSILON * fmax(fabs(c->low), fabs(c->high)); }

/* What one pass after another over the kept, finite values found. */
typedef struct Kept {
  const float *value;
  int64_t rows, stride, n;
  const uint8_t *keep;
} Kept;
static bool kept(const Kept *k, int64_t i) { return (!k->keep || k->keep[i]) && isfinite(k->value[i * k->stride]); }

/* Replaces mean and sd where the header's rule calls the tails heavy. */
static void use_median_if_heavy(Arena *arena, const Kept *k, ColumnMap *c) {
  if (k->n < HEAVY_MIN_ROWS) return;
  ArenaMark mark = arena_mark(arena);
  int64_t every = (k->n + QUANTILE_ROWS - 1) / QUANTILE_ROWS, seen = 0, n = 0;
  float *sorted = ARENA_ARRAY(arena, float, k->n / every + 1);
  for (int64_t i = 0; i < k->rows; i++)
    if (kept(k, i) && seen++ % every == 0) sorted[n++] = k->value[i * k->stride];
  sort_f32(n, sorted, ARENA_ARRAY(arena, float, n));
  double median = quantile(sorted, n, 0.5), scale = (quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25)) / 1.349;
  arena_reset(arena, mark);
  if (!(scale > 0)) return;
  int64_t far = 0;
  for (int64_t i = 0; i < k->rows; i++)
    if (kept(k, i) && fabs(k->value[i * k->stride] - median) > 10 * scale) far++;
  bool beyond = fmax(median - c->low, c->high - median) > 25 * scale;
  if (20 * far > k->n || !(beyond || 500 * far >= k->n)) return;
  c->rule = COLUMN_MEDIAN;
  c->centre = median;
  c->scale = scale;
  c->clip = CLIP;
}

void column_fit(Arena *arena, ColumnMap *c, int64_t rows, const float *value, int64_t stride, const uint8_t *keep) {
  Kept k = {value, rows, stride, 0, keep};
  *c = (ColumnMap){.rule = COLUMN_MEAN, .scale = 1, .low = INFINITY, .high = -INFINITY};
  double origin = 0, sum = 0, square = 0;
  for (int64_t i = 0; i < rows; i++) {
    if (!kept(&k, i)) continue;
    double v = value[i * stride];
    if (k.n++ == 0) origin = v;
    sum += v - origin;
    c->low = fmin(c->low, v);
    c->high = fmax(c->high, v);
  }
  if (k.n == 0) { /* nothing is known: no value is outside */
    c->low = -INFINITY;
    c->high = INFINITY;
    return;
  }
  if (c->high - c->low <= rounding(c)) {
    c->rule = COLUMN_CONSTANT;
    c->centre = c->low + (c->high - c->low) / 2;
    c->clip = CLIP;
    return;
  }
  c->centre = origin + sum / (double)k.n;
  for (int64_t i = 0; i < rows; i++)
    if (kept(&k, i)) square += (value[i * stride] - c->centre) * (value[i * stride] - c->centre);
  c->scale = sqrt(square / (double)k.n);
  use_median_if_heavy(arena, &k, c);
}

float column_forward(const ColumnMap *c, double value) {
  if (c->rule == COLUMN_CONSTANT && column_outside(c, value) <= 0) return isnan(value) ? (float)value : 0;
  double x = (value - c->centre) / c->scale;
  if (c->clip > 0 && fabs(x) > c->clip) x = copysign(c->clip, x);
  return (float)x;
}

/* A missing value (NaN) is not outside. */
double column_outside(const ColumnMap *c, double value) {
  double beyond = fmax(fmax(c->low - value, value - c->high), 0);
  if (c->rule == COLUMN_CONSTANT) return beyond > rounding(c) ? INFINITY : 0;
  return beyond / c->scale;
}
