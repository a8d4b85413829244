/* SPDX-License-Identifier: MIT
 *
 * What a run's model answers, written for comparison with configs/read_model.py:
 *
 *     field_of_model RUN DATA PREFIX
 *
 * asks 50 questions of each data row, at noise levels from end to end of the schedule and z drawn around what such a level gives, and writes
 * PREFIXz.npy, PREFIXlevel.npy (alpha, sigma), PREFIXset.npy (which row), PREFIXxhat.npy and PREFIXtheta.npy, the answers in the user's coordinates.
 */
#include <math.h>
#include <stdio.h>

#include "cli/cli.h"
#include "num/isa.h"
#include "num/random.h"
#include "run/chain.h"

enum { QUESTIONS = 50 };

typedef struct Job {
  const NetworkField *network;
  EbbQuery query;
  double *xhat;
} Job;

static EbbStatus ask(void *ctx, EbbWork *work, int64_t task) {
  (void)task;
  Job *job = ctx;
  return job->network->field.eval(&job->network->field, work, &job->query, job->xhat);
}

static EbbStatus answer(Session *s, const char *run_folder, const char *prefix) {
  Run run;
  EbbStatus status = session_model(s, run_folder, &run);
  if (status != EBB_OK) return status;
  Arena *a = s->arena;
  const Model *m = run.model;
  int64_t sets = run.observations.n, d = m->d, n = QUESTIONS * sets;
  float *value = ARENA_ARRAY(a, float, sets * m->inputs.n), *theta = ARENA_ARRAY(a, float, n *d);
  for (int64_t i = 0; i < sets; i++) model_data_forward(m, run.observations.data.value + i * m->q, value + i * m->inputs.n);
  EbbLevel *at = ARENA_ARRAY(a, EbbLevel, n);
  double *z = ARENA_ARRAY(a, double, n *d), *level = ARENA_ARRAY(a, double, 2 * n), *set_of = ARENA_ARRAY(a, double, n);
  uint64_t *id = ARENA_ARRAY(a, uint64_t, n);
  uint32_t *asked = ARENA_ARRAY(a, uint32_t, n);
  int32_t *set = ARENA_ARRAY(a, int32_t, n);
  Job job = {.xhat = ARENA_ARRAY(a, double, n *d)};
  for (int64_t i = 0; i < n; i++) {
    double share = (double)(i % QUESTIONS) / (QUESTIONS - 1), lambda = m->view.lambda_min + share * (m->view.lambda_max - m->view.lambda_min), t;
    m->view.schedule.inverse(&m->view.schedule, 1, &lambda, &t);
    m->view.schedule.at(&m->view.schedule, 1, &t, &at[i]);
    at[i].index = -1;
    set[i] = (int32_t)(i / QUESTIONS);
    set_of[i] = set[i];
    id[i] = (uint64_t)i;
    level[2 * i] = at[i].alpha;
    level[2 * i + 1] = at[i].sigma;
  }
  random_normal((EbbRng){1, 1}, n, id, NULL, 0, d, z);
  for (int64_t i = 0; i < n * d; i++) z[i] *= hypot(at[i / d].alpha, at[i / d].sigma);
  NetworkField network = {0};
  status = network_field(a, run.pool, m, sets, value, 1, at, &network);
  job.network = &network;
  job.query = (EbbQuery){sizeof job.query, 0, n, d, z, at, 1, id, asked, asked, set};
  if (status == EBB_OK) status = pool_run(run.pool, 1, ask, &job);
  if (status != EBB_OK) return status;
  for (int64_t i = 0; i < n; i++) model_theta_inverse(m, job.xhat + i * d, theta + i * d);
  const int64_t shape[2] = {n, d}, levels[2] = {n, 2};
  const struct {
    const char *name;
    const double *data;
    const int64_t *shape;
    int64_t ndim;
  } files[] = {{"z", z, shape, 2}, {"level", level, levels, 2}, {"set", set_of, shape, 1}, {"xhat", job.xhat, shape, 2}};
  for (size_t i = 0; i < COUNT(files) && status == EBB_OK; i++)
    status = npy_write_f64(arena_print(a, "%s%s.npy", prefix, files[i].name), files[i].ndim, files[i].shape, files[i].data);
  if (status == EBB_OK) status = npy_write_f32(arena_print(a, "%stheta.npy", prefix), 2, shape, theta);
  model_free(run.model);
  plugin_destroy(&run.simulator);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: field_of_model RUN DATA PREFIX\n");
    return 2;
  }
  Options options = {.observations = argv[2], .runs = "runs", .threads = 1};
  Session session = {.arena = arena_new(), .options = &options};
  static const char *const own = OWN_PLUGINS; /* this executable's own folder is the tests' */
  RegistryOptions where = {.folders = &own, .folder_count = 1};
  EbbStatus status = isa_setup(NULL);
  if (status == EBB_OK) status = registry_new(&where, &session.registry);
  if (status == EBB_OK) status = answer(&session, argv[1], argv[3]);
  if (status != EBB_OK) fprintf(stderr, "%s\n", fail_text());
  pool_free(session.pool);
  registry_free(session.registry);
  arena_free(session.arena);
  return status == EBB_OK ? 0 : 1;
}
