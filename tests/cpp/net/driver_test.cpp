// The driver itself: listening, time, posting, stopping, ending.
#include "core/net/driver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <thread>

#include "core/base/assert.hpp"
#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {
namespace {

using Reasons = std::vector<CloseReason>;

TEST(NetDriver, port_0_is_any_free_one_and_is_reported) {
  RecordProperty("req", "M-05");
  RecordingService service;
  NetDriver driver;
  const Address at = driver.listen(service, Address{"127.0.0.1", 0}).value();
  EXPECT_EQ(at.host, "127.0.0.1");
  EXPECT_NE(at.port, 0);
  RawSocket peer = RawSocket::connected_to(at.port);
  EXPECT_TRUE(run_until_true(driver, [&] { return service.peers.size() == 1; }));
}

TEST(NetDriver, a_port_that_is_taken_is_an_error_that_names_it) {
  RecordingService service;
  NetDriver driver;
  const RawSocket taken = RawSocket::listening(1);
  const auto result = driver.listen(service, Address{"127.0.0.1", taken.port()});
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().text,
            "cannot listen on 127.0.0.1:" + std::to_string(taken.port()) + ": address already in use");
}

TEST(NetDriver, a_host_that_is_not_ours_or_does_not_exist_is_an_error_that_names_it) {
  for (const char* host : {"192.0.2.1", "no-such-host.invalid"}) {
    RecordingService service;
    NetDriver driver;
    const auto result = driver.listen(service, Address{host, 0});
    ASSERT_TRUE(result.has_error()) << host;
    EXPECT_TRUE(result.error().text.starts_with("cannot listen on " + std::string(host) + ":0: "));
  }
}

TEST(NetDriver, deadlines_come_in_order_and_never_early) {
  std::deque<RecordingEndpoint> endpoints(5);
  NetDriver driver;
  std::vector<size_t> order;
  const Instant begin = driver.now();
  const Duration after[] = {9ms, 3ms, 7ms, 3ms, 1ms};
  for (size_t i = 0; i < endpoints.size(); ++i) {
    endpoints[i].due = begin + after[i];
    endpoints[i].when_deadline = [&, i](Instant now) {
      order.push_back(i);
      EXPECT_GE(now, begin + after[i]);
    };
    driver.attach(endpoints[i], {});
  }
  driver.run_until(begin + 20ms);
  EXPECT_EQ(order, (std::vector<size_t>{4, 1, 3, 2, 0}));
}

TEST(NetDriver, everything_due_at_until_is_done_on_return) {
  std::deque<RecordingEndpoint> endpoints(1000);
  NetDriver driver;
  const Instant until = driver.now() + 5ms;
  for (RecordingEndpoint& endpoint : endpoints) {
    endpoint.due = until;
    driver.attach(endpoint, {});
  }
  driver.run_until(until);
  for (const RecordingEndpoint& endpoint : endpoints) EXPECT_EQ(endpoint.fired.size(), 1u);
  EXPECT_GE(driver.now(), until);
}

TEST(NetDriver, a_deadline_is_armed_again_by_its_own_callback) {
  RecordingEndpoint endpoint;
  NetDriver driver;
  const Instant begin = driver.now();
  endpoint.due = begin + 2ms;
  endpoint.when_deadline = [&](Instant) {
    if (endpoint.fired.size() < 5) endpoint.due = begin + 2ms * static_cast<int>(endpoint.fired.size() + 1);
  };
  driver.attach(endpoint, {});
  driver.run_until(begin + 30ms);
  ASSERT_EQ(endpoint.fired.size(), 5u);
  for (size_t i = 0; i < 5; ++i) EXPECT_GE(endpoint.fired[i], begin + 2ms * static_cast<int>(i + 1));
}

TEST(NetDriver, a_deadline_that_moves_later_is_not_called_at_the_old_instant) {
  RecordingEndpoint endpoint;
  NetDriver driver;
  const Instant begin = driver.now();
  endpoint.due = begin + 50ms;
  Waker& waker = driver.attach(endpoint, {});
  driver.run_until(driver.now());
  endpoint.due = begin + 70ms;
  waker.wake();
  driver.run_until(begin + 80ms);
  ASSERT_EQ(endpoint.fired.size(), 1u);
  EXPECT_GE(endpoint.fired[0], begin + 70ms);
}

TEST(NetDriver, a_deadline_that_moves_earlier_by_a_wake_comes_earlier) {
  RecordingEndpoint endpoint;
  NetDriver driver;
  const Instant begin = driver.now();
  endpoint.due = begin + 10s;
  Waker& waker = driver.attach(endpoint, {});
  driver.post([&] {
    endpoint.due = begin + 5ms;
    waker.wake();
  });
  endpoint.when_deadline = [&](Instant) { driver.stop(); };
  driver.run_until(begin + 8s);
  ASSERT_EQ(endpoint.fired.size(), 1u);
  EXPECT_GE(endpoint.fired[0], begin + 5ms);
  EXPECT_LT(endpoint.fired[0], begin + 5s);
}

TEST(NetDriver, a_thousand_deadlines_a_second_are_met_within_a_millisecond_in_the_median) {
  RecordingEndpoint endpoint;
  NetDriver driver;
  Instant next = driver.now() + 1ms;
  std::vector<Duration> late;
  endpoint.due = next;
  endpoint.when_deadline = [&](Instant now) {
    late.push_back(now - next);
    endpoint.due = next += 1ms;
  };
  driver.attach(endpoint, {});
  driver.run_until(driver.now() + 200ms);
  ASSERT_GT(late.size(), 150u);
  std::ranges::sort(late);
  EXPECT_GE(late.front(), Duration::zero());
  EXPECT_LT(late[late.size() / 2], 1ms);
}

