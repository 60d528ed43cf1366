// One client's session (section 4.1): its subscriptions, the messages under way to it, the QoS 2 identifiers under way
// from it, and its will. It lives in the SessionRegistry from an accepted CONNECT to its expiry. While the client is
// connected everything is here; while it is away the messages are in the Store and here remain the subscriptions, which
// the index points to, and how much is waiting.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/broker/forwarding.hpp"
#include "core/broker/outgoing.hpp"
#include "core/broker/packet_id_set.hpp"
#include "core/broker/retained_feed.hpp"
#include "core/broker/subscription_index.hpp"

namespace mqtt_sim::broker {

class Connection;

// The will of section 3.1.2.5, as it will be published.
struct StoredWill {
  explicit StoredWill(const protocol::Will&);
  protocol::Publish publish() const;  // views into this

  uint32_t delay_s = 0;

 private:
  std::string topic_;
  std::vector<uint8_t> payload_;
  protocol::PropertyWriter properties_;  // those of a PUBLISH: the delay is not among them
  protocol::QoS qos_;
  bool retain_;
};

// The filters a client asked for, where rules put others in their place: what UNSUBSCRIBE then means.
struct AskedFilters {
  std::map<std::string, std::string, std::less<>> granted;  // by the filter asked for
  std::map<std::string, uint32_t, std::less<>> count;       // how many lead to a granted one
};

struct Session {
  explicit Session(std::string_view id, uint64_t serial_) : serial(serial_), client_id(id) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Outgoing& make_outgoing() {
    if (!outgoing) {
      outgoing = std::make_unique<Outgoing>();
      outgoing->start(window);
    }
    return *outgoing;
  }
  Forwarding& make_forwarding() {
    if (!forwarding) forwarding = std::make_unique<Forwarding>();
    return *forwarding;
  }
  PacketIdSet& make_received() {
    if (!received) received = std::make_unique<PacketIdSet>();
    return *received;
  }
  std::optional<std::string_view> user_name_view() const {
    return user_name ? std::optional<std::string_view>(*user_name) : std::nullopt;
  }

  Connection* connection = nullptr;  // while the client is connected
  uint64_t resolved = 0;             // the resolution of a route that saw this session last, and its place there
  uint32_t resolved_place = 0;
  uint32_t expiry_s = 0;  // session expiry interval: 0 ends with the connection, UINT32_MAX never
  uint16_t window = 0;    // messages to the client that may be unacknowledged on this connection
  const uint64_t serial;  // order of creation, which breaks ties of time
  const std::string client_id;
  std::map<std::string, Subscription, std::less<>> subscriptions;  // by filter
  std::unique_ptr<AskedFilters> asked;                             // none before a rule changed one
  std::unique_ptr<Outgoing> outgoing;                              // none before the first QoS 1 or 2 message
  std::unique_ptr<Forwarding> forwarding;                          // none before the gate was asked about a message
  std::unique_ptr<RetainedFeed> retained_feed;                     // none unless retained messages wait for room
  std::unique_ptr<PacketIdSet> received;                           // none before the first QoS 2 message
  std::unique_ptr<StoredWill> will;
  std::unique_ptr<std::string> user_name;  // kept only when there are rules

  // While the client is away.
  bool is_kept = false;  // in the store; neither connected nor kept is a session that is just ending
  Instant expires = kNever;
  Instant will_due = kNever;
  Instant due = kNever;        // the earlier of the two: its place in the registry's timetable
  uint32_t kept_messages = 0;  // queued ones in the store
  uint64_t kept_bytes = 0;
};

}  // namespace mqtt_sim::broker
