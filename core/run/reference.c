/* SPDX-License-Identifier: MIT
 *
 * Reference posteriors: from files, from the simulator's exact sampler, or from its log-likelihood. */
#include "run/reference.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run/density.h"
#include "run/importance.h"
#include "run/posterior.h"
#include "run/smc.h"

char *reference_path(Arena *arena, const char *pattern, int64_t k) {
  const char *at = strstr(pattern, "{k}");
  if (at == NULL) return arena_copy(arena, pattern);
  return arena_print(arena, "%.*s%" PRId64 "%s", (int)(at - pattern), pattern, k, at + 3);
}

enum { BLOCK = 1000 }; /* rows a task */

typedef struct Exact {
  const Run *run;
  const EbbData *one;
  int64_t k, rows;
  float *theta;
} Exact;

static EbbStatus exact_block(void *ctx, EbbWork *work, int64_t task) {
  const Exact *e = ctx;
  int64_t first = task * BLOCK, n = e->rows - first < BLOCK ? e->rows - first : BLOCK;
  uint64_t *id = work_alloc(work, (size_t)n * sizeof *id);
  for (int64_t i = 0; i < n; i++) id[i] = (uint64_t)e->k << 32 | (uint64_t)(first + i);
  const EbbSimulatorOps *ops = e->run->simulator.ops;
  int64_t d = ebb_layout_numbers(&e->run->info.theta);
  return ops->reference(e->run->simulator.self, work, (EbbRng){e->run->spec->sampling.seed, STREAM_REFERENCE}, e->one, n, id, e->theta + first * d);
}

/* Draws of one observation into theta [rows][d]. */
static EbbStatus exact_draws(const Run *run, int64_t observation, int64_t rows, float *theta) {
  EbbData one = observation_row(&run->observations.data, observation);
  Exact e = {run, &one, run->observations.number[observation], rows, theta};
  return pool_run(run->pool, (rows + BLOCK - 1) / BLOCK, exact_block, &e);
}

EbbStatus reference_draws(const Run *run, Arena *arena, const char *pattern, int64_t first, int64_t sets, int64_t *rows, float **out) {
  int64_t d = ebb_layout_numbers(&run->info.theta);
  *out = NULL;
  if (pattern != NULL) {
    Table table[REFERENCE_MOST];
    for (int64_t s = 0; s < sets; s++) {
      const char *path = reference_path(arena, pattern, run->observations.number[first + s]);
      EbbStatus status = table_read(arena, path, &table[s]);
      if (status != EBB_OK) return status;
      if (table[s].columns != d) return fail(EBB_E_SHAPE, "%s: expected %" PRId64 " parameters a row, found %" PRId64, path, d, table[s].columns);
      *rows = s == 0 || table[s].rows < *rows ? table[s].rows : *rows;
    }
    *out = ARENA_ARRAY(arena, float, sets **rows *d);
    for (int64_t s = 0; s < sets; s++)
      for (int64_t i = 0; i < *rows * d; i++) (*out)[s * *rows * d + i] = (float)table[s].value[i];
    return EBB_OK;
  }
  if (((const EbbSimulatorOps *)run->simulator.ops)->reference == NULL) return EBB_OK;
  *rows = run->spec->sampling.draws;
  *out = ARENA_ARRAY(arena, float, sets **rows *d);
  EbbStatus status = EBB_OK;
  for (int64_t s = 0; s < sets && status == EBB_OK; s++) status = exact_draws(run, first + s, *rows, *out + s * *rows * d);
  return status;
}

/* ---- From the likelihood ---- */

enum { GROUPS = 4, LEAST_MEMBERS = 1000, MOST_MEMBERS = 5000, PILOT = 1000, PROPOSING = 700 /* steps of the progress */ };
static const double MOST_RHAT = 1.01, LEAST_ESS = 400, LEAST_EFFICIENCY = 0.05;

const char *const reference_methods[4] = {"auto", "exact", "importance", "mcmc"};

