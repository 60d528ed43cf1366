// Every limit: fine at the limit, refused one past it, with its reason code and its counter.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

TEST(Limit, Sessions) {
  prove("X-10");
  World world({.max_sessions = 2});
  world.connect({.id = "a"});
  world.connect({.id = "b", .clean = false}).drop();
  Peer& modern = world.open(v5);
  World::send_connect(modern, {.id = "c", .version = v5});
  EXPECT_EQ(modern.receive(), (Lines{"CONNACK 97", "CLOSE"}));
  Peer& old = world.open(v311);
  World::send_connect(old, {.id = "c"});
  EXPECT_EQ(old.receive(), (Lines{"CONNACK 03", "CLOSE"}));
  world.connect({.id = "b", .clean = false}, "CONNACK 00 present");
  EXPECT_EQ(world.broker.stats().refused_connects, 2u);
  EXPECT_EQ(world.broker.stats().refused_sessions, 2u);
}

TEST(Limit, PacketSize) {
  prove("X-14");
  World world({.max_packet_size = 100});
  Peer& peer = world.connect({.id = "c", .version = v5});
  EXPECT_EQ(peer.connack_properties().number(PropertyId::maximum_packet_size), 100u);
  const std::string fits(94, 'x');  // 2 + 3 + 1 + 94 = 100
  peer.send(message("t", fits));
  EXPECT_EQ(peer.receive(), Lines());
  peer.send(message("t", fits + "x"));
  EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 95", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().errors_of(ReasonCode::packet_too_large), 1u);
}

// [MQTT-3.3.4-7]
TEST(Limit, ReceiveMaximumFromAClient) {
  prove("G9");
  World world({.receive_maximum = 3});
  for (const QoS fourth : {q1, q2}) {
    Peer& peer = world.connect({.id = "c", .version = v5});
    for (PacketId id = 1; id <= 3; ++id) peer.send(message("t", "x", q2, id));
    peer.send(Pubrel{2, {}, {}});
    peer.send(message("t", "x", q2, 4));
    EXPECT_EQ(peer.receive().size(), 5u);
    peer.send(message("t", "x", q2, 4));  // a repetition is no new one
    EXPECT_EQ(peer.receive().size(), 1u);
    peer.send(message("t", "x", fourth, 5));
    EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 93", "CLOSE"}));
  }
  EXPECT_EQ(world.broker.stats().errors_of(ReasonCode::receive_maximum_exceeded), 2u);
  Peer& old = world.connect({.id = "old"});  // 3.1.1 has no receive maximum
  for (PacketId id = 1; id <= 10; ++id) old.send(message("t", "x", q2, id));
  EXPECT_EQ(old.receive().size(), 10u);
}

