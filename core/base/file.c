/* SPDX-License-Identifier: MIT
 *
 * Files, folders, paths and locks. Writing goes to ".<name>.<pid>.tmp" beside the target; only a whole and synced file gets the final name. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static EbbStatus fail_system(const char *path, const char *what, int error) {
  char reason[128];
  snprintf(reason, sizeof reason, "%s", strerror(error));
  if (!isupper((unsigned char)reason[1])) reason[0] = (char)tolower((unsigned char)reason[0]);
  return fail(error == ENOMEM ? EBB_E_MEMORY : EBB_E_IO, "%s: %s: %s", path, what, reason);
}

static bool is_temporary(const char *name) {
  size_t n = strlen(name);
  return n > 5 && name[0] == '.' && strcmp(name + n - 4, ".tmp") == 0;
}

/* Owned by the caller. */
static char *temporary_path(const char *path) {
  const char *name = path_name(path);
  Str s = {0};
  str_add_n(&s, path, (size_t)(name - path));
  str_print(&s, ".%s.%ld.tmp", name, (long)getpid());
  return s.text;
}

static EbbStatus open_regular(const char *path, int *fd, struct stat *about) {
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0) return fail_system(path, "cannot be opened", errno);
  int error = fstat(*fd, about) != 0 ? errno : S_ISDIR(about->st_mode) ? EISDIR : 0;
  if (error == 0) return EBB_OK;
  close(*fd);
  return fail_system(path, "cannot be read", error);
}

static ssize_t read_some(int fd, void *data, size_t n) {
  ssize_t got;
  do got = read(fd, data, n);
  while (got < 0 && errno == EINTR);
  return got;
}

/* Reads to the end rather than to the stated size: pipes and /proc state none. */
EbbStatus file_read(Arena *a, const char *path, size_t most, char **text, size_t *size) {
  int fd;
  struct stat about;
  EbbStatus status = open_regular(path, &fd, &about);
  if (status != EBB_OK) return status;
  unsigned char *data = NULL;
  size_t used = 0, room = 0;
  ssize_t got = 1;
  if (S_ISREG(about.st_mode) && (uintmax_t)about.st_size > most) used = most + 1;
  while (got > 0 && used <= most) {
    if (used == room) {
      room = room > 0 ? 2 * room : S_ISREG(about.st_mode) ? (size_t)about.st_size + 1 : 1 << 16;
      unsigned char *more = realloc(data, room);
      if (more == NULL) {
        status = fail(EBB_E_MEMORY, "%s: no memory for %zu bytes", path, room);
        break;
      }
      data = more;
    }
    got = read_some(fd, data + used, room - used);
    if (got > 0) used += (size_t)got;
  }
  if (got < 0)
    status = fail_system(path, "cannot be read", errno);
  else if (status == EBB_OK && used > most)
    status = fail(EBB_E_IO, "%s: the file is larger than the %zu bytes that are accepted here", path, most);
  close(fd);
  if (status == EBB_OK) {
    *text = arena_try(a, used + 1);
    if (*text == NULL)
      status = fail(EBB_E_MEMORY, "%s: no memory for %zu bytes", path, used);
    else {
      memcpy(*text, data, used);
      *size = used;
    }
  }
  free(data);
  return status;
}

/* The stream is built on `put` below, since stdio forgets why a write failed. */
struct FileWriter {
  char *path, *temporary;
  FILE *stream;
  int fd, error;
};

static ssize_t put(void *cookie, const char *data, size_t n) {
  FileWriter *w = cookie;
  for (size_t done = 0; done < n;) {
    ssize_t wrote = write(w->fd, data + done, n - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      w->error = errno;
      return 0; /* stdio's sign of an error for such a stream */
    }
    done += (size_t)wrote;
  }
  return (ssize_t)n;
}

static int seek(void *cookie, off64_t *offset, int whence) {
  off64_t at = lseek64(((FileWriter *)cookie)->fd, *offset, whence);
  if (at < 0) return -1;
  *offset = at;
  return 0;
}

