#include "core/load/fleet.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/cpp/load/fleet_run.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using metrics::Counter;
using metrics::Metric;
using protocol::QoS;

Plan pair_plan(uint32_t pairs = 3, QoS qos = QoS::at_most_once) {
  GroupPlan cast = producers("cast", pairs, "t/{i}");
  cast.publish->rate_per_s = 10;
  cast.publish->qos = qos;
  return plan_of({cast, consumers("audience", pairs, {"t/{i}"})}, 2s);
}

bool has_error(FleetRun& run, std::string_view text) { return run.fleet.recorder().errors().contains(text); }

// ---- bringing up

TEST(Fleet, IsReadyWhenAllAreConnectedAndSubscribed) {
  FleetRun run(pair_plan());
  run.driver.script.latency = 5ms;
  run.board();
  EXPECT_EQ(run.status().clients, 6u);
  run.fleet.connect_all(run.driver.now());
  run.run_for(15ms);  // stream, CONNECT, CONNACK
  EXPECT_EQ(run.status().up, 6u);
  EXPECT_EQ(run.status().ready, 3u) << "the audience has not subscribed yet";
  run.run_for(10ms);
  EXPECT_EQ(run.status().ready, 6u);
  EXPECT_EQ(run.driver.subscribes, 3u);
  EXPECT_FALSE(run.fleet.failure().has_value());
  EXPECT_EQ(run.count(Counter::connected), 6u);
  EXPECT_EQ(run.histogram(Metric::connect).count(), 6u);
  EXPECT_EQ(run.histogram(Metric::connect).max(), to_ns(15ms));
  EXPECT_EQ(run.histogram(Metric::connect_tcp).max(), to_ns(5ms));
  EXPECT_EQ(run.histogram(Metric::connect_connack).max(), to_ns(10ms));
  EXPECT_EQ(run.histogram(Metric::suback).count(), 3u);
  EXPECT_EQ(run.histogram(Metric::suback).max(), to_ns(10ms));
}

TEST(Fleet, SaysNothingBeforeItsStart) {
  FleetRun run(pair_plan());
  run.connect();
  run.run_for(10s);
  EXPECT_EQ(run.driver.arrivals.size(), 0u);
  EXPECT_EQ(run.status().planned, 0u);
  run.fleet.start(run.driver.now() + 500ms);
  EXPECT_EQ(run.status().planned, 60u);
  run.run_for(500ms - 1ns);
  EXPECT_EQ(run.driver.arrivals.size(), 0u);
  run.run_for(1ns);
  EXPECT_EQ(run.driver.arrivals.size(), 1u);
}

TEST(Fleet, ConnectsAtTheRateOfThePlan) {
  Plan plan = pair_plan(2);
  plan.connect_rate_per_s = 10;
  FleetRun run(std::move(plan));
  const Instant begin = run.driver.now();
  run.connect();
  EXPECT_EQ(run.driver.openings, (std::vector<Instant>{begin, begin + 100ms, begin + 200ms, begin + 300ms}));
}

TEST(Fleet, SubscribesAlsoIntoASessionTheServerStillHas) {
  GroupPlan group = consumers("audience", 1, {"t"});
  group.client.clean_start = false;
  FleetRun run(plan_of({group}));
  run.driver.script.session_present = true;
  run.connect();
  EXPECT_EQ(run.driver.subscribes, 1u);
  EXPECT_EQ(run.status().ready, 1u);
}

struct Refusal {
  const char* name;
  std::function<void(ServerScript&)> script;
  std::string kind;
  std::string text_part;
  uint8_t reason;
  uint32_t failed;
};

class FleetBringUp : public ::testing::TestWithParam<Refusal> {};

TEST_P(FleetBringUp, FailureNamesItsKindAndCountsTheClients) {
  FleetRun run(pair_plan());
  GetParam().script(run.driver.script);
  run.connect();
  run.run_for(60s);
  EXPECT_EQ(run.status().failed, GetParam().failed);
  EXPECT_EQ(run.status().ready, 6u - GetParam().failed);
  ASSERT_TRUE(run.fleet.failure().has_value());
  const Failure& failure = *run.fleet.failure();
  EXPECT_EQ(failure.kind, GetParam().kind);
  EXPECT_NE(failure.text.find(GetParam().text_part), std::string::npos) << failure.text;
  EXPECT_EQ(failure.reason, GetParam().reason);
  EXPECT_EQ(failure.clients, GetParam().failed);
  EXPECT_TRUE(has_error(run, failure.text));
}

