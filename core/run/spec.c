/* SPDX-License-Identifier: MIT
 *
 * The spec's tables. A new key is one row here and one member in spec.h. */
#include "run/spec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "run/command.h"
#include "run/files.h"

static const EbbParam simulations_params[] = {
    EBB_INT(SpecSimulations, count, 10000, 1, 1e12, "rows", "simulations to train on; raising it keeps the rows that exist"),
    EBB_REAL(SpecSimulations, most_failed, 0.5, 0, 1, "", "share of failed simulations above which the run stops"),
    EBB_ROW(SpecSimulations, seed, EBB_T_SEED, 0, 0, 0, 0, NULL, "", "of parameters and simulations; default: the spec's seed", 0, NULL),
    EBB_STRING(SpecSimulations, theta, NULL, "instead of a simulator: .npy of parameters, (rows, parameters)"),
    EBB_STRING(SpecSimulations, x, NULL, "and .npy of data, (rows, numbers); count: rows used, all by default"),
    PARAMETERS_ROW(SpecSimulations, parameters, 0),
    EBB_ROW(SpecSimulations, data, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "of the files: numbers a row and their names", 0, data_names_params),
    EBB_BOOL(SpecSimulations, isolate, false, "simulate in processes of their own, so that a crash is a failed row; simulator.isolate is the same"),
    EBB_END,
};

static const EbbParam noise_params[] = {
    EBB_CHOICE(SpecNoise, law, LAW_SCHEDULE, "schedule|normal|laplace|uniform",
               "how noise levels are drawn in training: by the schedule's own law, or lambda = log-SNR by another, cut to the schedule's range"),
    EBB_REAL(SpecNoise, mean, 2.4, -50, 50, "", "normal: mean of lambda (EDM: 2.4)"),
    EBB_REAL(SpecNoise, sd, 2.4, 0.01, 50, "", "normal: standard deviation of lambda (EDM: 2.4)"),
    EBB_REAL(SpecNoise, location, 0, -50, 50, "", "laplace: median of lambda"),
    EBB_REAL(SpecNoise, scale, 0.5, 0.01, 50, "", "laplace: mean distance of lambda from it"),
    EBB_END,
};

static const EbbParam model_params[] = {
    EBB_COMPONENT(SpecModel, objective, EBB_OBJECTIVE, EBB_DEFAULT_OBJECTIVE, "what is predicted and how its error counts"),
    EBB_COMPONENT(SpecModel, schedule, EBB_SCHEDULE, EBB_DEFAULT_SCHEDULE, "noise schedule"),
    EBB_COMPONENT(SpecModel, network, EBB_NETWORK, EBB_DEFAULT_NETWORK, "network"),
    EBB_CHOICE(SpecModel, base, SPEC_MARGINAL, "marginal|linear_gaussian|whitened",
               "what the network corrects: N(0, 1), or a linear-Gaussian posterior fitted first, with noise isotropic in the parameters or in its "
               "residuals"),
    EBB_CHOICE(SpecModel, inputs, SPEC_STANDARD, "standard|quadratic|auto",
               "what the network is told of the data: its standardised numbers, at most 30 of them with all their products, or these where there are "
               "30 simulations for every input"),
    EBB_ROW(SpecModel, noise, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "noise levels in training", 0, noise_params),
    EBB_END,
};

static const EbbParam ema_params[] = {
    EBB_CHOICE(SpecEma, use, EMA_POWER, "power|constant|none", "form of the average of the weights"),
    EBB_REAL(SpecEma, relative_width, 0.10, 0.01, 0.25, "", "power: width of the average relative to the training time"),
    EBB_REAL(SpecEma, rate, 0.999, 0, 1, "", "constant: share that stays at a step"),
    EBB_END,
};

static const EbbParam training_params[] = {
    EBB_INT(SpecTraining, epochs, 200, 1, 1e9, "", "most passes over the training rows; the learning rate's schedule spans them"),
    EBB_INT(SpecTraining, steps, 0, 0, 1e12, "", "most steps, where these are fewer; 0: the epochs alone say"),
    EBB_INT(SpecTraining, batch, 128, 1, 65536, "rows", "rows a step"),
    EBB_REAL(SpecTraining, learning_rate, 5e-4, 0, 1, "", "AdamW's largest step"),
    EBB_REAL(SpecTraining, warmup, 0.05, 0, 1, "", "share of the steps over which the learning rate rises"),
    EBB_REAL(SpecTraining, decay, 5e-3, 0, 10, "", "AdamW's decay of the linear weights"),
    EBB_REAL(SpecTraining, clip, 1.5, 0, 1e9, "", "largest global norm of a gradient; 0: not clipped"),
    EBB_ROW(SpecTraining, ema, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "average of the weights, which samples", 0, ema_params),
    EBB_REAL(SpecTraining, validation, 0.05, 0, 0.5, "", "share of the rows held out, at least 100 where there are 500"),
    EBB_REAL(SpecTraining, patience, 0.2, 0, 1e9, "",
             "stop when the best validation loss is older than this share of the epochs run, at least 20; 0: never"),
    EBB_ROW(SpecTraining, seed, EBB_T_SEED, 0, 0, 0, 0, NULL, "", "of weights, batches and noise; default: the spec's seed", 0, NULL),
    EBB_END,
};

