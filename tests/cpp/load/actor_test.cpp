// What an actor does on time, within its window and with what it hears, seen through a fleet on a scripted driver.
#include "core/load/actor.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/cpp/load/fleet_run.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using metrics::Counter;
using metrics::Metric;
using protocol::QoS;

GroupPlan paced(uint32_t count, double rate_per_s, QoS qos = QoS::at_most_once, std::string topic = "t/{i}") {
  GroupPlan group = producers("cast", count, std::move(topic));
  group.publish->rate_per_s = rate_per_s;
  group.publish->qos = qos;
  return group;
}

GroupPlan unpaced(uint32_t count, uint32_t in_flight, QoS qos = QoS::at_most_once) {
  GroupPlan group = paced(count, 0, qos);
  group.publish->in_flight = in_flight;
  group.client.in_flight_maximum = static_cast<uint16_t>(in_flight);
  return group;
}

GroupPlan window_of(GroupPlan group, uint16_t in_flight) {
  group.publish->in_flight = in_flight;
  group.client.in_flight_maximum = in_flight;
  return group;
}

// ---- timetable

TEST(PacedActor, SendsAtExactlyTheIntendedInstants) {
  RecordProperty("req", "D-09");
  FleetRun run(plan_of({paced(4, 10), consumers("audience", 4, {"t/{i}"})}, 1s));
  run.play();
  std::vector<Duration> intended;
  for (int k = 0; k < 40; ++k) intended.push_back(k * 25ms);
  EXPECT_EQ(run.arrival_times(), intended);
  for (const Arrival& arrival : run.driver.arrivals) {
    ASSERT_TRUE(arrival.stamp.has_value());
    EXPECT_EQ(arrival.stamp->intended, arrival.at);
    EXPECT_EQ(arrival.stamp->sent, arrival.at);
    EXPECT_EQ(arrival.topic, "t/" + std::to_string(arrival.stamp->stream));
  }
  EXPECT_EQ(run.histogram(Metric::lateness).count(), 40u);
  EXPECT_EQ(run.histogram(Metric::lateness).max(), 0);
  EXPECT_EQ(run.histogram(Metric::latency).count(), 40u);
}

TEST(PacedActor, NumbersItsMessagesFromZeroWithoutGaps) {
  FleetRun run(plan_of({paced(2, 10)}, 1s));
  run.play();
  std::vector<uint32_t> next(2);
  for (const Arrival& arrival : run.driver.arrivals) EXPECT_EQ(arrival.stamp->sequence, next[arrival.stamp->stream]++);
  EXPECT_EQ(next, (std::vector<uint32_t>{10, 10}));
}

TEST(PacedActor, ALateDeadlineIsRecordedAsLatenessAndSendsAllThatFellDue) {
  RecordProperty("req", "Z-03");
  FleetRun run(plan_of({paced(1, 10), consumers("audience", 1, {"t/0"})}, 1s));
  run.start();
  run.driver.script.busy = {run.zero + 100ms, run.zero + 350ms};
  run.run_for(1s);
  const std::vector<Duration> expected{0ms, 350ms, 350ms, 350ms, 400ms, 500ms, 600ms, 700ms, 800ms, 900ms};
  EXPECT_EQ(run.arrival_times(), expected);
  EXPECT_EQ(run.driver.arrivals[1].stamp->intended, run.zero + 100ms) << "the stamp says when it was meant to leave";
  EXPECT_EQ(run.driver.arrivals[1].stamp->sent, run.zero + 350ms);
  const metrics::Histogram& lateness = run.histogram(Metric::lateness);
  EXPECT_EQ(lateness.count(), 10u);
  EXPECT_EQ(lateness.max(), to_ns(250ms));
  EXPECT_NEAR(lateness.mean(), 45e6, 45e3);  // 250, 150, 50 and seven times 0
  EXPECT_EQ(run.histogram(Metric::latency).max(), to_ns(250ms)) << "latency counts from the intended time";
  EXPECT_EQ(run.histogram(Metric::latency_uncorrected).max(), 0);
}

