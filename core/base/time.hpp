// Time as every machine sees it: an argument, never a call. An Instant counts nanoseconds from the epoch of
// the driver that handed it out (the monotonic clock for `net`, the start of the run for `sim`), so an
// Instant of one driver means nothing to another. Values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace mqtt_sim::inline base {

using Duration = std::chrono::nanoseconds;

// A clock type without now(): only a driver knows the time.
struct DriverClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<DriverClock, duration>;
  static constexpr bool is_steady = true;
};
using Instant = DriverClock::time_point;

inline constexpr Instant kNever = Instant::max();

constexpr Instant instant_from_ns(int64_t ns) { return Instant(Duration(ns)); }
constexpr int64_t to_ns(Instant t) { return t.time_since_epoch().count(); }
constexpr int64_t to_ns(Duration d) { return d.count(); }

}  // namespace mqtt_sim::inline base
