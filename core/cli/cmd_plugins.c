/* SPDX-License-Identifier: MIT
 *
 * What plugins there are, and what one of them takes. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void put(JsonWriter *w, const char *key, const char *text) {
  json_key(w, key);
  json_put_string(w, text);
}

EbbStatus cmd_plugins(Session *s) {
  const Plugin **plugins;
  BrokenPlugin *broken;
  size_t n, broken_n;
  EbbStatus status = registry_all(s->registry, s->arena, &plugins, &n, &broken, &broken_n);
  if (status != EBB_OK) return status;
  for (size_t i = 0; i < broken_n; i++) log_line(LOG_WARNING, "%s", broken[i].message);
  if (!s->options->json) {
    for (size_t i = 0; i < n; i++) {
      const EbbComponent *c = plugins[i]->component;
      const char *id = arena_print(s->arena, "%s/%s", kind_name(c->kind), c->id);
      printf("%-28s %s\n", id, c->summary);
    }
    return EBB_OK;
  }
  JsonWriter w = {0};
  json_begin_list(&w);
  for (size_t i = 0; i < n; i++) {
    const EbbComponent *c = plugins[i]->component;
    json_begin_object(&w);
    put(&w, "kind", kind_name(c->kind));
    put(&w, "id", c->id);
    put(&w, "summary", c->summary);
    put(&w, "version", c->version);
    put(&w, "reference", c->reference);
    put(&w, "file", plugins[i]->file);
    json_end_object(&w);
  }
  json_end_list(&w);
  printf("%s\n", w.out.text);
  str_free(&w.out);
  return EBB_OK;
}

static const char *type_name(const EbbParam *p) {
  static const char *const names[] = {"",      "true or false", "integer", "real",  "choice",     "text", "integers",
                                      "reals", "component",     "seed",    "group", "components", "texts"};
  return p->type < COUNT(names) ? names[p->type] : "?";
}

static void describe_text(const Plugin *plugin) {
  const EbbComponent *c = plugin->component;
  printf("%s/%s: %s\n", kind_name(c->kind), c->id, c->summary);
  if (c->reference != NULL) printf("reference  %s\n", c->reference);
  if (c->version != NULL) printf("version    %s\n", c->version);
  printf("file       %s\n", plugin->file != NULL ? plugin->file : "(built in)");
  if (c->params == NULL || c->params[0].key == NULL) {
    printf("no parameters\n");
    return;
  }
  printf("\n%-18s %-14s %-14s %-26s %s\n", "parameter", "type", "default", "range", "meaning");
  for (const EbbParam *p = c->params; p->key != NULL; p++) {
    Str standard = {0}, range = {0};
    config_default_text(&standard, p);
    config_range_text(&range, p);
    printf("%-18s %-14s %-14s %-26s %s%s%s%s\n", p->key, type_name(p),
           p->flags & EBB_P_REQUIRED ? "required"
           : standard.text != NULL   ? standard.text
                                     : "",
           range.text != NULL ? range.text : "", p->doc, p->unit[0] != '\0' ? " [" : "", p->unit, p->unit[0] != '\0' ? "]" : "");
    str_free(&standard);
    str_free(&range);
  }
}

static void describe_json(const Plugin *plugin) {
  const EbbComponent *c = plugin->component;
  JsonWriter w = {0};
  json_begin_object(&w);
  put(&w, "kind", kind_name(c->kind));
  put(&w, "id", c->id);
  put(&w, "summary", c->summary);
  put(&w, "version", c->version);
  put(&w, "reference", c->reference);
  put(&w, "file", plugin->file);
  json_key(&w, "parameters");
  json_begin_list(&w);
  for (const EbbParam *p = c->params; p != NULL && p->key != NULL; p++) {
    Str standard = {0}, range = {0};
    config_default_text(&standard, p);
    config_range_text(&range, p);
    json_begin_object(&w);
    put(&w, "key", p->key);
    put(&w, "type", type_name(p));
    put(&w, "default", p->flags & EBB_P_REQUIRED ? NULL : standard.text);
    put(&w, "range", range.text);
    put(&w, "unit", p->unit);
    put(&w, "meaning", p->doc);
    json_end_object(&w);
    str_free(&standard);
    str_free(&range);
  }
  json_end_list(&w);
  json_end_object(&w);
  printf("%s\n", w.out.text);
  str_free(&w.out);
}

EbbStatus cmd_describe(Session *s) {
  const char *what = s->options->argument[0], *slash = strchr(what, '/');
  uint32_t kind = slash != NULL ? kind_number(arena_print(s->arena, "%.*s", (int)(slash - what), what)) : 0;
  if (kind == 0) {
    const char *names[EBB_SINK];
    for (uint32_t k = EBB_SIMULATOR; k <= EBB_SINK; k++) names[k - 1] = kind_name(k);
    const char *near = slash != NULL ? nearest(arena_print(s->arena, "%.*s", (int)(slash - what), what), names, COUNT(names)) : NULL;
    return fail(EBB_E_CONFIG, "expected KIND/ID such as %s%s (got %s); `ebb plugins` lists them", near != NULL ? near : "sampler",
                near != NULL ? slash : "/ID", what);
  }
  const Plugin *plugin;
  EbbStatus status = registry_find(s->registry, kind, slash + 1, &plugin);
  if (status != EBB_OK) return status;
  if (s->options->json)
    describe_json(plugin);
  else
    describe_text(plugin);
  return EBB_OK;
}
