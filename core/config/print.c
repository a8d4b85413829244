/* SPDX-License-Identifier: MIT
 *
 * A filled struct as YAML that reads back to the same struct, and the words for kinds, defaults and ranges. Where other YAML readers would take a
 * text for something else (no, 1.5, ~), it is quoted. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config/internal.h"

static const char *const kinds[] = {
    [EBB_SIMULATOR] = "simulator", [EBB_NETWORK] = "network",   [EBB_SCHEDULE] = "schedule",       [EBB_OBJECTIVE] = "objective",
    [EBB_SAMPLER] = "sampler",     [EBB_GUIDANCE] = "guidance", [EBB_COMPOSITION] = "composition", [EBB_METRIC] = "metric",
    [EBB_SINK] = "sink",           [EBB_PRIOR] = "prior",
};

const char *kind_name(uint32_t kind) { return kind > 0 && kind < COUNT(kinds) ? kinds[kind] : "component"; }

uint32_t kind_number(const char *name) {
  for (uint32_t k = 1; k < COUNT(kinds); k++)
    if (strcmp(kinds[k], name) == 0) return k;
  return 0;
}

/* ---- Texts ---- */

/* Whether a reader of YAML 1.1 takes the word for no text, or for no single word. */
static bool needs_quotes(const char *text) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  for (size_t i = 0; i < COUNT(words); i++)
    if (strcasecmp(text, words[i]) == 0) return true;
  if (strspn(text, "0123456789+-.") > 0 || strchr("!&*?|>%@`\"'#,[]{}:=<~ ", text[0]) != NULL)
    return true; /* strchr finds the end, too: an empty text */
  for (const char *c = text; *c != 0; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7F || strchr(",[]{}", *c) != NULL) return true;
    if ((*c == ':' || *c == ' ') && (c[1] == ' ' || c[1] == 0)) return true;
    if (*c == ' ' && c[1] == '#') return true;
  }
  return false;
}

/* Letters that YAML takes for breaks, or does not take as they are: U+0080-9F, U+2028 and 2029, U+FEFF, U+FFFE and FFFF. 0 for any other; 2 or 3
 * bytes. */
static unsigned odd_letter(const unsigned char *c, size_t *bytes) {
  if (c[0] == 0xC2 && c[1] < 0xA0) return *bytes = 2, c[1];
  if ((c[0] & 0xF0) != 0xE0) return 0;
  unsigned letter = (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
  *bytes = 3;
  return letter == 0x2028 || letter == 0x2029 || letter == 0xFEFF || letter >= 0xFFFE ? letter : 0;
}

static void print_text(Str *out, const char *text) {
  bool quotes = needs_quotes(text);
  size_t bytes = 0;
  for (const char *c = text; !quotes && *c != 0; c++) quotes = odd_letter((const unsigned char *)c, &bytes) != 0;
  if (!quotes) {
    str_add(out, text);
    return;
  }
  str_add(out, "\"");
  for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
    unsigned odd = odd_letter(c, &bytes);
    if (odd != 0) {
      str_print(out, "\\u%04X", odd);
      c += bytes - 1;
    } else if (*c == '"' || *c == '\\') {
      str_print(out, "\\%c", *c);
    } else if (*c == '\n' || *c == '\t') {
      str_add(out, *c == '\n' ? "\\n" : "\\t");
    } else if (*c < 0x20 || *c == 0x7F) {
      str_print(out, "\\x%02X", *c);
    } else {
      str_add_n(out, (const char *)c, 1);
    }
  }
  str_add(out, "\"");
}

/* ---- Values ---- */

static void print_list(Str *out, int64_t count, const int64_t *whole, const double *real) {
  str_add(out, "[");
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) str_add(out, ", ");
    if (whole != NULL)
      str_print(out, "%" PRId64, whole[i]);
    else
      real_text(out, real[i]);
  }
  str_add(out, "]");
}

static void print_strings(Str *out, const EbbStrings *list) {
  str_add(out, "[");
  for (int64_t i = 0; i < list->count; i++) {
    if (i > 0) str_add(out, ", ");
    print_text(out, list->value[i]);
  }
  str_add(out, "]");
}

static void print_choice(Str *out, const EbbParam *p, int64_t place) {
  size_t n;
  const char *word = choice_word(p->text, place, &n);
  Str copy = {0};
  str_add_n(&copy, word != NULL ? word : "", n);
  print_text(out, copy.text);
  str_free(&copy);
}

static void print_children(Str *out, const EbbChildren *children, int indent) {
  if (children->count == 0) str_add(out, " []");
  str_add(out, "\n");
  for (int64_t i = 0; i < children->count; i++) {
    size_t start = out->length;
    config_print_child(out, &children->child[i], indent + 4);
    out->text[start + (size_t)indent + 2] = '-'; /* the first of the entry's lines begins with the list's dash */
  }
}

