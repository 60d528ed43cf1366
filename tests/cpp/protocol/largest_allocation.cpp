#include "tests/cpp/protocol/largest_allocation.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace mqtt_sim::protocol {

size_t largest_allocation = 0;

}  // namespace mqtt_sim::protocol

// Every allocation of the program passes here. In a file of its own, so that no caller sees the body of one without the
// other.
void* operator new(size_t size) {
  mqtt_sim::protocol::largest_allocation = std::max(mqtt_sim::protocol::largest_allocation, size);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
