/* SPDX-License-Identifier: MIT
 *
 * Objectives: corrupted values, losses and their gradients. Answers of the network are made up; base, gain and target come from the table of
 * core/model/prediction.h, which has a suite of its own. */
#include "model/prediction.h"
#include "suite.h"

enum { ROWS = 6, DIM = 3, NUMBERS = ROWS * DIM };

/* A tile with everything an objective may ask for; out is what a network that errs by `error` in xhat would have answered. */
typedef struct Tile {
  EbbBatch b;
  EbbObjectiveNeeds needs;
  uint64_t id[ROWS];
  uint32_t draw[ROWS];
  double u[ROWS], lambda[ROWS], dlambda[ROWS], w[ROWS], loss[ROWS], dw[ROWS];
  float x[NUMBERS], noise[NUMBERS], z[NUMBERS], z2[NUMBERS], dz[NUMBERS], keep[ROWS * 64], out[NUMBERS], target[NUMBERS], base[NUMBERS],
      gain[NUMBERS], grad[NUMBERS];
  EbbLevel at[ROWS], at2[ROWS];
  uint8_t token[NUMBERS];
} Tile;

static Schedule schedule;

static void tile_new(Tile *t, const EbbChild *objective, int64_t rows) {
  static EbbChild child;
  if (schedule.ops == NULL) {
    child = suite_make(EBB_SCHEDULE, "edm_vp");
    suite_schedule(&child, &schedule);
  }
  *t = (Tile){.needs = {.size = sizeof t->needs}};
  ((const EbbObjectiveOps *)objective->ops)->needs(objective->self, &t->needs);
  const EbbHost *host = plugin_host(objective);
  double normal[2 * NUMBERS];
  uint64_t zero = 0;
  host->normal(host, (EbbRng){3, 3}, 1, &zero, NULL, 0, 2 * NUMBERS, normal);
  for (int i = 0; i < NUMBERS; i++) {
    t->x[i] = (float)normal[i];
    t->noise[i] = (float)normal[NUMBERS + i];
  }
  for (int i = 0; i < ROWS; i++) {
    t->id[i] = (uint64_t)i;
    t->u[i] = (i + 0.5) / ROWS;
    t->lambda[i] = -3 + 1.5 * i; /* -3 .. 4.5 */
    t->w[i] = 1;
  }
  t->b = (EbbBatch){.size = sizeof t->b,
                    .rows = rows,
                    .dim = DIM,
                    .tokens = DIM,
                    .keep_step = t->needs.keep,
                    .step = 1,
                    .steps = 100,
                    .schedule = &schedule.view,
                    .rng = {5, 5},
                    .id = t->id,
                    .draw = t->draw,
                    .u = t->u,
                    .lambda = t->lambda,
                    .x = t->x,
                    .noise = t->noise,
                    .z = t->z,
                    .z2 = t->z2,
                    .dz = t->dz,
                    .keep = t->keep,
                    .at = t->at,
                    .at2 = t->at2,
                    .dlambda = t->dlambda,
                    .token = t->token,
                    .out = t->out,
                    .target = t->target,
                    .base = t->base,
                    .gain = t->gain,
                    .w = t->w,
                    .scale = 1,
                    .loss = t->loss,
                    .dw = t->dw,
                    .grad = t->grad};
}

/* An objective whose answers this suite can make: one evaluation, no teacher, no tokens. */
static bool plain(const Tile *t) { return t->needs.wants == 0 && t->needs.keep <= 64; }

static void corrupt(Tile *t, const EbbChild *objective) {
  EbbWork *work = work_new();
  CHECK_OK(((const EbbObjectiveOps *)objective->ops)->corrupt(objective->self, work, &t->b));
  work_free(work);
}

/* The answer of a network whose xhat is x + error (NUMBERS); the same xhat for every prediction. */
static void answer(Tile *t, const double *error) {
  for (int i = 0; i < NUMBERS; i++) {
    const EbbLevel *l = &t->at[i / DIM];
    Affine a = prediction_affine(t->needs.prediction, l);
    Target target = prediction_target(t->needs.prediction, l);
    t->target[i] = (float)(target.x * (double)t->x[i] + target.noise * (double)t->noise[i]);
    t->out[i] = (float)((double)t->target[i] + error[i] / a.gain);
    t->base[i] = (float)(a.skip * (double)t->z[i]);
    t->gain[i] = (float)a.gain;
  }
}

