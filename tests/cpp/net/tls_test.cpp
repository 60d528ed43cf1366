// Who is believed over TLS and who is not, and what is said then.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>

#include "tests/cpp/net/raw_tls.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

using Reasons = std::vector<CloseReason>;

struct Tls : ::testing::Test, Carried {
  std::shared_ptr<TlsServerOptions> server = server_tls();
  std::shared_ptr<TlsClientOptions> options = client_tls();
  std::string host = "127.0.0.1";

  void carry_tls(Transport transport = Transport::tls) {
    ListenAddress rules = rules_for(transport);
    rules.tls = server;
    const Address bound = driver.listen(service, rules).value();
    waker = &driver.attach(client, Target(Address{host, bound.port}, transport, options));
  }
  bool arrives() {
    return run_until_true(driver, [&] { return !service.arrivals.empty(); });
  }
  void fails_with(const std::string& text) {
    carry_tls();
    ASSERT_TRUE(closes());
    EXPECT_EQ(client.closes, Reasons{CloseReason::tls_failed});
    EXPECT_EQ(detail, text);
    EXPECT_TRUE(client.openings.empty());
    EXPECT_EQ(driver.stats().connects_failed, 1u);
    const auto& failures = driver.stats().failures;
    EXPECT_TRUE(std::ranges::any_of(failures, [&](const NetFailure& one) { return one.text == text; }));
    run_until_true(driver, [&] { return driver.stats().handshakes_refused == 1; });
    EXPECT_TRUE(service.endpoints.empty()) << "the service never hears of it";
  }
};

TEST_F(Tls, a_good_certificate_is_believed) {
  RecordProperty("req", "C-03");
  carry_tls();
  EXPECT_TRUE(opens()) << detail;
  EXPECT_TRUE(run_until_true(driver, [&] { return driver.stats().tls_handshakes == 2; }));
}

TEST_F(Tls, names_and_addresses_of_the_certificate_are_believed) {
  for (const char* name : {"127.0.0.1", "localhost"}) {
    Carried other;
    ListenAddress rules = rules_for(Transport::tls);
    rules.tls = server;
    const Address bound = other.driver.listen(other.service, rules).value();
    other.driver.attach(other.client, Target(Address{name, bound.port}, Transport::tls, options));
    EXPECT_TRUE(other.opens()) << name << other.detail;
  }
}

TEST_F(Tls, another_authority_is_not_believed) {
  RecordProperty("req", "C-03");
  const Authority other("another");
  options->trust = other.trust();
  fails_with("certificate verify failed: unable to get local issuer certificate");
}

TEST_F(Tls, the_system_does_not_believe_a_test_authority) {
  options->trust = {};
  fails_with("certificate verify failed: unable to get local issuer certificate");
}

TEST_F(Tls, a_certificate_that_vouches_for_itself_is_not_believed) {
  server->identity = self_signed();
  fails_with("certificate verify failed: self-signed certificate");
}

TEST_F(Tls, one_that_vouches_for_itself_is_believed_when_it_is_the_authority) {
  server->identity = self_signed();
  options->trust = {};
  options->trust.ca_pem = server->identity.certificate_pem;
  host = "localhost";
  carry_tls();
  EXPECT_TRUE(opens()) << detail;
}

TEST_F(Tls, another_address_is_refused) {
  RecordProperty("req", "C-03");
  server = server_tls({.names = {"localhost", "192.0.2.1"}});
  fails_with("certificate verify failed: IP address mismatch");
}

TEST_F(Tls, another_name_is_refused) {
  RecordProperty("req", "C-03");
  server = server_tls({.common_name = "other.example", .names = {"other.example"}});
  host = "localhost";
  fails_with("certificate verify failed: hostname mismatch");
}

TEST_F(Tls, the_name_to_compare_with_may_be_given) {
  server = server_tls({.common_name = "other.example", .names = {"other.example"}});
  options->server_name = "other.example";
  carry_tls();
  EXPECT_TRUE(opens()) << detail;
}

TEST_F(Tls, an_expired_certificate_is_refused) {
  RecordProperty("req", "X-37");
  server = server_tls({.valid_from = -2h, .valid_until = -1h});
  fails_with("certificate verify failed: certificate has expired");
}

TEST_F(Tls, a_certificate_of_tomorrow_is_refused) {
  server = server_tls({.valid_from = 1h});
  fails_with("certificate verify failed: certificate is not yet valid");
}

