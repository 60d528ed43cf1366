// Sessions that their owner writes down: what waits for its word, and what an earlier process has left.
#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::PacketType;
using protocol::ProtocolVersion;
using protocol::Puback;
using protocol::Pubcomp;
using protocol::Pubrec;
using protocol::Pubrel;
using protocol::QoS;

constexpr QoS kQoS1 = QoS::at_least_once;
constexpr QoS kQoS2 = QoS::exactly_once;

ClientOptions kept(ProtocolVersion version = ProtocolVersion::v3_1_1) {
  ClientOptions options;
  options.version = version;
  options.clean_start = false;
  options.session_expiry_interval_s = 3600;
  options.reconnect_period = 1s;
  options.session_of_owner = true;
  options.acknowledges_by_owner = true;
  return options;
}

PublishRequest request(QoS qos, protocol::PacketId id, std::string_view payload) {
  return {"t", as_bytes(payload), qos, false, {}, id, id};
}

void come_back(Transcript& t, bool session_present = true) {
  t.lose();
  t.pass(1s);
  t.reopen({session_present, 0, {}});
}

TEST(KeptSession, TakesTheOwnersIdentifiersAndLeavesTheReserveToRequests) {  // [MQTT-2.2.1-3]
  const ClientOptions options = kept();
  Transcript t(options);
  t.connect();
  ASSERT_EQ(t.client.publish(request(kQoS1, 700, "a"), t.now), PublishOutcome::accepted);
  t.subscribe({"x"}, 1);
  ASSERT_EQ(t.client.publish(request(kQoS2, 3, "b"), t.now), PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH t=a qos1 id700", "SUBSCRIBE id64513 x qos1", "PUBLISH t=b qos2 id3"}));
}

TEST(KeptSession, PubrelWaitsForTheOwner) {  // [MQTT-4.3.3-4]
  RecordProperty("req", "Y-05");
  const ClientOptions options = kept();
  Transcript t(options);
  t.connect();
  t.client.publish(request(kQoS2, 5, "a"), t.now);
  t.sent();
  t.server({ack<Pubrec>(5), ack<Pubrec>(5)});
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_EQ(t.events(), Lines({"advanced PUBREC 5"}));
  t.client.continue_exchange(PacketType::pubrec, 5, t.now);
  EXPECT_EQ(t.sent(), Lines({"PUBREL id5"}));
  t.client.continue_exchange(PacketType::pubrec, 5, t.now);
  EXPECT_EQ(t.sent(), Lines());
  t.server(ack<Pubcomp>(5));
  EXPECT_EQ(t.events(), Lines({"completed 5 qos2"}));
}

TEST(KeptSession, WordThatComesWhileThereIsNoConnectionCountsOnTheNext) {  // [MQTT-4.4.0-1], [MQTT-4.3.3-6]
  const ClientOptions options = kept();
  Transcript t(options);
  t.connect();
  t.client.publish(request(kQoS2, 5, "a"), t.now);
  t.server(ack<Pubrec>(5));
  t.sent();
  t.lose();
  t.client.continue_exchange(PacketType::pubrec, 5, t.now);
  t.pass(1s);
  t.reopen({true, 0, {}});
  EXPECT_EQ(t.sent(), Lines({"PUBREL id5"}));
}

TEST(KeptSession, WithoutTheWordThePublishIsSentAgain) {
  const ClientOptions options = kept();
  Transcript t(options);
  t.connect();
  t.client.publish(request(kQoS2, 5, "a"), t.now);
  t.server(ack<Pubrec>(5));
  t.sent();
  come_back(t);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH t=a qos2 id5 dup"}));
}

TEST(KeptSession, PubrecAndPubcompWaitForTheOwner) {  // [MQTT-4.3.3-8], [MQTT-4.3.3-11]
  RecordProperty("req", "Y-05");
  const ClientOptions options = kept();
  Transcript t(options);
  t.connect();
  t.server(message("t", "a", kQoS2, 9));
  EXPECT_EQ(t.sent(), Lines());
  t.client.acknowledge(1, protocol::ReasonCode::success, t.now);
  EXPECT_EQ(t.sent(), Lines({"PUBREC id9"}));
  t.events();
  t.server(ack<Pubrel>(9));
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_EQ(t.events(), Lines({"advanced PUBREL 9"}));
  t.client.continue_exchange(PacketType::pubrel, 9, t.now);
  EXPECT_EQ(t.sent(), Lines({"PUBCOMP id9"}));
  t.client.continue_exchange(PacketType::pubrel, 9, t.now);
  EXPECT_EQ(t.sent(), Lines());
}

TEST(KeptSession, RestoredPublishesAreSentAgainInTheirOrderWithTheirIdentifiers) {  // [MQTT-4.6.0-1], [MQTT-3.3.1-1]
  RecordProperty("req", "Y-05");
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    const ClientOptions options = kept(version);
    Transcript t(options);
    t.client.restore_publish(request(kQoS2, 900, "one"), false);
    t.client.restore_publish(request(kQoS2, 2, ""), true);
    t.client.restore_publish(request(kQoS1, 40, "three"), false);
    t.client.connect();
    t.open();
    t.sent();
    t.server(protocol::Connack{true, 0, {}});
    t.events();
    EXPECT_EQ(t.sent(), Lines({"PUBLISH t=one qos2 id900 dup", "PUBREL id2", "PUBLISH t=three qos1 id40 dup"}));
    t.server({ack<Pubcomp>(2), ack<Puback>(40)});
    EXPECT_EQ(t.events(), Lines({"completed 2 qos2", "completed 40 qos1"}));
  }
}

