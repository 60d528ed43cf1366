// The hosted broker's ways in, each reached by real clients over loopback, and closed to everybody else.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/engine/broker_host.hpp"
#include "core/net/certificates.hpp"
#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::engine {
namespace {

using namespace std::string_literals;
using net::RawSocket;
using net::RecordingEndpoint;
using nlohmann::json;

constexpr Transport kTransports[] = {Transport::tcp, Transport::tls, Transport::ws, Transport::wss};

std::string field(const std::string& text) { return std::string{'\0', static_cast<char>(text.size())} + text; }

// CONNECT of 3.1.1 with an empty client identifier.
std::string connect_packet(const std::string& user = "", const std::string& password = "") {
  const char flags = static_cast<char>(user.empty() ? 0x02 : 0xC2);
  std::string body = "\0\4MQTT\4"s + flags + "\0\0"s + field("");
  if (!user.empty()) body += field(user) + field(password);
  return "\x10"s + static_cast<char>(body.size()) + body;
}

const std::string kWelcome = "\x20\2\0\0"s;

// What a client gets for its packets, as many bytes as expected; or why its stream ended.
std::string answer(const Target& target, const std::string& packets, size_t size = 4) {
  RecordingEndpoint client{StreamWish::open};
  std::string detail;
  net::NetDriver driver;
  client.when_open = [&] { client.say(packets); };
  client.when_closed = [&] { detail = "closed: " + std::string(driver.close_detail()); };
  driver.attach(client, target);
  EXPECT_TRUE(net::run_until_true(driver, [&] { return client.received.size() >= size || !client.closes.empty(); }));
  return client.received.empty() ? detail : client.received;
}

class Hosted {
 public:
  explicit Hosted(const std::string& document) {
    auto config = parse_broker_config(document);
    EXPECT_TRUE(config) << (config ? "" : config.error().path + ": " + config.error().message);
    if (!config) return;
    host_ = std::make_unique<BrokerHost>(*config);
    EXPECT_FALSE(host_->reload());
    auto started = host_->start();
    EXPECT_TRUE(started) << (started ? "" : started.error().text);
    if (started) bound_ = *started;
    trust_ = std::make_shared<TlsClientOptions>();
    trust_->trust.ca_pem = host_->ca_pem();
  }

  BrokerHost& host() { return *host_; }
  const Address& at(size_t listener) const { return bound_.at(listener); }
  size_t size() const { return bound_.size(); }
  Target to(size_t listener, Transport transport) const {
    return Target(at(listener), transport, has_tls(transport) ? trust_ : nullptr);
  }
  bool welcomes(size_t listener, Transport transport) const {
    return answer(to(listener, transport), connect_packet()) == kWelcome;
  }

