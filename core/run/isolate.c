/* SPDX-License-Identifier: MIT
 *
 * Isolated simulations. When the wrapper is created a keeper is forked from the main thread, while no other thread works; the keeper, which has one
 * thread, forks the workers, and forks another whenever one dies. (A fork from among threads would copy the locks that they hold.) A worker and this
 * process share the memory of one block; over a socket go a line's worth of numbers: rows and stream there, a status and a message back. The keeper
 * holds the worker's end of the socket too, and says there that the worker died, and how.
 *
 * A block in which a worker died is done again in halves down to single rows; the rows that kill a worker alone have failed. Rows are addressed, so
 * the others are what they would have been. */
#include "run/isolate.h"

#include <errno.h>
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/simulator.h>

#include "base/log.h"

enum { CHUNK = 100, SHOWN = 3, MESSAGE = 1000 };
enum { ANSWER = 1, DIED = 2 };

/* What goes over a socket; both ways, since it is small. */
typedef struct Note {
  int64_t rows; /* of the question */
  EbbRng rng;
  int32_t kind, status; /* ANSWER: the slot's; DIED: as from waitpid */
  char message[MESSAGE];
} Note;

/* A worker's share of the common memory, then arrays. */
typedef struct Slot {
  uint64_t *id;
  float *theta, *x;
  uint8_t *failed;
  int32_t *leaving; /* the worker ends because the host did */
  int here, there;  /* the socket's ends */
  bool busy;
} Slot;

typedef struct Config {
  EbbChild inner;
  int64_t workers;
} Config;

typedef struct Isolate {
  Config c;
  EbbModelInfo info;
  int64_t chunk, d, q;
  Slot *slot;
  char *memory;
  size_t size;
  pid_t keeper;
  pthread_mutex_t lock;
  pthread_cond_t free;
  int64_t crashes;
} Isolate;

static const EbbSimulatorOps *ops_of(const Isolate *m) { return m->c.inner.ops; }

/* ---- The other side ---- */

static bool put(int fd, const Note *note) {
  ssize_t n;
  do n = send(fd, note, sizeof *note, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t)sizeof *note;
}

/* 0: the other end is closed; -1: interrupted. Messages are whole: the socket keeps their bounds. */
static int get(int fd, Note *note) {
  ssize_t n = recv(fd, note, sizeof *note, 0);
  return n == (ssize_t)sizeof *note ? 1 : n < 0 && errno == EINTR ? -1 : 0;
}

static void own_signals(void) {
  static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t i = 0; i < COUNT(fatal); i++) signal(fatal[i], SIG_DFL); /* the host tells it, with the row */
  signal(SIGINT, SIG_IGN);                                             /* of the terminal: the host ends its workers */
  signal(SIGTERM, SIG_IGN);
}

static _Noreturn void work_for_ever(const Isolate *m, Slot *s) {
  EbbWork *work = work_new();
  Note note;
  int got;
  while ((got = get(s->there, &note)) != 0) {
    if (got < 0) continue;
    WorkMark empty = work_mark(work);
    fesetenv(FE_DFL_ENV);
    fail_clear();
    memset(s->failed, 0, (size_t)note.rows);
    EbbData data = {.size = sizeof data, .layout = m->info.data, .rows = note.rows, .value = s->x};
    note.status = ops_of(m)->simulate(m->c.inner.self, work, note.rng, note.rows, s->id, s->theta, &data, s->failed);
    note.kind = ANSWER;
    snprintf(note.message, sizeof note.message, "%s", fail_text());
    work_reset(work, empty);
    if (!put(s->there, &note)) break;
  }
  *s->leaving = 1;
  _exit(0);
}

/* A process ends with the one that forked it, whatever it is busy with. */
static void end_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
}

