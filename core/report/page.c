/* SPDX-License-Identifier: MIT
 *
 * The page: its parts in the order in which a reader asks for them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/figures.h"
#include "report/html.h"
#include "report/names.h"
#include "report/report.h"
#include "report/tables.h"
#include "report/verdict.h"

typedef struct Page {
  Arena *arena;
  const Record *record;
  Str *out;
  int figures;
} Page;

static void sentence(Str *out, const char *text) { /* first letter large */
  char first[2] = {text[0], '\0'};
  if (first[0] >= 'a' && first[0] <= 'z') {
    first[0] = (char)(first[0] - 'a' + 'A');
    html_text(out, first);
    text++;
  }
  html_text(out, text);
}

/* ---- What was asked ---- */

static void asked(const Page *p) {
  const Record *r = p->record;
  Str *out = p->out;
  const char *simulator = record_spec(r, "simulator.use"), *objective = record_spec(r, "model.objective.use"),
             *schedule = record_spec(r, "model.schedule.use"), *network = record_spec(r, "model.network.use"),
             *sampler = record_spec(r, "sampling.sampler.use");
  str_add(out, "<p class=\"lead\">Asked: the posterior of ");
  if (r->d == 1)
    html_print(out, "the parameter %s", r->parameter[0]);
  else
    str_print(out, "the %" PRId64 " parameters", r->d);
  html_print(out, " of %s", simulator != NULL ? simulator : "a simulator");
  if (record_reached(r, "sample")) {
    str_print(out, " given %" PRId64 " observation%s", r->observations, r->observations == 1 ? "" : "s");
    if (r->numbers > 0) str_print(out, " of %" PRId64 " number%s", r->numbers, r->numbers == 1 ? "" : "s");
  }
  str_add(out, ", learnt from ");
  number_count(out, r->simulations);
  str_add(out, " simulations");
  if (objective != NULL && schedule != NULL && network != NULL) {
    html_print(out, " by the network %s with the objective %s on the schedule %s", network, objective, schedule);
  }
  if (r->theta != NULL && sampler != NULL) {
    str_add(out, "; ");
    number_count(out, (double)r->draws);
    html_print(out, " draws each by the sampler %s", sampler);
  }
  str_add(out, ".</p>\n<p class=\"meta\">");
  html_print(out, "Ebb %s, %s, seed %s.", r->version, r->started, r->seed);
  str_add(out, "</p>\n");
}

/* ---- Verdict ---- */

static void verdict(const Page *p) {
  Verdict v;
  Str *out = p->out;
  verdict_judge(p->arena, p->record, &v);
  str_print(
      out,
      "<section id=\"verdict\" class=\"verdict %s\" aria-labelledby=\"verdict-title\">\n<h2 id=\"verdict-title\">Verdict</h2>\n<p class=\"said\">",
      finding_kinds[v.kind]);
  sentence(out, v.headline);
  str_add(out, ".</p>\n");
  if (v.findings > 0) str_add(out, "<ul>\n");
  for (int64_t i = 0; i < v.findings; i++) {
    const Finding *f = &v.finding[i];
    str_print(out, "<li><span class=\"tag %s\">%s</span>", finding_kinds[f->kind], finding_words[f->kind]);
    sentence(out, finding_text(p->arena, f));
    if (f->why != NULL) str_add(out, ": "), html_text(out, f->why);
    str_add(out, ".</li>\n");
  }
  if (v.findings > 0) str_add(out, "</ul>\n");
  str_add(out, "<p class=\"meta\">");
  if (v.tests > 0)
    str_print(out,
              "%" PRId64 " test%s of calibration; by Holm's correction a calibrated posterior is faulted at all in at most %.0f %% of runs. "
              "\xE2\x80\x9CHigh significance\xE2\x80\x9D: corrected p below %g. What so many data sets cannot show may still be there.",
              v.tests, v.tests == 1 ? "" : "s", 100 * VERDICT_LEVEL, VERDICT_HIGH);
  else
    str_add(out, "No calibration metric was in the run: whether credible intervals hold what they say is unknown.");
  str_add(out, "</p>\n</section>\n");
}

/* ---- Sections ---- */