TEST(PacedActor, WhatIsNoticedAfterTheEndIsCountedAsSuch) {
  FleetRun run(plan_of({paced(1, 10)}, 1s));
  run.start();
  run.driver.script.busy = {run.zero + 700ms, run.zero + 1200ms};
  run.run_for(1s);
  EXPECT_EQ(run.status().offered, 7u);
  EXPECT_EQ(run.status().offered_late, 0u);
  run.run_for(1s);
  EXPECT_EQ(run.status().offered, 10u);
  EXPECT_EQ(run.status().offered_late, 3u);
}

TEST(PacedActor, AWarmUpIsSentAndCountedButNotMeasured) {
  FleetRun run([] {
    Plan plan = plan_of({paced(1, 10, QoS::at_least_once), consumers("audience", 1, {"t/0"})}, 1s);
    plan.warmup = 400ms;
    return plan;
  }());
  run.play();
  EXPECT_EQ(run.count(Counter::offered), 10u);
  EXPECT_EQ(run.count(Counter::delivered), 10u);
  EXPECT_EQ(run.count(Counter::acknowledged), 10u);
  for (const Metric metric : {Metric::latency, Metric::latency_uncorrected, Metric::lateness, Metric::publish_ack})
    EXPECT_EQ(run.histogram(metric).count(), 6u) << metrics::to_string(metric);
}

TEST(PacedActor, SaysNoMoreThanItsMessagesOrItsLines) {
  RecordProperty("req", "K-07");
  GroupPlan limited = paced(2, 10);
  limited.publish->messages = 3;
  GroupPlan reader = paced(1, 10, QoS::at_most_once, "lines");
  reader.publish->payload = {.kind = PayloadKind::dialogue, .place = DialoguePlace::start, .loop = false, .limit = 5};
  reader.publish->stamp = StampKind::json;
  FleetRun run(plan_of({limited, reader}, 10s));
  run.play();
  EXPECT_EQ(run.driver.arrivals.size(), 2u * 3u + 5u);
  EXPECT_EQ(run.status().planned, 11u);
  EXPECT_EQ(run.status().offered, 11u);
}

TEST(PacedActor, CarriesTopicPayloadQosAndRetainOfThePlan) {
  GroupPlan group = paced(2, 1, QoS::at_least_once, "{group}/{n}");
  group.publish->retain = true;
  group.publish->payload = {.kind = PayloadKind::dialogue, .place = DialoguePlace::start};
  group.publish->stamp = StampKind::none;
  FleetRun run(plan_of({group}, 2s));
  run.play();
  ASSERT_EQ(run.driver.arrivals.size(), 4u);
  const Arrival& third = run.driver.arrivals[3];
  EXPECT_EQ(third.topic, "cast/2");
  EXPECT_EQ(third.payload, R"({"character":"B","text":"1"})");
  EXPECT_EQ(third.qos, QoS::at_least_once);
  EXPECT_TRUE(third.retain);
}

TEST(PacedActor, KeepsItsConnectionAliveBetweenRareSends) {
  GroupPlan group = paced(1, 0.001);
  group.client.keep_alive_s = 60;
  FleetRun run(plan_of({group}, 2000s));
  run.start();
  run.run_for(999s);
  EXPECT_EQ(run.driver.pings, 16u);
  EXPECT_EQ(run.driver.arrivals.size(), 1u);
  EXPECT_EQ(run.status().up, 1u);
}

// ---- accounts

