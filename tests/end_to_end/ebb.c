/* SPDX-License-Identifier: MIT
 *
 * Commands in a test's folder, and the files they leave. */
#include "ebb.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const small_spec = "seed: 7\n"
                               "simulator: {use: two_moons}\n"
                               "simulations: {count: 600}\n"
                               "model:\n"
                               "  network: {use: time_mlp, width: 32, blocks: 2}\n"
                               "training: {epochs: 6, batch: 64}\n"
                               "sampling:\n"
                               "  observations: {index: [1, 2]}\n"
                               "  draws: 300\n"
                               "  sampler: {use: dpmpp_2m, steps: 6}\n";

static int calls; /* numbers the files of output */

static char *output_path(const Folder *f, int number, const char *kind) { return arena_print(f->arena, "%s/.%s%d", f->path, kind, number); }

static Child begin(const Folder *f, const char *line) {
  Child child = {.number = calls++};
  fflush(NULL);
  child.process = fork();
  if (child.process < 0) {
    perror("fork");
    exit(99);
  }
  if (child.process > 0) return child;
  setenv("EBB", EBB, 1);
  setenv("PLUGINS", PLUGINS, 1);
  setenv("BROKEN", BROKEN, 1);
  unsetenv("EBB_PLUGIN_PATH");
  unsetenv("EBB_ISA");
  if (chdir(f->path) != 0 || freopen("/dev/null", "r", stdin) == NULL || freopen(output_path(f, child.number, "out"), "w", stdout) == NULL ||
      freopen(output_path(f, child.number, "err"), "w", stderr) == NULL)
    _exit(99);
  execl("/bin/sh", "sh", "-c", line, (char *)NULL);
  _exit(99);
}

static char *line_of(const Folder *f, const char *format, va_list arguments) {
  char *line;
  if (vasprintf(&line, format, arguments) < 0) exit(99);
  char *kept = arena_copy(f->arena, line);
  free(line);
  return kept;
}

Child sh_begin(const Folder *f, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *line = line_of(f, format, arguments);
  va_end(arguments);
  return begin(f, line);
}

static char *text_of(const Folder *f, const char *path) {
  char *text;
  size_t size;
  if (file_read(f->arena, path, (size_t)1 << 30, &text, &size) == EBB_OK) return text;
  fail_clear();
  return arena_copy(f->arena, "");
}

Call sh_end(const Folder *f, Child child) {
  int status;
  while (waitpid(child.process, &status, 0) < 0)
    if (errno != EINTR) exit(99);
  return (Call){.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                .out = text_of(f, output_path(f, child.number, "out")),
                .err = text_of(f, output_path(f, child.number, "err"))};
}

Call sh(const Folder *f, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *line = line_of(f, format, arguments);
  va_end(arguments);
  return sh_end(f, begin(f, line));
}

void wait_seconds(double time) {
  struct timespec t = {(time_t)time, (long)(1e9 * (time - floor(time)))};
  while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}

bool sh_lasts(Child child, double time) {
  for (double end = seconds() + time;; wait_seconds(0.01)) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)child.process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) return false;
    if (seconds() >= end) return true;
  }
}

void call_show(const Call *call, const char *what, const char *file, int line) {
  printf("\n%s:%d: %s\nexit status %d\nstdout: %s\nstderr: %s\n", file, line, what, call->status, call->out, call->err);
}

bool call_says(const Call *call, const char *text) { return text == NULL || strstr(call->err, text) != NULL || strstr(call->out, text) != NULL; }

/* ---- Files ---- */

static char *within(const Folder *f, const char *path) { return path_join(f->arena, f->path, path); }

void put_text(const Folder *f, const char *path, const char *text) {
  if (file_write(within(f, path), text, strlen(text)) != EBB_OK) {
    printf("%s\n", fail_text());
    exit(99);
  }
}

void put_rows(const Folder *f, const char *path, int64_t rows, int64_t columns, const float *value) {
  const int64_t shape[2] = {rows, columns};
  if (npy_write_f32(within(f, path), 2, shape, value) != EBB_OK) {
    printf("%s\n", fail_text());
    exit(99);
  }
}

char *get_text(const Folder *f, const char *path) { return text_of(f, within(f, path)); }

