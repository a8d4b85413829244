/* SPDX-License-Identifier: MIT
 *
 * A simulator to copy: a damped oscillation, seen at 20 times with noise.
 *
 *     x_j = amplitude exp(-damping t_j) cos(2 pi t_j) + noise e_j,    t_j = j / 10,  e_j ~ N(0, 1)
 *
 * Build it with one line and use it by its id:
 *
 *     gcc -std=c11 -O2 -shared -fPIC -fvisibility=hidden -I core/include -o simulator_oscillation.so plugins/template/simulator.c -lm
 *     ebb run my.yaml --plugin-dir $PWD        # my.yaml: simulator: {use: oscillation} */
#include <math.h>

#include <ebb/simulator.h>

enum { TIMES = 20 };

/* What the user may set. `ebb describe simulator/oscillation` prints this table. */
typedef struct Config {
  double noise;
} Config;

static const EbbParam params[] = {
    EBB_REAL(Config, noise, 0.1, 0, 100, "", "standard deviation of the measurement"),
    EBB_END,
};

/* What a component keeps between calls: its settings and the host's table. */
typedef struct Oscillation {
  Config config;
  const EbbHost *host;
} Oscillation;

static EbbStatus create(const EbbHost *host, const void *config, void **self) {
  Oscillation *o = host->alloc(host, sizeof *o);
  if (o == NULL) return EBB_E_MEMORY;
  o->config = *(const Config *)config;
  o->host = host;
  *self = o;
  return EBB_OK;
}

/* Name, support and prior of each parameter. The host draws from declared priors and knows the bijections. */
static const EbbParameter parameters[] = {
    {.name = "amplitude", .lower = 0, .upper = INFINITY, .p = {0, 0.5}, .family = EBB_PRIOR_LOGNORMAL},
    {.name = "damping", .lower = 0, .upper = 3, .p = {0, 3}, .family = EBB_PRIOR_UNIFORM},
};

static EbbStatus describe(const void *self, EbbModelInfo *out) {
  (void)self;
  out->theta = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = 2};
  out->data = (EbbLayout){.size = sizeof(EbbLayout), .kind = EBB_VECTOR, .n = 1, .width = TIMES};
  out->parameter = parameters;
  return EBB_OK;
}

/* rows of theta (2 numbers each) to rows of data (20 each). Randomness comes addressed by row, so the same row gives the same data anywhere. A row
 * that has no data gets failed[i] = 1. */
static EbbStatus simulate(const void *self, EbbWork *work, EbbRng rng, int64_t rows, const uint64_t *id, const float *theta, EbbData *out,
                          uint8_t *failed) {
  const Oscillation *o = self;
  double *e = o->host->scratch(work, (size_t)(rows * TIMES) * sizeof *e);
  o->host->normal(o->host, rng, rows, id, NULL, 0, TIMES, e);
  (void)failed;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < TIMES; j++) {
      double t = (double)j / 10, amplitude = (double)theta[2 * i], damping = (double)theta[2 * i + 1];
      out->value[i * TIMES + j] = (float)(amplitude * exp(-damping * t) * cos(6.283185307179586 * t) + o->config.noise * e[i * TIMES + j]);
    }
  return EBB_OK;
}

static const EbbSimulatorOps ops = {.size = sizeof ops, .describe = describe, .simulate = simulate};
static const EbbComponent oscillation = {
    .size = sizeof oscillation,
    .kind = EBB_SIMULATOR,
    .id = "oscillation",
    .summary = "damped oscillation seen with noise",
    .version = "1.0",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
    .create = create,
};
EBB_MODULE(&oscillation)
