// Topic aliases both ways: those a server sets, those the owner gives, those the client gives out by itself.
#include "core/client/topic_alias.hpp"

#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::Publish;
using protocol::QoS;

constexpr QoS kQoS0 = QoS::at_most_once;
constexpr QoS kQoS1 = QoS::at_least_once;

ClientOptions version_5(TopicAliasMode mode = TopicAliasMode::by_owner) {
  ClientOptions options;
  options.version = ProtocolVersion::v5_0;
  options.topic_alias_mode = mode;
  return options;
}

// A server that allows so many aliases.
void connect(Transcript& t, uint32_t maximum) {
  PropertyWriter properties;
  if (maximum > 0) properties.number(PropertyId::topic_alias_maximum, maximum);
  t.connect(Connack{false, 0, properties.list()});
}

std::string alias_text(uint16_t alias) {
  return " [23 00 " + to_hex(std::vector<uint8_t>{static_cast<uint8_t>(alias)}) + "]";
}

// ---- set by the server

void hear(Transcript& t, std::string_view topic, uint16_t alias, std::string_view payload) {
  PropertyWriter properties;
  properties.number(PropertyId::topic_alias, alias);
  Publish publish = message(topic, payload);
  publish.properties = properties.list();
  t.server(publish);
}

TEST(ReceivedAlias, MaximumIsToldInConnect) {
  ClientOptions options = version_5();
  options.topic_alias_maximum = 5;
  Transcript t(options);
  t.client.connect();
  t.open();
  EXPECT_EQ(t.sent_hex(), "10 12 00 04 4d 51 54 54 05 02 00 3c 03 22 00 05 00 02 63 31");
}

TEST(ReceivedAlias, StandsForTheTopicItWasLastSentWith) {  // [MQTT-3.3.2-10]
  ClientOptions options = version_5();
  options.topic_alias_maximum = 2;
  Transcript t(options);
  t.connect();
  hear(t, "a/1", 1, "first");
  hear(t, "a/2", 2, "second");
  hear(t, "", 1, "third");
  hear(t, "a/3", 1, "fourth");
  hear(t, "", 1, "fifth");
  hear(t, "", 2, "sixth");
  EXPECT_EQ(t.events(), Lines({"message a/1=first qos0" + alias_text(1), "message a/2=second qos0" + alias_text(2),
                               "message a/1=third qos0" + alias_text(1), "message a/3=fourth qos0" + alias_text(1),
                               "message a/3=fifth qos0" + alias_text(1), "message a/2=sixth qos0" + alias_text(2)}));
}

TEST(ReceivedAlias, IsLearntFromARepetitionThatIsNotDelivered) {
  ClientOptions options = version_5();
  options.topic_alias_maximum = 1;
  Transcript t(options);
  t.connect();
  t.server(message("other", "", QoS::exactly_once, 7));
  PropertyWriter properties;
  properties.number(PropertyId::topic_alias, 1);
  Publish again = message("topic", "", QoS::exactly_once, 7);
  again.dup = true;
  again.properties = properties.list();
  t.server(again);
  hear(t, "", 1, "x");
  EXPECT_EQ(t.events(), Lines({"message other= qos2 id7", "message topic=x qos0" + alias_text(1)}));
}

TEST(ReceivedAlias, IsForgottenWithItsConnection) {  // [MQTT-3.3.2-7]
  ClientOptions options = version_5();
  options.topic_alias_maximum = 2;
  options.reconnect_period = 1s;
  Transcript t(options);
  t.connect();
  hear(t, "a", 1, "x");
  t.lose();
  t.pass(1s);
  t.reopen({});
  t.events();
  hear(t, "", 1, "y");
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, topic alias that stands for no topic 0x82"}));
}

TEST(ReceivedAlias, AboveOurMaximumEndsTheConnection) {  // [MQTT-3.1.2-26]
  ClientOptions options = version_5();
  options.topic_alias_maximum = 2;
  Transcript t(options);
  t.connect();
  hear(t, "a", 2, "x");
  hear(t, "a", 3, "y");
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x94"}));
  t.grant();
  EXPECT_EQ(t.events(), Lines({"message a=x qos0" + alias_text(2),
                               "disconnected: protocol error, topic alias above our maximum 0x94"}));
}

// ---- given by the owner

PublishOutcome publish(Transcript& t, std::string_view topic, uint32_t alias, QoS qos = kQoS0, uint64_t cookie = 0) {
  PropertyWriter properties;
  properties.number(PropertyId::topic_alias, alias).user_property("k", "v");
  return t.client.publish({topic, {}, qos, false, properties.list(), cookie}, t.now);
}

