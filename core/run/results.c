/* SPDX-License-Identifier: MIT
 *
 * Lines of metrics.csv and curves.csv. */
#include "run/results.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool results_row(char **at, const char *field[RESULTS_FIELDS]) {
  bool more = true;
  for (int k = 0; k < RESULTS_FIELDS; k++) field[k] = "";
  if (**at == '\0') return false;
  for (int k = 0; more; k++) {
    const char *text = csv_field(at, &more, NULL);
    if (text == NULL) return false;
    if (k < RESULTS_FIELDS) field[k] = text;
  }
  return true;
}

static void number(Str *out, double value) {
  str_add(out, ",");
  if (!isnan(value)) str_print(out, "%.7g", value);
}

static const char *parameter_name(const Results *r, int64_t parameter) { return parameter >= 0 ? r->run->info.parameter[parameter].name : ""; }

/* A plugin's slip is the metric's failure, not a line about nothing. */
static bool is_there(Results *r, const char *what, int64_t set, int64_t parameter) {
  int64_t d = ebb_layout_numbers(&r->run->info.theta);
  if (set < r->sets && parameter < d) return true;
  if (r->fault[0] == '\0')
    snprintf(r->fault, sizeof r->fault, "it reports %.60s of set %" PRId64 " and parameter %" PRId64 ", counted from 0, of %" PRId64 " and %" PRId64,
             what, set, parameter, r->sets, d);
  return false;
}

static void put_value(EbbReport *report, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n,
                      const char *note) {
  Results *r = report->ctx;
  if (!is_there(r, metric, set, parameter)) return;
  if (set < 0 && r->part) return;
  str_csv(&r->values, metric);
  str_add(&r->values, ",");
  if (set >= 0) str_print(&r->values, "%" PRId64, r->run->observations.number[r->first + set]);
  str_add(&r->values, ",");
  str_csv(&r->values, parameter_name(r, parameter));
  number(&r->values, value);
  number(&r->values, error);
  str_print(&r->values, ",%" PRId64 ",", n);
  str_csv(&r->values, note);
  str_add(&r->values, "\n");
}

static void put_curve(EbbReport *report, const char *name, int64_t parameter, int64_t n, const double *x, const double *y, const double *low,
                      const double *high) {
  Results *r = report->ctx;
  if (!is_there(r, name, -1, parameter)) return;
  for (int64_t i = 0; i < n; i++) {
    str_csv(&r->curves, name);
    str_add(&r->curves, ",");
    str_csv(&r->curves, parameter_name(r, parameter));
    number(&r->curves, x[i]);
    number(&r->curves, y[i]);
    number(&r->curves, low != NULL ? low[i] : NAN);
    number(&r->curves, high != NULL ? high[i] : NAN);
    str_add(&r->curves, "\n");
  }
}

void results_begin(Results *r, const Run *run, bool part) {
  *r = (Results){.report = {sizeof(EbbReport), r, put_value, put_curve}, .run = run, .part = part};
}

void results_free(Results *r) {
  str_free(&r->values);
  str_free(&r->curves);
}

void results_means(Results *r) {
  typedef struct Mean {
    const char *name, *parameter;
    double sum, square;
    int64_t n;
  } Mean;
  enum { MOST = 1024 };
  Arena *arena = arena_new();
  Mean *mean = ARENA_ARRAY(arena, Mean, MOST);
  size_t means = 0;
  char *at = arena_copy(arena, r->values.text != NULL ? r->values.text : "");
  for (const char *field[RESULTS_FIELDS]; results_row(&at, field);) {
    const char *name = field[0], *observation = field[1], *parameter = field[2];
    double value = strtod(field[3], NULL);
    bool given = field[3][0] != '\0';
    size_t k = 0;
    while (k < means && (strcmp(mean[k].name, name) != 0 || strcmp(mean[k].parameter, parameter) != 0)) k++;
    if (*observation == '\0' || !given || k == MOST) continue;
    if (k == means) mean[means++] = (Mean){.name = name, .parameter = parameter};
    mean[k].sum += value;
    mean[k].square += value * value;
    mean[k].n++;
  }
  for (const Mean *m = mean; m < mean + means; m++) {
    double n = (double)m->n, variance = (m->square - m->sum * m->sum / n) / (n - 1);
    str_csv(&r->values, m->name);
    str_add(&r->values, ",,");
    str_csv(&r->values, m->parameter);
    number(&r->values, m->sum / n);
    number(&r->values, m->n > 1 ? sqrt(fmax(0, variance) / n) : NAN);
    str_print(&r->values, ",%" PRId64 ",mean over observations; error from their spread\n", m->n);
  }
  arena_free(arena);
}

/* ---- Files ---- */

static void path_of(char path[4096], const Stage *stage, const char *name, int64_t n) {
  snprintf(path, 4096, n < 0 ? "%s/%s" : "%s/%s.%" PRId64, stage->work, name, n);
}

static EbbStatus write_both(const Results *r, const Stage *stage, int64_t n) {
  char path[4096];
  path_of(path, stage, "metrics.csv", n);
  EbbStatus status = file_write(path, r->values.text != NULL ? r->values.text : "", r->values.length);
  path_of(path, stage, "curves.csv", n);
  return status == EBB_OK && r->curves.length > 0 ? file_write(path, r->curves.text, r->curves.length) : status;
}

int64_t results_kept(Results *r, Arena *arena, const Stage *stage) {
  char *text, path[4096];
  size_t size;
  path_of(path, stage, "done", -1);
  if (!file_exists(path) || file_read(arena, path, 64, &text, &size) != EBB_OK) return 0;
  int64_t done = strtoll(text, NULL, 10);
  path_of(path, stage, "metrics.csv", done);
  if (file_read(arena, path, SIZE_MAX / 2, &text, &size) != EBB_OK) {
    fail_clear();
    return 0;
  }
  str_add(&r->values, text);
  path_of(path, stage, "curves.csv", done);
  if (file_exists(path) && file_read(arena, path, SIZE_MAX / 2, &text, &size) == EBB_OK) str_add(&r->curves, text);
  return done;
}

/* Files of this many observations first, the note last: a kill between them leaves the older note and its files. */
EbbStatus results_keep(const Results *r, Stage *stage, int64_t observations) {
  char path[4096], text[32];
  EbbStatus status = write_both(r, stage, observations);
  path_of(path, stage, "done", -1);
  int n = snprintf(text, sizeof text, "%" PRId64 "\n", observations);
  if (status == EBB_OK) status = file_write(path, text, (size_t)n);
  stage_note_time(stage);
  return status;
}

EbbStatus results_write(const Results *r, const Stage *stage) {
  char path[4096];
  EbbStatus status = write_both(r, stage, -1);
  for (int64_t k = 0; k <= r->run->observations.n && status == EBB_OK; k++) {
    path_of(path, stage, "metrics.csv", k);
    remove(path);
    path_of(path, stage, "curves.csv", k);
    remove(path);
  }
  path_of(path, stage, "done", -1);
  remove(path);
  return status;
}
