/* SPDX-License-Identifier: MIT
 *
 * The room base but for its formats: failures, arenas, strings, files and locks, SHA-256, log and progress. The pool is in test_pool.c. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "folder.h"
#include "test.h"

static void a_failure_keeps_its_text_and_takes_prefixes(void) {
  fail_clear();
  CU_ASSERT_STRING_EQUAL(fail_text(), "");
  CU_ASSERT_EQUAL(fail(EBB_E_SHAPE, "row %d is short", 3), EBB_E_SHAPE);
  CU_ASSERT_EQUAL(fail_prefix(EBB_E_SHAPE, "%s: ", "x.npy"), EBB_E_SHAPE);
  CU_ASSERT_STRING_EQUAL(fail_text(), "x.npy: row 3 is short");
  fail(EBB_E_IO, "again: %s", fail_text());
  CU_ASSERT_STRING_EQUAL(fail_text(), "again: x.npy: row 3 is short");
}

static void a_message_that_is_too_long_is_cut_at_a_whole_letter(void) {
  for (int shift = 0; shift < 3; shift++) {
    Str s = {0};
    for (int k = 0; k < shift; k++) str_add(&s, "x");
    for (int k = 0; k < 3000; k++) str_add(&s, "\xC3\xA9");
    fail(EBB_E_IO, "%s", s.text);
    size_t n = strlen(fail_text());
    CU_ASSERT(n > 4000 && n < 6000);
    CU_ASSERT_TRUE(utf8_valid(fail_text(), n, NULL));
    CU_ASSERT_STRING_EQUAL(fail_text() + n - 3, "...");
    fail_prefix(EBB_E_IO, "%s", s.text);
    CU_ASSERT_TRUE(utf8_valid(fail_text(), strlen(fail_text()), NULL));
    str_free(&s);
  }
}

static bool is_zero(const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i] != 0) return false;
  return true;
}

static void an_arena_gives_zeroed_aligned_memory_again_after_a_reset(void) {
  static const size_t sizes[] = {0, 1, 63, 64, 65, 5000, 100000, 3000000, 7};
  Arena *a = arena_new();
  char *kept = arena_copy(a, "kept");
  for (int round = 0; round < 3; round++) {
    ArenaMark mark = arena_mark(a);
    for (size_t i = 0; i < COUNT(sizes); i++) {
      unsigned char *p = arena_alloc(a, sizes[i]);
      CU_ASSERT_EQUAL((uintptr_t)p % 64, 0);
      CU_ASSERT_TRUE(is_zero(p, sizes[i]));
      memset(p, 0xAB, sizes[i]);
    }
    arena_reset(a, mark);
  }
  CU_ASSERT_STRING_EQUAL(kept, "kept");
  CU_ASSERT_STRING_EQUAL(arena_print(a, "%d of %s", 3, kept), "3 of kept");
  CU_ASSERT_PTR_NULL(arena_try(a, SIZE_MAX));
  CU_ASSERT_PTR_NULL(arena_try(a, SIZE_MAX - 100));
  CU_ASSERT_PTR_NULL(arena_try(a, SIZE_MAX / 2));
  arena_free(a);
  arena_free(NULL);
}

static void a_string_grows_and_always_ends(void) {
  Str s = {0};
  size_t length = 0;
  for (int k = 0; k < 1000; k++) {
    str_print(&s, "%d,", k);
    length += k < 10 ? 2 : k < 100 ? 3 : 4;
  }
  str_add_n(&s, "abcdef", 3);
  CU_ASSERT_EQUAL(s.length, length + 3);
  CU_ASSERT_STRING_EQUAL(s.text + s.length - 7, "999,abc");
  str_free(&s);
  CU_ASSERT_PTR_NULL(s.text);
  str_add(&s, "");
  CU_ASSERT_STRING_EQUAL(s.text, "");
  str_free(&s);
}

static void a_real_is_its_shortest_decimal(void) {
  static const struct {
    double value;
    const char *text;
  } known[] = {{0.1, "0.1"},
               {-0.0, "-0"},
               {1, "1"},
               {1.0 / 3, "0.3333333333333333"},
               {0.1 + 0.2, "0.30000000000000004"},
               {1e22, "1e+22"},
               {5e-324, "5e-324"},
               {1.7976931348623157e308, "1.7976931348623157e+308"},
               {NAN, "nan"},
               {-NAN, "nan"},
               {INFINITY, "inf"},
               {-INFINITY, "-inf"}};
  for (size_t i = 0; i < COUNT(known); i++) {
    Str s = {0};
    str_real(&s, known[i].value);
    CU_ASSERT_STRING_EQUAL(s.text, known[i].text);
    str_free(&s);
  }
  uint64_t bits = 1;
  for (int k = 0; k < 2000; k++) { /* any double reads back */
    double value;
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    Str s = {0};
    str_real(&s, value);
    CU_ASSERT_EQUAL(strtod(s.text, NULL), value);
    str_free(&s);
  }
}

