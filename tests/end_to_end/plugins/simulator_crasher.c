/* SPDX-License-Identifier: MIT
 *
 * A simulator that does not survive all its rows: t ~ N(0, 1), x = t + e / 2; above `above` the row aborts, below `below` it leaves the program, and
 * where |t| < `refuse` it fails as a simulator should. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include <ebb/simulator.h>

typedef struct Config {
  double above, below, refuse;
  int64_t microseconds;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, above, 1e30, -1e30, 1e30, "", "rows above abort"),
    EBB_REAL(Config, below, -1e30, -1e30, 1e30, "", "rows below leave the program"),
    EBB_REAL(Config, refuse, 0, 0, 1e30, "", "rows nearer to 0 are an error"),
    EBB_INT(Config, microseconds, 0, 0, 1e9, "us", "time a row takes"),
    EBB_END,
};

typedef struct Crasher {
  Config c;
  const EbbHost *host;
} Crasher;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Crasher *m = host->alloc(host, sizeof *m);
  if (m == NULL) return EBB_E_MEMORY;
  *m = (Crasher){*(const Config *)config, host};
  *self = m;
  return EBB_OK;
}

static const EbbParameter parameter = {.name = "t", .lower = -INFINITY, .upper = INFINITY, .p = {0, 1}, .family = EBB_PRIOR_NORMAL};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  out->theta = out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = 1};
  out->parameter = &parameter;
  return EBB_OK;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  const Crasher *m = self;
  (void)failed;
  double *e = m->host->scratch(work, (size_t)rows * sizeof *e);
  m->host->normal(m->host, rng, rows, id, NULL, 0, 1, e);
  for (int64_t i = 0; i < rows; i++) {
    double t = (double)theta[i];
    struct timespec pause = {m->c.microseconds / 1000000, m->c.microseconds % 1000000 * 1000};
    if (m->c.microseconds > 0) nanosleep(&pause, NULL);
    if (t > m->c.above) abort();
    if (t < m->c.below) _Exit(3);
    if (fabs(t) < m->c.refuse) return m->host->fail(m->host, EBB_E_NUMERIC, "t = %g is too near to 0", t);
    out->value[i] = (float)(t + 0.5 * e[i]);
  }
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops, .describe = describe, .simulate = simulate};
static const EbbComponent crasher = {
    .size = sizeof crasher,
    .kind = EBB_SIMULATOR,
    .id = "crasher",
    .summary = "does not survive all its rows",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&crasher)
