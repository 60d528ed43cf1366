// One stream is as good as another: what holds on TCP holds over TLS, WebSocket, both, and Unix-domain sockets.
#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/net/stack.hpp"
#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

std::string pattern(size_t n, uint64_t seed) {
  Random random(seed);
  std::string text(n, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

using Reasons = std::vector<CloseReason>;

struct EveryTransport : ::testing::TestWithParam<Transport>, Carried {
  bool receives(size_t n) {
    return run_until_true(driver, [&] { return client.received.size() >= n; });
  }
  bool server_closes() {
    return run_until_true(driver, [&] { return !service.endpoints.empty() && !service.endpoints[0]->closes.empty(); });
  }
};
INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         ::testing::Values(Transport::tcp, Transport::tls, Transport::ws, Transport::wss),
                         [](const auto& one) { return to_string(one.param); });

TEST_P(EveryTransport, echoes) {
  RecordProperty("req", "P-05");
  carry(GetParam());
  ASSERT_TRUE(opens()) << detail;
  say("hello");
  ASSERT_TRUE(receives(5));
  EXPECT_EQ(client.received, "hello");
}

TEST_P(EveryTransport, what_was_said_before_it_opened_arrives) {
  client.say("first words");
  carry(GetParam());
  ASSERT_TRUE(receives(11));
  EXPECT_EQ(client.received, "first words");
}

TEST_P(EveryTransport, much_arrives_whole_in_both_directions) {  // [MQTT-4.2-1]
  carry(GetParam());
  ASSERT_TRUE(opens());
  std::string expected;
  for (uint64_t i = 0; i < 300; ++i) {
    const std::string piece = pattern(i * i % 60'000, i);
    expected += piece;
    client.queue.append(SharedBytes(as_bytes(piece)));
  }
  waker->wake();
  ASSERT_TRUE(receives(expected.size()));
  EXPECT_EQ(client.received, expected);
}

TEST_P(EveryTransport, bytes_stay_in_the_endpoint_while_the_peer_does_not_read) {
  service.prepare = [](RecordingEndpoint& endpoint) { endpoint.say(pattern(64 << 20, 1)); };
  RecordingEndpoint far{StreamWish::open};
  NetDriver far_driver;
  Target target = target_for(GetParam(), driver.listen(service, rules_for(GetParam())).value());
  far_driver.attach(far, target);
  ASSERT_TRUE(run_until_true(driver, [&] {
    if (service.endpoints.empty()) far_driver.run_until(far_driver.now());
    return !service.endpoints.empty();
  }));
  driver.run_until(driver.now() + 50ms);
  const uint64_t out = driver.stats().bytes_out;
  const size_t waiting = service.endpoints[0]->queue.size();
  EXPECT_GT(waiting, size_t{16} << 20);
  EXPECT_LT((64u << 20) - waiting, out + Stack::kBatchLimit + 1) << "what left the endpoint is on the wire";
  const uint64_t turns = driver.stats().turns;
  driver.run_until(driver.now() + 50ms);
  EXPECT_LT(driver.stats().turns - turns, 10u) << "waits for the peer, does not try again and again";
}

TEST_P(EveryTransport, a_wish_to_close_ends_it_in_order_after_the_last_bytes) {
  carry(GetParam());
  ASSERT_TRUE(opens());
  client.say("last words");
  client.wanted = StreamWish::close;
  waker->wake();
  ASSERT_TRUE(closes());
  ASSERT_TRUE(server_closes());
  EXPECT_EQ(client.closes, Reasons{CloseReason::local});
  EXPECT_EQ(service.endpoints[0]->closes, Reasons{CloseReason::peer});
  EXPECT_EQ(detail, "");
  EXPECT_TRUE(driver.stats().failures.empty());
}

TEST_P(EveryTransport, the_service_may_end_it_in_order) {
  carry(GetParam());
  service.prepare = [](RecordingEndpoint& endpoint) {
    endpoint.say("go away");
    endpoint.wanted = StreamWish::close;
  };
  ASSERT_TRUE(closes());
  EXPECT_EQ(client.received, "go away");
  EXPECT_EQ(client.closes, Reasons{CloseReason::peer});
  ASSERT_TRUE(server_closes());
  EXPECT_EQ(service.endpoints[0]->closes, Reasons{CloseReason::local});
}

TEST_P(EveryTransport, an_abort_is_a_reset_for_the_peer) {
  carry(GetParam());
  ASSERT_TRUE(opens());
  ASSERT_TRUE(run_until_true(driver, [&] { return !service.endpoints.empty(); }));
  client.wanted = StreamWish::abort;
  waker->wake();
  ASSERT_TRUE(server_closes());
  EXPECT_EQ(client.closes, Reasons{CloseReason::local});
  EXPECT_EQ(service.endpoints[0]->closes, Reasons{CloseReason::reset});
}

TEST_P(EveryTransport, is_opened_again_and_again) {
  service.prepare = [](RecordingEndpoint& endpoint) { endpoint.wanted = StreamWish::close; };
  client.when_closed = [&] {
    if (client.closes.size() < 5) client.wanted = StreamWish::open;
  };
  carry(GetParam());
  ASSERT_TRUE(run_until_true(driver, [&] { return client.closes.size() == 5; }));
  EXPECT_EQ(client.openings.size(), 5u);
  EXPECT_EQ(driver.stats().connects_failed, 0u);
}

TEST_P(EveryTransport, the_steps_of_opening_have_their_times) {
  RecordProperty("req", "Y-02");
  carry(GetParam());
  ASSERT_TRUE(opens());
  const Opening& opening = client.openings[0];
  EXPECT_GT(opening.tcp, Duration::zero());
  EXPECT_EQ(opening.tls > Duration::zero(), has_tls(GetParam()));
  EXPECT_EQ(opening.upgrade > Duration::zero(), has_websocket(GetParam()));
  EXPECT_LE(opening.started + opening.tcp + opening.tls + opening.upgrade, driver.now());
}

TEST_P(EveryTransport, the_service_learns_how_its_peer_came) {
  carry(GetParam());
  ASSERT_TRUE(run_until_true(driver, [&] { return !service.arrivals.empty(); }));
  const Peer& peer = service.arrivals[0];
  EXPECT_EQ(peer.transport, GetParam());
  EXPECT_TRUE(peer.address.starts_with("127.0.0.1:")) << peer.address;
  EXPECT_EQ(peer.path, has_websocket(GetParam()) ? "/mqtt" : "");
  EXPECT_EQ(peer.subprotocol, has_websocket(GetParam()) ? "mqtt" : "");
  EXPECT_EQ(peer.certificate_name, "");
}

TEST_P(EveryTransport, everything_said_in_one_turn_leaves_in_one_write) {
  carry(GetParam());
  ASSERT_TRUE(opens());
  ASSERT_TRUE(run_until_true(driver, [&] { return !service.endpoints.empty(); }));
  service.endpoints[0]->when_bytes = [](ByteView) {};
  driver.run_until(driver.now() + 2ms);
  const uint64_t writes = driver.stats().writes;
  for (int i = 0; i < 10; ++i) say("x");
  driver.run_until(driver.now() + 2ms);
  EXPECT_EQ(driver.stats().writes, writes + 1);
}

TEST_P(EveryTransport, works_over_a_unix_domain_socket) {
  RecordProperty("req", "X-27");
  const TemporaryDirectory directory;
  ListenAddress rules = rules_for(GetParam());
  rules.address = Address{.unix_path = directory.path("broker.sock")};
  Target target = target_for(GetParam(), {});
  carry(rules, target);
  ASSERT_TRUE(opens()) << detail << to_string(client.closes[0]);
  say("hello");
  ASSERT_TRUE(receives(5));
  EXPECT_EQ(service.peers[0], "unix:" + directory.path("broker.sock"));
}

TEST_P(EveryTransport, a_driver_that_ends_closes_what_is_open_and_what_opens) {
  RecordingEndpoint open{StreamWish::open};
  RecordingEndpoint opening{StreamWish::open};
  RecordingService services;
  const RawSocket silent = RawSocket::listening(10);
  {
    NetDriver driver_that_ends;
    driver_that_ends.attach(open,
                            target_for(GetParam(), driver_that_ends.listen(services, rules_for(GetParam())).value()));
    driver_that_ends.attach(opening, target_for(GetParam(), Address{"127.0.0.1", silent.port()}));
    ASSERT_TRUE(run_until_true(driver_that_ends, [&] { return !open.openings.empty(); }));
    driver_that_ends.run_until(driver_that_ends.now() + 2ms);
  }
  EXPECT_EQ(open.closes, Reasons{CloseReason::local});
  EXPECT_EQ(opening.closes, Reasons{CloseReason::local});
  EXPECT_EQ(services.released.size(), services.endpoints.size());
}

TEST(UnixSocket, a_path_that_was_left_over_is_taken_and_one_in_use_is_not) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  RecordingService service;
  NetDriver driver;
  const ListenAddress at(Address{.unix_path = path});
  {
    const int left_over = ::socket(AF_UNIX, SOCK_STREAM, 0);
    struct Un {
      sa_family_t family;
      char path[108];
    } un{AF_UNIX, {}};
    path.copy(un.path, 107);
    ASSERT_EQ(::bind(left_over, reinterpret_cast<const sockaddr*>(&un), sizeof un), 0);
    ::close(left_over);
  }
  ASSERT_TRUE(driver.listen(service, at));
  const auto second = driver.listen(service, at);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text, "cannot listen on " + path + ": address already in use");
  const std::string too_long(200, 'x');
  EXPECT_FALSE(driver.listen(service, Address{.unix_path = "/tmp/" + too_long}));
}

TEST(UnixSocket, where_nobody_listens_it_is_unreachable) {
  RecordingEndpoint client{StreamWish::open};
  NetDriver driver;
  driver.attach(client, Address{.unix_path = "/nonexistent/socket"});
  ASSERT_TRUE(run_until_true(driver, [&] { return !client.closes.empty(); }));
  EXPECT_EQ(client.closes, Reasons{CloseReason::unreachable});
}

TEST(UnixSocket, its_path_is_gone_after_the_listener) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  RecordingService service;
  {
    NetDriver driver;
    ASSERT_TRUE(driver.listen(service, Address{.unix_path = path}));
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace mqtt_sim::net
