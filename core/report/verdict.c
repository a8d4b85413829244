/* SPDX-License-Identifier: MIT
 *
 * The rules of the verdict. */
#include "report/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/special.h"
#include "report/html.h"
#include "report/names.h"

/* ---- Probabilities ---- */

double binomial_two_sided(int64_t k, int64_t n, double p) {
  if (p <= 0 || p >= 1) return (p <= 0 ? k == 0 : k == n) ? 1 : 0;
  double below = k == n ? 1 : beta_below((double)(n - k), (double)k + 1, 1 - p, p),
         above = k == 0 ? 1 : beta_below((double)k, (double)(n - k) + 1, p, 1 - p);
  return fmin(1, 2 * fmin(below, above));
}

double student_two_sided(double t, double degrees) {
  double whole = degrees + t * t;
  return beta_below(.5 * degrees, .5, degrees / whole, t * t / whole);
}

double sbc_p(double ratio) { return fmin(1, .05 * exp(ratio) * (ratio < 0 ? fmin(1.3, 1 - .12 * ratio) : 1)); }

typedef struct Ordered {
  double p;
  int64_t place;
} Ordered;

static int by_p(const void *a, const void *b) {
  const Ordered *x = a, *y = b;
  return x->p != y->p ? (x->p < y->p ? -1 : 1) : (x->place < y->place ? -1 : 1);
}

void holm_adjust(double *p, int64_t n) {
  Ordered *o = malloc((size_t)n * sizeof *o + 1);
  if (o == NULL) memory_out((size_t)n * sizeof *o);
  for (int64_t i = 0; i < n; i++) o[i] = (Ordered){p[i], i};
  qsort(o, (size_t)n, sizeof *o, by_p);
  double most = 0;
  for (int64_t i = 0; i < n; i++) {
    most = fmax(most, fmin(1, (double)(n - i) * o[i].p));
    p[o[i].place] = most;
  }
  free(o);
}

/* ---- Tests ---- */

typedef enum TestKind { TEST_SBC, TEST_COVERAGE, TEST_Z, TEST_JOINT_SBC, TEST_HPD, TEST_TARP, TEST_LOCAL, TEST_PREDICTIVE } TestKind;

typedef struct Trial {
  TestKind kind;
  const MetricRow *row;
  double level; /* nominal, of coverage */
} Trial;

typedef struct Judge {
  Arena *arena;
  const Record *record;
  Trial *trial;
  double *p; /* [trials] adjusted */
  int64_t trials;
  Finding *finding;
  int64_t findings, room;
} Judge;

static double coverage_p(const MetricRow *row, double level) {
  if (row->n > 0) return binomial_two_sided((int64_t)llround(row->value * (double)row->n), row->n, level);
  return erfc(fabs(row->value - level) / row->error / sqrt(2));
}

/* The p-value of a row by itself; NaN if it is no test or has not the numbers for one. */
static double trial_p(const MetricRow *row, Trial *out) {
  static const struct {
    const char *metric;
    TestKind kind;
    double level;
  } kinds[] = {
      {ROW_SBC, TEST_SBC, 0},     {ROW_COVERAGE_50, TEST_COVERAGE, .5}, {ROW_COVERAGE_90, TEST_COVERAGE, .9}, {ROW_Z_SCORE, TEST_Z, 0},
      {ROW_HPD_90, TEST_HPD, .9}, {ROW_TARP_P, TEST_TARP, 0},           {ROW_LOCAL_P, TEST_LOCAL, 0},         {ROW_PREDICTIVE_P, TEST_PREDICTIVE, 0}};
  size_t k = 0;
  while (k < COUNT(kinds) && strcmp(kinds[k].metric, row->metric) != 0) k++;
  if (k == COUNT(kinds) || !isfinite(row->value) || (row->observation > 0) != (kinds[k].kind == TEST_LOCAL)) return NAN;
  *out = (Trial){kinds[k].kind, row, kinds[k].level};
  bool joint = row->parameter[0] == '\0';
  switch (kinds[k].kind) {
  case TEST_SBC:
    if (joint) out->kind = TEST_JOINT_SBC;
    return sbc_p(row->value);
  case TEST_COVERAGE: return joint ? NAN : coverage_p(row, out->level);
  case TEST_HPD: return coverage_p(row, out->level);
  case TEST_Z: return joint || !(row->error > 0) ? NAN : student_two_sided(row->value / row->error, row->n > 2 ? (double)row->n - 1 : 1e6);
  default: return row->value >= 0 && row->value <= 1 ? row->value : NAN;
  }
}

