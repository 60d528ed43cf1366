// Bytes on their way between two layers: a block that grows, keeps its memory when cleared and does not zero what it
// grows by. One owner, one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "core/base/bytes.hpp"

namespace mqtt_sim::net {

class WireBuffer {
 public:
  // Space for n more bytes, to be filled at once.
  std::span<uint8_t> extend(size_t n) {
    if (size_ + n > capacity_) grow(size_ + n);
    size_ += n;
    return {block_.get() + size_ - n, n};
  }
  void append(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()).data(), bytes.data(), bytes.size());
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {block_.get(), size_}; }
  std::span<uint8_t> bytes() { return {block_.get(), size_}; }

  void drop_front(size_t n) {
    size_ -= n;
    if (size_ > 0) std::memmove(block_.get(), block_.get() + n, size_);
  }
  void clear() { size_ = 0; }
  void release() { *this = WireBuffer(); }  // clears, and gives the memory back

 private:
  void grow(size_t at_least) {
    const size_t capacity = std::max(at_least, capacity_ * 2);
    std::unique_ptr<uint8_t[]> block(new uint8_t[capacity]);
    if (size_ > 0) std::memcpy(block.get(), block_.get(), size_);
    block_ = std::move(block);
    capacity_ = capacity;
  }

  std::unique_ptr<uint8_t[]> block_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace mqtt_sim::net
