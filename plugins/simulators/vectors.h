/* SPDX-License-Identifier: MIT
 *
 * The frame of a simulator whose parameters and data are vectors, and whose published observations are rows of a table. */
#ifndef EBB_PLUGINS_VECTORS_H
#define EBB_PLUGINS_VECTORS_H

#include <math.h>

#include <ebb/simulator.h>

/* d parameters, q numbers of data a row. */
static inline EbbStatus describe_vectors(int64_t d, int64_t q, const EbbParameter *parameter, int64_t observations, EbbModelInfo *out) {
  out->theta = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = d};
  out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = q};
  out->parameter = parameter;
  out->observations = observations;
  return EBB_OK;
}

/* One published observation [q] and the parameters [d] that it was made with. */
static inline EbbStatus give(int64_t q, const double *observed, int64_t d, const double *truths, EbbData *out, float *truth) {
  for (int64_t j = 0; j < q; j++) out->value[j] = (float)observed[j];
  for (int64_t j = 0; j < d; j++) truth[j] = (float)truths[j];
  return EBB_OK;
}

#endif
