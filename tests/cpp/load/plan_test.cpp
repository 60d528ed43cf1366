#include "core/load/plan.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/cpp/load/plan_document.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

Plan parsed(const Json& json) {
  auto plan = parse_plan(json.dump());
  if (plan.has_error()) throw std::runtime_error(plan.error().path + ": " + plan.error().message);
  return std::move(*plan);
}

TEST(Plan, ReadsWhatIsSaidOfTheRun) {
  const Plan plan = parsed(valid_plan());
  EXPECT_EQ(plan.name, "episode4");
  EXPECT_EQ(plan.seed, UINT64_MAX);
  EXPECT_FALSE(plan.is_virtual);
  EXPECT_EQ(plan.duration, 20s);
  EXPECT_EQ(plan.warmup, 1s);
  EXPECT_EQ(plan.drain, 5s);
  EXPECT_EQ(plan.shards, 2u);
  EXPECT_EQ(plan.connect_rate_per_s, 500.5);
  EXPECT_EQ(plan.connects_in_progress, 32u);
  EXPECT_EQ(plan.source_addresses, (std::vector<std::string>{"127.0.0.2", "127.0.0.3"}));
  EXPECT_EQ(plan.link_latency, 200us);
  EXPECT_EQ(plan.link_jitter, 100ns);
  EXPECT_EQ(plan.target, (Address{"broker.example", 8883}));
  EXPECT_EQ(plan.broker, "");
  EXPECT_EQ(plan.corpus.rows.size(), 542u);
  ASSERT_EQ(plan.groups.size(), 4u);
  EXPECT_EQ(plan.client_count(), 1009u);
  EXPECT_EQ(plan.stream_count(), 1005u);
}

TEST(Plan, ReadsHowClientsConnect) {
  const Plan plan = parsed(valid_plan());
  ASSERT_EQ(plan.groups.size(), 4u);
  const GroupPlan& group = plan.groups[1];
  EXPECT_EQ(group.name, "filler");
  EXPECT_EQ(group.count, 2u);
  EXPECT_EQ(group.client_id, "f{n}");
  EXPECT_EQ(group.client.version, protocol::ProtocolVersion::v5_0);
  EXPECT_FALSE(group.client.clean_start);
  EXPECT_EQ(group.client.session_expiry_interval_s, 3600u);
  EXPECT_EQ(group.client.keep_alive_s, 0u);
  EXPECT_EQ(group.client.connect_timeout, 10s);
  EXPECT_EQ(group.client.reconnect_period, 250ms);
  EXPECT_EQ(group.client.receive_maximum, 20u);
  EXPECT_EQ(group.client.in_flight_maximum, 8u);
  EXPECT_EQ(group.client.user_name, "u");
  EXPECT_EQ(group.client.password, "p");
  ASSERT_TRUE(group.client.will.has_value());
  EXPECT_EQ(group.client.will->topic, "gone");
  EXPECT_EQ(group.client.will->payload, "bye");
  EXPECT_EQ(group.client.will->qos, protocol::QoS::exactly_once);
  EXPECT_TRUE(group.client.will->retain);

  EXPECT_EQ(plan.groups[0].client.version, protocol::ProtocolVersion::v3_1_1);
  EXPECT_EQ(plan.groups[2].client.version, protocol::ProtocolVersion::v3_1);
  EXPECT_TRUE(plan.groups[0].client.clean_start);
  EXPECT_EQ(plan.groups[0].client.keep_alive_s, 60u);
  EXPECT_FALSE(plan.groups[0].client.user_name.has_value());
  EXPECT_FALSE(plan.groups[0].client.password.has_value());
  EXPECT_FALSE(plan.groups[0].client.will.has_value());
}

TEST(Plan, ReadsWhatClientsPublish) {
  const Plan plan = parsed(valid_plan());
  ASSERT_EQ(plan.groups.size(), 4u);
  const PublishPlan& cast = *plan.groups[0].publish;
  EXPECT_EQ(cast.topic, "StarWars/{i}");
  EXPECT_EQ(cast.qos, protocol::QoS::at_least_once);
  EXPECT_FALSE(cast.retain);
  EXPECT_EQ(cast.rate_per_s, 2.5);
  EXPECT_FALSE(cast.is_unpaced());
  EXPECT_EQ(cast.messages, std::nullopt);
  EXPECT_EQ(cast.in_flight, 100u);
  EXPECT_EQ(cast.payload.kind, PayloadKind::dialogue);
  EXPECT_EQ(cast.payload.order, DialogueOrder::by_speaker);
  EXPECT_EQ(cast.payload.place, DialoguePlace::split);
  EXPECT_FALSE(cast.payload.loop);
  EXPECT_EQ(cast.payload.limit, 7u);
  EXPECT_EQ(cast.payload.offset, 3u);
  EXPECT_EQ(cast.stamp, StampKind::json);

  const PublishPlan& filler = *plan.groups[1].publish;
  EXPECT_EQ(filler.qos, protocol::QoS::exactly_once);
  EXPECT_TRUE(filler.retain);
  EXPECT_TRUE(filler.is_unpaced());
  EXPECT_EQ(filler.messages, 50u);
  EXPECT_EQ(filler.payload.kind, PayloadKind::size);
  EXPECT_EQ(filler.payload.size, 1024u);
  EXPECT_EQ(filler.stamp, StampKind::property);

  const PublishPlan& sensors = *plan.groups[2].publish;
  EXPECT_EQ(sensors.payload.kind, PayloadKind::text_template);
  EXPECT_EQ(sensors.payload.text, "{\"n\":{seq}}");
  EXPECT_TRUE(sensors.payload.is_json);
  EXPECT_EQ(sensors.stamp, StampKind::none);
  EXPECT_FALSE(plan.groups[3].publish.has_value());
}

