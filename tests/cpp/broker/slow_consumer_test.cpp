// Clients that do not read: what they cost, when they are given up, and that nobody else notices.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr size_t kLimit = 10'000;

struct Reader {
  const char* name;
  QoS qos;
};

class FrozenReader : public testing::TestWithParam<Reader> {};

TEST_P(FrozenReader, IsResetAfterTheDrainTimeoutWhileOthersLoseNothing) {
  prove("X-11");
  World world({.drain_timeout = seconds(60), .output_limit = kLimit});
  Peer& frozen = world.connect({.id = "frozen"});
  frozen.send(subscribe(1, "t", GetParam().qos));
  frozen.receive();
  frozen.is_reading = false;
  std::vector<Peer*> fast;
  for (int i = 0; i < 100; ++i) {
    fast.push_back(&world.connect({.id = "fast" + std::to_string(i)}));
    fast.back()->send(subscribe(1, "t"));
    fast.back()->receive();
  }
  Peer& publisher = world.connect({.id = "p"});
  const std::string payload(100, 'x');
  const auto publish_one = [&] {
    publisher.send(message("t", payload, q1, 1));
    EXPECT_EQ(publisher.receive(), Lines{"PUBACK #1"});
    for (Peer* reader : fast) EXPECT_EQ(reader->receive().size(), 1u);
  };
  EXPECT_EQ(frozen.endpoint()->deadline(), std::nullopt);
  for (int i = 0; i < 200; ++i) publish_one();  // twice what its output holds
  ASSERT_EQ(frozen.endpoint()->deadline(), world.now + seconds(60));
  EXPECT_LE(frozen.unread(), kLimit);
  world.advance(milliseconds(59'999));
  for (int i = 0; i < 10; ++i) publish_one();  // more of the same wins no time
  EXPECT_EQ(world.broker.stats().drain_timeouts, 0u);
  EXPECT_EQ(frozen.endpoint()->wish(), StreamWish::none);
  world.advance(milliseconds(1));
  EXPECT_EQ(frozen.receive(), Lines{"ABORT"});
  EXPECT_EQ(world.broker.stats().drain_timeouts, 1u);
  publish_one();
}

INSTANTIATE_TEST_SUITE_P(Qos, FrozenReader, testing::Values(Reader{"qos0", q0}, Reader{"qos1", q1}),
                         [](const auto& reader) { return reader.param.name; });

TEST(DrainTimeout, BeginsAnewWheneverSomethingLeaves) {
  World world({.drain_timeout = seconds(10), .output_limit = kLimit});
  Peer& slow = world.connect({.id = "slow"});
  slow.send(subscribe(1, "t"));
  slow.receive();
  slow.is_reading = false;
  Peer& publisher = world.connect({.id = "p"});
  const auto overfill = [&] {
    for (int i = 0; i < 30; ++i) publisher.send(message("t", std::string(1000, 'x')));
  };
  for (int i = 0; i < 5; ++i) {
    overfill();
    world.advance(seconds(9));
    slow.endpoint()->output_sent(1, world.now);  // a byte is progress
    EXPECT_EQ(slow.endpoint()->deadline(), std::nullopt);
  }
  EXPECT_EQ(world.broker.stats().drain_timeouts, 0u);
  overfill();
  world.advance(seconds(10));
  EXPECT_EQ(world.broker.stats().drain_timeouts, 1u);
}

TEST(DrainTimeout, DoesNotConcernAnOutputThatIsNotFull) {
  World world({.drain_timeout = seconds(10), .output_limit = kLimit});
  Peer& slow = world.connect({.id = "slow"});
  slow.send(subscribe(1, "t"));
  slow.receive();
  slow.is_reading = false;
  world.connect({.id = "p"}).send(message("t", "x"));
  world.advance(seconds(1000));
  slow.is_reading = true;
  EXPECT_EQ(slow.receive(), Lines{"PUBLISH t=x"});
}

TEST(DrainTimeout, ConcernsAnswersThatNobodyReads) {
  World world({.drain_timeout = seconds(10), .output_limit = 100});
  Peer& peer = world.connect({.id = "c"});
  peer.is_reading = false;
  for (int i = 0; i < 51; ++i) peer.send(Pingreq());
  world.advance(seconds(10));
  EXPECT_EQ(world.broker.stats().drain_timeouts, 1u);
}

TEST(DrainTimeout, MayBeSwitchedOff) {
  World world({.drain_timeout = Duration::zero(), .output_limit = 100});
  Peer& slow = world.connect({.id = "slow"});
  slow.send(subscribe(1, "t"));
  slow.receive();
  slow.is_reading = false;
  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 100; ++i) publisher.send(message("t", "message"));
  EXPECT_GT(world.broker.stats().dropped_slow, 0u);
  world.advance(std::chrono::hours(1000));
  EXPECT_EQ(slow.endpoint()->wish(), StreamWish::none);
}

TEST(DrainTimeout, LeavesKeepAliveAlone) {
  World world({.drain_timeout = seconds(60), .output_limit = 100});
  Peer& slow = world.connect({.id = "slow", .keep_alive_s = 10});
  slow.send(subscribe(1, "t"));
  slow.receive();
  slow.is_reading = false;
  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 100; ++i) publisher.send(message("t", "message"));
  world.advance(seconds(15));
  EXPECT_EQ(world.broker.stats().keep_alive_timeouts, 1u);
  EXPECT_EQ(world.broker.stats().drain_timeouts, 0u);
}

TEST(SharedPayload, ALongOneIsNotCopiedForEachSubscriber) {
  World world;
  std::vector<Peer*> readers;
  for (const ProtocolVersion version : {v311, v5, v311, v5}) {
    readers.push_back(&world.connect({.id = "s" + std::to_string(readers.size()), .version = version}));
    readers.back()->send(subscribe(1, "t", readers.size() % 2 ? q1 : q2));
    readers.back()->receive();
    readers.back()->is_reading = false;
  }
  const std::string payload(5000, 'x');
  world.connect({.id = "p"}).send(message("t", payload, q2, 1));
  const uint8_t* bytes = nullptr;
  for (Peer* reader : readers) {
    const auto views = reader->endpoint()->output();
    ASSERT_EQ(views.size(), 2u);  // what is its own, and what all share
    EXPECT_EQ(views.back().size(), payload.size());
    if (!bytes) bytes = views.back().data();
    EXPECT_EQ(views.back().data(), bytes);
    reader->is_reading = true;
  }
  EXPECT_EQ(readers[0]->receive(), Lines{"PUBLISH t=" + payload + " q1 #1"});
  EXPECT_EQ(readers[3]->receive(), Lines{"PUBLISH t=" + payload + " q2 #1"});
}

TEST(SharedPayload, SurvivesQueueAndResumption) {
  World world;
  const Client client{.id = "s", .clean = false};
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q1));
  first.receive();
  const std::string payload(5000, 'x');
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(message("t", payload + "1", q1, 1));
  EXPECT_EQ(first.receive(), Lines{"PUBLISH t=" + payload + "1 q1 #1"});
  first.drop();
  publisher.send(message("t", payload + "2", q1, 1));
  EXPECT_EQ(world.connect(client, "CONNACK 00 present").receive(),
            (Lines{"PUBLISH t=" + payload + "1 q1 #1 dup", "PUBLISH t=" + payload + "2 q1 #2"}));
}

}  // namespace
}  // namespace mqtt_sim::broker::test
