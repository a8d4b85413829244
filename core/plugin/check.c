/* SPDX-License-Identifier: MIT
 *
 * Whether a component is sound before any of its code runs: its description, the rows of its parameter table, and the slots that its kind requires.
 * The table of slots below says the same as the comments "required" in the public headers. */
#include <math.h>
#include <stdalign.h>
#include <stdlib.h>

#include <ebb/ebb.h>

#include "plugin/internal.h"
#include "plugin/plugin.h"

typedef struct Ops {
  const char *name;
  size_t size;
} Ops;

static const Ops ops_of[LAST_KIND + 1] = {
    [EBB_SIMULATOR] = {"EbbSimulatorOps", sizeof(EbbSimulatorOps)},
    [EBB_NETWORK] = {"EbbNetworkOps", sizeof(EbbNetworkOps)},
    [EBB_SCHEDULE] = {"EbbScheduleOps", sizeof(EbbScheduleOps)},
    [EBB_OBJECTIVE] = {"EbbObjectiveOps", sizeof(EbbObjectiveOps)},
    [EBB_SAMPLER] = {"EbbSamplerOps", sizeof(EbbSamplerOps)},
    [EBB_GUIDANCE] = {"EbbGuidanceOps", sizeof(EbbGuidanceOps)},
    [EBB_COMPOSITION] = {"EbbCompositionOps", sizeof(EbbCompositionOps)},
    [EBB_METRIC] = {"EbbMetricOps", sizeof(EbbMetricOps)},
    [EBB_SINK] = {"EbbSinkOps", sizeof(EbbSinkOps)},
};

/* Required slots. Of those with the same `group` above 0 one is enough. */
typedef struct Slot {
  uint32_t kind;
  const char *name;
  size_t offset;
  int group;
} Slot;

static const Slot slots[] = {
    {EBB_SIMULATOR, "describe", offsetof(EbbSimulatorOps, describe), 0},
    {EBB_SIMULATOR, "simulate", offsetof(EbbSimulatorOps, simulate), 0},
    {EBB_NETWORK, "build", offsetof(EbbNetworkOps, build), 0},
    {EBB_SCHEDULE, "at", offsetof(EbbScheduleOps, at), 0},
    {EBB_SCHEDULE, "range", offsetof(EbbScheduleOps, range), 0},
    {EBB_OBJECTIVE, "needs", offsetof(EbbObjectiveOps, needs), 0},
    {EBB_OBJECTIVE, "corrupt", offsetof(EbbObjectiveOps, corrupt), 0},
    {EBB_OBJECTIVE, "loss", offsetof(EbbObjectiveOps, loss), 0},
    {EBB_SAMPLER, "steps", offsetof(EbbSamplerOps, steps), 0},
    {EBB_SAMPLER, "advance", offsetof(EbbSamplerOps, advance), 0},
    {EBB_GUIDANCE, "eval", offsetof(EbbGuidanceOps, eval), 1},
    {EBB_GUIDANCE, "weigh", offsetof(EbbGuidanceOps, weigh), 1},
    {EBB_COMPOSITION, "combine", offsetof(EbbCompositionOps, combine), 0},
    {EBB_METRIC, "needs", offsetof(EbbMetricOps, needs), 0},
    {EBB_METRIC, "compute", offsetof(EbbMetricOps, compute), 0},
    {EBB_SINK, "write", offsetof(EbbSinkOps, write), 0},
};

static bool slot_given(const void *ops, size_t offset) {
  void (*slot)(void) = NULL;
  memcpy(&slot, (const char *)ops + offset, sizeof slot);
  return slot != NULL;
}

static EbbStatus check_ops(uint32_t kind, const void *ops) {
  if (ops == NULL) return fail(EBB_E_ABI, "ops is NULL; point it at an %s", ops_of[kind].name);
  uint32_t size = 0;
  memcpy(&size, ops, sizeof size);
  if (size != ops_of[kind].size)
    return fail(EBB_E_ABI, "struct %s has %u bytes there and %zu in this Ebb; set .size = sizeof ops and rebuild it with this Ebb's headers",
                ops_of[kind].name, size, ops_of[kind].size);
  bool choice = false, chosen = false;
  for (size_t i = 0; i < COUNT(slots); i++) {
    if (slots[i].kind != kind) continue;
    bool given = slot_given(ops, slots[i].offset);
    if (slots[i].group == 0 && !given) return fail(EBB_E_ABI, "the required slot %s of %s is NULL", slots[i].name, ops_of[kind].name);
    choice = choice || slots[i].group > 0;
    chosen = chosen || (slots[i].group > 0 && given);
  }
  if (!choice || chosen) return EBB_OK;
  Str names = {0};
  for (size_t i = 0; i < COUNT(slots); i++)
    if (slots[i].kind == kind && slots[i].group > 0) str_print(&names, "%s%s", names.length > 0 ? ", " : "", slots[i].name);
  EbbStatus status = fail(EBB_E_ABI, "of the slots %s of %s at least one is required, and all are NULL", names.text, ops_of[kind].name);
  str_free(&names);
  return status;
}

