/* SPDX-License-Identifier: MIT
 *
 * MMD: against closed forms for normals, against all pairs in double, its errors against the scatter of many repeats, and the cases in which it
 * breaks. The plugin's source is included, so that its inside can be called. */
#include "test.h"

#include "../../plugins/metrics/mmd.c"

#include "two_samples.h"

static double null_sd(const Answer *a) {
  double sd = NAN;
  CU_ASSERT_EQUAL(sscanf(a->note, "null sd %lf", &sd), 1);
  return sd;
}

/* N(0, I) against N(delta, I): 2 (l^2 / (l^2 + 2))^(d/2) (1 - exp(-delta^2 / (2 (l^2 + 2)))). */
static double of_shifted_normals(double d, double delta, double l) {
  return 2 * pow(l * l / (l * l + 2), d / 2) * (1 - exp(-delta * delta / (2 * (l * l + 2))));
}

static void normals_that_are_moved_give_the_closed_form(void) {
  static const struct {
    int64_t dim;
    double bandwidth;
  } known[] = {{1, 1.5}, {2, 1.5}, {2, 0.7}, {5, 2.5}};
  CU_ASSERT_DOUBLE_EQUAL(of_shifted_normals(2, 1, 1.5), 0.1175, 5e-5);
  for (size_t i = 0; i < COUNT(known); i++) {
    Case c = {"shift", SHIFT, known[i].dim, {1500, 1500}, 0};
    float *reference = make(&c, 100 + (int)i, 0), *theta = make(&c, 100 + (int)i, 1);
    Answer a = ask(2, 1, (Config){.bandwidth = known[i].bandwidth}, 1, c.dim, 1500, reference, 1500, theta);
    CU_ASSERT(a.error > 0 && a.error < 0.02);
    CU_ASSERT_DOUBLE_EQUAL(a.c, of_shifted_normals((double)c.dim, 1, known[i].bandwidth), 3 * a.error);
    CU_ASSERT_EQUAL(a.n, 3000);
    free(reference);
    free(theta);
  }
}

/* Of normals: v by E k = (1 + 2/l^2)^(-d/2), E k^2 = (1 + 4/l^2)^(-d/2), and E of (E k given a row)^2 = (l^2 / (l^2 + 1))^d (1 + 2 / (l^2 +
 * 1))^(-d/2). */
