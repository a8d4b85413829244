/* SPDX-License-Identifier: MIT
 *
 * The evaluate stages, one a metric. The evidence is gathered here: draws, truths, references (from files, or from the simulator's exact sampler),
 * data. Two observations go to a metric at a time, and what it said is kept after each pair, so that a killed run repeats little. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/metric.h>

#include "run/reference.h"

enum { SETS = REFERENCE_MOST, STEPS = 1000 /* of progress, an observation */, STREAM_METRIC = 3000 };

/* Lines of metrics.csv and curves.csv, as a metric reports them. */
typedef struct Report {
  EbbReport report; /* first: the metric gets it */
  const Run *run;
  const int64_t *set; /* numbers of this call's observations */
  bool part;          /* they are not all */
  Str values, curves;
} Report;

static void field(Str *out, const char *text) { /* RFC 4180 */
  if (text == NULL) return;
  if (strpbrk(text, ",\"\n") == NULL) {
    str_add(out, text);
    return;
  }
  str_add(out, "\"");
  for (const char *c = text; *c != '\0'; c++) str_print(out, *c == '"' ? "\"%c" : "%c", *c);
  str_add(out, "\"");
}

static void number(Str *out, double value) {
  str_add(out, ",");
  if (!isnan(value)) str_print(out, "%.7g", value);
}

static const char *parameter_name(const Report *r, int64_t parameter) { return parameter >= 0 ? r->run->info.parameter[parameter].name : ""; }

static void put_value(EbbReport *report, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n,
                      const char *note) {
  Report *r = report->ctx;
  if (set < 0 && r->part) return; /* of some observations only: add_means speaks of all */
  field(&r->values, metric);
  str_add(&r->values, ",");
  if (set >= 0) str_print(&r->values, "%" PRId64, r->set[set]);
  str_add(&r->values, ",");
  field(&r->values, parameter_name(r, parameter));
  number(&r->values, value);
  number(&r->values, error);
  str_print(&r->values, ",%" PRId64 ",", n);
  field(&r->values, note);
  str_add(&r->values, "\n");
}

static void put_curve(EbbReport *report, const char *name, int64_t parameter, int64_t n, const double *x, const double *y, const double *low,
                      const double *high) {
  Report *r = report->ctx;
  for (int64_t i = 0; i < n; i++) {
    field(&r->curves, name);
    str_add(&r->curves, ",");
    field(&r->curves, parameter_name(r, parameter));
    number(&r->curves, x[i]);
    number(&r->curves, y[i]);
    number(&r->curves, low != NULL ? low[i] : NAN);
    number(&r->curves, high != NULL ? high[i] : NAN);
    str_add(&r->curves, "\n");
  }
}

/* The field of a line at *at, as it is written; *at moves behind its comma. */
static char *take_field(Arena *arena, const char **at) {
  const char *from = *at, *end = from;
  for (bool quoted = false; *end != '\0' && (quoted || (*end != ',' && *end != '\n')); end++) quoted ^= *end == '"';
  *at = *end == ',' ? end + 1 : end;
  return arena_print(arena, "%.*s", (int)(end - from), from);
}

/* Where observations came to the metric in parts, their mean is made here: a line for each name and parameter. */
static void add_means(Report *r) {
  typedef struct Mean {
    const char *name, *parameter;
    double sum, square;
    int64_t n;
  } Mean;
  enum { MOST = 1024 };
  Arena *arena = arena_new();
  Mean *mean = ARENA_ARRAY(arena, Mean, MOST);
  size_t means = 0;
  for (const char *at = r->values.text; at != NULL && *at != '\0'; at++) {
    const char *name = take_field(arena, &at), *number_of = take_field(arena, &at), *parameter = take_field(arena, &at);
    double value = strtod(at, NULL);
    bool given = *at != ',';
    while (*at != '\n' && *at != '\0') take_field(arena, &at);
    size_t k = 0;
    while (k < means && (strcmp(mean[k].name, name) != 0 || strcmp(mean[k].parameter, parameter) != 0)) k++;
    if (*number_of == '\0' || !given || k == MOST) continue;
    if (k == means) mean[means++] = (Mean){.name = name, .parameter = parameter};
    mean[k].sum += value;
    mean[k].square += value * value;
    mean[k].n++;
  }
  for (const Mean *m = mean; m < mean + means; m++) {
    double n = (double)m->n, variance = (m->square - m->sum * m->sum / n) / (n - 1);
    str_print(&r->values, "%s,,%s", m->name, m->parameter);
    number(&r->values, m->sum / n);
    number(&r->values, m->n > 1 ? sqrt(fmax(0, variance) / n) : NAN);
    str_print(&r->values, ",%" PRId64 ",mean over observations; error from their spread\n", m->n);
  }
  arena_free(arena);
}

