/* SPDX-License-Identifier: MIT
 *
 * Objectives of consistency maps on exact fields (methods.md 3.3, 3.4), and what the host answers beside one evaluation: the twin under the same
 * dropout mask, the tangent along the path. */

#include "folder.h"
#include "num/random.h"
#include "oracle.h"
#include "run/corrupt.h"
#include "run/run.h"
#include "run/weigh.h"

static const double MEAN = 0.7, SD = 0.5; /* G(.7, .25) */

static const EbbSchedule *schedule_of(const char *yaml) {
  EbbChild *child = ARENA_NEW(suite_arena(), EbbChild);
  Schedule *s = ARENA_NEW(suite_arena(), Schedule);
  *child = suite_make(EBB_SCHEDULE, yaml);
  suite_schedule(child, s);
  return &s->view;
}

/* f of G(m, s^2), the identity at u_min = 0, in one dimension. */
static double map_of(const EbbLevel *l, double z) { return MEAN + SD * (z - l->alpha * MEAN) / hypot(l->alpha * SD, l->sigma); }

/* A tile of one number a row: x ~ G, standard noise, stratified u. */
static EbbBatch *tile(const EbbSchedule *s, int64_t rows, uint64_t step, uint64_t steps) {
  Arena *a = suite_arena();
  EbbBatch *b = ARENA_NEW(a, EbbBatch);
  float *x = ARENA_ARRAY(a, float, rows), *noise = ARENA_ARRAY(a, float, rows);
  double *u = ARENA_ARRAY(a, double, rows), *normal = ARENA_ARRAY(a, double, 2 * rows);
  uint64_t *id = ARENA_ARRAY(a, uint64_t, rows), zero = 0;
  random_normal((EbbRng){21, 1}, 1, &zero, NULL, 0, 2 * rows, normal);
  for (int64_t i = 0; i < rows; i++) {
    x[i] = (float)(MEAN + SD * normal[2 * i]);
    noise[i] = (float)normal[2 * i + 1];
    u[i] = ((double)i + 0.5) / (double)rows;
    id[i] = (uint64_t)i;
  }
  *b = (EbbBatch){
      .size = sizeof *b, .rows = rows, .dim = 1, .tokens = 1, .step = step, .steps = steps, .schedule = s, .id = id, .u = u, .x = x, .noise = noise};
  float **floats[] = {&b->z,
                      &b->z2,
                      &b->dz,
                      &b->grad,
                      (float **)&b->out,
                      (float **)&b->out2,
                      (float **)&b->jout,
                      (float **)&b->base,
                      (float **)&b->gain,
                      (float **)&b->base2,
                      (float **)&b->gain2};
  for (size_t i = 0; i < COUNT(floats); i++) *floats[i] = ARENA_ARRAY(a, float, rows);
  b->at = ARENA_ARRAY(a, EbbLevel, rows);
  b->at2 = ARENA_ARRAY(a, EbbLevel, rows);
  b->dlambda = ARENA_ARRAY(a, double, rows);
  b->w = ARENA_ARRAY(a, double, rows);
  b->dw = ARENA_ARRAY(a, double, rows);
  b->loss = ARENA_ARRAY(a, double, rows);
  b->scale = 1;
  return b;
}

static void corrupt(const EbbChild *objective, EbbBatch *b) {
  EbbWork *work = work_new();
  CHECK_OK(((const EbbObjectiveOps *)objective->ops)->corrupt(objective->self, work, b));
  work_free(work);
}
static void loss(const EbbChild *objective, EbbBatch *b) {
  EbbWork *work = work_new();
  CHECK_OK(((const EbbObjectiveOps *)objective->ops)->loss(objective->self, work, b));
  work_free(work);
}

/* ---- iCT ---- */

static double u_of(const EbbLevel *l) { return l->sigma / l->alpha; }

