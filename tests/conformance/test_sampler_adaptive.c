/* SPDX-License-Identifier: MIT
 *
 * Adaptive samplers: the coefficients of the embedded pairs, errors that follow the tolerance, rows that do not see each other, Brownian paths that a
 * rejection keeps (methods.md 4.2 to 4.4). */
#include "oracle.h"

/* The pairs' coefficients stand in the plugins' sources. */
#undef EBB_MODULE
#define EBB_MODULE(...) _Static_assert(1, "no module here");
#include "../../samplers/dopri5.c"
#include "../../samplers/tsit5.c"

static EbbChild schedule_child;
static Schedule schedule; /* edm_vp with its defaults */

static const EbbSchedule *edm(void) {
  if (schedule.ops == NULL) {
    schedule_child = suite_make(EBB_SCHEDULE, "edm_vp");
    suite_schedule(&schedule_child, &schedule);
  }
  return &schedule.view;
}

/* ---- coefficients ---- */

static const struct {
  const EbbComponent *component;
  const Pair *pair;
  double residual; /* of the embedded weights in order 5 (methods.md 4.2) */
} pairs[] = {{&dopri5, &dopri5_pair, 8e-4}, {&tsit5, &tsit5_pair, 9e-4}};

/* sum_j a_ij v_j */
static void times_a(const Pair *p, const double *v, double *out) {
  for (int i = 0; i < 7; i++) {
    out[i] = 0;
    for (int j = 0; j < i; j++) out[i] += p->a[i][j] * v[j];
  }
}

static double sum(const double *b, const double *x, const double *y) {
  double total = 0;
  for (int i = 0; i < 7; i++) total += b[i] * x[i] * y[i];
  return total;
}

/* Residuals of the 17 conditions of order 5 for weights b: 8 up to order 4, then 9. */
static void residuals(const Pair *p, const double *b, double out[17]) {
  double one[7], c[7], c2[7], c3[7], c4[7], ac[7], ac2[7], ac3[7], aac[7], aac2[7], aaac[7], cac[7], acac[7];
  for (int i = 0; i < 7; i++) {
    one[i] = 1;
    c[i] = p->c[i];
    c2[i] = c[i] * c[i];
    c3[i] = c2[i] * c[i];
    c4[i] = c2[i] * c2[i];
  }
  times_a(p, c, ac);
  times_a(p, c2, ac2);
  times_a(p, c3, ac3);
  times_a(p, ac, aac);
  times_a(p, ac2, aac2);
  times_a(p, aac, aaac);
  for (int i = 0; i < 7; i++) cac[i] = c[i] * ac[i];
  times_a(p, cac, acac);
  const double got[17] = {sum(b, one, one), sum(b, c, one),   sum(b, c2, one),   sum(b, ac, one),   sum(b, c3, one),  sum(b, c, ac),
                          sum(b, ac2, one), sum(b, aac, one), sum(b, c4, one),   sum(b, c2, ac),    sum(b, ac, ac),   sum(b, c, ac2),
                          sum(b, ac3, one), sum(b, c, aac),   sum(b, acac, one), sum(b, aac2, one), sum(b, aaac, one)};
  const double wanted[17] = {1,        1.0 / 2,  1.0 / 3,  1.0 / 6,  1.0 / 4,  1.0 / 8,  1.0 / 12, 1.0 / 24, 1.0 / 5,
                             1.0 / 10, 1.0 / 20, 1.0 / 15, 1.0 / 20, 1.0 / 30, 1.0 / 40, 1.0 / 60, 1.0 / 120};
  for (int k = 0; k < 17; k++) out[k] = got[k] - wanted[k];
}

/* T4.4 */
static void the_pairs_fulfil_all_conditions_of_their_orders(void) {
  for (size_t i = 0; i < COUNT(pairs); i++) {
    const Pair *p = pairs[i].pair;
    double embedded[7], r[17], most = 0;
    for (int s = 0; s < 7; s++) {
      double row = 0;
      for (int j = 0; j < 7; j++) row += p->a[s][j];
      CHECK_NEAR(row, p->c[s], 4e-15, "%s: sum of row %d", pairs[i].component->id, s + 1);
      embedded[s] = p->a[6][s] - p->e[s];
    }
    residuals(p, p->a[6], r);
    for (int k = 0; k < 17; k++) CHECK_NEAR(r[k], 0, 2e-15, "%s: condition %d", pairs[i].component->id, k + 1);
    residuals(p, embedded, r);
    for (int k = 0; k < 8; k++) CHECK_NEAR(r[k], 0, 1e-15, "%s: condition %d of the embedded weights", pairs[i].component->id, k + 1);
    for (int k = 8; k < 17; k++) most = fmax(most, fabs(r[k]));
    CHECK_NEAR(most / pairs[i].residual, 1, 0.1, "%s: the embedded weights are not of order 5", pairs[i].component->id);
  }
}

