// One port for several protocols, proxies in front of it, and everything that arrives there by mistake.
#include <gtest/gtest.h>

#include "tests/cpp/net/frames.hpp"
#include "tests/cpp/net/raw_tls.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

const std::string kConnect("\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", 14);
const std::string kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 1.3, with its answer
const std::string kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string upgrade(const std::string& more = "Sec-WebSocket-Protocol: mqtt\r\n", const std::string& path = "/mqtt") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + kKey + "\r\n" + more + "\r\n";
}

struct Hello final : HttpHandler {
  HttpResponse on_request(const HttpRequest& request, Instant) override {
    last_peer = request.peer;
    return {.status = 200, .headers = {}, .body = SharedBytes(as_bytes("hello"))};
  }
  std::string last_peer;
};

struct Port : ::testing::Test {
  Hello hello;
  RecordingService service;
  NetDriver driver;
  ListenAddress rules{Address{"127.0.0.1", 0}};
  Address at;

  void listen() { at = driver.listen(service, rules).value(); }
  RawSocket arrive(const std::string& text) {
    if (at.port == 1883) listen();
    RawSocket peer = RawSocket::connected_to(at.port);
    peer.send(text);
    return peer;
  }
  // All that comes while the driver runs, until `n` bytes or the end.
  std::string read(RawSocket& peer, size_t n) {
    std::string got;
    run_until_true(driver, [&] {
      got += peer.receive_some(1 << 16);
      return got.size() >= n || peer.has_ended();
    });
    return got;
  }
  std::string answer_to(const std::string& text) {
    RawSocket peer = arrive(text);
    return read(peer, SIZE_MAX);
  }
  std::string status_of(const std::string& text) { return answer_to(text).substr(0, 12); }
};

// --- WebSocket upgrade

struct Web : Port {
  Web() { rules.protocols = {.mqtt = false, .websocket = true}; }
};

TEST_F(Web, W20_sub_protocol_mqtt_is_answered) {
  RecordProperty("req", "W20");
  RawSocket peer = arrive(upgrade());
  const std::string answer = read(peer, 100);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << answer;
  EXPECT_NE(answer.find("Sec-WebSocket-Accept: " + kAccept + "\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Sec-WebSocket-Protocol: mqtt\r\n"), std::string::npos);  // [MQTT-6.0.0-4]
  EXPECT_EQ(service.arrivals.size(), 1u);
}

TEST_F(Web, the_first_sub_protocol_that_is_known_is_chosen) {
  const std::pair<const char*, const char*> rows[] = {
      {"mqttv3.1", "mqttv3.1"}, {"mqttv3.1.1, mqtt", "mqttv3.1.1"}, {"wamp, mqtt", "mqtt"}};
  for (const auto& [offered, chosen] : rows) {
    RawSocket peer = arrive(upgrade(std::string("Sec-WebSocket-Protocol: ") + offered + "\r\n"));
    EXPECT_NE(read(peer, 100).find(std::string("Sec-WebSocket-Protocol: ") + chosen + "\r\n"), std::string::npos);
    EXPECT_EQ(service.arrivals.back().subprotocol, chosen);
  }
}

TEST_F(Web, W21_no_sub_protocol_offered_gives_none) {
  RecordProperty("req", "W21");
  RawSocket peer = arrive(upgrade(""));
  const std::string answer = read(peer, 100);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101")) << answer;
  EXPECT_EQ(answer.find("Sec-WebSocket-Protocol"), std::string::npos);
}

TEST_F(Web, W22_handshake_without_a_key) {
  RecordProperty("req", "W22");
  EXPECT_EQ(status_of("GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Version: 13\r\n\r\n"),
            "HTTP/1.1 400");
}

TEST_F(Web, W23_256_KiB_of_headers) {
  RecordProperty("req", "W23");
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(256 * 1024, 'x')), "HTTP/1.1 431");
  EXPECT_TRUE(service.endpoints.empty());
}

TEST_F(Web, W24_plain_mqtt_on_the_websocket_port) {
  RecordProperty("req", "W24");
  EXPECT_EQ(status_of(kConnect), "HTTP/1.1 400");
  EXPECT_TRUE(service.endpoints.empty());
}

struct Refused {
  const char* name;
  std::string request;
  const char* status;
};

