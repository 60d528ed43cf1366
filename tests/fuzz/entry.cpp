// What libFuzzer calls. MQTT_SIM_FUZZ_TARGET names the function of targets.hpp.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.hpp"

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  mqtt_sim::fuzz::MQTT_SIM_FUZZ_TARGET({bytes, size});
  return 0;
}
