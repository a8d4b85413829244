/* SPDX-License-Identifier: MIT
 *
 * Options, all commands' together; each command refuses those that mean nothing to it by ignoring none silently: an option that is spelled wrong is
 * an error. What is no option of ours may be a metric's parameter and is kept for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef enum Kind { TEXT, LIST, COUNTED, FLAG } Kind;

typedef struct Option {
  const char *name;
  Kind kind;
  size_t offset, count_offset; /* of the value; of a list's count */
  int64_t least, most;
} Option;

static const Option options[] = {
    {"--set", LIST, offsetof(Options, set), offsetof(Options, sets), 0, 0},
    {"--plugin-dir", LIST, offsetof(Options, plugin_folder), offsetof(Options, plugin_folders), 0, 0},
    {"--plugin", LIST, offsetof(Options, plugin_file), offsetof(Options, plugin_files), 0, 0},
    {"--threads", COUNTED, offsetof(Options, threads), 0, 1, 4096},
    {"--block", COUNTED, offsetof(Options, block), 0, 1, 1 << 20},
    {"--draws", COUNTED, offsetof(Options, draws), 0, 1, 4294967295},
    {"--runs", TEXT, offsetof(Options, runs), 0, 0, 0},
    {"--name", TEXT, offsetof(Options, name), 0, 0, 0},
    {"--observations", TEXT, offsetof(Options, observations), 0, 0, 0},
    {"--out", TEXT, offsetof(Options, out), 0, 0, 0},
    {"--theta", TEXT, offsetof(Options, theta), 0, 0, 0},
    {"--method", TEXT, offsetof(Options, method), 0, 0, 0},
    {"--log", TEXT, 0, 0, 0, 0},
    {"--quiet", FLAG, offsetof(Options, quiet), 0, 0, 0},
    {"--json", FLAG, offsetof(Options, json), 0, 0, 0},
    {"--trust-plugins", FLAG, offsetof(Options, trust), 0, 0, 0},
    {"--allow-commands", FLAG, offsetof(Options, commands), 0, 0, 0},
    {"--log-density", FLAG, offsetof(Options, log_density), 0, 0, 0},
};

EbbStatus options_unknown(const char *word, const char *const *keys, size_t n) {
  enum { MOST = 64 };
  const char *names[COUNT(options) + MOST];
  char dashed[MOST][64];
  size_t names_n = 0;
  while (names_n < COUNT(options)) names[names_n] = options[names_n].name, names_n++;
  for (size_t i = 0; i < n && i < MOST; i++) {
    snprintf(dashed[i], sizeof dashed[i], "--%s", keys[i]);
    names[names_n++] = dashed[i];
  }
  const char *near = nearest(word, names, names_n);
  return near != NULL ? fail(EBB_E_CONFIG, "unknown option %s; did you mean %s?", word, near)
                      : fail(EBB_E_CONFIG, "unknown option %s; `ebb help` lists them%s", word, n > 0 ? ", `ebb describe` a metric's parameters" : "");
}

/* Adds to a list of words. */
static void append(Arena *arena, const char ***list, size_t *n, const char *value) {
  const char **grown = ARENA_ARRAY(arena, const char *, *n + 1);
  if (*n > 0) memcpy(grown, *list, *n * sizeof *grown);
  grown[(*n)++] = value;
  *list = grown;
}

static EbbStatus take(Arena *arena, const Option *o, const char *value, Options *out) {
  char *at = (char *)out + o->offset;
  if (o->kind == TEXT && strcmp(o->name, "--log") == 0) {
    if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0) return fail(EBB_E_CONFIG, "--log is text or json (got %s)", value);
    out->log_json = strcmp(value, "json") == 0;
  } else if (o->kind == TEXT) {
    *(const char **)(void *)at = value;
  } else if (o->kind == LIST) {
    append(arena, (const char ***)(void *)at, (size_t *)(void *)((char *)out + o->count_offset), value);
  } else {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || *end != '\0' || end == value || number < o->least || number > o->most)
      return fail(EBB_E_CONFIG, "%s must be a whole number from %lld to %lld (got %s)", o->name, (long long)o->least, (long long)o->most, value);
    *(int64_t *)(void *)at = number;
  }
  return EBB_OK;
}

EbbStatus options_parse(Arena *arena, int argc, char **argv, Options *out) {
  *out = (Options){.runs = "runs"};
  bool only_arguments = false;
  for (int i = 1; i < argc; i++) {
    char *word = argv[i];
    if (only_arguments || word[0] != '-' || word[1] == '\0') {
      if (out->command == NULL)
        out->command = word;
      else if (out->arguments < (int)COUNT(out->argument))
        out->argument[out->arguments++] = word;
      else
        return fail(EBB_E_CONFIG, "too many arguments, from %s on", word);
      continue;
    }
    if (strcmp(word, "--") == 0) {
      only_arguments = true;
      continue;
    }
    if (out->command == NULL && (strcmp(word, "--version") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
      out->command = strcmp(word, "--version") == 0 ? "version" : "help";
      continue;
    }
    const Option *found = NULL;
    const char *value = NULL;
    for (size_t k = 0; k < COUNT(options) && found == NULL; k++) { /* --name value and --name=value */
      size_t n = strlen(options[k].name);
      if (strncmp(word, options[k].name, n) != 0 || (word[n] != '\0' && word[n] != '=')) continue;
      found = &options[k];
      value = word[n] == '=' ? word + n + 1 : NULL;
    }
    if (found == NULL) { /* --key value and --key=value may be a metric's parameter: the command knows */
      const char *equals = strchr(word, '=');
      if (word[1] != '-') return options_unknown(word, NULL, 0);
      append(arena, &out->own, &out->owns, equals != NULL ? arena_print(arena, "%.*s", (int)(equals - word), word) : word);
      append(arena, &out->own, &out->owns, equals != NULL ? equals + 1 : i + 1 < argc ? argv[++i] : NULL);
      continue;
    }
    if (found->kind == FLAG) {
      if (value != NULL) return fail(EBB_E_CONFIG, "%s takes no value", found->name);
      *(bool *)(void *)((char *)out + found->offset) = true;
      continue;
    }
    if (value == NULL && ++i < argc) value = argv[i];
    if (value == NULL) return fail(EBB_E_CONFIG, "%s needs a value", found->name);
    EbbStatus status = take(arena, found, value, out);
    if (status != EBB_OK) return status;
  }
  return out->command == NULL && out->owns > 0 ? options_unknown(out->own[0], NULL, 0) : EBB_OK;
}
