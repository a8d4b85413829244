/* SPDX-License-Identifier: MIT
 *
 * Sinks: given a run they write something, the same twice, and say what is wrong when they cannot. */
#include <ftw.h>
#include <unistd.h>

#include <ebb/sink.h>

#include "suite.h"

static const float draws[2][3][2] = {{{1, 2}, {3, 4}, {5, 6}}, {{7, 8}, {9, 10}, {11, 12}}};
static const double truth[2][2] = {{0.5, 0.25}, {1, 2}};
static const char *const draw_dims[] = {"set", "draw", "parameter"}, *const truth_dims[] = {"set", "parameter"};
static const EbbArray arrays[] = {
    {.group = "posterior", .name = "theta", .type = "f4", .ndim = 3, .shape = {2, 3, 2}, .data = draws, .dims = draw_dims},
    {.group = "truth", .name = "theta", .type = "f8", .ndim = 2, .shape = {2, 2}, .data = truth, .dims = truth_dims},
};

static EbbStatus write_to(const EbbChild *sink, const char *folder, int64_t n) {
  EbbRun run = {.size = sizeof run, .arrays = n, .array = arrays, .manifest = "{}\n", .spec = "seed: 1\n"};
  return ((const EbbSinkOps *)sink->ops)->write(sink->self, &run, folder);
}

static char seen[1 << 16]; /* names and contents below a folder, in order of the walk */
static size_t seen_length, root_length;

static int add_file(const char *path, const struct stat *s, int type, struct FTW *walk) {
  (void)s, (void)walk;
  if (type != FTW_F) return 0;
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  seen_length += (size_t)snprintf(seen + seen_length, sizeof seen - seen_length, "%s\n", path + root_length);
  if (seen_length < sizeof seen) seen_length += fread(seen + seen_length, 1, sizeof seen - seen_length - 1, file);
  fclose(file);
  return 0;
}

static const char *contents(const char *folder) {
  seen_length = 0;
  root_length = strlen(folder);
  CHECK(nftw(folder, add_file, 8, FTW_PHYS) == 0, "cannot walk %s", folder);
  seen[seen_length] = '\0';
  return arena_copy(suite_arena(), seen);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *walk) {
  (void)s, (void)type, (void)walk;
  return remove(path);
}

static char *folder_new(void) {
  char *folder = arena_copy(suite_arena(), "sink_XXXXXX"); /* in the test's working folder */
  CHECK(mkdtemp(folder) != NULL, "no folder for the sink");
  return folder;
}

static void descriptions_are_sound(void) { suite_check_descriptions(EBB_SINK); }

static void sinks_write_the_same_twice(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SINK, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_SINK, all[i]->id);
    char *one = folder_new(), *two = folder_new();
    CHECK_OK(write_to(&child, one, COUNT(arrays)));
    CHECK_OK(write_to(&child, two, COUNT(arrays)));
    const char *first = contents(one), *second = contents(two);
    CHECK(first[0] != '\0', "%s wrote nothing", all[i]->id);
    CHECK(strcmp(first, second) == 0, "%s wrote something else the second time", all[i]->id);
    CHECK_OK(write_to(&child, one, COUNT(arrays))); /* over its own files */
    CHECK(strcmp(first, contents(one)) == 0, "%s wrote something else over its own files", all[i]->id);
    CHECK_OK(write_to(&child, two, 0));
    nftw(one, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    nftw(two, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  }
}

static void a_folder_that_is_not_there_is_told(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SINK, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_SINK, all[i]->id);
    fail_clear();
    EbbStatus status = write_to(&child, "no_such_folder/below", COUNT(arrays));
    CHECK(status < 0 && strstr(fail_text(), "no_such_folder/below") != NULL, "%s: status %d, \"%s\"", all[i]->id, status, fail_text());
  }
}

static void text_lists_arrays(void) {
  EbbChild child = suite_make(EBB_SINK, "text");
  char *folder = folder_new();
  CHECK_OK(write_to(&child, folder, COUNT(arrays)));
  CHECK(strcmp(contents(folder), "/arrays.txt\nposterior/theta f4 2 3 2\ntruth/theta f8 2 2\n") == 0, "wrote:\n%s", contents(folder));
  nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"sinks write the same twice", sinks_write_the_same_twice},
    {"a folder that is not there is told", a_folder_that_is_not_there_is_told},
    {"text lists arrays", text_lists_arrays},
};
TEST_MAIN("sinks", tests)
