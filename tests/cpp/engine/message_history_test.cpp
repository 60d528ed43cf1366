// The last messages of a broker: how many, which, and as what they are told.
#include "core/engine/message_history.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mqtt_sim::engine {
namespace {

using broker::Event;
using broker::EventKind;
using broker::Verdict;
using nlohmann::ordered_json;
using std::chrono::seconds;

void take(MessageHistory& history, std::string_view topic, std::string_view payload, Instant at = Instant{},
          EventKind kind = EventKind::publish) {
  const Verdict verdict = history.on_event({.kind = kind, .topic = topic, .payload = as_bytes(payload)}, at);
  EXPECT_EQ(verdict.action, Verdict::Action::pass);
}

std::vector<std::string> payloads(const MessageHistory& history, size_t most = 100) {
  std::vector<std::string> found;
  for (const auto& item : history.to_document(most, Instant{}, Duration{})) found.push_back(item["payload"]);
  return found;
}

TEST(MessageHistory, KeepsTheLastOnesOldestFirst) {
  RecordProperty("req", "W-11");
  MessageHistory history(3);
  EXPECT_TRUE(payloads(history).empty());
  take(history, "a", "1");
  take(history, "a", "2");
  EXPECT_EQ(payloads(history), (std::vector<std::string>{"1", "2"}));
  for (const char* text : {"3", "4", "5"}) take(history, "a", text);
  EXPECT_EQ(payloads(history), (std::vector<std::string>{"3", "4", "5"}));
  EXPECT_EQ(payloads(history, 2), (std::vector<std::string>{"4", "5"}));
  EXPECT_TRUE(payloads(history, 0).empty());
}

TEST(MessageHistory, NoMoreThanTheLimitHoweverManyAreAskedFor) {
  MessageHistory history(1'000'000);
  for (int i = 0; i < 500; ++i) take(history, "a", std::to_string(i));
  EXPECT_EQ(payloads(history, 1000).size(), MessageHistory::kLimit);
  EXPECT_EQ(payloads(history, 1000).back(), "499");
}

TEST(MessageHistory, OnlyPublicationsThatAreNotTheBrokersOwnNorLarge) {
  MessageHistory history(5);
  take(history, "$SYS/broker/uptime", "1");
  take(history, "a", "2", Instant{}, EventKind::deliver);
  take(history, "a", "3", Instant{}, EventKind::subscribe);
  take(history, "a", std::string(MessageHistory::kPayloadLimit + 1, 'x'));
  EXPECT_TRUE(payloads(history).empty());
  take(history, "a", std::string(MessageHistory::kPayloadLimit, 'x'));
  EXPECT_EQ(payloads(history).size(), 1u);
}

TEST(MessageHistory, TellsTextAsTextTheRestInBase64AndWhenItWas) {
  MessageHistory history(5);
  take(history, "StarWars", "grüße", instant_from_ns(0) + seconds(10));
  take(history, "raw", std::string("\0\xff", 2), instant_from_ns(0) + seconds(12));
  const ordered_json told = history.to_document(5, instant_from_ns(0) + seconds(15), seconds(1000));
  EXPECT_EQ(told[0], (ordered_json{{"topic", "StarWars"}, {"payload", "grüße"}, {"at", 995'000}}));
  EXPECT_EQ(told[1], (ordered_json{{"topic", "raw"}, {"payload", "AP8="}, {"encoding", "base64"}, {"at", 997'000}}));
}

TEST(MessageHistory, OfNothingNothing) {
  MessageHistory history(0);
  take(history, "a", "1");
  EXPECT_TRUE(payloads(history).empty());
}

}  // namespace
}  // namespace mqtt_sim::engine
