/* SPDX-License-Identifier: MIT
 *
 * Solvers on a grid (methods.md 4.1, 4.4): the order of each single step, what a field is asked, steps that another moves, noise against the linear
 * recursion; reports.md A13 and A14. */
#include "oracle.h"

static Schedule *make_schedule(const char *yaml) {
  EbbChild child = suite_make(EBB_SCHEDULE, yaml);
  Schedule *s = ARENA_NEW(suite_arena(), Schedule);
  suite_schedule(&child, s);
  return s;
}

/* A field of one dimension that answers ell^power, ell = lambda / 2, or 0 where power is below 0, whatever z, and writes down what it was asked. */
typedef struct Listener {
  EbbField field;
  int power;
  int64_t asked;
  double z[4096];
  EbbLevel at[4096];
} Listener;

static EbbStatus listen(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  (void)work;
  Listener *l = (Listener *)f->ctx;
  for (int64_t r = 0; r < q->rows; r++) {
    l->z[l->asked] = q->z[r];
    l->at[l->asked] = q->at[r * q->at_step];
    xhat[r] = l->power < 0 ? 0 : pow(0.5 * l->at[l->asked].lambda, l->power);
    l->asked++;
  }
  return EBB_OK;
}

static Drive drive(const char *yaml, const EbbSchedule *s, const EbbField *field, const EbbLevel *level, int64_t n, int64_t rows, double *z) {
  EbbChild *child = ARENA_NEW(suite_arena(), EbbChild);
  *child = suite_make(EBB_SAMPLER, yaml);
  Drive d = {.sampler = child, .schedule = s, .field = field, .level = level, .n = n, .rows = rows, .z = z};
  CHECK_OK(oracle_drive(&d));
  return d;
}

static Listener *hear(const char *yaml, const EbbSchedule *s, const EbbLevel *level, int64_t n, int power, double *z) {
  Listener *l = ARENA_NEW(suite_arena(), Listener);
  *l = (Listener){.field = {.size = sizeof(EbbField), .kind = EBB_MEAN, .dim = 1, .eval = listen}, .power = power};
  l->field.ctx = l;
  *z = 0.3;
  drive(yaml, s, &l->field, level, n, 1, z);
  return l;
}

/* int_0^h exp(-(h - x)) (ell + x)^power dx by Simpson's rule. */
static double integral(double ell, double h, int power) {
  enum { N = 2000 };
  double sum = 0;
  for (int i = 0; i <= N; i++) {
    double x = h * i / N, weight = i == 0 || i == N ? 1 : i % 2 ? 4 : 2;
    sum += weight * exp(x - h) * pow(ell + x, power);
  }
  return sum * h / N / 3;
}

/* A14: a step of order q is exact where xhat is a polynomial of degree below q in ell. Read off the states that the field was asked at. UniPC's step
 * of order 2 takes rho = 1/2, which is exact for constants only. */
