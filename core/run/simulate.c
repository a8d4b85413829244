/* SPDX-License-Identifier: MIT
 *
 * The simulate stage: parameters from the prior, data from the simulator, in blocks of fixed size whose rows are addressed. The folder's key does not
 * depend on how many rows: a larger count takes over the rows of the largest set there is. Files grow in place; `rows` says how many are whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/joint.h"
#include "run/files.h"
#include "run/run.h"

enum { BLOCK = 100, WAVE = 64000 }; /* most rows a task; most rows between two writes */

typedef struct Simulating {
  const EbbChild *simulator;
  const EbbModelInfo *info;
  Joint joint;        /* of the declared priors */
  const Files *files; /* both from here; NULL: drawn and simulated */
  uint64_t seed;
  int64_t first, rows, block, d, q; /* block: rows a task */
  uint32_t prior;                   /* stream of parameters drawn from the prior; 0: theta is given */
  float *theta, *x;
  uint8_t *failed;
  Progress *progress;
} Simulating;

static EbbStatus draw_prior(const Simulating *s, EbbWork *work, int64_t n, const uint64_t *id, float *theta) {
  const EbbSimulatorOps *ops = s->simulator->ops;
  EbbRng rng = {s->seed, s->prior};
  if (ops->prior != NULL) return ops->prior(s->simulator->self, rng, n, id, theta);
  if (!joint_declared(&s->joint))
    return fail(EBB_E_UNSUPPORTED, "parameters cannot be drawn: not all have a declared prior; give each of them one in the spec");
  double *u = work_alloc(work, (size_t)(n * s->d) * sizeof *u);
  random_uniform(rng, n, id, NULL, 0, s->d, u);
  joint_draw(&s->joint, n, u, theta);
  return EBB_OK;
}

static EbbStatus simulate_block(void *ctx, EbbWork *work, int64_t task) {
  const Simulating *s = ctx;
  const EbbSimulatorOps *ops = s->simulator->ops;
  int64_t begin = task * s->block, n = s->rows - begin < s->block ? s->rows - begin : s->block;
  if (run_stop) return fail(EBB_E_CANCELLED, "stopped while simulating");
  uint64_t *id = work_alloc(work, (size_t)n * sizeof *id);
  for (int64_t i = 0; i < n; i++) id[i] = (uint64_t)(s->first + begin + i);
  float *theta = s->theta + begin * s->d, *x = s->x + begin * s->q;
  uint8_t *failed = s->failed + begin;
  memset(failed, 0, (size_t)n);
  EbbStatus status = EBB_OK;
  if (s->prior != 0) status = draw_prior(s, work, n, id, theta);
  EbbData data = {.size = sizeof data, .layout = s->info->data, .rows = n, .value = x};
  if (s->files != NULL) status = files_rows(s->files, s->first + begin, n, theta, x);
  breadcrumb(s->simulator->component, "simulate", n);
  if (status == EBB_OK && s->files == NULL)
    status = ops->simulate(s->simulator->self, work, (EbbRng){s->seed, s->simulator->stream}, n, id, theta, &data, failed);
  breadcrumb(NULL, NULL, 0);
  if (status < 0) return status;
  for (int64_t i = 0; i < n; i++) { /* a number that is not finite is no data, whatever the simulator says */
    bool finite = true;
    for (int64_t j = 0; j < s->d; j++) finite = finite && isfinite(theta[i * s->d + j]);
    for (int64_t j = 0; j < s->q; j++) finite = finite && isfinite(x[i * s->q + j]);
    if (!finite) failed[i] = 1;
  }
  if (s->progress != NULL) progress_add(s->progress, n);
  return EBB_OK;
}

/* Rows a task: the simulator's own block, else so that every thread has some. */
static int64_t rows_a_task(const EbbModelInfo *info, int64_t rows, int64_t threads) {
  int64_t even = (rows + 4 * threads - 1) / (4 * threads);
  if (info->block > 0) return info->block;
  return even < 1 ? 1 : even < BLOCK ? even : BLOCK;
}

