// One direction of a simulated stream: segments under way, first in, first out as with TCP, each with the instant at
// which it arrives. Latency, jitter and bandwidth decide that instant; the window bounds the bytes under way. Segments
// come from a pool, so steady traffic allocates nothing and an idle link owns no buffer. One owner, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"
#include "core/sim/fault.hpp"

namespace mqtt_sim::sim {

struct LinkOptions {
  Duration latency = std::chrono::microseconds(200);  // one way
  Duration jitter{0};                                 // a uniform extra in [0, jitter]; order is kept all the same
  uint64_t bandwidth_bytes_per_s = 0;                 // per stream and direction; 0 is unlimited
  size_t window_bytes = 256 * 1024;                   // most bytes under way per direction; arriving frees them at once
};

struct Segment {
  static constexpr size_t kSizeLimit = 16 * 1024;  // most bytes one segment carries

  Segment* next = nullptr;
  Instant arrives{};
  uint64_t sequence = 0;  // place among the events of its instant
  uint32_t size = 0;
  uint8_t size_class = 0;  // of the pool
  SegmentKind kind = SegmentKind::bytes;

  uint8_t* space() { return reinterpret_cast<uint8_t*>(this + 1); }
  ByteView bytes() const { return {reinterpret_cast<const uint8_t*>(this + 1), size}; }
};

// Owns the memory of every segment it gave out. It never shrinks; its peak is bounded by the windows of the streams.
class SegmentPool {
 public:
  Segment* take(SegmentKind kind, size_t size);  // size <= Segment::kSizeLimit
  void give_back(Segment* segment);

 private:
  static constexpr std::array<size_t, 3> kCapacity{224, 2016, Segment::kSizeLimit};

  void grow(size_t size_class);

  std::array<Segment*, kCapacity.size()> free_{};
  std::vector<std::unique_ptr<std::byte[]>> slabs_;
};

class Pipe {
 public:
  bool empty() const { return head_ == nullptr; }
  const Segment& head() const { return *head_; }
  size_t room(size_t window) const { return under_way_ < window ? window - under_way_ : 0; }

  // Takes the segment at `now`; it arrives `flight` after its last byte was put on the wire, but never
  // before the segment in front of it.
  void push(Segment* segment, Instant now, Duration flight, uint64_t bandwidth_bytes_per_s);
  Segment* pop();
  void clear(SegmentPool& pool);  // what was under way is lost

  bool sender_waits = false;  // the sender had more to send than the window took

 private:
  Segment* head_ = nullptr;
  Segment* tail_ = nullptr;
  size_t under_way_ = 0;  // bytes
  Instant wire_free_{};   // when the last byte taken so far is on the wire
  Instant last_arrival_{};
};

}  // namespace mqtt_sim::sim