/* T3.4: K = 1000, s0 10, s1 150. Every pair is two neighbours of a grid of N(k) points, whose smallest is the schedule's. */
static void the_grid_grows_as_the_table_says(void) {
  static const struct {
    uint64_t step;
    int points;
  } known[] = {{0, 11}, {202, 11}, {203, 21}, {405, 21}, {406, 41}, {609, 81}, {811, 81}, {812, 151}, {999, 151}, {1000, 151}};
  const EbbSchedule *s = schedule_of("{use: edm_vp, sigma_min: .001}");
  EbbChild objective = suite_make(EBB_OBJECTIVE, "consistency");
  double a = pow(.001, 1.0 / 7), b = pow(80, 1.0 / 7);
  for (size_t k = 0; k < COUNT(known); k++) {
    EbbBatch *t = tile(s, 4000, known[k].step, 1000);
    corrupt(&objective, t);
    double seen = 0;
    for (int64_t r = 0; r < t->rows; r++) {
      double place = (pow(u_of(&t->at[r]), 1.0 / 7) - a) / (b - a) * (known[k].points - 1);
      double before = (pow(u_of(&t->at2[r]), 1.0 / 7) - a) / (b - a) * (known[k].points - 1);
      CHECK(fabs(place - round(place)) < 1e-5 && fabs(place - before - 1) < 1e-5, "step %d: a pair at places %g, %g of %d points", (int)known[k].step,
            before, place, known[k].points);
      CHECK_NEAR((double)t->z2[r], t->at2[r].alpha * (double)t->x[r] + t->at2[r].sigma * (double)t->noise[r], 1e-6, "the twin's z");
      seen = fmax(seen, place);
    }
    CHECK_NEAR(seen, known[k].points - 1, 1e-5, "step %d: the largest level", (int)known[k].step);
  }
}

/* The law of pairs: ln u_{i+1} of the median pair is near P_m = -1.1, and shares follow the normal's. */
static void pairs_follow_their_law(void) {
  const EbbSchedule *s = schedule_of("{use: edm_vp, sigma_min: .001}");
  EbbChild objective = suite_make(EBB_OBJECTIVE, "consistency");
  EbbBatch *t = tile(s, 20000, 1000, 1000);
  corrupt(&objective, t);
  double below[3] = {0};
  static const double at[3] = {-3.1, -1.1, 0.9}; /* -1, 0, 1 sd */
  for (int64_t r = 0; r < t->rows; r++)
    for (int i = 0; i < 3; i++) below[i] += 0.5 * (log(u_of(&t->at[r])) + log(u_of(&t->at2[r]))) < at[i] ? 1.0 / 20000 : 0;
  static const double share[3] = {.1587, .5, .8413};
  for (int i = 0; i < 3; i++) CHECK_NEAR(below[i], share[i], 0.02, "share of pairs below ln u = %g", at[i]);
}

/* T3.5: with the exact map the mean squared difference falls by about 4 per doubling of N, and is not 0. */
static void the_exact_map_still_differs_along_conditional_paths(void) {
  const EbbSchedule *s = schedule_of("{use: edm_vp, sigma_min: .001}");
  static const int n[] = {20, 40, 80, 160};
  double mean[4];
  for (int k = 0; k < 4; k++) {
    EbbChild objective = suite_make(EBB_OBJECTIVE, arena_print(suite_arena(), "{use: consistency, first: %d, last: %d}", n[k], n[k]));
    EbbBatch *t = tile(s, 200000, 0, 1);
    corrupt(&objective, t);
    double sum = 0, count = 0;
    for (int64_t r = 0; r < t->rows; r++) {
      if (u_of(&t->at[r]) < 0.25 || u_of(&t->at[r]) > 0.5) continue;
      double off = map_of(&t->at[r], (double)t->z[r]) - map_of(&t->at2[r], (double)t->z2[r]);
      sum += off * off;
      count++;
    }
    mean[k] = sum / count;
  }
  printf("\n    mean square at N = 20, 40, 80, 160: %.3g %.3g %.3g %.3g", mean[0], mean[1], mean[2], mean[3]);
  for (int k = 0; k < 3; k++) CHECK_NEAR(mean[k] / mean[k + 1], 4, 0.6, "ratio at N = %d", n[k]);
}

