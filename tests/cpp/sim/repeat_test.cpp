// The promise of the simulator: same seed, same run, byte for byte; and it holds for thousands of connections.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cpp/sim/toys.hpp"

namespace mqtt_sim::sim {
namespace {

using std::chrono::microseconds;

struct Outcome {
  uint64_t hash = 0;
  uint64_t events = 0;
  std::string bytes;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Twenty chatters against an echo, with jitter, limited bandwidth, a small window and streams that end all the time.
Outcome run_chatters(uint64_t seed, Duration jitter = microseconds(300)) {
  std::vector<std::unique_ptr<Chatter>> chatters;
  ToyService service([](Toy& toy) {
    toy.echoes = true;
    toy.logs_bytes = false;
  });
  SimDriver driver({.seed = seed,
                    .link = {.jitter = jitter, .bandwidth_bytes_per_s = 500'000, .window_bytes = 1500},
                    .event_limit = 100'000});
  EXPECT_TRUE(driver.listen(service, {}).has_value());
  for (uint64_t i = 0; i < 20; ++i) {
    chatters.push_back(std::make_unique<Chatter>(Random(1).fork(i), 40));
    driver.attach(*chatters.back(), {});
  }
  driver.run_until(at_s(1));
  Outcome outcome{driver.trace_hash(), driver.event_count(), {}};
  for (const auto& chatter : chatters) {
    EXPECT_EQ(chatter->lines_left(), 0);
    outcome.bytes += chatter->received;
  }
  return outcome;
}

TEST(SimRepeat, SameSeedSameTraceAHundredTimes) {
  const Outcome first = run_chatters(42);
  EXPECT_GT(first.events, 2000u);
  EXPECT_GT(first.bytes.size(), 10'000u);
  for (int i = 1; i < 100; ++i) ASSERT_EQ(run_chatters(42), first);
}

TEST(SimRepeat, AnotherSeedGivesAnotherTrace) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 0; seed < 20; ++seed) hashes.insert(run_chatters(seed).hash);
  EXPECT_EQ(hashes.size(), 20u);
}

TEST(SimRepeat, WithoutJitterTheSeedOfTheDriverChangesNothing) {
  EXPECT_EQ(run_chatters(1, Duration(0)), run_chatters(2, Duration(0)));
}

TEST(SimRepeat, OneOtherByteGivesAnotherTrace) {
  const auto hash_of = [](std::string_view text) {
    Pair pair;
    pair.client.out.append(as_bytes(text));
    pair.driver.run_until(at_s(1));
    return pair.driver.trace_hash();
  };
  EXPECT_EQ(hash_of("hello world"), hash_of("hello world"));
  EXPECT_NE(hash_of("hello world"), hash_of("hello worle"));
  EXPECT_NE(hash_of("hello world"), hash_of("iello world"));
  EXPECT_NE(hash_of("a"), hash_of(std::string_view("a\0", 2)));
}

struct Lines : TraceSink {
  void on_line(std::string_view line) override { lines.emplace_back(line); }
  Transcript lines;
};

TEST(SimRepeat, TheSinkGetsEachEventAsALine) {
  Lines sink;
  Pair pair;
  pair.driver.set_trace_sink(&sink);
  pair.client.out.append(as_bytes("abc"));
  pair.client.alarm = at_s(1);
  pair.service.alarm = at_s(2);
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(sink.lines,
            (Transcript{"0.000200000 connection 1 to server connect 0", "0.000400000 connection 1 to client accept 0",
                        "0.000600000 connection 1 to server bytes 3", "1.000000000 endpoint 0 deadline",
                        "2.000000000 service 0 deadline"}));
}

TEST(SimRepeat, PlacesOfReleasedEndpointsAreUsedAgain) {
  Lines sink;
  Pair pair;
  pair.driver.set_trace_sink(&sink);
  pair.client.reopens = true;
  pair.service.prepare = [&](Toy& toy) { toy.alarm = pair.driver.now(); };
  for (int64_t second = 1; second <= 10; ++second) {
    pair.driver.run_until(at_s(second));
    pair.client.wish_now = StreamWish::close;
    pair.waker->wake();
  }
  const auto deadlines_of = [&](const char* whose) {
    return std::ranges::count_if(sink.lines, [&](const std::string& line) { return line.ends_with(whose); });
  };
  EXPECT_EQ(deadlines_of("endpoint 1 deadline"), 5);  // the next stream arrives just before the place is free
  EXPECT_EQ(deadlines_of("endpoint 2 deadline"), 5);
}

// However streams end, both ends learn of it and nothing is left over.
TEST(SimRepeat, StreamsAndEndpointsAreGivenBackUnderRandomFaults) {
  struct Saboteur : FaultRule {
    explicit Saboteur(uint64_t seed) : random(seed) {}
    Verdict judge(const Passage&) override {
      const uint64_t draw = random.below(20);
      if (draw == 0) return Verdict::drop_connection();
      if (draw == 1) return Verdict::delay(Duration(static_cast<int64_t>(random.below(1'000'000))));
      return Verdict::pass();
    }
    Random random;
  };
  for (uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<std::unique_ptr<Chatter>> chatters;
    ToyService service([](Toy& toy) {
      toy.echoes = true;
      toy.logs_bytes = false;
    });
    SimDriver driver({.seed = seed, .link = {.jitter = microseconds(100), .window_bytes = 300}});
    driver.add_rule(std::make_unique<Saboteur>(seed));
    ASSERT_TRUE(driver.listen(service, {}).has_value());
    std::vector<Waker*> wakers;
    for (uint64_t i = 0; i < 10; ++i) {
      chatters.push_back(std::make_unique<Chatter>(Random(seed).fork(i), 30));
      wakers.push_back(&driver.attach(*chatters.back(), {}));
    }
    driver.run_until(at_s(1));
    for (size_t i = 0; i < chatters.size(); ++i) {
      chatters[i]->reopens = false;
      chatters[i]->wish_now = StreamWish::abort;
      wakers[i]->wake();
    }
    driver.run_until(at_s(2));
    EXPECT_EQ(driver.stream_count(), 0u) << "seed " << seed;
    EXPECT_EQ(service.released.size(), service.toys.size()) << "seed " << seed;
    for (const auto& toy : service.toys) EXPECT_FALSE(toy->is_open) << "seed " << seed;
  }
}

TEST(SimRepeat, TwoThousandConnectionsOpenTalkAndEnd) {
  constexpr size_t kClients = 2000;
  std::vector<Toy> clients(kClients);
  std::vector<Waker*> wakers;
  ToyService service([](Toy& toy) { toy.echoes = true; });
  SimDriver driver({.seed = 3, .link = {.jitter = microseconds(50)}});
  ASSERT_TRUE(driver.listen(service, {}).has_value());
  for (size_t i = 0; i < kClients; ++i) {
    clients[i].wish_now = StreamWish::open;
    clients[i].out.append(as_bytes("client " + std::to_string(i)));
    wakers.push_back(&driver.attach(clients[i], {}));
  }
  driver.run_until(at_s(1));
  EXPECT_EQ(driver.stream_count(), kClients);
  for (size_t i = 0; i < kClients; ++i) {
    EXPECT_EQ(clients[i].received, "client " + std::to_string(i));
    clients[i].wish_now = StreamWish::close;
    wakers[i]->wake();
  }
  driver.run_until(at_s(2));
  EXPECT_EQ(driver.stream_count(), 0u);
  EXPECT_EQ(service.released.size(), kClients);
}

}  // namespace
}  // namespace mqtt_sim::sim
