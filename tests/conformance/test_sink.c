/* SPDX-License-Identifier: MIT
 *
 * Sinks: given a run they write something, the same twice, and say what is wrong when they cannot; and what each of Ebb's own writes. */
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/sink.h>

#include "base/npy.h"
#include "suite.h"
#ifdef NETCDF
#include <netcdf.h>
#endif

#ifdef __SANITIZE_ADDRESS__
/* HDF5 1.10 loses one block when a file cannot be created on a full disk. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }
#endif

static const float draws[2][3][2] = {{{1, 2}, {3, 4}, {5, 6}}, {{7, 8}, {9, NAN}, {11, 0.1f}}};
static const double truth[2][2] = {{0.5, 0.25}, {1, 2}};
static const int64_t numbers[2] = {4, 2};
static const uint8_t failed[2][3] = {{0, 0, 0}, {0, 1, 0}};
static const char *const draw_dims[] = {"set", "draw", "entry"}, *const truth_dims[] = {"set", "entry"};
static const EbbArray arrays[] = {
    {.group = "posterior", .name = "theta", .type = "f4", .ndim = 3, .shape = {2, 3, 2}, .data = draws, .dims = draw_dims},
    {.group = "posterior", .name = "set", .type = "i8", .ndim = 1, .shape = {2}, .data = numbers, .dims = draw_dims},
    {.group = "truth", .name = "theta", .type = "f8", .ndim = 2, .shape = {2, 2}, .data = truth, .dims = truth_dims},
    {.group = "sample_stats", .name = "failed", .type = "u1", .ndim = 2, .shape = {2, 3}, .data = failed, .dims = draw_dims},
};

static EbbStatus write_to(const EbbChild *sink, const char *folder, int64_t n) {
  EbbRun run = {
      .size = sizeof run, .arrays = n, .array = arrays, .manifest = "{}\n", .spec = "seed: 1\n", .version = "0.5", .started = "2026-01-31T12:00:00Z"};
  return ((const EbbSinkOps *)sink->ops)->write(sink->self, &run, folder);
}

static char seen[1 << 18]; /* names and contents below a folder, in order of the walk */
static size_t seen_length, root_length;
static int seen_files;

static int add_file(const char *path, const struct stat *s, int type, struct FTW *walk) {
  (void)s, (void)walk;
  if (type != FTW_F) return 0;
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  seen_files++;
  seen_length += (size_t)snprintf(seen + seen_length, sizeof seen - seen_length, "%s\n", path + root_length);
  if (seen_length < sizeof seen) seen_length += fread(seen + seen_length, 1, sizeof seen - seen_length - 1, file);
  fclose(file);
  return 0;
}

typedef struct Contents {
  char *text; /* with a NUL at its end, and others where files are binary */
  size_t length;
  int files;
} Contents;

static Contents contents(const char *folder) {
  seen_length = 0;
  seen_files = 0;
  root_length = strlen(folder);
  CHECK(nftw(folder, add_file, 8, FTW_PHYS) == 0, "cannot walk %s", folder);
  CHECK(seen_length < sizeof seen - 1, "%s holds more than is looked at", folder);
  Contents c = {arena_try(suite_arena(), seen_length + 1), seen_length, seen_files};
  memcpy(c.text, seen, seen_length);
  return c;
}

static bool same(Contents a, Contents b) { return a.length == b.length && memcmp(a.text, b.text, a.length) == 0; }

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

static void folder_remove_all(const char *folder) { nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static void sinks_write_the_same_twice(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SINK, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_SINK, all[i]->id);
    char *one = folder_new(), *two = folder_new();
    CHECK_OK(write_to(&child, one, COUNT(arrays)));
    CHECK_OK(write_to(&child, two, COUNT(arrays)));
    Contents first = contents(one), second = contents(two);
    CHECK(first.length > 0, "%s wrote nothing", all[i]->id);
    CHECK(same(first, second), "%s wrote something else the second time", all[i]->id);
    CHECK_OK(write_to(&child, one, COUNT(arrays))); /* over its own files */
    CHECK(same(first, contents(one)), "%s wrote something else over its own files", all[i]->id);
    CHECK_OK(write_to(&child, two, 0));
    folder_remove_all(one);
    folder_remove_all(two);
  }
}