static void observations(Page *p) {
  enum { NUMBERS = 12 };
  const Record *r = p->record;
  if (r->theta == NULL) {
    str_add(p->out, "<p>The run has not drawn from the posterior.</p>\n");
    return;
  }
  int64_t shown = r->observations < FIGURE_OBSERVATIONS ? r->observations : FIGURE_OBSERVATIONS;
  for (int64_t k = 0; k < shown; k++) {
    str_print(p->out, "<h3>Observation %" PRId64 "</h3>\n", r->observation[k].number);
    if (r->observation[k].outside)
      str_add(p->out,
              "<p><span class=\"tag warning\">warning</span>This observation lies outside the training data: the draws are extrapolated.</p>\n");
    if (r->data != NULL && r->numbers <= NUMBERS) {
      str_add(p->out, "<p class=\"meta\">Data: ");
      for (int64_t i = 0; i < r->numbers; i++) {
        if (i > 0) str_add(p->out, ", ");
        number_print(p->out, (double)r->data[k * r->numbers + i], 4);
      }
      str_add(p->out, "</p>\n");
    }
    ArenaMark mark = arena_mark(p->arena);
    figure_corner(p->arena, r, k, &p->figures, p->out);
    arena_reset(p->arena, mark);
  }
  if (shown < r->observations)
    str_print(p->out, "<p>The first %" PRId64 " of %" PRId64 " observations; posterior/theta.npy has all.</p>\n", shown, r->observations);
}

static void training(Page *p) {
  if (p->record->training.rows < 2)
    str_add(p->out, "<p>The run has no training curves.</p>\n");
  else
    figure_training(p->arena, p->record, &p->figures, p->out);
}

static void calibration(Page *p) {
  static const struct {
    const char *curve, *title, *absent;
  } parts[] = {{CURVE_SBC, "Simulation-based calibration", "Not checked: add sbc to evaluation."},
               {CURVE_RANKS, NULL, NULL},
               {CURVE_COVERAGE, "Coverage", "Not checked: add coverage to evaluation."},
               {CURVE_HPD, NULL, NULL},
               {CURVE_TARP, "TARP", "Not checked: add tarp to evaluation."},
               {CURVE_PREDICTIVE, "Posterior predictive", "Not checked: add posterior_predictive to evaluation."}};
  for (size_t i = 0; i < COUNT(parts); i++) {
    if (parts[i].title != NULL) str_print(p->out, "<h3>%s</h3>\n", parts[i].title);
    bool there = figure_curves(p->record, parts[i].curve, &p->figures, p->out);
    if (!there && parts[i].absent != NULL) str_print(p->out, "<p>%s</p>\n", parts[i].absent);
  }
}

static void metrics(Page *p) { tables_metrics(p->arena, p->record, p->out); }
static void parameters(Page *p) { tables_summary(p->arena, p->record, p->out); }
static void cost(Page *p) { tables_cost(p->arena, p->record, p->out); }
static void failures(Page *p) { tables_failures(p->arena, p->record, p->out); }

static void spec(Page *p) {
  str_add(p->out, "<details>\n<summary>spec.yaml, with every default written out</summary>\n<pre tabindex=\"0\">");
  html_text(p->out, p->record->spec);
  str_add(p->out, "</pre>\n</details>\n");
}

static void versions(Page *p) { tables_plugins(p->arena, p->record, p->out); }

static const struct {
  const char *id, *title;
  void (*write)(Page *);
} sections[] = {{"posterior", "Posterior", observations},
                {"training", "Training", training},
                {"calibration", "Calibration", calibration},
                {"metrics", "Metrics", metrics},
                {"parameters", "Parameters", parameters},
                {"costs", "Cost", cost},
                {"failures", "Failures", failures},
                {"spec", "Spec", spec},
                {"versions", "Plugins and versions", versions}};

/* ---- The page ---- */

void report_page(Arena *arena, const Record *r, Str *out) {
  Page p = {arena, r, out, 0};
  str_add(out, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"/>\n"
               "<meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"generator\" content=\"");
  html_print(out, "ebb %s", r->version);
  str_add(out, "\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>");
  html_print(out, "%s: report", r->name);
  str_print(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#verdict\">To the verdict</a>\n<header>\n<h1>",
            report_style);
  html_text(out, r->name);
  str_add(out, "</h1>\n");
  asked(&p);
  str_add(out, "<nav aria-label=\"Contents\">\n<ul>\n");
  for (size_t i = 0; i < COUNT(sections); i++) str_print(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id, sections[i].title);
  str_add(out, "</ul>\n</nav>\n</header>\n<main>\n");
  verdict(&p);
  for (size_t i = 0; i < COUNT(sections); i++) {
    str_print(out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", sections[i].id, sections[i].id, sections[i].id,
              sections[i].title);
    sections[i].write(&p);
    str_add(out, "</section>\n");
  }
  str_add(out, "</main>\n<footer>\n<p>Made from the run's folder by <code>ebb report</code>. Tables and draws: metrics.csv, curves.csv, "
               "posterior/summary.csv, "
               "posterior/theta.npy.</p>\n</footer>\n</body>\n</html>\n");
}

EbbStatus report_write(const char *folder) {
  Arena *arena = arena_new();
  Record record;
  Str page = {0};
  EbbStatus status = record_read(arena, folder, &record);
  if (status == EBB_OK) {
    report_page(arena, &record, &page);
    status = file_write(path_join(arena, folder, "report.html"), page.text, page.length);
  }
  str_free(&page);
  record_close(&record);
  arena_free(arena);
  return status;
}