static void loss(Tile *t, const EbbChild *objective) {
  EbbWork *work = work_new();
  CHECK_OK(((const EbbObjectiveOps *)objective->ops)->loss(objective->self, work, &t->b));
  work_free(work);
}

static double error_of(int i) { return 0.5 + 0.25 * (i % 5) - 0.4 * (i % 3); }

static void errors(double *error) {
  for (int i = 0; i < NUMBERS; i++) error[i] = error_of(i);
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_OBJECTIVE); }

static void needs_and_corrupted_values_are_sane(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_OBJECTIVE, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_OBJECTIVE, all[i]->id);
    Tile t;
    tile_new(&t, &child, ROWS);
    CHECK(t.needs.prediction <= EBB_PREDICT_BOUNDARY, "%s: prediction %u", all[i]->id, t.needs.prediction);
    CHECK(t.needs.result == EBB_MEAN || t.needs.result == EBB_MEAN_ODE || t.needs.result == EBB_MAP, "%s: result %u", all[i]->id, t.needs.result);
    CHECK(t.needs.keep >= 0 && t.needs.wants < 64, "%s: keep %d, wants %u", all[i]->id, (int)t.needs.keep, t.needs.wants);
    if (!plain(&t)) continue;
    corrupt(&t, &child);
    for (int k = 0; k < NUMBERS; k++) {
      const EbbLevel *l = &t.at[k / DIM];
      CHECK(l->alpha > 0 && l->sigma > 0 && isfinite(l->dlambda), "%s: row %d has no level", all[i]->id, k / DIM);
      CHECK_NEAR((double)t.z[k], l->alpha * (double)t.x[k] + l->sigma * (double)t.noise[k], 1e-6, "%s: z of number %d", all[i]->id, k);
    }
    for (int r = 1; r < ROWS; r++) CHECK(t.at[r].lambda != t.at[0].lambda, "%s: rows share a noise level", all[i]->id);
  }
}

/* Central differences of the loss in each number of the network's answer; other rows must not move. */
static void the_gradient_agrees_with_differences(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_OBJECTIVE, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_OBJECTIVE, all[i]->id);
    Tile t;
    tile_new(&t, &child, ROWS);
    if (!plain(&t)) continue;
    corrupt(&t, &child);
    double error[NUMBERS];
    errors(error);
    answer(&t, error);
    t.b.scale = 0.25;
    loss(&t, &child);
    Tile base = t;
    for (int k = 0; k < NUMBERS; k++) {
      double side[2], step = 0;
      for (int s = 0; s < 2; s++) {
        t.out[k] = base.out[k] + (s ? 1e-2f : -1e-2f);
        step = s ? (double)t.out[k] - step : (double)t.out[k];
        loss(&t, &child);
        side[s] = t.loss[k / DIM];
        for (int r = 0; r < ROWS; r++)
          if (r != k / DIM) CHECK(t.loss[r] == base.loss[r], "%s: number %d moves the loss of row %d", all[i]->id, k, r);
      }
      t.out[k] = base.out[k];
      CHECK_NEAR((double)base.grad[k], 0.25 * (side[1] - side[0]) / step, 1e-4 * (1e-2 + fabs((double)base.grad[k])), "%s: gradient of number %d",
                 all[i]->id, k);
    }
  }
}

static void rows_alone_have_the_bits_they_have_in_a_tile(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_OBJECTIVE, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_OBJECTIVE, all[i]->id);
    Tile whole, part;
    tile_new(&whole, &child, ROWS);
    if (!plain(&whole)) continue;
    double error[NUMBERS];
    errors(error);
    corrupt(&whole, &child);
    answer(&whole, error);
    loss(&whole, &child);
    for (int rows = 0; rows < ROWS; rows++) {
      tile_new(&part, &child, rows);
      corrupt(&part, &child);
      answer(&part, error);
      loss(&part, &child);
      size_t numbers = (size_t)(rows * DIM);
      CHECK(memcmp(part.z, whole.z, numbers * sizeof *part.z) == 0 && memcmp(part.grad, whole.grad, numbers * sizeof *part.grad) == 0 &&
                memcmp(part.loss, whole.loss, (size_t)rows * sizeof *part.loss) == 0,
            "%s: %d rows have other bits than within %d", all[i]->id, rows, ROWS);
      for (int k = rows * DIM; k < NUMBERS; k++)
        CHECK(part.grad[k] == 0 && part.z[k] == 0, "%s: %d rows: number %d was written", all[i]->id, rows, k);
    }
  }
}

