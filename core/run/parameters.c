/* SPDX-License-Identifier: MIT
 *
 * The prior families as built-in components. All but one fill the same struct; `ops` says which family it is and where its
 * support ends. */
#include "run/parameters.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct Single {
  const char *name;
  double a, b, lower, upper;
} Single;

typedef struct Several {
  EbbStrings name;
  EbbReals mean, sd, correlation;
} Several;

/* Stands first in every ops table. */
typedef struct Family {
  uint32_t size;
  int32_t family;
  double lower, upper; /* of the support, where the entry does not say it */
} Family;

#define NAME EBB_ROW(Single, name, EBB_T_STRING, EBB_P_REQUIRED, 0, 1, 200, NULL, "", "of the parameter", 0, NULL)
#define NUMBER(key, member, flags, otherwise, min, max, doc)                                                                                         \
  { key, EBB_T_REAL, flags, offsetof(Single, member), otherwise, min, max, NULL, "", doc, 0, NULL }

static const EbbParam normal_params[] = {
    NAME,
    NUMBER("mean", a, EBB_P_REQUIRED, 0, -FLT_MAX, FLT_MAX, "mean"),
    NUMBER("sd", b, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, "standard deviation"),
    EBB_END,
};
static const EbbParam lognormal_params[] = {
    NAME,
    NUMBER("mean", a, EBB_P_REQUIRED, 0, -FLT_MAX, FLT_MAX, "mean of the logarithm"),
    NUMBER("sd", b, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, "standard deviation of the logarithm"),
    EBB_END,
};
static const EbbParam uniform_params[] = {
    NAME,
    NUMBER("lower", a, EBB_P_REQUIRED, 0, -FLT_MAX, FLT_MAX, "lower end"),
    NUMBER("upper", b, EBB_P_REQUIRED, 0, -FLT_MAX, FLT_MAX, "upper end"),
    EBB_END,
};
static const EbbParam beta_params[] = {
    NAME,
    NUMBER("a", a, EBB_P_REQUIRED, 0, 0.01, 1e4, "shape at the lower end"),
    NUMBER("b", b, EBB_P_REQUIRED, 0, 0.01, 1e4, "shape at the upper end"),
    NUMBER("lower", lower, 0, 0, -FLT_MAX, FLT_MAX, "lower end"),
    NUMBER("upper", upper, 0, 1, -FLT_MAX, FLT_MAX, "upper end"),
    EBB_END,
};
static const EbbParam gamma_params[] = {
    NAME,
    NUMBER("shape", a, EBB_P_REQUIRED, 0, 0.01, 1e4, "shape"),
    NUMBER("rate", b, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, "rate; the mean is shape / rate"),
    EBB_END,
};
static const EbbParam exponential_params[] = {
    NAME,
    NUMBER("rate", a, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, "rate; the mean is 1 / rate"),
    EBB_END,
};
static const EbbParam half_normal_params[] = {
    NAME,
    NUMBER("sd", b, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, "standard deviation of the normal law that is folded"),
    EBB_END,
};
static const EbbParam truncated_normal_params[] = {
    NAME,
    NUMBER("mean", a, EBB_P_REQUIRED, 0, -FLT_MAX, FLT_MAX, "mean before it is cut"),
    NUMBER("sd", b, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, "standard deviation before it is cut"),
    NUMBER("lower", lower, 0, -INFINITY, -INFINITY, INFINITY, "lower end"),
    NUMBER("upper", upper, 0, INFINITY, -INFINITY, INFINITY, "upper end"),
    EBB_END,
};
static const EbbParam unknown_params[] = {
    NAME,
    NUMBER("lower", lower, 0, -INFINITY, -INFINITY, INFINITY, "lower end of the support"),
    NUMBER("upper", upper, 0, INFINITY, -INFINITY, INFINITY, "upper end of the support"),
    EBB_END,
};
static const EbbParam correlated_params[] = {
    EBB_ROW(Several, name, EBB_T_STRINGS, EBB_P_REQUIRED, 0, 0, 0, NULL, "", "of the parameters, [a, b]", 0, NULL),
    EBB_ROW(Several, mean, EBB_T_REALS, EBB_P_REQUIRED, 0, -FLT_MAX, FLT_MAX, NULL, "", "mean of each", 0, NULL),
    EBB_ROW(Several, sd, EBB_T_REALS, EBB_P_REQUIRED | EBB_P_OPEN_MIN, 0, 0, FLT_MAX, NULL, "", "standard deviation of each", 0, NULL),
    EBB_ROW(Several, correlation, EBB_T_REALS, EBB_P_REQUIRED, 0, -1, 1, NULL, "", "below the diagonal, row by row: r21, r31, r32, ...", 0, NULL),
    EBB_END,
};

