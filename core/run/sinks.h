/* SPDX-License-Identifier: MIT
 *
 * The sinks of a spec: made and checked before any work, called when the run's folder is whole. They take part in no key and change nothing else. */
#ifndef EBB_RUN_SINKS_H
#define EBB_RUN_SINKS_H

#include "run/run.h"

EbbStatus sinks_make(Run *);
EbbStatus sinks_write(const Run *);
void sinks_free(Run *); /* also where sinks_make failed or was not called */

#endif
