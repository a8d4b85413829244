/* SPDX-License-Identifier: MIT
 *
 * JSON (RFC 8259), as manifests and safetensors headers use it. Numbers keep their text, so that 64-bit seeds survive. */
#ifndef EBB_BASE_JSON_H
#define EBB_BASE_JSON_H

#include "base/base.h"

typedef enum JsonType { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_OBJECT } JsonType;

typedef struct Json Json;
struct Json {
  JsonType type;
  bool truth;
  const char *text;   /* of a string (unescaped) or number */
  const char *key;    /* of a member of an object */
  Json *first, *next; /* children in order; siblings */
};

/* Refuses nesting deeper than 64, duplicate keys, text after the end; the message has line:column, prefixed with name. */
EbbStatus json_read(Arena *, const char *name, const char *text, size_t n, Json **out);
const Json *json_get(const Json *, const char *key); /* NULL if absent or not an object */
const char *json_string(const Json *, const char *key, const char *otherwise);
double json_number(const Json *, const char *key, double otherwise);

/* Writing: commas and indentation are kept by the writer. */
typedef struct JsonWriter {
  Str out;
  int depth;
  bool first, compact, after_key;
} JsonWriter;
void json_begin_object(JsonWriter *);
void json_end_object(JsonWriter *);
void json_begin_list(JsonWriter *);
void json_end_list(JsonWriter *);
void json_key(JsonWriter *, const char *key);
void json_put_string(JsonWriter *, const char *text); /* NULL gives null */
void json_put_int(JsonWriter *, int64_t value);
void json_put_real(JsonWriter *, double value); /* not finite: null */
void json_put_bool(JsonWriter *, bool value);

#endif
