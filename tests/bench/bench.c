/* SPDX-License-Identifier: MIT
 *
 * The bench's main: what machine this is, the parts in order, the table as text and CSV.
 *
 *     bench [--out DIR] [--seconds S] [PART...]        default: all parts but peers
 *     parts: peak tile sampling training isa c2st simulators command memory sweep peers
 *
 * EBB_ISA forces an instruction set. Files of results: bench.txt, bench.csv, sweep.csv. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "num/isa.h"
#include "num/linalg.h"

static const struct {
  const char *name;
  void (*run)(Bench *);
} parts[] = {{"peak", bench_peak},
             {"tile", bench_tile},
             {"sampling", bench_sampling},
             {"training", bench_training},
             {"isa", bench_isa},
             {"c2st", bench_c2st},
             {"simulators", bench_simulators},
             {"command", bench_command},
             {"memory", bench_memory},
             {"sweep", bench_sweep},
             {"peers", bench_peers}};

static const char *scratch; /* removed at the end, however it comes */
static void clean(void) {
  if (scratch != NULL && folder_remove(scratch) != EBB_OK) fprintf(stderr, "bench: %s\n", fail_text());
}

void must(EbbStatus status) {
  if (status == EBB_OK) return;
  fprintf(stderr, "bench: %s\n", fail_text());
  exit(1);
}

double best_seconds(const Bench *b, EbbStatus (*call)(void *), void *ctx) {
  must(call(ctx));
  double best = INFINITY, begin = seconds();
  for (int i = 0; i < 3 || seconds() - begin < b->time; i++) {
    double start = seconds();
    must(call(ctx));
    best = fmin(best, seconds() - start);
  }
  return best;
}

static void both(Bench *b, const char *text) {
  fputs(text, stdout);
  fputs(text, b->text);
  fflush(stdout);
}

void line(Bench *b, const char *what, double value, const char *unit, Bound kind, double bound) {
  char number[32] = "", asked[32] = "", verdict[8] = "";
  if (isfinite(value)) snprintf(number, sizeof number, fabs(value) >= 1000 ? "%.0f" : fabs(value) >= 100 ? "%.1f" : "%.2f", value);
  if (isfinite(bound)) {
    snprintf(asked, sizeof asked, "%s %.4g", kind == AT_LEAST ? ">=" : "<=", bound);
    snprintf(verdict, sizeof verdict, "%s", (kind == AT_LEAST ? value >= bound : value <= bound) ? "met" : "MISSED");
  }
  both(b, arena_print(b->arena, "%-72s %10s %-10s %9s  %s\n", what, number, unit, asked, verdict));
  fprintf(b->csv, "\"%s\",%.8g,%s,%s,%s\n", what, value, unit, asked, verdict);
}

static void head(Bench *b) {
  char date[32], host[256] = "";
  time_t now = time(NULL);
  strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", gmtime(&now));
  double load[3] = {0};
  if (getloadavg(load, 3) != 3) load[0] = NAN;
  snprintf(host, sizeof host, "%s, %d core%s, %s, gcc %s, %s, load %.1f", cpu_name(), b->threads, b->threads == 1 ? "" : "s", isa_name(), __VERSION__,
           date, load[0]);
  both(b, arena_print(b->arena, "# %s\n# peak: %s; shares are of as many cores; best of several repetitions\n", host, peak_instructions()));
  fprintf(b->csv, "# %s\nwhat,value,unit,asked,verdict\n", host);
}

static FILE *result(Bench *b, const char *name) {
  FILE *f = fopen(path_join(b->arena, b->out, name), "w");
  if (f == NULL) must(fail(EBB_E_IO, "cannot write %s in %s: %s", name, b->out, strerror(errno)));
  return f;
}

static void usage(void) {
  fprintf(stderr, "usage: bench [--out DIR] [--seconds S] [PART...]    parts:");
  for (size_t i = 0; i < COUNT(parts); i++) fprintf(stderr, " %s", parts[i].name);
  fprintf(stderr, "\n");
  exit(2);
}

int main(int argc, char **argv) {
  Bench b = {.arena = arena_new(), .out = BENCH_OUT, .ebb = EBB, .time = 1, .threads = pool_default_threads(NULL)};
  bool chosen[COUNT(parts)] = {false}, all = true;
  for (int i = 1; i < argc; i++) {
    bool known = false;
    if (strcmp(argv[i], "--out") == 0 && i + 1 < argc) {
      b.out = argv[++i];
      continue;
    }
    if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
      b.time = atof(argv[++i]);
      continue;
    }
    for (size_t k = 0; k < COUNT(parts); k++)
      if (strcmp(argv[i], parts[k].name) == 0) chosen[k] = known = true, all = false;
    if (!known) usage();
  }
  log_setup((LogOptions){.quiet = true});
  must(isa_setup(getenv("EBB_ISA")));
  must(linalg_setup());
  b.isa = isa_name();
  must(registry_new(&(RegistryOptions){0}, &b.registry));
  must(folder_make(b.out));
  const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
  char *folder = arena_print(b.arena, "%s/ebb-bench-XXXXXX", memory);
  if (mkdtemp(folder) == NULL) must(fail(EBB_E_IO, "cannot make a folder in %s: %s", memory, strerror(errno)));
  b.scratch = scratch = folder;
  atexit(clean);
  b.text = result(&b, "bench.txt");
  b.csv = result(&b, "bench.csv");
  head(&b);
  double begin = seconds();
  for (size_t i = 0; i < COUNT(parts); i++)
    if (chosen[i] || (all && parts[i].run != bench_peers)) parts[i].run(&b);
  both(&b, arena_print(b.arena, "# %.0f s; also in %s\n", seconds() - begin, b.out));
  fclose(b.text);
  fclose(b.csv);
  registry_free(b.registry);
  return 0;
}
