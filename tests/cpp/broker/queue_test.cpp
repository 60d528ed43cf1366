// What waits in a session: drop policies at its limits, QoS 0 for absent clients, QoS raised to the subscription's.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr const char* kPayloads[] = {"a", "b", "c", "d"};

void send_all(World& world, QoS qos = q1) {
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : kPayloads) publisher.send(message("t", payload, qos, qos == q0 ? 0 : 1));
  publisher.drop();
}

Client away(uint32_t expiry_s = 100) {
  return {.id = "s", .version = v5, .clean = false, .session_expiry_s = expiry_s, .receive_maximum = 1};
}

// Acknowledges one after the other what a client with a receive maximum of 1 gets.
Lines read_all(Peer& peer) {
  Lines all;
  for (Lines lines = peer.receive(); !lines.empty(); lines = peer.receive()) {
    for (const std::string& line : lines) {
      all.push_back(line.substr(0, line.find(" q1")));
      const size_t id = line.find('#');
      if (id != std::string::npos) peer.send(Puback{static_cast<PacketId>(std::stoi(line.substr(id + 1))), {}, {}});
    }
  }
  return all;
}

struct PolicyCase {
  const char* name;
  BrokerOptions options;
  Lines kept;
};

class DropPolicyOf : public testing::TestWithParam<PolicyCase> {};

TEST_P(DropPolicyOf, DecidesWhatAnAbsentClientFinds) {
  prove("X-10");
  World world(GetParam().options);
  Peer& subscriber = world.connect(away());
  subscriber.send(subscribe(1, "t", q1));
  subscriber.drop();
  send_all(world);
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 2u);
  EXPECT_EQ(read_all(world.connect(away(), "CONNACK 00 present")), GetParam().kept);
}

TEST_P(DropPolicyOf, DecidesWhatABlockedClientGetsNext) {
  prove("X-10");
  World world(GetParam().options);
  Peer& subscriber = world.connect(away());
  subscriber.send(subscribe(1, "t", q1));
  world.connect({.id = "first"}).send(message("t", "first", q1, 1));
  EXPECT_EQ(subscriber.receive(), (Lines{"SUBACK #1 01", "PUBLISH t=first q1 #1"}));
  send_all(world);
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 2u);
  subscriber.send(Puback{1, {}, {}});
  EXPECT_EQ(read_all(subscriber), GetParam().kept);
}

const Lines kOldest{"PUBLISH t=a", "PUBLISH t=b"};
const Lines kNewest{"PUBLISH t=c", "PUBLISH t=d"};
INSTANTIATE_TEST_SUITE_P(
    Policies, DropPolicyOf,
    testing::Values(PolicyCase{"newest_by_count", {.max_queued = 2}, kOldest},
                    PolicyCase{"newest_by_bytes", {.max_queued_bytes = 5}, kOldest},
                    PolicyCase{"oldest_by_count", {.max_queued = 2, .drop_policy = DropPolicy::oldest}, kNewest},
                    PolicyCase{"oldest_by_bytes", {.max_queued_bytes = 5, .drop_policy = DropPolicy::oldest}, kNewest}),
    [](const auto& policy) { return policy.param.name; });

TEST(DropPolicyOldest, PushesNothingOutForAMessageThatFitsNowhere) {
  World world({.max_queued_bytes = 5, .drop_policy = DropPolicy::oldest});
  Peer& subscriber = world.connect(away());
  subscriber.send(subscribe(1, "t", q1));
  subscriber.drop();
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(message("t", "kept", q1, 1));
  publisher.send(message("t", "large", q1, 2));
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 1u);
  EXPECT_EQ(read_all(world.connect(away(), "CONNACK 00 present")), Lines{"PUBLISH t=kept"});
}

TEST(DropPolicyOldest, StaysFastWhenTheQueueIsLong) {
  World world({.max_queued = 50'000, .drop_policy = DropPolicy::oldest});
  Peer& subscriber = world.connect({.id = "s", .clean = false});
  subscriber.send(subscribe(1, "t", q1));
  subscriber.drop();
  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 150'000; ++i) publisher.send(message("t", std::to_string(i), q1, 1));
  publisher.receive();
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 100'000u);
  const Lines lines = world.connect({.id = "s", .clean = false}, "CONNACK 00 present").receive();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), "PUBLISH t=100000 q1 #1");
}

