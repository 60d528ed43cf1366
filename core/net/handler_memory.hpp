// Memory for Asio's pending operations, recycled so that steady state allocates nothing. Asio's own cache lives only
// as long as one call of run or poll, which here is one turn of the loop. One per Loop, its thread only; it outlives
// the io_context, whose destructor gives back what still waits.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <new>
#include <type_traits>

namespace mqtt_sim::net {

class HandlerMemory {
 public:
  static constexpr size_t kBlockSize = 104;    // what a pending wait for readiness takes
  static constexpr size_t kSpareLimit = 4096;  // blocks kept for later

  HandlerMemory() = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;
  ~HandlerMemory() {
    while (spare_) ::operator delete(pop());
  }

  void* take(size_t n) {
    if (n > kBlockSize) return ::operator new(n);
    return spare_ ? pop() : ::operator new(kBlockSize);
  }
  void give_back(void* block, size_t n) {
    if (n > kBlockSize || spare_count_ == kSpareLimit) return ::operator delete(block);
    spare_ = new (block) Spare{spare_};
    ++spare_count_;
  }

 private:
  struct Spare {
    Spare* next;
  };

  void* pop() {
    Spare* block = spare_;
    spare_ = block->next;
    --spare_count_;
    return block;
  }

  Spare* spare_ = nullptr;
  size_t spare_count_ = 0;
};

// A completion handler that calls Member of `target` and takes its memory from HandlerMemory.
template <auto Member, class Target>
class Completion {
 public:
  template <class T>
  struct Allocator {
    using value_type = T;

    HandlerMemory* memory;

    explicit Allocator(HandlerMemory* from) : memory(from) {}
    template <class U>
    Allocator(const Allocator<U>& other) : memory(other.memory) {}  // implicit: allocators are rebound silently

    T* allocate(size_t n) { return static_cast<T*>(memory->take(n * sizeof(T))); }
    void deallocate(T* block, size_t n) { memory->give_back(block, n * sizeof(T)); }
    template <class U>
    bool operator==(const Allocator<U>& other) const {
      return memory == other.memory;
    }
  };
  using allocator_type = Allocator<std::byte>;

  Completion(Target& target, HandlerMemory& memory) : target_(&target), memory_(&memory) {}

  allocator_type get_allocator() const noexcept { return allocator_type(memory_); }
  void operator()(const boost::system::error_code& error) const { (target_->*Member)(error); }

 private:
  Target* target_;
  HandlerMemory* memory_;
};

template <auto Member, class Target>
Completion<Member, Target> completion(Target& target, HandlerMemory& memory) {
  return {target, memory};
}

}  // namespace mqtt_sim::net
