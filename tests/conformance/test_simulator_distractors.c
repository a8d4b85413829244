/* SPDX-License-Identifier: MIT
 *
 * slcp_distractors: its tables are the published ones, its data hide slcp's in the published order, and the rest is the mixture of Student t
 * distributions that the tables describe. */
#include "base/npy.h"
#include "num/sort.h"
#include "simulated.h"

enum { PAIRS = 8, N = 92, DATA = 100, PARTS = 20, TRIANGLE = N * (N + 1) / 2 };

static double *read_table(const char *name, int64_t size) {
  Npy file;
  double *value = ARENA_ARRAY(suite_arena(), double, size);
  CHECK_OK(npy_open(arena_print(suite_arena(), "%s/slcp_distractors_%s.npy", PLUGINS, name), &file));
  CHECK(file.size == size, "%s has %d numbers", name, (int)file.size);
  CHECK_OK(npy_get_f64(&file, 0, file.size == size ? size : 0, value));
  npy_close(&file);
  return value;
}

/* Row i of the lower triangle of part k. */
static const double *triangle_row(const double *scale, int k, int i) { return scale + k * TRIANGLE + i * (i + 1) / 2; }

/* Sums of numbers times their places, counted from 1, over sbibm's own files: gmm_loc by part x column, gmm_scale_tril by part x (row + 93 column),
 * permutation by place. Computed with NumPy. */
static void tables_are_the_published_ones(void) {
  const double *location = read_table("location", PARTS * N), *scale = read_table("scale", PARTS * TRIANGLE), *order = read_table("order", DATA);
  double sum[3] = {0};
  for (int k = 0; k < PARTS; k++)
    for (int i = 0; i < N; i++) {
      sum[0] += (k + 1) * (i + 1) * location[k * N + i];
      for (int j = 0; j <= i; j++) sum[1] += (k + 1) * (i + 1 + 93 * (j + 1)) * triangle_row(scale, k, i)[j];
    }
  for (int i = 0; i < DATA; i++) sum[2] += (i + 1) * order[i];
  CHECK_NEAR(sum[0], 654198.4443755522, 1e-3, "locations");
  CHECK_NEAR(sum[1], 436402515.8418194, 1, "scales");
  CHECK_NEAR(sum[2], 265800, 0, "order");
}

/* x_i = (pairs, distractors)[order_i]: observations and simulations of slcp stand where the order says. */
static void slcp_is_hidden_in_the_published_order(void) {
  enum { ROWS = 50, D = 5 };
  const double *order = read_table("order", DATA);
  Sim plain = sim_make("slcp"), s = sim_make("slcp_distractors");
  float truth[D], other[D];
  int found = 0;
  for (int64_t k = 1; k <= 5; k++) {
    EbbData few = sim_observe(&plain, k, truth), all = sim_observe(&s, k, other);
    CHECK(memcmp(truth, other, sizeof truth) == 0, "observation %d has other parameters than slcp's", (int)k);
    for (int i = 0; i < DATA; i++)
      if (order[i] < PAIRS) {
        CHECK(all.value[i] == few.value[(int)order[i]], "observation %d, number %d", (int)k, i + 1);
        found++;
      }
  }
  CHECK(found == 5 * PAIRS, "%d numbers of slcp found", found);
  float *theta = sim_prior(&s, 0, ROWS);
  uint8_t failed[ROWS];
  EbbData few = sim_run(&plain, 0, ROWS, theta, failed), all = sim_run(&s, 0, ROWS, theta, failed);
  for (int64_t r = 0; r < ROWS; r++)
    for (int i = 0; i < DATA; i++)
      if (order[i] < PAIRS) CHECK(all.value[r * DATA + i] == few.value[r * PAIRS + (int)order[i]], "row %d, number %d", (int)r, i + 1);
  sim_free(&plain);
  sim_free(&s);
}

/* w . x of a multivariate t is w . location + |L' w| t, t with two degrees of freedom: P(t < z) = (1 + z / sqrt(2 + z^2)) / 2. */
static double mixture_below(const double *location, const double *scale, const double *w, double x) {
  double sum = 0;
  for (int k = 0; k < PARTS; k++) {
    double centre = 0, along[N] = {0}, square = 0;
    for (int i = 0; i < N; i++) {
      centre += w[i] * location[k * N + i];
      for (int j = 0; j <= i; j++) along[j] += w[i] * triangle_row(scale, k, i)[j];
    }
    for (int j = 0; j < N; j++) square += along[j] * along[j];
    double z = (x - centre) / sqrt(square);
    sum += 0.5 * (1 + z / sqrt(2 + z * z)) / PARTS;
  }
  return sum;
}

/* Kolmogorov's distance between projections of the simulations and the closed form, single columns (medians, quartiles and tails at once) and sums
 * with signs that see how columns hang together: below 2.6 / sqrt n, its 1 - 3e-6 quantile. */
static void distractors_are_the_mixture_of_students(void) {
  enum { ROWS = 4000, D = 5, COLUMNS = 12, SIGNS = 8 };
  const double *order = read_table("order", DATA), *location = read_table("location", PARTS * N), *scale = read_table("scale", PARTS * TRIANGLE);
  Sim s = sim_make("slcp_distractors");
  float *theta = sim_prior(&s, 0, ROWS), *along = ARENA_ARRAY(suite_arena(), float, ROWS), *spare = ARENA_ARRAY(suite_arena(), float, ROWS);
  uint8_t *failed = ARENA_ARRAY(suite_arena(), uint8_t, ROWS);
  EbbData data = sim_run(&s, 0, ROWS, theta, failed);
  for (int p = 0; p < COLUMNS + SIGNS; p++) {
    double w[N] = {0}, distance = 0;
    for (int i = 0; i < N; i++) w[i] = p < COLUMNS ? i == (p * (N - 1)) / (COLUMNS - 1) : (i * (p + 3) * (i + 7) / 3) % 2 ? -1 : 1;
    for (int64_t r = 0; r < ROWS; r++) {
      double sum = 0;
      for (int i = 0; i < DATA; i++)
        if (order[i] >= PAIRS) sum += w[(int)order[i] - PAIRS] * (double)data.value[r * DATA + i];
      along[r] = (float)sum;
    }
    sort_f32(ROWS, along, spare);
    for (int r = 0; r < ROWS; r += 7) distance = fmax(distance, fabs(mixture_below(location, scale, w, (double)along[r]) - (r + 0.5) / ROWS));
    CHECK(distance < 2.6 / sqrt(ROWS), "projection %d: Kolmogorov's distance %g", p, distance);
  }
  sim_free(&s);
}

static const Test tests[] = {
    {"tables are the published ones", tables_are_the_published_ones},
    {"slcp is hidden in the published order", slcp_is_hidden_in_the_published_order},
    {"distractors are the mixture of Student's t", distractors_are_the_mixture_of_students},
};
TEST_MAIN("simulators with distractors", tests)