static const EbbParam observations_params[] = {
    EBB_CHOICE(SpecObservations, from, FROM_SIMULATOR, "simulator|file", "where the observed data come from; file where one is given"),
    EBB_INTS(SpecObservations, index, "[1]", 1, 4294967295.0, "",
             "which of the simulator's, or rows of the file, counted from 1; file: all by default"),
    EBB_STRING(SpecObservations, file, NULL, ".npy or .csv: one observation (q,) or several (N, q)"),
    EBB_END,
};

static const EbbParam grid_params[] = {
    EBB_CHOICE(SpecGrid, spacing, GRID_LAMBDA, "lambda|karras|time",
               "noise levels uniform in the log-SNR, in sigma^(1/rho), or in the schedule's time"),
    EBB_REALS(SpecGrid, range, "[0.005, 8]", 1e-9, 1e9, "sigma/alpha", "smallest and largest noise; the start is matched to the moments there"),
    EBB_REAL(SpecGrid, rho, 7, 1, 100, "", "karras: exponent"),
    EBB_END,
};

static const EbbParam sampling_params[] = {
    EBB_ROW(SpecSampling, observations, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "what was observed", 0, observations_params),
    EBB_INT(SpecSampling, draws, 10000, 1, 4294967295.0, "", "posterior draws an observation"),
    EBB_COMPONENT(SpecSampling, sampler, EBB_SAMPLER, EBB_DEFAULT_SAMPLER, "sampler"),
    EBB_COMPONENT(SpecSampling, density, EBB_SAMPLER, NULL, "integrates log densities; default: " EBB_DEFAULT_DENSITY),
    EBB_ROW(SpecSampling, grid, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "noise levels, unless the sampler has its own", 0, grid_params),
    EBB_ROW(SpecSampling, seed, EBB_T_SEED, 0, 0, 0, 0, NULL, "", "of the draws; default: the spec's seed", 0, NULL),
    EBB_END,
};

static const EbbParam top_params[] = {
    EBB_ROW(Spec, seed, EBB_T_SEED, 0, 1, 0, 0, NULL, "", "of everything that has no seed of its own", 0, NULL),
    EBB_ROW(Spec, simulator, EBB_T_COMPONENT, 0, 0, 0, 0, NULL, "", "parameters with priors, and data from them", EBB_SIMULATOR, NULL),
    EBB_ROW(Spec, simulations, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "the training set", 0, simulations_params),
    EBB_ROW(Spec, model, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "what is trained", 0, model_params),
    EBB_ROW(Spec, training, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "how", 0, training_params),
    EBB_ROW(Spec, sampling, EBB_T_GROUP, 0, 0, 0, 0, NULL, "", "the posterior", 0, sampling_params),
    EBB_ROW(Spec, evaluation, EBB_T_COMPONENTS, 0, 0, 0, 0, NULL, "", "metrics", EBB_METRIC, NULL),
    EBB_ROW(Spec, sinks, EBB_T_COMPONENTS, 0, 0, 0, 0, NULL, "", "formats to write the run in, beside the files that it has in any case (.npy, .csv)",
            EBB_SINK, NULL),
    EBB_END,
};

const EbbParam *spec_params(void) { return top_params; }

/* A scalar member that the user did not write. */
static void add_member(Arena *arena, Node *map, const char *key, const char *text) {
  if (map == NULL || map->type != NODE_MAP || config_get(map, key) != NULL) return;
  Node *n = ARENA_NEW(arena, Node);
  *n = (Node){.type = NODE_SCALAR, .text = text, .key = key, .file = map->file, .line = map->line, .column = map->column, .parent = map};
  Node **end = &map->first;
  while (*end != NULL) end = &(*end)->next;
  *end = n;
}

static Node *add_map(Arena *arena, Node *root, const char *key) {
  Node *map = config_get(root, key);
  if (map != NULL) return map;
  add_member(arena, root, key, "");
  map = config_get(root, key);
  map->type = NODE_MAP;
  map->text = NULL;
  return map;
}

