#include "core/sim/link.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "core/base/assert.hpp"

namespace mqtt_sim::sim {
namespace {

constexpr size_t kSlabBytes = 64 * 1024;

// At most kSizeLimit * 10^9, so nothing overflows. Rounded up: a byte is there when all of it is there.
Duration time_on_wire(size_t bytes, uint64_t bytes_per_s) {
  if (bytes_per_s == 0) return Duration::zero();
  const uint64_t byte_ns = uint64_t{bytes} * 1'000'000'000;
  return Duration(static_cast<int64_t>(byte_ns / bytes_per_s + (byte_ns % bytes_per_s != 0)));
}

}  // namespace

Segment* SegmentPool::take(SegmentKind kind, size_t size) {
  MQTT_SIM_ASSERT(size <= Segment::kSizeLimit);
  size_t size_class = 0;
  while (kCapacity[size_class] < size) ++size_class;
  if (!free_[size_class]) grow(size_class);
  Segment* segment = free_[size_class];
  free_[size_class] = segment->next;
  segment->next = nullptr;
  segment->size = static_cast<uint32_t>(size);
  segment->kind = kind;
  return segment;
}

void SegmentPool::give_back(Segment* segment) {
  segment->next = free_[segment->size_class];
  free_[segment->size_class] = segment;
}

void SegmentPool::grow(size_t size_class) {
  const size_t stride = sizeof(Segment) + kCapacity[size_class];
  static_assert(sizeof(Segment) % alignof(Segment) == 0 && kCapacity[0] % alignof(Segment) == 0 &&
                kCapacity[1] % alignof(Segment) == 0 && kCapacity[2] % alignof(Segment) == 0);
  const size_t count = std::max<size_t>(1, kSlabBytes / stride);
  slabs_.emplace_back(new std::byte[count * stride]);
  for (size_t i = count; i-- > 0;) {
    Segment* segment = new (slabs_.back().get() + i * stride) Segment;
    segment->size_class = static_cast<uint8_t>(size_class);
    give_back(segment);
  }
}

void Pipe::push(Segment* segment, Instant now, Duration flight, uint64_t bandwidth_bytes_per_s) {
  wire_free_ = std::max(now, wire_free_) + time_on_wire(segment->size, bandwidth_bytes_per_s);
  last_arrival_ = std::max(last_arrival_, wire_free_ + flight);
  segment->arrives = last_arrival_;
  under_way_ += segment->size;
  (head_ ? tail_->next : head_) = segment;
  tail_ = segment;
}

Segment* Pipe::pop() {
  MQTT_SIM_ASSERT(head_);
  Segment* segment = std::exchange(head_, head_->next);
  under_way_ -= segment->size;
  return segment;
}

void Pipe::clear(SegmentPool& pool) {
  while (head_) pool.give_back(pop());
  *this = Pipe();
}

}  // namespace mqtt_sim::sim
