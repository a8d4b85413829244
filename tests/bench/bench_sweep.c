/* SPDX-License-Identifier: MIT
 *
 * Sweeps: time per unit of work as one size grows. Where a kernel has a cliff (a tail, a cache, a block that does not divide), two neighbouring
 * points differ; the worst ratio of each sweep goes into the table, all points into sweep.csv (plot_sweep.py draws them). Sizes lie no more than
 * about a quarter apart, and beside each round number its neighbours. */
#include <math.h>

#include "bench.h"

enum { MOST = 32 };

typedef struct Sweep {
  const char *name;
  bool training;
  size_t place; /* of the number in Shape that is swept */
  bool by_flop; /* a unit of work is an operation of the network; else a row, or its evaluation */
  int64_t at[MOST];
} Sweep;

static const Sweep sweeps[] = {
    {"sampling, d", false, offsetof(Shape, d), true, {1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 17, 20, 24, 32, 40, 50, 64, 80, 100}},
    {"training, q", true, offsetof(Shape, q), true, {1, 2, 3, 4, 6, 8, 10, 13, 16, 20, 32, 50, 64, 65, 100, 128, 200, 256, 400, 512, 1000}},
    {"sampling, width", false, offsetof(Shape, width), true, {32,  36,  40,  44,  48,  52,  56,  60,  64,  65,  72,  80,  96, 100,
                                                              127, 128, 129, 160, 192, 224, 256, 257, 320, 384, 500, 512, 640}},
    {"training, width", true, offsetof(Shape, width), true, {32, 36,  40,  44,  48,  56,  64,  65,  72,  80,
                                                             96, 128, 129, 160, 192, 256, 257, 320, 384, 512}},
    {"sampling, rows", false, offsetof(Shape, draws), false, {128, 160,  192,  200,  256,  320,  384,  385,  400,  500,   640,   768,  769,
                                                              800, 1000, 1250, 1600, 2000, 2500, 4000, 5000, 8000, 10000, 16000, 25000}},
    {"training, batch",
     true,
     offsetof(Shape, batch),
     false,
     {64, 72, 80, 96, 100, 127, 128, 129, 160, 192, 200, 255, 256, 257, 320, 384, 512, 1000, 1024}},
    {"sampling, evaluations", false, offsetof(Shape, evaluations), false, {2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 50}},
};

/* Seconds of one core for one unit of work. */
static double unit_seconds(Bench *b, const Sweep *s, const Shape *shape) {
  double rows = s->training ? (double)shape->batch : (double)(shape->draws * shape->evaluations);
  double time = s->training ? training_seconds(b, shape) : sampling_seconds(b, shape);
  double flop = s->training ? training_flop(shape) : sampling_flop(shape);
  return time * shape->threads / (s->by_flop ? rows * flop : rows);
}

static void one_sweep(Bench *b, const Sweep *s, FILE *csv) {
  double last = NAN, worst = 1;
  int64_t from = 0, to = 0, before = 0;
  for (int i = 0; i < MOST && s->at[i] > 0; i++) {
    Shape shape = usual_shape(b);
    shape.draws = 2000;
    *(int64_t *)((char *)&shape + s->place) = s->at[i];
    double now = unit_seconds(b, s, &shape);
    fprintf(csv, "\"%s\",%lld,%.6g\n", s->name, (long long)s->at[i], now);
    if (i > 0 && fmax(now / last, last / now) > worst) worst = fmax(now / last, last / now), from = before, to = s->at[i];
    last = now, before = s->at[i];
  }
  line(b, arena_print(b->arena, "sweep of %s, worst neighbours (%lld, %lld)", s->name, (long long)from, (long long)to), worst, "x", AT_MOST, 1.3);
}

static void threads_sweep(Bench *b, FILE *csv) {
  for (int training = 0; training <= 1; training++) {
    Sweep s = {.name = training ? "training, threads" : "sampling, threads", .training = training != 0};
    double last = NAN, worst = 1;
    for (int threads = 1; threads <= b->threads; threads++) {
      Shape shape = usual_shape(b);
      shape.threads = threads;
      double now = unit_seconds(b, &s, &shape);
      fprintf(csv, "\"%s\",%d,%.6g\n", s.name, threads, now);
      if (threads > 1) worst = fmax(worst, fmax(now / last, last / now));
      last = now;
    }
    line(b, arena_print(b->arena, "sweep of %s, worst neighbours", s.name), worst, "x", AT_MOST, 1.3);
  }
}

void bench_sweep(Bench *b) {
  const char *path = path_join(b->arena, b->out, "sweep.csv");
  FILE *csv = fopen(path, "w");
  if (csv == NULL) must(fail(EBB_E_IO, "cannot write %s", path));
  fprintf(csv, "sweep,at,core_seconds_a_unit\n");
  double time = b->time;
  b->time = time / 5; /* many points */
  for (size_t i = 0; i < COUNT(sweeps); i++) one_sweep(b, &sweeps[i], csv);
  threads_sweep(b, csv);
  b->time = time;
  fclose(csv);
}
