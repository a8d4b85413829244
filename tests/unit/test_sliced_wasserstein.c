/* SPDX-License-Identifier: MIT
 *
 * The sliced Wasserstein distance: against closed forms for normals and for sets that are each other moved or stretched, against transports counted
 * by hand, and its directions. The plugin's source is included, so that its inside can be called. */
#include "test.h"

#include "../../plugins/metrics/sliced_wasserstein.c"

#include "two_samples.h"

static const Config plain = {.directions = 1000};

/* N(0, I) against N(delta, I): |delta| / sqrt(d). In one dimension all directions say the same and only the draws scatter: the difference of two
 * means has variance 2 / n. In more, each direction's W^2 is cos^2, of variance 2 (d - 1) / (d^2 (d + 2)). */
static void normals_that_are_moved_give_the_closed_form(void) {
  for (int dim = 1; dim <= 5; dim++) {
    enum { ROWS = 4000 };
    Case c = {"shift", SHIFT, dim, {ROWS, ROWS}, 0};
    float *reference = make(&c, 140 + dim, 0), *theta = make(&c, 140 + dim, 1);
    Answer a = ask(2, 1, plain, 1, dim, ROWS, reference, ROWS, theta);
    double d = dim, square = 1 / d, scatter = hypot(sqrt(2 * (d - 1) / (d * d * (d + 2)) / 1000), 2 * sqrt(2.0 / ROWS) / sqrt(d));
    CU_ASSERT_DOUBLE_EQUAL(a.c * a.c, square, 3 * scatter);
    CU_ASSERT_EQUAL(a.n, 2 * ROWS);
    free(reference);
    free(theta);
  }
}

/* W^2 of two samples of one normal in one direction falls as 2 log(log n) / n or so; ten times 1 / n leaves room. */
static void one_law_goes_to_nothing(void) {
  double before = INFINITY;
  for (int64_t n = 100; n <= 10000; n *= 10) {
    Case c = {"same", SAME, 3, {n, n}, 0};
    float *reference = make(&c, 150, 0), *theta = make(&c, 150, 1);
    Answer a = ask(2, 1, plain, 1, 3, n, reference, n, theta);
    CU_ASSERT(a.c < sqrt(10 / (double)n) && a.c < before);
    before = a.c;
    Answer self = ask(1, 1, plain, 1, 3, n, theta, n, theta);
    CU_ASSERT_EQUAL(self.c, 0);
    CU_ASSERT_EQUAL(self.error, 0);
    free(reference);
    free(theta);
  }
}

/* The same rows moved by delta part by delta u in each direction, of mean square |delta|^2 / d. The error is that of 1000 directions. */
static void rows_that_are_moved_part_by_their_way(void) {
  Case c = {"same", SAME, 4, {300, 300}, 0};
  float *reference = make(&c, 160, 0), *theta = make(&c, 160, 0);
  for (int i = 0; i < 300; i++) theta[4 * i + 1] += 3, theta[4 * i + 3] -= 4;
  Answer a = ask(1, 1, plain, 1, 4, 300, reference, 300, theta);
  CU_ASSERT_DOUBLE_EQUAL(a.c, 5 / sqrt(4), 3 * a.error);
  CU_ASSERT_DOUBLE_EQUAL(a.error, 25 * sqrt(2.0 * 3 / (16 * 6) / 1000) / (2 * a.c), 0.1 * a.error);
  free(reference);
  free(theta);
}

/* Stretched by 1.5 from 0: half of each projection, of mean square sum of theta^2 / (4 d n); in one dimension exactly. */
static void rows_that_are_stretched_part_by_half(void) {
  Case c = {"same", SAME, 1, {300, 300}, 0};
  float *reference = make(&c, 161, 0), *theta = make(&c, 161, 0);
  double square = 0;
  for (int i = 0; i < 300; i++) {
    theta[i] *= 1.5f;
    square += pow(0.5 * (double)reference[i], 2) / 300;
  }
  CU_ASSERT_DOUBLE_EQUAL(ask(1, 1, plain, 1, 1, 300, reference, 300, theta).c, sqrt(square), 1e-6);
  free(reference);
  free(theta);
}

