#include "core/protocol/reason_code.hpp"

#include <array>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {
namespace {

constexpr uint32_t kConnack = place_of(PacketType::connack);
constexpr uint32_t kPublished = place_of(PacketType::puback) | place_of(PacketType::pubrec);
constexpr uint32_t kReleased = place_of(PacketType::pubrel) | place_of(PacketType::pubcomp);
constexpr uint32_t kSuback = place_of(PacketType::suback);
constexpr uint32_t kUnsuback = place_of(PacketType::unsuback);
constexpr uint32_t kDisconnect = place_of(PacketType::disconnect);
constexpr uint32_t kAuth = place_of(PacketType::auth);

struct Row {
  ReasonCode code;
  std::string_view words;
  uint32_t places;
};

// Table 2-6, ordered by code.
constexpr Row kRows[] = {
    {ReasonCode::success, "success", kConnack | kPublished | kReleased | kSuback | kUnsuback | kDisconnect | kAuth},
    {ReasonCode::granted_qos_1, "granted qos 1", kSuback},
    {ReasonCode::granted_qos_2, "granted qos 2", kSuback},
    {ReasonCode::disconnect_with_will_message, "disconnect with will message", kDisconnect},
    {ReasonCode::no_matching_subscribers, "no matching subscribers", kPublished},
    {ReasonCode::no_subscription_existed, "no subscription existed", kUnsuback},
    {ReasonCode::continue_authentication, "continue authentication", kAuth},
    {ReasonCode::reauthenticate, "re-authenticate", kAuth},
    {ReasonCode::unspecified_error, "unspecified error", kConnack | kPublished | kSuback | kUnsuback | kDisconnect},
    {ReasonCode::malformed_packet, "malformed packet", kConnack | kDisconnect},
    {ReasonCode::protocol_error, "protocol error", kConnack | kDisconnect},
    {ReasonCode::implementation_specific_error, "implementation specific error",
     kConnack | kPublished | kSuback | kUnsuback | kDisconnect},
    {ReasonCode::unsupported_protocol_version, "unsupported protocol version", kConnack},
    {ReasonCode::client_identifier_not_valid, "client identifier not valid", kConnack},
    {ReasonCode::bad_user_name_or_password, "bad user name or password", kConnack},
    {ReasonCode::not_authorized, "not authorized", kConnack | kPublished | kSuback | kUnsuback | kDisconnect},
    {ReasonCode::server_unavailable, "server unavailable", kConnack},
    {ReasonCode::server_busy, "server busy", kConnack | kDisconnect},
    {ReasonCode::banned, "banned", kConnack},
    {ReasonCode::server_shutting_down, "server shutting down", kDisconnect},
    {ReasonCode::bad_authentication_method, "bad authentication method", kConnack | kDisconnect},
    {ReasonCode::keep_alive_timeout, "keep alive timeout", kDisconnect},
    {ReasonCode::session_taken_over, "session taken over", kDisconnect},
    {ReasonCode::topic_filter_invalid, "topic filter invalid", kSuback | kUnsuback | kDisconnect},
    {ReasonCode::topic_name_invalid, "topic name invalid", kConnack | kPublished | kDisconnect},
    {ReasonCode::packet_identifier_in_use, "packet identifier in use", kPublished | kSuback | kUnsuback},
    {ReasonCode::packet_identifier_not_found, "packet identifier not found", kReleased},
    {ReasonCode::receive_maximum_exceeded, "receive maximum exceeded", kDisconnect},
    {ReasonCode::topic_alias_invalid, "topic alias invalid", kDisconnect},
    {ReasonCode::packet_too_large, "packet too large", kConnack | kDisconnect},
    {ReasonCode::message_rate_too_high, "message rate too high", kDisconnect},
    {ReasonCode::quota_exceeded, "quota exceeded", kConnack | kPublished | kSuback | kDisconnect},
    {ReasonCode::administrative_action, "administrative action", kDisconnect},
    {ReasonCode::payload_format_invalid, "payload format invalid", kConnack | kPublished | kDisconnect},
    {ReasonCode::retain_not_supported, "retain not supported", kConnack | kDisconnect},
    {ReasonCode::qos_not_supported, "qos not supported", kConnack | kDisconnect},
    {ReasonCode::use_another_server, "use another server", kConnack | kDisconnect},
    {ReasonCode::server_moved, "server moved", kConnack | kDisconnect},
    {ReasonCode::shared_subscriptions_not_supported, "shared subscriptions not supported", kSuback | kDisconnect},
    {ReasonCode::connection_rate_exceeded, "connection rate exceeded", kConnack | kDisconnect},
    {ReasonCode::maximum_connect_time, "maximum connect time", kDisconnect},
    {ReasonCode::subscription_identifiers_not_supported, "subscription identifiers not supported",
     kSuback | kDisconnect},
    {ReasonCode::wildcard_subscriptions_not_supported, "wildcard subscriptions not supported", kSuback | kDisconnect},
};

constexpr uint8_t kNoRow = 0xFF;

constexpr auto kRowOfCode = [] {
  std::array<uint8_t, 256> rows{};
  rows.fill(kNoRow);
  for (size_t i = 0; i < std::size(kRows); ++i) rows[static_cast<uint8_t>(kRows[i].code)] = static_cast<uint8_t>(i);
  return rows;
}();

}  // namespace

