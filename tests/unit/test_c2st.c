/* SPDX-License-Identifier: MIT
 *
 * The classifier two-sample test: its network against finite differences of a network written here in double, its answers against scikit-learn's
 * (tests/golden/c2st_sklearn.py makes the same pairs and says how), against Bayes' accuracy in closed form, and the cases in which such tests break:
 * constants, tiny sets, failed draws. The plugin's source is included, so that its inside can be called. */
#include "test.h"

#include "../../plugins/metrics/c2st.c"

#include "c2st_pairs.h"

/* ---- scikit-learn ---- */

static void ten_pairs_are_told_apart_as_by_scikit_learn(void) {
  if (left_out()) return;
  follow_golden("c2st_sklearn.txt", MLP);
}

/* ---- closed forms ---- */

/* No classifier beats Bayes beyond the held-out rows' own scatter, and this one should come near. Phi(1/2) for the shift by 1 in any dimension; for
 * sd 1.2 the ball |x|^2 < d ln 1.44 / (1 - 1/1.44), so P = (F(r) + 1 - F(r / 1.44)) / 2 under chi-square: .5440 at d = 1, .5670 at d = 2. */
static void accuracy_stays_below_bayes_and_comes_near(void) {
  if (left_out()) return;
  static const struct {
    Case c;
    double bayes, near;
  } known[] = {{{"shift", SHIFT, 1, {2000, 2000}, 0}, 0.6915, 0.02},
               {{"shift", SHIFT, 2, {2000, 2000}, 0}, 0.6915, 0.02},
               {{"scale", SCALE, 1, {4000, 4000}, 0}, 0.5440, 0.02},
               {{"scale", SCALE, 2, {4000, 4000}, 0}, 0.5670, 0.02}};
  for (size_t i = 0; i < COUNT(known); i++) {
    const Case *c = &known[i].c;
    float *reference = make(c, 20 + (int)i, 0), *theta = make(c, 20 + (int)i, 1);
    Answer a = ask(2, 1, plain, 1, c->dim, c->rows[0], reference, c->rows[1], theta);
    double error = sqrt(0.25 / (double)(c->rows[0] + c->rows[1]));
    printf("\n    %s d %lld: %.4f, Bayes %.4f", c->name, (long long)c->dim, a.c, known[i].bayes);
    CU_ASSERT(a.c > known[i].bayes - known[i].near);
    CU_ASSERT(a.c < known[i].bayes + 3 * error);
    CU_ASSERT_EQUAL(a.n, c->rows[0] + c->rows[1]);
    CU_ASSERT_DOUBLE_EQUAL(a.error, sqrt(a.c * (1 - a.c) / (double)a.n), 1e-12);
    free(reference);
    free(theta);
  }
  printf("\n");
}

static void one_law_gives_one_half(void) { one_law_gives_one_half_by(plain, 30, "c2st_folded"); }

/* ---- where such tests break ---- */

static float *constant(int64_t n, float value) {
  float *x = malloc((size_t)n * sizeof *x);
  for (int64_t i = 0; i < n; i++) x[i] = value;
  return x;
}

static void two_constants_are_apart(void) {
  static const int64_t rows[] = {1000, 5};
  for (size_t i = 0; i < COUNT(rows); i++) {
    float *ones = constant(2 * rows[i], 1), *zeros = constant(2 * rows[i], 0);
    Answer a = ask(1, 1, plain, 1, 2, rows[i], ones, rows[i], zeros);
    CU_ASSERT_EQUAL(a.status, EBB_OK);
    CU_ASSERT_EQUAL(a.c, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(a.note, "constant"));
    free(ones);
    free(zeros);
  }
}

/* x (rows, dim) with column j, which is `value`, put in. */
static float *with_column(int64_t rows, int64_t dim, const float *x, int64_t j, float value) {
  float *y = malloc((size_t)(rows * (dim + 1)) * sizeof *y);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k <= dim; k++) y[i * (dim + 1) + k] = k == j ? value : x[i * dim + k - (k > j)];
  return y;
}

