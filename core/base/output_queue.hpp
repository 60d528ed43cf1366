// Bytes a machine wants to leave, in order, as a gather list. Small packets are written into blocks that grow from
// 512 bytes to 64 KiB; large shared payloads are referred to, not copied. An empty queue owns no memory, so an idle
// connection costs eight bytes here. One owner, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/shared_bytes.hpp"

namespace mqtt_sim::inline base {

class OutputQueue {
 public:
  static constexpr size_t kViewLimit = 64;    // most views in one gather list
  static constexpr size_t kShareFrom = 2048;  // shared bytes shorter than this are copied: cheaper than a view

  OutputQueue();
  ~OutputQueue();
  OutputQueue(OutputQueue&&) noexcept;
  OutputQueue& operator=(OutputQueue&&) noexcept;

  // Space for exactly n more bytes, contiguous; all of it must be filled by the caller before the next call.
  std::span<uint8_t> extend(size_t n);
  void append(ByteView bytes);
  void append(const SharedBytes& bytes);

  size_t size() const;  // bytes waiting
  bool empty() const { return !state_; }

  // The head of the queue, at most kViewLimit views; valid until the next call that is not const.
  std::span<const ByteView> views() const;
  void consume(size_t n);  // the first n bytes have left; n <= size()
  void clear();

 private:
  struct State;
  std::unique_ptr<State> state_;  // null when nothing waits
};

}  // namespace mqtt_sim::inline base
