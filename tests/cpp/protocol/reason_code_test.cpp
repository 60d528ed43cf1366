#include "core/protocol/reason_code.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {
namespace {

struct PlaceRow {
  PacketType type;
  std::set<unsigned> codes;  // of the table in the section of the packet; 0x8C of DISCONNECT stands in table 2-6 alone
};

const PlaceRow kPlaces[] = {
    {PacketType::connack, {0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                           0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F}},
    {PacketType::puback, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PacketType::pubrec, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PacketType::pubrel, {0x00, 0x92}},
    {PacketType::pubcomp, {0x00, 0x92}},
    {PacketType::suback, {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2}},
    {PacketType::unsuback, {0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91}},
    {PacketType::disconnect,
     {0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93,
      0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2}},
    {PacketType::auth, {0x00, 0x18, 0x19}},
    {PacketType::connect, {}},
    {PacketType::publish, {}},
    {PacketType::pingreq, {}},
};

// [MQTT-3.2.2-8], [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1], [MQTT-3.9.3-2], [MQTT-3.11.3-2],
// [MQTT-3.14.2-1], [MQTT-3.15.2-1]
TEST(ReasonCode, StandsInThePacketsThatListIt) {
  for (const PlaceRow& row : kPlaces) {
    for (unsigned code = 0; code < 256; ++code) {
      EXPECT_EQ(is_reason_of(static_cast<uint8_t>(code), place_of(row.type)), row.codes.contains(code))
          << to_string(row.type) << " with " << std::hex << code;
    }
  }
}

TEST(ReasonCode, HasWordsOfItsOwn) {
  std::set<std::string_view> words;
  std::set<unsigned> codes;
  for (const PlaceRow& row : kPlaces) codes.insert(row.codes.begin(), row.codes.end());
  for (unsigned code = 0; code < 256; ++code) {
    const std::string_view text = to_string(static_cast<ReasonCode>(code));
    EXPECT_EQ(text == "unknown reason code", !codes.contains(code)) << std::hex << code;
    words.insert(text);
  }
  EXPECT_EQ(words.size(), codes.size() + 1);
  EXPECT_EQ(to_string(ReasonCode::session_taken_over), "session taken over");
}

TEST(ReasonCode, FailsFrom0x80On) {
  EXPECT_FALSE(is_failure(ReasonCode::reauthenticate));
  EXPECT_TRUE(is_failure(ReasonCode::unspecified_error));
}

TEST(ReasonCode, TravelsInAnError) {
  const Error error = make_error(ReasonCode::topic_alias_invalid, "alias 0");
  EXPECT_EQ(reason_of(error), ReasonCode::topic_alias_invalid);
  EXPECT_EQ(error.text, "alias 0");
}

TEST(ConnectReturnCode, GoesToAReasonCodeAndBack) {
  for (uint8_t code = 0; code <= 5; ++code) {
    EXPECT_EQ(static_cast<uint8_t>(to_connect_return_code(from_connect_return_code(code))), code);
    EXPECT_NE(to_string(static_cast<ConnectReturnCode>(code)), "unknown return code");
  }
  EXPECT_EQ(from_connect_return_code(6), ReasonCode::unspecified_error);
  EXPECT_EQ(from_connect_return_code(0x87), ReasonCode::unspecified_error);
  EXPECT_EQ(to_string(static_cast<ConnectReturnCode>(6)), "unknown return code");
}

TEST(ConnectReturnCode, NeverCallsARefusalAccepted) {
  for (unsigned code = 0x80; code < 256; ++code) {
    EXPECT_NE(to_connect_return_code(static_cast<ReasonCode>(code)), ConnectReturnCode::accepted) << code;
  }
  EXPECT_EQ(to_connect_return_code(ReasonCode::banned), ConnectReturnCode::not_authorized);
  EXPECT_EQ(to_connect_return_code(ReasonCode::server_busy), ConnectReturnCode::server_unavailable);
}

TEST(PacketType, HasTheNameOfTheStandard) {
  EXPECT_EQ(to_string(PacketType::connect), "CONNECT");
  EXPECT_EQ(to_string(PacketType::auth), "AUTH");
  EXPECT_EQ(type_of(Packet(Connect())), PacketType::connect);
  EXPECT_EQ(type_of(Packet(Pubrel())), PacketType::pubrel);
  EXPECT_EQ(type_of(Packet(Auth())), PacketType::auth);
}

}  // namespace
}  // namespace mqtt_sim::protocol