static void the_nearest_word_is_a_slip_away(void) {
  static const char *const words[] = {"steps", "order", "eta", "learning_rate", "step"};
  static const struct {
    const char *word, *expected;
  } known[] = {{"stpes", "steps"}, {"stepss", "steps"}, {"odrer", "order"}, {"learnig_rat", "learning_rate"},
               {"eta", "eta"},     {"etaa", "eta"},     {"batch", NULL},    {"x", NULL},
               {"", NULL},         {"stp", "step"},     {"learn", NULL}};
  for (size_t i = 0; i < COUNT(known); i++) {
    const char *found = nearest(known[i].word, words, COUNT(words));
    if (known[i].expected == NULL)
      CU_ASSERT_PTR_NULL(found)
    else
      CU_ASSERT(found != NULL && strcmp(found, known[i].expected) == 0);
  }
  CU_ASSERT_PTR_NULL(nearest("eta", NULL, 0));
}

static void utf8_is_told_from_other_bytes(void) {
  static const struct {
    const char *text;
    size_t n;
    int bad; /* -1: valid */
  } known[] = {{"", 0, -1},
               {"abc", 3, -1},
               {"\xCE\xB8_1", 4, -1},
               {"\xE2\x82\xAC", 3, -1},
               {"\xF0\x9F\x98\x80", 4, -1},
               {"\xF4\x8F\xBF\xBF", 4, -1},
               {"a\0b", 3, 1},
               {"a\x80", 2, 1},
               {"\xC0\x80", 2, 0},         /* overlong */
               {"\xE0\x80\x80", 3, 0},     /* overlong */
               {"\xF0\x80\x80\x80", 4, 0}, /* overlong */
               {"\xED\xA0\x80", 3, 0},     /* surrogate */
               {"\xF4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
               {"\xF5\x80\x80\x80", 4, 0},
               {"ab\xE2\x82", 4, 2}, /* cut */
               {"ab\xE2\x82xyz", 7, 2}};
  for (size_t i = 0; i < COUNT(known); i++) {
    size_t at = 99;
    bool good = utf8_valid(known[i].text, known[i].n, &at);
    CU_ASSERT_EQUAL(good, known[i].bad < 0);
    if (!good) CU_ASSERT_EQUAL(at, (size_t)known[i].bad);
  }
}

static void letters_are_counted_not_bytes(void) {
  static const struct {
    const char *text;
    int n;
  } known[] = {{"", 0},
               {"ab", 2},
               {"\xC3\xA9", 1},
               {"a\xE2\x82\xAC"
                "b",
                3},
               {"\xF0\x9F\x98\x80", 1}};
  for (size_t i = 0; i < COUNT(known); i++) CU_ASSERT_EQUAL(utf8_letters(known[i].text), known[i].n);
}

static void a_string_is_kept_and_freed(void) {
  Arena *arena = arena_new();
  Str s = {0};
  CU_ASSERT_STRING_EQUAL(str_keep(&s, arena), "");
  str_add(&s, "kept");
  char *text = str_keep(&s, arena);
  CU_ASSERT(s.text == NULL && s.length == 0);
  str_add(&s, "other");
  CU_ASSERT_STRING_EQUAL(text, "kept");
  str_free(&s);
  arena_free(arena);
}

/* What str_csv writes is read back; commas, quotes and line ends within quotes belong to the field. */
static void fields_of_a_table_are_written_and_read_back(void) {
  static const char *const field[] = {"plain", "", "a,b", "say \"so\"", "two\nlines", "\"", "end"};
  Str s = {0};
  for (size_t i = 0; i < COUNT(field); i++) {
    str_csv(&s, field[i]);
    str_add(&s, i == 2 ? "\r\n" : i + 1 == COUNT(field) ? "\n" : ",");
  }
  char *at = s.text;
  int64_t line = 1;
  for (size_t i = 0; i < COUNT(field); i++) {
    bool more;
    const char *found = csv_field(&at, &more, &line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_STRING_EQUAL(found, field[i]);
    CU_ASSERT_EQUAL(more, i != 2 && i + 1 != COUNT(field));
  }
  CU_ASSERT(*at == '\0' && line == 4);
  str_free(&s);
  char open[] = "\"never closed";
  bool more;
  at = open;
  CU_ASSERT_PTR_NULL(csv_field(&at, &more, NULL));
}

/* FIPS 180-4's examples (NIST's example file and the appendix of FIPS 180-2). */
static void sha256_gives_the_known_answers(void) {
  static const struct {
    const char *text;
    int times;
    const char *hex;
  } known[] = {{"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
               {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
               {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
               {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 1,
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
               {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  char hex[65];
  Sha256 s;
  for (size_t i = 0; i < COUNT(known); i++) {
    sha256_begin(&s);
    for (int k = 0; k < known[i].times; k++) sha256_add(&s, known[i].text, strlen(known[i].text));
    sha256_end(&s, hex);
    CU_ASSERT_STRING_EQUAL(hex, known[i].hex);
  }
  char *many = malloc(1000000); /* in unequal parts */
  memset(many, 'a', 1000000);
  sha256_begin(&s);
  for (size_t at = 0, n = 1; at < 1000000; at += n, n = n * 3 + 1) sha256_add(&s, many + at, n < 1000000 - at ? n : 1000000 - at);
  sha256_end(&s, hex);
  CU_ASSERT_STRING_EQUAL(hex, known[4].hex);
  free(many);
}

static void a_file_is_written_and_read_back_and_hashed(void) {
  Folder f = folder_begin();
  const char *path = path_join(f.arena, f.path, "a.txt");
  char *text, hex[65];
  size_t size;
  CU_ASSERT_EQUAL(file_write(path, "abc", 3), EBB_OK);
  CU_ASSERT_EQUAL(file_read(f.arena, path, 3, &text, &size), EBB_OK);
  CU_ASSERT_EQUAL(size, 3);
  CU_ASSERT_STRING_EQUAL(text, "abc");
  CU_ASSERT_EQUAL(file_read(f.arena, path, 2, &text, &size), EBB_E_IO);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "larger than the 2 bytes"));
  CU_ASSERT_EQUAL(sha256_file(path, hex), EBB_OK);
  CU_ASSERT_STRING_EQUAL(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  FileMap map;
  CU_ASSERT_EQUAL(file_map(path, &map), EBB_OK);
  CU_ASSERT(map.size == 3 && memcmp(map.data, "abc", 3) == 0);
  file_unmap(&map);
  CU_ASSERT_EQUAL(file_write(path, NULL, 0), EBB_OK);
  CU_ASSERT_EQUAL(file_map(path, &map), EBB_OK);
  CU_ASSERT(map.size == 0 && map.data == NULL);
  CU_ASSERT_EQUAL(file_map(f.path, &map), EBB_E_IO);
  CU_ASSERT_EQUAL(file_read(f.arena, path_join(f.arena, f.path, "none"), 9, &text, &size), EBB_E_IO);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "none: cannot be opened: no such file or directory"));
  CU_ASSERT_EQUAL(file_read(f.arena, "/proc/self/status", 1 << 20, &text, &size), EBB_OK); /* states a size of 0 */
  CU_ASSERT(size > 0 && strlen(text) == size);
  folder_end(&f);
}

/* A31. A limit on the size of files stands for the full disk: it holds for root, too. */
static void a_write_that_fails_leaves_the_old_file_and_nothing_else(void) {
  Folder f = folder_begin();
  const char *path = path_join(f.arena, f.path, "checkpoint");
  CU_ASSERT_EQUAL(file_write(path, "old", 3), EBB_OK);
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 1000;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  char *data = calloc(1, 200000), *text;
  EbbStatus whole = file_write(path, data, 200000);
  char message[256];
  snprintf(message, sizeof message, "%s", fail_text());
  FileWriter *w;
  EbbStatus begun = file_begin(path, &w);
  fwrite(data, 1, 200000, file_stream(w));
  EbbStatus streamed = file_commit(w);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  free(data);
  CU_ASSERT_EQUAL(whole, EBB_E_IO);
  CU_ASSERT_PTR_NOT_NULL(strstr(message, "checkpoint: cannot be written: file too large"));
  CU_ASSERT_EQUAL(begun, EBB_OK);
  CU_ASSERT_EQUAL(streamed, EBB_E_IO);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "file too large"));
  size_t size;
  CU_ASSERT_EQUAL(file_read(f.arena, path, 100, &text, &size), EBB_OK);
  CU_ASSERT_STRING_EQUAL(text, "old");
  CU_ASSERT_EQUAL(folder_entries(&f), 1);

  CU_ASSERT_EQUAL(file_begin(path, &w), EBB_OK);
  fputs("half", file_stream(w));
  CU_ASSERT_EQUAL(folder_entries(&f), 2);
  file_abandon(w);
  file_abandon(NULL);
  CU_ASSERT_EQUAL(folder_entries(&f), 1);

  CU_ASSERT_EQUAL(folder_make(path_join(f.arena, f.path, "taken/below")), EBB_OK);
  CU_ASSERT_EQUAL(file_write(path_join(f.arena, f.path, "taken"), "x", 1), EBB_E_IO); /* a folder stands there */
  CU_ASSERT_EQUAL(folder_entries(&f), 2);
  CU_ASSERT_EQUAL(file_write(path_join(f.arena, f.path, "none/x"), "x", 1), EBB_E_IO);
  folder_end(&f);
}

static void a_writer_can_seek_back(void) {
  Folder f = folder_begin();
  const char *path = path_join(f.arena, f.path, "a");
  FileWriter *w;
  char *text;
  size_t size;
  CU_ASSERT_EQUAL(file_begin(path, &w), EBB_OK);
  fputs("....body", file_stream(w));
  CU_ASSERT_EQUAL(fseek(file_stream(w), 0, SEEK_SET), 0);
  fputs("head", file_stream(w));
  CU_ASSERT_FALSE(file_exists(path));
  CU_ASSERT_EQUAL(file_commit(w), EBB_OK);
  CU_ASSERT_EQUAL(file_read(f.arena, path, 100, &text, &size), EBB_OK);
  CU_ASSERT_STRING_EQUAL(text, "headbody");
  folder_end(&f);
}

static void folders_are_made_listed_and_removed(void) {
  Folder f = folder_begin();
  const char *deep = path_join(f.arena, f.path, "a/b/c");
  char **names;
  size_t n;
  CU_ASSERT_EQUAL(folder_make(deep), EBB_OK);
  CU_ASSERT_EQUAL(folder_make(deep), EBB_OK);
  CU_ASSERT_TRUE(file_is_folder(deep));
  CU_ASSERT_EQUAL(file_write(path_join(f.arena, deep, "y"), "y", 1), EBB_OK);
  CU_ASSERT_EQUAL(file_write(path_join(f.arena, deep, "x"), "x", 1), EBB_OK);
  CU_ASSERT_EQUAL(file_link("x", path_join(f.arena, deep, "latest")), EBB_OK);
  CU_ASSERT_EQUAL(file_link("y", path_join(f.arena, deep, "latest")), EBB_OK);
  fclose(fopen(path_join(f.arena, deep, ".x.77.tmp"), "w"));
  CU_ASSERT_EQUAL(folder_list(f.arena, deep, &names, &n), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(n, 3);
  CU_ASSERT_STRING_EQUAL(names[0], "latest");
  CU_ASSERT_STRING_EQUAL(names[1], "x");
  CU_ASSERT_STRING_EQUAL(names[2], "y");
  CU_ASSERT_STRING_EQUAL(path_absolute(f.arena, path_join(f.arena, deep, "latest")), path_absolute(f.arena, path_join(f.arena, deep, "y")));
  CU_ASSERT_PTR_NULL(path_absolute(f.arena, path_join(f.arena, deep, "none")));
  CU_ASSERT_EQUAL(folder_make(path_join(f.arena, deep, "x/sub")), EBB_E_IO);
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "x: the folder cannot be made: not a directory"));
  CU_ASSERT_EQUAL(folder_remove(path_join(f.arena, f.path, "a")), EBB_OK);
  CU_ASSERT_EQUAL(folder_remove(path_join(f.arena, f.path, "a")), EBB_OK);
  CU_ASSERT_EQUAL(folder_entries(&f), 0);
  CU_ASSERT_EQUAL(folder_list(f.arena, deep, &names, &n), EBB_E_IO);
  folder_end(&f);
}

static void paths_are_taken_apart_and_joined(void) {
  Arena *a = arena_new();
  CU_ASSERT_STRING_EQUAL(path_join(a, "a", "b"), "a/b");
  CU_ASSERT_STRING_EQUAL(path_join(a, "a/", "b"), "a/b");
  CU_ASSERT_STRING_EQUAL(path_join(a, "a", "/b"), "/b");
  CU_ASSERT_STRING_EQUAL(path_join(a, "", "b"), "b");
  CU_ASSERT_STRING_EQUAL(path_folder(a, "a/b/c"), "a/b");
  CU_ASSERT_STRING_EQUAL(path_folder(a, "c"), ".");
  CU_ASSERT_STRING_EQUAL(path_folder(a, "/c"), "/");
  CU_ASSERT_STRING_EQUAL(path_folder(a, "a//c"), "a");
  CU_ASSERT_STRING_EQUAL(path_name("a/b/c.npy"), "c.npy");
  CU_ASSERT_STRING_EQUAL(path_name("c.npy"), "c.npy");
  arena_free(a);
}

static void a_lock_excludes_until_its_process_is_killed(void) {
  Folder f = folder_begin();
  const char *path = path_join(f.arena, f.path, "lock");
  int ready[2];
  CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    FileLock *lock;
    char status = file_lock(path, true, &lock) == EBB_OK && lock != NULL ? 'y' : 'n';
    if (write(ready[1], &status, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char status = 0;
  CU_ASSERT_EQUAL(read(ready[0], &status, 1), 1);
  CU_ASSERT_EQUAL(status, 'y');
  FileLock *lock = NULL, *second;
  CU_ASSERT_EQUAL(file_lock(path, false, &lock), EBB_OK);
  CU_ASSERT_PTR_NULL(lock);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  CU_ASSERT_EQUAL(file_lock(path, true, &lock), EBB_OK);
  CU_ASSERT_PTR_NOT_NULL(lock);
  CU_ASSERT_EQUAL(file_lock(path, false, &second), EBB_OK); /* within one process, too */
  CU_ASSERT_PTR_NULL(second);
  file_unlock(lock);
  file_unlock(NULL);
  CU_ASSERT_EQUAL(file_lock(path, false, &second), EBB_OK);
  CU_ASSERT_PTR_NOT_NULL(second);
  file_unlock(second);
  close(ready[0]);
  close(ready[1]);
  folder_end(&f);
}

/* What f writes to stderr: to a file, or to a terminal of so many columns. */
static char *written(Arena *a, int columns, LogOptions options, void (*f)(void)) {
  int before = dup(STDERR_FILENO), master = -1, to;
  FILE *file = NULL;
  if (columns > 0) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return NULL;
    to = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    ioctl(to, TIOCSWINSZ, &size);
  } else {
    file = tmpfile();
    to = dup(fileno(file));
  }
  dup2(to, STDERR_FILENO);
  close(to);
  log_setup(options);
  f();
  char *text = arena_alloc(a, 1 << 16);
  if (file != NULL) {
    rewind(file);
    text[fread(text, 1, (1 << 16) - 1, file)] = '\0';
    fclose(file);
  } else {
    fcntl(master, F_SETFL, O_NONBLOCK);
    size_t n = 0;
    for (ssize_t got; (got = read(master, text + n, (1 << 16) - 1 - n)) > 0;) n += (size_t)got;
  }
  dup2(before, STDERR_FILENO);
  close(before);
  if (master >= 0) close(master);
  log_setup((LogOptions){0});
  return text;
}

static void a_short_stage(void) {
  log_line(LOG_INFO, "seed %d", 7);
  Progress *p = progress_begin("training", "steps", 100, 0);
  progress_at(p, 50, "loss 0.5");
  log_line(LOG_WARNING, "a \"bad\" row\x1b[2J");
  progress_at(p, 100, NULL);
  progress_end(p, "loss 0.25");
  log_line(LOG_ERROR, "the end");
}

static void elsewhere_than_on_a_terminal_lines_are_plain(void) {
  Arena *a = arena_new();
  const char *text = written(a, 0, (LogOptions){0}, a_short_stage);
  static const char start[] = "seed 7\ntraining: 100 steps\nwarning: a \"bad\" row?[2J\ntraining: 100 steps in ";
  CU_ASSERT_EQUAL(strncmp(text, start, sizeof start - 1), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, ", loss 0.25\nerror: the end\n"));
  CU_ASSERT_PTR_NULL(strchr(text, '\r'));
  CU_ASSERT_STRING_EQUAL(written(a, 0, (LogOptions){.quiet = true}, a_short_stage), "warning: a \"bad\" row?[2J\nerror: the end\n");
  arena_free(a);
}

static void json_lines_are_one_object_each(void) {
  Arena *a = arena_new();
  const char *text = written(a, 0, (LogOptions){.json = true}, a_short_stage);
  static const char start[] = "{\"level\":\"info\",\"message\":\"seed 7\"}\n"
                              "{\"level\":\"info\",\"event\":\"begin\",\"stage\":\"training\",\"unit\":\"steps\",\"done\":0,\"total\":100,";
  CU_ASSERT_EQUAL(strncmp(text, start, sizeof start - 1), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "}\n{\"level\":\"warning\",\"message\":\"a \\\"bad\\\" row\\u001b[2J\"}\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"event\":\"end\",\"stage\":\"training\",\"unit\":\"steps\",\"done\":100,\"total\":100,"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"note\":\"loss 0.25\"}\n{\"level\":\"error\",\"message\":\"the end\"}\n"));
  arena_free(a);
}

/* What a terminal shows: \r goes back, ESC [ K clears to the end of the line. Returns the rows joined by newlines; false if one was too long. */
static bool screen(const char *text, int columns, Str *out) {
  char row[512] = {0};
  int at = 0;
  bool fits = true;
  for (const char *p = text; *p != '\0'; p++) {
    if (*p == '\r')
      at = 0;
    else if (*p == '\n') {
      str_print(out, "%s\n", row);
      memset(row, 0, sizeof row);
      at = 0;
    } else if (strncmp(p, "\x1b[K", 3) == 0) {
      memset(row + at, 0, sizeof row - (size_t)at);
      p += 2;
    } else if (at < (int)sizeof row - 1)
      row[at++] = *p;
    fits &= at < columns;
  }
  str_add(out, row);
  return fits;
}

static Progress *shown;

static void a_stage_that_is_still_shown(void) {
  shown = progress_begin("a stage of a long name that does not fit", "simulations", 1000, 250);
  log_line(LOG_WARNING, "careful");
}

static void a_stage_from_begin_to_end(void) { progress_end(progress_begin("x", "rows", 10, 10), NULL); }

static void end_of_shown(void) { progress_end(shown, NULL); }

static void on_a_terminal_a_warning_does_not_damage_the_bar(void) {
  Arena *a = arena_new();
  Str s = {0};
  const char *text = written(a, 50, (LogOptions){0}, a_stage_that_is_still_shown);
  if (text != NULL) {
    CU_ASSERT_TRUE(screen(text, 50, &s));
    CU_ASSERT_STRING_EQUAL(s.text, "warning: careful\na stage of a long name that does not fit: 25%, 25"); /* 49 columns */
  }
  str_free(&s);
  written(a, 50, (LogOptions){0}, end_of_shown);
  text = written(a, 100, (LogOptions){0}, a_stage_from_begin_to_end);
  if (text != NULL) {
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "x [####################] 100%, 10 of 10 rows"));
    screen(text, 100, &s);
    CU_ASSERT_EQUAL(strncmp(s.text, "x: 10 rows in 0.", 16), 0);
  }
  str_free(&s);
  arena_free(a);
}

