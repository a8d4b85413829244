/* SPDX-License-Identifier: MIT
 *
 * Row slots. Slots in use are always the first `n`; a row that leaves is replaced by the last. */
#include "run/slots.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "num/random.h"
#include "run/divergence.h"
#include "run/run.h"

EbbStatus slots_accepts(const EbbChild *sampler, uint32_t kind, const char *source) {
  static const struct {
    uint32_t kind;
    const char *name, *way_out;
  } kinds[] = {
      {EBB_MEAN, "a score field", "choose a sampler of score fields"},
      {EBB_MEAN_ODE, "a field that is right for the ODE only (no score)", "choose a deterministic sampler, or train without a coupling"},
      {EBB_MAP, "a consistency map", "choose a sampler of consistency maps, or train a diffusion model"},
      {EBB_BRIDGE, "a composed field that is no diffused score", "choose a Langevin sampler, or a composition whose result is a score"},
  };
  const EbbSamplerOps *ops = sampler->ops;
  if (ops->accepts & kind) return EBB_OK;
  Str takes = {0};
  const char *name = "a field of unknown kind", *way_out = "choose another sampler";
  for (size_t i = 0; i < COUNT(kinds); i++) {
    if (ops->accepts & kinds[i].kind) str_print(&takes, "%s%s", takes.length > 0 ? " or " : "", kinds[i].name);
    if (kinds[i].kind != kind) continue;
    name = kinds[i].name;
    way_out = kinds[i].way_out;
  }
  EbbStatus status = fail(EBB_E_UNSUPPORTED, "sampler %s takes %s, but %s gives %s; %s (ebb plugins lists them)", sampler->component->id,
                          takes.length > 0 ? takes.text : "nothing", source != NULL ? source : "the model", name, way_out);
  str_free(&takes);
  return status;
}

EbbStatus slots_prepare(Slots *s) {
  const EbbSamplerOps *ops = s->sampler->ops;
  const char *id = s->sampler->component->id, *source = s->source != NULL ? s->source : "the model";
  EbbStatus status = slots_accepts(s->sampler, s->field->kind, source);
  if (status != EBB_OK) return status;
  s->needs = (EbbSamplerNeeds){.size = sizeof s->needs, .group = 1};
  status = ops->prepare != NULL ? ops->prepare(s->sampler->self, s->plan, &s->needs, &s->state) : EBB_OK;
  if (status != EBB_OK) return status;
  bool density = (s->plan->flags & EBB_PLAN_DENSITY) != 0;
  if (density && !(s->needs.wants & EBB_WANT_DIV))
    return fail(EBB_E_UNSUPPORTED, "sampler %s gives no log density; choose one that integrates the divergence, such as an adaptive Runge-Kutta pair",
                id);
  if (s->needs.wants & EBB_WANT_DIV && s->field->jvp == NULL)
    return fail(
        EBB_E_UNSUPPORTED,
        "a log density with sampler %s needs the field's Jacobian, which %s does not give; choose a network all of whose layers have tangents", id,
        source);
  if ((s->needs.wants & ~(uint32_t)EBB_WANT_DIV) != 0 || s->needs.group != 1)
    return fail(EBB_E_UNSUPPORTED, "sampler %s wants a twist or groups of rows, which this version of Ebb does not give", id);
  return EBB_OK;
}

typedef struct Block {
  int64_t n, dim, state;
  int64_t *row; /* [block] which row of the call sits in the slot */
  uint64_t *id;
  uint32_t *asked, *accepted;
  int32_t *set, *level;
  EbbLevel *at;
  double *z, *xhat, *div, *t, *private, *logdet, *log_weight; /* div: NULL unless wanted */
  uint8_t *ask;
} Block;

typedef struct Job {
  const Slots *slots;
  int64_t n;
  const uint64_t *id;
  const int32_t *set;
  double *x;
  uint32_t *asked;
  uint8_t *failed;
  int64_t block; /* slots a thread, here */
  atomic_llong next;
} Job;

