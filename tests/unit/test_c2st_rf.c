/* SPDX-License-Identifier: MIT
 *
 * The two-sample test by a random forest: its answers against scikit-learn's (tests/golden/c2st_sklearn.py makes the same pairs and says how) and
 * against published ones, its trees' inside against splits searched here by the definition of gini impurity, and its sort. The plugin's source is
 * included, so that its inside can be called. */
#include "test.h"

#include "../../plugins/metrics/c2st.c"

#include "c2st_pairs.h"

static const Config forest = {.protocol = RF, .folds = 5, .seeds = 1, .epochs = 1, .trees = 100};

static void ten_pairs_are_told_apart_as_by_scikit_learn(void) {
  if (left_out()) return;
  follow_golden("c2st_rf_sklearn.txt", RF);
}

/* What scikit-learn's forest says of 4000 draws of either side. Those draws are not these: two accuracies of 8000 rows part by less than three times
 * sqrt(2) sqrt(.25 / 8000). */
static void published_accuracies_come_out(void) {
  if (left_out()) return;
  static const struct {
    Rule rule;
    int64_t dim;
    double accuracy;
  } known[] = {{SHIFT, 1, 0.607}, {SHIFT, 2, 0.652}, {SHIFT, 5, 0.675}, {SCALE, 1, 0.509}, {SCALE, 2, 0.523}, {SCALE, 5, 0.581}};
  for (size_t i = 0; i < COUNT(known); i++) {
    Case c = {"known", known[i].rule, known[i].dim, {4000, 4000}, 0};
    float *reference = make(&c, 70 + (int)i, 0), *theta = make(&c, 70 + (int)i, 1);
    Answer a = ask(2, 1, forest, 1, c.dim, 4000, reference, 4000, theta);
    printf("\n    %s d %lld: %.4f, published %.3f", c.rule == SHIFT ? "shift" : "scale", (long long)c.dim, a.c, known[i].accuracy);
    CU_ASSERT_DOUBLE_EQUAL(a.c, known[i].accuracy, 3 * sqrt(2) * sqrt(0.25 / 8000));
    CU_ASSERT_EQUAL(a.n, 8000);
    free(reference);
    free(theta);
  }
  printf("\n");
}

static void one_law_gives_one_half(void) { one_law_gives_one_half_by(forest, 80, "c2st_rf_folded"); }

/* Draws far away are apart; so are two constants; a constant in both leaves the larger side's share. */
static void what_is_plain_is_found(void) {
  Case c = {"same", SAME, 2, {300, 300}, 0};
  float *reference = make(&c, 90, 0), *theta = make(&c, 90, 1), zeros[300] = {0}, ones[300];
  for (int i = 0; i < 300; i++) ones[i] = 1;
  for (int i = 0; i < 600; i++) theta[i] = theta[i] * 1e28f + 1e30f;
  Answer a = ask(1, 1, forest, 1, 2, 300, reference, 300, theta);
  CU_ASSERT(a.c > 0.98);
  CU_ASSERT_EQUAL(ask(1, 1, forest, 1, 1, 300, zeros, 300, ones).c, 1);
  CU_ASSERT_EQUAL(ask(1, 1, forest, 1, 1, 100, ones, 300, ones).c, 0.75);
  free(reference);
  free(theta);
}

/* Every row of {0, 1} has rows like it of the other label: leaves stay mixed and vote with their shares. P(1 | draws) = .8, P(1 | reference) = .3:
 * the best guess is right .75 of the time. */
static void mixed_leaves_vote_with_their_share(void) {
  float reference[1000], theta[1000];
  for (int i = 0; i < 1000; i++) {
    reference[i] = i % 10 < 3 ? 1 : 0;
    theta[i] = i % 10 < 8 ? 1 : 0;
  }
  CU_ASSERT_DOUBLE_EQUAL(ask(1, 1, forest, 1, 1, 1000, reference, 1000, theta).c, 0.75, 1e-12);
}

