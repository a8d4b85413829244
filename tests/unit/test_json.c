/* SPDX-License-Identifier: MIT
 *
 * JSON: what RFC 8259 allows is read, what it does not is refused with line and column, and what is written reads back. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "test.h"

static Json *parse(Arena *a, const char *text) {
  Json *value = NULL;
  EbbStatus status = json_read(a, "m.json", text, strlen(text), &value);
  if (status != EBB_OK) printf("\n    %s: %s\n", text, fail_text());
  CU_ASSERT_EQUAL_FATAL(status, EBB_OK);
  return value;
}

static void every_type_is_read_in_order(void) {
  Arena *a = arena_new();
  const Json *v = parse(
      a, " {\"n\": null, \"t\" :true,\"f\":false,\n\t\"x\":-1.5e-3, \"s\":\"text\",\"l\":[1,[ ],{}],\"o\":{\"seed\":18446744073709551615}}\r\n");
  static const struct {
    const char *key;
    JsonType type;
  } members[] = {{"n", JSON_NULL}, {"t", JSON_BOOL}, {"f", JSON_BOOL}, {"x", JSON_NUMBER}, {"s", JSON_STRING}, {"l", JSON_LIST}, {"o", JSON_OBJECT}};
  CU_ASSERT_EQUAL(v->type, JSON_OBJECT);
  const Json *m = v->first;
  for (size_t i = 0; i < COUNT(members); i++, m = m->next) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_STRING_EQUAL(m->key, members[i].key);
    CU_ASSERT_EQUAL(m->type, members[i].type);
  }
  CU_ASSERT_PTR_NULL(m);
  CU_ASSERT_TRUE(json_get(v, "t")->truth);
  CU_ASSERT_FALSE(json_get(v, "f")->truth);
  CU_ASSERT_EQUAL(json_number(v, "x", 0), -0.0015);
  CU_ASSERT_EQUAL(json_number(v, "s", 7), 7);
  CU_ASSERT_EQUAL(json_number(v, "none", 7), 7);
  CU_ASSERT_STRING_EQUAL(json_string(v, "s", "other"), "text");
  CU_ASSERT_STRING_EQUAL(json_string(v, "x", "other"), "other");
  CU_ASSERT_STRING_EQUAL(json_get(json_get(v, "o"), "seed")->text, "18446744073709551615");
  const Json *l = json_get(v, "l");
  CU_ASSERT_STRING_EQUAL(l->first->text, "1");
  CU_ASSERT_EQUAL(l->first->next->type, JSON_LIST);
  CU_ASSERT_PTR_NULL(l->first->next->first);
  CU_ASSERT_EQUAL(l->first->next->next->type, JSON_OBJECT);
  CU_ASSERT_PTR_NULL(json_get(l, "n"));
  CU_ASSERT_PTR_NULL(json_get(NULL, "n"));
  arena_free(a);
}

static void escapes_become_utf8(void) {
  static const struct {
    const char *text, *expected;
  } known[] = {
      {"\"\"", ""},
      {"\"\\\" \\\\ \\/ \\b\\f\\n\\r\\t\"", "\" \\ / \b\f\n\r\t"},
      {"\"\\u0041\\u00e9\\u20AC\"", "A\xC3\xA9\xE2\x82\xAC"},
      {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
      {"\"\xCE\xB8_1\"", "\xCE\xB8_1"},
      {"\"\\\\\"", "\\"},
  };
  Arena *a = arena_new();
  for (size_t i = 0; i < COUNT(known); i++) CU_ASSERT_STRING_EQUAL(parse(a, known[i].text)->text, known[i].expected);
  arena_free(a);
}

static void what_is_wrong_is_refused_with_line_and_column(void) {
  static const struct {
    const char *text, *message;
  } known[] = {
      {"", "m.json:1:1: the text ends, expected a value"},
      {"{\"a\":1,\n \"b\":2,\n \"a\":3}", "m.json:3:2: the key \"a\" stands twice in one object"},
      {"{\"a\":1,\"\\u0061\":3}", "m.json:1:8: the key \"a\" stands twice in one object"},
      {"[1,2", "m.json:1:5: the text ends, expected a comma or ]"},
      {"[1,]", "m.json:1:4: found ']', expected a value"},
      {"{\"a\":1,}", "m.json:1:8: found '}', expected a key in double quotes"},
      {"{a:1}", "m.json:1:2: found 'a', expected a key in double quotes"},
      {"{\"a\" 1}", "m.json:1:6: found '1', expected a colon after the key"},
      {"{\"a\":1]", "m.json:1:7: found ']', expected a comma or }"},
      {"1 2", "m.json:1:3: found '2', expected nothing after the value"},
      {"nulll", "m.json:1:5: found 'l', expected nothing after the value"},
      {"tru", "m.json:1:1: found 't', expected a value"},
      {"NaN", "m.json:1:1: found 'N', expected a value"},
      {"+1", "m.json:1:1: found '+', expected a value"},
      {".5", "m.json:1:1: found '.', expected a value"},
      {"01", "m.json:1:1: a number starts with a superfluous 0"},
      {"-01", "m.json:1:1: a number starts with a superfluous 0"},
      {"-", "m.json:1:2: the text ends, expected a digit"},
      {"1.", "m.json:1:3: the text ends, expected a digit"},
      {"1e+x", "m.json:1:4: found 'x', expected a digit"},
      {"\"abc", "m.json:1:1: a string is not closed"},
      {"\"abc\\", "m.json:1:1: a string is not closed"},
      {"\"abc\\\"", "m.json:1:1: a string is not closed"},
      {"\"\xCE\xB8\t\"", "m.json:1:3: a string holds the control character 0x09; write it as an escape"},
      {"\"\\x41\"", "m.json:1:2: unknown escape in a string, expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u"},
      {"\"\\u12\"", "m.json:1:2: expected four hexadecimal digits after \\u"},
      {"\"\\u0000\"", "m.json:1:2: a string holds the character 0, which is not accepted"},
      {"\"\\ud83d\"", "m.json:1:2: half of a surrogate pair stands alone"},
      {"\"\\ude00\\ud83d\"", "m.json:1:2: half of a surrogate pair stands alone"},
      {"\"\\ud83d\\u0041\"", "m.json:1:2: half of a surrogate pair stands alone"},
      {"[\n\"a\xFF\"]", "m.json:2:3: the byte 0xff is not UTF-8 text"},
      {"\xEF\xBB\xBF{}", "m.json:1:1: found '\xEF\xBB\xBF', expected a value"},
  };
  Arena *a = arena_new();
  for (size_t i = 0; i < COUNT(known); i++) {
    Json *value;
    EbbStatus status = json_read(a, "m.json", known[i].text, strlen(known[i].text), &value);
    CU_ASSERT_EQUAL(status, EBB_E_IO);
    CU_ASSERT_PTR_NULL(value);
    if (strcmp(fail_text(), known[i].message) != 0) printf("\n    %s\n    expected %s\n", fail_text(), known[i].message);
    CU_ASSERT_STRING_EQUAL(fail_text(), known[i].message);
  }
  arena_free(a);
}

/* A23: some thousand opening brackets must not end the process. */
static void nesting_is_bounded(void) {
  Arena *a = arena_new();
  Json *value;
  Str s = {0};
  for (int k = 0; k < 64; k++) str_add(&s, "[");
  for (int k = 0; k < 64; k++) str_add(&s, "]");
  CU_ASSERT_EQUAL(json_read(a, "m", s.text, s.length, &value), EBB_OK);
  s.length = 0;
  for (int k = 0; k < 200000; k++) str_add(&s, "[");
  CU_ASSERT_EQUAL(json_read(a, "m", s.text, s.length, &value), EBB_E_IO);
  CU_ASSERT_STRING_EQUAL(fail_text(), "m:1:65: nesting is deeper than 64");
  s.length = 0;
  for (int k = 0; k < 5000; k++) str_add(&s, "{\"a\": ");
  CU_ASSERT_EQUAL(json_read(a, "m", s.text, s.length, &value), EBB_E_IO);
  CU_ASSERT_STRING_EQUAL(fail_text(), "m:1:385: nesting is deeper than 64"); /* 64 x 6 letters before it */
  str_free(&s);
  arena_free(a);
}

