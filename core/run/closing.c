/* SPDX-License-Identifier: MIT
 *
 * The closing tables, made from the lines of metrics.csv. */
#include "run/closing.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/results.h"

typedef struct Line {
  const char *name, *observation, *parameter, *note;
  double value, error, n;
  int64_t metric; /* its place in the spec */
  bool printed;
} Line;

typedef struct Lines {
  int64_t n;
  Line *line;
} Lines;

static double number(const char *text) { return text[0] != '\0' ? strtod(text, NULL) : NAN; }

/* What metric i reported. */
static Lines read_lines(const Run *run, int64_t i) {
  char *text;
  size_t size;
  Lines out = {0};
  if (file_read(run->arena, path_join(run->arena, run->evaluate[i].folder, "metrics.csv"), 1 << 26, &text, &size) != EBB_OK) {
    fail_clear();
    return out;
  }
  int64_t lines = 0;
  for (const char *c = text; *c != '\0'; c++) lines += *c == '\n';
  out.line = ARENA_ARRAY(run->arena, Line, lines);
  const char *field[RESULTS_FIELDS];
  while (out.n < lines && results_row(&text, field))
    out.line[out.n++] = (Line){.metric = i,
                               .name = field[0],
                               .observation = field[1],
                               .parameter = field[2],
                               .value = number(field[3]),
                               .error = number(field[4]),
                               .n = number(field[5]),
                               .note = field[6]};
  return out;
}

/* ---- By observation ---- */

/* One value name of one metric. */
typedef struct Column {
  const char *name;
  const Lines *lines;
  double sum;
  int64_t n;
} Column;

static int64_t find_columns(const Run *run, const Lines *all, Column *out, int64_t most) {
  int64_t columns = 0;
  for (int64_t i = 0; i < run->spec->evaluation.count; i++) {
    int64_t own = columns;
    for (const Line *l = all[i].line; l < all[i].line + all[i].n; l++) {
      if (l->observation[0] == '\0' || l->parameter[0] != '\0') continue;
      int64_t k = own;
      while (k < columns && strcmp(out[k].name, l->name) != 0) k++;
      if (k == columns && columns < most) out[columns++] = (Column){.name = l->name, .lines = &all[i]};
    }
  }
  return columns;
}

static const Line *line_of(const Column *c, int64_t observation) {
  char want[32];
  snprintf(want, sizeof want, "%" PRId64, observation);
  for (const Line *l = c->lines->line; l < c->lines->line + c->lines->n; l++)
    if (l->parameter[0] == '\0' && strcmp(l->observation, want) == 0 && strcmp(l->name, c->name) == 0) return l;
  return NULL;
}

static void print_value(double value, double error) {
  bool plain = fabs(value) < 1000 && !(error >= 1000);
  if (!isfinite(value))
    printf("  %18s", "");
  else if (isfinite(error))
    printf(plain ? "  %8.4f +- %-6.4f" : "  %8.4g +- %-6.2g", value, error);
  else
    printf(plain ? "  %8.4f%10s" : "  %8.4g%10s", value, "");
}

static void print_observations(const Run *run, const Lines *all) {
  enum { MOST = 32 };
  Column column[MOST];
  int64_t columns = all != NULL ? find_columns(run, all, column, MOST) : 0;
  printf("observation");
  for (int64_t c = 0; c < columns; c++) printf("  %18s", column[c].name);
  printf("  evaluations  failed  seconds\n");
  for (int64_t k = 0; k < run->observations.n; k++) {
    const SampleFacts *facts = &run->sampled[k];
    printf("%11" PRId64, run->observations.number[k]);
    for (int64_t c = 0; c < columns; c++) {
      const Line *l = line_of(&column[c], run->observations.number[k]);
      print_value(l != NULL ? l->value : NAN, l != NULL ? l->error : NAN);
      if (l == NULL || !isfinite(l->value)) continue;
      column[c].sum += l->value;
      column[c].n++;
    }
    printf("  %11.4g  %6" PRId64 "  %7.2f%s\n", facts->evaluations, facts->failed, facts->seconds,
           facts->outside > 0 ? "  outside the training data" : "");
  }
  if (columns == 0 || run->observations.n == 1) return;
  printf("       mean");
  for (int64_t c = 0; c < columns; c++) print_value(column[c].n > 0 ? column[c].sum / (double)column[c].n : NAN, NAN);
  printf("\n");
}

/* ---- Over data sets ---- */

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }
static bool ends(const char *text, const char *with) {
  size_t n = strlen(text), m = strlen(with);
  return n >= m && strcmp(text + n - m, with) == 0;
}

/* What a value says that a reader should not have to know by heart; NULL: nothing. A coverage is judged by the scatter that it has if the level is
 * right: its own standard error is 0 where nothing or everything is covered. */
