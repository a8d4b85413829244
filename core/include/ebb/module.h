/* SPDX-License-Identifier: MIT
 *
 * How a plugin presents itself. A plugin is a shared object named <kind>_<id>.so that exports one symbol, `const EbbModule ebb_module`: pure data,
 * read and checked before any code of the plugin runs. It lists components; a component is a description, a table of parameters and a table of
 * operations.
 *
 *     static const EbbComponent ddim = {
 *         .size = sizeof(EbbComponent), .kind = EBB_SAMPLER, .id = "ddim", ..., .config_size = sizeof(Config), .params = params, .ops = &ops,
 *     };
 *     EBB_MODULE(&ddim)
 *
 * A plugin includes <ebb/...> only and links nothing of Ebb; what it needs from the host comes in the EbbHost table. It starts no threads and keeps
 * no global state: after `create`, self is const and many threads may use it at once. Thread tags on slots: [main] one thread, [worker] many at once,
 * [any] both. A library that is loaded is never unloaded.
 *
 * Versions: while EBB_ABI_MAJOR is 0, host and plugin must agree in both numbers. From 1.0 on: same major, and a plugin may be older than its host,
 * which reads a slot only where the table's size covers it. */
#ifndef EBB_MODULE_H
#define EBB_MODULE_H

#include <ebb/param.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBB_MAGIC = 0x45626231, EBB_ABI_MAJOR = 0, EBB_ABI_MINOR = 3 };

/* Stamped into build_flags by EBB_MODULE. */
enum { EBB_BUILD_FAST_MATH = 1, EBB_BUILD_NDEBUG = 2 };

struct EbbHost;

typedef struct EbbComponent {
  uint32_t size;          /* sizeof(EbbComponent) */
  uint32_t kind;          /* EBB_SIMULATOR ... */
  const char *id;         /* [a-z][a-z0-9_]*; with the kind it is the key */
  const char *summary;    /* one line */
  const char *version;    /* of the plugin, e.g. "1.0"; NULL: none */
  const char *reference;  /* paper and equation; NULL: none */
  uint32_t flags;         /* none yet: 0 */
  uint32_t config_size;   /* of the struct that params describes; 0: none */
  const EbbParam *params; /* ends with EBB_END; NULL: none */
  const void *ops;        /* EbbSamplerOps and so on */
  /* [main] optional. Checks what a table cannot and makes `self`, which is const from then on; memory from host->alloc needs no release. Without it
   * self is the filled config struct. */
  EbbStatus (*create)(const struct EbbHost *host, const void *config, void **self);
  void (*destroy)(void *self); /* [main] optional; self may be NULL */
  /* Tables too large for the source: names of .npy files that lie in the plugin's own folder, ends with NULL; NULL: none. `create` reads them through
   * host->data. Their contents count as the plugin's own: what is made with other tables is made anew. */
  const char *const *data;
} EbbComponent;

typedef struct EbbModule {
  uint32_t magic;
  uint16_t abi_major, abi_minor;
  uint32_t size, host_size, component_size, param_size; /* sizeof of EbbModule, EbbHost, EbbComponent, EbbParam as the plugin saw them */
  uint32_t build_flags;                                 /* EBB_BUILD_... */
  const char *build;                                    /* the compiler */
  const EbbComponent *const *components;                /* ends with NULL */
} EbbModule;

#ifdef __cplusplus
}
#endif
#endif
