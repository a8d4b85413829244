/* SPDX-License-Identifier: MIT
 *
 * Log densities and maxima of a finished run, from the command line, and chains that are refused before anything is computed. */
#include <math.h>

#include "ebb.h"

static Folder begin_run(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  put_text(&f, "x.csv", "x1,x2\n0,0\n0.1,-0.2\n");
  Call call = sh(&f, "$EBB sample small.yaml --quiet");
  ENDS(call, 0, NULL);
  return f;
}

static const double *get_doubles(const Folder *f, const char *path, int64_t *n) {
  static double value[4096];
  static char whole[4096];
  Npy file;
  snprintf(whole, sizeof whole, "%s/%s", f->path, path);
  *n = -1;
  if (npy_open(whole, &file) != EBB_OK) return NULL;
  *n = file.size <= 4096 && npy_get_f64(&file, 0, file.size, value) == EBB_OK ? file.size : -1;
  npy_close(&file);
  return value;
}

static void densities_of_draws_are_those_of_the_same_points(void) {
  Folder f = begin_run();
  Call call = sh(&f, "$EBB sample runs/small --observations x.csv --draws 40 --log-density --out s");
  ENDS(call, 0, "log_density.npy  (2, 40)");
  call = sh(&f, "$EBB density runs/small --observations x.csv --theta s/theta.npy --out d.npy --threads 1 --block 7");
  ENDS(call, 0, "d.npy  (2, 40)");
  CU_ASSERT_STRING_EQUAL(bits(&f, "s/log_density.npy"), bits(&f, "d.npy"));
  int64_t n;
  const double *value = get_doubles(&f, "d.npy", &n);
  CU_ASSERT_EQUAL(n, 80);
  for (int64_t i = 0; i < n; i++) CU_ASSERT(isfinite(value[i]));
  /* the draws without their densities are the same */
  call = sh(&f, "$EBB sample runs/small --observations x.csv --draws 40 --out t && cmp s/theta.npy t/theta.npy && ! test -e t/log_density.npy");
  ENDS(call, 0, NULL);
  folder_end(&f);
}

/* Midpoints of a fine grid over the square of the prior: the mass must be one, bijections and coordinates of the base included. */
static void mass_over_the_support_is_one(void) {
  static const char *const bases[] = {"marginal", "linear_gaussian", "whitened"};
  enum { N = 60 };
  static float points[N * N * 2];
  Folder f = begin_run();
  for (int i = 0; i < N * N; i++) {
    points[2 * i] = (float)(-1 + (i / N + 0.5) * 2.0 / N);
    points[2 * i + 1] = (float)(-1 + (i % N + 0.5) * 2.0 / N);
  }
  put_rows(&f, "grid.npy", N * N, 2, points);
  put_text(&f, "one.csv", "x1,x2\n0,0\n");
  for (size_t k = 0; k < COUNT(bases); k++) {
    Call call = sh(&f, "$EBB train small.yaml --quiet --name m%d --set model.base=%s", (int)k, bases[k]);
    ENDS(call, 0, NULL);
    call = sh(&f, "$EBB density runs/m%d --observations one.csv --theta grid.npy --out d.npy", (int)k);
    ENDS(call, 0, "(1, 3600)");
    int64_t n;
    const double *value = get_doubles(&f, "d.npy", &n);
    double mass = 0;
    for (int64_t i = 0; i < n; i++) mass += exp(value[i]) * 4.0 / (N * N);
    printf("\n    base %s: mass over the prior's square %.4f", bases[k], mass);
    CU_ASSERT_DOUBLE_EQUAL(mass, 1, 0.03);
  }
  folder_end(&f);
}

static void a_maximum_is_no_lower_than_any_draw(void) {
  Folder f = begin_run();
  Call call = sh(&f, "$EBB map runs/small --observations x.csv --out m --draws 20");
  ENDS(call, 0, "theta.npy  (2, 2)");
  EXPECT(call, strstr(get_text(&f, "m/map.csv"), "observation,peak,log_density") != NULL);
  call = sh(&f, "$EBB sample runs/small --observations x.csv --draws 200 --log-density --out s");
  ENDS(call, 0, NULL);
  int64_t n;
  const double *value = get_doubles(&f, "s/log_density.npy", &n);
  double most[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < n; i++) most[i / 200] = fmax(most[i / 200], value[i]);
  const char *text = get_text(&f, "m/map.csv");
  for (int k = 0; k < 2; k++) {
    char want[16];
    snprintf(want, sizeof want, "\n%d,1,", k + 1);
    const char *line = strstr(text, want);
    double best = line != NULL ? atof(line + strlen(want)) : NAN;
    printf("\n    observation %d: maximum %.3f, best of 200 draws %.3f", k + 1, best, most[k]);
    CU_ASSERT(best > most[k] - 0.2);
  }
  folder_end(&f);
}

static void what_cannot_work_is_refused_before_the_first_step(void) {
  static const struct {
    const char *line, *says;
  } cases[] = {
      {"run small.yaml --set sampling.sampler=multistep_consistency",
       "sampler multistep_consistency takes a consistency map, but objective diffusion"},
      {"run small.yaml --set sampling.sampler='{use: tsit5, relative: 1e-8}'", "sampler tsit5: the relative tolerance 1e-08"},
      {"run small.yaml --set sampling.density='{use: dopri5, absolute: 1e-9}'", "sampler dopri5: the absolute tolerance 1e-09"},
      {"density runs/small --observations x.csv", "usage: ebb density"},
      {"map runs/small --out m", "usage: ebb map"},
      {"density absent --observations x.csv --theta x.csv --out d.npy", "absent is no run"},
  };
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call call = sh(&f, "$EBB %s", cases[i].line);
    ENDS(call, 2, cases[i].says);
  }
  Call made = sh(&f, "ls runs/.store | grep -E 'train|simulate'");
  EXPECT(made, made.status != 0);
  folder_end(&f);
}

static const Test tests[] = {
    {"densities of draws are those of the same points", densities_of_draws_are_those_of_the_same_points},
    {"mass over the support is one", mass_over_the_support_is_one},
    {"a maximum is no lower than any draw", a_maximum_is_no_lower_than_any_draw},
    {"what cannot work is refused before the first step", what_cannot_work_is_refused_before_the_first_step},
};
TEST_MAIN("densities from the command line", tests)
