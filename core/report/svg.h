/* SPDX-License-Identifier: MIT
 *
 * Figures: an SVG within the page, made of panels with axes. Colours and widths are classes of the page's style sheet, so that one figure serves
 * light, dark and print. Coordinates in pixels at the figure's natural width; y of the data grows upward. */
#ifndef EBB_REPORT_SVG_H
#define EBB_REPORT_SVG_H

#include "base/base.h"

/* Data in [low, high] onto pixels from..to; log: by powers of ten (low > 0). */
typedef struct Scale {
  double low, high, from, to;
  bool log;
} Scale;
double scale_at(const Scale *, double value);

/* Ticks at multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them, at least two where the range allows. */
enum { TICKS_MOST = 16 };
typedef struct Ticks {
  int n;
  double at[TICKS_MOST];
  char label[TICKS_MOST][40]; /* all with the same decimals */
} Ticks;
void ticks_make(const Scale *, int most, Ticks *out);

/* Where a panel stands and what it shows. */
typedef struct Panel {
  Scale x, y;
} Panel;
Panel panel_at(double left, double top, double width, double height, double x_low, double x_high, double y_low, double y_high);

/* <figure> with a heading for readers of the screen: title and description go into the SVG, the caption (HTML, escaped already) below. */
void svg_begin(Str *, double width, double height, int *number /* of figures so far: makes ids */, const char *title, const char *description);
void svg_end(Str *, const char *caption);

/* The frame, ticks and names of a panel. labels: bits of AXIS_. Names may be NULL; long ones are cut. */
enum { AXIS_X = 1, AXIS_Y = 2, AXIS_SMALL = 4 /* few ticks */, AXIS_FRAME = 8 /* a whole box */ };
void svg_axes(Str *, const Panel *, int labels, const char *x_name, const char *y_name);
void svg_label(Str *, double x, double y, const char *class, const char *anchor, const char *text);
void svg_panel_title(Str *, const Panel *, const char *text);

/* Lines through n points; NaN breaks a line. Many points are thinned to what the width shows. Outside the panel they are clamped to its edge. */
void svg_line(Str *, const Panel *, const char *class, int64_t n, const double *x, const double *y);
void svg_band(Str *, const Panel *, const char *class, int64_t n, const double *x, const double *low, const double *high);
void svg_segment(Str *, const Panel *, const char *class, double x0, double y0, double x1, double y1);
/* Bars of equal width from low to high of x; NULL class of fill: outline alone. Steps from bar to bar in one path. */
void svg_steps(Str *, const Panel *, const char *class, int64_t bins, const double *height);
/* A path in tenths of grid cells over the whole panel (density_outline). */
void svg_cells(Str *, const Panel *, const char *class, int64_t grid, const char *path);
/* An entry of a legend at (x, y): a sample of the class and a text; returns the x behind it. */
double svg_legend(Str *, double x, double y, const char *class, bool area, const char *text);

#endif
