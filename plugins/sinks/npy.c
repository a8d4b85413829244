/* SPDX-License-Identifier: MIT
 *
 * Every array of the run as arrays/<group>/<name>.npy (NumPy's format 1.0, little-endian, C order). The folder is the sink's own: arrays that an
 * earlier run of this name left there are removed first. */
#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "whole_file.h"

static EbbStatus make_folder(const EbbHost *host, const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return EBB_OK;
  return host->fail(host, EBB_E_IO, "the folder %s cannot be made: %s", path, strerror(errno));
}

/* Whether <group>/<file> is one of the run's arrays. */
static bool belongs(const EbbRun *run, const char *group, const char *file) {
  for (int64_t i = 0; i < run->arrays; i++) {
    const EbbArray *a = &run->array[i];
    size_t n = strlen(a->name);
    if (strcmp(a->group, group) == 0 && strncmp(a->name, file, n) == 0 && strcmp(file + n, ".npy") == 0) return true;
  }
  return false;
}

/* Removes .npy files that are none of the run's arrays: of the folder called group, or, with NULL, of every folder in path, and what is empty then.
 */
static void sweep(const EbbRun *run, const char *path, const char *group) {
  DIR *folder = opendir(path);
  if (folder == NULL) return;
  for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
    char inner[4096];
    size_t n = strlen(e->d_name);
    if (e->d_name[0] == '.' || snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) >= (int)sizeof inner) continue;
    if (group == NULL) {
      sweep(run, inner, e->d_name);
      rmdir(inner);
    } else if (n > 4 && strcmp(e->d_name + n - 4, ".npy") == 0 && !belongs(run, group, e->d_name)) {
      unlink(inner);
    }
  }
  closedir(folder);
}

static bool is_file_name(const char *name) { return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < 200; }

/* Magic, version, length of the rest, and a Python dictionary that ends where the data begin, at a multiple of 64. */
static void put_header(FILE *out, const EbbArray *a) {
  char text[512], shape[128] = "";
  size_t n = 0;
  for (int64_t k = 0; k < a->ndim; k++)
    n += (size_t)snprintf(shape + n, sizeof shape - n, "%" PRId64 "%s", a->shape[k], a->ndim == 1 ? "," : k + 1 < a->ndim ? ", " : "");
  const char *order = strcmp(a->type, "u1") == 0 ? "|" : "<";
  int length = snprintf(text, sizeof text, "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, a->type, shape);
  int padded = (10 + length + 1 + 63) / 64 * 64 - 10;
  fwrite("\x93NUMPY\x01\x00", 1, 8, out);
  fputc(padded & 255, out);
  fputc(padded >> 8, out);
  fprintf(out, "%-*s\n", padded - 1, text);
}

static EbbStatus put_array(const EbbHost *host, const char *folder, const EbbArray *a) {
  char within[4096], name[256];
  if (!is_file_name(a->group) || !is_file_name(a->name))
    return host->fail(host, EBB_E_UNSUPPORTED, "\"%s\" cannot be the name of a file; rename it, or leave this sink out",
                      is_file_name(a->group) ? a->name : a->group);
  if (snprintf(within, sizeof within, "%s/%s", folder, a->group) >= (int)sizeof within)
    return host->fail(host, EBB_E_IO, "the path %s/%s is too long", folder, a->group);
  snprintf(name, sizeof name, "%s.npy", a->name);
  WholeFile file;
  EbbStatus status = make_folder(host, within);
  if (status == EBB_OK) status = whole_begin(host, within, name, &file);
  if (status != EBB_OK) return status;
  put_header(file.stream, a);
  size_t bytes = (size_t)(a->type[1] - '0');
  for (int64_t k = 0; k < a->ndim; k++) bytes *= (size_t)a->shape[k];
  fwrite(a->data, 1, bytes, file.stream);
  return whole_end(host, &file);
}

static EbbStatus write_arrays(const void *self, const EbbRun *run, const char *folder) {
  const EbbHost *host = ebb_host_of(self);
  char own[4096];
  if (snprintf(own, sizeof own, "%s/arrays", folder) >= (int)sizeof own) return host->fail(host, EBB_E_IO, "the path %s/arrays is too long", folder);
  EbbStatus status = make_folder(host, own);
  for (int64_t i = 0; i < run->arrays && status == EBB_OK; i++) status = put_array(host, own, &run->array[i]);
  if (status == EBB_OK) sweep(run, own, NULL);
  return status;
}

static const EbbSinkOps ops = {.size = sizeof ops, .write = write_arrays};
static const EbbComponent npy = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SINK,
    .id = "npy",
    .summary = "every array of the run as arrays/<group>/<name>.npy",
    .version = "1.0",
    .reference = "NumPy enhancement proposal 1",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&npy)