static pid_t fork_worker(const Isolate *m, Slot *s) {
  pid_t keeper = getpid(), id = fork();
  if (id != 0) return id;
  end_with(keeper);
  for (int64_t k = 0; k < m->c.workers; k++)
    if (&m->slot[k] != s) close(m->slot[k].there); /* so that an end of theirs is not hidden */
  work_for_ever(m, s);
}

static _Noreturn void keep_for_ever(Isolate *m, pid_t host) {
  int64_t left = m->c.workers;
  pid_t *id = calloc((size_t)left, sizeof *id);
  end_with(host);
  own_signals();
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* rows may crash by the thousand */
  for (int64_t k = 0; k < m->c.workers; k++) close(m->slot[k].here);
  for (int64_t k = 0; k < m->c.workers && id != NULL; k++) id[k] = fork_worker(m, &m->slot[k]);
  while (left > 0 && id != NULL) {
    int status;
    pid_t dead = waitpid(-1, &status, 0);
    if (dead < 0 && errno != EINTR) break;
    for (int64_t k = 0; k < m->c.workers && dead > 0; k++) {
      if (id[k] != dead) continue;
      Note note = {.kind = DIED, .status = status};
      if (*m->slot[k].leaving != 0 || !put(m->slot[k].there, &note))
        left--;
      else if ((id[k] = fork_worker(m, &m->slot[k])) < 0)
        _exit(1); /* the sockets close, which the host sees */
    }
  }
  _exit(0);
}

/* ---- This side ---- */

static Slot *take(Isolate *m) {
  pthread_mutex_lock(&m->lock);
  for (;;) {
    for (int64_t k = 0; k < m->c.workers; k++)
      if (!m->slot[k].busy) {
        m->slot[k].busy = true;
        pthread_mutex_unlock(&m->lock);
        return &m->slot[k];
      }
    pthread_cond_wait(&m->free, &m->lock);
  }
}

static void give(Isolate *m, Slot *s) {
  pthread_mutex_lock(&m->lock);
  s->busy = false;
  pthread_cond_signal(&m->free);
  pthread_mutex_unlock(&m->lock);
}

/* The death of a worker within one row, told for the first few. */
static void tell(Isolate *m, uint64_t id, const float *theta, int status) {
  pthread_mutex_lock(&m->lock);
  int64_t before = m->crashes++;
  pthread_mutex_unlock(&m->lock);
  if (before >= SHOWN) return;
  Str at = {0};
  for (int64_t j = 0; j < m->d && j < 8; j++) str_print(&at, "%s%.6g", j > 0 ? ", " : "", (double)theta[j]);
  if (WIFSIGNALED(status))
    log_line(LOG_WARNING, "simulator/%s, slot simulate: killed by signal %d (%s) in row %" PRIu64 ", parameters (%s%s); the row counts as failed",
             m->c.inner.component->id, WTERMSIG(status), strsignal(WTERMSIG(status)), id + 1, at.text, m->d > 8 ? ", ..." : "");
  else
    log_line(LOG_WARNING,
             "simulator/%s, slot simulate: left the program with status %d in row %" PRIu64 ", parameters (%s%s); the row counts as failed",
             m->c.inner.component->id, WEXITSTATUS(status), id + 1, at.text, m->d > 8 ? ", ..." : "");
  str_free(&at);
}

