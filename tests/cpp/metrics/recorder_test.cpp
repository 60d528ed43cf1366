#include "core/metrics/recorder.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace mqtt_sim::metrics {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since_start) { return Instant(since_start); }

TEST(Recorder, NamesOfMetricsAndCountersAreDistinctAndFollowTheEnums) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kMetricCount; ++i) names.insert(to_string(static_cast<Metric>(i)));
  EXPECT_EQ(names.size(), kMetricCount);
  EXPECT_EQ(names.count(""), 0u);
  EXPECT_EQ(to_string(Metric::connect), "connect");
  EXPECT_EQ(to_string(Metric::latency_uncorrected), "latency_uncorrected");
  EXPECT_EQ(to_string(Metric::lateness), "lateness");
  EXPECT_EQ(to_string(Metric::device_lateness), "device_lateness");

  names.clear();
  for (size_t i = 0; i < kCounterCount; ++i) names.insert(to_string(static_cast<Counter>(i)));
  EXPECT_EQ(names.size(), kCounterCount);
  EXPECT_EQ(names.count(""), 0u);
  EXPECT_EQ(to_string(Counter::planned), "planned");
  EXPECT_EQ(to_string(Counter::foreign), "foreign");
  EXPECT_EQ(to_string(Counter::bytes_out), "bytes_out");
}

TEST(Recorder, KeepsEachMetricAndEachCounterApart) {
  Recorder recorder;
  for (size_t i = 0; i < kMetricCount; ++i) {
    for (size_t n = 0; n <= i; ++n) recorder.record(static_cast<Metric>(i), 1us);
  }
  for (size_t i = 0; i < kCounterCount; ++i) recorder.add(static_cast<Counter>(i), i + 1);
  recorder.add(Counter::planned);

  for (size_t i = 0; i < kMetricCount; ++i) EXPECT_EQ(recorder.histogram(static_cast<Metric>(i)).count(), i + 1);
  EXPECT_EQ(recorder.count(Counter::planned), 2u);
  for (size_t i = 1; i < kCounterCount; ++i) EXPECT_EQ(recorder.count(static_cast<Counter>(i)), i + 1);
}

TEST(Recorder, IntervalHoldsLatencyAndCountersSinceTheLastOne) {
  Recorder recorder;
  recorder.record(Metric::latency, 5ms);
  recorder.record(Metric::lateness, 70ms);
  recorder.add(Counter::written, 10);
  const IntervalPart first = recorder.take_interval();
  EXPECT_EQ(first.latency.count(), 1u);
  EXPECT_EQ(first.latency.max(), to_ns(5ms));
  EXPECT_EQ(first.count(Counter::written), 10u);

  recorder.record(Metric::latency, 1ms);
  recorder.record(Metric::latency, 2ms);
  recorder.add(Counter::written, 3);
  recorder.add(Counter::delivered, 2);
  const IntervalPart second = recorder.take_interval();
  EXPECT_EQ(second.latency.count(), 2u);
  EXPECT_EQ(second.latency.max(), to_ns(2ms));
  EXPECT_EQ(second.count(Counter::written), 3u);
  EXPECT_EQ(second.count(Counter::delivered), 2u);

  const IntervalPart third = recorder.take_interval();
  EXPECT_TRUE(third.latency.empty());
  EXPECT_EQ(third.counters, Counters{});

  EXPECT_EQ(recorder.histogram(Metric::latency).count(), 3u);
  EXPECT_EQ(recorder.count(Counter::written), 13u);
}

TEST(Recorder, IntervalPartsOfSeveralShardsAddUp) {
  Recorder one;
  one.record(Metric::latency, 5ms);
  one.add(Counter::delivered, 1);
  Recorder two;
  two.record(Metric::latency, 9ms);
  two.add(Counter::delivered, 4);

  IntervalPart part = one.take_interval();
  part.merge(two.take_interval());
  EXPECT_EQ(part.latency.count(), 2u);
  EXPECT_EQ(part.latency.min(), to_ns(5ms));
  EXPECT_EQ(part.latency.max(), to_ns(9ms));
  EXPECT_EQ(part.count(Counter::delivered), 5u);
}

TEST(Recorder, ErrorKeepsCountFirstInstantAndItsReason) {
  Recorder recorder;
  recorder.error("not authorized", at(2s), 0x87);
  recorder.error("connection reset", at(3s));
  recorder.error("not authorized", at(4s), 0x80);
  ASSERT_EQ(recorder.errors().size(), 2u);
  const ErrorCount& refused = recorder.errors().at("not authorized");
  EXPECT_EQ(refused.count, 2u);
  EXPECT_EQ(refused.first, at(2s));
  EXPECT_EQ(refused.reason, 0x87);
  EXPECT_EQ(recorder.errors().at("connection reset").count, 1u);
  EXPECT_EQ(recorder.errors().at("connection reset").reason, 0);
}

