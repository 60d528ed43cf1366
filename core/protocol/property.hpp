// MQTT 5.0 properties (section 2.2.2). A PropertyList is a view on the encoded properties of one packet, checked when
// it was decoded: every identifier known, of the right type, allowed in that packet and not repeated unless it may be.
// So reading needs no error path, forwarding unaltered is a copy of bytes, and a packet below 5.0 simply has an empty
// list. PropertyWriter builds such bytes. The table of all properties (id, type, where allowed, repeatable) is in
// property.cpp.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/expected.hpp"

namespace mqtt_sim::protocol {

enum class PropertyId : uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

enum class PropertyType : uint8_t {
  byte,
  two_byte_integer,
  four_byte_integer,
  variable_byte_integer,
  binary,
  utf8_string,
  utf8_string_pair
};

// Where a property may stand: one bit per packet type (1 << PacketType), and one for will properties.
inline constexpr uint32_t kWillProperties = 1u << 16;

struct PropertyRow {
  PropertyId id;
  std::string_view name;  // the enumerator's name
  PropertyType type;
  uint32_t allowed_in;
  uint32_t repeatable_in;  // where it may stand more than once
};

std::span<const PropertyRow> property_table();     // ordered by id
const PropertyRow* find_property_row(uint8_t id);  // nullptr: unknown identifier

// One property as read. Which member is meaningful follows from the row's type: `number` for the integer types and
// byte, `text` for strings and binary data, `text` and `value` for a string pair.
struct Property {
  PropertyId id{};
  uint32_t number = 0;
  std::string_view text;
  std::string_view value;
  ByteView encoded;  // identifier and value as they stand in the list
};

class PropertyList {
 public:
  PropertyList() = default;
  // `encoded`: the bytes after the property length, already checked (check_properties) or written by PropertyWriter.
  explicit PropertyList(ByteView encoded) : encoded_(encoded) {}

  ByteView encoded() const { return encoded_; }
  bool empty() const { return encoded_.empty(); }

  std::optional<uint32_t> number(PropertyId) const;        // of a byte or an integer property
  std::optional<std::string_view> text(PropertyId) const;  // of a string or binary property; the first one
  std::optional<std::string_view> user_property(std::string_view name) const;  // value of the first with that name

  class Iterator {
   public:
    using value_type = Property;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(ByteView rest);
    const Property& operator*() const { return current_; }
    const Property* operator->() const { return &current_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_end_; }

   private:
    ByteView rest_;
    Property current_;
    bool at_end_ = true;
  };
  Iterator begin() const { return Iterator(encoded_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  ByteView encoded_;
};

// Checks encoded properties for `place` (1 << PacketType, or kWillProperties). Error: malformed_packet or
// protocol_error as the standard names it for each breach.
Expected<PropertyList> check_properties(ByteView encoded, uint32_t place);

class PropertyWriter {
 public:
  PropertyWriter& number(PropertyId, uint32_t);        // byte and integer types; asserts the type and its range
  PropertyWriter& text(PropertyId, std::string_view);  // strings and binary; at most 65,535 bytes
  PropertyWriter& user_property(std::string_view name, std::string_view value);
  PropertyWriter& copy(const Property&);  // as read from another list

  PropertyList list() const { return PropertyList(encoded_); }
  bool empty() const { return encoded_.empty(); }
  void clear() { encoded_.clear(); }

 private:
  std::vector<uint8_t> encoded_;
};

}  // namespace mqtt_sim::protocol
