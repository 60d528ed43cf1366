#include "core/engine/run.hpp"

#include <gtest/gtest.h>

#include "tests/cpp/engine/plan_text.hpp"

namespace mqtt_sim::engine {
namespace {

using nlohmann::json;

std::unique_ptr<Run> make_run(const json& plan) {
  auto run = Run::make(plan.dump());
  EXPECT_TRUE(run) << (run ? "" : run.error().path + ": " + run.error().message);
  return run ? std::move(*run) : nullptr;
}

json run_to_end(const json& plan) {
  const auto run = make_run(plan);
  if (!run) return {};
  const auto error = run->start();
  EXPECT_FALSE(error) << (error ? error->text : "");
  return json::parse(run->result());
}

json deliveries(const json& result) {
  json counts;
  for (const char* name : {"planned", "offered", "written", "acknowledged", "delivered", "expected", "lost",
                           "duplicated", "reordered", "connected"})
    counts[name] = result["counts"][name];
  return counts;
}

class BothDrivers : public ::testing::TestWithParam<int> {};

TEST_P(BothDrivers, give_equal_counts) {
  const json simulated = run_to_end(plan_part("sim", 20, GetParam()));
  const json real = run_to_end(plan_part("net", 20, GetParam()));
  EXPECT_EQ(deliveries(simulated), deliveries(real));
  EXPECT_EQ(real["counts"]["planned"], 500);
  EXPECT_EQ(real["counts"]["written"], 500);
  EXPECT_EQ(real["counts"]["delivered"], 1000);
  EXPECT_EQ(real["counts"]["lost"], 0);
  EXPECT_EQ(real["counts"]["acknowledged"], GetParam() == 0 ? 0 : 500);
  EXPECT_EQ(real["metrics"]["latency"]["count"], 1000);
}

INSTANTIATE_TEST_SUITE_P(qos, BothDrivers, ::testing::Values(0, 1, 2));

class EveryTransport : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryTransport, carries_a_run_to_the_embedded_broker) {
  for (const char* driver : {"net", "sim"}) {
    json plan = plan_part(driver, 5, 1);
    for (json& group : plan["groups"]) group["target"] = {{"transport", GetParam()}};
    const json result = run_to_end(plan);
    EXPECT_EQ(result["counts"]["delivered"], 250) << driver;
    EXPECT_EQ(result["counts"]["lost"], 0) << driver;
    EXPECT_EQ(result["errors"].dump(), "[]") << driver;
    const bool is_real = std::string(driver) == "net";
    const std::string transport = GetParam();
    const bool is_secured = transport == "tls" || transport == "wss";
    const bool is_upgraded = transport == "ws" || transport == "wss";
    EXPECT_EQ(result["metrics"]["connect_tls"]["count"], is_real && is_secured ? 11 : 0) << driver;
    EXPECT_EQ(result["metrics"]["connect_upgrade"]["count"], is_real && is_upgraded ? 11 : 0) << driver;
    if (!is_real) {
      EXPECT_TRUE(result["wire"].is_null());
      continue;
    }
    EXPECT_EQ(result["wire"]["tls_handshakes"], is_secured ? 11 : 0);
    const uint64_t wire_out = result["wire"]["bytes_out"];
    const uint64_t mqtt_out = result["counts"]["bytes_out"];
    EXPECT_EQ(wire_out > mqtt_out, transport != "tcp") << wire_out << " of the sockets, " << mqtt_out << " of MQTT";
  }
}

INSTANTIATE_TEST_SUITE_P(transports, EveryTransport, ::testing::Values("tcp", "tls", "ws", "wss"));

TEST(RealRun, groups_may_come_by_different_transports) {
  json plan = plan_part("net", 5, 2);
  plan["groups"][0]["target"] = {{"transport", "wss"}};
  plan["groups"][1]["target"] = {{"transport", "tls"}};
  plan["shards"] = 2;
  const json result = run_to_end(plan);
  EXPECT_EQ(result["counts"]["delivered"], 250);
  EXPECT_EQ(result["counts"]["acknowledged"], 125);
  EXPECT_EQ(result["wire"]["tls_handshakes"], 10);
}

TEST(RealRun, a_client_that_does_not_trust_the_broker_says_so) {
  json plan = plan_part("net", 1, 0);
  plan["broker"] = {{"port", 0}};
  plan["groups"][0]["target"] = {{"transport", "tls"}, {"tls", {{"system_ca", true}}}};
  const json result = run_to_end(plan);
  EXPECT_EQ(result["failure"]["kind"], "tls");
  const std::string text = result["failure"]["text"];
  EXPECT_NE(text.find("certificate"), std::string::npos) << text;
}

TEST(VirtualRun, same_seed_gives_the_same_bytes) {
  RecordProperty("req", "Z-02");
  const auto first = make_run(plan_part("sim", 30, 1));
  const auto second = make_run(plan_part("sim", 30, 1));
  first->start();
  second->start();
  EXPECT_EQ(first->result(), second->result());
}

TEST(VirtualRun, another_seed_gives_other_latencies) {
  json other = plan_part("sim", 30, 1);
  other["seed"] = 5;
  EXPECT_NE(run_to_end(plan_part("sim", 30, 1))["metrics"]["latency"], run_to_end(other)["metrics"]["latency"]);
}

TEST(VirtualRun, latency_is_two_links) {
  json plan = plan_part("sim", 1, 0);
  plan["link"] = {{"latency_ns", 1'000'000}, {"jitter_ns", 0}};
  const json result = run_to_end(plan);
  EXPECT_EQ(result["metrics"]["latency"]["min"], 2'000'000);
  EXPECT_EQ(result["metrics"]["latency"]["max"], 2'000'000);
  EXPECT_EQ(result["metrics"]["lateness"]["max"], 0);
}

TEST(VirtualRun, an_hour_takes_no_hour) {
  json plan = plan_part("sim", 2, 1);
  plan["duration_ns"] = 3'600'000'000'000;
  plan["groups"][0]["publish"]["rate_per_s"] = 1.0;
  const json result = run_to_end(plan);
  EXPECT_EQ(result["counts"]["written"], 7200);
  EXPECT_EQ(result["counts"]["lost"], 0);
  EXPECT_EQ(result["intervals"].size(), 3600);
}

TEST(RealRun, shares_the_clients_among_shards) {
  json plan = plan_part("net", 10, 1);
  plan["shards"] = 3;
  const json result = run_to_end(plan);
  EXPECT_EQ(result["counts"]["written"], 250);
  EXPECT_EQ(result["counts"]["delivered"], 500);
  EXPECT_EQ(result["counts"]["lost"], 0);
  EXPECT_EQ(result["generator"]["shards"].size(), 3);
}

// With several shards the listener that hears everything is on another shard than most producers: its credits have to
// travel.
TEST(RealRun, an_unpaced_window_works_across_shards) {
  json plan = plan_part("net", 4, 0);
  plan["shards"] = 2;
  plan["groups"][0]["publish"]["rate_per_s"] = "max";
  plan["groups"][0]["publish"]["in_flight"] = 20;
  const json result = run_to_end(plan);
  EXPECT_GT(result["counts"]["written"], 4 * 20 * 10);
  EXPECT_EQ(result["counts"]["lost"], 0);
  EXPECT_EQ(result["counts"]["delivered"], result["counts"]["written"].get<uint64_t>() * 2);
}

TEST(RealRun, says_that_nobody_listens) {
  json plan = plan_part("net", 2, 0);
  plan["broker"] = nullptr;
  plan["target"] = {{"host", "127.0.0.1"}, {"port", 1}};
  const json result = run_to_end(plan);
  EXPECT_EQ(result["failure"]["kind"], "unreachable");
  EXPECT_EQ(result["failure"]["clients"], 5);
  EXPECT_EQ(result["counts"]["written"], 0);
}

TEST(RealRun, says_that_the_broker_refused_and_why) {
  json plan = plan_part("net", 2, 0);
  plan["broker"] = {{"allow_anonymous", false}};
  const json result = run_to_end(plan);
  EXPECT_EQ(result["failure"]["kind"], "refused");
  EXPECT_EQ(result["failure"]["reason_code"], 0x87);
}

TEST(RealRun, says_that_the_port_is_taken) {
  BrokerHost other({.seed = 1});
  const auto bound = other.start();
  ASSERT_TRUE(bound);
  const uint16_t port = bound->front().port;
  json plan = plan_part("net", 1, 0);
  plan["broker"] = {{"port", port}};
  const auto run = make_run(plan);
  const auto error = run->start();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, "port_taken");
  EXPECT_NE(error->text.find(std::to_string(port)), std::string::npos);
}

