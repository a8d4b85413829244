/* SPDX-License-Identifier: MIT
 *
 * report.html, made anew, or at the end of a run. */
#include <stdio.h>

#include "cli/cli.h"
#include "report/report.h"

const char *run_folder(Session *s, const char *run) {
  const char *named = path_join(s->arena, s->options->runs, run);
  bool here = file_exists(path_join(s->arena, run, "manifest.json"));
  return !here && file_exists(path_join(s->arena, named, "manifest.json")) ? named : run;
}

EbbStatus cmd_report(Session *s) {
  const char *folder = run_folder(s, s->options->argument[0]);
  EbbStatus status = report_write(folder);
  if (status == EBB_OK) printf("%s\n", path_join(s->arena, folder, "report.html"));
  return status;
}

void report_after(Session *s, const Run *run) {
  if (report_write(path_join(s->arena, run->runs, run->name)) == EBB_OK) {
    printf("  report.html\n");
    return;
  }
  log_line(LOG_WARNING, "no report.html: %s", fail_text());
  fail_clear();
}
