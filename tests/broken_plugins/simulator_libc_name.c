/* SPDX-License-Identifier: MIT
 *
 * Without fault, but its visible helper has the name of a function of libc (of <regexp.h>, gone from the headers, still in the library). */
#include "sound_simulator.h"

double step(double x);

double step(double x) { return x * x; }
static double answer(double theta) { return step(theta); }
static const EbbComponent component = {
    .size = sizeof component, .kind = EBB_SIMULATOR, .id = "libc_name", .summary = "broken on purpose", .ops = &simulator_ops};
EBB_MODULE(&component)