static void block_new(Block *b, EbbWork *work, int64_t size, int64_t dim, int64_t state, bool div) {
#define ARRAY(type, n) work_alloc(work, (size_t)(n) * sizeof(type))
  *b = (Block){.dim = dim, .state = state};
  b->row = ARRAY(int64_t, size);
  b->id = ARRAY(uint64_t, size);
  b->asked = ARRAY(uint32_t, size);
  b->accepted = ARRAY(uint32_t, size);
  b->set = ARRAY(int32_t, size);
  b->level = ARRAY(int32_t, size);
  b->at = ARRAY(EbbLevel, size);
  b->z = ARRAY(double, size *dim);
  b->xhat = ARRAY(double, size *dim);
  if (div) b->div = ARRAY(double, size);
  b->t = ARRAY(double, size);
  b->private = ARRAY(double, size *state + 1);
  b->logdet = ARRAY(double, size);
  b->log_weight = ARRAY(double, size);
  b->ask = ARRAY(uint8_t, size);
#undef ARRAY
}

static EbbRows rows_of(const Block *b, int64_t first, int64_t n, int64_t at_step) {
  return (EbbRows){.size = sizeof(EbbRows),
                   .rows = n,
                   .dim = b->dim,
                   .state_step = b->state,
                   .id = b->id + first,
                   .asked = b->asked + first,
                   .accepted = b->accepted + first,
                   .at = b->at + first,
                   .at_step = at_step,
                   .xhat = b->xhat + first * b->dim,
                   .div = b->div != NULL ? b->div + first : NULL,
                   .z = b->z + first * b->dim,
                   .t = b->t + first,
                   .level = b->level + first,
                   .ask = b->ask + first,
                   .state = b->private + first * b->state,
                   .logdet = b->logdet + first,
                   .log_weight = b->log_weight + first};
}

/* Where the next question is asked. */
static void locate(const Slots *s, Block *b, int64_t i) {
  if (b->level[i] >= 0 && b->level[i] <= s->plan->n)
    b->at[i] = s->plan->level[b->level[i]];
  else
    s->plan->schedule->at(s->plan->schedule, 1, &b->t[i], &b->at[i]);
}

/* Gives free slots to waiting rows: at their start. */
static EbbStatus refill(Job *job, EbbWork *work, Block *b) {
  const Slots *s = job->slots;
  int64_t first = b->n, room = job->block - first;
  int64_t row = atomic_fetch_add(&job->next, room), n = job->n - row < room ? job->n - row : room;
  if (n <= 0) return EBB_OK;
  const EbbLevel *start = &s->plan->level[0];
  for (int64_t i = 0; i < n; i++) {
    int64_t k = first + i;
    b->row[k] = row + i;
    b->id[k] = job->id[row + i];
    b->set[k] = job->set[row + i];
    b->asked[k] = b->accepted[k] = 0;
    b->level[k] = 0;
    b->t[k] = start->t;
    b->ask[k] = EBB_STATE;
    b->logdet[k] = b->log_weight[k] = 0;
  }
  if (s->start != NULL) {
    memcpy(b->z + first * b->dim, s->start + row * b->dim, (size_t)(n * b->dim) * sizeof *b->z);
  } else {
    random_normal((EbbRng){s->seed, STREAM_START}, n, b->id + first, NULL, 0, b->dim, b->z + first * b->dim);
    for (int64_t i = first * b->dim; i < (first + n) * b->dim; i++) {
      int64_t j = i % b->dim;
      double variance = s->variance != NULL ? s->variance[j] : 1, mean = s->mean != NULL ? s->mean[b->set[i / b->dim] * b->dim + j] : 0;
      b->z[i] = start->alpha * mean + sqrt(start->alpha * start->alpha * variance + start->sigma * start->sigma) * b->z[i];
    }
  }
  memset(b->private + first * b->state, 0, (size_t)(n * b->state) * sizeof(double));
  b->n += n;
  const EbbSamplerOps *ops = s->sampler->ops;
  if (ops->begin != NULL) {
    EbbRows rows = rows_of(b, first, n, 1);
    EbbStatus status = ops->begin(s->sampler->self, s->state, s->plan, work, &rows);
    if (status < 0) return status;
  }
  for (int64_t i = first; i < b->n; i++) locate(s, b, i);
  return EBB_OK;
}