typedef struct Member {
  size_t size, align;
} Member;

#define MEMBER(type)                                                                                                                                 \
  { sizeof(type), alignof(type) }
static const Member member_of[] = {
    [EBB_T_BOOL] = MEMBER(bool),
    [EBB_T_INT] = MEMBER(int64_t),
    [EBB_T_REAL] = MEMBER(double),
    [EBB_T_CHOICE] = MEMBER(int64_t),
    [EBB_T_STRING] = MEMBER(const char *),
    [EBB_T_INTS] = MEMBER(EbbInts),
    [EBB_T_REALS] = MEMBER(EbbReals),
    [EBB_T_COMPONENT] = MEMBER(EbbChild),
    [EBB_T_SEED] = MEMBER(uint64_t),
    [EBB_T_GROUP] = {0, 1},
    [EBB_T_COMPONENTS] = MEMBER(EbbChildren),
    [EBB_T_STRINGS] = MEMBER(EbbStrings),
};

/* A whole number keeps its value in a double up to 2^53. */
static bool whole(double v) { return v == floor(v) && fabs(v) <= 9007199254740992.0; }

static EbbStatus check_number(const EbbParam *p, double v, bool integer) {
  if (isnan(v)) return fail(EBB_E_ABI, "its default is nan");
  if (integer && !whole(v)) return fail(EBB_E_ABI, "its default %g is not a whole number", v);
  if (v < p->min || ((p->flags & EBB_P_OPEN_MIN) && v <= p->min)) return fail(EBB_E_ABI, "its default %g is below its range from %g", v, p->min);
  if (v > p->max || ((p->flags & EBB_P_OPEN_MAX) && v >= p->max)) return fail(EBB_E_ABI, "its default %g is above its range to %g", v, p->max);
  return EBB_OK;
}

/* "[256, 256]", "[]"; NULL is an empty list. */
static EbbStatus check_list(const EbbParam *p) {
  if (p->text == NULL) return EBB_OK;
  const char *at = p->text + strspn(p->text, " ");
  bool sound = *at++ == '[';
  at += strspn(at, " ");
  while (sound && *at != ']') {
    char *end;
    double v = strtod(at, &end);
    sound = end != at;
    if (!sound) break;
    EbbStatus status = check_number(p, v, p->type == EBB_T_INTS);
    if (status != EBB_OK) return status;
    at = end + strspn(end, " ");
    sound = *at == ',' || *at == ']';
    if (*at == ',') at += 1 + strspn(at + 1, " ");
  }
  return sound && at[1] == '\0' ? EBB_OK : fail(EBB_E_ABI, "its default \"%s\" is not a list of numbers such as \"[1, 2]\"", p->text);
}

static EbbStatus check_choice(const EbbParam *p) {
  if (p->text == NULL || p->text[0] == '\0') return fail(EBB_E_ABI, "it has no words to choose from");
  int64_t words = 0;
  for (const char *word = p->text;; words++) {
    size_t n = strcspn(word, "|");
    if (n == 0) return fail(EBB_E_ABI, "its words \"%s\" have an empty one", p->text);
    for (const char *other = p->text; other < word; other += strcspn(other, "|") + 1)
      if (strcspn(other, "|") == n && memcmp(other, word, n) == 0) return fail(EBB_E_ABI, "its words \"%s\" have one twice", p->text);
    if (word[n] == '\0') break;
    word += n + 1;
  }
  if (!(p->number >= 0 && p->number <= (double)words && whole(p->number)))
    return fail(EBB_E_ABI, "its default is place %g of the %lld words \"%s\", counted from 0", p->number, (long long)words + 1, p->text);
  return EBB_OK;
}

