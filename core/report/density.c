/* SPDX-License-Identifier: MIT
 *
 * Histograms, smoothing, outlines. */
#include "report/density.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/sort.h"

/* ---- One number ---- */

float *column_sorted(Arena *arena, Column c, int64_t *n) {
  float *value = ARENA_ARRAY(arena, float, c.n), *spare = ARENA_ARRAY(arena, float, c.n);
  *n = 0;
  for (int64_t i = 0; i < c.n; i++)
    if (isfinite(c.value[i * c.stride])) value[(*n)++] = c.value[i * c.stride];
  sort_f32(*n, value, spare);
  return value;
}

void column_range(Arena *arena, Column c, double *low, double *high) {
  ArenaMark mark = arena_mark(arena);
  int64_t n;
  const float *sorted = column_sorted(arena, c, &n);
  if (n > 0) {
    double from = sorted_quantile(sorted, n, .002), to = sorted_quantile(sorted, n, .998), margin = .06 * (to - from);
    if (!(margin > 0)) margin = fmax(1e-6, .01 * fabs(from));
    bool first = *low > *high;
    *low = first ? from - margin : fmin(*low, from - margin);
    *high = first ? to + margin : fmax(*high, to + margin);
  }
  arena_reset(arena, mark);
}

int64_t column_histogram(Column c, double low, double high, int64_t bins, double *count) {
  int64_t finite = 0;
  memset(count, 0, (size_t)bins * sizeof *count);
  for (int64_t i = 0; i < c.n; i++) {
    double v = (double)c.value[i * c.stride];
    if (!isfinite(v)) continue;
    finite++;
    double place = (v - low) / (high - low) * (double)bins;
    if (place < 0 || place > (double)bins) continue;
    int64_t k = (int64_t)place;
    count[k < bins ? k : bins - 1] += 1;
  }
  return finite;
}

/* A width of smoothing, in cells: a share of Scott's rule on the spread of the middle half, so that narrow modes stay apart. */
static double width(Arena *arena, Column c, double low, double high, int64_t bins, double power) {
  ArenaMark mark = arena_mark(arena);
  int64_t n;
  const float *sorted = column_sorted(arena, c, &n);
  double spread = n > 1 ? (sorted_quantile(sorted, n, .75) - sorted_quantile(sorted, n, .25)) / 1.35 : 0;
  arena_reset(arena, mark);
  double h = .45 * spread * pow((double)(n > 0 ? n : 1), power) / (high - low) * (double)bins;
  return h < .8 ? .8 : h > 4 ? 4 : h;
}

/* A Gaussian of sd h cells along a line of n cells that are `step` apart. What would leave at an end is put back there. */
static void smooth_line(const double *from, double *to, int64_t n, int64_t step, double h) {
  double weight[16], sum = 0;
  int64_t reach = (int64_t)ceil(3 * h);
  if (reach > 12) reach = 12;
  for (int64_t k = -reach; k <= reach; k++) sum += exp(-.5 * (double)(k * k) / (h * h));
  for (int64_t k = 0; k <= reach; k++) weight[k] = exp(-.5 * (double)(k * k) / (h * h)) / sum;
  for (int64_t i = 0; i < n; i++) to[i * step] = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = -reach; k <= reach; k++) {
      int64_t at = i + k;
      if (at < 0) at = -1 - at;
      if (at >= n) at = 2 * n - 1 - at;
      if (at >= 0 && at < n) to[at * step] += weight[k < 0 ? -k : k] * from[i * step];
    }
}

void column_smooth(Arena *arena, Column c, double low, double high, int64_t bins, double *share) {
  ArenaMark mark = arena_mark(arena);
  double *count = ARENA_ARRAY(arena, double, bins);
  int64_t n = column_histogram(c, low, high, bins, count);
  for (int64_t k = 0; k < bins && n > 0; k++) count[k] /= (double)n;
  smooth_line(count, share, bins, 1, width(arena, c, low, high, bins, -.2));
  arena_reset(arena, mark);
}

/* ---- Two numbers ---- */

void pair_density(Arena *arena, Column x, Column y, const double range[4], int64_t grid, double *cell) {
  ArenaMark mark = arena_mark(arena);
  double *count = ARENA_ARRAY(arena, double, grid *grid), *half = ARENA_ARRAY(arena, double, grid *grid);
  double sx = (double)grid / (range[1] - range[0]), sy = (double)grid / (range[3] - range[2]), one = 1 / (double)(x.n > 0 ? x.n : 1);
  for (int64_t i = 0; i < x.n; i++) {
    double a = ((double)x.value[i * x.stride] - range[0]) * sx, b = ((double)y.value[i * y.stride] - range[2]) * sy;
    if (!(a >= 0 && a < (double)grid && b >= 0 && b < (double)grid)) continue; /* NaN too */
    count[(int64_t)b * grid + (int64_t)a] += one;
  }
  double hx = width(arena, x, range[0], range[1], grid, -1. / 6), hy = width(arena, y, range[2], range[3], grid, -1. / 6);
  for (int64_t r = 0; r < grid; r++) smooth_line(count + r * grid, half + r * grid, grid, 1, hx);
  for (int64_t k = 0; k < grid; k++) smooth_line(half + k, cell + k, grid, grid, hy);
  arena_reset(arena, mark);
}

static int descending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