INSTANTIATE_TEST_SUITE_P(
    Refusals, FleetBringUp,
    ::testing::Values(Refusal{"WrongPassword", [](ServerScript& script) { script.connack_code = 4; }, "refused",
                              "broker refused the connection: ", 0x86, 6},
                      Refusal{"ServerUnavailable", [](ServerScript& script) { script.connack_code = 3; }, "refused",
                              "broker refused the connection: ", 0x88, 6},
                      Refusal{"SubscriptionRefused", [](ServerScript& script) { script.suback_code = 0x80; }, "refused",
                              "broker refused the subscription: ", 0x80, 3},
                      Refusal{"NoSuback", [](ServerScript& script) { script.answers_subscribe = false; },
                              "subscribe_timeout", "no answer to SUBSCRIBE in time", 0, 3},
                      Refusal{"NobodyListens", [](ServerScript& script) { script.opening = CloseReason::refused; },
                              "unreachable", "refused", 0, 6},
                      Refusal{"NoRoute", [](ServerScript& script) { script.opening = CloseReason::unreachable; },
                              "unreachable", "", 0, 6},
                      Refusal{"NoPorts", [](ServerScript& script) { script.opening = CloseReason::no_ports; },
                              "no_ports", "", 0, 6},
                      Refusal{"NoDescriptors", [](ServerScript& script) { script.opening = CloseReason::descriptors; },
                              "descriptors", "", 0, 6},
                      Refusal{"NoConnack", [](ServerScript& script) { script.answers_connect = false; },
                              "connect_timeout", "connack timeout", 0, 6}),
    [](const auto& test) { return test.param.name; });

TEST(Fleet, CountsRefusedAndUnreachableAttempts) {
  FleetRun refused(pair_plan());
  refused.driver.script.connack_code = 5;
  refused.connect();
  EXPECT_EQ(refused.count(Counter::refused), 6u);
  EXPECT_EQ(refused.count(Counter::connected), 0u);
  EXPECT_EQ(refused.status().up, 0u);

  FleetRun unreachable(pair_plan());
  unreachable.driver.script.opening = CloseReason::refused;
  unreachable.connect();
  EXPECT_EQ(unreachable.count(Counter::connect_failed), 6u);
  EXPECT_EQ(unreachable.count(Counter::refused), 0u);
}

TEST(Fleet, AClientRefusedAgainIsOneFailure) {
  Plan plan = plan_of({consumers("audience", 1, {"t"})});
  plan.groups[0].client.reconnect_period = plan.groups[0].client.reconnect_period_max = 1ms;
  FleetRun run(std::move(plan));
  run.driver.script.suback_code = 0x80;
  run.connect();
  run.driver.lose(0);
  run.run_for(1s);
  EXPECT_EQ(run.driver.subscribes, 2u);
  EXPECT_EQ(run.status().failed, 1u);
  EXPECT_EQ(run.fleet.failure()->clients, 1u);
}

// ---- losing connections

TEST(Fleet, ALostConnectionIsCountedAndNamedAndIsNoFailureToBringUp) {
  FleetRun run(pair_plan());
  run.start();
  run.run_for(1s);
  run.driver.lose(0);
  run.driver.lose(5, CloseReason::peer);
  run.run_for(0s);
  EXPECT_EQ(run.status().up, 4u);
  EXPECT_EQ(run.status().failed, 0u);
  EXPECT_EQ(run.count(Counter::disconnected), 2u);
  EXPECT_FALSE(run.fleet.failure().has_value());
  EXPECT_TRUE(has_error(run, to_string(CloseReason::reset)));
  EXPECT_TRUE(has_error(run, to_string(CloseReason::peer)));
}

TEST(Fleet, WhatALostProducerMeantToSendIsOfferedAndStaysBacklog) {
  FleetRun run(pair_plan(1));
  run.start();
  run.run_for(950ms);
  run.driver.lose(0);
  run.run_for(2s);
  EXPECT_EQ(run.status().offered, 20u);
  EXPECT_EQ(run.status().backlog, 10u);
  EXPECT_EQ(run.driver.arrivals.size(), 10u);
  EXPECT_EQ(run.status().expected, 10u);
}

