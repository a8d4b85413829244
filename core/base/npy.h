/* SPDX-License-Identifier: MIT
 *
 * NumPy's .npy format: magic "\x93NUMPY", version (1.0, 2.0, 3.0), header length (2 bytes in version 1, 4 bytes later), a Python dictionary with
 * descr, fortran_order and shape, then the numbers. Sizes are checked before memory is taken. Refused by name: unknown versions, object and
 * structured types, a file that is shorter or longer than its header says ("expected (128, 2) = 2048 bytes after the header, found 1024"). */
#ifndef EBB_BASE_NPY_H
#define EBB_BASE_NPY_H

#include "base/file.h"

enum { NPY_MOST_DIMS = 8 };

typedef enum NpyType { NPY_F32, NPY_F64, NPY_F16, NPY_I8, NPY_I16, NPY_I32, NPY_I64, NPY_U8, NPY_U16, NPY_U32, NPY_U64, NPY_BOOL } NpyType;

/* An open file: mapped, not read. */
typedef struct Npy {
  NpyType type;
  bool swapped, fortran;                    /* big-endian numbers; Fortran order */
  int64_t ndim, shape[NPY_MOST_DIMS], size; /* size: product of shape, 1 for a scalar */
  const unsigned char *data;
  FileMap map;
} Npy;

EbbStatus npy_open(const char *path, Npy *out);
/* The same from memory, which must outlive it; `name` stands in messages. */
EbbStatus npy_memory(const char *name, const void *data, size_t size, Npy *out);
void npy_close(Npy *);
/* Elements [first, first + n) in C order, converted. */
EbbStatus npy_get_f64(const Npy *, int64_t first, int64_t n, double *out);
EbbStatus npy_get_f32(const Npy *, int64_t first, int64_t n, float *out);
/* The float32 or float64 numbers in place (little-endian, C order, aligned), or NULL when they must be converted. */
const float *npy_f32(const Npy *);
const double *npy_f64(const Npy *);
/* "(5, 10)" for messages. */
const char *npy_shape_text(Arena *, const Npy *);

/* Version 1.0, C order, header padded so that data start at a multiple of 64. */
EbbStatus npy_write_f32(const char *path, int64_t ndim, const int64_t *shape, const float *data);
EbbStatus npy_write_f64(const char *path, int64_t ndim, const int64_t *shape, const double *data);
EbbStatus npy_write_u8(const char *path, int64_t ndim, const int64_t *shape, const uint8_t *data);
/* The header alone, for data that are streamed after it. */
EbbStatus npy_header(FILE *, NpyType type, int64_t ndim, const int64_t *shape);

/* A table of numbers from a file that ends in .npy, or in .csv with a header line of names; float64, 2-D (a vector becomes one row). */
typedef struct Table {
  int64_t rows, columns;
  double *value;
  char **name;
} Table; /* name NULL for .npy */
EbbStatus table_read(Arena *, const char *path, Table *out);

#endif
