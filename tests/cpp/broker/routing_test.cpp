// From a PUBLISH to its subscribers: matching, QoS, overlapping and shared subscriptions, properties.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

TEST(Routing, EverythingRunsOverAnInMemoryStream) {
  prove("A-05");
  World world;
  Peer& subscriber = world.connect({.id = "s"});
  Peer& publisher = world.connect({.id = "p"});
  subscriber.send(subscribe(1, "StarWars/#"));
  EXPECT_EQ(subscriber.receive(), Lines{"SUBACK #1 00"});
  publisher.send(message("StarWars/LUKE", "hello"));
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH StarWars/LUKE=hello"});
  EXPECT_EQ(publisher.receive(), Lines());
}

struct Matching {
  const char* filter;
  const char* name;
  bool matches;
};

class RoutingByFilter : public testing::TestWithParam<Matching> {};

TEST_P(RoutingByFilter, DeliversWhatMatchesOnly) {
  World world;
  Peer& subscriber = world.connect({.id = "s"});
  subscriber.send(subscribe(1, GetParam().filter));
  subscriber.receive();
  world.connect({.id = "p"}).send(message(GetParam().name, "x"));
  const Lines expected = GetParam().matches ? Lines{std::string("PUBLISH ") + GetParam().name + "=x"} : Lines();
  EXPECT_EQ(subscriber.receive(), expected) << GetParam().filter;
}

// [MQTT-3.3.2-3], [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.2-1], [MQTT-4.7.3-4]
INSTANTIATE_TEST_SUITE_P(Filters, RoutingByFilter,
                         testing::Values(Matching{"a/b", "a/b", true}, Matching{"a/b", "a/B", false},
                                         Matching{"a/+", "a/b", true}, Matching{"a/+", "a/b/c", false},
                                         Matching{"a/+", "a", false}, Matching{"a/#", "a", true},
                                         Matching{"a/#", "a/b/c", true}, Matching{"+/+", "/x", true},
                                         Matching{"#", "$own/x", false}, Matching{"+/x", "$own/x", false},
                                         Matching{"$own/#", "$own/x", true}, Matching{"#", "a", true}));

struct QosCase {
  QoS published;
  QoS granted;
};

class RoutingByQos : public testing::TestWithParam<QosCase> {};

// [MQTT-3.3.4-1], [MQTT-3.8.4-8], [MQTT-4.3.1-1], [MQTT-4.3.2-4], [MQTT-4.3.3-8]
TEST_P(RoutingByQos, AnswersAsPublishedAndDeliversTheLower) {
  prove("M-26");
  const auto [published, granted] = GetParam();
  World world;
  Peer& subscriber = world.connect({.id = "s"});
  Peer& publisher = world.connect({.id = "p"});
  subscriber.send(subscribe(1, "t", granted));
  subscriber.receive();
  publisher.send(message("t", "x", published, published == q0 ? PacketId{0} : PacketId{77}));
  const Lines answers[] = {{}, {"PUBACK #77"}, {"PUBREC #77"}};
  EXPECT_EQ(publisher.receive(), answers[static_cast<int>(published)]);
  const Lines deliveries[] = {{"PUBLISH t=x"}, {"PUBLISH t=x q1 #1"}, {"PUBLISH t=x q2 #1"}};
  EXPECT_EQ(subscriber.receive(), deliveries[static_cast<int>(std::min(published, granted))]);
}

INSTANTIATE_TEST_SUITE_P(Qos, RoutingByQos,
                         testing::Values(QosCase{q0, q0}, QosCase{q0, q1}, QosCase{q0, q2}, QosCase{q1, q0},
                                         QosCase{q1, q1}, QosCase{q1, q2}, QosCase{q2, q0}, QosCase{q2, q1},
                                         QosCase{q2, q2}));

TEST(Routing, NeverAcknowledgesQos0) {
  prove("A-21");
  World world;
  for (const ProtocolVersion version : {v31, v311, v5}) {
    Peer& publisher = world.connect({.id = "p", .version = version});
    publisher.send(message("nobody", "x"));
    publisher.send(message("nobody", "x", q0, 0, true));
    EXPECT_EQ(publisher.receive(), Lines());
    publisher.send(Disconnect());
    EXPECT_EQ(publisher.receive(), Lines{"CLOSE"});
  }
}

