// The hosted broker: several ways in, and its end: told to everybody, quick, and without loss.
#include "core/engine/broker_host.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

namespace mqtt_sim::engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

// A blocking socket that gives up after five seconds.
class Client {
 public:
  explicit Client(uint16_t port, const char* host = "127.0.0.1") : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    EXPECT_GE(socket_, 0);
    const timeval patience{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &address.sin_addr);
    is_connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept : socket_(std::exchange(other.socket_, -1)), is_connected_(other.is_connected_) {}
  Client& operator=(Client&&) = delete;
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }

  bool is_connected() const { return is_connected_; }
  void connect(int level, const std::string& id, uint8_t flags = 0x02, const std::string& properties = "") const {
    std::string body =
        std::string("\0\4MQTT", 6) + static_cast<char>(level) + static_cast<char>(flags) + std::string(2, '\0');
    if (level == 5) body += static_cast<char>(properties.size()) + properties;
    send(0x10, body + text(id));
  }
  void send(uint8_t first, const std::string& body) const {
    const std::string packet = std::string{static_cast<char>(first), static_cast<char>(body.size())} + body;
    EXPECT_EQ(::send(socket_, packet.data(), packet.size(), MSG_NOSIGNAL), static_cast<ssize_t>(packet.size()));
  }
  // One packet, its remaining length left out; "" at the end of the stream.
  std::string receive() const {
    std::string head(2, '\0');
    if (::recv(socket_, head.data(), 2, MSG_WAITALL) != 2) return "";
    std::string body(static_cast<uint8_t>(head[1]), '\0');
    if (::recv(socket_, body.data(), body.size(), MSG_WAITALL) != static_cast<ssize_t>(body.size())) return "";
    return head[0] + body;
  }
  uint8_t connack_code() const {
    const std::string packet = receive();
    return packet.size() < 3 || packet[0] != 0x20 ? uint8_t{0xFF} : static_cast<uint8_t>(packet[2]);
  }
  // Since the peer has ended the stream nothing more comes.
  bool is_ended() const {
    char byte = 0;
    return ::recv(socket_, &byte, 1, 0) == 0;
  }
  static std::string text(const std::string& t) { return std::string{'\0', static_cast<char>(t.size())} + t; }

 private:
  int socket_;
  bool is_connected_;
};

BrokerConfig config_of(const std::string& json) {
  auto config = parse_broker_config(json);
  EXPECT_TRUE(config) << json;
  return *config;
}

uint8_t connect(uint16_t port, int level, const char* host = "127.0.0.1") {
  const Client client(port, host);
  if (!client.is_connected()) return 0xFE;
  client.connect(level, "");
  return client.connack_code();
}

TEST(BrokerHost, ListensWhereverItsConfigurationSays) {
  RecordProperty("req", "X-32");
  BrokerHost host(config_of(R"({"listeners": [
    {"protocol_versions": ["3.1.1"]},
    {"protocol_versions": ["5.0"], "allow_anonymous": true},
    {"host": "127.0.0.2", "allow_anonymous": false},
    {"max_connections": 0}]})"));
  const auto bound = host.start();
  ASSERT_TRUE(bound) << bound.error().text;
  ASSERT_EQ(bound->size(), 4u);
  const auto port = [&](size_t i) { return (*bound)[i].port; };
  EXPECT_NE(port(0), port(1));
  EXPECT_EQ((*bound)[2].host, "127.0.0.2");
  EXPECT_EQ(connect(port(0), 4), 0);
  EXPECT_EQ(connect(port(0), 5), 0x84);
  EXPECT_EQ(connect(port(1), 5), 0);
  EXPECT_EQ(connect(port(1), 4), 1);
  EXPECT_EQ(connect(port(2), 4, "127.0.0.2"), 5);
  EXPECT_EQ(connect(port(2), 5, "127.0.0.2"), 0x87);
  EXPECT_EQ(connect(port(3), 5), 0x97);
}

TEST(BrokerHost, ListensNowhereWhenOneAddressIsTaken) {
  BrokerHost first({.seed = 1});
  const auto taken = first.start();
  ASSERT_TRUE(taken);
  const std::string port = std::to_string(taken->front().port);
  BrokerHost second(config_of(R"({"listeners": [{}, {"port": )" + port + "}]}"));
  const auto bound = second.start();
  ASSERT_FALSE(bound);
  EXPECT_NE(bound.error().text.find("127.0.0.1:" + port), std::string::npos) << bound.error().text;
  EXPECT_EQ(second.stats().connections_total, 0u);
}

