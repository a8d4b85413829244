/* SPDX-License-Identifier: MIT
 *
 * Writing figures. */
#include "report/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"

enum { LETTERS = 22 /* of a name that fits */, POINTS = 240 /* of a line */ };

/* ---- Scales and ticks ---- */

double scale_at(const Scale *s, double v) {
  double share = s->log ? (log10(v) - log10(s->low)) / (log10(s->high) - log10(s->low)) : (v - s->low) / (s->high - s->low);
  return s->from + share * (s->to - s->from);
}

static double clamped(const Scale *s, double v) { return scale_at(s, v < s->low ? s->low : v > s->high ? s->high : v); }

static void ticks_log(const Scale *s, int most, Ticks *out) {
  int from = (int)ceil(log10(s->low) - 1e-9), to = (int)floor(log10(s->high) + 1e-9), step = 1;
  while ((to - from) / step + 1 > most) step++;
  for (int k = from; k <= to && out->n < TICKS_MOST; k += step) out->at[out->n++] = pow(10, k);
  static const double within[] = {1, 2, 5};
  if (out->n < 2) { /* less than two powers of ten: 2 and 5 of them too */
    out->n = 0;
    for (int k = from - 1; k <= to; k++)
      for (size_t i = 0; i < COUNT(within) && out->n < TICKS_MOST; i++) {
        double v = within[i] * pow(10, k);
        if (v >= s->low && v <= s->high) out->at[out->n++] = v;
      }
  }
}

void ticks_make(const Scale *s, int most, Ticks *out) {
  *out = (Ticks){0};
  if (!isfinite(s->low) || !isfinite(s->high) || !(s->high > s->low)) return;
  if (most > TICKS_MOST) most = TICKS_MOST;
  double step = 0, largest = fmax(fabs(s->low), fabs(s->high));
  if (s->log) {
    ticks_log(s, most, out);
  } else {
    static const double nice[] = {1, 2, 5, 10, 20, 50};
    double ten = pow(10, floor(log10((s->high - s->low) / most)));
    for (size_t i = 0; i < COUNT(nice); i++) {
      step = nice[i] * ten;
      double first = ceil(s->low / step - 1e-9), last = floor(s->high / step + 1e-9);
      if (last - first + 1 > most) continue;
      for (double k = first; k <= last && out->n < TICKS_MOST; k++) out->at[out->n++] = k == 0 ? 0 : k * step;
      break;
    }
  }
  int decimals = step > 0 ? (int)fmax(0, -floor(log10(step) + 1e-9)) : 0, digits = 1; /* digits: that tell neighbours apart */
  if (step > 0) digits = (int)(1 + floor(log10(largest) + 1e-9) - floor(log10(step) + 1e-9));
  bool powers = (largest >= 1e6 || largest < 1e-3) && digits < 5;
  for (int i = 0; i < out->n; i++) {
    Str label = {0};
    char text[40];
    snprintf(text, sizeof text, "%s%.*f", out->at[i] < 0 ? "\xE2\x88\x92" : "", decimals, fabs(out->at[i]));
    if (powers || s->log)
      number_print(&label, out->at[i], digits);
    else
      str_add(&label, text);
    snprintf(out->label[i], sizeof out->label[i], "%s", label.text);
    str_free(&label);
  }
}

Panel panel_at(double left, double top, double width, double height, double x_low, double x_high, double y_low, double y_high) {
  return (Panel){{x_low, x_high, left, left + width, false}, {y_low, y_high, top + height, top, false}};
}

/* ---- Pieces ---- */

/* A coordinate with one decimal where it has one, without -0. */
static void place(Str *out, double v) {
  if (fabs(v) < .05) v = 0;
  char text[32];
  int n = snprintf(text, sizeof text, "%.1f", v);
  if (n > 2 && text[n - 1] == '0') text[n - 2] = '\0';
  str_add(out, text);
}

static void point(Str *out, char letter, double x, double y) {
  str_add_n(out, &letter, 1);
  place(out, x);
  str_add(out, " ");
  place(out, y);
}

