/* SPDX-License-Identifier: MIT
 *
 * Nodes: looking up members, naming places, and how a piece of the user's text is shown in a message. */
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

Node *config_get(const Node *map, const char *key) {
  if (map == NULL || map->type != NODE_MAP) return NULL;
  for (Node *m = map->first; m != NULL; m = m->next)
    if (strcmp(m->key, key) == 0) return m;
  return NULL;
}

Node *node_find(Node *const *sorted, size_t n, const char *key) {
  for (size_t low = 0, high = n; low < high;) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(key, sorted[middle]->key);
    if (order == 0) return sorted[middle];
    *(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
  }
  return NULL;
}

bool config_is_null(const Node *node) {
  if (node->type != NODE_SCALAR || node->quoted) return false;
  static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
  for (size_t i = 0; i < COUNT(nulls); i++)
    if (strcmp(node->text, nulls[i]) == 0) return true;
  return false;
}

void node_expand(Arena *arena, Node *node) {
  Node *use = ARENA_NEW(arena, Node);
  *use = *node;
  use->key = "use";
  use->key_line = node->line;
  use->key_column = node->column;
  use->parent = node;
  use->next = NULL;
  node->type = NODE_MAP;
  node->quoted = false;
  node->text = NULL;
  node->first = use;
}

void node_assign(Node *to, const Node *from) {
  to->type = from->type;
  to->quoted = from->quoted;
  to->text = from->text;
  to->file = from->file;
  to->line = from->line;
  to->column = from->column;
  to->first = from->first;
  for (Node *child = to->first; child != NULL; child = child->next) child->parent = to;
}

void node_path(Str *out, const Node *node) {
  if (node->parent == NULL) return;
  node_path(out, node->parent);
  if (node->parent->type == NODE_MAP) {
    if (out->length > 0) str_add(out, ".");
    str_add(out, text_shown(node->key).text);
    return;
  }
  int64_t i = 0;
  /* By place, since the schema asks for copies, too. */
  for (const Node *n = node->parent->first; n != NULL && (n->line != node->line || n->column != node->column); n = n->next) i++;
  str_print(out, "[%lld]", (long long)i);
}

Shown text_shown(const char *text) {
  Shown out = {{0}};
  size_t n = strlen(text), room = sizeof out.text - 1;
  bool cut = n > room;
  if (cut) {
    n = room - 3;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
  }
  for (size_t i = 0; i < n; i++) out.text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i];
  if (cut) memcpy(out.text + n, "...", 3);
  return out;
}

Shown node_shown(const Node *node) {
  const char *noun = node->type == NODE_LIST  ? "a list"
                     : node->type == NODE_MAP ? "a map"
                     : node->quoted           ? NULL
                     : node->text[0] == 0     ? "nothing"
                                              : NULL;
  if (noun != NULL) return text_shown(noun);
  Shown text = text_shown(node->text), out = {{0}};
  size_t n = strlen(text.text);
  if (n > sizeof out.text - 3) return text;
  out.text[0] = '"';
  memcpy(out.text + 1, text.text, n);
  out.text[n + 1] = '"';
  return out;
}

/* On the command line a place is the path that was set. */
static EbbStatus with_place(EbbStatus status, const Node *node, int line, int column) {
  if (strcmp(node->file, "--set") != 0) return fail_prefix(status, "%s:%d:%d: ", node->file, line, column);
  Str path = {0};
  node_path(&path, node);
  fail_prefix(status, "--set %s: ", path.text != NULL ? path.text : "");
  str_free(&path);
  return status;
}

EbbStatus config_place(EbbStatus status, const Node *node) { return node != NULL ? with_place(status, node, node->line, node->column) : status; }

EbbStatus config_fail(const Node *node, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  EbbStatus status = fail_v(EBB_E_CONFIG, format, arguments);
  va_end(arguments);
  return config_place(status, node);
}

EbbStatus config_fail_key(const Node *node, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  EbbStatus status = fail_v(EBB_E_CONFIG, format, arguments);
  va_end(arguments);
  return with_place(status, node, node->key_line, node->key_column);
}