TEST(Routing, TellsA5ClientThatNobodyMatches) {
  prove("A-10");
  World world;
  Peer& publisher = world.connect({.id = "p", .version = v5});
  publisher.send(message("new/topic", "x", q1, 5));
  publisher.send(message("new/topic", "x", q2, 6));
  EXPECT_EQ(publisher.receive(), (Lines{"PUBACK #5 10", "PUBREC #6 10"}));
  Peer& old = world.connect({.id = "o"});
  old.send(message("new/topic", "x", q1, 5));
  EXPECT_EQ(old.receive(), Lines{"PUBACK #5"});
}

// [MQTT-3.3.4-2], [MQTT-3.3.4-4]
TEST(Routing, OverlappingSubscriptionsGetOneCopyAtTheHighestQos) {
  prove("M-01");
  World world;
  Peer& publisher = world.connect({.id = "p"});
  Peer& old = world.connect({.id = "old"});
  old.send(subscribe(1, "a/+", q0));
  old.send(subscribe(2, "a/#", q1));
  Peer& modern = world.connect({.id = "new", .version = v5});
  PropertyWriter first;
  first.number(PropertyId::subscription_identifier, 7);
  PropertyWriter second;
  second.number(PropertyId::subscription_identifier, 300);
  Subscribe packet = subscribe(1, "a/+", q1);
  packet.properties = first.list();
  modern.send(packet);
  packet = subscribe(2, "a/#", q0);
  packet.properties = second.list();
  modern.send(packet);
  old.receive();
  modern.receive();

  publisher.send(message("a/b", "x", q1, 1));
  EXPECT_EQ(old.receive(), Lines{"PUBLISH a/b=x q1 #1"});
  const Lines got = modern.receive();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0] == "PUBLISH a/b=x q1 #1 {subscription_identifier=7, subscription_identifier=300}" ||
              got[0] == "PUBLISH a/b=x q1 #1 {subscription_identifier=300, subscription_identifier=7}")
      << got[0];
}

// [MQTT-3.8.3-3]
TEST(Routing, NoLocalKeepsAMessageFromItsPublisherOnly) {
  prove("X-05");
  World world;
  Peer& both = world.connect({.id = "both", .version = v5});
  Peer& other = world.connect({.id = "other", .version = v5});
  both.send(subscribe(1, {{"a/#", {.no_local = true}}}));
  other.send(subscribe(1, {{"a/#", {.no_local = true}}}));
  both.receive();
  other.receive();
  both.send(message("a/b", "x"));
  EXPECT_EQ(both.receive(), Lines());
  EXPECT_EQ(other.receive(), Lines{"PUBLISH a/b=x"});
  // A second subscription without it lets the message through, at its own QoS.
  both.send(subscribe(2, {{"a/b", {.qos = q1}}}));
  both.receive();
  both.send(message("a/b", "y", q2, 1));
  EXPECT_EQ(both.receive(), (Lines{"PUBLISH a/b=y q1 #1", "PUBREC #1"}));
}

// [MQTT-3.3.1-12], [MQTT-3.3.1-13]
TEST(Routing, RetainAsPublishedKeepsTheFlag) {
  prove("X-05");
  World world;
  Peer& plain = world.connect({.id = "plain", .version = v5});
  Peer& as_published = world.connect({.id = "as published", .version = v5});
  plain.send(subscribe(1, "t"));
  as_published.send(subscribe(1, {{"t", {.retain_as_published = true}}}));
  plain.receive();
  as_published.receive();
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(retained("t", "x"));
  publisher.send(message("t", "y"));
  EXPECT_EQ(plain.receive(), (Lines{"PUBLISH t=x", "PUBLISH t=y"}));
  EXPECT_EQ(as_published.receive(), (Lines{"PUBLISH t=x retain", "PUBLISH t=y"}));
}

