/* SPDX-License-Identifier: MIT
 *
 * Instances, checks that hold for any kind, and the view of a schedule. */
#include "suite.h"

#include "num/isa.h"
#include "num/linalg.h"

void suite_ok(EbbStatus status, const char *file, int line, const char *call) {
  if (status != EBB_OK) printf("\n    %s:%d: %s gave %d: %s", file, line, call, status, fail_text());
  CU_ASSERT_EQUAL(status, EBB_OK);
}

void suite_near(double got, double wanted, double tolerance, const char *file, int line, const char *format, ...) {
  bool holds = fabs(got - wanted) <= tolerance; /* false for nan */
  if (!holds) {
    va_list arguments;
    va_start(arguments, format);
    printf("\n    %s:%d: ", file, line);
    vprintf(format, arguments);
    printf(": got %.10g, wanted %.10g within %g", got, wanted, tolerance);
    va_end(arguments);
  }
  CU_ASSERT(holds);
}

Arena *suite_arena(void) {
  static Arena *arena;
  if (arena == NULL) arena = arena_new();
  return arena;
}

static void stop(const char *what) {
  printf("\n    %s: %s\n", what, fail_text());
  exit(1);
}

Registry *suite_registry(void) {
  static Registry *registry;
  static const char *const folders[] = {PLUGINS, TEST_PLUGINS};
  if (registry != NULL) return registry;
  RegistryOptions options = {.folders = folders, .folder_count = COUNT(folders), .trust = true};
  if (isa_setup(getenv("EBB_ISA")) != EBB_OK || linalg_setup() != EBB_OK || registry_new(&options, &registry) != EBB_OK) stop("suite");
  return registry;
}

const EbbComponent *const *suite_all(uint32_t kind, size_t *n) {
  const Plugin **plugin = NULL;
  BrokenPlugin *broken = NULL;
  size_t plugins = 0, failures = 0;
  if (registry_all(suite_registry(), suite_arena(), &plugin, &plugins, &broken, &failures) != EBB_OK) stop("plugins");
  for (size_t i = 0; i < failures; i++) CHECK(false, "%s", broken[i].message);
  const EbbComponent **found = ARENA_ARRAY(suite_arena(), const EbbComponent *, plugins + 1);
  *n = 0;
  for (size_t i = 0; i < plugins; i++)
    if (plugin[i]->component->kind == kind) found[(*n)++] = plugin[i]->component;
  CHECK(*n > 0, "no component of kind %s", kind_name(kind));
  return found;
}

EbbStatus suite_try(uint32_t kind, const char *yaml, EbbChild *out) {
  typedef struct Holder {
    EbbChild child;
  } Holder;
  static uint32_t streams = 1;
  Arena *arena = suite_arena();
  Holder *holder = ARENA_NEW(arena, Holder);
  const EbbParam row[] = {EBB_ROW(Holder, child, EBB_T_COMPONENT, EBB_P_REQUIRED, 0, 0, 0, NULL, "", "the component", kind, NULL), EBB_END};
  const char *text = arena_print(arena, "child: %s\n", yaml);
  ConfigPlugins plugins = registry_config(suite_registry());
  Node *node = NULL;
  EbbStatus status = config_parse(arena, "suite", text, strlen(text), &node);
  if (status == EBB_OK) status = config_fill(arena, node, row, "suite", &plugins, holder);
  if (status == EBB_OK) status = plugin_create(arena, NULL, &holder->child, &streams);
  *out = holder->child;
  return status;
}

EbbChild suite_make(uint32_t kind, const char *yaml) {
  EbbChild child;
  if (suite_try(kind, yaml, &child) != EBB_OK) stop(yaml);
  return child;
}

bool suite_has(const EbbComponent *c, const char *key) {
  for (const EbbParam *p = c->params; p != NULL && p->type != EBB_T_END; p++)
    if (strcmp(p->key, key) == 0) return true;
  return false;
}

