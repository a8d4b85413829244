/* SPDX-License-Identifier: MIT
 *
 * Starts threads of its own, which stay when the host has let go of the plugin. */
#include "sound_simulator.h"

static double answer(double theta) {
  double sum = 0;
#pragma omp parallel for reduction(+ : sum) num_threads(2)
  for (int i = 0; i < 64; i++) sum += theta;
  return sum;
}
static const EbbComponent component = {
    .size = sizeof component, .kind = EBB_SIMULATOR, .id = "openmp", .summary = "broken on purpose", .ops = &simulator_ops};
EBB_MODULE(&component)
