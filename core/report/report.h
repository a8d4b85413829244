/* SPDX-License-Identifier: MIT
 *
 * report.html: what a run found, on one page that needs nothing beside it: no script, no font, no picture from elsewhere. Made from the run's folder
 * alone, so that it can be made again at any time. */
#ifndef EBB_REPORT_REPORT_H
#define EBB_REPORT_REPORT_H

#include "report/record.h"

/* The page of a run. */
void report_page(Arena *, const Record *, Str *out);
/* Reads the folder, writes its report.html. */
EbbStatus report_write(const char *folder);
/* The page's style sheet (style.c). */
extern const char *const report_style;

#endif