TEST(Recorder, ErrorsBeyondTheLimitOfDistinctTextsAreCountedTogether) {
  Recorder recorder;
  for (size_t i = 0; i < Recorder::kErrorLimit; ++i) recorder.error("error " + std::to_string(i), at(1s));
  EXPECT_EQ(recorder.errors().size(), Recorder::kErrorLimit);
  EXPECT_EQ(recorder.errors().count(Recorder::kOtherErrors), 0u);

  for (size_t i = 0; i < 1000; ++i) recorder.error("late error " + std::to_string(i), at(2s));
  recorder.error("error 0", at(3s));
  EXPECT_EQ(recorder.errors().size(), Recorder::kErrorLimit + 1);
  EXPECT_EQ(recorder.errors().find(Recorder::kOtherErrors)->second.count, 1000u);
  EXPECT_EQ(recorder.errors().find(Recorder::kOtherErrors)->second.first, at(2s));
  EXPECT_EQ(recorder.errors().at("error 0").count, 2u);
}

TEST(Recorder, MergeAddsHistogramsCountersAndTheOpenInterval) {
  Recorder one;
  one.record(Metric::latency, 1ms);
  one.add(Counter::written, 1);
  one.take_interval();
  one.record(Metric::latency, 2ms);
  one.add(Counter::written, 10);
  Recorder two;
  two.add(Counter::written, 1000);
  two.take_interval();
  two.record(Metric::latency, 3ms);
  two.record(Metric::connect, 4ms);
  two.add(Counter::written, 100);
  one.merge(two);

  EXPECT_EQ(one.histogram(Metric::latency).count(), 3u);
  EXPECT_EQ(one.histogram(Metric::latency).max(), to_ns(3ms));
  EXPECT_EQ(one.histogram(Metric::connect).count(), 1u);
  EXPECT_EQ(one.count(Counter::written), 1111u);

  const IntervalPart part = one.take_interval();
  EXPECT_EQ(part.latency.count(), 2u);
  EXPECT_EQ(part.count(Counter::written), 110u);
}

TEST(Recorder, MergeKeepsTheEarlierFirstInstantOfAnErrorAndItsReason) {
  Recorder one;
  one.error("refused", at(5s), 0x87);
  Recorder two;
  two.error("refused", at(4s), 0x8a);
  two.error("refused", at(9s), 0x80);
  one.merge(two);
  const ErrorCount& refused = one.errors().at("refused");
  EXPECT_EQ(refused.count, 3u);
  EXPECT_EQ(refused.first, at(4s));
  EXPECT_EQ(refused.reason, 0x8a);
}

TEST(Recorder, MergeHoldsTheLimitOfDistinctTexts) {
  Recorder one;
  Recorder two;
  for (size_t i = 0; i < Recorder::kErrorLimit + 6; ++i) {
    one.error("one " + std::to_string(i), at(1s));
    two.error("two " + std::to_string(i), at(1s));
  }
  one.merge(two);
  EXPECT_EQ(one.errors().size(), Recorder::kErrorLimit + 1);
  EXPECT_EQ(one.errors().find(Recorder::kOtherErrors)->second.count, 6 + Recorder::kErrorLimit + 6);
}

TEST(Recorder, MergeIntoAnEmptyOneKeepsAllTexts) {
  Recorder full;
  for (size_t i = 0; i < Recorder::kErrorLimit + 6; ++i) full.error("timeout " + std::to_string(i), at(1s));
  Recorder empty;
  empty.merge(full);
  EXPECT_EQ(empty.errors().size(), Recorder::kErrorLimit + 1);
  EXPECT_EQ(empty.errors().find(Recorder::kOtherErrors)->second.count, 6u);
}

TEST(Recorder, ResetForgetsHistogramsAndKeepsCountersAndErrors) {
  Recorder recorder;
  recorder.record(Metric::latency, 1ms);
  recorder.record(Metric::connect, 1ms);
  recorder.add(Counter::written, 5);
  recorder.error("connection reset", at(1s));
  recorder.reset();
  EXPECT_TRUE(recorder.histogram(Metric::latency).empty());
  EXPECT_TRUE(recorder.histogram(Metric::connect).empty());
  EXPECT_EQ(recorder.count(Counter::written), 5u);
  EXPECT_EQ(recorder.errors().size(), 1u);

  const IntervalPart part = recorder.take_interval();
  EXPECT_TRUE(part.latency.empty());
  EXPECT_EQ(part.count(Counter::written), 5u);
}

}  // namespace
}  // namespace mqtt_sim::metrics
