/* SPDX-License-Identifier: MIT
 *
 * Loading plugins: every way to fail has its message, and nothing that a plugin does while it is loaded or created reaches the host. The faulty ones
 * are in ../broken_plugins. Instances and the host table are in test_instance.c. */
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/ebb.h>

#include "base/file.h"
#include "base/pool.h"
#include "plugin/plugin.h"
#include "test.h"

static Arena *arena;
static char room[256]; /* a folder of this run's own */

static const char *broken(const char *name) { return path_join(arena, BROKEN_PLUGINS, name); }
static const char *folder(const char *name) {
  const char *path = path_join(arena, room, name);
  CU_ASSERT_EQUAL_FATAL(folder_make(path), EBB_OK);
  return path;
}

/* A copy is another file to the loader, with components of its own. */
static const char *copy(const char *from, const char *to) {
  char *text;
  size_t size;
  CU_ASSERT_EQUAL_FATAL(file_read(arena, from, (size_t)1 << 28, &text, &size), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(file_write(to, text, size), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(chmod(to, 0755), 0);
  return to;
}
static const char *put(const char *place, const char *name) { return copy(broken(name), path_join(arena, place, name)); }

static Registry *registry(size_t n, const char *const *folders) {
  Registry *r = NULL;
  EbbStatus status = registry_new(&(RegistryOptions){.folders = folders, .folder_count = n}, &r);
  CU_ASSERT_EQUAL_FATAL(status, EBB_OK);
  return r;
}

/* Ebb's own folder is searched too: what the build tree holds is not these tests' business. */
static bool in_room(const char *path) { return strncmp(path, room, strlen(room)) == 0; }

static void says(const char *where, const char *text, const char *part) {
  if (strstr(text, part) == NULL) printf("\n    %s: \"%s\" does not say \"%s\"\n", where, text, part);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, part));
}

