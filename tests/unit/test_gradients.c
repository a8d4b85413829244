/* SPDX-License-Identifier: MIT
 *
 * Derivatives of whole networks against central differences of the reference in double, tangents against cotangents, and the trainer: its values, its
 * gradients, its masks, and that no bit depends on how rows and parts are shared. */
#include "graph_nets.h"

enum { ROWS = 37, MOST = 8 };
static const EbbRng noise_stream = {.seed = 5, .stream = 6};

typedef struct Points {
  float z[ROWS * MOST], value[ROWS * MOST], tau[ROWS], u[ROWS * MOST];
} Points;
static Points points_new(void) {
  Points p;
  for (int i = 0; i < ROWS * MOST; i++) p.z[i] = (float)lottery(), p.value[i] = (float)lottery(), p.u[i] = (float)lottery();
  for (int i = 0; i < ROWS; i++) p.tau[i] = (float)lottery();
  return p;
}

/* <u, f> of one row, or of all rows when row is -1. */
static double loss(const Sample *s, const double *weights, const Points *p, int64_t row, const double *z, double tau) {
  double sum = 0;
  int64_t d = s->net->dim;
  for (int64_t i = row < 0 ? 0 : row; i < (row < 0 ? ROWS : row + 1); i++) {
    double at[MOST], out[MOST];
    for (int64_t j = 0; j < d; j++) at[j] = row < 0 ? p->z[i * d + j] : z[j];
    reference(s, weights, at, row < 0 ? p->tau[i] : tau, p->value + i * s->net->data, out);
    for (int64_t j = 0; j < d; j++) sum += p->u[i * d + j] * out[j];
  }
  return sum;
}

