/* SPDX-License-Identifier: MIT
 *
 * The cross product: every schedule x every prediction x every sampler, on a Gaussian and on the two modes of M1. In place of a network stands the
 * exact field, answered as a network would: the prediction is formed from the exact xhat at the question's level, rounded to float32, and converted
 * back by core's own table.
 *
 * A cell is the larger of two distances from the truth, one a problem. Deterministic samplers: how far a row ends from where the flow takes it (in
 * one dimension the distribution function is conserved), at the least noise level of the grid; allowed is C h^p + FLOOR, p the order that the
 * sampler's summary claims, h the step in lambda / 2. Adaptive ones: a hundred times their relative tolerance. Stochastic ones: Kolmogorov-Smirnov
 * distance of the drawn rows from the truth; allowed is what chance gives in one of 10^5 cases, and their own error at this step. */
#include "oracle.h"

#include <ctype.h>

#include "model/prediction.h"
#include "run/slots.h"

#ifdef FULL
enum { ROWS = 1000, POINTS = 40, STEPS = 100 };
#else
enum { ROWS = 300, POINTS = 8, STEPS = 50 };
#endif
static const double U_MIN = 0.01, U_MAX = 8, FLOOR = 2e-5;

/* ---- a field that answers as a network with a prediction ---- */

typedef struct Predicted {
  EbbField field; /* first: passed as the field */
  const EbbField *exact;
  uint32_t prediction;
  double u_min; /* BOUNDARY */
} Predicted;

static EbbStatus predicted_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  const Predicted *p = f->ctx;
  EbbStatus status = p->exact->eval(p->exact, work, q, xhat);
  for (int64_t i = 0; i < q->rows && status == EBB_OK; i++) {
    const EbbLevel *l = &q->at[i * q->at_step];
    double z = q->z[i];
    if (p->prediction == EBB_PREDICT_BOUNDARY) {
      Affine a = prediction_boundary(l, p->u_min);
      float out = a.gain != 0 ? (float)((xhat[i] - a.skip * z) / a.gain) : 0;
      xhat[i] = a.skip * z + a.gain * (double)out;
    } else {
      Target t = prediction_target(p->prediction, l);
      Affine a = prediction_affine(p->prediction, l);
      float out = (float)(t.x * xhat[i] + t.noise * noise_of(l, z, xhat[i]));
      xhat[i] = a.skip * z + a.gain * (double)out;
    }
  }
  return status;
}

/* The exact consistency map: to the same quantile at the schedule's clean end. */
typedef struct Map {
  EbbField field;
  const Oracle *oracle;
  EbbLevel clean;
} Map;

static EbbStatus map_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  (void)work;
  const Map *m = f->ctx;
  for (int64_t i = 0; i < q->rows; i++)
    xhat[i] = oracle_quantile(m->oracle, &m->clean, oracle_cdf(m->oracle, &q->at[i * q->at_step], q->z[i])) / m->clean.alpha;
  return EBB_OK;
}

/* ---- what a summary claims ---- */

typedef struct Claim {
  bool stochastic;
  double order; /* 0: none */
} Claim;

/* A sampler's summary ends in "; order P; N evaluations a step; deterministic". */
static Claim claim_of(const EbbComponent *c) {
  Claim claim = {.stochastic = strstr(c->summary, "; stochastic") != NULL};
  CHECK(claim.stochastic || strstr(c->summary, "; deterministic") != NULL, "%s says neither stochastic nor deterministic", c->id);
  const char *order = strstr(c->summary, "order ");
  if (order != NULL && isdigit((unsigned char)order[6])) claim.order = strtod(order + 6, NULL);
  return claim;
}

/* ---- distances ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double ks_distance(const Oracle *o, const EbbLevel *at, int64_t n, double *z) {
  double most = 0;
  qsort(z, (size_t)n, sizeof *z, ascending);
  for (int64_t i = 0; i < n; i++) {
    double p = oracle_cdf(o, at, z[i]);
    most = fmax(most, fmax(p - (double)i / (double)n, (double)(i + 1) / (double)n - p));
  }
  return most;
}

static double transport_distance(const Oracle *o, const EbbLevel *at, int64_t n, const double *z) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(z[i] - oracle_quantile(o, at, ((double)i + 0.5) / (double)n)));
  return most;
}

/* The constants C of the bound, the same for all schedules and predictions. One-step rules in the schedule's time see steps that its time makes
 * uneven: `euler` loses most. Langevin's chain lags behind the noise level at so few levels; stochastic rules of order 1 with large steps at small
 * noise are off by their step. */
