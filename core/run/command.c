/* SPDX-License-Identifier: MIT
 *
 * The simulator `command`. Blocks of rows are fixed and each has one seed, addressed by its first row, so that the data do not depend on how many
 * copies of the program run nor on which of them takes a block.
 *
 * What goes wrong. A reply that breaks the protocol is an error at once: the program is not what it should be. A copy that ends or is silent too long
 * costs its block, whose rows count as failed, and is started again; but on the first block of all, or before the program ever answered three blocks,
 * that is an error too. A copy that had answered before and ends without a word is replaced once before its block is given up, so that a program may
 * leave after any answer. */
#include "run/command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/npy.h"
#include "base/process.h"
#include "num/random.h"
#include "run/parameters.h"
#include "run/run.h"

typedef struct Config {
  const char *run, *folder;
  EbbChildren parameters;
  DataNames data;
  int64_t workers, block;
  double timeout;
  bool allowed; /* by the user, not by the spec */
} Config;

static const EbbParam params[] = {
    EBB_ROW(Config, run, EBB_T_STRING, EBB_P_REQUIRED, 0, 1, 100000, NULL, "", "the program, a line for sh, such as python3 sim.py", 0, NULL),
    PARAMETERS_ROW(Config, parameters, EBB_P_REQUIRED),
    EBB_ROW(Config, data, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "how many numbers a row of data has, and their names", 0, data_names_params),
    EBB_ROW(Config, workers, EBB_T_INT, EBB_P_FREE, 0, 0, 1024, NULL, "", "copies of the program; 0: as many as there are threads", 0, NULL),
    EBB_ROW(Config, timeout, EBB_T_REAL, EBB_P_FREE, 60, 0.01, 1e7, NULL, "s", "longest time for a block", 0, NULL),
    EBB_INT(Config, block, 1000, 1, 1000000, "rows", "rows a request; whole blocks are simulated, so make it small where a row is expensive"),
    EBB_ROW(Config, folder, EBB_T_STRING, EBB_P_FREE, 0, 0, 0, NULL, "", "where the program runs; default: the spec's folder", 0, NULL),
    EBB_END,
};

enum { FIRST_LINES = 20, SHOWN = 80, HEADER = 1 << 17, WITHOUT_ANSWER = 3 };

/* One copy of the program. */
typedef struct Worker {
  struct Crew *crew;
  Process process;
  int number; /* from 1 */
  bool busy, answered;
  EbbStatus status; /* of WRONG */
} Worker;

/* What changes while simulations run. */
typedef struct Crew {
  pthread_mutex_t lock;
  pthread_cond_t free;
  Worker *worker;
  int workers;
  int64_t answers, lost; /* blocks answered; copies that were lost */
  int64_t shown, hidden; /* lines of errors */
  double next_line;
} Crew;

typedef struct Command {
  Config c;
  const EbbHost *host;
  EbbModelInfo info;
  Crew crew;
} Command;

bool command_is(const EbbChild *child) { return child->component != NULL && child->component->ops == command_component.ops; }
void command_allow(EbbChild *child) {
  if (command_is(child)) ((Config *)child->self)->allowed = true;
}

/* The words of the text that are files of its folder, whatever the shell makes of them. */
EbbStatus command_add_files(Arena *arena, const EbbChild *child, Sha256 *hash) {
  if (!command_is(child)) return EBB_OK;
  const Config *c = child->self;
  char *rest = arena_copy(arena, c->run);
  for (char *word = strsep(&rest, " \t\n\"'`;|&<>()$={}"); word != NULL; word = strsep(&rest, " \t\n\"'`;|&<>()$={}")) {
    if (word[0] == '\0' || word[0] == '/') continue;
    const char *path = path_join(arena, c->folder != NULL ? c->folder : ".", word);
    struct stat about;
    char hex[65];
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) continue;
    EbbStatus status = sha256_file(path, hex);
    if (status != EBB_OK) return status;
    sha256_add(hash, hex, strlen(hex));
  }
  return EBB_OK;
}

static EbbStatus refuse(const char *run) {
  return fail(EBB_E_CONFIG, "the spec wants to run the program \"%.200s\", which a spec may not do by itself; look at it, then say --allow-commands",
              run);
}

/* ---- The crew ---- */

/* Lines of a program's errors: the first few as they come, then at most one a second. */
static void say(void *ctx, const char *line) {
  const Worker *w = ctx;
  Crew *crew = w->crew;
  pthread_mutex_lock(&crew->lock);
  double now = seconds();
  bool shown = crew->shown < FIRST_LINES || now >= crew->next_line;
  int64_t hidden = crew->hidden;
  crew->hidden = shown ? 0 : hidden + 1;
  crew->shown += shown;
  if (shown) crew->next_line = now + 1;
  pthread_mutex_unlock(&crew->lock);
  if (shown && hidden > 0) log_line(LOG_INFO, "command %d: (%" PRId64 " lines left out)", w->number, hidden);
  if (shown) log_line(LOG_INFO, "command %d: %.500s", w->number, line);
}

