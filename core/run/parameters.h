/* SPDX-License-Identifier: MIT
 *
 * Parameters that a spec declares, where no plugin does: a list with one entry a parameter, {use: lognormal, name: rate, mean: 0, sd: 0.5}. The
 * families are components that are built in, so that `ebb describe prior/lognormal` explains them and a slip in a key is answered as everywhere. */
#ifndef EBB_RUN_PARAMETERS_H
#define EBB_RUN_PARAMETERS_H

#include <ebb/simulator.h>

#include "plugin/plugin.h"

/* What a row of data is called. */
typedef struct DataNames {
  int64_t numbers; /* 0: as many as there are names */
  EbbStrings names;
} DataNames;
extern const EbbParam data_names_params[];

/* The row of a table that holds such a list. */
#define PARAMETERS_ROW(S, member, flags)                                                                                                             \
  EBB_ROW(S, member, EBB_T_COMPONENTS, flags, 0, 0, 0, NULL, "", "one entry a parameter, such as {use: normal, name: a, mean: 0, sd: 1}", EBB_PRIOR, \
          NULL)

void parameters_register(Registry *);
/* The list of a spec that names none: d parameters, theta1 and so on, without support or prior. */
EbbChildren parameters_unknown(Arena *, int64_t d);
/* Parameters and their correlation into a description; memory is the host's. */
EbbStatus parameters_describe(const EbbHost *, const EbbChildren *, EbbModelInfo *out);
/* Data of a vector of numbers with names; numbers 0 and no names are refused. */
EbbStatus data_describe(const EbbHost *, const DataNames *, EbbModelInfo *out);

#endif
