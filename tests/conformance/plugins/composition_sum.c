/* SPDX-License-Identifier: MIT
 *
 * For tests: the sum of Geffner, Papamakarios, Mnih 2023 (2209.14249), eq. 7, s = (1-n) s_0 + sum_i s_i with the diffused prior's s_0. Its weights
 * sum to 1, so that xhat obeys the same formula. Not the score of any diffused density between the ends. */
#include <ebb/composition.h>

static EbbStatus combine(const void *self, const void *state, EbbWork *work, const EbbItems *items, const EbbField *prior, const EbbQuery *q,
                         double *xhat) {
  (void)state;
  const EbbHost *host = ebb_host_of(self);
  int64_t numbers = q->rows * q->dim;
  double *part = host->scratch(work, (size_t)(items->chunk * numbers) * sizeof *part);
  EbbStatus status = prior->eval(prior, work, q, part);
  if (status != EBB_OK) return status;
  for (int64_t j = 0; j < numbers; j++) xhat[j] = (double)(1 - items->n) * part[j];
  for (int64_t first = 0; first < items->n; first += items->chunk) {
    int64_t count = items->n - first < items->chunk ? items->n - first : items->chunk;
    status = items->pull(items, work, q, first, count, NULL, part, NULL);
    if (status != EBB_OK) return status;
    for (int64_t k = 0; k < count; k++)
      for (int64_t j = 0; j < numbers; j++) xhat[j] += part[k * numbers + j];
  }
  return EBB_OK;
}

static const EbbCompositionOps ops = {.size = sizeof ops, .flags = EBB_LINEAR, .result = EBB_BRIDGE, .combine = combine};
static const EbbComponent sum = {
    .size = sizeof(EbbComponent),
    .kind = EBB_COMPOSITION,
    .id = "sum",
    .summary = "plain sum of scores; for annealed Langevin only",
    .version = "1.0",
    .reference = "2209.14249, eq. 7",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&sum)
