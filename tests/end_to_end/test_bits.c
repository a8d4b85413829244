/* SPDX-License-Identifier: MIT
 *
 * The same bits on any number of threads, with any block, for any selection of observations and draws. */
#include <math.h>

#include "ebb.h"

static const char *const draws_file = "small/posterior/theta.npy", *const model_file = "small/model.safetensors";

/* A run in a folder of runs of its own gives the draws and the model of the first. */
static void same(const Folder *f, const char *runs, const char *line) {
  Call call = sh(f, "%s", line);
  EXPECT(call, call.status == 0 && !call_says(&call, "re-used"));
  const char *const files[] = {draws_file, model_file, "small/simulations/x.npy", "small/posterior/summary.csv"};
  for (size_t i = 0; i < COUNT(files); i++) {
    char *expected = bits(f, arena_print(f->arena, "runs/%s", files[i])), *found = bits(f, arena_print(f->arena, "%s/%s", runs, files[i]));
    if (strcmp(expected, found) != 0) printf("%s: %s differs\n", line, files[i]);
    CU_ASSERT_STRING_EQUAL(found, expected);
  }
}

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  Call call = sh(&f, "$EBB run small.yaml --threads 2");
  ENDS(call, 0, NULL);
  return f;
}

static void threads_change_no_bit(void) {
  Folder f = begin();
  same(&f, "one", "$EBB run small.yaml --runs one --threads 1");
  same(&f, "three", "$EBB run small.yaml --runs three --threads 3");
  same(&f, "seven", "$EBB run small.yaml --runs seven --threads 7");
  folder_end(&f);
}

static void blocks_change_no_bit(void) {
  Folder f = begin();
  static const int blocks[] = {1, 64, 257, 4096};
  for (size_t i = 0; i < COUNT(blocks); i++) {
    char *runs = arena_print(f.arena, "b%d", blocks[i]);
    same(&f, runs, arena_print(f.arena, "$EBB run small.yaml --runs %s --block %d --threads %d", runs, blocks[i], 1 + (int)i % 3));
  }
  folder_end(&f);
}

/* Each instruction set has bits of its own, which no number of threads and no block changes. */
static void each_instruction_set_keeps_its_bits(void) {
  static const char *const levels[] = {"portable", "avx2", "avx512"};
  Folder f = folder_begin();
  put_text(&f, "small.yaml", small_spec);
  for (size_t i = 0; i < COUNT(levels); i++) {
    Call first = sh(&f, "EBB_ISA=%s $EBB run small.yaml --threads 1", levels[i]);
    if (first.status == 2) {
      printf("skipped: this machine has no %s\n", levels[i]);
      continue;
    }
    ENDS(first, 0, NULL);
    same(&f, levels[i], arena_print(f.arena, "EBB_ISA=%s $EBB run small.yaml --runs %s --threads 3 --block 37", levels[i], levels[i]));
  }
  folder_end(&f);
}

/* Every sampler with every number of threads and block: samplers with noise of their own too. */
static void every_sampler_keeps_its_bits(void) {
  Folder f = begin();
  static const char *const samplers[] = {"ddim,eta: 1", "heun", "dpmpp_2m", "euler_maruyama"};
  for (size_t i = 0; i < COUNT(samplers); i++) {
    char *use = arena_print(f.arena, "--set 'sampling.sampler={use: %s, steps: 5}'", samplers[i]);
    Call one = sh(&f, "rm -r runs/.store/sample*; $EBB run small.yaml --name one %s --threads 1 --block 4096", use);
    ENDS(one, 0, "re-used: simulate, train\n");
    char *expected = bits(&f, "runs/one/posterior/theta.npy");
    Call other = sh(&f, "rm -r runs/.store/sample*; $EBB run small.yaml --name one %s --threads 3 --block 37", use);
    ENDS(other, 0, NULL);
    CU_ASSERT_STRING_EQUAL(bits(&f, "runs/one/posterior/theta.npy"), expected);
  }
  folder_end(&f);
}

static void an_observation_alone_has_the_bits_it_had_among_others(void) {
  Folder f = begin();
  int64_t n, m;
  const float *both = get_floats(&f, "runs/small/posterior/theta.npy", &n, NULL);
  Call call = sh(&f, "$EBB run small.yaml --set sampling.observations.index='[2]'");
  ENDS(call, 0, NULL);
  const char *shape;
  const float *alone = get_floats(&f, "runs/small/posterior/theta.npy", &m, &shape);
  CU_ASSERT_STRING_EQUAL(shape, "(1, 300, 2)");
  CU_ASSERT_FATAL(n == 1200 && m == 600);
  CU_ASSERT(memcmp(both + 600, alone, 600 * sizeof(float)) == 0);
  CU_ASSERT(memcmp(both, alone, 600 * sizeof(float)) != 0);
  call = sh(&f, "$EBB run small.yaml --set sampling.observations.index='[5, 2, 1]'");
  ENDS(call, 0, NULL);
  const float *three = get_floats(&f, "runs/small/posterior/theta.npy", &m, &shape);
  CU_ASSERT_FATAL(m == 1800);
  CU_ASSERT(memcmp(three + 600, both + 600, 600 * sizeof(float)) == 0);
  CU_ASSERT(memcmp(three + 1200, both, 600 * sizeof(float)) == 0);
  folder_end(&f);
}

