/* SPDX-License-Identifier: MIT
 *
 * Reading and writing .npy. The header is a Python dictionary of three keys, in any order; a field's value is parsed by hand and nothing is
 * evaluated.
 *
 *   \x93NUMPY  major minor  length (2 bytes in version 1, 4 later, little-endian)  {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }
 * numbers */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in files are little-endian and are used in place");

static const struct {
  char kind;
  size_t size;
  const char *descr;
} types[] = {
    [NPY_F32] = {'f', 4, "<f4"}, [NPY_F64] = {'f', 8, "<f8"}, [NPY_F16] = {'f', 2, "<f2"}, [NPY_I8] = {'i', 1, "|i1"},
    [NPY_I16] = {'i', 2, "<i2"}, [NPY_I32] = {'i', 4, "<i4"}, [NPY_I64] = {'i', 8, "<i8"}, [NPY_U8] = {'u', 1, "|u1"},
    [NPY_U16] = {'u', 2, "<u2"}, [NPY_U32] = {'u', 4, "<u4"}, [NPY_U64] = {'u', 8, "<u8"}, [NPY_BOOL] = {'b', 1, "|b1"},
};

/* The dictionary's text while it is read. */
typedef struct Reader {
  const char *path, *at, *end;
} Reader;

static void skip_blanks(Reader *r) {
  while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0') r->at++;
}

static bool take(Reader *r, char c) {
  skip_blanks(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static bool take_word(Reader *r, const char *word) {
  skip_blanks(r);
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
  r->at += n;
  return true;
}

/* A quoted string of plain letters; cut to room. Escapes do not occur in the words that are looked for. */
static bool take_string(Reader *r, char *text, size_t room) {
  skip_blanks(r);
  if (r->at == r->end || (*r->at != '\'' && *r->at != '"')) return false;
  const char *start = r->at + 1, *close = memchr(start, *r->at, (size_t)(r->end - start));
  if (close == NULL) return false;
  snprintf(text, room, "%.*s", (int)(close - start < 200 ? close - start : 200), start);
  r->at = close + 1;
  return true;
}

static EbbStatus bad_header(const Reader *r, const char *expected) {
  return fail(EBB_E_IO, "%s: the .npy header cannot be read: expected %s; save the array again with np.save(path, a)", r->path, expected);
}

static EbbStatus refuse_type(const char *path, const char *descr, const char *what) {
  return fail(EBB_E_UNSUPPORTED, "%s: dtype '%s' (%s) is not read; convert it with np.save(path, a.astype('float32'))", path, descr, what);
}

static EbbStatus refuse_structured(const Reader *r) {
  int n = (int)(r->end - r->at < 100 ? r->end - r->at : 100), depth = 0;
  for (int k = 0; k < n; k++) {
    depth += (r->at[k] == '[' || r->at[k] == '(') - (r->at[k] == ']' || r->at[k] == ')');
    if (depth == 0) n = k + 1;
  }
  while (depth != 0 && n > 0 && ((unsigned char)r->at[n - 1] & 0x80) != 0) n--; /* not within a letter */
  return fail(EBB_E_UNSUPPORTED,
              "%s: dtype %.*s%s (structured, numbers with names) is not read; convert it with "
              "np.save(path, np.lib.recfunctions.structured_to_unstructured(a).astype('float32'))",
              r->path, n, r->at, depth != 0 ? "..." : "");
}

static EbbStatus read_type(Reader *r, Npy *out) {
  char text[256];
  skip_blanks(r);
  if (r->at < r->end && (*r->at == '[' || *r->at == '(')) return refuse_structured(r);
  if (!take_string(r, text, sizeof text)) return bad_header(r, "a quoted dtype after 'descr'");
  const char *t = text;
  char order = '=';
  if (*t != '\0' && strchr("<>=|", *t) != NULL) order = *t++;
  char kind = *t, *end = NULL;
  unsigned long size = kind == '\0' ? 0 : strtoul(t + 1, &end, 10);
  if (kind == '?') kind = 'b', size = 1;
  for (size_t k = 0; k < COUNT(types); k++)
    if (kind == types[k].kind && size == types[k].size && *end == '\0') {
      out->type = (NpyType)k;
      out->swapped = order == '>' && size > 1;
      return EBB_OK;
    }
  static const struct {
    char kind;
    const char *what;
  } others[] = {{'O', "Python objects"}, {'c', "complex numbers"}, {'U', "text"},      {'S', "bytes"},     {'a', "bytes"},
                {'M', "times"},          {'m', "time spans"},      {'V', "raw bytes"}, {'f', "long reals"}};
  for (size_t k = 0; k < COUNT(others); k++)
    if (kind == others[k].kind) return refuse_type(r->path, text, others[k].what);
  return refuse_type(r->path, text, "unknown");
}

static EbbStatus read_shape(Reader *r, Npy *out) {
  if (!take(r, '(')) return bad_header(r, "a tuple after 'shape'");
  out->ndim = 0;
  while (!take(r, ')')) {
    skip_blanks(r);
    const char *start = r->at;
    int64_t value = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *r->at++ - '0', &value))
        return bad_header(r, "a shape of numbers below 2^63");
    if (r->at == start) return bad_header(r, "whole numbers in 'shape'");
    take(r, 'L'); /* Python 2 wrote its long numbers so */
    if (out->ndim == NPY_MOST_DIMS)
      return fail(EBB_E_UNSUPPORTED, "%s: the array has more than %d dimensions; reshape it, as in np.save(path, a.reshape(len(a), -1))", r->path,
                  NPY_MOST_DIMS);
    out->shape[out->ndim++] = value;
    if (take(r, ',')) continue;
    if (!take(r, ')')) return bad_header(r, "a comma or ) in 'shape'");
    break;
  }
  return EBB_OK;
}

