/* SPDX-License-Identifier: MIT
 *
 * Processes. posix_spawn, since fork from one of many threads copies the locks that the others hold. All pipes are close-on-exec: a worker that kept
 * a copy of its neighbour's would hide the neighbour's end. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MOST = 4096, CHUNK = 1 << 16, TAIL = 4000, LINE = 2000 };

static atomic_int running[MOST]; /* groups, for process_kill_all; 0: free */

static void note(pid_t id) {
  for (int i = 0; i < MOST; i++) {
    int none = 0;
    if (atomic_compare_exchange_strong(&running[i], &none, (int)id)) return;
  }
}

static void forget(pid_t id) {
  for (int i = 0; i < MOST; i++) {
    int this = (int)id;
    if (atomic_compare_exchange_strong(&running[i], &this, 0)) return;
  }
}

void process_kill_all(void) {
  for (int i = 0; i < MOST; i++) {
    int id = atomic_load(&running[i]);
    if (id > 0) kill(-id, SIGKILL);
  }
}

static void close_one(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static int spawn(Process *p, const char *command, const char *folder, const int theirs[3]) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  int error = posix_spawn_file_actions_addchdir_np(&actions, folder);
  for (int k = 0; k < 3 && error == 0; k++) error = posix_spawn_file_actions_adddup2(&actions, theirs[k], k);
  char *const arguments[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command, NULL};
  if (error == 0) error = posix_spawn(&p->id, "/bin/sh", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

EbbStatus process_start(Process *p, const char *command, const char *folder, void (*say)(void *, const char *), void *ctx) {
  *p = (Process){.in = -1, .out = -1, .err = -1, .say = say, .ctx = ctx};
  int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, error = 0;
  for (int k = 0; k < 3 && error == 0; k++)
    if (pipe2(pipes[k], O_CLOEXEC) != 0) error = errno;
  if (error == 0) error = spawn(p, command, folder, (const int[]){pipes[0][0], pipes[1][1], pipes[2][1]});
  close_one(&pipes[0][0]);
  close_one(&pipes[1][1]);
  close_one(&pipes[2][1]);
  p->in = pipes[0][1];
  p->out = pipes[1][0];
  p->err = pipes[2][0];
  if (error != 0) {
    close_one(&p->in);
    close_one(&p->out);
    close_one(&p->err);
    p->id = 0;
    return fail(EBB_E_IO, "the program \"%s\" cannot be started in %s: %s", command, folder, strerror(error));
  }
  const int own[] = {p->in, p->out, p->err};
  for (int k = 0; k < 3; k++) fcntl(own[k], F_SETFL, O_NONBLOCK);
  note(p->id);
  return EBB_OK;
}

/* Lines of errors go out as they are whole; one without an end is cut. */
static void take_errors(Process *p, const char *text, size_t n) {
  str_add_n(&p->tail, text, n);
  if (p->tail.length > TAIL) {
    size_t more = p->tail.length - TAIL / 2;
    memmove(p->tail.text, p->tail.text + more, TAIL / 2 + 1);
    p->tail.length = TAIL / 2;
  }
  for (size_t i = 0; i < n; i++) {
    if (text[i] != '\n' && text[i] != '\0') str_add_n(&p->line, text + i, 1);
    if ((text[i] != '\n' && p->line.length < LINE) || p->line.length == 0) continue;
    if (p->say != NULL) p->say(p->ctx, p->line.text);
    p->line.length = 0;
    p->line.text[0] = '\0';
  }
}

/* true: there may be more. */
static bool read_some(int *fd, char *buffer, ssize_t *n) {
  do *n = read(*fd, buffer, CHUNK);
  while (*n < 0 && errno == EINTR);
  if (*n == 0 || (*n < 0 && errno != EAGAIN)) close_one(fd);
  return *n > 0;
}

void process_pump(Process *p, double wait) {
  char buffer[CHUNK];
  struct pollfd at[3];
  nfds_t n = 0;
  if (p->in >= 0 && p->left > 0) at[n++] = (struct pollfd){.fd = p->in, .events = POLLOUT};
  if (p->out >= 0) at[n++] = (struct pollfd){.fd = p->out, .events = POLLIN};
  if (p->err >= 0) at[n++] = (struct pollfd){.fd = p->err, .events = POLLIN};
  if (n > 0 && poll(at, n, (int)(wait * 1e3)) < 0) return; /* interrupted: the caller looks why */
  if (p->in >= 0 && p->left > 0) {
    ssize_t wrote = write(p->in, p->send, p->left);
    if (wrote > 0) {
      p->send += wrote;
      p->left -= (size_t)wrote;
    }
    if (wrote < 0 && errno != EAGAIN && errno != EINTR) { /* it no longer reads: what it still has to say is in the other pipes */
      close_one(&p->in);
      p->left = 0;
    }
  }
  ssize_t got;
  if (p->err >= 0 && read_some(&p->err, buffer, &got)) take_errors(p, buffer, (size_t)got);
  if (p->out >= 0 && read_some(&p->out, buffer, &got)) str_add_n(&p->got, buffer, (size_t)got);
  p->ended = p->out < 0;
}

void process_take(Process *p, size_t n) {
  p->got.length -= n;
  memmove(p->got.text, p->got.text + n, p->got.length + 1);
}

void process_hang_up(Process *p) { close_one(&p->in); }

/* Whether it has ended; it stays a zombie, so that its group's number is not given to another. */
static bool is_over(pid_t id) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

void process_stop(Process *p, double patience, char ending[64]) {
  ending[0] = '\0';
  if (p->id <= 0) return;
  close_one(&p->in);
  double until = seconds() + patience;
  bool by_itself = false;
  while (!(by_itself = is_over(p->id)) && seconds() < until) {
    if (p->out >= 0 || p->err >= 0) {
      process_pump(p, 0.005);
      str_free(&p->got); /* nobody will take it */
    } else {
      nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
  }
  if (p->err >= 0) process_pump(p, 0); /* its last words */
  close_one(&p->out);
  close_one(&p->err);
  kill(-p->id, SIGKILL);
  int status = 0;
  while (waitpid(p->id, &status, 0) < 0 && errno == EINTR) continue;
  forget(p->id);
  if (!by_itself)
    snprintf(ending, 64, PROCESS_STOPPED);
  else if (WIFSIGNALED(status))
    snprintf(ending, 64, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else
    snprintf(ending, 64, "ended with status %d", WEXITSTATUS(status));
  p->id = 0;
  str_free(&p->got);
  str_free(&p->line);
  p->ended = true;
}
