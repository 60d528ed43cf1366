#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::QoS;
using protocol::ReasonCode;

ClientOptions options_of(ProtocolVersion version) {
  ClientOptions options;
  options.version = version;
  return options;
}

std::string connect_hex(const ClientOptions& options, std::string client_id = "c1") {
  Transcript t(options, std::move(client_id));
  t.client.connect();
  t.open();
  return t.sent_hex();
}

TEST(Connect, SaysWhatEachProtocolLevelAsksFor) {
  RecordProperty("req", "C-06");
  EXPECT_EQ(connect_hex(options_of(ProtocolVersion::v3_1)), "10 10 00 06 4d 51 49 73 64 70 03 02 00 3c 00 02 63 31");
  EXPECT_EQ(connect_hex(options_of(ProtocolVersion::v3_1_1)), "10 0e 00 04 4d 51 54 54 04 02 00 3c 00 02 63 31");
  EXPECT_EQ(connect_hex(options_of(ProtocolVersion::v5_0)), "10 0f 00 04 4d 51 54 54 05 02 00 3c 00 00 02 63 31");
}

TEST(Connect, CarriesWillUserNameAndPassword) {
  RecordProperty("req", "C-10");
  ClientOptions options;
  options.clean_start = false;
  options.keep_alive_s = 10;
  options.will = WillOptions{"w/t", "gone", QoS::at_least_once, true};
  options.user_name = "u";
  options.password = "pw";
  EXPECT_EQ(connect_hex(options),
            "10 20 00 04 4d 51 54 54 04 ec 00 0a 00 02 63 31 00 03 77 2f 74 00 04 67 6f 6e 65 00 01 75 00 02 70 77");
}

TEST(Connect, TellsLimitsOfOursBelowTheDefaultsIn5Only) {
  ClientOptions options = options_of(ProtocolVersion::v5_0);
  options.session_expiry_interval_s = 3600;
  options.receive_maximum = 20;
  options.maximum_packet_size = 1024;
  EXPECT_EQ(connect_hex(options),
            "10 1c 00 04 4d 51 54 54 05 02 00 3c 0d 11 00 00 0e 10 21 00 14 27 00 00 04 00 00 02 63 31");
  options.version = ProtocolVersion::v3_1_1;
  EXPECT_EQ(connect_hex(options), "10 0e 00 04 4d 51 54 54 04 02 00 3c 00 02 63 31");
}

TEST(Connect, AsksForACleanSessionWithoutClientIdBelow5) {  // [MQTT-3.1.3-7] of 3.1.1
  ClientOptions options;
  options.clean_start = false;
  EXPECT_EQ(connect_hex(options, ""), "10 0c 00 04 4d 51 54 54 04 02 00 3c 00 00");
  options.version = ProtocolVersion::v5_0;
  EXPECT_EQ(connect_hex(options, ""), "10 0d 00 04 4d 51 54 54 05 00 00 3c 00 00 00");
}

TEST(Connect, EndsWithAReasonWhenTheOptionsCannotBeEncoded) {
  ClientOptions options;
  options.password = "without a user name";  // [MQTT-3.1.2-22] of 3.1.1
  options.reconnect_period = 1s;
  Transcript t(options);
  t.client.connect();
  t.open();
  t.grant();
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, CONNECT cannot be encoded 0x81, never connected"}));
  EXPECT_EQ(t.client.state(), State::closed);
}

TEST(Connect, WishesAStreamThenWaitsForConnack) {
  const ClientOptions options;
  Transcript t(options);
  EXPECT_EQ(t.client.state(), State::idle);
  EXPECT_EQ(t.client.wish(), StreamWish::none);
  t.client.connect();
  EXPECT_EQ(t.client.state(), State::connecting);
  t.open();
  EXPECT_EQ(t.client.wish(), StreamWish::none);
  EXPECT_EQ(t.sent(), Lines({"CONNECT clean"}));
  EXPECT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::not_connected);
  t.server(Connack{});
  EXPECT_EQ(t.events(), Lines({"connected"}));
  EXPECT_EQ(t.client.state(), State::connected);
}

