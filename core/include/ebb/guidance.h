/* SPDX-License-Identifier: MIT
 *
 * Guidance modifies a field: per observation (ITEM, before composition), of the whole set (TOTAL), or weighs finished draws (END), which is the exact
 * way where the weights allow it. Strength 0 must say EBB_IDENTITY in `needs`: the stage is left out, hence the same bits. State in the summary
 * whether the method is exact, consistent or heuristic. */
#ifndef EBB_GUIDANCE_H
#define EBB_GUIDANCE_H

#include <ebb/field.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a guidance or composition needs from the chain below; checked when the chain is built. */
enum {
  EBB_NEED_JVP = 1,
  EBB_NEED_VJP = 2,
  EBB_NEED_NULL = 4,  /* a field without the condition */
  EBB_NEED_DRAWS = 8, /* EbbPrepare.draws */
  EBB_NEED_FACTOR = 16,
  EBB_NEED_LOGP = 32,    /* log densities of finished draws */
  EBB_NEED_MOMENTS = 64, /* the prior's mean and covariance */
  EBB_IDENTITY = 128,    /* with these settings the stage changes nothing */
};

/* Flags of the ops: stages it can act at; LINEAR: its answer is linear in (inner answers, z) at a fixed level, so that the host can form its JVP. */
enum { EBB_AT_ITEM = 1, EBB_AT_TOTAL = 2, EBB_AT_END = 4, EBB_LINEAR = 8 };

/* Finished draws of one set. log_q [n] only with EBB_NEED_LOGP. */
typedef struct EbbDraws {
  uint32_t size;
  int64_t n, dim;
  const double *x; /* [n][dim] */
  const double *log_q;
  const EbbFactor *factor;
} EbbDraws;

typedef struct EbbGuidanceOps {
  uint32_t size, flags;
  uint32_t (*needs)(const void *self);                                      /* optional [any] EBB_NEED_...; none */
  EbbStatus (*prepare)(const void *self, const EbbPrepare *, void **state); /* optional [main]; state NULL */
  /* ITEM, TOTAL [worker] xhat [rows][dim]; may ask inner anything */
  EbbStatus (*eval)(const void *self, const void *state, EbbWork *, const EbbField *inner, const EbbQuery *, double *xhat);
  /* END [main] log_w [n]; the host resamples and reports the effective sample size and the evidence */
  EbbStatus (*weigh)(const void *self, const void *state, const EbbDraws *, double *log_w);
} EbbGuidanceOps;

#ifdef __cplusplus
}
#endif
#endif