static Worker *take(Crew *crew) {
  pthread_mutex_lock(&crew->lock);
  for (;;) {
    Worker *found = NULL; /* one that runs, if there is one */
    for (int k = crew->workers - 1; k >= 0; k--)
      if (!crew->worker[k].busy && (found == NULL || crew->worker[k].process.id > 0 || found->process.id == 0)) found = &crew->worker[k];
    if (found != NULL) {
      found->busy = true;
      pthread_mutex_unlock(&crew->lock);
      return found;
    }
    pthread_cond_wait(&crew->free, &crew->lock);
  }
}

static void give(Worker *w) {
  pthread_mutex_lock(&w->crew->lock);
  w->busy = false;
  pthread_cond_signal(&w->crew->free);
  pthread_mutex_unlock(&w->crew->lock);
}

/* The last lines of its errors, for a message; on one line. */
static const char *last_words(Worker *w, char out[1000]) {
  char *text = w->process.tail.text;
  size_t n = w->process.tail.length;
  while (n > 0 && strchr(" \n\r\t", text[n - 1]) != NULL) n--;
  size_t from = n;
  for (int lines = 0; from > 0 && n - from < 900; from--)
    if (text[from - 1] == '\n' && ++lines == 5) break;
  if (n == 0) return "";
  int used = snprintf(out, 1000, "; its last words: ");
  for (size_t i = from; i < n && used < 990; i++)
    if (text[i] == '\n')
      used += snprintf(out + used, 1000 - (size_t)used, " | ");
    else
      out[used++] = text[i] == '\0' ? ' ' : text[i];
  out[used] = '\0';
  return out;
}

/* ---- One block ---- */

typedef struct Block {
  const Command *command;
  const uint64_t *id;
  int64_t rows;
  const char *request;
  size_t request_size;
  float *x;
} Block;

typedef enum Outcome { ANSWERED, LOST, WRONG } Outcome; /* LOST: why stands in the text; WRONG: fail was called */

/* Text of output that was not expected, cut, without what a terminal would take for commands. */
static const char *stray(const Str *got, char out[SHOWN + 4]) {
  size_t n = got->length < SHOWN ? got->length : SHOWN, k = 0;
  while (k < n && got->text[k] != '\n' && got->text[k] != '\0') k++;
  for (size_t i = 0; i < k; i++) out[i] = (unsigned char)got->text[i] < 0x20 || (unsigned char)got->text[i] >= 0x7F ? '?' : got->text[i];
  snprintf(out + k, 4, "%s", k < got->length && k == SHOWN ? "..." : "");
  return out;
}

/* What begins wrongly is read to the end of its line, or for a moment, so that the message shows more of it. */
static void hear_out(Process *p) {
  double until = seconds() + 0.3, left;
  while ((p->got.length == 0 || memchr(p->got.text, '\n', p->got.length) == NULL) && p->got.length < SHOWN && !p->ended &&
         (left = until - seconds()) > 0)
    process_pump(p, left);
}

static Outcome wrong(Worker *w, EbbStatus status) {
  w->status = fail_prefix(status, "command %d: ", w->number);
  return WRONG;
}

/* "bytes B" and a new line at the start of what came: B, or -1 for a line that is something else. The line's length goes to *line, 0: not whole yet.
 */
static int64_t announced(const Str *got, size_t *line) {
  const char *end = got->length > 0 ? memchr(got->text, '\n', got->length) : NULL;
  *line = 0;
  static const char word[] = "bytes ";
  size_t seen = got->length < sizeof word - 1 ? got->length : sizeof word - 1;
  if (seen > 0 && memcmp(got->text, word, seen) != 0) return -1;
  if (end == NULL) return got->length > 40 ? -1 : 0;
  *line = (size_t)(end - got->text) + 1;
  const char *digits = got->text + sizeof word - 1;
  size_t n = *line - sizeof word;
  if (*line <= sizeof word || strspn(digits, "0123456789") != n || n > 18) return -1;
  return strtoll(digits, NULL, 10);
}

/* The array of a whole reply into x. */
static EbbStatus read_reply(const Block *b, const char *data, size_t size) {
  Npy a;
  int64_t q = ebb_layout_numbers(&b->command->info.data);
  EbbStatus status = npy_memory("the reply", data, size, &a);
  if (status != EBB_OK) return status;
  bool vector = a.ndim == 1 && q == 1 && a.shape[0] == b->rows;
  if (!vector && !(a.ndim == 2 && a.shape[0] == b->rows && a.shape[1] == q)) {
    Arena *arena = arena_new();
    status =
        fail(EBB_E_SHAPE,
             "the reply is an array %s where (%" PRId64 ", %" PRId64 ") was asked for: one row a parameter vector, %" PRId64 " number%s as data says",
             npy_shape_text(arena, &a), b->rows, q, q, q == 1 ? "" : "s");
    arena_free(arena);
    return status;
  }
  return npy_get_f32(&a, 0, a.size, b->x);
}

