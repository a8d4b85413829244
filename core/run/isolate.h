/* SPDX-License-Identifier: MIT
 *
 * Simulations in processes of their own, so that a simulator that crashes costs the row and not the run: `simulator: {use: X, isolate: true}`. A
 * simulator is wrapped in a component that looks exactly like it and hands its `simulate` to a worker; everything else stays here. The same rows give
 * the same bits as without. */
#ifndef EBB_RUN_ISOLATE_H
#define EBB_RUN_ISOLATE_H

#include "plugin/plugin.h"

/* Of a simulator that is no instance yet: wraps it, for so many workers. After plugin_create, isolate_ready gives the wrapper the simulator's own
 * stream and the slots that it has. */
void isolate_wrap(Arena *, EbbChild *simulator, int workers);
void isolate_ready(Arena *, EbbChild *simulator);

#endif
