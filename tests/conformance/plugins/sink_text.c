/* SPDX-License-Identifier: MIT
 *
 * For tests: a sink that lists a run's arrays in arrays.txt, one a line: group/name type shape. */
#include <stdio.h>

#include <ebb/sink.h>

static EbbStatus write(const void *self, const EbbRun *run, const char *folder) {
  const EbbHost *host = ebb_host_of(self);
  char path[4096];
  if (snprintf(path, sizeof path, "%s/arrays.txt", folder) >= (int)sizeof path) return host->fail(host, EBB_E_IO, "the folder's name is too long");
  FILE *file = fopen(path, "w");
  if (file == NULL) return host->fail(host, EBB_E_IO, "%s cannot be written", path);
  for (int64_t i = 0; i < run->arrays; i++) {
    const EbbArray *a = &run->array[i];
    fprintf(file, "%s/%s %s", a->group, a->name, a->type);
    for (int64_t k = 0; k < a->ndim; k++) fprintf(file, " %lld", (long long)a->shape[k]);
    fputc('\n', file);
  }
  return fclose(file) == 0 ? EBB_OK : host->fail(host, EBB_E_IO, "%s was not written whole", path);
}

static const EbbSinkOps ops = {.size = sizeof ops, .write = write};
static const EbbComponent text = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SINK,
    .id = "text",
    .summary = "lists a run's arrays, for tests",
    .version = "1.0",
    .reference = "none: one line an array",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&text)
