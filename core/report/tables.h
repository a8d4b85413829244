/* SPDX-License-Identifier: MIT
 *
 * The report's tables. */
#ifndef EBB_REPORT_TABLES_H
#define EBB_REPORT_TABLES_H

#include "report/record.h"

enum { TABLE_ROWS = 200 /* of a long table; the files have all */ };

void tables_metrics(Arena *, const Record *, Str *out);
void tables_summary(Arena *, const Record *, Str *out);
void tables_cost(Arena *, const Record *, Str *out);
void tables_failures(Arena *, const Record *, Str *out);
void tables_plugins(Arena *, const Record *, Str *out);

/* "0.531 ± 0.004" */
char *value_text(Arena *, double value, double error);

#endif
