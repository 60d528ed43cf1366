// Retained messages: kept, replaced, cleared, and given to new subscriptions.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

// [MQTT-3.3.1-5], [MQTT-3.3.1-6], [MQTT-3.3.1-7], [MQTT-3.3.1-8], [MQTT-3.3.1-12], [MQTT-3.3.1-8] of 3.1.1
TEST(Retained, OnlyTheNewestIsGivenWithTheFlagUntilCleared) {
  prove("M-27");
  World world;
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(retained("t", "old"));
  publisher.send(retained("t", "new"));
  publisher.send(message("t", "passing"));
  Peer& late = world.connect({.id = "late"});
  late.send(subscribe(1, "t"));
  EXPECT_EQ(late.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=new retain"}));
  publisher.send(retained("t", "live"));
  EXPECT_EQ(late.receive(), Lines{"PUBLISH t=live"});

  publisher.send(retained("t", ""));
  EXPECT_EQ(late.receive(), Lines{"PUBLISH t="});
  Peer& later = world.connect({.id = "later"});
  later.send(subscribe(1, "t"));
  EXPECT_EQ(later.receive(), Lines{"SUBACK #1 00"});
  EXPECT_EQ(world.broker.stats().retained, 0u);
}

TEST(Retained, ComesAtTheLowerQosAndAgainWhenSubscribedAgain) {
  World world;
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(retained("a/1", "x", q2, 1));
  publisher.send(retained("a/2", "y", q0));
  Peer& subscriber = world.connect({.id = "s"});
  subscriber.send(subscribe(1, "a/+", q1));
  EXPECT_EQ(subscriber.receive(), (Lines{"SUBACK #1 01", "PUBLISH a/1=x q1 #1 retain", "PUBLISH a/2=y retain"}));
  subscriber.send(subscribe(2, "a/+", q0));  // [MQTT-3.8.4-3] of 3.1.1
  EXPECT_EQ(subscriber.receive(), (Lines{"SUBACK #2 00", "PUBLISH a/1=x retain", "PUBLISH a/2=y retain"}));
}

struct HandlingCase {
  RetainHandling handling;
  bool at_first;
  bool at_second;
};

class RetainedByHandling : public testing::TestWithParam<HandlingCase> {};

TEST_P(RetainedByHandling, DecidesWhenTheyAreSent) {
  prove("X-05");
  World world;
  world.connect({.id = "p"}).send(retained("t", "x"));
  Peer& peer = world.connect({.id = "s", .version = v5});
  for (const bool expected : {GetParam().at_first, GetParam().at_second}) {
    peer.send(subscribe(1, {{"t", {.retain_handling = GetParam().handling}}}));
    EXPECT_EQ(peer.receive(), expected ? (Lines{"SUBACK #1 00", "PUBLISH t=x retain"}) : Lines{"SUBACK #1 00"});
  }
}

// [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]
INSTANTIATE_TEST_SUITE_P(Handlings, RetainedByHandling,
                         testing::Values(HandlingCase{RetainHandling::send, true, true},
                                         HandlingCase{RetainHandling::send_if_new, true, false},
                                         HandlingCase{RetainHandling::do_not_send, false, false}));

TEST(Retained, ExpiresAndTellsWhatIsLeft) {
  World world;
  PropertyWriter expiry;
  expiry.number(PropertyId::message_expiry_interval, 10);
  Publish publish = retained("t", "x");
  publish.properties = expiry.list();
  world.connect({.id = "p", .version = v5}).send(publish);
  world.advance(seconds(3));
  Peer& peer = world.connect({.id = "s", .version = v5});
  peer.send(subscribe(1, "t"));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x retain {message_expiry_interval=7}"}));
  world.advance(seconds(7));
  peer.send(subscribe(2, "t"));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #2 00"});
  EXPECT_EQ(world.broker.stats().retained, 0u);
}

TEST(Retained, SharedSubscriptionsGetNone) {
  World world;
  world.connect({.id = "p"}).send(retained("t", "x"));
  Peer& peer = world.connect({.id = "s", .version = v5});
  peer.send(subscribe(1, "$share/g/t"));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 00"});
}

TEST(Retained, AFloodReachesAReadingSubscriberWhole) {
  prove("G14");
  World world;
  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 3000; ++i) publisher.send(retained("flood/" + std::to_string(i), "x", q1, 1));
  for (const QoS qos : {q0, q1}) {
    Peer& subscriber = world.connect({.id = "s"});
    subscriber.send(subscribe(1, "flood/#", qos));
    size_t got = 0;
    for (Lines lines = subscriber.receive(); !lines.empty(); lines = subscriber.receive()) {
      for (const std::string& line : lines) {
        if (!line.starts_with("PUBLISH")) continue;
        ++got;
        if (qos == q1)
          subscriber.send(Puback{static_cast<PacketId>(std::stoi(line.substr(line.find('#') + 1))), {}, {}});
      }
    }
    EXPECT_EQ(got, 3000u);
  }
}

}  // namespace
}  // namespace mqtt_sim::broker::test