void svg_begin(Str *out, double width, double height, int *number, const char *title, const char *description) {
  int n = ++*number;
  str_print(out,
            "<figure>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" "
            "aria-labelledby=\"t%d d%d\">\n<title id=\"t%d\">",
            width, height, width, height, n, n, n);
  html_text(out, title);
  str_print(out, "</title>\n<desc id=\"d%d\">", n);
  html_text(out, description);
  str_add(out, "</desc>\n");
}

void svg_end(Str *out, const char *caption) { str_print(out, "</svg>\n<figcaption>%s</figcaption>\n</figure>\n", caption); }

/* Cut to so many letters, the last of them an ellipsis. */
static void label_cut(Str *out, const char *text, int letters) {
  if (utf8_letters(text) <= letters) {
    html_text(out, text);
    return;
  }
  Str cut = {0};
  size_t bytes = 0;
  for (int n = 0; text[bytes] != '\0'; bytes++) {
    n += ((unsigned char)text[bytes] & 0xC0) != 0x80;
    if (n >= letters) break;
  }
  str_add_n(&cut, text, bytes);
  html_text(out, cut.text);
  str_add(out, "\xE2\x80\xA6");
  str_free(&cut);
}

static void text_at(Str *out, double x, double y, const char *class, const char *anchor, double turned, const char *text, int letters) {
  str_add(out, "<text x=\"");
  place(out, x);
  str_add(out, "\" y=\"");
  place(out, y);
  str_print(out, "\" class=\"%s\" text-anchor=\"%s\"", class, anchor);
  if (turned != 0) str_print(out, " transform=\"rotate(%.0f %.1f %.1f)\"", turned, x, y);
  str_add(out, ">");
  label_cut(out, text, letters);
  str_add(out, "</text>\n");
}

void svg_label(Str *out, double x, double y, const char *class, const char *anchor, const char *text) {
  text_at(out, x, y, class, anchor, 0, text, 80);
}

void svg_panel_title(Str *out, const Panel *p, const char *text) { text_at(out, p->x.from, p->y.to - 6, "pt", "start", 0, text, LETTERS); }

void svg_axes(Str *out, const Panel *p, int labels, const char *x_name, const char *y_name) {
  bool few = labels & AXIS_SMALL;
  double left = p->x.from, right = p->x.to, bottom = p->y.from, top = p->y.to;
  Ticks ticks;
  str_add(out, "<path class=\"ax\" d=\"");
  if (labels & AXIS_FRAME)
    point(out, 'M', left, top), point(out, 'L', left, bottom), point(out, 'L', right, bottom), point(out, 'L', right, top), str_add(out, "z");
  else
    point(out, 'M', left, top), point(out, 'L', left, bottom), point(out, 'L', right, bottom);
  ticks_make(&p->x, few ? 3 : 6, &ticks);
  for (int i = 0; i < ticks.n; i++) {
    point(out, 'M', scale_at(&p->x, ticks.at[i]), bottom);
    str_add(out, few ? "v3" : "v4");
  }
  Ticks along;
  ticks_make(&p->y, few ? 3 : 5, &along);
  bool has_y = (labels & AXIS_Y) || !(labels & AXIS_FRAME);
  for (int i = 0; i < along.n && has_y; i++) {
    point(out, 'M', left, scale_at(&p->y, along.at[i]));
    str_add(out, few ? "h-3" : "h-4");
  }
  str_add(out, "\"/>\n");
  for (int i = 0; i < ticks.n && (labels & AXIS_X); i++)
    text_at(out, scale_at(&p->x, ticks.at[i]), bottom + 15, "tk", "middle", 0, ticks.label[i], LETTERS);
  int widest = 0;
  for (int i = 0; i < along.n && (labels & AXIS_Y); i++) {
    int letters = utf8_letters(along.label[i]);
    widest = letters > widest ? letters : widest;
    text_at(out, left - 6, scale_at(&p->y, along.at[i]) + 3.5, "tk", "end", 0, along.label[i], LETTERS);
  }
  if (x_name != NULL) text_at(out, .5 * (left + right), bottom + 31, "nm", "middle", 0, x_name, LETTERS);
  if (y_name != NULL) text_at(out, left - 16 - 5.6 * widest, .5 * (top + bottom), "nm", "middle", -90, y_name, LETTERS);
}

