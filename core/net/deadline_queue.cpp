#include "core/net/deadline_queue.hpp"

#include <algorithm>

#include "core/base/assert.hpp"

namespace mqtt_sim::net {
namespace {

constexpr size_t kChildren = 4;

}  // namespace

void DeadlineQueue::expect(DeadlineHolder& holder) {
  const std::optional<Instant> at = holder.deadline();
  if (!at || *at == kNever) return;
  if (holder.place_in_queue == DeadlineHolder::kNotQueued) {
    heap_.emplace_back();
    rise(heap_.size() - 1, {*at, next_order_++, &holder});
  } else if (*at < heap_[holder.place_in_queue].at) {
    rise(holder.place_in_queue, {*at, next_order_++, &holder});
  }
}

void DeadlineQueue::forget(DeadlineHolder& holder) {
  if (holder.place_in_queue != DeadlineHolder::kNotQueued) remove(holder.place_in_queue);
}

DeadlineHolder* DeadlineQueue::pop_due(Instant now) {
  while (!heap_.empty() && heap_.front().at <= now) {
    DeadlineHolder* holder = heap_.front().holder;
    const std::optional<Instant> at = holder->deadline();
    if (at && *at > heap_.front().at) {
      sink(0, {*at, next_order_++, holder});
      continue;
    }
    remove(0);
    if (at) return holder;
  }
  return nullptr;
}

void DeadlineQueue::put(size_t place, const Entry& entry) {
  heap_[place] = entry;
  entry.holder->place_in_queue = static_cast<uint32_t>(place);
}

void DeadlineQueue::rise(size_t place, const Entry& entry) {
  while (place > 0) {
    const size_t parent = (place - 1) / kChildren;
    if (!entry.before(heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void DeadlineQueue::sink(size_t place, const Entry& entry) {
  for (;;) {
    const size_t first = place * kChildren + 1;
    if (first >= heap_.size()) break;
    size_t least = first;
    for (size_t child = first + 1; child < std::min(first + kChildren, heap_.size()); ++child) {
      if (heap_[child].before(heap_[least])) least = child;
    }
    if (!heap_[least].before(entry)) break;
    put(place, heap_[least]);
    place = least;
  }
  put(place, entry);
}

void DeadlineQueue::remove(size_t place) {
  MQTT_SIM_ASSERT(place < heap_.size());
  heap_[place].holder->place_in_queue = DeadlineHolder::kNotQueued;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  if (place > 0 && last.before(heap_[(place - 1) / kChildren])) {
    rise(place, last);
  } else {
    sink(place, last);
  }
}

}  // namespace mqtt_sim::net