TEST(DropPolicyDisconnect, EndsTheSessionOfAConnectedClientWith0x97) {
  prove("X-10");
  World world({.max_queued = 2, .drop_policy = DropPolicy::disconnect});
  Client client = away();
  client.will = will("gone", "s");
  Peer& subscriber = world.connect(client);
  subscriber.send(subscribe(1, "t", q1));
  Peer& other = world.connect({.id = "other"});
  other.send(subscribe(1, {{"t", {.qos = q1}}, {"gone", {}}}));
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : kPayloads) publisher.send(message("t", payload, q1, 1));
  EXPECT_EQ(publisher.receive().size(), 4u);
  EXPECT_EQ(other.receive().size(), 5u);
  world.advance(Duration::zero());
  EXPECT_EQ(subscriber.receive(), (Lines{"SUBACK #1 01", "PUBLISH t=a q1 #1", "DISCONNECT 97", "CLOSE"}));
  EXPECT_EQ(other.receive(), Lines{"PUBLISH gone=s"});
  const Stats stats = world.broker.stats();
  EXPECT_EQ(stats.queue_full_ended, 1u);
  EXPECT_EQ(stats.dropped_queue_full, 1u);
  EXPECT_EQ(stats.dropped_session_end, 2u);
  EXPECT_EQ(stats.subscriptions, 2u);
  world.connect(away());  // not "present"
}

TEST(DropPolicyDisconnect, EndsTheSessionOfAnAbsentClient) {
  prove("X-10");
  World world({.max_queued = 2, .drop_policy = DropPolicy::disconnect});
  Peer& subscriber = world.connect(away());
  subscriber.send(subscribe(1, "t", q1));
  subscriber.drop();
  send_all(world);
  const Stats before = world.broker.stats();
  EXPECT_EQ(before.queue_full_ended, 1u);
  EXPECT_EQ(before.dropped_queue_full, 2u);
  world.connect(away());  // whoever comes back before the broker has got round to it, too
  world.advance(Duration::zero());
  EXPECT_EQ(world.broker.stats().sessions, 1u);
  EXPECT_EQ(world.broker.stats().dropped_session_end, 2u);
}

TEST(DropPolicyDisconnect, APublisherMayBeItsOwnSlowSubscriber) {
  World world({.max_queued = 1, .drop_policy = DropPolicy::disconnect});
  Peer& peer = world.connect(away());
  peer.send(subscribe(1, "t", q1));
  for (const char* payload : kPayloads) peer.send(message("t", payload, q1, 1));
  world.advance(Duration::zero());
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 01", "PUBLISH t=a q1 #1", "PUBACK #1", "PUBACK #1", "PUBACK #1",
                                   "PUBACK #1", "DISCONNECT 97", "CLOSE"}));
}

TEST(QueueQos0, KeepsThemForAbsentClientsWhenAsked) {
  prove("X-36");
  for (const bool queue_qos0 : {false, true}) {
    World world({.queue_qos0 = queue_qos0});
    Peer& subscriber = world.connect({.id = "s", .clean = false});
    subscriber.send(subscribe(1, "t", q1));
    subscriber.drop();
    send_all(world, q0);
    const Lines expected{"PUBLISH t=a", "PUBLISH t=b", "PUBLISH t=c", "PUBLISH t=d"};
    Peer& back = world.connect({.id = "s", .clean = false}, "CONNACK 00 present");
    EXPECT_EQ(back.receive(), queue_qos0 ? expected : Lines());
    EXPECT_EQ(world.broker.stats().dropped_absent, queue_qos0 ? 0u : 4u);
    EXPECT_EQ(world.broker.stats().dropped_queue_full, 0u);
  }
}

TEST(QueueQos0, KeepsTheirOrderAndNeedsNoWindow) {
  prove("X-36");
  World world({.queue_qos0 = true, .output_limit = 400});
  Peer& subscriber = world.connect(away());
  subscriber.send(subscribe(1, "t", q1));
  subscriber.drop();
  Peer& publisher = world.connect({.id = "p"});
  const std::string padding(100, '.');
  publisher.send(message("t", padding + "1", q1, 1));
  publisher.send(message("t", padding + "2", q1, 1));
  for (int i = 3; i <= 8; ++i) publisher.send(message("t", padding + std::to_string(i)));
  Peer& back = world.open(v5);
  back.is_reading = false;
  World::send_connect(back, away());
  publisher.send(message("t", padding + "9"));  // there are older ones
  back.is_reading = true;
  Lines lines = back.receive();
  EXPECT_EQ(lines, (Lines{"CONNACK 00 present", "PUBLISH t=" + padding + "1 q1 #1"}));
  back.send(Puback{1, {}, {}});
  lines = back.receive();
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[0], "PUBLISH t=" + padding + "2 q1 #2");
  for (size_t i = 1; i < 8; ++i) EXPECT_EQ(lines[i], "PUBLISH t=" + padding + std::to_string(i + 2));
  publisher.send(message("t", "next"));
  EXPECT_EQ(back.receive(), Lines{"PUBLISH t=next"});
}

