/* SPDX-License-Identifier: MIT
 *
 * Which instruction set the kernels use. The best the machine has (CPUID and XCR0), or the one that EBB_ISA names (avx512, avx2, portable); asking
 * for more than the machine has is an error. Chosen once, before the first kernel. */
#ifndef EBB_NUM_ISA_H
#define EBB_NUM_ISA_H

#include "base/base.h"

EbbStatus isa_setup(const char *wanted); /* NULL or "": the best. [main], first */
const char *isa_name(void);              /* "avx512", "avx2", "portable" */
bool isa_has(const char *name);          /* whether this machine (and build) can run it */
const char *cpu_name(void);              /* the processor's brand string, "" if unknown */

#endif