static void a_constant_in_both_changes_nothing(void) {
  Case c = {"same", SAME, 1, {1000, 1000}, 0};
  float *x[2] = {make(&c, 40, 0), make(&c, 40, 1)}, *y[2] = {with_column(1000, 1, x[0], 0, 0.1f), with_column(1000, 1, x[1], 0, 0.1f)};
  Answer without = ask(1, 1, plain, 1, 1, 1000, x[0], 1000, x[1]), with = ask(1, 1, plain, 1, 2, 1000, y[0], 1000, y[1]);
  CU_ASSERT_DOUBLE_EQUAL(with.c, 0.5, 0.03);
  CU_ASSERT_EQUAL(with.c, without.c);
  CU_ASSERT_PTR_NOT_NULL(strstr(with.note, "1 of 2 parameters"));
  Answer only = ask(1, 1, plain, 1, 1, 500, y[0], 500, y[0]); /* both sets are one file */
  CU_ASSERT_EQUAL(only.status, EBB_OK);
  float *ones = constant(1000, 1);
  CU_ASSERT_EQUAL(ask(1, 1, plain, 1, 1, 1000, ones, 1000, ones).c, 0.5);
  free(ones);
  for (int i = 0; i < 2; i++) free(x[i]), free(y[i]);
}

/* The reference has no sd to divide by, but the draws vary: told apart, and finite. */
static void a_constant_reference_is_told_from_draws_that_vary(void) {
  Case c = {"same", SAME, 1, {2, 1000}, 0};
  float *ones = constant(1000, 1), *theta = make(&c, 41, 1);
  Answer a = ask(1, 1, plain, 1, 1, 1000, ones, 1000, theta);
  CU_ASSERT_EQUAL(a.status, EBB_OK);
  CU_ASSERT(a.c > 0.85);
  free(ones);
  free(theta);
}

/* A held-out row's twin was seen with the other label. */
static void one_file_twice_is_not_above_one_half(void) {
  Case c = {"same", SAME, 2, {1000, 1000}, 0};
  float *x = make(&c, 42, 0);
  Answer a = ask(1, 1, plain, 1, 2, 1000, x, 1000, x);
  CU_ASSERT_EQUAL(a.status, EBB_OK);
  CU_ASSERT(a.c <= 0.5);
  CU_ASSERT(a.c > 0.3);
  free(x);
}

static void far_draws_are_apart_and_finite(void) {
  Case c = {"same", SAME, 2, {500, 500}, 0};
  float *reference = make(&c, 43, 0), *theta = make(&c, 43, 1);
  for (int64_t i = 0; i < 1000; i++) theta[i] = theta[i] * 1e28f + 1e30f;
  Answer a = ask(1, 1, plain, 1, 2, 500, reference, 500, theta);
  CU_ASSERT_EQUAL(a.status, EBB_OK);
  CU_ASSERT(a.c > 0.99);
  free(reference);
  free(theta);
}

static void failed_draws_are_left_out_and_counted(void) {
  Case c = {"shift", SHIFT, 2, {600, 600}, 0};
  float *reference = make(&c, 44, 0), *theta = make(&c, 44, 1), *fewer = malloc(2 * 570 * sizeof *fewer);
  memcpy(fewer, theta, 2 * 100 * sizeof *fewer);
  memcpy(fewer + 2 * 100, theta + 2 * 130, 2 * 470 * sizeof *fewer);
  for (int64_t i = 100; i < 130; i++) theta[2 * i + i % 2] = i % 3 == 0 ? INFINITY : NAN;
  Answer a = ask(1, 1, plain, 1, 2, 600, reference, 600, theta), b = ask(1, 1, plain, 1, 2, 600, reference, 570, fewer);
  CU_ASSERT_EQUAL(a.c, b.c);
  CU_ASSERT_EQUAL(a.n, 1170);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.note, "30 of 600 draws failed"));
  CU_ASSERT_PTR_NOT_NULL(strstr(b.note, "570 draws against 600"));
  free(reference);
  free(theta);
  free(fewer);
}