TEST(OwnersAlias, IsSentWithinTheServersMaximumOnly) {  // [MQTT-3.2.2-17], [MQTT-3.2.2-18], [MQTT-3.3.2-9]
  const ClientOptions options = version_5();
  for (const auto& [maximum, outcome] : {std::pair<uint32_t, PublishOutcome>{0, PublishOutcome::alias_not_usable},
                                         {1, PublishOutcome::alias_not_usable},
                                         {2, PublishOutcome::accepted}}) {
    Transcript t(options);
    connect(t, maximum);
    EXPECT_EQ(publish(t, "a", 2, kQoS1), outcome);
    EXPECT_EQ(t.sent().size(), outcome == PublishOutcome::accepted ? 1u : 0u);
  }
}

TEST(OwnersAlias, NeedsATopicItStandsFor) {
  const ClientOptions options = version_5();
  Transcript t(options);
  connect(t, 5);
  EXPECT_EQ(publish(t, "", 2), PublishOutcome::alias_not_usable);
  EXPECT_EQ(publish(t, "a", 2), PublishOutcome::accepted);
  EXPECT_EQ(publish(t, "", 2), PublishOutcome::accepted);
  EXPECT_EQ(publish(t, "", 3), PublishOutcome::alias_not_usable);
  EXPECT_EQ(t.publish("", "x", kQoS0), PublishOutcome::not_allowed);
  const std::string rest = alias_text(2) + " [26 00 01 6b 00 01 76]";
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos0" + rest, "PUBLISH = qos0" + rest}));
}

TEST(OwnersAlias, ThatCouldNotLeaveStandsForNothing) {
  ClientOptions options = version_5();
  options.in_flight_maximum = 1;
  Transcript t(options);
  connect(t, 5);
  ASSERT_EQ(t.publish("x", "", kQoS1), PublishOutcome::accepted);
  EXPECT_EQ(publish(t, "a", 1, kQoS1), PublishOutcome::window_full);
  EXPECT_EQ(publish(t, std::string(65536, 't'), 1), PublishOutcome::too_large);
  EXPECT_EQ(publish(t, "", 1), PublishOutcome::alias_not_usable);
}

TEST(OwnersAlias, IsRefusedWhenSwitchedOff) {
  const ClientOptions options = version_5(TopicAliasMode::off);
  Transcript t(options);
  connect(t, 5);
  EXPECT_EQ(publish(t, "a", 1), PublishOutcome::alias_not_usable);
  EXPECT_EQ(t.publish("a", "", kQoS0), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos0"}));
}

TEST(OwnersAlias, IsNotInWhatIsSentAgain) {  // [MQTT-3.3.2-7]
  ClientOptions options = version_5();
  options.session_expiry_interval_s = 60;
  options.reconnect_period = 1s;
  Transcript t(options);
  connect(t, 5);
  EXPECT_EQ(publish(t, "a", 2, kQoS1, 1), PublishOutcome::accepted);
  EXPECT_EQ(publish(t, "", 2, kQoS1, 2), PublishOutcome::accepted);
  t.sent();
  t.lose();
  t.pass(1s);
  t.reopen(Connack{true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos1 id1 dup [26 00 01 6b 00 01 76]",
                             "PUBLISH a= qos1 id2 dup [26 00 01 6b 00 01 76]"}));
  EXPECT_EQ(publish(t, "", 2), PublishOutcome::alias_not_usable) << "the server knows it no longer";
}

// ---- given out by the client

TEST(ChosenAlias, StandsForItsTopicFromTheSecondTimeOn) {
  const ClientOptions options = version_5(TopicAliasMode::automatic);
  Transcript t(options);
  connect(t, 5);
  for (const char* topic : {"a", "a", "b", "a", "b"}) EXPECT_EQ(t.publish(topic, "", kQoS0), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos0" + alias_text(1), "PUBLISH = qos0" + alias_text(1),
                             "PUBLISH b= qos0" + alias_text(2), "PUBLISH = qos0" + alias_text(1),
                             "PUBLISH = qos0" + alias_text(2)}));
}

TEST(ChosenAlias, TakesTheLeastRecentlyUsedOneWhenNoneIsLeft) {
  const ClientOptions options = version_5(TopicAliasMode::automatic);
  Transcript t(options);
  connect(t, 2);
  for (const char* topic : {"a", "b", "a", "c", "a", "b"}) t.publish(topic, "", kQoS0);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos0" + alias_text(1), "PUBLISH b= qos0" + alias_text(2),
                             "PUBLISH = qos0" + alias_text(1), "PUBLISH c= qos0" + alias_text(2),
                             "PUBLISH = qos0" + alias_text(1), "PUBLISH b= qos0" + alias_text(2)}));
}

