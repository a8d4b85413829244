/* SPDX-License-Identifier: MIT
 *
 * The bench: one program that measures, on the machine it is on and in one run, what issue and README call fast. Every share is of the multiply-add
 * peak measured beside it. Each number is the best of several repetitions. A part is one file and one function here. A failure ends the program. */
#ifndef EBB_TESTS_BENCH_H
#define EBB_TESTS_BENCH_H

#include <stdio.h>

#include "peak.h"
#include "run/sample.h"
#include "run/train.h"

typedef struct Bench {
  Arena *arena;
  Registry *registry;
  const char *scratch, *out; /* folders: of files that are thrown away, of results */
  const char *ebb;           /* the executable */
  const char *isa;           /* chosen: EBB_ISA, or the best */
  int threads;
  double time; /* seconds that a number may take */
  FILE *text, *csv;
} Bench;

void bench_peak(Bench *);
void bench_tile(Bench *);
void bench_sampling(Bench *);
void bench_training(Bench *);
void bench_isa(Bench *);
void bench_c2st(Bench *);
void bench_simulators(Bench *);
void bench_command(Bench *);
void bench_memory(Bench *);
void bench_sweep(Bench *);
void bench_peers(Bench *); /* what peers.py compares; only when asked for */

/* ---- Numbers ---- */

/* A line of the table. bound: what is asked, as the least or (AT_MOST) the most; NAN: only reported. */
typedef enum Bound { AT_LEAST, AT_MOST } Bound;
void line(Bench *, const char *what, double value, const char *unit, Bound, double bound);
void must(EbbStatus); /* ends the program with the message */
/* The best time of a call; once to warm up, then at least three times and for b->time. */
double best_seconds(const Bench *, EbbStatus (*call)(void *), void *ctx);

/* ---- Models ---- */

/* A time MLP of 5 blocks on the linear Gaussian simulator. */
typedef struct Shape {
  int threads;
  int64_t d, q, width, batch, draws, evaluations;
  double dropout;
  const char *activation;
} Shape;
Shape usual_shape(const Bench *);
double sampling_flop(const Shape *); /* of one evaluation of one row: what hoisting leaves */
double training_flop(const Shape *); /* of one row: three times the forward products */

/* Seconds of all draws of one observation, packing included, through the stage's own code (its file goes to memory). */
double sampling_seconds(Bench *, const Shape *);
/* Seconds of a training step, through the stage's own code. */
double training_seconds(Bench *, const Shape *);

/* ---- Children ---- */

typedef struct Child {
  double seconds;
  int64_t anonymous; /* most bytes of anonymous resident memory; 0: not watched */
} Child;
/* Runs b->ebb with arguments (NULL-ended, without the program); its output is thrown away, unless it fails. */
Child child_run(Bench *, const char *const *arguments, bool watch_memory);

#endif
