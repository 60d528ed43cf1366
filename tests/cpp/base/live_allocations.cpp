#include "tests/cpp/base/live_allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::ptrdiff_t> live{0};

}  // namespace

namespace mqtt_sim {

std::ptrdiff_t live_allocations() { return live; }

}  // namespace mqtt_sim

void* operator new(std::size_t size) {
  void* block = std::malloc(size == 0 ? 1 : size);
  if (!block) throw std::bad_alloc();
  ++live;
  return block;
}

void operator delete(void* block) noexcept {
  if (block) --live;
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
