// CONNECT: who is let in, with what CONNACK, and what the broker tells of its limits.
#include "tests/cpp/broker/harness.hpp"
#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::broker::test {
namespace {

using protocol::vectors::bytes_of;

TEST(ConnectPacket, IsAcceptedAtEveryLevelWithoutAnyOption) {
  prove("A-04");
  World world;
  for (const ProtocolVersion version : {v31, v311, v5}) world.connect({.id = "c", .version = version});
  EXPECT_EQ(world.broker.stats().clients_total, 3u);
}

struct Refusal {
  const char* name;
  const char* hex;
  Lines answer;
};

class ConnectRefused : public testing::TestWithParam<Refusal> {};

TEST_P(ConnectRefused, IsAnsweredAndClosed) {
  World world;
  const auto bytes = bytes_of(GetParam().hex);
  Peer& peer = world.open(bytes.size() > 8 && bytes[8] == 5 ? v5 : v311);
  peer.send_bytes(bytes);
  EXPECT_EQ(peer.receive(), GetParam().answer) << GetParam().name;
  EXPECT_EQ(world.broker.stats().sessions, 0u);
}

// [MQTT-3.1.2-1], [MQTT-3.1.2-2], [MQTT-3.1.2-2] of 3.1.1, [MQTT-3.1.3-8] of 3.1.1, [MQTT-3.1.3-9] of 3.1.1,
// [MQTT-4.12.0-1]
INSTANTIATE_TEST_SUITE_P(
    Reasons, ConnectRefused,
    testing::Values(Refusal{"C14 unknown level", "100d 00044d515454 7f 02 003c 000163", {"CONNACK 01", "CLOSE"}},
                    Refusal{
                        "C16 empty id, clean session 0", "100c 00044d515454 04 00 003c 0000", {"CONNACK 02", "CLOSE"}},
                    Refusal{"C03 wrong name", "100d 00044d515458 04 02 003c 000163", {"CLOSE"}},
                    Refusal{"C19 authentication data without a method",
                            "1014 00044d515454 05 02 003c 04 16000131 0003616263",
                            {"CONNACK 82", "CLOSE"}},
                    Refusal{"C20 unknown authentication method",
                            "1012 00044d515454 05 02 003c 04 15000131 000163",
                            {"CONNACK 8c", "CLOSE"}}));

TEST(ConnectPacket, AnEmptyIdentifierGetsANewOneEachTime) {  // [MQTT-3.1.3-6], [MQTT-3.1.3-7], [MQTT-3.2.2-16]
  World world;
  Peer& one = world.connect({.id = "", .version = v5});
  Peer& two = world.connect({.id = "", .version = v5});
  const auto first = one.connack_properties().text(PropertyId::assigned_client_identifier);
  const auto second = two.connack_properties().text(PropertyId::assigned_client_identifier);
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  world.connect({.id = ""});
  EXPECT_EQ(world.broker.stats().sessions, 3u);
  Peer& named = world.connect({.id = "named", .version = v5});
  EXPECT_FALSE(named.connack_properties().text(PropertyId::assigned_client_identifier));
}

TEST(ConnectPacket, AssignedIdentifiersFollowFromTheSeed) {
  const auto assigned = [] {
    World world;
    return std::string(
        *world.connect({.id = "", .version = v5}).connack_properties().text(PropertyId::assigned_client_identifier));
  };
  EXPECT_EQ(assigned(), assigned());
}

TEST(ConnectPacket, TheConnackTellsTheLimits) {  // [MQTT-3.2.2-21]
  prove("X-03");
  World world({.max_keep_alive_s = 30,
               .max_packet_size = 1000,
               .receive_maximum = 7,
               .topic_alias_maximum = 0,
               .max_session_expiry_s = 60});
  const Client client{.id = "c", .version = v5, .keep_alive_s = 31, .session_expiry_s = 61};
  const PropertyList told = world.connect(client).connack_properties();
  EXPECT_EQ(told.number(PropertyId::server_keep_alive), 30u);
  EXPECT_EQ(told.number(PropertyId::maximum_packet_size), 1000u);
  EXPECT_EQ(told.number(PropertyId::receive_maximum), 7u);
  EXPECT_EQ(told.number(PropertyId::session_expiry_interval), 60u);
  EXPECT_FALSE(told.number(PropertyId::topic_alias_maximum));
  const PropertyList within =
      world.connect({.id = "d", .version = v5, .keep_alive_s = 30, .session_expiry_s = 60}).connack_properties();
  EXPECT_FALSE(within.number(PropertyId::server_keep_alive));
  EXPECT_FALSE(within.number(PropertyId::session_expiry_interval));
}

TEST(ConnectPacket, WithoutAUserNameIsRefusedWhenAnonymousClientsAreNotAllowed) {
  World world({.allow_anonymous = false});
  for (const ProtocolVersion version : {v311, v5}) {
    Peer& peer = world.open(version);
    Connect connect;
    connect.version = version;
    connect.client_id = "c";
    peer.send(connect);
    EXPECT_EQ(peer.receive(), (Lines{version == v5 ? "CONNACK 87" : "CONNACK 05", "CLOSE"}));
    Peer& named = world.open(version);
    connect.user_name = "luke";
    named.send(connect);
    EXPECT_EQ(named.receive(), (Lines{version == v5 ? "CONNACK 87" : "CONNACK 05", "CLOSE"})) << "who says that it is?";
  }
}

TEST(ConnectPacket, ArrivesInPiecesOrTogetherWithWhatFollows) {
  World world;
  const auto bytes = bytes_of("100d 00044d515454 04 02 003c 000163 c000 8206 0001 000161 00 c000");
  Peer& pieces = world.open();
  for (const uint8_t byte : bytes) pieces.send_bytes({&byte, 1});
  const Lines expected{"CONNACK 00", "PINGRESP", "SUBACK #1 00", "PINGRESP"};
  EXPECT_EQ(pieces.receive(), expected);
  Peer& whole = world.open();
  whole.send_bytes(bytes);
  EXPECT_EQ(whole.receive(), expected);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
