#include "core/load/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/base/random.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;

TEST(Schedule, OneAClientAndSecondFallsOnWholeSecondsWithoutDrift) {
  RecordProperty("req", "D-09");
  const Schedule schedule(1.0, 0, 1);
  for (uint64_t k : {0u, 1u, 2u, 541u, 1009u}) EXPECT_EQ(schedule.offset(k), std::chrono::seconds(k));
  EXPECT_EQ(schedule.count_before(1010s), 1010u) << "the whole film, a line a second";
}

TEST(Schedule, TwentyLinesAtATenthOfASecondTakeOneSecondAndNineTenths) {
  RecordProperty("req", "D-09");
  const Schedule schedule(10.0, 0, 1);
  EXPECT_EQ(schedule.offset(19), 1900ms);
  for (uint64_t k = 0; k < 19; ++k) EXPECT_EQ(schedule.offset(k + 1) - schedule.offset(k), 100ms);
}

TEST(Schedule, AnIntervalOfNoWholeNanosecondsDoesNotAddUpItsRounding) {
  RecordProperty("req", "D-09");
  const Schedule schedule(3.0, 0, 1);
  for (uint64_t second = 0; second < 1'000'000; second += 997)
    ASSERT_EQ(schedule.offset(3 * second), std::chrono::seconds(second)) << second;
}

TEST(Schedule, IsExactAfterAHundredDays) {
  RecordProperty("req", "D-09");
  const Schedule schedule(1000.0, 0, 1);
  constexpr uint64_t kSeconds = 100 * 86'400;
  EXPECT_EQ(schedule.offset(kSeconds * 1000), std::chrono::seconds(kSeconds));
  EXPECT_EQ(schedule.offset(kSeconds * 1000 - 1), std::chrono::seconds(kSeconds) - 1ms);
  EXPECT_EQ(schedule.count_before(std::chrono::seconds(kSeconds)), kSeconds * 1000);
}

TEST(Schedule, PhasesOfAGroupSpreadEvenlyOverOneInterval) {
  constexpr uint32_t kClients = 250;
  std::vector<Duration> sends;
  for (uint32_t index = 0; index < kClients; ++index) {
    const Schedule schedule(1.0, index, kClients);
    for (uint64_t k = 0; k < 3; ++k) sends.push_back(schedule.offset(k));
  }
  std::ranges::sort(sends);
  for (size_t i = 0; i < sends.size(); ++i) ASSERT_EQ(sends[i], i * 4ms);
}

TEST(Schedule, CountsNoSendThatFallsOnTheEnd) {
  const Schedule schedule(10.0, 0, 1);
  EXPECT_EQ(schedule.count_before(0ns), 0u);
  EXPECT_EQ(schedule.count_before(1ns), 1u);
  EXPECT_EQ(schedule.count_before(100ms), 1u);
  EXPECT_EQ(schedule.count_before(100ms + 1ns), 2u);
}

TEST(Schedule, CountsNothingBeforeItsPhase) {
  const Schedule schedule(1.0, 3, 4);
  EXPECT_EQ(schedule.offset(0), 750ms);
  EXPECT_EQ(schedule.count_before(750ms), 0u);
  EXPECT_EQ(schedule.count_before(750ms + 1ns), 1u);
}

uint64_t counted_one_by_one(const Schedule& schedule, Duration duration) {
  uint64_t count = 0;
  while (schedule.offset(count) < duration) ++count;
  return count;
}

TEST(Schedule, CountBeforeAgreesWithCountingOneByOne) {
  Random random(9);
  for (int i = 0; i < 3000; ++i) {
    const double rate_per_s = 0.1 + random.uniform() * 500;
    const uint32_t clients = static_cast<uint32_t>(1 + random.below(50));
    const Schedule schedule(rate_per_s, static_cast<uint32_t>(random.below(clients)), clients);
    // Half of the durations end within a nanosecond of a send.
    Duration duration(random.below(2'000'000'000));
    if (i % 2 == 0) duration = schedule.offset(random.below(300)) + Duration(random.below(3)) - 1ns;
    ASSERT_EQ(schedule.count_before(duration), counted_one_by_one(schedule, duration))
        << "rate " << rate_per_s << " duration " << to_ns(duration);
  }
}

}  // namespace
}  // namespace mqtt_sim::load
