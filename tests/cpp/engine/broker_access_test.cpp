// Users and access rights from files and options, and their change while the broker runs.
#include "core/engine/broker_access.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/engine/broker_host.hpp"

namespace mqtt_sim::engine {
namespace {

// mosquitto_passwd 2.0.11: anna's password is "force", bob's "two words".
constexpr const char* kAnna =
    "anna:$7$101$2mRJQIqxzP08oga3$8w0V4w97aZ2h2p0+aW5uBA0IMmql4o1sAuGKCXoEeiZ0ycMtf1+"
    "mSMCtzL58EFdgAurHGte8CFRZWVJiwum2JQ==\n";
constexpr const char* kBob =
    "bob:$7$101$XAl3ZX3oo8Ry080J$KOdNd8G9pwQRTq3V8Unr/"
    "1pO0EQf9URiJYC19LZQ3YbhRmQSL1aZnf9elB/N9cDdnhRNWxrQ/33bqze0u8WiuA==\n";

class TextFile {
 public:
  explicit TextFile(const std::string& text)
      : path_(testing::TempDir() + "mqtt_sim_access_" + std::to_string(getpid()) + "_" + std::to_string(++made_)) {
    write(text);
  }
  ~TextFile() { std::remove(path_.c_str()); }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary | std::ios::trunc) << text; }
  const std::string& path() const { return path_; }

 private:
  static inline int made_ = 0;
  std::string path_;
};

