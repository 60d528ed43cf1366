#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::Pingresp;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::QoS;

ClientOptions every_ten_seconds() {
  ClientOptions options;
  options.keep_alive_s = 10;
  return options;
}

TEST(KeepAlive, PingsOnceForEachIdlePeriod) {  // [MQTT-3.1.2-20]
  RecordProperty("req", "C-04");
  const ClientOptions options = every_ten_seconds();
  Transcript t(options);
  t.connect();
  t.pass(10s - 1ns);
  EXPECT_EQ(t.sent(), Lines());
  t.pass(1ns);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
  int pings = 0;
  for (int second = 0; second < 3600; ++second) {
    t.server(Pingresp{});
    t.pass(1s);
    pings += static_cast<int>(t.sent().size());
  }
  EXPECT_EQ(pings, 360);
  EXPECT_EQ(t.events(), Lines());
  EXPECT_EQ(t.client.state(), State::connected);
}

TEST(KeepAlive, DoesNotPingWhileItSends) {
  const ClientOptions options = every_ten_seconds();
  Transcript t(options);
  t.connect();
  for (int i = 0; i < 5; ++i) {
    t.pass(7s);
    ASSERT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::accepted);
    EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos0"}));
  }
  t.pass(10s - 1ns);
  EXPECT_EQ(t.sent(), Lines());
  t.pass(1ns);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
}

TEST(KeepAlive, DoesNotMoveTheDeadlineForEachPacket) {
  const ClientOptions options = every_ten_seconds();
  Transcript t(options);
  t.connect();
  const auto before = t.client.deadline();
  t.now += 3s;
  ASSERT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::accepted);
  t.sent();
  EXPECT_EQ(t.client.deadline(), before);
}

TEST(KeepAlive, EndsWhenTheServerDoesNotAnswer) {
  const ClientOptions options = every_ten_seconds();
  Transcript t(options);
  t.connect();
  t.pass(20s - 1ns);
  EXPECT_EQ(t.client.state(), State::connected);
  t.server(message("a"));  // alive, but PINGRESP is what counts
  t.pass(1ns);
  EXPECT_EQ(t.client.state(), State::closing);
  t.grant();
  EXPECT_EQ(t.events(), Lines({"message a= qos0", "disconnected: keep alive timeout, no PINGRESP in time 0x8d"}));
}

TEST(KeepAlive, EndsAlsoWhenNothingCanBeWritten) {
  const ClientOptions options = every_ten_seconds();
  Transcript t(options);
  t.connect();
  t.pass_unwritten(20s);
  EXPECT_EQ(t.client.state(), State::closing);
  t.pass_unwritten(Client::kCloseLimit);
  EXPECT_EQ(t.client.wish(), StreamWish::abort);
}

TEST(KeepAlive, ZeroNeverPings) {
  ClientOptions options;
  options.keep_alive_s = 0;
  Transcript t(options);
  t.connect();
  EXPECT_EQ(t.client.deadline(), std::nullopt);
}

TEST(KeepAlive, OfTheServerReplacesOurs) {  // [MQTT-3.2.2-21]
  ClientOptions options = every_ten_seconds();
  options.version = ProtocolVersion::v5_0;
  for (const uint32_t server_s : {3u, 0u}) {
    Transcript t(options);
    PropertyWriter properties;
    properties.number(PropertyId::server_keep_alive, server_s);
    t.connect(Connack{false, 0, properties.list()});
    t.pass(3s);
    EXPECT_EQ(t.sent(), server_s == 0 ? Lines() : Lines({"PINGREQ"}));
  }
}

}  // namespace
}  // namespace mqtt_sim::client
