// What a scripted client tells its script, and what the script orders: values that own what they hold, because they
// cross from the driver's thread to the script's and back. Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/client/event.hpp"
#include "core/client/state.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::load {

using Bytes = std::vector<uint8_t>;

inline Bytes copy_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// --- orders

struct PublishOrder {
  uint64_t cookie = 0;  // growing with each order of a client
  protocol::QoS qos{};
  bool retain = false;
  std::string topic;  // a valid name, or empty where the properties hold an alias
  std::string payload;
  Bytes properties;                                // encoded and checked
  protocol::PacketId packet_id = 0;                // where the script keeps the session; it is unique there
  Instant wanted = kNever;                         // when the script meant it to leave, where somebody measures that
  std::optional<Instant> intended = std::nullopt;  // to be stamped, with this as the time it was meant to leave
};

// A publish of a session that an earlier process has written down.
struct KeptPublish {
  PublishOrder order;
  bool was_sent = false;  // and may have arrived
  bool is_released = false;
};

struct SubscribeOrder {
  uint64_t cookie = 0;
  std::vector<std::pair<std::string, protocol::SubscriptionOptions>> entries;
  Bytes properties;
};

struct UnsubscribeOrder {
  uint64_t cookie = 0;
  std::vector<std::string> filters;
  Bytes properties;
};

using Order = std::variant<PublishOrder, SubscribeOrder, UnsubscribeOrder>;

// --- notes

struct StateNote {
  client::State from;
  client::State to;
};

struct ConnectedNote {
  bool session_present;
  std::string client_id;  // assigned by the server or ours
  Bytes properties;
  Opening opening{};
  Instant connect_sent{};
};

struct RefusedNote {
  protocol::ReasonCode reason;
  uint8_t code;  // as on the wire
  Bytes properties;
};

struct EndedNote {
  client::EndCause cause;
  CloseReason close;
  protocol::ReasonCode reason;
  std::string text;    // what happened, in words
  std::string detail;  // what the driver knows beyond that
  bool was_connected;
  bool is_final;  // no further attempt follows
  Bytes properties;
};

// A received message in one block: topic, properties, payload.
struct MessageNote {
  std::string block;
  uint32_t topic_size = 0;
  uint32_t properties_size = 0;
  protocol::QoS qos{};
  bool retain = false;
  bool dup = false;
  protocol::PacketId packet_id = 0;
  uint64_t token = 0;                              // for acknowledging by hand, else 0
  std::optional<Duration> latency = std::nullopt;  // of a message with a stamp of this run, which was taken away

  std::string_view topic() const { return std::string_view(block).substr(0, topic_size); }
  std::string_view properties() const { return std::string_view(block).substr(topic_size, properties_size); }
  std::string_view payload() const {
    return std::string_view(block).substr(size_t{topic_size} + size_t{properties_size});
  }
};

enum class Settlement : uint8_t {
  written,       // QoS 0: the bytes have left
  acknowledged,  // PUBACK or PUBCOMP, `reason` says how
  refused,       // this server does not take it; `text` says why
  lost,          // the connection or the session is gone, and it may or may not have arrived
  closed,        // the client has ended before it could be sent
  left,          // the client has ended; its session may last, and with it the exchange
};
struct SettledNote {
  uint64_t cookie;
  Settlement how;
  protocol::ReasonCode reason = protocol::ReasonCode::success;
  std::string text{};
  Bytes properties{};
};

// SUBACK or UNSUBACK, or the news that none will come.
struct AnsweredNote {
  uint64_t cookie;
  bool is_closed = false;  // the client has ended before the answer
  Bytes codes{};           // one for each filter; none for an UNSUBACK below 5.0
  Bytes properties{};
};

struct AuthNote {
  protocol::ReasonCode reason;
  std::string data;
};

// One packet on the wire, while tracing is on. Nothing of its content but what identifies it.
struct TraceNote {
  bool is_sent;
  uint8_t first;  // packet type and flags
  uint32_t size;  // of the body
  protocol::PacketId packet_id = 0;
  std::string topic{};
  int reason = -1;
};

// Where the script keeps the session: a publish above QoS 0 goes out.
struct SentNote {
  uint64_t cookie;
};

// Where the script keeps the session: an exchange of QoS 2 waits for ScriptedClient::continue_exchange().
struct AdvancedNote {
  protocol::PacketType received;
  protocol::PacketId packet_id;
};

struct DroppedNote {};  // stands where a message was that the inbox had no room for

using Note = std::variant<DroppedNote, StateNote, ConnectedNote, RefusedNote, EndedNote, MessageNote, SettledNote,
                          AnsweredNote, AuthNote, TraceNote, SentNote, AdvancedNote>;

}  // namespace mqtt_sim::load