static void single_steps_have_the_order_that_history_and_the_end_allow(void) {
  enum { N = 10 };
  static const struct {
    const char *yaml;
    int order[N - 1],
        state[N - 1]; /* exact below that degree; of steps between questions, grid with an end at noise 0 and without; the last is not seen */
  } known[] = {
      {"ddim", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}},
      {"dpmpp_3m", {1, 2, 3, 3, 3, 3, 3, 3, 3}, {1, 2, 3, 3, 3, 3, 3, 3, 3}},
      {"{use: exp_adams_bashforth, order: 2}", {1, 2, 2, 2, 2, 2, 2, 2, 2}, {1, 2, 2, 2, 2, 2, 2, 2, 2}},
      {"{use: exp_adams_bashforth, order: 4}", {1, 2, 3, 4, 4, 4, 4, 4, 4}, {1, 2, 3, 4, 4, 4, 4, 4, 4}},
      {"{use: unipc, order: 3, correct: false}", {1, 1, 3, 3, 3, 3, 3, 3, 1}, {1, 1, 3, 3, 3, 3, 3, 3, 3}},
      {"{use: unipc, order: 3, correct: false, variant: bh1}", {1, 1, 3, 3, 3, 3, 3, 3, 1}, {1, 1, 3, 3, 3, 3, 3, 3, 3}},
      {"{use: unipc, order: 1, correct: false}", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}},
  };
  Schedule *s = make_schedule("edm_vp");
  for (size_t i = 0; i < COUNT(known); i++)
    for (int state = 0; state < 2; state++) {
      EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = N, .u_min = 0.005, .u_max = 8, .in_time = true, .state = state});
      int order[N - 1] = {0};
      for (int power = 0; power < 5; power++) {
        double z;
        Listener *l = hear(known[i].yaml, &s->view, level, N, power, &z);
        CHECK(l->asked == N, "%s: asked %d times", known[i].yaml, (int)l->asked);
        for (int k = 0; k < N - 1; k++) {
          const EbbLevel *a = &level[k], *b = a + 1;
          double ell = 0.5 * a->lambda, h = 0.5 * b->lambda - ell, exact = b->sigma / a->sigma * l->z[k] + b->alpha * integral(ell, h, power);
          if (order[k] == power && fabs(l->z[k + 1] - exact) < 1e-9 * (1 + pow(fabs(ell) + h, power))) order[k]++;
        }
      }
      for (int k = 0; k < N - 1; k++) {
        int wanted = state ? known[i].state[k] : known[i].order[k];
        CHECK(order[k] == wanted, "%s, %s: step %d is exact for degrees below %d, not %d", known[i].yaml, state ? "state wanted" : "to noise 0", k,
              order[k], wanted);
      }
    }
}

/* A14: no count of steps is refused, and on M1 the error falls with it, down to the 1.05e-4 that the last step makes, from u = .005 to 0. */
static void unipc_ends_at_every_count_with_less_error(void) {
  static const int steps[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 51, 100, 1000};
  Schedule *s = make_schedule("edm_vp");
  Oracle o;
  oracle_m1(&o);
  for (int order = 1; order <= 3; order++)
    for (int variant = 1; variant <= 2; variant++) {
      double before = INFINITY;
      for (size_t i = 0; i < COUNT(steps); i++) {
        static const double p[5] = {0.1, 0.25, 0.31, 0.5, 0.8};
        EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = steps[i], .u_min = 0.005, .u_max = 8});
        double z[5], error = 0;
        for (int k = 0; k < 5; k++) z[k] = oracle_quantile(&o, level, p[k]);
        const char *yaml = arena_print(suite_arena(), "{use: unipc, order: %d, variant: bh%d, steps: %d}", order, variant, steps[i]);
        Drive d = drive(yaml, &s->view, &o.field, level, steps[i], 5, z);
        CHECK(d.failed == 0 && d.asked == 5 * steps[i], "%s: %d rows failed, %d evaluations", yaml, (int)d.failed, (int)d.asked);
        for (int k = 0; k < 5; k++) error = fmax(error, fabs(z[k] - oracle_quantile(&o, &(EbbLevel){.alpha = 1}, p[k])));
        if (steps[i] >= 4) {
          CHECK(error < before + 1.2e-4, "%s: error %g after %g", yaml, error, before);
          before = error;
        }
      }
    }
}

/* A13: the same counts where the state at the smallest noise is wanted, and with noise down to the schedule's end. */
static void every_count_of_steps_ends_finite_above_noise_0(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SAMPLER, &n);
  Schedule *s = make_schedule("edm_vp");
  Oracle o;
  oracle_m1(&o);
  for (size_t i = 0; i < n; i++)
    for (int steps = 1; steps <= 16 && suite_has(all[i], "steps"); steps++)
      for (int state = 0; state < 2; state++) {
        double z[3] = {-70, 0.4, 70};
        EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = steps, .in_time = steps % 2, .state = state});
        Drive d = drive(suite_with(all[i], "steps", steps), &s->view, &o.field, level, steps, 3, z);
        CHECK(d.failed == 0, "%s: %d steps, %s: %d of 3 rows failed", all[i]->id, steps, state ? "state wanted" : "to noise 0", (int)d.failed);
      }
}

