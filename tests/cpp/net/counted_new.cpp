#include "tests/cpp/net/counted_new.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> count = 0;

}  // namespace

uint64_t mqtt_sim::net::allocation_count() { return count; }

void* operator new(size_t n) {
  ++count;
  if (void* block = std::malloc(n)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