TEST(Limit, AllPacketIdentifiersOfQos2MayBeOpen) {
  World world;
  Peer& peer = world.connect({.id = "c", .clean = false});
  for (uint32_t id = 1; id <= UINT16_MAX; ++id) peer.send(message("t", "x", q2, static_cast<PacketId>(id)));
  EXPECT_EQ(peer.receive().size(), 65'535u);
  peer.drop();
  Peer& back = world.connect({.id = "c", .clean = false}, "CONNACK 00 present");
  const uint64_t before = world.broker.stats().messages_out;
  back.send(message("t", "x", q2, 65'535));
  back.send(Pubrel{65'535, {}, {}});
  EXPECT_EQ(back.receive(), (Lines{"PUBREC #65535", "PUBCOMP #65535"}));
  EXPECT_EQ(world.broker.stats().messages_out, before);
}

// [MQTT-3.3.4-9], [MQTT-3.3.4-10], [MQTT-4.9.0-1], [MQTT-4.9.0-2], [MQTT-4.9.0-3]
TEST(Limit, ReceiveMaximumOfAClient) {
  prove("G8");
  World world;
  Peer& subscriber = world.connect({.id = "s", .version = v5, .receive_maximum = 2});
  subscriber.send(subscribe(1, "t", q2));
  subscriber.receive();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : {"a", "b", "c", "d"})
    publisher.send(message("t", payload, q2, static_cast<PacketId>(*payload)));
  publisher.send(message("t", "zero"));
  subscriber.send(Pingreq());
  EXPECT_EQ(subscriber.receive(), (Lines{"PUBLISH t=a q2 #1", "PUBLISH t=b q2 #2", "PUBLISH t=zero", "PINGRESP"}));
  subscriber.send(Pubrec{2, {}, {}});
  EXPECT_EQ(subscriber.receive(), Lines{"PUBREL #2"});  // the place is free after PUBCOMP only
  subscriber.send(Pubcomp{2, {}, {}});
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=c q2 #3"});
  subscriber.send(Pubrec{1, ReasonCode::unspecified_error, {}});
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=d q2 #4"});
}

TEST(Limit, InflightBelow5) {
  World world({.max_inflight_below_v5 = 2});
  Peer& subscriber = world.connect({.id = "s"});
  subscriber.send(subscribe(1, "t", q1));
  subscriber.receive();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : {"a", "b", "c"}) publisher.send(message("t", payload, q1, 1));
  EXPECT_EQ(subscriber.receive(), (Lines{"PUBLISH t=a q1 #1", "PUBLISH t=b q1 #2"}));
  subscriber.send(Puback{1, {}, {}});
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=c q1 #3"});
}

// [MQTT-3.1.2-24], [MQTT-3.1.2-25]
TEST(Limit, MaximumPacketSizeOfAClient) {
  World world;
  Peer& subscriber = world.connect({.id = "s", .version = v5, .maximum_packet_size = 30});
  subscriber.send(subscribe(1, "t", q1));
  subscriber.receive();
  Peer& publisher = world.connect({.id = "p"});
  const std::string fits(22, 'x');  // 2 + 3 + 2 + 1 + 22 = 30
  publisher.send(message("t", fits + "x", q1, 1));
  publisher.send(message("t", fits, q1, 1));
  publisher.send(message("t", fits + "xxx"));
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=" + fits + " q1 #2"});
  EXPECT_EQ(world.broker.stats().dropped_too_large, 2u);
  Peer& tiny = world.open(v5);
  World::send_connect(tiny, {.id = "tiny", .version = v5, .maximum_packet_size = 4});
  EXPECT_EQ(tiny.receive(), Lines{"CLOSE"});  // not even the CONNACK fits
}

struct Waiting {
  const char* name;
  BrokerOptions options;
};

class QueueLimit : public testing::TestWithParam<Waiting> {};

TEST_P(QueueLimit, DropsTheNewestForAnAbsentClient) {
  World world(GetParam().options);
  const Client client{.id = "s", .clean = false};
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q1));
  first.drop();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : {"a", "b", "c"}) publisher.send(message("t", payload, q1, 1));
  EXPECT_EQ(publisher.receive(), (Lines{"PUBACK #1", "PUBACK #1", "PUBACK #1"}));
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 1u);
  EXPECT_EQ(world.connect(client, "CONNACK 00 present").receive(), (Lines{"PUBLISH t=a q1 #1", "PUBLISH t=b q1 #2"}));
}

TEST_P(QueueLimit, DropsTheNewestForABlockedClient) {
  World world(GetParam().options);
  Peer& subscriber = world.connect({.id = "s", .version = v5, .receive_maximum = 1});
  subscriber.send(subscribe(1, "t", q1));
  subscriber.receive();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : {"0", "a", "b", "c"}) publisher.send(message("t", payload, q1, 1));
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 1u);
  for (const auto& [id, line] :
       {std::pair{1, "PUBLISH t=0 q1 #1"}, {2, "PUBLISH t=a q1 #2"}, {3, "PUBLISH t=b q1 #3"}}) {
    EXPECT_EQ(subscriber.receive(), Lines{line});
    subscriber.send(Puback{static_cast<PacketId>(id), {}, {}});
  }
  EXPECT_EQ(subscriber.receive(), Lines());
}

INSTANTIATE_TEST_SUITE_P(Limits, QueueLimit,
                         testing::Values(Waiting{"messages", {.max_queued = 2}},
                                         Waiting{"bytes", {.max_queued_bytes = 5}}),
                         [](const auto& limit) { return limit.param.name; });

TEST(Limit, ASlowConsumerIsCappedAndCounted) {
  prove("G6");
  constexpr size_t kLimit = 1 << 20;
  World world({.output_limit = kLimit});
  Peer& slow = world.connect({.id = "slow"});
  slow.send(subscribe(1, "t"));
  slow.receive();
  slow.is_reading = false;
  Peer& canary = world.connect({.id = "canary"});
  canary.send(subscribe(1, "t"));
  canary.receive();
  Peer& publisher = world.connect({.id = "p"});
  const std::string payload(1000, 'x');
  for (int i = 0; i < 5000; ++i) {
    publisher.send(message("t", payload));
    EXPECT_EQ(canary.receive().size(), 1u);
  }
  EXPECT_GT(slow.unread(), kLimit * 9 / 10);
  EXPECT_LE(slow.unread(), kLimit);
  slow.is_reading = true;
  const size_t got = slow.receive().size();
  EXPECT_EQ(got + world.broker.stats().dropped_slow, 5000u);
  publisher.send(message("t", "again"));
  EXPECT_EQ(slow.receive(), Lines{"PUBLISH t=again"});
}

