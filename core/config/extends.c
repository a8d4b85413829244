/* SPDX-License-Identifier: MIT
 *
 * Reading a spec's file with the files that it extends. A shared spec must not reach other people's files: a base lies in the folder of the file that
 * names it or below, after links are followed. */
#include <string.h>

#include "base/file.h"
#include "config/internal.h"

enum { MOST_BASES = 16 };

/* The files that led here, nearest first. */
typedef struct Chain Chain;
struct Chain {
  const char *absolute;
  const Chain *above;
  int length;
};

static const char *use_of(const Node *node) {
  if (node->type == NODE_SCALAR) return config_is_null(node) ? NULL : node->text;
  const Node *use = config_get(node, "use");
  return use != NULL && use->type == NODE_SCALAR ? use->text : NULL;
}

/* Adds to own what it does not say itself. An id alone stands for {use: id}. */
static void merge(Arena *arena, Node *own, Node *base) {
  const char *mine = use_of(own), *theirs = use_of(base);
  if (own->type == NODE_SCALAR && base->type == NODE_MAP && mine != NULL && theirs != NULL && strcmp(mine, theirs) == 0) node_expand(arena, own);
  if (own->type != NODE_MAP) return;
  if (base->type == NODE_SCALAR && theirs != NULL) node_expand(arena, base);
  if (base->type != NODE_MAP || (mine != NULL && theirs != NULL && strcmp(mine, theirs) != 0)) return;
  size_t n;
  Node **sorted = node_sorted(arena, own, &n), **end = &own->first;
  while (*end != NULL) end = &(*end)->next;
  for (Node *b = base->first, *next; b != NULL; b = next) {
    next = b->next;
    Node *o = node_find(sorted, n, b->key);
    if (o != NULL) {
      merge(arena, o, b);
      continue;
    }
    b->parent = own;
    b->next = NULL;
    *end = b;
    end = &b->next;
  }
}

static bool climbs_out(const char *path) {
  int depth = 0;
  for (const char *p = path; *p != 0;) {
    size_t n = strcspn(p, "/");
    if (n == 2 && memcmp(p, "..", 2) == 0)
      depth--;
    else if (n > 0 && !(n == 1 && *p == '.'))
      depth++;
    if (depth < 0) return true;
    p += n + (p[n] == '/');
  }
  return false;
}

/* The path of the base that a file names, as shown and resolved. */
static EbbStatus locate(Arena *arena, const char *path, const Node *extends, const char **shown, const char **absolute) {
  if (extends->type != NODE_SCALAR || extends->text[0] == 0 || config_is_null(extends))
    return config_fail(extends, "extends must be the path of a file, as in \"extends: base.yaml\" (got %s)", node_shown(extends).text);
  Shown name = text_shown(extends->text);
  if (extends->text[0] == '/')
    return config_fail(extends, "extends must be a path relative to this file's folder (got the absolute \"%s\")", name.text);
  if (climbs_out(extends->text)) return config_fail(extends, "extends must not leave this file's folder (got \"%s\")", name.text);
  char *folder = path_folder(arena, path);
  const char *resolved_folder = path_absolute(arena, folder);
  *shown = strcmp(folder, ".") == 0 ? extends->text : path_join(arena, folder, extends->text);
  *absolute = path_absolute(arena, *shown);
  if (*absolute == NULL || resolved_folder == NULL) return config_fail(extends, "extends: there is no file \"%s\" in this file's folder", name.text);
  size_t n = strcmp(resolved_folder, "/") == 0 ? 0 : strlen(resolved_folder);
  if (strncmp(*absolute, resolved_folder, n) != 0 || (*absolute)[n] != '/')
    return config_fail(extends, "extends must not leave this file's folder (\"%s\" is a link to %s)", name.text, *absolute);
  return EBB_OK;
}

static EbbStatus read_chain(Arena *arena, const char *path, const Chain *chain, int64_t *nodes, Node **out) {
  char *text;
  size_t size;
  EbbStatus status = file_read(arena, path, MOST_BYTES, &text, &size);
  if (status == EBB_OK) status = tree_parse(arena, path, 0, text, size, nodes, out);
  if (status != EBB_OK) return status;
  Node *root = *out;
  if (root->type != NODE_MAP) return config_fail(root, "a spec is a map of keys, as in \"seed: 1\" (got %s)", node_shown(root).text);
  Node **place = &root->first;
  while (*place != NULL && strcmp((*place)->key, "extends") != 0) place = &(*place)->next;
  Node *extends = *place, *base;
  if (extends == NULL) return EBB_OK;
  *place = extends->next;
  const char *shown = NULL, *absolute = NULL;
  status = locate(arena, path, extends, &shown, &absolute);
  if (status != EBB_OK) return status;
  for (const Chain *c = chain; c != NULL; c = c->above)
    if (strcmp(c->absolute, absolute) == 0)
      return config_fail(extends, "extends leads back to \"%s\", which is being read already", text_shown(extends->text).text);
  if (chain->length == MOST_BASES) return config_fail(extends, "more than %d files that extend each other", MOST_BASES);
  Chain link = {.absolute = absolute, .above = chain, .length = chain->length + 1};
  status = read_chain(arena, shown, &link, nodes, &base);
  if (status == EBB_OK) merge(arena, root, base);
  return status;
}

EbbStatus config_read(Arena *arena, const char *path, Node **out) {
  int64_t nodes = 0;
  const char *absolute = path_absolute(arena, path);
  Chain first = {.absolute = absolute != NULL ? absolute : path};
  Node *root;
  EbbStatus status = read_chain(arena, path, &first, &nodes, &root);
  if (status == EBB_OK) *out = root;
  return status;
}