TEST(Routing, ManySubscribersOfAllLevelsGetTheSameMessage) {
  World world;
  std::vector<Peer*> subscribers;
  const ProtocolVersion versions[] = {v31, v311, v5};
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) ids.push_back("s" + std::to_string(i));
  for (size_t i = 0; i < ids.size(); ++i) {
    subscribers.push_back(&world.connect({.id = ids[i], .version = versions[i % 3]}));
    subscribers.back()->send(subscribe(1, "t", i < 6 ? q0 : q1));
    subscribers.back()->receive();
  }
  Peer& publisher = world.connect({.id = "p", .version = v5});
  PropertyWriter properties;
  properties.user_property("k", "v");
  const std::string large(5000, 'L');
  for (const std::string& payload : {std::string("small"), large}) {
    Publish publish = message("t", payload, q1, 1);
    publish.properties = properties.list();
    publisher.send(publish);
    for (size_t i = 0; i < subscribers.size(); ++i) {
      const std::string id = payload == large ? "2" : "1";
      const std::string line =
          "PUBLISH t=" + payload + (i < 6 ? "" : " q1 #" + id) + (versions[i % 3] == v5 ? " {user_property=k:v}" : "");
      EXPECT_EQ(subscribers[i]->receive(), Lines{line}) << i;
    }
  }
}

// [MQTT-3.3.2-4], [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-17], [MQTT-3.3.2-18], [MQTT-3.3.2-20]
TEST(Routing, PassesPropertiesUnalteredAndInOrder) {
  World world;
  Peer& subscriber = world.connect({.id = "s", .version = v5});
  subscriber.send(subscribe(1, "t", q1));
  subscriber.receive();
  PropertyWriter properties;
  properties.user_property("b", "2").number(PropertyId::payload_format_indicator, 1);
  properties.text(PropertyId::content_type, "text/plain").user_property("a", "1");
  properties.text(PropertyId::response_topic, "answer").text(PropertyId::correlation_data, "id");
  Peer& publisher = world.connect({.id = "p", .version = v5});
  const std::string shown =
      " {user_property=b:2, payload_format_indicator=1, content_type=text/plain, user_property=a:1, "
      "response_topic=answer, correlation_data=id}";
  for (const QoS qos : {q0, q1}) {
    Publish publish = message("t", "x", qos, qos == q0 ? PacketId{0} : PacketId{1});
    publish.properties = properties.list();
    publisher.send(publish);
    EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=x" + std::string(qos == q0 ? "" : " q1 #1") + shown});
  }
}

// [MQTT-4.8.2-3]
TEST(Routing, SharedSubscriptionsTakeTurns) {
  World world;
  Peer& publisher = world.connect({.id = "p"});
  Peer& one = world.connect({.id = "one", .version = v5});
  Peer& two = world.connect({.id = "two"});
  Peer& outside = world.connect({.id = "outside"});
  one.send(subscribe(1, "$share/g/t", q1));
  two.send(subscribe(1, "$share/g/t", q0));
  outside.send(subscribe(1, "t", q0));
  for (Peer* peer : {&one, &two, &outside}) EXPECT_EQ(peer->receive().size(), 1u);
  for (const char* payload : {"1", "2", "3", "4"}) publisher.send(message("t", payload, q1, 1));
  EXPECT_EQ(one.receive(), (Lines{"PUBLISH t=1 q1 #1", "PUBLISH t=3 q1 #2"}));
  EXPECT_EQ(two.receive(), (Lines{"PUBLISH t=2", "PUBLISH t=4"}));
  EXPECT_EQ(outside.receive().size(), 4u);
  two.drop();
  for (const char* payload : {"5", "6"}) publisher.send(message("t", payload, q1, 1));
  EXPECT_EQ(one.receive(), (Lines{"PUBLISH t=5 q1 #3", "PUBLISH t=6 q1 #4"}));
  one.send(unsubscribe(2, "$share/g/t"));
  EXPECT_EQ(one.receive(), Lines{"UNSUBACK #2 00"});
  publisher.send(message("t", "7", q1, 1));
  EXPECT_EQ(one.receive(), Lines());
}

