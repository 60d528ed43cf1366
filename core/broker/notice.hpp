// What happens in a broker, told while it happens to one Witness, on the broker's thread, from inside the call that did
// it: who came and went, what was subscribed, published and acknowledged. Only the kinds that Broker::watch() names are
// told; a kind that nobody has asked for costs a test of one bit. A Witness copies what it wants and touches nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"
#include "core/protocol/reason_code.hpp"

namespace mqtt_sim::broker {

class Connection;

enum class NoticeKind : uint8_t {
  client,              // a CONNECT was accepted and is about to be answered
  connack_sent,        // also when it says no: `reason`, `flag`: session present
  connected,           // after CONNACK and what had waited for the client
  disconnecting,       // its session and subscriptions are still there: `cause`
  disconnected,        // all is over, its will was published or kept: `cause`
  subscribed,          // the filters of one SUBSCRIBE that were granted: `filters`
  unsubscribed,        // likewise; also when a session ends with its connection
  published,           // a message was routed: `publish`; of nobody when it came from the owner
  sys_published,       // likewise, by the broker itself below $SYS
  acknowledged,        // a client has answered a message of QoS 1 or 2 with PUBACK or PUBREC: `publish`
  ping,                // PINGREQ
  keep_alive_timeout,  // before `failed`
  failed,              // a client, or a stream on the way to one, is ended for what it did: `reason`, `text`
};

class NoticeKinds {
 public:
  constexpr NoticeKinds() = default;
  constexpr explicit NoticeKinds(uint32_t bits) : bits_(bits) {}
  constexpr bool has(NoticeKind kind) const { return (bits_ & bit(kind)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr void add(NoticeKind kind) { bits_ |= bit(kind); }

 private:
  static constexpr uint32_t bit(NoticeKind kind) { return 1u << static_cast<unsigned>(kind); }
  uint32_t bits_ = 0;
};

// Why a client is gone.
enum class EndCause : uint8_t {
  socket,      // its stream ended or broke
  disconnect,  // it said DISCONNECT
  keep_alive,  // nothing came for one and a half times its keep alive
  takeover,    // the same client identifier connected again
  protocol,    // it broke a rule of MQTT or a limit
  refused,     // what it wanted was refused in a way that ends the connection
  slow,        // it did not read
  shutdown,    // the broker ends
  owner,       // the owner wanted it
};
std::string_view to_string(EndCause);

// One client that is, or was until now, connected. Views last for the call.
struct ClientFacts {
  uint64_t number = 0;  // of the connection; never used again
  std::string_view client_id = {};
  std::optional<std::string_view> user_name = std::nullopt;
  std::string_view address = {};
  std::string_view listener = {};
  protocol::ProtocolVersion version{};
  bool clean_start = false;
  uint16_t keep_alive_s = 0;
};

// Views last for the call. Members that the kind does not have are empty.
struct Notice {
  NoticeKind kind{};
  const Connection* connection = nullptr;                  // of the client, if it is about one
  const protocol::Publish* publish = nullptr;              // as it is, or was, on its way
  std::span<const protocol::SubscribeEntry> filters = {};  // with what was granted
  protocol::ReasonCode reason = protocol::ReasonCode::success;
  EndCause cause{};
  bool flag = false;
  std::string_view text = {};
};

class Witness {
 public:
  virtual ~Witness() = default;
  virtual void on_notice(const Notice&, Instant now) = 0;
};

}  // namespace mqtt_sim::broker