/* What follows "key:", with the end of the line. */
static void print_value(Str *out, const EbbParam *p, const void *member, int indent) {
  switch (p->type) {
  case EBB_T_COMPONENTS: print_children(out, member, indent); return;
  case EBB_T_COMPONENT: {
    const EbbChild *child = member;
    str_add(out, child->component != NULL ? "\n" : " null\n");
    if (child->component != NULL) config_print_child(out, child, indent + 2);
    return;
  }
  case EBB_T_GROUP: {
    bool empty = p->group == NULL || p->group->type == EBB_T_END;
    str_add(out, empty ? " {}\n" : "\n");
    if (!empty) config_print(out, p->group, member, indent + 2);
    return;
  }
  default: break;
  }
  str_add(out, " ");
  switch (p->type) {
  case EBB_T_BOOL: str_add(out, *(const bool *)member ? "true" : "false"); break;
  case EBB_T_INT: str_print(out, "%" PRId64, *(const int64_t *)member); break;
  case EBB_T_SEED: str_print(out, "%" PRIu64, *(const uint64_t *)member); break;
  case EBB_T_REAL: real_text(out, *(const double *)member); break;
  case EBB_T_CHOICE: print_choice(out, p, *(const int64_t *)member); break;
  case EBB_T_INTS: print_list(out, ((const EbbInts *)member)->count, ((const EbbInts *)member)->value, NULL); break;
  case EBB_T_REALS: print_list(out, ((const EbbReals *)member)->count, NULL, ((const EbbReals *)member)->value); break;
  case EBB_T_STRINGS: print_strings(out, member); break;
  case EBB_T_STRING: {
    const char *text = *(const char *const *)member;
    if (text != NULL)
      print_text(out, text);
    else
      str_add(out, "null");
    break;
  }
  default: break;
  }
  str_add(out, "\n");
}

void config_print(Str *out, const EbbParam *params, const void *config, int indent) {
  for (const EbbParam *p = params; p != NULL && p->type != EBB_T_END; p++) {
    str_print(out, "%*s", indent, "");
    print_text(out, p->key);
    str_add(out, ":");
    print_value(out, p, (const char *)config + p->offset, indent);
  }
}

void config_print_child(Str *out, const EbbChild *child, int indent) {
  if (child->component == NULL) return;
  str_print(out, "%*suse: ", indent, "");
  print_text(out, child->component->id);
  str_add(out, "\n");
  config_print(out, child->component->params, child->self, indent);
}

/* ---- Documentation ---- */

void config_default_text(Str *out, const EbbParam *p) {
  if ((p->flags & EBB_P_REQUIRED) != 0) {
    str_add(out, "required");
    return;
  }
  bool text = p->text != NULL && p->text[0] != 0;
  switch (p->type) {
  case EBB_T_BOOL: str_add(out, p->number != 0 ? "true" : "false"); break;
  case EBB_T_INT: str_print(out, "%" PRId64, (int64_t)p->number); break;
  case EBB_T_SEED: str_print(out, "%" PRIu64, (uint64_t)p->number); break;
  case EBB_T_REAL: real_text(out, p->number); break;
  case EBB_T_CHOICE: print_choice(out, p, (int64_t)p->number); break;
  case EBB_T_INTS:
  case EBB_T_REALS:
  case EBB_T_STRINGS:
  case EBB_T_COMPONENTS: str_add(out, text ? p->text : "[]"); break;
  case EBB_T_COMPONENT: str_add(out, text ? p->text : "none"); break;
  case EBB_T_STRING:
    if (p->text != NULL)
      print_text(out, p->text);
    else
      str_add(out, "none");
    break;
  default: break;
  }
}

/* A bound; of integers without an exponent. */
static void print_bound(Str *out, double bound, bool whole) {
  if (whole && fabs(bound) < 1e18)
    str_print(out, "%.0f", bound);
  else
    real_text(out, bound);
}

static void print_range(Str *out, const EbbParam *p, bool whole) {
  bool open_min = (p->flags & EBB_P_OPEN_MIN) != 0, open_max = (p->flags & EBB_P_OPEN_MAX) != 0;
  double most = whole ? 9.2e18 : HUGE_VAL; /* from here on there is no bound */
  if (p->min <= -most && p->max >= most) {
    str_add(out, whole ? "an integer" : "a number");
  } else if (p->max >= most) {
    str_add(out, open_min ? "above " : "at least ");
    print_bound(out, p->min, whole);
  } else if (p->min <= -most) {
    str_add(out, open_max ? "below " : "at most ");
    print_bound(out, p->max, whole);
  } else {
    str_add(out, open_min ? "in (" : "in [");
    print_bound(out, p->min, whole);
    str_add(out, ", ");
    print_bound(out, p->max, whole);
    str_add(out, open_max ? ")" : "]");
  }
}

void config_range_text(Str *out, const EbbParam *p) {
  size_t n;
  const char *word, *kind = kind_name(p->kind);
  switch (p->type) {
  case EBB_T_BOOL: str_add(out, "true or false"); break;
  case EBB_T_INT:
  case EBB_T_REAL: print_range(out, p, p->type == EBB_T_INT); break;
  case EBB_T_INTS:
  case EBB_T_REALS:
    str_add(out, "each ");
    print_range(out, p, p->type == EBB_T_INTS);
    break;
  case EBB_T_SEED: str_add(out, "in [0, 18446744073709551615]"); break;
  case EBB_T_CHOICE:
    str_add(out, "one of ");
    for (int64_t i = 0; (word = choice_word(p->text, i, &n)) != NULL; i++) {
      if (i > 0) str_add(out, ", ");
      str_add_n(out, word, n);
    }
    break;
  case EBB_T_STRING:
    str_add(out, "text");
    if (p->max > 0) str_print(out, " of %.0f to %.0f letters", p->min, p->max);
    break;
  case EBB_T_STRINGS: str_add(out, "a list of texts"); break;
  case EBB_T_COMPONENT: str_print(out, "%s %s", strchr("aeiou", kind[0]) != NULL ? "an" : "a", kind); break;
  case EBB_T_COMPONENTS: str_print(out, "a list of %ss", kind); break;
  case EBB_T_GROUP: str_add(out, "a map of keys"); break;
  default: break;
  }
}
