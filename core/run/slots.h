/* SPDX-License-Identifier: MIT
 *
 * The loop that runs every sampler. Each thread holds a block of row slots: rows ask, the field answers all of them at once, the sampler advances
 * them, rows that are done are retired and their slots given to waiting rows. A row's numbers depend on its id alone: not on the block, the thread or
 * its neighbours. */
#ifndef EBB_RUN_SLOTS_H
#define EBB_RUN_SLOTS_H

#include <ebb/sampler.h>

#include "base/log.h"
#include "base/pool.h"
#include "plugin/plugin.h"

typedef struct Slots {
  Pool *pool;
  const EbbField *field;
  const char *source; /* what gives the field, for messages; NULL: "the model" */
  const EbbChild *sampler;
  void *state; /* of prepare */
  EbbSamplerNeeds needs;
  const EbbPlan *plan;
  uint64_t seed;                 /* of the start */
  int64_t block;                 /* most slots a thread */
  const double *start;           /* [n][dim] where rows start; NULL: at noise drawn to the moments of the plan's first level */
  const double *mean, *variance; /* [sets][dim], [dim] of x before noise, for those moments; NULL: 0, 1 */
  double *logdet;                /* [n] out, with EBB_PLAN_DENSITY */
  int64_t probes;                /* of the divergence, see divergence.h; 0: the default */
  Progress *progress;            /* counts rows; NULL: none */
} Slots;

/* Whether the sampler accepts fields of a kind; `source` names what gives the field, for the message. */
EbbStatus slots_accepts(const EbbChild *sampler, uint32_t kind, const char *source);
/* What prepare says, checked: the field's kind is accepted, wants are possible. */
EbbStatus slots_prepare(Slots *);
/* Draws for rows [0, n): row r has id[r] and condition set[r]. x [n][dim] (NaN where failed), asked [n] questions of each row, failed [n]. */
EbbStatus slots_run(const Slots *, int64_t n, const uint64_t *id, const int32_t *set, double *x, uint32_t *asked, uint8_t *failed);

#endif