/* The threads that wait for a simulator with a wish for how many are called at once; *own is set where they are not the pool's, and freed by the
 * caller. */
static EbbStatus pool_of(const EbbModelInfo *info, Pool *pool, Pool **own) {
  *own = NULL;
  return info->calls > 0 && info->calls != pool_threads(pool) ? pool_new((int)info->calls, own) : EBB_OK;
}

static EbbStatus simulate_all(Simulating *s, Pool *pool) {
  Pool *own;
  s->d = ebb_layout_numbers(&s->info->theta);
  s->q = ebb_layout_numbers(&s->info->data);
  s->block = rows_a_task(s->info, s->rows, pool_threads(pool));
  EbbStatus status = pool_of(s->info, pool, &own);
  if (status == EBB_OK) status = pool_run(own != NULL ? own : pool, (s->rows + s->block - 1) / s->block, simulate_block, s);
  pool_free(own);
  return status;
}

EbbStatus simulate_rows(Pool *pool, const EbbChild *simulator, const EbbModelInfo *info, uint64_t seed, int64_t first, int64_t rows,
                        const float *theta, float *x, uint8_t *failed) {
  Simulating s = {
      .simulator = simulator, .info = info, .seed = seed, .first = first, .rows = rows, .theta = (float *)(uintptr_t)theta, .x = x, .failed = failed};
  return simulate_all(&s, pool);
}

EbbStatus simulate_new(Pool *pool, const EbbChild *simulator, const EbbModelInfo *info, uint64_t seed, uint32_t prior, int64_t first, int64_t rows,
                       float *theta, float *x, uint8_t *failed) {
  Simulating s = {
      .simulator = simulator, .info = info, .seed = seed, .prior = prior, .first = first, .rows = rows, .theta = theta, .x = x, .failed = failed};
  Arena *arena = arena_new();
  EbbStatus status = joint_make(arena, info, &s.joint);
  int64_t d = ebb_layout_numbers(&info->theta), q = ebb_layout_numbers(&info->data), before = info->block > 0 ? first % info->block : 0;
  if (info->block > 0) { /* whole blocks, so that rows are the same whatever part of a block is asked for */
    s.first -= before;
    s.rows = (before + rows + info->block - 1) / info->block * info->block;
    s.theta = ARENA_ARRAY(arena, float, s.rows *d);
    s.x = ARENA_ARRAY(arena, float, s.rows *q);
    s.failed = ARENA_ARRAY(arena, uint8_t, s.rows);
  }
  if (status == EBB_OK) status = simulate_all(&s, pool);
  if (status == EBB_OK && info->block > 0) {
    memcpy(theta, s.theta + before * d, (size_t)(rows * d) * sizeof *theta);
    memcpy(x, s.x + before * q, (size_t)(rows * q) * sizeof *x);
    memcpy(failed, s.failed + before, (size_t)rows);
  }
  arena_free(arena);
  return status;
}

static EbbStatus prior_block(void *ctx, EbbWork *work, int64_t task) {
  const Simulating *s = ctx;
  int64_t begin = task * BLOCK, n = s->rows - begin < BLOCK ? s->rows - begin : BLOCK;
  uint64_t *id = work_alloc(work, (size_t)n * sizeof *id);
  for (int64_t i = 0; i < n; i++) id[i] = (uint64_t)(begin + i);
  return draw_prior(s, work, n, id, s->theta + begin * s->d);
}

EbbStatus prior_rows(Pool *pool, const EbbChild *simulator, const EbbModelInfo *info, uint64_t seed, uint32_t prior, int64_t rows, float *theta) {
  Simulating s = {.simulator = simulator, .info = info, .seed = seed, .prior = prior, .rows = rows, .theta = theta};
  s.d = ebb_layout_numbers(&info->theta);
  Arena *arena = arena_new();
  EbbStatus status = joint_make(arena, info, &s.joint);
  if (status == EBB_OK) status = pool_run(pool, (rows + BLOCK - 1) / BLOCK, prior_block, &s);
  arena_free(arena);
  return status;
}