static void one_law_gives_nothing_within_the_null_sd(void) {
  for (int dim = 1; dim <= 4; dim++) {
    Case c = {"same", SAME, dim, {1500, 1000}, 0};
    float *reference = make(&c, 110 + dim, 0), *theta = make(&c, 110 + dim, 1);
    Answer a = ask(2, 1, (Config){.bandwidth = 1.5}, 1, dim, 1500, reference, 1000, theta);
    double l2 = 2.25, d = dim, m = 1000, n = 1500;
    double v = pow(1 + 4 / l2, -d / 2) - 2 * pow(l2 / (l2 + 1), d) * pow(1 + 2 / (l2 + 1), -d / 2) + pow(1 + 2 / l2, -d);
    double expected = sqrt(v * (2 / (m * (m - 1)) + 2 / (n * (n - 1)) + 4 / (m * n)));
    CU_ASSERT_DOUBLE_EQUAL(null_sd(&a), expected, 0.05 * expected);
    CU_ASSERT_DOUBLE_EQUAL(a.c, 0, 3 * expected);
    CU_ASSERT(a.error > 0.9 * expected && a.error < 2 * expected);
    free(reference);
    free(theta);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double kernel(int64_t dim, const float *a, const float *b, double l, double *distance) {
  double square = 0;
  for (int64_t j = 0; j < dim; j++) square += pow((double)a[j] - (double)b[j], 2);
  if (distance != NULL) *distance = sqrt(square);
  return exp(-square / (2 * l * l));
}

static double mean_kernel(int64_t dim, int64_t m, const float *a, int64_t n, const float *b, double l) {
  double sum = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      if (a != b || i != j) sum += kernel(dim, a + i * dim, b + j * dim, l, NULL);
  return sum / (double)(a == b ? m * (m - 1) : m * n);
}

/* Sizes that are no multiple of anything, columns of other units, far from 0. */
static void all_pairs_in_double_give_the_same(void) {
  static const int64_t rows[][2] = {{2, 2}, {3, 40}, {53, 37}, {150, 131}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    Case c = {"units", UNITS, 3, {rows[i][0], rows[i][1]}, 0};
    int64_t n = rows[i][0], m = rows[i][1], pairs = 0;
    float *reference = make(&c, 120 + (int)i, 0), *theta = make(&c, 120 + (int)i, 1);
    double *distance = malloc((size_t)(n * n) * sizeof *distance), l, said = NAN;
    for (int64_t a = 0; a < n; a++)
      for (int64_t b = a + 1; b < n; b++) kernel(3, reference + 3 * a, reference + 3 * b, 1, &distance[pairs++]);
    qsort(distance, (size_t)pairs, sizeof *distance, ascending);
    l = distance[(pairs - 1) / 2];
    double expected =
        mean_kernel(3, m, theta, m, theta, l) + mean_kernel(3, n, reference, n, reference, l) - 2 * mean_kernel(3, m, theta, n, reference, l);
    Answer a = ask(1, 1, (Config){0}, 1, 3, n, reference, m, theta);
    CU_ASSERT_DOUBLE_EQUAL(a.c, expected, 2e-6);
    CU_ASSERT_EQUAL(sscanf(a.note, "null sd %*f; bandwidth %lf", &said), 1);
    CU_ASSERT_DOUBLE_EQUAL(said, l, 1e-3 * l);
    free(distance);
    free(reference);
    free(theta);
  }
}

/* The scatter of 200 repeats, known itself within 5 %, against the mean of what each says of it. */
static void errors_are_the_scatter_of_repeats(void) {
  enum { REPEATS = 200, ROWS = 80 };
  static const double shift[] = {0, 0.3, 1};
  for (size_t k = 0; k < COUNT(shift); k++) {
    double sum = 0, square = 0, said = 0, null = 0;
    for (int i = 0; i < REPEATS; i++) {
      Case c = {"same", SAME, 2, {ROWS, ROWS}, 0};
      float *reference = make(&c, 1000 + i, 0), *theta = make(&c, 1000 + i, 1);
      for (int r = 0; r < ROWS; r++) theta[2 * r] += (float)shift[k];
      Answer a = ask(1, 1, (Config){.bandwidth = 1.5}, 1, 2, ROWS, reference, ROWS, theta);
      sum += a.c, square += a.c * a.c, said += a.error * a.error, null += pow(null_sd(&a), 2);
      free(reference);
      free(theta);
    }
    double mean = sum / REPEATS, sd = sqrt((square - sum * mean) / (REPEATS - 1));
    printf("\n    moved by %.1f: %.5f, sd %.5f, said %.5f, null sd %.5f", shift[k], mean, sd, sqrt(said / REPEATS), sqrt(null / REPEATS));
    CU_ASSERT_DOUBLE_EQUAL(mean, of_shifted_normals(2, shift[k], 1.5), 3 * sd / sqrt(REPEATS)); /* without bias */
    CU_ASSERT_DOUBLE_EQUAL(sqrt((k == 0 ? null : said) / REPEATS), sd, 0.2 * sd);
    CU_ASSERT(sqrt(said / REPEATS) > 0.85 * sd && sqrt(said / REPEATS) < 1.4 * sd); /* never taken below the null sd */
  }
  printf("\n");
}

static void units_do_not_matter(void) {
  static const float unit[] = {1e-25f, 1e-12f, 1e12f, 1e25f};
  Case c = {"shift", SHIFT, 2, {200, 200}, 0};
  float *reference = make(&c, 130, 0), *theta = make(&c, 130, 1), scaled[2][400];
  double one = ask(1, 1, (Config){0}, 1, 2, 200, reference, 200, theta).c;
  for (size_t k = 0; k < COUNT(unit); k++) {
    for (int i = 0; i < 400; i++) scaled[0][i] = reference[i] * unit[k], scaled[1][i] = theta[i] * unit[k];
    CU_ASSERT_DOUBLE_EQUAL(ask(1, 1, (Config){0}, 1, 2, 200, scaled[0], 200, scaled[1]).c, one, 1e-6);
  }
  for (int i = 0; i < 400; i++) scaled[1][i] = theta[i] * 1e30f; /* each far from all others: only the reference has kernels */
  Answer a = ask(1, 1, (Config){.bandwidth = 1.5}, 1, 2, 200, reference, 200, scaled[1]);
  CU_ASSERT_DOUBLE_EQUAL(a.c, mean_kernel(2, 200, reference, 200, reference, 1.5), 1e-6);
  free(reference);
  free(theta);
}

static void failed_draws_are_left_out_and_counted(void) {
  Case c = {"shift", SHIFT, 2, {100, 100}, 0};
  float *reference = make(&c, 131, 0), *theta = make(&c, 131, 1), fewer[2 * 90];
  memcpy(fewer, theta, 2 * 40 * sizeof *fewer);
  memcpy(fewer + 2 * 40, theta + 2 * 50, 2 * 50 * sizeof *fewer);
  for (int i = 40; i < 50; i++) theta[2 * i + i % 2] = i % 3 == 0 ? INFINITY : NAN;
  Answer a = ask(1, 1, (Config){0}, 1, 2, 100, reference, 100, theta), b = ask(1, 1, (Config){0}, 1, 2, 100, reference, 90, fewer);
  CU_ASSERT_EQUAL(a.c, b.c);
  CU_ASSERT_EQUAL(a.n, 190);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.note, "10 of 100 draws failed"));
  free(reference);
  free(theta);
}

