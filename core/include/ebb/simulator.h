/* SPDX-License-Identifier: MIT
 *
 * Simulators: parameters with supports and priors, and data from parameters. Everything here is in the user's own space; bijections and
 * standardisation are the host's. Rows are addressed: row id[r] gives the same numbers in whatever block, thread or shard it is simulated. */
#ifndef EBB_SIMULATOR_H
#define EBB_SIMULATOR_H

#include <ebb/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Prior families, with the meaning of p. */
enum {
  EBB_PRIOR_OWN = 0,               /* the simulator's `prior` slot */
  EBB_PRIOR_NORMAL = 1,            /* mean p[0], standard deviation p[1] */
  EBB_PRIOR_LOGNORMAL = 2,         /* ln theta has mean p[0], standard deviation p[1]; support (0, inf) */
  EBB_PRIOR_UNIFORM = 3,           /* on (p[0], p[1]) */
  EBB_PRIOR_BETA = 4,              /* shapes p[0], p[1], spread over the support */
  EBB_PRIOR_GAMMA = 5,             /* shape p[0], rate p[1]; support (0, inf) */
  EBB_PRIOR_EXPONENTIAL = 6,       /* rate p[0]; support (0, inf) */
  EBB_PRIOR_HALF_NORMAL = 7,       /* |N(0, p[1]^2)|; support (0, inf) */
  EBB_PRIOR_TRUNCATED_NORMAL = 8,  /* mean p[0] and standard deviation p[1] before it is cut to the support */
  EBB_PRIOR_CORRELATED_NORMAL = 9, /* mean p[0], standard deviation p[1]; with the others of this family, see `correlation` */
  EBB_PRIOR_UNKNOWN = 10,          /* not declared: what needs the prior is refused */
};

typedef struct EbbParameter {
  const char *name;
  double lower, upper; /* support; -INFINITY, INFINITY where none */
  double p[2];
  int32_t family; /* EBB_PRIOR_... */
  int32_t local;  /* 1: of one group of a hierarchy */
} EbbParameter;

typedef struct EbbModelInfo {
  uint32_t size;
  EbbLayout theta, data;         /* theta: VECTOR of the parameters */
  const EbbParameter *parameter; /* [theta.width]; lives as long as self */
  const int32_t (*edge)[2];      /* the graph parameter/data -> data, NULL: unknown */
  int64_t edges, observations;   /* observations: how many `observation` can give */
  const double *correlation;     /* [theta.width][theta.width] of the parameters with CORRELATED_NORMAL priors; NULL: none has */
  const char *const *data_name;  /* [numbers of data] for people; NULL: none */
  /* A simulator that cannot address its rows (a program with one seed a call): 0, or `simulate` is called with whole blocks of so many rows, the ids
   * of block k from k block on; what the user does not need of the last one is thrown away. */
  int64_t block;
  int64_t calls; /* how many calls of `simulate` go on at once; 0: as many as there are threads */
} EbbModelInfo;

typedef struct EbbSimulatorOps {
  uint32_t size;
  EbbStatus (*describe)(const void *self, EbbModelInfo *out); /* required [main] */
  /* required [worker] theta [rows][d] to out; failed[r] = 1 where it has no data (such rows are left out and counted) */
  EbbStatus (*simulate)(const void *self, EbbWork *, EbbRng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out, uint8_t *failed);
  /* [worker] required if a family is EBB_PRIOR_OWN, else the families */
  EbbStatus (*prior)(const void *self, EbbRng, int64_t rows, const uint64_t *id, float *theta);
  EbbStatus (*log_prior)(const void *self, int64_t rows, const float *theta, double *out); /* optional [worker]; what needs it is refused */
  /* optional [worker] one: data of one row, the same for all theta; out [rows] */
  EbbStatus (*log_likelihood)(const void *self, EbbWork *, int64_t rows, const float *theta, const EbbData *one, double *out);
  /* optional [main] published observation k, counted from 1; truth [d], NaN where unknown */
  EbbStatus (*observation)(const void *self, int64_t k, EbbData *out, float *truth);
  /* optional [worker] exact posterior draws given one data row; theta [rows][d] */
  EbbStatus (*reference)(const void *self, EbbWork *, EbbRng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta);
} EbbSimulatorOps;

#ifdef __cplusplus
}
#endif
#endif
