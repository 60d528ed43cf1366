#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::Puback;
using protocol::Pubcomp;
using protocol::Pubrec;
using protocol::QoS;

constexpr QoS kQoS1 = QoS::at_least_once;
constexpr QoS kQoS2 = QoS::exactly_once;

ClientOptions persistent(ProtocolVersion version) {
  ClientOptions options;
  options.version = version;
  options.clean_start = false;
  options.session_expiry_interval_s = 3600;
  options.reconnect_period = 1s;
  return options;
}

void come_back(Transcript& t, const Connack& connack) {
  t.lose();
  t.pass(1s);
  t.reopen(connack);
}

TEST(Resume, SendsAgainWhatIsUnacknowledgedInItsOrder) {  // [MQTT-4.4.0-1], [MQTT-4.6.0-1], [MQTT-3.3.1-1]
  RecordProperty("req", "C-07");
  RecordProperty("req", "C-08");
  for (const auto version : {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    const ClientOptions options = persistent(version);
    Transcript t(options);
    t.connect();
    t.publish("a", "one", kQoS1, 1);
    t.publish("a", "two", kQoS2, 2);
    t.publish("a", "three", kQoS2, 3);
    t.publish("a", "four", kQoS1, 4);
    t.publish("a", "five", kQoS1, 5);
    t.sent();
    t.server({ack<Pubrec>(3), ack<Puback>(4)});
    t.sent();
    t.events();
    come_back(t, {version != ProtocolVersion::v3_1, 0, {}});
    EXPECT_EQ(t.events(), Lines({"disconnected: stream lost, connection reset",
                                 version == ProtocolVersion::v3_1 ? "connected" : "connected, session present"}));
    EXPECT_EQ(t.sent(), Lines({"PUBLISH a=one qos1 id1 dup", "PUBLISH a=two qos2 id2 dup", "PUBREL id3",
                               "PUBLISH a=five qos1 id5 dup"}));
    t.server({ack<Puback>(1), ack<Pubrec>(2), ack<Pubcomp>(3), ack<Puback>(5)});
    EXPECT_EQ(t.events(), Lines({"completed 1 qos1", "completed 3 qos2", "completed 5 qos1"}));
    EXPECT_EQ(t.sent(), Lines({"PUBREL id2"}));
    EXPECT_EQ(t.client.in_flight(), 1u);
  }
}

TEST(Resume, KeepsPropertiesRetainAndEmptyPayloads) {
  const ClientOptions options = persistent(ProtocolVersion::v5_0);
  Transcript t(options);
  t.connect();
  PropertyWriter user;
  user.user_property("k", "v");
  ASSERT_EQ(t.client.publish({"a", {}, kQoS1, true, user.list(), 1}, t.now), PublishOutcome::accepted);
  come_back(t, {true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos1 id1 dup retain [26 00 01 6b 00 01 76]"}));
}

TEST(Resume, SurvivesSeveralLostStreams) {
  const ClientOptions options = persistent(ProtocolVersion::v3_1_1);
  Transcript t(options);
  t.connect();
  t.publish("a", "x", kQoS2, 1);
  come_back(t, {true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos2 id1 dup"}));
  come_back(t, {true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos2 id1 dup"}));
  t.server(ack<Pubrec>(1));
  EXPECT_EQ(t.sent(), Lines({"PUBREL id1"}));
  come_back(t, {true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBREL id1"}));
  t.server(ack<Pubcomp>(1));
  EXPECT_EQ(t.events().back(), "completed 1 qos2");
  come_back(t, {true, 0, {}});
  EXPECT_EQ(t.sent(), Lines());
}

TEST(Resume, KeepsTheOrderAcrossTheWrapOfPacketIds) {
  const ClientOptions options = persistent(ProtocolVersion::v3_1_1);
  Transcript t(options);
  t.connect();
  for (uint32_t i = 1; i <= 65534; ++i) {
    t.publish("a", "", kQoS1, i);
    t.sent();
    t.server(ack<Puback>(static_cast<uint16_t>(i)));
  }
  t.events();
  for (uint64_t i = 0; i < 3; ++i) t.publish("a", std::to_string(i), kQoS1, i);
  t.sent();
  come_back(t, {true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=0 qos1 id65535 dup", "PUBLISH a=1 qos1 id1 dup", "PUBLISH a=2 qos1 id2 dup"}));
}

TEST(Resume, DropsItsStateWhenTheServerHasNone) {  // [MQTT-3.2.2-5]
  const ClientOptions options = persistent(ProtocolVersion::v3_1_1);
  Transcript t(options);
  t.connect();
  t.publish("a", "x", kQoS1, 1);
  t.publish("a", "y", kQoS2, 2);
  t.sent();
  come_back(t, {false, 0, {}});
  EXPECT_EQ(t.events(), Lines({"disconnected: stream lost, connection reset", "connected", "dropped 1", "dropped 2"}));
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_EQ(t.client.in_flight(), 0u);
}

TEST(Resume, RefusesNewPublishesUntilOldOnesHaveBeenSent) {
  ClientOptions options = persistent(ProtocolVersion::v5_0);
  Transcript t(options);
  t.connect();
  for (uint64_t i = 1; i <= 3; ++i) t.publish("a", std::to_string(i), kQoS1, i);
  t.sent();
  PropertyWriter narrower;
  narrower.number(PropertyId::receive_maximum, 2);
  come_back(t, {true, 0, narrower.list()});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=1 qos1 id1 dup", "PUBLISH a=2 qos1 id2 dup"}));  // [MQTT-3.3.4-7]
  EXPECT_EQ(t.publish("a", "new", kQoS1), PublishOutcome::window_full);
  t.server(ack<Puback>(3));  // not sent on this connection
  EXPECT_EQ(t.client.unexpected_acks(), 1u);
  t.server(ack<Puback>(1));
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=3 qos1 id3 dup"}));
  EXPECT_EQ(t.publish("a", "new", kQoS1), PublishOutcome::window_full);
  t.server(ack<Puback>(3));
  EXPECT_EQ(t.publish("a", "new", kQoS1), PublishOutcome::accepted);
}

TEST(Resume, SendsAgainNoFasterThanTheOutputTakes) {
  ClientOptions options = persistent(ProtocolVersion::v3_1_1);
  options.output_limit = 1000;
  Transcript t(options);
  t.connect();
  const std::string payload(400, 'x');
  for (uint64_t i = 1; i <= 10; ++i) {
    ASSERT_EQ(t.publish("a", payload, kQoS1, i), PublishOutcome::accepted);
    t.sent();
  }
  come_back(t, {true, 0, {}});
  EXPECT_LT(t.client.output_size(), 1500u);
  EXPECT_EQ(t.sent().size(), 10u);
}

TEST(Resume, DropsWhatTheServerNoLongerTakes) {  // [MQTT-3.2.2-11], [MQTT-3.2.2-15]
  const ClientOptions options = persistent(ProtocolVersion::v5_0);
  Transcript t(options);
  t.connect();
  t.publish("a", std::string(50, 'x'), kQoS1, 1);
  t.publish("a", "y", kQoS2, 2);
  t.publish("a", "z", kQoS1, 3);
  t.sent();
  PropertyWriter narrower;
  narrower.number(PropertyId::maximum_qos, 1).number(PropertyId::maximum_packet_size, 40);
  come_back(t, {true, 0, narrower.list()});
  EXPECT_EQ(t.events(), Lines({"disconnected: stream lost, connection reset", "connected, session present", "dropped 1",
                               "dropped 2"}));
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=z qos1 id3 dup"}));
  EXPECT_EQ(t.client.in_flight(), 1u);
}

TEST(Resume, OfA5SessionDoesNotStartCleanAgain) {
  ClientOptions options = persistent(ProtocolVersion::v5_0);
  options.clean_start = true;
  Transcript t(options);
  t.client.connect();
  t.open();
  EXPECT_EQ(t.sent(), Lines({"CONNECT clean"}));
  t.server(Connack{});
  t.publish("a", "x", kQoS1, 1);
  t.lose();
  t.pass(1s);
  t.open();
  EXPECT_EQ(t.sent(), Lines({"CONNECT"}));
  t.server(Connack{true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos1 id1 dup"}));
  t.client.disconnect(t.now);
  t.grant();
  t.client.connect();  // the owner's own wish follows the options
  t.open();
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT", "CONNECT clean"}));
}

TEST(Resume, TheServersSessionExpiryDecidesWhatIsKept) {
  const ClientOptions options = persistent(ProtocolVersion::v5_0);
  Transcript t(options);
  PropertyWriter none;
  none.number(PropertyId::session_expiry_interval, 0);
  t.connect(Connack{false, 0, none.list()});
  t.publish("a", "x", kQoS1, 1);
  t.lose();
  EXPECT_EQ(t.events(), Lines({"dropped 1", "disconnected: stream lost, connection reset"}));
}

TEST(Resume, KeepsStateThroughAFailedAttempt) {
  const ClientOptions options = persistent(ProtocolVersion::v3_1_1);
  Transcript t(options);
  t.connect();
  t.publish("a", "x", kQoS1, 1);
  t.lose();
  t.pass(1s);
  t.lose(CloseReason::refused);
  t.pass(2s);
  t.reopen({true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos1 id1 dup"}));
}

TEST(Resume, ASessionAfterACleanStartIsAnError) {  // [MQTT-3.2.2-2]
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.open();
  t.server(Connack{true, 0, {}});
  t.grant();
  EXPECT_EQ(t.events(),
            Lines({"disconnected: protocol error, session present after a clean start 0x82, never connected"}));
}

}  // namespace
}  // namespace mqtt_sim::client
