/* SPDX-License-Identifier: MIT
 *
 * Flow matching (methods.md 3.2): its law of times, its pairing of noise with data, and what a trained velocity then samples (T3.3). */
#include "suite.h"

#include <ebb/objective.h>

enum { D = 3, BATCH = 128, T = 32 };

static EbbStatus pair(const EbbChild *child, uint64_t step, int64_t rows, int64_t q, const float *x, const float *noise, const float *y,
                      int32_t *take) {
  EbbPairs p = {.size = sizeof p, .rows = rows, .dim = D, .q = q, .step = step, .x = x, .noise = noise, .y = y, .take = take};
  return ((const EbbObjectiveOps *)child->ops)->pair(child->self, (EbbRng){9, 9}, &p);
}

static void normals(const EbbChild *child, uint64_t id, uint32_t block, int64_t n, float *out) {
  double *wide = ARENA_ARRAY(suite_arena(), double, n);
  plugin_host(child)->normal(plugin_host(child), (EbbRng){4, 4}, 1, &id, NULL, block, n, wide);
  for (int64_t i = 0; i < n; i++) out[i] = (float)wide[i];
}

static void needs_follow_the_coupling(void) {
  static const struct {
    const char *yaml;
    uint32_t result, wants;
  } known[] = {{"flow_matching", EBB_MEAN, 0}, {"{use: flow_matching, coupling: transport}", EBB_MEAN_ODE, EBB_OBJ_PAIR}};
  for (size_t i = 0; i < COUNT(known); i++) {
    EbbChild child = suite_make(EBB_OBJECTIVE, known[i].yaml);
    EbbObjectiveNeeds needs = {.size = sizeof needs};
    ((const EbbObjectiveOps *)child.ops)->needs(child.self, &needs);
    CHECK(needs.result == known[i].result && needs.wants == known[i].wants && needs.prediction == EBB_PREDICT_VELOCITY,
          "%s: result %u, wants %u, prediction %u", known[i].yaml, needs.result, needs.wants, needs.prediction);
  }
}

/* 1 - t has density (kappa + 1) (1-t)^kappa: the share of t below s is 1 - (1-s)^(kappa+1); or lambda is the model's. */
static void times_follow_kappa(void) {
  enum { N = 20000 };
  static const double kappa[] = {0, 1.5, 4, -0.5};
  EbbChild schedule = suite_make(EBB_SCHEDULE, "{use: flow, margin: 1e-9}");
  Schedule view;
  suite_schedule(&schedule, &view);
  EbbWork *work = work_new();
  for (size_t k = 0; k <= COUNT(kappa); k++) {
    bool model = k == COUNT(kappa);
    const char *yaml = model ? "{use: flow_matching, times: model}" : arena_print(suite_arena(), "{use: flow_matching, kappa: %g}", kappa[k]);
    EbbChild child = suite_make(EBB_OBJECTIVE, yaml);
    double *t = ARENA_ARRAY(suite_arena(), double, N);
    for (int i = 0; i < N; i++) {
      double u = (i + 0.5) / N, lambda = 3 - u;
      uint64_t id = 0;
      uint32_t draw = 1;
      float x[D] = {1, 2, 3}, noise[D] = {-1, 0, 1}, z[D];
      EbbLevel at;
      EbbBatch b = {.size = sizeof b, .rows = 1, .dim = D, .schedule = &view.view, .id = &id, .draw = &draw, .u = &u, .lambda = &lambda};
      b.x = x;
      b.noise = noise;
      b.z = z;
      b.at = &at;
      CHECK_OK(((const EbbObjectiveOps *)child.ops)->corrupt(child.self, work, &b));
      t[i] = at.t;
      if (model) CHECK_NEAR(at.lambda, lambda, 1e-9, "level of the model's law");
      CHECK_NEAR((double)z[1], 2 * (1 - at.t), 1e-6, "z at t = %g", at.t);
    }
    for (double s = 0.1; s < 1 && !model; s += 0.2) {
      double below = 0;
      for (int i = 0; i < N; i++) below += t[i] < s ? 1.0 / N : 0;
      CHECK_NEAR(below, 1 - pow(1 - s, kappa[k] + 1), 2.0 / N, "kappa %g: share below %g", kappa[k], s);
    }
  }
  work_free(work);
}