/* ---- Growing files ---- */

typedef struct Growing {
  FILE *file[3]; /* theta, x, failed */
  int64_t width[3];
  long data[3]; /* where the numbers begin */
} Growing;

static const char *const names[3] = {"theta.npy", "x.npy", "failed.npy"};

static EbbStatus grow_open(Growing *g, const char *folder, int64_t rows, int64_t done, int64_t d, int64_t q) {
  const int64_t widths[3] = {d * 4, q * 4, 1};
  const int64_t shapes[3][2] = {{rows, d}, {rows, q}, {rows, 0}};
  for (int k = 0; k < 3; k++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, names[k]);
    g->width[k] = widths[k];
    g->file[k] = fopen(path, done > 0 ? "r+b" : "w+b");
    if (g->file[k] == NULL) return fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
    EbbStatus status = npy_header(g->file[k], k < 2 ? NPY_F32 : NPY_U8, k < 2 ? 2 : 1, shapes[k]);
    if (status != EBB_OK) return status;
    g->data[k] = ftell(g->file[k]);
  }
  return EBB_OK;
}

/* What is added next is row `done`. */
static EbbStatus grow_seek(Growing *g, int64_t done) {
  for (int k = 0; k < 3; k++)
    if (fseek(g->file[k], g->data[k] + (long)(done * g->width[k]), SEEK_SET) != 0)
      return fail(EBB_E_IO, "cannot move within the simulations (%s): %s", names[k], strerror(errno));
  return EBB_OK;
}

static EbbStatus grow_add(Growing *g, int64_t rows, const float *theta, const float *x, const uint8_t *failed) {
  const void *from[3] = {theta, x, failed};
  for (int k = 0; k < 3; k++)
    if (fwrite(from[k], (size_t)g->width[k], (size_t)rows, g->file[k]) != (size_t)rows)
      return fail(EBB_E_IO, "cannot write simulations (%s): %s", names[k], strerror(errno));
  return EBB_OK;
}

static EbbStatus grow_sync(Growing *g) {
  for (int k = 0; k < 3; k++)
    if (fflush(g->file[k]) != 0 || fdatasync(fileno(g->file[k])) != 0)
      return fail(EBB_E_IO, "cannot write simulations (%s): %s", names[k], strerror(errno));
  return EBB_OK;
}

static void grow_close(Growing *g) {
  for (int k = 0; k < 3; k++)
    if (g->file[k] != NULL) fclose(g->file[k]);
}

static int64_t rows_done(const char *work) {
  char path[4096];
  snprintf(path, sizeof path, "%s/rows", work);
  FILE *f = fopen(path, "r");
  int64_t rows = 0;
  if (f == NULL) return 0;
  if (fscanf(f, "%" SCNd64, &rows) != 1 || rows < 0) rows = 0;
  fclose(f);
  return rows;
}

static EbbStatus note_rows(Stage *stage, int64_t rows) {
  char path[4096], text[32];
  snprintf(path, sizeof path, "%s/rows", stage->work);
  int n = snprintf(text, sizeof text, "%" PRId64 "\n", rows);
  stage_note_time(stage);
  return file_write(path, text, (size_t)n);
}

