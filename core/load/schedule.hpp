// When a client means to send: a constant rate on an absolute timetable, the phases of a group spread evenly over one
// interval, so that n clients at one message a second make n evenly spaced sends a second. Arithmetic, no state: the
// k-th instant does not depend on when the ones before it really left, which is what keeps latency free of coordinated
// omission.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/base/time.hpp"

namespace mqtt_sim::load {

class Schedule {
 public:
  Schedule() = default;
  // Client `index` of `count`, each at `rate_per_s` > 0.
  Schedule(double rate_per_s, uint32_t index, uint32_t count)
      : interval_ns_(1e9 / rate_per_s), phase_ns_(interval_ns_ * index / count) {}

  // From the start of the run to the k-th send, k from 0. Exact to a nanosecond for runs of up to 100 days.
  Duration offset(uint64_t k) const {
    return Duration(std::llround(phase_ns_ + static_cast<double>(k) * interval_ns_));
  }

  // How many sends lie before `duration`.
  uint64_t count_before(Duration duration) const {
    const double room_ns = static_cast<double>(duration.count()) - phase_ns_;
    if (room_ns <= 0) return 0;
    uint64_t count = static_cast<uint64_t>(std::ceil(room_ns / interval_ns_));
    while (count > 0 && offset(count - 1) >= duration) --count;  // rounding
    while (offset(count) < duration) ++count;
    return count;
  }

 private:
  double interval_ns_ = 0;
  double phase_ns_ = 0;
};

}  // namespace mqtt_sim::load
