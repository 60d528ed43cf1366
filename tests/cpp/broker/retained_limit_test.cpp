// Retained messages that expire, and more of them than a subscriber takes at once.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

Publish expiring(std::string_view topic, std::string_view payload, uint32_t seconds, PropertyWriter& space) {
  space.clear();
  space.number(PropertyId::message_expiry_interval, seconds);
  Publish publish = retained(topic, payload, q1, 1);
  publish.properties = space.list();
  return publish;
}

struct Kept {
  World world;
  Peer& publisher;
  PropertyWriter space;

  explicit Kept(BrokerOptions options = {})
      : world(std::move(options)), publisher(world.connect({.id = "p", .version = v5})) {}
  std::string keep(std::string_view topic, std::string_view payload, uint32_t seconds) {
    publisher.send(expiring(topic, payload, seconds, space));
    const Lines lines = publisher.receive();
    return lines.empty() ? "" : lines.front();
  }
};

TEST(RetainedExpiry, TakesThemOutOfTheStoreWithoutASubscriber) {
  Kept kept;
  kept.keep("a", "x", 10);
  kept.keep("b", "x", 20);
  kept.publisher.send(retained("c", "stays", q1, 1));
  kept.world.advance(milliseconds(9999));
  EXPECT_EQ(kept.world.broker.stats().retained, 3u);
  kept.world.advance(milliseconds(1));
  EXPECT_EQ(kept.world.broker.stats().retained, 2u);
  kept.world.advance(std::chrono::hours(1));
  EXPECT_EQ(kept.world.broker.stats().retained, 1u);
  EXPECT_EQ(kept.world.broker.stats().retained_bytes, 6u);
  EXPECT_EQ(kept.world.broker.stats().retained_expired, 2u);
  EXPECT_EQ(kept.world.broker.deadline(), std::nullopt);
}

TEST(RetainedExpiry, ReplacedAndClearedOnesAreNoLongerWaitedFor) {
  Kept kept;
  kept.keep("a", "x", 10);
  kept.keep("b", "x", 10);
  kept.keep("c", "x", 10);
  kept.publisher.send(retained("a", "stays", q1, 1));
  kept.publisher.send(retained("b", "", q1, 1));
  kept.keep("c", "longer", 50);
  EXPECT_EQ(kept.world.broker.deadline(), kept.world.now + seconds(50));
  kept.world.advance(seconds(50));
  EXPECT_EQ(kept.world.broker.stats().retained, 1u);
  EXPECT_EQ(kept.world.broker.stats().retained_expired, 1u);
}

// The sweep has not come yet when time has passed and no deadline was kept.
TEST(RetainedExpiry, ExpiredOnesTakeNobodysPlace) {
  for (const BrokerOptions& options : {BrokerOptions{.max_retained = 2}, BrokerOptions{.max_retained_bytes = 4}}) {
    Kept kept(options);
    EXPECT_EQ(kept.keep("a", "x", 10), "PUBACK #1 10");
    EXPECT_EQ(kept.keep("b", "x", 10), "PUBACK #1 10");
    EXPECT_EQ(kept.keep("c", "x", 10), "PUBACK #1 97");
    kept.world.now += seconds(10);
    EXPECT_EQ(kept.keep("c", "x", 10), "PUBACK #1 10");
    EXPECT_EQ(kept.keep("b", "y", 10), "PUBACK #1 10");
    EXPECT_EQ(kept.keep("d", "x", 10), "PUBACK #1 97");
    EXPECT_EQ(kept.world.broker.stats().refused_retained, 2u);
    EXPECT_EQ(kept.world.broker.stats().retained, 2u);
  }
}

TEST(RetainedExpiry, IsSweptInPortions) {
  Kept kept;
  for (int i = 0; i < 2500; ++i) kept.keep("t/" + std::to_string(i), "x", 10);
  kept.world.now += seconds(10);
  for (const uint64_t left : {1500u, 500u, 0u}) {
    ASSERT_LE(kept.world.broker.deadline(), kept.world.now);
    kept.world.broker.on_deadline(kept.world.now);
    EXPECT_EQ(kept.world.broker.stats().retained, left);
  }
  EXPECT_EQ(kept.world.broker.deadline(), std::nullopt);
}

TEST(RetainedExpiry, IsKnownOfMessagesFromAnEarlierBroker) {
  storage::MemoryStore store;
  store.put_retained(storage::Message("old", {}, as_bytes("x"), q1, instant_from_ns(5)));
  Broker broker({}, store, 1);
  EXPECT_EQ(broker.deadline(), instant_from_ns(5));
  broker.on_deadline(instant_from_ns(5));
  EXPECT_EQ(store.retained_count(), 0u);
}

// Everything that comes, as long as something does; QoS 1 is acknowledged.
Lines read_publishes(Peer& peer) {
  Lines all;
  for (Lines lines = peer.receive(); !lines.empty(); lines = peer.receive()) {
    for (const std::string& line : lines) {
      if (!line.starts_with("PUBLISH")) continue;
      all.push_back(line);
      const size_t id = line.find('#');
      if (id != std::string::npos) peer.send(Puback{static_cast<PacketId>(std::stoi(line.substr(id + 1))), {}, {}});
    }
  }
  return all;
}

constexpr size_t kFlood = 3000;
constexpr size_t kSize = 100;

struct Flood {
  World world;
  Peer& publisher;

