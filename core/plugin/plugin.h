/* SPDX-License-Identifier: MIT
 *
 * Finding, loading and checking plugins, making instances of their components, and the host table that they call.
 *
 * A spec names ids, never paths. Searched: the folders of --plugin-dir, then EBB_PLUGIN_PATH (absolute parts only, secure_getenv), then Ebb's own
 * folder, found relative to the executable in the build tree and installed. File name <kind>_<id>.so; loaded with RTLD_NOW | RTLD_LOCAL |
 * RTLD_NODELETE (and RTLD_DEEPBIND where possible: loader.c), never closed, the floating-point environment saved and restored around it (a file that
 * changed it is named in a warning). */
#ifndef EBB_PLUGIN_PLUGIN_H
#define EBB_PLUGIN_PLUGIN_H

#include <ebb/host.h>

#include "base/pool.h"
#include "config/config.h"

typedef struct RegistryOptions {
  const char *const *folders; /* --plugin-dir, in order */
  size_t folder_count;
  const char *const *files; /* --plugin: loaded at once */
  size_t file_count;
  bool trust; /* --trust-plugins: permissions are not checked */
} RegistryOptions;

typedef struct Registry Registry;

/* A loaded component and where it comes from. */
typedef struct Plugin {
  const EbbComponent *component;
  const char *file; /* absolute path; NULL: built in */
} Plugin;
/* Of the file, in hexadecimal; read anew at each call, since few commands need it. */
EbbStatus plugin_sha256(const Plugin *, char hex[65]);
/* The same of a file that its component lists in `data`. */
EbbStatus plugin_data_sha256(const Plugin *, const char *name, char hex[65]);

EbbStatus registry_new(const RegistryOptions *, Registry **out);
void registry_free(Registry *); /* the libraries stay loaded */
/* A component of core's own, which no file can replace; adding it twice does nothing. */
void registry_add(Registry *, const EbbComponent *);
/* Loads what it must. Absent: names the folders searched and the nearest ids. */
EbbStatus registry_find(Registry *, uint32_t kind, const char *id, const Plugin **out);
const Plugin *registry_plugin(const Registry *, const EbbComponent *); /* of a component found before, or of an instance of it */
/* Every plugin of every folder, sorted by kind and id; files that cannot be loaded are listed with their message in `broken`. */
typedef struct BrokenPlugin {
  const char *file, *message;
} BrokenPlugin;
EbbStatus registry_all(Registry *, Arena *, const Plugin ***plugins, size_t *n, BrokenPlugin **broken, size_t *broken_n);
/* For config_fill. */
ConfigPlugins registry_config(Registry *);

/* One message for each way to fail; EBB_E_ABI, EBB_E_IO or EBB_E_UNSUPPORTED. `path` names the file. */
EbbStatus plugin_load(const char *path, bool trust, const EbbModule **out);
/* Descriptor, parameters and required slots of one component (what registry_find checks too). */
EbbStatus plugin_check(const char *path, const EbbComponent *);

/* An instance is an EbbChild whose self is ready. plugin_create creates the children among its parameters first (depth first), each with its own host
 * table (messages carry "kind/id: ") and stream number, then itself. Memory lives in the arena; plugin_destroy calls the destroy slots. `next_stream`
 * is counted up by one an instance: streams depend on the order in the spec alone.
 *
 * From create to destroy `self` is the component's own and no longer the filled config, and `component` points at the instance's copy of the
 * description: compare kind and id, not pointers, and print a config before. plugin_destroy puts both back and does nothing to a child that is no
 * instance. A create that fails leaves the child as it was. */
EbbStatus plugin_create(Arena *, Pool *, EbbChild *child, uint32_t *next_stream);
void plugin_destroy(EbbChild *);
/* The host table an instance was created with; what prepare, plans and evidence pass on. */
const EbbHost *plugin_host(const EbbChild *);
/* A table for code of core that acts as a component (tests, metrics of core), prefix in messages; alloc from arena. */
const EbbHost *host_new(Arena *, Pool *, const char *name);
/* That of a component, whose data files it gives. */
const EbbHost *host_for(Arena *, Pool *, const EbbComponent *);

/* The breadcrumb: which component and slot this thread is in, printed by a handler when a signal kills the process. */
void breadcrumb(const EbbComponent *, const char *slot, int64_t rows); /* NULL: in the host */
void breadcrumb_install(void);

#endif
