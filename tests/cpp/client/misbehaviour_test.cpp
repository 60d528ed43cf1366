// Servers of 5.0 that break the rules in the ways that only 5.0 has, and servers that keep them in unusual ways: each
// ends in a named reason or in the right count.
#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::Disconnect;
using protocol::PacketId;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::Pubrel;
using protocol::QoS;
using protocol::ReasonCode;

ClientOptions version_5() {
  ClientOptions options;
  options.version = ProtocolVersion::v5_0;
  return options;
}

Connack connack_with(const PropertyWriter& properties, bool session_present = false) {
  return {session_present, 0, properties.list()};
}

// ---- sessions

TEST(Misbehaviour, ASessionThatIsNotOursEndsTheConnectionUnlessAdopted) {  // [MQTT-3.2.2-4]
  for (const bool adopts : {false, true}) {
    ClientOptions options = version_5();
    options.clean_start = false;
    options.session_expiry_interval_s = 60;
    options.adopts_session = adopts;
    Transcript t(options);
    t.client.connect();
    t.open();
    t.server(Connack{true, 0, {}});
    if (adopts) {
      EXPECT_EQ(t.events(), Lines({"connected, session present"}));
      continue;
    }
    EXPECT_EQ(t.sent(), Lines({"CONNECT", "DISCONNECT 0x82"}));
    t.grant();
    EXPECT_EQ(t.events(),
              Lines({"disconnected: protocol error, session present that is not ours 0x82, never connected"}));
  }
}

TEST(Misbehaviour, ASessionThatWeHaveGivenUpIsNotOurs) {  // [MQTT-3.2.2-4]
  ClientOptions options = version_5();
  options.clean_start = false;
  options.session_expiry_interval_s = 60;
  Transcript t(options);
  t.connect();
  PropertyWriter none;
  none.number(PropertyId::session_expiry_interval, 0);
  t.client.disconnect(t.now, ReasonCode::success, none.list());
  t.grant();
  t.client.connect();
  t.open();
  t.server(Connack{true, 0, {}});
  EXPECT_EQ(t.client.state(), State::closing);
}

TEST(Misbehaviour, BelowVersion5AnOldSessionIsTaken) {
  ClientOptions options;
  options.clean_start = false;
  Transcript t(options);
  t.client.connect();
  t.open();
  t.server(Connack{true, 0, {}});
  EXPECT_EQ(t.events(), Lines({"connected, session present"}));
}

// ---- what must not stand in a packet

struct Wrong {
  const char* name;
  protocol::Packet packet;
  const char* text;
};

TEST(Misbehaviour, OfAConnectedServerHasAName) {
  PropertyWriter expiry;
  expiry.number(PropertyId::session_expiry_interval, 5);
  const uint8_t more[] = {1, 1}, less[] = {0, 0}, failed[] = {0x80, 1};
  const Wrong rows[] = {
      {"DISCONNECT of a client", Disconnect{ReasonCode::disconnect_with_will_message, {}},
       "DISCONNECT with a reason that only a client has 0x82"},
      {"session expiry in DISCONNECT", Disconnect{ReasonCode::success, expiry.list()},  // [MQTT-3.14.2-2]
       "session expiry interval in DISCONNECT of a server 0x82"},
      {"more granted than asked for", protocol::Suback{1, {}, more}, "SUBACK grants more than was asked for 0x82"},
      {"too few codes in UNSUBACK", protocol::Unsuback{2, {}, less}, "UNSUBACK with another number of codes 0x82"},
  };
  for (const Wrong& row : rows) {
    SCOPED_TRACE(row.name);
    const ClientOptions options = version_5();
    Transcript t(options);
    t.connect();
    const protocol::SubscribeEntry entries[] = {{"a", {QoS::at_least_once}}, {"b", {QoS::at_most_once}}};
    t.client.subscribe(entries, 1, t.now);
    t.unsubscribe({"a"}, 2);
    t.sent();
    t.server(row.packet);
    EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
    t.grant();
    EXPECT_EQ(t.events(), Lines({std::string("disconnected: protocol error, ") + row.text}));
  }
  const ClientOptions options = version_5();
  Transcript t(options);
  t.connect();
  const protocol::SubscribeEntry entries[] = {{"a", {QoS::at_most_once}}, {"b", {QoS::exactly_once}}};
  t.client.subscribe(entries, 1, t.now);
  t.server(protocol::Suback{1, {}, failed});
  EXPECT_EQ(t.events(), Lines({"subscribed 1: 80 01"})) << "a failure, and less than was asked for";
}

TEST(Misbehaviour, AMaximumPacketSizeThatAllowsNoAcknowledgementIsNoUse) {  // [MQTT-3.2.2-15]
  for (const uint32_t most : {1u, 2u, 3u, 4u}) {
    const ClientOptions options = version_5();
    Transcript t(options);
    PropertyWriter properties;
    properties.number(PropertyId::maximum_packet_size, most);
    t.client.connect();
    t.open();
    t.sent();
    t.server(connack_with(properties));
    if (most == 4) {
      EXPECT_EQ(t.client.state(), State::connected);
      t.server(protocol::Pubrec{9, {}, {}});
      EXPECT_EQ(t.sent(), Lines({"PUBREL id9"})) << "there is no room for the reason";
      continue;
    }
    EXPECT_EQ(t.sent(), most == 3 ? Lines({"DISCONNECT 0x95"}) : Lines());
    t.grant();
    EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, maximum packet size below that of an acknowledgement"
                                 " 0x95, never connected"}));
  }
}

// ---- receive maximum

