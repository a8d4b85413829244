/* SPDX-License-Identifier: MIT
 *
 * safetensors files: what is written comes back, the layout others rely on, and every way in which a file can be wrong. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "model/safetensors.h"
#include "test.h"

static char *in(const Folder *f, const char *name) { return path_join(f->arena, f->path, name); }

/* A file from a hand-made header and n bytes of data. */
static char *hand_made(const Folder *f, const char *header, size_t claimed, size_t n) {
  size_t length = strlen(header), size = 8 + length + n;
  unsigned char *bytes = arena_alloc(f->arena, size);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)claimed >> (8 * i));
  memcpy(bytes + 8, header, length);
  for (size_t i = 0; i < n; i++) bytes[8 + length + i] = (unsigned char)i;
  char *path = in(f, "hand_made.safetensors");
  CU_ASSERT_EQUAL_FATAL(file_write(path, bytes, size), EBB_OK);
  return path;
}

static bool refused(const Folder *f, const char *path, const char *says) {
  SafeFile file;
  fail_clear();
  EbbStatus s = safetensors_open(f->arena, path, &file);
  bool good = s != EBB_OK && strstr(fail_text(), says) != NULL && strstr(fail_text(), path) != NULL;
  if (!good) printf("\n  status %d, \"%s\" does not say \"%s\"", s, fail_text(), says);
  if (s == EBB_OK) safetensors_close(&file);
  return good;
}

static const uint8_t flags[] = {1, 0, 1};
static const float weights[] = {1.5f, -2, 3, 4, 5, 6e-30f};
static const int64_t counts[] = {-1, INT64_MAX};
static const double loss = 0.1;
static const SafeTensor four[] = {
    {"flags", "U8", 1, {3}, flags, sizeof flags},
    {"a.weight", "F32", 2, {2, 3}, weights, sizeof weights},
    {"counts", "I64", 1, {2}, counts, sizeof counts},
    {"loss", "F64", 0, {0}, &loss, sizeof loss},
};
/* A20 */
static const SafeMeta texts[] = {
    {"spec", "name: \"two moons\"\n\ttitle: 'caf\xc3\xa9 \xce\xb8 \xf0\x9f\x94\xa5'\r\npath: C:\\x\n\x01"},
    {"seed", "18446744073709551615"},
    {"loss", "NaN"},
    {"\"key\"\n", ""},
};

