/* SPDX-License-Identifier: MIT
 *
 * Sinks write a finished run in some format. */
#ifndef EBB_SINK_H
#define EBB_SINK_H

#include <ebb/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One array, in C order, read-only. type as in NumPy: "f4", "f8", "u1", "i8". Within a group an array that bears the name of its only dimension gives
 * the coordinates along it. */
typedef struct EbbArray {
  const char *group, *name, *type;
  int64_t ndim, shape[4];
  const void *data;
  const char *const *dims; /* [ndim] */
} EbbArray;

typedef struct EbbRun {
  uint32_t size;
  int64_t arrays;
  const EbbArray *array;
  const char *manifest, *spec;   /* JSON; resolved YAML */
  const char *version, *started; /* of Ebb; when the run began, as 2026-01-31T12:00:00Z. NULL: not known */
} EbbRun;

typedef struct EbbSinkOps {
  uint32_t size;
  /* required [main] below folder, which is there; over what an earlier call left */
  EbbStatus (*write)(const void *self, const EbbRun *, const char *folder);
} EbbSinkOps;

#ifdef __cplusplus
}
#endif
#endif
