// Scripts and shards: devices of a run in both times, phases told, orders carried, and a run that goes on only when
// its scripts let it.
#include "core/engine/script_port.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <nlohmann/json.hpp>

#include "core/engine/run.hpp"
#include "tests/cpp/engine/plan_text.hpp"

namespace mqtt_sim::engine {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json scripted_plan(const char* driver, uint32_t devices, uint32_t shards = 1) {
  json plan = plan_part(driver, 1, 1);
  plan["shards"] = shards;
  plan["drain_ns"] = 100'000'000;
  plan["groups"].push_back({{"name", "scripted"},
                            {"count", devices},
                            {"client", client_part()},
                            {"publish", nullptr},
                            {"subscribe", json::array()},
                            {"script", true}});
  return plan;
}

load::PublishOrder message(uint64_t cookie) {
  load::PublishOrder order;
  order.cookie = cookie;
  order.qos = protocol::QoS::at_least_once;
  order.topic = "from/script";
  return order;
}

void end_all(ScriptPort& port, uint32_t devices) {
  for (uint32_t device = 1; device <= devices; ++device)
    port.command(device, [](load::ScriptedClient& client, Instant now) {
      client.end(now, 0s, protocol::ReasonCode::success, {});
    });
}

size_t settled(const std::vector<ScriptPort::Delivery>& batch) {
  size_t count = 0;
  for (const auto& delivery : batch)
    for (const load::Note& note : delivery.notes) count += std::holds_alternative<load::SettledNote>(note) ? 1 : 0;
  return count;
}

// Plays a script that publishes once with each device; `wait` lets something happen.
template <class Wait>
json play(Run& run, uint32_t devices, Wait wait) {
  ScriptPort& port = *run.scripts();
  size_t count = 0;
  bool has_begun = false;
  bool has_ended = false;
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!run.is_done() && std::chrono::steady_clock::now() < limit) {
    wait();
    count += settled(port.fetch());
    const Phase phase = port.stage().phase;
    if (phase == Phase::running && !std::exchange(has_begun, true)) {
      for (uint32_t device = 1; device <= devices; ++device) port.order(device, message(1));
    }
    if (phase >= Phase::draining) run.set_scripts_running(0);
    if (phase == Phase::finishing && !std::exchange(has_ended, true)) end_all(port, devices);
    port.end_turn();
  }
  EXPECT_TRUE(run.is_done());
  EXPECT_EQ(count, devices);
  return json::parse(run.result());
}

void expect_counts(const json& result, uint32_t devices) {
  EXPECT_TRUE(result["failure"].is_null()) << result["failure"];
  EXPECT_EQ(result["counts"]["device_sent"], devices);
  EXPECT_EQ(result["counts"]["lost"], 0);
  EXPECT_EQ(result["counts"]["connected"], 3 + devices);
  EXPECT_EQ(result["counts"]["written"], 25);
  EXPECT_EQ(result["groups"][3]["role"], "script");
  EXPECT_EQ(result["groups"][3]["counts"]["acknowledged"], devices);
}

TEST(ScriptPort, CarriesOrdersAndNotesInRealTimeOverSeveralShards) {
  auto run = Run::make(scripted_plan("net", 7, 2).dump());
  ASSERT_TRUE(run);
  ASSERT_FALSE((*run)->start());
  const auto wait = [&] {
    pollfd readable{(*run)->scripts()->descriptor(), POLLIN, 0};
    ::poll(&readable, 1, 20);
  };
  expect_counts(play(**run, 7, wait), 7);
}

TEST(ScriptPort, InVirtualTimeTheScriptDrivesTheRun) {
  const auto once = [] {
    auto run = Run::make(scripted_plan("sim", 7).dump());
    EXPECT_FALSE((*run)->start());
    EXPECT_EQ((*run)->now(), Instant{});
    json result = play(**run, 7, [&] { (*run)->advance(kNever); });
    expect_counts(result, 7);
    return result.dump();
  };
  EXPECT_EQ(once(), once());
}

TEST(ScriptPort, VirtualTimeStopsAtTheInstantAsked) {
  auto run = Run::make(scripted_plan("sim", 1).dump());
  ASSERT_FALSE((*run)->start());
  while ((*run)->scripts()->stage().phase != Phase::running) {
    (*run)->advance(kNever);
    (*run)->scripts()->fetch();
  }
  const Instant asked = (*run)->now() + Duration(123'456'789);
  EXPECT_EQ((*run)->advance(asked), asked);
  EXPECT_EQ((*run)->advance(asked), asked);
}

