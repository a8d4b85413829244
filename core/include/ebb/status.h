/* SPDX-License-Identifier: MIT
 *
 * Status codes. Every slot that can fail returns one: 0 is fine, < 0 is fatal (the stage stops), > 0 is recoverable (the host masks what failed,
 * counts and reports it). The text of a failure is given through host->fail(); the host adds the component's name and the place in the spec. A plugin
 * never exits, aborts, raises a signal, or prints. */
#ifndef EBB_STATUS_H
#define EBB_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t EbbStatus;

enum {
  EBB_OK = 0,
  EBB_ROW_INVALID = 1,    /* recoverable: this row has no answer */
  EBB_E_CONFIG = -1,      /* the user's spec or command line is wrong */
  EBB_E_SHAPE = -2,       /* arrays that do not fit each other */
  EBB_E_NUMERIC = -3,     /* a number that is not finite, a matrix that is not definite */
  EBB_E_MEMORY = -4,      /* out of memory */
  EBB_E_IO = -5,          /* a file cannot be read or written */
  EBB_E_ABI = -6,         /* a plugin does not fit this host */
  EBB_E_UNSUPPORTED = -7, /* a combination that cannot work */
  EBB_E_CANCELLED = -8,   /* the user asked to stop; state was saved */
};

#ifdef __cplusplus
}
#endif
#endif