/* Sends the request and waits for the reply. */
static Outcome ask(Worker *w, const Block *b, char why[96]) {
  Process *p = &w->process;
  char text[SHOWN + 4];
  int64_t q = ebb_layout_numbers(&b->command->info.data), most = HEADER + 8 * b->rows * q, bytes = 0;
  size_t line = 0;
  double until = seconds() + b->command->c.timeout;
  process_pump(p, 0); /* what it said unasked */
  p->send = b->request;
  p->left = b->request_size;
  bool early = p->got.length > 0;
  for (;;) {
    bytes = announced(&p->got, &line);
    if (early || bytes < 0) hear_out(p);
    if (early || bytes < 0)
      return wrong(w, fail(EBB_E_CONFIG,
                           "it printed \"%s\" %s; on its standard output belong replies alone, whatever else it has to say on its standard error",
                           stray(&p->got, text), early ? "before it was asked for anything" : "where a reply begins with \"bytes B\""));
    if (line > 0 && bytes > most)
      return wrong(w, fail(EBB_E_SHAPE, "it announced %" PRId64 " bytes; %" PRId64 " rows of %" PRId64 " numbers take at most %" PRId64, bytes,
                           b->rows, q, most));
    if (line > 0 && p->got.length >= line + (size_t)bytes) break;
    if (p->ended) return LOST;
    double left = until - seconds();
    if (left <= 0) {
      snprintf(why, 96, "did not answer within %g s", b->command->c.timeout);
      return LOST;
    }
    if (run_stop) return wrong(w, fail(EBB_E_CANCELLED, "stopped while simulating"));
    process_pump(p, left < 0.1 ? left : 0.1);
  }
  if (p->left > 0) return wrong(w, fail(EBB_E_CONFIG, "it answered before it had read the whole request"));
  EbbStatus status = read_reply(b, p->got.text + line, (size_t)bytes);
  if (status != EBB_OK) return wrong(w, status);
  process_take(p, line + (size_t)bytes);
  if (p->got.length > 0)
    return wrong(w, fail(EBB_E_SHAPE, "%zu bytes more than the %" PRId64 " announced came after the reply, beginning with \"%s\"", p->got.length,
                         bytes, stray(&p->got, text)));
  w->answered = true;
  return ANSWERED;
}

static void stop_worker(Worker *w, double patience, char ending[64]) {
  process_stop(&w->process, patience, ending);
  w->answered = false;
}

/* A block on one copy, started if it is not there; once more on a fresh one if the copy had left. */
static Outcome ask_twice(Worker *w, const Block *b, char why[96]) {
  const Config *c = &b->command->c;
  for (int turn = 0;; turn++) {
    if (w->process.id > 0) process_pump(&w->process, 0);
    char ending[64];
    if (w->process.id > 0 && w->process.ended && w->process.got.length == 0) stop_worker(w, 0.5, ending);
    if (w->process.id == 0) {
      str_free(&w->process.tail);
      w->status = process_start(&w->process, c->run, c->folder != NULL ? c->folder : ".", say, w);
      if (w->status != EBB_OK) return WRONG;
    }
    bool fresh = !w->answered;
    why[0] = '\0';
    Outcome outcome = ask(w, b, why);
    if (outcome == ANSWERED) return outcome;
    bool silent = w->process.got.length == 0 && why[0] == '\0';
    stop_worker(w, outcome == LOST && why[0] == '\0' ? 0.5 : 0, ending);
    if (outcome == WRONG) return outcome;
    if (why[0] == '\0' && strcmp(ending, PROCESS_STOPPED) == 0) snprintf(ending, sizeof ending, "closed its output");
    if (why[0] == '\0') snprintf(why, 96, "%s%s", ending, silent ? "" : " within a reply");
    if (fresh || !silent) return LOST;
  }
}