static void what_cannot_be_compared_is_refused_by_name(void) {
  Case c = {"same", SAME, 2, {20, 20}, 0};
  float *reference = make(&c, 45, 0), *theta = make(&c, 45, 1);
  Answer a = ask(1, 1, plain, 1, 2, 4, reference, 20, theta);
  CU_ASSERT_EQUAL(a.status, EBB_E_SHAPE);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.message, "too few for 5 folds"));
  a = ask(1, 1, plain, 1, 2, 20, reference, 20, theta);
  CU_ASSERT_EQUAL(a.status, EBB_OK);
  for (int64_t i = 0; i < 16; i++) theta[2 * i] = NAN;
  a = ask(1, 1, plain, 1, 2, 20, reference, 20, theta);
  CU_ASSERT_EQUAL(a.status, EBB_E_SHAPE);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.message, "4 draws without failure"));
  a = ask(1, 1, plain, 1, 2, 20, NULL, 20, theta);
  CU_ASSERT_EQUAL(a.status, EBB_E_CONFIG);
  reference[2 * 6 + 1] = NAN;
  a = ask(1, 1, plain, 1, 2, 20, reference, 20, theta);
  CU_ASSERT_EQUAL(a.status, EBB_E_NUMERIC);
  CU_ASSERT_PTR_NOT_NULL(strstr(a.message, "row 7, parameter second"));
  free(reference);
  free(theta);
}

/* ---- threads and sets ---- */

static void threads_do_not_change_a_bit(void) {
  Case c = {"shift", SHIFT, 3, {900, 900}, 0};
  float *reference = make(&c, 46, 0), *theta = make(&c, 46, 1);
  Config config = {.folds = 4, .seeds = 2, .epochs = 30};
  Answer one = ask(1, 5, config, 3, 3, 300, reference, 300, theta);
  CU_ASSERT(one.mean > 0.5 && one.mean < 0.9);
  for (int threads = 2; threads <= 3; threads++) {
    Answer many = ask(threads, 5, config, 3, 3, 300, reference, 300, theta);
    CU_ASSERT_EQUAL(many.c, one.c);
    CU_ASSERT_EQUAL(many.mean, one.mean);
  }
  Answer other = ask(1, 6, config, 3, 3, 300, reference, 300, theta);
  CU_ASSERT_NOT_EQUAL(other.mean, one.mean);
  free(reference);
  free(theta);
}

static void a_set_alone_gives_the_bits_it_has_among_others(void) {
  Case c = {"shift", SHIFT, 2, {600, 600}, 0};
  float *reference = make(&c, 47, 0), *theta = make(&c, 47, 1);
  Config config = {.protocol = BOTH, .folds = 3, .seeds = 1, .epochs = 20, .trees = 5};
  for (config.protocol = MLP; config.protocol <= RF; config.protocol++) {
    Answer among = ask(1, 5, config, 3, 2, 200, reference, 200, theta);
    first_number = 3;
    Answer alone = ask(1, 5, config, 1, 2, 200, reference + 2 * 400, 200, theta + 2 * 400);
    first_number = 1;
    Answer other = ask(1, 5, config, 1, 2, 200, reference + 2 * 400, 200, theta + 2 * 400);
    CU_ASSERT_EQUAL(alone.c, among.c);
    CU_ASSERT_NOT_EQUAL(alone.c, other.c);
  }
  free(reference);
  free(theta);
}

/* ---- the network's inside ---- */