bool is_reason_of(uint8_t code, uint32_t place) {
  const uint8_t row = kRowOfCode[code];
  return row != kNoRow && (kRows[row].places & place) != 0;
}

std::string_view to_string(ReasonCode code) {
  const uint8_t row = kRowOfCode[static_cast<uint8_t>(code)];
  return row == kNoRow ? "unknown reason code" : kRows[row].words;
}

std::string_view to_string(ConnectReturnCode code) {
  switch (code) {
    case ConnectReturnCode::accepted: return "accepted";
    case ConnectReturnCode::unacceptable_protocol_version: return "unacceptable protocol version";
    case ConnectReturnCode::identifier_rejected: return "identifier rejected";
    case ConnectReturnCode::server_unavailable: return "server unavailable";
    case ConnectReturnCode::bad_user_name_or_password: return "bad user name or password";
    case ConnectReturnCode::not_authorized: return "not authorized";
  }
  return "unknown return code";
}

ConnectReturnCode to_connect_return_code(ReasonCode code) {
  switch (code) {
    case ReasonCode::success: return ConnectReturnCode::accepted;
    case ReasonCode::unsupported_protocol_version: return ConnectReturnCode::unacceptable_protocol_version;
    case ReasonCode::client_identifier_not_valid: return ConnectReturnCode::identifier_rejected;
    case ReasonCode::bad_user_name_or_password: return ConnectReturnCode::bad_user_name_or_password;
    case ReasonCode::not_authorized:
    case ReasonCode::banned:
    case ReasonCode::bad_authentication_method: return ConnectReturnCode::not_authorized;
    default: return ConnectReturnCode::server_unavailable;
  }
}

ReasonCode from_connect_return_code(uint8_t code) {
  switch (static_cast<ConnectReturnCode>(code)) {
    case ConnectReturnCode::accepted: return ReasonCode::success;
    case ConnectReturnCode::unacceptable_protocol_version: return ReasonCode::unsupported_protocol_version;
    case ConnectReturnCode::identifier_rejected: return ReasonCode::client_identifier_not_valid;
    case ConnectReturnCode::server_unavailable: return ReasonCode::server_unavailable;
    case ConnectReturnCode::bad_user_name_or_password: return ReasonCode::bad_user_name_or_password;
    case ConnectReturnCode::not_authorized: return ReasonCode::not_authorized;
  }
  return ReasonCode::unspecified_error;
}

}  // namespace mqtt_sim::protocol