/* What goes to stderr between listen and heard. */
static int listening, kept;
static const char *heard_in;
static void listen_to_log(void) {
  heard_in = path_join(arena, room, "stderr");
  fflush(stderr);
  kept = dup(STDERR_FILENO);
  listening = open(heard_in, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  dup2(listening, STDERR_FILENO);
}
static const char *heard(void) {
  fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(listening);
  char *text;
  size_t size;
  CU_ASSERT_EQUAL_FATAL(file_read(arena, heard_in, 1 << 20, &text, &size), EBB_OK);
  return text;
}

/* ---- one file ---- */

static void each_fault_has_its_message(void) {
  static const struct {
    const char *file;
    EbbStatus status;
    const char *part[3];
  } known[] = {
      {"sampler_absent.so", EBB_E_IO, {"no such plugin", "No such file or directory", ""}},
      {"sampler_no_symbol.so", EBB_E_ABI, {"exports no symbol ebb_module", "is this an Ebb plugin?", ""}},
      {"sampler_bad_magic.so", EBB_E_ABI, {"12345678", "45626231", "no Ebb module"}},
      {"sampler_other_abi.so", EBB_E_ABI, {"ABI 0.4", "has 0.3", "rebuild it"}},
      {"sampler_other_size.so", EBB_E_ABI, {"struct EbbParam has 80 bytes there and 88", "rebuild it", ""}},
      {"sampler_other_ops.so", EBB_E_ABI, {"sampler/other_ops: ", "struct EbbSamplerOps has 40 bytes there and 48", "rebuild it"}},
      {"sampler_empty.so", EBB_E_ABI, {"lists no component", "", ""}},
      {"sampler_no_advance.so", EBB_E_ABI, {"sampler/no_advance: ", "required slot advance", "NULL"}},
      {"sampler_misnamed.so", EBB_E_ABI, {"named after a component", "sampler_well_named.so", ""}},
      {"sampler_bad_default.so", EBB_E_ABI, {"sampler/bad_default: parameter steps: ", "default 0 is below its range from 1", ""}},
      {"sampler_listed_twice.so", EBB_E_ABI, {"lists sampler/listed_twice twice", "", ""}},
      {"sampler_unresolved.so", EBB_E_ABI, {"undefined symbol", "nowhere_to_be_found", "-z,defs"}},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    const EbbModule *module = NULL;
    const char *path = broken(known[i].file);
    EbbStatus status = plugin_load(path, false, &module);
    if (status != known[i].status) printf("\n    %s: status %d, %s\n", known[i].file, status, fail_text());
    CU_ASSERT_EQUAL(status, known[i].status);
    CU_ASSERT_PTR_NULL(module);
    CU_ASSERT_EQUAL(strncmp(fail_text(), path, strlen(path)), 0);
    for (size_t k = 0; k < 3; k++) says(known[i].file, fail_text(), known[i].part[k]);
  }
}

static void what_is_no_library_is_told(void) {
  const char *path = path_join(arena, folder("text"), "sampler_text.so");
  CU_ASSERT_EQUAL(file_write(path, "int main;\n", 10), EBB_OK);
  const EbbModule *module;
  CU_ASSERT_EQUAL(plugin_load(path, false, &module), EBB_E_ABI);
  says(path, fail_text(), "cannot be loaded as a shared object");
}

static void a_sound_plugin_is_loaded_and_twice_is_once(void) {
  const EbbModule *module, *again;
  CU_ASSERT_EQUAL_FATAL(plugin_load(broken("sampler_first.so"), false, &module), EBB_OK);
  CU_ASSERT_STRING_EQUAL(module->components[0]->id, "first");
  CU_ASSERT_STRING_EQUAL(module->components[1]->id, "second");
  CU_ASSERT_PTR_NULL(module->components[2]);
  CU_ASSERT_EQUAL(plugin_load(broken("sampler_first.so"), false, &again), EBB_OK);
  CU_ASSERT_PTR_EQUAL(module, again);
}

static void writable_by_all_is_refused_unless_trusted(void) {
  const char *place = folder("open"), *path = put(place, "sampler_second.so");
  const EbbModule *module;
  chmod(path, 0666);
  CU_ASSERT_EQUAL(plugin_load(path, false, &module), EBB_E_IO);
  says("file", fail_text(), "everybody may write the file");
  says("file", fail_text(), "--trust-plugins");
  CU_ASSERT_EQUAL(plugin_load(path, true, &module), EBB_OK);
  chmod(path, 0664); /* the group's is common */
  CU_ASSERT_EQUAL(plugin_load(path, false, &module), EBB_OK);
  chmod(place, 0777);
  CU_ASSERT_EQUAL(plugin_load(path, false, &module), EBB_E_IO);
  says("folder", fail_text(), "everybody may write the folder");

  const char *link = path_join(arena, folder("closed"), "sampler_second.so"); /* a link does not launder where the file lies */
  CU_ASSERT_EQUAL(symlink(path, link), 0);
  CU_ASSERT_EQUAL(plugin_load(link, false, &module), EBB_E_IO);
  chmod(place, 0755);
  CU_ASSERT_EQUAL(plugin_load(link, false, &module), EBB_OK);
}

static void a_stranger_s_file_is_warned_of(void) {
  const char *path = put(folder("strange"), "sampler_second.so");
  const EbbModule *module;
  listen_to_log();
  EbbStatus status = plugin_load(path, false, &module);
  const char *quiet = heard();
  CU_ASSERT_EQUAL(status, EBB_OK);
  CU_ASSERT_STRING_EQUAL(quiet, "");
  if (chown(path, 4242, (gid_t)-1) != 0) return; /* only root can give files away */
  listen_to_log();
  status = plugin_load(path, false, &module);
  const char *text = heard();
  CU_ASSERT_EQUAL(status, EBB_OK);
  says("owner", text, "4242");
  says("owner", text, path);
}

/* ---- what a library does to its host ---- */

static bool denormals_live(void) {
  volatile float tiny = FLT_MIN;
  volatile float half = tiny / 2;
  return half > 0;
}

static void denormals_live_on_whatever_a_library_does(void) {
  CU_ASSERT_TRUE_FATAL(denormals_live());
  const EbbModule *module;
#if defined(__x86_64__)
  listen_to_log();
  EbbStatus status = plugin_load(broken("sampler_flush_load.so"), false, &module);
  const char *text = heard();
  CU_ASSERT_EQUAL(status, EBB_OK);
  CU_ASSERT_TRUE(denormals_live());
  says("load", text, "sampler_flush_load.so changed the floating-point environment");
#endif
  listen_to_log();
  EbbStatus fast = plugin_load(broken("sampler_fast_math.so"), false, &module);
  const char *fast_text = heard();
  CU_ASSERT_EQUAL(fast, EBB_OK);
  CU_ASSERT_TRUE(denormals_live());
  says("fast math", fast_text, "sampler_fast_math.so was compiled with -ffast-math");

  CU_ASSERT_EQUAL_FATAL(plugin_load(broken("sampler_flush_create.so"), false, &module), EBB_OK);
  EbbChild child = {.component = module->components[0]};
  uint32_t stream = 0;
  listen_to_log();
  EbbStatus made = plugin_create(arena, NULL, &child, &stream);
  bool after_create = denormals_live();
  plugin_destroy(&child);
  bool after_destroy = denormals_live();
  const char *said = heard();
  CU_ASSERT_EQUAL(made, EBB_OK);
  CU_ASSERT_TRUE(after_create);
  CU_ASSERT_TRUE(after_destroy);
#if defined(__x86_64__)
  says("create", said, "sampler/flush_create changed the floating-point environment in create");
  says("destroy", said, "sampler/flush_create changed the floating-point environment in destroy");
#else
  (void)said;
#endif
}

static float simulated(const EbbComponent *c, float theta) {
  const EbbSimulatorOps *ops = c->ops;
  float value = 0;
  uint64_t id = 0;
  uint8_t failed = 0;
  EbbData out = {.size = sizeof out, .rows = 1, .value = &value};
  CU_ASSERT_EQUAL(ops->simulate(NULL, NULL, (EbbRng){0, 0}, 1, &id, &theta, &out, &failed), EBB_OK);
  return value;
}

/* adder: x + 1, doubler: 2 x, and 1000 for each call so far; both through a global `advanced` and a global `n_calls`. */
static void helpers_of_one_name_do_not_meet(void) {
  const EbbModule *adder, *doubler;
  CU_ASSERT_EQUAL_FATAL(plugin_load(broken("simulator_adder.so"), false, &adder), EBB_OK);
  CU_ASSERT_EQUAL_FATAL(plugin_load(broken("simulator_doubler.so"), false, &doubler), EBB_OK);
  CU_ASSERT_EQUAL(simulated(adder->components[0], 5), 1006);
  CU_ASSERT_EQUAL(simulated(doubler->components[0], 5), 1010);
  CU_ASSERT_EQUAL(simulated(adder->components[0], 5), 2006);
  CU_ASSERT_EQUAL(simulated(doubler->components[0], 7), 2014);
}

/* libc has a `step` too. A sanitizer forbids what keeps the two apart. */
static void a_helper_may_have_a_name_of_libc(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const EbbModule *module;
  CU_ASSERT_EQUAL_FATAL(plugin_load(broken("simulator_libc_name.so"), false, &module), EBB_OK);
  CU_ASSERT_EQUAL(simulated(module->components[0], 5), 25);
#endif
}

typedef struct Job {
  const EbbSamplerOps *sampler;
  const EbbComponent *simulator;
} Job;

static EbbStatus on_a_worker(void *ctx, EbbWork *work, int64_t i) {
  const Job *job = ctx;
  (void)i;
  if (job->simulator != NULL) simulated(job->simulator, 1);
  return job->sampler != NULL ? job->sampler->advance(NULL, NULL, NULL, work, NULL) : EBB_OK;
}

/* Loads, makes, uses on three threads, lets go of everything; thread ends come after. 0 if all went well. */
static int one_life(uint32_t kind, const char *id) {
  Arena *own = arena_new();
  Pool *pool = NULL;
  Registry *r = NULL;
  const Plugin *plugin = NULL;
  const char *place = BROKEN_PLUGINS;
  uint32_t stream = 0;
  if (registry_new(&(RegistryOptions){.folders = &place, .folder_count = 1}, &r) != EBB_OK) return 1;
  if (registry_find(r, kind, id, &plugin) != EBB_OK) return 2;
  if (pool_new(3, &pool) != EBB_OK) return 3;
  EbbChild child = {.component = plugin->component};
  if (plugin_create(own, pool, &child, &stream) != EBB_OK) return 4;
  Job job = {kind == EBB_SAMPLER ? child.ops : NULL, kind == EBB_SIMULATOR ? child.component : NULL};
  if (pool_run(pool, 64, on_a_worker, &job) != EBB_OK) return 5;
  plugin_destroy(&child);
  registry_free(r);
  pool_free(pool);
  arena_free(own);
  return 0;
}

static void *life_of_a_thread(void *result) {
  *(int *)result = one_life(EBB_SAMPLER, "thread_end");
  return NULL;
}

static void lives_ten_times(uint32_t kind, const char *id, bool in_thread) {
  for (int i = 0; i < 10; i++) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
      int result = -1;
      pthread_t thread;
      if (in_thread && pthread_create(&thread, NULL, life_of_a_thread, &result) == 0)
        pthread_join(thread, NULL);
      else
        result = one_life(kind, id);
      _exit(result);
    }
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    if (status != 0) printf("\n    %s, run %d: status %x\n", id, i, (unsigned)status);
    CU_ASSERT_EQUAL(status, 0);
  }
}

