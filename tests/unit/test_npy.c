/* SPDX-License-Identifier: MIT
 *
 * Reports A18 and A19: .npy files as bytes built here by hand, and tables from .npy and .csv. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/npy.h"
#include "folder.h"
#include "test.h"

/* The bytes of a file: magic, version, header length, dictionary as given, then data. */
static Str npy_bytes(int version, const char *dictionary, const void *data, size_t size) {
  Str s = {0};
  size_t n = strlen(dictionary) + 1;
  char start[12] = {(char)0x93, 'N', 'U', 'M', 'P', 'Y', (char)version, 0, (char)(n & 255), (char)(n >> 8), 0, 0};
  str_add_n(&s, start, version == 1 ? 10 : 12);
  str_add(&s, dictionary);
  str_add(&s, "\n");
  str_add_n(&s, data, size);
  return s;
}

static const char *put(Folder *f, const char *name, const void *data, size_t size) {
  const char *path = path_join(f->arena, f->path, name);
  CU_ASSERT_EQUAL_FATAL(file_write(path, data, size), EBB_OK);
  return path;
}

static const char *put_npy(Folder *f, int version, const char *dictionary, const void *data, size_t size) {
  Str s = npy_bytes(version, dictionary, data, size);
  const char *path = put(f, "x.npy", s.text, s.length);
  str_free(&s);
  return path;
}

/* That opening fails with this status and a message that ends so. */
static void refused(const char *path, EbbStatus status, const char *ending) {
  Npy a;
  EbbStatus got = npy_open(path, &a);
  const char *text = fail_text();
  size_t n = strlen(text), m = strlen(ending);
  bool same = got == status && n >= m && strcmp(text + n - m, ending) == 0 && strncmp(text, path, strlen(path)) == 0;
  if (!same) printf("\n    status %d, \"%s\"\n    expected %d, \"...%s\"\n", (int)got, text, (int)status, ending);
  CU_ASSERT_TRUE(same);
  if (got == EBB_OK) npy_close(&a);
}

static const double one_to_six[] = {1, 2, 3, 4, 5, 6}, columns_first[] = {1, 3, 5, 2, 4, 6};

