/* SPDX-License-Identifier: MIT
 *
 * ebb: parse, set up, call the command, turn its status into an exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "base/process.h"
#include "num/isa.h"
#include "run/command.h"
#include "run/parameters.h"

typedef struct Command {
  const char *name, *arguments, *does;
  int least, most; /* arguments */
  EbbStatus (*run)(Session *);
} Command;

static const Command all[] = {
    {"run", "SPEC", "all stages; finished ones are re-used", 1, 1, cmd_run},
    {"simulate", "SPEC [--theta FILE --out FILE]", "up to the simulations; with --theta the simulator alone", 1, 1, cmd_simulate},
    {"train", "SPEC", "up to the model", 1, 1, cmd_train},
    {"sample", "SPEC | RUN --observations FILE --out DIR", "up to the posterior; of a run (a folder): new observations", 1, 1, cmd_sample},
    {"density", "RUN --theta FILE --observations FILE --out FILE", "log densities of given parameters under a run", 1, 1, cmd_density},
    {"map", "RUN --observations FILE --out DIR", "where the posterior's density is largest; --draws N starts", 1, 1, cmd_map},
    {"evaluate", "SPEC", "up to the metrics", 1, 1, cmd_evaluate},
    {"reference", "SPEC --out DIR [--draws N] [--method M]", "draws of the true posterior: auto, exact, importance, mcmc", 1, 1, cmd_reference},
    {"resolve", "SPEC", "the spec with every default written out", 1, 1, cmd_resolve},
    {"plugins", "", "all components that are found", 0, 0, cmd_plugins},
    {"describe", "KIND/ID", "a component and its parameters", 1, 1, cmd_describe},
    {"report", "RUN", "report.html of a run, made anew from its folder", 1, 1, cmd_report},
    {"show", "RUN", "verdict, tables and histograms of a run on the terminal", 1, 1, cmd_show},
    {"runs", "", "the runs in the folder of runs", 0, 0, cmd_runs},
};

static void print_help(FILE *out) {
  fprintf(out, "ebb %s: diffusion models for simulation-based inference\n\n", EBB_VERSION);
  for (size_t i = 0; i < COUNT(all); i++) fprintf(out, "  ebb %-9s %-45s %s\n", all[i].name, all[i].arguments, all[i].does);
  fprintf(out, "  ebb %-9s %-45s %s\n", "METRIC", "DRAWS REFERENCE [--KEY VALUE]", "any metric plugin on two files, e.g. ebb c2st a.npy b.npy");
  fprintf(out, "\n"
               "  --set path=value   change the spec, e.g. --set sampling.sampler.use=heun (again for more)\n"
               "  --threads N        default: all that the job may use\n"
               "  --block N          rows a thread holds while sampling\n"
               "  --runs DIR         folder of runs (runs)      --name NAME  of this run (the spec's file name)\n"
               "  --plugin-dir DIR   look for plugins there first      --plugin FILE  load this one\n"
               "  --allow-commands   let the spec run the programs that it names (simulator command)\n"
               "  --trust-plugins    do not check the permissions of plugin files\n"
               "  --quiet            warnings and errors only      --log text|json\n"
               "  --json             of plugins, describe, runs, show\n");
}

static void stop(int signal) {
  if (run_stop) { /* asked twice: at once */
    static const char text[] = "\nstopped at once; the last checkpoint stands\n";
    process_kill_all();
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(128 + signal);
    _exit(128 + signal);
  }
  run_stop = signal;
}

static void install_signals(void) {
  struct sigaction action = {.sa_handler = stop};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  breadcrumb_install();
}

static int exit_status(EbbStatus status) {
  if (status == EBB_OK) return EXIT_DONE;
  if (status == EBB_E_CANCELLED && run_stop) return 128 + (int)run_stop;
  return status == EBB_E_CONFIG ? EXIT_USAGE : EXIT_FAILED;
}

static EbbStatus dispatch(Session *s) {
  const char *word = s->options->command;
  for (size_t i = 0; i < COUNT(all); i++) {
    const Command *c = &all[i];
    if (strcmp(c->name, word) != 0) continue;
    if (s->options->owns > 0) return options_unknown(s->options->own[0], NULL, 0);
    if (s->options->arguments < c->least || s->options->arguments > c->most) return fail(EBB_E_CONFIG, "usage: ebb %s %s", c->name, c->arguments);
    return c->run(s);
  }
  if (cmd_metric_known(s)) return cmd_metric(s);
  const char *names[COUNT(all)];
  for (size_t i = 0; i < COUNT(all); i++) names[i] = all[i].name;
  const char *near = nearest(word, names, COUNT(all));
  return near != NULL ? fail(EBB_E_CONFIG, "unknown command %s; did you mean %s?", word, near)
                      : fail(EBB_E_CONFIG,
                             "unknown command %s: neither built in nor a metric; `ebb help` lists the commands, `ebb plugins` the metrics", word);
}

int main(int argc, char **argv) {
  Arena *arena = arena_new();
  Options options;
  EbbStatus status = options_parse(arena, argc, argv, &options);
  Session session = {.arena = arena, .options = &options};
  if (status == EBB_OK && options.command == NULL) {
    print_help(stderr);
    arena_free(arena);
    return EXIT_USAGE;
  }
  if (status == EBB_OK && strcmp(options.command, "help") == 0) {
    print_help(stdout);
    arena_free(arena);
    return EXIT_DONE;
  }
  log_setup((LogOptions){options.quiet, options.log_json});
  install_signals();
  if (status == EBB_OK) status = isa_setup(getenv("EBB_ISA"));
  if (status == EBB_OK && strcmp(options.command, "version") == 0) {
    printf("ebb %s (build %s, %s)\n", EBB_VERSION, build_id(), isa_name());
    arena_free(arena);
    return EXIT_DONE;
  }
  if (status == EBB_OK) {
    RegistryOptions where = {options.plugin_folder, options.plugin_folders, options.plugin_file, options.plugin_files, options.trust};
    status = registry_new(&where, &session.registry);
    if (status == EBB_OK) parameters_register(session.registry);
    if (status == EBB_OK) registry_add(session.registry, &command_component);
    if (status == EBB_E_IO) status = EBB_E_CONFIG; /* a folder or plugin that is not there is wrong usage */
  }
  if (status == EBB_OK) status = dispatch(&session);
  if (status == EBB_OK && (fflush(stdout) != 0 || ferror(stdout))) status = fail(EBB_E_IO, "cannot write to the standard output");
  if (status != EBB_OK) log_line(LOG_ERROR, "%s", fail_text());
  if (status == EBB_E_CANCELLED) log_line(LOG_INFO, "the same command goes on from there");
  int code = exit_status(status);
  pool_free(session.pool);
  registry_free(session.registry);
  arena_free(arena);
  return code;
}