/* ---- One metric ---- */

static EbbStatus evidence_simulate(const EbbEvidence *e, int64_t rows, const float *theta, EbbData *out, uint8_t *failed) {
  (void)e, (void)rows, (void)theta, (void)out, (void)failed;
  return fail(EBB_E_UNSUPPORTED, "this evidence has no simulator");
}

typedef struct Judge {
  Run *run;
  EbbChild metric; /* an instance */
  EbbMetricNeeds needs;
  const char *pattern;
  const float *theta; /* all draws, mapped */
  const char *const *name;
  Report report;
} Judge;

/* The metric on observations [first, first + sets). *skipped: it needs references and there are none. */
static EbbStatus judge_some(Judge *j, int64_t first, int64_t sets, bool *skipped) {
  Run *run = j->run;
  Arena *arena = arena_new();
  const Observations *o = &run->observations;
  int64_t d = ebb_layout_numbers(&run->info.theta), draws = run->spec->sampling.draws, rows = 0;
  float *reference = NULL;
  EbbStatus status = EBB_OK;
  if (j->needs.flags & EBB_NEED_REFERENCE) status = reference_draws(run, arena, j->pattern, first, sets, &rows, &reference);
  *skipped = status == EBB_OK && (j->needs.flags & EBB_NEED_REFERENCE) && reference == NULL;
  if (status != EBB_OK || *skipped) goto end;
  EbbData data = observation_row(&o->data, first);
  data.rows = sets;
  double *evaluations = ARENA_ARRAY(arena, double, sets), *took = ARENA_ARRAY(arena, double, sets);
  double *lower = ARENA_ARRAY(arena, double, d), *upper = ARENA_ARRAY(arena, double, d);
  for (int64_t k = 0; k < d; k++) {
    lower[k] = run->info.parameter[k].lower;
    upper[k] = run->info.parameter[k].upper;
  }
  for (int64_t s = 0; s < sets; s++) {
    evaluations[s] = run->sampled[first + s].evaluations;
    took[s] = run->sampled[first + s].seconds;
  }
  EbbEvidence e = {.size = sizeof e,
                   .host = plugin_host(&j->metric),
                   .rng = {run->spec->sampling.seed, j->metric.stream},
                   .sets = sets,
                   .draws = draws,
                   .dim = d,
                   .references = rows,
                   .set = o->number + first,
                   .name = j->name,
                   .data = &data,
                   .theta = j->theta + first * draws * d,
                   .truth = o->truth != NULL ? o->truth + first * d : NULL,
                   .reference = reference,
                   .evaluations = evaluations,
                   .seconds = took,
                   .simulate = evidence_simulate,
                   .lower = lower,
                   .upper = upper};
  j->report.set = e.set;
  breadcrumb(j->metric.component, "compute", sets);
  status = ((const EbbMetricOps *)j->metric.ops)->compute(j->metric.self, &e, &j->report.report);
  breadcrumb(NULL, NULL, 0);
end:
  arena_free(arena);
  return status;
}

static EbbStatus keep(const Stage *stage, const Report *r) {
  char path[4096];
  snprintf(path, sizeof path, "%s/metrics.csv", stage->work);
  EbbStatus status = file_write(path, r->values.text, r->values.length);
  snprintf(path, sizeof path, "%s/curves.csv", stage->work);
  if (status == EBB_OK && r->curves.length > 0) status = file_write(path, r->curves.text, r->curves.length);
  return status;
}

/* What an earlier attempt had kept: whole pairs of observations; the note says how many. */
static int64_t kept_before(Arena *arena, const Stage *stage, Report *r) {
  char *text;
  size_t size;
  int64_t done = 0;
  char path[4096];
  snprintf(path, sizeof path, "%s/done", stage->work);
  if (!file_exists(path) || file_read(arena, path, 64, &text, &size) != EBB_OK) return 0;
  done = strtoll(text, NULL, 10);
  snprintf(path, sizeof path, "%s/metrics.csv.%" PRId64, stage->work, done);
  if (file_read(arena, path, SIZE_MAX / 2, &text, &size) != EBB_OK) {
    fail_clear();
    return 0;
  }
  str_add(&r->values, text);
  snprintf(path, sizeof path, "%s/curves.csv.%" PRId64, stage->work, done);
  if (file_exists(path) && file_read(arena, path, SIZE_MAX / 2, &text, &size) == EBB_OK) str_add(&r->curves, text);
  return done;
}