static void collect(Judge *j) {
  j->trial = ARENA_ARRAY(j->arena, Trial, j->record->metrics);
  j->p = ARENA_ARRAY(j->arena, double, j->record->metrics);
  for (int64_t i = 0; i < j->record->metrics; i++) {
    double p = trial_p(&j->record->metric[i], &j->trial[j->trials]);
    if (!isnan(p)) j->p[j->trials++] = p;
  }
  holm_adjust(j->p, j->trials);
}

/* ---- Findings ---- */

static void find(Judge *j, Finding finding) {
  if (j->findings == j->room) {
    j->room = j->room > 0 ? 2 * j->room : 32;
    Finding *grown = ARENA_ARRAY(j->arena, Finding, j->room);
    if (j->findings > 0) memcpy(grown, j->finding, (size_t)j->findings * sizeof *grown);
    j->finding = grown;
  }
  int64_t at = j->findings++; /* worst first, those of a kind in the order found */
  for (; at > 0 && j->finding[at - 1].kind < finding.kind; at--) j->finding[at] = j->finding[at - 1];
  j->finding[at] = finding;
}

const char *const finding_kinds[4] = {"good", "note", "warning", "bad"}, *const finding_words[4] = {"passed", "note", "warning", "problem"};

char *finding_text(Arena *arena, const Finding *f) {
  return arena_print(arena, "%s%s%s%s", f->claim, f->parameter != NULL ? " " : "", f->parameter != NULL ? f->parameter : "",
                     f->high ? " at high significance" : "");
}

static const char *p_text(const Judge *j, double p) {
  Str text = {0};
  str_add(&text, p < 1e-4 ? "corrected p " : "corrected p = ");
  number_p(&text, p);
  return str_keep(&text, j->arena);
}

static const char *percent(const Judge *j, double share) {
  Str text = {0};
  number_percent(&text, share);
  return str_keep(&text, j->arena);
}

/* What a central interval of a Gaussian posterior covers when its mean is off by b of its sds (and the truth is spread as it should be). */
static double shifted_coverage(double level, double b) {
  double half = 0; /* its half width in sds: 2 Phi(half) - 1 = level */
  for (double step = 4; step > 1e-12; step /= 2)
    if (erf((half + step) / sqrt(2)) < level) half += step;
  return .5 * (erf((half - b) / sqrt(2)) + erf((half + b) / sqrt(2)));
}

/* The most significant coverage trial of a parameter on one side: -1 too little, 1 too much. -1 if none is significant. */
static int64_t worst_coverage(const Judge *j, const char *parameter, int side) {
  int64_t worst = -1;
  for (int64_t i = 0; i < j->trials; i++) {
    const Trial *t = &j->trial[i];
    if (t->kind != TEST_COVERAGE || strcmp(t->row->parameter, parameter) != 0 || j->p[i] >= VERDICT_LEVEL) continue;
    if ((t->row->value - t->level) * side > 0 && (worst < 0 || j->p[i] < j->p[worst])) worst = i;
  }
  return worst;
}

static int64_t trial_of(const Judge *j, TestKind kind, const char *parameter) {
  for (int64_t i = 0; i < j->trials; i++)
    if (j->trial[i].kind == kind && strcmp(j->trial[i].row->parameter, parameter) == 0) return i;
  return -1;
}

