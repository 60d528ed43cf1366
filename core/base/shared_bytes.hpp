// Immutable bytes with several owners inside one shard: what a fan-out encodes once and every subscriber's output
// refers to. The count is not atomic, so all owners live on one thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "core/base/bytes.hpp"

namespace mqtt_sim::inline base {

class SharedBytes {
 public:
  SharedBytes() = default;
  explicit SharedBytes(ByteView bytes) : block_(static_cast<Block*>(::operator new(sizeof(Block) + bytes.size()))) {
    new (block_) Block{1, bytes.size()};
    if (!bytes.empty()) std::memcpy(block_ + 1, bytes.data(), bytes.size());
  }
  SharedBytes(const SharedBytes& other) : block_(other.block_) {
    if (block_) ++block_->owners;
  }
  SharedBytes(SharedBytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBytes() {
    if (block_ && --block_->owners == 0) free_block(block_);
  }

  ByteView view() const {
    return block_ ? ByteView(reinterpret_cast<const uint8_t*>(block_ + 1), block_->size) : ByteView();
  }
  size_t size() const { return block_ ? block_->size : 0; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  struct Block {
    size_t owners;
    size_t size;
  };
  // Out of line: where it sees through several owners, g++ 12 takes the last release for a use after free.
  static void free_block(Block* block);

  Block* block_ = nullptr;
};

}  // namespace mqtt_sim::inline base
