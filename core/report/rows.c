/* SPDX-License-Identifier: MIT
 *
 * Reading tables of text. */
#include "report/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

EbbStatus rows_read(Arena *arena, const char *path, Rows *out) {
  char *text;
  size_t size, bad;
  *out = (Rows){.path = path};
  EbbStatus status = file_read(arena, path, (size_t)1 << 28, &text, &size);
  if (status != EBB_OK) return status;
  if (!utf8_valid(text, size, &bad)) return fail(EBB_E_IO, "%s: the byte at %zu is not UTF-8 text", path, bad);
  int64_t commas = 1, lines = 1;
  for (const char *c = text; *c != '\0' && *c != '\n'; c++) commas += *c == ',';
  for (const char *c = text; *c != '\0'; c++) lines += *c == '\n';
  out->name = ARENA_ARRAY(arena, const char *, commas);
  out->field = ARENA_ARRAY(arena, const char *, commas *lines);
  out->line = ARENA_ARRAY(arena, int64_t, lines);
  int64_t at_line = 1;
  for (char *at = text; *at != '\0';) {
    bool heads = out->columns == 0, more = true;
    int64_t line = at_line, n = 0;
    for (; more && n < commas; n++) {
      char *field = csv_field(&at, &more, &at_line);
      if (field == NULL) return fail(EBB_E_IO, "%s:%" PRId64 ": a quoted field is not closed", path, line);
      if (heads)
        out->name[n] = field;
      else
        out->field[out->rows * out->columns + n] = field;
    }
    if (heads)
      out->columns = n;
    else if (more || n != out->columns)
      return fail(EBB_E_IO, "%s:%" PRId64 ": the row has %s than the %" PRId64 " fields of the first line; is the file cut off?", path, line,
                  more ? "more" : "fewer", out->columns);
    else
      out->line[out->rows++] = line;
  }
  return out->columns > 0 ? EBB_OK : fail(EBB_E_IO, "%s: the file is empty, expected a line of names", path);
}

EbbStatus rows_column(const Rows *r, const char *name, int64_t *out) {
  for (int64_t k = 0; k < r->columns; k++)
    if (strcmp(r->name[k], name) == 0) {
      *out = k;
      return EBB_OK;
    }
  return fail(EBB_E_IO, "%s:1: there is no column \"%s\"", r->path, name);
}

EbbStatus rows_number(const Rows *r, int64_t row, int64_t column, bool optional, double *out) {
  const char *text = r->field[row * r->columns + column];
  char *end;
  *out = strtod(text, &end);
  if (end != text && *end == '\0') return EBB_OK;
  *out = NAN;
  if (*text == '\0' && optional) return EBB_OK;
  return fail(EBB_E_IO, "%s:%" PRId64 ": \"%.60s\" in column \"%s\" is not a number", r->path, r->line[row], text, r->name[column]);
}
