/* SPDX-License-Identifier: MIT
 *
 * Curves: of training, and those that calibration metrics leave. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures.h"
#include "report/html.h"
#include "report/names.h"
#include "report/svg.h"

enum { WIDTH = 800 };

/* ---- Training ---- */

static double *training_column(Arena *arena, const Record *r, const char *name) {
  for (int64_t k = 0; k < r->training.columns && r->training.name != NULL; k++) {
    if (strcmp(r->training.name[k], name) != 0) continue;
    double *value = ARENA_ARRAY(arena, double, r->training.rows);
    for (int64_t i = 0; i < r->training.rows; i++) value[i] = r->training.value[i * r->training.columns + k];
    return value;
  }
  return NULL;
}

static void widen(int64_t n, const double *y, double *low, double *high) {
  for (int64_t i = 0; i < n && y != NULL; i++)
    if (isfinite(y[i])) *low = fmin(*low, y[i]), *high = fmax(*high, y[i]);
}

/* A panel whose y shows low to high; over more than a factor of 20 on a scale of powers of ten. */
static Panel free_panel(double left, double top, double width, double height, double x_low, double x_high, double low, double high) {
  if (!(high >= low)) low = 0, high = 1;
  bool powers = low > 0 && high / low > 20;
  double margin = high > low ? .06 * (high - low) : fmax(.1 * fabs(high), 1e-9);
  Panel p = panel_at(left, top, width, height, x_low, x_high > x_low ? x_high : x_low + 1, powers ? low / 1.2 : low - margin,
                     powers ? high * 1.2 : high + margin);
  p.y.log = powers;
  return p;
}

/* Mean over rows [from, to) of a column; NaN rows left out. */
static double mean_of(const Record *r, int64_t column, int64_t from, int64_t to) {
  double sum = 0, n = 0;
  for (int64_t i = from; i < to; i++) {
    double v = r->training.value[i * r->training.columns + column];
    if (isfinite(v)) sum += v, n += 1;
  }
  return n > 0 ? sum / n : NAN;
}

/* The loss by noise level, in the first, middle and last fifth of training. */
static void loss_by_level(const Record *r, const Panel *place, Str *out) {
  enum { BINS = 64 };
  static const char prefix[] = "loss_at_lambda_";
  static const char *const class[] = {"early", "mid", "late"};
  double lambda[BINS], loss[3][BINS], low = INFINITY, high = -INFINITY;
  int64_t bins = 0, rows = r->training.rows, fifth = rows / 5 > 0 ? rows / 5 : 1;
  for (int64_t k = 0; k < r->training.columns && bins < BINS; k++) {
    if (strncmp(r->training.name[k], prefix, sizeof prefix - 1) != 0) continue;
    lambda[bins] = strtod(r->training.name[k] + sizeof prefix - 1, NULL);
    loss[0][bins] = mean_of(r, k, 0, fifth < 2 && rows > 1 ? 2 : fifth); /* the first row is from before training and empty */
    loss[1][bins] = mean_of(r, k, (rows - fifth) / 2, (rows + fifth + 1) / 2);
    loss[2][bins++] = mean_of(r, k, rows - fifth, rows);
  }
  if (bins < 2) return;
  for (int i = 0; i < 3; i++) widen(bins, loss[i], &low, &high);
  Panel p = free_panel(place->x.from, place->y.to, place->x.to - place->x.from, place->y.from - place->y.to, lambda[0], lambda[bins - 1], low, high);
  for (int i = 0; i < 3; i++) svg_line(out, &p, class[i], bins, lambda, loss[i]);
  svg_axes(out, &p, AXIS_X | AXIS_Y, "log SNR", "loss");
  svg_panel_title(out, &p, "by noise level");
}

