// How a client connects and what it promises: one immutable value shared by every client of a group, so that a client
// itself stays small. Owned by whoever makes the clients; must outlive them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

struct WillOptions {
  std::string topic;
  std::string payload;
  protocol::QoS qos{};
  bool retain = false;
};

struct ClientOptions {
  protocol::ProtocolVersion version = protocol::ProtocolVersion::v3_1_1;
  // Asked for by connect(). A reconnect of its own resumes a 5.0 session that outlives its stream (session expiry > 0).
  bool clean_start = true;
  uint32_t session_expiry_interval_s = 0;               // 5.0 only
  uint16_t keep_alive_s = 60;                           // 0: off
  Duration connect_timeout = std::chrono::seconds(30);  // from the attempt to open the stream to CONNACK
  // 0: a lost connection stays closed. Else the longest first wait; it doubles with each failure up to
  // reconnect_period_max, and each wait is drawn evenly between nothing and that (full jitter).
  Duration reconnect_period{0};
  Duration reconnect_period_max = std::chrono::seconds(30);
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  std::optional<WillOptions> will;
  uint16_t receive_maximum = 65535;    // told in a 5.0 CONNECT when lower
  uint16_t in_flight_maximum = 65535;  // most unacknowledged publishes above QoS 0; a 5.0 server may lower it
  uint32_t maximum_packet_size = protocol::Framer::kLargestPacket;  // what we accept; told in a 5.0 CONNECT when lower
  size_t output_limit = size_t{256} * 1024;  // publish() refuses while this many bytes or more wait to leave
};

}  // namespace mqtt_sim::client
