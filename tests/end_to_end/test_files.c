/* SPDX-License-Identifier: MIT
 *
 * Simulations from files (reports A18, A19): every type and order, what the spec may leave out, and every way in which files and spec do not fit. */
#include <math.h>

#include "ebb.h"

enum { ROWS = 300, D = 2, Q = 3 };

static const char *const spec = "seed: 4\n"
                                "simulations:\n"
                                "  theta: theta.npy\n"
                                "  x: x.npy\n"
                                "  parameters: [{use: normal, name: a, mean: 0, sd: 50}, {use: unknown, name: b, lower: -101}]\n"
                                "  data: {names: [u, v, w]}\n"
                                "model: {network: {use: time_mlp, width: 16, blocks: 1}}\n"
                                "training: {epochs: 2, batch: 64}\n"
                                "sampling: {observations: {file: o.csv}, draws: 50, sampler: {use: ddim, steps: 3}}\n";

/* Whole numbers from -100 to 100, which every type holds that has a sign. */
static double number(int64_t i, int64_t j) { return (double)((i * 7919 + j * 104729) % 201) - 100; }

/* An array of `rows` by `columns` of those numbers as NumPy would write it. */
static void put_array(const Folder *f, const char *path, int version, const char *descr, bool fortran, int64_t rows, int64_t columns,
                      int64_t offset) {
  Str s = {0};
  str_add_n(&s, "\x93NUMPY", 6);
  size_t start = version == 1 ? 10 : 12;
  str_add_n(&s, (const char[]){(char)version, 0, (char)(192 - start), 0, 0, 0}, start - 6);
  str_print(&s, "{'shape': (%lld, %lld), 'fortran_order': %s, 'descr': '%s'}", (long long)rows, (long long)columns, fortran ? "True" : "False",
            descr);
  while (s.length < 191) str_add(&s, " ");
  str_add(&s, "\n");
  size_t size = (size_t)(descr[2] - '0');
  for (int64_t k = 0; k < rows * columns; k++) {
    double v = fortran ? number(k % rows, offset + k / rows) : number(k / columns, offset + k % columns);
    float single = (float)v;
    int64_t whole = (int64_t)v;
    unsigned char bytes[8];
    if (descr[1] == 'i') memcpy(bytes, &whole, 8);
    if (descr[1] == 'f' && size == 4) memcpy(bytes, &single, 4);
    if (descr[1] == 'f' && size == 8) memcpy(bytes, &v, 8);
    for (size_t b = 0; b < size; b++) str_add_n(&s, (const char *)&bytes[descr[0] == '>' ? size - 1 - b : b], 1);
  }
  if (file_write(path_join(f->arena, f->path, path), s.text, s.length) != EBB_OK) exit(99);
  str_free(&s);
}

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  put_text(&f, "o.csv", "u,v,w\n1,2,3\n");
  put_array(&f, "theta.npy", 1, "<f4", false, ROWS, D, 0);
  put_array(&f, "x.npy", 1, "<f4", false, ROWS, Q, D);
  return f;
}

static void ends(Call call, int status, const char *says) { ENDS(call, status, says); }

static void types_orders_and_versions_are_all_read(void) {
  static const struct {
    int version;
    const char *descr;
    bool fortran;
  } forms[] = {{1, "<f8", false}, {2, "<f4", true}, {3, "<f8", true},  {1, "|i1", false}, {2, ">i2", true},
               {3, "<i4", false}, {1, "<i8", true}, {1, ">f4", false}, {1, ">f8", true}};
  Folder f = begin();
  Call call = sh(&f, "$EBB run spec.yaml");
  EXPECT(call, call.status == 0 && call_says(&call, "simulate: 300 rows") && call_says(&call, "  w "));
  char *theta = bits(&f, "runs/spec/simulations/theta.npy"), *x = bits(&f, "runs/spec/simulations/x.npy");
  int64_t n;
  const float *data = get_floats(&f, "runs/spec/simulations/x.npy", &n, NULL);
  int64_t equal = 0;
  for (int64_t i = 0; i < n; i++) equal += (double)data[i] == number(i / Q, D + i % Q);
  CU_ASSERT(n == ROWS * Q && equal == n);
  for (size_t k = 0; k < COUNT(forms); k++) {
    put_array(&f, "theta.npy", forms[k].version, forms[k].descr, forms[k].fortran, ROWS, D, 0);
    put_array(&f, "x.npy", forms[k].version, forms[k].descr, forms[k].fortran, ROWS, Q, D);
    call = sh(&f, "$EBB simulate spec.yaml");
    EXPECT(call, call.status == 0 && !call_says(&call, "nothing to do"));
    CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/simulations/theta.npy"), theta);
    CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/simulations/x.npy"), x);
  }
  folder_end(&f);
}