static double cost_of(int64_t n, const float *x, const float *noise, const int32_t *take) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    double square = 0;
    for (int64_t k = 0; k < D; k++) square += pow((double)noise[i * D + k] - (double)x[take[i] * D + k], 2);
    sum += sqrt(square);
  }
  return sum / (double)n;
}

static void pairs_are_permutations_that_shorten_the_way(void) {
  static const char *const yaml[] = {"{use: flow_matching, coupling: transport, condition_ratio: 0.5}",
                                     "{use: flow_matching, coupling: transport, condition_ratio: 0.5, cost: square}",
                                     "{use: flow_matching, coupling: transport, condition_ratio: 0.01}",
                                     "{use: flow_matching, coupling: transport, condition_ratio: 0.5, draw: rows}"};
  double mean[4] = {0};
  for (size_t k = 0; k < COUNT(yaml); k++) {
    EbbChild child = suite_make(EBB_OBJECTIVE, yaml[k]);
    for (uint64_t step = 0; step < 20; step++) {
      float x[BATCH * D], noise[BATCH * D], y[BATCH * D];
      int32_t take[BATCH], again[BATCH], plain[BATCH], seen[BATCH] = {0};
      normals(&child, step, 0, BATCH * D, x);
      normals(&child, step, 1, BATCH * D, noise);
      normals(&child, step, 2, BATCH * D, y);
      CHECK_OK(pair(&child, step, BATCH, D, x, noise, y, take));
      CHECK_OK(pair(&child, step, BATCH, D, x, noise, y, again));
      CHECK(memcmp(take, again, sizeof take) == 0, "%s: step %d differs when asked again", yaml[k], (int)step);
      int repeated = 0;
      for (int i = 0; i < BATCH; i++) {
        plain[i] = i;
        if (take[i] >= 0 && take[i] < BATCH) repeated += seen[take[i]]++ > 0;
      }
      CHECK(k == 3 ? repeated > 0 : repeated == 0, "%s: %d data rows came twice", yaml[k], repeated);
      mean[k] += cost_of(BATCH, x, noise, take) / cost_of(BATCH, x, noise, plain) / 20;
    }
  }
  CHECK(mean[0] < 0.6 && mean[1] < 0.6 && mean[3] < 0.6, "costs fell to %g, %g, %g of the given ones", mean[0], mean[1], mean[3]);
  CHECK(mean[2] > mean[0] + 0.1, "conditions did not hold the pairs: %g after %g", mean[2], mean[0]);
}

/* What a linear velocity A z + B y, fitted at T times to pairs of x ~ N(0, I), y = signal x + sqrt(v) noise, samples for a given y: the slope of the
 * mean in y, and the spread. By symmetry one number each. */
typedef struct Law {
  double slope, sd;
} Law;

static Law sampled(const EbbChild *child, uint64_t replicate, bool coupled, double signal, double v) {
  enum { BATCHES = 40 };
  double zz[T] = {0}, zy[T] = {0}, yy = 0, uz[T] = {0}, uy = 0;
  for (uint64_t batch = 0; batch < BATCHES; batch++) {
    float x[BATCH * D], noise[BATCH * D], y[BATCH * D];
    int32_t take[BATCH];
    uint64_t step = replicate * BATCHES + batch;
    normals(child, step, 0, BATCH * D, x);
    normals(child, step, 1, BATCH * D, noise);
    normals(child, step, 2, BATCH * D, y);
    for (int i = 0; i < BATCH * D; i++) y[i] = (float)(signal * (double)x[i] + sqrt(v) * (double)y[i]);
    for (int i = 0; i < BATCH; i++) take[i] = i;
    if (coupled) CHECK_OK(pair(child, step, BATCH, D, x, noise, y, take));
    for (int i = 0; i < BATCH; i++)
      for (int k = 0; k < D; k++) {
        double a = (double)x[take[i] * D + k], e = (double)noise[i * D + k], c = (double)y[take[i] * D + k], u = e - a;
        yy += c * c;
        uy += u * c;
        for (int j = 0; j < T; j++) {
          double t = (j + 0.5) / T, z = (1 - t) * a + t * e;
          zz[j] += z * z;
          zy[j] += z * c;
          uz[j] += u * z;
        }
      }
  }
  Law law = {0, 1};
  for (int j = T - 1; j >= 0; j--) { /* dz/dt = A z + B y from t = 1, exactly within each piece */
    double det = zz[j] * yy - zy[j] * zy[j], A = (uz[j] * yy - uy * zy[j]) / det, B = (uy * zz[j] - uz[j] * zy[j]) / det;
    double grown = exp(-A / T);
    law.slope = grown * law.slope + (fabs(A) > 1e-9 ? (grown - 1) / A : -1.0 / T) * B;
    law.sd *= grown;
  }
  return law;
}

