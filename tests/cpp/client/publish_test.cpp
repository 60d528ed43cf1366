#include <gtest/gtest.h>

#include <algorithm>
#include <random>

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
using protocol::Pubrec;
using protocol::QoS;
using protocol::ReasonCode;

constexpr QoS kQoS0 = QoS::at_most_once;
constexpr QoS kQoS1 = QoS::at_least_once;
constexpr QoS kQoS2 = QoS::exactly_once;

ClientOptions version_5() {
  ClientOptions options;
  options.version = ProtocolVersion::v5_0;
  return options;
}

Connack with(PropertyWriter& properties) { return {false, 0, properties.list()}; }

TEST(Publish, QoS0LeavesAndIsForgotten) {  // [MQTT-4.3.1-1]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.publish("a/b", "hello", kQoS0, 7), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a/b=hello qos0"}));
  EXPECT_EQ(t.client.in_flight(), 0u);
  EXPECT_EQ(t.events(), Lines());
}

TEST(Publish, QoS1IsInFlightUntilPuback) {  // [MQTT-4.3.2-1]
  RecordProperty("req", "C-16");
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.publish("a", "x", kQoS1, 7), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos1 id1"}));
  EXPECT_EQ(t.client.in_flight(), 1u);
  t.server(ack<Puback>(1));
  EXPECT_EQ(t.events(), Lines({"completed 7 qos1"}));
  EXPECT_EQ(t.client.in_flight(), 0u);
}

TEST(Publish, QoS2IsReleasedAfterPubrecAndCompleteAfterPubcomp) {  // [MQTT-4.3.3-1], [MQTT-4.3.3-4]
  RecordProperty("req", "C-16");
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.publish("a", "x", kQoS2, 7), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos2 id1"}));
  t.server(ack<Pubrec>(1));
  EXPECT_EQ(t.sent(), Lines({"PUBREL id1"}));
  t.server(ack<Pubrec>(1));  // again: the PUBREL again
  EXPECT_EQ(t.sent(), Lines({"PUBREL id1"}));
  EXPECT_EQ(t.events(), Lines());
  EXPECT_EQ(t.client.in_flight(), 1u);
  t.server(ack<Pubcomp>(1));
  EXPECT_EQ(t.events(), Lines({"completed 7 qos2"}));
  EXPECT_EQ(t.client.in_flight(), 0u);
}

TEST(Publish, AFailingAcknowledgementCompletesWithItsReason) {  // [MQTT-4.4.0-2]
  const ClientOptions options = version_5();
  Transcript t(options);
  t.connect();
  t.publish("a", "x", kQoS1, 1);
  t.publish("a", "y", kQoS2, 2);
  t.publish("a", "z", kQoS2, 3);
  t.sent();
  t.server({Puback{1, ReasonCode::quota_exceeded, {}}, Pubrec{2, ReasonCode::not_authorized, {}},
            Pubrec{3, ReasonCode::no_matching_subscribers, {}}});
  EXPECT_EQ(t.events(), Lines({"completed 1 qos1 0x97", "completed 2 qos2 0x87"}));
  EXPECT_EQ(t.sent(), Lines({"PUBREL id3"}));
  t.server(Pubcomp{3, ReasonCode::packet_identifier_not_found, {}});
  EXPECT_EQ(t.events(), Lines({"completed 3 qos2 0x92"}));
}

TEST(Publish, PubrelsFollowTheOrderOfPubrecs) {  // [MQTT-4.6.0-4]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  for (uint64_t i = 1; i <= 3; ++i) t.publish("a", "x", kQoS2, i);
  t.sent();
  t.server({ack<Pubrec>(2), ack<Pubrec>(1), ack<Pubrec>(3)});
  EXPECT_EQ(t.sent(), Lines({"PUBREL id2", "PUBREL id1", "PUBREL id3"}));
}

TEST(Publish, TakesAcknowledgementsInAnyOrder) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  std::vector<PacketId> ids;
  for (PacketId id = 1; id <= 1000; ++id) {
    ASSERT_EQ(t.publish("a", "x", kQoS1, id), PublishOutcome::accepted);
    ids.push_back(id);
  }
  std::shuffle(ids.begin(), ids.end(), std::mt19937(5));
  Lines expected;
  for (const PacketId id : ids) {
    t.server(ack<Puback>(id));
    expected.push_back("completed " + std::to_string(id) + " qos1");
  }
  EXPECT_EQ(t.events(), expected);
  EXPECT_EQ(t.client.in_flight(), 0u);
  EXPECT_EQ(t.client.unexpected_acks(), 0u);
}