TEST(Plan, ReadsWhatClientsSubscribeTo) {
  const Plan plan = parsed(valid_plan());
  ASSERT_EQ(plan.groups.size(), 4u);
  ASSERT_EQ(plan.groups[1].subscribe.size(), 2u);
  EXPECT_EQ(plan.groups[1].subscribe[0].filter, "a/+");
  EXPECT_EQ(plan.groups[1].subscribe[0].options.qos, protocol::QoS::exactly_once);
  EXPECT_EQ(plan.groups[1].subscribe[1].filter, "b/{i}");
  EXPECT_EQ(plan.groups[1].subscribe[1].options.qos, protocol::QoS::at_most_once);
  EXPECT_TRUE(plan.groups[0].subscribe.empty());
}

TEST(Plan, KeepsTheEmbeddedBrokersOptionsAsTheyAre) {
  Json json = valid_plan();
  json["target"] = nullptr;
  json["driver"] = "sim";
  json["broker"] = {{"port", 0}, {"maximum_qos", 1}};
  const Plan plan = parsed(json);
  EXPECT_TRUE(plan.is_virtual);
  EXPECT_FALSE(plan.target.has_value());
  EXPECT_EQ(Json::parse(plan.broker, nullptr, false), json["broker"]);
}

TEST(Plan, ReadsTheOtherChoicesOfADialogue) {
  Json json = valid_plan();
  Json& payload = json["groups"][0]["publish"]["payload"];
  payload = {{"kind", "dialogue"}, {"order", "shuffle"}, {"place", "start"},
             {"loop", true},       {"limit", nullptr},   {"offset", 0}};
  Plan plan = parsed(json);
  EXPECT_EQ(plan.groups[0].publish->payload.order, DialogueOrder::shuffle);
  EXPECT_EQ(plan.groups[0].publish->payload.place, DialoguePlace::start);
  EXPECT_TRUE(plan.groups[0].publish->payload.loop);
  EXPECT_EQ(plan.groups[0].publish->payload.limit, 0u);
  payload["order"] = "file";
  payload["place"] = "own";
  plan = parsed(json);
  EXPECT_EQ(plan.groups[0].publish->payload.order, DialogueOrder::file);
  EXPECT_EQ(plan.groups[0].publish->payload.place, DialoguePlace::own);
}

TEST(Plan, LoadsTheCorpusInTheWayItSays) {
  RecordProperty("req", "D-16 D-17");
  Json json = valid_plan();
  json["corpus"]["header"] = "as-record";
  json["corpus"]["parser"] = "tutorial";
  const Plan plan = parsed(json);
  ASSERT_EQ(plan.corpus.rows.size(), 543u);
  EXPECT_EQ(plan.corpus.rows[0], CorpusRow{});
  EXPECT_NE(plan.corpus.rows[441].text.find('\\'), std::string::npos);
}

TEST(Plan, NeedsNoCorpusWhenNobodySpeaksADialogue) {
  Json json = valid_plan();
  json["groups"].erase(0);
  json["corpus"]["path"] = nullptr;
  EXPECT_TRUE(parsed(json).corpus.empty());
}

TEST(Plan, LoadsTheCorpusAlsoForATemplateThatSpeaksLines) {
  for (const char* word : {"{character}", "{text}"}) {
    Json json = valid_plan();
    json["groups"].erase(0);
    EXPECT_TRUE(parsed(json).corpus.empty());
    json["groups"][1]["publish"]["payload"]["template"] = std::string("{\"n\":{seq},\"x\":\"") + word + "\"}";
    const Plan plan = parsed(json);
    EXPECT_EQ(plan.corpus.rows.size(), 542u);
    EXPECT_TRUE(plan.groups[1].publish->payload.is_json);
  }
}

TEST(Plan, VirtualTimeHasOneShard) {
  Json json = valid_plan();
  json["driver"] = "sim";
  json["target"] = nullptr;
  json["broker"] = Json::object();
  EXPECT_EQ(parsed(json).shards, 1u);
}

