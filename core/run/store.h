/* SPDX-License-Identifier: MIT
 *
 * The store: <runs>/.store/<stage>-<key>/ holds what a stage made. A stage works in <stage>-<key>.work, where a killed one is taken up again, and is
 * renamed when it is whole; after that nothing in it changes. A lock beside it lets one process at a time work on a stage; the others wait and then
 * find it done. */
#ifndef EBB_RUN_STORE_H
#define EBB_RUN_STORE_H

#include "base/file.h"
#include "base/json.h"

typedef struct Stage {
  const char *name;   /* "simulate", "train", "sample", "predictive", "density", "evaluate" */
  const char *key;    /* hexadecimal, and what a stage adds for people */
  const char *folder; /* where it is once done */
  const char *work;   /* where it is made */
  bool done, reused;  /* reused: was done before this call */
  double seconds;     /* of work, all attempts together */
  double started;
  FileLock *lock;
} Stage;

/* Looks, without a lock or a trace. */
EbbStatus stage_look(Arena *, const char *store, const char *name, const char *key, Stage *out);
/* A stage of a size: its key is `key`-<rows>x<columns>. The one of this size, else the smallest that is done and at least as large in both (size is
 * then that one's). */
EbbStatus stage_look_sized(Arena *, const char *store, const char *name, const char *key, int64_t size[2], Stage *out);
/* The folder of the largest done stage with fewer rows and the same columns, and its rows; NULL: none. */
EbbStatus stage_smaller(Arena *, const char *store, const char *name, const char *key, const int64_t size[2], const char **folder, int64_t *rows);
/* Takes the stage up: done, or locked with its work folder there. */
EbbStatus stage_begin(Stage *);
/* Seconds so far go into the work folder with each checkpoint, so that the sum survives a kill. */
void stage_note_time(Stage *);
/* Writes stage.json (name, key, seconds, and `facts`, a JSON object's members made by the caller, may be NULL), renames, releases. */
EbbStatus stage_commit(Stage *, const char *facts);
void stage_release(Stage *); /* gives up the lock; the work stays for the next attempt */
/* Commits where the work went well, else releases; the status of both. */
EbbStatus stage_end(Stage *, EbbStatus, const char *facts);
/* stage.json of a stage that is done. */
EbbStatus stage_facts(Arena *, const Stage *, Json **out);

/* A key: everything that determines a stage's output, hashed to 24 hexadecimal letters. */
typedef struct Key {
  Sha256 hash;
} Key;
void key_begin(Key *);                                   /* begins with the build, the instruction set and the BLAS core */
void key_add(Key *, const char *what, const char *text); /* NULL counts as absent */
char *key_end(Key *, Arena *);
const char *build_id(void); /* of this executable: 16 letters of its hash */

#endif
