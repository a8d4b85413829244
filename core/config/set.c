/* SPDX-License-Identifier: MIT
 *
 * `--set path=value`: one assignment to the tree of a spec. What is on the way and absent is made; the value is YAML. */
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

/* An assignment being followed along its path. */
typedef struct Walk {
  Arena *arena;
  const char *text; /* the whole assignment */
  const char *end;  /* of its path */
  const char *at;
  int steps;
} Walk;

static EbbStatus refuse_path(const Walk *w) {
  return fail(EBB_E_CONFIG, "--set wants path=value, as in training.epochs=100 or evaluation[0].use=c2st (got \"%s\")", text_shown(w->text).text);
}

static Node *member(const Walk *w, Node *map, const char *key) {
  Node *found = config_get(map, key), **end = &map->first;
  if (found != NULL) return found;
  while (*end != NULL) end = &(*end)->next;
  int column = (int)(w->at - w->text) + 1;
  *end = ARENA_NEW(w->arena, Node);
  **end = (Node){
      .type = NODE_SCALAR, .text = "", .key = key, .file = "--set", .parent = map, .line = 1, .column = column, .key_line = 1, .key_column = column};
  return *end;
}

/* Into the member of a map; an id alone becomes {use: id} first, nothing becomes a map. */
static EbbStatus step_key(Walk *w, Node **node) {
  size_t n = 0;
  while (w->at + n < w->end && strchr(".[]", w->at[n]) == NULL) n++;
  if (n == 0) return refuse_path(w);
  char *key = ARENA_ARRAY(w->arena, char, n + 1);
  memcpy(key, w->at, n);
  Node *at = *node;
  if (at->type == NODE_LIST) {
    Str path = {0};
    node_path(&path, at);
    EbbStatus status = fail(EBB_E_CONFIG, "--set %s: %s is a list; pick an entry first, as in %s[0].%s", text_shown(w->text).text, path.text,
                            path.text, text_shown(key).text);
    str_free(&path);
    return status;
  }
  if (config_is_null(at)) {
    at->type = NODE_MAP;
    at->text = NULL;
  }
  if (at->type == NODE_SCALAR) node_expand(w->arena, at);
  *node = member(w, at, key);
  w->at += n;
  return EBB_OK;
}

static EbbStatus step_index(Walk *w, Node **node) {
  char *after;
  if (w->at[1] < '0' || w->at[1] > '9') return refuse_path(w);
  long index = strtol(w->at + 1, &after, 10); /* too large: LONG_MAX, which no list has */
  if (after >= w->end || *after != ']') return refuse_path(w);
  Shown text = text_shown(w->text);
  const char *key = (*node)->key != NULL ? (*node)->key : "this";
  if ((*node)->type != NODE_LIST) return fail(EBB_E_CONFIG, "--set %s: %s is no list", text.text, text_shown(key).text);
  long n = 0;
  Node *found = NULL;
  for (Node *m = (*node)->first; m != NULL; m = m->next)
    if (n++ == index) found = m;
  if (found == NULL)
    return fail(EBB_E_CONFIG, "--set %s: %s has %ld entries, counted from 0; there is no entry %ld", text.text, text_shown(key).text, n, index);
  *node = found;
  w->at = after + 1;
  return EBB_OK;
}

static EbbStatus walk(Walk *w, Node **node) {
  for (bool first = true; first || w->at < w->end; first = false) {
    EbbStatus status;
    if (++w->steps >= MOST_DEPTH) return fail(EBB_E_CONFIG, "--set: a path of more than %d steps; a spec is never this deep", MOST_DEPTH);
    if (!first && *w->at == '[') {
      status = step_index(w, node);
    } else {
      if (!first && *w->at++ != '.') return refuse_path(w);
      status = step_key(w, node);
    }
    if (status != EBB_OK) return status;
  }
  return EBB_OK;
}

/* "sampler: steps, eta dropped": the keys of old, but `use`, that `kept` has not. */
static void report(Str *dropped, const Node *old, const Node *kept) {
  bool any = false;
  for (const Node *m = old->type == NODE_MAP ? old->first : NULL; m != NULL; m = m->next) {
    if (strcmp(m->key, "use") == 0 || config_get(kept, m->key) != NULL) continue;
    if (!any) {
      if (dropped->length > 0) str_add(dropped, "; ");
      if (old->key != NULL)
        str_add(dropped, text_shown(old->key).text);
      else
        node_path(dropped, old);
      str_add(dropped, ":");
    }
    str_print(dropped, "%s %s", any ? "," : "", text_shown(m->key).text);
    any = true;
  }
  if (any) str_add(dropped, " dropped");
}

static bool same_text(const Node *a, const Node *b) {
  return a != NULL && b != NULL && a->type == NODE_SCALAR && b->type == NODE_SCALAR && strcmp(a->text, b->text) == 0;
}

static void assign(Node *at, const Node *value, Str *dropped) {
  Node *owner = at->parent;
  if (at->key != NULL && strcmp(at->key, "use") == 0 && owner != NULL && !config_is_null(at) && !same_text(at, value)) {
    report(dropped, owner, NULL);
    owner->first = at;
    at->next = NULL;
  }
  if (value->type == NODE_SCALAR && same_text(config_get(at, "use"), value)) return; /* the same component by its id: its keys stay */
  report(dropped, at, value);
  node_assign(at, value);
}

EbbStatus config_set(Arena *arena, Node *root, const char *assignment, Str *dropped) {
  const char *equals = strchr(assignment, '=');
  Walk w = {.arena = arena, .text = assignment, .at = assignment, .end = equals};
  if (equals == NULL || equals == assignment) return refuse_path(&w);
  const char *text = equals + 1;
  if (text[strspn(text, " \t")] == 0)
    return fail(EBB_E_CONFIG, "--set %s has no value; write null for none, '' for an empty text", text_shown(assignment).text);
  if (strncmp(assignment, "extends=", 8) == 0) return fail(EBB_E_CONFIG, "--set: extends is read with the file; it cannot be set");
  int64_t nodes = 0;
  Node *value, *at = root;
  EbbStatus status = tree_parse(arena, "--set", (int)(text - assignment), text, strlen(text), &nodes, &value);
  if (status == EBB_OK) status = walk(&w, &at);
  if (status == EBB_OK) assign(at, value, dropped);
  return status;
}