static Forward *loaded(const Sample *s) {
  Forward *f;
  CU_ASSERT_EQUAL_FATAL(forward_new(s->arena, s->graph, &f), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(forward_load(f, NULL, s->weights), EBB_OK);
  return f;
}

static EbbStatus given(void *ctx, int64_t first, int64_t rows, const float *out, float *u) {
  const Sample *s = ((void **)ctx)[0];
  const Points *p = ((void **)ctx)[1];
  (void)out;
  memcpy(u, p->u + first * s->net->dim, (size_t)(rows * s->net->dim) * sizeof *u);
  return EBB_OK;
}

/* ---- Inputs ---- */

static void input_derivatives_agree_with_differences(void) {
  int32_t act = mlp.act;
  enum { K = 3 };
  const double h = 1e-6;
  for (size_t k = 0; k < COUNT(nets); k++)
    for (mlp.act = EBB_ACT_SILU; mlp.act <= EBB_ACT_GELU; mlp.act++) {
      Sample s = sample_new(&nets[k]);
      Points p = points_new();
      int64_t d = s.net->dim;
      Forward *f = loaded(&s);
      EbbWork *work = work_new();
      ForwardRows r = {.rows = ROWS, .z = p.z, .value = p.value, .tau = p.tau, .level_step = 1};
      float want[ROWS * MOST], out[ROWS * MOST], dz[ROWS * MOST], tz[ROWS * K * MOST], ttau[ROWS * K], tout[ROWS * K * MOST];
      for (int i = 0; i < ROWS * K * MOST; i++) tz[i] = (float)lottery();
      for (int i = 0; i < ROWS * K; i++) ttau[i] = (float)lottery();
      CU_ASSERT_EQUAL(forward_eval(f, work, &r, want), EBB_OK);
      const void *ctx[2] = {&s, &p};
      CU_ASSERT_EQUAL(forward_vjp(f, work, &r, given, ctx, out, dz), EBB_OK);
      CU_ASSERT(memcmp(out, want, (size_t)(ROWS * d) * sizeof *out) == 0);
      for (int timed = 0; timed < 2; timed++) {
        memset(out, 0, sizeof out);
        CU_ASSERT_EQUAL(forward_jvp(f, work, &r, K, tz, timed ? ttau : NULL, out, tout), EBB_OK);
        CU_ASSERT(memcmp(out, want, (size_t)(ROWS * d) * sizeof *out) == 0);
        double worst = 0, cross = 0;
        for (int64_t i = 0; i < ROWS; i++)
          for (int64_t j = 0; j < K; j++) {
            double side[2], dot = 0, back = 0, size = 1;
            for (int b = 0; b < 2; b++) {
              double z[MOST], e = b ? h : -h;
              for (int64_t l = 0; l < d; l++) z[l] = p.z[i * d + l] + e * tz[(i * K + j) * d + l];
              side[b] = loss(&s, s.exact, &p, i, z, p.tau[i] + (timed ? e * ttau[i * K + j] : 0));
            }
            for (int64_t l = 0; l < d; l++) {
              dot += (double)p.u[i * d + l] * tout[(i * K + j) * d + l];
              back += (double)dz[i * d + l] * tz[(i * K + j) * d + l];
              size += fabs(dz[i * d + l]);
            }
            worst = fmax(worst, fabs((side[1] - side[0]) / (2 * h) - dot) / (size + fabs(dot)));
            if (!timed) cross = fmax(cross, fabs(dot - back) / size);
          }
        if (!(worst < 5e-5 && cross < 5e-6)) printf("%s, activation %d: differences %g, tangents %g\n", s.net->name, mlp.act, worst, cross);
        CU_ASSERT(worst < 5e-5);
        CU_ASSERT(cross < 5e-6);
      }
      work_free(work);
      arena_free(s.arena);
    }
  mlp.act = act;
}

/* Tangents and cotangents with everything hoisted, and in any split, give the same numbers as by row. */
static void derivatives_do_not_depend_on_how_rows_are_run(void) {
  for (size_t k = 0; k < COUNT(nets); k++) {
    Sample s = sample_new(&nets[k]);
    Points p = points_new();
    int64_t d = s.net->dim, q = s.net->data;
    Forward *f = loaded(&s);
    EbbWork *work = work_new();
    int32_t set[ROWS], level[ROWS];
    for (int i = 0; i < ROWS; i++) {
      set[i] = i < 20 ? 2 : i % 5, level[i] = i < 12 ? 0 : i % 3;
      memmove(p.value + i * q, p.value + set[i] * q, (size_t)q * sizeof(float));
      p.tau[i] = p.tau[level[i]];
    }
    for (int i = 0; i < 5; i++) CU_ASSERT_FATAL(set[20 + i] == i);
    float sets[5 * MOST];
    for (int i = 0; i < 5; i++) memcpy(sets + i * q, p.value + (20 + i) * q, (size_t)q * sizeof(float));
    CU_ASSERT_EQUAL_FATAL(forward_conditions(f, NULL, 5, sets), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(forward_levels(f, NULL, 3, p.tau), EBB_OK);
    float out[4][ROWS * MOST], dz[2][ROWS * MOST], ty[2][ROWS * 2 * MOST], tz[ROWS * 2 * MOST], ttau[ROWS * 2];
    for (int i = 0; i < ROWS * 2 * MOST; i++) tz[i] = (float)lottery();
    for (int i = 0; i < ROWS * 2; i++) ttau[i] = (float)lottery();
    ForwardRows hoisted = {.rows = ROWS, .z = p.z, .set = set, .level = level, .level_step = 1};
    const void *ctx[2] = {&s, &p};
    CU_ASSERT_EQUAL(forward_vjp(f, work, &hoisted, given, ctx, out[0], dz[0]), EBB_OK);
    CU_ASSERT_EQUAL(forward_jvp(f, work, &hoisted, 2, tz, ttau, out[1], ty[0]), EBB_OK);
    for (int64_t i = 0; i < ROWS; i++) {
      ForwardRows r = {.rows = 1, .z = p.z + i * d, .value = p.value + i * q, .tau = p.tau + i};
      Points here = p;
      memcpy(here.u, p.u + i * d, (size_t)d * sizeof(float));
      const void *mine[2] = {&s, &here};
      CU_ASSERT_EQUAL(forward_vjp(f, work, &r, given, mine, out[2] + i * d, dz[1] + i * d), EBB_OK);
      CU_ASSERT_EQUAL(forward_jvp(f, work, &r, 2, tz + 2 * i * d, ttau + 2 * i, out[3] + i * d, ty[1] + 2 * i * d), EBB_OK);
    }
    size_t bytes = (size_t)(ROWS * d) * sizeof(float);
    for (int i = 1; i < 4; i++) CU_ASSERT(memcmp(out[0], out[i], bytes) == 0);
    CU_ASSERT(memcmp(dz[0], dz[1], bytes) == 0);
    CU_ASSERT(memcmp(ty[0], ty[1], 2 * bytes) == 0);
    /* Twelve rows at one level, given once. */
    ForwardRows shared = {.rows = 12, .z = p.z, .value = p.value, .tau = p.tau, .level_step = 0};
    bytes = (size_t)(12 * d) * sizeof(float);
    CU_ASSERT_EQUAL(forward_jvp(f, work, &shared, 2, tz, ttau, out[1], ty[0]), EBB_OK);
    CU_ASSERT_EQUAL(forward_vjp(f, work, &shared, given, ctx, out[2], dz[0]), EBB_OK);
    CU_ASSERT(memcmp(out[1], out[0], bytes) == 0 && memcmp(out[2], out[0], bytes) == 0);
    CU_ASSERT(memcmp(dz[0], dz[1], bytes) == 0 && memcmp(ty[0], ty[1], 2 * bytes) == 0);
    work_free(work);
    arena_free(s.arena);
  }
}

static EbbStatus refuses(void *ctx, int64_t first, int64_t rows, const float *out, float *u) {
  (void)ctx, (void)rows, (void)out, (void)u;
  return fail(EBB_E_NUMERIC, "no cotangent at row %lld", (long long)first);
}
static void a_failing_cotangent_ends_the_call(void) {
  Sample s = sample_new(&nets[0]);
  Points p = points_new();
  EbbWork *work = work_new();
  float out[ROWS * MOST], dz[ROWS * MOST];
  ForwardRows r = {.rows = ROWS, .z = p.z, .value = p.value, .tau = p.tau, .level_step = 1};
  CU_ASSERT_EQUAL(forward_vjp(loaded(&s), work, &r, refuses, NULL, out, dz), EBB_E_NUMERIC);
  CU_ASSERT_STRING_EQUAL(fail_text(), "no cotangent at row 0");
  work_free(work);
  arena_free(s.arena);
}

/* ---- Training ---- */

typedef struct Run {
  Trainer *trainer;
  const TrainerNoise *noise;
  float *grad;
  double *square;
  int64_t rows, cut; /* rows a task */
  int phase;
} Run;

static EbbStatus run_task(void *ctx, EbbWork *work, int64_t i) {
  Run *r = ctx;
  int64_t first = i * r->cut, n = r->rows - first < r->cut ? r->rows - first : r->cut;
  switch (r->phase) {
  case 0: return trainer_forward(r->trainer, work, r->noise, first, n);
  case 1: return trainer_backward(r->trainer, work, first, n);
  default: return trainer_weights(r->trainer, work, i, r->grad, &r->square[i]);
  }
}

static Trainer *trainer_of(const Sample *s, int64_t batch) {
  Trainer *t;
  CU_ASSERT_EQUAL_FATAL(trainer_new(s->arena, s->graph, batch, &t), EBB_OK);
  for (int64_t i = 0; i < trainer_parts(t); i++) CU_ASSERT_EQUAL(trainer_pack(t, NULL, i, s->weights), EBB_OK);
  return t;
}

/* One step on the points. Gradients of <u, out> into grad, their parts' squares into square. */
static void step(const Sample *s, Trainer *t, const Points *p, const TrainerNoise *noise, int threads, int64_t cut, int64_t rows, float *out,
                 float *grad, double *square) {
  TrainerRows b = trainer_rows(t);
  int64_t d = s->net->dim, q = s->net->data;
  trainer_rows_used(t, rows);
  for (int64_t i = 0; i < rows; i++) {
    memcpy(b.z + i * b.z_row, p->z + i * d, (size_t)d * sizeof(float));
    memcpy(b.value + i * b.value_row, p->value + i * q, (size_t)q * sizeof(float));
    b.tau[i * b.tau_row] = p->tau[i];
  }
  Pool *pool;
  CU_ASSERT_EQUAL_FATAL(pool_new(threads, &pool), EBB_OK);
  Run r = {t, noise, grad, square, rows, cut, 0};
  CU_ASSERT_EQUAL(pool_run(pool, (rows + cut - 1) / cut, run_task, &r), EBB_OK);
  for (int64_t i = 0; i < rows; i++) {
    memcpy(out + i * d, b.out + i * b.out_row, (size_t)d * sizeof(float));
    memcpy(b.dout + i * b.out_row, p->u + i * d, (size_t)d * sizeof(float));
  }
  r.phase = 1;
  CU_ASSERT_EQUAL(pool_run(pool, (rows + cut - 1) / cut, run_task, &r), EBB_OK);
  r.phase = 2;
  CU_ASSERT_EQUAL(pool_run(pool, trainer_parts(t), run_task, &r), EBB_OK);
  pool_free(pool);
}

static void weight_gradients_agree_with_differences(void) {
  int32_t act = mlp.act;
  int64_t width = mlp.width;
  const double h = 1e-5;
  for (size_t k = 0; k < COUNT(nets); k++)
    for (mlp.act = EBB_ACT_SILU; mlp.act <= EBB_ACT_GELU; mlp.act++) {
      mlp.width = mlp.act == EBB_ACT_GELU ? 200 : width; /* wide: several parts a matrix, the last panel not full */
      Sample s = sample_new(&nets[k]);
      Points p = points_new();
      Trainer *t = trainer_of(&s, ROWS);
      float *grad = ARENA_ARRAY(s.arena, float, graph_floats(s.graph)), out[ROWS * MOST];
      double *square = ARENA_ARRAY(s.arena, double, trainer_parts(t));
      step(&s, t, &p, NULL, 1, ROWS, ROWS, out, grad, square);
      size_t n;
      const Tensor *tensor = graph_tensors(s.graph, &n);
      for (size_t i = 0; i < n; i++) {
        double worst = 0, largest = 0;
        for (int64_t j = 0; j < tensor[i].count; j++) largest = fmax(largest, fabs(grad[tensor[i].offset + j]));
        for (int probe = 0; probe < 5; probe++) { /* the ends and some between */
          int64_t j = probe == 0 ? 0 : probe == 1 ? tensor[i].count - 1 : (int64_t)(fabs(lottery()) * (double)tensor[i].count);
          double *w = &s.exact[tensor[i].offset + j], kept = *w, side[2];
          for (int b = 0; b < 2; b++) {
            *w = kept + (b ? h : -h);
            side[b] = loss(&s, s.exact, &p, -1, NULL, 0);
          }
          *w = kept;
          worst = fmax(worst, fabs((side[1] - side[0]) / (2 * h) - grad[tensor[i].offset + j]) / (largest + 1e-3));
        }
        if (!(worst < 1e-4)) printf("%s, activation %d, %s: off by %g of %g\n", s.net->name, mlp.act, tensor[i].name, worst, largest);
        CU_ASSERT(worst < 1e-4);
        CU_ASSERT(largest > 0);
      }
      arena_free(s.arena);
    }
  mlp.act = act;
  mlp.width = width;
}

static void training_without_dropout_computes_what_sampling_computes(void) {
  for (size_t k = 0; k < COUNT(nets); k++) {
    Sample s = sample_new(&nets[k]);
    Points p = points_new();
    Trainer *t = trainer_of(&s, ROWS + 3);
    float *grad = ARENA_ARRAY(s.arena, float, graph_floats(s.graph)), out[ROWS * MOST], want[ROWS * MOST];
    double *square = ARENA_ARRAY(s.arena, double, trainer_parts(t));
    step(&s, t, &p, NULL, 2, 5, ROWS, out, grad, square);
    EbbWork *work = work_new();
    ForwardRows r = {.rows = ROWS, .z = p.z, .value = p.value, .tau = p.tau, .level_step = 1};
    CU_ASSERT_EQUAL(forward_eval(loaded(&s), work, &r, want), EBB_OK);
    CU_ASSERT(memcmp(out, want, (size_t)(ROWS * s.net->dim) * sizeof *out) == 0);
    work_free(work);
    arena_free(s.arena);
  }
}

static void gradients_do_not_depend_on_threads_or_splits(void) {
  uint64_t id[ROWS];
  uint32_t draw[ROWS];
  for (int i = 0; i < ROWS; i++) id[i] = 1000u + 7u * (uint64_t)i, draw[i] = (uint32_t)i % 3;
  TrainerNoise noise = {noise_stream, id, draw};
  for (size_t k = 0; k < COUNT(nets); k++)
    for (int noisy = 0; noisy < 2; noisy++) {
      Sample s = sample_new(&nets[k]);
      Points p = points_new();
      Trainer *t = trainer_of(&s, ROWS);
      size_t floats = (size_t)graph_floats(s.graph);
      int64_t parts = trainer_parts(t);
      float *grad[2] = {ARENA_ARRAY(s.arena, float, floats), ARENA_ARRAY(s.arena, float, floats)}, out[2][ROWS * MOST];
      double *square[2] = {ARENA_ARRAY(s.arena, double, parts), ARENA_ARRAY(s.arena, double, parts)};
      const TrainerNoise *with = noisy ? &noise : NULL;
      step(&s, t, &p, with, 1, ROWS, ROWS, out[0], grad[0], square[0]);
      static const struct {
        int threads;
        int64_t cut;
      } ways[] = {{1, 1}, {1, 13}, {2, 19}, {2, 6}, {3, 13}, {3, 2}};
      for (size_t w = 0; w < COUNT(ways); w++) {
        memset(grad[1], 0, floats * sizeof(float));
        step(&s, t, &p, with, ways[w].threads, ways[w].cut, ROWS, out[1], grad[1], square[1]);
        CU_ASSERT(memcmp(out[0], out[1], (size_t)(ROWS * s.net->dim) * sizeof(float)) == 0);
        CU_ASSERT(memcmp(grad[0], grad[1], floats * sizeof(float)) == 0);
        CU_ASSERT(memcmp(square[0], square[1], (size_t)parts * sizeof(double)) == 0);
      }
      /* A shorter batch is the sum over its rows alone: what other rows held before does not matter. */
      step(&s, t, &p, with, 1, ROWS, 11, out[0], grad[0], square[0]);
      Trainer *small = trainer_of(&s, 11);
      step(&s, small, &p, with, 2, 4, 11, out[1], grad[1], square[1]);
      CU_ASSERT(memcmp(grad[0], grad[1], floats * sizeof(float)) == 0);
      arena_free(s.arena);
    }
}

static void parts_cover_every_tensor_once(void) {
  int64_t width = mlp.width;
  static const int64_t widths[] = {24, 180, 256}; /* 180: a part of vectors is full after a gain, before its shift */
  for (size_t w = 0; w < COUNT(widths); w++)
    for (size_t k = 0; k < COUNT(nets); k++) {
      mlp.width = widths[w];
      Sample s = sample_new(&nets[k]);
      Points p = points_new();
      Trainer *t = trainer_of(&s, ROWS);
      int64_t floats = graph_floats(s.graph), parts = trainer_parts(t);
      float *grad = ARENA_ARRAY(s.arena, float, floats), out[ROWS * MOST];
      double *square = ARENA_ARRAY(s.arena, double, parts);
      int *owners = ARENA_ARRAY(s.arena, int, floats);
      bool *decays = ARENA_ARRAY(s.arena, bool, floats);
      for (int64_t i = 0; i < floats; i++) grad[i] = NAN;
      step(&s, t, &p, NULL, 2, 7, ROWS, out, grad, square);
      for (int64_t i = 0; i < floats; i++) grad[i] = NAN;
      for (int64_t i = parts - 1; i >= 0; i--) CU_ASSERT_EQUAL(trainer_weights(t, NULL, i, grad, &square[i]), EBB_OK); /* in any order */
      for (int64_t i = 0; i < parts; i++) {
        int64_t offset, count;
        bool decay;
        trainer_part_range(t, i, &offset, &count, &decay);
        CU_ASSERT_FATAL(offset >= 0 && count > 0 && offset + count <= floats);
        double sum = 0;
        for (int64_t j = offset; j < offset + count; j++) owners[j]++, decays[j] = decay, sum += (double)grad[j] * grad[j];
        CU_ASSERT_DOUBLE_EQUAL(square[i], sum, 1e-10 * (1 + sum)); /* padding within a part is zero, not what was there */
      }
      size_t n;
      const Tensor *tensor = graph_tensors(s.graph, &n);
      bool right = true;
      for (size_t i = 0; i < n; i++)
        for (int64_t j = tensor[i].offset; j < tensor[i].offset + tensor[i].count; j++)
          right = right && owners[j] == 1 && decays[j] == tensor[i].decay && isfinite(grad[j]);
      CU_ASSERT(right);
      arena_free(s.arena);
    }
  mlp.width = width;
}

/* Packing again after the weights changed gives the same as a new trainer; every part counts. */
static void packing_follows_the_weights(void) {
  Sample s = sample_new(&nets[1]);
  Points p = points_new();
  Trainer *t = trainer_of(&s, ROWS);
  size_t floats = (size_t)graph_floats(s.graph);
  float *grad[2] = {ARENA_ARRAY(s.arena, float, floats), ARENA_ARRAY(s.arena, float, floats)}, out[2][ROWS * MOST];
  double *square = ARENA_ARRAY(s.arena, double, trainer_parts(t));
  size_t n;
  const Tensor *tensor = graph_tensors(s.graph, &n);
  for (size_t i = 0; i < n; i++)
    for (int64_t j = 0; j < tensor[i].count; j++) s.weights[tensor[i].offset + j] *= 1.0f + 0.1f * (float)lottery();
  for (int64_t i = trainer_parts(t) - 1; i >= 0; i--) trainer_pack(t, NULL, i, s.weights);
  step(&s, t, &p, NULL, 1, ROWS, ROWS, out[0], grad[0], square);
  step(&s, trainer_of(&s, ROWS), &p, NULL, 1, ROWS, ROWS, out[1], grad[1], square);
  CU_ASSERT(memcmp(out[0], out[1], (size_t)(ROWS * s.net->dim) * sizeof(float)) == 0);
  CU_ASSERT(memcmp(grad[0], grad[1], floats * sizeof(float)) == 0);
  arena_free(s.arena);
}

/* ---- Dropout ---- */

/* With the masks held fixed the network is as smooth as without: its gradient along a random direction of all weights against a difference of the
 * trainer's own float32 losses. */
static void gradients_go_through_the_same_masks(void) {
  uint64_t id[ROWS];
  uint32_t draw[ROWS];
  for (int i = 0; i < ROWS; i++) id[i] = (uint64_t)i, draw[i] = 9;
  TrainerNoise noise = {noise_stream, id, draw};
  for (size_t k = 0; k < COUNT(nets); k++) {
    Sample s = sample_new(&nets[k]);
    Points p = points_new();
    Trainer *t = trainer_of(&s, ROWS);
    int64_t floats = graph_floats(s.graph);
    float *grad = ARENA_ARRAY(s.arena, float, floats), *other = ARENA_ARRAY(s.arena, float, floats), out[ROWS * MOST];
    double *square = ARENA_ARRAY(s.arena, double, trainer_parts(t)), side[2] = {0}, slope = 0, h = 3e-3;
    step(&s, t, &p, &noise, 1, ROWS, ROWS, out, grad, square);
    float *way = some_numbers(s.arena, floats);
    for (int64_t i = 0; i < floats; i++) slope += (double)grad[i] * (way[i] *= fabsf(grad[i]) > 0 ? 0.1f : 0);
    for (int b = 0; b < 2; b++) {
      for (int64_t i = 0; i < floats; i++) s.weights[i] = (float)(s.exact[i] + (b ? h : -h) * way[i]);
      for (int64_t i = 0; i < trainer_parts(t); i++) trainer_pack(t, NULL, i, s.weights);
      step(&s, t, &p, &noise, 1, ROWS, ROWS, out, other, square);
      for (int64_t i = 0; i < ROWS * s.net->dim; i++) side[b] += (double)p.u[i] * out[i];
    }
    double difference = (side[1] - side[0]) / (2 * h);
    if (!(fabs(difference - slope) < 0.01 * fabs(slope))) printf("%s: %g, differences say %g\n", s.net->name, slope, difference);
    CU_ASSERT(fabs(difference - slope) < 0.01 * fabs(slope));
    arena_free(s.arena);
  }
}

/* out = dropout(z W' + 1) with W = 0: the mask itself, times 1/(1 - rate). */
static EbbNode mask(EbbGraph *g, const EbbInputs *in) {
  EbbNode x = g->linear(g, "x", 1, &in->z, g->width(g, in->z), EBB_INIT_ZERO, 0);
  return g->dropout(g, g->scale(g, g->dropout(g, x, 0.25), 1, 0), 0.5);
}

static void masks_have_their_rate_and_their_gradient(void) {
  enum { WIDE = 512, MANY = 200 };
  Net net = {"mask", mask, WIDE, 1};
  Sample s = sample_new(&net);
  size_t n;
  const Tensor *tensor = graph_tensors(s.graph, &n);
  for (size_t i = 0; i < n; i++)
    for (int64_t j = 0; j < tensor[i].count; j++) s.weights[tensor[i].offset + j] = tensor[i].columns == 0;
  Trainer *t = trainer_of(&s, MANY);
  TrainerRows b = trainer_rows(t);
  uint64_t id[MANY];
  uint32_t draw[MANY] = {0};
  for (int i = 0; i < MANY; i++) id[i] = (uint64_t)(i / 2), draw[i] = i >= 100;
  TrainerNoise noise = {noise_stream, id, draw};
  EbbWork *work = work_new();
  CU_ASSERT_EQUAL(trainer_forward(t, work, &noise, 0, MANY), EBB_OK);
  double kept = 0;
  float *first = ARENA_ARRAY(s.arena, float, MANY *WIDE);
  bool two_values = true;
  for (int64_t i = 0; i < MANY; i++)
    for (int64_t j = 0; j < WIDE; j++) {
      float y = b.out[i * b.out_row + j];
      first[i * WIDE + j] = y;
      two_values = two_values && (y == 0 || fabsf(y - 8.0f / 3) < 1e-6f);
      kept += y != 0;
      b.dout[i * b.out_row + j] = 1;
    }
  CU_ASSERT(two_values);
  double cells = MANY * WIDE, rate = 0.375; /* rows come in pairs of the same mask: half as many independent cells */
  CU_ASSERT_DOUBLE_EQUAL(kept / cells, rate, 5 * sqrt(2 * rate * (1 - rate) / cells));
  size_t row = WIDE * sizeof(float);
  CU_ASSERT(memcmp(first, first + WIDE, row) == 0);     /* same id and draw */
  CU_ASSERT(memcmp(first, first + 2 * WIDE, row) != 0); /* another id */
  id[4] = 0, draw[4] = 1, id[5] = 0, draw[5] = 0;
  CU_ASSERT_EQUAL(trainer_forward(t, work, &noise, 4, 2), EBB_OK);
  CU_ASSERT(memcmp(first, b.out + 4 * b.out_row, row) != 0); /* another draw */
  CU_ASSERT(memcmp(first, b.out + 5 * b.out_row, row) == 0); /* the same again, elsewhere in the batch */
  CU_ASSERT_EQUAL(trainer_backward(t, work, 0, MANY), EBB_OK);
  float *grad = ARENA_ARRAY(s.arena, float, graph_floats(s.graph));
  double square;
  for (int64_t i = 0; i < trainer_parts(t); i++) trainer_weights(t, work, i, grad, &square);
  bool right = true; /* the bias' gradient is the sum of the masks */
  for (size_t i = 0; i < n; i++)
    for (int64_t j = 0; tensor[i].columns == 0 && j < WIDE; j++) {
      double sum = 0;
      for (int64_t l = 0; l < MANY; l++) sum += b.out[l * b.out_row + j];
      right = right && fabs(grad[tensor[i].offset + j] - sum) < 1e-3;
    }
  CU_ASSERT(right);
  CU_ASSERT_EQUAL(trainer_forward(t, work, NULL, 0, MANY), EBB_OK);
  CU_ASSERT(b.out[0] == 1 && b.out[b.out_row + 5] == 1);
  work_free(work);
  arena_free(s.arena);
}

static void wrong_rows_are_refused(void) {
  Sample s = sample_new(&nets[0]);
  Trainer *t = trainer_of(&s, 8);
  EbbWork *work = work_new();
  CU_ASSERT_EQUAL(trainer_forward(t, work, NULL, 4, 5), EBB_E_SHAPE);
  CU_ASSERT_EQUAL(trainer_backward(t, work, -1, 2), EBB_E_SHAPE);
  trainer_rows_used(t, 4);
  CU_ASSERT_EQUAL(trainer_forward(t, work, NULL, 0, 5), EBB_E_SHAPE);
  CU_ASSERT_EQUAL(trainer_forward(t, work, NULL, 0, 4), EBB_OK);
  CU_ASSERT_EQUAL(trainer_new(s.arena, s.graph, 0, &t), EBB_E_SHAPE);
  work_free(work);
  arena_free(s.arena);
}

static const Test tests[] = {
    {"input derivatives agree with differences, tangents with cotangents", input_derivatives_agree_with_differences},
    {"derivatives do not depend on how rows are run", derivatives_do_not_depend_on_how_rows_are_run},
    {"a failing cotangent ends the call", a_failing_cotangent_ends_the_call},
    {"weight gradients agree with differences", weight_gradients_agree_with_differences},
    {"training without dropout computes what sampling computes", training_without_dropout_computes_what_sampling_computes},
    {"gradients do not depend on threads or splits", gradients_do_not_depend_on_threads_or_splits},
    {"parts cover every tensor once", parts_cover_every_tensor_once},
    {"packing follows the weights", packing_follows_the_weights},
    {"gradients go through the same masks", gradients_go_through_the_same_masks},
    {"masks have their rate and their gradient", masks_have_their_rate_and_their_gradient},
    {"wrong rows are refused", wrong_rows_are_refused},
};
TEST_MAIN("gradients", tests)