TEST(Fleet, AReconnectedProducerSendsItsBacklogWithTheIntendedTimes) {
  Plan plan = pair_plan(1);
  plan.groups[0].client.reconnect_period = 200ms;
  FleetRun run(std::move(plan));
  run.start();
  run.run_for(950ms);
  run.driver.script.opening = CloseReason::refused;
  run.driver.lose(0);
  run.run_for(500ms);
  EXPECT_EQ(run.status().backlog, 5u);
  run.driver.script.opening = CloseReason::local;
  run.run_for(5s);
  EXPECT_EQ(run.count(Counter::reconnected), 1u);
  EXPECT_EQ(run.count(Counter::connected), 2u);
  EXPECT_EQ(run.status().up, 2u);
  EXPECT_EQ(run.status().ready, 2u);
  EXPECT_EQ(run.status().backlog, 0u);
  ASSERT_EQ(run.driver.arrivals.size(), 20u);
  for (uint32_t k = 0; k < 20; ++k) {
    EXPECT_EQ(run.driver.arrivals[k].stamp->sequence, k);
    EXPECT_EQ(run.driver.arrivals[k].stamp->intended, run.zero + k * 100ms);
  }
  EXPECT_GE(run.histogram(Metric::latency).max(), to_ns(450ms));
  EXPECT_EQ(run.histogram(Metric::lateness).max(), 0) << "the wait was not the generator's";
}

TEST(Fleet, AReconnectedConsumerSubscribesAgainAndWhatItMissedIsLost) {
  Plan plan = pair_plan(1);
  plan.groups[1].client.reconnect_period = 1ms;
  plan.groups[1].client.reconnect_period_max = 1ms;
  FleetRun run(std::move(plan));
  run.start();
  run.run_for(450ms);
  run.driver.script.opening = CloseReason::refused;
  run.driver.lose(1);
  run.run_for(300ms);
  run.driver.script.opening = CloseReason::local;
  run.run_for(5s);
  EXPECT_EQ(run.driver.subscribes, 2u);
  EXPECT_EQ(run.status().ready, 2u) << "each client once";
  EXPECT_EQ(run.audit()[1].ledger, (LedgerCounts{20, 17, 3, 0, 0}));
}

TEST(Fleet, PublishesUnacknowledgedOnALostConnectionAreGivenUp) {
  FleetRun run(pair_plan(1, QoS::at_least_once));
  run.driver.script.acknowledges = false;
  run.start();
  run.run_for(450ms);
  EXPECT_EQ(run.status().unacknowledged, 5u);
  run.driver.lose(0);
  run.run_for(0s);
  EXPECT_EQ(run.status().unacknowledged, 0u);
  EXPECT_EQ(run.count(Counter::publish_failed), 5u);
  EXPECT_TRUE(has_error(run, "connection lost before the publish was acknowledged"));
}

TEST(Fleet, BytesNotYetWrittenOnALostConnectionAreForgotten) {
  FleetRun run(pair_plan(1));
  run.start();
  run.run_for(50ms);
  run.driver.script.write_limit = 0;
  run.run_for(400ms);
  EXPECT_EQ(run.status().unwritten, 4u);
  run.driver.lose(0);
  run.run_for(0s);
  EXPECT_EQ(run.status().unwritten, 0u);
  EXPECT_EQ(run.count(Counter::written), 1u);
  EXPECT_EQ(run.count(Counter::unsent), 4u);
}

// ---- ending

TEST(Fleet, AfterStopSendingNothingMoreFallsDue) {
  FleetRun run(pair_plan());
  run.start();
  run.run_for(1s - 1ns);
  run.fleet.stop_sending(run.driver.now());
  EXPECT_EQ(run.status().planned, 30u);
  run.run_for(5s);
  EXPECT_EQ(run.status().offered, 30u);
  EXPECT_EQ(run.driver.arrivals.size(), 30u);
  EXPECT_EQ(run.status().received, 30u);
  EXPECT_EQ(run.audit()[1].ledger, (LedgerCounts{30, 30, 0, 0, 0}));
}

TEST(Fleet, AfterStopSendingABacklogIsStillSent) {
  Plan plan = pair_plan(1, QoS::at_least_once);
  plan.groups[0].client.in_flight_maximum = 2;
  FleetRun run(std::move(plan));
  run.driver.script.acknowledges = false;
  run.start();
  run.run_for(1s - 1ns);
  run.fleet.stop_sending(run.driver.now());
  EXPECT_EQ(run.status().backlog, 8u);
  run.driver.release_acknowledgements();
  run.run_for(0s);
  EXPECT_EQ(run.status().backlog, 0u);
  EXPECT_EQ(run.driver.arrivals.size(), 10u);
}

