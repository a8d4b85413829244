/* SPDX-License-Identifier: MIT
 *
 * Gathering of evidence. What belongs to the run is mapped; what is a part of it that does not lie in one piece is copied, for the shared batch into
 * a file without a name, since draws may be more than memory holds. */
#include "run/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "run/files.h"
#include "run/reference.h"

EbbStatus evidence_check(const Run *run) {
  for (int64_t i = 0; i < run->spec->evaluation.count; i++) {
    const EbbMetricNeeds *n = &run->metrics.needs[i];
    const char *id = run->metrics.instance[i].component->id;
    uint32_t known = EBB_NEED_REFERENCE | EBB_NEED_TRUTH | EBB_NEED_SIMULATE | EBB_NEED_PRIOR | EBB_NEED_DENSITY;
    if (n->sets < 0 || n->draws < 0 || (n->flags & ~known) != 0)
      return fail(EBB_E_ABI, "metric %s asks for %" PRId64 " sets, %" PRId64 " draws and needs %#x; this version of Ebb knows needs up to %#x", id,
                  n->sets, n->draws, n->flags, known);
    if (n->sets > UINT32_MAX || n->draws >= UINT32_MAX)
      return fail(EBB_E_CONFIG, "metric %s asks for %" PRId64 " data sets of %" PRId64 " draws; each must be below %" PRIu32, id, n->sets, n->draws,
                  UINT32_MAX);
    if (files_are(&run->simulator) && (n->sets > 0 || (n->flags & EBB_NEED_SIMULATE)))
      return fail(EBB_E_CONFIG,
                  "metric %s needs new simulations, but those of this spec come from files (simulations.theta); leave it out, or name a simulator",
                  id);
    for (int64_t j = 0; j < ebb_layout_numbers(&run->info.theta) && (n->flags & EBB_NEED_PRIOR) != 0; j++)
      if (run->info.parameter[j].family == EBB_PRIOR_UNKNOWN)
        return fail(EBB_E_CONFIG, "metric %s needs the prior, but parameter \"%s\" has none in the spec; declare it, or leave the metric out", id,
                    run->info.parameter[j].name);
    if (n->sets > 0 && (n->flags & EBB_NEED_REFERENCE))
      return fail(EBB_E_CONFIG,
                  "metric %s asks for reference draws of %" PRId64
                  " data sets, but references are of observations only; let it judge observations (no data sets), or do without references",
                  id, n->sets);
    if (n->sets == 0 && n->draws > run->spec->sampling.draws)
      return fail(EBB_E_CONFIG, "metric %s asks for %" PRId64 " draws an observation, but sampling.draws is %" PRId64 "; raise it, or ask for fewer",
                  id, n->draws, run->spec->sampling.draws);
  }
  return EBB_OK;
}

static EbbStatus simulate(const EbbEvidence *e, int64_t rows, const float *theta, EbbData *out, uint8_t *failed) {
  Evidence *v = (Evidence *)(uintptr_t)e; /* its own first member */
  const Run *run = v->run;
  const EbbLayout *layout = &run->info.data;
  if (out == NULL || out->value == NULL || ebb_layout_numbers(&out->layout) != ebb_layout_numbers(layout))
    return fail(EBB_E_SHAPE, "simulate was given no room for %" PRId64 " numbers a row; give out->layout = data->layout and memory in out->value",
                ebb_layout_numbers(layout));
  EbbChild simulator = run->simulator;
  simulator.stream = STREAM_RESIMULATE;
  int64_t first = (int64_t)((uint64_t)e->set[0] << 32) + v->simulated;
  v->simulated += rows;
  return simulate_rows(run->pool, &simulator, &run->info, run->spec->sampling.seed, first, rows, theta, out->value, failed);
}

/* What all evidence has. */
static void begin(Evidence *v, const Run *run, int64_t i, int64_t sets, int64_t draws) {
  const EbbChild *metric = &run->metrics.instance[i];
  int64_t d = ebb_layout_numbers(&run->info.theta);
  *v = (Evidence){.run = run, .arena = arena_new()};
  const char **name = ARENA_ARRAY(v->arena, const char *, d);
  double *lower = ARENA_ARRAY(v->arena, double, d), *upper = ARENA_ARRAY(v->arena, double, d);
  for (int64_t j = 0; j < d; j++) {
    name[j] = run->info.parameter[j].name;
    lower[j] = run->info.parameter[j].lower;
    upper[j] = run->info.parameter[j].upper;
  }
  v->e = (EbbEvidence){.size = sizeof v->e,
                       .host = plugin_host(metric),
                       .rng = {run->spec->sampling.seed, metric->stream},
                       .sets = sets,
                       .draws = draws,
                       .dim = d,
                       .name = name,
                       .simulate = simulate,
                       .lower = lower,
                       .upper = upper};
}

