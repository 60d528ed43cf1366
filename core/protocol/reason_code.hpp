// Reason codes of MQTT 5.0 (section 2.4) and return codes of 3.1.1 (3.2.2.3, 3.9.3). An Error of the peer carries one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/expected.hpp"

namespace mqtt_sim::protocol {

enum class ReasonCode : uint8_t {
  success = 0x00,  // also normal disconnection, granted QoS 0
  granted_qos_1 = 0x01,
  granted_qos_2 = 0x02,
  disconnect_with_will_message = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  reauthenticate = 0x19,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};

// CONNACK return codes below 5.0.
enum class ConnectReturnCode : uint8_t {
  accepted = 0,
  unacceptable_protocol_version = 1,
  identifier_rejected = 2,
  server_unavailable = 3,
  bad_user_name_or_password = 4,
  not_authorized = 5,
};

constexpr bool is_failure(ReasonCode code) { return static_cast<uint8_t>(code) >= 0x80; }

// Whether a packet may carry the code: `place` is 1 << PacketType (table 2-6).
bool is_reason_of(uint8_t code, uint32_t place);

inline Error make_error(ReasonCode reason, std::string text) { return {static_cast<uint8_t>(reason), std::move(text)}; }
inline ReasonCode reason_of(const Error& error) { return static_cast<ReasonCode>(error.reason); }

std::string_view to_string(ReasonCode);         // words of the standard, lower case; "unknown reason code" otherwise
std::string_view to_string(ConnectReturnCode);  // likewise

// The 3.x return code that says most nearly what a 5.0 reason code says.
ConnectReturnCode to_connect_return_code(ReasonCode);
// The 5.0 reason code of a 3.x CONNACK return code; unspecified_error when out of range.
ReasonCode from_connect_return_code(uint8_t);

}  // namespace mqtt_sim::protocol
