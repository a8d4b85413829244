/* SPDX-License-Identifier: MIT
 *
 * The host table: what a component may call. Each instance has its own, so that its messages carry its name and its memory goes to its arena. */
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/npy.h"
#include "num/kernels.h"
#include "num/linalg.h"
#include "num/random.h"
#include "plugin/plugin.h"

typedef struct Host {
  EbbHost table; /* first: a pointer to it is a pointer to all */
  Arena *arena;
  Pool *pool;      /* NULL: parallel runs on the caller alone */
  pthread_t owner; /* the only thread that may call the slots tagged [main] */
  const char *name;
  const EbbComponent *component; /* as its plugin has it; NULL: code of core */
} Host;

static const Host *host_of(const EbbHost *table) { return (const Host *)table; }

static EbbStatus host_fail(const EbbHost *table, EbbStatus status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fail_v(status, format, arguments);
  va_end(arguments);
  return fail_prefix(status, "%s: ", host_of(table)->name);
}

static void *host_alloc(const EbbHost *table, size_t bytes) {
  const Host *h = host_of(table);
  if (!pthread_equal(h->owner, pthread_self())) {
    table->fail(table, EBB_E_UNSUPPORTED, "alloc was called from a worker thread; use scratch there");
    return NULL;
  }
  void *memory = arena_try(h->arena, bytes);
  if (memory == NULL) table->fail(table, EBB_E_MEMORY, "no memory for %zu bytes", bytes);
  return memory;
}

static void host_normal(const EbbHost *table, EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n,
                        double *out) {
  (void)table;
  random_normal(rng, rows, id, step, block, n, out);
}

static void host_uniform(const EbbHost *table, EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n,
                         double *out) {
  (void)table;
  random_uniform(rng, rows, id, step, block, n, out);
}

static EbbStatus named(const EbbHost *table, EbbStatus status) {
  return status == EBB_OK ? EBB_OK : fail_prefix(status, "%s: ", host_of(table)->name);
}

static EbbStatus host_eigh(const EbbHost *table, EbbWork *work, int64_t n, double *a, double *values) {
  (void)work;
  return named(table, eigen_symmetric(n, a, values));
}

static EbbStatus host_solve(const EbbHost *table, EbbWork *work, int64_t n, int64_t k, double *spd, double *b) {
  (void)work;
  return named(table, cholesky_solve(n, k, spd, b));
}

static void host_product(const EbbHost *table, const EbbProduct *p) {
  (void)table;
  kernels->gemm(&(Gemm){
      .m = p->m,
      .n = p->n,
      .k = p->k,
      .a = p->a,
      .a_row = p->a_row,
      .a_col = p->a_col,
      .b = p->b,
      .b_row = p->b_row != 0 ? p->b_row : p->n, /* 0 would say that b is packed; with k = 1 a plugin may well give 0 */
      .init = p->init,
      .init_row = p->init_row,
      .act = p->relu != 0 ? ACT_RELU : ACT_NONE,
      .keep_scale = 1.0f,
      .c = p->c,
      .c_row = p->c_row,
  });
}

/* A task whose end moves the bar. */
typedef struct Parallel {
  EbbStatus (*task)(void *, EbbWork *, int64_t);
  void *ctx;
  int64_t n;
  Progress *progress;
} Parallel;

static EbbStatus parallel_task(void *ctx, EbbWork *work, int64_t i) {
  const Parallel *p = ctx;
  EbbStatus status = p->task(p->ctx, work, i);
  progress_share(p->progress, p->n);
  return status;
}

static EbbStatus host_parallel(const EbbHost *table, int64_t n, EbbStatus (*task)(void *, EbbWork *, int64_t), void *ctx) {
  const Host *h = host_of(table);
  if (!pthread_equal(h->owner, pthread_self())) return table->fail(table, EBB_E_UNSUPPORTED, "parallel was called from a worker thread");
  Parallel all = {task, ctx, n, progress_current()};
  if (h->pool != NULL) return pool_run(h->pool, n, parallel_task, &all);
  EbbWork *work = work_new();
  WorkMark empty = work_mark(work);
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    status = task(ctx, work, i);
    work_reset(work, empty);
  }
  work_free(work);
  return status;
}

static bool listed(const EbbComponent *c, const char *name) {
  for (const char *const *n = c != NULL ? c->data : NULL; n != NULL && *n != NULL; n++)
    if (strcmp(*n, name) == 0) return true;
  return false;
}

/* The component is an object of its plugin: the dynamic linker knows the file, and the data lie beside it. */
static const double *host_data(const EbbHost *table, const char *name, int64_t ndim, const int64_t *shape) {
  const Host *h = host_of(table);
  Dl_info library;
  if (!pthread_equal(h->owner, pthread_self())) {
    table->fail(table, EBB_E_UNSUPPORTED, "data was called from a worker thread; read in create");
    return NULL;
  }
  if (!listed(h->component, name)) {
    table->fail(table, EBB_E_UNSUPPORTED, "%s is not among the component's data files; list it in .data", name);
    return NULL;
  }
  if (dladdr(h->component, &library) == 0 || library.dli_fname == NULL) {
    table->fail(table, EBB_E_UNSUPPORTED, "the component lies in no file, so that %s lies beside none", name);
    return NULL;
  }
  const char *path = path_join(h->arena, path_folder(h->arena, library.dli_fname), name);
  Npy file;
  double *number = NULL;
  if (named(table, npy_open(path, &file)) != EBB_OK) return NULL;
  bool fits = file.ndim == ndim;
  for (int64_t k = 0; fits && k < ndim; k++) fits = file.shape[k] == shape[k];
  if (fits) number = arena_try(h->arena, (size_t)file.size * sizeof *number);
  if (!fits) {
    Str wanted = {0};
    for (int64_t k = 0; k < ndim; k++) str_print(&wanted, "%s%" PRId64, k > 0 ? ", " : "", shape[k]);
    table->fail(table, EBB_E_SHAPE, "%s has the shape %s, expected (%s); it is not the file that belongs to this plugin", path,
                npy_shape_text(h->arena, &file), wanted.text);
    str_free(&wanted);
  } else if (number == NULL) {
    table->fail(table, EBB_E_MEMORY, "no memory for the %" PRId64 " numbers of %s", file.size, path);
  } else if (named(table, npy_get_f64(&file, 0, file.size, number)) != EBB_OK) {
    number = NULL;
  }
  npy_close(&file);
  return number;
}

static const EbbHost *make(Arena *arena, Pool *pool, const char *name, const EbbComponent *component) {
  Host *h = ARENA_NEW(arena, Host);
  h->table = (EbbHost){
      .size = sizeof(EbbHost),
      .fail = host_fail,
      .alloc = host_alloc,
      .scratch = work_alloc,
      .normal = host_normal,
      .uniform = host_uniform,
      .eigh = host_eigh,
      .solve = host_solve,
      .product = host_product,
      .parallel = host_parallel,
      .data = host_data,
  };
  h->arena = arena;
  h->pool = pool;
  h->owner = pthread_self();
  h->name = arena_copy(arena, name);
  h->component = component;
  return &h->table;
}

const EbbHost *host_new(Arena *arena, Pool *pool, const char *name) { return make(arena, pool, name, NULL); }

const EbbHost *host_for(Arena *arena, Pool *pool, const EbbComponent *c) {
  return make(arena, pool, arena_print(arena, "%s/%s", kind_name(c->kind), c->id), c);
}