static void thread_ends_are_survived(void) { lives_ten_times(EBB_SAMPLER, "thread_end", true); }

static void threads_of_a_plugin_are_survived(void) {
  if (file_exists(broken("simulator_openmp.so"))) lives_ten_times(EBB_SIMULATOR, "openmp", false);
}

static void a_crash_names_its_component(void) {
  const EbbModule *module;
  CU_ASSERT_EQUAL_FATAL(plugin_load(broken("sampler_crash.so"), false, &module), EBB_OK);
  listen_to_log();
  pid_t child = fork();
  if (child == 0) {
    breadcrumb_install();
    EbbChild crash = {.component = module->components[0]};
    uint32_t stream = 0;
    plugin_create(arena, NULL, &crash, &stream);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const char *text = heard();
  CU_ASSERT_TRUE(WIFSIGNALED(status));
  CU_ASSERT_EQUAL(WTERMSIG(status), SIGSEGV);
  says("crash", text, "SIGSEGV");
  says("crash", text, "sampler/crash, slot create");
}

/* ---- the registry ---- */

static void one_file_is_opened_for_one_id(void) {
  const char *place = folder("single");
  put(place, "sampler_second.so");
  CU_ASSERT_EQUAL(file_write(path_join(arena, place, "sampler_junk.so"), "junk", 4), EBB_OK);
  Registry *r = registry(1, &place);
  const Plugin *p, *again;
  CU_ASSERT_EQUAL_FATAL(registry_find(r, EBB_SAMPLER, "second", &p), EBB_OK);
  CU_ASSERT_STRING_EQUAL(p->component->version, "second");
  CU_ASSERT_STRING_EQUAL(p->file, path_absolute(arena, path_join(arena, place, "sampler_second.so")));
  CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, "second", &again), EBB_OK);
  CU_ASSERT_PTR_EQUAL(p, again);
  CU_ASSERT_PTR_EQUAL(registry_plugin(r, p->component), p);
  char hex[65], same[65];
  CU_ASSERT_EQUAL(plugin_sha256(p, hex), EBB_OK);
  CU_ASSERT_EQUAL(sha256_file(broken("sampler_second.so"), same), EBB_OK);
  CU_ASSERT_STRING_EQUAL(hex, same);

  ConfigPlugins plugins = registry_config(r);
  const EbbComponent *c = NULL;
  CU_ASSERT_EQUAL(plugins.find(plugins.ctx, EBB_SAMPLER, "second", &c), EBB_OK);
  CU_ASSERT_PTR_EQUAL(c, p->component);
  CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, "junk", &p), EBB_E_ABI);
  says("junk", fail_text(), "sampler_junk.so: cannot be loaded");
  CU_ASSERT_PTR_NULL(p);
  registry_free(r);
}