TEST(KeptSession, RestoredPublishesOfALostSessionAreDropped) {
  const ClientOptions options = kept();
  Transcript t(options);
  t.client.restore_publish(request(kQoS2, 900, "one"), false);
  t.client.connect();
  t.open();
  t.sent();
  t.server(protocol::Connack{false, 0, {}});
  EXPECT_EQ(t.events(), Lines({"connected", "dropped 900"}));
  EXPECT_EQ(t.sent(), Lines());
}

TEST(KeptSession, RestoredPublishesOutliveFailedAttempts) {
  const ClientOptions options = kept();
  Transcript t(options);
  t.client.restore_publish(request(kQoS1, 7, "one"), false);
  t.client.connect();
  t.open();
  t.sent();
  come_back(t);
  EXPECT_EQ(t.sent(), Lines({"PUBLISH t=one qos1 id7 dup"}));
}

TEST(KeptSession, MessageThatCameBeforeIsAnsweredAndNotTold) {  // [MQTT-4.3.3-10]
  const ClientOptions options = kept();
  Transcript t(options);
  t.client.restore_received(9);
  t.connect({true, 0, {}});
  protocol::Publish again = message("t", "a", kQoS2, 9);
  again.dup = true;
  t.server(again);
  EXPECT_EQ(t.sent(), Lines({"PUBREC id9"}));
  EXPECT_EQ(t.events(), Lines());
}

TEST(KeptSession, ForgottenPublishIsNotSentAgain) {
  for (const QoS qos : {kQoS1, kQoS2}) {
    const ClientOptions options = kept();
    Transcript t(options);
    t.connect();
    t.client.publish(request(qos, 5, "a"), t.now);
    t.client.publish(request(kQoS1, 6, "b"), t.now);
    t.sent();
    t.client.forget_publish(5);
    come_back(t);
    if (qos == kQoS1) {
      EXPECT_EQ(t.sent(), Lines({"PUBLISH t=b qos1 id6 dup"}));
      EXPECT_EQ(t.events(),
                Lines({"disconnected: stream lost, connection reset", "connected, session present", "dropped 5"}));
    } else {  // its exchange is ended, so that another message with its identifier is not taken for it
      EXPECT_EQ(t.sent(), Lines({"PUBREL id5", "PUBLISH t=b qos1 id6 dup"}));
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::client
