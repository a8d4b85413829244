/* SPDX-License-Identifier: MIT
 *
 * The processor's peak, measured: what every share is a share of. */
#ifndef EBB_TESTS_PEAK_H
#define EBB_TESTS_PEAK_H

/* Float32 operations a second that `threads` cores reach together with bare multiply-adds of the instruction set in use (portable: multiplies and
 * adds, 128 bits); the best of several short loops, measured anew at each call. NAN: threads could not be started. */
double peak(int threads);
const char *peak_instructions(void); /* what the peak is made of, for a table's head */

#endif
