/* SPDX-License-Identifier: MIT
 *
 * The breadcrumb: code in the same process cannot be contained, but a crash can say whose it was. Each thread notes the component and slot it enters;
 * a handler prints the note with write(2) only, then lets the signal kill the process as it would have. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/plugin.h"

static _Thread_local struct {
  const EbbComponent *component; /* NULL: in the host */
  const char *slot;
  int64_t rows;
} here;

void breadcrumb(const EbbComponent *component, const char *slot, int64_t rows) {
  here.component = component;
  here.slot = slot;
  here.rows = rows;
}

/* No stdio in a handler: text is collected here. */
typedef struct Line {
  char text[256];
  size_t length;
} Line;

static void put(Line *line, const char *text) {
  while (*text != '\0' && line->length < sizeof line->text - 1) line->text[line->length++] = *text++;
}

static void put_number(Line *line, int64_t v) {
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  uint64_t rest = v < 0 ? 0 : (uint64_t)v;
  do digits[--at] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  put(line, digits + at);
}

static const char *name_of(int number) {
  switch (number) {
  case SIGSEGV: return "SIGSEGV (bad memory access)";
  case SIGBUS: return "SIGBUS (bad memory access, or a mapped file that became shorter)";
  case SIGFPE: return "SIGFPE (arithmetic)";
  case SIGILL: return "SIGILL (an instruction this processor lacks)";
  case SIGABRT: return "SIGABRT (abort)";
  default: return "a signal";
  }
}

static void handler(int number) {
  Line line = {.length = 0};
  put(&line, "ebb: killed by ");
  put(&line, name_of(number));
  if (here.component != NULL) {
    put(&line, " in ");
    put(&line, kind_name(here.component->kind));
    put(&line, "/");
    put(&line, here.component->id);
    put(&line, ", slot ");
    put(&line, here.slot != NULL ? here.slot : "?");
    if (here.rows > 0) {
      put(&line, ", rows ");
      put_number(&line, here.rows);
    }
  } else {
    put(&line, " in ebb itself");
  }
  put(&line, "\n");
  if (write(STDERR_FILENO, line.text, line.length) < 0) line.length = 0; /* nothing to be done */
  signal(number, SIG_DFL);
  raise(number); /* blocked here, delivered on return */
}

void breadcrumb_install(void) {
  static char stack[64 * 1024]; /* so that a stack overflow of the main thread can be told */
  stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&own, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t i = 0; i < COUNT(fatal); i++) sigaction(fatal[i], &action, NULL);
}