/* A limit on the size of files stands for the full disk: it holds for root, too. What Ebb's own sinks wrote before is still there, whole, and no
 * other file with it. */
static void a_full_disk_is_told_and_leaves_what_there_was(void) {
  size_t n;
  const EbbComponent *const *all = suite_all(EBB_SINK, &n);
  for (size_t i = 0; i < n; i++) {
    EbbChild child = suite_make(EBB_SINK, all[i]->id);
    char *folder = folder_new();
    CHECK_OK(write_to(&child, folder, COUNT(arrays)));
    Contents whole = contents(folder);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 16;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    fail_clear();
    EbbStatus status = write_to(&child, folder, COUNT(arrays));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    CHECK(status < 0 && strstr(fail_text(), folder) != NULL, "%s: status %d, \"%s\"", all[i]->id, status, fail_text());
    if (strcmp(all[i]->id, "text") != 0) CHECK(same(whole, contents(folder)), "%s left other files than before", all[i]->id);
    folder_remove_all(folder);
  }
}

/* Folders stand where the files should go. */
static void a_place_that_is_taken_is_told(void) {
  static const struct {
    const char *id, *place;
  } taken[] = {{"csv", "draws.csv"},
               {"npy", "arrays/posterior/theta.npy"},
#ifdef NETCDF
               {"netcdf", "inference_data.nc"}
#endif
  };
  for (size_t i = 0; i < COUNT(taken); i++) {
    EbbChild child = suite_make(EBB_SINK, taken[i].id);
    char *folder = folder_new();
    CHECK_OK(folder_make(arena_print(suite_arena(), "%s/%s/below", folder, taken[i].place)));
    fail_clear();
    EbbStatus status = write_to(&child, folder, COUNT(arrays));
    CHECK(status < 0 && strstr(fail_text(), taken[i].place) != NULL && strstr(fail_text(), "directory") != NULL, "%s: status %d, \"%s\"", taken[i].id,
          status, fail_text());
    CHECK(contents(folder).files == 0, "%s left a file", taken[i].id);
    folder_remove_all(folder);
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
  const char *wrote = contents(folder).text;
  CHECK(strcmp(wrote, "/arrays.txt\nposterior/theta f4 2 3 2\nposterior/set i8 2\ntruth/theta f8 2 2\nsample_stats/failed u1 2 3\n") == 0,
        "wrote:\n%s", wrote);
  folder_remove_all(folder);
}

static void csv_is_a_long_table(void) {
  static const char *const wanted = "/draws.csv\nset,draw,entry,parameter,value\n4,0,0,theta,1\n4,0,1,theta,2\n4,1,0,theta,3\n4,1,1,theta,4\n"
                                    "4,2,0,theta,5\n4,2,1,theta,6\n2,0,0,theta,7\n2,0,1,theta,8\n2,1,0,theta,9\n2,1,1,theta,nan\n"
                                    "2,2,0,theta,11\n2,2,1,theta,0.100000001\n";
  EbbChild child = suite_make(EBB_SINK, "csv");
  char *folder = folder_new();
  CHECK_OK(write_to(&child, folder, COUNT(arrays)));
  const char *wrote = contents(folder).text;
  CHECK(strcmp(wrote, wanted) == 0, "wrote:\n%s", wrote);
  static const EbbArray odd[] = {
      {.group = "posterior", .name = "a \"b\", c", .type = "f8", .ndim = 1, .shape = {1}, .data = truth, .dims = draw_dims},
      {.group = "posterior", .name = "wide", .type = "f8", .ndim = 2, .shape = {2, 2}, .data = truth, .dims = truth_dims},
  };
  EbbRun run = {.size = sizeof run, .arrays = 1, .array = odd, .manifest = "{}", .spec = ""};
  CHECK_OK(((const EbbSinkOps *)child.ops)->write(child.self, &run, folder));
  wrote = contents(folder).text;
  CHECK(strcmp(wrote, "/draws.csv\nset,parameter,value\n0,\"a \"\"b\"\", c\",0.5\n") == 0, "wrote:\n%s", wrote);
  run.arrays = 2;
  CHECK(((const EbbSinkOps *)child.ops)->write(child.self, &run, folder) == EBB_E_SHAPE && strstr(fail_text(), "wide") != NULL, "%s", fail_text());
  folder_remove_all(folder);
}

/* Through core's reader, which refuses a header that does not fit its data. */
static void npy_holds_every_array(void) {
  EbbChild child = suite_make(EBB_SINK, "npy");
  char *folder = folder_new();
  CHECK_OK(write_to(&child, folder, COUNT(arrays)));
  CHECK(contents(folder).files == COUNT(arrays), "%d files", contents(folder).files);
  for (size_t i = 0; i < COUNT(arrays); i++) {
    static const NpyType types[] = {NPY_F32, NPY_I64, NPY_F64, NPY_U8};
    const EbbArray *a = &arrays[i];
    Npy file;
    CHECK_OK(npy_open(arena_print(suite_arena(), "%s/arrays/%s/%s.npy", folder, a->group, a->name), &file));
    CHECK(file.type == types[i] && file.ndim == a->ndim && !file.fortran && !file.swapped, "%s: type %d, %d dimensions", a->name, (int)file.type,
          (int)file.ndim);
    for (int64_t k = 0; k < a->ndim; k++) CHECK(file.shape[k] == a->shape[k], "%s: dimension %d", a->name, (int)k);
    CHECK(memcmp(file.data, a->data, (size_t)file.size * (size_t)(a->type[1] - '0')) == 0, "%s: numbers", a->name);
    CHECK((file.data - file.map.data) % 64 == 0, "%s: the numbers begin at %d", a->name, (int)(file.data - file.map.data));
    npy_close(&file);
  }
  CHECK_OK(write_to(&child, folder, 1)); /* a run with fewer arrays leaves none of the others */
  CHECK(contents(folder).files == 1, "%d files are left", contents(folder).files);
  static const char *const names[] = {"a/b", "..", "", ".hidden"};
  for (size_t i = 0; i < COUNT(names); i++) {
    EbbArray odd = arrays[0];
    odd.name = names[i];
    EbbRun run = {.size = sizeof run, .arrays = 1, .array = &odd, .manifest = "{}", .spec = ""};
    CHECK(((const EbbSinkOps *)child.ops)->write(child.self, &run, folder) == EBB_E_UNSUPPORTED && strstr(fail_text(), "name of a file") != NULL,
          "\"%s\": %s", names[i], fail_text());
  }
  folder_remove_all(folder);
}

#ifdef NETCDF
static void text_is(int group, const char *name, const char *wanted) {
  char text[64] = "";
  size_t n = 0;
  CHECK(nc_inq_attlen(group, NC_GLOBAL, name, &n) == NC_NOERR && n < sizeof text, "attribute %s", name);
  if (n < sizeof text) nc_get_att_text(group, NC_GLOBAL, name, text);
  CHECK(strcmp(text, wanted) == 0, "attribute %s is \"%s\"", name, text);
}

/* One array as libnetcdf reads it: type, dimensions by name and length, numbers. */
static void variable_is(int file, const EbbArray *a) {
  static const struct {
    const char *ours;
    int theirs;
  } types[] = {{"f4", NC_FLOAT}, {"f8", NC_DOUBLE}, {"i8", NC_INT64}, {"u1", NC_UBYTE}};
  int group, variable, dims[8] = {0}, ndim = 0, type = 0;
  CHECK(nc_inq_ncid(file, a->group, &group) == NC_NOERR && nc_inq_varid(group, a->name, &variable) == NC_NOERR, "no %s/%s", a->group, a->name);
  nc_inq_var(group, variable, NULL, &type, &ndim, dims, NULL);
  for (size_t i = 0; i < COUNT(types); i++)
    if (strcmp(types[i].ours, a->type) == 0) CHECK(type == types[i].theirs, "%s/%s: type %d", a->group, a->name, type);
  CHECK(ndim == a->ndim, "%s/%s: %d dimensions", a->group, a->name, ndim);
  size_t bytes = (size_t)(a->type[1] - '0');
  for (int64_t k = 0; k < a->ndim; k++) {
    char name[NC_MAX_NAME + 1] = "";
    size_t length = 0;
    nc_inq_dim(group, dims[k], name, &length);
    CHECK(strcmp(name, a->dims[k]) == 0 && length == (size_t)a->shape[k], "%s/%s: dimension %s of %d", a->group, a->name, name, (int)length);
    bytes *= (size_t)a->shape[k];
  }
  char value[256] = "";
  CHECK(bytes <= sizeof value && nc_get_var(group, variable, value) == NC_NOERR && memcmp(value, a->data, bytes) == 0, "%s/%s: numbers", a->group,
        a->name);
  text_is(group, "created_at", "2026-01-31T12:00:00Z");
  text_is(group, "inference_library", "ebb");
  text_is(group, "inference_library_version", "0.5");
}

static void netcdf_is_read_by_its_library(void) {
  EbbChild child = suite_make(EBB_SINK, "netcdf");
  char *folder = folder_new();
  int file, groups = 0;
  CHECK_OK(write_to(&child, folder, COUNT(arrays)));
  CHECK(nc_open(arena_print(suite_arena(), "%s/inference_data.nc", folder), NC_NOWRITE, &file) == NC_NOERR, "cannot be opened");
  nc_inq_grps(file, &groups, NULL);
  CHECK(groups == 3, "%d groups", groups);
  for (size_t i = 0; i < COUNT(arrays); i++) variable_is(file, &arrays[i]);
  text_is(file, "creation_library", "ebb");
  text_is(file, "spec", "seed: 1\n");
  nc_close(file);

  EbbArray odd[2] = {arrays[0], arrays[0]};
  EbbRun run = {.size = sizeof run, .arrays = 2, .array = odd, .manifest = "{}", .spec = ""};
  const struct {
    const char *name, *type;
    int64_t length;
    const char *says;
  } wrong[] = {
      {"a/b", "f4", 2, "a/b"}, {"other", "f2", 2, "other is of type f2"}, {"other", "f4", 1, "other has 1 along set, an array before it had 2"}};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    odd[1].name = wrong[i].name, odd[1].type = wrong[i].type, odd[1].shape[0] = wrong[i].length;
    fail_clear();
    CHECK(((const EbbSinkOps *)child.ops)->write(child.self, &run, folder) < 0 && strstr(fail_text(), wrong[i].says) != NULL, "%s: %s", wrong[i].name,
          fail_text());
  }
  CHECK(contents(folder).files == 1, "%d files are left", contents(folder).files);
  folder_remove_all(folder);
}
#endif

static const Test tests[] = {
    {"descriptions are sound", descriptions_are_sound},
    {"sinks write the same twice", sinks_write_the_same_twice},
    {"a folder that is not there is told", a_folder_that_is_not_there_is_told},
    {"a full disk is told and leaves what there was", a_full_disk_is_told_and_leaves_what_there_was},
    {"a place that is taken is told", a_place_that_is_taken_is_told},
    {"text lists arrays", text_lists_arrays},
    {"csv is a long table", csv_is_a_long_table},
    {"npy holds every array", npy_holds_every_array},
#ifdef NETCDF
    {"netcdf is read by its library", netcdf_is_read_by_its_library},
#endif
};
TEST_MAIN("sinks", tests)