static void a_slip_is_told_with_what_is_near_and_where_it_was_sought(void) {
  const char *place = folder("near");
  put(place, "sampler_second.so");
  put(place, "simulator_adder.so");
  CU_ASSERT_EQUAL(file_write(path_join(arena, place, "sampler_junk.so"), "junk", 4), EBB_OK);
  Registry *r = registry(1, &place);
  const Plugin *p;
  CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, "secnod", &p), EBB_E_CONFIG);
  says("slip", fail_text(), "no sampler \"secnod\"; did you mean \"second\"?");
  says("slip", fail_text(), path_absolute(arena, place));
  says("slip", fail_text(), "there cannot be loaded");
  CU_ASSERT_EQUAL(registry_find(r, EBB_SIMULATOR, "second", &p), EBB_E_CONFIG); /* another kind is no help */
  says("kind", fail_text(), "no simulator \"second\"; there is ");
  says("kind", fail_text(), "adder");
  registry_free(r);
}

static void an_id_is_no_path(void) {
  const char *place = folder("path"), *inner = folder("path/sampler_x");
  put(place, "sampler_second.so");
  put(inner, "sampler_first.so");
  Registry *r = registry(1, &place);
  static const char *const ids[] = {"x/../sampler_second", "x/sampler_first", "/second", "", "Second", "second.so"};
  const Plugin *p;
  for (size_t i = 0; i < COUNT(ids); i++) {
    CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, ids[i], &p), EBB_E_CONFIG);
    says(ids[i], fail_text(), "no sampler");
  }
  registry_free(r);
}

