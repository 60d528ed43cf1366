// What a NetDriver counted since it was made. A plain value; read it on the driver's thread, or between two
// calls of run_until().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/endpoint.hpp"

namespace mqtt_sim::net {

// One way in which streams failed other than by the network: certificates, upgrades, broken rules.
struct NetFailure {
  CloseReason reason;
  std::string text;  // one line
  uint64_t count = 0;
};

struct NetStats {
  static constexpr size_t kFailureLimit = 32;  // different ones that are told apart; the others share one entry

  uint64_t accepted = 0;            // streams that arrived, refused ones included
  uint64_t accept_errors = 0;       // accept() failed, most often for want of descriptors
  uint64_t connects_started = 0;    // openings begun; trying another address or source is not another opening
  uint64_t connects_failed = 0;     // openings that ended without a stream; those the endpoint withdrew do not count
  uint64_t handshakes_refused = 0;  // arrived streams that never reached the service: TLS, upgrade, limits, time
  uint64_t tls_handshakes = 0;      // completed, both directions
  uint64_t tls_resumed = 0;         // those of them that went on with an earlier session
  uint64_t bytes_in = 0;            // of the sockets, with all that TLS and WebSocket add
  uint64_t bytes_out = 0;
  uint64_t reads = 0;   // recv calls that brought bytes
  uint64_t writes = 0;  // send calls that took bytes
  uint64_t turns = 0;   // turns of the loop
  std::vector<NetFailure> failures = {};
};

}  // namespace mqtt_sim::net