static void more_draws_extend_the_old_ones(void) {
  Folder f = begin();
  int64_t n, m;
  const float *few = get_floats(&f, "runs/small/posterior/theta.npy", &n, NULL);
  Call call = sh(&f, "$EBB run small.yaml --set sampling.draws=5000 --block 100");
  ENDS(call, 0, NULL);
  const float *many = get_floats(&f, "runs/small/posterior/theta.npy", &m, NULL);
  CU_ASSERT_FATAL(n == 1200 && m == 20000);
  CU_ASSERT(memcmp(few, many, 600 * sizeof(float)) == 0);
  CU_ASSERT(memcmp(few + 600, many + 10000, 600 * sizeof(float)) == 0);
  folder_end(&f);
}

/* New data through `ebb sample` are the same rows that the spec's own observations would be. */
static void new_data_give_the_bits_of_the_same_data_in_a_spec(void) {
  Folder f = begin();
  static const float published[2][2] = {{-0.6396706f, 0.16234657f}, {-0.5676688f, -0.33194834f}};
  put_rows(&f, "x.npy", 2, 2, &published[0][0]);
  Call call = sh(&f, "$EBB sample runs/small --observations x.npy --draws 300 --out new --threads 1 --block 50");
  ENDS(call, 0, NULL);
  CU_ASSERT_STRING_EQUAL(bits(&f, "new/theta.npy"), bits(&f, "runs/small/posterior/theta.npy"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "new/summary.csv"), bits(&f, "runs/small/posterior/summary.csv"));
  folder_end(&f);
}

/* A30: the number of threads is the job's, it is printed with its source, and changes nothing. */
static void threads_are_the_jobs_and_are_printed(void) {
  Folder f = begin();
  if (sh(&f, "command -v taskset").status == 0) {
    same(&f, "pinned", "taskset -c 0 $EBB run small.yaml --runs pinned");
    Call pinned = sh(&f, "taskset -c 0 $EBB run small.yaml --runs pinned");
    ENDS(pinned, 0, ", 1 thread (affinity)");
  }
  same(&f, "job", "SLURM_CPUS_PER_TASK=1 OMP_NUM_THREADS=garbage $EBB run small.yaml --runs job");
  Call call = sh(&f, "SLURM_CPUS_PER_TASK=1 $EBB run small.yaml");
  EXPECT(call, call.status == 0 && call_says(&call, ", 1 thread ("));
  call = sh(&f, "SLURM_CPUS_PER_TASK=1 $EBB run small.yaml --threads 3");
  ENDS(call, 0, ", 3 threads (--threads)");
  Call machine = sh(&f, "$EBB run small.yaml"), nonsense = sh(&f, "SLURM_CPUS_PER_TASK=many $EBB run small.yaml");
  machine.err[strcspn(machine.err, "\n")] = nonsense.err[strcspn(nonsense.err, "\n")] = '\0';
  CU_ASSERT_STRING_EQUAL(nonsense.err, machine.err);
  folder_end(&f);
}

static void other_environments_change_no_bit(void) {
  Folder f = begin();
  same(&f, "german", "LC_ALL=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8 LANG=de_DE.UTF-8 $EBB run small.yaml --runs german");
  same(&f, "blas", "OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=2 $EBB run small.yaml --runs blas");
  same(&f, "bare", "env -i EBB=$EBB sh -c '$EBB run small.yaml --runs bare'");
  folder_end(&f);
}

static const Test tests[] = {
    {"1, 2, 3 and 7 threads give the same bits", threads_change_no_bit},
    {"blocks of 1, 64, 257 and 4096 rows give the same bits", blocks_change_no_bit},
    {"each instruction set gives the same bits with any block and thread", each_instruction_set_keeps_its_bits},
    {"every sampler gives the same bits with any block and thread", every_sampler_keeps_its_bits},
    {"an observation alone has the bits it had among others", an_observation_alone_has_the_bits_it_had_among_others},
    {"more draws extend the old ones", more_draws_extend_the_old_ones},
    {"ebb sample on the spec's own data gives the run's draws", new_data_give_the_bits_of_the_same_data_in_a_spec},
    {"the number of threads is the job's, printed with its source", threads_are_the_jobs_and_are_printed},
    {"locale, BLAS threads and an empty environment change no bit", other_environments_change_no_bit},
};

TEST_MAIN("the same bits", tests)
