/* SPDX-License-Identifier: MIT
 *
 * Which file a component comes from. Places are searched in order: the files of --plugin, the folders of --plugin-dir, those of EBB_PLUGIN_PATH,
 * Ebb's own. In each folder the file <kind>_<id>.so is the one that is opened, and no other: a run loads what its spec names. Only when no folder has
 * a file of that name are all plugins loaded, since a module may hold further components; so also when the id is a slip, to name what is near.
 *
 * The first place wins, with a warning that names the other. The same component in two files of one place is an error. The same file twice (device
 * and inode) is one. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "plugin/internal.h"
#include "plugin/plugin.h"

/* A file that was tried, whatever came of it. */
typedef struct File File;
struct File {
  const char *path, *message;
  dev_t device;
  ino_t inode;
  EbbStatus status;
  File *next;
};

typedef struct Entry Entry;
struct Entry {
  Plugin plugin;
  size_t place;         /* 0: --plugin; i + 1: folder i */
  const char *conflict; /* another file of the same place that holds it too */
  bool settled;         /* was given out */
  bool warned;
  Entry *next;
};

struct Registry {
  Arena *arena;
  const char **folder;
  size_t folders;
  bool trust, scanned;
  File *files;
  Entry *entries;
};

/* Whether name is <kind>_<id>.so. */
static bool is_plugin_name(const char *name) {
  size_t n = strlen(name);
  if (n < 4 || n > 255 || strcmp(name + n - 3, ".so") != 0) return false;
  char stem[256];
  memcpy(stem, name, n - 3);
  stem[n - 3] = '\0';
  for (uint32_t kind = FIRST_KIND; kind <= LAST_KIND; kind++) {
    size_t k = strlen(kind_name(kind));
    if (strncmp(stem, kind_name(kind), k) == 0 && stem[k] == '_' && name_valid(stem + k + 1)) return true;
  }
  return false;
}

/* ---- folders ---- */

static void add_folder(Registry *r, const char *path, size_t room) {
  const char *real = path_absolute(r->arena, path);
  for (size_t i = 0; i < r->folders; i++)
    if (strcmp(r->folder[i], real) == 0) return;
  if (r->folders < room) r->folder[r->folders++] = real;
}

static bool holds_plugins(Arena *arena, const char *folder) {
  char **name = NULL;
  size_t n = 0;
  if (folder_list(arena, folder, &name, &n) != EBB_OK) return false;
  for (size_t i = 0; i < n; i++)
    if (is_plugin_name(name[i])) return true;
  return false;
}

/* Ebb's own plugins. From the executable's folder and up to three above it the first that has an installed tree (<prefix>/bin/ebb and
 * <prefix>/<libdir>/ebb) or plugins in itself (a build tree: the executable in core/ or tests/, the plugins at its root). NULL: none. */
static const char *own_folder(Arena *arena) {
  const char *executable = path_absolute(arena, "/proc/self/exe");
  if (executable == NULL) return NULL;
  const char *folder = path_folder(arena, executable);
  for (int level = 0; level <= 3 && strcmp(folder, "/") != 0; level++, folder = path_folder(arena, folder)) {
    const char *installed = path_join(arena, path_join(arena, folder, EBB_LIBDIR), "ebb");
    if (holds_plugins(arena, installed)) return installed;
    installed = path_join(arena, folder, "lib/ebb");
    if (holds_plugins(arena, installed)) return installed;
    if (holds_plugins(arena, folder)) return folder;
  }
  fail_clear();
  return NULL;
}

/* The parts of EBB_PLUGIN_PATH. Relative ones would load code from wherever the user happens to be. */
static void add_environment(Registry *r, const char *path, size_t room) {
  for (const char *at = path; at != NULL && *at != '\0';) {
    size_t n = strcspn(at, ":");
    const char *part = arena_print(r->arena, "%.*s", (int)n, at);
    if (n > 0 && part[0] != '/')
      log_line(LOG_WARNING, "EBB_PLUGIN_PATH: \"%s\" is ignored, since it is not an absolute path", part);
    else if (n > 0 && file_is_folder(part))
      add_folder(r, part, room);
    at += n + (at[n] == ':' ? 1 : 0);
  }
}

