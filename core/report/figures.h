/* SPDX-License-Identifier: MIT
 *
 * The report's figures. Each is left out where the run has not what it shows. `number` counts figures (ids). */
#ifndef EBB_REPORT_FIGURES_H
#define EBB_REPORT_FIGURES_H

#include "report/record.h"

enum { FIGURE_PARAMETERS = 10 /* of a corner plot */, FIGURE_OBSERVATIONS = 10, FIGURE_PANELS = 20 };

/* Draws of observation k (a place, from 0): marginals on the diagonal, pairs below it. */
void figure_corner(Arena *, const Record *, int64_t k, int *number, Str *out);
void figure_training(Arena *, const Record *, int *number, Str *out);
/* A curve of every parameter, by its name in curves.csv (report/names.h); false: the run has none. */
bool figure_curves(const Record *, const char *name, int *number, Str *out);

#endif
