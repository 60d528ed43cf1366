#include "core/protocol/property.hpp"

#include <array>

#include "core/protocol/packet.hpp"
#include "core/protocol/topic.hpp"
#include "core/protocol/utf8.hpp"
#include "core/protocol/variable_byte_integer.hpp"

namespace mqtt_sim::protocol {
namespace {

constexpr uint32_t kConnect = place_of(PacketType::connect);
constexpr uint32_t kConnack = place_of(PacketType::connack);
constexpr uint32_t kPublish = place_of(PacketType::publish);
constexpr uint32_t kSubscribe = place_of(PacketType::subscribe);
constexpr uint32_t kUnsubscribe = place_of(PacketType::unsubscribe);
constexpr uint32_t kDisconnect = place_of(PacketType::disconnect);
constexpr uint32_t kAuth = place_of(PacketType::auth);
constexpr uint32_t kReplies = place_of(PacketType::puback) | place_of(PacketType::pubrec) |
                              place_of(PacketType::pubrel) | place_of(PacketType::pubcomp) |
                              place_of(PacketType::suback) | place_of(PacketType::unsuback);
constexpr uint32_t kMessage = kPublish | kWillProperties;
constexpr uint32_t kEverywhere =
    kConnect | kConnack | kMessage | kReplies | kSubscribe | kUnsubscribe | kDisconnect | kAuth;

using Id = PropertyId;
using Type = PropertyType;

// Table 2-4.
constexpr PropertyRow kTable[] = {
    {Id::payload_format_indicator, "payload_format_indicator", Type::byte, kMessage, 0},
    {Id::message_expiry_interval, "message_expiry_interval", Type::four_byte_integer, kMessage, 0},
    {Id::content_type, "content_type", Type::utf8_string, kMessage, 0},
    {Id::response_topic, "response_topic", Type::utf8_string, kMessage, 0},
    {Id::correlation_data, "correlation_data", Type::binary, kMessage, 0},
    {Id::subscription_identifier, "subscription_identifier", Type::variable_byte_integer, kPublish | kSubscribe,
     kPublish},
    {Id::session_expiry_interval, "session_expiry_interval", Type::four_byte_integer, kConnect | kConnack | kDisconnect,
     0},
    {Id::assigned_client_identifier, "assigned_client_identifier", Type::utf8_string, kConnack, 0},
    {Id::server_keep_alive, "server_keep_alive", Type::two_byte_integer, kConnack, 0},
    {Id::authentication_method, "authentication_method", Type::utf8_string, kConnect | kConnack | kAuth, 0},
    {Id::authentication_data, "authentication_data", Type::binary, kConnect | kConnack | kAuth, 0},
    {Id::request_problem_information, "request_problem_information", Type::byte, kConnect, 0},
    {Id::will_delay_interval, "will_delay_interval", Type::four_byte_integer, kWillProperties, 0},
    {Id::request_response_information, "request_response_information", Type::byte, kConnect, 0},
    {Id::response_information, "response_information", Type::utf8_string, kConnack, 0},
    {Id::server_reference, "server_reference", Type::utf8_string, kConnack | kDisconnect, 0},
    {Id::reason_string, "reason_string", Type::utf8_string, kConnack | kReplies | kDisconnect | kAuth, 0},
    {Id::receive_maximum, "receive_maximum", Type::two_byte_integer, kConnect | kConnack, 0},
    {Id::topic_alias_maximum, "topic_alias_maximum", Type::two_byte_integer, kConnect | kConnack, 0},
    {Id::topic_alias, "topic_alias", Type::two_byte_integer, kPublish, 0},
    {Id::maximum_qos, "maximum_qos", Type::byte, kConnack, 0},
    {Id::retain_available, "retain_available", Type::byte, kConnack, 0},
    {Id::user_property, "user_property", Type::utf8_string_pair, kEverywhere, kEverywhere},
    {Id::maximum_packet_size, "maximum_packet_size", Type::four_byte_integer, kConnect | kConnack, 0},
    {Id::wildcard_subscription_available, "wildcard_subscription_available", Type::byte, kConnack, 0},
    {Id::subscription_identifier_available, "subscription_identifier_available", Type::byte, kConnack, 0},
    {Id::shared_subscription_available, "shared_subscription_available", Type::byte, kConnack, 0},
};

constexpr size_t kIdLimit = 64;  // identifiers are below it, so a set of them fits a word

constexpr auto kRowOfId = [] {
  std::array<const PropertyRow*, kIdLimit> rows{};
  for (const PropertyRow& row : kTable) rows[static_cast<uint8_t>(row.id)] = &row;
  return rows;
}();

std::string_view read_text(ByteReader& in) { return as_text(in.take(in.u16())); }

// The value after an identifier, texts not yet checked. Nothing when it is not of the row's type.
std::optional<Property> read_value(ByteReader& in, const PropertyRow& row) {
  Property property;
  property.id = row.id;
  switch (row.type) {
    case Type::byte: property.number = in.u8(); break;
    case Type::two_byte_integer: property.number = in.u16(); break;
    case Type::four_byte_integer: property.number = in.u32(); break;
    case Type::variable_byte_integer: {
      const std::optional<uint32_t> number = read_variable_byte_integer(in);
      if (!number) return std::nullopt;
      property.number = *number;
      break;
    }
    case Type::binary:
    case Type::utf8_string: property.text = read_text(in); break;
    case Type::utf8_string_pair:
      property.text = read_text(in);
      property.value = read_text(in);
      break;
  }
  if (in.is_bad()) return std::nullopt;
  return property;
}

bool has_well_formed_text(const PropertyRow& row, const Property& property) {
  if (row.type == Type::utf8_string) return is_utf8_string(property.text);  // [MQTT-3.3.2-13], [MQTT-3.3.2-19]
  if (row.type == Type::utf8_string_pair)
    return is_utf8_string(property.text) && is_utf8_string(property.value);  // [MQTT-1.5.7-1]
  return true;
}

// What the standard says of single values beyond their type.
std::optional<Error> objection_to_value(const PropertyRow& row, const Property& property) {
  if (row.type == Type::byte && property.number > 1) {  // every property of this type is a choice between 0 and 1
    return make_error(ReasonCode::protocol_error, "property value is neither 0 nor 1");
  }
  switch (row.id) {
    case Id::receive_maximum:
    case Id::maximum_packet_size:
    case Id::subscription_identifier:
      if (property.number == 0) return make_error(ReasonCode::protocol_error, "property value is 0");
      break;
    case Id::topic_alias:  // [MQTT-3.3.2-8]
      if (property.number == 0) return make_error(ReasonCode::topic_alias_invalid, "topic alias is 0");
      break;
    case Id::response_topic:  // [MQTT-3.3.2-14]
      if (!is_valid_topic_name(property.text)) {
        return make_error(ReasonCode::protocol_error, "response topic is not a topic name");
      }
      break;
    default: break;
  }
  return std::nullopt;
}

constexpr uint64_t bit_of(PropertyId id) { return uint64_t{1} << static_cast<uint8_t>(id); }

}  // namespace

std::span<const PropertyRow> property_table() { return kTable; }

const PropertyRow* find_property_row(uint8_t id) { return id < kIdLimit ? kRowOfId[id] : nullptr; }

Expected<PropertyList> check_properties(ByteView encoded, uint32_t place) {
  uint64_t seen = 0;
  for (ByteReader in(encoded); !in.is_done();) {
    const PropertyRow* row = find_property_row(in.u8());
    if (!row) return make_error(ReasonCode::malformed_packet, "unknown property identifier");
    if (!(row->allowed_in & place)) {
      return make_error(ReasonCode::malformed_packet, "property not allowed in this packet");
    }
    const std::optional<Property> property = read_value(in, *row);
    if (!property) return make_error(ReasonCode::malformed_packet, "property value is not of its type");
    if (!has_well_formed_text(*row, *property)) {
      return make_error(ReasonCode::malformed_packet, "property text is not well-formed UTF-8");
    }
    if (auto objection = objection_to_value(*row, *property)) return *std::move(objection);
    if ((seen & bit_of(row->id)) && !(row->repeatable_in & place)) {
      return make_error(ReasonCode::protocol_error, "property stands twice");
    }
    seen |= bit_of(row->id);
  }
  if ((seen & bit_of(Id::authentication_data)) && !(seen & bit_of(Id::authentication_method))) {
    return make_error(ReasonCode::protocol_error, "authentication data without a method");
  }
  return PropertyList(encoded);
}

std::optional<uint32_t> PropertyList::number(PropertyId id) const {
  for (const Property& property : *this) {
    if (property.id == id) return property.number;
  }
  return std::nullopt;
}

std::optional<std::string_view> PropertyList::text(PropertyId id) const {
  for (const Property& property : *this) {
    if (property.id == id) return property.text;
  }
  return std::nullopt;
}

std::optional<std::string_view> PropertyList::user_property(std::string_view name) const {
  for (const Property& property : *this) {
    if (property.id == Id::user_property && property.text == name) return property.value;
  }
  return std::nullopt;
}

PropertyList::Iterator::Iterator(ByteView rest) : rest_(rest), at_end_(false) { ++*this; }

PropertyList::Iterator& PropertyList::Iterator::operator++() {
  at_end_ = rest_.empty();
  if (at_end_) return *this;
  ByteReader in(rest_);
  const PropertyRow* row = find_property_row(in.u8());
  MQTT_SIM_ASSERT(row);
  const std::optional<Property> property = read_value(in, *row);
  MQTT_SIM_ASSERT(property);
  current_ = *property;
  current_.encoded = rest_.first(rest_.size() - in.remaining());
  rest_ = rest_.last(in.remaining());
  return *this;
}

namespace {

const PropertyRow& row_of(PropertyId id) {
  const PropertyRow* row = find_property_row(static_cast<uint8_t>(id));
  MQTT_SIM_ASSERT(row);
  return *row;
}

// Bytes onto the end of a vector, with the words of a ByteWriter.
struct Appender {
  std::vector<uint8_t>& bytes;

