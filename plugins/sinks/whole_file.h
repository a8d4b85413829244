/* SPDX-License-Identifier: MIT
 *
 * Files that are whole or absent: written beside their place under a name that Ebb takes for temporary (".<name>.<pid>.tmp"), synced, renamed. */
#ifndef EBB_PLUGINS_WHOLE_FILE_H
#define EBB_PLUGINS_WHOLE_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ebb/sink.h>

typedef struct WholeFile {
  char path[4096], temporary[4096];
  FILE *stream; /* NULL where another library writes to `temporary` */
} WholeFile;

static inline EbbStatus whole_fail(const EbbHost *host, const WholeFile *f) {
  int error = errno;
  if (f->stream != NULL) fclose(f->stream);
  unlink(f->temporary);
  return host->fail(host, EBB_E_IO, "%s cannot be written: %s", f->path, strerror(error));
}

/* The paths of a file called name. */
static inline EbbStatus whole_name(const EbbHost *host, const char *folder, const char *name, WholeFile *f) {
  f->stream = NULL;
  int a = snprintf(f->path, sizeof f->path, "%s/%s", folder, name);
  int b = snprintf(f->temporary, sizeof f->temporary, "%s/.%s.%ld.tmp", folder, name, (long)getpid());
  if (a >= (int)sizeof f->path || b >= (int)sizeof f->temporary) return host->fail(host, EBB_E_IO, "the path %s/%s is too long", folder, name);
  return EBB_OK;
}

static inline EbbStatus whole_begin(const EbbHost *host, const char *folder, const char *name, WholeFile *f) {
  EbbStatus status = whole_name(host, folder, name, f);
  if (status == EBB_OK && (f->stream = fopen(f->temporary, "wb")) == NULL) status = whole_fail(host, f);
  return status;
}

/* To its place; closes the stream. */
static inline EbbStatus whole_end(const EbbHost *host, WholeFile *f) {
  if (f->stream != NULL) {
    if (ferror(f->stream) || fflush(f->stream) != 0) return whole_fail(host, f);
    FILE *stream = f->stream;
    f->stream = NULL;
    if (fclose(stream) != 0) return whole_fail(host, f);
  }
  int file = open(f->temporary, O_RDONLY | O_CLOEXEC);
  bool synced = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  return synced && rename(f->temporary, f->path) == 0 ? EBB_OK : whole_fail(host, f);
}

#endif