static void a_tie_of_votes_is_the_references(void) {
  float sign[4] = {-1, -1, 1, 1}, x[8] = {0};
  Scaled s = {.rows = 4, .x = x, .sign = sign};
  Config c = {.protocol = RF, .folds = 2, .seeds = 1, .trees = 2};
  float votes[4] = {1, 1, 1, 1}, *all = votes; /* one of two trees each */
  double u[CHUNK];
  int32_t index[4];
  Arena *arena = arena_new();
  EbbEvidence e = {.host = host_new(arena, NULL, "metric/c2st"), .rng = {1, 1}};
  Run t = {.c = &c, .e = &e, .scaled = &s, .parts = 1, .votes = &all};
  CU_ASSERT_DOUBLE_EQUAL(count_votes(&t, 0, u, index), 0.5, 1e-12);
  for (int i = 0; i < 4; i++) votes[i] = 1.25f;
  CU_ASSERT_DOUBLE_EQUAL(count_votes(&t, 0, u, index), 0.5, 1e-12);
  for (int i = 0; i < 4; i++) sign[i] = -1, votes[i] = 1;
  CU_ASSERT_EQUAL(count_votes(&t, 0, u, index), 1);
  for (int i = 0; i < 4; i++) votes[i] = 1.25f;
  CU_ASSERT_EQUAL(count_votes(&t, 0, u, index), 0);
  arena_free(arena);
}

static void both_protocols_are_reported_each_as_alone(void) {
  Case c = {"shift", SHIFT, 2, {300, 300}, 0};
  float *reference = make(&c, 91, 0), *theta = make(&c, 91, 1);
  Config config = {.protocol = BOTH, .folds = 3, .seeds = 1, .epochs = 20, .trees = 25};
  Answer both = ask(1, 1, config, 1, 2, 300, reference, 300, theta); /* the last value is the forest's */
  config.protocol = RF;
  Answer alone = ask(1, 1, config, 1, 2, 300, reference, 300, theta);
  CU_ASSERT_EQUAL(both.c, alone.c);
  CU_ASSERT(alone.c > 0.55 && alone.c < 0.75);
  CU_ASSERT_EQUAL(params[1].number, BOTH);
  CU_ASSERT_STRING_EQUAL(params[1].text, "mlp|rf|both");
  free(reference);
  free(theta);
}

static void threads_do_not_change_a_bit(void) {
  Case c = {"shift", SHIFT, 3, {900, 900}, 0};
  float *reference = make(&c, 92, 0), *theta = make(&c, 92, 1);
  Config config = {.protocol = RF, .folds = 4, .seeds = 2, .trees = 13};
  Answer one = ask(1, 5, config, 3, 3, 300, reference, 300, theta);
  CU_ASSERT(one.mean > 0.5 && one.mean < 0.9);
  for (int threads = 2; threads <= 3; threads++) {
    Answer many = ask(threads, 5, config, 3, 3, 300, reference, 300, theta);
    CU_ASSERT_EQUAL(many.c, one.c);
    CU_ASSERT_EQUAL(many.mean, one.mean);
  }
  CU_ASSERT_NOT_EQUAL(ask(1, 6, config, 3, 3, 300, reference, 300, theta).mean, one.mean);
  free(reference);
  free(theta);
}

/* ---- a tree's inside ---- */

enum { ROWS = 400, COLUMNS = 5 };

typedef struct Grown {
  Arena *arena;
  EbbWork *work;
  float x[ROWS * COLUMNS], sign[ROWS];
  Entry sorted[COLUMNS * ROWS], spare[ROWS];
  int32_t index[ROWS];
  Forest f;
  Tree t;
} Grown;

/* Normals, rounded to quarters in the later columns, so that there are ties; the last is one constant. Class 1 is a little to the right in all. */
static Grown *grown_new(void) {
  Grown *g = calloc(1, sizeof *g);
  g->arena = arena_new();
  g->work = work_new();
  for (int r = 0; r < ROWS; r++) {
    g->sign[r] = r % 3 == 0 ? 1 : -1;
    g->index[r] = r;
    for (int j = 0; j < COLUMNS; j++) {
      double z = normal_at(address(95, 0, j, r)) + 0.5 * (r % 3 == 0);
      g->x[r * COLUMNS + j] = (float)(j == COLUMNS - 1 ? 3 : j > 1 ? round(4 * z) / 4 : z);
    }
  }
  for (int j = 0; j < COLUMNS; j++) {
    for (int r = 0; r < ROWS; r++) g->sorted[j * ROWS + r] = (Entry){g->x[r * COLUMNS + j], r};
    sort_entries(ROWS, g->sorted + j * ROWS, g->spare);
  }
  g->f = (Forest){host_new(g->arena, NULL, "metric/c2st"), {3, 3}, ROWS, COLUMNS, COLUMNS, g->x, g->sign, g->sorted};
  tree_new(&g->t, &g->f, g->work, ROWS);
  g->t.id = 17;
  tree_sample(&g->t, ROWS, g->index);
  return g;
}

