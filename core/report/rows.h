/* SPDX-License-Identifier: MIT
 *
 * Tables of text, .csv with a line of names (RFC 4180), for tables that mix names and numbers. */
#ifndef EBB_REPORT_ROWS_H
#define EBB_REPORT_ROWS_H

#include "base/base.h"

/* field[row * columns + column] */
typedef struct Rows {
  int64_t rows, columns;
  const char **name, **field;
  int64_t *line; /* [rows] where each begins in the file, from 1 */
  const char *path;
} Rows;

EbbStatus rows_read(Arena *, const char *path, Rows *out);
/* The column of a name; a message that names it if it is not there. */
EbbStatus rows_column(const Rows *, const char *name, int64_t *out);
/* A number; an empty field is NaN where `optional`. */
EbbStatus rows_number(const Rows *, int64_t row, int64_t column, bool optional, double *out);

#endif