const char *suite_with(const EbbComponent *c, const char *key, double value) {
  return suite_has(c, key) ? arena_print(suite_arena(), "{use: %s, %s: %.17g}", c->id, key, value) : c->id;
}

/* At an end of its range; open ends and infinite ones are left out. */
static void try_end(const EbbComponent *c, const EbbParam *p, double value, uint32_t open) {
  if (!isfinite(value) || (p->flags & open)) return;
  EbbChild child;
  fail_clear();
  EbbStatus status = suite_try(c->kind, suite_with(c, p->key, value), &child);
  CHECK(status == EBB_OK || (status < 0 && fail_text()[0] != '\0'), "%s: %s = %g gave status %d and \"%s\"", c->id, p->key, value, status,
        fail_text());
  plugin_destroy(&child);
}

void suite_check_descriptions(uint32_t kind) {
  size_t n;
  const EbbComponent *const *all = suite_all(kind, &n);
  for (size_t i = 0; i < n; i++) {
    const EbbComponent *c = all[i];
    CHECK_OK(plugin_check(c->id, c));
    CHECK(c->version != NULL && c->version[0] != '\0', "%s has no version", c->id);
    CHECK(c->reference != NULL && c->reference[0] != '\0', "%s has no reference", c->id);
    EbbChild child;
    CHECK_OK(suite_try(kind, c->id, &child));
    CHECK(plugin_host(&child) != NULL, "%s: its instance has no host", c->id);
    plugin_destroy(&child);
    for (const EbbParam *p = c->params; p != NULL && p->type != EBB_T_END; p++)
      if (p->type == EBB_T_INT || p->type == EBB_T_REAL) {
        try_end(c, p, p->min, EBB_P_OPEN_MIN);
        try_end(c, p, p->max, EBB_P_OPEN_MAX);
      }
  }
}

/* ---- a schedule's view ---- */

static const Schedule *of(const EbbSchedule *s) { return s->ctx; }

static void schedule_at(const EbbSchedule *s, int64_t n, const double *t, EbbLevel *out) {
  CHECK_OK(of(s)->ops->at(of(s)->self, n, t, out));
  for (int64_t i = 0; i < n; i++) out[i].index = -1;
}

static double lambda_at(const EbbSchedule *s, double t) {
  EbbLevel level;
  schedule_at(s, 1, &t, &level);
  return level.lambda;
}

static void schedule_inverse(const EbbSchedule *s, int64_t n, const double *lambda, double *t) {
  if (of(s)->ops->inverse != NULL) of(s)->ops->inverse(of(s)->self, n, lambda, t);
  for (int64_t i = 0; i < n; i++) {
    double low = s->t_min, high = s->t_max;
    for (int k = 0; k < 60 && of(s)->ops->inverse == NULL; k++) {
      t[i] = 0.5 * (low + high);
      if (lambda_at(s, t[i]) > lambda[i])
        low = t[i];
      else
        high = t[i];
    }
    t[i] = fmin(fmax(t[i], s->t_min), s->t_max);
  }
}

static void schedule_train(const EbbSchedule *s, int64_t n, const double *u, double *lambda) {
  if (of(s)->ops->train != NULL) of(s)->ops->train(of(s)->self, n, u, lambda);
  for (int64_t i = 0; i < n && of(s)->ops->train == NULL; i++) lambda[i] = lambda_at(s, s->t_min + u[i] * (s->t_max - s->t_min));
}

void suite_schedule(const EbbChild *child, Schedule *out) {
  double t[2];
  *out = (Schedule){.ops = child->ops, .self = child->self};
  out->ops->range(out->self, t);
  out->view = (EbbSchedule){
      .size = sizeof(EbbSchedule), .ctx = out, .t_min = t[0], .t_max = t[1], .at = schedule_at, .inverse = schedule_inverse, .train = schedule_train};
}
