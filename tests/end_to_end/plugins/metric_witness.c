/* SPDX-License-Identifier: MIT
 *
 * The tests' metric: asks for what it is told to and reports what it was given. Of each array a value "bits_<name>", a checksum (FNV-1a, folded to 23
 * bits so that a table's seven digits hold it); shapes as values of their own. It can also say any one value, and ask for what does not exist. */
#include <math.h>

#include <ebb/metric.h>

typedef struct Config {
  int64_t sets, draws, simulate, set, of;
  bool references, truth, prior, density, wrong_room;
  const char *name, *note;
  double value, error;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, sets, 0, -1, 1e12, "", "data sets; 0: observations"),
    EBB_INT(Config, draws, 0, 0, 1e12, "", "of each; 0: the spec's"),
    EBB_BOOL(Config, references, false, "asks for references"),
    EBB_BOOL(Config, truth, false, "asks for true parameters"),
    EBB_BOOL(Config, prior, false, "asks for prior draws"),
    EBB_BOOL(Config, density, false, "asks for log densities"),
    EBB_INT(Config, simulate, 0, 0, 1e6, "rows", "draws of each set that are simulated, in one call a set"),
    EBB_BOOL(Config, wrong_room, false, "gives no room for the simulations"),
    EBB_STRING(Config, name, NULL, "says a value of this name, for parameter 1"),
    EBB_REAL(Config, value, 0, -1e30, 1e30, "", "that value"),
    EBB_REAL(Config, error, 0, 0, 1e30, "", "its standard error"),
    EBB_INT(Config, of, 3, 1, 1e9, "", "how many it is a mean of"),
    EBB_INT(Config, set, -1, -1, 1e9, "", "of which set, counted from 0; -1: of all"),
    EBB_STRING(Config, note, NULL, "with this note"),
    EBB_END,
};

static void needs(const void *self, EbbMetricNeeds *out) {
  const Config *c = self;
  out->sets = c->sets;
  out->draws = c->draws;
  out->flags = (c->references ? EBB_NEED_REFERENCE : 0) | (c->truth ? EBB_NEED_TRUTH : 0) | (c->prior ? EBB_NEED_PRIOR : 0) |
               (c->density ? EBB_NEED_DENSITY : 0) | (c->simulate > 0 || c->wrong_room ? EBB_NEED_SIMULATE : 0);
}

static double bits(const void *data, int64_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int64_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
  return (double)((hash ^ (hash >> 23) ^ (hash >> 46)) & 0x7fffff);
}

static void say(EbbReport *r, const char *name, int64_t set, double value) { r->value(r, name, set, -1, value, NAN, 1, NULL); }
static void say_bits(EbbReport *r, const char *name, int64_t set, const void *data, int64_t size) {
  if (data != NULL) say(r, name, set, bits(data, size));
}

static EbbStatus simulate_some(const Config *c, const EbbEvidence *e, EbbReport *r, int64_t k) {
  int64_t q = ebb_layout_numbers(&e->data->layout), failures = 0;
  static float x[4096]; /* of tests this small */
  static uint8_t failed[4096];
  if (c->simulate * q > 4096) return e->host->fail(e->host, EBB_E_CONFIG, "at most 4096 numbers are simulated");
  EbbData out = {.size = sizeof out, .layout = e->data->layout, .rows = c->simulate, .value = c->wrong_room ? NULL : x};
  EbbStatus status = e->simulate(e, c->simulate, e->theta + k * e->draws * e->dim, &out, failed);
  for (int64_t i = 0; i < c->simulate; i++) failures += failed[i];
  if (status != EBB_OK) return status;
  say_bits(r, "bits_simulated", c->sets == 0 ? k : -1, x, c->simulate * q * (int64_t)sizeof *x);
  say(r, "failures", c->sets == 0 ? k : -1, (double)failures);
  return EBB_OK;
}

static EbbStatus compute(const void *self, const EbbEvidence *e, EbbReport *r) {
  const Config *c = self;
  int64_t q = ebb_layout_numbers(&e->data->layout), one = e->draws * e->dim;
  for (int64_t k = 0; c->sets == 0 && k < e->sets; k++) {
    say_bits(r, "bits_theta", k, e->theta + k * one, one * 4);
    say_bits(r, "bits_data", k, e->data->value + k * q, q * 4);
    if (e->truth != NULL) say_bits(r, "bits_truth", k, e->truth + k * e->dim, e->dim * 4);
    if (e->log_q != NULL) say_bits(r, "bits_log_q", k, e->log_q + k * e->draws, e->draws * 8);
    if (e->reference != NULL) say_bits(r, "bits_reference", k, e->reference + k * e->references * e->dim, e->references * e->dim * 4);
  }
  for (int64_t k = 0; (c->simulate > 0 || c->wrong_room) && k < e->sets; k++) {
    EbbStatus status = simulate_some(c, e, r, k);
    if (status != EBB_OK) return status;
  }
  if (c->sets > 0) {
    say(r, "sets", -1, (double)e->sets);
    say(r, "draws", -1, (double)e->draws);
    say(r, "first_set", -1, (double)e->set[0]);
    say_bits(r, "bits_theta", -1, e->theta, e->sets * one * 4);
    say_bits(r, "bits_data", -1, e->data->value, e->sets * q * 4);
    say_bits(r, "bits_truth", -1, e->truth, e->sets * e->dim * 4);
    say_bits(r, "bits_log_q", -1, e->log_q, e->sets * e->draws * 8);
    say_bits(r, "bits_log_q_truth", -1, e->log_q_truth, e->sets * 8);
    const EbbEvidence *o = e->observed;
    for (int64_t k = 0; k < o->sets; k++) say_bits(r, "bits_observed", k, o->theta + k * o->draws * o->dim, o->draws * o->dim * 4);
  }
  for (int64_t j = 0; j < e->dim && c->prior; j++) {
    double sum = 0;
    for (int64_t i = 0; i < e->priors; i++) sum += (double)e->prior[i * e->dim + j] / (double)e->priors;
    r->value(r, "prior_mean", -1, j, sum, NAN, e->priors, NULL);
    r->value(r, "lower", -1, j, e->lower[j], NAN, 1, NULL);
    r->value(r, "upper", -1, j, e->upper[j], NAN, 1, NULL);
  }
  if (c->name != NULL) {
    const double x[2] = {0, 1}, y[2] = {0.25, 0.75}, low[2] = {0, 0.5}, high[2] = {0.5, 1};
    r->value(r, c->name, c->set, 0, c->value, c->error, c->of, c->note);
    r->curve(r, c->name, 0, 2, x, y, low, high);
  }
  return EBB_OK;
}

static const EbbMetricOps ops = {.size = sizeof ops, .needs = needs, .compute = compute};
static const EbbComponent witness = {
    .size = sizeof witness,
    .kind = EBB_METRIC,
    .id = "witness",
    .summary = "reports what it was given",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&witness)