static void what_has_no_length_or_no_pairs_is_refused(void) {
  float same[20] = {0}, theta[20];
  for (int i = 0; i < 20; i++) theta[i] = (float)i;
  Answer a = ask(1, 1, (Config){0}, 1, 2, 10, same, 10, theta);
  CU_ASSERT_EQUAL(a.status, EBB_E_CONFIG);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.message, "give bandwidth"));
  a = ask(1, 1, (Config){.bandwidth = 1}, 1, 2, 10, same, 10, same);
  CU_ASSERT_EQUAL(a.status, EBB_OK);
  CU_ASSERT_EQUAL(a.c, 0);
  a = ask(1, 1, (Config){0}, 1, 2, 10, theta, 1, theta);
  CU_ASSERT_EQUAL(a.status, EBB_E_SHAPE);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.message, "1 draws without failure"));
  CU_ASSERT_EQUAL(ask(1, 1, (Config){0}, 1, 2, 10, NULL, 10, theta).status, EBB_E_CONFIG);
  theta[7] = NAN;
  a = ask(1, 1, (Config){0}, 1, 2, 10, theta, 10, same);
  CU_ASSERT_EQUAL(a.status, EBB_E_NUMERIC);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.message, "row 4, parameter second"));
}

static void threads_do_not_change_a_bit(void) {
  Case c = {"shift", SHIFT, 3, {600, 600}, 0};
  float *reference = make(&c, 132, 0), *theta = make(&c, 132, 1);
  Answer one = ask(1, 1, (Config){0}, 2, 3, 300, reference, 300, theta);
  CU_ASSERT(one.mean > 0.01);
  for (int threads = 2; threads <= 3; threads++) {
    Answer many = ask(threads, 1, (Config){0}, 2, 3, 300, reference, 300, theta);
    CU_ASSERT_EQUAL(many.c, one.c);
    CU_ASSERT_EQUAL(many.error, one.error);
    CU_ASSERT_EQUAL(many.mean, one.mean);
  }
  free(reference);
  free(theta);
}

static void exponentials_are_those_of_the_library(void) {
  double worst = 0;
  for (int i = 0; i <= 100000; i++) {
    float x = -86.9f * (float)i / 100000;
    worst = fmax(worst, fabs((double)exp_of_negative(x) / exp((double)x) - 1));
  }
  CU_ASSERT(worst < 3e-7);
  CU_ASSERT_EQUAL(exp_of_negative(0), 1);
  CU_ASSERT_EQUAL(exp_of_negative(-88), 0);
  CU_ASSERT_EQUAL(exp_of_negative(-3e38f), 0);
  CU_ASSERT_EQUAL(exp_of_negative(-INFINITY), 0);
}

static const Test tests[] = {
    {"normals that are moved give the closed form", normals_that_are_moved_give_the_closed_form},
    {"one law gives nothing within the null sd", one_law_gives_nothing_within_the_null_sd},
    {"all pairs in double give the same", all_pairs_in_double_give_the_same},
    {"errors are the scatter of repeats", errors_are_the_scatter_of_repeats},
    {"units do not matter", units_do_not_matter},
    {"failed draws are left out and counted", failed_draws_are_left_out_and_counted},
    {"what has no length or no pairs is refused", what_has_no_length_or_no_pairs_is_refused},
    {"threads do not change a bit", threads_do_not_change_a_bit},
    {"exponentials are those of the library", exponentials_are_those_of_the_library},
};
TEST_MAIN("mmd", tests)