TEST_F(Tls, a_revoked_certificate_is_refused) {
  RecordProperty("req", "X-24");
  const TemporaryDirectory directory;
  options->trust.crl_file = directory.write("list.pem", authority().revoke(server->identity));
  fails_with("certificate verify failed: certificate revoked");
}

TEST_F(Tls, without_verification_anything_is_good_enough) {
  server->identity = self_signed({.common_name = "x", .valid_until = -1min});
  options->verify = false;
  carry_tls();
  EXPECT_TRUE(opens()) << detail;
}

TEST_F(Tls, a_certificate_that_was_good_does_not_vouch_for_the_next) {
  auto far = std::make_unique<NetDriver>();
  ListenAddress rules = rules_for(Transport::tls);
  rules.tls = server;
  rules.address = far->listen(service, rules).value();
  const auto opens_or_closes = [&](size_t times) {
    return run_until_true(driver, [&] {
      far->run_until(far->now());
      return client.openings.size() + client.closes.size() >= times;
    });
  };
  waker = &driver.attach(client, Target(rules.address, Transport::tls, options));
  ASSERT_TRUE(opens_or_closes(1));
  ASSERT_EQ(client.openings.size(), 1u) << detail;

  far = std::make_unique<NetDriver>();  // the same port, another certificate
  rules.tls = server_tls({.names = {"192.0.2.1"}});
  ASSERT_TRUE(far->listen(service, rules));
  ASSERT_TRUE(opens_or_closes(2));
  client.wanted = StreamWish::open;
  waker->wake();
  ASSERT_TRUE(opens_or_closes(3));
  EXPECT_EQ(client.closes.at(1), CloseReason::tls_failed);
  EXPECT_EQ(detail, "certificate verify failed: IP address mismatch");
}

TEST_F(Tls, a_client_certificate_gives_its_common_name) {
  RecordProperty("req", "X-24");
  server->client_certificate = ClientCertificate::required;
  server->trust = authority().trust();
  options->identity = authority().issue({.common_name = "gate sensor 7", .names = {}, .is_server = false});
  carry_tls(Transport::wss);
  ASSERT_TRUE(opens()) << detail;
  ASSERT_TRUE(arrives());
  EXPECT_EQ(service.arrivals[0].certificate_name, "gate sensor 7");
  EXPECT_EQ(service.arrivals[0].transport, Transport::wss);
}

TEST_F(Tls, a_missing_client_certificate_is_refused_and_the_client_is_told) {
  RecordProperty("req", "C-03");
  server->client_certificate = ClientCertificate::required;
  server->trust = authority().trust();
  carry_tls();
  ASSERT_TRUE(closes());
  EXPECT_EQ(client.closes, Reasons{CloseReason::tls_failed});
  EXPECT_EQ(detail, "alert from peer: certificate required");
  EXPECT_TRUE(run_until_true(driver, [&] { return driver.stats().handshakes_refused == 1; }));
  EXPECT_TRUE(service.endpoints.empty());
}

TEST_F(Tls, a_client_certificate_of_another_authority_is_refused) {
  const Authority other("another");
  server->client_certificate = ClientCertificate::requested;
  server->trust = authority().trust();
  options->identity = other.issue({.is_server = false});
  carry_tls();
  ASSERT_TRUE(closes());
  EXPECT_EQ(detail, "alert from peer: unknown CA");
  EXPECT_TRUE(service.endpoints.empty());
}

TEST_F(Tls, a_requested_client_certificate_may_be_missing) {
  server->client_certificate = ClientCertificate::requested;
  server->trust = authority().trust();
  carry_tls();
  ASSERT_TRUE(opens()) << detail;
  ASSERT_TRUE(arrives());
  EXPECT_EQ(service.arrivals[0].certificate_name, "");
}

TEST_F(Tls, a_key_behind_a_password_is_used) {
  server->client_certificate = ClientCertificate::required;
  server->trust = authority().trust();
  options->identity = authority().issue({.is_server = false});
  options->identity.key_pem = encrypted(options->identity.key_pem, "sesame");
  options->identity.key_password = "sesame";
  carry_tls();
  EXPECT_TRUE(opens()) << detail;
}

TEST_F(Tls, options_that_do_not_work_fail_every_opening_with_their_error) {
  options->trust = {};
  options->trust.ca_files = {"/nonexistent/ca.pem"};
  carry_tls();
  ASSERT_TRUE(closes());
  EXPECT_EQ(client.closes, Reasons{CloseReason::tls_failed});
  EXPECT_EQ(detail, "cannot read CA file /nonexistent/ca.pem: No such file or directory");
}