std::vector<uint8_t> read_of(std::initializer_list<protocol::Packet> packets) {
  std::vector<uint8_t> bytes;
  for (const auto& packet : packets) {
    const auto more = bytes_of(packet, ProtocolVersion::v5_0);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  return bytes;
}

TEST(Misbehaviour, MoreThanOurReceiveMaximumInOneReadIsNoticed) {  // [MQTT-3.3.4-9]
  ClientOptions options = version_5();
  options.receive_maximum = 2;
  const auto one = [](PacketId id) { return message("t", "", QoS::at_least_once, id); };
  const auto two = [](PacketId id) { return message("t", "", QoS::exactly_once, id); };
  struct Case {
    const char* name;
    std::vector<std::vector<uint8_t>> reads;
    bool ends;
  };
  const Case cases[] = {
      {"two, acknowledged, two more", {read_of({one(1), one(2)}), read_of({one(1), one(2)})}, false},
      {"three before any answer", {read_of({one(1), one(2), one(3)})}, true},
      {"QoS 0 does not count", {read_of({one(1), message("t"), one(2), message("t")})}, false},
      {"one of each and a third", {read_of({two(1)}), read_of({one(2), one(3)})}, true},
      {"one of each", {read_of({two(1)}), read_of({one(2)}), read_of({one(3)})}, false},
      {"released, but not yet complete", {read_of({two(1), two(2)}), read_of({ack<Pubrel>(1), two(3)})}, true},
      {"released before", {read_of({two(1), two(2)}), read_of({ack<Pubrel>(1)}), read_of({two(3)})}, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Transcript t(options);
    t.connect();
    for (const auto& read : c.reads) {
      t.server_bytes(read);
      if (!c.ends) t.sent();
    }
    EXPECT_EQ(t.client.state(), c.ends ? State::closing : State::connected);
    if (c.ends) {
      EXPECT_EQ(t.sent().back(), "DISCONNECT 0x93");
    }
  }
}

// ---- unusual, but right

TEST(Misbehaviour, TwoThousandPacketsInOneWriteAreTwoThousandMessages) {
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    ClientOptions options;
    options.version = version;
    Transcript t(options);
    t.connect();
    std::vector<uint8_t> bytes;
    for (PacketId id = 1; id <= 2000; ++id) {
      const auto more = bytes_of(message("t", std::to_string(id), QoS::at_least_once, id), version);
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    t.server_bytes(bytes);
    const Lines messages = t.events();
    ASSERT_EQ(messages.size(), 2000u);
    EXPECT_EQ(messages.back(), "message t=2000 qos1 id2000");
    const Lines acks = t.sent();
    ASSERT_EQ(acks.size(), 2000u);
    EXPECT_EQ(acks[1234], "PUBACK id1235");
  }
}

TEST(Misbehaviour, AWholeConversationByteByByteIsTheSame) {
  const ClientOptions options = version_5();
  Transcript t(options);
  t.client.connect();
  t.open();
  t.sent();
  PropertyWriter why;
  why.text(PropertyId::reason_string, "welcome");
  const auto say = [&](const protocol::Packet& packet) {
    for (const uint8_t byte : bytes_of(packet, options.version)) t.server_bytes({&byte, 1});
  };
  say(connack_with(why));
  t.publish("a", "x", QoS::exactly_once, 1);
  t.subscribe({"s"}, 2);
  const uint8_t granted[] = {1};
  say(protocol::Suback{2, why.list(), granted});
  say(protocol::Pubrec{1, {}, why.list()});
  say(message("t", "hello", QoS::exactly_once, 9));
  say(ack<Pubrel>(9));
  say(protocol::Pubcomp{1, {}, why.list()});
  say(Disconnect{ReasonCode::server_busy, why.list()});
  t.grant();
  EXPECT_EQ(t.events(),
            Lines({"connected", "subscribed 2: 01 \"welcome\"", "message t=hello qos2 id9",
                   "completed 1 qos2 \"welcome\"", "disconnected: ended by the server, server busy 0x89 \"welcome\""}));
}

TEST(Misbehaviour, APongThatNobodyAskedForIsNoHarm) {
  const ClientOptions options = version_5();
  Transcript t(options);
  t.connect();
  t.server({protocol::Pingresp{}, protocol::Pingresp{}});
  t.pass(60s);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
  t.pass(60s);
  EXPECT_EQ(t.client.state(), State::closing) << "it does not stand for the one that is awaited later";
}

TEST(Misbehaviour, SilenceAfterTheStreamOpenedHasALimitWhateverIsSaidInBetween) {
  ClientOptions options = version_5();
  options.authentication = AuthenticationOptions{"K", {}, {}, {}};
  Transcript t(options);
  t.client.connect();
  t.open();
  t.sent();
  PropertyWriter properties;
  properties.text(PropertyId::authentication_method, "K");
  for (int i = 0; i < 29; ++i) {
    t.pass(1s);
    t.server(protocol::Auth{ReasonCode::continue_authentication, properties.list()});
    ASSERT_TRUE(t.client.authenticate("more", t.now));
  }
  t.pass(1s);
  t.grant();
  EXPECT_EQ(t.events().back(), "disconnected: connect timeout, connack timeout, never connected");
}

TEST(Misbehaviour, AHugeAnnouncedPacketEndsTheConnectionAtItsHeader) {
  ClientOptions options = version_5();
  options.maximum_packet_size = 1 << 20;
  Transcript t(options);
  t.connect();
  t.server_hex("30 ff ff ff 7f");
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x95"}));
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, packet too large 0x95"}));
}

}  // namespace
}  // namespace mqtt_sim::client