static double limit_of(const EbbComponent *c, Claim claim, bool adaptive, double h) {
  double chance = sqrt(log(2e5) / 2 / ROWS);
  if (strcmp(c->id, "annealed_langevin") == 0) return chance + 0.1;
  if (claim.stochastic) return chance + (adaptive ? 0.05 : 0.3 * h);
  if (adaptive) return 100 * 1e-4;
  double factor = strcmp(c->id, "euler") == 0 ? 8 : 0.8;
  return factor * pow(h, claim.order) + FLOOR;
}

static double cell(const EbbChild *sampler, const EbbSchedule *s, const Oracle *o, const EbbField *field, bool stochastic, int64_t *failed) {
  const EbbSamplerOps *ops = sampler->ops;
  int64_t own = ops->steps(sampler->self), n = own > 0 ? own : 1 /* adaptive: the two ends */, rows = stochastic ? ROWS : POINTS;
  EbbLevel *level = NULL, end;
  if (ops->levels != NULL) { /* its own grid, for maps: to the clean end */
    double *lambda = ARENA_ARRAY(suite_arena(), double, n), t;
    level = ARENA_ARRAY(suite_arena(), EbbLevel, n + 1);
    n = ops->levels(sampler->self, s, n, lambda);
    for (int64_t i = 0; i < n; i++) {
      s->inverse(s, 1, &lambda[i], &t);
      s->at(s, 1, &t, &level[i]);
    }
    level[n] = (EbbLevel){.t = s->t_min, .alpha = 1, .lambda = INFINITY};
    s->at(s, 1, &s->t_min, &end);
    end.sigma /= end.alpha; /* maps answer in units of x */
    end.alpha = 1;
  } else {
    level = oracle_levels(s, &(Grid){.n = n, .u_min = U_MIN, .u_max = U_MAX, .state = true});
    end = level[n];
  }
  double z[ROWS];
  for (int64_t i = 0; i < rows; i++) z[i] = oracle_quantile(o, level, ((double)i + 0.5) / (double)rows);
  Drive d = {.sampler = sampler, .schedule = s, .field = field, .level = level, .n = n, .rows = rows, .z = z};
  CHECK_OK(oracle_drive(&d));
  *failed += d.failed;
  return stochastic ? ks_distance(o, &end, rows, z) : transport_distance(o, &end, rows, z);
}

typedef struct Problem {
  const char *name;
  Oracle oracle;
} Problem;

static void problems_of(Problem p[2]) {
  double mean = 0.5, sd = 0.7;
  p[0].name = "Gaussian";
  oracle_gaussian(&p[0].oracle, 1, &mean, &sd);
  p[1].name = "M1";
  oracle_m1(&p[1].oracle);
  for (int i = 0; i < 2; i++) p[i].oracle.field.ctx = &p[i].oracle;
}

/* One row of the matrix: a sampler under one prediction, all schedules. */
static void line(const EbbComponent *c, uint32_t prediction, uint32_t kind, const EbbComponent *const *schedule, size_t schedules) {
  EbbChild sampler = suite_make(EBB_SAMPLER, suite_has(c, "steps") && kind != EBB_MAP ? suite_with(c, "steps", STEPS) : c->id);
  const EbbSamplerOps *ops = sampler.ops;
  printf("\n    %-21s %-9s", c->id, prediction_name(prediction));
  fail_clear();
  if (slots_accepts(&sampler, kind, "objective diffusion") != EBB_OK) {
    for (size_t s = 0; s < schedules; s++) printf(" %12s", "refused");
    CHECK(strstr(fail_text(), c->id) != NULL && strstr(fail_text(), "objective diffusion") != NULL, "the refusal does not name both sides: %s",
          fail_text());
    fail_clear();
    return;
  }
  Problem problem[2];
  problems_of(problem);
  Claim claim = claim_of(c);
  bool adaptive = ops->steps(sampler.self) == 0;
  double limit = kind == EBB_MAP ? sqrt(log(2e5) / 2 / ROWS) : limit_of(c, claim, adaptive, log(U_MAX / U_MIN) / STEPS);
  for (size_t s = 0; s < schedules; s++) {
    EbbChild made = suite_make(EBB_SCHEDULE, schedule[s]->id);
    Schedule view;
    suite_schedule(&made, &view);
    double most = 0;
    int64_t failed = 0;
    for (int i = 0; i < 2; i++) {
      Map map = {.field = {.size = sizeof(EbbField), .kind = EBB_MAP, .dim = 1, .ctx = &map, .eval = map_eval}, .oracle = &problem[i].oracle};
      view.view.at(&view.view, 1, &view.view.t_min, &map.clean);
      Predicted p = {.field = {.size = sizeof(EbbField), .kind = kind, .dim = 1, .ctx = &p, .eval = predicted_eval}, .prediction = prediction};
      p.exact = kind == EBB_MAP ? &map.field : &problem[i].oracle.field;
      p.u_min = map.clean.sigma / map.clean.alpha;
      double far = cell(&sampler, &view.view, &problem[i].oracle, &p.field, claim.stochastic, &failed);
      CHECK(far <= limit, "%s, %s, %s, %s: %g from the truth, allowed %g", c->id, prediction_name(prediction), schedule[s]->id, problem[i].name, far,
            limit);
      most = fmax(most, far);
    }
    printf(" %12.2g", most);
    CHECK(failed == 0, "%s, %s, %s: %d rows failed", c->id, prediction_name(prediction), schedule[s]->id, (int)failed);
    plugin_destroy(&made);
  }
  printf(" %10.2g", limit);
  plugin_destroy(&sampler);
}