TEST_F(Tls, sessions_are_resumed_when_asked_for) {
  for (const bool resume : {true, false}) {
    Carried other;
    auto asked = client_tls();
    asked->resume = resume;
    ListenAddress rules = rules_for(Transport::tls);
    Target target = target_for(Transport::tls, {});
    target.tls = asked;
    other.client.when_bytes = [&](ByteView) { other.client.wanted = StreamWish::close; };
    other.client.when_closed = [&] {
      if (other.client.closes.size() < 3) other.client.wanted = StreamWish::open;
    };
    other.client.when_open = [&] { other.client.say("x"); };
    other.carry(rules, target);
    ASSERT_TRUE(run_until_true(other.driver, [&] { return other.client.closes.size() == 3; }));
    EXPECT_EQ(other.driver.stats().tls_handshakes, 6u);
    EXPECT_EQ(other.driver.stats().tls_resumed, resume ? 4u : 0u) << "the second and the third, on both sides";
  }
}

TEST_F(Tls, a_server_without_tickets_resumes_nothing) {
  server->session_tickets = 0;
  options->resume = true;
  client.when_bytes = [&](ByteView) { client.wanted = StreamWish::close; };
  client.when_closed = [&] {
    if (client.closes.size() < 2) client.wanted = StreamWish::open;
  };
  client.when_open = [&] { client.say("x"); };
  carry_tls();
  ASSERT_TRUE(run_until_true(driver, [&] { return client.closes.size() == 2; }));
  EXPECT_EQ(driver.stats().tls_resumed, 0u);
}

TEST_F(Tls, secrets_are_logged_for_who_wants_to_read_the_wire) {
  const TemporaryDirectory directory;
  options->key_log_file = directory.path("keys");
  carry_tls();
  ASSERT_TRUE(opens());
  std::ifstream in(options->key_log_file);
  const std::string log(std::istreambuf_iterator<char>(in), {});
  EXPECT_NE(log.find("CLIENT_TRAFFIC_SECRET_0 "), std::string::npos) << log;
}

TEST_F(Tls, alpn_must_meet) {
  server->alpn = {"mqtt", "x-other"};
  options->alpn = {"x-mine", "mqtt"};
  carry_tls();
  EXPECT_TRUE(opens()) << detail;

  Carried stranger;
  ListenAddress rules = rules_for(Transport::tls);
  rules.tls = server;
  Target target = target_for(Transport::tls, {});
  auto other = client_tls();
  other->alpn = {"h2"};
  target.tls = other;
  stranger.carry(rules, target);
  ASSERT_TRUE(stranger.closes());
  EXPECT_EQ(stranger.detail, "TLS handshake: alert from peer: no application protocol");
}

TEST_F(Tls, versions_and_ciphers_can_be_narrowed_on_either_side) {
  server->min_version = TlsVersion::tls1_3;
  options->min_version = TlsVersion::tls1_3;
  options->ciphersuites = "TLS_CHACHA20_POLY1305_SHA256";
  carry_tls();
  ASSERT_TRUE(opens()) << detail;

  Carried narrow;
  ListenAddress rules = rules_for(Transport::tls);
  auto other = server_tls();
  other->ciphersuites = "TLS_AES_128_GCM_SHA256";
  rules.tls = other;
  Target target = target_for(Transport::tls, {});
  target.tls = options;
  narrow.carry(rules, target);
  ASSERT_TRUE(narrow.closes());
  EXPECT_EQ(narrow.detail, "TLS handshake: alert from peer: handshake failure");
}

struct Arriving : ::testing::Test {
  RecordingService service;
  NetDriver driver;
  ListenAddress rules = rules_for(Transport::tls);

  RawSocket arrive() { return RawSocket::connected_to(driver.listen(service, rules).value().port); }
  bool refuses() {
    return run_until_true(driver, [&] { return driver.stats().handshakes_refused == 1; });
  }
};

TEST_F(Arriving, tls_1_2_and_1_3_are_spoken_and_1_1_is_not) {
  RecordProperty("req", "X-24");
  for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawSocket socket = arrive();
    RawTls peer(socket, driver, version);
    EXPECT_EQ(peer.shakes_hands(), version != TLS1_1_VERSION) << version << peer.problem();
    EXPECT_EQ(peer.problem(), version == TLS1_1_VERSION ? "tlsv1 alert protocol version" : "");
  }
}

