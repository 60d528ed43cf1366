// How outbound streams come up, or do not.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>

#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {
namespace {

using Reasons = std::vector<CloseReason>;

bool runs_until_closed(Driver& driver, const RecordingEndpoint& endpoint, size_t times = 1) {
  return run_until_true(driver, [&] { return endpoint.closes.size() >= times; });
}

bool runs_until_open(Driver& driver, const RecordingEndpoint& endpoint, size_t times = 1) {
  return run_until_true(driver, [&] { return endpoint.openings.size() >= times; });
}

uint16_t unused_port() { return RawSocket::listening(1).port(); }

// Lowers the limit on descriptors so that no further one can be had.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest_free());
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  static int lowest_free() {
    const int lowest = ::dup(0);
    ::close(lowest);
    return lowest;
  }
  rlimit before_{};
};

TEST(Dial, reports_when_each_step_of_opening_happened) {
  RecordingEndpoint client(StreamWish::open);
  RecordingService service;
  NetDriver driver;
  const Instant before = driver.now();
  driver.attach(client, listen_anywhere(driver, service));
  ASSERT_TRUE(runs_until_open(driver, client));
  const Opening& opening = client.openings[0];
  EXPECT_GE(opening.started, before);
  EXPECT_GT(opening.tcp, Duration::zero());
  EXPECT_LE(opening.started + opening.tcp, driver.now());
  EXPECT_EQ(opening.resolve, Duration::zero()) << "a literal needs no resolving";
  EXPECT_EQ(opening.tls, Duration::zero());
  EXPECT_EQ(opening.upgrade, Duration::zero());
}

TEST(Dial, a_name_is_resolved_once) {
  RecordingEndpoint first(StreamWish::open);
  RecordingEndpoint second;
  RecordingService service;
  NetDriver driver;
  const Address at{"localhost", listen_anywhere(driver, service).port};
  driver.attach(first, at);
  Waker& waker = driver.attach(second, at);
  ASSERT_TRUE(runs_until_open(driver, first));
  EXPECT_GT(first.openings[0].resolve, Duration::zero());
  second.wanted = StreamWish::open;
  waker.wake();
  ASSERT_TRUE(runs_until_open(driver, second));
  EXPECT_EQ(second.openings[0].resolve, Duration::zero());
}

TEST(Dial, a_name_leads_to_whichever_family_answers) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    RecordingEndpoint client(StreamWish::open);
    RecordingService service;
    NetDriver driver;
    const auto bound = driver.listen(service, Address{host, 0});
    if (!bound) GTEST_SKIP() << bound.error().text;
    EXPECT_EQ(bound->host, host);
    driver.attach(client, Address{"", bound->port});  // which the resolver leads to loopback of both families
    EXPECT_TRUE(runs_until_open(driver, client)) << host;
    EXPECT_EQ(driver.stats().connects_failed, 0u);
  }
}

TEST(Dial, a_name_that_cannot_be_resolved_is_unreachable) {
  RecordingEndpoint client(StreamWish::open);
  NetDriver driver;
  driver.attach(client, Address{"no-such-host.invalid", 1883});
  ASSERT_TRUE(runs_until_closed(driver, client));
  EXPECT_EQ(client.closes, Reasons{CloseReason::unreachable});
  EXPECT_EQ(driver.stats().connects_failed, 1u);
}

TEST(Dial, a_port_where_nobody_listens_refuses) {
  RecordingEndpoint client(StreamWish::open);
  std::string detail;
  NetDriver driver;
  client.when_closed = [&] { detail = driver.close_detail(); };
  driver.attach(client, Address{"127.0.0.1", unused_port()});
  ASSERT_TRUE(runs_until_closed(driver, client));
  EXPECT_EQ(client.closes, Reasons{CloseReason::refused});
  EXPECT_EQ(detail, "Connection refused");
  EXPECT_EQ(driver.close_detail(), "") << "only while it is delivered";
  EXPECT_TRUE(client.openings.empty());
  EXPECT_EQ(driver.stats().connects_started, 1u);
  EXPECT_EQ(driver.stats().connects_failed, 1u);
}

