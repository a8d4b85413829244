/* SPDX-License-Identifier: MIT */
#include "run/smc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/importance.h"

enum { MOST_TEMPERATURES = 1000, SETTLE = 10 /* sweeps between two looks */, MOST_SETTLE = 600 };
static const double KEPT = 0.5;       /* share of effective points that a step in temperature keeps */
static const double WORTH = 0.5;      /* independent draws a member */
static const double TEMPERING = 0.75; /* share of the work, as told */

/* Moves at a temperature on the way, where it is enough that copies part, and at 1. */
static EbbStatus move_on_the_way(Population *p, double t) { return population_move(p, t, 5, 25, 0.3); }
static EbbStatus move_at_the_end(Population *p) { return population_move(p, 1, 5, 60, 0.1); }

/* The smallest share of effective points of a group, relative to those with a weight, for a step in temperature. */
static double kept(const Population *p, double step) {
  double least = 1;
  for (int64_t g = 0; g < p->groups; g++) {
    const double *l = p->log_likelihood + g * p->members;
    double most = -INFINITY, sum = 0, square = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < p->members; i++) most = fmax(most, l[i]);
    for (int64_t i = 0; i < p->members; i++) {
      if (l[i] == -INFINITY) continue;
      double w = exp(step * (l[i] - most));
      sum += w, square += w * w, n++;
    }
    if (n > 0) least = fmin(least, sum * sum / square / (double)n);
  }
  return least;
}

/* The largest step up to `left` that keeps enough, to a thousandth of itself. */
static double step_of(const Population *p, double left) {
  if (kept(p, left) >= KEPT) return left;
  double low = left, high = left;
  while (low > 1e-300 && kept(p, low) < KEPT) {
    high = low;
    low *= 0.5;
  }
  while (high - low > 1e-3 * low) {
    double middle = 0.5 * (low + high);
    if (kept(p, middle) >= KEPT)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* From the groups' own logarithms: ln of their mean evidence and its error. */
static void pool_evidence(int64_t groups, const double *log_z, SmcFacts *facts) {
  double most = -INFINITY, sum = 0, square = 0, n = (double)groups;
  for (int64_t g = 0; g < groups; g++) most = fmax(most, log_z[g]);
  for (int64_t g = 0; g < groups; g++) sum += exp(log_z[g] - most);
  for (int64_t g = 0; g < groups; g++) square += pow(exp(log_z[g] - most) - sum / n, 2);
  facts->log_evidence = most + log(sum / n);
  facts->error = groups > 1 ? sqrt(square / (n - 1) / n) / (sum / n) : NAN;
}

static EbbStatus temper(Population *p, double *log_weight, double *log_z, SmcTell tell, void *ctx, SmcFacts *facts) {
  double t = 0, first = 0;
  EbbStatus status = EBB_OK;
  for (facts->temperatures = 0; t < 1 && status == EBB_OK; facts->temperatures++) {
    if (facts->temperatures == MOST_TEMPERATURES)
      return fail(EBB_E_NUMERIC, "after %d steps from the prior towards the posterior the likelihood counts by the power %g only", MOST_TEMPERATURES,
                  t);
    double step = step_of(p, 1 - t);
    for (int64_t i = 0; i < population_size(p); i++) log_weight[i] = step * p->log_likelihood[i];
    for (int64_t g = 0; g < p->groups && status == EBB_OK; g++) {
      Importance judged;
      status = importance_judge(p->members, log_weight + g * p->members, &judged);
      log_z[g] += judged.log_mean;
      if (status == EBB_OK && judged.log_mean == -INFINITY)
        status = fail(EBB_E_NUMERIC,
                      "none of %lld draws of the prior has a likelihood above 0; the prior does not reach this observation, or the likelihood is "
                      "that of noise-free data",
                      (long long)p->members);
    }
    if (status == EBB_OK) status = population_resample(p, log_weight);
    t = step >= 1 - t ? 1 : t + step;
    if (first <= 0) first = t;
    if (status == EBB_OK) status = move_on_the_way(p, t);
    tell(ctx, TEMPERING * log1p(t / first) / log1p(1 / first), t, p->acceptance); /* temperatures grow about geometrically */
  }
  return status;
}

EbbStatus smc_temper(Population *p, SmcTell tell, void *ctx, SmcFacts *facts) {
  double *room = calloc((size_t)(population_size(p) + p->groups), sizeof *room), *log_z = room;
  if (room == NULL) return fail(EBB_E_MEMORY, "no memory for %lld weights", (long long)population_size(p));
  EbbStatus status = temper(p, room + p->groups, log_z, tell, ctx, facts);
  if (status == EBB_OK) pool_evidence(p->groups, log_z, facts);
  free(room);
  return status;
}

static void record(const Population *p, int64_t round, int64_t rounds, double *draws) {
  for (int64_t i = 0; i < population_size(p); i++) memcpy(draws + (i * rounds + round) * p->d, p->x + i * p->d, (size_t)p->d * sizeof *draws);
}

EbbStatus smc_draw(Population *p, int64_t rounds, double *draws, SmcTell tell, void *ctx, SmcFacts *facts) {
  double goal = WORTH * (double)population_size(p), best = 0, accepted = 0;
  int64_t since = 0, looks = 0;
  uint32_t begun = p->sweeps;
  EbbStatus status = move_at_the_end(p);
  while (status == EBB_OK && p->sweeps - begun < MOST_SETTLE) {
    for (int64_t i = 0; i < SETTLE && status == EBB_OK; i++) {
      status = population_sweep(p, 1);
      accepted += p->acceptance / SETTLE;
    }
    looks++;
    if (status == EBB_OK) status = convergence_worst(p->groups, p->members, p->d, p->x, &facts->convergence);
    double worth = facts->convergence.ess;
    since = worth > 1.02 * best ? 0 : since + SETTLE;
    best = fmax(best, worth);
    tell(ctx, TEMPERING + (1 - TEMPERING) * fmin(best / goal, 0.99) / (double)rounds, 1, p->acceptance);
    if (worth >= goal || since >= MOST_SETTLE / 4) break;
  }
  facts->acceptance = accepted / (double)looks;
  for (int64_t r = 0; r < rounds && status == EBB_OK; r++) {
    if (r > 0) status = move_at_the_end(p);
    record(p, r, rounds, draws);
    tell(ctx, TEMPERING + (1 - TEMPERING) * (double)(r + 1) / (double)rounds, 1, p->acceptance);
  }
  facts->sweeps = p->sweeps - begun;
  if (status == EBB_OK && rounds > 1) status = convergence_worst(p->groups, p->members * rounds, p->d, draws, &facts->convergence);
  return status;
}
