/* SPDX-License-Identifier: MIT
 *
 * Tables of metrics, posteriors, cost, failures and versions. */
#include "report/tables.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/html.h"

char *value_text(Arena *arena, double value, double error) {
  Str text = {0};
  number_near(&text, value, error);
  if (isfinite(error) && error > 0 && isfinite(value)) {
    str_add(&text, " \xC2\xB1 ");
    number_print(&text, error, 2);
  }
  return str_keep(&text, arena);
}

static char *count_text(Arena *arena, double n) {
  Str text = {0};
  number_count(&text, n);
  return str_keep(&text, arena);
}

static char *seconds_text(Arena *arena, double s) {
  Str text = {0};
  number_seconds(&text, s);
  return str_keep(&text, arena);
}

/* ---- Metrics ---- */

typedef enum Scope { BY_OBSERVATION, BY_PARAMETER, BY_BOTH, OVER_ALL } Scope;

static Scope scope_of(const MetricRow *m) {
  if (m->observation > 0) return m->parameter[0] != '\0' ? BY_BOTH : BY_OBSERVATION;
  return m->parameter[0] != '\0' ? BY_PARAMETER : OVER_ALL;
}

/* Names of the metrics of a scope in the order met; a mean over observations is no row of its own. */
static int64_t names_of(Arena *arena, const Record *r, Scope scope, const char ***out) {
  const char **name = ARENA_ARRAY(arena, const char *, r->metrics);
  int64_t n = 0;
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics; m++) {
    int64_t k = 0;
    while (k < n && strcmp(name[k], m->metric) != 0) k++;
    if (k == n && scope_of(m) == scope) name[n++] = m->metric;
  }
  *out = name;
  return n;
}

/* Row labels down, metrics across. label(i) NULL ends; the cell is the row of that observation and parameter. */
static void pivot(Arena *arena, const Record *r, Scope scope, const char *caption, const char *head, Str *out) {
  enum { MOST = 6 }; /* that fit side by side */
  const char **name, *heads[MOST + 1];
  int64_t all = names_of(arena, r, scope, &name), rows = scope == BY_OBSERVATION ? r->observations : r->d;
  for (int64_t first = 0; first < all; first += MOST) {
    int64_t n = all - first < MOST ? all - first : MOST, shown = rows < TABLE_ROWS ? rows : TABLE_ROWS;
    heads[0] = head;
    for (int64_t k = 0; k < n; k++) heads[k + 1] = name[first + k];
    HtmlTable t = table_begin(out, first > 0 ? arena_print(arena, "%s (continued)", caption) : caption, heads, (int)n + 1);
    for (int64_t i = 0; i < shown; i++) {
      bool by_observation = scope == BY_OBSERVATION;
      table_cell(&t, by_observation ? arena_print(arena, "%" PRId64, r->observation[i].number) : r->parameter[i]);
      for (int64_t k = 0; k < n; k++) {
        const MetricRow *m = record_metric(r, name[first + k], by_observation ? r->observation[i].number : 0, by_observation ? "" : r->parameter[i]);
        table_number(&t, m != NULL ? value_text(arena, m->value, m->error) : "");
      }
    }
    table_end(&t);
    if (shown < rows) str_print(out, "<p>The first %" PRId64 " of %" PRId64 "; metrics.csv has all.</p>\n", shown, rows);
  }
}

static void list(Arena *arena, const Record *r, Scope scope, const char *caption, Str *out) {
  static const char *const heads[] = {"metric", "observation", "parameter", "value \xC2\xB1 standard error", "n", "note"};
  int64_t all = 0, shown = 0;
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics; m++) all += scope_of(m) == scope;
  if (all == 0) return;
  const char *some[4] = {heads[0], heads[3], heads[4], heads[5]};
  bool both = scope == BY_BOTH;
  HtmlTable t = table_begin(out, caption, both ? heads : some, both ? 6 : 4);
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics && shown < TABLE_ROWS; m++) {
    if (scope_of(m) != scope) continue;
    shown++;
    table_cell(&t, m->metric);
    if (both) table_number(&t, arena_print(arena, "%" PRId64, m->observation));
    if (both) table_cell(&t, m->parameter);
    table_number(&t, value_text(arena, m->value, m->error));
    table_number(&t, m->n > 0 ? count_text(arena, (double)m->n) : "");
    table_cell(&t, m->note);
  }
  table_end(&t);
  if (shown < all) str_print(out, "<p>The first %" PRId64 " of %" PRId64 " rows; metrics.csv has all.</p>\n", shown, all);
}

