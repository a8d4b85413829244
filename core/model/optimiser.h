/* SPDX-License-Identifier: MIT
 *
 * The numbers that drive a training step: learning rate, AdamW's corrections, clipping, EMA (methods.md 3.6). Pure functions of the step, counted
 * from 1. The pass over the weights itself is kernels->adam. */
#ifndef EBB_MODEL_OPTIMISER_H
#define EBB_MODEL_OPTIMISER_H

#include "base/base.h"
#include "num/kernels.h"
#include "num/random.h"

/* Linear warm-up from a tenth of rate over the first `warmup` share of the steps, then a cosine to 0 at the end. */
double learning_rate(double rate, double warmup, int64_t step, int64_t steps);
/* Share of the average that stays at step k: power (Karras 2024, 2312.02696): (1 - 1/k)^(gamma + 1). constant: min(mu, (1 + k)/(10 + k)). */
double ema_gamma(double relative_width); /* solves sigma_rel = sqrt((g+1)/((g+2)^2 (g+3))) for g; (0, .28) */
double ema_power_keep(double gamma, int64_t step);
double ema_constant_keep(double mu, int64_t step);
/* Adam(.9, .999, 1e-8) at a step; scale = the gradient's factor (1, or clip/norm when norm > clip > 0). */
AdamStep adam_step(double rate, double scale, double ema_keep, int64_t step);
double clip_scale(double norm, double clip); /* clip 0: no clipping */

/* Low-discrepancy times of a batch (methods.md 3.7): u[i] = frac(u0 + perm(i)/n), one in each stratum; addressed by step. In (0, 1). */
void stratified_times(EbbRng, uint64_t step, int64_t n, double *u);

#endif
