/* SPDX-License-Identifier: MIT
 *
 * The runs of a folder, from their manifests. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

EbbStatus cmd_runs(Session *s) {
  char **names;
  size_t n;
  if (!file_is_folder(s->options->runs)) {
    if (s->options->json) printf("[]\n");
    log_line(LOG_INFO, "no runs yet: there is no folder %s", s->options->runs);
    return EBB_OK;
  }
  EbbStatus status = folder_list(s->arena, s->options->runs, &names, &n);
  if (status != EBB_OK) return status;
  JsonWriter w = {0};
  json_begin_list(&w);
  if (!s->options->json) printf("%-24s %-21s %-10s %9s  %s\n", "run", "started", "reached", "seconds", "failed rows");
  for (size_t i = 0; i < n; i++) {
    const char *path = path_join(s->arena, path_join(s->arena, s->options->runs, names[i]), "manifest.json");
    char *text;
    size_t size;
    Json *manifest;
    if (names[i][0] == '.' || !file_exists(path)) continue;
    if (file_read(s->arena, path, 1 << 26, &text, &size) != EBB_OK || json_read(s->arena, path, text, size, &manifest) != EBB_OK) {
      log_line(LOG_WARNING, "%s", fail_text());
      fail_clear();
      continue;
    }
    const Json *stages = json_get(manifest, "stages"), *last = NULL;
    double took = 0, failed = 0;
    for (const Json *stage = stages != NULL ? stages->first : NULL; stage != NULL; stage = stage->next) {
      took += json_number(stage, "seconds", 0);
      failed += json_number(stage, "failed_rows", 0);
      last = stage;
    }
    const char *started = json_string(manifest, "started", ""), *reached = last != NULL ? json_string(last, "name", "") : "";
    if (!s->options->json) {
      printf("%-24s %-21s %-10s %9.1f  %.0f\n", names[i], started, reached, took, failed);
      continue;
    }
    json_begin_object(&w);
    json_key(&w, "run");
    json_put_string(&w, names[i]);
    json_key(&w, "started");
    json_put_string(&w, started);
    json_key(&w, "reached");
    json_put_string(&w, reached);
    json_key(&w, "seconds");
    json_put_real(&w, took);
    json_key(&w, "failed_rows");
    json_put_real(&w, failed);
    json_end_object(&w);
  }
  json_end_list(&w);
  if (s->options->json) printf("%s\n", w.out.text);
  str_free(&w.out);
  return EBB_OK;
}