/* What a simulator made, brought as files, trains the same model and gives the same draws. */
static void files_lead_where_the_simulator_leads(void) {
  Folder f = folder_begin();
  const char *rest = "model: {network: {use: time_mlp, width: 16, blocks: 1}}\ntraining: {epochs: 3, batch: 64}\n"
                     "sampling: {observations: {file: o.csv}, draws: 50, sampler: {use: ddim, steps: 3}}\n";
  put_text(&f, "o.csv", "u,v,w\n1,2,3\n");
  put_text(&f, "made.yaml", arena_print(f.arena, "seed: 2\nsimulator: linear_gaussian\nsimulations: {count: 500}\n%s", rest));
  put_text(&f, "files.yaml",
           arena_print(f.arena,
                       "seed: 2\nsimulations: {theta: runs/made/simulations/theta.npy, x: runs/made/simulations/x.npy, parameters: ["
                       "{use: normal, name: theta1, mean: 0, sd: 1}, {use: normal, name: theta2, mean: 0, sd: 1}, {use: normal, name: theta3, "
                       "mean: 0, sd: 1}]}\n%s",
                       rest));
  ends(sh(&f, "$EBB run made.yaml"), 0, NULL);
  ends(sh(&f, "$EBB run files.yaml"), 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/made/simulations/x.npy"), bits(&f, "runs/files/simulations/x.npy"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/made/posterior/theta.npy"), bits(&f, "runs/files/posterior/theta.npy"));
  folder_end(&f);
}

static void keys_are_of_the_contents(void) {
  Folder f = begin();
  ends(sh(&f, "$EBB run spec.yaml"), 0, NULL);
  ends(
      sh(&f, "mkdir other && mv theta.npy x.npy other && $EBB run spec.yaml --set simulations.theta=other/theta.npy --set simulations.x=other/x.npy"),
      0, "nothing to do");
  put_array(&f, "other/x.npy", 1, "<f4", false, ROWS, Q, D + 1);
  Call call = sh(&f, "$EBB run spec.yaml --set simulations.theta=other/theta.npy --set simulations.x=other/x.npy");
  EXPECT(call, call.status == 0 && !call_says(&call, "re-used"));
  folder_end(&f);
}

static void a_model_outlives_the_files(void) {
  Folder f = begin();
  ends(sh(&f, "$EBB run spec.yaml && rm theta.npy x.npy"), 0, NULL);
  ends(sh(&f, "$EBB sample runs/spec --observations o.csv --draws 10 --out new"), 0, NULL);
  ends(sh(&f, "$EBB run runs/spec/spec.yaml --runs elsewhere"), 1, "theta.npy: cannot be opened: no such file");
  ends(sh(&f, "$EBB run spec.yaml"), 1, "theta.npy: cannot be opened: no such file");
  folder_end(&f);
}

static void what_is_not_said_is_taken_from_the_files(void) {
  Folder f = begin();
  put_text(&f, "spec.yaml", "simulations: {theta: theta.npy, x: x.npy}\n");
  Call call = sh(&f, "$EBB resolve spec.yaml");
  EXPECT(call, call.status == 0 && call_says(&call, "count: 300") && call_says(&call, "numbers: 3") && call_says(&call, "name: theta2") &&
                   call_says(&call, "simulator: null"));
  ends(sh(&f, "$EBB resolve spec.yaml > again.yaml && $EBB simulate spec.yaml && $EBB simulate again.yaml"), 0, "nothing to do");
  ends(sh(&f, "$EBB simulate spec.yaml --set simulations.count=120 --name few"), 0, NULL);
  int64_t n;
  const float *theta = get_floats(&f, "runs/few/simulations/theta.npy", &n, NULL);
  CU_ASSERT(n >= 240 && (double)theta[239] == number(119, 1));
  folder_end(&f);
}

