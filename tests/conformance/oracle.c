/* SPDX-License-Identifier: MIT
 *
 * Exact fields and the test host. */
#include "oracle.h"

/* ---- fields ---- */

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* Component k diffuses to N(alpha m, alpha^2 s^2 + sigma^2), with posterior mean m + alpha s^2 (z - alpha m) / v; responsibilities use the diffused
 * densities. */
static EbbStatus field_eval(const EbbField *f, EbbWork *work, const EbbQuery *q, double *xhat) {
  (void)work;
  const Oracle *o = f->ctx;
  for (int64_t r = 0; r < q->rows; r++) {
    const EbbLevel *l = &q->at[r * q->at_step];
    double z[ORACLE_DIM], log_density[2] = {0}, top = -INFINITY, total = 0, sum[ORACLE_DIM] = {0};
    memcpy(z, q->z + r * q->dim, (size_t)q->dim * sizeof *z); /* xhat may be z */
    for (int64_t k = 0; k < o->n; k++) {
      log_density[k] = log(o->weight[k]);
      for (int64_t j = 0; j < o->dim; j++) {
        double v = pow(l->alpha * o->sd[k][j], 2) + l->sigma * l->sigma;
        log_density[k] -= 0.5 * (pow(z[j] - l->alpha * o->mean[k][j], 2) / v + log(v));
      }
      top = fmax(top, log_density[k]);
    }
    for (int64_t k = 0; k < o->n; k++) {
      double share = exp(log_density[k] - top);
      total += share;
      for (int64_t j = 0; j < o->dim; j++) {
        double s2 = o->sd[k][j] * o->sd[k][j], v = l->alpha * l->alpha * s2 + l->sigma * l->sigma;
        sum[j] += share * (o->mean[k][j] + l->alpha * s2 * (z[j] - l->alpha * o->mean[k][j]) / v);
      }
    }
    for (int64_t j = 0; j < o->dim; j++) xhat[r * q->dim + j] = sum[j] / total;
  }
  return EBB_OK;
}

static void field_of(Oracle *o) { o->field = (EbbField){.size = sizeof(EbbField), .kind = EBB_MEAN, .dim = o->dim, .ctx = o, .eval = field_eval}; }

void oracle_gaussian(Oracle *o, int64_t dim, const double *mean, const double *sd) {
  *o = (Oracle){.n = 1, .dim = dim, .weight = {1}};
  memcpy(o->mean[0], mean, (size_t)dim * sizeof *mean);
  memcpy(o->sd[0], sd, (size_t)dim * sizeof *sd);
  field_of(o);
}

void oracle_m1(Oracle *o) {
  *o = (Oracle){.n = 2, .dim = 1, .weight = {0.3, 0.7}, .mean = {{-1}, {0.8}}, .sd = {{0.4}, {0.25}}};
  field_of(o);
}

void oracle_moments(const Oracle *o, int64_t j, double *mean, double *sd) {
  double first = 0, second = 0;
  for (int64_t k = 0; k < o->n; k++) {
    first += o->weight[k] * o->mean[k][j];
    second += o->weight[k] * (pow(o->mean[k][j], 2) + pow(o->sd[k][j], 2));
  }
  *mean = first;
  *sd = sqrt(second - first * first);
}

double oracle_cdf(const Oracle *o, const EbbLevel *l, double z) {
  double p = 0;
  for (int64_t k = 0; k < o->n; k++) p += o->weight[k] * normal_cdf((z - l->alpha * o->mean[k][0]) / hypot(l->alpha * o->sd[k][0], l->sigma));
  return p;
}

double oracle_quantile(const Oracle *o, const EbbLevel *l, double p) {
  double low = -1000, high = 1000;
  for (int i = 0; i < 80; i++) {
    double middle = 0.5 * (low + high);
    if (oracle_cdf(o, l, middle) < p)
      low = middle;
    else
      high = middle;
  }
  return 0.5 * (low + high);
}

EbbLevel *oracle_levels(const EbbSchedule *s, const Grid *g) {
  int64_t last = g->state ? g->n : g->n - 1;
  EbbLevel *level = ARENA_ARRAY(suite_arena(), EbbLevel, g->n + 1), ends[2];
  double t_ends[2] = {s->t_max, s->t_min};
  s->at(s, 2, t_ends, ends);
  double lambda_ends[2] = {g->u_max > 0 ? -2 * log(g->u_max) : ends[0].lambda, g->u_min > 0 ? -2 * log(g->u_min) : ends[1].lambda};
  s->inverse(s, 2, lambda_ends, t_ends);
  for (int64_t i = 0; i <= last; i++) {
    double share = last > 0 ? (double)i / (double)last : 0, lambda = lambda_ends[0] + share * (lambda_ends[1] - lambda_ends[0]);
    double t = t_ends[0] + share * (t_ends[1] - t_ends[0]);
    if (!g->in_time) s->inverse(s, 1, &lambda, &t);
    s->at(s, 1, &t, &level[i]);
    level[i].index = i;
  }
  if (!g->state) level[g->n] = (EbbLevel){.t = s->t_min, .alpha = 1, .sigma = 0, .lambda = INFINITY, .index = g->n};
  return level;
}

