// Enhanced authentication: SCRAM-SHA-256 run by the client, other methods run by its owner, and servers that do it
// wrong.
#include <gtest/gtest.h>

#include "core/auth/scram.hpp"
#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using auth::ScramSecret;
using auth::ScramServer;
using protocol::Auth;
using protocol::Connack;
using protocol::Packet;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::QoS;
using protocol::ReasonCode;

constexpr std::string_view kMethod = "SCRAM-SHA-256";

ClientOptions with_method(std::string method) {
  ClientOptions options;
  options.version = ProtocolVersion::v5_0;
  options.authentication = AuthenticationOptions{std::move(method), "ann", "secret", "hello"};
  return options;
}

PropertyWriter properties_of(std::string_view method, std::string_view data) {
  PropertyWriter writer;
  if (!method.empty()) writer.text(PropertyId::authentication_method, method);
  if (!data.empty()) writer.text(PropertyId::authentication_data, data);
  return writer;
}

void send_auth(Transcript& t, ReasonCode reason, std::string_view method, std::string_view data) {
  const PropertyWriter properties = properties_of(method, data);
  t.server(Auth{reason, properties.list()});
}

void send_connack(Transcript& t, std::string_view method, std::string_view data) {
  const PropertyWriter properties = properties_of(method, data);
  t.server(Connack{false, 0, properties.list()});
}

// What the client last put between < and >.
std::string data_in(const Lines& lines) {
  const std::string& line = lines.back();
  return line.substr(line.find('<') + 1, line.rfind('>') - line.find('<') - 1);
}

// A client that has sent its CONNECT, and the server's side of SCRAM up to its last words.
class Scram : public ::testing::Test {
 protected:
  void begin() {
    t.client.connect();
    t.open();
    const std::string hex = t.sent_hex();
    const std::vector<uint8_t> bytes = from_hex(hex);
    const std::string text(bytes.begin(), bytes.end());
    const size_t at = text.find("n,,");
    first = text.substr(at, text.find("c1", at) - at - 2);
  }
  std::string challenge(std::string_view password = "secret") {
    EXPECT_FALSE(server.begin(first).has_value()) << first;
    return server.challenge(ScramSecret::make(password, "salt", 64));
  }
  // The client's answer to a challenge.
  std::string answer(const std::string& challenge) {
    send_auth(t, ReasonCode::continue_authentication, kMethod, challenge);
    const Lines sent = t.sent();
    EXPECT_EQ(sent.size(), 1u);
    EXPECT_TRUE(sent.back().starts_with("AUTH 0x18 SCRAM-SHA-256 <")) << sent.back();
    return data_in(sent);
  }
  void let_in() {
    begin();
    send_connack(t, kMethod, *server.conclude(answer(challenge())));
    ASSERT_EQ(t.client.state(), State::connected);
    t.events();
  }
  void expect_end(std::string_view text, bool was_connected) {
    t.grant();
    EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, " + std::string(text) +
                                 (was_connected ? "" : ", never connected")}));
  }

  ClientOptions options = with_method(std::string(kMethod));
  Transcript t{options};
  ScramServer server{"servers-own"};
  std::string first;
};

TEST_F(Scram, LetsInAndKnowsTheServer) {  // [MQTT-4.12.0-3], [MQTT-4.12.0-5]
  RecordProperty("req", "X-07");
  begin();
  EXPECT_TRUE(first.starts_with("n,,n=ann,r=")) << first;
  const auto last = server.conclude(answer(challenge()));
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(t.client.state(), State::connecting);
  send_connack(t, kMethod, *last);
  EXPECT_EQ(t.events(), Lines({"connected"}));
}

TEST_F(Scram, SendsNothingButAuthBeforeConnack) {  // [MQTT-3.1.2-30]
  begin();
  answer(challenge());
  EXPECT_EQ(t.publish("a", "", QoS::at_most_once), PublishOutcome::not_connected);
  EXPECT_EQ(t.sent(), Lines());
}

TEST_F(Scram, WithTheWrongPasswordIsRefusedByTheServer) {
  begin();
  EXPECT_FALSE(server.conclude(answer(challenge("another"))).has_value());
  t.server(Connack{false, static_cast<uint8_t>(ReasonCode::not_authorized), {}});
  t.grant();
  EXPECT_EQ(t.events().front(), "refused 0x87");
}