static void answer_pair(EbbBatch *t) {
  for (int64_t r = 0; r < t->rows; r++) {
    ((float *)t->base)[r] = 0.3f * t->z[r];
    ((float *)t->gain)[r] = 0.5f;
    ((float *)t->base2)[r] = 0.2f * t->z2[r];
    ((float *)t->gain2)[r] = 0.4f;
    ((float *)t->out)[r] = (float)sin((double)r);
    ((float *)t->out2)[r] = (float)cos((double)r);
  }
}

static void pseudo_huber_is_that_of_the_vector_and_its_gradient_agrees(void) {
  const EbbSchedule *s = schedule_of("{use: edm_vp, sigma_min: .001}");
  static const char *const yaml[] = {"{use: consistency, huber: 0.3}", "{use: consistency_distillation, huber: 0.3}"};
  for (size_t k = 0; k < COUNT(yaml); k++) {
    EbbChild objective = suite_make(EBB_OBJECTIVE, yaml[k]);
    EbbBatch *t = tile(s, 6, 0, 1000);
    EbbChild pairs = suite_make(EBB_OBJECTIVE, "consistency");
    corrupt(&pairs, t);
    answer_pair(t);
    t->rows = 2; /* seen as rows of three numbers */
    t->dim = 3;
    t->at[1] = t->at[5];
    t->at2[1] = t->at2[5];
    for (int i = 0; i < 6; i++) ((float *)t->out)[i] = (float)sin(1.0 + i);
    t->scale = 0.25;
    loss(&objective, t);
    for (int r = 0; r < 2; r++) {
      double square = 0.09 * 3, span = u_of(&t->at[r]) - u_of(&t->at2[r]);
      for (int j = 3 * r; j < 3 * r + 3; j++)
        square +=
            pow((double)t->base[j] + (double)t->gain[j] * (double)t->out[j] - (double)t->base2[j] - (double)t->gain2[j] * (double)t->out2[j], 2);
      double wanted = (sqrt(square) - 0.3 * sqrt(3)) / span;
      CHECK_NEAR(t->loss[r] / wanted, 1, 1e-5, "%s: loss of row %d", yaml[k], r);
    }
    float grad[6];
    memcpy(grad, t->grad, sizeof grad);
    for (int j = 0; j < 6; j++) {
      float *out = (float *)t->out, kept = out[j];
      double side[2];
      for (int i = 0; i < 2; i++) {
        out[j] = kept + (i ? 1e-2f : -1e-2f);
        loss(&objective, t);
        side[i] = t->loss[j / 3];
      }
      out[j] = kept;
      CHECK_NEAR((double)grad[j] / (0.25 * (side[1] - side[0]) / 2e-2), 1, 2e-3, "%s: gradient of number %d", yaml[k], j);
    }
  }
}

/* ---- distillation ---- */

/* With the exact teacher of G the exact map has no loss but that of the teacher's step: order 2 of Heun, 1 of Euler, so that the mean square falls by
 * 4^(order + 1) per doubling at one place. */
