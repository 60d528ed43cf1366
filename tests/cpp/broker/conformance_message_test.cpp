// What the standards ask of a server that takes, keeps, sends and acknowledges messages.
#include "tests/cpp/broker/harness.hpp"
#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::broker::test {
namespace {

using protocol::vectors::bytes_of;

std::vector<uint8_t> raw_output(Peer& peer) {
  std::vector<uint8_t> bytes;
  for (const ByteView part : peer.endpoint()->output()) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

class MessageAtLevel : public testing::TestWithParam<ProtocolVersion> {
 protected:
  Client kept(std::string_view id) const {
    return {.id = id, .version = GetParam(), .clean = false, .session_expiry_s = GetParam() == v5 ? 3600u : 0u};
  }
  Peer& subscriber(World& world, QoS qos) const {
    Peer& peer = world.connect(kept("s"));
    peer.send(subscribe(1, "t", qos));
    peer.receive();
    return peer;
  }
};
INSTANTIATE_TEST_SUITE_P(Levels, MessageAtLevel, testing::Values(v311, v5),
                         [](const auto& level) { return level.param == v5 ? "v5" : "v311"; });

// [MQTT-3.3.1-3], [MQTT-4.3.2-2], [MQTT-4.3.3-2], [MQTT-3.3.1-2]: a first delivery has DUP 0, however the message came.
TEST_P(MessageAtLevel, AFirstDeliveryHasNoDupHoweverItCame) {
  World world;
  Peer& peer = subscriber(world, q2);
  Peer& publisher = world.connect({.id = "p"});
  for (const QoS qos : {q1, q2}) {
    Publish again = message("t", "x", qos, 1);
    again.dup = true;
    publisher.send(again);
  }
  publisher.send(message("t", "x"));
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH t=x q1 #1", "PUBLISH t=x q2 #2", "PUBLISH t=x"}));
}

// [MQTT-4.3.2-5], [MQTT-4.3.3-12], [MQTT-4.3.1-1]: an identifier that has been answered for good means a new message.
TEST_P(MessageAtLevel, AnAnsweredIdentifierMayCarryANewMessage) {
  World world;
  Peer& peer = subscriber(world, q0);
  Peer& publisher = world.connect({.id = "p", .version = GetParam()});
  for (const char* payload : {"a", "b"}) publisher.send(message("t", payload, q1, 7));
  for (const char* payload : {"c", "d"}) {
    publisher.send(message("t", payload, q2, 7));
    publisher.send(Pubrel{7, {}, {}});
  }
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH t=a", "PUBLISH t=b", "PUBLISH t=c", "PUBLISH t=d"}));
}

// [MQTT-2.2.1-5], [MQTT-2.2.1-6], [MQTT-3.8.4-2], [MQTT-3.10.4-5]: whatever its value, the identifier comes back.
TEST_P(MessageAtLevel, EveryAnswerCarriesTheIdentifierItAnswers) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = GetParam()});
  const std::string suffix = GetParam() == v5 ? " 11" : "";
  for (const PacketId id : {PacketId{1}, PacketId{256}, PacketId{65535}}) {
    peer.send(subscribe(id, "t"));
    peer.send(unsubscribe(id, "never"));
    peer.send(message("u", "", q1, id));
    peer.send(message("u", "", q2, id));
    peer.send(Pubrel{id, {}, {}});
    const std::string text = " #" + std::to_string(id);
    const std::string nobody = GetParam() == v5 ? " 10" : "";
    EXPECT_EQ(peer.receive(), (Lines{"SUBACK" + text + " 00", "UNSUBACK" + text + suffix, "PUBACK" + text + nobody,
                                     "PUBREC" + text + nobody, "PUBCOMP" + text}));
  }
}

// [MQTT-4.4.0-1], [MQTT-4.3.2-3], [MQTT-4.3.3-3], [MQTT-4.3.3-5]: each stage stays unacknowledged until its answer, is
// sent again when the client comes back, and at no other time.
TEST_P(MessageAtLevel, WhatIsNotAcknowledgedIsSentAgainOnReconnectOnly) {
  World world;
  Peer& first = subscriber(world, q2);
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(message("t", "one", q1, 1));
  publisher.send(message("t", "two", q2, 1));
  EXPECT_EQ(first.receive().size(), 2u);
  world.advance(std::chrono::hours(1));
  first.send(Pingreq());
  EXPECT_EQ(first.receive(), Lines{"PINGRESP"});
  first.drop();
  Peer& second = world.connect(kept("s"), "CONNACK 00 present");
  EXPECT_EQ(second.receive(), (Lines{"PUBLISH t=one q1 #1 dup", "PUBLISH t=two q2 #2 dup"}));
  second.send(Puback{1, {}, {}});
  second.send(Pubrec{2, {}, {}});
  EXPECT_EQ(second.receive(), Lines{"PUBREL #2"});
  second.drop();
  Peer& third = world.connect(kept("s"), "CONNACK 00 present");
  EXPECT_EQ(third.receive(), Lines{"PUBREL #2"});
  third.send(Pubcomp{2, {}, {}});
  third.drop();
  EXPECT_EQ(world.connect(kept("s"), "CONNACK 00 present").receive(), Lines());
}

Publish expiring(std::string_view payload, PropertyWriter& space) {
  space.number(PropertyId::message_expiry_interval, 1);
  Publish publish = message("t", payload, q2, 9);
  publish.properties = space.list();
  return publish;
}