 private:
  std::unique_ptr<BrokerHost> host_;
  std::vector<Address> bound_;
  std::shared_ptr<TlsClientOptions> trust_;
};

struct Directory {
  Directory() : path(std::filesystem::temp_directory_path() / ("listeners-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string write(const char* name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
  const std::filesystem::path path;
};

TEST(BrokerListeners, AreOnePortForEveryTransportUnlessTold) {
  RecordProperty("req", "M-28");
  Hosted broker("{}");
  for (const Transport transport : kTransports) EXPECT_TRUE(broker.welcomes(0, transport)) << to_string(transport);
  EXPECT_EQ(broker.host().stats().clients_total, 4u);
  EXPECT_EQ(broker.host().stats().handshakes_failed, 0u);
}

TEST(BrokerListeners, ShowACertificateThatOnlyTheirOwnAuthorityVouchesFor) {
  Hosted broker("{}");
  EXPECT_NE(broker.host().ca_pem().find("BEGIN CERTIFICATE"), std::string::npos);
  auto stranger = std::make_shared<TlsClientOptions>();
  stranger->trust.ca_pem = net::CertificateAuthority::make("stranger").own().certificate_pem;
  const std::string refused = answer(Target(broker.at(0), Transport::tls, stranger), connect_packet());
  EXPECT_NE(refused.find("certificate"), std::string::npos) << refused;
  for (int i = 0; i < 100 && broker.host().stats().handshakes_failed == 0; ++i) ::usleep(10'000);
  EXPECT_EQ(broker.host().stats().handshakes_failed, 1u);
}

TEST(BrokerListeners, AreNamedInTheCertificateByTheirHosts) {
  Hosted broker(R"({"listeners": [{"tls": "auto"}, {"tls": "auto", "host": "127.0.0.7"}]})");
  EXPECT_TRUE(broker.welcomes(0, Transport::tls));
  EXPECT_TRUE(broker.welcomes(1, Transport::tls));
}

TEST(BrokerListeners, HaveNoAuthorityWithoutACertificateToMake) {
  EXPECT_EQ(Hosted(R"({"tls": "off"})").host().ca_pem(), "");
  EXPECT_EQ(Hosted(R"({"listeners": [{}]})").host().ca_pem(), "");
}

TEST(BrokerListeners, OfAListTakeWhatTheySayAndNothingElse) {
  RecordProperty("req", "M-04");
  // A server that waits for the rest of a TLS record or a request head gives up after this.
  Hosted broker(R"({"connect_timeout_ns": 300000000, "listeners": [
    {},
    {"tls": "auto"},
    {"protocols": ["websocket"]},
    {"protocols": ["websocket"], "tls": "auto"},
    {"protocols": ["mqtt", "websocket"], "tls": "auto", "plain_beside_tls": true}]})");
  const std::vector<std::set<Transport>> taken = {{Transport::tcp},
                                                  {Transport::tls},
                                                  {Transport::ws},
                                                  {Transport::wss},
                                                  {std::begin(kTransports), std::end(kTransports)}};
  ASSERT_EQ(broker.size(), taken.size());
  std::set<uint16_t> ports;
  for (size_t i = 0; i < taken.size(); ++i) {
    ports.insert(broker.at(i).port);
    for (const Transport transport : kTransports) {
      EXPECT_EQ(broker.welcomes(i, transport), taken[i].contains(transport)) << i << " " << to_string(transport);
    }
  }
  EXPECT_EQ(ports.size(), taken.size()) << "each has a port of its own";
}

TEST(BrokerListeners, OfPlainMqttCloseAtTheFirstBytesOfAnythingElse) {
  Hosted broker(R"({"listeners": [{}]})");
  for (const std::string& bytes : {"GET / HTTP/1.1\r\n\r\n"s, "\x16\3\1\2\0"s, "garbage"s, "\0"s}) {
    RawSocket socket = RawSocket::connected_to(broker.at(0).port);
    socket.send(bytes);
    EXPECT_EQ(socket.ending(), 0) << bytes;
  }
}

TEST(BrokerListeners, CloseAtGarbageAlsoWhereTheyTakeEverything) {
  Hosted broker("{}");
  for (const std::string& bytes : {"\x16\3\1\0\5hello"s, "\x30\2\0\0"s, "\0"s, "\xFF\xFF"s}) {
    RawSocket socket = RawSocket::connected_to(broker.at(0).port);
    socket.send(bytes);
    for (int i = 0; i < 500 && !socket.has_ended(); ++i) {
      socket.receive_some(100);  // an alert, or an answer in HTTP
      ::usleep(10'000);
    }
    EXPECT_TRUE(socket.has_ended()) << bytes;
  }
  EXPECT_TRUE(broker.welcomes(0, Transport::tcp));
}

TEST(BrokerListeners, WaitForTheFirstByteAsLongAsForConnect) {
  Hosted broker(R"({"connect_timeout_ns": 200000000})");
  RawSocket silent = RawSocket::connected_to(broker.at(0).port);
  EXPECT_EQ(silent.ending(), 0);
  EXPECT_EQ(broker.host().stats().handshakes_failed, 1u);
}

TEST(BrokerListeners, HaveNoMoreStreamsWithoutAByteThanTheBrokerAllows) {
  RecordProperty("req", "X-13");
  Hosted broker(R"({"max_half_open": 2})");
  RawSocket first = RawSocket::connected_to(broker.at(0).port);
  RawSocket second = RawSocket::connected_to(broker.at(0).port);
  RawSocket third = RawSocket::connected_to(broker.at(0).port);
  EXPECT_EQ(third.ending(), 0);
  first.close();
  for (int i = 0; i < 100 && broker.host().stats().handshakes_failed < 2; ++i) ::usleep(10'000);
  EXPECT_TRUE(broker.welcomes(0, Transport::tcp));
}

// --- client certificates

TEST(BrokerListeners, TakeTheUserNameFromTheCertificate) {
  RecordProperty("req", "X-24");
  const auto authority = net::CertificateAuthority::make("authority");
  const auto server = authority.issue({.common_name = "localhost", .names = {"127.0.0.1"}});
  const Directory directory;
  const json listener = {{"certificate_name_as_user", true},
                         {"tls",
                          {{"certificate_pem", server->certificate_pem},
                           {"key_pem", server->key_pem},
                           {"client_certificate", "required"},
                           {"ca_pem", authority.own().certificate_pem}}}};
  json document = json::parse(R"({"credentials": {"luke": "force"}, "listeners": []})");
  document["listeners"].push_back(listener);
  document["acl_file"] = directory.write("acl", "pattern readwrite devices/%u/#\n");
  Hosted broker(document.dump());
  const auto target_of = [&](const std::string& name) {
    auto options = std::make_shared<TlsClientOptions>();
    options->trust.ca_pem = authority.own().certificate_pem;
    if (!name.empty()) {
      const auto pair = authority.issue({.common_name = name, .is_server = false});
      options->identity.certificate_pem = pair->certificate_pem;
      options->identity.key_pem = pair->key_pem;
    }
    return Target(broker.at(0), Transport::tls, std::move(options));
  };
  const std::string filters = field("devices/anna/x") + "\0"s + field("devices/bob/x") + "\0"s;
  const std::string subscribe = "\x82"s + static_cast<char>(filters.size() + 2) + "\0\1"s + filters;
  const std::string granted_to_anna = kWelcome + "\x90\4\0\1\0\x80"s;
  EXPECT_EQ(answer(target_of("anna"), connect_packet() + subscribe, 10), granted_to_anna);
  EXPECT_EQ(answer(target_of("anna"), connect_packet("bob", "lies") + subscribe, 10), granted_to_anna);
  EXPECT_EQ(answer(target_of("bob"), connect_packet() + subscribe, 10), kWelcome + "\x90\4\0\1\x80\0"s);
  EXPECT_EQ(answer(target_of(""), connect_packet("luke", "force")).rfind("closed", 0), 0u) << "it shows no certificate";
}

TEST(BrokerListeners, UseCertificatesThatWereRenewed) {
  RecordProperty("req", "X-23");
  const auto old_authority = net::CertificateAuthority::make("old");
  const auto new_authority = net::CertificateAuthority::make("new");
  const Directory directory;
  const auto write = [&](const net::CertificateAuthority& authority) {
    const auto pair = authority.issue({.common_name = "localhost", .names = {"127.0.0.1"}});
    directory.write("key.pem", pair->key_pem);
    return directory.write("server.pem", pair->certificate_pem);
  };
  const std::string certificate = write(old_authority);
  const json tls = {{"certificate", certificate}, {"key", (directory.path / "key.pem").string()}};
  Hosted broker(json{{"tls", tls}}.dump());
  const auto is_believed_by = [&](const net::CertificateAuthority& authority) {
    auto options = std::make_shared<TlsClientOptions>();
    options->trust.ca_pem = authority.own().certificate_pem;
    return answer(Target(broker.at(0), Transport::tls, options), connect_packet()) == kWelcome;
  };
  EXPECT_TRUE(is_believed_by(old_authority));
  directory.write("server.pem", "half a");
  const auto error = broker.host().reload();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text, "certificate " + certificate + ": holds no certificate in PEM form");
  EXPECT_TRUE(is_believed_by(old_authority));
  write(new_authority);
  EXPECT_FALSE(broker.host().reload());
  EXPECT_TRUE(is_believed_by(new_authority));
  EXPECT_FALSE(is_believed_by(old_authority));
}

// --- PROXY

struct ProxyCase {
  const char* name;
  const char* trusted;
  std::string first_bytes;
  bool is_welcome;
};

class ProxyHeader : public testing::TestWithParam<ProxyCase> {};

TEST_P(ProxyHeader, IsExpectedOfTrustedProxiesAndOfThemOnly) {
  Hosted broker(R"({"listeners": [{"proxy_protocol": true, "trusted_proxies": [")" + std::string(GetParam().trusted) +
                R"("]}]})");
  const std::string got = answer(Target(broker.at(0)), GetParam().first_bytes + connect_packet());
  EXPECT_EQ(got == kWelcome, GetParam().is_welcome) << got;
}

