/* SPDX-License-Identifier: MIT
 *
 * Random numbers are addressed, never consumed: a number is a pure function of (seed, stream, id, step, block, position). The same draw gets the same
 * noise whatever the block size, thread count or shard, and a killed run goes on with the same bits. Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011):
 *
 *     key     = mix(seed, stream)
 *     counter = (id low, id high, step, block << 20 | position / 2)
 *
 * A stream is a purpose and a component instance in one number, given by the host: a predictor and its corrector never draw the same. id is
 * observation << 32 | draw for sampling, the row's index for simulations. block numbers independent uses within one step. Plugins never seed. */
#ifndef EBB_RNG_H
#define EBB_RNG_H

#include <ebb/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EbbRng {
  uint64_t seed;
  uint32_t stream;
} EbbRng;

#ifdef __cplusplus
}
#endif
#endif