static void judge_parameter(Judge *j, const char *name) {
  int64_t z = trial_of(j, TEST_Z, name), sbc = trial_of(j, TEST_SBC, name);
  bool biased = z >= 0 && j->p[z] < VERDICT_LEVEL, wide = false;
  if (biased) {
    const MetricRow *row = j->trial[z].row;
    Str why = {0};
    str_print(&why, "over %" PRId64 " data sets the posterior mean lies on average ", row->n);
    number_near(&why, fabs(row->value), row->error);
    str_add(&why, " \xC2\xB1 ");
    number_print(&why, row->error, 2);
    str_print(&why, " posterior sds %s the truth (%s)", row->value > 0 ? "above" : "below", p_text(j, j->p[z]));
    find(j, (Finding){FINDING_BAD, "biased in parameter", name, j->p[z] < VERDICT_HIGH, str_keep(&why, j->arena)});
  }
  for (int side = -1; side <= 1; side += 2) {
    int64_t c = worst_coverage(j, name, side);
    if (c < 0) continue;
    const Trial *t = &j->trial[c];
    if (biased && coverage_p(t->row, shifted_coverage(t->level, j->trial[z].row->value)) > VERDICT_SHIFT) continue;
    wide = true;
    find(j, (Finding){FINDING_BAD, side < 0 ? "over-confident in parameter" : "under-confident in parameter", name, j->p[c] < VERDICT_HIGH,
                      arena_print(j->arena, "its %.0f %% intervals hold %s of the truths of %" PRId64 " data sets (%s)", 100 * t->level,
                                  percent(j, t->row->value), t->row->n, p_text(j, j->p[c]))});
  }
  if (!biased && !wide && sbc >= 0 && j->p[sbc] < VERDICT_LEVEL)
    find(j, (Finding){FINDING_BAD, "wrong in shape in parameter", name, j->p[sbc] < VERDICT_HIGH,
                      arena_print(j->arena,
                                  "its ranks are not uniform, though neither mean nor width is seen to be wrong (ln(\xCE\xB3/\xCE\xB3*) %s; %s)",
                                  number_text(j->arena, j->trial[sbc].row->value, 3), p_text(j, j->p[sbc]))});
}

/* What a note names, without what it explains: up to a colon or semicolon. */
static const char *named(const Judge *j, const char *note, const char *otherwise) {
  size_t n = strcspn(note, ":;");
  return n > 0 ? arena_print(j->arena, "%.*s", (int)n, note) : otherwise;
}

static void judge_joint(Judge *j) {
  for (int64_t i = 0; i < j->trials; i++) {
    const Trial *t = &j->trial[i];
    if (j->p[i] >= VERDICT_LEVEL) continue;
    bool high = j->p[i] < VERDICT_HIGH;
    const char *p = p_text(j, j->p[i]), *note = t->row->note;
    if (t->kind == TEST_JOINT_SBC)
      find(j, (Finding){FINDING_BAD, arena_print(j->arena, "wrong in joint ranks (%s)", named(j, note, "a joint quantity")), NULL, high,
                        arena_print(j->arena, "ln(\xCE\xB3/\xCE\xB3*) %s; %s", number_text(j->arena, t->row->value, 3), p)});
    if (t->kind == TEST_HPD)
      find(j, (Finding){FINDING_BAD, t->row->value < t->level ? "over-confident jointly" : "under-confident jointly", NULL, high,
                        arena_print(j->arena, "regions of highest density of 90 %% hold %s of the truths of %" PRId64 " data sets (%s)",
                                    percent(j, t->row->value), t->row->n, p)});
    if (t->kind == TEST_TARP) find(j, (Finding){FINDING_BAD, "wrong in joint coverage (TARP)", NULL, high, p});
    if (t->kind == TEST_LOCAL)
      find(j, (Finding){FINDING_BAD, arena_print(j->arena, "wrong at observation %" PRId64, t->row->observation), NULL, high,
                        arena_print(j->arena, "a classifier trained on pairs tells draws from truths there (local two-sample test, %s)", p)});
    if (t->kind == TEST_PREDICTIVE)
      find(j, (Finding){FINDING_WARNING, arena_print(j->arena, "posterior predictive off in %s", named(j, note, "a feature of the data")), NULL, high,
                        p});
  }
}

