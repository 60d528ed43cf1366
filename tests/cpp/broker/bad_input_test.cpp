// Whatever a broken or hostile peer sends: it is told what the level can tell, cut, and others go on unharmed.
#include "core/base/random.hpp"
#include "tests/cpp/broker/harness.hpp"
#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::broker::test {
namespace {

using protocol::vectors::bytes_of;
using protocol::vectors::Vector;

bool is_connect(const Vector& vector) { return vector.bytes[0] >> 4 == static_cast<int>(PacketType::connect); }

class CanaryTest : public testing::Test {
 protected:
  CanaryTest() : canary(world.connect({.id = "canary"})) {
    canary.send(subscribe(1, "canary"));
    canary.receive();
  }
  void expect_canary_lives() {
    canary.send(message("canary", "sings"));
    canary.send(Pingreq());
    EXPECT_EQ(canary.receive(), (Lines{"PUBLISH canary=sings", "PINGRESP"}));
  }
  World world;
  Peer& canary;
};

// [MQTT-4.13.1-1], [MQTT-4.13.2-1], [MQTT-4.8.0-1] of 3.1.1, [MQTT-2.2.2-2] of 3.1.1
TEST_F(CanaryTest, EveryUnreadablePacketOfAConnectedClientClosesItsStream) {
  for (const Vector& vector : protocol::vectors::all()) {
    if (vector.is_valid() || is_connect(vector)) continue;
    SCOPED_TRACE(testing::Message() << vector);
    Peer& peer = world.connect({.id = "bad", .version = vector.version});
    peer.send_bytes(vector.bytes);
    const Lines lines = peer.receive();
    if (vector.version == v5) {
      ASSERT_EQ(lines.size(), 2u);
      EXPECT_EQ(lines[0].substr(0, 11), "DISCONNECT ");
      EXPECT_GE(lines[0].substr(11), "80");
      EXPECT_EQ(lines[1], "CLOSE");
    } else {
      EXPECT_EQ(lines, Lines{"CLOSE"});
    }
    expect_canary_lives();
  }
}

// [MQTT-3.1.4-1]
TEST_F(CanaryTest, EveryUnreadableConnectClosesItsStream) {
  for (const Vector& vector : protocol::vectors::all()) {
    if (vector.is_valid() || !is_connect(vector)) continue;
    SCOPED_TRACE(testing::Message() << vector);
    Peer& peer = world.open(vector.version);
    peer.send_bytes(vector.bytes);
    const Lines lines = peer.receive();
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.back(), "CLOSE");
    ASSERT_LE(lines.size(), 2u);
    if (lines.size() == 2) {
      EXPECT_EQ(lines[0].substr(0, 8), "CONNACK ");
      EXPECT_NE(lines[0], "CONNACK 00");
    }
    EXPECT_EQ(world.broker.stats().clients, 1u);
  }
  expect_canary_lives();
}

TEST_F(CanaryTest, EveryValidPacketIsSurvived) {
  for (const Vector& vector : protocol::vectors::all()) {
    if (!vector.is_valid()) continue;
    SCOPED_TRACE(testing::Message() << vector);
    Peer& peer =
        is_connect(vector) ? world.open(vector.version) : world.connect({.id = "good", .version = vector.version});
    peer.send_bytes(vector.bytes);
    const Lines lines = peer.receive();
    if (!is_connect(vector) && !lines.empty() && lines.back() == "CLOSE") continue;  // a server's packet, or DISCONNECT
    if (peer.is_open()) peer.drop();
  }
  expect_canary_lives();
}

struct BadInput {
  const char* name;
  ProtocolVersion version;
  const char* hex;
  Lines answer;
};

class AfterConnect : public testing::TestWithParam<BadInput> {};

TEST_P(AfterConnect, IsAnsweredAsAskedAndClosed) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = GetParam().version});
  peer.send_bytes(bytes_of(GetParam().hex));
  EXPECT_EQ(peer.receive(), GetParam().answer) << GetParam().name;
}

