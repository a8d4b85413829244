/* SPDX-License-Identifier: MIT
 *
 * Composition on Gaussians, where everything is known: prior N(0, 1), noise variance r, so that one observation y leaves N(y / (1+r), r / (1+r)) and
 * n of them precision 1 + n/r and mean (sum y / r) / (1 + n/r). methods.md 6. */
#include <ebb/composition.h>

#include "oracle.h"

enum { MOST = 100, ROWS = 5 };
static const double R = 0.5;

/* Items and their pull: item i is the field given y[i]. */
typedef struct Set {
  EbbItems items; /* first: passed as the items */
  Oracle prior, item[MOST];
  int64_t pulls;
} Set;

static EbbStatus pull(const EbbItems *items, EbbWork *work, const EbbQuery *q, int64_t first, int64_t count, const int32_t *index, double *xhat,
                      double *jac) {
  Set *s = (Set *)(uintptr_t)items->ctx;
  s->pulls++;
  for (int64_t k = 0; k < count; k++)
    for (int64_t r = 0; r < q->rows; r++) {
      const EbbLevel *l = &q->at[r * q->at_step];
      const Oracle *o = &s->item[index != NULL ? index[k * q->rows + r] : first + k];
      EbbQuery one = *q;
      one.rows = 1;
      one.z = q->z + r;
      one.at = l;
      EbbStatus status = o->field.eval(&o->field, work, &one, &xhat[k * q->rows + r]);
      if (status != EBB_OK) return status;
      if (jac != NULL) jac[k * q->rows + r] = l->alpha * pow(o->sd[0][0], 2) / (pow(l->alpha * o->sd[0][0], 2) + l->sigma * l->sigma);
    }
  return EBB_OK;
}

static void set_new(Set *s, int64_t n, int64_t chunk, const double *y) {
  double zero = 0, one = 1, sd = sqrt(R / (1 + R));
  *s = (Set){.items = {.size = sizeof s->items, .n = n, .chunk = chunk, .ctx = s, .pull = pull}};
  oracle_gaussian(&s->prior, 1, &zero, &one);
  for (int64_t i = 0; i < n; i++) {
    double mean = y[i] / (1 + R);
    oracle_gaussian(&s->item[i], 1, &mean, &sd);
  }
}

static EbbLevel level_of(double lambda) {
  return (EbbLevel){.alpha = 1 / sqrt(1 + exp(-lambda)), .sigma = 1 / sqrt(1 + exp(lambda)), .lambda = lambda, .index = -1};
}

/* xhat (rows) of z at one level. */
static void combine(const EbbChild *child, Set *s, double lambda, int64_t rows, const double *z, double *xhat) {
  static const uint64_t id[ROWS] = {1, 2, 3, 4, 5};
  static const uint32_t counts[ROWS];
  static const int32_t sets[ROWS];
  EbbLevel at = level_of(lambda);
  EbbQuery q = {.size = sizeof q, .rows = rows, .dim = 1, .z = z, .at = &at, .id = id, .asked = counts, .accepted = counts, .set = sets};
  const EbbCompositionOps *ops = child->ops;
  void *state = NULL;
  static const double moment[2] = {0, 1};
  EbbPrepare p = {.size = sizeof p, .host = plugin_host(child), .dim = 1, .items = s->items.n, .prior_mean = &moment[0], .prior_cov = &moment[1]};
  EbbWork *work = work_new();
  if (ops->prepare != NULL) CHECK_OK(ops->prepare(child->self, &p, &state));
  CHECK_OK(ops->combine(child->self, state, work, &s->items, &s->prior.field, &q, xhat));
  work_free(work);
}

static bool possible(const EbbComponent *c) {
  EbbChild child = suite_make(EBB_COMPOSITION, c->id);
  const EbbCompositionOps *ops = child.ops;
  uint32_t needs = ops->needs != NULL ? ops->needs(child.self) : 0;
  return (needs & ~(uint32_t)EBB_NEED_MOMENTS) == 0;
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_COMPOSITION); }

static void results_are_field_kinds(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_COMPOSITION, &n);
  for (size_t i = 0; i < n; i++) {
    const EbbCompositionOps *ops = all[i]->ops;
    CHECK(ops->result == EBB_MEAN || ops->result == EBB_MEAN_ODE || ops->result == EBB_BRIDGE, "%s: result %u", all[i]->id, ops->result);
    CHECK((ops->flags & ~(uint32_t)EBB_LINEAR) == 0, "%s: flags %u", all[i]->id, ops->flags);
  }
}

