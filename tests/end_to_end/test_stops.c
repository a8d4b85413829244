/* SPDX-License-Identifier: MIT
 *
 * Runs that are stopped: by the user, by a scheduler, by kill -9, twice at once, with damaged checkpoints. Each goes on by the same command and ends
 * with the bits of a run that was never stopped. Moments are drawn from a seed; whatever the machine's speed, every check holds. */
#include <math.h>
#include <signal.h>

#include "ebb.h"

/* Training of a second or two, so that a stop falls into it. */
static const char *const longer_spec = "seed: 3\n"
                                       "simulator: {use: two_moons}\n"
                                       "simulations: {count: 600}\n"
                                       "model:\n"
                                       "  network: {use: time_mlp, width: 32, blocks: 2}\n"
                                       "training: {epochs: 1400, batch: 64, patience: 0}\n"
                                       "sampling: {draws: 300, sampler: {use: ddim, steps: 5}}\n";

/* Simulations that take 2 ms a row, so that a stop falls into them. */
static const char *const slow_spec = "seed: 3\n"
                                     "simulator: {use: workbench, microseconds: 2000}\n"
                                     "simulations: {count: 900}\n"
                                     "model:\n"
                                     "  network: {use: time_mlp, width: 16, blocks: 1}\n"
                                     "training: {epochs: 2}\n";

/* Sanitizers are slow: less is trained under them. */
static int epochs(int n) { return getenv("EBB_SANITIZED") != NULL ? n / 4 : n; }

static Folder begin(const char *spec) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  return f;
}

/* Begins a run and waits until a stage of the store is being worked on. */
static Child begin_until(const Folder *f, const char *stage, const char *line) {
  Child child = sh_begin(f, "%s", line);
  for (int k = 0; k < 2000; k++) {
    if (sh(f, "ls -d runs/.store/%s-*.work", stage).status == 0) break;
    if (!sh_lasts(child, 0.005)) break;
  }
  return child;
}

/* No file under its final name is half-written: whatever can be opened is whole. */
static void nothing_is_half_written(const Folder *f) {
  Call left = sh(f, "find runs -name '*.npy' -o -name '*.safetensors' -o -name '*.json' -o -name '*.csv' | grep -v '[.]work/'");
  for (char *rest = left.out, *path = strsep(&rest, "\n"); path != NULL; path = strsep(&rest, "\n")) {
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".npy") == 0) {
      int64_t count;
      CU_ASSERT(get_floats(f, path, &count, NULL) != NULL);
    }
    if (n > 5 && strcmp(path + n - 5, ".json") == 0) CU_ASSERT(get_json(f, path, "") != NULL);
  }
}

static void same_end(const Folder *f, const char *whole) {
  static const char *const files[] = {"posterior/theta.npy", "model.safetensors", "simulations/x.npy", "simulations/theta.npy"};
  for (size_t i = 0; i < COUNT(files); i++)
    CU_ASSERT_STRING_EQUAL(bits(f, path_join(f->arena, "runs/spec", files[i])), bits(f, path_join(f->arena, whole, files[i])));
}

static void stopped_in_training(int signal, int status) {
  Folder f = begin(longer_spec);
  char *line = arena_print(f.arena, "exec $EBB run spec.yaml --set training.epochs=%d", epochs(1400));
  Call whole = sh(&f, "%s --runs whole", line);
  ENDS(whole, 0, NULL);
  pause_seed((uint64_t)signal);
  int stopped = 0;
  bool ended = false;
  for (int k = 0; k < 3 && !ended; k++) {
    Child child = begin_until(&f, "train", line);
    wait_seconds(0.3 * pause_uniform());
    kill(child.process, signal);
    Call call = sh_end(&f, child);
    ended = call.status == 0;
    if (ended) break; /* a machine so fast that it was through */
    EXPECT(call, call.status == status && call_says(&call, "the same command goes on from there"));
    if (call_says(&call, "stopped at training step")) {
      EXPECT(call, call_says(&call, "a checkpoint is written"));
      EXPECT(call, k == 0 || stopped == 0 || call_says(&call, "goes on from step"));
      stopped++;
    } else {
      ended = true; /* training was through, what came after it was stopped */
    }
    nothing_is_half_written(&f);
  }
  Call last = sh(&f, "%s --threads 3", line);
  EXPECT(last, last.status == 0 && (stopped == 0 || ended || call_says(&last, "train: goes on from step")));
  same_end(&f, "whole/spec");
  Call left = sh(&f, "ls -d runs/.store/*.work");
  EXPECT(left, left.status != 0);
  folder_end(&f);
}