/* ---- Data ---- */

void svg_line(Str *out, const Panel *p, const char *class, int64_t n, const double *x, const double *y) {
  int64_t stride = n > POINTS ? (n + POINTS - 1) / POINTS : 1;
  bool pen = false, any = false;
  for (int64_t i = 0; i < n; i += stride) {
    int64_t k = i + stride >= n ? n - 1 : i; /* the last one is shown */
    if (!isfinite(x[k]) || !isfinite(y[k]) || (p->y.log && !(y[k] > 0))) {
      pen = false;
      continue;
    }
    if (!any) str_print(out, "<path class=\"%s\" d=\"", class);
    any = true;
    point(out, pen ? 'L' : 'M', clamped(&p->x, x[k]), clamped(&p->y, y[k]));
    pen = true;
  }
  if (any) str_add(out, "\"/>\n");
}

void svg_band(Str *out, const Panel *p, const char *class, int64_t n, const double *x, const double *low, const double *high) {
  int64_t stride = n > POINTS ? (n + POINTS - 1) / POINTS : 1, kept[POINTS + 1], count = 0;
  for (int64_t i = 0; i < n; i += stride) {
    int64_t k = i + stride >= n ? n - 1 : i;
    if (isfinite(x[k]) && isfinite(low[k]) && isfinite(high[k])) kept[count++] = k;
  }
  if (count == 0) return;
  str_print(out, "<path class=\"%s\" d=\"", class);
  for (int64_t i = 0; i < count; i++) point(out, i == 0 ? 'M' : 'L', clamped(&p->x, x[kept[i]]), clamped(&p->y, high[kept[i]]));
  for (int64_t i = count - 1; i >= 0; i--) point(out, 'L', clamped(&p->x, x[kept[i]]), clamped(&p->y, low[kept[i]]));
  str_add(out, "z\"/>\n");
}

void svg_segment(Str *out, const Panel *p, const char *class, double x0, double y0, double x1, double y1) {
  str_print(out, "<path class=\"%s\" d=\"", class);
  point(out, 'M', clamped(&p->x, x0), clamped(&p->y, y0));
  point(out, 'L', clamped(&p->x, x1), clamped(&p->y, y1));
  str_add(out, "\"/>\n");
}

void svg_steps(Str *out, const Panel *p, const char *class, int64_t bins, const double *height) {
  str_print(out, "<path class=\"%s\" d=\"", class);
  point(out, 'M', p->x.from, p->y.from);
  for (int64_t k = 0; k < bins; k++) {
    str_add(out, "V");
    place(out, clamped(&p->y, height[k]));
    str_add(out, "H");
    place(out, p->x.from + (p->x.to - p->x.from) * (double)(k + 1) / (double)bins);
  }
  str_add(out, "V");
  place(out, p->y.from);
  str_add(out, "\"/>\n");
}

void svg_cells(Str *out, const Panel *p, const char *class, int64_t grid, const char *path) {
  double sx = (p->x.to - p->x.from) / (10 * (double)grid), sy = (p->y.to - p->y.from) / (10 * (double)grid);
  if (path == NULL || path[0] == '\0') return;
  str_print(out, "<path class=\"%s\" transform=\"matrix(%.5g 0 0 %.5g %.5g %.5g)\" d=\"%s\"/>\n", class, sx, sy, p->x.from, p->y.from, path);
}

double svg_legend(Str *out, double x, double y, const char *class, bool area, const char *text) {
  if (area)
    str_print(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"16\" height=\"9\"/>\n", class, x, y - 8.5);
  else
    str_print(out, "<path class=\"%s\" d=\"M%.1f %.1fh18\"/>\n", class, x, y - 4);
  text_at(out, x + 23, y, "tk", "start", 0, text, 60);
  return x + 23 + 6.1 * utf8_letters(text) + 18;
}
