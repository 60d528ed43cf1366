// The MQTT control packets as values: one struct per packet type for all protocol levels. Texts, payloads and
// properties are views: of a decoded packet into the bytes it was decoded from, of one to be encoded into whatever the
// sender owns. Nothing here knows a session or a clock.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/protocol/property.hpp"
#include "core/protocol/reason_code.hpp"

namespace mqtt_sim::protocol {

enum class PacketType : uint8_t {
  reserved = 0,
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};
std::string_view to_string(PacketType);  // "PUBLISH"
constexpr uint32_t place_of(PacketType type) { return 1u << static_cast<uint8_t>(type); }

enum class ProtocolVersion : uint8_t { v3_1 = 3, v3_1_1 = 4, v5_0 = 5 };

constexpr bool has_properties(ProtocolVersion version) { return version == ProtocolVersion::v5_0; }

enum class QoS : uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

using PacketId = uint16_t;  // never 0 on the wire

struct Will {
  std::string_view topic;
  ByteView payload;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  PropertyList properties;
};

struct Connect {
  ProtocolVersion version = ProtocolVersion::v3_1_1;
  bool clean_start = true;  // "clean session" below 5.0
  uint16_t keep_alive_s = 0;
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> user_name;
  std::optional<ByteView> password;
  PropertyList properties;
};

struct Connack {
  bool session_present = false;
  uint8_t code = 0;  // ReasonCode for 5.0, ConnectReturnCode below
  PropertyList properties;
};

struct Publish {
  bool dup = false;
  QoS qos = QoS::at_most_once;
  bool retain = false;
  std::string_view topic;
  PacketId packet_id = 0;  // 0 for QoS 0
  PropertyList properties;
  ByteView payload;
};

// PUBACK, PUBREC, PUBREL and PUBCOMP share one form.
template <PacketType type_>
struct PublishReply {
  static constexpr PacketType type = type_;
  PacketId packet_id = 0;
  ReasonCode reason = ReasonCode::success;
  PropertyList properties;
};
using Puback = PublishReply<PacketType::puback>;
using Pubrec = PublishReply<PacketType::pubrec>;
using Pubrel = PublishReply<PacketType::pubrel>;
using Pubcomp = PublishReply<PacketType::pubcomp>;

enum class RetainHandling : uint8_t { send = 0, send_if_new = 1, do_not_send = 2 };

struct SubscriptionOptions {
  QoS qos = QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  RetainHandling retain_handling = RetainHandling::send;

  friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

struct SubscribeEntry {
  std::string_view filter;
  SubscriptionOptions options;
};

struct Subscribe {
  PacketId packet_id = 0;
  PropertyList properties;
  std::vector<SubscribeEntry> entries;
};

struct Suback {
  PacketId packet_id = 0;
  PropertyList properties;
  ByteView codes;  // ReasonCode each; below 5.0 granted QoS or 0x80
};

struct Unsubscribe {
  PacketId packet_id = 0;
  PropertyList properties;
  std::vector<std::string_view> filters;
};

struct Unsuback {
  PacketId packet_id = 0;
  PropertyList properties;
  ByteView codes;  // empty below 5.0
};

struct Pingreq {};
struct Pingresp {};

struct Disconnect {
  ReasonCode reason = ReasonCode::success;
  PropertyList properties;
};

struct Auth {
  ReasonCode reason = ReasonCode::success;
  PropertyList properties;
};

using Packet = std::variant<Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe, Suback, Unsubscribe,
                            Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

PacketType type_of(const Packet&);

}  // namespace mqtt_sim::protocol
