/* SPDX-License-Identifier: MIT
 *
 * Reading a run's folder. */
#include "report/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/rows.h"

enum { MOST_TEXT = 1 << 26 };

typedef struct Reading {
  Arena *arena;
  Record *record;
  const Json *files; /* what the manifest lists */
  EbbStatus status;
} Reading;

/* The path of a file of this run; NULL if the run did not make it, or reading failed before. */
static const char *listed(const Reading *r, const char *name) {
  if (r->status != EBB_OK || json_get(r->files, name) == NULL) return NULL;
  return path_join(r->arena, r->record->folder, name);
}

static int64_t length(const Json *list) {
  int64_t n = 0;
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next) n++;
  return n;
}

static const char *text_of(Arena *arena, const char *text) { return arena_copy(arena, text != NULL ? text : ""); }

/* ---- The manifest and the spec ---- */

static void take_manifest(Reading *r, const Json *m) {
  Record *o = r->record;
  o->version = json_string(m, "ebb_version", "");
  o->build = json_string(m, "build", "");
  o->isa = json_string(m, "isa", "");
  o->blas = json_string(m, "blas", "");
  o->cpu = json_string(m, "cpu", "");
  o->seed = json_string(m, "seed", "");
  o->started = json_string(m, "started", "");
  o->threads = json_number(m, "threads", NAN);
  o->memory = json_number(m, "peak_memory_bytes", NAN);
  o->simulations = json_number(m, "simulations", NAN);
  o->failed_simulations = json_number(m, "failed_simulations", NAN);
  const Json *list = json_get(m, "stages");
  RecordStage *stage = ARENA_ARRAY(r->arena, RecordStage, length(list));
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next) {
    const Json *reused = json_get(j, "reused");
    stage[o->stages++] =
        (RecordStage){json_string(j, "name", ""), json_string(j, "key", ""), reused != NULL && reused->truth, json_number(j, "seconds", NAN)};
  }
  o->stage = stage;
  list = json_get(m, "plugins");
  RecordPlugin *plugin = ARENA_ARRAY(r->arena, RecordPlugin, length(list));
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next)
    plugin[o->plugins++] =
        (RecordPlugin){json_string(j, "kind", ""), json_string(j, "id", ""), json_string(j, "version", ""), json_string(j, "sha256", "")};
  o->plugin = plugin;
  list = json_get(m, "parameters");
  o->parameter = ARENA_ARRAY(r->arena, const char *, length(list));
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next) o->parameter[o->d++] = text_of(r->arena, j->text);
  list = json_get(m, "observations");
  o->observation = ARENA_ARRAY(r->arena, RecordObservation, length(list));
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next)
    o->observation[o->observations++] = (RecordObservation){strtoll(j->text != NULL ? j->text : "0", NULL, 10), false, NAN, NAN, NAN};
  list = json_get(m, "outside_training_data");
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL; j = j->next)
    for (int64_t k = 0; k < o->observations; k++)
      if (j->text != NULL && strtoll(j->text, NULL, 10) == o->observation[k].number) o->observation[k].outside = true;
  list = json_get(m, "sampled");
  int64_t k = 0;
  for (const Json *j = list != NULL ? list->first : NULL; j != NULL && k < o->observations; j = j->next, k++) {
    o->observation[k].evaluations = json_number(j, "evaluations_per_draw", NAN);
    o->observation[k].seconds = json_number(j, "seconds", NAN);
    o->observation[k].failed = json_number(j, "failed", NAN);
  }
}

static void read_manifest(Reading *r) {
  Record *o = r->record;
  char *path = path_join(r->arena, o->folder, "manifest.json"), *text;
  size_t size;
  Json *manifest = NULL;
  if (!file_exists(path)) {
    r->status = fail(EBB_E_CONFIG, "%s is no run (manifest.json is expected there); `ebb runs` lists runs", o->folder);
    return;
  }
  r->status = file_read(r->arena, path, MOST_TEXT, &text, &size);
  if (r->status == EBB_OK) r->status = json_read(r->arena, path, text, size, &manifest);
  if (r->status != EBB_OK) return;
  r->files = json_get(manifest, "files");
  if (r->files == NULL || json_get(manifest, "parameters") == NULL)
    r->status = fail(EBB_E_IO, "%s: \"files\" and \"parameters\" are expected; is this a run's own folder, not one of `ebb sample RUN`?", path);
  else
    take_manifest(r, manifest);
}

