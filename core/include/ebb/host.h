/* SPDX-License-Identifier: MIT
 *
 * What the host does for a plugin. A component receives the table in `create`, or inside a plan or evidence, and calls through it; the table outlives
 * the component. All matrices are row-major. Chain numbers are double, networks and simulations float32. */
#ifndef EBB_HOST_H
#define EBB_HOST_H

#include <ebb/module.h>
#include <ebb/rng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EbbHost EbbHost;
typedef struct EbbWork EbbWork; /* a thread's scratch memory; opaque */

/* One matrix product, C[i][j] = act(init[i][j] + sum_p A(i, p) B[p][j]) with A(i, p) = a[i a_row + p a_col]. The sum runs over p in order with one
 * fused multiply-add each, so an element's bits depend neither on m, n nor on the thread. init: NULL for zero; init_row 0 repeats one row (a bias). c
 * may be init. Nothing else may overlap. */
typedef struct EbbProduct {
  int64_t m, n, k;
  const float *a;
  int64_t a_row, a_col;
  const float *b;
  int64_t b_row;
  const float *init;
  int64_t init_row;
  float *c;
  int64_t c_row;
  int32_t relu; /* 1: max(., 0) at the end */
} EbbProduct;

#if defined(__GNUC__)
#define EBB_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define EBB_PRINTF(a, b)
#endif

struct EbbHost {
  uint32_t size;
  /* [any] keeps the message, prefixed with the component's name, and returns `status`: return host->fail(host, EBB_E_CONFIG, "t_min %g is not below
   * 1", t); */
  EbbStatus (*fail)(const EbbHost *, EbbStatus status, const char *format, ...) EBB_PRINTF(3, 4);
  /* [main] zeroed, 64-byte aligned; lives with what is being created or prepared. NULL when memory is out. */
  void *(*alloc)(const EbbHost *, size_t bytes);
  /* [worker] 64-byte aligned, not zeroed, valid until the slot returns. Never NULL for sizes that scale with the rows given: the host stops the
   * stage. */
  void *(*scratch)(EbbWork *, size_t bytes);
  /* [any] standard normals and uniforms in (0, 1): out [rows][n]; row r is addressed by (id[r], step ? step[r] : 0, block). */
  void (*normal)(const EbbHost *, EbbRng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out);
  void (*uniform)(const EbbHost *, EbbRng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out);
  /* [any] symmetric a [n][n] becomes its eigenvectors, one a row; values ascending. */
  EbbStatus (*eigh)(const EbbHost *, EbbWork *, int64_t n, double *a, double *values);
  /* [any] solves spd x = b for k right-hand sides, b [k][n], by Cholesky; both in place (spd becomes its lower factor). Not definite: EBB_E_NUMERIC.
   */
  EbbStatus (*solve)(const EbbHost *, EbbWork *, int64_t n, int64_t k, double *spd, double *b);
  void (*product)(const EbbHost *, const EbbProduct *); /* [any] */
  /* [main] runs task(ctx, work, i) for i < n on the pool's threads, in any order. The first status that is not 0 (by index) is returned. */
  EbbStatus (*parallel)(const EbbHost *, int64_t n, EbbStatus (*task)(void *ctx, EbbWork *, int64_t i), void *ctx);
  /* [main] the numbers of a .npy file that the component lists in `data` (module.h), in C order, whatever type they have there; they live as alloc's
   * do. NULL, with the message given, when the file is not there or has another shape. */
  const double *(*data)(const EbbHost *, const char *name, int64_t ndim, const int64_t *shape);
};

/* For .create of a component without settings: self becomes a place that holds the host table, which ebb_host_of finds again, as it does in a struct
 * whose first member is the host. */
static inline EbbStatus ebb_keep_host(const EbbHost *host, const void *config, void **self) {
  (void)config;
  *self = host->alloc(host, sizeof host);
  if (*self == NULL) return EBB_E_MEMORY;
  *(const EbbHost **)*self = host;
  return EBB_OK;
}

static inline const EbbHost *ebb_host_of(const void *self) { return *(const EbbHost *const *)self; }

/* The one symbol a plugin exports; everything else in it is hidden (-fvisibility=hidden). */
#if defined(__FAST_MATH__)
#define EBB_FLAG_FAST EBB_BUILD_FAST_MATH
#else
#define EBB_FLAG_FAST 0
#endif
#if defined(NDEBUG)
#define EBB_FLAG_NDEBUG EBB_BUILD_NDEBUG
#else
#define EBB_FLAG_NDEBUG 0
#endif
#if defined(__cplusplus)
#define EBB_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define EBB_EXPORT __attribute__((visibility("default")))
#endif

#define EBB_MODULE(...)                                                                                                                              \
  static const EbbComponent *const ebb_components[] = {__VA_ARGS__, NULL};                                                                           \
  EBB_EXPORT const EbbModule ebb_module;                                                                                                             \
  const EbbModule ebb_module = {EBB_MAGIC,                                                                                                           \
                                EBB_ABI_MAJOR,                                                                                                       \
                                EBB_ABI_MINOR,                                                                                                       \
                                (uint32_t)sizeof(EbbModule),                                                                                         \
                                (uint32_t)sizeof(EbbHost),                                                                                           \
                                (uint32_t)sizeof(EbbComponent),                                                                                      \
                                (uint32_t)sizeof(EbbParam),                                                                                          \
                                EBB_FLAG_FAST | EBB_FLAG_NDEBUG,                                                                                     \
                                __VERSION__,                                                                                                         \
                                ebb_components};

#ifdef __cplusplus
}
#endif
#endif
