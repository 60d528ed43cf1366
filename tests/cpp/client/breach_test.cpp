// Servers that break the protocol: each breach ends the connection with its own name, and in 5.0 with a DISCONNECT that
// carries the reason.
#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::ProtocolVersion;
using protocol::Publish;
using protocol::QoS;
using protocol::ReasonCode;

struct Breach {
  const char* name;
  const char* hex;
  const char* text;  // and reason
};

void expect_end(const Breach& breach, ProtocolVersion version, bool has_connack, bool has_requests) {
  SCOPED_TRACE(breach.name);
  ClientOptions options;
  options.version = version;
  options.maximum_packet_size = 4096;
  Transcript t(options);
  if (has_connack) {
    t.connect();
  } else {
    t.client.connect();
    t.open();
  }
  if (has_requests) {
    t.publish("q1", "", QoS::at_least_once, 1);  // packet identifiers 1 to 5
    t.publish("q2", "", QoS::exactly_once, 2);
    t.publish("q2", "", QoS::exactly_once, 3);
    t.server(ack<protocol::Pubrec>(3));
    t.subscribe({"s", "t"}, 4);
    t.unsubscribe({"s", "t"}, 5);
  }
  t.sent();
  t.server_hex(breach.hex);
  ASSERT_EQ(t.client.state(), State::closing);
  const std::string text = breach.text;
  const Lines sent = t.sent();
  if (version == ProtocolVersion::v5_0) {
    EXPECT_EQ(sent, Lines({"DISCONNECT" + text.substr(text.rfind(' '))}));  // [MQTT-4.13.1-1]
  } else {
    EXPECT_EQ(sent, Lines());
  }
  t.server_hex("d0 00");  // what follows is ignored
  t.grant();
  EXPECT_EQ(t.client.state(), State::closed);
  const Lines events = t.events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back(), "disconnected: protocol error, " + text + (has_connack ? "" : ", never connected"));
}

TEST(Breach, BeforeConnackEndsTheConnection) {  // [MQTT-3.2.0-1]
  const Breach breaches[] = {
      {"PUBLISH", "30 03 00 01 61", "packet before CONNACK 0x82"},
      {"PINGRESP", "d0 00", "packet before CONNACK 0x82"},
      {"DISCONNECT", "e0 00", "packet before CONNACK 0x82"},  // [MQTT-3.14.0-1]
      {"AUTH", "f0 00", "packet before CONNACK 0x82"},
      {"half a length", "20 80 80 80 80", "malformed packet 0x81"},
  };
  for (const Breach& breach : breaches) {
    expect_end(breach, ProtocolVersion::v3_1_1, false, false);
    expect_end(breach, ProtocolVersion::v5_0, false, false);
  }
}

TEST(Breach, OfAConnackEndsTheConnection) {
  const Breach of_311[] = {
      {"code out of range", "20 02 00 06", "protocol error 0x82"},
      {"reserved flag", "20 02 02 00", "malformed packet 0x81"},
      {"too short", "20 01 00", "malformed packet 0x81"},
      {"too long", "20 03 00 00 00", "malformed packet 0x81"},
      {"session after clean start", "20 02 01 00", "session present after a clean start 0x82"},
      {"session in a refusal", "20 02 01 02", "protocol error 0x82"},  // [MQTT-3.2.2-6]
  };
  for (const Breach& breach : of_311) expect_end(breach, ProtocolVersion::v3_1_1, false, false);
  const Breach of_5[] = {
      {"no properties", "20 02 00 00", "malformed packet 0x81"},
      {"receive maximum 0", "20 06 00 00 03 21 00 00", "protocol error 0x82"},
      {"maximum packet size 0", "20 08 00 00 05 27 00 00 00 00", "protocol error 0x82"},
      {"maximum QoS 2", "20 05 00 00 02 24 02", "protocol error 0x82"},
      {"property of another packet", "20 05 00 00 02 01 01", "malformed packet 0x81"},
      {"property twice", "20 07 00 00 04 24 01 24 01", "protocol error 0x82"},
  };
  for (const Breach& breach : of_5) expect_end(breach, ProtocolVersion::v5_0, false, false);
}

