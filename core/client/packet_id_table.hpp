// Things known by packet identifier: a hash table with linear probing and no node per entry. Identifiers are handed out
// one after the other, which multiplication by the golden ratio spreads almost evenly, so finding and erasing take
// constant time in any order. An empty table owns at most its smallest block; release() gives that back, too.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/base/assert.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

inline constexpr size_t kPacketIds = 65535;  // all there are: 0 is none

// Slot: default constructible, movable, with a member `id` that is 0 when the slot is free.
template <class Slot>
class PacketIdTable {
 public:
  size_t size() const { return size_; }
  size_t capacity() const { return bits_ == 0 ? 0 : size_t{1} << bits_; }

  // The slot, valid until the next insert or erase, or nullptr.
  Slot* find(protocol::PacketId id) {
    if (size_ == 0 || id == 0) return nullptr;
    for (size_t at = home_of(id);; at = after(at)) {
      if (slots_[at].id == id) return &slots_[at];
      if (slots_[at].id == 0) return nullptr;
    }
  }

  Slot& insert(Slot slot) {
    MQTT_SIM_ASSERT(slot.id != 0 && !find(slot.id));
    if ((size_ + 1) * 4 > capacity() * 3) grow();
    ++size_;
    return place(std::move(slot));
  }

  void erase(Slot& slot) {
    MQTT_SIM_ASSERT(size_ > 0 && slot.id != 0);
    size_t hole = static_cast<size_t>(&slot - slots_.get());
    // Close the hole: entries behind it may stand there unless it lies before their home.
    for (size_t at = after(hole); slots_[at].id != 0; at = after(at)) {
      if (distance(home_of(slots_[at].id), at) < distance(hole, at)) continue;
      slots_[hole] = std::move(slots_[at]);
      hole = at;
    }
    slots_[hole] = Slot();
    if (--size_ == 0 && bits_ > kFirstBits) clear();
  }

  void clear() {
    slots_.reset();
    size_ = 0;
    bits_ = 0;
  }
  void release() {
    if (size_ == 0) clear();
  }

  // In no particular order; `visit` must not change the table.
  template <class Visit>
  void for_each(Visit visit) {
    for (size_t at = 0; size_ > 0 && at < capacity(); ++at) {
      if (slots_[at].id != 0) visit(slots_[at]);
    }
  }

 private:
  static constexpr uint8_t kFirstBits = 2;

  size_t home_of(protocol::PacketId id) const { return (uint32_t{id} * 0x9E3779B9u) >> (32 - bits_); }
  size_t after(size_t at) const { return (at + 1) & (capacity() - 1); }
  size_t distance(size_t from, size_t to) const { return (to - from) & (capacity() - 1); }

  Slot& place(Slot slot) {
    size_t at = home_of(slot.id);
    while (slots_[at].id != 0) at = after(at);
    return slots_[at] = std::move(slot);
  }

  void grow() {
    const size_t old_capacity = capacity();
    const auto old = std::exchange(slots_, nullptr);
    bits_ = bits_ == 0 ? kFirstBits : static_cast<uint8_t>(bits_ + 1);
    slots_ = std::make_unique<Slot[]>(capacity());
    for (size_t at = 0; at < old_capacity; ++at) {
      if (old[at].id != 0) place(std::move(old[at]));
    }
  }

  std::unique_ptr<Slot[]> slots_;
  uint32_t size_ = 0;
  uint8_t bits_ = 0;  // log2 of the capacity; 0: no block
};

}  // namespace mqtt_sim::client
