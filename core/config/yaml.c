/* SPDX-License-Identifier: MIT
 *
 * YAML text becomes a tree of nodes with places. libyaml scans (its parser is iterative and hands out events); what a document may contain is decided
 * here: one document, no tags, keys that are words, each once in its map, at most 64 levels and 100,000 nodes once aliases are written out. No
 * recursion but in the copy of an aliased part, which the 64 levels bound. */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "config/internal.h"

enum { BUCKETS = 1024 };

typedef struct Anchor Anchor;
struct Anchor {
  Anchor *next; /* of the bucket, newest first: a name may be given anew */
  const char *name;
  const Node *node;
  bool open; /* its list or map has not ended */
  int64_t size;
  int height;
};

/* A list or map that has not ended. */
typedef struct Frame {
  Node *node, *last;
  Anchor *anchor;
  const char *key; /* that waits for its value */
  yaml_mark_t key_mark;
  int64_t nodes_before;
  int height; /* levels in it so far */
} Frame;

typedef struct Reader {
  Arena *arena;
  const char *name, *text;
  size_t n;
  int column;
  int64_t *nodes;
  Node *root;
  int depth;
  Frame frame[MOST_DEPTH];
  Anchor *bucket[BUCKETS];
  yaml_parser_t parser;
} Reader;

static int line_of(yaml_mark_t mark) { return (int)mark.line + 1; }
static int column_of(const Reader *r, yaml_mark_t mark) { return (int)mark.column + 1 + (mark.line == 0 ? r->column : 0); }

__attribute__((format(printf, 3, 4))) static EbbStatus refuse(const Reader *r, yaml_mark_t mark, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  EbbStatus status = fail_v(EBB_E_CONFIG, format, arguments);
  va_end(arguments);
  return fail_prefix(status, "%s:%d:%d: ", r->name, line_of(mark), column_of(r, mark));
}

/* Line and column, from 0, of a byte; \r\n is one break. */
static yaml_mark_t mark_of_byte(const char *text, size_t at) {
  yaml_mark_t mark = {.index = at};
  for (size_t i = 0; i < at; i++) {
    if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == at || text[i + 1] != '\n')))
      mark.line++, mark.column = 0;
    else if (((unsigned char)text[i] & 0xC0) != 0x80)
      mark.column++;
  }
  return mark;
}

/* The byte where libyaml's mark is, which counts characters; n at the end. */
static size_t byte_of_mark(const Reader *r, yaml_mark_t mark) {
  size_t character = 0;
  for (size_t i = 0; i < r->n; i++)
    if (((unsigned char)r->text[i] & 0xC0) != 0x80 && character++ == mark.index) return i;
  return r->n;
}

static EbbStatus refuse_syntax(const Reader *r) {
  const yaml_parser_t *p = &r->parser;
  const char *problem = p->problem != NULL ? p->problem : "unreadable";
  if (p->error == YAML_MEMORY_ERROR) return fail(EBB_E_MEMORY, "%s: out of memory while reading", r->name);
  if (p->error == YAML_READER_ERROR) {
    size_t at = p->problem_offset < r->n ? p->problem_offset : r->n;
    return refuse(r, mark_of_byte(r->text, at), "not YAML: %s (found 0x%02X)", problem, (unsigned)p->problem_value);
  }
  size_t byte = byte_of_mark(r, p->problem_mark);
  yaml_mark_t mark = byte < r->n ? p->problem_mark : mark_of_byte(r->text, byte); /* at the end libyaml is a line ahead */
  if (byte < r->n && r->text[byte] == '\t') return refuse(r, mark, "not YAML: %s (a tab; indent with spaces)", problem);
  bool elsewhere = p->context != NULL && (p->context_mark.line != p->problem_mark.line || p->context_mark.column != p->problem_mark.column);
  if (!elsewhere) return refuse(r, mark, "not YAML: %s", problem);
  return refuse(r, mark, "not YAML: %s %s that starts at %d:%d", problem, p->context, line_of(p->context_mark), column_of(r, p->context_mark));
}

