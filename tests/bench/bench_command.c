/* SPDX-License-Identifier: MIT
 *
 * What is measured on the executable: how fast it starts, the two-sample test on files, and how much memory the large runs take. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

/* Anonymous resident bytes of a process: what is mapped from files does not count, the system may drop it. */
static int64_t anonymous_bytes(pid_t process) {
  char path[64], text[128];
  snprintf(path, sizeof path, "/proc/%d/status", (int)process);
  FILE *f = fopen(path, "r");
  long long kilobytes = 0;
  if (f == NULL) return 0;
  while (fgets(text, sizeof text, f) != NULL && sscanf(text, "RssAnon: %lld kB", &kilobytes) != 1) continue;
  fclose(f);
  return kilobytes * 1024;
}

Child child_run(Bench *b, const char *const *arguments, bool watch_memory) {
  enum { MOST = 32 };
  char *argv[MOST + 2] = {arena_copy(b->arena, b->ebb)};
  for (int i = 0; i < MOST && arguments[i] != NULL; i++) argv[i + 1] = arena_copy(b->arena, arguments[i]);
  const char *said = path_join(b->arena, b->scratch, "said");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  Child child = {.seconds = seconds()};
  pid_t process;
  if (posix_spawn(&process, b->ebb, &files, NULL, argv, environ) != 0) must(fail(EBB_E_IO, "cannot start %s: %s", b->ebb, strerror(errno)));
  int status = 0;
  while (watch_memory && waitpid(process, &status, WNOHANG) == 0) {
    int64_t now = anonymous_bytes(process);
    if (now > child.anonymous) child.anonymous = now;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
  if (!watch_memory)
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  child.seconds = seconds() - child.seconds;
  posix_spawn_file_actions_destroy(&files);
  if (status != 0) {
    char *text = "";
    size_t size;
    if (file_read(b->arena, said, 1 << 20, &text, &size) != EBB_OK) text = "";
    must(fail(EBB_E_IO, "%s %s ended with status %d: %s", b->ebb, arguments[0], status, text));
  }
  return child;
}

static double best_start(Bench *b, const char *const *arguments) {
  double best = INFINITY;
  for (int i = 0; i < 40; i++) best = fmin(best, child_run(b, arguments, false).seconds);
  return best;
}

void bench_command(Bench *b) {
  static const char *const version[] = {"--version", NULL}, *const describe[] = {"describe", "sampler/heun", NULL};
  line(b, "ebb --version", 1e3 * best_start(b, version), "ms", AT_MOST, 5);
  line(b, "ebb describe sampler/heun", 1e3 * best_start(b, describe), "ms", AT_MOST, 20);
}

/* Gaussians, the second set narrower: a test that has something to find. */
static const char *gaussians(Bench *b, int64_t rows, int64_t d, uint64_t stream, double sd) {
  const char *path = arena_print(b->arena, "%s/gaussian_%lld_%d.npy", b->scratch, (long long)d, (int)stream);
  float *x = ARENA_ARRAY(b->arena, float, rows *d);
  uint64_t *id = ARENA_ARRAY(b->arena, uint64_t, rows);
  for (int64_t i = 0; i < rows; i++) id[i] = (uint64_t)i;
  random_normal_f32((EbbRng){7, (uint32_t)stream}, rows, id, NULL, 0, d, x, d);
  for (int64_t i = 0; i < rows * d; i++) x[i] *= (float)sd;
  const int64_t shape[2] = {rows, d};
  must(npy_write_f32(path, 2, shape, x));
  return path;
}

void bench_c2st(Bench *b) {
  static const int64_t dims[] = {2, 10};
  static const char *const protocol[][2] = {{"mlp", "c2st"}, {"rf", "c2st by a random forest"}};
  for (size_t i = 0; i < COUNT(dims); i++)
    for (size_t k = 0; k < COUNT(protocol); k++) {
      const char *arguments[] = {
          "c2st", gaussians(b, 10000, dims[i], 1, 1), gaussians(b, 10000, dims[i], 2, 0.9), "--protocol", protocol[k][0], "--quiet", NULL};
      double best = child_run(b, arguments, false).seconds;
      if (best < 2) best = fmin(best, child_run(b, arguments, false).seconds);
      line(b, arena_print(b->arena, "%s, 10,000 against 10,000, d = %lld", protocol[k][1], (long long)dims[i]), best, "s", AT_MOST, NAN);
    }
}

/* ---- Memory ---- */

static void memory_line(Bench *b, const char *what, Child child) {
  line(b, what, (double)child.anonymous / 1e6, "MB", AT_MOST, 300);
  line(b, arena_print(b->arena, "%s, seconds", what), child.seconds, "s", AT_MOST, NAN);
}

void bench_memory(Bench *b) {
  Arena *a = b->arena;
  const char *spec = path_join(a, b->scratch, "memory.yaml"), *observed = gaussians(b, 1000, 100, 3, 3), *runs = path_join(a, b->scratch, "runs");
  const char *text =
      arena_print(a,
                  "seed: 7\nsimulator: {use: linear_gaussian, d: 5, q: 100}\nsimulations: {count: 1000}\n"
                  "training: {epochs: 1}\nsampling:\n  draws: 1000\n  observations: {file: %s}\n  sampler: {use: dpmpp_2m, steps: 2}\n",
                  observed);
  must(file_write(spec, text, strlen(text)));
  const char *sample[] = {"sample", spec, "--runs", runs, "--quiet", NULL};
  memory_line(b, "sampling, 1,000 observations x 1,000 draws, anonymous memory", child_run(b, sample, true));
  const char *train[] = {"train", spec, "--runs", runs, "--quiet", "--set", "simulations.count=1000000", "--set", "training.batch=256", NULL};
  memory_line(b, "training on 1,000,000 x 100 numbers, anonymous memory", child_run(b, train, true));
}
