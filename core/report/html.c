/* SPDX-License-Identifier: MIT
 *
 * Escaping, numbers for people, tables. */
#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text ---- */

/* Bytes of the well-formed letter at c, 0 if it is none or XML does not take it. */
static size_t letter(const unsigned char *c) {
  if (c[0] < 0x80) return c[0] >= 0x20 && c[0] != 0x7F ? 1 : (c[0] == '\n' || c[0] == '\t' ? 1 : 0);
  size_t n = c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4, at;
  for (size_t i = 1; i < n; i++)
    if ((c[i] & 0xC0) != 0x80) return 0;
  if (!utf8_valid((const char *)c, n, &at)) return 0;
  bool no_letter = n == 3 && c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE; /* U+FFFE, U+FFFF */
  bool control = n == 2 && c[0] == 0xC2 && c[1] < 0xA0;
  return no_letter || control ? 0 : n;
}

void html_text(Str *out, const char *text) {
  str_add_n(out, "", 0);
  for (const unsigned char *c = (const unsigned char *)text; c != NULL && *c != '\0';) {
    static const struct {
      char c;
      const char *as;
    } special[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    const char *as = NULL;
    for (size_t i = 0; i < COUNT(special); i++)
      if (*c == special[i].c) as = special[i].as;
    size_t n = letter(c);
    if (as != NULL)
      str_add(out, as);
    else if (n == 0)
      str_add(out, "\xEF\xBF\xBD");
    else
      str_add_n(out, (const char *)c, n);
    c += n > 0 ? n : 1;
  }
}

void html_print(Str *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text;
  int n = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (n < 0) memory_out(0);
  html_text(out, text);
  free(text);
}

/* ---- Numbers ---- */

#define MINUS "\xE2\x88\x92"
#define DASH "\xE2\x80\x93"
#define GAP "\xE2\x80\xAF" /* narrow, does not break */

/* A decimal as printf made it, with the sign that typesetters use. */
static void decimal(Str *out, const char *text) {
  if (*text == '-') {
    while (*text == '-') text++;
    if (strspn(text, "0.") < strlen(text)) str_add(out, MINUS); /* no -0.00 */
  }
  str_add(out, text);
}

void number_print(Str *out, double value, int digits) {
  char text[64];
  if (isnan(value)) {
    str_add(out, DASH);
    return;
  }
  if (isinf(value)) {
    str_add(out, value < 0 ? MINUS "\xE2\x88\x9E" : "\xE2\x88\x9E");
    return;
  }
  snprintf(text, sizeof text, "%.*e", digits - 1, value);
  char *power = strchr(text, 'e');
  int ten = (int)strtol(power + 1, NULL, 10);
  if (value != 0 && (ten < -4 || ten >= 6)) {
    static const char *const raised[] = {"\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",     "\xE2\x81\xB4",
                                         "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7", "\xE2\x81\xB8", "\xE2\x81\xB9"};
    *power = '\0';
    decimal(out, text);
    str_add(out, GAP "\xC3\x97" GAP "10");
    snprintf(text, sizeof text, "%d", ten);
    for (const char *c = text; *c != '\0'; c++) str_add(out, *c == '-' ? "\xE2\x81\xBB" : raised[*c - '0']);
    return;
  }
  int decimals = digits - 1 - ten;
  snprintf(text, sizeof text, "%.*f", decimals > 0 && value != 0 ? decimals : 0, value);
  decimal(out, text);
}

char *number_text(Arena *arena, double value, int digits) {
  Str out = {0};
  number_print(&out, value, digits);
  return str_keep(&out, arena);
}

void number_near(Str *out, double value, double error) {
  double size = fmax(fabs(value), error);
  if (!isfinite(value) || !isfinite(error) || error <= 0 || size >= 1e6 || size < 1e-4) {
    number_print(out, value, 3);
    return;
  }
  char text[64];
  int decimals = 1 - (int)floor(log10(error));
  snprintf(text, sizeof text, "%.*f", decimals < 0 ? 0 : decimals > 8 ? 8 : decimals, value);
  decimal(out, text);
}

void number_count(Str *out, double whole) {
  char text[64];
  if (!isfinite(whole)) {
    str_add(out, DASH);
    return;
  }
  int n = snprintf(text, sizeof text, "%.0f", fabs(whole));
  if (whole < 0) str_add(out, MINUS);
  for (int i = 0; i < n; i++) {
    if (i > 0 && n > 4 && (n - i) % 3 == 0) str_add(out, GAP);
    str_add_n(out, text + i, 1);
  }
}

void number_percent(Str *out, double share) {
  number_print(out, 100 * share, fabs(share) < 0.1 ? 2 : 3);
  if (!isnan(share)) str_add(out, GAP "%");
}

void number_p(Str *out, double p) {
  if (p < 1e-4)
    str_add(out, "< 0.0001");
  else
    number_print(out, p, 2);
}

void number_seconds(Str *out, double s) {
  if (!isfinite(s)) {
    str_add(out, DASH);
    return;
  }
  if (s < 100)
    number_print(out, s, s < 1 ? 2 : 3), str_add(out, GAP "s");
  else if (s < 3600)
    str_print(out, "%d" GAP "min %d" GAP "s", (int)(s / 60), (int)fmod(s, 60));
  else
    str_print(out, "%d" GAP "h %d" GAP "min", (int)(s / 3600), (int)fmod(s / 60, 60));
}

void number_bytes(Str *out, double bytes) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  size_t u = 0;
  for (; bytes >= 1000 && u + 1 < COUNT(units); u++) bytes /= 1000;
  number_print(out, bytes, 3);
  if (!isnan(bytes)) str_print(out, GAP "%s", units[u]);
}

/* ---- Tables ---- */

HtmlTable table_begin(Str *out, const char *caption, const char *const *heads, int columns) {
  str_add(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
  html_text(out, caption);
  str_add(out, "\">\n<table>\n<caption>");
  html_text(out, caption);
  str_add(out, "</caption>\n<thead><tr>");
  for (int i = 0; i < columns; i++) {
    str_add(out, "<th scope=\"col\">");
    html_text(out, heads[i]);
    str_add(out, "</th>");
  }
  str_add(out, "</tr></thead>\n<tbody>\n");
  return (HtmlTable){out, 0, columns};
}

static void cell(HtmlTable *t, const char *text, bool number) {
  const char *kind = t->column == 0 ? "th" : "td";
  if (t->column == 0) str_add(t->out, "<tr>");
  str_print(t->out, "<%s%s%s>", kind, t->column == 0 ? " scope=\"row\"" : "", number ? " class=\"n\"" : "");
  html_text(t->out, text);
  str_print(t->out, "</%s>", kind);
  if (++t->column < t->columns) return;
  str_add(t->out, "</tr>\n");
  t->column = 0;
}

void table_cell(HtmlTable *t, const char *text) { cell(t, text, false); }
void table_number(HtmlTable *t, const char *text) { cell(t, text, true); }

void table_end(HtmlTable *t) { str_add(t->out, "</tbody>\n</table>\n</div>\n"); }