void figure_training(Arena *arena, const Record *r, int *number, Str *out) {
  if (r->training.rows < 2) return;
  int64_t n = r->training.rows;
  const double *step = training_column(arena, r, "step"), *loss = training_column(arena, r, "loss"),
               *validation = training_column(arena, r, "validation"), *rate = training_column(arena, r, "learning_rate");
  if (step == NULL || loss == NULL) return;
  double low = INFINITY, high = -INFINITY, best = INFINITY, top = 40, height = 190;
  widen(n, loss, &low, &high);
  widen(n, validation, &low, &high);
  for (int64_t i = 0; i < n && validation != NULL; i++) best = fmin(best, isfinite(validation[i]) ? validation[i] : INFINITY);
  Str text = {0};
  str_print(&text, "%.0f steps; loss from ", step[n - 1]);
  number_print(&text, loss[isfinite(loss[0]) ? 0 : 1], 3);
  str_add(&text, " to ");
  number_print(&text, loss[n - 1], 3);
  if (isfinite(best)) str_add(&text, ", least validation loss "), number_print(&text, best, 3);
  str_add(&text, ".");
  svg_begin(out, WIDTH, top + height + 44, number, "Training", text.text);
  Panel p = free_panel(60, top, 320, height, step[0], step[n - 1], low, high);
  svg_line(out, &p, "late", n, step, loss);
  if (validation != NULL) svg_line(out, &p, "valid", n, step, validation);
  svg_axes(out, &p, AXIS_X | AXIS_Y, "step", "loss");
  svg_panel_title(out, &p, "loss");
  double x = svg_legend(out, 130, top - 6, "late", false, "training");
  if (validation != NULL) svg_legend(out, x, top - 6, "valid", false, "held out");
  if (rate != NULL) {
    double least = 0, most = 0;
    widen(n, rate, &least, &most);
    Panel q = free_panel(448, top, 110, height, step[0], step[n - 1], least, most);
    svg_line(out, &q, "late", n, step, rate);
    svg_axes(out, &q, AXIS_X | AXIS_Y | AXIS_SMALL, "step", NULL);
    svg_panel_title(out, &q, "learning rate");
  }
  Panel levels = panel_at(628, top, 164, height, 0, 1, 0, 1);
  loss_by_level(r, &levels, out);
  svg_end(out, arena_print(arena, "%s By noise level: pale, the first fifth of training; full, the last.", text.text));
  str_free(&text);
}

/* ---- Curves of metrics ---- */

typedef struct Look {
  const char *name, *title, *x, *y, *joint, *caption; /* joint: the title of a curve of no parameter */
  bool diagonal, steps, simultaneous;                 /* a diagonal to compare with; bars; the band is of whole curves */
  double level;                                       /* else a horizontal line */
} Look;

static const Look looks[] = {
    {CURVE_SBC, "Ranks of the truths: ECDF minus that of uniform ranks", "rank / draws", "ECDF difference", "joint",
     "A calibrated posterior stays within the grey band (95 %, simultaneous over the whole curve). A hill left of the middle and a valley right of "
     "it: the posterior is too narrow; "
     "the reverse: too wide. All above zero: it lies too high; all below: too low.",
     false, false, true, 0},
    {CURVE_RANKS, "Ranks of the truths: histogram", "rank / draws", "relative to uniform", "joint",
     "Flat where the posterior is calibrated. A valley in the middle: too narrow; a hill: too wide.", false, true, false, 1},
    {CURVE_COVERAGE, "Coverage of central intervals", "level", "share of truths within", "all parameters",
     "On the diagonal where calibrated; below it the posterior is over-confident. Band: 95 % at each level.", true, false, false, 0},
    {CURVE_HPD, "Coverage of regions of highest density", "level", "share of truths within", "all parameters",
     "All parameters together; below the diagonal: over-confident.", true, false, false, 0},
    {CURVE_TARP, "Expected coverage by distance to random points (TARP)", "credibility", "expected coverage", "all parameters",
     "All parameters together; on the diagonal where calibrated.", true, false, false, 0},
    {CURVE_PREDICTIVE, "Posterior predictive: PIT", "place among replicates", "ECDF difference", "worst number of the data",
     "Places (PIT) of the data among data simulated from the posterior: ECDF minus the uniform one, of the number of the data that is worst off, "
     "with the 95 % band of one number.",
     false, false, false, 0},
};

/* Ranks of a joint quantity are curves of their own: the name, an underscore and the quantity's. */
static bool shows(const Look *look, const Curve *c) {
  size_t n = strlen(look->name);
  bool ranks = look->simultaneous || look->steps;
  return strncmp(c->name, look->name, n) == 0 && c->n > 1 && (c->name[n] == '\0' || (ranks && c->name[n] == '_'));
}

static const char *title_of(const Look *look, const Curve *c) {
  if (c->parameter[0] != '\0') return c->parameter;
  return c->name[strlen(look->name)] == '_' ? c->name + strlen(look->name) + 1 : look->joint;
}