static void every_version_and_both_orders_are_read(void) {
  static const struct {
    int version;
    const char *dictionary;
    const double *data;
  } known[] = {
      {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", one_to_six},
      {2, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", one_to_six},
      {3, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", one_to_six},
      {1, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", columns_first},
      {2, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", columns_first},
      {3, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }      ", columns_first},
      {1, "{'shape': (3, 2), 'fortran_order': False, 'descr': '<f8'}", one_to_six},
      {1, "{\"fortran_order\":True,\"shape\":(3,2),\"descr\":\"=f8\"}", columns_first},
      {1, "{ 'descr' : '<f8' , 'shape' : ( 3L , 2L ) , 'fortran_order' : False }", one_to_six},
  };
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(known); i++) {
    const char *path = put_npy(&f, known[i].version, known[i].dictionary, known[i].data, sizeof one_to_six);
    Npy a;
    double value[6] = {0};
    float part[3] = {0};
    CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
    CU_ASSERT(a.type == NPY_F64 && a.ndim == 2 && a.shape[0] == 3 && a.shape[1] == 2 && a.size == 6);
    CU_ASSERT_EQUAL(npy_get_f64(&a, 0, 6, value), EBB_OK);
    CU_ASSERT_EQUAL(memcmp(value, one_to_six, sizeof value), 0);
    CU_ASSERT_EQUAL(npy_get_f32(&a, 3, 3, part), EBB_OK);
    CU_ASSERT(part[0] == 4 && part[1] == 5 && part[2] == 6);
    CU_ASSERT_EQUAL(npy_get_f64(&a, 4, 3, value), EBB_E_SHAPE);
    CU_ASSERT_EQUAL(npy_get_f64(&a, -1, 2, value), EBB_E_SHAPE);
    CU_ASSERT_EQUAL(npy_get_f64(&a, 1, INT64_MAX, value), EBB_E_SHAPE);
    CU_ASSERT_PTR_NULL(npy_f32(&a));
    CU_ASSERT_STRING_EQUAL(npy_shape_text(f.arena, &a), "(3, 2)");
    npy_close(&a);
  }
  folder_end(&f);
}

/* Shape (2, 3, 2) in Fortran order: element (i, j, k) lies at i + 2 j + 6 k. */
static void three_dimensions_in_fortran_order_are_read_from_anywhere(void) {
  Folder f = folder_begin();
  unsigned char data[12];
  for (int i = 0; i < 12; i++) data[i] = (unsigned char)i;
  const char *path = put_npy(&f, 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }", data, 12);
  Npy a;
  CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
  for (int64_t first = 0; first < 12; first++) {
    double value[12];
    CU_ASSERT_EQUAL(npy_get_f64(&a, first, 12 - first, value), EBB_OK);
    for (int64_t c = first; c < 12; c++) CU_ASSERT_EQUAL(value[c - first], (double)(c / 6 + 2 * (c / 2 % 3) + 6 * (c % 2)));
  }
  npy_close(&a);
  folder_end(&f);
}

static void every_type_is_converted(void) {
  static const struct {
    const char *descr, *data;
    size_t size;
    NpyType type;
    double expected[3];
    int n;
  } known[] = {
      {"<f4", "\x00\x00\x80\x3f\x00\x00\x20\xc0", 8, NPY_F32, {1, -2.5}, 2},
      {">f4", "\x3f\x80\x00\x00\xc0\x20\x00\x00", 8, NPY_F32, {1, -2.5}, 2},
      {"<f8", "\x00\x00\x00\x00\x00\x00\xf0\x3f", 8, NPY_F64, {1}, 1},
      {">f8", "\xbf\xf8\x00\x00\x00\x00\x00\x00", 8, NPY_F64, {-1.5}, 1},
      {"<f2", "\x00\x3c\x00\xc0\x01\x00", 6, NPY_F16, {1, -2, 0x1p-24}, 3},
      {">f2", "\x7b\xff\x35\x55\x80\x00", 6, NPY_F16, {65504, 0.333251953125, 0}, 3},
      {"<f2", "\x00\x7c\x00\xfc\xff\x83", 6, NPY_F16, {INFINITY, -INFINITY, -1023 * 0x1p-24}, 3},
      {"|i1", "\x80\x7f\xff", 3, NPY_I8, {-128, 127, -1}, 3},
      {"<i2", "\x00\x80\xfe\xff", 4, NPY_I16, {-32768, -2}, 2},
      {">i2", "\x80\x00\xff\xfe", 4, NPY_I16, {-32768, -2}, 2},
      {"<i4", "\x00\x00\x00\x80", 4, NPY_I32, {-2147483648.0}, 1},
      {">i4", "\xff\xff\xff\xfd", 4, NPY_I32, {-3}, 1},
      {"<i8", "\xfd\xff\xff\xff\xff\xff\xff\xff", 8, NPY_I64, {-3}, 1},
      {">i8", "\x00\x00\x00\x01\x00\x00\x00\x00", 8, NPY_I64, {4294967296.0}, 1},
      {"|u1", "\x80\xff", 2, NPY_U8, {128, 255}, 2},
      {"<u2", "\xfe\xff", 2, NPY_U16, {65534}, 1},
      {">u4", "\xff\xff\xff\xfd", 4, NPY_U32, {4294967293.0}, 1},
      {"<u8", "\x00\x00\x00\x00\x00\x00\x00\x80", 8, NPY_U64, {9223372036854775808.0}, 1},
      {">u8", "\x00\x00\x00\x00\x00\x00\x01\x02", 8, NPY_U64, {258}, 1},
      {"|b1", "\x01\x00\x01", 3, NPY_BOOL, {1, 0, 1}, 3},
      {"?", "\x00\x01", 2, NPY_BOOL, {0, 1}, 2},
  };
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(known); i++) {
    const char *dictionary = arena_print(f.arena, "{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }", known[i].descr, known[i].n);
    const char *path = put_npy(&f, 1, dictionary, known[i].data, known[i].size);
    Npy a;
    double value[3];
    float single[3];
    CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
    CU_ASSERT_EQUAL(a.type, known[i].type);
    CU_ASSERT_EQUAL(a.size, known[i].n);
    CU_ASSERT_EQUAL(npy_get_f64(&a, 0, known[i].n, value), EBB_OK);
    CU_ASSERT_EQUAL(npy_get_f32(&a, 0, known[i].n, single), EBB_OK);
    for (int k = 0; k < known[i].n; k++) {
      bool same = value[k] == known[i].expected[k] && single[k] == (float)known[i].expected[k];
      if (!same) printf("\n    %s[%d]: %g, expected %g\n", known[i].descr, k, value[k], known[i].expected[k]);
      CU_ASSERT_TRUE(same);
    }
    npy_close(&a);
  }
  folder_end(&f);
}

static void half_and_big_endian_nan_stay_nan(void) {
  Folder f = folder_begin();
  Npy a;
  double value;
  CU_ASSERT_EQUAL_FATAL(npy_open(put_npy(&f, 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (), }", "\x01\x7c", 2), &a), EBB_OK);
  CU_ASSERT_EQUAL(a.ndim, 0);
  CU_ASSERT_EQUAL(a.size, 1);
  CU_ASSERT_STRING_EQUAL(npy_shape_text(f.arena, &a), "()");
  CU_ASSERT_EQUAL(npy_get_f64(&a, 0, 1, &value), EBB_OK);
  CU_ASSERT_TRUE(isnan(value));
  npy_close(&a);
  CU_ASSERT_EQUAL_FATAL(npy_open(put_npy(&f, 1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "\x7f\xc0\x00\x00", 4), &a), EBB_OK);
  CU_ASSERT_EQUAL(npy_get_f64(&a, 0, 1, &value), EBB_OK);
  CU_ASSERT_TRUE(isnan(value));
  npy_close(&a);
  folder_end(&f);
}

static void what_is_no_array_of_numbers_is_refused_by_name(void) {
  static const struct {
    int version;
    const char *descr, *ending;
  } known[] = {
      {1, "'|O'", ": dtype '|O' (Python objects) is not read; convert it with np.save(path, a.astype('float32'))"},
      {1, "'<U5'", ": dtype '<U5' (text) is not read; convert it with np.save(path, a.astype('float32'))"},
      {2, "'<c8'", ": dtype '<c8' (complex numbers) is not read; convert it with np.save(path, a.astype('float32'))"},
      {1, "'<M8[ns]'", ": dtype '<M8[ns]' (times) is not read; convert it with np.save(path, a.astype('float32'))"},
      {1, "'<f16'", ": dtype '<f16' (long reals) is not read; convert it with np.save(path, a.astype('float32'))"},
      {1, "'<f4x'", ": dtype '<f4x' (long reals) is not read; convert it with np.save(path, a.astype('float32'))"},
      {1, "''", ": dtype '' (unknown) is not read; convert it with np.save(path, a.astype('float32'))"},
      {3, "[('\xce\xb8_1', '<f8'), ('b', '<f4', (2,))]",
       ": dtype [('\xce\xb8_1', '<f8'), ('b', '<f4', (2,))] (structured, numbers with names) is not read; convert it with "
       "np.save(path, np.lib.recfunctions.structured_to_unstructured(a).astype('float32'))"},
  };
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(known); i++) {
    const char *dictionary = arena_print(f.arena, "{'descr': %s, 'fortran_order': False, 'shape': (1,), }", known[i].descr);
    refused(put_npy(&f, known[i].version, dictionary, "12345678", 8), EBB_E_UNSUPPORTED, known[i].ending);
  }
  refused(put_npy(&f, 4, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "1234", 4), EBB_E_UNSUPPORTED,
          ": .npy version 4.0 is unknown, expected 1.0, 2.0 or 3.0; save it again with np.save(path, a)");
  refused(put_npy(&f, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "1", 1), EBB_E_UNSUPPORTED,
          ": the array has more than 8 dimensions; reshape it, as in np.save(path, a.reshape(len(a), -1))");
  refused(put(&f, "a.npz", "PK\x03\x04........", 12), EBB_E_IO,
          ": is not a .npy file but an archive of several (.npz); save one array with np.save(path, a)");
  refused(put(&f, "a.npy", "1,2,3\n", 6), EBB_E_IO, ": is not a .npy file; save one array with np.save(path, a)");
  folder_end(&f);
}

static void a_damaged_header_is_refused_with_what_was_expected(void) {
  static const struct {
    const char *dictionary, *expected;
  } known[] = {
      {"", "a dictionary"},
      {"['descr']", "a dictionary"},
      {"{'descr': '<f4', 'fortran_order': False, }", "the keys 'descr', 'fortran_order' and 'shape'"},
      {"{'descr': '<f4', 'descr': '<f4', }", "the keys 'descr', 'fortran_order' and 'shape', each once"},
      {"{'dtype': '<f4', }", "the keys 'descr', 'fortran_order' and 'shape', each once"},
      {"{'descr': <f4, }", "a quoted dtype after 'descr'"},
      {"{'descr': '<f4, }", "a quoted dtype after 'descr'"},
      {"{'descr': '<f4' 'shape': (1,), }", "a comma or } after a value"},
      {"{'fortran_order': 0, }", "True or False after 'fortran_order'"},
      {"{'shape': [1], }", "a tuple after 'shape'"},
      {"{'shape': (-1,), }", "whole numbers in 'shape'"},
      {"{'shape': (1 2), }", "a comma or ) in 'shape'"},
      {"{'shape': (1,", "whole numbers in 'shape'"},
      {"{'shape': (9223372036854775808,), }", "a shape of numbers below 2^63"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + x", "nothing after the dictionary"},
      {"{'descr'", "a quoted key and a colon"},
      {"{'descr", "a quoted key and a colon"},
  };
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(known); i++) {
    const char *ending =
        arena_print(f.arena, ": the .npy header cannot be read: expected %s; save the array again with np.save(path, a)", known[i].expected);
    refused(put_npy(&f, 1, known[i].dictionary, "1234", 4), EBB_E_IO, ending);
  }
  folder_end(&f);
}

/* A19: (128, 2) float64 with a header as NumPy pads it, cut everywhere. */
static void a_file_that_was_cut_is_refused_with_both_sizes(void) {
  Folder f = folder_begin();
  char dictionary[118];
  memset(dictionary, ' ', sizeof dictionary);
  static const char text[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (128, 2), }";
  memcpy(dictionary, text, sizeof text - 1);
  dictionary[117] = '\0';
  char *data = calloc(1, 2049);
  Str s = npy_bytes(1, dictionary, data, 2049);
  CU_ASSERT_EQUAL(s.length, 128 + 2049);
  static const struct {
    size_t size;
    const char *ending;
  } known[] = {
      {0, ": the file is empty, expected a .npy array"},
      {5, ": the file ends after 5 bytes, inside the .npy magic; it was cut short"},
      {7, ": the file ends after 7 bytes, inside the .npy magic; it was cut short"},
      {9, ": the file ends after 9 bytes, before the length of its header; it was cut short"},
      {64, ": expected a header of 118 bytes, found 54; the file was cut short"},
      {127, ": expected a header of 118 bytes, found 117; the file was cut short"},
      {128, ": expected (128, 2) = 2048 bytes after the header, found 0"},
      {128 + 1024, ": expected (128, 2) = 2048 bytes after the header, found 1024"},
      {128 + 2047, ": expected (128, 2) = 2048 bytes after the header, found 2047"},
      {128 + 2049, ": expected (128, 2) = 2048 bytes after the header, found 2049"},
  };
  for (size_t i = 0; i < COUNT(known); i++) refused(put(&f, "x.npy", s.text, known[i].size), EBB_E_IO, known[i].ending);
  Npy a;
  CU_ASSERT_EQUAL(npy_open(put(&f, "x.npy", s.text, 128 + 2048), &a), EBB_OK);
  npy_close(&a);
  for (size_t n = 0; n < s.length; n++) { /* whatever the place: refused, unless whole */
    EbbStatus status = npy_open(put(&f, "y.npy", s.text, n), &a);
    CU_ASSERT_EQUAL(status == EBB_OK, n == 128 + 2048);
    if (status == EBB_OK) npy_close(&a);
    if (n == 140) n = 128 + 2040;
  }
  CU_ASSERT_EQUAL(npy_open(path_join(f.arena, f.path, "none.npy"), &a), EBB_E_IO);
  str_free(&s);
  free(data);
  folder_end(&f);
}

static void sizes_beyond_any_file_are_refused_before_memory_is_taken(void) {
  Folder f = folder_begin();
  refused(put_npy(&f, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", "1234", 4), EBB_E_IO,
          ": expected (9223372036854775807, 9) of 8 bytes each after the header, more than any file holds, found 4 bytes");
  /* 2^32 x 2^32 = 2^64, which is 0 modulo 2^64 */
  refused(put_npy(&f, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "", 0), EBB_E_IO,
          ": expected (4294967296, 4294967296) of 1 bytes each after the header, more than any file holds, found 0 bytes");
  refused(put_npy(&f, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "1234", 4), EBB_E_IO,
          ": expected (1000000000000,) = 4000000000000 bytes after the header, found 4");
  folder_end(&f);
}

static void an_array_of_zero_rows_is_fine(void) {
  static const char *const shapes[] = {"(0, 2)", "(0,)", "(9223372036854775807, 9, 0)"};
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(shapes); i++)
    for (int fortran = 0; fortran < 2; fortran++) {
      const char *dictionary = arena_print(f.arena, "{'descr': '<f8', 'fortran_order': %s, 'shape': %s, }", fortran ? "True" : "False", shapes[i]);
      Npy a;
      double value;
      CU_ASSERT_EQUAL_FATAL(npy_open(put_npy(&f, 1, dictionary, "", 0), &a), EBB_OK);
      CU_ASSERT_EQUAL(a.size, 0);
      CU_ASSERT_PTR_NULL(a.data);
      CU_ASSERT_EQUAL(npy_get_f64(&a, 0, 0, &value), EBB_OK);
      CU_ASSERT_EQUAL(npy_get_f64(&a, 0, 1, &value), EBB_E_SHAPE);
      CU_ASSERT_STRING_EQUAL(npy_shape_text(f.arena, &a), shapes[i]);
      npy_close(&a);
    }
  refused(put_npy(&f, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2), }", "x", 1), EBB_E_IO,
          ": expected (0, 2) = 0 bytes after the header, found 1");
  folder_end(&f);
}

static void what_is_written_is_byte_for_byte_as_numpy_does(void) {
  Folder f = folder_begin();
  const char *path = path_join(f.arena, f.path, "w.npy");
  const int64_t shape[] = {3, 2};
  const float six[] = {1, 2, 3, 4, 5, 6};
  char *text, expected[128 + 24];
  size_t size;
  /* np.save of np.array([[1,2],[3,4],[5,6]], '<f4'): 128 bytes of header, length 118 = 0x76 */
  memset(expected, ' ', 128);
  memcpy(expected, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 69);
  expected[127] = '\n';
  memcpy(expected + 128, six, 24);
  CU_ASSERT_EQUAL(npy_write_f32(path, 2, shape, six), EBB_OK);
  CU_ASSERT_EQUAL(file_read(f.arena, path, 1000, &text, &size), EBB_OK);
  CU_ASSERT(size == sizeof expected && memcmp(text, expected, size) == 0);
  Npy a;
  CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
  CU_ASSERT_PTR_NOT_NULL(npy_f32(&a));
  CU_ASSERT_EQUAL((uintptr_t)a.data % 64, 0);
  CU_ASSERT_EQUAL(memcmp(npy_f32(&a), six, sizeof six), 0);
  npy_close(&a);

  double value;
  CU_ASSERT_EQUAL(npy_write_f64(path, 1, (const int64_t[]){6}, one_to_six), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
  CU_ASSERT(a.type == NPY_F64 && a.ndim == 1 && a.shape[0] == 6 && !a.fortran && !a.swapped);
  CU_ASSERT_STRING_EQUAL(npy_shape_text(f.arena, &a), "(6,)");
  CU_ASSERT_EQUAL(memcmp(a.data, one_to_six, sizeof one_to_six), 0);
  npy_close(&a);
  CU_ASSERT_EQUAL(npy_write_u8(path, 0, NULL, (const uint8_t[]){7}), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
  CU_ASSERT(a.type == NPY_U8 && a.ndim == 0 && npy_get_f64(&a, 0, 1, &value) == EBB_OK && value == 7);
  npy_close(&a);
  CU_ASSERT_EQUAL(npy_write_f32(path, 2, (const int64_t[]){0, 5}, NULL), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
  CU_ASSERT(a.size == 0 && a.shape[1] == 5);
  npy_close(&a);
  const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  CU_ASSERT_EQUAL(npy_write_f32(path, 9, nine, six), EBB_E_SHAPE);
  CU_ASSERT_EQUAL(folder_entries(&f), 1);
  folder_end(&f);
}

static void a_header_alone_starts_a_stream(void) {
  static const NpyType types[] = {NPY_F32, NPY_F64, NPY_F16, NPY_I8, NPY_I16, NPY_I32, NPY_I64, NPY_U8, NPY_U16, NPY_U32, NPY_U64, NPY_BOOL};
  static const size_t sizes[] = {4, 8, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1};
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(types); i++) {
    const char *path = path_join(f.arena, f.path, "s.npy");
    FileWriter *w;
    const int64_t shape[8] = {1, 1, 1, 1, 1, 1, 1, 3};
    CU_ASSERT_EQUAL(file_begin(path, &w), EBB_OK);
    CU_ASSERT_EQUAL(npy_header(file_stream(w), types[i], 8, shape), EBB_OK);
    CU_ASSERT_EQUAL(ftell(file_stream(w)) % 64, 0);
    for (size_t k = 0; k < 3 * sizes[i]; k++) fputc(0, file_stream(w));
    CU_ASSERT_EQUAL(file_commit(w), EBB_OK);
    Npy a;
    CU_ASSERT_EQUAL_FATAL(npy_open(path, &a), EBB_OK);
    CU_ASSERT_EQUAL(a.type, types[i]);
    npy_close(&a);
  }
  folder_end(&f);
}

static void a_table_is_read_from_npy(void) {
  Folder f = folder_begin();
  Table t;
  CU_ASSERT_EQUAL(table_read(f.arena, put_npy(&f, 1, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", columns_first, 48), &t), EBB_OK);
  CU_ASSERT(t.rows == 3 && t.columns == 2 && t.name == NULL && memcmp(t.value, one_to_six, 48) == 0);
  CU_ASSERT_EQUAL(table_read(f.arena, put_npy(&f, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }", one_to_six, 48), &t), EBB_OK);
  CU_ASSERT(t.rows == 1 && t.columns == 6 && memcmp(t.value, one_to_six, 48) == 0);
  CU_ASSERT_EQUAL(table_read(f.arena, put_npy(&f, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 6), }", "", 0), &t), EBB_OK);
  CU_ASSERT(t.rows == 0 && t.columns == 6);
  CU_ASSERT_EQUAL(table_read(f.arena, put_npy(&f, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3), }", one_to_six, 48), &t),
                  EBB_E_SHAPE);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), ": the array is (1, 2, 3), expected a table (rows, columns) or one row (columns,)"));
  CU_ASSERT_EQUAL(table_read(f.arena, put(&f, "x.txt", "1", 1), &t), EBB_E_CONFIG);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "expected a name that ends in .npy or .csv"));
  folder_end(&f);
}

static void a_table_is_read_from_csv(void) {
  static const char *const texts[] = {
      "a,theta 1\n1,2\n3,4\n5,6\n",
      "a,theta 1\r\n1,2\r\n3,4\r\n5,6",
      "\xEF\xBB\xBF\"a\" , \"theta 1\"\n 1 ,\t2\n\n3,\"4\"\n5e0,+0.6e1\n\n  \n",
      "a,theta 1\r1,2\r3,4\r5,6\r",
  };
  Folder f = folder_begin();
  Table t;
  for (size_t i = 0; i < COUNT(texts); i++) {
    EbbStatus status = table_read(f.arena, put(&f, "t.csv", texts[i], strlen(texts[i])), &t);
    if (status != EBB_OK) printf("\n    case %zu: %s\n", i, fail_text());
    CU_ASSERT_EQUAL_FATAL(status, EBB_OK);
    CU_ASSERT(t.rows == 3 && t.columns == 2);
    CU_ASSERT_EQUAL(memcmp(t.value, one_to_six, 48), 0);
    CU_ASSERT_STRING_EQUAL(t.name[0], "a");
    CU_ASSERT_STRING_EQUAL(t.name[1], "theta 1");
  }
  static const char special[] = "\"say \"\"x\"\", then\",b\nnan,-inf\n";
  CU_ASSERT_EQUAL_FATAL(table_read(f.arena, put(&f, "t.csv", special, sizeof special - 1), &t), EBB_OK);
  CU_ASSERT_STRING_EQUAL(t.name[0], "say \"x\", then");
  CU_ASSERT(t.rows == 1 && isnan(t.value[0]) && t.value[1] == -INFINITY);
  CU_ASSERT_EQUAL(table_read(f.arena, put(&f, "t.csv", "a,b", 3), &t), EBB_OK);
  CU_ASSERT(t.rows == 0 && t.columns == 2);
  folder_end(&f);
}

static void a_bad_csv_is_refused_with_its_place(void) {
  static const struct {
    const char *text, *ending;
  } known[] = {
      {"", ".csv: the file is empty, expected a line of names and rows of numbers"},
      {"\n \n", ".csv: the file is empty, expected a line of names and rows of numbers"},
      {"1,2\n3,4\n", ".csv:1:1: the first line holds numbers, expected the names of the columns"},
      {"a,b\n1,2\n3,x y\n", ".csv:3:3: \"x y\" in column \"b\" is not a number (decimal point, no thousands marks)"},
      {"a,b\n1,\n", ".csv:2:3: \"\" in column \"b\" is not a number (decimal point, no thousands marks)"},
      {"a,b\n1,0x10\n", ".csv:2:3: \"0x10\" in column \"b\" is not a number (decimal point, no thousands marks)"},
      {"a,b\n\n1,2,3\n", ".csv:3:4: the row has more than the 2 fields of the first line"},
      {"a,b\n1\n", ".csv:2:2: the row has fewer than the 2 fields of the first line"},
      {"a,a\n1,2\n", ".csv:1:3: the column \"a\" stands twice"},
      {"a,,b\n1,2,3\n", ".csv:1:3: column 2 has no name"},
      {"a;b\n1;2\n", ".csv:1:1: the names are separated by ';', expected commas"},
      {"a,\"b\n1,2\n", ".csv:1:3: a quoted field is not closed on its line"},
      {"a,\"b\"c\n1,2\n", ".csv:1:6: expected a comma or the end of the line after a quoted field"},
      {"a,\xff\n1,2\n", ".csv: the byte at 2 is not UTF-8 text; save the table as UTF-8"},
  };
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(known); i++) {
    Table t;
    EbbStatus status = table_read(f.arena, put(&f, "t.csv", known[i].text, strlen(known[i].text)), &t);
    size_t n = strlen(fail_text()), m = strlen(known[i].ending);
    bool same = status == EBB_E_IO && n >= m && strcmp(fail_text() + n - m, known[i].ending) == 0;
    if (!same) printf("\n    case %zu: %d, %s\n", i, (int)status, fail_text());
    CU_ASSERT_TRUE(same);
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"every version and both orders are read", every_version_and_both_orders_are_read},
    {"three dimensions in Fortran order are read from anywhere", three_dimensions_in_fortran_order_are_read_from_anywhere},
    {"every type is converted", every_type_is_converted},
    {"half and big-endian NaN stay NaN", half_and_big_endian_nan_stay_nan},
    {"what is no array of numbers is refused by name", what_is_no_array_of_numbers_is_refused_by_name},
    {"a damaged header is refused with what was expected", a_damaged_header_is_refused_with_what_was_expected},
    {"a file that was cut is refused with both sizes", a_file_that_was_cut_is_refused_with_both_sizes},
    {"sizes beyond any file are refused before memory is taken", sizes_beyond_any_file_are_refused_before_memory_is_taken},
    {"an array of zero rows is fine", an_array_of_zero_rows_is_fine},
    {"what is written is byte for byte as NumPy does", what_is_written_is_byte_for_byte_as_numpy_does},
    {"a header alone starts a stream", a_header_alone_starts_a_stream},
    {"a table is read from .npy", a_table_is_read_from_npy},
    {"a table is read from .csv", a_table_is_read_from_csv},
    {"a bad .csv is refused with its place", a_bad_csv_is_refused_with_its_place},
};
TEST_MAIN("npy", tests)
