/* SPDX-License-Identifier: MIT
 *
 * Simulations that somebody made elsewhere: two .npy files, parameters (rows, d) and data (rows, q). They are mapped and go through the store once,
 * as float32, so that a file that changes later cannot spoil what was made of it; everything after the simulate stage is as it always is. In the
 * place of the simulator stands a component that describes what the files hold and refuses to simulate. */
#ifndef EBB_RUN_FILES_H
#define EBB_RUN_FILES_H

#include "base/npy.h"
#include "run/spec.h"

typedef struct Files {
  Npy theta, x;
  int64_t rows, d, q;
  const EbbParameter *parameter; /* [d] */
  const char *theta_path, *x_path;
} Files;

/* Completes what the spec leaves out by what the files hold: the count (unless it is given), parameters, numbers of data. Files that are gone are
 * missed later, when they are needed, if a resolved spec says all three. */
EbbStatus files_complete(Arena *, SpecSimulations *, bool count_given);
/* The component in the simulator's place, as a spec would give it. */
EbbChild files_simulator(Arena *, const SpecSimulations *);
bool files_are(const EbbChild *simulator); /* an instance or not */
/* Contents and declared parameters into a hash. */
EbbStatus files_add(const SpecSimulations *, Sha256 *);

EbbStatus files_open(const SpecSimulations *, const EbbModelInfo *, Files *out);
void files_close(Files *);
/* Rows [first, first + n) as float32; a parameter outside its support is an error. */
EbbStatus files_rows(const Files *, int64_t first, int64_t n, float *theta, float *x);

#endif