static void sigint_in_training(void) { stopped_in_training(SIGINT, 130); }
static void sigterm_in_training(void) { stopped_in_training(SIGTERM, 143); }

static void stopped_while_simulating(void) {
  Folder f = begin(slow_spec);
  Call whole = sh(&f, "$EBB simulate spec.yaml --runs whole --plugin-dir $PLUGINS");
  ENDS(whole, 0, NULL);
  pause_seed(11);
  for (int k = 0; k < 2; k++) {
    Child child = begin_until(&f, "simulate", "exec $EBB simulate spec.yaml --plugin-dir $PLUGINS");
    wait_seconds(0.2 + 0.2 * pause_uniform());
    kill(child.process, k == 0 ? SIGTERM : SIGINT);
    Call call = sh_end(&f, child);
    if (call.status == 0) break;
    EXPECT(call, call.status == (k == 0 ? 143 : 130) && call_says(&call, "stopped while simulating") && call_says(&call, "rows are kept"));
    nothing_is_half_written(&f);
  }
  Call last = sh(&f, "$EBB simulate spec.yaml --plugin-dir $PLUGINS");
  ENDS(last, 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/simulations/x.npy"), bits(&f, "whole/spec/simulations/x.npy"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/simulations/failed.npy"), bits(&f, "whole/spec/simulations/failed.npy"));
  folder_end(&f);
}

/* A simulator of half a second a row: a stop is heard after the rows at work, not after thousands. */
static void a_slow_simulator_can_be_stopped(void) {
  Folder f = begin("simulator: {use: workbench, microseconds: 500000}\nsimulations: {count: 1000}\n");
  Child child = begin_until(&f, "simulate", "exec $EBB simulate spec.yaml --plugin-dir $PLUGINS --threads 2");
  wait_seconds(1.2);
  kill(child.process, SIGTERM);
  CU_ASSERT(!sh_lasts(child, 30)); /* all rows would take 250 s */
  kill(child.process, SIGKILL);
  Call call = sh_end(&f, child);
  EXPECT(call, call.status == 143 && call_says(&call, "rows are kept"));
  EXPECT(call, !call_says(&call, "; 0 of 1000 rows"));
  folder_end(&f);
}

static void stopped_while_sampling(void) {
  Folder f = begin(longer_spec);
  Call trained = sh(&f, "$EBB run spec.yaml --set training.epochs=2 --set sampling.draws=200000 --runs whole && cp -r whole runs && "
                        "rm -r runs/.store/sample* runs/spec");
  ENDS(trained, 0, NULL);
  pause_seed(5);
  for (int k = 0; k < 2; k++) {
    Child child = begin_until(&f, "sample", "exec $EBB run spec.yaml --set training.epochs=2 --set sampling.draws=200000 --block 100");
    wait_seconds(0.1 * pause_uniform());
    kill(child.process, SIGTERM);
    Call call = sh_end(&f, child);
    if (call.status == 0) break;
    EXPECT(call, call.status == 143 && call_says(&call, "the same command goes on from there"));
  }
  Call last = sh(&f, "$EBB run spec.yaml --set training.epochs=2 --set sampling.draws=200000 --threads 1");
  ENDS(last, 0, NULL);
  same_end(&f, "whole/spec");
  folder_end(&f);
}

/* A second signal does not wait for a checkpoint. */
static void a_second_signal_ends_at_once(void) {
  Folder f = begin("simulator: {use: workbench, microseconds: 20000000}\nsimulations: {count: 10}\n");
  Child child = begin_until(&f, "simulate", "exec $EBB simulate spec.yaml --plugin-dir $PLUGINS");
  wait_seconds(0.3); /* into the first block, which takes 20 s */
  bool lasts = true;
  for (int k = 0; k < 100 && lasts; k++) { /* two that come before the first is handled count as one */
    kill(child.process, SIGINT);
    lasts = sh_lasts(child, 0.2);
  }
  CU_ASSERT(!lasts);
  kill(child.process, SIGKILL);
  Call call = sh_end(&f, child);
  /* a signal that came before the first block began is answered the quiet way */
  EXPECT(call, call.status == 130 && (call_says(&call, "stopped at once") || call_says(&call, "0 of 10 rows are kept")));
  folder_end(&f);
}