/* Names joined, at most four: "a, b and 3 more". */
static void name_add(Str *names, const char *name, int64_t n) {
  if (n < 4) str_print(names, "%s%s", n > 0 ? ", " : "", name);
}

static void judge_contraction(Judge *j) {
  const Record *r = j->record;
  Str names = {0};
  int64_t n = 0;
  for (int64_t k = 0; k < r->d; k++) {
    const MetricRow *row = record_metric(r, ROW_CONTRACTION, 0, r->parameter[k]);
    if (row != NULL && row->value < VERDICT_CONTRACTION) name_add(&names, r->parameter[k], n++);
  }
  if (n > 4) str_print(&names, " and %" PRId64 " more", n - 4);
  if (n > 0)
    find(j,
         (Finding){FINDING_NOTE, n > 1 ? "no better than the prior in parameters" : "no better than the prior in parameter",
                   str_keep(&names, j->arena), false,
                   arena_print(
                       j->arena,
                       "contraction (1 \xE2\x88\x92 posterior variance / prior variance) below %.2f: the data say little, or the model learnt little",
                       VERDICT_CONTRACTION)});
  str_free(&names);
}

static void judge_reference(Judge *j) {
  const Record *r = j->record;
  const MetricRow *far = NULL;
  int64_t compared = 0;
  for (int64_t k = 0; k < r->observations; k++) {
    const MetricRow *row = record_metric(r, ROW_C2ST, r->observation[k].number, NULL);
    if (row == NULL || !isfinite(row->value)) continue;
    compared++;
    if (far == NULL || row->value > far->value) far = row;
  }
  if (far == NULL) return;
  const char *value = number_text(j->arena, far->value, 3);
  if (far->value <= VERDICT_C2ST)
    find(j, (Finding){FINDING_GOOD, "close to the reference posterior", NULL, false,
                      arena_print(j->arena, "C2ST of at most %s over %" PRId64 " observation%s (0.5 is perfect)", value, compared,
                                  compared > 1 ? "s" : "")});
  else
    find(j, (Finding){far->value > VERDICT_C2ST_FAR ? FINDING_BAD : FINDING_WARNING,
                      arena_print(j->arena, "%s the reference posterior at observation %" PRId64,
                                  far->value > VERDICT_C2ST_FAR ? "far from" : "different from", far->observation),
                      NULL, false,
                      arena_print(j->arena, "a classifier tells draws from reference draws with accuracy %s there (C2ST; 0.5 is perfect)", value)});
}

static void judge_folder(Judge *j) {
  const Record *r = j->record;
  double failed = 0;
  for (int64_t k = 0; k < r->observations; k++) {
    if (r->observation[k].outside)
      find(j, (Finding){FINDING_WARNING, arena_print(j->arena, "observation %" PRId64 " lies outside the training data", r->observation[k].number),
                        NULL, false, "its posterior is an extrapolation, which no check on simulated data covers"});
    if (r->observation[k].failed > 0) failed += r->observation[k].failed;
  }
  if (failed > 0)
    find(j, (Finding){FINDING_WARNING, arena_print(j->arena, "%.0f draw%s failed", failed, failed > 1 ? "s" : ""), NULL, false,
                      "failed draws are NaN in posterior/theta.npy and left out of figures and summaries"});
  const MetricRow *leak = NULL;
  for (int64_t i = 0; i < r->metrics; i++)
    if (strcmp(r->metric[i].metric, ROW_LEAKAGE) == 0 && r->metric[i].value > 0 && (leak == NULL || r->metric[i].value > leak->value))
      leak = &r->metric[i];
  if (leak != NULL)
    find(j, (Finding){FINDING_WARNING, "draws lie outside the prior's support", NULL, false,
                      arena_print(j->arena, "up to %s of them", percent(j, leak->value))});
  if (r->failed_simulations > 0 && r->simulations > 0)
    find(j, (Finding){FINDING_NOTE, arena_print(j->arena, "%s of the simulations failed", percent(j, r->failed_simulations / r->simulations)), NULL,
                      false, "training left them out: the posterior is that of parameters whose simulations succeed"});
}

