/* SPDX-License-Identifier: MIT
 *
 * The grammar of numbers in a spec, and how reals are written. YAML's own typing is not used: in it 5e-4 is a text, 010 is eight and 1_000 is a
 * number. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

/* [+-] digits [. digits] [e [+-] digits]; at least one digit before the exponent. `end` is after the last letter that fits. */
typedef struct Decimal {
  bool negative;
  const char *digits, *point, *digits_end; /* point == digits_end if none */
  long exponent;
  const char *end;
} Decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool decimal(const char *text, Decimal *d) {
  const char *p = text;
  *d = (Decimal){.negative = *p == '-'};
  if (*p == '-' || *p == '+') p++;
  d->digits = p;
  while (is_digit(*p)) p++;
  size_t count = (size_t)(p - d->digits);
  d->point = p;
  if (*p == '.') {
    const char *after = ++p;
    while (is_digit(*p)) p++;
    count += (size_t)(p - after);
  }
  d->digits_end = d->end = p;
  if (count == 0) return false;
  if (*p != 'e' && *p != 'E') return true;
  p++;
  bool down = *p == '-';
  if (*p == '-' || *p == '+') p++;
  if (!is_digit(*p)) return true;
  for (; is_digit(*p); p++)
    if (d->exponent < 100000000) d->exponent = 10 * d->exponent + (*p - '0');
  if (down) d->exponent = -d->exponent;
  d->end = p;
  return true;
}

Number number_real(const char *text, double *value) {
  const char *p = text + (*text == '-' || *text == '+');
  if (strcmp(p, ".inf") == 0 || strcmp(p, ".Inf") == 0 || strcmp(p, ".INF") == 0) {
    *value = *text == '-' ? -INFINITY : INFINITY;
    return NUMBER_OK;
  }
  if (strcmp(p, ".nan") == 0 || strcmp(p, ".NaN") == 0 || strcmp(p, ".NAN") == 0) return NUMBER_NAN;
  Decimal d;
  if (!decimal(text, &d) || *d.end != 0) return NUMBER_NOT;
  *value = strtod(text, NULL);
  if (isinf(*value)) return NUMBER_LARGE;
  if (*value != 0) return NUMBER_OK;
  for (p = d.digits; p < d.digits_end; p++)
    if (*p >= '1' && *p <= '9') return NUMBER_SMALL;
  return NUMBER_OK;
}

/* Exact, so that seeds keep all 64 bits: the digits are taken one by one up to where the exponent puts the point. */
Number number_integer(const char *text, bool *negative, uint64_t *magnitude) {
  Decimal d;
  if (!decimal(text, &d) || *d.end != 0) return NUMBER_NOT;
  long whole = (long)(d.point - d.digits) + d.exponent, place = 0; /* number of digits before the point */
  bool any = false, large = false;
  uint64_t value = 0;
  for (const char *p = d.digits; p < d.digits_end; p++) {
    if (*p == '.') continue;
    unsigned digit = (unsigned)(*p - '0');
    any = any || digit != 0;
    if (place++ >= whole) {
      if (digit != 0) return NUMBER_FRACTION;
      continue;
    }
    large = large || value > (UINT64_MAX - digit) / 10;
    value = 10 * value + digit;
  }
  for (; any && !large && place < whole; place++) {
    large = value > UINT64_MAX / 10;
    value *= 10;
  }
  *negative = d.negative && any;
  if (large) return NUMBER_LARGE;
  *magnitude = value;
  return NUMBER_OK;
}

const char *number_unit(const char *text) {
  Decimal d;
  if (!decimal(text, &d)) return NULL;
  bool other_base = d.digits[0] == '0' && d.digits[1] != 0 && strchr("xXoObB", d.digits[1]) != NULL && d.digits[2] != 0;
  const char *unit = d.end + strspn(d.end, " ");
  bool letter = (*unit >= 'a' && *unit <= 'z') || (*unit >= 'A' && *unit <= 'Z') || *unit == '%' || (unsigned char)*unit >= 0x80;
  bool half_exponent = (*unit == 'e' || *unit == 'E') && unit[1 + strspn(unit + 1, "+-")] == 0;
  return letter && !other_base && !half_exponent ? unit : NULL;
}

void real_text(Str *out, double value) {
  if (isinf(value)) return str_add(out, value > 0 ? ".inf" : "-.inf");
  if (isnan(value)) return str_add(out, ".nan");
  Str plain = {0};
  str_real(&plain, value);
  const char *e = strchr(plain.text, 'e');
  if (e == NULL) {
    str_add(out, plain.text);
  } else {
    str_add_n(out, plain.text, (size_t)(e - plain.text));
    if (memchr(plain.text, '.', (size_t)(e - plain.text)) == NULL) str_add(out, ".0");
    str_add(out, e[1] == '-' || e[1] == '+' ? "e" : "e+");
    str_add(out, e + 1);
  }
  str_free(&plain);
}
