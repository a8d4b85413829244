/* SPDX-License-Identifier: MIT
 *
 * Files. A file is written under a temporary name in the same folder, synced, renamed, and the folder synced: under its final name it is whole or
 * absent, whatever happens. Messages name the path and the system's reason ("no space left on device"). */
#ifndef EBB_BASE_FILE_H
#define EBB_BASE_FILE_H

#include <stdio.h>

#include "base/base.h"

/* A whole file in memory, NUL after the end (not counted). Refuses more than `most` bytes. */
EbbStatus file_read(Arena *, const char *path, size_t most, char **text, size_t *size);
EbbStatus file_write(const char *path, const void *data, size_t size);

/* For larger files: write to file_stream, then commit or abandon. A commit that fails leaves the old file as it was and removes the temporary one. */
typedef struct FileWriter FileWriter;
EbbStatus file_begin(const char *path, FileWriter **out);
FILE *file_stream(FileWriter *);
EbbStatus file_commit(FileWriter *);
void file_abandon(FileWriter *); /* NULL-safe */

/* Read-only map of a file; size 0 gives data NULL. */
typedef struct FileMap {
  const unsigned char *data;
  size_t size;
} FileMap;
EbbStatus file_map(const char *path, FileMap *out);
void file_unmap(FileMap *);

bool file_exists(const char *path);
bool file_is_folder(const char *path);
EbbStatus folder_make(const char *path);   /* with parents; fine if it exists */
EbbStatus folder_remove(const char *path); /* with all that is in it */
/* Sorted names (without . and ..) that match no temporary file. */
EbbStatus folder_list(Arena *, const char *path, char ***names, size_t *n);
/* A symbolic link at `path` to `target`, replacing what link or file was there, atomically. */
EbbStatus file_link(const char *target, const char *path);
char *path_join(Arena *, const char *a, const char *b); /* b alone if absolute */
char *path_folder(Arena *, const char *path);           /* "." if none */
const char *path_name(const char *path);                /* after the last slash */
char *path_absolute(Arena *, const char *path);         /* resolved; NULL if it does not exist */

/* An advisory lock on path (created), released by file_unlock or with the process, however it ends. wait false: *out is NULL if another holds it. */
typedef struct FileLock FileLock;
EbbStatus file_lock(const char *path, bool wait, FileLock **out);
void file_unlock(FileLock *); /* NULL-safe */

/* SHA-256 (FIPS 180-4) in lower-case hexadecimal: 64 letters and NUL. */
typedef struct Sha256 {
  uint32_t state[8];
  uint64_t length;
  unsigned char block[64];
  size_t used;
} Sha256;
void sha256_begin(Sha256 *);
void sha256_add(Sha256 *, const void *data, size_t n);
void sha256_end(Sha256 *, char hex[65]);
EbbStatus sha256_file(const char *path, char hex[65]);

#endif
