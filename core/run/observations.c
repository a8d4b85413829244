/* SPDX-License-Identifier: MIT
 *
 * What was observed: the simulator's published observations by number, or rows of a file. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "run/run.h"

EbbData observation_row(const EbbData *data, int64_t i) {
  EbbData one = *data;
  one.rows = 1;
  one.value = data->value + i * ebb_layout_numbers(&data->layout);
  if (data->stamp != NULL) one.stamp = data->stamp + i * data->layout.n;
  if (data->count != NULL) one.count = data->count + i;
  if (data->token != NULL) one.token = data->token + i * ebb_layout_numbers(&data->layout);
  return one;
}

static EbbStatus from_simulator(Arena *arena, const EbbChild *simulator, const EbbModelInfo *info, Observations *o) {
  const EbbSimulatorOps *ops = simulator->ops;
  const char *id = simulator->component->id;
  int64_t d = ebb_layout_numbers(&info->theta), q = ebb_layout_numbers(&info->data);
  if (ops->observation == NULL || info->observations < 1)
    return fail(EBB_E_CONFIG, "simulator %s has no observations of its own; give sampling.observations a file", id);
  o->truth = ARENA_ARRAY(arena, float, o->n *d);
  for (int64_t i = 0; i < o->n; i++) {
    if (o->number[i] > info->observations)
      return fail(EBB_E_CONFIG, "sampling.observations.index: simulator %s has observations 1 to %" PRId64 ", not %" PRId64, id, info->observations,
                  o->number[i]);
    EbbData row = {.size = sizeof row, .layout = info->data, .rows = 1, .value = o->data.value + i * q};
    EbbStatus status = ops->observation(simulator->self, o->number[i], &row, o->truth + i * d);
    if (status != EBB_OK) return status;
  }
  return EBB_OK;
}

static EbbStatus from_table(const char *path, const Table *table, const EbbModelInfo *info, Observations *o) {
  int64_t q = ebb_layout_numbers(&info->data);
  if (table->columns != q)
    return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " numbers an observation, as the simulator makes, found %" PRId64, path, q, table->columns);
  for (int64_t i = 0; i < o->n; i++) {
    int64_t row = o->number[i] - 1;
    if (row >= table->rows) return fail(EBB_E_CONFIG, "%s has %" PRId64 " observations; there is no number %" PRId64, path, table->rows, row + 1);
    for (int64_t j = 0; j < q; j++) {
      double v = table->value[row * q + j];
      if (!isfinite((float)v))
        return fail(EBB_E_NUMERIC, "%s: observation %" PRId64 ", number %" PRId64 " is %g; data must be finite float32", path, row + 1, j + 1, v);
      o->data.value[i * q + j] = (float)v;
    }
  }
  return EBB_OK;
}

EbbStatus observations_load(Arena *arena, const SpecObservations *spec, const EbbChild *simulator, const EbbModelInfo *info, Observations *o) {
  *o = (Observations){.n = spec->index.count};
  int64_t q = ebb_layout_numbers(&info->data);
  Table table = {0};
  if (spec->from == FROM_FILE) {
    EbbStatus status = table_read(arena, spec->file, &table);
    if (status != EBB_OK) return status;
    if (table.rows == 0) return fail(EBB_E_SHAPE, "%s holds no observation (0 rows)", spec->file);
    if (o->n == 0) o->n = table.rows;
  }
  o->number = ARENA_ARRAY(arena, int64_t, o->n);
  for (int64_t i = 0; i < o->n; i++) o->number[i] = spec->index.count > 0 ? spec->index.value[i] : i + 1;
  o->data = (EbbData){.size = sizeof o->data, .layout = info->data, .rows = o->n, .value = ARENA_ARRAY(arena, float, o->n *q)};
  EbbStatus status = spec->from == FROM_FILE ? from_table(spec->file, &table, info, o) : from_simulator(arena, simulator, info, o);
  if (status != EBB_OK) return status;
  Sha256 hash;
  sha256_begin(&hash);
  sha256_add(&hash, o->number, (size_t)o->n * sizeof *o->number);
  sha256_add(&hash, o->data.value, (size_t)(o->n * q) * sizeof(float));
  sha256_end(&hash, o->digest);
  return EBB_OK;
}
