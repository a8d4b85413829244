/* SPDX-License-Identifier: MIT
 *
 * The training set on disk: theta (rows, d), x (rows, data numbers), float32, and failed (rows), 0 or 1. Mapped, not read. Failed rows are nowhere
 * used; one rule for all: `take` lists the rest. */
#ifndef EBB_RUN_DATASET_H
#define EBB_RUN_DATASET_H

#include "base/npy.h"

typedef struct Dataset {
  Npy theta_file, x_file, failed_file;
  const float *theta, *x;
  const uint8_t *failed;
  int64_t rows, d, q;
  int64_t usable;
  int64_t *take; /* [usable] row numbers, ascending */
} Dataset;

/* rows: how many of the files' rows are used. */
EbbStatus dataset_open(Arena *, const char *folder, int64_t rows, Dataset *out);
void dataset_close(Dataset *);

#endif