TEST(Actor, CountsReconcileFromPlannedToDelivered) {
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    FleetRun run(plan_of({paced(3, 10, qos), consumers("audience", 2, {"t/+"})}, 2s));
    run.driver.script.latency = 7ms;
    run.play();
    const FleetStatus status = run.status();
    EXPECT_EQ(status.planned, 60u);
    EXPECT_EQ(status.offered, 60u);
    EXPECT_EQ(status.expected, 120u);
    EXPECT_EQ(status.received, 120u);
    EXPECT_EQ(status.backlog, 0u);
    EXPECT_EQ(status.unwritten, 0u);
    EXPECT_EQ(status.unacknowledged, 0u);
    EXPECT_EQ(run.count(Counter::offered), 60u);
    EXPECT_EQ(run.count(Counter::written), 60u);
    EXPECT_EQ(run.count(Counter::acknowledged), qos == QoS::at_most_once ? 0u : 60u);
    EXPECT_EQ(run.count(Counter::delivered), 120u);
    EXPECT_EQ(run.driver.arrivals.size(), 60u);
    const auto tallies = run.audit();
    EXPECT_EQ(tallies[0].offered, 60u);
    EXPECT_EQ(tallies[0].written, 60u);
    EXPECT_EQ(tallies[0].acknowledged, run.count(Counter::acknowledged));
    EXPECT_EQ(tallies[0].received, 0u);
    EXPECT_EQ(tallies[1].received, 120u);
    EXPECT_EQ(tallies[1].ledger, (LedgerCounts{120, 120, 0, 0, 0}));
    const uint64_t round_trips = qos == QoS::exactly_once ? 2 : 1;
    if (qos != QoS::at_most_once) {
      EXPECT_EQ(run.histogram(Metric::publish_ack).min(), to_ns(14ms * round_trips));
    }
    EXPECT_EQ(run.histogram(Metric::latency).min(), to_ns(14ms));
    EXPECT_EQ(run.histogram(Metric::latency).max(), to_ns(14ms));
  }
}

TEST(Actor, ADeviceHearsAndSpeaks) {
  GroupPlan device = paced(3, 10);
  device.subscribe.push_back({"t/{i}", {}});
  FleetRun run(plan_of({device}, 1s));
  run.play();
  EXPECT_EQ(run.status().received, 30u);
  EXPECT_EQ(run.audit()[0].written, 30u);
  EXPECT_EQ(run.audit()[0].ledger, (LedgerCounts{30, 30, 0, 0, 0}));
}

TEST(Actor, LostDoubledAndSwappedMessagesAreCountedExactly) {
  RecordProperty("req", "Z-04");
  FleetRun run(plan_of({paced(1, 100), consumers("audience", 2, {"t/0"})}, 1s));
  run.driver.script.copies_of = [](size_t n) {
    if (n == 3 || n == 40 || n == 99) return 0;
    if (n == 10 || n == 60) return 2;
    if (n == 70) return 3;
    return n == 20 || n == 80 || n == 85 ? -1 : 1;
  };
  run.play();
  EXPECT_EQ(run.audit()[1].ledger, (LedgerCounts{200, 194, 6, 8, 6}));
  EXPECT_EQ(run.status().expected, 200u);
  EXPECT_EQ(run.status().received, 194u);
  EXPECT_EQ(run.count(Counter::delivered), 202u) << "doubles included";
  EXPECT_EQ(run.histogram(Metric::latency).count(), 194u) << "a double is not measured";
}

TEST(Actor, MessagesOfOthersAreKeptApart) {
  FleetRun run(plan_of({paced(2, 10), consumers("audience", 1, {"t/0"})}, 1s));
  run.start();
  const auto hear = [&](const Stamp& stamp) {
    std::string payload(kStampSize, '\0');
    write_stamp(stamp, std::span<uint8_t, kStampSize>(reinterpret_cast<uint8_t*>(payload.data()), kStampSize));
    protocol::Publish publish;
    publish.topic = "t/0";
    publish.payload = as_bytes(payload);
    run.driver.inject(2, publish);
    run.run_for(0s);
  };
  hear({FleetRun::kRunId + 1, 0, 0, run.zero, run.zero});  // another run
  hear({FleetRun::kRunId, 1, 0, run.zero, run.zero});      // a stream it does not listen to
  hear({FleetRun::kRunId, 2, 0, run.zero, run.zero});      // a stream there is not
  hear({FleetRun::kRunId, UINT32_MAX, 0, run.zero, run.zero});
  EXPECT_EQ(run.count(Counter::foreign), 4u);
  protocol::Publish plain;
  plain.topic = "t/0";
  plain.payload = as_bytes("hello");
  run.driver.inject(2, plain);
  run.run_for(0s);
  EXPECT_EQ(run.count(Counter::undecodable), 1u);
  EXPECT_EQ(run.count(Counter::delivered), 1u) << "its own first message, sent at time zero";
  EXPECT_EQ(run.status().received, 1u);
}