// A 3.1.1 client of a few packets, on a blocking socket that gives up after two seconds.
class Device {
 public:
  explicit Device(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{2, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Device() { ::close(socket_); }

  // The return code.
  int connect(const std::string& user, const std::string& password) {
    send(0x10, std::string("\x00\x04MQTT\x04\xC2\x00\x3C", 10) + text("d" + std::to_string(++made_)) + text(user) +
                   text(password));
    const std::string answer = receive(4);
    return answer.size() == 4 ? answer[3] : -1;
  }
  // The granted QoS, or 0x80.
  int subscribe(const std::string& filter) {
    send(static_cast<char>(0x82), std::string("\x00\x01", 2) + text(filter) + std::string(1, '\0'));
    const std::string answer = receive(5);
    return answer.size() == 5 ? static_cast<uint8_t>(answer[4]) : -1;
  }

  bool was_disconnected() const {
    char byte = 0;
    return ::recv(socket_, &byte, 1, 0) == 0;
  }

 private:
  static std::string text(const std::string& t) { return {std::string{'\0', static_cast<char>(t.size())} + t}; }
  void send(char first, const std::string& body) const {
    const std::string packet = std::string{first, static_cast<char>(body.size())} + body;
    EXPECT_EQ(::send(socket_, packet.data(), packet.size(), MSG_NOSIGNAL), static_cast<ssize_t>(packet.size()));
  }
  std::string receive(size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = ::recv(socket_, bytes.data(), size, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
  }

  static inline int made_ = 0;  // each has a client identifier of its own
  int socket_;
};

int connect(uint16_t port, const std::string& user, const std::string& password) {
  return Device(port).connect(user, password);
}

TEST(BrokerAccess, IsConfiguredByFileNamesAndCredentials) {
  RecordProperty("req", "X-15");
  const auto config = parse_broker_config(
      R"({"users_file": "/a/users", "acl_file": "/a/acl", "credentials": {"emil": "do", "carla": "marrow"}, "seed": 7})");
  ASSERT_TRUE(config) << config.error().path << config.error().message;
  EXPECT_EQ(config->access.users_file, "/a/users");
  EXPECT_EQ(config->access.acl_file, "/a/acl");
  EXPECT_EQ(config->access.credentials.size(), 2u);
  EXPECT_EQ(config->seed, 7u);
  for (const char* json : {R"({"credentials": []})", R"({"credentials": {"a": 1}})", R"({"acl_file": 1})"}) {
    EXPECT_FALSE(parse_broker_config(json)) << json;
  }
}

TEST(BrokerAccess, SaysWhichFileIsWrongAndWhere) {
  const TextFile bad_users(std::string(kAnna) + "bob:apple\n");
  const TextFile bad_acl("topic read a\ntopic deny\n");
  const auto error_of = [](AccessSources sources) {
    const auto tables = BrokerAccess(std::move(sources), "secret").read();
    return tables ? "" : tables.error().text;
  };
  EXPECT_EQ(error_of({.users_file = bad_users.path()}),
            "users_file " + bad_users.path() +
                ": line 2: user bob: password is neither $7$, $6$ nor SCRAM-SHA-256$; run mosquitto_passwd -U on the "
                "file");
  EXPECT_EQ(error_of({.acl_file = bad_acl.path()}),
            "acl_file " + bad_acl.path() + ": line 2: \"topic deny\": write a topic filter after deny");
  EXPECT_EQ(error_of({.users_file = "/nowhere/at/all"}), "users_file /nowhere/at/all: No such file or directory");
  EXPECT_EQ(error_of({.acl_file = testing::TempDir()}).substr(0, 9), "acl_file ") << "a directory";
  const TextFile users(kAnna);
  EXPECT_EQ(error_of({.users_file = users.path(), .credentials = {{"anna", "x"}}}),
            "credentials: user anna: is there twice; remove one");
}

TEST(BrokerAccess, AHostChangesItWhileItRuns) {
  RecordProperty("req", "X-15");
  const TextFile users(kAnna);
  const TextFile acl("user anna\ntopic read a\n");
  BrokerConfig config;
  config.access = {.users_file = users.path(), .acl_file = acl.path(), .credentials = {{"emil", "do"}}};
  BrokerHost host(config);
  ASSERT_FALSE(host.reload());
  const auto bound = host.start();
  ASSERT_TRUE(bound);
  const uint16_t port = bound->front().port;
  EXPECT_EQ(connect(port, "anna", "force"), 0);
  EXPECT_EQ(connect(port, "emil", "do"), 0);
  EXPECT_EQ(connect(port, "anna", "farce"), 4);
  EXPECT_EQ(connect(port, "bob", "two words"), 4);
  Device anna(port);
  ASSERT_EQ(anna.connect("anna", "force"), 0);
  EXPECT_EQ(anna.subscribe("a"), 0);
  EXPECT_EQ(anna.subscribe("b"), 0x80);
  Device emil(port);
  ASSERT_EQ(emil.connect("emil", "do"), 0);
  EXPECT_EQ(emil.subscribe("b"), 0x80);

  users.write(kBob);
  acl.write("user emil\ntopic read b\n");
  ASSERT_FALSE(host.reload());
  EXPECT_TRUE(anna.was_disconnected()) << "there is no such user any more";
  EXPECT_EQ(connect(port, "anna", "force"), 4);
  EXPECT_EQ(connect(port, "bob", "two words"), 0);
  EXPECT_EQ(emil.subscribe("b"), 0) << "who is connected stays, under the new rules";

  users.write(kAnna);
  acl.write("nonsense\n");
  const auto error = host.reload();
  ASSERT_TRUE(error);
  EXPECT_NE(error->text.find("acl_file"), std::string::npos);
  EXPECT_EQ(connect(port, "bob", "two words"), 0) << "one bad file, and both old ones hold on";
  EXPECT_EQ(connect(port, "anna", "force"), 4);
}

TEST(BrokerAccess, LetsNobodyInBeforeItWasRead) {
  BrokerConfig config;
  config.access.credentials = {{"emil", "do"}};
  BrokerHost host(config);
  const auto bound = host.start();
  ASSERT_TRUE(bound);
  const uint16_t port = bound->front().port;
  EXPECT_EQ(connect(port, "emil", "do"), 4);
}

TEST(BrokerAccess, SecretsAndSeedsAreNotTheSameTwice) {
  EXPECT_EQ(unpredictable_secret().size(), 32u);
  EXPECT_NE(unpredictable_secret(), unpredictable_secret());
  EXPECT_NE(unpredictable_seed(), unpredictable_seed());
}

}  // namespace
}  // namespace mqtt_sim::engine