const Lines kClose{"CLOSE"};
INSTANTIATE_TEST_SUITE_P(
    Inputs, AfterConnect,
    testing::Values(
        BadInput{"F01 five bytes of remaining length", v311, "30ffffffff01", kClose},
        BadInput{"F01 five bytes of remaining length", v5, "30ffffffff01", {"DISCONNECT 81", "CLOSE"}},
        BadInput{"F02 remaining length not the shortest", v5, "c08000", {"DISCONNECT 81", "CLOSE"}},
        BadInput{"F03 type 0", v5, "0000", {"DISCONNECT 81", "CLOSE"}},
        BadInput{"F04 type 15 in 3.1.1", v311, "f000", kClose},
        BadInput{"F05 AUTH without a method agreed", v5, "f000", {"DISCONNECT 82", "CLOSE"}},
        BadInput{"F05 AUTH with a method nobody agreed", v5, "f006 18 04 15000131", {"DISCONNECT 82", "CLOSE"}},
        BadInput{"F06 CONNACK", v311, "20020000", kClose}, BadInput{"F06 SUBACK", v311, "9003000100", kClose},
        BadInput{"F06 UNSUBACK", v311, "b0020001", kClose}, BadInput{"F06 PINGRESP", v311, "d000", kClose},
        BadInput{"F07 PINGREQ with a payload", v311, "c00100", kClose},
        BadInput{"F08 topic past the packet", v311, "3004 ffff 6161", kClose},
        BadInput{"F09 PUBACK of one byte", v311, "400101", kClose},
        // [MQTT-3.1.0-2]
        BadInput{"C02 second CONNECT", v311, "100d 00044d515454 04 02 003c 000163", kClose},
        BadInput{"C02 second CONNECT", v5, "100e 00044d515454 05 02 003c 00 000163", {"DISCONNECT 82", "CLOSE"}},
        BadInput{"P01 QoS 3", v5, "3606 000161 0001 00", {"DISCONNECT 81", "CLOSE"}},
        BadInput{"P02 # in the topic name", v5, "3007 0004612f2362 00", {"DISCONNECT 90", "CLOSE"}},
        BadInput{"P05 packet id 0", v5, "3206 000161 0000 00", {"DISCONNECT 81", "CLOSE"}},
        BadInput{"P06 DUP with QoS 0", v5, "3804 000161 00", {"DISCONNECT 81", "CLOSE"}},
        BadInput{"P07 empty topic name", v311, "3002 0000", kClose},
        BadInput{"P07 empty topic name without an alias", v5, "3003 0000 00", {"DISCONNECT 82", "CLOSE"}},
        BadInput{"P08 topic alias 0", v5, "3007 000161 03 230000", {"DISCONNECT 94", "CLOSE"}},
        // [MQTT-3.3.2-9]
        BadInput{"P09 alias above the maximum", v5, "3007 000161 03 230011", {"DISCONNECT 94", "CLOSE"}},
        BadInput{"P10 alias never set", v5, "3006 0000 03 230001", {"DISCONNECT 82", "CLOSE"}},
        // [MQTT-3.3.4-6]
        BadInput{"P11 subscription identifier from a client", v5, "3006 000161 02 0b01", {"DISCONNECT 82", "CLOSE"}},
        BadInput{"P17 PUBREL with flags 0", v311, "60020001", kClose},
        BadInput{"P18 PUBREL with flags 0", v5, "60020001", {"DISCONNECT 81", "CLOSE"}},
        // [MQTT-3.8.1-1]
        BadInput{"SUBSCRIBE with flags 0", v311, "8006 0001 000161 00", kClose},
        BadInput{"SUBSCRIBE without a filter", v311, "8202 0001", kClose},
        BadInput{"SUBSCRIBE with QoS 3", v311, "8206 0001 000161 03", kClose},
        BadInput{"no local on a shared subscription",
                 v5,
                 "8210 0001 00 000a 2473686172652f672f61 04",
                 {"DISCONNECT 82", "CLOSE"}},
        BadInput{"DISCONNECT with flags", v311, "e100", kClose}));

TEST_F(CanaryTest, C01AnythingBeforeConnectClosesWithoutAWord) {
  for (const char* hex : {"3003 000161", "c000", "e000", "8206 0001 000161 00", "0000", "f000", "16030100a5"}) {
    Peer& peer = world.open();
    peer.send_bytes(bytes_of(hex));
    EXPECT_EQ(peer.receive(), Lines{"CLOSE"}) << hex;  // [MQTT-3.1.0-1]
  }
  expect_canary_lives();
}

TEST_F(CanaryTest, NothingIsReadAfterTheLastWord) {
  Peer& peer = world.connect({.id = "c"});
  peer.send_bytes(bytes_of("e000 3008 000663616e617279"));  // DISCONNECT, then a PUBLISH
  EXPECT_EQ(peer.receive(), Lines{"CLOSE"});
  EXPECT_EQ(canary.receive(), Lines());
}

TEST_F(CanaryTest, AForgedLengthCostsNoMemoryAndATooLargeOneIsRefused) {
  Peer& large = world.connect({.id = "large", .version = v5});
  large.send_bytes(bytes_of("30ffffff7f 0001"));  // 256 MiB announced
  EXPECT_EQ(large.receive(), (Lines{"DISCONNECT 95", "CLOSE"}));
  expect_canary_lives();
}

TEST_F(CanaryTest, RandomBytesNeverHurt) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    const ProtocolVersion version = round % 2 ? v5 : v311;
    Peer& peer = round % 3 ? world.connect({.id = "noise", .version = version}) : world.open(version);
    for (int writes = 0; writes < 4 && peer.is_open(); ++writes) {
      std::vector<uint8_t> bytes(1 + random.below(40));
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
      bytes[0] = static_cast<uint8_t>((random.below(16) << 4) | (random.below(4) ? bytes[0] & 2 : bytes[0] & 15));
      if (bytes.size() > 1 && random.below(4)) bytes[1] = static_cast<uint8_t>(bytes.size() - 2);
      peer.send_bytes(bytes);
      peer.receive();
    }
    if (peer.is_open()) peer.drop();
  }
  canary.receive();
  expect_canary_lives();
  EXPECT_EQ(world.broker.stats().connections, 1u);
}

// Valid packets of one client, damaged in one byte: the stream may live or end, the broker goes on.
TEST_F(CanaryTest, DamagedPacketsNeverHurt) {
  Random random(11);
  const auto vectors = protocol::vectors::all();
  for (int round = 0; round < 5000; ++round) {
    const Vector& vector = vectors[random.below(vectors.size())];
    if (!vector.is_valid()) continue;
    std::vector<uint8_t> bytes = vector.bytes;
    bytes[random.below(bytes.size())] = static_cast<uint8_t>(random.next());
    Peer& peer =
        is_connect(vector) ? world.open(vector.version) : world.connect({.id = "noise", .version = vector.version});
    peer.send_bytes(bytes);
    peer.receive();
    if (peer.is_open()) peer.drop();
  }
  canary.receive();
  expect_canary_lives();
}

}  // namespace
}  // namespace mqtt_sim::broker::test
