/* SPDX-License-Identifier: MIT
 *
 * The training set on disk. */
#include "run/dataset.h"

#include <inttypes.h>

static EbbStatus open_matrix(Arena *arena, const char *folder, const char *name, int64_t rows, Npy *file, const float **at, int64_t *width) {
  const char *path = path_join(arena, folder, name);
  EbbStatus status = npy_open(path, file);
  if (status != EBB_OK) return status;
  *at = npy_f32(file);
  if (file->ndim != 2 || file->shape[0] < rows || *at == NULL)
    return fail(EBB_E_SHAPE, "%s: expected float32 of shape (%" PRId64 ", n), found %s", path, rows, npy_shape_text(arena, file));
  *width = file->shape[1];
  return EBB_OK;
}

EbbStatus dataset_open(Arena *arena, const char *folder, int64_t rows, Dataset *out) {
  *out = (Dataset){.rows = rows};
  EbbStatus status = open_matrix(arena, folder, "theta.npy", rows, &out->theta_file, &out->theta, &out->d);
  if (status == EBB_OK) status = open_matrix(arena, folder, "x.npy", rows, &out->x_file, &out->x, &out->q);
  const char *path = path_join(arena, folder, "failed.npy");
  if (status == EBB_OK) status = npy_open(path, &out->failed_file);
  if (status != EBB_OK) return status;
  if (out->failed_file.ndim != 1 || out->failed_file.shape[0] < rows || out->failed_file.type != NPY_U8)
    return fail(EBB_E_SHAPE, "%s: expected uint8 of shape (%" PRId64 ",), found %s", path, rows, npy_shape_text(arena, &out->failed_file));
  out->failed = out->failed_file.data;
  for (int64_t i = 0; i < rows; i++) out->usable += out->failed[i] == 0;
  out->take = ARENA_ARRAY(arena, int64_t, out->usable);
  int64_t k = 0;
  for (int64_t i = 0; i < rows; i++)
    if (out->failed[i] == 0) out->take[k++] = i;
  return EBB_OK;
}

void dataset_close(Dataset *d) {
  npy_close(&d->theta_file);
  npy_close(&d->x_file);
  npy_close(&d->failed_file);
}
