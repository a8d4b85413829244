/* SPDX-License-Identifier: MIT
 *
 * Simulators in any language: the built-in simulator `command` keeps a few copies of a program running and speaks with each over its pipes.
 *
 *     to its input     rows N seed S bytes B\n   and B bytes of .npy: the parameters, float32 (N, parameters)
 *     from its output  bytes B\n                 and B bytes of .npy: the data, (N, numbers), any float or integer type
 *
 * It is part of the host and no plugin, since it starts processes, listens to the user's Ctrl-C and needs a permission that a plugin could pass over:
 * a spec must not run programs by itself. */
#ifndef EBB_RUN_COMMAND_H
#define EBB_RUN_COMMAND_H

#include "base/file.h"
#include "plugin/plugin.h"

extern const EbbComponent command_component;

/* For a simulator of a spec that is no instance yet. Whether it is this one; the user's permission; the files beside the spec that its text names,
 * into a hash. */
bool command_is(const EbbChild *);
void command_allow(EbbChild *);
EbbStatus command_add_files(Arena *, const EbbChild *, Sha256 *);
/* Refuses a simulator that may not run, an instance or not; any other is fine. */
EbbStatus command_permitted(const EbbChild *);

#endif