TEST(QueueQos0, ObeysTheLimitOfTheQueue) {
  World world({.max_queued = 3, .queue_qos0 = true});
  Peer& subscriber = world.connect({.id = "s", .clean = false});
  subscriber.send(subscribe(1, "t"));
  subscriber.drop();
  send_all(world, q0);
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 1u);
  EXPECT_EQ(world.connect({.id = "s", .clean = false}, "CONNACK 00 present").receive().size(), 3u);
}

TEST(QueueQos0, KeepsThemForASharedSubscriptionNobodyIsThereFor) {
  for (const bool queue_qos0 : {false, true}) {
    World world({.queue_qos0 = queue_qos0});
    Peer& member = world.connect(away());
    member.send(subscribe(1, "$share/g/t"));
    member.drop();
    send_all(world, q0);
    EXPECT_EQ(world.broker.stats().dropped_absent, queue_qos0 ? 0u : 4u);
    EXPECT_EQ(world.connect(away(), "CONNACK 00 present").receive().size(), queue_qos0 ? 4u : 0u);
  }
}

struct UpgradeCase {
  QoS published;
  QoS granted;
  const char* usually;
  const char* upgraded;
};

class UpgradeOutgoingQos : public testing::TestWithParam<UpgradeCase> {};

TEST_P(UpgradeOutgoingQos, DeliversAtTheSubscriptionsQos) {
  prove("X-36");
  const auto& [published, granted, usually, upgraded] = GetParam();
  for (const bool upgrades : {false, true}) {
    const std::string expected = std::string("PUBLISH t=x") + (upgrades ? upgraded : usually);
    World world({.upgrade_outgoing_qos = upgrades});
    Peer& live = world.connect({.id = "live"});
    live.send(subscribe(1, "t", granted));
    live.receive();
    world.connect({.id = "p"}).send(message("t", "x", published, published == q0 ? 0 : 1));
    EXPECT_EQ(live.receive(), Lines{expected});
    world.connect({.id = "r"}).send(retained("r", "x", published, published == q0 ? 0 : 1));
    Peer& late = world.connect({.id = "late"});
    late.send(subscribe(1, "r", granted));
    const Lines lines = late.receive();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1], "PUBLISH r=x" + expected.substr(11) + " retain");
  }
}

// Without: [MQTT-3.8.4-8]
INSTANTIATE_TEST_SUITE_P(All, UpgradeOutgoingQos,
                         testing::Values(UpgradeCase{q0, q0, "", ""}, UpgradeCase{q0, q1, "", " q1 #1"},
                                         UpgradeCase{q0, q2, "", " q2 #1"}, UpgradeCase{q1, q0, "", ""},
                                         UpgradeCase{q1, q2, " q1 #1", " q2 #1"},
                                         UpgradeCase{q2, q1, " q1 #1", " q1 #1"}));

TEST(Inflight, IsAtMostWhatBothSidesAllow) {
  prove("X-10");
  for (const auto& [ours, theirs, expected] : {std::tuple{3, 10, 3u}, {10, 3, 3u}, {3, 0, 3u}}) {
    World world({.max_inflight = static_cast<uint16_t>(ours)});
    Peer& subscriber = world.connect({.id = "s", .version = v5, .receive_maximum = static_cast<uint32_t>(theirs)});
    subscriber.send(subscribe(1, "t", q1));
    subscriber.receive();
    send_all(world);
    EXPECT_EQ(subscriber.receive().size(), expected);
    EXPECT_EQ(world.broker.stats().queued, 1u);
    subscriber.send(Puback{1, {}, {}});
    EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=d q1 #4"});
  }
}

TEST(Inflight, All65535IdentifiersToOneClientAreKeptOverReconnects) {
  World world;
  const Client client{.id = "s", .version = v5, .clean = false, .session_expiry_s = 100};
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q2));
  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 65'536; ++i) publisher.send(message("t", "x", q2, 1)), publisher.send(Pubrel{1, {}, {}});
  publisher.receive();
  EXPECT_EQ(first.receive().size(), 65'536u);  // SUBACK and 65,535
  for (uint32_t id = 1; id <= 65'535; ++id) first.send(Pubrec{static_cast<PacketId>(id), {}, {}});
  EXPECT_EQ(first.receive().size(), 65'535u);
  for (int times = 0; times < 2; ++times) {
    Peer& again = world.connect(client, "CONNACK 00 present");
    const Lines lines = again.receive();
    ASSERT_EQ(lines.size(), 65'535u);
    EXPECT_EQ(lines.front(), "PUBREL #1");
    EXPECT_EQ(lines.back(), "PUBREL #65535");
  }
  Peer& last = world.connect(client, "CONNACK 00 present");
  last.receive();
  last.send(Pubcomp{1, {}, {}});
  EXPECT_EQ(last.receive(), Lines{"PUBLISH t=x q2 #1"});  // the one that found no identifier
}

}  // namespace
}  // namespace mqtt_sim::broker::test