EbbStatus reference_method(const char *name, ReferenceMethod *out) {
  *out = REFERENCE_AUTO;
  for (size_t i = 0; name != NULL && i < COUNT(reference_methods); i++) {
    *out = (ReferenceMethod)i;
    if (strcmp(name, reference_methods[i]) == 0) return EBB_OK;
  }
  return name == NULL ? EBB_OK : fail(EBB_E_CONFIG, "--method is auto, exact, importance or mcmc (got %s)", name);
}

typedef struct Making {
  Run *run;
  Arena *arena;
  int64_t observation, draws, rounds;
  Posterior posterior;
  Population population;
  Progress *progress;
  int64_t told;
} Making;

static void tell(void *ctx, double share, double temperature, double acceptance) {
  Making *m = ctx;
  char note[96];
  snprintf(note, sizeof note, "temperature %.3g, acceptance %.2f", temperature, acceptance);
  if (m->progress != NULL) progress_at(m->progress, m->told + (int64_t)(share * (REFERENCE_STEPS - 1)), note);
}

static EbbStatus start(Making *m) {
  int64_t members = (m->draws + GROUPS - 1) / GROUPS;
  members = members < LEAST_MEMBERS ? LEAST_MEMBERS : members > MOST_MEMBERS ? MOST_MEMBERS : members + members % 2;
  m->rounds = (m->draws + GROUPS * members - 1) / (GROUPS * members);
  EbbStatus status = posterior_new(m->arena, m->run, m->observation, &m->posterior);
  population_new(m->arena, m->posterior.d, GROUPS, members, &m->population);
  Population *p = &m->population;
  p->pool = m->run->pool;
  p->target = posterior_rows;
  p->ctx = &m->posterior;
  p->rng = (EbbRng){m->run->spec->sampling.seed, STREAM_MOVES};
  p->id = (uint64_t)m->run->observations.number[m->observation] << 32;
  return status;
}

/* The population at the posterior becomes draws, in an order that says nothing. */
static EbbStatus finish(Making *m, SmcFacts *smc, float **theta, ReferenceFacts *facts) {
  Population *p = &m->population;
  int64_t n = population_size(p) * m->rounds, d = p->d;
  double *q = ARENA_ARRAY(m->arena, double, n *d);
  EbbStatus status = smc_draw(p, m->rounds, q, tell, m, smc);
  if (status != EBB_OK) return status;
  int64_t *order = ARENA_ARRAY(m->arena, int64_t, n);
  random_permutation((EbbRng){p->rng.seed, STREAM_REFERENCE}, p->id, n, order);
  *theta = ARENA_ARRAY(m->arena, float, m->draws *d);
  for (int64_t i = 0; i < m->draws; i++) posterior_theta(&m->posterior, q + order[i] * d, *theta + i * d);
  facts->particles = n;
  facts->rhat = smc->convergence.rhat;
  facts->ess = smc->convergence.ess;
  facts->acceptance = smc->acceptance;
  facts->evaluations = (double)p->evaluations;
  facts->suspect = !(facts->rhat <= MOST_RHAT && facts->ess >= LEAST_ESS);
  return EBB_OK;
}

static EbbStatus by_mcmc(Making *m, float **theta, ReferenceFacts *facts) {
  EbbStatus status = start(m);
  Population *p = &m->population;
  SmcFacts smc = {0};
  if (status == EBB_OK) status = posterior_prior(&m->posterior, p->rng.seed, population_size(p), p->x);
  if (status == EBB_OK) status = population_evaluate(p);
  if (status == EBB_OK) status = smc_temper(p, tell, m, &smc);
  if (status == EBB_OK) status = finish(m, &smc, theta, facts);
  facts->log_evidence = smc.log_evidence;
  facts->error = smc.error;
  facts->temperatures = (double)smc.temperatures;
  return status;
}

/* Draws [first, first + n) of the trained model into those members, and the logarithms of their weights. Both densities are those of q. Returns how
 * many failed in *failures; their weight is 0. */