/* ---- errors ---- */

/* Largest distance from where the CDF of M1 is conserved, at seven quantiles; the state at the end is wanted. */
static double transport_error(const char *yaml, Drive *d) {
  static const double p[7] = {0.01, 0.1, 0.25, 0.31, 0.5, 0.8, 0.99};
  static double z[7];
  EbbChild child = suite_make(EBB_SAMPLER, yaml);
  double error = 0;
  Oracle o;
  oracle_m1(&o);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 1, .u_min = 0.005, .u_max = 8, .state = true});
  for (int i = 0; i < 7; i++) z[i] = oracle_quantile(&o, &level[0], p[i]);
  *d = (Drive){.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = 1, .rows = 7, .z = z};
  CHECK_OK(oracle_drive(d));
  CHECK(d->failed == 0, "%s: %d rows failed", yaml, (int)d->failed);
  for (int i = 0; i < 7; i++) error = fmax(error, fabs(z[i] - oracle_quantile(&o, &level[1], p[i])));
  return error;
}

static void errors_follow_the_tolerance_down_to_1e_10(void) {
  static const double tolerance[] = {1e-5, 1e-7, 1e-9, 1e-11};
  for (size_t i = 0; i < COUNT(pairs); i++) {
    int64_t asked = 0;
    printf("\n    %s:", pairs[i].component->id);
    for (size_t k = 0; k < COUNT(tolerance); k++) {
      Drive d;
      const char *id = pairs[i].component->id;
      double error = transport_error(arena_print(suite_arena(), "{use: %s, absolute: %g, relative: %g}", id, tolerance[k], tolerance[k]), &d);
      printf(" tolerance %g error %.1e, %.0f evaluations a row;", tolerance[k], error, (double)d.asked / 7);
      CHECK(error <= fmax(15 * tolerance[k], 1e-10), "%s: error %g at tolerance %g", id, error, tolerance[k]);
      CHECK(d.asked > asked, "%s: tolerance %g costs no more than a looser one", id, tolerance[k]);
      asked = d.asked;
    }
  }
}

/* Local extrapolation of order 5: the error falls with the fifth power of evaluations, as h is scaled by the tolerance. */
static void the_pairs_are_of_order_five(void) {
  for (size_t i = 0; i < COUNT(pairs); i++) {
    Drive loose, tight;
    const char *id = pairs[i].component->id;
    double a = transport_error(arena_print(suite_arena(), "{use: %s, absolute: 1e-7, relative: 1e-7}", id), &loose);
    double b = transport_error(arena_print(suite_arena(), "{use: %s, absolute: 1e-9, relative: 1e-9}", id), &tight);
    double order = log(a / b) / log((double)tight.asked / (double)loose.asked);
    CHECK(order > 4.5, "%s: order %g in evaluations", id, order);
  }
}

static void a_gaussian_of_unit_variance_costs_few_evaluations(void) {
  double zero[3] = {0}, one[3] = {1, 1, 1}, z[3 * 10];
  Oracle o;
  oracle_gaussian(&o, 3, zero, one);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 2, .u_min = 0.005, .u_max = 8});
  for (size_t i = 0; i < COUNT(pairs); i++) {
    EbbChild child = suite_make(EBB_SAMPLER, pairs[i].component->id);
    oracle_start(&o, plugin_host(&child), level, 0, 10, z);
    Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = 2, .rows = 10, .z = z};
    CHECK_OK(oracle_drive(&d));
    CHECK(d.asked <= 10 * 25, "%s: %g evaluations a row on N(0, 1), whose path is straight", child.component->id, (double)d.asked / 10);
  }
}

static void too_few_steps_fail_the_row(void) {
  static const char *const yaml[] = {"{use: tsit5, max_steps: 3, absolute: 1e-9, relative: 1e-9}", "{use: two_step_adaptive, max_steps: 3}"};
  for (size_t i = 0; i < COUNT(yaml); i++) {
    EbbChild child = suite_make(EBB_SAMPLER, yaml[i]);
    Oracle o;
    oracle_m1(&o);
    double z[3];
    EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 2, .u_min = 0.005, .u_max = 8});
    oracle_start(&o, plugin_host(&child), level, 0, 3, z);
    Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = 2, .rows = 3, .z = z};
    CHECK_OK(oracle_drive(&d));
    CHECK(d.failed == 3, "%s: %d of 3 rows failed", yaml[i], (int)d.failed);
  }
}