TEST(Publish, NeverReusesAPacketIdInFlight) {  // [MQTT-2.2.1-3]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.publish("a", "stuck", kQoS1, 0);
  for (uint32_t i = 0; i < 70'000; ++i) {
    ASSERT_EQ(t.publish("a", "", kQoS1, i), PublishOutcome::accepted);
    const Lines sent = t.sent();
    ASSERT_NE(sent.back(), "PUBLISH a= qos1 id1");
    const auto id = static_cast<PacketId>(std::stoul(sent.back().substr(sent.back().rfind("id") + 2)));
    t.server(ack<Puback>(id));
    ASSERT_EQ(t.events(), Lines({"completed " + std::to_string(i) + " qos1"}));
  }
  EXPECT_EQ(t.client.in_flight(), 1u);
  t.server(ack<Puback>(1));
  EXPECT_EQ(t.events(), Lines({"completed 0 qos1"}));
}

TEST(Publish, RefusesAboveOurWindow) {
  ClientOptions options;
  options.in_flight_maximum = 2;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.client.window(), 2u);
  EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::accepted);
  EXPECT_EQ(t.publish("a", "x", kQoS2), PublishOutcome::accepted);
  EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::window_full);
  EXPECT_EQ(t.publish("a", "x", kQoS0), PublishOutcome::accepted) << "QoS 0 has no window";
  t.server(ack<Pubrec>(2));  // released, not complete
  EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::window_full);
  t.server(ack<Puback>(1));
  EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::accepted);
}

TEST(Publish, TheServersReceiveMaximumLowersTheWindow) {  // [MQTT-3.3.4-7], [MQTT-4.9.0-2], [MQTT-4.9.0-3]
  ClientOptions options = version_5();
  options.in_flight_maximum = 10;
  for (const auto& [receive_maximum, window] : {std::pair<uint32_t, size_t>{1, 1}, {11, 10}}) {
    Transcript t(options);
    PropertyWriter properties;
    t.connect(with(properties.number(PropertyId::receive_maximum, receive_maximum)));
    EXPECT_EQ(t.client.window(), window);
    for (size_t i = 0; i < window; ++i) EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::accepted);
    EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::window_full);
    t.subscribe({"s"}, 1);
    t.sent();
  }
}

TEST(Publish, LeavesPacketIdsForRequestsInTheWidestWindow) {
  ClientOptions options;
  options.output_limit = size_t{1} << 30;
  Transcript t(options);
  t.connect();
  for (size_t i = 0; i < Inflight::kLargestWindow; ++i) {
    ASSERT_EQ(t.publish("a", "", kQoS1), PublishOutcome::accepted);
  }
  EXPECT_EQ(t.publish("a", "", kQoS1), PublishOutcome::window_full);
  for (size_t i = 0; i < Inflight::kRequestReserve; ++i) t.subscribe({"s"}, i);
  EXPECT_EQ(t.client.in_flight(), Inflight::kLargestWindow);
}

TEST(Publish, RefusesWhileTheOutputIsFull) {
  ClientOptions options;
  options.output_limit = 100;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.publish("a", std::string(200, 'x'), kQoS0), PublishOutcome::accepted) << "one may exceed the limit";
  EXPECT_EQ(t.publish("a", "x", kQoS0), PublishOutcome::output_full);
  EXPECT_EQ(t.publish("a", "x", kQoS1), PublishOutcome::output_full);
  EXPECT_EQ(t.client.in_flight(), 0u);
  t.sent();
  EXPECT_EQ(t.publish("a", "x", kQoS0), PublishOutcome::accepted);
}

TEST(Publish, RefusesWhatTheServerDoesNotTake) {  // [MQTT-3.2.2-11], [MQTT-3.2.2-14], [MQTT-3.2.2-15]
  const ClientOptions options = version_5();
  Transcript t(options);
  PropertyWriter limits;
  limits.number(PropertyId::maximum_qos, 1).number(PropertyId::retain_available, 0);
  t.connect(with(limits.number(PropertyId::maximum_packet_size, 20)));
  EXPECT_EQ(t.publish("a", "x", kQoS2), PublishOutcome::qos_not_supported);
  EXPECT_EQ(t.client.publish({"a", {}, kQoS0, true, {}, 0}, t.now), PublishOutcome::retain_not_supported);
  // Fixed header 2, topic 3, property length 1: 14 bytes of payload make 20.
  EXPECT_EQ(t.publish("a", std::string(14, 'x'), kQoS0), PublishOutcome::accepted);
  EXPECT_EQ(t.publish("a", std::string(15, 'x'), kQoS0), PublishOutcome::too_large);
  EXPECT_EQ(t.publish("a", std::string(12, 'x'), kQoS1), PublishOutcome::accepted);
  EXPECT_EQ(t.publish("a", std::string(13, 'x'), kQoS1), PublishOutcome::too_large);
}

