#include "core/base/time.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <type_traits>

namespace mqtt_sim {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TEST(Instant, CountsNanoseconds) {
  constexpr Instant instant = instant_from_ns(1'500);
  static_assert(to_ns(instant) == 1'500);
  EXPECT_EQ(to_ns(instant + microseconds(2)), 3'500);
  EXPECT_EQ(to_ns(instant - instant_from_ns(500)), 1'000);
  EXPECT_EQ(to_ns(Instant{}), 0);
}

TEST(Instant, NeverIsLaterThanAnything) {
  EXPECT_GT(kNever, instant_from_ns(0) + std::chrono::hours(24 * 365 * 200));
  EXPECT_EQ(to_ns(kNever), std::numeric_limits<int64_t>::max());
}

TEST(Duration, HoldsAnyCoarserUnitExactly) {
  EXPECT_EQ(to_ns(Duration(seconds(3600))), 3'600'000'000'000);
  EXPECT_EQ(to_ns(Duration(microseconds(-1))), -1'000);
}

TEST(Instant, IsNotAnInstantOfAnyOtherClock) {
  static_assert(!std::is_convertible_v<std::chrono::steady_clock::time_point, Instant>);
  static_assert(!std::is_convertible_v<std::chrono::system_clock::time_point, Instant>);
  static_assert(!std::is_convertible_v<int64_t, Instant>);
}

}  // namespace
}  // namespace mqtt_sim
