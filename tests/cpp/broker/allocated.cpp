#include "tests/cpp/broker/allocated.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace mqtt_sim::broker::test {

int64_t allocated = 0;

}  // namespace mqtt_sim::broker::test

namespace {

void release(void* memory) noexcept {
  mqtt_sim::broker::test::allocated -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// Every allocation of the program passes here. In a file of its own, so that no caller sees the body of one without the
// other.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory) mqtt_sim::broker::test::allocated += static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}
void* operator new(size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, size_t) noexcept { release(memory); }
