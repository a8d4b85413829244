/* SPDX-License-Identifier: MIT
 *
 * The evaluate stages, one a metric. A metric of observations gets two of them at a time, and what it said is kept after each pair, so that a killed
 * run repeats little; a metric of data sets gets all at once, after the stages that make them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/evidence.h"
#include "run/log_q.h"
#include "run/reference.h"
#include "run/results.h"

enum { SETS = REFERENCE_MOST, STEPS = 1000 /* of progress, an observation */, STREAM_METRIC = 3000 };

EbbStatus metrics_make(Run *run) {
  int64_t n = run->spec->evaluation.count;
  run->metrics = (Metrics){ARENA_ARRAY(run->arena, EbbChild, n), ARENA_ARRAY(run->arena, EbbMetricNeeds, n)};
  for (int64_t i = 0; i < n; i++) {
    EbbChild *metric = &run->metrics.instance[i];
    EbbMetricNeeds *needs = &run->metrics.needs[i];
    uint32_t stream = STREAM_METRIC + 16 * (uint32_t)i;
    *metric = run->spec->evaluation.child[i];
    EbbStatus status = plugin_create(run->arena, run->pool, metric, &stream);
    if (status != EBB_OK) return status;
    needs->size = sizeof *needs;
    ((const EbbMetricOps *)metric->ops)->needs(metric->self, needs);
  }
  return evidence_check(run);
}

void metrics_free(Run *run) {
  for (int64_t i = 0; run->metrics.instance != NULL && i < run->spec->evaluation.count; i++) plugin_destroy(&run->metrics.instance[i]);
}

static EbbStatus compute(const EbbChild *metric, const Evidence *v, Results *r) {
  breadcrumb(metric->component, "compute", v->e.sets);
  EbbStatus status = ((const EbbMetricOps *)metric->ops)->compute(metric->self, &v->e, &r->report);
  breadcrumb(NULL, NULL, 0);
  if (status == EBB_OK && r->fault[0] != '\0') status = fail(EBB_E_ABI, "metric %s: %s", metric->component->id, r->fault);
  return status;
}

/* Observations at a time: one where the metric simulates, so that each one's simulations are addressed by its own number. */
static int64_t part_of(const Run *run, int64_t i) { return run->metrics.needs[i].flags & EBB_NEED_SIMULATE ? 1 : SETS; }

static EbbStatus judge_observations(Run *run, int64_t i, Stage *stage, Results *r) {
  const EbbChild *metric = &run->metrics.instance[i];
  int64_t n = run->observations.n, done = results_kept(r, run->arena, stage), most = part_of(run, i);
  const char *lacks = NULL;
  Progress *progress = progress_begin(metric->component->id, "observations", n, done);
  progress_fine(progress, STEPS);
  EbbStatus status = EBB_OK;
  while (done < n && lacks == NULL && status == EBB_OK) {
    if (run_stop) {
      status = fail(EBB_E_CANCELLED, "stopped while evaluating %s; %" PRId64 " of %" PRId64 " observations are kept", metric->component->id, done, n);
      break;
    }
    Evidence v;
    r->first = done;
    r->sets = n - done < most ? n - done : most;
    progress_expect(progress, r->sets * STEPS);
    status = evidence_of_observations(&v, run, i, done, r->sets, &lacks);
    if (status == EBB_OK && lacks == NULL) status = compute(metric, &v, r);
    evidence_free(&v);
    if (status == EBB_OK && lacks == NULL) {
      done += r->sets;
      status = results_keep(r, stage, done);
    }
    progress_at(progress, done * STEPS, NULL);
  }
  progress_end(progress, NULL);
  if (status == EBB_OK && lacks != NULL) log_line(LOG_WARNING, "%s is left out: %s", metric->component->id, lacks);
  if (status == EBB_OK && r->part) results_means(r);
  return status;
}

static EbbStatus judge_sets(Run *run, int64_t i, Stage *stage, Results *r) {
  const EbbChild *metric = &run->metrics.instance[i];
  Evidence v;
  r->sets = run->observations.n;
  if (run_stop) return fail(EBB_E_CANCELLED, "stopped before evaluating %s", metric->component->id);
  int64_t sets = run->metrics.needs[i].sets;
  Progress *progress = progress_begin(metric->component->id, "data sets", sets, 0);
  progress_fine(progress, STEPS);
  progress_expect(progress, sets * STEPS);
  EbbStatus status = evidence_of_sets(&v, run, i, stage->work);
  if (status == EBB_OK) status = compute(metric, &v, r);
  evidence_free(&v);
  progress_at(progress, sets * STEPS, NULL);
  progress_end(progress, NULL);
  return status;
}

static EbbStatus evaluate_one(Run *run, int64_t i) {
  Stage *stage = &run->evaluate[i];
  if (stage->done) return EBB_OK;
  EbbStatus status = stage_begin(stage);
  if (status != EBB_OK || stage->done) return status;
  bool sets = run->metrics.needs[i].sets > 0;
  Results r;
  results_begin(&r, run, !sets && run->observations.n > part_of(run, i));
  status = sets ? judge_sets(run, i, stage, &r) : judge_observations(run, i, stage, &r);
  if (status == EBB_OK) status = results_write(&r, stage);
  status = stage_end(stage, status, NULL);
  results_free(&r);
  return status;
}

bool metrics_ask(const Run *run, bool sets, bool density) {
  bool asks = false;
  for (int64_t i = 0; i < run->spec->evaluation.count; i++) {
    const EbbMetricNeeds *needs = &run->metrics.needs[i];
    asks = asks || (!run->evaluate[i].done && (needs->sets > 0) == sets && (!density || (needs->flags & EBB_NEED_DENSITY) != 0));
  }
  return asks;
}

EbbStatus run_evaluate(Run *run) {
  EbbStatus status = EBB_OK;
  if (metrics_ask(run, true, false)) status = predictive_make(run);
  if (status == EBB_OK && metrics_ask(run, false, true)) status = log_q_make(run, &run->observed_log_q);
  if (status == EBB_OK && metrics_ask(run, true, true)) status = log_q_make(run, &run->predictive_log_q);
  for (int64_t i = 0; i < run->spec->evaluation.count && status == EBB_OK; i++) status = evaluate_one(run, i);
  return status;
}