TEST_F(Web, requests_that_are_refused) {
  RecordProperty("req", "D-20");
  rules.websocket_paths = {"/mqtt"};
  rules.origins = {"https://good.example"};
  listen();
  const std::string begin = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n";
  const std::string rest = "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + kKey + "\r\n";
  const Refused rows[] = {
      {"another path", upgrade("", "/other"), "404"},
      {"another origin", upgrade("Origin: https://evil.example\r\n"), "403"},
      {"no known sub-protocol", upgrade("Sec-WebSocket-Protocol: wamp\r\n"), "400"},
      {"old version",
       begin + "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " + kKey + "\r\n\r\n", "426"},
      {"short key", begin + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc=\r\n\r\n",
       "400"},
      {"two keys", begin + rest + "Sec-WebSocket-Key: " + kKey + "\r\n\r\n", "400"},
      {"no Connection", begin + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + kKey + "\r\n\r\n", "400"},
      {"POST", "POST" + (begin + rest).substr(3) + "\r\n", "400"},
      {"HTTP/1.0", "GET /mqtt HTTP/1.0\r\nUpgrade: websocket\r\n" + rest + "\r\n", "400"},
      {"no upgrade", "GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", "426"},
      {"TLS", std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x0a", 10), "400"},
  };
  for (const Refused& row : rows) EXPECT_EQ(status_of(row.request), std::string("HTTP/1.1 ") + row.status) << row.name;
  EXPECT_TRUE(service.endpoints.empty());
  RawSocket good = arrive(upgrade("Origin: https://GOOD.example\r\n"));
  EXPECT_TRUE(read(good, 100).starts_with("HTTP/1.1 101"));
  RawSocket no_browser = arrive(upgrade());
  EXPECT_TRUE(read(no_browser, 100).starts_with("HTTP/1.1 101"));
}

TEST_F(Web, frames_right_behind_the_request_are_not_lost) {
  RawSocket peer = arrive(upgrade() + frame(2, "early"));
  ASSERT_TRUE(run_until_true(driver, [&] { return !service.endpoints.empty(); }));
  const std::string answer = read(peer, 129 + 7);
  EXPECT_TRUE(answer.ends_with(frame(2, "early", {.is_masked = false}))) << answer;
}

TEST_F(Web, a_broken_rule_is_answered_with_a_close_frame_and_the_end) {
  RecordProperty("req", "W01");
  RawSocket peer = arrive(upgrade() + frame(1, "text"));
  EXPECT_TRUE(read(peer, SIZE_MAX).ends_with(frame(8, big_endian(1003, 2), {.is_masked = false})));
  ASSERT_TRUE(run_until_true(driver, [&] {
    peer.close();
    return !service.endpoints[0]->closes.empty();
  }));
  EXPECT_EQ(service.endpoints[0]->closes, std::vector{CloseReason::breach});
  EXPECT_EQ(driver.stats().failures.at(0).text, "text frame");
}

TEST_F(Web, a_close_frame_ends_it_in_order) {
  RawSocket peer = arrive(upgrade() + frame(2, "x") + frame(8, big_endian(1000, 2)));
  EXPECT_TRUE(read(peer, SIZE_MAX).ends_with(frame(8, big_endian(1000, 2), {.is_masked = false})));
  EXPECT_EQ(service.endpoints[0]->closes, std::vector{CloseReason::peer});
}

TEST_F(Web, a_flood_of_pings_leaves_one_pong_waiting) {
  std::string flood;
  for (int i = 0; i < 20'000; ++i) flood += frame(9, "ping");
  RawSocket peer = arrive(upgrade() + flood);
  EXPECT_TRUE(read(peer, 129 + 6).find(frame(10, "ping", {.is_masked = false})) != std::string::npos);
  driver.run_until(driver.now() + 5ms);
  EXPECT_LT(driver.stats().bytes_out, 20'000u);
  EXPECT_TRUE(service.endpoints[0]->closes.empty());
}

TEST_F(Web, a_slow_request_is_closed_when_its_time_is_over) {
  rules.handshake_limit = 20ms;
  RawSocket peer = arrive("GET / HTTP/1.1\r\nHost");
  EXPECT_EQ(read(peer, SIZE_MAX), "");
  EXPECT_EQ(driver.stats().failures.at(0).reason, CloseReason::timed_out);
}

TEST_F(Web, too_many_handshakes_at_once_are_closed) {
  rules.handshakes_limit = 2;
  listen();
  RawSocket first = arrive("G");
  RawSocket second = arrive("G");
  driver.run_until(driver.now() + 2ms);
  EXPECT_EQ(answer_to("G"), "");
  EXPECT_EQ(driver.stats().handshakes_refused, 1u);
  first.close();
  driver.run_until(driver.now() + 2ms);
  RawSocket later = arrive(upgrade());
  EXPECT_TRUE(read(later, 100).starts_with("HTTP/1.1 101"));
}

// --- the client's side of the upgrade

struct WebClient : ::testing::Test {
  RecordingEndpoint client{StreamWish::open};
  std::string detail;
  NetDriver driver;
  RawSocket listener = RawSocket::listening(1);
  Target target{Address{"127.0.0.1", listener.port()}, Transport::ws};

  std::string request;
  std::string meet(const std::function<std::string(const std::string& accept)>& answer) {
    client.when_closed = [this] { detail = driver.close_detail(); };
    driver.attach(client, target);
    driver.run_until(driver.now() + 2ms);
    RawSocket peer = listener.accept();
    EXPECT_TRUE(run_until_true(driver, [&] {
      request += peer.receive_some(4096);
      return request.ends_with("\r\n\r\n");
    }));
    peer.send(answer(request));
    peer.end_output();
    EXPECT_TRUE(run_until_true(driver, [&] { return !client.closes.empty(); }));
    return detail;
  }
};

TEST_F(WebClient, asks_with_path_headers_and_sub_protocols) {
  target.websocket = {.path = "/broker?x=1",
                      .headers = {{"Origin", "http://me"}, {"X-Token", "t"}},
                      .subprotocols = {"mqttv3.1", "mqtt"}};
  meet([](const std::string&) { return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"; });
  EXPECT_TRUE(request.starts_with("GET /broker?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(listener.port())));
  for (const char* line : {"\r\nOrigin: http://me\r\n", "\r\nX-Token: t\r\n", "\r\nSec-WebSocket-Version: 13\r\n",
                           "\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n"}) {  // [MQTT-6.0.0-3]
    EXPECT_NE(request.find(line), std::string::npos) << request;
  }
  EXPECT_EQ(client.closes, std::vector{CloseReason::upgrade_refused});
  EXPECT_EQ(detail, "WebSocket upgrade: HTTP 404 Not Found");
  EXPECT_EQ(driver.stats().connects_failed, 1u);
}

TEST_F(WebClient, refuses_answers_that_make_no_websocket) {
  const std::string ok = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::pair<std::string, const char*> rows[] = {
      {"HTTP/1.1 101 x\r\n\r\n", "the answer is 101, but not to WebSocket"},
      {ok + "Sec-WebSocket-Accept: wrong\r\n\r\n", "Sec-WebSocket-Accept is wrong"},
      {"\x20\x02\n", "the peer does not speak HTTP"},
      {ok + "X: " + std::string(10'000, 'x'), "answer above 8 KiB"},
      {"", "the peer ended the stream"},
  };
  for (const auto& [answer, problem] : rows) {
    RecordingEndpoint one{StreamWish::open};
    std::string why;
    NetDriver own;
    one.when_closed = [&] { why = own.close_detail(); };
    own.attach(one, target);
    own.run_until(own.now() + 2ms);
    RawSocket peer = listener.accept();
    peer.send(answer);
    peer.end_output();
    ASSERT_TRUE(run_until_true(own, [&] { return !one.closes.empty(); }));
    EXPECT_EQ(one.closes, std::vector{CloseReason::upgrade_refused}) << problem;
    EXPECT_EQ(why, std::string("WebSocket upgrade: ") + problem);
  }
}

// --- one port for all

struct OnePort : Port {
  OnePort() {
    rules.protocols = {.mqtt = true, .websocket = true, .http = true};
    rules.http = &hello;
    rules.tls = server_tls();
    rules.plain_beside_tls = true;
  }
};

TEST_F(OnePort, tells_mqtt_websocket_and_http_apart) {
  RecordProperty("req", "M-28");
  RawSocket mqtt = arrive(kConnect);
  EXPECT_EQ(read(mqtt, kConnect.size()), kConnect);
  EXPECT_EQ(service.arrivals.at(0).transport, Transport::tcp);
  RawSocket web = arrive(upgrade());
  EXPECT_TRUE(read(web, 100).starts_with("HTTP/1.1 101"));
  EXPECT_EQ(service.arrivals.at(1).transport, Transport::ws);
  RawSocket http = arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(read(http, 43).ends_with("\r\n\r\nhello"));
  EXPECT_EQ(service.arrivals.size(), 2u) << "HTTP is none of the service's";
}

TEST_F(OnePort, takes_all_of_them_over_tls_too) {
  RecordProperty("req", "M-28");
  listen();
  for (const Transport transport : {Transport::tls, Transport::wss, Transport::tcp, Transport::ws}) {
    RecordingEndpoint client{StreamWish::open};
    NetDriver near;
    client.say(kConnect);
    near.attach(client, target_for(transport, at));
    ASSERT_TRUE(run_until_true(near, [&] {
      driver.run_until(driver.now());
      return client.received == kConnect;
    })) << to_string(transport);
    EXPECT_EQ(service.arrivals.back().transport, transport);
  }
  RawSocket socket = RawSocket::connected_to(at.port);
  RawTls peer(socket, driver, TLS1_3_VERSION);
  ASSERT_TRUE(peer.shakes_hands());
  ASSERT_TRUE(peer.sends("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(peer.receives(43).ends_with("hello"));
}

TEST_F(OnePort, one_byte_at_a_time_is_enough) {
  listen();
  RawSocket peer = RawSocket::connected_to(at.port);
  for (const char byte : upgrade()) {
    peer.send({&byte, 1});
    driver.run_until(driver.now());
  }
  EXPECT_TRUE(read(peer, 100).starts_with("HTTP/1.1 101"));
}

TEST_F(OnePort, who_says_nothing_is_closed_when_its_time_is_over) {
  rules.handshake_limit = 20ms;
  RawSocket peer = arrive("");
  EXPECT_EQ(read(peer, SIZE_MAX), "");
  EXPECT_TRUE(service.endpoints.empty());
}

TEST_F(OnePort, a_service_that_refuses_closes_the_stream) {
  service.refuses = true;
  EXPECT_EQ(answer_to(kConnect), "");
  EXPECT_EQ(driver.stats().handshakes_refused, 0u) << "it has reached the service";
}

TEST_F(OnePort, several_ports_serve_one_service) {
  listen();
  const Address second = driver.listen(service, rules_for(Transport::ws)).value();
  EXPECT_NE(second.port, at.port);
  RawSocket peer = RawSocket::connected_to(second.port);
  peer.send(upgrade());
  EXPECT_TRUE(read(peer, 100).starts_with("HTTP/1.1 101"));
}

TEST_F(OnePort, garbage_never_hangs) {
  listen();
  for (int byte = 0; byte < 256; ++byte) {
    RawSocket peer = arrive(std::string(64, static_cast<char>(byte)));
    driver.run_until(driver.now());
    peer.end_output();
    run_until_true(driver, [&] {
      peer.receive_some(1 << 16);
      return peer.has_ended();
    });
    EXPECT_TRUE(peer.has_ended()) << byte;
  }
}

// --- proxies

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

struct Proxied : Port {
  Proxied() {
    rules.proxy_protocol = true;
    rules.trusted_proxies = {"127.0.0.0/8"};
  }
  // The peer's address as the service sees it; empty when it does not get there.
  std::string address_after(const std::string& header) {
    const size_t before = service.arrivals.size();
    RawSocket peer = arrive(header + "rest");
    run_until_true(driver, [&] {
      peer.receive_some(100);
      return service.arrivals.size() > before || peer.has_ended();
    });
    return service.arrivals.size() > before ? service.arrivals.back().address : "";
  }
};

TEST_F(Proxied, the_address_in_the_header_is_the_peers) {
  RecordProperty("req", "X-26");
  EXPECT_EQ(address_after("PROXY TCP4 192.0.2.7 192.0.2.1 4711 1883\r\n"), "192.0.2.7:4711");
  EXPECT_EQ(address_after("PROXY TCP6 2001:db8::7 2001:db8::1 4711 1883\r\n"), "[2001:db8::7]:4711");
  EXPECT_EQ(address_after(kSignature + "\x21\x11" + big_endian(12, 2) + std::string("\xc0\0\2\7\xc0\0\2\1", 8) +
                          big_endian(4711, 2) + big_endian(1883, 2)),
            "192.0.2.7:4711");
  EXPECT_EQ(address_after(kSignature + "\x21\x21" + big_endian(40, 2) + std::string(15, '\0') + "\x07" +
                          std::string(16, '\0') + big_endian(4711, 2) + big_endian(1883, 2) + "more"),
            "[::7]:4711");
}

TEST_F(Proxied, a_proxy_that_speaks_for_itself_keeps_its_address) {
  EXPECT_TRUE(address_after("PROXY UNKNOWN\r\n").starts_with("127.0.0.1:"));
  EXPECT_TRUE(address_after(kSignature + std::string("\x20\x00\x00\x00", 4)).starts_with("127.0.0.1:"));
}

TEST_F(Proxied, the_bytes_behind_the_header_are_the_endpoints) {
  RawSocket peer = arrive("PROXY TCP4 192.0.2.7 192.0.2.1 4711 1883\r\nhello");
  EXPECT_EQ(read(peer, 5), "hello");
}

TEST_F(Proxied, a_header_that_is_missing_or_malformed_ends_it) {
  for (const std::string& header :
       {kConnect, std::string("PROXY TCP4 nonsense\r\n"), "PROXY " + std::string(200, 'x'),
        std::string("PROXY TCP4 ::1 ::1 1 2\r\n"), std::string("PROXY TCP4 1.2.3.4 1.2.3.4 99999 2\r\n"),
        kSignature + std::string("\x31\x11\x00\x0c", 4), kSignature + std::string("\x21\x11\x00\x02xx", 6),
        kSignature + std::string("\x21\x11\xff\xff", 4)}) {
    EXPECT_EQ(address_after(header), "") << header;
  }
  EXPECT_EQ(driver.stats().failures.at(0).reason, CloseReason::breach);
  EXPECT_EQ(driver.stats().failures.at(0).text, "PROXY header: missing");
}

TEST_F(Proxied, nobody_else_is_believed) {
  RecordProperty("req", "X-26");
  rules.trusted_proxies = {"192.0.2.0/24", "127.0.0.2"};
  EXPECT_TRUE(address_after("PROXY TCP4 192.0.2.7 192.0.2.1 4711 1883\r\n").starts_with("127.0.0.1:"));
  driver.run_until(driver.now() + 5ms);
  EXPECT_TRUE(service.endpoints.size() == 1) << "to the endpoint it is bytes like any";
}

TEST_F(Proxied, without_the_option_a_header_is_bytes_like_any) {
  rules.proxy_protocol = false;
  RawSocket peer = arrive("PROXY TCP4 192.0.2.7 192.0.2.1 4711 1883\r\n");
  EXPECT_EQ(read(peer, 42), "PROXY TCP4 192.0.2.7 192.0.2.1 4711 1883\r\n");
}

TEST_F(Proxied, works_in_front_of_tls_and_http) {
  rules.protocols = {.mqtt = true, .websocket = true, .http = true};
  rules.http = &hello;
  RawSocket peer = arrive("PROXY TCP4 192.0.2.7 192.0.2.1 4711 1883\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(read(peer, 43).ends_with("hello"));
  EXPECT_EQ(hello.last_peer, "192.0.2.7:4711");
}

TEST(ListenRules, that_cannot_work_are_refused) {
  RecordingService service;
  NetDriver driver;
  const auto error_of = [&](const std::function<void(ListenAddress&)>& change) {
    ListenAddress rules(Address{"127.0.0.1", 0});
    change(rules);
    const auto result = driver.listen(service, rules);
    return result ? std::string() : result.error().text;
  };
  const std::string begin = "cannot listen on 127.0.0.1:0: ";
  EXPECT_EQ(error_of([](ListenAddress& r) { r.protocols.mqtt = false; }), begin + "no protocol is taken");
  EXPECT_EQ(error_of([](ListenAddress& r) { r.protocols.http = true; }),
            begin + "HTTP is taken, and nobody answers it");
  EXPECT_EQ(error_of([](ListenAddress& r) { r.proxy_protocol = true; }),
            begin + "the PROXY protocol is taken, and no proxy is trusted");
  for (const char* network : {"nonsense", "10.0.0.0/33", "10.0.0.0/x", ""}) {
    EXPECT_EQ(error_of([&](ListenAddress& r) {
                r.proxy_protocol = true;
                r.trusted_proxies = {network};
              }),
              begin + "trusted proxy \"" + network + "\": neither an address nor address/bits");
  }
}

}  // namespace
}  // namespace mqtt_sim::net