static EbbStatus do_rows(Isolate *m, Slot *s, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, float *x, uint8_t *failed) {
  memcpy(s->id, id, (size_t)rows * sizeof *id);
  memcpy(s->theta, theta, (size_t)(rows * m->d) * sizeof *theta);
  Note note = {.rows = rows, .rng = rng};
  int got = -1;
  if (put(s->here, &note))
    while ((got = get(s->here, &note)) < 0) continue; /* a stop waits for the rows at work, as it does without isolation */
  if (got <= 0)
    return fail(EBB_E_IO, "simulator/%s: the processes that simulate are gone; were they killed, or is memory or the limit of processes exhausted?",
                m->c.inner.component->id);
  if (note.kind == ANSWER) {
    if (note.status < 0) return fail(note.status, "%s", note.message);
    memcpy(x, s->x, (size_t)(rows * m->q) * sizeof *x);
    memcpy(failed, s->failed, (size_t)rows);
    return note.status;
  }
  if (rows == 1) {
    tell(m, id[0], theta, note.status);
    failed[0] = 1;
    for (int64_t j = 0; j < m->q; j++) x[j] = NAN;
    return EBB_OK;
  }
  int64_t half = rows / 2;
  EbbStatus status = do_rows(m, s, rng, half, id, theta, x, failed);
  return status < 0 ? status : do_rows(m, s, rng, rows - half, id + half, theta + half * m->d, x + half * m->q, failed + half);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)work;
  Isolate *m = (Isolate *)(uintptr_t)self;
  Slot *s = take(m);
  EbbStatus status = EBB_OK;
  for (int64_t first = 0; first < rows && status >= 0; first += m->chunk) {
    int64_t n = rows - first < m->chunk ? rows - first : m->chunk;
    status = do_rows(m, s, rng, n, id + first, theta + first * m->d, out->value + first * m->q, failed + first);
  }
  give(m, s);
  return status;
}

/* ---- The wrapper ---- */

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  const Isolate *m = self;
  return ops_of(m)->describe(m->c.inner.self, out);
}
static EbbStatus prior(const void *self, EbbRng rng, int64_t rows, const uint64_t *id, float *theta) {
  const Isolate *m = self;
  return ops_of(m)->prior(m->c.inner.self, rng, rows, id, theta);
}
static EbbStatus log_prior(const void *self, int64_t rows, const float *theta, double *out) {
  const Isolate *m = self;
  return ops_of(m)->log_prior(m->c.inner.self, rows, theta, out);
}
static EbbStatus log_likelihood(const void *self, EbbWork *work, int64_t rows, const float *theta, const EbbData *one, double *out) {
  const Isolate *m = self;
  return ops_of(m)->log_likelihood(m->c.inner.self, work, rows, theta, one, out);
}
static EbbStatus observation(const void *self, int64_t k, EbbData *out, float *truth) {
  const Isolate *m = self;
  return ops_of(m)->observation(m->c.inner.self, k, out, truth);
}
static EbbStatus reference(const void *self, EbbWork *work, EbbRng rng, const EbbData *one, int64_t rows, const uint64_t *id, float *theta) {
  const Isolate *m = self;
  return ops_of(m)->reference(m->c.inner.self, work, rng, one, rows, id, theta);
}

static size_t room(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Common memory for every worker, then the sockets. */
static EbbStatus share(Isolate *m) {
  size_t n = (size_t)m->chunk, ids = room(n * sizeof(uint64_t)), thetas = room(n * (size_t)m->d * sizeof(float)),
         xs = room(n * (size_t)m->q * sizeof(float)), flags = room(n), each = ids + thetas + xs + flags + 64;
  m->size = each * (size_t)m->c.workers;
  m->memory = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (m->memory == MAP_FAILED) {
    m->memory = NULL;
    m->c.workers = 0; /* no socket to close */
    return fail(EBB_E_MEMORY, "no memory for %zu bytes shared with isolated simulations", m->size);
  }
  for (int64_t k = 0; k < m->c.workers; k++) {
    char *at = m->memory + each * (size_t)k;
    Slot *s = &m->slot[k];
    *s = (Slot){.id = (uint64_t *)(void *)at,
                .theta = (float *)(void *)(at + ids),
                .x = (float *)(void *)(at + ids + thetas),
                .failed = (uint8_t *)(at + ids + thetas + xs),
                .leaving = (int32_t *)(void *)(at + ids + thetas + xs + flags)};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      m->c.workers = k; /* what destroy closes */
      return fail(EBB_E_IO, "no sockets for isolated simulations: %s", strerror(errno));
    }
    s->here = ends[0];
    s->there = ends[1];
  }
  return EBB_OK;
}