static EbbStatus read_dictionary(Reader *r, Npy *out) {
  enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
  int seen = 0;
  if (!take(r, '{')) return bad_header(r, "a dictionary");
  while (!take(r, '}')) {
    char key[32];
    if (!take_string(r, key, sizeof key) || !take(r, ':')) return bad_header(r, "a quoted key and a colon");
    int which = strcmp(key, "descr") == 0 ? DESCR : strcmp(key, "fortran_order") == 0 ? ORDER : strcmp(key, "shape") == 0 ? SHAPE : 0;
    if (which == 0 || (seen & which) != 0) return bad_header(r, "the keys 'descr', 'fortran_order' and 'shape', each once");
    seen |= which;
    EbbStatus status = EBB_OK;
    if (which == DESCR)
      status = read_type(r, out);
    else if (which == SHAPE)
      status = read_shape(r, out);
    else if (take_word(r, "True"))
      out->fortran = true;
    else if (!take_word(r, "False"))
      status = bad_header(r, "True or False after 'fortran_order'");
    if (status != EBB_OK) return status;
    if (take(r, ',')) continue;
    if (!take(r, '}')) return bad_header(r, "a comma or } after a value");
    break;
  }
  skip_blanks(r);
  if (r->at != r->end) return bad_header(r, "nothing after the dictionary");
  return seen == (DESCR | ORDER | SHAPE) ? EBB_OK : bad_header(r, "the keys 'descr', 'fortran_order' and 'shape'");
}

static void shape_text(Str *s, const Npy *a) {
  str_add(s, "(");
  for (int64_t k = 0; k < a->ndim; k++) str_print(s, k > 0 ? ", %" PRId64 : "%" PRId64, a->shape[k]);
  str_add(s, a->ndim == 1 ? ",)" : ")");
}

/* Sets size from the shape and compares it with what is there. */
static EbbStatus check_size(const char *path, Npy *out, size_t found) {
  int64_t bytes = (int64_t)types[out->type].size;
  bool empty = false, over = false;
  for (int64_t k = 0; k < out->ndim; k++) empty |= out->shape[k] == 0;
  for (int64_t k = 0; k < out->ndim && !empty; k++) over |= __builtin_mul_overflow(bytes, out->shape[k], &bytes);
  if (empty) bytes = 0;
  out->size = bytes / (int64_t)types[out->type].size;
  if (!over && (uint64_t)bytes == found) return EBB_OK;
  Str s = {0};
  shape_text(&s, out);
  EbbStatus status = over ? fail(EBB_E_IO, "%s: expected %s of %zu bytes each after the header, more than any file holds, found %zu bytes", path,
                                 s.text, types[out->type].size, found)
                          : fail(EBB_E_IO, "%s: expected %s = %" PRId64 " bytes after the header, found %zu", path, s.text, bytes, found);
  str_free(&s);
  return status;
}