static void the_first_folder_wins_and_says_so(void) {
  const char *places[] = {folder("one"), folder("two")};
  const char *a = put(places[0], "sampler_second.so"), *b = put(places[1], "sampler_second.so");
  Registry *r = registry(2, places);
  const Plugin *p;
  listen_to_log();
  EbbStatus status = registry_find(r, EBB_SAMPLER, "second", &p);
  const char *text = heard();
  CU_ASSERT_EQUAL_FATAL(status, EBB_OK);
  CU_ASSERT_STRING_EQUAL(p->file, path_absolute(arena, a));
  says("shadow", text, a);
  says("shadow", text, b);
  says("shadow", text, "passed over");
  registry_free(r);
}

/* The second folder's file, loaded for another component, held it too and was seen first. */
static void the_first_folder_wins_whatever_was_loaded_before(void) {
  const char *places[] = {folder("early"), folder("late")};
  put(places[0], "sampler_second.so");
  put(places[1], "sampler_first.so");
  Registry *r = registry(2, places);
  const Plugin *p;
  CU_ASSERT_EQUAL_FATAL(registry_find(r, EBB_SAMPLER, "first", &p), EBB_OK);
  listen_to_log();
  EbbStatus status = registry_find(r, EBB_SAMPLER, "second", &p);
  const char *text = heard();
  CU_ASSERT_EQUAL_FATAL(status, EBB_OK);
  CU_ASSERT_STRING_EQUAL(p->component->version, "second");
  says("shadow", text, "late/sampler_first.so is passed over");
  registry_free(r);
}

static void one_component_in_two_files_of_a_folder_is_an_error(void) {
  const char *place = folder("both");
  put(place, "sampler_first.so");
  put(place, "sampler_second.so");
  const Plugin *p;
  Registry *r = registry(1, &place);
  CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, "first", &p), EBB_OK);
  CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, "second", &p), EBB_E_UNSUPPORTED);
  says("both", fail_text(), "sampler_first.so");
  says("both", fail_text(), "sampler_second.so");
  registry_free(r);

  const Plugin **all;
  BrokenPlugin *bad;
  size_t n, bad_n;
  r = registry(1, &place);
  CU_ASSERT_EQUAL(registry_all(r, arena, &all, &n, &bad, &bad_n), EBB_OK);
  bool listed = false;
  for (size_t i = 0; i < n; i++) CU_ASSERT_STRING_NOT_EQUAL(all[i]->component->id, "second");
  for (size_t i = 0; i < bad_n; i++)
    listed = listed || (strstr(bad[i].message, "sampler_first.so") != NULL && strstr(bad[i].message, "sampler_second.so") != NULL);
  CU_ASSERT_TRUE(listed);
  registry_free(r);
}

static void a_component_is_found_in_a_file_of_another_name(void) {
  const char *place = folder("further");
  put(place, "sampler_first.so");
  Registry *r = registry(1, &place);
  const Plugin *p;
  CU_ASSERT_EQUAL_FATAL(registry_find(r, EBB_SAMPLER, "second", &p), EBB_OK);
  CU_ASSERT_STRING_EQUAL(p->component->version, "first");
  registry_free(r);
}

