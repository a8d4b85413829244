/* SPDX-License-Identifier: MIT
 *
 * Euler's rule on the probability-flow ODE in the schedule's time: Song et al. 2021 (2011.13456), eq. 13, written without dividing by alpha,
 *
 *     eps = (z - alpha xhat) / sigma,     z_s = z + (s - t) (alpha' xhat + sigma' eps)
 *
 * Order 1, one evaluation a step. The step into noise 0 returns xhat.
 *
 * This is the sampler to copy: put a copy into samplers/, give it another id below and in its name, and add the name to the list `samplers` in
 * meson.build. The conformance suites then run over it. <ebb/sampler.h> tells the whole contract. */
#include <ebb/sampler.h>

/* What the user may set, as a plain struct, and a row for each member: type, default, range, unit, meaning. Nothing is parsed here. */
typedef struct Config {
  int64_t steps;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 100, 1, 100000, "", "field evaluations a draw"),
    EBB_END,
};

/* How many noise levels; above 0: all rows ask at the same ones, which the host lays out. 0 would mean that every row finds its own way. */
static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

/* Row i asked at level `at` and point z, and the field answered xhat. Write the next question over z, or the result, and say which it is. The host
 * calls this from many threads with any number of rows: what is written for a row may depend on that row alone. */
static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)self, (void)state, (void)work;
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    for (int64_t j = i * r->dim; j < (i + 1) * r->dim; j++) {
      double xhat = r->xhat[j], eps = (r->z[j] - t->alpha * xhat) / t->sigma;
      r->z[j] = s->sigma > 0 ? r->z[j] + (s->t - t->t) * (t->dalpha * xhat + t->dsigma * eps) : s->alpha * xhat;
    }
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
  }
  return EBB_OK;
}

/* Which fields it is right for: this one follows the ODE, so a field without a score will do. */
static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN | EBB_MEAN_ODE, .steps = steps, .advance = advance};
static const EbbComponent euler = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SAMPLER,
    .id = "euler",
    .summary = "Euler's rule in the schedule's time; order 1; 1 evaluation a step; deterministic",
    .version = "1.0",
    .reference = "2011.13456, eq. 13",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&euler)
