/* SPDX-License-Identifier: MIT
 *
 * The chain of fields that a sampler sees. Its innermost link is here: a trained network as a field, float32 inside, double outside. */
#ifndef EBB_RUN_CHAIN_H
#define EBB_RUN_CHAIN_H

#include "run/model.h"

typedef struct NetworkField {
  EbbField field; /* first: a link is passed as its field */
  const Model *model;
  Forward *forward;
  double *mean;       /* [sets][d] the base's, of each condition */
  const float *value; /* not NULL: conditions come with the rows of a query, [rows][q], and so does mean; set is not looked at */
} NetworkField;

/* value [sets][q] standardised data; levels: grid whose time-only nodes are kept (n of them). Stays valid as long as the arena. */
EbbStatus network_field(Arena *, Pool *, const Model *, int64_t sets, const float *value, int64_t n, const EbbLevel *levels, NetworkField *out);

#endif