TEST(RealRun, survives_the_death_of_the_broker_and_counts_what_was_lost) {
  auto broker = std::make_unique<BrokerHost>(BrokerConfig{.seed = 1});
  const auto bound = broker->start();
  ASSERT_TRUE(bound);
  json plan = plan_part("net", 5, 0);
  plan["duration_ns"] = 30'000'000'000;
  plan["broker"] = nullptr;
  plan["target"] = {{"host", "127.0.0.1"}, {"port", bound->front().port}};
  const auto run = make_run(plan);
  ASSERT_FALSE(run->start());
  for (int i = 0; i < 100 && broker->stats().messages_in <= 20; ++i) run->poll(std::chrono::milliseconds(50));
  broker.reset();
  const json result = json::parse(run->result());
  EXPECT_EQ(result["failure"]["kind"], "broker_lost");
  EXPECT_EQ(result["clients"]["disconnected"], 11);
  EXPECT_GT(result["counts"]["written"], 20);
  EXPECT_LT(result["elapsed_s"], 20.0);
}

TEST(RealRun, an_interruption_gives_a_partial_result) {
  json plan = plan_part("net", 5, 1);
  plan["duration_ns"] = 60'000'000'000;
  const auto run = make_run(plan);
  ASSERT_FALSE(run->start());
  for (int i = 0; i < 100; ++i)
    if (const std::string snapshot = run->poll(std::chrono::milliseconds(100)); !snapshot.empty())
      if (json::parse(snapshot)["counts"]["delivered"] > 0) break;
  run->interrupt();
  const json result = json::parse(run->result());
  EXPECT_EQ(result["interrupted"], true);
  EXPECT_GT(result["counts"]["delivered"], 0);
  EXPECT_EQ(result["counts"]["lost"], 0);
  EXPECT_LT(result["elapsed_s"], 30.0);
}

