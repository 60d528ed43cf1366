// All deadlines of one driver in a heap with four children a node, ordered by instant, ties by insertion. Each holder
// knows its place in the heap. Lazy: a deadline that moves later, or away, stays where it is and is asked again when it
// comes to the head, so that a keep-alive pushed back by every packet costs nothing. One owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.hpp"

namespace mqtt_sim::net {

// Someone with one deadline. Must be forgotten before it is destroyed.
class DeadlineHolder {
 public:
  virtual std::optional<Instant> deadline() const = 0;
  virtual void on_deadline(Instant now) = 0;

  static constexpr uint32_t kNotQueued = UINT32_MAX;
  uint32_t place_in_queue = kNotQueued;  // kept by DeadlineQueue

 protected:
  ~DeadlineHolder() = default;
};

class DeadlineQueue {
 public:
  // To be called whenever the holder's deadline may have become earlier.
  void expect(DeadlineHolder& holder);
  void forget(DeadlineHolder& holder);

  // No deadline lies before this; kNever when there is none. The true head may be later.
  Instant head() const { return heap_.empty() ? kNever : heap_.front().at; }

  // Takes out the holder with the earliest deadline, if that lies at or before `now`; null otherwise.
  DeadlineHolder* pop_due(Instant now);

 private:
  struct Entry {
    Instant at;
    uint64_t order;
    DeadlineHolder* holder;

    bool before(const Entry& other) const { return at != other.at ? at < other.at : order < other.order; }
  };

  void put(size_t place, const Entry& entry);
  void rise(size_t place, const Entry& entry);
  void sink(size_t place, const Entry& entry);
  void remove(size_t place);

  std::vector<Entry> heap_;
  uint64_t next_order_ = 0;
};

}  // namespace mqtt_sim::net