TEST(Connect, ReportsHowTheStreamWasOpenedAndWhenConnectLeft) {
  const ClientOptions options;
  Client client(options, "c1", 1);
  SilentWaker waker;
  client.connect();
  const Instant opened = instant_from_ns(7000);
  client.on_open(waker, Opening{instant_from_ns(4000), Duration(1), Duration(2), Duration(3), Duration(4)}, opened);
  const auto connack = from_hex("20 02 00 00");
  client.on_bytes(connack, instant_from_ns(9000));
  const auto event = client.poll_event();
  ASSERT_TRUE(event.has_value());
  const auto& connected = std::get<Connected>(*event);
  EXPECT_EQ(connected.opening.started, instant_from_ns(4000));
  EXPECT_EQ(connected.opening.tls, Duration(3));
  EXPECT_EQ(connected.connect_sent, opened);
  EXPECT_FALSE(client.poll_event().has_value());
}

TEST(Connect, TakesAConnackByteByByte) {
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.open();
  for (const char* byte : {"20", "02", "00"}) {
    t.server_hex(byte);
    EXPECT_EQ(t.events(), Lines());
  }
  t.server_hex("00");
  EXPECT_EQ(t.events(), Lines({"connected"}));
}

TEST(Connect, TimesOutWithoutConnackAfter30Seconds) {
  RecordProperty("req", "C-09");
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.open();
  t.pass(30s - 1ns);
  EXPECT_EQ(t.client.state(), State::connecting);
  t.pass(1ns);
  EXPECT_EQ(t.client.state(), State::closing);
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: connect timeout, connack timeout, never connected"}));
  EXPECT_EQ(t.client.state(), State::closed);
  EXPECT_EQ(t.client.deadline(), std::nullopt);
}

TEST(Connect, CountsTheTimeOutFromTheBeginningOfTheOpening) {
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  const Instant started = t.now;
  t.pass(10s);
  SilentWaker waker;
  t.client.on_open(waker, Opening{started + 4s, {}, {}, {}, {}}, t.now);
  EXPECT_EQ(t.client.deadline(), started + 34s);
}

TEST(Connect, TimesOutWhenTheStreamDoesNotOpen) {
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.pass(30s - 1ns);
  EXPECT_EQ(t.client.wish(), StreamWish::open);
  t.pass(1ns);
  EXPECT_EQ(t.events(), Lines({"disconnected: connect timeout, stream open timeout, never connected"}));
  EXPECT_EQ(t.client.wish(), StreamWish::abort);
  EXPECT_EQ(t.client.state(), State::closed);
  t.lose(CloseReason::local);
  EXPECT_EQ(t.client.wish(), StreamWish::none);
  EXPECT_EQ(t.events(), Lines());
}

TEST(Connect, ReportsAStreamThatCannotBeOpened) {
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.lose(CloseReason::refused);
  EXPECT_EQ(t.events(), Lines({"disconnected: stream lost, connection refused, never connected"}));
  EXPECT_EQ(t.client.state(), State::closed);
}

TEST(Connect, ReportsARefusalThenTheEnd) {
  RecordProperty("req", "C-11");
  struct Case {
    ProtocolVersion version;
    uint8_t code;
    std::string reason;
  };
  for (const Case& c : {Case{ProtocolVersion::v3_1_1, 1, "0x84"}, Case{ProtocolVersion::v3_1_1, 2, "0x85"},
                        Case{ProtocolVersion::v3_1_1, 3, "0x88"}, Case{ProtocolVersion::v3_1_1, 4, "0x86"},
                        Case{ProtocolVersion::v3_1, 5, "0x87"}, Case{ProtocolVersion::v5_0, 0x9C, "0x9c"}}) {
    const ClientOptions options = options_of(c.version);
    Transcript t(options);
    t.client.connect();
    t.open();
    t.server(Connack{false, c.code, {}});
    EXPECT_EQ(t.client.state(), State::closing);
    t.grant();
    EXPECT_EQ(t.events(), Lines({"refused " + c.reason, "disconnected: ended by the server, refused by CONNACK " +
                                                            c.reason + ", never connected"}));
    EXPECT_EQ(t.client.state(), State::closed);
  }
}

