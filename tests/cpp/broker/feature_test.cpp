// Features switched off: told in CONNACK, and what their use is answered with.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

Subscribe with_identifier(Subscribe packet, PropertyWriter& space) {
  space.number(PropertyId::subscription_identifier, 7);
  packet.properties = space.list();
  return packet;
}

struct FeatureCase {
  const char* name;
  BrokerOptions options;
  PropertyId told;
  uint32_t value;
};

class Feature : public testing::TestWithParam<FeatureCase> {};

// [MQTT-3.2.2-9], and sections 3.2.2.3.5, 3.2.2.3.11 to 3.2.2.3.13
TEST_P(Feature, IsToldWhenItIsOff) {
  prove("X-35");
  const auto& [name, options, told, value] = GetParam();
  World off(options);
  EXPECT_EQ(off.connect({.id = "c", .version = v5}).connack_properties().number(told), value);
  World on;
  EXPECT_EQ(on.connect({.id = "c", .version = v5}).connack_properties().number(told), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Off, Feature,
    testing::Values(FeatureCase{"qos2", {.max_qos = q1}, PropertyId::maximum_qos, 1},
                    FeatureCase{"qos1", {.max_qos = q0}, PropertyId::maximum_qos, 0},
                    FeatureCase{"retain", {.retain_available = false}, PropertyId::retain_available, 0},
                    FeatureCase{
                        "wildcard", {.wildcard_available = false}, PropertyId::wildcard_subscription_available, 0},
                    FeatureCase{"identifiers",
                                {.subscription_identifiers_available = false},
                                PropertyId::subscription_identifier_available,
                                0},
                    FeatureCase{"shared", {.shared_available = false}, PropertyId::shared_subscription_available, 0}),
    [](const auto& feature) { return feature.param.name; });

// [MQTT-3.2.2-11]
TEST(MaximumQos, APublishAboveItEndsTheConnection) {
  prove("X-35");
  World world({.max_qos = q1});
  Peer& watcher = world.connect({.id = "w"});
  watcher.send(subscribe(1, "t"));
  Peer& modern = world.connect({.id = "m", .version = v5});
  modern.send(message("t", "fine", q1, 1));
  modern.send(message("t", "too high", q2, 2));
  EXPECT_EQ(modern.receive(), (Lines{"PUBACK #1", "DISCONNECT 9b", "CLOSE"}));
  Peer& old = world.connect({.id = "o"});
  old.send(message("t", "too high", q2, 2));
  EXPECT_EQ(old.receive(), Lines{"CLOSE"});
  EXPECT_EQ(watcher.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=fine"}));
  EXPECT_EQ(world.broker.stats().refused_features, 2u);
  EXPECT_EQ(world.broker.stats().errors_of(ReasonCode::qos_not_supported), 2u);
}

// [MQTT-3.2.2-10], [MQTT-3.8.4-7]
TEST(MaximumQos, SubscriptionsAreTakenAndLowered) {
  prove("X-35");
  for (const auto& [max_qos, granted] : {std::pair{q0, "SUBACK #1 00 00 00"}, {q1, "SUBACK #1 00 01 01"}}) {
    World world({.max_qos = max_qos});
    for (const ProtocolVersion version : {v311, v5}) {
      Peer& peer = world.connect({.id = "c", .version = version});
      peer.send(subscribe(1, {{"a", {.qos = q0}}, {"b", {.qos = q1}}, {"c", {.qos = q2}}}));
      EXPECT_EQ(peer.receive(), Lines{granted});
    }
  }
}

struct WillCase {
  const char* name;
  BrokerOptions options;
  Will refused;
  const char* answer;
};

class WillFeature : public testing::TestWithParam<WillCase> {};

// [MQTT-3.2.2-12], [MQTT-3.2.2-13]
TEST_P(WillFeature, IsRefusedWithItsConnect) {
  prove("X-35");
  World world(GetParam().options);
  Peer& modern = world.open(v5);
  World::send_connect(modern, {.id = "c", .version = v5, .will = GetParam().refused});
  EXPECT_EQ(modern.receive(), (Lines{GetParam().answer, "CLOSE"}));
  Peer& old = world.open(v311);
  World::send_connect(old, {.id = "c", .will = GetParam().refused});
  EXPECT_EQ(old.receive(), (Lines{"CONNACK 03", "CLOSE"}));
  world.connect({.id = "c", .version = v5, .will = will("w", "x", q1)});
  EXPECT_EQ(world.broker.stats().refused_connects, 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Wills, WillFeature,
    testing::Values(WillCase{"qos", {.max_qos = q1}, will("w", "x", q2), "CONNACK 9b"},
                    WillCase{"retain", {.retain_available = false}, will("w", "x", q0, true), "CONNACK 9a"},
                    WillCase{"length", {.max_topic_length = 3}, will("long", "x"), "CONNACK 90"},
                    WillCase{"levels", {.max_topic_levels = 2}, will("a/b/c", "x"), "CONNACK 90"}),
    [](const auto& row) { return row.param.name; });

// [MQTT-3.2.2-14]
TEST(RetainAvailable, ARetainedPublishEndsTheConnection) {
  prove("X-35");
  World world({.retain_available = false});
  Peer& modern = world.connect({.id = "m", .version = v5});
  modern.send(message("t", "x", q1, 1));
  modern.send(retained("t", "x", q1, 2));
  EXPECT_EQ(modern.receive(), (Lines{"PUBACK #1 10", "DISCONNECT 9a", "CLOSE"}));
  Peer& old = world.connect({.id = "o"});
  old.send(retained("t", "x"));
  EXPECT_EQ(old.receive(), Lines{"CLOSE"});
  EXPECT_EQ(world.broker.stats().refused_features, 2u);
  EXPECT_EQ(world.broker.stats().retained, 0u);
}

TEST(RetainAvailable, TheOwnersMessagesPassWithoutBeingKept) {
  World world({.retain_available = false});
  Peer& peer = world.connect({.id = "c"});
  peer.send(subscribe(1, "t"));
  EXPECT_EQ(world.broker.publish(retained("t", "x"), world.now), ReasonCode::success);
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x"}));
  EXPECT_EQ(world.broker.stats().retained, 0u);
}

struct FilterCase {
  const char* name;
  BrokerOptions options;
  const char* refused;
  const char* answer;
};

class FilterFeature : public testing::TestWithParam<FilterCase> {};

// [MQTT-3.8.3-2] of 3.1.1
TEST_P(FilterFeature, EndsAModernConnectionAndRefusesOneFilterOfAnOldOne) {
  prove("X-35");
  const auto& [name, options, refused, answer] = GetParam();
  World world(options);
  Peer& modern = world.connect({.id = "m", .version = v5});
  modern.send(subscribe(1, {{"fine", {}}, {refused, {}}}));
  EXPECT_EQ(modern.receive(), (Lines{answer, "CLOSE"}));
  Peer& old = world.connect({.id = "o"});
  old.send(subscribe(1, {{"fine", {.qos = q1}}, {refused, {}}}));
  EXPECT_EQ(old.receive(), Lines{"SUBACK #1 01 80"});
  EXPECT_EQ(world.broker.stats().subscriptions, 1u);
  EXPECT_EQ(world.broker.stats().refused_features, 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Filters, FilterFeature,
    testing::Values(FilterCase{"plus", {.wildcard_available = false}, "a/+", "DISCONNECT a2"},
                    FilterCase{"hash", {.wildcard_available = false}, "#", "DISCONNECT a2"},
                    FilterCase{"shared", {.shared_available = false}, "$share/g/t", "DISCONNECT 9e"},
                    FilterCase{"shared_wildcard", {.wildcard_available = false}, "$share/g/#", "DISCONNECT a2"}),
    [](const auto& row) { return row.param.name; });

TEST(SubscriptionIdentifiers, EndTheConnectionWhenOff) {
  prove("X-35");
  World world({.subscription_identifiers_available = false});
  Peer& peer = world.connect({.id = "m", .version = v5});
  PropertyWriter space;
  peer.send(with_identifier(subscribe(1, "t"), space));
  EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT a1", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().refused_features, 1u);
  EXPECT_EQ(world.broker.stats().subscriptions, 0u);
}

class UserProperties : public testing::TestWithParam<const char*> {};

TEST_P(UserProperties, AreTakenUpToTheLimitInOnePacket) {
  World world({.max_user_properties = 3});
  const std::string_view packet = GetParam();
  Peer* peer = packet == "CONNECT" || packet == "will" ? &world.open(v5) : &world.connect({.id = "c", .version = v5});
  PropertyWriter space;
  const auto send = [&](int count) {
    space.clear();
    for (int i = 0; i < count; ++i) space.user_property("", "");
    Publish publish = message("t", "x");
    publish.properties = space.list();
    Subscribe subscription = subscribe(1, "t");
    subscription.properties = space.list();
    Connect connect;
    connect.version = v5;
    connect.client_id = "c";
    if (packet == "CONNECT") connect.properties = space.list();
    if (packet == "will") {
      connect.will = will("w", "x");
      connect.will->properties = space.list();
    }
    if (packet == "PUBLISH") return peer->send(publish);
    if (packet == "SUBSCRIBE") return peer->send(subscription);
    peer->send(connect);
  };
  send(3);
  EXPECT_NE(peer->receive(), (Lines{"CONNACK 97", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().refused_user_properties, 0u);
  const bool is_connect = packet == "CONNECT" || packet == "will";
  if (is_connect) peer = &world.open(v5);
  send(4);
  EXPECT_EQ(peer->receive(), (Lines{is_connect ? "CONNACK 97" : "DISCONNECT 97", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().refused_user_properties, 1u);
}

INSTANTIATE_TEST_SUITE_P(Packets, UserProperties, testing::Values("CONNECT", "will", "PUBLISH", "SUBSCRIBE"),
                         [](const auto& packet) { return packet.param; });

TEST(UserProperties, LongOnesAreNotMany) {
  World world({.max_user_properties = 1});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, "t"));
  PropertyWriter space;
  space.user_property("a name that is long", "and a value that is longer");
  space.text(PropertyId::content_type, "text/plain");
  Publish publish = message("t", "x");
  publish.properties = space.list();
  peer.send(publish);
  EXPECT_EQ(peer.receive().size(), 2u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