static void grown_free(Grown *g) {
  work_free(g->work);
  arena_free(g->arena);
  free(g);
}

/* n rows of n with replacement: about 1 - 1/e of them are there, and all weights together are n, of each class its own. */
static void a_sample_is_a_bootstrap(void) {
  Grown *g = grown_new();
  uint64_t all = 0;
  int64_t there = 0;
  for (int r = 0; r < ROWS; r++) {
    if (g->t.weight[r] < 0) continue;
    uint64_t counts = g->t.counts[g->t.weight[r]];
    CU_ASSERT_EQUAL(counts >> 32, g->sign[r] > 0 ? counts & UINT32_MAX : 0);
    all += counts;
    there++;
  }
  CU_ASSERT_EQUAL(all & UINT32_MAX, ROWS);
  CU_ASSERT_EQUAL(there, g->t.own);
  CU_ASSERT_DOUBLE_EQUAL((double)there / ROWS, 1 - exp(-1), 4 * sqrt(0.0972 / ROWS)); /* variance (e^-1 - 2 e^-2) / n */
  grown_free(g);
}

/* The fall of the gini impurity, weighted by rows, when the sample's rows with x <= threshold in a column are parted from the others. */
static double gini_gain(const Grown *g, const double *weight, int column, double threshold) {
  double n[2][2] = {{0}};
  for (int r = 0; r < ROWS; r++) n[(double)g->x[r * COLUMNS + column] <= threshold][g->sign[r] > 0] += weight[r];
  double gain = 0;
  for (int side = -1; side < 2; side++) {
    double a = side < 0 ? n[0][0] + n[1][0] : n[side][0], b = side < 0 ? n[0][1] + n[1][1] : n[side][1];
    if (a + b > 0) gain += (side < 0 ? 1 : -1) * (a + b) * (1 - (a * a + b * b) / ((a + b) * (a + b)));
  }
  return gain;
}

/* At the root, for each column alone: no threshold between two values gains more, and the gain is what the fraction stands for. */
static void a_split_is_the_best_by_gini_impurity(void) {
  Grown *g = grown_new();
  double weight[ROWS] = {0};
  uint64_t all = 0;
  for (int r = 0; r < ROWS; r++)
    if (g->t.weight[r] >= 0) weight[r] = (double)(uint32_t)g->t.counts[g->t.weight[r]], all += g->t.counts[g->t.weight[r]];
  Open root = {0, (int32_t)g->t.own, 0, all};
  for (int j = 0; j < COLUMNS; j++) {
    Split s = {.column = -1, .gain = -1, .room = 1};
    tree_try(&g->t, &root, j, &s);
    if (j == COLUMNS - 1) {
      CU_ASSERT_EQUAL(s.column, -1); /* one constant cannot be split */
      continue;
    }
    const Entry *at = g->t.list + j * g->t.own + s.at;
    double threshold = ((double)at[-1].x + (double)at[0].x) / 2, best = 0;
    for (int r = 0; r < ROWS; r++) best = fmax(best, gini_gain(g, weight, j, (double)g->x[r * COLUMNS + j]));
    CU_ASSERT(best > 1);
    CU_ASSERT_DOUBLE_EQUAL(gini_gain(g, weight, j, threshold), best, 1e-9 * best);
    CU_ASSERT_DOUBLE_EQUAL(2 * s.gain / s.room / ROWS, best, 1e-9 * best);
  }
  grown_free(g);
}

static double leaf_share(const Tree *t, const float *x) {
  const Branch *b = t->node;
  while (b->column >= 0) b = t->node + b->child + ((double)x[b->column] > b->threshold);
  return b->threshold;
}

