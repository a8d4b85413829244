/* SPDX-License-Identifier: MIT
 *
 * The pool, its scratch memory, and the number of threads a job may use. Runs under the thread sanitizer, too. */
#include <fenv.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pool.h"
#include "folder.h"
#include "test.h"

enum { MOST = 1000 };
static const int thread_counts[] = {1, 2, 3, 5};

typedef struct Count {
  atomic_int hits[MOST];
  long plain[MOST]; /* written without atomics: the pool itself has to order it for the caller */
} Count;

static EbbStatus count_one(void *ctx, EbbWork *work, int64_t i) {
  Count *c = ctx;
  atomic_fetch_add(&c->hits[i], 1);
  c->plain[i] += i + 1;
  return work_thread(work) >= 0 ? EBB_OK : EBB_E_MEMORY;
}

static void every_index_runs_once(void) {
  static const int64_t sizes[] = {0, 1, 2, 3, 10, MOST};
  for (size_t t = 0; t < COUNT(thread_counts); t++) {
    Pool *pool;
    Count *c = calloc(1, sizeof *c);
    CU_ASSERT_EQUAL_FATAL(pool_new(thread_counts[t], &pool), EBB_OK);
    CU_ASSERT_EQUAL(pool_threads(pool), thread_counts[t]);
    int wrong = 0;
    for (int round = 0; round < 50; round++) {
      if (round % 10 == 0) usleep(2000); /* so that the workers sleep at times */
      for (size_t s = 0; s < COUNT(sizes); s++)
        if (pool_run(pool, sizes[s], count_one, c) != EBB_OK) wrong++;
    }
    for (int64_t i = 0; i < MOST; i++) {
      int expected = 0;
      for (size_t s = 0; s < COUNT(sizes); s++) expected += i < sizes[s] ? 50 : 0;
      wrong += atomic_load(&c->hits[i]) != expected || c->plain[i] != expected * (i + 1);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pool_free(pool);
    free(c);
  }
  pool_free(NULL);
}

/* Waits so that higher indices fail first where there are threads for them. */
static EbbStatus fail_from(void *ctx, EbbWork *work, int64_t i) {
  int64_t from = *(int64_t *)ctx;
  (void)work;
  if (i < from) return EBB_OK;
  for (int k = 0; i == from && k < 20; k++) sched_yield();
  return fail(i == from ? EBB_E_NUMERIC : EBB_E_IO, "row %lld is not finite", (long long)i);
}

static void the_failure_with_the_lowest_index_wins(void) {
  for (size_t t = 0; t < COUNT(thread_counts); t++) {
    Pool *pool;
    CU_ASSERT_EQUAL_FATAL(pool_new(thread_counts[t], &pool), EBB_OK);
    for (int64_t from = 0; from < 200; from++) {
      char expected[64];
      snprintf(expected, sizeof expected, "row %lld is not finite", (long long)from);
      CU_ASSERT_EQUAL(pool_run(pool, 300, fail_from, &from), EBB_E_NUMERIC);
      CU_ASSERT_STRING_EQUAL(fail_text(), expected);
    }
    int64_t never = 1000;
    CU_ASSERT_EQUAL(pool_run(pool, 300, fail_from, &never), EBB_OK);
    pool_free(pool);
  }
}

static EbbStatus fail_silently(void *ctx, EbbWork *work, int64_t i) {
  (void)ctx, (void)work;
  return i == 3 ? EBB_E_NUMERIC : EBB_OK;
}

static void a_failure_without_text_gets_one_and_not_an_old_one(void) {
  Pool *pool;
  CU_ASSERT_EQUAL_FATAL(pool_new(2, &pool), EBB_OK);
  fail(EBB_E_IO, "an old story");
  CU_ASSERT_EQUAL(pool_run(pool, 5, fail_silently, NULL), EBB_E_NUMERIC);
  CU_ASSERT_STRING_EQUAL(fail_text(), "task 3 failed with status -3 and no message");
  pool_free(pool);
}

/* By results: towards zero 1 - 2^-60 is below 1; flushed to zero twice the smallest number is 0. */
static bool arithmetic_is_default(void) {
  volatile double one = 1, little = 0x1p-60, tiny = 4e-324;
  return one - little == 1 && one + little == 1 && tiny + tiny > 0 && fegetround() == FE_TONEAREST;
}

/* Leaves behind what some library may. ctx: how many tasks found something else than the default. */
static EbbStatus change_rounding(void *ctx, EbbWork *work, int64_t i) {
  (void)work, (void)i;
  if (!arithmetic_is_default()) atomic_fetch_add((atomic_int *)ctx, 1);
#if defined(__x86_64__)
  unsigned control = 0xffc0; /* towards zero, flush to zero, denormals are zero */
  __asm__ volatile("ldmxcsr %0" : : "m"(control));
#else
  fesetround(FE_UPWARD);
#endif
  return EBB_OK;
}

static void each_task_starts_with_the_default_floating_point_environment(void) {
  for (int threads = 1; threads <= 3; threads++) {
    Pool *pool;
    atomic_int changed = 0;
    CU_ASSERT_EQUAL_FATAL(pool_new(threads, &pool), EBB_OK);
    for (int round = 0; round < 5; round++) {
      fesetround(FE_DOWNWARD);
      CU_ASSERT_EQUAL(pool_run(pool, 50, change_rounding, &changed), EBB_OK);
      CU_ASSERT_TRUE(arithmetic_is_default());
    }
    CU_ASSERT_EQUAL(atomic_load(&changed), 0);
    pool_free(pool);
  }
}

static EbbStatus use_scratch(void *ctx, EbbWork *work, int64_t i) {
  atomic_int *wrong = ctx;
  WorkMark start = work_mark(work);
  if (start.block != 0 || start.used != 0) atomic_fetch_add(wrong, 1);
  unsigned char *p[20];
  for (size_t k = 0; k < COUNT(p); k++) {
    p[k] = work_alloc(work, 50000 * k);
    if ((uintptr_t)p[k] % 64 != 0) atomic_fetch_add(wrong, 1);
    memset(p[k], (int)k, 50000 * k);
  }
  WorkMark mark = work_mark(work);
  unsigned char *again = work_alloc(work, 100);
  memset(again, 0xFF, 100);
  work_reset(work, mark);
  if (work_alloc(work, 100) != again) atomic_fetch_add(wrong, 1);
  for (size_t k = 1; k < COUNT(p); k++)
    if (p[k][0] != k || p[k][50000 * k - 1] != k) atomic_fetch_add(wrong, 1);
  return i < 0 ? EBB_E_SHAPE : EBB_OK;
}

static void scratch_is_apart_aligned_and_empty_for_each_task(void) {
  Pool *pool;
  atomic_int wrong = 0;
  CU_ASSERT_EQUAL_FATAL(pool_new(3, &pool), EBB_OK);
  for (int round = 0; round < 5; round++) CU_ASSERT_EQUAL(pool_run(pool, 10, use_scratch, &wrong), EBB_OK);
  pool_free(pool);
  EbbWork *work = work_new();
  CU_ASSERT_EQUAL(use_scratch(&wrong, work, 0), EBB_OK);
  CU_ASSERT_EQUAL(work_thread(work), 0);
  work_free(work);
  work_free(NULL);
  CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
}

static EbbStatus run_within(void *ctx, EbbWork *work, int64_t i) {
  int64_t never = 9;
  (void)work, (void)i;
  return pool_run(ctx, 2, fail_from, &never);
}

static void what_cannot_be_done_is_refused(void) {
  Pool *pool;
  CU_ASSERT_EQUAL(pool_new(0, &pool), EBB_E_CONFIG);
  CU_ASSERT_PTR_NULL(pool);
  CU_ASSERT_EQUAL(pool_new(1000000, &pool), EBB_E_CONFIG);
  CU_ASSERT_EQUAL_FATAL(pool_new(2, &pool), EBB_OK);
  CU_ASSERT_EQUAL(pool_run(pool, 4, run_within, pool), EBB_E_UNSUPPORTED);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "must not nest"));
  pool_free(pool);
}