/* Files of this many observations first, the note last: a kill between them leaves the older note and its files. */
static EbbStatus keep_some(Stage *stage, const Report *r, int64_t done) {
  char path[4096], text[32];
  snprintf(path, sizeof path, "%s/metrics.csv.%" PRId64, stage->work, done);
  EbbStatus status = file_write(path, r->values.text != NULL ? r->values.text : "", r->values.length);
  snprintf(path, sizeof path, "%s/curves.csv.%" PRId64, stage->work, done);
  if (status == EBB_OK && r->curves.length > 0) status = file_write(path, r->curves.text, r->curves.length);
  snprintf(path, sizeof path, "%s/done", stage->work);
  int n = snprintf(text, sizeof text, "%" PRId64 "\n", done);
  if (status == EBB_OK) status = file_write(path, text, (size_t)n);
  stage_note_time(stage);
  return status;
}

static void sweep_up(const Stage *stage, int64_t sets) {
  char path[4096];
  for (int64_t k = 0; k <= sets; k++) {
    snprintf(path, sizeof path, "%s/metrics.csv.%" PRId64, stage->work, k);
    remove(path);
    snprintf(path, sizeof path, "%s/curves.csv.%" PRId64, stage->work, k);
    remove(path);
  }
  snprintf(path, sizeof path, "%s/done", stage->work);
  remove(path);
}

static EbbStatus judge_all(Judge *j, Stage *stage) {
  Run *run = j->run;
  const Observations *o = &run->observations;
  int64_t done = kept_before(run->arena, stage, &j->report);
  bool skipped = false;
  Progress *progress = progress_begin(j->metric.component->id, "observations", o->n, done);
  progress_fine(progress, STEPS);
  EbbStatus status = EBB_OK;
  while (done < o->n && !skipped && status == EBB_OK) {
    if (run_stop) {
      status =
          fail(EBB_E_CANCELLED, "stopped while evaluating %s; %" PRId64 " of %" PRId64 " observations are kept", j->metric.component->id, done, o->n);
      break;
    }
    int64_t sets = o->n - done < SETS ? o->n - done : SETS;
    progress_expect(progress, sets * STEPS);
    status = judge_some(j, done, sets, &skipped);
    if (status == EBB_OK && !skipped) {
      done += sets;
      status = keep_some(stage, &j->report, done);
    }
    progress_at(progress, done * STEPS, NULL);
  }
  progress_end(progress, NULL);
  if (status == EBB_OK && skipped)
    log_line(LOG_WARNING,
             "%s is left out: it needs reference draws, the simulator %s has no exact posterior sampler, and the spec names no reference files",
             j->metric.component->id, run->simulator.component->id);
  return status;
}

static EbbStatus evaluate_one(Run *run, int64_t i) {
  Stage *stage = &run->evaluate[i];
  if (stage->done) return EBB_OK;
  EbbStatus status = stage_begin(stage);
  if (status != EBB_OK || stage->done) return status;
  Judge j = {.run = run, .metric = run->spec->evaluation.child[i]};
  j.pattern = component_string(&j.metric, "reference");
  j.report = (Report){.report = {sizeof(EbbReport), NULL, put_value, put_curve}, .run = run, .part = run->observations.n > SETS};
  j.report.report.ctx = &j.report;
  uint32_t stream = STREAM_METRIC + 16 * (uint32_t)i;
  Npy file;
  char **name = ARENA_ARRAY(run->arena, char *, ebb_layout_numbers(&run->info.theta));
  for (int64_t k = 0; k < ebb_layout_numbers(&run->info.theta); k++) name[k] = arena_copy(run->arena, run->info.parameter[k].name);
  j.name = (const char *const *)name;
  status = plugin_create(run->arena, run->pool, &j.metric, &stream);
  if (status == EBB_OK) status = npy_open(path_join(run->arena, run->sample.folder, "theta.npy"), &file);
  if (status == EBB_OK) {
    j.theta = npy_f32(&file);
    j.needs.size = sizeof j.needs;
    ((const EbbMetricOps *)j.metric.ops)->needs(j.metric.self, &j.needs);
    uint32_t given = EBB_NEED_REFERENCE | EBB_NEED_TRUTH;
    if (j.needs.sets != 0 || (j.needs.flags & ~given))
      status =
          fail(EBB_E_UNSUPPORTED, "metric %s needs prior-predictive data sets, simulations or densities, which this version of Ebb does not give",
               j.metric.component->id);
    if (status == EBB_OK) status = judge_all(&j, stage);
    npy_close(&file);
    plugin_destroy(&j.metric);
  }
  if (status == EBB_OK && j.report.part) add_means(&j.report);
  if (status == EBB_OK) status = keep(stage, &j.report);
  if (status == EBB_OK) {
    sweep_up(stage, run->observations.n);
    status = stage_commit(stage, NULL);
  } else {
    stage_release(stage);
  }
  str_free(&j.report.values);
  str_free(&j.report.curves);
  return status;
}

EbbStatus run_evaluate(Run *run) {
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < run->spec->evaluation.count && status == EBB_OK; i++) status = evaluate_one(run, i);
  return status;
}