/* Fully grown: each row of the sample lands among its own class. The first two columns have no ties, so no leaf is mixed. */
static void leaves_are_pure(void) {
  Grown *g = grown_new();
  tree_grow(&g->t);
  CU_ASSERT(g->t.nodes > 50 && g->t.nodes < 2 * g->t.own && g->t.nodes % 2 == 1);
  int wrong = 0, others_wrong = 0, others = 0;
  for (int r = 0; r < ROWS; r++) {
    double share = leaf_share(&g->t, g->x + r * COLUMNS);
    if (g->t.weight[r] >= 0)
      wrong += share != (g->sign[r] > 0 ? 1 : 0);
    else
      others++, others_wrong += (share > 0.5) != (g->sign[r] > 0);
  }
  CU_ASSERT_EQUAL(wrong, 0);
  CU_ASSERT(others_wrong > others / 8 && others_wrong < others / 2);
  grown_free(g);
}

/* All columns take their turn: the root of many trees is split on each that varies, about equally often among looks of two. */
static void columns_are_drawn_without_favour(void) {
  Grown *g = grown_new();
  int seen[COLUMNS] = {0};
  Open root = {0, 0, 0, 0};
  for (int k = 0; k < 3000; k++) {
    g->t.step = (uint32_t)k << 16;
    g->t.used = 0;
    for (int32_t c = 0; c < COLUMNS; c++) g->t.column[c] = c;
    root.to = 0; /* no rows: no split, so all columns are drawn, the first two count */
    tree_split(&g->t, &root);
    seen[g->t.column[0]]++;
    seen[g->t.column[1]]++;
  }
  for (int c = 0; c < COLUMNS; c++) CU_ASSERT_DOUBLE_EQUAL(seen[c], 3000 * 2.0 / COLUMNS, 4 * sqrt(3000 * 0.4 * 0.6));
  grown_free(g);
}

static void sorting_is_in_order_and_stable(void) {
  enum { N = 5000 };
  static Entry e[N], spare[N];
  static const float ends[] = {INFINITY, -INFINITY, 0.0f, -0.0f, 1e-45f, -1e-45f, 3e38f, -3e38f};
  for (int i = 0; i < N; i++)
    e[i] = (Entry){i % 10 == 0 ? ends[i / 10 % 8] : (float)(round(100 * normal_at(address(96, 0, 0, i))) * (i % 7 == 0 ? 1e20 : 0.01)), i};
  double sum = 0;
  sort_entries(N, e, spare);
  for (int i = 0; i + 1 < N; i++) {
    CU_ASSERT(e[i].x <= e[i + 1].x);
    if (e[i].x == e[i + 1].x) CU_ASSERT(!!signbit(e[i].x) > !!signbit(e[i + 1].x) || e[i].row < e[i + 1].row);
  }
  for (int i = 0; i < N; i++) sum += e[i].row;
  CU_ASSERT_EQUAL(sum, N * (N - 1) / 2);
}

static const Test tests[] = {
    {"ten pairs are told apart as by scikit-learn", ten_pairs_are_told_apart_as_by_scikit_learn},
    {"published accuracies come out", published_accuracies_come_out},
    {"one law gives one half", one_law_gives_one_half},
    {"what is plain is found", what_is_plain_is_found},
    {"mixed leaves vote with their share", mixed_leaves_vote_with_their_share},
    {"a tie of votes is the reference's", a_tie_of_votes_is_the_references},
    {"both protocols are reported, each as alone", both_protocols_are_reported_each_as_alone},
    {"threads do not change a bit", threads_do_not_change_a_bit},
    {"a sample is a bootstrap", a_sample_is_a_bootstrap},
    {"a split is the best by gini impurity", a_split_is_the_best_by_gini_impurity},
    {"leaves are pure", leaves_are_pure},
    {"columns are drawn without favour", columns_are_drawn_without_favour},
    {"sorting is in order and stable", sorting_is_in_order_and_stable},
};

int main(void) {
  if (isa_setup(getenv("EBB_ISA")) != EBB_OK) return 1;
  return test_main("c2st_rf", tests, COUNT(tests));
}