static void distillation_of_the_exact_teacher_has_the_exact_map(void) {
  static const struct {
    const char *step;
    double ratio, most;
  } known[] = {{"heun", 64, 2e-8}, {"euler", 16, 1e-5}};
  const EbbSchedule *s = schedule_of("{use: edm_vp, sigma_min: .001}");
  Oracle o;
  oracle_gaussian(&o, 1, &MEAN, &SD);
  for (size_t c = 0; c < COUNT(known); c++) {
    double mean[2];
    for (int k = 0; k < 2; k++) {
      EbbChild objective =
          suite_make(EBB_OBJECTIVE, arena_print(suite_arena(), "{use: consistency_distillation, intervals: %d, step: %s}", 20 << k, known[c].step));
      EbbBatch *t = tile(s, 100000, 0, 1);
      t->teacher = &o.field;
      corrupt(&objective, t);
      double sum = 0, count = 0;
      for (int64_t r = 0; r < t->rows; r++) {
        if (u_of(&t->at[r]) < 0.15 || u_of(&t->at[r]) > 1.5) continue;
        double off = map_of(&t->at[r], (double)t->z[r]) - map_of(&t->at2[r], (double)t->z2[r]);
        sum += off * off;
        count++;
      }
      mean[k] = sum / count;
    }
    printf("\n    %s: mean square %.3g, %.3g at 20, 40 intervals", known[c].step, mean[0], mean[1]);
    CHECK(mean[0] / mean[1] > 0.5 * known[c].ratio && mean[0] / mean[1] < 2 * known[c].ratio, "%s: ratio %g", known[c].step, mean[0] / mean[1]);
    CHECK(mean[1] < known[c].most * 40, "%s: mean square %g", known[c].step, mean[1]);
  }
}

/* ---- sCM ---- */

/* The exact answer F of G, f = cos t z + sin t F, and cos t sin t dF/dt along the path, by central differences in the angle. */
static double exact_F(double t, double z) {
  EbbLevel l = {.alpha = cos(t), .sigma = sin(t)};
  return (map_of(&l, z) - cos(t) * z) / sin(t);
}

/* T3.6: E[g | z] = 0: the regression of g on z has neither slope nor intercept; a tangent counted twice would show. */
static void the_tangents_mean_vanishes_on_the_exact_map(void) {
  enum { ROWS = 2000000 };
  static const double angle[] = {0.2, 0.8, 1.3}, twice[] = {.112, -.131, -.167};
  const EbbSchedule *s = schedule_of("{use: edm_vp, sigma_min: .001}");
  EbbChild objective = suite_make(EBB_OBJECTIVE, "{use: continuous_consistency, normalise: none, warmup: 0}");
  EbbBatch *t = tile(s, ROWS, 1, 1);
  double *u = (double *)t->u;
  for (size_t k = 0; k < COUNT(angle); k++) {
    double slopes[2];
    for (int64_t r = 0; r < ROWS; r++)
      u[r] = 0.5 * erfc(-(log(tan(angle[k])) + 1) / 1.4 / sqrt(2)); /* where ln tan t ~ N(-1, 1.4^2) is at this angle */
    corrupt(&objective, t);
    CHECK_NEAR(atan(u_of(&t->at[0])), angle[k], 1e-6, "angle");
    double c = cos(angle[k]), i = sin(angle[k]), h = 1e-4;
    for (int factor = 0; factor < 2; factor++) {
      double sums[5] = {0}; /* 1, z, z^2, g, z g */
      for (int64_t r = 0; r < ROWS; r++) {
        double x = (double)t->x[r], e = (double)t->noise[r], z = c * x + i * e;
        double plus = exact_F(angle[k] + h, cos(angle[k] + h) * x + sin(angle[k] + h) * e);
        double minus = exact_F(angle[k] - h, cos(angle[k] - h) * x + sin(angle[k] - h) * e);
        ((float *)t->out)[r] = (float)exact_F(angle[k], z);
        ((float *)t->jout)[r] = (float)((factor ? c * i : 1) * c * i * (plus - minus) / (2 * h));
      }
      loss(&objective, t);
      for (int64_t r = 0; r < ROWS; r++) {
        double z = (double)t->z[r], g = (double)t->grad[r] / 2;
        sums[0] += 1;
        sums[1] += z;
        sums[2] += z * z;
        sums[3] += g;
        sums[4] += z * g;
      }
      double mz = sums[1] / sums[0], mg = sums[3] / sums[0];
      slopes[factor] = (sums[4] / sums[0] - mz * mg) / (sums[2] / sums[0] - mz * mz);
      double intercept = mg - slopes[factor] * mz;
      if (factor == 0) CHECK(fabs(slopes[0]) < 0.002 && fabs(intercept) < 0.002, "t = %g: slope %g, intercept %g", angle[k], slopes[0], intercept);
    }
    printf("\n    t = %g: slope %.5f; with the factor twice %.4f", angle[k], slopes[0], slopes[1]);
    CHECK_NEAR(fabs(slopes[1]), fabs(twice[k]), 0.01, "t = %g: the wrong version's slope", angle[k]);
  }
}

