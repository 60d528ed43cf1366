// What a broker allows. Plain values with safe defaults; each limit, when reached, answers with the reason code named
// beside it and adds to a counter of Stats.
//
// Below 5.0 there is less to answer with. A CONNECT gets the return code nearest to the reason, a filter of a SUBSCRIBE
// 0x80. A PUBLISH that a limit or a rule refuses is acknowledged and dropped; one that uses a feature which is switched
// off ends the connection, the other way that [MQTT-3.3.5-2] of 3.1.1 leaves.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::broker {

class Rule;
class Authenticator;
class Gate;
class Witness;

// What to do when a session's queue is full.
enum class DropPolicy : uint8_t {
  newest,      // the arriving message is dropped
  oldest,      // the one that waits longest is
  disconnect,  // the client is cut off with 0x97, its session ended
};

// A broker that behaves like another system, for people who test clients; profile.hpp says how.
enum class Profile : uint8_t { standard, diffusion, mosca };

// What the profile mosca, which has no QoS 2, does with a PUBLISH at QoS 2.
enum class OnQos2Publish : uint8_t {
  ignore,        // nothing
  noack,         // takes the message and does not answer
  drop_to_qos1,  // takes it as one of QoS 1, PUBACK included
  disconnect,    // closes the connection
};

// How one of several ways in differs from the rest.
struct ListenerOptions {
  std::string name = "default";
  bool accepts_v3_1 = true;  // other levels: return code 1 or 0x84
  bool accepts_v3_1_1 = true;
  bool accepts_v5_0 = true;
  bool allow_anonymous = true;            // false here or in BrokerOptions: no user name that is known: 0x87
  uint32_t max_connections = UINT32_MAX;  // clients by this way: as that of BrokerOptions
  bool certificate_name_as_user = false;  // instead of what CONNECT says; a client without such a name: 0x86
};

struct BrokerOptions {
  // Connections.
  uint32_t max_connections = 1'000'000;  // clients by all ways; the CONNECT of one more: 0x97 or, below 5.0, code 3.
                                         // For that, a few more streams than this are accepted
  uint32_t max_half_open = 100'000;      // streams without an accepted CONNECT: one more is not accepted
  Duration connect_timeout = std::chrono::seconds(10);  // from stream to CONNECT; then closed
  Duration close_timeout = std::chrono::seconds(5);     // to take what waits after we wished to close; then reset
  bool allow_anonymous = true;                          // no user name, or none that anybody vouches for: 0x87
  uint16_t max_keep_alive_s = 0;                        // longer or none: told as server keep alive; 0: no limit

  // Packets.
  uint32_t max_packet_size = 2'000'005;     // of a whole packet from a client, fixed header included: 0x95
  uint16_t receive_maximum = 1024;          // QoS 1 and 2 messages from a 5.0 client under way: 0x93; at least 1
  uint16_t topic_alias_maximum = 16;        // aliases a 5.0 client may set: 0x94; also most we set
  uint32_t max_topic_length = 65'535;       // bytes of a name or filter: 0x90, 0x8F
  uint32_t max_topic_levels = 128;          // of a name or filter: 0x90, 0x8F
  uint32_t max_user_properties = 1'000;     // in one packet: 0x97
  uint16_t max_client_id_length = 65'535;   // bytes: 0x85
  uint16_t max_client_id_length_v3_1 = 23;  // of a 3.1 client, whose standard says 23: code 2

  // Features; what is off is told in CONNACK, and using it ends the connection with that reason.
  protocol::QoS max_qos = protocol::QoS::exactly_once;  // a PUBLISH or will above it: 0x9B; subscriptions are lowered
  bool retain_available = true;                         // a PUBLISH or will: 0x9A
  bool wildcard_available = true;                       // 0xA2
  bool shared_available = true;                         // 0x9E
  bool subscription_identifiers_available = true;       // 0xA1

  // Sessions.
  uint32_t max_sessions = 1'000'000;                  // connected or kept: 0x97
  uint32_t max_session_expiry_s = UINT32_MAX;         // longer is shortened and told; UINT32_MAX: no limit
  uint32_t max_subscriptions_per_client = 1'000'000;  // 0x97
  uint16_t max_inflight = 65'535;                     // unacknowledged to a 5.0 client, at most its receive maximum
  uint16_t max_inflight_below_v5 = 1024;              // the same for 3.x clients; the rest waits in the session
  uint32_t max_queued = 100'000;                      // messages waiting in a session, then `drop_policy`
  uint64_t max_queued_bytes = 64ull << 20;            // likewise
  DropPolicy drop_policy = DropPolicy::newest;
  bool queue_qos0 = false;            // for sessions whose client is away
  bool upgrade_outgoing_qos = false;  // deliver at the subscription's QoS even when the message came with a lower one
  Duration drain_timeout = std::chrono::seconds(60);  // with a full output of which nothing leaves: reset; 0: never
  uint64_t output_limit = 16ull << 20;                // bytes a connection may leave unread: QoS 0 is dropped above,
                                                      // QoS 1 and 2 wait; replies beyond twice that: reset

  // Retained messages: a PUBLISH that would pass these is refused whole. They reach a subscriber as fast as it reads,
  // however many they are: `output_limit` makes them wait, and they are not dropped.
  uint32_t max_retained = 1'000'000;           // 0x97
  uint64_t max_retained_bytes = 256ull << 20;  // 0x97

  Duration gate_timeout = std::chrono::seconds(5);  // for an answer of the gate: 0x88, a PUBLISH or filter 0x83
  uint32_t max_forwards = 65'536;            // messages, one for each receiver, that the gate is asked about at a time;
  uint64_t max_forward_bytes = 64ull << 20;  // the others wait in their sessions' queues: max_queued, drop_policy
  Duration sys_interval{};                   // between publications of the $SYS topics; 0: none
  Profile profile = Profile::standard;
  OnQos2Publish on_qos2_publish = OnQos2Publish::drop_to_qos1;  // of the profile mosca

  // They outlive the broker.
  std::vector<Rule*> rules = {};                    // asked in order
  std::vector<Authenticator*> authenticators = {};  // by their method; a CONNECT with another one: 0x8C
  Witness* witness = nullptr;                       // told what Broker::watch() names; none: connections keep less
  Gate* gate = nullptr;                             // asked what Broker::ask_about() names
};

}  // namespace mqtt_sim::broker
