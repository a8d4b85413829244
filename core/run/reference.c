/* SPDX-License-Identifier: MIT
 *
 * Reference posteriors: from files, or from the simulator's exact sampler. */
#include "run/reference.h"

#include <inttypes.h>
#include <string.h>

char *reference_path(Arena *arena, const char *pattern, int64_t k) {
  const char *at = strstr(pattern, "{k}");
  if (at == NULL) return arena_copy(arena, pattern);
  return arena_print(arena, "%.*s%" PRId64 "%s", (int)(at - pattern), pattern, k, at + 3);
}

enum { BLOCK = 1000 }; /* rows a task */

typedef struct Exact {
  const Run *run;
  const EbbData *one;
  int64_t k, rows;
  float *theta;
} Exact;

static EbbStatus exact_block(void *ctx, EbbWork *work, int64_t task) {
  const Exact *e = ctx;
  int64_t first = task * BLOCK, n = e->rows - first < BLOCK ? e->rows - first : BLOCK;
  uint64_t *id = work_alloc(work, (size_t)n * sizeof *id);
  for (int64_t i = 0; i < n; i++) id[i] = (uint64_t)e->k << 32 | (uint64_t)(first + i);
  const EbbSimulatorOps *ops = e->run->simulator.ops;
  int64_t d = ebb_layout_numbers(&e->run->info.theta);
  return ops->reference(e->run->simulator.self, work, (EbbRng){e->run->spec->sampling.seed, STREAM_REFERENCE}, e->one, n, id, e->theta + first * d);
}

EbbData observation_row(const EbbData *data, int64_t i) {
  EbbData one = *data;
  one.rows = 1;
  one.value = data->value + i * ebb_layout_numbers(&data->layout);
  if (data->stamp != NULL) one.stamp = data->stamp + i * data->layout.n;
  if (data->count != NULL) one.count = data->count + i;
  if (data->token != NULL) one.token = data->token + i * ebb_layout_numbers(&data->layout);
  return one;
}

/* Draws of one observation into theta [rows][d]. */
static EbbStatus exact_draws(const Run *run, int64_t observation, int64_t rows, float *theta) {
  EbbData one = observation_row(&run->observations.data, observation);
  Exact e = {run, &one, run->observations.number[observation], rows, theta};
  return pool_run(run->pool, (rows + BLOCK - 1) / BLOCK, exact_block, &e);
}

EbbStatus reference_exact(const Run *run, Arena *arena, int64_t observation, int64_t rows, float **out) {
  *out = NULL;
  if (((const EbbSimulatorOps *)run->simulator.ops)->reference == NULL) return EBB_OK;
  *out = ARENA_ARRAY(arena, float, rows *ebb_layout_numbers(&run->info.theta));
  return exact_draws(run, observation, rows, *out);
}

EbbStatus reference_draws(const Run *run, Arena *arena, const char *pattern, int64_t first, int64_t sets, int64_t *rows, float **out) {
  int64_t d = ebb_layout_numbers(&run->info.theta);
  *out = NULL;
  if (pattern != NULL) {
    Table table[REFERENCE_MOST];
    for (int64_t s = 0; s < sets; s++) {
      const char *path = reference_path(arena, pattern, run->observations.number[first + s]);
      EbbStatus status = table_read(arena, path, &table[s]);
      if (status != EBB_OK) return status;
      if (table[s].columns != d) return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " parameters a row, found %" PRId64, path, d, table[s].columns);
      *rows = s == 0 || table[s].rows < *rows ? table[s].rows : *rows;
    }
    *out = ARENA_ARRAY(arena, float, sets **rows *d);
    for (int64_t s = 0; s < sets; s++)
      for (int64_t i = 0; i < *rows * d; i++) (*out)[s * *rows * d + i] = (float)table[s].value[i];
    return EBB_OK;
  }
  if (((const EbbSimulatorOps *)run->simulator.ops)->reference == NULL) return EBB_OK;
  *rows = run->spec->sampling.draws;
  *out = ARENA_ARRAY(arena, float, sets **rows *d);
  EbbStatus status = EBB_OK;
  for (int64_t s = 0; s < sets && status == EBB_OK; s++) status = exact_draws(run, first + s, *rows, *out + s * *rows * d);
  return status;
}
