/* SPDX-License-Identifier: MIT
 *
 * Specs. Three steps: a YAML file becomes a tree of nodes that know file:line:column (yaml.c); the tree is checked against a table of EbbParam rows
 * and fills a struct (schema.c); a filled struct is printed back as YAML with every default written out (print.c). Scalars are typed by the table,
 * never by YAML's guessing. `extends:` and `--set` act on the tree. Nothing here knows what a spec contains: the top table is core/run/spec's,
 * components' tables are their own.
 *
 * Messages: `two_moons.yaml:14:9: unknown key "stpes" in sampler dpmpp_2m; did you mean "steps"?` */
#ifndef EBB_CONFIG_CONFIG_H
#define EBB_CONFIG_CONFIG_H

#include <ebb/module.h>

#include "base/base.h"

typedef enum NodeType { NODE_SCALAR, NODE_LIST, NODE_MAP } NodeType;

typedef struct Node Node;
struct Node {
  NodeType type;
  bool quoted;      /* a quoted scalar */
  const char *text; /* of a scalar, NUL-terminated UTF-8 */
  const char *key;  /* of a member of a map */
  const char *file; /* where it was written; "--set" for the command line */
  int line, column; /* counted from 1; of the value */
  int key_line, key_column;
  Node *parent, *first, *next; /* children in order */
};

/* Reads a spec with libyaml's events. Refused, with the place: not YAML, not UTF-8, empty, several documents, nested deeper than 64, more than
 * 100,000 nodes after aliases are expanded, an alias within itself, duplicate keys (both places), keys that are no scalars, tags, merge keys.
 * `extends: base.yaml` (a path relative to the file's folder that does not leave it; cycles refused) is read first, then the file's own keys win, map
 * by map; a `use` that differs from the base's drops the base's other keys of that component. */
EbbStatus config_read(Arena *, const char *path, Node **out);
EbbStatus config_parse(Arena *, const char *name, const char *text, size_t n, Node **out); /* the same from memory; extends refused */

/* `--set path=value`: path as model.schedule.use or evaluation[0].use (counted from 0); value is YAML. Changing a `use` drops the old component's
 * keys: their names are added to *dropped ("sampler: steps, eta dropped"), for a log line. A component may be set by its id alone:
 * sampling.sampler=heun. */
EbbStatus config_set(Arena *, Node *root, const char *assignment, Str *dropped);
Node *config_get(const Node *, const char *key);                                                    /* member of a map, or NULL */
bool config_is_null(const Node *);                                                                  /* a plain null, ~ or nothing */
EbbStatus config_fail(const Node *, const char *format, ...) __attribute__((format(printf, 2, 3))); /* EBB_E_CONFIG with the node's place before it */

/* How the schema finds components: by kind and id, loading what it must; on failure the message names what is near (set by fail). */
typedef struct ConfigPlugins {
  void *ctx;
  EbbStatus (*find)(void *ctx, uint32_t kind, const char *id, const EbbComponent **out);
} ConfigPlugins;

/* A word for a kind, "sampler"; and back (0 if none). */
const char *kind_name(uint32_t kind);
uint32_t kind_number(const char *name);

/* Checks node (a map, or NULL: all defaults) against params and fills config (zeroed by the caller). `what` names the owner in messages ("sampler
 * ddim", "training"). Components: {use: id, key: value, ...}, or the id alone; `null` where optional. The child's `component`, `ops` are set and
 * `self` is its filled config struct (arena), not yet created. Checked: unknown keys (nearest named), types, ranges, required keys, UTF-8 lengths.
 * Reals accept 5e-4, 1E3, .5, 5., +1.0, and .inf where the range allows; integers accept 1e3 and 1_000 is refused; a number with a unit ("10ms") is
 * refused, saying which unit the key has; booleans true and false only. `.nan` is refused. */
EbbStatus config_fill(Arena *, const Node *, const EbbParam *params, const char *what, const ConfigPlugins *, void *config);

/* YAML of a filled config, two-space indentation, every key; reals so that they read back to the same double; strings quoted where YAML would misread
 * them. */
void config_print(Str *, const EbbParam *params, const void *config, int indent);
void config_print_child(Str *, const EbbChild *, int indent); /* "use: ddim" and its keys */

/* The text of one default or range for `ebb describe`: "12", "[256, 256]", "in (0, 1]", "one of a, b, c". */
void config_default_text(Str *, const EbbParam *);
void config_range_text(Str *, const EbbParam *);

#endif
