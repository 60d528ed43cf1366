// What parse_plan() refuses, and where it says the mistake is.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/load/plan.hpp"
#include "tests/cpp/load/plan_document.hpp"

namespace mqtt_sim::load {
namespace {

using Json = nlohmann::json;

struct Change {
  const char* name;
  std::string pointer;  // of the member that is changed
  std::string json;     // what it becomes; empty: it is removed
  std::string path;
  std::string value;
  std::string message_part;
};

class PlanChange : public ::testing::TestWithParam<Change> {};

TEST_P(PlanChange, IsRefusedAtItsPath) {
  Json json = valid_plan();
  const Json::json_pointer pointer(GetParam().pointer);
  if (GetParam().json.empty()) {
    json.at(pointer.parent_pointer()).erase(pointer.back());
  } else {
    json[pointer] = Json::parse(GetParam().json);
  }
  const auto plan = parse_plan(json.dump());
  ASSERT_TRUE(plan.has_error());
  EXPECT_EQ(plan.error().path, GetParam().path);
  EXPECT_EQ(plan.error().value, GetParam().value);
  EXPECT_NE(plan.error().message.find(GetParam().message_part), std::string::npos) << plan.error().message;
}

// A member whose value is wrong is itself the path.
Change wrong(const char* name, std::string path, std::string json, std::string message_part) {
  std::string pointer = "/" + path;
  for (char& c : pointer)
    if (c == '.') c = '/';
  return {name, pointer, json, path, json, std::move(message_part)};
}

Change missing(const char* name, std::string path, std::string message_part) {
  Change change = wrong(name, std::move(path), "", std::move(message_part));
  change.value = "nothing";
  return change;
}

INSTANTIATE_TEST_SUITE_P(
    Run, PlanChange,
    ::testing::Values(
        wrong("OtherVersion", "version", "2", "from 1 to 1"), missing("NoVersion", "version", "whole number"),
        wrong("NameIsANumber", "name", "5", "text"), wrong("NegativeSeed", "seed", "-1", "whole number"),
        wrong("FractionalSeed", "seed", "1.5", "whole number"), wrong("SeedAsText", "seed", "\"4\"", "whole number"),
        wrong("UnknownDriver", "driver", "\"tls\"", "one of net, sim"),
        wrong("NegativeDuration", "duration_ns", "-1", "from 0 to"),
        wrong("DurationOverAYear", "duration_ns", "31622400000000001", "to 31622400000000000"),
        missing("NoDuration", "duration_ns", "whole number"),
        wrong("WarmupAsLongAsTheRun", "warmup_ns", "20000000000", "less than duration_ns"),
        wrong("DrainAsText", "drain_ns", "\"5s\"", "whole number"), wrong("NoShards", "shards", "0", "from 1 to 64"),
        wrong("TooManyShards", "shards", "65", "from 1 to 64"),
        wrong("NegativeConnectRate", "connect.rate_per_s", "-0.5", "from 0"),
        wrong("ConnectRateAsText", "connect.rate_per_s", "\"max\"", "a number"),
        wrong("NothingInProgress", "connect.in_progress", "0", "from 1"),
        wrong("SourceAddressesNotAList", "connect.source_addresses", "\"127.0.0.1\"", "list of addresses"),
        wrong("SourceAddressesOfNumbers", "connect.source_addresses", "[1]", "list of addresses"),
        missing("NoSourceAddresses", "connect.source_addresses", "list of addresses"),
        wrong("ConnectTimeoutNegative", "connect.timeout_ns", "-5", "whole number"),
        wrong("LatencyNegative", "link.latency_ns", "-5", "whole number"),
        missing("NoJitter", "link.jitter_ns", "whole number"),
        Change{"NoLink", "/link", "", "link.latency_ns", "nothing", "whole number"},
        Change{"LinkIsAText", "/link", "\"fast\"", "link.latency_ns", "nothing", "whole number"},
        wrong("TargetPortZero", "target.port", "0", "from 1 to 65535"),
        wrong("TargetPortTooLarge", "target.port", "65536", "from 1 to 65535"),
        missing("TargetWithoutHost", "target.host", "text"),
        Change{"TargetAndBroker", "/broker", "{}", "target", "{\"host\":\"broker.example\",\"port\":8883}",
               "either target or broker"},
        Change{"NeitherTargetNorBroker", "/target", "null", "target", "null", "either target or broker"},
        wrong("BrokerIsANumber", "broker", "5", "an object"),
        Change{"TargetInVirtualTime", "/driver", "\"sim\"", "target", "{\"host\":\"broker.example\",\"port\":8883}",
               "virtual time"},
        wrong("NoGroups", "groups", "[]", "at least one group"), wrong("GroupsNotAList", "groups", "{}", "a list"),
        missing("GroupsMissing", "groups", "a list"),
        Change{"GroupIsANumber", "/groups/1", "5", "groups.1.name", "nothing", "text"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Clients, PlanChange,
    ::testing::Values(
        wrong("NoClients", "groups.0.count", "0", "from 1 to 10000000"),
        wrong("TooManyClients", "groups.0.count", "10000001", "from 1 to 10000000"),
        missing("NoGroupName", "groups.0.name", "text"),
        Change{"NoClient", "/groups/0/client", "", "groups.0.client.protocol_version", "nothing", "whole number"},
        wrong("UnknownProtocolVersion", "groups.0.client.protocol_version", "6", "from 3 to 5"),
        wrong("CleanStartAsNumber", "groups.0.client.clean_start", "1", "true or false"),
        wrong("SessionExpiryTooLong", "groups.0.client.session_expiry_interval_s", "4294967296", "4294967295"),
        wrong("KeepAliveTooLong", "groups.0.client.keep_alive_s", "65536", "from 0 to 65535"),
        wrong("ClientIdIsNull", "groups.0.client.client_id", "null", "text"),
        wrong("UserNameIsANumber", "groups.1.client.user_name", "5", "text"),
        wrong("PasswordIsAList", "groups.1.client.password", "[]", "text"),
        wrong("ReconnectPeriodNegative", "groups.3.client.reconnect_period_ns", "-1", "whole number"),
        wrong("ReceiveMaximumZero", "groups.0.client.receive_maximum", "0", "from 1 to 65535"),
        missing("WillWithoutTopic", "groups.1.client.will.topic", "text"),
        wrong("WillQosThree", "groups.1.client.will.qos", "3", "from 0 to 2"),
        missing("WillWithoutRetain", "groups.1.client.will.retain", "true or false"),
        wrong("SubscribeNotAList", "groups.3.subscribe", "{}", "a list"),
        missing("NoSubscribe", "groups.3.subscribe", "a list"),
        wrong("FilterIsANumber", "groups.1.subscribe.1.filter", "5", "text"),
        wrong("SubscribeQosThree", "groups.1.subscribe.1.qos", "3", "from 0 to 2")),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Publish, PlanChange,
    ::testing::Values(
        missing("NoTopic", "groups.0.publish.topic", "text"),
        wrong("QosThree", "groups.0.publish.qos", "3", "from 0 to 2"),
        wrong("QosNegative", "groups.0.publish.qos", "-1", "from 0 to 2"),
        wrong("RetainAsText", "groups.0.publish.retain", "\"no\"", "true or false"),
        wrong("RateZero", "groups.0.publish.rate_per_s", "0", "a number from"),
        wrong("RateNegative", "groups.0.publish.rate_per_s", "-1", "a number from"),
        wrong("RateTooHigh", "groups.0.publish.rate_per_s", "1000001", "a number from"),
        wrong("RateOfAnotherWord", "groups.0.publish.rate_per_s", "\"fast\"", "a number from"),
        missing("NoRate", "groups.0.publish.rate_per_s", "a number from"),
        wrong("NoMessages", "groups.0.publish.messages", "0", "from 1 to 4294967294"),
        wrong("MoreMessagesThanSequenceNumbers", "groups.0.publish.messages", "4294967295", "from 1 to 4294967294"),
        wrong("NoWindow", "groups.0.publish.in_flight", "0", "from 1 to 65535"),
        wrong("WindowTooLarge", "groups.0.publish.in_flight", "65536", "from 1 to 65535"),
        Change{"NoPayload", "/groups/0/publish/payload", "", "groups.0.publish.payload.kind", "nothing", "text"},
        wrong("UnknownPayload", "groups.0.publish.payload.kind", "\"noise\"", "one of dialogue, size, template"),
        wrong("UnknownOrder", "groups.0.publish.payload.order", "\"reverse\"", "one of file, shuffle, by-speaker"),
        wrong("UnknownPlace", "groups.0.publish.payload.place", "\"end\"", "one of own, start, split"),
        wrong("LoopAsNumber", "groups.0.publish.payload.loop", "1", "true or false"),
        wrong("LimitZero", "groups.0.publish.payload.limit", "0", "from 1"),
        wrong("OffsetNegative", "groups.0.publish.payload.offset", "-1", "from 0"),
        wrong("SizeNegative", "groups.1.publish.payload.size", "-1", "from 0 to 268000000"),
        wrong("SizeTooLarge", "groups.1.publish.payload.size", "268000001", "from 0 to 268000000"),
        missing("NoTemplate", "groups.2.publish.payload.template", "text"),
        wrong("UnknownStamp", "groups.0.publish.stamp", "\"header\"", "one of json, trailer, property, none"),
        missing("NoStamp", "groups.0.publish.stamp", "text"),
        wrong("PropertyStampBelow5", "groups.0.publish.stamp", "\"property\"", "only with protocol_version 5.0"),
        wrong("JsonStampOnFiller", "groups.1.publish.stamp", "\"json\"", "only for a payload that is a JSON object")),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Corpus, PlanChange,
    ::testing::Values(wrong("NoPath", "corpus.path", "null", "text"),
                      wrong("NoSuchFile", "corpus.path", "\"/nowhere/film.txt\"",
                            "/nowhere/film.txt: cannot be read: No such file"),
                      wrong("UnknownHeader", "corpus.header", "\"keep\"", "one of skip, as-record"),
                      wrong("UnknownParser", "corpus.parser", "\"csv\"", "one of strict-unescape, tutorial"),
                      wrong("StrictAsText", "corpus.strict", "\"yes\"", "true or false"),
                      Change{"NoCorpus", "/corpus", "", "corpus.header", "nothing", "text"}),
    [](const auto& test) { return test.param.name; });

TEST(PlanRefusal, ACorpusErrorIsAtCorpusPathWithFileLineAndColumn) {
  RecordProperty("req", "K-03");
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "mqtt_sim_plan_test_corpus.txt";
  std::ofstream(path, std::ios::binary) << "\"character\" \"dialogue\"\n\"1\" \"A\" \"fine\"\n\"3\" \"A\" \"fine\"\n";
  Json json = valid_plan();
  json["corpus"]["path"] = path.string();
  const auto plan = parse_plan(json.dump());
  std::filesystem::remove(path);
  ASSERT_TRUE(plan.has_error());
  EXPECT_EQ(plan.error().path, "corpus.path");
  EXPECT_EQ(plan.error().message, path.string() + ":3:2: expected row number 2, found \"3\"");
}

TEST(PlanRefusal, TheFirstOfSeveralErrorsIsTold) {
  Json json = valid_plan();
  json["seed"] = "x";
  json["shards"] = 0;
  json["groups"][0]["count"] = 0;
  const auto plan = parse_plan(json.dump());
  ASSERT_TRUE(plan.has_error());
  EXPECT_EQ(plan.error().path, "seed");
}

TEST(PlanRefusal, ADocumentThatIsNoObjectIsRefused) {
  for (const char* text : {"", "[]", "5", "{", "{\"version\":1", "null", "{\"name\":\"\xFF\"}"}) {
    const auto plan = parse_plan(text);
    ASSERT_TRUE(plan.has_error()) << text;
    EXPECT_EQ(plan.error().path, "") << text;
    EXPECT_EQ(plan.error().message, "a JSON object") << text;
  }
}

}  // namespace
}  // namespace mqtt_sim::load
