/* SPDX-License-Identifier: MIT
 *
 * Sinks write a finished run in some format. */
#ifndef EBB_SINK_H
#define EBB_SINK_H

#include <ebb/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One array, mapped and read-only. type as in NumPy: "f4", "f8", "u1". */
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
  const char *manifest, *spec; /* JSON; resolved YAML */
} EbbRun;

typedef struct EbbSinkOps {
  uint32_t size;
  EbbStatus (*write)(const void *self, const EbbRun *, const char *folder); /* required [main] */
} EbbSinkOps;

#ifdef __cplusplus
}
#endif
#endif
