/* SPDX-License-Identifier: MIT
 *
 * Tables of numbers. A .csv has one line of names, then rows of as many numbers; fields may stand in double quotes (RFC 4180). Places in messages are
 * file:line:column, columns in bytes from 1. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"

static const size_t largest_csv = (size_t)1 << 32;

typedef struct Reader {
  Arena *arena;
  const char *path, *at, *line_start;
  int64_t line;
  Str field; /* the last field read, unquoted and trimmed */
  const char *field_start;
} Reader;

static EbbStatus fail_at(const Reader *r, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));
static EbbStatus fail_at(const Reader *r, const char *where, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fail_v(EBB_E_IO, format, arguments);
  va_end(arguments);
  return fail_prefix(EBB_E_IO, "%s:%" PRId64 ":%td: ", r->path, r->line, where - r->line_start + 1);
}

static bool ends_line(char c) { return c == '\n' || c == '\r' || c == '\0'; }

static void next_line(Reader *r) {
  if (*r->at == '\r') r->at++;
  if (*r->at == '\n') r->at++;
  r->line++;
  r->line_start = r->at;
}

static bool blank_line(const Reader *r) {
  const char *p = r->at + strspn(r->at, " \t");
  return ends_line(*p);
}

/* Reads up to the comma or the end of the line, on which r->at stands afterwards. */
static EbbStatus read_field(Reader *r) {
  r->field.length = 0;
  r->at += strspn(r->at, " \t");
  r->field_start = r->at;
  if (*r->at == '"') {
    r->at++;
    while (*r->at != '"' || r->at[1] == '"') {
      if (ends_line(*r->at)) return fail_at(r, r->field_start, "a quoted field is not closed on its line");
      str_add_n(&r->field, r->at, 1);
      r->at += *r->at == '"' ? 2 : 1;
    }
    r->at++;
    r->at += strspn(r->at, " \t");
    if (*r->at != ',' && !ends_line(*r->at)) return fail_at(r, r->at, "expected a comma or the end of the line after a quoted field");
    str_add_n(&r->field, "", 0);
    return EBB_OK;
  }
  while (*r->at != ',' && !ends_line(*r->at)) r->at++;
  const char *end = r->at;
  while (end > r->field_start && (end[-1] == ' ' || end[-1] == '\t')) end--;
  str_add_n(&r->field, r->field_start, (size_t)(end - r->field_start));
  return EBB_OK;
}

/* Decimals, nan and inf; strtod would also take hexadecimal numbers. */
static bool number(const char *text, double *value) {
  char *end;
  if (strpbrk(text, "xXpP(") != NULL) return false;
  *value = strtod(text, &end);
  return end != text && *end == '\0';
}

static EbbStatus read_names(Reader *r, Table *out) {
  int64_t room = 0, numbers = 0;
  double value;
  for (;;) {
    EbbStatus status = read_field(r);
    if (status != EBB_OK) return status;
    if (out->columns == room) {
      room = room > 0 ? 2 * room : 16;
      char **name = ARENA_ARRAY(r->arena, char *, room);
      if (out->columns > 0) memcpy(name, out->name, (size_t)out->columns * sizeof *name);
      out->name = name;
    }
    if (r->field.length == 0) return fail_at(r, r->field_start, "column %" PRId64 " has no name", out->columns + 1);
    for (int64_t k = 0; k < out->columns; k++)
      if (strcmp(out->name[k], r->field.text) == 0) return fail_at(r, r->field_start, "the column \"%s\" stands twice", r->field.text);
    numbers += number(r->field.text, &value);
    out->name[out->columns++] = arena_copy(r->arena, r->field.text);
    if (*r->at != ',') break;
    r->at++;
  }
  if (numbers == out->columns) return fail_at(r, r->line_start, "the first line holds numbers, expected the names of the columns");
  if (out->columns == 1 && strchr(out->name[0], ';') != NULL) return fail_at(r, r->line_start, "the names are separated by ';', expected commas");
  return EBB_OK;
}