// A server that does not know 5.0 answers in the form of 3.1.1. [MQTT-3.1.2-2] of 3.1.1
TEST(Connect, In5TakesTheRefusalOfAnOlderServer) {
  ClientOptions options;
  options.version = protocol::ProtocolVersion::v5_0;
  options.reconnect_period = std::chrono::seconds(1);
  Transcript t(options);
  t.client.connect();
  t.open();
  t.server_hex("2002 0001");
  t.grant();
  EXPECT_EQ(t.events(), Lines({"refused 0x84",
                               "disconnected: ended by the server, refused by CONNACK 0x84, never "
                               "connected"}));
  EXPECT_EQ(t.client.state(), State::closed);
}

TEST(Connect, TakesTheClientIdTheServerAssigns) {  // [MQTT-3.2.2-16]
  const ClientOptions options = options_of(ProtocolVersion::v5_0);
  Transcript t(options, "");
  PropertyWriter properties;
  properties.text(PropertyId::assigned_client_identifier, "server-chose-this-one");
  t.connect(Connack{false, 0, properties.list()});
  EXPECT_EQ(t.client.client_id(), "server-chose-this-one");
}

TEST(Disconnect, SaysSoThenCloses) {  // [MQTT-3.14.4-1], [MQTT-3.14.4-2]
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    const ClientOptions options = options_of(version);
    Transcript t(options);
    t.connect();
    t.client.disconnect(t.now, ReasonCode::disconnect_with_will_message);
    EXPECT_EQ(t.client.wish(), StreamWish::close);
    EXPECT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::not_connected);
    EXPECT_EQ(t.sent(), Lines({version == ProtocolVersion::v5_0 ? "DISCONNECT 0x04" : "DISCONNECT"}));
    t.server(message("late"));  // ignored
    t.grant();
    EXPECT_EQ(t.events(), Lines({"disconnected: ended by us, ended by us 0x04"}));
    EXPECT_EQ(t.client.state(), State::closed);
    EXPECT_EQ(t.client.wish(), StreamWish::none);
  }
}

TEST(Disconnect, AbortsWhenTheFarSideDoesNotReadForFiveSeconds) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.client.disconnect(t.now);
  t.pass_unwritten(Client::kCloseLimit - 1ns);
  EXPECT_EQ(t.client.wish(), StreamWish::close);
  t.pass_unwritten(1ns);
  EXPECT_EQ(t.client.wish(), StreamWish::abort);
  EXPECT_EQ(t.client.deadline(), std::nullopt);
}

TEST(Disconnect, WhileTheStreamOpensTakesTheWishBack) {
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.client.disconnect(t.now);
  EXPECT_EQ(t.events(), Lines({"disconnected: ended by us, ended by us, never connected"}));
  EXPECT_EQ(t.client.wish(), StreamWish::abort);
  t.client.connect();  // the driver may never have begun: the same wish again
  t.open();
  EXPECT_EQ(t.sent(), Lines({"CONNECT clean"}));
}

TEST(Disconnect, AbortsAStreamThatComesAfterAll) {
  const ClientOptions options;
  Transcript t(options);
  t.client.connect();
  t.client.disconnect(t.now);
  SilentWaker waker;
  t.client.on_open(waker, {}, t.now);
  EXPECT_EQ(t.client.wish(), StreamWish::abort);
  t.client.connect();
  EXPECT_EQ(t.client.wish(), StreamWish::abort) << "the unwanted stream has to go first";
  t.lose(CloseReason::local);
  EXPECT_EQ(t.sent(), Lines());
  EXPECT_EQ(t.client.wish(), StreamWish::open);
  EXPECT_EQ(t.events(), Lines({"disconnected: ended by us, ended by us, never connected"}));
}

TEST(Kill, DropsTheStreamWithoutAWord) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  ASSERT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::accepted);
  t.client.kill();
  EXPECT_EQ(t.client.wish(), StreamWish::abort);
  EXPECT_EQ(t.sent(), Lines());
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: ended by us, ended by us"}));
  EXPECT_EQ(t.client.state(), State::closed);
  t.connect();
}

TEST(Connect, DoesNothingWhileThereIsAConnection) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.client.connect();
  EXPECT_EQ(t.client.state(), State::connected);
  EXPECT_EQ(t.client.wish(), StreamWish::none);
}

}  // namespace
}  // namespace mqtt_sim::client
