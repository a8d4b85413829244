/* SPDX-License-Identifier: MIT
 *
 * Calls of the executable `ebb` from a test: each test has a folder of its own, commands are lines of sh that run in it, what they print is kept.
 * Lines know $EBB (the executable), $PLUGINS (the folder of these tests' plugins) and $BROKEN (the folder of plugins with faults). */
#ifndef EBB_TESTS_EBB_H
#define EBB_TESTS_EBB_H

#include <sys/types.h>

#include "base/json.h"
#include "base/npy.h"
#include "folder.h"
#include "test.h"

typedef struct Call {
  int status; /* exit status; 128 + n after signal n, as in a shell */
  char *out, *err;
} Call;

/* One line of sh, to its end. */
Call sh(const Folder *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line that goes on beside the test; when it begins with exec, the process is the command itself. */
typedef struct Child {
  pid_t process;
  int number; /* of its files of output */
} Child;
Child sh_begin(const Folder *, const char *format, ...) __attribute__((format(printf, 2, 3)));
Call sh_end(const Folder *, Child);
/* Whether the process is still there after so many seconds. */
bool sh_lasts(Child, double seconds);
void wait_seconds(double);

/* A check that shows what the call printed when it fails. */
#define EXPECT(call, condition)                                                                                                                      \
  do {                                                                                                                                               \
    bool good_ = (condition);                                                                                                                        \
    if (!good_) call_show(&(call), #condition, __FILE__, __LINE__);                                                                                  \
    CU_ASSERT(good_);                                                                                                                                \
  } while (0)
void call_show(const Call *, const char *what, const char *file, int line);
/* Exit status and, unless NULL, a text in what was printed. */
#define ENDS(call, code, text) EXPECT(call, (call).status == (code) && call_says(&(call), text))
bool call_says(const Call *, const char *text);

/* Processes that have the folder's path among their arguments. */
int processes_of(const Folder *);

/* The interpreter for tests that read what Ebb leaves: EBB_PYTHON, or python3; whether it has the packages, else says why the test is skipped. */
const char *python(void);
bool has_python(const Folder *, const char *packages);

/* ---- Files of the folder, by their path in it ---- */

void put_text(const Folder *, const char *path, const char *text);
void put_rows(const Folder *, const char *path, int64_t rows, int64_t columns, const float *value);
char *get_text(const Folder *, const char *path); /* "" if it cannot be read */
/* The hash of a file, which is how "the same bits" is checked; "(none)" if it cannot be read, which equals no hash. */
char *bits(const Folder *, const char *path);
/* float32 numbers of an array, *n of them; NULL if it is none. shape (unless NULL) as text, "(2, 300, 2)". */
const float *get_floats(const Folder *, const char *path, int64_t *n, const char **shape);
/* A member of a JSON file by keys and places, such as "stages.2.failed_rows"; NULL if there is none. */
const Json *get_json(const Folder *, const char *path, const char *member);
double get_number(const Folder *, const char *path, const char *member); /* NaN if there is none */
/* A number of summary.csv: of one observation and parameter, by the column's name. */
double get_summary(const Folder *, const char *path, int observation, const char *parameter, const char *column);
/* A value of metrics.csv: of the n-th line (counted from 0) of this name, parameter and observation (0: of all); NaN if there is none. */
double get_value(const Folder *, const char *path, const char *name, int observation, const char *parameter, int n);

/* A spec of two moons that takes a second: 600 simulations, width 32, 300 draws for observations 1 and 2. */
extern const char *const small_spec;

/* Reproducible pauses of the tests that stop and kill: uniform in (0, 1), of the seed set before. */
void pause_seed(uint64_t);
double pause_uniform(void);

#endif
