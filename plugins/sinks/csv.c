/* SPDX-License-Identifier: MIT
 *
 * The posterior as a long table, draws.csv: a line a number, with a column for each dimension of the draws, then the parameter's name, then the value
 * with the digits that give the float32 back. Dimensions are told by their coordinates where the run has them (chain, draw, the observation's
 * number), else counted from 0. A failed draw is nan. Names are quoted where RFC 4180 wants it. */
#include <inttypes.h>
#include <math.h>

#include "whole_file.h"

static const char GROUP[] = "posterior";

/* How many numbers an array has. */
static int64_t array_size(const EbbArray *a) {
  int64_t size = 1;
  for (int64_t k = 0; k < a->ndim; k++) size *= a->shape[k];
  return size;
}

/* The array of this group that gives the places along a dimension; NULL: none does. */
static const EbbArray *array_coordinate(const EbbRun *run, const char *group, const char *dim) {
  for (int64_t i = 0; i < run->arrays; i++) {
    const EbbArray *a = &run->array[i];
    if (a->ndim == 1 && strcmp(a->group, group) == 0 && strcmp(a->name, dim) == 0) return a;
  }
  return NULL;
}

static void put_name(FILE *out, const char *name) {
  bool quoted = strpbrk(name, ",\"\r\n") != NULL;
  if (quoted) fputc('"', out);
  for (const char *c = name; *c != '\0'; c++) {
    if (*c == '"') fputc('"', out);
    fputc(*c, out);
  }
  if (quoted) fputc('"', out);
}

static void put_number(FILE *out, const EbbArray *a, int64_t i) {
  double value = NAN;
  if (strcmp(a->type, "f4") == 0) value = (double)((const float *)a->data)[i];
  if (strcmp(a->type, "f8") == 0) value = ((const double *)a->data)[i];
  if (strcmp(a->type, "u1") == 0) value = ((const uint8_t *)a->data)[i];
  if (strcmp(a->type, "i8") == 0)
    fprintf(out, "%" PRId64, ((const int64_t *)a->data)[i]);
  else if (isnan(value))
    fputs("nan", out);
  else
    fprintf(out, strcmp(a->type, "f8") == 0 ? "%.17g" : "%.9g", value);
}

static bool is_coordinate(const EbbArray *a) { return a->ndim == 1 && strcmp(a->name, a->dims[0]) == 0; }

static bool has_dims(const EbbArray *a, const EbbArray *first) {
  bool same = a->ndim == first->ndim;
  for (int64_t k = 0; same && k < a->ndim; k++) same = a->shape[k] == first->shape[k] && strcmp(a->dims[k], first->dims[k]) == 0;
  return same;
}

static void put_array(FILE *out, const EbbArray *a, const EbbArray *const *along) {
  int64_t size = array_size(a), at[4] = {0};
  for (int64_t i = 0; i < size; i++) {
    for (int64_t k = 0; k < a->ndim; k++) {
      if (along[k] != NULL)
        put_number(out, along[k], at[k]);
      else
        fprintf(out, "%" PRId64, at[k]);
      fputc(',', out);
    }
    put_name(out, a->name);
    fputc(',', out);
    put_number(out, a, i);
    fputc('\n', out);
    for (int64_t k = a->ndim - 1; k >= 0 && ++at[k] == a->shape[k]; k--) at[k] = 0;
  }
}

static EbbStatus write_draws(const void *self, const EbbRun *run, const char *folder) {
  const EbbHost *host = ebb_host_of(self);
  const EbbArray *first = NULL, *along[4] = {NULL};
  for (int64_t i = 0; i < run->arrays; i++) {
    const EbbArray *a = &run->array[i];
    if (strcmp(a->group, GROUP) != 0 || is_coordinate(a)) continue;
    if (first == NULL) first = a;
    if (!has_dims(a, first))
      return host->fail(host, EBB_E_SHAPE, "%s and %s have other dimensions: no table holds both; leave this sink out", first->name, a->name);
  }
  WholeFile file;
  EbbStatus status = whole_begin(host, folder, "draws.csv", &file);
  if (status != EBB_OK) return status;
  for (int64_t k = 0; first != NULL && k < first->ndim; k++) {
    along[k] = array_coordinate(run, GROUP, first->dims[k]);
    put_name(file.stream, first->dims[k]);
    fputc(',', file.stream);
  }
  fputs("parameter,value\n", file.stream);
  for (int64_t i = 0; i < run->arrays; i++)
    if (strcmp(run->array[i].group, GROUP) == 0 && !is_coordinate(&run->array[i])) put_array(file.stream, &run->array[i], along);
  return whole_end(host, &file);
}

static const EbbSinkOps ops = {.size = sizeof ops, .write = write_draws};
static const EbbComponent csv = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SINK,
    .id = "csv",
    .summary = "posterior draws as a long table, draws.csv",
    .version = "1.0",
    .reference = "RFC 4180",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&csv)