static const Test tests[] = {
    {"a failure keeps its text and takes prefixes", a_failure_keeps_its_text_and_takes_prefixes},
    {"a message that is too long is cut at a whole letter", a_message_that_is_too_long_is_cut_at_a_whole_letter},
    {"an arena gives zeroed, aligned memory, again after a reset", an_arena_gives_zeroed_aligned_memory_again_after_a_reset},
    {"a string grows and always ends", a_string_grows_and_always_ends},
    {"a real is its shortest decimal", a_real_is_its_shortest_decimal},
    {"the nearest word is a slip away", the_nearest_word_is_a_slip_away},
    {"UTF-8 is told from other bytes", utf8_is_told_from_other_bytes},
    {"letters are counted, not bytes", letters_are_counted_not_bytes},
    {"a string is kept in an arena and freed", a_string_is_kept_and_freed},
    {"fields of a table are written and read back", fields_of_a_table_are_written_and_read_back},
    {"SHA-256 gives the known answers", sha256_gives_the_known_answers},
    {"a file is written, read back and hashed", a_file_is_written_and_read_back_and_hashed},
    {"a write that fails leaves the old file and nothing else", a_write_that_fails_leaves_the_old_file_and_nothing_else},
    {"a writer can seek back", a_writer_can_seek_back},
    {"folders are made, listed and removed", folders_are_made_listed_and_removed},
    {"paths are taken apart and joined", paths_are_taken_apart_and_joined},
    {"a lock excludes until its process is killed", a_lock_excludes_until_its_process_is_killed},
    {"elsewhere than on a terminal lines are plain", elsewhere_than_on_a_terminal_lines_are_plain},
    {"JSON lines are one object each", json_lines_are_one_object_each},
    {"on a terminal a warning does not damage the bar", on_a_terminal_a_warning_does_not_damage_the_bar},
};
TEST_MAIN("base", tests)
