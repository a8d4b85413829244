/* SPDX-License-Identifier: MIT
 *
 * What metrics report, as lines of metrics.csv (metric,observation,parameter,value,standard_error,n,note) and curves.csv
 * (name,parameter,x,y,low,high), and the files of a metric's stage. */
#ifndef EBB_RUN_RESULTS_H
#define EBB_RUN_RESULTS_H

#include "run/run.h"

typedef struct Results {
  EbbReport report; /* first: the metric gets it */
  const Run *run;
  int64_t first, sets; /* observations that the metric may speak of now: [first, first + sets) of the run's */
  bool part;           /* they are not all: what is said of all is dropped, results_means makes it */
  char fault[200];     /* what was reported of things that are not there; "" */
  Str values, curves;
} Results;

void results_begin(Results *, const Run *, bool part); /* not to be moved */
void results_free(Results *);
/* Where observations came in parts: their mean, a line for each name and parameter. */
void results_means(Results *);

/* Takes up what an earlier attempt had kept; how many observations. */
int64_t results_kept(Results *, Arena *, const Stage *);
EbbStatus results_keep(const Results *, Stage *, int64_t observations);
/* The stage's own files, and none of those kept on the way. */
EbbStatus results_write(const Results *, const Stage *);

/* The next line of metrics.csv (without its head), unquoted in place; "" for what it lacks. false: there is none. */
enum { RESULTS_FIELDS = 7 };
bool results_row(char **at, const char *field[RESULTS_FIELDS]);

#endif
