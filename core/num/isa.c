/* SPDX-License-Identifier: MIT
 *
 * Finds what the processor and the operating system allow, and points `kernels` at the table. */
#include "num/isa.h"

#include <stdio.h>
#include <string.h>

#include "num/kernels.h"

#if defined __x86_64__
#include <cpuid.h>

/* __builtin_cpu_supports looks at XCR0 as well: an operating system that does not save the registers has no AVX. */
static bool runs_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool runs_avx512(void) {
  return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}
#else
const Kernels *kernels_avx512(void) { return NULL; }
const Kernels *kernels_avx2(void) { return NULL; }
static bool runs_avx2(void) { return false; }
static bool runs_avx512(void) { return false; }
#endif
static bool runs_portable(void) { return true; }

static const struct {
  const char *name;
  const Kernels *(*table)(void);
  bool (*runs)(void);
} sets[] = {
    {"avx512", kernels_avx512, runs_avx512}, {"avx2", kernels_avx2, runs_avx2}, {"portable", kernels_portable, runs_portable}}; /* best first */

const Kernels *kernels;

EbbStatus isa_setup(const char *wanted) {
  const bool any = !wanted || !*wanted;
  bool known = any;
  Str here = {0};
  const Kernels *found = NULL;
  for (size_t i = 0; i < COUNT(sets); i++) {
    known = known || strcmp(wanted, sets[i].name) == 0;
    if (!isa_has(sets[i].name)) continue;
    str_print(&here, "%s%s", here.length ? ", " : "", sets[i].name);
    if (!found && (any || strcmp(wanted, sets[i].name) == 0)) found = sets[i].table();
  }
  EbbStatus status = EBB_OK;
  if (found)
    kernels = found;
  else if (known)
    status =
        fail(EBB_E_CONFIG, "this machine cannot run the instruction set %s that EBB_ISA names; it has %s: name one of these or leave EBB_ISA unset",
             wanted, here.text);
  else
    status = fail(EBB_E_CONFIG, "EBB_ISA names no instruction set of Ebb: \"%s\"; this machine has %s", wanted, here.text);
  str_free(&here);
  return status;
}

const char *isa_name(void) { return kernels ? kernels->name : ""; }

bool isa_has(const char *name) {
  for (size_t i = 0; i < COUNT(sets); i++)
    if (strcmp(sets[i].name, name) == 0) return sets[i].table() && sets[i].runs();
  return false;
}

const char *cpu_name(void) {
  static char name[49];
#if defined __x86_64__
  unsigned int word[4];
  if (name[0] || !__get_cpuid(0x80000000u, &word[0], &word[1], &word[2], &word[3]) || word[0] < 0x80000004u) return name;
  for (unsigned int leaf = 0; leaf < 3; leaf++) {
    __get_cpuid(0x80000002u + leaf, &word[0], &word[1], &word[2], &word[3]);
    memcpy(name + 16 * leaf, word, sizeof word);
  }
  size_t end = strlen(name), begin = strspn(name, " ");
  while (end > begin && name[end - 1] == ' ') end--;
  memmove(name, name + begin, end - begin);
  name[end - begin] = 0;
#endif
  return name;
}
