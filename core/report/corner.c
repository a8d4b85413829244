/* SPDX-License-Identifier: MIT
 *
 * Corner plots: what the posterior of one observation looks like, beside truth, reference and prior where they are known. */
#include <inttypes.h>
#include <math.h>

#include "num/sort.h"
#include "report/density.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/svg.h"

enum { PRIOR_ROWS = 20000, REFERENCE_ROWS = 20000 };

typedef struct Corner {
  Arena *arena;
  const Record *record;
  Str *out;
  int64_t k, d, grid;          /* observation, parameters shown, cells along a side */
  double left, top, side, gap; /* of panels */
  double low[FIGURE_PARAMETERS], high[FIGURE_PARAMETERS];
} Corner;

static Column draws_of(const Corner *c, int64_t j) {
  const Record *r = c->record;
  return (Column){r->theta + c->k * r->draws * r->d + j, r->draws, r->d};
}

static bool referenced(const Corner *c) { return c->record->reference != NULL && c->k < c->record->referenced; }

static Column reference_of(const Corner *c, int64_t j) {
  const Record *r = c->record;
  int64_t rows = r->references < REFERENCE_ROWS ? r->references : REFERENCE_ROWS;
  return (Column){r->reference + c->k * r->references * r->d + j, rows, r->d};
}

static double truth_of(const Corner *c, int64_t j) {
  const Record *r = c->record;
  return r->truth != NULL ? (double)r->truth[c->k * r->d + j] : NAN;
}

static void find_ranges(Corner *c) {
  for (int64_t j = 0; j < c->d; j++) {
    c->low[j] = 1;
    c->high[j] = 0;
    column_range(c->arena, draws_of(c, j), &c->low[j], &c->high[j]);
    if (referenced(c)) column_range(c->arena, reference_of(c, j), &c->low[j], &c->high[j]);
    if (c->low[j] > c->high[j]) c->low[j] = -1, c->high[j] = 1; /* no draw is finite */
    double truth = truth_of(c, j), margin = .04 * (c->high[j] - c->low[j]);
    if (isfinite(truth)) {
      c->low[j] = fmin(c->low[j], truth - margin);
      c->high[j] = fmax(c->high[j], truth + margin);
    }
  }
}

static Panel panel_of(const Corner *c, int64_t row, int64_t column, double y_low, double y_high) {
  double step = c->side + c->gap;
  return panel_at(c->left + step * (double)column, c->top + step * (double)row, c->side, c->side, c->low[column], c->high[column], y_low, y_high);
}

static void marginal(const Corner *c, int64_t j) {
  const Record *r = c->record;
  double *post = ARENA_ARRAY(c->arena, double, c->grid), *other = ARENA_ARRAY(c->arena, double, c->grid), *x = ARENA_ARRAY(c->arena, double, c->grid);
  double width = (c->high[j] - c->low[j]) / (double)c->grid, most = 0, truth = truth_of(c, j);
  int64_t finite = column_histogram(draws_of(c, j), c->low[j], c->high[j], c->grid, post);
  for (int64_t i = 0; i < c->grid; i++) {
    if (finite > 0) post[i] /= (double)finite * width;
    x[i] = c->low[j] + ((double)i + .5) * width;
    most = fmax(most, post[i]);
  }
  if (referenced(c)) {
    column_smooth(c->arena, reference_of(c, j), c->low[j], c->high[j], c->grid, other);
    for (int64_t i = 0; i < c->grid; i++) most = fmax(most, other[i] /= width);
  }
  Panel p = panel_of(c, j, j, 0, most > 0 ? 1.08 * most : 1);
  svg_steps(c->out, &p, "hist", c->grid, post);
  if (referenced(c)) svg_line(c->out, &p, "ref", c->grid, x, other);
  if (r->prior != NULL) {
    int64_t rows = r->priors < PRIOR_ROWS ? r->priors : PRIOR_ROWS;
    column_smooth(c->arena, (Column){r->prior + j, rows, r->d}, c->low[j], c->high[j], c->grid, other);
    for (int64_t i = 0; i < c->grid; i++) other[i] /= width;
    svg_line(c->out, &p, "prior", c->grid, x, other);
  }
  if (isfinite(truth)) svg_segment(c->out, &p, "truth", truth, 0, truth, p.y.high);
  bool last = j + 1 == c->d;
  svg_axes(c->out, &p, AXIS_SMALL | AXIS_FRAME | (last ? AXIS_X : 0), last ? r->parameter[j] : NULL, NULL);
}

static void outline(const Corner *c, const Panel *p, const double *cell, double mass, const char *class) {
  Str path = {0};
  density_outline(c->arena, cell, c->grid, density_level(c->arena, cell, c->grid * c->grid, mass), &path);
  svg_cells(c->out, p, class, c->grid, path.text);
  str_free(&path);
}

