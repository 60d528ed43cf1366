// What transports cost: memory of an idle stream, CPU of a connect and of a byte. The figures are printed; the bounds
// are the promises where they do not depend on the machine, and generous where they do.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <deque>
#include <functional>

#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSlowed = true;
#else
constexpr bool kIsSlowed = false;
#endif

// What one side of a pair of drivers used while it ran.
struct Side {
  NetDriver driver;
  double bytes = 0;
  Duration cpu{};

  void run(Duration time = {}) {
    const size_t used = mallinfo2().uordblks;
    const Duration begin = NetDriver::thread_cpu_time();
    driver.run_until(driver.now() + time);
    cpu += NetDriver::thread_cpu_time() - begin;
    bytes += static_cast<double>(mallinfo2().uordblks) - static_cast<double>(used);
  }
};

bool run_both(Side& near, Side& far, const std::function<bool()>& is_done) {
  const Instant limit = near.driver.now() + 50s;
  while (!is_done()) {
    if (near.driver.now() > limit) return false;
    near.run();
    far.run();
  }
  return true;
}

// Endpoints of a few words, so that what is counted is the driver's.
struct Small : Endpoint {
  ByteView word;
  bool wishes_open = false;
  uint64_t* received = nullptr;
  uint64_t* opened = nullptr;

  void on_open(Waker&, const Opening&, Instant) override {
    wishes_open = false;
    if (opened) ++*opened;
  }
  void on_bytes(ByteView bytes, Instant) override { *received += bytes.size(); }
  void on_deadline(Instant) override {}
  void on_closed(CloseReason reason, Instant) override { EXPECT_EQ(reason, CloseReason::local); }
  std::span<const ByteView> output() const override { return {&word, word.empty() ? size_t{0} : size_t{1}}; }
  void output_sent(size_t n, Instant) override { word = word.subspan(n); }
  std::optional<Instant> deadline() const override { return std::nullopt; }
  StreamWish wish() const override { return wishes_open ? StreamWish::open : StreamWish::none; }
};

struct SmallService final : Service {
  std::deque<Small> endpoints;
  size_t accepted = 0;
  Endpoint* on_accept(const Peer&, Instant) override { return &endpoints[accepted++]; }
  void release(Endpoint&) override {}
  std::optional<Instant> deadline() const override { return std::nullopt; }
  void on_deadline(Instant) override {}
};

struct Crowd {
  SmallService service;
  std::deque<Small> clients;
  uint64_t received = 0;
  uint64_t opened = 0;
  Side near;
  Side far;

  // Everybody connects, says "word" and is answered with "word".
  bool gather(Transport transport, size_t count, const std::shared_ptr<TlsServerOptions>& server = nullptr) {
    ListenAddress rules = rules_for(transport);
    if (server) rules.tls = server;
    const Target target = target_for(transport, far.driver.listen(service, rules).value());
    service.endpoints.resize(count);
    clients.resize(count);
    for (Small& one : service.endpoints) one.received = &received;
    for (Small& one : clients) one.received = &received;
    for (Small& one : clients) one.opened = &opened;
    for (Small& one : service.endpoints) one.word = as_bytes("word");
    for (Small& one : clients) one.word = as_bytes("word");
    // The first one pays for what all share.
    const size_t total = count - 1;
    for (size_t i = 0; i < count; ++i) {
      clients[i].wishes_open = true;
      const size_t used = mallinfo2().uordblks;
      near.driver.attach(clients[i], target);
      near.bytes += static_cast<double>(mallinfo2().uordblks) - static_cast<double>(used);
      if (i > 0) continue;
      if (!run_both(near, far, [&] { return received == 8; })) return false;
      near.bytes = far.bytes = 0;
      near.cpu = far.cpu = {};
    }
    if (!run_both(near, far, [&] { return received == 8 * count; })) return false;
    near.run(2ms);
    far.run(2ms);
    near.bytes /= static_cast<double>(total);
    far.bytes /= static_cast<double>(total);
    return true;
  }
};

class Idle : public ::testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Transports, Idle,
                         ::testing::Values(Transport::tcp, Transport::tls, Transport::ws, Transport::wss),
                         [](const auto& one) { return to_string(one.param); });

TEST_P(Idle, stream_takes_little_memory_on_either_side) {
  if (mallinfo2().uordblks == 0) GTEST_SKIP() << "the allocator in use does not count";
  const bool is_tls = has_tls(GetParam());
  const size_t count = is_tls ? 400 : 2000;
  Crowd crowd;
  ASSERT_TRUE(crowd.gather(GetParam(), count));
  std::printf("idle %s: client %.0f bytes, server %.0f bytes\n", to_string(GetParam()), crowd.near.bytes,
              crowd.far.bytes);
  const double limit = is_tls ? 20 * 1024 : GetParam() == Transport::tcp ? 600 : 4 * 1024;
  EXPECT_LT(crowd.near.bytes, limit);
  EXPECT_LT(crowd.far.bytes, limit);
}

TEST(Cost, of_a_tls_connect) {
  for (const uint32_t tickets : {0u, 1u}) {
    constexpr size_t kCount = 500;
    auto server = server_tls();
    server->session_tickets = tickets;
    Crowd crowd;
    ASSERT_TRUE(crowd.gather(Transport::tls, kCount, server));
    const double near_ms = static_cast<double>(to_ns(crowd.near.cpu)) / 1e6 / (kCount - 1);
    const double far_ms = static_cast<double>(to_ns(crowd.far.cpu)) / 1e6 / (kCount - 1);
    std::printf("TLS connect, %u tickets: client %.3f ms, server %.3f ms of CPU\n", tickets, near_ms, far_ms);
    if (!kIsSlowed) {
      EXPECT_LT(near_ms, 2.0);
    }
  }
}

// Small packets as a full-speed QoS 0 stream writes them: a queue that is filled as it empties.
struct Source final : Small {
  OutputQueue queue;
  uint64_t left = 0;

  void fill() {
    static const std::string packet(64, 'p');
    for (; left > 0 && queue.size() < 32 * 1024; --left) queue.append(as_bytes(packet));
  }
  void on_open(Waker&, const Opening&, Instant) override {
    wishes_open = false;
    fill();
  }
  std::span<const ByteView> output() const override { return queue.views(); }
  void output_sent(size_t n, Instant) override {
    queue.consume(n);
    fill();
  }
};

double cpu_ns_per_packet(Transport transport) {
  constexpr uint64_t kCount = 400'000;
  uint64_t received = 0;
  SmallService service;
  service.endpoints.resize(1);
  service.endpoints[0].received = &received;
  Source source;
  source.left = kCount;
  source.wishes_open = true;
  Side near;
  Side far;
  near.driver.attach(source, target_for(transport, far.driver.listen(service, rules_for(transport)).value()));
  EXPECT_TRUE(run_both(near, far, [&] { return received == 64 * kCount; }));
  return static_cast<double>(to_ns(near.cpu + far.cpu)) / kCount;
}

TEST(Cost, of_a_small_packet_at_full_speed) {
  double plain = 0;
  for (const Transport transport : {Transport::tcp, Transport::ws, Transport::tls, Transport::wss}) {
    double best = cpu_ns_per_packet(transport);
    for (int i = 0; i < 4; ++i) best = std::min(best, cpu_ns_per_packet(transport));
    if (transport == Transport::tcp) plain = best;
    std::printf("64 bytes over %s: %.1f ns of CPU on both sides, %.2f of tcp\n", to_string(transport), best,
                best / plain);
    if (!kIsSlowed) {
      EXPECT_LT(best, 4 * plain) << to_string(transport);
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::net