// [MQTT-4.3.3-7], [MQTT-4.3.3-13]: once a QoS 2 message is under way its expiry no longer counts, on either side.
TEST(ConformanceExpiry, AnExchangeGoesOnAfterItsMessageHasExpired) {
  World world;
  const Client client{.id = "s", .version = v5, .clean = false, .session_expiry_s = 3600};
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q2));
  first.receive();
  Peer& publisher = world.connect({.id = "p", .version = v5});
  PropertyWriter space;
  publisher.send(expiring("x", space));
  EXPECT_EQ(publisher.receive(), Lines{"PUBREC #9"});
  EXPECT_EQ(first.receive(), Lines{"PUBLISH t=x q2 #1 {message_expiry_interval=1}"});
  world.advance(seconds(60));
  publisher.send(Pubrel{9, {}, {}});
  EXPECT_EQ(publisher.receive(), Lines{"PUBCOMP #9"});
  first.drop();
  Peer& back = world.connect(client, "CONNACK 00 present");
  EXPECT_EQ(back.receive(), Lines{"PUBLISH t=x q2 #1 dup {message_expiry_interval=0}"});
  back.send(Pubrec{1, {}, {}});
  EXPECT_EQ(back.receive(), Lines{"PUBREL #1"});
}

// [MQTT-4.3.3-9]: a QoS 2 message that was refused has not taken its identifier.
TEST(ConformanceRefusal, FreesTheIdentifierOfAQos2Message) {
  World world({.max_topic_levels = 1});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, "t"));
  peer.send(message("too/deep", "refused", q2, 5));
  peer.send(message("t", "new", q2, 5));
  peer.send(Pubrel{5, {}, {}});
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBREC #5 90", "PUBLISH t=new", "PUBREC #5", "PUBCOMP #5"}));
}

PropertyList alias_of(uint32_t alias, PropertyWriter& space) {
  return space.number(PropertyId::topic_alias, alias).list();
}

// [MQTT-3.3.2-7], [MQTT-3.3.2-11]: aliases are those of one connection, in both directions.
TEST(ConformanceAlias, DoesNotOutliveItsConnection) {
  World world;
  const Client client{.id = "c", .version = v5, .clean = false, .session_expiry_s = 60, .topic_alias_maximum = 1};
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t"));
  PropertyWriter space;
  Publish publish = message("t", "x");
  publish.properties = alias_of(1, space);
  first.send(publish);
  publish.topic = "";
  first.send(publish);
  EXPECT_EQ(first.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x {topic_alias=1}", "PUBLISH =x {topic_alias=1}"}));
  first.drop();
  Peer& second = world.connect(client, "CONNACK 00 present");
  world.connect({.id = "p"}).send(message("t", "y"));
  EXPECT_EQ(second.receive(), Lines{"PUBLISH t=y {topic_alias=1}"});  // told anew
  second.send(publish);
  EXPECT_EQ(second.receive(), (Lines{"DISCONNECT 82", "CLOSE"}));  // not known any more
}

// [MQTT-3.4.2-2], [MQTT-3.4.2-3], [MQTT-3.5.2-2], [MQTT-3.5.2-3], [MQTT-3.6.2-2], [MQTT-3.6.2-3], [MQTT-3.7.2-2],
// [MQTT-3.7.2-3], [MQTT-3.9.2-1], [MQTT-3.9.2-2], [MQTT-3.11.2-1], [MQTT-3.11.2-2], [MQTT-3.1.2-29]: answers, also
// failing ones, have no reason string and no user property, so that none can be unwanted or too large.
TEST(ConformanceAnswers, HaveNoProperties) {
  World world({.max_topic_levels = 1});
  Peer& peer = world.connect({.id = "c", .version = v5});
  const auto answer = [&](const Packet& packet) {
    peer.send(packet);
    const auto bytes = raw_output(peer);
    peer.receive();
    return bytes;
  };
  EXPECT_EQ(answer(message("t", "", q1, 1)), bytes_of("4003 0001 10"));
  EXPECT_EQ(answer(message("too/deep", "", q1, 1)), bytes_of("4003 0001 90"));
  EXPECT_EQ(answer(message("too/deep", "", q2, 2)), bytes_of("5003 0002 90"));
  EXPECT_EQ(answer(Pubrec{3, {}, {}}), bytes_of("6203 0003 92"));
  EXPECT_EQ(answer(Pubrel{4, {}, {}}), bytes_of("7003 0004 92"));
  EXPECT_EQ(answer(subscribe(5, {{"t", {}}, {"too/deep", {}}})), bytes_of("9005 0005 00 008f"));
  EXPECT_EQ(answer(unsubscribe(6, "never")), bytes_of("b004 0006 00 11"));
}

// [MQTT-2.2.2-1]: what has no properties says so with a length of 0.
TEST(ConformanceAnswers, WriteNoPropertiesAsALengthOf0) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, "t"));
  peer.send(message("t", "x"));
  EXPECT_EQ(raw_output(peer), bytes_of("9004 0001 00 00 3005 000174 00 78"));
  peer.receive();
}

// [MQTT-3.3.1-7] of 3.1.1: a retained message of QoS 0 takes the place of one of any QoS.
TEST(ConformanceRetained, OneOfQos0ReplacesAnother) {
  World world;
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(retained("t", "old", q2, 1));
  publisher.send(retained("t", "new", q0));
  Peer& late = world.connect({.id = "late"});
  late.send(subscribe(1, "t", q2));
  EXPECT_EQ(late.receive(), (Lines{"SUBACK #1 02", "PUBLISH t=new retain"}));
}

}  // namespace
}  // namespace mqtt_sim::broker::test