static EbbStatus read_row(Reader *r, const Table *t, double *row) {
  for (int64_t k = 0; k < t->columns; k++) {
    EbbStatus status = read_field(r);
    if (status != EBB_OK) return status;
    if (!number(r->field.text, &row[k]))
      return fail_at(r, r->field_start, "\"%.80s\" in column \"%s\" is not a number (decimal point, no thousands marks)", r->field.text, t->name[k]);
    bool more = *r->at == ',';
    if (more != (k + 1 < t->columns))
      return fail_at(r, r->at, "the row has %s than the %" PRId64 " fields of the first line", more ? "more" : "fewer", t->columns);
    r->at += more;
  }
  return EBB_OK;
}

/* Rows are at most as many as there are lines. */
static int64_t count_lines(const char *text) {
  int64_t n = 1;
  for (const char *p = text; (p = strpbrk(p, "\r\n")) != NULL; p++) n++;
  return n;
}

static EbbStatus read_csv(Reader *r, Table *out) {
  if (strncmp(r->at, "\xEF\xBB\xBF", 3) == 0) r->at = r->line_start = r->at + 3; /* the mark some spreadsheets put first */
  while (*r->at != '\0' && blank_line(r)) r->at += strspn(r->at, " \t"), next_line(r);
  if (*r->at == '\0') return fail(EBB_E_IO, "%s: the file is empty, expected a line of names and rows of numbers", r->path);
  EbbStatus status = read_names(r, out);
  if (status != EBB_OK) return status;
  next_line(r);
  uint64_t most = (uint64_t)count_lines(r->at), bytes;
  if (__builtin_mul_overflow(most, (uint64_t)out->columns * sizeof(double), &bytes) || (out->value = arena_try(r->arena, bytes)) == NULL)
    return fail(EBB_E_MEMORY, "%s: no memory for %" PRIu64 " rows of %" PRId64 " numbers", r->path, most, out->columns);
  while (*r->at != '\0') {
    if (blank_line(r))
      r->at += strspn(r->at, " \t");
    else if ((status = read_row(r, out, out->value + out->rows * out->columns)) != EBB_OK)
      return status;
    else
      out->rows++;
    if (*r->at != '\0') next_line(r);
  }
  return EBB_OK;
}

static EbbStatus open_csv(Arena *arena, const char *path, Table *out) {
  Arena *scratch = arena_new();
  char *text;
  size_t size, at;
  EbbStatus status = file_read(scratch, path, largest_csv, &text, &size);
  if (status == EBB_OK) {
    Reader r = {.arena = arena, .path = path, .at = text, .line_start = text, .line = 1};
    if (utf8_valid(text, size, &at))
      status = read_csv(&r, out);
    else
      status = fail(EBB_E_IO, "%s: the byte at %zu is not UTF-8 text; save the table as UTF-8", path, at);
    str_free(&r.field);
  }
  arena_free(scratch);
  return status;
}

static EbbStatus open_npy(Arena *arena, const char *path, Table *out) {
  Npy a;
  EbbStatus status = npy_open(path, &a);
  if (status != EBB_OK) return status;
  if (a.ndim == 1 || a.ndim == 2) {
    out->rows = a.ndim == 2 ? a.shape[0] : 1;
    out->columns = a.shape[a.ndim - 1];
    uint64_t bytes;
    bool fits = !__builtin_mul_overflow((uint64_t)a.size, sizeof(double), &bytes);
    out->value = fits ? arena_try(arena, bytes) : NULL;
    status = out->value != NULL ? npy_get_f64(&a, 0, a.size, out->value) : fail(EBB_E_MEMORY, "%s: no memory for %" PRId64 " numbers", path, a.size);
  } else {
    status = fail(EBB_E_SHAPE, "%s: the array is %s, expected a table (rows, columns) or one row (columns,)", path, npy_shape_text(arena, &a));
  }
  npy_close(&a);
  return status;
}

EbbStatus table_read(Arena *arena, const char *path, Table *out) {
  *out = (Table){0};
  const char *dot = strrchr(path_name(path), '.');
  EbbStatus status;
  if (dot != NULL && strcmp(dot, ".npy") == 0)
    status = open_npy(arena, path, out);
  else if (dot != NULL && strcmp(dot, ".csv") == 0)
    status = open_csv(arena, path, out);
  else
    status = fail(EBB_E_CONFIG, "%s: the format is not known, expected a name that ends in .npy or .csv", path);
  if (status != EBB_OK) *out = (Table){0};
  return status;
}
