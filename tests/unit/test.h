/* SPDX-License-Identifier: MIT
 *
 * What each suite's main does: register the table of tests, run them, leave with the number of failures (CUnit's own result does not say it). */
#ifndef EBB_TESTS_TEST_H
#define EBB_TESTS_TEST_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef COUNT
#define COUNT(array) (sizeof(array) / sizeof *(array))
#endif

typedef struct Test {
  const char *name;
  void (*run)(void);
} Test;

static inline int test_main(const char *suite, const Test *tests, size_t n) {
  if (CU_initialize_registry() != CUE_SUCCESS) return 99;
  CU_pSuite s = CU_add_suite(suite, NULL, NULL);
  for (size_t i = 0; i < n; i++) CU_add_test(s, tests[i].name, tests[i].run);
  CU_basic_set_mode(CU_BRM_VERBOSE);
  CU_basic_run_tests();
  unsigned failed = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
  CU_cleanup_registry();
  return failed > 0 ? 1 : 0;
}

/* Exit status of a suite that cannot run here: meson reports it as skipped; the reason is the last line printed. */
static inline int test_skip(const char *reason) {
  printf("SKIP: %s\n", reason);
  return 77;
}

/* static const Test tests[] = {{"a sentence", a_function}, ...};  TEST_MAIN("suite", tests) */
#define TEST_MAIN(suite, tests)                                                                                                                      \
  int main(void) { return test_main(suite, tests, COUNT(tests)); }

#endif