EbbStatus file_begin(const char *path, FileWriter **out) {
  *out = NULL;
  FileWriter *w = calloc(1, sizeof *w);
  if (w == NULL) memory_out(sizeof *w);
  w->path = strdup(path);
  if (w->path == NULL) memory_out(strlen(path));
  w->temporary = temporary_path(path);
  w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (w->fd < 0) {
    EbbStatus status = fail_system(path, "cannot be written", errno);
    free(w->path);
    free(w->temporary);
    free(w);
    return status;
  }
  w->stream = fopencookie(w, "w", (cookie_io_functions_t){.write = put, .seek = seek});
  if (w->stream == NULL) memory_out(BUFSIZ);
  setvbuf(w->stream, NULL, _IOFBF, 1 << 16);
  *out = w;
  return EBB_OK;
}

FILE *file_stream(FileWriter *w) { return w->stream; }

static void writer_free(FileWriter *w, bool remove_temporary) {
  if (w->stream != NULL) fclose(w->stream);
  if (w->fd >= 0) close(w->fd);
  if (remove_temporary) unlink(w->temporary);
  free(w->path);
  free(w->temporary);
  free(w);
}

void file_abandon(FileWriter *w) {
  if (w != NULL) writer_free(w, true);
}

/* A rename is on the disk once its folder is. Some file systems know no sync of folders and say EINVAL. */
static int sync_folder(const char *path) {
  Arena *a = arena_new();
  int fd = open(path_folder(a, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
  arena_free(a);
  if (fd < 0) return errno == EACCES ? 0 : errno; /* a folder may be writable and not readable */
  if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) error = errno;
  close(fd);
  return error;
}

static int sync_and_rename(FileWriter *w) {
  int flushed = fflush(w->stream);
  if (w->error != 0) return w->error;
  if (flushed != 0 || ferror(w->stream)) return EIO;
  if (fsync(w->fd) != 0 && errno != EINVAL) return errno;
  int closed = close(w->fd);
  w->fd = -1;
  if (closed != 0) return errno;
  return rename(w->temporary, w->path) != 0 ? errno : 0;
}

EbbStatus file_commit(FileWriter *w) {
  int error = sync_and_rename(w);
  EbbStatus status = error == 0 ? EBB_OK : fail_system(w->path, "cannot be written", error);
  if (error == 0 && (error = sync_folder(w->path)) != 0) status = fail_system(w->path, "is written, but its folder cannot be synced", error);
  writer_free(w, true); /* after a rename there is nothing left to remove */
  return status;
}

EbbStatus file_write(const char *path, const void *data, size_t size) {
  FileWriter *w;
  EbbStatus status = file_begin(path, &w);
  if (status != EBB_OK) return status;
  put(w, data, size);
  return file_commit(w);
}

EbbStatus file_map(const char *path, FileMap *out) {
  *out = (FileMap){0};
  int fd;
  struct stat about;
  EbbStatus status = open_regular(path, &fd, &about);
  if (status != EBB_OK) return status;
  if (!S_ISREG(about.st_mode)) status = fail(EBB_E_IO, "%s: is not a regular file, so it cannot be mapped; copy it to one first", path);
  if (status == EBB_OK && about.st_size > 0) {
    void *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
      status = fail_system(path, "cannot be mapped", errno);
    else
      *out = (FileMap){data, (size_t)about.st_size};
  }
  close(fd);
  return status;
}

void file_unmap(FileMap *map) {
  if (map->data != NULL) munmap((void *)(uintptr_t)map->data, map->size);
  *map = (FileMap){0};
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

bool file_is_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

EbbStatus folder_make(const char *path) {
  char *part = strdup(path);
  if (part == NULL) memory_out(strlen(path));
  EbbStatus status = EBB_OK;
  for (char *p = part + (part[0] == '/'); status == EBB_OK; p++) {
    if (*p != '/' && *p != '\0') continue;
    char end = *p;
    *p = '\0';
    if (mkdir(part, 0777) != 0 && !file_is_folder(part)) status = fail_system(part, "the folder cannot be made", errno == EEXIST ? ENOTDIR : errno);
    *p = end;
    if (end == '\0') break;
  }
  free(part);
  return status;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where) {
  (void)about, (void)type, (void)where;
  if (remove(path) == 0 || errno == ENOENT) return 0;
  fail_system(path, "cannot be removed", errno);
  return 1;
}

EbbStatus folder_remove(const char *path) {
  int result = nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
  if (result > 0) return EBB_E_IO; /* remove_one has said why */
  return result == 0 || errno == ENOENT ? EBB_OK : fail_system(path, "the folder cannot be removed", errno);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

EbbStatus folder_list(Arena *a, const char *path, char ***names, size_t *n) {
  *names = NULL;
  *n = 0;
  DIR *folder = opendir(path);
  if (folder == NULL) return fail_system(path, "the folder cannot be listed", errno);
  size_t room = 0;
  int error;
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    error = errno;
    if (entry == NULL) break;
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_temporary(name)) continue;
    if (*n == room) {
      room = room > 0 ? 2 * room : 32;
      char **list = ARENA_ARRAY(a, char *, room);
      if (*n > 0) memcpy(list, *names, *n * sizeof *list);
      *names = list;
    }
    (*names)[(*n)++] = arena_copy(a, name);
  }
  closedir(folder);
  if (error != 0) return fail_system(path, "the folder cannot be listed", error);
  if (*n > 0) qsort(*names, *n, sizeof **names, by_name);
  return EBB_OK;
}

EbbStatus file_link(const char *target, const char *path) {
  char *temporary = temporary_path(path);
  unlink(temporary); /* of a process that had this number before */
  int error = symlink(target, temporary) != 0 ? errno : 0;
  if (error == 0 && rename(temporary, path) != 0) {
    error = errno;
    unlink(temporary);
  }
  free(temporary);
  if (error == 0) error = sync_folder(path);
  return error == 0 ? EBB_OK : fail_system(path, "the link cannot be made", error);
}

char *path_join(Arena *a, const char *folder, const char *path) {
  if (path[0] == '/' || folder[0] == '\0') return arena_copy(a, path);
  return arena_print(a, folder[strlen(folder) - 1] == '/' ? "%s%s" : "%s/%s", folder, path);
}

char *path_folder(Arena *a, const char *path) {
  size_t n = (size_t)(path_name(path) - path);
  if (n == 0) return arena_copy(a, ".");
  while (n > 1 && path[n - 1] == '/') n--;
  return arena_print(a, "%.*s", (int)n, path);
}

const char *path_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

char *path_absolute(Arena *a, const char *path) {
  char *resolved = realpath(path, NULL);
  if (resolved == NULL) return NULL;
  char *copy = arena_copy(a, resolved);
  free(resolved);
  return copy;
}

/* flock belongs to the open file, so it ends with the process and also excludes within one process. The file stays: removing it would race with
 * others. */
struct FileLock {
  int fd;
};

EbbStatus file_lock(const char *path, bool wait, FileLock **out) {
  *out = NULL;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return fail_system(path, "the lock cannot be opened", errno);
  if (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    int error = errno;
    close(fd);
    if (error == EWOULDBLOCK) return EBB_OK;
    if (error == EINTR) return fail(EBB_E_CANCELLED, "%s: waiting for the lock was interrupted", path);
    return fail_system(path, "cannot be locked", error);
  }
  FileLock *lock = malloc(sizeof *lock);
  if (lock == NULL) memory_out(sizeof *lock);
  lock->fd = fd;
  *out = lock;
  return EBB_OK;
}

void file_unlock(FileLock *lock) {
  if (lock == NULL) return;
  close(lock->fd);
  free(lock);
}
