// How a NetDriver opens streams. Plain values from the Plan.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.hpp"

namespace mqtt_sim::net {

struct NetOptions {
  uint32_t connects_in_progress_limit = 64;  // for each target; the rest wait in order
  double connect_rate_per_s = 0;             // for each target; 0 = as fast as the limit above allows

  // Local addresses to connect from, IP literals, used in turn. Empty: the system chooses, and when a loopback target
  // has no port left for 127.0.0.1, 127.0.0.2 and its successors are used.
  std::vector<std::string> source_addresses;

  Duration handshake_limit = std::chrono::seconds(10);  // for TLS and the WebSocket upgrade of an outbound stream
  uint64_t websocket_frame_limit = 64 * 1024 * 1024;    // of frames from a server
};

}  // namespace mqtt_sim::net
