// What the standards ask of a server that keeps subscriptions, plain and shared.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

// [MQTT-3.8.4-3], [MQTT-3.8.4-4]: subscribing again replaces the options at once, sends what is retained again, and
// neither loses nor doubles a message that comes before, between or after.
TEST(ConformanceSubscribe, AgainReplacesWithoutLosingAMessage) {
  for (const ProtocolVersion version : {v311, v5}) {
    World world;
    Peer& publisher = world.connect({.id = "p"});
    publisher.send(retained("t", "kept"));
    Peer& peer = world.connect({.id = "s", .version = version});
    Lines expected;
    for (PacketId id = 1; id <= 4; ++id) {
      const QoS qos = id % 2 ? q1 : q0;
      peer.send(subscribe(id, "t", qos));
      const std::string granted = id % 2 ? " 01" : " 00";
      expected.push_back("SUBACK #" + std::to_string(id) + granted);
      expected.push_back("PUBLISH t=kept retain");
      publisher.send(message("t", std::to_string(id), q1, 1));
      const std::string as_sent = id % 2 ? " q1 #" + std::to_string(id / 2 + 1) : "";
      expected.push_back("PUBLISH t=" + std::to_string(id) + as_sent);
    }
    EXPECT_EQ(peer.receive(), expected);
    EXPECT_EQ(world.broker.stats().subscriptions, 1u);
  }
}

// [MQTT-3.8.4-5], [MQTT-3.8.4-6], [MQTT-3.8.4-7]: filters of one packet do what they would do one by one.
TEST(ConformanceSubscribe, SeveralFiltersActAsSeveralPackets) {
  World together;
  World apart;
  const std::vector<SubscribeEntry> entries{{"a", {.qos = q2}}, {"a/#/b", {}}, {"#", {.qos = q1}}, {"a", {.qos = q0}}};
  Lines one_by_one;
  Peer& whole = together.connect({.id = "s", .version = v5});
  whole.send(subscribe(9, entries));
  Peer& pieces = apart.connect({.id = "s", .version = v5});
  std::string codes = "SUBACK #9";
  for (const SubscribeEntry& entry : entries) {
    pieces.send(subscribe(9, {entry}));
    const Lines answer = pieces.receive();
    ASSERT_EQ(answer.size(), 1u);
    codes += answer[0].substr(9);
  }
  EXPECT_EQ(whole.receive(), Lines{codes});
  EXPECT_EQ(codes, "SUBACK #9 02 8f 01 00");
  for (World* world : {&together, &apart}) EXPECT_EQ(world->broker.stats().subscriptions, 2u);
}

// [MQTT-3.10.4-1], [MQTT-3.10.4-2], [MQTT-3.10.4-6]: filters are compared as they are written, whatever they match; the
// deleted one gets no message any more.
TEST(ConformanceUnsubscribe, DeletesTheFilterThatIsWrittenTheSame) {
  World world;
  Peer& peer = world.connect({.id = "s", .version = v5});
  Peer& publisher = world.connect({.id = "p"});
  peer.send(subscribe(1, {{"a/+", {}}, {"A/b", {}}, {"$share/g/a/b", {}}}));
  Unsubscribe packet = unsubscribe(2, "a/b");
  packet.filters = {"a/b", "a/#", "#", "A/B", "a/+/", "+/b"};
  peer.send(packet);
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00 00 00", "UNSUBACK #2 11 11 11 11 11 11"}));
  publisher.send(message("a/b", "still"));
  EXPECT_EQ(peer.receive().size(), 2u);  // by a/+ and by the share
  packet.filters = {"a/+", "$share/g/a/b"};
  peer.send(packet);
  publisher.send(message("a/b", "no more"));
  publisher.send(message("A/b", "other"));
  EXPECT_EQ(peer.receive(), (Lines{"UNSUBACK #2 00 00", "PUBLISH A/b=other"}));
}

// [MQTT-3.3.2-3]: a message goes out under the topic it came with, which the filter matches, and not under the filter.
TEST(ConformanceTopic, IsSentAsItWasPublished) {
  World world;
  Peer& peer = world.connect({.id = "s"});
  peer.send(subscribe(1, {{"+/x/#", {}}, {"\xC3\xA9/#", {}}}));
  peer.receive();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* topic : {"a/x", "/x/", "A/x/y/z", "\xC3\xA9", "e\xCC\x81"}) publisher.send(message(topic, ""));
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a/x=", "PUBLISH /x/=", "PUBLISH A/x/y/z=", "PUBLISH \xC3\xA9="}));
}