static EbbStatus propose_some(const Making *m, const Density *density, int64_t first, int64_t n, double *log_weight, int64_t *failures) {
  const Run *run = m->run;
  const Population *p = &m->population;
  int64_t d = p->d;
  ArenaMark mark = arena_mark(m->arena);
  uint64_t *id = ARENA_ARRAY(m->arena, uint64_t, n);
  int32_t *set = ARENA_ARRAY(m->arena, int32_t, n);
  uint32_t *asked = ARENA_ARRAY(m->arena, uint32_t, n);
  uint8_t *failed = ARENA_ARRAY(m->arena, uint8_t, n);
  float *theta = ARENA_ARRAY(m->arena, float, n *d);
  double *x = ARENA_ARRAY(m->arena, double, n *d), *log_q = ARENA_ARRAY(m->arena, double, n);
  for (int64_t i = 0; i < n; i++) {
    id[i] = p->id + (uint64_t)(first + i);
    set[i] = (int32_t)m->observation;
  }
  EbbStatus status = density_draws(density, n, id, set, x, asked, failed);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    if (failed[i]) memset(x + i * d, 0, (size_t)d * sizeof *x);
    model_theta_inverse(run->model, x + i * d, theta + i * d);
    posterior_coordinates(&m->posterior, theta + i * d, p->x + (first + i) * d);
    log_weight[first + i] = failed[i] ? NAN : 0;
  }
  if (status == EBB_OK) status = density_theta(density, run->model, n, id, set, theta, log_q, asked, failed);
  for (int64_t i = 0; i < n && status == EBB_OK; i++) {
    log_weight[first + i] -= log_q[i] - posterior_log_slope(&m->posterior, p->x + (first + i) * d);
    *failures += isnan(log_weight[first + i]);
  }
  arena_reset(m->arena, mark);
  return status;
}

/* The first n, with their likelihoods. */
static EbbStatus propose(const Making *m, const Density *density, int64_t n, double *log_weight) {
  Population those = m->population;
  int64_t failures = 0;
  EbbStatus status = EBB_OK;
  for (int64_t first = 0; first < n && status == EBB_OK; first += PILOT) {
    status = propose_some(m, density, first, n - first < PILOT ? n - first : PILOT, log_weight, &failures);
    if (m->progress != NULL)
      progress_at(m->progress, m->told + PROPOSING * (first + PILOT) / (population_size(&those) + PILOT), "weighing draws of the model");
  }
  those.groups = 1;
  those.members = n;
  if (status == EBB_OK) status = population_evaluate(&those);
  for (int64_t i = 0; i < n && status == EBB_OK; i++)
    log_weight[i] = isnan(log_weight[i]) ? -INFINITY : log_weight[i] + those.log_prior[i] + those.log_likelihood[i];
  if (failures > 0) log_line(LOG_WARNING, "%" PRId64 " of %" PRId64 " draws of the model or their densities failed; they are left out", failures, n);
  return status;
}

/* Whether draws with such weights may stand for the posterior; says why not. */
static bool trusted(const Making *m, const Importance *w, int64_t n, const char *what) {
  double share = w->effective / (double)n;
  bool good = share >= LEAST_EFFICIENCY && !(w->pareto_k > IMPORTANCE_MOST_K);
  if (!good)
    log_line(
        what == NULL ? LOG_WARNING : LOG_INFO,
        "observation %" PRId64 ": the trained model is too far from the posterior for importance weights (effective draws %.2g %%, at least %g %% "
        "wanted; Pareto k %.2f, at most %.1f)%s",
        m->run->observations.number[m->observation], 100 * share, 100 * LEAST_EFFICIENCY, w->pareto_k, IMPORTANCE_MOST_K, what != NULL ? what : "");
  return good;
}