void reach_running(Run& run) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (run.scripts()->stage().phase != Phase::running && std::chrono::steady_clock::now() < limit) {
    pollfd readable{run.scripts()->descriptor(), POLLIN, 0};
    ::poll(&readable, 1, 20);
    run.scripts()->fetch();
  }
  ASSERT_EQ(run.scripts()->stage().phase, Phase::running);
}

size_t settled_within(ScriptPort& port, std::chrono::milliseconds patience, size_t wanted) {
  size_t count = 0;
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (count < wanted && std::chrono::steady_clock::now() < limit) {
    pollfd readable{port.descriptor(), POLLIN, 0};
    ::poll(&readable, 1, 20);
    count += settled(port.fetch());
  }
  return count;
}

TEST(ScriptPort, OrdersOfATurnLeaveTogetherAtItsEnd) {
  auto run = Run::make(scripted_plan("net", 2).dump());
  ASSERT_FALSE((*run)->start());
  reach_running(**run);
  ScriptPort& port = *(*run)->scripts();
  port.end_turn();
  port.order(1, message(1));
  EXPECT_EQ(settled_within(port, 100ms, 1), 0u);
  port.end_turn();
  EXPECT_EQ(settled_within(port, 20s, 1), 1u);
  (*run)->abort();
}

TEST(ScriptPort, ManyOrdersDoNotWaitForTheEndOfTheTurn) {
  auto run = Run::make(scripted_plan("net", 1).dump());
  ASSERT_FALSE((*run)->start());
  reach_running(**run);
  ScriptPort& port = *(*run)->scripts();
  for (uint64_t cookie = 1; cookie <= 64; ++cookie) port.order(1, message(cookie));
  EXPECT_EQ(settled_within(port, 20s, 64), 64u);
  (*run)->abort();
}

TEST(ScriptPort, LatenessCountsFromWhenTheScriptShouldHaveGoneOn) {
  auto run = Run::make(scripted_plan("sim", 2).dump());
  ASSERT_FALSE((*run)->start());
  ScriptPort& port = *(*run)->scripts();
  while (port.stage().phase != Phase::running) {
    (*run)->advance(kNever);
    port.fetch();
  }
  (*run)->advance((*run)->now() + 500ms);
  port.go_on(1, (*run)->now() - 30ms);
  port.order(1, message(1));
  port.order(2, message(1));  // another one: not late
  (*run)->advance((*run)->now() + 1ms);
  port.order(1, message(2));  // in another turn: not late
  (*run)->advance((*run)->now() + 1ms);
  (*run)->set_scripts_running(0);
  (*run)->abort();
  for (int turn = 0; turn < 10'000 && !(*run)->is_done(); ++turn) {
    (*run)->advance(kNever);
    port.fetch();
  }
  ASSERT_TRUE((*run)->is_done());
  const json lateness = json::parse((*run)->result())["metrics"]["device_lateness"];
  EXPECT_EQ(lateness["count"], 3);
  EXPECT_EQ(lateness["p50"], 0);
  EXPECT_NEAR(lateness["max"].get<double>(), 30e6, 0.1e6);
}

TEST(ScriptPort, OrdersAfterTheEndGoNowhere) {
  std::shared_ptr<ScriptPort> port;
  {
    auto run = Run::make(scripted_plan("net", 2).dump());
    ASSERT_FALSE((*run)->start());
    port = (*run)->scripts();
    (*run)->abort();
    (*run)->result();
  }
  port->order(1, message(1));
  port->order(99, message(1));
  port->command(2, [](load::ScriptedClient&, Instant) { FAIL(); });
}

TEST(ScriptPort, PlanWithoutScriptHasNone) {
  auto run = Run::make(plan_part("net", 1, 1).dump());
  ASSERT_TRUE(run);
  EXPECT_EQ((*run)->scripts(), nullptr);
}

TEST(ScriptPort, GroupWithScriptAndTimetableIsRefused) {
  json plan = scripted_plan("net", 1);
  plan["groups"][3]["publish"] = publish_part(0);
  const auto run = Run::make(plan.dump());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().path, "groups.3.script");
}

}  // namespace
}  // namespace mqtt_sim::engine