double density_level(Arena *arena, const double *cell, int64_t cells, double mass) {
  ArenaMark mark = arena_mark(arena);
  double *sorted = ARENA_ARRAY(arena, double, cells), whole = 0, held = 0, level = 0;
  memcpy(sorted, cell, (size_t)cells * sizeof *sorted);
  qsort(sorted, (size_t)cells, sizeof *sorted, descending);
  for (int64_t i = 0; i < cells; i++) whole += sorted[i];
  for (int64_t i = 0; i < cells && held < mass * whole; i++) held += level = sorted[i];
  arena_reset(arena, mark);
  return level;
}

/* ---- Outlines: marching squares over the cells' centres, with a border of zeros ---- */

enum { BOTTOM, RIGHT, TOP, LEFT };

typedef struct Board {
  const double *cell;
  int64_t grid, side; /* side: corners along one side, grid + 2 */
  double level;
} Board;

static double corner(const Board *b, int64_t i, int64_t j) {
  bool inside = i > 0 && j > 0 && i <= b->grid && j <= b->grid;
  return inside ? b->cell[(j - 1) * b->grid + i - 1] : 0;
}

/* Each edge between neighbouring corners has a number: along x even, along y odd. */
static int64_t edge(const Board *b, int64_t i, int64_t j, int side) {
  int64_t di = side == RIGHT, dj = side == TOP, along_y = side == RIGHT || side == LEFT;
  return 2 * ((j + dj) * b->side + i + di) + along_y;
}

static int64_t within(int64_t v, int64_t most) { return v < 0 ? 0 : v > most ? most : v; }

/* Where the level crosses an edge, in tenths of a cell from the outer edge of the first. */
static void crossing(const Board *b, int64_t e, int64_t *x, int64_t *y) {
  int64_t i = e / 2 % b->side, j = e / 2 / b->side, along_y = e & 1;
  double from = corner(b, i, j), to = corner(b, i + !along_y, j + along_y), t = (b->level - from) / (to - from);
  int64_t tenths = llround(10 * t);
  *x = within(10 * i - 5 + (along_y ? 0 : tenths), 10 * b->grid);
  *y = within(10 * j - 5 + (along_y ? tenths : 0), 10 * b->grid);
}

/* The pieces of outline in the square above corner (i, j), each from side to side with the inside on the left. */
static int pieces(const Board *b, int64_t i, int64_t j, int piece[2][2]) {
  static const signed char table[16][4] = {{-1, -1, -1, -1},      {BOTTOM, LEFT, -1, -1},  {RIGHT, BOTTOM, -1, -1}, {RIGHT, LEFT, -1, -1},
                                           {TOP, RIGHT, -1, -1},  {-1, -1, -1, -1},        {TOP, BOTTOM, -1, -1},   {TOP, LEFT, -1, -1},
                                           {LEFT, TOP, -1, -1},   {BOTTOM, TOP, -1, -1},   {-1, -1, -1, -1},        {RIGHT, TOP, -1, -1},
                                           {LEFT, RIGHT, -1, -1}, {BOTTOM, RIGHT, -1, -1}, {LEFT, BOTTOM, -1, -1},  {-1, -1, -1, -1}};
  static const signed char saddle[4][4] = {{BOTTOM, LEFT, TOP, RIGHT},  /* corners 0 and 2 inside, apart */
                                           {BOTTOM, RIGHT, TOP, LEFT},  /* joined */
                                           {RIGHT, BOTTOM, LEFT, TOP},  /* corners 1 and 3 inside, apart */
                                           {LEFT, BOTTOM, RIGHT, TOP}}; /* joined */
  double v[4] = {corner(b, i, j), corner(b, i + 1, j), corner(b, i + 1, j + 1), corner(b, i, j + 1)};
  int code = 0;
  for (int k = 0; k < 4; k++) code |= (v[k] > b->level) << k;
  bool joined = v[0] + v[1] + v[2] + v[3] > 4 * b->level;
  const signed char *found = code == 5 ? saddle[joined] : code == 10 ? saddle[2 + joined] : table[code];
  int n = 0;
  for (; n < 2 && found[2 * n] >= 0; n++) {
    piece[n][0] = found[2 * n];
    piece[n][1] = found[2 * n + 1];
  }
  return n;
}

void density_outline(Arena *arena, const double *cell, int64_t grid, double level, Str *out) {
  if (!(level > 0)) return;
  ArenaMark mark = arena_mark(arena);
  Board b = {cell, grid, grid + 2, level};
  int64_t edges = 2 * b.side * b.side, *next = ARENA_ARRAY(arena, int64_t, edges); /* the edge that follows, plus 1; 0: none */
  for (int64_t j = 0; j + 1 < b.side; j++)
    for (int64_t i = 0; i + 1 < b.side; i++) {
      int piece[2][2], n = pieces(&b, i, j, piece);
      for (int k = 0; k < n; k++) next[edge(&b, i, j, piece[k][0])] = edge(&b, i, j, piece[k][1]) + 1;
    }
  for (int64_t first = 0; first < edges; first++) {
    int64_t px = 0, py = 0, points = 0;
    for (int64_t e = first; next[e] != 0;) {
      int64_t x, y, following = next[e] - 1;
      crossing(&b, e, &x, &y);
      if (points == 0)
        str_print(out, "M%" PRId64 " %" PRId64 "l", x, y);
      else if (x != px || y != py)
        str_print(out, points > 1 && x - px >= 0 ? " %" PRId64 "%s%" PRId64 : "%" PRId64 "%s%" PRId64, x - px, y - py >= 0 ? " " : "", y - py);
      if (points == 0 || x != px || y != py) points++;
      px = x;
      py = y;
      next[e] = 0;
      e = following;
    }
    if (points == 1) str_add(out, "0 0");
    if (points > 0) str_add(out, "z");
  }
  arena_reset(arena, mark);
}