static void what_is_written_comes_back(void) {
  Folder f = folder_begin();
  char *path = in(&f, "model.safetensors");
  CU_ASSERT_EQUAL_FATAL(safetensors_write(path, four, COUNT(four), texts, COUNT(texts)), EBB_OK);
  SafeFile file;
  CU_ASSERT_EQUAL_FATAL(safetensors_open(f.arena, path, &file), EBB_OK);
  CU_ASSERT(file.n == COUNT(four) && file.meta_n == COUNT(texts));
  for (size_t i = 0; i < COUNT(four); i++) {
    const SafeTensor *t = safetensors_get(&file, four[i].name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_STRING_EQUAL(t->dtype, four[i].dtype);
    CU_ASSERT(t->ndim == four[i].ndim && t->bytes == four[i].bytes && !memcmp(t->data, four[i].data, t->bytes));
    CU_ASSERT(!memcmp(t->shape, four[i].shape, (size_t)t->ndim * sizeof *t->shape));
  }
  for (size_t i = 0; i < COUNT(texts); i++) CU_ASSERT_STRING_EQUAL(safetensors_meta(&file, texts[i].key), texts[i].value);
  CU_ASSERT(safetensors_get(&file, "none") == NULL && safetensors_meta(&file, "none") == NULL && safetensors_get(&file, "__metadata__") == NULL);
  safetensors_close(&file);
  CU_ASSERT_EQUAL(folder_entries(&f), 1);
  folder_end(&f);
}

/* Byte for byte: length, header, spaces to a multiple of 8, numbers by falling size. */
static void the_bytes_are_those_of_the_format(void) {
  static const char header[] = "{\"__metadata__\":{\"seed\":\"1\"},\"counts\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                               "\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]},"
                               "\"flags\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[40,43]}}";
  const SafeMeta seed = {"seed", "1"};
  Folder f = folder_begin();
  char *path = in(&f, "model.safetensors"), *text;
  size_t size, padded = (sizeof header - 1 + 7) / 8 * 8;
  CU_ASSERT_EQUAL_FATAL(safetensors_write(path, four, 3, &seed, 1), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(file_read(f.arena, path, 1 << 20, &text, &size), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(size, 8 + padded + 43);
  CU_ASSERT_EQUAL((unsigned char)text[0] + 256 * (unsigned char)text[1], (int)padded);
  for (int i = 2; i < 8; i++) CU_ASSERT_EQUAL(text[i], 0);
  CU_ASSERT(!memcmp(text + 8, header, sizeof header - 1));
  for (size_t i = sizeof header - 1; i < padded; i++) CU_ASSERT_EQUAL(text[8 + i], ' ');
  CU_ASSERT(!memcmp(text + 8 + padded, counts, 16) && !memcmp(text + 8 + padded + 16, weights, 24) && !memcmp(text + 8 + padded + 40, flags, 3));
  folder_end(&f);
}

static void one_small_tensor_and_empty_ones_are_fine(void) {
  Folder f = folder_begin();
  char *path = in(&f, "small.safetensors");
  const float one = 7;
  const SafeTensor t[] = {{"w", "F32", 2, {1, 1}, &one, 4}, {"none", "F32", 2, {0, 5}, NULL, 0}};
  SafeFile file;
  for (size_t n = 1; n <= 2; n++) {
    CU_ASSERT_EQUAL_FATAL(safetensors_write(path, t, n, NULL, 0), EBB_OK);
    CU_ASSERT_EQUAL_FATAL(safetensors_open(f.arena, path, &file), EBB_OK);
    CU_ASSERT(file.n == n && file.meta_n == 0 && *(const float *)safetensors_get(&file, "w")->data == 7);
    if (n == 2) CU_ASSERT(safetensors_get(&file, "none")->bytes == 0 && safetensors_get(&file, "none")->shape[1] == 5);
    safetensors_close(&file);
  }
  folder_end(&f);
}

static void nothing_is_written_that_others_refuse(void) {
  Folder f = folder_begin();
  char *path = in(&f, "bad.safetensors");
  const float one = 7;
  const SafeTensor good = {"w", "F32", 2, {1, 1}, &one, 4}, twice[] = {good, good};
  static const struct {
    const char *name, *dtype;
    int64_t ndim, shape[4];
    size_t bytes;
    const char *says;
  } bad[] = {
      {"w", "F33", 1, {1}, 4, "unknown type F33"},        {"w", "F32", 1, {2}, 4, "has 4 bytes, expected 8"},
      {"w", "F32", 1, {-1}, 4, "negative or too large"},  {"w", "F32", 5, {1}, 4, "5 dimensions"},
      {"__metadata__", "F32", 1, {1}, 4, "__metadata__"}, {"\xff", "F32", 1, {1}, 4, "not UTF-8"},
      {"w", "F32", 2, {INT64_MAX, 16}, 4, "too large"},
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    SafeTensor t = {bad[i].name, bad[i].dtype, bad[i].ndim, {0}, &one, bad[i].bytes};
    memcpy(t.shape, bad[i].shape, sizeof t.shape);
    fail_clear();
    CU_ASSERT(safetensors_write(path, &t, 1, NULL, 0) != EBB_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), bad[i].says));
  }
  const SafeMeta not_text = {"k", "\xc3("}, same[] = {{"k", "a"}, {"k", "b"}};
  CU_ASSERT(safetensors_write(path, twice, 2, NULL, 0) != EBB_OK && strstr(fail_text(), "two tensors are named \"w\""));
  CU_ASSERT(safetensors_write(path, &good, 1, &not_text, 1) != EBB_OK && strstr(fail_text(), "k is not UTF-8"));
  CU_ASSERT(safetensors_write(path, &good, 1, same, 2) != EBB_OK && strstr(fail_text(), "two metadata values"));
  CU_ASSERT(safetensors_write(path, &good, 0, NULL, 0) != EBB_OK && strstr(fail_text(), "without tensors"));
  CU_ASSERT_EQUAL(folder_entries(&f), 0);
  CU_ASSERT_EQUAL(safetensors_write(in(&f, "none/x.safetensors"), &good, 1, NULL, 0), EBB_E_IO);
  folder_end(&f);
}