static void every_schedule_with_every_prediction_and_every_sampler(void) {
  size_t schedules, samplers;
  const EbbComponent *const *schedule = suite_all(EBB_SCHEDULE, &schedules), *const *sampler = suite_all(EBB_SAMPLER, &samplers);
  printf("\n    sampler               predicts ");
  for (size_t s = 0; s < schedules; s++) printf(" %12s", schedule[s]->id);
  printf(" %10s", "allowed");
  for (size_t k = 0; k < samplers; k++)
    for (uint32_t p = EBB_PREDICT_X; p <= EBB_PREDICT_F; p++) line(sampler[k], p, EBB_MEAN, schedule, schedules);
  printf("\n  ");
}

static void every_schedule_with_consistency_maps(void) {
  size_t schedules, samplers, accepted = 0;
  const EbbComponent *const *schedule = suite_all(EBB_SCHEDULE, &schedules), *const *sampler = suite_all(EBB_SAMPLER, &samplers);
  for (size_t k = 0; k < samplers; k++) {
    EbbChild child = suite_make(EBB_SAMPLER, sampler[k]->id);
    if (slots_accepts(&child, EBB_MAP, "objective consistency") == EBB_OK) {
      line(sampler[k], EBB_PREDICT_BOUNDARY, EBB_MAP, schedule, schedules);
      accepted++;
    }
    fail_clear();
    plugin_destroy(&child);
  }
  CHECK(accepted > 0, "no sampler takes a consistency map");
  printf("\n  ");
}

/* A sampler that draws noise needs a score: a field that is right for the flow alone is refused, whatever the setting of its noise. */
static void what_is_refused_is_refused_by_the_checks(void) {
  static const struct {
    uint32_t kind;
    const char *name;
  } kinds[] = {{EBB_MEAN, "score"}, {EBB_MEAN_ODE, "flow"}, {EBB_MAP, "map"}, {EBB_BRIDGE, "sum"}};
  size_t samplers;
  const EbbComponent *const *sampler = suite_all(EBB_SAMPLER, &samplers);
  printf("\n    %-21s", "field");
  for (size_t i = 0; i < COUNT(kinds); i++) printf(" %8s", kinds[i].name);
  for (size_t k = 0; k < samplers; k++) {
    EbbChild child = suite_make(EBB_SAMPLER, sampler[k]->id);
    bool stochastic = claim_of(sampler[k]).stochastic, map = strstr(sampler[k]->id, "consistency") != NULL;
    printf("\n    %-21s", sampler[k]->id);
    for (size_t i = 0; i < COUNT(kinds); i++) {
      bool takes = slots_accepts(&child, kinds[i].kind, "objective o") == EBB_OK;
      printf(" %8s", takes ? "yes" : "refused");
      if (kinds[i].kind == EBB_MEAN) CHECK(takes == !map, "%s and a score field", sampler[k]->id);
      if (kinds[i].kind == EBB_MEAN_ODE && (stochastic || map)) CHECK(!takes, "%s draws noise and takes a field without score", sampler[k]->id);
      if (kinds[i].kind == EBB_MAP) CHECK(takes == map, "%s and a consistency map", sampler[k]->id);
      if (kinds[i].kind == EBB_BRIDGE) CHECK(takes == (strstr(sampler[k]->id, "langevin") != NULL), "%s and a sum of scores", sampler[k]->id);
      if (!takes) CHECK(strstr(fail_text(), sampler[k]->id) != NULL && strstr(fail_text(), "objective o") != NULL, "refused by: %s", fail_text());
      fail_clear();
    }
    plugin_destroy(&child);
  }
  printf("\n  ");
}

static const Test tests[] = {{"every schedule with every prediction and every sampler", every_schedule_with_every_prediction_and_every_sampler},
                             {"every schedule with consistency maps", every_schedule_with_consistency_maps},
                             {"what is refused is refused by the checks", what_is_refused_is_refused_by_the_checks}};
TEST_MAIN("cross product with predictions", tests)
