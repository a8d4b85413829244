/* SPDX-License-Identifier: MIT
 *
 * Checkpoints of a training run: safetensors, the newest and the one before it, in the stage's work folder. One that cannot be read is passed over
 * for the other, and said. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/train.h"

static const char *const newest = "checkpoint.safetensors", *const previous = "checkpoint.previous.safetensors";

enum { TENSORS = 12, NUMBERS = 8 };

/* The state as tensors, and its numbers in one of them. Reading and writing share this list. */
static void layout(const Training *t, double *numbers, SafeTensor *out) {
  const TrainState *s = &t->state;
  const struct {
    const char *name, *type;
    void *data;
    int64_t count;
  } each[TENSORS] = {{"raw", "F32", s->raw, t->floats},
                     {"moment1", "F32", s->moment1, t->floats},
                     {"moment2", "F32", s->moment2, t->floats},
                     {"ema", "F32", s->ema, t->floats},
                     {"best", "F32", s->best, t->floats},
                     {"best_rows", "F64", s->best_rows, t->held},
                     {"anchor_rows", "F64", s->anchor_rows, t->held},
                     {"weigher", "F32", t->weigher.state, 3 * t->weigher.floats},
                     {"numbers", "F64", numbers, NUMBERS},
                     {"bin_sum", "F64", (void *)(uintptr_t)s->bin_sum, LAMBDA_BINS},
                     {"bin_count", "F64", (void *)(uintptr_t)s->bin_count, LAMBDA_BINS},
                     {"history", "F64", s->history, s->lines * HISTORY}};
  for (int i = 0; i < TENSORS; i++)
    out[i] = (SafeTensor){each[i].name, each[i].type, 1, {each[i].count}, each[i].data, (size_t)each[i].count * (each[i].type[1] == '3' ? 4 : 8)};
}

EbbStatus checkpoint_write(const Training *t, const char *folder) {
  const TrainState *s = &t->state;
  double numbers[NUMBERS] = {(double)s->step,        (double)s->best_step, s->best_loss,  s->anchor_loss,
                             (double)s->anchor_step, s->loss_sum,          s->loss_count, t->seconds_before + seconds() - t->started};
  SafeTensor tensors[TENSORS];
  layout(t, numbers, tensors);
  char path[4096], before[4096];
  snprintf(path, sizeof path, "%s/%s", folder, newest);
  snprintf(before, sizeof before, "%s/%s", folder, previous);
  if (file_exists(path)) rename(path, before);
  SafeMeta meta = {"format", "ebb checkpoint"};
  return safetensors_write(path, tensors, TENSORS, &meta, 1);
}

static EbbStatus read_one(Training *t, Arena *arena, const char *path) {
  SafeFile file;
  EbbStatus status = safetensors_open(arena, path, &file);
  if (status != EBB_OK) return status;
  double numbers[NUMBERS];
  SafeTensor tensors[TENSORS];
  const SafeTensor *history = safetensors_get(&file, "history");
  TrainState *s = &t->state;
  if (history != NULL) {
    s->lines = history->shape[0] / HISTORY;
    s->lines_room = s->lines + 128;
    s->history = arena_alloc(t->run->arena, (size_t)(s->lines_room * HISTORY) * sizeof(double));
  }
  layout(t, numbers, tensors);
  for (int i = 0; i < TENSORS && status == EBB_OK; i++) {
    const SafeTensor *found = safetensors_get(&file, tensors[i].name);
    if (found == NULL || found->bytes != tensors[i].bytes)
      status = fail(EBB_E_IO, "%s: tensor %s is missing or has another size", path, tensors[i].name);
  }
  for (int i = 0; i < TENSORS && status == EBB_OK; i++)
    if (tensors[i].bytes > 0) memcpy((void *)(uintptr_t)tensors[i].data, safetensors_get(&file, tensors[i].name)->data, tensors[i].bytes);
  safetensors_close(&file);
  if (status != EBB_OK) {
    s->lines = 0;
    return status;
  }
  s->step = (int64_t)numbers[0];
  s->best_step = (int64_t)numbers[1];
  s->best_loss = numbers[2];
  s->anchor_loss = numbers[3];
  s->anchor_step = (int64_t)numbers[4];
  s->loss_sum = numbers[5];
  s->loss_count = numbers[6];
  t->seconds_before = numbers[7];
  return EBB_OK;
}

EbbStatus checkpoint_read(Training *t, const char *folder) {
  const char *const names[2] = {newest, previous};
  Arena *arena = arena_new();
  for (int i = 0; i < 2; i++) {
    const char *path = path_join(arena, folder, names[i]);
    if (!file_exists(path)) continue;
    if (read_one(t, arena, path) == EBB_OK) {
      log_line(LOG_INFO, "train: goes on from step %" PRId64 " of %" PRId64, t->state.step, t->steps);
      break;
    }
    log_line(LOG_WARNING, "checkpoint passed over: %s", fail_text());
    fail_clear();
  }
  arena_free(arena);
  return EBB_OK;
}