TEST(Actor, AFailedPublishIsCountedAndNamed) {
  GroupPlan group = paced(1, 10, QoS::at_least_once);
  group.client.version = protocol::ProtocolVersion::v5_0;
  FleetRun run(plan_of({group}, 1s));
  run.driver.script.puback_reason = protocol::ReasonCode::quota_exceeded;
  run.play();
  EXPECT_EQ(run.count(Counter::acknowledged), 0u);
  EXPECT_EQ(run.count(Counter::publish_failed), 10u);
  EXPECT_EQ(run.status().unacknowledged, 0u);
  ASSERT_EQ(run.fleet.recorder().errors().size(), 1u);
  const auto& [text, error] = *run.fleet.recorder().errors().begin();
  EXPECT_TRUE(text.starts_with("publish refused: ")) << text;
  EXPECT_EQ(error.count, 10u);
  EXPECT_EQ(error.reason, 0x97);
}

TEST(Actor, WrittenMeansWhollyOnTheStream) {
  GroupPlan group = paced(1, 10);
  group.publish->payload = {.kind = PayloadKind::size, .size = 1000};
  FleetRun run(plan_of({group}, 1s));
  run.start();
  run.driver.script.write_limit = 300;
  run.run_for(25us);  // three writes of the first message's 1007 bytes, the fourth is still to come
  EXPECT_EQ(run.status().unwritten, 1u);
  EXPECT_EQ(run.count(Counter::written), 0u);
  EXPECT_EQ(run.driver.arrivals.size(), 0u);
  run.run_for(10us);
  EXPECT_EQ(run.status().unwritten, 0u);
  EXPECT_EQ(run.count(Counter::written), 1u);
  EXPECT_EQ(run.driver.arrivals.size(), 1u);
}

// ---- stalls and windows

TEST(PacedActor, AServerStalledForASecondIsSeenInEveryMessageItHeldUp) {
  RecordProperty("req", "Z-03");
  FleetRun run(plan_of({paced(1, 100, QoS::at_least_once), consumers("audience", 1, {"t/0"})}, 5s));
  run.start();
  run.driver.script.stall = {run.zero + 2s, run.zero + 3s};
  run.run_for(6s);
  const metrics::Histogram& latency = run.histogram(Metric::latency);
  ASSERT_EQ(latency.count(), 500u);
  std::vector<uint64_t> quarters(4);
  uint64_t slow = 0;
  latency.for_each_bucket([&](int64_t lower, int64_t, uint64_t count) {
    if (lower == 0) return;
    slow += count;
    quarters[static_cast<size_t>(std::min<int64_t>(lower / to_ns(250ms), 3))] += count;
  });
  EXPECT_EQ(slow, 100u) << "not one long wait but a hundred";
  for (const uint64_t quarter : quarters) EXPECT_NEAR(static_cast<double>(quarter), 25, 1);
  EXPECT_EQ(latency.max(), to_ns(1s));
  EXPECT_EQ(run.histogram(Metric::lateness).max(), 0) << "the generator was on time";
}

