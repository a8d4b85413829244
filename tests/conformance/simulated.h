/* SPDX-License-Identifier: MIT
 *
 * A simulator as the suites use it: parameters from its prior, data, exact draws, each row addressed by its number. */
#ifndef EBB_TESTS_SIMULATED_H
#define EBB_TESTS_SIMULATED_H

#include <ebb/simulator.h>

#include "suite.h"

typedef struct Sim {
  const char *id;
  EbbChild child;
  const EbbSimulatorOps *ops;
  EbbModelInfo info;
  int64_t d, numbers;
  EbbWork *work;
} Sim;

Sim sim_make(const char *yaml);
void sim_free(Sim *);
/* Room for rows of data; count and stamp only where the layout has them. */
EbbData sim_data(const Sim *, int64_t rows);
EbbData sim_row(const Sim *, const EbbData *, int64_t i); /* a view of one row */
/* theta [rows][d] of rows first, first + 1, ...: by the declared families, or by the simulator's own slot. */
float *sim_prior(const Sim *, int64_t first, int64_t rows);
EbbData sim_run(const Sim *, int64_t first, int64_t rows, const float *theta, uint8_t *failed);
float *sim_reference(const Sim *, const EbbData *one, int64_t first, int64_t rows);
/* Published observation k, counted from 1. */
EbbData sim_observe(const Sim *, int64_t k, float *truth);

typedef struct Moments {
  double mean, sd;
} Moments;
/* Of column j of x [rows][width]. */
Moments sim_moments(int64_t rows, int64_t width, const float *x, int64_t j);

#endif