/* ---- diffusion ---- */

static const char *const predictions[] = {"x", "noise", "v", "velocity", "score", "F"};
static const char *const weights[] = {"edm", "sigmoid", "flow", "v", "min_snr", "likelihood", "unit"};

/* The handbook's weights on the loss of eps. */
static double weight_of(const char *name, const EbbLevel *l) {
  double S = exp(l->lambda);
  if (strcmp(name, "edm") == 0 || strcmp(name, "v") == 0) return 1 + 1 / S;
  if (strcmp(name, "sigmoid") == 0) return 1 / (1 + exp(l->lambda - 2));
  if (strcmp(name, "flow") == 0) return pow(1 + exp(-l->lambda / 2), 2);
  if (strcmp(name, "min_snr") == 0) return fmin(S, 5) / S;
  return strcmp(name, "likelihood") == 0 ? -l->dlambda : 1;
}

/* T3.1: with xhat off by the same, every prediction has the same loss, w mean |eps-hat - eps|^2, and the same gradient in xhat. */
static void all_predictions_give_one_loss_and_gradient(void) {
  double error[NUMBERS];
  errors(error);
  for (size_t w = 0; w < COUNT(weights); w++)
    for (size_t p = 0; p < COUNT(predictions); p++) {
      EbbChild child = suite_make(EBB_OBJECTIVE, arena_print(suite_arena(), "{use: diffusion, predict: %s, weight: %s}", predictions[p], weights[w]));
      Tile t;
      tile_new(&t, &child, ROWS);
      CHECK(t.needs.prediction == p && t.needs.result == EBB_MEAN, "prediction %s", predictions[p]);
      corrupt(&t, &child);
      answer(&t, error);
      loss(&t, &child);
      for (int r = 0; r < ROWS; r++) {
        double S = exp(t.at[r].lambda), mean = 0;
        for (int k = 0; k < DIM; k++) mean += S * pow(error[r * DIM + k], 2) / DIM;
        CHECK_NEAR(t.loss[r] / (weight_of(weights[w], &t.at[r]) * mean), 1, 1e-5, "%s, %s: loss at lambda %g", predictions[p], weights[w],
                   t.at[r].lambda);
        for (int k = r * DIM; k < (r + 1) * DIM; k++) {
          double wanted = weight_of(weights[w], &t.at[r]) * S * 2 * error[k] / DIM;
          double got = (double)t.grad[k] / prediction_affine(t.needs.prediction, &t.at[r]).gain;
          CHECK_NEAR(got / wanted, 1, 1e-4, "%s, %s: gradient at lambda %g", predictions[p], weights[w], t.at[r].lambda);
        }
      }
    }
}

/* A15: min-SNR is defined on xhat; the table for gamma 5, and no 0/0 at S = 0. */
static void min_snr_is_converted_as_its_definition_says(void) {
  static const struct { double S, of[3]; /* x, noise, v */ } known[] = {{0.1, {0.1, 1, 0.0909090909}}, {25, {5, 0.2, 0.1923076923}}, {0, {0, 1, 0}}};
  for (size_t i = 0; i < COUNT(known); i++)
    for (size_t p = 0; p < 3; p++) {
      EbbChild child = suite_make(EBB_OBJECTIVE, arena_print(suite_arena(), "{use: diffusion, predict: %s, weight: min_snr}", predictions[p]));
      Tile t;
      tile_new(&t, &child, 1);
      double alpha = sqrt(known[i].S / (1 + known[i].S)), sigma = sqrt(1 / (1 + known[i].S));
      t.at[0] = (EbbLevel){.alpha = alpha, .sigma = sigma, .dalpha = -sigma, .dsigma = alpha, .lambda = log(known[i].S), .dlambda = -1};
      for (int k = 0; k < DIM; k++) t.out[k] = t.target[k] + 1;
      loss(&t, &child);
      CHECK_NEAR(t.loss[0], known[i].of[p], 1e-6, "%s at S = %g", predictions[p], known[i].S);
    }
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"needs and corrupted values are sane", needs_and_corrupted_values_are_sane},
    {"the gradient agrees with differences", the_gradient_agrees_with_differences},
    {"rows alone have the bits they have in a tile", rows_alone_have_the_bits_they_have_in_a_tile},
    {"all predictions give one loss and gradient", all_predictions_give_one_loss_and_gradient},
    {"min-SNR is converted as its definition says", min_snr_is_converted_as_its_definition_says},
};
TEST_MAIN("objectives", tests)
