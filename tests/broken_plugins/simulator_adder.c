/* SPDX-License-Identifier: MIT
 *
 * Without fault, but its helpers are visible under the names that another plugin uses too. Built without hidden visibility. */
#include "sound_simulator.h"

extern int n_calls;
double advanced(double x);

int n_calls = 0;
double advanced(double x) {
  n_calls++;
  return x + 1;
}
static double answer(double theta) { return advanced(theta) + 1000 * n_calls; }
static const EbbComponent component = {
    .size = sizeof component, .kind = EBB_SIMULATOR, .id = "adder", .summary = "broken on purpose", .ops = &simulator_ops};
EBB_MODULE(&component)
