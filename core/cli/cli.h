/* SPDX-License-Identifier: MIT
 *
 * The command line: options that all commands share, and the commands. Each command is a function of the parsed options that returns the exit status:
 * 0 done, 1 failed, 2 wrong usage or spec, 130 and 143 after SIGINT and SIGTERM. Tables and YAML go to stdout, progress and log to stderr. */
#ifndef EBB_CLI_CLI_H
#define EBB_CLI_CLI_H

#include "run/run.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct Options {
  const char *command;
  const char *argument[8]; /* what is no option */
  int arguments;
  const char **set, **plugin_folder, **plugin_file; /* in the order given */
  size_t sets, plugin_folders, plugin_files;
  const char **own; /* name and value (or NULL) of options that none of ours are: a metric's parameters, wrong elsewhere */
  size_t owns;
  int64_t threads, block, draws; /* 0: not given */
  const char *runs, *name, *observations, *out, *theta, *method;
  bool quiet, log_json, json, trust, log_density, commands;
} Options;

EbbStatus options_parse(Arena *, int argc, char **argv, Options *out);
/* The failure for an option that means nothing; the nearest name is looked for among keys[0..n) too, parameters as the spec writes them. */
EbbStatus options_unknown(const char *word, const char *const *keys, size_t n);

/* What most commands need: options applied, plugins found, threads started. */
typedef struct Session {
  Arena *arena;
  const Options *options;
  Registry *registry;
  Pool *pool; /* NULL until session_threads */
} Session;
EbbStatus session_threads(Session *);
/* The spec with --set, and a Run around it (store and name by the options). */
EbbStatus session_run(Session *, const char *spec_path, Run *out);
/* A finished run by its folder, with its model read; observations from --observations. */
EbbStatus session_model(Session *, const char *folder, Run *out);

/* cmd_run.c */
EbbStatus cmd_run(Session *);
EbbStatus cmd_simulate(Session *);
EbbStatus cmd_train(Session *);
EbbStatus cmd_sample(Session *);
EbbStatus cmd_evaluate(Session *);
EbbStatus cmd_resolve(Session *);
/* cmd_density.c */
EbbStatus cmd_density(Session *);
/* cmd_map.c */
EbbStatus cmd_map(Session *);
/* cmd_reference.c */
EbbStatus cmd_reference(Session *);
/* cmd_plugins.c */
EbbStatus cmd_plugins(Session *);
EbbStatus cmd_describe(Session *);
/* cmd_runs.c */
EbbStatus cmd_runs(Session *);
/* cmd_report.c */
EbbStatus cmd_report(Session *);
/* report.html of a run just made; that it fails is a warning. */
void report_after(Session *, const Run *);
/* The folder of a run by its path, or by its name in the folder of runs. */
const char *run_folder(Session *, const char *run);
/* cmd_show.c */
EbbStatus cmd_show(Session *);
/* cmd_metric.c: any metric plugin on two files, `ebb c2st A B` */
bool cmd_metric_known(Session *); /* whether the command is the id of a metric */
EbbStatus cmd_metric(Session *);

#endif