  explicit Flood(BrokerOptions options) : world(std::move(options)), publisher(world.connect({.id = "p"})) {
    for (size_t i = 0; i < kFlood; ++i) publisher.send(retained(topic(i), std::string(kSize, 'x'), q1, 1));
    publisher.receive();
  }
  static std::string topic(size_t i) { return "flood/" + std::to_string(i); }
};

class RetainedFlood : public testing::TestWithParam<QoS> {};

TEST_P(RetainedFlood, ReachesAReaderWholeThroughASmallOutput) {
  prove("G14");
  Flood flood({.max_queued = 10, .output_limit = 20'000});
  Peer& reader = flood.world.connect({.id = "s", .version = v5, .receive_maximum = 20});
  reader.is_reading = false;
  reader.send(subscribe(1, "flood/#", GetParam()));
  EXPECT_LE(reader.unread(), 20'000u);
  flood.publisher.send(message("flood/new", "live"));  // finds room all the same
  reader.is_reading = true;
  const Lines lines = read_publishes(reader);
  EXPECT_EQ(lines.size(), kFlood + 1);
  EXPECT_EQ(std::ranges::count(lines, "PUBLISH flood/new=live"), 1);
  EXPECT_EQ(flood.world.broker.stats().dropped_slow, 0u);
  EXPECT_EQ(flood.world.broker.stats().dropped_queue_full, 0u);
}

TEST_P(RetainedFlood, TakesTheNewestOfWhatChangedMeanwhile) {
  Flood flood({.output_limit = 20'000});
  Peer& reader = flood.world.connect({.id = "s"});
  reader.is_reading = false;
  reader.send(subscribe(1, "flood/#", GetParam()));
  const std::string last = Flood::topic(kFlood - 1);
  flood.publisher.send(retained(last, "newer"));
  flood.publisher.send(retained(Flood::topic(kFlood - 2), ""));
  reader.is_reading = true;
  const Lines lines = read_publishes(reader);
  EXPECT_EQ(lines.size(), kFlood - 1 + 2);
  EXPECT_EQ(lines.back().substr(0, last.size() + 14), "PUBLISH " + last + "=newer");
  EXPECT_TRUE(lines.back().ends_with("retain"));
}

TEST_P(RetainedFlood, GoesOnWithTheNextSubscription) {
  Flood flood({.output_limit = 20'000});
  Peer& reader = flood.world.connect({.id = "s"});
  reader.is_reading = false;
  const QoS qos = GetParam();
  reader.send(subscribe(1, {{"flood/#", {.qos = qos}}, {"flood/1", {.qos = qos}}, {"flood/2", {.qos = qos}}}));
  reader.send(unsubscribe(2, "flood/2"));
  reader.is_reading = true;
  const Lines lines = read_publishes(reader);
  EXPECT_EQ(lines.size(), kFlood + 1);
  EXPECT_TRUE(lines.back().starts_with("PUBLISH flood/1=")) << lines.back();
}

TEST_P(RetainedFlood, EndsWithItsSubscription) {
  Flood flood({.output_limit = 20'000});
  Peer& reader = flood.world.connect({.id = "s"});
  reader.is_reading = false;
  reader.send(subscribe(1, "flood/#", GetParam()));
  reader.send(unsubscribe(2, "flood/#"));
  reader.is_reading = true;
  EXPECT_LT(read_publishes(reader).size(), 200u);
}

TEST_P(RetainedFlood, BeginsAnewForARepeatedSubscribe) {
  Flood flood({.output_limit = 20'000});
  Peer& reader = flood.world.connect({.id = "s"});
  reader.is_reading = false;
  for (PacketId id = 1; id <= 100; ++id) reader.send(subscribe(id, "flood/#", GetParam()));
  reader.is_reading = true;
  const size_t got = read_publishes(reader).size();
  EXPECT_GE(got, kFlood);
  EXPECT_LT(got, kFlood + 200);  // what was in the output already, and once all of it
}

INSTANTIATE_TEST_SUITE_P(Qos, RetainedFlood, testing::Values(q0, q1),
                         [](const auto& qos) { return qos.param == q0 ? "qos0" : "qos1"; });

TEST(RetainedFloodLeft, WaitsInTheSessionOfAClientThatGoesAway) {
  Flood flood({.output_limit = 20'000});
  const Client client{.id = "s", .clean = false};
  Peer& first = flood.world.connect(client);
  first.is_reading = false;
  first.send(subscribe(1, "flood/#", q1));
  first.drop();
  EXPECT_EQ(read_publishes(flood.world.connect(client, "CONNACK 00 present")).size(), kFlood);
}

TEST(RetainedFloodLeft, ObeysTheLimitOfTheQueue) {
  Flood flood({.max_queued = 100, .output_limit = 20'000});
  const Client client{.id = "s", .clean = false};
  Peer& first = flood.world.connect(client);
  first.is_reading = false;
  first.send(subscribe(1, "flood/#", q1));
  first.drop();
  const uint64_t dropped = flood.world.broker.stats().dropped_queue_full;
  EXPECT_GT(dropped, 2000u);
  EXPECT_EQ(read_publishes(flood.world.connect(client, "CONNACK 00 present")).size() + dropped, kFlood);
}

TEST(RetainedFloodLeft, ANonReaderIsGivenUp) {
  Flood flood({.drain_timeout = seconds(60), .output_limit = 20'000});
  Peer& frozen = flood.world.connect({.id = "s"});
  frozen.is_reading = false;
  frozen.send(subscribe(1, "flood/#"));
  flood.world.advance(seconds(60));
  EXPECT_EQ(flood.world.broker.stats().drain_timeouts, 1u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
