#include "core/base/endpoint.hpp"

namespace mqtt_sim::inline base {

const char* to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::local: return "closed here";
    case CloseReason::peer: return "closed by peer";
    case CloseReason::reset: return "connection reset";
    case CloseReason::refused: return "connection refused";
    case CloseReason::unreachable: return "host unreachable";
    case CloseReason::no_ports: return "no local ports left";
    case CloseReason::descriptors: return "no file descriptors left";
    case CloseReason::tls_failed: return "TLS failed";
    case CloseReason::upgrade_refused: return "WebSocket upgrade refused";
    case CloseReason::timed_out: return "handshake timed out";
    case CloseReason::breach: return "WebSocket rules broken by peer";
  }
  return "unknown";
}

}  // namespace mqtt_sim::inline base