TEST(Dial, an_endpoint_that_wishes_again_at_once_does_not_hold_up_the_loop) {
  RecordingEndpoint stubborn(StreamWish::open);
  RecordingEndpoint patient;
  NetDriver driver;
  stubborn.when_closed = [&] { stubborn.wanted = StreamWish::open; };
  patient.due = driver.now() + 10ms;
  driver.attach(stubborn, Address{"127.0.0.1", unused_port()});
  driver.attach(patient, {});
  driver.run_until(driver.now() + 20ms);
  EXPECT_GT(stubborn.closes.size(), 1u);
  EXPECT_EQ(patient.fired.size(), 1u);
  EXPECT_LE(stubborn.closes.size(), driver.stats().turns);
}

TEST(Dial, a_closed_stream_is_opened_again_when_wished) {
  RecordingEndpoint client(StreamWish::open);
  RecordingService service;
  NetDriver driver;
  driver.attach(client, listen_anywhere(driver, service));
  client.when_closed = [&] {
    if (client.closes.size() < 3) client.wanted = StreamWish::open;
  };
  service.prepare = [](RecordingEndpoint& endpoint) { endpoint.wanted = StreamWish::abort; };
  ASSERT_TRUE(runs_until_closed(driver, client, 3));
  EXPECT_EQ(client.openings.size(), 3u);
  EXPECT_EQ(client.closes, (Reasons{3, CloseReason::reset}));
}

TEST(Dial, a_deadline_may_bring_the_wish_to_open) {
  RecordingEndpoint client;
  RecordingService service;
  NetDriver driver;
  client.due = driver.now() + 5ms;
  const Instant due = *client.due;
  client.when_deadline = [&](Instant) { client.wanted = StreamWish::open; };
  driver.attach(client, listen_anywhere(driver, service));
  ASSERT_TRUE(runs_until_open(driver, client));
  EXPECT_GE(client.openings[0].started, due);
}

// A listener whose backlog is full lets connects hang.
struct Hanging : ::testing::Test {
  RawSocket listener = RawSocket::listening(0);
  RawSocket filler = RawSocket::connected_to(listener.port());
  std::deque<RecordingEndpoint> clients;

  void attach(Driver& driver, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      driver.attach(clients.emplace_back(StreamWish::open), Address{"127.0.0.1", listener.port()});
    }
  }
  size_t count_open() const {
    return static_cast<size_t>(
        std::ranges::count_if(clients, [](const RecordingEndpoint& one) { return !one.openings.empty(); }));
  }
};

TEST_F(Hanging, no_more_than_64_connects_are_in_progress) {
  NetDriver driver;
  attach(driver, 200);
  driver.run_until(driver.now() + 50ms);
  EXPECT_EQ(driver.stats().connects_started - count_open(), 64u);
  EXPECT_LT(count_open(), 10u);
}

TEST_F(Hanging, the_limit_is_an_option) {
  NetDriver driver({.connects_in_progress_limit = 5, .source_addresses = {}});
  attach(driver, 20);
  driver.run_until(driver.now() + 20ms);
  EXPECT_EQ(driver.stats().connects_started - count_open(), 5u);
}

TEST_F(Hanging, connects_in_progress_and_in_the_queue_can_be_withdrawn) {
  NetDriver driver({.connects_in_progress_limit = 2, .source_addresses = {}});
  std::vector<Waker*> wakers;
  for (int i = 0; i < 6; ++i) {
    wakers.push_back(&driver.attach(clients.emplace_back(StreamWish::open), Address{"127.0.0.1", listener.port()}));
  }
  driver.run_until(driver.now() + 20ms);
  const size_t open = count_open();
  ASSERT_LE(open, 2u);
  const uint64_t failed = driver.stats().connects_failed;
  // The first that hangs, and the last, which is still in the queue.
  for (const size_t i : {open, clients.size() - 1}) {
    clients[i].wanted = i == open ? StreamWish::abort : StreamWish::close;
    wakers[i]->wake();
  }
  const uint64_t started = driver.stats().connects_started;
  driver.run_until(driver.now() + 20ms);
  EXPECT_EQ(clients[open].closes, Reasons{CloseReason::local});
  EXPECT_EQ(clients.back().closes, Reasons{CloseReason::local});
  EXPECT_EQ(driver.stats().connects_started, started + 1) << "the next takes the free place";
  EXPECT_EQ(driver.stats().connects_failed, failed);
}

