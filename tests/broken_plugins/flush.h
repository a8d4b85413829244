/* SPDX-License-Identifier: MIT
 *
 * Flushes denormals to zero (FTZ and DAZ), which no plugin may do. */
#ifndef EBB_TESTS_FLUSH_H
#define EBB_TESTS_FLUSH_H

#if defined(__x86_64__)
#include <immintrin.h>
static inline void flush_denormals(void) { _mm_setcsr(_mm_getcsr() | 0x8040u); }
#else
static inline void flush_denormals(void) {}
#endif

#endif