/* Offsets, shapes, dtypes, metadata; each header claims its true length and 8 bytes of data follow. */
static void faults_of_a_header_are_named(void) {
  static const struct {
    const char *header, *says;
  } bad[] = {
      {"{\"__metadata__\":{\"seed\":1},\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "the metadata value \"seed\" is not text"},
      {"{\"__metadata__\":[],\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "not an object of texts"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
       "tensor \"b\" begins at byte 2 of the data, which overlaps the one before; expected 4"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
       "tensor \"b\" begins at byte 4 of the data, which leaves a gap; expected 2"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "leaves a gap"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "ends at byte 16 of the data, but there are 8; the file is cut off"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "4 bytes follow the last tensor"},
      {"{}", "8 bytes follow the last tensor"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "its shape and dtype do not give"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4,2],\"data_offsets\":[0,8]}}", "its shape and dtype do not give"},
      {"{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", "unknown dtype \"F31\""},
      {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "has no dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", "has no shape"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "has no data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "has no data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", "has no data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", "not a list of whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "not a list of whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}", "not a list of whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]}}", "more than 4 dimensions"},
      {"{\"a\":7}", "has no dtype"},
      {"[1]", "not an object of tensors"},
      {"{\"a\":", ":1:6: "},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "a"},
  };
  Folder f = folder_begin();
  for (size_t i = 0; i < COUNT(bad); i++) CU_ASSERT(refused(&f, hand_made(&f, bad[i].header, strlen(bad[i].header), 8), bad[i].says));
  folder_end(&f);
}

static void a_file_cut_anywhere_is_refused(void) {
  Folder f = folder_begin();
  char *path = in(&f, "model.safetensors"), *cut = in(&f, "cut.safetensors"), *text;
  size_t size;
  CU_ASSERT_EQUAL_FATAL(safetensors_write(path, four, COUNT(four), texts, COUNT(texts)), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(file_read(f.arena, path, 1 << 20, &text, &size), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(file_write(cut, text, size), EBB_OK);
  for (size_t n = size; n-- > 0;) {
    SafeFile file;
    CU_ASSERT_EQUAL_FATAL(truncate(cut, (off_t)n), 0);
    CU_ASSERT(safetensors_open(f.arena, cut, &file) != EBB_OK);
    CU_ASSERT(file.map.data == NULL && file.tensors == NULL);
  }
  CU_ASSERT(refused(&f, hand_made(&f, "{}", 50, 3), "the header should have 50 bytes, found 5; the file is cut off"));
  CU_ASSERT(refused(&f, hand_made(&f, "{}", (size_t)1 << 40, 3), "this is not a safetensors file"));
  CU_ASSERT(refused(&f, hand_made(&f, "{}", SIZE_MAX, 3), "this is not a safetensors file"));
  CU_ASSERT(refused(&f, in(&f, "absent"), "absent"));
  folder_end(&f);
}

/* Others' files need not be aligned: header of odd length, F32 after U8. */
static void unaligned_numbers_are_read(void) {
  static const char header[] =
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[3,11]}}";
  for (size_t blanks = 0; blanks < 8; blanks++) {
    Folder f = folder_begin();
    char *text = arena_print(f.arena, "%s%.*s", header, (int)blanks, "        ");
    SafeFile file;
    CU_ASSERT_EQUAL_FATAL(safetensors_open(f.arena, hand_made(&f, text, strlen(text), 11), &file), EBB_OK);
    const SafeTensor *b = safetensors_get(&file, "b");
    CU_ASSERT_EQUAL((uintptr_t)b->data % 4, 0);
    static const unsigned char known[] = {3, 4, 5, 6, 7, 8, 9, 10};
    CU_ASSERT(!memcmp(b->data, known, 8));
    safetensors_close(&file);
    folder_end(&f);
  }
}

static const Test tests[] = {
    {"what is written comes back", what_is_written_comes_back},
    {"the bytes are those of the format", the_bytes_are_those_of_the_format},
    {"one small tensor and empty ones are fine", one_small_tensor_and_empty_ones_are_fine},
    {"nothing is written that others refuse", nothing_is_written_that_others_refuse},
    {"faults of a header are named", faults_of_a_header_are_named},
    {"a file cut anywhere is refused", a_file_cut_anywhere_is_refused},
    {"unaligned numbers are read", unaligned_numbers_are_read},
};
TEST_MAIN("safetensors", tests)
