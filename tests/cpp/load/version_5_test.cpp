// What a scenario may ask for in 5.0 only: read from the Plan, said on the stream, counted right.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cpp/load/fleet_run.hpp"
#include "tests/cpp/load/plan_document.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using metrics::Counter;
using protocol::PropertyId;
using protocol::ProtocolVersion;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::RetainHandling;

constexpr size_t kFive = 1;  // the group of the document that speaks 5.0

Json with_everything() {
  Json plan = valid_plan();
  Json& group = plan["groups"][kFive];
  Json message = {{"payload_format", "text"},
                  {"message_expiry_s", 30},
                  {"content_type", "application/json"},
                  {"response_topic", "reply/to"},
                  {"user_properties", Json::array({{"b", "1"}, {"a", "2"}, {"b", "3"}})}};
  group["client"]["will"]["delay_s"] = 7;
  group["client"]["will"]["properties"] = message;
  message["response_topic"] = "reply/{client_id}";
  group["publish"]["properties"] = message;
  group["client"]["user_properties"] = Json::array({{"tenant", "t7"}});
  group["client"]["topic_alias"] = "auto";
  group["client"]["topic_alias_maximum"] = 9;
  group["client"]["maximum_packet_size"] = 4096;
  group["client"]["reconnect_jitter"] = "full";
  group["client"]["adopt_session"] = true;
  group["client"]["authentication"] = {{"method", "SCRAM-SHA-256"}, {"user_name", "ann"}, {"password", "secret"}};
  group["subscribe"][0]["no_local"] = true;
  group["subscribe"][0]["retain_as_published"] = true;
  group["subscribe"][0]["retain_handling"] = "do_not_send";
  group["subscription_identifier"] = 300;
  return plan;
}

TEST(PlanOf5, ReadsEverythingThatOnly5Has) {
  const auto parsed = parse_plan(with_everything().dump());
  ASSERT_TRUE(parsed.has_value()) << parsed.error().path << ": " << parsed.error().message;
  const GroupPlan& group = parsed->groups[kFive];
  const client::ClientOptions& client = group.client;
  const protocol::PropertyList will = client.will->properties.list();
  EXPECT_EQ(will.number(PropertyId::will_delay_interval), 7u);
  EXPECT_EQ(will.text(PropertyId::response_topic), "reply/to");
  EXPECT_EQ(client.user_properties, (client::UserProperties{{"tenant", "t7"}}));
  EXPECT_EQ(client.topic_alias_mode, client::TopicAliasMode::automatic);
  EXPECT_EQ(client.topic_alias_maximum, 9u);
  EXPECT_EQ(client.maximum_packet_size, 4096u);
  EXPECT_EQ(client.reconnect_jitter, client::ReconnectJitter::full);
  EXPECT_TRUE(client.adopts_session);
  ASSERT_TRUE(client.authentication.has_value());
  EXPECT_EQ(client.authentication->user_name, "ann");
  EXPECT_EQ(client.authentication->password, "secret");
  for (const protocol::PropertyList& message : {will, group.publish->properties.list()}) {
    EXPECT_EQ(message.number(PropertyId::payload_format_indicator), 1u);
    EXPECT_EQ(message.number(PropertyId::message_expiry_interval), 30u);
    EXPECT_EQ(message.text(PropertyId::content_type), "application/json");
    std::string order;
    for (const protocol::Property& property : message) {
      if (property.id == PropertyId::user_property) order += std::string(property.text) + std::string(property.value);
    }
    EXPECT_EQ(order, "b1a2b3");
  }
  EXPECT_EQ(group.publish->response_topic, "reply/{client_id}");
  EXPECT_EQ(group.subscribe[0].options,
            (protocol::SubscriptionOptions{QoS::exactly_once, true, true, RetainHandling::do_not_send}));
  EXPECT_EQ(group.subscribe[1].options, protocol::SubscriptionOptions{});
  EXPECT_EQ(group.subscription_identifier, 300u);
}

