/* SPDX-License-Identifier: MIT
 *
 * Learning rate, AdamW's step, EMA and stratified times. Everything is computed in double and rounded once. */
#include "model/optimiser.h"

#include <math.h>
#include <stdlib.h>

/* done: the share of the run before this step. The cosine reaches 0 after the last step, so that the last step still moves. */
double learning_rate(double rate, double warmup, int64_t step, int64_t steps) {
  const double pi = 3.14159265358979323846;
  double done = steps > 0 ? (double)(step - 1) / (double)steps : 0;
  if (done < warmup) return rate * (0.1 + 0.9 * done / warmup);
  if (done >= 1) return 0;
  return rate * 0.5 * (1 + cos(pi * (done - warmup) / (1 - warmup)));
}

/* The relative width falls with gamma, from 1/sqrt(12) at 0, and is below 1/gamma. */
double ema_gamma(double relative_width) {
  double low = 0, high = 1 / relative_width;
  for (int i = 0; i < 200; i++) {
    double g = 0.5 * (low + high), width = sqrt((g + 1) / ((g + 2) * (g + 2) * (g + 3)));
    if (width > relative_width)
      low = g;
    else
      high = g;
  }
  return 0.5 * (low + high);
}

double ema_power_keep(double gamma, int64_t step) { return pow(1 - 1 / (double)step, gamma + 1); }

double ema_constant_keep(double mu, int64_t step) { return fmin(mu, (1 + (double)step) / (10 + (double)step)); }

/* The corrections are those of the rounded betas: 1 - .999 differs from its float32 value in the fifth digit. */
AdamStep adam_step(double rate, double scale, double ema_keep, int64_t step) {
  const float beta1 = 0.9f, beta2 = 0.999f;
  double t = (double)step;
  return (AdamStep){.rate = (float)rate,
                    .beta1 = beta1,
                    .beta2 = beta2,
                    .epsilon = 1e-8f,
                    .correct1 = (float)(-1 / expm1(t * log((double)beta1))),
                    .correct2 = (float)(-1 / expm1(t * log((double)beta2))),
                    .scale = (float)scale,
                    .ema = (float)ema_keep};
}

double clip_scale(double norm, double clip) { return clip > 0 && norm > clip ? clip / norm : 1; }

/* u0 = (first + within)/n: adding u0 moves every stratum by `first` places and puts each time at `within` of its stratum. */
void stratified_times(EbbRng rng, uint64_t step, int64_t n, double *u) {
  if (n <= 0) return;
  int64_t *place = malloc((size_t)n * sizeof *place);
  if (!place) memory_out((size_t)n * sizeof *place);
  random_permutation(rng, step, n, place);
  double u0;
  random_uniform(rng, 1, &step, NULL, 1, 1, &u0); /* block 1: the permutation has 0 */
  double first = floor(u0 * (double)n), within = u0 * (double)n - first;
  const double edge = 0x1p-30; /* never on an edge, whatever the rounding */
  within = fmin(fmax(within, edge), 1 - edge);
  for (int64_t i = 0; i < n; i++) u[i] = ((double)((place[i] + (int64_t)first) % n) + within) / (double)n;
  free(place);
}
