/* SPDX-License-Identifier: MIT
 *
 * From a file to a checked module. In order: the file is there, nobody else may write it, the dynamic linker takes it with every symbol resolved, it
 * exports ebb_module, the module was built against these headers, its components are sound, the file is named after one of them. Each way to fail has
 * its own message. A library that was opened stays open even when it is refused: threads or thread-exit handlers of its own may point into it. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "plugin/internal.h"
#include "plugin/plugin.h"

/* World-writable is refused, a foreign owner is warned of; group-writable is common (umask 002) and passes. */
static EbbStatus check_owner(const char *path, const char *what, const char *place) {
  struct stat s;
  if (stat(place, &s) != 0) return fail(EBB_E_IO, "%s: cannot look at %s: %s", path, place, strerror(errno));
  if (s.st_mode & S_IWOTH)
    return fail(EBB_E_IO, "%s: refused, since everybody may write the %s %s; take that away (chmod o-w) or give --trust-plugins", path, what, place);
  if (s.st_uid != 0 && s.st_uid != geteuid())
    log_line(LOG_WARNING, "plugin %s: the %s %s belongs to user %ld, neither to you nor to root", path, what, place, (long)s.st_uid);
  return EBB_OK;
}

/* `real` is what `path` leads to when it is a symbolic link; both folders decide what is loaded. */
static EbbStatus check_permissions(const char *path, const char *real) {
  Arena *arena = arena_new();
  const char *folder = path_folder(arena, path), *target = path_folder(arena, real);
  struct stat a, b;
  bool same = stat(folder, &a) == 0 && stat(target, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  EbbStatus status = check_owner(path, "file", real);
  if (status == EBB_OK) status = check_owner(path, "folder", folder);
  if (status == EBB_OK && !same) status = check_owner(path, "folder", target);
  arena_free(arena);
  return status;
}

/* RTLD_LOCAL keeps plugins from each other, but the executable and its libraries still come before a plugin's own visible functions: one called
 * `step` would be libc's of that name, left over from <regexp.h>. RTLD_DEEPBIND puts the plugin's own first. It also puts libc's malloc before one
 * that took its place (a sanitizer, which refuses the flag, or a preloaded allocator), hence not then. */
static int binding(void) {
#ifdef RTLD_DEEPBIND
  void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  bool usual = libc != NULL && dlsym(libc, "malloc") == dlsym(RTLD_DEFAULT, "malloc");
  if (libc != NULL) dlclose(libc);
  return usual ? RTLD_DEEPBIND : 0;
#else
  return 0;
#endif
}

static EbbStatus open_library(const char *path, const char *real, void **library) {
  fenv_t before;
  fegetenv(&before);
  *library = dlopen(real, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | binding());
  const char *why = *library == NULL ? dlerror() : NULL;
  if (float_restore(&before))
    log_line(LOG_WARNING, "plugin %s changed the floating-point environment while it was loaded (linked with -ffast-math?); it was put back", path);
  if (*library != NULL) return EBB_OK;
  if (why == NULL) why = "no reason given";
  size_t named = strlen(real); /* the linker's text begins with the file's name, which stands already */
  if (strncmp(why, real, named) == 0 && why[named] == ':') why += named + 1 + strspn(why + named + 1, " ");
  if (strstr(why, "undefined symbol") != NULL)
    return fail(EBB_E_ABI, "%s: %s; ldd -r lists what is missing, and linking with -Wl,-z,defs tells it at build time", path, why);
  return fail(EBB_E_ABI, "%s: cannot be loaded as a shared object: %s", path, why);
}

static EbbStatus check_sizes(const char *path, const EbbModule *m) {
  const struct {
    const char *name;
    uint32_t theirs;
    size_t ours;
  } sizes[] = {
      {"EbbModule", m->size, sizeof(EbbModule)},
      {"EbbHost", m->host_size, sizeof(EbbHost)},
      {"EbbComponent", m->component_size, sizeof(EbbComponent)},
      {"EbbParam", m->param_size, sizeof(EbbParam)},
  };
  for (size_t i = 0; i < COUNT(sizes); i++)
    if (sizes[i].theirs != sizes[i].ours)
      return fail(EBB_E_ABI, "%s: struct %s has %u bytes there and %zu in this Ebb; rebuild it with this Ebb's headers", path, sizes[i].name,
                  sizes[i].theirs, sizes[i].ours);
  return EBB_OK;
}

static EbbStatus check_module(const char *path, const EbbModule *m) {
  if (m->magic != EBB_MAGIC)
    return fail(EBB_E_ABI, "%s: its ebb_module begins with %08x, not %08x; it is no Ebb module (use EBB_MODULE)", path, m->magic,
                (unsigned)EBB_MAGIC);
  if (m->abi_major != EBB_ABI_MAJOR || m->abi_minor != EBB_ABI_MINOR)
    return fail(EBB_E_ABI, "%s: built for plugin ABI %u.%u, this Ebb has %d.%d; rebuild it with this Ebb's headers", path, m->abi_major, m->abi_minor,
                EBB_ABI_MAJOR, EBB_ABI_MINOR);
  EbbStatus status = check_sizes(path, m);
  if (status != EBB_OK) return status;
  if (m->components == NULL || m->components[0] == NULL) return fail(EBB_E_ABI, "%s: the module lists no component", path);

  bool named = false;
  for (const EbbComponent *const *c = m->components; *c != NULL; c++) {
    status = plugin_check(path, *c);
    if (status != EBB_OK) return status;
    for (const EbbComponent *const *d = m->components; d != c; d++)
      if ((*d)->kind == (*c)->kind && strcmp((*d)->id, (*c)->id) == 0)
        return fail(EBB_E_ABI, "%s: the module lists %s/%s twice", path, kind_name((*c)->kind), (*c)->id);
    Str name = {0};
    str_print(&name, "%s_%s.so", kind_name((*c)->kind), (*c)->id);
    named = named || strcmp(name.text, path_name(path)) == 0;
    str_free(&name);
  }
  const EbbComponent *first = m->components[0];
  if (!named)
    return fail(EBB_E_ABI, "%s: a plugin's file is named after a component in it; call it %s_%s.so", path, kind_name(first->kind), first->id);
  if (m->build_flags & EBB_BUILD_FAST_MATH)
    log_line(LOG_WARNING, "plugin %s was compiled with -ffast-math: its numbers may differ from build to build, and nan goes unnoticed", path);
  return EBB_OK;
}

EbbStatus plugin_load(const char *path, bool trust, const EbbModule **out) {
  *out = NULL;
  char *real = realpath(path, NULL);
  if (real == NULL) return fail(EBB_E_IO, "%s: no such plugin can be opened: %s", path, strerror(errno));
  void *library = NULL;
  EbbStatus status = trust ? EBB_OK : check_permissions(path, real);
  if (status == EBB_OK) status = open_library(path, real, &library);
  free(real);
  if (status != EBB_OK) return status;

  const EbbModule *module = dlsym(library, "ebb_module");
  if (module == NULL) return fail(EBB_E_ABI, "%s: exports no symbol ebb_module; is this an Ebb plugin?", path);
  status = check_module(path, module);
  if (status == EBB_OK) *out = module;
  return status;
}
