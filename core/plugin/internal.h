/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share: names of plugins, and the guard that keeps a plugin's code from changing the host's floating-point arithmetic.
 */
#ifndef EBB_PLUGIN_INTERNAL_H
#define EBB_PLUGIN_INTERNAL_H

#include <fenv.h>
#include <string.h>

#include "base/base.h"

enum { FIRST_KIND = 1, LAST_KIND = 9 };

/* [a-z][a-z0-9_]*. Also what keeps an id from being a path. */
static inline bool name_valid(const char *text) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz", others[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
  if (text == NULL || text[0] == '\0' || strchr(letters, text[0]) == NULL) return false;
  return text[strspn(text, others)] == '\0';
}

/* The control part of a floating-point environment: rounding, masks, flush-to-zero; without the exceptions that arithmetic raises by itself. */
static inline uint64_t float_control(const fenv_t *e) {
#if defined(__x86_64__)
  return (uint64_t)(e->__mxcsr & 0xffc0u) << 16 | e->__control_word;
#elif defined(__aarch64__)
  return e->__fpcr;
#else
  (void)e;
  return 0;
#endif
}

/* Puts `before` back; true if the control part had been changed since. Shared objects linked with -ffast-math do that when they are loaded. */
static inline bool float_restore(const fenv_t *before) {
  fenv_t now;
  fegetenv(&now);
  fesetenv(before);
  return float_control(&now) != float_control(before);
}

#endif
