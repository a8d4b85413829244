/* SPDX-License-Identifier: MIT
 *
 * For tests: guidance whose effect is known. xhat + strength on every number; exact for nothing. A shift of xhat at all noise levels is what the
 * field of x + strength says only as alpha goes to 0, hence heuristic. */
#include <ebb/guidance.h>

typedef struct Config {
  double strength;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, strength, 1.0, -1e6, 1e6, "", "added to xhat; 0 changes nothing"),
    EBB_END,
};

static uint32_t needs(const void *self) { return ((const Config *)self)->strength == 0 ? EBB_IDENTITY : 0; }

static EbbStatus eval(const void *self, const void *state, EbbWork *work, const EbbField *inner, const EbbQuery *q, double *xhat) {
  (void)state;
  EbbStatus status = inner->eval(inner, work, q, xhat);
  for (int64_t i = 0; i < q->rows * q->dim; i++) xhat[i] += ((const Config *)self)->strength;
  return status;
}

static const EbbGuidanceOps ops = {.size = sizeof ops, .flags = EBB_AT_ITEM | EBB_AT_TOTAL | EBB_LINEAR, .needs = needs, .eval = eval};
static const EbbComponent shift = {
    .size = sizeof(EbbComponent),
    .kind = EBB_GUIDANCE,
    .id = "shift",
    .summary = "adds a constant to xhat; heuristic, for tests",
    .version = "1.0",
    .reference = "none: xhat + strength",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&shift)
