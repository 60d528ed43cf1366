// The largest block this test program has asked for since the number was last set to 0.
#pragma once

#include <cstddef>

namespace mqtt_sim::protocol {

extern size_t largest_allocation;

}  // namespace mqtt_sim::protocol