static void a_link_to_a_file_is_that_file(void) {
  const char *places[] = {folder("real"), folder("linked")};
  const char *path = put(places[0], "sampler_second.so");
  CU_ASSERT_EQUAL(symlink(path, path_join(arena, places[1], "sampler_second.so")), 0);
  CU_ASSERT_EQUAL(symlink(path, path_join(arena, places[0], "sampler_third.so")), 0);
  Registry *r = registry(2, places);
  const Plugin *p, **all;
  BrokenPlugin *bad;
  size_t n, bad_n, ours = 0;
  listen_to_log();
  EbbStatus status = registry_find(r, EBB_SAMPLER, "second", &p);
  EbbStatus listing = registry_all(r, arena, &all, &n, &bad, &bad_n);
  const char *text = heard();
  CU_ASSERT_EQUAL(status, EBB_OK);
  CU_ASSERT_EQUAL(listing, EBB_OK);
  CU_ASSERT_PTR_NULL(strstr(text, room));
  for (size_t i = 0; i < n; i++) ours += strcmp(all[i]->component->id, "second") == 0;
  CU_ASSERT_EQUAL(ours, 1);
  for (size_t i = 0; i < bad_n; i++) CU_ASSERT_FALSE(in_room(bad[i].file));
  registry_free(r);
}

static void all_plugins_are_listed_in_order_with_the_broken_ones(void) {
  const char *place = folder("all");
  put(place, "sampler_second.so");
  put(place, "simulator_doubler.so");
  put(place, "simulator_adder.so");
  put(place, "sampler_empty.so");
  CU_ASSERT_EQUAL(file_write(path_join(arena, place, "libother.so"), "junk", 4), EBB_OK); /* not named as a plugin: no business of ours */
  Registry *r = registry(1, &place);
  const Plugin **all;
  BrokenPlugin *bad;
  size_t n, bad_n, at = 0;
  CU_ASSERT_EQUAL(registry_all(r, arena, &all, &n, &bad, &bad_n), EBB_OK);
  static const char *const expected[] = {"adder", "doubler", "second"};
  for (size_t i = 0; i < n && at < 3; i++) at += strcmp(all[i]->component->id, expected[at]) == 0;
  CU_ASSERT_EQUAL(at, 3);
  size_t ours = 0;
  for (size_t i = 0; i < bad_n; i++) {
    if (!in_room(bad[i].file)) continue;
    ours++;
    says("broken", bad[i].file, "sampler_empty.so");
    says("broken", bad[i].message, "lists no component");
  }
  CU_ASSERT_EQUAL(ours, 1);
  registry_free(r);
}

static void files_named_on_the_command_line_come_first_or_fail_at_once(void) {
  const char *place = folder("behind"), *files[] = {put(folder("before"), "sampler_first.so")};
  put(place, "sampler_second.so");
  Registry *r = NULL;
  RegistryOptions o = {.folders = &place, .folder_count = 1, .files = files, .file_count = 1};
  CU_ASSERT_EQUAL_FATAL(registry_new(&o, &r), EBB_OK);
  const Plugin *p;
  CU_ASSERT_EQUAL_FATAL(registry_find(r, EBB_SAMPLER, "second", &p), EBB_OK);
  CU_ASSERT_STRING_EQUAL(p->component->version, "first");
  registry_free(r);
  files[0] = broken("sampler_no_symbol.so");
  CU_ASSERT_EQUAL(registry_new(&o, &r), EBB_E_ABI);
  says("file", fail_text(), "sampler_no_symbol.so");
  const char *nowhere = path_join(arena, room, "nowhere");
  CU_ASSERT_EQUAL(registry_new(&(RegistryOptions){.folders = &nowhere, .folder_count = 1}, &r), EBB_E_IO);
  says("folder", fail_text(), nowhere);
}

static void the_environment_s_path_takes_absolute_folders_only(void) {
  const char *place = folder("environment");
  put(place, "sampler_second.so");
  setenv("EBB_PLUGIN_PATH", arena_print(arena, "plugins::%s:/nowhere/at/all", place), 1);
  listen_to_log();
  Registry *r = registry(0, NULL);
  const char *text = heard();
  says("path", text, "\"plugins\" is ignored");
  const Plugin *p;
  CU_ASSERT_EQUAL(registry_find(r, EBB_SAMPLER, "second", &p), EBB_OK);
  registry_free(r);
  unsetenv("EBB_PLUGIN_PATH");
}