static void transports_are_those_counted_by_hand(void) {
  static const struct {
    int64_t m, n;
    Entry a[4], b[6];
    double square;
  } known[] = {
      {1, 1, {{2, 0}}, {{5, 0}}, 9},
      {2, 4, {{0, 0}, {1, 0}}, {{0, 0}, {0, 0}, {1, 0}, {1, 0}}, 0},
      {1, 2, {{0, 0}}, {{0, 0}, {1, 0}}, 0.5},
      {3, 2, {{0, 0}, {1, 0}, {2, 0}}, {{0, 0}, {3, 0}}, (2 * 0 + 1 * 1 + 1 * 4 + 2 * 1) / 6.0},
      {4, 6, {{0, 0}, {0, 0}, {0, 0}, {6, 0}}, {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {6, 0}}, 36 / 12.0},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    CU_ASSERT_DOUBLE_EQUAL(transport(known[i].m, known[i].a, known[i].n, known[i].b), known[i].square, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(transport(known[i].n, known[i].b, known[i].m, known[i].a), known[i].square, 1e-12);
  }
}

/* Of a set moved along one axis alone the distances are sqrt(mean of u_j^2): the mean over all axes' squares is 1 / d to the last bit of unit
 * directions, and no axis is favoured. */
static void directions_are_units_and_favour_no_axis(void) {
  enum { D = 3 };
  float zero[D] = {0};
  double sum = 0;
  for (int j = 0; j < D; j++) {
    float moved[D] = {0};
    moved[j] = 1;
    double square = pow(ask(1, 1, plain, 1, D, 1, zero, 1, moved).c, 2);
    CU_ASSERT_DOUBLE_EQUAL(square, 1.0 / D, 4 * sqrt(2.0 * (D - 1) / (D * D * (D + 2)) / 1000));
    sum += square;
  }
  CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-6);
}

static void failed_draws_are_left_out_and_sets_have_their_own_directions(void) {
  Case c = {"shift", SHIFT, 2, {60, 60}, 0};
  float *reference = make(&c, 162, 0), *theta = make(&c, 162, 1);
  Config few = {.directions = 20};
  Answer among = ask(2, 1, few, 2, 2, 30, reference, 30, theta), one = ask(1, 1, few, 2, 2, 30, reference, 30, theta);
  CU_ASSERT_EQUAL(among.c, one.c);
  CU_ASSERT_EQUAL(among.mean, one.mean);
  first_number = 2;
  CU_ASSERT_EQUAL(ask(1, 1, few, 1, 2, 30, reference + 60, 30, theta + 60).c, among.c);
  first_number = 1;
  CU_ASSERT_NOT_EQUAL(ask(1, 1, few, 1, 2, 30, reference + 60, 30, theta + 60).c, among.c);
  Answer last = ask(1, 1, few, 1, 2, 60, reference, 57, theta);
  for (int i = 57; i < 60; i++) theta[2 * i] = NAN;
  Answer failed = ask(1, 1, few, 1, 2, 60, reference, 60, theta);
  CU_ASSERT_EQUAL(failed.c, last.c);
  CU_ASSERT_EQUAL(failed.n, 117);
  CU_ASSERT_PTR_NOT_NULL(strstr(failed.note, "3 of 60 draws failed"));
  CU_ASSERT_EQUAL(ask(1, 1, few, 1, 2, 60, NULL, 60, theta).status, EBB_E_CONFIG);
  CU_ASSERT_EQUAL(ask(1, 1, few, 1, 2, 60, reference, 3, theta + 2 * 57).status, EBB_E_SHAPE);
  CU_ASSERT_EQUAL(ask(1, 1, few, 1, 2, 60, theta, 60, reference).status, EBB_E_NUMERIC);
  free(reference);
  free(theta);
}

static const Test tests[] = {
    {"normals that are moved give the closed form", normals_that_are_moved_give_the_closed_form},
    {"one law goes to nothing", one_law_goes_to_nothing},
    {"rows that are moved part by their way", rows_that_are_moved_part_by_their_way},
    {"rows that are stretched part by half", rows_that_are_stretched_part_by_half},
    {"transports are those counted by hand", transports_are_those_counted_by_hand},
    {"directions are units and favour no axis", directions_are_units_and_favour_no_axis},
    {"failed draws are left out, and sets have their own directions", failed_draws_are_left_out_and_sets_have_their_own_directions},
};
TEST_MAIN("sliced_wasserstein", tests)