TEST_F(Scram, LeavesAServerThatDoesNotKnowThePassword) {
  begin();
  answer(challenge());
  send_connack(t, kMethod, "v=AAAA");
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
  expect_end("server did not prove that it knows the password 0x82", false);
}

TEST_F(Scram, LeavesAServerThatLetsInWithoutAnExchange) {
  begin();
  send_connack(t, kMethod, "");
  expect_end("server did not prove that it knows the password 0x82", false);
}

TEST_F(Scram, AnswersOneChallengeOnly) {
  begin();
  const std::string text = challenge();
  answer(text);
  send_auth(t, ReasonCode::continue_authentication, kMethod, text);
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
  expect_end("authentication challenge that cannot be answered 0x82", false);
}

TEST_F(Scram, TakesAnotherNonceEachTime) {
  options.reconnect_period = 1s;
  begin();
  const std::string once = first;
  t.lose();
  t.pass(1s);
  t.open();
  const std::vector<uint8_t> bytes = from_hex(t.sent_hex());
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_NE(text.find("n,,n=ann,r="), text.npos);
  EXPECT_EQ(text.find(once), text.npos);
}

TEST_F(Scram, ProvesItselfAgainWhenAsked) {  // [MQTT-4.12.1-1]
  let_in();
  EXPECT_TRUE(t.client.reauthenticate(t.now));
  EXPECT_FALSE(t.client.reauthenticate(t.now)) << "one at a time";
  const Lines asked = t.sent();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(asked.front().starts_with("AUTH 0x19 SCRAM-SHA-256 <n,,n=ann,r=")) << asked.front();
  EXPECT_NE(data_in(asked), first);
  first = data_in(asked);
  server = ScramServer("another");
  const std::string proof = answer(challenge());
  EXPECT_EQ(t.publish("a", "", QoS::at_most_once), PublishOutcome::accepted) << "all else goes on";
  send_auth(t, ReasonCode::success, kMethod, *server.conclude(proof));
  EXPECT_EQ(t.events().size(), 1u);
  EXPECT_EQ(t.client.state(), State::connected);
  t.pass(31s);
  EXPECT_EQ(t.client.state(), State::connected) << "nothing is awaited any more";
  EXPECT_TRUE(t.client.reauthenticate(t.now));
}

TEST_F(Scram, LeavesAServerThatFailsToProveItselfAgain) {  // [MQTT-4.12.1-2]
  let_in();
  t.client.reauthenticate(t.now);
  t.sent();
  send_auth(t, ReasonCode::success, kMethod, "v=AAAA");
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x80"}));
  expect_end("server did not prove that it knows the password 0x80", true);
}

TEST_F(Scram, GivesUpWaitingForAnAnswer) {
  options.keep_alive_s = 0;
  let_in();
  t.client.reauthenticate(t.now);
  t.sent();
  t.pass(30s - 1ns);
  EXPECT_EQ(t.client.state(), State::connected);
  t.pass(1ns);
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x80"}));
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: authentication timeout, no answer to AUTH in time"}));
}

TEST_F(Scram, ThatDoesNotFitTheServerEndsTheConnection) {  // [MQTT-3.2.2-15]
  begin();
  PropertyWriter properties = properties_of(kMethod, *server.conclude(answer(challenge())));
  properties.number(PropertyId::maximum_packet_size, 20);
  t.server(Connack{false, 0, properties.list()});
  t.events();
  t.client.reauthenticate(t.now);
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x80"}));
  expect_end("AUTH over the maximum packet size of the server 0x95", true);
}

struct Wrong {
  const char* name;
  ReasonCode reason;
  std::string_view method;
  const char* text;
};

TEST(Authentication, EndsOverAWrongAuth) {  // [MQTT-4.12.0-2], [MQTT-4.12.0-5]
  const Wrong rows[] = {
      {"another method", ReasonCode::continue_authentication, "OTHER", "AUTH with another authentication method 0x82"},
      {"success before CONNACK", ReasonCode::success, kMethod, "AUTH with a reason that does not fit 0x82"},
      {"re-authentication", ReasonCode::reauthenticate, kMethod, "AUTH with a reason that does not fit 0x82"},
      {"no challenge", ReasonCode::continue_authentication, kMethod,
       "authentication challenge that cannot be answered 0x82"},
  };
  for (const Wrong& row : rows) {
    SCOPED_TRACE(row.name);
    const ClientOptions options = with_method(std::string(kMethod));
    Transcript t(options);
    t.client.connect();
    t.open();
    t.sent();
    send_auth(t, row.reason, row.method, "r=x");
    EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
    t.grant();
    EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, " + std::string(row.text) + ", never connected"}));
  }
}