  void u8(uint8_t value) { bytes.push_back(value); }
  void u16(uint32_t value) {
    u8(static_cast<uint8_t>(value >> 8));
    u8(static_cast<uint8_t>(value));
  }
  void u32(uint32_t value) {
    u16(value >> 16);
    u16(value & 0xFFFF);
  }
  void text(std::string_view value) {
    MQTT_SIM_ASSERT(value.size() <= 0xFFFF);
    u16(static_cast<uint32_t>(value.size()));
    bytes.insert(bytes.end(), value.begin(), value.end());
  }
};

}  // namespace

PropertyWriter& PropertyWriter::number(PropertyId id, uint32_t value) {
  Appender out{encoded_};
  out.u8(static_cast<uint8_t>(id));
  switch (row_of(id).type) {
    case Type::byte:
      MQTT_SIM_ASSERT(value <= 0xFF);
      out.u8(static_cast<uint8_t>(value));
      break;
    case Type::two_byte_integer:
      MQTT_SIM_ASSERT(value <= 0xFFFF);
      out.u16(value);
      break;
    case Type::four_byte_integer: out.u32(value); break;
    case Type::variable_byte_integer:
      MQTT_SIM_ASSERT(value <= kLargestVariableByteInteger);
      write_variable_byte_integer(out, value);
      break;
    default: MQTT_SIM_ASSERT(false && "a property with a number");
  }
  return *this;
}

PropertyWriter& PropertyWriter::text(PropertyId id, std::string_view value) {
  const PropertyType type = row_of(id).type;
  MQTT_SIM_ASSERT(type == Type::utf8_string || type == Type::binary);
  Appender out{encoded_};
  out.u8(static_cast<uint8_t>(id));
  out.text(value);
  return *this;
}

PropertyWriter& PropertyWriter::user_property(std::string_view name, std::string_view value) {
  Appender out{encoded_};
  out.u8(static_cast<uint8_t>(Id::user_property));
  out.text(name);
  out.text(value);
  return *this;
}

PropertyWriter& PropertyWriter::copy(const Property& property) {
  encoded_.insert(encoded_.end(), property.encoded.begin(), property.encoded.end());
  return *this;
}

}  // namespace mqtt_sim::protocol
