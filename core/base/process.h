/* SPDX-License-Identifier: MIT
 *
 * A program run beside this one, with pipes to its input, output and errors. Its output is gathered until somebody takes it; its errors are handed
 * over line by line and their end is kept. It is the leader of a process group of its own, so that what it starts ends with it; a Ctrl-C on the
 * terminal does not reach it, whoever started it ends it. One thread at a time. SIGPIPE must be ignored in this process. */
#ifndef EBB_BASE_PROCESS_H
#define EBB_BASE_PROCESS_H

#include <sys/types.h>

#include "base/base.h"

#define PROCESS_STOPPED "was stopped" /* an ending: it did not end by itself */

typedef struct Process {
  pid_t id;
  int in, out, err; /* not blocking; -1: closed */
  const char *send; /* the caller's: what is left to write */
  size_t left;
  Str got;        /* output that nobody has taken yet */
  Str line, tail; /* errors: an unfinished line; the last few thousand bytes */
  bool ended;     /* its output is at its end */
  void (*say)(void *ctx, const char *line);
  void *ctx;
} Process;

/* command: for /bin/sh; folder: where it runs. say is called with each line of its errors. */
EbbStatus process_start(Process *, const char *command, const char *folder, void (*say)(void *, const char *), void *ctx);
/* Writes and reads what can be without waiting longer than so many seconds for the first of it. */
void process_pump(Process *, double wait);
/* Takes n bytes off what was gathered. */
void process_take(Process *, size_t n);
void process_hang_up(Process *); /* closes its input: nothing more will come */
/* Closes the pipes; waits so many seconds for it to end by itself, then kills its group. How it ended: "ended with status 1". Frees what it holds
 * but for the tail, which the caller may want and frees; a process that was never started, or is stopped already, is left alone. */
void process_stop(Process *, double patience, char ending[64]);
/* Kills all groups that are running. For a signal's handler. */
void process_kill_all(void);

#endif