static void make_absolute(Arena *arena, Node *map, const char *key, const char *folder) {
  Node *n = map != NULL && map->type == NODE_MAP ? config_get(map, key) : NULL;
  if (n == NULL || config_is_null(n) || n->type != NODE_SCALAR || n->text[0] == '/') return;
  n->text = path_join(arena, folder, n->text);
}

/* `isolate` is said of the simulator, but it is the host's: no setting of the plugin, nor a reason to simulate anew. */
static void move_isolate(Node *simulator, Node *simulations) {
  Node *n = simulator != NULL ? config_get(simulator, "isolate") : NULL;
  if (n == NULL || simulations == NULL || simulations->type != NODE_MAP) return;
  Node **at = &simulator->first;
  while (*at != n) at = &(*at)->next;
  *at = n->next;
  for (at = &simulations->first; *at != NULL && strcmp((*at)->key, n->key) != 0;) at = &(*at)->next;
  n->next = *at != NULL ? (*at)->next : NULL; /* the simulator's goes before one that stands there */
  n->parent = simulations;
  *at = n;
}

/* What a table cannot say: seeds default to the spec's, a file of observations implies where they come from, paths are relative to the spec. */
static void complete(Arena *arena, Node *root, const char *folder) {
  if (root->type != NODE_MAP) return;
  static const char *const seeded[] = {"simulations", "training", "sampling"};
  Node *seed = config_get(root, "seed");
  for (size_t i = 0; i < COUNT(seeded); i++)
    add_member(arena, add_map(arena, root, seeded[i]), "seed", seed != NULL && seed->type == NODE_SCALAR ? seed->text : "1");
  Node *simulator = config_get(root, "simulator");
  Node *use = simulator != NULL && simulator->type == NODE_MAP ? config_get(simulator, "use") : NULL;
  if (use != NULL && use->type == NODE_SCALAR && strcmp(use->text, command_component.id) == 0) {
    add_member(arena, simulator, "folder", folder);
    make_absolute(arena, simulator, "folder", folder);
  }
  move_isolate(simulator, config_get(root, "simulations"));
  make_absolute(arena, config_get(root, "simulations"), "theta", folder);
  make_absolute(arena, config_get(root, "simulations"), "x", folder);
  Node *sampling = config_get(root, "sampling");
  Node *observations = sampling != NULL && sampling->type == NODE_MAP ? config_get(sampling, "observations") : NULL;
  Node *file = observations != NULL && observations->type == NODE_MAP ? config_get(observations, "file") : NULL;
  if (file != NULL && !config_is_null(file)) {
    add_member(arena, observations, "from", "file");
    make_absolute(arena, observations, "file", folder);
    if (config_get(observations, "index") == NULL) {
      add_member(arena, observations, "index", "");
      Node *index = config_get(observations, "index");
      index->type = NODE_LIST;
      index->text = NULL;
    }
  }
  Node *model = config_get(root, "model");
  if (model != NULL && model->type == NODE_MAP) make_absolute(arena, config_get(model, "objective"), "teacher", folder);
  Node *evaluation = config_get(root, "evaluation");
  if (evaluation != NULL && evaluation->type == NODE_LIST)
    for (Node *n = evaluation->first; n != NULL; n = n->next) make_absolute(arena, n, "reference", folder);
}

/* A simulator or files. */
static EbbStatus check_source(const Node *root, const Spec *s) {
  const SpecSimulations *f = &s->simulations;
  const Node *simulations = config_get(root, "simulations");
  if ((f->theta == NULL) != (f->x == NULL))
    return config_fail(simulations, "simulations from files are two files; add %s", f->theta == NULL ? "theta: theta.npy" : "x: x.npy");
  if (f->theta != NULL && s->simulator.component != NULL)
    return config_fail(simulations, "simulations come from %s and from the simulator %s; leave out one of simulator and simulations.theta", f->theta,
                       s->simulator.component->id);
  if (f->theta == NULL && s->simulator.component == NULL)
    return config_fail(root,
                       "the spec needs the key \"simulator\": parameters with priors, and data from them; or simulations.theta and simulations.x");
  if (f->isolate && (f->theta != NULL || command_is(&s->simulator)))
    return config_fail(simulations, "isolate is for simulators that run inside Ebb; %s",
                       f->theta != NULL ? "files run nothing" : "a program has its own process");
  if (f->theta == NULL && (f->parameters.count > 0 || f->data.numbers > 0 || f->data.names.count > 0))
    return config_fail(simulations, "simulations.parameters and simulations.data describe files, but simulations.theta names none; a simulator "
                                    "describes its own");
  return EBB_OK;
}

