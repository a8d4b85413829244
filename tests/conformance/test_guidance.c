/* SPDX-License-Identifier: MIT
 *
 * Guidance on an exact field. Strength 0 must say that it changes nothing; every stage keeps the rows' addressing. */
#include <ebb/guidance.h>

#include "oracle.h"

enum { ROWS = 33, DIM = 2 };

static Oracle inner;
static Schedule schedule;

static EbbPrepare prepare_for(const EbbChild *child) {
  static EbbChild edm;
  if (schedule.ops == NULL) {
    double mean[DIM] = {0.5, -1}, sd[DIM] = {0.3, 1};
    edm = suite_make(EBB_SCHEDULE, "edm_vp");
    suite_schedule(&edm, &schedule);
    oracle_gaussian(&inner, DIM, mean, sd);
  }
  return (EbbPrepare){.size = sizeof(EbbPrepare), .host = plugin_host(child), .schedule = &schedule.view, .rng = {1, 1}, .dim = DIM, .items = 1};
}

static uint32_t needs_of(const EbbChild *child) {
  const EbbGuidanceOps *ops = child->ops;
  return ops->needs != NULL ? ops->needs(child->self) : 0;
}

/* What these fields and this host can give. */
static bool possible(const EbbChild *child) {
  const EbbGuidanceOps *ops = child->ops;
  return ops->eval != NULL && (needs_of(child) & ~(uint32_t)EBB_IDENTITY) == 0;
}

/* rows of made-up z at their own levels. */
static void eval(const EbbChild *child, const void *state, int64_t first, int64_t rows, double *xhat) {
  double z[ROWS * DIM];
  EbbLevel at[ROWS];
  uint64_t id[ROWS];
  uint32_t asked[ROWS];
  int32_t set[ROWS] = {0};
  for (int64_t i = 0; i < rows; i++) {
    double t = 0.2 + 0.6 * (double)(first + i) / ROWS;
    schedule.view.at(&schedule.view, 1, &t, &at[i]);
    for (int64_t j = 0; j < DIM; j++) z[i * DIM + j] = sin((double)(3 * (first + i) + j));
    id[i] = UINT64_C(1) << 32 | (uint64_t)(first + i);
    asked[i] = 4;
  }
  EbbQuery q = {.size = sizeof q, .rows = rows, .dim = DIM, .z = z, .at = at, .at_step = 1, .id = id, .asked = asked, .accepted = asked, .set = set};
  EbbWork *work = work_new();
  if (child == NULL)
    CHECK_OK(inner.field.eval(&inner.field, work, &q, xhat));
  else
    CHECK_OK(((const EbbGuidanceOps *)child->ops)->eval(child->self, state, work, &inner.field, &q, xhat));
  work_free(work);
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_GUIDANCE); }

static void flags_fit_the_slots(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_GUIDANCE, &n);
  for (size_t i = 0; i < n; i++) {
    const EbbGuidanceOps *ops = all[i]->ops;
    uint32_t stages = ops->flags & (EBB_AT_ITEM | EBB_AT_TOTAL | EBB_AT_END);
    CHECK(stages != 0 && (ops->flags & ~(uint32_t)(stages | EBB_LINEAR)) == 0, "%s: flags %u", all[i]->id, ops->flags);
    CHECK(!(stages & (EBB_AT_ITEM | EBB_AT_TOTAL)) || ops->eval != NULL, "%s acts on fields without eval", all[i]->id);
    CHECK(!(stages & EBB_AT_END) || ops->weigh != NULL, "%s acts at the end without weigh", all[i]->id);
    CHECK(strstr(all[i]->summary, "exact") || strstr(all[i]->summary, "consistent") || strstr(all[i]->summary, "heuristic"),
          "%s: the summary does not say whether it is exact, consistent or heuristic", all[i]->id);
  }
}

static void strength_zero_is_the_identity(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_GUIDANCE, &n);
  for (size_t i = 0; i < n; i++) {
    if (!suite_has(all[i], "strength")) continue;
    EbbChild off = suite_make(EBB_GUIDANCE, suite_with(all[i], "strength", 0)), on = suite_make(EBB_GUIDANCE, suite_with(all[i], "strength", 0.5));
    CHECK(needs_of(&off) & EBB_IDENTITY, "%s: strength 0 does not say that it changes nothing", all[i]->id);
    CHECK(!(needs_of(&on) & EBB_IDENTITY), "%s: strength .5 says that it changes nothing", all[i]->id);
    EbbPrepare p = prepare_for(&on);
    if (!possible(&on)) continue;
    void *state = NULL;
    double plain[ROWS * DIM], guided[ROWS * DIM];
    if (((const EbbGuidanceOps *)on.ops)->prepare != NULL) CHECK_OK(((const EbbGuidanceOps *)on.ops)->prepare(on.self, &p, &state));
    eval(NULL, NULL, 0, ROWS, plain);
    eval(&on, state, 0, ROWS, guided);
    CHECK(memcmp(plain, guided, sizeof plain) != 0, "%s: strength .5 changes nothing", all[i]->id);
  }
}

static void rows_alone_have_the_bits_they_have_in_a_tile(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_GUIDANCE, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_GUIDANCE, all[i]->id);
    EbbPrepare p = prepare_for(&child);
    if (!possible(&child)) continue;
    void *state = NULL;
    double whole[ROWS * DIM], one[DIM];
    if (((const EbbGuidanceOps *)child.ops)->prepare != NULL) CHECK_OK(((const EbbGuidanceOps *)child.ops)->prepare(child.self, &p, &state));
    eval(&child, state, 0, ROWS, whole);
    eval(&child, state, 0, 0, one);
    for (int64_t r = 0; r < ROWS; r++) {
      eval(&child, state, r, 1, one);
      CHECK(memcmp(one, whole + r * DIM, sizeof one) == 0, "%s: row %d alone has other bits", all[i]->id, (int)r);
      for (int j = 0; j < DIM; j++) CHECK(isfinite(one[j]), "%s: row %d is not finite", all[i]->id, (int)r);
    }
  }
}

/* The test-only plugin's whole effect. */
static void shift_adds_its_strength(void) {
  double plain[ROWS * DIM], guided[ROWS * DIM];
  EbbChild child = suite_make(EBB_GUIDANCE, "{use: shift, strength: 0.25}");
  prepare_for(&child);
  eval(NULL, NULL, 0, ROWS, plain);
  eval(&child, NULL, 0, ROWS, guided);
  for (int i = 0; i < ROWS * DIM; i++) CHECK_NEAR(guided[i] - plain[i], 0.25, 1e-12, "number %d", i);
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"flags fit the slots", flags_fit_the_slots},
    {"strength zero is the identity", strength_zero_is_the_identity},
    {"rows alone have the bits they have in a tile", rows_alone_have_the_bits_they_have_in_a_tile},
    {"shift adds its strength", shift_adds_its_strength},
};
TEST_MAIN("guidance", tests)