TEST(PacedActor, AStalledServerIsSeenAlsoThroughAClosedWindow) {
  RecordProperty("req", "Z-03");
  FleetRun run(plan_of({window_of(paced(1, 100, QoS::at_least_once), 10), consumers("audience", 1, {"t/0"})}, 5s));
  run.start();
  run.driver.script.stall = {run.zero + 2s, run.zero + 3s};
  run.run_for(6s);
  const metrics::Histogram& latency = run.histogram(Metric::latency);
  ASSERT_EQ(latency.count(), 500u);
  EXPECT_NEAR(static_cast<double>(latency.value_at_percentile(90)), 500e6, 15e6)
      << "a tenth waited for half a second or more";
  EXPECT_EQ(latency.max(), to_ns(1s));
  EXPECT_LT(run.histogram(Metric::latency_uncorrected).value_at_percentile(97), to_ns(1ms))
      << "what the send time alone would tell";
  EXPECT_EQ(run.histogram(Metric::lateness).max(), 0);
}

TEST(PacedActor, StopsAtItsWindowAndGoesOnWhenItOpens) {
  FleetRun run(plan_of({window_of(paced(1, 10, QoS::at_least_once), 2), consumers("audience", 1, {"t/0"})}, 2s));
  run.driver.script.acknowledges = false;
  run.start();
  run.run_for(1s - 1ns);
  EXPECT_EQ(run.driver.arrivals.size(), 2u);
  EXPECT_EQ(run.status().offered, 10u) << "time goes on for what waits";
  EXPECT_EQ(run.status().backlog, 8u);
  EXPECT_EQ(run.status().unacknowledged, 2u);
  run.driver.release_acknowledgements();
  run.run_for(0s);
  EXPECT_EQ(run.driver.arrivals.size(), 10u);
  EXPECT_EQ(run.status().backlog, 0u);
  EXPECT_EQ(run.driver.arrivals[2].stamp->intended, run.zero + 200ms);
  EXPECT_EQ(run.driver.arrivals[2].stamp->sent, run.zero + 1s - 1ns);
  run.run_for(2s);
  EXPECT_EQ(run.status().received, 20u);
  EXPECT_EQ(run.count(Counter::acknowledged), 20u);
}

TEST(UnpacedActor, HasNoMoreThanItsWindowUnderWayEndToEnd) {
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once}) {
    FleetRun run(plan_of({unpaced(1, 5, qos), consumers("audience", 2, {"t/0"})}, 1s));
    run.driver.script.latency = 10ms;
    run.start();
    run.run_for(15ms);
    EXPECT_EQ(run.driver.arrivals.size(), 5u);
    EXPECT_EQ(run.status().received, 0u);
    EXPECT_EQ(run.status().offered, 5u);
    run.run_for(1s);
    EXPECT_EQ(run.driver.arrivals.size(), 250u) << "five in every 20 ms";
    EXPECT_EQ(run.status().expected, 500u);
    EXPECT_EQ(run.status().received, 500u);
    EXPECT_EQ(run.status().backlog, 0u);
    EXPECT_EQ(run.status().planned, 0u);
    EXPECT_EQ(run.histogram(Metric::latency).max(), to_ns(20ms));
    EXPECT_EQ(run.histogram(Metric::lateness).count(), 0u) << "it means to send when it sends";
  }
}

TEST(UnpacedActor, AWindowHeldByLostMessagesIsWrittenOffAfterASecond) {
  FleetRun run(plan_of({unpaced(1, 5), consumers("audience", 1, {"t/0"})}, 3s));
  run.driver.script.copies_of = [](size_t) { return 0; };
  run.driver.script.latency = 1ms;
  run.start();
  run.run_for(990ms);
  EXPECT_EQ(run.driver.arrivals.size(), 5u);
  run.run_for(1s);
  EXPECT_EQ(run.driver.arrivals.size(), 10u);
  run.run_for(2s);
  EXPECT_EQ(run.driver.arrivals.size(), 15u) << "nothing is sent after the end";
  EXPECT_EQ(run.audit()[1].ledger, (LedgerCounts{15, 0, 15, 0, 0}));
}