/* T4.5: a row has the same bits alone, among 257, and beside one that needs far smaller steps. */
static void a_stiff_neighbour_changes_no_bit(void) {
  static const char *const ids[] = {"dopri5", "tsit5", "two_step_adaptive", "{use: predictor_corrector, predictor: {use: tsit5}}"};
  enum { ROWS = 257 };
  for (size_t i = 0; i < COUNT(ids); i++) {
    EbbChild child = suite_make(EBB_SAMPLER, ids[i]);
    Oracle o;
    oracle_m1(&o);
    double many[ROWS], alone, two[2];
    EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 2, .u_min = 0.005, .u_max = 8});
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, many);
    alone = two[0] = many[0];
    two[1] = oracle_quantile(&o, &level[0], 0.3); /* where the paths to the two modes part */
    Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = 2, .rows = ROWS, .z = many};
    CHECK_OK(oracle_drive(&d));
    d.rows = d.block = 1;
    d.z = &alone;
    CHECK_OK(oracle_drive(&d));
    int64_t cheap = d.asked;
    d.rows = d.block = 2;
    d.z = two;
    CHECK_OK(oracle_drive(&d));
    CHECK(memcmp(&alone, &many[0], sizeof alone) == 0, "%s: alone %.17g, among %d %.17g", ids[i], alone, ROWS, many[0]);
    CHECK(memcmp(&alone, &two[0], sizeof alone) == 0, "%s: alone %.17g, beside a stiff row %.17g", ids[i], alone, two[0]);
    CHECK(d.asked - cheap > cheap + 5, "%s: the neighbour is not stiff: %d evaluations beside %d", ids[i], (int)(d.asked - cheap), (int)cheap);
  }
}

/* ---- the adaptive SDE ---- */

/* T4.11, and the spread of G(.5, .25^2): with the bridge it is the truth's at any tolerance. */
static void two_step_spreads_rightly_and_costs_more_when_tight(void) {
  static const double relative[] = {.1, .02, .005};
  enum { ROWS = 20000 };
  double mean = 0.5, sd = 0.25, before = 0, *z = ARENA_ARRAY(suite_arena(), double, ROWS);
  Oracle o;
  oracle_gaussian(&o, 1, &mean, &sd);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 2});
  for (size_t k = 0; k < COUNT(relative); k++) {
    EbbChild child = suite_make(
        EBB_SAMPLER, arena_print(suite_arena(), "{use: two_step_adaptive, relative: %g, absolute: %g}", relative[k], 0.2576 * relative[k]));
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, z);
    Drive d = {.sampler = &child, .schedule = edm(), .field = &o.field, .level = level, .n = 2, .rows = ROWS, .z = z};
    CHECK_OK(oracle_drive(&d));
    double total = 0, square = 0;
    for (int i = 0; i < ROWS; i++) {
      total += z[i] / ROWS;
      square += z[i] * z[i] / ROWS;
    }
    double spread = sqrt(square - total * total), asked = (double)d.asked / ROWS;
    printf("\n    relative %g: mean %.4f, sd %.4f, %.0f evaluations a row", relative[k], total, spread, asked);
    CHECK(d.failed == 0, "%d rows failed", (int)d.failed);
    CHECK_NEAR(total, mean, 0.01, "relative %g: mean", relative[k]);
    CHECK_NEAR(spread, sd, 0.015, "relative %g: sd", relative[k]);
    CHECK(asked > 1.5 * before, "relative %g: %g evaluations a row after %g", relative[k], asked, before);
    before = asked;
  }
}

/* A field that works out from its questions which Brownian increments the accepted steps used: with F the reverse drift, a step from base z to the
 * next base is h (F + F') / 2 + (g + g') W / 2, where F', g' belong to the last question before the next base. */
typedef struct Traced {
  EbbField field;
  const EbbField *inner;
  struct {
    uint32_t accepted;
    double base, t, f, g, t_stage, f_stage, g_stage, sum;
  } * row; /* by draw */
} Traced;

