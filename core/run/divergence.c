/* SPDX-License-Identifier: MIT
 *
 * Traces. Rows go through in groups, so that tangents take a bounded part of the thread's memory. */
#include "run/divergence.h"

#include "num/random.h"
#include "run/run.h"

enum { NUMBERS = 1 << 17 }; /* of tangents at once */

/* [rows][k][dim] of +1 and -1. */
static void signs(uint64_t seed, const EbbQuery *q, int64_t k, double *out) {
  int64_t each = k * q->dim;
  random_uniform((EbbRng){seed, STREAM_PROBE}, q->rows, q->id, NULL, 0, each, out);
  for (int64_t i = 0; i < q->rows * each; i++) out[i] = out[i] < 0.5 ? -1 : 1;
}

static EbbQuery rows_of(const EbbQuery *q, int64_t first, int64_t n) {
  EbbQuery some = *q;
  some.rows = n;
  some.z += first * q->dim;
  some.at += first * q->at_step;
  some.id += first;
  some.asked += first;
  some.accepted += first;
  if (q->set != NULL) some.set += first;
  return some;
}

EbbStatus divergence_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, uint64_t seed, int64_t probes, double *xhat, double *trace) {
  int64_t d = q->dim;
  bool exact = probes == 0 && d <= DIVERGENCE_EXACT;
  int64_t k = exact ? d : probes > 0 ? probes : DIVERGENCE_PROBES, most = NUMBERS / (k * d) + 1;
  if (most > q->rows) most = q->rows;
  WorkMark mark = work_mark(work);
  double *v = exact ? NULL : work_alloc(work, (size_t)(most * k * d) * sizeof *v), *jv = work_alloc(work, (size_t)(most * k * d) * sizeof *jv);
  EbbStatus status = EBB_OK;
  for (int64_t first = 0; first < q->rows && status >= 0; first += most) {
    EbbQuery some = rows_of(q, first, q->rows - first < most ? q->rows - first : most);
    if (v != NULL) signs(seed, &some, k, v);
    status = f->jvp(f, work, &some, k, v, xhat + first * d, jv);
    for (int64_t i = 0; i < some.rows && status >= 0; i++) {
      double sum = 0;
      for (int64_t p = 0; p < k; p++) {
        const double *tangent = jv + (i * k + p) * d;
        if (exact) sum += tangent[p];
        for (int64_t j = 0; j < d && !exact; j++) sum += v[(i * k + p) * d + j] * tangent[j];
      }
      trace[first + i] = exact ? sum : sum / (double)k;
    }
  }
  work_reset(work, mark);
  return status;
}
