/* SPDX-License-Identifier: MIT
 *
 * Writing and reading safetensors files. The official reader refuses gaps and unaligned data are slow or forbidden to read in place: tensors are
 * therefore laid out by falling element size (8, 4, 2, 1 bytes), in the caller's order within a size, which aligns every one without a gap. It also
 * refuses metadata that is not text, and some versions of it a file without tensors, so that neither is written. Machines are little-endian. */
#include "model/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const size_t LONGEST_HEADER = 100000000; /* what the official reader takes */
static const char METADATA[] = "__metadata__";

/* 0: unknown */
static size_t dtype_size(const char *dtype) {
  static const struct {
    const char *name;
    size_t size;
  } known[] = {{"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4},  {"U32", 4},     {"F16", 2},    {"BF16", 2},
               {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (size_t i = 0; i < COUNT(known); i++)
    if (!strcmp(dtype, known[i].name)) return known[i].size;
  return 0;
}

/* Bytes of a shape; false if negative or too many. */
static bool shape_bytes(const int64_t *shape, int64_t ndim, size_t size, size_t *bytes) {
  *bytes = size;
  bool fits = true;
  for (int64_t i = 0; i < ndim; i++) {
    if (shape[i] < 0) return false;
    fits = !__builtin_mul_overflow(*bytes, (size_t)shape[i], bytes) && fits;
  }
  return fits;
}

static EbbStatus check_tensor(const char *path, const SafeTensor *t) {
  size_t size = dtype_size(t->dtype), bytes;
  if (!size) return fail(EBB_E_UNSUPPORTED, "%s: tensor \"%s\" has the unknown type %s", path, t->name, t->dtype);
  if (t->ndim < 0 || t->ndim > (int64_t)COUNT(t->shape))
    return fail(EBB_E_SHAPE, "%s: tensor \"%s\" has %" PRId64 " dimensions, expected at most %zu", path, t->name, t->ndim, COUNT(t->shape));
  if (!shape_bytes(t->shape, t->ndim, size, &bytes))
    return fail(EBB_E_SHAPE, "%s: the shape of tensor \"%s\" is negative or too large", path, t->name);
  if (bytes != t->bytes)
    return fail(EBB_E_SHAPE, "%s: tensor \"%s\" has %zu bytes, expected %zu by its shape and type", path, t->name, t->bytes, bytes);
  return EBB_OK;
}

static EbbStatus check_text(const char *path, const char *what, const char *text) {
  size_t at;
  if (utf8_valid(text, strlen(text), &at)) return EBB_OK;
  return fail(EBB_E_IO, "%s: %s is not UTF-8 at byte %zu, which the format requires", path, what, at);
}

static EbbStatus check_all(const char *path, const SafeTensor *tensors, size_t n, const SafeMeta *meta, size_t meta_n) {
  if (n == 0) return fail(EBB_E_UNSUPPORTED, "%s: a file without tensors cannot be read by others; nothing was written", path);
  for (size_t i = 0; i < n; i++) {
    EbbStatus s = check_text(path, "a tensor's name", tensors[i].name);
    if (!s) s = check_tensor(path, &tensors[i]);
    if (s) return s;
    if (!strcmp(tensors[i].name, METADATA)) return fail(EBB_E_CONFIG, "%s: no tensor may be named %s", path, METADATA);
    for (size_t j = 0; j < i; j++)
      if (!strcmp(tensors[i].name, tensors[j].name)) return fail(EBB_E_CONFIG, "%s: two tensors are named \"%s\"", path, tensors[i].name);
  }
  for (size_t i = 0; i < meta_n; i++) {
    EbbStatus s = check_text(path, "a metadata key", meta[i].key);
    if (!s) s = check_text(path, meta[i].key, meta[i].value);
    if (s) return s;
    for (size_t j = 0; j < i; j++)
      if (!strcmp(meta[i].key, meta[j].key)) return fail(EBB_E_CONFIG, "%s: two metadata values are named \"%s\"", path, meta[i].key);
  }
  return EBB_OK;
}

static void put_header(JsonWriter *w, const SafeTensor *const *order, size_t n, const SafeMeta *meta, size_t meta_n) {
  json_begin_object(w);
  if (meta_n) {
    json_key(w, METADATA);
    json_begin_object(w);
    for (size_t i = 0; i < meta_n; i++) {
      json_key(w, meta[i].key);
      json_put_string(w, meta[i].value);
    }
    json_end_object(w);
  }
  int64_t at = 0;
  for (size_t i = 0; i < n; i++) {
    const SafeTensor *t = order[i];
    json_key(w, t->name);
    json_begin_object(w);
    json_key(w, "dtype");
    json_put_string(w, t->dtype);
    json_key(w, "shape");
    json_begin_list(w);
    for (int64_t d = 0; d < t->ndim; d++) json_put_int(w, t->shape[d]);
    json_end_list(w);
    json_key(w, "data_offsets");
    json_begin_list(w);
    json_put_int(w, at);
    at += (int64_t)t->bytes;
    json_put_int(w, at);
    json_end_list(w);
    json_end_object(w);
  }
  json_end_object(w);
  while (w->out.length % 8) str_add(&w->out, " ");
}

static EbbStatus write_out(const char *path, const Str *header, const SafeTensor *const *order, size_t n) {
  FileWriter *file;
  EbbStatus s = file_begin(path, &file);
  if (s) return s;
  FILE *stream = file_stream(file);
  unsigned char length[8];
  for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)header->length >> (8 * i));
  errno = 0;
  bool good = fwrite(length, 1, 8, stream) == 8 && fwrite(header->text, 1, header->length, stream) == header->length;
  for (size_t i = 0; i < n && good; i++) good = order[i]->bytes == 0 || fwrite(order[i]->data, 1, order[i]->bytes, stream) == order[i]->bytes;
  if (good) return file_commit(file);
  s = fail(EBB_E_IO, "%s: cannot be written: %s", path, strerror(errno));
  file_abandon(file);
  return s;
}

EbbStatus safetensors_write(const char *path, const SafeTensor *tensors, size_t n, const SafeMeta *meta, size_t meta_n) {
  EbbStatus s = check_all(path, tensors, n, meta, meta_n);
  if (s) return s;
  Arena *arena = arena_new();
  const SafeTensor **order = ARENA_ARRAY(arena, const SafeTensor *, n);
  size_t placed = 0;
  for (size_t size = 8; size > 0; size /= 2)
    for (size_t i = 0; i < n; i++)
      if (dtype_size(tensors[i].dtype) == size) order[placed++] = &tensors[i];
  JsonWriter header = {.compact = true};
  put_header(&header, order, n, meta, meta_n);
  if (header.out.length > LONGEST_HEADER)
    s = fail(EBB_E_UNSUPPORTED, "%s: a header of %zu bytes cannot be read by others, expected at most %zu", path, header.out.length, LONGEST_HEADER);
  else
    s = write_out(path, &header.out, order, n);
  str_free(&header.out);
  arena_free(arena);
  return s;
}

/* A tensor while its file is being read: where it lies in the data. */
typedef struct Entry {
  SafeTensor tensor;
  uint64_t begin, end;
} Entry;

static bool whole_number(const Json *j, uint64_t *out) {
  if (j->type != JSON_NUMBER || !*j->text || strspn(j->text, "0123456789") != strlen(j->text)) return false;
  errno = 0;
  *out = strtoull(j->text, NULL, 10);
  return errno == 0 && *out <= INT64_MAX;
}

static EbbStatus read_entry(const char *path, const Json *j, Entry *out) {
  const char *name = j->key;
  const Json *dtype = json_get(j, "dtype"), *shape = json_get(j, "shape"), *offsets = json_get(j, "data_offsets");
  if (!dtype || dtype->type != JSON_STRING) return fail(EBB_E_IO, "%s: tensor \"%s\" has no dtype, expected text such as \"F32\"", path, name);
  if (!dtype_size(dtype->text)) return fail(EBB_E_UNSUPPORTED, "%s: tensor \"%s\" has the unknown dtype \"%s\"", path, name, dtype->text);
  if (!shape || shape->type != JSON_LIST) return fail(EBB_E_IO, "%s: tensor \"%s\" has no shape, expected a list of whole numbers", path, name);
  *out = (Entry){.tensor = {.name = name, .dtype = dtype->text}};
  SafeTensor *t = &out->tensor;
  for (const Json *d = shape->first; d; d = d->next) {
    uint64_t length;
    if (!whole_number(d, &length)) return fail(EBB_E_IO, "%s: the shape of tensor \"%s\" is not a list of whole numbers", path, name);
    if (t->ndim == (int64_t)COUNT(t->shape))
      return fail(EBB_E_UNSUPPORTED, "%s: tensor \"%s\" has more than %zu dimensions", path, name, COUNT(t->shape));
    t->shape[t->ndim++] = (int64_t)length;
  }
  const Json *begin = offsets && offsets->type == JSON_LIST ? offsets->first : NULL, *end = begin ? begin->next : NULL;
  if (!end || end->next || !whole_number(begin, &out->begin) || !whole_number(end, &out->end) || out->begin > out->end)
    return fail(EBB_E_IO, "%s: tensor \"%s\" has no data_offsets, expected two whole numbers in rising order", path, name);
  if (!shape_bytes(t->shape, t->ndim, dtype_size(t->dtype), &t->bytes) || t->bytes != out->end - out->begin)
    return fail(EBB_E_IO, "%s: tensor \"%s\" occupies %" PRIu64 " bytes, which its shape and dtype do not give", path, name, out->end - out->begin);
  return EBB_OK;
}

static EbbStatus read_meta(Arena *arena, const char *path, const Json *j, SafeFile *out) {
  if (j->type != JSON_OBJECT) return fail(EBB_E_IO, "%s: %s is not an object of texts", path, METADATA);
  for (const Json *m = j->first; m; m = m->next) {
    if (m->type != JSON_STRING) return fail(EBB_E_IO, "%s: the metadata value \"%s\" is not text; write it in quotes", path, m->key);
    out->meta_n++;
  }
  out->meta = ARENA_ARRAY(arena, SafeMeta, out->meta_n);
  size_t i = 0;
  for (const Json *m = j->first; m; m = m->next) out->meta[i++] = (SafeMeta){m->key, m->text};
  return EBB_OK;
}

static int by_offset(const void *a, const void *b) {
  const Entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* Tensors tile the data; one whose place does not suit its type is copied. */
static EbbStatus place(Arena *arena, const char *path, const unsigned char *data, size_t size, Entry *entry, SafeFile *out) {
  if (out->n) qsort(entry, out->n, sizeof *entry, by_offset);
  uint64_t at = 0;
  for (size_t i = 0; i < out->n; i++) {
    SafeTensor *t = &entry[i].tensor;
    if (entry[i].begin != at)
      return fail(EBB_E_IO, "%s: tensor \"%s\" begins at byte %" PRIu64 " of the data, which %s; expected %" PRIu64, path, t->name, entry[i].begin,
                  entry[i].begin < at ? "overlaps the one before" : "leaves a gap", at);
    if (entry[i].end > size)
      return fail(EBB_E_IO, "%s: tensor \"%s\" ends at byte %" PRIu64 " of the data, but there are %zu; the file is cut off", path, t->name,
                  entry[i].end, size);
    t->data = data + at;
    if ((uintptr_t)t->data % dtype_size(t->dtype)) {
      void *copy = arena_try(arena, t->bytes);
      if (!copy) return fail(EBB_E_MEMORY, "%s: no memory for the %zu bytes of tensor \"%s\"", path, t->bytes, t->name);
      t->data = memcpy(copy, t->data, t->bytes);
    }
    at = entry[i].end;
    out->tensors[i] = *t;
  }
  if (at != size) return fail(EBB_E_IO, "%s: %zu bytes follow the last tensor; the file is longer than its header says", path, (size_t)(size - at));
  return EBB_OK;
}

static EbbStatus read_header(Arena *arena, const char *path, SafeFile *out) {
  const FileMap *map = &out->map;
  uint64_t length = 0;
  if (map->size < 8) return fail(EBB_E_IO, "%s: %zu bytes are too few for a safetensors file", path, map->size);
  for (int i = 0; i < 8; i++) length |= (uint64_t)map->data[i] << (8 * i);
  if (length > LONGEST_HEADER) return fail(EBB_E_IO, "%s: claims a header of %" PRIu64 " bytes; this is not a safetensors file", path, length);
  if (length > map->size - 8)
    return fail(EBB_E_IO, "%s: the header should have %" PRIu64 " bytes, found %zu; the file is cut off", path, length, map->size - 8);
  Json *header;
  EbbStatus s = json_read(arena, path, (const char *)map->data + 8, (size_t)length, &header);
  if (s) return s;
  if (header->type != JSON_OBJECT) return fail(EBB_E_IO, "%s: the header is not an object of tensors", path);
  for (const Json *j = header->first; j; j = j->next) out->n += strcmp(j->key, METADATA) != 0;
  Entry *entry = ARENA_ARRAY(arena, Entry, out->n);
  out->tensors = ARENA_ARRAY(arena, SafeTensor, out->n);
  size_t i = 0;
  for (const Json *j = header->first; j && !s; j = j->next) {
    if (!strcmp(j->key, METADATA))
      s = read_meta(arena, path, j, out);
    else
      s = read_entry(path, j, &entry[i++]);
  }
  return s ? s : place(arena, path, map->data + 8 + length, map->size - 8 - (size_t)length, entry, out);
}

EbbStatus safetensors_open(Arena *arena, const char *path, SafeFile *out) {
  *out = (SafeFile){0};
  EbbStatus s = file_map(path, &out->map);
  if (s) return s;
  s = read_header(arena, path, out);
  if (s) safetensors_close(out);
  return s;
}

void safetensors_close(SafeFile *f) {
  file_unmap(&f->map);
  *f = (SafeFile){0};
}

const SafeTensor *safetensors_get(const SafeFile *f, const char *name) {
  for (size_t i = 0; i < f->n; i++)
    if (!strcmp(f->tensors[i].name, name)) return &f->tensors[i];
  return NULL;
}

const char *safetensors_meta(const SafeFile *f, const char *key) {
  for (size_t i = 0; i < f->meta_n; i++)
    if (!strcmp(f->meta[i].key, key)) return f->meta[i].value;
  return NULL;
}

EbbStatus safetensors_list(Arena *arena, const SafeFile *file, const char *path, const char *key, int64_t expected, Json **out) {
  const char *text = safetensors_meta(file, key);
  if (text == NULL) return fail(EBB_E_IO, "%s: the metadata have no %s; is this a model of Ebb's?", path, key);
  EbbStatus status = json_read(arena, arena_print(arena, "%s: %s", path, key), text, strlen(text), out);
  if (status != EBB_OK) return status;
  int64_t n = 0;
  for (const Json *j = (*out)->first; j != NULL; j = j->next) n++;
  if ((*out)->type != JSON_LIST || n != expected) return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " %s, found %" PRId64, path, expected, key, n);
  return EBB_OK;
}
