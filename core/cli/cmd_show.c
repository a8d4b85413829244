/* SPDX-License-Identifier: MIT
 *
 * A run on the terminal: verdict, parameters with small histograms, metrics, cost; --json: the same for scripts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "report/density.h"
#include "report/html.h"
#include "report/record.h"
#include "report/tables.h"
#include "report/verdict.h"

enum { BINS = 24 };

/* ---- Columns ---- */

/* A table gathered first, so that each column is as wide as its widest cell, a letter counting as one. */
typedef struct Grid {
  Arena *arena;
  int columns;
  int64_t cells, room;
  const char **cell;
  bool right[16];
} Grid;

static void put(Grid *g, const char *text) {
  if (g->cells == g->room) {
    const char **old = g->cell;
    g->room = g->room > 0 ? 2 * g->room : 256;
    g->cell = ARENA_ARRAY(g->arena, const char *, g->room);
    if (old != NULL) memcpy(g->cell, old, (size_t)g->cells * sizeof *old);
  }
  char *kept = arena_copy(g->arena, text != NULL ? text : "");
  for (char *c = kept; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?'; /* names and notes do not steer the terminal */
  g->cell[g->cells++] = kept;
}

static void print_grid(const Grid *g) {
  int width[16] = {0};
  for (int64_t i = 0; i < g->cells; i++) {
    int k = (int)(i % g->columns), n = utf8_letters(g->cell[i]);
    width[k] = n > width[k] ? n : width[k];
  }
  for (int64_t i = 0; i < g->cells; i++) {
    int k = (int)(i % g->columns), pad = width[k] - utf8_letters(g->cell[i]);
    bool last = k + 1 == g->columns;
    printf("%s%*s%s%*s%s", k > 0 ? "  " : "", g->right[k] ? pad : 0, "", g->cell[i], g->right[k] || last ? 0 : pad, "", last ? "\n" : "");
  }
}

/* ---- Parts ---- */

/* Counts of the finite draws of one parameter; false if there are none. */
static bool histogram(Arena *arena, const Record *r, const SummaryRow *row, double *low, double *high, double *count) {
  int64_t k = 0, j = 0;
  while (k < r->observations && r->observation[k].number != row->observation) k++;
  while (j < r->d && strcmp(r->parameter[j], row->parameter) != 0) j++;
  if (r->theta == NULL || k == r->observations || j == r->d) return false;
  Column c = {r->theta + k * r->draws * r->d + j, r->draws, r->d};
  *low = 1;
  *high = 0;
  column_range(arena, c, low, high);
  return *low < *high && column_histogram(c, *low, *high, BINS, count) > 0;
}

static const char *blocks(Arena *arena, const double *count) {
  static const char *const block[] = {
      " ", "\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83", "\xE2\x96\x84", "\xE2\x96\x85", "\xE2\x96\x86", "\xE2\x96\x87", "\xE2\x96\x88"};
  double most = 0;
  char *text = arena_copy(arena, "");
  for (int i = 0; i < BINS; i++) most = fmax(most, count[i]);
  for (int i = 0; i < BINS; i++) text = arena_print(arena, "%s%s", text, block[count[i] > 0 ? (int)ceil(8 * count[i] / most) : 0]);
  return text;
}

static const char *near_text(Arena *arena, double value, double fine) {
  Str text = {0};
  number_near(&text, value, fine);
  return str_keep(&text, arena);
}

static void show_verdict(Arena *arena, const Record *r) {
  Verdict v;
  verdict_judge(arena, r, &v);
  printf("%s: %s\n", r->name, v.headline);
  Grid g = {.arena = arena, .columns = 2};
  for (int64_t i = 0; i < v.findings; i++) {
    const Finding *f = &v.finding[i];
    put(&g, arena_print(arena, "  %s", finding_words[f->kind]));
    put(&g, f->why != NULL ? arena_print(arena, "%s: %s", finding_text(arena, f), f->why) : finding_text(arena, f));
  }
  print_grid(&g);
}

static void show_summary(Arena *arena, const Record *r) {
  static const char *const heads[] = {"observation", "parameter", "mean", "sd", "5 %", "50 %", "95 %", "draws"};
  if (r->summaries == 0) return;
  Grid g = {.arena = arena, .columns = COUNT(heads), .right = {true, false, true, true, true, true, true, false}};
  for (size_t i = 0; i < COUNT(heads); i++) put(&g, heads[i]);
  for (const SummaryRow *s = r->summary; s < r->summary + r->summaries; s++) {
    double fine = .05 * s->sd, low, high, count[BINS];
    const double value[] = {s->mean, s->sd, s->quantile[0], s->quantile[2], s->quantile[4]};
    put(&g, arena_print(arena, "%" PRId64, s->observation));
    put(&g, s->parameter);
    for (size_t i = 0; i < COUNT(value); i++) put(&g, near_text(arena, value[i], fine));
    put(&g, histogram(arena, r, s, &low, &high, count) ? blocks(arena, count) : "");
  }
  printf("\n");
  print_grid(&g);
}

static void show_metrics(Arena *arena, const Record *r) {
  static const char *const heads[] = {"metric", "observation", "parameter", "value", "n", "note"};
  if (r->metrics == 0) return;
  Grid g = {.arena = arena, .columns = COUNT(heads), .right = {false, true, false, false, true, false}};
  for (size_t i = 0; i < COUNT(heads); i++) put(&g, heads[i]);
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics; m++) {
    put(&g, m->metric);
    put(&g, m->observation > 0 ? arena_print(arena, "%" PRId64, m->observation) : "");
    put(&g, m->parameter);
    put(&g, value_text(arena, m->value, m->error));
    put(&g, m->n > 0 ? arena_print(arena, "%" PRId64, m->n) : "");
    put(&g, m->note);
  }
  printf("\n");
  print_grid(&g);
}

