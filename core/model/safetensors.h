/* SPDX-License-Identifier: MIT
 *
 * The safetensors format: 8 bytes little-endian header length, a JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {text: text}}
 * padded with spaces so that the data start at a multiple of 8, then the numbers, each tensor aligned to its type, in order without gaps. Metadata
 * values are strings, always. */
#ifndef EBB_MODEL_SAFETENSORS_H
#define EBB_MODEL_SAFETENSORS_H

#include "base/file.h"
#include "base/json.h"

typedef struct SafeTensor {
  const char *name;
  const char *dtype; /* "F32", "F64", "I64", "U8" ... */
  int64_t ndim, shape[4];
  const void *data;
  size_t bytes;
} SafeTensor;

typedef struct SafeMeta {
  const char *key, *value;
} SafeMeta;

/* Streams to path, atomically (FileWriter). */
EbbStatus safetensors_write(const char *path, const SafeTensor *tensors, size_t n, const SafeMeta *meta, size_t meta_n);

/* A mapped file. Refused with a message: short or long files, offsets that overlap, leave gaps or pass the end, unknown dtypes, shape and bytes that
 * disagree, metadata that is not text. */
typedef struct SafeFile {
  FileMap map;
  SafeTensor *tensors;
  size_t n;
  SafeMeta *meta;
  size_t meta_n;
} SafeFile;
EbbStatus safetensors_open(Arena *, const char *path, SafeFile *out);
void safetensors_close(SafeFile *);
const SafeTensor *safetensors_get(const SafeFile *, const char *name); /* NULL if absent */
const char *safetensors_meta(const SafeFile *, const char *key);
/* A metadata value that is a JSON list of so many entries; absent, another type or length: refused. path: for the message. */
EbbStatus safetensors_list(Arena *, const SafeFile *, const char *path, const char *key, int64_t expected, Json **out);

#endif