/* The largest set of the same key with fewer rows, to begin with: copies its rows. */
static EbbStatus take_over(Run *run, Growing *g, int64_t *done) {
  const char *key = run->simulate.key;
  const char *dash = strrchr(key, '-');
  char *prefix = arena_print(run->arena, "simulate-%.*s-", (int)(dash - key), key);
  char **found;
  size_t n;
  EbbStatus status = folder_list(run->arena, run->store, &found, &n);
  int64_t best = 0, count = run->spec->simulations.count;
  for (size_t i = 0; i < n && status == EBB_OK; i++) {
    char *end;
    if (strncmp(found[i], prefix, strlen(prefix)) != 0) continue;
    int64_t rows = strtoll(found[i] + strlen(prefix), &end, 10);
    if (*end == '\0' && rows > best && rows < count) best = rows;
  }
  if (best == 0 || status != EBB_OK) return status;
  Dataset old;
  status = dataset_open(run->arena, path_join(run->arena, run->store, arena_print(run->arena, "%s%" PRId64, prefix, best)), best, &old);
  if (status == EBB_OK) status = grow_add(g, best, old.theta, old.x, old.failed);
  dataset_close(&old);
  if (status == EBB_OK) {
    log_line(LOG_INFO, "simulate: %" PRId64 " rows of an earlier set are kept", best);
    *done = best;
  }
  return status;
}

static EbbStatus check_failed(const Run *run, const char *folder, int64_t rows) {
  Arena *arena = arena_new();
  Dataset set;
  EbbStatus status = dataset_open(arena, folder, rows, &set);
  int64_t failed = rows - set.usable;
  if (status == EBB_OK && (double)failed > run->spec->simulations.most_failed * (double)rows) {
    Str example = {0};
    for (int64_t i = 0, shown = 0; i < rows && shown < 3; i++) {
      if (set.failed[i] == 0) continue;
      str_add(&example, shown > 0 ? "; (" : " (");
      for (int64_t j = 0; j < set.d && j < 8; j++) str_print(&example, "%s%.6g", j > 0 ? ", " : "", (double)set.theta[i * set.d + j]);
      str_add(&example, ")");
      shown++;
    }
    status = fail(EBB_E_NUMERIC,
                  "%" PRId64 " of %" PRId64 " simulations failed, more than simulations.most_failed = %g allows; first parameters that failed:%s",
                  failed, rows, run->spec->simulations.most_failed, example.text);
    str_free(&example);
  }
  dataset_close(&set);
  arena_free(arena);
  return status;
}

