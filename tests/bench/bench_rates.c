/* SPDX-License-Identifier: MIT
 *
 * The peak; sampling and training end to end as shares of the peak, two threads over one, instruction sets over the portable path. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "num/isa.h"

void bench_peak(Bench *b) {
  double one = peak(1) * 1e-9;
  line(b, "peak of one core", one, "GFLOP/s", AT_LEAST, NAN);
  if (b->threads > 1) {
    double all = peak(b->threads) * 1e-9;
    char what[64];
    snprintf(what, sizeof what, "peak of %d cores", b->threads);
    line(b, what, all, "GFLOP/s", AT_LEAST, NAN);
    line(b, "peak, all cores over one", all / one, "x", AT_LEAST, NAN);
  }
}

static double sampling_rate(Bench *b, const Shape *s) { return sampling_flop(s) * (double)(s->draws * s->evaluations) / sampling_seconds(b, s); }
static double training_rate(Bench *b, const Shape *s) { return training_flop(s) * (double)s->batch / training_seconds(b, s); }

/* The rate as a share of a peak that was measured before and after. */
static double share(Bench *b, double (*rate)(Bench *, const Shape *), const Shape *s, double *absolute) {
  double before = peak(s->threads);
  *absolute = rate(b, s);
  return 100 * *absolute / fmax(before, peak(s->threads));
}

void bench_sampling(Bench *b) {
  Shape s = usual_shape(b);
  double all, one, of = share(b, sampling_rate, &s, &all);
  line(b, "sampling, 10,000 draws, 12 evaluations, all cores", of, "% of peak", AT_LEAST, 70);
  line(b, "sampling, seconds", sampling_flop(&s) * (double)(s.draws * s.evaluations) / all, "s", AT_MOST, NAN);
  if (b->threads < 2) return;
  s.threads = 1;
  line(b, "sampling, one core", share(b, sampling_rate, &s, &one), "% of peak", AT_LEAST, NAN);
  line(b, "sampling, all cores over one", all / one, "x", AT_LEAST, b->threads == 2 ? 1.85 : NAN);
}

void bench_training(Bench *b) {
  bool wide = strcmp(isa_name(), "avx512") == 0;
  const struct {
    const char *name;
    int64_t width, batch;
    double dropout, bound;
  } cases[] = {{"batch 256", 256, 256, 0, wide ? 50 : 60},
               {"batch 128", 256, 128, 0, 50},
               {"width 64, batch 64", 64, 64, 0, NAN},
               {"batch 128, dropout .05", 256, 128, 0.05, NAN}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    Shape s = usual_shape(b);
    s.width = cases[i].width, s.batch = cases[i].batch, s.dropout = cases[i].dropout;
    double all, one, of = share(b, training_rate, &s, &all);
    line(b, arena_print(b->arena, "training, %s, all cores", cases[i].name), of, "% of peak", AT_LEAST, cases[i].bound);
    line(b, arena_print(b->arena, "training, %s, all cores", cases[i].name), all / training_flop(&s), "rows/s", AT_LEAST, NAN);
    if (i > 1 || b->threads < 2) continue;
    s.threads = 1;
    line(b, arena_print(b->arena, "training, %s, one core", cases[i].name), share(b, training_rate, &s, &one), "% of peak", AT_LEAST, NAN);
    line(b, arena_print(b->arena, "training, %s, all cores over one", cases[i].name), all / one, "x", AT_LEAST,
         b->threads == 2 && i == 0 ? 1.75 : NAN);
  }
}

void bench_isa(Bench *b) {
  static const char *const sets[] = {"portable", "avx2", "avx512"};
  double first[2] = {0};
  for (size_t k = 0; k < COUNT(sets); k++) {
    if (!isa_has(sets[k])) {
      line(b, arena_print(b->arena, "%s: not on this machine", sets[k]), NAN, "", AT_LEAST, NAN);
      continue;
    }
    must(isa_setup(sets[k]));
    Shape s = usual_shape(b);
    s.draws = 2000;
    double now[2] = {sampling_rate(b, &s), training_rate(b, &s)};
    if (k == 0) {
      memcpy(first, now, sizeof first);
      line(b, "portable, sampling", now[0] * 1e-9, "GFLOP/s", AT_LEAST, NAN);
      line(b, "portable, training", now[1] * 1e-9, "GFLOP/s", AT_LEAST, NAN);
      continue;
    }
    line(b, arena_print(b->arena, "%s over portable, sampling", sets[k]), now[0] / first[0], "x", AT_LEAST, NAN);
    line(b, arena_print(b->arena, "%s over portable, training", sets[k]), now[1] / first[1], "x", AT_LEAST, NAN);
  }
  must(isa_setup(b->isa));
}

/* Two parameters, two data, as two_moons; the peers' activations, dropouts and batches. */
void bench_peers(Bench *b) {
  static const struct {
    const char *activation;
    double dropout;
    int64_t batch;
  } cases[] = {{"mish", 0.05, 128}, {"silu", 0, 128}, {"silu", 0, 256}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    Shape s = usual_shape(b);
    s.d = s.q = 2, s.activation = cases[i].activation, s.dropout = cases[i].dropout, s.batch = cases[i].batch;
    line(b, arena_print(b->arena, "training %s %g %lld", s.activation, s.dropout, (long long)s.batch), (double)s.batch / training_seconds(b, &s),
         "rows/s", AT_LEAST, NAN);
  }
}