static EbbStatus read_header(const char *path, Npy *out) {
  const unsigned char *p = out->map.data;
  size_t size = out->map.size;
  if (size == 0) return fail(EBB_E_IO, "%s: the file is empty, expected a .npy array", path);
  if (memcmp(p, "\x93NUMPY", size < 6 ? size : 6) != 0) {
    bool zip = size >= 2 && memcmp(p, "PK", 2) == 0;
    return fail(EBB_E_IO, "%s: is not a .npy file%s; save one array with np.save(path, a)", path, zip ? " but an archive of several (.npz)" : "");
  }
  if (size < 8) return fail(EBB_E_IO, "%s: the file ends after %zu bytes, inside the .npy magic; it was cut short", path, size);
  if (p[6] < 1 || p[6] > 3 || p[7] != 0)
    return fail(EBB_E_UNSUPPORTED, "%s: .npy version %d.%d is unknown, expected 1.0, 2.0 or 3.0; save it again with np.save(path, a)", path, p[6],
                p[7]);
  size_t start = p[6] == 1 ? 10 : 12;
  if (size < start) return fail(EBB_E_IO, "%s: the file ends after %zu bytes, before the length of its header; it was cut short", path, size);
  size_t length = (size_t)p[8] | (size_t)p[9] << 8;
  if (start == 12) length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
  if (size - start < length)
    return fail(EBB_E_IO, "%s: expected a header of %zu bytes, found %zu; the file was cut short", path, length, size - start);
  Reader r = {path, (const char *)p + start, (const char *)p + start + length};
  EbbStatus status = read_dictionary(&r, out);
  if (status != EBB_OK) return status;
  out->data = size > start + length ? p + start + length : NULL;
  return check_size(path, out, size - start - length);
}

EbbStatus npy_open(const char *path, Npy *out) {
  *out = (Npy){0};
  EbbStatus status = file_map(path, &out->map);
  if (status == EBB_OK) status = read_header(path, out);
  if (status != EBB_OK) npy_close(out);
  return status;
}

EbbStatus npy_memory(const char *name, const void *data, size_t size, Npy *out) {
  *out = (Npy){.map = {data, size}};
  EbbStatus status = read_header(name, out);
  out->map = (FileMap){0}; /* the caller's */
  return status;
}

void npy_close(Npy *a) {
  file_unmap(&a->map);
  *a = (Npy){0};
}

static double half_to_double(unsigned h) {
  int exponent = (int)(h >> 10 & 31), fraction = (int)(h & 1023);
  double value = exponent == 31  ? (fraction != 0 ? (double)NAN : (double)INFINITY)
                 : exponent == 0 ? ldexp(fraction, -24)
                                 : ldexp(1024 + fraction, exponent - 25);
  return (h & 0x8000) != 0 ? -value : value;
}

static double element(NpyType type, bool swapped, const unsigned char *p) {
  size_t size = types[type].size;
  uint64_t bits = 0;
  if (swapped)
    for (size_t k = 0; k < size; k++) bits = bits << 8 | p[k];
  else
    memcpy(&bits, p, size);
  float single;
  double real;
  uint32_t low = (uint32_t)bits;
  switch (type) {
  case NPY_F32: memcpy(&single, &low, 4); return (double)single;
  case NPY_F64: memcpy(&real, &bits, 8); return real;
  case NPY_F16: return half_to_double(low);
  case NPY_I8: return (int8_t)low;
  case NPY_I16: return (int16_t)low;
  case NPY_I32: return (int32_t)low;
  case NPY_I64: return (double)(int64_t)bits;
  case NPY_BOOL: return bits != 0;
  case NPY_U8:
  case NPY_U16:
  case NPY_U32:
  case NPY_U64: return (double)bits;
  }
  return NAN;
}

/* Walks elements in C order whatever the file's; offsets count elements. In Fortran order the first index runs fastest. */
typedef struct Walk {
  int64_t index[NPY_MOST_DIMS], stride[NPY_MOST_DIMS], offset;
} Walk;

static Walk walk_start(const Npy *a, int64_t first) {
  Walk w = {.offset = 0};
  int64_t stride = 1;
  for (int64_t k = 0; k < a->ndim; k++) {
    int64_t d = a->fortran ? k : a->ndim - 1 - k;
    w.stride[d] = stride;
    stride *= a->shape[d];
  }
  for (int64_t d = a->ndim - 1; d >= 0; d--) {
    w.index[d] = first % a->shape[d];
    first /= a->shape[d];
    w.offset += w.index[d] * w.stride[d];
  }
  return w;
}

static void walk_next(const Npy *a, Walk *w) {
  for (int64_t d = a->ndim - 1; d >= 0; d--) {
    w->offset += w->stride[d];
    if (++w->index[d] < a->shape[d]) return;
    w->offset -= w->stride[d] * a->shape[d];
    w->index[d] = 0;
  }
}

