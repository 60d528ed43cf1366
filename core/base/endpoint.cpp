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
  }
  return "unknown";
}

}  // namespace mqtt_sim::inline base