TEST(PlanOf5, WithoutThemHasTheirDefaults) {
  const auto parsed = parse_plan(valid_plan().dump());
  ASSERT_TRUE(parsed.has_value());
  const GroupPlan& group = parsed->groups[kFive];
  EXPECT_EQ(group.client.topic_alias_mode, client::TopicAliasMode::off);
  EXPECT_EQ(group.client.topic_alias_maximum, 0u);
  EXPECT_EQ(group.client.maximum_packet_size, protocol::Framer::kLargestPacket);
  EXPECT_EQ(group.client.reconnect_jitter, client::ReconnectJitter::none);
  EXPECT_FALSE(group.client.adopts_session);
  EXPECT_FALSE(group.client.authentication.has_value());
  EXPECT_TRUE(group.client.will->properties.empty());
  EXPECT_TRUE(group.publish->properties.empty());
  EXPECT_EQ(group.subscription_identifier, 0u);
}

struct Wrong {
  const char* pointer;
  std::string json;
  std::string path;
  std::string message_part;
};

TEST(PlanOf5, RefusesWhatIsWrongAtItsPath) {
  const Wrong rows[] = {
      {"/client/topic_alias", "\"lru\"", "client.topic_alias", "one of off, auto"},
      {"/client/topic_alias_maximum", "65536", "client.topic_alias_maximum", "from 0 to 65535"},
      {"/client/maximum_packet_size", "0", "client.maximum_packet_size", "from 1"},
      {"/client/reconnect_jitter", "\"half\"", "client.reconnect_jitter", "one of none, full"},
      {"/client/adopt_session", "1", "client.adopt_session", "true or false"},
      {"/client/user_properties", "{\"a\":\"b\"}", "client.user_properties", "list of pairs"},
      {"/client/user_properties/0", "[\"a\"]", "client.user_properties", "list of pairs"},
      {"/client/user_properties/0/0", "\"a\\u0000\"", "client.user_properties", "UTF-8"},
      {"/client/authentication/method", "\"PLAIN\"", "client.authentication.method", "SCRAM-SHA-256"},
      {"/client/authentication/password", "null", "client.authentication.password", "text"},
      {"/client/will/delay_s", "-1", "client.will.delay_s", "whole number"},
      {"/client/will/properties/response_topic", "\"a/#\"", "client.will.properties", "topic name"},
      {"/publish/properties/response_topic", "\"a/+\"", "publish.properties", "without wildcards"},
      {"/publish/properties/payload_format", "\"json\"", "publish.properties.payload_format", "one of bytes, text"},
      {"/publish/properties/message_expiry_s", "\"1s\"", "publish.properties.message_expiry_s", "whole number"},
      {"/publish/properties/user_properties/1", "[1,2]", "publish.properties.user_properties", "list of pairs"},
      {"/subscribe/0/no_local", "\"yes\"", "subscribe.0.no_local", "true or false"},
      {"/subscribe/0/retain_handling", "\"never\"", "subscribe.0.retain_handling", "one of send"},
      {"/subscription_identifier", "268435456", "subscription_identifier", "to 268435455"},
      {"/client/protocol_version", "4", "client.will.properties", "5.0"},
  };
  for (const Wrong& row : rows) {
    SCOPED_TRACE(row.pointer);
    Json plan = with_everything();
    plan["groups"][kFive][Json::json_pointer(row.pointer)] = Json::parse(row.json);
    const auto parsed = parse_plan(plan.dump());
    ASSERT_TRUE(parsed.has_error());
    EXPECT_EQ(parsed.error().path, "groups." + std::to_string(kFive) + "." + row.path);
    EXPECT_NE(parsed.error().message.find(row.message_part), std::string::npos) << parsed.error().message;
  }
}

TEST(PlanOf5, RefusesEachOfThemBelow5) {
  const std::pair<const char*, Json> rows[] = {
      {"/client/topic_alias", "auto"},
      {"/client/topic_alias_maximum", 1},
      {"/client/user_properties", Json::array({{"a", "b"}})},
      {"/client/authentication", {{"method", "SCRAM-SHA-256"}, {"user_name", "u"}, {"password", "p"}}},
      {"/client/will", {{"topic", "w"}, {"payload", ""}, {"qos", 0}, {"retain", false}, {"delay_s", 1}}},
      {"/publish/properties", {{"content_type", "x"}}},
      {"/publish/properties", {{"response_topic", "x"}}},
      {"/subscribe", Json::array({{{"filter", "a"}, {"qos", 0}, {"no_local", true}}})},
      {"/subscription_identifier", 1},
  };
  for (const auto& [pointer, value] : rows) {
    SCOPED_TRACE(pointer + value.dump());
    Json plan = valid_plan();
    plan["groups"][0][Json::json_pointer(pointer)] = value;
    const auto parsed = parse_plan(plan.dump());
    ASSERT_TRUE(parsed.has_error());
    EXPECT_NE(parsed.error().message.find("5.0"), std::string::npos) << parsed.error().message;
  }
}

