/* SPDX-License-Identifier: MIT
 *
 * The pool. A run is opened by the caller, who works on it like everybody else; a worker that wakes in time joins, one that does not is not waited
 * for.
 *
 *   caller   writes task, ctx, n; next = 0; open = true; generation + 1; takes tasks; open = false; waits until inside = 0
 *   worker   sees a new generation; inside + 1; if open, takes tasks; inside - 1
 *
 * `inside` and `open` are sequentially consistent: either the worker sees that the run is closed, or the caller sees that the worker is inside. So
 * the fields of a run change only when nobody reads them. Indices come from one counter, in order, and an index that was taken is always run: the
 * lowest index that fails is therefore the same whatever the number of threads. */
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "base/log.h"
#include "base/pool.h"

enum { ALIGN = 64, MOST_THREADS = 4096, FIRST_BLOCK = 256 << 10 };
static const double spin_seconds = 30e-6, redraw_seconds = 0.1;

/* Scratch: blocks are kept over resets, since the next task asks for the same again. */
typedef struct WorkBlock {
  unsigned char *data;
  size_t size;
} WorkBlock;

struct EbbWork {
  int thread;
  WorkBlock *block;
  size_t blocks, now, used; /* `used` bytes of block `now` are taken */
};

static void work_clear(EbbWork *w) {
  for (size_t i = 0; i < w->blocks; i++) free(w->block[i].data);
  free(w->block);
}

void *work_alloc(EbbWork *w, size_t bytes) {
  if (bytes > SIZE_MAX / 4) memory_out(bytes);
  size_t size = bytes > 0 ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
  while (w->now < w->blocks && w->block[w->now].size - w->used < size) {
    w->now++;
    w->used = 0;
  }
  if (w->now == w->blocks) {
    size_t room = w->blocks == 0 ? FIRST_BLOCK : 2 * w->block[w->blocks - 1].size;
    if (room < size) room = size;
    WorkBlock *list = realloc(w->block, (w->blocks + 1) * sizeof *list);
    if (list == NULL) memory_out((w->blocks + 1) * sizeof *list);
    w->block = list;
    unsigned char *data = aligned_alloc(ALIGN, room);
    if (data == NULL && room > size) data = aligned_alloc(ALIGN, room = size);
    if (data == NULL) memory_out(size);
    w->block[w->blocks++] = (WorkBlock){data, room};
  }
  void *p = w->block[w->now].data + w->used;
  w->used += size;
  return p;
}

WorkMark work_mark(const EbbWork *w) { return (WorkMark){w->now, w->used}; }

void work_reset(EbbWork *w, WorkMark mark) {
  w->now = mark.block;
  w->used = mark.used;
}

int work_thread(const EbbWork *w) { return w->thread; }

EbbWork *work_new(void) {
  EbbWork *w = calloc(1, sizeof *w);
  if (w == NULL) memory_out(sizeof *w);
  return w;
}

void work_free(EbbWork *w) {
  if (w == NULL) return;
  work_clear(w);
  free(w);
}

typedef struct Worker {
  _Alignas(ALIGN) EbbWork work;
  Pool *pool;
  pthread_t thread;
} Worker;

struct Pool {
  int threads;
  Worker *worker;
  /* One run. */
  PoolTask task;
  void *ctx;
  int64_t n;
  _Alignas(ALIGN) atomic_int_least64_t next;
  atomic_bool open, stop; /* stop: a task failed, take no more */
  _Alignas(ALIGN) atomic_uint_least64_t generation;
  atomic_int inside, sleepers;
  atomic_bool quit, caller_sleeps;
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  /* Under lock: the failure with the lowest index. */
  EbbStatus status;
  int64_t failed;
  Str message;
};

static _Thread_local const Pool *running; /* the pool whose task this thread is in */

static void float_defaults(void) {
#if defined(__SSE__)
  _mm_setcsr(0x1f80); /* round to nearest, all exceptions masked, no flush to zero */
#else
  fesetenv(FE_DFL_ENV);
#endif
}

static void relax(void) {
#if defined(__SSE__)
  _mm_pause();
#endif
}

static void keep_failure(Pool *p, int64_t i, EbbStatus status) {
  pthread_mutex_lock(&p->lock);
  if (p->status == EBB_OK || i < p->failed) {
    p->status = status;
    p->failed = i;
    p->message.length = 0;
    if (fail_text()[0] == '\0') fail(status, "task %lld failed with status %d and no message", (long long)i, (int)status);
    str_add(&p->message, fail_text());
  }
  pthread_mutex_unlock(&p->lock);
  atomic_store(&p->stop, true);
}

static void take_tasks(Pool *p, EbbWork *work, bool caller) {
  const Pool *outer = running;
  running = p;
  fesetenv(FE_DFL_ENV);
  while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
    int64_t i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
    if (i >= p->n) break;
    fail_clear();
    work_reset(work, (WorkMark){0});
    EbbStatus status = p->task(p->ctx, work, i);
    float_defaults();
    if (status != EBB_OK) keep_failure(p, i, status);
    if (caller) progress_tick();
  }
  work_reset(work, (WorkMark){0});
  running = outer;
}