static EbbStatus add_progress(void *ctx, EbbWork *work, int64_t i) {
  (void)work, (void)i;
  progress_add(ctx, 2);
  log_line(LOG_INFO, "from a worker");
  return EBB_OK;
}

/* For the thread sanitizer: counts and lines from all threads while the caller draws. */
static void workers_may_count_and_log(void) {
  Pool *pool;
  log_setup((LogOptions){.quiet = true});
  CU_ASSERT_EQUAL_FATAL(pool_new(3, &pool), EBB_OK);
  Progress *p = progress_begin("counting", "rows", 400, 0);
  CU_ASSERT_EQUAL(pool_run(pool, 200, add_progress, p), EBB_OK);
  progress_end(p, NULL);
  pool_free(pool);
  log_setup((LogOptions){0});
}

/* A30. Each case is a machine of 64 processors with the files given. */
static void the_least_of_affinity_quota_and_slurm_counts(void) {
  static const struct {
    const char *cgroup, *file, *text, *file2, *text2, *slurm;
    int threads;
    const char *source;
  } known[] = {
      {NULL, NULL, NULL, NULL, NULL, NULL, 64, "affinity"},
      {"0::/job\n", "sys/fs/cgroup/job/cpu.max", "150000 100000\n", NULL, NULL, NULL, 2, "cgroup"},
      {"0::/job\n", "sys/fs/cgroup/job/cpu.max", "max 100000\n", NULL, NULL, NULL, 64, "affinity"},
      {"0::/job/step\n", "sys/fs/cgroup/job/cpu.max", "300000 100000\n", "sys/fs/cgroup/job/step/cpu.max", "max 100000\n", NULL, 3, "cgroup"},
      {"0::/job/step\n", "sys/fs/cgroup/job/cpu.max", "300000 100000\n", "sys/fs/cgroup/job/step/cpu.max", "10000 100000\n", NULL, 1, "cgroup"},
      {"0::/../outside\n", "sys/fs/cgroup/cpu.max", "400000 100000\n", NULL, NULL, NULL, 4, "cgroup"},
      {"0::/\n", "sys/fs/cgroup/cpu.max", "100001 100000\n", NULL, NULL, NULL, 2, "cgroup"},
      {"0::/\n", "sys/fs/cgroup/cpu.max", "nonsense\n", NULL, NULL, NULL, 64, "affinity"},
      {"0::/\n", "sys/fs/cgroup/cpu.max", "100000 0\n", NULL, NULL, NULL, 64, "affinity"},
      {"5:memory:/a\n3:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us",
       "100000\n", NULL, 3, "cgroup"},
      {"3:cpu:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n", "sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n", NULL, 64, "affinity"},
      {"2:cpuset:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "100000\n", "sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n", NULL, 64,
       "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "3", 3, "SLURM_CPUS_PER_TASK"},
      {NULL, NULL, NULL, NULL, NULL, "65", 64, "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "garbage", 64, "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "3x", 64, "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "-3", 64, "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "0", 64, "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "99999999999999999999", 64, "affinity"},
      {NULL, NULL, NULL, NULL, NULL, "", 64, "affinity"},
      {"0::/job\n", "sys/fs/cgroup/job/cpu.max", "500000 100000\n", NULL, NULL, "4", 4, "SLURM_CPUS_PER_TASK"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    Folder f = folder_begin();
    const char *names[] = {"proc/self/cgroup", known[i].file, known[i].file2}, *texts[] = {known[i].cgroup, known[i].text, known[i].text2};
    for (size_t k = 0; k < COUNT(names); k++) {
      if (names[k] == NULL || texts[k] == NULL) continue;
      const char *path = path_join(f.arena, f.path, names[k]);
      CU_ASSERT_EQUAL(folder_make(path_folder(f.arena, path)), EBB_OK);
      CU_ASSERT_EQUAL(file_write(path, texts[k], strlen(texts[k])), EBB_OK);
    }
    const char *source = NULL;
    int threads = pool_allowed_threads(f.path, 64, known[i].slurm, &source);
    if (threads != known[i].threads || strcmp(source, known[i].source) != 0) printf("case %zu: %d from %s\n", i, threads, source);
    CU_ASSERT_EQUAL(threads, known[i].threads);
    CU_ASSERT_STRING_EQUAL(source, known[i].source);
    folder_end(&f);
  }
  cpu_set_t before, one;
  if (sched_getaffinity(0, sizeof before, &before) == 0) {
    size_t first = 0;
    while (!CPU_ISSET(first, &before)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    sched_setaffinity(0, sizeof one, &one);
    CU_ASSERT_EQUAL(pool_default_threads(NULL), 1);
    sched_setaffinity(0, sizeof before, &before);
  }
}

static const Test tests[] = {
    {"every index runs once", every_index_runs_once},
    {"the failure with the lowest index wins", the_failure_with_the_lowest_index_wins},
    {"a failure without text gets one, and not an old one", a_failure_without_text_gets_one_and_not_an_old_one},
    {"each task starts with the default floating-point environment", each_task_starts_with_the_default_floating_point_environment},
    {"scratch is apart, aligned and empty for each task", scratch_is_apart_aligned_and_empty_for_each_task},
    {"what cannot be done is refused", what_cannot_be_done_is_refused},
    {"workers may count and log", workers_may_count_and_log},
    {"the least of affinity, quota and SLURM counts", the_least_of_affinity_quota_and_slurm_counts},
};
TEST_MAIN("pool", tests)