/* The loss of one batch in double, by its formula, from the plain weights only. W of layer l: (in+1, out), last row the bias. */
static double loss_in_double(const Net *net, int64_t rows, const double *w) {
  double loss = 0, squares = 0;
  for (int64_t r = 0; r < rows; r++) {
    double a[64], b[64];
    for (int64_t j = 0; j < net->in; j++) a[j] = (double)net->x[r * (net->in + 1) + j];
    for (int l = 0; l < LAYERS; l++) {
      const double *layer = w + net->at[l];
      for (int64_t j = 0; j < net->out_of[l]; j++) {
        b[j] = layer[net->in_of[l] * net->row_of[l] + j];
        for (int64_t i = 0; i < net->in_of[l]; i++) b[j] += a[i] * layer[i * net->row_of[l] + j];
        if (l < LAYERS - 1) b[j] = fmax(0, b[j]);
      }
      memcpy(a, b, sizeof a);
    }
    double p = 1 / (1 + exp(-a[0]));
    loss -= log(net->sign[r] > 0 ? p : 1 - p) / (double)rows;
  }
  for (int l = 0; l < LAYERS; l++)
    for (int64_t i = 0; i < net->in_of[l]; i++)
      for (int64_t j = 0; j < net->out_of[l]; j++) squares += pow(w[net->at[l] + i * net->row_of[l] + j], 2);
  return loss + 0.5e-4 * squares / (double)rows;
}

static void a_network_to_look_into(Net *net, Arena *arena, EbbWork *work, int64_t rows) {
  net_new(net, host_new(arena, NULL, "metric/c2st"), work, 3, 30);
  net_draw(net, work, (EbbRng){11, 1}, 1);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t j = 0; j < 3; j++) net->x[r * 4 + j] = (float)normal_at(address(60, 0, (int)j, r));
    net->x[r * 4 + 3] = 1;
    net->sign[r] = r % 3 == 0 ? 1 : -1;
  }
}

static void gradients_are_those_of_finite_differences(void) {
  static const int64_t rows[] = {1, 7, 33, 200};
  Arena *arena = arena_new();
  EbbWork *work = work_new();
  for (size_t k = 0; k < COUNT(rows); k++) {
    Net net;
    a_network_to_look_into(&net, arena, work, rows[k]);
    int64_t n = net.at[LAYERS];
    CU_ASSERT_EQUAL(n, 3 * 32 + 32 + 30 * 32 + 32 + 30 + 1); /* 30 units in 32 columns: the two others have slope 0 in loss_in_double */
    double *w = malloc((size_t)n * sizeof *w), worst = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) w[i] = (double)net.w[i];
    double loss = backward(&net, rows[k]);
    CU_ASSERT_DOUBLE_EQUAL(loss, loss_in_double(&net, rows[k], w), 2e-6);
    for (int64_t i = 0; i < n; i++) {
      double kept = w[i], h = 1e-6;
      w[i] = kept + h;
      double above = loss_in_double(&net, rows[k], w);
      w[i] = kept - h;
      double slope = (above - loss_in_double(&net, rows[k], w)) / (2 * h);
      w[i] = kept;
      worst = fmax(worst, fabs(slope - (double)net.gradient[i]));
      largest = fmax(largest, fabs(slope));
    }
    CU_ASSERT(largest > 0.01);
    CU_ASSERT(worst < 1e-6 * fmax(1, largest));
    free(w);
  }
  work_free(work);
  arena_free(arena);
}

/* Also: the loss of rows that are surely wrong is what scikit-learn says after it holds p away from 0. */
static void losses_of_sure_answers_are_held(void) {
  float z[18], dz[18], sign[18];
  for (int i = 0; i < 18; i++) z[i] = i == 0 ? 3e38f : 1000, sign[i] = -1;
  Net net = {.z = z, .dz = dz, .sign = sign};
  CU_ASSERT_DOUBLE_EQUAL(logistic(&net, 18), -18 * log(2.220446049250313e-16), 1e-6);
  CU_ASSERT_DOUBLE_EQUAL(dz[0], 1.0 / 18, 1e-8);
  for (int i = 0; i < 18; i++) sign[i] = 1;
  CU_ASSERT_DOUBLE_EQUAL(logistic(&net, 18), 0, 1e-12);
  CU_ASSERT_EQUAL(dz[3], 0);
}