// ---- on the stream

GroupPlan device_of_5(uint32_t count, std::string topic, std::string filter) {
  GroupPlan group = producers("device", count, std::move(topic));
  group.client.version = ProtocolVersion::v5_0;
  group.publish->rate_per_s = 10;
  group.publish->stamp = StampKind::property;
  group.subscribe.push_back({std::move(filter), {}});
  return group;
}

TEST(TopologyOf5, NoLocalTakesOutTheClientsOwnStreamOnly) {  // [MQTT-3.8.3-3]
  for (const bool no_local : {false, true}) {
    GroupPlan group = device_of_5(3, "t/{i}", "t/+");
    group.subscribe[0].options.no_local = no_local;
    const Plan plan = plan_of({group, consumers("audience", 1, {"t/1"})});
    const auto topology = Topology::make(plan);
    ASSERT_TRUE(topology.has_value());
    EXPECT_EQ(topology->heard_by(0, 1), no_local ? std::vector<uint32_t>({0, 2}) : std::vector<uint32_t>({0, 1, 2}));
    EXPECT_EQ(topology->streams()[1].copies, no_local ? 3u : 4u);
    EXPECT_EQ(topology->streams()[0].copies, no_local ? 2u : 3u);
  }
}

TEST(TopologyOf5, AnotherFilterWithoutNoLocalBringsTheOwnStreamBack) {
  GroupPlan group = device_of_5(2, "t/{i}", "t/+");
  group.subscribe[0].options.no_local = true;
  group.subscribe.push_back({"t/0", {}});
  const Plan plan = plan_of({group});
  const auto topology = Topology::make(plan);
  ASSERT_TRUE(topology.has_value());
  EXPECT_EQ(topology->heard_by(0, 0), std::vector<uint32_t>({0, 1}));
  EXPECT_EQ(topology->heard_by(0, 1), std::vector<uint32_t>({0}));
}

TEST(FleetOf5, SaysThePropertiesOfItsMessages) {
  GroupPlan group = device_of_5(2, "t/{i}", "none");
  group.publish->messages = 3;
  group.publish->properties.text(PropertyId::content_type, "x").user_property("k", "v");
  group.publish->response_topic = "reply/{client_id}";
  for (const StampKind stamp : {StampKind::property, StampKind::trailer}) {
    group.publish->stamp = stamp;
    FleetRun run(plan_of({group}, 1s));
    run.play();
    ASSERT_EQ(run.driver.arrivals.size(), 6u);
    for (const Arrival& arrival : run.driver.arrivals) {
      ASSERT_TRUE(arrival.stamp.has_value());
      const std::string client = "device-" + std::to_string(arrival.stamp->stream);
      EXPECT_EQ(arrival.content_type, "x");
      EXPECT_EQ(arrival.response_topic, "reply/" + client);
      EXPECT_EQ(arrival.user_property_k, "v");
    }
  }
}

TEST(FleetOf5, AsksForItsSubscriptionsWithTheirOptions) {
  GroupPlan group = device_of_5(1, "t/{i}", "t/+");
  group.subscribe[0].options = {QoS::at_least_once, true, true, RetainHandling::send_if_new};
  group.subscription_identifier = 7;
  FleetRun run(plan_of({group}, 1s));
  run.connect();
  EXPECT_EQ(run.status().ready, 1u);
  ASSERT_EQ(run.driver.subscriptions.size(), 1u);
  EXPECT_EQ(run.driver.subscriptions[0].options, group.subscribe[0].options);
  EXPECT_EQ(run.driver.subscriptions[0].identifier, 7u);
}