const std::string kText = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 1883\r\n";
const std::string kBinary = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\2\1\xC0\0\2\2\xDC\4\7\x5B"s;

INSTANTIATE_TEST_SUITE_P(Peers, ProxyHeader,
                         testing::Values(ProxyCase{"Trusted1", "127.0.0.0/8", kText, true},
                                         ProxyCase{"Trusted2", "127.0.0.1", kBinary, true},
                                         ProxyCase{"TrustedWithout", "127.0.0.1", "", false},
                                         ProxyCase{"Untrusted1", "192.0.2.0/24", kText, false},
                                         ProxyCase{"Untrusted2", "192.0.2.0/24", kBinary, false},
                                         ProxyCase{"UntrustedWithout", "192.0.2.0/24", "", true}),
                         [](const auto& one) { return one.param.name; });

TEST(BrokerListeners, TakeThePROXYHeaderBeforeEverythingElse) {
  Hosted broker(R"({"proxy_protocol": true, "trusted_proxies": ["127.0.0.1"]})");
  RawSocket socket = RawSocket::connected_to(broker.at(0).port);
  socket.send(kText + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  std::string got;
  while (got.size() < 12 && !socket.has_ended()) got += socket.receive_some(12 - got.size());
  EXPECT_EQ(got.substr(0, 8), "HTTP/1.1");
}

// --- Unix sockets

TEST(BrokerListeners, MayBeUnixSockets) {
  const Directory directory;
  const std::string path = (directory.path / "mqtt.sock").string();
  {
    Hosted broker(R"({"listeners": [{"unix": ")" + path + R"("}, {}]})");
    EXPECT_EQ(broker.at(0).unix_path, path);
    EXPECT_TRUE(broker.welcomes(0, Transport::tcp));
    EXPECT_TRUE(broker.welcomes(1, Transport::tcp));
    EXPECT_TRUE(std::filesystem::is_socket(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "it goes with the broker";
}

TEST(BrokerListeners, TakeEverythingOnAUnixSocketToo) {
  const Directory directory;
  Hosted broker(R"({"unix": ")" + (directory.path / "mqtt.sock").string() + R"("})");
  EXPECT_TRUE(broker.welcomes(0, Transport::tcp));
  EXPECT_TRUE(broker.welcomes(0, Transport::ws));
}

std::string start_error(const std::string& unix_path) {
  const auto config = parse_broker_config(R"({"listeners": [{"unix": ")" + unix_path + R"("}]})");
  BrokerHost host(*config);
  const auto started = host.start();
  return started ? "" : started.error().text;
}

TEST(BrokerListeners, DoNotReplaceAFileThatIsNoSocket) {
  const Directory directory;
  const std::string file = directory.write("precious", "text");
  EXPECT_EQ(start_error(file), "cannot listen on " + file + ": a file that is no socket is there already");
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
  const std::string nowhere = (directory.path / "nowhere/mqtt.sock").string();
  EXPECT_EQ(start_error(nowhere), "cannot listen on " + nowhere + ": no such file or directory");
}

TEST(BrokerListeners, ReplaceASocketThatNobodyServes) {
  const Directory directory;
  const std::string path = (directory.path / "left").string();
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(left);
  Hosted broker(R"({"listeners": [{"unix": ")" + path + R"("}]})");
  EXPECT_TRUE(broker.welcomes(0, Transport::tcp));
  EXPECT_EQ(start_error(path), "cannot listen on " + path + ": address already in use") << "while it is served";
}

}  // namespace
}  // namespace mqtt_sim::engine