/* Adam in double beside it, with gradients that change. */
static void steps_are_those_of_adam(void) {
  Arena *arena = arena_new();
  EbbWork *work = work_new();
  Net net;
  a_network_to_look_into(&net, arena, work, 1);
  double w[8], m[8] = {0}, v[8] = {0};
  for (int i = 0; i < 8; i++) w[i] = (double)net.w[i];
  for (int step = 1; step <= 50; step++) {
    for (int64_t i = 0; i < net.at[LAYERS]; i++) net.gradient[i] = (float)(sin((double)(i % 8) + 0.1 * step) * pow(10, -(double)(i % 8)));
    update(&net);
    for (int i = 0; i < 8; i++) {
      double g = (double)net.gradient[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      w[i] -= 1e-3 * sqrt(1 - pow(0.999, step)) / (1 - pow(0.9, step)) * m[i] / (sqrt(v[i]) + 1e-8);
    }
  }
  for (int i = 0; i < 8; i++) CU_ASSERT_DOUBLE_EQUAL(net.w[i], w[i], 2e-6);
  work_free(work);
  arena_free(arena);
}

static void a_shuffle_loses_nothing_and_favours_nobody(void) {
  enum { N = 3 * CHUNK + 5 };
  Arena *arena = arena_new();
  double *u = malloc(CHUNK * sizeof *u), front = 0;
  int32_t *index = malloc(N * sizeof *index);
  uint8_t *seen = calloc(N, 1);
  for (int32_t i = 0; i < N; i++) index[i] = i;
  shuffle(host_new(arena, NULL, "metric/c2st"), (EbbRng){1, 1}, 5, 1, u, N, index);
  int64_t missing = 0;
  for (int32_t i = 0; i < N; i++) seen[index[i]] = 1;
  for (int32_t i = 0; i < N; i++) missing += !seen[i];
  CU_ASSERT_EQUAL(missing, 0);
  /* The mean of the first N/4 places is uniform's: sd 1/sqrt(12 n), less for drawing without replacement. */
  for (int32_t i = 0; i < N / 4; i++) front += (double)index[i] / N / (N / 4);
  CU_ASSERT_DOUBLE_EQUAL(front, 0.5, 4 / sqrt(12.0 * N / 4));
  free(u);
  free(index);
  free(seen);
  arena_free(arena);
}

static void tables_say_what_it_needs(void) {
  EbbMetricNeeds n = {.size = sizeof n};
  ops.needs(&plain, &n);
  CU_ASSERT_EQUAL(n.flags, EBB_NEED_REFERENCE);
  CU_ASSERT_STRING_EQUAL(ebb_module.components[0]->id, "c2st");
  CU_ASSERT_EQUAL(ebb_module.components[0]->kind, EBB_METRIC);
}

static const Test tests[] = {
    {"ten pairs are told apart as by scikit-learn", ten_pairs_are_told_apart_as_by_scikit_learn},
    {"accuracy stays below Bayes and comes near", accuracy_stays_below_bayes_and_comes_near},
    {"one law gives one half", one_law_gives_one_half},
    {"two constants are apart", two_constants_are_apart},
    {"a constant in both changes nothing", a_constant_in_both_changes_nothing},
    {"a constant reference is told from draws that vary", a_constant_reference_is_told_from_draws_that_vary},
    {"one file twice is not above one half", one_file_twice_is_not_above_one_half},
    {"far draws are apart and finite", far_draws_are_apart_and_finite},
    {"failed draws are left out and counted", failed_draws_are_left_out_and_counted},
    {"what cannot be compared is refused by name", what_cannot_be_compared_is_refused_by_name},
    {"threads do not change a bit", threads_do_not_change_a_bit},
    {"a set alone gives the bits it has among others", a_set_alone_gives_the_bits_it_has_among_others},
    {"gradients are those of finite differences", gradients_are_those_of_finite_differences},
    {"losses of sure answers are held", losses_of_sure_answers_are_held},
    {"steps are those of Adam", steps_are_those_of_adam},
    {"a shuffle loses nothing and favours nobody", a_shuffle_loses_nothing_and_favours_nobody},
    {"tables say what it needs", tables_say_what_it_needs},
};

int main(void) {
  if (isa_setup(getenv("EBB_ISA")) != EBB_OK) return 1;
  return test_main("c2st", tests, COUNT(tests));
}
