/* SPDX-License-Identifier: MIT
 *
 * A pool of threads, and each thread's scratch memory. The caller is thread 0. Work is given as n independent tasks; which thread takes which is not
 * fixed, so a task must not depend on it. */
#ifndef EBB_BASE_POOL_H
#define EBB_BASE_POOL_H

#include "base/base.h"

typedef struct Pool Pool;
typedef struct EbbWork EbbWork; /* of one thread; the public name, since plugins receive it */

typedef EbbStatus (*PoolTask)(void *ctx, EbbWork *work, int64_t i);

/* The number of threads this process may use: the least of the affinity mask, the cgroup's quota (rounded up) and SLURM_CPUS_PER_TASK; at least 1.
 * *source names which ("affinity", "cgroup", "SLURM_CPUS_PER_TASK"); static storage. */
int pool_default_threads(const char **source);
/* The same from given facts: cgroup files are looked up below root ("" for the machine's), slurm is the variable's text or NULL. Text that is not a
 * positive number is ignored. */
int pool_allowed_threads(const char *root, int affinity, const char *slurm, const char **source);

EbbStatus pool_new(int threads, Pool **out);
void pool_free(Pool *); /* NULL-safe */
int pool_threads(const Pool *);

/* Runs task(ctx, work, i) for 0 <= i < n; returns when all have ended. Tasks are handed out in order; after a failure no new one starts, and the
 * status and message of the failed task with the lowest index are the caller's. Not to be nested. Each task starts and ends with the floating-point
 * environment at its default and with empty scratch. Small: about a microsecond when the threads are awake (they spin shortly before they sleep). */
EbbStatus pool_run(Pool *, int64_t n, PoolTask task, void *ctx);

/* Scratch: 64-byte aligned, not zeroed, valid until the task returns (or work_reset to a mark). */
void *work_alloc(EbbWork *, size_t bytes);
typedef struct WorkMark {
  size_t block, used;
} WorkMark;
WorkMark work_mark(const EbbWork *);
void work_reset(EbbWork *, WorkMark);
int work_thread(const EbbWork *); /* 0 .. threads-1 */
/* Scratch for code that runs outside a pool (tests, main thread). */
EbbWork *work_new(void);
void work_free(EbbWork *);

#endif