static EbbStatus check_range(const Npy *a, int64_t first, int64_t n) {
  if (first >= 0 && n >= 0 && first <= a->size && n <= a->size - first) return EBB_OK;
  return fail(EBB_E_SHAPE, "%" PRId64 " elements from number %" PRId64 " on were asked for of an array of %" PRId64, n, first, a->size);
}

EbbStatus npy_get_f64(const Npy *a, int64_t first, int64_t n, double *out) {
  EbbStatus status = check_range(a, first, n);
  if (status != EBB_OK || n == 0) return status;
  size_t size = types[a->type].size;
  if (a->type == NPY_F64 && !a->swapped && !a->fortran) {
    memcpy(out, a->data + (size_t)first * size, (size_t)n * size);
    return EBB_OK;
  }
  Walk w = walk_start(a, first);
  for (int64_t i = 0; i < n; i++, walk_next(a, &w)) out[i] = element(a->type, a->swapped, a->data + (size_t)w.offset * size);
  return EBB_OK;
}

EbbStatus npy_get_f32(const Npy *a, int64_t first, int64_t n, float *out) {
  EbbStatus status = check_range(a, first, n);
  if (status != EBB_OK || n == 0) return status;
  size_t size = types[a->type].size;
  if (a->type == NPY_F32 && !a->swapped && !a->fortran) {
    memcpy(out, a->data + (size_t)first * size, (size_t)n * size);
    return EBB_OK;
  }
  Walk w = walk_start(a, first);
  for (int64_t i = 0; i < n; i++, walk_next(a, &w)) out[i] = (float)element(a->type, a->swapped, a->data + (size_t)w.offset * size);
  return EBB_OK;
}

static const void *in_place(const Npy *a, NpyType type, size_t size) {
  bool plain = a->type == type && !a->swapped && (!a->fortran || a->ndim < 2) && (uintptr_t)a->data % size == 0;
  return plain ? (const void *)a->data : NULL;
}

const float *npy_f32(const Npy *a) { return in_place(a, NPY_F32, sizeof(float)); }
const double *npy_f64(const Npy *a) { return in_place(a, NPY_F64, sizeof(double)); }

const char *npy_shape_text(Arena *arena, const Npy *a) {
  Str s = {0};
  shape_text(&s, a);
  return str_keep(&s, arena);
}

EbbStatus npy_header(FILE *stream, NpyType type, int64_t ndim, const int64_t *shape) {
  if (ndim < 0 || ndim > NPY_MOST_DIMS)
    return fail(EBB_E_SHAPE, "an array of %" PRId64 " dimensions cannot be written, at most %d", ndim, NPY_MOST_DIMS);
  Npy a = {.ndim = ndim};
  for (int64_t k = 0; k < ndim; k++) a.shape[k] = shape[k];
  Str s = {0};
  str_print(&s, "{'descr': '%s', 'fortran_order': False, 'shape': ", types[type].descr);
  shape_text(&s, &a);
  str_add(&s, ", }");
  while ((10 + s.length + 1) % 64 != 0) str_add(&s, " ");
  str_add(&s, "\n");
  unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(s.length & 255), (unsigned char)(s.length >> 8)};
  bool good = fwrite(start, 1, sizeof start, stream) == sizeof start && fwrite(s.text, 1, s.length, stream) == s.length;
  str_free(&s);
  return good ? EBB_OK : fail(EBB_E_IO, "the .npy header cannot be written: %s", strerror(errno));
}

static EbbStatus write_array(const char *path, NpyType type, int64_t ndim, const int64_t *shape, const void *data) {
  FileWriter *w;
  EbbStatus status = file_begin(path, &w);
  if (status != EBB_OK) return status;
  status = npy_header(file_stream(w), type, ndim, shape);
  if (status == EBB_E_SHAPE) {
    file_abandon(w);
    return fail_prefix(status, "%s: ", path);
  }
  size_t n = 1;
  for (int64_t k = 0; k < ndim; k++) n *= (size_t)shape[k];
  if (n > 0) fwrite(data, types[type].size, n, file_stream(w)); /* what fails here is told, with its reason, by the commit */
  return file_commit(w);
}

EbbStatus npy_write_f32(const char *path, int64_t ndim, const int64_t *shape, const float *data) {
  return write_array(path, NPY_F32, ndim, shape, data);
}
EbbStatus npy_write_f64(const char *path, int64_t ndim, const int64_t *shape, const double *data) {
  return write_array(path, NPY_F64, ndim, shape, data);
}
EbbStatus npy_write_u8(const char *path, int64_t ndim, const int64_t *shape, const uint8_t *data) {
  return write_array(path, NPY_U8, ndim, shape, data);
}