/* try: leave *theta NULL where weights cannot be trusted or the model gives no densities; else go on and call the draws suspect. */
static EbbStatus by_importance(Making *m, bool try, float **theta, ReferenceFacts *facts) {
  Run *run = m->run;
  EbbChild sampler;
  DensityField of;
  EbbStatus status = start(m);
  Population *p = &m->population;
  int64_t n = population_size(p);
  double *log_weight = ARENA_ARRAY(m->arena, double, n);
  if (status == EBB_OK) status = run_model(run);
  if (status == EBB_OK) status = density_sampler(m->arena, run->pool, run->registry, run->spec, &sampler);
  if (status != EBB_OK) return status;
  DensityJob job = {.pool = run->pool,
                    .model = run->model,
                    .sampler = &sampler,
                    .grid = &run->spec->sampling.grid,
                    .observations = &run->observations,
                    .block = run->block,
                    .seed = run->spec->sampling.seed};
  Importance judged = {0};
  bool good = true;
  status = density_of_model(&job, m->arena, &of);
  if (status == EBB_E_UNSUPPORTED && try) {
    log_line(LOG_INFO, "no importance weights: %s", fail_text());
    fail_clear();
    status = EBB_OK;
    good = false;
  }
  if (status == EBB_OK && try && good) {
    status = propose(m, &of.density, PILOT, log_weight);
    if (status == EBB_OK) status = importance_judge(PILOT, log_weight, &judged);
    good = status == EBB_OK && trusted(m, &judged, PILOT, "; sampling it by MCMC instead");
  }
  if (status == EBB_OK && good) status = propose(m, &of.density, n, log_weight);
  if (status == EBB_OK && good) status = importance_judge(n, log_weight, &judged);
  plugin_destroy(&sampler);
  if (status == EBB_OK && good) good = trusted(m, &judged, n, try ? "; sampling it by MCMC instead" : NULL);
  if (status != EBB_OK || (try && !good)) return status;
  p->evaluations = n;
  SmcFacts smc = {0};
  status = population_resample(p, log_weight);
  if (status == EBB_OK) status = finish(m, &smc, theta, facts);
  facts->suspect = facts->suspect || !good;
  facts->log_evidence = judged.log_mean;
  facts->error = judged.error;
  facts->efficiency = judged.effective / (double)n;
  facts->pareto_k = judged.pareto_k;
  return status;
}

EbbStatus reference_make(Run *run, Arena *arena, int64_t observation, int64_t draws, ReferenceMethod method, int64_t done, float **theta,
                         ReferenceFacts *facts) {
  bool exact = ((const EbbSimulatorOps *)run->simulator.ops)->reference != NULL, trained = run->train.done;
  const char *id = run->simulator.component->id;
  double began = seconds();
  Making m = {.run = run, .arena = arena, .observation = observation, .draws = draws, .told = REFERENCE_STEPS * done, .progress = progress_current()};
  *theta = NULL;
  *facts = (ReferenceFacts){.rhat = NAN,
                            .ess = NAN,
                            .acceptance = NAN,
                            .log_evidence = NAN,
                            .error = NAN,
                            .efficiency = NAN,
                            .pareto_k = NAN,
                            .temperatures = NAN,
                            .evaluations = NAN};
  EbbStatus status = EBB_OK;
  if (method == REFERENCE_EXACT && !exact) return fail(EBB_E_UNSUPPORTED, "simulator %s has no exact posterior sampler; use --method mcmc", id);
  if (method == REFERENCE_IMPORTANCE && !trained)
    return fail(EBB_E_UNSUPPORTED, "--method importance weighs draws of the spec's trained model, and there is none in %s; `ebb train` makes it",
                run->runs);
  if (method == REFERENCE_EXACT || (method == REFERENCE_AUTO && exact)) {
    facts->method = REFERENCE_EXACT;
    *theta = ARENA_ARRAY(arena, float, draws *ebb_layout_numbers(&run->info.theta));
    status = exact_draws(run, observation, draws, *theta);
  } else {
    if (method == REFERENCE_IMPORTANCE || (method == REFERENCE_AUTO && trained)) {
      facts->method = REFERENCE_IMPORTANCE;
      status = by_importance(&m, method == REFERENCE_AUTO, theta, facts);
    }
    if (status == EBB_OK && *theta == NULL) {
      facts->method = REFERENCE_MCMC;
      status = by_mcmc(&m, theta, facts);
    }
  }
  if (status == EBB_OK && m.progress != NULL) progress_at(m.progress, m.told + REFERENCE_STEPS, NULL);
  facts->seconds = seconds() - began;
  return status;
}
