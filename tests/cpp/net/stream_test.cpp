// What happens on a stream that is up: bytes, back-pressure, and every way of ending.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "core/base/random.hpp"
#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {
namespace {

std::string pattern(size_t n, uint64_t seed) {
  Random random(seed);
  std::string text(n, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

// A driver with an echo service and a raw peer, which is connected when the service knows it.
struct Arrived : ::testing::Test {
  RecordingService service;
  NetDriver driver;
  Address at = listen_anywhere(driver, service);

  RawSocket arrive() {
    const size_t before = service.endpoints.size();
    RawSocket peer = RawSocket::connected_to(at.port);
    EXPECT_TRUE(run_until_true(driver, [&] { return service.endpoints.size() > before; }));
    return peer;
  }
  // Reads whatever comes while the driver runs.
  std::string read_all(RawSocket& peer, size_t n) {
    std::string got;
    EXPECT_TRUE(run_until_true(driver, [&] {
      got += peer.receive_some(1 << 20);
      return got.size() >= n;
    }));
    return got;
  }
  bool runs_until_closed(const RecordingEndpoint& endpoint) {
    return run_until_true(driver, [&] { return !endpoint.closes.empty(); });
  }
};

using Reasons = std::vector<CloseReason>;

TEST_F(Arrived, bytes_are_echoed_and_counted) {
  RawSocket peer = arrive();
  peer.send("hello");
  EXPECT_EQ(read_all(peer, 5), "hello");
  EXPECT_EQ(driver.stats().accepted, 1u);
  EXPECT_EQ(driver.stats().bytes_in, 5u);
  EXPECT_EQ(driver.stats().bytes_out, 5u);
  EXPECT_EQ(driver.stats().reads, 1u);
  EXPECT_EQ(driver.stats().writes, 1u);
  EXPECT_EQ(service.peers[0].substr(0, 10), "127.0.0.1:");
}

TEST_F(Arrived, a_peer_that_closes_one_way_gets_its_answer_before_the_end) {
  RawSocket peer = arrive();
  peer.send("last words");
  peer.end_output();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  ASSERT_TRUE(runs_until_closed(endpoint));
  EXPECT_EQ(endpoint.closes, Reasons{CloseReason::peer});
  EXPECT_EQ(read_all(peer, 10), "last words");
  EXPECT_EQ(peer.ending(), 0);
  EXPECT_TRUE(service.released.contains(&endpoint));
}

TEST_F(Arrived, a_reset_is_told_from_an_orderly_end) {
  RawSocket peer = arrive();
  peer.reset();
  ASSERT_TRUE(runs_until_closed(*service.endpoints[0]));
  EXPECT_EQ(service.endpoints[0]->closes, Reasons{CloseReason::reset});
}

TEST_F(Arrived, what_the_peer_said_before_a_reset_is_delivered_even_when_a_write_finds_it) {
  service.prepare = [](RecordingEndpoint&) {};
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  endpoint.say("never read");
  endpoint.waker->wake();
  driver.run_until(driver.now());
  peer.send("why I go");
  peer.close();  // with bytes unread: a reset
  endpoint.say("too late");
  endpoint.waker->wake();
  ASSERT_TRUE(runs_until_closed(endpoint));
  EXPECT_EQ(endpoint.received, "why I go");
  EXPECT_EQ(endpoint.closes, Reasons{CloseReason::reset});
}

TEST_F(Arrived, bytes_stay_in_the_endpoint_while_the_peer_does_not_read) {
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  const std::string text = pattern(32 << 20, 1);
  endpoint.say(text);
  endpoint.waker->wake();
  driver.run_until(driver.now() + 50ms);
  const size_t waiting = endpoint.queue.size();
  EXPECT_GT(waiting, 0u);
  EXPECT_LT(waiting, text.size());
  EXPECT_EQ(driver.stats().bytes_out + waiting, text.size());

  const uint64_t turns = driver.stats().turns;
  driver.run_until(driver.now() + 50ms);
  EXPECT_LT(driver.stats().turns - turns, 10u) << "waits for the peer, does not try again and again";
  EXPECT_EQ(read_all(peer, text.size()), text);
  EXPECT_TRUE(endpoint.queue.empty());
}

TEST_F(Arrived, a_gather_list_of_many_pieces_leaves_intact_and_in_few_writes) {
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  std::string expected;
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string piece = pattern(100 + i * 37, i);
    expected += piece;
    endpoint.queue.append(SharedBytes(as_bytes(piece)));
  }
  ASSERT_GT(expected.size(), size_t{64} * 1024);
  endpoint.waker->wake();
  EXPECT_EQ(read_all(peer, expected.size()), expected);
  EXPECT_LT(driver.stats().writes, 20u);
}

TEST_F(Arrived, everything_said_in_one_turn_leaves_in_one_write) {
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  for (int i = 0; i < 10; ++i) {
    endpoint.say("x");
    endpoint.waker->wake();
  }
  EXPECT_EQ(read_all(peer, 10), "xxxxxxxxxx");
  EXPECT_EQ(driver.stats().writes, 1u);
}

TEST_F(Arrived, a_wake_from_another_endpoints_callback_is_flushed_in_the_same_turn) {
  RawSocket first = arrive();
  RawSocket second = arrive();
  RecordingEndpoint& receiver = *service.endpoints[0];
  RecordingEndpoint& sender = *service.endpoints[1];
  uint64_t received_in = 0;
  uint64_t sent_in = 0;
  receiver.when_bytes = [&](ByteView bytes) {
    received_in = driver.stats().turns;
    sender.queue.append(bytes);
    sender.waker->wake();
  };
  sender.when_sent = [&] { sent_in = driver.stats().turns; };
  first.send("pass it on");
  EXPECT_EQ(read_all(second, 10), "pass it on");
  EXPECT_GT(received_in, 0u);
  EXPECT_EQ(sent_in, received_in);
}

TEST_F(Arrived, a_wake_from_within_the_flush_is_flushed_in_the_same_turn) {
  RawSocket first = arrive();
  RawSocket second = arrive();
  RecordingEndpoint& one = *service.endpoints[0];
  RecordingEndpoint& other = *service.endpoints[1];
  uint64_t turns[2] = {};
  one.when_sent = [&] {
    turns[0] = driver.stats().turns;
    other.say("chained");
    other.waker->wake();
  };
  other.when_sent = [&] { turns[1] = driver.stats().turns; };
  one.say("go");
  one.waker->wake();
  EXPECT_EQ(read_all(second, 7), "chained");
  EXPECT_GT(turns[0], 0u);
  EXPECT_EQ(turns[1], turns[0]);
}

TEST_F(Arrived, two_endpoints_that_wake_each_other_for_ever_do_not_hold_up_the_loop) {
  RawSocket first = arrive();
  RawSocket second = arrive();
  RecordingEndpoint& one = *service.endpoints[0];
  RecordingEndpoint& other = *service.endpoints[1];
  uint64_t sent = 0;
  const auto answer_with = [&](RecordingEndpoint& partner) {
    return [&] {
      ++sent;
      partner.say("x");
      partner.waker->wake();
    };
  };
  one.when_sent = answer_with(other);
  other.when_sent = answer_with(one);
  one.say("x");
  one.waker->wake();
  const uint64_t turns = driver.stats().turns;
  driver.run_until(driver.now() + 5ms);
  EXPECT_GT(sent, 10u);
  EXPECT_GT(driver.stats().turns - turns, 1u);
}

TEST_F(Arrived, a_wish_to_close_sends_everything_first_and_reports_when_the_peer_has_ended) {
  service.prepare = [](RecordingEndpoint&) {};
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  const std::string text = pattern(16 << 20, 2);
  endpoint.say(text);
  endpoint.wanted = StreamWish::close;
  endpoint.waker->wake();
  driver.run_until(driver.now() + 5ms);
  peer.send("told no more");
  EXPECT_EQ(read_all(peer, text.size()), text);
  EXPECT_EQ(peer.ending(), 0);
  EXPECT_EQ(endpoint.closes, Reasons()) << "the peer has not ended yet";
  peer.close();
  ASSERT_TRUE(runs_until_closed(endpoint));
  EXPECT_EQ(endpoint.closes, Reasons{CloseReason::local});
  EXPECT_EQ(endpoint.received, "");
}

TEST_F(Arrived, a_peer_that_never_ends_delays_a_close_by_one_second) {
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  endpoint.wanted = StreamWish::close;
  endpoint.waker->wake();
  const Instant begin = driver.now();
  ASSERT_TRUE(runs_until_closed(endpoint));
  EXPECT_GE(driver.now() - begin, 1s);
  EXPECT_LT(driver.now() - begin, 2s);
  EXPECT_EQ(endpoint.closes, Reasons{CloseReason::local});
}

TEST_F(Arrived, a_peer_that_never_reads_delays_a_close_by_one_second) {
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  endpoint.say(std::string(32 << 20, 'x'));
  endpoint.wanted = StreamWish::close;
  endpoint.waker->wake();
  const Instant begin = driver.now();
  ASSERT_TRUE(runs_until_closed(endpoint));
  EXPECT_LT(driver.now() - begin, 3s);
  EXPECT_FALSE(endpoint.queue.empty());
  EXPECT_EQ(endpoint.closes, Reasons{CloseReason::local});
}

TEST_F(Arrived, a_wish_to_abort_resets_whatever_waits) {
  RawSocket peer = arrive();
  RecordingEndpoint& endpoint = *service.endpoints[0];
  endpoint.say("not to be sent");
  endpoint.wanted = StreamWish::abort;
  endpoint.waker->wake();
  driver.run_until(driver.now());
  EXPECT_EQ(endpoint.closes, Reasons{CloseReason::local});
  EXPECT_EQ(peer.ending(), ECONNRESET);
}

TEST_F(Arrived, an_abort_from_within_on_bytes_is_granted) {
  service.prepare = [](RecordingEndpoint& endpoint) {
    endpoint.when_bytes = [&endpoint](ByteView) { endpoint.wanted = StreamWish::abort; };
  };
  RawSocket peer = arrive();
  peer.send("garbage");
  ASSERT_TRUE(runs_until_closed(*service.endpoints[0]));
  EXPECT_EQ(peer.ending(), ECONNRESET);
}

TEST_F(Arrived, a_service_may_refuse) {
  service.refuses = true;
  RawSocket peer = RawSocket::connected_to(at.port);
  ASSERT_TRUE(run_until_true(driver, [&] { return service.peers.size() == 1; }));
  EXPECT_EQ(peer.ending(), 0);
  EXPECT_EQ(driver.stats().accepted, 1u);
  EXPECT_TRUE(service.endpoints.empty());
}

TEST_F(Arrived, more_than_the_read_buffer_holds_arrives_whole) {  // [MQTT-4.2-1]
  service.prepare = [](RecordingEndpoint&) {};
  RawSocket peer = arrive();
  const std::string text = pattern(3 << 20, 3);
  size_t sent = 0;
  ASSERT_TRUE(run_until_true(driver, [&] {
    const size_t piece = std::min<size_t>(text.size() - sent, 128 << 10);
    peer.send(std::string_view(text).substr(sent, piece));
    sent += piece;
    return sent == text.size();
  }));
  RecordingEndpoint& endpoint = *service.endpoints[0];
  ASSERT_TRUE(run_until_true(driver, [&] { return endpoint.received.size() >= text.size(); }));
  EXPECT_EQ(endpoint.received, text);
}

TEST(Streams, a_thousand_connections_on_one_driver_each_get_their_own_echo) {
  std::deque<RecordingEndpoint> clients;
  RecordingService service;
  NetDriver driver;
  const Address at = listen_anywhere(driver, service);
  size_t answered = 0;
  uint64_t most_in_progress = 0;
  for (size_t i = 0; i < 1000; ++i) {
    RecordingEndpoint& client = clients.emplace_back(StreamWish::open);
    client.when_open = [&, i] {
      const uint64_t open = static_cast<uint64_t>(
          std::ranges::count_if(clients, [](const RecordingEndpoint& one) { return !one.openings.empty(); }));
      most_in_progress = std::max(most_in_progress, driver.stats().connects_started - open);
      client.say("client " + std::to_string(i));
    };
    client.when_bytes = [&](ByteView bytes) {
      client.received += as_text(bytes);
      ++answered;
    };
    driver.attach(client, at);
  }
  ASSERT_TRUE(run_until_true(driver, [&] { return answered == clients.size(); }));
  for (size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i].received, "client " + std::to_string(i));
  EXPECT_EQ(driver.stats().accepted, 1000u);
  EXPECT_LE(most_in_progress, 64u);

  for (RecordingEndpoint& client : clients) {
    client.wanted = StreamWish::close;
    client.waker->wake();
  }
  ASSERT_TRUE(run_until_true(driver, [&] { return service.released.size() == 1000; }));
  ASSERT_TRUE(run_until_true(driver, [&] {
    return std::ranges::all_of(clients, [](const RecordingEndpoint& one) { return one.closes.size() == 1; });
  }));
  for (const auto& endpoint : service.endpoints) EXPECT_EQ(endpoint->closes, Reasons{CloseReason::peer});
  for (const RecordingEndpoint& client : clients) EXPECT_EQ(client.closes, Reasons{CloseReason::local});
}

}  // namespace
}  // namespace mqtt_sim::net