TEST(RealRun, ends_at_once_when_aborted) {
  json plan = plan_part("net", 5, 1);
  plan["duration_ns"] = 60'000'000'000;
  const auto run = make_run(plan);
  ASSERT_FALSE(run->start());
  run->abort();
  const json result = json::parse(run->result());
  EXPECT_EQ(result["interrupted"], true);
}

TEST(RealRun, ends_early_when_every_producer_has_said_all) {
  json plan = plan_part("net", 3, 1);
  plan["duration_ns"] = 60'000'000'000;
  plan["groups"][0]["publish"]["messages"] = 10;
  const json result = run_to_end(plan);
  EXPECT_EQ(result["counts"]["written"], 30);
  EXPECT_EQ(result["interrupted"], false);
  EXPECT_LT(result["elapsed_s"], 10.0);
}

TEST(RealRun, at_full_speed_too_and_without_stamps) {
  for (const char* stamp : {"trailer", "none"}) {
    json plan = plan_part("net", 3, 1);
    plan["duration_ns"] = 60'000'000'000;
    json& publish = plan["groups"][0]["publish"];
    publish["messages"] = 1000;
    publish["rate_per_s"] = "max";
    publish["in_flight"] = 5;
    publish["stamp"] = stamp;
    publish["payload"] = {{"kind", "size"}, {"size", 40}};
    const json result = run_to_end(plan);
    EXPECT_EQ(result["counts"]["written"], 3000) << stamp;
    EXPECT_EQ(result["counts"]["lost"], 0) << stamp;
    EXPECT_LT(result["elapsed_s"], 10.0) << stamp;
  }
}

TEST(MakeRun, refuses_an_unknown_broker_option) {
  json plan = plan_part("net", 1, 0);
  plan["broker"] = {{"max_conections", 5}};
  const auto run = Run::make(plan.dump());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().path, "broker.max_conections");
  EXPECT_EQ(run.error().message, "a known option");
}

}  // namespace
}  // namespace mqtt_sim::engine