/* Runs a copy of this program, which prints the file that sampler/second is found in. */
static const char *found_from(const char *executable) {
  FILE *answer = popen(arena_print(arena, "'%s' --find second", executable), "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
  char line[1024] = "";
  if (fgets(line, sizeof line, answer) == NULL) line[0] = '\0';
  pclose(answer);
  line[strcspn(line, "\n")] = '\0';
  return arena_copy(arena, line);
}

static void own_plugins_are_found_from_where_the_program_lies(void) {
  const char *self = path_absolute(arena, "/proc/self/exe");
  const char *tree[][3] = {
      {"prefix/bin", "prefix/" EBB_LIBDIR "/ebb", "installed"},
      {"moved/bin", "moved/lib/ebb", "installed elsewhere"},
      {"build/core", "build", "build tree"},
      {"build2/tests/unit", "build2", "test in a build tree"},
  };
  for (size_t i = 0; i < COUNT(tree); i++) {
    const char *program = copy(self, path_join(arena, folder(tree[i][0]), "program"));
    const char *plugin = put(folder(tree[i][1]), "sampler_second.so");
    CU_ASSERT_STRING_EQUAL(found_from(program), path_absolute(arena, plugin));
  }
  CU_ASSERT_STRING_EQUAL(found_from(copy(self, path_join(arena, folder("bare/a/b/c/d"), "program"))), "");
}

static int find_and_print(const char *id) {
  Registry *r = NULL;
  const Plugin *p = NULL;
  if (registry_new(&(RegistryOptions){.trust = false}, &r) != EBB_OK) return 1;
  EbbStatus status = registry_find(r, EBB_SAMPLER, id, &p);
  if (status == EBB_OK) printf("%s\n", p->file);
  registry_free(r);
  return status == EBB_OK ? 0 : 1;
}

static const Test tests[] = {
    {"each fault has its message", each_fault_has_its_message},
    {"what is no library is told", what_is_no_library_is_told},
    {"a sound plugin is loaded, and twice is once", a_sound_plugin_is_loaded_and_twice_is_once},
    {"writable by all is refused unless trusted", writable_by_all_is_refused_unless_trusted},
    {"a stranger's file is warned of", a_stranger_s_file_is_warned_of},
    {"denormals live on whatever a library does", denormals_live_on_whatever_a_library_does},
    {"helpers of one name do not meet", helpers_of_one_name_do_not_meet},
    {"a helper may have a name of libc", a_helper_may_have_a_name_of_libc},
    {"thread ends are survived", thread_ends_are_survived},
    {"threads of a plugin are survived", threads_of_a_plugin_are_survived},
    {"a crash names its component", a_crash_names_its_component},
    {"one file is opened for one id", one_file_is_opened_for_one_id},
    {"a slip is told with what is near and where it was sought", a_slip_is_told_with_what_is_near_and_where_it_was_sought},
    {"an id is no path", an_id_is_no_path},
    {"the first folder wins and says so", the_first_folder_wins_and_says_so},
    {"the first folder wins whatever was loaded before", the_first_folder_wins_whatever_was_loaded_before},
    {"one component in two files of a folder is an error", one_component_in_two_files_of_a_folder_is_an_error},
    {"a component is found in a file of another name", a_component_is_found_in_a_file_of_another_name},
    {"a link to a file is that file", a_link_to_a_file_is_that_file},
    {"all plugins are listed in order, with the broken ones", all_plugins_are_listed_in_order_with_the_broken_ones},
    {"files named on the command line come first or fail at once", files_named_on_the_command_line_come_first_or_fail_at_once},
    {"the environment's path takes absolute folders only", the_environment_s_path_takes_absolute_folders_only},
    {"own plugins are found from where the program lies", own_plugins_are_found_from_where_the_program_lies},
};

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--find") == 0) return find_and_print(argv[2]);
  unsetenv("EBB_PLUGIN_PATH");
  arena = arena_new();
  const char *temporary = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : P_tmpdir;
  snprintf(room, sizeof room, "%s/ebb-plugin-XXXXXX", temporary);
  if (mkdtemp(room) == NULL) return 99;
  snprintf(room, sizeof room, "%s", path_absolute(arena, room)); /* as messages show it */
  int failed = test_main("plugin", tests, COUNT(tests));
  if (folder_remove(room) != EBB_OK) failed = 1;
  arena_free(arena);
  return failed;
}
