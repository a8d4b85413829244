/* SPDX-License-Identifier: MIT
 *
 * Objectives: how a clean value is corrupted and what the network's answer is measured by. The host gathers a tile of rows, calls `corrupt`, runs the
 * network at what it wrote, calls `loss`, and pushes the gradient back. What a network predicts is a closed list, affine in alpha and sigma; the host
 * makes the target and the map to xhat:
 *
 *     xhat = base + gain out,   target = (x - base) / gain   (v, velocity, score: written without dividing by what may be 0)
 *
 * With the default base, EDM's preconditioning for data of unit sd: D^2 = alpha^2 + sigma^2, c_in = 1/D, c_skip = alpha/D^2, c_out = sigma/D (Karras
 * 2022, 2206.00364); for alpha^2 + sigma^2 = 1 this makes F = -v. */
#ifndef EBB_OBJECTIVE_H
#define EBB_OBJECTIVE_H

#include <ebb/field.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the network predicts; |error|^2 in units of |eps-hat - eps|^2 is given for each. */
enum {
  EBB_PREDICT_X = 0,        /* x: (sigma/alpha)^2 */
  EBB_PREDICT_NOISE = 1,    /* eps: 1 */
  EBB_PREDICT_V = 2,        /* alpha eps - sigma x: (alpha^2+sigma^2)^2/alpha^2 */
  EBB_PREDICT_VELOCITY = 3, /* alpha' x + sigma' eps: ((alpha sigma' - sigma alpha')/alpha)^2 */
  EBB_PREDICT_SCORE = 4,    /* -eps/sigma: 1/sigma^2 */
  EBB_PREDICT_F = 5,        /* (x - c_skip z)/c_out: (sigma/alpha)^2/c_out^2 */
  EBB_PREDICT_BOUNDARY = 6, /* for maps: F, shifted so that xhat = z/alpha at the schedule's clean end, u_min. With u = sigma/alpha: c_skip =
                               1/(alpha (1 + (u-u_min)^2)), c_out = (u-u_min)/sqrt(1 + u^2) (Song et al. 2023, 2303.01469, appendix C) */
};
#define EBB_PREDICTIONS "x|noise|v|velocity|score|F" /* in the enum's order, for EBB_CHOICE; boundary is no choice */

/* What an objective wants beside one evaluation. */
enum {
  EBB_OBJ_TWIN = 1,    /* a second question (z2, at2), answered by the current weights with the same dropout mask, without gradient */
  EBB_OBJ_JVP = 2,     /* the tangent of the output along (dz, dlambda) */
  EBB_OBJ_TEACHER = 4, /* a trained model's field */
  EBB_OBJ_WEIGHT = 8,  /* a small network of the noise level that weighs the loss */
  EBB_OBJ_JOINT = 16,  /* x is theta then data; corrupt writes which tokens are latent */
  EBB_OBJ_PAIR = 32,   /* each batch goes through `pair` before it is corrupted */
};

enum { EBB_TOKEN_LATENT = 0, EBB_TOKEN_OBSERVED = 1, EBB_TOKEN_MISSING = 2 };

typedef struct EbbObjectiveNeeds {
  uint32_t size;
  uint32_t wants;      /* EBB_OBJ_... */
  uint32_t prediction; /* EBB_PREDICT_... */
  uint32_t result;     /* kind of the trained field: EBB_MEAN, EBB_MEAN_ODE, EBB_MAP */
  int64_t keep;        /* floats a row that corrupt keeps for loss */
} EbbObjectiveNeeds;

/* One tile of a batch. floats are [rows][dim] unless said otherwise. */
typedef struct EbbBatch {
  uint32_t size;
  int64_t rows, dim, tokens, keep_step;
  uint64_t step, steps; /* the optimiser's step and their true total */
  const EbbSchedule *schedule;
  EbbRng rng;
  const uint64_t *id;      /* [rows] row of the training set */
  const uint32_t *draw;    /* [rows] step, or the frozen repetition in validation: addresses the row's noise */
  const double *u;         /* [rows] stratified uniforms in (0, 1) */
  const double *lambda;    /* [rows] noise levels by the spec's law at u */
  const float *x, *noise;  /* clean values; standard normals */
  const EbbField *teacher; /* NULL unless wanted */
  /* corrupt writes */
  float *z, *z2, *dz, *keep; /* the question; TWIN's; JVP's tangent; notes [rows][keep_step] */
  EbbLevel *at, *at2;        /* [rows] */
  double *dlambda;           /* [rows] JVP's tangent in lambda */
  uint8_t *token;            /* [rows][tokens] JOINT: EBB_TOKEN_... */
  /* loss reads */
  const float *out, *out2, *jout;           /* the network's answers */
  const float *target;                      /* of out */
  const float *base, *gain, *base2, *gain2; /* xhat = base + gain out */
  const double *w;                          /* [rows] weight net */
  /* loss writes: the row's loss, and `scale` times its gradient in out and in w */
  double scale;
  double *loss, *dw; /* [rows] */
  float *grad;
} EbbBatch;

/* A whole batch before corruption, with the noise that it will get: slot i keeps its noise and trains on data row take[i] (x and y move together). */
typedef struct EbbPairs {
  uint32_t size;
  int64_t rows, dim, q;
  uint64_t step;              /* addresses what is drawn at random */
  const float *x, *noise, *y; /* [rows][dim], [rows][dim], [rows][q] */
  int32_t *take;              /* [rows] out */
} EbbPairs;

typedef struct EbbObjectiveOps {
  uint32_t size;
  void (*needs)(const void *self, EbbObjectiveNeeds *out);       /* required [any] */
  EbbStatus (*pair)(const void *self, EbbRng, EbbPairs *);       /* [main] required with EBB_OBJ_PAIR, else not called */
  EbbStatus (*corrupt)(const void *self, EbbWork *, EbbBatch *); /* required [worker] */
  EbbStatus (*loss)(const void *self, EbbWork *, EbbBatch *);    /* required [worker] */
} EbbObjectiveOps;

#ifdef __cplusplus
}
#endif
#endif