static double transport_error(const char *yaml, int64_t n) {
  static const double p[5] = {0.1, 0.25, 0.31, 0.5, 0.8};
  Schedule *s = make_schedule("{use: edm_vp, sigma_min: .01}");
  Oracle o;
  oracle_m1(&o);
  EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = n, .in_time = true, .state = true});
  double z[5], error = 0;
  for (int i = 0; i < 5; i++) z[i] = oracle_quantile(&o, level, p[i]);
  drive(yaml, &s->view, &o.field, level, n, 5, z);
  for (int i = 0; i < 5; i++) error = fmax(error, fabs(z[i] - oracle_quantile(&o, &level[n], p[i])));
  return error;
}

/* Told that another may move its states, a solver keeps its order; a corrector that moves nothing shows it. */
static void orders_hold_where_states_may_be_moved(void) {
  static const struct {
    const char *id;
    double order;
    int64_t asked; /* at 10 steps to noise 0 */
  } known[] = {{"{use: unipc, order: 1}", 2, 19},
               {"{use: unipc, order: 2}", 3, 19},
               {"{use: unipc, order: 3}", 4, 19},
               {"{use: unipc, order: 3, correct: false}", 3, 10},
               {"{use: exp_adams_bashforth, order: 3}", 3, 10},
               {"{use: edm_stochastic, churn: 0}", 2, 19},
               {"heun", 2, 19},
               {"rk4", 4, 37}};
  Schedule *s = make_schedule("edm_vp");
  EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = 10, .u_min = 0.005, .u_max = 8});
  for (size_t i = 0; i < COUNT(known); i++) {
    const char *yaml = arena_print(suite_arena(), "{use: predictor_corrector, moves: 0, predictor: %s}", known[i].id);
    double slope = log2(transport_error(yaml, 160) / transport_error(yaml, 640)) / 2, z;
    CHECK_NEAR(slope, known[i].order, 0.3, "%s: order", yaml);
    Listener *l = hear(yaml, &s->view, level, 10, 1, &z);
    CHECK(l->asked == known[i].asked, "%s: %d evaluations", yaml, (int)l->asked);
  }
}

/* ratio[k]: the first question after the last one at level k, over that. */
static void growth(const char *yaml, const Schedule *s, const EbbLevel *level, int64_t n, double *ratio) {
  double z;
  Listener *l = hear(yaml, &s->view, level, n, -1, &z);
  int64_t next = 0;
  for (int64_t k = 0; k + 1 < n; k++) {
    while (l->at[next].t != level[k].t) next++;
    while (l->at[next].t == level[k].t) next++;
    ratio[k] = l->z[next] / l->z[next - 1];
  }
}

/* Where xhat = 0 a step multiplies z by a number. It must be that of the state that the corrector left, whatever it did there. */
static void steps_begin_where_a_corrector_left_the_state(void) {
  enum { N = 12 };
  static const char *const ids[] = {"euler",
                                    "heun",
                                    "edm_heun",
                                    "{use: edm_stochastic, churn: 0}",
                                    "dpmpp_2m",
                                    "dpmpp_3m",
                                    "{use: dpmpp_2m_sde, eta: 0}",
                                    "exp_adams_bashforth",
                                    "unipc",
                                    "{use: unipc, correct: false}",
                                    "rk4"};
  Schedule *s = make_schedule("edm_vp");
  EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = N, .u_min = 0.005, .u_max = 8});
  for (size_t i = 0; i < COUNT(ids); i++) {
    double still[N], moved[N];
    growth(arena_print(suite_arena(), "{use: predictor_corrector, moves: 0, predictor: %s}", ids[i]), s, level, N, still);
    growth(arena_print(suite_arena(), "{use: predictor_corrector, moves: 2, corrector: renoise, delta: 0.5, predictor: %s}", ids[i]), s, level, N,
           moved);
    for (int k = 0; k + 1 < N; k++) CHECK_NEAR(moved[k], still[k], 1e-12, "%s: growth in step %d", ids[i], k);
  }
}