TEST(Authentication, ExpectsItsMethodInConnack) {  // [MQTT-4.12.0-5], [MQTT-4.12.0-6]
  struct Case {
    bool has_method;
    std::string_view in_connack;
    std::string text;
  };
  for (const Case& c : {Case{true, "", "CONNACK with another authentication method"},
                        Case{true, "OTHER", "CONNACK with another authentication method"},
                        Case{false, "K", "authentication method that was not asked for"}}) {
    ClientOptions options = with_method("K");
    if (!c.has_method) options.authentication.reset();
    Transcript t(options);
    t.client.connect();
    t.open();
    t.sent();
    send_connack(t, c.in_connack, "");
    t.grant();
    EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, " + c.text + " 0x82, never connected"}));
  }
}

TEST(Authentication, IsNotStartedByAServer) {  // [MQTT-4.12.0-6]
  for (const bool has_method : {true, false}) {
    ClientOptions options = with_method("K");
    if (!has_method) options.authentication.reset();
    Transcript t(options);
    t.client.connect();
    t.open();
    send_connack(t, has_method ? "K" : "", "");
    ASSERT_EQ(t.client.state(), State::connected);
    t.sent();
    t.events();
    send_auth(t, ReasonCode::continue_authentication, "K", "");
    t.grant();
    EXPECT_EQ(t.events(),
              Lines({std::string("disconnected: protocol error, ") +
                     (has_method ? "AUTH that nobody asked for" : "AUTH without an authentication method") + " 0x82"}));
  }
}

TEST(OwnersMethod, LeavesEveryStepToTheOwner) {  // [MQTT-4.12.0-3], [MQTT-4.12.1-1]
  const ClientOptions options = with_method("K");
  Transcript t(options);
  t.client.connect();
  t.open();
  EXPECT_NE(t.sent_hex().find("15 00 01 4b 16 00 05 68 65 6c 6c 6f"), std::string::npos) << "method and data";
  EXPECT_FALSE(t.client.authenticate("unasked", t.now));
  send_auth(t, ReasonCode::continue_authentication, "K", "who?");
  EXPECT_EQ(t.events(), Lines({"auth 0x18 <who?>"}));
  EXPECT_TRUE(t.client.authenticate("ann", t.now));
  EXPECT_FALSE(t.client.authenticate("ann", t.now)) << "one answer to one question";
  EXPECT_EQ(t.sent(), Lines({"AUTH 0x18 K <ann>"}));
  send_connack(t, "K", "welcome");
  EXPECT_EQ(t.events(), Lines({"connected"}));

  EXPECT_FALSE(t.client.authenticate("late", t.now));
  EXPECT_TRUE(t.client.reauthenticate(t.now, "again"));
  EXPECT_EQ(t.sent(), Lines({"AUTH 0x19 K <again>"}));
  send_auth(t, ReasonCode::continue_authentication, "K", "who?");
  EXPECT_TRUE(t.client.authenticate("still ann", t.now));
  EXPECT_EQ(t.sent(), Lines({"AUTH 0x18 K <still ann>"}));
  send_auth(t, ReasonCode::success, "K", "fine");
  EXPECT_EQ(t.events(), Lines({"auth 0x18 <who?>", "auth <fine>"}));
}

TEST(OwnersMethod, NeedsA5ConnectionWithAMethod) {  // [MQTT-4.12.0-7]
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    ClientOptions options;
    options.version = version;
    Transcript t(options);
    EXPECT_FALSE(t.client.reauthenticate(t.now));
    t.connect();
    EXPECT_FALSE(t.client.reauthenticate(t.now));
    EXPECT_FALSE(t.client.authenticate("x", t.now));
    EXPECT_EQ(t.sent(), Lines());
  }
}

}  // namespace
}  // namespace mqtt_sim::client