static EbbStatus check(const Node *root, const Spec *s) {
  const Node *sampling = config_get(root, "sampling");
  const SpecObservations *o = &s->sampling.observations;
  if (o->from == FROM_FILE && o->file == NULL) return config_fail(sampling, "observations come from a file, but no file is named; add file: x.npy");
  if (o->from == FROM_SIMULATOR && o->file != NULL)
    return config_fail(sampling, "observations come from the simulator and from file %s; leave out one of from and file", o->file);
  if (o->from == FROM_SIMULATOR && o->index.count == 0) return config_fail(sampling, "observations.index is empty; name at least one observation");
  for (int64_t i = 0; i < o->index.count; i++)
    for (int64_t j = 0; j < i; j++)
      if (o->index.value[i] == o->index.value[j])
        return config_fail(sampling, "observations.index names observation %lld twice", (long long)o->index.value[i]);
  const EbbReals *range = &s->sampling.grid.range;
  if (range->count != 2 || !(range->value[0] < range->value[1]))
    return config_fail(sampling, "grid.range must be two numbers, the smaller first, such as [0.005, 8]");
  return EBB_OK;
}

/* ---- What keys and manifests need to know of components ---- */

typedef struct Digest {
  Arena *arena;
  Registry *registry;
  Spec *spec; /* lists the plugins; NULL: they are not */
  Sha256 hash;
  EbbStatus status;
} Digest;

static void add_plugin(Digest *d, const EbbChild *child);

static void add_children(Digest *d, const EbbParam *params, const char *config) {
  for (const EbbParam *p = params; p != NULL && p->key != NULL; p++) {
    const void *member = config + p->offset;
    if (p->type == EBB_T_COMPONENT) add_plugin(d, member);
    if (p->type == EBB_T_GROUP) add_children(d, p->group, member);
    if (p->type == EBB_T_COMPONENTS)
      for (int64_t i = 0; i < ((const EbbChildren *)member)->count; i++) add_plugin(d, &((const EbbChildren *)member)->child[i]);
  }
}

static void add_plugin(Digest *d, const EbbChild *child) {
  if (child->component == NULL) return;
  const Plugin *plugin = registry_plugin(d->registry, child->component);
  char hash[65];
  if (plugin == NULL || plugin->file == NULL) { /* built in: the build's id is in every key */
    add_children(d, child->component->params, child->self);
    return;
  }
  if (d->status == EBB_OK) d->status = plugin_sha256(plugin, hash);
  if (d->status != EBB_OK) return;
  sha256_add(&d->hash, hash, strlen(hash));
  for (const char *const *name = plugin->component->data; name != NULL && *name != NULL && d->status == EBB_OK; name++) {
    d->status = plugin_data_sha256(plugin, *name, hash);
    if (d->status == EBB_OK) sha256_add(&d->hash, hash, strlen(hash));
  }
  Spec *s = d->spec;
  bool known = false;
  for (size_t i = 0; s != NULL && i < s->plugin_count; i++) known = known || s->plugins[i] == plugin;
  if (s != NULL && !known) {
    const Plugin **grown = ARENA_ARRAY(d->arena, const Plugin *, s->plugin_count + 1);
    if (s->plugin_count > 0) memcpy(grown, s->plugins, s->plugin_count * sizeof *grown);
    grown[s->plugin_count++] = plugin;
    s->plugins = grown;
  }
  add_children(d, child->component->params, child->self);
}

/* A copy whose settings that change no result are all alike. */
static EbbChild without_free(Arena *arena, const EbbChild *child) {
  EbbChild copy = *child;
  if (child->component == NULL || child->component->params == NULL) return copy;
  char *config = arena_alloc(arena, child->component->config_size);
  if (child->component->config_size > 0) memcpy(config, child->self, child->component->config_size);
  for (const EbbParam *p = child->component->params; p->key != NULL; p++) {
    if ((p->flags & EBB_P_FREE) == 0) continue;
    if (p->type == EBB_T_INT) *(int64_t *)(void *)(config + p->offset) = 0;
    if (p->type == EBB_T_REAL) *(double *)(void *)(config + p->offset) = 0;
    if (p->type == EBB_T_STRING) *(const char **)(void *)(config + p->offset) = NULL;
  }
  copy.self = config;
  return copy;
}