/* ---- the host ---- */

/* Noise of starts must not be the sampler's. */
enum { STREAM_START = 1000000, SEED = 7 };

void oracle_start(const Oracle *o, const EbbHost *host, const EbbLevel *l, int64_t first, int64_t rows, double *z) {
  for (int64_t i = 0; i < rows; i++) {
    uint64_t id = UINT64_C(1) << 32 | (uint64_t)(first + i);
    host->normal(host, (EbbRng){SEED, STREAM_START}, 1, &id, NULL, 0, o->dim, z + i * o->dim);
    for (int64_t j = 0; j < o->dim; j++) {
      double mean, sd;
      oracle_moments(o, j, &mean, &sd);
      z[i * o->dim + j] = l->alpha * mean + hypot(l->alpha * sd, l->sigma) * z[i * o->dim + j];
    }
  }
}

typedef struct Run {
  Drive *d;
  EbbPlan plan;
  EbbSamplerNeeds needs;
  void *state;
  int64_t *asked, *failed; /* [blocks] */
} Run;

/* Slots of a block, all of them arrays over rows: a row that ends gives its slot to the last one. */
typedef struct Block {
  EbbRows r;
  EbbLevel *at;
  double *xhat;
  uint64_t *id;
  uint32_t *asked, *accepted;
  int32_t *set;
  int64_t *place; /* row of d->z */
} Block;

static void move_slot(Block *b, int64_t to, int64_t from) {
  EbbRows *r = &b->r;
  memcpy(r->z + to * r->dim, r->z + from * r->dim, (size_t)r->dim * sizeof *r->z);
  if (r->state_step > 0) memcpy(r->state + to * r->state_step, r->state + from * r->state_step, (size_t)r->state_step * sizeof *r->state);
  b->id[to] = b->id[from];
  b->asked[to] = b->asked[from];
  b->accepted[to] = b->accepted[from];
  b->place[to] = b->place[from];
  r->t[to] = r->t[from];
  r->level[to] = r->level[from];
  r->ask[to] = r->ask[from];
  r->logdet[to] = r->logdet[from];
  r->log_weight[to] = r->log_weight[from];
}

static void *zeroed(EbbWork *work, size_t bytes) { return memset(work_alloc(work, bytes + 1), 0, bytes); }

static void block_new(Block *b, const Run *run, EbbWork *work, int64_t first, int64_t rows) {
  size_t n = (size_t)rows, dim = (size_t)run->plan.dim, state = (size_t)run->needs.state;
  *b = (Block){.at = zeroed(work, n * sizeof(EbbLevel)), .xhat = zeroed(work, n * dim * sizeof(double)), .id = zeroed(work, n * 8)};
  b->asked = zeroed(work, n * 4);
  b->accepted = zeroed(work, n * 4);
  b->set = zeroed(work, n * 4);
  b->place = zeroed(work, n * 8);
  b->r = (EbbRows){.size = sizeof(EbbRows),
                   .rows = rows,
                   .dim = run->plan.dim,
                   .state_step = run->needs.state,
                   .id = b->id,
                   .asked = b->asked,
                   .accepted = b->accepted,
                   .at = b->at,
                   .at_step = 1,
                   .xhat = b->xhat,
                   .z = zeroed(work, n * dim * 8),
                   .t = zeroed(work, n * 8),
                   .level = zeroed(work, n * 4),
                   .ask = zeroed(work, n),
                   .state = zeroed(work, n * state * 8),
                   .logdet = zeroed(work, n * 8),
                   .log_weight = zeroed(work, n * 8)};
  for (int64_t i = 0; i < rows; i++) {
    b->place[i] = first + i;
    b->id[i] = UINT64_C(1) << 32 | (uint64_t)(run->d->first + first + i);
    b->r.ask[i] = EBB_STATE;
    memcpy(b->r.z + i * b->r.dim, run->d->z + b->place[i] * b->r.dim, dim * sizeof(double));
  }
}

/* Levels of the questions; one for all rows where they are the same, as the real host does. */
static void find_levels(const Run *run, Block *b) {
  bool same = true;
  for (int64_t i = 0; i < b->r.rows; i++) {
    int32_t level = b->r.level[i];
    if (level >= 0)
      b->at[i] = run->plan.level[level];
    else
      run->plan.schedule->at(run->plan.schedule, 1, &b->r.t[i], &b->at[i]);
    same = same && level >= 0 && level == b->r.level[0];
  }
  b->r.at_step = same ? 0 : 1;
}

static EbbStatus answer(const Run *run, EbbWork *work, Block *b) {
  const EbbSamplerOps *ops = run->d->sampler->ops;
  find_levels(run, b);
  EbbQuery q = {.size = sizeof q,
                .rows = b->r.rows,
                .dim = b->r.dim,
                .z = b->r.z,
                .at = b->at,
                .at_step = b->r.at_step,
                .id = b->id,
                .asked = b->asked,
                .accepted = b->accepted,
                .set = b->set};
  EbbStatus status = run->d->field->eval(run->d->field, work, &q, b->xhat);
  for (int64_t i = 0; i < b->r.rows; i++) b->asked[i]++;
  if (status == EBB_OK) status = ops->advance(run->d->sampler->self, run->state, &run->plan, work, &b->r);
  return status;
}