static void show_cost(Arena *arena, const Record *r) {
  Grid g = {.arena = arena, .columns = 3, .right = {false, true, false}};
  for (int64_t i = 0; i < r->stages; i++) {
    Str text = {0};
    number_seconds(&text, r->stage[i].seconds);
    put(&g, r->stage[i].name);
    put(&g, text.text);
    put(&g, r->stage[i].reused ? "re-used" : "");
    str_free(&text);
  }
  printf("\n");
  print_grid(&g);
}

/* ---- For scripts ---- */

static void member(JsonWriter *w, const char *key, const char *text) {
  json_key(w, key);
  json_put_string(w, text);
}

static void real(JsonWriter *w, const char *key, double value) {
  json_key(w, key);
  json_put_real(w, value);
}

static void json_verdict(JsonWriter *w, Arena *arena, const Record *r) {
  Verdict v;
  verdict_judge(arena, r, &v);
  json_key(w, "verdict");
  json_begin_object(w);
  member(w, "text", v.headline);
  member(w, "kind", finding_kinds[v.kind]);
  json_key(w, "tests");
  json_put_int(w, v.tests);
  json_key(w, "findings");
  json_begin_list(w);
  for (int64_t i = 0; i < v.findings; i++) {
    json_begin_object(w);
    member(w, "kind", finding_kinds[v.finding[i].kind]);
    member(w, "claim", v.finding[i].claim);
    member(w, "parameter", v.finding[i].parameter);
    json_key(w, "high_significance");
    json_put_bool(w, v.finding[i].high);
    member(w, "why", v.finding[i].why);
    json_end_object(w);
  }
  json_end_list(w);
  json_end_object(w);
}

static void json_summary(JsonWriter *w, Arena *arena, const Record *r) {
  static const char *const names[] = {"q05", "q25", "q50", "q75", "q95"};
  json_key(w, "summary");
  json_begin_list(w);
  for (const SummaryRow *s = r->summary; s < r->summary + r->summaries; s++) {
    double low, high, count[BINS];
    json_begin_object(w);
    json_key(w, "observation");
    json_put_int(w, s->observation);
    member(w, "parameter", s->parameter);
    real(w, "mean", s->mean);
    real(w, "sd", s->sd);
    for (size_t i = 0; i < COUNT(names); i++) real(w, names[i], s->quantile[i]);
    if (histogram(arena, r, s, &low, &high, count)) {
      json_key(w, "histogram");
      json_begin_object(w);
      real(w, "low", low);
      real(w, "high", high);
      json_key(w, "counts");
      json_begin_list(w);
      for (int i = 0; i < BINS; i++) json_put_int(w, (int64_t)count[i]);
      json_end_list(w);
      json_end_object(w);
    }
    json_end_object(w);
  }
  json_end_list(w);
}

static void json_metrics(JsonWriter *w, const Record *r) {
  json_key(w, "metrics");
  json_begin_list(w);
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics; m++) {
    json_begin_object(w);
    member(w, "metric", m->metric);
    json_key(w, "observation");
    if (m->observation > 0)
      json_put_int(w, m->observation);
    else
      json_put_string(w, NULL);
    member(w, "parameter", m->parameter[0] != '\0' ? m->parameter : NULL);
    real(w, "value", m->value);
    real(w, "standard_error", m->error);
    json_key(w, "n");
    json_put_int(w, m->n);
    member(w, "note", m->note);
    json_end_object(w);
  }
  json_end_list(w);
}

static void show_json(Arena *arena, const Record *r) {
  JsonWriter w = {0};
  json_begin_object(&w);
  member(&w, "run", r->name);
  json_verdict(&w, arena, r);
  json_summary(&w, arena, r);
  json_metrics(&w, r);
  json_key(&w, "stages");
  json_begin_list(&w);
  for (int64_t i = 0; i < r->stages; i++) {
    json_begin_object(&w);
    member(&w, "name", r->stage[i].name);
    json_key(&w, "reused");
    json_put_bool(&w, r->stage[i].reused);
    real(&w, "seconds", r->stage[i].seconds);
    json_end_object(&w);
  }
  json_end_list(&w);
  json_end_object(&w);
  printf("%s\n", w.out.text);
  str_free(&w.out);
}

EbbStatus cmd_show(Session *s) {
  Record record;
  EbbStatus status = record_read(s->arena, run_folder(s, s->options->argument[0]), &record);
  if (status == EBB_OK && s->options->json) {
    show_json(s->arena, &record);
  } else if (status == EBB_OK) {
    show_verdict(s->arena, &record);
    show_summary(s->arena, &record);
    show_metrics(s->arena, &record);
    show_cost(s->arena, &record);
  }
  record_close(&record);
  return status;
}