static Anchor **bucket_of(Reader *r, const char *name) {
  uint32_t hash = 2166136261u;
  for (; *name != 0; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
  return &r->bucket[hash % BUCKETS];
}

static Anchor *anchor_add(Reader *r, const yaml_char_t *name, const Node *node, int height) {
  if (name == NULL) return NULL;
  Anchor *anchor = ARENA_NEW(r->arena, Anchor), **bucket = bucket_of(r, (const char *)name);
  *anchor =
      (Anchor){.next = *bucket, .name = arena_copy(r->arena, (const char *)name), .node = node, .open = height > 0, .size = 1, .height = height};
  *bucket = anchor;
  return anchor;
}

/* Puts a node where the text is: under its key, at the end of its list, or at the root. */
static void attach(Reader *r, Node *node) {
  if (r->depth == 0) {
    r->root = node;
    return;
  }
  Frame *f = &r->frame[r->depth - 1];
  node->parent = f->node;
  *(f->last != NULL ? &f->last->next : &f->node->first) = node;
  f->last = node;
  if (f->node->type != NODE_MAP) return;
  node->key = f->key;
  node->key_line = line_of(f->key_mark);
  node->key_column = column_of(r, f->key_mark);
  f->key = NULL;
}

static EbbStatus count(Reader *r, yaml_mark_t mark, int64_t more) {
  if (more > MOST_NODES - *r->nodes) return refuse(r, mark, "more than %d values; a spec is never this large", MOST_NODES);
  *r->nodes += more;
  return EBB_OK;
}

static Node *node_at(Reader *r, NodeType type, yaml_mark_t mark) {
  Node *node = ARENA_NEW(r->arena, Node);
  *node = (Node){.type = type, .file = r->name, .line = line_of(mark), .column = column_of(r, mark)};
  return node;
}

static bool wants_key(const Reader *r) {
  const Frame *f = r->depth > 0 ? &r->frame[r->depth - 1] : NULL;
  return f != NULL && f->node->type == NODE_MAP && f->key == NULL;
}

static EbbStatus take_scalar(Reader *r, const yaml_event_t *e) {
  yaml_mark_t mark = e->start_mark;
  const char *text = (const char *)e->data.scalar.value;
  bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (strlen(text) != e->data.scalar.length) return refuse(r, mark, "a NUL character (\\0) in a text; leave it out");
  bool key = wants_key(r);
  if (key && plain && strcmp(text, "<<") == 0)
    return refuse(r, mark, "merge keys (<<) are not taken; write the keys out, or name a base file with extends");
  text = arena_copy(r->arena, text);
  if (key) {
    r->frame[r->depth - 1].key = text;
    r->frame[r->depth - 1].key_mark = mark;
    if (e->data.scalar.anchor == NULL) return EBB_OK;
  }
  Node *node = node_at(r, NODE_SCALAR, mark);
  node->text = text;
  node->quoted = !plain;
  anchor_add(r, e->data.scalar.anchor, node, 0);
  if (key) return EBB_OK;
  attach(r, node);
  return count(r, mark, 1);
}

static EbbStatus take_start(Reader *r, const yaml_event_t *e, NodeType type, const yaml_char_t *anchor) {
  const char *noun = type == NODE_LIST ? "list" : "map";
  if (wants_key(r)) return refuse(r, e->start_mark, "a key must be a word, found a %s", noun);
  if (r->depth == MOST_DEPTH) return refuse(r, e->start_mark, "this %s is nested deeper than %d levels; a spec is never this deep", noun, MOST_DEPTH);
  EbbStatus status = count(r, e->start_mark, 1);
  if (status != EBB_OK) return status;
  Node *node = node_at(r, type, e->start_mark);
  attach(r, node);
  r->frame[r->depth++] = (Frame){.node = node, .nodes_before = *r->nodes - 1, .height = 1, .anchor = anchor_add(r, anchor, node, 1)};
  return EBB_OK;
}

static int by_key(const void *a, const void *b) {
  const Node *x = *(Node *const *)a, *y = *(Node *const *)b;
  int order = strcmp(x->key, y->key);
  if (order != 0) return order;
  return x->key_line != y->key_line ? (x->key_line < y->key_line ? -1 : 1) : (x->key_column > y->key_column) - (x->key_column < y->key_column);
}

Node **node_sorted(Arena *arena, const Node *map, size_t *n) {
  *n = 0;
  for (const Node *m = map->first; m != NULL; m = m->next) *n += 1;
  if (*n == 0) return NULL;
  Node **sorted = ARENA_ARRAY(arena, Node *, *n);
  size_t i = 0;
  for (Node *m = map->first; m != NULL; m = m->next) sorted[i++] = m;
  qsort(sorted, *n, sizeof *sorted, by_key);
  return sorted;
}

/* The first key, in the order of the text, that its map had already. */
static EbbStatus refuse_duplicates(Reader *r, const Node *map) {
  size_t n;
  ArenaMark mark = arena_mark(r->arena);
  Node **sorted = node_sorted(r->arena, map, &n);
  const Node *again = NULL, *first = NULL;
  for (size_t i = 1; i < n; i++) {
    const Node *s = sorted[i];
    if (strcmp(s->key, sorted[i - 1]->key) != 0) continue;
    if (again != NULL && (again->key_line < s->key_line || (again->key_line == s->key_line && again->key_column < s->key_column))) continue;
    again = s, first = sorted[i - 1];
  }
  arena_reset(r->arena, mark);
  if (again == NULL) return EBB_OK;
  EbbStatus status = fail(EBB_E_CONFIG, "the key \"%s\" is given twice, first at %s:%d:%d; keep one", text_shown(again->key).text, r->name,
                          first->key_line, first->key_column);
  return fail_prefix(status, "%s:%d:%d: ", r->name, again->key_line, again->key_column);
}

static EbbStatus take_end(Reader *r) {
  Frame *f = &r->frame[--r->depth];
  if (f->anchor != NULL) {
    f->anchor->open = false;
    f->anchor->size = *r->nodes - f->nodes_before;
    f->anchor->height = f->height;
  }
  if (r->depth > 0 && r->frame[r->depth - 1].height < f->height + 1) r->frame[r->depth - 1].height = f->height + 1;
  return f->node->type == NODE_MAP ? refuse_duplicates(r, f->node) : EBB_OK;
}

static Node *copy(Arena *arena, const Node *from, Node *parent) {
  Node *to = ARENA_NEW(arena, Node), **end = &to->first;
  *to = *from;
  to->parent = parent;
  to->first = to->next = NULL;
  for (const Node *child = from->first; child != NULL; child = child->next) {
    *end = copy(arena, child, to);
    end = &(*end)->next;
  }
  return to;
}

static EbbStatus take_alias(Reader *r, const yaml_event_t *e) {
  const char *name = (const char *)e->data.alias.anchor;
  const Anchor *a = *bucket_of(r, name);
  while (a != NULL && strcmp(a->name, name) != 0) a = a->next;
  Shown shown = text_shown(name);
  if (wants_key(r)) return refuse(r, e->start_mark, "a key must be a word, found the alias *%s", shown.text);
  if (a == NULL) return refuse(r, e->start_mark, "unknown alias *%s; the anchor &%s must stand before it", shown.text, shown.text);
  if (a->open) return refuse(r, e->start_mark, "the alias *%s stands inside what it names", shown.text);
  if (a->size > MOST_NODES - *r->nodes)
    return refuse(r, e->start_mark, "the alias *%s makes this more than %d values once aliases are written out", shown.text, MOST_NODES);
  if (r->depth + a->height > MOST_DEPTH) return refuse(r, e->start_mark, "the alias *%s is nested deeper than %d levels", shown.text, MOST_DEPTH);
  *r->nodes += a->size;
  if (r->depth > 0 && r->frame[r->depth - 1].height < a->height + 1) r->frame[r->depth - 1].height = a->height + 1;
  Node *node = copy(r->arena, a->node, NULL);
  node->key = NULL;
  attach(r, node);
  return EBB_OK;
}

static EbbStatus take(Reader *r, const yaml_event_t *e) {
  const yaml_char_t *tag = e->type == YAML_SCALAR_EVENT           ? e->data.scalar.tag
                           : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.tag
                           : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.tag
                                                                  : NULL;
  if (tag != NULL)
    return refuse(r, e->start_mark, "tags (%s) are not taken; what a value is follows from its key", text_shown((const char *)tag).text);
  switch (e->type) {
  case YAML_DOCUMENT_START_EVENT: return r->root == NULL ? EBB_OK : refuse(r, e->start_mark, "a second document starts here; a spec is one document");
  case YAML_SCALAR_EVENT: return take_scalar(r, e);
  case YAML_ALIAS_EVENT: return take_alias(r, e);
  case YAML_SEQUENCE_START_EVENT: return take_start(r, e, NODE_LIST, e->data.sequence_start.anchor);
  case YAML_MAPPING_START_EVENT: return take_start(r, e, NODE_MAP, e->data.mapping_start.anchor);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: return take_end(r);
  default: return EBB_OK;
  }
}

static EbbStatus refuse_bytes(const Reader *r, size_t at) {
  unsigned byte = (unsigned char)r->text[at];
  yaml_mark_t mark = mark_of_byte(r->text, at);
  if (byte == 0) return refuse(r, mark, "a NUL byte at offset %zu; a spec is UTF-8 text", at);
  const char *hint = at == 0 && (byte == 0xFF || byte == 0xFE) ? " (it looks like UTF-16; save it as UTF-8)" : "";
  return refuse(r, mark, "not UTF-8: byte 0x%02X at offset %zu%s", byte, at, hint);
}

static EbbStatus read_events(Reader *r) {
  yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->n);
  for (bool more = true; more;) {
    yaml_event_t event;
    if (!yaml_parser_parse(&r->parser, &event)) return refuse_syntax(r);
    more = event.type != YAML_STREAM_END_EVENT;
    EbbStatus status = take(r, &event);
    yaml_event_delete(&event);
    if (status != EBB_OK) return status;
  }
  bool empty = r->root == NULL || (r->root->type == NODE_SCALAR && !r->root->quoted && r->root->text[0] == 0);
  if (empty) return fail(EBB_E_CONFIG, "%s: the file is empty; a spec needs at least one key with a value, as in \"seed: 1\"", r->name);
  return EBB_OK;
}

EbbStatus tree_parse(Arena *arena, const char *name, int column, const char *text, size_t n, int64_t *nodes, Node **out) {
  Reader *r = ARENA_NEW(arena, Reader);
  r->arena = arena;
  r->name = arena_copy(arena, name);
  r->text = text, r->n = n, r->column = column, r->nodes = nodes;
  size_t at;
  if (!utf8_valid(text, n, &at)) return refuse_bytes(r, at);
  if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) r->text += 3, r->n -= 3;
  if (!yaml_parser_initialize(&r->parser)) return fail(EBB_E_MEMORY, "%s: out of memory while reading", name);
  EbbStatus status = read_events(r);
  yaml_parser_delete(&r->parser);
  if (status == EBB_OK) *out = r->root;
  return status;
}

EbbStatus config_parse(Arena *arena, const char *name, const char *text, size_t n, Node **out) {
  int64_t nodes = 0;
  Node *root;
  EbbStatus status = tree_parse(arena, name, 0, text, n, &nodes, &root);
  if (status != EBB_OK) return status;
  const Node *extends = config_get(root, "extends");
  if (extends != NULL) return config_fail_key(extends, "extends works in a file only; this text has no folder");
  *out = root;
  return EBB_OK;
}