TEST(Routing, ASubscriptionChangedBetweenMessagesCountsAtOnce) {
  World world;
  Peer& subscriber = world.connect({.id = "s"});
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(message("t", "before"));
  subscriber.send(subscribe(1, "t", q0));
  publisher.send(message("t", "0", q1, 1));
  subscriber.send(subscribe(2, "t", q1));  // [MQTT-3.8.4-3]
  publisher.send(message("t", "1", q1, 1));
  subscriber.send(unsubscribe(3, "t"));
  publisher.send(message("t", "after", q1, 1));
  EXPECT_EQ(subscriber.receive(),
            (Lines{"SUBACK #1 00", "PUBLISH t=0", "SUBACK #2 01", "PUBLISH t=1 q1 #1", "UNSUBACK #3"}));
}

TEST(Routing, TheOwnerPublishesFromInside) {
  prove("A-11");
  World world;
  EXPECT_EQ(world.broker.publish(message("t", "x"), world.now), ReasonCode::no_matching_subscribers);
  Peer& subscriber = world.connect({.id = "s"});
  subscriber.send(subscribe(1, "t"));
  subscriber.receive();
  EXPECT_EQ(world.broker.publish(message("t", "x"), world.now), ReasonCode::success);
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=x"});
}

TEST(Routing, InboundTopicAliasesStandForTheirTopic) {
  World world;
  Peer& subscriber = world.connect({.id = "s", .version = v5});
  subscriber.send(subscribe(1, "#"));
  Peer& publisher = world.connect({.id = "p", .version = v5});
  EXPECT_EQ(publisher.connack_properties().number(PropertyId::topic_alias_maximum), 16u);
  PropertyWriter alias;
  alias.number(PropertyId::topic_alias, 16);
  for (const char* topic : {"first", "", "second", ""}) {  // [MQTT-3.3.2-12]: and may be set anew
    Publish publish = message(topic, "x");
    publish.properties = alias.list();
    publisher.send(publish);
  }
  EXPECT_EQ(subscriber.receive(),
            (Lines{"SUBACK #1 00", "PUBLISH first=x", "PUBLISH first=x", "PUBLISH second=x", "PUBLISH second=x"}));
}

// [MQTT-3.1.2-26], [MQTT-3.1.2-27], [MQTT-3.3.2-11]
TEST(Routing, OutboundTopicAliasesStayWithinTheClientsMaximum) {
  World world;
  Peer& subscriber = world.connect({.id = "s", .version = v5, .topic_alias_maximum = 1});
  subscriber.send(subscribe(1, "#", q1));
  subscriber.receive();
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(message("a", "1"));
  publisher.send(message("b", "2"));
  publisher.send(message("a", "3", q1, 1));
  EXPECT_EQ(subscriber.receive(),
            (Lines{"PUBLISH a=1 {topic_alias=1}", "PUBLISH b=2", "PUBLISH =3 q1 #1 {topic_alias=1}"}));
}

// [MQTT-3.3.2-5], [MQTT-3.3.2-6]
TEST(Routing, MessageExpiryIsCountedDownWhileAMessageWaits) {
  prove("X-06");
  World world;
  world.connect({.id = "s", .version = v5, .clean = false, .session_expiry_s = 1000}).send(subscribe(1, "t", q1));
  world.connect({.id = "s", .version = v5, .clean = false, .session_expiry_s = 1000}, "CONNACK 00 present").drop();
  PropertyWriter properties;
  properties.number(PropertyId::message_expiry_interval, 10).user_property("k", "v");
  Publish publish = message("t", "x", q1, 1);
  publish.properties = properties.list();
  Peer& publisher = world.connect({.id = "p", .version = v5});
  publisher.send(publish);
  world.advance(seconds(4));
  publish.payload = as_bytes("y");
  publisher.send(publish);
  world.advance(milliseconds(6000));
  Peer& back =
      world.connect({.id = "s", .version = v5, .clean = false, .session_expiry_s = 1000}, "CONNACK 00 present");
  EXPECT_EQ(back.receive(), Lines{"PUBLISH t=y q1 #1 {message_expiry_interval=4, user_property=k:v}"});
  EXPECT_EQ(world.broker.stats().dropped_expired, 1u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