static void read_spec(Reading *r) {
  const char *path = r->status == EBB_OK ? path_join(r->arena, r->record->folder, "spec.yaml") : NULL;
  char *text;
  size_t size;
  Node *tree;
  if (path == NULL) return;
  r->status = file_read(r->arena, path, MOST_TEXT, &text, &size);
  if (r->status == EBB_OK) r->status = config_parse(r->arena, path, text, size, &tree);
  if (r->status != EBB_OK) return;
  r->record->spec = text;
  r->record->tree = tree;
}

/* ---- Tables ---- */

/* A table and where its columns stand; false: there is none, or reading failed. */
static bool read_table(Reading *r, const char *path, const char *const *names, size_t n, Rows *t, int64_t *column) {
  if (path == NULL) return false;
  r->status = rows_read(r->arena, path, t);
  for (size_t k = 0; k < n && r->status == EBB_OK; k++) r->status = rows_column(t, names[k], &column[k]);
  return r->status == EBB_OK;
}

static void read_metrics(Reading *r, const char *path) {
  Rows t;
  int64_t c[7];
  static const char *const names[] = {"metric", "observation", "parameter", "value", "standard_error", "n", "note"};
  if (!read_table(r, path, names, COUNT(names), &t, c)) return;
  MetricRow *row = ARENA_ARRAY(r->arena, MetricRow, t.rows);
  for (int64_t i = 0; i < t.rows && r->status == EBB_OK; i++) {
    const char **f = t.field + i * t.columns;
    double number, n;
    row[i] = (MetricRow){.metric = f[c[0]], .parameter = f[c[2]], .note = f[c[6]]};
    r->status = rows_number(&t, i, c[1], true, &number);
    if (r->status == EBB_OK) r->status = rows_number(&t, i, c[3], true, &row[i].value);
    if (r->status == EBB_OK) r->status = rows_number(&t, i, c[4], true, &row[i].error);
    if (r->status == EBB_OK) r->status = rows_number(&t, i, c[5], true, &n);
    if (r->status != EBB_OK) return;
    row[i].observation = number >= 1 && number < 9e15 ? (int64_t)number : 0;
    row[i].n = n >= 0 && n < 9e15 ? (int64_t)n : 0;
  }
  r->record->metric = row;
  r->record->metrics = t.rows;
}

static void read_curves(Reading *r, const char *path) {
  Rows t;
  int64_t c[6];
  static const char *const names[] = {"name", "parameter", "x", "y", "low", "high"};
  if (!read_table(r, path, names, COUNT(names), &t, c)) return;
  Curve *curve = ARENA_ARRAY(r->arena, Curve, t.rows), *last = NULL;
  double *column[4];
  for (size_t k = 0; k < 4; k++) column[k] = ARENA_ARRAY(r->arena, double, t.rows);
  for (int64_t i = 0; i < t.rows && r->status == EBB_OK; i++) {
    const char *name = t.field[i * t.columns + c[0]], *parameter = t.field[i * t.columns + c[1]];
    for (int k = 0; k < 4 && r->status == EBB_OK; k++) r->status = rows_number(&t, i, c[2 + k], k > 0, &column[k][i]);
    bool more = last != NULL && strcmp(last->name, name) == 0 && strcmp(last->parameter, parameter) == 0 && column[0][i] >= last->x[last->n - 1];
    if (!more) {
      last = &curve[r->record->curves++];
      *last = (Curve){name, parameter, 0, column[0] + i, column[1] + i, column[2] + i, column[3] + i};
    }
    last->n++;
  }
  r->record->curve = curve;
}

static void read_summary(Reading *r, const char *path) {
  Rows t;
  int64_t c[9];
  static const char *const names[] = {"observation", "parameter", "mean", "sd", "q05", "q25", "q50", "q75", "q95"};
  if (!read_table(r, path, names, COUNT(names), &t, c)) return;
  SummaryRow *row = ARENA_ARRAY(r->arena, SummaryRow, t.rows);
  for (int64_t i = 0; i < t.rows && r->status == EBB_OK; i++) {
    double number;
    double *value[] = {&row[i].mean,        &row[i].sd,          &row[i].quantile[0], &row[i].quantile[1],
                       &row[i].quantile[2], &row[i].quantile[3], &row[i].quantile[4]};
    row[i].parameter = t.field[i * t.columns + c[1]];
    r->status = rows_number(&t, i, c[0], false, &number);
    for (size_t k = 0; k < COUNT(value) && r->status == EBB_OK; k++) r->status = rows_number(&t, i, c[2 + k], true, value[k]);
    row[i].observation = r->status == EBB_OK ? (int64_t)number : 0;
  }
  r->record->summary = row;
  r->record->summaries = t.rows;
}

