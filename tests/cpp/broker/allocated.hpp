// What this test program has allocated and not yet freed, in bytes as the allocator counts them.
#pragma once

#include <cstdint>

namespace mqtt_sim::broker::test {

extern int64_t allocated;

}  // namespace mqtt_sim::broker::test
