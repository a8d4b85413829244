/* SPDX-License-Identifier: MIT
 *
 * The peak: twelve independent chains of multiply-adds in registers, so that neither latency nor memory counts. */
#include "peak.h"

#include <math.h>

#include "base/pool.h"
#include "num/isa.h"

enum { CHAINS = 12, STEPS = 100000, REPETITIONS = 12 };

#if defined __x86_64__
#define CHAIN(wide, r) "vfmadd213ps %%" wide "14, %%" wide "15, %%" wide #r "\n\t"
#define SIX(of, a, b, c, d, e, f) of(a) of(b) of(c) of(d) of(e) of(f)
#define ZMM(r) CHAIN("zmm", r)
#define YMM(r) CHAIN("ymm", r)
#define XMM(r) "mulps %%xmm15, %%xmm" #r "\n\taddps %%xmm14, %%xmm" #r "\n\t"
#define TWELVE(of) SIX(of, 0, 1, 2, 3, 4, 5) SIX(of, 6, 7, 8, 9, 10, 11)
#define USED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm14", "xmm15"

static double lanes(void) { return isa_name()[3] == '5' ? 16 : isa_name()[3] == '2' ? 8 : 4; }
const char *peak_instructions(void) {
  return isa_name()[3] == '5' ? "512-bit multiply-adds" : isa_name()[3] == '2' ? "256-bit multiply-adds" : "128-bit multiplies and adds";
}

static EbbStatus chains(void *ctx, EbbWork *work, int64_t task) {
  (void)ctx, (void)work, (void)task;
  if (lanes() == 4) {
    __asm__ volatile("xorps %%xmm14, %%xmm14\n\txorps %%xmm15, %%xmm15" ::: USED);
    for (int i = 0; i < STEPS; i++) __asm__ volatile(TWELVE(XMM)::: USED);
    return EBB_OK;
  }
  __asm__ volatile("vzeroall" ::: USED);
  if (lanes() == 16)
    for (int i = 0; i < STEPS; i++) __asm__ volatile(TWELVE(ZMM)::: USED);
  else
    for (int i = 0; i < STEPS; i++) __asm__ volatile(TWELVE(YMM)::: USED);
  __asm__ volatile("vzeroupper" ::: USED);
  return EBB_OK;
}
#else
/* Vectors of four as the compiler makes them. */
typedef float Four __attribute__((vector_size(16)));
static double lanes(void) { return 4; }
const char *peak_instructions(void) { return "multiplies and adds of four, as compiled"; }

static EbbStatus chains(void *ctx, EbbWork *work, int64_t task) {
  (void)ctx, (void)work, (void)task;
  Four sum[CHAINS] = {{0}}, scale = {1, 1, 1, 1}, shift = {0};
  for (int i = 0; i < STEPS; i++)
    for (int k = 0; k < CHAINS; k++) {
      sum[k] = sum[k] * scale + shift;
      __asm__ volatile("" : "+w"(sum[k]));
    }
  return EBB_OK;
}
#endif

double peak(int threads) {
  Pool *pool;
  if (pool_new(threads, &pool) != EBB_OK) return NAN;
  double best = INFINITY;
  for (int r = 0; r < REPETITIONS; r++) {
    double start = seconds();
    pool_run(pool, threads, chains, NULL);
    best = fmin(best, seconds() - start);
  }
  pool_free(pool);
  return 2.0 * lanes() * CHAINS * STEPS * threads / best;
}