/* ---- The headline ---- */

/* Whether the posterior was tested on simulated data, and whether a test rejected. */
static bool checked(const Judge *j, bool *accused) {
  bool any = false;
  *accused = false;
  for (int64_t i = 0; i < j->trials; i++) {
    if (j->trial[i].kind <= TEST_TARP) any = true;
    if (j->trial[i].kind <= TEST_LOCAL && j->p[i] < VERDICT_LEVEL) *accused = true;
  }
  return any;
}

/* Of findings with the same claim, all parameters: "over-confident in parameters a, b". */
static void add_claim(const Judge *j, const Finding *first, Str *text) {
  Str names = {0};
  int64_t n = 0;
  bool high = false;
  for (const Finding *f = first; f < j->finding + j->findings; f++) {
    if (strcmp(f->claim, first->claim) != 0) continue;
    high = high || f->high;
    if (f->parameter != NULL) name_add(&names, f->parameter, n++);
  }
  if (n > 4) str_print(&names, " and %" PRId64 " more", n - 4);
  str_print(text, "%s%s%s%s%s%s", text->length > 0 ? "; " : "", first->claim, n > 1 ? "s" : "", n > 0 ? " " : "", n > 0 ? names.text : "",
            high ? " at high significance" : "");
  str_free(&names);
}

static char *headline(const Judge *j, bool tested, bool accused) {
  enum { MOST = 4 };
  Str text = {0};
  int64_t said = 0;
  if (tested && !accused) str_add(&text, "calibrated");
  for (const Finding *f = j->finding; f < j->finding + j->findings && f->kind >= FINDING_WARNING; f++) {
    bool before = false;
    for (const Finding *g = j->finding; g < f; g++) before = before || strcmp(g->claim, f->claim) == 0;
    if (before) continue;
    if (said++ == MOST) {
      str_add(&text, "; more below");
      break;
    }
    add_claim(j, f, &text);
  }
  if (!tested) str_print(&text, "%scalibration not checked: add sbc and coverage to evaluation", text.length > 0 ? "; " : "");
  return str_keep(&text, j->arena);
}

void verdict_judge(Arena *arena, const Record *record, Verdict *out) {
  Judge j = {.arena = arena, .record = record};
  bool accused, tested;
  collect(&j);
  tested = checked(&j, &accused);
  for (int64_t k = 0; k < record->d; k++) judge_parameter(&j, record->parameter[k]);
  judge_joint(&j);
  judge_folder(&j);
  judge_reference(&j);
  judge_contraction(&j);
  if (tested && !accused)
    find(&j, (Finding){FINDING_GOOD, "calibrated", NULL, false,
                       arena_print(arena, "none of %" PRId64 " tests rejects at %.0f %% for all of them together (Holm's correction)", j.trials,
                                   100 * VERDICT_LEVEL)});
  FindingKind worst = j.findings > 0 ? j.finding[0].kind : FINDING_NOTE;
  *out = (Verdict){.headline = headline(&j, tested, accused),
                   .kind = worst == FINDING_GOOD && !tested ? FINDING_NOTE : worst,
                   .finding = j.finding,
                   .findings = j.findings,
                   .tests = j.trials};
}
