// SPDX-License-Identifier: MIT
//
// The public headers in C++17: they compile, a plugin can be written, and the structs have the sizes they have in C. Part of test_abi.
#include <ebb/ebb.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

static_assert(std::is_standard_layout<EbbComponent>::value && std::is_standard_layout<EbbHost>::value && std::is_standard_layout<EbbRows>::value,
              "a C compiler must agree on the layout");

extern "C" std::size_t abi_cxx_sizes(void) {
  return sizeof(EbbScheduleOps) + sizeof(EbbGuidanceOps) + sizeof(EbbCompositionOps) + sizeof(EbbSimulatorOps) + sizeof(EbbObjectiveOps) +
         sizeof(EbbNetworkOps) + sizeof(EbbSamplerOps) + sizeof(EbbMetricOps) + sizeof(EbbSinkOps);
}

namespace {

struct Config {
  std::int64_t steps;
  double eta;
};

const EbbParam params[] = {
    EBB_INT(Config, steps, 5, 1, 100, "", "field evaluations a draw"),
    EBB_REAL(Config, eta, 0.5, 0, 1, "", "a share"),
    EBB_END,
};

std::int64_t steps(const void *self) { return static_cast<const Config *>(self)->steps; }

EbbStatus advance(const void *, const void *, const EbbPlan *, EbbWork *, EbbRows *r) {
  for (std::int64_t i = 0; i < r->rows; i++) {
    std::memcpy(r->z + i * r->dim, r->xhat + i * r->dim, static_cast<std::size_t>(r->dim) * sizeof(double));
    ebb_ask(r, i, EBB_DONE);
  }
  return EBB_OK;
}

EbbSamplerOps make_ops() {
  EbbSamplerOps ops = {};
  ops.size = sizeof ops;
  ops.accepts = EBB_MEAN;
  ops.steps = steps;
  ops.advance = advance;
  return ops;
}
const EbbSamplerOps ops = make_ops();

EbbComponent make_component() {
  EbbComponent c = {};
  c.size = sizeof c;
  c.kind = EBB_SAMPLER;
  c.id = "cxx";
  c.summary = "a sampler in C++";
  c.config_size = sizeof(Config);
  c.params = params;
  c.ops = &ops;
  return c;
}
const EbbComponent component = make_component();

} // namespace

EBB_MODULE(&component)

extern "C" int abi_cxx_module_is_sound(const EbbModule *module) {
  return module == &ebb_module && module->magic == EBB_MAGIC && module->size == sizeof(EbbModule) && module->param_size == sizeof(EbbParam) &&
         module->components[0] == &component && module->components[1] == nullptr && component.params[1].offset == offsetof(Config, eta);
}
