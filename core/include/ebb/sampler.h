/* SPDX-License-Identifier: MIT
 *
 * Samplers are asked, they never call back. The host keeps a block of rows. For each row `advance` receives the answer to the row's last question,
 * xhat at (z, t), and leaves the next question, a new z and level, or says that the row is done. One evaluation a call: one-step, multistep,
 * Runge-Kutta, adaptive, stochastic and Langevin samplers all fit, and none owns a loop. The host evaluates fields, counts, refuses rows that are not
 * finite, retires and refills rows, shows progress.
 *
 * The grid. level[0..n-1] are the levels at which questions are asked in order of travel (noise to data), level[n] ends the run: sigma 0, alpha 1, so
 * that the last step returns xhat; or the last grid level where the state itself is wanted. Adaptive samplers (steps() = 0) get the two ends, n = 2.
 *
 * Questions. A sampler writes ask[r]: EBB_STATE, the first question of a step, asked at the state itself; EBB_STEP, the first of a step elsewhere;
 * EBB_STAGE, within a step; EBB_DONE, z holds the result; EBB_FAIL, the row has none. A base point is read from z when an EBB_STATE question is
 * answered, never from memory: a corrector may have moved it. Under EBB_PLAN_MOVED every step begins with an EBB_STATE question. The level of a
 * question is level[r] >= 0 (a place in the grid; all rows of a fixed grid move alike), or level[r] = -1 and t[r] any time.
 *
 * Noise comes from plan->host->normal with the rows' ids and `asked` (or an own counter in `state`) as step, so that a draw does not depend on its
 * neighbours. */
#ifndef EBB_SAMPLER_H
#define EBB_SAMPLER_H

#include <ebb/field.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBB_STAGE = 0, EBB_STEP = 1, EBB_STATE = 3, EBB_DONE = 4, EBB_FAIL = 8 };
enum { EBB_PLAN_DENSITY = 1, EBB_PLAN_MOVED = 2 }; /* plan flags: runs from data to noise for a density; steps may be moved by another */
enum { EBB_WANT_DIV = 1, EBB_WANT_TWIST = 2 };

typedef struct EbbPlan {
  uint32_t size, flags; /* EBB_PLAN_... */
  const EbbHost *host;
  const EbbSchedule *schedule;
  EbbRng rng;
  const EbbFactor *factor; /* NULL: none */
  int64_t dim, items;      /* items: observations in a set, 1 without composition */
  int64_t n;
  const EbbLevel *level; /* [n + 1] */
} EbbPlan;

typedef struct EbbSamplerNeeds {
  uint32_t size, wants; /* EBB_WANT_... */
  int64_t state;        /* doubles of private state a row */
  int64_t group;        /* rows that move together (particles); 1 */
} EbbSamplerNeeds;

typedef struct EbbRows {
  uint32_t size;
  int64_t rows, dim;
  int64_t state_step;    /* row r's private state begins at state + r * state_step; zero before begin */
  const uint64_t *id;    /* [rows] */
  const uint32_t *asked; /* [rows] questions answered: 1 in the first advance */
  const uint32_t *accepted;
  const EbbLevel *at; /* level of the question just answered, at[r * at_step] */
  int64_t at_step;
  const double *xhat;          /* [rows][dim] the answer */
  const double *div;           /* [rows] tr dxhat/dz, if wanted */
  const double *log_r, *twist; /* [rows] log r(xhat), [rows][dim] its gradient in z, if wanted */
  double *z;                   /* [rows][dim] in: where it was asked (begin: the start); out: the next question, or the result */
  double *t;                   /* [rows] out where level is -1 */
  int32_t *level;              /* [rows] out */
  uint8_t *ask;                /* [rows] out */
  double *state;
  double *logdet, *log_weight; /* [rows] results, zero at first */
} EbbRows;

/* Row i asks next at grid level `level`; EBB_DONE and EBB_FAIL ignore it. */
static inline void ebb_ask_at(EbbRows *r, int64_t i, int64_t level, uint8_t ask) {
  r->level[i] = (int32_t)level;
  r->ask[i] = ask;
}

/* The same for samplers with one question a level: the next level is `asked`. */
static inline void ebb_ask(EbbRows *r, int64_t i, uint8_t ask) { ebb_ask_at(r, i, (int64_t)r->asked[i], ask); }

typedef struct EbbSamplerOps {
  uint32_t size;
  uint32_t accepts; /* field kinds for which it is valid; others are refused unless forced */
  /* required [any] number of levels; > 0: all rows ask at the same times; 0: adaptive */
  int64_t (*steps)(const void *self);
  /* optional [main] an own grid of at most `most` levels; else the spec's */
  int64_t (*levels)(const void *self, const EbbSchedule *, int64_t most, double *lambda);
  /* optional [main] tables and needs; else no state, group 1, no wants */
  EbbStatus (*prepare)(const void *self, const EbbPlan *, EbbSamplerNeeds *, void **state);
  /* optional [worker] the first question; else (start, level 0, EBB_STATE) */
  EbbStatus (*begin)(const void *self, const void *state, const EbbPlan *, EbbWork *, EbbRows *);
  /* required [worker] */
  EbbStatus (*advance)(const void *self, const void *state, const EbbPlan *, EbbWork *, EbbRows *);
} EbbSamplerOps;

#ifdef __cplusplus
}
#endif
#endif
