// Wills: which end of a connection publishes them, and when.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

class WillTest : public testing::Test {
 protected:
  WillTest() : watcher(world.connect({.id = "watcher", .version = v5})) {
    watcher.send(subscribe(1, "will/#", q1));
    watcher.receive();
  }
  World world;
  Peer& watcher;
};

// [MQTT-3.1.2-8], [MQTT-3.1.2-8] of 3.1.1
TEST_F(WillTest, IsPublishedWhenTheNetworkGoes) {
  world.connect({.id = "c", .will = will("will/t", "gone", q1)}).drop();
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH will/t=gone q1 #1"});
  EXPECT_EQ(world.broker.stats().wills, 1u);
}

// [MQTT-3.14.4-3]
TEST_F(WillTest, IsNotPublishedAfterDisconnect) {
  Peer& peer = world.connect({.id = "c", .will = will("will/t", "gone")});
  peer.send(Disconnect());
  EXPECT_EQ(peer.receive(), Lines{"CLOSE"});
  EXPECT_EQ(watcher.receive(), Lines());
}

TEST_F(WillTest, IsPublishedAfterDisconnectWithWill) {
  Peer& peer = world.connect({.id = "c", .version = v5, .will = will("will/t", "gone")});
  peer.send(Disconnect{.reason = ReasonCode::disconnect_with_will_message, .properties = {}});
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH will/t=gone"});
}

TEST_F(WillTest, IsPublishedOnAProtocolViolationOnAKeepAliveTimeOutAndOnTakeOver) {
  Peer& violator = world.connect({.id = "a", .will = will("will/a", "1")});
  violator.send(Pingresp());
  EXPECT_EQ(violator.receive(), Lines{"CLOSE"});
  world.connect({.id = "b", .keep_alive_s = 2, .will = will("will/b", "2")});
  world.advance(seconds(3));
  world.connect({.id = "c", .will = will("will/c", "3")});
  world.connect({.id = "c"});
  EXPECT_EQ(watcher.receive(), (Lines{"PUBLISH will/a=1", "PUBLISH will/b=2", "PUBLISH will/c=3"}));
}

// [MQTT-3.1.2-14], [MQTT-3.1.2-15]
TEST_F(WillTest, IsRetainedWhenItSaysSo) {
  world.connect({.id = "a", .will = will("will/kept", "1", q0, true)}).drop();
  world.connect({.id = "b", .will = will("will/passing", "2", q0, false)}).drop();
  Peer& late = world.connect({.id = "late"});
  late.send(subscribe(1, "will/#"));
  EXPECT_EQ(late.receive(), (Lines{"SUBACK #1 00", "PUBLISH will/kept=1 retain"}));
}

class DelayedWill : public WillTest {
 protected:
  DelayedWill() {
    properties_.number(PropertyId::will_delay_interval, 10).user_property("k", "v");
    client.will = will("will/t", "gone");
    client.will->properties = properties_.list();
  }
  Client client{.id = "c", .version = v5, .clean = false, .session_expiry_s = 60};

 private:
  PropertyWriter properties_;
};

// [MQTT-3.1.2-8], [MQTT-3.1.2-10], [MQTT-3.1.3-10]
TEST_F(DelayedWill, GoesOutWhenTheDelayHasPassed) {
  prove("X-06");
  world.connect(client).drop();
  world.advance(milliseconds(9999));
  EXPECT_EQ(watcher.receive(), Lines());
  world.advance(milliseconds(1));
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH will/t=gone {user_property=k:v}"});
  world.advance(seconds(100));
  EXPECT_EQ(watcher.receive(), Lines());
}

// [MQTT-3.1.3-9]
TEST_F(DelayedWill, StaysHomeWhenTheClientIsBackInTime) {
  world.connect(client).drop();
  world.advance(seconds(9));
  world.connect(client, "CONNACK 00 present");
  world.advance(seconds(100));
  EXPECT_EQ(watcher.receive(), Lines());
}

TEST_F(DelayedWill, GoesOutWhenTheSessionEndsFirst) {
  client.session_expiry_s = 5;
  world.connect(client).drop();
  world.advance(seconds(5));
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH will/t=gone {user_property=k:v}"});
  client.session_expiry_s = 60;
  world.connect(client).drop();
  client.clean = true;  // ends it as well
  world.connect(client);
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH will/t=gone {user_property=k:v}"});
}

TEST_F(WillTest, ReachesAnotherSubscriptionOfTheSameAbsentClient) {
  const Client client{.id = "self", .clean = false, .will = will("will/self", "gone", q1)};
  Peer& peer = world.connect(client);
  peer.send(subscribe(1, "will/self", q1));
  peer.receive();
  peer.drop();
  EXPECT_EQ(world.connect(client, "CONNACK 00 present").receive(), Lines{"PUBLISH will/self=gone q1 #1"});
  // A session that ends with its connection has nobody left to tell.
  Peer& clean = world.connect({.id = "self", .will = will("will/self", "gone", q1)});
  clean.send(subscribe(1, "will/self", q1));
  clean.drop();
  EXPECT_EQ(world.broker.stats().sessions, 1u);
}

TEST_F(WillTest, ManyLargeOnesAtOnceAreAllPublished) {
  const std::string payload(65'535, 'w');
  std::vector<Peer*> peers;
  for (int i = 0; i < 100; ++i) {
    const std::string id = "c" + std::to_string(i);
    peers.push_back(&world.connect({.id = id, .will = will("will/t", payload, q1)}));
  }
  for (Peer* peer : peers) peer->drop();
  EXPECT_EQ(watcher.receive().size(), 100u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
