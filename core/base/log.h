/* SPDX-License-Identifier: MIT
 *
 * What a person or a script sees while work goes on: log lines and progress, on stderr. On a terminal a stage is one line that is redrawn (bar, rate,
 * time left, a short note such as the loss); elsewhere a plain line at the start, then at most one every ten seconds, and one at the end. With
 * `--log json` each is one JSON object a line. --quiet keeps warnings and errors. */
#ifndef EBB_BASE_LOG_H
#define EBB_BASE_LOG_H

#include "base/base.h"

typedef enum LogLevel { LOG_INFO, LOG_WARNING, LOG_ERROR } LogLevel;
typedef struct LogOptions {
  bool quiet, json;
} LogOptions;

void log_setup(LogOptions);
void log_line(LogLevel, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Progress of one stage; [main] only. The time left comes from the rate over the last half of the work done, so that a slow start does not spoil it.
 */
typedef struct Progress Progress;
Progress *progress_begin(const char *stage, const char *unit, int64_t total, int64_t done);
void progress_at(Progress *, int64_t done, const char *note); /* cheap: draws at most ten times a second; note may be NULL */
/* For worker threads: adds to a counter that the main thread shows while it waits inside pool_run. */
void progress_add(Progress *, int64_t n);
/* Draws what workers have added to the calling thread's newest progress, if due. The pool calls it between tasks and while it waits. */
void progress_tick(void);
/* Units so large that one takes long: done and total are counted in `scale` steps a unit from here on (right after the beginning). Work that is worth
 * `steps` is announced by progress_expect; each of its `parts` tasks then gives its share, from any thread. progress_current: of the calling thread,
 * NULL if none. */
void progress_fine(Progress *, int64_t scale);
void progress_expect(Progress *, int64_t steps);
void progress_share(Progress *, int64_t parts); /* NULL-safe */
Progress *progress_current(void);
void progress_end(Progress *, const char *note); /* NULL-safe; frees */

#endif