/* Waits until the generation is not `seen` or the pool ends. */
static void await_run(Pool *p, uint_least64_t seen) {
  double until = seconds() + spin_seconds;
  do {
    for (int k = 0; k < 32; k++) {
      if (atomic_load(&p->generation) != seen || atomic_load(&p->quit)) return;
      relax();
    }
  } while (seconds() < until);
  pthread_mutex_lock(&p->lock);
  atomic_fetch_add(&p->sleepers, 1);
  while (atomic_load(&p->generation) == seen && !atomic_load(&p->quit)) pthread_cond_wait(&p->wake, &p->lock);
  atomic_fetch_sub(&p->sleepers, 1);
  pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *argument) {
  Worker *w = argument;
  Pool *p = w->pool;
  uint_least64_t seen = 0;
  for (;;) {
    await_run(p, seen);
    if (atomic_load(&p->quit)) return NULL;
    seen = atomic_load(&p->generation);
    atomic_fetch_add(&p->inside, 1);
    if (atomic_load(&p->open)) take_tasks(p, &w->work, false);
    if (atomic_fetch_sub(&p->inside, 1) == 1 && atomic_load(&p->caller_sleeps)) {
      pthread_mutex_lock(&p->lock);
      pthread_cond_signal(&p->done);
      pthread_mutex_unlock(&p->lock);
    }
  }
}

static void await_workers(Pool *p) {
  double until = seconds() + spin_seconds;
  do {
    for (int k = 0; k < 32; k++) {
      if (atomic_load(&p->inside) == 0) return;
      relax();
    }
  } while (seconds() < until);
  pthread_mutex_lock(&p->lock);
  atomic_store(&p->caller_sleeps, true);
  while (atomic_load(&p->inside) != 0) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(redraw_seconds * 1e9);
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    if (pthread_cond_timedwait(&p->done, &p->lock, &t) == ETIMEDOUT) {
      pthread_mutex_unlock(&p->lock); /* a slow terminal must not hold up the workers */
      progress_tick();
      pthread_mutex_lock(&p->lock);
    }
  }
  atomic_store(&p->caller_sleeps, false);
  pthread_mutex_unlock(&p->lock);
}

static void wake_workers(Pool *p, int64_t most) {
  pthread_mutex_lock(&p->lock);
  if (most >= atomic_load(&p->sleepers))
    pthread_cond_broadcast(&p->wake);
  else
    for (int64_t k = 0; k < most; k++) pthread_cond_signal(&p->wake);
  pthread_mutex_unlock(&p->lock);
}

EbbStatus pool_run(Pool *p, int64_t n, PoolTask task, void *ctx) {
  if (running == p) return fail(EBB_E_UNSUPPORTED, "a task of the thread pool started another run on it; tasks must not nest");
  if (n <= 0) return EBB_OK;
  p->task = task;
  p->ctx = ctx;
  p->n = n;
  p->status = EBB_OK;
  atomic_store_explicit(&p->next, 0, memory_order_relaxed);
  atomic_store_explicit(&p->stop, false, memory_order_relaxed);
  bool alone = p->threads == 1 || n == 1;
  if (!alone) {
    atomic_store(&p->open, true);
    atomic_fetch_add(&p->generation, 1);
    if (atomic_load(&p->sleepers) > 0) wake_workers(p, n - 1);
  }
  take_tasks(p, &p->worker[0].work, true);
  if (!alone) {
    atomic_store(&p->open, false);
    await_workers(p);
  }
  if (p->status != EBB_OK) fail(p->status, "%s", p->message.text);
  return p->status;
}

int pool_threads(const Pool *p) { return p->threads; }

static void pool_end(Pool *p, int started) {
  pthread_mutex_lock(&p->lock);
  atomic_store(&p->quit, true);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->lock);
  for (int k = 1; k < started; k++) pthread_join(p->worker[k].thread, NULL);
  for (int k = 0; k < p->threads; k++) work_clear(&p->worker[k].work);
  pthread_cond_destroy(&p->wake);
  pthread_cond_destroy(&p->done);
  pthread_mutex_destroy(&p->lock);
  str_free(&p->message);
  free(p->worker);
  free(p);
}

void pool_free(Pool *p) {
  if (p != NULL) pool_end(p, p->threads);
}

/* Signals that a person or a scheduler sends belong to the main thread. */
static void block_signals(sigset_t *before) {
  static const int kept[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF};
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < COUNT(kept); i++) sigdelset(&set, kept[i]);
  pthread_sigmask(SIG_BLOCK, &set, before);
}

EbbStatus pool_new(int threads, Pool **out) {
  *out = NULL;
  if (threads < 1 || threads > MOST_THREADS) return fail(EBB_E_CONFIG, "%d threads were asked for, expected 1 to %d", threads, MOST_THREADS);
  Pool *p = aligned_alloc(ALIGN, sizeof *p);
  Worker *worker = aligned_alloc(ALIGN, (size_t)threads * sizeof *worker);
  if (p == NULL || worker == NULL) memory_out((size_t)threads * sizeof *worker);
  memset(p, 0, sizeof *p);
  memset(worker, 0, (size_t)threads * sizeof *worker);
  p->threads = threads;
  p->worker = worker;
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->wake, NULL);
  pthread_cond_init(&p->done, &clock);
  pthread_condattr_destroy(&clock);
  sigset_t before;
  block_signals(&before);
  int started = 1, error = 0;
  for (int k = 0; k < threads; k++) {
    worker[k].work.thread = k;
    worker[k].pool = p;
  }
  while (started < threads && (error = pthread_create(&worker[started].thread, NULL, worker_main, &worker[started])) == 0) started++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) {
    pool_end(p, started);
    return fail(EBB_E_MEMORY, "thread %d of %d could not be started: %s; ask for fewer with --threads", started, threads, strerror(error));
  }
  *out = p;
  return EBB_OK;
}
