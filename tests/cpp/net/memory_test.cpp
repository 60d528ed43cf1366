// What the driver allocates: nothing in steady state, little for an idle connection.
#include <gtest/gtest.h>
#include <malloc.h>

#include <deque>

#include "tests/cpp/net/counted_new.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

// Two of these throw one message to and fro without owning memory, and push back a deadline with every throw.
struct Pinger final : RecordingEndpoint {
  ByteView ball = as_bytes("ball");
  bool has_ball = false;
  uint64_t* throws = nullptr;

  void on_bytes(ByteView, Instant) override { has_ball = true; }
  std::span<const ByteView> output() const override {
    return has_ball ? std::span<const ByteView>(&ball, 1) : std::span<const ByteView>();
  }
  void output_sent(size_t, Instant now) override {
    has_ball = false;
    ++*throws;
    due = now + 1ms;
  }
  void on_deadline(Instant) override { due.reset(); }
};

class SteadyState : public ::testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Transports, SteadyState, ::testing::Values(Transport::tcp, Transport::ws),
                         [](const auto& one) { return to_string(one.param); });

TEST_P(SteadyState, allocates_nothing) {
  struct PingService final : RecordingService {
    Pinger pinger;
    Endpoint* on_accept(const Peer&, Instant) override { return &pinger; }
  } service;
  Pinger client;
  uint64_t throws = 0;
  service.pinger.throws = client.throws = &throws;
  client.wanted = StreamWish::open;
  client.has_ball = true;
  NetDriver driver;
  const Address at = driver.listen(service, rules_for(GetParam())).value();
  driver.attach(client, target_for(GetParam(), at));
  uint64_t allocated = 1;
  for (int attempt = 0; attempt < 10 && allocated > 0; ++attempt) {  // the first few fill the stores
    const uint64_t throws_before = throws;
    const uint64_t allocations_before = allocation_count();
    driver.run_until(driver.now() + 20ms);
    allocated = allocation_count() - allocations_before;
    EXPECT_GT(throws, throws_before + 20);
  }
  EXPECT_EQ(allocated, 0u);
}

TEST(Memory, an_idle_connection_takes_less_than_500_bytes) {
  constexpr size_t kCount = 1000;
  struct Idle final : RecordingEndpoint {};
  struct IdleService final : RecordingService {
    std::deque<Idle> idle{kCount};
    size_t accepted = 0;
    Endpoint* on_accept(const Peer&, Instant) override { return &idle[accepted++]; }
    void release(Endpoint&) override {}
  } service;
  std::deque<Idle> clients(kCount);
  NetDriver near;
  NetDriver far;
  const Address at = listen_anywhere(far, service);
  for (Idle& client : clients) client.openings.reserve(1);
  for (Idle& endpoint : service.idle) endpoint.openings.reserve(1);
  if (mallinfo2().uordblks == 0) GTEST_SKIP() << "the allocator in use does not count";

  const size_t before = mallinfo2().uordblks;
  for (Idle& client : clients) {
    client.wanted = StreamWish::open;
    near.attach(client, at);
  }
  ASSERT_TRUE(run_until_true(near, [&] {
    far.run_until(far.now() + 1ms);
    return service.accepted == kCount && !clients.back().openings.empty();
  }));
  EXPECT_LT((mallinfo2().uordblks - before) / (2 * kCount), 500u);
}

}  // namespace
}  // namespace mqtt_sim::net