/* A31: what a crash of the machine may leave of a checkpoint. The previous one is taken, or none, and it is said. */
static void damaged_checkpoints_are_passed_over(void) {
  static const struct {
    const char *damage;
    bool both;
  } cases[] = {
      {": > $N", false},           {"truncate -s -100 $N", false},
      {"truncate -s 9 $N", false}, {"S=$(stat -c %s $N); truncate -s 0 $N; truncate -s $S $N", false},
      {": > $N; : > $P", true},
  };
  Folder f = begin(longer_spec);
  char *line = arena_print(f.arena, "exec $EBB run spec.yaml --set training.epochs=%d", epochs(600));
  Call whole = sh(&f, "%s --runs whole", line);
  ENDS(whole, 0, NULL);
  for (size_t i = 0; i < COUNT(cases); i++) {
    Call fresh = sh(&f, "rm -rf runs");
    ENDS(fresh, 0, NULL);
    for (int k = 0; k < 2; k++) { /* two stops: a checkpoint and the one before it */
      Child child = begin_until(&f, "train", line);
      wait_seconds(0.1);
      kill(child.process, SIGTERM);
      sh_end(&f, child);
    }
    Call damage =
        sh(&f,
           "W=$(ls -d runs/.store/train-*.work); N=$W/checkpoint.safetensors; P=$W/checkpoint.previous.safetensors; test -s $N && test -s $P "
           "&& { %s; }",
           cases[i].damage);
    if (damage.status != 0) { /* a machine so fast that it was through */
      printf("skipped damage %zu: the run was through before it was stopped ", i);
      continue;
    }
    Call call = sh(&f, "%s", line);
    EXPECT(call, call.status == 0 && call_says(&call, "checkpoint passed over: ") && call_says(&call, "checkpoint.safetensors"));
    EXPECT(call, call_says(&call, "goes on from step") == !cases[i].both);
    same_end(&f, "whole/spec");
  }
  folder_end(&f);
}

static void two_processes_at_once_end_well(void) {
  Folder f = begin(longer_spec);
  char *line = arena_print(f.arena, "exec $EBB run spec.yaml --threads 1 --set training.epochs=%d", epochs(600));
  Call whole = sh(&f, "%s --runs whole", line);
  ENDS(whole, 0, NULL);
  Child one = sh_begin(&f, "%s", line), two = sh_begin(&f, "%s", line);
  Call first = sh_end(&f, one), second = sh_end(&f, two);
  ENDS(first, 0, NULL);
  ENDS(second, 0, NULL);
  same_end(&f, "whole/spec");
  folder_end(&f);
}

/* A disk that fills: an error with the file and the reason; with room again the run goes on. */
static void a_full_disk_is_an_error_and_leaves_what_there_was(void) {
  Folder f = begin(longer_spec);
  Call made = sh(&f, "mkdir runs && mount -t tmpfs -o size=200k tmpfs runs");
  if (made.status != 0) {
    printf("SKIP: no tmpfs can be mounted here ");
    folder_end(&f);
    return;
  }
  Call call = sh(&f, "$EBB run spec.yaml --set sampling.draws=100000 --set training.epochs=%d", epochs(600));
  EXPECT(call, call.status == 1 && call_says(&call, "o space left on device"));
  nothing_is_half_written(&f);
  Call room = sh(&f, "mount -o remount,size=20m runs && $EBB run spec.yaml --set sampling.draws=100000 --set training.epochs=%d", epochs(600));
  ENDS(room, 0, "re-used: simulate");
  Call gone = sh(&f, "umount runs");
  ENDS(gone, 0, NULL);
  folder_end(&f);
}

static const Test tests[] = {
    {"SIGINT in training: 130, a checkpoint, and on to the same bits", sigint_in_training},
    {"SIGTERM in training: 143, a checkpoint, and on to the same bits", sigterm_in_training},
    {"a stop while simulating keeps the rows", stopped_while_simulating},
    {"a simulator that takes long for a row can be stopped", a_slow_simulator_can_be_stopped},
    {"a stop while sampling ends with the same draws", stopped_while_sampling},
    {"a second signal ends at once", a_second_signal_ends_at_once},
    {"cut and empty checkpoints are passed over, and said", damaged_checkpoints_are_passed_over},
    {"two processes on one store end well", two_processes_at_once_end_well},
    {"a full disk is an error that leaves what there was", a_full_disk_is_an_error_and_leaves_what_there_was},
};

TEST_MAIN("runs that are stopped", tests)