TEST_F(Arriving, renegotiation_is_refused) {
  RawSocket socket = arrive();
  RawTls peer(socket, driver, TLS1_2_VERSION);
  ASSERT_TRUE(peer.shakes_hands()) << peer.problem();
  ASSERT_TRUE(peer.sends("before"));
  EXPECT_EQ(peer.receives(6), "before");
  ASSERT_EQ(SSL_renegotiate(peer.tls()), 1);
  EXPECT_FALSE(peer.shakes_hands());
  EXPECT_EQ(peer.problem(), "no renegotiation");
}

TEST_F(Arriving, what_is_not_tls_is_closed_at_once) {
  RecordProperty("req", "W24");
  const std::string others[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                std::string("\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", 14),
                                std::string(5000, '\xff'), std::string("\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", 10)};
  for (const std::string& other : others) {
    NetDriver fresh;
    RawSocket socket = RawSocket::connected_to(fresh.listen(service, rules).value().port);
    socket.send(other);
    ASSERT_TRUE(run_until_true(fresh, [&] { return fresh.stats().handshakes_refused == 1; }));
    EXPECT_TRUE(service.endpoints.empty());
    ASSERT_EQ(fresh.stats().failures.size(), 1u);
    EXPECT_EQ(fresh.stats().failures[0].reason, CloseReason::tls_failed);
  }
}

TEST_F(Arriving, who_says_nothing_is_closed_when_its_time_is_over) {
  rules.handshake_limit = 20ms;
  RawSocket silent = arrive();
  ASSERT_TRUE(refuses());
  EXPECT_EQ(silent.ending(), 0);
  EXPECT_EQ(driver.stats().failures[0].reason, CloseReason::timed_out);
}

TEST_F(Arriving, who_leaves_during_the_handshake_is_counted) {
  RawSocket socket = arrive();
  socket.send(std::string("\x16\x03\x01\x02", 4));
  driver.run_until(driver.now() + 2ms);
  socket.close();
  ASSERT_TRUE(refuses());
  EXPECT_EQ(driver.stats().failures[0].text, "TLS handshake: the peer ended the stream");
}

TEST(TlsClient, a_server_that_does_not_speak_tls_is_named) {
  struct Answer {
    const char* text;
    const char* detail;
  };
  for (const Answer& row : {Answer{"HTTP/1.1 400 Bad Request\r\n\r\n", "TLS handshake: the peer does not speak TLS"},
                            Answer{"", "TLS handshake: the peer ended the stream"}}) {
    RecordingEndpoint client{StreamWish::open};
    std::string detail;
    NetDriver driver;
    client.when_closed = [&] { detail = driver.close_detail(); };
    RawSocket listener = RawSocket::listening(1);
    driver.attach(client, Target(Address{"127.0.0.1", listener.port()}, Transport::tls, client_tls()));
    driver.run_until(driver.now() + 5ms);
    RawSocket peer = listener.accept();
    peer.send(row.text);
    peer.end_output();
    ASSERT_TRUE(run_until_true(driver, [&] { return !client.closes.empty(); }));
    EXPECT_EQ(client.closes, Reasons{CloseReason::tls_failed});
    EXPECT_EQ(detail, row.detail);
  }
}

TEST(TlsClient, a_server_that_says_nothing_is_given_up) {
  RecordingEndpoint client{StreamWish::open};
  NetOptions options;
  options.handshake_limit = 20ms;
  NetDriver driver(options);
  const RawSocket listener = RawSocket::listening(1);
  driver.attach(client, Target(Address{"127.0.0.1", listener.port()}, Transport::tls, client_tls()));
  ASSERT_TRUE(run_until_true(driver, [&] { return !client.closes.empty(); }));
  EXPECT_EQ(client.closes, Reasons{CloseReason::timed_out});
}

TEST(TlsClient, handshakes_count_as_connects_in_progress) {
  std::deque<RecordingEndpoint> clients;
  NetOptions options;
  options.connects_in_progress_limit = 3;
  NetDriver driver(options);
  const RawSocket listener = RawSocket::listening(20);
  const auto tls = client_tls();
  for (int i = 0; i < 10; ++i) {
    driver.attach(clients.emplace_back(StreamWish::open),
                  Target(Address{"127.0.0.1", listener.port()}, Transport::tls, tls));
  }
  driver.run_until(driver.now() + 20ms);
  EXPECT_EQ(driver.stats().connects_started, 3u);
}

}  // namespace
}  // namespace mqtt_sim::net
