/* SPDX-License-Identifier: MIT
 *
 * A map of nodes against a table of parameters: checked, typed, and put into the struct. What a scalar is follows from its row alone. Messages of
 * values are `file:line:column: key must be ... (got ...)`. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/internal.h"

/* Defaults may name components whose defaults name components. */
enum { MOST_COMPONENTS_DEEP = 16 };

typedef struct Fill {
  Arena *arena;
  const ConfigPlugins *plugins;
  const Node *place; /* the nearest map around that the user wrote; NULL if none */
  int depth;         /* components around */
} Fill;

/* A value and what it is for. */
typedef struct Value {
  const EbbParam *param;
  const Node *node;
  const char *name; /* "steps", "widths[1]" */
} Value;

static EbbStatus fill_map(Fill *, const Node *, const EbbParam *, const char *what, bool component, void *config);

static EbbStatus refuse_type(Value v, const char *wanted) {
  const char *quoted = v.node->type == NODE_SCALAR && v.node->quoted ? "the quoted text " : "";
  return config_fail(v.node, "%s must be %s (got %s%s)", v.name, wanted, quoted, node_shown(v.node).text);
}

static EbbStatus refuse_range(Value v) {
  Str range = {0};
  config_range_text(&range, v.param);
  const char *each = strncmp(range.text, "each ", 5) == 0 ? range.text + 5 : range.text, *unit = v.param->unit != NULL ? v.param->unit : "";
  EbbStatus status = config_fail(v.node, "%s must be %s%s%s (got %s)", v.name, each, unit[0] != 0 ? " " : "", unit, text_shown(v.node->text).text);
  str_free(&range);
  return status;
}

static EbbStatus refuse_number(Value v, const char *wanted) {
  const char *unit = v.node->type == NODE_SCALAR && !v.node->quoted ? number_unit(v.node->text) : NULL;
  if (unit == NULL) return refuse_type(v, wanted);
  Shown given = text_shown(unit);
  if (v.param->unit == NULL || v.param->unit[0] == 0)
    return config_fail(v.node, "%s has no unit; leave \"%s\" out (got %s)", v.name, given.text, node_shown(v.node).text);
  return config_fail(v.node, "%s is in %s, written without it; leave \"%s\" out (got %s)", v.name, v.param->unit, given.text,
                     node_shown(v.node).text);
}

/* ---- Scalars ---- */

static EbbStatus fill_bool(Value v, bool *out) {
  bool plain = v.node->type == NODE_SCALAR && !v.node->quoted;
  *out = plain && strcmp(v.node->text, "true") == 0;
  return *out || (plain && strcmp(v.node->text, "false") == 0) ? EBB_OK : refuse_type(v, "true or false");
}

/* Whether a number lies in the row's range. */
static bool inside(const EbbParam *p, double x) {
  bool above = (p->flags & EBB_P_OPEN_MIN) != 0 ? x > p->min : x >= p->min;
  return above && ((p->flags & EBB_P_OPEN_MAX) != 0 ? x < p->max : x <= p->max);
}

static EbbStatus fill_int(Value v, int64_t *out) {
  bool negative = false;
  uint64_t magnitude = 0;
  bool plain = v.node->type == NODE_SCALAR && !v.node->quoted;
  Number number = plain ? number_integer(v.node->text, &negative, &magnitude) : NUMBER_NOT;
  if (number == NUMBER_LARGE || (number == NUMBER_OK && magnitude > INT64_MAX))
    return inside(v.param, negative ? -1e300 : 1e300) ? refuse_type(v, "an integer of 64 bits") : refuse_range(v);
  if (number != NUMBER_OK) return refuse_number(v, "an integer");
  *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
  return inside(v.param, (double)*out) ? EBB_OK : refuse_range(v);
}

static EbbStatus fill_real(Value v, double *out) {
  bool plain = v.node->type == NODE_SCALAR && !v.node->quoted;
  Number number = plain ? number_real(v.node->text, out) : NUMBER_NOT;
  if (number == NUMBER_LARGE) return refuse_type(v, "a number that a double holds, at most 1.8e308");
  if (number == NUMBER_SMALL) return refuse_type(v, "0 or a number that a double holds, at least 4.9e-324");
  if (number != NUMBER_OK) return refuse_number(v, "a number");
  if (inside(v.param, *out)) return EBB_OK;
  return isinf(*out) && isinf(*out > 0 ? v.param->max : v.param->min) ? refuse_type(v, "finite") : refuse_range(v);
}