static void the_weight_has_its_gradient_and_the_tangent_its_bounds(void) {
  static const char *const ways[] = {"norm", "clip", "none"};
  const EbbSchedule *s = schedule_of("edm_vp");
  for (size_t k = 0; k < COUNT(ways); k++) {
    EbbChild objective = suite_make(EBB_OBJECTIVE, arena_print(suite_arena(), "{use: continuous_consistency, normalise: %s}", ways[k]));
    EbbBatch *t = tile(s, 50, 7, 1000);
    corrupt(&objective, t);
    for (int64_t r = 0; r < 50; r++) {
      ((float *)t->out)[r] = (float)(3 * sin((double)r));
      ((float *)t->jout)[r] = (float)cos((double)r);
      ((double *)t->w)[r] = 0.1 * (double)(r % 7);
    }
    loss(&objective, t);
    double kept[50], dw[50];
    memcpy(kept, t->loss, sizeof kept);
    memcpy(dw, t->dw, sizeof dw);
    for (int64_t r = 0; r < 50; r++) {
      double g = (double)t->grad[r] / (2 * exp(t->w[r]));
      if (k < 2) CHECK(fabs(g) <= 1 + 1e-6, "%s: |g| = %g", ways[k], fabs(g));
      CHECK_NEAR(kept[r], exp(t->w[r]) * g * g - t->w[r], 1e-5 * (1 + fabs(kept[r])), "%s: loss", ways[k]);
      ((double *)t->w)[r] += 1e-5;
    }
    loss(&objective, t);
    for (int64_t r = 0; r < 50; r++) CHECK_NEAR(dw[r], (t->loss[r] - kept[r]) / 1e-5, 1e-3 * (1 + fabs(dw[r])), "%s: gradient in w", ways[k]);
  }
}

/* ---- the host's answers ---- */

typedef struct Host {
  Run run;
  Model *model;
  Dataset set;
  Trainer *trainer;
  float *weights;
} Host;

enum { ROWS = 24 };

/* A model of two moons with random weights everywhere, so that no layer is silent. */
static Host *host(const char *objective) {
  Host *h = ARENA_NEW(suite_arena(), Host);
  Folder folder = folder_begin();
  const char *path = path_join(folder.arena, folder.path, "spec.yaml");

  const char *text = arena_print(suite_arena(),
                                 "simulator: two_moons\nmodel:\n  objective: %s\n  schedule: {use: edm_vp, sigma_min: .002}\n"
                                 "  network: {use: time_mlp, width: 32, blocks: 2, dropout: 0.3}\n",
                                 objective);
  CHECK_OK(file_write(path, text, strlen(text)));

  Spec *spec;
  Pool *pool;
  CHECK_OK(pool_new(1, &pool));
  CHECK_OK(spec_load(suite_arena(), suite_registry(), path, NULL, 0, &spec));
  folder_end(&folder);
  h->run = (Run){
      .arena = suite_arena(), .pool = pool, .registry = suite_registry(), .spec = spec, .runs = "absent", .name = "n", .store = "absent/.store"};
  CHECK_OK(run_prepare(&h->run, GOAL_TRAIN));
  CHECK_OK(model_new(suite_arena(), pool, spec, &h->run.info, &h->model));
  float *theta = ARENA_ARRAY(suite_arena(), float, ROWS * 2), *x = ARENA_ARRAY(suite_arena(), float, ROWS * 2);
  for (int i = 0; i < ROWS * 2; i++) {
    theta[i] = (float)(0.9 * sin(1.3 * i));
    x[i] = (float)cos(0.7 * i);
  }
  for (int j = 0; j < 2; j++) h->model->inputs.column[j] = (ColumnMap){.rule = COLUMN_MEAN, .scale = 1, .low = -9, .high = 9};
  h->set = (Dataset){.rows = ROWS, .usable = ROWS, .d = 2, .q = 2, .theta = theta, .x = x};
  int64_t floats = graph_floats(h->model->graph);
  h->weights = ARENA_ARRAY(suite_arena(), float, floats);
  graph_init(h->model->graph, (EbbRng){1, 1}, h->weights);
  size_t n;
  const Tensor *tensor = graph_tensors(h->model->graph, &n);
  for (size_t k = 0; k < n; k++)
    for (int64_t i = 0; i < tensor[k].count; i++) h->weights[tensor[k].offset + i] += 0.2f * (float)sin((double)i + 3.0 * (double)k);
  CHECK_OK(trainer_new(suite_arena(), h->model->graph, ROWS, &h->trainer));
  EbbWork *work = work_new();
  for (int64_t i = 0; i < trainer_parts(h->trainer); i++) CHECK_OK(trainer_pack(h->trainer, work, i, h->weights));
  work_free(work);
  return h;
}