/* What the pivots have no room for: numbers of items, and notes. */
static void remarks(Arena *arena, const Record *r, Str *out) {
  const MetricRow **said = ARENA_ARRAY(arena, const MetricRow *, r->metrics);
  int64_t n = 0;
  for (const MetricRow *m = r->metric; m < r->metric + r->metrics; m++) {
    if (scope_of(m) == OVER_ALL || scope_of(m) == BY_BOTH || (m->n == 0 && m->note[0] == '\0')) continue;
    int64_t k = 0;
    while (k < n && (strcmp(said[k]->metric, m->metric) != 0 || said[k]->n != m->n || strcmp(said[k]->note, m->note) != 0)) k++;
    if (k == n && n < 40) said[n++] = m;
  }
  if (n == 0) return;
  str_add(out, "<ul class=\"remarks\">\n");
  for (int64_t k = 0; k < n; k++) {
    str_add(out, "<li>");
    html_text(out, said[k]->metric);
    if (said[k]->n > 0) str_print(out, ": n = %s", count_text(arena, (double)said[k]->n));
    if (said[k]->note[0] != '\0') str_add(out, said[k]->n > 0 ? "; " : ": ");
    html_text(out, said[k]->note);
    str_add(out, "</li>\n");
  }
  str_add(out, "</ul>\n");
}

void tables_metrics(Arena *arena, const Record *r, Str *out) {
  if (r->metrics == 0) {
    str_add(out, "<p>The run has no metrics: nothing was named in evaluation, or it stopped before.</p>\n");
    return;
  }
  pivot(arena, r, BY_OBSERVATION, "Metrics by observation, with standard errors", "observation", out);
  pivot(arena, r, BY_PARAMETER, "Metrics by parameter over data sets, with standard errors", "parameter", out);
  list(arena, r, OVER_ALL, "Metrics over all", out);
  list(arena, r, BY_BOTH, "Metrics by observation and parameter", out);
  remarks(arena, r, out);
}

/* ---- Posteriors ---- */

void tables_summary(Arena *arena, const Record *r, Str *out) {
  static const char *const heads[] = {"observation", "parameter", "mean", "sd", "5 %", "25 %", "50 %", "75 %", "95 %", "truth"};
  if (r->summaries == 0) {
    str_add(out, "<p>The run has no posterior.</p>\n");
    return;
  }
  int64_t shown = r->summaries < TABLE_ROWS ? r->summaries : TABLE_ROWS;
  bool truths = r->truth != NULL;
  HtmlTable t = table_begin(out, "Posterior of each parameter: mean, standard deviation, quantiles", heads, truths ? 10 : 9);
  for (int64_t i = 0; i < shown; i++) {
    const SummaryRow *s = &r->summary[i];
    double fine = .05 * s->sd, truth = NAN;
    for (int64_t k = 0; truths && k < r->observations; k++)
      for (int64_t j = 0; j < r->d; j++)
        if (r->observation[k].number == s->observation && strcmp(r->parameter[j], s->parameter) == 0) truth = (double)r->truth[k * r->d + j];
    table_cell(&t, arena_print(arena, "%" PRId64, s->observation));
    table_cell(&t, s->parameter);
    const double value[] = {s->mean, s->sd, s->quantile[0], s->quantile[1], s->quantile[2], s->quantile[3], s->quantile[4], truth};
    for (size_t k = 0; k < COUNT(value) - !truths; k++) {
      Str text = {0};
      number_near(&text, value[k], fine);
      table_number(&t, str_keep(&text, arena));
    }
  }
  table_end(&t);
  if (shown < r->summaries) str_print(out, "<p>The first %" PRId64 " of %" PRId64 " rows; posterior/summary.csv has all.</p>\n", shown, r->summaries);
}

/* ---- Cost ---- */