enum { FAMILIES = 10 };
static const Family family[FAMILIES] = {
    {sizeof(Family), EBB_PRIOR_NORMAL, -INFINITY, INFINITY},
    {sizeof(Family), EBB_PRIOR_LOGNORMAL, 0, INFINITY},
    {sizeof(Family), EBB_PRIOR_UNIFORM, NAN, NAN},
    {sizeof(Family), EBB_PRIOR_BETA, NAN, NAN},
    {sizeof(Family), EBB_PRIOR_GAMMA, 0, INFINITY},
    {sizeof(Family), EBB_PRIOR_EXPONENTIAL, 0, INFINITY},
    {sizeof(Family), EBB_PRIOR_HALF_NORMAL, 0, INFINITY},
    {sizeof(Family), EBB_PRIOR_TRUNCATED_NORMAL, NAN, NAN},
    {sizeof(Family), EBB_PRIOR_CORRELATED_NORMAL, -INFINITY, INFINITY},
    {sizeof(Family), EBB_PRIOR_UNKNOWN, NAN, NAN},
};

#define COMPONENT(k, word, text, config, table)                                                                                                      \
  { .size = sizeof(EbbComponent), .kind = EBB_PRIOR, .id = word, .summary = text, .config_size = sizeof(config), .params = table, .ops = &family[k] }
static const EbbComponent component[FAMILIES] = {
    COMPONENT(0, "normal", "normal", Single, normal_params),
    COMPONENT(1, "lognormal", "log-normal, above 0", Single, lognormal_params),
    COMPONENT(2, "uniform", "uniform between two ends", Single, uniform_params),
    COMPONENT(3, "beta", "beta, spread between two ends", Single, beta_params),
    COMPONENT(4, "gamma", "gamma, above 0", Single, gamma_params),
    COMPONENT(5, "exponential", "exponential, above 0", Single, exponential_params),
    COMPONENT(6, "half_normal", "half-normal, above 0", Single, half_normal_params),
    COMPONENT(7, "truncated_normal", "normal, cut to a support", Single, truncated_normal_params),
    COMPONENT(8, "correlated_normal", "several parameters, normal together", Several, correlated_params),
    COMPONENT(9, "unknown", "a support without a prior, for parameters that come from a file", Single, unknown_params),
};

void parameters_register(Registry *r) {
  for (int k = 0; k < FAMILIES; k++) registry_add(r, &component[k]);
}

EbbChildren parameters_unknown(Arena *arena, int64_t d) {
  const EbbComponent *last = &component[FAMILIES - 1];
  EbbChildren list = {d, ARENA_ARRAY(arena, EbbChild, d)};
  for (int64_t i = 0; i < d; i++) {
    Single *s = ARENA_NEW(arena, Single);
    *s = (Single){.name = arena_print(arena, "theta%" PRId64, i + 1), .lower = -INFINITY, .upper = INFINITY};
    list.child[i] = (EbbChild){.kind = EBB_PRIOR, .component = last, .ops = last->ops, .self = s};
  }
  return list;
}

/* ---- From the list to a description ---- */

static EbbParameter single(const Family *f, const Single *s) {
  double lower = isnan(f->lower) ? s->lower : f->lower, upper = isnan(f->upper) ? s->upper : f->upper;
  if (f->family == EBB_PRIOR_UNIFORM) lower = s->a, upper = s->b;
  return (EbbParameter){.name = s->name, .lower = lower, .upper = upper, .p = {s->a, s->b}, .family = f->family};
}

