/* SPDX-License-Identifier: MIT
 *
 * Fields: the one language of sampling. A field answers: at noise level t and point z, what clean value is expected, xhat = E[x | z]? Network,
 * guidance, composition are fields that wrap fields; a sampler sees one and cannot tell what is under it. Score, noise and velocity are affine views
 * of xhat:
 *
 *     eps = (z - alpha xhat) / sigma,   score = (alpha xhat - z) / sigma^2,   velocity dz/dt = alpha' xhat + sigma' eps,   Cov[x|z] = (sigma^2/alpha)
 * dxhat/dz
 *
 * All numbers are double, row-major, in the network's coordinates (after bijection and standardisation). A field may be asked by many threads at
 * once. */
#ifndef EBB_FIELD_H
#define EBB_FIELD_H

#include <ebb/schedule.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a field's answer means; samplers state which kinds they accept. */
enum {
  EBB_MEAN = 1,     /* E[x|z]: score and both kinds of dynamics are right */
  EBB_MEAN_ODE = 2, /* right for the probability-flow ODE only (flows trained with a coupling) */
  EBB_MAP = 4,      /* a consistency map: the end of the path through z */
  EBB_BRIDGE = 8,   /* not the score of any diffused density (sums, damped composition): for annealed Langevin only */
};

enum { EBB_Q_NULL = 1 }; /* query flag: without the condition */

typedef struct EbbQuery {
  uint32_t size, flags;
  int64_t rows, dim;
  const double *z;          /* [rows][dim] */
  const EbbLevel *at;       /* row r asks at level at[r * at_step] */
  int64_t at_step;          /* 1; or 0: one level for all rows */
  const uint64_t *id;       /* [rows] observation << 32 | draw */
  const uint32_t *asked;    /* [rows] questions answered before this one */
  const uint32_t *accepted; /* [rows] steps accepted before this one */
  const int32_t *set;       /* [rows] which condition (observation, or its set) the row belongs to */
} EbbQuery;

/* Given xhat of rows [first, first + rows), write their cotangents u [rows][dim]. */
typedef EbbStatus (*EbbCotangent)(void *ctx, int64_t first, int64_t rows, const double *xhat, double *u);

typedef struct EbbField EbbField;
struct EbbField {
  uint32_t size, kind; /* EBB_MEAN ... */
  int64_t dim;
  const void *ctx;
  /* [worker] xhat [rows][dim]; may be z */
  EbbStatus (*eval)(const EbbField *, EbbWork *, const EbbQuery *, double *xhat);
  /* [worker] xhat and k tangents: v [rows][k][dim] in z, jv [rows][k][dim] = dxhat/dz v. v NULL: the unit vectors, k = dim. NULL slot: impossible */
  EbbStatus (*jvp)(const EbbField *, EbbWork *, const EbbQuery *, int64_t k, const double *v, double *xhat, double *jv);
  /* [worker] xhat, then uj [rows][dim] = (dxhat/dz)' u, u given by the callback. NULL slot: impossible */
  EbbStatus (*vjp)(const EbbField *, EbbWork *, const EbbQuery *, EbbCotangent, void *ctx, double *xhat, double *uj);
};

/* The fields of a set's n observations, after ITEM guidance. pull [worker] writes xhat [count][rows][dim] and, unless NULL, jac
 * [count][rows][dim][dim] of items first, first + 1, ... or index [count][rows]. chunk: how many at once fill a tile and bound memory. Items are
 * sorted by content: the user's order changes no bit. */
typedef struct EbbItems EbbItems;
struct EbbItems {
  uint32_t size;
  int64_t n, chunk;
  const void *ctx;
  EbbStatus (*pull)(const EbbItems *, EbbWork *, const EbbQuery *, int64_t first, int64_t count, const int32_t *index, double *xhat, double *jac);
};

/* A factor r(x) of the spec (new over old prior, constraint, likelihood), built by core once a set, in the network's coordinates. k > 0: a sum of k
 * terms exp(log_weight + a'x - x'Px/2), a [k][dim], precision [k][dim][dim], P may be indefinite. eval [worker]: log_r [rows], grad [rows][dim] or
 * NULL; softness [rows] or NULL scales soft constraints. */
typedef struct EbbFactor EbbFactor;
struct EbbFactor {
  uint32_t size;
  const void *ctx;
  int64_t dim, k;
  const double *log_weight, *a, *precision;
  EbbStatus (*eval)(const EbbFactor *, EbbWork *, int64_t rows, const double *x, const double *softness, double *log_r, double *grad);
};

/* [main] given to `prepare` of guidance and composition, once a set. Moments are NULL if unknown. draws: x [n][dim] of the chain below this stage (of
 * one item; -1: of all of it), by a fast sampler, kept. */
typedef struct EbbPrepare EbbPrepare;
struct EbbPrepare {
  uint32_t size;
  const EbbHost *host;
  const EbbSchedule *schedule;
  EbbRng rng;
  int64_t dim, items;
  const EbbFactor *factor;
  const double *prior_mean, *prior_cov; /* [dim], [dim][dim] */
  EbbStatus (*draws)(const EbbPrepare *, int64_t item, int64_t n, double *x);
};

#ifdef __cplusplus
}
#endif
#endif