static EbbStatus run_block(void *ctx, EbbWork *work, int64_t index) {
  Run *run = ctx;
  Drive *d = run->d;
  const EbbSamplerOps *ops = d->sampler->ops;
  int64_t first = index * d->block, rows = d->rows - first < d->block ? d->rows - first : d->block;
  Block b;
  block_new(&b, run, work, first, rows);
  EbbStatus status = ops->begin != NULL ? ops->begin(d->sampler->self, run->state, &run->plan, work, &b.r) : EBB_OK;
  WorkMark mark = work_mark(work);
  do {
    if (status == EBB_OK) status = answer(run, work, &b);
    if (status != EBB_OK) return status;
    work_reset(work, mark);
    run->asked[index] += b.r.rows;
    for (int64_t i = b.r.rows - 1; i >= 0; i--) {
      bool finite = true;
      for (int64_t j = 0; j < b.r.dim; j++) finite = finite && isfinite(b.r.z[i * b.r.dim + j]);
      if (b.r.ask[i] & (EBB_STEP | EBB_DONE)) b.accepted[i]++;
      if (finite && b.r.ask[i] < EBB_DONE) continue;
      if (!finite || b.r.ask[i] == EBB_FAIL) run->failed[index]++;
      memcpy(d->z + b.place[i] * b.r.dim, b.r.z + i * b.r.dim, (size_t)b.r.dim * sizeof *d->z);
      if (i != --b.r.rows) move_slot(&b, i, b.r.rows);
    }
  } while (b.r.rows > 0);
  return EBB_OK;
}

EbbStatus oracle_drive(Drive *d) {
  const EbbSamplerOps *ops = d->sampler->ops;
  if (d->block == 0) d->block = d->rows > 0 ? d->rows : 1;
  int64_t blocks = d->rows > 0 ? (d->rows + d->block - 1) / d->block : 1; /* none: one block without rows */
  Run run = {.d = d, .needs = {.size = sizeof(EbbSamplerNeeds), .group = 1}};
  run.plan = (EbbPlan){.size = sizeof(EbbPlan),
                       .host = d->noise != NULL ? d->noise : plugin_host(d->sampler),
                       .schedule = d->schedule,
                       .rng = {SEED, 1}, /* the same stream for every instance */
                       .dim = d->field->dim,
                       .items = 1,
                       .n = d->n,
                       .level = d->level};
  run.asked = ARENA_ARRAY(suite_arena(), int64_t, blocks);
  run.failed = ARENA_ARRAY(suite_arena(), int64_t, blocks);
  EbbStatus status = ops->prepare != NULL ? ops->prepare(d->sampler->self, &run.plan, &run.needs, &run.state) : EBB_OK;
  if (status == EBB_OK && (run.needs.wants != 0 || run.needs.group != 1))
    status = fail(EBB_E_UNSUPPORTED, "%s wants divergences, twists or groups, which the test host does not have yet", d->sampler->component->id);
  EbbWork *work = work_new();
  WorkMark empty = work_mark(work);
  if (status == EBB_OK && d->pool != NULL) status = pool_run(d->pool, blocks, run_block, &run);
  for (int64_t i = 0; i < blocks && status == EBB_OK && d->pool == NULL; i++) {
    status = run_block(&run, work, i);
    work_reset(work, empty);
  }
  work_free(work);
  d->asked = d->failed = 0;
  for (int64_t i = 0; i < blocks; i++) {
    d->asked += run.asked[i];
    d->failed += run.failed[i];
  }
  return status;
}

/* Noise 1 for row i at its i-th question, i > 0; else 0. */
static void impulse(const EbbHost *host, EbbRng rng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out) {
  (void)host, (void)rng, (void)block;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < n; j++) out[r * n + j] = (uint32_t)id[r] == step[r] ? 1 : 0;
}

/* The host's own finds its memory behind the table that it is called with, and a copy has none there. */
static void *table_alloc(const EbbHost *host, size_t bytes) {
  (void)host;
  return arena_alloc(suite_arena(), bytes);
}

double oracle_linear_variance(const EbbChild *sampler, const EbbSchedule *schedule, const EbbField *field, const EbbLevel *level, int64_t n,
                              double start_variance) {
  EbbHost host = *plugin_host(sampler);
  host.normal = impulse;
  host.alloc = table_alloc;
  double *z = ARENA_ARRAY(suite_arena(), double, n + 1), variance = 0;
  z[0] = sqrt(start_variance);
  Drive d = {.sampler = sampler, .schedule = schedule, .field = field, .level = level, .n = n, .rows = n + 1, .noise = &host, .z = z};
  CHECK_OK(oracle_drive(&d));
  for (int64_t i = 0; i <= n; i++) variance += z[i] * z[i];
  return variance;
}