/* A row's own members; `room` is the config struct's size from the table's start on. */
static EbbStatus check_row(const EbbParam *p, size_t room) {
  if (p->type >= COUNT(member_of)) return fail(EBB_E_ABI, "type %u is not known", p->type);
  if (p->flags & ~(uint32_t)(EBB_P_REQUIRED | EBB_P_OPEN_MIN | EBB_P_OPEN_MAX | EBB_P_FREE))
    return fail(EBB_E_ABI, "flags %x are not known", p->flags);
  if (strcmp(p->key, "use") == 0) return fail(EBB_E_ABI, "the key is taken: it names the component");
  if (p->doc == NULL || p->doc[0] == '\0') return fail(EBB_E_ABI, "it has no doc, the line that tells the user what it is");
  if (p->unit == NULL) return fail(EBB_E_ABI, "its unit is NULL; \"\" stands for none");
  Member m = member_of[p->type];
  if (p->offset > room || m.size > room - p->offset || p->offset % m.align != 0)
    return fail(EBB_E_ABI, "its member at offset %zu of %zu bytes does not fit the config struct of %zu bytes", p->offset, m.size, room);

  bool integer = p->type == EBB_T_INT || p->type == EBB_T_INTS, list = p->type == EBB_T_INTS || p->type == EBB_T_REALS;
  if ((integer || list || p->type == EBB_T_REAL) && !(p->min <= p->max)) return fail(EBB_E_ABI, "its range from %g to %g is empty", p->min, p->max);
  bool required = p->flags & EBB_P_REQUIRED;
  switch (p->type) {
  case EBB_T_BOOL: return p->number == 0 || p->number == 1 ? EBB_OK : fail(EBB_E_ABI, "its default %g is neither 0 nor 1", p->number);
  case EBB_T_INT:
  case EBB_T_REAL: return required ? EBB_OK : check_number(p, p->number, integer);
  case EBB_T_INTS:
  case EBB_T_REALS: return required ? EBB_OK : check_list(p);
  case EBB_T_CHOICE: return check_choice(p);
  case EBB_T_SEED: return p->number >= 0 && whole(p->number) ? EBB_OK : fail(EBB_E_ABI, "its default %g is no seed: 0 to 2^53", p->number);
  case EBB_T_COMPONENT:
    if (p->text != NULL && !name_valid(p->text)) return fail(EBB_E_ABI, "its default \"%s\" is not an id", p->text);
    break;
  case EBB_T_COMPONENTS: break;
  case EBB_T_GROUP: return p->group != NULL ? EBB_OK : fail(EBB_E_ABI, "it is a group without a table");
  default: return EBB_OK;
  }
  return p->kind >= FIRST_KIND && p->kind <= LAST_KIND ? EBB_OK : fail(EBB_E_ABI, "its kind %u is not known", p->kind);
}

static EbbStatus check_params(const EbbParam *params, size_t room, int depth) {
  if (depth > 8) return fail(EBB_E_ABI, "its groups are nested deeper than 8");
  for (const EbbParam *p = params; p->type != EBB_T_END; p++) {
    if (!name_valid(p->key))
      return fail(EBB_E_ABI, "parameter %td: the key \"%s\" does not match [a-z][a-z0-9_]*", p - params + 1, p->key ? p->key : "");
    EbbStatus status = check_row(p, room);
    for (const EbbParam *other = params; status == EBB_OK && other < p; other++)
      if (strcmp(other->key, p->key) == 0) status = fail(EBB_E_ABI, "the key is there twice");
    if (status == EBB_OK && p->type == EBB_T_GROUP) status = check_params(p->group, room - p->offset, depth + 1);
    if (status != EBB_OK) return fail_prefix(status, "parameter %s: ", p->key);
  }
  return EBB_OK;
}

/* Names of files in the plugin's own folder, and of nothing else. */
static EbbStatus check_data(const char *const *data) {
  for (const char *const *name = data; name != NULL && *name != NULL; name++) {
    size_t n = strlen(*name);
    if (n < 5 || n > 200 || (*name)[0] == '.' || strchr(*name, '/') != NULL || strcmp(*name + n - 4, ".npy") != 0)
      return fail(EBB_E_ABI, "its data file \"%s\" is no name of a .npy file beside the plugin; paths are refused", *name);
  }
  return EBB_OK;
}

EbbStatus plugin_check(const char *path, const EbbComponent *c) {
  if (c->size != sizeof(EbbComponent))
    return fail(EBB_E_ABI, "%s: struct EbbComponent has %u bytes there and %zu in this Ebb; set .size = sizeof(EbbComponent) and rebuild it", path,
                c->size, sizeof(EbbComponent));
  if (c->kind < FIRST_KIND || c->kind > LAST_KIND)
    return fail(EBB_E_ABI, "%s: kind %u is not known; it is one of %d to %d", path, c->kind, FIRST_KIND, LAST_KIND);
  if (!name_valid(c->id)) return fail(EBB_E_ABI, "%s: the id \"%s\" does not match [a-z][a-z0-9_]*", path, c->id != NULL ? c->id : "");

  EbbStatus status = EBB_OK;
  if (c->summary == NULL || c->summary[0] == '\0') status = fail(EBB_E_ABI, "it has no summary, the line that tells the user what it is");
  if (status == EBB_OK && c->flags != 0) status = fail(EBB_E_ABI, "flags %x are not known", c->flags);
  if (status == EBB_OK && c->params != NULL) status = check_params(c->params, c->config_size, 0);
  if (status == EBB_OK) status = check_data(c->data);
  if (status == EBB_OK) status = check_ops(c->kind, c->ops);
  return status == EBB_OK ? EBB_OK : fail_prefix(status, "%s: %s/%s: ", path, kind_name(c->kind), c->id);
}
