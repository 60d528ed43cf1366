// What LinkOptions do to a stream: jitter, bandwidth, window.
#include <gtest/gtest.h>

#include "tests/cpp/sim/toys.hpp"

namespace mqtt_sim::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Writes one numbered line each 10 us.
class Metronome : public Toy {
 public:
  void on_open(Waker& stream_waker, const Opening& opening, Instant now) override {
    Toy::on_open(stream_waker, opening, now);
    alarm = now;
  }
  void on_deadline(Instant now) override {
    out.append(as_bytes(std::to_string(count) + " "));
    sent_at.push_back(now);
    if (++count < 500) {
      alarm = now + microseconds(10);
    } else {
      alarm = std::nullopt;
    }
  }
  int count = 0;
  std::vector<Instant> sent_at;
};

TEST(SimLink, KeepsTheOrderOfBytesUnderJitter) {
  Metronome client;
  ToyService service;
  SimDriver driver({.seed = 7, .link = {.latency = microseconds(100), .jitter = milliseconds(1)}});
  ASSERT_TRUE(driver.listen(service, {}).has_value());
  client.wish_now = StreamWish::open;
  driver.attach(client, {});
  driver.run_until(at_s(1));
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += std::to_string(i) + " ";
  EXPECT_EQ(service.toys.at(0)->received, expected);
}

TEST(SimLink, JitterAddsBetweenNothingAndItsLimit) {
  constexpr Duration kLatency = microseconds(100);
  constexpr Duration kJitter = microseconds(50);
  Duration least = Duration::max();
  Duration most{0};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Pair pair({.seed = seed, .link = {.latency = kLatency, .jitter = kJitter}});
    pair.driver.run_until(at_s(1));
    const Duration flight = pair.service.accepted_at.at(0) - Instant{};
    least = std::min(least, flight);
    most = std::max(most, flight);
  }
  EXPECT_GE(least, kLatency);
  EXPECT_LT(least, kLatency + kJitter / 20);
  EXPECT_LE(most, kLatency + kJitter);
  EXPECT_GT(most, kLatency + kJitter * 19 / 20);
}

TEST(SimLink, BandwidthSpreadsBytesOverTime) {
  Pair pair({.link = {.bandwidth_bytes_per_s = 1'000'000, .window_bytes = 1 << 20}});
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes(std::string(500'000, 'x')));
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.server().received.size(), 500'000u);
  EXPECT_EQ(pair.server().last_arrival, at_s(1) + milliseconds(500) + microseconds(200));
}

TEST(SimLink, BandwidthIsNotSharedBetweenStreams) {
  Pair pair({.link = {.bandwidth_bytes_per_s = 1'000'000}});
  Toy other;
  other.wish_now = StreamWish::open;
  pair.driver.attach(other, {});
  for (Toy* toy : {&pair.client, &other}) toy->out.append(as_bytes(std::string(1000, 'x')));
  pair.driver.run_until(at_s(1));
  for (const auto& toy : pair.service.toys) EXPECT_EQ(toy->last_arrival, at_us(600 + 1000));
}

TEST(SimLink, LeavesWithTheSenderWhatTheWindowDoesNotTake) {
  Pair pair({.link = {.window_bytes = 10'000}});
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes(std::string(25'000, 'x')));
  pair.waker->wake();
  pair.driver.run_until(at_s(1) + microseconds(199));
  EXPECT_EQ(pair.client.out.size(), 15'000u);
  pair.driver.run_until(at_s(1) + microseconds(200));
  EXPECT_EQ(pair.server().received.size(), 10'000u);
  EXPECT_EQ(pair.client.out.size(), 5'000u);
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.out.size(), 0u);
  EXPECT_EQ(pair.server().log, (Transcript{"200000 open started=200000 tcp=0", "1000200000 bytes 10000",
                                           "1000400000 bytes 10000", "1000600000 bytes 5000"}));
}

TEST(SimLink, TheWindowOfOneDirectionDoesNotHoldUpTheOther) {
  Pair pair({.link = {.window_bytes = 10}});
  pair.service.prepare = [](Toy& toy) { toy.out.append(as_bytes("12345")); };
  pair.client.out.append(as_bytes(std::string(100, 'x')));
  pair.driver.run_until(at_us(400));
  EXPECT_EQ(pair.client.out.size(), 90u);
  EXPECT_EQ(pair.client.received, "12345");
}

TEST(SimLinkDeathTest, RefusesAWindowThatNothingFitsThrough) {
  EXPECT_DEATH(SimDriver({.link = {.window_bytes = 0}}), "window_bytes");
}

}  // namespace
}  // namespace mqtt_sim::sim
