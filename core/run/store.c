/* SPDX-License-Identifier: MIT
 *
 * Stage folders, locks and keys. */
#include "run/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "num/isa.h"
#include "num/linalg.h"

EbbStatus stage_look(Arena *arena, const char *store, const char *name, const char *key, Stage *out) {
  *out = (Stage){.name = name, .key = key};
  out->folder = path_join(arena, store, arena_print(arena, "%s-%s", name, key));
  out->work = arena_print(arena, "%s.work", out->folder);
  char *facts = path_join(arena, out->folder, "stage.json");
  out->done = out->reused = file_exists(facts);
  if (!out->done) return EBB_OK;
  Json *json;
  EbbStatus status = stage_facts(arena, out, &json);
  if (status == EBB_OK) out->seconds = json_number(json, "seconds", 0);
  return status;
}

/* Calls `each` with the size of every finished stage of a key. */
static EbbStatus each_size(Arena *arena, const char *store, const char *name, const char *key, void (*each)(void *, const int64_t[2]), void *ctx) {
  char **found;
  size_t n;
  if (!file_is_folder(store)) return EBB_OK;
  EbbStatus status = folder_list(arena, store, &found, &n);
  const char *prefix = arena_print(arena, "%s-%s-", name, key);
  for (size_t i = 0; i < n && status == EBB_OK; i++) {
    int64_t size[2];
    int end = 0;
    if (strncmp(found[i], prefix, strlen(prefix)) != 0) continue;
    const char *rest = found[i] + strlen(prefix); /* followed by nothing: neither .work nor .lock */
    if (sscanf(rest, "%" SCNd64 "x%" SCNd64 "%n", &size[0], &size[1], &end) == 2 && rest[end] == '\0') each(ctx, size);
  }
  return status;
}

typedef struct Sizes {
  int64_t asked[2], best[2];
} Sizes;

static void covers(void *ctx, const int64_t size[2]) {
  Sizes *s = ctx;
  if (size[0] < s->asked[0] || size[1] < s->asked[1]) return;
  if (s->best[0] != 0 && (double)size[0] * (double)size[1] >= (double)s->best[0] * (double)s->best[1]) return;
  memcpy(s->best, size, sizeof s->best);
}

static void is_smaller(void *ctx, const int64_t size[2]) {
  Sizes *s = ctx;
  if (size[1] == s->asked[1] && size[0] < s->asked[0] && size[0] > s->best[0]) memcpy(s->best, size, sizeof s->best);
}

EbbStatus stage_look_sized(Arena *arena, const char *store, const char *name, const char *key, int64_t size[2], Stage *out) {
  Sizes s = {.asked = {size[0], size[1]}};
  EbbStatus status = each_size(arena, store, name, key, covers, &s);
  if (status == EBB_OK && s.best[0] != 0) memcpy(size, s.best, sizeof s.best);
  return status == EBB_OK ? stage_look(arena, store, name, arena_print(arena, "%s-%" PRId64 "x%" PRId64, key, size[0], size[1]), out) : status;
}

EbbStatus stage_smaller(Arena *arena, const char *store, const char *name, const char *key, const int64_t size[2], const char **folder,
                        int64_t *rows) {
  Sizes s = {.asked = {size[0], size[1]}};
  EbbStatus status = each_size(arena, store, name, key, is_smaller, &s);
  *rows = s.best[0];
  *folder = *rows == 0 ? NULL : path_join(arena, store, arena_print(arena, "%s-%s-%" PRId64 "x%" PRId64, name, key, s.best[0], s.best[1]));
  return status;
}

static void join(char *out, size_t room, const char *folder, const char *name) { snprintf(out, room, "%s/%s", folder, name); }

