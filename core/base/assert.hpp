// Assertions that stay on in release: a broken invariant of ours ends the process, and says with which seed and
// at which instant, so that a simulated run reproduces it. Each thread has its own AssertContext, kept by the
// driver that runs there.
#pragma once

#include <cstdint>

#include "core/base/time.hpp"

namespace mqtt_sim::inline base {

struct AssertContext {
  uint64_t seed = 0;
  Instant now{};
};

AssertContext& assert_context();  // of the calling thread

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace mqtt_sim::inline base

#define MQTT_SIM_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::mqtt_sim::assertion_failed(#expression, __FILE__, __LINE__))