TEST(Fleet, AfterStopSendingAnUnpacedProducerIsSilent) {
  Plan plan = pair_plan(1);
  plan.groups[0].publish->rate_per_s = 0;
  plan.groups[0].publish->in_flight = 5;
  FleetRun run(std::move(plan));
  run.driver.script.latency = 10ms;
  run.start();
  run.run_for(110ms);
  run.fleet.stop_sending(run.driver.now());
  const uint64_t offered = run.status().offered;
  EXPECT_GT(offered, 0u);
  run.run_for(5s);
  EXPECT_EQ(run.status().offered, offered);
  EXPECT_EQ(run.driver.arrivals.size(), offered);
  EXPECT_EQ(run.status().received, offered);
}

TEST(Fleet, FinishSaysDisconnectAndIsNoLoss) {
  FleetRun run(pair_plan());
  run.play();
  run.fleet.finish(run.driver.now());
  run.run_for(1s);
  EXPECT_EQ(run.status().finished, 6u);
  EXPECT_EQ(run.status().up, 0u);
  EXPECT_EQ(run.driver.disconnects, 6u);
  EXPECT_EQ(run.count(Counter::disconnected), 0u);
  EXPECT_TRUE(run.fleet.recorder().errors().empty());
  EXPECT_FALSE(run.fleet.failure().has_value());
}

TEST(Fleet, WhatIsUnacknowledgedAtTheEndIsCountedAndIsNoLossOfTheConnection) {
  FleetRun run(pair_plan(1, QoS::at_least_once));
  run.driver.script.acknowledges = false;
  run.start();
  run.run_for(450ms);
  run.fleet.finish(run.driver.now());
  run.run_for(1s);
  EXPECT_EQ(run.count(Counter::unacknowledged), 5u);
  EXPECT_EQ(run.count(Counter::publish_failed), 0u);
  EXPECT_TRUE(run.fleet.recorder().errors().empty());
}

TEST(Fleet, FinishCountsEachClientOnceWhateverItsState) {
  Plan plan = pair_plan();
  plan.groups[0].client.reconnect_period = 1h;
  plan.groups[0].client.reconnect_period_max = 1h;
  FleetRun run(std::move(plan));
  run.start();
  run.driver.lose(0);  // waits to reconnect
  run.driver.lose(3);  // stays closed
  run.run_for(0s);
  run.fleet.finish(run.driver.now());
  run.run_for(10s);
  EXPECT_EQ(run.status().finished, 6u);
  EXPECT_EQ(run.driver.disconnects, 4u);
  EXPECT_EQ(run.driver.openings.size(), 6u) << "nobody comes back";
}

TEST(Fleet, FinishBeforeAnyoneIsUpEndsToo) {
  FleetRun idle(pair_plan());
  idle.board();
  idle.fleet.finish(idle.driver.now());
  EXPECT_EQ(idle.status().finished, 6u);

  FleetRun connecting(pair_plan());
  connecting.driver.script.answers_connect = false;
  connecting.connect();
  connecting.fleet.finish(connecting.driver.now());
  connecting.run_for(10s);
  EXPECT_EQ(connecting.status().finished, 6u);
  EXPECT_EQ(connecting.status().failed, 0u);

  Plan slow = pair_plan();
  slow.connect_rate_per_s = 0.1;
  FleetRun waiting(std::move(slow));
  waiting.connect();
  EXPECT_EQ(waiting.status().up, 1u);
  waiting.fleet.finish(waiting.driver.now());
  waiting.run_for(100s);
  EXPECT_EQ(waiting.status().finished, 6u);
  EXPECT_EQ(waiting.driver.openings.size(), 1u);
}

// ---- shape of the load

TEST(Fleet, SendBinsCountEachTenthOfASecond) {
  FleetRun run(pair_plan(5));
  run.play();
  EXPECT_EQ(run.fleet.send_bins(), std::vector<uint32_t>(20, 5));
}

TEST(Fleet, SameSeedSameBytes) {
  RecordProperty("req", "Z-02");
  const auto payloads = [](uint64_t seed) {
    Plan plan = pair_plan();
    plan.seed = seed;
    plan.groups[0].publish->payload = {.kind = PayloadKind::text_template, .text = "{random} {seq} {epoch_ms}"};
    FleetRun run(std::move(plan));
    run.play();
    std::vector<std::string> all;
    for (const Arrival& arrival : run.driver.arrivals) all.push_back(arrival.payload);
    return all;
  };
  EXPECT_EQ(payloads(1).size(), 60u);
  EXPECT_EQ(payloads(1), payloads(1));
  EXPECT_NE(payloads(1), payloads(2));
}

}  // namespace
}  // namespace mqtt_sim::load