static void one_number_a_row_may_be_a_vector(void) {
  Folder f = begin();
  float value[50];
  for (int i = 0; i < 50; i++) value[i] = (float)i;
  const int64_t shape[1] = {50};
  for (int k = 0; k < 2; k++)
    CU_ASSERT_EQUAL_FATAL(npy_write_f32(path_join(f.arena, f.path, k == 0 ? "theta.npy" : "x.npy"), 1, shape, value), EBB_OK);
  put_text(&f, "spec.yaml", "simulations: {theta: theta.npy, x: x.npy}\n");
  ends(sh(&f, "$EBB simulate spec.yaml"), 0, "simulate: 50 rows");
  folder_end(&f);
}

static void rows_that_are_not_finite_have_failed(void) {
  Folder f = begin();
  double x[ROWS * Q];
  for (int64_t i = 0; i < ROWS * Q; i++) x[i] = number(i / Q, i % Q);
  x[Q * 7] = NAN, x[Q * 8 + 1] = -INFINITY, x[Q * 9 + 2] = 1e300; /* the last is none of float32 */
  const int64_t shape[2] = {ROWS, Q};
  CU_ASSERT_EQUAL_FATAL(npy_write_f64(path_join(f.arena, f.path, "x.npy"), 2, shape, x), EBB_OK);
  ends(sh(&f, "$EBB run spec.yaml"), 0, "3 of 300 simulations failed and are left out");
  for (int64_t i = 0; i < ROWS; i++) x[Q * i] = NAN;
  CU_ASSERT_EQUAL_FATAL(npy_write_f64(path_join(f.arena, f.path, "x.npy"), 2, shape, x), EBB_OK);
  ends(sh(&f, "$EBB run spec.yaml"), 1, "300 of 300 simulations failed");
  folder_end(&f);
}

static void what_needs_a_simulator_or_a_prior_is_refused(void) {
  Folder f = begin();
  ends(sh(&f, "$EBB simulate spec.yaml --theta o.csv --out new.npy"), 1, NULL);
  put_text(&f, "t.csv", "a,b\n1,2\n");
  ends(sh(&f, "$EBB simulate spec.yaml --theta t.csv --out new.npy"), 1, "there is no simulator for other parameters");
  ends(sh(&f, "$EBB run spec.yaml --set 'sampling.observations={from: simulator, index: [1]}'"), 2, "give sampling.observations a file");
  ends(sh(&f, "$EBB reference spec.yaml --out new"), 1, "has neither an exact posterior sampler nor a log-likelihood");
  folder_end(&f);
}

static void cut_or_grown(const Folder *f, long bytes, const char *says) {
  Call call = sh(f,
                 "cp x.npy whole && { [ %ld -ge 0 ] && head -c %ld whole > x.npy || printf 'a' >> x.npy; }; $EBB simulate spec.yaml; s=$?; cp whole "
                 "x.npy; exit $s",
                 bytes, bytes);
  EXPECT(call, (call.status == 1 || call.status == 2) && call_says(&call, says));
}

static void files_that_are_not_whole_are_refused(void) {
  Folder f = begin();
  cut_or_grown(&f, 0, "x.npy: the file is empty, expected a .npy array");
  cut_or_grown(&f, 5, "x.npy: the file ends after 5 bytes, inside the .npy magic");
  cut_or_grown(&f, 9, "x.npy: the file ends after 9 bytes, before the length of its header");
  cut_or_grown(&f, 64, "expected a header of 182 bytes, found 54");
  cut_or_grown(&f, 192 + 1800, "expected (300, 3) = 3600 bytes after the header, found 1800");
  cut_or_grown(&f, 192 + 3599, "expected (300, 3) = 3600 bytes after the header, found 3599");
  cut_or_grown(&f, -1, "expected (300, 3) = 3600 bytes after the header, found 3601");
  put_text(&f, "x.npy", "u,v,w\n1,2,3\n");
  ends(sh(&f, "$EBB simulate spec.yaml"), 1, "x.npy: is not a .npy file");
  ends(sh(&f, "mkdir folder && $EBB simulate spec.yaml --set simulations.x=folder"), 1, "cannot be read: is a directory");
  folder_end(&f);
}

