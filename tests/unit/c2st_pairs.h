/* SPDX-License-Identifier: MIT
 *
 * The pairs of sets that tests/golden/c2st_sklearn.py makes too, and what its files say of them. To be included after the plugin's source. */
#ifndef EBB_TESTS_C2ST_PAIRS_H
#define EBB_TESTS_C2ST_PAIRS_H

#include "two_samples.h"

static const Config plain = {.folds = 5, .seeds = 1, .epochs = 10000, .trees = 100};

static const Case pairs[] = {{"shift_1", SHIFT, 1, {1000, 1000}, 0},    {"shift_2", SHIFT, 2, {1000, 1000}, 0},
                             {"shift_5", SHIFT, 5, {1500, 1500}, 50},   {"scale_1", SCALE, 1, {2000, 2000}, 0},
                             {"scale_2", SCALE, 2, {2000, 2000}, 0},    {"scale_5", SCALE, 5, {1300, 1100}, 50},
                             {"same_3", SAME, 3, {1000, 1000}, 0},      {"same_10", SAME, 10, {1000, 1000}, 30},
                             {"moons_ring", MOONS, 2, {1000, 1000}, 0}, {"units_3", UNITS, 3, {1030, 1030}, 0}};

/* Many fits, for their numbers and not for their threads, which take ten minutes under ThreadSanitizer. */
static inline bool left_out(void) {
#ifdef __SANITIZE_THREAD__
  printf("SKIP: ThreadSanitizer looks at the threads of fewer fits\n");
  return true;
#else
  return false;
#endif
}

/* Two sets of one law, in one to four dimensions, from a case number on: .5 within three of the binomial's standard errors. */
static inline void one_law_gives_one_half_by(Config config, int number, const char *folded) {
  for (int dim = 1; dim <= 4; dim++) {
    Case c = {"same", SAME, dim, {1000, 1000}, 0};
    float *reference = make(&c, number + dim, 0), *theta = make(&c, number + dim, 1);
    Answer a = ask(2, 3, config, 1, dim, 1000, reference, 1000, theta);
    CU_ASSERT_DOUBLE_EQUAL(a.c, 0.5, 3 * sqrt(0.25 / 2000));
    CU_ASSERT_DOUBLE_EQUAL(a.folded, fmax(a.c, 1 - a.c), 0);
    CU_ASSERT_STRING_EQUAL(a.metric, folded);
    free(reference);
    free(theta);
  }
}

/* Five seeds of each pair against a file of tests/golden. Both means scatter with their seeds, so they may part by three of the standard errors of
 * their difference. */
static inline void follow_golden(const char *file_name, int64_t protocol) {
  char path[1024];
  snprintf(path, sizeof path, GOLDEN "/%s", file_name);
  FILE *file = fopen(path, "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  char line[512];
  size_t found = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    char name[32];
    double first[2], last[2], golden, golden_error;
    if (sscanf(line, "%31s %lf %lf %lf %lf %lf %lf", name, &first[0], &last[0], &first[1], &last[1], &golden, &golden_error) != 7) continue;
    CU_ASSERT_FATAL(found < COUNT(pairs));
    const Case *c = &pairs[found];
    CU_ASSERT_STRING_EQUAL_FATAL(name, c->name);
    float *theta[2];
    for (int kind = 0; kind < 2; kind++) {
      theta[kind] = make(c, (int)found, kind);
      CU_ASSERT_DOUBLE_EQUAL(theta[kind][0], first[kind], 1e-5 * fabs(first[kind]));
      CU_ASSERT_DOUBLE_EQUAL(theta[kind][c->rows[kind] * c->dim - 1], last[kind], 1e-5 * fabs(last[kind]));
    }
    Config config = plain;
    config.protocol = protocol;
    if (c->epochs > 0) config.epochs = c->epochs;
    double sum = 0, square = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
      Answer a = ask(2, seed, config, 1, c->dim, c->rows[0], theta[0], c->rows[1], theta[1]);
      CU_ASSERT_EQUAL(a.status, EBB_OK);
      sum += a.c;
      square += a.c * a.c;
    }
    double mean = sum / 5, error = sqrt(fmax(0, square - sum * mean) / 4 / 5), allowed = fmax(0.01, 3 * hypot(error, golden_error));
    printf("\n    %-10s %.4f +- %.4f, scikit-learn %.4f +- %.4f", name, mean, error, golden, golden_error);
    CU_ASSERT_DOUBLE_EQUAL(mean, golden, allowed);
    for (int kind = 0; kind < 2; kind++) free(theta[kind]);
    found++;
  }
  fclose(file);
  printf("\n");
  CU_ASSERT_EQUAL(found, COUNT(pairs));
}

#endif