static char *make_request(const Block *b, const float *theta, int64_t d, uint64_t seed, size_t *size) {
  char *array = NULL, *request = NULL;
  size_t bytes = 0;
  const int64_t shape[2] = {b->rows, d};
  FILE *f = open_memstream(&array, &bytes);
  if (f == NULL) memory_out(HEADER);
  npy_header(f, NPY_F32, 2, shape);
  fwrite(theta, sizeof *theta, (size_t)(b->rows * d), f);
  if (fclose(f) != 0) memory_out(bytes);
  f = open_memstream(&request, size);
  if (f == NULL) memory_out(bytes);
  fprintf(f, "rows %" PRId64 " seed %" PRIu64 " bytes %zu\n", b->rows, seed, bytes);
  fwrite(array, 1, bytes, f);
  if (fclose(f) != 0) memory_out(bytes);
  free(array);
  return request;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)work;
  const Command *m = self;
  if (!m->c.allowed) return refuse(m->c.run);
  if (rows == 0) return EBB_OK;
  Crew *crew = (Crew *)(uintptr_t)&m->crew;
  double u;
  random_uniform(rng, 1, id, NULL, 0, 1, &u);
  Block b = {.command = m, .id = id, .rows = rows, .x = out->value};
  char *request = make_request(&b, theta, ebb_layout_numbers(&m->info.theta), (uint64_t)(u * 0x1p53), &b.request_size), why[96], words[1000];
  b.request = request;
  Worker *w = take(crew);
  Outcome outcome = ask_twice(w, &b, why);
  const char *last = outcome == ANSWERED ? "" : last_words(w, words);
  int number = w->number;
  EbbStatus status = w->status;
  give(w);
  free(request);
  pthread_mutex_lock(&crew->lock);
  crew->answers += outcome == ANSWERED;
  crew->lost += outcome == LOST;
  bool hopeless = outcome == LOST && (id[0] == 0 || (crew->answers == 0 && crew->lost >= WITHOUT_ANSWER));
  pthread_mutex_unlock(&crew->lock);
  if (outcome == ANSWERED) return EBB_OK;
  if (outcome == WRONG) return status;
  if (hopeless)
    return fail(EBB_E_NUMERIC, "command %d: \"%.200s\" %s on rows %" PRIu64 " to %" PRIu64 "; for rows that fail a program answers NaN%s", number,
                m->c.run, why, id[0] + 1, id[rows - 1] + 1, last);
  log_line(LOG_WARNING, "command %d %s: rows %" PRIu64 " to %" PRIu64 " count as failed, it is started again%s", number, why, id[0] + 1,
           id[rows - 1] + 1, last);
  memset(failed, 1, (size_t)rows);
  for (int64_t i = 0; i < rows * ebb_layout_numbers(&m->info.data); i++) out->value[i] = NAN;
  return EBB_OK;
}

/* ---- The component ---- */

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Command *m = host->alloc(host, sizeof *m);
  if (m == NULL) return EBB_E_MEMORY;
  m->c = *(const Config *)config;
  m->host = host;
  EbbStatus status = parameters_describe(host, &m->c.parameters, &m->info);
  if (status == EBB_OK) status = data_describe(host, &m->c.data, &m->info);
  if (status != EBB_OK) return status;
  m->info.block = m->c.block;
  m->info.calls = m->c.workers;
  Crew *crew = &m->crew;
  crew->workers = (int)m->c.workers > 0 ? (int)m->c.workers : 1024;
  crew->worker = host->alloc(host, (size_t)crew->workers * sizeof *crew->worker);
  if (crew->worker == NULL) return EBB_E_MEMORY;
  for (int k = 0; k < crew->workers; k++) crew->worker[k] = (Worker){.crew = crew, .number = k + 1};
  pthread_mutex_init(&crew->lock, NULL);
  pthread_cond_init(&crew->free, NULL);
  *self = m;
  return EBB_OK;
}

static void destroy(void *self) {
  Command *m = self;
  if (m == NULL) return;
  Crew *crew = &m->crew;
  char ending[64];
  for (int k = 0; k < crew->workers; k++) { /* all hear at once that nothing more comes */
    Process *p = &crew->worker[k].process;
    if (p->id > 0) process_hang_up(p);
  }
  for (int k = 0; k < crew->workers; k++) {
    stop_worker(&crew->worker[k], run_stop ? 0 : 1, ending);
    str_free(&crew->worker[k].process.tail);
  }
  if (crew->hidden > 0) log_line(LOG_INFO, "command: %" PRId64 " more lines of errors were left out", crew->hidden);
  pthread_mutex_destroy(&crew->lock);
  pthread_cond_destroy(&crew->free);
}

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  const Command *m = self;
  uint32_t size = out->size;
  *out = m->info;
  out->size = size;
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops, .describe = describe, .simulate = simulate};
const EbbComponent command_component = {
    .size = sizeof command_component,
    .kind = EBB_SIMULATOR,
    .id = "command",
    .summary = "a program in any language, over pipes; needs --allow-commands",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};

EbbStatus command_permitted(const EbbChild *child) {
  if (!command_is(child)) return EBB_OK;
  const Config *c = child->component == &command_component ? child->self : &((const Command *)child->self)->c;
  return c->allowed ? EBB_OK : refuse(c->run);
}