static EbbStatus traced_eval(const EbbField *field, EbbWork *work, const EbbQuery *q, double *xhat) {
  const Traced *t = field->ctx;
  EbbStatus status = t->inner->eval(t->inner, work, q, xhat);
  for (int64_t i = 0; i < q->rows; i++) {
    const EbbLevel *l = &q->at[i * q->at_step];
    uint32_t k = (uint32_t)q->id[i];
    double f = l->dalpha / l->alpha * q->z[i] + l->dlambda * (l->alpha * xhat[i] - q->z[i]), g = l->sigma * sqrt(-l->dlambda);
    if (q->asked[i] > 0 && q->accepted[i] == t->row[k].accepted) {
      t->row[k].t_stage = l->t;
      t->row[k].f_stage = f;
      t->row[k].g_stage = g;
      continue;
    }
    if (q->asked[i] > 0) {
      double h = t->row[k].t_stage - t->row[k].t;
      double moved = q->z[i] - t->row[k].base - 0.5 * h * (t->row[k].f + t->row[k].f_stage);
      t->row[k].sum += moved / (0.5 * (t->row[k].g + t->row[k].g_stage));
    }
    t->row[k].accepted = q->accepted[i];
    t->row[k].base = q->z[i];
    t->row[k].t = l->t;
    t->row[k].f = f;
    t->row[k].g = g;
  }
  return status;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* T4.12: increments over accepted steps sum to N(0, T), though two of five steps are rejected. Fresh noise after a rejection gives sd 1.6 to 2. */
static void the_bridge_keeps_the_brownian_path(void) {
  enum { ROWS = 100000 };
  static const double relative[] = {.1, .02};
  double mean = 0.5, sd = 0.25, *z = ARENA_ARRAY(suite_arena(), double, ROWS);
  Oracle o;
  oracle_gaussian(&o, 1, &mean, &sd);
  EbbLevel *level = oracle_levels(edm(), &(Grid){.n = 2, .u_min = 0.005, .u_max = 8});
  for (size_t k = 0; k < COUNT(relative); k++) {
    Traced t = {.inner = &o.field};
    t.row = arena_alloc(suite_arena(), ROWS * sizeof *t.row);
    t.field = (EbbField){.size = sizeof(EbbField), .kind = EBB_MEAN, .dim = 1, .ctx = &t, .eval = traced_eval};
    EbbChild child = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: two_step_adaptive, relative: %g}", relative[k]));
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, z);
    Drive d = {.sampler = &child, .schedule = edm(), .field = &t.field, .level = level, .n = 2, .rows = ROWS, .z = z};
    CHECK_OK(oracle_drive(&d));
    double length = level[0].t - level[1].t, square = 0, distance = 0, accepted = 0;
    for (int i = 0; i < ROWS; i++) {
      z[i] = t.row[i].sum / sqrt(length);
      square += z[i] * z[i] / ROWS;
      accepted += t.row[i].accepted;
    }
    double rejected = 1 - accepted / ((double)d.asked - accepted - ROWS); /* a question a trial, one a base, one at the end */
    qsort(z, ROWS, sizeof *z, ascending);
    for (int i = 0; i < ROWS; i++) {
      double p = 0.5 * erfc(-z[i] / sqrt(2));
      distance = fmax(distance, fmax((i + 1.0) / ROWS - p, p - (double)i / ROWS));
    }
    printf("\n    relative %g: sd of the sum %.4f, sqrt(N) KS %.2f, %.0f%% of trial steps rejected", relative[k], sqrt(square), sqrt(ROWS) * distance,
           100 * rejected);
    CHECK_NEAR(square, 1, 4 * sqrt(2.0 / ROWS), "relative %g: variance of the sum", relative[k]);
    CHECK(sqrt(ROWS) * distance < 1.63, "relative %g: sqrt(N) KS is %g", relative[k], sqrt(ROWS) * distance);
    CHECK(rejected > 0.2, "relative %g: only %g of the steps are rejected", relative[k], rejected);
  }
}

static const Test tests[] = {
    {"the pairs fulfil all conditions of their orders", the_pairs_fulfil_all_conditions_of_their_orders},
    {"errors follow the tolerance down to 1e-10", errors_follow_the_tolerance_down_to_1e_10},
    {"the pairs are of order five", the_pairs_are_of_order_five},
    {"a Gaussian of unit variance costs few evaluations", a_gaussian_of_unit_variance_costs_few_evaluations},
    {"too few steps fail the row", too_few_steps_fail_the_row},
    {"a stiff neighbour changes no bit", a_stiff_neighbour_changes_no_bit},
    {"two-step spreads rightly and costs more when tight", two_step_spreads_rightly_and_costs_more_when_tight},
    {"the bridge keeps the Brownian path", the_bridge_keeps_the_brownian_path},
};
TEST_MAIN("adaptive samplers", tests)
