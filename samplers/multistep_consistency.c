/* SPDX-License-Identifier: MIT
 *
 * Sampling with a consistency map f: Song, Dhariwal, Chen, Sutskever 2023 (2303.01469), algorithm 1. x = f(z) at the largest noise, then down the
 * levels
 *
 *     z = alpha (x + sqrt(u^2 - u_min^2) xi),   x = f(z),     u = sigma / alpha, u_min at the schedule's clean end, where f is the identity
 *
 * The levels are its own, over the schedule's range: n of the n + 1 points of Karras' grid, all but the last, where nothing is left to do; or those
 * of Lu & Song 2024 (2410.11081), atan u = (pi/2) exp(-rho pi k / 2n), k = 0 .. n-1. One evaluation a level; 2 to 4 do. */
#include <math.h>
#include <string.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps, grid;
  double rho, decay;
} Config;

enum { KARRAS = 0, ANGLE = 1 };

static const EbbParam params[] = {
    EBB_INT(Config, steps, 2, 1, 100000, "", "field evaluations a draw"),
    EBB_CHOICE(Config, grid, KARRAS, "karras|angle", "where: even in u^(1/rho), or atan u falling by the same factor"),
    EBB_REAL(Config, rho, 7.0, 1.0, 100.0, "", "karras: exponent"),
    EBB_REAL(Config, decay, 3.5, 0.01, 100.0, "", "angle: rho"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

static int64_t levels(const void *self, const EbbSchedule *schedule, int64_t most, double *lambda) {
  const Config *c = self;
  double t[2] = {schedule->t_max, schedule->t_min}, pi = 2 * acos(0);
  EbbLevel end[2];
  schedule->at(schedule, 2, t, end);
  double u_max = end[0].sigma / end[0].alpha, u_min = end[1].sigma / end[1].alpha;
  int64_t n = c->steps < most ? c->steps : most;
  double high = pow(u_max, 1 / c->rho), low = pow(u_min, 1 / c->rho);
  for (int64_t k = 0; k < n; k++) {
    double share = (double)k / (double)n;
    double u = c->grid == KARRAS ? pow(high + share * (low - high), c->rho) : k == 0 ? u_max : tan(0.5 * pi * exp(-0.5 * c->decay * pi * share));
    lambda[k] = -2 * log(fmin(u_max, fmax(u_min, u)));
  }
  return n;
}

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state;
  double *xi = plan->host->scratch(work, (size_t)(r->rows * r->dim) * sizeof *xi);
  plan->host->normal(plan->host, plan->rng, r->rows, r->id, r->asked, 0, r->dim, xi);
  EbbLevel clean;
  plan->schedule->at(plan->schedule, 1, &plan->schedule->t_min, &clean);
  double u_min = clean.sigma / clean.alpha;
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *s = &plan->level[r->asked[i]];
    int done = (int64_t)r->asked[i] == plan->n;
    double u = s->sigma / s->alpha, fresh = done ? 0 : s->alpha * sqrt(fmax(0, (u - u_min) * (u + u_min)));
    for (int64_t j = i * r->dim; j < (i + 1) * r->dim; j++) r->z[j] = done ? r->xhat[j] : s->alpha * r->xhat[j] + fresh * xi[j];
    ebb_ask(r, i, done ? EBB_DONE : EBB_STATE);
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MAP, .steps = steps, .levels = levels, .advance = advance};
static const EbbComponent multistep_consistency = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "multistep_consistency",
    .summary = "draws with a consistency map, noised again between levels; no order; 1 evaluation a step; stochastic",
    .version = "1.0",
    .reference = "2303.01469, algorithm 1",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&multistep_consistency)
