/* SPDX-License-Identifier: MIT
 *
 * Pairing of noise with data rows before a batch is corrupted, for objectives that couple them (EBB_OBJ_PAIR). The noise is the one that question_ask
 * makes again from the same addresses. */
#include <stdlib.h>

#include "num/random.h"
#include "run/train.h"

bool training_pairs(const Training *t) { return (t->model->needs.wants & EBB_OBJ_PAIR) != 0; }

EbbStatus training_pair(const Training *t, EbbRng noise, int64_t n, const uint64_t *id, const uint32_t *draw, uint64_t step, uint64_t *data) {
  const Model *m = t->model;
  const EbbObjectiveOps *ops = m->objective.ops;
  const char *name = m->objective.component->id;
  if (ops->pair == NULL) return fail(EBB_E_ABI, "objective %s wants its batches paired, but has no pair slot", name);
  int64_t d = m->d, q = m->q;
  float *x = malloc((size_t)(n * (2 * d + q)) * sizeof *x + 1), *xi = x + n * d, *y = xi + n * d;
  int32_t *take = malloc((size_t)n * sizeof *take + 1);
  EbbStatus status = EBB_OK;
  if (x == NULL || take == NULL) {
    status = fail(EBB_E_MEMORY, "no memory to pair %lld rows", (long long)n);
    goto end;
  }
  for (int64_t i = 0; i < n; i++) {
    model_theta_forward(m, t->set.theta + (int64_t)id[i] * d, x + i * d);
    for (int64_t j = 0; j < q; j++) y[i * q + j] = column_forward(&m->inputs.column[j], (double)t->set.x[(int64_t)id[i] * q + j]);
    take[i] = (int32_t)i;
  }
  random_normal_f32(noise, n, id, draw, 0, d, xi, d);
  EbbPairs pairs = {.size = sizeof pairs, .rows = n, .dim = d, .q = q, .step = step, .x = x, .noise = xi, .y = y, .take = take};
  status = ops->pair(m->objective.self, (EbbRng){noise.seed, m->objective.stream}, &pairs);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    if (take[i] < 0 || take[i] >= n)
      status = fail(EBB_E_ABI, "objective %s pairs slot %lld with row %d of %lld", name, (long long)i, take[i], (long long)n);
    if (status == EBB_OK) data[i] = id[take[i]];
  }
end:
  free(x);
  free(take);
  return status;
}