TEST(ChosenAlias, StaysWithinBothMaxima) {  // [MQTT-3.2.2-17]
  for (const auto& [servers, ours, aliases] :
       {std::tuple<uint32_t, uint16_t, size_t>{3, 10, 3}, {10, 2, 2}, {0, 9, 0}}) {
    ClientOptions options = version_5(TopicAliasMode::automatic);
    options.sent_topic_alias_maximum = ours;
    Transcript t(options);
    connect(t, servers);
    for (int i = 0; i < 20; ++i) t.publish("t" + std::to_string(i), "", kQoS0);
    for (const std::string& line : t.sent()) {
      const size_t at = line.find("[23 00 ");
      EXPECT_EQ(at == line.npos, aliases == 0) << line;
      if (at == line.npos) continue;
      EXPECT_LE(std::stoul(line.substr(at + 7, 2)), aliases) << line;
    }
  }
}

TEST(ChosenAlias, StandsBeforeTheOwnersProperties) {
  const ClientOptions options = version_5(TopicAliasMode::automatic);
  Transcript t(options);
  connect(t, 2);
  PropertyWriter user;
  user.user_property("k", "v");
  for (int i = 0; i < 2; ++i) t.client.publish({"a", {}, kQoS0, false, user.list(), 0}, t.now);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos0" + alias_text(1) + " [26 00 01 6b 00 01 76]",
                             "PUBLISH = qos0" + alias_text(1) + " [26 00 01 6b 00 01 76]"}));
  EXPECT_EQ(publish(t, "a", 1), PublishOutcome::alias_not_usable) << "two cannot give them out";
}

TEST(ChosenAlias, IsNotInWhatIsSentAgainAndBeginsAnewWithAConnection) {  // [MQTT-3.3.2-7]
  ClientOptions options = version_5(TopicAliasMode::automatic);
  options.session_expiry_interval_s = 60;
  options.reconnect_period = 1s;
  Transcript t(options);
  connect(t, 5);
  t.publish("a", "1", kQoS1, 1);
  t.publish("a", "2", kQoS1, 2);
  t.sent();
  t.lose();
  t.pass(1s);
  PropertyWriter properties;
  properties.number(PropertyId::topic_alias_maximum, 5);
  t.reopen(Connack{true, 0, properties.list()});
  t.publish("b", "", kQoS0);
  t.publish("a", "", kQoS0);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=1 qos1 id1 dup", "PUBLISH a=2 qos1 id2 dup", "PUBLISH b= qos0" + alias_text(1),
                             "PUBLISH a= qos0" + alias_text(2)}));
}

TEST(ChosenAlias, GivesWayWhereItWouldNotFit) {  // [MQTT-3.2.2-15]
  const ClientOptions options = version_5(TopicAliasMode::automatic);
  Transcript t(options);
  PropertyWriter properties;
  properties.number(PropertyId::topic_alias_maximum, 5).number(PropertyId::maximum_packet_size, 20);
  t.connect(Connack{false, 0, properties.list()});
  EXPECT_EQ(t.publish("a", std::string(14, 'x'), kQoS0), PublishOutcome::accepted) << "20 bytes without an alias";
  EXPECT_EQ(t.publish("a", std::string(11, 'y'), kQoS0), PublishOutcome::accepted) << "20 bytes with one";
  EXPECT_EQ(t.publish("a", std::string(14, 'z'), kQoS0), PublishOutcome::accepted);
  EXPECT_EQ(t.publish("a", std::string(15, 'z'), kQoS0), PublishOutcome::too_large);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=" + std::string(14, 'x') + " qos0",
                             "PUBLISH a=" + std::string(11, 'y') + " qos0" + alias_text(1),
                             "PUBLISH a=" + std::string(14, 'z') + " qos0"}));
}

TEST(AliasChooser, FollowsAModelOverManyTopics) {
  constexpr uint16_t kMaximum = 7;
  AliasChooser chooser(kMaximum);
  std::vector<std::string> server(kMaximum + 1);  // what a server would have learnt
  uint32_t state = 1;
  size_t known = 0;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::string topic = "topic/" + std::to_string((state >> 16) % 12);
    const AliasChooser::Choice choice = chooser.choose(topic);
    ASSERT_GE(choice.alias, 1u);
    ASSERT_LE(choice.alias, kMaximum);
    if (choice.is_known) {
      ASSERT_EQ(server[choice.alias], topic);
      ++known;
    }
    if (i % 5 == 0) continue;  // it was not sent after all
    chooser.note_sent(choice, topic);
    server[choice.alias] = topic;
  }
  EXPECT_GT(known, 5'000u);
}

}  // namespace
}  // namespace mqtt_sim::client
