/* SPDX-License-Identifier: MIT
 *
 * How many threads a process may use: not what the machine has but what the job was given. A cgroup's quota holds for everything below it, so every
 * folder from the process's own up to the mount is asked, and the least counts. In a container the own path may not be visible; its parents are. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

enum { LINE = 4096 };

static bool read_line(const char *path, char line[LINE]) {
  FILE *f = fopen(path, "re");
  if (f == NULL) return false;
  bool good = fgets(line, LINE, f) != NULL;
  fclose(f);
  return good;
}

/* A whole positive number, with nothing after it but blanks; 0 if it is not. */
static long positive(const char *text) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (end == text || errno != 0 || value < 1) return 0;
  return end[strspn(end, " \t\n")] == '\0' ? value : 0;
}

static int rounded_up(long quota, long period) {
  if (quota < 1 || period < 1) return 0;
  long n = (quota - 1) / period + 1;
  return n > 1 << 20 ? 0 : (int)n;
}

/* Threads under the quota of one folder, 0 when it sets none. cpu.max of version 2 is "150000 100000" or "max 100000". */
static int quota_of(const char *folder) {
  char path[2 * LINE], quota[LINE], period[LINE];
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  if (read_line(path, quota)) {
    char *space = strchr(quota, ' ');
    if (space == NULL) return 0;
    *space = '\0';
    return rounded_up(positive(quota), positive(space + 1));
  }
  snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
  if (!read_line(path, quota)) return 0;
  snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
  if (!read_line(path, period)) return 0;
  return rounded_up(positive(quota), positive(period));
}

static int least(int a, int b) { return a == 0 ? b : b == 0 ? a : a < b ? a : b; }

static int quota_along(const char *mount, const char *path) {
  char folder[LINE];
  int n = snprintf(folder, sizeof folder, "%s%s", mount, path);
  if (n < 0 || n >= LINE) return 0;
  int threads = 0;
  for (;;) {
    threads = least(threads, quota_of(folder));
    char *slash = strrchr(folder, '/');
    if (strlen(folder) <= strlen(mount) || slash == NULL) return threads;
    *slash = '\0';
  }
}

static bool lists_cpu(const char *controllers) {
  for (const char *p = controllers; *p != '\0'; p += strcspn(p, ","), p += *p == ',')
    if (strncmp(p, "cpu", 3) == 0 && (p[3] == ',' || p[3] == '\0')) return true;
  return false;
}

/* Lines of /proc/self/cgroup are "id:controllers:path"; version 2 has the one with id 0 and no controllers. */
static int cgroup_threads(const char *root) {
  char path[LINE], line[LINE];
  int threads = 0;
  snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
  FILE *f = fopen(path, "re");
  if (f == NULL) return 0;
  while (fgets(line, sizeof line, f) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':'), *own = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (own == NULL) continue;
    *own++ = '\0';
    controllers++;
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
    bool unified = controllers[0] == '\0';
    if (!unified && !lists_cpu(controllers)) continue;
    for (size_t i = unified ? 0 : 1; i < (unified ? 1 : COUNT(mounts)); i++) {
      snprintf(path, sizeof path, "%s%s", root, mounts[i]);
      threads = least(threads, quota_along(path, own));
    }
  }
  fclose(f);
  return threads;
}

int pool_allowed_threads(const char *root, int affinity, const char *slurm, const char **source) {
  int threads = affinity > 0 ? affinity : 1, cgroup = cgroup_threads(root);
  long task = slurm == NULL ? 0 : positive(slurm);
  const char *from = "affinity";
  if (cgroup > 0 && cgroup < threads) {
    threads = cgroup;
    from = "cgroup";
  }
  if (task > 0 && task < threads) {
    threads = (int)task;
    from = "SLURM_CPUS_PER_TASK";
  }
  if (source != NULL) *source = from;
  return threads;
}

/* The mask's length is not known beforehand: machines have more processors than a cpu_set_t. */
static int affinity_threads(void) {
  for (size_t most = 1024; most <= 1 << 20; most *= 4) {
    cpu_set_t *set = CPU_ALLOC(most);
    if (set == NULL) return 1;
    size_t size = CPU_ALLOC_SIZE(most);
    int error = sched_getaffinity(0, size, set) == 0 ? 0 : errno, n = error == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (error != EINVAL) return n;
  }
  return 1;
}

int pool_default_threads(const char **source) { return pool_allowed_threads("", affinity_threads(), getenv("SLURM_CPUS_PER_TASK"), source); }