/* ---- files and entries ---- */

static Entry *lookup(const Registry *r, uint32_t kind, const char *id) {
  for (Entry *e = r->entries; e != NULL; e = e->next)
    if (e->plugin.component->kind == kind && strcmp(e->plugin.component->id, id) == 0) return e;
  return NULL;
}

static void warn_shadowed(Entry *e, const char *other) {
  const char *file = e->plugin.file != NULL ? e->plugin.file : "Ebb itself";
  if (!e->warned)
    log_line(LOG_WARNING, "%s/%s is taken from %s; %s is passed over", kind_name(e->plugin.component->kind), e->plugin.component->id, file, other);
  e->warned = true;
}

static void add_entry(Registry *r, size_t place, const char *path, const EbbComponent *c) {
  Plugin plugin = {.component = c, .file = path};
  Entry *e = lookup(r, c->kind, c->id);
  if (e == NULL) {
    e = ARENA_NEW(r->arena, Entry);
    *e = (Entry){.plugin = plugin, .place = place, .next = r->entries};
    r->entries = e;
  } else if (e->place == place && e->plugin.file != NULL) {
    e->conflict = path;
  } else if (place < e->place && !e->settled) {
    const char *other = e->plugin.file;
    e->plugin = plugin;
    e->place = place;
    e->conflict = NULL;
    warn_shadowed(e, other);
  } else {
    warn_shadowed(e, path);
  }
}

static const File *open_file(Registry *r, size_t place, const char *path) {
  struct stat s = {0};
  bool there = stat(path, &s) == 0;
  for (const File *f = r->files; there && f != NULL; f = f->next)
    if (f->device == s.st_dev && f->inode == s.st_ino) return f;
  const char *real = path_absolute(r->arena, path);
  File *f = ARENA_NEW(r->arena, File);
  *f = (File){.path = real != NULL ? real : arena_copy(r->arena, path), .device = s.st_dev, .inode = s.st_ino, .next = r->files};
  r->files = f;
  const EbbModule *module = NULL;
  f->status = plugin_load(path, r->trust, &module);
  if (f->status != EBB_OK) f->message = arena_copy(r->arena, fail_text());
  if (f->status == EBB_OK)
    for (const EbbComponent *const *c = module->components; *c != NULL; c++) add_entry(r, place, f->path, *c);
  return f;
}

static void scan(Registry *r) {
  if (r->scanned) return;
  r->scanned = true;
  for (size_t i = 0; i < r->folders; i++) {
    char **name = NULL;
    size_t n = 0;
    if (folder_list(r->arena, r->folder[i], &name, &n) != EBB_OK) continue; /* went away: its plugins are absent */
    for (size_t k = 0; k < n; k++)
      if (is_plugin_name(name[k])) open_file(r, i + 1, path_join(r->arena, r->folder[i], name[k]));
  }
  fail_clear();
}

/* ---- the public part ---- */

EbbStatus registry_new(const RegistryOptions *o, Registry **out) {
  *out = NULL;
  Arena *arena = arena_new();
  Registry *r = ARENA_NEW(arena, Registry);
  r->arena = arena;
  r->trust = o->trust;

  const char *environment = secure_getenv("EBB_PLUGIN_PATH");
  size_t room = o->folder_count + 2;
  for (const char *at = environment; at != NULL && *at != '\0'; at++) room += *at == ':' ? 1 : 0;
  r->folder = ARENA_ARRAY(arena, const char *, room);

  for (size_t i = 0; i < o->folder_count; i++) {
    if (!file_is_folder(o->folders[i])) {
      registry_free(r);
      return fail(EBB_E_IO, "--plugin-dir %s: no such folder", o->folders[i]);
    }
    add_folder(r, o->folders[i], room);
  }
  add_environment(r, environment, room);
  const char *own = own_folder(arena);
  if (own != NULL) add_folder(r, own, room);

  for (size_t i = 0; i < o->file_count; i++) {
    const File *f = open_file(r, 0, o->files[i]);
    if (f->status == EBB_OK) continue;
    EbbStatus status = fail(f->status, "%s", f->message);
    registry_free(r);
    return status;
  }
  *out = r;
  return EBB_OK;
}