TEST(Limit, ASlowConsumersQos1MessagesWaitInItsSession) {
  World world({.output_limit = 2000});
  Peer& slow = world.connect({.id = "slow", .version = v5});
  slow.send(subscribe(1, "t", q1));
  slow.receive();
  slow.is_reading = false;
  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 100; ++i) publisher.send(message("t", std::string(100, 'x') + std::to_string(i), q1, 1));
  EXPECT_LE(slow.unread(), 2000u);
  slow.is_reading = true;
  EXPECT_EQ(slow.receive().size(), 100u);
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 0u);
}

// [MQTT-4.8.0-2] of 3.1.1
TEST(Limit, AClientThatNeverReadsItsAnswersIsCutOff) {
  World world({.output_limit = 1000});
  Peer& peer = world.connect({.id = "c"});
  peer.is_reading = false;
  for (int i = 0; i < 1000; ++i) peer.send(Pingreq());
  EXPECT_EQ(peer.endpoint()->wish(), StreamWish::none);
  peer.send(Pingreq());
  EXPECT_EQ(peer.endpoint()->wish(), StreamWish::abort);
  EXPECT_EQ(world.broker.stats().slow_closed, 1u);
}

TEST(Limit, SubscriptionsOfAClient) {
  World world({.max_subscriptions_per_client = 2});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, {{"a", {}}, {"b", {}}, {"c", {}}, {"a", {.qos = q1}}}));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 00 00 97 01"});
  Peer& old = world.connect({.id = "d"});
  old.send(subscribe(1, {{"a", {}}, {"b", {}}, {"c", {}}}));
  EXPECT_EQ(old.receive(), Lines{"SUBACK #1 00 00 80"});
  EXPECT_EQ(world.broker.stats().refused_subscriptions, 2u);
  EXPECT_EQ(world.broker.stats().refused_subscription_count, 2u);
}

struct TopicCase {
  const char* name;
  BrokerOptions options;
  std::string within;
  std::string beyond;
  uint64_t Stats::*counter;
};

class TopicLimit : public testing::TestWithParam<TopicCase> {};

TEST_P(TopicLimit, RefusesNamesAndFiltersBeyondIt) {
  prove("X-12");
  const auto& [name, options, within, beyond, counter] = GetParam();
  World world(options);
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, {{within, {}}, {beyond, {}}}));
  peer.send(message(within, "x", q1, 1));
  peer.send(message(beyond, "x", q1, 2));
  peer.send(message(beyond, "x", q2, 3));
  peer.send(retained(beyond, "x"));
  EXPECT_EQ(peer.receive(),
            (Lines{"SUBACK #1 00 8f", "PUBLISH " + within + "=x", "PUBACK #1", "PUBACK #2 90", "PUBREC #3 90"}));
  EXPECT_EQ(world.broker.stats().refused_publishes, 3u);
  EXPECT_EQ(world.broker.stats().*counter, 4u);
  EXPECT_EQ(world.broker.stats().retained, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Limits, TopicLimit,
    testing::Values(TopicCase{"levels", {.max_topic_levels = 3}, "a/b/c", "a/b/c/d", &Stats::refused_topic_levels},
                    TopicCase{"length", {.max_topic_length = 5}, "abcde", "abcdef", &Stats::refused_topic_lengths}),
    [](const auto& limit) { return limit.param.name; });

TEST(Limit, ATopicOf65535SlashesIsRefusedQuickly) {
  prove("G13");
  World world;
  const std::string slashes(65'535, '/');
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, slashes));
  peer.send(message(slashes, "x", q1, 1));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 8f", "PUBACK #1 90"}));
}

struct RetainedCase {
  const char* name;
  BrokerOptions options;
};

class RetainedLimit : public testing::TestWithParam<RetainedCase> {};

TEST_P(RetainedLimit, RefusesTheWholeMessageAndLetsOldOnesBeReplaced) {
  World world(GetParam().options);
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, "t/3"));
  peer.send(retained("t/1", "x", q1, 1));
  peer.send(retained("t/2", "x", q1, 2));
  peer.send(retained("t/3", "x", q1, 3));
  peer.send(retained("t/2", "y", q1, 4));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBACK #1 10", "PUBACK #2 10", "PUBACK #3 97", "PUBACK #4 10"}));
  EXPECT_EQ(world.broker.stats().retained, 2u);
  EXPECT_EQ(world.broker.stats().refused_retained, 1u);
  peer.send(retained("t/1", "", q1, 5));
  peer.send(retained("t/3", "x", q1, 6));
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #5 10", "PUBLISH t/3=x", "PUBACK #6"}));
}

INSTANTIATE_TEST_SUITE_P(Limits, RetainedLimit,
                         testing::Values(RetainedCase{"count", {.max_retained = 2}},
                                         RetainedCase{"bytes", {.max_retained_bytes = 8}}),
                         [](const auto& limit) { return limit.param.name; });

}  // namespace
}  // namespace mqtt_sim::broker::test