TEST(NetDriver, a_services_deadline_comes_too_also_one_set_while_accepting) {
  struct LateService : RecordingService {
    NetDriver* driver = nullptr;
    Endpoint* on_accept(const Peer& peer, Instant now) override {
      due = now + 5ms;
      return RecordingService::on_accept(peer, now);
    }
  } service;
  NetDriver driver;
  const Address at = listen_anywhere(driver, service);
  service.due = driver.now() + 2ms;
  const Instant first = *service.due;
  driver.run_until(driver.now() + 10ms);
  ASSERT_EQ(service.fired.size(), 1u);
  EXPECT_GE(service.fired[0], first);
  RawSocket peer = RawSocket::connected_to(at.port);
  EXPECT_TRUE(run_until_true(driver, [&] { return service.fired.size() == 2; }));
}

TEST(NetDriver, the_assert_context_knows_the_time) {
  RecordingEndpoint endpoint;
  NetDriver driver;
  endpoint.due = driver.now();
  Instant noted{};
  endpoint.when_deadline = [&](Instant) { noted = assert_context().now; };
  driver.attach(endpoint, {});
  driver.run_until(driver.now() + 1ms);
  ASSERT_EQ(endpoint.fired.size(), 1u);
  EXPECT_EQ(noted, endpoint.fired[0]);
}

TEST(NetDriver, posted_work_runs_once_on_the_drivers_thread_inside_run_until) {
  NetDriver driver;
  int runs = 0;
  std::thread::id where;
  std::thread other([&] {
    driver.post([&] {
      ++runs;
      where = std::this_thread::get_id();
      driver.stop();
    });
  });
  driver.run_until(driver.now() + 5s);
  other.join();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(where, std::this_thread::get_id());
  driver.post([&] { ++runs; });
  EXPECT_EQ(runs, 1) << "not before the next run_until";
  driver.run_until(driver.now());
  EXPECT_EQ(runs, 2);
}

TEST(NetDriver, work_that_posts_itself_for_ever_does_not_hold_up_the_loop) {
  RecordingEndpoint endpoint;
  NetDriver driver;
  endpoint.due = driver.now() + 5ms;
  driver.attach(endpoint, {});
  std::function<void()> again = [&] { driver.post(again); };
  driver.post(again);
  driver.run_until(driver.now() + 20ms);
  EXPECT_EQ(endpoint.fired.size(), 1u);
}

TEST(NetDriver, stop_ends_a_run_from_another_thread) {
  NetDriver driver;
  const Instant begin = driver.now();
  std::thread other([&] { driver.stop(); });
  driver.run_until(begin + 30s);
  other.join();
  EXPECT_LT(driver.now(), begin + 20s);
}

TEST(NetDriver, stop_before_a_run_ends_that_run_only) {
  NetDriver driver;
  driver.stop();
  const Instant begin = driver.now();
  driver.run_until(begin + 30s);
  EXPECT_LT(driver.now(), begin + 20s);
  const Instant until = driver.now() + 5ms;
  driver.run_until(until);
  EXPECT_GE(driver.now(), until);
}

TEST(NetDriver, streams_live_on_between_two_runs) {
  RecordingEndpoint client(StreamWish::open);
  RecordingService service;
  NetDriver driver;
  driver.attach(client, listen_anywhere(driver, service));
  ASSERT_TRUE(run_until_true(driver, [&] { return !service.endpoints.empty(); }));
  client.say("still here");
  client.waker->wake();
  ASSERT_TRUE(run_until_true(driver, [&] { return client.received == "still here"; }));
  EXPECT_EQ(client.openings.size(), 1u);
}

TEST(NetDriver, its_end_closes_everything_and_tells_everyone_once) {
  RecordingEndpoint open(StreamWish::open);
  RecordingEndpoint dialling(StreamWish::open);
  RecordingEndpoint idle;
  RecordingService service;
  auto driver = std::make_unique<NetDriver>();
  const Address at = listen_anywhere(*driver, service);
  driver->attach(open, at);
  driver->attach(idle, at);
  RawSocket peer = RawSocket::connected_to(at.port);
  ASSERT_TRUE(run_until_true(*driver, [&] { return service.endpoints.size() == 2 && open.openings.size() == 1; }));
  const RawSocket full = RawSocket::listening(0);  // its backlog has place for one
  const RawSocket filler = RawSocket::connected_to(full.port());
  driver->attach(dialling, Address{"127.0.0.1", full.port()});
  driver->run_until(driver->now() + 5ms);
  EXPECT_EQ(dialling.closes, Reasons());
  driver.reset();
  EXPECT_EQ(open.closes, Reasons{CloseReason::local});
  EXPECT_EQ(dialling.closes, Reasons{CloseReason::local});
  EXPECT_EQ(idle.closes, Reasons());
  for (const auto& endpoint : service.endpoints) {
    EXPECT_EQ(endpoint->closes, Reasons{CloseReason::local});
    EXPECT_TRUE(service.released.contains(endpoint.get()));
  }
  EXPECT_EQ(peer.ending(), 0);
  const auto rebound = NetDriver().listen(service, at);
  EXPECT_TRUE(rebound.has_value()) << "the port is free again";
}

}  // namespace
}  // namespace mqtt_sim::net
