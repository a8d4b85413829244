/* SPDX-License-Identifier: MIT
 *
 * Composition: from the fields of n conditionally independent observations and the diffused prior's field to that of p(x | y_1..n) ~ p(x)^(1-n) prod
 * p(x | y_i). One item never reaches a composition. Sums over items run in a fixed tree over items sorted by content, so that the user's order
 * changes no bit. Geffner 2023 (2209.14249), Linhart 2024 (2404.07593). */
#ifndef EBB_COMPOSITION_H
#define EBB_COMPOSITION_H

#include <ebb/guidance.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EbbCompositionOps {
  uint32_t size, flags;                                                     /* EBB_LINEAR */
  uint32_t result;                                                          /* field kind of the answer: EBB_MEAN, EBB_BRIDGE ... */
  uint32_t (*needs)(const void *self);                                      /* optional [any] EBB_NEED_...; none */
  EbbStatus (*prepare)(const void *self, const EbbPrepare *, void **state); /* optional [main] tables, once a set; state NULL */
  /* required [worker] xhat [rows][dim] */
  EbbStatus (*combine)(const void *self, const void *state, EbbWork *, const EbbItems *, const EbbField *prior, const EbbQuery *, double *xhat);
} EbbCompositionOps;

#ifdef __cplusplus
}
#endif
#endif