/* Noise is added where the handbook says, by 1 + min(churn / N, sqrt 2 - 1). */
static void churn_is_within_its_range(void) {
  Schedule *s = make_schedule("edm_vp");
  static const struct {
    const char *yaml;
    double gamma;
  } known[] = {{"edm_stochastic", 0.41421356237309515}, {"{use: edm_stochastic, churn: 2}", 0.1}};
  EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = 20, .u_min = 0.005, .u_max = 8});
  for (size_t i = 0; i < COUNT(known); i++) {
    double z, largest = 0;
    Listener *l = hear(known[i].yaml, &s->view, level, 20, 0, &z);
    CHECK(l->asked == 39, "%s: %d evaluations", known[i].yaml, (int)l->asked);
    for (int k = 0; k < 20; k++) { /* answers 0, 2, ... begin steps */
      double u = level[k].sigma / level[k].alpha, asked = l->at[2 * k].sigma / l->at[2 * k].alpha, wanted = u >= 0.01 && u <= 1 ? known[i].gamma : 0;
      CHECK_NEAR(asked / u, 1 + wanted, 1e-9, "%s: step %d at u = %g", known[i].yaml, k, u);
      largest = fmax(largest, wanted);
    }
    CHECK(largest > 0, "%s: no step was noised", known[i].yaml);
  }
}

/* EDM's own algorithm 2 on N(0, s^2), where y = z/alpha has xhat = s^2 / (s^2 + u^2) y. */
static double edm_recursion(double s, const EbbLevel *level, int64_t n, double churn) {
  double v = s * s + pow(level->sigma / level->alpha, 2), gamma = fmin(churn / (double)n, sqrt(2) - 1);
  for (int64_t k = 0; k < n; k++) {
    double u = level[k].sigma / level[k].alpha, next = level[k + 1].sigma / level[k + 1].alpha, up = u >= 0.01 && u <= 1 ? (1 + gamma) * u : u;
    v += up * up - u * u;
    double d = up / (s * s + up * up), euler = 1 + (next - up) * d, d_next = next / (s * s + next * next) * euler;
    double gain = next > 0 ? 1 + 0.5 * (next - up) * (d + d_next) : euler;
    v *= gain * gain;
  }
  return v;
}

/* T4.8: drawn rows have the variance that the linear recursion says; on M1 the modes keep their weights. */
static void drawn_rows_follow_the_linear_recursion(void) {
  enum { ROWS = 40000 };
  static const char *const yaml[] = {"{use: ddim, eta: 1, steps: 100}", "{use: dpmpp_2m_sde, steps: 30}", "{use: edm_stochastic, steps: 30}",
                                     "{use: euler_maruyama, steps: 100}", "{use: dpmpp_2m_sde, eta: 0.5, steps: 30}"};
  static const int n[] = {100, 30, 30, 100, 30};
  Schedule *s = make_schedule("edm_vp");
  double zero = 0, sd = 0.5, *z = ARENA_ARRAY(suite_arena(), double, ROWS);
  Oracle o;
  oracle_gaussian(&o, 1, &zero, &sd);
  for (size_t i = 0; i < COUNT(yaml); i++) {
    EbbChild child = suite_make(EBB_SAMPLER, yaml[i]);
    EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = n[i], .u_min = 0.005, .u_max = 8});
    double start = pow(level->alpha * sd, 2) + pow(level->sigma, 2), sum = 0, square = 0;
    double expected = strstr(yaml[i], "stochastic") != NULL ? edm_recursion(sd, level, n[i], 30)
                                                            : oracle_linear_variance(&child, &s->view, &o.field, level, n[i], start);
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, z);
    drive(yaml[i], &s->view, &o.field, level, n[i], ROWS, z);
    for (int r = 0; r < ROWS; r++) {
      sum += z[r];
      square += z[r] * z[r];
    }
    CHECK_NEAR(sum / ROWS, 0, 4 * sd / sqrt(ROWS), "%s: mean", yaml[i]);
    CHECK_NEAR(square / ROWS / expected, 1, 4 * sqrt(2.0 / ROWS), "%s: variance over the recursion's", yaml[i]);
  }
}