static Question question(Host *h, EbbWork *work, Beside *beside, EbbBatch *batch) {
  static uint64_t id[ROWS];
  static uint32_t draw[ROWS];
  static double u[ROWS];
  TrainerRows rows = trainer_rows(h->trainer);
  for (int i = 0; i < ROWS; i++) {
    id[i] = (uint64_t)i;
    draw[i] = 5;
    u[i] = (i + 0.5) / ROWS;
  }
  Question q = {
      .model = h->model, .set = &h->set, .rows = ROWS, .row = id, .draw = draw, .u = u, .rng = {3, 3}, .step = 10, .steps = 10, .beside = beside};
  q.z = rows.z;
  q.tau = rows.tau;
  q.value = rows.value;
  q.z_row = rows.z_row;
  q.tau_row = rows.tau_row;
  q.value_row = rows.value_row;
  CHECK_OK(question_ask(&q, work, batch));
  return q;
}

/* The twin at the same question has the same bits, masks included; without masks it has others; at its own question others again. */
static void the_twin_shares_the_dropout_mask(void) {
  Host *h = host("{use: consistency}");
  EbbWork *work = work_new();
  Beside beside;
  EbbBatch batch;
  Question q = question(h, work, &beside, &batch);
  TrainerNoise noise = {{9, 9}, q.row, q.draw}, other = {{9, 10}, q.row, q.draw};
  CHECK_OK(trainer_forward(h->trainer, work, &noise, 0, ROWS));
  TrainerRows rows = trainer_rows(h->trainer);
  float z[ROWS * 2], tau[ROWS], same[ROWS * 2], differs[ROWS * 2], part[ROWS * 2];
  for (int i = 0; i < ROWS; i++) {
    memcpy(z + 2 * i, rows.z + i * rows.z_row, 2 * sizeof *z);
    tau[i] = rows.tau[i * rows.tau_row];
  }
  CHECK_OK(trainer_twin(h->trainer, work, &noise, 0, ROWS, z, tau, same));
  CHECK_OK(trainer_twin(h->trainer, work, &other, 0, ROWS, z, tau, differs));
  int changed = 0;
  for (int i = 0; i < ROWS; i++) {
    CHECK(memcmp(same + 2 * i, rows.out + i * rows.out_row, 2 * sizeof *same) == 0, "row %d: the twin at the same question differs", i);
    changed += memcmp(differs + 2 * i, same + 2 * i, 2 * sizeof *same) != 0;
  }
  CHECK(changed > ROWS / 2, "other masks change only %d rows", changed);
  CHECK_OK(trainer_twin(h->trainer, work, &noise, 7, 9, z + 14, tau + 7, part));
  CHECK(memcmp(part, same + 14, 18 * sizeof *part) == 0, "rows 7 to 15 alone have other bits");
  CHECK_OK(trainer_twin(h->trainer, work, &noise, 0, ROWS, beside.z2, beside.tau2, differs));
  CHECK(memcmp(differs, same, sizeof same) != 0, "the twin's own question changes nothing");
  work_free(work);
}