/* ---- Arrays ---- */

/* float32 numbers of a listed file with `dims` dimensions whose last has d numbers (0: any); NULL if there is none. */
static const float *read_array(Reading *r, int place, const char *name, int64_t dims, int64_t d, int64_t shape[3]) {
  const char *path = listed(r, name);
  Npy *file = &r->record->file[place];
  if (path == NULL) return NULL;
  r->status = npy_open(path, file);
  if (r->status != EBB_OK) return NULL;
  const float *value = npy_f32(file);
  if (file->ndim != dims || value == NULL || (d > 0 && file->shape[dims - 1] != d)) {
    r->status = fail(EBB_E_SHAPE, "%s: the array is %s, expected float32 of %" PRId64 " dimensions%s", path, npy_shape_text(r->arena, file), dims,
                     d > 0 ? arena_print(r->arena, ", the last of %" PRId64, d) : "");
    return NULL;
  }
  memcpy(shape, file->shape, (size_t)dims * sizeof *shape);
  return value;
}

static void read_arrays(Reading *r) {
  Record *o = r->record;
  int64_t shape[3];
  if ((o->theta = read_array(r, 0, "posterior/theta.npy", 3, o->d, shape)) != NULL) o->draws = shape[1];
  if (o->theta != NULL && shape[0] != o->observations)
    r->status = fail(EBB_E_SHAPE, "%s/posterior/theta.npy holds %" PRId64 " observations, manifest.json names %" PRId64, o->folder, shape[0],
                     o->observations);
  if ((o->prior = read_array(r, 1, "simulations/theta.npy", 2, o->d, shape)) != NULL) o->priors = shape[0];
  if ((o->data = read_array(r, 2, "observations.npy", 2, 0, shape)) != NULL) o->numbers = shape[1];
  if (o->data != NULL && shape[0] != o->observations) o->data = NULL;
  o->truth = read_array(r, 3, "truth.npy", 2, o->d, shape);
  if (o->truth != NULL && shape[0] != o->observations) o->truth = NULL;
  o->reference = read_array(r, 4, "posterior/reference.npy", 3, o->d, shape);
  if (o->reference != NULL) o->referenced = shape[0], o->references = shape[1];
}

EbbStatus record_read(Arena *arena, const char *folder, Record *out) {
  char *place = arena_copy(arena, folder);
  for (size_t n = strlen(place); n > 1 && place[n - 1] == '/';) place[--n] = '\0';
  const char *whole = path_absolute(arena, place);
  *out = (Record){.folder = place, .name = path_name(whole != NULL ? whole : place)};
  Reading r = {arena, out, NULL, EBB_OK};
  read_manifest(&r);
  read_spec(&r);
  read_metrics(&r, listed(&r, "metrics.csv"));
  read_curves(&r, listed(&r, "curves.csv"));
  read_summary(&r, listed(&r, "posterior/summary.csv"));
  const char *training = listed(&r, "training.csv");
  if (training != NULL) r.status = table_read(arena, training, &out->training);
  read_arrays(&r);
  return r.status;
}

void record_close(Record *r) {
  for (size_t i = 0; i < COUNT(r->file); i++)
    if (r->file[i].data != NULL || r->file[i].map.data != NULL) npy_close(&r->file[i]);
}

/* ---- Looking up ---- */

const MetricRow *record_metric(const Record *r, const char *metric, int64_t observation, const char *parameter) {
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics; m++)
    if (strcmp(m->metric, metric) == 0 && m->observation == observation && (parameter == NULL || strcmp(m->parameter, parameter) == 0)) return m;
  return NULL;
}

const char *record_spec(const Record *r, const char *path) {
  const Node *node = r->tree;
  while (node != NULL && *path != '\0') {
    size_t n = strcspn(path, ".");
    char key[128];
    if (n >= sizeof key) return NULL;
    memcpy(key, path, n);
    key[n] = '\0';
    node = config_get(node, key);
    path += n + (path[n] == '.');
  }
  return node != NULL && node->type == NODE_SCALAR && !config_is_null(node) ? node->text : NULL;
}

bool record_reached(const Record *r, const char *stage) {
  for (int64_t i = 0; i < r->stages; i++)
    if (strcmp(r->stage[i].name, stage) == 0) return true;
  return false;
}
