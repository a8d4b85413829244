/* SPDX-License-Identifier: MIT
 *
 * Simulations from files. */
#include "run/files.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const EbbComponent files_component;

/* A matrix (rows, n); a vector counts as n = 1. */
static EbbStatus open_matrix(const char *path, const char *what, Npy *a, int64_t *rows, int64_t *n) {
  EbbStatus status = npy_open(path, a);
  if (status != EBB_OK) return status;
  *rows = a->ndim > 0 ? a->shape[0] : 0;
  *n = a->ndim == 2 ? a->shape[1] : 1;
  if (a->ndim != 1 && a->ndim != 2) {
    Arena *arena = arena_new();
    status = fail(EBB_E_SHAPE, "%s: the array is %s, expected %s as (rows, numbers); reshape it, as in a.reshape(len(a), -1)", path,
                  npy_shape_text(arena, a), what);
    arena_free(arena);
  } else if (*rows == 0 || *n == 0) {
    status = fail(EBB_E_SHAPE, "%s holds no rows (%" PRId64 " rows of %" PRId64 " numbers)", path, *rows, *n);
  }
  if (status != EBB_OK) npy_close(a);
  return status;
}

static EbbStatus open_both(const SpecSimulations *s, Files *f) {
  int64_t rows;
  *f = (Files){.theta_path = s->theta, .x_path = s->x};
  EbbStatus status = open_matrix(s->theta, "parameters", &f->theta, &f->rows, &f->d);
  if (status != EBB_OK) return status;
  status = open_matrix(s->x, "data", &f->x, &rows, &f->q);
  if (status == EBB_OK && rows != f->rows)
    status = fail(EBB_E_SHAPE, "%s has %" PRId64 " rows and %s %" PRId64 "; row by row they belong together", s->theta, f->rows, s->x, rows);
  if (status != EBB_OK) files_close(f);
  return status;
}

void files_close(Files *f) {
  npy_close(&f->theta);
  npy_close(&f->x);
}

EbbStatus files_complete(Arena *arena, SpecSimulations *s, bool count_given) {
  bool known = count_given && s->parameters.count > 0 && s->data.numbers > 0;
  if (known && !(file_exists(s->theta) && file_exists(s->x))) return EBB_OK;
  Files f;
  EbbStatus status = open_both(s, &f);
  if (status != EBB_OK) return status;
  if (!count_given) s->count = f.rows;
  if (s->count > f.rows) status = fail(EBB_E_CONFIG, "simulations.count is %" PRId64 ", but %s has %" PRId64 " rows", s->count, s->theta, f.rows);
  if (s->data.numbers == 0) s->data.numbers = f.q;
  if (status == EBB_OK && s->data.numbers != f.q)
    status = fail(EBB_E_SHAPE, "simulations.data.numbers is %" PRId64 ", but %s has %" PRId64 " numbers a row", s->data.numbers, s->x, f.q);
  if (s->parameters.count == 0) s->parameters = parameters_unknown(arena, f.d);
  files_close(&f);
  return status;
}

EbbStatus files_add(const SpecSimulations *s, Sha256 *hash) {
  Str text = {0};
  str_print(&text, "data %" PRId64 "\n", s->data.numbers);
  for (int64_t i = 0; i < s->parameters.count; i++) config_print_child(&text, &s->parameters.child[i], 0);
  sha256_add(hash, text.text, text.length);
  str_free(&text);
  const char *paths[] = {s->theta, s->x};
  EbbStatus status = EBB_OK;
  for (int k = 0; k < 2 && status == EBB_OK; k++) {
    char hex[65] = "gone";
    if (file_exists(paths[k])) status = sha256_file(paths[k], hex);
    sha256_add(hash, hex, strlen(hex));
  }
  return status;
}

EbbStatus files_open(const SpecSimulations *s, const EbbModelInfo *info, Files *f) {
  EbbStatus status = open_both(s, f);
  if (status != EBB_OK) return status;
  f->parameter = info->parameter;
  if (f->d == ebb_layout_numbers(&info->theta) && f->q == ebb_layout_numbers(&info->data) && f->rows >= s->count) return EBB_OK;
  status = fail(EBB_E_SHAPE,
                "%s and %s hold %" PRId64 " rows of %" PRId64 " parameters and %" PRId64 " data numbers, but the spec says %" PRId64 ", %" PRId64
                " and %" PRId64 "; list each parameter in simulations.parameters, in the order of the columns, or none",
                s->theta, s->x, f->rows, f->d, f->q, s->count, ebb_layout_numbers(&info->theta), ebb_layout_numbers(&info->data));
  files_close(f);
  return status;
}

EbbStatus files_rows(const Files *f, int64_t first, int64_t n, float *theta, float *x) {
  EbbStatus status = npy_get_f32(&f->theta, first * f->d, n * f->d, theta);
  if (status == EBB_OK) status = npy_get_f32(&f->x, first * f->q, n * f->q, x);
  if (status != EBB_OK) return status;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < f->d; j++) {
      const EbbParameter *p = &f->parameter[j];
      float v = theta[i * f->d + j];
      if (isfinite(v) && (v < (float)p->lower || v > (float)p->upper))
        return fail(EBB_E_CONFIG, "%s: row %" PRId64 ": parameter \"%s\" is %g, outside its support (%g, %g); correct the file or the prior",
                    f->theta_path, first + i + 1, p->name, (double)v, p->lower, p->upper);
    }
  return EBB_OK;
}

/* ---- In the simulator's place ---- */

typedef struct Config {
  const SpecSimulations *spec;
} Config;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  const SpecSimulations *s = ((const Config *)config)->spec;
  EbbModelInfo *info = host->alloc(host, sizeof *info);
  if (info == NULL) return EBB_E_MEMORY;
  *self = info;
  EbbStatus status = parameters_describe(host, &s->parameters, info);
  return status == EBB_OK ? data_describe(host, &s->data, info) : status;
}

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  uint32_t size = out->size;
  *out = *(const EbbModelInfo *)self;
  out->size = size;
  return EBB_OK;
}

static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  (void)self, (void)work, (void)rng, (void)rows, (void)id, (void)theta, (void)out, (void)failed;
  return fail(EBB_E_UNSUPPORTED, "the simulations come from files, so there is no simulator for other parameters");
}

static const EbbSimulatorOps ops = {.size = sizeof ops, .describe = describe, .simulate = simulate};
static const EbbComponent files_component = {
    .size = sizeof files_component,
    .kind = EBB_SIMULATOR,
    .id = "files",
    .summary = "simulations that lie in files",
    .config_size = sizeof(Config),
    .ops = &ops,
    .create = create,
};

EbbChild files_simulator(Arena *arena, const SpecSimulations *s) {
  Config *config = ARENA_NEW(arena, Config);
  config->spec = s;
  return (EbbChild){.kind = EBB_SIMULATOR, .component = &files_component, .ops = &ops, .self = config};
}

bool files_are(const EbbChild *simulator) { return simulator->ops == &ops; }