/* T4.8: the recursion's distance from the truth falls as the order says when steps double. */
static void distances_of_the_recursion_fall_with_steps(void) {
  static const struct {
    const char *id;
    double factor;
  } known[] = {{"ddim", 2}, {"euler_maruyama", 2}, {"dpmpp_2m_sde", 4}};
  Schedule *s = make_schedule("edm_vp");
  double zero = 0, sd = 2; /* wide: near sd .5 first-order terms all but vanish */
  Oracle o;
  oracle_gaussian(&o, 1, &zero, &sd);
  for (size_t i = 0; i < COUNT(known); i++) {
    EbbChild child = suite_make(EBB_SAMPLER, arena_print(suite_arena(), "{use: %s, eta: 1}", known[i].id));
    double distance[3];
    for (int k = 0; k < 3; k++) {
      int64_t n = 400 << k;
      EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = n, .u_min = 0.005, .u_max = 8, .state = true});
      double start = pow(level->alpha * sd, 2) + pow(level->sigma, 2);
      distance[k] = fabs(sqrt(oracle_linear_variance(&child, &s->view, &o.field, level, n, start)) - hypot(level[n].alpha * sd, level[n].sigma));
    }
    for (int k = 0; k < 2; k++)
      CHECK_NEAR(distance[k] / distance[k + 1] / known[i].factor, 1, 0.1, "%s: distance of sd from the truth, doubling %d", known[i].id, k + 1);
  }
}

static void modes_keep_their_weights_at_400_steps(void) {
  enum { ROWS = 20000 };
  static const char *const yaml[] = {"{use: ddim, eta: 1, steps: 400}", "{use: dpmpp_2m_sde, steps: 400}", "{use: edm_stochastic, steps: 400}",
                                     "{use: euler_maruyama, steps: 400}"};
  Schedule *s = make_schedule("edm_vp");
  double *z = ARENA_ARRAY(suite_arena(), double, ROWS);
  Oracle o;
  oracle_m1(&o);
  double wanted = oracle_cdf(&o, &(EbbLevel){.alpha = 1}, 0); /* .2976 */
  for (size_t i = 0; i < COUNT(yaml); i++) {
    EbbChild child = suite_make(EBB_SAMPLER, yaml[i]);
    EbbLevel *level = oracle_levels(&s->view, &(Grid){.n = 400, .u_min = 0.005, .u_max = 8});
    double left = 0;
    oracle_start(&o, plugin_host(&child), level, 0, ROWS, z);
    drive(yaml[i], &s->view, &o.field, level, 400, ROWS, z);
    for (int r = 0; r < ROWS; r++) left += z[r] < 0 ? 1.0 / ROWS : 0;
    CHECK_NEAR(left, wanted, 0.01, "%s: weight of the left mode", yaml[i]);
  }
}

static const Test tests[] = {
    {"single steps have the order that history and the end allow", single_steps_have_the_order_that_history_and_the_end_allow},
    {"unipc ends at every count with less error", unipc_ends_at_every_count_with_less_error},
    {"every count of steps ends finite above noise 0", every_count_of_steps_ends_finite_above_noise_0},
    {"orders hold where states may be moved", orders_hold_where_states_may_be_moved},
    {"steps begin where a corrector left the state", steps_begin_where_a_corrector_left_the_state},
    {"churn is within its range", churn_is_within_its_range},
    {"drawn rows follow the linear recursion", drawn_rows_follow_the_linear_recursion},
    {"distances of the recursion fall with steps", distances_of_the_recursion_fall_with_steps},
    {"modes keep their weights at 400 steps", modes_keep_their_weights_at_400_steps},
};
TEST_MAIN("solvers", tests)
