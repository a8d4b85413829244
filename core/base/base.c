/* SPDX-License-Identifier: MIT
 *
 * The thread's failure message, growing strings, spelling suggestions, UTF-8 and the clock. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

/* A longer message is cut at a whole letter and ends in "...". */
enum { MESSAGE_ROOM = 4096 };
static _Thread_local char message[MESSAGE_ROOM];

static void message_set(const char *text, bool cut) {
  size_t n = strlen(text);
  if (cut) {
    n = MESSAGE_ROOM - 4;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
  }
  memmove(message, text, n);
  strcpy(message + n, cut ? "..." : "");
}

EbbStatus fail_v(EbbStatus status, const char *format, va_list arguments) {
  char text[MESSAGE_ROOM]; /* apart, since an argument may be fail_text() */
  int n = vsnprintf(text, sizeof text, format, arguments);
  if (n < 0) text[0] = '\0';
  message_set(text, n >= MESSAGE_ROOM);
  return status;
}

EbbStatus fail(EbbStatus status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fail_v(status, format, arguments);
  va_end(arguments);
  return status;
}

EbbStatus fail_prefix(EbbStatus status, const char *format, ...) {
  char text[2 * MESSAGE_ROOM];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(text, MESSAGE_ROOM, format, arguments);
  va_end(arguments);
  if (n < 0) text[0] = '\0';
  strcat(text, message);
  bool cut = strlen(text) >= MESSAGE_ROOM;
  message_set(text, cut);
  return status;
}

const char *fail_text(void) { return message; }
void fail_clear(void) { message[0] = '\0'; }

_Noreturn void memory_out(size_t bytes) {
  fprintf(stderr, "ebb: out of memory: %zu bytes were asked for\n", bytes);
  _Exit(EXIT_FAILURE);
}

static void str_reserve(Str *s, size_t more) {
  if (more >= SIZE_MAX / 2 - s->length) memory_out(more);
  size_t need = s->length + more + 1;
  if (need <= s->room) return;
  size_t room = s->room * 2 > need ? s->room * 2 : need;
  if (room < 64) room = 64;
  char *text = realloc(s->text, room);
  if (text == NULL) memory_out(room);
  s->text = text;
  s->room = room;
}

void str_add_n(Str *s, const char *text, size_t n) {
  str_reserve(s, n);
  if (n > 0) memcpy(s->text + s->length, text, n);
  s->length += n;
  s->text[s->length] = '\0';
}

void str_add(Str *s, const char *text) { str_add_n(s, text, strlen(text)); }

void str_print(Str *s, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  str_reserve(s, 0);
  int n = vsnprintf(s->text + s->length, s->room - s->length, format, arguments);
  va_end(arguments);
  if (n >= 0 && (size_t)n >= s->room - s->length) {
    str_reserve(s, (size_t)n);
    vsnprintf(s->text + s->length, (size_t)n + 1, format, again);
  }
  if (n >= 0) s->length += (size_t)n;
  va_end(again);
}

void str_free(Str *s) {
  free(s->text);
  *s = (Str){0};
}

char *str_keep(Str *s, Arena *arena) {
  char *text = arena_copy(arena, s->text != NULL ? s->text : "");
  str_free(s);
  return text;
}

void str_csv(Str *s, const char *text) {
  if (text == NULL) return;
  if (strpbrk(text, ",\"\r\n") == NULL) {
    str_add(s, text);
    return;
  }
  str_add(s, "\"");
  for (const char *c = text; *c != '\0'; c++) str_print(s, *c == '"' ? "\"%c" : "%c", *c);
  str_add(s, "\"");
}

char *csv_field(char **at, bool *more, int64_t *line) {
  char *from = *at, *to = from, *end = from;
  int64_t lines = 0;
  if (*from == '"') {
    for (end++; *end != '\0' && (*end != '"' || end[1] == '"'); end++) {
      if (*end == '"') end++;
      lines += *end == '\n';
      *to++ = *end;
    }
    if (*end != '"') return NULL;
    end++;
  } else {
    end += strcspn(end, ",\r\n");
    to = end;
  }
  *more = *end == ',';
  if (*end == '\r' && end[1] == '\n') end++;
  lines += *end == '\n';
  *at = *end == '\0' ? end : end + 1;
  *to = '\0';
  if (line != NULL) *line += lines;
  return from;
}

void str_real(Str *s, double value) {
  if (isnan(value)) return str_add(s, "nan");
  if (isinf(value)) return str_add(s, value > 0 ? "inf" : "-inf");
  /* A decimal of at most 15 digits survives the way through a normal double, so fewer than 15 need no search there; below, they do. */
  char text[48];
  int digits = fabs(value) < 2.2250738585072014e-308 ? 1 : 15;
  do snprintf(text, sizeof text, "%.*g", digits, value);
  while (strtod(text, NULL) != value && ++digits <= 17);
  str_add(s, text);
}

/* Edit distance where exchanging two neighbours is one edit, too ("stpes"); words of more than WORD letters are never near. */
enum { WORD = 64 };
static size_t distance(const char *a, size_t na, const char *b, size_t nb) {
  size_t row[3][WORD + 1]; /* rows i-2, i-1, i of the table, modulo 3 */
  for (size_t j = 0; j <= nb; j++) row[0][j] = j;
  for (size_t i = 1; i <= na; i++) {
    const size_t *before = row[(i + 1) % 3], *last = row[(i + 2) % 3];
    size_t *now = row[i % 3];
    now[0] = i;
    for (size_t j = 1; j <= nb; j++) {
      size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
      if (last[j] + 1 < best) best = last[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best) best = before[j - 2] + 1;
      now[j] = best;
    }
  }
  return row[na % 3][nb];
}

const char *nearest(const char *word, const char *const *candidates, size_t n) {
  size_t length = strlen(word), most = length / 3 > 0 ? length / 3 : 1;
  const char *found = NULL;
  if (length > WORD) return NULL;
  for (size_t i = 0; i < n; i++) {
    size_t other = strlen(candidates[i]);
    if (other > WORD) continue;
    size_t d = distance(word, length, candidates[i], other);
    if (d > most || (d >= length && d >= other)) continue; /* one letter for another is no slip */
    found = candidates[i];
    if (d == 0) break;
    most = d - 1; /* from here on only nearer ones: the first of equals stays */
  }
  return found;
}

int utf8_letters(const char *text) {
  int n = 0;
  for (; *text != '\0'; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
  return n;
}

bool utf8_valid(const char *text, size_t n, size_t *at) {
  const unsigned char *p = (const unsigned char *)text;
  size_t i = 0;
  while (i < n) {
    unsigned char c = p[i];
    /* Bounds of the second byte rule out overlong forms, surrogates and what lies beyond U+10FFFF. */
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    size_t more = c < 0x80 ? 0 : c < 0xC2 ? 9 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF5 ? 3 : 9;
    bool good = c != 0 && more < 9 && n - i > more && (more == 0 || (p[i + 1] >= low && p[i + 1] <= high));
    for (size_t k = 2; good && k <= more; k++) good = p[i + k] >= 0x80 && p[i + k] <= 0xBF;
    if (!good) {
      if (at != NULL) *at = i;
      return false;
    }
    i += more + 1;
  }
  return true;
}

double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