TEST(Dial, starts_are_paced_when_a_rate_is_set) {
  std::deque<RecordingEndpoint> clients;
  RecordingService service;
  NetDriver driver({.connect_rate_per_s = 500, .source_addresses = {}});
  const Address at = listen_anywhere(driver, service);
  for (int i = 0; i < 51; ++i) driver.attach(clients.emplace_back(StreamWish::open), at);
  ASSERT_TRUE(runs_until_open(driver, clients.back()));
  const Duration took = clients.back().openings[0].started - clients.front().openings[0].started;
  EXPECT_GE(took, 85ms) << "50 intervals of 2 ms, less what may be made up for";
  EXPECT_LT(took, 1s);
}

TEST(Dial, listed_source_addresses_are_used_in_turn) {
  std::deque<RecordingEndpoint> clients;
  RecordingService service;
  NetDriver driver({.source_addresses = {"127.0.0.5", "127.0.0.6"}});
  const Address at = listen_anywhere(driver, service);
  for (int i = 0; i < 4; ++i) driver.attach(clients.emplace_back(StreamWish::open), at);
  ASSERT_TRUE(run_until_true(driver, [&] { return service.peers.size() == 4; }));
  const auto from = [&](std::string_view host) {
    return std::ranges::count_if(service.peers, [&](const std::string& peer) { return peer.starts_with(host); });
  };
  EXPECT_EQ(from("127.0.0.5:"), 2);
  EXPECT_EQ(from("127.0.0.6:"), 2);
}

TEST(Dial, a_source_that_cannot_be_used_is_passed_over_for_the_next) {
  std::deque<RecordingEndpoint> clients;
  RecordingService service;
  NetDriver driver({.source_addresses = {"192.0.2.1", "127.0.0.7"}});
  const Address at = listen_anywhere(driver, service);
  for (int i = 0; i < 3; ++i) driver.attach(clients.emplace_back(StreamWish::open), at);
  ASSERT_TRUE(run_until_true(driver, [&] { return service.peers.size() == 3; }));
  for (const std::string& peer : service.peers) EXPECT_TRUE(peer.starts_with("127.0.0.7:")) << peer;
  EXPECT_EQ(driver.stats().connects_started, 3u);
  EXPECT_EQ(driver.stats().connects_failed, 0u);
}

TEST(Dial, when_no_source_works_there_are_no_ports) {
  for (const char* source : {"192.0.2.1", "::1"}) {  // not ours; of the wrong family
    RecordingEndpoint client(StreamWish::open);
    RecordingService service;
    NetDriver driver({.source_addresses = {source}});
    driver.attach(client, listen_anywhere(driver, service));
    ASSERT_TRUE(runs_until_closed(driver, client)) << source;
    EXPECT_EQ(client.closes, Reasons{CloseReason::no_ports}) << source;
  }
}

TEST(Dial, a_want_of_descriptors_is_told) {
  RecordingEndpoint client(StreamWish::open);
  RecordingService service;
  NetDriver driver;
  Waker& waker = driver.attach(client, listen_anywhere(driver, service));
  // One whole life first: a sanitizer needs a descriptor of its own when it meets a type for the first time.
  ASSERT_TRUE(runs_until_open(driver, client));
  client.wanted = StreamWish::close;
  waker.wake();
  ASSERT_TRUE(runs_until_closed(driver, client));
  client.wanted = StreamWish::open;
  waker.wake();
  {
    const NoMoreDescriptors none;
    ASSERT_TRUE(runs_until_closed(driver, client, 2));
  }
  EXPECT_EQ(client.closes, (Reasons{CloseReason::local, CloseReason::descriptors}));
}

TEST(Listen, pauses_without_spinning_while_descriptors_are_wanting) {
  RecordingService service;
  NetDriver driver;
  const Address at = listen_anywhere(driver, service);
  driver.run_until(driver.now());
  RawSocket peer = RawSocket::connected_to(at.port);
  {
    const NoMoreDescriptors none;
    driver.run_until(driver.now() + 50ms);
  }
  EXPECT_EQ(driver.stats().accept_errors, 1u);
  EXPECT_EQ(driver.stats().accepted, 0u);
  EXPECT_LT(driver.stats().turns, 10u);
  ASSERT_TRUE(run_until_true(driver, [&] { return service.peers.size() == 1; }));
}

}  // namespace
}  // namespace mqtt_sim::net
