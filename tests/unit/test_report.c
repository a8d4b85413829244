/* SPDX-License-Identifier: MIT
 *
 * The report's parts: numbers and escaping, scales and ticks, outlines, tables read, rules of the verdict. */
#include <math.h>
#include <string.h>

#include "folder.h"
#include "report/density.h"
#include "report/html.h"
#include "report/report.h"
#include "report/rows.h"
#include "report/svg.h"
#include "report/verdict.h"
#include "test.h"

#define MINUS "\xE2\x88\x92"
#define GAP "\xE2\x80\xAF"

static void is(Str *found, const char *expected) {
  if (strcmp(found->text, expected) != 0) printf("found \"%s\", expected \"%s\"\n", found->text, expected);
  CU_ASSERT_STRING_EQUAL(found->text, expected);
  str_free(found);
}

/* ---- Text ---- */

static void markup_in_a_name_is_text(void) {
  static const struct {
    const char *text, *expected;
  } cases[] = {{"<b>", "&lt;b&gt;"},
               {"a & \"b\" 'c'", "a &amp; &quot;b&quot; &#39;c&#39;"},
               {"</svg><script>", "&lt;/svg&gt;&lt;script&gt;"},
               {"\xCE\xB2 \xF0\x9D\x9B\xBD", "\xCE\xB2 \xF0\x9D\x9B\xBD"},
               {"a\x01\x1B[2Jz", "a\xEF\xBF\xBD\xEF\xBF\xBD[2Jz"},                                           /* controls are not XML */
               {"\xFF|\xC3|\xED\xA0\x80", "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* nor is what is no UTF-8 */
               {"\xEF\xBF\xBE\xC2\x85", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
               {"", ""}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    Str out = {0};
    html_text(&out, cases[i].text);
    is(&out, cases[i].expected);
  }
}

static void numbers_have_the_digits_that_mean_something(void) {
  static const struct {
    double value;
    int digits;
    const char *expected;
  } plain[] = {{0, 3, "0"},
               {1234.5678, 3, "1235"},
               {0.000123456, 3, "0.000123"},
               {-2.5, 3, MINUS "2.50"},
               {1.5e-5, 2, "1.5" GAP "\xC3\x97" GAP "10\xE2\x81\xBB\xE2\x81\xB5"},
               {3e7, 1, "3" GAP "\xC3\x97" GAP "10\xE2\x81\xB7"},
               {9.9996, 4, "10.00"},
               {NAN, 3, "\xE2\x80\x93"},
               {-INFINITY, 3, MINUS "\xE2\x88\x9E"}};
  for (size_t i = 0; i < COUNT(plain); i++) {
    Str out = {0};
    number_print(&out, plain[i].value, plain[i].digits);
    is(&out, plain[i].expected);
  }
  static const struct {
    double value, error;
    const char *expected;
  } near[] = {{0.91987, 0.00192, "0.9199"}, {12.345, 1.7, "12.3"}, {12345.6, 170, "12346"}, {-0.0004, 0.03, "0.000"}, {0.5, NAN, "0.500"}};
  for (size_t i = 0; i < COUNT(near); i++) {
    Str out = {0};
    number_near(&out, near[i].value, near[i].error);
    is(&out, near[i].expected);
  }
  Str out = {0};
  number_count(&out, 1234567), str_add(&out, "|"), number_count(&out, 1234), str_add(&out, "|"), number_seconds(&out, 125), str_add(&out, "|");
  number_seconds(&out, 11040), str_add(&out, "|"), number_bytes(&out, 412e6), str_add(&out, "|"), number_percent(&out, .5823), str_add(&out, "|");
  number_p(&out, 3e-9);
  is(&out, "1" GAP "234" GAP "567|1234|2" GAP "min 5" GAP "s|3" GAP "h 4" GAP "min|412" GAP "MB|58.2" GAP "%|< 0.0001");
}

/* ---- Scales ---- */

static void ticks_stand_at_round_numbers_within_the_range(void) {
  static const struct {
    double low, high;
    int most, n;
    const char *first, *last;
  } cases[] = {{0, 1, 6, 6, "0.0", "1.0"},
               {-2.3, 3.9, 4, 3, MINUS "2", "2"},
               {0.0003, 0.00047, 5, 4, "0.00030", "0.00045"},
               {-1e-9, 1e-9, 3, 3, MINUS "1", "1"},
               {1234567, 1234568, 3, 3, "1234567.0", "1234568.0"},
               {98, 102, 6, 5, "98", "102"},
               {5, 5, 5, 0, "", ""},
               {NAN, 1, 5, 0, "", ""}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    Scale s = {cases[i].low, cases[i].high, 0, 100, false};
    Ticks t;
    ticks_make(&s, cases[i].most, &t);
    if (t.n != cases[i].n) printf("case %zu: %d ticks\n", i, t.n);
    CU_ASSERT_EQUAL(t.n, cases[i].n);
    for (int k = 0; k < t.n; k++) CU_ASSERT(t.at[k] >= cases[i].low - 1e-12 && t.at[k] <= cases[i].high + 1e-12);
    for (int k = 1; k < t.n; k++) CU_ASSERT(t.at[k] > t.at[k - 1] && strcmp(t.label[k], t.label[k - 1]) != 0);
    if (t.n == 0) continue;
    CU_ASSERT(strncmp(t.label[0], cases[i].first, strlen(cases[i].first)) == 0);
    CU_ASSERT(strncmp(t.label[t.n - 1], cases[i].last, strlen(cases[i].last)) == 0);
  }
}

static void scales_map_ends_to_ends(void) {
  Scale s = {-2, 2, 10, 110, false}, powers = {.01, 100, 300, 100, true};
  CU_ASSERT_DOUBLE_EQUAL(scale_at(&s, -2), 10, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(scale_at(&s, 1), 85, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(scale_at(&powers, 1), 200, 1e-9);
  Ticks t;
  ticks_make(&powers, 6, &t);
  CU_ASSERT(t.n == 5 && t.at[0] == .01 && t.at[4] == 100);
}

/* ---- Density ---- */

/* Area within closed paths of lines, in cells: the shoelace formula on what density_outline wrote. Holes count negative. */
static double area(const char *path) {
  double sum = 0, x = 0, y = 0, x0 = 0, y0 = 0;
  for (char *at = (char *)path; *at != '\0';) {
    if (*at == 'z') {
      sum += x * y0 - x0 * y;
      at++;
    } else if (*at == 'M') {
      x0 = x = strtod(at + 1, &at);
      y0 = y = strtod(at, &at);
      at += *at == 'l';
    } else {
      double dx = strtod(at, &at), dy = strtod(at, &at);
      sum += x * (y + dy) - (x + dx) * y;
      x += dx, y += dy;
    }
  }
  return sum / 200;
}

static void outlines_enclose_what_is_above_the_level(void) {
  enum { G = 60 };
  static double cell[G * G];
  Arena *arena = arena_new();
  for (int i = 0; i < G * G; i++) { /* a cone of radius 20, and beside it a pit in a plateau */
    double r = hypot(i % G - 29.5, i / G - 29.5);
    cell[i] = fmax(0, 1 - r / 20);
  }
  Str path = {0};
  density_outline(arena, cell, G, .5, &path);
  CU_ASSERT_DOUBLE_EQUAL(area(path.text), acos(-1) * 100, 4); /* a circle of radius 10 */
  str_free(&path);
  for (int i = 0; i < G * G; i++) cell[i] = cell[i] > .75 ? 0 : cell[i]; /* a ring: between radius 5 and 10 */
  density_outline(arena, cell, G, .5, &path);
  CU_ASSERT(fabs(area(path.text) - acos(-1) * (100 - 25)) < 20);
  str_free(&path);
  memset(cell, 0, sizeof cell);
  cell[0] = cell[G + 1] = 1; /* a saddle in the corner */
  density_outline(arena, cell, G, .4, &path);
  CU_ASSERT(area(path.text) > 0);
  for (const char *c = path.text; *c != '\0'; c++) CU_ASSERT(strchr("Mlz -0123456789", *c) != NULL);
  str_free(&path);
  arena_free(arena);
}

static void regions_hold_the_mass_that_they_say(void) {
  enum { N = 4096, G = 32 };
  static float x[N], y[N];
  static double cell[G * G];
  Arena *arena = arena_new();
  for (int i = 0; i < N; i++) x[i] = (float)(i % 64) / 64, y[i] = (float)(i / 64) / 64; /* uniform on the square */
  x[5] = NAN;
  const double range[4] = {0, 1, 0, 1};
  pair_density(arena, (Column){x, N, 1}, (Column){y, N, 1}, range, G, cell);
  double whole = 0, held = 0, level = density_level(arena, cell, G * G, .5);
  for (int i = 0; i < G * G; i++) whole += cell[i], held += cell[i] >= level ? cell[i] : 0;
  CU_ASSERT_DOUBLE_EQUAL(whole, (N - 1.) / N, 1e-9); /* smoothing loses nothing at the edges */
  CU_ASSERT(held >= .5 * whole);
  double low = 1, high = 0;
  column_range(arena, (Column){x, N, 1}, &low, &high);
  CU_ASSERT(low < 0.01 && high > .97 && low > -.1 && high < 1.1);
  arena_free(arena);
}

/* ---- Tables read ---- */

static void tables_of_text_are_read_or_refused_with_their_place(void) {
  static const struct {
    const char *text, *says;
  } cases[] = {{"a,b\n1,\"x, \"\"y\"\"\"\n", NULL},
               {"a,b\r\n1,2\r\n", NULL},
               {"a,b\n1,2\n3\n", "t.csv:3: the row has fewer than the 2 fields"},
               {"a,b\n1,2,3\n", "t.csv:2: the row has more"},
               {"a,b\n1,\"2\n", "t.csv:2: a quoted field is not closed"},
               {"", "t.csv: the file is empty"},
               {"a\xFF,b\n", "not UTF-8"}};
  Folder f = folder_begin();
  const char *path = path_join(f.arena, f.path, "t.csv");
  for (size_t i = 0; i < COUNT(cases); i++) {
    Rows rows;
    CU_ASSERT_EQUAL(file_write(path, cases[i].text, strlen(cases[i].text)), EBB_OK);
    EbbStatus status = rows_read(f.arena, path, &rows);
    CU_ASSERT_EQUAL(status == EBB_OK, cases[i].says == NULL);
    if (status != EBB_OK) CU_ASSERT(strstr(fail_text(), cases[i].says) != NULL);
    if (status == EBB_OK) CU_ASSERT(rows.rows == 1 && rows.columns == 2 && strcmp(rows.name[1], "b") == 0);
    if (i == 0) CU_ASSERT_STRING_EQUAL(rows.field[1], "x, \"y\"");
    if (i == 1) CU_ASSERT_STRING_EQUAL(rows.field[1], "2");
  }
  folder_end(&f);
}

/* ---- Verdict ---- */

enum { SETS = 500, ROWS = 64 };

/* Rows of metrics.csv of parameters a, b, ...: as a posterior leaves them that is Gaussian with sd c times the right one and shifted by `shift` of
 * its own sds; what an exact one leaves is its expectation. */
typedef struct Planted {
  Record record;
  MetricRow row[ROWS];
  RecordObservation observation[3];
} Planted;

static const char *const names[] = {"a", "b", "<b>", "d", "e", "f", "g", "h"};

static void plant(Planted *p, MetricRow row) { p->row[p->record.metrics++] = row; }

static double covered(double level, double c, double shift) {
  double half = 0;
  for (double step = 4; step > 1e-12; step /= 2)
    if (erf((half + step) / sqrt(2)) < level) half += step;
  double normal[2] = {c * (half - shift), c * (half + shift)}; /* (truth - mean) / right sd within these */
  return .5 * (erf(normal[0] / sqrt(2)) + erf(normal[1] / sqrt(2)));
}

static void plant_parameter(Planted *p, const char *name, double c, double shift, double log_gamma) {
  plant(p, (MetricRow){"sbc_log_gamma", name, "", 0, SETS, log_gamma, NAN});
  plant(p, (MetricRow){"coverage_50", name, "", 0, SETS, round(SETS * covered(.5, c, shift)) / SETS, .02});
  plant(p, (MetricRow){"coverage_90", name, "", 0, SETS, round(SETS * covered(.9, c, shift)) / SETS, .01});
  plant(p, (MetricRow){"z_score", name, "", 0, SETS, shift + .01 / c, 1 / c / sqrt(SETS)});
  plant(p, (MetricRow){"contraction", name, "", 0, SETS, .9, .01});
}

static void begin(Planted *p, int64_t d) {
  *p = (Planted){.record = {.parameter = (const char **)names, .d = d, .failed_simulations = 0, .simulations = 1000, .observations = 3}};
  p->record.metric = p->row;
  p->record.observation = p->observation;
  for (int k = 0; k < 3; k++) p->observation[k] = (RecordObservation){k + 1, false, 12, 1, 0};
}

static bool says(const Planted *p, const char *headline) {
  Arena *arena = arena_new();
  Verdict v;
  verdict_judge(arena, &p->record, &v);
  bool same = strcmp(v.headline, headline) == 0;
  if (!same) printf("found \"%s\", expected \"%s\"\n", v.headline, headline);
  arena_free(arena);
  return same;
}

static void three_planted_runs_get_three_verdicts(void) {
  Planted p;
  begin(&p, 2);
  plant_parameter(&p, "a", 1, 0, 1.2);
  plant_parameter(&p, "b", 1, 0, .3);
  CU_ASSERT(says(&p, "calibrated"));
  begin(&p, 2);
  plant_parameter(&p, "a", 1, 0, 1.2);
  plant_parameter(&p, "b", .5, 0, -40);
  CU_ASSERT(says(&p, "over-confident in parameter b at high significance"));
  begin(&p, 2);
  plant_parameter(&p, "a", 1, 0, 1.2);
  plant_parameter(&p, "b", 1, .5, -30);
  CU_ASSERT(says(&p, "biased in parameter b at high significance"));
}

static void other_faults_get_their_words(void) {
  Planted p;
  begin(&p, 1);
  plant_parameter(&p, "a", 1.5, 0, -20);
  CU_ASSERT(says(&p, "under-confident in parameter a at high significance"));
  begin(&p, 1);
  plant_parameter(&p, "a", .5, .6, -20); /* both at once */
  CU_ASSERT(says(&p, "biased in parameter a at high significance; over-confident in parameter a at high significance"));
  begin(&p, 1);
  plant_parameter(&p, "a", 1, 0, -20);
  CU_ASSERT(says(&p, "wrong in shape in parameter a at high significance"));
  begin(&p, 1);
  plant_parameter(&p, "a", 1, 0, -2.5); /* p = .05 e^-2.5 1.3, four tests: .0213 */
  CU_ASSERT(says(&p, "wrong in shape in parameter a"));
  begin(&p, 8);
  for (int k = 0; k < 8; k++) plant_parameter(&p, names[k], k == 3 ? 1 : .5, 0, k == 3 ? 1 : -40);
  CU_ASSERT(says(&p, "over-confident in parameters a, b, <b>, e and 3 more at high significance"));
  begin(&p, 1);
  plant_parameter(&p, "a", 1, 0, 1);
  plant(&p, (MetricRow){"sbc_log_gamma", "", "log density; 2 of 500 data sets have none", 0, 498, -30, NAN});
  plant(&p, (MetricRow){"lc2st_p", "", "", 2, 1000, .0001, NAN});
  CU_ASSERT(says(&p, "wrong in joint ranks (log density) at high significance; wrong at observation 2 at high significance"));
}

/* One test of a hundred at p = .01 is what chance gives; a correction that counts them lets it pass. */
static void many_parameters_are_corrected_for(void) {
  Planted p;
  begin(&p, 8);
  for (int k = 0; k < 8; k++) plant_parameter(&p, names[k], 1, 0, k == 3 ? -1.4 : 1); /* p = .05 e^-1.4 1.17 = .0144 alone */
  CU_ASSERT(says(&p, "calibrated"));
  begin(&p, 1);
  plant(&p, (MetricRow){"sbc_log_gamma", "a", "", 0, SETS, -1.4, NAN});
  CU_ASSERT(says(&p, "wrong in shape in parameter a"));
}

static void what_was_not_checked_is_said(void) {
  Planted p;
  begin(&p, 1);
  CU_ASSERT(says(&p, "calibration not checked: add sbc and coverage to evaluation"));
  plant(&p, (MetricRow){"c2st", "", "", 1, 20000, .92, .002});
  p.observation[2].outside = true;
  CU_ASSERT(says(&p, "far from the reference posterior at observation 1; observation 3 lies outside the training data; calibration not checked: add "
                     "sbc and coverage to evaluation"));
  begin(&p, 1);
  plant_parameter(&p, "a", 1, 0, 1);
  p.observation[1].outside = true;
  p.observation[0].failed = 4;
  CU_ASSERT(says(&p, "calibrated; observation 2 lies outside the training data; 4 draws failed"));
  begin(&p, 1);
  plant_parameter(&p, "a", 1, 0, 1);
  p.row[4].value = .01;
  Arena *arena = arena_new();
  Verdict v;
  verdict_judge(arena, &p.record, &v);
  CU_ASSERT_STRING_EQUAL(v.headline, "calibrated");
  CU_ASSERT(v.findings == 2 && v.kind == FINDING_NOTE);
  CU_ASSERT_STRING_EQUAL(finding_text(arena, &v.finding[0]), "no better than the prior in parameter a");
  arena_free(arena);
}

/* By scipy 1.14: binomtest doubles the smaller tail here, t.sf, and Holm's rule by hand. */
static void probabilities_are_those_of_the_tables(void) {
  CU_ASSERT_DOUBLE_EQUAL(binomial_two_sided(8, 10, .5), 2 * 56. / 1024, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(binomial_two_sided(0, 10, .9), 2e-10, 1e-16);
  CU_ASSERT_DOUBLE_EQUAL(binomial_two_sided(10, 10, .9), 2 * pow(.9, 10), 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(student_two_sided(2, 1), 1 - 2 / acos(-1) * atan(2), 1e-12); /* Cauchy */
  CU_ASSERT_DOUBLE_EQUAL(student_two_sided(-3, 2), 1 - 3 / sqrt(11), 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(sbc_p(0), .05, 1e-15);
  double p[] = {.01, .04, .03, .005};
  holm_adjust(p, 4);
  static const double adjusted[] = {.03, .06, .06, .02};
  for (int k = 0; k < 4; k++) CU_ASSERT_DOUBLE_EQUAL(p[k], adjusted[k], 1e-15);
}

static const Test tests[] = {{"markup in a name is text", markup_in_a_name_is_text},
                             {"numbers have the digits that mean something", numbers_have_the_digits_that_mean_something},
                             {"ticks stand at round numbers within the range", ticks_stand_at_round_numbers_within_the_range},
                             {"scales map ends to ends", scales_map_ends_to_ends},
                             {"outlines enclose what is above the level", outlines_enclose_what_is_above_the_level},
                             {"regions hold the mass that they say", regions_hold_the_mass_that_they_say},
                             {"tables of text are read or refused with their place", tables_of_text_are_read_or_refused_with_their_place},
                             {"three planted runs get three verdicts", three_planted_runs_get_three_verdicts},
                             {"other faults get their words", other_faults_get_their_words},
                             {"many parameters are corrected for", many_parameters_are_corrected_for},
                             {"what was not checked is said", what_was_not_checked_is_said},
                             {"probabilities are those of the tables", probabilities_are_those_of_the_tables}};
TEST_MAIN("report", tests)
