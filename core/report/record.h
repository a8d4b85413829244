/* SPDX-License-Identifier: MIT
 *
 * What a run left in its folder, read for people: the manifest, the resolved spec, tables and draws. A file belongs to the run if the manifest lists
 * it; what the run did not reach is absent (NULL, 0), what is listed and cannot be read is an error with the file's name and place. Arrays are
 * float32 in the arena or mapped until record_close. */
#ifndef EBB_REPORT_RECORD_H
#define EBB_REPORT_RECORD_H

#include "base/npy.h"
#include "config/config.h"

/* A row of metrics.csv. */
typedef struct MetricRow {
  const char *metric, *parameter, *note; /* "" where empty */
  int64_t observation, n;                /* observation 0: over all */
  double value, error;                   /* NaN where empty */
} MetricRow;

/* A curve of curves.csv: rows in a row with the same name and parameter whose x does not fall. */
typedef struct Curve {
  const char *name, *parameter;
  int64_t n;
  double *x, *y, *low, *high; /* low, high NaN where the file has none */
} Curve;

typedef struct SummaryRow {
  int64_t observation;
  const char *parameter;
  double mean, sd, quantile[5]; /* .05 .25 .5 .75 .95 */
} SummaryRow;

typedef struct RecordStage {
  const char *name, *key;
  bool reused;
  double seconds;
} RecordStage;

typedef struct RecordPlugin {
  const char *kind, *id, *version, *sha256;
} RecordPlugin;

/* An observation; what the manifest does not say is NaN. */
typedef struct RecordObservation {
  int64_t number;
  bool outside; /* of the training data */
  double evaluations, seconds, failed;
} RecordObservation;

typedef struct Record {
  const char *folder, *name;
  const char *spec; /* spec.yaml as it is */
  const Node *tree; /* and parsed */
  const char *version, *build, *isa, *blas, *cpu, *seed, *started;
  double threads, memory, simulations, failed_simulations; /* memory: bytes at the peak; NaN where unknown */
  const RecordStage *stage;
  const RecordPlugin *plugin;
  const char **parameter; /* [d] names */
  RecordObservation *observation;
  const MetricRow *metric;
  const Curve *curve;
  const SummaryRow *summary;
  int64_t stages, plugins, d, observations, metrics, curves, summaries;
  Table training;         /* rows 0: none */
  const float *theta;     /* [observations][draws][d]; NULL: none; NaN rows failed */
  const float *prior;     /* [priors][d] simulated parameters; NULL: none */
  const float *data;      /* [observations][numbers] */
  const float *truth;     /* [observations][d] */
  const float *reference; /* [referenced][references][d]: of the first observations */
  int64_t draws, priors, numbers, referenced, references;
  Npy file[5]; /* the maps behind them */
} Record;

EbbStatus record_read(Arena *, const char *folder, Record *out);
void record_close(Record *); /* also after a failure */

/* The rows of a metric by its name, for one parameter ("" joint, NULL any) and observation (0: over all); NULL if there is none. */
const MetricRow *record_metric(const Record *, const char *metric, int64_t observation, const char *parameter);
/* A scalar of the spec by keys with dots, "model.network.use"; NULL if it is not there. */
const char *record_spec(const Record *, const char *path);
/* Whether a stage was reached. */
bool record_reached(const Record *, const char *stage);

#endif
