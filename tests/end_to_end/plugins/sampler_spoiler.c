/* SPDX-License-Identifier: MIT
 *
 * The tests' sampler: DDIM without noise that spoils some rows on purpose. Of every observation, draw nan_draw (counted from 0) asks its question
 * `at` with NaN, draw far_draw with 1e300, and draw give_up says that it has no result. -1: none. */
#include <math.h>

#include <ebb/sampler.h>

typedef struct Config {
  int64_t steps, at, nan_draw, far_draw, give_up;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, steps, 8, 1, 1000, "", "questions a draw"),
    EBB_INT(Config, at, 3, 1, 1000, "", "the question that is spoiled"),
    EBB_INT(Config, nan_draw, -1, -1, 1e9, "", "the draw that becomes NaN"),
    EBB_INT(Config, far_draw, -1, -1, 1e9, "", "the draw that becomes 1e300"),
    EBB_INT(Config, give_up, -1, -1, 1e9, "", "the draw that is given up"),
    EBB_END,
};

static int64_t steps(const void *self) { return ((const Config *)self)->steps; }

static EbbStatus advance(const void *self, const void *state, const EbbPlan *plan, EbbWork *work, EbbRows *r) {
  (void)state, (void)work;
  const Config *c = self;
  for (int64_t i = 0; i < r->rows; i++) {
    const EbbLevel *t = &r->at[i * r->at_step], *s = &plan->level[r->asked[i]];
    int64_t draw = (int64_t)(r->id[i] & 0xffffffff);
    for (int64_t j = i * r->dim; j < (i + 1) * r->dim; j++) {
      r->z[j] = s->alpha * r->xhat[j] + s->sigma * (r->z[j] - t->alpha * r->xhat[j]) / t->sigma;
      if (r->asked[i] == c->at && draw == c->nan_draw) r->z[j] = NAN;
      if (r->asked[i] == c->at && draw == c->far_draw) r->z[j] = 1e300;
    }
    ebb_ask(r, i, r->asked[i] < plan->n ? EBB_STATE : EBB_DONE);
    if (r->asked[i] == c->at && draw == c->give_up) r->ask[i] = EBB_FAIL;
  }
  return EBB_OK;
}

static const EbbSamplerOps ops = {.size = sizeof ops, .accepts = EBB_MEAN, .steps = steps, .advance = advance};
static const EbbComponent spoiler = {
    .size = sizeof spoiler,
    .kind = EBB_SAMPLER,
    .id = "spoiler",
    .summary = "DDIM that spoils rows on purpose",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&spoiler)