TEST(Plan, AGroupWithoutPublishOrWillMemberHasNone) {
  Json json = valid_plan();
  json["groups"][1].erase("publish");
  json["groups"][1]["client"].erase("will");
  const Plan plan = parsed(json);
  EXPECT_FALSE(plan.groups[1].publish.has_value());
  EXPECT_FALSE(plan.groups[1].client.will.has_value());
}

struct StampChoice {
  const char* name;
  int version;
  std::string payload;
  StampKind chosen;
};

class PlanAutoStamp : public ::testing::TestWithParam<StampChoice> {};

Json with_payload(int version, const std::string& payload, const char* stamp) {
  Json json = valid_plan();
  json["groups"][0]["client"]["protocol_version"] = version;
  json["groups"][0]["publish"]["payload"] = Json::parse(payload);
  json["groups"][0]["publish"]["stamp"] = stamp;
  return json;
}

TEST_P(PlanAutoStamp, SuitsProtocolLevelAndPayload) {
  RecordProperty("req", "D-18");
  const Plan plan = parsed(with_payload(GetParam().version, GetParam().payload, "auto"));
  ASSERT_FALSE(plan.groups.empty());
  EXPECT_EQ(plan.groups[0].publish->stamp, GetParam().chosen);
}

const std::string kDialogue = R"({"kind":"dialogue","order":"file","place":"own","loop":true,"limit":null,"offset":0})";
const std::string kFiller = R"({"kind":"size","size":100})";

std::string template_of(const std::string& text) { return Json{{"kind", "template"}, {"template", text}}.dump(); }

INSTANTIATE_TEST_SUITE_P(
    Choices, PlanAutoStamp,
    ::testing::Values(
        StampChoice{"DialogueAt3", 3, kDialogue, StampKind::json},
        StampChoice{"DialogueAt4", 4, kDialogue, StampKind::json},
        StampChoice{"DialogueAt5", 5, kDialogue, StampKind::property},
        StampChoice{"FillerAt4", 4, kFiller, StampKind::trailer},
        StampChoice{"FillerAt5", 5, kFiller, StampKind::property},
        StampChoice{"ObjectAt4", 4, template_of(R"({"n":{seq},"from":"{client_id}","v":{random}})"), StampKind::json},
        StampChoice{"ObjectAt5", 5, template_of(R"({"n":{seq}})"), StampKind::property},
        StampChoice{"EmptyObjectAt4", 4, template_of("{ }"), StampKind::json},
        StampChoice{"TextAt4", 4, template_of("n={seq}"), StampKind::trailer},
        StampChoice{"ListAt4", 4, template_of("[{seq}]"), StampKind::trailer},
        StampChoice{"EmptyTemplateAt4", 4, template_of(""), StampKind::trailer},
        StampChoice{"OnePlaceholderAt4", 4, template_of("{seq}"), StampKind::trailer},
        StampChoice{"PlaceholdersInARowAt4", 4, template_of("{client_id},{seq},{random}"), StampKind::trailer},
        StampChoice{"ObjectWithANewlineAfterItAt4", 4, template_of("{\"n\":{seq}}\n"), StampKind::trailer},
        StampChoice{"TwoObjectsAt4", 4, template_of(R"({"a":1}{"b":2})"), StampKind::trailer}),
    [](const auto& test) { return test.param.name; });

TEST(Plan, AJsonStampNeedsATemplateThatBecomesAnObject) {
  RecordProperty("req", "D-18");
  EXPECT_EQ(parsed(with_payload(4, template_of(R"({"n":{seq}})"), "json")).groups[0].publish->stamp, StampKind::json);
  const auto plan = parse_plan(with_payload(4, template_of("{seq}"), "json").dump());
  ASSERT_TRUE(plan.has_error());
  EXPECT_EQ(plan.error().path, "groups.0.publish.stamp");
}

TEST(Plan, ATrailerNeedsRoomForTheStamp) {
  RecordProperty("req", "D-18");
  const auto plan_of_size = [](int size, const char* stamp) {
    return parse_plan(with_payload(4, Json{{"kind", "size"}, {"size", size}}.dump(), stamp).dump());
  };
  EXPECT_TRUE(plan_of_size(32, "auto").has_value());
  EXPECT_TRUE(plan_of_size(0, "none").has_value());
  for (const char* stamp : {"auto", "trailer"}) {
    const auto plan = plan_of_size(31, stamp);
    ASSERT_TRUE(plan.has_error());
    EXPECT_EQ(plan.error().path, "groups.0.publish.payload.size");
    EXPECT_EQ(plan.error().value, "31");
    EXPECT_NE(plan.error().message.find("at least 32 bytes"), std::string::npos);
  }
}

}  // namespace
}  // namespace mqtt_sim::load
