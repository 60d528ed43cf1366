#include "core/sim/event_queue.hpp"

#include <algorithm>

namespace mqtt_sim::sim {

void EventQueue::schedule(uint32_t source, Instant at, uint64_t sequence) {
  if (source >= position_.size()) position_.resize(source + size_t{1}, kAbsent);
  if (position_[source] == kAbsent) {
    heap_.emplace_back();
    position_[source] = static_cast<uint32_t>(heap_.size() - 1);
  }
  settle(position_[source], Event{at, sequence, source});
}

void EventQueue::cancel(uint32_t source) {
  if (source < position_.size() && position_[source] != kAbsent) remove(position_[source]);
}

void EventQueue::pop() {
  MQTT_SIM_ASSERT(!heap_.empty());
  remove(0);
}

void EventQueue::remove(size_t slot) {
  position_[heap_[slot].source] = kAbsent;
  const Event last = heap_.back();
  heap_.pop_back();
  if (slot < heap_.size()) settle(slot, last);
}

void EventQueue::settle(size_t slot, const Event& event) {
  while (slot > 0) {
    const size_t parent = (slot - 1) / kWays;
    if (!is_before(event, heap_[parent])) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  for (;;) {
    const size_t first = slot * kWays + 1;
    if (first >= heap_.size()) break;
    const size_t end = std::min(first + kWays, heap_.size());
    size_t least = first;
    for (size_t child = first + 1; child < end; ++child) {
      if (is_before(heap_[child], heap_[least])) least = child;
    }
    if (!is_before(heap_[least], event)) break;
    place(slot, heap_[least]);
    slot = least;
  }
  place(slot, event);
}

}  // namespace mqtt_sim::sim
