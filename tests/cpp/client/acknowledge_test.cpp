// Messages that the owner acknowledges: nothing is answered before, answers keep the order of the messages.
#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::ProtocolVersion;
using protocol::Pubrel;
using protocol::QoS;
using protocol::ReasonCode;

ClientOptions by_owner(ProtocolVersion version = ProtocolVersion::v5_0) {
  ClientOptions options;
  options.version = version;
  options.acknowledges_by_owner = true;
  return options;
}

TEST(Acknowledge, NothingIsAnsweredBeforeTheOwnerDoes) {  // [MQTT-4.3.2-4], [MQTT-4.3.3-8]
  RecordProperty("req", "Y-07");
  const ClientOptions options = by_owner();
  Transcript t(options);
  t.connect();
  t.server({message("t", "0"), message("t", "1", QoS::at_least_once, 8), message("t", "2", QoS::exactly_once, 9)});
  EXPECT_EQ(t.events().size(), 3u);
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_TRUE(t.client.acknowledge(1, ReasonCode::success, t.now));
  EXPECT_TRUE(t.client.acknowledge(2, ReasonCode::success, t.now));
  EXPECT_EQ(t.sent(), Lines({"PUBACK id8", "PUBREC id9"}));
  t.server(ack<Pubrel>(9));
  EXPECT_EQ(t.sent(), Lines({"PUBCOMP id9"}));
}

TEST(Acknowledge, AnswersLeaveInTheOrderOfTheMessages) {  // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
  const ClientOptions options = by_owner(ProtocolVersion::v3_1_1);
  Transcript t(options);
  t.connect();
  t.server({message("t", "", QoS::at_least_once, 1), message("t", "", QoS::exactly_once, 2),
            message("t", "", QoS::at_least_once, 3)});
  EXPECT_TRUE(t.client.acknowledge(3, ReasonCode::success, t.now));
  EXPECT_TRUE(t.client.acknowledge(2, ReasonCode::success, t.now));
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_TRUE(t.client.acknowledge(1, ReasonCode::success, t.now));
  EXPECT_EQ(t.sent(), Lines({"PUBACK id1", "PUBREC id2", "PUBACK id3"}));
}

TEST(Acknowledge, AReasonGoesWithIt) {
  const ClientOptions options = by_owner();
  Transcript t(options);
  t.connect();
  t.server({message("t", "", QoS::at_least_once, 1), message("t", "", QoS::exactly_once, 2)});
  t.client.acknowledge(1, ReasonCode::not_authorized, t.now);
  t.client.acknowledge(2, ReasonCode::quota_exceeded, t.now);
  EXPECT_EQ(t.sent_hex(), "40 03 00 01 87 50 03 00 02 97");
  t.server(message("t", "again", QoS::exactly_once, 2));  // the failed exchange is over: this is another message
  EXPECT_EQ(t.events().size(), 3u);
}

TEST(Acknowledge, OnceOnlyAndOnlyWhatIsThere) {
  const ClientOptions options = by_owner();
  Transcript t(options);
  t.connect();
  t.server(message("t", "", QoS::at_least_once, 1));
  EXPECT_FALSE(t.client.acknowledge(0, ReasonCode::success, t.now));
  EXPECT_FALSE(t.client.acknowledge(2, ReasonCode::success, t.now));
  EXPECT_TRUE(t.client.acknowledge(1, ReasonCode::success, t.now));
  EXPECT_FALSE(t.client.acknowledge(1, ReasonCode::success, t.now));
  EXPECT_EQ(t.sent(), Lines({"PUBACK id1"}));
}

TEST(Acknowledge, ARepeatedMessageIsNotGivenTwiceWhileItIsOwed) {  // [MQTT-4.3.3-10]
  const ClientOptions options = by_owner();
  Transcript t(options);
  t.connect();
  t.server({message("t", "once", QoS::exactly_once, 5), message("t", "once", QoS::exactly_once, 5)});
  EXPECT_EQ(t.events().size(), 1u);
  EXPECT_EQ(t.sent(), Lines());
}

TEST(Acknowledge, WhatIsOwedCountsForTheReceiveMaximum) {  // [MQTT-3.3.4-9]
  ClientOptions options = by_owner();
  options.receive_maximum = 2;
  Transcript t(options);
  t.connect();
  t.server({message("t", "", QoS::at_least_once, 1), message("t", "", QoS::exactly_once, 2)});
  EXPECT_EQ(t.client.state(), State::connected);
  t.server(message("t", "", QoS::at_least_once, 3));
  EXPECT_EQ(t.client.state(), State::closing);
}

TEST(Acknowledge, WhatIsOwedWhenTheStreamEndsComesAgainAsNew) {
  ClientOptions options = by_owner();
  options.session_expiry_interval_s = 100;
  options.reconnect_period = 1s;
  Transcript t(options);
  t.connect();
  t.server({message("t", "", QoS::exactly_once, 5), message("t", "", QoS::at_least_once, 6)});
  t.lose();
  EXPECT_FALSE(t.client.acknowledge(1, ReasonCode::success, t.now));
  t.pass(1s);
  protocol::Connack resumed;
  resumed.session_present = true;
  t.reopen(resumed);
  EXPECT_FALSE(t.client.acknowledge(1, ReasonCode::success, t.now));
  static_cast<void>(t.events());
  static_cast<void>(t.sent());
  t.server(message("t", "", QoS::exactly_once, 5));
  EXPECT_EQ(t.events().size(), 1u);
  EXPECT_TRUE(t.client.acknowledge(1, ReasonCode::success, t.now));
  EXPECT_EQ(t.sent(), Lines({"PUBREC id5"}));
}

TEST(Acknowledge, SilenceIsExcusedWhenTheOwnerReadsNothing) {
  ClientOptions options;
  options.keep_alive_s = 10;
  Transcript t(options);
  t.connect();
  t.pass(10s);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
  t.client.excuse_silence();
  t.pass(10s);
  EXPECT_EQ(t.client.state(), State::connected);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
  t.pass(10s);
  EXPECT_EQ(t.client.state(), State::closing);
}

}  // namespace
}  // namespace mqtt_sim::client