static EbbStatus draw_prior(Evidence *v, int64_t i) {
  const Run *run = v->run;
  if (!(run->metrics.needs[i].flags & EBB_NEED_PRIOR)) return EBB_OK;
  float *prior = ARENA_ARRAY(v->arena, float, EVIDENCE_PRIORS * v->e.dim);
  v->e.priors = EVIDENCE_PRIORS;
  v->e.prior = prior;
  return prior_rows(run->pool, &run->simulator, &run->info, run->spec->sampling.seed, STREAM_PRIOR_DRAWS, EVIDENCE_PRIORS, prior);
}

/* The first `draws` of `there` rows of `size` bytes of each set. */
static const void *first_draws(Arena *arena, const void *from, int64_t sets, int64_t there, int64_t draws, size_t size) {
  if (draws == there) return from;
  char *out = arena_alloc(arena, (size_t)(sets * draws) * size);
  for (int64_t k = 0; k < sets; k++) memcpy(out + (size_t)(k * draws) * size, (const char *)from + (size_t)(k * there) * size, (size_t)draws * size);
  return out;
}

static EbbStatus open_log_q(Evidence *v, const LogQ *of) {
  EbbStatus status = npy_open(path_join(v->arena, of->stage.folder, "log_q.npy"), &v->log_q);
  const char *truth = path_join(v->arena, of->stage.folder, "log_q_truth.npy");
  if (status == EBB_OK && file_exists(truth)) status = npy_open(truth, &v->log_q_truth);
  return status;
}

static EbbStatus gather(Evidence *v, int64_t i, int64_t first, const char **lacks) {
  const Run *run = v->run;
  const EbbMetricNeeds *needs = &run->metrics.needs[i];
  const Observations *o = &run->observations;
  EbbEvidence *e = &v->e;
  int64_t there = run->spec->sampling.draws;
  if (needs->sets == 0 && (needs->flags & EBB_NEED_TRUTH) && o->truth == NULL)
    *lacks = "it needs true parameters, and those of the observations are not known";
  float *reference = NULL;
  EbbStatus status = EBB_OK;
  if (needs->sets == 0 && (needs->flags & EBB_NEED_REFERENCE)) {
    status =
        reference_draws(run, v->arena, component_string(&run->spec->evaluation.child[i], "reference"), first, e->sets, &e->references, &reference);
    if (status == EBB_OK && reference == NULL)
      *lacks = arena_print(run->arena,
                           "it needs reference draws, the simulator %s has no exact posterior sampler, and the spec names no reference files "
                           "(`ebb reference` makes them from a log-likelihood)",
                           run->simulator.component->id);
  }
  if (status != EBB_OK || *lacks != NULL) return status;
  status = npy_open(path_join(v->arena, run->sample.folder, "theta.npy"), &v->theta);
  if (status == EBB_OK && needs->sets == 0 && (needs->flags & EBB_NEED_DENSITY)) status = open_log_q(v, &run->observed_log_q);
  if (status != EBB_OK) return status;
  EbbData *data = ARENA_NEW(v->arena, EbbData);
  *data = observation_row(&o->data, first);
  data->rows = e->sets;
  double *evaluations = ARENA_ARRAY(v->arena, double, e->sets), *took = ARENA_ARRAY(v->arena, double, e->sets);
  for (int64_t s = 0; s < e->sets; s++) {
    evaluations[s] = run->sampled[first + s].evaluations;
    took[s] = run->sampled[first + s].seconds;
  }
  e->set = o->number + first;
  e->data = data;
  e->theta = first_draws(v->arena, npy_f32(&v->theta) + first * there * e->dim, e->sets, there, e->draws, (size_t)e->dim * sizeof(float));
  e->truth = o->truth != NULL ? o->truth + first * e->dim : NULL;
  e->reference = reference;
  e->evaluations = evaluations;
  e->seconds = took;
  int64_t solved = run->observed_log_q.size[1];
  if (v->log_q.data != NULL) e->log_q = first_draws(v->arena, npy_f64(&v->log_q) + first * solved, e->sets, solved, e->draws, sizeof(double));
  if (v->log_q_truth.data != NULL) e->log_q_truth = npy_f64(&v->log_q_truth) + first;
  return EBB_OK;
}

