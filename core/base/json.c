/* SPDX-License-Identifier: MIT
 *
 * JSON: a recursive reader of bounded depth and a writer that keeps commas and indentation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { DEEPEST = 64 };

typedef struct Reader {
  Arena *arena;
  const char *name, *text, *at, *end;
  int depth;
} Reader;

static EbbStatus fail_at(const Reader *r, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));
static EbbStatus fail_at(const Reader *r, const char *where, const char *format, ...) {
  int line = 1, column = 1; /* columns count letters, not bytes */
  for (const char *p = r->text; p < where; p++) {
    if (*p == '\n')
      line++, column = 1;
    else
      column += ((unsigned char)*p & 0xC0) != 0x80;
  }
  va_list arguments;
  va_start(arguments, format);
  fail_v(EBB_E_IO, format, arguments);
  va_end(arguments);
  return fail_prefix(EBB_E_IO, "%s:%d:%d: ", r->name, line, column);
}

static void skip_blanks(Reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool take(Reader *r, char c) {
  skip_blanks(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static EbbStatus unexpected(const Reader *r, const char *expected) {
  if (r->at == r->end) return fail_at(r, r->at, "the text ends, expected %s", expected);
  size_t n = 1;
  while (r->at + n < r->end && ((unsigned char)r->at[n] & 0xC0) == 0x80) n++;
  return fail_at(r, r->at, "found '%.*s', expected %s", (int)n, r->at, expected);
}

/* Four hexadecimal digits, or -1. */
static long take_hex(Reader *r) {
  long value = 0;
  if (r->end - r->at < 4) return -1;
  for (int k = 0; k < 4; k++) {
    char c = *r->at++;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static size_t put_utf8(char *out, long c) {
  if (c < 0x80) return out[0] = (char)c, 1;
  if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
  if (c < 0x10000) return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)), 3;
  out[0] = (char)(0xF0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 63));
  out[2] = (char)(0x80 | (c >> 6 & 63));
  out[3] = (char)(0x80 | (c & 63));
  return 4;
}

/* After a backslash. */
static EbbStatus read_escape(Reader *r, char **out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  const char *start = r->at - 1;
  char c = r->at < r->end ? *r->at++ : '\0';
  const char *simple = c == '\0' ? NULL : strchr(names, c);
  if (simple != NULL) {
    *(*out)++ = values[simple - names];
    return EBB_OK;
  }
  if (c != 'u') return fail_at(r, start, "unknown escape in a string, expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
  long unit = take_hex(r);
  if (unit < 0) return fail_at(r, start, "expected four hexadecimal digits after \\u");
  if (unit == 0) return fail_at(r, start, "a string holds the character 0, which is not accepted");
  if (unit >= 0xD800 && unit < 0xE000) { /* half of a pair */
    long low = unit < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' ? (r->at += 2, take_hex(r)) : -1;
    if (low < 0xDC00 || low > 0xDFFF) return fail_at(r, start, "half of a surrogate pair stands alone");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  *out += put_utf8(*out, unit);
  return EBB_OK;
}

/* At the opening quote. */
static EbbStatus read_string(Reader *r, const char **text) {
  const char *start = r->at++, *close = r->at;
  while (close < r->end && *close != '"') close += *close == '\\' && close + 1 < r->end ? 2 : 1;
  if (close >= r->end) return fail_at(r, start, "a string is not closed");
  char *out = arena_alloc(r->arena, (size_t)(close - r->at) + 1); /* never longer unescaped */
  *text = out;
  while (r->at < close) {
    if ((unsigned char)*r->at < 0x20)
      return fail_at(r, r->at, "a string holds the control character 0x%02x; write it as an escape", (unsigned)*r->at);
    if (*r->at != '\\') {
      *out++ = *r->at++;
      continue;
    }
    r->at++;
    EbbStatus status = read_escape(r, &out);
    if (status != EBB_OK) return status;
  }
  *out = '\0';
  r->at = close + 1;
  return EBB_OK;
}

static bool take_digits(Reader *r) {
  const char *start = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
  return r->at > start;
}

static EbbStatus read_number(Reader *r, Json *value) {
  const char *start = r->at;
  if (*r->at == '-') r->at++;
  bool zero = r->at < r->end && *r->at == '0', good = take_digits(r);
  if (good && zero && r->at - start > (*start == '-' ? 2 : 1)) return fail_at(r, start, "a number starts with a superfluous 0");
  if (good && r->at < r->end && *r->at == '.') r->at++, good = take_digits(r);
  if (good && r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
    r->at++;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
    good = take_digits(r);
  }
  if (!good) return unexpected(r, "a digit");
  value->type = JSON_NUMBER;
  value->text = arena_print(r->arena, "%.*s", (int)(r->at - start), start);
  return EBB_OK;
}

static EbbStatus read_value(Reader *r, Json *value);

static EbbStatus read_list(Reader *r, Json *value) {
  value->type = JSON_LIST;
  Json **link = &value->first;
  if (take(r, ']')) return EBB_OK;
  do {
    *link = ARENA_NEW(r->arena, Json);
    EbbStatus status = read_value(r, *link);
    if (status != EBB_OK) return status;
    link = &(*link)->next;
  } while (take(r, ','));
  return take(r, ']') ? EBB_OK : unexpected(r, "a comma or ]");
}

typedef struct Key {
  const char *text, *at;
} Key;

static int by_text_and_place(const void *a, const void *b) {
  const Key *x = a, *y = b;
  int order = strcmp(x->text, y->text);
  return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

/* Sorted, since a checkpoint's header has thousands of members. */
static EbbStatus refuse_duplicates(const Reader *r, Key *key, size_t n) {
  const Key *twice = NULL;
  if (n > 1) qsort(key, n, sizeof *key, by_text_and_place);
  for (size_t i = 1; i < n; i++)
    if (strcmp(key[i].text, key[i - 1].text) == 0 && (twice == NULL || key[i].at < twice->at)) twice = &key[i];
  return twice == NULL ? EBB_OK : fail_at(r, twice->at, "the key \"%s\" stands twice in one object", twice->text);
}

static EbbStatus read_members(Reader *r, Json *value, Key **key, size_t *n) {
  Json **link = &value->first;
  size_t room = 0;
  do {
    skip_blanks(r);
    if (r->at == r->end || *r->at != '"') return unexpected(r, "a key in double quotes");
    if (*n == room) {
      room = room > 0 ? 2 * room : 16;
      Key *more = realloc(*key, room * sizeof *more);
      if (more == NULL) memory_out(room * sizeof *more);
      *key = more;
    }
    Json *member = ARENA_NEW(r->arena, Json);
    Key *k = &(*key)[(*n)++];
    k->at = r->at;
    EbbStatus status = read_string(r, &member->key);
    if (status != EBB_OK) return status;
    k->text = member->key;
    if (!take(r, ':')) return unexpected(r, "a colon after the key");
    status = read_value(r, member);
    if (status != EBB_OK) return status;
    *link = member;
    link = &member->next;
  } while (take(r, ','));
  return take(r, '}') ? EBB_OK : unexpected(r, "a comma or }");
}

static EbbStatus read_object(Reader *r, Json *value) {
  value->type = JSON_OBJECT;
  if (take(r, '}')) return EBB_OK;
  Key *key = NULL;
  size_t n = 0;
  EbbStatus status = read_members(r, value, &key, &n);
  if (status == EBB_OK) status = refuse_duplicates(r, key, n);
  free(key);
  return status;
}

static EbbStatus read_value(Reader *r, Json *value) {
  static const struct {
    const char *word;
    JsonType type;
    bool truth;
  } words[] = {{"null", JSON_NULL, false}, {"true", JSON_BOOL, true}, {"false", JSON_BOOL, false}};
  skip_blanks(r);
  char c = r->at < r->end ? *r->at : '\0';
  if (c == '{' || c == '[') {
    if (r->depth == DEEPEST) return fail_at(r, r->at, "nesting is deeper than %d", DEEPEST);
    r->depth++;
    r->at++;
    EbbStatus status = c == '{' ? read_object(r, value) : read_list(r, value);
    r->depth--;
    return status;
  }
  if (c == '"') {
    value->type = JSON_STRING;
    return read_string(r, &value->text);
  }
  if (c == '-' || (c >= '0' && c <= '9')) return read_number(r, value);
  for (size_t i = 0; i < COUNT(words); i++) {
    size_t n = strlen(words[i].word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, words[i].word, n) != 0) continue;
    r->at += n;
    value->type = words[i].type;
    value->truth = words[i].truth;
    return EBB_OK;
  }
  return unexpected(r, "a value");
}

EbbStatus json_read(Arena *arena, const char *name, const char *text, size_t n, Json **out) {
  Reader r = {arena, name, text, text, text + n, 0};
  size_t at;
  *out = NULL;
  if (!utf8_valid(text, n, &at)) return fail_at(&r, text + at, "the byte 0x%02x is not UTF-8 text", (unsigned char)text[at]);
  Json *value = ARENA_NEW(arena, Json);
  EbbStatus status = read_value(&r, value);
  if (status != EBB_OK) return status;
  skip_blanks(&r);
  if (r.at != r.end) return unexpected(&r, "nothing after the value");
  *out = value;
  return EBB_OK;
}

const Json *json_get(const Json *object, const char *key) {
  if (object == NULL || object->type != JSON_OBJECT) return NULL;
  for (const Json *m = object->first; m != NULL; m = m->next)
    if (strcmp(m->key, key) == 0) return m;
  return NULL;
}

const char *json_string(const Json *object, const char *key, const char *otherwise) {
  const Json *m = json_get(object, key);
  return m != NULL && m->type == JSON_STRING ? m->text : otherwise;
}

double json_number(const Json *object, const char *key, double otherwise) {
  const Json *m = json_get(object, key);
  return m != NULL && m->type == JSON_NUMBER ? strtod(m->text, NULL) : otherwise;
}

static void new_line(JsonWriter *w) {
  if (w->compact) return;
  str_add(&w->out, "\n");
  for (int k = 0; k < w->depth; k++) str_add(&w->out, "  ");
}

/* Before a value or a key: what separates it from the one before. */
static void separate(JsonWriter *w) {
  if (!w->after_key && w->depth > 0) {
    if (!w->first) str_add(&w->out, ",");
    new_line(w);
  }
  w->after_key = w->first = false;
}

static void begin(JsonWriter *w, const char *bracket) {
  separate(w);
  str_add(&w->out, bracket);
  w->depth++;
  w->first = true;
}

static void end(JsonWriter *w, const char *bracket) {
  w->depth--;
  if (!w->first) new_line(w);
  w->first = false;
  str_add(&w->out, bracket);
}

void json_begin_object(JsonWriter *w) { begin(w, "{"); }
void json_end_object(JsonWriter *w) { end(w, "}"); }
void json_begin_list(JsonWriter *w) { begin(w, "["); }
void json_end_list(JsonWriter *w) { end(w, "]"); }

/* Bytes that are not UTF-8 (a file name may hold them) become U+FFFD. */
static void quote(Str *out, const char *text) {
  size_t n = strlen(text), bad = 0;
  str_add(out, "\"");
  while (n > 0) {
    size_t good = utf8_valid(text, n, &bad) ? n : bad;
    for (size_t i = 0; i < good; i++) {
      unsigned char c = (unsigned char)text[i];
      if (c == '"' || c == '\\')
        str_print(out, "\\%c", c);
      else if (c == '\n')
        str_add(out, "\\n");
      else if (c == '\t')
        str_add(out, "\\t");
      else if (c < 0x20 || c == 0x7F)
        str_print(out, "\\u%04x", c);
      else
        str_add_n(out, text + i, 1);
    }
    text += good;
    n -= good;
    if (n == 0) break;
    str_add(out, "\xEF\xBF\xBD");
    text++;
    n--;
  }
  str_add(out, "\"");
}

void json_key(JsonWriter *w, const char *key) {
  separate(w);
  quote(&w->out, key);
  str_add(&w->out, w->compact ? ":" : ": ");
  w->after_key = true;
}

void json_put_string(JsonWriter *w, const char *text) {
  separate(w);
  if (text == NULL)
    str_add(&w->out, "null");
  else
    quote(&w->out, text);
}

void json_put_int(JsonWriter *w, int64_t value) {
  separate(w);
  str_print(&w->out, "%lld", (long long)value);
}

void json_put_real(JsonWriter *w, double value) {
  separate(w);
  if (isfinite(value))
    str_real(&w->out, value);
  else
    str_add(&w->out, "null");
}

void json_put_bool(JsonWriter *w, bool value) {
  separate(w);
  str_add(&w->out, value ? "true" : "false");
}
