/* SPDX-License-Identifier: MIT
 *
 * A folder of a test's own, removed at its end. */
#ifndef EBB_TESTS_FOLDER_H
#define EBB_TESTS_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

typedef struct Folder {
  Arena *arena; /* the test's, for paths and the like */
  char *path;
} Folder;

static inline Folder folder_begin(void) {
  Folder f = {.arena = arena_new()};
  const char *base = getenv("TMPDIR");
  f.path = arena_print(f.arena, "%s/ebb_test_XXXXXX", base != NULL && base[0] == '/' ? base : P_tmpdir);
  if (mkdtemp(f.path) == NULL) {
    perror(f.path);
    exit(99);
  }
  return f;
}

static inline void folder_end(Folder *f) {
  folder_remove(f->path);
  arena_free(f->arena);
}

/* Everything in it, temporary files included. */
static inline int folder_entries(const Folder *f) {
  int n = -2;
  DIR *d = opendir(f->path);
  while (readdir(d) != NULL) n++;
  closedir(d);
  return n;
}

#endif