TEST(UnpacedActor, WithoutReceiversKeepsTheStreamFullAndTheOutputBounded) {
  FleetRun run(plan_of({unpaced(1, 5)}, 10ms));
  run.driver.script.write_limit = 10'000;
  run.start();
  run.run_for(5ms);
  const uint64_t written = run.count(Counter::written);
  EXPECT_GT(written, 40'000u) << "500 writes of 10,000 bytes, 107 a message";
  EXPECT_LT(run.status().unwritten, 3'000u) << "no more than the client's output limit";
  EXPECT_EQ(run.status().offered, written + run.status().unwritten);
  run.run_for(1s);
  EXPECT_EQ(run.status().unwritten, 0u);
  EXPECT_EQ(run.driver.arrivals.size(), run.status().offered);
  EXPECT_EQ(run.status().expected, 0u);
}

TEST(UnpacedActor, SaysNoMoreThanItsMessages) {
  GroupPlan group = unpaced(2, 5);
  group.publish->messages = 12;
  FleetRun run(plan_of({group, consumers("audience", 2, {"t/{i}"})}, 1s));
  run.driver.script.latency = 1ms;
  run.play();
  EXPECT_EQ(run.driver.arrivals.size(), 24u);
  EXPECT_EQ(run.status().received, 24u);
}

// A server that takes no QoS above 0 [MQTT-3.2.2-11].
FleetRun run_on_simple_server(GroupPlan group) {
  group.client.version = protocol::ProtocolVersion::v5_0;
  return FleetRun(plan_of({std::move(group)}, 2s));
}

TEST(PacedActor, GivesUpWhatTheServerDoesNotTake) {
  FleetRun run = run_on_simple_server(paced(1, 10, QoS::at_least_once));
  run.driver.script.connack_properties.number(protocol::PropertyId::maximum_qos, 0);
  run.play();
  EXPECT_EQ(run.driver.arrivals.size(), 0u);
  EXPECT_EQ(run.status().offered, 20u);
  EXPECT_EQ(run.status().backlog, 0u);
  EXPECT_EQ(run.status().expected, 0u);
  EXPECT_EQ(run.count(Counter::publish_failed), 20u);
  ASSERT_EQ(run.fleet.recorder().errors().size(), 1u);
  EXPECT_NE(run.fleet.recorder().errors().begin()->first.find("does not take such a message"), std::string::npos);
}

TEST(PacedActor, AfterGivingUpSomeTheRestKeepTheirTimes) {
  GroupPlan group = paced(1, 10, QoS::at_least_once);
  group.client.reconnect_period = group.client.reconnect_period_max = 1ms;
  FleetRun run = run_on_simple_server(std::move(group));
  run.driver.script.connack_properties.number(protocol::PropertyId::maximum_qos, 0);
  run.start();
  run.run_for(450ms);
  run.driver.script.connack_properties.clear();
  run.driver.lose(0);
  run.run_for(5s);
  EXPECT_EQ(run.count(Counter::publish_failed), 5u);
  ASSERT_EQ(run.driver.arrivals.size(), 15u);
  for (uint32_t k = 0; k < 15; ++k) {
    EXPECT_EQ(run.driver.arrivals[k].stamp->sequence, k);
    EXPECT_EQ(run.driver.arrivals[k].stamp->intended, run.zero + 500ms + k * 100ms);
  }
}

TEST(UnpacedActor, DoesNotSpinOnWhatTheServerDoesNotTake) {
  FleetRun run = run_on_simple_server(unpaced(1, 5, QoS::at_least_once));
  run.driver.script.connack_properties.number(protocol::PropertyId::maximum_qos, 0);
  run.play();
  EXPECT_EQ(run.driver.arrivals.size(), 0u);
  EXPECT_GE(run.count(Counter::publish_failed), 1u);
  EXPECT_LE(run.count(Counter::publish_failed), 5u) << "once, and again after each second of waiting";
}

}  // namespace
}  // namespace mqtt_sim::load
