/* SPDX-License-Identifier: MIT
 *
 * A normal distribution cut to (-side, side), drawn by its quantile. */
#ifndef EBB_PLUGINS_CUT_NORMAL_H
#define EBB_PLUGINS_CUT_NORMAL_H

#include <math.h>

#include <ebb/normal.h>

/* start: what the distribution function is at the lower cut; mass: how much lies between the cuts. Both of the mirrored distribution, whose mean is
 * not negative: then the box lies in the lower half or about the middle, where the distribution function keeps its precision. */
typedef struct CutNormal {
  double mean, sd, side, start, mass;
} CutNormal;

static inline double cut_below(double z) { return 0.5 * erfc(-z / sqrt(2)); }

static inline CutNormal cut_normal(double mean, double sd, double side) {
  double start = cut_below((-side - fabs(mean)) / sd);
  return (CutNormal){mean, sd, side, start, cut_below((side - fabs(mean)) / sd) - start};
}

/* The quantile at u in (0, 1), held inside the box as float32. */
static inline float cut_normal_draw(const CutNormal *c, double u) {
  const float most = nextafterf((float)c->side, 0);
  double draw = fabs(c->mean) + c->sd * ebb_normal_quantile(c->start + u * c->mass);
  return fminf(fmaxf((float)(c->mean < 0 ? -draw : draw), -most), most);
}

#endif
