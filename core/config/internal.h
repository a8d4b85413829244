/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share: limits, nodes, and the grammar of scalars. */
#ifndef EBB_CONFIG_INTERNAL_H
#define EBB_CONFIG_INTERNAL_H

#include "config/config.h"

enum {
  MOST_DEPTH = 64,     /* lists and maps within each other; all recursion of this room is bounded by it */
  MOST_NODES = 100000, /* of a spec with the files it extends, aliases written out */
  MOST_BYTES = 16 << 20,
};

/* config_parse, for text that starts at `column` (from 0) of its first line. *nodes is counted up. Whatever the root is. */
EbbStatus tree_parse(Arena *, const char *name, int column, const char *text, size_t n, int64_t *nodes, Node **out);

/* The members of a map, sorted by key; *n of them. NULL when there are none. */
Node **node_sorted(Arena *, const Node *map, size_t *n);
Node *node_find(Node *const *sorted, size_t n, const char *key);
/* Turns the scalar id into the map {use: id}. */
void node_expand(Arena *, Node *);
/* Gives `to` the value of `from`; key and place among its siblings stay. */
void node_assign(Node *to, const Node *from);
/* "sampling.sampler.steps", "evaluation[0]". */
void node_path(Str *, const Node *);
/* "a list", "a map", "nothing" or the scalar's text in quotes, for messages. */
typedef struct Shown {
  char text[80];
} Shown;
Shown node_shown(const Node *);
/* Text that may come from anywhere, cut to a line's part without control characters. */
Shown text_shown(const char *);
/* Puts the node's place before the message that stands. */
EbbStatus config_place(EbbStatus, const Node *);
/* As config_fail, with the place of the node's key. */
EbbStatus config_fail_key(const Node *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers: digits with an optional point, sign and decimal exponent; nothing else that C or YAML would read (octal, hexadecimal, underscores). */
typedef enum Number { NUMBER_OK, NUMBER_NOT, NUMBER_FRACTION, NUMBER_LARGE, NUMBER_SMALL, NUMBER_NAN } Number;
Number number_real(const char *text, double *value); /* .inf too */
Number number_integer(const char *text, bool *negative, uint64_t *magnitude);
const char *number_unit(const char *text); /* "ms" of "10 ms"; NULL if text is no number with letters behind it */

/* A real as other YAML readers take it, too: 5.0e-4, .inf. */
void real_text(Str *, double value);
/* Word `place` of a choice; its length in *n. NULL past the last. */
const char *choice_word(const char *words, int64_t place, size_t *n);

#endif
