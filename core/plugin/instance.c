/* SPDX-License-Identifier: MIT
 *
 * Instances. Before plugin_create a child's self is its filled config struct; after it, self is what the component's `create` made, and `component`
 * points at the instance's own copy of the description, whose neighbours in memory are the host table and the config struct. That is how plugin_host
 * finds them, and a bit in the copy's flags (0 in every plugin: plugin_check) tells an instance from a child that was never created. */
#include "base/log.h"
#include "plugin/internal.h"
#include "plugin/plugin.h"

static const uint32_t INSTANCE = 1u << 31;

typedef struct Instance {
  EbbComponent component; /* first: child->component is a pointer to all */
  const EbbComponent *origin;
  const EbbHost *host;
  void *config;
} Instance;

static Instance *instance_of(const EbbChild *child) {
  if (child->component == NULL || !(child->component->flags & INSTANCE)) return NULL;
  return (Instance *)(uintptr_t)child->component;
}

/* Calls visit for each component among the parameters, in the table's order or backwards, until one fails. */
typedef EbbStatus (*Visit)(void *ctx, EbbChild *child);

static EbbStatus each_child(const EbbParam *params, void *config, bool backwards, Visit visit, void *ctx) {
  int64_t n = 0;
  while (params != NULL && params[n].type != EBB_T_END) n++;
  EbbStatus status = EBB_OK;
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    const EbbParam *p = &params[backwards ? n - 1 - i : i];
    void *member = (char *)config + p->offset;
    if (p->type == EBB_T_COMPONENT && ((EbbChild *)member)->component != NULL) status = visit(ctx, member);
    if (p->type == EBB_T_GROUP) status = each_child(p->group, member, backwards, visit, ctx);
    if (p->type != EBB_T_COMPONENTS) continue;
    const EbbChildren *list = member;
    for (int64_t k = 0; k < list->count && status == EBB_OK; k++) {
      EbbChild *child = &list->child[backwards ? list->count - 1 - k : k];
      if (child->component != NULL) status = visit(ctx, child);
    }
  }
  return status;
}

typedef struct Making {
  Arena *arena;
  Pool *pool;
  uint32_t *next_stream;
} Making;

static EbbStatus make(void *ctx, EbbChild *child) {
  const Making *m = ctx;
  return plugin_create(m->arena, m->pool, child, m->next_stream);
}

static EbbStatus unmake(void *ctx, EbbChild *child) {
  (void)ctx;
  plugin_destroy(child);
  return EBB_OK;
}

static void warn_if_changed(const fenv_t *before, const EbbComponent *c, const char *slot) {
  if (float_restore(before))
    log_line(LOG_WARNING, "%s/%s changed the floating-point environment in %s; it was put back", kind_name(c->kind), c->id, slot);
}

/* The component's own create, watched. */
static EbbStatus call_create(const EbbComponent *c, const EbbHost *host, void *config, void **self) {
  fenv_t before;
  fegetenv(&before);
  fail_clear();
  breadcrumb(c, "create", 0);
  EbbStatus status = c->create(host, config, self);
  breadcrumb(NULL, NULL, 0);
  warn_if_changed(&before, c, "create");
  if (status == EBB_OK) return EBB_OK;
  if (status > 0) return host->fail(host, EBB_E_ABI, "create returned %d; above 0 is for rows, a failure is below 0", status);
  return fail_text()[0] != '\0' ? status : host->fail(host, status, "create failed with status %d and said nothing", status);
}

EbbStatus plugin_create(Arena *arena, Pool *pool, EbbChild *child, uint32_t *next_stream) {
  const EbbComponent *c = child->component;
  if (c == NULL || instance_of(child) != NULL) return EBB_OK; /* none given, or created before */
  Making making = {arena, pool, next_stream};
  void *config = child->self, *self = config;
  EbbStatus status = each_child(c->params, config, false, make, &making);
  if (status == EBB_OK) {
    Instance *instance = ARENA_NEW(arena, Instance);
    instance->component = *c;
    instance->component.flags |= INSTANCE;
    instance->origin = c;
    instance->host = host_for(arena, pool, c);
    instance->config = config;
    if (c->create != NULL) status = call_create(c, instance->host, config, &self);
    if (status == EBB_OK) {
      child->kind = c->kind;
      child->stream = (*next_stream)++;
      child->ops = c->ops;
      child->self = self;
      child->component = &instance->component;
      return EBB_OK;
    }
  }
  each_child(c->params, config, true, unmake, NULL);
  return status;
}

void plugin_destroy(EbbChild *child) {
  Instance *instance = instance_of(child);
  if (instance == NULL) return;
  const EbbComponent *c = instance->origin;
  if (c->destroy != NULL) {
    fenv_t before;
    fegetenv(&before);
    breadcrumb(c, "destroy", 0);
    c->destroy(child->self);
    breadcrumb(NULL, NULL, 0);
    warn_if_changed(&before, c, "destroy");
  }
  child->component = c;
  child->self = instance->config;
  each_child(c->params, instance->config, true, unmake, NULL);
}

const EbbHost *plugin_host(const EbbChild *child) {
  const Instance *instance = instance_of(child);
  return instance != NULL ? instance->host : NULL;
}
