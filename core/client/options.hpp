// How a client connects and what it promises: one immutable value shared by every client of a group, so that a client
// itself stays small. Owned by whoever makes the clients; must outlive them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

using UserProperties = std::vector<std::pair<std::string, std::string>>;  // names and values, in their order

struct WillOptions {
  std::string topic;
  std::string payload;
  protocol::QoS qos{};
  bool retain = false;
  protocol::PropertyWriter properties{};  // will delay, expiry, content type, ...; 5.0 only
};

// Enhanced authentication (section 4.12); 5.0 only. With the method "SCRAM-SHA-256" the client runs the exchange and
// checks the server; any other is its owner's, by AuthReceived and authenticate().
struct AuthenticationOptions {
  std::string method;
  std::string user_name{};  // of SCRAM
  std::string password{};
  std::string data{};  // of another method: goes out with CONNECT

  bool is_scram() const;
};

// What stands for a topic in a 5.0 PUBLISH, where the server allows topic aliases.
enum class TopicAliasMode : uint8_t {
  off,        // an alias that the owner gives is refused
  by_owner,   // those that the owner puts into the properties; one that the server could not resolve is refused
  automatic,  // the client gives them out; the least recently used one makes room
};

enum class ReconnectJitter : uint8_t {
  none,  // the same wait before each attempt
  full,  // drawn evenly between nothing and a ceiling that doubles with each failure, up to reconnect_period_max
};

struct ClientOptions {
  protocol::ProtocolVersion version = protocol::ProtocolVersion::v3_1_1;
  // Asked for by connect(). A reconnect of its own resumes a 5.0 session that outlives its stream (session expiry > 0).
  bool clean_start = true;
  uint32_t session_expiry_interval_s = 0;               // 5.0 only
  uint16_t keep_alive_s = 60;                           // 0: off
  Duration connect_timeout = std::chrono::seconds(30);  // from the attempt to open the stream to CONNACK
  Duration reconnect_period{0};                         // 0: a lost connection stays closed
  Duration reconnect_period_max = std::chrono::seconds(30);
  ReconnectJitter reconnect_jitter = ReconnectJitter::none;
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  std::optional<WillOptions> will;
  uint16_t receive_maximum = 65535;    // told in a 5.0 CONNECT when lower; a server that sends more is left
  uint16_t in_flight_maximum = 65535;  // most unacknowledged publishes above QoS 0; a 5.0 server may lower it
  uint32_t maximum_packet_size = protocol::Framer::kLargestPacket;  // what we accept; told in a 5.0 CONNECT when lower
  size_t output_limit = size_t{256} * 1024;  // publish() refuses while this many bytes or more wait to leave

  // 5.0 only.
  uint16_t topic_alias_maximum = 0;  // aliases that the server may use; each costs us a topic
  TopicAliasMode topic_alias_mode = TopicAliasMode::by_owner;
  uint16_t sent_topic_alias_maximum = 32;  // most that TopicAliasMode::automatic gives out; a server may lower it
  bool request_problem_information = true;
  bool request_response_information = false;
  UserProperties user_properties{};  // of CONNECT
  std::optional<AuthenticationOptions> authentication{};
  // A session that the server has and this client knows nothing of: taken over with nothing in flight, or left as
  // [MQTT-3.2.2-4] asks.
  bool adopts_session = false;
  // Whether a text payload has to be one: a publish that is none is refused, a received one ends the connection.
  bool checks_payload_format = false;
  // Whether a message above QoS 0 waits for its owner's acknowledge() instead of being answered when it is polled.
  bool acknowledges_by_owner = false;
  // Whether the owner writes the session down, so that it outlives the process. Then each publish above QoS 0 brings
  // its packet identifier, at most Inflight::kLargestWindow, and an exchange of QoS 2 waits at PUBREC and PUBREL until
  // continue_exchange(): how far it has come is written before the other side is told.
  bool session_of_owner = false;
};

}  // namespace mqtt_sim::client
