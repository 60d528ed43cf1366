// What the standards ask of a client that publishes, subscribes and answers, statement by statement.
#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::PacketId;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::Puback;
using protocol::Pubcomp;
using protocol::Publish;
using protocol::Pubrec;
using protocol::Pubrel;
using protocol::QoS;
using protocol::ReasonCode;

constexpr auto v311 = ProtocolVersion::v3_1_1;
constexpr auto v5 = ProtocolVersion::v5_0;
constexpr QoS q0 = QoS::at_most_once;
constexpr QoS q1 = QoS::at_least_once;
constexpr QoS q2 = QoS::exactly_once;

class ExchangeAtLevel : public testing::TestWithParam<ProtocolVersion> {
 protected:
  ExchangeAtLevel() {
    options.version = GetParam();
    options.clean_start = false;
    options.session_expiry_interval_s = 3600;
    options.reconnect_period = 1s;
  }
  void come_back(Transcript& t) {
    t.lose();
    t.pass(1s);
    t.reopen({true, 0, {}});
    t.events();
  }
  ClientOptions options;
};
INSTANTIATE_TEST_SUITE_P(Levels, ExchangeAtLevel, testing::Values(v311, v5),
                         [](const auto& level) { return level.param == v5 ? "v5" : "v311"; });

// [MQTT-4.3.2-2], [MQTT-4.3.3-2], [MQTT-4.3.1-1], [MQTT-2.3.1-1] of 3.1.1: a new message goes out with its QoS, DUP 0
// and, above QoS 0, an identifier of its own that is not 0.
TEST_P(ExchangeAtLevel, ANewMessageHasItsQosNoDupAndAnIdentifierAboveQos0) {
  Transcript t(options);
  t.connect();
  for (const QoS qos : {q1, q2, q0}) ASSERT_EQ(t.publish("a", "x", qos), PublishOutcome::accepted);
  t.subscribe({"s"}, 1);
  t.unsubscribe({"s"}, 2);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos1 id1", "PUBLISH a=x qos2 id2", "PUBLISH a=x qos0", "SUBSCRIBE id3 s qos1",
                             "UNSUBSCRIBE id4 s"}));
}

// [MQTT-4.3.2-3], [MQTT-4.3.3-3], [MQTT-4.3.3-5], [MQTT-4.3.3-6], [MQTT-2.3.1-3] of 3.1.1: until the closing
// acknowledgement each stage is unacknowledged, is sent again on a resumed session and keeps its identifier; a released
// message is not published again. [MQTT-4.4.0-1]: and at no other time.
TEST_P(ExchangeAtLevel, WhatIsNotAcknowledgedIsSentAgainOnReconnectOnly) {
  Transcript t(options);
  t.connect();
  t.publish("a", "one", q1, 1);
  t.publish("a", "two", q2, 2);
  t.sent();
  t.pass(40s);
  EXPECT_EQ(t.sent(), Lines());  // time alone repeats nothing
  come_back(t);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=one qos1 id1 dup", "PUBLISH a=two qos2 id2 dup"}));
  t.server(ack<Pubrec>(2));
  EXPECT_EQ(t.sent(), Lines({"PUBREL id2"}));
  come_back(t);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=one qos1 id1 dup", "PUBREL id2"}));
  t.server({ack<Puback>(1), ack<Pubcomp>(2)});
  EXPECT_EQ(t.events(), Lines({"completed 1 qos1", "completed 2 qos2"}));
  come_back(t);
  EXPECT_EQ(t.sent(), Lines());
}

// [MQTT-4.3.2-4], [MQTT-4.3.3-8], [MQTT-4.3.3-11], [MQTT-2.2.1-5], [MQTT-4.5.0-2]: every message is answered under its
// own identifier, whatever becomes of it.
TEST_P(ExchangeAtLevel, EveryAnswerCarriesTheIdentifierOfItsMessage) {
  Transcript t(options);
  t.connect();
  for (const PacketId id : {PacketId{1}, PacketId{77}, PacketId{65535}}) {
    t.server({message("t", "", q1, id), message("nobody/asked", "", q2, id)});
    t.server(ack<Pubrel>(id));
    const std::string text = " id" + std::to_string(id);
    EXPECT_EQ(t.sent(), Lines({"PUBACK" + text, "PUBREC" + text, "PUBCOMP" + text}));
  }
}

