/* SPDX-License-Identifier: MIT
 *
 * Text for the page: escaping, numbers for people, tables. The page is XML as well as HTML (every element closed, attributes quoted, no named
 * entities), so that both kinds of reader take it. Whatever comes from a file goes through html_text. */
#ifndef EBB_REPORT_HTML_H
#define EBB_REPORT_HTML_H

#include "base/base.h"

/* Text between tags or in a quoted attribute. What is no UTF-8, or a control character, becomes U+FFFD. */
void html_text(Str *, const char *text);
void html_print(Str *, const char *format, ...) __attribute__((format(printf, 2, 3))); /* the printed text, escaped */

/* Numbers: so many significant digits, a true minus sign, powers of ten beyond 1e-4 and 1e6; a dash for NaN. Not escaped: what they print may hold <.
 */
void number_print(Str *, double value, int digits);
/* The value with as many decimals as its standard error has meaning (two digits of it); without an error three digits. */
void number_near(Str *, double value, double error);
void number_count(Str *, double whole);               /* 12 000, in groups of three */
void number_percent(Str *, double share);             /* 12.3 % */
void number_p(Str *, double p);                       /* .03, below 1e-4: < 0.0001 */
void number_seconds(Str *, double seconds);           /* 0.8 s, 2 min 5 s, 3 h 4 min */
void number_bytes(Str *, double bytes);               /* 412 MB */
char *number_text(Arena *, double value, int digits); /* number_print's text */

/* A table within a region that scrolls on its own where the page is narrow. Cells are added row by row; the first of a row is its heading. */
typedef struct HtmlTable {
  Str *out;
  int column, columns;
} HtmlTable;
HtmlTable table_begin(Str *, const char *caption, const char *const *heads, int columns);
void table_cell(HtmlTable *, const char *text);               /* escaped; NULL: empty */
void table_number(HtmlTable *, const char *text_of_a_number); /* right-aligned */
void table_end(HtmlTable *);

#endif