static EbbStatus fill_seed(Value v, uint64_t *out) {
  bool negative = false;
  bool plain = v.node->type == NODE_SCALAR && !v.node->quoted;
  Number number = plain ? number_integer(v.node->text, &negative, out) : NUMBER_NOT;
  if (number == NUMBER_LARGE || (number == NUMBER_OK && negative)) return refuse_range(v);
  return number == NUMBER_OK ? EBB_OK : refuse_number(v, "an integer");
}

const char *choice_word(const char *words, int64_t place, size_t *n) {
  for (; place > 0 && words != NULL; place--) {
    words = strchr(words, '|');
    if (words != NULL) words++;
  }
  *n = words != NULL ? strcspn(words, "|") : 0;
  return words;
}

static EbbStatus fill_choice(Fill *f, Value v, int64_t *out) {
  const char *word;
  size_t n, count = 0;
  while (choice_word(v.param->text, (int64_t)count, &n) != NULL) count++;
  const char **words = ARENA_ARRAY(f->arena, const char *, count);
  for (size_t i = 0; i < count; i++) {
    word = choice_word(v.param->text, (int64_t)i, &n);
    words[i] = arena_print(f->arena, "%.*s", (int)n, word);
    if (v.node->type != NODE_SCALAR || strcmp(words[i], v.node->text) != 0) continue;
    *out = (int64_t)i;
    return EBB_OK;
  }
  Str range = {0};
  config_range_text(&range, v.param);
  const char *near = v.node->type == NODE_SCALAR ? nearest(v.node->text, words, count) : NULL;
  EbbStatus status = near == NULL
                         ? config_fail(v.node, "%s must be %s (got %s)", v.name, range.text, node_shown(v.node).text)
                         : config_fail(v.node, "%s must be %s (got %s); did you mean \"%s\"?", v.name, range.text, node_shown(v.node).text, near);
  str_free(&range);
  return status;
}

/* Letters are counted, not bytes. */
static EbbStatus fill_string(Value v, const char **out) {
  const EbbParam *p = v.param;
  *out = NULL;
  if (config_is_null(v.node) && p->text == NULL && (p->flags & EBB_P_REQUIRED) == 0) return EBB_OK;
  if (v.node->type != NODE_SCALAR) return refuse_type(v, "text");
  if (config_is_null(v.node))
    return config_fail(v.node, "%s must be text (got %s; put the word in quotes if it is meant)", v.name, node_shown(v.node).text);
  double letters = utf8_letters(v.node->text);
  if (p->max > 0 && (letters < p->min || letters > p->max)) {
    Str range = {0};
    config_range_text(&range, p);
    EbbStatus status = config_fail(v.node, "%s must be %s (got \"%s\")", v.name, range.text, text_shown(v.node->text).text);
    str_free(&range);
    return status;
  }
  *out = v.node->text;
  return EBB_OK;
}

/* ---- Lists ---- */

/* The entries of a list; a value alone is a list of one; null, where `none`, a list of none. */
static const Node *entries(const Node *node, bool none, int64_t *count) {
  *count = 0;
  if (node->type != NODE_LIST) {
    *count = none && config_is_null(node) ? 0 : 1;
    return node;
  }
  for (const Node *n = node->first; n != NULL; n = n->next) *count += 1;
  return node->first;
}

static const char *entry_name(Fill *f, Value v, int64_t i) {
  return v.node->type == NODE_LIST ? arena_print(f->arena, "%s[%lld]", v.name, (long long)i) : v.name;
}

static EbbStatus fill_list(Fill *f, Value v, void *out) {
  int64_t count;
  const Node *entry = entries(v.node, false, &count);
  if (v.node->type == NODE_MAP) return refuse_type(v, v.param->type == EBB_T_INTS ? "a list of integers" : "a list of numbers");
  int64_t *whole = v.param->type == EBB_T_INTS ? ARENA_ARRAY(f->arena, int64_t, count) : NULL;
  double *real = v.param->type == EBB_T_REALS ? ARENA_ARRAY(f->arena, double, count) : NULL;
  for (int64_t i = 0; i < count; i++, entry = entry->next) {
    ArenaMark mark = arena_mark(f->arena);
    Value one = {v.param, entry, entry_name(f, v, i)};
    EbbStatus status = whole != NULL ? fill_int(one, &whole[i]) : fill_real(one, &real[i]);
    arena_reset(f->arena, mark);
    if (status != EBB_OK) return status;
  }
  if (whole != NULL)
    *(EbbInts *)out = (EbbInts){count, whole};
  else
    *(EbbReals *)out = (EbbReals){count, real};
  return EBB_OK;
}

