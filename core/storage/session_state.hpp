// What is kept of a client while it is away (session state, section 4.1), as plain data that a store can write down:
// its subscriptions, the messages under way to it, and the packet identifiers of QoS 2 messages it has begun to send.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/shared_bytes.hpp"
#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"
#include "core/storage/message.hpp"

namespace mqtt_sim::storage {

// How far one message has come on its way to one client.
enum class Stage : uint8_t {
  queued,     // has no packet identifier yet
  resend,     // has one and was sent on an earlier connection: to be sent again, DUP 1
  published,  // PUBLISH sent on this connection, PUBACK or PUBREC awaited
  released,   // PUBREL sent, PUBCOMP awaited
  done,       // acknowledged; only keeps the place of its identifier
};

// One message on its way to one client.
struct Delivery {
  Message message = {};
  SharedBytes identifiers = {};  // encoded subscription identifier properties; empty for most
  protocol::PacketId packet_id = 0;
  protocol::QoS qos = protocol::QoS::at_least_once;
  Stage stage = Stage::queued;
  bool retain = false;
  bool uses_quota = false;  // counts against the receive maximum of the connection
};

struct SavedSubscription {
  std::string filter;  // as subscribed, `$share/...` included
  protocol::SubscriptionOptions options;
  uint32_t identifier = 0;  // 0: none
};

struct SessionState {
  Instant expires = kNever;
  std::vector<SavedSubscription> subscriptions;
  std::vector<Delivery> in_flight;           // in the order of their first sending
  std::vector<Delivery> queued;              // in order of arrival
  std::vector<protocol::PacketId> received;  // QoS 2 identifiers from the client that await PUBREL
  protocol::PacketId next_packet_id = 1;
  std::optional<std::string> user_name = std::nullopt;  // of the client, when the broker has rules that may ask for it
};

}  // namespace mqtt_sim::storage