TEST(BrokerHost, StartsOnce) {
  BrokerHost host({.seed = 1});
  ASSERT_TRUE(host.start());
  EXPECT_FALSE(host.start());
  host.stop();
  EXPECT_FALSE(host.start());
  host.stop();
}

TEST(BrokerHost, FreesItsPortWhenItStops) {
  BrokerHost host({.seed = 1});
  const auto bound = host.start();
  ASSERT_TRUE(bound);
  const uint16_t port = bound->front().port;
  EXPECT_EQ(connect(port, 5), 0);
  host.stop();
  EXPECT_FALSE(Client(port).is_connected());
  EXPECT_EQ(host.stats().clients_total, 1u) << "what was counted stays";
  EXPECT_EQ(host.stats().connections, 0u);
}

// A reader of QoS 1 messages that acknowledges nothing, with a window of one.
void subscribe_slowly(const Client& reader) {
  reader.connect(5, "reader", 0x02,
                 std::string("\x11\0\0\x0E\x10\x21\0\x01", 8));  // expiry one hour, receive maximum 1
  EXPECT_EQ(reader.connack_code(), 0);
  reader.send(0x82, std::string("\0\1\0", 3) + Client::text("t") + "\1");
  EXPECT_EQ(reader.receive()[0], '\x90');
}

TEST(BrokerHost, KeepsSessionsAndTheirMessagesWhenItStops) {
  RecordProperty("req", "X-33");
  BrokerHost host({.seed = 1});
  const auto bound = host.start();
  ASSERT_TRUE(bound);
  const Client reader(bound->front().port);
  subscribe_slowly(reader);
  const Client sender(bound->front().port);
  sender.connect(5, "sender");
  EXPECT_EQ(sender.connack_code(), 0);
  for (char id = 1; id <= 3; ++id) {
    sender.send(0x32, Client::text("t") + std::string{'\0', id, '\0'} + "text");
    EXPECT_EQ(sender.receive()[0], '\x40');
  }
  host.stop();
  EXPECT_EQ(reader.receive()[0], '\x32') << "what was on its way arrives";
  EXPECT_EQ(reader.receive(), "\xE0\x8B") << "then the reason";
  EXPECT_TRUE(reader.is_ended());
  const broker::Stats stats = host.stats();
  EXPECT_EQ(stats.sessions, 1u);
  EXPECT_EQ(stats.clients, 0u);
  EXPECT_EQ(stats.dropped_session_end, 0u);
}

TEST(BrokerHost, WaitsForNobodyWhoDoesNotTakeLeave) {
  BrokerHost host({.seed = 1});
  const auto bound = host.start();
  ASSERT_TRUE(bound);
  const Client silent(bound->front().port);  // connected, and never a word
  const Client deaf(bound->front().port);
  deaf.connect(5, "deaf");
  EXPECT_EQ(deaf.connack_code(), 0);
  for (int i = 0; i < 100 && host.stats().connections < 2; ++i) ::usleep(10'000);
  const auto begin = Clock::now();
  host.stop();
  EXPECT_LT(Clock::now() - begin, seconds(2));
  EXPECT_EQ(host.stats().connections, 0u);
}

class ManyClients : public testing::Test {
 protected:
  static constexpr size_t kClients = 5'000;

  // Two descriptors a client: both ends are ours.
  static bool has_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 3 * kClients);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur >= 2 * kClients + 100;
  }
};

TEST_F(ManyClients, AreAllToldWithinTwoSeconds) {
  RecordProperty("req", "X-33");
  ASSERT_TRUE(has_descriptors()) << "needs ulimit -n of more than 10,100";
  BrokerHost host({.seed = 1});
  const auto bound = host.start();
  ASSERT_TRUE(bound);
  std::vector<Client> clients;
  clients.reserve(kClients);
  for (size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(bound->front().port);
    ASSERT_TRUE(clients.back().is_connected());
    clients.back().connect(i % 2 == 0 ? 5 : 4, "c" + std::to_string(i));
  }
  for (const Client& client : clients) ASSERT_EQ(client.connack_code(), 0);
  EXPECT_EQ(host.stats().clients, kClients);

  const auto begin = Clock::now();
  host.stop();
  const auto took = Clock::now() - begin;
  RecordProperty("stop_ms", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  EXPECT_LT(took, seconds(2));
  for (size_t i = 0; i < kClients; ++i) {
    if (i % 2 == 0) {
      ASSERT_EQ(clients[i].receive(), "\xE0\x8B");  // [MQTT-4.13.2-1]; below 5.0 there is no word for it
    }
    ASSERT_TRUE(clients[i].is_ended()) << i;
  }
}

}  // namespace
}  // namespace mqtt_sim::engine
