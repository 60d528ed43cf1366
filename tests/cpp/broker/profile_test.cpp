// A broker that stands in for another system.
#include "core/broker/rule.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

Lines answer(World& world, const Client& client) {
  Peer& peer = world.open(client.version);
  World::send_connect(peer, client);
  return peer.receive();
}

TEST(Diffusion, TakesOnlyFive) {
  prove("X-40");
  World world({.profile = Profile::diffusion});
  EXPECT_EQ(answer(world, {.version = v311}), (Lines{"CONNACK 01", "CLOSE"}));
  EXPECT_EQ(answer(world, {.version = v31}), (Lines{"CONNACK 01", "CLOSE"}));
  EXPECT_EQ(answer(world, {.version = v5}), Lines{"CONNACK 00"});
}

TEST(Diffusion, SubscriptionsGetQos0AndPublishersQos1AtMost) {
  prove("X-40");
  World world({.profile = Profile::diffusion});
  Peer& peer = world.connect({.id = "c", .version = v5});
  EXPECT_EQ(peer.connack_properties().number(PropertyId::maximum_qos), 1u);
  EXPECT_EQ(peer.connack_properties().number(PropertyId::wildcard_subscription_available), std::nullopt);
  peer.send(subscribe(1, {{"t/#", {.qos = q1}}, {"u", {.qos = q2}}}));
  peer.send(message("t/1", "zero"));
  peer.send(message("t/1", "one", q1, 1));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00 00", "PUBLISH t/1=zero", "PUBLISH t/1=one", "PUBACK #1"}));
  peer.send(message("t/1", "two", q2, 2));
  EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 9b", "CLOSE"}));
}

TEST(Diffusion, APrincipalComesWithAPasswordOrNotAtAll) {
  prove("X-40");
  World world({.profile = Profile::diffusion});
  EXPECT_EQ(answer(world, {.version = v5, .user_name = "admin"}), (Lines{"CONNACK 86", "CLOSE"}));
  EXPECT_EQ(answer(world, {.version = v5, .user_name = "admin", .password = "password"}), Lines{"CONNACK 00"});
  EXPECT_EQ(answer(world, {.version = v5}), Lines{"CONNACK 00"});
}

TEST(Mosca, HasNoFiveAndAnswersAsAnOldBroker) {
  prove("X-41");
  World world({.profile = Profile::mosca});
  EXPECT_EQ(answer(world, {.version = v5}), (Lines{"CONNACK 01", "CLOSE"}));
  EXPECT_EQ(answer(world, {.version = v311}), Lines{"CONNACK 00"});
  EXPECT_EQ(answer(world, {.version = v31}), Lines{"CONNACK 00"});
}

TEST(Mosca, GrantsQos1AtMost) {
  prove("X-41");
  World world({.profile = Profile::mosca});
  Peer& peer = world.connect({});
  peer.send(subscribe(1, {{"a", {.qos = q0}}, {"b", {.qos = q1}}, {"c", {.qos = q2}}}));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 00 01 01"});
}

TEST(Mosca, RetainedMessagesComeWithoutTheFlag) {
  prove("X-41");
  World world({.profile = Profile::mosca});
  world.connect({.id = "p"}).send(retained("t", "x", q1, 1));
  Peer& peer = world.connect({.id = "s"});
  peer.send(subscribe(1, "t"));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x"}));
}

struct Qos2Case {
  const char* name;
  OnQos2Publish how;
  Lines answer;
  Lines delivered;
};

class MoscaQos2Publish : public testing::TestWithParam<Qos2Case> {};

TEST_P(MoscaQos2Publish, IsTakenAsTheOptionSays) {
  prove("M-34");
  World world({.profile = Profile::mosca, .on_qos2_publish = GetParam().how});
  Peer& subscriber = world.connect({.id = "s"});
  subscriber.send(subscribe(1, "t", q2));
  subscriber.receive();
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(message("t", "x", q2, 5));
  EXPECT_EQ(publisher.receive(), GetParam().answer);
  EXPECT_EQ(subscriber.receive(), GetParam().delivered);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, MoscaQos2Publish,
    testing::Values(Qos2Case{"ignore", OnQos2Publish::ignore, {}, {}},
                    Qos2Case{"noack", OnQos2Publish::noack, {}, {"PUBLISH t=x q1 #1"}},
                    Qos2Case{"dropToQoS1", OnQos2Publish::drop_to_qos1, {"PUBACK #5"}, {"PUBLISH t=x q1 #1"}},
                    Qos2Case{"disconnect", OnQos2Publish::disconnect, {"CLOSE"}, {}}),
    [](const auto& way) { return way.param.name; });

struct OnlyReading final : Rule {
  Verdict on_event(const Event& event, Instant) override {
    return event.kind == EventKind::publish ? Verdict::refuse(ReasonCode::not_authorized) : Verdict::pass();
  }
};

TEST(Mosca, AnUnauthorisedPublishClosesTheConnection) {
  prove("X-41");
  OnlyReading rule;
  for (const auto& [profile, expected] :
       {std::pair{Profile::mosca, Lines{"CLOSE"}}, {Profile::standard, Lines{"PUBACK #1"}}}) {
    World world({.profile = profile, .rules = {&rule}});
    Peer& peer = world.connect({});
    peer.send(message("t", "x", q1, 1));
    EXPECT_EQ(peer.receive(), expected);
    EXPECT_EQ(world.broker.stats().refused_publishes, 1u);
  }
}

}  // namespace
}  // namespace mqtt_sim::broker::test
