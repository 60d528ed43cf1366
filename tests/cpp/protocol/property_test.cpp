#include "core/protocol/property.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {
namespace {

constexpr uint32_t kPublish = place_of(PacketType::publish);
constexpr uint32_t kConnect = place_of(PacketType::connect);

const std::vector<uint32_t> kPlaces = [] {
  std::vector<uint32_t> places{kWillProperties};
  for (unsigned type = 1; type <= 15; ++type) places.push_back(1u << type);
  return places;
}();

// Identifiers by packet, as each packet's own section lists them; the user property (0x26) goes without saying.
const std::vector<std::pair<uint32_t, std::set<unsigned>>> kListed = {
    {kConnect, {0x11, 0x21, 0x27, 0x22, 0x19, 0x17, 0x15, 0x16}},
    {place_of(PacketType::connack),
     {0x11, 0x21, 0x24, 0x25, 0x27, 0x12, 0x22, 0x1F, 0x28, 0x29, 0x2A, 0x13, 0x1A, 0x1C, 0x15, 0x16}},
    {kWillProperties, {0x18, 0x01, 0x02, 0x03, 0x08, 0x09}},
    {kPublish, {0x01, 0x02, 0x23, 0x08, 0x09, 0x0B, 0x03}},
    {place_of(PacketType::puback), {0x1F}},
    {place_of(PacketType::pubrec), {0x1F}},
    {place_of(PacketType::pubrel), {0x1F}},
    {place_of(PacketType::pubcomp), {0x1F}},
    {place_of(PacketType::subscribe), {0x0B}},
    {place_of(PacketType::suback), {0x1F}},
    {place_of(PacketType::unsubscribe), {}},
    {place_of(PacketType::unsuback), {0x1F}},
    {place_of(PacketType::disconnect), {0x11, 0x1F, 0x1C}},
    {place_of(PacketType::auth), {0x15, 0x16, 0x1F}},
};

// A well-formed property of each row, with the method that authentication data asks for.
void write_one(PropertyWriter& writer, const PropertyRow& row) {
  switch (row.type) {
    case PropertyType::byte:
    case PropertyType::two_byte_integer:
    case PropertyType::four_byte_integer:
    case PropertyType::variable_byte_integer: writer.number(row.id, 1); break;
    case PropertyType::utf8_string:
    case PropertyType::binary: writer.text(row.id, "text"); break;
    case PropertyType::utf8_string_pair: writer.user_property("name", "value"); break;
  }
}

ReasonCode refusal_of(const PropertyWriter& writer, uint32_t place) {
  const Expected<PropertyList> list = check_properties(writer.list().encoded(), place);
  return list ? ReasonCode::success : reason_of(list.error());
}

TEST(Property, StandsInThePacketsThatListIt) {
  RecordProperty("req", "X-03");
  size_t allowed = 0;
  for (const uint32_t place : kPlaces) {
    const auto listed = std::ranges::find(kListed, place, &std::pair<uint32_t, std::set<unsigned>>::first);
    for (const PropertyRow& row : property_table()) {
      const unsigned id = static_cast<unsigned>(row.id);
      const bool expected = listed != kListed.end() && (id == 0x26 || listed->second.contains(id));
      PropertyWriter writer;
      write_one(writer, row);
      if (expected && row.id == PropertyId::authentication_data) writer.text(PropertyId::authentication_method, "m");
      EXPECT_EQ(refusal_of(writer, place), expected ? ReasonCode::success : ReasonCode::malformed_packet)
          << row.name << " in " << std::hex << place;
      allowed += expected;
    }
  }
  EXPECT_EQ(allowed, 50u + 14u);
}

TEST(Property, StandsOnceUnlessItMayBeRepeated) {
  for (const uint32_t place : kPlaces) {
    for (const PropertyRow& row : property_table()) {
      if (!(row.allowed_in & place)) continue;
      const bool may_repeat =
          row.id == PropertyId::user_property || (row.id == PropertyId::subscription_identifier && place == kPublish);
      PropertyWriter writer;
      write_one(writer, row);
      write_one(writer, row);
      if (row.id == PropertyId::authentication_data) writer.text(PropertyId::authentication_method, "m");
      EXPECT_EQ(refusal_of(writer, place), may_repeat ? ReasonCode::success : ReasonCode::protocol_error) << row.name;
    }
  }
}

TEST(Property, TableIsOrderedAndFindsItsRows) {
  int previous = 0;
  std::set<std::string_view> names;
  for (const PropertyRow& row : property_table()) {
    EXPECT_LT(previous, static_cast<int>(row.id));
    previous = static_cast<int>(row.id);
    EXPECT_EQ(find_property_row(static_cast<uint8_t>(row.id)), &row);
    names.insert(row.name);
  }
  EXPECT_EQ(names.size(), 27u);
  size_t known = 0;
  for (unsigned id = 0; id < 256; ++id) known += find_property_row(static_cast<uint8_t>(id)) != nullptr;
  EXPECT_EQ(known, 27u);
}

TEST(Property, RefusesUnknownIdentifiers) {
  for (unsigned id = 0; id < 256; ++id) {
    if (find_property_row(static_cast<uint8_t>(id))) continue;
    const uint8_t encoded[] = {static_cast<uint8_t>(id), 0, 0, 0, 0};
    const auto list = check_properties(encoded, kPublish);
    ASSERT_FALSE(list) << id;
    EXPECT_EQ(reason_of(list.error()), ReasonCode::malformed_packet);
  }
}

TEST(Property, RefusesEveryValueCutShort) {
  for (const PropertyRow& row : property_table()) {
    PropertyWriter writer;
    write_one(writer, row);
    const ByteView encoded = writer.list().encoded();
    for (size_t size = 1; size < encoded.size(); ++size) {
      for (const uint32_t place : kPlaces) EXPECT_FALSE(check_properties(encoded.first(size), place)) << row.name;
    }
  }
}

TEST(Property, RefusesValuesTheStandardRulesOut) {
  struct Case {
    PropertyId id;
    uint32_t number;
    uint32_t place;
    ReasonCode expected;
  };
  const uint32_t connack = place_of(PacketType::connack);
  const Case cases[] = {
      {PropertyId::payload_format_indicator, 2, kPublish, ReasonCode::protocol_error},
      {PropertyId::payload_format_indicator, 2, kWillProperties, ReasonCode::protocol_error},
      {PropertyId::request_problem_information, 2, kConnect, ReasonCode::protocol_error},
      {PropertyId::request_response_information, 255, kConnect, ReasonCode::protocol_error},
      {PropertyId::maximum_qos, 2, connack, ReasonCode::protocol_error},
      {PropertyId::retain_available, 2, connack, ReasonCode::protocol_error},
      {PropertyId::wildcard_subscription_available, 2, connack, ReasonCode::protocol_error},
      {PropertyId::subscription_identifier_available, 2, connack, ReasonCode::protocol_error},
      {PropertyId::shared_subscription_available, 2, connack, ReasonCode::protocol_error},
      {PropertyId::receive_maximum, 0, kConnect, ReasonCode::protocol_error},
      {PropertyId::maximum_packet_size, 0, kConnect, ReasonCode::protocol_error},
      {PropertyId::subscription_identifier, 0, kPublish, ReasonCode::protocol_error},
      {PropertyId::subscription_identifier, 0, place_of(PacketType::subscribe), ReasonCode::protocol_error},
      {PropertyId::topic_alias, 0, kPublish, ReasonCode::topic_alias_invalid},  // [MQTT-3.3.2-8]
      {PropertyId::topic_alias_maximum, 0, kConnect, ReasonCode::success},
      {PropertyId::session_expiry_interval, 0, kConnect, ReasonCode::success},
      {PropertyId::message_expiry_interval, 0, kPublish, ReasonCode::success},
      {PropertyId::server_keep_alive, 0, connack, ReasonCode::success},
      {PropertyId::maximum_packet_size, 0xFFFFFFFF, kConnect, ReasonCode::success},
      {PropertyId::subscription_identifier, 268'435'455, kPublish, ReasonCode::success},
  };
  for (const Case& row : cases) {
    PropertyWriter writer;
    writer.number(row.id, row.number);
    EXPECT_EQ(refusal_of(writer, row.place), row.expected) << find_property_row(static_cast<uint8_t>(row.id))->name;
  }
}

TEST(Property, ResponseTopicIsATopicName) {  // [MQTT-3.3.2-14]
  for (const char* bad : {"", "a/+", "#"}) {
    PropertyWriter writer;
    writer.text(PropertyId::response_topic, bad);
    EXPECT_EQ(refusal_of(writer, kPublish), ReasonCode::protocol_error) << bad;
  }
}

TEST(Property, TextsAreWellFormedAndBinaryIsAnything) {
  PropertyWriter string;
  string.text(PropertyId::content_type, "\xED\xA0\x80");
  EXPECT_EQ(refusal_of(string, kPublish), ReasonCode::malformed_packet);  // [MQTT-3.3.2-19]
  PropertyWriter topic;
  topic.text(PropertyId::response_topic, "\xED\xA0\x80");
  EXPECT_EQ(refusal_of(topic, kPublish), ReasonCode::malformed_packet);  // [MQTT-3.3.2-13]
  PropertyWriter name;
  name.user_property("\xFF", "v");
  EXPECT_EQ(refusal_of(name, kPublish), ReasonCode::malformed_packet);  // [MQTT-1.5.7-1]
  PropertyWriter value;
  value.user_property("n", "\xFF");
  EXPECT_EQ(refusal_of(value, kPublish), ReasonCode::malformed_packet);
  PropertyWriter binary;
  binary.text(PropertyId::correlation_data, std::string_view("\0\xFF\xED\xA0\x80", 5));
  EXPECT_EQ(refusal_of(binary, kPublish), ReasonCode::success);
}

TEST(Property, AuthenticationDataNeedsAMethod) {
  for (const PacketType type : {PacketType::connect, PacketType::connack, PacketType::auth}) {
    PropertyWriter writer;
    writer.text(PropertyId::authentication_data, "d");
    EXPECT_EQ(refusal_of(writer, place_of(type)), ReasonCode::protocol_error);
    writer.text(PropertyId::authentication_method, "m");
    EXPECT_EQ(refusal_of(writer, place_of(type)), ReasonCode::success);
  }
}

TEST(PropertyList, ReadsBackWhatAWriterWrote) {
  PropertyWriter writer;
  EXPECT_TRUE(writer.empty());
  writer.number(PropertyId::payload_format_indicator, 1)
      .number(PropertyId::message_expiry_interval, 0x01020304)
      .number(PropertyId::topic_alias, 0xABCD)
      .number(PropertyId::subscription_identifier, 16'384)
      .text(PropertyId::content_type, "json")
      .user_property("k", "1")
      .user_property("k", "2")
      .user_property("l", "3");
  const Expected<PropertyList> list = check_properties(writer.list().encoded(), kPublish);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->number(PropertyId::payload_format_indicator), 1u);
  EXPECT_EQ(list->number(PropertyId::message_expiry_interval), 0x01020304u);
  EXPECT_EQ(list->number(PropertyId::topic_alias), 0xABCDu);
  EXPECT_EQ(list->number(PropertyId::subscription_identifier), 16'384u);
  EXPECT_EQ(list->text(PropertyId::content_type), "json");
  EXPECT_EQ(list->user_property("k"), "1");
  EXPECT_EQ(list->user_property("l"), "3");
  EXPECT_FALSE(list->user_property("m"));
  EXPECT_FALSE(list->number(PropertyId::receive_maximum));
  EXPECT_FALSE(list->text(PropertyId::response_topic));

  PropertyWriter copy;
  size_t count = 0;
  for (const Property& property : *list) {
    copy.copy(property);
    ++count;
  }
  EXPECT_EQ(count, 8u);
  EXPECT_TRUE(std::ranges::equal(copy.list().encoded(), writer.list().encoded()));
  copy.clear();
  EXPECT_TRUE(copy.empty());
}

TEST(PropertyList, IsEmptyByDefault) {
  const PropertyList list;
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.number(PropertyId::topic_alias));
  for (const Property& property : list) FAIL() << static_cast<int>(property.id);
}

TEST(PropertyWriterDeathTest, AssertsTypesAndRanges) {
  PropertyWriter writer;
  EXPECT_DEATH(writer.number(PropertyId::content_type, 1), "number");
  EXPECT_DEATH(writer.number(PropertyId::payload_format_indicator, 256), "0xFF");
  EXPECT_DEATH(writer.number(PropertyId::topic_alias, 65'536), "0xFFFF");
  EXPECT_DEATH(writer.number(PropertyId::subscription_identifier, 268'435'456), "kLargest");
  EXPECT_DEATH(writer.text(PropertyId::topic_alias, "x"), "utf8_string");
  EXPECT_DEATH(writer.text(PropertyId::user_property, "x"), "utf8_string");
  EXPECT_DEATH(writer.text(PropertyId::content_type, std::string(65'536, 'x')), "0xFFFF");
}

}  // namespace
}  // namespace mqtt_sim::protocol