static const char *in_words(const Line *l) {
  if (ends(l->name, "_log_gamma") && l->value < 0) return "ranks are not uniform";
  const char *tail = strrchr(l->name, '_');
  double level = tail != NULL ? strtod(tail + 1, NULL) / 100 : 0, off = l->value - level;
  if (!begins(l->name, "coverage_") || !(level > 0 && level < 1 && l->n > 0)) return NULL;
  if (!(fabs(off) > 3 * sqrt(level * (1 - level) / l->n))) return NULL;
  return off < 0 ? "covers too little by more than 3 standard errors: over-confident" : "covers too much by more than 3 standard errors: too wide";
}

static char *label_of(Arena *arena, const Line *l, bool parameter) {
  if (l->parameter[0] != '\0') return parameter ? arena_print(arena, "%s %s", l->name, l->parameter) : arena_copy(arena, l->name);
  return l->note[0] != '\0' && strlen(l->note) <= 24 ? arena_print(arena, "%s (%s)", l->name, l->note) : arena_copy(arena, l->name);
}

/* The line that stands in the row begun by `row` under a parameter ("": all together), NULL: none. What is said of all together has a row for each
 * note, since notes say of which quantity. */
static Line *cell_of(const Lines *lines, const Line *row, const char *parameter) {
  for (Line *l = lines->line; l < lines->line + lines->n; l++) {
    if (l->printed || l->metric != row->metric || strcmp(l->name, row->name) != 0 || strcmp(l->parameter, parameter) != 0) continue;
    if (parameter[0] != '\0' || l == row || (row->parameter[0] != '\0' && l->note[0] == '\0')) return l;
  }
  return NULL;
}

/* Parameters as columns. */
static void print_wide(const Run *run, const Lines *lines, int64_t width) {
  int64_t d = ebb_layout_numbers(&run->info.theta);
  for (Line *row = lines->line; row < lines->line + lines->n; row++) {
    if (row->printed) continue;
    bool noted = row->parameter[0] == '\0' && row->note[0] != '\0';
    printf("  %-*s", (int)width, label_of(run->arena, row, false));
    for (int64_t j = -1; j < d; j++) {
      Line *l = j < 0 ? cell_of(lines, row, "") : noted ? NULL : cell_of(lines, row, run->info.parameter[j].name);
      print_value(l != NULL ? l->value : NAN, l != NULL ? l->error : NAN);
      if (l != NULL) l->printed = true;
    }
    printf("\n");
    row->printed = true;
  }
}

static void print_long(const Run *run, const Lines *lines, int64_t width) {
  for (const Line *l = lines->line; l < lines->line + lines->n; l++) {
    printf("  %-*s", (int)width, label_of(run->arena, l, true));
    print_value(l->value, l->error);
    printf("\n");
  }
}

static void print_sets(const Run *run, const Lines *all) {
  enum { ROOM = 120, CELL = 20 };
  int64_t d = ebb_layout_numbers(&run->info.theta), n = 0, width = 0;
  Lines lines = {0};
  for (int64_t i = 0; i < run->spec->evaluation.count; i++) n += run->metrics.needs[i].sets > 0 ? all[i].n : 0;
  lines.line = ARENA_ARRAY(run->arena, Line, n);
  for (int64_t i = 0; i < run->spec->evaluation.count; i++)
    for (int64_t k = 0; run->metrics.needs[i].sets > 0 && k < all[i].n; k++)
      if (all[i].line[k].observation[0] == '\0') lines.line[lines.n++] = all[i].line[k];
  if (lines.n == 0) return;
  for (int64_t wide = 1; wide >= 0; wide--) { /* rows where columns do not fit */
    width = (int64_t)strlen("over data sets");
    for (const Line *l = lines.line; l < lines.line + lines.n; l++) {
      int64_t label = (int64_t)strlen(label_of(run->arena, l, wide == 0));
      width = label > width ? label : width;
    }
    bool fits = 2 + width + CELL * (d + 1) <= ROOM;
    if (wide == 1 && !fits) continue;
    printf("\n  %-*s", (int)width, "over data sets");
    if (wide == 1) printf("  %18s", "");
    for (int64_t j = 0; j < d && wide == 1; j++) printf("  %18s", run->info.parameter[j].name);
    printf("\n");
    if (wide == 1)
      print_wide(run, &lines, width);
    else
      print_long(run, &lines, width);
    break;
  }
  for (const Line *l = lines.line; l < lines.line + lines.n; l++) {
    const char *words = in_words(l);
    if (words != NULL) printf("  ! %s: %s\n", label_of(run->arena, l, true), words);
  }
}

void closing_tables(const Run *run, bool metrics) {
  Lines *all = metrics ? ARENA_ARRAY(run->arena, Lines, run->spec->evaluation.count) : NULL;
  for (int64_t i = 0; metrics && i < run->spec->evaluation.count; i++) all[i] = read_lines(run, i);
  print_observations(run, all);
  if (metrics) print_sets(run, all);
}
