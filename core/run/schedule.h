/* SPDX-License-Identifier: MIT
 *
 * A schedule plugin as the rest of the house sees it (fallbacks filled in), and the grids of noise levels that samplers walk. */
#ifndef EBB_RUN_SCHEDULE_H
#define EBB_RUN_SCHEDULE_H

#include <ebb/sampler.h>

#include "run/spec.h"

typedef struct ScheduleView {
  EbbSchedule schedule; /* first: a view is passed as its schedule */
  const EbbScheduleOps *ops;
  const void *self;
  double lambda_min, lambda_max; /* over its range */
  SpecNoise noise;               /* the law behind `train`; schedule_view leaves the schedule's own */
} ScheduleView;

EbbStatus schedule_view(const EbbChild *, ScheduleView *out);
double schedule_tau(const ScheduleView *, double lambda); /* the network's time input, [-1, 1] over the range */

/* level[0..n-1] from the largest to the smallest noise of the grid, cut to the schedule's range, index set; level[n] is the end: sigma 0, alpha 1. */
EbbStatus schedule_grid(Arena *, const ScheduleView *, const SpecGrid *, const EbbChild *sampler, int64_t n, EbbLevel **out);

#endif
