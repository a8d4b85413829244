/* SPDX-License-Identifier: MIT
 *
 * What the metrics say of a run, in words.
 *
 * All calibration rows are tests: SBC, central coverage at 50 and 90 % and the mean z-score of each parameter, and the joint ones (SBC of derived
 * quantities, HPD coverage, TARP, the local test, the predictive PIT). Their p-values are corrected together by Holm's rule, so that a calibrated run
 * is accused of anything with a probability of at most VERDICT_LEVEL, however many parameters it has. A finding below VERDICT_HIGH is "at high
 * significance".
 *
 * - SBC reports ln(gamma / gamma*) with gamma* the 5 % point. Below it the chance of a smaller gamma falls nearly in proportion: p = .05 (gamma /
 * gamma*) times 1 - .12 ln(gamma / gamma*), 1.3 at most (by 400,000 simulated sets of 200 uniform ranks; without that factor a test would be up
 * to 1.3 times too free).
 * - Coverage: exact two-sided binomial. Too little: over-confident; too much: under-confident.
 * - z-score: mean over its standard error, Student's law. Rejected: biased. A shift alone costs coverage: where the coverage is what a Gaussian
 * posterior shifted by the mean z-score would have, bias is all that is said.
 * - SBC rejected with neither of these: the shape is wrong.
 *
 * Not tests but thresholds: a contraction below VERDICT_CONTRACTION says no better than the prior; C2ST above VERDICT_C2ST differs from the
 * reference. */
#ifndef EBB_REPORT_VERDICT_H
#define EBB_REPORT_VERDICT_H

#include "report/record.h"

#define VERDICT_LEVEL 0.05
#define VERDICT_HIGH 0.001
#define VERDICT_SHIFT 0.001 /* coverage against that of a mere shift */
#define VERDICT_CONTRACTION 0.05
#define VERDICT_C2ST 0.6
#define VERDICT_C2ST_FAR 0.75

typedef enum FindingKind { FINDING_GOOD, FINDING_NOTE, FINDING_WARNING, FINDING_BAD } FindingKind;
/* Of each kind: its name for programs, its word for people. */
extern const char *const finding_kinds[4], *const finding_words[4];

typedef struct Finding {
  FindingKind kind;
  const char *claim;     /* "over-confident in parameter" */
  const char *parameter; /* "beta"; NULL: the claim is of none */
  bool high;             /* at high significance */
  const char *why;       /* the numbers behind it, a sentence without its full stop; NULL: none */
} Finding;

typedef struct Verdict {
  const char *headline;   /* a sentence without its full stop */
  FindingKind kind;       /* of the worst finding; FINDING_NOTE where nothing was checked */
  const Finding *finding; /* worst first */
  int64_t findings, tests;
} Verdict;

void verdict_judge(Arena *, const Record *, Verdict *out);
/* "over-confident in parameter beta at high significance" */
char *finding_text(Arena *, const Finding *);

/* Probabilities of the tests: of an SBC row; a count at least as far out of binomial (n, p); Student's t. */
double sbc_p(double log_gamma_ratio);
double binomial_two_sided(int64_t k, int64_t n, double p);
double student_two_sided(double t, double degrees);
/* Holm's adjusted p-values, in place. */
void holm_adjust(double *p, int64_t n);

#endif