/* T3.7: the tangent that the host makes is the derivative of the answer along z = alpha x + sigma eps, times -2. */
static void the_tangent_agrees_with_differences_along_the_path(void) {
  Host *h = host("{use: continuous_consistency}");
  EbbWork *work = work_new();
  Beside beside;
  EbbBatch batch;
  Question q = question(h, work, &beside, &batch);
  const ScheduleView *v = &h->model->view;
  const Forward *now = trainer_weights_now(h->trainer);
  float z[ROWS * 2], tau[ROWS], side[2][ROWS * 2], out[ROWS * 2], jout[ROWS * 2];
  double step = 0.02, worst = 0;
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < ROWS; i++) {
      double lambda = batch.at[i].lambda + (k ? step : -step), t;
      EbbLevel l;
      v->schedule.inverse(&v->schedule, 1, &lambda, &t);
      v->schedule.at(&v->schedule, 1, &t, &l);
      tau[i] = (float)schedule_tau(v, l.lambda);
      for (int j = 0; j < 2; j++)
        z[2 * i + j] = (float)((l.alpha * (double)batch.x[2 * i + j] + l.sigma * (double)batch.noise[2 * i + j]) / hypot(l.alpha, l.sigma));
    }
    ForwardRows rows = {.rows = ROWS, .z = z, .value = beside.value, .tau = tau, .level_step = 1};
    CHECK_OK(forward_eval(now, work, &rows, side[k]));
  }
  for (int i = 0; i < ROWS; i++) {
    memcpy(z + 2 * i, q.z + i * q.z_row, 2 * sizeof *z);
    tau[i] = q.tau[i * q.tau_row];
  }
  ForwardRows rows = {.rows = ROWS, .z = z, .value = beside.value, .tau = tau, .level_step = 1};
  CHECK_OK(forward_jvp(now, work, &rows, 1, beside.tz, beside.ttau, out, jout));
  double size = 0;
  for (int i = 0; i < ROWS * 2; i++) {
    double slope = -2 * ((double)side[1][i] - (double)side[0][i]) / (2 * step);
    if (i / 2 == 0 || i / 2 == ROWS - 1) continue; /* the range's ends, where lambda +- step is cut */
    worst = fmax(worst, fabs(slope - (double)jout[i]));
    size = fmax(size, fabs(slope));
  }
  printf("\n    largest tangent %.3f, off by at most %.1e", size, worst);
  CHECK(size > 0.1 && worst < 0.01 * size, "tangents up to %g, off by %g", size, worst);
  work_free(work);
}

static const Test tests[] = {
    {"the grid grows as the table says", the_grid_grows_as_the_table_says},
    {"pairs follow their law", pairs_follow_their_law},
    {"the exact map still differs along conditional paths", the_exact_map_still_differs_along_conditional_paths},
    {"pseudo-Huber is that of the vector and its gradient agrees", pseudo_huber_is_that_of_the_vector_and_its_gradient_agrees},
    {"distillation of the exact teacher has the exact map", distillation_of_the_exact_teacher_has_the_exact_map},
    {"the tangent's mean vanishes on the exact map", the_tangents_mean_vanishes_on_the_exact_map},
    {"the weight has its gradient and the tangent its bounds", the_weight_has_its_gradient_and_the_tangent_its_bounds},
    {"the twin shares the dropout mask", the_twin_shares_the_dropout_mask},
    {"the tangent agrees with differences along the path", the_tangent_agrees_with_differences_along_the_path},
};
TEST_MAIN("consistency objectives", tests)
