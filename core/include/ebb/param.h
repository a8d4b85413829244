/* SPDX-License-Identifier: MIT
 *
 * Parameters that describe themselves. A component declares a plain struct for its settings and a table with one row a member:
 *
 *     typedef struct Config { int64_t steps; double eta; } Config;
 *     static const EbbParam params[] = {
 *         EBB_INT(Config, steps, 50, 1, 100000, "", "field evaluations a draw"),
 *         EBB_REAL(Config, eta, 0.0, 0.0, 1.0, "", "share of fresh noise: 0 none, 1 ancestral"),
 *         EBB_END,
 *     };
 *
 * The host reads the user's YAML, checks type, range and spelling, reports file:line:column, and fills the struct before `create` sees it; a plugin
 * never parses. `ebb describe`, resolved specs and sweeps come from the same table. Strings, lists and children belong to the host and live as long
 * as the component. */
#ifndef EBB_PARAM_H
#define EBB_PARAM_H

#include <stdbool.h>

#include <ebb/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of component. A number here is part of the ABI: append only. */
enum {
  EBB_SIMULATOR = 1,
  EBB_NETWORK = 2,
  EBB_SCHEDULE = 3,
  EBB_OBJECTIVE = 4,
  EBB_SAMPLER = 5,
  EBB_GUIDANCE = 6,
  EBB_COMPOSITION = 7,
  EBB_METRIC = 8,
  EBB_SINK = 9,
  EBB_PRIOR = 10, /* a parameter with its prior, in a list of a spec: built in, no plugin provides one */
};

/* Type of the member at `offset`. */
enum {
  EBB_T_END = 0,
  EBB_T_BOOL = 1,        /* bool; the spec says true or false */
  EBB_T_INT = 2,         /* int64_t; 1e3 is 1000 */
  EBB_T_REAL = 3,        /* double; not finite only where the range allows it */
  EBB_T_CHOICE = 4,      /* int64_t: place of the word in `text`, words parted by '|', counted from 0; `number` is the default's place */
  EBB_T_STRING = 5,      /* const char *, NULL where absent; default in `text` (NULL: none) */
  EBB_T_INTS = 6,        /* EbbInts; default in `text`, as in the spec: "[256, 256]" */
  EBB_T_REALS = 7,       /* EbbReals; the same */
  EBB_T_COMPONENT = 8,   /* EbbChild of `kind`; default id in `text` (NULL: absent) */
  EBB_T_SEED = 9,        /* uint64_t */
  EBB_T_GROUP = 10,      /* a struct with a table of its own, in `group`; member of the parent by value. Core's own spec uses it */
  EBB_T_COMPONENTS = 11, /* EbbChildren of `kind`: a list of components */
  EBB_T_STRINGS = 12,    /* EbbStrings; default in `text`, as in the spec: "[a, b]" */
};

/* Flags of a row. */
enum {
  EBB_P_REQUIRED = 1, /* no default: the user must say it */
  EBB_P_OPEN_MIN = 2, /* value must lie above min, not at it */
  EBB_P_OPEN_MAX = 4,
  EBB_P_FREE = 8, /* changes no result and no key (threads, log options) */
};

typedef struct EbbInts {
  int64_t count;
  const int64_t *value; /* [count] */
} EbbInts;

typedef struct EbbReals {
  int64_t count;
  const double *value; /* [count] */
} EbbReals;

typedef struct EbbStrings {
  int64_t count;
  const char *const *value; /* [count] */
} EbbStrings;

struct EbbComponent;

/* A component given as a parameter (a corrector's predictor, a network's summary). The host creates it before its parent: when `create` runs, `self`
 * is ready and `ops` is the ops table of its kind. component is NULL where the user gave none. */
typedef struct EbbChild {
  uint32_t kind;   /* EBB_SAMPLER, ... */
  uint32_t stream; /* its own stream of random numbers, see rng.h */
  const struct EbbComponent *component;
  const void *ops;
  void *self;
} EbbChild;

typedef struct EbbChildren {
  int64_t count;
  EbbChild *child; /* [count] */
} EbbChildren;

typedef struct EbbParam {
  const char *key;              /* as the user writes it: [a-z][a-z0-9_]* */
  uint32_t type;                /* EBB_T_... */
  uint32_t flags;               /* EBB_P_... */
  size_t offset;                /* of the member in the config struct */
  double number;                /* default of bool, int, real, choice, seed */
  double min, max;              /* range of int, real, and of the entries of a list; inclusive unless flagged */
  const char *text;             /* default of string, list, component; words of a choice */
  const char *unit;             /* "" for none */
  const char *doc;              /* one line, for the user */
  uint32_t kind;                /* of a component */
  const struct EbbParam *group; /* of a group */
} EbbParam;

#define EBB_ROW(S, member, type, flags, number, min, max, text, unit, doc, kind, group)                                                              \
  { #member, type, flags, offsetof(S, member), number, min, max, text, unit, doc, kind, group }
#define EBB_BOOL(S, member, yes, doc) EBB_ROW(S, member, EBB_T_BOOL, 0, (yes) ? 1 : 0, 0, 1, NULL, "", doc, 0, NULL)
#define EBB_INT(S, member, number, min, max, unit, doc) EBB_ROW(S, member, EBB_T_INT, 0, number, min, max, NULL, unit, doc, 0, NULL)
#define EBB_REAL(S, member, number, min, max, unit, doc) EBB_ROW(S, member, EBB_T_REAL, 0, number, min, max, NULL, unit, doc, 0, NULL)
#define EBB_CHOICE(S, member, place, words, doc) EBB_ROW(S, member, EBB_T_CHOICE, 0, place, 0, 0, words, "", doc, 0, NULL)
#define EBB_STRING(S, member, text, doc) EBB_ROW(S, member, EBB_T_STRING, 0, 0, 0, 0, text, "", doc, 0, NULL)
#define EBB_INTS(S, member, text, min, max, unit, doc) EBB_ROW(S, member, EBB_T_INTS, 0, 0, min, max, text, unit, doc, 0, NULL)
#define EBB_REALS(S, member, text, min, max, unit, doc) EBB_ROW(S, member, EBB_T_REALS, 0, 0, min, max, text, unit, doc, 0, NULL)
#define EBB_COMPONENT(S, member, kind, id, doc) EBB_ROW(S, member, EBB_T_COMPONENT, 0, 0, 0, 0, id, "", doc, kind, NULL)
#define EBB_END                                                                                                                                      \
  { NULL, EBB_T_END, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, NULL }

#ifdef __cplusplus
}
#endif
#endif