/* One item is the item; at the end of a run every composition is the product: xhat there is z, moved by sigma^2 times the product's score. */
static void one_item_is_itself_and_the_end_is_the_product(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_COMPOSITION, &n);
  for (size_t i = 0; i < n; i++) {
    if (!possible(all[i])) continue;
    EbbChild child = suite_make(EBB_COMPOSITION, all[i]->id);
    double y[3] = {0.8, -0.3, 1.7}, z[ROWS] = {-1, -0.2, 0.1, 0.6, 2}, xhat[ROWS], sum = 0;
    Set *s = ARENA_NEW(suite_arena(), Set);
    for (int items = 1; items <= 3; items++) {
      sum += y[items - 1];
      set_new(s, items, 2, y);
      combine(&child, s, 14, ROWS, z, xhat);
      EbbLevel l = level_of(14);
      for (int r = 0; r < ROWS; r++) {
        double score = (l.alpha * xhat[r] - z[r]) / (l.sigma * l.sigma), wanted = sum / R - (1 + items / R) * z[r];
        CHECK_NEAR(score, wanted, 1e-4 * (1 + items) * (1 + fabs(wanted)), "%s: score of %d items at z = %g", all[i]->id, items, z[r]);
      }
    }
    set_new(s, 1, 2, y);
    for (double lambda = -6; lambda <= 6; lambda += 3) {
      combine(&child, s, lambda, ROWS, z, xhat);
      EbbLevel l = level_of(lambda);
      for (int r = 0; r < ROWS; r++) {
        double v = l.alpha * l.alpha * R / (1 + R) + l.sigma * l.sigma, mean = y[0] / (1 + R);
        CHECK_NEAR(xhat[r], mean + l.alpha * R / (1 + R) * (z[r] - l.alpha * mean) / v, 1e-12, "%s: one item at lambda %g", all[i]->id, lambda);
      }
    }
  }
}

static void chunks_and_blocks_change_no_bit(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_COMPOSITION, &n);
  for (size_t i = 0; i < n; i++) {
    if (!possible(all[i])) continue;
    EbbChild child = suite_make(EBB_COMPOSITION, all[i]->id);
    double y[7] = {0.8, -0.3, 1.7, 0.2, 0.9, -1.4, 0.05}, z[ROWS] = {-1, -0.2, 0.1, 0.6, 2}, whole[ROWS], part[ROWS];
    Set *s = ARENA_NEW(suite_arena(), Set);
    set_new(s, 7, 7, y);
    combine(&child, s, 1, ROWS, z, whole);
    for (int64_t chunk = 1; chunk < 7; chunk++) {
      set_new(s, 7, chunk, y);
      combine(&child, s, 1, ROWS, z, part);
      CHECK(memcmp(whole, part, sizeof part) == 0, "%s: chunks of %d change the bits", all[i]->id, (int)chunk);
    }
    combine(&child, s, 1, 1, z + 2, part);
    CHECK(part[0] == whole[2], "%s: a row alone has other bits", all[i]->id);
  }
}

/* T6.1, the column of sums: prior N(0, 1), noise variance .5, all items .8, z = .3. */
static void sum_has_the_values_of_the_table(void) {
  static const struct {
    int64_t n;
    double lambda, score;
  } known[] = {{1, -6, -0.273931}, {1, -1, -0.028531}, {1, 0, 0.115685},    {1, 4, 0.661741},     {5, -6, -0.169656},  {5, -1, 1.057344},
               {5, 0, 1.778427},   {5, 4, 4.508707},   {100, -6, 2.306870}, {100, -1, 26.846886}, {100, 0, 41.268542}, {100, 4, 95.874131}};
  EbbChild child = suite_make(EBB_COMPOSITION, "sum");
  double y[MOST], z = 0.3, xhat;
  for (int i = 0; i < MOST; i++) y[i] = 0.8;
  Set *s = ARENA_NEW(suite_arena(), Set);
  for (size_t i = 0; i < COUNT(known); i++) {
    set_new(s, known[i].n, 16, y);
    combine(&child, s, known[i].lambda, 1, &z, &xhat);
    EbbLevel l = level_of(known[i].lambda);
    CHECK_NEAR((l.alpha * xhat - z) / (l.sigma * l.sigma), known[i].score, 1e-6, "%d items at lambda %g", (int)known[i].n, known[i].lambda);
  }
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"results are field kinds", results_are_field_kinds},
    {"one item is itself and the end is the product", one_item_is_itself_and_the_end_is_the_product},
    {"chunks and blocks change no bit", chunks_and_blocks_change_no_bit},
    {"sum has the values of the table", sum_has_the_values_of_the_table},
};
TEST_MAIN("compositions", tests)
