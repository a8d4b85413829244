/* SPDX-License-Identifier: MIT
 *
 * The tests' simulator: what went wrong for others can be set. d parameters t_j of one prior family; the user sees theta_j = shift_j + scale_j t_j
 * (normal prior only), and data by `data`:
 *
 *     same    x_j = data_shift_j + data_scale_j (t_j + noise e_j), one number a parameter
 *     line    x_j = t_1 s_j + t_2 + noise e_j at `times` places s_j, even on [0, last]; times 1: at last
 *     curve   x_j = 2 exp(-s_j t_1) + noise e_j
 *
 * then `constant` more columns that hold constant_value + jitter e. Rows with t_1 > fail_above have no data (NaN); row spoil_row has spoil_value as
 * its first number; row odd_row alone differs, by 1, in the constant columns; a row takes `microseconds`. With data `same` and the normal prior the
 * posterior of t_j given x is N(v x / noise^2, v), 1/v = 1/sd^2 + 1/noise^2. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include <ebb/simulator.h>

enum { NORMAL = 0, UNIFORM = 1, LOGNORMAL = 2, EXPONENTIAL = 3 };
enum { SAME = 0, LINE = 1, CURVE = 2 };

typedef struct Config {
  int64_t d, prior, data, times, constant, spoil_row, odd_row, microseconds;
  double p1, p2, last, noise, constant_value, jitter, fail_above, spoil_value;
  EbbReals scale, shift, data_scale, data_shift;
  const char *name;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, d, 2, 1, 1024, "", "parameters"),
    EBB_CHOICE(Config, prior, NORMAL, "normal|uniform|lognormal|exponential", "family; exponential: the simulator's own"),
    EBB_REAL(Config, p1, 0, -1e30, 1e30, "", "mean, lower bound, mean of the logarithm, rate"),
    EBB_REAL(Config, p2, 1, -1e30, 1e30, "", "sd, upper bound, sd of the logarithm"),
    EBB_CHOICE(Config, data, SAME, "same|line|curve", "what is seen"),
    EBB_INT(Config, times, 3, 1, 100000, "", "numbers of a line or curve"),
    EBB_REAL(Config, last, 1, 0, 1e9, "", "the last place"),
    EBB_REAL(Config, noise, 0.5, 0, 1e9, "", "sd of the noise"),
    EBB_INT(Config, constant, 0, 0, 1000, "", "more columns that are constant"),
    EBB_REAL(Config, constant_value, 7, -1e30, 1e30, "", "their value"),
    EBB_REAL(Config, jitter, 0, 0, 1e30, "", "sd of what is added to it"),
    EBB_INT(Config, odd_row, -1, -1, 1e9, "", "the row in which they differ; -1: none"),
    EBB_REAL(Config, fail_above, 1e30, -1e30, 1e30, "", "rows whose first parameter is larger fail"),
    EBB_INT(Config, spoil_row, -1, -1, 1e9, "", "the row whose first number is spoil_value; -1: none"),
    EBB_REAL(Config, spoil_value, 3e38, -3.4e38, 3.4e38, "", "its first number"),
    EBB_INT(Config, microseconds, 0, 0, 1e9, "us", "time a row takes"),
    EBB_REALS(Config, scale, "[]", -1e30, 1e30, "", "of each parameter; empty: 1"),
    EBB_REALS(Config, shift, "[]", -1e30, 1e30, "", "of each parameter; empty: 0"),
    EBB_REALS(Config, data_scale, "[]", -1e30, 1e30, "", "of each number; empty: 1"),
    EBB_REALS(Config, data_shift, "[]", -1e30, 1e30, "", "of each number; empty: 0"),
    EBB_STRING(Config, name, "theta", "parameters are called so, numbered when there are several"),
    EBB_END,
};

typedef struct Workbench {
  Config c;
  const EbbHost *host;
  EbbParameter *parameter;
  int64_t numbers; /* of a row that are not constant */
} Workbench;