static void destroy(void *self) {
  Isolate *m = self;
  if (m == NULL) return;
  for (int64_t k = 0; m->slot != NULL && k < m->c.workers; k++) close(m->slot[k].here);
  int status;
  while (m->keeper > 0 && waitpid(m->keeper, &status, 0) < 0 && errno == EINTR) continue;
  if (m->memory != NULL) munmap(m->memory, m->size);
  if (m->crashes > SHOWN)
    log_line(LOG_WARNING, "simulator/%s: %" PRId64 " rows crashed; the first %d are shown above", m->c.inner.component->id, m->crashes, SHOWN);
  pthread_mutex_destroy(&m->lock);
  pthread_cond_destroy(&m->free);
}

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Isolate *m = host->alloc(host, sizeof *m);
  if (m == NULL) return EBB_E_MEMORY;
  m->c = *(const Config *)config;
  m->info.size = sizeof m->info;
  pthread_mutex_init(&m->lock, NULL);
  pthread_cond_init(&m->free, NULL);
  EbbStatus status = ops_of(m)->describe(m->c.inner.self, &m->info);
  if (status != EBB_OK) return status;
  m->chunk = m->info.block > 0 ? m->info.block : CHUNK;
  m->d = ebb_layout_numbers(&m->info.theta);
  m->q = ebb_layout_numbers(&m->info.data);
  m->slot = host->alloc(host, (size_t)m->c.workers * sizeof *m->slot);
  if (m->slot == NULL) return EBB_E_MEMORY;
  status = share(m);
  pid_t host_id = getpid();
  fflush(NULL); /* or the keeper would hold what is not written yet */
  if (status == EBB_OK && (m->keeper = fork()) == 0) keep_for_ever(m, host_id);
  for (int64_t k = 0; k < m->c.workers; k++) close(m->slot[k].there);
  if (status == EBB_OK && m->keeper < 0) status = fail(EBB_E_IO, "no process for isolated simulations: %s", strerror(errno));
  if (status == EBB_OK)
    *self = m;
  else
    destroy(m);
  return status;
}

static const EbbParam params[] = {
    EBB_COMPONENT(Config, inner, EBB_SIMULATOR, NULL, "what is isolated"),
    EBB_END,
};

void isolate_wrap(Arena *arena, EbbChild *simulator, int workers) {
  Config *config = ARENA_NEW(arena, Config);
  *config = (Config){.inner = *simulator, .workers = workers};
  EbbComponent *c = ARENA_NEW(arena, EbbComponent); /* under the simulator's name, which messages show */
  *c = (EbbComponent){.size = sizeof *c,
                      .kind = EBB_SIMULATOR,
                      .id = simulator->component->id,
                      .summary = simulator->component->summary,
                      .config_size = sizeof *config,
                      .params = params,
                      .ops = simulator->ops,
                      .create = create,
                      .destroy = destroy};
  *simulator = (EbbChild){.kind = EBB_SIMULATOR, .component = c, .ops = simulator->ops, .self = config};
}

void isolate_ready(Arena *arena, EbbChild *simulator) {
  const Isolate *m = simulator->self;
  const EbbSimulatorOps *has = ops_of(m);
  EbbSimulatorOps *own = ARENA_NEW(arena, EbbSimulatorOps);
  *own = (EbbSimulatorOps){.size = sizeof *own,
                           .describe = describe,
                           .simulate = simulate,
                           .prior = has->prior != NULL ? prior : NULL,
                           .log_prior = has->log_prior != NULL ? log_prior : NULL,
                           .log_likelihood = has->log_likelihood != NULL ? log_likelihood : NULL,
                           .observation = has->observation != NULL ? observation : NULL,
                           .reference = has->reference != NULL ? reference : NULL};
  simulator->ops = own;
  simulator->stream = m->c.inner.stream;
}
