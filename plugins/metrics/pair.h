/* SPDX-License-Identifier: MIT
 *
 * What metrics that compare a set's draws with its reference have in common: which rows count, what is refused, and what is said of it. */
#ifndef EBB_METRICS_PAIR_H
#define EBB_METRICS_PAIR_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/metric.h>

#include "rows.h"

#define PAIR_REFERENCE(S)                                                                                                                            \
  EBB_STRING(S, reference, NULL, "file of a set's reference draws, {k} the set from 1: \"ref_{k}.npy\"; absent: the simulator's exact posterior")

enum { PAIR_NOTE = 256 };

typedef struct Pair {
  const float *draws, *reference; /* [draws][dim], [references][dim] */
  int64_t good;                   /* draws that did not fail */
  uint64_t number;                /* the set's, from 0: for random numbers */
} Pair;

/* Set `set` as a pair; refused where the reference is not finite or a side has fewer rows than `least`, which are too few `why`. */
static inline EbbStatus pair_take(const EbbEvidence *e, int64_t set, int64_t least, const char *why, Pair *p) {
  *p = (Pair){.draws = e->theta + set * e->draws * e->dim, .reference = e->reference + set * e->references * e->dim};
  p->number = e->set != NULL ? (uint64_t)e->set[set] - 1 : (uint64_t)set;
  long long number = (long long)p->number + 1;
  for (int64_t r = 0; r < e->references; r++)
    for (int64_t j = 0; j < e->dim; j++)
      if (!isfinite(p->reference[r * e->dim + j]))
        return e->host->fail(e->host, EBB_E_NUMERIC, "the reference of set %lld is not finite in row %lld, parameter %s; remove the row", number,
                             (long long)r + 1, e->name[j]);
  for (int64_t r = 0; r < e->draws; r++) p->good += row_is_finite(e->dim, p->draws + r * e->dim);
  if (p->good < least || e->references < least)
    return e->host->fail(e->host, EBB_E_SHAPE, "set %lld has %lld draws without failure and %lld of the reference, too few %s", number,
                         (long long)p->good, (long long)e->references, why);
  return EBB_OK;
}

/* What such a metric needs of the host. */
static inline void pair_needs(const void *self, EbbMetricNeeds *n) {
  (void)self;
  n->flags = EBB_NEED_REFERENCE;
  n->sets = n->draws = 0;
}

static inline EbbStatus pair_needs_reference(const EbbEvidence *e) {
  return e->reference != NULL ? EBB_OK
                              : e->host->fail(e->host, EBB_E_CONFIG, "there are no reference draws to compare with; give reference: \"ref_{k}.npy\"");
}

/* The draws that did not fail, [good][dim]. */
static inline void pair_good_draws(const EbbEvidence *e, const Pair *p, float *out) {
  for (int64_t r = 0; r < e->draws; r++) {
    const float *row = p->draws + r * e->dim;
    if (!row_is_finite(e->dim, row)) continue;
    memcpy(out, row, (size_t)e->dim * sizeof *out);
    out += e->dim;
  }
}

/* Adds to a note; what does not fit is cut. */
static inline void note_add(char note[PAIR_NOTE], const char *format, long long a, long long b) {
  size_t used = strlen(note);
  if (used > 0) used += (size_t)snprintf(note + used, PAIR_NOTE - used, "; ");
  if (used < PAIR_NOTE) snprintf(note + used, PAIR_NOTE - used, format, a, b);
}

static inline void pair_note_failed(const EbbEvidence *e, const Pair *p, char note[PAIR_NOTE]) {
  if (p->good < e->draws) note_add(note, "%lld of %lld draws failed and were left out", e->draws - p->good, e->draws);
}

/* The mean over the sets, where there are several. */
static inline void pair_report_mean(EbbReport *out, const char *metric, int64_t sets, const double *value) {
  double sum = 0, square = 0, n = (double)sets;
  for (int64_t set = 0; set < sets; set++) {
    sum += value[set];
    square += value[set] * value[set];
  }
  double variance = (square - sum * sum / n) / (n - 1);
  if (sets > 1) out->value(out, metric, -1, -1, sum / n, sqrt(fmax(0, variance) / n), sets, "mean over sets; error from their spread");
}

#endif