/* Whether a curve leaves its band anywhere. */
static bool leaves(const Curve *c) {
  for (int64_t i = 0; i < c->n; i++)
    if (c->y[i] < c->low[i] || c->y[i] > c->high[i]) return true;
  return false;
}

static void tell_outside(const Curve *const *shown, int64_t n, const Look *look, Str *text) {
  int64_t outside = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!leaves(shown[i])) continue;
    str_add(text, outside++ > 0 ? ", " : "Outside the band: ");
    str_add(text, title_of(look, shown[i]));
  }
  str_add(text, outside > 0 ? "." : isfinite(shown[0]->low[0]) ? "Every curve stays within its band." : "");
}

/* Bands that hold at each point alone are left somewhere by many a sound curve: told is how far the farthest is from what is expected. */
static void tell_farthest(const Curve *const *shown, int64_t n, const Look *look, Str *text) {
  double most = 0;
  const char *whose = "";
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < shown[i]->n; k++) {
      double far = shown[i]->y[k] - (look->diagonal ? shown[i]->x[k] : look->level);
      if (!(fabs(far) > fabs(most))) continue;
      most = far;
      whose = shown[i]->parameter;
    }
  str_add(text, "Farthest from the dashed line: ");
  number_print(text, fabs(most), 2);
  str_print(text, most < 0 ? " below%s%s." : " above%s%s.", whose[0] != '\0' ? ", " : "", whose);
}

static void draw_curve(Str *out, const Panel *p, const Look *look, const Curve *c) {
  svg_band(out, p, "band", c->n, c->x, c->low, c->high);
  if (look->diagonal)
    svg_segment(out, p, "guide", 0, 0, 1, 1);
  else
    svg_segment(out, p, "guide", p->x.low, look->level, p->x.high, look->level);
  if (look->steps)
    svg_steps(out, p, "hist", c->n, c->y);
  else
    svg_line(out, p, "late", c->n, c->x, c->y);
}

bool figure_curves(const Record *r, const char *name, int *number, Str *out) {
  const Look *look = looks;
  while (strcmp(look->name, name) != 0) look++;
  const Curve *shown[FIGURE_PANELS];
  int64_t n = 0, all = 0;
  double low = look->diagonal ? 0 : look->level, high = look->diagonal ? 1 : look->level;
  for (const Curve *c = r->curve; c < r->curve + r->curves; c++) {
    if (!shows(look, c)) continue;
    all++;
    if (n == FIGURE_PANELS) continue;
    shown[n++] = c;
    widen(c->n, c->y, &low, &high);
    widen(c->n, c->low, &low, &high);
    widen(c->n, c->high, &low, &high);
  }
  if (n == 0) return false;
  int64_t columns = n < 4 ? n : n <= 4 || n == 8 || n > 15 ? 4 : 5, rows = (n + columns - 1) / columns;
  double left = 62, gap = 26, top = 26, side = fmin(230, (WIDTH - left - 8) / (double)columns - gap), height = look->diagonal ? side : .72 * side;
  double step = height + 34, margin = look->diagonal ? 0 : .06 * (high - low);
  if (look->steps) low = 0, margin = 0, high *= 1.05;
  Str text = {0};
  if (look->simultaneous)
    tell_outside(shown, n, look, &text);
  else
    tell_farthest(shown, n, look, &text);
  svg_begin(out, left + (side + gap) * (double)columns + 8, top + step * (double)rows + 14, number, look->title, text.text);
  for (int64_t i = 0; i < n; i++) {
    int64_t row = i / columns, column = i % columns;
    bool bottom = i + columns >= n;
    Panel p = panel_at(left + (side + gap) * (double)column, top + step * (double)row, side, height, 0, 1, low - margin, high + margin);
    draw_curve(out, &p, look, shown[i]);
    svg_axes(out, &p, AXIS_FRAME | AXIS_SMALL | (column == 0 ? AXIS_Y : 0) | (bottom ? AXIS_X : 0), bottom ? look->x : NULL,
             column == 0 ? look->y : NULL);
    svg_panel_title(out, &p, title_of(look, shown[i]));
  }
  str_print(&text, all > n ? " The first %" PRId64 " of %" PRId64 "." : "", n, all);
  Str caption = {0};
  str_print(&caption, "%s ", look->caption);
  html_text(&caption, text.text);
  svg_end(out, caption.text);
  str_free(&text);
  str_free(&caption);
  return true;
}