void tables_cost(Arena *arena, const Record *r, Str *out) {
  static const char *const heads[] = {"stage", "time", ""}, *const each[] = {"observation", "evaluations of the network a draw", "time", "a second"};
  double all = 0;
  HtmlTable t = table_begin(out, "Time of the stages", heads, 3);
  for (int64_t i = 0; i < r->stages; i++) {
    table_cell(&t, r->stage[i].name);
    table_number(&t, seconds_text(arena, r->stage[i].seconds));
    table_cell(&t, r->stage[i].reused ? "re-used from an earlier call" : "");
    if (isfinite(r->stage[i].seconds)) all += r->stage[i].seconds;
  }
  table_cell(&t, "all");
  table_number(&t, seconds_text(arena, all));
  table_cell(&t, "");
  table_end(&t);
  if (r->theta != NULL && r->observations > 0 && isfinite(r->observation[0].evaluations)) {
    t = table_begin(out, "Sampling", each, 4);
    for (int64_t k = 0; k < r->observations && k < TABLE_ROWS; k++) {
      const RecordObservation *o = &r->observation[k];
      table_cell(&t, arena_print(arena, "%" PRId64, o->number));
      table_number(&t, number_text(arena, o->evaluations, 4));
      table_number(&t, seconds_text(arena, o->seconds));
      Str rate = {0};
      number_count(&rate, o->seconds > 0 ? round((double)r->draws / o->seconds) : NAN);
      str_add(&rate, " draws");
      table_number(&t, str_keep(&rate, arena));
    }
    table_end(&t);
  }
  str_add(out, "<p>");
  if (isfinite(r->memory)) {
    str_add(out, "Memory at the peak of the last call: ");
    number_bytes(out, r->memory);
    str_add(out, ". ");
  }
  html_print(out, "%s%s%.0f thread%s, %s kernels, BLAS %s.", r->cpu, r->cpu[0] != '\0' ? ", " : "", isfinite(r->threads) ? r->threads : 0,
             r->threads == 1 ? "" : "s", r->isa, r->blas);
  str_add(out, "</p>\n");
}

/* ---- Failures, plugins ---- */

void tables_failures(Arena *arena, const Record *r, Str *out) {
  static const char *const heads[] = {"observation", "failed draws", "of", "outside the training data"};
  bool any = false;
  for (int64_t k = 0; k < r->observations; k++) any = any || r->observation[k].failed > 0 || r->observation[k].outside;
  if (isfinite(r->failed_simulations)) {
    str_add(out, "<p>Failed simulations: ");
    number_count(out, r->failed_simulations);
    if (isfinite(r->simulations)) str_add(out, " of "), number_count(out, r->simulations);
    str_add(out, ". Failed rows are counted, left out of training, and NaN in the files.</p>\n");
  }
  if (!any) {
    if (r->theta != NULL) str_add(out, "<p>No draw failed; no observation lies outside the training data.</p>\n");
    return;
  }
  HtmlTable t = table_begin(out, "Failed draws and observations outside the training data", heads, 4);
  for (int64_t k = 0; k < r->observations; k++) {
    const RecordObservation *o = &r->observation[k];
    if (!(o->failed > 0) && !o->outside) continue;
    table_cell(&t, arena_print(arena, "%" PRId64, o->number));
    table_number(&t, count_text(arena, o->failed));
    table_number(&t, count_text(arena, (double)r->draws));
    table_cell(&t, o->outside ? "yes" : "no");
  }
  table_end(&t);
}

void tables_plugins(Arena *arena, const Record *r, Str *out) {
  static const char *const heads[] = {"plugin", "version", "SHA-256"};
  HtmlTable t = table_begin(out, "Plugins", heads, 3);
  for (int64_t i = 0; i < r->plugins; i++) {
    const RecordPlugin *p = &r->plugin[i];
    table_cell(&t, arena_print(arena, "%s/%s", p->kind, p->id));
    table_cell(&t, p->version);
    table_cell(&t, arena_print(arena, "%.16s", p->sha256));
  }
  table_end(&t);
  str_add(out, "<p>");
  html_print(out, "Ebb %s, build %s; seed %s; started %s.", r->version, r->build, r->seed, r->started);
  str_add(out, "</p>\n");
}