static EbbStatus describe(Arena *arena, Registry *registry, Spec *s, const EbbChild *child, SpecComponent *out) {
  Digest d = {.arena = arena, .registry = registry, .spec = s, .status = EBB_OK};
  Str text = {0};
  EbbChild bare = without_free(arena, child);
  config_print_child(&text, &bare, 0);
  sha256_begin(&d.hash);
  sha256_add(&d.hash, text.text, text.length);
  add_plugin(&d, child);
  if (d.status == EBB_OK) d.status = command_add_files(arena, child, &d.hash);
  if (d.status == EBB_OK && files_are(child)) d.status = files_add(&s->simulations, &d.hash);
  char hex[65];
  sha256_end(&d.hash, hex);
  *out = (SpecComponent){.child = child, .text = arena_copy(arena, text.text), .digest = arena_copy(arena, hex)};
  str_free(&text);
  return d.status;
}

EbbStatus spec_describe(Arena *arena, Registry *registry, const EbbChild *child, SpecComponent *out) {
  return describe(arena, registry, NULL, child, out);
}

static const char *print_table(Arena *arena, const EbbParam *params, const void *config) {
  Str text = {0};
  config_print(&text, params, config, 0);
  return str_keep(&text, arena);
}

static EbbStatus describe_all(Arena *arena, Registry *registry, Spec *s) {
  s->text = print_table(arena, top_params, s);
  s->model_text = print_table(arena, model_params, &s->model);
  s->training_text = print_table(arena, training_params, &s->training);
  if (s->simulations.theta != NULL) s->simulator = files_simulator(arena, &s->simulations); /* not in the text, which names the files */
  s->metric_as = ARENA_ARRAY(arena, SpecComponent, s->evaluation.count);
  const struct {
    const EbbChild *child;
    SpecComponent *as;
  } each[] = {{&s->simulator, &s->simulator_as},
              {&s->model.objective, &s->objective_as},
              {&s->model.schedule, &s->schedule_as},
              {&s->model.network, &s->network_as},
              {&s->sampling.sampler, &s->sampler_as}};
  EbbStatus status = EBB_OK;
  for (size_t i = 0; i < COUNT(each) && status == EBB_OK; i++) status = describe(arena, registry, s, each[i].child, each[i].as);
  for (int64_t i = 0; i < s->evaluation.count && status == EBB_OK; i++)
    status = describe(arena, registry, s, &s->evaluation.child[i], &s->metric_as[i]);
  for (int64_t i = 0; i < s->sinks.count && status == EBB_OK; i++) {
    SpecComponent as; /* for the list of plugins; no key knows sinks */
    status = describe(arena, registry, s, &s->sinks.child[i], &as);
  }
  return status;
}

EbbStatus spec_load(Arena *arena, Registry *registry, const char *path, const char *const *sets, size_t n, Spec **out) {
  Node *root;
  EbbStatus status = config_read(arena, path, &root);
  if (status == EBB_E_IO) status = EBB_E_CONFIG; /* a spec that is not there is wrong usage */
  for (size_t i = 0; i < n && status == EBB_OK; i++) {
    Str dropped = {0};
    status = config_set(arena, root, sets[i], &dropped);
    if (status == EBB_OK && dropped.length > 0) log_line(LOG_INFO, "--set %s: %s", sets[i], dropped.text);
    str_free(&dropped);
  }
  if (status != EBB_OK) return status;
  char *absolute = path_absolute(arena, path);
  complete(arena, root, path_folder(arena, absolute != NULL ? absolute : path));
  Spec *s = ARENA_NEW(arena, Spec);
  parameters_register(registry);
  registry_add(registry, &command_component);
  ConfigPlugins plugins = registry_config(registry);
  status = config_fill(arena, root, top_params, "the spec", &plugins, s);
  if (status == EBB_OK) status = check_source(root, s);
  if (status == EBB_OK) status = check(root, s);
  if (status == EBB_OK && s->simulations.theta != NULL)
    status = files_complete(arena, &s->simulations, config_get(config_get(root, "simulations"), "count") != NULL);
  if (status == EBB_OK) status = describe_all(arena, registry, s);
  *out = s;
  return status;
}

char *spec_grid_text(Arena *arena, const SpecGrid *grid) {
  return arena_print(arena, "%" PRId64 " %.17g %.17g %.17g", grid->spacing, grid->range.value[0], grid->range.value[1], grid->rho);
}

const char *component_string(const EbbChild *child, const char *key) {
  if (child->component == NULL || child->component->params == NULL) return NULL;
  for (const EbbParam *p = child->component->params; p->key != NULL; p++)
    if (strcmp(p->key, key) == 0 && p->type == EBB_T_STRING) return *(const char *const *)(const void *)((const char *)child->self + p->offset);
  return NULL;
}