static void retire(Job *job, Block *b, int64_t i, bool good) {
  int64_t row = b->row[i], last = --b->n, d = b->dim;
  for (int64_t j = 0; j < d; j++) job->x[row * d + j] = good ? b->z[i * d + j] : NAN;
  if (job->slots->logdet != NULL) job->slots->logdet[row] = good ? b->logdet[i] : NAN;
  job->failed[row] = !good;
  job->asked[row] = b->asked[i];
  if (i == last) return;
  b->row[i] = b->row[last];
  b->id[i] = b->id[last];
  b->asked[i] = b->asked[last];
  b->accepted[i] = b->accepted[last];
  b->set[i] = b->set[last];
  b->level[i] = b->level[last];
  b->at[i] = b->at[last];
  b->t[i] = b->t[last];
  b->ask[i] = b->ask[last];
  b->logdet[i] = b->logdet[last];
  b->log_weight[i] = b->log_weight[last];
  memcpy(b->z + i * d, b->z + last * d, (size_t)d * sizeof(double));
  memcpy(b->private + i * b->state, b->private + last * b->state, (size_t)b->state * sizeof(double));
}

static bool finite_row(const double *x, int64_t n) {
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(x[j])) return false;
  return true;
}

static EbbStatus run_block(void *ctx, EbbWork *work, int64_t task) {
  (void)task;
  Job *job = ctx;
  const Slots *s = job->slots;
  const EbbSamplerOps *ops = s->sampler->ops;
  int64_t d = s->plan->dim;
  Block b;
  block_new(&b, work, job->block, d, s->needs.state, (s->needs.wants & EBB_WANT_DIV) != 0);
  bool lockstep = ops->steps(s->sampler->self) > 0;
  EbbStatus status = EBB_OK;
  for (;;) {
    if (run_stop) return fail(EBB_E_CANCELLED, "stopped while sampling");
    if (b.n == 0 || !lockstep) status = refill(job, work, &b);
    if (status < 0 || b.n == 0) return status;

    bool shared = true; /* one level for all rows: time-only parts are computed once */
    for (int64_t i = 1; i < b.n; i++) shared = shared && b.level[i] == b.level[0] && (b.level[0] >= 0 || b.t[i] == b.t[0]);
    EbbQuery q = {sizeof q, 0, b.n, d, b.z, b.at, shared ? 0 : 1, b.id, b.asked, b.accepted, b.set};
    WorkMark mark = work_mark(work);
    status = b.div != NULL ? divergence_eval(s->field, work, &q, s->seed, s->probes, b.xhat, b.div) : s->field->eval(s->field, work, &q, b.xhat);
    if (status < 0) return status;
    for (int64_t i = 0; i < b.n; i++) b.asked[i]++;
    EbbRows rows = rows_of(&b, 0, b.n, q.at_step);
    breadcrumb(s->sampler->component, "advance", b.n);
    status = ops->advance(s->sampler->self, s->state, s->plan, work, &rows);
    breadcrumb(NULL, NULL, 0);
    work_reset(work, mark);
    if (status < 0) return status;

    int64_t done = 0;
    for (int64_t i = b.n - 1; i >= 0; i--) { /* from the end, so that the row that fills a gap has been looked at */
      bool good = b.ask[i] != EBB_FAIL && finite_row(b.xhat + i * d, d) && finite_row(b.z + i * d, d) && isfinite(b.logdet[i]);
      if (!good || b.ask[i] == EBB_DONE) {
        retire(job, &b, i, good);
        done++;
        continue;
      }
      if (b.ask[i] & EBB_STEP) b.accepted[i]++;
      locate(s, &b, i);
    }
    if (s->progress != NULL && done > 0) progress_add(s->progress, done);
  }
}

/* Blocks of like size, the same number for each thread, so that none waits long for the last one: full blocks would leave 400 rows to two threads as
 * 384 and 16. In whole tiles of the products' rows. */
static int64_t even_block(int64_t n, int64_t most, int64_t threads) {
  enum { TILE = 24 };
  if (n <= 0) return most;
  int64_t blocks = (n + most * threads - 1) / (most * threads) * threads, even = (n + blocks - 1) / blocks;
  even = (even + TILE - 1) / TILE * TILE;
  return even < most ? even : most;
}

EbbStatus slots_run(const Slots *s, int64_t n, const uint64_t *id, const int32_t *set, double *x, uint32_t *asked, uint8_t *failed) {
  Job job = {
      .slots = s, .block = even_block(n, s->block, pool_threads(s->pool)), .n = n, .id = id, .set = set, .x = x, .asked = asked, .failed = failed};
  atomic_init(&job.next, 0);
  return pool_run(s->pool, pool_threads(s->pool), run_block, &job);
}
