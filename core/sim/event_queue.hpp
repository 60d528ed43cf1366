// What happens next in virtual time: a four-way heap ordered by (instant, sequence number). A source of events (a
// timer, one direction of a link) is a small number and has at most one event here, which can be moved or cancelled, so
// the queue holds no stale events and is never larger than the number of sources. One owner, one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/assert.hpp"
#include "core/base/time.hpp"

namespace mqtt_sim::sim {

struct Event {
  Instant at{};
  uint64_t sequence = 0;  // unique; orders the events of one instant
  uint32_t source = 0;
};

class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  const Event& next() const {
    MQTT_SIM_ASSERT(!heap_.empty());
    return heap_.front();
  }
  // When the source's event is due; kNever if it has none.
  Instant time_of(uint32_t source) const {
    return source < position_.size() && position_[source] != kAbsent ? heap_[position_[source]].at : kNever;
  }

  // Replaces the source's event if it has one.
  void schedule(uint32_t source, Instant at, uint64_t sequence);
  void cancel(uint32_t source);  // nothing happens if it has none
  void pop();

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  static constexpr size_t kWays = 4;

  static bool is_before(const Event& a, const Event& b) { return a.at != b.at ? a.at < b.at : a.sequence < b.sequence; }
  void place(size_t slot, const Event& event) {
    heap_[slot] = event;
    position_[event.source] = static_cast<uint32_t>(slot);
  }
  void settle(size_t slot, const Event& event);  // puts `event` where it belongs, starting from the free `slot`
  void remove(size_t slot);

  std::vector<Event> heap_;
  std::vector<uint32_t> position_;  // by source: its slot in the heap
};

}  // namespace mqtt_sim::sim