// [MQTT-3.3.4-8], [MQTT-4.9.0-3]: a full window holds back messages above QoS 0 and nothing else, however long.
TEST_P(ExchangeAtLevel, AFullWindowHoldsBackNothingElse) {
  options.in_flight_maximum = 1;
  options.keep_alive_s = 30;
  Transcript t(options);
  t.connect();
  t.publish("a", "x", q2);
  EXPECT_EQ(t.publish("a", "y", q1), PublishOutcome::window_full);
  EXPECT_EQ(t.publish("a", "z", q0), PublishOutcome::accepted);
  t.subscribe({"s"}, 1);
  t.server({message("t", "", q1, 9), ack<Pubrec>(1)});
  EXPECT_EQ(t.sent(),
            Lines({"PUBLISH a=x qos2 id1", "PUBLISH a=z qos0", "SUBSCRIBE id2 s qos1", "PUBACK id9", "PUBREL id1"}));
  EXPECT_EQ(t.publish("a", "y", q1), PublishOutcome::window_full);  // until PUBCOMP
  t.pass(30s);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
}

// [MQTT-4.9.0-1]: the quota of a new connection is the receive maximum of its CONNACK, whatever an earlier one left.
TEST(ConformanceExchange, TheSendQuotaBeginsAnewWithEachConnection) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  for (int connection = 0; connection < 2; ++connection) {
    PropertyWriter two;
    two.number(PropertyId::receive_maximum, 2);
    t.connect(Connack{false, 0, two.list()});
    EXPECT_EQ(t.publish("a", "x", q1), PublishOutcome::accepted);
    EXPECT_EQ(t.publish("a", "x", q1), PublishOutcome::accepted);
    EXPECT_EQ(t.publish("a", "x", q1), PublishOutcome::window_full);
    t.lose();
    t.events();
  }
}

Publish expiring(PacketId id) {
  static PropertyWriter one_second;
  one_second.number(PropertyId::message_expiry_interval, 1);
  Publish publish = message("t", "x", q2, id);
  publish.properties = one_second.list();
  return publish;
}

// [MQTT-4.3.3-7], [MQTT-4.3.3-13]: once a QoS 2 message is under way its expiry no longer counts, on either side.
TEST(ConformanceExchange, AnExchangeGoesOnAfterItsMessageHasExpired) {
  ClientOptions options;
  options.version = v5;
  options.clean_start = false;
  options.session_expiry_interval_s = 3600;
  options.reconnect_period = 1s;
  Transcript t(options);
  t.connect();
  PropertyWriter one_second;
  one_second.number(PropertyId::message_expiry_interval, 1);
  ASSERT_EQ(t.client.publish({"a", {}, q2, false, one_second.list(), 5}, t.now), PublishOutcome::accepted);
  t.server(expiring(9));
  t.sent();
  t.pass(30s);
  t.lose();
  t.pass(1s);
  t.reopen({true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos2 id1 dup [02 00 00 00 01]"}));
  t.server({ack<Pubrec>(1), ack<Pubcomp>(1), ack<Pubrel>(9)});
  EXPECT_EQ(t.sent(), Lines({"PUBREL id1", "PUBCOMP id9"}));
  EXPECT_EQ(t.events().back(), "completed 5 qos2");
}

// [MQTT-3.4.2-2], [MQTT-3.4.2-3], [MQTT-3.5.2-2], [MQTT-3.5.2-3], [MQTT-3.6.2-2], [MQTT-3.6.2-3], [MQTT-3.7.2-2],
// [MQTT-3.7.2-3]: answers have no reason string and no user property, so none can be too large for the server.
TEST(ConformanceExchange, AnswersHaveNoProperties) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  t.connect();
  t.publish("a", "x", q2);
  t.sent();
  t.server({message("t", "", q1, 1), message("t", "", q2, 2), ack<Pubrec>(1), ack<Pubrel>(2)});
  EXPECT_EQ(t.sent_hex(), "40 02 00 01 50 02 00 02 62 02 00 01 70 02 00 02");
  t.server({ack<Pubrec>(77), ack<Pubrel>(78)});  // of nothing we know
  EXPECT_EQ(t.sent_hex(), "62 03 00 4d 92 70 03 00 4e 92");
}

// [MQTT-2.2.2-1]: what has no properties says so with a length of 0.
TEST(ConformanceExchange, NoPropertiesAreWrittenAsALengthOf0) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  t.connect();
  t.publish("a", "x", q0);
  t.publish("a", "x", q1);
  EXPECT_EQ(t.sent_hex(), "30 05 00 01 61 00 78 32 07 00 01 61 00 01 00 78");
  t.subscribe({"s"}, 1);
  t.unsubscribe({"s"}, 1);
  EXPECT_EQ(t.sent_hex(), "82 07 00 02 00 00 01 73 01 a2 06 00 03 00 00 01 73");
}