static EbbStatus observations(Evidence *v, const Run *run, int64_t i, int64_t first, int64_t sets, const char **lacks) {
  const EbbMetricNeeds *needs = &run->metrics.needs[i];
  *lacks = NULL;
  begin(v, run, i, sets, needs->sets == 0 && needs->draws > 0 ? needs->draws : run->spec->sampling.draws);
  return gather(v, i, first, lacks);
}

EbbStatus evidence_of_observations(Evidence *v, const Run *run, int64_t i, int64_t first, int64_t sets, const char **lacks) {
  EbbStatus status = observations(v, run, i, first, sets, lacks);
  return status == EBB_OK && *lacks == NULL ? draw_prior(v, i) : status;
}

/* The same as first_draws, as a map of a file that has lost its name. */
static EbbStatus map_draws(const char *path, const Npy *from, int64_t sets, int64_t there, int64_t draws, int64_t width, Npy *out) {
  size_t size = (size_t)width * (from->type == NPY_F32 ? sizeof(float) : sizeof(double));
  const int64_t shape[3] = {sets, draws, width};
  FILE *f = fopen(path, "w+b");
  EbbStatus status = f != NULL ? npy_header(f, from->type, 3, shape) : EBB_E_IO;
  for (int64_t k = 0; k < sets && status == EBB_OK; k++)
    if (fwrite(from->data + (size_t)(k * there) * size, size, (size_t)draws, f) != (size_t)draws) status = EBB_E_IO;
  if (f != NULL && fclose(f) != 0) status = EBB_E_IO;
  if (status == EBB_E_IO) return fail(EBB_E_IO, "cannot write %s: %s", path, strerror(errno));
  if (status == EBB_OK) status = npy_open(path, out);
  remove(path);
  return status;
}

static EbbStatus gather_sets(Evidence *v, int64_t i, const char *folder) {
  const Run *run = v->run;
  EbbEvidence *e = &v->e;
  EbbStatus status = predictive_open(run, v->arena, &v->sets);
  if (status != EBB_OK) return status;
  const DataSets *s = &v->sets;
  EbbData *data = ARENA_NEW(v->arena, EbbData);
  *data = s->of.data;
  data->rows = e->sets;
  e->set = s->of.number;
  e->data = data;
  e->truth = s->of.truth;
  e->evaluations = s->evaluations;
  e->seconds = s->seconds;
  e->theta = s->theta;
  if (e->draws < s->draws) {
    status = map_draws(path_join(v->arena, folder, "theta.npy"), &s->theta_file, e->sets, s->draws, e->draws, e->dim, &v->theta);
    e->theta = npy_f32(&v->theta);
  }
  if (status != EBB_OK || !(run->metrics.needs[i].flags & EBB_NEED_DENSITY)) return status;
  status = open_log_q(v, &run->predictive_log_q);
  int64_t solved = run->predictive_log_q.size[1];
  if (status == EBB_OK && e->draws < solved) {
    Npy all = v->log_q;
    v->log_q = (Npy){0};
    status = map_draws(path_join(v->arena, folder, "log_q.npy"), &all, e->sets, solved, e->draws, 1, &v->log_q);
    npy_close(&all);
  }
  if (status != EBB_OK) return status;
  e->log_q = npy_f64(&v->log_q);
  e->log_q_truth = npy_f64(&v->log_q_truth);
  return EBB_OK;
}

EbbStatus evidence_of_sets(Evidence *v, const Run *run, int64_t i, const char *folder) {
  const EbbMetricNeeds *needs = &run->metrics.needs[i];
  begin(v, run, i, needs->sets, needs->draws > 0 ? needs->draws : run->spec->sampling.draws);
  EbbStatus status = draw_prior(v, i);
  if (status == EBB_OK) status = gather_sets(v, i, folder);
  if (status != EBB_OK) return status;
  const char *lacks;
  v->observed = ARENA_NEW(v->arena, Evidence);
  status = observations(v->observed, run, i, 0, run->observations.n, &lacks);
  v->observed->e.priors = v->e.priors; /* the same draws, once */
  v->observed->e.prior = v->e.prior;
  v->e.observed = &v->observed->e;
  return status;
}

void evidence_free(Evidence *v) {
  if (v->observed != NULL) evidence_free(v->observed);
  predictive_close(&v->sets);
  npy_close(&v->theta);
  npy_close(&v->log_q);
  npy_close(&v->log_q_truth);
  arena_free(v->arena);
}
