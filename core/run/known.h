/* SPDX-License-Identifier: MIT
 *
 * What is known of the observations beside the draws, as files in the run's folder: for people, and for the report. */
#ifndef EBB_RUN_KNOWN_H
#define EBB_RUN_KNOWN_H

#include "run/run.h"

enum { KNOWN_OBSERVATIONS = 10, KNOWN_DRAWS = 10000 /* at most, of references */ };

/* observations.npy (observations, numbers), truth.npy (observations, parameters) where truths are known, and, where the run is evaluated and has
 * reference draws, posterior/reference.npy (the first observations, draws, parameters). What does not apply is removed. Reference draws are a stage
 * of their own, made once; that they fail is a warning, since nothing rests on them. */
EbbStatus known_write(const Run *, const char *folder, Goal);

#endif
