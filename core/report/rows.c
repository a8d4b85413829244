/* SPDX-License-Identifier: MIT
 *
 * Reading tables of text. */
#include "report/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

typedef struct Reader {
  char *at;
  int64_t line;
} Reader;

/* The field at r->at, unquoted in place and ended; *more: a comma follows. NULL: a quote is not closed. */
static char *take(Reader *r, bool *more) {
  char *from = r->at, *to = from;
  if (*from == '"') {
    for (r->at++; *r->at != '\0' && (*r->at != '"' || r->at[1] == '"'); r->at++) {
      if (*r->at == '"') r->at++;
      if (*r->at == '\n') r->line++;
      *to++ = *r->at;
    }
    if (*r->at != '"') return NULL;
    r->at++;
  } else {
    while (*r->at != ',' && *r->at != '\n' && *r->at != '\r' && *r->at != '\0') r->at++;
    to = r->at;
  }
  char *end = r->at;
  *more = *end == ',';
  if (*end == '\r' && end[1] == '\n') end++;
  if (*end == '\n') r->line++;
  r->at = *end == '\0' ? end : end + 1;
  *to = '\0';
  return from;
}

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
  Reader r = {text, 1};
  while (*r.at != '\0') {
    bool heads = out->columns == 0, more = true;
    int64_t line = r.line, n = 0;
    for (; more && n < commas; n++) {
      char *field = take(&r, &more);
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