TEST(Breach, ByAPacketOnlyAClientSendsEndsTheConnection) {
  const Breach breaches[] = {
      {"CONNECT", "10 0e 00 04 4d 51 54 54 04 02 00 3c 00 02 63 31", "CONNECT from a server 0x82"},
      {"second CONNACK", "20 02 00 00", "second CONNACK 0x82"},  // [MQTT-3.2.0-2]
      {"SUBSCRIBE", "82 06 00 01 00 01 61 00", "SUBSCRIBE from a server 0x82"},
      {"UNSUBSCRIBE", "a2 05 00 01 00 01 61", "UNSUBSCRIBE from a server 0x82"},
      {"PINGREQ", "c0 00", "PINGREQ from a server 0x82"},
      {"DISCONNECT", "e0 00", "DISCONNECT from a server 0x82"},
      {"AUTH", "f0 00", "malformed packet 0x81"},
      {"type 0", "00 00", "malformed packet 0x81"},
  };
  for (const Breach& breach : breaches) expect_end(breach, ProtocolVersion::v3_1_1, true, false);
  expect_end({"second CONNACK", "20 03 00 00 00", "second CONNACK 0x82"}, ProtocolVersion::v5_0, true, false);
  expect_end({"AUTH", "f0 00", "AUTH without an authentication method 0x82"}, ProtocolVersion::v5_0, true, false);
}

TEST(Breach, OfAPublishEndsTheConnection) {
  const Breach breaches[] = {
      {"QoS 3", "36 05 00 01 61 00 01", "malformed packet 0x81"},                // [MQTT-3.3.1-4]
      {"DUP with QoS 0", "38 03 00 01 61", "malformed packet 0x81"},             // [MQTT-3.3.1-2]
      {"packet identifier 0", "32 05 00 01 61 00 00", "malformed packet 0x81"},  // [MQTT-2.2.1-4]
      {"wildcard", "30 05 00 03 61 2f 23", "topic name invalid 0x90"},           // [MQTT-3.3.2-2]
      {"empty topic", "30 02 00 00", "topic name invalid 0x90"},                 // [MQTT-4.7.3-1]
      {"topic not UTF-8", "30 04 00 02 c0 80", "malformed packet 0x81"},         // [MQTT-1.5.4-1]
      {"too large", "30 ff 7f", "packet too large 0x95"},
      {"length of five bytes", "30 ff ff ff ff 01", "malformed packet 0x81"},
  };
  for (const Breach& breach : breaches) expect_end(breach, ProtocolVersion::v3_1_1, true, false);
  const Breach of_5[] = {
      {"topic alias", "30 07 00 01 61 03 23 00 01", "topic alias above our maximum 0x94"},  // [MQTT-3.1.2-27]
      {"topic alias 0", "30 07 00 01 61 03 23 00 00", "topic alias invalid 0x94"},
      {"known alias only", "30 06 00 00 03 23 00 01", "topic alias above our maximum 0x94"},
      {"empty topic", "30 03 00 00 00", "protocol error 0x82"},
      {"unknown property", "30 06 00 01 61 02 7f 00", "malformed packet 0x81"},
  };
  for (const Breach& breach : of_5) expect_end(breach, ProtocolVersion::v5_0, true, false);
}

