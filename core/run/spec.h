/* SPDX-License-Identifier: MIT
 *
 * What a spec says, as one struct; the tables behind it give every key's type, default, range and explanation (spec.c). */
#ifndef EBB_RUN_SPEC_H
#define EBB_RUN_SPEC_H

#include "plugin/plugin.h"
#include "run/parameters.h"

typedef struct SpecSimulations {
  int64_t count;
  double most_failed; /* share of failed rows above which the run stops */
  uint64_t seed;
  const char *theta, *x; /* absolute; instead of a simulator */
  EbbChildren parameters;
  DataNames data;
  bool isolate;
} SpecSimulations;

/* The law of noise levels in training. */
enum { LAW_SCHEDULE = 0, LAW_NORMAL = 1, LAW_LAPLACE = 2, LAW_UNIFORM = 3 };
typedef struct SpecNoise {
  int64_t law;
  double mean, sd, location, scale; /* of lambda: normal, laplace */
} SpecNoise;

enum { SPEC_STANDARD = 0, SPEC_QUADRATIC = 1, SPEC_INPUTS_AUTO = 2 };
enum { SPEC_MARGINAL = 0, SPEC_LINEAR_GAUSSIAN = 1, SPEC_WHITENED = 2 };
typedef struct SpecModel {
  EbbChild objective, schedule, network;
  int64_t base, inputs;
  SpecNoise noise;
} SpecModel;

enum { EMA_POWER = 0, EMA_CONSTANT = 1, EMA_NONE = 2 };
typedef struct SpecEma {
  int64_t use;
  double relative_width, rate;
} SpecEma;

typedef struct SpecTraining {
  int64_t epochs, steps, batch; /* steps 0: no bound of their own */
  double learning_rate, warmup, decay, clip;
  SpecEma ema;
  double validation, patience;
  uint64_t seed;
} SpecTraining;

enum { FROM_SIMULATOR = 0, FROM_FILE = 1 };
typedef struct SpecObservations {
  int64_t from;
  EbbInts index;    /* of the simulator's, counted from 1 */
  const char *file; /* absolute */
} SpecObservations;

enum { GRID_LAMBDA = 0, GRID_KARRAS = 1, GRID_TIME = 2 };
typedef struct SpecGrid {
  int64_t spacing;
  EbbReals range; /* u = sigma / alpha: smallest, largest */
  double rho;
} SpecGrid;

typedef struct SpecSampling {
  SpecObservations observations;
  int64_t draws;
  EbbChild sampler, density; /* density.component NULL: the default */
  SpecGrid grid;
  uint64_t seed;
} SpecSampling;

/* A component of the spec before it was made into an instance: what keys and manifests say of it. Children among its settings are within `text`,
 * their files within `digest`. */
typedef struct SpecComponent {
  const EbbChild *child;
  const char *text;   /* resolved settings, as YAML */
  const char *digest; /* hash of the text and of the plugin files it takes */
} SpecComponent;

typedef struct Spec {
  uint64_t seed;
  EbbChild simulator;
  SpecSimulations simulations;
  SpecModel model;
  SpecTraining training;
  SpecSampling sampling;
  EbbChildren evaluation, sinks;
  /* Made by spec_load; components are instances later, their settings are then out of sight. */
  const char *text; /* the whole resolved spec, as YAML */
  const char *model_text, *training_text;
  SpecComponent simulator_as, objective_as, schedule_as, network_as, sampler_as, *metric_as;
  const Plugin **plugins; /* all that the spec takes, each once */
  size_t plugin_count;
} Spec;

/* Reads, applies the --set assignments in order (what they drop is logged), checks, fills. Relative paths become absolute, from the spec's folder. */
EbbStatus spec_load(Arena *, Registry *, const char *path, const char *const *sets, size_t n, Spec **out);
/* What keys say of a component that the spec does not name. */
EbbStatus spec_describe(Arena *, Registry *, const EbbChild *, SpecComponent *out);
const EbbParam *spec_params(void); /* the top table, for documentation */

/* All of a grid in one line, for keys. */
char *spec_grid_text(Arena *, const SpecGrid *);

/* The string parameter `key` of a component's settings; NULL if it has none or it is not set. */
const char *component_string(const EbbChild *, const char *key);

#endif
