/* SPDX-License-Identifier: MIT
 *
 * Philox4x32-10 with addressed counters (see <ebb/rng.h> for the addressing), uniforms, normals by Box-Muller in double, bytes for dropout masks, and
 * keyed permutations. All pure functions. */
#ifndef EBB_NUM_RANDOM_H
#define EBB_NUM_RANDOM_H

#include <ebb/rng.h>

#include "base/base.h"

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]); /* ten rounds */
void random_key(EbbRng, uint32_t key[2]); /* mix of seed and stream, splitmix64 twice: streams of one seed and seeds of one stream are unrelated */

/* out [rows][n]; row r addressed by (id[r], step ? step[r] : 0, block). Uniforms in (0, 1) from 53 bits. Position j of a row does not depend on n. */
void random_uniform(EbbRng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out);
void random_normal(EbbRng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double *out);
void random_normal_f32(EbbRng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, float *out,
                       int64_t out_row); /* the same numbers, rounded */
/* keep[i][j] = 1 with probability 1 - rate (to 1/65536), else 0; 16 bits an element; fast (vectorised over counters). */
void random_keep(EbbRng, int64_t rows, const uint64_t *id, const uint32_t *step, uint32_t block, int64_t n, double rate, uint8_t *keep,
                 int64_t keep_row);
/* A random permutation of 0..n-1 addressed by (rng, id): Fisher-Yates over addressed numbers. */
void random_permutation(EbbRng, uint64_t id, int64_t n, int64_t *out);

#endif
