/* SPDX-License-Identifier: MIT
 *
 * The binary interface, frozen: the size of every public struct and the place of every member, as plugins that exist were built with them. A row that
 * fails means that those plugins would read the wrong bytes: give EBB_ABI_MINOR (from 1.0 on, where members were not only appended, EBB_ABI_MAJOR) a
 * new number in the same commit as the row. Numbers that are written into files and tables stand below. */
#include <string.h>

#include <ebb/ebb.h>

#include "test.h"

/* A translation unit of C++17 with the same headers; absent without a C++ compiler. */
#ifdef EBB_CXX
size_t abi_cxx_sizes(void);
int abi_cxx_module_is_sound(const EbbModule *);
extern const EbbModule ebb_module;
#endif

typedef struct Row {
  const char *name;
  size_t found, frozen;
} Row;

#define SIZE(type, n)                                                                                                                                \
  { "sizeof " #type, sizeof(type), n }
#define AT(type, member, n)                                                                                                                          \
  { #type "." #member, offsetof(type, member), n }

/* clang-format off */
static const Row rows[] = {
    SIZE(EbbRng, 16), AT(EbbRng, seed, 0), AT(EbbRng, stream, 8),
    SIZE(EbbInts, 16), AT(EbbInts, count, 0), AT(EbbInts, value, 8),
    SIZE(EbbReals, 16), AT(EbbReals, count, 0), AT(EbbReals, value, 8),
    SIZE(EbbChild, 32), AT(EbbChild, kind, 0), AT(EbbChild, stream, 4), AT(EbbChild, component, 8), AT(EbbChild, ops, 16), AT(EbbChild, self, 24),
    SIZE(EbbChildren, 16), AT(EbbChildren, count, 0), AT(EbbChildren, child, 8),
    SIZE(EbbParam, 88), AT(EbbParam, key, 0), AT(EbbParam, type, 8), AT(EbbParam, flags, 12), AT(EbbParam, offset, 16), AT(EbbParam, number, 24),
      AT(EbbParam, min, 32), AT(EbbParam, max, 40), AT(EbbParam, text, 48), AT(EbbParam, unit, 56), AT(EbbParam, doc, 64), AT(EbbParam, kind, 72),
      AT(EbbParam, group, 80),
    SIZE(EbbComponent, 88), AT(EbbComponent, size, 0), AT(EbbComponent, kind, 4), AT(EbbComponent, id, 8), AT(EbbComponent, summary, 16),
      AT(EbbComponent, version, 24), AT(EbbComponent, reference, 32), AT(EbbComponent, flags, 40), AT(EbbComponent, config_size, 44),
      AT(EbbComponent, params, 48), AT(EbbComponent, ops, 56), AT(EbbComponent, create, 64), AT(EbbComponent, destroy, 72), AT(EbbComponent, data, 80),
    SIZE(EbbModule, 48), AT(EbbModule, magic, 0), AT(EbbModule, abi_major, 4), AT(EbbModule, abi_minor, 6), AT(EbbModule, size, 8),
      AT(EbbModule, host_size, 12), AT(EbbModule, component_size, 16), AT(EbbModule, param_size, 20), AT(EbbModule, build_flags, 24),
      AT(EbbModule, build, 32), AT(EbbModule, components, 40),
    SIZE(EbbProduct, 104), AT(EbbProduct, m, 0), AT(EbbProduct, n, 8), AT(EbbProduct, k, 16), AT(EbbProduct, a, 24), AT(EbbProduct, a_row, 32),
      AT(EbbProduct, a_col, 40), AT(EbbProduct, b, 48), AT(EbbProduct, b_row, 56), AT(EbbProduct, init, 64), AT(EbbProduct, init_row, 72),
      AT(EbbProduct, c, 80), AT(EbbProduct, c_row, 88), AT(EbbProduct, relu, 96),
    SIZE(EbbHost, 88), AT(EbbHost, size, 0), AT(EbbHost, fail, 8), AT(EbbHost, alloc, 16), AT(EbbHost, scratch, 24), AT(EbbHost, normal, 32),
      AT(EbbHost, uniform, 40), AT(EbbHost, eigh, 48), AT(EbbHost, solve, 56), AT(EbbHost, product, 64), AT(EbbHost, parallel, 72), AT(EbbHost, data, 80),
    SIZE(EbbLevel, 64), AT(EbbLevel, t, 0), AT(EbbLevel, alpha, 8), AT(EbbLevel, sigma, 16), AT(EbbLevel, dalpha, 24), AT(EbbLevel, dsigma, 32),
      AT(EbbLevel, lambda, 40), AT(EbbLevel, dlambda, 48), AT(EbbLevel, index, 56),
    SIZE(EbbSchedule, 56), AT(EbbSchedule, size, 0), AT(EbbSchedule, ctx, 8), AT(EbbSchedule, t_min, 16), AT(EbbSchedule, t_max, 24),
      AT(EbbSchedule, at, 32), AT(EbbSchedule, inverse, 40), AT(EbbSchedule, train, 48),
    SIZE(EbbScheduleOps, 40), AT(EbbScheduleOps, size, 0), AT(EbbScheduleOps, at, 8), AT(EbbScheduleOps, range, 16), AT(EbbScheduleOps, inverse, 24),
      AT(EbbScheduleOps, train, 32),
    SIZE(EbbQuery, 80), AT(EbbQuery, size, 0), AT(EbbQuery, flags, 4), AT(EbbQuery, rows, 8), AT(EbbQuery, dim, 16), AT(EbbQuery, z, 24),
      AT(EbbQuery, at, 32), AT(EbbQuery, at_step, 40), AT(EbbQuery, id, 48), AT(EbbQuery, asked, 56), AT(EbbQuery, accepted, 64),
      AT(EbbQuery, set, 72),
    SIZE(EbbField, 48), AT(EbbField, size, 0), AT(EbbField, kind, 4), AT(EbbField, dim, 8), AT(EbbField, ctx, 16), AT(EbbField, eval, 24),
      AT(EbbField, jvp, 32), AT(EbbField, vjp, 40),
    SIZE(EbbItems, 40), AT(EbbItems, size, 0), AT(EbbItems, n, 8), AT(EbbItems, chunk, 16), AT(EbbItems, ctx, 24), AT(EbbItems, pull, 32),
    SIZE(EbbFactor, 64), AT(EbbFactor, size, 0), AT(EbbFactor, ctx, 8), AT(EbbFactor, dim, 16), AT(EbbFactor, k, 24), AT(EbbFactor, log_weight, 32),
      AT(EbbFactor, a, 40), AT(EbbFactor, precision, 48), AT(EbbFactor, eval, 56),
    SIZE(EbbPrepare, 88), AT(EbbPrepare, size, 0), AT(EbbPrepare, host, 8), AT(EbbPrepare, schedule, 16), AT(EbbPrepare, rng, 24),
      AT(EbbPrepare, dim, 40), AT(EbbPrepare, items, 48), AT(EbbPrepare, factor, 56), AT(EbbPrepare, prior_mean, 64), AT(EbbPrepare, prior_cov, 72),
      AT(EbbPrepare, draws, 80),
    SIZE(EbbDraws, 48), AT(EbbDraws, size, 0), AT(EbbDraws, n, 8), AT(EbbDraws, dim, 16), AT(EbbDraws, x, 24), AT(EbbDraws, log_q, 32),
      AT(EbbDraws, factor, 40),
    SIZE(EbbGuidanceOps, 40), AT(EbbGuidanceOps, size, 0), AT(EbbGuidanceOps, flags, 4), AT(EbbGuidanceOps, needs, 8),
      AT(EbbGuidanceOps, prepare, 16), AT(EbbGuidanceOps, eval, 24), AT(EbbGuidanceOps, weigh, 32),
    SIZE(EbbCompositionOps, 40), AT(EbbCompositionOps, size, 0), AT(EbbCompositionOps, flags, 4), AT(EbbCompositionOps, result, 8),
      AT(EbbCompositionOps, needs, 16), AT(EbbCompositionOps, prepare, 24), AT(EbbCompositionOps, combine, 32),
    SIZE(EbbLayout, 40), AT(EbbLayout, size, 0), AT(EbbLayout, kind, 4), AT(EbbLayout, n, 8), AT(EbbLayout, width, 16), AT(EbbLayout, nx, 24),
      AT(EbbLayout, ny, 32),
    SIZE(EbbData, 88), AT(EbbData, size, 0), AT(EbbData, layout, 8), AT(EbbData, rows, 48), AT(EbbData, value, 56), AT(EbbData, stamp, 64),
      AT(EbbData, count, 72), AT(EbbData, token, 80),
    SIZE(EbbParameter, 48), AT(EbbParameter, name, 0), AT(EbbParameter, lower, 8), AT(EbbParameter, upper, 16), AT(EbbParameter, p, 24),
      AT(EbbParameter, family, 40), AT(EbbParameter, local, 44),
    SIZE(EbbModelInfo, 152), AT(EbbModelInfo, size, 0), AT(EbbModelInfo, theta, 8), AT(EbbModelInfo, data, 48), AT(EbbModelInfo, parameter, 88),
      AT(EbbModelInfo, edge, 96), AT(EbbModelInfo, edges, 104), AT(EbbModelInfo, observations, 112),
      AT(EbbModelInfo, correlation, 120), AT(EbbModelInfo, data_name, 128), AT(EbbModelInfo, block, 136), AT(EbbModelInfo, calls, 144),
    SIZE(EbbSimulatorOps, 64), AT(EbbSimulatorOps, size, 0), AT(EbbSimulatorOps, describe, 8), AT(EbbSimulatorOps, simulate, 16),
      AT(EbbSimulatorOps, prior, 24), AT(EbbSimulatorOps, log_prior, 32), AT(EbbSimulatorOps, log_likelihood, 40),
      AT(EbbSimulatorOps, observation, 48), AT(EbbSimulatorOps, reference, 56),
    SIZE(EbbObjectiveNeeds, 24), AT(EbbObjectiveNeeds, size, 0), AT(EbbObjectiveNeeds, wants, 4), AT(EbbObjectiveNeeds, prediction, 8),
      AT(EbbObjectiveNeeds, result, 12), AT(EbbObjectiveNeeds, keep, 16),
    SIZE(EbbBatch, 304), AT(EbbBatch, size, 0), AT(EbbBatch, rows, 8), AT(EbbBatch, dim, 16), AT(EbbBatch, tokens, 24), AT(EbbBatch, keep_step, 32),
      AT(EbbBatch, step, 40), AT(EbbBatch, steps, 48), AT(EbbBatch, schedule, 56), AT(EbbBatch, rng, 64), AT(EbbBatch, id, 80),
      AT(EbbBatch, draw, 88), AT(EbbBatch, u, 96), AT(EbbBatch, lambda, 104), AT(EbbBatch, x, 112), AT(EbbBatch, noise, 120),
      AT(EbbBatch, teacher, 128), AT(EbbBatch, z, 136), AT(EbbBatch, z2, 144), AT(EbbBatch, dz, 152), AT(EbbBatch, keep, 160), AT(EbbBatch, at, 168),
      AT(EbbBatch, at2, 176), AT(EbbBatch, dlambda, 184), AT(EbbBatch, token, 192), AT(EbbBatch, out, 200), AT(EbbBatch, out2, 208),
      AT(EbbBatch, jout, 216), AT(EbbBatch, target, 224), AT(EbbBatch, base, 232), AT(EbbBatch, gain, 240), AT(EbbBatch, base2, 248),
      AT(EbbBatch, gain2, 256), AT(EbbBatch, w, 264), AT(EbbBatch, scale, 272), AT(EbbBatch, loss, 280), AT(EbbBatch, dw, 288),
      AT(EbbBatch, grad, 296),
    SIZE(EbbPairs, 72), AT(EbbPairs, size, 0), AT(EbbPairs, rows, 8), AT(EbbPairs, dim, 16), AT(EbbPairs, q, 24), AT(EbbPairs, step, 32),
      AT(EbbPairs, x, 40), AT(EbbPairs, noise, 48), AT(EbbPairs, y, 56), AT(EbbPairs, take, 64),
    SIZE(EbbObjectiveOps, 40), AT(EbbObjectiveOps, size, 0), AT(EbbObjectiveOps, needs, 8), AT(EbbObjectiveOps, pair, 16),
      AT(EbbObjectiveOps, corrupt, 24), AT(EbbObjectiveOps, loss, 32),
    SIZE(EbbGraph, 112), AT(EbbGraph, size, 0), AT(EbbGraph, ctx, 8), AT(EbbGraph, host, 16), AT(EbbGraph, width, 24), AT(EbbGraph, linear, 32),
      AT(EbbGraph, add, 40), AT(EbbGraph, mul, 48), AT(EbbGraph, scale, 56), AT(EbbGraph, concat, 64), AT(EbbGraph, slice, 72), AT(EbbGraph, act, 80),
      AT(EbbGraph, layernorm, 88), AT(EbbGraph, embed_time, 96), AT(EbbGraph, dropout, 104),
    SIZE(EbbInputs, 120), AT(EbbInputs, size, 0), AT(EbbInputs, theta, 8), AT(EbbInputs, data, 48), AT(EbbInputs, z, 88), AT(EbbInputs, lambda, 92),
      AT(EbbInputs, value, 96), AT(EbbInputs, stamp, 100), AT(EbbInputs, count, 104), AT(EbbInputs, token, 108), AT(EbbInputs, drop, 112),
      AT(EbbInputs, edges, 116),
    SIZE(EbbNetworkOps, 16), AT(EbbNetworkOps, size, 0), AT(EbbNetworkOps, roles, 4), AT(EbbNetworkOps, build, 8),
    SIZE(EbbPlan, 80), AT(EbbPlan, size, 0), AT(EbbPlan, flags, 4), AT(EbbPlan, host, 8), AT(EbbPlan, schedule, 16), AT(EbbPlan, rng, 24),
      AT(EbbPlan, factor, 40), AT(EbbPlan, dim, 48), AT(EbbPlan, items, 56), AT(EbbPlan, n, 64), AT(EbbPlan, level, 72),
    SIZE(EbbSamplerNeeds, 24), AT(EbbSamplerNeeds, size, 0), AT(EbbSamplerNeeds, wants, 4), AT(EbbSamplerNeeds, state, 8),
      AT(EbbSamplerNeeds, group, 16),
    SIZE(EbbRows, 160), AT(EbbRows, size, 0), AT(EbbRows, rows, 8), AT(EbbRows, dim, 16), AT(EbbRows, state_step, 24), AT(EbbRows, id, 32),
      AT(EbbRows, asked, 40), AT(EbbRows, accepted, 48), AT(EbbRows, at, 56), AT(EbbRows, at_step, 64), AT(EbbRows, xhat, 72), AT(EbbRows, div, 80),
      AT(EbbRows, log_r, 88), AT(EbbRows, twist, 96), AT(EbbRows, z, 104), AT(EbbRows, t, 112), AT(EbbRows, level, 120), AT(EbbRows, ask, 128),
      AT(EbbRows, state, 136), AT(EbbRows, logdet, 144), AT(EbbRows, log_weight, 152),
    SIZE(EbbSamplerOps, 48), AT(EbbSamplerOps, size, 0), AT(EbbSamplerOps, accepts, 4), AT(EbbSamplerOps, steps, 8), AT(EbbSamplerOps, levels, 16),
      AT(EbbSamplerOps, prepare, 24), AT(EbbSamplerOps, begin, 32), AT(EbbSamplerOps, advance, 40),
    SIZE(EbbMetricNeeds, 24), AT(EbbMetricNeeds, size, 0), AT(EbbMetricNeeds, flags, 4), AT(EbbMetricNeeds, sets, 8), AT(EbbMetricNeeds, draws, 16),
    SIZE(EbbEvidence, 192), AT(EbbEvidence, size, 0), AT(EbbEvidence, host, 8), AT(EbbEvidence, rng, 16), AT(EbbEvidence, sets, 32),
      AT(EbbEvidence, draws, 40), AT(EbbEvidence, dim, 48), AT(EbbEvidence, references, 56), AT(EbbEvidence, priors, 64), AT(EbbEvidence, set, 72),
      AT(EbbEvidence, name, 80), AT(EbbEvidence, data, 88), AT(EbbEvidence, theta, 96), AT(EbbEvidence, truth, 104), AT(EbbEvidence, reference, 112),
      AT(EbbEvidence, prior, 120), AT(EbbEvidence, log_q, 128), AT(EbbEvidence, log_q_truth, 136), AT(EbbEvidence, evaluations, 144),
      AT(EbbEvidence, seconds, 152), AT(EbbEvidence, simulate, 160),
      AT(EbbEvidence, lower, 168), AT(EbbEvidence, upper, 176), AT(EbbEvidence, observed, 184),
    SIZE(EbbReport, 32), AT(EbbReport, size, 0), AT(EbbReport, ctx, 8), AT(EbbReport, value, 16), AT(EbbReport, curve, 24),
    SIZE(EbbMetricOps, 24), AT(EbbMetricOps, size, 0), AT(EbbMetricOps, needs, 8), AT(EbbMetricOps, compute, 16),
    SIZE(EbbArray, 80), AT(EbbArray, group, 0), AT(EbbArray, name, 8), AT(EbbArray, type, 16), AT(EbbArray, ndim, 24), AT(EbbArray, shape, 32),
      AT(EbbArray, data, 64), AT(EbbArray, dims, 72),
    SIZE(EbbRun, 56), AT(EbbRun, size, 0), AT(EbbRun, arrays, 8), AT(EbbRun, array, 16), AT(EbbRun, manifest, 24), AT(EbbRun, spec, 32),
      AT(EbbRun, version, 40), AT(EbbRun, started, 48),
    SIZE(EbbSinkOps, 16), AT(EbbSinkOps, size, 0), AT(EbbSinkOps, write, 8),
};
/* clang-format on */

static void sizes_and_offsets_are_what_they_were(void) {
  for (size_t i = 0; i < COUNT(rows); i++) {
    if (rows[i].found != rows[i].frozen) printf("\n    %s is %zu, was %zu", rows[i].name, rows[i].found, rows[i].frozen);
    CU_ASSERT_EQUAL(rows[i].found, rows[i].frozen);
  }
}

#define IS(name, n)                                                                                                                                  \
  { #name, (size_t)(name), n }
/* clang-format off */
static const Row numbers[] = {
    IS(EBB_OK, 0), IS(EBB_ROW_INVALID, 1), IS(-EBB_E_CONFIG, 1), IS(-EBB_E_SHAPE, 2), IS(-EBB_E_NUMERIC, 3), IS(-EBB_E_MEMORY, 4), IS(-EBB_E_IO, 5),
      IS(-EBB_E_ABI, 6), IS(-EBB_E_UNSUPPORTED, 7), IS(-EBB_E_CANCELLED, 8), IS(EBB_SIMULATOR, 1), IS(EBB_NETWORK, 2), IS(EBB_SCHEDULE, 3),
      IS(EBB_OBJECTIVE, 4), IS(EBB_SAMPLER, 5), IS(EBB_GUIDANCE, 6), IS(EBB_COMPOSITION, 7), IS(EBB_METRIC, 8), IS(EBB_SINK, 9), IS(EBB_T_END, 0),
      IS(EBB_T_BOOL, 1), IS(EBB_T_INT, 2), IS(EBB_T_REAL, 3), IS(EBB_T_CHOICE, 4), IS(EBB_T_STRING, 5), IS(EBB_T_INTS, 6), IS(EBB_T_REALS, 7),
      IS(EBB_T_COMPONENT, 8), IS(EBB_T_SEED, 9), IS(EBB_T_GROUP, 10), IS(EBB_T_COMPONENTS, 11), IS(EBB_T_STRINGS, 12), IS(EBB_PRIOR, 10), IS(EBB_P_REQUIRED, 1), IS(EBB_P_OPEN_MIN, 2),
      IS(EBB_P_OPEN_MAX, 4), IS(EBB_P_FREE, 8), IS(EBB_MAGIC, 1164075569), IS(EBB_BUILD_FAST_MATH, 1), IS(EBB_BUILD_NDEBUG, 2), IS(EBB_MEAN, 1),
      IS(EBB_MEAN_ODE, 2), IS(EBB_MAP, 4), IS(EBB_BRIDGE, 8), IS(EBB_Q_NULL, 1), IS(EBB_NEED_JVP, 1), IS(EBB_NEED_VJP, 2), IS(EBB_NEED_NULL, 4),
      IS(EBB_NEED_DRAWS, 8), IS(EBB_NEED_FACTOR, 16), IS(EBB_NEED_LOGP, 32), IS(EBB_NEED_MOMENTS, 64), IS(EBB_IDENTITY, 128), IS(EBB_AT_ITEM, 1),
      IS(EBB_AT_TOTAL, 2), IS(EBB_AT_END, 4), IS(EBB_LINEAR, 8), IS(EBB_VECTOR, 1), IS(EBB_SET, 2), IS(EBB_SERIES, 3), IS(EBB_GRID, 4),
      IS(EBB_PRIOR_OWN, 0), IS(EBB_PRIOR_NORMAL, 1), IS(EBB_PRIOR_LOGNORMAL, 2), IS(EBB_PRIOR_UNIFORM, 3), IS(EBB_PRIOR_BETA, 4),
      IS(EBB_PRIOR_GAMMA, 5), IS(EBB_PRIOR_EXPONENTIAL, 6), IS(EBB_PRIOR_HALF_NORMAL, 7), IS(EBB_PRIOR_TRUNCATED_NORMAL, 8),
      IS(EBB_PRIOR_CORRELATED_NORMAL, 9), IS(EBB_PRIOR_UNKNOWN, 10), IS(EBB_PREDICT_X, 0),
      IS(EBB_PREDICT_NOISE, 1), IS(EBB_PREDICT_V, 2), IS(EBB_PREDICT_VELOCITY, 3), IS(EBB_PREDICT_SCORE, 4), IS(EBB_PREDICT_F, 5),
      IS(EBB_PREDICT_BOUNDARY, 6), IS(EBB_OBJ_PAIR, 32),
      IS(EBB_OBJ_TWIN, 1), IS(EBB_OBJ_JVP, 2), IS(EBB_OBJ_TEACHER, 4), IS(EBB_OBJ_WEIGHT, 8), IS(EBB_OBJ_JOINT, 16), IS(EBB_TOKEN_LATENT, 0),
      IS(EBB_TOKEN_OBSERVED, 1), IS(EBB_TOKEN_MISSING, 2), IS(EBB_ACT_RELU, 1), IS(EBB_ACT_SILU, 2), IS(EBB_ACT_MISH, 3), IS(EBB_ACT_TANH, 4),
      IS(EBB_ACT_GELU, 5), IS(EBB_INIT_HE, 0), IS(EBB_INIT_GLOROT, 1), IS(EBB_INIT_ZERO, 2), IS(EBB_INIT_LECUN, 3), IS(EBB_NO_BIAS, 1),
      IS(EBB_ROLE_FIELD, 1), IS(EBB_ROLE_SUMMARY, 2), IS(EBB_STAGE, 0), IS(EBB_STEP, 1), IS(EBB_STATE, 3), IS(EBB_DONE, 4), IS(EBB_FAIL, 8),
      IS(EBB_PLAN_DENSITY, 1), IS(EBB_PLAN_MOVED, 2), IS(EBB_WANT_DIV, 1), IS(EBB_WANT_TWIST, 2), IS(EBB_NEED_REFERENCE, 1), IS(EBB_NEED_TRUTH, 2),
      IS(EBB_NEED_SIMULATE, 4), IS(EBB_NEED_PRIOR, 8), IS(EBB_NEED_DENSITY, 16),
};
/* clang-format on */

static void numbers_mean_what_they_meant(void) {
  for (size_t i = 0; i < COUNT(numbers); i++) {
    if (numbers[i].found != numbers[i].frozen) printf("\n    %s is %zu, was %zu", numbers[i].name, numbers[i].found, numbers[i].frozen);
    CU_ASSERT_EQUAL(numbers[i].found, numbers[i].frozen);
  }
}

/* Each ops table, evidence and plan starts with its size, by which the host knows what a plugin knew. */
static void tables_start_with_their_size(void) {
  size_t sized = 0;
  for (size_t i = 0; i + 1 < COUNT(rows); i++) {
    if (strncmp(rows[i].name, "sizeof ", 7) != 0) continue;
    const char *member = strchr(rows[i + 1].name, '.');
    if (member != NULL && strcmp(member, ".size") == 0) {
      CU_ASSERT_EQUAL(rows[i + 1].found, 0);
      sized++;
    }
    size_t n = strlen(rows[i].name);
    if (n > 3 && strcmp(rows[i].name + n - 3, "Ops") == 0) CU_ASSERT_STRING_EQUAL(member, ".size");
  }
  CU_ASSERT(sized > 20);
}

static void cxx_sees_the_same_structs(void) {
#ifdef EBB_CXX
  size_t sum = 0;
  for (size_t i = 0; i < COUNT(rows); i++)
    if (strncmp(rows[i].name, "sizeof Ebb", 10) == 0 && strstr(rows[i].name, "Ops") != NULL) sum += rows[i].found;
  CU_ASSERT_EQUAL(abi_cxx_sizes(), sum);
  CU_ASSERT(abi_cxx_module_is_sound(&ebb_module));
#else
  CU_PASS("no C++ compiler here");
#endif
}

static const Test tests[] = {
    {"sizes and offsets are what they were", sizes_and_offsets_are_what_they_were},
    {"numbers mean what they meant", numbers_mean_what_they_meant},
    {"tables start with their size", tables_start_with_their_size},
    {"C++ sees the same structs", cxx_sees_the_same_structs},
};

int main(void) {
  if (sizeof(void *) != 8 || sizeof(long) != 8) return test_skip("the table is that of 64-bit machines");
  return test_main("abi", tests, COUNT(tests));
}