void registry_free(Registry *r) {
  if (r != NULL) arena_free(r->arena);
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static EbbStatus not_found(Registry *r, uint32_t kind, const char *id) {
  size_t n = 0, broken = 0;
  for (const Entry *e = r->entries; e != NULL; e = e->next) n++;
  const char **known = ARENA_ARRAY(r->arena, const char *, n + 1);
  n = 0;
  for (const Entry *e = r->entries; e != NULL; e = e->next)
    if (e->plugin.component->kind == kind) known[n++] = e->plugin.component->id;
  qsort(known, n, sizeof *known, by_text);
  for (const File *f = r->files; f != NULL; f = f->next)
    if (f->status != EBB_OK) broken++;

  Str text = {0};
  const char *near = nearest(id, known, n);
  str_print(&text, "no %s \"%s\"", kind_name(kind), id);
  if (near != NULL) str_print(&text, "; did you mean \"%s\"?", near);
  if (near == NULL && n > 0) {
    str_add(&text, "; there is ");
    for (size_t i = 0; i < n && i < 20; i++) str_print(&text, "%s%s", i > 0 ? ", " : "", known[i]);
    if (n > 20) str_add(&text, ", ...");
  }
  if (r->folders == 0) str_add(&text, "; there was no plugin folder to search (--plugin-dir, EBB_PLUGIN_PATH)");
  for (size_t i = 0; i < r->folders; i++) str_print(&text, "%s%s", i == 0 ? (near != NULL ? " searched: " : "; searched: ") : ", ", r->folder[i]);
  if (broken > 0) str_print(&text, " (%zu %s there cannot be loaded; `ebb plugins` says why)", broken, broken == 1 ? "file" : "files");
  EbbStatus status = fail(EBB_E_CONFIG, "%s", text.text);
  str_free(&text);
  return status;
}

static bool same_file(const char *a, const char *b) {
  struct stat s, t;
  return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* Opens the file that is named after the component, in the first folder that has one; those of later folders are passed over with a warning. */
static EbbStatus open_named(Registry *r, uint32_t kind, const char *id) {
  const char *name = arena_print(r->arena, "%s_%s.so", kind_name(kind), id);
  for (size_t i = 0; i < r->folders; i++) {
    const char *path = path_join(r->arena, r->folder[i], name);
    if (!file_exists(path)) continue;
    Entry *e = lookup(r, kind, id);
    if (e != NULL && same_file(e->plugin.file, path)) continue;
    if (e != NULL && e->place < i + 1) {
      if (e->place > 0) warn_shadowed(e, path); /* --plugin is meant to win: no word about it */
      continue;
    }
    const File *f = open_file(r, i + 1, path);
    if (f->status != EBB_OK) return fail(f->status, "%s", f->message);
    if (lookup(r, kind, id) == NULL) return fail(EBB_E_ABI, "%s: holds no %s/%s (a link to a file of another name?)", path, kind_name(kind), id);
  }
  return EBB_OK;
}

void registry_add(Registry *r, const EbbComponent *c) {
  Entry *e = lookup(r, c->kind, c->id);
  if (e != NULL && e->plugin.file == NULL) return;
  Entry *own = ARENA_NEW(r->arena, Entry);
  *own = (Entry){.plugin = {.component = c}, .settled = true, .next = r->entries};
  r->entries = own;
  if (e != NULL) warn_shadowed(own, e->plugin.file); /* of --plugin */
}

EbbStatus registry_find(Registry *r, uint32_t kind, const char *id, const Plugin **out) {
  *out = NULL;
  if (kind < FIRST_KIND || kind > EBB_PRIOR) return fail(EBB_E_CONFIG, "kind %u is not known", kind);
  Entry *e = lookup(r, kind, id);
  if ((e == NULL || !e->settled) && name_valid(id)) {
    EbbStatus status = open_named(r, kind, id);
    if (status != EBB_OK) return status;
    e = lookup(r, kind, id);
  }
  if (e == NULL) {
    scan(r);
    e = lookup(r, kind, id);
  }
  if (e == NULL) return not_found(r, kind, id);
  if (e->conflict != NULL)
    return fail(EBB_E_UNSUPPORTED, "%s/%s is in two files, %s and %s; remove one", kind_name(kind), id, e->plugin.file, e->conflict);
  e->settled = true;
  *out = &e->plugin;
  return EBB_OK;
}

const Plugin *registry_plugin(const Registry *r, const EbbComponent *c) {
  const Entry *e = lookup(r, c->kind, c->id);
  return e != NULL ? &e->plugin : NULL;
}

EbbStatus plugin_sha256(const Plugin *p, char hex[65]) { return sha256_file(p->file, hex); }

EbbStatus plugin_data_sha256(const Plugin *p, const char *name, char hex[65]) {
  Arena *arena = arena_new();
  EbbStatus status = sha256_file(path_join(arena, path_folder(arena, p->file), name), hex);
  arena_free(arena);
  if (status == EBB_OK) return EBB_OK;
  return fail_prefix(status, "%s/%s: its data file must lie beside %s: ", kind_name(p->component->kind), p->component->id, p->file);
}

static int by_kind_and_id(const void *a, const void *b) {
  const EbbComponent *x = (*(const Plugin *const *)a)->component, *y = (*(const Plugin *const *)b)->component;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  return strcmp(x->id, y->id);
}

static int by_file(const void *a, const void *b) {
  const BrokenPlugin *x = a, *y = b;
  return strcmp(x->file, y->file);
}

EbbStatus registry_all(Registry *r, Arena *arena, const Plugin ***plugins, size_t *n, BrokenPlugin **broken, size_t *broken_n) {
  scan(r);
  size_t entries = 0, files = 0;
  for (const Entry *e = r->entries; e != NULL; e = e->next) entries++;
  for (const File *f = r->files; f != NULL; f = f->next) files++;
  *plugins = ARENA_ARRAY(arena, const Plugin *, entries);
  *broken = ARENA_ARRAY(arena, BrokenPlugin, files + entries);
  *n = *broken_n = 0;
  for (Entry *e = r->entries; e != NULL; e = e->next) {
    const EbbComponent *c = e->plugin.component;
    if (e->conflict == NULL)
      (*plugins)[(*n)++] = &e->plugin;
    else
      (*broken)[(*broken_n)++] = (BrokenPlugin){
          e->conflict, arena_print(arena, "%s/%s is in two files, %s and %s; remove one", kind_name(c->kind), c->id, e->plugin.file, e->conflict)};
  }
  for (const File *f = r->files; f != NULL; f = f->next)
    if (f->status != EBB_OK) (*broken)[(*broken_n)++] = (BrokenPlugin){arena_copy(arena, f->path), arena_copy(arena, f->message)};
  qsort(*plugins, *n, sizeof **plugins, by_kind_and_id);
  qsort(*broken, *broken_n, sizeof **broken, by_file);
  return EBB_OK;
}

static EbbStatus find_component(void *ctx, uint32_t kind, const char *id, const EbbComponent **out) {
  const Plugin *p = NULL;
  EbbStatus status = registry_find(ctx, kind, id, &p);
  *out = status == EBB_OK ? p->component : NULL;
  return status;
}

ConfigPlugins registry_config(Registry *r) { return (ConfigPlugins){.ctx = r, .find = find_component}; }