static void every_cut_of_a_text_is_refused(void) {
  static const char text[] = "{\"a\": [1, -2.5e3, \"x\\u00e9\\n\", true, null], \"b\": {\"c\": false}}";
  Arena *a = arena_new();
  Json *value;
  for (size_t n = 0; n < sizeof text; n++) {
    char *part = malloc(n + 1); /* no byte after it, for the address sanitizer */
    char *exact = realloc(part, n > 0 ? n : 1);
    memcpy(exact, text, n);
    CU_ASSERT_EQUAL(json_read(a, "m", exact, n, &value) == EBB_OK, n == sizeof text - 1);
    free(exact);
  }
  arena_free(a);
}

static void many_members_are_told_apart(void) {
  Arena *a = arena_new();
  Json *value;
  Str s = {0};
  str_add(&s, "{");
  for (int k = 0; k < 20000; k++) str_print(&s, "\"key_%d\":%d,\n", k * 7919 % 20000, k);
  str_add(&s, "\"last\":0}");
  CU_ASSERT_EQUAL(json_read(a, "m", s.text, s.length, &value), EBB_OK);
  s.length -= 8 + 1;
  str_add(&s, "\"key_5\":0}");
  CU_ASSERT_EQUAL(json_read(a, "m", s.text, s.length, &value), EBB_E_IO);
  CU_ASSERT_STRING_EQUAL(fail_text(), "m:20001:1: the key \"key_5\" stands twice in one object");
  str_free(&s);
  arena_free(a);
}