TEST(FleetOf5, GivesOutTopicAliasesAndCountsTheSame) {
  GroupPlan group = device_of_5(2, "t/{i}", "t/+");
  group.client.topic_alias_mode = client::TopicAliasMode::automatic;
  FleetRun run(plan_of({group}, 1s));
  run.driver.script.connack_properties.number(PropertyId::topic_alias_maximum, 4);
  run.play();
  EXPECT_EQ(run.driver.arrivals.size(), 20u);
  EXPECT_EQ(run.driver.topics_left_out, 18u) << "each stream names its topic once";
  EXPECT_EQ(run.status().received, run.status().expected);
  EXPECT_EQ(run.audit()[0].ledger, (LedgerCounts{40, 40, 0, 0, 0}));
}

// ---- how connections end

std::map<std::string, uint64_t> counts_of(const metrics::Errors& errors) {
  std::map<std::string, uint64_t> counts;
  for (const auto& [text, error] : errors) counts[text] = error.count;
  return counts;
}
using Counts = std::map<std::string, uint64_t>;

TEST(Ends, OfAQuietRunAreOurs) {
  FleetRun run(plan_of({device_of_5(3, "t", "u")}, 1s));
  run.play();
  run.fleet.finish(run.driver.now());
  run.run_for(1s);
  EXPECT_EQ(counts_of(run.fleet.recorder().ends()), (Counts{{"ended by us", 3}}));
  EXPECT_TRUE(run.fleet.recorder().quotes().empty());
}

TEST(Ends, AreNamedByCauseAndReason) {
  FleetRun run(plan_of({device_of_5(5, "t", "u")}, 1s));
  run.start();
  protocol::PropertyWriter there;
  there.text(PropertyId::server_reference, "other:1884").text(PropertyId::reason_string, "moved house");
  run.driver.inject(0, protocol::Disconnect{ReasonCode::server_moved, there.list()});
  run.driver.inject(1, protocol::Disconnect{ReasonCode::session_taken_over, {}});
  run.driver.inject(2, protocol::Connack{});
  run.driver.lose(3);
  run.driver.inject(4, protocol::Puback{999, {}, {}});
  run.run_for(10ms);
  run.fleet.finish(run.driver.now());
  run.run_for(1s);
  EXPECT_EQ(counts_of(run.fleet.recorder().ends()),
            (Counts{{"ended by the server: server moved, server reference other:1884", 1},
                    {"ended by the server: session taken over", 1},
                    {"protocol error: second CONNACK", 1},
                    {"stream lost: connection reset", 1},
                    {"ended by us", 1}}));
  EXPECT_EQ(counts_of(run.fleet.recorder().quotes()), (Counts{{"DISCONNECT: moved house", 1}}));
  EXPECT_EQ(run.count(Counter::unexpected_acks), 1u);
  EXPECT_EQ(counts_of(run.fleet.recorder().errors()), (Counts{{"server moved, server reference other:1884", 1},
                                                              {"session taken over", 1},
                                                              {"second CONNACK", 1},
                                                              {"connection reset", 1}}));
}

TEST(Ends, OfRefusedClientsNameTheReasonAndTheWordsOfTheServer) {
  FleetRun run(plan_of({device_of_5(3, "t", "u")}, 1s));
  run.driver.script.connack_code = static_cast<uint8_t>(ReasonCode::use_another_server);
  run.driver.script.connack_properties.text(PropertyId::server_reference, "other:1884")
      .text(PropertyId::reason_string, std::string(199, 'a') + "\xc3\xa9 and more");
  run.connect();
  EXPECT_EQ(counts_of(run.fleet.recorder().ends()),
            (Counts{{"ended by the server: refused by CONNACK: use another server, server reference other:1884", 3}}));
  EXPECT_EQ(counts_of(run.fleet.recorder().quotes()), (Counts{{"CONNACK: " + std::string(199, 'a'), 3}}))
      << "cut between two characters";
  ASSERT_TRUE(run.fleet.failure().has_value());
  EXPECT_EQ(run.fleet.failure()->text,
            "broker refused the connection: use another server, server reference other:1884");
}

TEST(Ends, OfAttemptsThatNeverCameUpAreCountedEach) {
  GroupPlan group = device_of_5(1, "t", "u");
  group.client.reconnect_period = 1s;
  FleetRun run(plan_of({group}, 1s));
  run.driver.script.opening = CloseReason::refused;
  run.connect();
  run.run_for(5s);
  EXPECT_EQ(counts_of(run.fleet.recorder().ends()), (Counts{{"stream lost: connection refused", 7}}))
      << "the first, and one in each second";
}

}  // namespace
}  // namespace mqtt_sim::load