/* Words or sentences; an entry that is null is none. */
static EbbStatus fill_strings(Fill *f, Value v, EbbStrings *out) {
  int64_t count;
  const Node *entry = entries(v.node, true, &count);
  if (v.node->type == NODE_MAP) return refuse_type(v, "a list of texts");
  const char **text = ARENA_ARRAY(f->arena, const char *, count);
  for (int64_t i = 0; i < count; i++, entry = entry->next) {
    Value one = {v.param, entry, entry_name(f, v, i)};
    EbbStatus status = fill_string(one, &text[i]);
    if (status == EBB_OK && text[i] == NULL) status = refuse_type(one, "text, in quotes if the word is meant");
    if (status != EBB_OK) return status;
  }
  *out = (EbbStrings){count, text};
  return EBB_OK;
}

/* ---- Components ---- */

static bool is_id(const char *text) {
  if (*text < 'a' || *text > 'z') return false;
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

/* Without `use` the row's default id holds, if it is an id. */
static EbbStatus component_id(Value v, const char **id, const Node **place) {
  const char *article = strchr("aeiou", kind_name(v.param->kind)[0]) != NULL ? "an" : "a", *kind = kind_name(v.param->kind);
  const Node *use = v.node->type == NODE_MAP ? config_get(v.node, "use") : v.node;
  *place = use != NULL ? use : v.node;
  *id = use != NULL ? use->text : v.param->text;
  if (use == NULL && (*id == NULL || !is_id(*id))) return config_fail(v.node, "%s does not say which %s; add \"use\" with its name", v.name, kind);
  if (use == NULL) return EBB_OK;
  if (use->type == NODE_SCALAR && !config_is_null(use) && is_id(use->text)) return EBB_OK;
  return config_fail(use, "%s must name %s %s, in letters a-z, digits and _ (got %s)", use == v.node ? v.name : "use", article, kind,
                     node_shown(use).text);
}

/* The map {use: id} for an id alone. */
static const Node *as_map(Fill *f, const Node *node) {
  if (node->type != NODE_SCALAR) return node;
  Node *map = ARENA_NEW(f->arena, Node);
  *map = *node;
  node_expand(f->arena, map);
  return map;
}

static EbbStatus fill_child(Fill *f, Value v, EbbChild *out) {
  const EbbParam *p = v.param;
  *out = (EbbChild){.kind = p->kind};
  if (config_is_null(v.node) && p->type == EBB_T_COMPONENT && p->text == NULL && (p->flags & EBB_P_REQUIRED) == 0) return EBB_OK;
  const char *id;
  const Node *place;
  EbbStatus status = component_id(v, &id, &place);
  if (status != EBB_OK) return status;
  if (f->plugins == NULL) return config_fail(place, "%s: no component can be used here", v.name);
  if (f->depth == MOST_COMPONENTS_DEEP) return config_fail(place, "%s: more than %d components within each other", v.name, MOST_COMPONENTS_DEEP);
  const EbbComponent *component = NULL;
  status = f->plugins->find(f->plugins->ctx, p->kind, id, &component);
  if (status != EBB_OK) return config_place(status, place);
  out->component = component;
  out->ops = component->ops;
  out->self = arena_alloc(f->arena, component->config_size);
  f->depth++;
  status = fill_map(f, as_map(f, v.node), component->params, arena_print(f->arena, "%s %s", kind_name(p->kind), id), true, out->self);
  f->depth--;
  return status;
}

static EbbStatus fill_children(Fill *f, Value v, EbbChildren *out) {
  int64_t count;
  const Node *entry = entries(v.node, true, &count);
  *out = (EbbChildren){count, ARENA_ARRAY(f->arena, EbbChild, count)};
  for (int64_t i = 0; i < count; i++, entry = entry->next) {
    EbbStatus status = fill_child(f, (Value){v.param, entry, entry_name(f, v, i)}, &out->child[i]);
    if (status != EBB_OK) return status;
  }
  return EBB_OK;
}

static const EbbParam *row_of(const EbbParam *params, const char *key) {
  for (; params != NULL && params->type != EBB_T_END; params++)
    if (strcmp(params->key, key) == 0) return params;
  return NULL;
}

/* A group is a map; nothing is one with every default; where it has a key `use`, that value alone will do. */
static EbbStatus fill_group(Fill *f, Value v, void *config) {
  const EbbParam *group = v.param->group;
  if (config_is_null(v.node)) return fill_map(f, NULL, group, v.name, false, config);
  return fill_map(f, row_of(group, "use") != NULL ? as_map(f, v.node) : v.node, group, v.name, false, config);
}

/* ---- Rows ---- */

static EbbStatus fill_value(Fill *f, Value v, void *member) {
  switch (v.param->type) {
  case EBB_T_BOOL: return fill_bool(v, member);
  case EBB_T_INT: return fill_int(v, member);
  case EBB_T_REAL: return fill_real(v, member);
  case EBB_T_CHOICE: return fill_choice(f, v, member);
  case EBB_T_STRING: return fill_string(v, member);
  case EBB_T_INTS:
  case EBB_T_REALS: return fill_list(f, v, member);
  case EBB_T_STRINGS: return fill_strings(f, v, member);
  case EBB_T_COMPONENT: return fill_child(f, v, member);
  case EBB_T_COMPONENTS: return fill_children(f, v, member);
  case EBB_T_SEED: return fill_seed(v, member);
  case EBB_T_GROUP: return fill_group(f, v, member);
  default: return fail(EBB_E_ABI, "parameter %s is of type %u, which this version does not know", v.name, v.param->type);
  }
}

/* Lists and components have their defaults as text, which is read as the spec is. */
static EbbStatus fill_default(Fill *f, const EbbParam *p, void *member) {
  switch (p->type) {
  case EBB_T_BOOL: *(bool *)member = p->number != 0; return EBB_OK;
  case EBB_T_INT:
  case EBB_T_CHOICE: *(int64_t *)member = (int64_t)p->number; return EBB_OK;
  case EBB_T_REAL: *(double *)member = p->number; return EBB_OK;
  case EBB_T_SEED: *(uint64_t *)member = (uint64_t)p->number; return EBB_OK;
  case EBB_T_STRING: *(const char **)member = p->text; return EBB_OK;
  case EBB_T_GROUP: return fill_map(f, NULL, p->group, p->key, false, member);
  case EBB_T_COMPONENT: ((EbbChild *)member)->kind = p->kind; break;
  default: break;
  }
  if (p->text == NULL || p->text[0] == 0) return EBB_OK;
  Node *node;
  EbbStatus status = config_parse(f->arena, arena_print(f->arena, "default of %s", p->key), p->text, strlen(p->text), &node);
  return status != EBB_OK ? status : fill_value(f, (Value){p, node, p->key}, member);
}

static EbbStatus refuse_key(Fill *f, const Node *member, const EbbParam *params, const char *what) {
  size_t n = 0;
  while (params != NULL && params[n].type != EBB_T_END) n++;
  Shown key = text_shown(member->key);
  if (n == 0) return config_fail_key(member, "unknown key \"%s\" in %s, which has no settings", key.text, what);
  const char **keys = ARENA_ARRAY(f->arena, const char *, n);
  Str all = {0};
  for (size_t i = 0; i < n; i++) {
    keys[i] = params[i].key;
    str_print(&all, "%s%s", i > 0 ? ", " : "", keys[i]);
  }
  const char *near = nearest(member->key, keys, n);
  EbbStatus status = near != NULL ? config_fail_key(member, "unknown key \"%s\" in %s; did you mean \"%s\"?", key.text, what, near)
                                  : config_fail_key(member, "unknown key \"%s\" in %s; it has %s", key.text, what, all.text);
  str_free(&all);
  return status;
}

static EbbStatus fill_row(Fill *f, const Node *node, const EbbParam *p, const char *what, void *config) {
  void *member = (char *)config + p->offset;
  const Node *given = config_get(node, p->key);
  if (given != NULL) return fill_value(f, (Value){p, given, p->key}, member);
  if ((p->flags & EBB_P_REQUIRED) == 0) return fill_default(f, p, member);
  const char *doc = p->doc != NULL ? p->doc : "";
  return config_fail(f->place, "%s needs the key \"%s\"%s%s", what, p->key, doc[0] != 0 ? ": " : "", doc);
}

/* A component has the key `use` beside its own. */
static EbbStatus fill_map(Fill *f, const Node *node, const EbbParam *params, const char *what, bool component, void *config) {
  if (node != NULL && node->type != NODE_MAP) return config_fail(node, "%s must be a map of keys (got %s)", what, node_shown(node).text);
  for (const Node *m = node != NULL ? node->first : NULL; m != NULL; m = m->next)
    if (row_of(params, m->key) == NULL && !(component && strcmp(m->key, "use") == 0)) return refuse_key(f, m, params, what);
  const Node *around = f->place;
  if (node != NULL) f->place = node;
  EbbStatus status = EBB_OK;
  for (const EbbParam *p = params; status == EBB_OK && p != NULL && p->type != EBB_T_END; p++) status = fill_row(f, node, p, what, config);
  f->place = around;
  return status;
}

EbbStatus config_fill(Arena *arena, const Node *node, const EbbParam *params, const char *what, const ConfigPlugins *plugins, void *config) {
  Fill f = {.arena = arena, .plugins = plugins};
  return fill_map(&f, node, params, what, false, config);
}