// [MQTT-3.3.4-3], [MQTT-3.3.4-4]: the identifiers of all matching subscriptions that have one, in the one copy.
TEST(ConformanceIdentifiers, AreThoseOfAllMatchingSubscriptions) {
  World world;
  Peer& peer = world.connect({.id = "s", .version = v5});
  const auto with_identifier = [&](PacketId id, std::string_view filter, uint32_t identifier) {
    PropertyWriter space;
    Subscribe packet = subscribe(id, filter);
    if (identifier) packet.properties = space.number(PropertyId::subscription_identifier, identifier).list();
    peer.send(packet);
  };
  with_identifier(1, "a", 1);
  with_identifier(2, "+", 268'435'455);
  with_identifier(3, "#", 0);
  with_identifier(4, "other", 4);
  peer.receive();
  world.connect({.id = "p"}).send(message("a", "x"));
  const Lines got = peer.receive();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_NE(got[0].find("subscription_identifier=1"), std::string::npos);
  EXPECT_NE(got[0].find("subscription_identifier=268435455"), std::string::npos);
  EXPECT_EQ(std::ranges::count(got[0], '='), 3) << got[0];
}

class ShareTest : public testing::Test {
 protected:
  ShareTest() : publisher(world.connect({.id = "p"})) {
    for (const Client& client : {one_, two_}) {
      Peer& peer = world.connect(client);
      peer.send(subscribe(1, "$share/g/t", q2));
      peer.receive();
      members.push_back(&peer);
    }
  }
  // The place of the member that got the message.
  size_t publish(QoS qos) {
    publisher.send(message("t", "x", qos, 1));
    publisher.send(Pubrel{1, {}, {}});
    const Lines first = members[0]->receive();
    const Lines second = members[1]->receive();
    EXPECT_EQ(first.size() + second.size(), 1u);
    return first.empty() ? 1 : 0;
  }

  const Client one_{.id = "one", .version = v5, .clean = false, .session_expiry_s = 60};
  const Client two_{.id = "two", .version = v5, .clean = false, .session_expiry_s = 60};
  World world;
  Peer& publisher;
  std::vector<Peer*> members;
};

// [MQTT-4.8.2-4]: a QoS 2 delivery that has begun waits for its client and is finished with it.
TEST_F(ShareTest, ABegunQos2DeliveryIsFinishedWithTheClientItBeganWith) {
  const size_t chosen = publish(q2);
  members[chosen]->drop();
  EXPECT_EQ(members[1 - chosen]->receive(), Lines());
  Peer& back = world.connect(chosen == 0 ? one_ : two_, "CONNACK 00 present");
  EXPECT_EQ(back.receive(), Lines{"PUBLISH t=x q2 #1 dup"});
  back.send(Pubrec{1, {}, {}});
  EXPECT_EQ(back.receive(), Lines{"PUBREL #1"});
  EXPECT_EQ(members[1 - chosen]->receive(), Lines());
}

// [MQTT-4.8.2-5]: it goes to nobody else when that session ends.
TEST_F(ShareTest, ABegunQos2DeliveryEndsWithItsSession) {
  const size_t chosen = publish(q2);
  members[chosen]->drop();
  world.advance(seconds(60));
  EXPECT_EQ(world.broker.stats().sessions, 2u);  // the other member and the publisher
  EXPECT_EQ(members[1 - chosen]->receive(), Lines());
}

// [MQTT-4.8.2-6]: what a member refuses is not offered to another.
TEST_F(ShareTest, WhatAMemberRefusesIsDropped) {
  EXPECT_EQ(publish(q1), 0u);
  members[0]->send(Puback{1, ReasonCode::quota_exceeded, {}});
  EXPECT_EQ(publish(q2), 1u);
  members[1]->send(Pubrec{1, ReasonCode::quota_exceeded, {}});
  for (Peer* member : members) EXPECT_EQ(member->receive(), Lines());
  EXPECT_EQ(publish(q1), 0u);  // the third goes on in turn
}

}  // namespace
}  // namespace mqtt_sim::broker::test
