/* SPDX-License-Identifier: MIT
 *
 * The tables that end a run, on stdout: a line an observation, then what the metrics over data sets found, with what is wrong in words. */
#ifndef EBB_RUN_CLOSING_H
#define EBB_RUN_CLOSING_H

#include "run/run.h"

void closing_tables(const Run *, bool metrics); /* metrics: they are computed */

#endif
