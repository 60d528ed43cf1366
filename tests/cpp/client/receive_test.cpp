#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::PacketId;
using protocol::ProtocolVersion;
using protocol::Publish;
using protocol::Pubrec;
using protocol::Pubrel;
using protocol::QoS;
using protocol::ReasonCode;

TEST(Receive, AnswersEachQoSItsWay) {  // [MQTT-3.3.4-1]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.server({message("t", "0", QoS::at_most_once), message("t", "1", QoS::at_least_once, 8),
            message("t", "2", QoS::exactly_once, 9)});
  EXPECT_EQ(t.events(), Lines({"message t=0 qos0", "message t=1 qos1 id8", "message t=2 qos2 id9"}));
  EXPECT_EQ(t.sent(), Lines({"PUBACK id8", "PUBREC id9"}));
  t.server(ack<Pubrel>(9));
  EXPECT_EQ(t.sent(), Lines({"PUBCOMP id9"}));
  EXPECT_EQ(t.events(), Lines());
}

TEST(Receive, AcknowledgesInTheOrderOfArrival) {  // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.server({message("t", "", QoS::exactly_once, 3), message("t", "", QoS::at_least_once, 1),
            message("t", "", QoS::exactly_once, 2), message("t", "", QoS::at_least_once, 4)});
  EXPECT_EQ(t.sent(), Lines({"PUBREC id3", "PUBACK id1", "PUBREC id2", "PUBACK id4"}));
}

TEST(Receive, DeliversQoS2OnceUntilPubrel) {  // [MQTT-4.3.3-10], [MQTT-4.3.3-12]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.server(message("t", "once", QoS::exactly_once, 5));
  Publish again = message("t", "once", QoS::exactly_once, 5);
  again.dup = true;
  t.server(again);
  EXPECT_EQ(t.events(), Lines({"message t=once qos2 id5"}));
  EXPECT_EQ(t.sent(), Lines({"PUBREC id5", "PUBREC id5"}));
  t.server({ack<Pubrel>(5), message("t", "new", QoS::exactly_once, 5)});
  EXPECT_EQ(t.events(), Lines({"message t=new qos2 id5"}));
  EXPECT_EQ(t.sent(), Lines({"PUBCOMP id5", "PUBREC id5"}));
}

TEST(Receive, DeliversQoS1EachTime) {  // [MQTT-4.3.2-5]
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.server({message("t", "x", QoS::at_least_once, 5), message("t", "x", QoS::at_least_once, 5)});
  EXPECT_EQ(t.events().size(), 2u);
  EXPECT_EQ(t.sent(), Lines({"PUBACK id5", "PUBACK id5"}));
}

TEST(Receive, RemembersQoS2AcrossStreamsOfOneSessionOnly) {
  for (const bool session_present : {true, false}) {
    ClientOptions options;
    options.clean_start = false;
    options.reconnect_period = 1s;
    Transcript t(options);
    t.connect();
    t.server(message("t", "x", QoS::exactly_once, 5));
    t.sent();
    t.lose();
    t.events();
    t.pass(1s);
    t.reopen({session_present, 0, {}});
    t.events();
    Publish again = message("t", "x", QoS::exactly_once, 5);
    again.dup = true;
    t.server(again);
    EXPECT_EQ(t.events(), session_present ? Lines() : Lines({"message t=x qos2 id5 dup"}));
    EXPECT_EQ(t.sent(), Lines({"PUBREC id5"}));
  }
}

TEST(Receive, AnswersReleasesOfNothingAsTheLevelAllows) {
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    ClientOptions options;
    options.version = version;
    Transcript t(options);
    t.connect();
    t.server({ack<Pubrel>(77), ack<Pubrec>(78)});
    EXPECT_EQ(t.sent(), version == ProtocolVersion::v5_0 ? Lines({"PUBCOMP id77 0x92", "PUBREL id78 0x92"})
                                                         : Lines({"PUBCOMP id77", "PUBREL id78"}));
    EXPECT_EQ(t.client.unexpected_acks(), 2u);
    EXPECT_EQ(t.events(), Lines());
    EXPECT_EQ(t.client.state(), State::connected);
  }
}

TEST(Receive, IgnoresAndCountsAcknowledgementsOfNothing) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.server({ack<protocol::Puback>(3), ack<protocol::Pubcomp>(4), protocol::Pingresp{}});
  EXPECT_EQ(t.client.unexpected_acks(), 2u);
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_EQ(t.client.state(), State::connected);
}

TEST(Receive, TakesAnySplitOfTheStream) {
  const ClientOptions options;
  std::vector<uint8_t> bytes;
  for (const auto& packet : {message("t", "first", QoS::at_most_once), message("t", "second", QoS::at_least_once, 1),
                             message("t", "third", QoS::exactly_once, 2)}) {
    const auto more = bytes_of(packet, options.version);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Transcript t(options);
    t.connect();
    t.server_bytes(ByteView(bytes).first(cut));
    t.server_bytes(ByteView(bytes).subspan(cut));
    EXPECT_EQ(t.events(), Lines({"message t=first qos0", "message t=second qos1 id1", "message t=third qos2 id2"}));
    EXPECT_EQ(t.sent(), Lines({"PUBACK id1", "PUBREC id2"}));
  }
}

TEST(Receive, LetsTheOwnerPublishWhatItIsLookingAt) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  const auto bytes = bytes_of(message("t", "echo", QoS::at_least_once, 9), options.version);
  t.client.on_bytes(bytes, t.now);
  const auto event = t.client.poll_event();
  ASSERT_TRUE(event.has_value());
  const Publish& publish = std::get<MessageReceived>(*event).publish;
  EXPECT_GE(publish.payload.data(), bytes.data()) << "views point into what was read";
  EXPECT_LT(publish.payload.data(), bytes.data() + bytes.size());
  EXPECT_EQ(t.client.publish({"back", publish.payload, QoS::at_most_once, false, {}, 0}, t.now),
            PublishOutcome::accepted);
  EXPECT_EQ(t.sent(), Lines({"PUBACK id9", "PUBLISH back=echo qos0"}));
  EXPECT_EQ(t.events(), Lines());
}

TEST(Receive, DropsTheRestOfTheReadWhenTheOwnerEndsTheConnection) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  std::vector<uint8_t> bytes = bytes_of(message("t", "1", QoS::at_least_once, 1), options.version);
  const auto more = bytes_of(message("t", "2", QoS::at_least_once, 2), options.version);
  bytes.insert(bytes.end(), more.begin(), more.end());
  t.client.on_bytes(bytes, t.now);
  ASSERT_TRUE(t.client.poll_event().has_value());
  t.client.disconnect(t.now);
  EXPECT_EQ(t.events(), Lines());
  EXPECT_EQ(t.sent(), Lines({"PUBACK id1", "DISCONNECT"}));
}

TEST(ReceiveDeathTest, InsistsThatTheOwnerDrains) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  const auto bytes = bytes_of(message("t", "1", QoS::at_most_once), options.version);
  t.client.on_bytes(bytes, t.now);
  EXPECT_DEATH(t.client.on_bytes(bytes, t.now), "input_pending_");
  EXPECT_DEATH(t.client.on_deadline(t.now), "input_pending_");
  EXPECT_DEATH(t.client.on_closed(CloseReason::peer, t.now), "input_pending_");
}

}  // namespace
}  // namespace mqtt_sim::client