TEST(Breach, OfAnAcknowledgementEndsTheConnection) {
  // In flight: 1 QoS 1, 2 QoS 2, 3 QoS 2 released, 4 SUBSCRIBE and 5 UNSUBSCRIBE of two filters.
  const Breach breaches[] = {
      {"PUBACK for QoS 2", "40 02 00 02", "PUBACK for no QoS 1 publish 0x82"},
      {"PUBACK for SUBSCRIBE", "40 02 00 04", "PUBACK for no QoS 1 publish 0x82"},
      {"PUBREC for QoS 1", "50 02 00 01", "PUBREC for no QoS 2 publish 0x82"},
      {"PUBCOMP before PUBREC", "70 02 00 02", "PUBCOMP for no released publish 0x82"},
      {"PUBCOMP for QoS 1", "70 02 00 01", "PUBCOMP for no released publish 0x82"},
      {"PUBREL with flags 0", "60 02 00 01", "malformed packet 0x81"},  // [MQTT-3.6.1-1]
      {"PUBACK with flags", "41 02 00 01", "malformed packet 0x81"},
      {"PUBACK of id 0", "40 02 00 00", "malformed packet 0x81"},
      {"PUBACK without id", "40 01 00", "malformed packet 0x81"},
      {"SUBACK for a publish", "90 03 00 01 00", "SUBACK for no SUBSCRIBE 0x82"},
      {"SUBACK for nobody", "90 03 00 63 00", "SUBACK for no SUBSCRIBE 0x82"},
      {"SUBACK for UNSUBSCRIBE", "90 04 00 05 00 00", "SUBACK for no SUBSCRIBE 0x82"},
      {"SUBACK with too few codes", "90 03 00 04 00", "SUBACK with another number of codes 0x82"},
      {"SUBACK with a code that is none", "90 04 00 04 00 03", "protocol error 0x82"},
      {"UNSUBACK for nobody", "b0 02 00 63", "UNSUBACK for no UNSUBSCRIBE 0x82"},
      {"UNSUBACK for SUBSCRIBE", "b0 02 00 04", "UNSUBACK for no UNSUBSCRIBE 0x82"},
      {"PINGRESP with a body", "d0 01 00", "malformed packet 0x81"},
  };
  for (const Breach& breach : breaches) expect_end(breach, ProtocolVersion::v3_1_1, true, true);
  const Breach of_5[] = {
      {"UNSUBACK with too few codes", "b0 04 00 05 00 00", "UNSUBACK with another number of codes 0x82"},
      {"PUBACK with a reason it does not have", "40 03 00 01 01", "protocol error 0x82"},
  };
  for (const Breach& breach : of_5) expect_end(breach, ProtocolVersion::v5_0, true, true);
}

TEST(Breach, OfOurReceiveMaximumEndsTheConnection) {  // [MQTT-3.3.4-9]
  ClientOptions options;
  options.version = ProtocolVersion::v5_0;
  options.receive_maximum = 2;
  Transcript t(options);
  t.connect();
  const auto publish = [](uint16_t id) { return message("t", "", QoS::exactly_once, id); };
  t.server({publish(1), publish(2), publish(2)});
  EXPECT_EQ(t.client.state(), State::connected) << "a repeated one counts once";
  t.server(publish(3));
  t.grant();
  EXPECT_EQ(t.events().back(), "disconnected: protocol error, more publishes than our receive maximum 0x93");
}

// [MQTT-4.8.0-2] of 3.1.1
TEST(Breach, OfAServerThatDoesNotReadItsAcknowledgementsEndsTheConnection) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  const auto read = bytes_of(message("t", "", QoS::at_least_once, 1), options.version);
  size_t count = 0;
  while (t.client.state() == State::connected) {
    ASSERT_LE(++count, size_t{Client::kReplyLimit} / 4 + 1);
    t.server_bytes(read);
  }
  t.grant();
  EXPECT_EQ(t.events().back(), "disconnected: protocol error, server does not read acknowledgements 0x97");
}

TEST(Breach, ByAnyBytesNeverBreaksTheClient) {
  Random random(20240607);
  for (int round = 0; round < 3000; ++round) {
    ClientOptions options;
    options.version = round % 3 == 0   ? ProtocolVersion::v3_1
                      : round % 3 == 1 ? ProtocolVersion::v3_1_1
                                       : ProtocolVersion::v5_0;
    options.maximum_packet_size = 1000;
    Transcript t(options);
    t.connect();
    t.publish("q1", "", QoS::at_least_once, 1);
    t.publish("q2", "", QoS::exactly_once, 2);
    t.subscribe({"s"}, 3);
    for (int read = 0; read < 8 && t.client.state() == State::connected; ++read) {
      std::vector<uint8_t> bytes(random.below(24));
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.below(4) == 0 ? random.next() : random.below(6));
      if (bytes.size() > 1) {
        bytes[0] = static_cast<uint8_t>((2 + random.below(13)) << 4 | random.below(3));
        bytes[1] = static_cast<uint8_t>(bytes.size() - 2);
      }
      t.server_bytes(bytes);
    }
    t.sent();
    if (t.client.state() == State::closing) t.grant();
    ASSERT_TRUE(t.client.state() == State::connected || t.client.state() == State::closed);
  }
}

}  // namespace
}  // namespace mqtt_sim::client
