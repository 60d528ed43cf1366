// A scripted device in its fleet: connected and counted like any client, told about like any script.
#include "core/load/device.hpp"

#include <gtest/gtest.h>

#include "tests/cpp/load/fleet_run.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using metrics::Counter;

class Script final : public ScriptSink {
 public:
  void board(Device& device) override { devices.push_back(&device); }
  void take(Device& device, std::vector<Note>& taken) override {
    for (Note& note : taken) notes.emplace_back(device.number(), std::move(note));
    taken.clear();
  }
  template <class Kind>
  size_t count() const {
    size_t found = 0;
    for (const auto& [number, note] : notes) found += std::holds_alternative<Kind>(note) ? 1 : 0;
    return found;
  }

  std::vector<Device*> devices;
  std::vector<std::pair<uint64_t, Note>> notes;
};

Plan scripted_plan(uint32_t count) {
  GroupPlan group = consumers("scripted", count, {});
  group.is_scripted = true;
  Plan plan = plan_of({group});
  return plan;
}

struct ScriptedRun : FleetRun {
  explicit ScriptedRun(uint32_t count) : FleetRun(scripted_plan(count)) { context.scripts = &script; }
  Script script;
};

PublishOrder publish(uint64_t cookie, protocol::QoS qos) {
  PublishOrder order;
  order.cookie = cookie;
  order.qos = qos;
  order.topic = "t";
  return order;
}

TEST(Device, IsConnectedByTheFleetAndReadyWithItsConnack) {
  ScriptedRun run(3);
  run.connect();
  EXPECT_EQ(run.status().clients, 3u);
  EXPECT_EQ(run.status().ready, 3u);
  EXPECT_EQ(run.status().up, 3u);
  EXPECT_EQ(run.count(Counter::connected), 3u);
  EXPECT_EQ(run.histogram(metrics::Metric::connect).count(), 3u);
  EXPECT_EQ(run.script.count<ConnectedNote>(), 3u);
  ASSERT_EQ(run.script.devices.size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(run.script.devices[i]->number(), i + 1);
}

TEST(Device, CountsItsMessagesByGroupAndNotAsMessagesOfThePlan) {
  ScriptedRun run(1);
  run.start();
  Device& device = *run.script.devices.front();
  device.order(publish(1, protocol::QoS::at_most_once), run.driver.now());
  device.order(publish(2, protocol::QoS::at_least_once), run.driver.now());
  device.wake();
  run.run_for(1s);
  const GroupTally tally = run.audit().front();
  EXPECT_EQ(tally.offered, 2u);
  EXPECT_EQ(tally.written, 2u);
  EXPECT_EQ(tally.acknowledged, 1u);
  EXPECT_EQ(run.count(Counter::device_sent), 2u);
  EXPECT_EQ(run.count(Counter::written), 0u);
  EXPECT_EQ(run.status().planned, 0u);
  EXPECT_EQ(run.script.count<SettledNote>(), 2u);
}

TEST(Device, IsLateFromWhenItsScriptMeantAMessageToLeaveUntilItIsOnTheStream) {
  ScriptedRun run(1);
  run.start();
  run.run_for(1s);
  Device& device = *run.script.devices.front();
  for (const auto qos : {protocol::QoS::at_most_once, protocol::QoS::at_least_once, protocol::QoS::exactly_once}) {
    PublishOrder order = publish(1 + static_cast<uint64_t>(qos), qos);
    order.wanted = run.driver.now() - 30ms;
    device.order(std::move(order), run.driver.now());
  }
  device.order(publish(4, protocol::QoS::at_most_once), run.driver.now());  // nobody measures that one
  EXPECT_EQ(run.histogram(metrics::Metric::device_lateness).count(), 0u);
  device.wake();
  run.run_for(1s);
  EXPECT_EQ(run.histogram(metrics::Metric::device_lateness).count(), 3u);
  EXPECT_EQ(run.histogram(metrics::Metric::device_lateness).min(), to_ns(30ms));
  EXPECT_EQ(run.histogram(metrics::Metric::device_lateness).max(), to_ns(30ms));
  EXPECT_EQ(run.histogram(metrics::Metric::lateness).count(), 0u);
}

TEST(Device, WaitsForItsConnectionWithoutBeingLate) {
  ScriptedRun run(1);
  run.start();
  run.run_for(1s);
  Device& device = *run.script.devices.front();
  device.client().kill(run.driver.now());
  device.wake();
  run.run_for(1s);
  device.client().connect(run.driver.now());
  PublishOrder order = publish(1, protocol::QoS::at_least_once);
  order.wanted = run.driver.now() - 5ms;
  device.order(std::move(order), run.driver.now());
  device.wake();
  run.run_for(1s);
  EXPECT_EQ(run.count(Counter::device_sent), 1u);
  EXPECT_EQ(run.histogram(metrics::Metric::device_lateness).count(), 1u);
  EXPECT_EQ(run.histogram(metrics::Metric::device_lateness).max(), to_ns(5ms));
}

TEST(Device, ThatEndsItselfHasLeftAndIsNotLost) {
  ScriptedRun run(2);
  run.start();
  run.script.devices.front()->client().end(run.driver.now(), 0s, protocol::ReasonCode::success, {});
  run.script.devices.front()->wake();
  run.run_for(1s);
  EXPECT_EQ(run.status().left, 1u);
  EXPECT_EQ(run.status().up, 1u);
  EXPECT_EQ(run.count(Counter::disconnected), 0u);
  EXPECT_FALSE(run.fleet.failure());
}

TEST(Device, AfterTheRunWaitsForItsScriptToEndIt) {
  ScriptedRun run(2);
  run.start();
  run.fleet.finish(run.driver.now());
  run.run_for(1s);
  EXPECT_EQ(run.status().finished, 0u);
  for (Device* device : run.script.devices) {
    device->client().end(run.driver.now(), 0s, protocol::ReasonCode::success, {});
    device->wake();
  }
  run.run_for(1s);
  EXPECT_EQ(run.status().finished, 2u);
}

}  // namespace
}  // namespace mqtt_sim::load