EbbStatus stage_begin(Stage *s) {
  char path[4096];
  snprintf(path, sizeof path, "%s.lock", s->folder);
  EbbStatus status = file_lock(path, true, &s->lock);
  if (status != EBB_OK) return status;
  join(path, sizeof path, s->folder, "stage.json");
  if (file_exists(path)) { /* another process made it while this one waited */
    s->done = s->reused = true;
    stage_release(s);
    return EBB_OK;
  }
  status = folder_make(s->work);
  if (status != EBB_OK) return status;
  join(path, sizeof path, s->work, "seconds");
  FILE *f = fopen(path, "r");
  if (f != NULL) {
    if (fscanf(f, "%lf", &s->seconds) != 1 || !(s->seconds >= 0)) s->seconds = 0;
    fclose(f);
  }
  s->started = seconds();
  return EBB_OK;
}

void stage_note_time(Stage *s) {
  double now = seconds();
  s->seconds += now - s->started;
  s->started = now;
  char path[4096], text[64];
  join(path, sizeof path, s->work, "seconds");
  int n = snprintf(text, sizeof text, "%.3f\n", s->seconds);
  if (file_write(path, text, (size_t)n) != EBB_OK) fail_clear(); /* a lost note costs nothing but the note */
}

EbbStatus stage_commit(Stage *s, const char *facts) {
  s->seconds += seconds() - s->started;
  char path[4096];
  join(path, sizeof path, s->work, "seconds");
  unlink(path);
  Str text = {0};
  str_print(&text, "{\n  \"stage\": \"%s\",\n  \"key\": \"%s\",\n  \"seconds\": %.3f%s%s\n}\n", s->name, s->key, s->seconds,
            facts != NULL && facts[0] != '\0' ? ",\n  " : "", facts != NULL ? facts : "");
  join(path, sizeof path, s->work, "stage.json");
  EbbStatus status = file_write(path, text.text, text.length);
  str_free(&text);
  if (status == EBB_OK && rename(s->work, s->folder) != 0) status = fail(EBB_E_IO, "cannot rename %s to %s: %s", s->work, s->folder, strerror(errno));
  if (status == EBB_OK) {
    Arena *arena = arena_new();
    int folder = open(path_folder(arena, s->folder), O_RDONLY | O_DIRECTORY);
    if (folder >= 0) {
      fsync(folder);
      close(folder);
    }
    arena_free(arena);
    s->done = true;
  }
  stage_release(s);
  return status;
}

void stage_release(Stage *s) {
  file_unlock(s->lock);
  s->lock = NULL;
}

EbbStatus stage_end(Stage *s, EbbStatus status, const char *facts) {
  if (status == EBB_OK) return stage_commit(s, facts);
  stage_release(s);
  return status;
}

EbbStatus stage_facts(Arena *arena, const Stage *s, Json **out) {
  char *text, *path = path_join(arena, s->folder, "stage.json");
  size_t size;
  EbbStatus status = file_read(arena, path, 1 << 20, &text, &size);
  return status == EBB_OK ? json_read(arena, path, text, size, out) : status;
}

static char build[65];
static void find_build(void) {
  if (sha256_file("/proc/self/exe", build) != EBB_OK) {
    fail_clear();
    snprintf(build, sizeof build, "unknown");
  }
  build[16] = '\0';
}

const char *build_id(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find_build);
  return build;
}

void key_begin(Key *k) {
  sha256_begin(&k->hash);
  key_add(k, "build", build_id());
  key_add(k, "isa", isa_name());
  key_add(k, "blas", linalg_core());
}

void key_add(Key *k, const char *what, const char *text) {
  char head[64];
  size_t n = text != NULL ? strlen(text) : 0;
  int length = snprintf(head, sizeof head, "%s %lld\n", what, text != NULL ? (long long)n : -1LL);
  sha256_add(&k->hash, head, (size_t)length);
  if (n > 0) sha256_add(&k->hash, text, n);
}

char *key_end(Key *k, Arena *arena) {
  char hex[65];
  sha256_end(&k->hash, hex);
  hex[24] = '\0';
  return arena_copy(arena, hex);
}