static void write_example(JsonWriter *w) {
  json_begin_object(w);
  json_key(w, "name");
  json_put_string(w, "a \"b\"\\\n\t\x01\xCE\xB8");
  json_key(w, "none");
  json_put_string(w, NULL);
  json_key(w, "empty");
  json_begin_object(w);
  json_end_object(w);
  json_key(w, "list");
  json_begin_list(w);
  json_put_int(w, INT64_MIN);
  json_put_real(w, 0.1);
  json_put_real(w, NAN);
  json_begin_list(w);
  json_end_list(w);
  json_put_bool(w, true);
  json_end_list(w);
  json_key(w, "last");
  json_put_bool(w, false);
  json_end_object(w);
}

static void what_is_written_has_its_commas_and_reads_back(void) {
  static const char indented[] = "{\n"
                                 "  \"name\": \"a \\\"b\\\"\\\\\\n\\t\\u0001\xCE\xB8\",\n"
                                 "  \"none\": null,\n"
                                 "  \"empty\": {},\n"
                                 "  \"list\": [\n"
                                 "    -9223372036854775808,\n"
                                 "    0.1,\n"
                                 "    null,\n"
                                 "    [],\n"
                                 "    true\n"
                                 "  ],\n"
                                 "  \"last\": false\n"
                                 "}";
  static const char compact[] = "{\"name\":\"a \\\"b\\\"\\\\\\n\\t\\u0001\xCE\xB8\",\"none\":null,\"empty\":{},"
                                "\"list\":[-9223372036854775808,0.1,null,[],true],\"last\":false}";
  Arena *a = arena_new();
  JsonWriter w = {0}, c = {.compact = true};
  write_example(&w);
  write_example(&c);
  CU_ASSERT_STRING_EQUAL(w.out.text, indented);
  CU_ASSERT_STRING_EQUAL(c.out.text, compact);
  CU_ASSERT_STRING_EQUAL(json_string(parse(a, w.out.text), "name", ""), "a \"b\"\\\n\t\x01\xCE\xB8");
  str_free(&w.out);
  str_free(&c.out);
  JsonWriter bad = {0};
  json_put_string(&bad, "x\xFF\xCE");
  CU_ASSERT_STRING_EQUAL(bad.out.text, "\"x\xEF\xBF\xBD\xEF\xBF\xBD\"");
  str_free(&bad.out);
  arena_free(a);
}

static const Test tests[] = {
    {"every type is read, in order", every_type_is_read_in_order},
    {"escapes become UTF-8", escapes_become_utf8},
    {"what is wrong is refused with line and column", what_is_wrong_is_refused_with_line_and_column},
    {"nesting is bounded", nesting_is_bounded},
    {"every cut of a text is refused", every_cut_of_a_text_is_refused},
    {"many members are told apart", many_members_are_told_apart},
    {"what is written has its commas and reads back", what_is_written_has_its_commas_and_reads_back},
};
TEST_MAIN("json", tests)
