// What a broker has counted since it began, and what it holds now. Plain values.
#pragma once

#include <array>
#include <cstdint>

#include "core/protocol/reason_code.hpp"

namespace mqtt_sim::broker {

struct Stats {
  // Now.
  uint64_t connections = 0;  // streams
  uint64_t half_open = 0;    // of them, without an accepted CONNECT yet
  uint64_t clients = 0;      // with an accepted CONNECT
  uint64_t sessions = 0;     // connected or kept
  uint64_t subscriptions = 0;
  uint64_t shared_subscriptions = 0;  // of them
  uint64_t retained = 0;
  uint64_t retained_bytes = 0;

  // Since the beginning.
  uint64_t connections_total = 0;
  uint64_t clients_total = 0;
  uint64_t clients_maximum = 0;  // most at one time
  uint64_t packets_in = 0;
  uint64_t packets_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;          // taken by the driver
  uint64_t messages_in = 0;        // PUBLISH received
  uint64_t messages_out = 0;       // PUBLISH put out, repetitions included
  uint64_t messages_resent = 0;    // of those, with DUP
  uint64_t payload_bytes_in = 0;   // of messages_in
  uint64_t payload_bytes_out = 0;  // of messages_out
  uint64_t wills = 0;              // published
  uint64_t queued = 0;             // QoS 1 and 2 messages that had to wait: window or output full, or client away
  uint64_t retained_expired = 0;
  uint64_t sessions_expired = 0;  // while the client was away; also when that was by queue_full_ended

  // Dropped messages, by cause; each counts once for each subscriber that misses it.
  uint64_t dropped_slow = 0;        // QoS 0 to a connection over its output limit
  uint64_t dropped_queue_full = 0;  // session queue at max_queued or max_queued_bytes; the newest or the oldest
  uint64_t dropped_absent = 0;      // QoS 0 for a client that is away
  uint64_t dropped_expired = 0;     // message expiry interval
  uint64_t dropped_too_large = 0;   // over the client's maximum packet size
  uint64_t dropped_by_rule = 0;
  uint64_t dropped_session_end = 0;  // waiting in a session that ended

  // Limits reached, by option. What is beyond max_packet_size, receive_maximum and topic_alias_maximum is in `errors`.
  uint64_t refused_connections = 0;  // max_connections, of the broker or a listener; or shutting down
  uint64_t refused_half_open = 0;    // max_half_open
  uint64_t refused_levels = 0;       // protocol levels that a listener does not take
  uint64_t refused_sessions = 0;     // max_sessions
  uint64_t refused_client_ids = 0;   // max_client_id_length
  uint64_t refused_user_properties = 0;
  uint64_t refused_topic_lengths = 0;       // names and filters
  uint64_t refused_topic_levels = 0;        // likewise
  uint64_t refused_features = 0;            // max_qos, and what is not available
  uint64_t refused_subscription_count = 0;  // max_subscriptions_per_client
  uint64_t refused_retained = 0;            // max_retained, max_retained_bytes
  uint64_t connect_timeouts = 0;
  uint64_t handshakes_failed = 0;  // streams that ended before the broker was told of them: PROXY header, TLS, upgrade,
                                   // or no byte at all; counted by who carries the streams
  uint64_t keep_alive_timeouts = 0;
  uint64_t close_timeouts = 0;    // peer did not take our last bytes
  uint64_t drain_timeouts = 0;    // peer did not read at all
  uint64_t slow_closed = 0;       // replies beyond twice the output limit
  uint64_t queue_full_ended = 0;  // sessions ended by DropPolicy::disconnect
  uint64_t gate_timeouts = 0;     // packets refused because the gate did not answer
  uint64_t taken_over = 0;

  // All that was refused, for whatever reason, by packet.
  uint64_t refused_connects = 0;  // CONNECT answered with a failure
  uint64_t refused_publishes = 0;
  uint64_t refused_subscriptions = 0;

  // Streams ended because of the peer, by the reason code of what it did.
  std::array<uint64_t, 256> errors{};

  uint64_t errors_of(protocol::ReasonCode reason) const { return errors[static_cast<uint8_t>(reason)]; }
};

}  // namespace mqtt_sim::broker