static Law mean_law(const char *yaml, bool coupled, double signal, double v, Law *error) {
  enum { REPLICATES = 12 };
  EbbChild child = suite_make(EBB_OBJECTIVE, yaml);
  Law mean = {0, 0}, square = {0, 0};
  for (uint64_t r = 0; r < REPLICATES; r++) {
    Law law = sampled(&child, r, coupled, signal, v);
    mean.slope += law.slope / REPLICATES;
    mean.sd += law.sd / REPLICATES;
    square.slope += law.slope * law.slope / REPLICATES;
    square.sd += law.sd * law.sd / REPLICATES;
  }
  *error = (Law){sqrt((square.slope - mean.slope * mean.slope) / (REPLICATES - 1)), sqrt((square.sd - mean.sd * mean.sd) / (REPLICATES - 1))};
  return mean;
}

/* T3.3. Where y says nothing all three sample N(0, 1); where y = x + noise (posterior N(y/2, 1/2)) pairs made without the conditions let the noise
 * tell y, and the mean hardly follows it. */
static void coupled_velocities_sample_the_posterior_only_with_conditions(void) {
  static const struct {
    const char *yaml;
    bool coupled, right;
  } known[] = {{"{use: flow_matching, coupling: transport}", false, true},
               {"{use: flow_matching, coupling: transport, condition_ratio: 0.01}", true, true},
               {"{use: flow_matching, coupling: transport, condition_ratio: 0.01, condition: euclidean}", true, true},
               {"{use: flow_matching, coupling: transport, condition_ratio: 0.5}", true, false}};
  for (size_t i = 0; i < COUNT(known); i++) {
    Law error, law = mean_law(known[i].yaml, known[i].coupled, 0, 1, &error);
    CHECK_NEAR(law.slope, 0, 2 * error.slope, "%s, y independent: slope", known[i].yaml);
    CHECK_NEAR(law.sd, 1, 2 * error.sd, "%s, y independent: sd", known[i].yaml);
    law = mean_law(known[i].yaml, known[i].coupled, 1, 1, &error);
    if (known[i].right) {
      CHECK_NEAR(law.slope, 0.5, 2 * error.slope, "%s: slope", known[i].yaml);
      CHECK_NEAR(law.sd, sqrt(0.5), 2 * error.sd, "%s: sd", known[i].yaml);
    } else {
      CHECK(law.slope < 0.3 && law.sd > 0.8, "%s: slope %g and sd %g are not biased", known[i].yaml, law.slope, law.sd);
    }
  }
}

static void batches_that_cannot_be_paired_are_refused(void) {
  EbbChild child = suite_make(EBB_OBJECTIVE, "{use: flow_matching, coupling: transport}");
  float zero[4 * D] = {0};
  int32_t take[4];
  CHECK(pair(&child, 0, 4, 1, zero, zero, zero, take) == EBB_E_CONFIG && strstr(fail_text(), "condition: euclidean") != NULL,
        "one number and its cosine: %s", fail_text());
  CHECK(pair(&child, 0, 4096, D, zero, zero, zero, take) == EBB_E_CONFIG && strstr(fail_text(), "training.batch") != NULL, "4096 rows: %s",
        fail_text());
  fail_clear();
  CHECK_OK(pair(&child, 0, 0, D, zero, zero, zero, take));
  CHECK_OK(pair(&child, 0, 1, D, zero, zero, zero, take));
  CHECK(take[0] == 0, "one row goes with itself");
}

static const Test tests[] = {
    {"needs follow the coupling", needs_follow_the_coupling},
    {"times follow kappa", times_follow_kappa},
    {"pairs are permutations that shorten the way", pairs_are_permutations_that_shorten_the_way},
    {"batches that cannot be paired are refused", batches_that_cannot_be_paired_are_refused},
    {"coupled velocities sample the posterior only with conditions", coupled_velocities_sample_the_posterior_only_with_conditions},
};
TEST_MAIN("flow matching", tests)
