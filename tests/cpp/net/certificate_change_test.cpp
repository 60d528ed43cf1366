// Certificates whose files change while a driver listens: read again all together, and used for streams to come.
#include <gtest/gtest.h>

#include "core/net/driver.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

struct CertificateChange : ::testing::Test {
  TemporaryDirectory directory;
  Authority first{"first"};
  Authority second{"second"};
  RecordingService service;
  std::vector<std::unique_ptr<RecordingEndpoint>> clients;
  NetDriver driver;

  void write(const TlsIdentity& identity, const std::string& name = "server") const {
    directory.write(name + ".pem", identity.certificate_pem);
    directory.write(name + "-key.pem", identity.key_pem);
  }
  Address listen(const std::string& name = "server", const std::function<void(TlsServerOptions&)>& change = {}) {
    auto tls = std::make_shared<TlsServerOptions>();
    tls->identity.certificate_file = directory.path(name + ".pem");
    tls->identity.key_file = directory.path(name + "-key.pem");
    if (change) change(*tls);
    ListenAddress rules(Address{"127.0.0.1", 0});
    rules.tls = tls;
    return driver.listen(service, rules).value();
  }
  RecordingEndpoint& dial(const Address& at, const Authority& trusted, const TlsIdentity& own = {}) {
    auto options = std::make_shared<TlsClientOptions>();
    options->trust = trusted.trust();
    options->identity = own;
    RecordingEndpoint& client = *clients.emplace_back(std::make_unique<RecordingEndpoint>(StreamWish::open));
    driver.attach(client, Target(at, Transport::tls, options));
    return client;
  }
  // A byte that comes back: with TLS 1.3 the server's opinion of a client's certificate is known only then.
  bool is_answered(RecordingEndpoint& client) {
    client.received.clear();
    client.say("x");
    if (client.waker) client.waker->wake();
    run_until_true(driver, [&] { return !client.received.empty() || !client.closes.empty(); });
    return client.received == "x";
  }
  bool trusts(const Address& at, const Authority& authority, const TlsIdentity& own = {}) {
    return is_answered(dial(at, authority, own));
  }
};

TEST_F(CertificateChange, streams_to_come_get_the_new_one_and_those_that_are_here_go_on) {
  RecordProperty("req", "X-23");
  write(first.issue());
  const Address at = listen();
  RecordingEndpoint& early = dial(at, first);
  ASSERT_TRUE(is_answered(early));
  write(second.issue());
  EXPECT_TRUE(trusts(at, first)) << "nothing has been read yet";
  const auto use = driver.read_certificates();
  ASSERT_TRUE(use) << use.error().text;
  EXPECT_TRUE(trusts(at, first)) << "nor used";
  (*use)();
  EXPECT_TRUE(trusts(at, second));
  EXPECT_FALSE(trusts(at, first));
  EXPECT_TRUE(is_answered(early));
}

TEST_F(CertificateChange, one_that_is_broken_leaves_all_as_they_were) {
  RecordProperty("req", "X-23");
  write(first.issue());
  write(first.issue(), "other");
  const Address at = listen();
  const Address other = listen("other");
  write(second.issue());
  directory.write("other-key.pem", "nonsense");
  const auto use = driver.read_certificates();
  ASSERT_FALSE(use);
  EXPECT_EQ(use.error().text, "private key " + directory.path("other-key.pem") + ": not a private key in PEM form");
  EXPECT_TRUE(trusts(at, first));
  EXPECT_TRUE(trusts(other, first));
}

TEST_F(CertificateChange, whom_to_believe_is_read_again_as_well) {
  write(first.issue());
  directory.write("ca.pem", first.pem());
  const Address at = listen("server", [&](TlsServerOptions& tls) {
    tls.client_certificate = ClientCertificate::required;
    tls.trust.ca_files = {directory.path("ca.pem")};
    tls.alpn = {"mqtt"};
    tls.key_log_file = directory.path("keys");
  });
  const TlsIdentity old_client = first.issue({.is_server = false});
  const TlsIdentity new_client = second.issue({.is_server = false});
  EXPECT_TRUE(trusts(at, first, old_client));
  EXPECT_FALSE(trusts(at, first, new_client));
  directory.write("ca.pem", second.pem());
  for (int time = 0; time < 3; ++time) (*driver.read_certificates())();
  EXPECT_FALSE(trusts(at, first, old_client));
  EXPECT_TRUE(trusts(at, first, new_client));
}

TEST_F(CertificateChange, what_no_file_holds_stays_and_its_sessions_can_be_resumed) {
  ListenAddress rules = rules_for(Transport::tls);
  auto options = client_tls();
  options->resume = true;
  RecordingEndpoint client{StreamWish::open};
  client.when_bytes = [&](ByteView) { client.wanted = StreamWish::close; };
  client.when_closed = [&] {
    (*driver.read_certificates())();
    if (client.closes.size() < 2) client.wanted = StreamWish::open;
  };
  client.when_open = [&] { client.say("x"); };
  Waker& waker = driver.attach(client, Target(driver.listen(service, rules).value(), Transport::tls, options));
  EXPECT_TRUE(run_until_true(driver, [&] { return client.closes.size() == 2; }));
  EXPECT_EQ(driver.stats().tls_resumed, 2u) << "on both sides";
  driver.detach(waker);
}

}  // namespace
}  // namespace mqtt_sim::net