// [MQTT-3.3.4-6]: subscription identifiers are for servers to send.
TEST(ConformanceExchange, NoSubscriptionIdentifierIsPublished) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  t.connect();
  PropertyWriter identifier;
  identifier.user_property("k", "v").number(PropertyId::subscription_identifier, 5);
  EXPECT_EQ(t.client.publish({"a", {}, q0, false, identifier.list(), 0}, t.now), PublishOutcome::not_allowed);
  EXPECT_EQ(t.sent(), Lines());
}

// [MQTT-3.3.2-9], [MQTT-3.2.2-18]: aliases are those the server allows, from 1 to its maximum.
TEST(ConformanceExchange, TopicAliasesAreWithinTheServersMaximum) {
  ClientOptions options;
  options.version = v5;
  for (const uint32_t maximum : {0u, 1u, 65535u}) {
    Transcript t(options);
    PropertyWriter told;
    if (maximum > 0) told.number(PropertyId::topic_alias_maximum, maximum);
    t.connect(Connack{false, 0, told.list()});
    for (const uint32_t alias : {0u, 1u, 2u, 65535u}) {
      PropertyWriter named;
      named.number(PropertyId::topic_alias, alias);
      const bool is_allowed = alias > 0 && alias <= maximum;
      EXPECT_EQ(t.client.publish({"a", {}, q0, false, named.list(), 0}, t.now),
                is_allowed ? PublishOutcome::accepted : PublishOutcome::alias_not_usable)
          << alias << " of " << maximum;
    }
  }
}

// [MQTT-3.8.3-1], [MQTT-3.10.3-1], [MQTT-3.8.3-4]: a request that would break a rule is answered by the client itself.
TEST(ConformanceExchange, ARequestThatWouldBreakARuleNeverLeaves) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  t.connect();
  t.subscribe({"fine", "\xED\xA0\x80"}, 1);
  t.unsubscribe({"\xC0\xAF"}, 2);
  const protocol::SubscribeEntry no_local{"$share/g/t", {.no_local = true}};
  t.client.subscribe({&no_local, 1}, 3, t.now);
  EXPECT_EQ(t.events(), Lines({"subscribed 1: 81 81", "unsubscribed 2: 81", "subscribed 3: 82"}));
  EXPECT_EQ(t.sent(), Lines());
}

// [MQTT-3.8.3-2], [MQTT-3.10.3-2]: a request names at least one filter, which is its owner's to see to.
TEST(ConformanceExchangeDeathTest, ARequestOfNothingIsAMistakeOfOurs) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  EXPECT_DEATH(t.subscribe({}, 1), "entries");
  EXPECT_DEATH(t.unsubscribe({}, 1), "filters");
}

}  // namespace
}  // namespace mqtt_sim::client
