// How many blocks from operator new are alive in this process: lets a test see that memory was given back.
#pragma once

#include <cstddef>

namespace mqtt_sim {

std::ptrdiff_t live_allocations();

}  // namespace mqtt_sim