static EbbStatus check_several(const EbbHost *host, const Several *s) {
  int64_t m = s->name.count;
  if (m < 2) return host->fail(host, EBB_E_CONFIG, "a correlated normal prior is for two parameters or more; name: [a, b]");
  if (s->mean.count != m || s->sd.count != m || s->correlation.count != m * (m - 1) / 2)
    return host->fail(host, EBB_E_CONFIG,
                      "parameters %s, %s...: %" PRId64 " correlated parameters have %" PRId64 " means, %" PRId64 " sds and %" PRId64
                      " correlations below the diagonal; found %" PRId64 ", %" PRId64 " and %" PRId64,
                      s->name.value[0], s->name.value[1], m, m, m, m * (m - 1) / 2, s->mean.count, s->sd.count, s->correlation.count);
  return EBB_OK;
}

EbbStatus parameters_describe(const EbbHost *host, const EbbChildren *list, EbbModelInfo *out) {
  int64_t d = 0;
  bool correlated = false;
  for (int64_t i = 0; i < list->count; i++) {
    const Family *f = list->child[i].ops;
    bool several = f->family == EBB_PRIOR_CORRELATED_NORMAL;
    EbbStatus status = several ? check_several(host, list->child[i].self) : EBB_OK;
    if (status != EBB_OK) return status;
    d += several ? ((const Several *)list->child[i].self)->name.count : 1;
    correlated = correlated || several;
  }
  if (d == 0) return host->fail(host, EBB_E_CONFIG, "parameters is empty; list at least one, such as {use: normal, name: a, mean: 0, sd: 1}");
  EbbParameter *p = host->alloc(host, (size_t)d * sizeof *p);
  double *correlation = correlated ? host->alloc(host, (size_t)(d * d) * sizeof *correlation) : NULL;
  if (p == NULL || (correlated && correlation == NULL)) return EBB_E_MEMORY;
  for (int64_t i = 0; correlated && i < d; i++) correlation[i * d + i] = 1;
  int64_t k = 0;
  for (int64_t i = 0; i < list->count; i++) {
    const Family *f = list->child[i].ops;
    if (f->family != EBB_PRIOR_CORRELATED_NORMAL) {
      p[k++] = single(f, list->child[i].self);
      continue;
    }
    const Several *s = list->child[i].self;
    const double *r = s->correlation.value;
    for (int64_t a = 0; a < s->name.count; a++) {
      p[k + a] = (EbbParameter){
          .name = s->name.value[a], .lower = f->lower, .upper = f->upper, .p = {s->mean.value[a], s->sd.value[a]}, .family = f->family};
      for (int64_t b = 0; b < a; b++) correlation[(k + a) * d + k + b] = correlation[(k + b) * d + k + a] = *r++;
    }
    k += s->name.count;
  }
  out->theta = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = d};
  out->parameter = p;
  out->correlation = correlation;
  return EBB_OK;
}

/* ---- Data ---- */

const EbbParam data_names_params[] = {
    EBB_INT(DataNames, numbers, 0, 0, 1e9, "", "how many numbers a row of data has; 0: as many as there are names"),
    EBB_ROW(DataNames, names, EBB_T_STRINGS, 0, 0, 0, 0, NULL, "", "what they are called, for messages and tables", 0, NULL),
    EBB_END,
};

EbbStatus data_describe(const EbbHost *host, const DataNames *data, EbbModelInfo *out) {
  int64_t n = data->numbers > 0 ? data->numbers : data->names.count;
  if (n == 0) return host->fail(host, EBB_E_CONFIG, "data.numbers is missing: how many numbers has a row of data?");
  if (data->names.count > 0 && data->names.count != n)
    return host->fail(host, EBB_E_CONFIG, "data.names has %" PRId64 " names for %" PRId64 " numbers; name all or none", data->names.count, n);
  out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = n};
  out->data_name = data->names.count > 0 ? data->names.value : NULL;
  return EBB_OK;
}