static EbbStatus make(Run *run) {
  Stage *stage = &run->simulate;
  int64_t rows = run->spec->simulations.count;
  Simulating s = {.simulator = &run->simulator, .info = &run->info, .seed = run->spec->simulations.seed, .prior = STREAM_PRIOR};
  s.d = ebb_layout_numbers(&run->info.theta);
  s.q = ebb_layout_numbers(&run->info.data);
  Growing g = {0};
  Files files = {0};
  Pool *own = NULL;
  int64_t done = rows_done(stage->work);
  EbbStatus status = joint_make(run->arena, &run->info, &s.joint);
  if (files_are(&run->simulator)) {
    s.files = &files;
    s.prior = 0;
    if (status == EBB_OK) status = files_open(&run->spec->simulations, &run->info, &files);
  }
  if (status == EBB_OK) status = grow_open(&g, stage->work, rows, done, s.d, s.q);
  if (status == EBB_OK && done == 0) status = take_over(run, &g, &done);
  if (status == EBB_OK) status = pool_of(&run->info, run->pool, &own);
  Pool *pool = own != NULL ? own : run->pool;
  /* About a second a wave, so that a stop is heard and little is repeated: small at first, until the simulator's speed is known. Waves are of whole
   * blocks where the simulator has them. */
  int64_t threads = pool_threads(pool), grain = run->info.block > 0 ? run->info.block : 1, least = threads * grain, wave = least;
  int64_t most = WAVE / grain * grain > least ? WAVE / grain * grain : least;
  done = done / grain * grain;
  if (status == EBB_OK) status = grow_seek(&g, done);
  s.theta = arena_alloc(run->arena, (size_t)(most * s.d) * sizeof(float));
  s.x = arena_alloc(run->arena, (size_t)(most * s.q) * sizeof(float));
  s.failed = arena_alloc(run->arena, (size_t)most);
  s.progress = progress_begin("simulate", "rows", rows, done);
  double noted = seconds();
  while (done < rows && status == EBB_OK) {
    s.first = done;
    s.rows = rows - done < wave ? (rows - done + grain - 1) / grain * grain : wave;
    s.block = rows_a_task(&run->info, s.rows, threads);
    double started = seconds();
    status = pool_run(pool, (s.rows + s.block - 1) / s.block, simulate_block, &s);
    int64_t wanted = rows - done < s.rows ? rows - done : s.rows;
    if (status == EBB_OK) status = grow_add(&g, wanted, s.theta, s.x, s.failed);
    if (status == EBB_OK) done += wanted;
    if (status == EBB_E_CANCELLED || (status == EBB_OK && run_stop && done < rows)) {
      status = grow_sync(&g);
      if (status == EBB_OK) status = note_rows(stage, done);
      if (status == EBB_OK) status = fail(EBB_E_CANCELLED, "stopped while simulating; %" PRId64 " of %" PRId64 " rows are kept", done, rows);
      break;
    }
    double took = seconds() - started;
    if (took < 0.5) wave = 2 * wave < most ? 2 * wave : most;
    if (took > 2 && wave > least) wave = wave / 2 / grain * grain;
    progress_at(s.progress, done, NULL);
    if (status == EBB_OK && seconds() - noted > 4) {
      status = grow_sync(&g);
      if (status == EBB_OK) status = note_rows(stage, done);
      noted = seconds();
    }
  }
  if (status == EBB_OK) status = grow_sync(&g);
  grow_close(&g);
  progress_end(s.progress, NULL);
  pool_free(own);
  files_close(&files);
  if (status == EBB_OK) status = check_failed(run, stage->work, rows);
  if (status != EBB_OK) {
    stage_release(stage);
    return status;
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/rows", stage->work);
  unlink(path);
  return stage_commit(stage, NULL);
}

/* What the simulator makes, in a few lines: before hours of training a user should see a column that is constant or a scale that is wrong. */
static EbbStatus summarise(Run *run) {
  Dataset set;
  EbbStatus status = dataset_open(run->arena, run->simulate.folder, run->spec->simulations.count, &set);
  if (status != EBB_OK) return status;
  run->failed_simulations = set.rows - set.usable;
  if (run->failed_simulations > 0)
    log_line(LOG_WARNING,
             "%" PRId64 " of %" PRId64 " simulations failed and are left out; where failure depends on the parameters this changes the prior",
             run->failed_simulations, set.rows);
  if (!run->simulate.reused && set.usable > 0) {
    int64_t shown = set.q < 12 ? set.q : 12;
    log_line(LOG_INFO, "prior predictive, %" PRId64 " rows:  column  mean  sd  min  max", set.usable);
    for (int64_t j = 0; j < shown; j++) {
      double mean = 0, square = 0, low = INFINITY, high = -INFINITY;
      for (int64_t i = 0; i < set.usable; i++) mean += (double)set.x[set.take[i] * set.q + j];
      mean /= (double)set.usable;
      for (int64_t i = 0; i < set.usable; i++) {
        double v = (double)set.x[set.take[i] * set.q + j];
        square += (v - mean) * (v - mean);
        low = fmin(low, v);
        high = fmax(high, v);
      }
      const char *name = run->info.data_name != NULL ? run->info.data_name[j] : arena_print(run->arena, "x%" PRId64, j + 1);
      log_line(LOG_INFO, "  %-5s %12.5g %12.5g %12.5g %12.5g%s", name, mean, sqrt(square / (double)set.usable), low, high,
               low == high ? "  constant" : "");
    }
    if (shown < set.q) log_line(LOG_INFO, "  and %" PRId64 " more columns", set.q - shown);
  }
  dataset_close(&set);
  return EBB_OK;
}

EbbStatus run_simulate(Run *run) {
  EbbStatus status = EBB_OK;
  if (!run->simulate.done) status = stage_begin(&run->simulate);
  if (status == EBB_OK && !run->simulate.done) status = make(run);
  return status == EBB_OK ? summarise(run) : status;
}