static double entry(const EbbReals *list, int64_t j, double otherwise) { return j < list->count ? list->value[j] : otherwise; }

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Workbench *w = host->alloc(host, sizeof *w);
  if (w == NULL) return EBB_E_MEMORY;
  *w = (Workbench){.c = *(const Config *)config, .host = host};
  const Config *c = &w->c;
  w->numbers = c->data == SAME ? c->d : c->times;
  w->parameter = host->alloc(host, (size_t)c->d * sizeof *w->parameter);
  if (w->parameter == NULL) return EBB_E_MEMORY;
  for (int64_t j = 0; j < c->d; j++) {
    char *name = host->alloc(host, 64);
    if (name == NULL) return EBB_E_MEMORY;
    if (c->d == 1)
      snprintf(name, 64, "%s", c->name);
    else
      snprintf(name, 64, "%s%d", c->name, (int)j + 1);
    EbbParameter *p = &w->parameter[j];
    *p = (EbbParameter){.name = name, .lower = -INFINITY, .upper = INFINITY, .p = {c->p1, c->p2}};
    switch (c->prior) {
    case NORMAL:
      p->family = EBB_PRIOR_NORMAL;
      p->p[0] = entry(&c->shift, j, 0) + entry(&c->scale, j, 1) * c->p1;
      p->p[1] = fabs(entry(&c->scale, j, 1)) * c->p2;
      break;
    case UNIFORM:
      p->family = EBB_PRIOR_UNIFORM;
      p->lower = c->p1;
      p->upper = c->p2;
      break;
    case LOGNORMAL:
      p->family = EBB_PRIOR_LOGNORMAL;
      p->lower = 0;
      break;
    default:
      p->family = EBB_PRIOR_OWN;
      p->lower = 0;
      break;
    }
  }
  *self = w;
  return EBB_OK;
}

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  const Workbench *w = self;
  out->theta = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = w->c.d};
  out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = w->numbers + w->c.constant};
  out->parameter = w->parameter;
  return EBB_OK;
}

static void take_time(const Workbench *w, int64_t rows) {
  int64_t time = rows * w->c.microseconds;
  struct timespec t = {(time_t)(time / 1000000), (long)(time % 1000000 * 1000)};
  while (time > 0 && nanosleep(&t, &t) != 0 && errno == EINTR) continue; /* a signal to the host does not make the simulator faster */
}

static double seen(const Config *c, int64_t j, const float *theta) {
  if (c->data == SAME) return ((double)theta[j] - entry(&c->shift, j, 0)) / entry(&c->scale, j, 1);
  double place = c->times > 1 ? c->last * (double)j / (double)(c->times - 1) : c->last;
  return c->data == LINE ? (double)theta[0] * place + (double)theta[1] : 2 * exp(-place * (double)theta[0]);
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)failed; /* NaN says it as well: the host looks */
  const Workbench *w = self;
  const Config *c = &w->c;
  int64_t n = w->numbers, q = n + c->constant;
  double *e = w->host->scratch(work, (size_t)(rows * q) * sizeof *e);
  w->host->normal(w->host, rng, rows, id, NULL, 0, q, e);
  take_time(w, rows);
  for (int64_t i = 0; i < rows; i++, theta += c->d) {
    float *x = out->value + i * q;
    for (int64_t j = 0; j < n; j++) {
      double value = seen(c, j, theta) + c->noise * e[i * q + j];
      x[j] = (float)(c->data == SAME ? entry(&c->data_shift, j, 0) + entry(&c->data_scale, j, 1) * value : value);
    }
    for (int64_t j = n; j < q; j++) x[j] = (float)(c->constant_value + c->jitter * e[i * q + j] + (c->odd_row == (int64_t)id[i] ? 1 : 0));
    if (c->spoil_row == (int64_t)id[i]) x[0] = (float)c->spoil_value;
    if ((double)theta[0] > c->fail_above) x[0] = NAN;
  }
  return EBB_OK;
}

static EbbStatus prior(const void *self, EbbRng rng, int64_t rows, const uint64_t *id, float *theta) {
  const Workbench *w = self;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < w->c.d; j++) {
      double u;
      w->host->uniform(w->host, rng, 1, &id[i], NULL, (uint32_t)j, 1, &u);
      theta[i * w->c.d + j] = (float)(-log(u) / w->c.p1);
    }
  return EBB_OK;
}

/* Two components, since a simulator with a prior slot draws from it alone. */
static const EbbSimulatorOps declared = {.size = sizeof declared, .describe = describe, .simulate = simulate};
static const EbbSimulatorOps own = {.size = sizeof own, .describe = describe, .simulate = simulate, .prior = prior};
static const EbbComponent workbench = {
    .size = sizeof workbench,
    .kind = EBB_SIMULATOR,
    .id = "workbench",
    .summary = "what went wrong for others, at will",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &declared,
    .create = create,
};
static const EbbComponent workbench_own_prior = {
    .size = sizeof workbench_own_prior,
    .kind = EBB_SIMULATOR,
    .id = "workbench_own_prior",
    .summary = "the same with an exponential prior of its own",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &own,
    .create = create,
};
EBB_MODULE(&workbench, &workbench_own_prior)