static void arrays_that_do_not_fit_are_refused(void) {
  Folder f = begin();
  const int64_t shape[3] = {ROWS, 3, 1}, none[2] = {0, 3};
  const float value[ROWS * Q] = {0};
  put_array(&f, "x99.npy", 1, "<f4", false, ROWS - 1, Q, 0);
  put_array(&f, "wide.npy", 1, "<f4", false, ROWS, Q + 1, 0);
  CU_ASSERT_EQUAL(npy_write_f32(path_join(f.arena, f.path, "deep.npy"), 3, shape, value), EBB_OK);
  CU_ASSERT_EQUAL(npy_write_f32(path_join(f.arena, f.path, "none.npy"), 2, none, value), EBB_OK);
  CU_ASSERT_EQUAL(npy_write_f32(path_join(f.arena, f.path, "scalar.npy"), 0, shape, value), EBB_OK);
  static const struct {
    const char *options, *says;
  } wrong[] = {
      {"--set simulations.x=x99.npy", "theta.npy has 300 rows and"},
      {"--set simulations.x=wide.npy", "data.names has 3 names for 4 numbers"},
      {"--set simulations.theta=wide.npy", "300 rows of 4 parameters and 3 data numbers, but the spec says 300, 2 and 3"},
      {"--set simulations.x=deep.npy", "the array is (300, 3, 1), expected data as (rows, numbers)"},
      {"--set simulations.theta=scalar.npy", "the array is (), expected parameters as (rows, numbers)"},
      {"--set simulations.x=none.npy", "none.npy holds no rows (0 rows of 3 numbers)"},
      {"--set simulations.x=null", "simulations from files are two files; add x: x.npy"},
      {"--set simulations.theta=null", "simulations from files are two files; add theta: theta.npy"},
      {"--set simulations.theta=null --set simulations.x=null", "the spec needs the key \"simulator\""},
      {"--set simulator=two_moons", "simulations come from"},
      {"--set simulator=two_moons --set simulations.theta=null --set simulations.x=null",
       "simulations.parameters and simulations.data describe files"},
      {"--set simulations.count=301", "simulations.count is 301, but"},
      {"--set 'simulations.data={numbers: 4}'", "simulations.data.numbers is 4, but"},
      {"--set 'simulations.parameters=[{use: uniform, name: a, lower: -1, upper: 1}, {use: unknown, name: b}]'",
       "row 1: parameter \"a\" is -100, outside its support (-1, 1)"},
      {"--set 'simulations.parameters=[{use: unknown, name: a}, {use: unknown, name: a}]'", "are both named \"a\""},
      {"--set 'simulations.parameters=[{use: unknown, name: a, lower: 2, upper: 2}, {use: unknown, name: b}]'", "its support (2, 2) is empty"},
  };
  for (size_t k = 0; k < COUNT(wrong); k++) {
    Call call = sh(&f, "$EBB simulate spec.yaml %s", wrong[k].options);
    EXPECT(call, (call.status == 1 || call.status == 2) && call_says(&call, wrong[k].says));
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"types, orders and versions are all read", types_orders_and_versions_are_all_read},
    {"files lead where the simulator leads", files_lead_where_the_simulator_leads},
    {"keys are of the contents", keys_are_of_the_contents},
    {"a model outlives the files", a_model_outlives_the_files},
    {"what is not said is taken from the files", what_is_not_said_is_taken_from_the_files},
    {"one number a row may be a vector", one_number_a_row_may_be_a_vector},
    {"rows that are not finite have failed", rows_that_are_not_finite_have_failed},
    {"what needs a simulator or a prior is refused", what_needs_a_simulator_or_a_prior_is_refused},
    {"files that are not whole are refused", files_that_are_not_whole_are_refused},
    {"arrays that do not fit are refused", arrays_that_do_not_fit_are_refused},
};
TEST_MAIN("ebb_files", tests)
