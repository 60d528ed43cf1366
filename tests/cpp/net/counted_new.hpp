// How often this executable has called operator new; counted_new.cpp replaces it.
#pragma once

#include <cstdint>

namespace mqtt_sim::net {

uint64_t allocation_count();

}  // namespace mqtt_sim::net
