/* SPDX-License-Identifier: MIT
 *
 * The run as one netCDF-4 file, inference_data.nc, in the layout of ArviZ's InferenceData: a group for posterior, prior, observed_data, constant_data
 * and sample_stats, named dimensions with coordinates, and attributes that say what made it and when. ArviZ and xarray open it as it is. Built where
 * libnetcdf is. */
#include <netcdf.h>

#include "whole_file.h"

typedef struct Writer {
  const EbbHost *host;
  const EbbRun *run;
  const char *path;
  int file;
} Writer;

/* The library knows little of why HDF5 failed; a full disk is the usual reason. */
static EbbStatus wrong(const Writer *w, int code, const char *what) {
  const char *hint = code == NC_EHDFERR ? "; is the disk full, may the folder be written?" : "";
  return w->host->fail(w->host, EBB_E_IO, "%s cannot be written (%s): %s%s", w->path, what, nc_strerror(code), hint);
}

static int type_of(const EbbArray *a) {
  static const struct {
    const char *name;
    int type;
  } known[] = {{"f4", NC_FLOAT}, {"f8", NC_DOUBLE}, {"u1", NC_UBYTE}, {"i8", NC_INT64}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(a->type, known[i].name) == 0) return known[i].type;
  return NC_NAT;
}

static int put_text(int group, const char *name, const char *text) {
  return text != NULL ? nc_put_att_text(group, NC_GLOBAL, name, strlen(text), text) : NC_NOERR;
}

static int put_attributes(int group, const EbbRun *run) {
  int code = put_text(group, "created_at", run->started);
  if (code == NC_NOERR) code = put_text(group, "creation_library", "ebb");
  if (code == NC_NOERR) code = put_text(group, "creation_library_version", run->version);
  if (code == NC_NOERR) code = put_text(group, "creation_library_language", "C");
  if (code == NC_NOERR) code = put_text(group, "inference_library", "ebb");
  if (code == NC_NOERR) code = put_text(group, "inference_library_version", run->version);
  return code;
}

/* A dimension of the group, made at its first use. */
static EbbStatus dimension(const Writer *w, int group, const EbbArray *a, int64_t k, int *out) {
  size_t length = 0;
  int code = nc_inq_dimid(group, a->dims[k], out);
  if (code == NC_EBADDIM) {
    code = nc_def_dim(group, a->dims[k], (size_t)a->shape[k], out);
    return code == NC_NOERR ? EBB_OK : wrong(w, code, a->dims[k]);
  }
  if (code == NC_NOERR) code = nc_inq_dimlen(group, *out, &length);
  if (code != NC_NOERR) return wrong(w, code, a->dims[k]);
  if (length == (size_t)a->shape[k]) return EBB_OK;
  return w->host->fail(w->host, EBB_E_SHAPE, "%s/%s has %lld along %s, an array before it had %zu", a->group, a->name, (long long)a->shape[k],
                       a->dims[k], length);
}

static EbbStatus put_array(const Writer *w, int group, const EbbArray *a) {
  int dims[4], variable, type = type_of(a);
  if (type == NC_NAT)
    return w->host->fail(w->host, EBB_E_UNSUPPORTED, "%s/%s is of type %s; f4, f8, u1 and i8 are known", a->group, a->name, a->type);
  for (int64_t k = 0; k < a->ndim; k++) {
    EbbStatus status = dimension(w, group, a, k, &dims[k]);
    if (status != EBB_OK) return status;
  }
  int code = nc_def_var(group, a->name, type, (int)a->ndim, dims, &variable);
  if (code == NC_NOERR) code = nc_put_var(group, variable, a->data);
  return code == NC_NOERR ? EBB_OK : wrong(w, code, a->name);
}

/* A group, when i is its first array: with all its arrays. */
static EbbStatus put_group(const Writer *w, int64_t first) {
  const EbbRun *run = w->run;
  const char *name = run->array[first].group;
  for (int64_t i = 0; i < first; i++)
    if (strcmp(run->array[i].group, name) == 0) return EBB_OK;
  int group, code = nc_def_grp(w->file, name, &group);
  if (code == NC_NOERR) code = put_attributes(group, run);
  if (code != NC_NOERR) return wrong(w, code, name);
  EbbStatus status = EBB_OK;
  for (int64_t i = first; i < run->arrays && status == EBB_OK; i++)
    if (strcmp(run->array[i].group, name) == 0) status = put_array(w, group, &run->array[i]);
  return status;
}

static EbbStatus write_file(const void *self, const EbbRun *run, const char *folder) {
  const EbbHost *host = ebb_host_of(self);
  WholeFile file;
  EbbStatus status = whole_name(host, folder, "inference_data.nc", &file);
  if (status != EBB_OK) return status;
  Writer w = {.host = host, .run = run, .path = file.path};
  int code = nc_create(file.temporary, NC_NETCDF4 | NC_CLOBBER, &w.file);
  if (code != NC_NOERR) {
    unlink(file.temporary);
    return wrong(&w, code, "when it was created");
  }
  code = put_attributes(w.file, run);
  if (code == NC_NOERR) code = put_text(w.file, "spec", run->spec);
  if (code != NC_NOERR) status = wrong(&w, code, "attributes");
  for (int64_t i = 0; i < run->arrays && status == EBB_OK; i++) status = put_group(&w, i);
  code = nc_close(w.file);
  if (status == EBB_OK && code != NC_NOERR) status = wrong(&w, code, "when it was closed");
  if (status == EBB_OK) return whole_end(host, &file);
  unlink(file.temporary);
  return status;
}

static const EbbSinkOps ops = {.size = sizeof ops, .write = write_file};
static const EbbComponent netcdf = {
    .size = sizeof(EbbComponent),
    .kind = EBB_SINK,
    .id = "netcdf",
    .summary = "the run as one netCDF file in ArviZ's layout, inference_data.nc",
    .version = "1.0",
    .reference = "ArviZ InferenceData schema",
    .ops = &ops,
    .create = ebb_keep_host,
};
EBB_MODULE(&netcdf)