TEST(Publish, RefusesATopicOver65535Bytes) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.publish(std::string(65536, 't'), "x", kQoS1), PublishOutcome::too_large);
  EXPECT_EQ(t.client.in_flight(), 0u);
  EXPECT_EQ(t.sent(), Lines());
}

TEST(Publish, CarriesPropertiesIn5Only) {
  PropertyWriter user;
  user.user_property("k", "v");
  const ClientOptions five = version_5();
  Transcript t(five);
  t.connect();
  EXPECT_EQ(t.client.publish({"a", {}, kQoS0, true, user.list(), 0}, t.now), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH a= qos0 retain [26 00 01 6b 00 01 76]"}));
  const ClientOptions four;
  Transcript u(four);
  u.connect();
  EXPECT_EQ(u.client.publish({"a", {}, kQoS0, false, user.list(), 0}, u.now), PublishOutcome::not_allowed);
}

TEST(Publish, IsDroppedWhenItsSessionEndsWithTheStream) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.publish("a", "x", kQoS1, 11);
  t.publish("a", "y", kQoS2, 12);
  t.publish("a", "z", kQoS0, 13);
  t.sent();
  t.lose();
  EXPECT_EQ(t.events(), Lines({"dropped 11", "dropped 12", "disconnected: stream lost, connection reset"}));
  EXPECT_EQ(t.client.in_flight(), 0u);
  t.connect();
  EXPECT_EQ(t.sent(), Lines());
}

TEST(Subscribe, OnePacketForAllFiltersAndItsCodesInOrder) {
  RecordProperty("req", "C-14");
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.subscribe({"a/+", "b/#"}, 40);
  EXPECT_EQ(t.sent(), Lines({"SUBSCRIBE id1 a/+ qos1 b/# qos1"}));
  EXPECT_EQ(t.client.in_flight(), 0u) << "requests are not publishes";
  const uint8_t codes[] = {1, 0x80};
  t.server(protocol::Suback{1, {}, codes});
  EXPECT_EQ(t.events(), Lines({"subscribed 40: 01 80"}));
  t.unsubscribe({"a/+"}, 41);
  EXPECT_EQ(t.sent(), Lines({"UNSUBSCRIBE id2 a/+"}));
  t.server(ack<protocol::Unsuback>(2));
  EXPECT_EQ(t.events(), Lines({"unsubscribed 41: "}));
}

TEST(Subscribe, IsForgottenWithItsConnection) {
  ClientOptions options;
  options.clean_start = false;
  Transcript t(options);
  t.connect();
  t.subscribe({"a"}, 1);
  t.publish("a", "x", kQoS1, 2);
  t.lose();
  EXPECT_EQ(t.events(), Lines({"disconnected: stream lost, connection reset"}));
  EXPECT_EQ(t.client.in_flight(), 1u);
  t.client.connect();
  t.reopen(Connack{true, 0, {}});
  const uint8_t codes[] = {0};
  t.server(protocol::Suback{1, {}, codes});
  EXPECT_EQ(t.client.state(), State::closing);
}

TEST(Subscribe, AnswersItselfWhatTheServerCannotBeSent) {  // [MQTT-3.2.2-15]
  const ClientOptions options = version_5();
  Transcript t(options);
  PropertyWriter limits;
  t.connect(with(limits.number(PropertyId::maximum_packet_size, 30)));
  t.subscribe({"much/too/long/a/filter", "for/this/server"}, 5);
  EXPECT_EQ(t.events(), Lines({"subscribed 5: 95 95"}));
  t.subscribe({""}, 6);
  EXPECT_EQ(t.events(), Lines({"subscribed 6: 81"}));
  t.unsubscribe({"much/too/long/a/filter/for/this/server"}, 7);
  EXPECT_EQ(t.events(), Lines({"unsubscribed 7: 95"}));
  EXPECT_EQ(t.sent(), Lines());
}

}  // namespace
}  // namespace mqtt_sim::client