char *bits(const Folder *f, const char *path) {
  static int absent;
  char hex[65];
  if (sha256_file(within(f, path), hex) == EBB_OK) return arena_copy(f->arena, hex);
  fail_clear();
  return arena_print(f->arena, "(none %d)", absent++);
}

const float *get_floats(const Folder *f, const char *path, int64_t *n, const char **shape) {
  Npy file;
  *n = 0;
  if (shape != NULL) *shape = "";
  if (npy_open(within(f, path), &file) != EBB_OK) {
    printf("%s\n", fail_text());
    fail_clear();
    return NULL;
  }
  float *value = ARENA_ARRAY(f->arena, float, file.size);
  if (npy_get_f32(&file, 0, file.size, value) == EBB_OK) *n = file.size;
  if (shape != NULL) *shape = npy_shape_text(f->arena, &file);
  npy_close(&file);
  return value;
}

const Json *get_json(const Folder *f, const char *path, const char *member) {
  char *text = get_text(f, path);
  Json *json;
  if (json_read(f->arena, path, text, strlen(text), &json) != EBB_OK) {
    printf("%s\n", fail_text());
    fail_clear();
    return NULL;
  }
  const Json *at = json;
  char *rest = arena_copy(f->arena, member);
  for (char *key = strsep(&rest, "."); at != NULL && key != NULL && *key != '\0'; key = strsep(&rest, ".")) {
    if (at->type != JSON_LIST) {
      at = json_get(at, key);
      continue;
    }
    at = at->first;
    for (long k = strtol(key, NULL, 10); k > 0 && at != NULL; k--) at = at->next;
  }
  return at;
}

double get_number(const Folder *f, const char *path, const char *member) {
  const Json *at = get_json(f, path, member);
  return at != NULL && at->type == JSON_NUMBER ? strtod(at->text, NULL) : NAN;
}

double get_summary(const Folder *f, const char *path, int observation, const char *parameter, const char *column) {
  char *text = get_text(f, path), *line = strsep(&text, "\n"), *start = arena_print(f->arena, "%d,%s,", observation, parameter);
  int place = -1, k = 0;
  for (char *name = strsep(&line, ","); name != NULL; name = strsep(&line, ","), k++)
    if (strcmp(name, column) == 0) place = k;
  if (place < 2) return NAN;
  while ((line = strsep(&text, "\n")) != NULL) {
    if (strncmp(line, start, strlen(start)) != 0) continue;
    line += strlen(start);
    for (k = 2; k < place; k++) strsep(&line, ",");
    return line != NULL ? strtod(line, NULL) : NAN;
  }
  return NAN;
}

double get_value(const Folder *f, const char *path, const char *name, int observation, const char *parameter, int n) {
  char *text = get_text(f, path), *number = arena_print(f->arena, "%d", observation);
  const char *start = arena_print(f->arena, "%s,%s,%s,", name, observation > 0 ? number : "", parameter);
  for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n"))
    if (strncmp(line, start, strlen(start)) == 0 && n-- == 0) return line[strlen(start)] != ',' ? strtod(line + strlen(start), NULL) : NAN;
  return NAN;
}

static uint64_t pauses;
void pause_seed(uint64_t seed) { pauses = seed; }
double pause_uniform(void) { /* splitmix64 */
  uint64_t z = (pauses += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return ((double)((z ^ (z >> 31)) >> 12) + 0.5) / 4503599627370496.0;
}

int processes_of(const Folder *f) {
  char **name;
  size_t n, size;
  int found = 0;
  if (folder_list(f->arena, "/proc", &name, &n) != EBB_OK) return 0;
  for (size_t i = 0; i < n; i++) {
    char *text;
    if (name[i][0] < '1' || name[i][0] > '9' ||
        file_read(f->arena, arena_print(f->arena, "/proc/%s/cmdline", name[i]), 1 << 20, &text, &size) != EBB_OK)
      continue;
    for (size_t k = 0; k < size; k++)
      if (text[k] == '\0') text[k] = ' ';
    found += strstr(text, f->path) != NULL;
  }
  fail_clear();
  return found;
}

const char *python(void) {
  const char *named = getenv("EBB_PYTHON");
  return named != NULL ? named : "python3";
}

bool has_python(const Folder *f, const char *packages) {
  if (sh(f, "%s -W ignore -c 'import %s'", python(), packages).status == 0) return true;
  printf("SKIP: %s with %s is not here ", python(), packages);
  return false;
}
