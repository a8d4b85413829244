/* SPDX-License-Identifier: MIT
 *
 * What the conformance suites share: every registered component of a kind (Ebb's own and the test-only ones of tests/conformance/plugins), instances
 * made from a line of YAML as a spec would, and the checks that hold for any kind. */
#ifndef EBB_TESTS_SUITE_H
#define EBB_TESTS_SUITE_H

#include <math.h>
#include <string.h>

#include <ebb/schedule.h>

#include "plugin/plugin.h"
#include "test.h"

/* Prints which case failed, with what, and counts it. */
#define CHECK(condition, ...)                                                                                                                        \
  do {                                                                                                                                               \
    int suite_holds_ = (condition);                                                                                                                  \
    if (!suite_holds_) {                                                                                                                             \
      printf("\n    %s:%d: ", __FILE__, __LINE__);                                                                                                   \
      printf(__VA_ARGS__);                                                                                                                           \
    }                                                                                                                                                \
    CU_ASSERT(suite_holds_);                                                                                                                         \
  } while (0)
#define CHECK_OK(call) suite_ok((call), __FILE__, __LINE__, #call)
#define CHECK_NEAR(got, wanted, tolerance, ...) suite_near((got), (wanted), (tolerance), __FILE__, __LINE__, __VA_ARGS__)
void suite_ok(EbbStatus, const char *file, int line, const char *call);
void suite_near(double got, double wanted, double tolerance, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Opened at first use; lives as long as the process. */
Arena *suite_arena(void);
Registry *suite_registry(void);
/* Ids of a kind, sorted. Never none: that is a failure, counted here. */
const EbbComponent *const *suite_all(uint32_t kind, size_t *n);

/* An instance of "{use: ddim, steps: 10}" or "ddim". Ends the process with the message if it cannot be made; suite_try returns the status. */
EbbChild suite_make(uint32_t kind, const char *yaml);
EbbStatus suite_try(uint32_t kind, const char *yaml, EbbChild *out);
/* The settings of a component with `steps` set where it has that key: "{use: ddim, steps: 10}". */
const char *suite_with(const EbbComponent *, const char *key, double value);
bool suite_has(const EbbComponent *, const char *key);

/* Any kind: it says what it is, its defaults make an instance, each number's least and most value makes one or is refused with a message. */
void suite_check_descriptions(uint32_t kind);

/* The schedule as others see it, with bisection and the time-uniform training law where the plugin has none. */
typedef struct Schedule {
  EbbSchedule view; /* first: passed as the schedule */
  const EbbScheduleOps *ops;
  const void *self;
} Schedule;
void suite_schedule(const EbbChild *, Schedule *out);

#endif
