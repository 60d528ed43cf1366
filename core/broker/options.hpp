// What a broker allows. Plain values with safe defaults; each limit, when reached, answers with the reason code named
// beside it and adds to a counter of Stats. Below 5.0, where a PUBLISH cannot be refused, it is acknowledged and
// dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/base/time.hpp"

namespace mqtt_sim::broker {

class Rule;

struct BrokerOptions {
  // Connections.
  uint32_t max_connections = 1'000'000;                 // one more is not accepted
  Duration connect_timeout = std::chrono::seconds(10);  // from stream to CONNECT; then closed
  Duration close_timeout = std::chrono::seconds(5);     // to take what waits after we wished to close; then reset
  bool allow_anonymous = true;                          // no user name: 0x87
  uint16_t max_keep_alive_s = 0;                        // longer or none: told as server keep alive; 0: no limit

  // Packets.
  uint32_t max_packet_size = 2'000'005;  // of a whole packet from a client, fixed header included: 0x95
  uint16_t receive_maximum = 1024;       // QoS 1 and 2 messages from a 5.0 client under way: 0x93; at least 1
  uint16_t topic_alias_maximum = 16;     // aliases a 5.0 client may set: 0x94; also most we set
  uint32_t max_topic_length = 65'535;    // bytes of a name or filter: 0x90, 0x8F
  uint32_t max_topic_levels = 128;       // of a name or filter: 0x90, 0x8F

  // Sessions.
  uint32_t max_sessions = 1'000'000;                  // connected or kept: 0x97
  uint32_t max_session_expiry_s = UINT32_MAX;         // longer is shortened and told; UINT32_MAX: no limit
  uint32_t max_subscriptions_per_client = 1'000'000;  // 0x97
  uint16_t max_inflight = 65'535;                     // unacknowledged to a 5.0 client, at most its receive maximum
  uint16_t max_inflight_below_v5 = 1024;              // the same for 3.x clients; the rest waits in the session
  uint32_t max_queued = 100'000;                      // messages waiting in a session: the newest is dropped
  uint64_t max_queued_bytes = 64ull << 20;            // likewise
  uint64_t output_limit = 16ull << 20;                // bytes a connection may leave unread: QoS 0 is dropped above,
                                                      // QoS 1 and 2 wait; replies beyond twice that: reset

  // Retained messages: a PUBLISH that would pass these is refused whole.
  uint32_t max_retained = 1'000'000;           // 0x97
  uint64_t max_retained_bytes = 256ull << 20;  // 0x97

  std::vector<Rule*> rules = {};  // asked in order; they outlive the broker
};

}  // namespace mqtt_sim::broker
