/* SPDX-License-Identifier: MIT
 *
 * A metric on two files of draws, outside any run: `ebb METRIC DRAWS REFERENCE`. --set key=value changes the metric's parameters,
 * and so does --key value. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <ebb/metric.h>

#include "cli/cli.h"

static void print_value(EbbReport *report, const char *metric, int64_t set, int64_t parameter, double value, double error, int64_t n,
                        const char *note) {
  (void)report, (void)set;
  printf("%s", metric);
  if (parameter >= 0) printf(" parameter %" PRId64, parameter + 1);
  printf(" %.4g", value);
  if (isfinite(error)) printf(" +- %.2g", error);
  printf("  n %" PRId64 "%s%s\n", n, note != NULL && note[0] != '\0' ? "  " : "", note != NULL ? note : "");
}

static void skip_curve(EbbReport *report, const char *name, int64_t parameter, int64_t n, const double *x, const double *y, const double *low,
                       const double *high) {
  (void)report, (void)name, (void)parameter, (void)n, (void)x, (void)y, (void)low, (void)high;
}

static EbbStatus no_simulate(const EbbEvidence *e, int64_t rows, const float *theta, EbbData *out, uint8_t *failed) {
  (void)e, (void)rows, (void)theta, (void)out, (void)failed;
  return fail(EBB_E_UNSUPPORTED, "two files of draws come without a simulator");
}

static EbbStatus read_draws(Arena *arena, const char *path, Table *table, float **out) {
  EbbStatus status = table_read(arena, path, table);
  if (status != EBB_OK) return status;
  *out = ARENA_ARRAY(arena, float, table->rows * table->columns);
  for (int64_t i = 0; i < table->rows * table->columns; i++) (*out)[i] = (float)table->value[i];
  return EBB_OK;
}

/* --key value as the parameter it names, a dash for an underscore. */
static EbbStatus set_own(Session *s, const EbbParam *params, Node *settings) {
  const Options *o = s->options;
  enum { MOST = 64 };
  const char *keys[MOST];
  size_t n = 0;
  for (const EbbParam *p = params; p != NULL && p->type != EBB_T_END && n < MOST; p++) keys[n++] = p->key;
  Str dropped = {0};
  EbbStatus status = EBB_OK;
  for (size_t i = 0; i < o->owns && status == EBB_OK; i += 2) {
    char *key = arena_copy(s->arena, o->own[i] + 2);
    size_t k = 0;
    for (char *c = key; *c != '\0'; c++) *c = (char)(*c == '-' ? '_' : *c);
    while (k < n && strcmp(keys[k], key) != 0) k++;
    if (k == n)
      status = options_unknown(o->own[i], keys, n);
    else if (o->own[i + 1] == NULL)
      status = fail(EBB_E_CONFIG, "%s needs a value", o->own[i]);
    else
      status = config_set(s->arena, settings, arena_print(s->arena, "%s=%s", key, o->own[i + 1]), &dropped);
  }
  str_free(&dropped);
  return status;
}

bool cmd_metric_known(Session *s) {
  const Plugin *plugin;
  bool known = registry_find(s->registry, EBB_METRIC, s->options->command, &plugin) == EBB_OK;
  if (!known) fail_clear();
  return known;
}

EbbStatus cmd_metric(Session *s) {
  const Options *o = s->options;
  const Plugin *plugin;
  EbbStatus status = registry_find(s->registry, EBB_METRIC, o->command, &plugin);
  if (status != EBB_OK) return status;
  if (o->arguments != 2) return fail(EBB_E_CONFIG, "usage: ebb %s DRAWS REFERENCE", o->command);
  Table draws, reference;
  float *theta, *other;
  Node *settings;
  status = config_parse(s->arena, "--set", "{}", 2, &settings);
  Str dropped = {0};
  for (size_t i = 0; i < o->sets && status == EBB_OK; i++) status = config_set(s->arena, settings, o->set[i], &dropped);
  str_free(&dropped);
  if (status == EBB_OK) status = set_own(s, plugin->component->params, settings);
  EbbChild metric = {.kind = EBB_METRIC,
                     .component = plugin->component,
                     .ops = plugin->component->ops,
                     .self = arena_alloc(s->arena, plugin->component->config_size)};
  ConfigPlugins plugins = registry_config(s->registry);
  if (status == EBB_OK && plugin->component->params != NULL)
    status = config_fill(s->arena, settings, plugin->component->params, arena_print(s->arena, "metric %s", o->command), &plugins, metric.self);
  if (status == EBB_OK) status = read_draws(s->arena, o->argument[0], &draws, &theta);
  if (status == EBB_OK) status = read_draws(s->arena, o->argument[1], &reference, &other);
  if (status == EBB_OK && draws.columns != reference.columns)
    status =
        fail(EBB_E_SHAPE, "%s has %" PRId64 " numbers a draw, %s has %" PRId64, o->argument[0], draws.columns, o->argument[1], reference.columns);
  uint32_t stream = 3000;
  if (status == EBB_OK) status = session_threads(s);
  if (status == EBB_OK) status = plugin_create(s->arena, s->pool, &metric, &stream);
  if (status != EBB_OK) return status;
  EbbMetricNeeds needs = {.size = sizeof needs};
  const EbbMetricOps *ops = metric.ops;
  ops->needs(metric.self, &needs);
  const char **name = ARENA_ARRAY(s->arena, const char *, draws.columns);
  double *lower = ARENA_ARRAY(s->arena, double, draws.columns), *upper = ARENA_ARRAY(s->arena, double, draws.columns);
  for (int64_t j = 0; j < draws.columns; j++) {
    name[j] = draws.name != NULL ? draws.name[j] : arena_print(s->arena, "%" PRId64, j + 1);
    lower[j] = -INFINITY;
    upper[j] = INFINITY;
  }
  int64_t set = 1;
  double unknown = NAN;
  EbbData none = {.size = sizeof none};
  EbbEvidence e = {.size = sizeof e,
                   .host = plugin_host(&metric),
                   .rng = {1, metric.stream},
                   .sets = 1,
                   .draws = draws.rows,
                   .dim = draws.columns,
                   .references = reference.rows,
                   .set = &set,
                   .name = name,
                   .data = &none,
                   .theta = theta,
                   .reference = other,
                   .evaluations = &unknown,
                   .seconds = &unknown,
                   .simulate = no_simulate,
                   .lower = lower,
                   .upper = upper};
  EbbReport report = {sizeof report, NULL, print_value, skip_curve};
  if (needs.sets != 0 || (needs.flags & ~(uint32_t)EBB_NEED_REFERENCE))
    status = fail(EBB_E_UNSUPPORTED, "metric %s needs more than two sets of draws; it works within a run only", o->command);
  else
    status = ops->compute(metric.self, &e, &report);
  plugin_destroy(&metric);
  return status;
}