static void pair(const Corner *c, int64_t row, int64_t column) {
  static const double mass[] = {.95, .8, .5};
  double *cell = ARENA_ARRAY(c->arena, double, c->grid * c->grid), tx = truth_of(c, column), ty = truth_of(c, row);
  const double range[4] = {c->low[column], c->high[column], c->low[row], c->high[row]};
  Panel p = panel_of(c, row, column, c->low[row], c->high[row]);
  pair_density(c->arena, draws_of(c, column), draws_of(c, row), range, c->grid, cell);
  for (size_t i = 0; i < COUNT(mass); i++) outline(c, &p, cell, mass[i], "mass");
  if (referenced(c)) {
    pair_density(c->arena, reference_of(c, column), reference_of(c, row), range, c->grid, cell);
    outline(c, &p, cell, mass[0], "ref");
    outline(c, &p, cell, mass[2], "ref");
  }
  if (isfinite(tx)) svg_segment(c->out, &p, "truth", tx, c->low[row], tx, c->high[row]);
  if (isfinite(ty)) svg_segment(c->out, &p, "truth", c->low[column], ty, c->high[column], ty);
  bool first = column == 0, last = row + 1 == c->d;
  svg_axes(c->out, &p, AXIS_SMALL | AXIS_FRAME | (first ? AXIS_Y : 0) | (last ? AXIS_X : 0), last ? c->record->parameter[column] : NULL,
           first ? c->record->parameter[row] : NULL);
}

static void legend(const Corner *c) {
  bool one = c->d == 1;
  double x = one ? c->left : c->left + (c->side + c->gap) * (c->d > 2 ? 2 : 1) + 14, y = one ? 14 : c->top + 14;
  const struct {
    const char *class, *text;
    bool area, there;
  } entries[] = {{"mass3", "posterior", true, true},
                 {"ref", "reference", false, referenced(c)},
                 {"truth", "truth", false, c->record->truth != NULL && isfinite(truth_of(c, 0))},
                 {"prior", "simulated parameters (prior)", false, c->record->prior != NULL}};
  for (size_t i = 0; i < COUNT(entries); i++) {
    if (!entries[i].there) continue;
    double next = svg_legend(c->out, x, y, entries[i].class, entries[i].area, entries[i].text);
    if (one)
      x = next;
    else
      y += 18;
  }
}

/* For those who do not see the figure, the numbers. */
static void describe(const Corner *c, Str *text) {
  for (int64_t j = 0; j < c->d; j++) {
    ArenaMark mark = arena_mark(c->arena);
    int64_t n;
    const float *sorted = column_sorted(c->arena, draws_of(c, j), &n);
    str_print(text, "%s%s: median ", j > 0 ? "; " : "", c->record->parameter[j]);
    number_print(text, sorted_quantile(sorted, n, .5), 3);
    str_add(text, ", 90 % of draws from ");
    number_print(text, sorted_quantile(sorted, n, .05), 3);
    str_add(text, " to ");
    number_print(text, sorted_quantile(sorted, n, .95), 3);
    arena_reset(c->arena, mark);
    if (!isfinite(truth_of(c, j))) continue;
    str_add(text, ", truth ");
    number_print(text, truth_of(c, j), 3);
  }
  str_add(text, ".");
}

void figure_corner(Arena *arena, const Record *r, int64_t k, int *number, Str *out) {
  if (r->theta == NULL || r->draws == 0 || r->d == 0) return;
  Corner c = {.arena = arena, .record = r, .out = out, .k = k, .d = r->d < FIGURE_PARAMETERS ? r->d : FIGURE_PARAMETERS};
  c.grid = c.d <= 3 ? 64 : c.d <= 6 ? 44 : 30;
  c.gap = c.d <= 5 ? 8 : 5;
  c.left = 66;
  c.top = c.d == 1 ? 30 : 8;
  c.side = c.d == 1 ? 300 : fmin(190, (800 - c.left - 8) / (double)c.d - c.gap);
  find_ranges(&c);
  double whole = (double)c.d * (c.side + c.gap), width = c.left + whole + 8;
  if (c.d == 1) width = 480;
  Str text = {0}, caption = {0};
  describe(&c, &text);
  svg_begin(out, width, c.top + whole + 38, number, arena_print(arena, "Posterior of observation %" PRId64, r->observation[k].number), text.text);
  for (int64_t row = 0; row < c.d; row++)
    for (int64_t column = 0; column <= row; column++) {
      ArenaMark mark = arena_mark(arena);
      if (row == column)
        marginal(&c, row);
      else
        pair(&c, row, column);
      arena_reset(arena, mark);
    }
  legend(&c);
  if (c.d > 1) str_add(&caption, "Shaded: the smallest regions that hold 50, 80 and 95 % of the draws. ");
  if (referenced(&c) && c.d > 1) str_add(&caption, "Dashed: 50 and 95 % of the reference draws. ");
  if (r->d > c.d) str_print(&caption, "The first %" PRId64 " of %" PRId64 " parameters. ", c.d, r->d);
  svg_end(out, caption.text != NULL ? caption.text : "Share of draws.");
  str_free(&text);
  str_free(&caption);
}
